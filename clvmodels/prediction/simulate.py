"""Simulated futures: what each customer may really bring, one future for each draw of the parameters in turn.

A random number is keyed by (seed, customer, future), so a customer's futures do not depend on who else is in the
base, on the order, on chunks or on threads; customers with equal histories have independent futures; and a longer
horizon shows more of the same future. Parameter draws are shared by all customers.
"""

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from clvmodels.data.histories import Histories
from clvmodels.models.future import Model, PurchaseModel, PurchaseValue, SpendModel, ValueRows
from clvmodels.models.special import Floats
from clvmodels.prediction.customers import Customers
from clvmodels.prediction.streams import stop_of_this_thread
from clvmodels.prediction.terms import Terms

M = TypeVar("M", bound=Model)


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
    alive = probability_alive(purchases, customers.histories)
    return futures_of(purchases, values(spend, customers), customers, ends, terms, futures, seed, alive, opening)


def futures_of(
    purchases: PurchaseModel,
    value: PurchaseValue | None,
    customers: Customers,
    ends: Floats,
    terms: Terms,
    futures: int,
    seed: int,
    alive: Floats,
    opening: Floats | None = None,
) -> Floats:
    """Simulate as ``simulate`` does, where P(alive) ``(histories, draws)`` and ``values`` are known already."""
    from clvmodels.prediction import kernels  # compiled code is loaded where it is used

    histories, like = customers.histories, alive.shape
    ends = np.broadcast_to(ends if ends.ndim == 2 else ends[:, None], (len(ends), len(histories)))
    own = draws_last(purchases.of_groups(histories.group))
    down = Histories(histories.x[:, None], histories.t_x[:, None], histories.T[:, None])
    family, shape, rate, first, second = own.future(down).rows()
    limit = np.log1p(ends[-1][:, None] / rate)
    rows = (alive, np.exp(-shape * limit), limit, shape, rate, first, second)
    lives = kernels.Lives(family, *(np.broadcast_to(values, like) for values in rows))
    gross = np.zeros((len(ends), len(customers), futures))
    values = _value_rows(value, (len(customers), purchases.draws))
    kernels.futures(
        seed, customers.key, histories.row, lives, values, ends, terms, gross, opening, stop_of_this_thread()
    )
    return gross


def values(spend: SpendModel | None, customers: Customers) -> PurchaseValue | None:
    """Return what is known of the value of each customer's purchases, with the draws along the last axis."""
    if spend is None:
        return None
    return draws_last(spend).value(**{name: column[:, None] for name, column in customers.observed.items()})


def probability_alive(model: PurchaseModel, histories: Histories) -> Floats:
    """Return P(alive at T) of each history, shape ``(histories, draws)``."""
    alive = model.of_groups(histories.group).probability_alive(histories)
    return np.ascontiguousarray(np.broadcast_to(alive, (model.draws, len(histories))).T)


def simulate_money(
    spend: SpendModel, customers: Customers, count: NDArray[np.int64], futures: int, seed: int
) -> Floats:
    """Simulate the money of given numbers of purchases ``(customers,)``, undiscounted: ``(customers, futures)``."""
    from clvmodels.prediction import kernels

    money = np.zeros((len(customers), futures))
    _, *rows = _value_rows(values(spend, customers), (len(customers), spend.draws))
    kernels.money_of(np.uint64(seed), customers.key, count.astype(np.int64), *rows, money)
    return money


def draws_last(model: M) -> M:
    """Return the model with its draws along the last axis, for what is computed a row a customer."""
    return model.model(tuple(np.ascontiguousarray(np.atleast_2d(value).T) for value in model.values().values()))


def _value_rows(value: PurchaseValue | None, shape: tuple[int, ...]) -> ValueRows:
    has_values, *rows = (False, *(np.zeros(()),) * 3) if value is None else value.rows()
    arrays: Any = (np.broadcast_to(values, shape) for values in rows)
    return ValueRows(bool(has_values), *arrays)
