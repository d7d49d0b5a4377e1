"""Customers as arrays: each with the history that is theirs, whoever else is asked for."""

import numpy as np
import pandas as pd
import pytest

from clvmodels.data.rfm import RFM
from clvmodels.models.gamma_gamma import GammaGamma
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
    histories = customers.histories
    of = [values[histories.row] for values in (histories.x, histories.t_x, histories.T)]
    return np.column_stack([*of, *customers.observed.values(), customers.key])


def test_every_customer_has_their_own_history_key_and_money(rfm) -> None:
    found = Customers.of(rfm, SPEND)
    assert len(found) == 60
    histories = found.histories
    for values, of in [(histories.x, rfm.frequency), (histories.t_x, rfm.recency), (histories.T, rfm.T)]:
        np.testing.assert_array_equal(values[histories.row], of)
    assert found.key is rfm.key
    assert list(found.observed) == ["x", "m"]
    np.testing.assert_array_equal(found.observed["x"], rfm.frequency)
    np.testing.assert_array_equal(found.observed["m"], rfm.money)


def test_histories_are_distinct_and_in_their_order(rfm) -> None:
    found = Customers.of(rfm, None).histories
    histories = list(zip(found.x, found.t_x, found.T, strict=True))
    assert histories == sorted(set(histories)) == [(0, 0, 14), (1, 7, 21), (2, 7, 28)]


def test_without_a_spend_model_there_is_no_money(rfm) -> None:
    found = Customers.of(rfm, None)
    assert found.observed == found.take(slice(3)).observed == {}


def test_a_spend_model_says_which_purchases_it_has_seen(rfm) -> None:
    found = Customers.of(rfm, GammaGamma(6.25, 3.74, 15.44, of="all")).observed
    np.testing.assert_array_equal(found["x"], rfm.frequency + 1)
    np.testing.assert_allclose(found["m"], (4 + rfm.frequency * rfm.money) / (rfm.frequency + 1))


@pytest.mark.parametrize(
    "some", [slice(5, 40, 3), np.array([7, 3, 55, 4]), np.arange(60) % 4 == 1, np.array([9])], ids=str
)
def test_some_of_the_customers_keep_what_is_theirs(some, rfm) -> None:
    everyone = Customers.of(rfm, SPEND)
    found = everyone.take(some)
    np.testing.assert_array_equal(own(found), own(everyone)[some])
    assert set(found.histories.row) == set(range(len(found.histories)))  # no history without a customer
    again = Customers.of(rfm.take(some), SPEND)
    np.testing.assert_array_equal(own(again), own(found))
    np.testing.assert_array_equal(again.histories.x, found.histories.x)
