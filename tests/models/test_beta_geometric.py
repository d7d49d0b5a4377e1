"""The equations that BG/NBD and MBG/NBD share: identities, quadrature, and customers who are lived event by event."""

import math
import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import quad
from scipy.special import hyp2f1

from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.gamma_gamma import GammaGamma
from clvmodels.models.mbg_nbd import MBGNBD
from clvmodels.models.nbd import NBD

BOTH = [BGNBD, MBGNBD]
CDNOW = {BGNBD: (0.2426, 4.4136, 0.7929, 2.4259), MBGNBD: (0.5248, 6.1830, 0.8914, 1.6140)}
HISTORIES = np.array([(0, 0, 0), (0, 0, 39), (1, 2, 30), (1, 30, 30.5), (4, 12.5, 39), (40, 38, 39), (1000, 39, 39)]).T

positive = st.floats(-3.5, 3.5).map(math.exp)
parameters = st.tuples(positive, positive, positive, positive)


# --- derivatives -------------------------------------------------------------------------------------------------


def difference(function, theta, i, h=1e-3):
    """The derivative by theta[i], from five points: the error is of the order of h^4."""
    points = [1 - 2 * h, 1 - h, 1 + h, 1 + 2 * h]
    values = [function([*theta[:i], theta[i] * point, *theta[i + 1 :]]) for point in points]
    return np.tensordot([1, -8, 8, -1], np.array(values), 1) / (12 * h * theta[i])


def purchase_columns():
    return tuple(HISTORIES.astype(float))


def spend_columns():
    return np.array([1.0, 2, 3, 30, 500]), np.array([0.2, 1, 3, 0.9, 2])


@pytest.mark.parametrize(
    ("model", "columns"),
    [(BGNBD, purchase_columns), (MBGNBD, purchase_columns), (NBD, purchase_columns), (GammaGamma, spend_columns)],
)
@given(theta=parameters)
@settings(max_examples=50)
def test_score_and_hessian_are_those_of_the_log_likelihood(model, columns, theta) -> None:
    data, theta = columns(), list(theta[: len(model.parameter_names())])
    exact = model(*theta).derivatives(*data)
    np.testing.assert_array_equal(exact.value, model(*theta).log_likelihood(*data))
    rows = np.eye(len(exact.value))
    hessians = np.stack([exact.hessian(row) for row in rows], axis=-1)
    np.testing.assert_allclose(hessians, hessians.swapaxes(0, 1), rtol=1e-12, atol=1e-14)
    counts = np.arange(1.0, len(rows) + 1)
    together = np.abs(hessians) @ counts
    np.testing.assert_allclose((exact.hessian(counts) - hessians @ counts) / (together + 1e-300), 0, atol=1e-12)
    scale = np.array(theta)  # compare by the logarithms of the parameters, which is what fits use
    for i in range(len(theta)):
        score = difference(lambda value: model(*value).log_likelihood(*data), theta, i)
        np.testing.assert_allclose((exact.score[i] - score) * theta[i] / (1 + np.abs(exact.value)), 0, atol=1e-8)
        hessian = difference(lambda value: model(*value).derivatives(*data).score, theta, i)
        size = 1 + np.abs(exact.score * scale[:, None]).max(axis=0) + np.abs(exact.value)
        np.testing.assert_allclose((hessians[:, i] - hessian) * scale[:, None] * theta[i] / size, 0, atol=1e-8)


# --- expectations ------------------------------------------------------------------------------------------------


def rate(model, x, T, s):
    """The purchase rate at T + s of a customer alive at T: E_p[k c^k / (c + p s)^(k + 1)]."""
    k, c, b = model.r + x, model.alpha + T, model.b + float(model.chances(x))
    return k / c * hyp2f1(k + 1, model.a, model.a + b, -s / c)


def integrate(function, end):
    """Gauss-Legendre over (0, end] in pieces, each ten times the last: the rate falls like a power of time."""
    nodes, weights = np.polynomial.legendre.leggauss(40)
    knots = np.concatenate([[0.0], end * 10.0 ** np.arange(-4, 1)])
    pieces = pairwise(knots)
    return sum((high - low) / 2 * weights @ function((low + high + (high - low) * nodes) / 2) for low, high in pieces)


@pytest.mark.parametrize("model", BOTH)
@pytest.mark.parametrize("delta", [0.0, 0.0018, 0.05])
@given(
    # in thousandths: a hair beside whole numbers, SciPy's hyp2f1 is no number
    theta=st.tuples(*[st.floats(-2, 2).map(lambda logarithm: round(math.exp(logarithm), 3))] * 4),
    x=st.integers(0, 12),
    T=st.floats(0, 60),
    t=st.floats(0.1, 150),
)
@settings(max_examples=25)
def test_expected_purchases_are_the_integral_of_the_rate(model, delta, theta, x, T, t) -> None:
    built = model(*theta)
    exact = integrate(lambda s: np.exp(-delta * s) * rate(built, x, T, s), t)
    found = built.purchases_if_alive(np.array(float(x)), np.array(T), t, delta)
    assert found == pytest.approx(exact, rel=1e-7)


def test_expected_purchases_where_closed_forms_break(oracle) -> None:
    table = oracle("discounted_purchases")
    for row in table["rows"]:
        r, alpha, a, b, x, T, t, delta, exact = (math.inf if value is None else value for value in row)
        x, T = np.array(float(x)), np.array(T)
        assert BGNBD(r, alpha, a, b).purchases_if_alive(x, T, t, delta) == pytest.approx(exact, rel=1e-8), row
        if b > 1:  # MBG/NBD has had one more chance to stop
            assert MBGNBD(r, alpha, a, b - 1).purchases_if_alive(x, T, t, delta) == pytest.approx(exact, rel=1e-8)


def test_the_published_closed_form() -> None:
    # Fader, Hardie & Lee (2005), equation 10, without its P(alive).
    r, alpha, a, b = CDNOW[BGNBD]
    for x, T, t in [(0.0, 0.0, 39.0), (2.0, 38.86, 39.0), (7.0, 30.0, 100.0)]:
        z = t / (alpha + T + t)
        closed = (
            (a + b + x - 1)
            / (a - 1)
            * (1 - ((alpha + T) / (alpha + T + t)) ** (r + x) * hyp2f1(r + x, b + x, a + b + x - 1, z))
        )
        assert BGNBD(r, alpha, a, b).purchases_if_alive(np.array(x), np.array(T), t) == pytest.approx(closed, rel=1e-9)


@pytest.mark.parametrize("model", BOTH)
def test_nothing_happens_at_a_equal_to_one(model) -> None:
    r, alpha, _, b = CDNOW[model]
    x, _, T = HISTORIES.astype(float)
    below, at, above = (model(r, alpha, a, b).purchases_if_alive(x, T, 104.0) for a in (1 - 1e-6, 1.0, 1 + 1e-6))
    np.testing.assert_allclose(at, (below + above) / 2, rtol=1e-9)
    assert (np.diff([below, at, above], axis=0) < 0).all()


@pytest.mark.parametrize("model", BOTH)
def test_expected_purchases_add_up_over_adjacent_horizons(model) -> None:
    built, delta, (s, t) = model(*CDNOW[model]), 0.0018, (26.0, 104.0)
    for x, T in [(0.0, 39.0), (3.0, 30.0), (20.0, 39.0)]:
        first, both = (built.purchases_if_alive(np.array(x), np.array(T), end, delta) for end in (s, t))
        later = quad(lambda u: math.exp(-delta * u) * rate(built, x, T, u), s, t, epsrel=1e-10)[0]  # noqa: B023
        assert first + later == pytest.approx(both, rel=1e-8)


@pytest.mark.parametrize("model", BOTH)
def test_a_higher_discount_is_worth_less_and_a_small_one_nearly_nothing(model) -> None:
    x, _, T = HISTORIES.astype(float)
    built = model(*CDNOW[model])
    worth = [built.purchases_if_alive(x, T, 104.0, delta) for delta in (0.0, 1e-9, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)]
    assert (np.diff(worth[1:], axis=0) < 0).all()
    np.testing.assert_allclose(worth[1], worth[0], rtol=1e-6)


@pytest.mark.parametrize("model", BOTH)
def test_an_infinite_horizon_is_the_limit_of_a_long_one(model) -> None:
    x, _, T = HISTORIES.astype(float)
    built, delta = model(*CDNOW[model]), 0.0018
    forever = built.purchases_if_alive(x, T, np.inf, delta)
    np.testing.assert_allclose(forever, built.purchases_if_alive(x, T, 15_000.0, delta), rtol=1e-8)
    assert (forever > built.purchases_if_alive(x, T, 2000.0, delta)).all()


@pytest.mark.parametrize("model", BOTH)
def test_heavy_buyers_are_finite_and_in_order(model) -> None:
    built = model(*CDNOW[model])
    x = np.array([100.0, 1000.0, 5000.0, 50_000.0])
    T = np.full(4, 39.0)
    expected = built.purchases_if_alive(x, T, 39.0)
    assert np.isfinite(expected).all()
    assert (np.diff(expected) > 0).all()
    assert (expected < (built.r + x) / (built.alpha + 39) * 39).all()  # without drop-out
    assert np.isfinite(built.log_likelihood(x, T, T)).all()
    # The last purchase on the last day: stopped with the last coin or not at all.
    stopped = built.a / (built.a + built.b + built.chances(x) - 1)
    np.testing.assert_allclose(built.probability_alive(x, T, T), 1 - stopped, rtol=1e-9)
    np.testing.assert_allclose(built.probability_alive(x, T / 2, T), np.zeros(4), atol=1e-20)


@pytest.mark.parametrize("model", BOTH)
def test_without_drop_out_it_is_nbd(model) -> None:
    x, t_x, T = HISTORIES.astype(float)
    built, nbd = model(0.4, 5.0, 1e-9, 2.0), NBD(0.4, 5.0)
    np.testing.assert_allclose(built.log_likelihood(x, t_x, T)[:4], nbd.log_likelihood(x, t_x, T)[:4], atol=1e-6)
    np.testing.assert_allclose(built.purchases_if_alive(x, T, 20.0), nbd.purchases_if_alive(x, T, 20.0), rtol=1e-5)
    many = model(0.4, 5.0, 0.8, 1e9)  # the probability to stop goes to 0 as b grows
    np.testing.assert_allclose(many.purchases_if_alive(x, T, 20.0), nbd.purchases_if_alive(x, T, 20.0), rtol=1e-5)
    np.testing.assert_allclose(many.probability_alive(x[:3], t_x[:3], T[:3]), 1, atol=1e-6)


@pytest.mark.parametrize("model", BOTH)
@pytest.mark.parametrize(("x", "T", "t"), [(0.0, 0.0, 10.0), (5.0, 39.0, 26.0), (300.0, 39.0, 2.0)])
def test_the_counts_are_a_distribution_with_the_expected_mean(model, x, T, t) -> None:
    built, k = model(*CDNOW[model]), np.arange(2000.0)
    chance = built.count_if_alive(k, np.array(x), np.array(T), t)
    assert (chance >= 0).all()
    assert chance.sum() == pytest.approx(1, rel=1e-9)
    assert chance @ k == pytest.approx(float(built.purchases_if_alive(np.array(x), np.array(T), t)), rel=1e-6)
    none = stats.nbinom.pmf(0, built.r + x, (built.alpha + T) / (built.alpha + T + t))
    assert chance[0] == pytest.approx(none, rel=1e-12)


@pytest.mark.parametrize("model", BOTH)
@pytest.mark.parametrize(("x", "T", "t"), [(0.0, 0.0, 10.0), (5.0, 39.0, 26.0), (300.0, 39.0, 2.0)])
def test_at_least_k_is_the_sum_of_the_counts_from_k_on_however_small(model, x, T, t) -> None:
    built, k = model(*CDNOW[model]), np.arange(2000.0)
    chance = built.count_if_alive(k, np.array(x), np.array(T), t)
    for least in (1, 2, 10, 100):
        found = built.at_least_if_alive(np.array(float(least)), np.array(x), np.array(T), t)
        assert found == pytest.approx(chance[least:].sum(), rel=1e-9), least
    rare = built.at_least_if_alive(np.array(60.0), np.array(x), np.array(T), 0.01)
    assert 0 < rare < 1e-30
    one_by_one = built.count_if_alive(np.arange(60.0, 400.0), np.array(x), np.array(T), 0.01).sum()
    assert rare == pytest.approx(one_by_one, rel=1e-9)


# --- lifetimes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", BOTH)
def test_survival_is_the_published_kind_of_hypergeometric_function(model) -> None:
    x, _, T = HISTORIES[:, :6].astype(float)
    built = model(*CDNOW[model])
    stay = built.b + built.chances(x)
    for t in (0.01, 1.0, 39.0, 520.0):
        exact = hyp2f1(built.r + x, built.a, built.a + stay, -t / (built.alpha + T))
        np.testing.assert_allclose(built.survival_if_alive(x, T, t), exact, rtol=1e-8)


@pytest.mark.parametrize("model", BOTH)
@given(theta=parameters)
@settings(max_examples=25)
def test_who_stops_has_stopped_at_a_purchase(model, theta) -> None:
    # 1 - S(t) = E[p purchases(t)]; p times the density of Beta(a, b + n) is its mean times that of Beta(a + 1, b + n).
    (r, alpha, a, b), (x, _, T) = theta, HISTORIES.astype(float)
    built, n = model(*theta), model.chances(x)
    stopped = a / (a + b + n) * model(r, alpha, a + 1, b).purchases_if_alive(x, T, 39.0)
    np.testing.assert_allclose(1 - built.survival_if_alive(x, T, 39.0), stopped, rtol=1e-7, atol=2e-8)


@pytest.mark.parametrize("model", BOTH)
def test_survival_falls_from_one_to_nothing(model) -> None:
    x, _, T = HISTORIES.astype(float)
    built = model(*CDNOW[model])
    t = np.array([0.0, 1e-6, 1.0, 39.0, 1e4, 1e9, 1e60])[:, None]
    survival = built.survival_if_alive(x, T, t)
    assert survival.shape == (7, len(x))
    np.testing.assert_allclose(survival[0], 1, rtol=1e-14)
    assert (np.diff(survival, axis=0) < 0).all()
    assert (survival[-1] < 1e-9).all()
    assert (built.survival_if_alive(x, T, np.inf) == 0).all()


@pytest.mark.parametrize("model", BOTH)
@pytest.mark.parametrize(("x", "T"), [(0.0, 0.0), (1.0, 30.0), (4.0, 39.0), (40.0, 39.0)])
def test_the_mean_lifetime_is_the_integral_of_the_survival(model, x, T) -> None:
    built = model(2.4, 4.0, 2.7, 3.0)
    x, T = np.array(x), np.array(T)

    def integrand(log_t):
        return math.exp(log_t) * float(built.survival_if_alive(x, T, math.exp(log_t)))

    integral = sum(quad(integrand, low, low + 5, epsrel=1e-9)[0] for low in range(-15, 30, 5))
    assert built.lifetime_if_alive(x, T) == pytest.approx(integral, rel=1e-5)


@pytest.mark.parametrize("model", BOTH)
def test_a_mean_lifetime_that_does_not_exist_is_infinite(model) -> None:
    x, T = np.array([0.0, 1.0, 5.0]), np.full(3, 39.0)
    assert np.isinf(model(*CDNOW[model]).lifetime_if_alive(x, T)).all()
    assert np.isinf(model(0.5, 4.0, 1.0, 3.0).lifetime_if_alive(x, T)).all()
    assert np.isinf(model(0.5, 4.0, 1.5, 0.2).lifetime_if_alive(x, T)).tolist() == [True, False, False]
    draws = model(0.5, 4.0, np.array([[0.9], [1.5]]), 3.0)
    assert np.isfinite(draws.lifetime_if_alive(x[1:], T[1:])).tolist() == [[False, False], [True, True]]


@pytest.mark.parametrize("model", BOTH)
def test_who_is_alive_buys_again(model) -> None:
    x, _, T = HISTORIES.astype(float)
    built = model(*CDNOW[model])
    assert (built.never_if_alive(x, T) == 0).all()
    np.testing.assert_allclose(built.count_if_alive(np.array(0.0), x, T, 1e100), 0, atol=1e-20)


@pytest.mark.parametrize("model", BOTH)
def test_draws_and_customers_broadcast(model) -> None:
    x, t_x, T = HISTORIES.astype(float)
    theta = np.array(CDNOW[model])[:, None, None] * np.exp(0.1 * np.random.default_rng(0).standard_normal((4, 3, 1)))
    draws = model(*theta)
    for name, arguments in [
        ("log_likelihood", (x, t_x, T)),
        ("probability_alive", (x, t_x, T)),
        ("purchases_if_alive", (x, T, 39.0)),
        ("purchases_if_alive", (x, T, 39.0, 0.002)),
        ("count_if_alive", (np.array(0.0), x, T, 39.0)),
        ("count_if_alive", (x, x, T, 39.0)),
        ("at_least_if_alive", (x + 1, x, T, 39.0)),
        ("never_if_alive", (x, T)),
        ("survival_if_alive", (x, T, 39.0)),
        ("survival_if_alive", (x, T, T + 1)),
        ("lifetime_if_alive", (x, T)),
    ]:
        together = getattr(draws, name)(*arguments)
        each = [getattr(model(*theta[:, i, 0]), name)(*arguments) for i in range(3)]
        np.testing.assert_allclose(together, each, rtol=1e-8, err_msg=name)


@pytest.mark.parametrize("model", BOTH)
@pytest.mark.parametrize(
    ("theta", "message"),
    [
        ((0.8, 10.0, 1e-6, 2.0), "No drop-out identified.*Fit clv.NBD"),
        ((0.8, 10.0, 400.0, 1200.0), r"stop with the same probability \(0\.25 a purchase\)"),
        ((0.8, 10.0, 0.04, 0.07), r"at their first chance or never \(a \+ b = 0\.11\)"),
        ((5e6, 1e6, 20.0, 30.0), "buy at the same rate, 5 a typical gap"),
        ((0.8, 10.0, 0.5, 1.0), "flat in some direction.*more customers"),
    ],
)
def test_a_border_is_named_after_what_the_data_do_not_tell(model, theta, message) -> None:
    assert re.search(message, model(*theta).unidentified())


# --- against customers who are lived event by event --------------------------------------------------------------


def weighted_lives(model, live, history, t, n, seed):
    """Latent rates and coins from the population, weighted by how likely they make a history, and their futures.

    Returns the weights of being alive and of having stopped, the counts in (T, T + t], and the times with their owners.
    """
    rng = np.random.default_rng(seed)
    x, t_x, T = history
    r, alpha, a, b = CDNOW[model]
    rates, stops = rng.gamma(r, 1 / alpha, n), rng.beta(a, b, n)
    chances = x + (model is MBGNBD)
    alive = rates**x * np.exp(-rates * T) * (1 - stops) ** chances
    stopped = rates**x * np.exp(-rates * t_x) * (1 - stops) ** (chances - 1) * stops if chances else np.zeros(n)
    return alive, stopped, live(rng, rates, stops, t, at_once=False)


def ratio(numerator, denominator):
    """An estimate of E[numerator] / E[denominator] and its standard error."""
    value = numerator.mean() / denominator.mean()
    return value, np.std(numerator - value * denominator) / denominator.mean() / np.sqrt(len(numerator))


@pytest.mark.parametrize("model", BOTH)
@pytest.mark.parametrize("history", [(0, 0.0, 39.0), (1, 2.0, 30.0), (2, 30.43, 38.86), (5, 20.0, 39.0)])
def test_customers_with_a_history_live_on_as_the_equations_say(model, live, history) -> None:
    n, t, delta = 300_000, 39.0, 0.02
    alive, stopped, lives = weighted_lives(model, live, history, t, n, seed=11)
    count = lives.count(n, 0.0, t)
    worth = np.bincount(lives.who, np.exp(-delta * lives.time), minlength=n)
    built, (x, t_x, T) = model(*CDNOW[model]), (np.array(float(value)) for value in history)
    p_alive = float(built.probability_alive(x, t_x, T))
    for found, numerator in [
        (p_alive, alive),
        (p_alive * built.purchases_if_alive(x, T, t), alive * count),
        (p_alive * built.purchases_if_alive(x, T, t, delta), alive * worth),
        *((p_alive * built.count_if_alive(np.array(k), x, T, t), alive * (count == k)) for k in (0.0, 1.0, 3.0)),
    ]:
        brute, error = ratio(numerator, alive + stopped)
        assert abs(found - brute) < 4 * error + 1e-12

    # simulate(): the distribution of counts, and the discounted sum, against the same lives.
    draws = 60_000
    many = model(np.full((draws, 1), built.r), built.alpha, built.a, built.b)
    future = many.simulate(np.random.default_rng(5), *history, t)
    assert future.count.sum() == len(future.time)
    assert (future.time > 0).all()
    assert (future.time <= t).all()
    for k in range(8):
        brute, error = ratio(alive * (count >= k) + stopped * (k == 0), alive + stopped)
        found = (future.count >= k).mean()
        assert abs(found - brute) < 4.5 * np.hypot(error, np.sqrt(found * (1 - found) / draws)) + 1e-12, k
    simulated = np.bincount(np.repeat(np.arange(draws), future.count), np.exp(-delta * future.time), minlength=draws)
    brute, error = ratio(alive * worth, alive + stopped)
    assert abs(simulated.mean() - brute) < 4 * np.hypot(error, simulated.std() / np.sqrt(draws))


def stops(rng, rates, chances, t):
    """Live event by event: wait an exponential gap, buy, toss a coin whether to stop; the time of the stop, up to t."""
    stop, who = np.zeros(len(rates)), np.arange(len(rates))
    while len(who):
        stop[who] += rng.exponential(1 / rates[who])
        who = who[(stop[who] < t) & (rng.random(len(who)) >= chances[who])]
    return stop


@pytest.mark.parametrize("model", BOTH)
@pytest.mark.parametrize("history", [(0, 0.0, 39.0), (2, 30.43, 38.86), (5, 20.0, 39.0)])
def test_customers_with_a_history_stop_when_the_equations_say(model, history) -> None:
    n, (r, alpha, a, b), (x, _, T) = 300_000, CDNOW[model], history
    rng = np.random.default_rng(12)
    rates, chances = rng.gamma(r, 1 / alpha, n), rng.beta(a, b, n)
    alive = rates**x * np.exp(-rates * T) * (1 - chances) ** (x + (model is MBGNBD))
    stop = stops(rng, np.maximum(rates, 1e-9), chances, 500.0)
    for t in (1.0, 10.0, 100.0, 500.0):
        brute, error = ratio(alive * (stop > t), alive)
        found = float(model(r, alpha, a, b).survival_if_alive(np.array(float(x)), np.array(T), t))
        assert abs(found - brute) < 4 * error, t


@pytest.mark.parametrize("model", BOTH)
def test_new_customers_buy_at_the_times_of_customers_lived_event_by_event(model, live) -> None:
    n, t = 60_000, 60.0
    r, alpha, a, b = CDNOW[model]
    rng = np.random.default_rng(21)
    lives = live(rng, rng.gamma(r, 1 / alpha, n), rng.beta(a, b, n), t, at_once=model is MBGNBD)
    count = lives.count(n, 0.0, t)
    future = model(np.full((n, 1), r), alpha, a, b).simulate(np.random.default_rng(22), 0.0, 0.0, 0.0, t)
    both = np.array([np.bincount(np.minimum(counts, 15), minlength=16) for counts in (count, future.count)])
    assert stats.chi2_contingency(both).pvalue > 1e-3
    # One time of each customer, as times of one customer are not independent: the first, the last, and the k-th of k.
    ends = np.cumsum(count), np.cumsum(future.count)
    order = np.lexsort((future.time, np.repeat(np.arange(n), future.count)))
    ordered = future.time[order]
    for k in (1, 2, 3, 5):
        brute = lives.time[ends[0][count == k] - k], lives.time[ends[0][count == k] - 1]
        found = ordered[ends[1][future.count == k] - k], ordered[ends[1][future.count == k] - 1]
        for sample, other in zip(brute, found, strict=True):
            assert stats.ks_2samp(sample, other).pvalue > 1e-3


@pytest.mark.parametrize("model", BOTH)
def test_a_base_lived_event_by_event_comes_back_as_expected_by_frequency(model, population) -> None:
    # Condition on a history by grouping: the mean of what groups did is the mean of what was expected of them.
    base = population(20_000, CDNOW[model], seed=31, at_once=model is MBGNBD)
    built, rfm = model(*CDNOW[model]), base.rfm
    x, t_x, T = rfm.frequency.astype(float), rfm.recency, rfm.T
    expected = built.probability_alive(x, t_x, T) * built.purchases_if_alive(x, T, 39.0)
    recent = t_x > 0.7 * T
    groups = [x == 0, (x == 1) & recent, (x == 1) & ~recent, (x == 2) & recent, (x == 2) & ~recent, x > 2]
    for group in groups:
        surprise = (base.count - expected)[group]
        assert group.sum() > 100
        assert abs(surprise.mean()) < 4 * surprise.std() / np.sqrt(group.sum())


@pytest.mark.parametrize("model", BOTH)
def test_who_stopped_for_certain_buys_nothing_and_who_cannot_stop_buys_on(model) -> None:
    draws = 2000
    gone = model(np.full((draws, 1), 0.5), 5.0, 0.8, 2.4).simulate(np.random.default_rng(0), 50.0, 10.0, 400.0, 52.0)
    assert (gone.count == 0).all()
    assert gone.time.shape == (0,)
    loyal = model(np.full((draws, 1), 50.0), 1.0, 1e-12, 2.4).simulate(np.random.default_rng(0), 0.0, 0.0, 0.0, 52.0)
    assert loyal.count.mean() == pytest.approx(50 * 52, rel=0.02)
