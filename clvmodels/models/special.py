"""Integrals and shortcuts that the models share."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln

from clvmodels.errors import CLVError

Floats = NDArray[np.float64]

_COARSEST_STEP = 0.5
_FINEST_STEP = _COARSEST_STEP / 2**7
_CHANGE = 1e-6
_NEGLIGIBLE = 40.0  # exp(-40) is below the rounding of a sum of order one


def over_distinct(function: Callable[[Floats], Floats], x: Floats) -> Floats:
    """Return ``function(x)``, evaluated once for each distinct value of x: counts and ages repeat, gammas are slow.

    Parameters
    ----------
    function
        Takes the distinct values, shape ``(n,)``, and returns ``(n,)`` or ``(draws, n)``.
    x
        Any shape ``S``.

    Returns
    -------
    Shape ``S`` or ``(draws, *S)``.

    Examples
    --------
    >>> over_distinct(np.sqrt, np.array([4.0, 9.0, 4.0]))
    array([2., 3., 2.])
    """
    if np.ndim(x) == 0:
        return function(x)
    distinct, index = np.unique(x, return_inverse=True)
    return function(distinct)[..., index]


def beta_average(function: Callable[[float], Floats], a: Floats, b: Floats) -> Floats:
    r"""Return :math:`E[f(p)]` for :math:`p \sim \text{Beta}(a, b)`, for all elements of ``a`` and ``b`` at once.

    The trapezoid rule in w, where logit(p) = c + sinh(w): the integrand is analytic and falls off doubly exponentially
    on both sides, so each halving of the step doubles the number of right digits, whatever the shape of the Beta
    distribution. Halving ends when it changes nothing beyond 1e-6; what remains is near 1e-12.

    Parameters
    ----------
    function
        Takes one p between 0 and 1 (0 included, where p underflows) and returns an array that broadcasts with
        ``a`` and ``b``.
    a, b
        Positive parameters of the Beta distribution, of shapes that broadcast.

    Returns
    -------
    The averages, in the broadcast shape.

    Raises
    ------
    CLVError
        If the average does not settle.

    Examples
    --------
    >>> beta_average(lambda p: np.asarray(p), np.asarray([0.8]), np.asarray([2.4])).round(9)
    array([0.25])
    """
    centre = float(np.median(np.log(a)) - np.median(np.log(b)))
    low = -np.arcsinh(_NEGLIGIBLE / min(a.min(), 1.0) + max(centre, 0.0))
    high = np.arcsinh(_NEGLIGIBLE / min(b.min(), 1.0) + max(-centre, 0.0))
    log_constant = betaln(a, b)

    def total(nodes: Floats) -> tuple[Floats, Floats]:
        weighted, weights = np.zeros(()), np.zeros(())
        for w in nodes:
            logit = centre + np.sinh(w)
            weight = np.cosh(w) * np.exp(-a * np.logaddexp(0, -logit) - b * np.logaddexp(0, logit) - log_constant)
            weighted = weighted + weight * function(float(np.exp(-np.logaddexp(0, -logit))))
            weights = weights + weight
        return weighted, weights

    step = _COARSEST_STEP
    weighted, weights = total(np.arange(low, high + step, step))
    average = weighted / weights
    while step > _FINEST_STEP:
        more, more_weights = total(np.arange(low + step / 2, high + step, step))
        weighted, weights, step = weighted + more, weights + more_weights, step / 2
        previous, average = average, weighted / weights
        if np.all(np.abs(average - previous) <= _CHANGE * np.abs(average)):
            return average
    raise CLVError(
        f"The average over Beta(a, b) with a from {a.min():g} to {a.max():g} and b from {b.min():g} to {b.max():g} "
        "did not settle. Parameters this extreme come from data that do not identify them: see the fit's verdict."
    )


def discounted(cumulative: Callable[[Floats], Floats], t: float, delta: float, c: Floats) -> Floats:
    r"""Return :math:`\int_0^t e^{-\delta s} \, dG(s)` for a smooth, concave G with G(0) = 0.

    By parts it is :math:`e^{-\delta t} G(t) + \delta \int_0^t e^{-\delta s} G(s) \, ds`, and the integral is taken by
    Gauss-Legendre nodes in log(1 + s / c), in which G is smooth from the first hour to the last decade.

    Parameters
    ----------
    cumulative
        G(s) for an array of times of the shape of ``c``.
    t
        The horizon, possibly infinite.
    delta
        Force of interest per time unit; 0 returns G(t).
    c
        The time on which G begins to bend.
    """
    if delta == 0:
        return cumulative(np.asarray(t))
    end = min(t, _NEGLIGIBLE / delta)
    span = np.log1p(end / c)
    x, weight = np.polynomial.legendre.leggauss(6 + 3 * int(np.ceil(np.max(span))))
    integral = np.zeros(())
    for node, w in zip((x + 1) / 2, weight / 2, strict=True):
        s = c * np.expm1(span * node)
        integral = integral + w * span * (s + c) * np.exp(-delta * s) * cumulative(s)
    result: Floats = np.exp(-delta * end) * cumulative(np.asarray(end)) + delta * integral
    return result
