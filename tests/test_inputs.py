"""Hundreds of inputs, good, odd and hostile, and the kind of outcome that each has.

==================================  ===========================================================================
input                               outcome
==================================  ===========================================================================
a CSV dialect, any dataframe,       the same purchases as of the plain table
other types of the same values
blank, null, NaN, NaT, None, <NA>   as customer, date or amount: refused, or dropped with ``nulls="drop"``
NA, N/A                             likewise as date or amount; as a customer, a customer
any of these as a label             kept as text; only an empty field of a CSV file is missing
a cell that is no single value      refused: which column, how many rows, an example, and what to do
a date or number in another style   read where only one reading is possible; else refused, and the setting is named
an encoding that is not said        refused, and ``encoding=`` is named
ids that may have run together      refused
=================================================================================================================

No outcome is an error of another library, and no message speaks of one.
"""

import decimal
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from itertools import product
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import clvmodels as clv
from clvmodels.errors import CLVError, DataError, SettingError

ROLES = ("who", "when", "paid")
BASE = pd.DataFrame(
    {
        "who": ["007", "007", "08", "08", "x9", "x9"],
        "when": ["2024-01-03", "2024-02-10", "2024-01-09", "2024-03-25", "2024-02-02", "2024-04-11"],
        "paid": [1234.5, 20.25, 3.0, 0.5, 7.75, 1000.0],
        "region": ["north", "north", "NA", "NA", "null", "null"],
    }
)
N = len(BASE)


@dataclass(frozen=True)
class Input:
    """An input by its name: what makes a log of it, and the error that it ends in, if any, with what that says."""

    name: str
    make: Callable[[Path], clv.Transactions]
    error: type[CLVError] | None = None
    says: str = ""
    answer: pd.DataFrame | None = None  # the purchases; by default those of the plain table


def log_of(frame: Any, **options: Any) -> clv.Transactions:
    return clv.Transactions(frame, *ROLES, columns=["region"], **options)


def framed(name, change, error=None, says="", answer=None, **options) -> Input:
    """An input that is a changed table."""
    return Input(name, lambda _: log_of(change(BASE.copy()), **options), error, says, answer)


def filed(name, content, error=None, says="", answer=None, **options) -> Input:
    """An input that is a CSV file."""

    def make(folder: Path) -> clv.Transactions:
        (folder / "log.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
        return clv.read(folder / "log.csv", *ROLES, columns=["region"], **options)

    return Input(name, make, error, says, answer)


def text(separator=",", end="\n", decimals=".", days="%Y-%m-%d", quoted=False, base=BASE) -> str:
    table = base.assign(when=pd.to_datetime(base["when"]).dt.strftime(days))
    table["paid"] = [f"{paid:.2f}".replace(".", decimals) for paid in table["paid"]]
    return table.to_csv(index=False, sep=separator, lineterminator=end, quoting=1 if quoted else 0)


def with_cell(column: str, cell: Any) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Return what puts a cell into the second row of a column, whatever it is."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        cells = np.array(frame[column].astype(object), dtype=object)
        cells[1] = cell
        return frame.assign(**{column: pd.Series(cells, dtype=object)})

    return change


# --- CSV dialects ----------------------------------------------------------------------------------------------------


def dialects() -> Iterator[Input]:
    ends, encodings = {"LF": "\n", "CRLF": "\r\n"}, ("utf-8", "utf-8-sig", "utf-16")
    for separator, (end, line_end), encoding, quoted in product(",;|\t", ends.items(), encodings, (False, True)):
        name = f"CSV: {separator!r} {end} {encoding}{' quoted' * quoted}"
        yield filed(name, text(separator, line_end, quoted=quoted).encode(encoding))
    for separator, decimals in product(";|\t", ",."):
        yield filed(f"CSV: {separator!r} with decimal {decimals!r}", text(separator, decimals=decimals))
    for top in ("# a comment\n", "#\n#, with, commas\n", "\n\n", "sep=;\n"):
        yield filed(f"CSV: {top!r} before the heading", top + text(";"))
    for encoding in ("latin-1", "cp1252", "cp1250", "mac-roman", "utf-16-le", "utf-16-be", "cp437"):
        named = BASE.assign(who=BASE["who"].replace("x9", "Müller"))
        answer = clv.Transactions(named, *ROLES).frame()
        content = text(base=named).encode(encoding)
        yield filed(f"CSV: {encoding} as said", content, encoding=encoding, answer=answer)
        yield filed(f"CSV: {encoding}, not said", content, DataError, "encoding=")
    for separator in ":~^ ":
        yield filed(f"CSV: {separator!r} as said", text(separator), separator=separator)
        yield filed(f"CSV: {separator!r}, not said", text(separator), DataError, "separator=")
    yield filed("CSV: a field too many", text() + "z,2024-01-01,1,234,50\n", DataError, "separator=")
    yield filed("CSV: a field too few", text() + "z,2024-01-01\n", DataError, "separator=")
    yield filed("CSV: no heading", text().split("\n", 1)[1], DataError, "has no column 'who', 'when', 'paid'")
    yield filed("CSV: upper case", text().upper(), DataError, "Did you mean 'WHO'")
    yield filed("CSV: empty", "", DataError, "no line with the names of its columns")
    yield filed("CSV: only a heading", "who,when,paid,region\n", DataError, "no row in these data")
    yield filed("CSV: zero bytes", b"\0" * 100, DataError, "encoding=")
    yield filed("CSV: total row", text() + "Total,,1409.00,\n", DataError, "1 of 7 rows have no usable date")
    yield filed("CSV: total row without a customer", text() + ",,1409.00,\n", DataError, "no usable customer id")


# --- numbers and dates as text ---------------------------------------------------------------------------------------


def styles() -> Iterator[Input]:
    amounts = {
        "1.234,50": ("1.234,50", "20,25", "3", "0,5", "7,75", "1.000"),
        "1,234.50": ("1,234.50", "20.25", "3", ".5", "7.75", "1,000"),
        "1 234,50": ("1 234,50", "20,25", "3", "0,5", "7,75", "1\u00a0000"),
        "1'234.50": ("1'234.50", "20.25", "3.", "0.5", "7.75", "1'000"),
        "1.2345e3": ("1.2345e3", "2025E-2", "+3", "5e-1", "7.75", "1e+3"),
    }
    for style, cells in amounts.items():
        yield filed(f"amounts like {style}", text(";", base=BASE.assign(paid=1.0)).replace("1.00", "{}").format(*cells))
    for style in ("$5", "5 €", "(5)", "5-", "1,23,456.0", "1.2.3", "five", "0x5", "inf", "1/2"):
        changed = with_cell("paid", style)
        yield framed(f"an amount {style}", changed, DataError, "1 of 6 values in column 'paid' are not numbers")
    for style in ("1,250", "1.250"):
        content = text(";", base=BASE.assign(paid=1.0)).replace("1.00", style)
        yield filed(f"amounts like {style} alone", content, DataError, "Pass decimal= or thousands=")
    for days in (
        "%d/%m/%Y",
        "%m/%d/%Y",
        "%d.%m.%Y",
        "%d-%b-%Y",
        "%Y%m%d",
        "%d/%m/%y",
        "%B %d %Y",
        "%d/%m/%Y %H:%M",
        "%Y-%j",
    ):
        yield filed(f"dates like {days}", text(";", days=days), date_format=days)
        if days not in {"%Y%m%d", "%Y-%j"}:  # which are ISO 8601
            yield filed(f"dates like {days}, not said", text(";", days=days), DataError, "date_format=")
    for days in ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%b-%Y", "%d/%m/%y", "%d.%m.%Y %H:%M:%S", "%d/%m/%Y %I:%M %p"):
        yield filed(f"the format {days} is named", text(days=days), DataError, f"date_format='{days}'")
    for ending in (" UTC", " +0000", "+00:00", "Z"):
        given = f"%Y-%m-%d %H:%M{' ' * ending.startswith(' ')}{'%Z' if 'U' in ending else '%z'}"
        content = text(days=f"%Y-%m-%d %H:%M{ending}")
        yield filed(f"times that end in {ending!r}", content, date_format=given)
        yield filed(f"{ending!r} that the format lacks", content, DataError, "%[zZ]", date_format="%Y-%m-%d %H:%M")
    yield filed(
        "a time that the format lacks", text(days="%Y-%m-%d %H:%M"), DataError, "time of day", date_format="%Y-%m-%d"
    )
    for wrong in ("mixed", "ISO8601", "%Y-%m", "%H:%M", "day first", ""):
        yield filed(f"date_format {wrong!r}", text(), SettingError, "how a day is written", date_format=wrong)


# --- missing values --------------------------------------------------------------------------------------------------


def missing() -> Iterator[Input]:
    rest = BASE.drop(index=1)
    answer = clv.Transactions(rest, *ROLES).frame()
    words = ("", " ", "null", "NULL", "nan", "NaN", "NaT", "None", "<NA>", "<na>")
    for word, role in product(words, ROLES):
        content = text(base=BASE.astype(object).assign(when=BASE["when"]))
        lines = content.split("\n")
        fields = lines[2].split(",")
        for quoted in (False, True):
            fields[ROLES.index(role)] = f'"{word}"' if quoted else word
            content = "\n".join([*lines[:2], ",".join(fields), *lines[3:]])
            name = f"{word!r}{' quoted' * quoted} in {role!r}"
            yield filed(f"CSV: {name}", content, DataError, f"1 of 6 rows have no usable .* in column '{role}'")
            yield filed(f"CSV: {name}, dropped", content, nulls="drop", answer=answer)
        yield framed(f"pandas: {word!r} in {role!r}", with_cell(role, word), DataError, "1 of 6 rows have no usable")
        yield framed(f"pandas: {word!r} in {role!r}, dropped", with_cell(role, word), nulls="drop", answer=answer)
    for nothing, role in product((None, np.nan, pd.NA, pd.NaT, decimal.Decimal("NaN")), ROLES):
        name = f"pandas: {nothing!r} in {role!r}"
        yield framed(name, with_cell(role, nothing), DataError, "1 of 6 rows have no usable")
        yield framed(f"{name}, dropped", with_cell(role, nothing), nulls="drop", answer=answer)
    for word in ("NA", "N/A"):
        renamed = BASE.assign(who=BASE["who"].replace("08", word))
        yield framed(f"{word} is a customer", lambda _, t=renamed: t, answer=clv.Transactions(renamed, *ROLES).frame())
        for role in ("when", "paid"):
            yield framed(f"{word} in {role}", with_cell(role, word), DataError, "1 of 6 rows have no usable")


# --- cells, types and libraries --------------------------------------------------------------------------------------


def cells() -> Iterator[Input]:
    nothing_single = {
        "a list": [1, 2],
        "an empty list": [],
        "a dict": {"a": 1},
        "a set": {1},
        "a tuple": (1, 2),
        "an array": np.arange(3),
        "a complex number": 1j,
        "a signalling NaN": decimal.Decimal("sNaN"),
        "10^400": 10**400,
        "10^5000": 10**5000,
        "a lone surrogate": "\ud800",
        "an object": object(),
        "a type": int,
        "a function": len,
        "a range": range(3),
        "a time": time(1),
        "a duration": timedelta(1),
        "a period": pd.Period("2024-01", "M"),
        "an interval": pd.Interval(0, 1),
        "a table": pd.DataFrame({"a": [1]}),
        "a regular expression": re.compile("a"),
        "a path": Path("a"),
    }
    for (name, cell), column in product(nothing_single.items(), BASE):
        yield framed(f"{name} in {column!r}", with_cell(column, cell), DataError, f"1 of 6 rows .*column '{column}'")
    for column, cell in (("who", True), ("who", 1), ("who", 1.5), ("who", date(2024, 1, 1)), ("who", b"a")):
        yield framed(f"{cell!r} among ids", with_cell(column, cell), DataError, "Column 'who' mixes types of ids")
    for cell in (datetime(2024, 1, 1), True, date(2024, 1, 1)):
        yield framed(f"{cell!r} among amounts", with_cell("paid", cell), DataError, "'paid'")
    for cell in (1, 20240101, 1.7e9, True, b"2024-01-01", decimal.Decimal(1)):
        yield framed(f"{cell!r} among dates", with_cell("when", cell), DataError, "'when'")
    for cell in (
        "0000-00-00",
        "2024-02-30",
        "2024-13-01",
        "99999-01-01",
        "2024",
        "2024-01",
        "soon",
        "2024-01-01T10:00+24:00",
    ):
        yield framed(f"{cell!r} among dates", with_cell("when", cell), DataError, f"1 of 6 rows .*{re.escape(cell)}")
    for when, says in (
        (np.array(["30000-01-01"] * N, "datetime64[s]"), "after the year 9999"),
        (np.array(["2100-01-01"] * N, "datetime64[s]"), "in the future"),
        (np.array(["1899-12-31"] * N, "datetime64[s]"), "before 1900-01-02"),
        (np.zeros(N, "datetime64[ns]"), "1970-01-01"),
        (np.arange(N), "a number is not a date"),
        (np.arange(N) * 1j, "complex"),
        (np.ones(N, bool), "a number is not a date"),
        (pd.period_range("2024-01", periods=N, freq="M"), "to_timestamp"),
        (pd.timedelta_range("1 day", periods=N), "not dates"),
    ):
        yield framed(f"{says}: {when.dtype}", lambda s, w=when: s.assign(when=w), DataError, says)
    for paid in (1e14, -1e14, 1e290, 1e308):
        yield framed(f"{paid:g} of money", lambda s, p=paid: s.assign(paid=p), DataError, r"beyond 1e\+13")


def ids() -> Iterator[Input]:
    many = {
        "rounded by a spreadsheet": (["4.9151E+11", "4.9151E+11", "a", "b", "c", "d"], "spreadsheet"),
        "rounded, with a comma": (["4,9151E+11", "a", "b", "c", "d", "e"], "spreadsheet"),
        "rounded, as floats": ([4.9151e11, 4.9151e11, 4.9176e11, 4.9176e11, 5.1e11, 6e11], "spreadsheet"),
        "that differ by .0": (["12345", "12345.0", "a", "b", "c", "d"], "'.0'"),
        "that differ by white space": (["a", "a ", "b", "c", "d", "e"], "white space"),
        "that differ by Unicode form": (["\u00e9", "e\u0301", "b", "c", "d", "e"], "Unicode form"),
        "of floats from 2^53": ([2.0**53, 1.0, 2.0, 3.0, 4.0, 5.0], "float holds exactly"),
        "with fractions": ([1.5, 1.0, 2.0, 3.0, 4.0, 5.0], "float holds exactly"),
        "beyond 64 bits": ([2**70, 1, 2, 3, 4, 5], "64-bit"),
        "of booleans": ([True] * N, "bool values"),
        "of bytes that are no text": ([b"\xff"] * N, "not UTF-8"),
        "of 1 and '1'": ([1, "1", 2, 3, 4, 5], "mixes types"),
    }
    for name, (who, says) in many.items():
        yield framed(f"ids {name}", lambda s, w=who: s.assign(who=w), DataError, says)


def libraries() -> Iterator[Input]:
    changes = {
        "pandas": lambda s: s,
        "rows in another order": lambda s: s[::-1],
        "an index that repeats": lambda s: s.set_index(np.zeros(N, dtype=int)),
        "columns that nobody asked for": lambda s: s.assign(note=[{}] * N, other=None),
        "nullable types": lambda s: s.convert_dtypes(),
        "Arrow types": lambda s: s.convert_dtypes(dtype_backend="pyarrow"),
        "categories": lambda s: s.astype("category"),
        "objects": lambda s: s.astype(object),
        "ids of bytes": lambda s: s.assign(who=[who.encode() for who in s["who"]]),
        "decimals": lambda s: s.assign(paid=[decimal.Decimal(str(paid)) for paid in s["paid"]]),
        "text amounts": lambda s: s.assign(paid=s["paid"].astype(str)),
        "float32": lambda s: s.assign(paid=s["paid"].astype("float32")),
        "dates": lambda s: s.assign(when=[date.fromisoformat(when) for when in s["when"]]),
        "datetimes": lambda s: s.assign(when=[datetime.fromisoformat(when) for when in s["when"]]),
        "in UTC": lambda s: s.assign(when=[datetime.fromisoformat(when).replace(tzinfo=UTC) for when in s["when"]]),
        "at an offset": lambda s: s.assign(when=s["when"] + "T23:59:59-11:00"),
        "evenings in Z": lambda s: s.assign(when=s["when"] + "T23:59Z"),
        **{
            f"datetime64[{unit}]": lambda s, u=unit: s.assign(when=s["when"].astype(f"datetime64[{u}]"))
            for unit in ("s", "ms", "us", "ns")
        },
        "Polars": pl.from_pandas,
        "lazy Polars": lambda s: pl.from_pandas(s).lazy(),
        "Polars categories": lambda s: pl.from_pandas(s).with_columns(pl.col("who").cast(pl.Categorical)),
        "Polars dates": lambda s: pl.from_pandas(s).with_columns(pl.col("when").str.to_date()),
        "Polars decimals": lambda s: pl.from_pandas(s).with_columns(pl.col("paid").cast(pl.Decimal(10, 2))),
        "PyArrow": pa.Table.from_pandas,
        "DuckDB": duckdb.from_df,
        "DuckDB dates": lambda s: duckdb.query_df(
            s, "s", 'select who, cast("when" as date) as "when", paid, region from s'
        ),
    }
    for name, change in changes.items():
        yield framed(name, change)
    for name, zone in {"Berlin": ZoneInfo("Europe/Berlin"), "+02:00": timezone(timedelta(hours=2))}.items():
        yield framed(
            f"evenings in {name}",
            lambda s, z=zone: s.assign(
                when=[datetime.fromisoformat(f"{when} 23:00").replace(tzinfo=z) for when in s["when"]]
            ),
            **({"time_zone": "Europe/Berlin"} if name == "Berlin" else {}),
        )
    renamed = {"who": "WHO"}
    yield framed(
        "another case", lambda s: s.rename(columns=renamed), DataError, r"no column 'who'. Did you mean 'WHO'\?"
    )
    yield framed("ids in the index", lambda s: s.set_index("who"), DataError, r"pass frame.reset_index\(\)")
    yield framed("two columns of a name", lambda s: s.rename(columns={"paid": "who"}), DataError, "more than once")
    yield framed("a list", lambda s: s.to_dict("list"), DataError, "A dataframe is needed")
    yield framed("no frame", lambda _: None, DataError, "A dataframe is needed")
    yield framed("no rows", lambda s: s[:0], DataError, "no row in these data")
    yield framed(
        "128-bit integers",
        lambda s: pl.from_pandas(s).with_columns(who=pl.int_range(0, N).cast(pl.Int128)),
        DataError,
        "Column 'who', of the type Int128, .* Convert it first",
    )
    yield framed(
        "a lazy frame that fails",
        lambda s: pl.from_pandas(s).lazy().with_columns(pl.col("who").cast(pl.Int64)),
        DataError,
        "The query behind this frame fails when it is run: .* Mend it first",
    )
    yield framed(
        "a lazy frame of columns that are not there",
        lambda s: pl.from_pandas(s).lazy().select("nowhere"),
        DataError,
        "The query behind this frame fails when it is run: .* Mend it first",
    )
    yield framed(
        "a query that fails",
        lambda s: duckdb.query_df(s, "s", 'select cast(who as int) as who, "when", paid, region from s'),
        DataError,
        "The query behind this frame fails when it is run: .* Mend it first",
    )


INPUTS = [*dialects(), *styles(), *missing(), *cells(), *ids(), *libraries()]


def test_there_are_hundreds_of_inputs_each_of_its_own_name():
    assert len({each.name for each in INPUTS}) == len(INPUTS) > 400


@pytest.fixture(scope="module")
def plain():
    return log_of(BASE).frame()


@pytest.mark.parametrize("given", INPUTS, ids=lambda given: given.name)
def test_an_input_has_its_kind_of_outcome(given, plain, tmp_path):
    if given.error is None:
        pd.testing.assert_frame_equal(given.make(tmp_path).frame(), plain if given.answer is None else given.answer)
        return
    with pytest.raises(given.error, match=given.says) as refused:
        given.make(tmp_path)
    message = str(refused.value)
    assert len(message) > 40
    assert message[-1] == "."
    assert not re.search(r"Traceback|dtype=|array\(|\bnp\.|NoneType", message), message
