"""Expected quantities of each customer: shape ``(draws, customers)``, an average over everything but the parameters."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from clvmodels.data.rfm import RFM
from clvmodels.models.protocols import Floats, PurchaseModel
from clvmodels.prediction.customers import Customers

Positions = NDArray[np.intp]
Function = Callable[[Floats, Floats], Floats]

_NODES = 9  # a panel, for eleven digits
_PANEL = np.log(2)  # while age plus the yardstick doubles
_KEPT = 16  # frequencies whose tables are kept


def probability_alive(model: PurchaseModel, rfm: RFM) -> Floats:
    """Return P(alive at T), shape ``(draws, customers)``; the model's time unit must be that of the RFM."""
    return model.probability_alive(rfm.frequency.astype(float), rfm.recency, rfm.T)


def purchases_if_alive(model: PurchaseModel, rfm: RFM, t: float, delta: float = 0.0) -> Floats:
    """Return the expected purchases in (T, T + t], given alive at T, discounted at the force of interest delta."""
    customers = Customers.of(rfm, None)
    given = GivenAlive.over(model, customers, lambda x, T: model.purchases_if_alive(x, T, t, delta))
    return given(customers)[customers.history].T


def expected_purchases(model: PurchaseModel, rfm: RFM, t: float, delta: float = 0.0) -> Floats:
    """Return the expected purchases in (T, T + t], shape ``(draws, customers)``.

    Parameters
    ----------
    model
        Its time unit must be that of the RFM.
    rfm
        The customers.
    t
        The horizon in the unit of the RFM, possibly infinite (then with delta > 0).
    delta
        Force of interest per time unit; 0 counts purchases without discount.
    """
    return probability_alive(model, rfm) * purchases_if_alive(model, rfm, t, delta)


@dataclass(frozen=True, eq=False)
class GivenAlive:
    """A smooth function of (x, T) under every draw: recency says nothing of the future of a customer who is alive.

    For each x it is interpolated in age, in panels that double age plus the yardstick: there the function is analytic
    up to an imaginary distance of pi, so that nine Chebyshev nodes a panel leave an error near 1e-11. So a million
    customers cost a few hundred evaluations a draw, and no customer's value depends on who else is asked for.

    Attributes
    ----------
    function
        Takes x ``(1,)`` and T ``(n,)`` and returns ``(draws, n)`` or ``(1, n)``.
    draws
        How many draws.
    yardstick
        A time below which age makes no difference: the smallest scale of the model's times.
    panels
        The panels in which there are customers, for each x.
    """

    function: Function
    draws: int
    yardstick: float
    panels: dict[float, Positions]

    @classmethod
    def over(cls, model: PurchaseModel, customers: Customers, function: Function) -> "GivenAlive":
        """Return a function made ready for some customers, or for any part of them."""
        yardstick = min(float(np.min(model.parameters()[name])) for name in model.scaled)
        panel = _panel(customers.T, yardstick)
        panels = {x: np.unique(panel[which]) for x, which in _runs(customers.x)}
        return cls(function, model.draws, yardstick, panels)

    def __call__(self, customers: Customers, factor: Floats | None = None) -> Floats:
        """Return the values of the customers' histories, times a factor ``(histories, draws)``: of that shape."""
        from clvmodels.prediction import kernels

        values = np.empty((len(customers.x), self.draws))
        factor = np.ones_like(values) if factor is None else factor
        for x, which in _runs(customers.x):
            panel, basis = self._basis(customers.T[which])
            at = np.searchsorted(self.panels[x], panel)
            kernels.interpolate(at, basis, self._table(x), factor[which], values[which])
        return values

    @cached_property
    def _table(self) -> Callable[[float], Floats]:
        return lru_cache(_KEPT)(self._values_at_nodes)

    def _values_at_nodes(self, x: float) -> Floats:
        """Return the function at the nodes of the panels of x, ``(panels, nodes, draws)``."""
        panels = self.panels[x]
        log_age = (panels[:, None] + (1 + _NODE) / 2) * _PANEL
        values = self.function(np.array([x]), self.yardstick * np.expm1(log_age.ravel()))
        every = np.broadcast_to(values, (self.draws, log_age.size)).T
        return np.ascontiguousarray(every).reshape(*log_age.shape, self.draws)

    def _basis(self, T: Floats) -> tuple[Positions, Floats]:
        """Return each age's panel and the weights of its nodes: barycentric interpolation."""
        log_age = np.log1p(T / self.yardstick) / _PANEL
        panel = _panel(T, self.yardstick)
        distance = 2 * (log_age - panel)[:, None] - 1 - _NODE
        at_node = np.abs(distance) < 1e-14
        weight = _BARYCENTRIC / np.where(at_node, 1.0, distance)
        weight = np.where(at_node.any(axis=1, keepdims=True), at_node, weight)
        return panel, weight / weight.sum(axis=1, keepdims=True)


_ANGLE = (np.arange(_NODES) + 0.5) * np.pi / _NODES
_NODE = np.cos(_ANGLE)
_BARYCENTRIC = (-1.0) ** np.arange(_NODES) * np.sin(_ANGLE)  # Berrut & Trefethen (2004), eq. 5.3


def _panel(T: Floats, yardstick: float) -> Positions:
    panel: Positions = np.floor(np.log1p(T / yardstick) / _PANEL).astype(np.intp)
    return panel


def _runs(x: Floats) -> list[tuple[float, slice]]:
    """Return the distinct values of ordered numbers and where each stands."""
    starts = np.concatenate([[0], np.flatnonzero(np.diff(x)) + 1, [len(x)]])
    return [(float(x[a]), slice(a, b)) for a, b in pairwise(starts)]
