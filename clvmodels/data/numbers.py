"""Numbers as a column holds them: numbers, or text with a decimal point or comma and thousands apart."""

import math
import re
from dataclasses import dataclass
from itertools import product
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvmodels.data.cells import null_texts, plain_cells
from clvmodels.errors import DataError, SettingError, examples

Floats = NDArray[np.float64]

DECIMALS = (".", ",")
THOUSANDS = ("", ".", ",", " ", "'")

LARGEST_MONEY = 1e13  # neighbouring floats are a fifth of a cent apart

_SPACES = "[ \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}]"
_ADVICE = (
    "Write them like 1234.50, without currency signs or separators; in a file, decimal=',' says that they are like "
    "1234,50, and thousands=',' that they are like 1,234.50."
)


@dataclass(frozen=True)
class Writing:
    """How numbers are written as text: the decimal sign, and what stands between thousands.

    Examples
    --------
    >>> Writing(",", ".").read(pd.Series(["1.234,50", "7", "1,5"])).tolist()
    [1234.5, 7.0, 1.5]
    """

    decimal: str = "."
    thousands: str = ""

    def __post_init__(self) -> None:
        if self.decimal == self.thousands:
            raise SettingError(f"decimal and thousands are both {self.decimal!r}. Name two different signs.")

    def read(self, texts: "pd.Series[Any]") -> Floats:
        """Return texts as numbers, NaN where one is not written in this way."""
        point, apart = re.escape(self.decimal), _SPACES if self.thousands == " " else re.escape(self.thousands)
        whole = f"(?:[1-9][0-9]{{0,2}}(?:{apart}[0-9]{{3}})+|[0-9]+)" if apart else "[0-9]+"
        fits = texts.str.fullmatch(rf"[+-]?(?:{whole}(?:{point}[0-9]*)?|{point}[0-9]+)(?:[eE][+-]?[0-9]+)?")
        plain = (texts.str.replace(apart, "", regex=True) if apart else texts).str.replace(
            self.decimal, ".", regex=False
        )
        return pd.to_numeric(plain.where(fits.astype(bool)), errors="coerce").to_numpy(dtype=float, na_value=math.nan)

    @property
    def unusual(self) -> tuple[str, ...]:
        """What is not as in 1234.50, for a report."""
        signs = {"decimal": self.decimal, "thousands": self.thousands}
        return tuple(f"{name}={sign!r}" for name, sign in signs.items() if sign != getattr(Writing, name))

    def __str__(self) -> str:
        return ", ".join(self.unusual) or f"decimal={self.decimal!r}"

    @classmethod
    def found(cls, values: "pd.Series[Any]", name: str, decimal: str | None, thousands: str | None) -> Self:
        """Return the one way in which all texts of a column can be read, of those that the settings leave open.

        Raises
        ------
        DataError
            If several ways fit and give different numbers. The plain way is returned where none fits.
        SettingError
            If both settings are the same sign.
        """
        texts = _texts(pd.Series(values.unique()))
        texts = texts[~null_texts(texts, also_not_available=True)]
        seen = [
            sign
            for sign in THOUSANDS
            if not sign or texts.str.contains(_SPACES if sign == " " else re.escape(sign)).any()
        ]
        signs = product(DECIMALS if decimal is None else [decimal], seen if thousands is None else [thousands])
        ways = [cls(*pair) for pair in signs if pair[0] != pair[1] or None not in {decimal, thousands}]
        readings = {way: way.read(texts) for way in ways}
        fitting = {way: numbers for way, numbers in readings.items() if not np.isnan(numbers).any()}
        best = next(iter(fitting), ways[0])
        for way, numbers in fitting.items():
            if (differ := numbers != fitting[best]).any():
                one, other = (f"{fitting[each][differ][0]:g} with {each}" for each in (best, way))
                raise DataError(
                    f"Numbers in column {name!r} can be read in two ways: {texts[differ].iloc[0]!r} is {one} and "
                    f"{other}. Pass decimal= or thousands= to say which."
                )
        return best


def read_numbers(values: "pd.Series[Any]", name: str, writing: Writing | None = None) -> Floats:
    """Return a column as floats, NaN where a value is missing; text is parsed.

    Parameters
    ----------
    writing
        How numbers in text are written; like 1234.50 by default.

    Raises
    ------
    DataError
        If a value is not a number: how many are not, and which.
    """
    values = plain_cells(values, name)
    dtype, types = values.dtype, pd.api.types
    if types.is_bool_dtype(dtype) or not (is_text(values) or types.is_numeric_dtype(dtype)):
        kind = types.infer_dtype(values, skipna=True)
        raise DataError(f"Column {name!r} must hold numbers, and holds {kind} values: {examples(values.dropna())}.")
    if not is_text(values):
        return values.to_numpy(dtype=float, na_value=math.nan)
    raw, distinct = pd.factorize(values)
    things = pd.Series(np.asarray(distinct) if isinstance(values.dtype, pd.CategoricalDtype) else distinct)
    texts = _texts(things)
    others = things.drop(texts.index)
    numbers = pd.Series(math.nan, index=things.index)
    numbers[texts.index] = (writing or Writing()).read(texts)
    numbers[others.index] = pd.to_numeric(others, errors="coerce").astype(float)
    bad = numbers.isna().to_numpy(copy=True)
    bad[texts.index[null_texts(texts, also_not_available=True)]] = False
    bad[others.index] |= others.map(lambda other: isinstance(other, bool)).to_numpy(dtype=bool)
    if bad.any():
        rows = np.isin(raw, np.flatnonzero(bad)).sum()
        raise DataError(
            f"{rows:,} of {len(values):,} values in column {name!r} are not numbers: "
            f"{examples(map(repr, things[bad]))}. {_ADVICE}"
        )
    return np.append(numbers.to_numpy(), math.nan)[raw]


def read_money(values: "pd.Series[Any]", name: str) -> Floats:
    """Return a column of money as floats, NaN where a value is missing.

    Raises
    ------
    DataError
        If a value is not a number, or one is so large that floats do not hold sums to the cent.
    """
    money = read_numbers(values, name)
    if (bad := np.isfinite(money) & (np.abs(money) > LARGEST_MONEY)).any():
        raise DataError(
            f"{bad.sum():,} of {len(bad):,} values in column {name!r} are beyond {LARGEST_MONEY:g} "
            f"({examples(money[bad].tolist(), 3)}), where floats lose cents. Mend them, or count in a larger unit of "
            "money, such as thousands."
        )
    return money


def is_text(values: "pd.Series[Any]") -> bool:
    """Return whether a column holds text, or objects that may be text."""
    return isinstance(values.dtype, pd.CategoricalDtype) or pd.api.types.is_string_dtype(values.dtype)


def _texts(things: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return those of some things that are text, without white space around, at their places."""
    words = things[[isinstance(thing, str) for thing in things]] if things.dtype == object else things
    return words.astype("str").str.strip()
