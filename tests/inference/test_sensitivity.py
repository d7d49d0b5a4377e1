"""How much the prior matters, against the posterior summed over a grid."""

import re

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from clvmodels.data.rfm import RFM
from clvmodels.inference.mode import find_mode
from clvmodels.inference.objective import Objective
from clvmodels.inference.prior import Gamma, LogitNormal, LogNormal, Normal, Prior
from clvmodels.inference.sensitivity import sensitivity
from clvmodels.models.gamma_gamma import GammaGamma
from clvmodels.models.nbd import NBD


def said_of(specification, rfm, prior, seed=0):
    likelihood = Objective(specification, specification.learn(rfm))
    mode = find_mode(likelihood, likelihood.space.phi(specification.start))
    return sensitivity(likelihood, mode, prior, rfm, np.random.default_rng(seed))


def changes(text):
    """The two changes that a sentence states, as shares."""
    return [float(number.replace("−", "-")) / 100 for number in re.findall(r"change by ([+−]?[\d.]+)", text)]  # noqa: RUF001


def expected_by_grid(rfm, spread, ahead):
    """Expected purchases under NBD with log-normal priors, summed over a grid of (log r, log alpha)."""
    x, T = rfm.frequency, rfm.T
    u, v = np.meshgrid(np.linspace(-12, 8, 401), np.linspace(-12, 16, 561), indexing="ij")
    r, alpha = np.exp(u), np.exp(v) * T.sum() / x.sum()
    log_posterior = -0.5 * (u**2 + v**2) / spread**2
    expected = np.zeros_like(r)
    for each, age in zip(x, T, strict=True):
        log_posterior += stats.nbinom.logpmf(each, r, alpha / (alpha + age))  # of the count; times tell nothing more
        expected += (r + each) / (alpha + age) * ahead
    weight = np.exp(log_posterior - log_posterior.max())
    return (weight * expected).sum() / weight.sum()


def test_the_changes_are_those_of_the_exact_posterior() -> None:
    table = pd.DataFrame({"customer_id": range(12), "frequency": [3, 1, 1, *[0] * 9], "T": np.linspace(10.0, 32.0, 12)})
    rfm = RFM.from_frame(table.assign(recency=table["T"] * 0.5 * (table["frequency"] > 0)), unit="week")
    text = said_of(NBD(), rfm, Prior())
    assert text.startswith("With half the prior's spread expected purchases in the next 21.0 weeks change by")
    now, half, twice = (expected_by_grid(rfm, spread, 21.0) for spread in (2.0, 1.0, 4.0))
    assert abs(half / now - 1) > 0.03  # something to be found
    np.testing.assert_allclose(changes(text), [half / now - 1, twice / now - 1], atol=0.08)  # of 100 draws


def test_it_follows_from_the_seed_and_a_sharp_likelihood_leaves_little(cdnow_rfm) -> None:
    text = said_of(NBD(), cdnow_rfm, Prior())
    assert text == said_of(NBD(), cdnow_rfm, Prior())
    np.testing.assert_allclose(changes(text), 0, atol=0.02)


def test_of_spend_it_is_the_mean_value_of_a_purchase(cdnow_rfm) -> None:
    text = said_of(GammaGamma(), cdnow_rfm, Prior())
    assert "mean values of a purchase change by" in text
    np.testing.assert_allclose(changes(text), 0, atol=0.02)


def test_where_a_mean_is_infinite_no_number_is_made_up() -> None:
    table = pd.DataFrame({"customer_id": [1, 2], "frequency": [1, 0], "recency": [3.0, 0.0], "T": 9.0})
    rfm = RFM.from_frame(table.assign(monetary_value=[5.0, 0.0]), unit="week")
    assert "cannot be said: it is infinite in some draws" in said_of(GammaGamma(), rfm, Prior())


@pytest.mark.parametrize(
    ("distribution", "to_line"),
    [
        (LogNormal(2.0, 0.7), np.log),
        (Normal(1.0, 0.7), lambda value: value),
        (LogitNormal(0.3, 0.7), lambda value: np.log(value / (1 - value))),
    ],
    ids=["log-normal", "normal", "logit-normal"],
)
def test_a_widened_distribution_has_its_quantiles_that_much_further_from_the_median(distribution, to_line) -> None:
    at = np.array([0.1, 0.5, 0.9])
    one, three = (to_line(each.quantiles(at)) for each in (distribution, distribution.widened(3.0)))
    np.testing.assert_allclose(three - three[1], 3 * (one - one[1]), rtol=1e-9, atol=1e-12)
    assert three[1] == pytest.approx(one[1])


def test_a_widened_gamma_has_the_mean_and_that_much_more_spread() -> None:
    one, twice = Gamma(4.0, 3.0), Gamma(4.0, 3.0).widened(2.0)
    assert twice.mean == one.mean
    assert twice.mean / np.sqrt(twice.shape) == pytest.approx(2 * one.mean / np.sqrt(one.shape))


def test_a_widened_prior_is_wider_in_each_parameter() -> None:
    prior = Prior({"alpha": LogNormal(2.0, 0.5)}, scale=3.0).widened(NBD().parameters, 2.0)
    assert (prior.scale, prior.parameters) == (3.0, {"r": LogNormal(1.0, 4.0), "alpha": LogNormal(2.0, 1.0)})
