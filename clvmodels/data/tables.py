"""The door for dataframes: whatever the library, columns come in here and leave as NumPy arrays.

Narwhals selects the columns, lazily where the frame is lazy, so that only what is needed is ever loaded.
"""

import math
import unicodedata
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, tzinfo
from difflib import get_close_matches
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from narwhals.exceptions import DuplicateError
from narwhals.stable.v2.typing import IntoFrame
from numpy.typing import NDArray

from clvmodels.errors import DataError, SettingError, examples
from clvmodels.units import DAYS

Bools = NDArray[np.bool_]
Codes = NDArray[np.int64]
Floats = NDArray[np.float64]
Stamps = NDArray[np.datetime64]
Column = pd.Series  # the narrow waist between narwhals and NumPy

# Beyond this, neighbouring whole numbers are one and the same float: ids may already have run together.
_EXACT_FLOAT = 2.0**53


# --- columns ---------------------------------------------------------------------------------------------------------


def read_columns(frame: IntoFrame, names: Sequence[str], optional: Sequence[str] = ()) -> "dict[str, Column[Any]]":
    """Load some columns of a dataframe of any library; the frame's own index plays no part.

    Parameters
    ----------
    frame
        A pandas, Polars (eager or lazy) or PyArrow table, a DuckDB relation, or what else narwhals knows.
    names
        The columns that must be there.
    optional
        The columns that are loaded if they are there.

    Raises
    ------
    DataError
        If this is not a dataframe, a column is missing, or a name stands there twice.
    """
    table = _table(frame)
    _refuse_missing(names, present := _names(table))
    _refuse_twice(present)
    chosen = table.select(*names, *(name for name in optional if name in present))
    loaded = chosen.collect() if isinstance(chosen, nw.LazyFrame) else chosen
    return {name: _column(loaded.get_column(name)) for name in loaded.columns}


def column_names(frame: IntoFrame) -> list[str]:
    """Return the names of the columns of a dataframe of any library."""
    return _names(_table(frame))


def _names(table: "nw.DataFrame[Any] | nw.LazyFrame[Any]") -> list[str]:
    # The schema of a lazy frame would be cheaper, but it is a mapping, and would hide a name that stands there twice.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return list(table.columns)


def _table(frame: IntoFrame) -> "nw.DataFrame[Any] | nw.LazyFrame[Any]":
    if isinstance(frame, pd.DataFrame):
        _refuse_twice(list(frame.columns))
    try:
        table: nw.DataFrame[Any] | nw.LazyFrame[Any] = nw.from_native(frame)
        _names(table)
    except TypeError:
        raise DataError(
            f"A dataframe is needed (pandas, Polars, PyArrow, DuckDB, ...), and this is a {type(frame).__name__}. "
            "Read files first, for example with pandas.read_csv or pandas.read_parquet."
        ) from None
    except DuplicateError as error:
        raise DataError(f"Column names stand there more than once. Rename them. {error}") from None
    return table


def _refuse_missing(names: Sequence[str], present: Sequence[str]) -> None:
    for name in names:
        if name not in present:
            close = get_close_matches(str(name), present, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise DataError(f"There is no column {name!r}.{hint} The columns are: {examples(map(repr, present), 20)}.")


def _refuse_twice(present: Sequence[object]) -> None:
    twice = [name for name, count in Counter(present).items() if count > 1]
    if twice:
        raise DataError(f"These column names stand there more than once: {examples(map(repr, twice))}. Rename them.")


def _column(series: "nw.Series[Any]") -> "Column[Any]":
    if isinstance(series.dtype, nw.Datetime) and series.dtype.time_zone and not series.implementation.is_pandas():
        return _with_zone(series, series.dtype.time_zone)
    column: Column[Any] = series.to_pandas().reset_index(drop=True)
    return column


def _with_zone(series: "nw.Series[Any]", zone: str) -> "Column[Any]":
    # Not every library's way to pandas keeps the zone, so the instants travel in UTC and the zone beside them.
    instants = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None).to_pandas()
    zoned: Column[Any] = instants.dt.tz_localize("UTC").dt.tz_convert(zone)
    return zoned


# --- customers -------------------------------------------------------------------------------------------------------


def read_ids(values: "Column[Any]", name: str) -> tuple[Codes, NDArray[Any]]:
    """Return each row's customer as a number, -1 where the id is missing or blank, and the sorted distinct ids.

    Whole numbers stay numbers, also when missing values have turned them into floats; text and UTF-8 bytes are text,
    kept letter by letter. What could silently merge or split customers is refused: fractional ids, a column that
    mixes numbers and text, and texts that differ only by surrounding white space or by their Unicode form.

    Returns
    -------
    codes
        Shape ``(rows,)``, positions in ``ids``.
    ids
        Shape ``(customers,)``: integers, or ``str`` in an array of objects.

    Raises
    ------
    DataError
        If the ids are ambiguous as above, or neither numbers nor text.
    """
    raw, distinct = pd.factorize(values)
    things = np.asarray(distinct)
    # The kind of all values, not of the distinct ones: 1, 1.0 and True would be one of them.
    kind = pd.api.types.infer_dtype(values if values.dtype == object else things, skipna=True)
    ids = _plain_ids(things, kind, name)
    blank = np.array([isinstance(text, str) and not text.strip() for text in ids], dtype=bool)
    kept = np.flatnonzero(~blank)
    order = kept[np.argsort(ids[kept], kind="stable")]
    rank = np.full(len(ids) + 1, -1, dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank[raw], ids[order]


def _plain_ids(distinct: NDArray[Any], kind: str, name: str) -> NDArray[Any]:
    if kind == "empty" or not len(distinct):
        return np.empty(0, dtype=object)
    if kind == "integer":
        return _integers(distinct, name)
    if kind in {"floating", "decimal", "mixed-integer-float"}:
        return _whole(distinct, name)
    if kind == "bytes":
        distinct = _decoded(distinct, name)
    elif all(isinstance(value, UUID) for value in distinct):
        distinct = _texts(map(str, distinct))
    elif kind != "string":
        raise DataError(_strange_ids(distinct, name))
    _refuse_lookalikes(distinct, name)
    return _texts(distinct)


def _texts(values: Iterable[object]) -> NDArray[Any]:
    listed = [str(value) for value in values]
    array = np.empty(len(listed), dtype=object)
    array[:] = listed
    return array


def _integers(distinct: NDArray[Any], name: str) -> NDArray[Any]:
    limits = np.iinfo(np.int64)
    if not limits.min <= distinct.min() <= distinct.max() <= limits.max:
        raise DataError(f"Column {name!r} has ids beyond the range of 64-bit integers. Convert the column to text.")
    return distinct.astype(np.int64)


def _whole(distinct: NDArray[Any], name: str) -> NDArray[Any]:
    numbers = distinct.astype(float)
    bad = ~np.isfinite(numbers) | (numbers != np.round(numbers)) | (np.abs(numbers) > _EXACT_FLOAT)
    if bad.any():
        raise DataError(
            f"{bad.sum():,} of {len(bad):,} customer ids in column {name!r} are not whole numbers that a float holds "
            f"exactly: {examples(numbers[bad].tolist())}. Read the column as text or as integers."
        )
    return numbers.astype(np.int64)


def _decoded(distinct: NDArray[Any], name: str) -> NDArray[Any]:
    try:
        return _texts(value.decode("utf-8") for value in distinct)
    except UnicodeDecodeError as error:
        raise DataError(f"Column {name!r} has bytes that are not UTF-8 text: {error.object!r}. Decode it.") from None


def _strange_ids(distinct: NDArray[Any], name: str) -> str:
    kinds = Counter(type(value).__name__ for value in distinct)
    if len(kinds) == 1:
        return f"Column {name!r} holds {next(iter(kinds))} values, not customer ids. Use whole numbers or text."
    shown = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items())
    return (
        f"Column {name!r} mixes types of ids ({shown}), so that 1 and '1' could be one customer or two: "
        f"{examples(map(repr, distinct))}. Make it one type first, for example with .astype(str) in pandas."
    )


def _refuse_lookalikes(distinct: NDArray[Any], name: str) -> None:
    if all(text.isascii() and text == text.strip() for text in distinct):
        return
    seen: dict[str, str] = {}
    alike = [(seen.setdefault(unicodedata.normalize("NFC", text.strip()), text), text) for text in distinct]
    pairs = [f"{one!a} and {other!a}" for one, other in alike if one != other and other.strip()]
    if pairs:
        raise DataError(
            f"Column {name!r} has customer ids that differ only by surrounding white space or by their Unicode form "
            f"({examples(pairs)}). Strip and normalise the ids if they are the same customers, or rename them."
        )


# --- dates -----------------------------------------------------------------------------------------------------------


def read_stamps(
    values: "Column[Any]", name: str, time_zone: str | None = None, date_format: str | None = None
) -> tuple[Stamps, str]:
    """Return wall-clock times, and a sentence on the time zone that they are in where it is known.

    Parameters
    ----------
    values
        Dates, datetimes with or without a time zone, or text.
    time_zone
        Values with a zone are converted to this one; values without are taken to be in it already.
    date_format
        How text is to be read, such as ``"%d/%m/%Y"``; ISO 8601 by default. Integers such as 20240131 are read as text
        when it is given.

    Returns
    -------
    stamps
        ``datetime64[us]``, NaT where missing. Shape ``(rows,)``.
    zone
        Which zone's days count and why; empty where nothing is known of a zone.

    Raises
    ------
    DataError
        If text cannot be read, numbers stand in for dates, or time zones are mixed so that days are ambiguous.
    """
    _check_zone(time_zone)
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        parsed = pd.DatetimeIndex(values.astype(_numpy_datetime(values)))
    elif _is_number(values) and not (date_format and pd.api.types.is_integer_dtype(values.dtype)):
        raise DataError(_number_dates(values, name))
    else:
        parsed = _parsed(values, name, time_zone, date_format)
    return _wall_clock(parsed, time_zone)


def parse_day(value: object, name: str) -> date:
    """Read one calendar day: ISO text, a date, a datetime or a timestamp (of which the day counts).

    Raises
    ------
    SettingError
        If the value is not a date.

    Examples
    --------
    >>> parse_day("2024-06-30", "date")
    datetime.date(2024, 6, 30)
    """
    if isinstance(value, str | np.datetime64 | date) and not pd.isna(value):
        try:
            return pd.Timestamp(datetime.fromisoformat(value) if isinstance(value, str) else value).date()
        except ValueError:
            pass
    raise SettingError(f"{name} = {value!r} is not a date. Write it as '2024-06-30', or pass a datetime.date.")


def _check_zone(time_zone: str | None) -> None:
    try:
        if time_zone is not None:
            ZoneInfo(time_zone)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise SettingError(f"time_zone = {time_zone!r} is not a time zone. Use names like 'Europe/Berlin'.") from None


def _is_number(values: "Column[Any]") -> bool:
    kinds = {"integer", "floating", "boolean", "decimal", "mixed-integer-float"}
    return pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.infer_dtype(values, skipna=True) in kinds


def _number_dates(values: "Column[Any]", name: str) -> str:
    return (
        f"Column {name!r} holds numbers ({examples(values.dropna().head(3).tolist())}), and a number is not a date. "
        "If they read like 20240131, pass date_format='%Y%m%d' (as integers or text); if they count seconds since "
        "1970, convert them with pandas.to_datetime(column, unit='s')."
    )


def _numpy_datetime(values: "Column[Any]") -> "pd.DatetimeTZDtype | np.dtype[np.datetime64]":
    zone = getattr(values.dtype, "tz", None) or getattr(getattr(values.dtype, "pyarrow_dtype", None), "tz", None)
    return pd.DatetimeTZDtype("us", zone) if zone else np.dtype("datetime64[us]")


def _parsed(values: "Column[Any]", name: str, time_zone: str | None, date_format: str | None) -> pd.DatetimeIndex:
    kind = pd.api.types.infer_dtype(values, skipna=True)
    if kind in {"string", "integer"}:
        raw, distinct = pd.factorize(values)
        texts = pd.Series(_texts(np.asarray(distinct)), dtype=object).str.strip()
        read = _read_formatted if date_format else _read_iso
        parsed = read(texts, name, time_zone, date_format or "ISO8601")
        _refuse_unread(parsed, texts, raw, name, date_format)
        return _at(parsed, raw)
    missing = values.isna().to_numpy()
    things = [thing for thing, absent in zip(values, missing, strict=True) if not absent]
    if not all(isinstance(thing, date | np.datetime64) for thing in things):
        kinds = examples(sorted({type(thing).__name__ for thing in things}))
        raise DataError(f"Column {name!r} holds values that are not dates ({kinds}). Convert it to dates first.")
    return _at(_read_objects(things, name, time_zone), np.where(missing, -1, np.cumsum(~missing) - 1))


def _at(stamps: pd.DatetimeIndex, positions: "NDArray[np.integer[Any]]") -> pd.DatetimeIndex:
    """Return the stamps at some positions, NaT at -1."""
    return pd.DatetimeIndex(stamps.insert(len(stamps), pd.NaT)[positions])


# A time and then Z or an offset: a date alone may also end in something like -05.
_ZONE = r"[Tt:].*?([Zz]|[+-]\d\d(?::?\d\d)?)$"


def _read_iso(texts: "Column[Any]", name: str, time_zone: str | None, pattern: str) -> pd.DatetimeIndex:
    # A year, or a year and a month, would silently become its first day.
    whole = texts.where(texts.str.len() >= 8)
    offset = texts.str.extract(_ZONE, expand=False) if texts.str.len().max() > 10 else pd.Series(dtype=object)
    if not offset.notna().any():
        return pd.DatetimeIndex(pd.to_datetime(whole, format=pattern, errors="coerce"))
    _refuse_half_aware(offset.notna().to_numpy(), texts.tolist(), name)
    offsets = offset.str.upper().str.replace(":", "").replace("Z", "+0000").str.ljust(5, "0").unique()
    if len(offsets) > 1:
        _refuse_many_zones(time_zone, texts.tolist(), name)
    instants = pd.DatetimeIndex(pd.to_datetime(whole, format=pattern, errors="coerce", utc=True))
    return _to_zone(instants, datetime.strptime(offsets[0], "%z").tzinfo)


def _to_zone(instants: pd.DatetimeIndex, zone: tzinfo | None) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(instants.tz_convert(zone))


def _read_formatted(texts: "Column[Any]", name: str, time_zone: str | None, pattern: str) -> pd.DatetimeIndex:
    aware = "%z" in pattern.lower()
    if aware:
        _refuse_many_zones(time_zone, texts.tolist(), name)
    try:
        return pd.DatetimeIndex(pd.to_datetime(texts, format=pattern, errors="coerce", utc=aware))
    except ValueError as error:
        raise SettingError(f"date_format = {pattern!r} cannot be used: {error}.") from None


def _read_objects(things: Sequence[Any], name: str, time_zone: str | None) -> pd.DatetimeIndex:
    aware = np.array([getattr(thing, "tzinfo", None) is not None for thing in things], dtype=bool)
    if not aware.any():
        return pd.DatetimeIndex(np.array(things, dtype="datetime64[us]"))
    _refuse_half_aware(aware, things, name)
    zones = {str(thing.tzinfo): thing.tzinfo for thing in things}
    if len(zones) > 1:
        _refuse_many_zones(time_zone, things, name)
    return _to_zone(pd.DatetimeIndex(pd.to_datetime(list(things), utc=True)), next(iter(zones.values())))


def _refuse_half_aware(aware: Bools, things: Sequence[Any], name: str) -> None:
    if not aware.all():
        shown = f"{things[int(np.argmax(aware))]!s} and {things[int(np.argmin(aware))]!s}"
        raise DataError(
            f"Column {name!r} mixes dates with a time zone ({aware.sum():,}) and without ({(~aware).sum():,}), such as "
            f"{shown}. Give all of them a zone, or none."
        )


def _refuse_many_zones(time_zone: str | None, things: Sequence[Any], name: str) -> None:
    if time_zone is None:
        raise DataError(
            f"Column {name!r} has dates in several time zones, such as {examples(things, 3)}, so days are ambiguous. "
            "Say which zone's days count, for example time_zone='Europe/Berlin'."
        )


def _refuse_unread(
    parsed: pd.DatetimeIndex, texts: "Column[Any]", raw: Codes, name: str, date_format: str | None
) -> None:
    bad = parsed.isna()
    if bad.any():
        rows = np.isin(raw, np.flatnonzero(bad)).sum()
        what = f"that date_format={date_format!r} cannot read" if date_format else "that is not like 2024-01-31 (ISO)"
        raise DataError(
            f"{rows:,} of {len(raw):,} rows have a date in column {name!r} {what}: {examples(map(repr, texts[bad]))}. "
            "Mend them, or say how dates are written, for example date_format='%d/%m/%Y'."
        )


def _wall_clock(parsed: pd.DatetimeIndex, time_zone: str | None) -> tuple[Stamps, str]:
    if parsed.tz is None:
        zone = f"Days are days in {time_zone}: the dates carry no zone and are taken to be in it." if time_zone else ""
        return parsed.to_numpy().astype("datetime64[us]"), zone
    zone = f"Days are days in {parsed.tz}, the zone that the dates carry; time_zone= chooses another."
    if time_zone:
        zone = f"Days are days in {time_zone}: dates were converted from {parsed.tz}."
    local = parsed.tz_convert(time_zone or parsed.tz).tz_localize(None)
    return local.to_numpy().astype("datetime64[us]"), zone


# --- numbers and attributes ------------------------------------------------------------------------------------------


def read_numbers(values: "Column[Any]", name: str) -> Floats:
    """Return a column as floats, NaN where a value is missing; text is parsed.

    Raises
    ------
    DataError
        If a value is not a number: how many are not, and which.
    """
    if pd.api.types.is_bool_dtype(values.dtype) or not _can_be_numbers(values):
        kind = pd.api.types.infer_dtype(values, skipna=True)
        raise DataError(f"Column {name!r} must hold numbers, and holds {kind} values: {examples(values.dropna())}.")
    if pd.api.types.is_numeric_dtype(values.dtype):
        return values.to_numpy(dtype=float, na_value=math.nan)
    return _parsed_numbers(values, name)


def _can_be_numbers(values: "Column[Any]") -> bool:
    if isinstance(values.dtype, pd.CategoricalDtype) or values.dtype == object:
        return True
    return pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_string_dtype(values.dtype)


def _parsed_numbers(values: "Column[Any]", name: str) -> Floats:
    raw, distinct = pd.factorize(values)
    things = pd.Series(np.asarray(distinct), dtype=object)
    blank = things.map(lambda thing: isinstance(thing, str) and not thing.strip()).to_numpy(dtype=bool)
    numbers = pd.to_numeric(things.where(~blank), errors="coerce").to_numpy(dtype=float)
    bad = (np.isnan(numbers) & ~blank) | things.map(lambda thing: isinstance(thing, bool)).to_numpy(dtype=bool)
    if bad.any():
        rows = np.isin(raw, np.flatnonzero(bad)).sum()
        raise DataError(
            f"{rows:,} of {len(values):,} values in column {name!r} are not numbers: "
            f"{examples(map(repr, things[bad]))}. Write them like 1234.50, without currency signs or separators."
        )
    return np.append(numbers, math.nan)[raw]


def read_attribute(values: "Column[Any]", codes: Codes, ids: NDArray[Any], name: str) -> NDArray[Any]:
    """Return a column that describes customers as one value a customer, shape ``(customers,)``.

    Rows with code -1 are left out.

    Raises
    ------
    DataError
        If the column changes within a customer: how many customers, and an example.
    """
    raw, distinct = pd.factorize(values, use_na_sentinel=True)
    first = np.full(len(ids), -2, dtype=np.int64)
    known = codes >= 0
    first[codes[known]] = raw[known]
    changes = known & (raw != first[codes])
    things = np.array([*np.asarray(distinct, dtype=object), None], dtype=object)
    if changes.any():
        row = int(np.argmax(changes))
        raise DataError(
            f"Column {name!r} changes within customers, {len(np.unique(codes[changes])):,} of {len(ids):,}; "
            f"{ids[codes[row]]!r}, for one, has {things[raw[row]]!r} and {things[first[codes[row]]]!r}. An attribute "
            "needs one value a customer: decide which one counts and write it into each of the customer's rows."
        )
    return pd.Series(things[first]).infer_objects().to_numpy()


# --- a ready table of customers --------------------------------------------------------------------------------------

_REQUIRED = ("customer_id", "frequency", "recency", "T")
_MONEY = ("monetary_value", "first_spend")


def rfm_columns(frame: IntoFrame, unit: str, observed_until: "date | str | None") -> dict[str, Any]:
    """Read a ready table, one row a customer, into the fields of an ``RFM``.

    Parameters
    ----------
    frame
        A dataframe with ``customer_id, frequency, recency, T`` and, optionally, ``monetary_value, first_spend``; its
        other columns are kept under ``columns``.
    unit
        The unit of ``recency`` and ``T``: a canonical name of ``units.DAYS``.
    observed_until
        The last day of the observation, if known.

    Raises
    ------
    DataError
        If a column is missing, or a value is missing or not a number; the checks of meaning are those of ``RFM``.
    """
    others = [name for name in column_names(frame) if name not in (*_REQUIRED, *_MONEY)]
    table = read_columns(frame, _REQUIRED, optional=(*_MONEY, *others))
    rows = len(table["customer_id"])
    codes, ids = read_ids(table["customer_id"], "customer_id")
    refuse_missing_values({"customer_id": codes < 0})
    frequency = _counts(read_numbers(table["frequency"], "frequency"))
    return {
        "customer_id": ids[codes] if rows else np.empty(0, dtype=object),
        "frequency": frequency,
        "recency_days": _days(table["recency"], "recency", unit),
        "T_days": _days(table["T"], "T", unit),
        "unit": unit,
        "monetary_value": _monetary_value(table.get("monetary_value"), frequency),
        "first_spend": _first_spend(table.get("first_spend")),
        "observed_until": None if observed_until is None else parse_day(observed_until, "observed_until"),
        "columns": {name: _values(table[name]) for name in others},
    }


def refuse_missing_values(missing: Mapping[str, Bools], advice: str = "Mend or leave out these rows.") -> None:
    """Raise a ``DataError`` that counts the rows with a missing value and shows where they are, column by column."""
    for name, bad in missing.items():
        if bad.any():
            where = examples(np.flatnonzero(bad).tolist())
            raise DataError(
                f"{bad.sum():,} of {len(bad):,} rows have no usable value in column {name!r} (row numbers, from 0: "
                f"{where}). {advice}"
            )


def _counts(numbers: Floats) -> Codes:
    refuse_missing_values({"frequency": ~np.isfinite(numbers)})
    bad = numbers != np.round(numbers)
    if bad.any():
        raise DataError(
            f"{bad.sum():,} of {len(numbers):,} frequencies are not whole numbers: {examples(numbers[bad].tolist())}. "
            "Frequency counts repeat purchases; it is not a rate."
        )
    return numbers.astype(np.int64)


def _days(values: "Column[Any]", name: str, unit: str) -> Floats:
    numbers = read_numbers(values, name)
    refuse_missing_values({name: ~np.isfinite(numbers)})
    days = numbers * DAYS[unit]
    whole = np.round(days)
    # 1/7 week is a day, and not 0.9999999999999999 days: only so do customers with the same history look the same.
    return np.where(np.abs(days - whole) < 1e-6, whole, days)


def _monetary_value(values: "Column[Any] | None", frequency: Codes) -> Floats | None:
    if values is None:
        return None
    money = read_numbers(values, "monetary_value")
    refuse_missing_values(
        {"monetary_value": ~np.isfinite(money) & (frequency > 0)},
        "It is the mean value of the repeat purchases, and these customers have some.",
    )
    money = np.where(np.isnan(money), 0.0, money)
    bad = (frequency == 0) & (money != 0)
    if bad.any():
        raise DataError(
            f"{bad.sum():,} of {len(money):,} rows have a monetary_value but no repeat purchase (row "
            f"numbers, from 0: {examples(np.flatnonzero(bad).tolist())}). It is the mean of the repeat purchases, "
            "without the first: pass 0 for one-time buyers, and put the value of first purchases into first_spend."
        )
    return money


def _first_spend(values: "Column[Any] | None") -> Floats | None:
    if values is None:
        return None
    money = read_numbers(values, "first_spend")
    refuse_missing_values({"first_spend": ~np.isfinite(money)})
    return money


def _values(values: "Column[Any]") -> NDArray[Any]:
    return values.astype(object).to_numpy() if values.dtype == "category" else values.to_numpy()
