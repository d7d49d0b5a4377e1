"""How much the prior matters: what a fit predicts under a narrower and a wider one."""

from typing import Any

import numpy as np

from clvmodels.data.rfm import RFM
from clvmodels.errors import InfiniteMeanError
from clvmodels.inference.methods import Laplace
from clvmodels.inference.mode import Mode
from clvmodels.inference.objective import Objective
from clvmodels.inference.prior import Prior
from clvmodels.text import change, number

_FACTORS = (0.5, 2.0)  # of the prior's spread
_DRAWS = 100
_CUSTOMERS = 50
_FOLD = 10  # beyond it a change is no number of per cent


def sensitivity(likelihood: Objective, mode: Mode, prior: Prior, rfm: RFM, rng: np.random.Generator) -> str:
    """Say how much the base's expected purchases, or the mean value of a purchase, depend on the prior's spread.

    Parameters
    ----------
    likelihood, mode
        The log-likelihood, and where to start a search.
    prior
        The prior of the fit.
    rfm
        What the fit learnt from.
    rng
        What the draws follow from.
    """
    specification, scale = likelihood.specification, likelihood.evidence.scale
    priors = [prior, *(prior.widened(specification.parameters, factor) for factor in _FACTORS)]
    inferred = [Laplace(_DRAWS, one).infer(likelihood, mode, rng) for one in priors]
    models: list[Any] = [likelihood.model(one.phi).rescaled(scale) for one in inferred if one.phi is not None]
    if specification.kind == "purchases":
        span = float(np.median(rfm.T[rfm.T > 0]))
        what = f"expected purchases in the next {number(span, 1)} {rfm.unit}s"
        customers = np.sort(rfm.histories.row)[:: -(-len(rfm) // _CUSTOMERS)]  # few are enough for a ratio
        histories = rfm.histories.at(customers)
        expected = [m.probability_alive(histories) * m.future(histories).purchases(span, 0.0) for m in models]
    else:
        what = "mean values of a purchase"
        try:
            expected = [model.value(**model.observed(rfm)).mean() for model in models]
        except InfiniteMeanError:
            return (
                "How much that matters for the mean value of a purchase cannot be said: it is infinite in some draws."
            )
    now, *others = (float(np.mean(each)) for each in expected)
    half, twice = (
        f"change by {change(other, now)}" if now / _FOLD < other < now * _FOLD else f"change more than {_FOLD}-fold"
        for other in others
    )
    return f"With half the prior's spread {what} {half}, with twice the spread they {twice}."
