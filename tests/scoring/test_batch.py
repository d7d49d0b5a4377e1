"""Batch scores: the table of the valuation or of the forecast, and the simple formula beside it."""

import numpy as np
import pandas as pd
import pytest

from clvmodels.data.rfm import RFM
from clvmodels.errors import FitError, SettingError
from clvmodels.inference.fit import fit
from clvmodels.inference.methods import Laplace
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.gamma_gamma import GammaGamma
from clvmodels.prediction.predict import predict
from clvmodels.scoring.batch import forecast, scores
from clvmodels.valuation.plan import Plan
from clvmodels.valuation.simple_formula import SimpleFormula
from clvmodels.valuation.value import Valuation, value

PLAN = Plan("1 year", discount=0.10, margin=0.30)
FORECAST = ["customer_id", "p_alive", "expected_purchases"]
SHAPE = ["mean", "median", "lower", "upper"]


@pytest.fixture(scope="module")
def few(cdnow_rfm):
    return cdnow_rfm.take(slice(80))


@pytest.fixture(scope="module")
def bare(few):
    return RFM.from_frame(few.frame()[["customer_id", "frequency", "recency", "T"]], unit="week")


@pytest.fixture(scope="module")
def fits(cdnow_rfm):
    quick = Laplace(draws=40)
    return {"purchases": fit(BGNBD, cdnow_rfm, quick), "spend": fit(GammaGamma, cdnow_rfm, quick)}


def test_with_money_the_table_is_the_valuation_and_the_simple_formula(few, fits):
    made = forecast(fits, few, PLAN, draws=40, seed=2)
    assert isinstance(made, Valuation)
    table = scores(made, PLAN)
    columns = [*FORECAST, "expected_spend", *(f"clv_{name}" for name in SHAPE), "p_zero", "clv_simple"]
    assert table.columns.tolist() == columns
    same = value(fits["purchases"], fits["spend"], few, PLAN, draws=40, seed=2).frame()
    pd.testing.assert_frame_equal(table.drop(columns="clv_simple"), same, check_exact=True)
    simple = SimpleFormula().value(few, PLAN).frame()["clv_mean"]
    assert table["clv_simple"].to_numpy() == pytest.approx(simple.to_numpy(), rel=1e-12)
    assert np.isfinite(table.drop(columns="customer_id").to_numpy()).all()


def test_without_money_the_table_is_the_forecast(few, bare, fits):
    same = predict(fits["purchases"], few, "1 year", draws=40, seed=2).frame()
    for given, rfm in ((fits, bare), (fits["purchases"], bare), ({"purchases": fits["purchases"]}, few)):
        table = scores(forecast(given, rfm, PLAN, draws=40, seed=2), PLAN)
        assert table.columns.tolist() == [*FORECAST, "p_purchase", *(f"purchases_{name}" for name in SHAPE), "p_zero"]
        pd.testing.assert_frame_equal(table, same, check_exact=True)


def test_customers_of_another_unit_are_valued_alike(few, fits):
    days = RFM.from_frame(few.frame().assign(recency=few.recency_days, T=few.T_days), unit="day")
    one, other = (scores(forecast(fits, rfm, PLAN, draws=40), PLAN) for rfm in (few, days))
    for name in ("clv_mean", "p_alive", "clv_simple", "clv_upper"):
        assert one[name].to_numpy() == pytest.approx(other[name].to_numpy(), rel=1e-6)


def test_progress_is_told_of_every_customer(few, fits):
    told = []
    scores(forecast(fits, few, PLAN, draws=40), PLAN, told.append)
    assert sum(told) == 80


def test_an_infinite_horizon_has_no_expected_purchases_but_a_value(few, fits):
    endless = Plan("infinite", discount=0.15)
    table = scores(forecast(fits, few, endless, draws=40), endless)
    assert "expected_purchases" not in table
    assert np.isfinite(table.drop(columns="customer_id").to_numpy()).all()
    assert (table["clv_simple"] > scores(forecast(fits, few, PLAN, draws=40), PLAN)["clv_simple"]).all()


def test_fits_under_other_names_are_refused(few, fits):
    with pytest.raises(SettingError, match="These are not the fits of a purchase model and a spend model"):
        forecast({"model": fits["purchases"]}, few, PLAN)
    with pytest.raises(SettingError, match="These are not the fits"):
        forecast({}, few, PLAN)


def test_a_fit_that_failed_is_refused_with_its_remedy(few, cdnow_rfm, fits):
    failed = fit(BGNBD, cdnow_rfm.take(cdnow_rfm.frequency == 0))
    with pytest.raises(FitError, match=r"BG/NBD cannot be used on these data.*Use a longer log"):
        forecast(fits | {"purchases": failed}, few, PLAN)
