"""A forecast held against what happened: streamed in chunks, a few numbers a customer kept."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from clvmodels.evaluation import metrics
from clvmodels.models.future import SpendModel
from clvmodels.models.special import Floats
from clvmodels.prediction.customers import Customers
from clvmodels.prediction.simulate import simulate_money
from clvmodels.prediction.streams import OneHorizon, Progress, Stream, stream
from clvmodels.prediction.summaries import Chunk, KnownChunk, ends, quantile
from clvmodels.prediction.totals import Total

LEVELS = (0.50, 0.80, 0.90, 0.95)
PIT_EDGES = np.linspace(0, 1, 21)


@dataclass(frozen=True, eq=False)
class IntervalScore:
    """How the realised-value intervals of one level did.

    Attributes
    ----------
    coverage
        Share of the customers whose interval holds what they did. For counts it flatters: an interval of whole
        purchases holds more than it says.
    pit
        The same share by the randomised PIT, which is exact: ``level`` where the forecast is calibrated.
    score
        Mean interval score, smaller is better.
    """

    level: float
    coverage: float
    pit: float
    score: float


@dataclass(frozen=True, eq=False)
class Score:
    """How well a forecast did on a quantity.

    ``mae``, ``crps`` and the PIT are of the customers' realised values. A forecast of points has its absolute error
    as ``mae``, and no intervals, CRPS or PIT (``None`` and empty). ``pit`` is the share of the randomised PIT in each
    of 20 equal bins; ``mean`` the prediction of each customer, ``(customers,)``.
    """

    actual_total: float
    total: Total
    mean: Floats
    rmse: float
    mae: float
    gini: float
    top_decile: float
    crps: float | None
    intervals: tuple[IntervalScore, ...]
    pit: Floats | None

    def at(self, level: float) -> IntervalScore | None:
        """Return the interval score of a level, or ``None`` where the forecast has no intervals."""
        return next((interval for interval in self.intervals if interval.level == level), None)


def score(source: Stream, actual: Floats, progress: Progress | None = None) -> Score:
    """Score a forecast of one horizon against what each customer did, shape ``(customers,)``."""
    source.refuse_infinite_means()
    n = len(actual)
    kept = _Kept(np.empty(n), np.empty(n), np.empty(n), np.empty((2, n)), np.empty((len(LEVELS), 2, n)))

    def use(chunks: Sequence[Chunk]) -> tuple[int, Floats, Floats | None]:
        (chunk,) = chunks
        kept.add(chunk, actual[chunk.customers])
        realised = None if chunk.realised is None else chunk.realised.sum(axis=1)
        return len(chunk.customers), chunk.expected.sum(axis=1), realised

    expected: Floats | float = 0.0
    realised: Floats | float | None = 0.0
    for customers, expects, brings in stream(source, use):
        expected = expected + expects
        realised = None if realised is None or brings is None else realised + brings
        if progress:
            progress(customers)
    drawn = None if realised is None else np.asarray(realised)
    total = Total(float(kept.mean.sum()), np.asarray(expected), drawn, source.uncertain)
    return kept.score(actual, total)


@dataclass(frozen=True, eq=False)
class _Kept:
    mean: Floats
    median: Floats
    crps: Floats
    pit: Floats
    bounds: Floats

    def add(self, chunk: Chunk, actual: Floats) -> None:
        i = chunk.customers
        self.mean[i] = self.median[i] = chunk.mean
        if chunk.realised is None:
            return
        ordered = np.sort(chunk.realised, axis=0)
        self.median[i] = quantile(ordered, 0.5)
        self.crps[i] = metrics.crps(ordered, actual)
        self.pit[:, i] = metrics.pit(ordered, actual)
        self.bounds[:, :, i] = [[quantile(ordered, p) for p in ends(level)] for level in LEVELS]

    def score(self, actual: Floats, total: Total) -> Score:
        has_futures = total.realised is not None
        return Score(
            actual_total=float(actual.sum()),
            total=total,
            mean=self.mean,
            rmse=metrics.rmse(self.mean, actual),
            mae=metrics.mae(self.median, actual),
            gini=metrics.gini(self.mean, actual),
            top_decile=metrics.top_share(self.mean, actual),
            crps=float(self.crps.mean()) if has_futures else None,
            intervals=tuple(self._intervals(actual)) if has_futures else (),
            pit=metrics.pit_mass(self.pit, PIT_EDGES) if has_futures else None,
        )

    def _intervals(self, actual: Floats) -> Iterator[IntervalScore]:
        for level, (lower, upper) in zip(LEVELS, self.bounds, strict=True):
            yield IntervalScore(
                level,
                float(np.mean((lower <= actual) & (actual <= upper))),
                metrics.pit_coverage(self.pit, level),
                float(metrics.interval_score(lower, upper, actual, level).mean()),
            )


@dataclass(frozen=True, eq=False)
class HindsightSource(OneHorizon):
    """The same forecast for everybody: the distribution of what happened, known afterwards. A baseline, no rival."""

    actual: Floats

    def parts(self) -> list[NDArray[np.intp]]:
        """Return the customers, a thousand at a time."""
        return np.array_split(np.arange(len(self.actual)), 1 + len(self.actual) // 1000)

    def chunks(self, part: NDArray[np.intp]) -> list[Chunk]:
        """Return some customers, with the same thousand quantiles for each."""
        quantiles = np.quantile(self.actual, (np.arange(1000) + 0.5) / 1000, method="inverted_cdf").astype(float)
        mean = np.full(len(part), self.actual.mean())
        return [KnownChunk(part, mean, mean[None], np.repeat(quantiles[:, None], len(part), axis=1))]


@dataclass(frozen=True, eq=False)
class SpendSource(OneHorizon):
    """The money of the purchases that happened: a spend model scored alone.

    ``customers`` and ``count`` are of the customers who did buy.
    """

    spend: SpendModel
    customers: Customers
    count: NDArray[np.int64]
    futures: int
    seed: int

    def take(self, customers: slice) -> Self:
        """Return the source of some customers alone."""
        return replace(self, customers=self.customers.take(customers), count=self.count[customers])

    def parts(self) -> list[NDArray[np.intp]]:
        """Return the customers, a thousand at a time."""
        return np.array_split(np.arange(len(self.count)), 1 + len(self.count) // 1000)

    def chunks(self, part: NDArray[np.intp]) -> list[Chunk]:
        """Return some customers."""
        some, count = self.customers.take(part), self.count[part]
        money = simulate_money(self.spend, some, count, self.futures, self.seed).T
        expected = count.astype(float) * np.atleast_2d(self.spend.value(**some.observed).mean())
        return [KnownChunk(part, expected.mean(axis=0), expected, money)]
