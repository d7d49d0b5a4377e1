"""What a cell may hold: which texts stand for a missing value, and which values no column can have."""

from collections import Counter
from datetime import date
from decimal import Decimal
from numbers import Number
from types import NoneType
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvmodels.errors import DataError, examples

# As programs write a missing value where they can only write text; compared without white space and case.
NULL_TEXTS = frozenset({"", "null", "nan", "nat", "none", "<na>"})

# As people and R write it. In an id, NA may be a name.
NOT_AVAILABLE = frozenset({"na", "n/a", "#n/a"})

_PLAIN = (str, bytes, Number, np.generic, date, UUID, NoneType, type(pd.NA))
_FLOAT_BITS = 1024  # an integer of more bits is beyond the largest float


def null_texts(texts: "pd.Series[Any]", *, also_not_available: bool = False) -> NDArray[np.bool_]:
    """Return which texts of a customer, date or amount column stand for a missing value.

    Blank text does, and null, NaN, NaT, None or <NA>, which is how programs write a missing value; NA and N/A do in
    dates and amounts, which have no such names. In columns that describe customers every text is kept.

    Examples
    --------
    >>> texts = pd.Series([" NULL ", "NA"])
    >>> null_texts(texts), null_texts(texts, also_not_available=True)
    (array([ True, False]), array([ True,  True]))
    """
    words = NULL_TEXTS | NOT_AVAILABLE if also_not_available else NULL_TEXTS
    found: NDArray[np.bool_] = texts.str.strip().str.lower().isin(words).to_numpy(dtype=bool)
    return found


def plain_cells(values: "pd.Series[Any]", name: str) -> "pd.Series[Any]":
    """Return a column with ``None`` for every kind of missing value where it holds objects.

    Raises
    ------
    DataError
        If a cell is no single value, such as a list, or none that can be computed with: a complex number, a signalling
        NaN, a whole number beyond the largest float, or text that is not Unicode.
    """
    if pd.api.types.is_complex_dtype(values.dtype):
        _refuse(values, name, [True] * len(values), "complex numbers", "Use plain numbers.")
    if values.dtype != object and getattr(values.dtype, "type", None) not in {list, dict}:  # nested types of PyArrow
        return values
    kinds = Counter(map(type, values))
    wrong = {kind for kind in kinds if not issubclass(kind, _PLAIN) or issubclass(kind, complex | np.complexfloating)}
    if wrong:
        named = examples(sorted(kind.__name__ for kind in wrong))
        bad = [type(value) in wrong for value in values]
        _refuse(values, name, bad, f"values of the type {named}", "Make each cell one number, text or date.")
    if any(issubclass(kind, Decimal) for kind in kinds):
        bad = [isinstance(value, Decimal) and value.is_snan() for value in values]
        _refuse(values, name, bad, "signalling NaNs", "Write None where a value is missing.")
    if any(issubclass(kind, int) for kind in kinds):
        bad = [isinstance(value, int) and value.bit_length() > _FLOAT_BITS for value in values]
        _refuse(values, name, bad, "whole numbers beyond the largest float", "Mend them, or write ids as text.")
    if any(issubclass(kind, str) for kind in kinds):
        bad = [isinstance(value, str) and not _is_unicode(value) for value in values]
        _refuse(values, name, bad, "text that is not Unicode (lone surrogates)", "Decode the text anew.")
    return values.where(values.notna(), None)


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)


def _refuse(values: "pd.Series[Any]", name: str, bad: list[bool], what: str, advice: str) -> None:
    if any(bad):
        shown = examples((_short(value) for value, is_bad in zip(values, bad, strict=True) if is_bad), 3)
        raise DataError(f"{sum(bad):,} of {len(bad):,} rows in column {name!r} hold {what}: {shown}. {advice}")


def _short(value: object) -> str:
    if isinstance(value, int):
        return f"one of {value.bit_length():,} bits"
    text = ascii(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
