"""Dates: what can be read as a day, whose day it is, and what is refused."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from clvmodels.errors import DataError, SettingError

WHEN = ["2024-01-01", "2024-01-08", "2024-02-01"]


def days(made):
    return made.frame()["date"].astype(str).tolist()


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
            ["01.02.2024 23:30 +0100", "02.02.2024 00:30 +0100", "02.02.2024 01:30 +0100"],
            {"date_format": "%d.%m.%Y %H:%M %z"},
            ["2024-02-01", "2024-02-02", "2024-02-02"],
        ),
        (["01.02.2024 23:30 UTC"] * 3, {"date_format": "%d.%m.%Y %H:%M %Z"}, ["2024-02-01", "2024-02-01"]),
        (
            ["2024-01-01T23:30-05:00", " ", "2024-01-02T23:30-05:00"],
            {"nulls": "drop"},
            ["2024-01-01", "2024-01-02"],
        ),
        (
            ["01.02.2024 23:30 +0000"] * 2 + ["02.02.2024 23:30 +0100"],
            {"date_format": "%d.%m.%Y %H:%M %z", "time_zone": "Asia/Tokyo"},
            ["2024-02-02", "2024-02-03"],
        ),
    ],
)
def test_dates_are_read(log, when, options, read):
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
            "'02/02/2024'. All dates are read with date_format='%d/%m/%Y'.$",
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
        (
            ["01.02.2024 10:00 +0000", "01.02.2024 10:00 +0100", "01.02.2024 10:00 +0100"],
            {"date_format": "%d.%m.%Y %H:%M %z"},
            "several time zones",
        ),
        (
            ["2024-01-31 10:00"] * 3,
            {"date_format": "%Y-%m-%d"},
            r"They have a time of day \(%H:%M\), which %Y-%m-%d lacks",
        ),
        (
            ["2024-01-31 10:00 UTC"] * 3,
            {"date_format": "%Y-%m-%d %H:%M"},
            r"the name of a time zone \(%Z\), which .* All dates are read with date_format='%Y-%m-%d %H:%M %Z'",
        ),
        (["2024-01-31 10:00 UTC"] * 3, {}, "All dates are read with date_format='%Y-%m-%d %H:%M %Z'"),
        (["2024-01-31 10:00+02"] * 3, {"date_format": "%Y-%m-%d %H:%M"}, r"have an offset from UTC \(%z\)"),
        (["01/02/2024"] * 3, {}, r"Say which is meant, .* date_format='%d/%m/%Y' or date_format='%m/%d/%Y'"),
        (["2024-01-31T10:00+24:00"] * 3, {}, "3 of 3 rows have a date .* '2024-01-31T10:00.24:00'"),
        (
            pd.period_range("2024-01", periods=3, freq="M"),
            {},
            r"holds periods \(2024-01, .* column.dt.to_timestamp\(\)",
        ),
        (["1/31/2024 9:05:01 PM"] * 3, {}, "All dates are read with date_format='%m/%d/%Y %I:%M:%S %p'"),
        (["31.01.2024T10:00:00.5+0200"] * 3, {}, "All dates are read with date_format='%d.%m.%YT%H:%M:%S.%f%z'"),
        (["31-Jan-2024"] * 3, {}, "All dates are read with date_format='%d-%b-%Y'"),
        ([np.datetime64("30000-01-01"), *WHEN[1:]], {}, "are not dates|after the year 9999"),
        (
            pd.to_datetime(["2024-01-01"] * 3).to_numpy().astype("datetime64[s]") + np.timedelta64(10**12, "s"),
            {},
            "3 of 3 .* after the year 9999",
        ),
        (
            ["", None, "2024-01-01"],
            {},
            r"2 of 3 rows have no usable date in column 'when' \(row numbers, from 0: 0, 1\)",
        ),
        (
            ["2024-01-01", "2190-01-01", "2024-01-02"],
            {},
            r"1 of 3 rows .* \(2190-01-01\) that is in the future.*observed_until=",
        ),
        (["2024-01-01", "9999-12-31", "2024-01-02"], {}, r"1 of 3 rows .* \(9999-12-31\) that is in the future"),
        (["1900-01-01", "2024-01-01", "2024-01-02"], {}, "before 1900-01-02, which mostly stands for 'unknown'"),
        ([dt.time(1), dt.time(2), dt.time(3)], {}, "3 of 3 rows .* hold values of the type time"),
    ],
)
def test_unclear_dates_are_refused(log, when, options, message):
    with pytest.raises(DataError, match=message):
        log(when=when, **options)


def test_dates_that_are_meant_to_be_in_the_future_are_kept(log):
    made = log(when=["2024-01-01", "2090-01-01", "2024-01-02"], observed_until="2090-12-31")
    assert str(made.observed_until) == "2090-12-31"


def test_the_report_says_which_zone_counts(log):
    when = pd.to_datetime(WHEN).tz_localize("UTC")
    assert "Days are days in UTC, the zone that the dates carry" in str(
        log(when=when).cleaning.frame()["sentence"].tolist()
    )
    told = log(when=when, time_zone="Asia/Tokyo").cleaning.notes[0]
    assert told.sentence == "Days are days in Asia/Tokyo: dates were converted from UTC."
    assert "taken to be in it" in log(time_zone="Asia/Tokyo").cleaning.notes[0].sentence
    assert not log().cleaning.notes


@pytest.mark.parametrize("date_format", ["mixed", "ISO8601", "%Y-%m", "", 5])
def test_a_format_that_does_not_say_how_a_day_is_written_is_refused(log, date_format):
    with pytest.raises(SettingError, match=r"does not say how a day is written\. Use codes, such as '%d/%m/%Y'"):
        log(date_format=date_format)
