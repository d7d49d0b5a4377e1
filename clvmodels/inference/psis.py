"""Pareto-smoothed importance sampling: how far a cheap proposal may stand in for the posterior.

Vehtari, Simpson, Gelman, Yao & Gabry (2024), Pareto Smoothed Importance Sampling, Journal of Machine Learning
Research 25(72); Zhang & Stephens (2009), A New and Efficient Estimation Method for the Generalized Pareto
Distribution, Technometrics 51(3).
"""

from typing import NamedTuple

import numpy as np

from clvmodels.models.protocols import Floats

_FEWEST_IN_TAIL = 5


class Smoothed(NamedTuple):
    """Normalised weights, shape ``(draws,)``, and k-hat: below 0.7 they can be trusted."""

    weights: Floats
    k_hat: float


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
    log_weights = log_ratios - log_ratios.max()
    order = np.argsort(log_weights, kind="stable")
    tail = order[-int(np.ceil(min(len(order) / 5, 3 * np.sqrt(len(order))))) - 1 :]
    threshold, tail = max(log_weights[tail[0]], np.log(np.finfo(float).tiny)), tail[1:]
    tail = tail[log_weights[tail] > threshold]
    if np.ptp(log_weights) < 1e-12:
        return Smoothed(np.full(len(log_weights), 1 / len(log_weights)), -np.inf)
    if len(tail) < _FEWEST_IN_TAIL:
        return Smoothed(_normalised(log_weights), np.inf)
    excess = np.exp(log_weights[tail]) - np.exp(threshold)
    k, sigma = fit_pareto(excess)
    probability = (np.arange(len(tail)) + 0.5) / len(tail)
    quantiles = sigma * np.expm1(-k * np.log1p(-probability)) / k if k else -sigma * np.log1p(-probability)
    log_weights = log_weights.copy()
    log_weights[tail] = np.minimum(np.log(quantiles + np.exp(threshold)), 0.0)
    return Smoothed(_normalised(log_weights), k)


def fit_pareto(excess: Floats) -> tuple[float, float]:
    """Return shape k and scale of a generalised Pareto distribution of positive excesses, in ascending order.

    Zhang & Stephens' posterior mean over a grid of the ratio k / scale, with the weak prior on k of the PSIS paper.
    """
    n = len(excess)
    grid = 30 + int(np.sqrt(n))
    quartile = excess[int(n / 4 + 0.5) - 1]
    b = (1 - np.sqrt(grid / (np.arange(1, grid + 1) - 0.5))) / (3 * quartile) + 1 / excess[-1]
    shape = np.log1p(-b[:, None] * excess).mean(axis=1)
    profile = n * (np.log(-b / shape) - shape - 1)
    weights = np.exp(profile - profile.max())
    mean = float(weights @ b / weights.sum())
    k = float(np.log1p(-mean * excess).mean())
    return (k * n + 5) / (n + 10), -k / mean


def _normalised(log_weights: Floats) -> Floats:
    weights = np.exp(log_weights - log_weights.max())
    normalised: Floats = weights / weights.sum()
    return normalised
