import pytest

from clvmodels.report.sections.value import ValueFacts
from clvmodels.report.value_tables import customers_table
from clvmodels.text import span
from clvmodels.valuation.plan import Plan
from clvmodels.valuation.value import value


@pytest.fixture
def facts(made):
    return ValueFacts(made.valuation, made.simple, made.fits)


def test_intervals_are_those_of_the_totals(facts, made):
    total = made.valuation.total()
    assert facts.realised == span(*total.interval(0.90))
    assert facts.expected == span(*total.expected_interval(0.90))
    assert facts.simple_expected == span(*made.simple.total().expected_interval(0.90))
    assert facts.horizon == "the next year"


def test_without_futures_there_is_no_realised_total(made):
    simple = ValueFacts(made.simple, made.simple, ())
    assert simple.realised is simple.plot is simple.silent is None
    assert simple.at_zero == 0.0


def test_shares_of_customers_are_those_of_the_frame(facts, made):
    frame = made.valuation.frame()
    assert facts.silent == frame["p_zero"].mean()
    assert facts.at_zero == (frame["clv_lower"] == 0).mean() > 0


def test_a_value_without_discount_has_the_same_facts(made):
    found = value(*made.fits, made.valuation.rfm, Plan("1 year"), futures=50)
    facts, frame = ValueFacts(found, made.simple, made.fits), found.frame()
    assert facts.at_zero == (frame["money_lower"] == 0).mean() > 0
    assert facts.top.rows == customers_table(frame, "money").rows
    (axes,) = facts.top_plot.axes
    assert axes.lines[-1].get_xdata().tolist() == frame.nlargest(20, "money_mean")["money_mean"].tolist()
    assert facts.concentration is not None
