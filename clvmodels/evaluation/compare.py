"""Comparison of candidates on purchases that really happened after they were fitted."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvmodels import checked
from clvmodels.data.files import as_csv, as_text, write_whole
from clvmodels.data.rfm import RFM
from clvmodels.data.transactions import Newcomers, Transactions
from clvmodels.errors import CLVError, SettingError
from clvmodels.evaluation.candidates import Candidate, Prediction, as_candidate
from clvmodels.evaluation.lifetimes import LifetimesBGNBD, is_installed
from clvmodels.evaluation.score import HindsightSource, Score, SpendSource, score
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.mbg_nbd import MBGNBD
from clvmodels.models.special import Floats
from clvmodels.prediction.customers import Customers
from clvmodels.prediction.forecast import Forecast
from clvmodels.prediction.streams import Progress
from clvmodels.text import count, number
from clvmodels.units import Duration
from clvmodels.valuation.simple_formula import SimpleFormula

_HINDSIGHT = "same interval for all, in hindsight"
_NUMBERS = (
    *("predicted_total", "total_lower_90", "total_upper_90", "rmse", "mae"),
    *("coverage_90", "pit_90", "interval_score_90", "crps", "gini", "top_decile"),
)
_BINS = 7  # customers with this many past repeat purchases or more are taken together


@dataclass(frozen=True, eq=False)
class Actual:
    """What the customers of the past did in the holdout, each ``(customers,)``; money ``None`` without amounts."""

    purchases: NDArray[np.int64]
    money: Floats | None
    newcomers: Newcomers


@dataclass(frozen=True, eq=False)
class Result:
    """A candidate's scores; ``None`` where it has none. ``note`` says why, and what cautions its fits have.

    ``spend`` is the spend model alone: the money of the customers who did buy, given how often they did. ``kind`` is
    "model", "formula" or "package". ``assumptions`` are sentences, each with the name of what assumes it: first what is
    assumed of purchases, then of spend.
    """

    candidate: str
    purchases: Score | None
    money: Score | None
    spend: Score | None
    note: str
    kind: str = "model"
    assumptions: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, eq=False)
class Comparison:
    """Candidates, scored on the customers of the past, undiscounted, at margin 1, up to the holdout's last day.

    Attributes
    ----------
    results
        One a candidate, in the order given.
    hindsight
        A baseline: the same intervals for everybody, taken from what happened.
    past
        What the candidates learnt from.
    actual
        What happened.
    horizon
        How long the holdout is.
    futures, seed
        Simulated futures, or resamples, of each candidate, and what they follow from.
    """

    results: tuple[Result, ...]
    hindsight: Result
    past: RFM
    actual: Actual
    horizon: Duration
    futures: int
    seed: int

    def frame(self) -> pd.DataFrame:
        """Return a row a candidate: totals, errors, interval scores at 90 %, of purchases and of money.

        Columns ``purchases_...`` and ``money_...``: ``actual_total, predicted_total, total_lower_90, total_upper_90``
        (of the realised total), ``rmse`` of the means, ``mae`` of the medians, ``coverage_90``, ``pit_90`` (calibrated
        at 0.90), ``interval_score_90``, ``crps``, ``gini``, ``top_decile``. What does not apply is missing.
        """
        return pd.DataFrame([self._row(result) for result in self.results]).astype({"note": "string"})

    def intervals(self) -> pd.DataFrame:
        """Return a row a candidate, quantity and level: coverage, PIT coverage and interval score.

        Quantities are ``purchases``, ``money`` and ``spend given purchases``: the spend model alone.
        """
        return pd.DataFrame(list(self._interval_rows()))

    def by_frequency(self) -> pd.DataFrame:
        """Return a row a number of past repeat purchases: customers, mean purchases that happened, and as predicted."""
        past = np.minimum(self.past.frequency, _BINS)
        means = {result.candidate: result.purchases.mean for result in self.results if result.purchases is not None}
        table = pd.DataFrame({"frequency": past, "customers": 1, "actual": self.actual.purchases, **means})
        how = dict.fromkeys(table.columns[1:], "mean") | {"customers": "sum"}
        grouped = table.groupby("frequency").agg(how).reset_index()
        labels = [f"{value}+" if value == _BINS else str(value) for value in grouped["frequency"]]
        return grouped.assign(frequency=labels)

    def to_json(self, path: "str | Path") -> None:
        """Write ``json()``."""
        write_whole(path, as_text(self.json()))

    def json(self) -> str:
        """Return ``{"candidates": [...]}`` with the rows of ``frame()``, and what is to be known of them beside it.

        That is the baseline in hindsight, the intervals, the cautions about the past, and how the log was cleaned.
        """
        written = {
            "candidates": [self._row(result) for result in self.results],
            "hindsight": self._row(self.hindsight),
            "intervals": list(self._interval_rows()),
            "cautions": [{"name": caution.name, "text": caution.text} for caution in self.past.cautions],
            "cleaning": None if self.past.cleaning is None else self.past.cleaning.records(),
            "customers": len(self.past),
            "horizon_days": self.horizon.days,
            "futures": self.futures,
            "seed": self.seed,
            "newcomers": vars(self.actual.newcomers),
        }
        return json.dumps(written, indent=2, allow_nan=False) + "\n"

    def to_csv(self, path: "str | Path") -> None:
        """Write ``frame()``; text that a spreadsheet would run as a formula gets an apostrophe before it."""
        write_whole(path, as_csv(self.frame()))

    def to_html(self, path: "str | Path") -> None:
        """Write a report of tables and plots: one HTML file that needs nothing else."""
        from clvmodels.report.page import comparison_page  # a result may hand itself to the report

        write_whole(path, lambda file: file.write(comparison_page(self).encode()))  # made for a path that is one

    def _row(self, result: Result) -> dict[str, Any]:
        row: dict[str, Any] = {"candidate": result.candidate}
        scores = {"purchases": (result.purchases, self.actual.purchases), "money": (result.money, self.actual.money)}
        for quantity, (scored, actual) in scores.items():
            row[f"{quantity}_actual_total"] = None if actual is None else float(actual.sum())
            row |= {f"{quantity}_{name}": value for name, value in _numbers(scored).items()}
        return row | {"note": result.note or None}

    def _interval_rows(self) -> Iterator[dict[str, Any]]:
        for result in (*self.results, self.hindsight):
            scores = (("purchases", result.purchases), ("money", result.money), ("spend given purchases", result.spend))
            for quantity, scored in scores:
                for interval in scored.intervals if scored is not None else ():
                    yield {"candidate": result.candidate, "quantity": quantity, **vars(interval)}

    def __repr__(self) -> str:
        columns = [
            "candidate",
            "purchases_predicted_total",
            "purchases_rmse",
            "purchases_pit_90",
            "money_predicted_total",
        ]
        table = self.frame()[columns].to_string(index=False, float_format=lambda value: f"{value:,.3f}")
        actual = count(int(self.actual.purchases.sum()), "purchase")
        if self.actual.money is not None:
            actual += f" worth {number(float(self.actual.money.sum()), 2)}"
        return f"Comparison over {self.horizon}: {count(len(self.past), 'customer')} made {actual}\n{table}"


def compare(
    candidates: Iterable[Any],
    past: Transactions,
    future: Transactions,
    futures: int = 1000,
    seed: int = 0,
    unit: str = "week",
    progress: Progress | None = None,
) -> Comparison:
    """Fit candidates to the past, predict the future, and score them on what happened.

    Only customers of the past are scored; those who came later are counted apart. Nothing is discounted, the margin
    is 1, and returns dated after the cut-off do not change the past.

    Parameters
    ----------
    candidates
        Purchase models such as ``clv.BGNBD`` (with Gamma-Gamma for the money), fits of purchases as they are,
        ``clv.SimpleFormula(...)``, or objects with a ``name`` and ``predict(past, horizon, futures, seed)``, such as
        ``clv.ModelCandidate(clv.BGNBD, spend=clv.GammaGamma(of="all"))`` and ``clv.FitCandidate(purchases, spend)``.
    past, future
        The two parts of ``Transactions.split``.
    futures
        Simulated futures, or resamples, of each candidate.
    seed
        What they follow from.
    unit
        Time unit of the fits.
    progress
        Called with the number of customers after each scored chunk.

    Returns
    -------
    The comparison; a candidate that cannot be fitted has empty scores and a note, one with a caution has a note, too.

    Raises
    ------
    SettingError
        If there is no candidate, two have one name, a fit has seen days after the split, the two logs are not the parts
        of one split, or ``futures`` or ``seed`` is out of its range.

    Examples
    --------
    >>> import clvmodels as clv
    >>> log = clv.Transactions(clv.datasets.load_cdnow(), customer="customer_id", date="date")
    >>> comparison = clv.compare([clv.BGNBD, clv.SimpleFormula()], *log.split("1997-09-30"), futures=100)
    >>> comparison.frame()["candidate"].to_list()
    ['BG/NBD', 'simple formula']
    """
    if not isinstance(candidates, Iterable):
        raise SettingError("Candidates come in a list, such as [clv.BGNBD, clv.SimpleFormula()].")
    recipes = [as_candidate(candidate) for candidate in candidates]
    _refuse_doubles([recipe.name for recipe in recipes])
    checked.callback("progress", progress)
    # A seed that is none is no failure of a candidate, and neither are futures that are none.
    futures, seed = checked.whole("futures", futures), checked.seed(seed)
    if not (isinstance(past, Transactions) and isinstance(future, Transactions)):
        raise SettingError("past and future are the two parts of a log: past, future = Transactions(...).split(date).")
    newcomers = future.newcomers()
    if future.first_day - past.observed_until != timedelta(days=1):
        raise SettingError(
            f"The past ends on {past.observed_until} and the future starts on {future.first_day}: they are not the two "
            "parts of one split. Use past, future = log.split(...)."
        )
    rfm = past.summarize(unit=unit)
    actual = Actual(*future.purchases_by_customer(rfm.customer_id), newcomers)
    results = [_result(recipe, rfm, actual, future.length, futures, seed, progress) for recipe in recipes]
    return Comparison(tuple(results), _hindsight(actual), rfm, actual, future.length, futures, seed)


def standard_candidates() -> list[Any]:
    """Return the usual candidates: our models, lifetimes where installed, and the simple formula in its readings."""
    return [
        BGNBD,
        MBGNBD,
        *([LifetimesBGNBD()] if is_installed() else []),
        SimpleFormula(),
        SimpleFormula(per_customer=True),
        SimpleFormula(gap="17 weeks"),
        SimpleFormula(gap="26 weeks"),
        SimpleFormula(survival="certain"),
        SimpleFormula(survival="certain", orders="all"),
        SimpleFormula(lifespan="span"),
    ]


def _result(
    recipe: Candidate, rfm: RFM, actual: Actual, horizon: Duration, futures: int, seed: int, progress: Progress | None
) -> Result:
    about = getattr(recipe, "kind", "model"), getattr(recipe, "assumptions", ())
    try:
        prediction = recipe.predict(rfm, horizon, futures, seed)
        purchases = _scored(prediction.purchases, actual.purchases.astype(float), progress)
    except SettingError:
        raise  # what was asked for is wrong, not what it was asked of
    except CLVError as error:
        return Result(recipe.name, None, None, None, str(error), *about)
    try:
        money = _scored(prediction.money, actual.money, progress)
        spend = None if money is None else _spend_score(prediction, rfm, actual, seed)
    except CLVError as error:  # an infinite mean spend leaves the purchases as they are
        return Result(recipe.name, purchases, None, None, f"{prediction.note} {error}".strip(), *about)
    return Result(recipe.name, purchases, money, spend, prediction.note, *about)


def _scored(forecast: Forecast | None, actual: Floats | None, progress: Progress | None) -> Score | None:
    return None if forecast is None or actual is None else score(forecast.source, actual, progress)


def _spend_score(prediction: Prediction, rfm: RFM, actual: Actual, seed: int) -> Score | None:
    bought = np.flatnonzero(actual.purchases > 0)
    fitted = prediction.spend
    if fitted is None or fitted.sample is None or actual.money is None or not len(bought):
        return None
    draws = fitted.draws
    source = SpendSource(draws, Customers.of(rfm.take(bought), draws), actual.purchases[bought], draws.draws, seed)
    return score(source, actual.money[bought])


def _hindsight(actual: Actual) -> Result:
    counts = actual.purchases.astype(float)
    purchases = score(HindsightSource(counts), counts)
    if actual.money is None:
        return Result(_HINDSIGHT, purchases, None, None, "")
    money = score(HindsightSource(actual.money), actual.money)
    return Result(_HINDSIGHT, purchases, money, None, "")


def _numbers(scored: Score | None) -> dict[str, float | None]:
    if scored is None:
        return dict.fromkeys(_NUMBERS)
    at = scored.at(0.90)
    total = scored.total.interval(0.90) if scored.total.realised is not None else (None, None)
    interval = (at.coverage, at.pit, at.score) if at else (None, None, None)
    values = (scored.total.mean, *total, scored.rmse, scored.mae, *interval)
    return dict(zip(_NUMBERS, (*values, scored.crps, scored.gini, scored.top_decile), strict=True))


def _refuse_doubles(names: list[str]) -> None:
    if not names:
        raise SettingError("There is no candidate to compare. Pass some, such as [clv.BGNBD, clv.SimpleFormula()].")
    if doubles := sorted({name for name in names if names.count(name) > 1}):
        raise SettingError(f"Two candidates have the name {doubles[0]!r}: name each apart, or leave one out.")
