"""Forecasts from fits: calibrated, reproducible per customer, and honest about what is not known."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from clvmodels.data.rfm import RFM
from clvmodels.errors import SettingError, UnitError
from clvmodels.inference.fit import fit
from clvmodels.inference.methods import Laplace, MaximumLikelihood
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.gamma_gamma import GammaGamma
from clvmodels.models.mbg_nbd import MBGNBD
from clvmodels.models.nbd import NBD
from clvmodels.prediction import predict as module
from clvmodels.prediction.predict import predict
from clvmodels.prediction.simulate import simulate
from clvmodels.valuation.plan import Plan
from clvmodels.valuation.value import value

COLUMNS = ["p_alive", "expected_purchases", "p_purchase", "purchases_mean", "purchases_median", "purchases_lower"]
COLUMNS += ["purchases_upper", "p_zero"]


@pytest.fixture(scope="module")
def forecast(cdnow_purchases, cdnow_rfm):
    return predict(cdnow_purchases, cdnow_rfm, "39 weeks", seed=1)


def rows(frame, customers):
    return frame.set_index("customer_id").loc[customers].reset_index()


def test_the_holdout_total_of_the_point_is_the_published_one(cdnow_purchases_point, cdnow_rfm, oracle) -> None:
    total = predict(cdnow_purchases_point, cdnow_rfm, "39 weeks", draws=20).total()
    assert total.mean == pytest.approx(oracle("bg_nbd")["holdout"]["total"], abs=0.1)


def test_the_interval_of_the_holdout_total_is_about_that_of_an_independent_computation(forecast) -> None:
    total = forecast.total()
    assert total.mean == pytest.approx(1653.4, rel=0.01)
    # Noted to the nearest ten or so; 1,000 futures leave ten more.
    assert tuple(total.interval(0.90)) == pytest.approx((1500, 1840), abs=40)
    assert total.expected_interval().lower < 1653.4 < total.expected_interval().upper


def test_the_columns_of_the_table(forecast, cdnow_rfm) -> None:
    frame = forecast.frame()
    assert list(frame) == ["customer_id", *COLUMNS]
    assert frame["customer_id"].tolist() == cdnow_rfm.customer_id.tolist()
    assert (frame["purchases_mean"] == frame["expected_purchases"]).all()
    assert (
        (frame["purchases_lower"] <= frame["purchases_median"])
        & (frame["purchases_median"] <= frame["purchases_upper"])
    ).all()
    whole = frame[["purchases_median", "purchases_lower", "purchases_upper"]].to_numpy()
    np.testing.assert_array_equal(whole, np.round(whole))
    chance = frame["p_purchase"]
    z = (1 - frame["p_zero"] - chance) / np.sqrt(chance * (1 - chance) / 1000)
    assert np.abs(z).max() < 4.5


def test_expected_purchases_are_the_mean_over_the_draws_of_each_customer(cdnow_purchases, cdnow_rfm) -> None:
    some = cdnow_rfm.take(np.array([3, 700, 11, 12]))
    frame = predict(cdnow_purchases, some, "26 weeks").frame()
    draws = cdnow_purchases.draws
    for i in range(4):
        x, t_x, T = (np.array([float(values[i])]) for values in (some.frequency, some.recency, some.T))
        alive = draws.probability_alive(x, t_x, T)
        assert frame["p_alive"][i] == pytest.approx(alive.mean(), rel=1e-12)
        product = alive * draws.purchases_if_alive(x, T, 26.0)
        assert frame["expected_purchases"][i] == pytest.approx(product.mean(), rel=1e-8)
        some_purchase = alive * (1 - draws.count_if_alive(np.array(0.0), x, T, 26.0))
        assert frame["p_purchase"][i] == pytest.approx(some_purchase.mean(), rel=1e-12)


def test_the_mean_of_the_futures_is_the_expected_mean(forecast, cdnow_rfm) -> None:
    z = []
    for chunk in forecast.source.chunks():
        error = chunk.realised.std(axis=0) / np.sqrt(len(chunk.realised))
        z.append((chunk.realised.mean(axis=0) - chunk.expected.mean(axis=0)) / np.maximum(error, 1e-3))
    z = np.concatenate(z)
    assert len(z) == len(cdnow_rfm)
    assert abs(z.mean()) < 0.12  # draws are shared, so that customers' errors are correlated
    assert (np.abs(z) > 3).mean() < 0.02
    total = forecast.total()
    assert abs(total.realised.mean() - total.mean) < 4 * total.realised.std() / np.sqrt(1000)


def test_what_may_happen_is_wider_than_what_is_expected(cdnow_purchases, cdnow_rfm) -> None:
    forecast = predict(cdnow_purchases, cdnow_rfm.take(slice(0, None, 10)), "39 weeks", draws=500)
    realised, expected = forecast.interval(0.9), forecast.expected_interval(0.9)
    wider = (realised["upper"] - realised["lower"]) >= (expected["upper"] - expected["lower"])
    assert wider[realised["upper"] > 0].mean() > 0.99
    total = forecast.total()
    assert np.ptp(total.interval()) > np.ptp(total.expected_interval())
    half = forecast.interval(0.5)
    assert ((half["lower"] >= realised["lower"]) & (half["upper"] <= realised["upper"])).all()
    assert (half["upper"] < realised["upper"]).any()


def test_parameter_draws_widen_the_total(cdnow_purchases_point, forecast, cdnow_rfm) -> None:
    # Customers' luck averages out in a total, what is not known of the parameters does not.
    point = predict(cdnow_purchases_point, cdnow_rfm, "39 weeks").total()
    assert np.std(forecast.total().realised) > 1.2 * np.std(point.realised)
    total = forecast.total()
    both = np.hypot(np.std(point.realised), np.std(total.expected))
    assert np.std(total.realised) == pytest.approx(both, rel=0.1)


def test_a_point_fit_has_no_interval_of_the_expected_value(cdnow_purchases_point, cdnow_rfm) -> None:
    found = predict(cdnow_purchases_point, cdnow_rfm.take(slice(50)), "39 weeks", draws=20)
    for ask in (found.expected_interval, found.total().expected_interval):
        with pytest.raises(SettingError, match=r"point.*Laplace"):
            ask()
    assert found.interval().shape == (50, 3)


# --- the same numbers for the same customer ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def valued(cdnow_purchases, cdnow_spend):
    plan = Plan(horizon="1 year", discount=0.1, margin=0.3)
    return lambda rfm: value(cdnow_purchases, cdnow_spend, rfm, plan, draws=300, seed=9)


@pytest.mark.parametrize("cells", [1, 3000, 2**14])
def test_chunks_change_nothing(cells, valued, cdnow_rfm, monkeypatch) -> None:
    rfm = cdnow_rfm.take(slice(90))
    before = valued(rfm)
    table, total = before.frame(), before.total()
    monkeypatch.setattr(module, "_CELLS", cells)
    after = valued(rfm)
    again = after.frame()
    pd.testing.assert_frame_equal(again, table, check_exact=True)
    np.testing.assert_allclose(after.total().realised, total.realised, rtol=1e-12)
    np.testing.assert_allclose(after.total().expected, total.expected, rtol=1e-6)


def test_order_and_company_change_nothing(valued, cdnow_rfm) -> None:
    rfm = cdnow_rfm.take(slice(300))
    table, total = valued(rfm).frame(), valued(rfm).total()
    order = np.random.default_rng(2).permutation(300)
    shuffled = valued(rfm.take(order))
    found = shuffled.frame()
    assert found["customer_id"].tolist() == rfm.customer_id[order].tolist()
    pd.testing.assert_frame_equal(rows(found, rfm.customer_id), table, check_exact=True)
    np.testing.assert_allclose(shuffled.total().realised, total.realised, rtol=1e-12)
    for some in (np.array([250]), np.arange(0, 300, 7)):
        alone = valued(rfm.take(some)).frame()
        pd.testing.assert_frame_equal(alone, table.loc[some].reset_index(drop=True), check_exact=True)


def test_a_replay_is_equal_to_the_last_bit(valued, cdnow_rfm) -> None:
    rfm = cdnow_rfm.take(slice(200))
    one, two = valued(rfm), valued(rfm)
    pd.testing.assert_frame_equal(one.frame(), two.frame(), check_exact=True)
    pd.testing.assert_frame_equal(one.interval(0.9), two.interval(0.9), check_exact=True)
    assert one.interval(0.9)["upper"].tolist() == one.frame()["clv_upper"].tolist()
    np.testing.assert_array_equal(one.total().realised, two.total().realised)


def test_another_seed_is_another_future(cdnow_purchases, cdnow_rfm) -> None:
    rfm = cdnow_rfm.take(slice(200))
    one, two = (predict(cdnow_purchases, rfm, "39 weeks", draws=100, seed=seed).total() for seed in (0, 1))
    np.testing.assert_array_equal(one.expected, two.expected)
    assert not np.array_equal(one.realised, two.realised)


def test_equal_histories_have_equal_expectations_and_different_futures(cdnow_purchases) -> None:
    frame = pd.DataFrame({"customer_id": range(40), "frequency": 6, "recency": 38.0, "T": 39.0})
    found = predict(cdnow_purchases, RFM.from_frame(frame, unit="week"), "39 weeks", draws=50)
    (chunk,) = found.source.chunks()
    assert np.ptp(found.frame()["expected_purchases"]) == 0
    assert len({tuple(future) for future in chunk.realised.T}) == 40


# --- settings ------------------------------------------------------------------------------------------------------


def test_a_fit_in_days_predicts_customers_in_weeks(cdnow_split, cdnow_rfm, cdnow_purchases_point) -> None:
    daily = cdnow_split[0].summarize(unit="day")
    in_days = fit(BGNBD, daily, MaximumLikelihood())
    expected = predict(cdnow_purchases_point, cdnow_rfm, "39 weeks", draws=5).frame()
    for rfm, found in [(cdnow_rfm, in_days), (daily, in_days), (daily, cdnow_purchases_point)]:
        other = predict(found, rfm, "273 days", draws=5).frame()
        np.testing.assert_allclose(other["expected_purchases"], expected["expected_purchases"], rtol=1e-6)


def test_more_futures_than_draws_take_the_draws_in_turn(cdnow_rfm) -> None:
    few = fit(BGNBD, cdnow_rfm, Laplace(draws=10))
    found = predict(few, cdnow_rfm.take(slice(30)), "39 weeks", draws=25)
    assert found.total().expected.shape == (10,)
    assert found.total().realised.shape == (25,)
    fewer = predict(few, cdnow_rfm.take(slice(30)), "39 weeks", draws=4)
    assert fewer.total().expected.shape == (4,)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"horizon": "39 weeks", "draws": 0}, SettingError, "futures is a whole number from 1 up"),
        ({"horizon": "39 weeks", "seed": -1}, SettingError, "whole number"),
        ({"horizon": "39 weeks", "seed": 1.5}, SettingError, "whole number"),
        ({"horizon": "39 weeks", "seed": 2**64}, SettingError, "whole number"),
        ({"horizon": "infinite"}, SettingError, "infinite horizon needs a discount"),
        ({"horizon": 39}, UnitError, "not a duration"),
    ],
)
def test_impossible_settings_are_refused(arguments, error, message, cdnow_purchases, cdnow_rfm) -> None:
    with pytest.raises(error, match=message):
        predict(cdnow_purchases, cdnow_rfm, **arguments)


# --- calibration: customers simulated from the model, event by event -------------------------------------------------


def pit(futures, actual, rng):
    """The randomised probability integral transform: uniform where the forecast is right, ties broken at random."""
    below, equal = (futures < actual).mean(axis=0), (futures == actual).mean(axis=0)
    return below + rng.random(len(actual)) * equal


TRUTH = {
    BGNBD: ((0.6, 6.0, 0.9, 3.0), False),
    MBGNBD: ((0.7, 6.0, 0.9, 2.0), True),
    NBD: ((0.6, 6.0, 1e-9, 1.0), False),
}


@pytest.mark.parametrize("model", TRUTH)
def test_forecasts_of_simulated_customers_are_calibrated(model, population) -> None:
    truth, at_once = TRUTH[model]
    base = population(2000, truth, seed=77, at_once=at_once)
    found = model(*(np.full((400, 1), value) for value in truth[: len(model.parameter_names())]))
    spend = GammaGamma(*(np.full((400, 1), value) for value in (6.0, 4.0, 15.0)))
    counts, money = simulate(found, spend, base.rfm, 39.0, 0.0, 5)
    rng = np.random.default_rng(0)
    for futures, actual in [(counts, base.count), (money, base.money)]:
        assert stats.kstest(pit(futures, actual, rng), "uniform").pvalue > 1e-3


@pytest.mark.long
@pytest.mark.parametrize("model", [BGNBD, MBGNBD])
def test_fitted_forecasts_of_a_larger_base_are_calibrated(model, population) -> None:
    truth, at_once = TRUTH[model]
    base = population(8000, truth, seed=78, at_once=at_once)
    method = Laplace(draws=400)
    purchases, spend = fit(model, base.rfm, method), fit(GammaGamma, base.rfm, method)
    found = value(purchases, spend, base.rfm, Plan(horizon="39 weeks"), draws=400)
    rng, transforms = np.random.default_rng(0), np.empty(len(base.rfm))
    for chunk in found.source.chunks():
        transforms[chunk.customers] = pit(chunk.realised, base.money[chunk.customers], rng)
    assert stats.kstest(transforms, "uniform").pvalue > 1e-3
    for level in (0.5, 0.9):
        inside = np.abs(transforms - 0.5) < level / 2
        assert inside.mean() == pytest.approx(level, abs=4 * np.sqrt(level * (1 - level) / 8000) + 0.005)
    lower, upper = found.total().interval(0.99)
    assert lower < base.money.sum() < upper
    # counts
    forecast = predict(purchases, base.rfm, "39 weeks", draws=400)
    for chunk in forecast.source.chunks():
        transforms[chunk.customers] = pit(chunk.realised, base.count[chunk.customers], rng)
    assert stats.kstest(transforms, "uniform").pvalue > 1e-3


@pytest.mark.long
def test_intervals_of_totals_cover_as_often_as_they_say(population) -> None:
    inside = []
    for seed in range(60):
        base = population(600, TRUTH[BGNBD][0], seed=2000 + seed)
        found = fit(BGNBD, base.rfm, Laplace(draws=300))
        if found.verdict.ok:
            lower, upper = predict(found, base.rfm, "39 weeks", draws=300).total().interval(0.8)
            inside.append(lower <= base.count.sum() <= upper)
    assert len(inside) > 50
    assert np.mean(inside) == pytest.approx(0.8, abs=4 * np.sqrt(0.16 / len(inside)))
