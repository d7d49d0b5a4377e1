from clvmodels.report.sections.findings import few, findings, headline, leaders


def test_scores_that_differ_in_the_last_digits_lead_together():
    assert leaders({"a": -0.5, "b": -0.499, "c": -0.4}, 0.01) == ["a", "b"]


def test_many_names_are_counted():
    assert few(["a"]) == "a"
    assert few(["a", "b", "c"]) == "a, b and c"
    assert few(["a", "b", "c", "d"]) == "a and 3 others alike"


def test_a_headline_names_who_came_closest(made):
    scores = {result.candidate: result.purchases for result in made.comparison.results if result.purchases}
    happened = int(made.comparison.actual.purchases.sum())
    assert headline({}, happened) == "No candidate could be fitted to these data"
    alone = headline({"BG/NBD": scores["BG/NBD"]}, happened)
    assert alone == f"BG/NBD expected {scores['BG/NBD'].total.mean:,.0f} purchases, and {happened:,} happened"
    error = {name: score.rmse for name, score in scores.items()}
    assert min(error, key=error.get) in headline(scores, happened)


def test_one_candidate_is_described_and_several_are_ranked(made):
    scores = {result.candidate: result.purchases for result in made.comparison.results if result.purchases}
    several = [one.name for one in findings(scores, "purchases")]
    assert several == ["Closest total", "Least error for each customer", "Best at finding the best customers"]
    alone = [one.name for one in findings({"BG/NBD": scores["BG/NBD"]}, "purchases")]
    assert alone == ["Total", "Error for each customer", "Finding the best customers"]
    assert list(findings({}, "purchases")) == []
