"""Futures without drop-out: negative binomial counts, for ever."""

import numpy as np
import pytest
from scipy import stats

from clvmodels.models.no_drop_out import NoDropOut, nbd, nbd_at_least

X, T = np.array([0.0, 1, 4, 300]), np.array([39.0, 39, 32, 38])
FUTURE = NoDropOut(0.4 + X, 5 + T)


@pytest.mark.parametrize("span", [0.01, 0.3, 40.0, 1e6])
def test_counts_of_a_steady_stream_are_negative_binomial(span) -> None:
    k, nbinom = np.arange(1.0, 9.0), stats.nbinom(0.05, 1 / (1 + span))
    np.testing.assert_allclose(nbd(k, np.array(0.05), np.array(span)), nbinom.pmf(k), rtol=1e-10)
    np.testing.assert_allclose(nbd_at_least(k, np.array(0.05), np.array(span)), nbinom.sf(k - 1), rtol=1e-9)


def test_no_purchase_of_a_steady_stream_in_a_time_without_measure() -> None:
    span = np.array([1e-12, 1e20, 1e100])
    found = nbd(np.array(0.0), np.array(0.05), span)
    np.testing.assert_allclose(found, [1 - 5e-14, 0.1, 1e-5], rtol=1e-12)


@pytest.mark.parametrize("delta", [0.0, 0.002, 0.2])
def test_expected_purchases_add_up_over_adjacent_horizons(delta) -> None:
    first, both = (FUTURE.purchases(t, delta) for t in (10.0, 39.0))
    later = np.exp(-delta * 10) * FUTURE.purchases(29.0, delta)
    np.testing.assert_allclose(first + later, both, rtol=1e-12)


def test_discounted_without_end_they_are_worth_the_perpetuity_of_the_mean_rate() -> None:
    np.testing.assert_allclose(FUTURE.purchases(np.inf, 0.002), (0.4 + X) / (5 + T) / 0.002, rtol=1e-12)


def test_counts_are_negative_binomial() -> None:
    k = np.arange(8.0)[:, None]
    np.testing.assert_allclose(FUTURE.count(k, 20.0), stats.nbinom.pmf(k, 0.4 + X, (5 + T) / (25 + T)), rtol=1e-10)


def test_at_least_k_is_the_tail_of_the_negative_binomial() -> None:
    k = np.arange(1.0, 40.0)[:, None]
    found = FUTURE.at_least(k, 20.0)
    np.testing.assert_allclose(found, stats.nbinom.sf(k - 1, 0.4 + X, (5 + T) / (25 + T)), rtol=1e-9)


def test_nobody_drops_out_and_everybody_buys_again() -> None:
    draws = NoDropOut(np.full((3, 1), 0.4) + X, 5 + T)
    assert not NoDropOut.has_drop_out
    for t in (0.0, 39.0, np.inf):
        np.testing.assert_array_equal(FUTURE.survival(t), np.ones(4))
    np.testing.assert_array_equal(FUTURE.never(), np.zeros(4))
    np.testing.assert_array_equal(FUTURE.mean_lifetime(), np.full(4, np.inf))
    np.testing.assert_array_equal(draws.survival(T), np.ones((3, 4)))
    np.testing.assert_array_equal(draws.never(), np.zeros((3, 4)))
    np.testing.assert_array_equal(draws.mean_lifetime(), np.full((3, 4), np.inf))


def test_simulated_counts_are_negative_binomial_and_times_uniform() -> None:
    draws = 40_000
    future = NoDropOut(np.full((draws, 1), 3.4), np.array(44.0)).simulate(np.random.default_rng(1), 26.0)
    exact = stats.nbinom(3.4, 44 / 70)
    bins = np.arange(9)
    found = np.bincount(np.minimum(future.count, 8), minlength=9)
    wanted = draws * np.append(exact.pmf(bins[:-1]), exact.sf(7))
    assert stats.chisquare(found, wanted).pvalue > 1e-3
    assert len(future.time) == future.count.sum()
    assert stats.kstest(future.time / 26, "uniform").pvalue > 1e-3
