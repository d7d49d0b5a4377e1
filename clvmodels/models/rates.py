"""What every model with gamma-distributed Poisson rates shares: its evidence, and the worth of a steady stream."""

import numpy as np
from scipy.special import betainc, gammaln, xlogy

from clvmodels.data.rfm import RFM
from clvmodels.models.protocols import Evidence, Floats

_REPEATERS_A_PARAMETER = 2.5


def purchase_evidence(rfm: RFM, parameters: tuple[str, ...]) -> Evidence:
    """Return the distinct (x, t_x, T), in multiples of the base's mean time between repeat purchases."""
    distinct = rfm.collapse()
    repeats = float(distinct.counts @ distinct.frequency)
    exposure = float(distinct.counts @ distinct.T)
    scale = exposure / repeats if repeats and exposure else 1.0
    columns = (distinct.frequency, distinct.recency / scale, distinct.T / scale)
    return Evidence(columns, distinct.counts, scale, -repeats * np.log(scale), _shortfall(rfm, parameters))


def discounted_time(t: Floats | float, rate: Floats | float) -> Floats:
    r"""Return :math:`\int_0^t e^{-\text{rate} \cdot s} ds`: the time until t, discounted (or survived) at a rate.

    Examples
    --------
    >>> float(discounted_time(52.0, 0.0))
    52.0
    >>> float(discounted_time(np.inf, 0.01))
    100.0
    """
    safe = np.where(np.asarray(rate) > 0, rate, 1.0)
    return np.asarray(np.where(np.asarray(rate) > 0, -np.expm1(-safe * t) / safe, t))


def steady_count(k: Floats, shape: Floats, span: Floats) -> Floats:
    r"""Return P(k purchases in a span) at rates Gamma(shape, c), the span in multiples of c: the NBD.

    Examples
    --------
    >>> float(steady_count(np.array(0.0), np.array(1.0), np.array(3.0)))
    0.25
    """
    of_count = gammaln(shape + k) - gammaln(shape) - gammaln(k + 1)
    probability: Floats = np.exp(of_count + xlogy(k, span / (1 + span)) - shape * np.log1p(span))
    return probability


def steady_at_least(k: Floats, shape: Floats, span: Floats) -> Floats:
    r"""Return P(k purchases or more in a span), k > 0, at rates Gamma(shape, c), the span in multiples of c.

    Examples
    --------
    >>> float(steady_at_least(np.array(1.0), np.array(1.0), np.array(3.0)))
    0.75
    """
    return np.asarray(betainc(k, shape, span / (1 + span)), dtype=float)


def _shortfall(rfm: RFM, parameters: tuple[str, ...]) -> str:
    repeaters, fewest = int((rfm.frequency > 0).sum()), int(_REPEATERS_A_PARAMETER * len(parameters))
    if not rfm.T_days.any():
        return "Every customer was observed for no time at all (T = 0). Observe them for longer, or check T."
    if not repeaters:
        return (
            f"No customer of {len(rfm):,} bought again: all bought once, so nothing tells how often they return. Use "
            "a longer log."
        )
    if repeaters < fewest:
        return (
            f"Only {repeaters} of {len(rfm):,} customers bought again, and {len(parameters)} parameters need {fewest} "
            "repeat buyers or more. Use a longer log or more customers."
        )
    return ""
