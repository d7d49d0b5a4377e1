"""Quadrature rules and shortcuts that the models share."""

from collections.abc import Callable, Iterator
from functools import cache, reduce
from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, polygamma

Floats = NDArray[np.float64]
Number = Floats | float

_STEP = 0.4  # between the nodes of a Beta average
_STRETCH = 5.0  # spreads from the centre within which nodes are evenly spaced; beyond, ever wider
_NEGLIGIBLE = 40.0  # exp(-40) is below the rounding of a sum of order one
_TINY = 1e-17  # likewise, of one of its terms
_NODES = (8, 16, 32, 96)  # of the integral of powers: most customers need few
_PANEL_NODES = 9  # of a panel of the discounting integral
_DOUBLING = np.log(2)
_STEADY = 5.0  # times delta: while interest consumes so much, the discounting integral has its digits
_SLOWEST = 1e-3  # exponent below which nothing is cut off
_FARTHEST = 300.0  # e-folds, so that what is far away remains finite


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
    return _log_one_plus(odds, np.exp(-np.abs(odds)))


def log_one_plus_exp_and_share(odds: Floats) -> tuple[Floats, Floats]:
    """Return log(1 + e^odds) and its derivative, e^odds / (1 + e^odds), from one exponential.

    Examples
    --------
    >>> log_one_plus_exp_and_share(np.array([-np.inf, 0.0, 1000.0]))[1]
    array([0. , 0.5, 1. ])
    """
    smaller = np.exp(-np.abs(odds))
    return _log_one_plus(odds, smaller), np.where(odds > 0, 1.0, smaller) / (1 + smaller)


def _log_one_plus(odds: Floats, smaller: Floats) -> Floats:
    total: Floats = np.log(1 + smaller)
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


def discounted_time(t: Number, rate: Number) -> Floats:
    r"""Return :math:`\int_0^t e^{-\text{rate} \cdot s} ds`: the time until t, discounted (or survived) at a rate.

    Examples
    --------
    >>> float(discounted_time(52.0, 0.0))
    52.0
    >>> float(discounted_time(np.inf, 0.01))
    100.0
    """
    safe = np.where(np.asarray(rate) > 0, rate, 1.0)
    return np.asarray(np.where(np.asarray(rate) > 0, -np.expm1(-safe * t) / safe, t))


def discount_weights(t: Number, delta: float, c: Floats) -> tuple[Floats, Floats, Floats]:
    r"""Return f, z and weights: :math:`\int_0^t e^{-\delta s} \, dG(s / c) = \sum_j w_j G(f z_j)`, with G(0) = 0.

    By parts it is :math:`e^{-\delta t} G(t / c) + \delta \int_0^t e^{-\delta s} G(s / c) \, ds`. Whatever c is, G is
    needed at the same times z: Gauss-Legendre nodes in panels of log(1 + z), each a doubling of 1 + z, in which G is
    analytic up to a distance of pi. The panel in which t / c lies is integrated to there by interpolation. Ten digits
    are right while ``delta * c`` is below 10; where it is more than 5, the fraction f of c takes its place. A smaller c
    than G needs costs panels only.

    Parameters
    ----------
    t
        The horizon, possibly infinite; of a shape that broadcasts with that of c to ``S``.
    delta
        Force of interest per time unit, above 0.
    c
        The time on which G begins to bend, or less.

    Returns
    -------
    The fraction, 1 of shape ``()`` if it is so for all, else of the shape of c; times ``(nodes,)`` and weights
    ``(nodes, *S)``. A time's number and weights do not depend on other elements of c.
    """
    node, share = legendre_rule(_PANEL_NODES)
    fraction = np.minimum(1.0, _STEADY / delta / c) if np.any(delta * c > _STEADY) else np.ones(())
    end, c = np.broadcast_arrays(np.minimum(t, _NEGLIGIBLE / delta), fraction * c)
    panels = np.log1p(end / c) / _DOUBLING
    last = np.floor(panels)
    z = np.expm1((np.arange(last.max() + 1)[:, None] + node) * _DOUBLING)
    weights = np.zeros((*z.shape, *c.shape))

    def flow(z: Floats) -> Floats:
        worth: Floats = delta * c * np.exp(-delta * c * z) * (1 + z) * _DOUBLING
        return worth

    part = panels - last
    known = [np.expm1((last + at) * _DOUBLING) for at in node]
    # What is interpolated is G(z) / z, so that a short horizon loses no digits.
    to_end = [
        np.exp(-delta * end) * (end / c) / z_of_node * weight
        for z_of_node, weight in zip(known, _lagrange(node, part), strict=True)
    ]
    for at, w in zip(node, share, strict=True):
        s = np.expm1((last + part * at) * _DOUBLING)
        worth = part * w * flow(s) * s
        weights_here = zip(to_end, known, _lagrange(node, part * at), strict=True)
        to_end = [so_far + worth / z_of_node * weight for so_far, z_of_node, weight in weights_here]
    for panel, (times, into) in enumerate(zip(z, weights, strict=True)):
        for j in range(_PANEL_NODES):
            into[j] = np.where(last > panel, share[j] * flow(times[j]), np.where(last == panel, to_end[j], 0.0))
    return fraction, z.ravel(), weights.reshape(-1, *c.shape)


def _lagrange(node: Floats, x: Floats) -> list[Floats]:
    """Return the weight of each node's value in the interpolated value at x."""
    distance = [x - at for at in node]
    before = accumulate(distance[:-1], np.multiply, initial=np.ones(()))
    after = [*accumulate(distance[:0:-1], np.multiply, initial=np.ones(()))][::-1]
    apart = np.prod(node[:, None] - node + np.eye(len(node)), axis=1)
    return [low * high / by for low, high, by in zip(before, after, apart, strict=True)]


class Stretch(NamedTuple):
    r"""The integral of :math:`(a + y)^{-k} (b + y)^{-h}` from ``lower`` on, in w = log((c + y) / (c + lower)).

    Let c be the smaller of a and b, d the larger, m and n their exponents, and q = (c + lower) / (d + lower). While c +
    y grows by the factor e^w, d + y grows by 1 - q + q e^w, and what is integrated by w is
    :math:`e^{-(m - 1) w} (1 - q + q e^w)^{-n}`. It is analytic up to a distance of pi from the real axis, so that few
    Gauss-Legendre nodes give 11 digits; how many follows from how far w goes and how deep the integrand falls.

    Attributes
    ----------
    unit
        c + lower, the first dy / dw.
    span
        How far w goes: to the upper limit, or to where the rest is negligible.
    near, far
        The exponents m and n.
    share
        The ratio q.
    """

    unit: Floats
    span: Floats
    near: Floats
    far: Floats
    share: Floats

    @classmethod
    def of(cls, k: Number, a: Number, h: Number, b: Number, lower: Number, upper: Number) -> "Stretch":
        """Return the stretch from ``lower`` to ``upper``, of arguments that broadcast to ``(..., customers)``."""
        first = np.less_equal(a, b)
        near, far = np.where(first, k, h), np.where(first, h, k)
        unit = np.minimum(a, b) + lower
        share = unit / (np.maximum(a, b) + lower)
        fall = np.maximum(far - np.maximum(1 - near, 0), _SLOWEST)
        growth = np.expm1(np.minimum(_NEGLIGIBLE / fall, _FARTHEST))  # of d + y until it is negligible
        end = np.minimum(_NEGLIGIBLE / np.maximum(near - 1, _SLOWEST), np.log1p(growth / share))
        span = np.minimum(np.log1p((upper - np.asarray(lower)) / unit), end)
        return cls(*np.broadcast_arrays(unit, span, near, far, share))

    def columns(self, which: NDArray[np.bool_]) -> "Stretch":
        """Return some of the columns (customers)."""
        return self if which.all() else Stretch(*(value[..., which] for value in self))

    def at(self, node: Floats | float, weight: Floats | float) -> tuple[Floats, Floats, Floats]:
        """Return the growth of c + y, that of d + y, and the weighted integrand at a share of the span."""
        w = self.span * node
        near = np.exp(w)
        far = near * self.share
        far += 1 - self.share
        w *= 1 - self.near
        w -= self.far * np.log(far)
        np.exp(w, out=w)
        w *= weight
        return near, far, w

    def rules(self) -> Iterator[tuple[NDArray[np.bool_], Rule]]:
        """Yield columns and the rule that they need: nodes as shares of the span, and weights.

        A column's rule depends on its own elements alone, so that a customer's integral does not depend on who else
        is asked for.
        """
        fall = np.abs(self.near - 1) * self.span + self.far * np.log(1 - self.share + self.share * np.exp(self.span))
        need = 4 + np.sqrt(6 * fall + 5 * self.span**2)
        need = np.minimum(need.reshape(-1, need.shape[-1]).max(axis=0), _NODES[-1])
        for fewer, nodes in pairwise((0, *_NODES)):
            which = (need > fewer) & (need <= nodes)
            if which.any():
                yield which, legendre_rule(nodes)


@cache
def legendre_rule(nodes: int) -> Rule:
    """Return the Gauss-Legendre rule on (0, 1)."""
    node, weight = np.polynomial.legendre.leggauss(nodes)
    return Rule((node + 1) / 2, weight / 2)


def integral_of_powers(k: Number, a: Number, h: Number, b: Number, lower: Number, upper: Number) -> Floats:
    r"""Return the integral of :math:`(a + y)^{-k} (b + y)^{-h}` over (lower, upper), relative to its first value.

    That is, :math:`\int \left(\frac{a + y}{a + \text{lower}}\right)^{-k} \left(\frac{b + y}{b + \text{lower}}
    \right)^{-h} dy`, which neither overflows nor vanishes, to 11 digits.

    Parameters
    ----------
    k, h
        Positive exponents, one of them at least 1.
    a, b
        Positive.
    lower, upper
        From 0 up.

        All are of shapes that broadcast to ``S``, whose last axis is that of the customers.

    Returns
    -------
    Shape ``S``.

    Examples
    --------
    >>> round(float(integral_of_powers(1.0, 2.0, 1.0, 2.0, 0.0, 2.0)), 10)
    1.0
    """
    stretch = Stretch.of(*map(np.atleast_1d, (k, a, h, b, lower, upper)))
    total = np.empty(stretch.span.shape)
    for which, rule in stretch.rules():
        part = stretch.columns(which)
        total[..., which] = part.unit * part.span * sum(part.at(*pair)[2] for pair in zip(*rule, strict=True))
    return total.reshape(np.broadcast_shapes(*map(np.shape, (k, a, h, b, lower, upper))))
