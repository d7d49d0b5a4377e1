"""Expected quantities of each customer: shape ``(draws, customers)``, an average over everything but the parameters."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from clvmodels.data.rfm import RFM
from clvmodels.models.protocols import Floats, PurchaseModel


def probability_alive(model: PurchaseModel, rfm: RFM) -> Floats:
    """Return P(alive at T), shape ``(draws, customers)``; the model's time unit must be that of the RFM."""
    return model.probability_alive(rfm.frequency.astype(float), rfm.recency, rfm.T)


def purchases_if_alive(model: PurchaseModel, rfm: RFM, t: float, delta: float = 0.0) -> Floats:
    """Return the expected purchases in (T, T + t], given alive at T, discounted at the force of interest delta."""
    return _over_distinct_histories(rfm, lambda x, T: model.purchases_if_alive(x, T, t, delta))


def probability_of_purchase(model: PurchaseModel, rfm: RFM, t: float) -> Floats:
    """Return P(at least one purchase in (T, T + t]), shape ``(draws, customers)``."""
    none = model.count_if_alive(np.array(0.0), rfm.frequency.astype(float), rfm.T, t)
    return probability_alive(model, rfm) * (1 - none)


def expected_purchases(model: PurchaseModel, rfm: RFM, t: float, delta: float = 0.0) -> Floats:
    """Return the expected purchases in (T, T + t], shape ``(draws, customers)``.

    Parameters
    ----------
    model
        Its time unit must be that of the RFM.
    rfm
        The customers.
    t
        The horizon in the unit of the RFM, possibly infinite (then with delta > 0).
    delta
        Force of interest per time unit; 0 counts purchases without discount.
    """
    return probability_alive(model, rfm) * purchases_if_alive(model, rfm, t, delta)


def _over_distinct_histories(rfm: RFM, function: Callable[[Floats, Floats], Floats]) -> Floats:
    """Evaluate a function of (x, T) once for each distinct pair: given alive, recency says nothing of the future.

    Pairs of one x are taken together, as they share the most; threads take one x each.
    """
    pairs, pair = np.unique(np.stack([rfm.frequency.astype(float), rfm.T]), axis=1, return_inverse=True)
    alike = np.split(pairs, np.flatnonzero(np.diff(pairs[0])) + 1, axis=1)
    with ThreadPoolExecutor() as pool:
        values = list(pool.map(lambda group: np.atleast_2d(function(group[0, :1], group[1])), alike))
    return np.concatenate(values, axis=1)[:, pair]
