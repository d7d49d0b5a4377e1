"""Quadrature rules and shortcuts that the models share."""

from collections.abc import Callable, Iterator
from functools import reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, polygamma

Floats = NDArray[np.float64]

_STEP = 0.4  # between the nodes of a Beta average
_STRETCH = 5.0  # spreads from the centre within which nodes are evenly spaced; beyond, ever wider
_NEGLIGIBLE = 40.0  # exp(-40) is below the rounding of a sum of order one
_TINY = 1e-17  # likewise, of one of its terms
_DIGITS = 10  # of the discounting integral


def over_counts(function: Callable[[Floats], Floats], x: Floats) -> Floats:
    """Return ``function(x)`` for whole numbers x, from a table where that is shorter: counts repeat, gammas are slow.

    Parameters
    ----------
    function
        Takes numbers of shape ``(n,)`` and returns ``(n,)`` or ``(draws, n)``.
    x
        Whole numbers from 0 up, any shape ``S``.

    Returns
    -------
    Shape ``S`` or ``(draws, *S)``.

    Examples
    --------
    >>> over_counts(np.sqrt, np.array([4.0, 1.0, 4.0, 0.0, 4.0]))
    array([2., 1., 2., 0., 2.])
    """
    most = int(np.max(x, initial=0))
    if np.size(x) <= most + 1:
        return function(x)
    return np.take(function(np.arange(most + 1.0)), np.asarray(x, dtype=np.intp), axis=-1)


def log_one_plus_exp(odds: Floats) -> Floats:
    """Return log(1 + e^odds), right to the rounding of the larger of it and 1.

    Examples
    --------
    >>> log_one_plus_exp(np.array([-np.inf, 0.0, 1000.0])).round(6)
    array([0.000000e+00, 6.931470e-01, 1.000000e+03])
    """
    total: Floats = np.log(1 + np.exp(-np.abs(odds)))
    total += np.maximum(odds, 0)
    return total


def trigamma(z: Floats | float) -> Floats:
    """Return the second derivative of log-gamma."""
    return np.asarray(polygamma(1, z), dtype=float)


class Rule(NamedTuple):
    """Nodes and weights of a quadrature."""

    node: Floats
    weight: Floats


def beta_rule(a: Floats, b: Floats) -> Rule:
    r"""Return nodes p and weights such that :math:`E[f(p)] = \sum_j w_j f(p_j)` for :math:`p \sim \text{Beta}(a, b)`.

    The trapezoid rule in w, where logit(p) = c + 5 s sinh(w / 5) with c the logit of the mean and s the spread of
    logit(p): what is averaged is analytic and falls off fast on both sides, so that some fifty nodes leave an error of
    about 1e-9 of the largest f, whatever the shape of the Beta distribution. An element's average depends on its own a
    and b alone, to the last bit.

    Parameters
    ----------
    a, b
        Positive parameters, of shapes that broadcast to ``S``.

    Returns
    -------
    Nodes and weights of shape ``(nodes, *S)``; the weights sum to 1.

    Examples
    --------
    >>> p, weight = beta_rule(np.array([0.8]), np.array([2.4]))
    >>> np.sum(weight * p, axis=0).round(10)
    array([0.25])
    """
    a, b = np.broadcast_arrays(a, b)
    spread = np.minimum(1.0, 1 / np.sqrt(np.minimum(a, b)))
    last = int(np.ceil(np.max(_reach(a, b, spread)) / _STEP))
    w = np.arange(-last, last + 1).reshape(-1, *[1] * a.ndim) * (_STEP / _STRETCH)
    logit = np.log(a) - np.log(b) + spread * _STRETCH * np.sinh(w)
    stay, stop = -np.logaddexp(0, logit), -np.logaddexp(0, -logit)
    weight = np.cosh(w) * np.exp(a * stop + b * stay - betaln(a, b))
    weight[weight < _TINY] = 0.0  # so that an element's sum does not depend on how far the nodes of others reach
    return Rule(np.exp(stop), weight / reduce(np.add, weight))


def _reach(a: Floats, b: Floats, spread: Floats) -> Floats:
    """Return how far w must go until the density, which falls like p^a and (1 - p)^b, is negligible."""
    reach: Floats = _STRETCH * np.arcsinh(_NEGLIGIBLE / np.minimum(1.0, np.minimum(a, b)) / spread / _STRETCH)
    return reach


def discount_rule(t: float, delta: float, bend: Floats, least: float) -> Iterator[Rule]:
    r"""Yield times s and weights such that :math:`\int_0^t e^{-\delta s} \, dG(s) = \sum_j w_j G(s_j)`, with G(0) = 0.

    By parts the integral is :math:`e^{-\delta t} G(t) + \delta \int_0^t e^{-\delta s} G(s) \, ds`; the second is taken
    at Gauss-Legendre nodes in log(1 + s / bend), in which G is smooth from the first hour to the last decade.

    Parameters
    ----------
    t
        The horizon, possibly infinite with delta > 0.
    delta
        Force of interest per time unit; at 0 the rule is G(t).
    bend
        The time on which G begins to bend, or less; any shape; the times and weights have the same.
    least
        A lower bound of ``bend`` that does not depend on who is asked for, from which the number of nodes follows.
    """
    end = t if delta == 0 else min(t, _NEGLIGIBLE / delta)
    yield Rule(np.full_like(bend, end), np.full_like(bend, np.exp(-delta * end)))
    if delta == 0:
        return
    span = np.log1p(end / bend)
    for x, weight in zip(*np.polynomial.legendre.leggauss(_nodes(end, delta, least)), strict=True):
        s = bend * np.expm1(span * (x + 1) / 2)
        yield Rule(s, delta * np.exp(-delta * s) * (s + bend) * span * weight / 2)


def _nodes(end: float, delta: float, least: float) -> int:
    """Return how many nodes give ten digits.

    In log(1 + s / bend) the nearest singularity of G lies pi away from the real axis; the usual bound of Gauss-Legendre
    then gives the number of nodes. Where interest consumes the value within the horizon, it takes a few more.
    """
    reach = 2 * np.pi / np.log1p(end / least)
    ellipse = np.log(reach + np.sqrt(reach**2 + 1))
    return 4 + int(np.ceil(_DIGITS * np.log(10) / (2 * ellipse) + min(delta * end, 20.0)))
