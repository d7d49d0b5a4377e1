"""Averages over Beta distributions and discounted sums, against closed forms."""

from functools import reduce

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import betaln, exp1, expit

from clvmodels.models.special import (
    beta_rule,
    discount_weights,
    discounted_time,
    integral_of_powers,
    log_one_plus_exp,
    log_one_plus_exp_and_share,
    over_counts,
    trigamma,
)

SHAPES = np.logspace(-3, 3, 7)


def average(function, a, b):
    p, weight = beta_rule(np.asarray(a), np.asarray(b))
    return reduce(np.add, weight * function(p))  # in order, so that nodes without weight change nothing


def discounted(cumulative, t, delta, c):
    fraction, z, weights = discount_weights(t, delta, np.asarray(c, dtype=float))
    return sum(w * cumulative(at * (fraction * c)) for at, w in zip(z, weights, strict=True))


def power(m):
    """E[(1 - p)^m] in closed form, and the function that is averaged."""
    return lambda p: (1 - p) ** m, lambda a, b: np.exp(betaln(a, b + m) - betaln(a, b))


@pytest.mark.parametrize(
    ("function", "exact"),
    [
        (np.ones_like, lambda a, b: np.ones_like(a + b)),
        (np.asarray, lambda a, b: a / (a + b)),
        (np.square, lambda a, b: a * (a + 1) / (a + b) / (a + b + 1)),
        power(3),
        power(20.5),
        (lambda p: -np.expm1(-0.3 * np.log1p(20 * p)), None),
    ],
    ids=["1", "p", "p^2", "(1-p)^3", "(1-p)^20.5", "purchase-like"],
)
def test_an_average_over_any_beta_distribution_is_the_closed_form(function, exact) -> None:
    a, b = (shapes.ravel() for shapes in np.meshgrid(SHAPES, SHAPES))
    together = average(function, a, b)
    alone = np.array([average(function, ai, bi) for ai, bi in zip(a, b, strict=True)])
    np.testing.assert_array_equal(alone, together)  # to the last bit, whoever else is asked for
    if exact is not None:
        np.testing.assert_allclose(together, exact(a, b), rtol=0, atol=1e-8)  # of functions up to 1


@pytest.mark.parametrize(("a", "b"), [(0.79, 2.43), (0.5, 0.5), (1.0, 1.0), (3.0, 40.0), (0.05, 8.0)])
def test_an_average_over_the_shapes_of_customers_has_nine_digits(a, b) -> None:
    function, exact = power(7)
    assert average(function, a, b) == pytest.approx(exact(a, b), rel=1e-9)
    assert average(np.asarray, a, b) == pytest.approx(a / (a + b), rel=1e-9)


def test_draws_and_customers_broadcast() -> None:
    a, b = np.array([[0.5], [2.0]]), np.array([[1.0, 5.0, 30.0]])
    np.testing.assert_allclose(average(np.asarray, a, b), a / (a + b), rtol=1e-8)


def test_an_unbounded_function_is_averaged_as_long_as_its_mean_exists() -> None:
    # E[1 / p] = (a + b - 1) / (a - 1): infinite at 0, where the weight vanishes.
    found = average(lambda p: 1 / np.maximum(p, 1e-300), np.array([1.5, 4.0]), np.array([2.0, 9.0]))
    np.testing.assert_allclose(found, [2.5 / 0.5, 12 / 3], rtol=1e-5)


@pytest.mark.parametrize("t", [1.0, 39.0, 1e4, np.inf])
@pytest.mark.parametrize("delta", [1e-5, 0.0018, 0.1])
def test_a_steady_stream_is_worth_its_annuity(t, delta) -> None:
    exact = -np.expm1(-delta * t) / delta
    for c in (0.5, 4.0, 100.0, 1e4):
        assert discounted(np.asarray, t, delta, c) == pytest.approx(exact, rel=1e-9)
    together = discounted(np.asarray, t, delta, np.array([0.5, 4.0, 100.0]))
    np.testing.assert_allclose(together, exact, rtol=1e-7)


@pytest.mark.parametrize("t", [0.5, 39.0, 2000.0])
@pytest.mark.parametrize("delta", [1e-4, 0.0018, 0.3])
def test_a_logarithmic_stream_is_worth_its_exponential_integral(t, delta) -> None:
    c = np.array([0.3, 4.4, 120.0])
    exact = np.exp(delta * c) * (exp1(delta * c) - exp1(delta * (c + t)))
    np.testing.assert_allclose(discounted(lambda s: np.log1p(s / c), t, delta, c), exact, rtol=1e-8)


def test_a_stream_that_runs_dry_is_discounted_from_the_front() -> None:
    # G(s) = 1 - exp(-s): a purchase at an exponential time, discounted, is worth 1 / (1 + delta).
    assert discounted(lambda s: -np.expm1(-s), np.inf, 0.5, 1.0) == pytest.approx(1 / 1.5, rel=1e-8)


# The heavier the buyer, the less likely a high probability of drop-out: G bends at c / (k p), which stays within reach
# of c.
@pytest.mark.parametrize(
    ("p", "k", "c"),
    [(p, 0.24, 4.4) for p in (1e-6, 0.03, 0.9)]
    + [(p, 26.2, 35.4) for p in (1e-6, 0.03, 0.1)]
    + [(p, 5000.0, 43.0) for p in (1e-6, 1e-4, 5e-4)],
)
def test_purchases_are_discounted_as_by_adaptive_quadrature(p, k, c) -> None:
    delta, t = 0.0018, 520.0
    knots = [t * 10.0**-j for j in range(1, 6)]
    exact = quad(
        lambda s: np.exp(-delta * s) * k / c * (1 + p * s / c) ** (-k - 1), 0, t, epsrel=1e-11, limit=500, points=knots
    )[0]
    assert discounted(lambda s: -np.expm1(-k * np.log1p(p * s / c)) / p, t, delta, c) == pytest.approx(exact, rel=1e-8)


def test_a_customers_worth_does_not_depend_on_who_else_is_asked_for() -> None:
    c = np.array([5.0, 43.0, 900.0])
    together = discounted(lambda s: np.log1p(s / c), 520.0, 0.002, c)
    for i in range(3):
        alone = discounted(lambda s: np.log1p(s / c[i : i + 1]), 520.0, 0.002, c[i : i + 1])  # noqa: B023
        np.testing.assert_array_equal(alone, together[i : i + 1])


def test_nothing_is_worth_nothing_yet() -> None:
    assert discounted(np.asarray, 0.0, 0.1, [3.0]) == 0


@pytest.mark.parametrize("k", [0.2, 1.0, 6.0])
@pytest.mark.parametrize("delta", [1e-4, 0.002, 0.01])
@pytest.mark.parametrize("t", [0.006, 1.0, 52.0, 520.0, np.inf])
def test_discounting_at_fixed_times_is_the_integral_for_every_scale(t, delta, k) -> None:
    # G = 1 - (1 + s / c)^-k bends at c / (1 + k); another quadrature, in s, integrates its discounted growth.
    c = np.array([0.5, 4.4, 40.0, 300.0, 5e4, 1e7])
    fraction, z, weights = discount_weights(t, delta, c / (1 + k))
    found = np.sum(weights * -np.expm1(-k * np.log1p(z[:, None] * fraction / (1 + k))), axis=0)
    end = min(t, 45 / delta)
    knots = np.concatenate([[0.0], end * np.logspace(-6, 0, 40)])
    nodes, share = np.polynomial.legendre.leggauss(30)
    s = ((knots[1:] + knots[:-1]) / 2)[:, None] + np.diff(knots)[:, None] / 2 * nodes
    flow = np.exp(-delta * s) * k / c[:, None, None] * (1 + s / c[:, None, None]) ** (-k - 1)
    exact = (flow @ share) @ (np.diff(knots) / 2)
    np.testing.assert_allclose(found, exact, rtol=1e-9)


def test_horizons_and_scales_broadcast() -> None:
    t, c = np.array([[1.0], [52.0], [np.inf]]), np.array([0.5, 4.4, 4000.0])
    together = discounted(np.log1p, t, 0.002, c)
    each = [[discounted(np.log1p, end[0], 0.002, scale) for scale in c] for end in t]
    np.testing.assert_allclose(together, each, rtol=1e-9)


def test_a_scale_beyond_what_interest_leaves_is_replaced_by_a_fraction_of_it() -> None:
    assert discount_weights(52.0, 0.002, np.array([0.5, 2500.0]))[0] == 1
    np.testing.assert_allclose(discount_weights(52.0, 0.002, np.array([0.5, 1e4]))[0], [1, 0.25], rtol=1e-15)


def test_the_weights_of_a_scale_do_not_depend_on_the_others() -> None:
    c = np.array([0.5, 4.4, 40.0])
    _, z, weights = discount_weights(52.0, 0.002, c)
    _, own, alone = discount_weights(52.0, 0.002, c[1:2])
    np.testing.assert_array_equal(z[: len(own)], own)
    np.testing.assert_array_equal(weights[: len(own), 1:2], alone)
    assert not weights[len(own) :, 1].any()


@pytest.mark.parametrize(("t", "delta"), [(52.0, 0.0), (52.0, 0.0018), (0.5, 3.0), (1000.0, 1e-9)])
def test_discounted_time_is_the_integral_of_the_discount_factor(t, delta) -> None:
    assert discounted_time(t, delta) == pytest.approx(quad(lambda s: np.exp(-delta * s), 0, t)[0], rel=1e-9)


def test_discounted_time_without_end() -> None:
    assert discounted_time(np.inf, 0.04) == pytest.approx(25.0)


def test_counts_that_repeat_are_evaluated_once_and_rare_ones_as_they_are() -> None:
    seen = []

    def root(x):
        seen.append(x)
        return np.sqrt(x)

    x = np.array([[4.0, 1.0, 0.0], [4.0, 4.0, 1.0]])
    np.testing.assert_array_equal(over_counts(root, x), [[2, 1, 0], [2, 2, 1]])
    np.testing.assert_array_equal(over_counts(root, np.array([9.0, 10_000.0])), [3, 100])
    assert over_counts(root, np.array(9.0)) == 3
    assert [np.size(call) for call in seen] == [5, 2, 1]


def test_counts_that_repeat_keep_the_axis_of_draws() -> None:
    draws = np.array([[1.0], [2.0]])
    x = np.array([3.0, 1.0, 3.0, 0.0, 2.0])
    np.testing.assert_array_equal(over_counts(lambda x: draws * x, x), draws * x)


def test_the_logarithm_of_one_plus_odds_is_right_at_both_ends() -> None:
    odds = np.array([-np.inf, -800.0, -50.0, -1.0, 0.0, 2.5, 40.0, 800.0])
    np.testing.assert_allclose(log_one_plus_exp(odds), np.logaddexp(0, odds), rtol=1e-15, atol=3e-16)
    same, share = log_one_plus_exp_and_share(odds)
    np.testing.assert_array_equal(same, log_one_plus_exp(odds))
    np.testing.assert_allclose(share, expit(odds), rtol=1e-15)


def test_trigamma_is_the_sum_of_inverse_squares() -> None:
    z = np.array([0.3, 2.0, 70.0])
    n = np.arange(2_000_000.0)
    rest = 1 / (z + len(n) - 0.5)  # what the integral leaves
    np.testing.assert_allclose(trigamma(z), np.sum((z[:, None] + n) ** -2.0, axis=1) + rest, rtol=1e-9)


UPPER = np.array([0.0, 1e-3, 0.3, 39.0, 5000.0, 1e6])


@pytest.mark.parametrize("c", [1e-3, 1.0, 1e4])
@pytest.mark.parametrize("power", [1.0, 1.6, 30.0, 1e4])
def test_the_integral_of_one_power_is_a_power(power, c) -> None:
    for k in (0.1 * power, 0.9 * power):
        found = integral_of_powers(k, c, power - k + 1, c, 2.0, 2.0 + UPPER)
        exact = -(c + 2) * np.expm1(-power * np.log1p(UPPER / (c + 2))) / power
        np.testing.assert_allclose(found, exact, rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize("a", [1e-18, 1e-3, 0.9, 5.0, 1e6])
@pytest.mark.parametrize("p", [0.05, 0.5, 0.95])
def test_the_integral_of_two_powers_that_is_a_power_of_their_ratio(p, a) -> None:
    exact = (((a + UPPER) / (1 + UPPER)) ** p - a**p) / (p * (1 - a)) * a ** (1 - p)
    for found in (integral_of_powers(1 - p, a, 1 + p, 1, 0, UPPER), integral_of_powers(1 + p, 1, 1 - p, a, 0, UPPER)):
        np.testing.assert_allclose(found, exact, rtol=1e-9, atol=1e-15)


def test_the_integral_of_powers_broadcasts_and_stands_alone() -> None:
    k, a, upper = np.array([[0.3], [40.0]]), np.array([[2.0], [0.1]]), np.array([0.1, 3.0, 400.0])
    together = integral_of_powers(k, a, 1.5, 1.0, 0.05, upper)
    assert together.shape == (2, 3)
    for j in range(3):
        np.testing.assert_array_equal(
            integral_of_powers(k, a, 1.5, 1.0, 0.05, upper[j : j + 1]), together[:, j : j + 1]
        )
    for i in range(2):
        alone = integral_of_powers(float(k[i, 0]), float(a[i, 0]), 1.5, 1.0, 0.05, upper)
        np.testing.assert_allclose(alone, together[i], rtol=1e-11)
    assert integral_of_powers(2.0, 1.0, 1.5, 1.0, 0.0, 0.0).shape == ()
