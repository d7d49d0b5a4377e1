"""How much of all that is to come the best customers bring."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvmodels.errors import SettingError
from clvmodels.models.special import Floats
from clvmodels.prediction.lorenz import gini
from clvmodels.prediction.summaries import ends, quantile
from clvmodels.prediction.totals import Codes, Interval, Sums, central


@dataclass(frozen=True, eq=False)
class Contributions:
    """How much of all that is to come the best customers bring, ranked by their expected value.

    Attributes
    ----------
    share_of_customers
        From 0 to 1, ``(points,)``.
    customers
        How many customers that is, ``(points,)``.
    value
        Their expected value, ``(points,)``.
    expected
        Their share of the expected value under each draw of the parameters, ``(points, draws)``.
    realised
        Their share of the realised value in each future that has some, ``(points, futures)``; ``None`` without.
    shares
        The shares of customers in the table.
    uncertain
        Whether the parameters have draws.
    quantity
        What is shared.
    """

    share_of_customers: Floats
    customers: Codes
    value: Floats
    expected: Floats
    realised: Floats | None
    shares: tuple[float, ...]
    uncertain: bool
    quantity: str

    def frame(self, level: float = 0.90) -> pd.DataFrame:
        """Return a row a share of customers.

        Columns: ``top`` (their share of all customers), ``customers``, ``..._mean`` (their expected value), ``share``
        (of all expected value), its interval in what really happens ``share_lower, share_upper`` and that of the
        expected share, ``expected_lower, expected_upper``; those that do not exist are left out.
        """
        at = np.searchsorted(self.share_of_customers, np.array(self.shares) - 1e-12)
        return self._table(at, level).rename(columns={"share_of_customers": "top"}).assign(top=self.shares)

    def lorenz(self, level: float = 0.90) -> pd.DataFrame:
        """Return the Lorenz curve, the best customers first: the columns of ``frame()`` at every hundredth."""
        return self._table(np.arange(len(self.share_of_customers)), level)

    def gini(self, level: float = 0.90) -> "Gini":
        """Return the Gini coefficient of the expected value, with its intervals.

        It is twice the area between the curve and the diagonal, of the same ranking in every draw and future: by how
        much the ranking separates customers. 0: all alike; 1: one brings everything.
        """
        mean = gini(self.share_of_customers, self.value / self.value[-1])
        expected = central(gini(self.share_of_customers, self.expected), level) if self.uncertain else None
        realised = None if self.realised is None else central(gini(self.share_of_customers, self.realised), level)
        return Gini(float(mean), realised, expected)

    def _table(self, at: Codes, level: float) -> pd.DataFrame:
        columns: dict[str, Any] = {
            "share_of_customers": self.share_of_customers[at],
            "customers": self.customers[at],
            f"{self.quantity}_mean": self.value[at],
            "share": self.value[at] / self.value[-1],
        }
        if self.realised is not None:
            columns["share_lower"], columns["share_upper"] = _intervals(self.realised[at], level)
        if self.uncertain:
            columns["expected_lower"], columns["expected_upper"] = _intervals(self.expected[at], level)
        return pd.DataFrame(columns)

    def __repr__(self) -> str:
        shown = self.frame()
        parts = [f"top {row.top:.4g}: {row.share:.1%}" for row in shown.itertuples()]
        return f"Share of {self.quantity} of the best customers: {', '.join(parts)}"


class Gini(NamedTuple):
    """A Gini coefficient, its interval in what really happens, and that of the expected value."""

    value: float
    interval: Interval | None
    expected_interval: Interval | None


def ranked(value: Floats, key: NDArray[np.uint64], shares: Sequence[float]) -> tuple[Codes, NDArray[np.intp]]:
    """Return the group of each customer by rank, the best first, and how many customers all groups up to each have.

    Equal values are ranked by key, so that the order of the customers does not matter.
    """
    n = len(value)
    sizes = np.unique(np.ceil(np.concatenate([np.arange(1, 101) / 100, shares]) * n - 1e-9).astype(np.intp))
    rank = np.empty(n, dtype=np.intp)
    rank[np.lexsort((key, -value))] = np.arange(n)
    return np.searchsorted(sizes, rank, side="right"), sizes


def contributions(
    sums: Sums, sizes: NDArray[np.intp], shares: tuple[float, ...], *, uncertain: bool, quantity: str
) -> Contributions:
    """Return the contributions from sums over ranked groups.

    Raises
    ------
    SettingError
        If nothing is expected, some are expected to bring less than nothing, or all together may do so.
    """
    losses = (sums.of["mean"] < 0).any() or (sums.of.get("realised", np.zeros((1, 1))).sum(axis=0) < 0).any()
    if losses or not sums.of["mean"].sum() > 0:
        raise SettingError(
            "There is nothing to take shares of: costs may exceed what customers bring, or nobody brings anything. "
            "Leave the costs out of the plan, or sum segments with by()."
        )
    value, expected = (_from_nothing(sums.of[name].cumsum(axis=0)) for name in ("mean", "expected"))
    realised = None
    if "realised" in sums.of:
        together = _from_nothing(sums.of["realised"].cumsum(axis=0))
        brings = together[-1] > 0
        realised = together[:, brings] / together[-1][brings] if brings.any() else None
    return Contributions(
        _from_nothing(sizes / sizes[-1]),
        np.concatenate([[0], sizes]),
        value,
        expected / expected[-1],
        realised,
        shares,
        uncertain,
        quantity,
    )


def _from_nothing(values: Floats) -> Floats:
    return np.concatenate([np.zeros((1, *values.shape[1:])), values])


def _intervals(draws: Floats, level: float) -> tuple[Floats, Floats]:
    ordered = np.sort(draws, axis=1).T
    lower, upper = (quantile(ordered, p) for p in ends(level))
    return lower, upper
