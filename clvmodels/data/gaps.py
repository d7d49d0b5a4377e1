"""How evenly customers buy: the gaps between their purchases, against those of purchases at random."""

from dataclasses import astuple, dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

_EVEN = 0.1  # of the variance of purchases at random, over
_EVEN_GAPS = 4  # gaps or more: chance alone seldom looks so even


@dataclass(frozen=True)
class Gaps:
    """The spread of the gaps between purchases within customers; those of parts of a base add up with ``+``.

    Attributes
    ----------
    customers
        Customers with two gaps or more who do not buy in every period.
    free
        Their gaps, less one each.
    spread
        The sum over these customers of the squares of their gaps about their own mean, as a multiple of what purchases
        at random would give, times their gaps less one.
    even
        What of ``free`` belongs to customers whose gaps are even by themselves, as hardly any are by chance.

    Notes
    -----
    Given a customer's first period, the last, and how many with a purchase lie between, purchases at a constant rate
    fall on every choice of periods with the same probability, whatever the rate and the drop-out after the last. So the
    sum of squares of x gaps over n periods about their mean has the expectation n (n - x) (x - 1) / (x (x + 1)).

    Examples
    --------
    >>> even = Gaps.of(np.array([0, 30, 60, 90, 120]), np.array([0]))
    >>> even.free, even.dispersion, even.share_even
    (3, 0.0, 1.0)
    """

    customers: int
    free: int
    spread: float
    even: int

    @classmethod
    def of(cls, period: NDArray[np.int64], start: NDArray[np.intp]) -> Self:
        """Return the gaps of a log.

        Parameters
        ----------
        period
            Periods with a purchase as whole numbers, sorted within a customer, customer after customer.
        start
            Where each customer's begin.
        """
        x, last = np.diff(start, append=len(period)) - 1, np.append(start[1:], len(period)) - 1
        n = (period[last] - period[start]).astype(float)
        steps = np.diff(period, prepend=0).astype(float)
        steps[start] = 0.0
        squares = np.add.reduceat(steps**2, start)
        seen = (x > 1) & (n > x)
        x, n, squares = x[seen], n[seen], squares[seen]
        spread = (squares - n**2 / x) / (n * (n - x) * (x - 1) / (x * (x + 1)))
        even = (x >= _EVEN_GAPS) & (spread < _EVEN)
        return cls(len(x), int((x - 1).sum()), float((x - 1) @ spread), int((x - 1)[even].sum()))

    @property
    def dispersion(self) -> float:
        """The variance of gaps over that of purchases at random: 0 if they are even, 1 by chance; NaN without gaps."""
        return self.spread / self.free if self.free else float("nan")

    @property
    def share_even(self) -> float:
        """The share of the gaps that belongs to customers whose gaps are even by themselves; NaN without gaps."""
        return self.even / self.free if self.free else float("nan")

    def __add__(self, other: "Gaps") -> "Gaps":
        """Return the gaps of two disjoint parts of a base."""
        return Gaps(*(one + of for one, of in zip(astuple(self), astuple(other), strict=True)))
