"""The Lorenz curve and its Gini coefficient, by hand and by their definitions."""

import numpy as np
import pytest

from clvmodels.prediction.lorenz import gini, lorenz


def test_the_curve_begins_with_the_best_and_ends_with_everything():
    share, brought = lorenz(np.array([1.0, 0.0, 3.0, 0.0]))
    assert share.tolist() == [0.0, 0.25, 0.5, 1.0]
    assert brought.tolist() == [0.0, 0.75, 1.0, 1.0]


def test_customers_of_equal_rank_share_what_they_bring_in_any_order():
    values, order = np.array([5.0, 1.0, 2.0, 2.0]), np.array([7.0, 7.0, 1.0, 1.0])
    for shuffled in (np.arange(4), np.arange(4)[::-1]):
        share, brought = lorenz(values[shuffled], order[shuffled])
        assert share.tolist() == [0.0, 0.5, 1.0]
        assert brought.tolist() == [0.0, 0.6, 1.0]


@pytest.mark.parametrize("values", [np.zeros(3), np.ones(4)])
def test_the_curve_of_equals_is_straight_and_its_gini_0(values):
    share, brought = lorenz(values)
    assert share.tolist() == brought.tolist() == [0.0, 1.0]
    assert gini(share, brought) == 0.0


def test_gini_is_half_the_mean_difference_over_the_mean():
    values = np.random.default_rng(1).gamma(0.5, size=200)
    difference = np.abs(values[:, None] - values).mean() / 2
    assert gini(*lorenz(values)) == pytest.approx(difference / values.mean())
    assert gini(*lorenz(values, -values)) == pytest.approx(-difference / values.mean())


def test_one_customer_who_brings_everything_has_the_highest_gini():
    assert gini(*lorenz(np.array([0.0, 0.0, 0.0, 9.0]))) == 0.75


def test_several_curves_have_a_gini_each():
    share = np.array([0.0, 0.5, 1.0])
    brought = np.array([[0.0, 0.0], [0.5, 0.75], [1.0, 1.0]])
    assert gini(share, brought).tolist() == [0.0, 0.25]
