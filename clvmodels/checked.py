"""Checks of settings: one rule each, for the whole package; most return what was given as the type that is meant."""

import math
import os
from collections.abc import Sequence
from numbers import Real

import numpy as np

from clvmodels.errors import SettingError, examples


def whole(name: str, value: object, least: int = 1) -> int:
    """Return a setting that is a whole number; NumPy's integers are, ``True`` is not.

    Raises
    ------
    SettingError
        If it is not a whole number from ``least`` up.

    Examples
    --------
    >>> whole("draws", np.int64(500))
    500
    """
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value >= least:
        return int(value)
    raise SettingError(f"{name} is a whole number from {least} up; {name}={value!r} is not.")


def seed(value: object) -> int:
    """Return a seed, a whole number from 0 to 2**64 - 1.

    Raises
    ------
    SettingError
        If it is not.
    """
    number = whole("seed", value, least=0)
    if number < 2**64:
        return number
    raise SettingError(f"seed is a whole number from 0 to 2**64 - 1; seed={value!r} is not.")


def random_stream(seed_: object, purpose: str) -> np.random.Generator:
    """Return the random stream of a seed for one purpose, so that two uses of one seed do not share their randomness.

    Raises
    ------
    SettingError
        If the seed is not a whole number from 0 to 2**64 - 1.
    """
    return np.random.default_rng([seed(seed_), *purpose.encode()])


def threads(value: object) -> int:
    """Return a number of threads; ``None`` means one for each core that this process may use.

    Raises
    ------
    SettingError
        If it is neither ``None`` nor a whole number from 1 up.
    """
    return cores() if value is None else whole("threads", value)


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def level(value: object) -> float:
    """Return the level of an interval, strictly between 0 and 1.

    Raises
    ------
    SettingError
        If it is not.
    """
    if 0 < (number := _real(value)) < 1:
        return number
    raise SettingError(f"The level of an interval lies between 0 and 1, such as 0.90; {value!r} does not.")


def shares(values: object, meaning: str, *, or_1: bool = False) -> tuple[float, ...]:
    """Return one or several different numbers between 0 and 1, both excluded unless ``or_1``.

    Raises
    ------
    SettingError
        If one is out of range, none is given, or one repeats; ``meaning`` says what they are.

    Examples
    --------
    >>> shares([0.25, 0.5], "probabilities of quantiles")
    (0.25, 0.5)
    """
    several = list(values) if isinstance(values, Sequence | np.ndarray) and not isinstance(values, str) else [values]
    numbers = tuple(map(_real, several))
    if not numbers or not all(0 < number < 1 or (or_1 and number == 1) for number in numbers):
        raise SettingError(f"The {meaning} lie between 0 and 1, such as (0.1, 0.5); {values!r} do not.")
    if len(set(numbers)) < len(numbers):
        raise SettingError(f"Each of the {meaning} is named once; {values!r} repeat some.")
    return numbers


def finite(name: str, value: object) -> float:
    """Return a setting that is a finite number.

    Raises
    ------
    SettingError
        If it is not.
    """
    if math.isfinite(number := _real(value)):
        return number
    raise SettingError(f"{name} is a finite number; {name}={value!r} is not.")


def positive(owner: object, **numbers: object) -> None:
    """Raise a ``SettingError`` unless all are positive, finite numbers; ``owner`` is whose settings they are."""
    for name, value in numbers.items():
        if not 0 < _real(value) < math.inf:
            raise SettingError(f"{type(owner).__name__}: {name} is a positive number; {value!r} is not.")


def one_of(name: str, value: object, known: Sequence[str]) -> None:
    """Raise a ``SettingError`` unless a setting is one of the texts that are known."""
    if not isinstance(value, str) or value not in known:
        raise SettingError(f"{name} = {value!r} is not known. Use one of: {examples(map(repr, known))}.")


def _real(value: object) -> float:
    """Return a real number as a float; NaN for what is none, such as ``True``, or is beyond the largest float."""
    try:
        return float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    except OverflowError:
        return math.nan
