"""A forecast held against what happened: every number again from all draws at once, whatever the chunks."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from clvmodels.data.rfm import RFM
from clvmodels.evaluation.lifetimes import PointSource
from clvmodels.evaluation.score import LEVELS, PIT_EDGES, HindsightSource, SpendSource, score
from clvmodels.models.gamma_gamma import GammaGamma
from clvmodels.prediction.customers import Customers
from clvmodels.prediction.streams import OneHorizon, stream
from clvmodels.prediction.summaries import KnownChunk

N, DRAWS = 60, 40


def base(customers=N):
    x = np.arange(customers) % 4
    return RFM.from_frame(
        pd.DataFrame(
            {"customer_id": range(customers), "frequency": x, "recency": 1.0 * x, "T": 9.0, "monetary_value": 7.5 * x}
        ),
        unit="week",
    )


class Drawn(OneHorizon):
    """Given draws, in chunks of a given size, customers in a given order."""

    uncertain = True

    def __init__(self, realised, expected, size, order):
        self.realised, self.expected, self.size, self.order = realised, expected, size, order

    def parts(self):
        return (self.order[start : start + self.size] for start in range(0, len(self.order), self.size))

    def chunks(self, part):
        expected = self.expected[:, part]
        return [KnownChunk(part, expected.mean(axis=0), expected, self.realised[:, part])]


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(0)
    rate = rng.gamma(1.0, 1.5, N)
    return (
        rng.poisson(rate, (DRAWS, N)).astype(float),
        rng.gamma(50, rate / 50, (8, N)),
        rng.poisson(rate).astype(float),
    )


def scored(drawn, size=N, order=None, progress=None):
    realised, expected, actual = drawn
    source = Drawn(realised, expected, size, np.arange(N) if order is None else order)
    return score(source, actual, progress)


def test_all_numbers_from_all_draws_at_once(drawn):
    realised, expected, actual = drawn
    found = scored(drawn)
    median = np.sort(realised, axis=0)[DRAWS // 2 - 1]
    assert found.actual_total == actual.sum()
    assert found.mean == pytest.approx(expected.mean(axis=0))
    assert found.rmse == pytest.approx(np.sqrt(np.mean((expected.mean(axis=0) - actual) ** 2)))
    assert found.mae == pytest.approx(np.abs(median - actual).mean())
    pairs = np.abs(realised[:, None] - realised).mean(axis=(0, 1)) / 2
    assert found.crps == pytest.approx((np.abs(realised - actual).mean(axis=0) - pairs).mean())
    assert found.total.mean == pytest.approx(expected.mean(axis=0).sum())
    assert found.total.expected == pytest.approx(expected.sum(axis=1))
    assert found.total.realised == pytest.approx(realised.sum(axis=1))


def test_intervals_from_all_draws_at_once(drawn):
    realised, _, actual = drawn
    found = scored(drawn)
    assert LEVELS == tuple(interval.level for interval in found.intervals) == (0.50, 0.80, 0.90, 0.95)
    for interval in found.intervals:
        ends = np.round([(1 - interval.level) / 2, (1 + interval.level) / 2], 9)
        lower, upper = np.quantile(realised, ends, axis=0, method="inverted_cdf")
        assert interval.coverage == np.mean((lower <= actual) & (actual <= upper))
        outside = np.maximum(lower - actual, 0) + np.maximum(actual - upper, 0)
        assert interval.score == pytest.approx(np.mean(upper - lower + 2 / (1 - interval.level) * outside))
        assert found.at(interval.level) is interval
    assert found.at(0.42) is None


def test_pit_is_that_of_the_randomised_ranks(drawn):
    realised, _, actual = drawn
    found, rng = scored(drawn), np.random.default_rng(1)
    below, up_to = (realised < actual).mean(axis=0), (realised <= actual).mean(axis=0)
    ranks = below + rng.random((20_000, N)) * (up_to - below)
    assert len(found.pit) == len(PIT_EDGES) - 1 == 20
    assert found.pit == pytest.approx(np.histogram(ranks, PIT_EDGES)[0] / ranks.size, abs=2e-3)
    assert found.at(0.9).pit == pytest.approx(np.mean((ranks > 0.05) & (ranks <= 0.95)), abs=2e-3)


@pytest.mark.parametrize("size", [1, 7, 59])
def test_chunks_and_their_order_do_not_matter(drawn, size):
    whole, parts = scored(drawn), scored(drawn, size, np.random.default_rng(size).permutation(N))
    assert parts.mean.tolist() == whole.mean.tolist()
    assert parts.pit == pytest.approx(whole.pit)
    assert parts.total.expected == pytest.approx(whole.total.expected)
    assert parts.total.realised.tolist() == whole.total.realised.tolist()
    names = ("rmse", "mae", "gini", "top_decile", "crps", "actual_total")
    assert [getattr(parts, n) for n in names] == pytest.approx([getattr(whole, n) for n in names])
    assert [vars(i) for i in parts.intervals] == [pytest.approx(vars(i)) for i in whole.intervals]


def test_progress_is_told_of_every_chunk(drawn):
    told = []
    scored(drawn, 25, progress=told.append)
    assert told == [25, 25, 10]


def test_a_forecast_of_points_has_no_intervals():
    actual = np.arange(N, dtype=float)
    found = score(PointSource(actual + 2), actual)
    assert (found.rmse, found.mae, found.gini) == (2.0, 2.0, pytest.approx(1.0))
    assert (found.crps, found.pit, found.intervals, found.total.realised) == (None, None, (), None)
    assert found.at(0.90) is None
    assert found.total.mean == actual.sum() + 2 * N


def test_hindsight_is_calibrated_by_construction():
    actual = np.random.default_rng(3).poisson(1.3, 1700).astype(float)
    found = score(HindsightSource(actual), actual)
    for interval in found.intervals:
        assert interval.pit == pytest.approx(interval.level, abs=0.002)
        assert interval.coverage >= interval.level
    assert found.total.mean == pytest.approx(actual.sum())
    assert found.rmse == pytest.approx(actual.std())
    assert found.gini == 0


def test_hindsight_is_the_distribution_of_what_happened():
    actual = np.random.default_rng(4).permutation(1000).astype(float)
    chunks = [chunk for (chunk,) in stream(HindsightSource(actual), list)]
    assert np.concatenate([chunk.customers for chunk in chunks]).tolist() == list(range(1000))
    assert all((np.sort(chunk.realised, axis=0) == np.arange(1000)[:, None]).all() for chunk in chunks)


def spend_chunk(model, rfm, count, futures):
    ((chunk,),) = stream(SpendSource(model, Customers.of(rfm, model), count, futures, seed=0), list)
    return chunk


def test_spend_given_counts_has_the_money_that_the_model_says():
    rfm = base(300).take(np.flatnonzero(base(300).frequency > 0))
    count = 1 + np.arange(len(rfm)) % 3
    draws = 4000
    model = GammaGamma(*(np.full((draws, 1), value) for value in (6.0, 6.0, 15.0)))
    few = rfm.take(slice(3))
    chunk = spend_chunk(model, few, count[:3], draws)
    expected = count[:3] * 6 * (15 + few.frequency * few.money) / (6 * few.frequency + 5)
    assert chunk.mean == pytest.approx(expected)
    assert chunk.realised.shape == (draws, 3)
    assert chunk.realised.mean(axis=0) == pytest.approx(expected, rel=0.04)
    # The same money from the definition: a rate for each customer, then so many gamma purchases.
    rng = np.random.default_rng(8)
    nu = rng.gamma(6 * few.frequency + 6, 1 / (15 + few.frequency * few.money), (200_000, 3))
    witness = rng.gamma(6 * count[:3], 1 / nu)
    quantiles = [0.05, 0.5, 0.95]
    assert np.quantile(chunk.realised, quantiles, axis=0) == pytest.approx(
        np.quantile(witness, quantiles, axis=0), rel=0.06
    )


def test_spend_of_all_purchases_is_judged_by_what_it_saw():
    rfm = replace(base(4), first_spend=np.array([4.0, 8.0, 0.0, 16.0]))
    model = GammaGamma(*(np.full((4000, 1), value) for value in (6.0, 6.0, 15.0)), of="all")
    chunk = spend_chunk(model, rfm, np.ones(4, dtype=np.int64), 4000)
    total = rfm.first_spend + rfm.frequency * rfm.money
    expected = 6 * (15 + total) / (6 * (rfm.frequency + 1) + 5)
    assert chunk.mean == pytest.approx(expected)
    assert chunk.realised.mean(axis=0) == pytest.approx(expected, rel=0.04)
