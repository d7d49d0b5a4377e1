"""Effective draws of BG/NBD's posterior a second, beside pymc-marketing in the same run.

Customers are simulated as in fitting.py. Each fit runs in a process of its own, which imports, fits a small base first
so that everything is warm, and reports seconds, the smallest bulk effective sample size of the parameters (for Laplace
that of the importance weights, at most the number of draws) and the most memory it held. A fit that takes longer than
``--limit`` seconds is ended. pymc-marketing and nutpie take part where they are installed.

Usage: python benchmarks/posteriors.py [--limit SECONDS] [customers ...]
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import pandas as pd
from fitting import simulate

import clvmodels as clv

SIZES = [2_357, 100_000, 1_000_000]
WARM = 300
DRAWS = 4000


def laplace(rfm: clv.RFM) -> float:
    """Fit by the default method and return its effective draws."""
    fitted = clv.fit(clv.BGNBD, rfm)
    return min(fitted.diagnostics["ess"], fitted.draws.draws)


def nuts(rfm: clv.RFM, sampler: str) -> float:
    """Fit by NUTS and return the smallest effective sample size."""
    return clv.fit(clv.BGNBD, rfm, clv.NUTS(draws=DRAWS, sampler=sampler, progress=False)).diagnostics["ess_bulk"]


def pymc_marketing(rfm: clv.RFM, sampler: str) -> float:
    """Fit by pymc-marketing with its default priors and as many draws."""
    from arviz import ess
    from pymc_marketing.clv import BetaGeoModel

    frame = rfm.frame()[["customer_id", "frequency", "recency", "T"]]
    found = BetaGeoModel().fit(frame, progressbar=False, random_seed=0, nuts_sampler=sampler)
    sizes = ess(found, var_names=["alpha", "r", "a", "b"])
    sizes = sizes.get("posterior", sizes)
    return min(float(sizes[name]) for name in ("alpha", "r", "a", "b"))


CANDIDATES: dict[str, tuple[list[str], Callable[[clv.RFM], float]]] = {
    "clvmodels, Laplace (default)": ([], laplace),
    "clvmodels, NUTS by nutpie": (["nutpie"], lambda rfm: nuts(rfm, "nutpie")),
    "clvmodels, NUTS by PyMC": ([], lambda rfm: nuts(rfm, "pymc")),
    "pymc-marketing, nutpie": (["pymc_marketing", "nutpie"], lambda rfm: pymc_marketing(rfm, "nutpie")),
    "pymc-marketing, PyMC": (["pymc_marketing"], lambda rfm: pymc_marketing(rfm, "pymc")),
}


def measure(candidate: str, customers: int) -> dict[str, float]:
    """Return what one fit took, in this process."""
    work = CANDIDATES[candidate][1]
    work(simulate(WARM, seed=1))
    rfm = simulate(customers)
    start = time.perf_counter()
    effective = work(rfm)
    seconds = time.perf_counter() - start
    memory = sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 2**20
    return {"seconds": seconds, "effective draws": effective, "a second": effective / seconds, "peak GB": memory}


def in_a_process(candidate: str, customers: int, limit: float) -> dict[str, Any]:
    """Return what one fit took, in a process that is ended after ``limit`` seconds."""
    row = {"customers": customers, "candidate": candidate}
    command = [sys.executable, __file__, "--one", candidate, str(customers)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=True)  # noqa: S603 -- ours
    except subprocess.TimeoutExpired:
        return {**row, "note": f"ended after {limit:.0f} s"}
    except subprocess.CalledProcessError as error:
        return {**row, "note": error.stderr.strip().splitlines()[-1]}
    return {**row, **json.loads(done.stdout.strip().splitlines()[-1])}


def main() -> None:
    """Print a row a candidate and size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("customers", nargs="*", type=int, default=SIZES)
    parser.add_argument("--limit", type=float, default=900)
    parser.add_argument("--one")
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.one, given.customers[0])))
        return
    able = [name for name, (needs, _) in CANDIDATES.items() if all(map(find_spec, needs))]
    rows = [in_a_process(name, size, given.limit) for size in given.customers for name in able]
    print(pd.DataFrame(rows).to_string(index=False, float_format=lambda value: f"{value:,.2f}", na_rep=""))


if __name__ == "__main__":
    main()
