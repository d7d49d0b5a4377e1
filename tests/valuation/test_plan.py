"""What value means, for all customers and for each, and what is refused."""

from datetime import timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clvmodels.data.rfm import RFM
from clvmodels.errors import DataError, SettingError, UnitError
from clvmodels.units import Duration
from clvmodels.valuation.plan import Plan


def base(unit="week", **columns):
    """Return four customers with further columns."""
    table = {"customer_id": ["ann", "bob", "cid", "dee"], "frequency": 0, "recency": 0.0, "T": 10.0}
    return RFM.from_frame(pd.DataFrame(table | columns), unit=unit)


# --- what it says ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plan", "text"),
    [
        (Plan("2 years", 0.10, 0.30), "value over 2 years, discounted at 10 % a year, margin 30 %"),
        (Plan("39 weeks"), "value over 39 weeks, not discounted, margin 100 %"),
        (Plan("18 months", 0.125), "value over 18 months, discounted at 12.5 % a year, margin 100 %"),
        (Plan("infinite", 0.10, 0.05), "value over an infinite horizon, discounted at 10 % a year, margin 5 %"),
        (Plan(["1 year", "3 months"]), "value over 3 months, 1 year, not discounted, margin 100 %"),
        (
            Plan(["forever", "1 year"], 0.1),
            "value over 1 year, an infinite horizon, discounted at 10 % a year, margin 100 %",
        ),
        (
            Plan("1 year", "rate", "share"),
            "value over 1 year, discounted at the yearly rate in column 'rate', margin in column 'share'",
        ),
        (
            Plan("1 year", cost_per_purchase=2.5),
            "value over 1 year, not discounted, margin 100 %, 2.5 a purchase",
        ),
        (
            Plan("1 year", cost_to_serve=12),
            "value over 1 year, not discounted, margin 100 %, 12 a year to serve",
        ),
        (
            Plan("1 year", cost_per_purchase="handling", cost_to_serve="visits"),
            (
                "value over 1 year, not discounted, margin 100 %, a cost a purchase in column 'handling' and a cost a "
                "year to serve in column 'visits'"
            ),
        ),
    ],
)
def test_a_plan_says_what_value_means(plan, text) -> None:
    assert str(plan) == text


@pytest.mark.parametrize("horizon", ["2 years", "24 months", timedelta(days=730.5), Duration(730.5)])
def test_a_horizon_is_a_duration_however_it_is_written(horizon) -> None:
    assert Plan(horizon).length == Duration(730.5)
    assert Plan(horizon) == Plan("2 years")


def test_several_horizons_stand_in_growing_order_however_they_are_given() -> None:
    plan = Plan(["1 year", timedelta(days=7), "6 months"])
    assert [str(horizon) for horizon in plan.horizons] == ["1 week", "6 months", "1 year"]
    assert plan.length == Duration(365.25)
    assert plan == Plan(iter(["6 months", "12 months", "1 week"]))
    assert hash(plan) == hash(Plan(("6 months", "12 months", "1 week")))
    assert plan.within(Duration(7)) == Plan("1 week")
    assert Plan(["1 year"]) == Plan("1 year")


@pytest.mark.parametrize("horizons", [["1 year", "12 months"], ["forever", "infinite"], []])
def test_horizons_are_different_and_at_least_one(horizons) -> None:
    with pytest.raises(SettingError, match="Horizons are one or more different durations"):
        Plan(horizons, discount=0.1)


# --- for each customer -----------------------------------------------------------------------------------------------


def test_the_discount_is_an_effective_yearly_rate_in_continuous_time() -> None:
    plan = Plan("1 year", discount=0.10)
    for unit, a_year in [("day", 365.25), ("week", 365.25 / 7), ("month", 12), ("year", 1)]:
        delta = plan.terms(base(unit)).delta
        assert np.exp(-delta * a_year) == pytest.approx(np.full(4, 1 / 1.1))
    assert (Plan("1 year").terms(base()).delta == 0).all()


@given(st.lists(st.floats(0, 1), min_size=4, max_size=4), st.sampled_from(["day", "week", "year"]))
def test_a_rate_in_a_column_is_to_the_last_bit_that_of_the_number(rates, unit) -> None:
    found = Plan("1 year", discount="rate").terms(base(unit, rate=rates)).delta
    assert found.tolist() == [Plan("1 year", discount=rate).terms(base(unit)).delta[0] for rate in rates]


@pytest.mark.parametrize(("unit", "a_year"), [("day", 365.25), ("week", 365.25 / 7), ("month", 12)])
def test_what_serving_costs_a_year_is_spread_over_its_time_units(unit, a_year) -> None:
    assert Plan("1 year", cost_to_serve=12).terms(base(unit)).fixed_cost * a_year == pytest.approx(np.full(4, 12.0))


def test_numbers_and_columns_reach_the_customers_that_they_belong_to() -> None:
    rfm = base(share=[0.1, 0.2, 0.3, 1], handling=[0, 1, 2, 3])
    terms = Plan("1 year", margin="share", cost_per_purchase="handling").terms(rfm)
    assert terms.margin.tolist() == [0.1, 0.2, 0.3, 1.0]
    assert terms.cost.tolist() == [0.0, 1.0, 2.0, 3.0]
    assert terms.fixed_cost.tolist() == [0.0] * 4
    terms = Plan("1 year", margin=0.3, cost_per_purchase=2).terms(rfm)
    assert (terms.margin.tolist(), terms.cost.tolist()) == ([0.3] * 4, [2.0] * 4)


def test_a_database_s_decimals_are_numbers() -> None:
    rfm = base(share=[Decimal("0.25"), Decimal(1), 0.5, 1])
    assert Plan("1 year", margin="share").terms(rfm).margin.tolist() == [0.25, 1.0, 0.5, 1.0]


# --- what is refused -------------------------------------------------------------------------------------------------


def test_a_column_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(
        SettingError,
        match=r"takes margin from the column 'Share', which .* its columns are: share, channel\. "
        r"Bring it with Transactions\(columns=\[\.\.\.\]\) or RFM.from_frame, or write a number",
    ):
        Plan("1 year", margin="Share").terms(base(share=0.5, channel="web"))
    with pytest.raises(
        SettingError, match=r"'0\.3', which the RFM does not have; its columns are: none.*0\.30 for 30 %"
    ):
        Plan("1 year", margin="0.3").terms(base())
    with pytest.raises(SettingError, match="takes cost_to_serve from the column 'T'"):
        Plan("1 year", cost_to_serve="T").terms(base())


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        (
            "margin",
            [0.3, 0.0, 30.0, 0.1],
            r"margin is a share of .*, and 2 of 4 customers have something else \('bob' has 0\.0, 'cid' has 30\.0\)",
        ),
        (
            "margin",
            [0.3, np.nan, 0.1, 0.2],
            r"1 of 4 customers have something else \('bob' has nan\)\. Mend the column",
        ),
        ("margin", ["high", "low", "low", "low"], r"4 of 4 customers have .* \('ann' has 'high', 'bob' has 'low'"),
        ("margin", [True, True, True, True], r"4 of 4 customers .* \('ann' has True"),
        ("margin", [0.1, None, "x", 0.2], r"2 of 4 customers have something else \('bob' has None, 'cid' has 'x'\)"),
        (
            "discount",
            [0.1, 10.0, -0.1, 0.0],
            r"effective yearly rate, .* 2 of 4 customers .* \('bob' has 10\.0, 'cid' has -0\.1\)",
        ),
        ("cost_per_purchase", [-1, 0, 1, 2], r"money, 0 or more, and 1 of 4 customers .* \('ann' has -1\)"),
        ("cost_to_serve", [0.0, np.inf, 1.0, 2.0], r"money a year, 0 or more, and 1 of 4 .* \('bob' has inf\)"),
    ],
)
def test_what_a_column_cannot_have_is_counted_with_its_customers(name, values, message) -> None:
    column = pd.Series(values, dtype=object) if isinstance(values[0], str) or None in values else values
    with pytest.raises(DataError, match=message):
        Plan("1 year", **{name: "own"}).terms(base(own=column))


@pytest.mark.parametrize("margin", [0, -0.1, 1.01, 30, np.nan, True, None])
def test_a_margin_outside_0_and_1_is_refused(margin) -> None:
    with pytest.raises(
        SettingError, match=rf"share of what customers pay, above 0, such as 0\.30 for 30 %, or .*; {margin} is not"
    ):
        Plan("1 year", margin=margin)


@pytest.mark.parametrize("discount", [-0.01, np.nan, np.inf, 10, None, True])
def test_an_impossible_discount_is_refused(discount) -> None:
    with pytest.raises(UnitError, match=rf"effective yearly rate, such as 0\.10 for 10 %.* {discount} is not"):
        Plan("1 year", discount=discount)


@pytest.mark.parametrize("name", ["cost_per_purchase", "cost_to_serve"])
@pytest.mark.parametrize("cost", [-0.01, np.nan, np.inf, None, False])
def test_a_cost_below_nothing_or_of_no_number_is_refused(name, cost) -> None:
    with pytest.raises(SettingError, match=rf"{name} is money.*, 0 or more, or the name of a column; {cost} is not"):
        Plan("1 year", **{name: cost})


@pytest.mark.parametrize("horizon", [52, "52", "soon", None, "0 weeks", timedelta(0)])
def test_a_horizon_without_a_unit_or_a_length_is_refused(horizon) -> None:
    with pytest.raises(UnitError, match="duration"):
        Plan(horizon)


def test_a_value_without_end_needs_a_discount() -> None:
    for horizon in ("infinite", ["1 year", "infinite"]):
        with pytest.raises(SettingError, match="An infinite horizon needs a discount"):
            Plan(horizon)
    assert Plan("forever", discount=0.1).length.is_infinite


def test_a_value_without_end_needs_a_discount_for_everybody() -> None:
    rfm = base(rate=[0.1, 0.0, 0.2, 0.0])
    with pytest.raises(SettingError, match=r"An infinite horizon needs a discount.* 2 of 4 customers have none"):
        Plan(["1 year", "infinite"], discount="rate").terms(rfm)
    assert (Plan("1 year", discount="rate").terms(rfm).delta[[1, 3]] == 0).all()
    assert (Plan("infinite", discount="rate").terms(base(rate=0.1)).delta > 0).all()


def test_a_plan_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Plan("1 year").margin = 0.5
