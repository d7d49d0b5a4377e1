"""Summaries of a chunk whose numbers are known."""

import numpy as np
import pytest

from clvmodels.errors import SettingError
from clvmodels.prediction.summaries import (
    SD,
    Above,
    Known,
    KnownChunk,
    Mean,
    NoPurchase,
    Ordered,
    Quantile,
    ends,
    label,
    mean_over_draws,
    quantile,
)

EXPECTED = np.array([[1.0, 10, 3], [3, 30, 3]])  # two draws of the parameters
REALISED = np.array([[4.0, 25, 1], [0, 5, 9], [0, 40, 3], [4, 20, 2]])  # four futures
CHUNK = KnownChunk(np.array([5, 0, 2]), np.array([2.5, 21, 3.5]), EXPECTED, REALISED, {"p_alive": np.arange(3) / 10})


@pytest.mark.parametrize(
    ("summary", "value"),
    [
        (Mean(), [2.5, 21, 3.5]),
        (Known("p_alive"), [0.0, 0.1, 0.2]),
        (Quantile(0.25), [0, 5, 1]),
        (Quantile(0.5), [0, 20, 2]),
        (Quantile(0.999), [4, 40, 9]),
        (Quantile(0.5, "expected"), [1, 10, 3]),
        (Quantile(0.6, over="expected"), [3, 30, 3]),
        (SD(), [2.0, np.std([5, 20, 25, 40]), np.std([1, 2, 3, 9])]),
        (NoPurchase(), [0.5, 0.0, 0.0]),
        (Above(4.0), [0.0, 1.0, 0.25]),  # four do not exceed four
        (Above(np.array([39.0, 7, 0.5, 7, 7, 0.0])), [0.5, 0.25, 1.0]),  # of each customer of the RFM, by position
    ],
    ids=repr,
)
def test_a_summary_is_a_number_of_each_customer(summary, value) -> None:
    assert summary.of(Ordered(CHUNK)).tolist() == pytest.approx(value, rel=1e-15)


def test_no_purchase_and_spread_are_of_what_purchases_bring_before_fixed_costs() -> None:
    class Charged(KnownChunk):
        @property
        def gross(self):
            return self.realised + 1.5

    charged = Charged(np.arange(3), EXPECTED[0], EXPECTED, REALISED - 1.5)
    assert NoPurchase().of(Ordered(charged)).tolist() == [0.5, 0.0, 0.0]
    assert SD().of(Ordered(charged)).tolist() == SD().of(Ordered(CHUNK)).tolist()


def test_draws_and_futures_are_sorted_once_for_all_summaries() -> None:
    ordered = Ordered(CHUNK)
    assert ordered.realised is ordered.realised
    assert ordered.expected is ordered.expected
    assert ordered.spread is ordered.spread
    np.testing.assert_array_equal(CHUNK.realised[0], [4, 25, 1])  # what the chunk holds stays in its order


@pytest.mark.parametrize("summary", [Quantile(0.5), SD(), NoPurchase(), Above(1.0)], ids=repr)
def test_without_futures_nothing_is_known_of_what_may_happen(summary) -> None:
    points = KnownChunk(np.arange(3), EXPECTED[0], EXPECTED)
    assert points.gross is None
    with pytest.raises(SettingError, match=r"Use expected_interval\(\), or a model such as clv\.BGNBD"):
        summary.of(Ordered(points))


def test_equal_summaries_are_one() -> None:
    assert {Quantile(0.5), Quantile(0.5, "realised"), Mean(), Mean(), Known("p_alive"), Known("p_alive")} == {
        Quantile(0.5),
        Mean(),
        Known("p_alive"),
    }


def test_a_quantile_is_a_value_that_occurred_and_holds_its_share() -> None:
    ordered = np.arange(1.0, 101)
    assert [quantile(ordered, p) for p in (0.05, 0.5, 0.95, 0.951, 1e-9, 1.0)] == [5, 50, 95, 96, 1, 100]
    # the smallest value with at least the share below or at it, whatever the rounding of the level
    for n in (1, 7, 1000):
        values = np.sort(np.random.default_rng(n).integers(0, 5, n)).astype(float)
        for p in (0.05, 0.25, 0.5, (1 - 0.9) / 2, (1 + 0.9) / 2):
            found = quantile(values, p)
            assert (values <= found).mean() >= p - 1e-12
            assert (values < found).mean() < p
    table = np.sort(np.array([[0.0, 5, 1], [0, 20, 2], [4, 25, 3], [4, 40, 9]]), axis=0)
    np.testing.assert_array_equal(quantile(table, 0.5), [0, 20, 2])


def test_ends_leave_equal_shares_outside() -> None:
    assert ends(0.90) == pytest.approx((0.05, 0.95), rel=1e-15)


@pytest.mark.parametrize(
    ("probability", "name"), [(0.05, "q05"), (0.5, "q50"), (0.975, "q97.5"), (0.001, "q0.1"), (1 / 3, "q33.33333333")]
)
def test_a_quantiles_column_is_named_by_its_percentage(probability, name) -> None:
    assert label(probability) == name


def test_the_mean_over_draws_does_not_depend_on_who_else_is_there() -> None:
    draws = np.random.default_rng(0).gamma(1.0, 1.0, (777, 50))
    alone = [mean_over_draws(draws[:, [i]])[0] for i in range(50)]
    assert mean_over_draws(draws).tolist() == alone
    assert mean_over_draws(draws[:, ::-1])[::-1].tolist() == alone
    np.testing.assert_allclose(alone, draws.mean(axis=0), rtol=1e-14)
