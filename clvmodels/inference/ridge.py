"""The ridge of a posterior: its highest points along its longest axis, curved as that may be, and its width there.

Proposals along it reach the tails of posteriors that few data leave long and bent, where a proposal about the mode
never looks and a diagnostic of its draws never warns.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from clvmodels.inference.mode import Mode
from clvmodels.inference.objective import Objective
from clvmodels.inference.proposal import StudentT
from clvmodels.models.special import Floats

_STEP = 1.5  # standard deviations, by the curvature at the mode, from place to place
_DROP = 8.0  # in log-posterior: what lies lower is negligible
_MOST = 12  # places each way
_NEWTON = 5  # steps across the ridge, from place to place
_CLOSE = 0.02  # what a further one could gain
_FLATTEST = 0.05  # the least curvature that a width is taken from
_SHORTEST = 1e-3  # steps below are no steps


class Place(NamedTuple):
    """A proposal about a place on the ridge, and the logarithm of how much of the posterior lies there."""

    proposal: StudentT
    log_mass: float


class RidgePoint(NamedTuple):
    """The highest point across the ridge, its height, and the curvature across, ``(parameters - 1,) * 2``."""

    phi: Floats
    height: float
    curvature: Floats


def follow(objective: Objective, mode: Mode) -> list[Place]:
    """Return places from the mode along the ridge, both ways, until it is low; the mode is the first."""
    curvature, axes = np.linalg.eigh(mode.precision)
    across = axes[:, 1:]
    move = axes[:, 0] * _STEP / np.sqrt(max(curvature[0], _FLATTEST))
    first = Place(StudentT(mode.phi, mode.covariance), _width(across.T @ mode.precision @ across)[1])
    return [first, *_one_way(objective, mode, across, move), *_one_way(objective, mode, across, -move)]


def _one_way(objective: Objective, mode: Mode, across: Floats, move: Floats) -> Iterator[Place]:
    at = mode.phi
    for _ in range(_MOST):
        point = _ascend(objective, at + move, across)
        if not point.height > mode.value - _DROP:
            return
        at, move = point.phi, point.phi - at
        covariance, log_width = _width(point.curvature)
        scatter = across @ covariance @ across.T + np.outer(move, move)
        yield Place(StudentT(at, scatter), point.height - mode.value + log_width)


def _ascend(objective: Objective, phi: Floats, across: Floats) -> RidgePoint:
    """Return the maximum across the ridge by Newton's steps, shortened where they would go down."""
    height, gradient, hessian = objective.derivatives(phi)
    for _ in range(_NEWTON):
        curvature, axes = np.linalg.eigh(-across.T @ hessian @ across)
        ascent = axes / np.maximum(np.abs(curvature), _FLATTEST) @ axes.T
        step = across @ ascent @ (across.T @ gradient)
        if not gradient @ step / 2 > _CLOSE:
            break
        while np.abs(step).max() > _SHORTEST and not (ahead := objective.derivatives(phi + step))[0] > height:
            step = step / 3
        if np.abs(step).max() <= _SHORTEST:
            break
        phi, (height, gradient, hessian) = phi + step, ahead
    return RidgePoint(phi, height, -across.T @ hessian @ across)


def _width(curvature: Floats) -> tuple[Floats, float]:
    """Return the covariance that belongs to a curvature, and the logarithm of the root of its determinant."""
    values, axes = np.linalg.eigh(curvature)
    values = np.maximum(values, _FLATTEST)
    return axes / values @ axes.T, float(-0.5 * np.log(values).sum())
