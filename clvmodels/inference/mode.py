"""The mode of an objective, and whether it is one."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.optimize import minimize

from clvmodels.inference.objective import Objective
from clvmodels.inference.space import Space
from clvmodels.models.special import Floats

_FLAT = 0.05  # a standard error of 4.5 e-folds, a factor of 90, in some direction: the data say nothing there
_CLOSE = 1e-8  # what one more Newton step could still gain


@dataclass(frozen=True, eq=False)
class Mode:
    """Where a search in ``space`` ended: ``phi``, the value there, its gradient and the negative Hessian."""

    space: Space
    phi: Floats
    value: float
    gradient: Floats
    precision: Floats
    iterations: int

    @property
    def at_border(self) -> bool:
        """Whether the objective is flat or still rising where the search ended, in some direction."""
        return bool(np.linalg.eigvalsh(self.precision)[0] < _FLAT) or self.space.at_border(self.phi)

    @property
    def reached(self) -> bool:
        """Whether gradient and Hessian are those of a maximum."""
        return not self.at_border and self.decrement < _CLOSE

    @property
    def decrement(self) -> float:
        """What a Newton step would still gain."""
        return float(self.gradient @ np.linalg.solve(self.precision, self.gradient) / 2)

    @property
    def covariance(self) -> Floats:
        """The inverse of the negative Hessian, ``(parameters, parameters)``, where flat as if just not flat."""
        curvature, axes = np.linalg.eigh(self.precision)
        inverse: Floats = (axes / np.maximum(curvature, _FLAT)) @ axes.T
        return inverse


def find_mode(objective: Objective, start: Floats, most_iterations: int = 200) -> Mode:
    """Return the mode that a trust-region Newton search finds from ``start``, a point of the objective's space."""

    @lru_cache(maxsize=4)
    def at(phi: bytes) -> tuple[float, Floats, Floats]:
        return objective.derivatives(np.frombuffer(phi))

    found = minimize(  # type: ignore[call-overload]  # the stubs do not know the options of trust-exact
        lambda phi: -at(phi.tobytes())[0],
        start,
        method="trust-exact",
        jac=lambda phi: -at(phi.tobytes())[1],
        hess=lambda phi: -at(phi.tobytes())[2],
        options={"gtol": 1e-9, "maxiter": most_iterations, "max_trust_radius": 3.0},
    )
    value, gradient, hessian = at(found.x.tobytes())
    return Mode(objective.space, found.x, value, gradient, -hessian, int(found.nit))
