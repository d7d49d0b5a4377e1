"""Priors."""

import numpy as np
import pytest
from scipy import stats

from clvmodels.data.rfm import RFM
from clvmodels.errors import SettingError
from clvmodels.inference.fit import fit
from clvmodels.inference.methods import Laplace
from clvmodels.inference.prior import Gamma, LogitNormal, LogNormal, LogPrior, Normal, Prior
from clvmodels.inference.space import Space
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.gamma_gamma import GammaGamma
from clvmodels.models.specification import Parameter

EXACT = [
    (LogNormal(3.0, 0.7), stats.lognorm(0.7, scale=3.0)),
    (LogNormal(), stats.lognorm(2.0)),
    (Gamma(2.5, 4.0), stats.gamma(2.5, scale=1.6)),
    (Normal(-0.4, 0.7), stats.norm(-0.4, 0.7)),
    (Normal(), stats.norm()),
]


@pytest.mark.parametrize(("distribution", "exact"), EXACT)
def test_densities_are_those_of_phi(distribution, exact) -> None:
    phi = np.linspace(-3, 3, 41)
    # the density of log theta is that of theta times theta; a real parameter is its own phi
    wanted = exact.logpdf(phi) if isinstance(distribution, Normal) else exact.logpdf(np.exp(phi)) + phi
    np.testing.assert_allclose(distribution.log_density(phi), wanted, rtol=1e-10)
    h = 1e-4
    first = (distribution.log_density(phi + h) - distribution.log_density(phi - h)) / (2 * h)
    second = (distribution.first(phi + h) - distribution.first(phi - h)) / (2 * h)
    np.testing.assert_allclose(distribution.first(phi), first, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(distribution.second(phi), second, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(distribution.quantiles([0.05, 0.5, 0.95]), exact.ppf([0.05, 0.5, 0.95]))


def test_a_prior_takes_each_parameter_in_its_own_scale() -> None:
    prior = Prior({"alpha": Gamma(2.0, 1.5)}, others=LogNormal(1.0, 1.0), scale=7.0)
    # A fit in multiples of 3 time units: alpha = exp(phi) x 3, which is exp(phi) x 3 / 7 of the prior's scale.
    log_prior = LogPrior.of(prior, Space(BGNBD.parameters, 3.0))
    phi = np.array([[0.1, -0.4, 0.8, 2.0], [0.0, 1.0, 2.0, 3.0]])
    gamma, normal = stats.gamma(2.0, scale=0.75), stats.norm(0, 1)
    alpha = np.exp(phi[:, 1]) * 3 / 7
    wanted = gamma.logpdf(alpha) + np.log(alpha) + normal.logpdf(phi[:, [0, 2, 3]]).sum(axis=1)
    np.testing.assert_allclose(log_prior.log_density(phi), wanted)


MIXED = (
    Parameter("r"),
    Parameter("alpha", dimension="time"),
    Parameter("slope", support="real"),
    Parameter("lag", support="real", dimension="time"),
)


def test_real_parameters_are_normal_in_their_own_scale() -> None:
    prior = Prior({"slope": Normal(0.5, 2.0), "lag": Normal(-1.0, 0.3)}, scale=7.0)
    log_prior, phi = LogPrior.of(prior, Space(MIXED, 3.0)), np.array([0.1, -0.4, 0.8, -2.0])
    positive = stats.norm(0, 2).logpdf([0.1, -0.4 + np.log(3 / 7)]).sum()
    lag = stats.norm(-1.0, 0.3).logpdf(-2.0 * 3 / 7) + np.log(3 / 7)
    assert log_prior.log_density(phi) == pytest.approx(positive + stats.norm(0.5, 2.0).logpdf(0.8) + lag, rel=1e-12)
    assert LogPrior.of(Prior(), Space(MIXED, 3.0)).distributions == (LogNormal(), LogNormal(), Normal(), Normal())


@pytest.mark.parametrize("scale", [None, 7.0])
def test_gradient_and_hessian_are_those_of_the_density(scale) -> None:
    prior = Prior({"alpha": Gamma(2.0, 1.5), "slope": Normal(0.5, 2.0), "lag": Normal(-1.0, 0.3)}, scale=scale)
    log_prior, phi, h = LogPrior.of(prior, Space(MIXED, 3.0)), np.array([0.1, -0.4, 0.8, -2.0]), 1e-5
    steps = h * np.eye(len(phi))
    gradient = (log_prior.log_density(phi + steps) - log_prior.log_density(phi - steps)) / (2 * h)
    np.testing.assert_allclose(log_prior.gradient(phi), gradient, rtol=1e-7)
    hessian = [(log_prior.gradient(phi + step) - log_prior.gradient(phi - step)) / (2 * h) for step in steps]
    np.testing.assert_allclose(log_prior.hessian(phi), hessian, rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize(
    ("prior", "wrong"),
    [
        (Prior({"r": Normal()}), r"r, a positive parameter, is Normal\(\)\. Use LogNormal or Gamma\."),
        (Prior(others=Normal(sd=2.0)), r"r, a positive parameter, is Normal\(sd=2\.0\)\. Use LogNormal or Gamma\."),
        (Prior({"slope": LogNormal()}), r"slope, a real parameter, is LogNormal\(\)\. Use Normal\."),
        (Prior({"lag": Gamma(2.0, 1.0)}), r"lag, a real parameter, is Gamma\(.*\)\. Use Normal\."),
    ],
)
def test_a_distribution_of_other_numbers_is_refused(prior, wrong) -> None:
    with pytest.raises(SettingError, match=f"The prior of {wrong}"):
        prior.of(MIXED)


def test_a_parameter_between_0_and_1_has_a_prior_on_its_log_odds() -> None:
    share = (Parameter("p", support="unit"),)
    (usual,) = Prior().of(share)
    p = np.linspace(0.01, 0.99, 99)
    np.testing.assert_allclose(usual.quantiles([0.5]), [0.5])
    assert ((usual.quantiles(p) > 0) & (usual.quantiles(p) < 1)).all()
    np.testing.assert_allclose(
        np.exp(usual.log_density(np.log(p / (1 - p)))),
        stats.norm(0, 1.5).pdf(np.log(p / (1 - p))),
    )
    with pytest.raises(SettingError, match=r"p, a unit parameter, is Normal\(\)\. Use LogitNormal\."):
        Prior({"p": Normal()}).of(share)


def test_draws_have_the_quantiles_of_the_prior_in_the_unit_asked_for() -> None:
    prior = Prior({"alpha": LogNormal(2.0, 0.5)})
    draws = prior.sample(BGNBD(), 5.0, np.random.default_rng(0), 20_000)
    assert draws.alpha.shape == (20_000, 1)
    assert stats.kstest(draws.alpha.ravel(), stats.lognorm(0.5, scale=10.0).cdf).pvalue > 1e-3
    assert stats.kstest(np.log(draws.b.ravel()), stats.norm(0, 2.0).cdf).pvalue > 1e-3
    fixed = Prior({"alpha": LogNormal(2.0, 0.5)}, scale=1.0).sample(BGNBD(), 5.0, np.random.default_rng(0), 20_000)
    np.testing.assert_allclose(fixed.alpha, draws.alpha / 5)


def test_it_says_in_words_and_in_the_unit_of_the_data_what_it_believes(cdnow_rfm) -> None:
    said = fit(BGNBD, cdnow_rfm, Laplace(prior=Prior({"r": Gamma(4.0, 1.0)}))).prior
    assert said["r"] == "gamma, median 0.918, 95 % between 0.272 and 2.19"
    assert said["b"] == "log-normal, median 1, 95 % between 0.0198 and 50.4"
    typical_gap = cdnow_rfm.T.sum() / cdnow_rfm.frequency.sum()
    assert said["alpha"].startswith(f"log-normal, median {typical_gap:.3g}, ")
    real = Prior({"lag": Normal(-1.0, 0.3)}).words(MIXED, 5.0)
    assert real["lag"] == "normal, median -5, 95 % between -7.94 and -2.06"
    assert real["slope"] == "normal, median 0, 95 % between -1.96 and 1.96"


def test_a_parameter_that_the_model_has_not_is_refused() -> None:
    with pytest.raises(SettingError, match="speaks of lambda, but the parameters are r, alpha, a, b"):
        Prior({"lambda": LogNormal()}).of(BGNBD.parameters)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: LogNormal(0.0),
        lambda: LogNormal(1.0, -1.0),
        lambda: Gamma(1.0, np.nan),
        lambda: Normal(sd=0.0),
        lambda: Prior(scale=0.0),
    ],
)
def test_impossible_priors_are_refused(wrong) -> None:
    with pytest.raises(SettingError, match="is a positive number"):
        wrong()


def test_a_normal_prior_has_a_finite_mean() -> None:
    with pytest.raises(SettingError, match="mean is a finite number"):
        Normal(mean=np.inf)


def test_it_hardly_moves_cdnow(cdnow_purchases, cdnow_rfm) -> None:
    flat = fit(BGNBD, cdnow_rfm, Laplace(draws=4000, prior=Prior(others=LogNormal(spread=50.0)))).draws
    usual = fit(BGNBD, cdnow_rfm, Laplace(draws=4000)).draws
    for name, error in cdnow_purchases.standard_errors.items():
        log_error = error / getattr(cdnow_purchases.estimate, name)
        moved = np.median(np.log(getattr(usual, name))) - np.median(np.log(getattr(flat, name)))
        assert abs(moved) < 0.2 * log_error


def test_a_strong_prior_draws_towards_the_datas_own_scale(cdnow_rfm) -> None:
    scale = cdnow_rfm.T.sum() / cdnow_rfm.frequency.sum()
    strong = fit(BGNBD, cdnow_rfm, Laplace(prior=Prior(others=LogNormal(spread=0.002)))).draws
    for name, centre in {"r": 1, "alpha": scale, "a": 1, "b": 1}.items():
        assert np.median(getattr(strong, name)) == pytest.approx(centre, rel=0.02)


def test_the_unit_of_time_and_money_does_not_change_the_posterior(cdnow_rfm) -> None:
    frame = cdnow_rfm.frame()
    days = RFM.from_frame(
        frame.assign(recency=frame["recency"] * 7, T=frame["T"] * 7, monetary_value=frame["monetary_value"] * 100),
        unit="day",
    )
    for model, name, factor in [(BGNBD, "alpha", 7), (GammaGamma, "gamma", 100)]:
        weekly, daily = fit(model, cdnow_rfm).draws, fit(model, days).draws
        np.testing.assert_allclose(getattr(daily, name), factor * getattr(weekly, name), rtol=1e-6)


@pytest.mark.parametrize("far", [1e300, 1e-300, 1e13, np.float64(1e-13)])
@pytest.mark.parametrize(
    "made",
    [
        lambda far: Prior(scale=far),
        lambda far: LogNormal(median=far),
        lambda far: LogNormal(spread=far),
        lambda far: LogitNormal(spread=far),
        lambda far: Normal(sd=far),
        lambda far: Gamma(far, 1.0),
        lambda far: Gamma(1.0, far),
    ],
)
def test_what_is_out_of_reach_is_refused_before_anything_is_computed(made, far):
    with pytest.raises(SettingError, match=r"lies between 1e-\d+ and .* beyond which nothing can be computed"):
        made(far)
