"""Simulated futures of a base: money at its times, and a stream of its own for each customer."""

import numpy as np
import pandas as pd
import pytest

from clvmodels.data.rfm import RFM
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.gamma_gamma import GammaGamma, GammaGammaAllPurchases
from clvmodels.models.protocols import Purchases
from clvmodels.prediction.expected import expected_purchases
from clvmodels.prediction.simulate import simulate, simulate_money


def base(ids, frequency=2, money=30.0):
    frame = {"customer_id": ids, "frequency": frequency, "recency": 30.43, "T": 38.86, "monetary_value": money}
    return RFM.from_frame(pd.DataFrame(frame), unit="week")


def models(futures):
    return BGNBD(np.full((futures, 1), 0.2426), 4.4136, 0.7929, 2.4259), GammaGamma(
        np.full((futures, 1), 6.25), 3.74, 15.44
    )


class Clockwork:
    """Buys at fixed times, a future more often than the last."""

    draws = 3

    def simulate(self, rng, x, t_x, T, t):
        return Purchases(np.array([0, 1, 2]), np.array([10.0, 5.0, 20.0]))


class PriceList:
    """Purchases cost 1, 2, 3, ..."""

    @classmethod
    def observed(cls, rfm):
        return np.zeros(len(rfm)), np.zeros(len(rfm))

    def simulate_spend(self, rng, x, m, count):
        return 1.0 + np.arange(count.sum())


def test_money_is_discounted_at_the_time_of_its_purchase() -> None:
    futures = simulate(Clockwork(), PriceList(), base(["a"]), 39.0, 0.01, 0)
    np.testing.assert_array_equal(futures[0].ravel(), [0, 1, 2])
    exact = [0, np.exp(-0.1), 2 * np.exp(-0.05) + 3 * np.exp(-0.2)]
    np.testing.assert_allclose(futures.money.ravel(), exact)


def test_money_is_left_out_without_a_spend_model() -> None:
    assert simulate(Clockwork(), None, base(["a"]), 39.0, 0.0, 0).money is None


def test_a_customers_futures_depend_on_the_seed_and_the_id_alone() -> None:
    purchases, spend = models(40)
    rfm = base(["a", "b", "c", "d"])
    counts, money = simulate(purchases, spend, rfm, 39.0, 0.002, 7)
    back = simulate(purchases, spend, rfm.take(np.array([3, 1])), 39.0, 0.002, 7)
    np.testing.assert_array_equal(back[0], counts[:, [3, 1]])
    np.testing.assert_array_equal(back.money, money[:, [3, 1]])
    other = simulate(purchases, spend, rfm, 39.0, 0.002, 8)
    assert (other.money != money).any(axis=0).all()


def test_a_number_and_its_text_are_the_same_customer() -> None:
    purchases, spend = models(40)
    (counts, money), (again, same) = (simulate(purchases, spend, base(ids), 39.0, 0.0, 7) for ids in ([17], ["17"]))
    np.testing.assert_array_equal(counts, again)
    np.testing.assert_array_equal(money, same)


def test_customers_with_equal_histories_have_independent_futures() -> None:
    purchases, spend = models(4000)
    counts, money = simulate(purchases, spend, base(["a", "b"]), 39.0, 0.0, 7)
    assert abs(np.corrcoef(counts.T)[0, 1]) < 4 / np.sqrt(4000)
    assert abs(np.corrcoef(money.T)[0, 1]) < 4 / np.sqrt(4000)
    # and neighbouring futures of one customer are too
    assert abs(np.corrcoef(counts[1:, 0], counts[:-1, 0])[0, 1]) < 4 / np.sqrt(4000)


@pytest.mark.parametrize("delta", [0.0, 0.01])
def test_the_mean_of_the_futures_is_the_expectation(delta) -> None:
    purchases, spend = models(30_000)
    rfm = base(["a", "b", "c"], frequency=[1, 2, 6], money=[20.0, 30.0, 90.0])
    counts, money = simulate(purchases, spend, rfm, 39.0, delta, 3)
    point, price = BGNBD(0.2426, 4.4136, 0.7929, 2.4259), GammaGamma(6.25, 3.74, 15.44)
    expected = expected_purchases(point, rfm, 39.0)[0]
    assert (np.abs(counts.mean(axis=0) - expected) < 4 * counts.std(axis=0) / np.sqrt(30_000)).all()
    worth = expected_purchases(point, rfm, 39.0, delta)[0] * price.expected_spend(rfm.frequency, rfm.money)
    assert (np.abs(money.mean(axis=0) - worth) < 4 * money.std(axis=0) / np.sqrt(30_000)).all()


def test_the_money_of_given_purchases_has_its_expected_mean_and_belongs_to_the_customer() -> None:
    _, spend = models(30_000)
    rfm, count = base(["a", "b", "c"], frequency=[1, 2, 6], money=[20.0, 30.0, 90.0]), np.array([0, 1, 4])
    money = simulate_money(spend, rfm, count, 3)
    assert money.shape == (30_000, 3)
    assert (money[:, 0] == 0).all()
    worth = count * GammaGamma(6.25, 3.74, 15.44).expected_spend(rfm.frequency, rfm.money)
    error = money.std(axis=0) / np.sqrt(30_000)
    assert (np.abs(money.mean(axis=0) - worth)[1:] < 4 * error[1:]).all()
    # Four purchases of one customer share a rate: their sum spreads more than four independent ones would.
    one = simulate_money(spend, rfm, np.array([1, 1, 1]), 3)[:, 2]
    assert money[:, 2].std() > 1.1 * 2 * one.std()
    back = simulate_money(spend, rfm.take(np.array([2, 1])), count[[2, 1]], 3)
    np.testing.assert_array_equal(back, money[:, [2, 1]])


def test_the_money_of_one_time_buyers_follows_what_they_paid_first() -> None:
    purchases, spend = models(20_000)
    spend = GammaGammaAllPurchases(spend.p, spend.q, spend.gamma)
    first = np.array([5.0, 30.0, 200.0])
    frame = {"customer_id": ["a", "b", "c"], "frequency": 0, "recency": 0.0, "T": 38.86, "monetary_value": 0.0}
    rfm = RFM.from_frame(pd.DataFrame(frame).assign(first_spend=first), unit="week")
    each = 6.25 * (15.44 + first) / (6.25 + 3.74 - 1)
    given = simulate_money(spend, rfm, np.array([2, 2, 2]), 3)
    assert (np.abs(given.mean(axis=0) - 2 * each) < 4 * given.std(axis=0) / np.sqrt(20_000)).all()
    counts, money = simulate(purchases, spend, rfm, 39.0, 0.0, 3)
    luck = money - counts * each
    assert (np.abs(luck.mean(axis=0)) < 4 * luck.std(axis=0) / np.sqrt(20_000)).all()
