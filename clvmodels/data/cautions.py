"""Cautions about a log: old customers who look new, and purchases that merging hides."""

import numpy as np

from clvmodels.cautions import Caution
from clvmodels.data.log import DAY, Purchases
from clvmodels.data.rfm import Calendar
from clvmodels.errors import LeftTruncationWarning, MergedPurchasesWarning
from clvmodels.text import count, number, percent
from clvmodels.units import Duration

# A first month is a spike when it has this many times the first purchases of a month after it, and exceeds them by
# this many standard deviations of chance.
_SPIKE_RATIO = 1.5
_SPIKE_SIGMAS = 4.0
_SPIKE_DAYS = 30

# Who buys at random in half of all periods hides more than a quarter of the purchases: 1 - 0.5 / log(2) = 28 %.
_SATURATED = 0.5
_SATURATED_PURCHASES = 10
_SATURATED_SHARE = 0.1


def spike(calendar: Calendar) -> Caution | None:
    """Return a caution about many more first purchases at the log's start than later; ``None`` where there are not."""
    first = calendar.first_purchases
    # A cohort has no first purchases after its last one: silence by design says nothing about a spike.
    first = first[: int(np.flatnonzero(first)[-1]) + 1]
    later = first[_SPIKE_DAYS : 4 * _SPIKE_DAYS]
    if len(later) < _SPIKE_DAYS:
        return None
    start, usual = int(first[:_SPIKE_DAYS].sum()), float(later.mean() * _SPIKE_DAYS)
    noise = float(np.sqrt(usual * (1 + _SPIKE_DAYS / len(later))))
    if start <= _SPIKE_RATIO * usual or start <= usual + _SPIKE_SIGMAS * noise:
        return None
    text = (
        f"{number(start)} customers have their first purchase in the first {_SPIKE_DAYS} days of the log, against "
        f"{number(usual)} in {_SPIKE_DAYS} days of the months after. The log seems to start later than the business, "
        "so that old customers look new and too much is expected of them. Leave them out with acquired_since="
        f"'{calendar.day[0] + 3 * _SPIKE_DAYS * DAY}' or another date from which first purchases come at an even "
        "rate; any acquired_since= also says that you have decided, and silences this warning."
    )
    return Caution("left truncation", text, LeftTruncationWarning)


def saturation(purchases: Purchases, period: Duration) -> Caution | None:
    """Return a caution about customers who buy in most periods; ``None`` where few purchases are theirs."""
    counts, span = purchases.counts, (purchases.last - purchases.first) / DAY / period.days + 1
    saturated = (counts >= _SATURATED_PURCHASES) & (counts > _SATURATED * span)
    share = counts[saturated].sum() / counts.sum()
    if share <= _SATURATED_SHARE:
        return None
    advice = "Choose a shorter period." if period.days > 1 else "Look at them apart, as accounts rather than customers."
    text = (
        f"{percent(share)} of all purchases are those of {count(saturated.sum(), 'customer')} with a purchase in more "
        f"than half of the periods of {period} between the first and the last. Purchases within a period are one, so "
        f"that many of theirs are hidden, and the models expect purchases at random times. {advice}"
    )
    return Caution("merged purchases", text, MergedPurchasesWarning)
