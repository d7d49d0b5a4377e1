"""The value of customers who are not yet customers: what each will bring from the first purchase on.

Nothing is known of such customers but that they are like the others: their rates are draws from the population. With
the first purchase this is what winning a customer brings, to be held against the cost of it; without, what somebody
who has just bought for the first time will still bring. Which of the two a formula means is the usual confusion:
Fader & Hardie (2012), Reconciling and Clarifying CLV Formulas, note 024 at brucehardie.com.
"""

# One question with its answer in every form: most lines are its documentation.

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from html import escape
from typing import Any, Self, cast

import numpy as np
import pandas as pd

from clvmodels import checked
from clvmodels.data.histories import Histories
from clvmodels.data.rfm import RFM
from clvmodels.errors import InfiniteMeanError, MissingMoneyError, SettingError
from clvmodels.inference.fit import Fit
from clvmodels.models.future import NEW, PurchaseModel, PurchaseValue, SpendModel, unseen
from clvmodels.models.special import Floats, discounted_time
from clvmodels.prediction.customers import Customers
from clvmodels.prediction.simulate import simulate
from clvmodels.prediction.source import ModelSource, from_fits
from clvmodels.prediction.streams import in_order
from clvmodels.prediction.summaries import label, quantile
from clvmodels.prediction.totals import Total
from clvmodels.text import number
from clvmodels.units import Duration, duration
from clvmodels.valuation.plan import Plan, refuse_no_plan

_CELLS = 2**18  # customers x futures x horizons simulated at once: 2 MB
_WITHOUT, _WITH = "without", "with"


@dataclass(frozen=True, eq=False)
class NewCustomerValue:
    """What a newly acquired customer, or several together, will bring under a plan, from the first purchase on.

    ``frame()`` has all of it; ``without_first_purchase`` and ``with_first_purchase`` have the two intervals at any
    level, and the draws that they come from. Nothing is computed before a result is asked for.

    Attributes
    ----------
    plan
        What value means.
    customers
        How many customers: one, or as many as ``cohort`` was asked for.
    source
        The models under each draw of the parameters, and how futures follow from them.
    """

    plan: Plan
    customers: int
    source: ModelSource = field(repr=False)

    @property
    def without_first_purchase(self) -> Total:
        """What follows the first purchase: the residual value of somebody who has just bought for the first time."""
        return self._one(_WITHOUT)

    @property
    def with_first_purchase(self) -> Total:
        """The first purchase and what follows: the lifetime value of somebody who is still to be won."""
        return self._one(_WITH)

    def at(self, horizon: "str | Duration") -> Self:
        """Return the value within one of the horizons: the same futures, seen until then.

        Raises
        ------
        SettingError
            If the plan does not have this horizon.
        """
        lengths = [each.days for each in self.plan.horizons]
        asked = duration(horizon).days
        if asked not in lengths:
            raise SettingError(f"{horizon!r} is not among the horizons of the plan: {self._horizons}.")
        which = lengths.index(asked)
        return replace(self, plan=self.plan.within(self.plan.horizons[which]), source=self.source.at(which))

    def cohort(self, customers: int) -> Self:
        """Return what so many new customers will bring together.

        Each future simulates every one of them: they share its draw of the parameters, and all else is their own. So
        an interval of the sum is narrower, for the size of the cohort, than that of one customer, but never narrower
        than what is not known of the parameters leaves it.

        Parameters
        ----------
        customers
            How many. The first is the customer of ``value_new_customer``, so ``cohort(1)`` has the same futures.

        Raises
        ------
        SettingError
            If it is not a whole number from 1 up.

        Notes
        -----
        Customers are simulated in blocks of 2^18 futures, of which only the sums are kept: a few megabytes for any
        cohort. The time grows with customers times ``futures``, 5 to 10 million of them a second: for a hundred
        thousand customers ask ``value_new_customer`` for ``futures=1_000``.

        Examples
        --------
        >>> import clvmodels as clv
        >>> log = clv.Transactions(clv.datasets.load_cdnow(), customer="customer_id", date="date", amount="amount")
        >>> rfm = log.summarize(unit="week")
        >>> plan = clv.Plan(horizon="1 year", discount=0.10, margin=0.30)
        >>> new = clv.value_new_customer(clv.fit(clv.BGNBD, rfm), clv.fit(clv.GammaGamma, rfm), plan, futures=1000)
        >>> thousand = new.cohort(1000).with_first_purchase
        >>> round(thousand.mean / new.with_first_purchase.mean, 6)
        1000.0
        """
        return replace(self, customers=checked.whole("customers", customers))

    def frame(self, level: float = 0.90, *, means: bool = True) -> pd.DataFrame:
        """Return two rows a horizon: without the first purchase, and with it.

        Columns (sums over all, where there are several customers):

        - ``horizon``, ``first_purchase`` ("without" or "with"), ``customers``;
        - ``expected_purchases`` (missing for an infinite horizon, where their mean need not exist),
          ``discounted_purchases`` (left out without discount), which count the first one where it is included,
          ``expected_spend`` a purchase, and ``p_no_further_purchase``, the probability that nobody buys again within
          the horizon;
        - ``clv_mean`` (``money_mean`` where the plan does not discount), the expected value, with the interval of what
          is not known about the parameters, ``expected_lower, expected_upper`` (left out for a point fit);
        - of what really happens, ``clv_sd`` (left out where it is infinite under some draws of the parameters),
          ``clv_median`` and the interval ``clv_lower, clv_upper``.

        Parameters
        ----------
        level
            Of both intervals.
        means
            Whether to give what exists only where the mean spend is finite.

        Raises
        ------
        InfiniteMeanError
            If means are asked for that are infinite.
        """
        if checked.flag("means", means) and self._infinite:
            raise InfiniteMeanError(self._infinite)
        of_purchases = [self._purchases(horizon) for horizon in range(len(self.source.t))]

        def row(horizon: int, first: str) -> dict[str, Any]:
            known = {name: values[first == _WITH] for name, values in of_purchases[horizon].items()}
            return known | self._value(self._totals[horizon][first], level, means=means)

        return self._each(row)

    def quantiles(self, probabilities: Sequence[float]) -> pd.DataFrame:
        """Return quantiles of the *realised* value: ``horizon, first_purchase`` and a column a probability."""
        levels = checked.shares(probabilities, "probabilities of quantiles")

        def row(horizon: int, first: str) -> dict[str, Any]:
            ordered = np.sort(cast(Floats, self._totals[horizon][first].realised))
            return {label(p): float(quantile(ordered, p)) for p in levels}

        return self._each(row)

    def _each(self, row: Callable[[int, str], dict[str, Any]]) -> pd.DataFrame:
        return pd.DataFrame(
            [
                {"horizon": str(length), "first_purchase": first, "customers": self.customers, **row(horizon, first)}
                for horizon, length in enumerate(self.plan.horizons)
                for first in (_WITHOUT, _WITH)
            ]
        )

    def _one(self, first: str) -> Total:
        if len(self._totals) > 1:
            raise SettingError(
                f"This value has several horizons: {self._horizons}. Say which is meant, such as "
                f'at("{self.plan.length}").{first}_first_purchase.'
            )
        return self._totals[0][first]

    def _purchases(self, horizon: int) -> dict[str, tuple[float, float]]:
        """Return what is expected of purchases, without and with the first one."""
        n, new, t = self.customers, self._new, self.source.t[horizon]
        columns = {}
        if np.isfinite(t):
            later = n * float(new.purchases(t, 0.0).mean())
            columns["expected_purchases"] = (later, later + n)
        if new.delta:
            later = n * float(new.purchases(t, new.delta).mean())
            columns["discounted_purchases"] = (later, later + n)
        if new.spend is not None:
            columns["expected_spend"] = (float(new.spend.mean()),) * 2
        nobody = float((new.silence(t) ** n).mean())
        return columns | {"p_no_further_purchase": (nobody, nobody)}

    def _value(self, total: Total, level: float, *, means: bool) -> dict[str, float]:
        columns: dict[str, float] = {}
        ordered, q = np.sort(cast(Floats, total.realised)), self.plan.quantity
        if means:
            columns[f"{q}_mean"] = total.mean
            if total.uncertain:
                columns["expected_lower"], columns["expected_upper"] = total.expected_interval(level)
            if self._new.has_variance:
                columns[f"{q}_sd"] = float(ordered.std())
        columns[f"{q}_median"] = float(quantile(ordered, 0.5))
        columns[f"{q}_lower"], columns[f"{q}_upper"] = total.interval(level)
        return columns

    @cached_property
    def _totals(self) -> list[dict[str, Total]]:
        """Of each horizon, without and with the first purchase."""
        realised, first = _simulated(self.source, self.customers)
        return [
            {
                _WITHOUT: self._total(self._new.later(t), realised[horizon]),
                _WITH: self._total(self._new.both(t), realised[horizon] + first),
            }
            for horizon, t in enumerate(self.source.t)
        ]

    def _total(self, expected: Floats | None, realised: Floats) -> Total:
        if expected is None:
            return Total(None, None, realised, self.source.uncertain, self._infinite)
        together = self.customers * expected
        return Total(float(together.mean()), together, realised, self.source.uncertain)

    @property
    def _infinite(self) -> str:
        """Why there is no mean; empty where there is one."""
        if not (share := self._new.infinite):
            return ""
        return (
            f"{self._new.spend_model.name}: the expected spend of a new customer is infinite under {share:.1%} of the "
            "draws of the parameters, so that their mean value does not exist. What they will really bring has a "
            "median and intervals all the same: frame(means=False), interval(), quantiles(). A few purchases of "
            "enormous value are the usual cause: look at the largest amounts, or leave out the accounts that are not "
            "like the others."
        )

    @cached_property
    def _new(self) -> "_Expected":
        return _Expected(self.source)

    @property
    def _horizons(self) -> str:
        return ", ".join(map(str, self.plan.horizons))

    def __repr__(self) -> str:
        return f"{self._headline}\n{self._shown.to_string(float_format=_few_decimals)}"

    def _repr_html_(self) -> str:
        return f"<p>{escape(self._headline)}</p>{self._shown.to_html(float_format=_few_decimals, border=0)}"

    @property
    def _headline(self) -> str:
        return f"{'A new customer' if self.customers == 1 else f'{self.customers:,} new customers'}: {self.plan}"

    @property
    def _shown(self) -> pd.DataFrame:
        """Return the frame on its side, so that a screen is wide enough."""
        table = self.frame(means=not self._infinite).drop(columns="customers")
        return table.set_index(["horizon", "first_purchase"]).T.rename_axis(columns=("within", "first purchase"))


@dataclass(frozen=True, eq=False)
class _Expected:
    """What is expected of one new customer under each draw of the parameters: all arrays are ``(draws,)``."""

    source: ModelSource

    @property
    def delta(self) -> float:
        return float(self.source.terms.delta[0])

    @cached_property
    def alive(self) -> Floats:
        return self._draws(self.source.purchases.probability_alive(NEW))

    def purchases(self, t: float, delta: float) -> Floats:
        """Return the expected purchases after the first one, discounted at the force of interest delta."""
        return self.alive * self._draws(self.source.purchases.future(NEW).purchases(t, delta))

    def silence(self, t: float) -> Floats:
        """Return the probability of no purchase after the first one until t."""
        future = self.source.purchases.future(NEW)
        return 1 - self.alive * (1 - self._draws(future.never() if np.isinf(t) else future.count(np.zeros(()), t)))

    @property
    def spend_model(self) -> SpendModel:
        return cast(SpendModel, self.source.spend)  # nobody is valued without one

    @cached_property
    def value(self) -> PurchaseValue:
        return unseen(self.spend_model)

    @property
    def infinite(self) -> float:
        """The share of the draws under which the expected spend is infinite."""
        return float(1 - self._draws(self.value.has_mean).mean())

    @property
    def has_variance(self) -> bool:
        """Whether what is spent has a variance under all draws."""
        return bool(self.value.has_variance.all())

    @cached_property
    def spend(self) -> Floats | None:
        """The expected spend a purchase; ``None`` where it is infinite under some draws."""
        return None if self.infinite else self._draws(self.value.mean())

    @property
    def a_purchase(self) -> Floats | None:
        """What a purchase brings, undiscounted."""
        terms = self.source.terms
        return None if self.spend is None else terms.margin * self.spend - terms.cost

    def later(self, t: float) -> Floats | None:
        """Return what follows the first purchase until t."""
        if self.a_purchase is None:
            return None
        fixed_cost = self.source.terms.fixed_cost * discounted_time(t, self.delta)
        return self.purchases(t, self.delta) * self.a_purchase - fixed_cost

    def both(self, t: float) -> Floats | None:
        """Return what follows the first purchase until t, and that purchase itself."""
        later = self.later(t)
        return None if later is None or self.a_purchase is None else later + self.a_purchase

    def _draws(self, values: Any) -> Floats:  # noqa: ANN401 -- one number for all draws, or one for each
        return np.broadcast_to(np.asarray(values, dtype=float), (self.source.purchases.draws, 1))[:, 0]


def value_new_customer(
    purchases: Fit[PurchaseModel], spend: Fit[SpendModel], plan: Plan, futures: int = 10_000, seed: int = 0
) -> NewCustomerValue:
    """Value a customer who is not yet one: what they will bring from their first purchase on, with it and without.

    The customer is a draw from the population, with no history but the first purchase, at time 0: under MBG/NBD they
    may have dropped out right after it. Their spend rate is one, for the first and all later purchases. What it costs
    to win them is not in the plan: compare it with ``with_first_purchase``.

    Parameters
    ----------
    purchases, spend
        Fits of a purchase model and of a spend model, with equally many draws. From point fits
        (``MaximumLikelihood()``) the realised interval takes the parameters as known.
    plan
        Horizons, counted from the first purchase, discount, margin and costs, all of them numbers. The first purchase
        is not discounted; it has the margin and the cost of any purchase.
    futures
        Simulated futures: under each draw of the parameters in turn.
    seed
        What the futures follow from.

    Raises
    ------
    SettingError
        If the plan takes numbers from columns, which a new customer does not have, or an argument is not what it
        should be.
    FitError
        If a fit's verdict is bad; the message names the remedy.
    MissingMoneyError
        If there is no fit of a spend model.
    InfiniteMeanError
        If the population's mean spend is infinite under some draws, by what needs it: ``frame()``, means and what is
        expected. Medians and intervals of what will really come exist all the same.

    Notes
    -----
    That new customers are like those of the fit is an assumption: another channel or offer brings others. So is that
    first purchases are worth what later ones are; ``rfm.first_spend.mean()`` tells.

    Examples
    --------
    >>> import clvmodels as clv
    >>> log = clv.Transactions(clv.datasets.load_cdnow(), customer="customer_id", date="date", amount="amount")
    >>> rfm = log.summarize(unit="week")
    >>> purchases, spend = clv.fit(clv.BGNBD, rfm), clv.fit(clv.GammaGamma, rfm)
    >>> new = value_new_customer(purchases, spend, clv.Plan(["1 year", "2 years"], discount=0.10, margin=0.30))
    >>> new.frame()["first_purchase"].tolist()
    ['without', 'with', 'without', 'with']
    >>> won = new.at("2 years").with_first_purchase
    >>> won.expected_interval(0.90).lower < won.mean < won.expected_interval(0.90).upper
    True
    """
    refuse_no_plan(plan)
    if spend is None:
        raise MissingMoneyError(
            "Value needs the fit of a spend model, such as clv.fit(clv.GammaGamma, rfm), and this is None. For a new "
            "customer's purchases alone, give clv.predict a customer with frequency 0, recency 0 and T 0, by "
            "RFM.from_frame."
        )
    settings = {f.name: getattr(plan, f.name) for f in fields(plan) if f.name != "horizon"}
    if columns := [f"{name} from the column {value!r}" for name, value in settings.items() if isinstance(value, str)]:
        raise SettingError(
            f"The plan takes {' and '.join(columns)}, and a new customer has no columns yet. Give a number for all "
            "new customers, or value one group of them at a time."
        )
    zero = np.zeros(1)
    nobody = RFM(
        np.array(["new customer"], dtype=object),
        zero.astype(int),
        zero,
        zero,
        "day",
        monetary_value=zero,
        first_spend=zero,
    )
    source = from_fits(
        purchases, spend, nobody, plan.horizons, plan.terms(nobody), futures=futures, seed=seed, threads=1
    )
    return NewCustomerValue(plan, 1, source)


def _simulated(source: ModelSource, customers: int) -> tuple[Floats, Floats]:
    """Simulate new customers and add them up in each future.

    Returns
    -------
    What follows the first purchases, ``(horizons, futures)``, and what the first purchases bring, ``(futures,)``.
    """
    later, first, terms = np.zeros((len(source.t), source.futures)), np.zeros(source.futures), source.terms
    spend, ends, key = cast(SpendModel, source.spend), np.array(source.t), source.rfm.key[0]
    block = max(1, _CELLS // source.futures // len(source.t))

    def block_from(start: int) -> tuple[Floats, Floats]:
        who = np.arange(start, min(start + block, customers), dtype=np.uint64)
        nothing = np.zeros(len(who))
        # Customers without a history, each with a random stream of their own.
        histories = Histories(NEW.x, NEW.t_x, NEW.T, row=nothing.astype(np.intp))
        some = Customers(histories, key + who, dict.fromkeys(spend.columns, nothing))
        opening, own = np.empty((len(who), source.futures)), terms.take(nothing.astype(np.intp))
        gross = simulate(source.purchases, spend, some, ends, own, source.futures, source.seed, opening=opening)
        return gross.sum(axis=1), opening.sum(axis=0)

    for bought_later, bought_first in in_order(block_from, range(0, customers, block), checked.cores()):
        later += bought_later
        first += bought_first
    fixed_cost = [customers * terms.fixed_cost[0] * discounted_time(t, terms.delta[0]) for t in source.t]
    return later - np.array(fixed_cost)[:, None], first


def _few_decimals(value: float) -> str:
    return number(value, 3 if abs(value) < 10 else 2)
