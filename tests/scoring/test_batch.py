"""Batch scores: the table of the valuation or of the forecast, and the simple formula beside it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from clvmodels.cautions import Caution
from clvmodels.data.rfm import RFM
from clvmodels.errors import FitError, InfiniteMeanWarning, PriorWarning, SettingError
from clvmodels.inference.fit import fit
from clvmodels.inference.methods import Laplace, MaximumLikelihood
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.gamma_gamma import GammaGamma
from clvmodels.prediction.predict import predict
from clvmodels.scoring.batch import forecast, scores, segments
from clvmodels.valuation.plan import Plan
from clvmodels.valuation.simple_formula import SimpleFormula
from clvmodels.valuation.value import Valuation, value

PLAN = Plan("1 year", discount=0.10, margin=0.30)
SHAPE = ["mean", "sd", "median", "lower", "upper"]
COUNTS = ["customer_id", "p_alive", "p_purchase", *(f"purchases_{name}" for name in SHAPE), "p_zero"]
COLUMNS = ["customer_id", "p_alive", "expected_purchases", "discounted_purchases", "expected_spend"]
COLUMNS += [*(f"clv_{name}" for name in SHAPE), "p_zero", "past_value", "lifetime_value_mean", "clv_simple"]


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
    made = forecast(fits, few, PLAN, futures=40, seed=2)
    assert isinstance(made, Valuation)
    table = scores(made, PLAN)
    assert table.columns.tolist() == COLUMNS
    same = value(fits["purchases"], fits["spend"], few, PLAN, futures=40, seed=2).frame()
    pd.testing.assert_frame_equal(table.drop(columns="clv_simple"), same, check_exact=True)
    simple = SimpleFormula().value(few, PLAN).frame()["clv_mean"]
    assert table["clv_simple"].to_numpy() == pytest.approx(simple.to_numpy(), rel=1e-12)
    assert np.isfinite(table.drop(columns="customer_id").to_numpy()).all()


def test_money_that_is_not_discounted_is_called_money(few, fits):
    plan = Plan("1 year", margin=0.30)
    table = scores(forecast(fits, few, plan, futures=40, seed=2), plan)
    without = [name for name in COLUMNS if name != "discounted_purchases"]
    assert table.columns.tolist() == [name.replace("clv_", "money_") for name in without]
    simple = SimpleFormula().value(few, plan).frame()["money_mean"]
    assert table["money_simple"].to_numpy() == pytest.approx(simple.to_numpy(), rel=1e-12)


def test_without_money_the_table_is_the_forecast(few, bare, fits):
    same = predict(fits["purchases"], few, "1 year", futures=40, seed=2).frame()
    for given, rfm in ((fits, bare), (fits["purchases"], bare), ({"purchases": fits["purchases"]}, few)):
        table = scores(forecast(given, rfm, Plan("1 year"), futures=40, seed=2), Plan("1 year"))
        assert table.columns.tolist() == COUNTS
        pd.testing.assert_frame_equal(table, same, check_exact=True)


def test_customers_of_another_unit_are_valued_alike(few, fits):
    days = RFM.from_frame(few.frame().assign(recency=few.recency_days, T=few.T_days), unit="day")
    one, other = (scores(forecast(fits, rfm, PLAN, futures=40), PLAN) for rfm in (few, days))
    for name in ("clv_mean", "p_alive", "clv_simple", "clv_upper"):
        assert one[name].to_numpy() == pytest.approx(other[name].to_numpy(), rel=1e-6)


def test_progress_is_told_of_every_customer(few, fits):
    told = []
    scores(forecast(fits, few, PLAN, futures=40), PLAN, told.append)
    assert sum(told) == 80


def test_an_infinite_horizon_has_no_expected_purchases_but_a_value(few, fits):
    endless = Plan("infinite", discount=0.15)
    table = scores(forecast(fits, few, endless, futures=40), endless)
    assert "expected_purchases" not in table
    assert np.isfinite(table.drop(columns="customer_id").to_numpy()).all()
    assert (table["clv_simple"] > scores(forecast(fits, few, PLAN, futures=40), PLAN)["clv_simple"]).all()


def test_with_several_horizons_each_row_is_that_of_its_horizon_alone(few, fits):
    own = RFM.from_frame(few.frame().assign(share=np.linspace(0.1, 0.9, 80)), unit="week")
    plan = Plan(["2 years", "3 months"], 0.10, "share", cost_per_purchase=1.0, cost_to_serve=3.0)
    table = scores(forecast(fits, own, plan, futures=40, seed=2), plan)
    assert table.columns.tolist() == ["customer_id", "horizon", *COLUMNS[1:]]
    assert table["horizon"].tolist() == ["3 months"] * 80 + ["2 years"] * 80
    for horizon in ("3 months", "2 years"):
        alone = replace(plan, horizon=horizon)
        expected = scores(forecast(fits, own, alone, futures=40, seed=2), alone)
        part = table[table["horizon"] == horizon].drop(columns="horizon").reset_index(drop=True)
        pd.testing.assert_frame_equal(part, expected, rtol=1e-12)
        simple = SimpleFormula().value(own, alone, resamples=1).frame()["clv_mean"]
        assert part["clv_simple"].tolist() == simple.tolist()
    assert (table["clv_simple"][:80] != table["clv_simple"][80:].to_numpy()).all()


def test_several_horizons_without_money_are_forecasts(few, bare, fits):
    plan = Plan(["1 year", "13 weeks"])
    table = scores(forecast(fits, bare, plan, futures=40, seed=2), plan)
    same = predict(fits["purchases"], few, ["13 weeks", "1 year"], futures=40, seed=2).frame()
    pd.testing.assert_frame_equal(table, same, check_exact=True)


@pytest.mark.parametrize("money", [True, False])
def test_threads_change_nothing(few, bare, fits, money):
    rfm, plan = (few, PLAN) if money else (bare, Plan("1 year"))
    one, three = (scores(forecast(fits, rfm, plan, 40, 2, threads), plan) for threads in (1, 3))
    pd.testing.assert_frame_equal(one, three, check_exact=True)
    with pytest.raises(SettingError, match="threads=0 is not"):
        forecast(fits, rfm, plan, 40, 2, 0)


@pytest.mark.parametrize("horizon", ["1 year", "infinite"])
def test_settings_about_money_are_refused_where_there_is_none(few, bare, fits, horizon):
    with pytest.raises(SettingError, match="there is no amount"):
        forecast(fits, bare, Plan(horizon, 0.1))
    with pytest.raises(SettingError, match="no fit of a spend model"):
        forecast(fits["purchases"], few, Plan(horizon, 0.1))


@pytest.mark.parametrize("horizons", ["1 year", ["3 months", "1 year"]])
def test_segments_are_sums_within_each_horizon(few, fits, horizons):
    channel = np.where(np.arange(80) % 4 == 0, "web", "shop")
    own = RFM.from_frame(few.frame().assign(channel=channel), unit="week")
    made, told = forecast(fits, own, Plan(horizons, 0.10), futures=40, seed=2), []
    table = segments(made, "channel", told.append)
    assert sum(told) == 80 * len(made.horizons)
    for horizon in made.horizons:
        rows = table if isinstance(horizons, str) else table[table["horizon"] == horizon]
        assert rows["segment"].tolist() == ["shop", "web"]
        assert rows["customers"].tolist() == [60, 20]
        expected = made.at(horizon).by("channel")
        assert rows["clv_mean"].tolist() == [total.mean for total in expected.totals]
        assert rows["clv_lower"].tolist() == [total.interval().lower for total in expected.totals]
        assert rows["expected_upper"].tolist() == [total.expected_interval().upper for total in expected.totals]
    assert ("horizon" in table) == (not isinstance(horizons, str))
    assert len(table) == 2 * len(made.horizons)


def test_infinite_means_leave_their_columns_empty_with_a_warning(few, fits):
    wild = replace(fits["spend"], sample=GammaGamma(*(np.full((40, 1), value) for value in (6.0, 0.5, 15.0))))
    valued = forecast(fits | {"spend": wild}, few, PLAN, futures=40)
    with pytest.warns(InfiniteMeanWarning, match="infinite expected spend under some draws.* Columns of means are emp"):
        table = scores(valued, PLAN)
    empty = ["expected_spend", "clv_mean", "clv_sd", "lifetime_value_mean"]
    assert table[empty].isna().all(axis=None)
    assert table.drop(columns=empty).notna().all(axis=None)
    assert set(table) == {*scores(forecast(fits, few, PLAN, futures=40), PLAN)}
    without = scores(valued, PLAN, means=False)  # and no warning
    assert set(table) - set(without) == set(empty)


def test_a_fit_with_a_caution_says_it_once_more(few, fits):
    caution = Caution("settled by the prior", "BG/NBD: so it is.", PriorWarning)
    with pytest.warns(PriorWarning, match="so it is"):
        forecast(fits | {"purchases": replace(fits["purchases"], cautions=(caution,))}, few, PLAN, futures=40)


def test_fits_under_other_names_are_refused(few, fits):
    with pytest.raises(SettingError, match="These are not the fits of a purchase model and a spend model"):
        forecast({"model": fits["purchases"]}, few, PLAN)
    with pytest.raises(SettingError, match="These are not the fits"):
        forecast({}, few, PLAN)


def test_a_fit_that_failed_is_refused_with_its_remedy(few, cdnow_rfm, fits):
    failed = fit(BGNBD, cdnow_rfm.take(cdnow_rfm.frequency == 0), MaximumLikelihood())
    with pytest.raises(FitError, match=r"BG/NBD cannot be used on these data.*Use a longer log"):
        forecast(fits | {"purchases": failed}, few, PLAN)
