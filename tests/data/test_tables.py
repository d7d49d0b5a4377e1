"""Columns of any dataframe: amounts, attributes, and names that are missing or repeat."""

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from clvmodels.data.transactions import Transactions
from clvmodels.errors import DataError

WHO = ["a", "a", "b"]
WHEN = ["2024-01-01", "2024-01-08", "2024-02-01"]


def test_text_amounts_are_read(log):
    assert log(paid=["1.50", " 2 ", "3e2"]).frame()["amount"].tolist() == [1.5, 2, 300]


@pytest.mark.parametrize(
    ("paid", "options", "message"),
    [
        ([1, None, 3], {}, r"1 of 3 rows have no usable amount \(missing or infinite\) in column 'paid'"),
        ([1, np.inf, 3], {}, "1 of 3 rows have no usable amount"),
        (["1", "", "3"], {}, "1 of 3 rows have no usable amount"),
        (["1,234.50", "$2", "3"], {}, r"2 of 3 values in column 'paid' are not numbers: '1,234.50', '\$2'"),
        (["1", "n/a", "null"], {}, "2 of 3 rows have no usable amount"),
        (["1", "none so far", "3"], {}, "1 of 3 values in column 'paid' are not numbers: 'none so far'"),
        ([True, False, True], {}, "must hold numbers, and holds boolean"),
        (pd.array([True, 2.5, 1], dtype=object), {}, "not numbers: True"),
        (pd.to_datetime(WHEN), {}, "must hold numbers, and holds datetime"),
        ([-1, -2, -3], {}, r"no purchase in these data: 3 rows are returns \(negative amounts\)"),
        ([-1, -2, -3], {"returns": "drop"}, "no purchase in these data"),
        ([-1, 2, 3], {"returns": "refuse"}, "1 of 3 rows have a negative amount: -1.0. If they are returns"),
        ([0, 0, 0], {"zero_amounts": "drop"}, r"no purchase in these data: 3 rows were left out \(zero amounts\)"),
    ],
)
def test_unclear_amounts_are_refused(log, paid, options, message):
    with pytest.raises(DataError, match=message):
        log(paid=paid, **options)


def test_purchases_that_are_all_returned_are_refused(log):
    with pytest.raises(DataError, match=r"No purchase is left .* all of them were returned in full"):
        log("aaa", paid=[3, -1, -2])


def test_large_amounts_keep_small_ones(log):
    rfm = log(paid=[1e12, 0.01, 5]).summarize()
    assert rfm.money.tolist() == [0.01, 0]
    assert rfm.first_spend.tolist() == [1e12, 5]


def test_a_missing_column_is_refused_with_the_closest_name():
    frame = pd.DataFrame({"customer": [1], "ordered_at": ["2024-01-01"]})
    message = r"There is no column 'order_at'. Did you mean 'ordered_at'\? The columns are: 'customer', 'ordered_at'"
    with pytest.raises(DataError, match=message):
        Transactions(frame, "customer", "order_at")


def twice_in_duckdb():
    return duckdb.sql("select 1 as c, 2 as d, 3 as d")


def twice_in_pandas():
    return pd.DataFrame([[1, 2, 3]], columns=["c", "d", "d"])


def twice_in_pyarrow():
    return pa.table([[1], [2], [3]], names=["c", "d", "d"])


@pytest.mark.parametrize("make", [twice_in_duckdb, twice_in_pandas, twice_in_pyarrow])
def test_duplicate_columns_are_refused(make):
    with pytest.raises(DataError, match=r"(?s)stand there more than once.*'d'"):
        Transactions(make(), "c", "d")


def test_attributes_are_kept_if_they_are_constant():
    frame = pd.DataFrame({"who": ["b", "a", "a"], "when": WHEN, "segment": [None, "x", "x"], "size": [3, 5, 5]})
    rfm = Transactions(frame, "who", "when", columns=["segment", "size"]).summarize()
    assert rfm.customer_id.tolist() == ["a", "b"]
    assert rfm.columns["size"].tolist() == [5, 3]
    assert rfm.columns["segment"][0] == "x"
    assert pd.isna(rfm.columns["segment"][1])


@pytest.mark.parametrize("segment", [["x", "y", "z"], ["x", None, "z"]])
def test_attributes_that_change_are_refused(segment):
    frame = pd.DataFrame({"who": WHO, "when": WHEN, "segment": segment})
    with pytest.raises(DataError, match="Column 'segment' changes within customers, 1 of 2; 'a', for one, has"):
        Transactions(frame, "who", "when", columns=["segment"])
