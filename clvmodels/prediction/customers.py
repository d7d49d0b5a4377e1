"""The customers of a forecast as arrays: their distinct histories once, and what is each customer's own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from clvmodels.data.histories import Histories
from clvmodels.data.rfm import RFM
from clvmodels.models.future import SpendModel
from clvmodels.models.special import Floats

Positions = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Customers:
    """Customers and their histories; what depends on the history alone is computed once for all who share it.

    Attributes
    ----------
    histories
        The distinct histories, in the unit of the RFM, and the history of each customer.
    key
        What names each customer's random stream, ``(customers,)``.
    observed
        What a spend model knows of each customer, by name, each ``(customers,)``; empty without one.
    """

    histories: Histories
    key: NDArray[np.uint64]
    observed: Mapping[str, Floats]

    @classmethod
    def of(cls, rfm: RFM, spend: SpendModel | None) -> Self:
        """Return the customers of an RFM."""
        return cls(rfm.histories, rfm.key, {} if spend is None else spend.observed(rfm))

    def __len__(self) -> int:
        return len(self.key)

    def take(self, customers: "slice | NDArray[Any]") -> Self:
        """Return some of the customers, with the histories that they have."""
        observed = {name: values[customers] for name, values in self.observed.items()}
        return type(self)(self.histories.take(customers), self.key[customers], observed)
