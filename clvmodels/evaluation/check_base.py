"""What every check returns, and what the checks share: rows of parameters, bands, and samples of large groups."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from html import escape
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvmodels.data.rfm import RFM
from clvmodels.data.transactions import Transactions
from clvmodels.errors import DataError, SettingError
from clvmodels.inference.fit import Fit
from clvmodels.models.future import PurchaseModel, SpendModel
from clvmodels.models.special import Floats
from clvmodels.models.specification import Specification
from clvmodels.prediction.summaries import ends, quantile

LEVEL = 0.90
CELLS = 2**20  # numbers held at once: 8 MB an array

Positions = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Check:
    """What a model says of a base, beside what the base did.

    Attributes
    ----------
    name
        The function that made it, such as ``"tracking"``: ``clvmodels.drawing.checks`` draws it under that name.
    model
        The model's name.
    table
        What to look at; the function says which columns it has.
    numbers
        What sums it up, by name.
    band
        What the columns ``lower`` and ``upper`` hold.
    """

    name: str
    model: str
    table: pd.DataFrame
    numbers: Mapping[str, float]
    band: str

    def frame(self) -> pd.DataFrame:
        """Return a copy of the table."""
        return self.table.copy()

    def figures(self) -> list[Any]:
        """Return its plots, as Matplotlib figures."""
        from clvmodels.drawing.checks import draw  # Matplotlib is loaded where it is used

        return draw(self.name, self.table, self.numbers, self.model)

    def _repr_html_(self) -> str:
        from clvmodels.drawing.svg import to_svg

        plots = "".join(f'<div style="max-width: 45em">{to_svg(figure)}</div>' for figure in self.figures())
        return f"{plots}<p>{escape(self._numbers())}</p><p>{escape(self.band)}</p>"

    def __repr__(self) -> str:
        table = self.table.to_string(index=False, max_rows=20, float_format=lambda value: f"{value:,.4g}")
        return "\n".join(filter(None, [f"{self.name} of {self.model}", table, self._numbers(), self.band]))

    def _numbers(self) -> str:
        return ", ".join(f"{name} {value:,.4g}" for name, value in self.numbers.items())


def purchase_point(fit: Fit[PurchaseModel], rfm: RFM) -> PurchaseModel:
    """Return the maximum likelihood estimate of a purchase model in the time unit of the RFM."""
    return fit.in_unit(rfm.unit).estimate


def refuse_another_split(rfm: RFM, future: Transactions) -> None:
    """Raise a SettingError unless a log begins on the day after the RFM's observation ends."""
    if not isinstance(future, Transactions):
        raise SettingError("future is the second part of a log: past, future = Transactions(...).split(date).")
    if rfm.observed_until is None or future.first_day - rfm.observed_until != timedelta(days=1):
        raise SettingError(
            f"The observation of these customers ends on {rfm.observed_until} and the future starts on "
            f"{future.first_day}: they are not the two parts of one split. Use past, future = log.split(...)."
        )


def spending(specification: Specification[SpendModel], rfm: RFM) -> tuple[Floats, Floats, Positions]:
    """Return x and m of the customers whom a spend model learns from, and their positions."""
    at = specification.learn(rfm).customers
    if not len(at):
        raise DataError(
            f"None of {len(rfm):,} customers has purchases worth something that {specification.name} learns from. Use "
            "a longer log."
        )
    x, m = specification.model(specification.start).observed(rfm).values()
    return x[at], m[at], at


def chunks(draws: int, cells: int) -> Iterator[Positions]:
    """Yield the positions of replicates, in chunks of which each takes about ``CELLS`` numbers of ``cells`` a row."""
    size = max(1, CELLS // max(cells, 1))
    for start in range(0, draws, size):
        yield np.arange(start, min(start + size, draws))


def band(replicates: Floats) -> tuple[Floats, Floats]:
    """Return the ends of the central 90 % of replicates, ``(replicates, n)``: values that occurred."""
    ordered = np.sort(replicates, axis=0)
    low, high = ends(LEVEL)
    return quantile(ordered, low), quantile(ordered, high)


def band_words(fit: Fit[Any], what: str) -> str:
    """Return what a band holds: sampling variation, and the uncertainty of the parameters where they have draws."""
    if fit.draws_of is None:
        return f"90 % of {what} at the estimate: sampling variation, and nothing of how uncertain the parameters are."
    return f"90 % of {what} under the {fit.draws_of}: sampling variation and the uncertainty of the parameters."


@dataclass(frozen=True, eq=False)
class Groups:
    """Customers in groups, of which the large are represented by a sample.

    A sum over a group follows from the sample: its expectation in proportion, its sampling variation by the square root
    of that.

    Attributes
    ----------
    sizes
        Customers of each group, shape ``(groups,)``.
    sample
        Positions of the customers in the sample, group after group.
    group
        The group of each of them.
    """

    sizes: Floats
    sample: Positions
    group: Positions

    @classmethod
    def of(cls, group: Positions, order: Floats, most: int) -> "Groups":
        """Return groups with a systematic sample of each, in an order: all of its customers, or ``most`` of them."""
        ranked = np.lexsort((order, group))
        sizes = np.bincount(group)
        taken = [part[_evenly(len(part), most)] for part in np.split(ranked, np.cumsum(sizes)[:-1])]
        sample = np.concatenate(taken)
        return cls(sizes.astype(float), sample, group[sample])

    def mean(self, values: NDArray[Any]) -> Floats:
        """Return the mean of each group's sample, ``(rows, sample)`` in, ``(rows, groups)`` out; no group is empty."""
        start = np.searchsorted(self.group, np.arange(len(self.sizes)))
        sums: Floats = np.add.reduceat(values, start, axis=1, dtype=float)
        return sums / self.sampled

    @property
    def sampled(self) -> Floats:
        """How many of each group are in the sample, shape ``(groups,)``."""
        return np.bincount(self.group, minlength=len(self.sizes)).astype(float)

    @property
    def shrink(self) -> Floats:
        """The standard deviation of a group's mean over that of its sample's, shape ``(groups,)``."""
        smaller: Floats = np.sqrt(self.sampled / self.sizes)
        return smaller


def _evenly(size: int, most: int) -> Positions:
    return (np.arange(min(size, most)) * (size / min(size, most))).astype(np.intp)
