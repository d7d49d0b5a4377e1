"""NUTS against other ways to the same posterior; the PyMC model against the equations."""

import pickle
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from importlib.util import find_spec
from itertools import count

import cloudpickle
import numpy as np
import pytest
from scipy import stats

from clvmodels.errors import FitError, SettingError
from clvmodels.inference import nuts as module
from clvmodels.inference.arviz_io import Mixing, load
from clvmodels.inference.fit import fit
from clvmodels.inference.methods import Laplace
from clvmodels.inference.mode import find_mode
from clvmodels.inference.nuts import NUTS, as_pymc
from clvmodels.inference.objective import Objective
from clvmodels.inference.prior import Gamma, LogNormal, Prior
from clvmodels.inference.verdict import Outcome
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.gamma_gamma import GammaGamma
from clvmodels.models.mbg_nbd import MBGNBD
from clvmodels.models.nbd import NBD
from clvmodels.models.parametric import Parametric, unknown
from clvmodels.models.pareto_nbd import ParetoNBD
from clvmodels.models.specification import Derivatives, Evidence, Hessians, Parameter

MODELS = [BGNBD(), MBGNBD(), NBD(), GammaGamma(), ParetoNBD()]

pytestmark = [
    pytest.mark.filterwarnings("ignore:Numba will use object mode:UserWarning"),  # PyMC 6 says how it calls equations
    pytest.mark.filterwarnings("ignore:PyTensor could not link to a BLAS:UserWarning"),  # a matter of the machine
]
SAMPLERS = [
    pytest.param("nutpie", marks=pytest.mark.skipif(not find_spec("nutpie"), reason="nutpie is not installed")),
    "pymc",
]
# PyMC compiles and starts a process for every chain, ten seconds a test: by default it samples one model.
NUTPIE_AND_IN_LONG_RUNS_PYMC = [SAMPLERS[0], pytest.param("pymc", marks=pytest.mark.long)]


def logs(model):
    return np.log(np.column_stack([np.ravel(value) for value in model.values().values()]))


@dataclass(frozen=True, eq=False, repr=False)
class Pair(Parametric):
    """A model of nothing but a form: the data say that the logarithms of u and v are as ``form`` has them."""

    u: float = unknown()
    v: float = unknown()

    name = "Pair"
    kind = "purchases"
    parameters = (Parameter("u"), Parameter("v"))
    start = (1.0, 1.0)

    def learn(self, rfm):
        nobody = np.zeros(1, dtype=int)
        return Evidence({"x": np.zeros(1)}, np.ones(1), nobody, nobody, measured=())

    def log_likelihood(self, x):
        return self.form(*np.log(np.broadcast_arrays(self.u, self.v)))

    def derivatives(self, x):
        """By differences: good to 1e-9, which a sampler does not feel."""
        at, h = np.array([self.u, self.v]), 1e-4

        def value(u, v):
            return self.form(np.log(u), np.log(v))

        steps = np.eye(2) * h
        slope = [(value(*(at * np.exp(s))) - value(*(at * np.exp(-s)))) / (2 * h) for s in steps]
        score = np.array(slope) / at

        def second():
            bend = [
                [
                    (
                        value(*(at * np.exp(s + t)))
                        - value(*(at * np.exp(s - t)))
                        - value(*(at * np.exp(t - s)))
                        + value(*(at * np.exp(-s - t)))
                    )
                    / (4 * h * h)
                    for t in steps
                ]
                for s in steps
            ]
            hessian = (np.array(bend) - np.diag(slope)) / np.outer(at, at)
            return Hessians({(i, j): hessian[i, j, None] for i, j in ((0, 0), (0, 1), (1, 1))})

        return Derivatives(np.array([value(*at)]), score[:, None], second)


CENTRE, SD, CORRELATION = np.array([1.0, -2.0]), np.array([0.3, 0.02]), -0.9


class Gaussian(Pair):
    """Logarithms that are Normal and strongly correlated."""

    @staticmethod
    def form(u, v):
        s, t = (u - CENTRE[0]) / SD[0], (v - CENTRE[1]) / SD[1]
        return -0.5 * (s**2 - 2 * CORRELATION * s * t + t**2) / (1 - CORRELATION**2)


class TwoModes(Pair):
    """Two narrow modes, far apart: no chain crosses."""

    @staticmethod
    def form(u, v):
        return np.logaddexp(-0.5 * ((u - 1.2) / 0.1) ** 2, -0.5 * ((u + 1.2) / 0.1) ** 2) - 0.5 * v**2


def sampled(specification, method, seed=0):
    likelihood = Objective(specification, specification.learn(None))
    mode = find_mode(likelihood, likelihood.space.phi(specification.start))
    return method.infer(likelihood, mode, np.random.default_rng(seed))


VAGUE = Prior(others=LogNormal(1.0, spread=300.0))


@pytest.mark.parametrize("sampler", NUTPIE_AND_IN_LONG_RUNS_PYMC)
def test_the_draws_of_a_known_gaussian_have_its_moments_and_quantiles(sampler) -> None:
    found = sampled(Gaussian(), NUTS(draws=2000, prior=VAGUE, sampler=sampler))
    assert found.verdict.ok, found.verdict
    z = (found.phi - CENTRE) / SD
    error = 4 / np.sqrt(found.diagnostics["ess_tail"])
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=error)
    np.testing.assert_allclose(z.std(axis=0), 1, atol=error)
    assert np.corrcoef(z.T)[0, 1] == pytest.approx(CORRELATION, abs=0.03)
    for probability in (0.05, 0.5, 0.95):
        share = (z < stats.norm.ppf(probability)).mean(axis=0)
        np.testing.assert_allclose(share, probability, atol=error * 0.5)


def agree(draws, exact, ess):
    """Compare means, spreads and quantiles, within 4.5 standard errors of both samples."""
    sd, error = exact.std(axis=0), 4.5 * np.sqrt(1 / ess + 1 / (0.75 * len(exact)))
    assert (np.abs(draws.mean(axis=0) - exact.mean(axis=0)) < error * sd).all()
    np.testing.assert_allclose(draws.std(axis=0), sd, rtol=error)
    for probability in (0.05, 0.95):
        share = (draws < np.quantile(exact, probability, axis=0)).mean(axis=0)
        np.testing.assert_allclose(share, probability, atol=error * np.sqrt(0.05 * 0.95))


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_nuts_and_laplace_find_the_same_posterior(sampler, cdnow_rfm) -> None:
    exact = logs(fit(BGNBD, cdnow_rfm, Laplace(draws=10_000)).draws)
    found = fit(BGNBD, cdnow_rfm, NUTS(draws=1000, sampler=sampler), seed=1)
    assert found.verdict.ok, found.verdict
    assert found.diagnostics["divergences"] == 0
    assert set(found.by_parameter["r_hat"]) == {"r", "alpha", "a", "b"}
    assert {sampler, "arviz"} <= set(found.versions)
    agree(logs(found.draws), exact, min(found.diagnostics["ess_tail"], 2000))


@pytest.mark.long
@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("specification", MODELS, ids=repr)
def test_every_model_mixes_and_agrees_with_laplace_by_the_seed_of_the_week(specification, sampler, cdnow_rfm) -> None:
    exact = logs(fit(specification, cdnow_rfm, Laplace(draws=20_000)).draws)
    seed = date.today().isocalendar().week % 20
    found = fit(specification, cdnow_rfm, NUTS(draws=2000, sampler=sampler), seed=seed)
    assert found.verdict.ok, found.verdict
    agree(logs(found.draws), exact, min(found.diagnostics["ess_tail"], 2000))


def test_a_prior_with_a_scale_of_its_own_is_the_same_prior_for_both_methods(cdnow_rfm) -> None:
    prior = Prior({"r": Gamma(4.0, mean=0.2), "alpha": LogNormal(2.0, 0.1)}, others=LogNormal(1.0, 0.5), scale=4.35)
    exact = logs(fit(BGNBD, cdnow_rfm, Laplace(draws=10_000, prior=prior)).draws)
    found = fit(BGNBD, cdnow_rfm, NUTS(draws=1000, prior=prior))
    agree(logs(found.draws), exact, min(found.diagnostics["ess_tail"], 2000))


@pytest.mark.parametrize("sampler", NUTPIE_AND_IN_LONG_RUNS_PYMC)
def test_the_draws_follow_from_the_seed(sampler) -> None:
    method = NUTS(draws=100, chains=2, tune=50, prior=VAGUE, sampler=sampler)
    one, same, other = (sampled(Gaussian(), method, seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one.phi, same.phi)
    assert not np.isin(one.phi, other.phi).any()


def test_nutpie_gives_the_same_draws_on_any_number_of_cores(monkeypatch) -> None:
    nutpie = pytest.importorskip("nutpie", reason="nutpie is not installed")
    method, sample = NUTS(draws=100, tune=50, prior=VAGUE, sampler="nutpie"), nutpie.sample
    one = sampled(Gaussian(), method)
    monkeypatch.setattr(nutpie, "sample", lambda *a, **k: sample(*a, **{**k, "cores": 2}))
    np.testing.assert_array_equal(sampled(Gaussian(), method).phi, one.phi)


@pytest.mark.parametrize("sampler", NUTPIE_AND_IN_LONG_RUNS_PYMC)
def test_chains_that_sit_on_different_modes_are_a_bad_verdict_that_names_the_remedy(sampler) -> None:
    found = sampled(TwoModes(), NUTS(draws=1000, chains=4, tune=50, prior=VAGUE, sampler=sampler), seed=2)
    assert found.verdict.outcome is Outcome.POOR_MIXING
    assert str(found.verdict).startswith("The chains do not agree. R-hat is ")
    assert "R-hat above 1.01" in found.verdict.detail
    assert "Tune and draw for longer" in found.verdict.detail
    assert found.by_parameter["r_hat"]["u"] == found.diagnostics["r_hat"] > 1.1


def judged(phi, divergences=0):
    return module._judge(Mixing.of({"u": phi[..., 0]}), module.Chains(phi, divergences))


def test_the_verdict_looks_at_r_hat_effective_draws_and_divergences() -> None:
    rng = np.random.default_rng(0)
    good = rng.standard_normal((4, 500, 1))
    assert judged(good).ok
    assert judged(good, divergences=20).ok
    assert "Divergences above 1%" in judged(good, divergences=21).detail
    slow = np.cumsum(rng.standard_normal((4, 500, 1)), axis=1)
    assert "and fewer than 400 effective draws cannot be trusted" in judged(slow).detail
    assert judged(np.ones((4, 500, 1))).outcome is Outcome.POOR_MIXING
    assert judged(np.full((4, 500, 1), np.nan)).outcome is Outcome.POOR_MIXING
    assert judged(good[:, :3]).outcome is Outcome.POOR_MIXING


def test_draws_are_taken_evenly_draw_by_draw_with_chains_inside(monkeypatch) -> None:
    def numbered(settings, _start, draws, _rng):
        chain, draw = np.meshgrid(np.arange(settings.chains), np.arange(draws), indexing="ij")
        return module.Chains(np.stack([chain, draw], axis=-1).astype(float), 0)

    monkeypatch.setattr(module, "_by_pymc", numbered)
    phi = sampled(Gaussian(), NUTS(draws=6, chains=3, sampler="pymc")).phi
    np.testing.assert_array_equal(phi, [[c, d] for d in (499, 999) for c in (0, 1, 2)])
    phi = sampled(Gaussian(), NUTS(draws=3600, chains=3, sampler="pymc")).phi
    np.testing.assert_array_equal(phi, [[c, d] for d in range(1200) for c in (0, 1, 2)])


def test_an_interrupt_that_a_sampler_swallows_is_one_all_the_same(monkeypatch) -> None:
    def swallowing(*_):
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        raise AssertionError

    monkeypatch.setattr(module, "_by_pymc", swallowing)
    with pytest.raises(KeyboardInterrupt):
        sampled(Gaussian(), NUTS(sampler="pymc"))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("sampler", NUTPIE_AND_IN_LONG_RUNS_PYMC)
def test_an_interrupt_ends_sampling(monkeypatch, sampler) -> None:
    steps, gradient = count(), module.Coordinates.gradient

    def interrupted(self, x):
        if next(steps) == 100:
            signal.raise_signal(signal.SIGINT)
        return gradient(self, x)

    monkeypatch.setattr(module.Coordinates, "gradient", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sampled(Gaussian(), NUTS(draws=4000, prior=VAGUE, sampler=sampler))
    assert next(steps) < 2000


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"draws": 0}, "draws=0 is not"),
        ({"draws": 10.0}, "draws=10.0 is not"),
        ({"chains": True}, "chains=True is not"),
        ({"tune": -1}, "tune=-1 is not"),
        ({"draws": 10, "chains": 4}, "4 chains cannot give 10 draws in equal parts.*draws=12"),
        ({"sampler": "stan"}, "sampler = 'stan' is not known. Use one of: 'nutpie', 'pymc'"),
        ({"progress": "yes"}, "progress is True or False; progress='yes' is not"),
    ],
)
def test_impossible_settings_are_refused(settings, complaint) -> None:
    with pytest.raises(SettingError, match=complaint):
        NUTS(**settings)


def test_nutpie_is_asked_for_only_where_it_is_installed(monkeypatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    assert module.available_sampler() == "pymc"
    with pytest.raises(SettingError, match="pip install nutpie"):
        sampled(Gaussian(), NUTS(sampler="nutpie"))


def test_nobody_watches_a_test_and_a_bar_is_shown_where_asked_for(monkeypatch) -> None:
    monkeypatch.setattr(module.sys.stderr, "isatty", lambda: True, raising=False)
    assert module.somebody_watches()
    assert NUTS()._shows_progress
    assert not NUTS(progress=False)._shows_progress
    assert NUTS(progress=True)._shows_progress


@pytest.mark.parametrize("sampler", NUTPIE_AND_IN_LONG_RUNS_PYMC)
def test_sampling_prints_nothing_unless_asked(sampler, capfd, caplog) -> None:
    sampled(Gaussian(), NUTS(draws=8, tune=10, prior=VAGUE, sampler=sampler))
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


@pytest.mark.parametrize("phi", [[800.0, 0.0], [-800.0, 0.0], [np.nan, 0.0], [np.inf, 0.0]])
def test_where_nothing_can_be_computed_the_posterior_is_minus_infinity(phi) -> None:
    objective = Objective(Gaussian(), Gaussian().learn(None), Prior())
    value, gradient = objective.gradient(np.array(phi))
    assert value == -np.inf
    np.testing.assert_array_equal(gradient, 0)


PRIORS = [
    Prior(),
    Prior(others=Gamma(2.0, mean=1.5)),
    Prior({"r": Gamma(3.0, 0.5), "p": Gamma(3.0, 5.0)}, LogNormal(0.7, 1.3), scale=3.0),
]


@pytest.mark.parametrize("specification", MODELS, ids=repr)
def test_the_pymc_model_is_the_objective_with_its_gradient_in_the_unit_of_the_data(specification, cdnow_rfm) -> None:
    evidence, names = specification.learn(cdnow_rfm), specification.names()
    compiled = []
    for prior in PRIORS:
        known = {name: one for name, one in prior.parameters.items() if name in names}
        prior = replace(prior, parameters=known)  # noqa: PLW2901
        model = as_pymc(specification, cdnow_rfm, prior)
        compiled.append((Objective(specification, evidence, prior), model.compile_logp(), model.compile_dlogp()))
        assert [value.name for value in model.value_vars] == [f"{name}_log__" for name in names]
    rng = np.random.default_rng(0)
    for objective, logp, dlogp in compiled:
        for _ in range(3):
            phi = objective.space.phi(specification.start) + rng.normal(0, 0.5, len(names))
            value, gradient = objective.gradient(phi)
            shifted = zip(names, phi + np.log(objective.space.units), strict=True)
            point = {f"{name}_log__": np.array(one) for name, one in shifted}
            assert float(logp(point)) == pytest.approx(value + evidence.log_jacobian, rel=1e-10)
            np.testing.assert_allclose(dlogp(point), gradient, rtol=1e-10, atol=1e-10 * np.abs(gradient).max())


@pytest.mark.parametrize("specification", MODELS, ids=repr)
def test_the_operation_is_the_log_likelihood_of_the_model_and_survives_pickling(specification, cdnow_rfm) -> None:
    operation = as_pymc(specification, cdnow_rfm).potentials[0].owner.op
    operation = pickle.loads(cloudpickle.dumps(operation))  # noqa: S301  # as PyMC sends it to processes
    evidence = specification.learn(cdnow_rfm)
    theta = np.array(specification.start) * Objective(specification, evidence).space.units
    storage = [[None], [None]]
    operation.perform(None, [theta], storage)
    columns = {name: column[evidence.row] for name, column in evidence.in_unit().items()}
    direct = specification.model(theta).log_likelihood(**columns)
    assert len(direct) == evidence.counts.sum()
    assert float(storage[0][0]) == pytest.approx(direct.sum(), rel=1e-10)
    operation.perform(None, [np.zeros(len(theta))], storage)
    assert storage[0][0] == -np.inf


def test_a_pymc_model_can_be_extended_pickled_and_sampled(cdnow_rfm) -> None:
    pm = load("pymc")
    model = pickle.loads(cloudpickle.dumps(as_pymc(NBD, cdnow_rfm)))  # noqa: S301  # as PyMC sends it to processes
    with model:
        rate = pm.Deterministic("rate", model["r"] / model["alpha"])
        pm.Potential("known_rate", pm.logp(pm.Normal.dist(0.04, 0.0001), rate))
        found = pm.sample(
            100, tune=100, chains=1, cores=1, nuts_sampler="pymc", random_seed=1, progressbar=False, quiet=True,
            compute_convergence_checks=False,
        )  # fmt: skip
    assert float(found.posterior["rate"].mean()) == pytest.approx(0.04, abs=0.001)


@pytest.mark.long
def test_nutpie_can_compile_the_pymc_model(cdnow_rfm) -> None:
    nutpie = pytest.importorskip("nutpie", reason="nutpie is not installed")
    compiled = nutpie.compile_pymc_model(as_pymc(NBD, cdnow_rfm))
    found = nutpie.sample(compiled, draws=300, tune=300, chains=2, cores=1, seed=1, progress_bar=False)
    exact = fit(NBD, cdnow_rfm).draws
    assert float(found.posterior["r"].mean()) == pytest.approx(exact.r.mean(), abs=0.3 * exact.r.std())


def test_second_derivatives_are_refused_not_wrong(cdnow_rfm) -> None:
    with pytest.raises(NotImplementedError, match="no second derivatives"):
        as_pymc(NBD, cdnow_rfm).d2logp()


class Unheard:
    """A distribution that PyMC does not know."""

    def log_density(self, phi): ...

    def first(self, phi): ...

    def second(self, phi): ...

    def quantiles(self, probability): ...

    def widened(self, factor): ...


def test_a_pymc_model_of_too_little_data_or_of_an_unknown_prior_is_refused(cdnow_rfm) -> None:
    unseen = cdnow_rfm.take(slice(9))
    unseen = replace(unseen, frequency=unseen.frequency * 0, recency_days=unseen.T_days * 0, T_days=unseen.T_days * 0)
    with pytest.raises(FitError, match=r"BG/NBD: The data cannot identify this model\. Every customer was observed"):
        as_pymc(BGNBD, unseen)
    with pytest.raises(SettingError, match=r"The prior of r is .*no counterpart"):
        as_pymc(BGNBD, cdnow_rfm, Prior({"r": Unheard()}))
    with pytest.raises(SettingError, match="speaks of q"):
        as_pymc(BGNBD, cdnow_rfm, Prior({"q": LogNormal()}))


def test_the_pymc_prior_has_the_quantiles_of_the_prior(cdnow_rfm) -> None:
    pm = load("pymc")
    prior = Prior({"alpha": Gamma(2.0, 1.5)}, LogNormal(0.5, 1.0), scale=2.0)
    model = as_pymc(NBD, cdnow_rfm, prior)
    drawn = pm.draw([model["r"], model["alpha"]], draws=20_000, random_seed=1)
    for values, one, unit in zip(drawn, prior.of(NBD.parameters), (1.0, 2.0), strict=True):
        share = (values[:, None] < unit * one.quantiles([0.05, 0.5, 0.95])).mean(axis=0)
        np.testing.assert_allclose(share, [0.05, 0.5, 0.95], atol=0.015)


def test_the_heavy_libraries_are_loaded_only_when_used() -> None:
    code = (
        "import sys, clvmodels, clvmodels.inference.nuts as n; n.NUTS(); "
        "print([m for m in ('pymc', 'pytensor', 'arviz', 'nutpie', 'xarray') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
