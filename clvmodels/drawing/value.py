"""Plots of a valuation: who brings the value, the best customers, and the total of the whole base."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from clvmodels.drawing.style import (
    BAND,
    BAR,
    INK,
    MIDDLE,
    MODEL,
    MUTED,
    WIDE,
    Floats,
    canvas,
    clipped,
    percent_ticks,
    short_ticks,
    styled,
)
from clvmodels.text import percent, short


@styled
def concentration(share: Floats, brought: Floats) -> Figure:
    """Return a plot of the Lorenz curve of the customers' value, most valuable first.

    Parameters
    ----------
    share, brought
        Points of the curve: shares of the customers and of the value that these bring, both from 0 to 1, ``(points,)``.
    """
    brought = np.minimum(brought, 1.0)  # where the last customers bring losses, the others bring more than all
    marks = [mark for mark in (0.1, 0.2, 0.5) if mark >= share[1]]
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


@styled
def customers(top: pd.DataFrame, quantity: str = "clv") -> Figure:
    """Return a plot of customers' expected values, with 90 % intervals of the realised values where there are some.

    Parameters
    ----------
    top
        Rows of ``Valuation.frame()``, in the order in which they are drawn: the most valuable customers.
    quantity
        What the columns of value begin with: "clv" or "money".
    """
    label = f"The {len(top)} most valuable customers: expected value and 90 % interval of the realised value."
    figure, axes = canvas(MIDDLE, 0.8 + 0.24 * len(top), label, grid="x")
    y, mean = np.arange(len(top)), top[f"{quantity}_mean"]
    if f"{quantity}_lower" in top:
        axes.hlines(y, top[f"{quantity}_lower"], top[f"{quantity}_upper"], color=BAND, linewidth=4.5)
        axes.plot(top[f"{quantity}_median"], y, "|", color=MODEL, markersize=8, markeredgewidth=1.4)
    axes.plot(mean, y, "o", color=MODEL, markersize=5)
    axes.set(ylim=(len(top) - 0.4, -0.6), yticks=y, xlabel="value of a customer")
    axes.set_yticklabels([clipped(str(name)) for name in top["customer_id"]])
    axes.set_xlim(left=min(0.0, axes.get_xlim()[0]) if mean.min() < 0 else 0.0)
    short_ticks(axes, "x")
    return figure


@styled
def future_total(
    realised: Floats, mean: float, interval: tuple[float, float], expected_interval: tuple[float, float] | None
) -> Figure:
    """Return a histogram of the simulated totals of the whole base, with their mean and 90 % intervals.

    Parameters
    ----------
    realised
        The total of each simulated future, ``(futures,)``.
    mean
        The expected total.
    interval, expected_interval
        Central 90 % intervals of the realised and of the expected total; the latter ``None`` where there is none.
    """
    low, high = interval
    label = f"Simulated totals of the whole base: mean {short(mean)}, 90 % between {short(low)} and {short(high)}."
    figure, axes = canvas(WIDE, 3.1, label)
    heights, edges = np.histogram(realised, bins=30)
    middle = (edges[1:] + edges[:-1]) / 2
    inside = (middle >= low) & (middle <= high)
    for which, colour in ((inside, BAND), (~inside, BAR)):
        axes.bar(edges[:-1][which], heights[which], np.diff(edges)[which] * 0.92, align="edge", color=colour)
    top = float(heights.max())
    axes.plot([mean, mean], [0, 1.06 * top], color=INK, linewidth=1.2)
    axes.text(mean, 1.08 * top, f"expected {short(mean)}", ha="center", va="bottom", fontweight="bold")
    _bracket(axes, low, high, -0.1 * top, "realised total")
    if expected_interval is not None:
        _bracket(axes, *expected_interval, -0.36 * top, "expected total")
    axes.set(yticks=[], ylim=((-0.36 if expected_interval is None else -0.62) * top, 1.25 * top))
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
