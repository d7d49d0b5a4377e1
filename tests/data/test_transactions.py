import datetime as dt
import decimal
import pickle
import warnings

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clvmodels.data.cleaning import Tally
from clvmodels.data.datasets import load_cdnow
from clvmodels.data.transactions import Newcomers, Transactions
from clvmodels.errors import DataError, SettingError, UnitError

WHO = ["a", "a", "b"]
WHEN = ["2024-01-01", "2024-01-08", "2024-02-01"]


def days(made):
    return made.frame()["date"].astype(str).tolist()


@pytest.fixture(scope="module")
def cdnow():
    return Transactions(load_cdnow(), customer="customer_id", date="date", amount="amount")


@pytest.fixture(scope="module")
def halves(cdnow):
    return cdnow.split("1997-09-30")


# --- published numbers -----------------------------------------------------------------------------------------------


def test_cdnow_has_the_published_repeat_purchases(halves):
    # Fader, Hardie & Lee (2005), table 1 and figure 1.
    rfm = halves[0].summarize("week")
    assert len(rfm) == 2_357
    assert rfm.frequency.sum() == 2_457
    assert np.bincount(np.minimum(rfm.frequency, 7)).tolist() == [1411, 439, 214, 100, 62, 38, 29, 64]


def test_cdnow_has_the_published_first_customer(halves):
    # Fader & Hardie, "Implementing the BG/NBD model in Excel": x = 2, t_x = 30.43, T = 38.86.
    first = halves[0].summarize("week").frame().iloc[0]
    assert (first["customer_id"], first["frequency"]) == ("0001", 2)
    assert (round(first["recency"], 2), round(first["T"], 2)) == (30.43, 38.86)
    assert halves[0].summarize("day").T_days[0] == 272


def test_cdnow_has_the_published_holdout(halves):
    past, future = halves
    counts, money = future.purchases_by_customer(past.summarize().customer_id)
    assert counts.sum() == 1_882
    assert money.sum() == pytest.approx(future.frame()["amount"].sum())
    assert future.newcomers() == Newcomers(0, 0, 0.0)
    assert str(future.length) == "39 weeks"


def test_cdnow_has_the_published_spend(halves):
    # Fader & Hardie's workshop and note on the Gamma-Gamma model; its quartiles are those of (n + 1) p.
    rfm = halves[0].summarize()
    spend = rfm.money[rfm.frequency > 0]
    assert len(spend) == 946
    quartiles = np.quantile(spend, [0, 0.25, 0.5, 0.75, 1], method="weibull")
    assert quartiles == pytest.approx([2.99, 15.75, 27.50, 41.80, 299.63], abs=0.006)
    assert (spend.mean(), spend.std(ddof=1)) == pytest.approx((35.08, 30.28), abs=0.006)


def test_cdnow_keeps_its_eight_free_purchases(cdnow):
    notes = {note.name: note.tally for note in cdnow.cleaning.notes}
    assert notes["zero amounts"] == Tally(8, 8, 0.0)


# --- the same log, however it comes ----------------------------------------------------------------------------------


def berlin(frame):
    return frame.assign(date=(frame["date"] + pd.Timedelta(hours=23)).dt.tz_localize("Europe/Berlin"))


FORMS = {
    "pandas": lambda frame: frame,
    "polars": pl.from_pandas,
    "polars lazy": lambda frame: pl.from_pandas(frame).lazy(),
    "polars dates": lambda frame: pl.from_pandas(frame).with_columns(pl.col("date").dt.date()),
    "polars categories": lambda frame: pl.from_pandas(frame).with_columns(pl.col("customer_id").cast(pl.Categorical)),
    "pyarrow": pa.Table.from_pandas,
    "duckdb": duckdb.from_df,
    "arrow types": lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
    "nullable types": lambda frame: frame.convert_dtypes(),
    "shuffled": lambda frame: frame.sample(frac=1, random_state=7),
    "duplicate index": lambda frame: frame.set_index(np.zeros(len(frame), dtype=int)),
    "text": lambda frame: frame.assign(date=frame["date"].astype(str), amount=frame["amount"].astype(str)),
    "objects": lambda frame: frame.astype(object).assign(date=frame["date"].dt.date.astype(object)),
    "decimals": lambda frame: frame.assign(amount=frame["amount"].map(lambda money: decimal.Decimal(str(money)))),
    "bytes": lambda frame: frame.assign(customer_id=frame["customer_id"].str.encode("utf-8")),
    "categories": lambda frame: frame.astype({"customer_id": "category", "date": "category"}),
    "time zone": berlin,
    "polars time zone": lambda frame: pl.from_pandas(berlin(frame)),
    "pyarrow time zone": lambda frame: pa.Table.from_pandas(berlin(frame)),
    "more columns": lambda frame: frame.assign(other=None, date_of_birth=1),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_log_gives_the_same_summary(form, halves):
    past, future = Transactions(FORMS[form](load_cdnow()), "customer_id", "date", "amount").split("1997-09-30")
    expected = halves[0].summarize()
    pd.testing.assert_frame_equal(past.summarize().frame(), expected.frame(), check_exact=form != "arrow types")
    assert future.purchases_by_customer(expected.customer_id)[0].sum() == 1_882


# --- frames and arguments --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("frame", [{"who": [1]}, "orders.csv", None, [1, 2], pd.Series([1]), np.ones((2, 2))])
def test_what_is_no_dataframe_is_refused(frame):
    with pytest.raises(DataError, match="A dataframe is needed"):
        Transactions(frame, "who", "when")


def test_an_empty_log_is_refused(log):
    with pytest.raises(DataError, match="There is no row in these data"):
        log([], [])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"returns": "ignore"}, "returns = 'ignore' is not known. Use one of: 'net', 'drop', 'refuse'"),
        ({"nulls": "keep"}, "nulls = 'keep' is not known"),
        ({"zero_amounts": True}, "zero_amounts = True is not known"),
        ({"columns": "segment"}, r"columns is a list of names, such as \[\"segment\"\], and this is 'segment'"),
        ({"columns": ["who"]}, "Column 'who' has two roles"),
        ({"columns": ["T"]}, "would hide the summary's own column"),
        ({"period": "1 month"}, "not a number of whole days"),
        ({"period": "infinite"}, "not a number of whole days"),
        ({"time_zone": "Berlin"}, "'Berlin' is not a time zone"),
        ({"date_format": "%Q%d"}, "date_format = '%Q%d' cannot be used"),
        ({"observed_until": "soon"}, "observed_until = 'soon' is not a date"),
        ({"observed_until": 20240630}, "observed_until = 20240630 is not a date"),
        ({"observed_until": "2024-01-20"}, "1 of 3 rows .* after observed_until = 2024-01-20.* use split"),
        ({"acquired_since": None, "observed_until": pd.NaT}, "is not a date"),
    ],
)
def test_impossible_arguments_are_refused(log, options, message):
    with pytest.raises(SettingError, match=message):
        log(**options)


def test_a_period_without_a_unit_is_refused(log):
    with pytest.raises(UnitError, match="is not a duration"):
        log(period=1)


def test_the_log_does_not_change(log):
    made = log()
    with pytest.raises(AttributeError):
        made.period = None
    frame = pd.DataFrame({"who": WHO, "when": WHEN, "paid": [1.0, 2.0, 3.0]})
    made, before = Transactions(frame, "who", "when", "paid"), frame.copy()
    frame["paid"] = 0.0
    assert made.frame()["amount"].sum() == 6
    assert before["paid"].sum() == 6


def test_a_log_can_be_sent_elsewhere(halves):
    again = pickle.loads(pickle.dumps(halves[1]))  # noqa: S301 -- our own bytes
    assert again.newcomers() == halves[1].newcomers()
    assert again.frame().equals(halves[1].frame())


def test_the_log_describes_itself(log, halves):
    past, _ = halves
    assert repr(past) == (
        "Transactions from 1997-01-01 to 1997-09-30: 2,357 customers with 4,814 purchases worth 173,115.55, "
        "those within 1 day merged"
    )
    assert "<table>" in past._repr_html_()
    assert "worth" not in repr(log())


# --- splitting and summarising ---------------------------------------------------------------------------------------


EIGHTH = [
    "2024-01-08",
    dt.date(2024, 1, 8),
    dt.datetime(2024, 1, 8, 1),
    pd.Timestamp("2024-01-08"),
    np.datetime64("2024-01-08"),
]


@pytest.mark.parametrize("day", EIGHTH)
def test_the_day_of_the_split_belongs_to_the_past(log, day):
    past, future = log(when=["2024-01-01", "2024-01-08 23:59:59", "2024-01-09 00:00:00"]).split(day)
    assert days(past) == ["2024-01-01", "2024-01-08"]
    assert days(future) == ["2024-01-09"]
    assert (str(past.observed_until), str(future.first_day)) == ("2024-01-08", "2024-01-09")
    assert past.summarize("day").T.tolist() == [7]
    assert future.length.days == 1


@pytest.mark.parametrize("day", ["2023-12-31", "2024-02-01", "2030-01-01"])
def test_a_split_outside_the_log_is_refused(log, day):
    with pytest.raises(SettingError, match="The log goes from 2024-01-01 to 2024-02-01 and cannot be split at"):
        log().split(day)


def test_a_split_that_is_no_day_is_refused(log):
    with pytest.raises(SettingError, match="date = '01/31/2024' is not a date"):
        log().split("01/31/2024")


def test_an_empty_side_is_refused(log):
    with pytest.raises(DataError, match="There is no purchase from 2024-03-02 to 2024-06-01"):
        log(observed_until="2024-06-01").split("2024-03-01")


def test_newcomers_are_counted_apart(log):
    who, when = "abbcc", ["2024-01-01", "2024-01-05", "2024-02-01", "2024-02-02", "2024-02-09"]
    _, future = log(who, when, [1, 2, 4, 8, 16]).split("2024-01-31")
    assert future.newcomers() == Newcomers(customers=1, purchases=2, money=24)
    counts, money = future.purchases_by_customer(["c", "a", "nobody", "b", "c"])
    assert counts.tolist() == [2, 0, 0, 1, 2]
    assert money.tolist() == [24, 0, 0, 4, 24]


def test_who_returned_everything_before_the_split_is_a_newcomer_after_it(log):
    when = ["2024-01-01", "2024-01-02", "2024-01-03", "2024-02-01"]
    past, future = log("aaba", when, [5, -5, 1, 7]).split("2024-01-05")
    assert past.customer_id.tolist() == ["b"]
    assert future.newcomers() == Newcomers(1, 1, 7)


def test_a_holdout_cut_shorter_is_a_holdout(log):
    who, when = "abbcc", ["2024-01-01", "2024-01-05", "2024-02-01", "2024-02-02", "2024-02-09"]
    _, rest = log(who, when, [1, 2, 4, 8, 16]).split("2024-01-31")
    shorter, later = rest.split("2024-02-05")
    assert shorter.newcomers() == Newcomers(1, 1, 8)
    assert later.newcomers() == Newcomers(0, 0, 0)  # the c of February is known by then


def test_only_a_holdout_has_newcomers(log):
    with pytest.raises(SettingError, match="Only the second part of a split has newcomers"):
        log().newcomers()


def test_without_amounts_there_is_no_money(log):
    past, future = log().split("2024-01-15")
    assert past.summarize().monetary_value is None
    assert past.summarize().first_spend is None
    assert past.summarize().calendar.repeat_money is None
    assert future.purchases_by_customer(["a"])[1] is None
    assert future.newcomers() == Newcomers(1, 1, None)
    assert "amount" not in past.frame()
    assert past.cleaning.unaccounted == Tally(0, 0, None)


def test_silence_at_the_end_counts(log):
    assert log(observed_until="2024-02-05").summarize("week").T.tolist() == [5, 4 / 7]


def test_one_row_is_a_customer(log):
    frame = log("a", ["2024-01-01"], [5]).summarize("week").frame()
    assert frame.drop(columns="customer_id").iloc[0].tolist() == [0, 0, 0, 0, 5]


def test_one_time_buyers_alone_are_summarised(log):
    rfm = log("abc", WHEN, [1, 2, 3], observed_until="2024-03-01").summarize("day")
    assert rfm.frequency.tolist() == [0, 0, 0]
    assert rfm.money.tolist() == [0, 0, 0]
    assert rfm.T.tolist() == [60, 53, 29]


def test_longer_periods_count_from_the_first_day_of_the_log(log):
    when = ["2024-01-03", "2024-01-05", "2024-01-09", "2024-01-10", "2024-01-16", "2024-01-17"]
    made = log("bbbaaa", when, [1, 2, 4, 8, 16, 32], period="1 week")
    assert days(made) == ["2024-01-10", "2024-01-17", "2024-01-03"]
    rfm = made.summarize("week")
    assert rfm.frequency.tolist() == [1, 0]
    assert rfm.money.tolist() == [32, 0]
    assert rfm.first_spend.tolist() == [24, 7]
    assert np.all(rfm.recency <= rfm.T)
    assert rfm.period == 7


def test_the_calendar_counts_every_day(halves):
    rfm = halves[0].summarize()
    assert len(rfm.calendar.day) == 273
    assert rfm.calendar.first_purchases.sum() == 2_357
    assert rfm.calendar.repeat_purchases.sum() == 2_457
    assert rfm.calendar.repeat_money.sum() == pytest.approx((rfm.money * rfm.frequency).sum())
    assert rfm.calendar.first_purchases[85:].sum() == 0
    assert list(rfm.calendar.frame().columns) == ["day", "first_purchases", "repeat_purchases", "repeat_money"]


def test_a_summary_knows_where_it_comes_from(halves):
    rfm = halves[0].summarize("weeks")
    assert (rfm.unit, rfm.period, str(rfm.observed_until)) == ("week", 1, "1997-09-30")
    assert rfm.cleaning is halves[0].cleaning
    with pytest.raises(UnitError, match="is not a time unit"):
        halves[0].summarize("fortnight")


# --- what always holds -----------------------------------------------------------------------------------------------

orders = st.lists(
    st.tuples(st.integers(1, 4), st.integers(0, 60), st.integers(-50, 100).map(lambda cents: cents / 10)),
    min_size=1,
    max_size=40,
)


def quietly(rows, **options):
    frame = pd.DataFrame(rows, columns=["who", "day", "paid"])
    frame["day"] = np.datetime64("2024-01-01") + frame["day"].to_numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return Transactions(frame, "who", "day", "paid", **options)
        except DataError as error:
            assert "purchase" in str(error)  # noqa: PT017 -- a log without purchases is one of the right answers
            return None


@given(
    orders,
    st.sampled_from(["net", "drop"]),
    st.sampled_from(["1 day", "1 week"]),
    st.sampled_from([None, "2024-01-20"]),
)
def test_rows_customers_and_money_are_conserved(rows, returns, period, since):
    made = quietly(rows, returns=returns, period=period, acquired_since=since)
    if made is not None:
        rest = made.cleaning.unaccounted
        assert (rest.rows, rest.customers) == (0, 0)
        assert rest.money == pytest.approx(0, abs=1e-9)
        assert made.frame()["amount"].sum() == pytest.approx(made.cleaning.left.money)


@given(orders, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(rows, random):
    one = quietly(rows)
    random.shuffle(rows)
    two = quietly(rows)
    assert (one is None) == (two is None)
    if one is not None:
        assert one.frame().equals(two.frame())


@given(orders, st.integers(0, 59))
def test_a_split_loses_nothing(rows, day):
    whole = quietly(rows, returns="drop")
    if whole is None:
        return
    try:
        past, future = whole.split(dt.date(2024, 1, 1) + dt.timedelta(days=day))
    except (DataError, SettingError):
        return
    assert (
        pd.concat([past.frame(), future.frame()])
        .sort_values(["customer_id", "date"], ignore_index=True)
        .equals(whole.frame())
    )
    counts, money = future.purchases_by_customer(past.customer_id)
    new = future.newcomers()
    assert counts.sum() + new.purchases == len(future.frame())
    assert money.sum() + new.money == pytest.approx(future.frame()["amount"].sum())
    assert past.cleaning.unaccounted.money == pytest.approx(0, abs=1e-9)
    assert future.cleaning.unaccounted.customers == 0
