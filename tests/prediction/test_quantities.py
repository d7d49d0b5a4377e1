"""P(alive) and the distribution of purchases: published numbers, the forecast's own, and the same in any company."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from clvmodels.data.histories import Histories
from clvmodels.data.rfm import RFM
from clvmodels.errors import SettingError, UnitError
from clvmodels.inference.fit import fit
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.mbg_nbd import MBGNBD
from clvmodels.models.nbd import NBD
from clvmodels.models.pareto_nbd import ParetoNBD
from clvmodels.prediction import blocks
from clvmodels.prediction.expected import expected_purchases
from clvmodels.prediction.predict import predict
from clvmodels.prediction.quantities import probability_alive, probability_of_purchases, purchase_distribution


@pytest.fixture(scope="module")
def some(cdnow_rfm):
    return cdnow_rfm.take(slice(0, None, 12))


@pytest.fixture(scope="module", params=[BGNBD, MBGNBD, ParetoNBD, NBD])
def fitted(request, cdnow_rfm):
    return fit(request.param, cdnow_rfm)


def customers(*histories):
    frequency, recency, T = zip(*histories, strict=True)
    columns = {"customer_id": range(len(histories)), "frequency": frequency, "recency": recency, "T": T}
    return RFM.from_frame(pd.DataFrame(columns), unit="week")


def histories_of(rfm):
    return Histories(rfm.frequency, rfm.recency, rfm.T)


# --- alive ---------------------------------------------------------------------------------------------------------


def test_the_published_probability_to_be_alive(as_fit, oracle) -> None:
    published = oracle("bg_nbd")
    found = as_fit(BGNBD(*published["btyd_parameters"]["values"]))
    customer = published["probability_alive"]
    table = probability_alive(found, customers([customer[name] for name in ("x", "t_x", "T")])).frame()
    assert list(table) == ["customer_id", "p_alive"]  # a point has no draws
    assert table["p_alive"][0] == pytest.approx(customer["value"], abs=1.5e-7)


def test_alive_is_the_mean_over_the_draws_with_their_interval(fitted, some) -> None:
    table, draws = probability_alive(fitted, some).frame(), fitted.draws
    alive = np.broadcast_to(draws.probability_alive(histories_of(some)), (draws.draws, len(some)))
    assert table["customer_id"].tolist() == some.customer_id.tolist()
    np.testing.assert_allclose(table["p_alive"], alive.mean(axis=0), rtol=1e-12)
    lower, upper = np.quantile(alive, [0.05, 0.95], axis=0, method="inverted_cdf")
    np.testing.assert_allclose(table["p_alive_lower"], lower, rtol=1e-12)
    np.testing.assert_allclose(table["p_alive_upper"], upper, rtol=1e-12)


def test_later_is_the_product_with_the_survival_of_each_draw(fitted, some) -> None:
    histories, draws = histories_of(some), fitted.draws
    later = draws.probability_alive(histories) * draws.future(histories).survival(26.0)
    table = probability_alive(fitted, some, after="26 weeks").frame()
    np.testing.assert_allclose(table["p_alive"], later.mean(axis=0), rtol=1e-8)
    np.testing.assert_allclose(table["p_alive_upper"], np.sort(later, axis=0)[949], rtol=1e-8)


def test_a_list_of_durations_gives_a_long_table(cdnow_purchases, some) -> None:
    table = probability_alive(cdnow_purchases, some, after=["26 weeks", timedelta(days=364)]).frame()
    assert list(table) == ["customer_id", "after", "p_alive", "p_alive_lower", "p_alive_upper"]
    assert len(table) == 2 * len(some)
    for name, part in table.groupby("after", sort=False):
        alone = probability_alive(cdnow_purchases, some, after=name).frame()
        pd.testing.assert_frame_equal(part.drop(columns="after").reset_index(drop=True), alone, check_exact=True)
    assert table["after"].unique().tolist() == ["26 weeks", "52 weeks"]


def test_who_cannot_drop_out_remains(cdnow_rfm) -> None:
    table = probability_alive(fit(NBD, cdnow_rfm), cdnow_rfm, after="50 years").frame()
    assert (table[["p_alive", "p_alive_lower", "p_alive_upper"]] == 1).all(axis=None)


# --- purchases -----------------------------------------------------------------------------------------------------


def test_the_published_distribution_of_a_new_customer(as_fit, oracle) -> None:
    published = oracle("bg_nbd")
    found = as_fit(BGNBD(*published["fhl_parameters"]["values"]))
    for t, k, value in published["count_probabilities"]["rows"]:
        table = purchase_distribution(found, customers((0, 0.0, 0.0)), f"{t} weeks", most=k + 1).frame()
        assert table[f"p_{k}"][0] == pytest.approx(value, rel=1e-6)


def test_the_distribution_sums_to_one_and_has_the_expected_mean(fitted, some) -> None:
    table = purchase_distribution(fitted, some, "39 weeks").frame()
    assert list(table) == ["customer_id", *(f"p_{k}" for k in range(10)), "p_10_or_more"]
    np.testing.assert_allclose(table.iloc[:, 1:].sum(axis=1), 1, atol=1e-9)
    heaviest = some.take(np.argsort(-some.frequency)[:3])
    far = purchase_distribution(fitted, heaviest, "39 weeks", most=150).frame()
    assert (far["p_150_or_more"] < 1e-9).all()
    mean = far.iloc[:, 1:].to_numpy() @ np.arange(151)
    exact = expected_purchases(fitted.draws, heaviest, 39.0).mean(axis=0)
    np.testing.assert_allclose(mean, exact, rtol=1e-7)


def test_at_least_is_what_the_distribution_and_the_forecast_say(fitted, some) -> None:
    table = purchase_distribution(fitted, some, "39 weeks", most=3).frame()
    for k in (1, 2, 3):
        found = probability_of_purchases(fitted, some, "39 weeks", at_least=k).frame()
        assert list(found) == ["customer_id", f"p_{k}_or_more"]
        np.testing.assert_allclose(found[f"p_{k}_or_more"], 1 - table.iloc[:, 1 : 1 + k].sum(axis=1), atol=1e-9)
    assert found["p_3_or_more"].tolist() == table["p_3_or_more"].tolist()
    once = probability_of_purchases(fitted, some, "39 weeks").frame()
    forecast = predict(fitted, some, "39 weeks", futures=1000).frame()
    np.testing.assert_allclose(once["p_1_or_more"], forecast["p_purchase"], rtol=1e-7)


def test_even_a_tiny_probability_has_its_digits(cdnow_purchases, some) -> None:
    rare = probability_of_purchases(cdnow_purchases, some, "1 day", at_least=20).frame()["p_20_or_more"]
    one_by_one = purchase_distribution(cdnow_purchases, some, "1 day", most=60).frame()
    assert rare.max() < 1e-12
    assert (rare > 0).all()
    np.testing.assert_allclose(rare, one_by_one.loc[:, "p_20":].sum(axis=1), rtol=1e-9)


@pytest.mark.parametrize("model", [BGNBD, MBGNBD])
def test_customers_lived_event_by_event_buy_as_often_as_expected(model, population, as_fit) -> None:
    theta = (0.6, 6.0, 0.9, 3.0)
    base = population(20_000, theta, seed=5, at_once=model is MBGNBD)
    expected = purchase_distribution(as_fit(model(*theta)), base.rfm, "39 weeks", most=4).frame().iloc[:, 1:].to_numpy()
    happened = np.minimum(base.count, 4)[:, None] == np.arange(5)
    recent = base.rfm.recency > 0.7 * base.rfm.T
    for group in (base.rfm.frequency == 0, (base.rfm.frequency > 0) & recent, (base.rfm.frequency > 0) & ~recent):
        error = np.sqrt((expected * (1 - expected))[group].sum(axis=0))
        assert (np.abs((happened - expected)[group].sum(axis=0)) < 4 * error).all()


# --- the same numbers for the same customer ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ask",
    [
        probability_alive,
        lambda found, rfm: probability_alive(found, rfm, "26 weeks"),
        lambda found, rfm: purchase_distribution(found, rfm, "39 weeks", most=3),
        lambda found, rfm: probability_of_purchases(found, rfm, "39 weeks", 2),
    ],
    ids=["now", "later", "distribution", "at least"],
)
def test_order_company_and_blocks_change_nothing(ask, fitted, some, monkeypatch) -> None:
    table = ask(fitted, some).frame()
    order = np.random.default_rng(2).permutation(len(some))
    for rows in (order, np.array([30]), np.arange(0, len(some), 7)):
        found = ask(fitted, some.take(rows)).frame()
        pd.testing.assert_frame_equal(found, table.loc[rows].reset_index(drop=True), check_exact=True)
    monkeypatch.setattr(blocks, "_CELLS", 3000)
    pd.testing.assert_frame_equal(ask(fitted, some).frame(), table, check_exact=True)


def test_days_and_weeks_are_the_same_time(fitted, some) -> None:
    daily = replace(some, unit="day")
    for ask in (
        lambda rfm: probability_alive(fitted, rfm, "26 weeks"),
        lambda rfm: purchase_distribution(fitted, rfm, "273 days", most=3),
    ):
        np.testing.assert_allclose(ask(daily).frame().iloc[:, 1:], ask(some).frame().iloc[:, 1:], rtol=1e-9)


# --- what a table says of itself -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ask", "what", "horizon"),
    [
        (probability_alive, "probability to be alive", None),
        (lambda *of: probability_alive(*of, after="26 weeks"), "probability to be alive", "26 weeks"),
        (lambda *of: probability_alive(*of, after=["1 year", "26 weeks"]), "probability to be alive", "1 year"),
        (lambda *of: purchase_distribution(*of, "39 weeks"), "probability of every number of purchases", "39 weeks"),
        (lambda *of: probability_of_purchases(*of, "39 weeks", 2), "probability of 2 purchases or more", "39 weeks"),
    ],
    ids=["now", "later", "several", "distribution", "at least"],
)
def test_a_table_says_what_it_is_of(ask, what, horizon, cdnow_purchases, cdnow_purchases_point, some) -> None:
    found = ask(cdnow_purchases, some)
    assert (found.what, found.model, found.unit, found.horizon) == (what, "BG/NBD", "week", horizon)
    assert (found.cut_off, found.draws_of) == (date(1997, 9, 30), "posterior")
    assert repr(found).startswith(what.capitalize())
    up_to = "" if horizon is None else f" up to {horizon}"
    assert f"{up_to} after 1997-09-30 by BG/NBD, time in weeks, averaged over the posterior" in repr(found)
    unknown = ask(cdnow_purchases_point, replace(some, unit="day", observed_until=None))
    assert (unknown.unit, unknown.cut_off, unknown.draws_of) == ("day", None, None)


# --- settings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda fitted, rfm: probability_alive(fitted, rfm, 26), UnitError, "not a duration"),
        (lambda fitted, rfm: probability_alive(fitted, rfm, []), SettingError, "list of durations is empty"),
        (lambda fitted, rfm: probability_alive(fitted, rfm, "infinite"), SettingError, "time with an end"),
        (lambda fitted, rfm: purchase_distribution(fitted, rfm, "infinite"), SettingError, "time with an end"),
        (lambda fitted, rfm: purchase_distribution(fitted, rfm, "1 year", 0), SettingError, "from 1 up; most=0 is not"),
        (lambda fitted, rfm: purchase_distribution(fitted, rfm, "1 year", True), SettingError, "most=True is not"),
        (lambda fitted, rfm: probability_of_purchases(fitted, rfm, "1 year", 1.5), SettingError, "at_least=1.5 is not"),
    ],
)
def test_impossible_settings_are_refused(ask, error, message, cdnow_purchases, some) -> None:
    with pytest.raises(error, match=message):
        ask(cdnow_purchases, some)


def test_numpys_whole_numbers_are_whole_numbers(cdnow_purchases_point, some) -> None:
    fitted = cdnow_purchases_point
    for ask, number in ((purchase_distribution, 3), (probability_of_purchases, 2)):
        one, other = (ask(fitted, some, "1 year", kind(number)).frame() for kind in (int, np.int64))
        pd.testing.assert_frame_equal(one, other, check_exact=True)
