"""Differences of forecasts: future by future, as chance is the same on both sides."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from clvmodels.errors import InfiniteMeanError, SettingError
from clvmodels.inference.fit import fit
from clvmodels.models.gamma_gamma import GammaGamma
from clvmodels.models.pareto_nbd import ParetoNBD
from clvmodels.prediction import source as module
from clvmodels.prediction.forecast import Forecast
from clvmodels.prediction.predict import predict
from clvmodels.prediction.streams import stream
from clvmodels.prediction.summaries import Known, Quantile
from clvmodels.valuation.plan import Plan
from clvmodels.valuation.simple_formula import SimpleFormula
from clvmodels.valuation.value import value

HORIZONS = ["3 months", "1 year"]


@pytest.fixture(scope="module")
def some(cdnow_rfm):
    return cdnow_rfm.take(slice(150))


@pytest.fixture(scope="module")
def valued(cdnow_purchases, cdnow_spend, some):
    """Return a function that values the same customers under a plan."""

    def of(horizon=HORIZONS, rfm=some, futures=60, seed=3, **plan):
        return value(cdnow_purchases, cdnow_spend, rfm, Plan(horizon, **plan), futures=futures, seed=seed, threads=1)

    return of


def drawn(forecast, name):
    """Return what the chunks of one horizon hold, ``(draws or futures, customers)``."""
    parts = list(stream(forecast.source, lambda chunks: (chunks[0].customers, getattr(chunks[0], name))))
    found = np.empty((len(parts[0][1]), len(forecast.rfm)))
    for customers, values in parts:
        found[:, customers] = values
    return found


def test_a_forecast_says_nothing_more_than_itself(valued) -> None:
    one = valued(discount=0.1, margin=0.3, cost_per_purchase=2, cost_to_serve=9)
    found = one - one
    assert repr(found) == "Forecast of clv_difference within 3 months, 1 year for 150 customers"
    frame = found.frame()
    values = ["mean", "sd", "median", "lower", "upper"]
    assert list(frame) == ["customer_id", "horizon", *(f"clv_difference_{name}" for name in values), "p_zero"]
    assert (frame[[f"clv_difference_{name}" for name in values]] == 0).all(axis=None)
    assert (frame["p_zero"] == 1).all()
    for interval in (found.interval(), found.expected_interval()):
        assert (interval[["lower", "upper"]] == 0).all(axis=None)
    total = found.at("1 year").total()
    assert total.mean == 0
    assert total.expected.tolist() == total.realised.tolist() == [0.0] * 60
    assert total.interval() == total.expected_interval() == (0.0, 0.0)


def test_a_margin_brings_its_share_of_every_future(valued) -> None:
    more, less = (valued("1 year", discount=0.1, margin=margin) for margin in (0.3, 0.2))
    found = more - less
    for name in ("realised", "expected"):
        whole = drawn(more.forecast, name)
        assert (whole > 0).any(axis=0).all()
        np.testing.assert_allclose(drawn(found, name), whole / 3, rtol=1e-12)
    frame, whole = found.frame(), more.frame()
    np.testing.assert_allclose(frame["clv_difference_mean"], whole["clv_mean"] / 3, rtol=1e-12)
    for name in ("sd", "median", "lower", "upper"):
        np.testing.assert_allclose(frame[f"clv_difference_{name}"], whole[f"clv_{name}"] / 3, rtol=1e-12)
    assert frame["p_zero"].tolist() == whole["p_zero"].tolist()
    total, of_whole = found.total(), more.total()
    np.testing.assert_allclose(total.realised, of_whole.realised / 3, rtol=1e-12)
    assert total.mean == pytest.approx(of_whole.mean / 3, rel=1e-12)
    assert total.interval() == pytest.approx(tuple(end / 3 for end in of_whole.interval()), rel=1e-12)


def test_a_cost_to_serve_is_the_same_in_every_future(valued) -> None:
    found = valued("1 year") - valued("1 year", cost_to_serve=12)
    np.testing.assert_allclose(drawn(found, "realised"), 12.0, rtol=1e-9)
    np.testing.assert_allclose(found.frame()["money_difference_mean"], 12.0, rtol=1e-9)


def test_a_what_if_is_narrower_than_what_it_is_the_difference_of(valued) -> None:
    base, change = valued("1 year", margin=0.3), valued("1 year", margin=0.3, cost_per_purchase=1)
    found, one, other = (of.total() for of in (change - base, change, base))
    np.testing.assert_allclose(found.realised, one.realised - other.realised, rtol=1e-9)
    np.testing.assert_allclose(found.expected, one.expected - other.expected, rtol=1e-9)
    assert np.ptp(found.interval()) < 0.2 * np.ptp(one.interval())


def test_the_other_way_round_it_is_its_negative(valued) -> None:
    one, other = valued("1 year", margin=0.3), valued("1 year", margin=0.2, cost_per_purchase=1)
    there, back = one - other, other - one
    np.testing.assert_array_equal(drawn(there, "realised"), -drawn(back, "realised"))
    np.testing.assert_array_equal(
        there.frame()["money_difference_mean"], -back.frame()["money_difference_mean"].to_numpy()
    )


def test_another_model_and_other_histories_of_the_same_customers_may_be_subtracted(cdnow_purchases, cdnow_rfm, some):
    other = fit(ParetoNBD, cdnow_rfm)
    # Other histories of the same customers are in another order; their numbers are theirs all the same.
    rng = np.random.default_rng(1)
    moved = replace(some, frequency=1 + rng.permutation(150), recency_days=some.T_days / 2)
    one = predict(cdnow_purchases, some, "1 year", futures=60)
    for right in (predict(other, some, "1 year", futures=60), predict(cdnow_purchases, moved, "1 year", futures=60)):
        found = one - right
        assert found.quantity == "purchases_difference"
        difference = one.frame()["purchases_mean"] - right.frame()["purchases_mean"]
        np.testing.assert_array_equal(found.frame()["purchases_difference_mean"], difference)
        np.testing.assert_array_equal(drawn(found, "realised"), drawn(one, "realised") - drawn(right, "realised"))
        np.testing.assert_array_equal(drawn(found, "expected"), drawn(one, "expected") - drawn(right, "expected"))


def test_horizons_parts_chunks_and_threads_change_nothing(valued, monkeypatch) -> None:
    found = valued(margin=0.3) - valued(margin=0.2)
    frame = found.frame()
    for horizon in HORIZONS:
        own = frame[frame["horizon"] == horizon].drop(columns="horizon").reset_index(drop=True)
        alone = valued(horizon, margin=0.3) - valued(horizon, margin=0.2)
        pd.testing.assert_frame_equal(found.at(horizon).frame(), own, check_exact=True)
        pd.testing.assert_frame_equal(alone.frame(), own, rtol=1e-9)
    one = found.at("1 year")
    parts = pd.concat(one.frames(70), ignore_index=True)
    pd.testing.assert_frame_equal(parts, one.frame(), rtol=1e-9)
    monkeypatch.setattr(module, "_CELLS", 1000)
    left, right = (replace(valued(margin=margin).forecast.source, threads=2) for margin in (0.3, 0.2))
    assert len(list(left.parts())) > 15
    again = replace(valued(margin=0.3).forecast, source=left) - replace(valued(margin=0.2).forecast, source=right)
    pd.testing.assert_frame_equal(again.frame(), frame, check_exact=True)


def test_a_difference_has_segments_and_thresholds_but_no_shares_of_losses(valued) -> None:
    found = valued("1 year", margin=0.2) - valued("1 year", margin=0.3)
    segments = found.by(["u", "v", "w"] * 50)
    np.testing.assert_allclose(sum(of.realised for of in segments.totals), found.total().realised, rtol=1e-12)
    assert list(segments.frame())[2] == "money_difference_mean"
    loses = found.p_above(-1e-9)["p_above"]
    assert loses.tolist() == found.frame()["p_zero"].tolist()
    with pytest.raises(SettingError, match="nothing to take shares of"):
        found.contributions()


def test_what_is_known_of_a_customer_is_no_difference(valued) -> None:
    found = valued(margin=0.3) - valued(margin=0.2)
    assert found.source.known == [{}, {}]
    with pytest.raises(SettingError, match="knows no p_alive; it knows: nothing"):
        found.summarize({"alive": Known("p_alive")})


def test_a_difference_of_what_is_expected_alone_says_nothing_of_what_happens(some) -> None:
    one, other = (SimpleFormula(gap=gap).predict(some, "1 year", resamples=40) for gap in ("13 weeks", "20 weeks"))
    found = one - other
    assert list(found.frame()) == ["customer_id", "purchases_difference_mean"]
    np.testing.assert_allclose(found.total().expected, one.total().expected - other.total().expected, rtol=1e-9)
    with pytest.raises(SettingError, match=r"Use expected_interval\(\)"):
        found.interval()


def test_points_have_no_interval_of_the_expected_difference(cdnow_purchases, cdnow_purchases_point, some) -> None:
    point, draws = (predict(of, some, "1 year", futures=60) for of in (cdnow_purchases_point, cdnow_purchases))
    with pytest.raises(SettingError, match=r"point.*Laplace"):
        (point - point).expected_interval()
    # A point is taken from every draw.
    found = drawn(draws - point, "expected")
    np.testing.assert_array_equal(found, drawn(draws, "expected") - drawn(point, "expected"))
    lower = (draws - point).expected_interval()["lower"]
    assert lower.tolist() == np.sort(found, axis=0)[2].tolist()


def test_where_either_mean_is_infinite_that_of_the_difference_is(known, some_customers) -> None:
    numbers = np.array([[1.0, 10, 3], [3, 30, 3]]), np.arange(12.0).reshape(4, 3)
    rfm = some_customers("abc")
    finite, infinite = (
        Forecast(rfm, known(*numbers, infinite=infinite), "visits", ("1 year",), 0) for infinite in (False, True)
    )
    for found in (finite - infinite, infinite - finite):
        with pytest.raises(InfiniteMeanError, match="Some means are infinite"):
            found.frame()
        frame = found.frame(means=False)
        names = ["visits_difference_median", "visits_difference_lower", "visits_difference_upper", "p_zero"]
        assert list(frame) == ["customer_id", *names]
        assert not found.source.finite_variance


def test_each_side_is_streamed_once(known, some_customers) -> None:
    numbers = np.array([[1.0, 10, 3], [3, 30, 3]]), np.arange(12.0).reshape(4, 3)
    left, right = (known(*numbers, parts=[np.array([2, 0]), np.array([1])]) for _ in range(2))
    rfm = some_customers("abc")
    found = Forecast(rfm, left, "visits", ("1 year",), 0) - Forecast(rfm, right, "visits", ("1 year",), 0)
    found.frame()
    found.total()
    found.summarize({"half": Quantile(0.5)})
    assert left.asked == right.asked == 2


# --- what is not paired ----------------------------------------------------------------------------------------------


def test_forecasts_of_other_seeds_customers_or_horizons_are_refused(valued, some) -> None:
    one = valued()
    for other in (
        valued(seed=4),
        valued(rfm=some.take(slice(149))),
        valued(rfm=some.take(np.arange(150)[::-1])),
        valued("1 year"),
        valued(["3 months", "2 years"]),
        one.at("1 year"),
    ):
        for subtract in (lambda other=other: one - other, lambda other=other: other - one):
            with pytest.raises(SettingError, match="same customers, horizons and seed have paired futures to subtract"):
                subtract()


@pytest.mark.parametrize("fewer", [1, 30])
def test_forecasts_of_another_number_of_futures_are_refused(fewer, valued) -> None:
    found = valued("1 year") - valued("1 year", futures=fewer)
    for ask in (found.frame, found.interval, found.total, lambda: found.p_above(1.0)):
        with pytest.raises(SettingError, match=rf"60 .* {fewer}\. Forecast both with the same futures="):
            ask()


def test_forecasts_of_other_draws_are_refused(cdnow_purchases, cdnow_spend, some) -> None:
    plan = Plan("1 year")
    spend = replace(cdnow_spend, sample=cdnow_spend.sample.take(slice(20)))
    purchases = replace(cdnow_purchases, sample=cdnow_purchases.sample.take(slice(20)))
    assert isinstance(spend.draws, GammaGamma)
    one = value(cdnow_purchases, cdnow_spend, some, plan, futures=60)
    found = one - value(purchases, spend, some, plan, futures=60)
    with pytest.raises(SettingError, match=r"60 .* 20.*fits with equally many draws"):
        found.expected_interval()
