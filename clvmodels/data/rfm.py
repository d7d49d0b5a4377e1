"""Recency, frequency and monetary value: one row a customer, with the unit of time that its numbers are in."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd
from narwhals.stable.v2.typing import IntoFrame
from numpy.typing import NDArray

from clvmodels import checked
from clvmodels.cautions import Caution, mentioned
from clvmodels.data.cells import plain_cells
from clvmodels.data.cleaning import CleaningReport
from clvmodels.data.dates import parse_day
from clvmodels.data.gaps import Gaps
from clvmodels.data.histories import Histories
from clvmodels.data.ids import read_ids
from clvmodels.data.numbers import LARGEST_MONEY, read_numbers
from clvmodels.data.tables import column_names, listed, read_columns, refuse_missing
from clvmodels.errors import DataError, MissingMoneyError, SettingError, examples
from clvmodels.text import count
from clvmodels.units import DAYS, unit_name

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

_MOST_PURCHASES = 10**12  # of one customer
_MOST_DAYS, _LEAST_DAYS = 1e9, 1e-12  # of a time: millions of years, and less than a microsecond
_REQUIRED = ("customer_id", "frequency", "recency", "T")
_MONEY = ("monetary_value", "first_spend")


@dataclass(frozen=True, eq=False)
class Calendar:
    """First and repeat purchases of a base on each calendar day of the observation, days without purchases included.

    All arrays have the shape ``(days,)``. ``repeat_money`` is ``None`` without an amount column. Calendars of parts of
    a base that have no customer in common add up with ``+``.
    """

    day: NDArray[np.datetime64]
    first_purchases: Counts
    repeat_purchases: Counts
    repeat_money: Floats | None

    def __add__(self, other: "Calendar") -> "Calendar":
        """Return the calendar of two disjoint parts of a base.

        Raises
        ------
        DataError
            If the parts were not observed on the same days.
        """
        if not isinstance(other, Calendar):
            return NotImplemented
        if not np.array_equal(self.day, other.day):
            spans = [f"{part.day[0]} to {part.day[-1]}" for part in (self, other)]
            raise DataError(
                f"Calendars of different observations do not add up: {' and '.join(spans)}. Let all parts of a base "
                "start and end on the same days."
            )
        money = [part.repeat_money for part in (self, other) if part.repeat_money is not None]
        return Calendar(
            self.day,
            self.first_purchases + other.first_purchases,
            self.repeat_purchases + other.repeat_purchases,
            np.sum(money, axis=0) if money else None,
        )

    def frame(self) -> pd.DataFrame:
        """Return a row a day: ``day, first_purchases, repeat_purchases`` and, with amounts, ``repeat_money``."""
        known = {name: values for name, values in vars(self).items() if values is not None}
        return pd.DataFrame(known)


@dataclass(frozen=True, eq=False)
class RFM:
    """Recency, frequency and monetary value of each customer, checked when it is made.

    Made by ``Transactions.summarize`` or by ``RFM.from_frame``.

    Attributes
    ----------
    customer_id
        Shape ``(customers,)``, in any order, each once.
    frequency
        Repeat purchases: distinct periods with a purchase, less the first. Shape ``(customers,)``.
    recency_days
        Days from the first purchase to the last; 0 for one-time buyers. Shape ``(customers,)``.
    T_days
        Age: days from the first purchase to the end of the observation. Shape ``(customers,)``.
    unit
        The unit of ``recency``, ``T`` and of every rate that is learnt from them.
    monetary_value
        Mean value of the repeat purchases, 0 for one-time buyers; ``None`` without an amount column.
    first_spend
        Value of the first purchase; ``None`` where it is not known.
    period
        How many days are merged into one purchase; ``None`` where it is not known.
    observed_from
        The first day of the log; ``None`` where it is not known, and where ``acquired_since=`` left out the customers
        who came before.
    observed_until
        The last day of the observation, which belongs to it; ``None`` where it is not known.
    calendar
        What the base did on each day; ``None`` where only the table was handed in.
    gaps
        How evenly the customers buy; ``None`` where only the table was handed in.
    columns
        What else is known of each customer, such as a segment or a channel.
    cleaning
        How the log was cleaned.
    cautions
        What is to be known of the log before an answer is relied on; ``summarize`` warned of each.
    """

    customer_id: NDArray[Any]
    frequency: Counts
    recency_days: Floats
    T_days: Floats
    unit: str
    monetary_value: Floats | None = None
    first_spend: Floats | None = None
    period: float | None = None
    observed_from: date | None = None
    observed_until: date | None = None
    calendar: Calendar | None = None
    gaps: Gaps | None = None
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    cleaning: CleaningReport | None = None
    cautions: tuple[Caution, ...] = ()

    def __post_init__(self) -> None:
        for name, value in _read(self).items():
            object.__setattr__(self, name, value)
        _check(self)

    @classmethod
    def from_frame(cls, frame: IntoFrame, unit: str, observed_until: "date | str | None" = None) -> Self:
        """Return the RFM of a ready table, one row a customer.

        Parameters
        ----------
        frame
            Columns ``customer_id, frequency, recency, T`` and, where there is money, ``monetary_value`` (mean of the
            *repeat* purchases; 0 or missing for one-time buyers) and ``first_spend``. ``recency`` is measured from
            the first purchase, not from today. Other columns are kept as segments.
        unit
            The unit that ``recency`` and ``T`` are in: "day", "week", ...
        observed_until
            The last day of the observation.

        Raises
        ------
        DataError
            If a column is missing, a value is missing or impossible, or a customer has two rows.

        Examples
        --------
        >>> table = pd.DataFrame({"customer_id": ["a", "b"], "frequency": [2, 0], "recency": [30.0, 0], "T": [39, 39]})
        >>> RFM.from_frame(table, unit="week").T_days
        array([273., 273.])
        """
        unit = unit_name(unit)
        others = [name for name in column_names(frame) if name not in (*_REQUIRED, *_MONEY)]
        table = read_columns(frame, _REQUIRED, optional=(*_MONEY, *others))
        codes, ids = read_ids(table["customer_id"], "customer_id")
        refuse_missing("customer_id", codes < 0)
        frequency = _read_required(table["frequency"], "frequency")
        return cls(
            customer_id=ids[codes],
            frequency=frequency,  # type: ignore[arg-type]  # made whole numbers there, if they are
            recency_days=_read_days(table["recency"], "recency", unit),
            T_days=_read_days(table["T"], "T", unit),
            unit=unit,
            monetary_value=_read_mean_spend(table["monetary_value"], frequency) if "monetary_value" in table else None,
            first_spend=_read_required(table["first_spend"], "first_spend") if "first_spend" in table else None,
            observed_until=None if observed_until is None else parse_day(observed_until, "observed_until"),
            columns={name: _read_column(table[name]) for name in others},
        )

    def __len__(self) -> int:
        return len(self.customer_id)

    @property
    def recency(self) -> Floats:
        """Time from the first purchase to the last, in ``unit``, shape ``(customers,)``."""
        return self.recency_days / DAYS[self.unit]

    @property
    def T(self) -> Floats:
        """Time from the first purchase to the end of the observation, in ``unit``, shape ``(customers,)``."""
        return self.T_days / DAYS[self.unit]

    @property
    def money(self) -> Floats:
        """Mean value of the repeat purchases, shape ``(customers,)``; a ``MissingMoneyError`` without amounts."""
        if self.monetary_value is None:
            raise MissingMoneyError(
                "These data have no amounts, so nothing can be said about money. Pass amount= to Transactions, or a "
                "monetary_value column to RFM.from_frame; purchases alone can be predicted with clv.predict."
            )
        return self.monetary_value

    @cached_property
    def key(self) -> NDArray[np.uint64]:
        """A 64-bit hash of each id's text, shape ``(customers,)``: it names the customer's own random stream."""
        return np.fromiter(map(_hash, self.customer_id), dtype=np.uint64, count=len(self))

    @cached_property
    def histories(self) -> Histories:
        """The distinct (frequency, recency, T), times in ``unit``, and which of them each customer has."""
        return Histories.merge(self.frequency, self.recency_days, self.T_days).in_units_of(DAYS[self.unit])

    def take(self, customers: "slice | NDArray[Any]") -> Self:
        """Return the RFM of some customers: a slice, a mask or row numbers, without what is known of the base alone."""
        customers = checked.rows("customers", customers, len(self))
        arrays = ("customer_id", "frequency", "recency_days", "T_days", *_MONEY)
        known: dict[str, Any] = {n: getattr(self, n)[customers] for n in arrays if getattr(self, n) is not None}
        columns = {name: values[customers] for name, values in self.columns.items()}
        return replace(self, **known, columns=columns, calendar=None, gaps=None, cleaning=None)

    def frame(self) -> pd.DataFrame:
        """Return a row a customer: ``customer_id, frequency, recency, T``, money where there is some, other columns."""
        columns: dict[str, Any] = {
            "customer_id": self.customer_id,
            "frequency": self.frequency,
            "recency": self.recency,
            "T": self.T,
        }
        columns |= {name: getattr(self, name) for name in _MONEY if getattr(self, name) is not None}
        return pd.DataFrame(columns | dict(self.columns))

    def __repr__(self) -> str:
        until = f" to {self.observed_until}" if self.observed_until else ""
        money = "with amounts" if self.monetary_value is not None else "without amounts"
        return (
            f"RFM of {count(len(self), 'customer')}{until}, in {self.unit}s, {money}: "
            f"{count(self.frequency.sum(), 'repeat purchase')}, "
            f"{count((self.frequency == 0).sum(), 'customer')} bought once{mentioned(self.cautions)}"
        )


def refuse_no_rfm(rfm: object) -> None:
    """Raise a ``SettingError`` unless this is an ``RFM``."""
    if not isinstance(rfm, RFM):
        raise SettingError(
            f"Customers come as an RFM, and this is a {type(rfm).__name__}: use Transactions(...).summarize() or "
            "RFM.from_frame(...)."
        )


def _read_required(values: "pd.Series[Any]", name: str) -> Floats:
    numbers = read_numbers(values, name)
    refuse_missing(name, ~np.isfinite(numbers))
    return numbers


def _read_days(values: "pd.Series[Any]", name: str, unit: str) -> Floats:
    days = _read_required(values, name) * DAYS[unit]
    whole = np.round(days)
    # 1/7 week is a day, and not 0.9999999999999999 days: only so do customers with the same history look the same.
    return np.where(np.abs(days - whole) < 1e-6, whole, days)


def _read_mean_spend(values: "pd.Series[Any]", frequency: Floats) -> Floats:
    money = read_numbers(values, "monetary_value")
    advice = "It is the mean value of the repeat purchases, and these customers have some."
    refuse_missing("monetary_value", ~np.isfinite(money) & (frequency > 0), advice)
    money = np.where(np.isnan(money), 0.0, money)
    if (bad := (frequency == 0) & (money != 0)).any():
        raise DataError(
            f"{bad.sum():,} of {len(money):,} rows have a monetary_value but no repeat purchase (row "
            f"numbers, from 0: {examples(np.flatnonzero(bad).tolist())}). It is the mean of the repeat purchases, "
            "without the first: pass 0 for one-time buyers, and put the value of first purchases into first_spend."
        )
    return money


def _read_column(values: "pd.Series[Any]") -> NDArray[Any]:
    values = plain_cells(values, str(values.name))
    return values.astype(object).to_numpy() if values.dtype == "category" else values.to_numpy()


def _hash(customer: object) -> int:
    text = customer.decode() if isinstance(customer, bytes) else str(customer)
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def _read(rfm: RFM) -> dict[str, Any]:
    """Return the fields of an RFM as the types that they are meant to have; their values are checked by ``_check``."""
    read: dict[str, Any] = {"unit": unit_name(rfm.unit), "customer_id": listed("customer_id", rfm.customer_id)}
    if pd.api.types.infer_dtype(read["customer_id"], skipna=True) not in {"integer", "string", "bytes", "empty"}:
        raise DataError(
            f"customer_id holds whole numbers or text, and this is {checked.shown(rfm.customer_id)}. "
            "RFM.from_frame reads other kinds of ids."
        )
    for name in ("frequency", "recency_days", "T_days", *_MONEY):
        if getattr(rfm, name) is not None or name not in _MONEY:
            read[name] = checked.numbers(name, getattr(rfm, name))
    x = read["frequency"]
    if (bad := ~(np.abs(x) < _MOST_PURCHASES) | (x != np.round(x))).any():
        raise DataError(
            f"{bad.sum():,} of {bad.size:,} frequencies are not whole numbers below {_MOST_PURCHASES:,}: "
            f"{examples(x[bad].tolist())}. Frequency counts repeat purchases; it is not a rate."
        )
    read["frequency"] = x.astype(np.int64)
    checked.instance("columns", rfm.columns, Mapping, 'Pass arrays by name, such as {"segment": segments}.')
    read["columns"] = {name: listed(f"columns[{name!r}]", values) for name, values in rfm.columns.items()}
    return read | _read_origin(rfm)


def _read_origin(rfm: RFM) -> dict[str, Any]:
    """Return what an RFM knows of where it comes from, checked."""
    if rfm.period is not None:
        checked.positive(rfm, period=rfm.period)
    for name, kind in (("calendar", Calendar), ("gaps", Gaps), ("cleaning", CleaningReport)):
        if getattr(rfm, name) is not None:
            checked.instance(name, getattr(rfm, name), kind, "Transactions(...).summarize() makes one.")
    checked.instance("cautions", rfm.cautions, tuple)
    for caution in rfm.cautions:
        checked.instance("A caution", caution, Caution)
    days = {name: getattr(rfm, name) for name in ("observed_from", "observed_until")}
    return {name: None if day is None else parse_day(day, name) for name, day in days.items()}


def _check(rfm: RFM) -> None:
    if not len(rfm):
        raise DataError("There is no customer in these data: at least one row is needed.")
    known = {name: getattr(rfm, name) for name in ("frequency", "recency_days", "T_days", *_MONEY)} | dict(rfm.columns)
    wrong = [f"{name} {np.shape(v)}" for name, v in known.items() if v is not None and np.shape(v) != (len(rfm),)]
    if wrong:
        raise DataError(f"Each column needs one value for each of the {len(rfm):,} customers, but: {examples(wrong)}.")
    ids = pd.Series(rfm.customer_id)
    x, t_x, T = rfm.frequency, rfm.recency_days, rfm.T_days
    slack = 1e-9 * (1 + T)
    problems = [
        (ids.isna().to_numpy(), "have no customer id. Name them or leave them out."),
        (ids.duplicated().to_numpy(), "stand there more than once. Keep one row a customer."),
        (x < 0, "have a negative frequency. It counts repeat purchases, so it is 0 or more."),
        (~np.isfinite(t_x) | ~np.isfinite(T), "have a missing or infinite recency or T. Mend or leave out these rows."),
        (np.maximum(t_x, T) > _MOST_DAYS, f"have a recency or T of more than {_MOST_DAYS:,.0f} days. Check the unit."),
        (
            ((t_x > 0) & (t_x < _LEAST_DAYS)) | ((T > 0) & (T < _LEAST_DAYS)),
            f"have a recency or T above 0 and below {_LEAST_DAYS:g} days. Check the unit.",
        ),
        (t_x < 0, "have a negative recency. It is the time from the first purchase to the last."),
        (T < 0, "have a negative T: a first purchase after the end of the observation."),
        (
            t_x > T + slack,
            (
                "have recency > T. Recency is measured from the first purchase to the last (not from the last purchase "
                "to today) and cannot be longer than T; check that the two are not exchanged and are in the same unit."
            ),
        ),
        (
            (x == 0) & (t_x > 0),
            (
                "have recency > 0 with no repeat purchase. One-time buyers have recency 0; if yours counts back from "
                "today, pass T - recency, and if frequency counts every purchase, pass frequency - 1."
            ),
        ),
        (
            (x > 0) & (t_x == 0),
            (
                "have repeat purchases but recency 0. Purchases of one period count once, and the first is not a "
                "repeat: if your frequency counts every purchase, pass frequency - 1."
            ),
        ),
    ]
    for values in (rfm.monetary_value, rfm.first_spend):
        if values is not None:
            problems.append((~np.isfinite(values), "have a missing or infinite spend. Mend or leave out these rows."))
            problems.append((values < 0, "have a negative spend. Net returns against purchases first."))
            vast = f"have a spend beyond {LARGEST_MONEY:g}, where floats lose cents. Count in a larger unit of money."
            problems.append((values > LARGEST_MONEY, vast))
    for bad, message in problems:
        if bad.any():
            shown = examples(map(repr, ids[bad].tolist()))
            raise DataError(f"{bad.sum():,} of {len(rfm):,} customers {message} Customers: {shown}.")
