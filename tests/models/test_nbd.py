"""NBD: purchases without end."""

import numpy as np
import pytest
from scipy import stats

from clvmodels.inference.fit import fit
from clvmodels.inference.methods import MaximumLikelihood
from clvmodels.models.nbd import NBD

X, T_X, T = np.array([0.0, 1, 4, 300]), np.array([0.0, 3, 32, 38]), np.array([39.0, 39, 32, 38])


def test_the_published_conditional_expectation_on_cdnow(cdnow_rfm, oracle) -> None:
    published = oracle("nbd")["conditional_expectation"]
    model = fit(NBD, cdnow_rfm, MaximumLikelihood()).model
    expected = model.purchases_if_alive(
        np.array(float(published["x"])), np.array(float(published["T"])), published["t"]
    )
    assert expected == pytest.approx(published["value"], abs=0.005)


def test_the_likelihood_times_the_ways_to_place_purchases_is_the_negative_binomial() -> None:
    # Given lambda, the density of x ordered times is lambda^x exp(-lambda T), and they fill a volume of T^x / x!.
    model, x, t = NBD(0.4, 5.0), np.arange(60.0), 30.0
    volume = x * np.log(t) - np.array([np.sum(np.log(np.arange(1, n + 1))) for n in x])
    found = model.log_likelihood(x, np.zeros(60), np.full(60, t)) + volume
    np.testing.assert_allclose(found, stats.nbinom.logpmf(x, 0.4, 5 / 35), rtol=1e-12, atol=1e-10)


def test_nobody_stops() -> None:
    np.testing.assert_array_equal(NBD(0.4, 5.0).probability_alive(X, T_X, T), np.ones(4))
    draws = NBD(np.full((3, 1), 0.4), 5.0)
    assert draws.probability_alive(X, T_X, T).shape == (3, 4)


@pytest.mark.parametrize("delta", [0.0, 0.002, 0.2])
def test_expected_purchases_add_up_over_adjacent_horizons(delta) -> None:
    model = NBD(0.4, 5.0)
    first, both = (model.purchases_if_alive(X, T, t, delta) for t in (10.0, 39.0))
    later = np.exp(-delta * 10) * model.purchases_if_alive(X, T, 29.0, delta)
    np.testing.assert_allclose(first + later, both, rtol=1e-12)


def test_counts_are_negative_binomial() -> None:
    model, k = NBD(0.4, 5.0), np.arange(8.0)[:, None]
    found = model.count_if_alive(k, X, T, 20.0)
    np.testing.assert_allclose(found, stats.nbinom.pmf(k, 0.4 + X, (5 + T) / (25 + T)), rtol=1e-10)


def test_at_least_k_is_the_tail_of_the_negative_binomial() -> None:
    k = np.arange(1.0, 40.0)[:, None]
    found = NBD(0.4, 5.0).at_least_if_alive(k, X, T, 20.0)
    np.testing.assert_allclose(found, stats.nbinom.sf(k - 1, 0.4 + X, (5 + T) / (25 + T)), rtol=1e-9)


def test_nobody_stops_and_everybody_buys_again() -> None:
    model, draws = NBD(0.4, 5.0), NBD(np.full((3, 1), 0.4), 5.0)
    for t in (0.0, 39.0, np.inf):
        np.testing.assert_array_equal(model.survival_if_alive(X, T, t), np.ones(4))
    np.testing.assert_array_equal(model.never_if_alive(X, T), np.zeros(4))
    assert np.isinf(model.lifetime_if_alive(X, T)).all()
    assert draws.survival_if_alive(X, T, T).shape == draws.never_if_alive(X, T).shape == (3, 4)
    assert draws.lifetime_if_alive(X, T).shape == (3, 4)


def test_simulated_counts_are_negative_binomial_and_times_uniform() -> None:
    draws = 40_000
    future = NBD(np.full((draws, 1), 0.4), 5.0).simulate(np.random.default_rng(1), 3.0, 30.0, 39.0, 26.0)
    exact = stats.nbinom(3.4, 44 / 70)
    bins = np.arange(9)
    found = np.bincount(np.minimum(future.count, 8), minlength=9)
    wanted = draws * np.append(exact.pmf(bins[:-1]), exact.sf(7))
    assert stats.chisquare(found, wanted).pvalue > 1e-3
    assert len(future.time) == future.count.sum()
    assert stats.kstest(future.time / 26, "uniform").pvalue > 1e-3
