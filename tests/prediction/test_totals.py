"""Sums over customers: one total, totals of parts, and sums gathered over groups."""

import numpy as np
import pytest

from clvmodels.errors import InfiniteMeanError, SettingError
from clvmodels.prediction.predict import predict
from clvmodels.prediction.totals import Sums, Total, central


def test_a_total_of_one_customer_is_that_customer() -> None:
    total = Total(2.0, np.array([1.0, 3.0]), np.array([0.0, 0.0, 4.0, 4.0]), uncertain=True)
    assert total.interval(0.5) == (0.0, 4.0)
    assert total.expected_interval() == (1.0, 3.0)


def test_a_total_without_a_mean_says_so() -> None:
    total = Total(None, None, np.arange(4.0), uncertain=True)
    for ask in (lambda: total.mean, total.expected_interval):
        with pytest.raises(InfiniteMeanError, match=r"use interval\(\)"):
            ask()
    assert total.interval(0.5) == (0.0, 2.0)


def test_a_central_interval_leaves_equal_shares_outside() -> None:
    draws = np.random.default_rng(0).permutation(np.arange(1.0, 101))
    assert central(draws, 0.9) == (5.0, 95.0)
    assert central(draws, 0.5) == (25.0, 75.0)


# --- totals of parts of a base ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{}, {"uncertain": False}, {"points": True}, {"infinite": True}], ids=str)
def test_totals_of_halves_add_up_to_that_of_the_whole(settings, made) -> None:
    halves = [made(order=half, **settings).total() for half in (np.arange(0, 230, 2), np.arange(1, 230, 2))]
    found, whole = halves[0] + halves[1], made(**settings).total()
    assert found.uncertain == whole.uncertain
    if "points" in settings:
        assert found.realised is whole.realised is None
    else:
        np.testing.assert_array_equal(found.realised, whole.realised)
        assert found.interval() == whole.interval()
    if "infinite" in settings:
        assert found.finite_mean is found.expected is whole.finite_mean is None
        return
    assert found.mean == pytest.approx(whole.mean, rel=1e-13)
    np.testing.assert_allclose(found.expected, whole.expected, rtol=1e-13)


def test_futures_of_halves_of_a_base_add_up(cdnow_purchases, cdnow_rfm) -> None:
    rfm = cdnow_rfm.take(slice(400))
    whole = predict(cdnow_purchases, rfm, "1 year", futures=200, seed=3).total()
    halves = [
        predict(cdnow_purchases, rfm.take(half), "1 year", futures=200, seed=3).total()
        for half in (slice(150), slice(150, 400))
    ]
    found = halves[0] + halves[1]
    np.testing.assert_array_equal(found.realised, whole.realised)
    np.testing.assert_allclose(found.expected, whole.expected, rtol=1e-12)
    assert found.mean == pytest.approx(whole.mean, rel=1e-12)


def test_a_part_whose_mean_is_infinite_leaves_the_sum_without_one() -> None:
    finite = Total(2.0, np.array([1.0, 3.0]), np.arange(4.0), uncertain=True)
    infinite = Total(None, None, np.ones(4), uncertain=True)
    for found in (finite + infinite, infinite + finite):
        assert found.finite_mean is found.expected is None
        assert found.realised.tolist() == [1.0, 2.0, 3.0, 4.0]
        assert found.uncertain


ONE = {"finite_mean": 2.0, "expected": np.array([1.0, 3.0]), "realised": np.arange(4.0), "uncertain": True}


@pytest.mark.parametrize(
    "other",
    [
        {"expected": np.ones(3)},
        {"expected": np.ones(1)},
        {"realised": np.ones(5)},
        {"realised": np.ones(1)},
        {"realised": None},
        {"uncertain": False},
    ],
    ids=str,
)
def test_totals_that_do_not_share_their_draws_and_futures_do_not_add_up(other) -> None:
    one, two = Total(**ONE), Total(**ONE | other)
    for add in (lambda: one + two, lambda: two + one):
        with pytest.raises(
            SettingError, match="do not share their draws and futures: forecast both with the same fits"
        ):
            add()


# --- sums over groups ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("groups", [[0, 0, 0, 0], [2, 0, 2, 0], [1, 2, 0, 2]])
def test_sums_of_a_part_are_those_of_its_groups(groups) -> None:
    values = np.arange(8.0).reshape(4, 2)
    sums = Sums(np.array([9, *groups]), 10)
    sums.add(*sums.part(np.array([1, 2, 3, 4]), {"of": values, "mean": values[:, 0]}))
    sums.add(*sums.part(np.array([0]), {"of": values[:1], "mean": values[:1, 0]}))
    expected = np.zeros((10, 2))
    np.add.at(expected, [*groups, 9], np.vstack([values, values[:1]]))
    np.testing.assert_array_equal(sums.of["of"], expected)
    np.testing.assert_array_equal(sums.of["mean"], expected[:, 0])
    assert sums.customers.sum() == 5
