"""Checks of a purchase model: whether it describes how often, when, and which customers buy."""

# Three checks, each with its table and what it means: they are read together, and most lines are their documentation.

from datetime import timedelta
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.stats import chi2

from clvmodels import checked
from clvmodels.checked import random_stream
from clvmodels.data.rfm import RFM, Calendar
from clvmodels.data.transactions import Transactions
from clvmodels.errors import DataError, SettingError
from clvmodels.evaluation.check_base import (
    CELLS,
    Check,
    Groups,
    Positions,
    band,
    band_words,
    chunks,
    purchase_point,
    refuse_another_split,
)
from clvmodels.inference.fit import Fit
from clvmodels.models.future import NEW, PurchaseModel, simulate
from clvmodels.models.special import Floats
from clvmodels.prediction.customers import Customers
from clvmodels.prediction.expected import expected_purchases
from clvmodels.prediction.simulate import simulate as simulate_futures
from clvmodels.prediction.source import model_rows
from clvmodels.prediction.terms import Terms
from clvmodels.units import DAYS, Duration, duration

_AGES = 500  # distinct ages beyond which neighbours are taken together
_HISTORIES = 2**21  # simulated for the sampling variation of a base
_MOST_A_GROUP = 2000
_NODES = 96
_WIDTHS = (1.0, 2.0, 5.0)
_BARS = 8

# --- how many purchases ----------------------------------------------------------------------------------------------


def frequency_histogram(
    purchases: Fit[PurchaseModel], rfm: RFM, most: int = 7, draws: int = 400, seed: int = 0
) -> Check:
    r"""Count customers by their number of repeat purchases, beside how many the model expects.

    The model is asked what new customers would do in the time for which each was observed: the expected number with k
    repeat purchases is the sum over customers of P(X(T) = k), where a customer who drops out right after the first
    purchase (MBG/NBD) has none.

    Parameters
    ----------
    purchases
        Of a purchase model.
    rfm
        The customers it was fitted to, or others.
    most
        Customers with this many repeat purchases or more are counted together.
    draws
        How many bases are produced for the band.
    seed
        What they follow from.

    Returns
    -------
    Check
        A row a number of repeat purchases: ``frequency`` (0, 1, ..., "7+"), ``actual`` and ``expected`` customers,
        and ``lower, upper``: the 90 % band of what the model would produce (draws of the parameters, and sampling
        variation). Numbers: ``chi_square`` of the expectation at the maximum likelihood, its degrees of freedom ``df``
        (rows less parameters less 1) and ``p_value``, where ``df`` is positive.

    Notes
    -----
    The model has seen these customers, so its bands are a little wide: under a right model some 95 % of the rows lie
    inside. Where there are more than 500 distinct ages T, neighbouring ages are taken together at their mean.
    Fader, Hardie & Lee (2005), Figure 2 and the chi-square statistics of section 4.

    Examples
    --------
    >>> import clvmodels as clv
    >>> log = clv.Transactions(clv.datasets.load_cdnow(), customer="customer_id", date="date")
    >>> rfm = log.split("1997-09-30")[0].summarize(unit="week")
    >>> check = frequency_histogram(clv.fit(clv.BGNBD, rfm, clv.MaximumLikelihood()), rfm)
    >>> round(check.numbers["chi_square"], 2)  # published: 4.82
    4.82
    """
    draws, most = checked.whole("draws", draws), checked.whole("most", most)
    model = model_rows(purchases, rfm, "purchases", draws)
    rng = random_stream(seed, "frequency histogram")
    age, customers = _ages(rfm)
    expected, produced = np.zeros(most + 1), np.empty((draws, most + 1))
    for at in chunks(draws, len(age) * (most + 1)):
        chance = count_probabilities(model.take(at % model.draws), age, most)
        expected += np.einsum("dak,a->k", chance, customers) / draws
        produced[at] = rng.multinomial(customers, chance).sum(axis=1)
    lower, upper = band(produced)
    actual = np.bincount(np.minimum(rfm.frequency, most), minlength=most + 1)
    labels = [*map(str, range(most)), f"{most}+"]
    columns = {"frequency": labels, "actual": actual, "expected": expected, "lower": lower, "upper": upper}
    at_estimate = customers @ count_probabilities(purchase_point(purchases, rfm), age, most)[0]
    numbers = _chi_square(actual, at_estimate, len(purchases.specification.parameters))
    words = band_words(purchases, "the customers that the model would produce")
    return Check("frequency_histogram", purchases.name, pd.DataFrame(columns), numbers, words)


def count_probabilities(model: PurchaseModel, age: Floats, most: int) -> Floats:
    """Return P(X(age) = k) of a new customer for k = 0, ..., most - 1, and of ``most`` or more.

    Parameters
    ----------
    model
        With parameters that are numbers or of shape ``(draws, 1)``.
    age
        In the time unit of the model, shape ``(ages,)``.
    most
        From 1 up.

    Returns
    -------
    Shape ``(draws, ages, most + 1)``, summing to 1 over the last axis.
    """
    stays, future = np.atleast_2d(model.probability_alive(NEW)), model.future(NEW)
    exact = [stays * future.count(np.array(float(k)), age) for k in range(most)]
    exact[0] = exact[0] + 1 - stays
    chance: Floats = np.stack([*exact, np.maximum(1 - sum(exact), 0.0)], axis=-1)
    chance /= chance.sum(axis=-1, keepdims=True)
    return chance


def _ages(rfm: RFM) -> tuple[Floats, NDArray[np.int64]]:
    """Return the distinct ages T and how many customers have each; neighbours together where there are too many."""
    age, customers = np.unique(rfm.T, return_counts=True)
    if len(age) > _AGES:
        group = np.floor((age - age[0]) / (age[-1] - age[0]) * (_AGES - 1)).astype(np.intp)
        start = np.flatnonzero(np.diff(group, prepend=-1))
        total = np.add.reduceat(customers, start)
        age, customers = np.add.reduceat(age * customers, start) / total, total
    return age, customers.astype(np.int64)


def _chi_square(actual: NDArray[Any], expected: Floats, parameters: int) -> dict[str, float]:
    df = len(actual) - parameters - 1
    if df < 1:
        return {}
    statistic = float(np.sum((actual - expected) ** 2 / expected))
    return {"chi_square": statistic, "df": df, "p_value": float(chi2.sf(statistic, df))}


# --- when ------------------------------------------------------------------------------------------------------------


def tracking(
    purchases: Fit[PurchaseModel],
    rfm: RFM,
    future: Transactions | None = None,
    every: "str | timedelta | Duration" = "1 week",
    draws: int = 400,
    seed: int = 0,
) -> Check:
    r"""Follow the whole base's repeat purchases week by week, beside what the model expects.

    The model is told the day of each customer's first purchase, and nothing else: the expectation by the end of a
    week is :math:`\sum_i E[X(\text{end} - \text{first}_i)]`, in the holdout too. It follows the base's growth and
    drop-out; weeks that stand out are seasons, promotions or a change of behaviour, which no such model knows.

    Parameters
    ----------
    purchases
        Of a purchase model.
    rfm
        Made by ``Transactions.summarize()``, which keeps the purchases of each calendar day.
    future
        The second part of the split whose first gave ``rfm``: purchases of the same customers, tracked to its end.
    every
        Length of the periods, in whole days, such as "1 week" or "4 weeks", counted from the log's first day; a last
        one that is not over is left out.
    draws
        How many bases are produced for the band.
    seed
        What they follow from.

    Returns
    -------
    Check
        A row a period: ``period`` (1, 2, ...), ``last_day``, ``part`` ("calibration", or "holdout" where the period
        ends after the split), ``actual, expected, lower, upper`` repeat purchases, and the same up to the end of the
        period as ``cumulative_actual``, ...

        The 90 % band is of what new bases with these first purchases would do: draws of the parameters, and sampling
        variation. Numbers: ``error``, expected / actual - 1 at the end, and ``calibration_error``, at the end of the
        calibration's last period.

    Raises
    ------
    DataError
        If the RFM has no calendar (it was handed in as a table, or is a part of another), or spans no whole period.
    SettingError
        If ``future`` is not the log after the RFM's, or ``every`` is not a number of whole days.

    Notes
    -----
    Time runs as it does for T: at the end of a day, a customer who came n days ago has an age of n days. So the
    expectation at the end of the observation is the sum of E[X(T)], as in the likelihood. Published tables (the R
    package BTYD) take one day more (n + 1): some 1 % more at week 20 on CDNOW, 0.1 % at week 78.

    The parameters were learnt from this very base, so the cumulative band, which allows for a new base *and* for what
    is not known of the parameters, is wide: under a right model nearly every period lies inside; of the single
    periods some 93 % do.

    In bases beyond some 5,000 customers (two million histories over the draws), sampling variation is simulated for a
    systematic sample of customers and scaled to the base.

    Examples
    --------
    >>> import clvmodels as clv
    >>> log = clv.Transactions(clv.datasets.load_cdnow(), customer="customer_id", date="date")
    >>> past, future = log.split("1997-09-30")
    >>> rfm = past.summarize(unit="week")
    >>> check = tracking(clv.fit(clv.BGNBD, rfm, clv.MaximumLikelihood()), rfm, future, draws=50)
    >>> round(check.numbers["error"], 2)  # published: 4 % too few by week 78
    -0.04
    """
    draws = checked.whole("draws", draws)
    model = model_rows(purchases, rfm, "purchases", draws)
    calendar = _calendar(rfm)
    daily = calendar.repeat_purchases if future is None else _with_holdout(rfm, calendar, future)
    step = _whole_days(every)
    last = np.arange(step - 1, len(daily), step)
    if not len(last):
        raise DataError(f"These {len(daily)} days hold no whole period of {step} days. Choose a shorter one.")
    first_day = np.repeat(np.arange(len(calendar.day)), calendar.first_purchases)
    expected, produced = _tracked(model, first_day, last, DAYS[rfm.unit], draws, random_stream(seed, "tracking"))
    days = calendar.day[0] + last
    part = np.where(days <= calendar.day[-1], "calibration", "holdout")
    columns = {"period": np.arange(1, len(last) + 1), "last_day": days.astype("datetime64[s]"), "part": part}
    actual = np.cumsum(daily)[last].astype(float)
    table = pd.DataFrame(columns | _path(_steps(actual), _steps(expected), _steps(produced)))
    table = table.assign(**_path(actual, expected, produced, "cumulative_"))
    words = band_words(purchases, "what new bases with these first purchases would do")
    return Check("tracking", purchases.name, table, _errors(table), words)


def expected_by_day(model: PurchaseModel, first_day: Positions, last: Positions, days: float) -> Floats:
    """Return the expected repeat purchases by the end of given days, ``(draws, len(last))``.

    E[X(t)] is computed at 96 ages and is a cubic spline between them, which is right to six digits and more.

    Parameters
    ----------
    model
        With parameters of shape ``(draws, 1)``.
    first_day
        The day of each customer's first purchase, ``(customers,)``, counted from any day.
    last
        The days, counted from the same.
    days
        How many a time unit of the model has.
    """
    span = int(last[-1])
    first_purchases = np.bincount(first_day, minlength=span + 1)[: span + 1]
    customers = np.zeros((span + 1, len(last)))  # of each age in days at the end of each day
    for column, end in enumerate(last):
        customers[: end + 1, column] = first_purchases[end::-1]
    node = max(span, 1) / days * np.linspace(0, 1, _NODES) ** 2  # expectations bend most when a customer is new
    blend = CubicSpline(node, np.eye(_NODES))(np.arange(span + 1) / days)
    stays, future = np.atleast_2d(model.probability_alive(NEW)), model.future(NEW)
    values = [np.atleast_2d(future.purchases(float(t))) for t in node[1:]]
    at_nodes = np.concatenate([np.zeros((model.draws, 1)), *(np.broadcast_to(v, (model.draws, 1)) for v in values)], 1)
    expected: Floats = stays * (at_nodes @ (blend.T @ customers))
    return expected


def _tracked(
    model: PurchaseModel, first_day: Positions, last: Positions, days: float, draws: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Return cumulative purchases by the end of given days: expected, and in each produced base ``(draws, periods)``.

    A produced base is the expectation under its draw plus sampling variation, simulated for a sample and scaled: of all
    customers where there are few, so that it is then a simulated base and nothing else.
    """
    row = np.arange(draws) % model.draws
    expected = expected_by_day(model, first_day, last, days)
    few = min(len(first_day), max(1, _HISTORIES // draws))
    sample = first_day[(np.arange(few) * (len(first_day) / few)).astype(np.intp)]
    variation = _simulated(model.take(row), sample, last, days, rng) - expected_by_day(model, sample, last, days)[row]
    return expected.mean(axis=0), expected[row] + variation * np.sqrt(len(first_day) / few)


def _simulated(
    model: PurchaseModel, first_day: Positions, last: Positions, days: float, rng: np.random.Generator
) -> Floats:
    """Simulate cumulative purchases of new customers by the end of given days, a base a draw of the parameters."""
    periods = len(last)
    counts = np.zeros((model.draws, periods))
    time = np.maximum(last[-1] - first_day, 0) / days
    for at in chunks(model.draws, 8 * len(first_day)):
        histories = model.take(np.repeat(at, len(first_day)))
        made = simulate(histories, NEW, rng, np.tile(time, len(at)))
        day = np.repeat(np.tile(first_day, len(at)), made.count) + made.time * days
        row = np.repeat(np.repeat(np.arange(len(at)), len(first_day)), made.count)
        period = np.searchsorted(last, day).clip(max=periods - 1)  # a rounding beyond the last day is of the last day
        counts[at] = np.bincount(row * periods + period, minlength=len(at) * periods).reshape(len(at), periods)
    return counts.cumsum(axis=1)


def _steps(path: Floats) -> Floats:
    return np.diff(path, prepend=0.0)


def _path(actual: Floats, expected: Floats, produced: Floats, prefix: str = "") -> dict[str, Any]:
    lower, upper = band(produced)
    columns = {"actual": actual, "expected": expected, "lower": lower, "upper": upper}
    return {prefix + name: values for name, values in columns.items()}


def _calendar(rfm: RFM) -> Calendar:
    if rfm.calendar is None:
        raise DataError(
            "These customers come without the purchases of each day: tracking needs an RFM from "
            "Transactions.summarize(), for all of its customers, not a table or a part of one."
        )
    return rfm.calendar


def _with_holdout(rfm: RFM, calendar: Calendar, future: Transactions) -> NDArray[np.int64]:
    """Return the repeat purchases of each day, those of the same customers in the future appended."""
    refuse_another_split(rfm, future)
    future.purchases_by_customer(rfm.customer_id)  # refuses ids of another type, which would silently find nobody
    log = future.frame()
    mine = log.loc[log["customer_id"].isin(rfm.customer_id), "date"].to_numpy().astype("datetime64[D]")
    day = (mine - np.datetime64(future.first_day, "D")).astype(np.int64)
    later = np.bincount(day, minlength=round(future.length.days))
    return np.concatenate([calendar.repeat_purchases, later]).astype(np.int64)


def _whole_days(every: "str | timedelta | Duration") -> int:
    days = duration(every).days
    if not np.isfinite(days) or days != round(days):
        raise SettingError(f"every = {every!r} is not a number of whole days. Use for example '1 week' or '4 weeks'.")
    return round(days)


def _errors(table: pd.DataFrame) -> dict[str, float]:
    ends = {"calibration_error": table[table["part"] == "calibration"].tail(1), "error": table.tail(1)}
    return {
        name: float(row["cumulative_expected"].iloc[0] / row["cumulative_actual"].iloc[0] - 1)
        for name, row in ends.items()
        if len(row) and row["cumulative_actual"].iloc[0] > 0
    }


# --- who -------------------------------------------------------------------------------------------------------------


def conditional_expectations(
    purchases: Fit[PurchaseModel],
    rfm: RFM,
    future: Transactions,
    by: Literal["frequency", "recency"] = "frequency",
    most: int = 7,
    draws: int = 400,
    seed: int = 0,
) -> Check:
    """Compare mean holdout purchases with the model's, for customers with like histories.

    Parameters
    ----------
    purchases
        Of a purchase model.
    rfm
        The customers of the past.
    future
        The second part of the split whose first gave ``rfm``.
    by
        What makes histories alike: "frequency", the number of repeat purchases, or "recency", the time from the first
        purchase to the last in the unit of the RFM (in steps of equal width; those who bought once are apart).
    most
        Customers with this many repeat purchases or more are taken together.
    draws
        Draws of the parameters, and simulated futures of each customer.
    seed
        What they follow from.

    Returns
    -------
    Check
        A row a group: ``group`` ("0", "1", ..., "7+", or "0", "0 to 5", "5 to 10", ...), ``customers``, ``actual`` and
        ``expected`` mean purchases in the holdout, and ``lower, upper``: the 90 % band of the group's mean (draws of
        the parameters, and sampling variation). Numbers: ``groups_outside``, how many groups' means lie outside their
        band, of ``groups``.

    Raises
    ------
    SettingError
        If ``future`` is not the log after the RFM's, or ``by`` is neither of the two.

    Notes
    -----
    Fader, Hardie & Lee (2005), Figure 5. Of groups beyond 2,000 customers, 2,000 with evenly spaced histories are
    evaluated under every draw; the expectation is brought to that of the whole group at the maximum likelihood.

    Examples
    --------
    >>> import clvmodels as clv
    >>> log = clv.Transactions(clv.datasets.load_cdnow(), customer="customer_id", date="date")
    >>> past, future = log.split("1997-09-30")
    >>> rfm = past.summarize(unit="week")
    >>> fitted = clv.fit(clv.BGNBD, rfm, clv.MaximumLikelihood())
    >>> check = conditional_expectations(fitted, rfm, future, draws=50)
    >>> check.frame()["expected"].round(3).to_list()[:3]  # published: 0.225, 0.523, 1.044
    [0.225, 0.523, 1.044]
    """
    draws, most, seed = checked.whole("draws", draws), checked.whole("most", most), checked.seed(seed)
    model = model_rows(purchases, rfm, "purchases", draws)
    refuse_another_split(rfm, future)
    group, labels = _groups(rfm, by, most)
    groups = Groups.of(group, _histories(rfm), _MOST_A_GROUP)
    t = future.length.count(rfm.unit)
    actual, _ = future.purchases_by_customer(rfm.customer_id)
    expected, produced = _conditional(model, purchase_point(purchases, rfm), rfm, group, groups, t, draws, seed)
    lower, upper = band(produced)
    columns = {
        "group": labels,
        "customers": groups.sizes.astype(np.int64),
        "actual": np.bincount(group, actual) / groups.sizes,
        "expected": expected,
        "lower": lower,
        "upper": upper,
    }
    table = pd.DataFrame(columns)
    outside = ((table["actual"] < lower) | (table["actual"] > upper)).sum()
    words = band_words(purchases, "the means that groups of this size would have")
    numbers = {"groups_outside": float(outside), "groups": float(len(table))}
    return Check(f"conditional_expectations by {by}", purchases.name, table, numbers, words)


def _groups(rfm: RFM, by: str, most: int) -> tuple[Positions, list[str]]:
    """Return the group of each customer and the groups' names; no group is empty."""
    checked.one_of("by", by, ("frequency", "recency"))
    if by == "frequency":
        group, names = np.minimum(rfm.frequency, most), [*map(str, range(most)), f"{most}+"]
    else:
        width = _width(float(rfm.recency.max(initial=0.0)))
        group = np.ceil(rfm.recency / width - 1e-9).astype(np.int64)
        names = ["0", *(f"{width * k:g} to {width * (k + 1):g}" for k in range(group.max(initial=0)))]
    present, position = np.unique(group, return_inverse=True)
    return position.astype(np.intp), [names[k] for k in present]


def _width(span: float) -> float:
    """Return the smallest round width of which at most eight cover a span.

    Examples
    --------
    >>> _width(38.7), _width(900.0), _width(0.0)
    (5.0, 200.0, 1.0)
    """
    least = span / _BARS
    if not least:
        return 1.0
    power = 10.0 ** np.floor(np.log10(least))
    return float(next(step * power for step in (*_WIDTHS, 10.0) if step * power >= least * (1 - 1e-9)))


def _histories(rfm: RFM) -> Floats:
    """Return a number that orders customers by frequency, then recency, then age, shape ``(customers,)``."""
    rank = np.empty(len(rfm))
    rank[np.lexsort((rfm.T_days, rfm.recency_days, rfm.frequency))] = np.arange(len(rfm))
    return rank


def _conditional(
    model: PurchaseModel,
    point: PurchaseModel,
    rfm: RFM,
    group: Positions,
    groups: Groups,
    t: float,
    draws: int,
    seed: int,
) -> tuple[Floats, Floats]:
    """Return each group's mean purchases: expected, and produced in each future ``(draws, groups)``."""
    sample, row = rfm.take(groups.sample), np.arange(draws) % model.draws
    at_point = _means_at_point(point, rfm, group, t)
    drawn = np.empty((model.draws, len(groups.sizes)))
    for at in chunks(model.draws, len(sample)):
        drawn[at] = groups.mean(expected_purchases(model.take(at), sample, t))
    horizon, customers = np.array([t]), Customers.of(sample, None)
    (counts,) = simulate_futures(model, None, customers, horizon, Terms.plain(len(sample)), draws, seed)
    futures = groups.mean(counts.T)
    represent = at_point / groups.mean(expected_purchases(point, sample, t))[0]
    return drawn.mean(axis=0) * represent, drawn[row] * represent + (futures - drawn[row]) * groups.shrink


def _means_at_point(point: PurchaseModel, rfm: RFM, group: Positions, t: float) -> Floats:
    total, size = np.zeros(group.max() + 1), CELLS // 8
    for start in range(0, len(rfm), size):
        part = slice(start, start + size)
        total += np.bincount(group[part], expected_purchases(point, rfm.take(part), t)[0], minlength=len(total))
    means: Floats = total / np.bincount(group)
    return means
