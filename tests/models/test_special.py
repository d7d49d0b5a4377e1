"""Averages over Beta distributions and discounted sums, against closed forms."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import betaln, exp1

from clvmodels.errors import CLVError
from clvmodels.models.special import beta_average, discounted, over_distinct

SHAPES = np.logspace(-3, 3, 7)


def power(m):
    """E[(1 - p)^m] in closed form, and the function that is averaged."""
    return lambda p: np.asarray((1 - p) ** m), lambda a, b: np.exp(betaln(a, b + m) - betaln(a, b))


@pytest.mark.parametrize(
    ("function", "exact"),
    [
        (lambda p: np.asarray(p), lambda a, b: a / (a + b)),
        (lambda p: np.asarray(p * p), lambda a, b: a * (a + 1) / (a + b) / (a + b + 1)),
        power(3),
        power(20.5),
    ],
    ids=["p", "p^2", "(1-p)^3", "(1-p)^20.5"],
)
def test_an_average_over_any_beta_distribution_is_the_closed_form(function, exact) -> None:
    a, b = (shapes.ravel() for shapes in np.meshgrid(SHAPES, SHAPES))
    np.testing.assert_allclose(beta_average(function, a, b), exact(a, b), rtol=1e-10)  # all at once, on one grid
    alone = [beta_average(function, np.array([ai]), np.array([bi]))[0] for ai, bi in zip(a, b, strict=True)]
    np.testing.assert_allclose(alone, exact(a, b), rtol=1e-6)


def test_an_average_settles_far_below_its_threshold_where_the_shapes_are_moderate() -> None:
    for a, b in [(0.79, 2.43), (0.5, 0.5), (1.0, 1.0), (3.0, 40.0), (0.05, 8.0), (0.79, 30.0)]:
        exact = np.exp(betaln(a, b + 7) - betaln(a, b))
        assert beta_average(lambda p: np.asarray((1 - p) ** 7), np.array(a), np.array(b)) == pytest.approx(
            exact, rel=1e-10
        )


def test_an_average_broadcasts_draws_and_customers() -> None:
    a, b = np.array([[0.5], [2.0]]), np.array([[1.0, 5.0, 30.0]])
    average = beta_average(lambda p: np.full((2, 3), p), a, b)
    np.testing.assert_allclose(average, a / (a + b), rtol=1e-10)


def test_an_unbounded_function_is_averaged_as_long_as_its_mean_exists() -> None:
    # E[1 / p] = (a + b - 1) / (a - 1): infinite at 0, where the weight vanishes.
    average = beta_average(lambda p: np.asarray(1 / max(p, 1e-300)), np.array([1.5, 4.0]), np.array([2.0, 9.0]))
    np.testing.assert_allclose(average, [2.5 / 0.5, 12 / 3], rtol=1e-8)


def test_an_average_that_does_not_settle_is_an_error_and_not_a_number() -> None:
    with pytest.raises(CLVError, match=r"a from 0\.8 to 0\.8 and b from 2 to 2 did not settle"):
        beta_average(lambda p: np.asarray(float(p > 0.3)), np.array([0.8]), np.array([2.0]))
    with pytest.raises(CLVError, match="did not settle"):
        beta_average(lambda p: np.asarray(np.nan), np.array([0.8]), np.array([2.0]))


@pytest.mark.parametrize("t", [0.1, 39.0, 1e4, np.inf])
@pytest.mark.parametrize("delta", [1e-5, 0.0018, 0.1, 5.0])
def test_a_steady_stream_is_worth_its_annuity(t, delta) -> None:
    worth = discounted(np.asarray, t, delta, np.array([0.01, 4.0, 1000.0]))
    np.testing.assert_allclose(worth, -np.expm1(-delta * t) / delta, rtol=1e-9)


@pytest.mark.parametrize("t", [0.5, 39.0, 2000.0])
@pytest.mark.parametrize("delta", [1e-4, 0.0018, 0.3])
def test_a_logarithmic_stream_is_worth_its_exponential_integral(t, delta) -> None:
    c = np.array([0.3, 4.4, 120.0])
    exact = np.exp(delta * c) * (exp1(delta * c) - exp1(delta * (c + t)))
    np.testing.assert_allclose(discounted(lambda s: np.log1p(s / c), t, delta, c), exact, rtol=1e-9)


def test_discounting_starts_at_the_front_of_the_horizon() -> None:
    # G(s) = 1 - exp(-s): a purchase at an exponential time, discounted: 1 / (1 + delta).
    assert discounted(lambda s: -np.expm1(-s), np.inf, 0.5, np.array(1.0)) == pytest.approx(1 / 1.5, rel=1e-9)
    # Without discount nothing is integrated.
    assert discounted(np.sqrt, 16.0, 0.0, np.array(1.0)) == 4.0


def test_discounting_a_bent_stream_agrees_with_adaptive_quadrature() -> None:
    k, c, p, delta, t = 26.2, 35.4, 0.03, 0.0018, 520.0
    exact, _ = quad(
        lambda s: np.exp(-delta * s) * k / c * (1 + p * s / c) ** (-k - 1), 0, t, epsrel=1e-12, limit=200
    )
    worth = discounted(lambda s: -np.expm1(-k * np.log1p(p * s / c)) / p, t, delta, np.array(c))
    assert worth == pytest.approx(exact, rel=1e-9)


def test_repeated_values_are_evaluated_once() -> None:
    seen = []

    def root(x):
        seen.append(x)
        return np.sqrt(x)

    x = np.array([[4.0, 9.0], [4.0, 16.0]])
    np.testing.assert_array_equal(over_distinct(root, x), [[2, 3], [2, 4]])
    assert [len(call) for call in seen] == [3]
    assert over_distinct(np.sqrt, np.float64(25.0)) == 5.0


def test_repeated_values_keep_the_axis_of_draws() -> None:
    draws = np.array([[1.0], [2.0]])
    x = np.array([3.0, 1.0, 3.0])
    np.testing.assert_array_equal(over_distinct(lambda x: draws * x, x), draws * x)


