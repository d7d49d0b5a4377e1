"""Simulated futures: what each customer may really do, one future for each draw of the parameters.

A customer's random stream is keyed by (seed, customer), so a customer's futures do not depend on who else is in the
base, on the order, on chunks or on threads; and customers with equal histories have independent futures.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clvmodels.data.rfm import RFM
from clvmodels.models.protocols import Floats, PurchaseModel, SpendModel


class Futures(NamedTuple):
    """Purchases and money of each future, shape ``(futures, customers)``; money is ``None`` without a spend model."""

    purchases: NDArray[np.int64]
    money: Floats | None


def simulate(
    purchases: PurchaseModel, spend: SpendModel | None, rfm: RFM, t: float, delta: float, seed: int
) -> Futures:
    """Simulate each customer's purchases in (T, T + t] and the money they bring, discounted at their times.

    Parameters
    ----------
    purchases, spend
        Models with parameters of shape ``(futures, 1)``: a future is simulated under each draw.
    rfm
        The customers; the time unit of the model must be that of the RFM.
    t
        The horizon in the unit of the RFM, finite.
    delta
        Force of interest per time unit.
    seed
        The same seed gives a customer the same futures.
    """
    shape = (purchases.draws, len(rfm))
    count, money = np.zeros(shape, dtype=np.int64), None if spend is None else np.zeros(shape)
    histories = np.column_stack([rfm.frequency, rfm.recency, rfm.T])
    observed = None if spend is None else np.column_stack(spend.observed(rfm))
    for i, (key, (x, t_x, T)) in enumerate(zip(rfm.key, histories, strict=True)):
        rng = _stream(seed, key)
        future = purchases.simulate(rng, x, t_x, T, t)
        count[:, i] = future.count
        if spend is not None and observed is not None and money is not None:
            seen, mean = observed[i]
            values = spend.simulate_spend(rng, seen, mean, future.count)
            which = np.repeat(np.arange(shape[0]), future.count)
            money[:, i] = np.bincount(which, values * np.exp(-delta * future.time), minlength=shape[0])
    return Futures(count, money)


def simulate_money(spend: SpendModel, rfm: RFM, count: NDArray[np.int64], seed: int) -> Floats:
    """Simulate the money of given numbers of purchases, to judge a spend model alone.

    Parameters
    ----------
    spend
        A model with parameters of shape ``(futures, 1)``.
    rfm
        The customers.
    count
        Purchases of each customer, shape ``(customers,)``.
    seed
        The same seed gives a customer the same money.

    Returns
    -------
    Undiscounted money, shape ``(futures, customers)``.
    """
    futures = spend.draws
    money = np.zeros((futures, len(rfm)))
    for i, (key, k, x, m) in enumerate(zip(rfm.key, count, *spend.observed(rfm), strict=True)):
        values = spend.simulate_spend(_stream(seed, key), float(x), float(m), np.full(futures, k))
        money[:, i] = values.reshape(futures, k).sum(axis=1)
    return money


def _stream(seed: int, key: np.uint64) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=np.array([seed, key], dtype=np.uint64)))
