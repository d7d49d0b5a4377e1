"""What value means, and what is refused."""

from datetime import timedelta

import numpy as np
import pytest

from clvmodels.errors import SettingError, UnitError
from clvmodels.units import Duration
from clvmodels.valuation.plan import Plan


@pytest.mark.parametrize(
    ("plan", "text"),
    [
        (Plan("2 years", 0.10, 0.30), "value over 2 years, discounted at 10 % a year, margin 30 %"),
        (Plan("39 weeks"), "value over 39 weeks, not discounted, margin 100 %"),
        (Plan("18 months", 0.125), "value over 18 months, discounted at 12.5 % a year, margin 100 %"),
        (Plan("infinite", 0.10, 0.05), "value over an infinite horizon, discounted at 10 % a year, margin 5 %"),
    ],
)
def test_a_plan_says_what_value_means(plan, text) -> None:
    assert str(plan) == text


@pytest.mark.parametrize("horizon", ["2 years", "24 months", timedelta(days=730.5), Duration(730.5)])
def test_a_horizon_is_a_duration_however_it_is_written(horizon) -> None:
    assert Plan(horizon).length == Duration(730.5)
    assert Plan(horizon) == Plan("2 years")


def test_the_discount_is_an_effective_yearly_rate_in_continuous_time() -> None:
    plan = Plan("1 year", discount=0.10)
    assert plan.delta("year") == pytest.approx(np.log(1.1))
    for unit, a_year in [("day", 365.25), ("week", 365.25 / 7), ("month", 12)]:
        assert np.exp(-plan.delta(unit) * a_year) == pytest.approx(1 / 1.1)
    assert Plan("1 year").delta("week") == 0


@pytest.mark.parametrize("margin", [0, -0.1, 1.01, 30, np.nan])
def test_a_margin_outside_0_and_1_is_refused(margin) -> None:
    with pytest.raises(SettingError, match=r"share of what customers pay, such as 0\.30 for 30 %.*not in \(0, 1\]"):
        Plan("1 year", margin=margin)


@pytest.mark.parametrize("discount", [-0.01, np.nan, np.inf])
def test_an_impossible_discount_is_refused(discount) -> None:
    with pytest.raises(UnitError, match=r"effective yearly rate such as 0\.10"):
        Plan("1 year", discount=discount)


@pytest.mark.parametrize("horizon", [52, "52", "soon", None, "0 weeks", timedelta(0)])
def test_a_horizon_without_a_unit_or_a_length_is_refused(horizon) -> None:
    with pytest.raises(UnitError, match="duration"):
        Plan(horizon)


def test_a_value_without_end_needs_a_discount() -> None:
    with pytest.raises(SettingError, match="An infinite horizon needs a discount"):
        Plan("infinite")
    assert Plan("forever", discount=0.1).length.is_infinite


def test_a_plan_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Plan("1 year").margin = 0.5
