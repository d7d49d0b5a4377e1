"""Pareto-smoothed importance sampling: how far a cheap proposal may stand in for the posterior.

Vehtari, Simpson, Gelman, Yao & Gabry (2024), Pareto Smoothed Importance Sampling, Journal of Machine Learning
Research 25(72); Zhang & Stephens (2009), A New and Efficient Estimation Method for the Generalized Pareto
Distribution, Technometrics 51(3).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clvmodels.models.special import Floats

_FEWEST_IN_TAIL = 5


class Smoothed(NamedTuple):
    """Normalised weights, shape ``(draws,)``, and k-hat: below 0.7 they can be trusted."""

    weights: Floats
    k_hat: float


class SmoothedRows(NamedTuple):
    """Normalised weights, shape ``(rows, draws)``, and k-hat of each row, shape ``(rows,)``."""

    weights: Floats
    k_hat: Floats


def smooth(log_ratios: Floats) -> Smoothed:
    """Replace the largest importance ratios by the quantiles of a Pareto tail fitted to them.

    Parameters
    ----------
    log_ratios
        log target - log proposal of each draw, shape ``(draws,)``.

    Returns
    -------
    The smoothed weights, which sum to 1, and the shape k-hat of the tail (infinite where the tail is too short to
    tell, minus infinity where all ratios are equal, so that there is no tail).
    """
    weights, k_hat = smooth_rows(log_ratios[None])
    return Smoothed(weights[0], float(k_hat[0]))


def smooth_rows(log_ratios: Floats) -> SmoothedRows:
    """Smooth many sets of importance ratios at once, each as ``smooth`` does.

    Parameters
    ----------
    log_ratios
        log target - log proposal of each draw, a row a target, shape ``(rows, draws)``. It takes several times this
        array's memory: pass many rows in blocks.

    Examples
    --------
    >>> ratios = np.random.default_rng(0).normal(size=(3, 1000))
    >>> weights, k_hat = smooth_rows(ratios)
    >>> weights.sum(axis=1), k_hat < 0.7
    (array([1., 1., 1.]), array([ True,  True,  True]))
    """
    draws = log_ratios.shape[1]
    log_weights = log_ratios - log_ratios.max(axis=1, keepdims=True)
    where, tail = _largest(log_weights, 1 + int(np.ceil(min(draws / 5, 3 * np.sqrt(draws)))))
    threshold = np.maximum(tail[:, 0], np.log(np.finfo(float).tiny))
    length = (tail[:, 1:] > threshold[:, None]).sum(axis=1)
    k_hat = np.full(len(log_weights), np.inf)
    for size in np.unique(length[length >= _FEWEST_IN_TAIL]):  # ties at the threshold shorten a tail: few sizes occur
        rows = np.flatnonzero(length == size)
        smoothed, k_hat[rows] = _pareto_tail(tail[rows, -size:], threshold[rows])
        log_weights[rows[:, None], where[rows, -size:]] = smoothed
    equal = np.ptp(log_ratios, axis=1) < 1e-12
    log_weights[equal], k_hat[equal] = 0.0, -np.inf
    return SmoothedRows(_normalised(log_weights), k_hat)


def fit_pareto(excess: Floats) -> tuple[Floats, Floats]:
    """Return shape k and scale of a generalised Pareto distribution of positive excesses, in ascending order.

    Zhang & Stephens' posterior mean over a grid of the ratio k / scale, with the weak prior on k of the PSIS paper.

    Parameters
    ----------
    excess
        Shape ``(n,)``, or ``(rows, n)`` for many samples.

    Returns
    -------
    Two arrays of shape ``()`` or ``(rows,)``.
    """
    n = excess.shape[-1]
    grid = 30 + int(np.sqrt(n))
    quartile, most = excess[..., int(n / 4 + 0.5) - 1], excess[..., -1]
    point = (1 - np.sqrt(grid / (np.arange(1, grid + 1) - 0.5))).reshape(-1, *[1] * quartile.ndim)
    b = point / (3 * quartile) + 1 / most
    shape = np.array([_shape(ratio, excess) for ratio in b])
    profile = n * (np.log(-b / shape) - shape - 1)
    weights = np.exp(profile - profile.max(axis=0))
    mean = (weights * b).sum(axis=0) / weights.sum(axis=0)
    k = _shape(mean, excess)
    return (k * n + 5) / (n + 10), -k / mean


def _shape(ratio: Floats, excess: Floats) -> Floats:
    """Return the shape that is most likely at a ratio k / scale."""
    shape: Floats = np.log1p(-ratio[..., None] * excess).mean(axis=-1)
    return shape


def _largest(values: Floats, size: int) -> tuple[NDArray[np.intp], Floats]:
    """Return the positions of the largest values of each row and the values, ascending, ties in order of position."""
    start = max(values.shape[1] - size, 0)
    where = np.sort(np.argpartition(values, start, axis=1)[:, start:], axis=1)
    found = np.take_along_axis(values, where, axis=1)
    order = np.argsort(found, axis=1, kind="stable")
    return np.take_along_axis(where, order, axis=1), np.take_along_axis(found, order, axis=1)


def _pareto_tail(tail: Floats, threshold: Floats) -> tuple[Floats, Floats]:
    """Return what replaces the logarithms of the largest weights, shape ``(rows, size)``, and k-hat ``(rows,)``."""
    base = np.exp(threshold)
    k, sigma = fit_pareto(np.exp(tail) - base[:, None])
    exponential = -np.log1p(-(np.arange(tail.shape[1]) + 0.5) / tail.shape[1])
    bent = np.where(k == 0, 1.0, k)[:, None]
    quantiles = sigma[:, None] * np.where(k[:, None] == 0, exponential, np.expm1(bent * exponential) / bent)
    return np.minimum(np.log(quantiles + base[:, None]), 0.0), k


def _normalised(log_weights: Floats) -> Floats:
    weights = np.exp(log_weights - log_weights.max(axis=1, keepdims=True))
    normalised: Floats = weights / weights.sum(axis=1, keepdims=True)
    return normalised
