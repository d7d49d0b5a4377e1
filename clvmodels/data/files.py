"""Logs in files: Parquet and CSV."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from clvmodels.errors import DataError

_PARQUET = {".parquet", ".pq"}
_CSV = {".csv", ".gz", ".txt", ".tsv"}


def read_log(path: "str | Path", columns: Sequence[str]) -> pd.DataFrame:
    """Read some columns of a Parquet or CSV file.

    Text in a CSV file stays text, so that ids keep their leading zeros and amounts and dates are parsed where errors
    can be explained.

    Parameters
    ----------
    path
        Ends in .parquet, .pq, .csv, .tsv or .txt (.gz for compressed CSV).
    columns
        The columns to read.

    Raises
    ------
    DataError
        If the file cannot be read, or lacks a column.
    """
    path = Path(path)
    if path.suffix not in _PARQUET | _CSV:
        raise DataError(f"{path} is neither Parquet (.parquet) nor CSV (.csv, .csv.gz, .tsv, .txt). Convert it first.")
    try:
        known = _columns(path)
        if missing := [name for name in columns if name not in known]:
            raise DataError(f"{path} has no column {', '.join(map(repr, missing))}. It has: {', '.join(known)}.")
        if path.suffix in _PARQUET:
            return pd.read_parquet(path, columns=list(columns))
        return pd.read_csv(path, usecols=list(columns), sep=_separator(path), dtype="string", keep_default_na=True)
    except (OSError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path} cannot be read: {error}.") from error


def _columns(path: Path) -> list[str]:
    if path.suffix in _PARQUET:
        return list(pq.read_schema(path).names)
    return list(pd.read_csv(path, nrows=0, sep=_separator(path)).columns)


def _separator(path: Path) -> str:
    return "\t" if ".tsv" in path.suffixes else ","
