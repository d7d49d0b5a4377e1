"""The Lorenz curve, the best customers first, and the Gini coefficient of it."""

import numpy as np

from clvmodels.models.special import Floats


def lorenz(values: Floats, order: Floats | None = None) -> tuple[Floats, Floats]:
    """Return the points of a Lorenz curve: shares of the customers, and of the value that these bring.

    Both begin with 0 and end with 1. Customers with equal ranks share what they bring: they lie on a straight line. So
    does everybody where there is nothing to share.

    Parameters
    ----------
    values
        What each customer brings, shape ``(customers,)``.
    order
        What ranks the customers, the highest first; by default their values.

    Examples
    --------
    >>> share, brought = lorenz(np.array([1.0, 3.0]))
    >>> share.tolist(), brought.tolist()
    ([0.0, 0.5, 1.0], [0.0, 0.75, 1.0])
    >>> lorenz(np.array([1.0, 3.0]), order=np.array([7.0, 7.0]))[1].tolist()
    [0.0, 1.0]
    """
    if not values.sum():
        return np.array([0.0, 1.0]), np.array([0.0, 1.0])
    _, group, size = np.unique(-(values if order is None else order), return_inverse=True, return_counts=True)
    brought = np.bincount(group, values).cumsum()
    return np.append(0, size.cumsum()) / len(values), np.append(0, brought) / brought[-1]


def gini(share: Floats, brought: Floats) -> Floats:
    """Return the Gini coefficient of a Lorenz curve: twice the area under it, less 1.

    It is 0 where all customers bring alike, near 1 where one brings everything, and below 0 where the ranking is worse
    than chance.

    Parameters
    ----------
    share
        Of the customers, from 0 to 1, shape ``(points,)``.
    brought
        Their share of the value, shape ``(points,)``, or ``(points, draws)`` of several curves.

    Returns
    -------
    Shape ``()`` or ``(draws,)``.

    Examples
    --------
    >>> float(gini(*lorenz(np.array([1.0, 3.0]))))
    0.25
    """
    return np.asarray(2 * np.trapezoid(brought, share, axis=0) - 1)
