"""Simulation-based calibration: right methods pass, wrong ones are found, and the draws choose no run."""

from abc import ABC, abstractmethod
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from clvmodels.errors import FitError, SettingError
from clvmodels.evaluation.calibration import (
    LIKELIHOOD,
    STUDIES,
    AllBuyers,
    NewCustomers,
    RepeatBuyers,
    _rank,
    calibrate,
    calibration_table,
)
from clvmodels.inference.methods import Inferred, Laplace, MaximumLikelihood
from clvmodels.inference.nuts import NUTS
from clvmodels.inference.prior import LogNormal
from clvmodels.inference.verdict import Outcome, Verdict
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.gamma_gamma import GammaGamma
from clvmodels.models.mbg_nbd import MBGNBD
from clvmodels.models.nbd import NBD
from clvmodels.models.pareto_nbd import ParetoNBD

ALL = GammaGamma(of="all")
PRIOR = STUDIES["NBD"].prior
MODELS = (BGNBD(), MBGNBD(), NBD(), ParetoNBD(), GammaGamma(), ALL)
POOR = Verdict(Outcome.POOR_APPROXIMATION, "So it seems.")
FEW = NewCustomers(customers=60)
METHODS = {
    "Laplace": lambda prior: Laplace(prior=prior),
    "NUTS": lambda prior: NUTS(draws=200, chains=2, tune=100, prior=prior, progress=False, fewest=150),
}


class Altered(ABC):
    """A method whose result is changed before it is handed on."""

    prior = PRIOR

    def infer(self, likelihood, mode, rng):
        inferred = Laplace(prior=self.prior).infer(likelihood, mode, rng)
        return self.changed(inferred, likelihood, rng)

    @abstractmethod
    def changed(self, inferred, likelihood, rng): ...


class Squeezed(Altered):
    """Leaves a third of the spread out."""

    def changed(self, inferred, likelihood, rng):
        centre = inferred.phi.mean(axis=0)
        return replace(inferred, phi=centre + 2 / 3 * (inferred.phi - centre))


class Blind(Altered):
    """Asks the data alone, so that a fit needs data that identify the model."""

    prior = None

    def infer(self, likelihood, mode, rng):
        return Laplace(prior=PRIOR).infer(likelihood, mode, rng)

    def changed(self, inferred, likelihood, rng):
        return inferred


class Unmoved(Altered):
    """Learns nothing from the data: draws from the prior."""

    def changed(self, inferred, likelihood, rng):
        model = PRIOR.sample(NBD(), 1.0, rng, len(inferred.phi)).rescaled(1 / likelihood.evidence.scale)
        return replace(inferred, phi=np.log(np.hstack(list(model.values().values()))))


class Doubted(Altered):
    """Doubts every third run."""

    def changed(self, inferred, likelihood, rng):
        return replace(inferred, verdict=POOR) if rng.random() < 1 / 3 else inferred


class Withheld(Altered):
    """Keeps its draws to itself."""

    def changed(self, inferred, likelihood, rng):
        return Inferred(None, None, POOR, {})


def p_of(calibration):
    return dict(zip(calibration.quantities, calibration.p_values, strict=True))


# --- right methods pass ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [NBD(), BGNBD(), GammaGamma(), ALL], ids=lambda model: model.name)
def test_a_few_runs_of_the_default_method(model) -> None:
    prior, design = STUDIES[model.name]
    found = calibrate(model, Laplace(prior=prior), design=replace(design, customers=80), runs=30)
    names = model.names()
    assert found.quantities[: len(names) + 1] == (*names, LIKELIHOOD)
    assert found.ranks.shape == (30, len(found.quantities))
    assert found.ranks.min() >= 0
    assert found.ranks.max() <= found.among
    assert found.frame()["corrected_p"].min() > 0.01
    assert found.left_out == {}


def test_every_model_has_a_usual_study() -> None:
    assert list(STUDIES) == [model.name for model in MODELS]


@pytest.mark.long
@pytest.mark.parametrize("method", list(METHODS))
@pytest.mark.parametrize("model", MODELS[date.today().isocalendar().week % 3 :: 3], ids=lambda model: model.name)
def test_the_models_of_the_week_are_calibrated_with_every_method(model, method) -> None:
    runs = 500 if method == "Laplace" else 60  # a run of NUTS takes some ten times as long
    found = calibrate(model, METHODS[method](STUDIES[model.name].prior), runs=runs)
    pairs = len(STUDIES) * len(METHODS)
    assert len(found.ranks) >= 0.95 * runs  # the rest is left out
    if method == "Laplace":  # R-hat and the effective sizes of two short chains are too noisy to be asked
        assert sum(found.doubtful.values()) < 5
    # Every model has its turn within three weeks.
    # Bonferroni over the pairs, Holm over the quantities of one: a false alarm in one of a hundred such test suites.
    assert found.frame()["corrected_p"].min() * pairs > 0.01, str(found.frame())


# --- wrong ones are found ----------------------------------------------------------------------------------------


def test_draws_that_spread_a_third_too_little_are_found() -> None:
    found = calibrate(NBD, Squeezed(), design=FEW, runs=150)
    assert found.frame()["corrected_p"].min() < 0.005
    even = calibrate(NBD, Laplace(prior=PRIOR), design=FEW, runs=150)
    assert even.frame()["corrected_p"].min() > 0.01


def test_another_prior_than_the_one_that_truth_comes_from_is_found() -> None:
    wrong = replace(PRIOR, parameters={**PRIOR.parameters, "r": LogNormal(1.4, 0.5)})
    found = calibrate(NBD, Laplace(prior=wrong), prior=PRIOR, design=FEW, runs=120)
    assert p_of(found)["r"] < 0.001


def test_a_confusion_of_the_priors_scale_with_the_datas_is_found() -> None:
    found = calibrate(NBD, Laplace(prior=replace(PRIOR, scale=None)), prior=PRIOR, design=FEW, runs=120)
    assert p_of(found)["alpha"] < 0.001


def test_draws_from_the_prior_pass_but_for_what_depends_on_the_data() -> None:
    found = calibrate(NBD, Unmoved(), design=FEW, runs=100)
    assert min(p_of(found)[name] for name in ("r", "alpha")) > 0.01
    assert p_of(found)[LIKELIHOOD] < 1e-6


# --- which runs count --------------------------------------------------------------------------------------------


def test_runs_with_a_bad_verdict_are_counted_and_ranked() -> None:
    found = calibrate(NBD, Doubted(), design=FEW, runs=30)
    assert len(found.ranks) == 30
    assert 3 <= found.doubtful["POOR_APPROXIMATION"] <= 18
    assert found.left_out == {}
    assert (found.frame()["doubtful"] == found.doubtful["POOR_APPROXIMATION"]).all()


def test_runs_that_the_data_rule_out_are_counted_and_left_out() -> None:
    found = calibrate(NBD, Blind(), prior=PRIOR, design=NewCustomers(customers=8), runs=30)
    assert 0 < found.left_out["TOO_LITTLE_DATA"] < 30
    assert len(found.ranks) == 30 - sum(found.left_out.values())
    assert "left out" in repr(found)


def test_no_run_at_all_is_an_error() -> None:
    with pytest.raises(FitError, match=r"NBD: the data ruled out all 3 runs: \{'TOO_LITTLE_DATA': 3\}"):
        calibrate(NBD, Blind(), prior=PRIOR, design=NewCustomers(customers=2), runs=3)


def test_what_the_data_leave_open_and_the_prior_settles_is_ranked() -> None:
    found = calibrate(NBD, Laplace(prior=PRIOR), design=NewCustomers(customers=8), runs=60)
    assert found.left_out == {}
    assert found.frame()["corrected_p"].min() > 0.01


def test_a_method_that_withholds_draws_by_chance_is_refused() -> None:
    with pytest.raises(SettingError, match=r"gave no draws, so nothing can be ranked \(POOR_APPROXIMATION\)"):
        calibrate(NBD, Withheld(), design=FEW, runs=2)


# --- results -----------------------------------------------------------------------------------------------------


def test_a_run_follows_from_the_seed_and_its_number() -> None:
    short, long, other = (
        calibrate(NBD, Laplace(prior=PRIOR), design=FEW, runs=runs, seed=seed)
        for runs, seed in ((5, 1), (8, 1), (5, 2))
    )
    np.testing.assert_array_equal(short.ranks, long.ranks[:5])
    assert (short.ranks != other.ranks).any()


def test_ties_are_broken_by_chance_and_what_cannot_be_computed_is_low() -> None:
    rng = np.random.default_rng(1)
    assert {_rank(np.array([2.0, 1.0, 2.0, 2.0, 3.0]), rng) for _ in range(50)} == {1, 2, 3}
    assert _rank(np.array([2.0, np.nan, 5.0, np.nan]), rng) == 2


def test_the_table_of_several_corrects_for_all_its_rows() -> None:
    both = [calibrate(NBD, Laplace(prior=PRIOR), design=FEW, runs=20, seed=seed) for seed in (1, 2)]
    table = calibration_table(both)
    assert len(table) == 2 * len(both[0].quantities)
    assert table["method"].unique().tolist() == ["Laplace"]
    assert both[0].method == Laplace(prior=PRIOR)
    pd.testing.assert_series_equal(table["p_value"][:5], both[0].frame()["p_value"])
    assert table["corrected_p"].min() == pytest.approx(min(1.0, len(table) * table["p_value"].min()))


def test_designs_are_fixed_before_any_run() -> None:
    rfm = NewCustomers(customers=3, youngest=1.0, oldest=5.0, unit="month").simulate(NBD(0.5, 10.0), seed=1)
    np.testing.assert_allclose(rfm.T, [1.0, 3.0, 5.0])
    assert rfm.unit == "month"
    buyers = [RepeatBuyers(200).simulate(GammaGamma(6.0, 4.0, 15.0), seed) for seed in (1, 2)]
    np.testing.assert_array_equal(buyers[0].frequency, buyers[1].frequency)
    assert buyers[0].frequency.mean() == pytest.approx(3.0, rel=0.05)
    assert (buyers[0].money != buyers[1].money).all()


def test_first_purchases_are_among_those_of_all_buyers() -> None:
    p, q, gamma = 6.0, 4.0, 15.0
    rfm = AllBuyers(20_000).simulate(GammaGamma(p, q, gamma, of="all"), seed=1)
    x, m = GammaGamma(p, q, gamma, of="all").observed(rfm).values()
    assert x.mean() == pytest.approx(3.0, rel=0.01)
    assert (rfm.frequency == 0).mean() == pytest.approx(1 / 3, abs=0.01)
    # The first purchase and the mean of all have the distribution that the model says, given how many there are.
    assert stats.kstest(rfm.first_spend, stats.betaprime(p, q, scale=gamma).cdf).pvalue > 1e-3
    assert stats.kstest(stats.betaprime(p * x, q, scale=gamma).cdf(x * m), "uniform").pvalue > 1e-3


def test_what_people_ask_of_a_model_is_in_the_parameters_unit() -> None:
    asked = NewCustomers(oldest=80.0).quantities(NBD(0.5, 10.0))
    assert asked["purchases of a new customer"] == pytest.approx(0.5 / 10 * 40)
    assert asked["purchases after silence"] == pytest.approx((0.5 + 2) / (10 + 80) * 40)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": Laplace()}, "the prior needs a scale of its own"),
        ({"method": MaximumLikelihood()}, "the prior needs a scale of its own"),
        ({"method": MaximumLikelihood(), "prior": PRIOR}, "gave no draws"),
        ({"method": Laplace(draws=50, prior=PRIOR)}, "gives 50 draws, so no true value can be ranked among 99"),
        ({"runs": 0}, "runs=0 is not"),
        ({"among": 9.5}, "among=9.5 is not"),
    ],
)
def test_what_cannot_be_calibrated_is_refused(change, message) -> None:
    with pytest.raises(SettingError, match=message):
        calibrate(NBD, **{"method": Laplace(prior=PRIOR), "runs": 2} | change)


def test_a_model_without_a_usual_design_needs_one() -> None:
    class Mine(NBD):
        name = "Mine"

    with pytest.raises(SettingError, match=r"no usual design for Mine\. Pass one"):
        calibrate(Mine(), Laplace(prior=PRIOR), runs=1)
