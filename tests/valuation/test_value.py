"""Valuation: recomputed naively, draw by draw and customer by customer, and held to what money must obey."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.special import hyp2f1

from clvmodels.data.rfm import RFM
from clvmodels.errors import InfiniteMeanError, MissingMoneyError, SettingError
from clvmodels.inference.fit import fit
from clvmodels.inference.methods import Laplace, MaximumLikelihood
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.gamma_gamma import GammaGamma, GammaGammaAllPurchases
from clvmodels.models.mbg_nbd import MBGNBD
from clvmodels.models.nbd import NBD
from clvmodels.prediction.generate import simulate_customers
from clvmodels.valuation.plan import Plan
from clvmodels.valuation.value import Valuation, value

PLAN = Plan(horizon="2 years", discount=0.10, margin=0.30)
COLUMNS = ["customer_id", "p_alive", "expected_purchases", "expected_spend", "clv_mean", "clv_median", "clv_lower"]
COLUMNS += ["clv_upper", "p_zero"]


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
    return value(*fits, rfm, plan, draws=1).frame()["clv_mean"].to_numpy()


def discounted_by_quadrature(r, alpha, a, b, x, t_x, T, weeks, delta):
    """A BG/NBD customer's expected discounted purchases from the papers' equations, by SciPy's quadrature."""
    k, c = r + x, alpha + T
    odds = 0.0 if x == 0 else a / (b + x - 1) * (c / (alpha + t_x)) ** k
    rate = quad(
        lambda s: np.exp(-delta * s) * k / c * hyp2f1(k + 1, a, a + b + x, -s / c), 0, weeks, limit=200, epsrel=1e-9
    )
    return rate[0] / (1 + odds)


def test_the_columns_are_as_promised(fits, some) -> None:
    found = value(*fits, some, PLAN, draws=100)
    frame = found.frame()
    assert list(frame) == COLUMNS
    assert frame["customer_id"].tolist() == some.customer_id.tolist()
    assert not frame.isna().to_numpy().any()
    assert (frame["clv_lower"] <= frame["clv_median"]).all()
    assert (frame["clv_median"] <= frame["clv_upper"]).all()
    assert isinstance(found, Valuation)
    assert repr(found) == f"Valuation of {len(some)} customers: {PLAN}"


def test_the_mean_is_the_margin_times_the_average_over_draws_of_purchases_times_spend(fits, cdnow_rfm) -> None:
    few = cdnow_rfm.take(np.array([0, 2, 5, 1515]))
    purchases, spend = (fit.draws.parameters() for fit in fits)
    n = 60  # the first draws of each: draws=60 takes those
    found = value(*fits, few, PLAN, draws=n).frame()
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


def test_the_published_discounted_purchases_are_in_the_value(points, oracle) -> None:
    case = oracle("bg_nbd")["discounted"]
    frame = {"customer_id": [1], "frequency": case["x"], "recency": case["t_x"], "T": case["T"], "monetary_value": 30.0}
    rfm = RFM.from_frame(pd.DataFrame(frame), unit="week")
    found = value(*points, rfm, Plan(horizon="3 years", discount=case["rate"]), draws=1).frame()
    assert found["clv_mean"][0] / found["expected_spend"][0] == pytest.approx(case["value"], abs=1e-4)


def test_the_total_is_the_sum_of_the_customers(fits, some) -> None:
    found = value(*fits, some, PLAN, draws=200)
    frame, total = found.frame(), found.total()
    assert total.mean == pytest.approx(frame["clv_mean"].sum(), rel=1e-12)
    assert total.expected.mean() == pytest.approx(total.mean, rel=1e-9)
    realised = np.concatenate([chunk.realised for chunk in found.source.chunks()], axis=1)
    np.testing.assert_allclose(np.sort(total.realised), np.sort(realised.sum(axis=1)), rtol=1e-12)


def test_the_realised_value_has_the_expected_mean(fits, some) -> None:
    found = value(*fits, some, PLAN, draws=1000, seed=4)
    total = found.total()
    assert abs(total.realised.mean() - total.mean) < 4 * total.realised.std() / np.sqrt(1000)
    for level in (0.5, 0.9):
        assert total.interval(level)[0] < total.mean < total.interval(level)[1]
        assert np.ptp(total.expected_interval(level)) < np.ptp(total.interval(level))


def test_p_zero_is_the_probability_of_no_purchase(points, some) -> None:
    # Without a purchase there is no money, and a purchase is worth something: the futures must say what the model says.
    model = points[0].model
    x = some.frequency.astype(float)
    none = model.count_if_alive(np.array(0.0), x, some.T, 104.357142857)
    chance = model.probability_alive(x, some.recency, some.T) * (1 - none)
    found = value(*points, some, PLAN, draws=2000).frame()["p_zero"]
    z = (found - (1 - chance)) / np.sqrt(chance * (1 - chance) / 2000)
    assert (np.abs(z) < 4.2).all()
    assert abs(z.mean()) < 4 / np.sqrt(len(z))


def test_the_margin_is_a_factor(fits, some) -> None:
    all_of_it, a_fifth = (value(*fits, some, Plan("2 years", 0.1, margin), draws=100) for margin in (1.0, 0.2))
    columns = ["clv_mean", "clv_median", "clv_lower", "clv_upper"]
    np.testing.assert_allclose(a_fifth.frame()[columns], 0.2 * all_of_it.frame()[columns], rtol=1e-12)
    others = ["p_alive", "expected_purchases", "expected_spend", "p_zero"]
    pd.testing.assert_frame_equal(a_fifth.frame()[others], all_of_it.frame()[others])
    np.testing.assert_allclose(a_fifth.total().realised, 0.2 * all_of_it.total().realised)


def test_money_later_is_worth_less(fits, some) -> None:
    plans = [Plan("2 years", discount) for discount in (0.0, 1e-6, 0.05, 0.10, 0.50)]
    means = [mean(fits, some, plan) for plan in plans]
    assert (np.diff(means, axis=0) < 0).all()
    np.testing.assert_allclose(means[1], means[0], rtol=1e-5)
    realised = [value(*fits, some, plan, draws=50, seed=3).total().realised for plan in plans]
    assert (np.diff(realised, axis=0) < 0).all()  # the same futures, discounted more
    # At most a factor of (1 + rate)^-2 over two years.
    assert (means[4] > means[0] / 1.5**2).all()


def test_without_discount_it_is_purchases_times_spend_for_a_point(points, some) -> None:
    frame = value(*points, some, Plan("39 weeks"), draws=1).frame()
    np.testing.assert_allclose(frame["clv_mean"], frame["expected_purchases"] * frame["expected_spend"], rtol=1e-12)


@pytest.mark.parametrize("model", [BGNBD, MBGNBD, NBD])
def test_an_infinite_horizon_is_the_limit_of_a_long_one(model, cdnow_rfm, some, points) -> None:
    pair = (fit(model, cdnow_rfm, MaximumLikelihood()), points[1])
    forever, long, short = (mean(pair, some, Plan(horizon, 0.10)) for horizon in ("infinite", "250 years", "20 years"))
    np.testing.assert_allclose(forever, long, rtol=1e-8)
    assert (short < forever).all()
    assert (short > 0.7 * forever).all()


def test_an_infinite_horizon_has_no_undiscounted_purchases_and_its_futures_have_the_expected_mean(points, some) -> None:
    found = value(*points, some, Plan("infinite", 0.10), draws=1500)
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


def test_fits_with_unequal_draws_are_refused(fits, points, cdnow_rfm, some) -> None:
    fewer = fit(GammaGamma, cdnow_rfm, Laplace(draws=500))
    one = fit(GammaGamma, cdnow_rfm, Laplace(draws=1))
    for pair in [(fits[0], fewer), (fits[0], points[1]), (points[0], fits[1]), (points[0], one)]:
        with pytest.raises(SettingError, match=r"equally many draws.*Laplace\(draws=1000\)"):
            value(*pair, some, PLAN, draws=1000)


def test_data_without_amounts_are_refused_before_anything_is_computed(fits) -> None:
    frame = pd.DataFrame({"customer_id": [1], "frequency": [2], "recency": [30.0], "T": [39.0]})
    with pytest.raises(MissingMoneyError, match=r"Pass amount=.*clv\.predict"):
        value(*fits, RFM.from_frame(frame, unit="week"), PLAN)


def test_an_infinite_spend_is_refused(population) -> None:
    # Spend so uneven that q falls below 1: one-time buyers have no expected spend.
    wild = population(3000, (0.6, 6.0, 0.9, 3.0), seed=8, spend=(2.0, 0.6, 15.0)).rfm
    spend = fit(GammaGamma, wild)
    assert spend.verdict.ok
    assert spend.model.q < 1
    with pytest.raises(InfiniteMeanError, match="infinite for"):
        value(fit(BGNBD, wild), spend, wild, PLAN, draws=50).frame()


def test_spend_without_a_mean_of_the_population_has_one_where_all_purchases_are_seen() -> None:
    wild = simulate_customers(
        BGNBD(0.6, 6.0, 0.9, 3.0), GammaGamma(2.0, 0.6, 15.0), ages=np.full(3000, 39.0), unit="week", seed=8
    )
    purchases, repeats, every = (fit(model, wild) for model in (BGNBD, GammaGamma, GammaGammaAllPurchases))
    with pytest.raises(InfiniteMeanError, match=r"Or fit clv\.GammaGammaAllPurchases"):
        value(purchases, repeats, wild, PLAN, draws=50).frame()
    assert every.model.q < 1
    frame = value(purchases, every, wild, PLAN, draws=50).frame()
    assert np.isfinite(frame["clv_mean"]).all()
    once = wild.frequency == 0
    dear = wild.first_spend > np.median(wild.first_spend[once])
    spend = frame["expected_spend"].to_numpy()
    assert spend[once & dear].min() > spend[once & ~dear].max()


def test_first_purchases_of_unknown_value_are_refused_before_anything_is_computed(fits, cdnow_rfm) -> None:
    spend = fit(GammaGammaAllPurchases, cdnow_rfm)
    with pytest.raises(MissingMoneyError, match="pass a first_spend column"):
        value(fits[0], spend, replace(cdnow_rfm, first_spend=None), PLAN)


def test_point_fits_take_the_parameters_as_known(points, some) -> None:
    found = value(*points, some, PLAN, draws=100)
    assert np.ptp(found.total().interval(0.9)) > 0
    for ask in (found.expected_interval, found.total().expected_interval):
        with pytest.raises(SettingError, match="Laplace"):
            ask(0.9)
