"""The report of how a log was cleaned: what came in, what each rule took out, what is left."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from textwrap import wrap
from typing import Any

import pandas as pd

from clvmodels.text import count, number

_LINE = 110  # characters a line of the text report
_MARKS = {"came in": "", "taken out": "- ", "left": "= ", "note": "note: "}


@dataclass(frozen=True)
class Tally:
    """Rows, customers and money; ``money`` is ``None`` where the log has no amounts."""

    rows: int
    customers: int
    money: float | None = None

    def __add__(self, other: "Tally") -> "Tally":
        """Return the tally of two disjoint parts of a base: no customer is in both."""
        money = None if self.money is None and other.money is None else (self.money or 0.0) + (other.money or 0.0)
        return Tally(self.rows + other.rows, self.customers + other.customers, money)

    def __sub__(self, other: "Tally") -> "Tally":
        """Return what is left when ``other`` is taken away."""
        money = None if self.money is None else self.money - (other.money or 0.0)
        return Tally(self.rows - other.rows, self.customers - other.customers, money)


@dataclass(frozen=True)
class Rule:
    """One cleaning rule: its short name, what it did in a sentence, and how much it touched."""

    name: str
    sentence: str
    tally: Tally


@dataclass(frozen=True)
class CleaningReport:
    """What came in, what each rule took out, what is left, and what is worth knowing.

    Reports of parts of a base that have no customer in common add up with ``+``.

    Attributes
    ----------
    came_in
        The table as it was handed in. Money is the sum of all amounts, returns included.
    taken_out
        The rules that took something out, in the order in which they were applied. A customer is taken out by the
        rule after which none of its rows is left.
    left
        What is counted: ``rows`` are the purchases that are left.
    notes
        What was seen in the table that came in and changed nothing.

    Examples
    --------
    >>> report = CleaningReport(Tally(3, 2, 9.0), (Rule("merged", "Same day.", Tally(1, 0, 0.0)),), Tally(2, 2, 9.0))
    >>> report.unaccounted
    Tally(rows=0, customers=0, money=0.0)
    """

    came_in: Tally
    taken_out: tuple[Rule, ...]
    left: Tally
    notes: tuple[Rule, ...] = ()

    @property
    def unaccounted(self) -> Tally:
        """What neither a rule took out nor is left: zeros, up to the rounding of sums of money."""
        rest = self.came_in
        for rule in self.taken_out:
            rest = rest - rule.tally
        return rest - self.left

    def __add__(self, other: "CleaningReport") -> "CleaningReport":
        """Return the report of two disjoint parts of a base; rules of one name and one sentence are one rule."""
        return CleaningReport(
            self.came_in + other.came_in,
            _add_rules(self.taken_out, other.taken_out),
            self.left + other.left,
            _add_rules(self.notes, other.notes),
        )

    def frame(self) -> pd.DataFrame:
        """Return a row a line of the report: ``kind, name, rows, customers, money, sentence``."""
        return pd.DataFrame(self.records())

    def records(self) -> list[dict[str, Any]]:
        """Return the rows of ``frame()``, each by the names of its columns; money is ``None`` where there is none."""
        return [
            {"kind": kind, "name": rule.name, **vars(rule.tally), "sentence": rule.sentence}
            for kind, rule in self._lines()
        ]

    def short(self) -> str:
        """Return the report in a line or two: what came in, what was taken out, what is left and what was noted.

        Examples
        --------
        >>> report = CleaningReport(Tally(3, 2), (Rule("merged", "Same day.", Tally(1, 0)),), Tally(2, 2))
        >>> print(report.short())
        3 rows of 2 customers came in (taken out: merged 1); 2 purchases of 2 customers are left.
        """
        out = f" (taken out: {', '.join(map(_many, self.taken_out))})" if self.taken_out else ""
        worth = "" if self.left.money is None else f" worth {number(round(self.left.money, 2), 2)}"
        what = (
            f"{count(self.came_in.rows, 'row')} of {count(self.came_in.customers, 'customer')} came in{out}; "
            f"{count(self.left.rows, 'purchase')} of {count(self.left.customers, 'customer')}{worth} are left."
        )
        return f"{what}\nNoted: {', '.join(map(_many, self.notes))}." if self.notes else what

    def __str__(self) -> str:
        table = [("", "rows", "customers", "money", ""), *self._cells()]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines: list[str] = []
        for name, *numbers, sentence in table:
            start = "  ".join([name.ljust(widths[0]), *map(str.rjust, numbers, widths[1:4]), ""])
            indent = " " * len(start)
            lines += wrap(sentence, max(_LINE, len(start) + 30), initial_indent=start, subsequent_indent=indent) or [
                start
            ]
        return "\n".join(map(str.rstrip, lines))

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{name}</th>" for name in ("", "rows", "customers", "money", ""))
        sides = ("left", "right", "right", "right", "left")
        body = [
            [f'<td style="text-align:{side}">{escape(cell)}</td>' for side, cell in zip(sides, row, strict=True)]
            for row in self._cells()
        ]
        rows = "".join(f"<tr>{''.join(row)}</tr>" for row in body)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"

    def _lines(self) -> list[tuple[str, Rule]]:
        return [
            ("came in", Rule("came in", "The table as it was handed in.", self.came_in)),
            *(("taken out", rule) for rule in self.taken_out),
            ("left", Rule("left", "Purchases that are counted, and their customers.", self.left)),
            *(("note", rule) for rule in self.notes),
        ]

    def _cells(self) -> list[tuple[str, ...]]:
        return [
            (
                _MARKS[kind] + rule.name,
                number(rule.tally.rows),
                number(rule.tally.customers),
                # Rounded first, so that a rounded difference is a plain zero.
                "" if rule.tally.money is None else number(round(rule.tally.money, 2), 2),
                rule.sentence,
            )
            for kind, rule in self._lines()
        ]


def _many(rule: Rule) -> str:
    return f"{rule.name} {number(rule.tally.rows)}"


def _add_rules(*parts: Sequence[Rule]) -> tuple[Rule, ...]:
    """Return the rules of all parts, each once; one that only a later part has keeps its place before its next."""
    tallies: dict[tuple[str, str], Tally] = {}
    order: list[tuple[str, str]] = []
    for part in parts:
        place = len(order)
        for rule in reversed(part):
            key = (rule.name, rule.sentence)
            if key in tallies:
                place, tallies[key] = order.index(key), tallies[key] + rule.tally
            else:
                order.insert(place, key)
                tallies[key] = rule.tally
    return tuple(Rule(*key, tallies[key]) for key in order)
