"""Plots for a report: each takes a table or arrays and returns a figure; ``to_svg`` makes it part of a page.

Figures are built without pyplot, so nothing global is changed and no window opens. Colour, marker and label always say
the same thing, so the plots survive a grey printer and colour-blind eyes.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from io import StringIO
from textwrap import wrap
from typing import Any, NamedTuple, ParamSpec, TypeVar

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from clvmodels.evaluation.score import PIT_EDGES, Score
from clvmodels.prediction.totals import Total
from clvmodels.report.tables import most_valuable
from clvmodels.text import change, count, join, number, percent, short

Floats = NDArray[np.float64]
P = ParamSpec("P")
R = TypeVar("R")

# The names are CSS variables in a page, where a dark screen gives them other values.
PALETTE = {
    "ink": "#1b2530",
    "muted": "#66717e",
    "grid": "#e2e6eb",
    "bar": "#d3d9e0",
    "model": "#1c62a9",
    "band": "#a9c8e8",
    "package": "#84459b",
    "formula": "#a9650a",
    "paper": "#fefefe",
}
INK, MUTED, GRID, BAR = (PALETTE[name] for name in ("ink", "muted", "grid", "bar"))
MODEL, BAND, PAPER = (PALETTE[name] for name in ("model", "band", "paper"))

_STYLE: Mapping[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "text.parse_math": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "clvmodels",
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 8.5,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
}
_CORNER = 4  # candidates named in the corner of a plot
MOST_LINES = 4  # candidates in one plot
WIDE, MIDDLE, NARROW = 4.5, 3.8, 3.5  # inches; each fits a phone


BACKDROP: Mapping[str, Any] = {"facecolor": PAPER, "edgecolor": "none", "pad": 0.8, "alpha": 0.85}
_LINES = ("-", (0, (4, 1.5)), (0, (1, 1.2)), "-.")  # the first of a kind is solid


class Kind(NamedTuple):
    """How a kind of candidate is drawn."""

    colour: str
    marker: str


_MODEL = Kind(MODEL, "o")
_PACKAGE = Kind(PALETTE["package"], "D")
_FORMULA = Kind(PALETTE["formula"], "s")


def kind(candidate: str) -> Kind:
    """Return how a candidate is drawn: models, the simple formula and other packages differ in colour and marker.

    Examples
    --------
    >>> kind("simple formula (gap 17 weeks)").marker, kind("BG/NBD").marker, kind("lifetimes BG/NBD").marker
    ('s', 'o', 'D')
    """
    if candidate.startswith("simple formula"):
        return _FORMULA
    return _PACKAGE if candidate.startswith("lifetimes") else _MODEL


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Run a function in the style of this module, whatever style the caller has set."""

    @wraps(draw)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with mpl.rc_context():
            mpl.rcdefaults()
            mpl.rcParams.update(_STYLE)  # type: ignore[arg-type]  # the stubs list literal keys
            return draw(*args, **kwargs)

    return run


def canvas(width: float, height: float, label: str, grid: str = "") -> tuple[Figure, Axes]:
    """Return a figure of a size in inches with one empty plot, its text for those who cannot see it, and grid lines."""
    figure = Figure(figsize=(width, height), layout="constrained", label=label)
    axes = figure.add_subplot()
    for axis in grid:
        (axes.xaxis if axis == "x" else axes.yaxis).grid(visible=True)
    return figure, axes


def short_ticks(axes: Axes, axis: str, ticks: int = 5) -> None:
    """Write the numbers of an axis short: 1.2 million, and not 1200000."""
    which = axes.xaxis if axis == "x" else axes.yaxis
    which.set_major_locator(MaxNLocator(ticks, steps=[1, 2, 2.5, 5, 10]))
    which.set_major_formatter(FuncFormatter(lambda value, _: short(value).removesuffix(".00").removesuffix(".0")))


def percent_ticks(axes: Axes, axis: str) -> None:
    """Write the shares of an axis in percent."""
    which = axes.xaxis if axis == "x" else axes.yaxis
    which.set_major_formatter(FuncFormatter(lambda value, _: percent(value)))


@styled
def totals(frame: pd.DataFrame, quantity: str) -> Figure:
    """Draw each candidate's total against what happened, with the 90 % interval where it has one.

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
    own = own.dropna(subset="predicted_total").astype(dict.fromkeys(names, float)).reset_index(drop=True)
    actual = float(own["actual_total"].max())
    label = f"Total {quantity}: {short(actual)} happened, and what {count(len(own), 'candidate')} predicted."
    figure, axes = canvas(WIDE, 0.75 + 0.46 * len(own), label, grid="x")
    edge = _edge(own, actual)
    for row, candidate in own.iterrows():
        _total(axes, float(row), candidate, edge)  # type: ignore[arg-type]  # the index is 0, 1, ...
    _actual(axes, actual, edge)
    axes.set(xlim=(0, edge), ylim=(len(own) - 0.45, -1.1), yticks=[])
    short_ticks(axes, "x")
    return figure


def _edge(own: pd.DataFrame, actual: float) -> float:
    highest = float(np.nanmax(own[["predicted_total", "total_upper_90", "actual_total"]].to_numpy()))
    return (min(highest, 2 * actual) if actual else highest) * 1.04 or 1.0


def _total(axes: Axes, row: float, candidate: "pd.Series[Any]", edge: float) -> None:
    look, predicted = kind(candidate["candidate"]), candidate["predicted_total"]
    ends = candidate[["total_lower_90", "total_upper_90"]].to_numpy(float)
    if np.isfinite(ends).all():
        axes.plot(np.minimum(ends, edge), [row, row], color=look.colour, linewidth=5, alpha=0.35, solid_capstyle="butt")
    beyond = predicted > edge
    axes.plot(min(predicted, edge), row, ">" if beyond else look.marker, color=look.colour, markersize=6, clip_on=False)
    text = f"{short(predicted)}  ({change(predicted, candidate['actual_total'])})"
    at = axes.get_yaxis_transform()
    name = _clipped(candidate["candidate"], 52)
    axes.text(0, row - 0.32, name, color=look.colour, va="center", transform=at, bbox=BACKDROP)
    axes.text(1, row - 0.32, text, ha="right", va="center", color=INK, transform=at, bbox=BACKDROP)


def _actual(axes: Axes, actual: float, edge: float) -> None:
    axes.axvline(actual, color=INK, linewidth=1.2, zorder=1.5)
    side, align = (5, "left") if actual < 0.6 * edge else (-5, "right")
    where: Any = {"xytext": (side, 0), "textcoords": "offset points", "ha": align, "va": "center"}
    axes.annotate(f"{short(actual)} happened", (actual, -0.85), **where, fontweight="bold")


@styled
def by_frequency(table: pd.DataFrame, most: int = MOST_LINES) -> Figure:
    """Draw mean purchases by the number of past ones: bars happened, lines were predicted.

    Parameters
    ----------
    table
        ``Comparison.by_frequency()``.
    most
        How many candidates: first one of each kind, then others, and none that lies upon another.
    """
    names = distinct(table, most)
    label = f"Mean purchases by number of past repeat purchases: what happened, and what {join(names)} predicted."
    figure, axes = canvas(WIDE, 3.5, label, grid="y")
    x = np.arange(len(table))
    axes.bar(x, table["actual"], width=0.62, color=BAR)
    for name, line in zip(names, _lines(names), strict=True):
        look = kind(name)
        axes.plot(x, table[name], ls=line, marker=look.marker, markersize=4, color=look.colour, linewidth=1.4)
    axes.set(xlabel="repeat purchases before the holdout, and customers", xticks=x)
    axes.set_xticklabels([f"{row.frequency}\n{row.customers:,}" for row in table.itertuples()])
    _beside(axes, x[-1] + 0.45, {name: float(table[name].iloc[-1]) for name in names})
    axes.text(0.02, 0.97, "bars: what happened", va="top", color=MUTED, transform=axes.transAxes, bbox=BACKDROP)
    short_ticks(axes, "y")
    return figure


def _lines(names: Sequence[str]) -> list[Any]:
    """Return a line style for each candidate, so that those of one kind differ."""
    kinds = [kind(name) for name in names]
    return [_LINES[kinds[:row].count(kinds[row]) % len(_LINES)] for row in range(len(names))]


def distinct(table: pd.DataFrame, most: int) -> list[str]:
    """Return the candidates of ``by_frequency`` to draw: one of each kind first, none that lies upon another."""
    candidates = list(table.columns[3:])
    kinds = [(*kind(name), "per customer" in name) for name in candidates]
    firsts = [name for row, name in enumerate(candidates) if kinds[row] not in kinds[:row]]
    reach = 0.03 * float(np.nanmax(table[["actual", *candidates]].to_numpy(float)))
    chosen: list[str] = []
    for name in dict.fromkeys((*firsts, *candidates)):
        apart = all(np.abs(table[name] - table[other]).max() > reach for other in chosen)
        if apart and len(chosen) < most:
            chosen.append(name)
    return sorted(chosen, key=candidates.index)


def _beside(axes: Axes, x: float, heights: Mapping[str, float]) -> None:
    """Write names beside the ends of their lines, pushed apart where they would touch."""
    names = sorted(heights, key=lambda name: heights[name])
    low, high = axes.get_ylim()
    texts = [_wrapped(name) for name in names]
    sizes = [0.05 * (high - low) * (text.count("\n") + 1.2) for text in texts]
    at = _apart([heights[name] for name in names], sizes)
    for name, text, y in zip(names, texts, at, strict=True):
        axes.text(x, y, text, color=kind(name).colour, va="center", fontsize=8.5)


def _wrapped(name: str) -> str:
    return "\n".join(wrap(_clipped(name, 48), 18))


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
def coverage(intervals: pd.DataFrame, quantity: str) -> Figure:
    """Draw how much the intervals of each level held: dots by randomised PIT, rings the raw share, the line is ideal.

    Parameters
    ----------
    intervals
        ``Comparison.intervals()``, without the yardstick.
    quantity
        ``"purchases"``, ``"money"`` or ``"spend given purchases"``.
    """
    own = intervals[intervals["quantity"] == quantity]
    label = f"Share of {quantity} inside the intervals of each level; on the diagonal where calibrated."
    figure, axes = canvas(NARROW, 3.3, label, grid="xy")
    levels = sorted(own["level"].unique())
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1)
    groups = list(_alike(own))
    for (names, rows), line in zip(groups, _lines([names[0] for names, _ in groups]), strict=True):
        look = kind(names[0])
        axes.plot(rows["level"], rows["coverage"], "o", color=look.colour, markersize=5.5, markerfacecolor="none")
        axes.plot(rows["level"], rows["pit"], ls=line, marker=look.marker, color=look.colour, markersize=5.5, lw=1.4)
    lowest = min(float(own[["pit", "coverage"]].to_numpy().min()) - 0.04, 0.35)
    axes.set(xlim=(0.46, 0.99), ylim=(lowest, 1.01), xticks=levels, xlabel="nominal level, %", ylabel="share inside")
    axes.set_xticklabels([number(100 * level) for level in levels])
    percent_ticks(axes, "y")
    _at_ninety(axes, groups)
    return figure


def _at_ninety(axes: Axes, groups: Sequence[tuple[list[str], pd.DataFrame]]) -> None:
    """Write in the empty corner below the diagonal what each candidate has at 90 %."""
    lines = [("at nominal 90 %:", MUTED)]
    for names, rows in groups[:_CORNER]:
        share = float(rows.loc[rows["level"] == 0.90, "pit"].iloc[0])
        lines.append((f"{_clipped(join(names), 24)} {percent(share, 1)}", kind(names[0]).colour))
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
def pit_histogram(score: Score) -> Figure:
    """Draw the distribution of the randomised PIT: level where the forecast is calibrated.

    High ends mean intervals too narrow; a high middle, too wide; a slope, predictions too low or too high.
    """
    shares = np.asarray(score.pit)
    label = f"Randomised PIT in {len(shares)} bins: {percent(shares.min(), 1)} to {percent(shares.max(), 1)} a bin."
    figure, axes = canvas(NARROW, 2.3, label, grid="y")
    axes.bar(PIT_EDGES[:-1], shares, width=np.diff(PIT_EDGES) * 0.9, align="edge", color=BAND)
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


@styled
def concentration(values: Floats) -> Figure:
    """Draw the share of the value that the most valuable customers bring; ``values`` of shape ``(customers,)``."""
    share, brought = lorenz(values)
    marks = [mark for mark in (0.1, 0.2, 0.5) if mark * len(values) >= 1]
    texts = [f"top {percent(mark)}: {percent(np.interp(mark, share, brought))}" for mark in marks]
    label = "Share of the expected value by share of customers, most valuable first. " + ", ".join(texts)
    figure, axes = canvas(WIDE, 3.5, label, grid="xy")
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1)
    axes.text(0.73, 0.68, "if all were alike", color=MUTED, fontsize=8.5, ha="left", va="top")
    axes.fill_between(share, share, brought, color=BAND, alpha=0.35, linewidth=0)
    axes.plot(share, brought, color=MODEL, linewidth=1.8)
    for mark, text in zip(marks, texts, strict=True):
        y = float(np.interp(mark, share, brought))
        axes.plot(mark, y, "o", color=MODEL, markersize=5.5)
        axes.annotate(text, (mark, y), xytext=(8, -4), textcoords="offset points", va="top", fontweight="bold")
    axes.set(
        xlim=(0, 1),
        xticks=np.arange(0.2, 1.1, 0.2),
        ylim=(0, 1.02),
        xlabel="share of customers, most valuable first",
        ylabel="share of the value",
    )
    percent_ticks(axes, "x")
    percent_ticks(axes, "y")
    return figure


def lorenz(values: Floats) -> tuple[Floats, Floats]:
    """Return the share of customers, most valuable first, and the share of the value that they bring.

    Examples
    --------
    >>> share, brought = lorenz(np.array([1.0, 3.0]))
    >>> share.tolist(), brought.tolist()
    ([0.0, 0.5, 1.0], [0.0, 0.75, 1.0])
    """
    ordered = np.sort(values)[::-1]
    total = ordered.sum() or 1.0
    return np.linspace(0, 1, len(values) + 1), np.append(0.0, np.minimum(ordered.cumsum() / total, 1.0))


@styled
def customers(frame: pd.DataFrame, most: int = 20) -> Figure:
    """Draw the most valuable customers: expected value, and 90 % interval of the realised value where there is one.

    Parameters
    ----------
    frame
        ``Valuation.frame()``.
    most
        How many customers.
    """
    top = most_valuable(frame, most)
    label = f"The {len(top)} most valuable customers: expected value and 90 % interval of the realised value."
    figure, axes = canvas(MIDDLE, 0.8 + 0.24 * len(top), label, grid="x")
    y = np.arange(len(top))
    if "clv_lower" in top:
        axes.hlines(y, top["clv_lower"], top["clv_upper"], color=BAND, linewidth=4.5)
        axes.plot(top["clv_median"], y, "|", color=MODEL, markersize=8, markeredgewidth=1.4)
    axes.plot(top["clv_mean"], y, "o", color=MODEL, markersize=5)
    axes.set(ylim=(len(top) - 0.4, -0.6), yticks=y, xlabel="value of a customer")
    axes.set_yticklabels([_clipped(str(name)) for name in top["customer_id"]])
    axes.set_xlim(left=min(0.0, axes.get_xlim()[0]) if top["clv_mean"].min() < 0 else 0.0)
    short_ticks(axes, "x")
    return figure


def _clipped(name: str, most: int = 18) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"


@styled
def future_total(total: Total) -> Figure:
    """Draw what the whole base may really bring, with the 90 % intervals of the realised and of the expected sum."""
    low, high = total.interval(0.90)
    label = (
        f"Simulated totals of the whole base: mean {short(total.mean)}, 90 % between {short(low)} and {short(high)}."
    )
    figure, axes = canvas(WIDE, 3.1, label)
    heights, edges = np.histogram(np.asarray(total.realised), bins=30)
    middle = (edges[1:] + edges[:-1]) / 2
    inside = (middle >= low) & (middle <= high)
    for which, colour in ((inside, BAND), (~inside, BAR)):
        axes.bar(edges[:-1][which], heights[which], np.diff(edges)[which] * 0.92, align="edge", color=colour)
    top = float(heights.max())
    axes.plot([total.mean, total.mean], [0, 1.06 * top], color=INK, linewidth=1.2)
    axes.text(total.mean, 1.08 * top, f"expected {short(total.mean)}", ha="center", va="bottom", fontweight="bold")
    _bracket(axes, low, high, -0.1 * top, "realised total")
    if total.uncertain:
        _bracket(axes, *total.expected_interval(0.90), -0.36 * top, "expected total")
    axes.set(yticks=[], ylim=((-0.62 if total.uncertain else -0.36) * top, 1.25 * top))
    short_ticks(axes, "x")
    return figure


def _bracket(axes: Axes, low: float, high: float, y: float, name: str) -> None:
    axes.plot([low, high], [y, y], color=MODEL, linewidth=1.6, marker="|", markersize=7)
    axes.annotate(
        f"90 % of the {name}: {short(low)} to {short(high)}",
        ((low + high) / 2, y),
        xytext=(0, -5),
        textcoords="offset points",
        ha="center",
        va="top",
        fontsize=8.5,
        color=MODEL,
    )


@styled
def to_svg(figure: Figure) -> str:
    """Return a figure as SVG for the inside of a page: equal figures give equal text, and ids that are its own.

    Colours are CSS variables with a fallback, so that a page may change them; text stays text, in the page's font.
    """
    buffer = StringIO()
    figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    return _inline(buffer.getvalue(), str(figure.get_label()))


def _inline(svg: str, label: str) -> str:
    svg = re.sub(
        r"<metadata>.*?</metadata>|<!--.*?-->|<style.*?</style>", "", svg[svg.index("<svg") :], flags=re.DOTALL
    )
    svg = _own_ids(svg, hashlib.blake2b(svg.encode(), digest_size=4).hexdigest())
    for name, colour in PALETTE.items():
        svg = svg.replace(colour, f"var(--{name}, {colour})")
    box = re.search(r'viewBox="[^"]*"', svg)
    title = f"<title>{_escaped(label)}</title>"
    style = "stroke-linejoin: round; stroke-linecap: butt"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" {box and box[0]}'
    opened = f'{head} role="img" aria-label="{_escaped(label)}" style="{style}">{title}'
    return re.sub(r"\n\s*", "\n", opened + svg[svg.index(">") + 1 :])


def _own_ids(svg: str, name: str) -> str:
    """Keep the ids that something refers to, with a name of this figure before them."""
    used = set(re.findall(r'(?:url\(|href=")#([^")]+)', svg))
    svg = re.sub(r' id="([^"]+)"', lambda found: f' id="f{name}-{found[1]}"' if found[1] in used else "", svg)
    return re.sub(r'(url\(|href=")#', rf"\1#f{name}-", svg)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
