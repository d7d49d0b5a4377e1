"""Simulated new customers: a base, or a whole log of purchases, as models say that customers behave.

For tests, demonstrations and teaching: the parameters behind every row are known. One random stream serves the whole
base, as that is a hundred times faster than one a customer: the same seed *and* the same arguments give the same
customers, and one customer more changes all of them.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvmodels import checked
from clvmodels.data.dates import parse_day
from clvmodels.data.rfm import RFM
from clvmodels.errors import SettingError
from clvmodels.models.future import NEW, Model, PurchaseModel, SpendModel, simulate, unseen
from clvmodels.models.special import Floats
from clvmodels.units import DAYS, unit_name

M = TypeVar("M", bound=Model)

_SECONDS = 24 * 60 * 60  # of a day


def simulate_customers(
    purchases: PurchaseModel,
    spend: SpendModel | None = None,
    *,
    ages: "Sequence[float] | Floats",
    unit: str,
    seed: int = 0,
) -> RFM:
    """Return a base of customers who buy, drop out and spend as the models say, from their first purchase on.

    Times are continuous, as the models take them to be: nothing is rounded to days.

    Parameters
    ----------
    purchases
        A purchase model with a number for each parameter, such as ``clv.BGNBD(r=0.24, alpha=4.41, a=0.79, b=2.43)``.
    spend
        A spend model with a number for each parameter; without it the customers have no money. Their purchases are
        the same with and without it.
    ages
        How long ago each customer's first purchase was, in ``unit``, shape ``(customers,)``.
    unit
        The unit of time of the parameters and the ages: "day", "week", "month", ...
    seed
        The same seed and the same arguments give the same customers.

    Returns
    -------
    An RFM whose customers are called 0, 1, 2, ..., in the order of ``ages``.

    Raises
    ------
    SettingError
        If a parameter is not one number, an age is negative or not finite, or the seed is not a whole number.

    Examples
    --------
    >>> from clvmodels.models.bg_nbd import BGNBD
    >>> ages = np.linspace(26, 52, num=1_000)
    >>> rfm = simulate_customers(BGNBD(r=0.24, alpha=4.41, a=0.79, b=2.43), ages=ages, unit="week", seed=1)
    >>> len(rfm), rfm.unit
    (1000, 'week')
    """
    _refuse_other_models(purchases, spend)
    unit, T = unit_name(unit), _ages(ages)
    rng = checked.random_stream(seed, "customers")
    happened = simulate(for_each(purchases, len(T)), NEW, rng, T)
    who = np.repeat(np.arange(len(T)), happened.count)
    recency = np.zeros(len(T))
    np.maximum.at(recency, who, happened.time)
    days = DAYS[unit]
    base = RFM(np.arange(len(T)), happened.count, recency * days, T * days, unit)
    if spend is None:
        return base
    first, later = first_and_later(rng, for_each(spend, len(T)), happened.count)
    total = np.bincount(who, later, minlength=len(T))
    return replace(base, monetary_value=total / np.maximum(happened.count, 1), first_spend=first)


def simulate_log(
    purchases: PurchaseModel,
    spend: SpendModel | None = None,
    *,
    customers: int,
    start: "date | str",
    end: "date | str",
    unit: str,
    acquired_until: "date | str | None" = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the log of a shop: every purchase of customers who come, buy, drop out and spend as the models say.

    First purchases come at uniform times of the acquisition window. Each is followed by that customer's repeat
    purchases, to the end of the log.

    Parameters
    ----------
    purchases
        A purchase model with a number for each parameter.
    spend
        A spend model with a number for each parameter, which prices first purchases too; without it the log has no
        amounts.
    customers
        How many customers.
    start, end
        The first and the last day of the log; both belong to it, with every hour in them.
    unit
        The unit of time of the parameters: "day", "week", "month", ...
    acquired_until
        The last day of the acquisition window, which begins on ``start``; by default ``end``.
    seed
        The same seed and the same arguments give the same log.

    Returns
    -------
    A row a purchase, in the order of time: ``customer_id`` (0, 1, 2, ...), ``date`` (to the second) and, with a spend
    model, ``amount``. Pass ``observed_until=end`` to ``clv.Transactions``: the last purchase may be earlier.

    Raises
    ------
    SettingError
        If a parameter is not one number, a day is not a day, the days are not in their order, or ``customers`` or
        ``seed`` is not a whole number.

    Notes
    -----
    ``Transactions`` merges the purchases of a customer on one day, as it does with a real log; a base that buys many
    times a week therefore shows somewhat lower rates than its parameters say.

    Examples
    --------
    >>> from clvmodels.models.bg_nbd import BGNBD
    >>> from clvmodels.models.gamma_gamma import GammaGamma
    >>> models = BGNBD(r=0.24, alpha=4.41, a=0.79, b=2.43), GammaGamma(p=6.25, q=3.74, gamma=15.4)
    >>> log = simulate_log(*models, customers=500, start="2023-01-01", end="2023-12-31", unit="week", seed=1)
    >>> list(log.columns), bool(log["date"].is_monotonic_increasing)
    (['customer_id', 'date', 'amount'], True)
    """
    _refuse_other_models(purchases, spend)
    first_day, last_day, until = _window(start, end, acquired_until)
    days = DAYS[unit_name(unit)]
    rng, customers = checked.random_stream(seed, "log"), checked.whole("customers", customers)
    first = rng.random(customers) * _days(first_day, until)
    happened = simulate(for_each(purchases, customers), NEW, rng, (_days(first_day, last_day) - first) / days)
    who = np.concatenate([np.arange(customers), np.repeat(np.arange(customers), happened.count)])
    since = np.concatenate([first, np.repeat(first, happened.count) + happened.time * days])
    columns: dict[str, Any] = {"customer_id": who, "date": _stamps(first_day, last_day, since)}
    if spend is not None:
        opening, later = first_and_later(rng, for_each(spend, customers), happened.count)
        columns["amount"] = np.concatenate([opening, later])
    order = np.lexsort((who, columns["date"]))
    return pd.DataFrame({name: values[order] for name, values in columns.items()})


def _refuse_other_models(purchases: object, spend: object) -> None:
    for wanted, model in (("purchases", purchases), ("spend", spend)):
        if model is None and wanted == "spend":
            continue
        if isinstance(model, type) or getattr(model, "kind", None) != wanted or not hasattr(model, "values"):
            raise SettingError(
                f"{wanted} is a model of {wanted} with its parameters, such as clv.BGNBD(r=0.24, alpha=4.41, a=0.79, "
                f"b=2.43) or fit.estimate, and this is {checked.shown(model)}."
            )


def for_each(model: M, customers: int) -> M:
    """Return a model with the parameters of each customer in a row of their own, shape ``(customers, 1)``.

    A simulation under "draws" of the parameters is then one of different customers.

    Raises
    ------
    SettingError
        If a parameter is not one number.
    """
    several = [name for name, value in model.values().items() if np.size(value) != 1]
    if several:
        raise SettingError(
            f"{model.name}: customers are simulated from one number for each parameter, but {', '.join(several)} has "
            f"{model.draws} draws. Take one of them, such as fit.draws.take(slice(0, 1)), or fit.estimate."
        )
    return model.model(tuple(np.full((customers, 1), float(np.squeeze(v))) for v in model.values().values()))


def _ages(ages: "Sequence[float] | Floats") -> Floats:
    T = checked.numbers("ages", ages)
    if T.ndim != 1 or not len(T):
        raise SettingError(f"Ages are one number for each customer, at least one; these have the shape {T.shape}.")
    wrong = ~(np.isfinite(T) & (T >= 0))
    if wrong.any():
        raise SettingError(
            f"{wrong.sum():,} of {len(T):,} ages are negative or not finite, such as {T[wrong][0]:g}. An age is the "
            "time since the first purchase."
        )
    return T


def _window(start: object, end: object, acquired_until: object) -> tuple[date, date, date]:
    first, last = parse_day(start, "start"), parse_day(end, "end")
    until = last if acquired_until is None else parse_day(acquired_until, "acquired_until")
    if not first <= until <= last:
        raise SettingError(
            f"The days of a log run from start to acquired_until to end, but these are {first}, {until} and {last}."
        )
    return first, last, until


def _days(first: date, last: date) -> float:
    """Return how many days there are from the first to the last, both included."""
    return (last - first).days + 1.0


def _stamps(first: date, last: date, days: Floats) -> NDArray[np.datetime64]:
    """Return times to the second, cut off rather than rounded: the last second of a day belongs to it."""
    seconds = np.minimum(np.floor(days * _SECONDS), _days(first, last) * _SECONDS - 1)
    stamps: NDArray[np.datetime64] = np.datetime64(first, "s") + seconds.astype("timedelta64[s]")
    return stamps


def first_and_later(rng: np.random.Generator, spend: SpendModel, count: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Simulate what new customers spend, who make ``count`` repeat purchases, ``(customers,)``.

    Parameters
    ----------
    rng
        Where the random numbers come from.
    spend
        A spend model with the parameters of each customer, shape ``(customers, 1)``.
    count
        Repeat purchases of each customer, shape ``(customers,)``.

    Returns
    -------
    The value of each first purchase, ``(customers,)``, and of all repeat purchases, ``(count.sum(),)``, customer after
    customer.
    """
    values = unseen(spend).simulate(rng, count + 1)
    first = np.zeros(len(values), dtype=bool)
    first[np.cumsum(count + 1) - (count + 1)] = True
    return values[first], values[~first]
