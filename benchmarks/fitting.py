"""Time fits as the base grows, beside lifetimes in the same run.

Customers are simulated from BG/NBD with CDNOW's published parameters, observed daily for nine months at most, and their
spend from Gamma-Gamma. Each size runs in a process of its own, in which a small fit has warmed everything up, and each
fit is timed once; lifetimes runs where it is installed, its Pareto/NBD up to 100,000 customers only. Memory is what a
process held at most beyond the data. Usage: python benchmarks/fitting.py [customers ...]
"""

import resource
import sys
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context
from typing import Any

import numpy as np
import pandas as pd

import clvmodels as clv

SIZES = [2_357, 100_000, 1_000_000]
MODELS = [clv.BGNBD, clv.MBGNBD, clv.ParetoNBD, clv.GammaGamma]
MOST_PARETO = 100_000  # customers: lifetimes takes minutes beyond


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


def lifetimes_fits(rfm: clv.RFM) -> dict[str, Callable[[], Any]]:
    """Return lifetimes' fits of the models that it has."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lifetimes is archived, and pandas has moved on
        import lifetimes
    x, t_x, T = rfm.frequency, rfm.recency, rfm.T
    again = x > 0
    fits: dict[str, Callable[[], Any]] = {
        clv.BGNBD.name: lambda: lifetimes.BetaGeoFitter().fit(x, t_x, T),
        clv.MBGNBD.name: lambda: lifetimes.ModifiedBetaGeoFitter().fit(x, t_x, T),
        clv.GammaGamma.name: lambda: lifetimes.GammaGammaFitter().fit(x[again], rfm.money[again]),
    }
    if len(rfm) <= MOST_PARETO:
        fits[clv.ParetoNBD.name] = lambda: lifetimes.ParetoNBDFitter().fit(x, t_x, T)
    return fits


def peak() -> float:
    """Return the most memory that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def column(customers: int) -> dict[str, float]:
    """Return the times of all fits at one size."""
    for model in MODELS:
        clv.fit(model, simulate(500))
    rfm = simulate(customers)
    rfm.frequency.sum()
    rows: dict[str, float] = {
        "customers": customers,
        "distinct (frequency, recency, T)": len(rfm.histories),
        "repeat buyers": int((rfm.frequency > 0).sum()),
    }
    before, ours = peak(), {}
    for model in MODELS:
        ours[model.name] = seconds(lambda model=model: clv.fit(model, rfm, clv.MaximumLikelihood()))
        rows[f"{model.name}, maximum likelihood (s)"] = ours[model.name]
    for model in MODELS:
        rows[f"{model.name}, 1,000 draws (s)"] = seconds(lambda model=model: clv.fit(model, rfm))
    rows["memory of all these fits (MB)"] = peak() - before
    if find_spec("lifetimes"):
        for name, fit in lifetimes_fits(rfm).items():
            theirs = seconds(fit)
            rows[f"lifetimes, {name} (s)"] = theirs
            rows[f"lifetimes / ours, {name}"] = theirs / ours[name]
    return rows


def main() -> None:
    """Print a column a size."""
    sizes = [int(size) for size in sys.argv[1:]] or SIZES
    columns = []
    for size in sizes:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            columns.append(pool.submit(column, size).result())
    table = pd.DataFrame(columns).set_index("customers").T
    print(table.to_string(float_format=lambda value: f"{value:,.3g}" if value < 100 else f"{value:,.0f}", na_rep=""))


if __name__ == "__main__":
    main()
