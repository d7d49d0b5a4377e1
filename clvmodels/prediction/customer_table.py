"""Results of one table: a row a customer, with the unit, the horizon and the day that its numbers are about."""

from dataclasses import dataclass
from datetime import date
from html import escape

import pandas as pd


@dataclass(frozen=True, eq=False)
class CustomerTable:
    """What is to be expected of each customer.

    Attributes
    ----------
    what
        What the table says, such as "probability to be alive".
    model
        The model's name.
    unit
        The time unit of the table.
    cut_off
        The last day of the observation, from whose end on times run; ``None`` where it is not known.
    horizon
        How far ahead the table looks; ``None`` where it looks at all the future, or at the cut-off itself.
    draws_of
        Over what the numbers are averaged: a posterior, a sampling distribution, or nothing (a point).
    """

    what: str
    model: str
    unit: str
    cut_off: date | None
    horizon: str | None
    draws_of: str | None
    _table: pd.DataFrame

    def frame(self) -> pd.DataFrame:
        """Return a row a customer, in the order of the RFM."""
        return self._table.copy()

    def __len__(self) -> int:
        return len(self._table)

    def __repr__(self) -> str:
        return f"{self._headline}\n{self._table.to_string(max_rows=10, index=False)}"

    def _repr_html_(self) -> str:
        return f"<p>{escape(self._headline)}</p>{self._table.to_html(max_rows=10, index=False, border=0)}"

    @property
    def _headline(self) -> str:
        since = "" if self.cut_off is None else f" after {self.cut_off}"
        within = "" if self.horizon is None else f" up to {self.horizon}"
        over = "" if self.draws_of is None else f", averaged over the {self.draws_of}"
        return f"{self.what.capitalize()}{within}{since} by {self.model}, time in {self.unit}s{over}"
