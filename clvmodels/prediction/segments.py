"""Sums over segments of customers."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvmodels import checked
from clvmodels.data.cells import plain_cells
from clvmodels.data.rfm import RFM
from clvmodels.data.tables import listed
from clvmodels.errors import DataError, SettingError, examples
from clvmodels.prediction.totals import Codes, Total


@dataclass(frozen=True, eq=False)
class Segments:
    """Sums over segments of customers.

    Attributes
    ----------
    names
        Of the segments, ``(segments,)``.
    customers
        How many each has, ``(segments,)``.
    totals
        The sum over each.
    quantity
        What is summed.
    """

    names: NDArray[Any]
    customers: Codes
    totals: Sequence[Total]
    quantity: str

    def __getitem__(self, name: object) -> Total:
        try:
            found = np.flatnonzero(self.names == name if np.ndim(name) == 0 else [])  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):  # what cannot be compared is no segment
            found = np.empty(0, dtype=np.intp)
        if not len(found):
            raise SettingError(
                f"There is no segment {checked.shown(name)}. There are: {examples(map(repr, self.names.tolist()))}."
            )
        total: Total = self.totals[int(found[0])]
        return total

    def frame(self, level: float = 0.90) -> pd.DataFrame:
        """Return a row a segment.

        Columns: ``segment, customers``, the expected sum ``..._mean`` and that ``..._per_customer``, the interval of
        the realised sum ``..._lower, ..._upper`` and that of the expected sum ``expected_lower, expected_upper``; those
        that do not exist are left out.
        """
        columns: dict[str, Any] = {"segment": self.names, "customers": self.customers}
        one, q = self.totals[0], self.quantity
        finite = all(total.finite_mean is not None for total in self.totals)
        if finite:
            columns[f"{q}_mean"] = np.array([total.mean for total in self.totals])
            columns[f"{q}_per_customer"] = columns[f"{q}_mean"] / self.customers
        if one.realised is not None:
            columns[f"{q}_lower"], columns[f"{q}_upper"] = zip(*(t.interval(level) for t in self.totals), strict=True)
        if one.uncertain and finite:
            intervals = zip(*(total.expected_interval(level) for total in self.totals), strict=True)
            columns["expected_lower"], columns["expected_upper"] = intervals
        return pd.DataFrame(columns)

    def __add__(self, other: "Segments") -> "Segments":
        """Return the sums over the customers of both, segment by segment: parts of a base add up.

        Raises
        ------
        SettingError
            If they are sums of different quantities, or do not have as many draws and futures.
        """
        if not isinstance(other, Segments):
            return NotImplemented
        if self.quantity != other.quantity:
            raise SettingError(f"Segments of {self.quantity} and of {other.quantity} do not add up.")
        names = np.asarray(pd.factorize(np.concatenate([self.names, other.names]), sort=True)[1])
        customers, totals = [], []
        for name in names:
            parts = [part for part in (self, other) if name in part.names]
            customers.append(sum(int(part.customers[part.names == name][0]) for part in parts))
            totals.append(reduce(add, (part[name] for part in parts)))
        return Segments(names, np.array(customers), totals, self.quantity)

    def __repr__(self) -> str:
        return f"{self.quantity} of {len(self.names):,} segments with {self.customers.sum():,} customers"


def segment_codes(rfm: RFM, segment: "str | Sequence[Any] | NDArray[Any]") -> tuple[Codes, NDArray[Any]]:
    """Return each customer's segment as a number, and the segments in their order.

    Parameters
    ----------
    rfm
        The customers.
    segment
        A column of the RFM, or a label of each customer, ``(customers,)``, in the order of the RFM; a pandas Series may
        be indexed by customer id instead, in any order.

    Raises
    ------
    DataError
        If a customer has none.
    SettingError
        If the RFM has no such column, or there is not one label for each customer.
    """
    labels: pd.Series[Any] | NDArray[Any]
    if isinstance(segment, str):
        if segment not in rfm.columns:
            known = ", ".join(rfm.columns) or "none"
            raise SettingError(
                f"The RFM has no column {segment!r}. Its columns are: {known}. Pass a label of each customer, or bring "
                "the column with RFM.from_frame."
            )
        labels = rfm.columns[segment]
    else:
        labels = listed("segment", _in_order_of(rfm, segment) if isinstance(segment, pd.Series) else segment)
    if labels.shape != (len(rfm),):
        raise SettingError(
            f"Segments are one label for each of the {len(rfm):,} customers; these have the shape {labels.shape}."
        )
    column = plain_cells(pd.Series(labels).infer_objects(), segment if isinstance(segment, str) else "segment")
    codes, names = pd.factorize(column, sort=True)
    if (codes < 0).any():
        raise DataError(
            f"{(codes < 0).sum():,} of {len(codes):,} customers have no segment: it is missing. Give them one, such as "
            "'unknown'."
        )
    return codes.astype(np.intp), np.asarray(names)


def _in_order_of(rfm: RFM, labels: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return a Series' labels in the order of the customers: by its index, unless that just counts from 0."""
    if isinstance(labels.index, pd.RangeIndex) and labels.index.equals(pd.RangeIndex(len(rfm))):
        return labels
    unknown = pd.Index(rfm.customer_id).difference(labels.index)
    if len(unknown) or not labels.index.is_unique:
        raise SettingError(
            f"The index of the segments must be each customer's id, once; {len(unknown):,} of {len(rfm):,} customers "
            "are not in it. Pass labels.to_numpy() if they are in the order of rfm.customer_id."
        )
    return labels.loc[rfm.customer_id]
