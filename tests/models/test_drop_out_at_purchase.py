"""Futures with drop-out at a purchase: identities, quadrature, and customers who are lived event by event."""

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

from clvmodels.models.drop_out_at_purchase import DropOutAtPurchase

# (r, alpha, a, b) of customers who have been through one chance of drop-out a repeat purchase: BG/NBD, and MBG/NBD
# after its first purchase.
CDNOW = [(0.2426, 4.4136, 0.7929, 2.4259), (0.5248, 6.1830, 0.8914, 2.6140)]
X, T = np.array([(0, 0), (0, 39), (1, 30), (1, 30.5), (4, 39), (40, 39), (1000, 39)]).T


def alive(theta, x, T):
    """The future of customers who made x repeat purchases in T and are alive."""
    r, alpha, a, b = theta
    return DropOutAtPurchase(*map(np.asarray, (r + x, alpha + T, a, b + x)))


# --- expectations ------------------------------------------------------------------------------------------------


def rate(future, s):
    """The purchase rate at s of a customer who is alive at 0: E_p[k c^k / (c + p s)^(k + 1)]."""
    k, c, a, b = future.shape, future.rate, future.a, future.b
    return k / c * hyp2f1(k + 1, a, a + b, -s / c)


def integrate(function, end):
    """Gauss-Legendre over (0, end] in pieces, each ten times the last: the rate falls like a power of time."""
    nodes, weights = np.polynomial.legendre.leggauss(40)
    knots = np.concatenate([[0.0], end * 10.0 ** np.arange(-4, 1)])
    pieces = pairwise(knots)
    return sum((high - low) / 2 * weights @ function((low + high + (high - low) * nodes) / 2) for low, high in pieces)


@pytest.mark.parametrize("delta", [0.0, 0.0018, 0.05])
@given(
    # in thousandths: a hair beside whole numbers, SciPy's hyp2f1 is no number
    theta=st.tuples(*[st.floats(-2, 2).map(lambda logarithm: round(math.exp(logarithm), 3))] * 4),
    x=st.integers(0, 12),
    T=st.floats(0, 60),
    t=st.floats(0.1, 150),
)
@settings(max_examples=50)
def test_expected_purchases_are_the_integral_of_the_rate(delta, theta, x, T, t) -> None:
    future = alive(theta, x, T)
    exact = integrate(lambda s: np.exp(-delta * s) * rate(future, s), t)
    assert future.purchases(t, delta) == pytest.approx(exact, rel=1e-7)


def test_expected_purchases_where_closed_forms_break(oracle) -> None:
    table = oracle("discounted_purchases")
    for row in table["rows"]:
        *theta, x, T, t, delta, exact = (math.inf if value is None else value for value in row)
        assert alive(theta, x, T).purchases(t, delta) == pytest.approx(exact, rel=1e-8), row


def test_the_published_closed_form() -> None:
    # Fader, Hardie & Lee (2005), equation 10, without its P(alive).
    r, alpha, a, b = CDNOW[0]
    for x, T, t in [(0.0, 0.0, 39.0), (2.0, 38.86, 39.0), (7.0, 30.0, 100.0)]:
        z = t / (alpha + T + t)
        closed = (
            (a + b + x - 1)
            / (a - 1)
            * (1 - ((alpha + T) / (alpha + T + t)) ** (r + x) * hyp2f1(r + x, b + x, a + b + x - 1, z))
        )
        assert alive(CDNOW[0], x, T).purchases(t) == pytest.approx(closed, rel=1e-9)


@pytest.mark.parametrize("theta", CDNOW)
def test_nothing_happens_at_a_equal_to_one(theta) -> None:
    future = alive(theta, X, T)
    below, at, above = (replace(future, a=np.array(a)).purchases(104.0) for a in (1 - 1e-6, 1.0, 1 + 1e-6))
    np.testing.assert_allclose(at, (below + above) / 2, rtol=1e-9)
    assert (np.diff([below, at, above], axis=0) < 0).all()


@pytest.mark.parametrize("theta", CDNOW)
def test_expected_purchases_add_up_over_adjacent_horizons(theta) -> None:
    delta, (s, t) = 0.0018, (26.0, 104.0)
    for x, T in [(0.0, 39.0), (3.0, 30.0), (20.0, 39.0)]:
        future = alive(theta, x, T)
        first, both = (future.purchases(end, delta) for end in (s, t))
        later = quad(lambda u: math.exp(-delta * u) * rate(future, u), s, t, epsrel=1e-10)[0]  # noqa: B023
        assert first + later == pytest.approx(both, rel=1e-8)


@pytest.mark.parametrize("theta", CDNOW)
def test_a_higher_discount_is_worth_less_and_a_small_one_nearly_nothing(theta) -> None:
    future = alive(theta, X, T)
    worth = [future.purchases(104.0, delta) for delta in (0.0, 1e-9, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)]
    assert (np.diff(worth[1:], axis=0) < 0).all()
    np.testing.assert_allclose(worth[1], worth[0], rtol=1e-6)


@pytest.mark.parametrize("theta", CDNOW)
def test_an_infinite_horizon_is_the_limit_of_a_long_one(theta) -> None:
    future, delta = alive(theta, X, T), 0.0018
    forever = future.purchases(np.inf, delta)
    np.testing.assert_allclose(forever, future.purchases(15_000.0, delta), rtol=1e-8)
    assert (forever > future.purchases(2000.0, delta)).all()


@pytest.mark.parametrize("t", [1.0, 520.0, np.inf])
@pytest.mark.parametrize("shape", [0.3, 5.0, 40.0])
@pytest.mark.parametrize("size", [1.0, 1e2, 1e3, 1e5])
def test_interest_may_consume_sooner_than_customers_buy(size, shape, t) -> None:
    delta = 0.002  # the rate is many times the time that interest takes
    future = DropOutAtPurchase(*map(np.array, (shape, size / delta, 0.8, 2.4)))
    exact = integrate(lambda s: np.exp(-delta * s) * rate(future, s), min(t, 60 / delta))
    assert future.purchases(t, delta) == pytest.approx(exact, rel=1e-9)


def test_where_interest_consumes_sooner_the_worth_of_others_is_the_same_to_the_last_bit() -> None:
    shape, rates = np.array([[0.3], [2.0]]), np.array([4.4, 40.0, 9000.0, 1e6])
    together = DropOutAtPurchase(shape, rates, np.array(0.8), np.array(2.4)).purchases(np.inf, 0.002)
    for i in range(4):
        alone = DropOutAtPurchase(shape, rates[i : i + 1], np.array(0.8), np.array(2.4)).purchases(np.inf, 0.002)
        np.testing.assert_array_equal(together[:, i : i + 1], alone)


@pytest.mark.parametrize("theta", CDNOW)
def test_heavy_buyers_are_finite_and_in_order(theta) -> None:
    future = alive(theta, np.array([100.0, 1000.0, 5000.0, 50_000.0]), 39.0)
    expected = future.purchases(39.0)
    assert np.isfinite(expected).all()
    assert (np.diff(expected) > 0).all()
    assert (expected < future.shape / future.rate * 39).all()  # without drop-out


# --- counts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("theta", CDNOW)
@pytest.mark.parametrize(("x", "T", "t"), [(0.0, 0.0, 10.0), (5.0, 39.0, 26.0), (300.0, 39.0, 2.0)])
def test_the_counts_are_a_distribution_with_the_expected_mean(theta, x, T, t) -> None:
    future, k = alive(theta, x, T), np.arange(2000.0)
    chance = future.count(k, t)
    assert (chance >= 0).all()
    assert chance.sum() == pytest.approx(1, rel=1e-9)
    assert chance @ k == pytest.approx(float(future.purchases(t)), rel=1e-6)
    none = stats.nbinom.pmf(0, future.shape, future.rate / (future.rate + t))
    assert chance[0] == pytest.approx(none, rel=1e-12)


@pytest.mark.parametrize("theta", CDNOW)
@pytest.mark.parametrize(("x", "T", "t"), [(0.0, 0.0, 10.0), (5.0, 39.0, 26.0), (300.0, 39.0, 2.0)])
def test_at_least_k_is_the_sum_of_the_counts_from_k_on_however_small(theta, x, T, t) -> None:
    future = alive(theta, x, T)
    chance = future.count(np.arange(2000.0), t)
    for least in (1, 2, 10, 100):
        assert future.at_least(np.array(float(least)), t) == pytest.approx(chance[least:].sum(), rel=1e-9), least
    rare = future.at_least(np.array(60.0), 0.01)
    assert 0 < rare < 1e-30
    assert rare == pytest.approx(future.count(np.arange(60.0, 400.0), 0.01).sum(), rel=1e-9)


@pytest.mark.parametrize("theta", CDNOW)
def test_who_is_alive_buys_again(theta) -> None:
    future = alive(theta, X, T)
    np.testing.assert_array_equal(future.never(), np.zeros(len(X)))
    np.testing.assert_allclose(future.count(np.array(0.0), 1e100), 0, atol=1e-20)


# --- lifetimes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("theta", CDNOW)
def test_survival_is_the_published_kind_of_hypergeometric_function(theta) -> None:
    future = alive(theta, X[:6], T[:6])
    for t in (0.01, 1.0, 39.0, 520.0):
        exact = hyp2f1(future.shape, future.a, future.a + future.b, -t / future.rate)
        np.testing.assert_allclose(future.survival(t), exact, rtol=1e-8)


@given(theta=st.tuples(*[st.floats(-3.5, 3.5).map(math.exp)] * 4))
@settings(max_examples=50)
def test_who_drops_out_has_done_so_at_a_purchase(theta) -> None:
    # 1 - S(t) = E[p purchases(t)]; p times the density of Beta(a, b + n) is its mean times that of Beta(a + 1, b + n).
    future = alive(theta, X, T)
    dropped_out = future.a / (future.a + future.b) * replace(future, a=future.a + 1).purchases(39.0)
    np.testing.assert_allclose(1 - future.survival(39.0), dropped_out, rtol=1e-7, atol=2e-8)


@pytest.mark.parametrize("theta", CDNOW)
def test_survival_falls_from_one_to_nothing(theta) -> None:
    future, t = alive(theta, X, T), np.array([0.0, 1e-6, 1.0, 39.0, 1e4, 1e9, 1e60])[:, None]
    survival = future.survival(t)
    assert survival.shape == (7, len(X))
    np.testing.assert_allclose(survival[0], 1, rtol=1e-14)
    assert (np.diff(survival, axis=0) < 0).all()
    assert (survival[-1] < 1e-9).all()
    assert (future.survival(np.inf) == 0).all()


@pytest.mark.parametrize("b", [3.0, 4.0])
@pytest.mark.parametrize(("x", "T"), [(0.0, 0.0), (1.0, 30.0), (4.0, 39.0), (40.0, 39.0)])
def test_the_mean_lifetime_is_the_integral_of_the_survival(b, x, T) -> None:
    future = alive((2.4, 4.0, 2.7, b), x, T)

    def integrand(log_t):
        return math.exp(log_t) * float(future.survival(math.exp(log_t)))

    integral = sum(quad(integrand, low, low + 5, epsrel=1e-9)[0] for low in range(-15, 30, 5))
    assert future.mean_lifetime() == pytest.approx(integral, rel=1e-5)


def test_a_mean_lifetime_that_does_not_exist_is_infinite() -> None:
    x = np.array([0.0, 1.0, 5.0])
    for theta in (*CDNOW, (0.5, 4.0, 1.0, 3.0), (0.5, 4.0, 1.0, 4.0)):
        np.testing.assert_array_equal(alive(theta, x, 39.0).mean_lifetime(), np.full(3, np.inf))
    for b in (0.2, 1.2):
        assert np.isinf(alive((0.5, 4.0, 1.5, b), x, 39.0).mean_lifetime()).tolist() == [True, False, False]
    draws = alive((0.5, 4.0, np.array([[0.9], [1.5]]), 3.0), x[1:], 39.0)
    assert np.isfinite(draws.mean_lifetime()).tolist() == [[False, False], [True, True]]


# --- against customers who are lived event by event --------------------------------------------------------------


def times_of_drop_out(rng, rates, chances, t):
    """Live event by event: wait an exponential gap, buy, perhaps drop out; the time of the drop-out, up to t."""
    end, who = np.zeros(len(rates)), np.arange(len(rates))
    while len(who):
        end[who] += rng.exponential(1 / rates[who])
        who = who[(end[who] < t) & (rng.random(len(who)) >= chances[who])]
    return end


@pytest.mark.parametrize("theta", CDNOW)
@pytest.mark.parametrize(("x", "T"), [(0, 39.0), (2, 38.86), (5, 39.0)])
def test_customers_with_a_history_drop_out_when_the_equations_say(theta, x, T, ratio) -> None:
    n, (r, alpha, a, b) = 300_000, theta
    rng = np.random.default_rng(12)
    rates, chances = rng.gamma(r, 1 / alpha, n), rng.beta(a, b, n)
    weight = rates**x * np.exp(-rates * T) * (1 - chances) ** x
    end = times_of_drop_out(rng, np.maximum(rates, 1e-9), chances, 500.0)
    for t in (1.0, 10.0, 100.0, 500.0):
        brute, error = ratio(weight * (end > t), weight)
        assert abs(float(alive(theta, x, T).survival(t)) - brute) < 4 * error, t


@pytest.mark.parametrize("theta", CDNOW)
def test_simulated_purchases_have_the_counts_and_the_worth_of_the_equations(theta) -> None:
    draws, t, delta = 60_000, 39.0, 0.02
    future = alive(theta, 2.0, 38.86)
    rng, shape = np.random.default_rng(5), np.full((draws, 1), future.shape)
    simulated = replace(future, shape=shape).simulate(rng, t)
    assert simulated.count.sum() == len(simulated.time)
    assert ((simulated.time > 0) & (simulated.time <= t)).all()
    chance = future.count(np.arange(8.0), t)
    found = np.bincount(np.minimum(simulated.count, 8), minlength=9)
    assert stats.chisquare(found, draws * np.append(chance, 1 - chance.sum())).pvalue > 1e-3
    owner = np.repeat(np.arange(draws), simulated.count)
    worth = np.bincount(owner, np.exp(-delta * simulated.time), minlength=draws)
    assert abs(worth.mean() - future.purchases(t, delta)) < 4 * worth.std() / np.sqrt(draws)
