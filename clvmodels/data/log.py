"""The log inside ``Transactions``: events by customer and day; how they are split, merged, netted and reported."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from clvmodels.cautions import Caution
from clvmodels.data.cleaning import CleaningReport, Rule, Tally
from clvmodels.data.gaps import Gaps
from clvmodels.data.returns import net_returns
from clvmodels.data.rfm import Calendar
from clvmodels.data.rules import Rows, count_customers
from clvmodels.data.runs import starts
from clvmodels.errors import DataError, SettingError
from clvmodels.units import Duration

Bools = NDArray[np.bool_]
Codes = NDArray[np.int64]
Floats = NDArray[np.float64]
Days = NDArray[np.datetime64]

DAY = np.timedelta64(1, "D")


@dataclass(frozen=True, eq=False)
class Source:
    """What all parts of a log share: its customers, how it was read, and the cautions about its table."""

    ids: NDArray[Any]
    attributes: Mapping[str, NDArray[Any]]
    came_in: Tally
    taken_out: tuple[Rule, ...]
    notes: tuple[Rule, ...]
    acquired_since: np.datetime64 | None
    cautions: tuple[Caution, ...]


@dataclass(frozen=True, eq=False)
class Events:
    """The log by customer and day, sorted: money bought and money returned, and the number of rows behind each."""

    customer: Codes
    day: Days
    spend: Floats
    returned: Floats
    purchases: Codes
    returns: Codes

    @classmethod
    def of(cls, rows: Rows) -> Self:
        """Return the events of sorted rows."""
        amount = np.zeros(len(rows)) if rows.amount is None else rows.amount
        back = rows.is_return
        each = np.maximum(amount, 0), np.maximum(-amount, 0), (~back).astype(np.int64), back.astype(np.int64)
        return cls(rows.customer, rows.day, *each).gather()

    def take(self, rows: Bools) -> Self:
        """Return some of the events."""
        return type(self)(*(values[rows] for values in self._arrays))

    def merge(self, origin: np.datetime64, days: int) -> Self:
        """Return the events by period, counted from an origin, each dated on its period's first day."""
        if days == 1:
            return self
        return replace(self, day=origin + (self.day - origin) // DAY // days * days * DAY).gather()

    def gather(self) -> Self:
        """Return one event a customer and day, added up; the events must be sorted."""
        start = starts(self.customer, self.day)
        sums = (np.add.reduceat(values, start) for values in self._arrays[2:])
        return type(self)(self.customer[start], self.day[start], *sums)

    @property
    def rows(self) -> int:
        """How many rows of the table are behind these events."""
        return int(self.purchases.sum() + self.returns.sum())

    @property
    def money(self) -> float:
        """Money bought less money returned."""
        return float(self.spend.sum() - self.returned.sum())

    @property
    def _arrays(self) -> tuple[NDArray[Any], ...]:
        return self.customer, self.day, self.spend, self.returned, self.purchases, self.returns


@dataclass(frozen=True, eq=False)
class Purchases:
    """What is left after merging and netting: a row a customer and period, sorted."""

    customer: Codes
    day: Days
    amount: Floats

    @cached_property
    def start(self) -> Codes:
        """Where each customer's purchases begin, shape ``(customers,)``."""
        return starts(self.customer)

    @cached_property
    def counts(self) -> Codes:
        """Purchases of each customer, shape ``(customers,)``."""
        return np.diff(self.start, append=len(self.customer)).astype(np.int64)

    @property
    def first(self) -> Days:
        """Day of each customer's first purchase, shape ``(customers,)``."""
        return self.day[self.start]

    @property
    def last(self) -> Days:
        """Day of each customer's last purchase, shape ``(customers,)``."""
        days: Days = self.day[self.start + self.counts - 1]
        return days

    @cached_property
    def is_repeat(self) -> Bools:
        """Whether a purchase is not its customer's first, shape ``(purchases,)``."""
        repeat = np.ones(len(self.customer), dtype=bool)
        repeat[self.start] = False
        return repeat


@dataclass(frozen=True, eq=False)
class Log:
    """A log or a part of one; ``known`` says which customers a holdout's past knows."""

    source: Source
    events: Events
    first: np.datetime64
    last: np.datetime64
    period: Duration
    known: Bools | None = None

    @property
    def has_money(self) -> bool:
        """Whether there is an amount column."""
        return self.source.came_in.money is not None

    def split(self, day: np.datetime64) -> "tuple[Log, Log]":
        """Return the log up to and including a day, and the log after it; a holdout cut shorter is one, too."""
        if not self.first <= day < self.last:
            raise SettingError(
                f"The log goes from {self.first} to {self.last} and cannot be split at {day}: choose a day within it, "
                "before its last."
            )
        before = self.events.day <= day
        past = self._part(before, self.first, day, f"Rows after the split, {day}.")
        future = self._part(~before, day + DAY, self.last, f"Rows up to and including the day of the split, {day}.")
        return past, replace(future, known=past.per_customer[0] > 0)

    def _part(self, inside: Bools, first: np.datetime64, last: np.datetime64, sentence: str) -> "Log":
        part = replace(self, events=self.events.take(inside), first=first, last=last)
        part.refuse_emptiness()
        lost = count_customers(self.events.customer) - count_customers(part.events.customer)
        outside = self.events.take(~inside)
        rule = Rule("other side of the split", sentence, self._tally(outside.rows, lost, outside.money))
        return replace(part, source=replace(self.source, taken_out=(*self.source.taken_out, rule)))

    def refuse_emptiness(self) -> None:
        """Raise a ``DataError`` if there is no purchase, or none that was not returned in full."""
        if not self.events.purchases.any():
            raise DataError(f"There is no purchase from {self.first} to {self.last}. Split at another day.")
        if not len(self.purchases.customer):
            raise DataError(f"No purchase is left from {self.first} to {self.last}: all of them were returned in full.")

    @cached_property
    def _netted(self) -> tuple[Events, Floats, Floats]:
        periods = self.events.merge(self.first, int(self.period.days))
        return periods, *net_returns(periods.customer, periods.spend, periods.returned)

    @cached_property
    def purchases(self) -> Purchases:
        """What is left after merging and netting."""
        periods, kept, _ = self._netted
        # A purchase of amount zero has nothing to be returned, so no return undoes it.
        alive = (periods.purchases > 0) & ((kept > 0) | (periods.spend == 0))
        return Purchases(periods.customer[alive], periods.day[alive], kept[alive])

    @cached_property
    def per_customer(self) -> tuple[Codes, Floats]:
        """Purchases and money of every customer of the source, shapes ``(customers,)``."""
        customer, size = self.purchases.customer, len(self.source.ids)
        money = np.bincount(customer, weights=self.purchases.amount, minlength=size)
        return np.bincount(customer, minlength=size).astype(np.int64), money.astype(np.float64)

    @property
    def unmatched(self) -> Floats:
        """Money of each customer and period whose returns have no purchase to take them off, of those with some."""
        rest = self._netted[2]
        return rest[rest > 0]

    @cached_property
    def gaps(self) -> Gaps:
        """How evenly customers buy."""
        purchases = self.purchases
        return Gaps.of((purchases.day - self.first) // DAY // int(self.period.days), purchases.start)

    @cached_property
    def calendar(self) -> Calendar:
        """The first and the repeat purchases of each day of the log."""
        purchases, days = self.purchases, np.arange(self.first, self.last + DAY)
        day, repeat = (purchases.day - self.first) // DAY, purchases.is_repeat
        money = np.bincount(day[repeat], weights=purchases.amount[repeat], minlength=len(days)).astype(np.float64)
        first_purchases, repeat_purchases = (np.bincount(day[of], minlength=len(days)) for of in (~repeat, repeat))
        return Calendar(
            days,
            first_purchases.astype(np.int64),
            repeat_purchases.astype(np.int64),
            money if self.has_money else None,
        )

    @cached_property
    def report(self) -> CleaningReport:
        """What came in, what was taken out by which rule, and what is left."""
        purchases, notes = self.purchases, self.source.notes
        left = self._tally(len(purchases.customer), len(purchases.start), purchases.amount.sum())
        unmatched = self._netted[2]
        if len(rows := np.flatnonzero(unmatched)):
            tally = self._tally(len(rows), count_customers(self._netted[0].customer[rows]), -unmatched.sum())
            sentence = "Returns with no purchase in the log to take them off, by customer and period, change nothing."
            notes = (*notes, Rule("unmatched returns", sentence, tally))
        taken_out = (
            *self.source.taken_out,
            *(rule for rule in self._counting() if rule.tally.rows or rule.tally.money),
        )
        return CleaningReport(self.source.came_in, taken_out, left, notes)

    def _counting(self) -> tuple[Rule, Rule, Rule]:
        """Return what merging and netting did, so that rows, customers and money add up."""
        events, (periods, kept, _), purchases = self.events, self._netted, self.purchases
        customers, buyers = count_customers(events.customer), count_customers(events.customer[events.purchases > 0])
        merged = int((periods.purchases > 0).sum())
        # Purchase by purchase: without returns this is zero, and not what is left of rounding two sums.
        back, paid = events.returned.sum(), (periods.spend - kept).sum()
        return (
            Rule(
                "returns",
                "Rows of negative amount, set against purchases of the same customer on or before their day.",
                self._tally(int(events.returns.sum()), customers - buyers, -back),
            ),
            Rule(
                "merged",
                f"Purchases of one customer within {self.period} are one; their money adds up.",
                self._tally(int(events.purchases.sum()) - merged, 0, 0.0),
            ),
            Rule(
                "refunded",
                "Purchases returned in full, and the money that returns took off the others.",
                self._tally(merged - len(purchases.customer), buyers - len(purchases.start), paid),
            ),
        )

    def _tally(self, rows: int, customers: int, money: float) -> Tally:
        return Tally(rows, customers, float(money) if self.has_money else None)
