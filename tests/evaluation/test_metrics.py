"""Scores against brute force, closed forms, hand values, and what a proper score must reward."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, poisson

from clvmodels.errors import SettingError
from clvmodels.evaluation import metrics

few = st.lists(st.integers(0, 6), min_size=1, max_size=12)


def concentration(order, actual):
    """Return the Gini coefficient of what customers brought, taken one by one in a strict order."""
    captured = np.append(0, np.cumsum(actual[np.argsort(-order)]) / actual.sum())
    return sum(captured[i] + captured[i + 1] for i in range(len(actual))) / len(actual) - 1


# --- points ----------------------------------------------------------------------------------------------------------


def test_rmse_and_mae_by_hand():
    predicted, actual = np.array([1.0, 2.0, 3.0]), np.array([1.0, 4.0, 0.0])
    assert metrics.rmse(predicted, actual) == pytest.approx(np.sqrt(13 / 3))
    assert metrics.mae(predicted, actual) == pytest.approx(5 / 3)


def test_the_mean_is_best_by_rmse_and_the_median_by_mae():
    actual = np.random.default_rng(1).exponential(size=1001)
    candidates = np.linspace(0.2, 2, 181)
    squares = [metrics.rmse(np.full(1001, c), actual) for c in candidates]
    absolutes = [metrics.mae(np.full(1001, c), actual) for c in candidates]
    assert candidates[np.argmin(squares)] == pytest.approx(actual.mean(), abs=0.01)
    assert candidates[np.argmin(absolutes)] == pytest.approx(np.median(actual), abs=0.01)


# --- CRPS ------------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(few.filter(lambda draws: len(draws) > 1), st.integers(-2, 8)), min_size=1, max_size=4))
def test_crps_is_what_its_definition_says(cases):
    draws = min(len(values) for values, _ in cases)
    ordered = np.sort([values[:draws] for values, _ in cases], axis=1).T.astype(float)
    actual = np.array([y for _, y in cases], dtype=float)
    for i, score in enumerate(metrics.crps(ordered, actual)):
        x = ordered[:, i]
        assert score == pytest.approx(np.abs(x - actual[i]).mean() - np.abs(x[:, None] - x).mean() / 2, abs=1e-12)


@pytest.mark.parametrize("y", [-1.5, 0.0, 0.4, 3.0])
def test_crps_of_a_normal_forecast_is_the_closed_form(y):
    # Gneiting & Raftery (2007), equation 21.
    mu, sigma = 0.5, 2.0
    ordered = norm.ppf((np.arange(20_000) + 0.5) / 20_000, mu, sigma)[:, None]
    z = (y - mu) / sigma
    closed = sigma * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi))
    assert metrics.crps(ordered, np.array([y]))[0] == pytest.approx(closed, rel=1e-4)


def test_crps_of_a_point_is_its_absolute_error():
    assert metrics.crps(np.full((7, 2), 3.0), np.array([1.0, 3.0])).tolist() == [2.0, 0.0]


def test_crps_prefers_the_truth():
    rng = np.random.default_rng(2)
    actual = rng.poisson(1.2, 4000).astype(float)

    def mean_score(rate):
        ordered = poisson.ppf((np.arange(400) + 0.5) / 400, rate)[:, None]
        return metrics.crps(np.broadcast_to(ordered, (400, 4000)), actual).mean()

    assert mean_score(1.2) < min(mean_score(0.7), mean_score(2.0))


# --- intervals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("actual", "level", "score"),
    [(3.0, 0.9, 2.0), (1.0, 0.9, 2.0), (5.0, 0.9, 42.0), (0.0, 0.9, 22.0), (5.0, 0.5, 10.0), (3.0, 0.5, 2.0)],
)
def test_interval_score_by_hand(actual, level, score):
    # The interval is [1, 3]: 2 wide, and each unit outside costs 2 / (1 - level).
    found = metrics.interval_score(np.array([1.0]), np.array([3.0]), np.array([actual]), level)
    assert found == pytest.approx([score])


def test_interval_score_prefers_the_true_quantiles():
    actual = np.random.default_rng(3).normal(size=50_000)

    def mean_score(lower, upper):
        return metrics.interval_score(np.full(50_000, lower), np.full(50_000, upper), actual, 0.9).mean()

    best = mean_score(*norm.ppf([0.05, 0.95]))
    others = [(-1.3, 1.3), (-2.2, 2.2), (-1.3, 2.2), (-1.645, 2.5), (-0.9, 1.645)]
    assert best < min(mean_score(*other) for other in others)


# --- PIT -------------------------------------------------------------------------------------------------------------


def test_pit_is_the_range_between_below_and_up_to():
    draws = np.array([[0.0, 1.0], [0.0, 2.0], [1.0, 2.0], [3.0, 5.0]])
    assert metrics.pit(draws, np.array([0.0, 2.0])).tolist() == [[0.0, 0.25], [0.5, 0.75]]
    assert metrics.pit(draws, np.array([9.0, -1.0])).tolist() == [[1.0, 0.0], [1.0, 0.0]]


def test_pit_mass_is_what_drawing_the_randomisation_gives():
    rng = np.random.default_rng(4)
    low = rng.uniform(size=300)
    ranges = np.stack([low, low + rng.uniform(size=300) * (1 - low)])
    edges = np.array([0.0, 0.1, 0.35, 0.8, 1.0])
    drawn = ranges[0] + rng.random((20_000, 300)) * (ranges[1] - ranges[0])
    counted = np.histogram(drawn, edges)[0] / drawn.size
    assert metrics.pit_mass(ranges, edges) == pytest.approx(counted, abs=5e-4)


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=20))
def test_pit_mass_adds_up_to_one(pairs):
    ranges = np.sort(np.array(pairs, dtype=float).T / 20, axis=0)
    mass = metrics.pit_mass(ranges, np.linspace(0, 1, 21))
    assert mass.sum() == pytest.approx(1)
    assert (mass >= -1e-12).all()


def test_pit_coverage_takes_the_middle():
    ranges = np.array([[0.0, 0.0, 0.5, 1.0], [0.0, 1.0, 0.5, 1.0]])
    assert metrics.pit_coverage(ranges, 0.9) == pytest.approx((0 + 0.9 + 1 + 0) / 4)
    assert metrics.pit_coverage(ranges, 0.5) == pytest.approx((0 + 0.5 + 1 + 0) / 4)
    with pytest.raises(SettingError, match="between 0 and 1"):
        metrics.pit_coverage(ranges, 90)


def test_a_calibrated_forecast_has_a_uniform_pit_and_an_overconfident_one_has_not():
    rng = np.random.default_rng(5)
    rate = rng.gamma(0.6, 2.0, 8000)
    actual = rng.poisson(rate).astype(float)
    edges = np.linspace(0, 1, 11)
    calibrated = metrics.pit(rng.poisson(rate, (400, 8000)).astype(float), actual)
    assert metrics.pit_mass(calibrated, edges) == pytest.approx(np.full(10, 0.1), abs=0.008)
    assert metrics.pit_coverage(calibrated, 0.9) == pytest.approx(0.9, abs=0.01)
    # Plain coverage flatters, as an interval of whole purchases holds more than it says.
    lower, upper = poisson.ppf([[0.05], [0.95]], rate)
    assert np.mean((lower <= actual) & (actual <= upper)) > 0.93
    narrow = metrics.pit(np.broadcast_to(np.round(rate), (400, 8000)), actual)
    assert metrics.pit_coverage(narrow, 0.9) < 0.8


# --- ranking ---------------------------------------------------------------------------------------------------------


def test_gini_by_hand():
    actual = np.array([6.0, 3.0, 1.0, 0.0])
    # Captured 0, .6, .9, 1, 1: twice the area is 2 (.3 + .75 + .95 + 1) / 4 = 1.5. Backwards 0, 0, .1, .4, 1: .5.
    assert metrics.gini(-actual, actual) == pytest.approx(-1.0)
    assert metrics.gini(np.array([3.0, 4.0, 2.0, 1.0]), actual) == pytest.approx((1.35 - 1) / 0.5)


@given(st.integers(0, 10_000), st.integers(2, 30))
def test_gini_is_the_ratio_of_two_concentrations(seed, customers):
    rng = np.random.default_rng(seed)
    predicted, actual = rng.random(customers), rng.exponential(size=customers)
    expected = concentration(predicted, actual) / concentration(actual, actual)
    assert metrics.gini(predicted, actual) == pytest.approx(expected, abs=1e-9)


@given(few.filter(lambda brought: len(set(brought)) > 1), st.integers(0, 100))
def test_a_perfect_ranking_has_gini_one_and_order_is_irrelevant(brought, seed):
    actual = np.array(brought, dtype=float)
    assert metrics.gini(3 * actual + 1, actual) == pytest.approx(1)
    rng = np.random.default_rng(seed)
    predicted, shuffle = rng.integers(0, 3, len(actual)).astype(float), rng.permutation(len(actual))
    for score in (metrics.gini, metrics.top_share):
        assert score(predicted[shuffle], actual[shuffle]) == pytest.approx(score(predicted, actual))


@given(few.filter(any))
def test_who_cannot_tell_customers_apart_is_no_better_than_chance(brought):
    actual = np.array(brought, dtype=float)
    assert metrics.gini(np.ones(len(actual)), actual) == 0
    assert metrics.top_share(np.ones(len(actual)), actual) == pytest.approx(0.1)


def test_a_tie_is_the_mean_of_its_two_orders():
    actual = np.array([4.0, 1.0, 0.0, 2.0])
    one, other = np.array([4.0, 3.0, 2.0, 1.0]), np.array([4.0, 2.0, 3.0, 1.0])
    tied = np.array([4.0, 2.5, 2.5, 1.0])
    middle = (metrics.gini(one, actual) + metrics.gini(other, actual)) / 2
    assert metrics.gini(tied, actual) == pytest.approx(middle)


def test_where_nothing_happened_nothing_can_be_ranked():
    assert metrics.gini(np.arange(5.0), np.zeros(5)) == 0
    assert metrics.top_share(np.arange(5.0), np.zeros(5)) == pytest.approx(0.1)


@pytest.mark.parametrize("customers", range(1, 25))
def test_equal_customers_cannot_be_ranked_either(customers):
    assert metrics.gini(np.arange(float(customers)), np.full(customers, 0.1)) == 0


def test_top_share_by_hand():
    predicted = np.array([9.0, 8.0, 7.0, 6.0, 5.0])
    actual = np.array([5.0, 3.0, 1.0, 1.0, 0.0])
    assert metrics.top_share(predicted, actual, 0.2) == pytest.approx(0.5)
    assert metrics.top_share(predicted, actual, 0.4) == pytest.approx(0.8)
    assert metrics.top_share(predicted, actual, 0.3) == pytest.approx(0.65)
    assert metrics.top_share(-predicted, actual, 0.2) == pytest.approx(0.0)
