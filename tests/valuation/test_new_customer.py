"""The value of new customers: against closed forms, published numbers, and lives lived event by event."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import hyp2f1
from scipy.stats import ks_2samp

from clvmodels.errors import InfiniteMeanError, MissingMoneyError, SettingError
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.gamma_gamma import GammaGamma
from clvmodels.models.mbg_nbd import MBGNBD
from clvmodels.models.nbd import NBD
from clvmodels.models.pareto_nbd import ParetoNBD
from clvmodels.prediction.generate import simulate_customers, simulate_log
from clvmodels.valuation import new_customer
from clvmodels.valuation.new_customer import NewCustomerValue, value_new_customer
from clvmodels.valuation.plan import Plan

PLAN = Plan("1 year", discount=0.10, margin=0.30)
COSTLY = Plan("1 year", discount=0.10, margin=0.30, cost_per_purchase=1.5, cost_to_serve=4.0)
PRICES = GammaGamma(p=6.25, q=3.74, gamma=15.44)
MODELS = {
    "bg": BGNBD(r=0.6, alpha=4.4, a=0.8, b=2.4),
    "mbg": MBGNBD(r=0.6, alpha=4.4, a=0.8, b=2.4),
    "pareto": ParetoNBD(r=0.55, alpha=10.6, s=0.61, beta=11.7),
    "nbd": NBD(r=0.5, alpha=9.0),
}
YEAR = 365.25 / 7  # in weeks
DELTA = np.log(1.1) / YEAR

# Expected purchases of a new customer until t: BG/NBD, Fader, Hardie & Lee (2005), eq. 9; MBG/NBD, Batislam et al.
# (2007); Pareto/NBD, Schmittlein, Morrison & Colombo (1987). And the probability of none.


def purchases_bg(t, r, alpha, a, b):
    power = (alpha / (alpha + t)) ** r
    return (a + b - 1) / (a - 1) * (1 - power * hyp2f1(r, b, a + b - 1, t / (alpha + t)))


def purchases_mbg(t, r, alpha, a, b):
    return b / (a - 1) * (1 - (alpha / (alpha + t)) ** r * hyp2f1(r, b + 1, a + b, t / (alpha + t)))


def purchases_pareto(t, r, alpha, s, beta):
    return r * beta / (alpha * (s - 1)) * (1 - (beta / (beta + t)) ** (s - 1))


def none_pareto(t, r, alpha, s, beta):
    left = quad(lambda y: s / (beta + y) * (beta / (beta + y)) ** s * (alpha / (alpha + y)) ** r, 0, t, epsabs=1e-12)
    return left[0] + (alpha / (alpha + t)) ** r * (beta / (beta + t)) ** s


def none_while_alive(t, r, alpha, *_):
    return (alpha / (alpha + t)) ** r


CLOSED = {
    "bg": (purchases_bg, none_while_alive),
    "mbg": (purchases_mbg, lambda t, r, alpha, a, b: (a + b * (alpha / (alpha + t)) ** r) / (a + b)),
    "pareto": (purchases_pareto, none_pareto),
    "nbd": (lambda t, r, alpha: r * t / alpha, none_while_alive),
}


@pytest.fixture(scope="module")
def fitted(cdnow_purchases_point, cdnow_spend_point):
    """Return fits of models whose parameters are known, in weeks: points, or draws of a posterior."""

    def known(fit, model, unit):
        point = model.model(tuple(float(np.mean(value)) for value in model.values().values()))
        sample, of = (model, "posterior") if model.draws > 1 else (None, None)
        return replace(fit, maximum=point, sample=sample, draws_of=of, unit=unit)

    return lambda purchases, spend=PRICES, unit="week": (
        known(cdnow_purchases_point, purchases, unit),
        known(cdnow_spend_point, spend, unit),
    )


@pytest.fixture(scope="module")
def posteriors(cdnow_purchases, cdnow_spend):
    return cdnow_purchases, cdnow_spend


@pytest.fixture(scope="module")
def new(posteriors):
    plan = Plan(["1 year", "2 years"], discount=0.10, margin=0.30)
    return value_new_customer(*posteriors, plan)


def spread(model, sd, draws, seed=0):
    """A model with draws around it."""
    rng = np.random.default_rng(seed)
    return type(model)(*(v * np.exp(sd * rng.standard_normal((draws, 1))) for v in model.values().values()))


# --- what is expected ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_what_is_expected_has_closed_forms(fitted, name) -> None:
    model = MODELS[name]
    parameters = tuple(model.values().values())
    purchases, none = CLOSED[name]
    found = value_new_customer(*fitted(model), Plan(["13 weeks", "1 year"], margin=0.30, cost_per_purchase=1.5))
    table = found.frame().set_index(["horizon", "first_purchase"])
    each = 0.30 * PRICES.p * PRICES.gamma / (PRICES.q - 1) - 1.5
    for horizon, t in (("13 weeks", 13.0), ("1 year", YEAR)):
        without, both = table.loc[(horizon, "without")], table.loc[(horizon, "with")]
        expected = purchases(t, *parameters)
        assert without["expected_purchases"] == pytest.approx(expected, rel=1e-7)
        assert both["expected_purchases"] == pytest.approx(expected + 1, rel=1e-7)
        assert without["expected_spend"] == pytest.approx(PRICES.p * PRICES.gamma / (PRICES.q - 1), rel=1e-12)
        assert without["money_mean"] == pytest.approx(expected * each, rel=1e-7)
        assert both["money_mean"] == pytest.approx((expected + 1) * each, rel=1e-7)
        assert without["p_no_further_purchase"] == pytest.approx(none(t, *parameters), rel=1e-8)


def test_what_is_expected_has_been_published(fitted, oracle) -> None:
    bg, pareto = oracle("bg_nbd"), oracle("pareto_nbd")

    def expected(model, horizon):
        return value_new_customer(*fitted(model), Plan(horizon), futures=1).frame()["expected_purchases"][0]

    year = bg["expected_purchases_in_a_year"]["value"]
    assert expected(BGNBD(*bg["btyd_parameters"]["values"]), "52 weeks") == pytest.approx(year, abs=2e-6)
    case = pareto["expected_purchases"]
    for weeks, value in enumerate(case["values"][1:], start=1):
        assert expected(ParetoNBD(*case["parameters"]), f"{weeks} weeks") == pytest.approx(value, abs=1e-8)


def test_the_published_discounted_purchases_of_a_customer_just_acquired(fitted, oracle) -> None:
    case = oracle("pareto_nbd")["discounted_of_the_new"]  # at log(1.1) / 52 a week, and ours is of 365.25 days
    rate = 1.1 ** (YEAR / case["weeks_a_year"]) - 1
    plan = Plan("infinite", discount=rate)
    model = ParetoNBD(*oracle("pareto_nbd")["parameters"]["values"])
    found = value_new_customer(*fitted(model), plan, futures=1).frame()
    assert "expected_purchases" not in found
    assert found["discounted_purchases"][0] == pytest.approx(case["value"], rel=1e-4)


def test_the_mean_is_over_the_draws_of_the_parameters_and_so_is_its_interval(fitted) -> None:
    purchases, spend = spread(MODELS["pareto"], 0.1, 8), spread(PRICES, 0.1, 8, seed=1)
    naive = []
    for j in range(8):
        r, alpha, s, beta = (float(value[j, 0]) for value in purchases.values().values())
        p, q, gamma = (float(value[j, 0]) for value in spend.values().values())
        rate = quad(lambda y, r=r, a=alpha, s=s, b=beta: np.exp(-DELTA * y) * r / a * (b / (b + y)) ** s, 0, YEAR)[0]
        serving = 4.0 / YEAR * (1 - np.exp(-DELTA * YEAR)) / DELTA
        each = 0.30 * p * gamma / (q - 1) - 1.5
        naive.append((rate * each - serving, (rate + 1) * each - serving))
    found = value_new_customer(*fitted(purchases, spend), COSTLY, futures=16)
    for total, values in zip(
        (found.without_first_purchase, found.with_first_purchase), np.transpose(naive), strict=True
    ):
        np.testing.assert_allclose(total.expected, values, rtol=1e-8)
        assert total.mean == pytest.approx(np.mean(values))
        assert total.expected_interval(0.75) == pytest.approx((np.sort(values)[0], np.sort(values)[6]), rel=1e-8)


def test_an_infinite_horizon_is_the_limit_of_a_long_one(fitted) -> None:
    plan = Plan(["250 years", "infinite"], discount=0.10, margin=0.30, cost_to_serve=1.0)
    found = value_new_customer(*fitted(MODELS["bg"]), plan)
    table = found.frame()
    assert np.isnan(table["expected_purchases"][2])
    np.testing.assert_allclose(table["clv_mean"][2:], table["clv_mean"][:2], rtol=1e-8)
    total = found.at("infinite").with_first_purchase
    assert abs(total.realised.mean() - total.mean) < 4 * total.realised.std() / 100


# --- what really happens ---------------------------------------------------------------------------------------------


def lived(name, live, plan, customers=60_000, seed=5):
    """Value new customers who live event by event, without and with their first purchase."""
    rng = np.random.default_rng(seed)
    first, second, *drop = MODELS[name].values().values()
    rate = rng.gamma(first, 1 / second, customers)
    if name == "pareto":
        leave = rng.exponential(1 / rng.gamma(drop[0], 1 / drop[1], customers))
        who, time = live(rng, rate, np.zeros(customers), np.minimum(leave, YEAR), False)
    else:
        who, time = live(rng, rate, rng.beta(*drop, customers), YEAR, name == "mbg")
    scale = 1 / rng.gamma(PRICES.q, 1 / PRICES.gamma, customers)
    price = rng.gamma(PRICES.p, size=len(who)) * scale[who]
    worth = np.exp(-DELTA * time) * (plan.margin * price - plan.cost_per_purchase)
    serving = plan.cost_to_serve / YEAR * (1 - np.exp(-DELTA * YEAR)) / DELTA
    later = np.bincount(who, worth, minlength=customers) - serving
    opening = plan.margin * rng.gamma(PRICES.p, size=customers) * scale - plan.cost_per_purchase
    return later, later + opening


@pytest.mark.parametrize("name", ["bg", "mbg", "pareto"])
def test_futures_are_those_of_lives_lived_event_by_event(fitted, live, name) -> None:
    found = value_new_customer(*fitted(MODELS[name]), COSTLY, futures=60_000, seed=2)
    for total, other in zip(
        (found.without_first_purchase, found.with_first_purchase), lived(name, live, COSTLY), strict=True
    ):
        # Rounded, as those who never return cost the same to the last digit but one.
        assert ks_2samp(total.realised.round(9), other.round(9)).pvalue > 1e-3
        assert abs(total.mean - other.mean()) < 4 * other.std() / np.sqrt(len(other))
        assert abs(total.mean - total.realised.mean()) < 4 * total.realised.std() / np.sqrt(60_000)


def test_the_first_purchase_is_what_lies_between_and_of_the_same_customer(fitted) -> None:
    found = value_new_customer(*fitted(MODELS["bg"]), COSTLY, futures=40_000)
    without, both = found.without_first_purchase, found.with_first_purchase
    first = both.realised - without.realised
    each = 0.30 * PRICES.p * PRICES.gamma / (PRICES.q - 1) - 1.5
    assert both.mean - without.mean == pytest.approx(each)
    assert abs(first.mean() - each) < 4 * first.std() / 200
    assert (first > -1.5).all()
    # One spend rate for all purchases of a customer: who spends much first spends much later.
    bought = without.realised > without.realised.min()
    assert np.corrcoef(first[bought], without.realised[bought])[0, 1] > 0.2


def test_it_is_the_average_over_simulated_new_customers_whom_its_interval_covers(fitted) -> None:
    customers = 40_000
    base = simulate_customers(MODELS["mbg"], PRICES, ages=np.full(customers, YEAR), unit="week", seed=8)
    actual = 0.30 * (base.first_spend + base.frequency * base.money)
    found = value_new_customer(*fitted(MODELS["mbg"]), Plan("1 year", margin=0.30), futures=40_000)
    total = found.with_first_purchase
    assert abs(actual.mean() - total.mean) < 4 * actual.std() / np.sqrt(customers)
    for level in (0.5, 0.9):
        lower, upper = total.interval(level)
        assert np.mean((lower <= actual) & (actual <= upper)) == pytest.approx(level, abs=0.012)
    silent = (base.frequency == 0).mean()
    assert found.frame()["p_no_further_purchase"][0] == pytest.approx(silent, abs=4 * 0.5 / np.sqrt(customers))


def test_it_is_the_average_over_the_customers_of_a_simulated_log(fitted) -> None:
    arguments = {"start": "2023-01-01", "acquired_until": "2023-01-01", "end": "2023-12-31", "unit": "week", "seed": 3}
    amounts = simulate_log(MODELS["pareto"], PRICES, customers=20_000, **arguments).groupby("customer_id")["amount"]
    plan = Plan("364.5 days", margin=0.30)  # they came at any time of the first day
    total = value_new_customer(*fitted(MODELS["pareto"]), plan).with_first_purchase
    actual = 0.30 * amounts.sum()
    assert abs(actual.mean() - total.mean) < 4 * actual.std() / np.sqrt(20_000)


@pytest.mark.parametrize("name", MODELS)
def test_nobody_is_surer_than_the_futures(fitted, name) -> None:
    # Without costs, nothing comes exactly where nobody buys again.
    found = value_new_customer(*fitted(MODELS[name]), PLAN, futures=40_000)
    silent = (found.without_first_purchase.realised == 0).mean()
    assert found.frame()["p_no_further_purchase"][0] == pytest.approx(silent, abs=4 * 0.5 / 200)


def test_a_customer_knows_no_first_purchase_even_where_the_spend_model_would_look_at_it(fitted) -> None:
    everything = replace(PRICES, of="all")
    one, other = (value_new_customer(*fitted(MODELS["bg"], spend), PLAN) for spend in (PRICES, everything))
    np.testing.assert_array_equal(one.with_first_purchase.realised, other.with_first_purchase.realised)
    assert one.with_first_purchase.mean == other.with_first_purchase.mean


# --- intervals, horizons, units, randomness --------------------------------------------------------------------------


def test_the_table_is_as_promised(new) -> None:
    table = new.frame()
    assert list(table) == [
        *("horizon", "first_purchase", "customers", "expected_purchases", "discounted_purchases", "expected_spend"),
        *("p_no_further_purchase", "clv_mean", "expected_lower", "expected_upper"),
        *("clv_sd", "clv_median", "clv_lower", "clv_upper"),
    ]
    assert table["horizon"].tolist() == ["1 year", "1 year", "2 years", "2 years"]
    assert table["first_purchase"].tolist() == ["without", "with"] * 2
    assert (table["customers"] == 1).all()
    assert (table["clv_lower"] <= table["expected_lower"]).all()
    assert (table["expected_lower"] < table["clv_mean"]).all()
    assert (table["clv_mean"] < table["expected_upper"]).all()
    assert (table["expected_upper"] < table["clv_upper"]).all()
    narrow = new.frame(level=0.5)
    assert (narrow["clv_upper"] < table["clv_upper"]).all()
    assert (narrow["expected_upper"] < table["expected_upper"]).all()


def test_its_quantiles_are_those_of_the_realised_value(new) -> None:
    table, quantiles = new.frame(), new.quantiles([0.05, 0.5, 0.95])
    assert list(quantiles)[-3:] == ["q05", "q50", "q95"]
    np.testing.assert_array_equal(quantiles[["q05", "q50", "q95"]], table[["clv_lower", "clv_median", "clv_upper"]])
    with pytest.raises(SettingError, match="between 0 and 1"):
        new.quantiles([5])


def test_cdnow(new) -> None:
    # In two years: 2.2 further purchases, of which 46 % make none; each worth 35.2, of which 30 % remain.
    table = new.frame().set_index(["horizon", "first_purchase"]).loc[("2 years", "with")]
    assert table["clv_mean"] == pytest.approx(32.4, abs=0.3)
    assert table["expected_purchases"] == pytest.approx(3.22, abs=0.02)
    assert table["p_no_further_purchase"] == pytest.approx(0.460, abs=0.005)
    assert table[["clv_lower", "clv_upper"]].tolist() == pytest.approx([3.6, 114], rel=0.05)


def test_a_horizon_is_the_same_alone_and_among_others(new, posteriors) -> None:
    alone = value_new_customer(*posteriors, PLAN)
    one = new.at("1 year")
    for total, same in zip(
        (alone.without_first_purchase, alone.with_first_purchase),
        (one.without_first_purchase, one.with_first_purchase),
        strict=True,
    ):
        np.testing.assert_array_equal(total.realised, same.realised)
        assert total.mean == same.mean
    rows = new.frame()[:2]
    assert rows["clv_upper"].tolist() == pytest.approx(one.frame()["clv_upper"].tolist(), rel=1e-12)
    with pytest.raises(SettingError, match="'3 years' is not among the horizons of the plan: 1 year, 2 years"):
        new.at("3 years")
    with pytest.raises(SettingError, match=r'such as at\("2 years"\).with_first_purchase'):
        _ = new.with_first_purchase


def test_weeks_and_days_are_the_same(fitted) -> None:
    weeks = value_new_customer(*fitted(MODELS["pareto"]), COSTLY)
    days = value_new_customer(*fitted(MODELS["pareto"].rescaled(7.0), unit="day"), COSTLY)
    np.testing.assert_allclose(days.with_first_purchase.realised, weeks.with_first_purchase.realised, rtol=1e-9)
    assert days.with_first_purchase.mean == pytest.approx(weeks.with_first_purchase.mean, rel=1e-12)


def test_the_same_seed_gives_the_same_futures_on_any_machine(fitted) -> None:
    found = [value_new_customer(*fitted(MODELS["bg"]), PLAN, futures=5, seed=seed) for seed in (1, 1, 2)]
    first, again, other = (one.with_first_purchase.realised for one in found)
    np.testing.assert_array_equal(first, again)
    assert (first != other).all()
    np.testing.assert_allclose(
        first, [34.896366543463, 9.098818682141, 91.009691133261, 41.462832484252, 8.873753433969]
    )


def test_future_after_future_takes_the_draws_in_turn(fitted) -> None:
    # Two draws: one of people who buy all the time, one of people who hardly buy.
    purchases = NBD(r=np.array([[50.0], [50.0]]), alpha=np.array([[5.0], [5e6]]))
    spend = GammaGamma(*(np.full((2, 1), value) for value in PRICES.values().values()))
    futures = value_new_customer(*fitted(purchases, spend), PLAN, futures=101).without_first_purchase.realised
    assert (futures[::2] > 0).all()
    assert (futures[1::2] == 0).all()


# --- a cohort --------------------------------------------------------------------------------------------------------


def test_a_cohort_brings_so_many_times_as_much_and_one_is_the_customer_itself(new) -> None:
    one, many = new.at("1 year"), new.at("1 year").cohort(50)
    assert isinstance(many, NewCustomerValue)
    for first in ("without_first_purchase", "with_first_purchase"):
        single, total = getattr(one, first), getattr(many, first)
        assert total.mean == pytest.approx(50 * single.mean, rel=1e-12)
        np.testing.assert_allclose(total.expected, 50 * single.expected, rtol=1e-12)
        assert abs(total.realised.mean() - total.mean) < 4 * total.realised.std() / 100
        np.testing.assert_array_equal(getattr(one.cohort(1), first).realised, single.realised)
    table, alone = many.frame(), one.frame()
    np.testing.assert_allclose(table["expected_purchases"], 50 * alone["expected_purchases"])
    np.testing.assert_array_equal(table["expected_spend"], alone["expected_spend"])
    assert (table["p_no_further_purchase"] < 1e-9).all()


def test_the_customers_of_a_cohort_are_independent_where_the_parameters_are_known(fitted) -> None:
    one = value_new_customer(*fitted(MODELS["bg"], GammaGamma(6.25, 8.0, 40.0)), COSTLY, futures=4000)
    single, total = one.with_first_purchase, one.cohort(100).with_first_purchase
    assert total.realised.std() == pytest.approx(10 * single.realised.std(), rel=0.15)
    assert abs(total.realised.mean() - total.mean) < 4 * total.realised.std() / np.sqrt(4000)


def test_the_customers_of_a_cohort_share_the_draws_of_the_parameters(fitted) -> None:
    fits = fitted(spread(MODELS["bg"], 0.2, 1000), spread(PRICES, 0.05, 1000, seed=1))
    total = value_new_customer(*fits, PLAN, futures=1000).cohort(3000).with_first_purchase
    expected, realised = np.ptp(total.expected_interval()), np.ptp(total.interval())
    assert expected < realised < 1.3 * expected
    assert np.corrcoef(total.expected, total.realised)[0, 1] > 0.9


def test_the_blocks_of_a_cohort_do_not_matter(fitted, monkeypatch) -> None:
    one = value_new_customer(*fitted(MODELS["pareto"]), COSTLY, futures=50)
    whole = one.cohort(40).with_first_purchase.realised
    monkeypatch.setattr(new_customer, "_CELLS", 150)
    np.testing.assert_allclose(one.cohort(40).with_first_purchase.realised, whole, rtol=1e-12)


@pytest.mark.parametrize("customers", [0, -3, 2.5, "many"])
def test_a_cohort_is_a_whole_number_of_customers(new, customers) -> None:
    with pytest.raises(SettingError, match=f"customers={customers!r} is not"):
        new.cohort(customers)


# --- what is refused -------------------------------------------------------------------------------------------------


def test_a_plan_with_columns_is_refused_by_the_name_of_the_field(posteriors) -> None:
    with pytest.raises(SettingError, match="takes margin from the column 'share', and a new customer has no columns"):
        value_new_customer(*posteriors, Plan("1 year", margin="share"))
    with pytest.raises(SettingError, match="discount from the column 'rate' and cost_to_serve from the column 'mail'"):
        value_new_customer(*posteriors, Plan("1 year", discount="rate", cost_to_serve="mail"))


def test_what_is_no_plan_or_no_fit_is_refused(posteriors) -> None:
    purchases, spend = posteriors
    with pytest.raises(SettingError, match=r"The plan is a str. .*clv.Plan"):
        value_new_customer(purchases, spend, "1 year")
    with pytest.raises(MissingMoneyError, match=r"clv\.predict a customer with frequency 0, recency 0 and T 0"):
        value_new_customer(purchases, None, PLAN)
    with pytest.raises(SettingError, match="purchases is not the fit of a model of purchases"):
        value_new_customer(spend, spend, PLAN)
    with pytest.raises(SettingError, match="futures=0 is not"):
        value_new_customer(purchases, spend, PLAN, futures=0)
    with pytest.raises(SettingError, match="seed=-1 is not"):
        value_new_customer(purchases, spend, PLAN, seed=-1)


def test_points_have_no_interval_of_what_is_expected(fitted) -> None:
    found = value_new_customer(*fitted(MODELS["bg"]), PLAN)
    assert "expected_lower" not in found.frame()
    with pytest.raises(SettingError, match="The parameters are a point"):
        found.with_first_purchase.expected_interval()


def test_an_infinite_mean_is_refused_with_its_share_and_medians_remain(fitted) -> None:
    several = [np.full((8, 1), value) for value in MODELS["bg"].values().values()]
    q = np.array([0.9, 0.95, *[3.0] * 6])[:, None]
    found = value_new_customer(
        *fitted(BGNBD(*several), GammaGamma(np.full((8, 1), 6.0), q, np.full((8, 1), 15.0))), PLAN
    )
    for ask in (found.frame, lambda: found.with_first_purchase.mean, found.without_first_purchase.expected_interval):
        with pytest.raises(InfiniteMeanError, match=r"infinite under 25.0% of the draws"):
            ask()
    table = found.frame(means=False)
    assert not {"clv_mean", "clv_sd", "expected_lower", "expected_spend"} & set(table)
    assert (table["clv_median"] <= table["clv_upper"]).all()
    assert np.isfinite(table["clv_upper"]).all()
    assert table["expected_purchases"][0] > 0
    assert found.with_first_purchase.interval().upper == table["clv_upper"][1]
    assert "clv_median" in repr(found.cohort(3))


def test_an_infinite_standard_deviation_is_left_out(fitted) -> None:
    table = value_new_customer(*fitted(MODELS["bg"], GammaGamma(6.0, 1.8, 15.0)), PLAN).frame()
    assert "clv_sd" not in table
    assert "clv_mean" in table


def test_it_says_what_it_is(new) -> None:
    text = repr(new)
    assert text.startswith("A new customer: value over 1 year, 2 years, discounted at 10 % a year, margin 30 %\n")
    assert "p_no_further_purchase" in text
    assert repr(new.at("1 year").cohort(2000)).startswith("2,000 new customers: value over 1 year")
    assert "<table" in new._repr_html_()
