"""Time fits as the base grows, beside lifetimes in the same run.

Customers are simulated from BG/NBD with CDNOW's published parameters, observed daily for nine months at most, and their
spend from Gamma-Gamma. Each fit is timed once after a small one has warmed everything up; lifetimes runs where it is
installed. Usage: python benchmarks/fitting.py [customers ...]
"""

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

import clvmodels as clv
from clvmodels.evaluation.lifetimes import LifetimesBGNBD, is_installed
from clvmodels.units import duration

SIZES = [2_357, 100_000, 1_000_000]


def simulate(customers: int, seed: int = 0) -> clv.RFM:
    """Return customers who live and buy as BG/NBD and Gamma-Gamma say, purchases of one day merged."""
    rng = np.random.default_rng(seed)
    T = rng.integers(189, 273, customers).astype(float)
    possible = rng.poisson(rng.gamma(0.243, 1 / 4.414, customers) * T / 7)
    bought = np.minimum(possible, rng.geometric(rng.beta(0.793, 2.426, customers)))
    latest = rng.beta(np.maximum(bought, 1), np.maximum(possible - bought, 0) + 1)
    recency = np.where(bought > 0, np.ceil(T * latest), 0.0)
    x = np.minimum(bought, recency).astype(np.int64)
    rate = rng.gamma(3.744, 1 / 15.44, customers)
    spend = np.where(x > 0, rng.gamma(6.25 * np.maximum(x, 1)) / np.maximum(x, 1) / rate, 0.0)
    return clv.RFM(np.arange(customers), x, recency, T, "week", monetary_value=spend)


def seconds(work: Callable[[], Any]) -> float:
    """Return how long some work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def row(customers: int) -> dict[str, float]:
    """Return the times of all fits at one size."""
    rfm = simulate(customers)
    times: dict[str, float] = {"customers": customers, "distinct rows": len(rfm.collapse().counts)}
    point = clv.MaximumLikelihood()
    times["BG/NBD, maximum likelihood (s)"] = seconds(lambda: clv.fit(clv.BGNBD, rfm, point))
    times["BG/NBD, 1,000 draws (s)"] = seconds(lambda: clv.fit(clv.BGNBD, rfm))
    times["Gamma-Gamma, maximum likelihood (s)"] = seconds(lambda: clv.fit(clv.GammaGamma, rfm, point))
    times["Gamma-Gamma, 1,000 draws (s)"] = seconds(lambda: clv.fit(clv.GammaGamma, rfm))
    if is_installed():
        ours = seconds(lambda: [clv.fit(model, rfm, point) for model in (clv.BGNBD, clv.GammaGamma)])
        theirs = seconds(lambda: LifetimesBGNBD().predict(rfm, duration("39 weeks"), 1, 0))
        times["lifetimes, both, with its predictions (s)"] = theirs
        times["lifetimes / ours, both by maximum likelihood"] = theirs / ours
    return times


def main() -> None:
    """Print a column a size."""
    row(500)
    sizes = [int(size) for size in sys.argv[1:]] or SIZES
    table = pd.DataFrame([row(size) for size in sizes]).set_index("customers").T
    print(table.to_string(float_format=lambda value: f"{value:,.2f}"))


if __name__ == "__main__":
    main()
