"""Sources of forecasts: from models and from fits, chunk by chunk, and what each chunk knows."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from clvmodels.data.histories import Histories
from clvmodels.data.rfm import RFM
from clvmodels.errors import FitError, InfiniteMeanError, SettingError
from clvmodels.inference.fit import fit
from clvmodels.inference.methods import Laplace, MaximumLikelihood
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.gamma_gamma import GammaGamma
from clvmodels.models.nbd import NBD
from clvmodels.prediction import source as module
from clvmodels.prediction.expected import expected_purchases
from clvmodels.prediction.forecast import Forecast
from clvmodels.prediction.predict import predict
from clvmodels.prediction.source import ModelSource, from_fits, model_rows, require_fit
from clvmodels.prediction.summaries import Mean, Quantile
from clvmodels.prediction.terms import WORTHLESS, Terms
from clvmodels.units import durations

QUARTER, YEAR = 365.25 / 28, 365.25 / 7


@pytest.fixture(scope="module")
def some(cdnow_rfm):
    return cdnow_rfm.take(slice(120))


def terms(rfm, delta=0.0, margin=1.0, cost=0.0, fixed_cost=0.0):
    return Terms(*(np.full(len(rfm), value) for value in (delta, margin, cost, fixed_cost)))


def from_models(purchases, spend, rfm, t=(YEAR,), futures=60, **brings):
    """Return the source of a forecast from models that are no fits."""
    brings = terms(rfm, **brings)
    uncertain = purchases.draws > 1
    return ModelSource(purchases, spend, rfm, t, brings, futures, 7, uncertain, threads=1, discounted=brings.discounted)


def forecast(source, quantity="money"):
    return Forecast(source.rfm, source, quantity, tuple(f"{t} weeks" for t in source.t), source.seed)


# --- from models and from fits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("of_money", [False, True])
def test_plain_models_forecast_as_their_fits_do(of_money, cdnow_purchases, cdnow_spend, some) -> None:
    spend = cdnow_spend if of_money else None
    brings = {"delta": 0.002, "margin": 0.3, "cost": 1.5, "fixed_cost": 0.1} if of_money else {}
    of_fits = from_fits(
        *(cdnow_purchases, spend, some, durations(["3 months", "1 year"]), terms(some, **brings)),
        futures=60,
        seed=7,
        threads=1,
    )
    models = [None if of is None else of.draws.take(slice(60)) for of in (cdnow_purchases, spend)]
    of_models = from_models(*models, some, (QUARTER, YEAR), **brings)
    assert of_fits.uncertain
    assert of_fits.t == of_models.t
    one, other = forecast(of_fits), forecast(of_models)
    pd.testing.assert_frame_equal(one.frame(), other.frame(), check_exact=True)
    pd.testing.assert_frame_equal(one.expected_interval(), other.expected_interval(), check_exact=True)
    for i in (0, 1):
        np.testing.assert_array_equal(one.within(i).total().realised, other.within(i).total().realised)
        np.testing.assert_array_equal(one.within(i).total().expected, other.within(i).total().expected)


def test_models_of_plain_numbers_forecast_as_a_point_does(as_fit, some) -> None:
    models = BGNBD(0.24, 4.4, 0.79, 2.4), GammaGamma(6.25, 3.74, 15.44)
    of_fits = from_fits(*(*map(as_fit, models), some, durations("1 year"), terms(some)), futures=60, seed=7, threads=1)
    of_models = from_models(*models, some)
    assert not of_fits.uncertain
    pd.testing.assert_frame_equal(forecast(of_fits).frame(), forecast(of_models).frame(), check_exact=True)


def test_a_model_under_which_recency_matters_forecasts_each_history(recency_model, some) -> None:
    model = recency_model(np.full((3, 1), 0.24), np.array([[4.0], [5.0], [6.0]]), np.full((3, 1), 0.8), 2.4)
    found = forecast(from_models(model, None, some, futures=6000), "purchases")
    draws = expected_purchases(model, some, YEAR)
    np.testing.assert_allclose(found.frame()["purchases_mean"], draws.mean(axis=0), rtol=1e-14)
    lower = found.expected_interval()["lower"]
    np.testing.assert_array_equal(lower, np.sort(draws, axis=0)[0])
    total = found.total()
    assert abs(total.realised.mean() - total.mean) < 4 * total.realised.std() / np.sqrt(6000)
    everyone = Histories(some.frequency, some.recency, some.T)
    buys = model.probability_alive(everyone) * model.future(everyone).at_least(np.ones(()), YEAR)
    np.testing.assert_allclose(found.frame()["p_purchase"], buys.mean(axis=0), rtol=1e-14)
    part = forecast(from_models(model, None, some.take(slice(30, 40)), futures=6000), "purchases")
    pd.testing.assert_frame_equal(part.frame(), found.frame()[30:40].reset_index(drop=True), check_exact=True)


def test_each_group_is_forecast_by_its_own_parameters(some, monkeypatch) -> None:
    group = np.arange(120) % 2
    r, alpha = np.array([[0.2, 0.5], [0.3, 0.6]]), np.array([[4.0, 9.0], [5.0, 8.0]])
    spend = GammaGamma(*(np.full((2, 1), value) for value in (6.25, 3.74, 15.44)))
    alone = [
        forecast(from_models(BGNBD(r[:, [g]], alpha[:, [g]], 0.8, 2.4), spend, some.take(group == g), delta=0.002))
        for g in (0, 1)
    ]
    base = some.take(slice(None))
    merged = Histories.merge(some.frequency, some.recency, some.T, group)
    monkeypatch.setitem(vars(base), "histories", merged)
    found = forecast(from_models(BGNBD(r, alpha, 0.8, 2.4), spend, base, delta=0.002))
    for g in (0, 1):
        own, frame = found.frame()[group == g].reset_index(drop=True), alone[g].frame()
        pd.testing.assert_frame_equal(own, frame, rtol=1e-9)
        np.testing.assert_array_equal(own["money_upper"], frame["money_upper"])


def test_a_point_and_draws_are_refused_together(cdnow_purchases, cdnow_spend_point, cdnow_rfm, some) -> None:
    few = fit(GammaGamma, cdnow_rfm, Laplace(draws=50))
    arguments = some, durations("1 year"), terms(some)
    for spend, futures in ((cdnow_spend_point, 60), (cdnow_spend_point, 1), (few, 60)):
        with pytest.raises(SettingError, match=r"equally many draws .* clv\.Laplace\(draws=1000\)"):
            from_fits(cdnow_purchases, spend, *arguments, futures=futures, seed=0, threads=1)
    assert from_fits(cdnow_purchases, few, *arguments, futures=50, seed=0, threads=1).purchases.draws == 50


def test_draws_come_in_the_unit_of_the_customers(cdnow_rfm, cdnow_purchases, cdnow_purchases_point) -> None:
    assert model_rows(cdnow_purchases, cdnow_rfm, "purchases").draws == 1000
    assert model_rows(cdnow_purchases, cdnow_rfm, "purchases", 30).draws == 30
    point = model_rows(cdnow_purchases_point, replace(cdnow_rfm, unit="day"), "purchases")
    assert point.draws == 1
    assert point.alpha == pytest.approx(np.array([[7 * cdnow_purchases_point.estimate.alpha]]), rel=1e-14)


def test_what_cannot_be_relied_on_is_refused(cdnow_rfm, cdnow_purchases, cdnow_spend) -> None:
    with pytest.raises(
        SettingError, match=r"purchases is not the fit of a model of purchases, such as clv\.fit\(clv\.BG"
    ):
        require_fit(cdnow_spend, "purchases")
    with pytest.raises(SettingError, match=r"spend is not the fit of a model of spend, such as clv\.fit\(clv\.GammaG"):
        require_fit(cdnow_purchases, "spend")
    with pytest.raises(SettingError, match="purchases is not the fit"):
        require_fit(BGNBD, "purchases")
    with pytest.raises(SettingError, match="Customers come as an RFM, and this is a DataFrame"):
        model_rows(cdnow_purchases, cdnow_rfm.frame(), "purchases")
    few = cdnow_rfm.take(cdnow_rfm.frequency == 0)
    with pytest.raises(FitError, match="all bought once"):
        model_rows(fit(BGNBD, few, MaximumLikelihood()), few, "purchases")


# --- chunks ----------------------------------------------------------------------------------------------------------


def test_parts_have_each_customer_once_in_the_order_of_their_histories(some, monkeypatch) -> None:
    monkeypatch.setattr(module, "_CELLS", 1200)
    source = from_models(NBD(0.385, 12.07), None, some, (QUARTER, YEAR))
    parts = list(source.parts())
    assert [len(part) for part in parts] == [10] * 12  # 60 futures of two horizons each
    together = np.concatenate(parts)
    assert sorted(together) == list(range(120))
    assert (np.diff(some.histories.row[together]) >= 0).all()
    monkeypatch.setattr(module, "_CELLS", 1)
    assert [len(part) for part in source.parts()] == [1] * 120


def test_a_chunk_has_the_quantity_under_each_draw_and_in_each_future(some) -> None:
    models = NBD(np.array([[0.3], [0.4]]), np.full((2, 1), 12.0)), GammaGamma(6.25, np.array([[3.7], [4.0]]), 15.44)
    brings = {"delta": 0.002, "margin": 0.3, "cost": 1.5, "fixed_cost": 0.1}
    source = from_models(*models, some, (QUARTER, YEAR), **brings)
    part = np.array([5, 80, 3])
    few = some.take(part)
    each = models[1].value(**models[1].observed(few)).mean()
    for chunk, t in zip(source.chunks(part), source.t, strict=True):
        assert chunk.customers is part
        fixed = 0.1 * (1 - np.exp(-0.002 * t)) / 0.002
        expected = expected_purchases(models[0], few, t, 0.002) * (0.3 * each - 1.5) - fixed
        np.testing.assert_allclose(chunk.expected, expected, rtol=1e-12)
        np.testing.assert_allclose(chunk.mean, expected.mean(axis=0), rtol=1e-12)
        assert chunk.realised.shape == chunk.gross.shape == (60, 3)
        np.testing.assert_allclose(chunk.gross - chunk.realised, fixed, rtol=1e-12)
        np.testing.assert_allclose(chunk.column("expected_spend"), each.mean(axis=0), rtol=1e-14)


KNOWN = {
    "purchases": ({"p_alive": False, "p_purchase": False}, {}),
    "discounted purchases": (
        {"p_alive": False, "p_purchase": False},
        {"expected_purchases": False},
    ),
    "money": ({"p_alive": False, "expected_spend": True}, {"expected_purchases": False}),
    "discounted money": (
        {"p_alive": False, "expected_spend": True, "discounted_purchases": False},
        {"expected_purchases": False},
    ),
}


@pytest.mark.parametrize("quantity", KNOWN)
def test_what_is_known_depends_on_the_quantity_and_on_the_end_of_the_horizon(quantity, some) -> None:
    spend = GammaGamma(6.25, 3.74, 15.44) if "money" in quantity else None
    delta = 0.002 if "discounted" in quantity else 0.0
    source = from_models(BGNBD(0.24, 4.4, 0.79, 2.4), spend, some, (YEAR, np.inf), delta=delta)
    always, with_an_end = KNOWN[quantity]
    assert source.known == [always | with_an_end, always]
    assert source.at(1).known == [always]
    one, _ = source.chunks(np.arange(120))
    for name in source.known[0]:
        column = one.column(name)
        assert column.shape == (120,)
        assert np.isfinite(column).all()


def test_discounted_purchases_of_different_interest_are_each_customers_own(some) -> None:
    model, spend = BGNBD(0.24, 4.4, 0.79, 2.4), GammaGamma(6.25, 3.74, 15.44)
    own = terms(some)._replace(delta=np.arange(120) % 3 / 1000)
    source = ModelSource(model, spend, some, (YEAR,), own, 20, 7, uncertain=False, threads=1, discounted=True)
    (chunk,) = source.chunks(np.arange(120))
    for i in range(3):
        alike = own.delta == i / 1000
        expected = expected_purchases(model, some, YEAR, i / 1000)[0]
        np.testing.assert_array_equal(chunk.column("discounted_purchases")[alike], expected[alike])


# --- means that are infinite -----------------------------------------------------------------------------------------


def test_infinite_means_are_counted_in_customers_and_draws(some) -> None:
    q = np.array([[1.3], [0.8], [1.1], [2.5]])
    source = from_models(NBD(np.full((4, 1), 0.4), 12.0), GammaGamma(6.25, q, 15.44), some)
    once = int((some.frequency == 0).sum())
    share = f"{100 * once / 120 / 4:.3g} %"
    with pytest.raises(InfiniteMeanError, match=rf"Gamma-Gamma: {once} of 120 customers .* {share} of all pairs"):
        source.refuse_infinite_means()
    assert not source.finite_variance
    repeat = replace(source, rfm=some.take(some.frequency > 0))
    repeat.refuse_infinite_means()
    assert repeat.finite_variance
    finite = replace(source, spend=GammaGamma(6.25, 1 + q, 15.44))
    finite.refuse_infinite_means()
    assert not finite.finite_variance
    from_models(NBD(0.4, 12.0), None, some).refuse_infinite_means()


# --- settings --------------------------------------------------------------------------------------------------------


def test_some_of_the_customers_keep_their_numbers(some) -> None:
    source = from_models(BGNBD(0.24, 4.4, 0.79, 2.4), GammaGamma(6.25, 3.74, 15.44), some, (QUARTER, YEAR))
    wanted = {"mean": Mean(), "low": Quantile(0.1)}
    whole, part = forecast(source).summarize(wanted), forecast(source.take(slice(20, 50))).summarize(wanted)
    of_part = whole[whole["customer_id"].isin(some.customer_id[20:50])].reset_index(drop=True)
    pd.testing.assert_frame_equal(part, of_part, check_exact=True)


def test_an_endless_horizon_needs_interest_of_everybody(cdnow_purchases_point, some) -> None:
    own = terms(some)._replace(delta=np.where(np.arange(120) < 119, 0.002, 0.0))
    with pytest.raises(SettingError, match="An infinite horizon needs a discount"):
        from_fits(cdnow_purchases_point, None, some, durations("infinite"), own, futures=9, seed=0, threads=1)


# --- what would take hours --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "t", "delta", "futures", "message"),
    [
        (
            NBD(0.4, 12.0),
            1e9,
            0.0,
            1000,
            r"There would be some [\d,]+ billion purchases to simulate, in 1,000 futures of",
        ),
        (
            NBD(0.4, 12.0),
            np.inf,
            1e-9,
            1000,
            r"alone buys some [\d,]+ times in each. More than 100 billion are refused.",
        ),
        (BGNBD(0.24, 4.4, 0.79, 2.4), 1e9, 0.0, 10**7, "Name a nearer horizon, a higher discount or fewer futures, or"),
    ],
)
def test_what_would_take_hours_is_refused_with_an_estimate(some, model, t, delta, futures, message) -> None:
    source = from_models(model, None, some, (YEAR, t), delta=delta, futures=futures)
    with pytest.raises(SettingError, match=message):
        source.refuse_hours()


def test_the_estimate_is_what_is_simulated(some, monkeypatch) -> None:
    for t, delta in ((YEAR, 0.0), (np.inf, 0.02)):
        source = from_models(NBD(0.4, 12.0), None, some, (t,), delta=delta)
        endless = source if delta == 0 else from_models(NBD(0.4, 12.0), None, some, (WORTHLESS / delta,))
        bought = sum(float(chunk.gross.sum()) for part in endless.parts() for chunk in endless.chunks(part))
        expected = source.futures * len(some) + bought
        monkeypatch.setattr(module, "_MOST", 1.1 * expected)
        source.refuse_hours()
        monkeypatch.setattr(module, "_MOST", 0.9 * expected)
        with pytest.raises(SettingError, match="There would be some"):
            source.refuse_hours()


def test_a_customer_who_bought_a_billion_times_is_named(cdnow_purchases_point) -> None:
    frame = {"customer_id": ["often", "once"], "frequency": [10**9, 0], "recency": [39.0, 0.0], "T": [39.0, 39.0]}
    rfm = RFM.from_frame(pd.DataFrame(frame), unit="week")
    with pytest.raises(SettingError, match=r"some 857 billion purchases .* 2 customers; 'often' alone buys some 857,"):
        predict(cdnow_purchases_point, rfm, "1 year")
