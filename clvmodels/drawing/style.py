"""The look that all plots share: palette, canvas, ticks, and how each kind of candidate is drawn.

Figures are built without pyplot, so nothing global is changed and no window opens. Colour, marker and label always say
the same thing, so the plots survive a grey printer and colour-blind eyes.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, NamedTuple, ParamSpec, TypeVar

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from clvmodels.text import percent, short

Floats = NDArray[np.float64]
Picture = Figure  # what a plot returns, for rooms that pass it on and do without Matplotlib
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
WIDE, MIDDLE, NARROW = 4.5, 3.8, 3.5  # inches; each fits a phone
BACKDROP: Mapping[str, Any] = {"facecolor": PAPER, "edgecolor": "none", "pad": 0.8, "alpha": 0.85}


class Look(NamedTuple):
    """Colour and marker of a kind of candidate."""

    colour: str
    marker: str


_LOOKS = {"model": Look(MODEL, "o"), "package": Look(PALETTE["package"], "D"), "formula": Look(PALETTE["formula"], "s")}


def look(kind: str) -> Look:
    """Return the colour and marker of a kind of candidate; one that is none of the three looks like a model.

    Examples
    --------
    >>> look("formula").marker, look("model").marker, look("package").marker
    ('s', 'o', 'D')
    """
    return _LOOKS.get(kind, _LOOKS["model"])


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Return a function that draws in the style of this package, whatever style its caller has set."""

    @wraps(draw)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with mpl.rc_context():
            mpl.rcdefaults()
            mpl.rcParams.update(_STYLE)  # type: ignore[arg-type]  # the stubs list literal keys
            return draw(*args, **kwargs)

    return run


def canvas(width: float, height: float, label: str, grid: str = "") -> tuple[Figure, Axes]:
    """Return a figure and its empty axes: a size in inches, a text for those who cannot see it, and grid lines."""
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


def clipped(name: str, most: int = 18) -> str:
    """Return a name, cut to a number of characters where it is longer."""
    return name if len(name) <= most else f"{name[: most - 1]}…"
