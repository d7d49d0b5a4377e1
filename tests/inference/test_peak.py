"""The search for the highest point, on hills of known shape."""

import numpy as np
import pytest

from clvmodels.inference.peak import Peak, climb


class Hill:
    """A log-density with its derivatives."""

    def __init__(self, derivatives):
        self.derivatives = derivatives


def bowl(centre, precision):
    def derivatives(phi):
        step = phi - centre
        return float(-0.5 * step @ precision @ step), -precision @ step, -precision

    return Hill(derivatives)


PRECISION = np.array([[400.0, 30.0], [30.0, 5.0]])


def test_a_bowl_is_climbed_to_its_top() -> None:
    peak = climb(bowl(np.array([2.0, -5.0]), PRECISION), np.zeros(2))
    np.testing.assert_allclose(peak.phi, [2, -5], atol=1e-6)
    assert peak.reached
    assert not peak.at_border
    assert peak.value == pytest.approx(0, abs=1e-10)
    np.testing.assert_allclose(peak.covariance, np.linalg.inv(PRECISION))


def test_a_hill_that_starts_convex_is_climbed_too() -> None:
    # log(1 / (1 + x^2)) is convex away from its top: a plain Newton step would run downhill.
    def derivatives(phi):
        x = phi[0] - 1
        slope = -2 * x / (1 + x * x)
        bend = (-2 * (1 + x * x) + 4 * x * x) / (1 + x * x) ** 2
        return float(-np.log1p(x * x)), np.array([slope]), np.array([[bend]])

    peak = climb(Hill(derivatives), np.array([9.0]))
    assert peak.phi[0] == pytest.approx(1, abs=1e-5)
    assert peak.reached


def test_a_slope_that_rises_for_ever_ends_at_the_border() -> None:
    def derivatives(phi):  # rises to 0 as phi goes to infinity, ever flatter
        slope = np.exp(-phi)
        return float(-slope.sum()), slope, -np.diag(slope)

    peak = climb(Hill(derivatives), np.zeros(1))
    assert peak.at_border
    assert not peak.reached


def test_a_search_cut_short_has_not_reached_the_top_and_says_what_is_left() -> None:
    peak = climb(bowl(np.array([200.0, -50.0]) / 10, PRECISION), np.zeros(2), most_iterations=1)
    assert not peak.reached
    assert not peak.at_border
    # a quadratic's Newton step gains all that is left
    assert peak.decrement == pytest.approx(-peak.value, rel=1e-9)


def test_a_point_with_a_slope_is_no_peak() -> None:
    assert not Peak(np.zeros(1), 0.0, np.array([0.1]), np.array([[4.0]]), 3).reached
    assert Peak(np.zeros(1), 0.0, np.array([1e-6]), np.array([[4.0]]), 3).reached
    assert Peak(np.full(1, 26.0), 0.0, np.array([0.0]), np.array([[4.0]]), 3).at_border
    assert Peak(np.zeros(1), 0.0, np.array([0.0]), np.array([[-4.0]]), 3).at_border
