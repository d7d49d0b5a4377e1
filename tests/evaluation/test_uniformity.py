"""The uniformity of ranks: exact probabilities, against simulation and against sums that can be done by hand."""

import numpy as np
import pytest

from clvmodels.evaluation.uniformity import band, counts_below, holm, uniformity


def simulated(rng, times, runs, most):
    return rng.integers(0, most + 1, (times, runs))


@pytest.mark.parametrize(("runs", "most", "level"), [(40, 9, 0.95), (150, 49, 0.9), (7, 3, 0.8)])
def test_the_band_holds_uniform_ranks_as_often_as_it_says(runs, most, level) -> None:
    bounds, times = band(runs, most, level), 20_000
    steps = np.stack([counts_below(r, most) for r in simulated(np.random.default_rng(1), times, runs, most)])
    held = ((steps >= bounds.lower) & (steps <= bounds.upper)).all(axis=1).mean()
    assert held > level - 3 * np.sqrt(level * (1 - level) / times)
    assert held < level + 0.1  # a discrete distribution: a step wider than asked for, at most


@pytest.mark.parametrize(("runs", "most"), [(40, 9), (30, 1), (100, 19)])
def test_a_line_leaves_the_band_where_its_p_value_is_small(runs, most) -> None:
    bounds = band(runs, most, 0.9)
    for ranks in simulated(np.random.default_rng(2), 100, runs, most):
        steps = counts_below(ranks, most)
        inside = ((steps >= bounds.lower) & (steps <= bounds.upper)).all()
        assert inside == (uniformity(ranks, most) > 1 - 0.9)


def test_p_values_are_uniform_where_the_ranks_are() -> None:
    p = np.array([uniformity(ranks, 19) for ranks in simulated(np.random.default_rng(3), 400, 60, 19)])
    for level in (0.01, 0.05, 0.2, 0.5):
        assert (p <= level).mean() == pytest.approx(level, abs=3.5 * np.sqrt(level * (1 - level) / len(p)))


def test_one_rank_of_two_is_a_coin() -> None:
    # n tosses, all heads: the exact two-sided probability of a coin.
    assert uniformity(np.zeros(6, dtype=np.int64), most=1) == pytest.approx(2 / 2**6)
    assert uniformity(np.array([0, 1, 0, 1]), most=1) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "place",
    [
        lambda u: 0.5 + 0.8 * (u - 0.5),  # draws too wide
        lambda u: u**1.4,  # draws too high
        lambda u: np.where(u < 0.06, u / 6, u),  # a short tail, which Kolmogorov and Smirnov do not see
    ],
)
def test_ranks_that_are_not_uniform_are_found(place) -> None:
    u = (np.arange(500) + 0.5) / 500
    assert uniformity((100 * place(u)).astype(np.int64), most=99) < 0.001
    assert uniformity((100 * u).astype(np.int64), most=99) > 0.05


def test_corrected_p_values_keep_their_order_and_stay_probabilities() -> None:
    np.testing.assert_allclose(holm([0.3, 0.004, 0.04, 0.03]), [0.3, 0.016, 0.09, 0.09])
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]
