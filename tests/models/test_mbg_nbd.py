"""MBG/NBD against published numbers and what tells it from BG/NBD."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

from clvmodels.data.histories import Histories
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.future import NEW
from clvmodels.models.mbg_nbd import MBGNBD

PARAMETERS = (0.525, 6.183, 0.891, 1.614)


def test_the_log_likelihood_on_cdnow(cdnow_rfm, oracle) -> None:
    published = oracle("mbg_nbd")["parameters"]
    found = MBGNBD(*published["values"]).log_likelihood(
        cdnow_rfm.frequency.astype(float), cdnow_rfm.recency, cdnow_rfm.T
    )
    assert found.sum() == pytest.approx(published["log_likelihood"], abs=1e-4)


def test_a_new_customer_has_dropped_out_at_once_with_the_mean_probability() -> None:
    r, alpha, a, b = PARAMETERS
    silent = Histories(np.zeros(3), np.zeros(3), np.array([0.0, 10.0, 1e9]))
    alive = MBGNBD(*PARAMETERS).probability_alive(silent)
    assert alive[0] == pytest.approx(b / (a + b))
    # E[(1 - p)] E[exp(-lambda T)] against E[p], in closed form.
    stays = b * (alpha / (alpha + 10)) ** r
    assert alive[1] == pytest.approx(stays / (stays + a))
    assert alive[2] < 1e-4


def test_it_is_bg_nbd_with_one_more_chance_of_drop_out() -> None:
    # Of those who did not drop out at once, p ~ Beta(a, b + 1), and they live as BG/NBD customers; others have x = 0.
    r, alpha, a, b = PARAMETERS
    x, t_x, T = np.array([0.0, 1, 4, 60]), np.array([0.0, 3, 30, 38]), np.full(4, 39.0)
    passed = np.log(b / (a + b))
    later = passed + BGNBD(r, alpha, a, b + 1).log_likelihood(x, t_x, T)
    at_once = np.where(x == 0, np.log(a / (a + b)), -np.inf)
    model = MBGNBD(*PARAMETERS)
    np.testing.assert_allclose(model.log_likelihood(x, t_x, T), np.logaddexp(later, at_once), rtol=1e-12)
    same = BGNBD(r, alpha, a, b + 1)
    histories = Histories(x, t_x, T)
    purchases = same.future(histories).purchases(52.0)
    np.testing.assert_allclose(model.future(histories).purchases(52.0), purchases, rtol=1e-9)
    alive = same.probability_alive(histories)[1:]
    np.testing.assert_allclose(model.probability_alive(histories)[1:], alive, rtol=1e-12)


def test_the_probabilities_of_all_histories_sum_to_one() -> None:
    model, t = MBGNBD(*PARAMETERS), 10.0

    def probability(x: int) -> float:
        def density(t_x: float) -> float:
            log = model.log_likelihood(np.array(float(x)), np.array(t_x), np.array(t))
            return float(np.exp(log + (x - 1) * math.log(t_x) - math.lgamma(x)))

        return float(np.exp(model.log_likelihood(*np.array([0.0, 0, t])))) if x == 0 else quad(density, 0, t)[0]

    counts = np.arange(80)
    probabilities = np.array([probability(x) for x in counts])
    assert probabilities.sum() == pytest.approx(1, abs=1e-7)
    new = model.probability_alive(NEW) * model.future(NEW).purchases(t)
    assert counts @ probabilities == pytest.approx(float(new[0]), abs=1e-5)
