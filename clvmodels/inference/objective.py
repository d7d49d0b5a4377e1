"""The log-posterior of any model in its unconstrained parameters, with exact derivatives."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import NamedTuple

import numpy as np

from clvmodels.inference.prior import LogPrior, Prior
from clvmodels.inference.space import Space
from clvmodels.models.future import Model
from clvmodels.models.special import Floats
from clvmodels.models.specification import Evidence, Specification

_ROWS = 2**13  # at once: they stay in a processor's cache, and are too few for BLAS to start threads of its own
_WORTH_THREADS = 4  # parts; derivatives, of many short steps, are three times slower in threads than without
_CELLS = 2**18  # draws x rows at once


@dataclass(frozen=True, eq=False)
class Objective:
    """log p(data | theta) + log p(phi) as a function of phi, the point of ``space``.

    Without a prior it is the log-likelihood.
    """

    specification: Specification[Model]
    evidence: Evidence
    prior: Prior | None = None

    @cached_property
    def space(self) -> Space:
        """The unconstrained coordinates of the parameters."""
        return Space(self.specification.parameters, self.evidence.scale)

    def model(self, phi: Floats) -> Model:
        """Return the model at phi, shape ``(parameters,)``, or ``(draws, parameters)`` for draws of it."""
        return self.specification.model(self.space.theta(phi))

    @cached_property
    def log_prior(self) -> LogPrior | None:
        """The prior as a function of phi."""
        return None if self.prior is None else LogPrior.of(self.prior, self.space)

    def value(self, phi: Floats) -> Floats:
        """Return the log-posterior of draws, shape ``(draws, parameters)`` in, ``(draws,)`` out."""
        near = self.space.near(phi)
        found = np.full(len(phi), -np.inf)
        if near.any():
            found[near] = self._near(phi[near])
        return found

    def _near(self, phi: Floats) -> Floats:
        size = max(1, _CELLS // min(_ROWS, len(self.evidence.counts)))
        draws = np.split(phi, range(size, len(phi), size))
        if len(draws) < _WORTH_THREADS:
            likelihood = np.concatenate([self._log_likelihood(part) for part in draws])
        else:
            with ThreadPoolExecutor() as pool:  # NumPy releases the lock; the order is that of the draws
                likelihood = np.concatenate(list(pool.map(self._log_likelihood, draws)))
        return likelihood if self.log_prior is None else likelihood + self.log_prior.log_density(phi)

    def _log_likelihood(self, phi: Floats) -> Floats:
        model = self.model(phi)
        return reduce(np.add, (model.log_likelihood(**columns) @ counts for columns, counts in self.blocks))

    def gradient(self, phi: Floats) -> tuple[float, Floats]:
        """Return the log-posterior at one phi and its gradient by phi; far out, minus infinity and zeros."""
        if not self.space.near(phi):
            return -np.inf, np.zeros_like(phi)
        model = self.model(phi)

        def of(block: Block) -> Floats:
            d = model.derivatives(**block.columns)
            return np.append(d.value @ block.counts, d.score @ block.counts)

        total = reduce(np.add, map(of, self.blocks))
        value, gradient = float(total[0]), self.space.first(phi) * total[1:]
        if self.log_prior is None:
            return value, gradient
        return value + float(self.log_prior.log_density(phi)), gradient + self.log_prior.gradient(phi)

    def derivatives(self, phi: Floats) -> tuple[float, Floats, Floats]:
        """Return the log-posterior at one phi, its gradient and its Hessian by phi."""
        model, size = self.model(phi), len(phi)

        def of(block: Block) -> Floats:
            d = model.derivatives(**block.columns)
            return np.concatenate([[d.value @ block.counts], d.score @ block.counts, d.hessian(block.counts).ravel()])

        total = reduce(np.add, map(of, self.blocks))
        value = float(total[0])
        gradient, hessian = self.space.chain(phi, total[1 : 1 + size], total[1 + size :].reshape(size, size))
        if self.log_prior is None:
            return value, gradient, hessian
        return (
            value + float(self.log_prior.log_density(phi)),
            gradient + self.log_prior.gradient(phi),
            hessian + self.log_prior.hessian(phi),
        )

    @cached_property
    def blocks(self) -> list["Block"]:
        """The rows of the evidence, so many at once as are fast."""
        evidence = self.evidence
        parts = [slice(start, start + _ROWS) for start in range(0, len(evidence.counts), _ROWS)]
        return [Block({name: c[part] for name, c in evidence.columns.items()}, evidence.counts[part]) for part in parts]


class Block(NamedTuple):
    """Some rows of the evidence, and how many customers share each."""

    columns: dict[str, Floats]
    counts: Floats
