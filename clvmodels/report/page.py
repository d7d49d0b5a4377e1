"""Pages: one self-contained HTML file that says what was done, what came out, and how far to trust it."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from clvmodels.data.cleaning import CleaningReport
from clvmodels.evaluation.compare import Comparison, Result
from clvmodels.evaluation.score import IntervalScore, Score
from clvmodels.inference.fit import Fit
from clvmodels.models.gamma_gamma import GammaGammaAllPurchases
from clvmodels.prediction.totals import Interval, Total
from clvmodels.report import plots, tables
from clvmodels.report.tables import Table
from clvmodels.text import change, count, decimals, join, number, percent, short, span
from clvmodels.units import Duration
from clvmodels.valuation.value import Valuation
from clvmodels.version import __version__

_LEVEL = 0.90
_ALIKE = 0.01  # scores closer than this, relative to the best, are called equal in words
_SLIGHT = 0.03  # a shortfall of coverage below this is called slight
_HISTOGRAMS = 4  # PIT histograms are shown for so many candidates

_ASSUMPTIONS = {
    "BG/NBD": (
        "While active, a customer buys at random at a steady rate of their own; after each repeat purchase they may "
        "leave for good. A customer who has bought only once has had no occasion to leave, so P(alive) is 1 for all "
        "one-time buyers, by construction: read their expected purchases, not their P(alive)."
    ),
    "MBG/NBD": (
        "As BG/NBD, but a customer may also leave right after the first purchase, so P(alive) of one-time buyers is "
        "below 1 and falls with their silence."
    ),
    "NBD": "A customer buys at random at a steady rate of their own, and never leaves.",
}


def comparison_page(comparison: Comparison) -> str:
    """Return a page on how candidates did, as one HTML file that needs nothing else.

    Parameters
    ----------
    comparison
        What ``clv.compare`` returned.

    Examples
    --------
    >>> import clvmodels as clv
    >>> log = clv.Transactions(clv.datasets.load_cdnow(), customer="customer_id", date="date")
    >>> page = comparison_page(clv.compare([clv.SimpleFormula()], *log.split("1997-09-30"), draws=10))
    >>> "1,882 purchases" in page
    True
    """
    told = ComparisonFacts(comparison)
    words = {"Comparison of candidates": tables.glossary(told.tables)}
    return _render("comparison", told=told, cleaning=_cleaning(comparison.past.cleaning), words=words)


def demo_page(
    comparison: Comparison,
    valuation: Valuation,
    simple_valuation: Valuation,
    fits: Sequence[Fit[Any]],
    cleaning: CleaningReport,
) -> str:
    """Return a page on what customers will bring, how the candidates did, and what all this rests on.

    Parameters
    ----------
    comparison
        Candidates held against what happened.
    valuation
        What customers will still bring, by models.
    simple_valuation
        The same by the simple formula.
    fits
        The fits that the valuation is made from, the purchase model first.
    cleaning
        How the log was cleaned.
    """
    value = ValueFacts(valuation, simple_valuation, tuple(fits))
    told = ComparisonFacts(comparison)
    words = {
        "Table of customers": tables.glossary([value.top]),
        "Comparison of candidates": tables.glossary(told.tables),
        "Fits": tables.glossary(table for _, table in value.parameters),
    }
    doubt = told.doubt(fits[0].name)
    return _render("demo", told=told, value=value, cleaning=_cleaning(cleaning), doubt=doubt, words=words)


def _cleaning(report: CleaningReport | None) -> Markup | None:
    # The report escapes what comes from the data.
    return None if report is None else Markup(report._repr_html_())  # noqa: S704


def _render(template: str, **facts: Any) -> str:  # noqa: ANN401
    loader = PackageLoader("clvmodels.report")
    room = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    room.filters |= {"number": number, "short": short, "percent": percent, "join": join, "count": count}
    page = room.get_template(f"{template}.html.jinja").render(version=__version__, **facts)
    return re.sub(r"(?<=\d) %", "\N{NO-BREAK SPACE}%", page)


def _svg(figure: Any) -> Markup:  # noqa: ANN401
    return Markup(plots.to_svg(figure))  # noqa: S704 -- Matplotlib and to_svg escape what comes from the data


def interval_or_none(interval: Callable[[float], Interval], known: object) -> str | None:
    """Return an interval in words, or nothing where there is none."""
    return span(*interval(_LEVEL)) if known else None


@dataclass(frozen=True)
class Finding:
    """Something found: its name, the candidates or the number, and a sentence on it."""

    name: str
    answer: str
    sentence: str


@dataclass(frozen=True)
class Judgement:
    """How 90 % intervals did, of the candidates that share them."""

    candidates: tuple[str, ...]
    raw: float
    pit: float
    word: str


@dataclass(frozen=True)
class QuantityFacts:
    """What the page says of purchases or of money."""

    name: str
    table: Table
    plot: Markup | None
    findings: tuple[Finding, ...]


@dataclass(frozen=True, eq=False)
class ComparisonFacts:
    """What the page says of a comparison, made from its numbers."""

    comparison: Comparison

    @property
    def customers(self) -> int:
        """How many customers were scored."""
        return len(self.comparison.past)

    @property
    def one_time_buyers(self) -> int:
        """How many of them had bought once."""
        return int((self.comparison.past.frequency == 0).sum())

    @property
    def horizon(self) -> Duration:
        """How long the holdout is."""
        return self.comparison.horizon

    @property
    def cut_off(self) -> str | None:
        """The last day that the candidates saw."""
        day = self.comparison.past.observed_until
        return None if day is None else day.isoformat()

    @property
    def purchases(self) -> int:
        """How many purchases happened."""
        return int(self.comparison.actual.purchases.sum())

    @property
    def money(self) -> float | None:
        """How much money they brought; ``None`` without amounts."""
        money = self.comparison.actual.money
        return None if money is None else float(money.sum())

    @property
    def names(self) -> list[str]:
        """The candidates."""
        return [result.candidate for result in self.comparison.results]

    @property
    def failures(self) -> list[Result]:
        """The candidates without any prediction."""
        return [result for result in self.comparison.results if result.purchases is None and result.money is None]

    @property
    def scored(self) -> dict[str, Score]:
        """The scores of purchases."""
        return self.scores("purchases")

    def scores(self, quantity: str) -> dict[str, Score]:
        """Return the scores of purchases or of money, of the candidates that have some."""
        found = {result.candidate: getattr(result, quantity) for result in self.comparison.results}
        return {name: score for name, score in found.items() if score is not None}

    @property
    def seed(self) -> int:
        """What the futures follow from."""
        return self.comparison.seed

    @property
    def futures(self) -> int:
        """How many futures the models simulated; 0 where there are none."""
        drawn = [score.total.realised for score in self.scored.values() if score.total.realised is not None]
        return len(drawn[0]) if drawn else 0

    @cached_property
    def headline(self) -> str:
        """The comparison in a line."""
        if not self.scored:
            return "No candidate could be fitted to these data"
        if len(self.scored) == 1:
            (name, score), *_ = self.scored.items()
            return f"{name} expected {short(score.total.mean)} purchases, and {self.purchases:,} happened"
        closest, best = closest_total(self.scored), least_error(self.scored)
        if both := [name for name in best if name in closest]:
            return f"Closest in total and for each customer: {few(both)}"
        return f"Closest in total: {few(closest)}. Closest for each customer: {few(best)}."

    @cached_property
    def quantities(self) -> list[QuantityFacts]:
        """Purchases, and money where there are amounts."""
        names = ["purchases"] if self.money is None else ["purchases", "money"]
        return [self._quantity(name) for name in names]

    def _quantity(self, name: str) -> QuantityFacts:
        frame = self.comparison.frame()
        drawn = frame[f"{name}_predicted_total"].notna().any()
        plot = _svg(plots.totals(frame, name)) if drawn else None
        found = tuple(findings(self.scores(name), name))
        return QuantityFacts(name, tables.comparison_table(frame, name), plot, found)

    @cached_property
    def by_frequency(self) -> Markup | None:
        """Mean purchases by number of past ones."""
        return _svg(plots.by_frequency(self.comparison.by_frequency())) if self.scored else None

    @cached_property
    def frequency_table(self) -> Table:
        """The numbers behind that plot."""
        return tables.frequency_table(self.comparison.by_frequency())

    @cached_property
    def not_drawn(self) -> list[str]:
        """The candidates that the plot leaves out."""
        table = self.comparison.by_frequency()
        drawn = plots.distinct(table, plots.MOST_LINES)
        return [name for name in self.scored if name not in drawn]

    @cached_property
    def intervals(self) -> list[tuple[str, Markup, Table]]:
        """Quantity, plot and table of the intervals; nothing where no candidate has any."""
        frame, yardstick = self.comparison.intervals(), self.comparison.hindsight.candidate
        own = frame[frame["candidate"] != yardstick]
        found = list(dict.fromkeys(own["quantity"]))
        return [
            (name, _svg(plots.coverage(own, name)), tables.intervals_table(frame, name, yardstick)) for name in found
        ]

    @property
    def tables(self) -> list[Table]:
        """All tables, for the glossary."""
        return [*(quantity.table for quantity in self.quantities), *(table for _, _, table in self.intervals)]

    @cached_property
    def judgements(self) -> dict[str, list[Judgement]]:
        """How the 90 % intervals of each quantity did; candidates with the same intervals are judged together."""
        found: dict[str, list[Judgement]] = {}
        for result in self.comparison.results:
            scores = {"purchases": result.purchases, "money": result.money, "spend given purchases": result.spend}
            for quantity, score in scores.items():
                at = score.at(_LEVEL) if score is not None else None
                if at is not None:
                    _judged(found.setdefault(quantity, []), result.candidate, at, self._judges(quantity))
        return found

    def _judges(self, quantity: str) -> int:
        """Return how many customers a quantity is judged by: spend by those who bought."""
        bought = self.comparison.actual.purchases > 0
        return int(bought.sum()) if quantity == "spend given purchases" else len(bought)

    @property
    def narrow_spend(self) -> list[Judgement]:
        """The spend models whose intervals fall short."""
        return [found for found in self.judgements.get("spend given purchases", ()) if "narrow" in found.word]

    @cached_property
    def histograms(self) -> list[tuple[str, Markup]]:
        """PIT histograms of purchases."""
        shown = [(name, score) for name, score in self.scored.items() if score.pit is not None][:_HISTOGRAMS]
        return [(name, _svg(plots.pit_histogram(score))) for name, score in shown]

    @property
    def assumptions(self) -> dict[str, str]:
        """What the models among the candidates take for granted."""
        models = {name.partition(" with ")[0] for name in self.names}
        return {name: text for name, text in _ASSUMPTIONS.items() if name in models}

    @property
    def has_all_purchases(self) -> bool:
        """Whether a candidate learns spend from first purchases, too."""
        return any(name.endswith(f" with {GammaGammaAllPurchases.name}") for name in self.names)

    @property
    def has_formula(self) -> bool:
        """Whether a simple formula is among the candidates."""
        return any(name.startswith("simple formula") for name in self.names)

    def doubt(self, candidate: str) -> str:
        """Return what the holdout says about a candidate's intervals of the totals: a sentence, or nothing."""
        found = list(filter(None, (self._doubt(candidate, quantity) for quantity in ("purchases", "money"))))
        return f"90 % interval of the total: {'; '.join(found)}." if found else ""

    def _doubt(self, candidate: str, quantity: str) -> str:
        score = self.scores(quantity).get(candidate)
        if score is None or score.total.realised is None:
            return ""
        low, high = score.total.interval(_LEVEL)
        held = "held" if low <= score.actual_total <= high else "missed"
        what = "purchases" if quantity == "purchases" else "in money"
        return f"{span(low, high)} {what}, which {held} the {number(score.actual_total)} that happened"

    @property
    def doubts(self) -> dict[str, str]:
        """The same of all candidates that have intervals."""
        found = {name: self.doubt(name) for name in self.scored}
        return {name: text for name, text in found.items() if text}


@dataclass(frozen=True, eq=False)
class ValueFacts:
    """What the page says of a valuation, made from its numbers."""

    valuation: Valuation
    simple: Valuation
    fits: tuple[Fit[Any], ...]

    @property
    def total(self) -> Total:
        """The whole base."""
        return self.valuation.total()

    @cached_property
    def frame(self) -> pd.DataFrame:
        """A row a customer."""
        return self.valuation.frame()

    @property
    def horizon(self) -> str:
        """The horizon, as it follows the words "over"."""
        length = self.valuation.plan.length
        return "all time to come" if length.is_infinite else f"the next {str(length).removeprefix('1 ')}"

    @property
    def realised(self) -> str | None:
        """The 90 % interval of the realised total."""
        return interval_or_none(self.total.interval, self.total.realised is not None)

    @property
    def expected(self) -> str | None:
        """The 90 % interval of the expected total."""
        return interval_or_none(self.total.expected_interval, self.total.uncertain)

    @property
    def simple_expected(self) -> str | None:
        """The same of the simple formula."""
        total = self.simple.total()
        return interval_or_none(total.expected_interval, total.uncertain)

    @cached_property
    def plot(self) -> Markup | None:
        """What the whole base may bring."""
        return _svg(plots.future_total(self.total)) if self.total.realised is not None else None

    @cached_property
    def concentration(self) -> Markup | None:
        """Who brings it."""
        values = self.frame["clv_mean"].to_numpy()
        return _svg(plots.concentration(values)) if values.sum() > 0 else None

    @cached_property
    def top_plot(self) -> Markup:
        """The most valuable customers, drawn."""
        return _svg(plots.customers(self.frame))

    @cached_property
    def top(self) -> Table:
        """The most valuable customers."""
        return tables.customers_table(self.frame)

    @cached_property
    def silent(self) -> float | None:
        """The mean probability of bringing nothing."""
        return float(self.frame["p_zero"].mean()) if "p_zero" in self.frame else None

    @property
    def at_zero(self) -> float:
        """The share of customers whose interval starts at nothing."""
        return float((self.frame["clv_lower"] == 0).mean()) if "clv_lower" in self.frame else 0.0

    @property
    def parameters(self) -> list[tuple[Fit[Any], Table]]:
        """Each fit with the table of its parameters."""
        return [(fit, tables.parameters_table(fit.frame())) for fit in self.fits]

    @property
    def versions(self) -> dict[str, str]:
        """Of this package and what the fits depend on."""
        return {name: text for fit in self.fits for name, text in fit.versions.items()}


def findings(scores: Mapping[str, Score], quantity: str) -> Iterator[Finding]:
    """Yield what to take away of purchases or of money: the total, each customer, the order of the customers."""
    if not scores:
        return
    rivals = len(scores) > 1
    closest, best = closest_total(scores), least_error(scores)
    score = scores[closest[0]]
    off = f" ({change(score.total.mean, score.actual_total)})" if score.actual_total else ""
    told = f"{short(score.total.mean)} predicted, {short(score.actual_total)} happened{off}."
    yield Finding("Closest total" if rivals else "Total", few(closest), told)
    error = scores[best[0]].rmse
    yield Finding(
        "Least error for each customer" if rivals else "Error for each customer",
        few(best),
        f"RMSE {number(error, decimals([error]))}.",
    )
    first = leaders({name: -score.top_decile for name, score in scores.items()}, _ALIKE)
    share = percent(scores[first[0]].top_decile)
    brought = f"The tenth of the customers put first made {share} of all {quantity}."
    yield Finding("Best at finding the best customers" if rivals else "Finding the best customers", few(first), brought)


def closest_total(scores: Mapping[str, Score]) -> list[str]:
    """Return the candidates whose total came closest, and those as good up to half a per cent of what happened."""
    misses = {name: abs(score.total.mean - score.actual_total) for name, score in scores.items()}
    actual = next(iter(scores.values())).actual_total
    return leaders(misses, 0.005 * actual / max(min(misses.values()), 1e-9))


def least_error(scores: Mapping[str, Score]) -> list[str]:
    """Return the candidates with the least RMSE, and those as good up to one per cent."""
    return leaders({name: score.rmse for name, score in scores.items()}, _ALIKE)


def leaders(losses: Mapping[str, float], alike: float) -> list[str]:
    """Return the names with the least loss, least first, and those that are as good up to a share of it.

    Examples
    --------
    >>> leaders({"a": 1.607, "b": 1.608, "c": 2.1}, alike=0.01)
    ['a', 'b']
    """
    least = min(losses.values())
    alike_names = [name for name, loss in losses.items() if loss <= least + alike * abs(least)]
    return sorted(alike_names, key=losses.__getitem__)


def few(names: Sequence[str]) -> str:
    """Return names as a phrase, or how many they are.

    Examples
    --------
    >>> few(["a", "b"]), few(["a", "b", "c", "d", "e"])
    ('a and b', 'a and 4 others alike')
    """
    return join(names) if len(names) <= 3 else f"{names[0]} and {len(names) - 1} others alike"


def judge(pit: float, level: float, customers: int) -> str:
    """Return whether intervals held as much as they say, up to what chance does to so many customers.

    Examples
    --------
    >>> judge(0.889, 0.90, 2357), judge(0.884, 0.90, 2357), judge(0.823, 0.90, 684)
    ('as it should be', 'slightly too narrow', 'too narrow')
    """
    off = pit - level
    if abs(off) <= 2 * np.sqrt(level * (1 - level) / max(customers, 1)):
        return "as it should be"
    word = "too narrow" if off < 0 else "too wide"
    return f"slightly {word}" if abs(off) < _SLIGHT else word


def _judged(found: list[Judgement], candidate: str, at: IntervalScore, customers: int) -> None:
    """Add a candidate's intervals to those judged so far: to its like, or as new ones."""
    for row, other in enumerate(found):
        if (other.raw, other.pit) == (at.coverage, at.pit):
            found[row] = replace(other, candidates=(*other.candidates, candidate))
            return
    found.append(Judgement((candidate,), at.coverage, at.pit, judge(at.pit, _LEVEL, customers)))
