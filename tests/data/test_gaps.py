import numpy as np
import pytest

from clvmodels.data.gaps import Gaps
from clvmodels.data.runs import starts


def random_buyers(seed, chance, periods=60, customers=400):
    """Return the periods of customers who buy in each with a chance of their own, and where each customer's begin."""
    random = np.random.default_rng(seed)
    who, when = np.nonzero(random.random((customers, periods)) < np.broadcast_to(chance, customers)[:, None])
    return when, starts(who)


@pytest.mark.parametrize("chance", [0.02, 0.1, 0.5, 0.9])
def test_purchases_at_random_have_a_dispersion_of_1_however_often_customers_buy(chance):
    gaps = Gaps.of(*random_buyers(1, chance))
    assert gaps.dispersion == pytest.approx(1, abs=5 * (8 / gaps.free) ** 0.5)
    assert gaps.share_even < 0.05


def test_rates_that_differ_between_customers_do_not_matter():
    assert Gaps.of(*random_buyers(2, np.linspace(0.02, 0.8, 400))).dispersion == pytest.approx(1, abs=0.08)


def test_every_choice_of_periods_between_is_expected():
    # Three gaps over five periods: all six choices of two periods between.
    choices = [(0, i, j, 5) for i in range(1, 5) for j in range(i + 1, 5)]
    gaps = Gaps.of(np.ravel(choices), 4 * np.arange(len(choices)))
    assert (gaps.customers, gaps.free) == (6, 12)
    assert gaps.dispersion == pytest.approx(1, rel=1e-12)


def test_purchases_in_every_period_and_single_gaps_say_nothing():
    gaps = Gaps.of(np.array([0, 1, 2, 3, 0, 9, 4]), np.array([0, 4, 6]))
    assert (gaps.customers, gaps.free, gaps.spread, gaps.even) == (0, 0, 0.0, 0)
    assert np.isnan(gaps.dispersion)
    assert np.isnan(gaps.share_even)


def test_clumped_purchases_have_a_dispersion_above_1():
    gaps = Gaps.of(np.array([0, 1, 2, 3, 30]), np.array([0]))
    assert gaps.dispersion > 2
    assert gaps.share_even == 0
