"""Pareto-smoothed importance sampling, against ArviZ and against tails of known shape."""

import numpy as np
import pytest
from scipy import stats

from clvmodels.inference.psis import fit_pareto, smooth, smooth_rows


def arviz(log_ratios):
    """ArviZ's weights and k-hat, from whichever of its two generations is installed."""
    try:
        from arviz_stats.base import array_stats
    except ImportError:
        from arviz import psislw

        log_weights, k_hat = psislw(log_ratios.copy())
    else:
        log_weights, k_hat = array_stats.psislw(-log_ratios)  # it takes log-likelihoods, for leaving one out
    weights = np.exp(np.asarray(log_weights) - np.max(log_weights))
    return weights / weights.sum(), float(k_hat)


RATIOS = {
    "normal": lambda rng, n: rng.standard_normal(n),
    "wide": lambda rng, n: 3 * rng.standard_normal(n),
    "heavy": lambda rng, n: rng.standard_t(2, n),
    "pareto": lambda rng, n: rng.exponential(size=n) * 0.6,
    "bounded": lambda rng, n: -rng.exponential(size=n),
    "far away": lambda rng, n: -9582.4 + 0.5 * rng.standard_normal(n),
}


# Numbers of draws for which the tail is a whole number of them: ArviZ's generations round it differently.
@pytest.mark.parametrize("n", [200, 2500])
@pytest.mark.parametrize("name", RATIOS)
def test_weights_and_k_hat_are_arvizs(name, n) -> None:
    for seed in range(3):
        log_ratios = RATIOS[name](np.random.default_rng(seed), n)
        weights, k_hat = arviz(log_ratios)
        found = smooth(log_ratios)
        assert found.k_hat == pytest.approx(k_hat, abs=1e-8)
        np.testing.assert_allclose(found.weights, weights, rtol=1e-7)


def test_weights_sum_to_one_and_keep_their_order() -> None:
    log_ratios = np.random.default_rng(0).standard_t(3, 1000)
    weights, _ = smooth(log_ratios)
    assert weights.sum() == pytest.approx(1)
    order = np.argsort(log_ratios)
    assert (np.diff(weights[order]) >= 0).all()


def test_smoothing_leaves_the_argument_alone() -> None:
    log_ratios = np.random.default_rng(0).standard_t(3, 1000)
    before = log_ratios.copy()
    smooth(log_ratios)
    np.testing.assert_array_equal(log_ratios, before)


def test_equal_ratios_have_no_tail() -> None:
    weights, k_hat = smooth(np.full(50, -3.0))
    np.testing.assert_array_equal(weights, np.full(50, 1 / 50))
    assert k_hat == -np.inf


def test_a_tail_too_short_to_tell_is_not_trusted() -> None:
    weights, k_hat = smooth(np.array([0.0, 1.0, 2.0, 3.0]))
    assert k_hat == np.inf
    np.testing.assert_allclose(weights, np.exp([0, 1, 2, 3]) / np.exp([0, 1, 2, 3]).sum())
    assert smooth(np.r_[np.zeros(997), 1.0, 2.0, 3.0]).k_hat == np.inf  # ties leave three in the tail


@pytest.mark.parametrize("k", [-0.3, 0.1, 0.5, 0.9])
def test_a_pareto_tail_is_found(k) -> None:
    excess = np.sort(stats.genpareto(k, scale=2.5).rvs(20_000, random_state=np.random.default_rng(4)))
    shape, scale = fit_pareto(excess)
    assert shape == pytest.approx(k, abs=0.04)
    assert scale == pytest.approx(2.5, rel=0.05)


def test_the_scale_of_the_tail_is_a_unit() -> None:
    excess = np.sort(stats.genpareto(0.4).rvs(300, random_state=np.random.default_rng(5)))
    (k, scale), (same, wider) = fit_pareto(excess), fit_pareto(1000 * excess)
    assert same == pytest.approx(k, rel=1e-9)
    assert wider == pytest.approx(1000 * scale, rel=1e-9)


def test_importance_weights_of_a_known_pair_have_the_shape_of_theory() -> None:
    # Target Exp(1), proposal Exp(rate): the ratio's tail has shape 1 - 1 / rate.
    x = np.random.default_rng(6).exponential(1 / 3, 50_000)
    weights, k_hat = smooth(-x + 3 * x)
    assert k_hat == pytest.approx(2 / 3, abs=0.06)
    assert weights @ x == pytest.approx(1.0, abs=0.1)  # the target's mean, from draws with mean 1/3


def test_many_rows_at_once_are_each_row_alone() -> None:
    rng = np.random.default_rng(7)
    rows = rng.standard_t(3, (40, 1000))
    tied = rows[:, rng.integers(0, 1000, 1000)]  # draws that appear twice shorten some rows' tails
    everything = np.vstack([rows, tied, np.round(rows), np.full((1, 1000), 3.0), np.eye(1000)[:2]])
    weights, k_hat = smooth_rows(everything)
    for row, weight, k in zip(everything, weights, k_hat, strict=True):
        alone = smooth(row)
        assert k == pytest.approx(alone.k_hat, abs=1e-12)
        np.testing.assert_allclose(weight, alone.weights, rtol=1e-10)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    assert {-np.inf, np.inf} < set(k_hat)
