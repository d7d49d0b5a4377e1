"""Logs in files: Parquet and CSV."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from clvmodels.errors import DataError

_PARQUET = {".parquet", ".pq"}
_CSV = {".csv", ".gz", ".txt", ".tsv"}


def read_log(path: "str | Path", columns: Sequence[str]) -> pd.DataFrame:
    """Return some columns of a Parquet or CSV file.

    Text in a CSV file stays text, so that ids keep their leading zeros and amounts and dates are parsed where errors
    can be explained. A CSV row with more or fewer fields than the heading is an error: an amount such as 1,234.50
    without quotes would otherwise silently become 1.

    Parameters
    ----------
    path
        Ends in .parquet, .pq, .csv, .tsv or .txt (.gz for compressed CSV), or is a folder of Parquet files.
    columns
        The columns to read.

    Raises
    ------
    DataError
        If the file cannot be read, or lacks a column.
    """
    path = Path(path)
    if not path.exists():
        raise DataError(f"{path} cannot be read: there is no such file.")
    kind = ".parquet" if path.is_dir() else path.suffix.lower()  # Spark writes a folder of Parquet files
    if kind not in _PARQUET | _CSV:
        raise DataError(f"{path} is neither Parquet (.parquet) nor CSV (.csv, .csv.gz, .tsv, .txt). Convert it first.")
    wanted = list(dict.fromkeys(columns))
    try:
        _check_columns(path, _columns(path), wanted)
        if kind in _PARQUET:
            table = pq.read_table(path, columns=wanted)
        else:
            types = dict.fromkeys(wanted, pa.string())
            text = csv.ConvertOptions(include_columns=wanted, column_types=types, strings_can_be_null=True)
            table = csv.read_csv(path, parse_options=_layout(path), convert_options=text)
    except DataError:
        raise
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {str(error).rstrip('.')}.") from error
    # A column that pandas wrote as an index is a column here.
    return pd.DataFrame(table.to_pandas(ignore_metadata=True))


def _check_columns(path: Path, known: Sequence[str], wanted: Sequence[str]) -> None:
    if missing := [name for name in wanted if name not in known]:
        other = " Are its fields separated by commas?" if len(known) == 1 and ";" in known[0] else ""
        raise DataError(f"{path} has no column {', '.join(map(repr, missing))}. It has: {', '.join(known)}.{other}")
    if twice := [name for name in wanted if Counter(known)[name] > 1]:
        raise DataError(f"{path} has more than one column {', '.join(map(repr, twice))}. Rename them.")


def _columns(path: Path) -> list[str]:
    if path.is_dir() or path.suffix.lower() in _PARQUET:
        names = list(pq.ParquetDataset(path).schema.names) if path.is_dir() else list(pq.read_schema(path).names)
        if not names:
            raise DataError(f"{path} cannot be read: it holds no Parquet file.")
        return names
    with csv.open_csv(path, parse_options=_layout(path)) as reader:
        return list(reader.schema.names)


def _layout(path: Path) -> csv.ParseOptions:
    tabs = ".tsv" in map(str.lower, path.suffixes)
    return csv.ParseOptions(delimiter="\t" if tabs else ",", newlines_in_values=True)
