"""Sums over customers: of all, of segments, and of the best."""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvmodels.errors import DataError, InfiniteMeanError, SettingError, examples
from clvmodels.models.protocols import Floats

Codes = NDArray[np.intp]

POINT = (
    "The parameters are a point, so nothing is known of how uncertain the expected value is. Fit with "
    "method=clv.Laplace() (the default) for draws."
)
NO_FUTURES = (
    "This forecast says what is expected, and nothing of what may really happen: the simple formula has no interval "
    "of the realised value. Use expected_interval(), or a model such as clv.BGNBD."
)
INFINITE = "The expected sum is infinite. What will really be brought has a median and intervals: use interval()."


def ends(level: float) -> tuple[float, float]:
    """Return the probabilities below the two ends of a central interval.

    Examples
    --------
    >>> ends(0.5)
    (0.25, 0.75)
    """
    if not (isinstance(level, Real) and 0 < level < 1):
        raise SettingError(f"The level of an interval lies between 0 and 1, such as 0.90; {level!r} does not.")
    return (1 - level) / 2, (1 + level) / 2


def between_0_and_1(values: Any, meaning: str, *, or_1: bool = False) -> tuple[float, ...]:  # noqa: ANN401 -- whatever a user passes
    """Return one or several different numbers above 0 and below 1, or at most 1.

    Examples
    --------
    >>> between_0_and_1([0.25, 0.5], "probabilities of quantiles")
    (0.25, 0.5)
    """
    several = list(values) if isinstance(values, Sequence | np.ndarray) and not isinstance(values, str) else [values]
    inside = [isinstance(v, Real) and (0 < float(v) < 1 or (or_1 and v == 1)) for v in several]
    if not several or not all(inside):
        raise SettingError(f"The {meaning} lie between 0 and 1, such as (0.1, 0.5); {values!r} do not.")
    if len(set(several)) < len(several):
        raise SettingError(f"Each of the {meaning} is named once; {values!r} repeat some.")
    return tuple(float(value) for value in several)


def mean_over_draws(draws: Floats) -> Floats:
    """Return the mean of each customer's draws, to the last bit whoever else is in the array, ``(draws, n)``."""
    mean: Floats = np.ascontiguousarray(draws.T).mean(axis=1)
    return mean


def quantile(ordered: Floats, probability: float) -> Floats:
    """Return a quantile of draws sorted along their first axis: always a value that occurred, so a count is a count."""
    position = int(np.ceil(probability * len(ordered) - 1e-9)) - 1
    result: Floats = ordered[max(position, 0)]
    return result


class Interval(NamedTuple):
    """The two ends of a central interval."""

    lower: float
    upper: float


@dataclass(frozen=True, eq=False)
class Total:
    """A sum over customers, draw by draw: customers share each draw of the parameters.

    Attributes
    ----------
    finite_mean
        The expected sum; ``None`` where it is infinite.
    expected
        The sum of expected values under each draw of the parameters, shape ``(draws,)``; ``None`` where the mean is.
    realised
        The sum of realised values in each future, shape ``(futures,)``; ``None`` from a recipe without futures.
    uncertain
        Whether the parameters have draws.
    infinite
        What to say where an infinite mean is asked for.
    """

    finite_mean: float | None
    expected: Floats | None
    realised: Floats | None
    uncertain: bool
    infinite: str = INFINITE

    @property
    def mean(self) -> float:
        """The expected sum.

        Raises
        ------
        InfiniteMeanError
            If it is infinite.
        """
        if self.finite_mean is None:
            raise InfiniteMeanError(self.infinite)
        return self.finite_mean

    def interval(self, level: float = 0.90) -> Interval:
        """Return the central interval of the *realised* sum: what these customers will really bring together."""
        if self.realised is None:
            raise SettingError(NO_FUTURES)
        return _interval(self.realised, level)

    def expected_interval(self, level: float = 0.90) -> Interval:
        """Return the central interval of the *expected* sum: what is not known about the parameters."""
        if not self.uncertain:
            raise SettingError(POINT)
        if self.expected is None:
            raise InfiniteMeanError(self.infinite)
        return _interval(self.expected, level)

    def __repr__(self) -> str:
        parts = [] if self.finite_mean is None else [f"{self.mean:,.1f}"]
        if self.realised is not None:
            parts.append(f"90 % interval of the realised sum {_text(self.interval())}")
        if self.uncertain and self.expected is not None:
            parts.append(f"of the expected sum {_text(self.expected_interval())}")
        return f"Total {', '.join(parts)}"


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
        found = np.flatnonzero(self.names == name)
        if not len(found):
            raise SettingError(f"There is no segment {name!r}. There are: {examples(map(repr, self.names.tolist()))}.")
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
        if one.finite_mean is not None:
            columns[f"{q}_mean"] = np.array([total.mean for total in self.totals])
            columns[f"{q}_per_customer"] = columns[f"{q}_mean"] / self.customers
        if one.realised is not None:
            columns[f"{q}_lower"], columns[f"{q}_upper"] = zip(*(t.interval(level) for t in self.totals), strict=True)
        if one.uncertain and one.expected is not None:
            intervals = zip(*(total.expected_interval(level) for total in self.totals), strict=True)
            columns["expected_lower"], columns["expected_upper"] = intervals
        return pd.DataFrame(columns)

    def __repr__(self) -> str:
        return f"{self.quantity} of {len(self.names):,} segments with {self.customers.sum():,} customers"


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
        mean = _gini(self.share_of_customers, self.value[:, None] / self.value[-1])[0]
        expected = _interval(_gini(self.share_of_customers, self.expected), level) if self.uncertain else None
        realised = None if self.realised is None else _interval(_gini(self.share_of_customers, self.realised), level)
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


class Sums:
    """Sums over groups of customers, gathered from chunks."""

    def __init__(self, codes: Codes, groups: int) -> None:
        self.codes = codes
        self.customers = np.bincount(codes, minlength=groups)
        self.of: dict[str, Floats] = {}

    def part(self, customers: Codes, values: "dict[str, Floats]") -> "tuple[Codes, dict[str, Floats]]":
        """Return the groups of some customers and the sums of their values ``(customers, any)`` over each."""
        codes = self.codes[customers]
        if (codes == codes[0]).all():
            return codes[:1], {name: v.sum(axis=0, keepdims=True) for name, v in values.items()}
        order = np.argsort(codes, kind="stable")
        starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
        together = {name: np.add.reduceat(v[order], starts, axis=0) for name, v in values.items()}
        return codes[order][starts], together

    def add(self, groups: Codes, values: dict[str, Floats]) -> None:
        """Add what ``part`` returned."""
        for name, sums in values.items():
            if name not in self.of:
                self.of[name] = np.zeros((len(self.customers), *sums.shape[1:]))
            self.of[name][groups] += sums

    def totals(self, *, uncertain: bool) -> list[Total]:
        """Return the total of each group."""
        mean, expected, realised = (self.of.get(name) for name in ("mean", "expected", "realised"))
        return [
            Total(
                None if mean is None else float(mean[i]),
                None if expected is None else expected[i],
                None if realised is None else realised[i],
                uncertain,
            )
            for i in range(len(self.customers))
        ]


def coded(labels: "NDArray[Any]") -> tuple[Codes, NDArray[Any]]:
    """Return each customer's segment as a number, and the segments in their order.

    Raises
    ------
    DataError
        If a customer has none.
    """
    codes, names = pd.factorize(pd.Series(labels), sort=True)
    if (codes < 0).any():
        raise DataError(
            f"{(codes < 0).sum():,} of {len(codes):,} customers have no segment: it is missing. Give them one, such as "
            "'unknown'."
        )
    return codes.astype(np.intp), np.asarray(names)


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


def _gini(share_of_customers: Floats, share_of_value: Floats) -> Floats:
    return np.asarray(2 * np.trapezoid(share_of_value, share_of_customers, axis=0) - 1)


def _interval(draws: Floats, level: float) -> Interval:
    ordered = np.sort(draws)
    return Interval(*(float(quantile(ordered, p)) for p in ends(level)))


def _intervals(draws: Floats, level: float) -> tuple[Floats, Floats]:
    ordered = np.sort(draws, axis=1).T
    lower, upper = (quantile(ordered, p) for p in ends(level))
    return lower, upper


def _text(interval: Interval) -> str:
    return f"{interval.lower:,.1f} to {interval.upper:,.1f}"
