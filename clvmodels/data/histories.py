"""Purchase histories: the distinct ones of a base, each once, and which of them each customer has."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Positions = NDArray[np.intp]

_DENSE = 2**20  # whole numbers below it (days, purchases) stand for themselves


@dataclass(frozen=True, eq=False)
class Histories:
    """Distinct purchase histories, how many customers share each, and the history of each customer.

    Parameters
    ----------
    x
        Repeat purchases (frequency), shape ``(histories,)`` or a number.
    t_x, T
        Time of the last purchase (recency) and age, since the first purchase, of the same shape and in one time unit.
    group
        To which group each history belongs, where a model's parameters differ between groups: positions along the
        last axis of the parameters. ``None`` where all histories share them.
    counts
        Customers who share each history; by default one each.
    row
        The history of each customer, ``(customers,)``; by default customer i has history i.

    Examples
    --------
    >>> merged = Histories.merge(np.array([1, 0, 1]), np.array([7.0, 0.0, 7.0]), np.array([30.0, 30.0, 30.0]))
    >>> merged.x, merged.counts, merged.row
    (array([0., 1.]), array([1., 2.]), array([1, 0, 1]))
    """

    x: Floats
    t_x: Floats
    T: Floats
    group: Positions | None
    counts: Floats
    row: Positions

    def __init__(
        self,
        x: ArrayLike,
        t_x: ArrayLike,
        T: ArrayLike,
        group: Positions | None = None,
        counts: Floats | None = None,
        row: Positions | None = None,
    ) -> None:
        x, t_x, T = (np.asarray(value, dtype=float) for value in (x, t_x, T))
        counts = np.ones(x.size) if counts is None else counts
        row = np.arange(x.size) if row is None else row
        for name, value in {"x": x, "t_x": t_x, "T": T, "group": group, "counts": counts, "row": row}.items():
            object.__setattr__(self, name, value)

    @classmethod
    def merge(cls, x: NDArray[Any], t_x: Floats, T: Floats, group: Positions | None = None) -> Self:
        """Return the distinct histories of customers, each array ``(customers,)``, in the order of x, then t_x, then T.

        Where there are groups, histories of different groups are kept apart: the group comes first in the order.
        """
        keys = [x, t_x, T] if group is None else [group, x, t_x, T]
        codes, values = zip(*map(_coded, keys), strict=True)
        sizes = tuple(len(distinct) for distinct in values)
        row, distinct = pd.factorize(np.asarray(np.ravel_multi_index(codes, sizes)), sort=True)
        *groups, x, t_x, T = (of[at] for of, at in zip(values, np.unravel_index(distinct, sizes), strict=True))
        counts = np.bincount(row).astype(float)
        return cls(x, t_x, T, groups[0].astype(np.intp) if groups else None, counts, row)

    def __len__(self) -> int:
        return self.x.size

    @property
    def customers(self) -> int:
        """How many customers have these histories."""
        return len(self.row)

    def in_units_of(self, scale: float) -> Self:
        """Return the same histories with times as multiples of a time."""
        return type(self)(self.x, self.t_x / scale, self.T / scale, self.group, self.counts, self.row)

    def take(self, customers: "slice | NDArray[Any]") -> Self:
        """Return some of the customers, with the histories that they have."""
        histories, row = np.unique(self.row[customers], return_inverse=True)
        return replace(self.at(histories), row=row, counts=np.bincount(row, minlength=len(histories)).astype(float))

    def at(self, histories: "slice | NDArray[Any]") -> Self:
        """Return some of the histories by position, each of one customer."""
        group = None if self.group is None else self.group[histories]
        return type(self)(self.x[histories], self.t_x[histories], self.T[histories], group)

    def alike(self) -> Iterator[slice]:
        """Yield where neighbouring histories with one frequency, in one group, stand."""
        changes = np.diff(self.x) != 0
        if self.group is not None:
            changes |= np.diff(self.group) != 0
        return (slice(a, b) for a, b in pairwise([0, *(np.flatnonzero(changes) + 1), len(self)]))

    def __add__(self, other: "Histories") -> "Histories":
        """Return the histories of both bases, in one time unit: the customers of this one first."""
        both = [self, other]
        group = None if self.group is None or other.group is None else np.concatenate([h.group for h in both])  # type: ignore[arg-type]
        x, t_x, T = (np.concatenate([getattr(part, name) for part in both]) for name in ("x", "t_x", "T"))
        merged = Histories.merge(x, t_x, T, group)
        own, its = merged.row[: len(self)], merged.row[len(self) :]
        counts = np.bincount(merged.row, np.concatenate([self.counts, other.counts]))
        return replace(merged, counts=counts, row=np.concatenate([own[self.row], its[other.row]]))


def _coded(values: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Return small whole numbers that stand for the values, and the value that each stands for."""
    whole = values.astype(np.int64)
    if (whole == values).all() and whole.max() < _DENSE:
        return whole, np.arange(whole.max() + 1)
    return pd.factorize(values, sort=True)
