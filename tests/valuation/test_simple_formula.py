"""The simple formula: every ingredient by hand, discounting by numeric integration, the interval by theory."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from clvmodels.data.datasets import load_cdnow
from clvmodels.data.rfm import RFM
from clvmodels.data.transactions import Transactions
from clvmodels.errors import CLVWarning, InfiniteMeanError, MissingMoneyError, SettingError, UnitError
from clvmodels.prediction.streams import stream
from clvmodels.valuation.plan import Plan
from clvmodels.valuation.simple_formula import SimpleFormula

WEEKS = 365.25 / 7  # in a year
PLAN = Plan("2 years", discount=0.10, margin=0.30)
COLUMNS = ["customer_id", "expected_purchases", "expected_spend", "clv_mean", "past_value", "lifetime_value_mean"]


def base(**columns):
    """Return three customers: one silent for 10 of 20 weeks, one for 1 of 10, one who never came back in 5."""
    filled = {
        "customer_id": ["a", "b", "c"],
        "frequency": [4, 1, 0],
        "recency": [10.0, 9.0, 0.0],
        "T": [20.0, 10.0, 5.0],
        "monetary_value": [3.0, 8.0, 0.0],
        "first_spend": [5.0, 2.0, 6.0],
    } | columns
    return RFM.from_frame(pd.DataFrame({k: v for k, v in filled.items() if v is not None}), unit="week")


def total(formula, rfm, horizon="39 weeks"):
    return formula.predict(rfm, horizon, resamples=2).total().mean


def by_hand(frequency, loss, delta, t):
    return frequency * quad(lambda s: np.exp(-(loss + delta) * s), 0, t)[0]


# --- the ingredients -------------------------------------------------------------------------------------------------


def test_each_ingredient_on_cdnow(cdnow_rfm):
    table = cdnow_rfm.frame()
    frequency = table["frequency"].sum() / table["T"].sum()
    loss = (cdnow_rfm.T_days - cdnow_rfm.recency_days > 13 * 7).sum() / table["T"].sum()
    revenue = table["first_spend"].sum() + (table["monetary_value"] * table["frequency"]).sum()
    order = revenue / (table["frequency"] + 1).sum()
    t, delta = 2 * WEEKS, np.log(1.1) / WEEKS
    expected = 0.30 * order * by_hand(frequency, loss, delta, t)
    made = SimpleFormula().value(cdnow_rfm, PLAN, resamples=2)
    assert made.total().mean == pytest.approx(2357 * expected)
    frame = made.frame()
    assert frame.columns.tolist() == COLUMNS
    assert frame["clv_mean"].to_numpy() == pytest.approx(np.full(2357, expected))
    assert frame["expected_spend"].to_numpy() == pytest.approx(np.full(2357, order))
    assert frame["expected_purchases"].to_numpy() == pytest.approx(np.full(2357, by_hand(frequency, loss, 0, t)))


@pytest.mark.parametrize(
    ("settings", "purchases"),
    [
        ({}, 1866),
        ({"gap": "17 weeks"}, 1910),
        ({"gap": "26 weeks"}, 1995),
        ({"survival": "certain"}, 2929),
        ({"survival": "certain", "orders": "all"}, 5739),
    ],
)
def test_the_totals_on_cdnow_in_any_unit(cdnow_rfm, settings, purchases):
    days = cdnow_rfm.frame().assign(recency=cdnow_rfm.recency_days, T=cdnow_rfm.T_days)
    for rfm in (cdnow_rfm, RFM.from_frame(days, unit="day")):
        assert total(SimpleFormula(**settings), rfm) == pytest.approx(purchases, abs=0.5)


@pytest.mark.parametrize("unit", ["hour", "day", "week", "month", "quarter", "year"])
def test_a_silence_as_long_as_the_gap_is_not_longer_in_any_unit(unit):
    days = np.arange(91, 600)
    rfm = RFM(np.arange(len(days)), np.ones(len(days), dtype=int), days - 90.0, days + 1.0, unit)
    assert SimpleFormula().predict(rfm, "39 weeks", resamples=1).source.ingredients(np.ones(len(days))).loss == 0


@pytest.mark.parametrize(
    ("settings", "frequency", "loss"),
    [
        ({}, 5 / 35, 0 / 35),
        ({"gap": "5 weeks"}, 5 / 35, 1 / 35),
        ({"gap": "4 weeks"}, 5 / 35, 2 / 35),
        ({"lifespan": "span"}, 5 / 35, 3 / 19),
        ({"lifespan": "1 year"}, 5 / 35, 1 / WEEKS),
        ({"gap": "5 weeks", "orders": "all"}, 8 / 35, 1 / 35),
    ],
)
@pytest.mark.parametrize("discount", [0.0, 0.25])
def test_survival_and_discount_are_an_integral(settings, frequency, loss, discount):
    t, delta = 39.0, np.log1p(discount) / WEEKS
    order = (4 * 3 + 5 + 8 + 2 + 6) / 8
    plan = Plan("39 weeks", discount)
    exponential = SimpleFormula(**settings).value(base(), plan, resamples=2)
    assert exponential.total().mean == pytest.approx(3 * order * by_hand(frequency, loss, delta, t))
    certain = SimpleFormula(**settings, survival="certain").value(base(), plan, resamples=2)
    lived = min(t, 1 / loss) if loss else t
    assert certain.total().mean == pytest.approx(3 * order * by_hand(frequency, 0, delta, lived))


@given(st.integers(0, 10_000))
def test_who_leaves_little_by_little_buys_no_more_than_who_stays_for_certain(seed):
    rng = np.random.default_rng(seed)
    x = rng.poisson(1.5, 20) + (np.arange(20) == 0)
    T = rng.uniform(20, 60, 20)
    rfm = RFM.from_frame(
        pd.DataFrame(
            {"customer_id": range(20), "frequency": x, "recency": np.where(x > 0, T * rng.random(20), 0), "T": T}
        ),
        unit="week",
    )
    assert total(SimpleFormula(), rfm) <= total(SimpleFormula(survival="certain"), rfm) * (1 + 1e-12)
    assert total(SimpleFormula(), rfm) <= total(SimpleFormula(orders="all"), rfm)


# --- per customer ----------------------------------------------------------------------------------------------------


def test_per_customer_takes_the_own_frequency_and_the_own_mean_order():
    formula = SimpleFormula(gap="5 weeks", per_customer=True)
    frame = formula.value(base(), Plan("39 weeks", 0.10, 0.5), resamples=2).frame()
    delta = np.log(1.1) / WEEKS
    lived = by_hand(1.0, 1 / 35, delta, 39)
    assert frame["clv_mean"].tolist() == pytest.approx(
        [0.5 * 4 / 20 * 17 / 5 * lived, 0.5 * 1 / 10 * 10 / 2 * lived, 0.0]
    )
    assert frame["expected_spend"].tolist() == pytest.approx([3.4, 5.0, 6.0])
    assert frame["expected_purchases"].tolist() == pytest.approx([by_hand(f, 1 / 35, 0, 39) for f in (0.2, 0.1, 0.0)])
    everything = SimpleFormula(gap="5 weeks", per_customer=True, orders="all").predict(base(), "39 weeks", resamples=2)
    assert everything.frame()["purchases_mean"].tolist() == pytest.approx(
        [by_hand(f, 1 / 35, 0, 39) for f in (0.25, 0.2, 0.2)]
    )


def test_per_customer_only_the_lifespan_is_resampled(cdnow_rfm):
    made = SimpleFormula(per_customer=True).predict(cdnow_rfm.take(slice(200)), "39 weeks", resamples=200)
    ends = made.expected_interval()
    once = cdnow_rfm.frequency[:200] == 0
    assert (ends["upper"][once] == 0).all()
    ratio = (ends["upper"] / ends["lower"])[~once].to_numpy()
    assert ratio == pytest.approx(np.full(len(ratio), ratio[0]))
    assert ratio[0] > 1.01


# --- under the same plans as a model ---------------------------------------------------------------------------------


def with_terms(**columns):
    """Return the three customers with a rate, a margin and two costs of their own."""
    terms = {
        "rate": [0.0, 0.1, 0.5],
        "share": [1.0, 0.3, 0.05],
        "handling": [0.0, 1.0, 2.0],
        "service": [0.0, 6.0, 0.5],
    }
    table = {
        "customer_id": ["a", "b", "c"],
        "frequency": [4, 1, 0],
        "recency": [10.0, 9.0, 0.0],
        "T": [20.0, 10.0, 5.0],
        "monetary_value": [3.0, 8.0, 0.0],
        "first_spend": [5.0, 2.0, 6.0],
    }
    return RFM.from_frame(pd.DataFrame(table | terms | columns), unit="week")


@pytest.mark.parametrize("survival", ["exponential", "certain"])
@pytest.mark.parametrize("per_customer", [False, True])
def test_costs_columns_and_horizons_are_the_closed_form(survival, per_customer):
    formula = SimpleFormula(gap="5 weeks", survival=survival, per_customer=per_customer)
    plan = Plan(["13 weeks", "52 weeks"], "rate", "share", "handling", "service")
    rfm, loss = with_terms(), 1 / 35
    frame = formula.value(rfm, plan, resamples=2).frame()
    assert frame["horizon"].tolist() == ["13 weeks"] * 3 + ["52 weeks"] * 3
    frequency = [4 / 20, 1 / 10, 0.0] if per_customer else [5 / 35] * 3
    order = [17 / 5, 10 / 2, 6.0] if per_customer else [33 / 8] * 3
    for row, (weeks, i) in enumerate((weeks, i) for weeks in (13, 52) for i in range(3)):
        delta = np.log1p(rfm.columns["rate"][i]) / WEEKS
        if survival == "exponential":
            lived = by_hand(1.0, loss, delta, weeks)
        else:
            lived = by_hand(1.0, 0.0, delta, min(weeks, 35))
        bought = (rfm.columns["share"][i] * order[i] - rfm.columns["handling"][i]) * frequency[i] * lived
        served = rfm.columns["service"][i] / WEEKS * by_hand(1.0, 0.0, delta, weeks)  # to the end, bought or not
        assert frame["clv_mean"][row] == pytest.approx(bought - served)
        past = rfm.columns["share"][i] * [17, 10, 6][i] - rfm.columns["handling"][i] * [5, 2, 1][i]
        past -= rfm.columns["service"][i] * rfm.T[i] / WEEKS
        assert frame["past_value"][row] == pytest.approx(past)
        assert frame["lifetime_value_mean"][row] == pytest.approx(past + bought - served)


def test_a_horizon_among_several_is_that_horizon_alone():
    formula, plan = SimpleFormula(gap="5 weeks"), Plan(["13 weeks", "1 year"], 0.1, 0.3, 1.0, 2.0)
    made = formula.value(base(), plan, resamples=20)
    for horizon in ("13 weeks", "1 year"):
        alone = formula.value(base(), Plan(horizon, 0.1, 0.3, 1.0, 2.0), resamples=20)
        pd.testing.assert_frame_equal(made.at(horizon).frame(), alone.frame(), check_exact=True)
        assert made.at(horizon).total().expected.tolist() == alone.total().expected.tolist()
        assert repr(made.at(horizon)) == repr(alone)
        pd.testing.assert_frame_equal(
            pd.concat(made.at(horizon).frames(2), ignore_index=True), alone.frame(), check_exact=True
        )


def test_a_column_of_one_number_is_to_the_last_bit_that_number():
    same = with_terms(rate=0.1, share=0.3, handling=1, service=2.0)
    made = SimpleFormula(gap="5 weeks").value(
        same, Plan("1 year", "rate", "share", "handling", "service"), resamples=20
    )
    other = SimpleFormula(gap="5 weeks").value(same, Plan("1 year", 0.1, 0.3, 1, 2), resamples=20)
    pd.testing.assert_frame_equal(made.frame(), other.frame(), check_exact=True)
    assert made.total().expected.tolist() == other.total().expected.tolist()


def test_segments_are_sums_of_their_customers():
    rfm = with_terms(channel=["web", "shop", "web"])
    made = SimpleFormula(gap="5 weeks", per_customer=True).value(rfm, PLAN, resamples=20)
    mean = made.frame()["clv_mean"]
    segments = made.by("channel").frame()
    assert segments["segment"].tolist() == ["shop", "web"]
    assert segments["clv_mean"].tolist() == pytest.approx([mean[1], mean[0] + mean[2]])
    assert not {"clv_lower", "clv_upper"} & set(segments)  # nothing is said of the realised value
    assert (segments["expected_lower"] <= segments["expected_upper"]).all()


def test_without_means_the_purchases_and_the_past_are_left():
    made = SimpleFormula().value(base(), PLAN, resamples=2)
    assert made.frame(means=False).columns.tolist() == ["customer_id", "expected_purchases", "past_value"]


def test_an_endless_value_needs_a_discount_of_everybody():
    with pytest.raises(SettingError, match=r"An infinite horizon needs a discount.* 1 of 3 customers have none"):
        SimpleFormula().value(with_terms(), Plan("infinite", "rate"))


# --- borders ---------------------------------------------------------------------------------------------------------


def test_nobody_silent_is_an_endless_lifespan():
    assert total(SimpleFormula(), base()) == pytest.approx(3 * 5 / 35 * 39)
    discounted = SimpleFormula().value(base(), Plan("infinite", 0.10), resamples=5)
    order = 33 / 8
    assert discounted.total().mean == pytest.approx(3 * order * 5 / 35 * WEEKS / np.log(1.1))
    # Undiscounted purchases are endless: no number is better than infinity.
    columns = ["customer_id", "expected_spend", "clv_mean", "past_value", "lifetime_value_mean"]
    assert discounted.frame().columns.tolist() == columns
    with pytest.raises(
        InfiniteMeanError, match=r"No customer counts as gone.* Set one of these, a shorter gap=, or a lif"
    ):
        SimpleFormula().predict(base(), "infinite")


def test_endless_time_gives_no_purchases_to_who_makes_none():
    frame = SimpleFormula(per_customer=True).value(base(), Plan("infinite", 0.10), resamples=5).frame()
    assert frame["clv_mean"].tolist()[2] == 0.0
    assert np.isfinite(frame["clv_mean"]).all()


def test_resamples_in_which_nobody_leaves_give_no_nan():
    made = SimpleFormula(gap="5 weeks", per_customer=True).predict(base(), "infinite", resamples=50)
    expected = np.vstack([*stream(made.source, lambda chunks: chunks[0].expected)])
    assert np.isinf(expected).any()
    assert not np.isnan(expected).any()
    assert made.frame()["purchases_mean"].tolist() == pytest.approx([0.2 * 35, 0.1 * 35, 0.0])


def test_an_infinite_horizon_is_finite_where_customers_leave():
    assert total(SimpleFormula(gap="5 weeks"), base(), "infinite") == pytest.approx(3 * 5 / 35 * 35)


@pytest.mark.filterwarnings("ignore:No customer was observed for longer")
def test_customers_observed_for_no_time_add_nothing_and_break_nothing():
    new = {
        "customer_id": ["a", "b"],
        "frequency": 0,
        "recency": 0.0,
        "T": 0.0,
        "monetary_value": 0.0,
        "first_spend": 4.0,
    }
    rfm = RFM.from_frame(pd.DataFrame(new), unit="week")
    settings = [{}, {"lifespan": "span"}, {"orders": "all"}, {"per_customer": True}, {"survival": "certain"}]
    for choice in settings:
        frame = SimpleFormula(**choice).value(rfm, PLAN, resamples=5).frame()
        assert frame["clv_mean"].tolist() == [0.0, 0.0]
        assert np.isfinite(frame.drop(columns="customer_id").to_numpy()).all()
    both = base(customer_id=["a", "b", "c"], T=[20.0, 10.0, 0.0])
    assert total(SimpleFormula(), both) == pytest.approx(3 * 5 / 30 * 39)


def test_a_span_of_nothing_is_a_lifespan_of_nothing():
    rfm = base(frequency=[0, 0, 0], recency=[0.0] * 3, monetary_value=[0.0] * 3)
    for survival in ("exponential", "certain"):
        assert total(SimpleFormula(lifespan="span", orders="all", survival=survival), rfm) == 0
    assert total(SimpleFormula(lifespan="1 year", orders="all"), rfm) > 0


def test_where_first_spend_is_not_known_the_order_value_is_that_of_repeat_orders():
    frame = SimpleFormula().value(base(first_spend=None), Plan("39 weeks"), resamples=2).frame()
    assert frame["expected_spend"].tolist() == pytest.approx([(4 * 3 + 8) / 5] * 3)
    own = SimpleFormula(per_customer=True).value(base(first_spend=None), Plan("39 weeks"), resamples=2).frame()
    assert own["expected_spend"].tolist() == pytest.approx([3.0, 8.0, 0.0])


# --- the interval ----------------------------------------------------------------------------------------------------


def test_the_bootstrap_agrees_with_the_delta_method(cdnow_rfm):
    # total = n sum(x) / S (1 - e^(-S)) with S = t sum(silent) / sum(T), a function of three means.
    x, T = cdnow_rfm.frequency, cdnow_rfm.T
    silent = (cdnow_rfm.T_days - cdnow_rfm.recency_days > 91).astype(float)
    n, t, means = len(x), 39.0, np.array([x.mean(), T.mean(), silent.mean()])

    def predicted(m):
        loss = m[2] / m[1]
        return n * m[0] / m[1] * (1 - np.exp(-loss * t)) / loss

    steps = np.eye(3) * means * 1e-5
    gradient = np.array([predicted(means + h) - predicted(means - h) for h in steps]) / (2 * steps.sum(axis=1))
    covariance = np.cov(np.stack([x, T, silent])) / n
    error = np.sqrt(gradient @ covariance @ gradient)
    made = SimpleFormula().predict(cdnow_rfm, "39 weeks", resamples=1000).total()
    assert made.expected.std() == pytest.approx(error, rel=0.15)
    lower, upper = made.expected_interval(0.90)
    assert (upper - lower) / 2 == pytest.approx(1.645 * error, rel=0.15)
    assert lower < made.mean < upper


def test_the_interval_of_a_customer_is_that_of_the_base(cdnow_rfm):
    made = SimpleFormula().value(cdnow_rfm, PLAN, resamples=100)
    ends, whole = made.expected_interval(0.8), made.total().expected_interval(0.8)
    assert ends["lower"].to_numpy() == pytest.approx(np.full(2357, whole.lower / 2357))
    assert ends["upper"].to_numpy() == pytest.approx(np.full(2357, whole.upper / 2357))


def test_the_order_of_the_customers_is_irrelevant_and_the_seed_is_not(cdnow_rfm):
    shuffled = cdnow_rfm.take(np.random.default_rng(0).permutation(len(cdnow_rfm)))
    one, other = (SimpleFormula().value(rfm, PLAN, resamples=50, seed=4).total() for rfm in (cdnow_rfm, shuffled))
    assert one.expected == pytest.approx(other.expected, rel=1e-12)
    assert (
        one.expected.tolist() == SimpleFormula().value(cdnow_rfm, PLAN, resamples=50, seed=4).total().expected.tolist()
    )
    assert (
        one.expected.tolist() != SimpleFormula().value(cdnow_rfm, PLAN, resamples=50, seed=5).total().expected.tolist()
    )


def test_chunks_hold_every_customer_once(cdnow_rfm):
    made, sizes = SimpleFormula(per_customer=True).predict(cdnow_rfm, "39 weeks", resamples=1000), []
    made.frame(progress=sizes.append)
    assert sizes == [1048, 1048, 261]
    lived, found = made.source.ingredients(np.ones(2357)).loss, made.frame()["purchases_mean"]
    assert found.to_numpy() == pytest.approx(cdnow_rfm.frequency / cdnow_rfm.T * by_hand(1.0, lived, 0, 39))
    assert made.total().mean == pytest.approx(found.sum())


def test_nothing_is_said_of_the_realised_value(cdnow_rfm):
    made = SimpleFormula().value(cdnow_rfm, PLAN, resamples=5)
    for ask in (made.interval, made.total().interval):
        with pytest.raises(
            SettingError, match=r"no interval of the realised value. Use expected_interval\(\), or a model"
        ):
            ask()
    assert made.frame().columns.tolist() == COLUMNS
    assert "realised" not in repr(made.total())


# --- settings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({}, "simple formula"),
        ({"per_customer": True}, "simple formula per customer"),
        ({"gap": "17 weeks"}, "simple formula (gap 17 weeks)"),
        ({"lifespan": "span"}, "simple formula (lifespan span)"),
        ({"lifespan": "3 years"}, "simple formula (lifespan 3 years)"),
        ({"survival": "certain"}, "simple formula (min(lifespan, horizon))"),
        ({"survival": "certain", "orders": "all"}, "simple formula (min(lifespan, horizon), all orders)"),
        ({"per_customer": True, "orders": "all"}, "simple formula per customer (all orders)"),
    ],
)
def test_names_are_a_contract(settings, name):
    assert SimpleFormula(**settings).name == name


def test_money_without_amounts_is_an_error(cdnow_rfm):
    bare = RFM.from_frame(cdnow_rfm.frame()[["customer_id", "frequency", "recency", "T"]], unit="week")
    assert total(SimpleFormula(), bare) == pytest.approx(1866, abs=0.5)
    table = SimpleFormula().predict(bare, "39 weeks", resamples=2).frame()
    assert table.columns.tolist() == ["customer_id", "purchases_mean"]
    with pytest.raises(MissingMoneyError, match="Pass amount= to Transactions"):
        SimpleFormula().value(bare, PLAN)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"gap": "13"}, UnitError, "'13' is not a duration"),
        ({"gap": 13}, UnitError, "13 is not a duration"),
        ({"lifespan": "forever and a day"}, UnitError, "is not a duration"),
        ({"lifespan": "-1 year"}, UnitError, "is not a duration"),
        ({"survival": "maybe"}, SettingError, "survival = 'maybe' is not known"),
        ({"orders": "first"}, SettingError, "orders = 'first' is not known"),
    ],
)
def test_settings_out_of_range_are_refused(settings, error, message):
    with pytest.raises(error, match=message):
        SimpleFormula(**settings)


@pytest.mark.parametrize(
    ("name", "wrong"), [("resamples", 0), ("resamples", -5), ("resamples", 1.5), ("seed", -1), ("seed", 0.5)]
)
def test_resamples_and_seeds_out_of_range_are_refused_at_once(name, wrong):
    for ask, ahead in ((SimpleFormula().value, PLAN), (SimpleFormula().predict, "1 year")):
        with pytest.raises(SettingError, match=f"{name}={wrong} is not"):
            ask(base(), ahead, **{name: wrong})


def test_the_log_of_a_shuffled_table_is_the_same():
    table = load_cdnow().sample(frac=1, random_state=1)
    rfm = Transactions(table, customer="customer_id", date="date", amount="amount").split("1997-09-30")[0].summarize()
    assert total(SimpleFormula(), rfm) == pytest.approx(1866, abs=0.5)


def test_a_gap_longer_than_the_log_is_said() -> None:
    table = pd.DataFrame({"customer_id": [1, 2], "frequency": [1, 0], "recency": [3.0, 0.0], "T": [10.0, 10.0]})
    rfm = RFM.from_frame(table, unit="week")
    with pytest.warns(CLVWarning, match="No customer was observed for longer than the gap, 13 weeks"):
        SimpleFormula().predict(rfm, "10 weeks", resamples=2)
    SimpleFormula(gap="9 weeks").predict(rfm, "10 weeks", resamples=2)
