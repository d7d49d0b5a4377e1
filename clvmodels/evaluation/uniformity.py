"""Whether ranks are uniform: an exact test by their empirical distribution function, and its simultaneous band.

Where ranks on 0, ..., L are uniform, the number of N ranks below i is Binomial(N, i / (L + 1)). The statistic is the
smallest of the two-sided tail probabilities of these numbers, so that a departure counts wherever it is, at the ends
too, where the statistic of Kolmogorov and Smirnov is blind. Its distribution is exact: the numbers at successive i are
a Markov chain, which is followed between bounds.

Säilynoja, Bürkner & Vehtari (2022), Graphical Test for Discrete Uniformity and Its Applications in Goodness-of-Fit
Evaluation and Multiple Sample Comparison, Statistics and Computing 32(32).
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln
from scipy.stats import binom

from clvmodels.models.special import Floats

Counts = NDArray[np.int64]

_CLOSE = 1e-4  # how closely the logarithm of a band's tail is searched for


class Band(NamedTuple):
    """Bounds of the counts of ranks below 1, ..., L, each of shape ``(L,)``; counts may lie on them."""

    lower: Counts
    upper: Counts


def counts_below(ranks: Counts, most: int) -> Counts:
    """Return how many ranks are below 1, ..., ``most``, the highest rank that there can be.

    Examples
    --------
    >>> counts_below(np.array([0, 0, 2, 3]), most=3)
    array([2, 2, 3])
    """
    below: Counts = np.cumsum(np.bincount(ranks, minlength=most + 1))[:-1]
    return below


def uniformity(ranks: Counts, most: int) -> float:
    """Return the exact p-value of ranks on 0, ..., ``most`` being uniform: small where they are not.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> uniformity(rng.integers(0, 100, 500), most=99) > 0.05
    True
    >>> uniformity(rng.binomial(99, 0.5, 500), most=99) < 1e-6  # too wide draws: all ranks in the middle
    True
    """
    tails = _tails(len(ranks), most)
    smallest = tails[np.arange(most), counts_below(ranks, most)].min()
    return float(np.clip(1 - _stays_within(_above(tails, smallest), len(ranks)), 0.0, 1.0))


@lru_cache(maxsize=32)
def band(runs: int, most: int, level: float = 0.95) -> Band:
    """Return bounds that the counts of uniform ranks keep to, all at once, with a probability of ``level`` or more.

    Examples
    --------
    >>> bounds = band(runs=100, most=9)
    >>> bounds.lower.tolist(), bounds.upper.tolist()
    ([3, 11, 19, 28, 37, 47, 58, 69, 82], [18, 31, 42, 53, 63, 72, 81, 89, 97])
    """
    tails = _tails(runs, most)
    low, high = np.log((1 - level) / most), 0.0  # Bonferroni's is narrow enough
    while high - low > _CLOSE:
        middle = (low + high) / 2
        wide = _stays_within(_above(tails, np.exp(middle)), runs) >= level
        low, high = (middle, high) if wide else (low, middle)
    return _above(tails, np.exp(low))


def holm(p_values: "Sequence[float] | Floats") -> Floats:
    """Return p-values corrected for how many there are, so that small ones may be called so together (Holm 1979).

    Examples
    --------
    >>> holm([0.01, 0.04, 0.3]).round(3)
    array([0.03, 0.08, 0.3 ])
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p)
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return corrected


def _tails(runs: int, most: int) -> Floats:
    """Return the two-sided tail probability of each count from 0 to ``runs`` below each rank, ``(most, runs + 1)``."""
    counts, z = np.arange(runs + 1), np.arange(1, most + 1)[:, None] / (most + 1)
    tails: Floats = 2 * np.minimum(binom.cdf(counts, runs, z), binom.sf(counts - 1, runs, z))
    return tails


def _above(tails: Floats, tail: float) -> Band:
    """Return the bounds of the counts whose tail probability is more than ``tail``."""
    inside = tails > tail * (1 + 1e-9)  # a count as far out as the observed one is outside, whatever the rounding
    after = inside.shape[1] - inside[:, ::-1].argmax(axis=1)
    return Band(inside.argmax(axis=1), np.where(inside.any(axis=1), after, 0) - 1)


def _stays_within(bounds: Band, runs: int) -> float:
    """Return the probability that the counts of uniform ranks keep to the bounds, all at once.

    Given how many ranks are below i, those below i + 1 among the others are binomial.
    """
    log_factorial = gammaln(np.arange(runs + 2) + 1.0)
    count, probability = np.zeros(1, dtype=np.int64), np.ones(1)
    for left, (lowest, highest) in enumerate(zip(*bounds, strict=True), start=-len(bounds.lower)):
        share = 1 / (1 - left)
        following = np.arange(lowest, highest + 1)
        more, rest = following - count[:, None], runs - following
        possible = more >= 0
        more = np.maximum(more, 0)
        ways = log_factorial[runs - count][:, None] - log_factorial[more] - log_factorial[rest]
        step = np.exp(ways + more * np.log(share) + rest * np.log1p(-share))
        count, probability = following, probability @ np.where(possible, step, 0.0)
    return float(probability.sum())
