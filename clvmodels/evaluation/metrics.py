"""Scores of forecasts against what happened; arrays in, numbers or one number a customer out.

Means are scored by squared error, medians by absolute error, intervals by the interval score, whole distributions by
CRPS and PIT: each prediction by the score that it is the best answer to (Gneiting & Raftery 2007, Strictly Proper
Scoring Rules, Prediction, and Estimation, Journal of the American Statistical Association 102).
"""

import numpy as np

from clvmodels.models.special import Floats
from clvmodels.prediction.lorenz import gini as gini_of
from clvmodels.prediction.lorenz import lorenz
from clvmodels.prediction.summaries import ends


def rmse(mean: Floats, actual: Floats) -> float:
    """Return the root of the mean squared error.

    Examples
    --------
    >>> rmse(np.array([1.0, 3.0]), np.array([1.0, 1.0])).__round__(4)
    1.4142
    """
    return float(np.sqrt(np.mean((mean - actual) ** 2)))


def mae(median: Floats, actual: Floats) -> float:
    """Return the mean absolute error."""
    return float(np.mean(np.abs(median - actual)))


def crps(ordered: Floats, actual: Floats) -> Floats:
    """Return the continuous ranked probability score of each customer: 0 is perfect, in the quantity's own unit.

    ``E|X - y| - E|X - X'| / 2`` over the draws; for a point forecast it is the absolute error.

    Parameters
    ----------
    ordered
        Draws in ascending order, shape ``(draws, customers)``.
    actual
        What happened, shape ``(customers,)``.
    """
    draws = len(ordered)
    rank = 2 * np.arange(1, draws + 1) - draws - 1
    spread = rank @ ordered / draws**2
    score: Floats = np.abs(ordered - actual).mean(axis=0) - spread
    return score


def interval_score(lower: Floats, upper: Floats, actual: Floats, level: float) -> Floats:
    """Return the width of each interval plus a penalty for what falls outside: smaller is better.

    Examples
    --------
    >>> interval_score(np.array([0.0]), np.array([2.0]), np.array([3.0]), level=0.9).round(6)
    array([22.])
    """
    below, above = np.maximum(lower - actual, 0), np.maximum(actual - upper, 0)
    score: Floats = upper - lower + 2 / (1 - level) * (below + above)
    return score


def pit(draws: Floats, actual: Floats) -> Floats:
    """Return the range of each customer's probability integral transform, shape ``(2, customers)``.

    The randomised PIT of a discrete forecast is uniform between P(X < y) and P(X <= y). Everything here averages over
    that randomisation exactly (Czado, Gneiting & Held 2009, Biometrics 65) instead of drawing it.
    """
    return np.stack([(draws < actual).mean(axis=0), (draws <= actual).mean(axis=0)])


def pit_mass(ranges: Floats, edges: Floats) -> Floats:
    """Return the share of the randomised PIT between neighbouring edges, averaged over customers.

    Examples
    --------
    >>> pit_mass(np.array([[0.0, 0.5], [0.5, 0.5]]), np.array([0.0, 0.25, 0.75, 1.0]))
    array([0.25, 0.75, 0.  ])
    """
    low, high = ranges
    width = high - low
    above = np.clip(edges[:, None], low, high) - low
    below_edge = np.where(width > 0, above / np.where(width > 0, width, 1.0), edges[:, None] >= low)
    below_edge[0], below_edge[-1] = 0.0, 1.0
    mass: Floats = np.diff(below_edge, axis=0).mean(axis=1)
    return mass


def pit_coverage(ranges: Floats, level: float) -> float:
    """Return how much of the randomised PIT lies within the central ``level``; a calibrated forecast has ``level``."""
    return float(pit_mass(ranges, np.array([0.0, *ends(level), 1.0]))[1])


def gini(predicted: Floats, actual: Floats) -> float:
    """Return how well a prediction ranks: 1 as well as hindsight, 0 no better than chance.

    The Gini coefficient of what happened, customers taken in the predicted order, over that in the order of what
    happened. Customers with equal predictions share what they did. 0 where nothing happened.

    Examples
    --------
    >>> gini(np.array([3.0, 2.0, 1.0]), np.array([9.0, 4.0, 0.0]))
    1.0
    """
    best = gini_of(*lorenz(actual))
    return float(gini_of(*lorenz(actual, predicted)) / best) + 0.0 if best else 0.0


def top_share(predicted: Floats, actual: Floats, share: float = 0.10) -> float:
    """Return the share of what happened that the customers with the highest predictions brought.

    Examples
    --------
    >>> top_share(np.arange(10.0), np.array([0.0, 0, 0, 0, 0, 0, 0, 0, 1, 3]), share=0.10)
    0.75
    """
    return float(np.interp(share, *lorenz(actual, predicted)))
