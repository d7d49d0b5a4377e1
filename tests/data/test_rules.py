"""What each cleaning rule takes out of a log, and what it reports."""

import pytest

from clvmodels.data.cleaning import Tally
from clvmodels.errors import DataError

WHEN = ["2024-01-01", "2024-01-08", "2024-02-01"]


def test_rows_with_missing_values_are_dropped_on_request(log):
    made = log(["a", None, "b", "b", "c"], [*WHEN[:2], None, *WHEN[2:], "2024-02-02"], [1, 2, 4, None, 8], nulls="drop")
    taken = {rule.name: rule.tally for rule in made.cleaning.taken_out}
    assert taken == {"no customer": Tally(1, 0, 2), "no date": Tally(1, 0, 4), "no amount": Tally(1, 1, 0)}
    assert made.cleaning.came_in == Tally(5, 3, 15)
    assert made.cleaning.left == Tally(2, 2, 9)


def test_nothing_but_missing_values_leaves_no_purchase(log):
    with pytest.raises(DataError, match=r"no purchase in these data: 3 rows were left out \(no customer\)"):
        log([None] * 3, nulls="drop", columns=[])


def test_purchases_of_one_day_are_one_and_copies_are_counted(log):
    made = log("aaab", ["2024-01-01"] * 3 + ["2024-01-05"], [5, 5, 7, 1])
    assert made.frame()["amount"].tolist() == [17, 1]
    assert made.cleaning.taken_out[0].tally == Tally(2, 0, 0)
    assert made.cleaning.notes[0].name == "duplicate rows"
    assert made.cleaning.notes[0].tally == Tally(1, 1, 5)


def test_zero_amounts_can_be_dropped(log):
    assert log(paid=[1, 0, 3]).summarize().frequency.tolist() == [1, 0]
    assert log(paid=[1, 0, 3], zero_amounts="drop").summarize().frequency.tolist() == [0, 0]


def test_returns_are_netted_and_never_make_a_purchase(log):
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


def test_returns_of_the_same_day_are_netted_first_whatever_the_hour(log):
    made = log("aaa", ["2024-01-01 10:00", "2024-01-05 09:00", "2024-01-05 17:00"], [10, -4, 6])
    assert made.frame()["amount"].tolist() == [10, 2]


def test_sums_that_round_are_no_returns(log):
    made = log("aaaa", ["2024-01-01", "2024-01-02", "2024-01-09", "2024-01-10"], [1.0, 1.0, 0.1, 0.1], period="1 week")
    assert [rule.name for rule in made.cleaning.taken_out] == ["merged"]


def test_returns_can_be_left_out(log):
    made = log("aab", WHEN, [10, -4, 6], returns="drop")
    assert made.frame()["amount"].tolist() == [10, 6]
    assert made.cleaning.taken_out[0].tally == Tally(1, 0, -4)


def test_a_return_after_the_split_never_changes_the_past(log):
    made = log("aaab", ["2024-01-01", "2024-01-08", "2024-02-10", "2024-03-01"], [10, 20, -25, 9])
    past, future = made.split("2024-01-31")
    assert past.summarize().money.tolist() == [20]
    assert made.summarize().frequency.tolist() == [0, 0]
    assert future.purchases_by_customer(["a", "b"])[1].tolist() == [0, 9]
    assert future.cleaning.notes[-1].name == "unmatched returns"


def test_customers_acquired_earlier_are_left_out(log):
    who, when = "aabbc", ["2024-01-01", "2024-02-05", "2024-02-02", "2024-02-09", "2024-02-03"]
    made = log(who, when, [1, 2, 4, 8, 16], acquired_since="2024-02-01")
    assert made.customer_id.tolist() == ["b", "c"]
    assert str(made.first_day) == "2024-02-01"
    assert made.cleaning.taken_out[0].name == "acquired earlier"
    assert made.cleaning.taken_out[0].tally == Tally(2, 1, 3)
    with pytest.raises(DataError, match=r"no purchase in these data: 5 rows were left out \(acquired earlier\)"):
        log(who, when, acquired_since="2025-01-01")


def test_an_early_acquired_since_leaves_nobody_out(log):
    assert log(acquired_since="2023-01-01").summarize().frame().equals(log().summarize().frame())
