"""What models of purchases learn from."""

import numpy as np
import pandas as pd
import pytest

from clvmodels.data.rfm import RFM
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.learning import learn_histories
from clvmodels.models.nbd import NBD


def rfm(frequency, recency, T, unit="week"):
    table = pd.DataFrame({"customer_id": range(len(frequency)), "frequency": frequency, "recency": recency, "T": T})
    return RFM.from_frame(table, unit=unit)


def test_the_evidence_counts_customers_with_equal_histories_once() -> None:
    found = learn_histories(rfm([2, 0, 2, 0, 1], [30.0, 0, 30, 0, 5], [39.0, 39, 39, 20, 39]), parameters=2)
    assert found.counts.sum() == 5
    assert sorted(found.counts) == [1, 1, 1, 2]
    # the scale: time observed a repeat purchase
    assert found.scale == pytest.approx((4 * 39 + 20) / 5)
    (both,) = np.flatnonzero(found.counts == 2)
    assert found.customers.tolist() == [0, 1, 2, 3, 4]
    assert np.flatnonzero(found.row == both).tolist() == [0, 2]
    columns = found.in_unit()
    assert [columns[name][both] for name in ("x", "t_x", "T")] == pytest.approx([2, 30, 39])
    assert found.log_jacobian == pytest.approx(-5 * np.log(found.scale))


def test_the_scaled_likelihood_and_its_jacobian_give_the_likelihood_in_the_unit_of_the_data(cdnow_rfm) -> None:
    evidence, model = BGNBD().learn(cdnow_rfm), BGNBD(0.25, 4.5, 0.8, 2.4)
    direct = model.log_likelihood(cdnow_rfm.frequency.astype(float), cdnow_rfm.recency, cdnow_rfm.T).sum()
    scaled = model.rescaled(1 / evidence.scale).log_likelihood(**evidence.columns) @ evidence.counts
    assert scaled + evidence.log_jacobian == pytest.approx(direct, abs=1e-7)
    assert model.log_likelihood(**evidence.in_unit()) @ evidence.counts == pytest.approx(direct, abs=1e-7)


@pytest.mark.parametrize(
    ("frequency", "recency", "T", "message"),
    [
        ([0] * 30, [0.0] * 30, [9.0] * 30, "No customer of 30 bought again: all bought once"),
        ([1] * 9 + [0], [2.0] * 9 + [0], [9.0] * 10, "Only 9 of 10 customers bought again, and 4 parameters need 10"),
    ],
)
def test_data_that_cannot_identify_four_parameters_say_why(frequency, recency, T, message) -> None:
    found = BGNBD().learn(rfm(frequency, recency, T))
    assert message in found.scarcity
    assert found.shortfall == ""  # a prior can settle it


def test_customers_who_were_not_observed_tell_nothing() -> None:
    assert "observed for no time at all" in BGNBD().learn(rfm([0, 0], [0.0, 0], [0.0, 0])).shortfall


def test_the_scale_without_repeat_purchases_is_that_of_one() -> None:
    assert BGNBD().learn(rfm([0, 0], [0.0, 0], [10.0, 30.0])).scale == 40.0


def test_a_model_with_two_parameters_needs_fewer_repeat_buyers() -> None:
    few = rfm([1] * 5 + [0], [2.0] * 5 + [0], [9.0] * 6)
    assert NBD().learn(few).scarcity == ""
    assert "4 parameters need 10" in BGNBD().learn(few).scarcity
