"""Sums over segments of customers, from draws that are known."""

import numpy as np
import pandas as pd
import pytest

from clvmodels.data.rfm import RFM
from clvmodels.errors import DataError, SettingError
from clvmodels.prediction.predict import predict
from clvmodels.prediction.segments import segment_codes

N = 230


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
    # Segments share each draw of the parameters, but no customer: a sum of ends is too wide.
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


def test_segments_of_a_forecast_from_models_add_up(cdnow_purchases, cdnow_rfm) -> None:
    rfm = cdnow_rfm.take(slice(400))
    forecast = predict(cdnow_purchases, rfm, ["3 months", "1 year"], futures=200)
    with pytest.raises(SettingError, match=r'at\("1 year"\)\.by'):
        forecast.by(rfm.frequency)
    year = forecast.at("1 year")
    segments, total = year.by(np.minimum(rfm.frequency, 3)), year.total()
    np.testing.assert_allclose(sum(each.realised for each in segments.totals), total.realised, rtol=1e-12)
    np.testing.assert_allclose(sum(each.expected for each in segments.totals), total.expected, rtol=1e-12)
    for x in range(4):
        alone = predict(cdnow_purchases, rfm.take(np.minimum(rfm.frequency, 3) == x), "1 year", futures=200).total()
        np.testing.assert_allclose(segments[x].realised, alone.realised, rtol=1e-12)
        np.testing.assert_allclose(segments[x].expected, alone.expected, rtol=1e-12)


# --- segments of parts of a base -------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{}, {"uncertain": False}, {"points": True}, {"infinite": True}], ids=str)
def test_segments_of_halves_add_up_to_those_of_the_whole(settings, made) -> None:
    # North is in the first part alone, south in both, west in the second alone.
    first = np.flatnonzero((np.arange(N) % 3 == 0) | (np.arange(N) % 6 == 1))
    second = np.setdiff1d(np.arange(N), first)
    one, two = (made(order=part, **settings).by("region") for part in (first, second))
    assert one.names.tolist() == ["north", "south"]
    assert two.names.tolist() == ["south", "west"]
    found, whole = one + two, made(**settings).by("region")
    assert found.names.tolist() == whole.names.tolist()
    assert found.customers.tolist() == whole.customers.tolist()
    pd.testing.assert_frame_equal(found.frame(0.8), whole.frame(0.8), rtol=1e-13)
    if "points" not in settings:
        for name in whole.names:
            np.testing.assert_array_equal(found[name].realised, whole[name].realised)
    assert repr(found) == repr(whole) == "visits of 3 segments with 230 customers"


def test_segments_of_other_draws_or_of_another_quantity_do_not_add_up(made, cdnow_purchases, cdnow_rfm) -> None:
    few = cdnow_rfm.take(slice(6))
    labels = ["u", "v"] * 3
    one, fewer = (predict(cdnow_purchases, few, "1 year", futures=n).by(labels) for n in (30, 20))
    with pytest.raises(SettingError, match="do not share their draws and futures"):
        one + fewer
    with pytest.raises(SettingError, match="Segments of purchases and of visits do not add up"):
        one + made().by("region")


# --- labels ----------------------------------------------------------------------------------------------------------


def test_a_segment_may_be_any_column_of_the_rfm(cdnow_purchases_point) -> None:
    table = pd.DataFrame({"customer_id": [1, 2, 3], "frequency": 1, "recency": 5.0, "T": 9.0, "plan": [2, 10, 2]})
    rfm = RFM.from_frame(table, unit="week")
    found = predict(cdnow_purchases_point, rfm, "1 year", futures=20).by("plan").frame()
    assert found["segment"].tolist() == [2, 10]
    assert found["customers"].tolist() == [2, 1]


def test_unknown_segments_columns_and_shapes_are_refused(made) -> None:
    forecast = made()
    with pytest.raises(SettingError, match=r"no segment 'east'.*'north', 'south', 'west'"):
        forecast.by("region")["east"]
    with pytest.raises(SettingError, match=r"no column 'channel'\. Its columns are: region"):
        forecast.by("channel")
    for wrong in (["a", "b"], np.ones((N, 2))):
        with pytest.raises(SettingError, match=r"one label for each of the 230 customers|one value each"):
            forecast.by(wrong)


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_customers_without_a_segment_are_refused(missing, made) -> None:
    with pytest.raises(DataError, match=r"2 of 230 customers have no segment.*'unknown'"):
        made().by(np.array([missing, missing] + ["a"] * (N - 2), dtype=object))


def test_codes_are_in_the_order_of_the_names(some_customers) -> None:
    codes, names = segment_codes(some_customers(range(4)), ["b", "a", "c", "a"])
    assert names.tolist() == ["a", "b", "c"]
    assert codes.tolist() == [1, 0, 2, 0]


def test_a_series_of_segments_is_read_by_its_index(some_customers) -> None:
    rfm = some_customers("abc")
    labels = pd.Series(["x", "y", "y"], index=rfm.customer_id)
    for alike in (labels, labels.iloc[::-1], labels.reset_index(drop=True)):
        codes, names = segment_codes(rfm, alike)
        assert (codes.tolist(), names.tolist()) == ([0, 1, 1], ["x", "y"])
    for wrong, missing in (
        (labels.iloc[1:], 1),
        (labels.set_axis([7, 8, 9]), 3),
        (labels.set_axis(["a", "a", "b"]), 1),
        (labels.reset_index(drop=True).iloc[::-1], 3),
    ):
        with pytest.raises(SettingError, match=f"each customer's id, once; {missing} of 3 customers are not in it"):
            segment_codes(rfm, wrong)


def test_labels_of_two_types_stay_apart() -> None:
    rfm = RFM.from_frame(pd.DataFrame({"customer_id": [1, 2, 3], "frequency": 0, "recency": 0, "T": 5}), "week")
    codes, names = segment_codes(rfm, [1, "1", 1])
    assert (codes.tolist(), names.tolist()) == ([0, 1, 0], [1, "1"])
    with pytest.raises(DataError, match="1 of 3 customers have no segment"):
        segment_codes(rfm, [1, "1", np.nan])
    with pytest.raises(DataError, match="2 of 3 rows in column 'segment' hold values of the type list"):
        segment_codes(rfm, [[1], "1", [2]])
