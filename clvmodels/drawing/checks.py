"""Plots of goodness-of-fit checks, from their tables.

What happened is grey or black; what a model says is blue, a line or dashes with the 90 % band. Every ``table`` is that
of the check of the function's name; ``model`` is the model's name.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from clvmodels.drawing.style import (
    BACKDROP,
    BAND,
    BAR,
    INK,
    MODEL,
    MUTED,
    WIDE,
    canvas,
    percent_ticks,
    short_ticks,
    styled,
)
from clvmodels.errors import SettingError
from clvmodels.text import change, count, number, percent, short, span

_ROOM = 1.22  # of the highest point: above it stands the key
_WHAT = ("grey: what happened", "expected, with 90 % band", "")
_CORNERS = {"left": (0.015, "left"), "right": (0.985, "right")}


def draw(name: str, table: pd.DataFrame, numbers: Mapping[str, float], model: str) -> list[Figure]:
    """Return the plots of a check, from its name, its table, its numbers and the name of its model.

    Raises
    ------
    SettingError
        If there is none for a check of its name.
    """
    match name.partition(" by "):
        case ("frequency_histogram", _, _):
            return [frequency_histogram(table, model)]
        case ("tracking", _, _):
            return [tracking(table, model), cumulative_tracking(table, model)]
        case ("conditional_expectations", _, by):
            return [conditional_expectations(table, model, by)]
        case ("spend_independence", _, _):
            return [spend_independence(table, numbers, model)]
        case ("spend_density", _, _):
            return [spend_density(table, numbers, model)]
        case ("prior_predictive", _, _):
            return [prior_predictive(table, model)]
    raise SettingError(f"There is no plot of {name!r}. Look at its table: frame().")


@styled
def frequency_histogram(table: pd.DataFrame, model: str) -> Figure:
    """Return a histogram of customers by their number of repeat purchases."""
    label = f"Customers by number of repeat purchases: {_list(table, 'frequency')}; {model} expects {_of(table)}."
    figure, axes = canvas(WIDE, 3.1, label, grid="y")
    _bars(axes, table, table["frequency"].tolist())
    _root_scale(axes, _ROOM**2 * _highest(table, ""))
    axes.set(xlabel="repeat purchases", ylabel="customers (root scale)")
    _key(axes, model, "right")
    return figure


@styled
def tracking(table: pd.DataFrame, model: str) -> Figure:
    """Return a plot of the base's repeat purchases of each period."""
    last = table.iloc[-1]
    label = (
        f"Repeat purchases of the base in each of {count(len(table), 'period')}, as they happened and as "
        f"{model} expects; in the last {number(last['actual'])} and {number(last['expected'])}."
    )
    figure, axes = _over_time(table, model, "", label)
    axes.set_ylabel("repeat purchases")
    return figure


@styled
def cumulative_tracking(table: pd.DataFrame, model: str) -> Figure:
    """Return a plot of the base's repeat purchases up to the end of each period."""
    last = table.iloc[-1]
    happened, expected = last["cumulative_actual"], last["cumulative_expected"]
    off = change(expected, happened)
    label = (
        f"Repeat purchases of the base up to each day: in the end {number(happened)} happened, and {model} "
        f"expects {number(expected)} ({off})."
    )
    figure, axes = _over_time(table, model, "cumulative_", label, f"by the end: {off}")
    axes.set_ylabel("repeat purchases so far")
    return figure


@styled
def conditional_expectations(table: pd.DataFrame, model: str, by: str) -> Figure:
    """Return a plot of the mean holdout purchases of customers grouped by ``"frequency"`` or ``"recency"``."""
    what = "repeat purchases before" if by == "frequency" else "recency"
    label = f"Mean purchases in the holdout by {what}: {_list(table, 'group')}; {model} expects {_of(table)}."
    figure, axes = canvas(WIDE, 3.4, label, grid="y")
    names = [name.replace(" to ", "\nto ") for name in table["group"]]
    blank = "\n" if any("\n" in name for name in names) else ""
    lines = [
        f"{name if chr(10) in name else name + blank}\n{size:,}"
        for name, size in zip(names, table["customers"], strict=True)
    ]
    _bars(axes, table, lines)
    asked = "repeat purchases before the holdout" if by == "frequency" else "first purchase to last (0: bought once)"
    axes.set(xlabel=f"{asked}, and customers", ylabel="mean purchases in the holdout")
    _key(axes, model, "left")
    return figure


@styled
def spend_independence(table: pd.DataFrame, numbers: Mapping[str, float], model: str) -> Figure:
    """Return a plot of mean spend by number of repeat purchases, with what the differences come to in money."""
    table = table.dropna(subset=["actual"]).reset_index(drop=True)
    label = (
        f"Mean spend by number of repeat purchases: {_list(table, 'frequency')}; if spend did not depend on frequency "
        f"{short(table['expected'].iloc[0])} in every group; {_money(numbers)}."
    )
    figure, axes = canvas(WIDE, 3.4, label, grid="y")
    _bars(axes, table, [f"{name}\n{size:,}" for name, size in zip(table["frequency"], table["customers"], strict=True)])
    axes.set(xlabel="repeat purchases, and customers", ylabel="mean spend a purchase")
    axes.set_ylim(top=1.42 * _highest(table, ""))
    _key(axes, model, "left", ("grey: what happened", "if independent, with 90 % band", _money(numbers)))
    return figure


@styled
def spend_density(table: pd.DataFrame, numbers: Mapping[str, float], model: str) -> Figure:
    """Return a plot of the distribution of mean spend among the customers whom the model learns from."""
    beyond = f"{percent(numbers['beyond_actual'], 1)}, {percent(numbers['beyond_expected'], 1)} expected"
    label = (
        f"Distribution of mean spend a customer, of those whom {model} learns from, as it is and as expected. "
        f"Above the right end: {beyond}."
    )
    figure, axes = canvas(WIDE, 3.1, label, grid="y")
    width = table["right"] - table["left"]
    share, middle = table[["actual", "expected", "lower", "upper"]].mul(width, axis=0), table["left"] + width / 2
    axes.bar(table["left"], share["actual"], width=0.92 * width, align="edge", color=BAR)
    axes.fill_between(middle, share["lower"], share["upper"], color=BAND, alpha=0.5, linewidth=0)
    axes.plot(middle, share["expected"], color=MODEL, linewidth=1.6)
    axes.set(xlim=(0, table["right"].iloc[-1]), ylim=(0, _ROOM * float(share.to_numpy().max())))
    axes.set(xlabel=f"mean spend a purchase (above: {beyond})", ylabel="share of customers")
    short_ticks(axes, "x", 6)
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    percent_ticks(axes, "y")
    _key(axes, model, "right")
    return figure


@styled
def prior_predictive(table: pd.DataFrame, model: str) -> Figure:
    """Return a plot of where the data's summaries fall among those of bases drawn from a prior."""
    columns = (table[name].tolist() for name in ("summary", "data", "share_below", "prior_5", "prior_95"))
    rows = list(zip(*columns, strict=True))
    where = "; ".join(f"{name} {_brief(data)} (more than {percent(below)})" for name, data, below, *_ in rows)
    label = f"Where the data fall among the bases that the prior of {model} believes in: {where}."
    figure, axes = canvas(WIDE, 0.9 + 0.52 * len(table), label)
    y = np.arange(len(table))
    axes.hlines(y, 0, 1, color=BAR, linewidth=4.5)
    axes.hlines(y, 0.05, 0.95, color=BAND, linewidth=4.5)
    axes.plot(table["share_below"], y, "o", color=INK, markersize=6)
    for row, (name, data, _, low, high) in enumerate(rows):
        axes.text(0, row - 0.34, f"{name}: {_brief(data)}", va="center", color=INK)
        axes.text(1, row - 0.34, f"{_brief(low)} to {_brief(high)}", va="center", ha="right", color=MODEL)
    axes.text(1, -0.75, "90 % of the prior's bases", va="center", ha="right", color=MUTED, fontsize=8.5)
    axes.set(xlim=(-0.02, 1.02), ylim=(len(table) - 0.5, -1.0), yticks=[], xticks=(0, 0.25, 0.5, 0.75, 1))
    axes.set_xlabel("share of the prior's bases with less than the data")
    percent_ticks(axes, "x")
    return figure


def _bars(axes: Axes, table: pd.DataFrame, names: Sequence[str]) -> None:
    """Draw what happened as bars, and what is expected as a dash on its band."""
    x = np.arange(len(table))
    axes.bar(x, table["actual"], width=0.72, color=BAR)
    axes.bar(x, table["upper"] - table["lower"], bottom=table["lower"], width=0.34, color=BAND)
    axes.hlines(table["expected"], x - 0.25, x + 0.25, color=MODEL, linewidth=2)
    axes.set(xticks=x, ylim=(0, _ROOM * _highest(table, "")))
    axes.set_xticklabels(names)
    short_ticks(axes, "y")


def _over_time(table: pd.DataFrame, model: str, prefix: str, label: str, remark: str = "") -> tuple[Figure, Axes]:
    figure, axes = canvas(1.35 * WIDE, 3.1, label, grid="y")
    day = date2num(table["last_day"].to_numpy())  # type: ignore[no-untyped-call]  # the stubs leave dates out
    actual, expected, low, high = (table[prefix + name] for name in ("actual", "expected", "lower", "upper"))
    axes.fill_between(day, low, high, color=BAND, alpha=0.55, linewidth=0, zorder=1.5)
    if prefix:
        axes.plot(day, actual, color=INK, linewidth=1.2)
    else:
        axes.fill_between(day, 0, actual, step="pre", color=BAR, linewidth=0)
    axes.plot(day, expected, color=MODEL, linewidth=1.6)
    locator = AutoDateLocator(minticks=4, maxticks=9)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    axes.set(xlim=(day[0], day[-1]), ylim=(0, _ROOM * _highest(table, prefix)))
    short_ticks(axes, "y")
    _split(axes, table, day)
    colour = "black" if prefix else "grey"
    _key(axes, model, "left" if prefix else "right", (f"{colour}: what happened", "expected, with 90 % band", remark))
    return figure, axes


def _root_scale(axes: Axes, top: float) -> None:
    """Let heights grow like the root of a count, as its sampling variation does: few can be seen beside many."""
    axes.set_yscale("function", functions=(lambda y: np.sqrt(np.maximum(y, 0)), np.square))
    ticks = [0.0]
    for tick in (step * 10.0**power for power in range(12) for step in (1, 2, 5)):
        if np.sqrt(tick) - np.sqrt(ticks[-1]) > 0.13 * np.sqrt(top) and tick <= top:
            ticks.append(tick)
    axes.set(ylim=(0, top))
    axes.set_yticks(ticks, list(map(short, ticks)))


def _split(axes: Axes, table: pd.DataFrame, day: Any) -> None:  # noqa: ANN401 -- an array of dates in days
    """Mark where the model stopped learning."""
    learnt = int((table["part"] == "calibration").sum())
    if 0 < learnt < len(table):
        axes.axvline(day[learnt - 1], ymax=0.82, color=MUTED, linewidth=0.8, linestyle=(0, (3, 2)))
        where: Any = {"xytext": (4, 4), "textcoords": "offset points", "va": "bottom", "fontsize": 8.5}
        axes.annotate("holdout", (day[learnt - 1], 0), **where, color=MUTED)


def _key(axes: Axes, model: str, side: str, what: Sequence[str] = _WHAT) -> None:
    """Write in an upper corner what is what: what happened, what the model says, and a remark."""
    happened, said, remark = what
    x, align = _CORNERS[side]
    at: Any = {"ha": align, "va": "top", "transform": axes.transAxes, "bbox": BACKDROP, "fontsize": 8.5}
    dark = INK if happened.startswith("black") else MUTED
    for row, (text, colour) in enumerate(((happened, dark), (f"{model}: {said}", MODEL), (remark, INK))):
        axes.text(x, 0.985 - 0.078 * row, text, color=colour, **at)


def _highest(table: pd.DataFrame, prefix: str) -> float:
    highest = float(np.nanmax(table[[prefix + "actual", prefix + "expected", prefix + "upper"]].to_numpy(float)))
    return highest or 1.0


def _list(table: pd.DataFrame, name: str) -> str:
    return ", ".join(f"{group}: {short(value)}" for group, value in zip(table[name], table["actual"], strict=True))


def _of(table: pd.DataFrame) -> str:
    return ", ".join(map(short, table["expected"]))


def _money(numbers: Mapping[str, float]) -> str:
    if "difference_percent" not in numbers:
        return ""
    size, low, high = (numbers[f"difference_percent{end}"] for end in ("", "_lower", "_upper"))
    return f"money at the groups' own means: {number(size, 1)} % ({span(low, high, 1)} %)"


def _brief(value: float) -> str:
    if np.isinf(value):
        return "infinite"
    if abs(value) >= 1e10:
        return f"{value:.0e}".replace("e+", "e")
    return f"{value:.2g}" if 0 < abs(value) < 0.1 else short(value)
