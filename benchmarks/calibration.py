"""Ask whether every model's draws, by Laplace and by NUTS, are those of the posterior: simulation-based calibration.

Parameters are drawn from a prior, 300 customers are simulated from them, the method is given these and the same prior,
and the true values are ranked among its draws. Prints the p-values of uniform ranks, corrected for how many there are,
and draws the ranks in calibration.svg beside this script. Two pairs run at a time, each on one core; the ranks follow
from the seed alone. Usage: python benchmarks/calibration.py [runs]
"""

import os
import re
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import clvmodels as clv
from clvmodels.drawing.ranks import RankPanel, rank_plots
from clvmodels.drawing.svg import to_svg
from clvmodels.evaluation.calibration import STUDIES, Calibration, calibrate, calibration_table
from clvmodels.evaluation.uniformity import band, counts_below
from clvmodels.inference.methods import Method
from clvmodels.models import Specification

MODELS = [clv.BGNBD(), clv.MBGNBD(), clv.NBD(), clv.ParetoNBD(), clv.GammaGamma(), clv.GammaGamma(of="all")]
RUNS = 500
PICTURE = Path(__file__).with_name("calibration.svg")


def timed(model: Specification[Any], method: str, runs: int) -> tuple[Calibration, float]:
    """Return the calibration of a model by a method, and how many seconds it took."""
    prior = STUDIES[model.name].prior
    nuts = clv.NUTS(draws=200, chains=2, tune=100, prior=prior, progress=False, fewest=150)
    methods: dict[str, Method] = {"Laplace": clv.Laplace(prior=prior), "NUTS": nuts}
    start = time.perf_counter()
    return calibrate(model, methods[method], runs=runs), time.perf_counter() - start


def all_pairs(runs: int) -> list[tuple[Calibration, float]]:
    """Return the calibrations of all models, by Laplace and then by NUTS."""
    pairs = [(model, method, runs) for method in ("Laplace", "NUTS") for model in MODELS]
    os.environ["OMP_NUM_THREADS"] = "1"  # of the processes to come: as many threads as cores in each would only queue
    found = []
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for calibration, seconds in pool.map(timed, *zip(*pairs, strict=True)):
            print(f"{calibration!r}, {seconds:.0f} s", file=sys.stderr, flush=True)
            found.append((calibration, seconds))
    return found


def panel(found: Calibration) -> RankPanel:
    """Return the ranks of a calibration as they are drawn."""
    below = np.stack([counts_below(ranks, found.among) for ranks in found.ranks.T])
    runs, method = len(found.ranks), type(found.method).__name__
    return RankPanel(found.model, method, found.quantities, runs, below, *band(runs, found.among))


def summary(table: pd.DataFrame, seconds: list[float]) -> pd.DataFrame:
    """Return a row a pair: its runs, its smallest p-values, and its seconds."""
    pairs = table.groupby(["method", "model"], sort=False)
    least = table.loc[pairs["p_value"].idxmin()]
    columns = ["model", "method", "runs", "left_out", "doubtful", "quantity", "p_value", "corrected_p"]
    renamed = {"quantity": "least_uniform", "p_value": "its_p"}
    return least[columns].rename(columns=renamed).assign(quantities=pairs.size().to_numpy(), seconds=seconds)


def main() -> None:
    """Print the tables and write the picture."""
    found, seconds = zip(*all_pairs(int(sys.argv[1]) if len(sys.argv) > 1 else RUNS), strict=True)
    table = calibration_table(found)
    picture = to_svg(rank_plots([panel(one) for one in found]))
    PICTURE.write_text(re.sub(r"(\.\d\d)\d+", r"\1", picture) + "\n", encoding="utf-8")  # finer than any screen
    style = "{:.3g}".format
    print(table.to_string(index=False, float_format=style), end="\n\n")
    print(summary(table, list(seconds)).to_string(index=False, float_format=style))


if __name__ == "__main__":
    main()
