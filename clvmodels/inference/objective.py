"""The log-posterior of any model in the logarithms of its parameters, with exact derivatives."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from clvmodels.inference.prior import LogNormal
from clvmodels.models.protocols import Evidence, Floats, Model

_BLOCK = 2**15  # rows that are differentiated at once: their Hessians fit into a processor's cache
_CELLS = 2**18  # draws x rows that are evaluated at once: 2 MB an array stays in a processor's cache


@dataclass(frozen=True, eq=False)
class Objective:
    """log p(data | theta) + log p(theta) as a function of phi = log theta, in multiples of the evidence's scale.

    Without a prior it is the log-likelihood.
    """

    specification: type[Model]
    evidence: Evidence
    prior: LogNormal | None = None

    def model(self, phi: Floats) -> Model:
        """Return the model at phi, shape ``(parameters,)``, or ``(draws, parameters)`` for draws of it."""
        return self.specification(*np.exp(phi) if phi.ndim == 1 else np.exp(phi).T[:, :, None])

    def value(self, phi: Floats) -> Floats:
        """Return the log-posterior of draws, shape ``(draws, parameters)`` in, ``(draws,)`` out."""
        model, rows = self.model(phi), max(1, _CELLS // len(phi))
        likelihood = self._sum(rows, lambda columns, counts: model.log_likelihood(*columns) @ counts)
        return likelihood if self.prior is None else likelihood + self.prior.log_density(phi)

    def derivatives(self, phi: Floats) -> tuple[float, Floats, Floats]:
        """Return the log-posterior at one phi, its gradient and its Hessian by phi."""
        model, theta = self.model(phi), np.exp(phi)

        def block(columns: tuple[Floats, ...], counts: Floats) -> Floats:
            d = model.derivatives(*columns)
            stacked = np.concatenate([d.value[None], d.score, d.hessian.reshape(len(phi) ** 2, -1)])
            return stacked @ counts

        total = self._sum(_BLOCK, block)
        value, gradient = float(total[0]), theta * total[1 : 1 + len(phi)]
        hessian = np.outer(theta, theta) * total[1 + len(phi) :].reshape(len(phi), -1) + np.diag(gradient)
        if self.prior is None:
            return value, gradient, hessian
        return (
            value + float(self.prior.log_density(phi)),
            gradient + self.prior.gradient(phi),
            hessian - np.diag(self.prior.precision(len(phi))),
        )

    def _sum(self, rows: int, block: Callable[[tuple[Floats, ...], Floats], Floats]) -> Floats:
        starts = range(0, len(self.evidence.counts), rows)

        def at(start: int) -> Floats:
            part = slice(start, start + rows)
            return block(tuple(column[part] for column in self.evidence.columns), self.evidence.counts[part])

        with ThreadPoolExecutor() as pool:  # NumPy releases the lock; the sum is taken in order, whatever the threads
            total: Floats = np.sum(list(pool.map(at, starts)), axis=0)
        return total
