"""Dates as a column or an argument holds them: dates, datetimes or text, with or without a time zone."""

import re
from collections.abc import Iterable, Sequence
from datetime import MAXYEAR, date, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvmodels import checked
from clvmodels.data.cells import null_texts, plain_cells
from clvmodels.errors import DataError, SettingError, examples
from clvmodels.text import join

Bools = NDArray[np.bool_]
Codes = NDArray[np.int64]
Stamps = NDArray[np.datetime64]

# A time and then Z or an offset: a date alone may also end in something like -05.
_ZONE = r"[Tt:].*?([Zz]|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)$"
_NAMED_ZONE = r":\d\d ?(?!AM|PM)[A-Z][A-Za-z_/]+$"
_TIME = r"\d:\d\d"
_DAY_CODE = re.compile("%[djuwaA]")  # without one, each month or year would become its first day

# How dates are usually written, for advice only.
_DAYS = (
    *("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d"),
    *("%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d-%m-%y", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%d %B %Y"),
    "%B %d, %Y",
)
_WITH_TIME = re.compile(
    r".*\d(?P<between>[ T])\d?(?P<minute>\d:\d\d)(?P<second>:\d\d)?(?P<fraction>\.\d+)?(?P<half> ?[AP]M)?"
    r"(?P<offset> ?(?:Z|[+-]\d\d:?\d\d))?(?P<zone> ?[A-Z][A-Za-z_/]+)?",
)

_NUMBERS = {"integer", "floating", "boolean", "decimal", "mixed-integer-float"}


def read_stamps(
    values: "pd.Series[Any]", name: str, time_zone: str | ZoneInfo | None = None, date_format: str | None = None
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
        when it is given. Blank text, and null, NaN, NaT, None, NA or N/A, are missing dates.

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
    SettingError
        If the time zone or the date format is none.
    """
    time_zone = time_zone.key if isinstance(time_zone, ZoneInfo) else time_zone
    try:
        if time_zone is not None:
            ZoneInfo(time_zone)
    except (TypeError, ValueError, OSError, ZoneInfoNotFoundError):
        raise SettingError(
            f"time_zone = {checked.shown(time_zone)} is not a time zone. Use names like 'Europe/Berlin'."
        ) from None
    if date_format is not None and not (isinstance(date_format, str) and _DAY_CODE.search(date_format)):
        raise SettingError(
            f"date_format = {date_format!r} does not say how a day is written. Use codes, such as '%d/%m/%Y'; leave it "
            "out for ISO 8601 (2024-01-31)."
        )
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    values = plain_cells(values, name)
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
        _refuse_beyond(values.dt.year.to_numpy(dtype=float, na_value=np.nan), values, name)
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
    if isinstance(values.dtype, pd.PeriodDtype):
        raise DataError(
            f"Column {name!r} holds periods ({examples(values.dropna(), 3)}), and a purchase has a day: choose the "
            "first of each period with column.dt.to_timestamp()."
        )
    if kind in {"string", "integer"}:
        raw, distinct = pd.factorize(values)
        texts = pd.Series([str(text).strip() for text in np.asarray(distinct)], dtype=object)
        known = ~null_texts(texts, also_not_available=True)
        raw = np.append(np.where(known, np.cumsum(known) - 1, -1), -1)[raw]
        texts = texts[known].reset_index(drop=True)
        read = _read_formatted if date_format else _read_iso
        parsed = read(texts, name, time_zone, date_format or "ISO8601")
        if (bad := parsed.isna()).any():
            rows = np.isin(raw, np.flatnonzero(bad)).sum()
            what = (
                f"that date_format={date_format!r} cannot read" if date_format else "that is not like 2024-01-31 (ISO)"
            )
            raise DataError(
                f"{rows:,} of {len(raw):,} rows have a date in column {name!r} {what}: "
                f"{examples(map(repr, texts[bad]))}. {_advice(texts, texts[bad], date_format)}"
            )
        return _at(parsed, raw)
    missing = values.isna().to_numpy()
    things = [thing for thing, absent in zip(values, missing, strict=True) if not absent]
    if not all(isinstance(thing, date | np.datetime64) for thing in things):
        kinds = examples(sorted({type(thing).__name__ for thing in things}))
        raise DataError(f"Column {name!r} holds values that are not dates ({kinds}). Convert it to dates first.")
    years = [
        thing.astype("datetime64[Y]").astype(int) + 1970 if isinstance(thing, np.datetime64) else 0 for thing in things
    ]
    _refuse_beyond(np.array(years), things, name)
    return _at(_read_objects(things, name, time_zone), np.where(missing, -1, np.cumsum(~missing) - 1))


def _refuse_beyond(years: NDArray[Any], values: Iterable[object], name: str) -> None:
    if (bad := years > MAXYEAR).any():
        shown = examples((value for value, is_bad in zip(values, bad, strict=True) if is_bad), 3)
        raise DataError(
            f"{bad.sum():,} of {len(bad):,} rows have a date in column {name!r} after the year {MAXYEAR}: {shown}. "
            "Mend or leave out these rows."
        )


def _advice(texts: "pd.Series[Any]", bad: "pd.Series[Any]", date_format: str | None) -> str:
    """Return what to do about texts that are not read as dates: which formats would, or what the given one lacks."""
    lacks = []
    if date_format and bad.str.contains(_TIME).any() and not re.search("%[HIcXT]", date_format):
        lacks.append("a time of day (%H:%M)")
    if bad.str.contains(_NAMED_ZONE).any() and "%Z" not in (date_format or ""):
        lacks.append("the name of a time zone (%Z)")
    if date_format and bad.str.extract(_ZONE).notna().any(axis=None) and "%z" not in date_format:
        lacks.append("an offset from UTC (%z)")
    said = f"They have {join(lacks)}, which {date_format or 'ISO 8601'} lacks. " if lacks else ""
    fitting = [repr(pattern) for pattern in _formats_of(texts)]
    if len(fitting) == 1:
        return f"{said}All dates are read with date_format={fitting[0]}."
    if fitting:
        return (
            f"{said}Say which is meant, as all dates can be read with date_format={' or date_format='.join(fitting)}."
        )
    return f"{said}Mend them, or say how dates are written, for example date_format='%d/%m/%Y'."


def _formats_of(texts: "pd.Series[Any]") -> list[str]:
    """Return the usual formats that read all of these texts."""
    suffix = ""
    if time := _WITH_TIME.fullmatch(texts.iloc[0]):
        clock = "%I:%M" if time["half"] else "%H:%M"
        parts = {"second": ":%S", "fraction": ".%f", "half": "%p", "offset": "%z", "zone": "%Z"}
        tail = (" " * time[part].startswith(" ") + code for part, code in parts.items() if time[part])
        suffix = "".join([time["between"], clock, *tail])
    formats = [day + suffix for day in _DAYS]
    return [one for one in formats if pd.to_datetime(texts, format=one, errors="coerce", utc=True).notna().all()]


def _at(stamps: pd.DatetimeIndex, positions: "NDArray[np.integer[Any]]") -> pd.DatetimeIndex:
    """Return the stamps at some positions, NaT at -1."""
    return pd.DatetimeIndex(stamps.insert(len(stamps), pd.NaT)[positions])


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
    try:
        instants = pd.DatetimeIndex(pd.to_datetime(texts, format=pattern, errors="coerce", utc="%z" in pattern.lower()))
    except ValueError as error:
        raise SettingError(f"date_format = {pattern!r} cannot be used: {error}.") from None
    try:
        return pd.DatetimeIndex(pd.to_datetime(texts, format=pattern, errors="coerce"))
    except ValueError:  # of several offsets
        _refuse_many_zones(time_zone, texts.tolist(), name)
        return instants


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
