"""What models of purchases learn from: the distinct histories of the customers."""

import numpy as np

from clvmodels.data.rfm import RFM
from clvmodels.models.specification import Evidence

_REPEATERS_A_PARAMETER = 2.5


def learn_histories(rfm: RFM, parameters: int) -> Evidence:
    """Return the distinct (x, t_x, T), in multiples of the base's mean time between repeat purchases."""
    base = rfm.histories
    repeats, exposure = float(base.counts @ base.x), float(base.counts @ base.T)
    scale = exposure / max(repeats, 1.0) if exposure else 1.0  # without repeat purchases, as if one had been seen
    return Evidence(
        {"x": base.x, "t_x": base.t_x / scale, "T": base.T / scale},
        base.counts,
        np.arange(len(rfm)),
        base.row,
        measured=("t_x", "T"),
        scale=scale,
        densities=repeats,
        shortfall=""
        if exposure
        else "Every customer was observed for no time at all (T = 0). Observe them for longer, or check T.",
        scarcity=_scarcity(rfm, parameters),
    )


def _scarcity(rfm: RFM, parameters: int) -> str:
    repeaters, fewest = int((rfm.frequency > 0).sum()), int(_REPEATERS_A_PARAMETER * parameters)
    if not repeaters:
        return (
            f"No customer of {len(rfm):,} bought again: all bought once, so nothing tells how often they return. Use "
            "a longer log."
        )
    if repeaters < fewest:
        return (
            f"Only {repeaters} of {len(rfm):,} customers bought again, and {parameters} parameters need {fewest} "
            "repeat buyers or more. Use a longer log or more customers."
        )
    return ""
