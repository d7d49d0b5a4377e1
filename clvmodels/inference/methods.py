"""Methods of inference: each takes an objective and its mode, and returns draws, or none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Literal, Protocol, runtime_checkable

import numpy as np

from clvmodels import checked
from clvmodels.inference.mode import Mode, find_mode
from clvmodels.inference.objective import Objective
from clvmodels.inference.prior import Prior
from clvmodels.inference.proposal import along, mixture_density
from clvmodels.inference.psis import smooth
from clvmodels.inference.ridge import Place, follow
from clvmodels.inference.settings import Settings
from clvmodels.inference.verdict import Outcome, Verdict
from clvmodels.models.special import Floats

TRUSTED_K = 0.7  # beyond it importance sampling is not reliable (Vehtari et al. 2024)
_GOOD_K = 0.5  # below it the weights have a variance, and no further round is needed
_ENOUGH = 0.75  # effective candidates a draw
_MOST_ROUNDS = 6
_FEWEST_A_PLACE = 0.05  # of the candidates
_MOST_PIECES = 5
_FEWEST_A_PIECE = 100  # effective candidates, for a mean and a covariance
_FEWEST_CANDIDATES = 1000  # fewer leave the tail too short to judge


DrawsOf = Literal["posterior", "sampling distribution"]


@dataclass(frozen=True, eq=False)
class Inferred:
    """What a method found.

    Attributes
    ----------
    phi
        Equal-weight draws in the objective's space, ``(draws, parameters)``; ``None`` from a method that gives a point
        only.
    draws_of
        What they are draws of; ``None`` without draws.
    verdict
        Whether they can be relied on.
    diagnostics
        Numbers that say how good they are.
    by_parameter
        Such numbers that differ from parameter to parameter, such as ``{"r_hat": {"r": 1.0, "alpha": 1.001}}``.
    packages
        What else the draws depend on, by the names under which it is installed.
    """

    phi: Floats | None
    draws_of: DrawsOf | None
    verdict: Verdict
    diagnostics: Mapping[str, float]
    by_parameter: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    packages: tuple[str, ...] = ()


@runtime_checkable
class Method(Protocol):
    """An object that owns its settings."""

    @property
    def prior(self) -> Prior | None:
        """What it believes of the parameters; ``None`` where it asks the data alone."""

    def infer(self, likelihood: Objective, mode: Mode, rng: np.random.Generator) -> Inferred:
        """Return draws of the parameters, given the log-likelihood and its mode, or where to start."""


@dataclass(frozen=True, repr=False)
class MaximumLikelihood(Settings):
    """The point that makes the data most likely, with standard errors, and no draws.

    Examples
    --------
    >>> MaximumLikelihood()
    MaximumLikelihood()
    """

    prior = None

    def infer(self, likelihood: Objective, mode: Mode, rng: np.random.Generator) -> Inferred:
        """Add nothing: every fit has the point of maximum likelihood."""
        return Inferred(None, None, Verdict(Outcome.CONVERGED, "Gradient and Hessian are those of a maximum."), {})


@dataclass(frozen=True, repr=False)
class Laplace(Settings):
    """The curvature at the posterior mode, corrected to the exact posterior and checked against it.

    Candidates come from Student t distributions about the mode and about places along the posterior's ridge, with the
    covariance of Laplace's approximation there. They are weighted by posterior / proposal with the weights' tail
    smoothed (PSIS), and resampled once to draws of equal weight. Where k-hat shows that the posterior is not of that
    form, further candidates are drawn from t distributions about the weighted ones, and all are weighted by posterior /
    mixture of the proposals (adaptive multiple importance sampling: Cornuet, Marin, Mira & Robert 2012, Scandinavian
    Journal of Statistics 39).

    Parameters
    ----------
    draws
        Equal-weight draws of the parameters to return.
    prior
        What is believed of the parameters; by default weakly informative, in the data's own scale.
    otherwise
        The method to use instead where k-hat shows that these draws cannot be trusted, such as ``NUTS()``, with this
        prior and for as many draws; ``None`` reports the bad verdict.

    Examples
    --------
    >>> Laplace(draws=500).draws
    500
    """

    draws: int = 1000
    prior: Prior = Prior()
    otherwise: "Method | None" = None

    def __post_init__(self) -> None:
        checked.whole("draws", self.draws)
        checked.instance("Laplace: prior", self.prior, Prior, "Pass one such as clv.Prior(scale=4.0).")
        if self.otherwise is not None:
            checked.instance("Laplace: otherwise", self.otherwise, Method, "Pass one such as clv.NUTS().")
        self._instead  # noqa: B018 -- what it refuses is refused before anything is computed

    @property
    def _instead(self) -> "Method | None":
        """The other method, with the settings that it has in common with this one."""
        own = {f.name for f in fields(self.otherwise)} if is_dataclass(self.otherwise) else set[str]()
        shared = {name: getattr(self, name) for name in ("draws", "prior") if name in own}
        return replace(self.otherwise, **shared) if shared else self.otherwise  # type: ignore[type-var]

    def infer(self, likelihood: Objective, mode: Mode, rng: np.random.Generator) -> Inferred:
        """Return the draws, with k-hat and the effective sample size of the candidates."""
        objective = replace(likelihood, prior=self.prior)
        start, mode = mode, find_mode(objective, mode.phi)
        size = max(self.draws, _FEWEST_CANDIDATES)
        places = follow(objective, mode)
        proposals, sizes = [place.proposal for place in places], _sizes(places, size)
        candidates = np.vstack([one.draw(many, rng) for one, many in zip(proposals, sizes, strict=True)])
        target = objective.value(candidates)
        for rounds in range(1, _MOST_ROUNDS + 1):
            weights, k_hat = smooth(target - mixture_density(proposals, sizes, candidates))
            ess = float(1 / np.sum(weights**2))
            if (k_hat < _GOOD_K and ess > _ENOUGH * self.draws) or rounds == _MOST_ROUNDS:
                break
            pieces = along(candidates, weights, int(np.clip(ess / _FEWEST_A_PIECE, 1, _MOST_PIECES)))
            more = np.vstack([piece.draw(size // len(pieces), rng) for piece in pieces])
            proposals, sizes = [*proposals, *pieces], [*sizes, *[size // len(pieces)] * len(pieces)]
            candidates, target = np.vstack([candidates, more]), np.append(target, objective.value(more))
        found: dict[str, float] = {"k_hat": k_hat, "ess": ess, "rounds": rounds}
        verdict = _judge(k_hat)
        if not verdict.ok and self._instead is not None:
            instead = self._instead.infer(likelihood, start, rng)
            return replace(instead, diagnostics={**instead.diagnostics, "laplace_k_hat": k_hat})
        chosen = rng.permutation(_systematic(weights, self.draws, rng))
        return Inferred(candidates[chosen], "posterior", verdict, found)


def in_unit(method: Method, ratio: float) -> Method:
    """Return a method with the same prior in a unit of time of which there are ``ratio`` times as many."""
    if method.prior is None or method.prior.scale is None or not is_dataclass(method):
        return method
    return replace(method, prior=replace(method.prior, scale=method.prior.scale * ratio))


def _sizes(places: Sequence[Place], size: int) -> list[int]:
    """Return how many candidates each place gives: as many as the posterior has there, and some in any case."""
    mass = np.exp([place.log_mass for place in places])
    return [int(many) for many in np.maximum(size * mass / mass.sum(), _FEWEST_A_PLACE * size)]


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
        "for want of data. Fit with NUTS(), which does not need it to be (Laplace(otherwise=NUTS()) does so only where "
        "it must); use more customers or a longer log; MaximumLikelihood() gives the point alone.",
    )
