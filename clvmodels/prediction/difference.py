"""The difference of two forecasts of the same customers, whose futures are paired."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from clvmodels.errors import SettingError
from clvmodels.models.special import Floats
from clvmodels.prediction.streams import Source
from clvmodels.prediction.summaries import Chunk


@dataclass(frozen=True, eq=False)
class Difference:
    """What one source says more than another: a what-if, future by future.

    Both are of the same customers, draws, futures and seed, so that chance is the same on both sides.
    """

    left: Source
    right: Source

    @property
    def known(self) -> Sequence[Mapping[str, bool]]:
        """Nothing: what is known of a customer is no difference."""
        return [{} for _ in self.left.known]

    @property
    def uncertain(self) -> bool:
        """Whether expected values have draws of the parameters."""
        return self.left.uncertain or self.right.uncertain

    @property
    def has_futures(self) -> bool:
        """Whether both sources have futures."""
        return self.left.has_futures and self.right.has_futures

    @property
    def finite_variance(self) -> bool:
        """Whether both quantities have a variance under all draws."""
        return self.left.finite_variance and self.right.finite_variance

    @property
    def threads(self) -> int:
        """How many chunks are worked on at a time."""
        return self.left.threads

    def refuse_infinite_means(self) -> None:
        """Raise where either expected quantity is infinite."""
        self.left.refuse_infinite_means()
        self.right.refuse_infinite_means()

    def parts(self) -> Iterable[NDArray[np.intp]]:
        """Return positions of customers, in parts of a bounded size."""
        return self.left.parts()

    def chunks(self, part: NDArray[np.intp]) -> Sequence[Chunk]:
        """Return the chunks of some customers, one a horizon."""
        return [_Pair(*pair) for pair in zip(self.left.chunks(part), self.right.chunks(part), strict=True)]

    def at(self, horizon: int) -> Self:
        """Return the source of one of the horizons alone."""
        return type(self)(self.left.at(horizon), self.right.at(horizon))

    def take(self, customers: slice) -> Self:
        """Return the source of some customers alone."""
        return type(self)(self.left.take(customers), self.right.take(customers))


@dataclass(frozen=True, eq=False)
class _Pair:
    left: Chunk
    right: Chunk

    @property
    def customers(self) -> NDArray[np.intp]:
        return self.left.customers

    @cached_property
    def mean(self) -> Floats:
        return self.left.mean - self.right.mean

    @cached_property
    def expected(self) -> Floats:
        left, right = self.left.expected, self.right.expected
        return left - right if 1 in (len(left), len(right)) else _paired(left, right)  # a point is taken from each draw

    @cached_property
    def realised(self) -> Floats | None:
        if self.left.realised is None or self.right.realised is None:
            return None
        return _paired(self.left.realised, self.right.realised)

    @property
    def gross(self) -> Floats | None:
        return self.realised

    def column(self, name: str) -> Floats:
        raise KeyError(name)


def _paired(left: Floats, right: Floats) -> Floats:
    """Return the differences of pairs of draws, or of futures."""
    if len(left) != len(right):
        raise SettingError(
            f"{len(left):,} draws or futures have no pairs among {len(right):,}. Forecast both with the same futures=, "
            "from fits with equally many draws."
        )
    return left - right
