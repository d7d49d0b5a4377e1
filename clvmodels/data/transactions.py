"""A log of purchases: checked and cleaned by stated rules, split at a date, summarised to one row a customer."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date as Date  # noqa: N812 -- `date` is the name of a parameter that users write
from datetime import datetime, timedelta
from functools import cached_property
from html import escape
from typing import Any, Self, get_args

import numpy as np
import pandas as pd
from narwhals.stable.v2.typing import IntoFrame
from numpy.typing import NDArray

from clvmodels.data.cleaning import (
    CleaningReport,
    Ledger,
    Nulls,
    Returns,
    Rows,
    Rule,
    Tally,
    ZeroAmounts,
    check_days,
    count_customers,
    handle_nulls,
    handle_returns,
    handle_zero_amounts,
    leave_out_acquired_before,
    net_returns,
    note_duplicates,
)
from clvmodels.data.rfm import RFM, Calendar
from clvmodels.data.tables import (
    parse_day,
    read_attribute,
    read_columns,
    read_ids,
    read_numbers,
    read_stamps,
    refuse_missing_values,
)
from clvmodels.errors import DataError, LeftTruncationWarning, MergedPurchasesWarning, SettingError, examples
from clvmodels.units import Duration, duration, unit_name

Bools = NDArray[np.bool_]
Codes = NDArray[np.int64]
Floats = NDArray[np.float64]
Days = NDArray[np.datetime64]

_DAY = np.timedelta64(1, "D")
_RFM_COLUMNS = ("customer_id", "frequency", "recency", "T", "monetary_value", "first_spend")

# A first month is a spike when it has this many times the first purchases of a month after it, and exceeds them by
# this many standard deviations of chance.
_SPIKE_RATIO = 1.5
_SPIKE_SIGMAS = 4.0
_SPIKE_DAYS = 30

# Who buys at random in half of all periods hides more than a quarter of the purchases: 1 - 0.5 / log(2) = 28 %.
_SATURATED = 0.5
_SATURATED_PURCHASES = 10
_SATURATED_SHARE = 0.1


@dataclass(frozen=True)
class Newcomers:
    """Customers of a holdout who had no purchase before it; ``money`` is ``None`` without an amount column."""

    customers: int
    purchases: int
    money: float | None


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Transactions:
    """A log of purchases, one row a purchase (or a line of one), from any dataframe.

    Parameters
    ----------
    frame
        A pandas, Polars (eager or lazy) or PyArrow table, a DuckDB relation, or what else narwhals knows. It is
        read once, here, and not changed. Rows may stand in any order.
    customer
        The column with customer ids: whole numbers or text.
    date
        The column with the time of purchase: dates, datetimes, or text.
    amount
        The column with the money of each row; without it purchases are counted and nothing is said about money.
        A negative amount is a return.
    time_zone
        The zone whose wall clock says which day it is, such as "Europe/Berlin". Times that carry a zone are converted
        to it; times that carry none are taken to be in it already. By default times stay in the zone they carry.
    date_format
        How dates in text are written, such as "%d/%m/%Y"; ISO 8601 (2024-01-31) by default.
    nulls
        Rows without a customer, a date or a finite amount: "refuse" them all, or "drop" and report them.
    zero_amounts
        Whether a row of amount zero is a "purchase" (the default) or is to "drop".
    returns
        Rows of negative amount. "net": a return is taken off that customer's purchases on or before its day, those of
        its own period first, then the latest first; a purchase returned in full is no purchase any more; what exceeds
        the purchases changes nothing and is reported. "drop": returns are left out, so that money is before returns.
        "refuse": they are an error. A return never makes a purchase, and one that is dated after a split never
        changes what came before it.
    acquired_since
        Leave out customers whose first purchase in the log is before this day: the cure where the log starts later
        than the business, so that old customers look new. The log then starts on this day.
    period
        Purchases of one customer in one period are one purchase, dated on the period's first day. Whole days, such as
        "1 day" or "1 week", counted from the log's first day; the part of the log after a split counts from its own.
    columns
        Columns that say something about customers, such as a segment or a channel; each must have one value a customer.
    observed_until
        The last day of the observation, which belongs to it; by default the last day in the log, returns included. It
        may be later: silence counts.

    Raises
    ------
    DataError
        If the data are missing, ambiguous or impossible: the message counts the cases and says what to do.
    SettingError
        If an argument is out of its range.

    Notes
    -----
    Dates after tomorrow are refused, as they are mostly typing errors, unless ``observed_until`` covers them. So are
    dates before 1900-01-02, which mostly stand for "unknown".

    Rows that are equal in all the columns used are all kept, as two equal purchases may be real: in one period they
    are one purchase anyway, but their money adds up. The cleaning report counts them.

    Examples
    --------
    >>> orders = pd.DataFrame(
    ...     {
    ...         "who": ["ann", "ann", "bob", "ann"],
    ...         "day": ["2024-01-01", "2024-01-15", "2024-01-20", "2024-03-01"],
    ...         "paid": [20.0, 30.0, 15.0, 10.0],
    ...     }
    ... )
    >>> log = Transactions(orders, customer="who", date="day", amount="paid")
    >>> past, future = log.split("2024-01-31")
    >>> past.summarize(unit="week").frame()[["customer_id", "frequency", "recency", "monetary_value"]]
      customer_id  frequency  recency  monetary_value
    0         ann          1      2.0            30.0
    1         bob          0      0.0             0.0
    >>> future.purchases_by_customer(["ann", "bob"])
    (array([1, 0]), array([10.,  0.]))
    """

    _log: "_Log"

    def __init__(
        self,
        frame: IntoFrame,
        customer: str,
        date: str,
        amount: str | None = None,
        *,
        time_zone: str | None = None,
        date_format: str | None = None,
        nulls: Nulls = "refuse",
        zero_amounts: ZeroAmounts = "purchase",
        returns: Returns = "net",
        acquired_since: "Date | str | None" = None,
        period: "str | timedelta | Duration" = "1 day",
        columns: Sequence[str] = (),
        observed_until: "Date | str | None" = None,
    ) -> None:
        _check_choices(nulls=(nulls, Nulls), zero_amounts=(zero_amounts, ZeroAmounts), returns=(returns, Returns))
        roles = {"customer": customer, "date": date} | ({} if amount is None else {"amount": amount})
        _check_roles(roles, columns)
        since, until = _optional_day(acquired_since, "acquired_since"), _optional_day(observed_until, "observed_until")
        table = _read(frame, roles, columns, time_zone, date_format)
        ledger = handle_nulls(Ledger(table.rows), roles, nulls)
        _refuse_no_purchase(ledger)
        check_days(ledger.rows, date, np.datetime64("today", "D"), until)
        first, last = ledger.rows.day.min(), ledger.rows.day.max() if until is None else until
        ledger = replace(ledger, rows=ledger.rows.sort())
        if table.zone:
            ledger = ledger.note(np.ones(len(ledger.rows), dtype=bool), "time zone", table.zone)
        ledger = note_duplicates(handle_zero_amounts(handle_returns(ledger, returns), zero_amounts))
        if since is not None:
            first, ledger = max(first, since), leave_out_acquired_before(ledger, since)
        _refuse_no_purchase(ledger)
        source = _Source(table.ids, table.attributes(), table.rows.tally, ledger.taken_out, ledger.notes, since)
        log = _Log(source, _Events.of(ledger.rows), first, last, _whole_days(period))
        log.refuse_emptiness()
        object.__setattr__(self, "_log", log)

    @classmethod
    def _of(cls, log: "_Log") -> Self:
        made = object.__new__(cls)
        object.__setattr__(made, "_log", log)
        return made

    @property
    def first_day(self) -> Date:
        """The first day of the observation, from which periods are counted."""
        return _date(self._log.first)

    @property
    def observed_until(self) -> Date:
        """The last day of the observation, which belongs to it."""
        return _date(self._log.last)

    @property
    def period(self) -> Duration:
        """Within how long the purchases of one customer are one purchase."""
        return self._log.period

    @property
    def length(self) -> Duration:
        """From the first day to the last, both included; of a holdout, from the day after the split."""
        return Duration(float((self._log.last - self._log.first) / _DAY + 1))

    @property
    def has_money(self) -> bool:
        """Whether there is an amount column."""
        return self._log.has_money

    @property
    def customer_id(self) -> NDArray[Any]:
        """Ids of the customers who have a purchase that was not undone, sorted, shape ``(customers,)``."""
        return self._log.source.ids[np.unique(self._log.purchases.customer)]

    @property
    def cleaning(self) -> CleaningReport:
        """What came in, what was taken out by which rule, and what is left."""
        return self._log.report

    def split(self, date: "Date | datetime | str") -> tuple[Self, Self]:
        """Cut the log in two: what was known at the end of a day, and what came after.

        Parameters
        ----------
        date
            The last day of the past, which belongs to it with every hour in it.

        Returns
        -------
        past
            Observed until the given day.
        future
            From the day after to the end of the log's observation. It knows who is a customer in the past: see
            ``newcomers``.

        Raises
        ------
        SettingError
            If this is not a day, or not one within the log.
        DataError
            If there is no purchase on one of the two sides.
        """
        past, future = self._log.split(_day(date, "date"))
        return self._of(past), self._of(future)

    def summarize(self, unit: str = "week") -> RFM:
        """Return one row a customer: frequency, recency, age and money, from which the models learn.

        Parameters
        ----------
        unit
            The unit of time of recency and T, and of the rates that are learnt: "day", "week", "month", ...

        Returns
        -------
        RFM
            ``frequency`` counts the periods with a purchase, less the first; ``recency`` and ``T`` run from the period
            of the first purchase to that of the last and to the last day of the observation; ``monetary_value`` is the
            mean over the periods of repeat purchases, and ``first_spend`` the value of the first. Sorted by id.

        Warns
        -----
        LeftTruncationWarning
            If the first 30 days have far more first purchases than the months after them.
        MergedPurchasesWarning
            If many of the purchases are of customers who buy in more than half of the periods.

        Examples
        --------
        >>> orders = pd.DataFrame({"who": [1, 1, 2], "day": ["2024-01-01", "2024-01-08", "2024-01-02"]})
        >>> rfm = Transactions(orders, "who", "day", observed_until="2024-01-29").summarize("week")
        >>> rfm.frequency, rfm.recency
        (array([1, 0]), array([1., 0.]))
        """
        log = self._log
        calendar = log.calendar()
        if log.source.acquired_since is None and (spike := _spike(calendar)):
            warnings.warn(spike, LeftTruncationWarning, stacklevel=2)
        if saturation := _saturation(log.purchases, log.period):
            warnings.warn(saturation, MergedPurchasesWarning, stacklevel=2)
        return _summary(log, unit_name(unit), calendar)

    def purchases_by_customer(self, customer_ids: Iterable[Any]) -> tuple[Codes, Floats | None]:
        """Count the purchases of given customers in this log: what a holdout says of the customers of the past.

        Every period with a purchase counts; no first purchase is subtracted.

        Parameters
        ----------
        customer_ids
            Ids in any order, such as ``rfm.customer_id``; customers who are not in this log have no purchases in it.

        Returns
        -------
        counts
            Purchases, shape ``(customers,)``.
        money
            Their money, net of returns, shape ``(customers,)``; ``None`` without an amount column.

        Raises
        ------
        DataError
            If the ids are of another type than the log's: text and numbers would silently find nobody.
        """
        row = _find(customer_ids, self._log.source.ids)
        counts, money = self._log.per_customer
        known = row >= 0
        return np.where(known, counts[row], 0), np.where(known, money[row], 0.0) if self._log.has_money else None

    def newcomers(self) -> Newcomers:
        """Count the customers of a holdout who had no purchase before it, and what they bought.

        Raises
        ------
        SettingError
            If this log is not the second part of a split.
        """
        if self._log.known is None:
            raise SettingError("Only the second part of a split has newcomers: past, future = log.split(...).")
        counts, money = (values[~self._log.known] for values in self._log.per_customer)
        return Newcomers(
            int((counts > 0).sum()), int(counts.sum()), float(money.sum()) if self._log.has_money else None
        )

    def frame(self) -> pd.DataFrame:
        """Return a row a purchase: ``customer_id, date, amount``, merged by period and net of returns."""
        purchases, ids = self._log.purchases, self._log.source.ids
        columns = {"customer_id": ids[purchases.customer], "date": purchases.day.astype("datetime64[s]")}
        return pd.DataFrame(columns | ({"amount": purchases.amount} if self._log.has_money else {}))

    def __repr__(self) -> str:
        left = self.cleaning.left
        money = "" if left.money is None else f" worth {left.money:,.2f}"
        return (
            f"Transactions from {self.first_day} to {self.observed_until}: {left.customers:,} customers with "
            f"{left.rows:,} purchases{money}, those within {self.period} merged"
        )

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>{self.cleaning._repr_html_()}"


# --- reading ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Table:
    """The columns that were asked for, rows as they came."""

    ids: NDArray[Any]
    rows: Rows
    zone: str
    columns: "Mapping[str, pd.Series[Any]]"

    def attributes(self) -> dict[str, NDArray[Any]]:
        return {name: read_attribute(v, self.rows.customer, self.ids, name) for name, v in self.columns.items()}


def _read(
    frame: IntoFrame, roles: Mapping[str, str], columns: Sequence[str], time_zone: str | None, date_format: str | None
) -> _Table:
    table = read_columns(frame, [*roles.values(), *columns])
    if not len(table[roles["customer"]]):
        raise DataError("There is no row in these data: at least one purchase is needed.")
    customer, ids = read_ids(table[roles["customer"]], roles["customer"])
    stamp, zone = read_stamps(table[roles["date"]], roles["date"], time_zone, date_format)
    amount = read_numbers(table[roles["amount"]], roles["amount"]) if "amount" in roles else None
    return _Table(ids, Rows(customer, stamp, amount), zone, {name: table[name] for name in columns})


def _check_choices(**choices: tuple[object, Any]) -> None:
    for name, (value, allowed) in choices.items():
        known = get_args(allowed)
        if value not in known:
            raise SettingError(f"{name} = {value!r} is not known. Use one of: {examples(map(repr, known))}.")


def _check_roles(roles: Mapping[str, str], columns: Sequence[str]) -> None:
    if isinstance(columns, str):
        raise SettingError(f"columns = {columns!r} must be a list of names, such as [{columns!r}].")
    named = [*roles.values(), *columns]
    if twice := sorted({str(name) for name in named if named.count(name) > 1}):
        raise SettingError(f"Column {examples(map(repr, twice))} has two roles. Name a different column for each role.")
    if taken := [name for name in columns if name in _RFM_COLUMNS]:
        raise SettingError(f"columns = {taken} would hide the summary's own column of that name. Rename it first.")


def _optional_day(value: object, name: str) -> np.datetime64 | None:
    return None if value is None else _day(value, name)


def _day(value: object, name: str) -> np.datetime64:
    return np.datetime64(parse_day(value, name), "D")


def _date(day: np.datetime64) -> Date:
    return pd.Timestamp(day).date()


def _whole_days(period: "str | timedelta | Duration") -> Duration:
    read = duration(period)
    if read.is_infinite or read.days != round(read.days):
        raise SettingError(f"period = {period!r} is not a number of whole days. Use for example '1 day' or '1 week'.")
    return read


def _refuse_no_purchase(ledger: Ledger) -> None:
    if ledger.rows.is_return.all():
        reasons = [f"{rule.tally.rows:,} rows were left out ({rule.name})" for rule in ledger.taken_out]
        if len(ledger.rows):
            reasons.append(f"{len(ledger.rows):,} rows are returns (negative amounts)")
        raise DataError(f"There is no purchase in these data: {' and '.join(reasons)}.")


# --- the log ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Source:
    """What all parts of a log share: its customers, and how it was read."""

    ids: NDArray[Any]
    attributes: Mapping[str, NDArray[Any]]
    came_in: Tally
    taken_out: tuple[Rule, ...]
    notes: tuple[Rule, ...]
    acquired_since: np.datetime64 | None


@dataclass(frozen=True, eq=False)
class _Events:
    """The log by customer and day, sorted: money bought and money returned, and the number of rows behind each."""

    customer: Codes
    day: Days
    spend: Floats
    returned: Floats
    purchases: Codes
    returns: Codes

    @classmethod
    def of(cls, rows: Rows) -> Self:
        """Gather sorted rows."""
        amount = np.zeros(len(rows)) if rows.amount is None else rows.amount
        back = rows.is_return
        each = np.maximum(amount, 0), np.maximum(-amount, 0), (~back).astype(np.int64), back.astype(np.int64)
        return cls(rows.customer, rows.day, *each).gather()

    def take(self, rows: Bools) -> Self:
        return type(self)(*(values[rows] for values in self._arrays))

    def merge(self, origin: np.datetime64, days: int) -> Self:
        """Gather the days of each period, counted from an origin, onto its first day."""
        if days == 1:
            return self
        return replace(self, day=origin + (self.day - origin) // _DAY // days * days * _DAY).gather()

    def gather(self) -> Self:
        start = _starts(self.customer, self.day)
        sums = (np.add.reduceat(values, start) for values in self._arrays[2:])
        return type(self)(self.customer[start], self.day[start], *sums)

    @property
    def rows(self) -> int:
        return int(self.purchases.sum() + self.returns.sum())

    @property
    def money(self) -> float:
        return float(self.spend.sum() - self.returned.sum())

    @property
    def _arrays(self) -> tuple[NDArray[Any], ...]:
        return self.customer, self.day, self.spend, self.returned, self.purchases, self.returns


@dataclass(frozen=True, eq=False)
class _Purchases:
    """What is left after merging and netting: a row a customer and period, sorted."""

    customer: Codes
    day: Days
    amount: Floats

    @cached_property
    def start(self) -> Codes:
        """Where each customer's purchases begin, shape ``(customers,)``."""
        return _starts(self.customer)

    @cached_property
    def counts(self) -> Codes:
        """Purchases of each customer, shape ``(customers,)``."""
        return np.diff(self.start, append=len(self.customer)).astype(np.int64)

    @property
    def first(self) -> Days:
        return self.day[self.start]

    @property
    def last(self) -> Days:
        days: Days = self.day[self.start + self.counts - 1]
        return days

    @cached_property
    def is_repeat(self) -> Bools:
        repeat = np.ones(len(self.customer), dtype=bool)
        repeat[self.start] = False
        return repeat


@dataclass(frozen=True, eq=False)
class _Log:
    """A log or a part of one; ``known`` says which customers a holdout's past knows."""

    source: _Source
    events: _Events
    first: np.datetime64
    last: np.datetime64
    period: Duration
    known: Bools | None = None

    @property
    def has_money(self) -> bool:
        return self.source.came_in.money is not None

    def split(self, day: np.datetime64) -> "tuple[_Log, _Log]":
        if not self.first <= day < self.last:
            raise SettingError(
                f"The log goes from {self.first} to {self.last} and cannot be split at {day}: choose a day within it, "
                "before its last."
            )
        before = self.events.day <= day
        past = self._part(before, self.first, day, f"Rows after the split, {day}.")
        future = self._part(~before, day + _DAY, self.last, f"Rows up to and including the day of the split, {day}.")
        return past, replace(future, known=past.per_customer[0] > 0)

    def _part(self, inside: Bools, first: np.datetime64, last: np.datetime64, sentence: str) -> "_Log":
        part = replace(self, events=self.events.take(inside), first=first, last=last, known=None)
        part.refuse_emptiness()
        lost = count_customers(self.events.customer) - count_customers(part.events.customer)
        outside = self.events.take(~inside)
        rule = Rule("other side of the split", sentence, self._tally(outside.rows, lost, outside.money))
        return replace(part, source=replace(self.source, taken_out=(*self.source.taken_out, rule)))

    def refuse_emptiness(self) -> None:
        if not self.events.purchases.any():
            raise DataError(f"There is no purchase from {self.first} to {self.last}. Split at another day.")
        if not len(self.purchases.customer):
            raise DataError(f"No purchase is left from {self.first} to {self.last}: all of them were returned in full.")

    @cached_property
    def _netted(self) -> tuple[_Events, Floats, Floats]:
        periods = self.events.merge(self.first, int(self.period.days))
        return periods, *net_returns(periods.customer, periods.spend, periods.returned)

    @cached_property
    def purchases(self) -> _Purchases:
        periods, kept, _ = self._netted
        # A purchase of amount zero has nothing to be returned, so no return undoes it.
        alive = (periods.purchases > 0) & ((kept > 0) | (periods.spend == 0))
        return _Purchases(periods.customer[alive], periods.day[alive], kept[alive])

    @cached_property
    def per_customer(self) -> tuple[Codes, Floats]:
        """Purchases and money of every customer of the source, shapes ``(customers,)``."""
        customer, size = self.purchases.customer, len(self.source.ids)
        money = np.bincount(customer, weights=self.purchases.amount, minlength=size)
        return np.bincount(customer, minlength=size).astype(np.int64), money.astype(np.float64)

    def calendar(self) -> Calendar:
        purchases, days = self.purchases, np.arange(self.first, self.last + _DAY)
        day, repeat = (purchases.day - self.first) // _DAY, purchases.is_repeat
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
        """Say what merging and netting did, so that rows, customers and money add up."""
        events, (periods, _, _), purchases = self.events, self._netted, self.purchases
        customers, buyers = count_customers(events.customer), count_customers(events.customer[events.purchases > 0])
        merged = int((periods.purchases > 0).sum())
        back, paid = events.returned.sum(), events.spend.sum() - purchases.amount.sum()
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


def _starts(*keys: NDArray[Any]) -> Codes:
    changes = np.ones(len(keys[0]), dtype=bool)
    changes[1:] = np.any([key[1:] != key[:-1] for key in keys], axis=0)
    return np.flatnonzero(changes)


def _summary(log: _Log, unit: str, calendar: Calendar) -> RFM:
    purchases, source = log.purchases, log.source
    customer, repeats = purchases.customer[purchases.start], purchases.counts - 1
    repeat_money = np.add.reduceat(np.where(purchases.is_repeat, purchases.amount, 0.0), purchases.start)
    return RFM(
        customer_id=source.ids[customer],
        frequency=repeats,
        recency_days=(purchases.last - purchases.first) / _DAY,
        T_days=(log.last - purchases.first) / _DAY,
        unit=unit,
        monetary_value=repeat_money / np.maximum(repeats, 1) if log.has_money else None,
        first_spend=purchases.amount[purchases.start] if log.has_money else None,
        period=log.period.days,
        observed_until=_date(log.last),
        calendar=calendar,
        columns={name: values[customer] for name, values in source.attributes.items()},
        cleaning=log.report,
    )


def _spike(calendar: Calendar) -> str:
    """Say how large the spike of first purchases at the log's start is; nothing where there is none."""
    first = calendar.first_purchases
    # A cohort has no first purchases after its last one: silence by design says nothing about a spike.
    first = first[: int(np.flatnonzero(first)[-1]) + 1]
    later = first[_SPIKE_DAYS : 4 * _SPIKE_DAYS]
    if len(later) < _SPIKE_DAYS:
        return ""
    start, usual = int(first[:_SPIKE_DAYS].sum()), float(later.mean() * _SPIKE_DAYS)
    noise = float(np.sqrt(usual * (1 + _SPIKE_DAYS / len(later))))
    if start <= _SPIKE_RATIO * usual or start <= usual + _SPIKE_SIGMAS * noise:
        return ""
    return (
        f"{start:,} customers have their first purchase in the first {_SPIKE_DAYS} days of the log, against "
        f"{usual:,.0f} in {_SPIKE_DAYS} days of the months after. The log seems to start later than the business, so "
        "that old customers look new and too much is expected of them. Leave them out with acquired_since="
        f"'{calendar.day[0] + 3 * _SPIKE_DAYS * _DAY}' or another date from which first purchases come at an even "
        "rate; any acquired_since= also says that you have decided, and silences this warning."
    )


def _saturation(purchases: _Purchases, period: Duration) -> str:
    """Say how many purchases are of customers who buy in most periods; nothing where they are few."""
    counts, span = purchases.counts, (purchases.last - purchases.first) / _DAY / period.days + 1
    saturated = (counts >= _SATURATED_PURCHASES) & (counts > _SATURATED * span)
    share = counts[saturated].sum() / counts.sum()
    if share <= _SATURATED_SHARE:
        return ""
    advice = "Choose a shorter period." if period.days > 1 else "Look at them apart, as accounts rather than customers."
    return (
        f"{saturated.sum():,} customers with {share:.0%} of all purchases buy in more than half of the periods of "
        f"{period} between their first purchase and their last. Purchases within a period are one, so that many of "
        f"theirs are hidden, and the models expect purchases at random times. {advice}"
    )


def _find(customer_ids: Iterable[Any], ids: NDArray[Any]) -> Codes:
    """Return the position of each given id in the log's, -1 where it is not there."""
    given = customer_ids if isinstance(customer_ids, np.ndarray | pd.Series) else list(customer_ids)
    codes, wanted = read_ids(pd.Series(given), "customer_ids")
    refuse_missing_values({"customer_ids": codes < 0})
    if len(wanted) and (wanted.dtype == object) != (ids.dtype == object):
        raise DataError(
            f"The log's customer ids are like {ids[:1].tolist()[0]!r}, and these are like {wanted.tolist()[0]!r}: text "
            "and numbers never match. Convert them to the type of the log's."
        )
    found: Codes = pd.Index(ids).get_indexer(pd.Index(wanted)).astype(np.int64)
    return found[codes]
