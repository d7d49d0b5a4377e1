"""What a page says of a valuation: the total, who brings it, and the fits that it rests on."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from clvmodels.drawing.style import Picture
from clvmodels.drawing.value import concentration, customers, future_total
from clvmodels.inference.fit import Fit
from clvmodels.prediction.lorenz import lorenz
from clvmodels.prediction.totals import Total
from clvmodels.report.tables import Table
from clvmodels.report.value_tables import customers_table, most_valuable, parameters_table
from clvmodels.text import span
from clvmodels.valuation.value import Valuation


@dataclass(frozen=True, eq=False)
class ValueFacts:
    """What the page says of a valuation, made from its numbers."""

    valuation: Valuation
    simple: Valuation
    fits: tuple[Fit[Any], ...]

    @cached_property
    def total(self) -> Total:
        """The whole base."""
        return self.valuation.total()

    @cached_property
    def frame(self) -> pd.DataFrame:
        """A row a customer."""
        return self.valuation.frame()

    @property
    def horizon(self) -> str:
        """The horizon, as it follows the words "over"."""
        length = self.valuation.plan.length
        return "all time to come" if length.is_infinite else f"the next {str(length).removeprefix('1 ')}"

    @property
    def realised(self) -> str | None:
        """The 90 % interval of the realised total."""
        return None if self.total.realised is None else span(*self.total.interval())

    @property
    def expected(self) -> str | None:
        """The 90 % interval of the expected total."""
        return span(*self.total.expected_interval()) if self.total.uncertain else None

    @property
    def simple_expected(self) -> str | None:
        """The same of the simple formula."""
        total = self.simple.total()
        return span(*total.expected_interval()) if total.uncertain else None

    @property
    def plot(self) -> Picture | None:
        """What the whole base may bring."""
        total = self.total
        if total.realised is None:
            return None
        expected = total.expected_interval() if total.uncertain else None
        return future_total(total.realised, total.mean, total.interval(), expected)

    @property
    def concentration(self) -> Picture | None:
        """Who brings it."""
        values = self.frame[f"{self.valuation.quantity}_mean"].to_numpy()
        return concentration(*lorenz(values)) if values.sum() > 0 else None

    @property
    def top_plot(self) -> Picture:
        """The most valuable customers, drawn."""
        return customers(most_valuable(self.frame, self.valuation.quantity), self.valuation.quantity)

    @property
    def top(self) -> Table:
        """The most valuable customers."""
        return customers_table(self.frame, self.valuation.quantity)

    @property
    def silent(self) -> float | None:
        """The mean probability of buying nothing."""
        return float(self.frame["p_zero"].mean()) if "p_zero" in self.frame else None

    @property
    def at_zero(self) -> float:
        """The share of customers whose interval starts at nothing."""
        lower = f"{self.valuation.quantity}_lower"
        return float((self.frame[lower] == 0).mean()) if lower in self.frame else 0.0

    @property
    def parameters(self) -> list[tuple[Fit[Any], Table]]:
        """Each fit with the table of its parameters."""
        return [(fit, parameters_table(fit.frame())) for fit in self.fits]

    @property
    def versions(self) -> dict[str, str]:
        """Of this package and what the fits depend on."""
        return {name: text for fit in self.fits for name, text in fit.versions.items()}
