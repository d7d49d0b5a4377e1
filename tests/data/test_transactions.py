import datetime as dt
import decimal
import pickle
import uuid
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
from clvmodels.errors import DataError, LeftTruncationWarning, MergedPurchasesWarning, SettingError, UnitError

WHO = ["a", "a", "b"]
WHEN = ["2024-01-01", "2024-01-08", "2024-02-01"]


def log(who=WHO, when=WHEN, paid=None, **options):
    """Return a log of a few rows."""
    frame = pd.DataFrame({"who": list(who), "when": list(when)})
    if paid is None:
        return Transactions(frame, "who", "when", **options)
    return Transactions(frame.assign(paid=list(paid)), "who", "when", "paid", **options)


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
    ],
)
def test_ids_are_whole_numbers_or_text(who, ids):
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
        ([(1, 2), (1, 2), (3, 4)], "holds tuple values"),
    ],
)
def test_ambiguous_ids_are_refused(who, message):
    with pytest.raises(DataError, match=message):
        log(who)


# --- days ------------------------------------------------------------------------------------------------------------

UTC, EAST = dt.UTC, dt.timezone(dt.timedelta(hours=2))


@pytest.mark.parametrize(
    ("when", "options", "read"),
    [
        (["2024-01-01", "2024-01-02T23:59:59", " 2024-01-03 00:00 "], {}, ["2024-01-01", "2024-01-02", "2024-01-03"]),
        (
            ["31/01/2024", "01/02/2024", "02/02/2024"],
            {"date_format": "%d/%m/%Y"},
            ["2024-01-31", "2024-02-01", "2024-02-02"],
        ),
        ([20240131, 20240201, 20240202], {"date_format": "%Y%m%d"}, ["2024-01-31", "2024-02-01", "2024-02-02"]),
        (
            [dt.date(2024, 1, 1), dt.datetime(2024, 1, 2, 5), dt.date(2024, 1, 3)],
            {},
            ["2024-01-01", "2024-01-02", "2024-01-03"],
        ),
        # An evening in New York is a day later in Berlin; without a time zone given, the clock on the wall counts.
        (pd.to_datetime(WHEN).tz_localize("America/New_York") + pd.Timedelta("20h"), {}, WHEN),
        (
            pd.to_datetime(WHEN).tz_localize("America/New_York") + pd.Timedelta("20h"),
            {"time_zone": "Europe/Berlin"},
            ["2024-01-02", "2024-01-09", "2024-02-02"],
        ),
        (WHEN, {"time_zone": "Europe/Berlin"}, WHEN),
        (
            ["2024-01-01T23:30:00Z", "2024-01-05T23:30+02:00", "2024-01-09T23:30-0500"],
            {"time_zone": "Europe/Berlin"},
            ["2024-01-02", "2024-01-05", "2024-01-10"],
        ),
        (
            ["2024-01-01T23:30Z", "2024-01-02T23:30+00:00", "2024-01-03T23:30+00"],
            {},
            ["2024-01-01", "2024-01-02", "2024-01-03"],
        ),
        (["2024-01-01T23:30-05:00"] * 2 + ["2024-01-02T23:30-0500"], {}, ["2024-01-01", "2024-01-02"]),
        (
            [
                dt.datetime(2024, 1, 1, 23, tzinfo=UTC),
                dt.datetime(2024, 1, 2, 1, tzinfo=EAST),
                dt.datetime(2024, 1, 4, tzinfo=UTC),
            ],
            {"time_zone": "UTC"},
            ["2024-01-01", "2024-01-04"],
        ),
        (
            ["01.02.2024 23:30 +0000"] * 2 + ["02.02.2024 23:30 +0100"],
            {"date_format": "%d.%m.%Y %H:%M %z", "time_zone": "Asia/Tokyo"},
            ["2024-02-02", "2024-02-03"],
        ),
    ],
)
def test_dates_are_read(when, options, read):
    assert days(log(when=when, **options)) == read


@pytest.mark.parametrize(
    ("when", "options", "message"),
    [
        (
            ["2024-01-01", "soon", "later"],
            {},
            r"2 of 3 rows have a date in column 'when' that is not like 2024-01-31 \(ISO\): 'soon', 'later'",
        ),
        (
            ["31/01/2024", "01/02/2024", "02/02/2024"],
            {},
            "say how dates are written, for example date_format='%d/%m/%Y'",
        ),
        (
            ["31/01/2024", "01/02/2024", "02/02/2024"],
            {"date_format": "%m/%d/%Y"},
            "1 of 3 rows .* that date_format='%m/%d/%Y' cannot read: '31/01/2024'",
        ),
        (["2024-01", "2024-02", "2024"], {}, "3 of 3 rows have a date .* '2024-01', '2024-02', '2024'"),
        (
            ["2024-01-01", None, "2024-01-02"],
            {},
            r"1 of 3 rows have no usable date in column 'when' \(row numbers, from 0: 1\)",
        ),
        ([None, None, None], {}, "3 of 3 rows have no usable date"),
        (
            [20240131, 20240201, 20240202],
            {},
            r"numbers \(20240131, 20240201, 20240202\).*date_format='%Y%m%d'.*unit='s'",
        ),
        ([1.7e9, 1.7e9, 1.7e9], {}, "a number is not a date"),
        (pd.to_datetime([20240131, 20240201, 20240202], unit="ns"), {}, "All dates in column 'when' are 1970-01-01"),
        ([True, False, True], {}, "a number is not a date"),
        (["2024-01-01T23:30Z", "2024-01-02T01:00", "2024-01-03"], {}, r"with a time zone \(1\) and without \(2\)"),
        (
            [dt.datetime(2024, 1, 1, tzinfo=UTC), dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 1)],
            {},
            r"with a time zone \(1\) and without \(2\)",
        ),
        (
            ["2024-01-01T23:30Z", "2024-01-02T01:00+02:00", "2024-01-03T00:00Z"],
            {},
            "several time zones.*time_zone='Europe/Berlin'",
        ),
        (
            [
                dt.datetime(2024, 1, 1, tzinfo=UTC),
                dt.datetime(2024, 1, 1, 2, tzinfo=EAST),
                dt.datetime(2024, 1, 2, tzinfo=UTC),
            ],
            {},
            "several time zones",
        ),
        (["01.02.2024 +0000"] * 3, {"date_format": "%d.%m.%Y %z"}, "several time zones"),
        (
            ["2024-01-01", "2190-01-01", "2024-01-02"],
            {},
            r"1 of 3 rows .* \(2190-01-01\) that is in the future.*observed_until=",
        ),
        (["2024-01-01", "9999-12-31", "2024-01-02"], {}, r"1 of 3 rows .* \(9999-12-31\) that is in the future"),
        (["1900-01-01", "2024-01-01", "2024-01-02"], {}, "before 1900-01-02, which mostly stands for 'unknown'"),
        ([dt.time(1), dt.time(2), dt.time(3)], {}, r"values that are not dates \(time\)"),
    ],
)
def test_unclear_dates_are_refused(when, options, message):
    with pytest.raises(DataError, match=message):
        log(when=when, **options)


def test_dates_that_are_meant_to_be_in_the_future_are_kept():
    made = log(when=["2024-01-01", "2090-01-01", "2024-01-02"], observed_until="2090-12-31")
    assert str(made.observed_until) == "2090-12-31"


def test_the_report_says_which_zone_counts():
    when = pd.to_datetime(WHEN).tz_localize("UTC")
    assert "Days are days in UTC, the zone that the dates carry" in str(
        log(when=when).cleaning.frame()["sentence"].tolist()
    )
    told = log(when=when, time_zone="Asia/Tokyo").cleaning.notes[0]
    assert told.sentence == "Days are days in Asia/Tokyo: dates were converted from UTC."
    assert "taken to be in it" in log(time_zone="Asia/Tokyo").cleaning.notes[0].sentence
    assert not log().cleaning.notes


# --- amounts ---------------------------------------------------------------------------------------------------------


def test_text_amounts_are_read():
    assert log(paid=["1.50", " 2 ", "3e2"]).frame()["amount"].tolist() == [1.5, 2, 300]


@pytest.mark.parametrize(
    ("paid", "options", "message"),
    [
        ([1, None, 3], {}, r"1 of 3 rows have no usable amount \(missing or infinite\) in column 'paid'"),
        ([1, np.inf, 3], {}, "1 of 3 rows have no usable amount"),
        (["1", "", "3"], {}, "1 of 3 rows have no usable amount"),
        (["1,234.50", "$2", "3"], {}, r"2 of 3 values in column 'paid' are not numbers: '1,234.50', '\$2'"),
        (["1", "n/a", "3"], {}, "1 of 3 values in column 'paid' are not numbers: 'n/a'"),
        ([True, False, True], {}, "must hold numbers, and holds boolean"),
        (pd.array([True, 2.5, 1], dtype=object), {}, "not numbers: True"),
        (pd.to_datetime(WHEN), {}, "must hold numbers, and holds datetime"),
        ([-1, -2, -3], {}, r"no purchase in these data: 3 rows are returns \(negative amounts\)"),
        ([-1, -2, -3], {"returns": "drop"}, "no purchase in these data"),
        ([-1, 2, 3], {"returns": "refuse"}, "1 of 3 rows have a negative amount: -1.0. If they are returns"),
        ([0, 0, 0], {"zero_amounts": "drop"}, r"no purchase in these data: 3 rows were left out \(zero amounts\)"),
    ],
)
def test_unclear_amounts_are_refused(paid, options, message):
    with pytest.raises(DataError, match=message):
        log(paid=paid, **options)


def test_purchases_that_are_all_returned_are_refused():
    with pytest.raises(DataError, match=r"No purchase is left .* all of them were returned in full"):
        log("aaa", paid=[3, -1, -2])


def test_large_amounts_keep_small_ones():
    rfm = log(paid=[1e12, 0.01, 5]).summarize()
    assert rfm.money.tolist() == [0.01, 0]
    assert rfm.first_spend.tolist() == [1e12, 5]


# --- frames and arguments --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("frame", [{"who": [1]}, "orders.csv", None, [1, 2], pd.Series([1]), np.ones((2, 2))])
def test_what_is_no_dataframe_is_refused(frame):
    with pytest.raises(DataError, match="A dataframe is needed"):
        Transactions(frame, "who", "when")


def test_an_empty_log_is_refused():
    with pytest.raises(DataError, match="There is no row in these data"):
        log([], [])


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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"returns": "ignore"}, "returns = 'ignore' is not known. Use one of: 'net', 'drop', 'refuse'"),
        ({"nulls": "keep"}, "nulls = 'keep' is not known"),
        ({"zero_amounts": True}, "zero_amounts = True is not known"),
        ({"columns": "segment"}, r"columns = 'segment' must be a list of names, such as \['segment'\]"),
        ({"columns": ["who"]}, "Column 'who' has two roles"),
        ({"columns": ["T"]}, "would hide the summary's own column"),
        ({"period": "1 month"}, "not a number of whole days"),
        ({"period": "infinite"}, "not a number of whole days"),
        ({"time_zone": "Berlin"}, "'Berlin' is not a time zone"),
        ({"date_format": "%Q"}, "date_format = '%Q' cannot be used"),
        ({"observed_until": "soon"}, "observed_until = 'soon' is not a date"),
        ({"observed_until": 20240630}, "observed_until = 20240630 is not a date"),
        ({"observed_until": "2024-01-20"}, "1 of 3 rows .* after observed_until = 2024-01-20.* use split"),
        ({"acquired_since": None, "observed_until": pd.NaT}, "is not a date"),
    ],
)
def test_impossible_arguments_are_refused(options, message):
    with pytest.raises(SettingError, match=message):
        log(**options)


def test_a_period_without_a_unit_is_refused():
    with pytest.raises(UnitError, match="is not a duration"):
        log(period=1)


def test_the_log_does_not_change():
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


# --- cleaning --------------------------------------------------------------------------------------------------------


def test_rows_with_missing_values_are_dropped_on_request():
    made = log(["a", None, "b", "b", "c"], [*WHEN[:2], None, *WHEN[2:], "2024-02-02"], [1, 2, 4, None, 8], nulls="drop")
    taken = {rule.name: rule.tally for rule in made.cleaning.taken_out}
    assert taken == {"no customer": Tally(1, 0, 2), "no date": Tally(1, 0, 4), "no amount": Tally(1, 1, 0)}
    assert made.cleaning.came_in == Tally(5, 3, 15)
    assert made.cleaning.left == Tally(2, 2, 9)


def test_nothing_but_missing_values_leaves_no_purchase():
    with pytest.raises(DataError, match=r"no purchase in these data: 3 rows were left out \(no customer\)"):
        log([None] * 3, nulls="drop", columns=[])


def test_purchases_of_one_day_are_one_and_copies_are_counted():
    made = log("aaab", ["2024-01-01"] * 3 + ["2024-01-05"], [5, 5, 7, 1])
    assert made.frame()["amount"].tolist() == [17, 1]
    assert made.cleaning.taken_out[0].tally == Tally(2, 0, 0)
    assert made.cleaning.notes[0].name == "duplicate rows"
    assert made.cleaning.notes[0].tally == Tally(1, 1, 5)


def test_zero_amounts_can_be_dropped():
    assert log(paid=[1, 0, 3]).summarize().frequency.tolist() == [1, 0]
    assert log(paid=[1, 0, 3], zero_amounts="drop").summarize().frequency.tolist() == [0, 0]


def test_returns_are_netted_and_never_make_a_purchase():
    who, when = (
        "aaaabbc",
        ["2024-01-01", "2024-01-05", "2024-01-09", "2024-01-20", "2024-01-02", "2024-01-03", "2024-01-04"],
    )
    made = log(who, when, [10, 20, 30, -40, 5, -5, -7])
    rfm = made.summarize("day")
    assert rfm.frame().to_dict("records") == [
        {"customer_id": "a", "frequency": 1, "recency": 4, "T": 19, "monetary_value": 10, "first_spend": 10}
    ]
    taken = {rule.name: rule.tally for rule in made.cleaning.taken_out}
    assert taken == {"returns": Tally(3, 1, -52), "refunded": Tally(2, 1, 45)}
    assert made.cleaning.notes[-1].tally == Tally(1, 1, -7)
    assert made.cleaning.unaccounted == Tally(0, 0, 0)


def test_returns_of_the_same_day_are_netted_first_whatever_the_hour():
    made = log("aaa", ["2024-01-01 10:00", "2024-01-05 09:00", "2024-01-05 17:00"], [10, -4, 6])
    assert made.frame()["amount"].tolist() == [10, 2]


def test_sums_that_round_are_no_returns():
    made = log("aaaa", ["2024-01-01", "2024-01-02", "2024-01-09", "2024-01-10"], [1.0, 1.0, 0.1, 0.1], period="1 week")
    assert [rule.name for rule in made.cleaning.taken_out] == ["merged"]


def test_returns_can_be_left_out():
    made = log("aab", WHEN, [10, -4, 6], returns="drop")
    assert made.frame()["amount"].tolist() == [10, 6]
    assert made.cleaning.taken_out[0].tally == Tally(1, 0, -4)


def test_a_return_after_the_split_never_changes_the_past():
    made = log("aaab", ["2024-01-01", "2024-01-08", "2024-02-10", "2024-03-01"], [10, 20, -25, 9])
    past, future = made.split("2024-01-31")
    assert past.summarize().money.tolist() == [20]
    assert made.summarize().frequency.tolist() == [0, 0]
    assert future.purchases_by_customer(["a", "b"])[1].tolist() == [0, 9]
    assert future.cleaning.notes[-1].name == "unmatched returns"


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


def test_the_log_describes_itself(halves):
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
def test_the_day_of_the_split_belongs_to_the_past(day):
    past, future = log(when=["2024-01-01", "2024-01-08 23:59:59", "2024-01-09 00:00:00"]).split(day)
    assert days(past) == ["2024-01-01", "2024-01-08"]
    assert days(future) == ["2024-01-09"]
    assert (str(past.observed_until), str(future.first_day)) == ("2024-01-08", "2024-01-09")
    assert past.summarize("day").T.tolist() == [7]
    assert future.length.days == 1


@pytest.mark.parametrize("day", ["2023-12-31", "2024-02-01", "2030-01-01"])
def test_a_split_outside_the_log_is_refused(day):
    with pytest.raises(SettingError, match="The log goes from 2024-01-01 to 2024-02-01 and cannot be split at"):
        log().split(day)


def test_a_split_that_is_no_day_is_refused():
    with pytest.raises(SettingError, match="date = '01/31/2024' is not a date"):
        log().split("01/31/2024")


def test_an_empty_side_is_refused():
    with pytest.raises(DataError, match="There is no purchase from 2024-03-02 to 2024-06-01"):
        log(observed_until="2024-06-01").split("2024-03-01")


def test_newcomers_are_counted_apart():
    who, when = "abbcc", ["2024-01-01", "2024-01-05", "2024-02-01", "2024-02-02", "2024-02-09"]
    _, future = log(who, when, [1, 2, 4, 8, 16]).split("2024-01-31")
    assert future.newcomers() == Newcomers(customers=1, purchases=2, money=24)
    counts, money = future.purchases_by_customer(["c", "a", "nobody", "b", "c"])
    assert counts.tolist() == [2, 0, 0, 1, 2]
    assert money.tolist() == [24, 0, 0, 4, 24]


def test_who_returned_everything_before_the_split_is_a_newcomer_after_it():
    when = ["2024-01-01", "2024-01-02", "2024-01-03", "2024-02-01"]
    past, future = log("aaba", when, [5, -5, 1, 7]).split("2024-01-05")
    assert past.customer_id.tolist() == ["b"]
    assert future.newcomers() == Newcomers(1, 1, 7)


def test_only_a_holdout_has_newcomers():
    with pytest.raises(SettingError, match="Only the second part of a split has newcomers"):
        log().newcomers()


def test_ids_of_another_type_are_refused_rather_than_not_found():
    with pytest.raises(DataError, match="like 'a', and these are like 1: text and numbers never match"):
        log().purchases_by_customer([1, 2])
    assert log([1, 1, 2]).purchases_by_customer(pd.Series([2.0, 1.0]))[0].tolist() == [1, 2]


def test_without_amounts_there_is_no_money():
    past, future = log().split("2024-01-15")
    assert past.summarize().monetary_value is None
    assert past.summarize().first_spend is None
    assert past.summarize().calendar.repeat_money is None
    assert future.purchases_by_customer(["a"])[1] is None
    assert future.newcomers() == Newcomers(1, 1, None)
    assert "amount" not in past.frame()
    assert past.cleaning.unaccounted == Tally(0, 0, None)


def test_silence_at_the_end_counts():
    assert log(observed_until="2024-02-05").summarize("week").T.tolist() == [5, 4 / 7]


def test_one_row_is_a_customer():
    frame = log("a", ["2024-01-01"], [5]).summarize("week").frame()
    assert frame.drop(columns="customer_id").iloc[0].tolist() == [0, 0, 0, 0, 5]


def test_one_time_buyers_alone_are_summarised():
    rfm = log("abc", WHEN, [1, 2, 3], observed_until="2024-03-01").summarize("day")
    assert rfm.frequency.tolist() == [0, 0, 0]
    assert rfm.money.tolist() == [0, 0, 0]
    assert rfm.T.tolist() == [60, 53, 29]


def test_longer_periods_count_from_the_first_day_of_the_log():
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


# --- warnings --------------------------------------------------------------------------------------------------------


def simulated(seed, days=1_000, start=0, acquired=4.0):
    """Simulate BG/NBD customers who arrive at a constant rate, and keep the log from a day on."""
    random = np.random.default_rng(seed)
    born = np.sort(random.uniform(0, days, random.poisson(acquired * days)))
    rate, drop = random.gamma(0.5, 1 / 30, len(born)), random.beta(0.8, 2.5, len(born))
    count = random.geometric(drop)
    gaps = random.exponential(1, count.sum()) / np.repeat(rate, count)
    first = np.concatenate([[0], np.cumsum(count)[:-1]])
    gaps[first] = 0
    when = np.repeat(born, count) + np.cumsum(gaps) - np.repeat(np.cumsum(gaps)[first], count)
    seen = (when < days) & (when >= start)
    stamps = np.datetime64("2021-01-01") + when[seen].astype("timedelta64[D]")
    return pd.DataFrame({"who": np.repeat(np.arange(len(born)), count)[seen], "when": stamps})


@pytest.mark.parametrize("seed", range(20))
def test_even_acquisition_is_no_truncation(seed):
    Transactions(simulated(seed), "who", "when").summarize()  # a warning would be an error


@pytest.mark.parametrize("seed", range(5))
def test_a_log_that_starts_late_is_noticed(seed):
    frame = simulated(seed, start=400)
    message = (
        r"customers have their first purchase in the first 30 days of the log, against .*acquired_since='2022-05-06'"
    )
    with pytest.warns(LeftTruncationWarning, match=message) as caught:
        Transactions(frame, "who", "when").summarize()
    assert caught[0].filename == __file__
    Transactions(frame, "who", "when", acquired_since="2022-05-06").summarize()


def test_growth_and_short_logs_are_no_truncation():
    even = pd.DataFrame({"who": range(2_000), "when": np.datetime64("2024-01-01") + np.arange(2_000) % 50})
    Transactions(even, "who", "when").summarize()
    growth = np.datetime64("2023-01-01") + np.sqrt(np.linspace(0, 300**2, 5_000)).astype(int)
    Transactions(pd.DataFrame({"who": range(5_000), "when": growth}), "who", "when").summarize()


def test_customers_acquired_earlier_are_left_out():
    who, when = "aabbc", ["2024-01-01", "2024-02-05", "2024-02-02", "2024-02-09", "2024-02-03"]
    made = log(who, when, [1, 2, 4, 8, 16], acquired_since="2024-02-01")
    assert made.customer_id.tolist() == ["b", "c"]
    assert str(made.first_day) == "2024-02-01"
    assert made.cleaning.taken_out[0].name == "acquired earlier"
    assert made.cleaning.taken_out[0].tally == Tally(2, 1, 3)
    with pytest.raises(DataError, match=r"no purchase in these data: 5 rows were left out \(acquired earlier\)"):
        log(who, when, acquired_since="2025-01-01")


def test_an_early_acquired_since_leaves_nobody_out():
    assert log(acquired_since="2023-01-01").summarize().frame().equals(log().summarize().frame())


def test_customers_who_buy_in_every_period_are_noticed():
    when = np.datetime64("2024-01-01") + np.arange(0, 210, 3)
    with pytest.warns(
        MergedPurchasesWarning, match="100\N{NO-BREAK SPACE}% .* 1 customer with .* 1 week .* Choose a shorter period"
    ) as caught:
        log("a" * 70, when, period="1 week").summarize()
    assert caught[0].filename == __file__
    log("a" * 70, when).summarize()
    with pytest.warns(MergedPurchasesWarning, match="as accounts rather than customers"):
        log("a" * 30, np.datetime64("2024-01-01") + np.arange(30)).summarize()


def test_a_few_heavy_buyers_are_not_worth_a_warning():
    when = [*np.datetime64("2024-01-01") + np.arange(20), *np.datetime64("2024-01-01") + np.arange(500) % 30]
    log([0] * 20 + list(range(1, 501)), when).summarize()


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
