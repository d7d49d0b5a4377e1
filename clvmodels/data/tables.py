"""Columns of a dataframe of any library as NumPy arrays.

Narwhals selects the columns, lazily where the frame is lazy, so that only what is needed is ever loaded.
"""

import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from narwhals.exceptions import DuplicateError
from narwhals.stable.v2.typing import IntoFrame
from numpy.typing import NDArray

from clvmodels import checked
from clvmodels.data.cells import plain_cells
from clvmodels.data.ids import read_ids
from clvmodels.errors import DataError, SettingError, cause, examples

Bools = NDArray[np.bool_]
Codes = NDArray[np.int64]
Floats = NDArray[np.float64]


# --- columns ---------------------------------------------------------------------------------------------------------


def read_columns(frame: IntoFrame, names: Sequence[str], optional: Sequence[str] = ()) -> "dict[str, pd.Series[Any]]":
    """Return some columns of a dataframe of any library by name; the frame's own index plays no part.

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
        If this is not a dataframe, a column is missing, or two have the same name.
    """
    table = _table(frame)
    present = _names(table)
    for name in names:
        if name not in present:
            columns = f"The columns are: {examples(map(repr, present), 20)}."
            raise DataError(f"There is no column {name!r}.{_index_hint(frame)}{closest(name, present)} {columns}")
    _refuse_twice(present)
    wanted = [*names, *(name for name in optional if name in present)]
    if isinstance(frame, pd.DataFrame):  # whose names need not be text
        return {name: frame[name].reset_index(drop=True) for name in wanted}
    chosen = table.select(*wanted)
    try:
        loaded = chosen.collect() if isinstance(chosen, nw.LazyFrame) else chosen
    except Exception as error:  # whatever runs the query has errors of its own
        raise _failed_query(error) from error
    return {name: _column(loaded.get_column(name)) for name in loaded.columns}


def closest(name: object, present: Sequence[object]) -> str:
    """Return a question that names the column whose name is like this one, case aside; empty where none is.

    Examples
    --------
    >>> closest("customer_id", ["CUSTOMER_ID", "Date"])
    " Did you mean 'CUSTOMER_ID'?"
    """
    plain = {str(other).strip().casefold(): other for other in present}
    found = get_close_matches(str(name).strip().casefold(), list(plain), n=1)
    return f" Did you mean {plain[found[0]]!r}?" if found else ""


def _index_hint(frame: object) -> str:
    if not isinstance(frame, pd.DataFrame) or isinstance(frame.index, pd.RangeIndex):
        return ""
    return " The frame's index is no column: pass frame.reset_index() if it holds these values."


def column_names(frame: IntoFrame) -> list[str]:
    """Return the names of the columns of a dataframe of any library."""
    return _names(_table(frame))


def _names(table: "nw.DataFrame[Any] | nw.LazyFrame[Any]") -> list[str]:
    # The schema of a lazy frame would be cheaper, but it is a mapping, and would hide a name that two columns have.
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
        kind = "None" if frame is None else f"a {type(frame).__name__}"
        raise DataError(
            f"A dataframe is needed (pandas, Polars, PyArrow, DuckDB, ...), and this is {kind}. "
            "Read files first, for example with pandas.read_csv or pandas.read_parquet."
        ) from None
    except DuplicateError as error:
        raise DataError(f"Column names stand there more than once. Rename them. {error}") from None
    except Exception as error:  # a lazy frame may fail when it is asked for its columns
        raise _failed_query(error) from error
    return table


def _failed_query(error: Exception) -> DataError:
    return DataError(f"The query behind this frame fails when it is run: {cause(error)} Mend it first.")


def _refuse_twice(present: Sequence[object]) -> None:
    twice = [name for name, count in Counter(present).items() if count > 1]
    if twice:
        raise DataError(f"These column names stand there more than once: {examples(map(repr, twice))}. Rename them.")


def _column(series: "nw.Series[Any]") -> "pd.Series[Any]":
    try:
        return _to_pandas(series)
    except Exception as error:  # every library has types of its own that pandas cannot hold, and errors about them
        raise DataError(
            f"Column {series.name!r}, of the type {series.dtype}, cannot be read: {cause(error)} Convert it first, for "
            "example to 64-bit integers, floats, text or dates."
        ) from error


def _to_pandas(series: "nw.Series[Any]") -> "pd.Series[Any]":
    zone = series.dtype.time_zone if isinstance(series.dtype, nw.Datetime) else None
    if zone and not series.implementation.is_pandas():
        # Not every library's way to pandas keeps the zone, so the instants travel in UTC and the zone beside them.
        instants = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None).to_pandas()
        zoned: pd.Series[Any] = instants.dt.tz_localize("UTC").dt.tz_convert(zone)
        return zoned
    column: pd.Series[Any] = series.to_pandas().reset_index(drop=True)
    return column


# --- attributes and ids ----------------------------------------------------------------------------------------------


def read_attribute(values: "pd.Series[Any]", codes: Codes, ids: NDArray[Any], name: str) -> NDArray[Any]:
    """Return a column that describes customers as one value a customer, shape ``(customers,)``.

    Rows with code -1 are left out.

    Raises
    ------
    DataError
        If the column changes within a customer: how many customers, and an example.
    """
    values = plain_cells(values, name)
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


def refuse_missing(name: str, bad: Bools, advice: str = "Mend or leave out these rows.") -> None:
    """Raise a ``DataError`` if a column has missing values: how many, in which rows, and what to do."""
    if bad.any():
        raise DataError(
            f"{bad.sum():,} of {len(bad):,} rows have no usable value in column {name!r} (row numbers, from 0: "
            f"{examples(np.flatnonzero(bad).tolist())}). {advice}"
        )


def listed(name: str, values: object) -> NDArray[Any]:
    """Return a list or an array with one value a row as an array, numbers and text kept apart.

    Raises
    ------
    SettingError
        If it is neither, or has several columns.
    """
    shape = ""
    if isinstance(values, Iterable) and not isinstance(values, str | bytes | Mapping | pd.DataFrame):
        several = values if isinstance(values, np.ndarray | pd.Series) else pd.Series([*values])
        shape = f" of shape {several.shape}"
        if several.ndim == 1:
            return np.asarray(several, dtype=object if pd.api.types.is_string_dtype(several.dtype) else None)
    raise SettingError(f"{name} is a list or an array with one value each, and this is {checked.shown(values)}{shape}.")


def find_ids(customer_ids: Iterable[object], ids: NDArray[Any]) -> Codes:
    """Return the position of each given id among those of a log, -1 where it is not there.

    Raises
    ------
    DataError
        If an id is missing, or the given ids are text and the log's are numbers, or the other way round.
    """
    given = pd.Series(listed("customer_ids", customer_ids))
    try:
        codes, wanted = read_ids(given, "customer_ids")
    except TypeError as error:  # lists and the like have no hash
        raise DataError(f"customer_ids are whole numbers or text, and some of these are neither: {error}.") from error
    refuse_missing("customer_ids", codes < 0)
    if len(wanted) and (wanted.dtype == object) != (ids.dtype == object):
        raise DataError(
            f"The log's customer ids are like {ids[:1].tolist()[0]!r}, and these are like {wanted.tolist()[0]!r}: text "
            "and numbers never match. Convert them to the type of the log's."
        )
    found: Codes = pd.Index(ids).get_indexer(pd.Index(wanted)).astype(np.int64)
    return found[codes]
