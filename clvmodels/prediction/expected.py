"""Expected quantities of each customer: shape ``(draws, customers)``, an average over everything but the parameters."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clvmodels.data.histories import Histories
from clvmodels.data.rfm import RFM
from clvmodels.models.future import Future, PurchaseModel
from clvmodels.models.special import Floats
from clvmodels.prediction.simulate import probability_alive

Positions = NDArray[np.intp]

_NODES = 9  # a panel, for eleven digits
_PANEL = np.log(2)  # while age plus the scale doubles
_KEPT = 16  # frequencies whose tables are kept


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
    histories = rfm.histories
    given_alive = GivenAlive.over(model, histories, lambda future: future.purchases(t, delta))
    return given_alive(histories, probability_alive(model, histories))[histories.row].T


@dataclass(frozen=True, eq=False)
class GivenAlive:
    """A quantity of the future of customers who are alive, under every draw.

    Where recency says nothing of that future, the quantity is a smooth function of (x, T). For each x it is
    interpolated in age, in panels that double age plus the scale: there the function is analytic up to an imaginary
    distance of pi, so that nine Chebyshev nodes a panel leave an error near 1e-11. So a million customers cost a few
    hundred evaluations a draw, and no customer's value depends on who else is asked for. Where recency matters, each
    history is evaluated by itself.

    Attributes
    ----------
    model
        With parameters of shape ``(draws, 1)``, or ``(draws, groups)``.
    quantity
        Takes a future and returns ``(draws, n)`` or ``(1, n)``.
    scale
        A time below which age makes no difference: the smallest scale of the model's times.
    panels
        The panels in which there are customers, for each x and group.
    """

    model: PurchaseModel
    quantity: Callable[[Future], Floats]
    scale: float
    panels: dict[tuple[float, int], Positions]

    @classmethod
    def over(cls, model: PurchaseModel, histories: Histories, quantity: Callable[[Future], Floats]) -> "GivenAlive":
        """Return a quantity made ready for some histories, or for any part of them."""
        times = [float(np.min(model.values()[p.name])) for p in model.parameters if p.dimension == "time"]
        scale = min(times, default=1.0)
        panel = _panel(histories.T, scale)
        return cls(model, quantity, scale, {_of(histories, at): np.unique(panel[at]) for at in histories.alike()})

    def __call__(self, histories: Histories, factor: Floats) -> Floats:
        """Return the values of histories times a factor ``(histories, draws)``: of that shape."""
        if self.model.recency_matters:
            values = self.quantity(self.model.of_groups(histories.group).future(histories))
            return np.multiply(np.broadcast_to(values, factor.shape[::-1]).T, factor, order="C")
        from clvmodels.prediction import kernels

        values = np.empty_like(factor)
        for at in histories.alike():
            key = _of(histories, at)
            panel, basis = self._basis(histories.T[at])
            kernels.interpolate(
                np.searchsorted(self.panels[key], panel), basis, self._table(*key), factor[at], values[at]
            )
        return values

    @cached_property
    def _table(self) -> Callable[[float, int], Floats]:
        return lru_cache(_KEPT)(self._values_at_nodes)

    def _values_at_nodes(self, x: float, group: int) -> Floats:
        """Return the quantity at the nodes of the panels of x, ``(panels, nodes, draws)``."""
        panels = self.panels[x, group]
        log_age = (panels[:, None] + (1 + _NODE) / 2) * _PANEL
        age = self.scale * np.expm1(log_age.ravel())
        own = self.model if group < 0 else self.model.of_groups(np.array([group]))
        # Recency makes no difference: any does.
        values = self.quantity(own.future(Histories(np.array([x]), np.zeros(1), age)))
        every = np.broadcast_to(values, (self.model.draws, log_age.size)).T
        return np.ascontiguousarray(every).reshape(*log_age.shape, self.model.draws)

    def _basis(self, T: Floats) -> tuple[Positions, Floats]:
        """Return each age's panel and the weights of its nodes: barycentric interpolation."""
        log_age = np.log1p(T / self.scale) / _PANEL
        panel = _panel(T, self.scale)
        distance = 2 * (log_age - panel)[:, None] - 1 - _NODE
        at_node = np.abs(distance) < 1e-14
        weight = _BARYCENTRIC / np.where(at_node, 1.0, distance)
        weight = np.where(at_node.any(axis=1, keepdims=True), at_node, weight)
        return panel, weight / weight.sum(axis=1, keepdims=True)


_ANGLE = (np.arange(_NODES) + 0.5) * np.pi / _NODES
_NODE = np.cos(_ANGLE)
_BARYCENTRIC = (-1.0) ** np.arange(_NODES) * np.sin(_ANGLE)  # Berrut & Trefethen (2004), eq. 5.3


def _panel(T: Floats, scale: float) -> Positions:
    panel: Positions = np.floor(np.log1p(T / scale) / _PANEL).astype(np.intp)
    return panel


def _of(histories: Histories, at: slice) -> tuple[float, int]:
    """Return the frequency and the group of histories that are alike; -1 where there are no groups."""
    group: Any = -1 if histories.group is None else histories.group[at.start]
    return float(histories.x[at.start]), int(group)
