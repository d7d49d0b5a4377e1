"""Cautions about a log: what is in it that the models do not expect, with its size and the cure."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from clvmodels.cautions import Caution
from clvmodels.data.cells import null_texts
from clvmodels.data.gaps import Gaps
from clvmodels.data.log import DAY, Events, Log, Purchases
from clvmodels.data.rfm import RFM, Calendar
from clvmodels.data.rules import Rows
from clvmodels.data.runs import starts
from clvmodels.errors import LeftTruncationWarning, MergedPurchasesWarning, SpendDependenceWarning
from clvmodels.text import count, join, number, percent
from clvmodels.units import Duration

Floats = NDArray[np.float64]

# A first month is a spike when it has this many times the first purchases of a month after it, and exceeds them by
# this many standard deviations of chance.
_SPIKE_RATIO = 1.5
_SPIKE_SIGMAS = 4.0
_SPIKE_DAYS = 30

# Who buys at random in half of all periods hides more than a quarter of the purchases: 1 - 0.5 / log(2) = 28 %.
_SATURATED = 0.5
_SATURATED_PURCHASES = 10
_SATURATED_SHARE = 0.1

_COPIES_SHARE = 0.05  # of the rows
_COPIES = 10  # fewer are not worth a word, and no stretch of an overlap

_TOTAL_ROWS = 6  # in fewer, an amount may well be the sum of the others
_TOTAL_ROUNDING = 1e-6

_RETURNS = 0.2  # of the rows: more than this is worth a word even where purchases are there to take them off
_RETURNS_UNMATCHED = 0.05  # of the rows, where
_RETURNS_ROWS = 10
_UNMATCHED = 0.2  # of the returns have no purchase before them

# Accounts stand out when each has this share of the rows, and this many times those of any other customer.
_ACCOUNT_SHARE = 0.05
_ACCOUNT_RATIO = 3.0
_ACCOUNT_DAYS = 20  # with a purchase: one order of many lines is no account
_ACCOUNTS = 3
_ACCOUNT_BASE = 100  # customers: of fewer, the best may well have a large share

# Customers with twice the frequency spend log(2) times this much more, as a multiple of the average, and
_DEPENDENCE = 0.25
_DEPENDENCE_LEAST = 0.05  # is beyond an interval of so many standard errors (98 %).
_DEPENDENCE_SIGMAS = 2.33
_DEPENDENCE_CUSTOMERS = 20
# Among few repeat buyers it also does where the logarithms are strongly correlated, beyond chance.
_STRONG = 0.4
_BY_CHANCE = 0.02

_SILENCE_RATIO = 5.0  # of the longest time without any purchase before
_SILENCE_DAYS = 14
_SILENCE_PURCHASES = 30  # days with a purchase

_EVEN = 0.5  # dispersion of gaps; purchases at random have 1
_EVEN_SHARE = 0.2  # of the gaps, those of customers who are even by themselves
_EVEN_FREE = 50
_EVEN_CUSTOMERS = 10

_DRIFT = float(np.log(1.1))  # a year, within customers
_DRIFT_SIGMAS = 3.0
_DRIFT_CUSTOMERS = 30
_YEAR = np.timedelta64(31_557_600, "s")  # 365.25 days

_LATE_SHARE = 0.1  # of the observation, in which half of the customers are acquired
_LATE_CUSTOMERS = 50
_LATE_DAYS = 60  # a shorter observation is late as a whole


def of_rows(rows: Rows, ids: NDArray[Any]) -> tuple[Caution, ...]:
    """Return the cautions about a table's rows, sorted, before any are merged or taken off each other."""
    present = ids[np.unique(rows.customer)]
    named = (case_alone(present), names_for_nothing(present)) if present.dtype == object else ()
    return tuple(filter(None, (total_row(rows, ids), copies(rows), *named)))


def of_log(log: Log) -> tuple[Caution, ...]:
    """Return all cautions about a log, the worst first."""
    purchases = log.purchases
    return (
        *log.source.cautions,
        *filter(
            None,
            (
                account(log.events, log.source.ids),
                no_returns(log),
                spike(log.calendar) if log.source.acquired_since is None else None,
                future_end(log.last) or silence(purchases, log.last),
                even_gaps(log.gaps),
                drift(purchases) if log.has_money else None,
                saturation(purchases, log.period),
                late(purchases, log.first, log.last),
            ),
        ),
    )


def total_row(rows: Rows, ids: NDArray[Any]) -> Caution | None:
    """Return a caution about a row whose amount is the sum of all others."""
    if rows.amount is None or len(rows) < _TOTAL_ROWS:
        return None
    others = rows.amount.sum() - rows.amount
    found = np.flatnonzero((rows.amount > 0) & (np.abs(rows.amount - others) <= _TOTAL_ROUNDING * rows.amount))
    if not len(found):
        return None
    row = found[0]
    (who,) = ids[rows.customer[found[:1]]].tolist()
    text = (
        f"The row of customer {who!r} on {rows.day[row]} has the amount "
        f"{number(rows.amount[row], 2)}, which is the sum of all other rows. It looks like a total and counts as a "
        "purchase: leave it out beforehand."
    )
    return Caution("total row", text)


def case_alone(ids: NDArray[Any]) -> Caution | None:
    """Return a caution about text ids that differ only by upper and lower case."""
    folded = pd.Series(ids).str.casefold()
    alike = folded.duplicated(keep=False).to_numpy()
    if not alike.any():
        return None
    first = ids[(folded == folded[alike].iloc[0]).to_numpy()]
    text = (
        f"{number(alike.sum())} of {count(len(ids), 'customer id')} differ from another only by upper and lower case, "
        f"such as {join(list(map(repr, first[:2])))}. If they are the same customers, each has too few purchases: "
        "write all ids in one case beforehand."
    )
    return Caution("ids that differ by case", text)


def names_for_nothing(ids: NDArray[Any]) -> Caution | None:
    """Return a caution about customers whose id is written as people write a missing value, such as NA."""
    found = pd.Series(ids)[null_texts(pd.Series(ids), also_not_available=True)].tolist()
    if not found:
        return None
    text = (
        f"There {'is a customer' if len(found) == 1 else 'are customers'} with the id {join(list(map(repr, found)))}, "
        "which often stands for a missing one. If it does, purchases of many count as those of one customer: leave "
        "these rows out beforehand, or leave the id empty."
    )
    return Caution("ids like a missing value", text)


def copies(rows: Rows) -> Caution | None:
    """Return a caution about rows that equal another: a stretch of time in which all do, or a large share of all."""
    if rows.amount is None:
        return None  # those of one day are one purchase, and there is no money to add up
    copy, stretch = rows.is_copy & _doubled(rows), _stretch(rows)
    if stretch is not None:
        copy = rows.is_copy & (rows.day >= stretch[0]) & (rows.day <= stretch[1])
        what = f"Every row from {stretch[0]} to {stretch[1]} stands there more than once, as if two exports overlapped"
    elif max(_COPIES, _COPIES_SHARE * len(rows)) <= copy.sum() - np.bincount(rows.customer[copy]).max(initial=0):
        # Without the id that has most of them: guests who share one may buy the same on the same day.
        what = "Many rows equal another in every column used"
    else:
        return None
    text = (
        f"{what}: {number(copy.sum())} rows ({percent(copy.mean(), 1)}), worth {number(rows.amount[copy].sum(), 2)}, "
        "are copies, and their money is counted again. Leave copies out beforehand, unless they are purchases of "
        "their own."
    )
    return Caution("copies of rows", text)


def _doubled(rows: Rows) -> NDArray[np.bool_]:
    """Return which rows are of a customer and time of which every row has a copy.

    Among the lines of one order, some cost the same; but hardly ever does each stand there twice.
    """
    start = starts(rows.customer, rows.stamp)
    whole = np.logical_and.reduceat(rows.has_copy, start)
    return np.repeat(whole, np.diff(start, append=len(rows)))


def _stretch(rows: Rows) -> tuple[np.datetime64, np.datetime64] | None:
    """Return the first and the last day of the longest stretch in which each row has a copy; ``None`` without one."""
    first = ~rows.is_copy
    days, at = np.unique(rows.day[first], return_inverse=True)
    whole = np.bincount(at, ~rows.has_copy[first]) == 0
    run = starts(whole)
    size = np.add.reduceat(np.where(whole, np.bincount(at), 0), run)
    longest = int(size.argmax())
    if size[longest] < _COPIES:
        return None
    end = np.append(run, len(days))[longest + 1] - 1
    return days[run[longest]], days[end]


def account(events: Events, ids: NDArray[Any]) -> Caution | None:
    """Return a caution about ids with far more rows than any other, such as a guest account."""
    rows = np.bincount(events.customer, events.purchases)
    best = np.argsort(-rows, kind="stable")[: _ACCOUNTS + 1]
    if np.count_nonzero(rows) < _ACCOUNT_BASE:
        return None
    apart = [
        k
        for k in range(1, _ACCOUNTS + 1)
        if rows[best[k - 1]] >= max(_ACCOUNT_SHARE * rows.sum(), _ACCOUNT_RATIO * rows[best[k]])
    ]
    if not apart:
        return None
    named, next_best = best[: apart[-1]], best[apart[-1]]
    if (np.bincount(events.customer)[named] < _ACCOUNT_DAYS).any():
        return None
    text = (
        f"{percent(rows[named].sum() / rows.sum())} of the rows are those of customer "
        f"{join([repr(who) for who in ids[named].tolist()])}; no other has more than {number(rows[next_best])} rows. "
        "This looks like a shared account, such as that of guests, and not like a customer: leave it out, or give its "
        "purchases the ids of who made them."
    )
    return Caution("shared account", text)


def no_returns(log: Log) -> Caution | None:
    """Return a caution about negative amounts that are too many, or too often without a purchase, to be returns."""
    back, all_rows = int(log.events.returns.sum()), log.events.rows
    share, unmatched = back / all_rows, log.unmatched
    alone = len(unmatched) / max(int((log.events.returns > 0).sum()), 1)
    if back < _RETURNS_ROWS or (share < _RETURNS and (share < _RETURNS_UNMATCHED or alone < _UNMATCHED)):
        return None
    text = (
        f"{percent(share)} of the rows have a negative amount ({number(back)} of {number(all_rows)}), and for "
        f"{percent(alone)} of them there is no purchase to take them off. Negative amounts are taken for returns, "
        "which undo purchases; these look like no returns, but for example like profits. Name a column with what "
        "customers paid, and give margin and costs to the plan."
    )
    return Caution("negative amounts", text)


def spend_dependence(rfm: RFM) -> Caution | None:
    """Return a caution about repeat buyers whose spend a purchase depends on how often they buy.

    Measured by the slope of mean spend, as a multiple of its average, on the logarithm of the frequency. Unlike a
    correlation of logarithms, which the text has too, it is 0 on average where spend does not depend on frequency.
    """
    if rfm.monetary_value is None:
        return None
    buyers = (rfm.frequency > 0) & (rfm.monetary_value > 0)
    x, spend = np.log(rfm.frequency[buyers]), rfm.monetary_value[buyers]
    if len(x) < _DEPENDENCE_CUSTOMERS or np.ptp(x) == 0 or np.ptp(spend) == 0:
        return None
    each = x - x.mean()
    slope = float(each @ spend / spend.mean() / (each @ each))
    rest = each * (spend / spend.mean() - 1 - slope * each)
    reach = _DEPENDENCE_SIGMAS * float(np.sqrt(rest @ rest) / (each @ each))
    together = stats.pearsonr(x, np.log(spend))
    strong = abs(together.statistic) > _STRONG and together.pvalue < _BY_CHANCE
    if not strong and (abs(slope) < _DEPENDENCE or abs(slope) - reach < _DEPENDENCE_LEAST):
        return None
    twice, low, high = (percent(np.log(2) * size) for size in (abs(slope), abs(slope) - reach, abs(slope) + reach))
    more, much, little = ("more", "much", "little") if slope > 0 else ("less", "little", "much")
    text = (
        f"Spend depends on frequency: among {number(len(x))} repeat buyers, those with twice as many purchases spend "
        f"{more} on each, by {twice} of the average (98 % interval: {low} to {high}; the logarithms have a correlation "
        f"of {together.statistic:.2f}). The spend model takes them to be independent, so it expects "
        f"too {little} money of frequent buyers and too {much} of the others. Compare on held-out purchases before you "
        "rely on money, or fit segments that differ in both apart."
    )
    return Caution("spend and frequency", text, SpendDependenceWarning)


def future_end(end: np.datetime64) -> Caution | None:
    """Return a caution about an observation that goes on after tomorrow."""
    today = np.datetime64("today", "D")
    if end <= today + DAY:
        return None
    text = (
        f"The observation goes on until {end}, {count(int((end - today) / DAY), 'day')} after today. Nobody can have "
        "been seen to buy in this time, so all customers look lost: set observed_until= to the day on which the log "
        "was drawn, unless the dates are meant so."
    )
    return Caution("future end", text)


def silence(purchases: Purchases, end: np.datetime64) -> Caution | None:
    """Return a caution about an observation that goes on long after anybody's last purchase."""
    days = np.unique(purchases.day)
    quiet, usual = int((end - days[-1]) / DAY), int((np.diff(days) / DAY).max(initial=1))
    if len(days) < _SILENCE_PURCHASES or quiet < max(_SILENCE_DAYS, _SILENCE_RATIO * usual):
        return None
    text = (
        f"Nobody has a purchase in the last {count(quiet, 'day')} of the observation, from {days[-1] + DAY} to {end}; "
        f"before, there were never more than {count(usual, 'day')} from one purchase to the next. If the log ends "
        f"earlier than the observation, all customers look lost: set observed_until='{days[-1]}' or the day on which "
        "the log was really drawn."
    )
    return Caution("silent end", text)


def even_gaps(gaps: Gaps) -> Caution | None:
    """Return a caution about customers who buy at even gaps, as under a subscription."""
    if (
        gaps.free < _EVEN_FREE
        or gaps.customers < _EVEN_CUSTOMERS
        or (gaps.dispersion >= _EVEN and gaps.share_even <= _EVEN_SHARE)
    ):
        return None
    text = (
        f"Customers buy at even gaps: the variance of {count(gaps.free + gaps.customers, 'gap')} of "
        f"{count(gaps.customers, 'customer')} is {percent(gaps.dispersion)} of that of purchases at random, and "
        f"{percent(gaps.share_even)} of them belong to customers whose gaps are hardly ever so even by chance. This "
        "looks like a subscription or a contract. The models expect purchases at random times, so they see too late "
        "who has left, and expect too much of silent customers. Use a model of contracts, which counts renewals, or "
        "leave subscribers out."
    )
    return Caution("even gaps", text)


def drift(purchases: Purchases) -> Caution | None:
    """Return a caution about repeat purchases whose value rises or falls from year to year within customers."""
    of = np.flatnonzero(purchases.is_repeat & (purchases.amount > 0))
    distinct, row, size = np.unique(purchases.customer[of], return_inverse=True, return_counts=True)
    if np.count_nonzero(size > 1) < _DRIFT_CUSTOMERS:
        return None

    def within(values: Floats) -> Floats:
        return values - (np.bincount(row, values) / size)[row]

    year = within((purchases.day[of] - purchases.day[0]) / _YEAR)
    value = within(np.log(purchases.amount[of]))
    information = float(year @ year)
    if not information:
        return None
    slope = float(year @ value) / information
    scores = np.bincount(row, year * (value - slope * year), minlength=len(distinct))
    error = float(np.sqrt(scores @ scores)) / information
    if abs(slope) - _DRIFT_SIGMAS * error < _DRIFT:
        return None
    low, high = (percent(np.expm1(end)) for end in (slope - _DRIFT_SIGMAS * error, slope + _DRIFT_SIGMAS * error))
    text = (
        f"What customers spend a purchase changes by {percent(np.expm1(slope))} a year ({low} to {high}), measured "
        "within customers. The models take it to be steady, so money is expected at the level of the past. Give "
        "amounts in prices of one time, or learn from the last months only."
    )
    return Caution("drift of spend", text)


def late(purchases: Purchases, first: np.datetime64, last: np.datetime64) -> Caution | None:
    """Return a caution about a base of which most were acquired at the very end of the observation."""
    age, days = (last - purchases.first) / DAY, (last - first) / DAY + 1
    middle = float(np.median(age))
    if len(age) < _LATE_CUSTOMERS or days < _LATE_DAYS or middle >= _LATE_SHARE * days:
        return None
    text = (
        f"Half of the {count(len(age), 'customer')} were acquired in the last {count(round(middle) + 1, 'day')} of "
        f"{number(days)}. What they will do is learnt from those who came long before, who may be unlike them. Look at "
        "them apart, or use a longer log."
    )
    return Caution("acquired late", text)


def spike(calendar: Calendar) -> Caution | None:
    """Return a caution about many more first purchases at the log's start than later; ``None`` where there are not."""
    first = calendar.first_purchases
    # A cohort has no first purchases after its last one: silence by design says nothing about a spike.
    first = first[: int(np.flatnonzero(first)[-1]) + 1]
    later = first[_SPIKE_DAYS : 4 * _SPIKE_DAYS]
    if len(later) < _SPIKE_DAYS:
        return None
    start, usual = int(first[:_SPIKE_DAYS].sum()), float(later.mean() * _SPIKE_DAYS)
    noise = float(np.sqrt((usual + 1) * (1 + _SPIKE_DAYS / len(later))))
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
