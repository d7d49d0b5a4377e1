"""Tables to look at, as plain text cells: from the frames of results, for the page and for the terminal."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import pandas as pd

from clvmodels.text import DASH, change, decimals, number, percent, span

Numbers: TypeAlias = "pd.Series[float]"


@dataclass(frozen=True)
class Column:
    """A column: its heading, what it means in a sentence, the group it stands in, and how it is aligned."""

    heading: str
    meaning: str = ""
    group: str = ""
    align: Literal["left", "right"] = "right"


@dataclass(frozen=True)
class Table:
    """Text cells under headings.

    Attributes
    ----------
    columns
        What stands in them.
    rows
        A text a column.
    best
        The best cells of their columns, as (row, column).
    muted
        Rows of a baseline, which is no candidate.
    notes
        Why something is missing, and what else must be said.

    Examples
    --------
    >>> table = Table((Column("Candidate", align="left"), Column("RMSE")), (("BG/NBD", "1.607"),))
    >>> table.headings, table.alignments
    (('Candidate', 'RMSE'), ('left', 'right'))
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    best: frozenset[tuple[int, int]] = frozenset()
    muted: frozenset[int] = frozenset()
    notes: tuple[str, ...] = ()

    @property
    def headings(self) -> tuple[str, ...]:
        """The headings, left to right."""
        return tuple(column.heading for column in self.columns)

    @property
    def alignments(self) -> tuple[str, ...]:
        """``"left"`` or ``"right"``, a column."""
        return tuple(column.align for column in self.columns)

    @property
    def groups(self) -> list[tuple[str, int]]:
        """Neighbouring columns of one group: its name and how many."""
        spans: list[tuple[str, int]] = []
        for column in self.columns:
            if spans and spans[-1][0] == column.group:
                spans[-1] = (column.group, spans[-1][1] + 1)
            else:
                spans.append((column.group, 1))
        return spans

    @property
    def starts(self) -> frozenset[int]:
        """The columns that a group begins with, the first of the table left out."""
        ends = accumulate(columns for _, columns in self.groups)
        return frozenset(ends) - {len(self.columns)}


class _Metric(NamedTuple):
    """A column of the comparison: its cells, and what is least where it is best."""

    heading: str
    group: str
    cells: Callable[[pd.DataFrame], list[str]]
    loss: Callable[[pd.DataFrame], Numbers] | None = None


def _numbers(name: str, digits: int | None = None) -> Callable[[pd.DataFrame], list[str]]:
    return lambda own: [number(value, decimals(own[name]) if digits is None else digits) for value in own[name]]


def _shares(name: str, digits: int = 0) -> Callable[[pd.DataFrame], list[str]]:
    return lambda own: [percent(value, digits) for value in own[name]]


def _sums(own: pd.DataFrame) -> list[str]:
    return [number(value, _sum_decimals(own)) for value in own["predicted_total"]]


def _ends(own: pd.DataFrame) -> list[str]:
    both = zip(own["total_lower_90"], own["total_upper_90"], strict=True)
    return [span(*ends, _sum_decimals(own)) for ends in both]


def _sum_decimals(own: pd.DataFrame) -> int:
    """Return no decimals for sums, and two where sums are small."""
    return 0 if own["predicted_total"].max() >= 100 else 2


def _off(own: pd.DataFrame) -> list[str]:
    return [change(*pair) for pair in zip(own["predicted_total"], own["actual_total"], strict=True)]


_TOTAL, _EACH, _ORDER, _INTERVALS = "All customers together", "Each customer", "Order of customers", "Intervals at 90 %"
_METRICS = (
    _Metric("Predicted", _TOTAL, _sums, lambda own: (own["predicted_total"] - own["actual_total"]).abs()),
    _Metric("Off by", _TOTAL, _off),
    _Metric("90 % interval", _TOTAL, _ends),
    _Metric("RMSE", _EACH, _numbers("rmse"), lambda own: own["rmse"]),
    _Metric("MAE", _EACH, _numbers("mae"), lambda own: own["mae"]),
    _Metric("CRPS", _EACH, _numbers("crps"), lambda own: own["crps"]),
    _Metric("Gini", _ORDER, _numbers("gini", 2), lambda own: -own["gini"]),
    _Metric("Top 10 %", _ORDER, _shares("top_decile"), lambda own: -own["top_decile"]),
    _Metric("PIT", _INTERVALS, _shares("pit_90", 1), lambda own: (own["pit_90"] - 0.90).abs()),
    _Metric("Score", _INTERVALS, _numbers("interval_score_90"), lambda own: own["interval_score_90"]),
)
_MEANINGS = {
    "Predicted": "The sum of what was expected of each customer.",
    "Off by": "Predicted less actual total, in per cent of the actual total.",
    "90 % interval": "Where the total that really happens lies with probability 90 %, according to the candidate.",
    "RMSE": "Root of the mean squared error of the expected values, one customer at a time; less is better. "
    "A few customers who buy a lot weigh most.",
    "MAE": "Mean absolute error of the medians, or of the one number that a candidate without intervals gives; "
    "less is better.",
    "CRPS": "Continuous ranked probability score of the whole predicted distribution, in the quantity's own unit; "
    "less is better.",
    "Gini": "How well customers are ranked: 1 is as well as with hindsight, 0 no better than chance.",
    "Top 10 %": "The share of what happened that came from the tenth of the customers with the highest predictions.",
    "PIT": "Share of the randomised PIT inside the customers' 90 % intervals: 90 % where the candidate is calibrated.",
    "Score": "Mean interval score of the 90 % intervals: width plus a penalty for each miss; less is better.",
    "Raw share": "Share of the customers whose 90 % interval holds what they did. For counts it is too high.",
}

_CANDIDATE = Column("Candidate", align="left")
_NO_FUTURES = f"{DASH} One number a customer, and nothing of what may really happen: no interval, CRPS or PIT."


def comparison_table(frame: pd.DataFrame, quantity: str) -> Table:
    r"""Return a row a candidate, with the best of each column marked.

    Parameters
    ----------
    frame
        ``Comparison.frame()``.
    quantity
        ``"purchases"`` or ``"money"``.

    Examples
    --------
    >>> names = ["actual_total", "predicted_total", "total_lower_90", "total_upper_90", "rmse", "mae", "crps", "gini"]
    >>> names += ["top_decile", "pit_90", "interval_score_90"]
    >>> values = [9.0, 8.0, None, None, 1.5, 1.0, None, 0.2, 0.4, None, None]
    >>> row = {f"purchases_{name}": [value] for name, value in zip(names, values, strict=True)}
    >>> comparison_table(pd.DataFrame({"candidate": ["mine"], "note": [None], **row}), "purchases").rows[0][:4]
    ('mine', '8.00', '−11\xa0%', '–')
    """  # noqa: RUF002 -- a minus sign and an en dash
    own = _quantity(frame, quantity)
    cells = [own["candidate"].tolist(), *(metric.cells(own) for metric in _METRICS)]
    losses = [None, *(metric.loss and metric.loss(own) for metric in _METRICS)]
    columns = (_CANDIDATE, *(Column(one.heading, _MEANINGS[one.heading], one.group) for one in _METRICS))
    return Table(columns, _rows(cells), _best(cells, losses), notes=tuple(_notes(own, quantity)))


def _quantity(frame: pd.DataFrame, quantity: str) -> pd.DataFrame:
    prefix = f"{quantity}_"
    own = [name for name in frame.columns if name.startswith(prefix)]
    numbers = frame[own].astype(float).rename(columns=lambda name: name.removeprefix(prefix))
    return frame[["candidate", "note"]].join(numbers)


def _rows(cells: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    return tuple(zip(*cells, strict=True))


def _best(
    cells: Sequence[Sequence[str]], losses: Sequence["Numbers | None"], among: Sequence[int] | None = None
) -> frozenset[tuple[int, int]]:
    """Return the best cell of each column, with those that read the same; none where all do, or there is one row."""
    found: set[tuple[int, int]] = set()
    for column, (texts, loss) in enumerate(zip(cells, losses, strict=True)):
        if loss is None:
            continue
        known = [row for row in (range(len(texts)) if among is None else among) if np.isfinite(loss.iloc[row])]
        best = {texts[row] for row in known if loss.iloc[row] == loss.iloc[known].min()}
        if len({texts[row] for row in known}) > 1:
            found |= {(row, column) for row in known if texts[row] in best}
    return frozenset(found)


def _notes(own: pd.DataFrame, quantity: str) -> Iterator[str]:
    failed = own["predicted_total"].isna()
    if (~failed & own["total_lower_90"].isna()).any():
        yield _NO_FUTURES
    for name, note, missing in zip(own["candidate"], own["note"], failed, strict=True):
        if not pd.isna(note) and (missing or quantity == "purchases"):  # what is true of both stands once
            yield f"{name}: {note}"
        elif missing:
            yield f"{name}: It predicts no {quantity}."


def intervals_table(intervals: pd.DataFrame, quantity: str, baseline: str = "") -> Table:
    """Return a row a candidate: the share of the customers whom the intervals of each level held.

    Parameters
    ----------
    intervals
        ``Comparison.intervals()``.
    quantity
        ``"purchases"``, ``"money"`` or ``"spend given purchases"``.
    baseline
        The row that is no candidate.
    """
    own = intervals[intervals["quantity"] == quantity]
    names = list(dict.fromkeys(own["candidate"]))
    pit, coverage, score = (own.pivot(index="candidate", columns="level", values=c).loc[names] for c in _KINDS)  # noqa: PD010
    digits = decimals(score[0.90])
    levels = [float(level) for level in pit.columns.to_numpy(float)]
    cells = [names, *([percent(value, 1) for value in pit[level]] for level in levels)]
    cells += [[percent(value, 1) for value in coverage[0.90]], [number(value, digits) for value in score[0.90]]]
    losses = [None, *((pit[level] - level).abs() for level in levels), None, score[0.90]]
    candidates = [row for row, name in enumerate(names) if name != baseline]
    muted = frozenset(range(len(names))) - frozenset(candidates)
    return Table((_CANDIDATE, *_interval_columns(levels)), _rows(cells), _best(cells, losses, candidates), muted)


_KINDS = ("pit", "coverage", "score")


def _interval_columns(levels: Iterable[float]) -> Iterator[Column]:
    for level in levels:
        yield Column(percent(level), group="Inside the intervals of a level, by randomised PIT")
    yield from (Column(name, _MEANINGS[name], "At 90 %") for name in ("Raw share", "Score"))


def frequency_table(by_frequency: pd.DataFrame) -> Table:
    """Return the rows of ``Comparison.by_frequency()``: mean purchases that happened and were predicted."""
    names = list(by_frequency.columns[2:])
    cells = [by_frequency["frequency"].tolist(), [number(value) for value in by_frequency["customers"]]]
    cells += [[number(value, 2) for value in by_frequency[name]] for name in names]
    columns = (Column("Repeat purchases before", align="left"), Column("Customers"), Column("Happened"))
    return Table((*columns, *map(Column, names[1:])), _rows(cells))


def glossary(tables: Iterable[Table]) -> dict[str, str]:
    """Return what the headings of some tables mean, each once.

    Examples
    --------
    >>> glossary([Table((Column("Gini", "How well customers are put in order."), Column("Note")), ())])
    {'Gini': 'How well customers are put in order.'}
    """
    columns = [column for table in tables for column in table.columns]
    return {column.heading: column.meaning for column in columns if column.meaning}
