"""Purchase histories: the distinct ones of a base, each once, and which of them each customer has."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from math import prod
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from clvmodels import checked
from clvmodels.data.runs import starts
from clvmodels.errors import DataError, SettingError, examples

Floats = NDArray[np.float64]
Positions = NDArray[np.intp]

_DENSE = 2**20  # whole numbers below it (days, purchases) stand for themselves


@dataclass(frozen=True, eq=False, init=False)
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
        x, t_x, T = (checked.numbers(*named) for named in (("x", x), ("t_x", t_x), ("T", T)))
        for name, known in {"x": x, "t_x": t_x, "T": T}.items():
            if not (np.isfinite(known) & (known >= 0)).all():
                raise SettingError(f"{name} is finite and 0 or more; {checked.shown(known)} is not everywhere.")
        group = None if group is None else checked.positions("group", group)
        counts = np.ones(x.size) if counts is None else checked.numbers("counts", counts)
        if counts.shape != (x.size,) or not (np.isfinite(counts) & (counts >= 0)).all():
            raise SettingError(f"counts says how many customers share each history; {checked.shown(counts)} does not.")
        row = np.arange(x.size) if row is None else checked.positions("row", row)
        for name, value in {"x": x, "t_x": t_x, "T": T, "group": group, "counts": counts, "row": row}.items():
            object.__setattr__(self, name, value)

    @classmethod
    def merge(cls, x: NDArray[Any], t_x: Floats, T: Floats, group: Positions | None = None) -> Self:
        """Return the distinct histories of customers, each array ``(customers,)``, in the order of x, then t_x, then T.

        Where there are groups, histories of different groups are kept apart: the group comes first in the order.
        """
        x, t_x, T = (checked.numbers(*named) for named in (("x", x), ("t_x", t_x), ("T", T)))
        group = None if group is None else checked.positions("group", group)
        shapes = {np.shape(each) for each in (x, t_x, T, group) if each is not None}
        if len(shapes) > 1 or x.ndim != 1:
            raise DataError(f"Each customer has one number of each kind; these have the shapes {examples(shapes)}.")
        cls(x, t_x, T)  # says what is no time and no count
        codes, sizes = zip(*map(_coded, [x, t_x, T] if group is None else [group, x, t_x, T]), strict=True)
        if prod(sizes) <= np.iinfo(np.int64).max:
            row, distinct = pd.factorize(np.asarray(np.ravel_multi_index(codes, sizes)), sort=True)
        else:  # so many different numbers do not fit into one
            distinct, row = np.unique(np.stack(codes), axis=1, return_inverse=True)
            distinct = distinct[0]
        one_of = np.empty(len(distinct), dtype=np.intp)
        one_of[row] = np.arange(len(row))
        return replace(cls(x, t_x, T, group).at(one_of), counts=np.bincount(row).astype(float), row=row)

    def __len__(self) -> int:
        return self.x.size

    @property
    def customers(self) -> int:
        """How many customers have these histories."""
        return len(self.row)

    def in_units_of(self, scale: float) -> Self:
        """Return the same histories with times as multiples of a time."""
        checked.positive(self, scale=scale)
        return replace(self, t_x=self.t_x / scale, T=self.T / scale)

    def take(self, customers: "slice | NDArray[Any]") -> Self:
        """Return the histories of some of the customers: a slice, a mask or positions."""
        customers = checked.rows("customers", customers, self.customers)
        histories, row = np.unique(self.row[customers], return_inverse=True)
        return replace(self.at(histories), row=row, counts=np.bincount(row, minlength=len(histories)).astype(float))

    def at(self, histories: "slice | NDArray[Any]") -> Self:
        """Return some of the histories by position, each as the history of one customer."""
        histories = checked.rows("histories", histories, len(self))
        group = None if self.group is None else self.group[histories]
        return type(self)(self.x[histories], self.t_x[histories], self.T[histories], group)

    def alike(self) -> Iterator[slice]:
        """Return the slices of neighbouring histories that share their frequency and their group."""
        keys = [self.x] if self.group is None else [self.group, self.x]
        return (slice(start, end) for start, end in pairwise([*starts(*keys).tolist(), len(self)]))

    def __add__(self, other: "Histories") -> "Histories":
        """Return the histories of two disjoint parts of a base, in one time unit: the customers of this one first.

        Raises
        ------
        DataError
            If one part has groups and the other has none.
        """
        if not isinstance(other, Histories):
            return NotImplemented
        if (self.group is None) != (other.group is None):
            raise DataError("Histories with groups and without do not add up. Give both parts groups, or neither.")
        x, t_x, T, counts = (np.append(getattr(self, of), getattr(other, of)) for of in ("x", "t_x", "T", "counts"))
        groups = [part.group for part in (self, other) if part.group is not None]
        merged = Histories.merge(x, t_x, T, np.concatenate(groups) if groups else None)
        row = merged.row[np.append(self.row, len(self) + other.row)]
        return replace(merged, counts=np.bincount(merged.row, counts).astype(float), row=row)


def _coded(values: NDArray[Any]) -> tuple[NDArray[np.int64], int]:
    """Return whole numbers from 0 up in the order of the values, and a number above all of them."""
    whole = values.astype(np.int64)
    if not len(values):
        return whole, 1
    if (whole == values).all() and whole.min() >= 0 and whole.max() < _DENSE:
        return whole, int(whole.max()) + 1
    codes, distinct = pd.factorize(values, sort=True)
    return codes, len(distinct)
