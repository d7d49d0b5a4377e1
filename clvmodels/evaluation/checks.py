"""Goodness-of-fit checks: whether a model describes these customers.

Each takes a fit and the RFM that it was fitted to, and returns a ``Check``: a table, the numbers that sum it up, and
what its bands hold. ``clvmodels.drawing.checks`` draws them.

>>> import clvmodels as clv
>>> log = clv.Transactions(clv.datasets.load_cdnow(), customer="customer_id", date="date", amount="amount")
>>> past, future = log.split("1997-09-30")
>>> rfm = past.summarize(unit="week")
>>> [made.name for made in check(clv.fit(clv.BGNBD, rfm), rfm, future)]
['frequency_histogram', 'tracking', 'conditional_expectations by frequency', 'conditional_expectations by recency']
"""

from typing import Any

from clvmodels import checked
from clvmodels.data.rfm import RFM
from clvmodels.data.transactions import Transactions
from clvmodels.evaluation.check_base import Check
from clvmodels.evaluation.prior_checks import prior_predictive
from clvmodels.evaluation.purchase_checks import conditional_expectations, frequency_histogram, tracking
from clvmodels.evaluation.spend_checks import spend_density, spend_independence
from clvmodels.inference.fit import Fit

__all__ = [
    "Check",
    "check",
    "conditional_expectations",
    "frequency_histogram",
    "prior_predictive",
    "spend_density",
    "spend_independence",
    "tracking",
]


def check(fit: Fit[Any], rfm: RFM, future: Transactions | None = None, draws: int = 400, seed: int = 0) -> list[Check]:
    """Make every check that these data allow.

    Parameters
    ----------
    fit
        Of a purchase model or of a spend model.
    rfm
        The customers it was fitted to.
    future
        The second part of the split whose first gave ``rfm``, where there is one; a spend model does without.
    draws
        Draws of the parameters, and bases that are produced for the bands.
    seed
        What they follow from.

    Returns
    -------
    Of a purchase model the frequency histogram, tracking where the RFM knows its calendar, and with a future the
    conditional expectations by frequency and by recency; of a spend model its density and its independence.

    Raises
    ------
    FitError
        If the fit's verdict is bad.
    """
    if future is not None:
        checked.instance("future", future, Transactions, "It is the second part of Transactions(...).split(date).")
    if isinstance(fit, Fit) and fit.kind == "spend":
        return [spend_density(fit, rfm, draws, seed), spend_independence(fit, rfm, draws=draws, seed=seed)]
    made = [frequency_histogram(fit, rfm, draws=draws, seed=seed)]
    if rfm.calendar is not None:
        made.append(tracking(fit, rfm, future, draws=draws, seed=seed))
    if future is not None:
        made.append(conditional_expectations(fit, rfm, future, "frequency", draws=draws, seed=seed))
        made.append(conditional_expectations(fit, rfm, future, "recency", draws=draws, seed=seed))
    return made
