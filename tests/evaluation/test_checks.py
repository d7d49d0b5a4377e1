from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from clvmodels.data.rfm import RFM
from clvmodels.data.transactions import Transactions
from clvmodels.errors import DataError, FitError, MissingMoneyError, SettingError, SpendDependenceWarning
from clvmodels.evaluation import checks
from clvmodels.evaluation.check_base import Groups
from clvmodels.evaluation.purchase_checks import count_probabilities, expected_by_day
from clvmodels.inference.fit import fit
from clvmodels.inference.methods import Laplace, MaximumLikelihood
from clvmodels.inference.prior import LogNormal, Prior
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.future import NEW, simulate
from clvmodels.models.gamma_gamma import GammaGamma
from clvmodels.models.mbg_nbd import MBGNBD
from clvmodels.models.nbd import NBD
from clvmodels.models.pareto_nbd import ParetoNBD
from clvmodels.prediction.generate import simulate_customers
from clvmodels.valuation.plan import Plan
from clvmodels.valuation.value import value

# BTYD (R package), vignette BTYD walkthrough: BG/NBD's incremental and cumulative expectations by the ends of weeks
# 20 to 25 of CDNOW, and what happened; its parameters.
BTYD = (0.2425967, 4.413659, 0.7929869, 2.426164)
BTYD_WEEKS = np.arange(20, 26)
BTYD_EXPECTED = np.array([76.86531, 74.88843, 73.04554, 71.32166, 69.70412, 68.18213])
BTYD_CUMULATIVE = np.array([1312.458, 1387.346, 1460.392, 1531.713, 1601.418, 1669.600])
BTYD_ACTUAL = [73, 55, 70, 33, 56, 99]
BTYD_ACTUAL_CUMULATIVE = [1359, 1414, 1484, 1517, 1573, 1672]


def inside(table):
    """Return the share of rows whose actual value lies in the band."""
    return ((table["actual"] >= table["lower"]) & (table["actual"] <= table["upper"])).mean()


# --- frequency histogram ---------------------------------------------------------------------------------------------


def test_the_frequency_histogram_of_cdnow_and_its_published_chi_square(cdnow_purchases_point, cdnow_rfm):
    # Fader, Hardie & Lee (2005), section 4: chi-square 4.82 with 3 degrees of freedom, p = .19.
    check = checks.frequency_histogram(cdnow_purchases_point, cdnow_rfm)
    assert check.frame()["frequency"].to_list() == ["0", "1", "2", "3", "4", "5", "6", "7+"]
    assert check.frame()["actual"].to_list() == [1411, 439, 214, 100, 62, 38, 29, 64]
    assert check.numbers["chi_square"] == pytest.approx(4.82, abs=0.005)
    assert check.numbers["df"] == 3
    assert check.numbers["p_value"] == pytest.approx(0.19, abs=0.005)
    assert check.frame()["expected"].sum() == pytest.approx(2357)


def test_pareto_nbd_has_its_published_checks(cdnow_rfm, cdnow_split):
    # Fader, Hardie & Lee (2005): chi-square 11.99, p = .007; 2 % too few by week 78. BTYD walkthrough: the means by x.
    fitted = fit(ParetoNBD, cdnow_rfm, MaximumLikelihood())
    counted, followed, grouped, _ = checks.check(fitted, cdnow_rfm, cdnow_split[1], draws=20)
    assert counted.numbers["chi_square"] == pytest.approx(11.99, abs=0.005)
    assert counted.numbers["p_value"] == pytest.approx(0.007, abs=0.0005)
    assert followed.numbers["error"] == pytest.approx(-0.02, abs=0.005)
    published = [0.138, 0.600, 1.196, 1.714, 2.399, 2.907, 3.819, 6.403]
    assert grouped.frame()["expected"].to_numpy() == pytest.approx(published, abs=0.001)


def test_count_probabilities_are_the_published_ones(oracle):
    published = oracle("bg_nbd")
    model = BGNBD(*published["fhl_parameters"]["values"])
    for t, k, probability in published["count_probabilities"]["rows"]:
        chance = count_probabilities(model, np.array([float(t)]), most=25)[0, 0]
        assert chance.sum() == pytest.approx(1)
        assert chance[int(k)] == pytest.approx(probability, rel=1e-5)


@pytest.mark.parametrize(
    "model", [BGNBD(0.7, 5.0, 0.8, 2.4), MBGNBD(0.7, 5.0, 0.8, 2.4), NBD(0.7, 5.0)], ids=["BG", "MBG", "NBD"]
)
def test_count_probabilities_are_those_of_simulated_new_customers(model):
    ages, n = np.array([2.0, 30.0]), 40_000
    chance = count_probabilities(model, ages, most=4)[0]
    rows = model.model(tuple(np.full((n, 1), value) for value in model.values().values()))
    for age, expected in zip(ages, chance, strict=True):
        made = simulate(rows, NEW, np.random.default_rng(1), age)
        share = np.bincount(np.minimum(made.count, 4), minlength=5) / n
        assert share == pytest.approx(expected, abs=5 * np.sqrt(0.25 / n))


def test_bands_hold_what_the_model_itself_does_and_shrink_for_a_point(population, cdnow_purchases, cdnow_rfm):
    made = population(3000, (0.5, 6.0, 0.8, 2.4), seed=3)
    check = checks.frequency_histogram(fit(BGNBD, made.rfm), made.rfm)
    assert inside(check.frame()) >= 7 / 8
    assert "uncertainty" in check.band
    wide, narrow = (
        checks.frequency_histogram(fitted, cdnow_rfm).frame()
        for fitted in (cdnow_purchases, fit(BGNBD, cdnow_rfm, MaximumLikelihood()))
    )
    assert (wide["upper"] - wide["lower"]).sum() > 1.1 * (narrow["upper"] - narrow["lower"]).sum()


def test_a_model_that_does_not_describe_the_base_lies_outside(cdnow_rfm):
    fitted = replace(fit(BGNBD, cdnow_rfm, MaximumLikelihood()), maximum=BGNBD(0.2, 2.0, 0.8, 2.4))
    check = checks.frequency_histogram(fitted, cdnow_rfm)
    assert not inside(check.frame().iloc[[0, 7]])
    assert check.numbers["p_value"] < 1e-6


def test_mbg_nbd_is_asked_about_customers_who_stop_at_once(cdnow_rfm):
    check = checks.frequency_histogram(fit(MBGNBD, cdnow_rfm, MaximumLikelihood()), cdnow_rfm)
    assert check.frame()["expected"][0] == pytest.approx(1411, abs=15)
    assert check.numbers["chi_square"] < 12


def test_many_ages_are_taken_together_without_a_difference(cdnow_purchases_point):
    rng = np.random.default_rng(0)
    T = np.sort(rng.uniform(20, 40, 3000))
    table = pd.DataFrame({"customer_id": range(3000), "frequency": 0, "recency": 0.0, "T": T})
    check = checks.frequency_histogram(cdnow_purchases_point, RFM.from_frame(table, unit="week"), draws=20)
    exact = count_probabilities(cdnow_purchases_point.estimate, T, 7)[0].sum(axis=0)
    assert check.frame()["expected"].to_numpy() == pytest.approx(exact, rel=1e-6)


def test_few_rows_have_no_chi_square(cdnow_purchases_point, cdnow_rfm):
    check = checks.frequency_histogram(cdnow_purchases_point, cdnow_rfm, most=1)
    assert check.frame()["frequency"].to_list() == ["0", "1+"]
    assert check.numbers == {}


# --- tracking --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tracked(cdnow_purchases_point, cdnow_rfm, cdnow_split):
    return checks.tracking(cdnow_purchases_point, cdnow_rfm, cdnow_split[1])


def test_tracking_counts_the_published_weeks(tracked):
    table = tracked.frame().set_index("period")
    assert table.loc[BTYD_WEEKS, "actual"].to_list() == BTYD_ACTUAL
    assert table.loc[BTYD_WEEKS, "cumulative_actual"].to_list() == BTYD_ACTUAL_CUMULATIVE
    assert table["cumulative_actual"].iloc[-1] == 4339
    assert len(table) == 78
    assert (table["part"] == "holdout").sum() == 39
    assert table["last_day"].iloc[[38, -1]].astype(str).to_list() == ["1997-09-30", "1998-06-30"]


def test_tracking_under_forecasts_by_the_published_four_percent(tracked):
    # Fader, Hardie & Lee (2005): by week 78 BG/NBD under-forecasts by 4 %.
    assert tracked.numbers["error"] == pytest.approx(-0.04, abs=0.005)


def test_expectations_are_the_published_ones_a_day_later(cdnow_rfm):
    born = np.repeat(np.arange(len(cdnow_rfm.calendar.day)), cdnow_rfm.calendar.first_purchases)
    one = BGNBD(*(np.array([[value]]) for value in BTYD))
    ends = 7 * np.append(19, BTYD_WEEKS)
    cumulative = expected_by_day(one, born, ends, 7.0)[0]
    assert cumulative[1:] == pytest.approx(BTYD_CUMULATIVE, rel=1e-6)
    assert np.diff(cumulative) == pytest.approx(BTYD_EXPECTED, rel=1e-5)


def test_the_expectation_at_the_end_of_the_observation_is_that_of_the_ages(tracked, cdnow_purchases_point, cdnow_rfm):
    future = cdnow_purchases_point.estimate.future(NEW)
    each = [count * future.purchases(T) for T, count in zip(*np.unique(cdnow_rfm.T, return_counts=True), strict=True)]
    assert tracked.frame()["cumulative_expected"][38] == pytest.approx(float(np.sum(each)), rel=1e-7)


@pytest.mark.parametrize("specification", [BGNBD, MBGNBD, NBD])
def test_produced_bases_have_the_expected_mean(specification, cdnow_rfm):
    fitted = fit(specification, cdnow_rfm, MaximumLikelihood())
    table = checks.tracking(fitted, cdnow_rfm, every="4 weeks", draws=200).frame()
    middle = (table["cumulative_lower"] + table["cumulative_upper"]) / 2
    assert middle.to_numpy() == pytest.approx(table["cumulative_expected"].to_numpy(), rel=0.04, abs=6)
    assert (table["cumulative_lower"] < table["cumulative_upper"]).all()


def test_sampling_variation_of_a_sample_is_that_of_the_base(monkeypatch, cdnow_purchases_point, cdnow_rfm):
    whole = checks.tracking(cdnow_purchases_point, cdnow_rfm, every="13 weeks", draws=800).frame()
    monkeypatch.setattr("clvmodels.evaluation.purchase_checks._HISTORIES", 800 * 600)
    sample = checks.tracking(cdnow_purchases_point, cdnow_rfm, every="13 weeks", draws=800).frame()
    width, other = ((table["upper"] - table["lower"]).to_numpy() for table in (whole, sample))
    assert other == pytest.approx(width, rel=0.12)
    assert sample["expected"].to_numpy() == pytest.approx(whole["expected"].to_numpy())


def test_tracking_without_a_holdout_ends_with_the_observation(cdnow_purchases_point, cdnow_rfm):
    check = checks.tracking(cdnow_purchases_point, cdnow_rfm, every="10 days", draws=10)
    assert len(check.frame()) == 27
    assert set(check.frame()["part"]) == {"calibration"}
    assert check.numbers["error"] == check.numbers["calibration_error"]


def test_the_unit_of_the_fit_does_not_matter(cdnow_split, cdnow_rfm, tracked):
    days = fit(BGNBD, cdnow_split[0].summarize("day"), MaximumLikelihood())
    again = checks.tracking(days, cdnow_rfm, cdnow_split[1], draws=5).frame()
    assert again["expected"].to_numpy() == pytest.approx(tracked.frame()["expected"].to_numpy(), rel=1e-4)
    other = checks.tracking(days, cdnow_split[0].summarize("day"), draws=5).frame()
    assert other["expected"].to_numpy() == pytest.approx(tracked.frame()["expected"][:39].to_numpy(), rel=1e-4)


@pytest.mark.parametrize("every", ["1 month", "12 hours", "infinite"])
def test_periods_are_whole_days(every, cdnow_purchases_point, cdnow_rfm):
    with pytest.raises(SettingError, match="whole days"):
        checks.tracking(cdnow_purchases_point, cdnow_rfm, every=every)


def test_tracking_says_what_is_missing(cdnow_purchases_point, cdnow_rfm, cdnow):
    with pytest.raises(DataError, match=r"summarize\(\)"):
        checks.tracking(cdnow_purchases_point, cdnow_rfm.take(slice(10)))
    with pytest.raises(DataError, match="no whole period"):
        checks.tracking(cdnow_purchases_point, cdnow_rfm, every="300 days")
    with pytest.raises(SettingError, match="one split"):
        checks.tracking(cdnow_purchases_point, cdnow_rfm, cdnow.split("1997-12-31")[1])
    with pytest.raises(SettingError, match="second part"):
        checks.tracking(cdnow_purchases_point, cdnow_rfm, cdnow_rfm)


def test_newcomers_are_not_tracked():
    orders = pd.DataFrame(
        {
            "who": [1, 2, 1, 2, 3, 3, 1],
            "day": ["2024-01-01", "2024-01-02", "2024-01-04", "2024-01-09", "2024-01-09", "2024-01-10", "2024-01-14"],
        }
    )
    past, future = Transactions(orders, "who", "day").split("2024-01-07")
    rfm = past.summarize("day")
    fitted = replace(fit(NBD, _many(), MaximumLikelihood()), maximum=NBD(1.0, 7.0))
    table = checks.tracking(fitted, rfm, future, draws=10).frame()
    assert table["actual"].to_list() == [1, 2]


def _many():
    rng = np.random.default_rng(0)
    x = rng.poisson(rng.gamma(1.0, 2.0, 200))
    return RFM.from_frame(
        pd.DataFrame({"customer_id": range(200), "frequency": x, "recency": np.where(x > 0, 9.0, 0.0), "T": 10.0}),
        unit="day",
    )


# --- conditional expectations ----------------------------------------------------------------------------------------


def test_conditional_expectations_are_the_published_ones(oracle, cdnow_purchases_point, cdnow_rfm, cdnow_split):
    published = oracle("bg_nbd")["by_frequency"]
    table = checks.conditional_expectations(cdnow_purchases_point, cdnow_rfm, cdnow_split[1]).frame()
    assert table["group"].to_list() == ["0", "1", "2", "3", "4", "5", "6", "7+"]
    assert table["customers"].to_list() == published["customers"]
    assert table["actual"].to_numpy() == pytest.approx(published["actual"], abs=1e-6)
    assert table["expected"].to_numpy() == pytest.approx(published["expected"], rel=5e-5)


def test_groups_by_recency_hold_everybody_once(cdnow_purchases_point, cdnow_rfm, cdnow_split, cdnow_holdout):
    table = checks.conditional_expectations(cdnow_purchases_point, cdnow_rfm, cdnow_split[1], "recency").frame()
    assert table["group"].to_list()[:3] == ["0", "0 to 5", "5 to 10"]
    assert table["customers"].sum() == len(cdnow_rfm)
    assert table["customers"][0] == 1411
    assert table["actual"] @ table["customers"] == pytest.approx(cdnow_holdout[0].sum())
    assert table["expected"] @ table["customers"] == pytest.approx(1653.4, abs=0.1)


def test_a_sample_of_a_group_gives_its_expectation_and_its_variation(
    monkeypatch, cdnow_purchases, cdnow_rfm, cdnow_split
):
    whole = checks.conditional_expectations(cdnow_purchases, cdnow_rfm, cdnow_split[1]).frame()
    monkeypatch.setattr("clvmodels.evaluation.purchase_checks._MOST_A_GROUP", 100)
    sample = checks.conditional_expectations(cdnow_purchases, cdnow_rfm, cdnow_split[1]).frame()
    assert sample["expected"].to_numpy() == pytest.approx(whole["expected"].to_numpy(), rel=2e-3)
    width, other = ((table["upper"] - table["lower"])[:4].to_numpy() for table in (whole, sample))
    assert other == pytest.approx(width, rel=0.25)


def test_bands_of_groups_hold_a_future_of_the_model_itself(shop_of_bg_nbd):
    past, future = shop_of_bg_nbd.split("2021-12-31")
    rfm = past.summarize("week")
    fitted = fit(BGNBD, rfm)
    tables = [
        checks.conditional_expectations(fitted, rfm, future, by, draws=200).frame() for by in ("frequency", "recency")
    ]
    assert inside(pd.concat(tables)) >= 0.75  # a right model has 90 % on average


@pytest.fixture(scope="module")
def shop_of_bg_nbd(live):
    rng = np.random.default_rng(7)
    start = rng.integers(0, 200, 3000)
    lives = live(rng, rng.gamma(0.7, 1 / 40, 3000), rng.beta(0.8, 2.4, 3000), 730.0 - start, False)
    who = np.concatenate([np.arange(3000), lives.who])
    day = start[who] + np.concatenate([np.zeros(3000), np.ceil(lives.time)])
    table = pd.DataFrame({"who": who, "day": pd.Timestamp("2021-01-01") + pd.to_timedelta(day, "D")})
    return Transactions(table, "who", "day")


def test_tracking_holds_a_future_of_the_model_itself(shop_of_bg_nbd):
    past, future = shop_of_bg_nbd.split("2021-12-31")
    rfm = past.summarize("week")
    check = checks.tracking(fit(BGNBD, rfm), rfm, future, draws=100)
    assert inside(check.frame()) > 0.8
    assert abs(check.numbers["error"]) < 0.05


def test_conditional_expectations_say_what_is_wrong(cdnow_purchases_point, cdnow_rfm, cdnow_split, cdnow):
    with pytest.raises(SettingError, match="by = 'money' is not known"):
        checks.conditional_expectations(cdnow_purchases_point, cdnow_rfm, cdnow_split[1], by="money")
    with pytest.raises(SettingError, match="one split"):
        checks.conditional_expectations(cdnow_purchases_point, cdnow_rfm, cdnow.split("1997-12-31")[1])


def test_groups_are_sampled_evenly():
    group, order = np.repeat([0, 1], [10, 3]), np.r_[np.arange(10.0)[::-1], 0.0, 1.0, 2.0]
    groups = Groups.of(group, order, most=5)
    assert groups.sample.tolist() == [9, 7, 5, 3, 1, 10, 11, 12]
    assert groups.mean(order[groups.sample][None]).tolist() == [[4.0, 1.0]]
    assert groups.shrink == pytest.approx([np.sqrt(0.5), 1.0])


# --- spend -----------------------------------------------------------------------------------------------------------


def spenders(slope, customers=3000, seed=5):
    """Gamma-Gamma spend that grows with frequency to the power of a slope; NBD purchases in 39 weeks."""
    rng = np.random.default_rng(seed)
    x = rng.negative_binomial(0.5, 0.3, customers)
    nu = rng.gamma(4.0, 1 / 15, customers) / np.maximum(x, 1) ** slope
    m = np.where(x > 0, rng.gamma(np.maximum(6.0 * x, 1e-9)) / nu / np.maximum(x, 1), 0.0)
    table = {"customer_id": range(customers), "frequency": x, "recency": np.where(x > 0, 20.0, 0.0), "T": 39.0}
    return RFM.from_frame(pd.DataFrame(table | {"monetary_value": m}), unit="week")


def test_independent_spend_shows_no_difference():
    rfm = spenders(0.0)
    check = checks.spend_independence(fit(GammaGamma, rfm), rfm, fit(NBD, rfm))
    numbers = check.numbers
    assert numbers["log_correlation_lower"] < numbers["log_correlation_if_independent"]
    assert numbers["log_correlation_upper"] > numbers["log_correlation_if_independent"] > 0.02
    assert inside(check.frame().dropna()) >= 0.8


def test_the_interval_of_the_difference_holds_that_there_is_none_as_often_as_it_says():
    held = 0
    for seed in range(20):
        rfm = spenders(0.0, customers=1000, seed=seed)
        numbers = checks.spend_independence(fit(GammaGamma, rfm), rfm, fit(NBD, rfm)).numbers
        held += numbers["difference_lower"] < 0 < numbers["difference_upper"]
    assert 15 <= held <= 20  # 18 are expected; 95.7 % of the time it is 16 or more


def test_spend_that_grows_with_frequency_is_found_and_sized():
    rfm = spenders(0.3)
    with pytest.warns(SpendDependenceWarning):
        spend = fit(GammaGamma, rfm)
    check = checks.spend_independence(spend, rfm, fit(NBD, rfm))
    numbers, table = check.numbers, check.frame()
    assert numbers["log_correlation_lower"] > 0.2
    assert numbers["rank_correlation_lower"] > 0.2
    assert numbers["difference_upper"] < 0  # those who buy seldom are overstated
    assert table["difference"][0] < 0 < table["difference"].iloc[-1]
    assert inside(table.dropna()) < 0.5
    assert table["difference"].sum() == pytest.approx(numbers["difference"])
    assert table["money_of_model"].sum() == pytest.approx(numbers["money_of_model"])
    assert numbers["difference_percent"] == pytest.approx(100 * numbers["difference"] / numbers["money_of_model"])


def test_without_a_purchase_fit_everybody_buys_as_often_again(cdnow_spend, cdnow_rfm):
    check = checks.spend_independence(cdnow_spend, cdnow_rfm)
    table = check.frame()
    assert table["frequency"].to_list() == ["1", "2", "3", "4 to 6", "7+"]
    assert table["purchases"].sum() == cdnow_rfm.frequency[cdnow_rfm.money > 0].sum()
    assert table["money_of_group"].sum() == pytest.approx(float(cdnow_rfm.frequency @ cdnow_rfm.money))


def test_one_time_buyers_have_a_row_of_money_alone(cdnow_spend, cdnow_purchases, cdnow_rfm):
    check = checks.spend_independence(cdnow_spend, cdnow_rfm, cdnow_purchases, horizon="39 weeks")
    table = check.frame()
    assert table["frequency"][0] == "0"
    assert np.isnan(table["actual"][0])
    assert table["purchases"].sum() == pytest.approx(1653.4, abs=0.1)
    assert table["customers"].sum() == len(cdnow_rfm)


def test_all_purchases_show_one_time_buyers_too(cdnow_rfm, cdnow_purchases):
    found = fit(GammaGamma(of="all"), cdnow_rfm)
    paid = cdnow_rfm.first_spend + cdnow_rfm.frequency * cdnow_rfm.money > 0
    once = paid & (cdnow_rfm.frequency == 0)
    table = checks.spend_independence(found, cdnow_rfm, cdnow_purchases, horizon="39 weeks").frame()
    assert table["frequency"].to_list() == ["worth nothing", "0", "1", "2", "3", "4 to 6", "7+"]
    assert table["customers"].to_list()[:2] == [(~paid).sum(), once.sum()] == [8, 1403]
    assert np.isnan(table["actual"][0])
    assert table["actual"][1] == pytest.approx(cdnow_rfm.first_spend[once].mean())
    assert table["purchases"].sum() == pytest.approx(1653.4, abs=0.1)
    assert checks.spend_density(found, cdnow_rfm).frame()["customers"].sum() > 0.97 * paid.sum()


def test_the_money_of_the_model_is_that_of_its_forecast(cdnow_rfm, cdnow_purchases_point):
    for model in (GammaGamma, GammaGamma(of="all")):
        found = fit(model, cdnow_rfm, MaximumLikelihood())
        check = checks.spend_independence(found, cdnow_rfm, cdnow_purchases_point, horizon="39 weeks")
        forecast = value(cdnow_purchases_point, found, cdnow_rfm, Plan("39 weeks"), futures=1)
        assert check.numbers["money_of_model"] == pytest.approx(forecast.frame()["money_mean"].sum(), rel=1e-9)
        assert check.frame()["money_of_model"].sum() == pytest.approx(check.numbers["money_of_model"])


def test_without_a_purchase_fit_all_purchases_are_made_again(cdnow_rfm):
    paid = cdnow_rfm.first_spend + cdnow_rfm.frequency * cdnow_rfm.money > 0
    everybody = cdnow_rfm.take(paid)
    table = checks.spend_independence(fit(GammaGamma(of="all"), everybody), everybody).frame()
    assert table["frequency"].to_list() == ["0", "1", "2", "3", "4 to 6", "7+"]
    assert table["purchases"].sum() == (everybody.frequency + 1).sum()
    spent = everybody.first_spend + everybody.frequency * everybody.money
    assert table["money_of_group"].sum() == pytest.approx(spent.sum())


def test_independent_spend_of_all_purchases_shows_no_difference():
    rfm = simulate_customers(NBD(0.5, 9.0), GammaGamma(6.0, 4.0, 15.0), ages=np.full(4000, 39.0), unit="week", seed=4)
    check = checks.spend_independence(fit(GammaGamma(of="all"), rfm), rfm, fit(NBD, rfm))
    numbers = check.numbers
    assert inside(check.frame()) >= 0.8
    assert numbers["log_correlation_lower"] < numbers["log_correlation_if_independent"]
    assert numbers["log_correlation_upper"] > numbers["log_correlation_if_independent"]
    assert numbers["difference_lower"] < 0 < numbers["difference_upper"]


def test_the_density_of_spend_is_a_density(cdnow_spend, cdnow_rfm):
    check = checks.spend_density(cdnow_spend, cdnow_rfm)
    table, width = check.frame(), check.frame()["right"][0]
    for name in ("actual", "expected"):
        assert table[name].sum() * width + check.numbers[f"beyond_{name}"] == pytest.approx(1, abs=1e-3)
    assert table["customers"].sum() == round(946 * (1 - check.numbers["beyond_actual"]))
    assert inside(table) < 0.9  # CDNOW has a peak at the price of one CD


def test_simulated_spend_lies_in_its_band():
    rfm = spenders(0.0)
    check = checks.spend_density(fit(GammaGamma, rfm), rfm)
    assert inside(check.frame()) > 0.8
    numbers = check.numbers
    assert numbers["beyond_lower"] <= numbers["beyond_actual"] <= numbers["beyond_upper"]


def test_spend_needs_money_and_repeat_buyers(cdnow_spend, cdnow_purchases, cdnow_rfm):
    table = pd.DataFrame({"customer_id": [1, 2], "frequency": [0, 0], "recency": 0.0, "T": 9.0, "monetary_value": 0.0})
    for check in (checks.spend_density, checks.spend_independence):
        with pytest.raises(DataError, match="None of 2 customers"):
            check(cdnow_spend, RFM.from_frame(table, unit="week"))
        with pytest.raises(MissingMoneyError):
            check(cdnow_spend, RFM.from_frame(table.drop(columns="monetary_value"), unit="week"))
        with pytest.raises(SettingError, match="model of spend"):
            check(cdnow_purchases, cdnow_rfm)


# --- priors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("specification", [BGNBD, MBGNBD, NBD, GammaGamma, GammaGamma(of="all")])
def test_the_default_prior_holds_cdnow_for_possible(specification, cdnow_rfm):
    check = checks.prior_predictive(specification, cdnow_rfm)
    table = check.frame()
    assert ((table["prior_5"] <= table["data"]) & (table["data"] <= table["prior_95"])).all()
    assert ((table["share_below"] > 0.05) & (table["share_below"] < 0.95)).all()
    assert check.numbers["not_simulated"] <= 2


def test_a_narrow_prior_about_the_estimate_predicts_the_data(cdnow_purchases_point, cdnow_rfm):
    near = {name: LogNormal(value, 0.01) for name, value in cdnow_purchases_point.estimate.values().items()}
    check = checks.prior_predictive(BGNBD, cdnow_rfm, Prior(near, scale=1.0), draws=60)
    table = check.frame().set_index("summary")
    assert table.loc["share who bought once", "prior_50"] == pytest.approx(1411 / 2357, abs=0.02)
    assert table.loc["repeat purchases a customer", "prior_50"] == pytest.approx(2457 / 2357, rel=0.1)
    assert table["prior_50"].to_numpy() == pytest.approx(table["data"].to_numpy(), rel=0.25)


def test_an_absurd_prior_takes_no_memory_and_leaves_nothing_out(cdnow_rfm):
    absurd = Prior({"r": LogNormal(1e3, 0.5), "alpha": LogNormal(1e-5, 3.0)}, scale=1.0)
    check = checks.prior_predictive(NBD, cdnow_rfm, absurd, draws=40)
    table = check.frame().set_index("summary")
    assert check.numbers["not_simulated"] > 0
    assert table.loc["repeat purchases a customer", "prior_95"] == np.inf
    assert table.loc["share who bought once", "prior_50"] == 0
    assert table.loc["recency / T of repeat buyers", "prior_95"] == pytest.approx(1)


@pytest.mark.parametrize("specification", [BGNBD, MBGNBD, NBD, GammaGamma, GammaGamma(of="all")])
def test_no_prior_is_too_wild(specification, cdnow_rfm):
    table = checks.prior_predictive(specification, cdnow_rfm, Prior(others=LogNormal(1.0, 8.0)), draws=40).frame()
    assert not table.isna().to_numpy().any()
    assert (table["prior_5"] <= table["prior_95"]).all()


def test_prior_checks_say_what_is_wrong(cdnow_rfm, cdnow_purchases):
    with pytest.raises(SettingError, match="not a model to fit"):
        checks.prior_predictive(cdnow_purchases, cdnow_rfm)
    with pytest.raises(SettingError, match="is not a prior"):
        checks.prior_predictive(BGNBD, cdnow_rfm, LogNormal())
    with pytest.raises(SettingError, match="speaks of q"):
        checks.prior_predictive(BGNBD, cdnow_rfm, Prior({"q": LogNormal()}))


# --- all of them -----------------------------------------------------------------------------------------------------


def test_one_call_makes_all_checks_that_the_data_allow(
    cdnow_purchases_point, cdnow_spend_point, cdnow_rfm, cdnow_split
):
    names = [made.name for made in checks.check(cdnow_purchases_point, cdnow_rfm, cdnow_split[1], draws=20)]
    assert names == [
        "frequency_histogram",
        "tracking",
        "conditional_expectations by frequency",
        "conditional_expectations by recency",
    ]
    part = checks.check(cdnow_purchases_point, cdnow_rfm.take(slice(100)), draws=20)
    assert [made.name for made in part] == ["frequency_histogram"]
    money = checks.check(cdnow_spend_point, cdnow_rfm, draws=20)
    assert [made.name for made in money] == ["spend_density", "spend_independence"]


def test_checks_follow_from_their_seed(cdnow_purchases, cdnow_spend, cdnow_rfm, cdnow_split):
    for one in (cdnow_purchases, cdnow_spend):
        first, again, other = (checks.check(one, cdnow_rfm, cdnow_split[1], 50, seed) for seed in (1, 1, 2))
        for a, b, c in zip(first, again, other, strict=True):
            pd.testing.assert_frame_equal(a.frame(), b.frame())
            assert (a.frame()["upper"] != c.frame()["upper"]).any()
            assert (
                a.frame()
                .drop(columns=["lower", "upper", "cumulative_lower", "cumulative_upper"], errors="ignore")
                .equals(
                    c.frame().drop(columns=["lower", "upper", "cumulative_lower", "cumulative_upper"], errors="ignore")
                )
            )


def test_a_check_shows_itself(cdnow_purchases_point, cdnow_rfm):
    check = checks.frequency_histogram(cdnow_purchases_point, cdnow_rfm, draws=20)
    assert "frequency_histogram of BG/NBD" in repr(check)
    assert "chi_square 4.821" in repr(check)
    assert "nothing of how uncertain" in repr(check)


@pytest.mark.parametrize("check", [checks.frequency_histogram, checks.tracking])
def test_a_bad_fit_and_wrong_arguments_are_refused(check, cdnow_rfm, cdnow_purchases, cdnow_spend):
    once = RFM.from_frame(pd.DataFrame({"customer_id": [1, 2], "frequency": 0, "recency": 0.0, "T": 9.0}), unit="week")
    with pytest.raises(FitError, match="bought again"):
        check(fit(BGNBD, once, MaximumLikelihood()), cdnow_rfm)
    with pytest.raises(SettingError, match="model of purchases"):
        check(cdnow_spend, cdnow_rfm)
    with pytest.raises(SettingError, match=r"summarize\(\)"):
        check(cdnow_purchases, cdnow_rfm.frame())
    with pytest.raises(SettingError, match="draws=0 is not"):
        check(cdnow_purchases, cdnow_rfm, draws=0)
    with pytest.raises(SettingError, match="seed=-1 is not"):
        check(cdnow_purchases, cdnow_rfm, seed=-1)


def test_few_draws_of_a_posterior_are_used_in_turn(cdnow_rfm):
    few = fit(BGNBD, cdnow_rfm, Laplace(draws=7))
    check = checks.frequency_histogram(few, cdnow_rfm, draws=70)
    assert check.frame()["expected"].sum() == pytest.approx(2357)


def test_a_notebook_shows_the_plots_the_numbers_and_what_the_band_holds(cdnow_purchases, cdnow_rfm) -> None:
    check = checks.frequency_histogram(cdnow_purchases, cdnow_rfm)
    html = check._repr_html_()
    assert html.count("<svg") == len(check.figures()) == 1
    assert "chi_square 4.8" in html
    assert check.band in html
