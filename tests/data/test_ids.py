"""Customer ids: whole numbers or text, and nothing that could merge or split customers."""

import decimal
import uuid

import numpy as np
import pandas as pd
import pytest

from clvmodels.errors import DataError

WHEN = ["2024-01-01", "2024-01-08", "2024-02-01"]


@pytest.mark.parametrize(
    ("who", "ids"),
    [
        ([2, 2, 1], [1, 2]),
        ([2.0, 2.0, 1.0], [1, 2]),
        (pd.array([2, 2, 1], dtype="Int64"), [1, 2]),
        ([decimal.Decimal(2), decimal.Decimal(2), decimal.Decimal(1)], [1, 2]),
        (pd.Categorical([2, 2, 1]), [1, 2]),
        ([b"\xc3\xa9", b"\xc3\xa9", b"b"], ["b", "é"]),
        (["日本", "日本", "Ω"], ["Ω", "日本"]),
        (["x y", "x y", " x"], [" x", "x y"]),
        ([uuid.UUID(int=2), uuid.UUID(int=2), uuid.UUID(int=1)], [str(uuid.UUID(int=1)), str(uuid.UUID(int=2))]),
        (["1", "1", "01"], ["01", "1"]),
        ([2.0**53 - 1, 2, 2], [2, 2**53 - 1]),
        (["12E05", "4e11", "1E5"], ["12E05", "1E5", "4e11"]),
        (["5.0", "6.0", "6.0"], ["5.0", "6.0"]),
        ([491510000001, 491760000000, 5], [5, 491510000001, 491760000000]),
        (["NA", "N/A", "NA"], ["N/A", "NA"]),
    ],
)
def test_ids_are_whole_numbers_or_text(log, who, ids):
    made = log(who).customer_id
    assert made.tolist() == ids
    assert made.dtype in (np.int64, object)


@pytest.mark.parametrize(
    ("who", "message"),
    [
        (["a", None, "b"], r"1 of 3 rows have no usable customer id in column 'who' \(row numbers, from 0: 1\)"),
        ([1, np.nan, 2], "1 of 3 rows have no usable customer id"),
        (["a", "  ", ""], r"2 of 3 rows have no usable customer id"),
        ([None, None, None], "3 of 3 rows have no usable customer id"),
        ([1, "1", 2], r"mixes types of ids \(2 int, 1 str\), so that 1 and '1' could be one customer or two"),
        ([1, True, 2], r"mixes types of ids \(2 int, 1 bool\)"),
        ([b"a", "a", "b"], r"mixes types of ids \(1 bytes, 2 str\)"),
        ([1.5, 1, 2], "1 of 3 customer ids in column 'who' are not whole numbers that a float holds exactly: 1.5"),
        ([1e17, 1, 2], r"holds exactly: 1e\+17"),
        ([True, False, True], "holds bool values, not customer ids"),
        (pd.to_datetime(WHEN), "holds Timestamp values, not customer ids"),
        (["a", "a ", "b"], r"differ only by surrounding white space .* \('a' and 'a '\)"),
        (["\u00e9", "e\u0301", "b"], r"\('\\xe9' and 'e\\u0301'\)"),
        ([b"\xff", b"a", b"a"], r"not UTF-8 text: b'\\xff'"),
        ([2**70, 1, 2], "beyond the range of 64-bit integers"),
        (np.array([2**63, 1, 2], dtype=np.uint64), "beyond the range of 64-bit integers"),
        ([(1, 2), (1, 2), (3, 4)], "3 of 3 rows in column 'who' hold values of the type tuple"),
        ([2.0**53, 1, 2], "1 of 3 customer ids .* that a float holds exactly: 9007199254740992.0"),
        ([-(2.0**53), 1, 2], "1 of 3 customer ids .* that a float holds exactly"),
        (["12345.0", "12345", "777"], r"only by '.0' at their end, 1 of 3 \('12345' and '12345.0'\)"),
        (
            ["4.91510E+11", "4.9176e+11", "777"],
            r"2 of 3 different .* as a spreadsheet .* \(4.91510E\+11, 4.9176e\+11\)",
        ),
        (["4,91510E+11", "a", "b"], r"as a spreadsheet writes long numbers.* Export the ids anew"),
        (["5E+11", "a", "b"], "as a spreadsheet writes long numbers"),
        ([4.9151e11, 4.9176e11, 5.0], r"2 of 3 different .* as a spreadsheet .* \(491510000000, 491760000000\)"),
        ([491510000000, 491760000000, 5], "as a spreadsheet writes long numbers"),
        (["null", "NaN", "a"], "2 of 3 rows have no usable customer id"),
    ],
)
def test_ambiguous_ids_are_refused(log, who, message):
    with pytest.raises(DataError, match=message):
        log(who)


def test_ids_of_another_type_are_refused_rather_than_not_found(log):
    with pytest.raises(DataError, match="like 'a', and these are like 1: text and numbers never match"):
        log().purchases_by_customer([1, 2])
    assert log([1, 1, 2]).purchases_by_customer(pd.Series([2.0, 1.0]))[0].tolist() == [1, 2]
