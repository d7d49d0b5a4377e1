"""Forecasts from fits: calibrated, reproducible per customer, and honest about what is not known."""

import os
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from clvmodels.data.histories import Histories
from clvmodels.data.rfm import RFM
from clvmodels.errors import SettingError, UnitError
from clvmodels.inference.fit import fit
from clvmodels.inference.methods import Laplace, MaximumLikelihood
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.future import NEW
from clvmodels.models.future import simulate as live
from clvmodels.models.gamma_gamma import GammaGamma
from clvmodels.models.mbg_nbd import MBGNBD
from clvmodels.models.nbd import NBD
from clvmodels.models.pareto_nbd import ParetoNBD
from clvmodels.prediction import source as module
from clvmodels.prediction.customers import Customers
from clvmodels.prediction.forecast import Cache
from clvmodels.prediction.generate import for_each
from clvmodels.prediction.predict import predict
from clvmodels.prediction.simulate import simulate
from clvmodels.prediction.streams import stream
from clvmodels.prediction.terms import Terms
from clvmodels.valuation.plan import Plan
from clvmodels.valuation.value import value

COLUMNS = ["p_alive", "p_purchase", "purchases_mean", "purchases_sd", "purchases_median"]
COLUMNS += ["purchases_lower", "purchases_upper", "p_zero"]
MODELS = {
    BGNBD: BGNBD(0.2426, 4.4136, 0.7929, 2.4259),
    MBGNBD: MBGNBD(0.525, 6.183, 0.891, 1.614),
    ParetoNBD: ParetoNBD(0.5534, 10.578, 0.6061, 11.656),
    NBD: NBD(0.385, 12.07),
}


@pytest.fixture(scope="module")
def forecast(cdnow_purchases, cdnow_rfm):
    return predict(cdnow_purchases, cdnow_rfm, "39 weeks", seed=1)


def streamed(forecast, *names):
    """Return what the chunks of a forecast of one horizon hold, ``(draws or futures, customers)``."""
    found = [None] * len(names)
    for customers, values in stream(
        forecast.source, lambda chunks: (chunks[0].customers, [getattr(chunks[0], name) for name in names])
    ):
        for i, part in enumerate(values):
            if found[i] is None:
                found[i] = np.full((len(part), len(forecast.rfm)), np.nan)
            found[i][:, customers] = part
    return found


def test_the_holdout_total_of_the_point_is_the_published_one(cdnow_purchases_point, cdnow_rfm, oracle) -> None:
    total = predict(cdnow_purchases_point, cdnow_rfm, "39 weeks", futures=20).total()
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
    assert (
        (frame["purchases_lower"] <= frame["purchases_median"])
        & (frame["purchases_median"] <= frame["purchases_upper"])
    ).all()
    whole = frame[["purchases_median", "purchases_lower", "purchases_upper"]].to_numpy()
    np.testing.assert_array_equal(whole, np.round(whole))
    np.testing.assert_allclose(frame["purchases_sd"], streamed(forecast, "realised")[0].std(axis=0), rtol=1e-12)
    chance = frame["p_purchase"]
    z = (1 - frame["p_zero"] - chance) / np.sqrt(chance * (1 - chance) / 1000)
    assert np.abs(z).max() < 4.5


def test_expected_purchases_are_the_mean_over_the_draws_of_each_customer(cdnow_purchases, cdnow_rfm) -> None:
    some = cdnow_rfm.take(np.array([3, 700, 11, 12]))
    frame = predict(cdnow_purchases, some, "26 weeks").frame()
    draws = cdnow_purchases.draws
    for i in range(4):
        history = Histories(some.frequency[i], some.recency[i], some.T[i])
        alive, future = draws.probability_alive(history), draws.future(history)
        assert frame["p_alive"][i] == pytest.approx(alive.mean(), rel=1e-12)
        assert frame["purchases_mean"][i] == pytest.approx((alive * future.purchases(26.0)).mean(), rel=1e-8)
        some_purchase = alive * (1 - future.count(np.array(0.0), 26.0))
        assert frame["p_purchase"][i] == pytest.approx(some_purchase.mean(), rel=1e-10)


def test_some_purchase_needs_a_living_customer(forecast, cdnow_purchases, cdnow_rfm) -> None:
    frame = forecast.frame()
    assert (frame["p_purchase"] < frame["p_alive"]).all()
    # P(at least one) <= E[purchases], with near equality when purchases are rare.
    assert (frame["p_purchase"] < frame["purchases_mean"]).all()
    soon = predict(cdnow_purchases, cdnow_rfm, "0.0007 days", futures=20).frame()
    np.testing.assert_allclose(soon["p_purchase"] / soon["purchases_mean"], 1, rtol=1e-3)


def test_the_mean_of_the_futures_is_the_expected_mean(forecast, cdnow_rfm) -> None:
    realised, expected = streamed(forecast, "realised", "expected")
    assert realised.shape == expected.shape == (1000, len(cdnow_rfm))
    error = realised.std(axis=0) / np.sqrt(len(realised))
    z = (realised.mean(axis=0) - expected.mean(axis=0)) / np.maximum(error, 1e-3)
    assert abs(z.mean()) < 0.12  # draws are shared, so that customers' errors are correlated
    assert (np.abs(z) > 3).mean() < 0.02
    total = forecast.total()
    assert abs(total.realised.mean() - total.mean) < 4 * total.realised.std() / np.sqrt(1000)


def test_what_may_happen_is_wider_than_what_is_expected(cdnow_purchases, cdnow_rfm) -> None:
    forecast = predict(cdnow_purchases, cdnow_rfm.take(slice(0, None, 10)), "39 weeks", futures=500)
    realised, expected = forecast.interval(0.9), forecast.expected_interval(0.9)
    wider = (realised["upper"] - realised["lower"]) >= (expected["upper"] - expected["lower"])
    assert wider[realised["upper"] > 0].mean() > 0.99
    total = forecast.total()
    assert np.ptp(total.interval()) > np.ptp(total.expected_interval())
    half = forecast.interval(0.5)
    assert ((half["lower"] >= realised["lower"]) & (half["upper"] <= realised["upper"])).all()
    assert (half["upper"] < realised["upper"]).any()


def test_parameter_draws_widen_the_total(cdnow_purchases_point, forecast, cdnow_rfm) -> None:
    # The sampling variation of customers averages out in a total, what is not known of the parameters does not.
    point = predict(cdnow_purchases_point, cdnow_rfm, "39 weeks").total()
    assert np.std(forecast.total().realised) > 1.2 * np.std(point.realised)
    total = forecast.total()
    both = np.hypot(np.std(point.realised), np.std(total.expected))
    assert np.std(total.realised) == pytest.approx(both, rel=0.1)


def test_a_point_fit_has_no_interval_of_the_expected_value(cdnow_purchases_point, cdnow_rfm) -> None:
    found = predict(cdnow_purchases_point, cdnow_rfm.take(slice(50)), "39 weeks", futures=20)
    for ask in (found.expected_interval, found.total().expected_interval):
        with pytest.raises(SettingError, match=r"point.*Laplace"):
            ask()
    assert found.interval().shape == (50, 3)


# --- the same numbers for the same customer ------------------------------------------------------------------------


PLANS = {
    "one horizon": Plan("1 year", discount=0.1, margin=0.3),
    "several": Plan(["3 months", "1 year", "2 years"], discount=0.1, margin=0.3, cost_per_purchase=2, cost_to_serve=9),
    "own terms": Plan(["6 months", "infinite"], discount="rate", margin="share", cost_per_purchase="handling"),
}


@pytest.fixture(scope="module")
def some(cdnow_rfm):
    """A hundred and fifty customers with terms of their own."""
    rng = np.random.default_rng(5)
    own = {"rate": rng.choice([0.05, 0.2], 150), "share": rng.uniform(0.1, 0.5, 150), "handling": rng.random(150)}
    return RFM.from_frame(cdnow_rfm.take(slice(150)).frame().assign(**own), unit="week")


@pytest.fixture(scope="module", params=[BGNBD, ParetoNBD])
def purchases(request, cdnow_rfm):
    return fit(request.param, cdnow_rfm, Laplace(draws=100))


@pytest.fixture(scope="module", params=PLANS)
def valued(request, purchases, cdnow_rfm):
    spend = fit(GammaGamma, cdnow_rfm, Laplace(draws=100))
    plan = PLANS[request.param]
    return lambda rfm, threads=1: value(purchases, spend, rfm, plan, futures=120, seed=9, threads=threads)


def totals(valuation):
    return [valuation.at(horizon).total() for horizon in valuation.horizons]


def add_up_alike(one, other):
    for total, again in zip(totals(one), totals(other), strict=True):
        np.testing.assert_allclose(again.realised, total.realised, rtol=1e-10)
        np.testing.assert_allclose(again.expected, total.expected, rtol=1e-10)
        assert again.mean == pytest.approx(total.mean, rel=1e-10)


@pytest.fixture(scope="module")
def usual(valued, some):
    """Return what a valuation in one piece says."""
    return valued(some)


@pytest.mark.parametrize(("cells", "threads"), [(1, 2), (3000, 1), (3000, 2), (2**14, 2)])
def test_chunks_and_threads_change_nothing(cells, threads, valued, usual, some, monkeypatch) -> None:
    usual.frame()
    monkeypatch.setattr(module, "_CELLS", cells)
    found = valued(some, threads)
    pd.testing.assert_frame_equal(found.frame(), usual.frame(), check_exact=True)
    pd.testing.assert_frame_equal(found.expected_interval(), usual.expected_interval(), check_exact=True)
    pd.testing.assert_frame_equal(found.quantiles([0.3, 0.7]), usual.quantiles([0.3, 0.7]), check_exact=True)
    pd.testing.assert_frame_equal(found.p_above(10.0), usual.p_above(10.0), check_exact=True)
    add_up_alike(found, usual)


def test_order_and_company_change_nothing(valued, usual, some) -> None:
    table = usual.frame()
    several = ["customer_id", "horizon"] if "horizon" in table else ["customer_id"]

    def alike(found):
        of = found.frame()
        wanted = table.set_index(several).loc[list(of.set_index(several).index)].reset_index()
        pd.testing.assert_frame_equal(of, wanted, check_exact=True)

    order = np.random.default_rng(2).permutation(150)
    shuffled = valued(some.take(order), threads=2)
    assert shuffled.frame()["customer_id"][:150].tolist() == some.customer_id[order].tolist()
    alike(shuffled)
    add_up_alike(shuffled, usual)
    for part in (np.array([140]), np.arange(0, 150, 7)):
        alike(valued(some.take(part)))


def test_each_horizon_alone_is_that_of_several(usual) -> None:
    for horizon in usual.horizons:
        alone = replace(usual.at(horizon).forecast, cache=Cache(), part_of=None)
        one, other = usual.at(horizon).forecast.frame(), alone.frame()
        pd.testing.assert_frame_equal(one, other, rtol=1e-9)
        np.testing.assert_allclose(usual.at(horizon).total().realised, alone.total().realised, rtol=1e-9)


def test_a_replay_is_equal_to_the_last_bit(valued, some) -> None:
    one, two = valued(some, threads=2), valued(some, threads=2)
    pd.testing.assert_frame_equal(one.frame(), two.frame(), check_exact=True)
    pd.testing.assert_frame_equal(one.interval(0.9), two.interval(0.9), check_exact=True)
    assert one.interval(0.9)["upper"].tolist() == one.frame()["clv_upper"].tolist()
    for first, second in zip(totals(one), totals(two), strict=True):
        np.testing.assert_array_equal(first.realised, second.realised)


def test_another_seed_is_another_future(cdnow_purchases, cdnow_rfm) -> None:
    rfm = cdnow_rfm.take(slice(200))
    one, two = (predict(cdnow_purchases, rfm, "39 weeks", futures=100, seed=seed).total() for seed in (0, 1))
    np.testing.assert_array_equal(one.expected, two.expected)
    assert not np.array_equal(one.realised, two.realised)


def test_equal_histories_have_equal_expectations_and_different_futures(cdnow_purchases) -> None:
    frame = pd.DataFrame({"customer_id": range(40), "frequency": 6, "recency": 38.0, "T": 39.0})
    found = predict(cdnow_purchases, RFM.from_frame(frame, unit="week"), "39 weeks", futures=50)
    assert np.ptp(found.frame()["purchases_mean"]) == 0
    assert len({tuple(future) for future in streamed(found, "realised")[0].T}) == 40


# --- several horizons ------------------------------------------------------------------------------------------------


def test_several_horizons_are_in_growing_order_whatever_the_order_asked_for(cdnow_purchases, cdnow_rfm) -> None:
    few = cdnow_rfm.take(slice(50))
    one, other = (
        predict(cdnow_purchases, few, several, futures=60)
        for several in (["3 months", "1 year", "2 years"], ("2 years", "3 months", "12 months"))
    )
    assert one.horizons == other.horizons == ("3 months", "1 year", "2 years")
    pd.testing.assert_frame_equal(one.frame(), other.frame(), check_exact=True)
    for horizon in one.horizons:
        alone = predict(cdnow_purchases, few, horizon, futures=60)
        pd.testing.assert_frame_equal(one.at(horizon).frame(), alone.frame(), rtol=1e-12)
        np.testing.assert_array_equal(one.at(horizon).total().realised, alone.total().realised)
    shorter, longer = (streamed(one.at(horizon), "realised")[0] for horizon in ("3 months", "2 years"))
    assert (shorter <= longer).all()
    assert (shorter < longer).any()


@pytest.mark.parametrize("wrong", [[], ["1 year", "12 months"]])
def test_horizons_are_one_or_more_different_durations(wrong, cdnow_purchases, cdnow_rfm) -> None:
    with pytest.raises(SettingError, match="different durations"):
        predict(cdnow_purchases, cdnow_rfm, wrong)


def test_a_longer_finite_horizon_beside_an_endless_one_is_seen_to_its_end(as_fit, some) -> None:
    # Interest so high that the endless future ends before the finite one would.
    fits = as_fit(MODELS[NBD]), as_fit(GammaGamma(6.25, 3.74, 15.44))
    both = value(*fits, some, Plan(["40 years", "infinite"], discount=1.0), futures=50).at("40 years").frame()
    alone = value(*fits, some, Plan("40 years", discount=1.0), futures=50).frame()
    np.testing.assert_allclose(both["clv_mean"], alone["clv_mean"], rtol=1e-12)
    for name in ("clv_median", "clv_sd", "p_zero"):
        np.testing.assert_allclose(both[name], alone[name], rtol=1e-12)


# --- means -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_realised_means_are_the_expected_means(model, as_fit, some) -> None:
    many, customers = 20_000, some.take(np.arange(0, 150, 10))
    fits = as_fit(MODELS[model]), as_fit(GammaGamma(6.25, 3.74, 15.44))
    plan = Plan(["3 months", "2 years"], "rate", "share", cost_per_purchase="handling", cost_to_serve=6)
    found = value(*fits, customers, plan, futures=many)
    for horizon in found.horizons:
        one = found.at(horizon)
        realised, expected = streamed(one.forecast, "realised", "expected")
        error = realised.std(axis=0) / np.sqrt(many)
        assert (np.abs(realised.mean(axis=0) - expected[0]) < 4.2 * error).all()
        np.testing.assert_allclose(one.frame()["clv_mean"], expected[0], rtol=1e-12)
        total = one.total()
        assert abs(total.realised.mean() - total.mean) < 4 * total.realised.std() / np.sqrt(many)
        assert (realised.min(axis=0) < 0).all()  # everybody is charged for being served


# --- settings ------------------------------------------------------------------------------------------------------


def test_a_fit_in_days_predicts_customers_in_weeks(cdnow_split, cdnow_rfm, cdnow_purchases_point) -> None:
    daily = cdnow_split[0].summarize(unit="day")
    in_days = fit(BGNBD, daily, MaximumLikelihood())
    expected = predict(cdnow_purchases_point, cdnow_rfm, "39 weeks", futures=5).frame()
    for rfm, found in [(cdnow_rfm, in_days), (daily, in_days), (daily, cdnow_purchases_point)]:
        other = predict(found, rfm, "273 days", futures=5).frame()
        np.testing.assert_allclose(other["purchases_mean"], expected["purchases_mean"], rtol=1e-6)


def test_more_futures_than_draws_take_the_draws_in_turn(cdnow_rfm) -> None:
    few = fit(BGNBD, cdnow_rfm, Laplace(draws=10))
    found = predict(few, cdnow_rfm.take(slice(30)), "39 weeks", futures=25)
    assert found.total().expected.shape == (10,)
    assert found.total().realised.shape == (25,)
    fewer = predict(few, cdnow_rfm.take(slice(30)), "39 weeks", futures=4)
    assert fewer.total().expected.shape == (4,)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"horizon": "39 weeks", "futures": 0}, SettingError, "futures is a whole number from 1 up; futures=0 is not"),
        ({"horizon": "39 weeks", "futures": 2.5}, SettingError, "futures=2.5 is not"),
        ({"horizon": "39 weeks", "futures": True}, SettingError, "futures=True is not"),
        ({"horizon": "39 weeks", "seed": -1}, SettingError, "seed=-1 is not"),
        ({"horizon": "39 weeks", "seed": 1.5}, SettingError, "seed=1.5 is not"),
        ({"horizon": "39 weeks", "seed": True}, SettingError, "seed=True is not"),
        ({"horizon": "39 weeks", "seed": 2**64}, SettingError, f"seed={2**64} is not"),
        ({"horizon": "39 weeks", "threads": 0}, SettingError, "threads=0 is not"),
        ({"horizon": "39 weeks", "threads": 1.5}, SettingError, "threads=1.5 is not"),
        ({"horizon": "39 weeks", "threads": True}, SettingError, "threads=True is not"),
        ({"horizon": "infinite"}, SettingError, "infinite horizon needs a discount"),
        ({"horizon": ["1 year", "infinite"]}, SettingError, "infinite horizon needs a discount"),
        ({"horizon": 39}, UnitError, "not a duration"),
    ],
)
def test_impossible_settings_are_refused(arguments, error, message, cdnow_purchases, cdnow_rfm) -> None:
    with pytest.raises(error, match=message):
        predict(cdnow_purchases, cdnow_rfm, **arguments)


def test_numpys_whole_numbers_are_whole_numbers(cdnow_purchases, cdnow_rfm) -> None:
    rfm, settings = cdnow_rfm.take(slice(20)), {"futures": 30, "seed": 3, "threads": 1}
    one, other = (
        predict(cdnow_purchases, rfm, "1 year", **{name: kind(number) for name, number in settings.items()})
        for kind in (int, np.int64)
    )
    pd.testing.assert_frame_equal(one.frame(), other.frame(), check_exact=True)
    assert other.seed == 3


def test_by_default_there_is_a_thread_for_each_core(cdnow_purchases_point, cdnow_rfm, monkeypatch) -> None:
    def threads(asked):
        return predict(cdnow_purchases_point, cdnow_rfm, "1 year", threads=asked).source.threads

    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5}, raising=False)
    assert (threads(None), threads(2)) == (3, 2)
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert (threads(None), threads(2)) == (7, 2)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert threads(None) == 1


@pytest.mark.parametrize("threads", [1, 2])
def test_what_goes_wrong_in_a_chunk_is_told(threads, cdnow_purchases_point, cdnow_rfm, monkeypatch) -> None:
    def fail(*_):
        raise ZeroDivisionError("on purpose")

    monkeypatch.setattr(module, "probability_alive", fail)
    with pytest.raises(ZeroDivisionError, match="on purpose"):
        predict(cdnow_purchases_point, cdnow_rfm, "1 year", threads=threads).frame()


# --- calibration: customers simulated from the model, who then live on -----------------------------------------------


def pit(futures, actual, rng):
    """The randomised rank of what happened among the futures, ``(futures, customers)``: uniform where they are right.

    Only if the futures and what happened are draws of one distribution is the rank uniform, whatever their number.
    """
    below, equal = (futures < actual).sum(axis=0), (futures == actual).sum(axis=0)
    return (below + rng.random(len(actual)) * (equal + 1)) / (len(futures) + 1)


def pit_of_buyers(futures, actual, rng):
    """Likewise given at least one purchase, in the futures as in what happened."""
    buyers = actual > 0
    some = np.where(futures > 0, futures, np.inf)[:, buyers]
    number = np.isfinite(some).sum(axis=0)
    return ((some < actual[buyers]).sum(axis=0) + rng.random(buyers.sum())) / (number + 1)


def calibrated(transforms, least=1e-3):
    """Whether transforms are uniform, and central intervals hold as many as they say."""
    assert stats.kstest(transforms, "uniform").pvalue > least
    counts = np.histogram(transforms, 20, (0, 1))[0]
    assert stats.chisquare(counts).pvalue > least
    for level in (0.5, 0.8, 0.9, 0.95):
        inside = int((np.abs(transforms - 0.5) < level / 2).sum())
        assert stats.binomtest(inside, len(transforms), level).pvalue > least, level


class Shop:
    """Customers simulated from their first purchase on: their histories at T, and what they did in (T, T + t]."""

    def __init__(self, model, spend, customers, t, seed):
        rng = np.random.default_rng(seed)
        age = rng.uniform(26.0, 52.0, customers)
        lived = live(for_each(model, customers), NEW, rng, age + t)
        who = np.repeat(np.arange(customers), lived.count)
        past = lived.time <= age[who]
        recency = np.zeros(customers)
        np.maximum.at(recency, who[past], lived.time[past])
        values = rng.gamma(spend.p, 1 / rng.gamma(spend.q, 1 / spend.gamma, customers)[who])
        x, self.count = (np.bincount(who[of], minlength=customers) for of in (past, ~past))
        before, self.money = (np.bincount(who[of], values[of], minlength=customers) for of in (past, ~past))
        table = {"customer_id": range(customers), "frequency": x, "recency": recency, "T": age}
        self.rfm = RFM.from_frame(pd.DataFrame(table | {"monetary_value": before / np.maximum(x, 1)}), unit="week")


def transforms(model, spend, customers, futures, seed):
    """Yield the transforms of counts, of money and of the money of buyers, under the true parameters."""
    shop, rng = Shop(model, spend, customers, 39.0, seed), np.random.default_rng(seed + 1000)
    everyone, ends, plain = Customers.of(shop.rfm, spend), np.array([39.0]), Terms.plain(customers)
    counts, money = (simulate(model, of, everyone, ends, plain, futures, seed)[0].T for of in (None, spend))
    return (
        pit(counts, shop.count, rng),
        pit(money, shop.money, rng),
        pit_of_buyers(money, shop.money, rng),
    )


LIVELY = {
    BGNBD: BGNBD(0.8, 6.0, 0.9, 3.0),
    MBGNBD: MBGNBD(0.9, 6.0, 0.9, 3.0),
    ParetoNBD: ParetoNBD(0.9, 8.0, 0.6, 12.0),
    NBD: NBD(0.6, 9.0),
}


@pytest.mark.parametrize("model", LIVELY)
def test_futures_of_customers_who_live_on_are_calibrated(model) -> None:
    for found in transforms(LIVELY[model], GammaGamma(6.0, 4.0, 15.0), 4000, 300, seed=21):
        assert len(found) > 1000
        calibrated(found)


def test_a_transform_tells_a_wrong_forecast() -> None:
    rng = np.random.default_rng(0)
    futures, actual = rng.poisson(1.0, (300, 4000)), rng.poisson(1.0, 4000)
    calibrated(pit(futures, actual, rng))
    for wrong in (rng.poisson(1.15, 4000), rng.negative_binomial(3, 0.75, 4000)):
        with pytest.raises(AssertionError):
            calibrated(pit(futures, wrong, rng))


@pytest.mark.long
@pytest.mark.parametrize("p", [0.7, 6.0])
@pytest.mark.parametrize("model", LIVELY)
def test_futures_of_many_customers_who_live_on_are_calibrated(model, p) -> None:
    for found in transforms(LIVELY[model], GammaGamma(p, 4.0, 15.0), 60_000, 400, seed=22):
        assert len(found) > 15_000
        calibrated(found)


TRUTH = {
    BGNBD: ((0.6, 6.0, 0.9, 3.0), False),
    MBGNBD: ((0.7, 6.0, 0.9, 2.0), True),
    NBD: ((0.6, 6.0, 1e-9, 1.0), False),
}


@pytest.mark.parametrize("model", TRUTH)
def test_forecasts_of_simulated_customers_are_calibrated(model, population) -> None:
    truth, at_once = TRUTH[model]
    base = population(2000, truth, seed=77, at_once=at_once)
    found = model(*(np.full((400, 1), value) for value in truth[: len(model.names())]))
    spend = GammaGamma(*(np.full((400, 1), value) for value in (6.0, 4.0, 15.0)))
    everyone, ends, plain = Customers.of(base.rfm, spend), np.array([39.0]), Terms.plain(2000)
    counts, money = (simulate(found, of, everyone, ends, plain, 400, 5)[0].T for of in (None, spend))
    rng = np.random.default_rng(0)
    for futures, actual in [(counts, base.count), (money, base.money)]:
        calibrated(pit(futures, actual, rng))
    calibrated(pit_of_buyers(money, base.money, rng))


@pytest.mark.long
@pytest.mark.parametrize("model", [BGNBD, MBGNBD])
def test_fitted_forecasts_of_a_larger_base_are_calibrated(model, population) -> None:
    truth, at_once = TRUTH[model]
    base = population(8000, truth, seed=78, at_once=at_once)
    method = Laplace(draws=400)
    purchases, spend = fit(model, base.rfm, method), fit(GammaGamma, base.rfm, method)
    found = value(purchases, spend, base.rfm, Plan(horizon="39 weeks"), futures=400)
    rng, money = np.random.default_rng(0), streamed(found.forecast, "realised")[0]
    assert stats.kstest(pit_of_buyers(money, base.money, rng), "uniform").pvalue > 1e-3
    ranks = pit(money, base.money, rng)
    assert stats.kstest(ranks, "uniform").pvalue > 1e-3
    for level in (0.5, 0.9):
        inside = np.abs(ranks - 0.5) < level / 2
        assert inside.mean() == pytest.approx(level, abs=4 * np.sqrt(level * (1 - level) / 8000) + 0.005)
    lower, upper = found.total().interval(0.99)
    assert lower < base.money.sum() < upper
    # counts
    forecast = predict(purchases, base.rfm, "39 weeks", futures=400)
    assert stats.kstest(pit(streamed(forecast, "realised")[0], base.count, rng), "uniform").pvalue > 1e-3


@pytest.mark.long
def test_intervals_of_totals_cover_as_often_as_they_say(population) -> None:
    inside = []
    for seed in range(60):
        base = population(600, TRUTH[BGNBD][0], seed=2000 + seed)
        found = fit(BGNBD, base.rfm, Laplace(draws=100))
        if found.verdict.ok:
            lower, upper = predict(found, base.rfm, "39 weeks", futures=300).total().interval(0.8)
            inside.append(lower <= base.count.sum() <= upper)
    assert len(inside) > 50
    assert np.mean(inside) == pytest.approx(0.8, abs=4 * np.sqrt(0.16 / len(inside)))


@pytest.mark.parametrize("model", list(MODELS))
@pytest.mark.parametrize("rate", [0.1, 1.0])
def test_who_ever_buys_is_seen_under_an_endless_horizon(model, rate, as_fit, some) -> None:
    # However late the first purchase comes: what happens after interest has eaten everything is left out, not that.
    endless = predict(as_fit(MODELS[model]), some, "infinite", futures=2000, discount=rate)
    frame = endless.frame()
    chance = frame["p_purchase"]
    z = (1 - frame["p_zero"] - chance) / np.sqrt(np.maximum(chance * (1 - chance), 1e-9) / 2000)
    assert np.abs(z).max() < 4.5
    both = predict(as_fit(MODELS[model]), some, ["100 years", "infinite"], futures=2000, discount=rate)
    pd.testing.assert_frame_equal(both.at("infinite").frame(), frame, rtol=1e-9, atol=1e-12)
    assert (frame["p_zero"] <= both.at("100 years").frame()["p_zero"]).all()
    kept, again = both.at("infinite").frame(), both.at("infinite").interval()
    np.testing.assert_allclose(kept["discounted_purchases_upper"], again["upper"], rtol=1e-9)


def test_horizons_that_would_be_called_alike_are_refused(cdnow_purchases, some) -> None:
    with pytest.raises(SettingError, match="different durations"):
        predict(cdnow_purchases, some, ["365 days", timedelta(days=365, seconds=20)])
