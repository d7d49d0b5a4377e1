"""Sums over customers, draw by draw and future by future: customers share the draws of the parameters."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clvmodels.errors import InfiniteMeanError, SettingError
from clvmodels.models.special import Floats
from clvmodels.prediction.summaries import NO_FUTURES, POINT, ends, quantile
from clvmodels.text import number, span

Codes = NDArray[np.intp]

INFINITE = "The expected sum is infinite. What customers will really bring has a median and intervals: use interval()."


class Interval(NamedTuple):
    """The two ends of a central interval."""

    lower: float
    upper: float


@dataclass(frozen=True, eq=False)
class Total:
    """A sum over customers, draw by draw: customers share each draw of the parameters.

    Attributes
    ----------
    finite_mean
        The expected sum; ``None`` where it is infinite.
    expected
        The sum of expected values under each draw of the parameters, shape ``(draws,)``; ``None`` where the mean is.
    realised
        The sum of realised values in each future, shape ``(futures,)``; ``None`` from a recipe without futures.
    uncertain
        Whether the parameters have draws.
    infinite
        What to say where an infinite mean is asked for.
    """

    finite_mean: float | None
    expected: Floats | None
    realised: Floats | None
    uncertain: bool
    infinite: str = INFINITE

    @property
    def mean(self) -> float:
        """The expected sum.

        Raises
        ------
        InfiniteMeanError
            If it is infinite.
        """
        if self.finite_mean is None:
            raise InfiniteMeanError(self.infinite)
        return self.finite_mean

    def interval(self, level: float = 0.90) -> Interval:
        """Return the central interval of the *realised* sum: what these customers will really bring together."""
        if self.realised is None:
            raise SettingError(NO_FUTURES)
        return central(self.realised, level)

    def expected_interval(self, level: float = 0.90) -> Interval:
        """Return the central interval of the *expected* sum: what is not known about the parameters."""
        if not self.uncertain:
            raise SettingError(POINT)
        if self.expected is None:
            raise InfiniteMeanError(self.infinite)
        return central(self.expected, level)

    def __add__(self, other: "Total") -> "Total":
        """Return the sum over the customers of both, draw by draw and future by future.

        Both must come from the same fits, futures and seed: then they share the draws of the parameters.

        Raises
        ------
        SettingError
            If the two do not have as many draws and futures, so that they do not share them.
        """
        if not isinstance(other, Total):
            return NotImplemented
        draws = {len(total.expected) for total in (self, other) if total.expected is not None}
        futures = {0 if total.realised is None else len(total.realised) for total in (self, other)}
        if len(draws) > 1 or len(futures) > 1 or self.uncertain != other.uncertain:
            raise SettingError("These totals do not share their draws and futures: forecast both with the same fits.")
        return Total(
            None if self.finite_mean is None or other.finite_mean is None else self.finite_mean + other.finite_mean,
            None if self.expected is None or other.expected is None else self.expected + other.expected,
            None if self.realised is None or other.realised is None else self.realised + other.realised,
            self.uncertain,
            self.infinite,
        )

    def __repr__(self) -> str:
        parts = [] if self.finite_mean is None else [number(self.mean, 1)]
        if self.realised is not None:
            parts.append(f"90 % interval of the realised sum {span(*self.interval(), 1)}")
        if self.uncertain and self.expected is not None:
            parts.append(f"of the expected sum {span(*self.expected_interval(), 1)}")
        return f"Total {', '.join(parts)}"


class Sums:
    """Sums over groups of customers, gathered from chunks."""

    def __init__(self, codes: Codes, groups: int) -> None:
        self.codes = codes
        self.customers = np.bincount(codes, minlength=groups)
        self.of: dict[str, Floats] = {}

    def part(self, customers: Codes, values: "dict[str, Floats]") -> "tuple[Codes, dict[str, Floats]]":
        """Return the groups of some customers and the sums of their values ``(customers, any)`` over each."""
        codes = self.codes[customers]
        if (codes == codes[0]).all():
            return codes[:1], {name: v.sum(axis=0, keepdims=True) for name, v in values.items()}
        order = np.argsort(codes, kind="stable")
        starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
        together = {name: np.add.reduceat(v[order], starts, axis=0) for name, v in values.items()}
        return codes[order][starts], together

    def add(self, groups: Codes, values: dict[str, Floats]) -> None:
        """Add what ``part`` returned."""
        for name, sums in values.items():
            if name not in self.of:
                self.of[name] = np.zeros((len(self.customers), *sums.shape[1:]))
            self.of[name][groups] += sums

    def totals(self, *, uncertain: bool) -> list[Total]:
        """Return the total of each group."""
        mean, expected, realised = (self.of.get(name) for name in ("mean", "expected", "realised"))
        return [
            Total(
                None if mean is None else float(mean[i]),
                None if expected is None else expected[i],
                None if realised is None else realised[i],
                uncertain,
            )
            for i in range(len(self.customers))
        ]


def central(draws: Floats, level: float) -> Interval:
    """Return the central interval of draws."""
    ordered = np.sort(draws)
    return Interval(*(float(quantile(ordered, p)) for p in ends(level)))
