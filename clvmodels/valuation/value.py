"""Valuation: discounted money of each customer and of all, from a purchase model and a spend model."""

from dataclasses import dataclass
from typing import Any

from clvmodels.data.rfm import RFM
from clvmodels.errors import MissingMoneyError, SettingError
from clvmodels.inference.fit import Fit
from clvmodels.prediction.forecast import Forecast
from clvmodels.prediction.predict import model_source
from clvmodels.valuation.plan import Plan


@dataclass(frozen=True, eq=False)
class Valuation(Forecast):
    """What customers will still bring after the end of the observation, under a plan.

    ``frame()`` has ``customer_id, p_alive, expected_purchases, expected_spend, clv_mean, clv_median, clv_lower,
    clv_upper, p_zero``: the mean is discounted money times margin; the median, the 90 % interval and the probability
    of bringing nothing are of the *realised* value. Expected purchases are not discounted, and left out under an
    infinite horizon, where their mean need not exist.
    """

    plan: Plan

    def __repr__(self) -> str:
        return f"Valuation of {len(self.rfm):,} customers: {self.plan}"


def value(purchases: Fit[Any], spend: Fit[Any], rfm: RFM, plan: Plan, draws: int = 1000, seed: int = 0) -> Valuation:
    """Value customers: what each will still bring, expected and realised.

    Parameters
    ----------
    purchases, spend
        Fits of a purchase model and of a spend model, with equally many draws. From point fits
        (``MaximumLikelihood()``) the realised interval takes the parameters as known.
    rfm
        The customers to value.
    plan
        Horizon, discount and margin.
    draws
        Simulated futures a customer: each draw of the parameters in turn.
    seed
        What the futures follow from, together with the customer's id: any order, subset or chunking of the customers
        gives a customer the same numbers.

    Raises
    ------
    FitError
        If a fit's verdict is bad; the message names the remedy.
    MissingMoneyError
        If the data have no amounts.
    InfiniteMeanError
        If a customer's expected spend is infinite under some draws.

    Examples
    --------
    >>> import clvmodels as clv
    >>> log = clv.Transactions(clv.datasets.load_cdnow(), customer="customer_id", date="date", amount="amount")
    >>> rfm = log.summarize(unit="week")
    >>> purchases, spend = clv.fit(clv.BGNBD, rfm), clv.fit(clv.GammaGamma, rfm)
    >>> plan = clv.Plan(horizon="1 year", discount=0.10, margin=0.30)
    >>> valuation = clv.value(purchases, spend, rfm, plan, draws=100)
    >>> lower, upper = valuation.total().interval(0.90)
    >>> bool(lower < valuation.total().mean < upper)
    True
    """
    if not isinstance(plan, Plan):
        raise SettingError(f'The plan is a {type(plan).__name__}. Say what value means: clv.Plan(horizon="1 year").')
    if spend is None:
        raise MissingMoneyError(
            "Value needs the fit of a spend model, such as clv.fit(clv.GammaGamma, rfm), and this is None. Purchases "
            "alone can be predicted with clv.predict."
        )
    source = model_source(purchases, spend, rfm, plan.length, plan.discount, plan.margin, draws, seed)
    return Valuation(rfm, source, "clv", plan)
