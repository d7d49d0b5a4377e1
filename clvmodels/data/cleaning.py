"""The rules by which a log is cleaned, and the report of what each of them did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from textwrap import wrap
from typing import Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvmodels.errors import DataError, SettingError, examples

Nulls = Literal["refuse", "drop"]
ZeroAmounts = Literal["purchase", "drop"]
Returns = Literal["net", "drop", "refuse"]

# A purchase whose rest is smaller than this share of its value is rounding, not money.
_ROUNDING = 1e-13


@dataclass(frozen=True)
class Tally:
    """Rows, customers and money; ``money`` is ``None`` where the log has no amounts."""

    rows: int
    customers: int
    money: float | None = None

    def __sub__(self, other: "Tally") -> "Tally":
        """Return what is left when ``other`` is taken away."""
        money = None if self.money is None else self.money - (other.money or 0.0)
        return Tally(self.rows - other.rows, self.customers - other.customers, money)


@dataclass(frozen=True)
class Rule:
    """One cleaning rule: its short name, what it did in a sentence, and how much it touched."""

    name: str
    sentence: str
    tally: Tally


@dataclass(frozen=True)
class CleaningReport:
    """What came in, what each rule took out, what is left, and what is worth knowing.

    Attributes
    ----------
    came_in
        The table as it was handed in. Money is the sum of all amounts, returns included.
    taken_out
        The rules that took something out, in the order in which they were applied. A customer is taken out by the
        rule after which none of its rows is left.
    left
        What is counted: ``rows`` are the purchases that are left.
    notes
        What was seen in the table that came in and changed nothing.

    Examples
    --------
    >>> report = CleaningReport(Tally(3, 2, 9.0), (Rule("merged", "Same day.", Tally(1, 0, 0.0)),), Tally(2, 2, 9.0))
    >>> report.unaccounted
    Tally(rows=0, customers=0, money=0.0)
    """

    came_in: Tally
    taken_out: tuple[Rule, ...]
    left: Tally
    notes: tuple[Rule, ...] = ()

    @property
    def unaccounted(self) -> Tally:
        """What neither a rule took out nor is left: zeros, up to the rounding of sums of money."""
        rest = self.came_in
        for rule in self.taken_out:
            rest = rest - rule.tally
        return rest - self.left

    def frame(self) -> pd.DataFrame:
        """Return a row a line of the report: ``kind, name, rows, customers, money, sentence``."""
        kinds, rules = zip(*self._lines(), strict=True)
        return pd.DataFrame(
            {
                "kind": kinds,
                "name": [rule.name for rule in rules],
                "rows": [rule.tally.rows for rule in rules],
                "customers": [rule.tally.customers for rule in rules],
                "money": [rule.tally.money for rule in rules],
                "sentence": [rule.sentence for rule in rules],
            }
        )

    def __str__(self) -> str:
        cells = [("", "rows", "customers", "money", ""), *(_cells(kind, rule) for kind, rule in self._lines())]
        widths = [max(len(row[column]) for row in cells) for column in range(4)]
        return "\n".join(_aligned(row, widths) for row in cells)

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{name}</th>" for name in ("", "rows", "customers", "money", ""))
        body = "".join(_html_row(_cells(kind, rule)) for kind, rule in self._lines())
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def _lines(self) -> list[tuple[str, Rule]]:
        return [
            ("came in", Rule("came in", "The table as it was handed in.", self.came_in)),
            *(("taken out", rule) for rule in self.taken_out),
            ("left", Rule("left", "Purchases that are counted, and their customers.", self.left)),
            *(("note", rule) for rule in self.notes),
        ]


_LINE = 110  # characters a line of the text report
_MARKS = {"came in": "", "taken out": "- ", "left": "= ", "note": "note: "}


def _cells(kind: str, rule: Rule) -> tuple[str, ...]:
    tally = rule.tally
    # Adding 0.0 turns the minus zero of a rounded difference into a plain zero.
    money = "" if tally.money is None else f"{round(tally.money, 2) + 0.0:,.2f}"
    return (_MARKS[kind] + rule.name, f"{tally.rows:,}", f"{tally.customers:,}", money, rule.sentence)


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    name, *numbers = row[:4]
    line = "  ".join([name.ljust(widths[0]), *map(str.rjust, numbers, widths[1:])])
    sentence = wrap(row[4], max(_LINE - len(line), 30)) or [""]
    return ("\n" + " " * (len(line) + 2)).join([f"{line}  {sentence[0]}".rstrip(), *sentence[1:]])


def _html_row(row: Sequence[str]) -> str:
    name, *numbers, sentence = map(escape, row)
    cells = "".join(f'<td style="text-align:right">{number}</td>' for number in numbers)
    return f'<tr><td style="text-align:left">{name}</td>{cells}<td style="text-align:left">{sentence}</td></tr>'


def net_returns(
    customer: NDArray[np.int64], spend: NDArray[np.float64], returned: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Take returns off the purchases on or before their period, the latest first.

    Parameters
    ----------
    customer
        Customer of each period with a purchase or a return, sorted, and periods in order within a customer. Shape
        ``(periods,)``.
    spend
        Money of the period's purchases, 0 or more. Shape ``(periods,)``.
    returned
        Money of the period's returns, 0 or more. Shape ``(periods,)``.

    Returns
    -------
    kept
        What is left of each period's purchases, shape ``(periods,)``.
    unmatched
        What is left of each period's returns because there was no purchase to take it off, shape ``(periods,)``.

    Examples
    --------
    >>> kept, unmatched = net_returns(np.array([0, 0, 0]), np.array([5.0, 4.0, 0.0]), np.array([0.0, 0.0, 6.0]))
    >>> kept.tolist(), unmatched.tolist()
    ([3.0, 0.0, 0.0], [0.0, 0.0, 0.0])
    """
    kept, unmatched = _within_period(spend, returned)
    # Most returns are settled within their own period; only the customers of the others are walked through.
    rows = np.flatnonzero(np.isin(customer, np.unique(customer[unmatched > 0])))
    if len(rows):
        rounding = _ROUNDING * np.maximum(spend, returned)[rows]
        kept[rows], unmatched[rows] = _latest_first(customer[rows], kept[rows], unmatched[rows], rounding)
    return kept, unmatched


def _within_period(
    spend: NDArray[np.float64], returned: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    difference = spend - returned
    rounding = _ROUNDING * np.maximum(spend, returned)
    return np.where(difference > rounding, difference, 0.0), np.where(-difference > rounding, -difference, 0.0)


def _latest_first(
    customer: NDArray[np.int64],
    spend: NDArray[np.float64],
    returned: NDArray[np.float64],
    rounding: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    kept, unmatched, limits = spend.tolist(), returned.tolist(), rounding.tolist()
    open_periods: list[int] = []
    previous = None
    for row, who in enumerate(customer.tolist()):
        if who != previous:
            open_periods, previous = [], who
        if unmatched[row] > 0:
            unmatched[row] = _take_off(kept, open_periods, unmatched[row], limits, limits[row])
        elif kept[row] > 0:
            open_periods.append(row)
    return np.array(kept), np.array(unmatched)


def _take_off(kept: list[float], open_periods: list[int], back: float, limits: list[float], limit: float) -> float:
    while back > 0 and open_periods:
        latest = open_periods[-1]
        taken = min(kept[latest], back)
        back, kept[latest] = _rounded(back - taken, limit), _rounded(kept[latest] - taken, limits[latest])
        if kept[latest] == 0:
            open_periods.pop()
    return back


def _rounded(money: float, limit: float) -> float:
    return money if money > limit else 0.0


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a log as arrays.

    Attributes
    ----------
    customer
        The customer's number, -1 where the id is missing. Shape ``(rows,)``.
    stamp
        Wall-clock time, NaT where missing. Shape ``(rows,)``.
    amount
        Money, NaN where missing; ``None`` without an amount column. Shape ``(rows,)``.
    """

    customer: NDArray[np.int64]
    stamp: NDArray[np.datetime64]
    amount: NDArray[np.float64] | None

    def __len__(self) -> int:
        return len(self.customer)

    @cached_property
    def day(self) -> NDArray[np.datetime64]:
        """Calendar day, shape ``(rows,)``."""
        return self.stamp.astype("datetime64[D]")

    @cached_property
    def is_return(self) -> NDArray[np.bool_]:
        """Whether the amount is negative, shape ``(rows,)``."""
        return np.zeros(len(self), dtype=bool) if self.amount is None else self.amount < 0

    @cached_property
    def tally(self) -> Tally:
        """How much there is; amounts that are missing or infinite count as nothing."""
        money = None if self.amount is None else float(self.amount[np.isfinite(self.amount)].sum())
        return Tally(len(self), count_customers(self.customer), money)

    def take(self, rows: "NDArray[np.bool_] | NDArray[np.intp]") -> Self:
        """Return some of the rows: a mask, or row numbers."""
        return type(self)(self.customer[rows], self.stamp[rows], None if self.amount is None else self.amount[rows])

    def sort(self) -> Self:
        """Return the rows by customer, then time, then amount, so that the order of a table never matters."""
        keys = (self.stamp, self.customer) if self.amount is None else (self.amount, self.stamp, self.customer)
        return self.take(np.lexsort(keys))


def count_customers(customer: NDArray[np.int64]) -> int:
    """Return how many different customers there are, those without an id (-1) left out."""
    return int(np.count_nonzero(np.bincount(customer[customer >= 0])))


@dataclass(frozen=True, eq=False)
class Ledger:
    """The rows that are left so far, and the rules that were applied to get there.

    Each rule is a function that takes a ledger and returns the next one.
    """

    rows: Rows
    taken_out: tuple[Rule, ...] = ()
    notes: tuple[Rule, ...] = ()

    def drop(self, bad: NDArray[np.bool_], name: str, sentence: str) -> Self:
        """Return the ledger without these rows, and with a line that says so."""
        if not bad.any():
            return self
        left = self.rows.take(~bad)
        rule = Rule(name, sentence, self.rows.tally - left.tally)
        return replace(self, rows=left, taken_out=(*self.taken_out, rule))

    def note(self, touched: NDArray[np.bool_], name: str, sentence: str) -> Self:
        """Return the same rows with a remark on some of them."""
        if not touched.any():
            return self
        return replace(self, notes=(*self.notes, Rule(name, sentence, self.rows.take(touched).tally)))


def handle_nulls(ledger: Ledger, columns: Mapping[str, str], nulls: Nulls) -> Ledger:
    """Refuse or drop rows without a customer, a date or a finite amount.

    Parameters
    ----------
    columns
        The user's column names by role: "customer", "date" and, where there is one, "amount".

    Raises
    ------
    DataError
        If there are such rows and they are to be refused.
    """
    for role, column in columns.items():
        bad = _missing(ledger.rows, role)
        if nulls == "refuse" and bad.any():
            raise DataError(
                f"{bad.sum():,} of {len(bad):,} rows have no usable {_WORDS[role]} in column {column!r} (row "
                f"numbers, from 0: {examples(np.flatnonzero(bad).tolist())}). Mend them, or pass nulls='drop' to leave "
                "these rows out; the cleaning report then counts them."
            )
        ledger = ledger.drop(bad, f"no {role}", f"Rows without a usable {_WORDS[role]} in column {column!r}.")
    return ledger


_WORDS = {"customer": "customer id", "date": "date", "amount": "amount (missing or infinite)"}


def _missing(rows: Rows, role: str) -> NDArray[np.bool_]:
    if role == "customer":
        return rows.customer < 0
    if role == "date" or rows.amount is None:
        return np.isnat(rows.stamp)
    return ~np.isfinite(rows.amount)


def handle_zero_amounts(ledger: Ledger, rule: ZeroAmounts) -> Ledger:
    """Keep rows of amount zero as purchases, with a remark, or drop them."""
    if ledger.rows.amount is None:
        return ledger
    zero = ledger.rows.amount == 0
    if rule == "drop":
        return ledger.drop(zero, "zero amounts", "Rows of amount zero, left out on request.")
    sentence = "Rows of amount zero in the table count as purchases; zero_amounts='drop' leaves them out."
    return ledger.note(zero, "zero amounts", sentence)


def handle_returns(ledger: Ledger, rule: Returns) -> Ledger:
    """Refuse or drop rows of negative amount; netting is left for later, as it depends on where the log is split.

    Raises
    ------
    DataError
        If there are returns and they are to be refused.
    """
    back = ledger.rows.is_return
    if rule == "refuse" and back.any():
        raise DataError(
            f"{back.sum():,} of {len(back):,} rows have a negative amount: {_amounts(ledger.rows, back)}. "
            "If they are returns, pass returns='net' or returns='drop'."
        )
    if rule == "drop":
        return ledger.drop(back, "returns", "Rows of negative amount, left out on request: money is before returns.")
    return ledger


def _amounts(rows: Rows, which: NDArray[np.bool_]) -> str:
    return "" if rows.amount is None else examples(rows.amount[which].tolist())


def leave_out_acquired_before(ledger: Ledger, day: np.datetime64) -> Ledger:
    """Drop customers whose first purchase, returned later or not, is before a day. The rows must be sorted."""
    rows = ledger.rows
    bought = rows.take(~rows.is_return)
    first = np.full(int(rows.customer.max(initial=-1)) + 1, np.datetime64("NaT", "D"))
    first[bought.customer[::-1]] = bought.day[::-1]
    old = (first < day)[rows.customer] | (rows.day < day)
    return ledger.drop(old, "acquired earlier", f"Customers whose first purchase in the log is before {day}.")


def note_duplicates(ledger: Ledger) -> Ledger:
    """Remark on rows that are equal to another in all columns used. The rows must be sorted."""
    rows = ledger.rows
    same = (rows.customer[1:] == rows.customer[:-1]) & (rows.stamp[1:] == rows.stamp[:-1])
    if rows.amount is not None:
        same &= rows.amount[1:] == rows.amount[:-1]
    sentence = "Rows of the table equal to another in every column used are kept; leave copies out beforehand."
    return ledger.note(np.append(False, same), "duplicate rows", sentence)


def check_days(rows: Rows, column: str, today: np.datetime64, observed_until: np.datetime64 | None) -> None:
    """Refuse days that stand for something else, that have not come yet, or that lie after the observation.

    Raises
    ------
    DataError
        If there are such days: how many, and some of them.
    SettingError
        If ``observed_until`` is before the last day of the log.
    """
    day = rows.day
    ancient = day <= np.datetime64("1900-01-01")
    if ancient.any():
        shown = _days_message(day, ancient, column)
        raise DataError(f"{shown} before 1900-01-02, which mostly stands for 'unknown'. Mend or leave out these rows.")
    if (day == np.datetime64("1970-01-01")).all():
        raise DataError(
            f"All dates in column {column!r} are 1970-01-01: numbers were taken for fractions of a second since then. "
            "Convert them anew, for example with pandas.to_datetime(column.astype(str), format='%Y%m%d')."
        )
    if observed_until is None and (future := day > today + np.timedelta64(1, "D")).any():
        shown = _days_message(day, future, column)
        raise DataError(
            f"{shown} in the future. Mend or leave out these rows, or pass observed_until= if they are meant."
        )
    if observed_until is not None and (late := day > observed_until).any():
        raise SettingError(
            f"{_days_message(day, late, column)} after observed_until = {observed_until}. To look at a part of the "
            "log, read all of it and use split()."
        )


def _days_message(day: NDArray[np.datetime64], bad: NDArray[np.bool_], column: str) -> str:
    shown = examples(np.unique(day[bad]), 3)
    return f"{bad.sum():,} of {len(day):,} rows have a date in column {column!r} ({shown}) that is"
