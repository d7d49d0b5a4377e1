"""Remaining lifetimes and next purchases: identities, customers lived event by event, and the same in any company."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq

from clvmodels.data.histories import Histories
from clvmodels.data.rfm import RFM
from clvmodels.errors import InfiniteMeanError, SettingError
from clvmodels.inference.fit import fit
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.mbg_nbd import MBGNBD
from clvmodels.models.nbd import NBD
from clvmodels.models.pareto_nbd import ParetoNBD
from clvmodels.prediction import blocks
from clvmodels.prediction.times import mean_remaining_lifetime, next_purchase, remaining_lifetime

SHORT = {BGNBD: (2.0, 6.0, 3.0, 6.0), MBGNBD: (2.0, 6.0, 3.0, 6.0), ParetoNBD: (2.0, 6.0, 3.0, 60.0)}


@pytest.fixture(scope="module")
def some(cdnow_rfm):
    return cdnow_rfm.take(slice(0, None, 12))


@pytest.fixture(scope="module", params=[BGNBD, MBGNBD, ParetoNBD])
def fitted(request, cdnow_rfm):
    return fit(request.param, cdnow_rfm)


def one(rfm, i):
    return Histories(rfm.frequency[i], rfm.recency[i], rfm.T[i])


# --- lifetimes -----------------------------------------------------------------------------------------------------


def test_with_all_draws_the_quantile_is_where_the_mean_survival_says(fitted, some) -> None:
    table, draws = remaining_lifetime(fitted, some, (0.3, 0.8), draws=1000).frame(), fitted.draws
    for i in range(0, len(some), 25):
        future, alive = draws.future(one(some, i)), draws.probability_alive(one(some, i))
        assert table["p_alive"][i] == pytest.approx(alive.mean(), rel=1e-12)
        for level in (0.3, 0.8):
            found = table[f"lifetime_q{100 * level:.0f}"][i]
            if alive.mean() <= 1 - level:
                assert found == 0
                continue

            def excess(log_t, future=future, alive=alive, level=level):
                return np.mean(alive * future.survival(np.exp(log_t))) - (1 - level)

            assert found == pytest.approx(np.exp(brentq(excess, -30, 200, xtol=1e-12)), rel=1e-4)


def test_some_of_the_draws_say_nearly_the_same(fitted, cdnow_rfm) -> None:
    some, every = (remaining_lifetime(fitted, cdnow_rfm, draws=draws).frame() for draws in (100, 1000))
    np.testing.assert_array_equal(some["p_alive"], every["p_alive"])
    few, all_ = some.iloc[:, 2:].to_numpy(), every.iloc[:, 2:].to_numpy()
    np.testing.assert_array_equal(few > 0, all_ > 0)
    assert (np.diff(few, axis=1) >= 0).all()
    with np.errstate(invalid="ignore", divide="ignore"):
        assert np.nanmax(np.abs(few / all_ - 1)) < 0.08


def lived(model, theta, customers, seed, end=2000.0):
    """An RFM of customers lived event by event, how long after T each remained one, and when they bought next."""
    rng = np.random.default_rng(seed)
    r, alpha, a, b = theta
    rate, leave = np.maximum(rng.gamma(r, 1 / alpha, customers), 1e-3), np.full(customers, np.inf)
    stop = rng.beta(a, b, customers) if model is not ParetoNBD else np.zeros(customers)
    if model is ParetoNBD:
        leave = rng.exponential(1 / rng.gamma(a, 1 / b, customers))
    T, who, now = rng.uniform(10, 50, customers), np.arange(customers), np.zeros(customers)
    x, t_x, next_, gone = np.zeros(customers, int), np.zeros(customers), np.full(customers, np.inf), leave.copy()
    if model is MBGNBD:
        at_once = rng.random(customers) < stop
        gone[at_once] = 0.0
        who = who[~at_once]
    while len(who):
        now[who] += rng.exponential(1 / rate[who])
        who = who[(now[who] < leave[who]) & (now[who] < end)]
        early = now[who] <= T[who]
        x[who[early]] += 1
        t_x[who[early]] = now[who[early]]
        next_[who[~early]] = np.minimum(next_[who[~early]], now[who[~early]])
        stops = rng.random(len(who)) < stop[who]
        gone[who[stops]] = now[who[stops]]
        who = who[~stops]
    table = pd.DataFrame({"customer_id": np.arange(customers), "frequency": x, "recency": t_x, "T": T})
    return RFM.from_frame(table, unit="week"), np.maximum(gone - T, 0), next_ - T


@pytest.mark.parametrize("model", SHORT)
def test_customers_lived_event_by_event_remain_as_long_and_buy_as_soon_as_expected(model, as_fit) -> None:
    rfm, remained, bought = lived(model, SHORT[model], 20_000, seed=3)
    found = as_fit(model(*SHORT[model]))
    table = remaining_lifetime(found, rfm, (0.25, 0.5, 0.75)).frame()
    for level in (0.25, 0.5, 0.75):
        quantile = table[f"lifetime_q{100 * level:.0f}"].to_numpy()
        asked = quantile > 0
        assert asked.sum() > 300
        error = np.sqrt(level * (1 - level) / asked.sum())
        assert np.mean(remained[asked] <= quantile[asked]) == pytest.approx(level, abs=4 * error)
    again = next_purchase(found, rfm).frame()
    known = again["median_time"].notna().to_numpy()
    by_then = bought[known] <= again["median_time"][known].to_numpy(dtype=float)
    assert by_then.mean() == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(known.sum()))
    p_never = again["p_never"].to_numpy()
    surprise = np.isinf(bought) - p_never
    assert abs(surprise.sum()) < 4 * np.sqrt((p_never * (1 - p_never)).sum())


@pytest.mark.parametrize("model", SHORT)
def test_the_mean_lifetime_is_that_of_the_quantiles(model, as_fit, some) -> None:
    found = as_fit(model(*SHORT[model]))
    few = some.take((remaining_lifetime(found, some).frame()["p_alive"] > 0.4).to_numpy())
    mean = mean_remaining_lifetime(found, few).frame()
    assert list(mean) == ["customer_id", "lifetime_mean"]
    assert len(mean) > 20
    # The integral of the quantile by its level 1 - exp(-v), v from 0 to 14, in steps of 1/20 as it has a kink.
    v = np.arange(0.025, 14, 0.05)
    quantiles = remaining_lifetime(found, few, 1 - np.exp(-v)).frame().iloc[:, 2:].to_numpy()
    np.testing.assert_allclose(mean["lifetime_mean"], 0.05 * quantiles @ np.exp(-v), rtol=0.005)


def test_a_mean_that_is_infinite_is_refused_with_the_share_of_the_draws(fitted, cdnow_rfm) -> None:
    shape = fitted.draws.s if isinstance(fitted.draws, ParetoNBD) else fitted.draws.a
    returned = cdnow_rfm.take(cdnow_rfm.frequency > 0)
    with pytest.raises(InfiniteMeanError, match=r"quantiles.*remaining_lifetime.*probability_alive") as raised:
        mean_remaining_lifetime(fitted, returned)
    share = f"infinite under up to {100 * np.mean(shape <= 1):.3g} % of the draws"
    assert f"of 946 of 946 customers is {share}" in str(raised.value)


def test_a_mean_that_is_infinite_at_a_point_names_the_customers(as_fit, cdnow_rfm) -> None:
    with pytest.raises(InfiniteMeanError, match=r"of 1,411 of 2,357 customers is infinite under the estimate"):
        mean_remaining_lifetime(as_fit(BGNBD(0.5, 6.0, 3.0, 6.0)), cdnow_rfm)


def test_where_nobody_drops_out_there_is_no_lifetime(cdnow_rfm) -> None:
    found = fit(NBD, cdnow_rfm)
    for ask in (remaining_lifetime, mean_remaining_lifetime):
        with pytest.raises(SettingError, match="Under NBD nobody ever drops out"):
            ask(found, cdnow_rfm)


def test_a_quantile_beyond_any_horizon_is_infinite(as_fit, some) -> None:
    newest = some.take(some.frequency == 0)
    table = remaining_lifetime(as_fit(BGNBD(0.001, 4.0, 0.8, 2.4)), newest, (1e-6, 0.9)).frame()
    assert np.isinf(table["lifetime_q90"]).all()
    assert ((table["lifetime_q0.0001"] > 0) & np.isfinite(table["lifetime_q0.0001"])).all()


# --- next purchases ------------------------------------------------------------------------------------------------


def test_by_the_median_half_have_bought_and_after_it_the_date_has_come(fitted, some) -> None:
    table, draws = next_purchase(fitted, some, draws=1000).frame(), fitted.draws
    assert list(table) == ["customer_id", "p_never", "median_time", "median_date"]
    known = np.flatnonzero(table["median_time"].notna())
    assert 0 < len(known) < len(some)
    for i in known[::7]:
        none = draws.future(one(some, i)).count(np.array(0.0), table["median_time"][i])
        bought = draws.probability_alive(one(some, i)) * (1 - none)
        assert bought.mean() == pytest.approx(0.5, abs=1e-5)
        after = (table["median_date"][i] - pd.Timestamp("1997-09-30")).days
        assert after == np.ceil(7 * table["median_time"][i])
    np.testing.assert_array_equal(table["median_time"].isna(), table["p_never"] >= 0.5)
    np.testing.assert_array_equal(table["median_date"].isna(), table["p_never"] >= 0.5)
    everyone = Histories(some.frequency, some.recency, some.T)
    ever = draws.probability_alive(everyone) * (1 - draws.future(everyone).never())
    np.testing.assert_allclose(table["p_never"], 1 - ever.mean(axis=0), rtol=1e-9, atol=1e-15)


def test_without_a_last_day_there_is_no_date_and_a_date_past_all_calendars_is_missing(
    cdnow_purchases, as_fit, some
) -> None:
    assert "median_date" not in next_purchase(cdnow_purchases, replace(some, observed_until=None)).frame()
    rare = next_purchase(as_fit(NBD(0.02, 40.0)), some).frame()
    once = some.frequency == 0
    assert rare["median_time"].notna().all()
    assert rare["median_date"].isna().tolist() == once.tolist()
    assert (rare["p_never"] == 0).all()


# --- the same numbers for the same customer ------------------------------------------------------------------------


@pytest.mark.parametrize("ask", [remaining_lifetime, next_purchase])
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
    weeks, days = (remaining_lifetime(fitted, rfm).frame().iloc[:, 2:].to_numpy() for rfm in (some, daily))
    np.testing.assert_allclose(days, 7 * weeks, rtol=1e-5)
    weeks, days = (next_purchase(fitted, rfm).frame() for rfm in (some, daily))
    known = weeks["median_time"].notna()
    np.testing.assert_allclose(
        days["median_time"][known].to_numpy(float), 7 * weeks["median_time"][known].to_numpy(float), rtol=1e-5
    )
    np.testing.assert_allclose(days["p_never"], weeks["p_never"], rtol=1e-9, atol=1e-15)


# --- settings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("probabilities", [(), (0.0,), (0.5, 1.0), ("half",), 1.5])
def test_probabilities_that_are_none_are_refused(probabilities, cdnow_purchases, some) -> None:
    with pytest.raises(SettingError, match="lie between 0 and 1"):
        remaining_lifetime(cdnow_purchases, some, probabilities)


def test_one_probability_is_enough_and_none_comes_twice(cdnow_purchases, some) -> None:
    found = remaining_lifetime(cdnow_purchases, some, 0.9).frame()
    assert list(found) == ["customer_id", "p_alive", "lifetime_q90"]
    with pytest.raises(SettingError, match="named once"):
        remaining_lifetime(cdnow_purchases, some, (0.5, 0.5))


@pytest.mark.parametrize("draws", [0, 2.5, True])
@pytest.mark.parametrize("ask", [remaining_lifetime, next_purchase])
def test_a_number_of_draws_that_is_none_is_refused(ask, draws, cdnow_purchases, some) -> None:
    with pytest.raises(SettingError, match=f"draws is a whole number from 1 up; draws={draws} is not"):
        ask(cdnow_purchases, some, draws=draws)


def test_numpys_number_of_draws_is_a_number(cdnow_purchases, some) -> None:
    for ask in (remaining_lifetime, next_purchase):
        one, other = (ask(cdnow_purchases, some, draws=kind(20)).frame() for kind in (int, np.int64))
        pd.testing.assert_frame_equal(one, other, check_exact=True)


# --- what a table says of itself -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ask", "what"),
    [
        (remaining_lifetime, "remaining lifetime"),
        (mean_remaining_lifetime, "mean remaining lifetime"),
        (next_purchase, "next purchase"),
    ],
)
def test_a_table_says_what_it_is_of(ask, what, as_fit, some) -> None:
    point = BGNBD(2.0, 6.0, 3.0, 6.0)
    several = BGNBD(*(np.full((2, 1), value) for value in (2.0, 6.0, 3.0, 6.0)))
    found = ask(as_fit(point, several), some)
    assert (found.what, found.model, found.unit, found.horizon) == (what, "BG/NBD", "week", None)
    assert (found.cut_off, found.draws_of) == (date(1997, 9, 30), "posterior")
    headline = f"{what.capitalize()} after 1997-09-30 by BG/NBD, time in weeks, averaged over the posterior"
    assert repr(found).splitlines()[0] == headline
    assert ask(as_fit(point), replace(some, observed_until=None)).draws_of is None
