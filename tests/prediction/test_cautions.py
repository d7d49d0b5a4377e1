"""Cautions about a use: the customers' log begins or ends elsewhere than that of the fit."""

import warnings
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

import clvmodels as clv
from clvmodels.errors import CLVWarning
from clvmodels.prediction.cautions import of_use


@pytest.fixture(scope="module")
def log():
    return clv.datasets.load_cdnow()


@pytest.fixture(scope="module")
def fitted(log):
    return clv.fit(clv.BGNBD, summary(log), clv.MaximumLikelihood())


def summary(frame, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CLVWarning)  # a log that is cut has cautions of its own
        return clv.Transactions(
            frame, "customer_id", "date", "amount", **({"observed_until": "1998-06-30"} | options)
        ).summarize()


def names(fitted, rfm):
    return [caution.name for caution in of_use(fitted, rfm)]


def test_a_log_like_that_of_the_fit_is_none(fitted, log):
    assert fitted.observed_from == "1997-01-01"
    assert names(fitted, summary(log)) == []
    assert names(fitted, summary(log[log["customer_id"] < "0500"])) == []


def test_a_log_that_begins_later_cuts_histories(fitted, log):
    (caution,) = of_use(fitted, summary(log[log["date"] >= "1997-03-15"]))
    assert caution.name == "cut histories"
    assert "begins on 1997-03-15" in caution.text
    assert "begins on 1997-01-01, 73 days earlier" in caution.text


def test_a_few_customers_begin_later_by_chance(fitted, log):
    assert names(fitted, summary(log[log["customer_id"].isin(["0500", "0900", "2000"])])) == []


def test_customers_acquired_since_a_day_have_whole_histories(fitted, log):
    since = summary(log, acquired_since="1997-03-15")
    assert since.observed_from is None
    assert names(fitted, since) == []


def test_an_earlier_end_and_one_much_later_are_named_with_their_days(fitted, log):
    rfm = summary(log)
    (early,) = of_use(fitted, replace(rfm, observed_until=date(1998, 6, 29)))
    assert (early.name, "observed_until='1998-06-30'" in early.text) == ("early end", True)
    assert names(fitted, replace(rfm, observed_until=date(1999, 6, 30))) == []
    (old,) = of_use(fitted, replace(rfm, observed_until=date(1999, 7, 2)))
    assert (old.name, "367 days before" in old.text) == ("old fit", True)


def test_what_is_not_known_is_no_caution(fitted, log):
    rfm = summary(log[log["date"] >= "1997-03-15"])
    assert names(replace(fitted, observed_from=None, observed_until=None), rfm) == []
    assert names(fitted, replace(rfm, observed_from=None, observed_until=None)) == []


def test_prediction_and_value_warn_of_it(cdnow_spend_point, fitted, log):
    rfm = summary(log[log["date"] >= "1997-03-15"]).take(np.arange(300))
    asked = (
        lambda: clv.predict(fitted, rfm, "1 year", futures=9),
        lambda: clv.value(fitted, cdnow_spend_point, rfm, clv.Plan("1 year"), futures=9),
    )
    for ask in asked:
        with pytest.warns(CLVWarning, match="This log begins on 1997-03-15") as caught:
            ask()
        assert [warning.filename for warning in caught] == [__file__]
