import pytest

from clvmodels.report.sections.value import ValueFacts
from clvmodels.text import span


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
    assert facts.at_zero == (frame["clv_lower"] == 0).mean()
