"""The rival lifetimes: the very numbers that it gives when it is called directly, and its failures as notes."""

import sys

import numpy as np
import pandas as pd
import pytest

from clvmodels.data.rfm import RFM
from clvmodels.evaluation.lifetimes import LifetimesBGNBD, is_installed
from clvmodels.units import duration

pytestmark = pytest.mark.skipif(not is_installed(), reason="lifetimes is not installed")
HORIZON = duration("39 weeks")


def base(**columns):
    filled = {"customer_id": range(40), "frequency": 0, "recency": 0.0, "T": 30.0} | columns
    return RFM.from_frame(pd.DataFrame(filled), unit="week")


def test_its_name_is_a_contract():
    assert LifetimesBGNBD().name == "lifetimes BG/NBD"


def test_the_published_total(cdnow_rfm):
    made = LifetimesBGNBD().predict(cdnow_rfm, HORIZON, 10, 0)
    assert made.purchases.total().mean == pytest.approx(1653.4, abs=0.05)
    assert made.note == ""


def test_its_numbers_are_those_of_lifetimes_itself(cdnow_rfm):
    from lifetimes import BetaGeoFitter, GammaGammaFitter

    made = LifetimesBGNBD().predict(cdnow_rfm, HORIZON, 10, 0)
    table = cdnow_rfm.frame()
    x, t_x, T, m = (table[name] for name in ("frequency", "recency", "T", "monetary_value"))
    counts = BetaGeoFitter().fit(x, t_x, T).predict(39, x, t_x, T).to_numpy()
    returning = m > 0
    spend = GammaGammaFitter().fit(x[returning], m[returning]).conditional_expected_average_profit(x, m).to_numpy()
    assert made.purchases.frame()["purchases_mean"].to_numpy() == pytest.approx(counts, rel=1e-9)
    assert made.money.frame()["money_mean"].to_numpy() == pytest.approx(counts * spend, rel=1e-9)


def test_the_unit_is_that_of_the_rfm(cdnow_rfm):
    days = RFM.from_frame(
        cdnow_rfm.frame().assign(recency=cdnow_rfm.recency_days, T=cdnow_rfm.T_days).drop(columns="first_spend"), "day"
    )
    made = LifetimesBGNBD().predict(days, HORIZON, 10, 0)
    assert made.purchases.total().mean == pytest.approx(1653.4, abs=0.5)


def test_without_amounts_there_is_no_money(cdnow_rfm):
    bare = RFM.from_frame(cdnow_rfm.frame()[["customer_id", "frequency", "recency", "T"]], "week")
    made = LifetimesBGNBD().predict(bare, HORIZON, 10, 0)
    assert made.money is None
    assert made.purchases.total().mean == pytest.approx(1653.4, abs=0.05)


@pytest.mark.parametrize(
    "degenerate",
    [
        base(T=0.0),
        base(monetary_value=0.0),
        base(frequency=1, recency=3.0, monetary_value=0.0),
        base(frequency=5000, recency=3.0, monetary_value=5.0),
    ],
)
def test_where_it_fails_there_is_a_note(degenerate):
    made = LifetimesBGNBD().predict(degenerate, HORIZON, 10, 0)
    assert (made.purchases, made.money) == (None, None)
    assert made.note.startswith("lifetimes ")


@pytest.mark.parametrize("error", [np.linalg.LinAlgError("Singular matrix"), ZeroDivisionError(), ValueError("zeros")])
def test_an_error_of_its_arithmetic_is_a_note(cdnow_rfm, monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr("clvmodels.evaluation.lifetimes._points", fail)
    assert LifetimesBGNBD().predict(cdnow_rfm, HORIZON, 10, 0).note == "lifetimes did not converge on these data."


def test_a_number_that_is_none_is_a_note(cdnow_rfm, monkeypatch):
    counts = np.ones(len(cdnow_rfm))
    counts[:3] = np.nan
    monkeypatch.setattr("clvmodels.evaluation.lifetimes._points", lambda *_: (counts, None))
    made = LifetimesBGNBD().predict(cdnow_rfm, HORIZON, 10, 0)
    assert made.purchases is None
    assert made.note == "lifetimes has no number for 3 of 2,357 customers."


def test_whether_it_is_installed_is_found_out_without_importing_it(monkeypatch):
    monkeypatch.delitem(sys.modules, "lifetimes", raising=False)
    assert is_installed()
    assert "lifetimes" not in sys.modules
