"""Numbers in text: one way of reading them that fits all, or an error that names the setting."""

import numpy as np
import pandas as pd
import pytest

from clvmodels.data.numbers import LARGEST_MONEY, Writing, read_money, read_numbers
from clvmodels.errors import DataError


def found(texts, decimal=None, thousands=None):
    column = pd.Series(texts, dtype=object)
    writing = Writing.found(column, "paid", decimal, thousands)
    return read_numbers(column, "paid", writing).tolist()


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["12.5", "7", "-1", "+3", ".5", "5.", "1e3", " 2 "], [12.5, 7, -1, 3, 0.5, 5, 1000, 2]),
        (["12,5", "7", "-1,25"], [12.5, 7, -1.25]),
        (["1.234,5", "1.234.567", "0,25"], [1234.5, 1234567, 0.25]),
        (["1,234.5", "1,234,567", "12"], [1234.5, 1234567, 12]),
        (["1 234,5", "1\u00a0234,5", "1\u202f234", "7"], [1234.5, 1234.5, 1234, 7]),
        (["1'234.50", "12'345'678"], [1234.5, 12345678]),
        (["1,234", "12.50"], [1234, 12.5]),  # alone, 1,234 could be either
        (["1.234", "12,50"], [1234, 12.5]),
        (["0.125", "0.250"], [0.125, 0.25]),  # no group of thousands starts with 0
        (["1.234", "1.5"], [1.234, 1.5]),
        (["1000", "25"], [1000, 25]),
    ],
)
def test_the_one_way_that_fits_is_found(texts, numbers):
    assert found(texts) == numbers


@pytest.mark.parametrize(
    ("texts", "settings", "number"),
    [
        (["1,234"], {"decimal": ","}, 1.234),
        (["1,234"], {"decimal": "."}, 1234),
        (["1,234"], {"thousands": ","}, 1234),
        (["1,234"], {"thousands": ""}, 1.234),
        (["1.234"], {"decimal": "."}, 1.234),
        (["1.234"], {"decimal": ","}, 1234),
        (["1.234"], {"thousands": "."}, 1234),
    ],
)
def test_a_setting_decides_between_two_ways(texts, settings, number):
    with pytest.raises(DataError, match=rf"two ways: '{texts[0]}' is .* Pass decimal= or thousands= to say which\.$"):
        found(texts)
    assert found(texts, **settings) == [number]


@pytest.mark.parametrize(
    "text", ["$5", "1,23,456", "12,34.5", "1.2.3", "(5)", "5-", "0x10", "1_000", "inf", "5 €", "٣"]
)
def test_what_is_no_number_in_any_way_is_refused(text):
    with pytest.raises(
        DataError, match=r"1 of 2 values in column 'paid' are not numbers: .*decimal=','.*thousands=','"
    ):
        found([text, "7"])


def test_objects_may_be_numbers_beside_text():
    assert read_numbers(pd.Series([1, "2.5", None, ""], dtype=object), "paid").tolist() == pytest.approx(
        [1, 2.5, np.nan, np.nan], nan_ok=True
    )


def test_money_that_loses_cents_is_refused():
    assert read_money(pd.Series([LARGEST_MONEY, -LARGEST_MONEY, np.inf]), "paid")[0] + 0.01 > LARGEST_MONEY
    with pytest.raises(
        DataError, match=r"2 of 3 values in column 'paid' are beyond 1e\+13 \(20000000000000.0, -1e\+290\)"
    ):
        read_money(pd.Series([2e13, -1e290, 5]), "paid")
