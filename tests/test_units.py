import math
from datetime import timedelta

import pandas as pd
import pytest

from clvmodels.errors import SettingError, UnitError
from clvmodels.units import DAYS, Duration, duration, durations, force_of_interest, unit_name


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("39 weeks", 273),
        ("1 day", 1),
        ("1 year", 365.25),
        ("2 Years", 730.5),
        ("1 month", 30.4375),
        ("12months", 365.25),
        ("1 quarter", 91.3125),
        ("36 hours", 1.5),
        (" 1.5 days ", 1.5),
        ("infinite", math.inf),
        ("Forever", math.inf),
    ],
)
def test_text_is_read(text, days):
    assert duration(text).days == pytest.approx(days, rel=1e-15)


def test_other_kinds_of_duration_are_read():
    assert duration(timedelta(hours=36)).days == 1.5
    assert duration(pd.Timedelta("2D")).days == 2
    assert duration(Duration(3)) == Duration(3)


@pytest.mark.parametrize("wrong", [39, 39.0, None, "39", "weeks", "-3 days", "3 days 2 hours", "", True])
def test_what_is_ambiguous_is_refused(wrong):
    with pytest.raises(UnitError, match=f"{wrong!r} is not a duration. Write a number and a unit, such as '39 weeks'"):
        duration(wrong)


def test_an_unknown_unit_of_a_duration_is_named():
    with pytest.raises(UnitError, match="'fortnights' is not a time unit"):
        duration("3 fortnights")


@pytest.mark.parametrize("days", [0, -1, math.nan, -math.inf])
def test_a_duration_is_longer_than_nothing(days):
    with pytest.raises(UnitError, match="longer than nothing"):
        Duration(days)


def test_no_days_are_no_duration():
    with pytest.raises(UnitError, match="longer than nothing"):
        duration("0 days")


@pytest.mark.parametrize("unit", DAYS)
def test_counts_return_where_they_came_from(unit):
    assert duration(f"7 {unit}s").count(unit) == pytest.approx(7, rel=1e-15)


@pytest.mark.parametrize(
    ("days", "text"),
    [
        (273, "39 weeks"),
        (7, "1 week"),
        (1, "1 day"),
        (365.25, "1 year"),
        (730.5, "2 years"),
        (365.25 / 12, "1 month"),
        (0.5, "12 hours"),
        (math.inf, "infinite"),
        (1 / 7, "0.142857 days"),
    ],
)
def test_a_duration_is_written_in_its_largest_whole_unit(days, text):
    assert str(Duration(days)) == text


@pytest.mark.parametrize("name", ["week", "Weeks", " WEEK "])
def test_names_of_units_have_one_spelling(name):
    assert unit_name(name) == "week"


@pytest.mark.parametrize("wrong", ["fortnight", "", None, 7, "W", ["week"]])
def test_unknown_units_are_refused_with_the_known_ones(wrong):
    with pytest.raises(UnitError, match=r"is not a time unit. Use one of: hour, day, week, month, quarter, year\."):
        unit_name(wrong)


def test_a_year_of_weekly_force_is_the_yearly_rate():
    weeks = DAYS["year"] / DAYS["week"]
    assert math.expm1(force_of_interest(0.15, "week") * weeks) == pytest.approx(0.15, rel=1e-14)


@pytest.mark.parametrize("rate", [-0.01, 1.01, 10, math.inf, math.nan, True, "10%", None])
def test_impossible_rates_are_refused(rate):
    with pytest.raises(UnitError, match=f"effective yearly rate such as 0.10 for 10 % a year; {rate!r} is not one"):
        force_of_interest(rate, "week")


def test_several_durations_are_put_in_their_order_and_one_is_one():
    assert [str(each) for each in durations(["1 year", timedelta(days=21), "infinite"])] == [
        "3 weeks",
        "1 year",
        "infinite",
    ]
    assert durations("39 weeks") == (Duration(273.0),)


@pytest.mark.parametrize("wrong", [[], ["1 year", "12 months"], ("infinite", "forever")])
def test_durations_are_at_least_one_and_differ(wrong):
    with pytest.raises(SettingError, match="one or more different durations"):
        durations(wrong)
