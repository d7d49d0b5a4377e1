from dataclasses import replace

import pytest

from clvmodels.report.sections.intervals import IntervalFacts, judge


@pytest.fixture
def facts(made):
    return IntervalFacts(made.comparison)


def test_intervals_are_judged_by_their_sampling_variation():
    assert judge(0.95, 0.90, 20) == "as it should be"
    assert judge(0.95, 0.90, 20_000) == "too wide"
    assert judge(0.91, 0.90, 20_000) == "slightly too wide"


def test_every_quantity_with_intervals_is_judged(facts, made):
    first = made.comparison.results[0]
    assert list(facts.judgements) == ["purchases", "money", "spend given purchases"]
    for (one,), score in zip(facts.judgements.values(), (first.purchases, first.money, first.spend), strict=True):
        assert one.candidates == ("BG/NBD",)
        assert (one.raw, one.pit) == (score.at(0.90).coverage, score.at(0.90).pit)


def test_totals_are_told_of_candidates_with_intervals_and_say_whether_they_missed(facts, made):
    (name,) = facts.totals
    first = made.comparison.results[0]
    low, high = first.purchases.total.interval(0.90)
    held = {
        score: score.total.interval(0.90)[0] <= score.actual_total <= score.total.interval(0.90)[1]
        for score in (first.purchases, first.money)
    }
    assert name == "BG/NBD"
    assert facts.totals[name].missed == (not all(held.values()))
    assert facts.totals[name].sentence.startswith(f"90 % interval of the total: {low:,.0f} to {high:,.0f} purchases")


def test_only_forecasts_with_intervals_have_plots(facts):
    assert [name for name, _, _ in facts.drawn] == ["purchases", "money", "spend given purchases"]
    assert [name for name, _ in facts.histograms] == ["BG/NBD"]


def test_candidates_with_the_same_forecast_share_a_histogram(made):
    first, *others = made.comparison.results
    again = replace(first, candidate="BG/NBD with another spend model")
    both = IntervalFacts(replace(made.comparison, results=(first, again, *others)))
    assert [name for name, _ in both.histograms] == ["BG/NBD and BG/NBD with another spend model"]
