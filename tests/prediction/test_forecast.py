"""Forecasts from a source whose numbers are known, and from models."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from clvmodels.errors import InfiniteMeanError, SettingError
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.gamma_gamma import GammaGamma
from clvmodels.prediction.forecast import Forecast
from clvmodels.prediction.predict import predict
from clvmodels.prediction.streams import OneHorizon, stream
from clvmodels.prediction.summaries import SD, Above, Known, KnownChunk, Mean, NoPurchase, Quantile
from clvmodels.valuation.plan import Plan
from clvmodels.valuation.value import value

EXPECTED = np.array([[1.0, 10, 3], [3, 30, 3]])  # two draws of the parameters
MEAN = np.array([2.5, 21, 3.5])  # a source may know a better mean than the average over the draws
REALISED = np.array([[0.0, 5, 1], [0, 20, 2], [4, 25, 3], [4, 40, 9]])  # four futures
PARTS = [np.array([2, 0]), np.array([1])]  # in two chunks, out of order


@pytest.fixture
def source(known):
    """Three customers."""

    def of(realised=True, **settings):
        futures = REALISED if realised else None
        return known(EXPECTED, futures, MEAN, PARTS, columns={"p_alive": np.arange(3) / 10}, **settings)

    return of


@pytest.fixture
def rfm(some_customers):
    return some_customers("abc")


@pytest.fixture
def made(rfm, source):
    return lambda **settings: Forecast(rfm, source(**settings), "visits", ("1 year",), 0)


@pytest.fixture
def two_horizons(rfm, known):
    source = known([EXPECTED, 2 * EXPECTED], [REALISED, REALISED + 1], parts=PARTS)
    return Forecast(rfm, source, "visits", ("6 months", "1 year"), 0)


def test_a_row_a_customer_in_the_order_of_the_rfm(made, rfm) -> None:
    pd.testing.assert_frame_equal(
        made().frame(),
        pd.DataFrame(
            {
                "customer_id": rfm.customer_id,
                "p_alive": [0.0, 0.1, 0.2],
                "visits_mean": [2.5, 21.0, 3.5],
                "visits_sd": [2.0, np.std([5, 20, 25, 40]), np.std([1, 2, 3, 9])],
                "visits_median": [0.0, 20.0, 2.0],
                "visits_lower": [0.0, 5.0, 1.0],
                "visits_upper": [4.0, 40.0, 9.0],
                "p_zero": [0.5, 0.0, 0.0],
            }
        ),
    )


def test_without_means_there_is_what_exists_without_them(made) -> None:
    whole, found = made().frame(), made().frame(means=False)
    assert list(found) == ["customer_id", "p_alive", "visits_median", "visits_lower", "visits_upper", "p_zero"]
    pd.testing.assert_frame_equal(found, whole[list(found)])


def test_the_total_adds_up_within_each_draw_and_each_future(made) -> None:
    total = made().total()
    assert total.mean == 27
    np.testing.assert_array_equal(total.expected, EXPECTED.sum(axis=1))
    np.testing.assert_array_equal(total.realised, REALISED.sum(axis=1))
    assert total.interval(0.5) == (6.0, 32.0)
    assert total.interval() == (6.0, 53.0)
    assert total.expected_interval() == (14.0, 36.0)
    assert "Total 27.0, 90 % interval of the realised sum 6.0 to 53.0, of the expected sum 14.0 to 36.0" in repr(total)


def test_intervals_of_other_levels_and_of_the_expected_value(made) -> None:
    forecast = made()
    half = forecast.interval(0.5)
    assert list(half) == ["customer_id", "lower", "upper"]
    assert half["customer_id"].tolist() == ["a", "b", "c"]
    assert half[["lower", "upper"]].to_numpy().tolist() == [[0, 4], [5, 25], [1, 3]]
    expected = forecast.expected_interval(0.9)
    assert expected[["lower", "upper"]].to_numpy().tolist() == [[1, 3], [10, 30], [3, 3]]


def test_quantiles_are_values_that_occurred(made) -> None:
    found = made().quantiles([0.25, 0.5, 0.999])
    assert list(found) == ["customer_id", "q25", "q50", "q99.9"]
    assert found.iloc[:, 1:].to_numpy().tolist() == [[0, 0, 4], [5, 20, 40], [1, 2, 9]]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        *(([0.5, probability], "between 0 and 1") for probability in (0.0, 1.0, 50, np.nan, "half")),
        ([], "between 0 and 1"),
        ("0.5", "between 0 and 1"),
        (None, "between 0 and 1"),
        ([0.5, 0.5], "probabilities of quantiles is named once"),
    ],
    ids=str,
)
def test_probabilities_that_are_none_are_refused(wrong, message, made) -> None:
    with pytest.raises(SettingError, match=message):
        made().quantiles(wrong)


def test_one_probability_is_one(made) -> None:
    assert list(made().quantiles(0.5)) == ["customer_id", "q50"]


def test_the_chance_to_exceed_a_threshold_is_the_share_of_futures_that_do(made) -> None:
    found = made().p_above(4)
    assert list(found) == ["customer_id", "p_above"]
    assert found["p_above"].tolist() == [0.0, 1.0, 0.25]  # four visits do not exceed four
    assert made().p_above(-1)["p_above"].tolist() == [1.0, 1.0, 1.0]


def test_each_customer_may_have_a_threshold_of_their_own(some_customers, source) -> None:
    own = [3.5, 20.0, 2.0]
    rfm = some_customers("abc", cost=own, whole=[3, 20, 2], label=["u", "v", "w"])
    forecast = Forecast(rfm, source(), "visits", ("1 year",), 0)
    for threshold in (own, np.array(own), "cost"):
        assert forecast.p_above(threshold)["p_above"].tolist() == [0.5, 0.5, 0.5]
    assert forecast.p_above("whole")["p_above"].tolist() == [0.5, 0.5, 0.5]
    several = forecast.p_above(own)["p_above"]
    for i, one in enumerate(own):
        assert forecast.p_above(one)["p_above"][i] == several[i]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.nan, "threshold is a finite number; threshold=nan is not"),
        (np.inf, "threshold is a finite number; threshold=inf is not"),
        (None, "threshold is a number, or an array of numbers; None is not"),
        (True, "threshold is a number, or an array of numbers; True is not"),
        ("a lot", r"no column 'a lot'\. Its columns are: region"),
        ("region", "threshold is a number, or an array of numbers; array"),
        (["a", 1, 2], r"threshold is a number, or an array of numbers; \['a', 1, 2\] is not"),
        ([1.0, 2.0], r"one for each of the 3 customers; these have the shape \(2,\), and 0 are not finite"),
        (np.ones((3, 1)), r"one for each of the 3 customers; these have the shape \(3, 1\)"),
        ([1.0, np.nan, np.inf], r"the shape \(3,\), and 2 are not finite"),
    ],
    ids=str,
)
def test_thresholds_of_another_kind_or_shape_are_refused(wrong, message, some_customers, source) -> None:
    forecast = Forecast(some_customers("abc", region=["u", "v", "w"]), source(), "visits", ("1 year",), 0)
    with pytest.raises(SettingError, match=message):
        forecast.p_above(wrong)
    assert forecast.source.runs == 0


@pytest.mark.parametrize("level", [0.0, 1.0, 90, -0.5, np.nan])
def test_a_level_outside_0_and_1_is_refused(level, made) -> None:
    forecast = made()
    for ask in (forecast.interval, forecast.expected_interval, forecast.total().interval):
        with pytest.raises(SettingError, match="between 0 and 1"):
            ask(level)


def test_point_parameters_have_no_interval_of_the_expected_value(made) -> None:
    forecast = made(uncertain=False)
    for ask in (forecast.expected_interval, forecast.total().expected_interval):
        with pytest.raises(SettingError, match=r"method=clv\.Laplace\(\)"):
            ask(0.9)
    assert "expected sum" not in repr(forecast.total())
    assert forecast.interval().shape == (3, 3)


def test_a_source_without_futures_has_no_realised_value(made) -> None:
    forecast = made(realised=False)
    assert list(forecast.frame()) == ["customer_id", "p_alive", "visits_mean"]
    for ask in (forecast.interval, forecast.total().interval, forecast.p_above, lambda p: forecast.quantiles([p])):
        with pytest.raises(SettingError, match=r"Use expected_interval\(\)"):
            ask(0.9)
    assert forecast.total().realised is None
    assert repr(forecast.total()) == "Total 27.0, of the expected sum 14.0 to 36.0"


def test_infinite_means_are_refused_and_the_rest_is_given(made) -> None:
    forecast, finite = made(infinite=True), made()
    for ask in (forecast.frame, forecast.expected_interval, forecast.contributions):
        with pytest.raises(InfiniteMeanError, match="infinite"):
            ask()
    with pytest.raises(InfiniteMeanError, match=r"use interval\(\)"):
        forecast.total().mean  # noqa: B018 -- it raises
    with pytest.raises(InfiniteMeanError, match=r"use interval\(\)"):
        forecast.total().expected_interval()
    pd.testing.assert_frame_equal(forecast.frame(means=False), finite.frame(means=False))
    pd.testing.assert_frame_equal(forecast.interval(), finite.interval())
    assert forecast.total().interval() == finite.total().interval()
    assert repr(forecast.total()) == "Total 90 % interval of the realised sum 6.0 to 53.0"
    assert list(forecast.by(["u", "v", "u"]).frame()) == ["segment", "customers", "visits_lower", "visits_upper"]


def test_progress_is_told_of_every_customer_once(made) -> None:
    told = []
    made().frame(progress=told.append)
    assert told == [2, 1]
    told.clear()
    made().summarize({"half": Quantile(0.5)}, progress=told.append)
    assert told == [2, 1]
    by = []
    made().by(["u", "v", "u"], progress=by.append)
    assert by == [2, 1]


# --- what is kept ----------------------------------------------------------------------------------------------------

EVERY = {
    "alive": Known("p_alive"),
    "mean": Mean(),
    "low": Quantile(0.05),
    "half": Quantile(0.5),
    "odd": Quantile(0.3),
    "expected": Quantile(0.05, "expected"),
    "sd": SD(),
    "zero": NoPurchase(),
    "above": Above(2.0),
}


def test_the_table_and_the_total_take_one_pass_and_what_is_kept_takes_none(rfm, source) -> None:
    counting = source()
    forecast = Forecast(rfm, counting, "visits", ("1 year",), 0)
    forecast.frame()
    assert (counting.runs, counting.asked) == (1, len(PARTS))
    forecast.total()
    forecast.frame(means=False)
    forecast.frame()
    forecast.interval()
    forecast.quantiles([0.5])
    forecast.summarize({"half": Quantile(0.5), "zero": NoPurchase(), "mean": Mean(), "alive": Known("p_alive")})
    repr(forecast)
    assert (counting.runs, counting.asked) == (1, len(PARTS))
    forecast.interval(0.5)
    assert counting.runs == 2
    forecast.interval(0.5)
    forecast.quantiles([0.25, 0.75])
    assert counting.runs == 2


def test_the_total_first_takes_no_more_passes(rfm, source) -> None:
    counting = source()
    forecast = Forecast(rfm, counting, "visits", ("1 year",), 0)
    forecast.total()
    forecast.frame()
    assert (counting.runs, counting.asked) == (1, len(PARTS))


def test_many_summaries_take_one_pass(rfm, source) -> None:
    counting = source()
    forecast = Forecast(rfm, counting, "visits", ("1 year",), 0)
    found = forecast.summarize(EVERY)
    assert list(found) == ["customer_id", *EVERY]
    assert (counting.runs, counting.asked) == (1, len(PARTS))
    forecast.total()
    forecast.summarize(EVERY)
    assert counting.runs == 1  # the pass kept the total, too
    forecast.summarize(EVERY | {"other": Quantile(0.7)})
    assert counting.runs == 2
    alone = {
        name: Forecast(rfm, source(), "visits", ("1 year",), 0).summarize({name: of}) for name, of in EVERY.items()
    }
    for name, table in alone.items():
        pd.testing.assert_frame_equal(table, found[["customer_id", name]], check_exact=True)


def test_the_pass_for_segments_keeps_the_summaries_too(rfm, source) -> None:
    counting = source()
    forecast = Forecast(rfm, counting, "visits", ("1 year",), 0)
    forecast.by(["u", "v", "u"])
    forecast.frame()
    forecast.total()
    assert counting.runs == 1
    forecast.contributions()
    assert counting.runs == 2


def test_many_summaries_of_models_in_one_pass_are_those_of_a_pass_each(cdnow_purchases, cdnow_rfm) -> None:
    rfm, horizons = cdnow_rfm.take(slice(200)), ["3 months", "1 year"]

    def fresh():
        return predict(cdnow_purchases, rfm, horizons, futures=150, seed=2)

    found, key = fresh().summarize(EVERY), ["customer_id", "horizon"]
    for name, summary in EVERY.items():
        pd.testing.assert_frame_equal(fresh().summarize({name: summary}), found[[*key, name]], check_exact=True)
    frame = fresh().frame()
    for name, column in [
        ("alive", "p_alive"),
        ("mean", "purchases_mean"),
        ("low", "purchases_lower"),
        ("half", "purchases_median"),
        ("sd", "purchases_sd"),
        ("zero", "p_zero"),
    ]:
        assert frame[column].tolist() == found[name].tolist()
    assert fresh().quantiles([0.3])["q30"].tolist() == found["odd"].tolist()
    assert fresh().interval(0.9)["lower"].tolist() == found["low"].tolist()
    assert fresh().expected_interval(0.9)["lower"].tolist() == found["expected"].tolist()
    assert fresh().p_above(2.0)["p_above"].tolist() == found["above"].tolist()


def test_a_name_that_the_source_does_not_know_is_refused(made, cdnow_purchases_point, cdnow_rfm) -> None:
    with pytest.raises(SettingError, match="knows no p_alvie; it knows: p_alive"):
        made().summarize({"alive": Known("p_alvie")})
    endless = predict(cdnow_purchases_point, cdnow_rfm, ["1 year", "infinite"], futures=5, discount=0.1)
    with pytest.raises(SettingError, match="knows no expected_purchases; it knows: p_alive, p_purchase"):
        endless.summarize({"purchases": Known("expected_purchases")})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ((1.5,), "probabilities of quantiles lie between 0 and 1"),
        ((0,), "probabilities of quantiles lie between 0 and 1"),
        (([0.1, 0.5],), "probabilities of quantiles lie between 0 and 1"),
        ((0.5, "both"), "over = 'both' is not known. Use one of: 'realised', 'expected'"),
    ],
)
def test_a_quantile_that_cannot_be_is_refused(settings, message) -> None:
    with pytest.raises(SettingError, match=message):
        Quantile(*settings)


def test_a_source_of_one_horizon_refuses_nothing_and_knows_no_draws() -> None:
    class Two(OneHorizon):
        def parts(self):
            return [np.array([1]), np.array([0])]

        def chunks(self, part):
            return [KnownChunk(part, part.astype(float), np.ones((1, 1)))]

    source = Two()
    source.refuse_infinite_means()
    assert not source.uncertain
    assert source.at(0) is source
    assert [x.tolist() for x in stream(source, lambda chunks: chunks[0].customers)] == [[1], [0]]


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_what_a_stream_yields_comes_in_the_order_of_its_parts(threads) -> None:
    class Many(OneHorizon):
        def parts(self):
            return (np.array([i]) for i in range(50))

        def chunks(self, part):
            return [KnownChunk(part, part.astype(float), np.ones((1, 1)))]

    source = Many()
    source.threads = threads
    assert list(stream(source, lambda chunks: float(chunks[0].mean[0]))) == list(range(50))


# --- several horizons ------------------------------------------------------------------------------------------------


def test_several_horizons_have_a_row_a_customer_and_horizon(two_horizons, rfm) -> None:
    frame = two_horizons.frame()
    assert list(frame)[:2] == ["customer_id", "horizon"]
    assert frame["customer_id"].tolist() == [*rfm.customer_id, *rfm.customer_id]
    assert frame["horizon"].tolist() == ["6 months"] * 3 + ["1 year"] * 3
    assert frame["visits_mean"].tolist() == [2, 20, 3, 4, 40, 6]
    assert frame["visits_median"].tolist() == [0, 20, 2, 1, 21, 3]
    assert two_horizons.interval(0.5)["upper"].tolist() == [4, 25, 3, 5, 26, 4]
    assert two_horizons.p_above(3)["p_above"].tolist() == [0.5, 1, 0.25, 0.5, 1, 0.5]


def test_one_of_several_horizons_is_the_forecast_within_it(two_horizons, rfm, known) -> None:
    for i, horizon in enumerate(("6 months", "1 year")):
        alone = Forecast(rfm, known((1 + i) * EXPECTED, REALISED + i), "visits", (horizon,), 0)
        found = two_horizons.at(horizon)
        pd.testing.assert_frame_equal(found.frame(), alone.frame())
        pd.testing.assert_frame_equal(found.interval(0.5), alone.interval(0.5))
        pd.testing.assert_frame_equal(found.expected_interval(), alone.expected_interval())
        assert found.total().realised.tolist() == alone.total().realised.tolist()
        segments, own = (f.by(["u", "v", "u"]).frame() for f in (found, alone))
        pd.testing.assert_frame_equal(segments, own)
        pd.testing.assert_frame_equal(found.contributions([0.5]).frame(), alone.contributions([0.5]).frame())
        assert repr(found) == f"Forecast of visits within {horizon} for 3 customers"


def test_what_one_horizon_shows_is_kept_for_all(two_horizons) -> None:
    first, second = two_horizons.at("6 months"), two_horizons.at("1 year")
    first.frame()
    second.total()
    two_horizons.frame()
    assert two_horizons.source.runs == 1
    assert first.source.runs == second.source.runs == 0


def test_what_all_horizons_have_shown_is_kept_for_each(two_horizons) -> None:
    before = two_horizons.at("1 year")
    every = two_horizons.summarize({"odd": Quantile(0.3), "above": Above(3.0)})
    two_horizons.frame()
    assert two_horizons.source.runs == 2
    for one in (before, two_horizons.at("1 year")):
        assert one.quantiles([0.3])["q30"].tolist() == every["odd"][3:].tolist()
        one.interval()
        one.total()
        assert one.source.runs == 0
        one.interval(0.5)
        assert one.source.runs == 1
    assert two_horizons.source.runs == 2


def test_one_horizon_may_show_anything_first(two_horizons) -> None:
    one = two_horizons.at("1 year")
    half, frame = one.interval(0.5), one.frame()
    pd.testing.assert_frame_equal(frame, two_horizons.frame()[3:].drop(columns="horizon").reset_index(drop=True))
    assert half["upper"].tolist() == [5, 26, 4]
    pd.testing.assert_frame_equal(one.interval(0.5), half)
    assert (one.source.runs, two_horizons.source.runs) == (1, 1)


def test_one_horizon_of_models_shows_what_all_of_them_do_to_the_last_bit(valued) -> None:
    whole = valued("3 months", "1 year")
    table, interval = whole.frame(), whole.interval(0.5)
    for horizon in whole.horizons:
        one = whole.at(horizon)
        for found, every in ((one.frame(), table), (one.interval(0.5), interval)):
            own = every[every["horizon"] == horizon].drop(columns="horizon").reset_index(drop=True)
            pd.testing.assert_frame_equal(found, own, check_exact=True)


def test_a_horizon_is_named_by_any_words_for_it(two_horizons) -> None:
    for words in ("1 year", "12 months", "365.25 days", timedelta(days=365.25)):
        assert two_horizons.at(words).horizons == ("1 year",)
    with pytest.raises(SettingError, match=r"'2 years' is not among the horizons .*: 6 months, 1 year"):
        two_horizons.at("2 years")


@pytest.mark.parametrize("odd", ["1.1 weeks", timedelta(days=10, seconds=12345), "100.3 hours"])
def test_odd_horizons_are_found_again(odd, cdnow_purchases_point, cdnow_rfm) -> None:
    forecast = predict(cdnow_purchases_point, cdnow_rfm.take(slice(3)), [odd, "1 year"], futures=5)
    pd.testing.assert_frame_equal(forecast.at(odd).frame(), forecast.frame()[:3].drop(columns="horizon"))


def test_sums_ask_which_of_several_horizons_is_meant(two_horizons) -> None:
    for name, ask in [
        ("total", two_horizons.total),
        ("by", lambda: two_horizons.by(["u", "v", "u"])),
        ("contributions", two_horizons.contributions),
    ]:
        with pytest.raises(SettingError, match=rf'6 months, 1 year\. .* at\("1 year"\)\.{name}\(\.\.\.\)'):
            ask()


# --- frames, a part of the customers at a time -----------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_frames_are_the_frame_in_parts(size, made) -> None:
    parts = list(made().frames(size))
    assert [len(part) for part in parts[:-1]] == [size] * (len(parts) - 1)
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), made().frame())


def test_how_many_customers_a_part_has_may_be_numpys_number(made) -> None:
    assert [len(part) for part in made().frames(np.int64(2))] == [2, 1]


@pytest.fixture(scope="module")
def valued(cdnow_purchases, cdnow_spend, cdnow_rfm):
    place = np.arange(300)
    columns = {"rate": np.where(place < 150, 0.0, 0.1), "high": np.where(place < 150, 0.3, 0.1)}
    columns["share"] = np.random.default_rng(0).random(300)
    rfm = cdnow_rfm.take(slice(300))
    table = rfm.frame().assign(**columns)
    base = type(rfm).from_frame(table, unit="week")

    def of(*horizons, **settings):
        plan = Plan(horizons, **({"discount": "rate", "margin": "share", "cost_to_serve": 2} | settings))
        return value(cdnow_purchases, cdnow_spend, base, plan, futures=60, seed=3)

    return of


@pytest.mark.parametrize("settings", [{}, {"discount": 0.1, "cost_per_purchase": 5}])
def test_frames_of_a_valuation_are_its_frame_in_parts(settings, valued) -> None:
    found = valued("1 year", **settings)
    parts = list(found.frames(70))
    assert [len(part) for part in parts] == [70, 70, 70, 70, 20]
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), found.frame(), check_exact=True)


def test_frames_of_several_horizons_have_all_horizons_of_a_part(valued) -> None:
    found = valued("3 months", "1 year")
    parts = list(found.frames(200))
    assert [len(part) for part in parts] == [400, 200]
    key = ["customer_id", "horizon"]
    together = pd.concat(parts).set_index(key).loc[list(found.frame().set_index(key).index)].reset_index()
    pd.testing.assert_frame_equal(together, found.frame(), check_exact=True)


def test_frames_of_one_of_several_horizons_are_its_frame_in_parts(valued) -> None:
    found = valued("3 months", "1 year").at("3 months")
    found.frame()
    together = pd.concat(found.frames(70), ignore_index=True)
    pd.testing.assert_frame_equal(together, found.frame(), check_exact=True)


def test_frames_of_an_endless_horizon_are_the_frame_in_parts(valued) -> None:
    found = valued("infinite", discount="high")
    together = pd.concat(found.frames(70), ignore_index=True)
    pd.testing.assert_frame_equal(together, found.frame(), check_exact=True)


# --- spend whose mean is infinite under some draws -------------------------------------------------------------------


@pytest.fixture(scope="module")
def wild(as_fit, cdnow_rfm):
    """Customers of whom those who bought once have no mean spend under a quarter of the draws."""
    purchases, n = BGNBD(0.2426, 4.4136, 0.7929, 2.4259), 200
    several = BGNBD(*(np.full((n, 1), value) for value in purchases.values().values()))
    q = np.where(np.arange(n) % 4, 1.3, 0.8)[:, None]
    spend = GammaGamma(np.full((n, 1), 6.25), q, np.full((n, 1), 15.0))
    fits = as_fit(purchases, several), as_fit(GammaGamma(6.25, 1.2, 15.0), spend)
    rfm = cdnow_rfm.take(slice(120))
    return value(*fits, rfm, Plan("1 year", margin=0.5), futures=200), rfm


def test_infinite_means_are_refused_with_the_share_of_customers_and_draws(wild) -> None:
    found, rfm = wild
    once = int((rfm.frequency == 0).sum())
    assert 20 < once < 110
    message = rf"{once} of 120 customers .* {100 * once / 120 / 4:.3g} % of all pairs"
    for ask in (found.frame, found.expected_interval, found.contributions, lambda: next(found.frames(120))):
        with pytest.raises(InfiniteMeanError, match=message):
            ask()


def test_where_means_are_infinite_there_are_medians_and_intervals(wild) -> None:
    found, _ = wild
    frame = found.frame(means=False)
    assert list(frame) == ["customer_id", "p_alive", "expected_purchases", *_QUANTILES, "p_zero", "past_value"]
    assert np.isfinite(frame.iloc[:, 1:].to_numpy()).all()
    interval = found.interval()
    assert interval["upper"].tolist() == frame["money_upper"].tolist()
    assert interval["lower"].tolist() == frame["money_lower"].tolist()
    lower, upper = found.total().interval(0.8)
    assert 0 < lower < upper < np.inf
    sums = stream(found.forecast.source, lambda chunks: chunks[0].realised.sum(axis=1))
    np.testing.assert_allclose(found.total().realised, sum(sums), rtol=1e-12)
    parts = pd.concat(found.frames(50, means=False), ignore_index=True)
    pd.testing.assert_frame_equal(parts, frame, check_exact=True)


_QUANTILES = ["money_median", "money_lower", "money_upper"]


@pytest.mark.parametrize("size", [0, -1, 1.5, True])
def test_parts_have_a_whole_number_of_customers(made, size) -> None:
    with pytest.raises(SettingError, match=f"customers is a whole number from 1 up; customers={size} is not"):
        made().frames(size)


def test_no_spread_is_shown_where_the_variance_is_infinite(as_fit, cdnow_rfm) -> None:
    heavy = as_fit(GammaGamma(6.25, 1.5, 15.0))
    fits = as_fit(BGNBD(0.2426, 4.4136, 0.793, 2.4259)), heavy
    frame = value(*fits, cdnow_rfm.take(slice(9)), Plan("1 year"), futures=20).frame()
    assert "money_sd" not in frame
    assert "money_mean" in frame
    repeat = cdnow_rfm.take(np.flatnonzero(cdnow_rfm.frequency > 0)[:9])
    assert "money_sd" in value(*fits, repeat, Plan("1 year"), futures=20).frame()
