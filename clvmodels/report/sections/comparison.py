"""What a page says of a comparison: who was scored on what, and how the candidates did."""

from dataclasses import dataclass
from functools import cached_property

from clvmodels.drawing.comparison import by_frequency, distinct, totals
from clvmodels.drawing.style import Picture
from clvmodels.evaluation.compare import Comparison, Result
from clvmodels.evaluation.score import Score
from clvmodels.report import tables
from clvmodels.report.sections.findings import Finding, findings, headline
from clvmodels.report.tables import Table


def scores(comparison: Comparison, quantity: str) -> dict[str, Score]:
    """Return the scores of purchases or of money, of the candidates that have some."""
    found = {result.candidate: getattr(result, quantity) for result in comparison.results}
    return {name: score for name, score in found.items() if score is not None}


def kinds(comparison: Comparison) -> dict[str, str]:
    """Return the kind of each candidate."""
    return {result.candidate: result.kind for result in comparison.results}


@dataclass(frozen=True)
class QuantityFacts:
    """What the page says of purchases or of money."""

    name: str
    table: Table
    plot: Picture | None
    findings: tuple[Finding, ...]


@dataclass(frozen=True, eq=False)
class ComparisonFacts:
    """What the page says of a comparison, made from its numbers."""

    comparison: Comparison

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
    def failures(self) -> list[Result]:
        """The candidates without any prediction."""
        return [result for result in self.comparison.results if result.purchases is None and result.money is None]

    @property
    def futures(self) -> int:
        """How many futures the models simulated; 0 where there are none."""
        drawn = [score.total.realised for score in scores(self.comparison, "purchases").values()]
        return next((len(futures) for futures in drawn if futures is not None), 0)

    @property
    def headline(self) -> str:
        """The comparison in a line."""
        return headline(scores(self.comparison, "purchases"), self.purchases)

    @cached_property
    def quantities(self) -> list[QuantityFacts]:
        """Purchases, and money where there are amounts."""
        return [self._quantity(name) for name in (["purchases"] if self.money is None else ["purchases", "money"])]

    def _quantity(self, name: str) -> QuantityFacts:
        frame, scored = self.comparison.frame(), scores(self.comparison, name)
        plot = totals(frame, name, kinds(self.comparison)) if scored else None
        return QuantityFacts(name, tables.comparison_table(frame, name), plot, tuple(findings(scored, name)))

    @cached_property
    def by_frequency(self) -> Picture | None:
        """Mean purchases by number of past ones."""
        if not scores(self.comparison, "purchases"):
            return None
        return by_frequency(self.comparison.by_frequency(), kinds(self.comparison))

    @property
    def frequency_table(self) -> Table:
        """The numbers behind that plot."""
        return tables.frequency_table(self.comparison.by_frequency())

    @property
    def not_drawn(self) -> list[str]:
        """The candidates that the plot leaves out."""
        drawn = distinct(self.comparison.by_frequency(), kinds(self.comparison))
        return [name for name in scores(self.comparison, "purchases") if name not in drawn]

    @property
    def assumptions(self) -> dict[str, str]:
        """What the candidates assume, by the name of what assumes it; of spend only where there are amounts."""
        told = None if self.money is not None else 1
        return dict(pair for result in self.comparison.results for pair in result.assumptions[:told])
