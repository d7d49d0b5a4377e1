"""Summaries of a forecast, from a recipe whose numbers are known."""

import numpy as np
import pandas as pd
import pytest

from clvmodels.data.rfm import RFM
from clvmodels.errors import SettingError
from clvmodels.prediction.forecast import Chunk, Forecast, Total, ends, quantile

EXPECTED = np.array([[1.0, 10, 3], [3, 30, 3]])  # two draws of the parameters
MEAN = np.array([2.5, 21, 3.5])  # a recipe may know a better mean than the average over the draws
REALISED = np.array([[0.0, 5, 1], [0, 20, 2], [4, 25, 3], [4, 40, 9]])  # four futures


class Known:
    """Three customers in two chunks, out of order."""

    def __init__(self, uncertain=True, realised=True):
        self.uncertain, self.realised = uncertain, realised

    def chunks(self):
        for customers in (np.array([2, 0]), np.array([1])):
            realised = REALISED[:, customers] if self.realised else None
            yield Chunk(customers, MEAN[customers], EXPECTED[:, customers], realised, {"p_alive": customers / 10})


@pytest.fixture
def rfm():
    return RFM.from_frame(
        pd.DataFrame({"customer_id": ["a", "b", "c"], "frequency": 0, "recency": 0.0, "T": 9.0}), unit="week"
    )


def test_a_row_a_customer_in_the_order_of_the_rfm(rfm) -> None:
    frame = Forecast(rfm, Known(), "visits").frame()
    pd.testing.assert_frame_equal(
        frame,
        pd.DataFrame(
            {
                "customer_id": rfm.customer_id,
                "p_alive": [0.0, 0.1, 0.2],
                "visits_mean": [2.5, 21.0, 3.5],
                "visits_median": [0.0, 20.0, 2.0],
                "visits_lower": [0.0, 5.0, 1.0],
                "visits_upper": [4.0, 40.0, 9.0],
                "p_zero": [0.5, 0.0, 0.0],
            }
        ),
    )


def test_the_total_adds_up_within_each_draw_and_each_future(rfm) -> None:
    total = Forecast(rfm, Known(), "visits").total()
    assert total.mean == 27
    np.testing.assert_array_equal(total.expected, EXPECTED.sum(axis=1))
    np.testing.assert_array_equal(total.realised, REALISED.sum(axis=1))
    assert total.interval(0.5) == (6.0, 32.0)
    assert total.interval() == (6.0, 53.0)
    assert total.expected_interval() == (14.0, 36.0)
    assert "Total 27.0, 90 % interval of the realised sum 6.0 to 53.0, of the expected sum 14.0 to 36.0" in repr(total)


def test_intervals_of_other_levels_and_of_the_expected_value(rfm) -> None:
    forecast = Forecast(rfm, Known(), "visits")
    half = forecast.interval(0.5)
    assert list(half) == ["customer_id", "lower", "upper"]
    assert half["customer_id"].tolist() == ["a", "b", "c"]
    assert half[["lower", "upper"]].to_numpy().tolist() == [[0, 4], [5, 25], [1, 3]]
    expected = forecast.expected_interval(0.9)
    assert expected[["lower", "upper"]].to_numpy().tolist() == [[1, 3], [10, 30], [3, 3]]


@pytest.mark.parametrize("level", [0.0, 1.0, 90, -0.5, np.nan])
def test_a_level_outside_0_and_1_is_refused(level, rfm) -> None:
    forecast = Forecast(rfm, Known(), "visits")
    for ask in (forecast.interval, forecast.expected_interval, forecast.total().interval):
        with pytest.raises(SettingError, match="between 0 and 1"):
            ask(level)


def test_point_parameters_have_no_interval_of_the_expected_value(rfm) -> None:
    forecast = Forecast(rfm, Known(uncertain=False), "visits")
    for ask in (forecast.expected_interval, forecast.total().expected_interval):
        with pytest.raises(SettingError, match=r"method=clv\.Laplace\(\)"):
            ask(0.9)
    assert "expected sum" not in repr(forecast.total())
    assert forecast.interval().shape == (3, 3)


def test_a_recipe_without_futures_has_no_realised_value(rfm) -> None:
    forecast = Forecast(rfm, Known(realised=False), "visits")
    assert list(forecast.frame()) == ["customer_id", "p_alive", "visits_mean"]
    for ask in (forecast.interval, forecast.total().interval):
        with pytest.raises(SettingError, match=r"Use expected_interval\(\)"):
            ask(0.9)
    assert forecast.total().realised is None
    assert repr(forecast.total()) == "Total 27.0, of the expected sum 14.0 to 36.0"


def test_progress_is_told_of_every_customer_once(rfm) -> None:
    told = []
    Forecast(rfm, Known(), "visits").summarize(progress=told.append)
    assert told == [2, 1]


def test_summaries_are_streamed_once(rfm) -> None:
    class Counting(Known):
        runs = 0

        def chunks(self):
            Counting.runs += 1
            return super().chunks()

    forecast = Forecast(rfm, Counting(), "visits")
    forecast.summarize()
    forecast.frame()
    forecast.total()
    repr(forecast)
    assert Counting.runs == 1
    forecast.interval(0.5)
    assert Counting.runs == 2


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
    np.testing.assert_array_equal(quantile(np.sort(REALISED, axis=0), 0.5), [0, 20, 2])


def test_ends_leave_equal_shares_outside() -> None:
    assert ends(0.90) == pytest.approx((0.05, 0.95))


def test_a_total_of_one_customer_is_that_customer() -> None:
    total = Total(2.0, EXPECTED[:, 0], REALISED[:, 0], uncertain=True)
    assert total.interval(0.5) == (0.0, 4.0)
