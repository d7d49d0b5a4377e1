"""Forecasts from models, chunk by chunk of customers: what is expected of them, and their futures."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, Self, TypeVar

import numpy as np

from clvmodels import checked
from clvmodels.data.rfm import RFM, refuse_no_rfm
from clvmodels.errors import InfiniteMeanError, SettingError
from clvmodels.inference.fit import Fit
from clvmodels.models.future import (
    Future,
    Model,
    PurchaseModel,
    PurchaseValue,
    SpendModel,
    infinite_means,
    values_by_count,
)
from clvmodels.models.special import Floats, discounted_time
from clvmodels.models.specification import Kind
from clvmodels.prediction.customers import Customers, Positions
from clvmodels.prediction.expected import GivenAlive
from clvmodels.prediction.simulate import futures_of, probability_alive, values
from clvmodels.prediction.summaries import Chunk, mean_over_draws
from clvmodels.prediction.terms import WORTHLESS, Terms
from clvmodels.text import count
from clvmodels.units import Duration

M = TypeVar("M", bound=Model)

_FEW = 8  # draws that tell how much there is to simulate
_MOST = 1e11  # purchases to simulate, and futures without any: beyond it, a mistake, or work for hours
_CELLS = 2**18  # futures x customers x horizons held at once by a thread: 2 MB an array


@dataclass(frozen=True, eq=False)
class ModelSource:
    """Forecasts from models.

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
        What a purchase brings to each customer's value, and what each customer costs.
    futures
        How many futures are simulated: under each draw in turn.
    seed
        What the futures follow from.
    uncertain
        Whether the rows are draws, of a posterior or a sampling distribution, and not a point.
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
    futures: int
    seed: int
    uncertain: bool
    threads: int
    discounted: bool

    has_futures = True

    def at(self, horizon: int) -> Self:
        """Return the source of one of the horizons alone; its futures are the same."""
        return replace(self, t=(self.t[horizon],))

    def take(self, customers: slice) -> Self:
        """Return the source of some customers alone; their numbers are the same."""
        return replace(self, rfm=self.rfm.take(customers), terms=self.terms.take(customers))

    @property
    def known(self) -> Sequence[Mapping[str, bool]]:
        """The columns of the chunks of each horizon, and whether each exists only where the mean does."""
        counts = self.spend is not None or self.discounted  # else the mean of the quantity is this very number
        return [
            {"p_alive": False}
            | ({"expected_purchases": False} if counts and np.isfinite(t) else {})
            | ({"discounted_purchases": False} if self.spend is not None and self.discounted else {})
            | ({"p_purchase": False} if self.spend is None else {"expected_spend": True})
            for t in self.t
        ]

    def refuse_infinite_means(self) -> None:
        """Raise where a customer's expected spend is infinite under some draws, with the share of these."""
        if self.spend is None:
            return
        if why := infinite_means(self.spend, self.customers.observed):
            raise InfiniteMeanError(f"{self.spend.name}: {why}")

    def refuse_hours(self) -> None:
        """Raise where there is far more to simulate than anybody waits for, with an estimate of how much."""
        histories, few = self.customers.histories, self.purchases.take(slice(_FEW))
        worthless = np.full(len(self.rfm), np.inf)
        np.divide(WORTHLESS, self.terms.delta, out=worthless, where=self.terms.delta > 0)
        seen = float(np.minimum(self.t[-1], worthless).sum()) / max(1, len(worthless))
        given_alive = GivenAlive.over(few, histories, lambda future: future.purchases(seen, 0.0))
        each = given_alive(histories, probability_alive(few, histories)).mean(axis=1)[histories.row]
        if (most := self.futures * float((1 + each).sum())) > _MOST:
            who, times = self.rfm.customer_id[each.argmax()], each.max()
            raise SettingError(
                f"There would be some {most / 1e9:,.0f} billion purchases to simulate, in {self.futures:,} futures of "
                f"{count(len(each), 'customer')}; '{who}' alone buys some {times:,.0f} times in each. More than "
                f"{_MOST / 1e9:,.0f} billion are refused. Name a nearer horizon, a higher discount or fewer futures, "
                "or take a part of the customers at a time."
            )

    @cached_property
    def finite_variance(self) -> bool:
        """Whether the value of each customer's purchases has a variance under all draws."""
        return self.spend is None or bool(values_by_count(self.spend, self.customers.observed)[0].has_variance.all())

    def parts(self) -> Iterator[Positions]:
        """Yield positions of customers in the order of their histories: what equal ones share is computed once.

        Equal ones are in the order of their keys, so that sums are the same to the last bit in any order of the RFM.
        """
        order = np.lexsort((self.rfm.key, self.customers.histories.row))
        size = max(1, _CELLS // max(self.futures, self.purchases.draws) // len(self.t))
        return (order[start : start + size] for start in range(0, len(order), size))

    def chunks(self, part: Positions) -> Sequence[Chunk]:
        """Return the chunks of some customers, one a horizon."""
        shared = _Shared(self, part)
        return [_ModelChunk(shared, horizon) for horizon in range(len(self.t))]

    @cached_property
    def customers(self) -> Customers:
        """The customers as arrays."""
        return Customers.of(self.rfm, self.spend)

    @cached_property
    def counting(self) -> tuple[GivenAlive | None, ...]:
        """Expected purchases given alive, undiscounted, within each horizon; ``None`` without an end."""
        return tuple(self._purchases(t, 0.0) if np.isfinite(t) else None for t in self.t)

    @cached_property
    def discounting(self) -> Mapping[float, tuple[GivenAlive, ...]]:
        """Expected purchases given alive, discounted at each force of interest, within each horizon."""
        return {delta: tuple(self._purchases(t, delta) for t in self.t) for delta in _distinct(self.terms.delta)}

    @cached_property
    def buying(self) -> tuple[GivenAlive, ...]:
        """P(at least one purchase) given alive, within each horizon."""
        return tuple(self._given_alive(partial(_buys, t=t)) for t in self.t)

    def _purchases(self, t: float, delta: float) -> GivenAlive:
        return self._given_alive(lambda future: future.purchases(t, delta))

    def _given_alive(self, quantity: Callable[[Future], Floats]) -> GivenAlive:
        return GivenAlive.over(self.purchases, self.customers.histories, quantity)


def _buys(future: Future, t: float) -> Floats:
    return future.at_least(np.ones(()), t) if np.isfinite(t) else 1 - future.never()


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
        return probability_alive(self.source.purchases, self.customers.histories)

    @cached_property
    def value(self) -> PurchaseValue | None:
        return values(self.source.spend, self.customers)

    @cached_property
    def gross(self) -> Floats:
        of = self.source
        ends = np.array(of.t)
        return futures_of(of.purchases, self.value, self.customers, ends, self.terms, of.futures, of.seed, self.alive)

    @cached_property
    def spend(self) -> Floats:
        """The expected value of a purchase, ``(customers, draws)``."""
        assert self.value is not None  # noqa: S101 -- nobody asks without a spend model
        return np.broadcast_to(self.value.mean(), (len(self.customers), self.source.purchases.draws))


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
        return self.gross - self._fixed_cost if self._fixed_cost.any() else self.gross

    @property
    def gross(self) -> Floats:
        gross: Floats = self.shared.gross[self.horizon]
        return gross.T

    @cached_property
    def _fixed_cost(self) -> Floats:
        """What each customer costs until the horizon, whatever happens."""
        terms, t = self.shared.terms, self.shared.source.t[self.horizon]
        return terms.fixed_cost * discounted_time(t, terms.delta) if terms.fixed_cost.any() else terms.fixed_cost

    def column(self, name: str) -> Floats:
        """Return what is expected of each customer's purchases, by a name in ``ModelSource.known``."""
        shared, own = self.shared, self.shared.customers.histories.row
        if name == "p_alive":
            return mean_over_draws(shared.alive.T)[own]
        if name == "p_purchase":
            buys = shared.source.buying[self.horizon](shared.customers.histories, shared.alive)
            return mean_over_draws(buys.T)[own]
        if name == "expected_spend":
            return mean_over_draws(shared.spend.T)
        if name == "discounted_purchases":
            return mean_over_draws(self._discounted.T)
        return mean_over_draws(self._counts.T)[own]

    @cached_property
    def _counts(self) -> Floats:
        given_alive = self.shared.source.counting[self.horizon]
        assert given_alive is not None  # noqa: S101 -- nobody asks without an end
        return given_alive(self.shared.customers.histories, self.shared.alive)

    @cached_property
    def _discounted(self) -> Floats:
        """Expected discounted purchases, ``(customers, draws)``."""
        shared, delta = self.shared, self.shared.terms.delta
        histories, alive = shared.customers.histories, shared.alive
        if not shared.terms.discounted and np.isfinite(shared.source.t[self.horizon]):
            return _each(self._counts, histories.row)
        forces = _distinct(delta)
        each = [shared.source.discounting[force][self.horizon](histories, alive) for force in forces]
        if len(forces) == 1:
            return _each(each[0], histories.row)
        return np.stack(each)[np.searchsorted(forces, delta), histories.row]

    @cached_property
    def _value(self) -> Floats:
        shared, terms = self.shared, self.shared.terms
        value = self._discounted
        if shared.source.spend is not None:
            net = terms.margin[:, None] * shared.spend
            if terms.cost.any():
                net -= terms.cost[:, None]
            value = value * net
        return value - self._fixed_cost[:, None] if self._fixed_cost.any() else value


def from_fits(
    purchases: Fit[Any],
    spend: Fit[Any] | None,
    rfm: RFM,
    horizons: Sequence[Duration],
    terms: Terms,
    *,
    futures: int,
    seed: int,
    threads: int | None,
) -> ModelSource:
    """Return the source of a forecast from fits that can be relied on, in the time unit of the RFM."""
    futures = checked.whole("futures", futures)
    buys = model_rows(purchases, rfm, "purchases", futures)
    pays = None if spend is None else model_rows(spend, rfm, "spend", futures)
    if horizons[-1].is_infinite and not (terms.delta > 0).all():
        raise SettingError("An infinite horizon needs a discount: undiscounted, the mean need not exist.")
    draws = {(model.draws, fit.sample is None) for model, fit in ((buys, purchases), (pays, spend)) if model and fit}
    if len(draws) > 1:
        raise SettingError(
            "The two fits must have equally many draws of their parameters. Fit both with the same method, such as "
            "clv.Laplace(draws=1000)."
        )
    source = ModelSource(
        buys,
        pays,
        rfm,
        tuple(horizon.count(rfm.unit) for horizon in horizons),
        terms,
        futures,
        checked.seed(seed),
        uncertain=purchases.draws_of is not None,
        threads=checked.threads(threads),
        discounted=terms.discounted,
    )
    source.refuse_hours()
    return source


def require_fit(fit: object, kind: Kind) -> None:
    """Raise a ``SettingError`` unless this is the fit of a model of a kind."""
    if not (isinstance(fit, Fit) and fit.kind == kind):
        example = "clv.fit(clv.BGNBD, rfm)" if kind == "purchases" else "clv.fit(clv.GammaGamma, rfm)"
        raise SettingError(f"{kind} is not the fit of a model of {kind}, such as {example}.")


def model_rows(fit: Fit[M], rfm: RFM, kind: Kind, most: int | None = None) -> M:
    """Return the fit's draws (``most`` of them at the most), or its point as one draw, in the time unit of an RFM.

    Raises
    ------
    SettingError
        If this is not the fit of a model of that kind, or the customers are no RFM.
    FitError
        If the fit's verdict is bad.
    """
    require_fit(fit, kind)
    refuse_no_rfm(rfm)
    fit.require()
    own = fit.in_unit(rfm.unit)
    model = own.estimate if own.sample is None else own.sample
    return model.model(tuple(np.atleast_2d(value) for value in model.values().values())).take(slice(most))


def _each(values: Floats, history: Positions) -> Floats:
    """Return the row of each customer's history, without a copy where that is all rows in their order."""
    return values if np.array_equal(history, np.arange(len(values))) else values[history]


def _distinct(delta: Floats) -> list[float]:
    return [float(force) for force in np.unique(delta)]
