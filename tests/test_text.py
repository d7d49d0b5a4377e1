import numpy as np
import pytest

from clvmodels.text import DASH, change, count, decimals, join, number, percent, short, span

MINUS = "\N{MINUS SIGN}"


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        (1234.5678, 1, "1,234.6"),
        (-3, 0, f"{MINUS}3"),
        (-0.0, 0, "0"),
        (0.05, 1, "0.1"),
        (np.float64(2.5), 2, "2.50"),
        (None, 0, DASH),
        (np.inf, 0, DASH),
    ],
)
def test_numbers_have_thousands_apart_and_a_true_minus(value, places, text):
    assert number(value, places) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (999.6, "1,000"),
        (999_499, "999,499"),
        (999_500, "1.00\xa0M"),
        (999_600, "1.00\xa0M"),
        (12_345_678, "12.3\xa0M"),
        (2.5e10, "25.0\xa0B"),
        (-1234.5, f"{MINUS}1,234"),
        (-2e6, f"{MINUS}2.00\xa0M"),
        (0.004, "0.00"),
        (99.96, "100"),
        (9.996, "10.0"),
        (3, "3"),
        (None, DASH),
    ],
)
def test_short_numbers_read_well(value, text):
    assert short(value) == text


def test_one_thing_is_singular_and_any_other_number_plural():
    assert [count(n, "customer") for n in (0, 1, 2, 1000)] == [
        "0 customers",
        "1 customer",
        "2 customers",
        "1,000 customers",
    ]


def test_what_is_not_a_number_is_a_dash():
    assert percent(np.nan) == percent(None) == short(np.inf) == DASH
    assert span(1.0, np.nan) == span(None, 1.0) == change(np.nan, 1.0) == change(1.0, 0.0) == DASH
    assert decimals([np.nan, None, 0.0]) == 0


@pytest.mark.parametrize(
    ("predicted", "text"), [(1100, "+10\xa0%"), (1099, "+9.9\xa0%"), (1000, "0.0\xa0%"), (500, f"{MINUS}50\xa0%")]
)
def test_a_change_has_a_sign_and_a_decimal_where_it_is_small(predicted, text):
    assert change(predicted, 1000) == text


def test_an_interval_is_in_words():
    assert span(1490.4, 1832) == "1,490 to 1,832"
    assert span(-0.5, 0.25, 2) == f"{MINUS}0.50 to 0.25"


@pytest.mark.parametrize(("values", "places"), [([1.607], 3), ([0.0123], 5), ([134.05], 1), ([1e9], 0), ([1e-12], 8)])
def test_decimals_keep_four_digits_within_reason(values, places):
    assert decimals(values) == places


@pytest.mark.parametrize(
    ("names", "text"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_names_are_joined_as_a_phrase(names, text):
    assert join(names) == text
