"""Expected quantities of customers, against what happened on CDNOW and what was published of it."""

import numpy as np
import pytest

from clvmodels.models.bg_nbd import BGNBD
from clvmodels.prediction.expected import (
    expected_purchases,
    probability_alive,
    probability_of_purchase,
    purchases_if_alive,
)


@pytest.fixture(scope="module")
def model(oracle):
    return BGNBD(*oracle("bg_nbd")["parameters"]["values"])


def test_the_holdout_of_cdnow_is_predicted_as_published(model, cdnow_rfm, cdnow_holdout, oracle) -> None:
    published = oracle("bg_nbd")["holdout"]
    expected, (actual, _) = expected_purchases(model, cdnow_rfm, 39.0)[0], cdnow_holdout
    assert actual.sum() == published["actual_total"]
    assert expected.sum() == pytest.approx(published["total"], abs=0.05)
    assert np.corrcoef(expected, actual)[0, 1] == pytest.approx(published["correlation"], abs=5e-4)
    assert np.abs(expected - actual).mean() == pytest.approx(published["mean_absolute_error"], abs=1e-5)
    errors = np.sqrt(np.mean((expected - actual) ** 2))
    assert errors == pytest.approx(published["root_mean_square_error"], abs=1e-5)
    assert expected[cdnow_rfm.frequency == 0].mean() == pytest.approx(published["zero_class_mean"], abs=5e-5)


def test_customers_of_each_frequency_are_predicted_as_published(model, cdnow_rfm, cdnow_holdout, oracle) -> None:
    published = oracle("bg_nbd")["by_frequency"]
    expected, (actual, _) = expected_purchases(model, cdnow_rfm, 39.0)[0], cdnow_holdout
    bins = np.minimum(cdnow_rfm.frequency, 7)
    customers = np.bincount(bins)
    assert customers.tolist() == published["customers"]
    assert np.bincount(bins, actual) / customers == pytest.approx(published["actual"], abs=1e-6)
    assert np.bincount(bins, expected) / customers == pytest.approx(published["expected"], rel=1e-4)


def test_expected_is_alive_times_if_alive_for_each_draw_and_customer(model, cdnow_rfm) -> None:
    some = cdnow_rfm.take(np.random.default_rng(0).choice(len(cdnow_rfm), 20, replace=False))
    draws = BGNBD(model.r * np.array([[0.9], [1.0], [1.2]]), model.alpha, model.a, model.b * np.ones((3, 1)))
    found = expected_purchases(draws, some, 20.0, 0.002)
    assert found.shape == (3, 20)
    for draw in range(3):
        one = BGNBD(draws.r[draw, 0], model.alpha, model.a, model.b)
        for i in range(20):
            x, t_x, T = (np.array(float(value[i])) for value in (some.frequency, some.recency, some.T))
            direct = one.probability_alive(x, t_x, T) * one.purchases_if_alive(x, T, 20.0, 0.002)
            assert found[draw, i] == pytest.approx(float(direct), rel=1e-8)


def test_a_point_has_one_row(model, cdnow_rfm) -> None:
    some = cdnow_rfm.take(slice(7))
    assert purchases_if_alive(model, some, 39.0).shape == (1, 7)
    assert np.atleast_2d(probability_alive(model, some)).shape == (1, 7)


def test_some_purchase_needs_a_living_customer(model, cdnow_rfm) -> None:
    chance = probability_of_purchase(model, cdnow_rfm, 39.0)
    assert (chance < probability_alive(model, cdnow_rfm)).all()
    # P(at least one) <= E[purchases], with near equality when purchases are rare.
    assert (chance < expected_purchases(model, cdnow_rfm, 39.0)).all()
    soon = probability_of_purchase(model, cdnow_rfm, 1e-4) / expected_purchases(model, cdnow_rfm, 1e-4)
    np.testing.assert_allclose(soon, 1, rtol=1e-3)
