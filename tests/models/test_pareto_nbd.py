"""Pareto/NBD against published numbers, high precision, identities, and customers who are lived event by event."""

import math
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import quad
from scipy.special import hyp2f1

from clvmodels.data.rfm import RFM
from clvmodels.inference.fit import fit
from clvmodels.inference.methods import MaximumLikelihood
from clvmodels.models.nbd import NBD
from clvmodels.models.pareto_nbd import ParetoNBD

CDNOW = (0.553, 10.578, 0.606, 11.669)
HISTORIES = np.array([(0, 0, 0), (0, 0, 39), (1, 2, 30), (1, 30, 30.5), (4, 12.5, 39), (40, 38, 39), (1000, 39, 39)]).T

positive = st.floats(-3.5, 3.5).map(math.exp)
parameters = st.tuples(positive, positive, positive, positive)


@pytest.fixture(scope="module")
def published(oracle):
    return oracle("pareto_nbd")


@pytest.fixture(scope="module")
def btyd(published):
    return ParetoNBD(*published["btyd_parameters"]["values"])


@pytest.fixture(scope="module")
def estimate(cdnow_rfm):
    return fit(ParetoNBD, cdnow_rfm, MaximumLikelihood()).model


def columns(rfm):
    return rfm.frequency.astype(float), rfm.recency, rfm.T


def expected(model, x, t_x, T, t, delta=0.0):
    x, t_x, T = (np.asarray(value, dtype=float) for value in (x, t_x, T))
    return model.probability_alive(x, t_x, T) * model.purchases_if_alive(x, T, t, delta)


# --- published numbers -------------------------------------------------------------------------------------------


def test_the_log_likelihood_on_cdnow(published, cdnow_rfm) -> None:
    model = ParetoNBD(*published["parameters"]["values"])
    found = model.log_likelihood(*columns(cdnow_rfm)).sum()
    assert found == pytest.approx(published["parameters"]["log_likelihood"], abs=5e-4)


def test_the_estimates_on_cdnow(published, cdnow_rfm) -> None:
    fitted = fit(ParetoNBD, cdnow_rfm, MaximumLikelihood())
    assert fitted.verdict.ok
    assert fitted.log_likelihood == pytest.approx(published["parameters"]["log_likelihood"], abs=5e-4)
    found = list(fitted.model.parameters().values())
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
        assert btyd.probability_alive(*map(np.array, history)) == pytest.approx(value, abs=1e-6)


def test_histories_whose_likelihood_is_below_the_smallest_float(published) -> None:
    case = published["underflow"]
    for x, t_x, T, value in case["rows"]:
        assert expected(ParetoNBD(*case["parameters"]), x, t_x, T, case["t"]) == pytest.approx(value, rel=1e-10)
    for name in ("finite_probabilities", "finite_log_likelihoods"):
        model, rows = ParetoNBD(*published[name]["parameters"]), np.array(published[name]["rows"], dtype=float).T
        assert np.isfinite(model.log_likelihood(*rows)).all()
        alive = model.probability_alive(*rows)
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
        model, history = ParetoNBD(*theta), tuple(map(np.array, (float(x), float(t_x), float(T))))
        assert model.log_likelihood(*history) == pytest.approx(likelihood, rel=1e-11, abs=1e-11), (theta, history)
        assert model.probability_alive(*history) == pytest.approx(alive, rel=1e-10, abs=1e-300), (theta, history)


def test_lifetimes_that_are_hard(published) -> None:
    for s, beta, t, delta, lifetime in published["lifetimes"]["rows"]:
        end = np.inf if t is None else t
        found = ParetoNBD(1.0, 2.0, s, beta).purchases_if_alive(np.array(0.0), np.array(0.0), end, delta)
        assert 2 * found == pytest.approx(lifetime, rel=1e-9), (s, beta, t, delta)  # one purchase in two time units


def test_counts_that_are_hard(published) -> None:
    for k, shape, alpha, s, beta, t, probability in published["counts"]["rows"]:
        found = ParetoNBD(shape, alpha, s, beta).count_if_alive(np.array(float(k)), np.array(0.0), np.array(0.0), t)
        assert found == pytest.approx(probability, rel=1e-10), (k, shape, alpha, s, beta, t)


# --- identities --------------------------------------------------------------------------------------------------


@given(theta=parameters)
@settings(max_examples=50)
def test_the_next_event_is_a_purchase_after_the_horizon_or_the_end(theta) -> None:
    # After the last purchase either the end comes first, or a purchase does and comes after T. With E[mu / (lambda +
    # mu)] in closed form that is the likelihood of the history, written without an integral over the time of leaving.
    model, (x, t_x, T) = ParetoNBD(*theta), HISTORIES[:, :5]
    k, s = model.r + x, model.s

    def leaves_first(t):
        a, b = model.alpha + t, model.beta + t
        shape, tilt = np.where(a >= b, k, s + 1), np.minimum(a / b, 1)
        return s / (k + s) * tilt * hyp2f1(1, shape, k + s + 1, 1 - np.minimum(a / b, b / a))

    survived = ((model.alpha + t_x) / (model.alpha + T)) ** k * ((model.beta + t_x) / (model.beta + T)) ** s
    history = leaves_first(t_x) + survived * (1 - leaves_first(T))
    np.testing.assert_allclose(model.probability_alive(x, t_x, T), survived / history, rtol=1e-9)


def test_without_drop_out_it_is_nbd() -> None:
    x, t_x, T = HISTORIES
    model, nbd = ParetoNBD(0.4, 5.0, 0.8, 1e9), NBD(0.4, 5.0)
    np.testing.assert_allclose(model.log_likelihood(x, t_x, T), nbd.log_likelihood(x, t_x, T), atol=1e-4)
    np.testing.assert_allclose(model.purchases_if_alive(x, T, 20.0), nbd.purchases_if_alive(x, T, 20.0), rtol=1e-6)
    k = np.arange(5.0)[:, None]
    np.testing.assert_allclose(model.count_if_alive(k, x, T, 20.0), nbd.count_if_alive(k, x, T, 20.0), atol=1e-6)


@given(
    theta=st.tuples(*[st.floats(-2, 2).map(math.exp)] * 4),
    x=st.integers(0, 12),
    T=st.floats(0, 60),
    t=st.floats(0.1, 30),
)
@settings(max_examples=50)
def test_probabilities_of_counts_sum_to_one_with_the_expected_mean(theta, x, T, t) -> None:
    r, alpha, s, beta = theta
    model = ParetoNBD(r, alpha + t / 3, s, beta)  # so that hardly anybody buys more than a thousand times
    k, x, T = np.arange(1500.0), np.array(float(x)), np.array(T)
    probability = model.count_if_alive(k, x, T, t)
    assert (probability >= 0).all()
    assert probability.sum() == pytest.approx(1, abs=1e-7)
    assert k @ probability == pytest.approx(float(model.purchases_if_alive(x, T, t)), rel=1e-5, abs=1e-5)


def test_counts_of_heavy_buyers_sum_to_one() -> None:
    k, x, T = np.arange(20_000.0), np.array(5000.0), np.array(39.0)
    probability = ParetoNBD(*CDNOW).count_if_alive(k, x, T, 39.0)
    assert probability.sum() == pytest.approx(1, abs=1e-10)
    assert k @ probability == pytest.approx(float(ParetoNBD(*CDNOW).purchases_if_alive(x, T, 39.0)), rel=1e-10)


@given(theta=parameters, x=st.integers(0, 50), T=st.floats(0, 60), t=st.floats(0.1, 150))
@settings(max_examples=50)
def test_at_least_k_is_what_fewer_leave(theta, x, T, t) -> None:
    model, x, T = ParetoNBD(*theta), np.array(float(x)), np.array(T)
    fewer = np.cumsum(model.count_if_alive(np.arange(20.0), x, T, t))
    found = model.at_least_if_alive(np.arange(1.0, 21.0), x, T, t)
    np.testing.assert_allclose(found, 1 - fewer, atol=1e-10)


@pytest.mark.parametrize(("x", "T"), [(0.0, 0.0), (5.0, 39.0), (300.0, 39.0)])
def test_even_a_tiny_probability_of_many_purchases_has_its_digits(x, T) -> None:
    model, x, T = ParetoNBD(*CDNOW), np.array(x), np.array(T)
    found = model.at_least_if_alive(np.array(60.0), x, T, 0.01)
    assert 0 < found < 1e-30
    assert found == pytest.approx(model.count_if_alive(np.arange(60.0, 400.0), x, T, 0.01).sum(), rel=1e-9)


@given(theta=st.tuples(*[st.floats(-2.5, 3.5).map(math.exp)] * 4))
@settings(max_examples=100)
def test_never_again_is_leaving_before_the_next_purchase(theta) -> None:
    # E[mu / (lambda + mu)] in closed form, and the limit of no purchase in a long time.
    model, (x, _, T) = ParetoNBD(*theta), HISTORIES
    k, s, a, b = model.r + x, model.s, model.alpha + T, model.beta + T
    shape, tilt = np.where(a >= b, k, s + 1), np.minimum(a / b, 1)
    exact = s / (k + s) * tilt * hyp2f1(1, shape, k + s + 1, 1 - np.minimum(a / b, b / a))
    found = model.never_if_alive(x, T)
    np.testing.assert_allclose(found, exact, rtol=1e-10)
    np.testing.assert_allclose(found, model.count_if_alive(np.array(0.0), x, T, 1e100), rtol=1e-9)
    np.testing.assert_allclose(1 - found, model.at_least_if_alive(np.array(1.0), x, T, 1e100), atol=1e-6)


def test_survival_falls_from_one_to_nothing_and_its_integral_is_the_mean_lifetime() -> None:
    x, _, T = HISTORIES
    t = np.array([0.0, 1e-6, 1.0, 39.0, 1e4, 1e9, 1e60])[:, None]
    survival = ParetoNBD(*CDNOW).survival_if_alive(x, T, t)
    np.testing.assert_array_equal(survival[0], 1)
    assert (np.diff(survival, axis=0) < 0).all()
    assert (ParetoNBD(*CDNOW).survival_if_alive(x, T, np.inf) == 0).all()
    model = ParetoNBD(0.6, 10.0, 1.8, 12.0)
    for i in range(len(x)):
        of_one = x[i], T[i]
        integral = quad(lambda t: float(model.survival_if_alive(*of_one, t)), 0, np.inf, epsrel=1e-10)[0]  # noqa: B023
        assert model.lifetime_if_alive(*of_one) == pytest.approx(integral, rel=1e-7)


def test_expected_purchases_are_the_rate_times_the_integral_of_the_survival() -> None:
    model, x, T = ParetoNBD(*CDNOW), np.array(3.0), np.array(30.0)
    lifetime = quad(lambda t: float(model.survival_if_alive(x, T, t)), 0, 39.0, epsrel=1e-12)[0]
    rate = (model.r + x) / (model.alpha + T)
    assert model.purchases_if_alive(x, T, 39.0) == pytest.approx(rate * lifetime, rel=1e-9)


def test_a_mean_lifetime_that_does_not_exist_is_infinite() -> None:
    x, _, T = HISTORIES
    assert np.isinf(ParetoNBD(*CDNOW).lifetime_if_alive(x, T)).all()
    found = ParetoNBD(0.6, 10.0, np.array([[1.0], [1.5]]), 12.0).lifetime_if_alive(x, T)
    assert np.isinf(found[0]).all()
    np.testing.assert_allclose(found[1], 2 * (12 + T))


def test_no_time_brings_no_purchase() -> None:
    x, _, T = HISTORIES
    found = ParetoNBD(*CDNOW).count_if_alive(np.arange(3.0)[:, None], x, T, 0.0)
    np.testing.assert_allclose(found, np.eye(3)[0][:, None] * np.ones(len(x)), atol=1e-15)


def test_nothing_happens_where_formulas_change() -> None:
    x, t_x, T = HISTORIES
    r, alpha, s, beta = CDNOW
    for theta in ([r, alpha, 1.0, beta], [r, alpha, s, alpha]):  # a mean lifetime is finite from s = 1 on; alpha = beta
        below, at, above = (ParetoNBD(*theta[:2], theta[2] * h, theta[3] * h) for h in (1 - 1e-6, 1.0, 1 + 1e-6))
        for name, arguments in [
            ("log_likelihood", (x, t_x, T)),
            ("probability_alive", (x, t_x, T)),
            ("purchases_if_alive", (x, T, 104.0)),
            ("count_if_alive", (np.array(2.0), x, T, 104.0)),
        ]:
            low, middle, high = (getattr(model, name)(*arguments) for model in (below, at, above))
            np.testing.assert_allclose(middle, (low + high) / 2, rtol=1e-9, atol=1e-14, err_msg=name)


@pytest.mark.parametrize("delta", [0.0, 0.0018, 0.05])
def test_a_longer_horizon_and_a_lower_discount_are_worth_more(delta) -> None:
    x, _, T = HISTORIES
    model = ParetoNBD(*CDNOW)
    worth = [model.purchases_if_alive(x, T, t, delta) for t in (1e-3, 1.0, 39.0, 520.0)]
    assert (np.diff(worth, axis=0) > 0).all()
    assert (model.purchases_if_alive(x, T, 520.0, delta + 1e-3) < worth[-1]).all()
    np.testing.assert_allclose(model.purchases_if_alive(x, T, 520.0, delta + 1e-11), worth[-1], rtol=1e-7)


def difference(function, theta, i, h=1e-3):
    """The derivative by theta[i], from five points: the error is of the order of h^4."""
    points = [1 - 2 * h, 1 - h, 1 + h, 1 + 2 * h]
    values = [function(ParetoNBD(*theta[:i], theta[i] * point, *theta[i + 1 :])) for point in points]
    return np.tensordot([1, -8, 8, -1], np.array(values), 1) / (12 * h * theta[i])


@given(theta=parameters)
@settings(max_examples=50)
def test_score_and_hessian_are_those_of_the_log_likelihood(theta) -> None:
    counts, theta = np.array([3.0, 5, 2, 1, 4, 2, 1]), list(theta)
    exact = ParetoNBD(*theta).derivatives(*HISTORIES)
    hessian, size = exact.hessian(counts), 1 + np.abs(exact.value)
    np.testing.assert_array_equal(exact.value, ParetoNBD(*theta).log_likelihood(*HISTORIES))
    np.testing.assert_allclose(hessian, hessian.T, rtol=1e-10, atol=1e-9)
    scale = np.array(theta)  # compare by the logarithms of the parameters, which is what fits use
    for i in range(4):
        score = difference(lambda model: model.log_likelihood(*HISTORIES), theta, i)
        np.testing.assert_allclose((exact.score[i] - score) * theta[i] / size, 0, atol=1e-8)
        column = difference(lambda model: model.derivatives(*HISTORIES).score @ counts, theta, i)
        np.testing.assert_allclose((hessian[:, i] - column) * scale * theta[i] / (counts @ size), 0, atol=1e-8)


def test_the_unit_of_time_does_not_matter() -> None:
    x, t_x, T = HISTORIES
    weeks, hours = ParetoNBD(*CDNOW), ParetoNBD(*CDNOW).rescaled(168.0)
    likelihood = hours.log_likelihood(x, 168 * t_x, 168 * T) + x * np.log(168)
    np.testing.assert_allclose(likelihood, weeks.log_likelihood(x, t_x, T), rtol=1e-12, atol=1e-12)
    for name, of_weeks, of_hours in [
        ("probability_alive", (x, t_x, T), (x, 168 * t_x, 168 * T)),
        ("purchases_if_alive", (x, T, 39.0, 0.0018), (x, 168 * T, 168 * 39.0, 0.0018 / 168)),
        ("count_if_alive", (np.array(2.0), x, T, 39.0), (np.array(2.0), x, 168 * T, 168 * 39.0)),
    ]:
        found = getattr(hours, name)(*of_hours)
        np.testing.assert_allclose(found, getattr(weeks, name)(*of_weeks), rtol=1e-11, err_msg=name)


def draws_of(theta, draws, spread):
    return np.array(theta)[:, None, None] * np.exp(spread * np.random.default_rng(0).standard_normal((4, draws, 1)))


def test_draws_and_customers_broadcast() -> None:
    x, t_x, T = HISTORIES
    theta = draws_of(CDNOW, 3, 0.3)
    customers = theta * np.ones(len(x))  # each customer with parameters of their own
    for name, arguments in [
        ("log_likelihood", (x, t_x, T)),
        ("probability_alive", (x, t_x, T)),
        ("purchases_if_alive", (x, T, 39.0)),
        ("purchases_if_alive", (x, T, 39.0, 0.002)),
        ("count_if_alive", (np.array(0.0), x, T, 39.0)),
        ("count_if_alive", (x, x, T, 39.0)),
        ("at_least_if_alive", (x + 1, x, T, 39.0)),
        ("never_if_alive", (x, T)),
        ("survival_if_alive", (x, T, 39.0)),
        ("survival_if_alive", (x, T, T + 1)),
        ("lifetime_if_alive", (x, T)),
    ]:
        each = [getattr(ParetoNBD(*theta[:, i, 0]), name)(*arguments) for i in range(3)]
        for model in (ParetoNBD(*theta), ParetoNBD(*customers)):
            np.testing.assert_allclose(getattr(model, name)(*arguments), each, rtol=1e-10, err_msg=name)


@pytest.mark.parametrize("theta", [CDNOW, draws_of(CDNOW, 20, 0.5)], ids=["point", "draws"])
def test_a_customers_numbers_do_not_depend_on_who_else_is_asked_for(theta) -> None:
    rng, n, model = np.random.default_rng(3), 501, ParetoNBD(*theta)
    x, T = np.floor(rng.exponential(8, n)), rng.uniform(0, 60, n)
    t_x = np.where(x > 0, T * rng.random(n), 0.0)
    for function in (
        model.log_likelihood,
        model.probability_alive,
        lambda x, _, T: model.purchases_if_alive(x, T, 39.0, 0.002),
        lambda x, _, T: model.count_if_alive(np.array(0.0), x, T, 39.0),
        lambda x, _, T: model.count_if_alive(np.array(2.0), x, T, 39.0),
        lambda x, _, T: model.at_least_if_alive(np.array(2.0), x, T, 39.0),
        lambda x, _, T: model.never_if_alive(x, T),
    ):
        together = function(x, t_x, T)
        for size in (1, 7, 200):
            chunks = [function(*(v[i : i + size] for v in (x, t_x, T))) for i in range(0, n, size)]
            np.testing.assert_array_equal(np.concatenate(chunks, axis=-1), together)


# --- against customers who are lived event by event --------------------------------------------------------------


def live(rng, rate, leave, t):
    """Live event by event: wait an exponential gap, buy, on until the end of an exponential lifetime, or t.

    Returns the owners and the times of the purchases.
    """
    end = np.minimum(rng.exponential(1 / leave), t)
    who, now, events = np.arange(len(rate)), np.zeros(len(rate)), []
    while len(who):
        now[who] += rng.exponential(1 / rate[who])
        who = who[now[who] <= end[who]]
        events.append((who, now[who]))
    return tuple(np.concatenate(parts) for parts in zip(*events, strict=True))


def ratio(numerator, denominator):
    """An estimate of E[numerator] / E[denominator] and its standard error."""
    value = numerator.mean() / denominator.mean()
    return value, np.std(numerator - value * denominator) / denominator.mean() / np.sqrt(len(numerator))


@pytest.mark.parametrize("history", [(0, 0.0, 39.0), (1, 2.0, 30.0), (2, 30.43, 38.86), (5, 20.0, 39.0)])
def test_customers_with_a_history_live_on_as_the_equations_say(history) -> None:
    # Rates from the population, weighted by how likely they make the history; then a future for each.
    n, t, delta, draws = 300_000, 39.0, 0.02, 60_000
    rng, (r, alpha, s, beta), (x, t_x, T) = np.random.default_rng(11), CDNOW, history
    rate, leave = rng.gamma(r, 1 / alpha, n), rng.gamma(s, 1 / beta, n)
    alive = rate**x * np.exp(-(rate + leave) * T)
    gone = rate**x * leave / (rate + leave) * (np.exp(-(rate + leave) * t_x) - np.exp(-(rate + leave) * T))
    who, time = live(rng, rate, np.maximum(leave, 1e-300), t)
    count, worth = np.bincount(who, minlength=n), np.bincount(who, np.exp(-delta * time), minlength=n)

    model, (x, t_x, T) = ParetoNBD(*CDNOW), map(np.array, map(float, history))
    p_alive = float(model.probability_alive(x, t_x, T))
    for found, numerator in [
        (p_alive, alive),
        (p_alive * model.purchases_if_alive(x, T, t), alive * count),
        (p_alive * model.purchases_if_alive(x, T, t, delta), alive * worth),
        *[(p_alive * model.count_if_alive(np.array(float(k)), x, T, t), alive * (count == k)) for k in range(5)],
    ]:
        brute, error = ratio(numerator, alive + gone)
        assert abs(found - brute) < 4 * error + 1e-12

    future = ParetoNBD(np.full((draws, 1), r), alpha, s, beta).simulate(np.random.default_rng(5), *history, t)
    assert future.count.sum() == len(future.time)
    assert ((future.time > 0) & (future.time <= t)).all()
    for k in range(8):
        brute, error = ratio(alive * (count >= k) + gone * (k == 0), alive + gone)
        found = (future.count >= k).mean()
        assert abs(found - brute) < 4.5 * np.hypot(error, np.sqrt(found * (1 - found) / draws)) + 1e-12, k
    simulated = np.bincount(np.repeat(np.arange(draws), future.count), np.exp(-delta * future.time), minlength=draws)
    brute, error = ratio(alive * worth, alive + gone)
    assert abs(simulated.mean() - brute) < 4 * np.hypot(error, simulated.std() / np.sqrt(draws))


@pytest.mark.parametrize("history", [(0, 0.0, 39.0), (2, 30.43, 38.86), (5, 20.0, 39.0)])
def test_customers_with_a_history_leave_when_the_equations_say(history) -> None:
    n, (r, alpha, s, beta), (x, _, T) = 300_000, CDNOW, history
    rng, model = np.random.default_rng(12), ParetoNBD(*CDNOW)
    rate, leave = rng.gamma(r, 1 / alpha, n), np.maximum(rng.gamma(s, 1 / beta, n), 1e-300)
    alive = rate**x * np.exp(-(rate + leave) * T)
    end, first = rng.exponential(1 / leave), rng.exponential(1 / np.maximum(rate, 1e-300))
    x, T = np.array(float(x)), np.array(T)
    for found, event in [
        (model.never_if_alive(x, T), first > end),
        *[(model.survival_if_alive(x, T, t), end > t) for t in (1.0, 10.0, 100.0)],
    ]:
        brute, error = ratio(alive * event, alive)
        assert abs(float(found) - brute) < 4 * error


def test_new_customers_buy_at_the_times_of_customers_lived_event_by_event() -> None:
    n, t, (r, alpha, s, beta) = 60_000, 60.0, CDNOW
    rng = np.random.default_rng(21)
    who, time = live(rng, rng.gamma(r, 1 / alpha, n), rng.gamma(s, 1 / beta, n), t)
    count = np.bincount(who, minlength=n)
    future = ParetoNBD(np.full((n, 1), r), alpha, s, beta).simulate(np.random.default_rng(22), 0.0, 0.0, 0.0, t)
    both = np.array([np.bincount(np.minimum(counts, 15), minlength=16) for counts in (count, future.count)])
    assert stats.chi2_contingency(both).pvalue > 1e-3
    exact = ParetoNBD(*CDNOW).count_if_alive(np.arange(15.0), np.array(0.0), np.array(0.0), t)
    assert stats.chisquare(both[1], n * np.append(exact, 1 - exact.sum())).pvalue > 1e-3
    owner = np.repeat(np.arange(n), future.count)
    for k in (1, 2, 3, 5):  # one time of each customer, as times of one customer are not independent: the last of k
        last = [np.full(n, -1.0), np.full(n, -1.0)]
        np.maximum.at(last[0], who, time)
        np.maximum.at(last[1], owner, future.time)
        assert stats.ks_2samp(last[0][count == k], last[1][future.count == k]).pvalue > 1e-3


def test_a_horizon_for_each_future() -> None:
    draws = 4000
    t = np.where(np.arange(draws) % 2, 0.0, 20.0)
    future = ParetoNBD(np.full((draws, 1), 30.0), 10.0, 0.6, 11.7).simulate(np.random.default_rng(0), 3.0, 9.0, 9.0, t)
    assert (future.count[1::2] == 0).all()
    whole = ParetoNBD(30.0, 10.0, 0.6, 11.7).purchases_if_alive(np.array(3.0), np.array(9.0), 20.0)
    assert future.count[::2].mean() == pytest.approx(float(whole), rel=0.05)
    assert (future.time <= np.repeat(t, future.count)).all()


def test_who_is_gone_for_certain_buys_nothing_and_who_never_leaves_buys_on() -> None:
    draws = 2000
    gone = ParetoNBD(np.full((draws, 1), 0.5), 5.0, 0.8, 10.0).simulate(np.random.default_rng(0), 50, 10, 400, 52.0)
    assert (gone.count == 0).all()
    assert gone.time.shape == (0,)
    loyal = ParetoNBD(np.full((draws, 1), 50.0), 1.0, 1e-4, 1e4).simulate(np.random.default_rng(0), 0, 0, 0, 52.0)
    assert loyal.count.mean() == pytest.approx(50 * 52, rel=0.02)


# --- fitting -----------------------------------------------------------------------------------------------------


def base(customers, theta, seed):
    """An RFM of customers who are lived event by event for half a year to a year."""
    rng, (r, alpha, s, beta) = np.random.default_rng(seed), theta
    age = rng.uniform(26, 52, customers)
    who, time = live(rng, rng.gamma(r, 1 / alpha, customers), rng.gamma(s, 1 / beta, customers), age)
    last = np.zeros(customers)
    np.maximum.at(last, who, time)
    table = {"customer_id": np.arange(customers).astype(str), "frequency": np.bincount(who, minlength=customers)}
    return RFM.from_frame(pd.DataFrame({**table, "recency": last, "T": age}), unit="week")


@pytest.mark.parametrize("theta", [(0.55, 10.6, 0.6, 11.7), (3.0, 3.0, 2.0, 20.0), (0.5, 5.0, 1.0, 1.0)])
def test_parameters_of_a_simulated_base_come_back(theta) -> None:
    fitted = fit(ParetoNBD, base(4000, theta, seed=1), MaximumLikelihood())
    assert fitted.verdict.ok
    for (name, value), true in zip(fitted.model.parameters().items(), theta, strict=True):
        assert abs(value - true) < 3.5 * fitted.standard_errors[name], name


@pytest.mark.parametrize(
    ("theta", "message"),
    [
        ((0.8, 10.0, 1e-4, 2.0), "No drop-out identified.*Fit clv.NBD"),
        ((0.8, 10.0, 1e5, 1e10), "No drop-out identified.*Fit clv.NBD"),
        ((0.8, 10.0, 1e5, 2e6), r"leave at the same rate \(0\.05 a time unit\)"),
        ((1e5, 1e6, 0.6, 12.0), r"buy at the same rate \(0\.1 a time unit\)"),
        ((0.8, 10.0, 0.5, 1.0), "flat in some direction.*more customers"),
    ],
)
def test_a_border_is_named_after_what_the_data_do_not_tell(theta, message) -> None:
    assert re.search(message, ParetoNBD(*theta).unidentified())


def test_a_base_that_nobody_leaves_ends_at_the_border() -> None:
    fitted = fit(ParetoNBD, base(1000, (1.0, 5.0, 0.5, 1e6), seed=0), MaximumLikelihood())
    assert not fitted.verdict.ok
    assert "No drop-out identified" in str(fitted.verdict)
