"""Dates as a column or an argument holds them: dates, datetimes or text, with or without a time zone."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvmodels.errors import DataError, SettingError, examples

Bools = NDArray[np.bool_]
Codes = NDArray[np.int64]
Stamps = NDArray[np.datetime64]

_NUMBERS = {"integer", "floating", "boolean", "decimal", "mixed-integer-float"}


def read_stamps(
    values: "pd.Series[Any]", name: str, time_zone: str | None = None, date_format: str | None = None
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
    try:
        if time_zone is not None:
            ZoneInfo(time_zone)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise SettingError(f"time_zone = {time_zone!r} is not a time zone. Use names like 'Europe/Berlin'.") from None
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    parsed = _parsed(values, name, time_zone, date_format)
    if parsed.tz is None:
        zone = f"Days are days in {time_zone}: the dates carry no zone and are taken to be in it." if time_zone else ""
        return parsed.to_numpy().astype("datetime64[us]"), zone
    zone = f"Days are days in {parsed.tz}, the zone that the dates carry; time_zone= chooses another."
    if time_zone:
        zone = f"Days are days in {time_zone}: dates were converted from {parsed.tz}."
    local = parsed.tz_convert(time_zone or parsed.tz).tz_localize(None)
    return local.to_numpy().astype("datetime64[us]"), zone


def parse_day(value: object, name: str) -> date:
    """Return the calendar day of ISO text, a date, a datetime or a timestamp.

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


def _parsed(values: "pd.Series[Any]", name: str, time_zone: str | None, date_format: str | None) -> pd.DatetimeIndex:
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        tz = getattr(values.dtype, "tz", None) or getattr(getattr(values.dtype, "pyarrow_dtype", None), "tz", None)
        return pd.DatetimeIndex(values.astype(pd.DatetimeTZDtype("us", tz) if tz else np.dtype("datetime64[us]")))
    kind = pd.api.types.infer_dtype(values, skipna=True)
    is_number = pd.api.types.is_numeric_dtype(values.dtype) or kind in _NUMBERS
    if is_number and not (date_format and pd.api.types.is_integer_dtype(values.dtype)):
        raise DataError(
            f"Column {name!r} holds numbers ({examples(values.dropna().head(3).tolist())}), and a number is not a "
            "date. If they read like 20240131, pass date_format='%Y%m%d' (as integers or text); if they count seconds "
            "since 1970, convert them with pandas.to_datetime(column, unit='s')."
        )
    if kind in {"string", "integer"}:
        raw, distinct = pd.factorize(values)
        texts = pd.Series([str(text) for text in np.asarray(distinct)], dtype=object).str.strip()
        read = _read_formatted if date_format else _read_iso
        parsed = read(texts, name, time_zone, date_format or "ISO8601")
        if (bad := parsed.isna()).any():
            rows = np.isin(raw, np.flatnonzero(bad)).sum()
            what = (
                f"that date_format={date_format!r} cannot read" if date_format else "that is not like 2024-01-31 (ISO)"
            )
            raise DataError(
                f"{rows:,} of {len(raw):,} rows have a date in column {name!r} {what}: "
                f"{examples(map(repr, texts[bad]))}. Mend them, or say how dates are written, for example "
                "date_format='%d/%m/%Y'."
            )
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


def _read_iso(texts: "pd.Series[Any]", name: str, time_zone: str | None, pattern: str) -> pd.DatetimeIndex:
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
    return pd.DatetimeIndex(instants.tz_convert(datetime.strptime(offsets[0], "%z").tzinfo))


def _read_formatted(texts: "pd.Series[Any]", name: str, time_zone: str | None, pattern: str) -> pd.DatetimeIndex:
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
    instants = pd.DatetimeIndex(pd.to_datetime(list(things), utc=True))
    return pd.DatetimeIndex(instants.tz_convert(next(iter(zones.values()))))


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
