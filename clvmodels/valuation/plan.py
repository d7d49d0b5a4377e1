"""What "value" means: how far ahead, discounted how, and what remains of a unit of money."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from clvmodels import checked
from clvmodels.data.rfm import RFM, refuse_no_rfm
from clvmodels.errors import DataError, SettingError, UnitError, examples
from clvmodels.models.special import Floats
from clvmodels.prediction.terms import Terms
from clvmodels.units import Duration, durations, force_of_interest

Length = str | timedelta | Duration


@dataclass(frozen=True)
class Plan:
    """The meaning of value, printed with every result.

    A purchase of value v after a time s brings ``margin * v - cost_per_purchase``, discounted over s; and each
    customer costs ``cost_to_serve`` a year from now to the horizon, discounted likewise.

    Everything but the horizon is a number for all customers, or the name of a column of the RFM with a number for each:
    one that ``Transactions(columns=[...])`` or ``RFM.from_frame`` brought along.

    Parameters
    ----------
    horizon
        How far ahead of the end of the observation, such as ``"2 years"`` or ``"infinite"``, or several:
        ``["3 months", "6 months", "1 year"]``. It is kept as a ``Duration``, or as several in growing order. Futures
        are simulated until money is worth a millionth; what would take hours, such as an infinite horizon at a tiny
        discount, is refused with an estimate of how much there would be to simulate.
    discount
        Effective yearly rate, such as 0.10 for 10 % a year, applied in continuous time.
    margin
        What remains of a unit of money spent, such as 0.30.
    cost_per_purchase
        What a purchase costs, whatever it is worth (handling, a voucher), in the money of the amounts.
    cost_to_serve
        What a customer costs a year, whatever they do (mailings, an account manager), in the money of the amounts. It
        is charged to the end of the horizon: a shop cannot see that somebody has left.

    Raises
    ------
    UnitError
        If a horizon or the discount cannot be understood.
    SettingError
        If the margin is not above 0 and at most 1, a cost is negative, a horizon stands there twice, or an infinite
        horizon has no discount. What stands in columns is checked by ``terms``.

    Examples
    --------
    >>> print(Plan(horizon="2 years", discount=0.10, margin=0.30))
    value over 2 years, discounted at 10 % a year, margin 30 %
    >>> print(Plan(["6 months", "1 year"], margin="margin", cost_per_purchase=2.5, cost_to_serve=12))
    value over 6 months, 1 year, not discounted, margin in column 'margin', 2.5 a purchase and 12 a year to serve
    """

    horizon: "Length | Sequence[Length]"
    discount: float | str = 0.0
    margin: float | str = 1.0
    cost_per_purchase: float | str = 0.0
    cost_to_serve: float | str = 0.0

    def __post_init__(self) -> None:
        first, *others = durations(self.horizon)
        object.__setattr__(self, "horizon", (first, *others) if others else first)
        for name in _READ:
            if not isinstance(getattr(self, name), str):
                _refuse_number(name, getattr(self, name))
        if self.horizons[-1].is_infinite and not isinstance(self.discount, str) and self.discount == 0:
            raise SettingError(_ENDLESS)

    @property
    def horizons(self) -> tuple[Duration, ...]:
        """The horizons as durations, in growing order."""
        return durations(self.horizon)

    @property
    def length(self) -> Duration:
        """The longest horizon."""
        return self.horizons[-1]

    @property
    def is_plain(self) -> bool:
        """Whether a purchase just brings its value, whenever it happens."""
        return (self.discount, self.margin, self.cost_per_purchase, self.cost_to_serve) == (0.0, 1.0, 0.0, 0.0)

    def within(self, horizon: Duration) -> Self:
        """Return the plan with one horizon."""
        return replace(self, horizon=horizon)

    @property
    def quantity(self) -> str:
        """What value is called in columns: "clv" where it is discounted, else "money"."""
        return "clv" if self.discount else "money"

    def terms(self, rfm: RFM) -> Terms:
        """Return the plan for each customer, in the time unit of the RFM.

        Raises
        ------
        SettingError
            If the RFM lacks a column that the plan names, or an infinite horizon has no discount for some customers.
        DataError
            If a column has values that it cannot have: which customers, and how many.

        Examples
        --------
        >>> import pandas as pd
        >>> table = {"customer_id": ["a", "b"], "frequency": 0, "recency": 0.0, "T": 9.0, "share": [0.3, 0.5]}
        >>> Plan("1 year", margin="share").terms(RFM.from_frame(pd.DataFrame(table), unit="week")).margin
        array([0.3, 0.5])
        """
        refuse_no_rfm(rfm)
        each = {name: self._each(name, rfm) for name in _READ}
        if self.length.is_infinite and (none := each["discount"] == 0).any():
            raise SettingError(f"{_ENDLESS} {none.sum():,} of {len(rfm):,} customers have none.")
        rates, which = np.unique(each["discount"], return_inverse=True)
        delta = np.array([force_of_interest(float(rate), rfm.unit) for rate in rates])[which]
        fixed_cost = each["cost_to_serve"] / Duration(365.25).count(rfm.unit)
        return Terms(delta, each["margin"], each["cost_per_purchase"], fixed_cost)

    def _each(self, name: str, rfm: RFM) -> Floats:
        asked: Any = getattr(self, name)
        if not isinstance(asked, str):
            return np.full(len(rfm), float(asked))
        if asked not in rfm.columns:
            known = ", ".join(rfm.columns) or "none"
            raise SettingError(
                f"The plan takes {name} from the column {asked!r}, which the RFM does not have; its columns are: "
                f"{known}. Bring it with Transactions(columns=[...]) or RFM.from_frame, or write a number: {name} is "
                f"{_READ[name][2]}."
            )
        return _read(name, rfm.columns[asked], rfm.customer_id)

    def __str__(self) -> str:
        parts = ["value over " + ", ".join(_horizon(each) for each in self.horizons)]
        parts.append(_said(self.discount, "discounted at {} % a year", 100, "discounted at the yearly rate"))
        parts.append(_said(self.margin, "margin {} %", 100, "margin"))
        costs = []
        if self.cost_per_purchase:
            costs.append(_said(self.cost_per_purchase, "{} a purchase", 1, "a cost a purchase"))
        if self.cost_to_serve:
            costs.append(_said(self.cost_to_serve, "{} a year to serve", 1, "a cost a year to serve"))
        return ", ".join([*parts, *([" and ".join(costs)] if costs else [])])


def refuse_no_plan(plan: object) -> None:
    """Raise where something else stands in the place of a plan."""
    if not isinstance(plan, Plan):
        raise SettingError(f'The plan is a {type(plan).__name__}. Say what value means: clv.Plan(horizon="1 year").')


_ENDLESS = (
    "An infinite horizon needs a discount: without one the expected value need not exist. Set discount=, or a finite "
    "horizon."
)
_READ = {
    "discount": (0.0, 1.0, "an effective yearly rate, such as 0.10 for 10 % a year"),
    "margin": (np.finfo(float).tiny, 1.0, "a share of what customers pay, above 0, such as 0.30 for 30 %"),
    "cost_per_purchase": (0.0, np.inf, "money, 0 or more"),
    "cost_to_serve": (0.0, np.inf, "money a year, 0 or more"),
}


def _read(name: str, values: NDArray[Any], customers: NDArray[Any]) -> Floats:
    least, most, meaning = _READ[name]
    numbers = (
        values.astype(float) if values.dtype.kind in "fiu" else np.array([checked.real(value) for value in values])
    )
    wrong = ~(np.isfinite(numbers) & (numbers >= least) & (numbers <= most))
    if wrong.any():
        pairs = zip(customers[wrong].tolist(), values[wrong].tolist(), strict=True)
        shown = examples(f"{who!r} has {value!r}" for who, value in pairs)
        raise DataError(
            f"{name} is {meaning}, and {wrong.sum():,} of {len(numbers):,} customers have something else ({shown}). "
            "Mend the column, or leave these customers out."
        )
    return numbers


def _refuse_number(name: str, value: object) -> None:
    least, most, meaning = _READ[name]
    number = checked.real(value)
    if not (least <= number <= most and np.isfinite(number)):
        error = UnitError if name == "discount" else SettingError
        raise error(f"{name} is {meaning}, or the name of a column; {checked.shown(value)} is not.")


def _horizon(length: Duration) -> str:
    return "an infinite horizon" if length.is_infinite else str(length)


def _said(value: float | str, number: str, factor: float, column: str) -> str:
    if isinstance(value, str):
        return f"{column} in column {value!r}"
    if not value and "discount" in number:
        return "not discounted"
    return number.format(f"{value * factor:.4g}")
