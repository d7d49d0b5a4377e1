"""Distinct histories in blocks: every customer gets the numbers of their own history."""

import numpy as np
import pandas as pd
import pytest

from clvmodels.data.histories import Histories
from clvmodels.data.rfm import RFM
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.nbd import NBD
from clvmodels.prediction import blocks
from clvmodels.prediction.blocks import by_history

FOUR = NBD(np.full((4, 1), 0.5), 3.0)


@pytest.fixture(scope="module")
def rfm():
    rng = np.random.default_rng(0)
    T, x = rng.integers(1, 9, 500) * 7.0, rng.integers(0, 4, 500)
    recency = np.where(x > 0, np.minimum(rng.integers(1, 4, 500) * 5.0, T), 0.0)
    table = pd.DataFrame({"customer_id": np.arange(500), "frequency": x, "recency": recency, "T": T})
    return RFM.from_frame(table, unit="day")


def own(block):
    """Return each history as numbers of it."""
    return np.stack([block.histories.x, block.histories.t_x, block.histories.T])


@pytest.mark.parametrize("cells", [1, 40, 2**17])
def test_customers_get_the_numbers_of_their_own_history(rfm, cells, monkeypatch) -> None:
    monkeypatch.setattr(blocks, "_CELLS", cells)
    seen = []

    def numbers(block):
        seen.extend(own(block).T.tolist())
        assert len(block.histories) <= max(1, cells // 4)
        assert len(set(block.histories.x)) == 1
        return own(block)

    found = by_history(FOUR, rfm, numbers)
    np.testing.assert_array_equal(found, [rfm.frequency, rfm.recency, rfm.T])
    assert len(seen) == len(set(map(tuple, seen))) == len(rfm.histories)


def test_what_depends_on_age_alone_is_evaluated_once_an_age(rfm) -> None:
    ages = []

    def of(future):
        ages.append(future.rate.size)
        return future.shape + future.rate[None]

    found = by_history(NBD(0.5, 3.0), rfm, lambda block: block.given_alive(of))
    np.testing.assert_array_equal(found[0], 0.5 + rfm.frequency + (3.0 + rfm.T))
    assert ages == [8, 8, 8, 8]


def test_where_recency_matters_every_history_is_evaluated(rfm, recency_model) -> None:
    model, asked = recency_model(np.full((4, 1), 0.5), 3.0, 0.8, 2.4), []

    def of(future):
        asked.append(future.rate.size)
        return future.purchases(30.0)

    found = by_history(model, rfm, lambda block: block.alive * block.given_alive(of))
    everyone = Histories(rfm.frequency, rfm.recency, rfm.T)
    np.testing.assert_allclose(
        found, model.probability_alive(everyone) * model.future(everyone).purchases(30.0), rtol=1e-12
    )
    assert sum(asked) == len(rfm.histories)


def test_a_block_has_the_futures_of_some_of_its_histories_under_some_of_the_draws(rfm) -> None:
    several = BGNBD(np.array([[0.2], [0.3], [0.4], [0.5]]), 4.0, 0.8, 2.4)
    some, draws = np.array([2, 0]), np.array([3, 1])

    def of(block):
        histories = block.histories
        np.testing.assert_array_equal(block.alive, several.probability_alive(histories) * np.ones((4, len(histories))))
        one, two = block.future().survival(30.0), block.future(some, draws).survival(30.0)
        np.testing.assert_array_equal(one, several.future(histories).survival(30.0))
        np.testing.assert_array_equal(two, one[np.ix_(draws, some)])
        return own(block)

    by_history(several, rfm, of)


def test_each_group_has_its_own_parameters(rfm, monkeypatch) -> None:
    group = np.arange(500) % 2
    r, alpha = np.array([[0.2, 0.5], [0.3, 0.6]]), np.array([[4.0, 9.0], [5.0, 8.0]])

    def expected(block):
        return block.alive * block.given_alive(lambda future: future.purchases(30.0))

    alone = [by_history(BGNBD(r[:, [g]], alpha[:, [g]], 0.8, 2.4), rfm.take(group == g), expected) for g in (0, 1)]
    merged = Histories.merge(rfm.frequency, rfm.recency, rfm.T, group)
    monkeypatch.setitem(vars(rfm), "histories", merged)
    found = by_history(BGNBD(r, alpha, 0.8, 2.4), rfm, expected)
    for g in (0, 1):
        np.testing.assert_array_equal(found[:, group == g], alone[g])
