"""What the best customers bring, from draws that are known."""

import numpy as np
import pandas as pd
import pytest

from clvmodels.errors import SettingError
from clvmodels.prediction.contributions import ranked
from clvmodels.prediction.forecast import Forecast
from clvmodels.prediction.predict import predict
from clvmodels.prediction.summaries import ends, quantile

N = 230


@pytest.mark.parametrize("size", [37, N])
def test_the_best_customers_bring_what_their_sums_say(size, made, numbers) -> None:
    expected, realised = numbers
    best = np.argsort(-expected.mean(axis=0), kind="stable")
    table = made(size=size).contributions([0.01, 0.1, 0.333, 1.0]).frame(0.8)
    assert table["top"].tolist() == [0.01, 0.1, 0.333, 1.0]
    assert table["customers"].tolist() == [3, 23, 77, 230]  # as many whole customers as have the share, or more
    for row in table.itertuples():
        own = best[: row.customers]
        assert row.visits_mean == pytest.approx(expected[:, own].mean(axis=0).sum(), rel=1e-12)
        assert row.share == pytest.approx(row.visits_mean / expected.mean(axis=0).sum(), rel=1e-12)
        shares = np.sort(realised[:, own].sum(axis=1) / realised.sum(axis=1))
        ends_of = [quantile(shares, p) for p in ends(0.8)]
        assert (row.share_lower, row.share_upper) == pytest.approx(ends_of, rel=1e-12)
        shares = np.sort(expected[:, own].sum(axis=1) / expected.sum(axis=1))
        ends_of = [quantile(shares, p) for p in ends(0.8)]
        assert (row.expected_lower, row.expected_upper) == pytest.approx(ends_of, rel=1e-12)


def test_more_customers_bring_more_and_all_bring_everything(made) -> None:
    found = made().contributions()
    curve = found.lorenz()
    assert curve["share_of_customers"].iloc[[0, -1]].tolist() == [0, 1]
    assert curve["share"].iloc[[0, -1]].tolist() == pytest.approx([0, 1])
    assert curve[["share_lower", "share_upper"]].iloc[-1].tolist() == pytest.approx([1, 1])
    assert (np.diff(curve["share"]) > 0).all()
    assert (np.diff(curve["share"], 2)[:99:1] < 1e-9)[::1].mean() > 0.5  # bends down, but for uneven groups
    assert (curve["share"] >= curve["share_of_customers"] - 1e-12).all()
    for of in (found.realised, found.expected):
        assert (np.diff(of, axis=0) >= 0).all()
        np.testing.assert_allclose(of[-1], 1)
    assert found.frame()["share"].is_monotonic_increasing
    assert "top 0.2: " in repr(found)


def test_the_gini_coefficient_is_that_of_pairs(made, numbers) -> None:
    expected, realised = numbers
    mean, best = expected.mean(axis=0), np.argsort(-expected.mean(axis=0))

    def gini(value):  # of values in a ranking: how much more those ranked higher bring, over all pairs
        ordered = value[best]
        return (N - 1 - 2 * np.arange(N)) @ ordered / ordered.sum() / N

    found = made().contributions().gini(0.8)
    assert found.value == pytest.approx(gini(mean), abs=2e-4)  # the curve has a hundred points
    ginis = np.sort([gini(future) for future in realised])
    assert tuple(found.interval) == pytest.approx([quantile(ginis, p) for p in ends(0.8)], abs=1e-3)
    ginis = np.sort([gini(draw) for draw in expected])
    assert tuple(found.expected_interval) == pytest.approx([quantile(ginis, p) for p in ends(0.8)], abs=1e-3)


@pytest.mark.parametrize("customers", [2, 40, 100, 1000])
def test_equal_customers_have_no_gini_and_one_who_brings_everything_nearly_one(
    customers, known, some_customers
) -> None:
    rfm = some_customers(range(customers))
    equal, one = np.full((3, customers), 2.0), np.zeros((3, customers))
    one[:, 1] = 7.0
    for values, expected, error in [(equal, 0.0, 1e-12), (one, 1 - 1 / customers, 0.01 if customers > 100 else 1e-12)]:
        found = Forecast(rfm, known(values, values), "visits", ("1 year",), 0).contributions().gini()
        assert found.value == pytest.approx(expected, abs=error)
        assert tuple(found.interval) == pytest.approx((expected, expected), abs=error)
        assert tuple(found.expected_interval) == pytest.approx((expected, expected), abs=error)


def test_order_changes_no_contribution(made) -> None:
    tables = [made(order=order).contributions().lorenz() for order in (None, np.random.default_rng(1).permutation(N))]
    pd.testing.assert_frame_equal(*tables, rtol=1e-12)


def test_equal_values_are_ranked_by_key() -> None:
    value, key = np.array([1.0, 5.0, 1.0, 1.0]), np.array([30, 20, 10, 40], dtype=np.uint64)
    groups, sizes = ranked(value, key, [0.5])
    assert sizes.tolist() == [1, 2, 3, 4]
    assert groups.tolist() == [2, 0, 1, 3]
    order = np.array([3, 1, 0, 2])
    assert ranked(value[order], key[order], [0.5])[0].tolist() == groups[order].tolist()


def test_equal_customers_have_the_same_best_in_any_order(known, some_customers) -> None:
    rng, order = np.random.default_rng(0), np.random.default_rng(1).permutation(50)
    expected, realised = np.ones((3, 50)), rng.poisson(2.0, (30, 50)).astype(float)
    tables = []
    for at in (np.arange(50), order):
        source = known(expected[:, at], realised[:, at])
        tables.append(Forecast(some_customers(at), source, "visits", ("1 year",), 0).contributions([0.1]).lorenz())
    pd.testing.assert_frame_equal(*tables)


@pytest.mark.parametrize("share", [0.0, 1.01, -0.1, np.nan, "half"])
def test_a_share_outside_0_and_1_is_refused(share, made) -> None:
    with pytest.raises(SettingError, match="between 0 and 1"):
        made().contributions([0.1, share])


def test_futures_in_which_nobody_buys_have_no_shares(known, some_customers) -> None:
    realised = np.array([[0.0, 0.0], [3.0, 1.0], [0.0, 2.0]])
    found = Forecast(some_customers("ab"), known(np.array([[2.0, 1.0]]), realised), "visits", ("1 year",), 0)
    assert found.contributions([0.5]).realised[1].tolist() == [0.75, 0.0]


def test_what_is_not_known_is_left_out(made) -> None:
    names = ["top", "customers", "visits_mean", "share"]
    points = made(points=True).contributions()
    assert list(points.frame()) == [*names, "expected_lower", "expected_upper"]
    assert points.gini().interval is None
    certain = made(uncertain=False).contributions()
    assert list(certain.frame()) == [*names, "share_lower", "share_upper"]
    assert certain.gini().expected_interval is None


def test_contributions_of_a_forecast_from_models(cdnow_purchases, cdnow_rfm) -> None:
    forecast = predict(cdnow_purchases, cdnow_rfm, "39 weeks", futures=100)
    table, mean = forecast.contributions([0.1]).frame().iloc[0], forecast.frame()["purchases_mean"]
    assert table["customers"] == 236
    assert table["purchases_mean"] == pytest.approx(mean.nlargest(236).sum())
    shuffled = cdnow_rfm.take(np.random.default_rng(3).permutation(len(cdnow_rfm)))
    again = predict(cdnow_purchases, shuffled, "39 weeks", futures=100).contributions([0.1]).frame().iloc[0]
    assert again.to_dict() == pytest.approx(table.to_dict(), rel=1e-12)


def test_there_are_no_shares_of_losses_or_of_nothing(numbers, known, some_customers) -> None:
    expected, realised = numbers
    for wrong in ((-expected, realised), (expected, -1.0 - realised), (0 * expected, realised)):
        forecast = Forecast(some_customers(range(N)), known(*wrong), "visits", ("1 year",), 0)
        with pytest.raises(SettingError, match="nothing to take shares of"):
            forecast.contributions()


def test_where_no_future_brings_anything_shares_have_no_realised_interval(numbers, known, some_customers) -> None:
    expected, realised = numbers
    source = known(expected, 0 * realised)
    best = Forecast(some_customers(range(N)), source, "visits", ("1 year",), 0).contributions([0.5])
    assert list(best.frame()) == ["top", "customers", "visits_mean", "share", "expected_lower", "expected_upper"]
    assert best.gini().interval is None


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([], "between 0 and 1"),
        ("0.5", "between 0 and 1"),
        (None, "between 0 and 1"),
        ([0.5, 0.5], "shares of the customers is named once"),
    ],
)
def test_shares_are_one_or_several_different_numbers(wrong, message, made) -> None:
    with pytest.raises(SettingError, match=message):
        made().contributions(wrong)


def test_one_share_is_one(made) -> None:
    assert made().contributions(1.0).frame()["top"].tolist() == [1.0]
