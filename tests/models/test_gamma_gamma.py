"""Gamma-Gamma: the value of a purchase."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.integrate import quad

from clvmodels.data.datasets import load_cdnow
from clvmodels.data.rfm import RFM
from clvmodels.errors import InfiniteMeanError, MissingMoneyError, SettingError
from clvmodels.models.future import unseen
from clvmodels.models.gamma_gamma import GammaGamma

CASES = [((6.25, 3.74, 15.44), 1.0), ((6.25, 3.74, 15.44), 7.0), ((0.9, 1.3, 200.0), 3.0), ((40.0, 25.0, 0.5), 2.0)]


def repeaters(rfm):
    some = rfm.frequency > 0
    return rfm.frequency[some].astype(float), rfm.money[some]


def test_the_published_log_likelihood_on_cdnow_in_both_conventions(cdnow_rfm, oracle) -> None:
    published = oracle("gamma_gamma")
    x, m = repeaters(cdnow_rfm)
    found = GammaGamma(*published["parameters"]["values"]).log_likelihood(x, m).sum()
    assert found == pytest.approx(published["parameters"]["log_likelihood"], abs=1e-4)
    # The density of the total x m is that of the mean over x.
    assert found - np.log(x).sum() == pytest.approx(published["log_likelihood_of_totals"]["value"], abs=0.005)


def test_the_published_expected_spend_of_the_first_ten_customers_and_of_all(cdnow_rfm, oracle) -> None:
    published = oracle("gamma_gamma")
    model = GammaGamma(*published["lifetimes_parameters"]["values"])
    spend = model.value(cdnow_rfm.frequency.astype(float), cdnow_rfm.money).mean()
    np.testing.assert_allclose(spend[:10], published["expected_spend"]["values"], rtol=2e-4)
    assert spend.mean() == pytest.approx(published["mean_expected_spend"]["value"], rel=1e-5)


@pytest.mark.parametrize(("parameters", "x"), CASES)
def test_the_density_of_the_mean_integrates_to_one_and_has_the_populations_mean(parameters, x) -> None:
    model = GammaGamma(*parameters)
    p, q, gamma = parameters

    def density(u: float, power: int) -> float:  # in u = log m
        m = np.array([np.exp(u)])
        return float(np.exp(model.log_likelihood(np.array([x]), m)[0] + (1 + power) * u))

    centre = np.log(p * gamma / q)
    for power, exact in [(0, 1.0), (1, p * gamma / (q - 1))]:
        parts = [quad(density, *ends, args=(power,), limit=200)[0] for ends in ((-60, centre), (centre, 160))]
        assert sum(parts) == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize(("parameters", "x"), CASES)
def test_the_density_is_a_gamma_mean_averaged_over_the_customers_rate(parameters, x) -> None:
    p, q, gamma = parameters
    m = p * gamma / q * 1.4

    def given(rate: float) -> float:
        return stats.gamma.pdf(m, p * x, scale=1 / (rate * x)) * stats.gamma.pdf(rate, q, scale=1 / gamma)

    mode = q / gamma
    brute = quad(given, 0, mode)[0] + quad(given, mode, 60 * mode, limit=200)[0]
    found = np.exp(GammaGamma(*parameters).log_likelihood(np.array([x]), np.array([m]))[0])
    assert found == pytest.approx(brute, rel=1e-6)


@pytest.mark.parametrize(("parameters", "x"), CASES)
def test_expected_spend_is_the_posterior_mean_of_p_over_the_rate(parameters, x) -> None:
    p, q, gamma = parameters
    m = p * gamma / q * 0.6
    rates = np.geomspace(q / gamma * 1e-4, q / gamma * 50, 200_001)
    weights = rates * stats.gamma.pdf(m, p * x, scale=1 / (rates * x)) * stats.gamma.pdf(rates, q, scale=1 / gamma)
    brute = np.sum(weights * p / rates) / np.sum(weights)
    assert GammaGamma(*parameters).value(np.array(x), np.array(m)).mean() == pytest.approx(brute, rel=1e-6)


def test_a_one_time_buyer_is_expected_to_spend_the_populations_mean() -> None:
    model = GammaGamma(6.25, 3.74, 15.44)
    assert model.value(np.array(0.0), np.array(0.0)).mean() == pytest.approx(6.25 * 15.44 / 2.74)
    np.testing.assert_allclose(unseen(model, 3).mean(), np.full(3, 6.25 * 15.44 / 2.74))


@pytest.mark.parametrize("q", [0.3, 1.0])
def test_a_mean_that_is_infinite_is_refused_with_its_share(q) -> None:
    model = GammaGamma(0.5, q, 15.0)
    with pytest.raises(InfiniteMeanError, match=r"infinite for 50 % of the \(draw, customer\) pairs"):
        model.value(np.array([0.0, 9.0]), np.array([0.0, 20.0])).mean()
    assert model.value(np.array([9.0]), np.array([20.0])).mean() > 0  # p x + q > 1: this customer's mean exists


def test_one_draw_with_an_infinite_mean_is_enough_to_refuse() -> None:
    model = GammaGamma(0.5, np.array([[3.0], [3.0], [3.0], [0.9]]), 15.0)
    with pytest.raises(InfiniteMeanError, match=r"infinite for 25 %.*goes down to 0\.9\."):
        model.value(np.array([0.0]), np.array([0.0])).mean()
    np.testing.assert_array_equal(unseen(model).has_mean, [[True], [True], [True], [False]])
    np.testing.assert_array_equal(unseen(model).has_variance, [[True], [True], [True], [False]])
    assert (model.value(np.array([1.0]), np.array([20.0])).mean() > 0).all()


def test_simulated_values_follow_the_predictive_distribution() -> None:
    # Gamma over an independent Gamma rate is a beta-prime.
    draws, (p, q, gamma), (x, m) = 20_000, (6.25, 3.74, 15.44), (3.0, 42.0)
    model = GammaGamma(np.full((draws, 1), p), q, gamma)
    values = model.value(x, m).simulate(np.random.default_rng(2), np.ones(draws, dtype=np.int64))
    exact = stats.betaprime(p, p * x + q, scale=gamma + x * m)
    assert stats.kstest(values, exact.cdf).pvalue > 1e-3
    assert exact.mean() == pytest.approx(float(GammaGamma(p, q, gamma).value(np.array(x), np.array(m)).mean()))


def test_purchases_of_one_future_share_the_customers_rate_and_futures_do_not() -> None:
    draws, (p, q, gamma) = 40_000, (6.25, 8.0, 15.44)
    model = GammaGamma(np.full((draws, 1), p), q, gamma)
    first, second = model.value(0.0, 0.0).simulate(np.random.default_rng(3), np.full(draws, 2)).reshape(draws, 2).T
    # Var(p / nu) is what two purchases of one customer share.
    mean = p * gamma / (q - 1)
    shared = p**2 * gamma**2 / ((q - 1) * (q - 2)) - mean**2
    products = (first - mean) * (second - mean)
    assert abs(products.mean() - shared) < 4 * products.std() / np.sqrt(draws)
    between = (first[1:] - mean) * (first[:-1] - mean)
    assert abs(between.mean()) < 4 * between.std() / np.sqrt(draws)


def test_values_stand_future_after_future() -> None:
    # Rates so different that a value tells which future it belongs to.
    model = GammaGamma(50.0, 500.0, np.array([[1.0], [1e6], [1e12]]))
    values = model.value(0.0, 0.0).simulate(np.random.default_rng(0), np.array([2, 0, 3]))
    assert (np.round(np.log10(values / (50 / 500)) / 6).astype(int) == [0, 0, 2, 2, 2]).all()


def test_groups_have_the_values_of_a_model_of_their_own() -> None:
    p, q, gamma = np.array([[6.0, 3.0], [7.0, 2.5]]), np.array([[4.0], [3.5]]), np.array([[15.0, 40.0], [16.0, 30.0]])
    group, x, m = np.array([1, 0, 1]), np.array([0.0, 2.0, 9.0]), np.array([0.0, 30.0, 20.0])
    own = GammaGamma(p, q, gamma).of_groups(group)
    for g in range(2):
        single, members = GammaGamma(p[:, [g]], q, gamma[:, [g]]), group == g
        for of_own, alone in [
            (own.value(x, m).mean(), single.value(x[members], m[members]).mean()),
            (own.log_likelihood(x + 1, m + 1), single.log_likelihood(x[members] + 1, m[members] + 1)),
        ]:
            np.testing.assert_allclose(of_own[:, members], alone, rtol=1e-12)


def test_the_evidence_leaves_out_customers_who_say_nothing_about_spend() -> None:
    table = pd.DataFrame(
        {
            "customer_id": range(14),
            "frequency": [0, 3, *[2] * 12],
            "recency": [0, 5, *[4] * 12],
            "T": [9] * 14,
            "monetary_value": [0.0, 0.0, *np.arange(10.0, 22.0)],  # the second bought for nothing
        }
    )
    evidence = GammaGamma().learn(RFM.from_frame(table, unit="week"))
    assert evidence.shortfall == ""
    assert evidence.scale == 15.5
    assert evidence.customers.tolist() == list(range(2, 14))
    np.testing.assert_array_equal(evidence.columns["x"], np.full(12, 2.0))
    np.testing.assert_allclose(evidence.columns["m"] * 15.5, np.arange(10.0, 22.0))
    np.testing.assert_allclose(evidence.in_unit()["m"], np.arange(10.0, 22.0))


@pytest.mark.parametrize(
    ("money", "message"),
    [
        ([20.0] * 9, "Only 9 customers with repeat purchases of positive value, and three parameters need 10"),
        ([20.0] * 12, "All 12 repeat buyers spend the same, 20 a purchase"),
        ([20.0] * 11 + [20.001], "All 12 repeat buyers spend the same, 20 a purchase"),
        ([20.0] * 11 + [20.01], ""),
    ],
)
def test_data_that_cannot_identify_it_say_why(money, message) -> None:
    n = len(money) + 1
    table = pd.DataFrame(
        {"customer_id": range(n), "frequency": [0] + [2] * (n - 1), "recency": [0] + [4] * (n - 1), "T": 9}
    )
    rfm = RFM.from_frame(table.assign(monetary_value=[0.0, *money]), unit="week")
    found = GammaGamma().learn(rfm)
    assert found.scarcity.startswith(message)
    assert bool(found.scarcity) == bool(message)
    assert found.shortfall == ""  # a prior can settle it


def test_a_single_price_is_taken_to_be_known_to_one_in_a_thousand() -> None:
    evidence = GammaGamma(of="all").learn(first_and_repeats([20.0] * 12, [0] * 12, [0.0] * 12))
    np.testing.assert_allclose(np.unique(evidence.in_unit()["m"]), [19.98, 20.02])
    assert evidence.in_unit()["m"].mean() == pytest.approx(20.0, rel=1e-12)


def test_without_a_purchase_of_value_nothing_is_learnt() -> None:
    rfm = first_and_repeats([20.0] * 12, [0] * 12, [0.0] * 12)
    assert 'Fit clv.GammaGamma(of="all"), which learns from first purchases' in GammaGamma().learn(rfm).shortfall
    free = first_and_repeats([0.0] * 12, [0] * 12, [0.0] * 12)
    assert "No customer has a purchase of positive value" in GammaGamma(of="all").learn(free).shortfall


@pytest.mark.parametrize(
    ("p", "q", "gamma", "limit"),
    [
        (4.0, 1e6, 5e6, "All customers seem to spend alike: .* the common mean, 20 a purchase"),
        (1e6, 4.0, 6e-5, "purchases of a customer seem to be all worth the same, .* as much a purchase as before"),
        (1e6, 1e6 + 1, 20.0, "purchases seem to be worth nearly the same, 20, so every purchase"),
        (4.0, 4.0, 15.0, "spread of spend within customers cannot be told from that between them"),
    ],
)
def test_the_limit_that_was_reached_is_named(p, q, gamma, limit) -> None:
    assert re.search(limit, GammaGamma(p, q, gamma).unidentified("week"))


def test_data_without_amounts_are_refused() -> None:
    table = pd.DataFrame({"customer_id": [1], "frequency": [1], "recency": [4], "T": [9]})
    with pytest.raises(MissingMoneyError, match="no amounts"):
        GammaGamma().learn(RFM.from_frame(table, unit="week"))


# --- all purchases ---------------------------------------------------------------------------------------------------


def first_and_repeats(first_spend, frequency, monetary_value):
    table = pd.DataFrame({"frequency": frequency, "first_spend": first_spend, "monetary_value": monetary_value})
    known = {"customer_id": range(len(table)), "recency": 4.0 * (table["frequency"] > 0), "T": 9.0}
    return RFM.from_frame(table.assign(**known), unit="week")


def test_what_is_observed_are_the_repeats_or_all_purchases_of_the_log(cdnow_rfm) -> None:
    rfm = cdnow_rfm
    log = load_cdnow()
    log = log[pd.to_datetime(log["date"].astype(str)) <= "1997-09-30"]
    days = log.groupby(["customer_id", "date"], as_index=False)["amount"].sum().sort_values(["customer_id", "date"])
    every = days.groupby("customer_id")["amount"]
    x, m = GammaGamma(of="all").observed(rfm).values()
    np.testing.assert_array_equal(x, every.count().loc[rfm.customer_id])
    np.testing.assert_allclose(m, every.mean().loc[rfm.customer_id], rtol=1e-12, atol=1e-12)
    later = days[days.duplicated("customer_id")].groupby("customer_id")["amount"]
    x, m = GammaGamma().observed(rfm).values()
    np.testing.assert_array_equal(x, later.count().reindex(rfm.customer_id, fill_value=0))
    np.testing.assert_allclose(m, later.mean().reindex(rfm.customer_id, fill_value=0.0), rtol=1e-12)
    assert x.dtype == m.dtype == float


def test_the_log_likelihood_of_all_purchases_is_that_of_a_beta_prime_total(cdnow_rfm) -> None:
    # The total of x purchases is Gamma(p x) over an independent Gamma(q) rate; its mean has x times that density.
    p, q, gamma = 9.9, 3.4, 7.9
    evidence = GammaGamma(of="all").learn(cdnow_rfm)
    model = GammaGamma(p, q, gamma / evidence.scale, of="all")
    found = model.log_likelihood(**evidence.columns).sum() + evidence.log_jacobian
    count = cdnow_rfm.frequency + 1
    total = cdnow_rfm.first_spend + cdnow_rfm.frequency * cdnow_rfm.money
    count, total = count[total > 0], total[total > 0]
    by_hand = stats.betaprime(p * count, q, scale=gamma).logpdf(total) + np.log(count)
    assert found == pytest.approx(by_hand.sum(), rel=1e-10)
    assert len(count) == 2349


def test_all_purchases_are_the_same_equation_for_one_purchase_more(cdnow_rfm) -> None:
    x, m = GammaGamma(of="all").observed(cdnow_rfm).values()
    table = cdnow_rfm.frame().assign(frequency=x.astype(int), monetary_value=m, recency=cdnow_rfm.T)
    repeats = RFM.from_frame(table.drop(columns="first_spend"), unit="week")
    ours, theirs = GammaGamma(of="all").learn(cdnow_rfm), GammaGamma().learn(repeats)
    for name in ("x", "m"):
        np.testing.assert_array_equal(ours.columns[name], theirs.columns[name])
    assert (ours.scale, ours.log_jacobian) == (theirs.scale, theirs.log_jacobian)


def test_one_time_buyers_differ_by_what_they_paid() -> None:
    rfm = first_and_repeats([10.0, 50.0, 20.0], [0, 0, 2], [0.0, 0.0, 40.0])
    spend = GammaGamma(6.25, 3.74, 15.44, of="all")
    exact = [6.25 * (15.44 + 10) / 8.99, 6.25 * (15.44 + 50) / 8.99, 6.25 * (15.44 + 100) / (18.75 + 2.74)]
    np.testing.assert_allclose(spend.value(**spend.observed(rfm)).mean(), exact)
    alike = GammaGamma(6.25, 3.74, 15.44)
    assert np.ptp(alike.value(**alike.observed(rfm)).mean()[:2]) == 0


def test_expected_spend_is_what_customers_of_one_purchase_go_on_to_spend() -> None:
    p, q, gamma, customers = 3.0, 5.0, 20.0, 200_000
    rng = np.random.default_rng(6)
    own = rng.gamma(q, 1 / gamma, customers)
    first, later = rng.gamma(p, 1 / own), rng.gamma(p, 1 / own)
    rfm = RFM(*(np.arange(customers), np.zeros(customers, int), np.zeros(customers), np.full(customers, 9.0)), "week")
    rfm = replace(rfm, monetary_value=np.zeros(customers), first_spend=first)
    spend = GammaGamma(p, q, gamma, of="all")
    error = later - spend.value(**spend.observed(rfm)).mean()
    for group in np.array_split(np.argsort(first), 10):
        assert abs(error[group].mean()) < 4 * error[group].std() / np.sqrt(len(group))


def test_a_mean_that_repeat_purchases_leave_infinite_exists_with_all() -> None:
    rfm = first_and_repeats([10.0, 50.0], [0, 0], [0.0, 0.0])
    few, every = GammaGamma(0.6, 0.9, 15.0), GammaGamma(0.6, 0.9, 15.0, of="all")
    with pytest.raises(InfiniteMeanError, match=r'fit clv\.GammaGamma\(of="all"\): .* exists for p \+ q > 1\.$'):
        few.value(**few.observed(rfm)).mean()
    np.testing.assert_allclose(every.value(**every.observed(rfm)).mean(), [0.6 * 25 / 0.5, 0.6 * 65 / 0.5])
    with pytest.raises(InfiniteMeanError, match=r"not like the others\.$"):
        GammaGamma(0.6, 0.4, 15.0, of="all").value(**every.observed(rfm)).mean()


def test_customers_who_never_paid_are_left_out_and_a_free_purchase_counts() -> None:
    paid = np.arange(10.0, 22.0)
    rfm = first_and_repeats([0.0, 0.0, 0.0, *paid], [0, 2, 2, *[0] * 12], [0.0, 0.0, 30.0, *[0.0] * 12])
    evidence = GammaGamma(of="all").learn(rfm)
    assert evidence.shortfall == ""
    np.testing.assert_array_equal(evidence.columns["x"], [*[1] * 12, 3])
    np.testing.assert_allclose(evidence.columns["m"] * evidence.scale, [*paid, 20.0])


@pytest.mark.parametrize(
    ("first_spend", "message"),
    [
        ([20.0] * 9, "Only 9 customers with purchases of positive value, and three parameters need 10"),
        ([20.0] * 12, "All 12 customers spend the same, 20 a purchase"),
    ],
)
def test_all_purchases_that_cannot_identify_it_say_why(first_spend, message) -> None:
    none = [0] * len(first_spend)
    assert message in GammaGamma(of="all").learn(first_and_repeats(first_spend, none, none)).scarcity


def test_all_purchases_need_the_first(cdnow_rfm) -> None:
    with pytest.raises(MissingMoneyError, match=r"first_spend column to RFM\.from_frame, or use clv\.GammaGamma,"):
        GammaGamma(of="all").observed(replace(cdnow_rfm, first_spend=None))
    with pytest.raises(MissingMoneyError, match="no amounts"):
        GammaGamma(of="all").observed(replace(cdnow_rfm, first_spend=None, monetary_value=None))


def test_purchases_of_another_kind_are_refused() -> None:
    with pytest.raises(SettingError, match=r"of = 'first' is not known\. Use one of: 'repeat', 'all'"):
        GammaGamma(of="first")


def test_which_purchases_are_learnt_from_is_said_in_the_name_and_the_assumption() -> None:
    assert (GammaGamma().name, GammaGamma(of="all").name) == ("Gamma-Gamma", "Gamma-Gamma (all purchases)")
    assert "customers without any are expected to spend like the whole base" in GammaGamma().assumption
    assert "those who bought once differ by what they paid" in GammaGamma(of="all").assumption
