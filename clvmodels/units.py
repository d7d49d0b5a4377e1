"""Time units, durations and rates: the only place where a month becomes days or a yearly rate a force of interest.

A week is 7 days, a year 365.25 days and a month a twelfth of a year, everywhere in the package.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from numbers import Real
from typing import Any

from clvmodels.errors import SettingError, UnitError

DAYS_PER_YEAR = 365.25

DAYS = {
    "hour": 1 / 24,
    "day": 1.0,
    "week": 7.0,
    "month": DAYS_PER_YEAR / 12,
    "quarter": DAYS_PER_YEAR / 4,
    "year": DAYS_PER_YEAR,
}

_DURATION = re.compile(r"\s*(?P<count>\d+(?:\.\d+)?)\s*(?P<unit>[a-z]+)\s*", re.IGNORECASE)


def unit_name(text: str) -> str:
    """Return the canonical name of a time unit.

    Raises
    ------
    UnitError
        If the text is not one of hour, day, week, month, quarter, year (or its plural).

    Examples
    --------
    >>> unit_name("Weeks")
    'week'
    """
    name = str(text).strip().lower().removesuffix("s")
    if name not in DAYS:
        raise UnitError(f"{text!r} is not a time unit. Use one of: {', '.join(DAYS)}.")
    return name


@dataclass(frozen=True)
class Duration:
    """A length of time, held in days; ``math.inf`` days is a duration without end."""

    days: float

    def __post_init__(self) -> None:
        if not self.days > 0:
            raise UnitError(f"A duration must be longer than nothing, and this one has {self.days:g} days.")

    def count(self, unit: str) -> float:
        """Return how many of the given unit this duration has.

        Examples
        --------
        >>> Duration(21).count("week")
        3.0
        """
        return self.days / DAYS[unit_name(unit)]

    @property
    def is_infinite(self) -> bool:
        """Whether the duration has no end."""
        return math.isinf(self.days)

    def __str__(self) -> str:
        if self.is_infinite:
            return "infinite"
        for unit in ("year", "month", "week", "day", "hour"):
            count = self.days / DAYS[unit]
            if abs(count - round(count)) < 1e-9 and round(count) >= 1:
                return f"{round(count)} {unit}{'s' if round(count) > 1 else ''}"
        return f"{self.days:g} days"


def duration(value: "str | timedelta | Duration") -> Duration:
    """Return the duration that text such as ``"39 weeks"`` or ``"infinite"``, or a timedelta, stands for.

    Parameters
    ----------
    value
        Text with a number and a unit, a ``datetime.timedelta`` (so also a ``pandas.Timedelta``), or a ``Duration``.
        A bare number is refused: 39 could be days or weeks.

    Raises
    ------
    UnitError
        If the text has no number or no known unit, or the duration is not positive.

    Examples
    --------
    >>> duration("39 weeks").days
    273.0
    >>> duration("1 year").count("month")
    12.0
    """
    if isinstance(value, Duration):
        return value
    if isinstance(value, timedelta):
        return Duration(value / timedelta(days=1))
    if isinstance(value, str):
        if value.strip().lower() in {"infinite", "infinity", "forever"}:
            return Duration(math.inf)
        if match := _DURATION.fullmatch(value):
            return Duration(float(match["count"]) * DAYS[unit_name(match["unit"])])
    raise UnitError(
        f"{value!r} is not a duration. Write a number and a unit, such as '39 weeks', '2 years' or 'infinite'."
    )


def durations(horizon: object) -> tuple[Duration, ...]:
    """Return one or several horizons as durations, in growing order.

    Raises
    ------
    SettingError
        If there is none, or one repeats.

    Examples
    --------
    >>> [str(horizon) for horizon in durations(["1 year", "3 months"])]
    ['3 months', '1 year']
    """
    several: Iterable[Any] = horizon if isinstance(horizon, Iterable) and not isinstance(horizon, str) else [horizon]
    ordered = tuple(sorted(map(duration, several), key=lambda each: each.days))
    if not ordered or len(set(map(str, ordered))) < len(ordered):
        raise SettingError(f"Horizons are one or more different durations; {horizon!r} are not.")
    return ordered


def force_of_interest(yearly_rate: float, unit: str) -> float:
    """Return the continuous force of interest per time unit, ``log(1 + rate)`` a year, of an effective yearly rate.

    Examples
    --------
    >>> round(force_of_interest(0.10, "year"), 6)
    0.09531
    """
    if not isinstance(yearly_rate, Real) or isinstance(yearly_rate, bool) or not 0 <= yearly_rate <= 1:
        raise UnitError(
            f"The discount is an effective yearly rate such as 0.10 for 10 % a year; {yearly_rate!r} is not one."
        )
    return math.log1p(yearly_rate) * DAYS[unit_name(unit)] / DAYS_PER_YEAR
