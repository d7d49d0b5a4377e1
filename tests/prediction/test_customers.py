"""Customers as arrays: each with the history that is theirs, whoever else is asked for."""

import numpy as np
import pandas as pd
import pytest

from clvmodels.data.rfm import RFM
from clvmodels.models.gamma_gamma import GammaGamma, GammaGammaAllPurchases
from clvmodels.prediction.customers import Customers

SPEND = GammaGamma(6.25, 3.74, 15.44)


@pytest.fixture(scope="module")
def rfm():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 3, 60)
    table = {"customer_id": range(60), "frequency": x, "recency": np.where(x > 0, 7.0, 0.0), "T": 7.0 * (x + 2)}
    money = np.where(x > 0, rng.gamma(3.0, 9.0, 60), 0.0)
    return RFM.from_frame(pd.DataFrame(table | {"monetary_value": money, "first_spend": 4.0}), unit="week")


def own(customers):
    """Each customer's history and money, whoever shares it."""
    of = [values[customers.history] for values in (customers.x, customers.t_x, customers.T)]
    return np.column_stack([*of, customers.seen, customers.mean, customers.key])


def test_every_customer_has_their_own_history_key_and_money(rfm) -> None:
    found = Customers.of(rfm, SPEND)
    assert len(found) == 60
    for values, of in [(found.x, rfm.frequency), (found.t_x, rfm.recency), (found.T, rfm.T)]:
        np.testing.assert_array_equal(values[found.history], of)
    assert found.key is rfm.key
    np.testing.assert_array_equal(found.seen, rfm.frequency)
    np.testing.assert_array_equal(found.mean, rfm.money)


def test_histories_are_distinct_and_in_their_order(rfm) -> None:
    found = Customers.of(rfm, None)
    histories = list(zip(found.x, found.t_x, found.T, strict=True))
    assert histories == sorted(set(histories)) == [(0, 0, 14), (1, 7, 21), (2, 7, 28)]


def test_without_a_spend_model_there_is_no_money(rfm) -> None:
    found = Customers.of(rfm, None)
    assert found.seen is None
    assert found.mean is None
    assert found.take(slice(3)).seen is None


def test_a_spend_model_says_which_purchases_it_has_seen(rfm) -> None:
    found = Customers.of(rfm, GammaGammaAllPurchases(6.25, 3.74, 15.44))
    np.testing.assert_array_equal(found.seen, rfm.frequency + 1)
    np.testing.assert_allclose(found.mean, (4 + rfm.frequency * rfm.money) / (rfm.frequency + 1))


@pytest.mark.parametrize(
    "some", [slice(5, 40, 3), np.array([7, 3, 55, 4]), np.arange(60) % 4 == 1, np.array([9])], ids=str
)
def test_some_of_the_customers_keep_what_is_theirs(some, rfm) -> None:
    everyone = Customers.of(rfm, SPEND)
    found = everyone.take(some)
    np.testing.assert_array_equal(own(found), own(everyone)[some])
    assert set(found.history) == set(range(len(found.x)))  # no history without a customer
    again = Customers.of(rfm.take(some), SPEND)
    np.testing.assert_array_equal(own(again), own(found))
    np.testing.assert_array_equal(again.x, found.x)
