"""NBD: purchases without end."""

import numpy as np
import pytest
from scipy import stats

from clvmodels.data.histories import Histories
from clvmodels.inference.fit import fit
from clvmodels.inference.methods import MaximumLikelihood
from clvmodels.models.nbd import NBD

HISTORIES = Histories([0, 1, 4, 300], [0, 3, 32, 38], [39, 39, 32, 38])


def test_the_published_conditional_expectation_on_cdnow(cdnow_rfm, oracle) -> None:
    published = oracle("nbd")["conditional_expectation"]
    model = fit(NBD, cdnow_rfm, MaximumLikelihood()).estimate
    future = model.future(Histories(published["x"], 0, published["T"]))
    assert future.purchases(published["t"]) == pytest.approx(published["value"], abs=0.005)


def test_the_likelihood_times_the_ways_to_place_purchases_is_the_negative_binomial() -> None:
    # Given lambda, the density of x ordered times is lambda^x exp(-lambda T), and they fill a volume of T^x / x!.
    model, x, t = NBD(0.4, 5.0), np.arange(60.0), 30.0
    volume = x * np.log(t) - np.array([np.sum(np.log(np.arange(1, n + 1))) for n in x])
    found = model.log_likelihood(x, np.zeros(60), np.full(60, t)) + volume
    np.testing.assert_allclose(found, stats.nbinom.logpmf(x, 0.4, 5 / 35), rtol=1e-12, atol=1e-10)


def test_nobody_drops_out() -> None:
    np.testing.assert_array_equal(NBD(0.4, 5.0).probability_alive(HISTORIES), np.ones(4))
    draws = NBD(np.full((3, 1), 0.4), 5.0)
    np.testing.assert_array_equal(draws.probability_alive(HISTORIES), np.ones((3, 4)))


def test_the_rate_of_a_customer_is_a_gamma_variable_that_has_seen_the_purchases() -> None:
    future = NBD(0.4, 5.0).future(HISTORIES)
    np.testing.assert_allclose(future.shape, 0.4 + HISTORIES.x)
    np.testing.assert_allclose(future.rate, 5 + HISTORIES.T)


@pytest.mark.parametrize(("theta", "rate"), [((5e6, 1e6), "5 purchases a week"), ((1e5, 1e6), "0.1 purchases a week")])
def test_a_border_is_named_after_what_the_data_do_not_tell(theta, rate) -> None:
    told = NBD(*theta).unidentified("week")
    assert f"buy at the same rate, {rate}" in told
    assert "more customers, or that rate" in told
