"""Tables of a valuation and of the fits that it rests on, as text cells."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import pandas as pd

from clvmodels.report.tables import Column, Table
from clvmodels.text import decimals, number, percent, span


class _Field(NamedTuple):
    """A column of the customer table, from the columns of the frame that it needs."""

    needs: tuple[str, ...]
    column: Column
    cell: Callable[..., str]


def _fields(quantity: str, digits: int) -> tuple[_Field, ...]:
    two, money = partial(number, decimals=2), partial(number, decimals=digits)
    flow = "discounted cash flow" if quantity == "clv" else "cash flow, not discounted"
    realised = "Where the value that the customer will really bring lies with probability 90 %."
    return (
        _Field(("customer_id",), Column("Customer", align="left"), str),
        _Field(("p_alive",), Column("P(alive)", "Probability that the customer has not dropped out."), percent),
        _Field(
            ("expected_purchases",), Column("Purchases", "Expected purchases within the horizon, undiscounted."), two
        ),
        _Field(("expected_spend",), Column("Spend", "Expected money of one purchase, before the margin."), two),
        _Field((f"{quantity}_mean",), Column("Value", f"Expected {flow}: spend times margin, less costs."), money),
        _Field(
            (f"{quantity}_median",),
            Column("Median", "Half of the customer's simulated futures bring this or less."),
            money,
        ),
        _Field(
            (f"{quantity}_lower", f"{quantity}_upper"),
            Column("90 % interval", realised),
            partial(span, decimals=digits),
        ),
        _Field(("p_zero",), Column("P(nothing)", "Probability of no purchase within the horizon."), percent),
    )


def customers_table(frame: pd.DataFrame, quantity: str = "clv", most: int = 20) -> Table:
    """Return the most valuable customers, best first.

    Parameters
    ----------
    frame
        ``Valuation.frame()``.
    quantity
        What its columns of value begin with: "clv" or "money".
    most
        How many customers.
    """
    top = most_valuable(frame, quantity, most)
    digits = min(decimals(top[f"{quantity}_mean"]), 2)
    fields = [field for field in _fields(quantity, digits) if set(field.needs) <= set(top.columns)]
    cells = [[field.cell(*row) for row in zip(*(top[name] for name in field.needs), strict=True)] for field in fields]
    return Table(tuple(field.column for field in fields), tuple(zip(*cells, strict=True)))


def most_valuable(frame: pd.DataFrame, quantity: str = "clv", most: int = 20) -> pd.DataFrame:
    """Return the rows with the highest mean, highest first; equal ones in the order of the frame."""
    return frame.sort_values(f"{quantity}_mean", ascending=False, kind="stable").head(most)


_PARAMETERS = {
    "estimate": Column("Estimate", "Maximum likelihood estimate."),
    "standard_error": Column("Standard error", "Of the estimate, from the curvature of the likelihood."),
    "mean": Column("Mean", "Of the draws.", "Draws"),
    "sd": Column("Sd", "Standard deviation of the draws.", "Draws"),
}


def parameters_table(frame: pd.DataFrame) -> Table:
    """Return a row a parameter from ``Fit.frame()``."""
    rows = [row for _, row in frame.iterrows()]
    shown = [name for name in _PARAMETERS if name in frame]
    columns = [Column("Parameter", align="left"), *(_PARAMETERS[name] for name in shown)]
    cells = [[str(row["parameter"]), *(number(row[name], _digits(row)) for name in shown)] for row in rows]
    if "lower" in frame:
        columns.append(Column("90 % interval", "Of the parameter: the middle 90 % of its draws.", "Draws"))
        cells = [[*c, span(row["lower"], row["upper"], _digits(row))] for c, row in zip(cells, rows, strict=True)]
    return Table(tuple(columns), tuple(map(tuple, cells)))


def _digits(row: "pd.Series[float]") -> int:
    return decimals([row["estimate"]])
