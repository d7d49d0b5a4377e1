"""What follows from a customer's history alone: computed once a distinct history, in blocks of a bounded size."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clvmodels import checked
from clvmodels.data.histories import Histories
from clvmodels.data.rfm import RFM
from clvmodels.models.future import Future, PurchaseModel
from clvmodels.models.special import Floats
from clvmodels.prediction.streams import in_order

_CELLS = 2**18  # draws x histories of a block: 2 MB an array, some ten of which a thread holds at once


@dataclass(frozen=True, eq=False)
class Block:
    """Some distinct histories with equally many purchases, in one group.

    Attributes
    ----------
    model
        With parameters of shape ``(draws, 1)``, those of the group.
    histories
        In the order of age.
    ages
        One history of each distinct age: where recency says nothing of the future of who is alive, these stand for all.
    position
        The position of each history's age among them.
    """

    model: PurchaseModel
    histories: Histories
    ages: Histories
    position: NDArray[np.intp]

    @property
    def alive(self) -> Floats:
        """P(alive at T), shape ``(draws, n)``."""
        shape = (self.model.draws, len(self.histories))
        return np.array(np.broadcast_to(self.model.probability_alive(self.histories), shape))

    def future(self, some: "NDArray[np.intp] | slice" = slice(None), draws: "NDArray[np.intp] | None" = None) -> Future:
        """Return the future of some of the histories under some of the draws, given alive."""
        model = self.model if draws is None else self.model.take(draws)
        return model.future(self._alike(self.histories.at(some)))

    def given_alive(self, quantity: Callable[[Future], Floats]) -> Floats:
        """Return a quantity of each history's future, ``(draws, n)``, evaluated once a distinct age."""
        values = quantity(self.model.future(self._alike(self.ages)))
        return np.broadcast_to(values, (*values.shape[:-1], len(self.ages)))[..., self.position]

    def _alike(self, histories: Histories) -> Histories:
        """Return histories with their frequency as one number: what depends on it alone is computed once a draw."""
        return Histories(self.histories.x[:1], histories.t_x, histories.T)


def by_history(model: PurchaseModel, rfm: RFM, function: Callable[[Block], Floats]) -> Floats:
    """Return numbers of each customer, shape ``(numbers, customers)``, in the order of the RFM.

    Parameters
    ----------
    model
        With a row a draw of the parameters, in the time unit of the RFM.
    rfm
        The customers.
    function
        Takes a block, returns ``(numbers, n)``. A history's numbers must not depend, to the last bit, on the others;
        then a customer's do not depend on who else is in the RFM. Threads take a block each.
    """
    histories = rfm.histories
    keys = (histories.t_x, histories.T, histories.x)
    order = np.lexsort(keys if histories.group is None else (*keys, histories.group))
    blocks = _blocks(model, histories.at(order))
    numbers = np.concatenate(list(in_order(function, blocks, checked.cores())), axis=1)
    found = np.empty_like(numbers)
    found[:, order] = numbers
    return found[:, histories.row]


def _blocks(model: PurchaseModel, histories: Histories) -> Iterator[Block]:
    size = max(1, _CELLS // model.draws)
    for alike in histories.alike():
        for start in range(alike.start, alike.stop, size):
            block = histories.at(slice(start, min(start + size, alike.stop)))
            own = model if block.group is None else model.of_groups(block.group[:1])
            if model.recency_matters:
                yield Block(own, block, block, np.arange(len(block)))
                continue
            _, first, position = np.unique(block.T, return_index=True, return_inverse=True)
            yield Block(own, block, block.at(first), position.ravel())
