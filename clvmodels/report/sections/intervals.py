"""What a page says of the intervals of a comparison: how much they held, and whether that is their nominal level."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from clvmodels.drawing.comparison import coverage, pit_histogram
from clvmodels.drawing.style import Picture
from clvmodels.evaluation.compare import Comparison
from clvmodels.evaluation.score import PIT_EDGES, Score
from clvmodels.report import tables
from clvmodels.report.sections.comparison import kinds, scores
from clvmodels.report.tables import Table
from clvmodels.text import join, number, span

_LEVEL = 0.90
_SLIGHT = 0.03  # a shortfall of coverage below this is called slight
_HISTOGRAMS = 4  # so many PIT histograms are shown
_SPEND = "spend given purchases"
_CALIBRATED = "as it should be"


class Judgement(NamedTuple):
    """How 90 % intervals did, of the candidates that share them."""

    candidates: tuple[str, ...]
    raw: float
    pit: float
    word: str


class HeldTotal(NamedTuple):
    """Whether 90 % intervals of totals held what happened, in a sentence, and whether one of them missed it."""

    sentence: str
    missed: bool


@dataclass(frozen=True, eq=False)
class IntervalFacts:
    """What the page says of the intervals, made from the numbers of a comparison."""

    comparison: Comparison

    @cached_property
    def drawn(self) -> list[tuple[str, Picture, Table]]:
        """Quantity, plot and table of the intervals; nothing where no candidate has any."""
        frame, baseline = self.comparison.intervals(), self.comparison.hindsight.candidate
        own, of_kind = frame[frame["candidate"] != baseline], kinds(self.comparison)
        return [
            (name, coverage(own, name, of_kind), tables.intervals_table(frame, name, baseline))
            for name in own["quantity"].unique()
        ]

    @cached_property
    def judgements(self) -> dict[str, list[Judgement]]:
        """How the 90 % intervals of each quantity did; candidates with the same intervals are judged together."""
        everybody, buyers = len(self.comparison.past), int((self.comparison.actual.purchases > 0).sum())
        found: dict[str, list[Judgement]] = {}
        for name, field, customers in (
            ("purchases", "purchases", everybody),
            ("money", "money", everybody),
            (_SPEND, "spend", buyers),
        ):
            alike: dict[tuple[float, float], list[str]] = {}
            for candidate, score in scores(self.comparison, field).items():
                if (at := score.at(_LEVEL)) is not None:
                    alike.setdefault((at.coverage, at.pit), []).append(candidate)
            if alike:
                found[name] = [Judgement(tuple(of), *at, judge(at[1], _LEVEL, customers)) for at, of in alike.items()]
        return found

    @property
    def narrow_spend(self) -> list[Judgement]:
        """The spend models whose intervals fall short."""
        return [one for one in self.judgements.get(_SPEND, ()) if one.pit < _LEVEL and one.word != _CALIBRATED]

    @cached_property
    def histograms(self) -> list[tuple[str, Picture]]:
        """PIT histograms of purchases; candidates with the same are shown together."""
        alike: dict[tuple[float, ...], list[str]] = {}
        for name, score in scores(self.comparison, "purchases").items():
            if score.pit is not None:
                alike.setdefault(tuple(score.pit), []).append(name)
        shown = list(alike.items())[:_HISTOGRAMS]
        return [(join(names), pit_histogram(np.array(pit), PIT_EDGES)) for pit, names in shown]

    @cached_property
    def totals(self) -> dict[str, HeldTotal]:
        """Whether the intervals of the totals held what happened, of the candidates that have some."""
        found: dict[str, HeldTotal] = {}
        for result in self.comparison.results:
            both = (("purchases", result.purchases), ("in money", result.money))
            held = [_held(score, what) for what, score in both if score and score.total.realised is not None]
            if held:
                told = f"90 % interval of the total: {'; '.join(one.sentence for one in held)}."
                found[result.candidate] = HeldTotal(told, any(one.missed for one in held))
        return found


def _held(score: Score, what: str) -> HeldTotal:
    low, high = score.total.interval(_LEVEL)
    missed = not low <= score.actual_total <= high
    told = f"{span(low, high)} {what}, which {'missed' if missed else 'held'} the {number(score.actual_total)}"
    return HeldTotal(f"{told} that happened", missed)


def judge(pit: float, level: float, customers: int) -> str:
    """Return whether intervals held their nominal level, up to the sampling variation of so many customers.

    Examples
    --------
    >>> judge(0.889, 0.90, 2357), judge(0.884, 0.90, 2357), judge(0.823, 0.90, 684)
    ('as it should be', 'slightly too narrow', 'too narrow')
    """
    off = pit - level
    if abs(off) <= 2 * np.sqrt(level * (1 - level) / max(customers, 1)):
        return _CALIBRATED
    word = "too narrow" if off < 0 else "too wide"
    return f"slightly {word}" if abs(off) < _SLIGHT else word
