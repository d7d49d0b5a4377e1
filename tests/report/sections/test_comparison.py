import pytest

from clvmodels.report.sections.comparison import ComparisonFacts, kinds


@pytest.fixture
def told(made):
    return ComparisonFacts(made.comparison)


def test_facts_are_those_of_the_comparison(told, made):
    assert told.purchases == made.comparison.actual.purchases.sum()
    assert told.money == made.comparison.actual.money.sum()
    assert told.futures == 200
    assert [failed.candidate for failed in told.failures] == [made.comparison.results[-1].candidate]


def test_kinds_are_those_of_the_results(made):
    assert kinds(made.comparison) == {one.candidate: one.kind for one in made.comparison.results}
    assert kinds(made.comparison)["counts only"] == "package"


def test_what_is_assumed_of_spend_is_left_out_without_amounts(told, without_money):
    assert list(told.assumptions)[:2] == ["BG/NBD", "Gamma-Gamma"]
    assert "Gamma-Gamma" not in ComparisonFacts(without_money).assumptions
    assert "BG/NBD" in ComparisonFacts(without_money).assumptions
