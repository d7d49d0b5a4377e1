"""Customer ids as a column holds them: whole numbers or text, never silently merged or split."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Never
from uuid import UUID

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvmodels.data.cells import null_texts, plain_cells
from clvmodels.errors import DataError, examples

Codes = NDArray[np.int64]

# From here on, neighbouring whole numbers are one and the same float: ids may already have run together.
_EXACT_FLOAT = 2.0**53

# A spreadsheet shows a number of twelve digits or more as 4.91510E+11, and writes it so: six digits are left.
_SPREADSHEET = re.compile(r"[1-9](?:[.,][0-9]+[eE]\+?|[eE]\+)[0-9]{2,3}")
_LONG = 10**11
_DIGITS_LEFT = 6
_ROUNDED_IDS = 2  # one round number may be a real id


def read_ids(values: "pd.Series[Any]", name: str) -> tuple[Codes, NDArray[Any]]:
    """Return each row's customer as a number, -1 where the id is missing, and the sorted distinct ids.

    Missing is also blank text, and null, NaN, NaT, None or <NA> as programs write them; NA is an id. Whole numbers stay
    numbers, also when missing values have turned them into floats; text and UTF-8 bytes are text, kept letter by
    letter. What could silently merge or split customers is refused: fractional ids, a column that mixes numbers and
    text, ids that a spreadsheet has rounded, and texts that differ only by surrounding white space, by ".0" at their
    end or by their Unicode form.

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
    values = plain_cells(values, name)
    raw, distinct = pd.factorize(values)
    ids = _plain_ids(np.asarray(distinct), values, name)
    kept = np.flatnonzero(~null_texts(pd.Series(ids))) if ids.dtype == object else np.arange(len(ids))
    order = kept[np.argsort(ids[kept], kind="stable")]
    rank = np.full(len(ids) + 1, -1, dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank[raw], ids[order]


def _plain_ids(distinct: NDArray[Any], values: "pd.Series[Any]", name: str) -> NDArray[Any]:
    # The kind of all values, not of the distinct ones: 1, 1.0 and True would be one of them.
    kind = pd.api.types.infer_dtype(values if values.dtype == object else distinct, skipna=True)
    if kind == "empty" or not len(distinct):
        return np.empty(0, dtype=object)
    if kind == "integer":
        limits = np.iinfo(np.int64)
        if not limits.min <= distinct.min() <= distinct.max() <= limits.max:
            raise DataError(f"Column {name!r} has ids beyond the range of 64-bit integers. Convert the column to text.")
        return _unrounded(distinct.astype(np.int64), name)
    if kind in {"floating", "decimal", "mixed-integer-float"}:
        return _whole(distinct, name)
    if kind == "bytes":
        try:
            distinct = _texts(value.decode("utf-8") for value in distinct)
        except UnicodeDecodeError as error:
            raise DataError(
                f"Column {name!r} has bytes that are not UTF-8 text: {error.object!r}. Decode it."
            ) from None
    elif all(isinstance(value, UUID) for value in distinct):
        distinct = _texts(distinct)
    elif kind != "string":
        _refuse_kinds(values.dropna(), name)
    _refuse_lookalikes(distinct, name)
    return _texts(distinct)


def _texts(values: Iterable[object]) -> NDArray[Any]:
    listed = [str(value) for value in values]
    array = np.empty(len(listed), dtype=object)
    array[:] = listed
    return array


def _whole(distinct: NDArray[Any], name: str) -> NDArray[Any]:
    numbers = distinct.astype(float)
    bad = ~np.isfinite(numbers) | (numbers != np.round(numbers)) | (np.abs(numbers) >= _EXACT_FLOAT)
    if bad.any():
        raise DataError(
            f"{bad.sum():,} of {len(bad):,} customer ids in column {name!r} are not whole numbers that a float holds "
            f"exactly: {examples(numbers[bad].tolist())}. Read the column as text or as integers."
        )
    return _unrounded(numbers.astype(np.int64), name)


def _unrounded(numbers: NDArray[np.int64], name: str) -> NDArray[np.int64]:
    """Return the ids unless all of the long ones look rounded by a spreadsheet."""
    long = numbers[numbers >= _LONG]
    step = 10 ** (np.floor(np.log10(np.maximum(long, 1))).astype(np.int64) + 1 - _DIGITS_LEFT)
    if len(long) >= _ROUNDED_IDS and not (long % step).any():
        _refuse_spreadsheet(long.tolist(), len(numbers), name)
    return numbers


def _refuse_spreadsheet(found: Sequence[object], distinct: int, name: str) -> Never:
    raise DataError(
        f"{len(found):,} of {distinct:,} different customer ids in column {name!r} look as a spreadsheet writes long "
        f"numbers, rounded to a few digits ({examples(found, 3)}), so that different customers have become one. Export "
        "the ids anew: give their column the format Text before they are pasted or imported into the spreadsheet, or "
        "take the file from where the spreadsheet got it."
    )


def _refuse_kinds(values: "pd.Series[Any]", name: str) -> Never:
    kinds = Counter(type(value).__name__ for value in values)
    if len(kinds) == 1:
        raise DataError(
            f"Column {name!r} holds {next(iter(kinds))} values, not customer ids. Use whole numbers or text."
        )
    shown = ", ".join(f"{many:,} {kind}" for kind, many in kinds.items())
    raise DataError(
        f"Column {name!r} mixes types of ids ({shown}), so that 1 and '1' could be one customer or two: "
        f"{examples(map(repr, values))}. Make it one type first, for example with .astype(str) in pandas."
    )


def _refuse_lookalikes(distinct: NDArray[Any], name: str) -> None:
    if rounded := [text for text in distinct if _SPREADSHEET.fullmatch(text.strip())]:
        _refuse_spreadsheet(rounded, len(distinct), name)
    texts = set(distinct)
    floats = [text for text in distinct if text.endswith(".0") and text.removesuffix(".0") in texts]
    if floats:
        pairs = (f"{text.removesuffix('.0')!r} and {text!r}" for text in floats)
        raise DataError(
            f"Column {name!r} has customer ids that differ only by '.0' at their end, {len(floats):,} of "
            f"{len(distinct):,} ({examples(pairs, 3)}): somewhere whole numbers became floats. Write each id in one "
            "way, without '.0'."
        )
    if all(text.isascii() and text == text.strip() for text in distinct):
        return
    seen: dict[str, str] = {}
    alike = [(seen.setdefault(unicodedata.normalize("NFC", text.strip()), text), text) for text in distinct]
    different = [f"{one!a} and {other!a}" for one, other in alike if one != other and other.strip()]
    if different:
        raise DataError(
            f"Column {name!r} has customer ids that differ only by surrounding white space or by their Unicode form "
            f"({examples(different)}). Strip and normalise the ids if they are the same customers, or rename them."
        )
