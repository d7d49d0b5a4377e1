"""A forecast: a recipe that streams customers in chunks and keeps summaries, never customers x draws."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from numbers import Real
from typing import Any, NamedTuple, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvmodels.data.rfm import RFM
from clvmodels.errors import SettingError
from clvmodels.models.protocols import Floats

Progress = Callable[[int], None]


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some customers of a forecast.

    Attributes
    ----------
    customers
        Their positions in the RFM, shape ``(n,)``.
    mean
        The expected quantity, ``(n,)``.
    expected
        The expected quantity under each draw of the parameters, ``(draws, n)``.
    realised
        The quantity in each simulated future, ``(futures, n)``; ``None`` from a recipe that has no futures.
    columns
        More about each customer, each ``(n,)``.
    """

    customers: NDArray[np.intp]
    mean: Floats
    expected: Floats
    realised: Floats | None
    columns: Mapping[str, Floats]


class Source(Protocol):
    """A recipe for the chunks of a forecast; every run gives the same."""

    @property
    def uncertain(self) -> bool:
        """Whether ``expected`` has draws of the parameters, so that its spread means something."""
        ...

    def chunks(self) -> Iterator[Chunk]:
        """Yield all customers, each once."""
        ...


def ends(level: float) -> tuple[float, float]:
    """Return the probabilities below the two ends of a central interval.

    Examples
    --------
    >>> ends(0.5)
    (0.25, 0.75)
    """
    if not (isinstance(level, Real) and 0 < level < 1):
        raise SettingError(f"The level of an interval lies between 0 and 1, such as 0.90; {level!r} does not.")
    return (1 - level) / 2, (1 + level) / 2


def mean_over_draws(draws: Floats) -> Floats:
    """Return the mean of each customer's draws, to the last bit whoever else is in the array, ``(draws, n)``."""
    mean: Floats = np.ascontiguousarray(draws.T).mean(axis=1)
    return mean


def quantile(ordered: Floats, probability: float) -> Floats:
    """Return a quantile of draws sorted along their first axis: always a value that occurred, so a count is a count."""
    position = int(np.ceil(probability * len(ordered) - 1e-9)) - 1
    result: Floats = ordered[max(position, 0)]
    return result


class Interval(NamedTuple):
    """The two ends of a central interval."""

    lower: float
    upper: float


@dataclass(frozen=True, eq=False)
class Total:
    """A sum over customers, draw by draw: customers share each draw of the parameters.

    Attributes
    ----------
    mean
        The expected sum.
    expected
        The sum of expected values under each draw of the parameters, shape ``(draws,)``.
    realised
        The sum of realised values in each future, shape ``(futures,)``; ``None`` from a recipe without futures.
    uncertain
        Whether the parameters have draws.
    """

    mean: float
    expected: Floats
    realised: Floats | None
    uncertain: bool

    def interval(self, level: float = 0.90) -> Interval:
        """Return the central interval of the *realised* sum: what these customers will really bring together."""
        return _interval(_realised(self.realised), level)

    def expected_interval(self, level: float = 0.90) -> Interval:
        """Return the central interval of the *expected* sum: what is not known about the parameters."""
        return _interval(_parameter_draws(self.expected, has_draws=self.uncertain), level)

    def __repr__(self) -> str:
        realised = f", 90 % interval of the realised sum {_text(self.interval())}" if self.realised is not None else ""
        expected = f", of the expected sum {_text(self.expected_interval())}" if self.uncertain else ""
        return f"Total {self.mean:,.1f}{realised}{expected}"


@dataclass(frozen=True, eq=False)
class Summary:
    """What is kept of each customer, each ``(customers,)``, and of their sum."""

    mean: Floats
    median: Floats | None
    lower: Floats | None
    upper: Floats | None
    p_zero: Floats | None
    columns: Mapping[str, Floats]
    total: Total


@dataclass(frozen=True, eq=False)
class Forecast:
    """A quantity of each customer in a horizon, with intervals of two kinds.

    ``interval`` is of the *realised* value: what a customer will really do. ``expected_interval`` is of the *expected*
    value: what is not known about the parameters; it shrinks to nothing as the base grows.

    The chunks are streamed once, when a result is first asked for, and again for another level; memory holds a chunk
    and a few numbers a customer.
    """

    rfm: RFM
    source: Source
    quantity: str

    @cached_property
    def summary(self) -> Summary:
        """The summaries at 90 %, streamed when first asked for."""
        return self.summarize()

    def summarize(self, progress: Progress | None = None) -> Summary:
        """Stream all customers and keep the summaries; ``progress`` is told how many customers each chunk had."""
        kept: dict[str, Floats] = {}
        expected: Floats | float = 0.0
        realised: Floats | float | None = 0.0
        for chunk in self.source.chunks():
            columns = dict(chunk.columns) | {"mean": chunk.mean}
            expected = expected + chunk.expected.sum(axis=1)
            if chunk.realised is not None:
                realised = realised + chunk.realised.sum(axis=1)
                columns |= _shape(chunk.realised)
            for name, values in columns.items():
                kept.setdefault(name, np.empty(len(self.rfm)))[chunk.customers] = values
            if progress:
                progress(len(chunk.customers))
        mean = kept.pop("mean")
        realised_shape = {name: kept.pop(name, None) for name in _SHAPE}
        drawn = np.asarray(realised) if realised_shape["median"] is not None else None
        total = Total(float(mean.sum()), np.asarray(expected), drawn, self.source.uncertain)
        summary = Summary(mean, **realised_shape, columns=kept, total=total)
        self.__dict__.setdefault("summary", summary)
        return summary

    def frame(self) -> pd.DataFrame:
        """Return a row a customer: what is expected, and the mean, median and 90 % interval of the realised value."""
        summary = self.summary
        columns: dict[str, Any] = {"customer_id": self.rfm.customer_id, **summary.columns}
        columns[f"{self.quantity}_mean"] = summary.mean
        for name in ("median", "lower", "upper"):
            if (values := getattr(summary, name)) is not None:
                columns[f"{self.quantity}_{name}"] = values
        if summary.p_zero is not None:
            columns["p_zero"] = summary.p_zero
        return pd.DataFrame(columns)

    def interval(self, level: float = 0.90) -> pd.DataFrame:
        """Return each customer's central interval of the *realised* value: ``customer_id, lower, upper``."""
        return self._intervals(level, lambda chunk: _realised(chunk.realised))

    def expected_interval(self, level: float = 0.90) -> pd.DataFrame:
        """Return each customer's central interval of the *expected* value: ``customer_id, lower, upper``."""
        return self._intervals(level, lambda chunk: _parameter_draws(chunk.expected, has_draws=self.source.uncertain))

    def total(self) -> Total:
        """Return the sum over all customers."""
        return self.summary.total

    def _intervals(self, level: float, draws: Callable[[Chunk], Floats]) -> pd.DataFrame:
        bounds = np.empty((2, len(self.rfm)))
        probabilities = ends(level)
        for chunk in self.source.chunks():
            ordered = np.sort(draws(chunk), axis=0)
            bounds[:, chunk.customers] = [quantile(ordered, p) for p in probabilities]
        return pd.DataFrame({"customer_id": self.rfm.customer_id, "lower": bounds[0], "upper": bounds[1]})

    def __repr__(self) -> str:
        return f"{type(self).__name__} of {self.quantity} for {len(self.rfm):,} customers"


_SHAPE = ("median", "lower", "upper", "p_zero")


def _shape(realised: Floats) -> dict[str, Floats]:
    ordered = np.sort(realised, axis=0)
    low, high = ends(0.90)
    return {
        "median": quantile(ordered, 0.5),
        "lower": quantile(ordered, low),
        "upper": quantile(ordered, high),
        "p_zero": (realised == 0).mean(axis=0),
    }


def _interval(draws: Floats, level: float) -> Interval:
    ordered = np.sort(draws)
    return Interval(*(float(quantile(ordered, p)) for p in ends(level)))


def _realised(draws: Floats | None) -> Floats:
    if draws is None:
        raise SettingError(
            "This forecast says what is expected, and nothing of what may really happen: the simple formula has no "
            "interval of the realised value. Use expected_interval(), or a model such as clv.BGNBD."
        )
    return draws


def _parameter_draws(draws: Floats, *, has_draws: bool) -> Floats:
    if not has_draws:
        raise SettingError(
            "The parameters are a point, so nothing is known of how uncertain the expected value is. Fit with "
            "method=clv.Laplace() (the default) for draws."
        )
    return draws


def _text(interval: Interval) -> str:
    return f"{interval.lower:,.1f} to {interval.upper:,.1f}"
