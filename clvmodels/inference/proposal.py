"""Proposals of importance sampling: Student t distributions, whose tails reach beyond those of a posterior."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from scipy.special import logsumexp

from clvmodels.models.special import Floats

_DEGREES = 5.0


@dataclass(frozen=True, eq=False)
class StudentT:
    """A multivariate t distribution with 5 degrees of freedom: its centre ``(parameters,)`` and scatter matrix."""

    centre: Floats
    scatter: Floats

    @classmethod
    def about(cls, candidates: Floats, weights: Floats) -> Self:
        """Return the distribution with the mean and covariance of weighted candidates, ``(n, parameters)``."""
        centre = weights @ candidates
        return cls(centre, (weights[:, None] * (candidates - centre)).T @ (candidates - centre))

    @cached_property
    def factor(self) -> Floats:
        """The Cholesky factor of the scatter."""
        return np.asarray(np.linalg.cholesky(self.scatter), dtype=float)

    def draw(self, size: int, rng: np.random.Generator) -> Floats:
        """Return draws, shape ``(size, parameters)``."""
        normal = rng.standard_normal((size, len(self.centre)))
        stretch = np.sqrt(_DEGREES / rng.chisquare(_DEGREES, (size, 1)))
        drawn: Floats = self.centre + stretch * normal @ self.factor.T
        return drawn

    def log_density(self, phi: Floats) -> Floats:
        """Return the log-density at ``(n, parameters)``, up to a constant that all these distributions share."""
        distance = np.sum(np.linalg.solve(self.factor, (phi - self.centre).T) ** 2, axis=0)
        tail = (_DEGREES + len(self.centre)) / 2 * np.log1p(distance / _DEGREES)
        density: Floats = -tail - np.log(np.diag(self.factor)).sum()
        return density


def along(candidates: Floats, weights: Floats, pieces: int) -> list[StudentT]:
    """Return distributions that follow weighted candidates along their longest axis, where a posterior may be curved.

    Parameters
    ----------
    candidates, weights
        Shapes ``(n, parameters)`` and ``(n,)``; the weights sum to 1.
    pieces
        How many, each about an equal share of the weight.
    """
    whole = StudentT.about(candidates, weights)
    if pieces == 1:
        return [whole]
    order = np.argsort((candidates - whole.centre) @ np.linalg.eigh(whole.scatter)[1][:, -1], kind="stable")
    reached = np.cumsum(weights[order])
    shares = np.split(order, np.searchsorted(reached, np.arange(1, pieces) / pieces))
    return [StudentT.about(candidates[share], weights[share] / weights[share].sum()) for share in shares]


def mixture_density(proposals: Sequence[StudentT], sizes: Sequence[int], phi: Floats) -> Floats:
    """Return the log-density of a mixture of the proposals, each with as many draws, up to their constant."""
    share = np.log(np.array(sizes) / sum(sizes))[:, None]
    mixture: Floats = logsumexp(share + [proposal.log_density(phi) for proposal in proposals], axis=0)
    return mixture
