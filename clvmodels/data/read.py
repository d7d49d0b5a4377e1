"""Logs in files: Parquet, CSV and spreadsheets."""

import csv as csv_text
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date as Date  # noqa: N812 -- `date` is the name of a parameter that users write
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
from pyarrow import csv

from clvmodels import checked
from clvmodels.data.dialect import Dialect
from clvmodels.data.numbers import DECIMALS, THOUSANDS, Writing, is_text, read_numbers
from clvmodels.data.rules import Nulls, Returns, ZeroAmounts
from clvmodels.data.tables import closest
from clvmodels.data.transactions import Transactions
from clvmodels.errors import CLVError, DataError, SettingError, cause, examples
from clvmodels.units import Duration

_PARQUET = {".parquet", ".pq"}
_CSV = {".csv", ".gz", ".txt", ".tsv"}
_SHEETS = {".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"}
_NOT_UTF_8 = "Its text is not UTF-8: say what it is, for example with encoding='latin-1' or encoding='cp1252'."
_SETTINGS = (
    "Say how the file is written with separator=, such as separator=';', and with encoding=; an amount that holds a "
    "separator needs quotes."
)


def read(
    path: "str | Path",
    customer: str,
    date: str,
    amount: str | None = None,
    *,
    separator: str | None = None,
    decimal: str | None = None,
    thousands: str | None = None,
    encoding: str | None = None,
    numbers: Sequence[str] = (),
    columns: Sequence[str] = (),
    time_zone: str | ZoneInfo | None = None,
    date_format: str | None = None,
    nulls: Nulls = "refuse",
    zero_amounts: ZeroAmounts = "purchase",
    returns: Returns = "net",
    acquired_since: "Date | str | None" = None,
    period: "str | timedelta | Duration" = "1 day",
    observed_until: "Date | str | None" = None,
) -> Transactions:
    r"""Return the log of purchases in a file.

    Parameters
    ----------
    path
        A Parquet file (.parquet, .pq), a folder of them as Spark writes it, a CSV file (.csv, .tsv, .txt, and .gz for
        compressed ones), or the first sheet of a spreadsheet (.xlsx, .xls, .ods; needs the extra ``excel``).
    customer, date, amount
        Columns, as in ``Transactions``.
    separator
        What stands between the fields of a CSV file: one character. By default the one of comma, semicolon, bar and
        tab at which the heading falls into the columns that are named here.
    decimal, thousands
        How numbers in text are written: a decimal "." or ","; and between thousands nothing (""), ".", ",", " " or "'".
        By default the one way that fits all of a column's numbers; where two ways fit and differ, as in 1,234 alone,
        an error.
    encoding
        Of a CSV file, such as "latin-1"; UTF-8 by default, or UTF-16 where the file starts with a byte order mark.
    numbers
        Columns, as ``columns``, that hold numbers, such as a margin.
    columns, time_zone, date_format, nulls, zero_amounts, returns, acquired_since, period, observed_until
        As in ``Transactions``.

    Raises
    ------
    DataError
        If the file cannot be read, lacks a column, can be read in two ways, or ``Transactions`` refuses what is in it.
    SettingError
        If an argument is out of its range.

    Notes
    -----
    Text in a CSV file stays text, so that ids keep their leading zeros and a region NA its name: only an empty field is
    missing, and in the customer, date and amount columns what ``Transactions`` takes for it. Lines at the top that
    start with # are comments. A row with more or fewer fields than the heading is an error. What was found out about
    the file and is unusual stands in the cleaning report.

    Examples
    --------
    >>> path = Path(getfixture("tmp_path")) / "orders.csv"
    >>> _ = path.write_text("who;day;paid\nann;2024-01-01;20,50\nbob;2024-01-02;7\n", encoding="utf-8")
    >>> log = read(path, customer="who", date="day", amount="paid")
    >>> log.frame()["amount"].tolist()
    [20.5, 7.0]
    >>> log.cleaning.notes[0].sentence
    "Read with separator=';', decimal=','."
    """
    path = checked.path("path", path)
    for role, name in {"customer": customer, "date": date, "amount": "" if amount is None else amount}.items():
        checked.instance(role, name, str, "Name a column of the file.")
    for role, names in {"numbers": numbers, "columns": columns}.items():
        if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
            raise SettingError(f"{role} = {checked.shown(names)} must be a list of names, such as ['margin'].")
    for role, sign, known in (("decimal", decimal, DECIMALS), ("thousands", thousands, THOUSANDS)):
        if sign is not None:
            checked.one_of(role, sign, known)
    money = [] if amount is None else [amount]
    table, seen = _load(path, list(dict.fromkeys([customer, date, *money, *numbers, *columns])), separator, encoding)
    for name in [*money, *numbers]:
        if is_text(table[name]):
            writing = Writing.found(table[name], name, decimal, thousands)
            table[name] = read_numbers(table[name], name, writing)
            seen |= dict.fromkeys(writing.unusual)
    log = Transactions(
        table,
        customer,
        date,
        amount,
        time_zone=time_zone,
        date_format=date_format,
        nulls=nulls,
        zero_amounts=zero_amounts,
        returns=returns,
        acquired_since=acquired_since,
        period=period,
        columns=[*numbers, *columns],
        observed_until=observed_until,
    )
    return log.noted("file", f"Read with {', '.join(seen)}.") if seen else log


def _load(
    path: Path, wanted: Sequence[str], separator: str | None, encoding: str | None
) -> tuple[pd.DataFrame, dict[str, None]]:
    """Return columns of a file, and what is unusual about how it is written."""
    kind = ".parquet" if path.is_dir() else path.suffix.lower()  # Spark writes a folder of Parquet files
    if kind in _CSV:
        return _load_csv(path, wanted, separator, encoding)
    if kind in _PARQUET:
        return _load_parquet(path, wanted), {}
    if kind in _SHEETS:
        return _load_sheet(path, wanted), {}
    raise DataError(
        f"{path} is neither Parquet (.parquet) nor CSV (.csv, .csv.gz, .tsv, .txt) nor a spreadsheet (.xlsx, .xls, "
        ".ods). Convert it first."
    )


def _load_csv(
    path: Path, wanted: Sequence[str], separator: str | None, encoding: str | None
) -> tuple[pd.DataFrame, dict[str, None]]:
    with _explained(path):
        dialect = Dialect.of(path, wanted, separator, encoding)
        _check_columns(path, dialect.heading, wanted)
        table = csv.read_csv(
            path,
            read_options=csv.ReadOptions(encoding=dialect.encoding, skip_rows=dialect.skipped),
            parse_options=csv.ParseOptions(delimiter=dialect.separator, newlines_in_values=True),
            convert_options=csv.ConvertOptions(
                include_columns=wanted,
                column_types=dict.fromkeys(wanted, pa.string()),
                strings_can_be_null=True,
                null_values=[""],
            ),
        )
    return table.to_pandas(), dict.fromkeys(dialect.unusual)


def _load_parquet(path: Path, wanted: Sequence[str]) -> pd.DataFrame:
    files = [path]
    if path.is_dir():  # where others leave files beside: _SUCCESS, checksums, notes
        inner = sorted(file for file in path.rglob("*") if file.suffix.lower() in _PARQUET and file.is_file())
        files = [file for file in inner if not any(part[0] in "._" for part in file.relative_to(path).parts)]
        if not files:
            raise DataError(f"{path} cannot be read: it holds no Parquet file.")
    with _explained(path):
        folders = (folder for file in files for folder in file.relative_to(path).parts[:-1])
        keys = dict.fromkeys(folder.partition("=")[0] for folder in folders if "=" in folder)
        data = ds.dataset(
            list(map(str, files)),
            format="parquet",
            partitioning=ds.partitioning(pa.schema([(key, pa.string()) for key in keys]), flavor="hive"),
            partition_base_dir=str(path),
        )
        _check_columns(path, data.schema.names, wanted)
        # A column that pandas wrote as an index is a column here.
        return pd.DataFrame(data.to_table(columns=wanted).to_pandas(ignore_metadata=True))


def _load_sheet(path: Path, wanted: Sequence[str]) -> pd.DataFrame:
    try:
        from python_calamine import CalamineError, CalamineWorkbook
    except ImportError:
        raise DataError(
            f"{path} is a spreadsheet, which needs the package python-calamine: install the extra clvmodels[excel], or "
            "save the sheet as CSV."
        ) from None
    try:
        rows = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
    except (CalamineError, OSError) as error:
        raise DataError(f"{path} cannot be read: {cause(error)} Save the sheet as CSV.") from error
    heading, *body = rows or [[]]
    _check_columns(path, list(map(str, heading)), wanted)
    table = pd.DataFrame(body, columns=list(map(str, heading)), dtype=object)[list(wanted)]
    return table.mask(table == "").infer_objects()


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Let what fails within be a ``DataError`` that says which file, why, and what to set."""
    try:
        yield
    except CLVError:
        raise
    except FileNotFoundError:
        raise DataError(f"{path} cannot be read: there is no such file.") from None
    except (OSError, EOFError, ValueError, csv_text.Error) as error:
        advice = ""
        if path.suffix.lower() in _CSV and not isinstance(error, OSError | EOFError):
            advice = _NOT_UTF_8 if isinstance(error, UnicodeError) or "UTF8" in str(error) else _SETTINGS
        raise DataError(f"{path} cannot be read: {cause(error)} {advice}".rstrip()) from error


def _check_columns(path: Path, known: Sequence[str], wanted: Sequence[str]) -> None:
    if missing := [name for name in wanted if name not in known]:
        advice = ""
        if len(known) == 1:
            advice = (
                " If this is more than one, say with separator= what stands between its fields; if it comes before the "
                "names of the columns, leave it out."
            )
        raise DataError(
            f"{path} has no column {', '.join(map(repr, missing))}.{closest(missing[0], known)} It has: "
            f"{examples(known, 20)}.{advice}"
        )
    if twice := [name for name in wanted if Counter(known)[name] > 1]:
        raise DataError(f"{path} has more than one column {', '.join(map(repr, twice))}. Rename them.")
