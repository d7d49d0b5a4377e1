"""The simple formula that most companies use: average order value x purchases a year x lifespan.

It is the baseline that models must beat, so its default is its best; the textbook readings are settings.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from typing import Literal, NamedTuple, Self, get_args

import numpy as np
from numpy.typing import NDArray

from clvmodels.checked import flag, one_of, random_stream, whole
from clvmodels.data.rfm import RFM, refuse_no_rfm
from clvmodels.errors import CLVWarning, InfiniteMeanError
from clvmodels.models.special import Floats, discounted_time
from clvmodels.prediction.forecast import Forecast
from clvmodels.prediction.summaries import Chunk, KnownChunk
from clvmodels.prediction.terms import Terms
from clvmodels.units import Duration, duration, durations
from clvmodels.valuation.plan import Length, Plan, refuse_no_plan
from clvmodels.valuation.value import Valuation

Lifespan = Literal["silence", "span"]
Survival = Literal["exponential", "certain"]
Orders = Literal["repeat", "all"]


@dataclass(frozen=True)
class SimpleFormula:
    r"""Order value x purchases a customer-year x lifespan, within a horizon.

    With f purchases a customer and time unit, a mean lifetime L and a force of interest delta, a customer makes within
    h :math:`f \int_0^h e^{-(1/L + \delta) s} ds` discounted purchases (``survival="exponential"``), each worth the
    average order times the plan's margin, less its costs.

    Parameters
    ----------
    lifespan
        How L is found. "silence" (the default): 1/L = customers silent for longer than ``gap`` / time that all
        customers were observed. "span": the mean time from first to last purchase. Or a duration, such as
        ``"3 years"``.
    gap
        The silence after which a customer counts as gone.
    survival
        "exponential" (the default): customers leave at the steady rate 1/L. "certain": everyone stays for min(L, h),
        as in the textbook.
    orders
        Which orders make the frequency f: "repeat" (the default, right for the value still to come) or "all", first
        orders included, as in the textbook.
    per_customer
        Whether each customer's own frequency and own mean order are used in place of those of the base.

    Notes
    -----
    The order value is revenue over orders. Where first purchases' values are not known, it is that of repeat orders.
    The interval of the expected value comes from a bootstrap over customers; per customer, only the lifespan is
    resampled. Nothing is said of the realised value: the formula has no notion of it.

    Examples
    --------
    >>> import clvmodels as clv
    >>> log = clv.Transactions(clv.datasets.load_cdnow(), customer="customer_id", date="date", amount="amount")
    >>> rfm = log.split("1997-09-30")[0].summarize(unit="week")
    >>> round(SimpleFormula(gap="13 weeks").predict(rfm, "39 weeks").total().mean)
    1866
    """

    lifespan: "Lifespan | str | timedelta | Duration" = "silence"
    gap: "str | timedelta | Duration" = "13 weeks"
    survival: Survival = "exponential"
    orders: Orders = "repeat"
    per_customer: bool = False

    def __post_init__(self) -> None:
        for name, choices in (("survival", Survival), ("orders", Orders)):
            one_of(name, getattr(self, name), get_args(choices))
        duration(self.gap)
        if not isinstance(self.lifespan, str) or self.lifespan not in get_args(Lifespan):
            duration(self.lifespan)
        flag("per_customer", self.per_customer)

    @property
    def name(self) -> str:
        """What the formula is called in comparisons: its settings where they are not the default."""
        lifespan = self.lifespan if self.lifespan in get_args(Lifespan) else duration(self.lifespan)
        own = [] if lifespan == "silence" else [f"lifespan {lifespan}"]
        own += [f"gap {duration(self.gap)}"] if duration(self.gap) != duration(SimpleFormula.gap) else []
        own += [] if self.survival == "exponential" else ["min(lifespan, horizon)"]
        own += [] if self.orders == "repeat" else ["all orders"]
        kind = "simple formula per customer" if self.per_customer else "simple formula"
        return f"{kind} ({', '.join(own)})" if own else kind

    def value(self, rfm: RFM, plan: Plan, resamples: int = 1000, seed: int = 0) -> Valuation:
        """Value customers by the formula.

        Parameters
        ----------
        rfm
            The customers; also what the formula learns from.
        plan
            What value means: horizons, discount, margin and costs, as for a model. Serving costs are charged to the end
            of the horizon, whatever the lifespan.
        resamples
            Of the customers, for the bootstrap.
        seed
            What the resamples follow from.

        Returns
        -------
        A valuation with an interval of the expected value only. Its ``frame()`` has ``expected_purchases``,
        ``expected_spend`` and ``clv_mean`` (``money_mean`` undiscounted), and ``past_value`` and
        ``lifetime_value_mean`` as those of a model.
        """
        refuse_no_plan(plan)
        terms = plan.terms(rfm)
        rfm.money  # noqa: B018 -- says what is missing before anything is computed
        return Valuation(self._forecast(rfm, plan.horizons, terms, plan.quantity, resamples, seed), plan)

    def predict(self, rfm: RFM, horizon: "Length | Sequence[Length]", resamples: int = 1000, seed: int = 0) -> Forecast:
        """Predict purchases within one or several horizons by the formula, as ``value`` does money."""
        refuse_no_rfm(rfm)
        return self._forecast(rfm, durations(horizon), Terms.plain(len(rfm)), "purchases", resamples, seed)

    def _forecast(
        self, rfm: RFM, horizons: Sequence[Duration], terms: Terms, quantity: str, resamples: int, seed: int
    ) -> Forecast:
        t = tuple(horizon.count(rfm.unit) for horizon in horizons)
        base = rfm.take(np.argsort(rfm.key))  # sums are the same to the last bit in any order of the RFM
        source = FormulaSource(self, base, rfm, t, terms, quantity != "purchases", resamples, seed)
        return Forecast(rfm, source, quantity, tuple(map(str, horizons)), seed)


class Ingredients(NamedTuple):
    """What the formula multiplies; each a number, or one a customer ``(customers,)``.

    ``frequency`` in purchases a time unit, ``order_value`` in money (``None`` without amounts), ``loss`` the rate 1/L.
    """

    frequency: Floats
    order_value: Floats | None
    loss: Floats


@dataclass(frozen=True, eq=False)
class FormulaSource:
    """The formula as the source of a forecast of ``rfm``; it learns from ``base``, which is sorted by key."""

    formula: SimpleFormula
    base: RFM
    rfm: RFM
    t: tuple[float, ...]
    terms: Terms
    of_money: bool
    resamples: int
    seed: int

    uncertain = True
    finite_variance = True
    has_futures = False
    threads = 1

    def __post_init__(self) -> None:
        if self.formula.lifespan == "silence" and duration(self.formula.gap).days >= self.base.T_days.max():
            warnings.warn(
                f"No customer was observed for longer than the gap, {duration(self.formula.gap)}, so the simple "
                "formula takes nobody for gone and every lifespan for endless. Give it a shorter gap, or a lifespan.",
                CLVWarning,
                stacklevel=5,
            )
        random_stream(self.seed, self.formula.name)  # says what is wrong with a seed before anything is computed
        whole("resamples", self.resamples)
        endless = np.isinf(self.t[-1]) and not self.terms.delta.all()
        if endless and self.ingredients(self._everyone()).loss == 0:
            raise InfiniteMeanError(
                "No customer counts as gone, so the lifespan is infinite, and so is the value without a horizon or a "
                "discount. Set one of these, a shorter gap=, or a lifespan=."
            )

    def refuse_infinite_means(self) -> None:
        """Refuse nothing: it was done when the source was made."""

    def at(self, horizon: int) -> Self:
        """Return the source of one of the horizons alone."""
        return replace(self, t=(self.t[horizon],))

    def take(self, customers: slice) -> Self:
        """Return the source of some customers, which still learns from all."""
        return replace(self, rfm=self.rfm.take(customers), terms=self.terms.take(customers))

    def parts(self) -> Iterator[NDArray[np.intp]]:
        """Yield positions of customers: a million numbers at a time."""
        size = max(1, 2**20 // self.resamples)
        everyone = np.argsort(self.rfm.key)
        return (everyone[start : start + size] for start in range(0, len(everyone), size))

    def chunks(self, part: NDArray[np.intp]) -> Sequence[Chunk]:
        """Return some customers: each with the same numbers, or per customer each with their own."""
        own = replace(self, rfm=self.rfm.take(part), terms=self.terms.take(part))
        everyone, resampled = self._learnt
        return [
            KnownChunk(
                part,
                own.worth(own.of_each(everyone), t),
                np.vstack([own.worth(own.of_each(drawn), t) for drawn in resampled]),
                columns=own.columns(everyone, t),
            )
            for t in self.t
        ]

    @property
    def known(self) -> Sequence[Mapping[str, bool]]:
        """The columns of each horizon; purchases without an end are no number, though their discounted value is one."""
        everyone, _ = self._learnt
        first = replace(self, rfm=self.rfm.take(slice(1)), terms=self.terms.take(slice(1)))
        return [{name: name == "expected_spend" for name in first.columns(everyone, t)} for t in self.t]

    @cached_property
    def _learnt(self) -> "tuple[Ingredients, list[Ingredients]]":
        """The ingredients of the whole base and of its resamples, computed once."""
        return self.ingredients(self._everyone()), [self.ingredients(weights) for weights in self._resamples()]

    def ingredients(self, weights: Floats) -> Ingredients:
        """Return the ingredients of the base in which each customer counts ``weights`` times, ``(customers,)``."""
        rfm = self.base
        revenue, orders = _orders(rfm)
        value = None if revenue is None else _ratio(weights @ revenue, weights @ orders)
        return Ingredients(_ratio(weights @ self._counted(rfm), weights @ rfm.T), value, self._loss(weights))

    def _loss(self, weights: Floats) -> Floats:
        rfm, formula = self.base, self.formula
        if formula.lifespan == "silence":
            # In whole days: a quotient in weeks may be a hair more than the gap.
            silent = rfm.T_days - rfm.recency_days > duration(formula.gap).days
            return _ratio(weights @ silent, weights @ rfm.T)
        if formula.lifespan == "span":
            total = weights @ rfm.recency
            return np.asarray(weights.sum() / total if total > 0 else np.inf)
        return np.asarray(1 / duration(formula.lifespan).count(rfm.unit))

    def _counted(self, rfm: RFM) -> Floats:
        repeats = rfm.frequency.astype(float)
        return repeats + 1 if self.formula.orders == "all" else repeats

    def of_each(self, base: Ingredients) -> Ingredients:
        """Return the ingredients of each customer: the base's, or per customer their own with the base's lifespan."""
        own = self.rfm
        if not self.formula.per_customer:
            return Ingredients(*(None if v is None else np.full(len(own), v) for v in base))  # type: ignore[arg-type]
        revenue, orders = _orders(own)
        value = None if revenue is None else _ratio(revenue, orders)
        return Ingredients(_ratio(self._counted(own), own.T), value, np.full(len(own), base.loss))

    def worth(self, each: Ingredients, t: float) -> Floats:
        """Return what each customer brings until t: purchases, or their money less costs."""
        terms = self.terms
        purchases = _product(each.frequency, self._lived(each.loss, terms.delta, t))
        if not self.of_money or each.order_value is None:
            return purchases
        gross = (terms.margin * each.order_value - terms.cost) * purchases
        return gross - terms.fixed_cost * discounted_time(t, terms.delta) if terms.fixed_cost.any() else gross

    def _lived(self, loss: Floats, delta: Floats, t: float) -> Floats:
        """Return the time that a customer lives within the horizon, discounted."""
        if self.formula.survival == "exponential":
            return discounted_time(t, loss + delta)
        with np.errstate(divide="ignore"):
            return discounted_time(np.minimum(t, 1 / loss), delta)

    def columns(self, base: Ingredients, t: float) -> dict[str, Floats]:
        """Return what else the formula says of each customer until t."""
        each = self.of_each(base)
        lived = self._lived(each.loss, np.zeros_like(self.terms.delta), t)
        columns: dict[str, Floats] = {}
        if self.of_money and np.isfinite(lived).all():
            columns["expected_purchases"] = _product(each.frequency, lived)
        if each.order_value is not None:
            columns["expected_spend"] = each.order_value
        return columns

    def _everyone(self) -> Floats:
        return np.ones(len(self.base))

    def _resamples(self) -> Iterator[Floats]:
        """Yield how often each customer is drawn, resample after resample."""
        rng = random_stream(self.seed, self.formula.name)
        size = len(self.base)
        for _ in range(self.resamples):
            yield np.bincount(rng.integers(size, size=size), minlength=size).astype(float)


def _orders(rfm: RFM) -> tuple[Floats | None, Floats]:
    """Return each customer's revenue and orders: of all orders, or of the repeat orders where only those are known."""
    orders = rfm.frequency.astype(float) + 1
    if rfm.monetary_value is None:
        return None, orders
    repeat = rfm.monetary_value * rfm.frequency
    if rfm.first_spend is None:
        return repeat, orders - 1
    return rfm.first_spend + repeat, orders


def _product(frequency: Floats, time: Floats) -> Floats:
    """Multiply; no purchase in endless time is still none."""
    return np.multiply(frequency, time, out=np.zeros_like(time), where=frequency > 0)


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Divide; nothing over nothing is nothing: no order has no value, no time has no purchases."""
    safe = np.where(np.asarray(denominator) > 0, denominator, 1.0)
    return np.asarray(np.where(np.asarray(denominator) > 0, numerator / safe, 0.0))
