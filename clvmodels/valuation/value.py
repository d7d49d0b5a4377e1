"""Valuation: money of each customer and of all, from a purchase model and a spend model."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvmodels.cautions import warn_of
from clvmodels.checked import flag, whole
from clvmodels.data.rfm import RFM
from clvmodels.errors import MissingMoneyError
from clvmodels.inference.fit import Fit
from clvmodels.models.future import PurchaseModel, SpendModel
from clvmodels.models.special import Floats
from clvmodels.prediction.cautions import of_use
from clvmodels.prediction.contributions import Contributions
from clvmodels.prediction.forecast import Forecast
from clvmodels.prediction.segments import Segments
from clvmodels.prediction.source import from_fits
from clvmodels.prediction.streams import Progress
from clvmodels.prediction.summaries import Summary
from clvmodels.prediction.totals import Total
from clvmodels.units import Duration
from clvmodels.valuation.plan import Plan, refuse_no_plan


@dataclass(frozen=True, eq=False)
class Valuation:
    """What customers will still bring after the end of the observation, under a plan.

    ``frame()`` has a row a customer; with several horizons a row a customer and ``horizon``, the shortest first. The
    columns of value begin with ``clv_`` where the plan discounts it, and with ``money_`` where it does not:

    - what the value is made of: ``p_alive``; ``expected_purchases`` within the horizon (left out where it is infinite:
      their mean need not exist); ``discounted_purchases``, each counted at its present value (left out without a
      discount); and ``expected_spend`` a purchase, before the margin;
    - ``clv_mean``, the expected value still to come: discounted money times margin, less costs;
    - of what really happens, the standard deviation ``clv_sd`` (left out where it is infinite), the median
      ``clv_median``, the 90 % interval ``clv_lower`` to ``clv_upper``, and the probability ``p_zero`` of no purchase
      (whatever it costs to serve);
    - where the values of first purchases are known, ``past_value``, what the customer has brought until now under the
      same plan, undiscounted, and ``lifetime_value_mean``, past and expected value together.

    Attributes
    ----------
    forecast
        Of the money; it has the customers, the horizons, the seed and the cut-off.
    plan
        What value means.
    """

    forecast: Forecast
    plan: Plan

    @property
    def rfm(self) -> RFM:
        """The customers."""
        return self.forecast.rfm

    @property
    def quantity(self) -> str:
        """What the columns of value begin with: "clv" where it is discounted, else "money"."""
        return self.forecast.quantity

    @property
    def horizons(self) -> tuple[str, ...]:
        """From the end of the observation on, in growing order."""
        return self.forecast.horizons

    @property
    def unit(self) -> str:
        """The time unit of the customers and of the models."""
        return self.forecast.unit

    @property
    def seed(self) -> int:
        """What the futures follow from."""
        return self.forecast.seed

    @property
    def cut_off(self) -> date | None:
        """The last day of the observation; ``None`` where it is not known."""
        return self.forecast.cut_off

    @property
    def past_value(self) -> Floats | None:
        """What customers have brought until now, less costs, undiscounted; ``None`` without first purchases' values."""
        rfm = self.rfm
        if rfm.first_spend is None or rfm.monetary_value is None:
            return None
        terms = self.plan.terms(rfm)
        revenue = rfm.first_spend + rfm.frequency * rfm.monetary_value
        past: Floats = terms.margin * revenue - terms.cost * (rfm.frequency + 1) - terms.fixed_cost * rfm.T
        return past

    def at(self, horizon: "str | Duration") -> Self:
        """Return the valuation within one of its horizons: the same futures, seen until then."""
        forecast = self.forecast.at(horizon)
        which = self.horizons.index(forecast.horizons[0])
        return replace(self, forecast=forecast, plan=self.plan.within(self.plan.horizons[which]))

    def frame(self, *, means: bool = True, progress: Progress | None = None) -> pd.DataFrame:
        """Return a row a customer, as ``Valuation`` says.

        Parameters
        ----------
        means
            Whether to give what exists only where the mean is finite. Without it ``expected_spend``, ``clv_mean``,
            ``clv_sd`` and ``lifetime_value_mean`` are left out.
        progress
            Is told how many customers each chunk had.

        Raises
        ------
        InfiniteMeanError
            If means are asked for that are infinite.
        """
        table = self.forecast.frame(means=means, progress=progress)
        if (past := self.past_value) is not None:
            table["past_value"] = np.tile(past, len(self.horizons))
            if means:
                table["lifetime_value_mean"] = table["past_value"] + table[f"{self.quantity}_mean"]
        return table

    def frames(self, customers: int = 100_000, *, means: bool = True) -> Iterator[pd.DataFrame]:
        """Yield ``frame()`` for so many customers at a time, in their order: memory then does not grow with the base.

        The numbers are those of ``frame()``; nothing is kept.
        """
        forecast = self.forecast
        if flag("means", means):
            forecast.source.refuse_infinite_means()
        parts = (slice(start, start + customers) for start in range(0, len(self.rfm), whole("customers", customers)))
        return (replace(self, forecast=forecast.take(part)).frame(means=means) for part in parts)

    def summarize(self, summaries: Mapping[str, Summary], progress: Progress | None = None) -> pd.DataFrame:
        """Return a row a customer with a column a summary, in one pass: see ``Forecast.summarize``."""
        return self.forecast.summarize(summaries, progress)

    def interval(self, level: float = 0.90) -> pd.DataFrame:
        """Return each customer's central interval of the *realised* value: ``customer_id, lower, upper``."""
        return self.forecast.interval(level)

    def expected_interval(self, level: float = 0.90) -> pd.DataFrame:
        """Return each customer's central interval of the *expected* value: ``customer_id, lower, upper``."""
        return self.forecast.expected_interval(level)

    def quantiles(self, probabilities: Sequence[float]) -> pd.DataFrame:
        """Return quantiles of each customer's *realised* value: ``customer_id`` and a column a probability."""
        return self.forecast.quantiles(probabilities)

    def p_above(self, threshold: "float | str | Sequence[float] | Floats") -> pd.DataFrame:
        """Return the probability that each customer's *realised* value exceeds a threshold: ``Forecast.p_above``."""
        return self.forecast.p_above(threshold)

    def total(self) -> Total:
        """Return the sum over all customers."""
        return self.forecast.total()

    def by(self, segment: "str | Sequence[Any] | NDArray[Any]", progress: Progress | None = None) -> Segments:
        """Return sums over segments of customers: see ``Forecast.by``."""
        return self.forecast.by(segment, progress)

    def contributions(self, shares: Sequence[float] = (0.01, 0.05, 0.10, 0.20)) -> Contributions:
        """Return how much of all that is to come the best customers bring: see ``Forecast.contributions``."""
        return self.forecast.contributions(shares)

    def __sub__(self, other: "Valuation") -> Forecast:
        """Return how much more these customers bring than under another plan or model, future by future."""
        if not isinstance(other, Valuation):
            return NotImplemented
        return self.forecast - other.forecast

    def __repr__(self) -> str:
        return f"Valuation of {len(self.rfm):,} customers: {self.plan}"


def value(
    purchases: Fit[PurchaseModel],
    spend: Fit[SpendModel],
    rfm: RFM,
    plan: Plan,
    futures: int = 1000,
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
    futures
        Simulated futures a customer: under each draw of the parameters in turn. A multiple of the fits' draws weighs
        them alike; with fewer than 100 futures the ends of intervals are rough, and too narrow.
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

    Warns
    -----
    CLVWarning
        If the customers' log begins later than that of the fit, ends earlier, or ends more than a year later.

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
    >>> valuation = clv.value(purchases, spend, rfm, plan, futures=100)
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
    source = from_fits(
        purchases, spend, rfm, plan.horizons, plan.terms(rfm), futures=futures, seed=seed, threads=threads
    )
    warn_of(of_use(purchases, rfm))
    source.customers  # noqa: B018 -- says which amounts are missing before anything is computed
    return Valuation(Forecast(rfm, source, plan.quantity, tuple(map(str, plan.horizons)), source.seed), plan)
