"""Simulated futures: what each customer may really bring, one future for each draw of the parameters in turn.

A random number is keyed by (seed, customer, future), so a customer's futures do not depend on who else is in the
base, on the order, on chunks or on threads; customers with equal histories have independent futures; and a longer
horizon shows more of the same future. Parameter draws are shared by all customers.
"""

from dataclasses import dataclass
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from clvmodels.models.protocols import Floats, Model, PurchaseModel, SpendModel, SpendProspects
from clvmodels.prediction.customers import Customers

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, eq=False)
class Terms:
    """What a purchase brings: ``e^(-delta s) (margin value - cost)`` where it happens at time s; each ``(customers,)``.

    Attributes
    ----------
    delta
        Force of interest per time unit.
    margin
        What remains of a value.
    cost
        What each purchase costs.
    """

    delta: Floats
    margin: Floats
    cost: Floats

    @classmethod
    def plain(cls, customers: int) -> Self:
        """Return the terms under which a purchase brings its value."""
        return cls(np.zeros(customers), np.ones(customers), np.zeros(customers))

    @property
    def discounted(self) -> bool:
        """Whether anything later is worth less."""
        return bool(self.delta.any())

    def take(self, customers: "slice | NDArray[Any]") -> Self:
        """Return the terms of some customers."""
        return type(self)(self.delta[customers], self.margin[customers], self.cost[customers])


def simulate(
    purchases: PurchaseModel,
    spend: SpendModel | None,
    customers: Customers,
    ends: Floats,
    terms: Terms,
    futures: int,
    seed: int,
    opening: Floats | None = None,
) -> Floats:
    """Simulate what customers bring until each of several horizons.

    Parameters
    ----------
    purchases, spend
        Models with parameters of shape ``(draws, 1)``; future f is of draw f modulo draws. Without ``spend`` a
        purchase is worth one.
    customers
        Whose futures; the time unit of the model must be theirs.
    ends
        Horizons in growing order, ``(horizons,)`` or, of each history, ``(horizons, histories)``; the last may be
        infinite where all is discounted.
    terms
        What a purchase brings.
    futures, seed
        How many, and what they follow from.
    opening
        Where to write what a purchase at time 0 brings in each future, ``(customers, futures)``: of the same customer,
        so of the same spend rate as the purchases that follow.

    Returns
    -------
    Shape ``(horizons, customers, futures)``: 8 bytes times that are held, besides six numbers a customer and draw.
    """
    alive = probability_alive(purchases, customers)
    return futures_of(purchases, spending(spend, customers), customers, ends, terms, futures, seed, alive, opening)


def futures_of(
    purchases: PurchaseModel,
    spends: SpendProspects | None,
    customers: Customers,
    ends: Floats,
    terms: Terms,
    futures: int,
    seed: int,
    alive: Floats,
    opening: Floats | None = None,
) -> Floats:
    """Simulate as ``simulate`` does, where P(alive) ``(histories, draws)`` and ``spending`` are known already."""
    from clvmodels.prediction import kernels  # compiled code is loaded where it is used

    ends = np.broadcast_to(ends if ends.ndim == 2 else ends[:, None], (len(ends), len(customers.x)))
    coming = draws_last(purchases).prospects(customers.x[:, None], customers.T[:, None])
    limit = np.log1p(ends[-1][:, None] / coming.rate)
    worth = np.zeros((len(ends), len(customers), futures))
    like = alive.shape
    kernels.futures(
        *(np.uint64(seed), customers.key, customers.history, alive, np.exp(-coming.shape * limit), limit),
        *(_rows(coming.shape, like), _rows(coming.rate, like)),
        *_chance(coming.stop, like),
        *_chance(coming.leave, like),
        *(spends is not None, *_values(spends, (len(customers), purchases.draws))),
        *(ends, terms.delta, terms.margin, terms.cost, worth),
        *((False, np.empty((0, 0))) if opening is None else (True, opening)),
    )
    return worth


def spending(spend: SpendModel | None, customers: Customers) -> SpendProspects | None:
    """Return what is known of the value of each customer's purchases, with the draws along the last axis."""
    if spend is None or customers.seen is None or customers.mean is None:
        return None
    return draws_last(spend).prospects(customers.seen[:, None], customers.mean[:, None])


def probability_alive(model: PurchaseModel, customers: Customers) -> Floats:
    """Return P(alive at T) of each history, shape ``(histories, draws)``."""
    alive = model.probability_alive(customers.x, customers.t_x, customers.T)
    return np.ascontiguousarray(np.broadcast_to(alive, (model.draws, len(customers.x))).T)


def simulate_money(
    spend: SpendModel, customers: Customers, count: NDArray[np.int64], futures: int, seed: int
) -> Floats:
    """Simulate the money of given numbers of purchases ``(customers,)``, undiscounted: ``(customers, futures)``."""
    from clvmodels.prediction import kernels

    money = np.zeros((len(customers), futures))
    values = _values(spending(spend, customers), (len(customers), spend.draws))
    kernels.money_of(np.uint64(seed), customers.key, count.astype(np.int64), *values, money)
    return money


def draws_last(model: M) -> M:
    """Return the model with its draws along the last axis, for what is computed a row a customer."""
    return type(model)(*(np.ascontiguousarray(np.atleast_2d(value).T) for value in model.parameters().values()))


def _rows(values: Floats, shape: tuple[int, ...]) -> Floats:
    return np.broadcast_to(values, shape)


def _chance(parameters: tuple[Floats, Floats] | None, shape: tuple[int, ...]) -> tuple[bool, Floats, Floats]:
    if parameters is None:
        return False, _rows(np.zeros(()), shape), _rows(np.zeros(()), shape)
    first, second = parameters
    return True, _rows(first, shape), _rows(second, shape)


def _values(spends: SpendProspects | None, shape: tuple[int, ...]) -> tuple[Floats, Floats, Floats]:
    if spends is None:
        nothing = _rows(np.zeros(()), shape)
        return nothing, nothing, nothing
    return _rows(spends.value_shape, shape), _rows(spends.shape, shape), _rows(spends.rate, shape)
