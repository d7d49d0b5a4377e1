"""Checks of settings: one rule each, for the whole package; most return what was given as the type that is meant."""

import math
import os
from collections.abc import Sequence
from decimal import Decimal
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clvmodels.errors import SettingError, examples

_LONGEST = 100  # characters of a value in an error message
_MOST = 10_000_000  # draws, futures and the like: what memory holds, and far more than anybody needs


def whole(name: str, value: object, least: int = 1, most: int = _MOST) -> int:
    """Return a setting that is a whole number; NumPy's integers are, ``True`` is not.

    Raises
    ------
    SettingError
        If it is not a whole number from ``least`` to ``most``.

    Examples
    --------
    >>> whole("draws", np.int64(500))
    500
    """
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value >= least:
        if value <= most:
            return int(value)
        raise SettingError(f"{name} is at most {most:,}; {name}={shown(value)} is more.")
    raise SettingError(f"{name} is a whole number from {least} up; {name}={shown(value)} is not.")


def seed(value: object) -> int:
    """Return a seed, a whole number from 0 to 2**64 - 1.

    Raises
    ------
    SettingError
        If it is not.
    """
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool) and 0 <= value < 2**64:
        return int(value)
    raise SettingError(f"seed is a whole number from 0 to 2**64 - 1; seed={shown(value)} is not.")


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
    if 0 < (number := real(value)) < 1:
        return number
    raise SettingError(f"The level of an interval lies between 0 and 1, such as 0.90; {shown(value)} does not.")


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
    numbers = tuple(map(real, several))
    if not numbers or not all(0 < number < 1 or (or_1 and number == 1) for number in numbers):
        raise SettingError(f"The {meaning} lie between 0 and 1, such as (0.1, 0.5); {shown(values)} do not.")
    if len(set(numbers)) < len(numbers):
        raise SettingError(f"Each of the {meaning} is named once; {shown(values)} repeat some.")
    return numbers


def probabilities(values: object) -> NDArray[np.float64]:
    """Return probabilities of quantiles, a number or an array of any shape, all from 0 to 1.

    Raises
    ------
    SettingError
        If one is not.
    """
    found = numbers("probabilities", values)
    if ((found >= 0) & (found <= 1)).all():
        return found
    raise SettingError(f"Probabilities lie between 0 and 1; {shown(values)} do not.")


def finite(name: str, value: object) -> float:
    """Return a setting that is a finite number.

    Raises
    ------
    SettingError
        If it is not.
    """
    if math.isfinite(number := real(value)):
        return number
    raise SettingError(f"{name} is a finite number; {name}={shown(value)} is not.")


def positive(owner: object, **numbers: object) -> None:
    """Raise a ``SettingError`` unless all are positive, finite numbers; ``owner`` is whose settings they are."""
    for name, value in numbers.items():
        if not 0 < real(value) < math.inf:
            raise SettingError(f"{type(owner).__name__}: {name} is a positive number; {shown(value)} is not.")


def within_reach(owner: object, least: float = 1e-12, most: float = 1e12, **numbers: object) -> None:
    """Raise a ``SettingError`` unless all are positive numbers with which a computer can still calculate.

    Parameters
    ----------
    owner
        Whose settings they are.
    least, most
        Between which they lie.
    numbers
        The settings by name.
    """
    positive(owner, **numbers)
    for name, value in numbers.items():
        if not least <= real(value) <= most:
            raise SettingError(
                f"{type(owner).__name__}: {name} lies between {least:g} and {most:g}, beyond which nothing can be "
                f"computed; {shown(value)} does not."
            )


def one_of(name: str, value: object, known: Sequence[str]) -> None:
    """Raise a ``SettingError`` unless a setting is one of the texts that are known."""
    if not isinstance(value, str) or value not in known:
        raise SettingError(f"{name} = {shown(value)} is not known. Use one of: {examples(map(repr, known))}.")


def instance(name: str, value: object, kind: type, remedy: str = "") -> None:
    """Raise a ``SettingError`` unless a setting is an instance of a class; ``remedy`` says where to get one."""
    if isinstance(value, type) or not isinstance(value, kind):  # a class has all that a protocol asks for, too
        is_ = f"{shown(value)}, a class" if isinstance(value, type) else f"a {type(value).__name__}"
        raise SettingError(f"{name} is a {kind.__name__}, and this is {is_}. {remedy}".rstrip())


def path(name: str, value: object) -> Path:
    """Return the path of a file.

    Raises
    ------
    SettingError
        If it is neither text nor a path, or no file can have this name.
    """
    if isinstance(value, str | os.PathLike) and isinstance(text := os.fspath(value), str) and "\0" not in text:
        return Path(text)
    raise SettingError(f"{name} is the path of a file, as text or as a Path; {shown(value)} is not.")


def column(name: str, value: object) -> None:
    """Raise a ``SettingError`` unless a setting is the name of a column: text, or a whole number."""
    if not isinstance(value, (str, int, np.integer)) or isinstance(value, bool):
        raise SettingError(f"{name} is the name of a column, text or a whole number; {shown(value)} is not.")


def flag(name: str, value: object) -> bool:
    """Return a setting that is either true or false; NumPy's truth values are, 0 and 1 are not.

    Raises
    ------
    SettingError
        If it is neither.
    """
    if isinstance(value, bool | np.bool_):
        return bool(value)
    raise SettingError(f"{name} is True or False; {name}={shown(value)} is not.")


def callback(name: str, value: object) -> None:
    """Raise a ``SettingError`` unless a setting is a function or ``None``."""
    if value is not None and not callable(value):
        raise SettingError(f"{name} is a function that is called as work goes on, or None; {shown(value)} is not.")


def numbers(name: str, values: object) -> NDArray[np.float64]:
    """Return a number, or an array of numbers of any shape, as floats; text and truth values are no numbers.

    Raises
    ------
    SettingError
        If something among them is no number, or their shape is ragged.

    Examples
    --------
    >>> numbers("ages", [3, 4.5])
    array([3. , 4.5])
    """
    try:
        found = np.asarray(values)
        if found.dtype == object and all(isinstance(each, Real | Decimal) for each in found.ravel()):
            found = found.astype(float)
    except (TypeError, ValueError, OverflowError):
        found = np.empty(0, dtype=object)
    if found.dtype.kind not in "iuf":
        raise SettingError(f"{name} is a number, or an array of numbers; {shown(values)} is not.")
    return found.astype(float)


def positions(name: str, values: object) -> NDArray[np.intp]:
    """Return positions from 0 up, ``(n,)``.

    Raises
    ------
    SettingError
        If they are not whole numbers from 0 up, in one list.
    """
    try:
        found = np.asarray(values)
    except ValueError:  # a ragged list
        found = np.empty(0)
    if found.ndim != 1 or found.dtype.kind not in "iu" or found.min(initial=0) < 0:
        raise SettingError(f"{name} are positions, whole numbers from 0 up; {shown(values)} are not.")
    return found.astype(np.intp)


def rows(name: str, value: object, size: int) -> "slice | NDArray[Any]":
    """Return a choice among so many rows: a slice, a mask of them, or positions.

    Raises
    ------
    SettingError
        If it is none of these, or goes beyond the rows.
    """
    try:
        if isinstance(value, slice):
            value.indices(size)
            return value
        chosen = np.asarray(value)
        if chosen.ndim == 1 and not chosen.size:
            return np.empty(0, dtype=np.intp)
        mask = chosen.dtype == bool and chosen.shape == (size,)
        if mask or (chosen.ndim == 1 and chosen.dtype.kind in "iu" and -size <= chosen.min() <= chosen.max() < size):
            return chosen
    except (TypeError, ValueError):  # no whole numbers in a slice, or a ragged list
        pass
    raise SettingError(f"{name} are a slice, a mask or positions of {size:,} rows; {shown(value)} is not.")


def shown(value: object) -> str:
    """Return what a value looks like in one line of an error message: short, and whatever it is."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 -- whatever a class of somebody else's raises
        text = "\n"
    if "\n" in text:
        return f"a value of type {type(value).__name__}"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def real(value: object) -> float:
    """Return a real number as a float; NaN for what is none, such as ``True``, or is beyond the largest float."""
    try:
        return float(value) if isinstance(value, Real | Decimal) and not isinstance(value, bool) else math.nan
    except (OverflowError, ValueError):  # a signalling NaN is a ValueError
        return math.nan
