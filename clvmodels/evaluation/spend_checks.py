"""Checks of a spend model: whether it describes what customers spend, and spend is independent of frequency."""

# Two checks, each with its table and what it means: most lines are their documentation.

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from clvmodels import checked
from clvmodels.checked import random_stream
from clvmodels.data.rfm import RFM
from clvmodels.errors import DataError
from clvmodels.evaluation.check_base import (
    LEVEL,
    Check,
    Groups,
    Positions,
    band,
    band_words,
    chunks,
    purchase_point,
    spending,
)
from clvmodels.inference.fit import Fit
from clvmodels.models.future import PurchaseModel, SpendModel, unseen
from clvmodels.models.special import Floats
from clvmodels.prediction.expected import expected_purchases
from clvmodels.prediction.source import model_rows
from clvmodels.prediction.summaries import ends, mean_over_draws
from clvmodels.units import Duration, duration

_FROM = (0, 1, 2, 3, 4, 7)  # repeat purchases at which a group begins
_NAMES = ("0", "1", "2", "3", "4 to 6", "7+")
_MOST_A_GROUP = 1000
_FEWEST = 4  # customers for a correlation with an interval
_SHOWN = 0.98  # of the customers, in the histogram
_BINS_FROM, _BINS_TO = 10, 40
_STEP = 1e-4  # of a parameter, relative, in a difference quotient
_FINE = 8  # points a bin at which the density is averaged


# --- spend and frequency ---------------------------------------------------------------------------------------------


def spend_independence(
    spend: Fit[SpendModel],
    rfm: RFM,
    purchases: Fit[PurchaseModel] | None = None,
    horizon: "str | timedelta | Duration" = "1 year",
    draws: int = 400,
    seed: int = 0,
) -> Check:
    r"""Ask whether customers who buy more often spend more or less a purchase, and what that does to the money.

    Gamma-Gamma assumes that what a customer spends a purchase has nothing to do with how many purchases they make. It
    pulls a customer with few purchases towards the mean of the whole base; if those who buy seldom spend less than
    the others, their money is overstated, and that of the frequent, a little, understated.

    Parameters
    ----------
    spend
        Of a spend model.
    rfm
        The customers it was fitted to.
    purchases
        A fit of a purchase model, whose expected purchases within ``horizon`` are what money is weighed by; without
        one, everybody is taken to buy as often again as they did.
    horizon
        How far ahead the money is counted, undiscounted, such as "1 year"; not used without ``purchases``.
    draws
        Draws of the parameters, and simulated bases for the bands.
    seed
        What they follow from.

    Returns
    -------
    Check
        A row a group of customers by number of repeat purchases: ``frequency`` ("1", "2", "3", "4 to 6", "7+", and
        before them "0" where the model sees first purchases), ``customers``, ``actual`` (the mean over customers of
        their mean spend), ``expected`` (of every group the same under independence), ``lower, upper`` (the 90 % band
        of the group's mean under independence), ``purchases`` to come, the ``money_of_model`` that they bring,
        ``money_of_group``, at the group's own mean spend, and ``difference``. A first row has the money of those of
        whom the model sees no spend: "0", the one-time buyers, where it sees repeat purchases alone (only with
        ``purchases``), "worth nothing" where it sees all.

        Numbers, each correlation with its 90 % interval ``..._lower, ..._upper``: ``log_correlation`` of log spend
        with the log of how many purchases the model sees and ``log_correlation_if_independent``;
        ``rank_correlation``; and of the money ``money_of_model``, ``difference`` and ``difference_percent`` of it,
        with their intervals.

    Raises
    ------
    DataError
        If fewer than four customers have purchases worth something that the model learns from.
    InfiniteMeanError
        If the population's mean spend is infinite (q <= 1) under some draw: there is nothing to compare then.

    Notes
    -----
    *What the difference is.* The model's money is the sum over customers of expected purchases w times expected
    spend. The groups' money puts in place of each customer's expected spend the mean spend of their group, weighted
    by w, :math:`\sum w m / \sum w`: it does not pull customers of different frequencies towards each other. Those of
    whom the model sees no spend are taken at the mean of the group next to them.
    Under independence the two sums have the same expectation, so the difference is what the assumption takes from the
    total, or adds to it (negative: the model says too much). Its interval takes the customers as a sample, which moves
    the estimates too (to first order), with the purchases to come held.

    *Why the correlation is not 0 under independence.* The mean of few purchases varies more, and the logarithm of
    what varies more is smaller on average: ``log_correlation_if_independent`` is what to compare with.

    Sources: Fader, Hardie & Lee (2005), RFM and CLV, who report the correlation; Bonett & Wright (2000),
    Psychometrika 65, for the interval of a rank correlation; Fisher's z for the other.

    Examples
    --------
    >>> import clvmodels as clv
    >>> log = clv.Transactions(clv.datasets.load_cdnow(), customer="customer_id", date="date", amount="amount")
    >>> rfm = log.split("1997-09-30")[0].summarize(unit="week")
    >>> check = spend_independence(clv.fit(clv.GammaGamma, rfm), rfm, draws=100)
    >>> round(check.numbers["log_correlation"], 2), round(check.numbers["log_correlation_if_independent"], 2)
    (0.19, 0.04)
    """
    draws = checked.whole("draws", draws)
    model = model_rows(spend, rfm, "spend", draws)
    x, m, at = spending(spend.specification, rfm)
    if len(x) < _FEWEST:
        raise DataError(
            f"Only {len(x)} customers have purchases worth something that {spend.name} learns from: too few to compare "
            "groups."
        )
    rng = random_stream(seed, "spend independence")
    group, names = _frequency_groups(rfm.frequency[at])
    groups = Groups.of(group, x, _MOST_A_GROUP)
    produced, correlation = _independent(model, x, groups, draws, rng)
    lower, upper = band(produced)
    mean = float(mean_over_draws(_expected_spend(model, np.zeros(1), np.zeros(1)))[0])
    columns = {
        "frequency": names,
        "customers": np.bincount(group),
        "actual": np.bincount(group, m) / np.bincount(group),
        "expected": mean,
        "lower": lower,
        "upper": upper,
    }
    seen = model.observed(rfm)[model.columns[0]]
    weight = seen if purchases is None else _expected_purchases(purchases, rfm, horizon)
    money = _Money.of(weight[at], m, mean_over_draws(_expected_spend(model, x, m)), group)
    table = pd.DataFrame(columns | money.columns())
    others = _Unseen.of(np.delete(seen, at), np.delete(weight, at))
    unseen_spend = others.mean(mean_over_draws(_expected_spend(model, others.x, np.zeros_like(others.x))))
    if others.purchases:
        of_others = _money_columns(others.purchases, others.purchases * unseen_spend, others.purchases * money.mean[0])
        name = "worth nothing" if "0" in names else "0"
        first = {"frequency": name, "customers": len(rfm) - len(at), "expected": mean}
        table = pd.concat([pd.DataFrame([first | of_others]), table], ignore_index=True)[list(table.columns)]
    learnt = _learnt(spend.estimate, x, m, weight[at], others)
    of_money = money.numbers(others.purchases, unseen_spend, learnt)
    numbers = _correlations(x, m) | {"log_correlation_if_independent": correlation} | of_money
    words = band_words(spend, "the means that groups of this size would have if spend did not depend on frequency")
    return Check("spend_independence", spend.name, table, numbers, words)


def _frequency_groups(frequency: NDArray[np.int64]) -> tuple[Positions, list[str]]:
    group = np.searchsorted(_FROM, frequency, side="right") - 1
    present, position = np.unique(group, return_inverse=True)
    return position.astype(np.intp), [_NAMES[k] for k in present]


def _expected_purchases(purchases: Fit[PurchaseModel], rfm: RFM, horizon: "str | timedelta | Duration") -> Floats:
    model_rows(purchases, rfm, "purchases", 1)  # says what is wrong with it
    expected: Floats = expected_purchases(purchase_point(purchases, rfm), rfm, duration(horizon).count(rfm.unit))[0]
    return expected


def _expected_spend(model: SpendModel, x: Floats, m: Floats) -> Floats:
    """Return the expected spend under each draw, for the model's mean over them, in chunks of customers."""
    size = max(1, 2**20 // model.draws)
    parts = range(0, max(1, len(x)), size)
    means = [model.value(x[i : i + size], m[i : i + size]).mean().mean(axis=0, keepdims=True) for i in parts]
    return np.concatenate(means, axis=1)


@dataclass(frozen=True, eq=False)
class _Unseen:
    """Customers of whom the model sees no spend (m = 0): how many purchases it saw, ``x``, and those to come at each.

    All who bought once are alike, so there are few distinct ``x``.
    """

    x: Floats
    weight: Floats

    @classmethod
    def of(cls, x: Floats, weight: Floats) -> Self:
        distinct, row = np.unique(x, return_inverse=True)
        return cls(distinct, np.bincount(row, weight, minlength=len(distinct)).astype(float))

    @property
    def purchases(self) -> float:
        return float(self.weight.sum())

    def mean(self, spend: Floats) -> float:
        """Return their mean spend a purchase to come, from that at each x; 0 without purchases."""
        return float(self.weight @ spend) / self.purchases if self.purchases else 0.0


@dataclass(frozen=True, eq=False)
class _Money:
    """Purchases to come of the customers whose spend is seen, and what they bring: by the model, at groups' means.

    ``weight, m, expected`` and ``group`` are of each customer; ``mean`` is each group's mean spend, by weight.
    """

    weight: Floats
    m: Floats
    expected: Floats
    group: Positions
    mean: Floats

    @classmethod
    def of(cls, weight: Floats, m: Floats, expected: Floats, group: Positions) -> Self:
        total = np.bincount(group, weight)
        return cls(weight, m, expected, group, np.bincount(group, weight * m) / np.where(total > 0, total, 1.0))

    def columns(self) -> dict[str, Any]:
        """Return the purchases and the money of each group."""
        purchases, model = (np.bincount(self.group, w) for w in (self.weight, self.weight * self.expected))
        return _money_columns(purchases, model, purchases * self.mean)

    def numbers(self, others: float, spend: float, learnt: Floats) -> dict[str, float]:
        """Return the model's money and the difference, in money and in percent, with 90 % intervals.

        Parameters
        ----------
        others, spend
            Purchases to come of those whose spend is not seen, and what the model says of each.
        learnt
            What each customer adds to the model's money by what the parameters learn of them.
        """
        money = float(self.weight @ self.expected) + others * spend
        difference = float(self.weight @ (self.m - self.expected)) + others * (self.mean[0] - spend)
        first = np.where(self.group == 0, self.weight * (self.m - self.mean[0]), 0.0)
        share = others / max(float(self.weight[self.group == 0].sum()), 1e-300)
        each = self.weight * (self.m - self.expected) + share * first - learnt
        reach = norm.ppf(ends(LEVEL)[1]) * np.sqrt(len(each)) * each.std(ddof=1)
        sizes = {"": difference, "_lower": difference - reach, "_upper": difference + reach}
        numbers = {"money_of_model": money} | {f"difference{name}": float(size) for name, size in sizes.items()}
        percent = {f"difference_percent{name}": float(100 * size / money) for name, size in sizes.items() if money > 0}
        return numbers | percent


def _learnt(model: Any, x: Floats, m: Floats, weight: Floats, others: _Unseen) -> Floats:  # noqa: ANN401
    """Return how much each customer moves the model's money through the maximum likelihood estimate.

    To first order it is the money's gradient by the parameters times the inverse of minus the Hessian times the
    customer's score.
    """
    found = model.derivatives(x, m)
    values = np.array(list(model.values().values()))

    def money(name: int, factor: float) -> float:
        moved = model.model(np.where(np.arange(len(values)) == name, values * factor, values))
        of_others = others.weight @ moved.value(others.x, np.zeros_like(others.x)).mean()
        return float(weight @ moved.value(x, m).mean() + of_others)

    steps = range(len(values))
    gradient = np.array([money(i, 1 + _STEP) - money(i, 1 - _STEP) for i in steps]) / (2 * _STEP * values)
    learnt: Floats = gradient @ np.linalg.solve(-found.hessian(np.ones(len(x))), found.score)
    return learnt


def _money_columns(purchases: Any, model: Any, own: Any) -> dict[str, Any]:  # noqa: ANN401 -- numbers or columns
    return {"purchases": purchases, "money_of_model": model, "money_of_group": own, "difference": own - model}


def _independent(
    model: SpendModel, x: Floats, groups: Groups, draws: int, rng: np.random.Generator
) -> tuple[Floats, float]:
    """Return the groups' mean spend in simulated bases ``(draws, groups)``, and their mean log-correlation."""
    count, row = x[groups.sample].astype(np.int64), np.arange(draws) % model.draws
    each = (groups.sizes / groups.sampled)[groups.group]
    means, correlations = np.empty((draws, len(groups.sizes))), np.empty(draws)
    for at in chunks(draws, int(count.sum())):
        m = simulated_mean_spend(model.take(row[at]), count, rng)
        means[at], correlations[at] = groups.mean(m), _correlation(np.log(count), np.log(m), each)
    of_all = np.broadcast_to(unseen(model).mean(), (model.draws, 1))[row]
    return of_all + (means - of_all) * groups.shrink, float(correlations.mean())


def simulated_mean_spend(model: SpendModel, count: NDArray[np.int64], rng: np.random.Generator) -> Floats:
    """Simulate the mean spend of new customers with given numbers of purchases, from 1 up, under each draw.

    Parameters
    ----------
    model
        With parameters of shape ``(draws, 1)``.
    count
        Purchases of each customer, shape ``(customers,)``.
    rng
        Where the random numbers come from.

    Returns
    -------
    Shape ``(draws, customers)``.
    """
    purchases = np.tile(count, model.draws)
    values = unseen(model.take(np.repeat(np.arange(model.draws), len(count)))).simulate(rng, purchases)
    mean: Floats = np.add.reduceat(values, np.cumsum(purchases) - purchases) / purchases
    return mean.reshape(model.draws, len(count))


def _correlation(x: Floats, y: Floats, weight: Floats) -> Floats:
    """Return the weighted correlation of x ``(n,)`` with each row of y ``(rows, n)``; 0 where one does not vary."""
    share = weight / weight.sum()
    dx, dy = x - share @ x, y - (y @ share)[:, None]
    scale = np.sqrt((share @ dx**2) * (dy**2 @ share))
    together = (dy * dx) @ share
    correlation: Floats = np.divide(together, scale, out=np.zeros_like(together), where=scale > 0)
    return correlation


def _correlations(x: Floats, m: Floats) -> dict[str, float]:
    alike = np.ones(len(x))
    logs = float(_correlation(np.log(x), np.log(m)[None], alike)[0])
    ranks = float(_correlation(rankdata(x), rankdata(m)[None], alike)[0])
    return _with_interval("log_correlation", logs, 1.0, len(x)) | _with_interval(
        "rank_correlation", ranks, 1 + ranks**2 / 2, len(x)
    )


def _with_interval(name: str, correlation: float, variance: float, customers: int) -> dict[str, float]:
    centre = np.arctanh(np.clip(correlation, -1 + 1e-12, 1 - 1e-12))
    reach = norm.ppf(ends(LEVEL)[1]) * np.sqrt(variance / (customers - 3))
    low, high = np.tanh([centre - reach, centre + reach])
    return {name: correlation, f"{name}_lower": float(low), f"{name}_upper": float(high)}


# --- the distribution of spend ---------------------------------------------------------------------------------------


def spend_density(spend: Fit[SpendModel], rfm: RFM, draws: int = 400, seed: int = 0) -> Check:
    """Compare the distribution of customers' mean spend with the model's.

    The customers are those whom the model learns from: repeat buyers and their repeat purchases, or all and all that
    they bought. The model's is the density of the mean of x purchases, averaged over the customers' own x.

    Parameters
    ----------
    spend
        Of a spend model.
    rfm
        The customers it was fitted to, or others.
    draws
        How many bases are produced for the band.
    seed
        What they follow from.

    Returns
    -------
    Check
        A row a bin of equal width, from 0 up to what 98 % of the customers spend or less: ``left, right`` (money),
        ``customers``, ``actual`` and ``expected`` density (a unit of money), and ``lower, upper``: the 90 % band of
        the histogram that the model would produce (draws of the parameters, and sampling variation).
        Numbers: ``beyond_actual`` and ``beyond_expected``, the shares of customers beyond the last bin, with
        ``beyond_lower, beyond_upper``.

    Notes
    -----
    Fader, Hardie & Lee (2005), RFM and CLV, Figure 7.

    Examples
    --------
    >>> import clvmodels as clv
    >>> log = clv.Transactions(clv.datasets.load_cdnow(), customer="customer_id", date="date", amount="amount")
    >>> rfm = log.split("1997-09-30")[0].summarize(unit="week")
    >>> check = spend_density(clv.fit(clv.GammaGamma, rfm), rfm, draws=100)
    >>> round(check.numbers["beyond_actual"], 2), round(check.numbers["beyond_expected"], 2)
    (0.02, 0.02)
    """
    draws = checked.whole("draws", draws)
    model = model_rows(spend, rfm, "spend", draws)
    x, m, _ = spending(spend.specification, rfm)
    rng, edges = random_stream(seed, "spend density"), _edges(m)
    expected, produced = np.zeros(len(edges)), np.empty((draws, len(edges)))
    for at in chunks(draws, 4 * _FINE * len(edges)):
        share = _shares(model.take(at % model.draws), x, edges)
        expected += share.sum(axis=0) / draws
        produced[at] = rng.multinomial(len(m), share) / len(m)
    actual = np.histogram(m, np.append(edges, np.inf))[0]
    lower, upper = band(produced)
    width = edges[1]
    columns = {
        "left": edges[:-1],
        "right": edges[1:],
        "customers": actual[:-1],
        "actual": actual[:-1] / (len(m) * width),
        "expected": expected[:-1] / width,
        "lower": lower[:-1] / width,
        "upper": upper[:-1] / width,
    }
    beyond = (actual[-1] / len(m), expected[-1], lower[-1], upper[-1])
    names = ("beyond_actual", "beyond_expected", "beyond_lower", "beyond_upper")
    words = band_words(spend, "the histograms that the model would produce")
    numbers = dict(zip(names, map(float, beyond), strict=True))
    return Check("spend_density", spend.name, pd.DataFrame(columns), numbers, words)


def _edges(m: Floats) -> Floats:
    """Return the ends of bins of equal width from 0 to what most customers spend or less."""
    bins = int(np.clip(3 * np.cbrt(len(m)), _BINS_FROM, _BINS_TO))
    return np.linspace(0.0, float(np.quantile(m, _SHOWN)) * (1 + 1e-9), bins + 1)


def _shares(model: SpendModel, x: Floats, edges: Floats) -> Floats:
    """Return the probability of each bin and of what lies beyond the last, ``(draws, bins + 1)``.

    A bin's is its width times the mean density at points that are evenly spaced inside.
    """
    fine = (np.arange(_FINE * (len(edges) - 1)) + 0.5) * (edges[1] / _FINE)
    density = np.zeros((model.draws, len(fine)))
    for frequency, customers in zip(*np.unique(x, return_counts=True), strict=True):
        density += customers / len(x) * np.exp(model.log_likelihood(np.array([frequency]), fine))
    inside = density.reshape(model.draws, -1, _FINE).mean(axis=2) * edges[1]
    inside /= np.maximum(inside.sum(axis=1, keepdims=True), 1.0)  # a mode narrower than a point's share of a bin
    return np.append(inside, np.maximum(1 - inside.sum(axis=1, keepdims=True), 0.0), axis=1)
