"""Plots of simulation-based calibration: the ranks of all quantities of a model and a method in one panel."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from clvmodels.drawing.style import BACKDROP, BAND, INK, MODEL, MUTED, PALETTE, Floats, percent_ticks, styled
from clvmodels.text import count, join

_PANEL = (2.2, 1.75)  # inches
_APART = 0.08  # of a panel, so that the last tick of one does not touch the first of the next
_ACROSS = 5  # panels in a row, at most
_ALARM = PALETTE["formula"]

Counts = NDArray[np.int64]


class RankPanel(NamedTuple):
    """How many true values ranked below 1, ..., L among the L draws of a method, in many runs.

    Attributes
    ----------
    model, method
        What stands above the panel.
    quantities
        What was ranked.
    runs
        How many.
    below
        The numbers of ranks below 1, ..., L, ``(quantities, L)``.
    lower, upper
        What these keep to, all at once, with a probability of 95 % where the method is calibrated, each ``(L,)``.
    """

    model: str
    method: str
    quantities: tuple[str, ...]
    runs: int
    below: Counts
    lower: Counts
    upper: Counts

    @property
    def outside(self) -> tuple[str, ...]:
        """The quantities whose ranks leave the band; of calibrated ones, one in twenty does."""
        left = np.any((self.below < self.lower) | (self.below > self.upper), axis=1).tolist()
        return tuple(name for name, out in zip(self.quantities, left, strict=True) if out)


@styled
def rank_plots(panels: Sequence[RankPanel]) -> Figure:
    """Return plots of the ranks' distribution less the uniform one: a panel a calibration, a line a quantity.

    The band holds the whole line of a calibrated quantity with a probability of 95 %. Lines that leave it are
    thick and named. Draws too narrow bend a line up first and then down, draws too wide down and then up; draws too
    high stay above, draws too low below.

    Parameters
    ----------
    panels
        In their order; those of one method together, so that each method has rows of its own.
    """
    rows = _rows(panels)
    across = max(map(len, rows))
    size = (_PANEL[0] * across + 0.3, _PANEL[1] * len(rows) + 0.3)
    figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(wspace=_APART), label=_said(panels))
    grid = figure.subplots(len(rows), across, squeeze=False, sharex=True, sharey=True)
    for line, row in zip(grid, rows, strict=True):
        for axes in line[len(row) :]:
            axes.set_axis_off()
        for axes, panel in zip(line, row, strict=False):
            _draw(axes, panel)
    for axes in grid[:, 0]:
        axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:+.0f} %" if value else "0"))
    figure.supxlabel("rank of the true value among the draws", fontsize=8.5, color=MUTED)
    figure.supylabel("share of ranks below, less the even share", fontsize=8.5, color=MUTED)
    return figure


def _rows(panels: Sequence[RankPanel]) -> list[list[RankPanel]]:
    """Begin a row with each method, and where one is full."""
    rows: list[list[RankPanel]] = []
    for panel in panels:
        if not rows or len(rows[-1]) == _ACROSS or rows[-1][-1].method != panel.method:
            rows.append([])
        rows[-1].append(panel)
    return rows


def _draw(axes: Axes, panel: RankPanel) -> None:
    most = len(panel.lower)
    even = np.arange(1, most + 1) / (most + 1)
    lower, upper = (_closed(bound / panel.runs - even) for bound in (panel.lower, panel.upper))
    axes.fill_between(_closed(even, 1.0), lower, upper, color=BAND, lw=0)
    axes.axhline(0, color=MUTED, linewidth=0.8)
    for name, below in zip(panel.quantities, panel.below, strict=True):
        alarming = name in panel.outside
        look: Any = {"color": _ALARM, "linewidth": 1.6} if alarming else {"color": MODEL, "linewidth": 0.9}
        axes.plot(_closed(even, 1.0), _closed(below / panel.runs - even), **look)
    axes.set_title(f"{panel.model}, {panel.method}", fontsize=9, color=INK, loc="left", pad=3)
    axes.set(xlim=(0, 1), xticks=(0, 0.5, 1))
    percent_ticks(axes, "x")
    for row, name in enumerate(panel.outside):
        where: Any = {"ha": "right", "va": "top", "transform": axes.transAxes, "fontsize": 8}
        axes.text(0.98, 0.98 - 0.11 * row, name, color=_ALARM, bbox=BACKDROP, **where)


def _closed(values: Floats, last: float = 0.0) -> Floats:
    return np.concatenate([[0.0], values, [last]])


def _said(panels: Sequence[RankPanel]) -> str:
    names = [f"{panel.model} by {panel.method}" for panel in panels]
    out = [f"{quantity} of {name}" for name, panel in zip(names, panels, strict=True) for quantity in panel.outside]
    lines = count(sum(len(panel.quantities) for panel in panels), "line")
    left = f"Outside the 95 % band: {join(out)}." if out else "All stay inside their 95 % bands."
    return f"Distribution of ranks less the even one, {lines}: {join(names)}. {left}"
