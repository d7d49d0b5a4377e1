"""What a purchase model learns from, and what a steady stream is worth."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.integrate import quad

from clvmodels.data.rfm import RFM
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.nbd import NBD
from clvmodels.models.rates import discounted_time, purchase_evidence, steady_at_least, steady_count


def rfm(frequency, recency, T, unit="week"):
    table = pd.DataFrame({"customer_id": range(len(frequency)), "frequency": frequency, "recency": recency, "T": T})
    return RFM.from_frame(table, unit=unit)


@pytest.mark.parametrize(("t", "delta"), [(52.0, 0.0), (52.0, 0.0018), (0.5, 3.0), (1000.0, 1e-9)])
def test_discounted_time_is_the_integral_of_the_discount_factor(t, delta) -> None:
    assert discounted_time(t, delta) == pytest.approx(quad(lambda s: np.exp(-delta * s), 0, t)[0], rel=1e-9)


def test_discounted_time_without_end() -> None:
    assert discounted_time(np.inf, 0.04) == pytest.approx(25.0)


@pytest.mark.parametrize("span", [0.01, 0.3, 40.0, 1e6])
def test_counts_of_a_steady_stream_are_negative_binomial(span) -> None:
    k, nbinom = np.arange(1.0, 9.0), stats.nbinom(0.05, 1 / (1 + span))
    np.testing.assert_allclose(steady_count(k, np.array(0.05), np.array(span)), nbinom.pmf(k), rtol=1e-10)
    np.testing.assert_allclose(steady_at_least(k, np.array(0.05), np.array(span)), nbinom.sf(k - 1), rtol=1e-9)


def test_no_purchase_of_a_steady_stream_in_a_time_without_measure() -> None:
    span = np.array([1e-12, 1e20, 1e100])
    found = steady_count(np.array(0.0), np.array(0.05), span)
    np.testing.assert_allclose(found, [1 - 5e-14, 0.1, 1e-5], rtol=1e-12)


def test_the_evidence_counts_customers_with_equal_histories_once() -> None:
    found = purchase_evidence(rfm([2, 0, 2, 0, 1], [30.0, 0, 30, 0, 5], [39.0, 39, 39, 20, 39]), ("r", "alpha"))
    assert found.counts.sum() == 5
    assert sorted(found.counts) == [1, 1, 1, 2]
    # the yardstick: time observed a repeat purchase
    assert found.scale == pytest.approx((4 * 39 + 20) / 5)
    x, t_x, T = found.columns
    (both,) = np.flatnonzero(found.counts == 2)
    assert (x[both], t_x[both] * found.scale, T[both] * found.scale) == pytest.approx((2, 30, 39))
    assert found.log_jacobian == pytest.approx(-5 * np.log(found.scale))


def test_the_scaled_likelihood_and_its_jacobian_give_the_likelihood_in_the_unit_of_the_data(cdnow_rfm) -> None:
    evidence, model = BGNBD.evidence(cdnow_rfm), BGNBD(0.25, 4.5, 0.8, 2.4)
    direct = model.log_likelihood(cdnow_rfm.frequency.astype(float), cdnow_rfm.recency, cdnow_rfm.T).sum()
    scaled = model.rescaled(1 / evidence.scale).log_likelihood(*evidence.columns) @ evidence.counts
    assert scaled + evidence.log_jacobian == pytest.approx(direct, abs=1e-7)


@pytest.mark.parametrize(
    ("frequency", "recency", "T", "message"),
    [
        ([0, 0], [0.0, 0], [0.0, 0], "observed for no time at all"),
        ([0] * 30, [0.0] * 30, [9.0] * 30, "No customer of 30 bought again: all bought once"),
        ([1] * 9 + [0], [2.0] * 9 + [0], [9.0] * 10, "Only 9 of 10 customers bought again, and 4 parameters need 10"),
    ],
)
def test_data_that_cannot_identify_four_parameters_say_why(frequency, recency, T, message) -> None:
    assert message in BGNBD.evidence(rfm(frequency, recency, T)).shortfall


def test_a_model_with_two_parameters_needs_fewer_repeat_buyers() -> None:
    few = rfm([1] * 5 + [0], [2.0] * 5 + [0], [9.0] * 6)
    assert NBD.evidence(few).shortfall == ""
    assert "4 parameters need 10" in BGNBD.evidence(few).shortfall
