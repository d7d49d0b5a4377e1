"""The space that inference works in: the only place where parameters become unconstrained numbers and back.

A positive parameter is searched for in its logarithm, one between 0 and 1 in its log-odds, a real one as it is; those
with a dimension as multiples of the data's own scale. ``phi`` is a point of this space, ``theta`` the parameters
themselves, in multiples of the scale.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from scipy.special import expit, logit

from clvmodels.models.special import Floats
from clvmodels.models.specification import Parameter

_FARTHEST = 30.0  # from the data's own scale in a logarithm or log-odds: nothing lies there, and sums are but rounding
_BORDER = 25.0  # likewise, from where on an estimate counts as at the border


class _Support(NamedTuple):
    """From phi to theta and back, and the first and second derivative of theta by phi, given theta."""

    theta: Callable[[Floats], Floats]
    phi: Callable[[Floats], Floats]
    first: Callable[[Floats], Floats]
    second: Callable[[Floats], Floats]


def _probability(phi: Floats) -> Floats:
    """Return the probability of log-odds; far out, where it would be rounded to 0 or 1, the one nearest to that."""
    p: Floats = expit(np.clip(phi, -_FARTHEST, _FARTHEST))
    return p


_SUPPORTS: dict[str, _Support] = {
    "positive": _Support(np.exp, np.log, lambda theta: theta, lambda theta: theta),
    "real": _Support(np.asarray, np.asarray, np.ones_like, np.zeros_like),
    "unit": _Support(_probability, logit, lambda p: p * (1 - p), lambda p: p * (1 - p) * (1 - 2 * p)),
}


@dataclass(frozen=True, eq=False)
class Space:
    """The unconstrained coordinates of some parameters.

    Attributes
    ----------
    parameters
        In their order.
    scale
        The data's own scale, in the unit of the data.

    Examples
    --------
    >>> space = Space((Parameter("r"), Parameter("alpha", dimension="time"), Parameter("slope", support="real")), 4.0)
    >>> space.phi(np.array([1.0, 2.0, -3.0])).round(3), space.units
    (array([ 0.   ,  0.693, -3.   ]), array([1., 4., 1.]))
    """

    parameters: tuple[Parameter, ...]
    scale: float

    def theta(self, phi: Floats) -> Floats:
        """Return the parameters at phi ``(parameters,)``, or at draws of it ``(draws, parameters)``.

        Returns
        -------
        Shape ``(parameters,)`` or ``(parameters, draws, 1)``: what ``Specification.model`` takes.
        """
        theta = self._each("theta", phi)
        return theta if phi.ndim == 1 else theta.T[:, :, None]

    def phi(self, theta: Any) -> Floats:  # noqa: ANN401 -- whatever NumPy makes an array of
        """Return phi of parameters ``(..., parameters)``."""
        return self._each("phi", np.asarray(theta, dtype=float))

    def first(self, phi: Floats) -> Floats:
        """Return the first derivatives of theta by phi, ``(parameters,)``."""
        return self._each("first", self._each("theta", phi))

    def chain(self, phi: Floats, gradient: Floats, hessian: Floats) -> tuple[Floats, Floats]:
        """Return gradient and Hessian by phi of a function whose gradient and Hessian by theta are given."""
        theta = self._each("theta", phi)
        first, second = self._each("first", theta), self._each("second", theta)
        return first * gradient, np.outer(first, first) * hessian + np.diag(second * gradient)

    @cached_property
    def units(self) -> Floats:
        """What each theta is a multiple of, in the unit of the data, ``(parameters,)``."""
        return np.array([self.scale if p.dimension else 1.0 for p in self.parameters])

    def near(self, phi: Floats) -> Any:  # noqa: ANN401 -- a bool, or an array of them
        """Return whether phi ``(..., parameters)`` is near enough to be evaluated; NaN is not."""
        return np.all(np.abs(phi) < self._limits(_FARTHEST), axis=-1)

    def at_border(self, phi: Floats) -> bool:
        """Return whether phi is at the border of the parameter space."""
        return bool(np.any(np.abs(phi) > self._limits(_BORDER)))

    def _limits(self, limit: float) -> list[float]:
        return [np.inf if p.support == "real" else limit for p in self.parameters]

    def _each(self, what: str, values: Floats) -> Floats:
        functions = [getattr(_SUPPORTS[p.support], what) for p in self.parameters]
        if len(set(functions)) == 1:  # of all at once
            alike: Floats = functions[0](values)
            return alike
        columns = zip(functions, np.moveaxis(values, -1, 0), strict=True)
        return np.stack([function(column) for function, column in columns], axis=-1)
