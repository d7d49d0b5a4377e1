"""When: how long each customer will stay, and when they buy next."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import elementwise
from scipy.special import logit

from clvmodels import checked
from clvmodels.data.rfm import RFM
from clvmodels.errors import InfiniteMeanError, SettingError
from clvmodels.inference.fit import Fit
from clvmodels.models.future import NEW, PurchaseModel
from clvmodels.models.special import Floats
from clvmodels.prediction.blocks import Block, by_history
from clvmodels.prediction.customer_table import CustomerTable
from clvmodels.prediction.source import model_rows
from clvmodels.prediction.summaries import label, mean_over_draws
from clvmodels.units import DAYS

Remains = Callable[[Floats, NDArray[np.intp], int], Floats]

_SOONEST, _LATEST = 1e-9, 1e100  # days between which a time is looked for
_EVERY = 10  # of the draws, of which the first look at a time takes one
_STEPS = 3  # from there
_SETTLED = 1e-4  # of a time, by which the last step may still move it
_CERTAIN = 1e-15  # how near to 0 and 1 a probability is told from them
_FLAT = 1e-3  # slope below which nothing is steep
_LAST_DATE = pd.Timestamp(2262, 1, 1)  # later ones do not fit into pandas' nanoseconds


def remaining_lifetime(
    purchases: Fit[PurchaseModel], rfm: RFM, probabilities: Sequence[float] = (0.25, 0.5, 0.75), draws: int = 100
) -> CustomerTable:
    """Return quantiles of the time that each customer will stay, from the end of the observation on.

    The lifetime is 0 for a customer who has dropped out already, so that a quantile is 0 where that is as likely.
    Lifetimes have long tails; their mean is often infinite (``mean_remaining_lifetime``), their quantiles are not.

    Computed once a distinct history, in blocks: beside the table it takes some 30 MB a processor.

    Parameters
    ----------
    purchases
        A fit of a purchase model with drop-out. Its time unit may differ from that of the RFM.
    rfm
        The customers, of the fit's data or new.
    probabilities
        Of the quantiles, each between 0 and 1.
    draws
        P(alive) is averaged over all draws of the parameters; how the lifetime goes on from there over so many of
        them, evenly spaced, because the time that this takes grows with them. With 100 of 1,000, the quartiles of
        CDNOW's customers lie within 7 % of those with all.

    Returns
    -------
    A result whose ``frame()`` has a row a customer, in the order of the RFM: ``customer_id``, ``p_alive``, and
    ``lifetime_q25, lifetime_q50, lifetime_q75`` (or whatever the probabilities are) in the unit of the RFM; infinite
    beyond 1e100 days.

    Raises
    ------
    FitError
        If the fit's verdict is bad.
    SettingError
        If an argument is not what it should be, or nobody drops out under the model (NBD).

    Examples
    --------
    >>> import clvmodels as clv
    >>> rfm = clv.Transactions(clv.datasets.load_cdnow(), customer="customer_id", date="date").summarize(unit="week")
    >>> lifetime = clv.remaining_lifetime(clv.fit(clv.ParetoNBD, rfm, clv.MaximumLikelihood()), rfm).frame()
    >>> bool(((lifetime["lifetime_q50"] == 0) == (lifetime["p_alive"] <= 0.5)).all())
    True
    """
    levels = np.array(checked.shares(probabilities, "probabilities of quantiles"))
    model = _with_drop_out(purchases, rfm)
    used = _evenly_spaced(model.draws, draws)

    def quantiles(block: Block) -> Floats:
        alive = block.alive
        p_alive = mean_over_draws(alive)

        def remains(t: Floats, i: NDArray[np.intp], every: int) -> Floats:
            some = used[::every]
            survival = block.future(i, some).survival(t)
            return _ratio(alive[some][:, i] * survival, alive[some][:, i])

        left = np.minimum((1 - levels[:, None]) / np.maximum(p_alive, _CERTAIN), 1.0)
        return np.stack([p_alive, *_first_time(remains, left, rfm.unit)])

    p_alive, *found = by_history(model, rfm, quantiles)
    columns = {f"lifetime_{label(float(level))}": times for level, times in zip(levels, found, strict=True)}
    return _table("remaining lifetime", purchases, rfm, {"p_alive": p_alive, **columns})


def mean_remaining_lifetime(purchases: Fit[PurchaseModel], rfm: RFM) -> CustomerTable:
    """Return the mean time that each customer will stay, from the end of the observation on, where it exists.

    Averaged over all draws of the parameters. Computed once a distinct history, in blocks: beside the table it takes
    some 30 MB a processor.

    Parameters
    ----------
    purchases
        A fit of a purchase model with drop-out. Its time unit may differ from that of the RFM.
    rfm
        The customers, of the fit's data or new.

    Returns
    -------
    A result whose ``frame()`` has a row a customer, in the order of the RFM: ``customer_id`` and ``lifetime_mean`` in
    the unit of the RFM. Who has dropped out already counts with 0.

    Raises
    ------
    InfiniteMeanError
        If under any draw the mean of any of these customers is infinite: in BG/NBD and MBG/NBD for a <= 1 or r + x <=
        1, in Pareto/NBD for s <= 1.
    FitError
        If the fit's verdict is bad.
    SettingError
        If an argument is not what it should be, or nobody drops out under the model (NBD).

    Examples
    --------
    >>> import clvmodels as clv
    >>> rfm = clv.Transactions(clv.datasets.load_cdnow(), customer="customer_id", date="date").summarize(unit="week")
    >>> clv.mean_remaining_lifetime(clv.fit(clv.BGNBD, rfm, clv.MaximumLikelihood()), rfm)
    Traceback (most recent call last):
    clvmodels.errors.InfiniteMeanError: The mean remaining lifetime of 2,357 of 2,357 customers is infinite ...
    """
    model = _with_drop_out(purchases, rfm)

    def mean(block: Block) -> Floats:
        lifetime = block.given_alive(lambda future: future.mean_lifetime())
        endless = np.isinf(lifetime)
        finite = block.alive * np.where(endless, 0.0, lifetime)
        return np.stack([mean_over_draws(finite), mean_over_draws(endless.astype(float))])

    found, endless = by_history(model, rfm, mean)
    if endless.any():
        share = f"up to {100 * endless.max():.3g} % of the draws of the parameters"
        raise InfiniteMeanError(
            f"The mean remaining lifetime of {(endless > 0).sum():,} of {len(rfm):,} customers is infinite under "
            f"{'the estimate' if purchases.sample is None else share}: a few may stay for very long. Ask for "
            "quantiles, clv.remaining_lifetime(fit, rfm), or for the probability to be alive at a date, "
            "clv.probability_alive(fit, rfm, after='1 year')."
        )
    return _table("mean remaining lifetime", purchases, rfm, {"lifetime_mean": found})


def next_purchase(purchases: Fit[PurchaseModel], rfm: RFM, draws: int = 100) -> CustomerTable:
    """Return how likely each customer is never to buy again, and by when it is as likely as not that they have.

    Computed once a distinct history, in blocks: beside the table it takes some 30 MB a processor.

    Parameters
    ----------
    purchases
        A fit of a purchase model. Its time unit may differ from that of the RFM.
    rfm
        The customers, of the fit's data or new.
    draws
        ``p_never`` is averaged over all draws of the parameters; how soon those buy who do over so many of them, evenly
        spaced, because the time that this takes grows with them. With 100 of 1,000, the medians of CDNOW's customers
        lie within 3 % of those with all.

    Returns
    -------
    A result whose ``frame()`` has a row a customer, in the order of the RFM: ``customer_id``; ``p_never``;
    ``median_time``, the time from the end of the observation in the unit of the RFM by which the probability of a
    purchase reaches 1/2; and, where the RFM knows until when it was observed, ``median_date``, the first day by which
    it does. There is no such time, and both are missing (``pandas.NA`` and ``NaT``), where ``p_never`` is 1/2 or more.
    A time beyond 1e100 days is infinite, a date past the year 2261 is missing.

    Raises
    ------
    FitError
        If the fit's verdict is bad.
    SettingError
        If an argument is not what it should be.

    Examples
    --------
    >>> import clvmodels as clv
    >>> rfm = clv.Transactions(clv.datasets.load_cdnow(), customer="customer_id", date="date").summarize(unit="week")
    >>> table = clv.next_purchase(clv.fit(clv.ParetoNBD, rfm, clv.MaximumLikelihood()), rfm).frame()
    >>> bool((table["median_time"].isna() == (table["p_never"] >= 0.5)).all())
    True
    """
    model = model_rows(purchases, rfm, "purchases")
    used = _evenly_spaced(model.draws, draws)

    def medians(block: Block) -> Floats:
        alive = block.alive
        never = block.given_alive(lambda future: future.never())
        p_never = mean_over_draws(1 - alive + alive * never)

        def waits(t: Floats, i: NDArray[np.intp], every: int) -> Floats:
            some = used[::every]
            none = block.future(i, some).count(np.array(0.0), t)
            lives, leaves = alive[some][:, i], never[some][:, i]
            return _ratio(lives * (none - leaves), lives * (1 - leaves))

        left = np.where(p_never < 0.5, 1 - 0.5 / np.maximum(1 - p_never, 0.5), 1.0)
        return np.stack([p_never, *_first_time(waits, left[None], rfm.unit)])

    p_never, time = by_history(model, rfm, medians)
    missing = p_never >= 0.5
    columns: dict[str, Any] = {"p_never": p_never}
    columns["median_time"] = pd.arrays.FloatingArray(np.where(missing, 0.0, time), missing)
    if rfm.observed_until is not None:
        days = np.where(missing, np.inf, np.ceil(time * DAYS[rfm.unit]))
        columns["median_date"] = _dates(pd.Timestamp(rfm.observed_until), days)
    return _table("next purchase", purchases, rfm, columns)


def _dates(end: pd.Timestamp, days: Floats) -> "pd.Series[pd.Timestamp]":
    """Return the day that is so many days after the end; missing past the last date."""
    in_reach = days <= (_LAST_DATE - end).days
    dates = pd.Series(end + pd.to_timedelta(np.where(in_reach, days, 0.0), unit="D"))
    return dates.where(in_reach)


def _first_time(remains: Remains, level: Floats, unit: str) -> Floats:
    """Return when a probability has fallen to a level: to about five digits, the same to the last bit in any company.

    Against the logarithm of time the log-odds are nearly straight lines. So a few of the draws say where to look and
    how steep it is there, and a few steps with all draws settle the time.

    Parameters
    ----------
    remains
        Takes times and positions of histories, both ``(m,)``, and of how many draws to use one; returns what remains by
        then of a probability that falls from 1 to 0.
    level
        Shape ``(levels, n)``; where it is 1 the time is 0.
    unit
        The unit of the times.

    Returns
    -------
    Shape ``(levels, n)``.
    """
    times = np.zeros(level.shape)
    asked = level < 1
    goal, which = _log_odds(level[asked]), np.nonzero(asked)[-1]
    bracket = np.log(_SOONEST / DAYS[unit]), np.log(_LATEST / DAYS[unit])

    def excess(log_time: Floats, i: NDArray[Any], goal: Floats, every: int = 1) -> Floats:
        return _log_odds(remains(np.exp(log_time), i.astype(np.intp), every)) - goal

    def rough(log_time: Floats, i: NDArray[Any], goal: Floats) -> Floats:
        return excess(log_time, i, goal, _EVERY)

    if not len(goal):
        return times
    found = _root(rough, bracket, which, goal)
    slope = (rough(found + 0.01, which, goal) - rough(found - 0.01, which, goal)) / 0.02
    for _ in range(_STEPS):
        step = -excess(found, which, goal) / np.minimum(slope, -_FLAT)
        found = np.clip(found + step, *bracket)
    lost = ~(np.abs(step) < _SETTLED)
    if lost.any():
        found[lost] = _root(excess, bracket, which[lost], goal[lost])
    times[asked] = np.where(found < bracket[1], np.exp(found), np.inf)
    return times


def _root(excess: Callable[..., Floats], bracket: tuple[float, float], which: NDArray[np.intp], goal: Floats) -> Floats:
    """Return where a falling excess is 0; an end of the bracket where it is not inside."""
    found = elementwise.find_root(
        excess, bracket, args=(which.astype(float), goal), tolerances={"xatol": _SETTLED / 10}
    )
    end = np.where(found.f_bracket[1] > 0, bracket[1], bracket[0])
    return np.where(found.success, found.x, end)


def _log_odds(probability: Floats) -> Floats:
    return np.asarray(logit(np.clip(probability, _CERTAIN, 1 - _CERTAIN)), dtype=float)


def _ratio(part: Floats, whole: Floats) -> Floats:
    """Return the ratio of two means over draws."""
    return mean_over_draws(part) / np.maximum(mean_over_draws(whole), np.finfo(float).tiny)


def _evenly_spaced(draws: int, wanted: int) -> NDArray[np.intp]:
    return np.linspace(0, draws - 1, min(checked.whole("draws", wanted), draws)).round().astype(np.intp)


def _with_drop_out(purchases: Fit[PurchaseModel], rfm: RFM) -> PurchaseModel:
    model = model_rows(purchases, rfm, "purchases")
    if not model.of_groups(np.zeros(1, dtype=np.intp)).future(NEW).has_drop_out:
        raise SettingError(
            f"Under {model.name} nobody ever drops out, so no lifetime ends. Fit a model with drop-out, such as "
            "clv.BGNBD, or ask for clv.next_purchase(fit, rfm)."
        )
    return model


def _table(what: str, purchases: Fit[PurchaseModel], rfm: RFM, columns: dict[str, Any]) -> CustomerTable:
    table = pd.DataFrame({"customer_id": rfm.customer_id, **columns})
    return CustomerTable(what, purchases.name, rfm.unit, rfm.observed_until, None, purchases.draws_of, table)
