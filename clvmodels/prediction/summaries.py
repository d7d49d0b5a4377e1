"""What is kept of each customer's forecast: summaries of a chunk, many of them in one pass."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from clvmodels import checked
from clvmodels.errors import SettingError
from clvmodels.models.special import Floats

NO_FUTURES = (
    "This forecast says what is expected, and nothing of what may really happen: the simple formula has no interval "
    "of the realised value. Use expected_interval(), or a model such as clv.BGNBD."
)
POINT = (
    "The parameters are a point, so nothing is known of how uncertain the expected value is. Fit with "
    "method=clv.Laplace() (the default) for draws."
)


class Chunk(Protocol):
    """Some customers of a forecast; each attribute is computed when it is first asked for."""

    @property
    def customers(self) -> NDArray[np.intp]:
        """Their positions in the RFM, shape ``(n,)``."""

    @property
    def mean(self) -> Floats:
        """The expected quantity, ``(n,)``."""

    @property
    def expected(self) -> Floats:
        """The expected quantity under each draw of the parameters, ``(draws, n)``."""

    @property
    def realised(self) -> Floats | None:
        """The quantity in each simulated future, ``(futures, n)``; ``None`` from a recipe that has no futures."""

    @property
    def gross(self) -> Floats | None:
        """Likewise what purchases bring, before fixed costs: 0 for a customer without a purchase."""

    def column(self, name: str) -> Floats:
        """Return what else is known of each customer, by a name that the source knows, ``(n,)``."""


@dataclass(frozen=True, eq=False)
class KnownChunk:
    """A chunk whose numbers are at hand: those of ``Chunk``."""

    customers: NDArray[np.intp]
    mean: Floats
    expected: Floats
    realised: Floats | None = None
    columns: Mapping[str, Floats] = field(default_factory=dict)

    @property
    def gross(self) -> Floats | None:
        """What is realised: there are no fixed costs."""
        return self.realised

    def column(self, name: str) -> Floats:
        """Return one of the columns."""
        return self.columns[name]


@dataclass(frozen=True, eq=False)
class Ordered:
    """A chunk with its draws and futures in ascending order, sorted once for all summaries."""

    chunk: Chunk

    @cached_property
    def realised(self) -> Floats:
        """Futures in ascending order, ``(futures, n)``."""
        return np.sort(futures(self.chunk), axis=0)

    @cached_property
    def expected(self) -> Floats:
        """Expected values in ascending order, ``(draws, n)``."""
        return np.sort(self.chunk.expected, axis=0)

    @cached_property
    def spread(self) -> tuple[Floats, Floats]:
        """The standard deviation of what purchases bring, and the share of futures without a purchase, ``(n,)``."""
        from clvmodels.prediction import kernels

        futures(self.chunk)
        gross = np.ascontiguousarray(np.asarray(self.chunk.gross).T)
        sd, silent = np.empty((2, len(gross)))
        kernels.spread(gross, sd, silent)
        return sd, silent


@runtime_checkable
class Summary(Protocol):
    """One number of each customer."""

    def of(self, ordered: Ordered) -> Floats:
        """Return the summary of each customer of a chunk, ``(n,)``."""


@dataclass(frozen=True)
class Known:
    """What else is known of each customer, by its name."""

    name: str

    def __post_init__(self) -> None:
        checked.instance("name", self.name, str)

    def of(self, ordered: Ordered) -> Floats:
        """Return the column of this name."""
        return ordered.chunk.column(self.name)


@dataclass(frozen=True)
class Mean:
    """The expected value."""

    def of(self, ordered: Ordered) -> Floats:
        """Return the expected value of each customer."""
        return ordered.chunk.mean


@dataclass(frozen=True)
class Quantile:
    """A quantile of the realised value, or of the expected value over the draws of the parameters.

    It is always a value that occurred, so a quantile of a count is a count.
    """

    probability: float
    over: Literal["realised", "expected"] = "realised"

    def __post_init__(self) -> None:
        checked.shares([self.probability], "probabilities of quantiles")
        checked.one_of("over", self.over, ("realised", "expected"))

    def of(self, ordered: Ordered) -> Floats:
        """Return the quantile of each customer."""
        return quantile(ordered.realised if self.over == "realised" else ordered.expected, self.probability)


@dataclass(frozen=True)
class SD:
    """The standard deviation of the realised value."""

    def of(self, ordered: Ordered) -> Floats:
        """Return the standard deviation of each customer's futures."""
        return ordered.spread[0]


@dataclass(frozen=True)
class NoPurchase:
    """The probability of no purchase within the horizon."""

    def of(self, ordered: Ordered) -> Floats:
        """Return the share of each customer's futures without a purchase."""
        return ordered.spread[1]


@dataclass(frozen=True, eq=False)
class Above:
    """The probability that the realised value exceeds a threshold: one for all, or one for each customer of the RFM."""

    threshold: float | Floats

    def __post_init__(self) -> None:
        threshold = checked.numbers("threshold", self.threshold)
        object.__setattr__(self, "threshold", threshold if threshold.ndim else float(threshold))

    def of(self, ordered: Ordered) -> Floats:
        """Return the share of each customer's futures above the threshold."""
        own = self.threshold[ordered.chunk.customers] if isinstance(self.threshold, np.ndarray) else self.threshold
        share: Floats = (futures(ordered.chunk) > own).mean(axis=0)
        return share


def futures(chunk: Chunk) -> Floats:
    """Return the futures of a chunk, ``(futures, n)``.

    Raises
    ------
    SettingError
        If its recipe has none.
    """
    if chunk.realised is None:
        raise SettingError(NO_FUTURES)
    return chunk.realised


def quantile(ordered: Floats, probability: float) -> Floats:
    """Return a quantile of draws sorted along their first axis: always a value that occurred, so a count is a count."""
    position = int(np.ceil(probability * len(ordered) - 1e-9)) - 1
    result: Floats = ordered[max(position, 0)]
    return result


def mean_over_draws(draws: Floats) -> Floats:
    """Return the mean of each customer's draws, to the last bit whoever else is in the array, ``(draws, n)``."""
    mean: Floats = np.ascontiguousarray(draws.T).mean(axis=1)
    return mean


def label(probability: float) -> str:
    """Return the name of a quantile's column.

    Examples
    --------
    >>> label(0.05), label(0.5), label(0.975)
    ('q05', 'q50', 'q97.5')
    """
    percent = f"{100 * probability:.10g}"
    return f"q{percent.zfill(2) if '.' not in percent else percent}"


def ends(level: float) -> tuple[float, float]:
    """Return the probabilities below the two ends of a central interval of a level.

    Examples
    --------
    >>> ends(0.5)
    (0.25, 0.75)
    """
    level = checked.level(level)
    return (1 - level) / 2, (1 + level) / 2
