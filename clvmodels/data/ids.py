"""Customer ids as a column holds them: whole numbers or text, never silently merged or split."""

import unicodedata
from collections import Counter
from collections.abc import Iterable
from typing import Any, Never
from uuid import UUID

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvmodels.errors import DataError, examples

Codes = NDArray[np.int64]

# Beyond this, neighbouring whole numbers are one and the same float: ids may already have run together.
_EXACT_FLOAT = 2.0**53


def read_ids(values: "pd.Series[Any]", name: str) -> tuple[Codes, NDArray[Any]]:
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
    ids = _plain_ids(np.asarray(distinct), values, name)
    blank = np.array([isinstance(text, str) and not text.strip() for text in ids], dtype=bool)
    kept = np.flatnonzero(~blank)
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
        return distinct.astype(np.int64)
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
    bad = ~np.isfinite(numbers) | (numbers != np.round(numbers)) | (np.abs(numbers) > _EXACT_FLOAT)
    if bad.any():
        raise DataError(
            f"{bad.sum():,} of {len(bad):,} customer ids in column {name!r} are not whole numbers that a float holds "
            f"exactly: {examples(numbers[bad].tolist())}. Read the column as text or as integers."
        )
    return numbers.astype(np.int64)


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
