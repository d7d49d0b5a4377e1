"""Cautions about a use: customers whose log and the log of the fit were not observed alike."""

from datetime import date, timedelta
from typing import Any

from clvmodels.cautions import Caution
from clvmodels.data.rfm import RFM
from clvmodels.inference.fit import Fit
from clvmodels.text import count, number

_CUT_DAYS = 30
_CUT_CUSTOMERS = 5.0  # a part of a base begins later by chance: by so many of its mean times between first purchases
_OLD = timedelta(days=366)


def of_use(fitted: Fit[Any], rfm: RFM) -> tuple[Caution, ...]:
    """Return the cautions about using a fit for these customers, the worst first."""
    return tuple(filter(None, (cut_histories(fitted, rfm), early_end(fitted, rfm), old_fit(fitted, rfm))))


def cut_histories(fitted: Fit[Any], rfm: RFM) -> Caution | None:
    """Return a caution about a log that begins later than that of the fit."""
    if fitted.observed_from is None or rfm.observed_from is None or rfm.observed_until is None:
        return None
    began = date.fromisoformat(fitted.observed_from)
    late, length = (rfm.observed_from - began).days, (rfm.observed_until - began).days
    if late <= max(_CUT_DAYS, _CUT_CUSTOMERS * length / len(rfm)):
        return None
    text = (
        f"This log begins on {rfm.observed_from}, and the model was fitted to one that begins on {began}, "
        f"{count(late, 'day')} earlier. Purchases before are missing from the histories, so that old customers look "
        "new and as if they bought less. Give the whole log, or acquired_since= a day from which it has all customers."
    )
    return Caution("cut histories", text)


def early_end(fitted: Fit[Any], rfm: RFM) -> Caution | None:
    """Return a caution about a log that ends before that of the fit: a quiet customer's last purchase is not today."""
    if fitted.observed_until is None or rfm.observed_until is None:
        return None
    if rfm.observed_until.isoformat() >= fitted.observed_until:
        return None
    text = (
        f"This log ends on {rfm.observed_until}, and the model was fitted to one that ends on "
        f"{fitted.observed_until}. Value is counted from the end of this log; if its customers were observed for "
        f"longer, say so with observed_until='{fitted.observed_until}'."
    )
    return Caution("early end", text)


def old_fit(fitted: Fit[Any], rfm: RFM) -> Caution | None:
    """Return a caution about a log that ends long after that of the fit."""
    if fitted.observed_until is None or rfm.observed_until is None:
        return None
    age = rfm.observed_until - date.fromisoformat(fitted.observed_until)
    if age < _OLD:
        return None
    text = (
        f"The model was fitted to a log that ends on {fitted.observed_until}, {number(age.days)} days before the end "
        "of this one. Customers may buy in another way by now: fit the model to this log."
    )
    return Caution("old fit", text)
