"""The rules by which a log is cleaned: each takes the rows that are left so far and returns the rows after it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from clvmodels.data.cleaning import Rule, Tally
from clvmodels.errors import DataError, SettingError, examples

Nulls = Literal["refuse", "drop"]
ZeroAmounts = Literal["purchase", "drop"]
Returns = Literal["net", "drop", "refuse"]

_WORDS = {"customer": "customer id", "date": "date", "amount": "amount (missing or infinite)"}


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
    def is_copy(self) -> NDArray[np.bool_]:
        """Whether a row equals the one before in all columns used, shape ``(rows,)``. The rows must be sorted."""
        same = (self.customer[1:] == self.customer[:-1]) & (self.stamp[1:] == self.stamp[:-1])
        if self.amount is not None:
            same &= self.amount[1:] == self.amount[:-1]
        return np.append(False, same)

    @cached_property
    def has_copy(self) -> NDArray[np.bool_]:
        """Whether a row equals the one before or the one after, shape ``(rows,)``. The rows must be sorted."""
        either: NDArray[np.bool_] = self.is_copy | np.append(self.is_copy[1:], False)
        return either

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
    """The rows that are left so far, and the rules that were applied to get there."""

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
        """Return the same rows with a note on some of them."""
        if not touched.any():
            return self
        return replace(self, notes=(*self.notes, Rule(name, sentence, self.rows.take(touched).tally)))


def handle_nulls(ledger: Ledger, columns: Mapping[str, str], nulls: Nulls) -> Ledger:
    """Return the ledger without rows that lack a customer, a date or a finite amount, or refuse them.

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


def _missing(rows: Rows, role: str) -> NDArray[np.bool_]:
    if role == "customer":
        return rows.customer < 0
    if role == "date" or rows.amount is None:
        return np.isnat(rows.stamp)
    return ~np.isfinite(rows.amount)


def handle_zero_amounts(ledger: Ledger, rule: ZeroAmounts) -> Ledger:
    """Return the ledger with a note on rows of amount zero, which count as purchases, or without them."""
    if ledger.rows.amount is None:
        return ledger
    zero = ledger.rows.amount == 0
    if rule == "drop":
        return ledger.drop(zero, "zero amounts", "Rows of amount zero, left out on request.")
    sentence = "Rows of amount zero in the table count as purchases; zero_amounts='drop' leaves them out."
    return ledger.note(zero, "zero amounts", sentence)


def handle_returns(ledger: Ledger, rule: Returns) -> Ledger:
    """Return the ledger without rows of negative amount, or refuse them.

    Returns to net are kept: what they are taken off depends on where the log is split.

    Raises
    ------
    DataError
        If there are returns and they are to be refused.
    """
    rows, back = ledger.rows, ledger.rows.is_return
    if rule == "refuse" and rows.amount is not None and back.any():
        raise DataError(
            f"{back.sum():,} of {len(back):,} rows have a negative amount: {examples(rows.amount[back].tolist())}. "
            "If they are returns, pass returns='net' or returns='drop'."
        )
    if rule == "drop":
        return ledger.drop(back, "returns", "Rows of negative amount, left out on request: money is before returns.")
    return ledger


def leave_out_acquired_before(ledger: Ledger, day: np.datetime64) -> Ledger:
    """Return the ledger without customers whose first purchase is before a day. The rows must be sorted."""
    rows = ledger.rows
    bought = rows.take(~rows.is_return)
    first = np.full(int(rows.customer.max(initial=-1)) + 1, np.datetime64("NaT", "D"))
    first[bought.customer[::-1]] = bought.day[::-1]
    old = (first < day)[rows.customer] | (rows.day < day)
    return ledger.drop(old, "acquired earlier", f"Customers whose first purchase in the log is before {day}.")


def note_duplicates(ledger: Ledger) -> Ledger:
    """Return the ledger with a note on rows equal to another in all columns used. The rows must be sorted."""
    sentence = "Rows of the table equal to another in every column used are kept; leave copies out beforehand."
    return ledger.note(ledger.rows.is_copy, "duplicate rows", sentence)


def check_days(rows: Rows, column: str, today: np.datetime64, observed_until: np.datetime64 | None) -> None:
    """Refuse days that stand for a missing date, are in the future, or are after the observation.

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
