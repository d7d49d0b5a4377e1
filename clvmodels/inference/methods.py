"""Methods of inference: each takes an objective and its peak, and returns draws, or none."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from clvmodels.errors import SettingError
from clvmodels.inference.objective import Objective
from clvmodels.inference.peak import Peak, climb
from clvmodels.inference.prior import LogNormal
from clvmodels.inference.psis import smooth
from clvmodels.inference.verdict import Outcome, Verdict
from clvmodels.models.protocols import Evidence, Floats, Model

TRUSTED_K = 0.7  # beyond it importance sampling is not reliable (Vehtari et al. 2024)
_WIDER = 1.2  # reaches into the posterior's tails: on CDNOW k-hat falls from 0.5 to 0, for 15 % fewer effective draws
_FEWEST_CANDIDATES = 1000  # fewer leave the tail too short to judge


@dataclass(frozen=True, eq=False)
class Inferred:
    """What a method found.

    Attributes
    ----------
    phi
        Equal-weight draws of the log parameters in multiples of the evidence's scale, ``(draws, parameters)``;
        ``None`` from a method that gives a point only.
    verdict
        Whether they can be relied on.
    diagnostics
        Numbers that say how good they are.
    """

    phi: Floats | None
    verdict: Verdict
    diagnostics: dict[str, float]


class Method(Protocol):
    """An object that owns its settings."""

    def infer(self, specification: type[Model], evidence: Evidence, peak: Peak, rng: np.random.Generator) -> Inferred:
        """Return draws of the log parameters, given the peak of the likelihood."""
        ...


@dataclass(frozen=True)
class MaximumLikelihood:
    """The point that makes the data most likely, with standard errors, and no draws.

    Examples
    --------
    >>> MaximumLikelihood()
    MaximumLikelihood()
    """

    def infer(self, specification: type[Model], evidence: Evidence, peak: Peak, rng: np.random.Generator) -> Inferred:
        """Add nothing: every fit has the point of maximum likelihood."""
        return Inferred(None, Verdict(Outcome.CONVERGED, "Gradient and Hessian are those of a maximum."), {})


@dataclass(frozen=True)
class Laplace:
    """A Gaussian at the posterior mode, in logarithms, corrected towards the exact posterior and checked against it.

    Candidates are drawn from the Gaussian (a little widened), weighted by exact posterior / Gaussian with the weights'
    tail smoothed (PSIS), and resampled once to draws of equal weight.

    Parameters
    ----------
    draws
        Equal-weight draws of the parameters to return.
    prior
        A weakly informative prior in the data's own scale.

    Examples
    --------
    >>> Laplace(draws=500).draws
    500
    """

    draws: int = 1000
    prior: LogNormal = LogNormal()

    def __post_init__(self) -> None:
        if self.draws < 1:
            raise SettingError(f"Laplace needs at least one draw; draws={self.draws}.")

    def infer(self, specification: type[Model], evidence: Evidence, peak: Peak, rng: np.random.Generator) -> Inferred:
        """Return the draws, with k-hat and the effective sample size of the candidates."""
        objective = Objective(specification, evidence, self.prior)
        mode = climb(objective, peak.phi)
        factor = np.linalg.cholesky(mode.covariance)
        z = _WIDER * rng.standard_normal((max(2 * self.draws, _FEWEST_CANDIDATES), len(mode.phi)))
        candidates = mode.phi + z @ factor.T
        weights, k_hat = smooth(objective.value(candidates) + 0.5 * np.sum((z / _WIDER) ** 2, axis=1))
        chosen = rng.permutation(_systematic(weights, self.draws, rng))
        return Inferred(candidates[chosen], _judge(k_hat), {"k_hat": k_hat, "ess": float(1 / np.sum(weights**2))})


def _systematic(weights: Floats, draws: int, rng: np.random.Generator) -> "np.ndarray[tuple[int], np.dtype[np.intp]]":
    """Return positions such that each appears draws x weight times, rounded up or down."""
    points = (np.arange(draws) + rng.random()) / draws
    return np.searchsorted(np.cumsum(weights), points).clip(max=len(weights) - 1)


def _judge(k_hat: float) -> Verdict:
    if k_hat <= TRUSTED_K:
        return Verdict(Outcome.CONVERGED, f"The posterior is well approximated (k-hat {k_hat:.2f}).")
    return Verdict(
        Outcome.POOR_APPROXIMATION,
        f"k-hat is {k_hat:.2f}, and draws can be trusted up to {TRUSTED_K}: the posterior is far from Gaussian, mostly "
        "for want of data. Use more customers or a longer log; MaximumLikelihood() gives the point alone.",
    )
