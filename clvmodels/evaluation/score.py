"""A forecast held against what happened: streamed in chunks, a few numbers a customer kept."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clvmodels.data.rfm import RFM
from clvmodels.evaluation import metrics
from clvmodels.models.protocols import Floats, SpendModel
from clvmodels.prediction.forecast import Chunk, Forecast, Progress, Total, ends, quantile
from clvmodels.prediction.simulate import simulate_money

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


def score(forecast: Forecast, actual: Floats, progress: Progress | None = None) -> Score:
    """Score a forecast against what each customer did, shape ``(customers,)``."""
    n = len(actual)
    kept = _Kept(np.empty(n), np.empty(n), np.empty(n), np.empty((2, n)), np.empty((len(LEVELS), 2, n)))
    expected: Floats | float = 0.0
    realised: Floats | float | None = 0.0
    for chunk in forecast.source.chunks():
        kept.add(chunk, actual[chunk.customers])
        expected = expected + chunk.expected.sum(axis=1)
        realised = None if realised is None or chunk.realised is None else realised + chunk.realised.sum(axis=1)
        if progress:
            progress(len(chunk.customers))
    drawn = None if realised is None else np.asarray(realised)
    total = Total(float(kept.mean.sum()), np.asarray(expected), drawn, forecast.source.uncertain)
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
class HindsightSource:
    """The same forecast for everybody: the distribution of what happened, known afterwards. A yardstick, no rival."""

    actual: Floats

    uncertain = False

    def chunks(self) -> Iterator[Chunk]:
        """Yield the customers; every chunk has the same thousand quantiles for each."""
        quantiles = np.quantile(self.actual, (np.arange(1000) + 0.5) / 1000, method="inverted_cdf").astype(float)
        for customers in np.array_split(np.arange(len(self.actual)), 1 + len(self.actual) // 1000):
            alike = np.repeat(quantiles[:, None], len(customers), axis=1)
            mean = np.full(len(customers), self.actual.mean())
            yield Chunk(customers, mean, mean[None], alike, {})


@dataclass(frozen=True, eq=False)
class SpendSource:
    """The money of the purchases that happened: a spend model judged alone.

    ``rfm`` and ``count`` are of the customers who did buy.
    """

    spend: SpendModel
    rfm: RFM
    count: NDArray[np.int64]
    seed: int

    uncertain = False

    def chunks(self) -> Iterator[Chunk]:
        """Yield the customers."""
        for customers in np.array_split(np.arange(len(self.rfm)), 1 + len(self.rfm) // 1000):
            rfm, count = self.rfm.take(customers), self.count[customers]
            money = simulate_money(self.spend, rfm, count, self.seed)
            expected = count.astype(float) * np.atleast_2d(self.spend.expected_spend(*self.spend.observed(rfm)))
            yield Chunk(customers, expected.mean(axis=0), expected, money, {})
