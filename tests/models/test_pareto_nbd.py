"""Pareto/NBD against published numbers, high precision, identities, and customers who are lived event by event."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import hyp2f1

from clvmodels.data.histories import Histories
from clvmodels.data.rfm import RFM
from clvmodels.inference.fit import fit
from clvmodels.inference.methods import MaximumLikelihood
from clvmodels.inference.verdict import Outcome
from clvmodels.models.future import simulate
from clvmodels.models.nbd import NBD
from clvmodels.models.pareto_nbd import ParetoNBD

CDNOW = (0.553, 10.578, 0.606, 11.669)
HISTORIES = Histories(
    *np.array([(0, 0, 0), (0, 0, 39), (1, 2, 30), (1, 30, 30.5), (4, 12.5, 39), (40, 38, 39), (1000, 39, 39)]).T
)


@pytest.fixture(scope="module")
def published(oracle):
    return oracle("pareto_nbd")


@pytest.fixture(scope="module")
def btyd(published):
    return ParetoNBD(*published["btyd_parameters"]["values"])


@pytest.fixture(scope="module")
def estimate(cdnow_rfm):
    return fit(ParetoNBD, cdnow_rfm, MaximumLikelihood()).estimate


def columns(rfm):
    return rfm.frequency.astype(float), rfm.recency, rfm.T


def expected(model, x, t_x, T, t, delta=0.0):
    histories = Histories(x, t_x, T)
    return model.probability_alive(histories) * model.future(histories).purchases(t, delta)


# --- published numbers -------------------------------------------------------------------------------------------


def test_the_log_likelihood_on_cdnow(published, cdnow_rfm) -> None:
    model = ParetoNBD(*published["parameters"]["values"])
    found = model.log_likelihood(*columns(cdnow_rfm)).sum()
    assert found == pytest.approx(published["parameters"]["log_likelihood"], abs=5e-4)


def test_the_estimates_on_cdnow(published, cdnow_rfm) -> None:
    fitted = fit(ParetoNBD, cdnow_rfm, MaximumLikelihood())
    assert fitted.verdict.ok
    assert fitted.log_likelihood == pytest.approx(published["parameters"]["log_likelihood"], abs=5e-4)
    found = list(fitted.estimate.values().values())
    assert found == pytest.approx(published["parameters"]["values"], rel=5e-4)
    errors = list(fitted.standard_errors.values())
    assert errors == pytest.approx(published["standard_errors"]["values"], rel=2e-4)


def test_a_new_customers_expected_purchases(estimate, published) -> None:
    year = published["expected_purchases_in_a_year"]["value"]
    assert expected(estimate, 0, 0, 0, 52) == pytest.approx(year, abs=1e-6)
    case = published["expected_purchases"]
    for t, value in enumerate(case["values"]):
        assert expected(ParetoNBD(*case["parameters"]), 0, 0, 0, float(t)) == pytest.approx(value, rel=1e-7)


def test_expected_purchases_given_a_history(estimate, published) -> None:
    # Printed for estimates that agree with ours in the three digits that are printed of them.
    for x, t_x, T, t, value in published["conditional_expectations"]["rows"]:
        assert expected(estimate, x, t_x, T, t) == pytest.approx(value, rel=1e-3)


def test_the_probability_to_be_alive(btyd, published) -> None:
    for *history, value in published["probabilities_alive"]["rows"]:
        assert btyd.probability_alive(Histories(*history)) == pytest.approx(value, abs=1e-6)


def test_histories_whose_likelihood_is_below_the_smallest_float(published) -> None:
    case = published["underflow"]
    for x, t_x, T, value in case["rows"]:
        assert expected(ParetoNBD(*case["parameters"]), x, t_x, T, case["t"]) == pytest.approx(value, rel=1e-10)
    for name in ("finite_probabilities", "finite_log_likelihoods"):
        model, rows = ParetoNBD(*published[name]["parameters"]), np.array(published[name]["rows"], dtype=float).T
        assert np.isfinite(model.log_likelihood(*rows)).all()
        alive = model.probability_alive(Histories(*rows))
        assert ((alive >= 0) & (alive <= 1)).all()


def test_discounted_purchases_without_end(published) -> None:
    case = published["discounted"]
    model = ParetoNBD(*case["parameters"])
    for x, t_x, value in case["rows"]:
        assert expected(model, x, t_x, case["T"], np.inf, case["delta"]) == pytest.approx(value, abs=1e-6)
    new = published["discounted_of_the_new"]
    delta = math.log1p(new["rate"]) / new["weeks_a_year"]
    model = ParetoNBD(*published["fhl_parameters"]["values"])
    assert expected(model, 0, 0, 0, np.inf, delta) == pytest.approx(new["value"], abs=1e-6)


def test_the_holdout_of_cdnow_is_predicted_as_published(btyd, published, cdnow_rfm, cdnow_holdout) -> None:
    holdout, (actual, _) = published["holdout"], cdnow_holdout
    found = expected(btyd, *columns(cdnow_rfm), 39.0)
    assert found.sum() == pytest.approx(holdout["total"], abs=0.05)
    assert np.corrcoef(found, actual)[0, 1] == pytest.approx(holdout["correlation"], abs=5e-4)
    assert np.abs(found - actual).mean() == pytest.approx(holdout["mean_absolute_error"], abs=1e-5)
    errors = np.sqrt(np.mean((found - actual) ** 2))
    assert errors == pytest.approx(holdout["root_mean_square_error"], abs=1e-5)
    assert found[cdnow_rfm.frequency == 0].mean() == pytest.approx(holdout["zero_class_mean"], abs=5e-3)


def test_customers_of_each_frequency_are_predicted_as_published(btyd, published, cdnow_rfm) -> None:
    bins, case = np.minimum(cdnow_rfm.frequency, 7), published["by_frequency"]
    assert np.bincount(bins).tolist() == case["customers"]
    found = np.bincount(bins, expected(btyd, *columns(cdnow_rfm), 39.0)) / np.bincount(bins)
    assert found == pytest.approx(case["expected"], abs=1e-3)


# --- high precision ----------------------------------------------------------------------------------------------


def test_likelihoods_that_are_hard(published) -> None:
    for *theta, x, t_x, T, likelihood, alive in published["hard_likelihoods"]["rows"]:
        model, history = ParetoNBD(*theta), (x, t_x, T)
        found = model.log_likelihood(*map(np.asarray, map(float, history)))
        assert found == pytest.approx(likelihood, rel=1e-11, abs=1e-11), (theta, history)
        found = model.probability_alive(Histories(*history))
        assert found == pytest.approx(alive, rel=1e-10, abs=1e-300), (theta, history)


# --- identities --------------------------------------------------------------------------------------------------


@given(theta=st.tuples(*[st.floats(-3.5, 3.5).map(math.exp)] * 4))
@settings(max_examples=50)
def test_the_next_event_is_a_purchase_after_the_horizon_or_the_end(theta) -> None:
    # After the last purchase either the end comes first, or a purchase does and comes after T. With E[mu / (lambda +
    # mu)] in closed form that is the likelihood of the history, written without an integral over the time of drop-out.
    model, some = ParetoNBD(*theta), HISTORIES.at(slice(5))
    t_x, T, k, s = some.t_x, some.T, model.r + some.x, model.s

    def drops_out_first(t):
        a, b = model.alpha + t, model.beta + t
        shape, tilt = np.where(a >= b, k, s + 1), np.minimum(a / b, 1)
        return s / (k + s) * tilt * hyp2f1(1, shape, k + s + 1, 1 - np.minimum(a / b, b / a))

    survived = ((model.alpha + t_x) / (model.alpha + T)) ** k * ((model.beta + t_x) / (model.beta + T)) ** s
    history = drops_out_first(t_x) + survived * (1 - drops_out_first(T))
    np.testing.assert_allclose(model.probability_alive(some), survived / history, rtol=1e-9)


def test_without_drop_out_it_is_nbd() -> None:
    columns = HISTORIES.x, HISTORIES.t_x, HISTORIES.T
    found = ParetoNBD(0.4, 5.0, 0.8, 1e9).log_likelihood(*columns)
    np.testing.assert_allclose(found, NBD(0.4, 5.0).log_likelihood(*columns), atol=1e-4)


def test_who_is_alive_has_lived_to_the_end_of_the_observation() -> None:
    r, alpha, s, beta = CDNOW
    future = ParetoNBD(*CDNOW).future(HISTORIES)
    np.testing.assert_array_equal(future.shape, r + HISTORIES.x)
    np.testing.assert_array_equal(future.rate, alpha + HISTORIES.T)
    assert future.s == s
    np.testing.assert_array_equal(future.beta, beta + HISTORIES.T)


def test_nothing_happens_where_formulas_change() -> None:
    r, alpha, s, beta = CDNOW
    for theta in ([r, alpha, 1.0, beta], [r, alpha, s, alpha]):  # a mean lifetime is finite from s = 1 on; alpha = beta
        moved = [ParetoNBD(*theta[:2], theta[2] * h, theta[3] * h) for h in (1 - 1e-6, 1.0, 1 + 1e-6)]
        for quantity in (
            lambda model: model.log_likelihood(HISTORIES.x, HISTORIES.t_x, HISTORIES.T),
            lambda model: model.probability_alive(HISTORIES),
        ):
            low, middle, high = map(quantity, moved)
            np.testing.assert_allclose(middle, (low + high) / 2, rtol=1e-9, atol=1e-14)


# --- against customers who are lived event by event --------------------------------------------------------------


@pytest.mark.parametrize("history", [(0, 0.0, 39.0), (1, 2.0, 30.0), (2, 30.43, 38.86), (5, 20.0, 39.0)])
def test_customers_with_a_history_live_on_as_the_equations_say(history, live_any_time, ratio) -> None:
    # Rates from the population, weighted by how likely they make the history; then a future for each.
    n, t, delta, draws = 300_000, 39.0, 0.02, 60_000
    rng, (r, alpha, s, beta), (x, t_x, T) = np.random.default_rng(11), CDNOW, history
    rate, drop_out = rng.gamma(r, 1 / alpha, n), rng.gamma(s, 1 / beta, n)
    either = rate + drop_out
    alive = rate**x * np.exp(-either * T)
    dropped_out = rate**x * drop_out / either * (np.exp(-either * t_x) - np.exp(-either * T))
    who, time = live_any_time(rng, rate, np.maximum(drop_out, 1e-300), t)
    count, worth = np.bincount(who, minlength=n), np.bincount(who, np.exp(-delta * time), minlength=n)

    model, history = ParetoNBD(*CDNOW), Histories(*history)
    p_alive, future = float(model.probability_alive(history)), model.future(history)
    for found, numerator in [
        (p_alive, alive),
        (p_alive * future.purchases(t), alive * count),
        (p_alive * future.purchases(t, delta), alive * worth),
        *[(p_alive * future.count(np.array(float(k)), t), alive * (count == k)) for k in range(5)],
    ]:
        brute, error = ratio(numerator, alive + dropped_out)
        assert abs(found - brute) < 4 * error + 1e-12

    simulated = simulate(ParetoNBD(np.full((draws, 1), r), alpha, s, beta), history, np.random.default_rng(5), t)
    assert simulated.count.sum() == len(simulated.time)
    assert ((simulated.time > 0) & (simulated.time <= t)).all()
    for k in range(8):
        brute, error = ratio(alive * (count >= k) + dropped_out * (k == 0), alive + dropped_out)
        found = (simulated.count >= k).mean()
        assert abs(found - brute) < 4.5 * np.hypot(error, np.sqrt(found * (1 - found) / draws)) + 1e-12, k
    owner = np.repeat(np.arange(draws), simulated.count)
    discounted = np.bincount(owner, np.exp(-delta * simulated.time), minlength=draws)
    brute, error = ratio(alive * worth, alive + dropped_out)
    assert abs(discounted.mean() - brute) < 4 * np.hypot(error, discounted.std() / np.sqrt(draws))


# --- fitting -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def base(live_any_time):
    """Return a function that makes an RFM of customers who are lived event by event for half a year to a year."""

    def simulated(customers, theta, seed):
        rng, (r, alpha, s, beta) = np.random.default_rng(seed), theta
        age = rng.uniform(26, 52, customers)
        who, time = live_any_time(rng, rng.gamma(r, 1 / alpha, customers), rng.gamma(s, 1 / beta, customers), age)
        last = np.zeros(customers)
        np.maximum.at(last, who, time)
        table = {"customer_id": np.arange(customers).astype(str), "frequency": np.bincount(who, minlength=customers)}
        return RFM.from_frame(pd.DataFrame({**table, "recency": last, "T": age}), unit="week")

    return simulated


@pytest.mark.parametrize("theta", [(0.55, 10.6, 0.6, 11.7), (3.0, 3.0, 2.0, 20.0), (0.5, 5.0, 1.0, 1.0)])
def test_parameters_of_a_simulated_base_come_back(theta, base) -> None:
    fitted = fit(ParetoNBD, base(4000, theta, seed=1), MaximumLikelihood())
    assert fitted.verdict.ok
    for (name, value), true in zip(fitted.estimate.values().items(), theta, strict=True):
        assert abs(value - true) < 3.5 * fitted.standard_errors[name], name


@pytest.mark.parametrize(
    ("theta", "told", "remedy"),
    [
        ((0.8, 10.0, 1e-4, 2.0), "No drop-out identified", "Fit clv.NBD"),
        ((0.8, 10.0, 1e5, 1e10), "No drop-out identified", "Fit clv.NBD"),
        ((0.8, 10.0, 1e5, 2e6), "drop out at the same rate (0.05 a week)", "a longer log"),
        ((1e5, 1e6, 0.6, 12.0), "buy at the same rate (0.1 purchases a week)", "a longer log"),
        ((0.8, 10.0, 0.5, 1.0), "flat in some direction", "more customers"),
    ],
)
def test_a_border_is_named_after_what_the_data_do_not_tell(theta, told, remedy) -> None:
    message = ParetoNBD(*theta).unidentified("week")
    assert told in message
    assert remedy in message


def test_a_base_whose_customers_do_not_drop_out_ends_at_the_border(base) -> None:
    fitted = fit(ParetoNBD, base(1000, (1.0, 5.0, 0.5, 1e6), seed=0), MaximumLikelihood())
    assert fitted.verdict.outcome is Outcome.AT_BORDER
    assert "No drop-out identified" in fitted.verdict.detail
