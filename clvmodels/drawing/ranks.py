"""Plots of calibrations: the ranks of all quantities of a model and a method in one panel, as ``plots`` looks."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from clvmodels.evaluation.calibration import Calibration
from clvmodels.evaluation.uniformity import band, counts_below
from clvmodels.models.protocols import Floats
from clvmodels.report.plots import BACKDROP, BAND, INK, MODEL, MUTED, PALETTE, percent_ticks, styled
from clvmodels.text import count, join

_PANEL = (2.2, 1.75)  # inches
_APART = 0.08  # of a panel, so that the last tick of one does not touch the first of the next
_ACROSS = 5  # panels in a row, at most
_ALARM = PALETTE["formula"]
_LEVEL = 0.95


@styled
def rank_plots(calibrations: Sequence[Calibration]) -> Figure:
    """Draw how far the distribution of the ranks is from even: a panel a calibration, a line a quantity.

    The band holds the whole line of a calibrated quantity with a probability of 95 %. Lines that leave it are
    thick and named. Draws too narrow bend a line up first and then down, draws too wide down and then up; draws too
    high stay above, draws too low below.

    Parameters
    ----------
    calibrations
        In the order of the panels; those of one method together, so that each method has rows of its own.
    """
    rows = _rows(calibrations)
    across = max(map(len, rows))
    size = (_PANEL[0] * across + 0.3, _PANEL[1] * len(rows) + 0.3)
    figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(wspace=_APART), label=_said(calibrations))
    panels = figure.subplots(len(rows), across, squeeze=False, sharex=True, sharey=True)
    for row, line in zip(panels, rows, strict=True):
        for axes in row[len(line) :]:
            axes.set_axis_off()
        for axes, calibration in zip(row, line, strict=False):
            _panel(axes, calibration)
    for axes in panels[:, 0]:
        axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:+.0f} %" if value else "0"))
    figure.supxlabel("rank of the true value among the draws", fontsize=8.5, color=MUTED)
    figure.supylabel("share of ranks below, less the even share", fontsize=8.5, color=MUTED)
    return figure


def outside(calibration: Calibration) -> tuple[str, ...]:
    """Return the quantities whose ranks leave the band, of which one in twenty may by chance."""
    bounds, steps = band(len(calibration.ranks), calibration.among, _LEVEL), _steps(calibration)
    left = np.any((steps < bounds.lower) | (steps > bounds.upper), axis=1).tolist()
    return tuple(name for name, out in zip(calibration.quantities, left, strict=True) if out)


def _rows(calibrations: Sequence[Calibration]) -> list[list[Calibration]]:
    """Begin a row with each method, and where one is full."""
    rows: list[list[Calibration]] = []
    for one in calibrations:
        if not rows or len(rows[-1]) == _ACROSS or _method(rows[-1][-1]) != _method(one):
            rows.append([])
        rows[-1].append(one)
    return rows


def _panel(axes: Axes, calibration: Calibration) -> None:
    runs, most = len(calibration.ranks), calibration.among
    bounds, even = band(runs, most, _LEVEL), np.arange(1, most + 1) / (most + 1)
    axes.fill_between(
        _closed(even, 1.0), _closed(bounds.lower / runs - even), _closed(bounds.upper / runs - even), color=BAND, lw=0
    )
    axes.axhline(0, color=MUTED, linewidth=0.8)
    out = outside(calibration)
    for name, steps in zip(calibration.quantities, _steps(calibration), strict=True):
        look: Any = {"color": _ALARM, "linewidth": 1.6} if name in out else {"color": MODEL, "linewidth": 0.9}
        axes.plot(_closed(even, 1.0), _closed(steps / runs - even), **look)
    axes.set_title(f"{calibration.model}, {_method(calibration)}", fontsize=9, color=INK, loc="left", pad=3)
    axes.set(xlim=(0, 1), xticks=(0, 0.5, 1))
    percent_ticks(axes, "x")
    for row, name in enumerate(out):
        where: Any = {"ha": "right", "va": "top", "transform": axes.transAxes, "fontsize": 8}
        axes.text(0.98, 0.98 - 0.11 * row, name, color=_ALARM, bbox=BACKDROP, **where)


def _steps(calibration: Calibration) -> NDArray[np.int64]:
    """Return the numbers of ranks below 1, 2, ..., shape ``(quantities, among)``."""
    return np.stack([counts_below(ranks, calibration.among) for ranks in calibration.ranks.T])


def _closed(values: Floats, last: float = 0.0) -> Floats:
    return np.concatenate([[0.0], values, [last]])


def _method(calibration: Calibration) -> str:
    return calibration.method.partition("(")[0]


def _said(calibrations: Sequence[Calibration]) -> str:
    panels = [f"{one.model} by {_method(one)}" for one in calibrations]
    out = [f"{name} of {panel}" for panel, one in zip(panels, calibrations, strict=True) for name in outside(one)]
    lines = count(sum(len(one.quantities) for one in calibrations), "line")
    left = f"Outside the 95 % band: {join(out)}." if out else "All stay inside their 95 % bands."
    return f"Distribution of ranks less the even one, {lines}: {join(panels)}. {left}"
