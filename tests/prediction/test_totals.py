"""Sums over segments and over the best customers, from draws that are known."""

import numpy as np
import pandas as pd
import pytest

from clvmodels.data.rfm import RFM
from clvmodels.errors import DataError, InfiniteMeanError, SettingError
from clvmodels.prediction.forecast import Forecast
from clvmodels.prediction.predict import predict
from clvmodels.prediction.totals import Sums, Total, coded, ends, quantile, ranked

N, DRAWS, FUTURES = 230, 40, 90


@pytest.fixture(scope="module")
def numbers():
    """Expected values and futures of customers, futures spread about the draw that they are of."""
    rng = np.random.default_rng(4)
    expected = rng.gamma(0.7, 3.0, N) * rng.gamma(20, 1 / 20, (DRAWS, 1))
    return expected, rng.poisson(expected[np.arange(FUTURES) % DRAWS]).astype(float)


@pytest.fixture(scope="module")
def made(numbers, known, some_customers):
    """Return a function that makes a forecast of these numbers, customers in any order and chunks of any size."""

    def of(order=None, size=N, **settings):
        order = np.arange(N) if order is None else order
        parts = np.array_split(np.random.default_rng(size).permutation(N), range(size, N, size))
        expected, realised = (values[:, order] for values in numbers)
        realised = None if settings.pop("points", False) else realised
        rfm = some_customers(order, region=np.array(["north", "south", "west"])[order % 3])
        return Forecast(rfm, known(expected, realised, chunks=parts, **settings), "visits", ("1 year",))

    return of


# --- one total -------------------------------------------------------------------------------------------------------


def test_a_quantile_is_a_value_that_occurred_and_holds_its_share() -> None:
    ordered = np.arange(1.0, 101)
    assert [quantile(ordered, p) for p in (0.05, 0.5, 0.95, 0.951, 1e-9, 1.0)] == [5, 50, 95, 96, 1, 100]
    # the smallest value with at least the share below or at it, whatever the rounding of the level
    for n in (1, 7, 1000):
        values = np.sort(np.random.default_rng(n).integers(0, 5, n)).astype(float)
        for p in (0.05, 0.25, 0.5, (1 - 0.9) / 2, (1 + 0.9) / 2):
            found = quantile(values, p)
            assert (values <= found).mean() >= p - 1e-12
            assert (values < found).mean() < p
    table = np.sort(np.array([[0.0, 5, 1], [0, 20, 2], [4, 25, 3], [4, 40, 9]]), axis=0)
    np.testing.assert_array_equal(quantile(table, 0.5), [0, 20, 2])


def test_ends_leave_equal_shares_outside() -> None:
    assert ends(0.90) == pytest.approx((0.05, 0.95))


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


# --- segments --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 37, N])
def test_each_segment_is_the_sum_over_its_customers_in_each_draw_and_future(size, made, numbers) -> None:
    expected, realised = numbers
    found = made(size=size).by("region")
    assert found.names.tolist() == ["north", "south", "west"]
    for i, name in enumerate(found.names):
        own = np.arange(N) % 3 == i
        total = found[name]
        assert found.customers[i] == own.sum()
        assert total.mean == pytest.approx(expected[:, own].mean(axis=0).sum(), rel=1e-12)
        np.testing.assert_allclose(total.expected, expected[:, own].sum(axis=1), rtol=1e-12)
        np.testing.assert_array_equal(total.realised, realised[:, own].sum(axis=1))


@pytest.mark.parametrize("labels", ["region", np.arange(N) % 7, ["only"] * N, list(range(N))])
def test_segments_add_up_to_the_total_in_each_draw_and_future(labels, made) -> None:
    forecast = made(size=50)
    found, total = forecast.by(labels).totals, forecast.total()
    assert sum(segment.mean for segment in found) == pytest.approx(total.mean, rel=1e-12)
    np.testing.assert_allclose(sum(segment.expected for segment in found), total.expected, rtol=1e-12)
    np.testing.assert_array_equal(sum(segment.realised for segment in found), total.realised)


def test_ends_of_segments_do_not_add_up(made) -> None:
    # Segments share each draw of the parameters, but not their customers' luck: a sum of ends is too wide.
    forecast = made()
    table, total = forecast.by(list(range(N))).frame(), forecast.total().interval()
    assert table["visits_lower"].sum() < total.lower
    assert table["visits_upper"].sum() > total.upper


def test_the_table_of_segments(made) -> None:
    found = made().by("region")
    table = found.frame(0.8)
    names = ["segment", "customers", "visits_mean", "visits_per_customer", "visits_lower", "visits_upper"]
    assert list(table) == [*names, "expected_lower", "expected_upper"]
    assert table["customers"].sum() == N
    for i, name in enumerate(["north", "south", "west"]):
        row, total = table.iloc[i], found[name]
        assert row["segment"] == name
        assert row["visits_per_customer"] == pytest.approx(total.mean / row["customers"])
        assert (row["visits_lower"], row["visits_upper"]) == total.interval(0.8)
        assert (row["expected_lower"], row["expected_upper"]) == total.expected_interval(0.8)
    assert repr(found) == "visits of 3 segments with 230 customers"
    assert list(made(points=True).by("region").frame()) == [*names[:4], "expected_lower", "expected_upper"]
    assert list(made(uncertain=False).by("region").frame()) == names


def test_order_changes_no_segment(made) -> None:
    order = np.random.default_rng(9).permutation(N)
    one, other = made().by("region"), made(order=order).by("region")
    pd.testing.assert_frame_equal(one.frame(), other.frame(), rtol=1e-12)


def test_unknown_segments_columns_and_shapes_are_refused(made) -> None:
    forecast = made()
    with pytest.raises(SettingError, match=r"no segment 'east'.*'north', 'south', 'west'"):
        forecast.by("region")["east"]
    with pytest.raises(SettingError, match=r"no column 'channel'\. Its columns are: region"):
        forecast.by("channel")
    for wrong in (["a", "b"], np.ones((N, 2))):
        with pytest.raises(SettingError, match="one label for each of the 230 customers"):
            forecast.by(wrong)


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_customers_without_a_segment_are_refused(missing, made) -> None:
    with pytest.raises(DataError, match=r"2 of 230 customers have no segment.*'unknown'"):
        made().by(np.array([missing, missing] + ["a"] * (N - 2), dtype=object))


def test_codes_are_in_the_order_of_the_names() -> None:
    codes, names = coded(np.array(["b", "a", "c", "a"]))
    assert names.tolist() == ["a", "b", "c"]
    assert codes.tolist() == [1, 0, 2, 0]


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


def test_segments_of_a_forecast_from_models_add_up(cdnow_purchases, cdnow_rfm) -> None:
    rfm = cdnow_rfm.take(slice(400))
    forecast = predict(cdnow_purchases, rfm, ["3 months", "1 year"], draws=200)
    with pytest.raises(SettingError, match=r'at\("1 year"\)\.by'):
        forecast.by(rfm.frequency)
    year = forecast.at("1 year")
    segments, total = year.by(np.minimum(rfm.frequency, 3)), year.total()
    np.testing.assert_allclose(sum(each.realised for each in segments.totals), total.realised, rtol=1e-12)
    np.testing.assert_allclose(sum(each.expected for each in segments.totals), total.expected, rtol=1e-12)
    for x in range(4):
        alone = predict(cdnow_purchases, rfm.take(np.minimum(rfm.frequency, 3) == x), "1 year", draws=200).total()
        np.testing.assert_allclose(segments[x].realised, alone.realised, rtol=1e-12)
        np.testing.assert_allclose(segments[x].expected, alone.expected, rtol=1e-12)


# --- contributions ---------------------------------------------------------------------------------------------------


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
        found = Forecast(rfm, known(values, values), "visits", ("1 year",)).contributions().gini()
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
        tables.append(Forecast(some_customers(at), source, "visits", ("1 year",)).contributions([0.1]).lorenz())
    pd.testing.assert_frame_equal(*tables)


@pytest.mark.parametrize("share", [0.0, 1.01, -0.1, np.nan, "half"])
def test_a_share_outside_0_and_1_is_refused(share, made) -> None:
    with pytest.raises(SettingError, match="between 0 and 1"):
        made().contributions([0.1, share])


def test_futures_in_which_nobody_buys_have_no_shares(known, some_customers) -> None:
    realised = np.array([[0.0, 0.0], [3.0, 1.0], [0.0, 2.0]])
    found = Forecast(some_customers("ab"), known(np.array([[2.0, 1.0]]), realised), "visits", ("1 year",))
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
    forecast = predict(cdnow_purchases, cdnow_rfm, "39 weeks", draws=100)
    table, mean = forecast.contributions([0.1]).frame().iloc[0], forecast.frame()["purchases_mean"]
    assert table["customers"] == 236
    assert table["purchases_mean"] == pytest.approx(mean.nlargest(236).sum())
    shuffled = cdnow_rfm.take(np.random.default_rng(3).permutation(len(cdnow_rfm)))
    again = predict(cdnow_purchases, shuffled, "39 weeks", draws=100).contributions([0.1]).frame().iloc[0]
    assert again.to_dict() == pytest.approx(table.to_dict(), rel=1e-12)


def test_a_segment_may_be_any_column_of_the_rfm(cdnow_purchases_point) -> None:
    table = pd.DataFrame({"customer_id": [1, 2, 3], "frequency": 1, "recency": 5.0, "T": 9.0, "plan": [2, 10, 2]})
    rfm = RFM.from_frame(table, unit="week")
    found = predict(cdnow_purchases_point, rfm, "1 year", draws=20).by("plan").frame()
    assert found["segment"].tolist() == [2, 10]
    assert found["customers"].tolist() == [2, 1]


@pytest.mark.parametrize("wrong", [[], [0.5, 0.5], "0.5", None])
def test_none_twice_or_text_is_no_probability_and_no_share(wrong, made) -> None:
    for ask in (made().quantiles, made().contributions):
        with pytest.raises(SettingError, match=r"between 0 and 1|named once"):
            ask(wrong)


def test_one_number_is_one(made) -> None:
    assert list(made().quantiles(0.5)) == ["customer_id", "q50"]
    assert made().contributions(1.0).frame()["top"].tolist() == [1.0]
