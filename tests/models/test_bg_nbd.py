"""BG/NBD against what its authors and other implementations published."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

from clvmodels.data.histories import Histories
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.future import NEW
from clvmodels.units import force_of_interest


@pytest.fixture(scope="module")
def published(oracle):
    return oracle("bg_nbd")


@pytest.fixture(scope="module")
def model(published):
    return BGNBD(*published["parameters"]["values"])


def expected(model, x, t_x, T, t, delta=0.0):
    histories = Histories(x, t_x, T)
    return model.probability_alive(histories) * model.future(histories).purchases(t, delta)


def log_likelihood(model, rfm):
    return model.log_likelihood(rfm.frequency.astype(float), rfm.recency, rfm.T).sum()


def test_the_log_likelihood_on_cdnow(model, published, cdnow_rfm) -> None:
    assert log_likelihood(model, cdnow_rfm) == pytest.approx(published["parameters"]["log_likelihood"], abs=5e-4)
    ones = published["log_likelihood_at_ones"]["value"]
    assert log_likelihood(BGNBD(1, 1, 1, 1), cdnow_rfm) == pytest.approx(ones, abs=5e-5)


def test_the_log_likelihood_of_single_customers(model, published) -> None:
    _, *history, terms = zip(*published["customers"]["rows"], strict=True)
    # Times are printed with two decimals, worth 1e-3 of a log-likelihood.
    np.testing.assert_allclose(model.log_likelihood(*map(np.array, history)), terms, atol=2e-3)


def test_a_new_customers_expected_purchases(model, published) -> None:
    for t, value in published["expected_purchases"]["rows"]:  # the spreadsheet's parameters differ in the fifth digit
        assert expected(model, 0, 0, 0, t) == pytest.approx(value, abs=6e-5, rel=2.5e-4)
    btyd = BGNBD(*published["btyd_parameters"]["values"])
    year = published["expected_purchases_in_a_year"]["value"]
    assert expected(btyd, 0, 0, 0, 52) == pytest.approx(year, abs=2e-6)


def test_expected_purchases_given_a_history(published) -> None:
    btyd = BGNBD(*published["btyd_parameters"]["values"])
    (x, t_x, T, t, value), *others = published["conditional_expectations"]["rows"]
    assert expected(btyd, x, t_x, T, t) == pytest.approx(value, abs=5e-4)
    for x, t_x, T, t, value in others:
        assert expected(btyd, x, t_x, T, t) == pytest.approx(value, rel=5e-7)


def test_the_probability_to_be_alive(published) -> None:
    btyd, customer = BGNBD(*published["btyd_parameters"]["values"]), published["probability_alive"]
    alive = btyd.probability_alive(Histories(customer["x"], customer["t_x"], customer["T"]))
    assert alive == pytest.approx(customer["value"], abs=1.5e-7)


def test_who_never_returned_is_alive_for_certain(model) -> None:
    one_time_buyers = Histories(np.zeros(4), np.zeros(4), np.array([0.0, 1.0, 39.0, 5000.0]))
    np.testing.assert_array_equal(model.probability_alive(one_time_buyers), np.ones(4))


def test_discounted_purchases_of_three_years(model, published) -> None:
    case = published["discounted"]
    delta = force_of_interest(case["rate"], "week")
    t = case["years"] * 365.25 / 7
    assert expected(model, case["x"], case["t_x"], case["T"], t, delta) == pytest.approx(case["value"], abs=5e-5)


def test_the_count_distribution_is_the_likelihood_summed_over_all_histories(published) -> None:
    # P(X(t) = x): the last purchase at t_x leaves a volume of t_x^(x - 1) / (x - 1)! to the others.
    model = BGNBD(*published["fhl_parameters"]["values"])

    def probability(x: int, t: float) -> float:
        def density(t_x: float) -> float:
            log = model.log_likelihood(np.array(float(x)), np.array(t_x), np.array(t))
            return float(np.exp(log + (x - 1) * math.log(t_x) - math.lgamma(x)))

        return float(np.exp(model.log_likelihood(*np.array([0.0, 0, t])))) if x == 0 else quad(density, 0, t)[0]

    for t, x, value in published["count_probabilities"]["rows"]:
        assert probability(x, t) == pytest.approx(value, rel=1e-6)
    counts = np.arange(100)
    probabilities = np.array([probability(x, 10.0) for x in counts])
    assert probabilities.sum() == pytest.approx(1, abs=1e-6)
    assert counts @ probabilities == pytest.approx(float(expected(model, 0, 0, 0, 10.0)), abs=1e-4)


def test_the_probability_of_a_number_of_purchases_of_a_new_customer(published) -> None:
    future = BGNBD(*published["fhl_parameters"]["values"]).future(NEW)
    for t, x, value in published["count_probabilities"]["rows"]:
        k = np.array(float(x))
        assert future.count(k, t) == pytest.approx(value, rel=1e-6)
        if x:
            tails = [future.at_least(at, t) for at in (k, k + 1)]
            assert tails[0] - tails[1] == pytest.approx(value, rel=1e-6)
