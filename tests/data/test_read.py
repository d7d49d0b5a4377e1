"""Logs in files: text stays text, what can be found out is found out, and a file that cannot be read says why."""

import gzip
import sys
import zipfile
from datetime import date

import numpy as np
import pandas as pd
import pytest

from clvmodels.data.read import read
from clvmodels.errors import DataError, SettingError

COLUMNS = ["who", "when", "paid"]
TEXT = "who,when,paid,note\n007,2024-01-01,12.50,x\n07,2024-01-02,3,\n"


@pytest.fixture
def put(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def rows(log):
    """The log's purchases as they would stand in a file."""
    return [
        (who, str(day.date()), paid)
        for who, day, paid in log.frame().sort_values("date").itertuples(index=False, name=None)
    ]


def found(log):
    return [note.sentence for note in log.cleaning.notes if note.name == "file"]


PLAIN = [("007", "2024-01-01", 12.5), ("07", "2024-01-02", 3.0)]


# --- CSV that can be read --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["log.csv", "log.CSV", "log.txt", "log.csv.gz", "log.tsv", "log.TSV", "log.tsv.gz"])
def test_text_stays_text_with_its_leading_zeros(put, name):
    text = TEXT.replace(",", "\t") if "tsv" in name.lower() else TEXT
    assert rows(read(put(name, gzip.compress(text.encode()) if name.endswith(".gz") else text), *COLUMNS)) == PLAIN


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_line_ends_and_a_byte_order_mark_do_not_matter(put, ending, start, encoding):
    text = ("" if encoding == "utf-16" else start) + TEXT.replace("\n", ending)
    log = read(put("log.csv", text.encode(encoding)), *COLUMNS)
    assert rows(log) == PLAIN
    assert found(log) == (["Read with encoding='utf-16'."] if encoding == "utf-16" else [])


def test_quotes_hold_separators_and_line_ends(put):
    path = put("log.csv", 'who,when,paid\n"Smith, Ann",2024-01-01,"1,234.50"\n"two\nlines",2024-01-02,5\n')
    assert rows(read(path, *COLUMNS)) == [("Smith, Ann", "2024-01-01", 1234.5), ("two\nlines", "2024-01-02", 5)]


def test_line_ends_within_quotes_do_not_break_a_large_file(put):
    note = "x\n" * 20
    path = put("log.csv", "who,when,note\n" + "".join(f'{i},2024-01-01,"{note}"\n' for i in range(50_000)))
    assert sorted(map(int, read(path, "who", "when").customer_id)) == list(range(50_000))


@pytest.mark.parametrize("top", ["# export 2024\n", "# it's \"new\n#\n\n", "\nsep=,\n", "#who;when;paid\n"])
def test_lines_before_the_heading_are_left_out_and_counted(put, top):
    log = read(put("log.csv", top + TEXT), *COLUMNS)
    assert rows(log) == PLAIN
    lines = top.count("\n")
    assert found(log) == [f"Read with {lines} line{'s' if lines > 1 else ''} before the heading left out."]


def test_a_heading_may_start_with_a_number_sign(put):
    log = read(put("log.csv", TEXT.replace("who", "#who")), "#who", "when", "paid")
    assert (rows(log), found(log)) == (PLAIN, [])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (TEXT.replace(",", ";"), "Read with separator=';'."),
        (TEXT.replace(",", "|"), "Read with separator='|'."),
        (TEXT.replace(",", "\t"), r"Read with separator='\t'."),
        (TEXT.replace(",", ";").replace(".", ","), "Read with separator=';', decimal=','."),
        (TEXT.replace(",x", ',"a;b;c;d;e;f"'), None),
    ],
)
def test_separator_and_decimal_sign_are_found_and_reported(put, text, sentence):
    log = read(put("log.csv", text), *COLUMNS)
    assert (rows(log), found(log)) == (PLAIN, [sentence] if sentence else [])


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        (TEXT.replace(",", ":"), {"separator": ":"}),
        (TEXT.replace(",", "\t"), {"separator": "\\t"}),
        (TEXT.replace(",", "\t"), {"separator": "tab"}),
        (TEXT.replace("12.50", '"12,50"'), {"decimal": ","}),
        (TEXT.encode("utf-16-le"), {"encoding": "utf-16-le"}),
    ],
)
def test_settings_are_followed(put, text, settings):
    assert rows(read(put("log.csv", text), *COLUMNS, **settings)) == PLAIN


@pytest.mark.parametrize(("encoding", "name"), [("latin-1", "José"), ("cp1252", "€"), ("cp1250", "Łukasz")])
def test_a_text_that_is_not_utf_8_is_read_as_it_is_said_to_be(put, encoding, name):
    path = put("log.csv", f"who,when,paid\n{name},2024-01-01,1\n".encode(encoding))
    assert read(path, *COLUMNS, encoding=encoding).customer_id.tolist() == [name]
    with pytest.raises(DataError, match=r"cannot be read: .*not UTF-8: .* encoding='latin-1' or encoding='cp1252'\.$"):
        read(path, *COLUMNS)


def test_bytes_of_a_column_that_nobody_asked_for_do_not_matter(put):
    text = "who,when,paid,note\n" + "1,2024-01-01,2,x\n" * 3000 + "1,2024-01-01,2,é\n"
    assert len(read(put("log.csv", text.encode("latin-1")), *COLUMNS).frame()) == 1


def test_numbers_are_read_and_labels_stay_text(put):
    text = 'who;when;paid;share;region\n1;2024-01-01;2,5;0,25;NA\n2;2024-01-02;3;1;"null"\n3;2024-01-03;3;1;\n'
    rfm = read(put("log.csv", text), *COLUMNS, numbers=["share"], columns=["region"]).summarize()
    assert rfm.columns["share"].tolist() == [0.25, 1, 1]
    assert rfm.columns["region"][:2].tolist() == ["NA", "null"]
    assert pd.isna(rfm.columns["region"][2])


# --- missing values --------------------------------------------------------------------------------------------------

HOLES = "who,when,paid\n{0},2024-01-01,5\na,{0},6\nb,2024-01-02,{0}\nc,2024-01-03,7\n"  # a hole in each of three rows


@pytest.mark.parametrize("hole", ["", "  ", "null", "NULL", "NaT", "nan", "NaN", "None", "<NA>", '"null"'])
def test_blanks_and_words_for_nothing_are_missing_in_all_three_columns(put, hole):
    path = put("log.csv", HOLES.format(hole))
    with pytest.raises(DataError, match="1 of 4 rows have no usable customer id in column 'who'"):
        read(path, *COLUMNS)
    log = read(path, *COLUMNS, nulls="drop")
    assert rows(log) == [("c", "2024-01-03", 7)]
    assert [(rule.name, rule.tally.rows) for rule in log.cleaning.taken_out] == [
        ("no customer", 1),
        ("no date", 1),
        ("no amount", 1),
    ]


@pytest.mark.parametrize("name", ["NA", "N/A", '"NA"'])
def test_not_available_is_a_customer_and_no_date_nor_amount(put, name):
    log = read(put("log.csv", HOLES.format(name)), *COLUMNS, nulls="drop")
    assert log.customer_id.tolist() == [name.strip('"'), "c"]


# --- files that are not CSV ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["log.parquet", "log.pq", "log.PARQUET"])
def test_parquet_keeps_its_types(tmp_path, name):
    table = pd.DataFrame({"who": [1, 2], "when": pd.to_datetime(["2024-01-01", "2024-01-02"]), "paid": [1.5, 2.0]})
    table.assign(z=0).to_parquet(tmp_path / name)
    log = read(tmp_path / name, *COLUMNS)
    assert log.customer_id.dtype == np.int64
    assert rows(log) == [(1, "2024-01-01", 1.5), (2, "2024-01-02", 2.0)]


def test_text_amounts_in_parquet_are_read_as_those_in_csv(tmp_path):
    pd.DataFrame({"who": ["a"], "when": ["2024-01-01"], "paid": ["1.234,5"]}).to_parquet(tmp_path / "log.parquet")
    log = read(tmp_path / "log.parquet", *COLUMNS)
    assert rows(log) == [("a", "2024-01-01", 1234.5)]
    assert found(log) == ["Read with decimal=',', thousands='.'."]


def test_an_index_that_was_written_to_parquet_is_a_column(tmp_path):
    table = pd.DataFrame({"who": ["b", "a"], "when": ["2024-01-01", "2024-01-02"], "paid": [1, 2]}).set_index("who")
    table.to_parquet(tmp_path / "log.parquet")
    assert rows(read(tmp_path / "log.parquet", *COLUMNS)) == [("b", "2024-01-01", 1), ("a", "2024-01-02", 2)]


def test_time_zones_travel_through_parquet(tmp_path):
    when = pd.to_datetime(["2024-01-01 23:30", "2024-03-01 23:30"]).tz_localize("UTC")
    pd.DataFrame({"who": ["a", "a"], "when": when, "paid": [1, 2]}).to_parquet(tmp_path / "log.parquet")
    assert read(tmp_path / "log.parquet", *COLUMNS, time_zone="Europe/Berlin").first_day == date(2024, 1, 2)


def test_a_folder_of_parquet_files_is_a_log_whatever_else_lies_there(tmp_path):
    table = pd.DataFrame({"who": ["01", "02"], "when": ["2024-01-01", "2024-01-02"], "paid": [2.0, 3.0]})
    for i in range(2):
        table[i : i + 1].to_parquet(tmp_path / f"part-{i}.snappy.parquet")
    for stray in ("_SUCCESS", ".part-0.snappy.parquet.crc", "README", "_old.parquet"):
        (tmp_path / stray).write_text("no Parquet")
    assert rows(read(tmp_path, *COLUMNS)) == [("01", "2024-01-01", 2), ("02", "2024-01-02", 3)]


def test_what_a_partition_is_called_stays_text(tmp_path):
    for who in ("007", "7"):
        (tmp_path / f"who={who}" / "year=2024").mkdir(parents=True)
        table = pd.DataFrame({"when": ["2024-01-01"], "paid": [2.0]})
        table.to_parquet(tmp_path / f"who={who}" / "year=2024" / "part-0.parquet")
    assert read(tmp_path, *COLUMNS).customer_id.tolist() == ["007", "7"]


MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
SHEET = f'<worksheet xmlns="{MAIN}"><sheetData>{{}}</sheetData></worksheet>'

RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
RELATED = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    f'<Relationship Id="r1" Type="{RELATIONS}/{{}}" Target="{{}}"/></Relationships>'
)


def spreadsheet(path, table):
    """Write a minimal .xlsx file: numbers as numbers, text as text, None as no cell."""
    cells = [
        f'<c r="{"ABC"[j]}{i + 1}"><v>{value}</v></c>'
        if isinstance(value, int | float)
        else f'<c r="{"ABC"[j]}{i + 1}" t="inlineStr"><is><t>{value}</t></is></c>'
        for i, row in enumerate(table)
        for j, value in enumerate(row)
        if value is not None
    ]
    lines = [
        f'<row r="{i + 1}">' + "".join(cell for cell in cells if f'{i + 1}"' in cell[:12]) + "</row>"
        for i in range(len(table))
    ]
    parts = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "_rels/.rels": RELATED.format("officeDocument", "xl/workbook.xml"),
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}"><sheets><sheet name="log" sheetId="1" '
        'r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": RELATED.format("worksheet", "worksheets/sheet1.xml"),
        "xl/worksheets/sheet1.xml": SHEET.format("".join(lines)),
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)


def test_the_first_sheet_of_a_spreadsheet_is_a_log(tmp_path):
    table = [("who", "when", "paid"), ("007", "2024-01-01", 12.5), ("07", "2024-01-02", 3), ("x", "2024-01-03", None)]
    spreadsheet(tmp_path / "log.xlsx", table)
    assert rows(read(tmp_path / "log.xlsx", *COLUMNS, nulls="drop")) == PLAIN
    with pytest.raises(DataError, match="1 of 3 rows have no usable amount"):
        read(tmp_path / "log.xlsx", *COLUMNS)
    with pytest.raises(DataError, match=r"log.xlsx has no column 'Who'. Did you mean 'who'\? It has: who, when, paid"):
        read(tmp_path / "log.xlsx", "Who", "when")


def test_a_spreadsheet_without_its_reader_says_what_to_do(put, monkeypatch):
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(DataError, match=r"install the extra clvmodels\[excel\], or save the sheet as CSV"):
        read(put("log.xlsx", "x"), *COLUMNS)


# --- what cannot be read ---------------------------------------------------------------------------------------------

SETTINGS = r"separator=.*encoding=.*$"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("log.doc", "x", r"log.doc is neither Parquet \(.parquet\) nor CSV .* nor a spreadsheet .* Convert it"),
        ("log", "x", "is neither Parquet"),
        ("log.xlsx", "x", r"log.xlsx cannot be read: .* Save the sheet as CSV\.$"),
        (
            "log.csv",
            "Export\n\n" + TEXT,
            r"It has: Export\. .* if it comes before the names of the columns, leave it out",
        ),
        ("log.csv", "", r"log.csv cannot be read: it has no line with the names of its columns\.$"),
        ("log.csv", "# nothing\n", r"it has no line with the names of its columns\.$"),
        ("log.csv", "a,b\n1,2\n", r"log.csv has no column 'who', 'when', 'paid'. It has: a, b\.$"),
        ("log.csv", TEXT.replace(",", ":"), r"It has: who:when:paid:note. .* say with separator= what stands between"),
        ("log.csv", "WHO,when,paid\n1,2,3\n", r"no column 'who'. Did you mean 'WHO'\? It has: WHO, when, paid\.$"),
        ("log.csv", "who,when,paid,who\n1,2,3,4\n", "has more than one column 'who'. Rename them"),
        (
            "log.csv",
            "who,when,paid\na,2024-01-01,1,234.50\n",
            "cannot be read: .*Expected 3 columns, got 4.*" + SETTINGS,
        ),
        ("log.csv", "who,when,paid\na,2024-01-01,1\nb,2024-01-01\n", "Expected 3 columns, got 2.*" + SETTINGS),
        ("log.csv", TEXT.encode("utf-16-be"), "zero bytes, as in UTF-16 .* encoding='utf-16-le'"),
        (
            "log.csv",
            TEXT.replace("12.50", '"1,250"').replace("3", "5"),
            r"two ways: '1,250' is 1250 with thousands=',' and 1.25 with decimal=','",
        ),
        ("log.csv", TEXT.replace("12.50", "$12"), r"not numbers: '\$12'. Write them like .* decimal=',' .* thousands="),
        ("log.csv", TEXT.replace("2024-01-01", "01/01/2024"), "date_format="),
        ("log.csv.gz", TEXT, "log.csv.gz cannot be read"),
        ("log.csv.gz", gzip.compress(TEXT.encode() * 50, mtime=0)[:-12], "log.csv.gz cannot be read"),
        ("log.parquet", "who,when,paid\n", "log.parquet cannot be read: .*[Pp]arquet"),
        ("log.parquet", b"\x00\xff" * 40, "log.parquet cannot be read"),
        ("log.parquet", "", r"log.parquet cannot be read: .*size is 0 bytes\.$"),
    ],
)
def test_a_file_that_cannot_be_read_says_why_and_what_to_set(put, name, content, message):
    with pytest.raises(DataError, match=message):
        read(put(name, content), *COLUMNS)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"separator": ";;"}, "separator is one character"),
        ({"separator": ""}, "separator is one character"),
        ({"separator": 5}, "separator is one character"),
        ({"decimal": ";"}, "decimal = ';' is not known. Use one of: '.', ','"),
        ({"decimal": ""}, "decimal = '' is not known"),
        ({"thousands": "_"}, "thousands = '_' is not known"),
        ({"thousands": "."}, None),
        ({"decimal": ",", "thousands": ","}, "decimal and thousands are both ','"),
        ({"encoding": "klingon"}, "encoding = 'klingon' is not known. Use a name of Python's, such as 'utf-8'"),
        ({"encoding": "rot13"}, "encoding = 'rot13' is not known"),
        ({"encoding": 8}, "encoding = 8 is not known"),
        ({"columns": "note"}, r"columns = 'note' must be a list of names, such as \['margin'\]"),
        ({"numbers": "note"}, "numbers = 'note' must be a list of names"),
        ({"numbers": 5}, "numbers = 5 must be a list of names"),
        ({"columns": [5]}, r"columns = \[5\] must be a list of names"),
        ({"numbers": ["paid"]}, "Column 'paid' has two roles"),
    ],
)
def test_settings_out_of_their_range_are_refused(put, settings, message):
    path = put("log.csv", TEXT.replace("12.50", "12"))
    if message is None:
        assert len(read(path, *COLUMNS, **settings).frame()) == 2
        return
    with pytest.raises(SettingError, match=message):
        read(path, *COLUMNS, **settings)


@pytest.mark.parametrize("wrong", [None, 5, ["who"], b"who"])
def test_a_path_and_names_of_columns_are_text(put, wrong):
    path = put("log.csv", TEXT)
    with pytest.raises(SettingError, match="path"):
        read(wrong, "who", "when")
    with pytest.raises(SettingError, match="customer"):
        read(path, wrong, "when")
    with pytest.raises(SettingError, match="date"):
        read(path, "who", wrong)
    if wrong is not None:
        with pytest.raises(SettingError, match="amount"):
            read(path, "who", "when", wrong)


@pytest.mark.parametrize("name", ["log.csv", "log.parquet", "log.tsv.gz"])
def test_an_empty_folder_and_a_missing_file_are_no_log(tmp_path, name):
    with pytest.raises(DataError, match=r"cannot be read: there is no such file"):
        read(tmp_path / name, *COLUMNS)
    (tmp_path / name).mkdir()
    with pytest.raises(DataError, match=r"cannot be read: it holds no Parquet file"):
        read(tmp_path / name, *COLUMNS)


def test_a_parquet_file_without_the_column_lists_its_columns(tmp_path):
    pd.DataFrame({"who": [1], "when": ["2024-01-01"], "price": [2.0]}).to_parquet(tmp_path / "log.parquet")
    with pytest.raises(DataError, match=r"log.parquet has no column 'paid'. It has: who, when, price\.$"):
        read(tmp_path / "log.parquet", *COLUMNS)


def test_a_truncated_parquet_file_says_so(tmp_path):
    path = tmp_path / "log.parquet"
    pd.DataFrame({"who": range(5000), "when": "2024-01-01", "paid": 1.0}).to_parquet(path)
    path.write_bytes(path.read_bytes()[:4000])
    with pytest.raises(DataError, match=r"log\.parquet cannot be read"):
        read(path, *COLUMNS)
