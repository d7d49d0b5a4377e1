"""Logs in files: text stays text, and a file that cannot be read says why."""

import gzip

import numpy as np
import pandas as pd
import pytest

from clvmodels.data.read import read_log
from clvmodels.data.transactions import Transactions
from clvmodels.errors import DataError

COLUMNS = ["who", "when", "paid"]
TEXT = "who,when,paid,note\n007,2024-01-01,12.50,x\n07,2024-01-02,3,\n"


@pytest.fixture
def put(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


# --- what can be read ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["log.csv", "log.CSV", "log.txt", "log.csv.gz", "log.tsv", "log.TSV", "log.tsv.gz"])
def test_text_stays_text_with_its_leading_zeros(put, name):
    text = TEXT.replace(",", "\t") if "tsv" in name.lower() else TEXT
    table = read_log(put(name, gzip.compress(text.encode(), mtime=0) if name.endswith(".gz") else text), COLUMNS)
    assert table.to_dict("list") == {"who": ["007", "07"], "when": ["2024-01-01", "2024-01-02"], "paid": ["12.50", "3"]}


def test_only_the_columns_that_were_asked_for_are_read_in_that_order(put):
    assert read_log(put("log.csv", TEXT), ["paid", "who", "paid"]).columns.tolist() == ["paid", "who"]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_a_byte_order_mark_do_not_matter(put, ending, start):
    table = read_log(put("log.csv", start + TEXT.replace("\n", ending).encode()), ["who", "note"])
    assert table["who"].tolist() == ["007", "07"]
    assert table["note"].isna().tolist() == [False, True]


def test_quotes_hold_separators_and_line_ends(put):
    path = put("log.csv", 'who,paid\n"Smith, Ann","1,234.50"\n"two\nlines",5\n')
    assert read_log(path, ["who", "paid"]).to_numpy().tolist() == [["Smith, Ann", "1,234.50"], ["two\nlines", "5"]]


def test_line_ends_within_quotes_do_not_break_a_large_file(put):
    note = "x\n" * 20
    path = put("log.csv", "who,note\n" + "".join(f'{i},"{note}"\n' for i in range(50_000)))
    assert read_log(path, ["who"])["who"].tolist() == [str(i) for i in range(50_000)]


def test_blanks_are_missing_and_the_log_says_so(put):
    path = put("log.csv", "who,when,paid\na,2024-01-01,5\n,2024-01-02,6\nb,,7\nc,2024-01-03,\n")
    table = read_log(path, COLUMNS)
    assert table.isna().sum().tolist() == [1, 1, 1]
    with pytest.raises(DataError, match="1 of 4 rows have no usable customer id in column 'who'"):
        Transactions(table, *COLUMNS)
    assert Transactions(table, *COLUMNS, nulls="drop").customer_id.tolist() == ["a"]


@pytest.mark.parametrize("name", ["log.parquet", "log.pq", "log.PARQUET"])
def test_parquet_keeps_its_types(tmp_path, name):
    table = pd.DataFrame(
        {"who": [1, 2], "when": pd.to_datetime(["2024-01-01", "2024-01-02"]), "paid": [1.5, 2.0], "z": 0}
    )
    table.to_parquet(tmp_path / name)
    back = read_log(tmp_path / name, COLUMNS)
    assert back["who"].dtype == np.int64
    assert back["paid"].tolist() == [1.5, 2.0]
    assert Transactions(back, *COLUMNS).summarize().frequency.tolist() == [0, 0]


def test_an_index_that_was_written_to_parquet_is_a_column(tmp_path):
    table = pd.DataFrame({"who": ["b", "a"], "when": ["2024-01-01", "2024-01-02"], "paid": [1, 2]}).set_index("who")
    table.to_parquet(tmp_path / "log.parquet")
    assert read_log(tmp_path / "log.parquet", COLUMNS)["who"].tolist() == ["b", "a"]


def test_time_zones_travel_through_parquet(tmp_path):
    when = pd.to_datetime(["2024-01-01 23:30", "2024-03-01 23:30"]).tz_localize("UTC")
    pd.DataFrame({"who": ["a", "a"], "when": when, "paid": [1, 2]}).to_parquet(tmp_path / "log.parquet")
    log = Transactions(read_log(tmp_path / "log.parquet", COLUMNS), *COLUMNS, time_zone="Europe/Berlin")
    assert str(log.first_day) == "2024-01-02"


# --- what cannot -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "log.xlsx",
            "x",
            r"log.xlsx is neither Parquet \(.parquet\) nor CSV \(.csv, .csv.gz, .tsv, .txt\). Convert it",
        ),
        ("log", "x", "is neither Parquet"),
        ("log.csv", "", r"log.csv cannot be read: Empty CSV file\.$"),
        ("log.csv", "a,b\n1,2\n", r"log.csv has no column 'who', 'when', 'paid'. It has: a, b\.$"),
        (
            "log.csv",
            TEXT.replace(",", ";"),
            r"It has: who;when;paid;note\. Are its fields separated by commas\?$",
        ),
        ("log.csv", "Who,when,paid\n1,2,3\n", r"has no column 'who'. It has: Who, when, paid\.$"),
        ("log.csv", "who,when,paid,who\n1,2,3,4\n", "has more than one column 'who'. Rename them"),
        ("log.csv", "who,when,paid\na,2024-01-01,1,234.50\n", r"cannot be read: .*Expected 3 columns, got 4"),
        ("log.csv", "who,when,paid\na,2024-01-01,1\nb,2024-01-01\n", r"cannot be read: .*Expected 3 columns, got 2"),
        ("log.csv", "who,when,paid\nJosé,2024-01-01,1\n".encode("latin-1"), "cannot be read: .*UTF8"),
        ("log.csv.gz", TEXT, "log.csv.gz cannot be read"),
        ("log.csv.gz", gzip.compress(TEXT.encode() * 50, mtime=0)[:-12], "log.csv.gz cannot be read"),
        ("log.parquet", "who,when,paid\n", "log.parquet cannot be read: .*[Pp]arquet"),
        ("log.parquet", b"\x00\xff" * 40, "log.parquet cannot be read"),
        ("log.parquet", "", r"log.parquet cannot be read: Parquet file size is 0 bytes\.$"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(put, name, content, message):
    with pytest.raises(DataError, match=message):
        read_log(put(name, content), COLUMNS)


@pytest.mark.parametrize("name", ["log.csv", "log.parquet", "log.tsv.gz"])
def test_an_empty_folder_and_a_missing_file_are_no_log(tmp_path, name):
    with pytest.raises(DataError, match=r"cannot be read: there is no such file"):
        read_log(tmp_path / name, COLUMNS)
    (tmp_path / name).mkdir()
    with pytest.raises(DataError, match=r"cannot be read: it holds no Parquet file"):
        read_log(tmp_path / name, COLUMNS)


def test_a_folder_of_parquet_files_is_a_log(tmp_path):
    rows = pd.DataFrame({"who": ["01", "02"], "when": ["2024-01-01", "2024-01-02"], "paid": [2.0, 3.0]})
    for i in range(2):
        rows[i : i + 1].to_parquet(tmp_path / f"part-{i}.parquet")
    pd.testing.assert_frame_equal(read_log(tmp_path, COLUMNS), rows, check_dtype=False)


def test_a_parquet_file_without_the_column_lists_its_columns(tmp_path):
    pd.DataFrame({"who": [1], "when": ["2024-01-01"], "price": [2.0]}).to_parquet(tmp_path / "log.parquet")
    with pytest.raises(DataError, match=r"log.parquet has no column 'paid'. It has: who, when, price\.$"):
        read_log(tmp_path / "log.parquet", COLUMNS)


def test_a_truncated_parquet_file_says_so(tmp_path):
    path = tmp_path / "log.parquet"
    pd.DataFrame({"who": range(5000), "when": "2024-01-01", "paid": 1.0}).to_parquet(path)
    path.write_bytes(path.read_bytes()[:4000])
    with pytest.raises(DataError, match=r"log\.parquet cannot be read"):
        read_log(path, COLUMNS)
