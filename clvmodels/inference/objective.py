"""The log-posterior of any model in the logarithms of its parameters, with exact derivatives."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from clvmodels.inference.prior import LogPrior, Prior
from clvmodels.models.protocols import Evidence, Floats, Model

_BLOCK = 2**14  # rows that are differentiated at once
_CELLS = 2**17  # draws x rows that are evaluated at once: 1 MB an array, a few of which a processor's cache holds


@dataclass(frozen=True, eq=False)
class Objective:
    """log p(data | theta) + log p(theta) as a function of phi = log theta, in multiples of the evidence's scale.

    Without a prior it is the log-likelihood.
    """

    specification: type[Model]
    evidence: Evidence
    prior: Prior | None = None

    def model(self, phi: Floats) -> Model:
        """Return the model at phi, shape ``(parameters,)``, or ``(draws, parameters)`` for draws of it."""
        return self.specification(*np.exp(phi) if phi.ndim == 1 else np.exp(phi).T[:, :, None])

    @cached_property
    def log_prior(self) -> LogPrior | None:
        """The prior as a function of phi."""
        return None if self.prior is None else LogPrior.of(self.prior, self.specification, self.evidence.scale)

    def value(self, phi: Floats) -> Floats:
        """Return the log-posterior of draws, shape ``(draws, parameters)`` in, ``(draws,)`` out."""
        model, rows = self.model(phi), max(1, _CELLS // len(phi))
        likelihood = self._sum(rows, lambda columns, counts: model.log_likelihood(*columns) @ counts)
        return likelihood if self.log_prior is None else likelihood + self.log_prior.log_density(phi)

    def gradient(self, phi: Floats) -> tuple[float, Floats]:
        """Return the log-posterior at one phi and its gradient by phi."""
        model = self.model(phi)

        def block(columns: tuple[Floats, ...], counts: Floats) -> Floats:
            d = model.derivatives(*columns)
            return np.append(d.value @ counts, d.score @ counts)

        total = self._sum(_BLOCK, block)
        value, gradient = float(total[0]), np.exp(phi) * total[1:]
        if self.log_prior is None:
            return value, gradient
        return value + float(self.log_prior.log_density(phi)), gradient + self.log_prior.gradient(phi)

    def derivatives(self, phi: Floats) -> tuple[float, Floats, Floats]:
        """Return the log-posterior at one phi, its gradient and its Hessian by phi."""
        model, theta, size = self.model(phi), np.exp(phi), len(phi)

        def block(columns: tuple[Floats, ...], counts: Floats) -> Floats:
            d = model.derivatives(*columns)
            return np.concatenate([[d.value @ counts], d.score @ counts, d.hessian(counts).ravel()])

        total = self._sum(_BLOCK, block)
        value, gradient = float(total[0]), theta * total[1 : 1 + size]
        hessian = np.outer(theta, theta) * total[1 + size :].reshape(size, size) + np.diag(gradient)
        if self.log_prior is None:
            return value, gradient, hessian
        return (
            value + float(self.log_prior.log_density(phi)),
            gradient + self.log_prior.gradient(phi),
            hessian + np.diag(self.log_prior.bend(phi)),
        )

    def _sum(self, rows: int, block: Callable[[tuple[Floats, ...], Floats], Floats]) -> Floats:
        starts = range(0, len(self.evidence.counts), rows)

        def at(start: int) -> Floats:
            part = slice(start, start + rows)
            return block(tuple(column[part] for column in self.evidence.columns), self.evidence.counts[part])

        if len(starts) == 1:
            return at(0)
        with ThreadPoolExecutor() as pool:  # NumPy releases the lock; the sum is taken in order, whatever the threads
            total: Floats = np.sum(list(pool.map(at, starts)), axis=0)
        return total
