"""Parts of a base add up: what is counted of each is, together, what is counted of the whole."""

import warnings
from functools import reduce
from operator import add

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clvmodels.data.datasets import load_cdnow
from clvmodels.data.rfm import Calendar
from clvmodels.data.transactions import Transactions
from clvmodels.errors import DataError


def calendar(first=(1, 0), repeat=(0, 2), money=(0.0, 5.0), start="2024-01-01"):
    return Calendar(
        np.datetime64(start) + np.arange(len(first)),
        np.array(first),
        np.array(repeat),
        None if money is None else np.array(money),
    )


def assert_same(one, other):
    pd.testing.assert_frame_equal(one.frame(), other.frame(), rtol=1e-12, atol=1e-9)


def assert_same_report(one, other):
    key = ["kind", "name", "sentence"]
    frames = (report.frame().sort_values(key, ignore_index=True) for report in (one, other))
    pd.testing.assert_frame_equal(*frames, rtol=1e-12, atol=1e-9)


def test_purchases_of_a_day_add_up():
    both = calendar() + calendar(first=(3, 1), repeat=(1, 0), money=(7.0, 0.0))
    assert_same(both, calendar(first=(4, 1), repeat=(1, 2), money=(7.0, 5.0)))


def test_money_is_missing_only_if_both_parts_lack_it():
    assert (calendar(money=None) + calendar(money=None)).repeat_money is None
    assert (calendar(money=None) + calendar()).repeat_money.tolist() == [0, 5]
    assert (calendar() + calendar(money=None)).repeat_money.tolist() == [0, 5]
    assert list(calendar(money=None).frame().columns) == ["day", "first_purchases", "repeat_purchases"]


@pytest.mark.parametrize("other", [{"start": "2024-01-02"}, {"first": (1,), "repeat": (0,), "money": (0.0,)}])
def test_parts_of_different_observations_are_refused(other):
    with pytest.raises(DataError, match=r"2024-01-01 to 2024-01-02 and .*Let all parts of a base start and end on the"):
        calendar() + calendar(**other)


def test_parts_of_cdnow_are_the_whole():
    log = load_cdnow()
    # Every part starts on the log's first day, as parts of one base do.
    pioneers = log.loc[log["date"] == "1997-01-01", "customer_id"].unique()
    part = {who: i % 3 for i, who in enumerate([*pioneers, *sorted(set(log["customer_id"]) - set(pioneers))])}

    def summary(table):
        return Transactions(table, "customer_id", "date", "amount", observed_until="1998-06-30").summarize()

    whole, parts = summary(log), [summary(rows) for _, rows in log.groupby(log["customer_id"].map(part))]
    assert_same(reduce(add, (one.calendar for one in parts)), whole.calendar)
    assert_same_report(reduce(add, (one.cleaning for one in parts)), whole.cleaning)
    gaps = reduce(add, (one.gaps for one in parts))
    assert (gaps.customers, gaps.free, gaps.even) == (whole.gaps.customers, whole.gaps.free, whole.gaps.even)
    assert gaps.dispersion == pytest.approx(whole.gaps.dispersion, rel=1e-12)
    together = reduce(add, (one.histories for one in parts))
    for name in ("x", "t_x", "T", "counts"):
        assert np.array_equal(getattr(together, name), getattr(whole.histories, name))


rows = st.tuples(
    st.sampled_from([1, 2, 3, 4, None]), st.integers(0, 20), st.integers(-30, 90).map(lambda cents: cents / 10)
)


@given(
    st.lists(rows, max_size=40),
    st.sampled_from(["net", "drop"]),
    st.sampled_from(["purchase", "drop"]),
    st.sampled_from(["1 day", "1 week"]),
)
def test_two_halves_of_any_log_are_the_whole(table, returns, zero_amounts, period):
    frame = pd.DataFrame([(0, 0, 1.0), (1, 0, 1.0), *table], columns=["who", "day", "paid"])
    frame["day"] = np.datetime64("2024-01-01") + frame["day"].to_numpy()
    even = (frame["who"] % 2 == 0).to_numpy()
    frame["who"] = frame["who"].map("customer {}".format, na_action="ignore")

    def summary(of):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Transactions(
                of,
                "who",
                "day",
                "paid",
                nulls="drop",
                returns=returns,
                zero_amounts=zero_amounts,
                period=period,
                observed_until="2024-02-01",
            ).summarize()

    try:
        one, other, whole = summary(frame[even]), summary(frame[~even]), summary(frame)
    except DataError as error:
        assert "all of them were returned in full" in str(error)  # noqa: PT017 -- the right answer for such a part
        return
    assert_same(one.calendar + other.calendar, whole.calendar)
    assert_same_report(one.cleaning + other.cleaning, whole.cleaning)
    rest = (one.cleaning + other.cleaning).unaccounted
    assert (rest.rows, rest.customers) == (0, 0)
    assert rest.money == pytest.approx(0, abs=1e-9)
