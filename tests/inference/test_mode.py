"""The search for the mode, on hills of known shape."""

from dataclasses import replace

import numpy as np
import pytest

from clvmodels.inference.mode import Mode, find_mode
from clvmodels.inference.space import Space
from clvmodels.models.specification import Parameter

LINE, PLANE = Space((Parameter("u"),), 1.0), Space((Parameter("u"), Parameter("v")), 1.0)


class Hill:
    """A log-density of points of a space with its derivatives."""

    def __init__(self, space, derivatives):
        self.space, self.derivatives = space, derivatives


def bowl(centre, precision):
    def derivatives(phi):
        step = phi - centre
        return float(-0.5 * step @ precision @ step), -precision @ step, -precision

    return Hill(PLANE, derivatives)


PRECISION = np.array([[400.0, 30.0], [30.0, 5.0]])


def test_a_bowl_is_searched_to_its_top() -> None:
    mode = find_mode(bowl(np.array([2.0, -5.0]), PRECISION), np.zeros(2))
    np.testing.assert_allclose(mode.phi, [2, -5], atol=1e-6)
    assert mode.reached
    assert not mode.at_border
    assert mode.space is PLANE
    assert mode.value == pytest.approx(0, abs=1e-10)
    np.testing.assert_allclose(mode.covariance, np.linalg.inv(PRECISION))


def test_a_hill_that_starts_convex_is_searched_too() -> None:
    # log(1 / (1 + x^2)) is convex away from its top: a plain Newton step would run downhill.
    def derivatives(phi):
        x = phi[0] - 1
        first = -2 * x / (1 + x * x)
        second = (-2 * (1 + x * x) + 4 * x * x) / (1 + x * x) ** 2
        return float(-np.log1p(x * x)), np.array([first]), np.array([[second]])

    mode = find_mode(Hill(LINE, derivatives), np.array([9.0]))
    assert mode.phi[0] == pytest.approx(1, abs=1e-5)
    assert mode.reached


def test_a_slope_that_rises_for_ever_ends_at_the_border() -> None:
    def derivatives(phi):  # rises to 0 as phi goes to infinity, ever flatter
        slope = np.exp(-phi)
        return float(-slope.sum()), slope, -np.diag(slope)

    mode = find_mode(Hill(LINE, derivatives), np.zeros(1))
    assert mode.at_border
    assert not mode.reached


def test_a_search_cut_short_has_not_reached_the_mode_and_says_what_is_left() -> None:
    mode = find_mode(bowl(np.array([200.0, -50.0]) / 10, PRECISION), np.zeros(2), most_iterations=1)
    assert not mode.reached
    assert not mode.at_border
    # a quadratic's Newton step gains all that is left
    assert mode.decrement == pytest.approx(-mode.value, rel=1e-9)


def test_a_point_with_a_slope_is_no_mode() -> None:
    mode = Mode(LINE, np.zeros(1), 0.0, np.array([0.0]), np.array([[4.0]]), 3)
    assert mode.reached
    assert replace(mode, gradient=np.array([1e-6])).reached
    assert not replace(mode, gradient=np.array([0.1])).reached
    assert replace(mode, phi=np.full(1, 26.0)).at_border
    assert replace(mode, precision=np.array([[-4.0]])).at_border


def test_a_real_parameter_has_no_border() -> None:
    real = Space((Parameter("slope", support="real"),), 1.0)
    assert Mode(real, np.full(1, 26.0), 0.0, np.array([0.0]), np.array([[4.0]]), 3).reached
