"""Returns set against purchases."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# A purchase whose rest is smaller than this share of its value is rounding, not money.
_ROUNDING = 1e-13


def net_returns(customer: NDArray[np.int64], spend: Floats, returned: Floats) -> tuple[Floats, Floats]:
    """Return what is left of purchases, and of returns, after returns are taken off purchases.

    A return is taken off the purchases of its own period first, then off those of earlier periods, the latest first.

    Parameters
    ----------
    customer
        Customer of each period with a purchase or a return, sorted, and periods in order within a customer. Shape
        ``(periods,)``.
    spend
        Money of the period's purchases, 0 or more. Shape ``(periods,)``.
    returned
        Money of the period's returns, 0 or more. Shape ``(periods,)``.

    Returns
    -------
    kept
        What is left of each period's purchases, shape ``(periods,)``.
    unmatched
        What is left of each period's returns because there was no purchase to take it off, shape ``(periods,)``.

    Examples
    --------
    >>> kept, unmatched = net_returns(np.array([0, 0, 0]), np.array([5.0, 4.0, 0.0]), np.array([0.0, 0.0, 6.0]))
    >>> kept.tolist(), unmatched.tolist()
    ([3.0, 0.0, 0.0], [0.0, 0.0, 0.0])
    """
    difference, rounding = spend - returned, _ROUNDING * np.maximum(spend, returned)
    kept = np.where(difference > rounding, difference, 0.0)
    unmatched = np.where(-difference > rounding, -difference, 0.0)
    # Most returns are settled within their own period; only the customers of the others are walked through.
    rows = np.flatnonzero(np.isin(customer, np.unique(customer[unmatched > 0])))
    kept[rows], unmatched[rows] = _latest_first(customer[rows], kept[rows], unmatched[rows], rounding[rows])
    return kept, unmatched


def _latest_first(
    customer: NDArray[np.int64], spend: Floats, returned: Floats, rounding: Floats
) -> tuple[Floats, Floats]:
    """Take returns off earlier periods; a period has money bought or money returned, not both."""
    kept, unmatched, limits = spend.tolist(), returned.tolist(), rounding.tolist()
    open_periods: list[int] = []
    previous = None
    for row, who in enumerate(customer.tolist()):
        if who != previous:
            open_periods, previous = [], who
        if kept[row] > 0:
            open_periods.append(row)
        while unmatched[row] > 0 and open_periods:
            latest = open_periods[-1]
            taken = min(kept[latest], unmatched[row])
            for money, at in ((unmatched, row), (kept, latest)):
                rest = money[at] - taken
                money[at] = rest if rest > limits[at] else 0.0
            if kept[latest] == 0:
                open_periods.pop()
    return np.array(kept), np.array(unmatched)
