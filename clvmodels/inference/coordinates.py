"""Coordinates in which a posterior is round, also where it is curved like a banana, as with few data it is."""

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from clvmodels.inference.objective import Objective
from clvmodels.models.special import Floats

_DEGREE = np.arange(4)  # of the terms of the curve that the other axes follow along the longest: a cubic
_REACH = (0.001, 0.999)  # quantiles between which the curve is known; beyond, it goes on straight
_LOG_SQUARE = -1.2704  # the mean logarithm of a squared standard normal number
_TINY = 1e-12


class Along(NamedTuple):
    """Where the other axes lie at a place on the longest: middle, log spread, and their slopes, ``(..., others)``."""

    middle: Floats
    log_spread: Floats
    slope: Floats
    widening: Floats


@dataclass(frozen=True, eq=False)
class Coordinates:
    """A one-to-one map from round coordinates x to log parameters, phi = centre + factor z.

    The first z is x itself and runs along the posterior's longest axis, u. The others are
    ``middle(u) + exp(log_spread(u)) x``: measured from where the posterior lies there, in units of its width there.

    Attributes
    ----------
    objective
        The log-posterior.
    centre, factor
        Shapes ``(parameters,)`` and ``(parameters, parameters)``.
    middle
        Coefficients of a cubic in u for each other axis, ``(4, others)``.
    log_spread
        Coefficients of a line in u, ``(2, others)``.
    reach
        The stretch of u on which both are known.
    """

    objective: Objective
    centre: Floats
    factor: Floats
    middle: Floats
    log_spread: Floats
    reach: tuple[float, float]

    @classmethod
    def about(cls, phi: Floats, objective: Objective) -> Self:
        """Learn the map from approximate draws of the posterior's log parameters, shape ``(draws, parameters)``."""
        centre = phi.mean(axis=0)
        variance, axes = np.linalg.eigh(np.cov(phi.T))
        factor = axes[:, ::-1] * np.sqrt(np.maximum(variance[::-1], _TINY))
        u, *others = np.linalg.solve(factor, (phi - centre).T)
        terms, z = u[:, None] ** _DEGREE, np.stack(others, axis=1)
        middle = np.linalg.lstsq(terms, z)[0]
        squares = np.log((z - terms @ middle) ** 2 + _TINY)
        log_spread = np.linalg.lstsq(terms[:, :2], (squares - _LOG_SQUARE) / 2)[0]
        low, high = np.quantile(u, _REACH)
        return cls(objective, centre, factor, middle, log_spread, (float(low), float(high)))

    def along(self, u: Floats) -> Along:
        """Return where the other axes lie at u, of any shape."""
        known = np.clip(u, *self.reach)[..., None]
        slope = (_DEGREE[1:] * known ** _DEGREE[:-1]) @ self.middle[1:]
        middle = known**_DEGREE @ self.middle + slope * (u[..., None] - known)
        widening = np.where(known == u[..., None], self.log_spread[1], 0.0)
        return Along(middle, self.log_spread[0] + self.log_spread[1] * known, slope, widening)

    def phi(self, x: Floats) -> Floats:
        """Return the log parameters at x, both ``(..., parameters)``."""
        along = self.along(x[..., 0])
        z = np.concatenate([x[..., :1], along.middle + np.exp(along.log_spread) * x[..., 1:]], axis=-1)
        phi: Floats = self.centre + z @ self.factor.T
        return phi

    def gradient(self, x: Floats) -> tuple[float, Floats]:
        """Return the log-density of x, up to a constant, and its gradient."""
        along = self.along(x[0])
        spread = np.exp(along.log_spread)
        z = np.append(x[0], along.middle + spread * x[1:])
        value, by_phi = self.objective.gradient(self.centre + self.factor @ z)
        by_z = by_phi @ self.factor
        by_rest = by_z[1:] * spread
        # The map's Jacobian is the product of the spreads.
        by_u = by_z[0] + by_z[1:] @ along.slope + (by_rest * x[1:] + 1) @ along.widening
        return value + float(along.log_spread.sum()), np.append(by_u, by_rest)
