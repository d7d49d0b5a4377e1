"""The customers of a forecast as arrays: their distinct histories once, and what is each customer's own."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from clvmodels.data.rfm import RFM
from clvmodels.models.protocols import Floats, SpendModel

Positions = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Customers:
    """Customers and their histories; what depends on the history alone is computed once for all who share it.

    Attributes
    ----------
    x, t_x, T
        The distinct histories in the order of x, then t_x, then T, each ``(histories,)``, in the unit of the RFM.
    history
        The row of each customer's history, ``(customers,)``.
    key
        What names each customer's random stream, ``(customers,)``.
    seen, mean
        How many purchases a spend model has seen the value of, and their mean, ``(customers,)``; ``None`` without one.
    """

    x: Floats
    t_x: Floats
    T: Floats
    history: Positions
    key: NDArray[np.uint64]
    seen: Floats | None
    mean: Floats | None

    @classmethod
    def of(cls, rfm: RFM, spend: SpendModel | None) -> Self:
        """Return the customers of an RFM."""
        distinct = rfm.collapse()
        seen, mean = (None, None) if spend is None else spend.observed(rfm)
        return cls(distinct.frequency, distinct.recency, distinct.T, distinct.row, rfm.key, seen, mean)

    def __len__(self) -> int:
        return len(self.history)

    def take(self, customers: "slice | NDArray[Any]") -> Self:
        """Return some of the customers, with the histories that they have."""
        histories, history = np.unique(self.history[customers], return_inverse=True)
        seen, mean = (None if values is None else values[customers] for values in (self.seen, self.mean))
        return type(self)(
            self.x[histories], self.t_x[histories], self.T[histories], history, self.key[customers], seen, mean
        )
