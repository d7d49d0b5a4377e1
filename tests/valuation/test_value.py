"""Valuation: recomputed naively, draw by draw and customer by customer, and held to what money must obey."""

import os
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import hyp2f1

from clvmodels.data.histories import Histories
from clvmodels.data.rfm import RFM
from clvmodels.errors import InfiniteMeanError, InfiniteMeanWarning, MissingMoneyError, SettingError
from clvmodels.inference.fit import fit
from clvmodels.inference.methods import Laplace, MaximumLikelihood
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.gamma_gamma import GammaGamma
from clvmodels.models.mbg_nbd import MBGNBD
from clvmodels.models.nbd import NBD
from clvmodels.prediction.forecast import Forecast
from clvmodels.prediction.generate import simulate_customers
from clvmodels.prediction.streams import stream
from clvmodels.valuation.plan import Plan
from clvmodels.valuation.value import Valuation, value

PLAN = Plan(horizon="2 years", discount=0.10, margin=0.30)
COLUMNS = ["customer_id", "p_alive", "expected_purchases", "discounted_purchases", "expected_spend", "clv_mean"]
COLUMNS += ["clv_sd", "clv_median", "clv_lower", "clv_upper", "p_zero", "past_value", "lifetime_value_mean"]
YEAR = 365.25 / 7  # in weeks


@pytest.fixture(scope="module")
def some(cdnow_rfm):
    return cdnow_rfm.take(slice(0, None, 20))


@pytest.fixture(scope="module")
def points(cdnow_purchases_point, cdnow_spend_point):
    return cdnow_purchases_point, cdnow_spend_point


@pytest.fixture(scope="module")
def fits(cdnow_purchases, cdnow_spend):
    return cdnow_purchases, cdnow_spend


def mean(fits, rfm, plan):
    return value(*fits, rfm, plan, futures=1).frame()[f"{plan.quantity}_mean"].to_numpy()


def having(rfm, **columns):
    """Return the customers with further columns."""
    return RFM.from_frame(rfm.frame().assign(**columns), unit="week")


def futures(found):
    """Return every customer's futures, ``(customers, futures)``, in the order of the customers."""
    parts = stream(found.forecast.source, lambda chunks: (chunks[0].customers, chunks[0].realised.T.copy()))
    customers, realised = (np.concatenate(each) for each in zip(*parts, strict=True))
    return realised[np.argsort(customers)]


def discounted_by_quadrature(r, alpha, a, b, x, t_x, T, weeks, delta):
    """A BG/NBD customer's expected discounted purchases from the papers' equations, by SciPy's quadrature."""
    k, c = r + x, alpha + T
    odds = 0.0 if x == 0 else a / (b + x - 1) * (c / (alpha + t_x)) ** k
    rate = quad(
        lambda s: np.exp(-delta * s) * k / c * hyp2f1(k + 1, a, a + b + x, -s / c), 0, weeks, limit=200, epsrel=1e-9
    )
    return rate[0] / (1 + odds)


def test_the_columns_are_as_promised(fits, some) -> None:
    found = value(*fits, some, PLAN, futures=100)
    frame = found.frame()
    assert list(frame) == COLUMNS
    assert frame["customer_id"].tolist() == some.customer_id.tolist()
    assert not frame.isna().to_numpy().any()
    assert (frame["clv_lower"] <= frame["clv_median"]).all()
    assert (frame["clv_median"] <= frame["clv_upper"]).all()
    assert repr(found) == f"Valuation of {len(some)} customers: {PLAN}"


def test_value_is_called_clv_where_it_is_discounted_and_money_where_it_is_not(fits, some) -> None:
    of = having(some, rate=0.1, channel="web")
    for plan, quantity in ((PLAN, "clv"), (Plan("1 year", "rate"), "clv"), (Plan("1 year", margin=0.3), "money")):
        found = value(*fits, of, plan, futures=20)
        assert (found.quantity, found.forecast.quantity) == (quantity, quantity)
        numbers = [f"{quantity}_{name}" for name in ("mean", "sd", "median", "lower", "upper")]
        own = [name for name in found.frame() if name.startswith(("clv_", "money_"))]
        assert own == numbers
        assert list(found.by("channel").frame())[2:6] == [
            *(f"{quantity}_mean", f"{quantity}_per_customer", f"{quantity}_lower", f"{quantity}_upper")
        ]


def test_a_valuation_is_a_forecast_and_a_plan_and_knows_where_its_numbers_come_from(fits, some) -> None:
    found = value(*fits, some, PLAN, futures=30, seed=9)
    assert isinstance(found, Valuation)
    assert isinstance(found.forecast, Forecast)
    assert (found.plan, found.horizons) == (PLAN, ("2 years",))
    for one in (found, found.forecast, found.at("2 years"), (found - found).at("2 years")):
        assert (one.unit, one.seed, one.cut_off) == ("week", 9, date(1997, 9, 30))
    assert found.rfm is some
    undated = value(*fits, having(some), PLAN, futures=30)  # a table does not say when it was made
    assert undated.cut_off is None


def test_the_difference_of_two_plans_is_taken_future_by_future(fits, some) -> None:
    of = having(some, channel=np.where(some.frequency > 0, "web", "shop"))
    now, then = (value(*fits, of, Plan("2 years", 0.10, margin), futures=60, seed=3) for margin in (0.30, 0.40))
    gain = then - now
    assert isinstance(gain, Forecast)
    assert (gain.quantity, gain.horizons, gain.seed) == ("clv_difference", ("2 years",), 3)
    frame = gain.frame()
    np.testing.assert_allclose(frame["clv_difference_mean"], now.frame()["clv_mean"] / 3, rtol=1e-9)
    np.testing.assert_allclose(frame["clv_difference_upper"], now.frame()["clv_upper"] / 3, rtol=1e-9)
    np.testing.assert_allclose(gain.total().realised, now.total().realised / 3, rtol=1e-9)
    np.testing.assert_allclose(gain.total().expected, now.total().expected / 3, rtol=1e-9)
    assert gain.by("channel")["web"].mean == pytest.approx(now.by("channel")["web"].mean / 3)
    nothing = (now - now).total()
    assert (nothing.mean, *nothing.interval(), *nothing.expected_interval()) == (0.0,) * 5
    for other in (
        value(*fits, of, PLAN, futures=60, seed=4),
        value(*fits, of, Plan("1 year", 0.10), futures=60, seed=3),
        value(*fits, of.take(slice(9)), PLAN, futures=60, seed=3),
    ):
        with pytest.raises(SettingError, match="same customers, horizons and seed"):
            _ = now - other
    with pytest.raises(SettingError, match=r"60 draws or futures have no pairs among 30\."):
        (now - value(*fits, of, PLAN, futures=30, seed=3)).frame()


def test_the_mean_is_the_margin_times_the_average_over_draws_of_purchases_times_spend(fits, cdnow_rfm) -> None:
    few = cdnow_rfm.take(np.array([0, 2, 5, 1515]))
    purchases, spend = (fit.draws.values() for fit in fits)
    n = 60  # the first draws of each: futures=60 takes those
    found = value(*fits, few, PLAN, futures=n).frame()
    delta, weeks = np.log(1.1) * 7 / 365.25, 2 * 365.25 / 7
    for i in range(4):
        x, t_x, T, m = few.frequency[i], few.recency[i], few.T[i], few.money[i]
        products, counts, spends = [], [], []
        for j in range(n):
            r, alpha, a, b = (float(values[j, 0]) for values in purchases.values())
            p, q, gamma = (float(values[j, 0]) for values in spend.values())
            spends.append(p * (gamma + x * m) / (p * x + q - 1))
            products.append(discounted_by_quadrature(r, alpha, a, b, x, t_x, T, weeks, delta) * spends[-1])
            counts.append(discounted_by_quadrature(r, alpha, a, b, x, t_x, T, weeks, 0.0))
        assert found["clv_mean"][i] == pytest.approx(0.30 * np.mean(products), rel=1e-6)
        assert found["expected_purchases"][i] == pytest.approx(np.mean(counts), rel=1e-6)
        assert found["expected_spend"][i] == pytest.approx(np.mean(spends), rel=1e-9)


def test_costs_and_columns_enter_under_each_draw(fits, cdnow_rfm) -> None:
    own = {"share": [0.3, 0.5, 1.0, 0.2], "rate": [0.1, 0.0, 0.25, 0.1], "handling": [0.0, 2.5, 60.0, 1.0]}
    own["service"] = [12.0, 0.0, 5.0, 40.0]
    few = having(cdnow_rfm.take(np.array([0, 2, 5, 1515])), **own)
    purchases, spend = (fit.draws.values() for fit in fits)
    n = 25
    plan = Plan(["6 months", "2 years"], "rate", "share", "handling", "service")
    frame = value(*fits, few, plan, futures=n).frame()
    for horizon, years in (("6 months", 0.5), ("2 years", 2.0)):
        found = frame[frame["horizon"] == horizon].reset_index(drop=True)
        for i in range(4):
            x, t_x, T, m = few.frequency[i], few.recency[i], few.T[i], few.money[i]
            delta, share, handling = np.log1p(own["rate"][i]) / YEAR, own["share"][i], own["handling"][i]
            products, counts = [], []
            for j in range(n):
                r, alpha, a, b = (float(values[j, 0]) for values in purchases.values())
                p, q, gamma = (float(values[j, 0]) for values in spend.values())
                counts.append(discounted_by_quadrature(r, alpha, a, b, x, t_x, T, years * YEAR, delta))
                products.append(counts[-1] * (share * p * (gamma + x * m) / (p * x + q - 1) - handling))
            serving = own["service"][i] / YEAR * quad(lambda s, d=delta: np.exp(-d * s), 0, years * YEAR)[0]
            assert found["clv_mean"][i] == pytest.approx(np.mean(products) - serving, rel=1e-6)
            assert found["discounted_purchases"][i] == pytest.approx(np.mean(counts), rel=1e-6)


def test_the_published_discounted_purchases_are_in_the_value(points, oracle) -> None:
    case = oracle("bg_nbd")["discounted"]
    frame = {"customer_id": [1], "frequency": case["x"], "recency": case["t_x"], "T": case["T"], "monetary_value": 30.0}
    rfm = RFM.from_frame(pd.DataFrame(frame), unit="week")
    found = value(*points, rfm, Plan(horizon="3 years", discount=case["rate"]), futures=1).frame()
    assert found["clv_mean"][0] / found["expected_spend"][0] == pytest.approx(case["value"], abs=1e-4)


def test_the_total_is_the_sum_of_the_customers(fits, some) -> None:
    found = value(*fits, some, PLAN, futures=200)
    frame, total = found.frame(), found.total()
    assert total.mean == pytest.approx(frame["clv_mean"].sum(), rel=1e-12)
    assert total.expected.mean() == pytest.approx(total.mean, rel=1e-9)
    np.testing.assert_allclose(total.realised, futures(found).sum(axis=0), rtol=1e-12)


def test_the_realised_value_has_the_expected_mean(fits, some) -> None:
    found = value(*fits, some, PLAN, futures=1000, seed=4)
    total = found.total()
    assert abs(total.realised.mean() - total.mean) < 4 * total.realised.std() / np.sqrt(1000)
    for level in (0.5, 0.9):
        assert total.interval(level)[0] < total.mean < total.interval(level)[1]
        assert np.ptp(total.expected_interval(level)) < np.ptp(total.interval(level))


def test_p_zero_is_the_probability_of_no_purchase(points, some) -> None:
    # Without a purchase there is no money, and a purchase is worth something: the futures must say what the model says.
    model, histories = points[0].estimate, Histories(some.frequency, some.recency, some.T)
    none = model.future(histories).count(np.zeros(()), 104.357142857)
    chance = model.probability_alive(histories) * (1 - none)
    found = value(*points, some, PLAN, futures=2000).frame()["p_zero"]
    z = (found - (1 - chance)) / np.sqrt(chance * (1 - chance) / 2000)
    assert (np.abs(z) < 4.2).all()
    assert abs(z.mean()) < 4 / np.sqrt(len(z))


def test_the_margin_is_a_factor(fits, some) -> None:
    all_of_it, a_fifth = (value(*fits, some, Plan("2 years", 0.1, margin), futures=100) for margin in (1.0, 0.2))
    columns = ["clv_mean", "clv_sd", "clv_median", "clv_lower", "clv_upper", "past_value", "lifetime_value_mean"]
    np.testing.assert_allclose(a_fifth.frame()[columns], 0.2 * all_of_it.frame()[columns], rtol=1e-12)
    others = ["p_alive", "expected_purchases", "discounted_purchases", "expected_spend", "p_zero"]
    pd.testing.assert_frame_equal(a_fifth.frame()[others], all_of_it.frame()[others])
    np.testing.assert_allclose(a_fifth.total().realised, 0.2 * all_of_it.total().realised)


def test_money_later_is_worth_less(fits, some) -> None:
    plans = [Plan("2 years", discount) for discount in (0.0, 1e-6, 0.05, 0.10, 0.50)]
    means = [mean(fits, some, plan) for plan in plans]
    assert (np.diff(means, axis=0) < 0).all()
    np.testing.assert_allclose(means[1], means[0], rtol=1e-5)
    realised = [value(*fits, some, plan, futures=50, seed=3).total().realised for plan in plans]
    assert (np.diff(realised, axis=0) < 0).all()  # the same futures, discounted more
    # At most a factor of (1 + rate)^-2 over two years.
    assert (means[4] > means[0] / 1.5**2).all()


def test_without_discount_it_is_purchases_times_spend_for_a_point(points, some) -> None:
    frame = value(*points, some, Plan("39 weeks"), futures=1).frame()
    assert "discounted_purchases" not in frame
    np.testing.assert_allclose(frame["money_mean"], frame["expected_purchases"] * frame["expected_spend"], rtol=1e-12)


def test_the_components_multiply_to_the_value_of_a_point(points, some) -> None:
    frame = value(*points, some, PLAN, futures=1).frame()
    product = frame["discounted_purchases"] * frame["expected_spend"]
    np.testing.assert_allclose(frame["clv_mean"], 0.30 * product, rtol=1e-12)
    assert (frame["discounted_purchases"] < frame["expected_purchases"]).all()
    dear = value(*points, some, replace(PLAN, cost_per_purchase=4.0, cost_to_serve=6.0), futures=1).frame()
    serving = 6.0 * (1 - 1.1**-2) / np.log(1.1)
    expected = 0.30 * product - 4.0 * frame["discounted_purchases"] - serving
    np.testing.assert_allclose(dear["clv_mean"], expected, rtol=1e-12)


# --- costs, and terms of each customer's own -------------------------------------------------------------------------

HORIZONS = ["6 months", "2 years", "infinite"]


def test_a_column_of_one_number_is_to_the_last_bit_that_number(fits, some) -> None:
    same = having(some, rate=0.10, share=0.3, handling=1.5, service=4)
    numbers = value(*fits, some, Plan(HORIZONS, 0.10, 0.3, 1.5, 4), futures=60, seed=2)
    columns = value(*fits, same, Plan(HORIZONS, "rate", "share", "handling", "service"), futures=60, seed=2)
    pd.testing.assert_frame_equal(columns.frame(), numbers.frame(), check_exact=True)
    for horizon in HORIZONS:
        assert columns.at(horizon).total().realised.tolist() == numbers.at(horizon).total().realised.tolist()


@pytest.mark.parametrize("horizons", [HORIZONS, "infinite", "1 year"])
def test_a_customer_s_numbers_are_those_of_the_own_terms_whoever_else_is_valued(fits, some, horizons) -> None:
    some = some.take(slice(30))
    turn = np.arange(len(some)) % 3
    own = [(0.05, 0.9, 0.0, 3.0), (0.30, 0.2, 1.5, 0.0), (0.10, 0.5, 4.0, 12.0)]
    names = ("rate", "share", "handling", "service")
    mixed = having(some, **{name: np.array([of[i] for of in own])[turn] for i, name in enumerate(names)})
    found = value(*fits, mixed, Plan(horizons, *names), futures=40, seed=2)
    frame = found.frame()
    for which, terms in enumerate(own):
        alone = value(*fits, some, Plan(horizons, *terms), futures=40, seed=2).frame()
        rows = np.resize(turn, len(frame)) == which
        pd.testing.assert_frame_equal(frame[rows], alone[rows], check_exact=True)
    parts = pd.concat(found.frames(13), ignore_index=True)
    order = ["customer_id", *(["horizon"] if "horizon" in frame else [])]
    pd.testing.assert_frame_equal(
        parts.sort_values(order, ignore_index=True), frame.sort_values(order, ignore_index=True), check_exact=True
    )


@pytest.mark.parametrize(("discount", "years"), [(0.0, 2.0), (0.10, 2.0), (0.10, np.inf)])
def test_serving_costs_until_the_horizon_whatever_a_customer_does(fits, some, discount, years) -> None:
    horizon = "infinite" if np.isinf(years) else "2 years"
    free, served = (value(*fits, some, Plan(horizon, discount, cost_to_serve=c), futures=80) for c in (0.0, 12.0))
    delta = np.log1p(discount)
    charged = 12.0 * (1 - np.exp(-delta * years)) / delta if discount else 12.0 * years
    with_costs, without, q = served.frame(), free.frame(), free.quantity
    for name in (f"{q}_mean", f"{q}_median", f"{q}_lower", f"{q}_upper"):
        np.testing.assert_allclose(with_costs[name], without[name] - charged, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(with_costs[f"{q}_sd"], without[f"{q}_sd"], rtol=1e-6, atol=1e-9)
    assert with_costs["p_zero"].tolist() == without["p_zero"].tolist()
    np.testing.assert_allclose(futures(served), futures(free) - charged, atol=1e-9)
    assert (with_costs[f"{q}_lower"] >= -charged * (1 + 1e-12)).all()


def test_p_zero_stays_the_probability_of_no_purchase_under_any_cost(fits, some) -> None:
    free = value(*fits, some, PLAN, futures=200).frame()["p_zero"]
    for costs in ({"cost_per_purchase": 500.0}, {"cost_to_serve": 7.0}, {"cost_per_purchase": 3, "cost_to_serve": 1e6}):
        assert value(*fits, some, replace(PLAN, **costs), futures=200).frame()["p_zero"].tolist() == free.tolist()


def test_the_costs_of_a_future_are_its_purchases(fits, some) -> None:
    plain, with_cost = (futures(value(*fits, some, Plan("2 years", cost_per_purchase=c), futures=80)) for c in (0, 1))
    count = plain - with_cost
    np.testing.assert_allclose(count, count.round(), atol=1e-9)
    assert count.round().max() > 5
    assert ((count.round() > 0) == (plain > 0)).all()
    both = futures(value(*fits, some, Plan("2 years", margin=0.3, cost_per_purchase=2), futures=80))
    np.testing.assert_allclose(both, 0.3 * plain - 2 * count.round(), atol=1e-9)


@given(
    margin=st.floats(0.01, 1), cost=st.floats(0, 100), serving=st.floats(0, 100), discount=st.sampled_from([0.0, 0.1])
)
@settings(max_examples=25)
def test_value_is_linear_in_margin_and_costs(fits, some, margin, cost, serving, discount) -> None:
    def of(margin, cost, serving):
        return mean(fits, few, Plan("1 year", discount, margin, cost, serving))

    few = some.take(slice(8))
    money = of(1.0, 0.0, 0.0)
    purchases, service = money - of(1.0, 1.0, 0.0), money - of(1.0, 0.0, 1.0)
    expected = margin * money - cost * purchases - serving * service
    np.testing.assert_allclose(of(margin, cost, serving), expected, rtol=1e-9, atol=1e-9 * (1 + cost + serving))


@given(st.floats(0, 0.9), st.floats(0.01, 0.1))
@settings(max_examples=25)
def test_a_higher_discount_leaves_less(points, some, discount, more) -> None:
    few = some.take(slice(8))
    low, high = (mean(points, few, Plan("3 years", rate)) for rate in (discount, discount + more))
    assert (high < low).all()
    # What is taken off is at most what a purchase on the last day loses.
    assert (high > low * ((1 + discount) / (1 + discount + more)) ** 3 * (1 - 1e-12)).all()


@given(
    x=st.integers(0, 30),
    until=st.floats(0.01, 1),
    T=st.floats(1, 300),
    ends=st.tuples(st.floats(0.05, 3), st.floats(0.05, 3)),
    discount=st.sampled_from([0.0, 0.1, 1.0]),
)
@settings(max_examples=40, deadline=None)
def test_adjacent_horizons_add_up(points, x, until, T, ends, discount) -> None:
    t_x = T * until if x else 0.0
    table = {"customer_id": [1], "frequency": x, "recency": t_x, "T": T, "monetary_value": 20.0 * (x > 0)}
    rfm = RFM.from_frame(pd.DataFrame(table), unit="week")
    first, then = ends
    plan = Plan([f"{first * 365.25} days", f"{(first + then) * 365.25} days"], discount, cost_to_serve=3.0)
    frame = value(*points, rfm, plan, futures=1).frame()
    worth = frame[f"{plan.quantity}_mean"]
    model, delta = points[0].estimate, np.log1p(discount) / YEAR
    by_hand = [
        discounted_by_quadrature(model.r, model.alpha, model.a, model.b, x, rfm.recency[0], T, years * YEAR, delta)
        for years in (first, first + then)
    ]
    later = frame["expected_spend"][0] * (by_hand[1] - by_hand[0])
    service = 3.0 * quad(lambda s: (1 + discount) ** -s, first, first + then)[0]
    assert worth[1] - worth[0] == pytest.approx(later - service, rel=1e-6, abs=1e-6)


# --- the past --------------------------------------------------------------------------------------------------------


def test_past_value_is_what_a_customer_brought_under_the_same_plan(fits, some) -> None:
    own = having(some, share=np.where(some.frequency > 0, 0.2, 0.7))
    plan = Plan(["1 year", "2 years"], 0.10, "share", cost_per_purchase=1.5, cost_to_serve=5)
    found = value(*fits, own, plan, futures=20)
    frame = found.frame()
    revenue = some.first_spend + some.frequency * some.monetary_value
    past = own.columns["share"] * revenue - 1.5 * (some.frequency + 1) - 5 * some.T_days / 365.25
    np.testing.assert_allclose(frame["past_value"], np.tile(past, 2), rtol=1e-12)
    np.testing.assert_allclose(found.past_value, past, rtol=1e-12)
    assert (frame["lifetime_value_mean"] == frame["past_value"] + frame["clv_mean"]).all()
    np.testing.assert_allclose(found.at("1 year").frame()["past_value"], past, rtol=1e-12)


def test_past_value_is_the_money_in_the_log(fits, cdnow_split) -> None:
    log = cdnow_split[0]
    rfm = log.summarize(unit="week")
    brought = log.frame().groupby("customer_id")["amount"].sum()
    found = value(*fits, rfm, Plan("1 year"), futures=1).past_value
    np.testing.assert_allclose(found, brought.loc[rfm.customer_id], rtol=1e-12)


def test_without_the_value_of_first_purchases_nothing_is_said_of_the_past(fits, some) -> None:
    found = value(*fits, replace(some, first_spend=None), PLAN, futures=20)
    assert found.past_value is None
    assert list(found.frame()) == [name for name in COLUMNS if name not in ("past_value", "lifetime_value_mean")]


# --- several horizons, and segments ----------------------------------------------------------------------------------


@pytest.mark.parametrize("discount", [0.0, 0.10])
def test_a_horizon_among_several_is_that_horizon_alone(fits, some, discount) -> None:
    horizons = ["3 months", "1 year", "infinite" if discount else "5 years"]
    found = value(*fits, some, Plan(horizons, discount, 0.3, 1.0, 2.0), futures=100, seed=5)
    frame = found.frame()
    assert frame["horizon"].tolist() == np.repeat(found.horizons, len(some)).tolist()
    assert frame["customer_id"].tolist() == some.customer_id.tolist() * 3
    for horizon in horizons:
        alone = value(*fits, some, Plan(horizon, discount, 0.3, 1.0, 2.0), futures=100, seed=5)
        within = found.at(horizon)
        assert within.plan == alone.plan
        assert repr(within) == repr(alone)
        own = frame[frame["horizon"] == horizon].drop(columns="horizon").reset_index(drop=True)
        if horizon == "infinite":
            own = own.drop(columns="expected_purchases")
        pd.testing.assert_frame_equal(within.frame(), alone.frame(), rtol=1e-12)
        pd.testing.assert_frame_equal(own, alone.frame(), rtol=1e-12)
        assert within.frame()["p_zero"].tolist() == alone.frame()["p_zero"].tolist()
        np.testing.assert_allclose(within.total().realised, alone.total().realised, rtol=1e-12)
        pd.testing.assert_frame_equal(within.interval(0.5), alone.interval(0.5), rtol=1e-12)
        pd.testing.assert_frame_equal(pd.concat(within.frames(50), ignore_index=True), alone.frame(), check_exact=True)


def test_a_longer_horizon_shows_more_of_the_same_futures(fits, some) -> None:
    found = value(*fits, some, Plan(["3 months", "1 year", "5 years"], 0.10), futures=60)
    short, middle, long = (futures(found.at(horizon)) for horizon in found.horizons)
    assert (short <= middle).all()
    assert (middle <= long).all()
    assert (short < long).any()


def test_what_needs_one_horizon_says_how_to_choose(fits, some) -> None:
    found = value(*fits, some, Plan(["3 months", "1 year"]), futures=10)
    for name, ask in (("total", found.total), ("contributions", found.contributions)):
        with pytest.raises(SettingError, match=rf'horizons: 3 months, 1 year.*at\("1 year"\)\.{name}'):
            ask()
    with pytest.raises(SettingError, match="'2 years' is not among the horizons of this forecast: 3 months, 1 year"):
        found.at("2 years")


def test_segments_in_a_column_are_summed_future_by_future(fits, some) -> None:
    channel = np.array(["web", "shop", "post"])[np.arange(len(some)) % 3]
    found = value(*fits, having(some, channel=channel), replace(PLAN, cost_to_serve=1.0), futures=90)
    segments = found.by("channel")
    assert segments.names.tolist() == ["post", "shop", "web"]
    frame, each = found.frame(), futures(found)
    for name in segments.names:
        own = channel == name
        assert segments[name].mean == pytest.approx(frame["clv_mean"][own].sum(), rel=1e-12)
        np.testing.assert_allclose(segments[name].realised, each[own].sum(axis=0), rtol=1e-10)
    table = segments.frame()
    assert table["customers"].tolist() == [int((channel == name).sum()) for name in segments.names]
    assert table["clv_mean"].sum() == pytest.approx(found.total().mean, rel=1e-12)
    np.testing.assert_allclose(sum(total.expected for total in segments.totals), found.total().expected, rtol=1e-10)
    with pytest.raises(SettingError, match=r"no column 'chanel'\. Its columns are: channel"):
        found.by("chanel")


# --- borders ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [BGNBD, MBGNBD, NBD])
def test_an_infinite_horizon_is_the_limit_of_a_long_one(model, cdnow_rfm, some, points) -> None:
    pair = (fit(model, cdnow_rfm, MaximumLikelihood()), points[1])
    forever, long, short = (mean(pair, some, Plan(horizon, 0.10)) for horizon in ("infinite", "250 years", "20 years"))
    np.testing.assert_allclose(forever, long, rtol=1e-8)
    assert (short < forever).all()
    assert (short > 0.7 * forever).all()


def test_an_infinite_horizon_has_no_undiscounted_purchases_and_its_futures_have_the_expected_mean(points, some) -> None:
    found = value(*points, some, Plan("infinite", 0.10), futures=1500)
    assert "expected_purchases" not in found.frame()
    total = found.total()
    assert abs(total.realised.mean() - total.mean) < 4 * total.realised.std() / np.sqrt(1500)


def test_a_fit_in_days_values_customers_in_weeks_alike(cdnow_split, some, points) -> None:
    daily = cdnow_split[0].summarize(unit="day")
    days = (fit(BGNBD, daily, MaximumLikelihood()), fit(GammaGamma, daily, MaximumLikelihood()))
    np.testing.assert_allclose(mean(days, some, PLAN), mean(points, some, PLAN), rtol=1e-6)
    rows = np.arange(0, len(daily), 20)
    np.testing.assert_allclose(mean(days, daily.take(rows), PLAN), mean(points, some, PLAN), rtol=1e-6)
    np.testing.assert_allclose(mean(points, daily.take(rows), PLAN), mean(points, some, PLAN), rtol=1e-6)


@pytest.mark.parametrize("counts_cores_by_affinity", [True, False])
def test_as_many_threads_work_as_are_asked_for(points, some, monkeypatch, counts_cores_by_affinity) -> None:
    if not counts_cores_by_affinity:
        monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    elif not hasattr(os, "sched_getaffinity"):
        pytest.skip("this system does not say which cores a process may use")
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert value(*points, some, PLAN, threads=3).forecast.source.threads == 3
    cores = len(os.sched_getaffinity(0)) if counts_cores_by_affinity else 64
    assert value(*points, some, PLAN).forecast.source.threads == cores


def test_fits_with_unequal_draws_are_refused(fits, points, cdnow_rfm, some) -> None:
    fewer = fit(GammaGamma, cdnow_rfm, Laplace(draws=500))
    one = fit(GammaGamma, cdnow_rfm, Laplace(draws=1))
    for pair in [(fits[0], fewer), (fits[0], points[1]), (points[0], fits[1]), (points[0], one)]:
        with pytest.raises(SettingError, match=r"equally many draws.*Laplace\(draws=1000\)"):
            value(*pair, some, PLAN, futures=1000)


def test_data_without_amounts_are_refused_before_anything_is_computed(fits) -> None:
    frame = pd.DataFrame({"customer_id": [1], "frequency": [2], "recency": [30.0], "T": [39.0]})
    with pytest.raises(MissingMoneyError, match=r"Pass amount=.*clv\.predict"):
        value(*fits, RFM.from_frame(frame, unit="week"), PLAN)


def test_an_infinite_spend_is_refused(population) -> None:
    # Spend so uneven that q falls below 1: one-time buyers have no expected spend.
    wild = population(3000, (0.6, 6.0, 0.9, 3.0), seed=8, spend=(2.0, 0.6, 15.0)).rfm
    with pytest.warns(InfiniteMeanWarning):
        spend = fit(GammaGamma, wild)
    assert spend.verdict.ok
    assert spend.estimate.q < 1
    purchases = fit(BGNBD, wild)
    found = value(purchases, spend, wild, PLAN, futures=50)
    once = (wild.frequency == 0).sum()
    infinite = spend.draws.take(slice(50)).q <= 1
    assert infinite.any()
    with pytest.raises(
        InfiniteMeanError,
        match=rf"Gamma-Gamma: {once:,} of 3,000 customers have an infinite expected spend under some draws of the "
        rf"parameters, {100 * infinite.mean() * once / 3000:.3g} % of all pairs.*frame\(means=False\), interval\(\), "
        r'quantiles\(\).*clv\.GammaGamma\(of="all"\)',
    ):
        found.frame()
    for ask in (found.expected_interval, found.contributions, lambda: next(found.frames())):
        with pytest.raises(InfiniteMeanError, match=r"frame\(means=False\)"):
            ask()
    for ask in (lambda: found.total().mean, found.total().expected_interval):
        with pytest.raises(InfiniteMeanError, match=r"expected sum is infinite.*interval\(\)"):
            ask()
    bare = found.frame(means=False)
    left_out = {"expected_spend", "clv_mean", "clv_sd", "past_value", "lifetime_value_mean"}  # no first_spend here
    assert list(bare) == [name for name in COLUMNS if name not in left_out]
    assert np.isfinite(bare.drop(columns="customer_id").to_numpy()).all()
    ends = found.interval(0.90)
    assert bare["clv_lower"].tolist() == ends["lower"].tolist()
    assert bare["clv_upper"].tolist() == ends["upper"].tolist()
    pd.testing.assert_frame_equal(pd.concat(found.frames(700, means=False), ignore_index=True), bare, check_exact=True)
    groups = found.by(np.where(wild.frequency > 0, "again", "once")).frame()
    assert list(groups) == ["segment", "customers", "clv_lower", "clv_upper"]
    assert found.total().interval().lower > 0
    # Where all bought again, every mean exists.
    again = value(purchases, spend, wild.take(wild.frequency > 2), PLAN, futures=50).frame()
    assert np.isfinite(again["clv_mean"]).all()


def test_without_means_the_rest_of_the_table_is_the_same(fits, some) -> None:
    found = value(*fits, some, PLAN, futures=50)
    left_out = ["expected_spend", "clv_mean", "clv_sd", "lifetime_value_mean"]
    pd.testing.assert_frame_equal(found.frame(means=False), found.frame().drop(columns=left_out), check_exact=True)


def test_spend_without_a_mean_of_the_population_has_one_where_all_purchases_are_seen() -> None:
    wild = simulate_customers(
        BGNBD(0.6, 6.0, 0.9, 3.0), GammaGamma(2.0, 0.6, 15.0), ages=np.full(3000, 39.0), unit="week", seed=8
    )
    with pytest.warns(InfiniteMeanWarning) as said:
        purchases, repeats, every = (fit(model, wild) for model in (BGNBD, GammaGamma, GammaGamma(of="all")))
    assert len(said) == 1
    with pytest.raises(InfiniteMeanError, match=r'For means, fit clv\.GammaGamma\(of="all"\)'):
        value(purchases, repeats, wild, PLAN, futures=50).frame()
    assert every.estimate.q < 1
    frame = value(purchases, every, wild, PLAN, futures=50).frame()
    assert np.isfinite(frame["clv_mean"]).all()
    once = wild.frequency == 0
    dear = wild.first_spend > np.median(wild.first_spend[once])
    spend = frame["expected_spend"].to_numpy()
    assert spend[once & dear].min() > spend[once & ~dear].max()


def test_who_bought_once_is_valued_by_the_own_purchase_where_all_purchases_are_seen(fits, cdnow_rfm) -> None:
    table = {"customer_id": ["a", "b", "c"], "frequency": 0, "recency": 0.0, "T": 30.0, "monetary_value": 0.0}
    once = RFM.from_frame(pd.DataFrame(table | {"first_spend": [5.0, 40.0, 200.0]}), unit="week")
    alike = value(*fits, once, PLAN, futures=400).frame()
    assert len(set(alike["clv_mean"])) == 1
    every = fit(GammaGamma(of="all"), cdnow_rfm)
    apart = value(fits[0], every, once, PLAN, futures=400).frame()
    assert (np.diff(apart["clv_mean"]) > 0).all()
    assert (np.diff(apart["expected_spend"]) > 0).all()
    p, q, gamma = (values[:400, 0] for values in every.draws.values().values())
    expected = [np.mean(p * (gamma + spent) / (p + q - 1)) for spent in (5.0, 40.0, 200.0)]
    np.testing.assert_allclose(apart["expected_spend"], expected, rtol=1e-9)
    assert apart["p_alive"].tolist() == alike["p_alive"].tolist()
    assert apart["p_zero"].tolist() == alike["p_zero"].tolist()


def test_first_purchases_of_unknown_value_are_refused_before_anything_is_computed(fits, cdnow_rfm) -> None:
    spend = fit(GammaGamma(of="all"), cdnow_rfm)
    with pytest.raises(MissingMoneyError, match="pass a first_spend column"):
        value(fits[0], spend, replace(cdnow_rfm, first_spend=None), PLAN)


def test_point_fits_take_the_parameters_as_known(points, some) -> None:
    found = value(*points, some, PLAN, futures=100)
    assert np.ptp(found.total().interval(0.9)) > 0
    for ask in (found.expected_interval, found.total().expected_interval):
        with pytest.raises(SettingError, match="Laplace"):
            ask(0.9)
