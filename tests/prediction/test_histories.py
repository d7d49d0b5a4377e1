"""Distinct histories in blocks: every customer gets the numbers of their own history."""

import numpy as np
import pandas as pd
import pytest

from clvmodels.data.rfm import RFM
from clvmodels.errors import FitError, SettingError
from clvmodels.inference.fit import fit
from clvmodels.inference.methods import MaximumLikelihood
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.prediction import histories as module
from clvmodels.prediction.histories import all_draws, by_history


@pytest.fixture(scope="module")
def rfm():
    rng = np.random.default_rng(0)
    T, x = rng.integers(1, 9, 500) * 7.0, rng.integers(0, 4, 500)
    recency = np.where(x > 0, np.minimum(rng.integers(1, 4, 500) * 5.0, T), 0.0)
    table = pd.DataFrame({"customer_id": np.arange(500), "frequency": x, "recency": recency, "T": T})
    return RFM.from_frame(table, unit="day")


@pytest.mark.parametrize("cells", [1, 40, 2**17])
def test_customers_get_the_numbers_of_their_own_history(rfm, cells, monkeypatch) -> None:
    monkeypatch.setattr(module, "_CELLS", cells)
    seen = []

    def numbers(block):
        seen.extend(zip(np.broadcast_to(block.x, block.T.shape), block.t_x, block.T, strict=True))
        assert len(block.T) <= max(1, cells // 4)
        return np.stack([np.broadcast_to(block.x, block.T.shape), block.t_x, block.T])

    found = by_history(rfm, 4, numbers)
    np.testing.assert_array_equal(found, [rfm.frequency, rfm.recency, rfm.T])
    assert len(seen) == len(set(seen)) == len(rfm.collapse().counts)


def test_what_depends_on_age_alone_is_evaluated_once_an_age(rfm) -> None:
    ages = []

    def function(x, T, factor):
        ages.append(len(T))
        return factor * (x + T)[None]

    found = by_history(rfm, 1, lambda block: block.at_age(function, 2.0))
    np.testing.assert_array_equal(found[0], 2.0 * (rfm.frequency + rfm.T))
    assert ages == [8, 8, 8, 8]


def test_draws_come_in_the_unit_of_the_customers(cdnow_rfm, cdnow_purchases, cdnow_purchases_point, rfm) -> None:
    assert all_draws(cdnow_purchases, cdnow_rfm).draws == 1000
    point = all_draws(cdnow_purchases_point, rfm)
    assert point.draws == 1
    assert point.alpha[0, 0] == pytest.approx(7 * cdnow_purchases_point.model.alpha)


def test_what_cannot_be_relied_on_is_refused(cdnow_rfm, cdnow_purchases, cdnow_spend) -> None:
    with pytest.raises(SettingError, match="not the fit of a purchase model"):
        all_draws(cdnow_spend, cdnow_rfm)
    with pytest.raises(SettingError, match="Customers come as an RFM, and this is a DataFrame"):
        all_draws(cdnow_purchases, cdnow_rfm.frame())
    few = cdnow_rfm.take(cdnow_rfm.frequency == 0)
    with pytest.raises(FitError, match="all bought once"):
        all_draws(fit(BGNBD, few, MaximumLikelihood()), few)
