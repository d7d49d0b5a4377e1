"""What a purchase brings to the value of a customer."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clvmodels.models.special import Floats

WORTHLESS = -math.log(1e-6)  # interest after which a future shows its first purchase, and no later ones


class Terms(NamedTuple):
    """A purchase of value v at time s brings ``e^(-delta s) (margin v - cost)``; each column is ``(customers,)``.

    Attributes
    ----------
    delta
        Force of interest per time unit.
    margin
        What remains of a value.
    cost
        What each purchase costs.
    fixed_cost
        What each customer costs a time unit, whatever they do.
    """

    delta: Floats
    margin: Floats
    cost: Floats
    fixed_cost: Floats

    @classmethod
    def plain(cls, customers: int, delta: float = 0.0) -> "Terms":
        """Return the terms under which a purchase brings its value, discounted at the force of interest delta."""
        return cls(np.full(customers, delta), np.ones(customers), np.zeros(customers), np.zeros(customers))

    @property
    def discounted(self) -> bool:
        """Whether anything later is worth less."""
        return bool(self.delta.any())

    def take(self, customers: "slice | NDArray[Any]") -> "Terms":
        """Return the terms of some customers."""
        return Terms(*(column[customers] for column in self))
