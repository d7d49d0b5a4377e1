"""Time the values of all customers, beside pymc-marketing and lifetimes in the same run.

Each candidate values customers one year ahead, discounted at 10 % a year, from a posterior that is at hand: the draws
of clvmodels' own fits, which pymc-marketing is given too; lifetimes is given their mean. clvmodels returns, for each
customer, expected value and components, and the mean, sd, median, 90 % interval and P(nothing) of the realised value;
pymc-marketing the expected value under each draw, with spend held at its mean; lifetimes the point.

Up to 100,000 customers are observed daily, as in fitting.py, and many share a history; a million are observed in
continuous time, so that no two do. Ten million are valued a hundred thousand at a time, with 100 draws. Each candidate
runs in a process of its own, in which a small valuation has warmed everything up, and which may take ``--limit``
seconds and ``--memory`` GB. Memory is what the process held at most beyond what it held before.

Usage: python benchmarks/valuation.py [--limit SECONDS] [customers ...]
"""

import argparse
import json
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from fitting import simulate

import clvmodels as clv

SIZES = [2_357, 100_000, 1_000_000, 10_000_000]
DISTINCT = 1_000_000  # customers from whom on no two share a history
STREAMED = 10_000_000  # from whom on they are valued part by part
LEARNT = 100_000  # customers that the fits learn from, at most
STREAM = "clvmodels, 100 draws, part by part"
WARM = 300
YEAR = clv.Plan("1 year", discount=0.10)
FOUR = clv.Plan(["3 months", "6 months", "1 year", "2 years"], discount=0.10)
MONTHLY = 1.10 ** (1 / 12) - 1

Fits = tuple[Any, Any]


def base(customers: int) -> clv.RFM:
    """Return simulated customers."""
    if customers < DISTINCT:
        return simulate(customers)
    ages = np.random.default_rng(0).uniform(27, 39, customers)
    models = clv.BGNBD(0.2426, 4.4136, 0.7930, 2.4259), clv.GammaGamma(6.25, 3.744, 15.44)
    return clv.simulate_customers(*models, ages=ages, unit="week", seed=0)


def fits(rfm: clv.RFM, draws: int) -> Fits:
    """Return posteriors, learnt from some of the customers."""
    some = rfm.take(slice(LEARNT))
    return tuple(clv.fit(model, some, clv.Laplace(draws=draws)) for model in (clv.BGNBD, clv.GammaGamma))


def ours(rfm: clv.RFM, given: Fits, draws: int, plan: clv.Plan) -> None:
    """Value customers."""
    valuation = clv.value(*given, rfm, plan, futures=draws)
    if len(rfm) < STREAMED:
        valuation.frame()
        return
    for _ in valuation.frames(100_000):
        pass


def pymc_marketing(rfm: clv.RFM, given: Fits, draws: int) -> None:
    """Return expected values under each draw by pymc-marketing."""
    from arviz import from_dict
    from pymc_marketing.clv import BetaGeoModel, GammaGammaModel

    table = rfm.frame()
    models = []
    for model, fitted in zip((BetaGeoModel, GammaGammaModel), given, strict=True):
        names = {"gamma": "v"} if model is GammaGammaModel else {}
        posterior = {names.get(n, n): v.reshape(4, -1) for n, v in fitted.draws.values().items()}
        known = model()
        known.build_model(table[table["frequency"] > 0].head(9))
        known.idata = from_dict({"posterior": posterior})
        models.append(known)
    purchases, spend = models
    values = spend.expected_customer_lifetime_value(
        purchases, data=table, future_t=12, discount_rate=MONTHLY, time_unit="W"
    )
    values.mean(("chain", "draw")).to_numpy()


def lifetimes(rfm: clv.RFM, given: Fits, draws: int) -> None:
    """Return the value at the mean of the parameters by lifetimes."""
    from lifetimes import BetaGeoFitter, GammaGammaFitter

    known = []
    for fitter, fitted in zip((BetaGeoFitter, GammaGammaFitter), given, strict=True):
        names = {"gamma": "v"} if fitter is GammaGammaFitter else {}
        made = fitter()
        made.params_ = pd.Series({names.get(n, n): v.mean() for n, v in fitted.draws.values().items()})
        made.predict = getattr(made, "conditional_expected_number_of_purchases_up_to_time", None)
        known.append(made)
    columns = (pd.Series(values) for values in (rfm.frequency, rfm.recency, rfm.T, rfm.money))
    known[1].customer_lifetime_value(known[0], *columns, time=12, discount_rate=MONTHLY, freq="W")


CANDIDATES: dict[str, tuple[list[str], int, Callable[[clv.RFM, Fits, int], None]]] = {
    "clvmodels, 1,000 draws": ([], 1000, lambda rfm, given, draws: ours(rfm, given, draws, YEAR)),
    "clvmodels, 1,000 draws, four horizons": ([], 1000, lambda rfm, given, draws: ours(rfm, given, draws, FOUR)),
    "clvmodels, 4,000 draws": ([], 4000, lambda rfm, given, draws: ours(rfm, given, draws, YEAR)),
    "pymc-marketing, 4,000 draws": (["pymc_marketing"], 4000, pymc_marketing),
    "pymc-marketing, 1,000 draws": (["pymc_marketing"], 1000, pymc_marketing),
    "lifetimes, point": (["lifetimes"], 1000, lifetimes),
    STREAM: ([], 100, lambda rfm, given, draws: ours(rfm, given, draws, YEAR)),
}


def held(what: str) -> float:
    """Return the memory that this process holds (VmRSS), or held at most (VmHWM), in GB."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what)) / 2**20


def measure(candidate: str, customers: int) -> dict[str, float]:
    """Return what one valuation took, in this process."""
    warnings.simplefilter("ignore")  # of rivals
    _, draws, work = CANDIDATES[candidate]
    small = base(WARM)
    work(small, fits(small, draws), draws)
    rfm = base(customers)
    given = fits(rfm, draws)
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # forgets what was held at most
    before, start = held("VmRSS"), time.perf_counter()
    work(rfm, given, draws)
    seconds = time.perf_counter() - start
    most = held("VmHWM")
    return {"seconds": seconds, "GB more": most - before, "GB in all": most}


def in_a_process(candidate: str, customers: int, limit: float, memory: float) -> dict[str, Any]:
    """Return what one valuation took, in a process with so many seconds and GB at most."""
    row = {"customers": customers, "candidate": candidate}
    command = [sys.executable, __file__, "--memory", str(memory), "--one", candidate, str(customers)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=True)  # noqa: S603 -- ours
    except subprocess.TimeoutExpired:
        return {**row, "note": f"ended after {limit:.0f} s"}
    except subprocess.CalledProcessError as error:
        return {**row, "note": (error.stderr.strip().splitlines() or ["killed"])[-1]}
    return {**row, **json.loads(done.stdout.strip().splitlines()[-1])}


def main() -> None:
    """Print a row a candidate and size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("customers", nargs="*", type=int, default=SIZES)
    parser.add_argument("--limit", type=float, default=900)
    parser.add_argument("--memory", type=float, default=20)
    parser.add_argument("--one")
    given = parser.parse_args()
    if given.one:
        resource.setrlimit(resource.RLIMIT_AS, (int(given.memory * 2**30),) * 2)
        print(json.dumps(measure(given.one, given.customers[0])))
        return
    able = [name for name, (needs, *_) in CANDIDATES.items() if all(map(find_spec, needs))]
    rows: list[dict[str, Any]] = []
    for size in given.customers:
        for name in able:
            if (size < STREAMED) != (name == STREAM):
                rows.append(in_a_process(name, size, given.limit, given.memory))
                print(rows[-1], file=sys.stderr)
    print(pd.DataFrame(rows).to_string(index=False, float_format=lambda value: f"{value:,.2f}", na_rep=""))


if __name__ == "__main__":
    main()
