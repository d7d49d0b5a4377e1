"""Forecasts from fitted models, chunk by chunk of customers: what is expected of them, and their futures."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, Self, TypeVar

import numpy as np

from clvmodels.data.rfm import RFM
from clvmodels.errors import InfiniteMeanError, SettingError
from clvmodels.inference.fit import Fit
from clvmodels.models.protocols import Floats, PurchaseModel, SpendModel, SpendProspects
from clvmodels.models.rates import discounted_time
from clvmodels.prediction.customers import Customers, Positions
from clvmodels.prediction.expected import GivenAlive
from clvmodels.prediction.forecast import Chunk
from clvmodels.prediction.simulate import Terms, futures_of, probability_alive, spending
from clvmodels.prediction.totals import mean_over_draws
from clvmodels.units import DAYS, Duration

R = TypeVar("R")
S = TypeVar("S")

_CELLS = 2**18  # futures x customers x horizons held at once by a thread: 2 MB an array


@dataclass(frozen=True, eq=False)
class ModelSource:
    """Forecasts from fitted models.

    Attributes
    ----------
    purchases, spend
        Models with a row a draw of the parameters, in the time unit of the RFM; without ``spend`` the quantity is
        purchases, with it money.
    rfm
        The customers.
    t
        Horizons in growing order, in the unit of the RFM; the last may be infinite.
    terms
        What a purchase brings to each customer's value.
    serving
        What each customer costs a time unit, whatever they do, ``(customers,)``.
    futures
        How many futures are simulated: under each draw in turn.
    seed
        What the futures follow from.
    uncertain
        Whether the rows are draws of a posterior.
    threads
        How many chunks are worked on at a time.
    discounted
        Whether anybody's value is discounted, so that everybody has the column.
    """

    purchases: PurchaseModel
    spend: SpendModel | None
    rfm: RFM
    t: tuple[float, ...]
    terms: Terms
    serving: Floats
    futures: int
    seed: int
    uncertain: bool
    threads: int
    discounted: bool

    def at(self, horizon: int) -> Self:
        """Return the source of one of the horizons alone; its futures are the same."""
        return replace(self, t=(self.t[horizon],))

    def take(self, customers: slice) -> Self:
        """Return the source of some customers alone; their numbers are the same."""
        return replace(
            self,
            rfm=self.rfm.take(customers),
            terms=self.terms.take(customers),
            serving=self.serving[customers],
        )

    def refuse_infinite_means(self) -> None:
        """Raise where a customer's expected spend is infinite under some draws, with the share of these."""
        if self.spend is None:
            return
        seen, customers = np.unique(self.spend.observed(self.rfm)[0], return_counts=True)
        infinite = ~np.broadcast_to(self.spend.mean_exists(seen), (self.spend.draws, len(seen)))
        if infinite.any():
            share = float((infinite @ customers).sum() / infinite.shape[0] / customers.sum())
            concerned = int(customers[infinite.any(axis=0)].sum())
            raise InfiniteMeanError(
                f"{self.spend.name}: {concerned:,} of {len(self.rfm):,} customers have an infinite expected spend "
                f"under some draws of the parameters, {share:.1%} of all pairs of customer and draw, so their mean "
                "value does not exist. What they will really bring has a median and intervals all the same: "
                "frame(means=False), interval(), quantiles(). For means, fit clv.GammaGammaAllPurchases, which knows "
                "each customer's first purchase too, or look at the largest amounts."
            )

    @cached_property
    def finite_variance(self) -> bool:
        """Whether the value of each customer's purchases has a variance under all draws: a shape above 2."""
        if self.spend is None:
            return True
        seen = np.unique(self.spend.observed(self.rfm)[0])
        return bool((self.spend.prospects(seen, np.zeros_like(seen)).shape > 2).all())

    def stream(self, use: Callable[[Sequence[Chunk]], R]) -> Iterator[R]:
        """Yield what ``use`` makes of each chunk, one chunk a horizon; it runs in several threads.

        Customers come in the order of their histories, so that what equal histories share is computed once.
        """
        order = np.argsort(self.customers.history, kind="stable")
        size = max(1, _CELLS // max(self.futures, self.purchases.draws) // len(self.t))
        parts = (order[start : start + size] for start in range(0, len(order), size))
        return in_order(lambda part: use(self._chunks(part)), parts, self.threads)

    def _chunks(self, positions: Positions) -> Sequence[Chunk]:
        shared = _Shared(self, positions)
        return [_ModelChunk(shared, horizon) for horizon in range(len(self.t))]

    @cached_property
    def customers(self) -> Customers:
        """The customers as arrays."""
        return Customers.of(self.rfm, self.spend)

    @cached_property
    def ends(self) -> Floats:
        """How far the futures go, ``(horizons,)``."""
        return np.array(self.t)

    @cached_property
    def counting(self) -> tuple[GivenAlive | None, ...]:
        """Expected purchases given alive, undiscounted, within each horizon; ``None`` without an end."""
        return tuple(self._given_alive(t, 0.0) if np.isfinite(t) else None for t in self.t)

    @cached_property
    def discounting(self) -> Mapping[float, tuple[GivenAlive, ...]]:
        """Expected purchases given alive, discounted at each force of interest, within each horizon."""
        return {delta: tuple(self._given_alive(t, delta) for t in self.t) for delta in _distinct(self.terms.delta)}

    @cached_property
    def buying(self) -> tuple[GivenAlive, ...]:
        """P(at least one purchase) given alive, within each horizon."""
        return tuple(self._over(partial(self._buys, t=t)) for t in self.t)

    def _buys(self, x: Floats, T: Floats, t: float) -> Floats:
        model = self.purchases
        return model.at_least_if_alive(np.ones(()), x, T, t) if np.isfinite(t) else 1 - model.never_if_alive(x, T)

    def _given_alive(self, t: float, delta: float) -> GivenAlive:
        return self._over(lambda x, T: self.purchases.purchases_if_alive(x, T, t, delta))

    def _over(self, function: Callable[..., Floats]) -> GivenAlive:
        return GivenAlive.over(self.purchases, self.customers, function)


@dataclass(frozen=True, eq=False)
class _Shared:
    """What the horizons of a chunk share, computed when first asked for."""

    source: ModelSource
    positions: Positions

    @cached_property
    def customers(self) -> Customers:
        return self.source.customers.take(self.positions)

    @cached_property
    def terms(self) -> Terms:
        return self.source.terms.take(self.positions)

    @cached_property
    def alive(self) -> Floats:
        return probability_alive(self.source.purchases, self.customers)

    @cached_property
    def worth(self) -> Floats:
        of = self.source
        return futures_of(
            of.purchases, self.spending, self.customers, of.ends, self.terms, of.futures, of.seed, self.alive
        )

    @cached_property
    def spending(self) -> SpendProspects | None:
        return spending(self.source.spend, self.customers)

    @cached_property
    def spend(self) -> Floats:
        """The expected value of a purchase, ``(customers, draws)``."""
        assert self.spending is not None  # noqa: S101 -- nobody asks without a spend model
        return np.broadcast_to(self.spending.mean(), (len(self.customers), self.source.purchases.draws))


@dataclass(frozen=True, eq=False)
class _ModelChunk:
    """A chunk of one horizon; draws and futures lie along the last axis in memory."""

    shared: _Shared
    horizon: int

    @property
    def customers(self) -> Positions:
        return self.shared.positions

    @cached_property
    def mean(self) -> Floats:
        return mean_over_draws(self._value.T)

    @property
    def expected(self) -> Floats:
        return self._value.T

    @cached_property
    def realised(self) -> Floats:
        return self.brought - self._charged if self._charged.any() else self.brought

    @property
    def brought(self) -> Floats:
        worth: Floats = self.shared.worth[self.horizon]
        return worth.T

    @cached_property
    def _charged(self) -> Floats:
        """What each customer costs until the horizon, whatever happens."""
        shared, t = self.shared, self.shared.source.t[self.horizon]
        serving = shared.source.serving[shared.positions]
        return serving * discounted_time(t, shared.terms.delta) if serving.any() else serving

    @cached_property
    def columns(self) -> Mapping[str, Floats]:
        """What is expected of each customer's purchases."""
        shared, own = self.shared, self.shared.customers.history
        columns = {"p_alive": mean_over_draws(shared.alive.T)[own]}
        if self._counts is not None:
            columns["expected_purchases"] = mean_over_draws(self._counts.T)[own]
        if shared.source.spend is None:
            buys = shared.source.buying[self.horizon](shared.customers, shared.alive)
            columns["p_purchase"] = mean_over_draws(buys.T)[own]
        elif shared.source.discounted:
            columns["discounted_purchases"] = mean_over_draws(self._discounted.T)
        return columns

    @cached_property
    def mean_columns(self) -> Mapping[str, Floats]:
        """What else is expected of each customer, where it is finite."""
        return {} if self.shared.source.spend is None else {"expected_spend": mean_over_draws(self.shared.spend.T)}

    @cached_property
    def _counts(self) -> Floats | None:
        given_alive = self.shared.source.counting[self.horizon]
        return None if given_alive is None else given_alive(self.shared.customers, self.shared.alive)

    @cached_property
    def _discounted(self) -> Floats:
        """Expected discounted purchases, ``(customers, draws)``."""
        shared = self.shared
        own, delta = shared.customers.history, shared.terms.delta
        if not shared.terms.discounted and self._counts is not None:
            return _each(self._counts, own)
        forces = _distinct(delta)
        each = [shared.source.discounting[force][self.horizon](shared.customers, shared.alive) for force in forces]
        return _each(each[0], own) if len(forces) == 1 else np.stack(each)[np.searchsorted(forces, delta), own]

    @cached_property
    def _value(self) -> Floats:
        shared, terms = self.shared, self.shared.terms
        value = self._discounted
        if shared.source.spend is not None:
            worth = terms.margin[:, None] * shared.spend
            if terms.cost.any():
                worth -= terms.cost[:, None]
            value = value * worth
        return value - self._charged[:, None] if self._charged.any() else value


def model_source(
    purchases: Fit[Any],
    spend: Fit[Any] | None,
    rfm: RFM,
    horizons: Sequence[Duration],
    terms: Terms,
    *,
    draws: int,
    seed: int,
    threads: int | None,
    serving: Floats | None = None,
) -> ModelSource:
    """Return the source of a forecast from fits that can be relied on, in the time unit of the RFM."""
    refuse_misfits(purchases, spend, rfm)
    if not isinstance(draws, (int, np.integer)) or draws < 1:
        raise SettingError(f"The number of futures is a whole number from 1 up; draws={draws!r} is not.")
    if not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**64:
        raise SettingError(f"A seed is a whole number from 0 to 2**64 - 1; {seed!r} is not.")
    if threads is not None and (not isinstance(threads, (int, np.integer)) or threads < 1):
        raise SettingError(f"The number of threads is a whole number from 1 up, or None; {threads!r} is not.")
    if horizons[-1].is_infinite and not (terms.delta > 0).all():
        raise SettingError("An infinite horizon needs a discount: undiscounted, the mean need not exist.")
    models = [rows(fit, rfm.unit, draws) for fit in (purchases, spend) if fit is not None]
    numbers = {model.draws for model in models}
    if len(numbers) > 1 or (spend is not None and (purchases.posterior is None) != (spend.posterior is None)):
        raise SettingError(
            "The two fits must have equally many draws of their parameters. Fit both with the same method, such as "
            "clv.Laplace(draws=1000)."
        )
    return ModelSource(
        models[0],
        models[1] if spend is not None else None,
        rfm,
        tuple(horizon.count(rfm.unit) for horizon in horizons),
        terms,
        np.zeros(len(rfm)) if serving is None else serving,
        draws,
        int(seed),
        uncertain=purchases.posterior is not None,
        threads=int(threads) if threads is not None else cores(),
        discounted=terms.discounted,
    )


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def refuse_misfits(purchases: object, spend: object, rfm: object) -> None:
    """Say what is not the fit of a purchase model, not that of a spend model, or not an RFM."""
    if not (isinstance(purchases, Fit) and hasattr(purchases.specification, "purchases_if_alive")):
        raise SettingError("purchases is not the fit of a purchase model, such as clv.fit(clv.BGNBD, rfm).")
    if spend is not None and not (isinstance(spend, Fit) and hasattr(spend.specification, "expected_spend")):
        raise SettingError("spend is not the fit of a spend model, such as clv.fit(clv.GammaGamma, rfm).")
    if not isinstance(rfm, RFM):
        raise SettingError(f"Customers come as an RFM, and this is a {type(rfm).__name__}: use summarize() first.")


def rows(fit: Fit[Any], unit: str, most: int) -> Any:  # noqa: ANN401 -- what comes out is of the fit's model
    """Return the fit's draws (at most as many as there are futures), or its point as one draw, in another time unit."""
    fit.require()
    model = fit.model if fit.posterior is None else fit.draws
    as_rows = type(model)(*(np.atleast_2d(value) for value in model.parameters().values())).take(slice(most))
    is_time = hasattr(model, "probability_alive")
    return as_rows.rescaled(DAYS[fit.unit] / DAYS[unit]) if is_time else as_rows


def in_order(work: Callable[[S], R], items: Iterable[S], threads: int) -> Iterator[R]:
    """Yield the results of work in the order of the items, with few results waiting."""
    if threads == 1:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[R]] = deque()
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _each(values: Floats, history: Positions) -> Floats:
    """Return the row of each customer's history; where no two share one, that is all of them in their order."""
    return values if len(values) == len(history) else values[history]


def _distinct(delta: Floats) -> list[float]:
    return [float(force) for force in np.unique(delta)]
