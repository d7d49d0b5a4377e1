"""Futures with drop-out at any time: high precision, identities, and customers who are lived event by event."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import quad
from scipy.special import hyp2f1

from clvmodels.models.drop_out_any_time import DropOutAnyTime
from clvmodels.models.no_drop_out import NoDropOut

CDNOW = (0.553, 10.578, 0.606, 11.669)
X, T = np.array([(0, 0), (0, 39), (1, 30), (1, 30.5), (4, 39), (40, 39), (1000, 39)]).T

positive = st.floats(-3.5, 3.5).map(math.exp)


def alive(theta, x, T):
    """The future of customers of a Pareto/NBD population (r, alpha, s, beta) with x repeat purchases in T, if alive."""
    r, alpha, s, beta = theta
    return DropOutAnyTime(*map(np.asarray, (r + x, alpha + T, s, beta + T)))


# --- high precision ----------------------------------------------------------------------------------------------


def test_lifetimes_that_are_hard(oracle) -> None:
    for s, beta, t, delta, lifetime in oracle("pareto_nbd")["lifetimes"]["rows"]:
        future = DropOutAnyTime(*map(np.array, (1.0, 2.0, s, beta)))  # one purchase in two time units
        assert 2 * future.purchases(np.inf if t is None else t, delta) == pytest.approx(lifetime, rel=1e-9), (s, beta)


def test_counts_that_are_hard(oracle) -> None:
    for k, *theta, t, probability in oracle("pareto_nbd")["counts"]["rows"]:
        future = DropOutAnyTime(*map(np.array, theta))
        assert future.count(np.array(float(k)), t) == pytest.approx(probability, rel=1e-10), (k, theta, t)


@pytest.mark.parametrize("t", [1.0, 520.0, np.inf])
@pytest.mark.parametrize("s", [0.05, 0.6, 30.0])
@pytest.mark.parametrize("size", [1e-3, 1.0, 1e2, 1e3, 1e5])
def test_interest_may_consume_sooner_than_customers_drop_out(size, s, t) -> None:
    delta = 0.002
    beta = size / delta

    def lifetime(u):  # in u = delta y; it bends at u = size
        return math.exp(-u - s * math.log1p(u / size)) / delta

    end = min(t * delta, 60.0)
    knots = [0.0, *(end * 10.0**j for j in range(-6, 0)), end]
    exact = 0.25 * sum(quad(lifetime, *piece, epsabs=0, epsrel=1e-12)[0] for piece in pairwise(knots))
    future = DropOutAnyTime(*map(np.array, (10.0, 40.0, s, beta)))
    assert future.purchases(t, delta) == pytest.approx(exact, rel=1e-9)


# --- expectations ------------------------------------------------------------------------------------------------


def test_expected_purchases_are_the_rate_times_the_integral_of_the_survival() -> None:
    future = alive(CDNOW, 3.0, 30.0)
    lifetime = quad(lambda t: float(future.survival(t)), 0, 39.0, epsrel=1e-12)[0]
    assert future.purchases(39.0) == pytest.approx(future.shape / future.rate * lifetime, rel=1e-9)


@pytest.mark.parametrize("delta", [0.0, 0.0018, 0.05])
def test_a_longer_horizon_and_a_lower_discount_are_worth_more(delta) -> None:
    future = alive(CDNOW, X, T)
    worth = [future.purchases(t, delta) for t in (1e-3, 1.0, 39.0, 520.0)]
    assert (np.diff(worth, axis=0) > 0).all()
    assert (future.purchases(520.0, delta + 1e-3) < worth[-1]).all()
    np.testing.assert_allclose(future.purchases(520.0, delta + 1e-11), worth[-1], rtol=1e-7)


def test_nothing_happens_where_formulas_change() -> None:
    r, alpha, s, beta = CDNOW
    for theta in ([r, alpha, 1.0, beta], [r, alpha, s, alpha]):  # a mean lifetime is finite from s = 1 on; alpha = beta
        moved = [alive((*theta[:2], theta[2] * h, theta[3] * h), X, T) for h in (1 - 1e-6, 1.0, 1 + 1e-6)]
        for quantity in (lambda future: future.purchases(104.0), lambda future: future.count(np.array(2.0), 104.0)):
            low, middle, high = map(quantity, moved)
            np.testing.assert_allclose(middle, (low + high) / 2, rtol=1e-9, atol=1e-14)


def test_without_drop_out_they_are_steady() -> None:
    future, k = alive((0.4, 5.0, 0.8, 1e9), X, T), np.arange(5.0)[:, None]
    steady = NoDropOut(0.4 + X, 5 + T)
    np.testing.assert_allclose(future.purchases(20.0), steady.purchases(20.0), rtol=1e-6)
    np.testing.assert_allclose(future.count(k, 20.0), steady.count(k, 20.0), atol=1e-6)


# --- counts --------------------------------------------------------------------------------------------------------


@given(
    theta=st.tuples(*[st.floats(-2, 2).map(math.exp)] * 4),
    x=st.integers(0, 12),
    T=st.floats(0, 60),
    t=st.floats(0.1, 30),
)
@settings(max_examples=50)
def test_probabilities_of_counts_sum_to_one_with_the_expected_mean(theta, x, T, t) -> None:
    r, alpha, s, beta = theta
    future = alive((r, alpha + t / 3, s, beta), x, T)  # so that hardly anybody buys more than a thousand times
    k = np.arange(1500.0)
    probability = future.count(k, t)
    assert (probability >= 0).all()
    assert probability.sum() == pytest.approx(1, abs=1e-7)
    assert k @ probability == pytest.approx(float(future.purchases(t)), rel=1e-5, abs=1e-5)


def test_counts_of_heavy_buyers_sum_to_one() -> None:
    future, k = alive(CDNOW, 5000.0, 39.0), np.arange(20_000.0)
    probability = future.count(k, 39.0)
    assert probability.sum() == pytest.approx(1, abs=1e-10)
    assert k @ probability == pytest.approx(float(future.purchases(39.0)), rel=1e-10)


@given(theta=st.tuples(*[positive] * 4), x=st.integers(0, 50), T=st.floats(0, 60), t=st.floats(0.1, 150))
@settings(max_examples=50)
def test_at_least_k_is_what_fewer_leave(theta, x, T, t) -> None:
    future = alive(theta, x, T)
    fewer = np.cumsum(future.count(np.arange(20.0), t))
    np.testing.assert_allclose(future.at_least(np.arange(1.0, 21.0), t), 1 - fewer, atol=1e-10)


@pytest.mark.parametrize(("x", "T"), [(0.0, 0.0), (5.0, 39.0), (300.0, 39.0)])
def test_even_a_tiny_probability_of_many_purchases_has_its_digits(x, T) -> None:
    future = alive(CDNOW, x, T)
    found = future.at_least(np.array(60.0), 0.01)
    assert 0 < found < 1e-30
    assert found == pytest.approx(future.count(np.arange(60.0, 400.0), 0.01).sum(), rel=1e-9)


@given(theta=st.tuples(*[st.floats(-2.5, 3.5).map(math.exp)] * 4))
@settings(max_examples=100)
def test_never_again_is_drop_out_before_the_next_purchase(theta) -> None:
    # E[mu / (lambda + mu)] in closed form, and the limit of no purchase in a long time.
    future = alive(theta, X, T)
    k, a, s, b = future.shape, future.rate, future.s, future.beta
    shape, tilt = np.where(a >= b, k, s + 1), np.minimum(a / b, 1)
    exact = s / (k + s) * tilt * hyp2f1(1, shape, k + s + 1, 1 - np.minimum(a / b, b / a))
    found = future.never()
    np.testing.assert_allclose(found, exact, rtol=1e-10)
    np.testing.assert_allclose(found, future.count(np.array(0.0), 1e100), rtol=1e-9)
    np.testing.assert_allclose(1 - found, future.at_least(np.array(1.0), 1e100), atol=1e-6)


def test_no_time_brings_no_purchase() -> None:
    found = alive(CDNOW, X, T).count(np.arange(3.0)[:, None], 0.0)
    np.testing.assert_allclose(found, np.eye(3)[0][:, None] * np.ones(len(X)), atol=1e-15)


# --- lifetimes ---------------------------------------------------------------------------------------------------


def test_survival_falls_from_one_to_nothing_and_its_integral_is_the_mean_lifetime() -> None:
    t = np.array([0.0, 1e-6, 1.0, 39.0, 1e4, 1e9, 1e60])[:, None]
    future = alive(CDNOW, X, T)
    survival = future.survival(t)
    np.testing.assert_array_equal(survival[0], 1)
    assert (np.diff(survival, axis=0) < 0).all()
    assert (future.survival(np.inf) == 0).all()
    for x, age in zip(X, T, strict=True):
        of_one = alive((0.6, 10.0, 1.8, 12.0), x, age)
        integral = quad(lambda t: float(of_one.survival(t)), 0, np.inf, epsrel=1e-10)[0]  # noqa: B023
        assert of_one.mean_lifetime() == pytest.approx(integral, rel=1e-7)


def test_a_mean_lifetime_that_does_not_exist_is_infinite() -> None:
    np.testing.assert_array_equal(alive(CDNOW, X, T).mean_lifetime(), np.full(len(X), np.inf))
    found = alive((0.6, 10.0, np.array([[1.0], [1.5]]), 12.0), X, T).mean_lifetime()
    np.testing.assert_array_equal(found[0], np.full(len(X), np.inf))
    np.testing.assert_allclose(found[1], 2 * (12 + T))


# --- against customers who are lived event by event --------------------------------------------------------------


@pytest.mark.parametrize(("x", "T"), [(0, 39.0), (2, 38.86), (5, 39.0)])
def test_customers_with_a_history_drop_out_when_the_equations_say(x, T, ratio) -> None:
    n, (r, alpha, s, beta) = 300_000, CDNOW
    rng, future = np.random.default_rng(12), alive(CDNOW, x, T)
    rate, drop_out = rng.gamma(r, 1 / alpha, n), np.maximum(rng.gamma(s, 1 / beta, n), 1e-300)
    weight = rate**x * np.exp(-(rate + drop_out) * T)
    end, first = rng.exponential(1 / drop_out), rng.exponential(1 / np.maximum(rate, 1e-300))
    for found, event in [(future.never(), first > end), *[(future.survival(t), end > t) for t in (1.0, 10.0, 100.0)]]:
        brute, error = ratio(weight * event, weight)
        assert abs(float(found) - brute) < 4 * error


def test_new_customers_buy_at_the_times_of_customers_lived_event_by_event(live_any_time) -> None:
    n, t, (r, alpha, s, beta) = 60_000, 60.0, CDNOW
    rng = np.random.default_rng(21)
    who, time = live_any_time(rng, rng.gamma(r, 1 / alpha, n), rng.gamma(s, 1 / beta, n), t)
    count, new = np.bincount(who, minlength=n), alive(CDNOW, 0.0, 0.0)
    simulated = replace(new, shape=np.full((n, 1), r)).simulate(np.random.default_rng(22), t)
    both = np.array([np.bincount(np.minimum(counts, 15), minlength=16) for counts in (count, simulated.count)])
    assert stats.chi2_contingency(both).pvalue > 1e-3
    exact = new.count(np.arange(15.0), t)
    assert stats.chisquare(both[1], n * np.append(exact, 1 - exact.sum())).pvalue > 1e-3
    owner = np.repeat(np.arange(n), simulated.count)
    for k in (1, 2, 3, 5):  # one time of each customer, as times of one customer are not independent: the last of k
        last = [np.full(n, -1.0), np.full(n, -1.0)]
        np.maximum.at(last[0], who, time)
        np.maximum.at(last[1], owner, simulated.time)
        assert stats.ks_2samp(last[0][count == k], last[1][simulated.count == k]).pvalue > 1e-3
