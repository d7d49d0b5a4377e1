"""What follows from a customer's history alone: computed once a distinct history, in blocks of a bounded size."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clvmodels.data.rfm import RFM, Collapsed
from clvmodels.inference.fit import Fit
from clvmodels.models.protocols import Floats, PurchaseModel
from clvmodels.prediction.source import cores, in_order, refuse_misfits, rows

_CELLS = 2**18  # draws x histories of a block: 2 MB an array, some ten of which a thread holds at once


@dataclass(frozen=True, eq=False)
class Histories:
    """Some distinct histories with equally many purchases.

    Attributes
    ----------
    x
        Repeat purchases, shape ``(1,)``.
    t_x, T
        Recency and age of each history, shape ``(n,)``.
    age
        The distinct ages, shape ``(ages,)``: given alive, recency says nothing of the future.
    position
        The position of each history's age among them, shape ``(n,)``.
    """

    x: Floats
    t_x: Floats
    T: Floats
    age: Floats
    position: NDArray[np.intp]

    def probability_alive(self, model: PurchaseModel) -> Floats:
        """Return P(alive at T), shape ``(draws, n)``."""
        shape = (model.draws, len(self.T))
        return np.array(np.broadcast_to(model.probability_alive(self.x, self.t_x, self.T), shape))

    def at_age(self, function: Callable[..., Floats], *arguments: Floats | float) -> Floats:
        """Return ``function(x, T, *arguments)`` of each history, ``(draws, n)``, evaluated once a distinct age."""
        values = function(self.x, self.age, *arguments)
        return np.broadcast_to(values, (*values.shape[:-1], len(self.age)))[..., self.position]


def by_history(rfm: RFM, draws: int, function: Callable[[Histories], Floats]) -> Floats:
    """Return numbers of each customer, shape ``(numbers, customers)``, in the order of the RFM.

    Parameters
    ----------
    rfm
        The customers.
    draws
        How many draws of the parameters the function handles at once: they bound the size of a block.
    function
        Takes histories, returns ``(numbers, n)``. A history's numbers must not depend, to the last bit, on the others;
        then a customer's do not depend on who else is in the RFM. Threads take a block each.
    """
    distinct = rfm.collapse()
    order = np.lexsort((distinct.recency, distinct.T, distinct.frequency))
    blocks = list(in_order(function, _blocks(distinct, order, max(1, _CELLS // draws)), cores()))
    numbers = np.concatenate(blocks, axis=1)
    found = np.empty_like(numbers)
    found[:, order] = numbers
    return found[:, distinct.row]


def _blocks(distinct: Collapsed, order: NDArray[np.intp], size: int) -> Iterator[Histories]:
    alike = np.split(order, np.flatnonzero(np.diff(distinct.frequency[order])) + 1)
    for rows_of_x in alike:
        for start in range(0, len(rows_of_x), size):
            block = rows_of_x[start : start + size]
            age, position = np.unique(distinct.T[block], return_inverse=True)
            yield Histories(
                distinct.frequency[block[:1]], distinct.recency[block], distinct.T[block], age, position.ravel()
            )


def all_draws(fit: Fit[Any], rfm: RFM) -> PurchaseModel:
    """Return every draw of a fit that can be relied on (its point as one draw), in the time unit of the RFM.

    Raises
    ------
    SettingError
        If these are not the fit of a purchase model and an RFM.
    FitError
        If the fit's verdict is bad.
    """
    refuse_misfits(fit, None, rfm)
    model: PurchaseModel = rows(fit, rfm.unit, sys.maxsize)
    return model
