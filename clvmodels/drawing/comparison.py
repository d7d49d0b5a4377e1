"""Plots of a comparison: totals, means by past purchases, coverage, and where customers fell in their forecasts.

``kinds`` says of each candidate how it is drawn: as a "model", a "formula" or a "package".
"""

from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from clvmodels.drawing.style import (
    BACKDROP,
    BAND,
    BAR,
    INK,
    MUTED,
    NARROW,
    WIDE,
    Floats,
    Look,
    canvas,
    clipped,
    look,
    percent_ticks,
    short_ticks,
    styled,
)
from clvmodels.text import change, count, join, number, percent, short

MOST_LINES = 4  # candidates in one plot
_CORNER = 4  # candidates named in the corner of a plot
_LINES = ("-", (0, (4, 1.5)), (0, (1, 1.2)), "-.")  # the first of a kind is solid

Kinds = Mapping[str, str]


@styled
def totals(frame: pd.DataFrame, quantity: str, kinds: Kinds) -> Figure:
    """Return a plot of the candidates' predicted totals, with 90 % intervals where there are some, and the actual one.

    A total beyond twice what happened is an arrow at the edge: its number stands beside it.

    Parameters
    ----------
    frame
        ``Comparison.frame()``; candidates without a prediction are left out.
    quantity
        ``"purchases"`` or ``"money"``.
    """
    names = ["actual_total", "predicted_total", "total_lower_90", "total_upper_90"]
    own = frame[["candidate", *(f"{quantity}_{name}" for name in names)]].set_axis(["candidate", *names], axis=1)
    own = own.dropna(subset="predicted_total").astype(dict.fromkeys(names, float))
    actual = float(own["actual_total"].max())
    label = f"Total {quantity}: {short(actual)} happened, and what {count(len(own), 'candidate')} predicted."
    figure, axes = canvas(WIDE, 0.75 + 0.46 * len(own), label, grid="x")
    highest = float(np.nanmax(own[["predicted_total", "total_upper_90", "actual_total"]].to_numpy()))
    edge = (min(highest, 2 * actual) if actual else highest) * 1.04 or 1.0
    for row, (_, candidate) in enumerate(own.iterrows()):
        _total(axes, row, candidate, look(kinds[candidate["candidate"]]), edge)
    axes.axvline(actual, color=INK, linewidth=1.2, zorder=1.5)
    side, align = (5, "left") if actual < 0.6 * edge else (-5, "right")
    where: Any = {"xytext": (side, 0), "textcoords": "offset points", "ha": align, "va": "center"}
    axes.annotate(f"{short(actual)} happened", (actual, -0.85), **where, fontweight="bold")
    axes.set(xlim=(0, edge), ylim=(len(own) - 0.45, -1.1), yticks=[])
    short_ticks(axes, "x")
    return figure


def _total(axes: Axes, row: int, candidate: "pd.Series[Any]", how: Look, edge: float) -> None:
    predicted = candidate["predicted_total"]
    ends = candidate[["total_lower_90", "total_upper_90"]].to_numpy(float)
    if np.isfinite(ends).all():
        axes.plot(np.minimum(ends, edge), [row, row], color=how.colour, linewidth=5, alpha=0.35, solid_capstyle="butt")
    beyond = predicted > edge
    axes.plot(min(predicted, edge), row, ">" if beyond else how.marker, color=how.colour, markersize=6, clip_on=False)
    text = f"{short(predicted)}  ({change(predicted, candidate['actual_total'])})"
    at = axes.get_yaxis_transform()
    name = clipped(candidate["candidate"], 52)
    axes.text(0, row - 0.32, name, color=how.colour, va="center", transform=at, bbox=BACKDROP)
    axes.text(1, row - 0.32, text, ha="right", va="center", color=INK, transform=at, bbox=BACKDROP)


@styled
def by_frequency(table: pd.DataFrame, kinds: Kinds, most: int = MOST_LINES) -> Figure:
    """Return a plot of mean purchases by the number of past ones: bars happened, lines were predicted.

    Parameters
    ----------
    table
        ``Comparison.by_frequency()``.
    most
        How many candidates: first one of each kind, then others, and none that lies upon another.
    """
    names = distinct(table, kinds, most)
    looks = [look(kinds[name]) for name in names]
    label = f"Mean purchases by number of past repeat purchases: what happened, and what {join(names)} predicted."
    figure, axes = canvas(WIDE, 3.5, label, grid="y")
    x = np.arange(len(table))
    axes.bar(x, table["actual"], width=0.62, color=BAR)
    for name, how, line in zip(names, looks, _lines(looks), strict=True):
        axes.plot(x, table[name], ls=line, marker=how.marker, markersize=4, color=how.colour, linewidth=1.4)
    axes.set(xlabel="repeat purchases before the holdout, and customers", xticks=x)
    axes.set_xticklabels([f"{row.frequency}\n{row.customers:,}" for row in table.itertuples()])
    ends = [(float(table[name].iloc[-1]), name, how) for name, how in zip(names, looks, strict=True)]
    _beside(axes, x[-1] + 0.45, ends)
    axes.text(0.02, 0.97, "bars: what happened", va="top", color=MUTED, transform=axes.transAxes, bbox=BACKDROP)
    short_ticks(axes, "y")
    return figure


def _lines(looks: Sequence[Look]) -> list[Any]:
    """Return a line style for each candidate, so that those of one look differ."""
    return [_LINES[looks[:row].count(how) % len(_LINES)] for row, how in enumerate(looks)]


def distinct(table: pd.DataFrame, kinds: Kinds, most: int = MOST_LINES) -> list[str]:
    """Return the candidates of ``by_frequency`` to draw: one of each kind first, none that lies upon another."""
    candidates = list(table.columns[3:])
    own = [kinds[name] for name in candidates]
    firsts = [candidates[own.index(kind)] for kind in dict.fromkeys(own)]
    reach = 0.03 * float(np.nanmax(table[["actual", *candidates]].to_numpy(float)))
    chosen: list[str] = []
    for name in dict.fromkeys((*firsts, *candidates)):
        apart = all(np.abs(table[name] - table[other]).max() > reach for other in chosen)
        if apart and len(chosen) < most:
            chosen.append(name)
    return sorted(chosen, key=candidates.index)


def _beside(axes: Axes, x: float, ends: Sequence[tuple[float, str, Look]]) -> None:
    """Write names beside the ends of their lines, pushed apart where they would touch."""
    ends = sorted(ends)
    low, high = axes.get_ylim()
    texts = ["\n".join(wrap(clipped(name, 48), 18)) for _, name, _ in ends]
    sizes = [0.05 * (high - low) * (text.count("\n") + 1.2) for text in texts]
    at = _apart([height for height, _, _ in ends], sizes)
    for (_, _, how), text, y in zip(ends, texts, at, strict=True):
        axes.text(x, y, text, color=how.colour, va="center", fontsize=8.5)


def _apart(heights: Sequence[float], sizes: Sequence[float]) -> list[float]:
    """Return sorted heights, moved up as little as it takes for things of these sizes not to overlap.

    Examples
    --------
    >>> _apart([0.0, 0.1, 3.0], [1.0, 1.0, 1.0])
    [0.0, 1.0, 3.0]
    """
    placed: list[float] = []
    for row, height in enumerate(heights):
        lowest = placed[-1] + (sizes[row] + sizes[row - 1]) / 2 if placed else height
        placed.append(max(height, lowest))
    return placed


@styled
def coverage(intervals: pd.DataFrame, quantity: str, kinds: Kinds) -> Figure:
    """Return a plot of the coverage of the intervals of each level.

    Dots are by randomised PIT, rings the raw share; calibrated intervals lie on the diagonal.

    Parameters
    ----------
    intervals
        ``Comparison.intervals()``, without the baseline.
    quantity
        ``"purchases"``, ``"money"`` or ``"spend given purchases"``.
    """
    own = intervals[intervals["quantity"] == quantity]
    label = f"Share of {quantity} inside the intervals of each level; on the diagonal where calibrated."
    figure, axes = canvas(NARROW, 3.3, label, grid="xy")
    levels = sorted(own["level"].unique())
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1)
    groups = list(_alike(own))
    looks = [look(kinds[names[0]]) for names, _ in groups]
    for (_, rows), how, line in zip(groups, looks, _lines(looks), strict=True):
        axes.plot(rows["level"], rows["coverage"], "o", color=how.colour, markersize=5.5, markerfacecolor="none")
        axes.plot(rows["level"], rows["pit"], ls=line, marker=how.marker, color=how.colour, markersize=5.5, lw=1.4)
    lowest = min(float(own[["pit", "coverage"]].to_numpy().min()) - 0.04, 0.35)
    axes.set(xlim=(0.46, 0.99), ylim=(lowest, 1.01), xticks=levels, xlabel="nominal level, %", ylabel="share inside")
    axes.set_xticklabels([number(100 * level) for level in levels])
    percent_ticks(axes, "y")
    _at_ninety(axes, groups, looks)
    return figure


def _at_ninety(axes: Axes, groups: Sequence[tuple[list[str], pd.DataFrame]], looks: Sequence[Look]) -> None:
    """Write in the empty corner below the diagonal what each candidate has at 90 %."""
    lines = [("at nominal 90 %:", MUTED)]
    for (names, rows), how in zip(groups[:_CORNER], looks, strict=False):
        share = float(rows.loc[rows["level"] == 0.90, "pit"].iloc[0])
        lines.append((f"{clipped(join(names), 24)} {percent(share, 1)}", how.colour))
    for row, (text, colour) in enumerate(reversed(lines)):
        axes.text(0.98, 0.04 + 0.075 * row, text, color=colour, ha="right", transform=axes.transAxes, bbox=BACKDROP)


def _alike(own: pd.DataFrame) -> Iterator[tuple[list[str], pd.DataFrame]]:
    """Yield the rows of each candidate once, with the names of all that have the same."""
    groups: dict[tuple[float, ...], list[str]] = {}
    for name, rows in own.groupby("candidate", sort=False):
        groups.setdefault(tuple(rows["pit"]), []).append(str(name))
    for names in groups.values():
        yield names, own[own["candidate"] == names[0]].sort_values("level")


@styled
def pit_histogram(shares: Floats, edges: Floats) -> Figure:
    """Return a histogram of the randomised PIT, which is level where the forecast is calibrated.

    High ends mean intervals too narrow; a high middle, too wide; a slope, predictions too low or too high.

    Parameters
    ----------
    shares
        Share of the PIT in each bin, ``(bins,)``.
    edges
        Of the bins, from 0 to 1, ``(bins + 1,)``.
    """
    label = f"Randomised PIT in {len(shares)} bins: {percent(shares.min(), 1)} to {percent(shares.max(), 1)} a bin."
    figure, axes = canvas(NARROW, 2.3, label, grid="y")
    axes.bar(edges[:-1], shares, width=np.diff(edges) * 0.9, align="edge", color=BAND)
    even = 1 / len(shares)
    axes.axhline(even, color=INK, linewidth=1.2)
    axes.set(
        xlim=(0, 1),
        xticks=(0.25, 0.5, 0.75),
        ylim=(0, max(1.25 * shares.max(), 1.6 * even)),
        xlabel="where what happened fell in the forecast",
    )
    axes.text(1, 0.97, "line: calibrated", ha="right", va="top", color=MUTED, transform=axes.transAxes)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    percent_ticks(axes, "x")
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda value, _: percent(value, 0 if value * 100 == round(value * 100) else 1))
    )
    return figure
