import re

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from clvmodels.data.datasets import load_cdnow
from clvmodels.data.rfm import RFM, refuse_no_rfm
from clvmodels.data.transactions import Transactions
from clvmodels.errors import DataError, MissingMoneyError, SettingError, UnitError


def table(**columns):
    base = {
        "customer_id": ["a", "b", "c"],
        "frequency": [2, 0, 1],
        "recency": [30.0, 0.0, 5.0],
        "T": [39.0, 39.0, 30.0],
    }
    return pd.DataFrame({name: values for name, values in (base | columns).items() if values is not None})


def rfm(**columns):
    return RFM.from_frame(table(**columns), unit="week")


@pytest.fixture(scope="module")
def cdnow():
    past, _ = Transactions(load_cdnow(), "customer_id", "date", "amount").split("1997-09-30")
    return past.summarize("week")


def test_a_ready_table_is_read():
    made = rfm(monetary_value=[10.0, np.nan, 7.5], first_spend=[1, 2, 3], segment=["x", "y", "x"])
    assert made.frequency.tolist() == [2, 0, 1]
    assert made.frequency.dtype == np.int64
    assert made.recency_days.tolist() == [210, 0, 35]
    assert made.T_days.tolist() == [273, 273, 210]
    assert made.money.tolist() == [10, 0, 7.5]
    assert made.columns["segment"].tolist() == ["x", "y", "x"]
    assert made.observed_until is None


def test_the_last_day_is_read():
    assert str(RFM.from_frame(table(), "week", "2024-06-30").observed_until) == "2024-06-30"
    with pytest.raises(SettingError, match="observed_until = 'soon' is not a date"):
        RFM.from_frame(table(), "week", "soon")


def test_days_that_are_whole_up_to_rounding_are_whole():
    made = rfm(recency=[3 / 7, 0, 5 / 7], T=[1.1 / 7 + 2, 39, 30])
    assert made.recency_days.tolist() == [3, 0, 5]
    assert made.T_days[0] == pytest.approx(15.1)


@pytest.mark.parametrize(
    "kind", [pl.from_pandas, lambda f: pl.from_pandas(f).lazy(), pa.Table.from_pandas, duckdb.from_df]
)
def test_every_library_gives_the_same(kind, cdnow):
    made = RFM.from_frame(kind(cdnow.frame()), "week")
    made = made.take(np.argsort(made.customer_id))
    pd.testing.assert_frame_equal(made.frame(), cdnow.frame())


def test_a_duplicate_index_does_not_matter():
    frame = table(monetary_value=[10.0, 0, 7.5])
    frame.index = [0, 0, 0]
    assert RFM.from_frame(frame, "week").money.tolist() == [10, 0, 7.5]


def test_text_and_nullable_numbers_are_read():
    made = rfm(frequency=["2", "0", "1"], T=pd.array([39, 39, 30], dtype="Int64"))
    assert made.T.tolist() == [39, 39, 30]


def test_a_float_frequency_of_whole_numbers_is_read():
    assert rfm(frequency=[2.0, 0.0, 1.0]).frequency.tolist() == [2, 0, 1]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"T": None}, r"no column 'T'. The columns are: 'customer_id', 'frequency', 'recency'"),
        ({"T": None, "Tenure": [1, 2, 3]}, "no column 'T'"),
        ({"frequency": None, "frequencies": [2, 0, 1]}, "Did you mean 'frequencies'"),
        ({"frequency": [2.5, 0, 1]}, "1 of 3 frequencies are not whole numbers below 1,000,000,000,000: 2.5"),
        ({"frequency": [2, None, 1]}, "1 of 3 rows have no usable value in column 'frequency'"),
        ({"frequency": [-1, 0, 1]}, "1 of 3 customers have a negative frequency"),
        ({"frequency": [3, 1, 2]}, "if your frequency counts every purchase, pass frequency - 1"),
        ({"recency": [39, 39, 30], "T": [30, 0, 5]}, "3 of 3 customers have recency > T.*exchanged"),
        ({"recency": [9, 39, 25]}, "if yours counts back from today, pass T - recency.*Customers: 'b'"),
        ({"recency": ["30", "0", "five"]}, "1 of 3 values in column 'recency' are not numbers: 'five'"),
        ({"recency": [-1, 0, 5]}, "negative recency"),
        ({"recency": [True, False, True]}, "must hold numbers, and holds boolean"),
        ({"T": [39, np.inf, 30]}, "1 of 3 rows have no usable value in column 'T'"),
        ({"T": [39, -1, 30]}, "negative T"),
        ({"customer_id": ["a", "a", "c"]}, "1 of 3 customers stand there more than once"),
        ({"customer_id": ["a", None, "c"]}, "no usable value in column 'customer_id'"),
        ({"customer_id": ["a", 1, "c"]}, "mixes types of ids"),
        ({"monetary_value": [np.nan, np.nan, 7]}, r"'monetary_value' \(row numbers, from 0: 0\).*have some"),
        ({"monetary_value": [5, 3, 7]}, r"1 of 3 rows have a monetary_value but no repeat purchase"),
        ({"monetary_value": [-5, 0, 7]}, "negative spend"),
        ({"monetary_value": [np.inf, 0, 7]}, "no usable value in column 'monetary_value'"),
        ({"first_spend": [1, None, 7]}, "no usable value in column 'first_spend'"),
        ({"first_spend": [1, -1, 7]}, "negative spend"),
    ],
)
def test_what_cannot_be_is_refused(columns, message):
    with pytest.raises(DataError, match=message):
        rfm(**columns)


def test_no_customer_is_refused():
    with pytest.raises(DataError, match="no customer in these data"):
        RFM.from_frame(table().head(0), "week")


def test_an_unknown_unit_is_refused():
    with pytest.raises(UnitError, match="'fortnight' is not a time unit"):
        RFM.from_frame(table(), "fortnight")


def test_columns_need_a_value_a_customer():
    made = rfm()
    with pytest.raises(DataError, match=r"one value for each of the 3 customers, but: seg \(2,\)"):
        RFM(made.customer_id, made.frequency, made.recency_days, made.T_days, "week", columns={"seg": np.ones(2)})


def test_money_that_is_not_there_is_not_made_up():
    with pytest.raises(MissingMoneyError, match="no amounts"):
        rfm().money  # noqa: B018 -- asking is what raises


def test_what_is_no_rfm_is_refused_with_the_way_to_one(cdnow):
    refuse_no_rfm(cdnow)
    message = (
        "Customers come as an RFM, and this is a DataFrame: use Transactions(...).summarize() or RFM.from_frame(...)."
    )
    with pytest.raises(SettingError, match=re.escape(message)):
        refuse_no_rfm(cdnow.frame())


def test_the_unit_changes_numbers_and_not_customers(cdnow):
    days = RFM.from_frame(cdnow.frame().assign(recency=cdnow.recency_days, T=cdnow.T_days), "day")
    assert np.array_equal(days.T_days, cdnow.T_days)
    assert np.array_equal(days.key, cdnow.key)


def test_keys_follow_the_text_of_an_id():
    one, two = rfm(customer_id=[1, 2, 3]), rfm(customer_id=["1", "2", "3"])
    assert np.array_equal(one.key, two.key)
    assert len(set(rfm(customer_id=["1", "2", "12"]).key.tolist())) == 3
    assert rfm(customer_id=["é", "日本", "x"]).key.dtype == np.uint64


def test_some_customers_can_be_taken(cdnow):
    few = cdnow.take(slice(0, 3))
    assert len(few) == 3
    assert few.frame().equals(cdnow.frame().head(3))
    assert few.calendar is None
    assert len(cdnow.take(cdnow.frequency > 0)) == 946


def test_a_summary_of_itself(cdnow):
    assert repr(cdnow) == (
        "RFM of 2,357 customers to 1997-09-30, in weeks, with amounts: "
        "2,457 repeat purchases, 1,411 customers bought once"
    )
    assert repr(rfm().take(slice(1, 2))) == (
        "RFM of 1 customer, in weeks, without amounts: 0 repeat purchases, 1 customer bought once"
    )


def test_categories_are_kept_as_their_values():
    made = rfm(segment=pd.Categorical(["x", "y", "x"]))
    assert made.columns["segment"].dtype == object
    assert made.columns["segment"].tolist() == ["x", "y", "x"]
