"""Valuation: discounted money of each customer and of all, from a purchase model and a spend model."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from clvmodels.data.rfm import RFM
from clvmodels.errors import MissingMoneyError
from clvmodels.inference.fit import Fit
from clvmodels.models.protocols import Floats
from clvmodels.prediction.forecast import Forecast
from clvmodels.prediction.source import model_source
from clvmodels.valuation.plan import Plan, refuse_no_plan


@dataclass(frozen=True, eq=False)
class Valuation(Forecast):
    """What customers will still bring after the end of the observation, under a plan.

    ``frame()`` has a row a customer; with several horizons a row a customer and ``horizon``, the shortest first:

    - what the value is made of: ``p_alive``; ``expected_purchases`` within the horizon (left out where it is infinite:
      their mean need not exist); ``discounted_purchases``, each counted at what it is worth today (left out without a
      discount); and ``expected_spend`` a purchase, before the margin;
    - ``clv_mean``, the expected value still to come: discounted money times margin, less costs;
    - of what will really come, the standard deviation ``clv_sd`` (left out where it is infinite), the median
      ``clv_median``, the 90 % interval ``clv_lower`` to ``clv_upper``, and the probability ``p_zero`` of no purchase
      (whatever it costs to serve);
    - where the values of first purchases are known, ``past_value``, what the customer has brought until now under the
      same plan, undiscounted, and ``lifetime_value_mean``, past and expected value together.
    """

    plan: Plan

    @property
    def past_value(self) -> Floats | None:
        """What customers have brought until now, less costs, undiscounted; ``None`` without first purchases' values."""
        rfm = self.rfm
        if rfm.first_spend is None or rfm.monetary_value is None:
            return None
        terms, serving = self.plan.terms(rfm)
        revenue = rfm.first_spend + rfm.frequency * rfm.monetary_value
        past: Floats = terms.margin * revenue - terms.cost * (rfm.frequency + 1) - serving * rfm.T
        return past

    def frame(self, *, means: bool = True) -> pd.DataFrame:
        """Return a row a customer, as ``Valuation`` says.

        Parameters
        ----------
        means
            Whether to give what exists only where the mean is finite. Without it ``expected_spend``, ``clv_mean``,
            ``clv_sd`` and ``lifetime_value_mean`` are left out.

        Raises
        ------
        InfiniteMeanError
            If means are asked for that are infinite.
        """
        table = super().frame(means=means)
        if (past := self.past_value) is not None:
            table["past_value"] = np.tile(past, len(self.horizons))
            if means:
                table["lifetime_value_mean"] = table["past_value"] + table["clv_mean"]
        return table

    def _narrowed(self, horizon: int) -> dict[str, Any]:
        return super()._narrowed(horizon) | {"plan": self.plan.within(self.plan.horizons[horizon])}

    def __repr__(self) -> str:
        return f"Valuation of {len(self.rfm):,} customers: {self.plan}"


def value(
    purchases: Fit[Any],
    spend: Fit[Any],
    rfm: RFM,
    plan: Plan,
    draws: int = 1000,
    seed: int = 0,
    threads: int | None = None,
) -> Valuation:
    """Value customers: what each will still bring, expected and realised.

    Parameters
    ----------
    purchases, spend
        Fits of a purchase model and of a spend model, with equally many draws. From point fits
        (``MaximumLikelihood()``) the realised interval takes the parameters as known.
    rfm
        The customers to value.
    plan
        What value means: horizons, discount, margin and costs.
    draws
        Simulated futures a customer: each draw of the parameters in turn. A multiple of the fits' draws weighs them
        alike; with fewer than 100 futures the ends of intervals are rough, and too narrow.
    seed
        What the futures follow from, together with the customer's id: any order, subset or chunking of the customers
        gives a customer the same numbers.
    threads
        How many chunks of customers are worked on at a time; by default one a core. The results are the same.

    Raises
    ------
    FitError
        If a fit's verdict is bad; the message names the remedy.
    MissingMoneyError
        If the data have no amounts, or not those that the spend model looks at.
    SettingError, DataError
        If the plan names a column that the RFM does not have, or that has values that it cannot have.
    InfiniteMeanError
        If a customer's expected spend is infinite under some draws, by what needs it: ``frame()`` and what is expected.

    Notes
    -----
    Nothing is computed before a result is asked for. Customers are then streamed in chunks of 2^18 futures; a thread
    holds some ten arrays of that size (20 MB), the tables of expected purchases take up to 16 x 6 x 9 numbers a draw
    and horizon (7 MB with 1,000 draws), and twelve numbers a customer and horizon are kept. ``Valuation.frames`` keeps
    none of them.

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
    refuse_no_plan(plan)
    if spend is None:
        raise MissingMoneyError(
            "Value needs the fit of a spend model, such as clv.fit(clv.GammaGamma, rfm), and this is None. Purchases "
            "alone can be predicted with clv.predict."
        )
    terms, serving = plan.terms(rfm)
    horizons = plan.horizons
    source = model_source(
        purchases, spend, rfm, horizons, terms, draws=draws, seed=seed, threads=threads, serving=serving
    )
    spend.specification.observed(rfm)  # says which amounts are missing before anything is computed
    return Valuation(rfm, source, "clv", tuple(map(str, horizons)), plan)
