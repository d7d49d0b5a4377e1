"""A log of purchases: checked and cleaned by stated rules, split at a date, summarised to one row a customer."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date as Date  # noqa: N812 -- `date` is the name of a parameter that users write
from datetime import datetime, timedelta
from html import escape
from typing import Any, Self, get_args
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from narwhals.stable.v2.typing import IntoFrame
from numpy.typing import NDArray

from clvmodels import checked
from clvmodels.cautions import Caution, mentioned, warn_of
from clvmodels.data import cautions
from clvmodels.data.cleaning import CleaningReport, Rule
from clvmodels.data.dates import parse_day, read_stamps
from clvmodels.data.ids import read_ids
from clvmodels.data.log import DAY, Events, Log, Source
from clvmodels.data.numbers import read_money
from clvmodels.data.rfm import RFM
from clvmodels.data.rules import (
    Ledger,
    Nulls,
    Returns,
    Rows,
    ZeroAmounts,
    check_days,
    handle_nulls,
    handle_returns,
    handle_zero_amounts,
    leave_out_acquired_before,
    note_duplicates,
)
from clvmodels.data.tables import find_ids, read_attribute, read_columns
from clvmodels.errors import DataError, SettingError, examples
from clvmodels.text import count, number
from clvmodels.units import Duration, duration, unit_name

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]

_RFM_COLUMNS = ("customer_id", "frequency", "recency", "T", "monetary_value", "first_spend")


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
    dates before 1900-01-02, which mostly stand for "unknown", and amounts beyond 1e13, where floats lose cents.

    In the customer, date and amount columns, a value is missing where a cell is empty or blank text, and where it is
    null, NaN, NaT, None or <NA> as text: so programs write a missing value. NA and N/A are missing dates and amounts,
    but names of customers, with a caution. In other columns all text is kept.

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

    _log: Log

    def __init__(
        self,
        frame: IntoFrame,
        customer: str,
        date: str,
        amount: str | None = None,
        *,
        time_zone: str | ZoneInfo | None = None,
        date_format: str | None = None,
        nulls: Nulls = "refuse",
        zero_amounts: ZeroAmounts = "purchase",
        returns: Returns = "net",
        acquired_since: "Date | str | None" = None,
        period: "str | timedelta | Duration" = "1 day",
        columns: Sequence[str] = (),
        observed_until: "Date | str | None" = None,
    ) -> None:
        for name, value, known in (
            ("nulls", nulls, Nulls),
            ("zero_amounts", zero_amounts, ZeroAmounts),
            ("returns", returns, Returns),
        ):
            checked.one_of(name, value, get_args(known))
        roles = {"customer": customer, "date": date} | ({} if amount is None else {"amount": amount})
        _check_roles(roles, columns)
        since = None if acquired_since is None else _day(acquired_since, "acquired_since")
        until = None if observed_until is None else _day(observed_until, "observed_until")

        table = read_columns(frame, [*roles.values(), *columns])
        if not len(table[customer]):
            raise DataError("There is no row in these data: at least one purchase is needed.")
        who, ids = read_ids(table[customer], customer)
        stamp, zone = read_stamps(table[date], date, time_zone, date_format)
        rows = Rows(who, stamp, None if amount is None else read_money(table[amount], amount))

        ledger = handle_nulls(Ledger(rows), roles, nulls)
        _refuse_no_purchase(ledger)
        check_days(ledger.rows, date, np.datetime64("today", "D"), until)
        first, last = ledger.rows.day.min(), ledger.rows.day.max() if until is None else until
        ledger = replace(ledger, rows=ledger.rows.sort())
        if zone:
            ledger = ledger.note(np.ones(len(ledger.rows), dtype=bool), "time zone", zone)
        ledger = note_duplicates(handle_zero_amounts(handle_returns(ledger, returns), zero_amounts))
        if since is not None:
            first, ledger = max(first, since), leave_out_acquired_before(ledger, since)
        _refuse_no_purchase(ledger)

        seen = cautions.of_rows(ledger.rows, ids)
        attributes = {name: read_attribute(table[name], who, ids, name) for name in columns}
        source = Source(ids, attributes, rows.tally, ledger.taken_out, ledger.notes, since, seen)
        log = Log(source, Events.of(ledger.rows), first, last, _whole_days(period))
        log.refuse_emptiness()
        object.__setattr__(self, "_log", log)

    @classmethod
    def _of(cls, log: Log) -> Self:
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
        return Duration(float((self._log.last - self._log.first) / DAY + 1))

    @property
    def has_money(self) -> bool:
        """Whether there is an amount column."""
        return self._log.has_money

    @property
    def customer_id(self) -> NDArray[Any]:
        """Ids of the customers who have a purchase that was not undone, sorted, shape ``(customers,)``."""
        return self._log.source.ids[np.unique(self._log.purchases.customer)]

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """What is in this log that the models do not expect, with its size and the cure, the worst first.

        A row that is the total of the others, copies of rows, a shared account, negative amounts that are no returns,
        a log that starts later than the business (``LeftTruncationWarning``) or is silent at its end, even gaps as of
        subscriptions, spend that drifts, purchases that merging hides (``MergedPurchasesWarning``), customers acquired
        too lately, ids that differ only by case or read NA, and an observation that goes on after tomorrow. Without an
        amount column, nothing is said about money.
        """
        return cautions.of_log(self._log)

    @property
    def cleaning(self) -> CleaningReport:
        """What came in, what was taken out by which rule, and what is left."""
        return self._log.report

    def noted(self, name: str, sentence: str) -> Self:
        """Return the same log with a note in its cleaning report.

        Parameters
        ----------
        name
            Of the note, in a word or two.
        sentence
            What is worth knowing.
        """
        source = self._log.source
        note = Rule(name, sentence, source.came_in)
        return self._of(replace(self._log, source=replace(source, notes=(*source.notes, note))))

    def split(self, date: "Date | datetime | np.datetime64 | str") -> tuple[Self, Self]:
        """Return the log up to the end of a day, and the log after it.

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
        CLVWarning
            Once for each of ``cautions``: what is in this log that the models do not expect.

        Examples
        --------
        >>> orders = pd.DataFrame({"who": [1, 1, 2], "day": ["2024-01-01", "2024-01-08", "2024-01-02"]})
        >>> rfm = Transactions(orders, "who", "day", observed_until="2024-01-29").summarize("week")
        >>> rfm.frequency, rfm.recency
        (array([1, 0]), array([1., 0.]))
        """
        log, unit, seen = self._log, unit_name(unit), self.cautions
        purchases, source = log.purchases, log.source
        warn_of(seen)
        customer, repeats = purchases.customer[purchases.start], purchases.counts - 1
        repeat_money = np.add.reduceat(np.where(purchases.is_repeat, purchases.amount, 0.0), purchases.start)
        return RFM(
            customer_id=source.ids[customer],
            frequency=repeats,
            recency_days=(purchases.last - purchases.first) / DAY,
            T_days=(log.last - purchases.first) / DAY,
            unit=unit,
            monetary_value=repeat_money / np.maximum(repeats, 1) if log.has_money else None,
            first_spend=purchases.amount[purchases.start] if log.has_money else None,
            period=log.period.days,
            observed_from=self.first_day if source.acquired_since is None else None,
            observed_until=self.observed_until,
            calendar=log.calendar,
            gaps=log.gaps,
            columns={name: values[customer] for name, values in source.attributes.items()},
            cleaning=log.report,
            cautions=seen,
        )

    def purchases_by_customer(self, customer_ids: Iterable[Any]) -> tuple[Codes, Floats | None]:
        """Return the number and the money of given customers' purchases in this log, such as a holdout.

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
        row = find_ids(customer_ids, self._log.source.ids)
        counts, money = self._log.per_customer
        known = row >= 0
        return np.where(known, counts[row], 0), np.where(known, money[row], 0.0) if self._log.has_money else None

    def newcomers(self) -> Newcomers:
        """Return how many customers of a holdout had no purchase before it, and what they bought.

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
        money = "" if left.money is None else f" worth {number(left.money, 2)}"
        return (
            f"Transactions from {self.first_day} to {self.observed_until}: {count(left.customers, 'customer')} with "
            f"{count(left.rows, 'purchase')}{money}, those within {self.period} merged{mentioned(self.cautions)}"
        )

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>{self.cleaning._repr_html_()}"


def _check_roles(roles: Mapping[str, str], columns: Sequence[str]) -> None:
    if isinstance(columns, str) or not isinstance(columns, Sequence):
        raise SettingError(f'columns is a list of names, such as ["segment"], and this is {checked.shown(columns)}.')
    named = [*roles.values(), *columns]
    for role, name in [*roles.items(), *(("One of the columns", name) for name in columns)]:
        checked.column(role, name)
    if twice := sorted({str(name) for name in named if named.count(name) > 1}):
        raise SettingError(f"Column {examples(map(repr, twice))} has two roles. Name a different column for each role.")
    if taken := [name for name in columns if name in _RFM_COLUMNS]:
        raise SettingError(f"columns = {taken} would hide the summary's own column of that name. Rename it first.")


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
