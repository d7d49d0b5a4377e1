"""What to expect of each customer: the probability to be alive, and of every number of purchases."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

import numpy as np
import pandas as pd

from clvmodels import checked
from clvmodels.data.rfm import RFM
from clvmodels.errors import SettingError
from clvmodels.inference.fit import Fit
from clvmodels.models.future import PurchaseModel
from clvmodels.models.special import Floats
from clvmodels.prediction.blocks import Block, by_history
from clvmodels.prediction.customer_table import CustomerTable
from clvmodels.prediction.source import model_rows
from clvmodels.prediction.summaries import ends, mean_over_draws, quantile
from clvmodels.units import Duration, duration

_MOST_COLUMNS = 10_000  # of a table

Span = str | timedelta | Duration


def probability_alive(
    purchases: Fit[PurchaseModel], rfm: RFM, after: Span | Sequence[Span] | None = None
) -> CustomerTable:
    """Return the probability that each customer is still one.

    Computed once a distinct history, in blocks: beside the table it takes some 30 MB a processor.

    Parameters
    ----------
    purchases
        A fit of a purchase model. Its time unit may differ from that of the RFM.
    rfm
        The customers, of the fit's data or new.
    after
        How long after the end of the observation, such as ``"26 weeks"``; ``None`` is at its end. From a list the
        table is long: a row a customer for each of its durations in turn, named in the column ``after``.

    Returns
    -------
    A result whose ``frame()`` has a row a customer, in the order of the RFM: ``customer_id``, ``after`` (of a list
    only), ``p_alive``, and ``p_alive_lower, p_alive_upper``, the 90 % interval over the draws of the parameters: what
    is not known of these. A fit by ``MaximumLikelihood()`` has no draws, and the interval is left out.

    Raises
    ------
    FitError
        If the fit's verdict is bad.
    UnitError, SettingError
        If an argument is not what it should be.

    Examples
    --------
    >>> import clvmodels as clv
    >>> rfm = clv.Transactions(clv.datasets.load_cdnow(), customer="customer_id", date="date").summarize(unit="week")
    >>> fit = clv.fit(clv.BGNBD, rfm, clv.MaximumLikelihood())
    >>> now, later = (clv.probability_alive(fit, rfm, after).frame() for after in (None, "1 year"))
    >>> bool((later["p_alive"] < now["p_alive"]).all())
    True
    """
    model, ids = model_rows(purchases, rfm, "purchases"), {"customer_id": rfm.customer_id}
    if isinstance(after, str) or not isinstance(after, Iterable):
        horizon = None if after is None else _finite(after)
        table = pd.DataFrame(ids | _alive(purchases, model, rfm, horizon))
        return _table("probability to be alive", purchases, rfm, table, horizon)
    spans = [_finite(span) for span in after]
    if not spans:
        raise SettingError("The list of durations is empty. Name one or more, such as after=['26 weeks', '1 year'].")
    tables = [pd.DataFrame(ids | {"after": str(span)} | _alive(purchases, model, rfm, span)) for span in spans]
    longest = max(spans, key=lambda span: span.days)
    return _table("probability to be alive", purchases, rfm, pd.concat(tables, ignore_index=True), longest)


def _alive(purchases: Fit[PurchaseModel], model: PurchaseModel, rfm: RFM, after: Duration | None) -> dict[str, Floats]:
    t = 0.0 if after is None else after.count(rfm.unit)

    def summary(block: Block) -> Floats:
        alive = block.alive
        if t > 0:
            alive *= block.given_alive(lambda future: future.survival(t))
        ordered = np.sort(alive, axis=0)
        return np.stack([mean_over_draws(alive), *(quantile(ordered, p) for p in ends(0.90))])

    names = ("p_alive", "p_alive_lower", "p_alive_upper")[: 1 if purchases.sample is None else 3]
    return dict(zip(names, by_history(model, rfm, summary), strict=False))


def purchase_distribution(purchases: Fit[PurchaseModel], rfm: RFM, horizon: Span, most: int = 10) -> CustomerTable:
    """Return the probability of every number of purchases of each customer after the end of the observation.

    Averaged over all draws of the parameters. Computed once a distinct history, in blocks: beside the table it takes
    some 30 MB a processor.

    Parameters
    ----------
    purchases
        A fit of a purchase model. Its time unit may differ from that of the RFM.
    rfm
        The customers, of the fit's data or new.
    horizon
        How far ahead, such as ``"39 weeks"``; it has an end.
    most
        The number from which on numbers are taken together, from 1 up.

    Returns
    -------
    A result whose ``frame()`` has a row a customer, in the order of the RFM: ``customer_id``, ``p_0``, ``p_1``, ... and
    last ``p_10_or_more``. Each is computed by itself, right to about nine digits however small it is; they sum to 1 to
    rounding.

    Raises
    ------
    FitError
        If the fit's verdict is bad.
    UnitError, SettingError
        If an argument is not what it should be.

    Examples
    --------
    >>> import clvmodels as clv
    >>> rfm = clv.Transactions(clv.datasets.load_cdnow(), customer="customer_id", date="date").summarize(unit="week")
    >>> fit = clv.fit(clv.BGNBD, rfm, clv.MaximumLikelihood())
    >>> list(clv.purchase_distribution(fit, rfm, "1 year", most=3).frame())
    ['customer_id', 'p_0', 'p_1', 'p_2', 'p_3_or_more']
    """
    most, span = checked.whole("most", most, most=_MOST_COLUMNS), _finite(horizon)
    model, t = model_rows(purchases, rfm, "purchases"), span.count(rfm.unit)

    def probabilities(block: Block) -> Floats:
        alive = block.alive

        def exactly(k: int) -> Floats:
            return alive * block.given_alive(lambda future: future.count(np.array(float(k)), t))

        some = [mean_over_draws(exactly(k)) for k in range(1, most)]
        return np.stack([mean_over_draws(1 - alive + exactly(0)), *some, _at_least(most, block, t)])

    names = [*(f"p_{k}" for k in range(most)), f"p_{most}_or_more"]
    columns = dict(zip(names, by_history(model, rfm, probabilities), strict=True))
    table = pd.DataFrame({"customer_id": rfm.customer_id, **columns})
    return _table("probability of every number of purchases", purchases, rfm, table, span)


def probability_of_purchases(
    purchases: Fit[PurchaseModel], rfm: RFM, horizon: Span, at_least: int = 1
) -> CustomerTable:
    """Return the probability that each customer makes at least so many purchases after the end of the observation.

    The last column of ``purchase_distribution`` alone, and much faster.

    Parameters
    ----------
    purchases
        A fit of a purchase model. Its time unit may differ from that of the RFM.
    rfm
        The customers, of the fit's data or new.
    horizon
        How far ahead, such as ``"39 weeks"``; it has an end.
    at_least
        How many purchases, from 1 up.

    Returns
    -------
    A result whose ``frame()`` has a row a customer, in the order of the RFM: ``customer_id`` and ``p_1_or_more`` (or
    whatever ``at_least`` is), right to about nine digits however small it is.

    Raises
    ------
    FitError
        If the fit's verdict is bad.
    UnitError, SettingError
        If an argument is not what it should be.

    Examples
    --------
    >>> import clvmodels as clv
    >>> rfm = clv.Transactions(clv.datasets.load_cdnow(), customer="customer_id", date="date").summarize(unit="week")
    >>> fit = clv.fit(clv.BGNBD, rfm, clv.MaximumLikelihood())
    >>> twice = clv.probability_of_purchases(fit, rfm, "1 year", at_least=2)
    >>> list(twice.frame())
    ['customer_id', 'p_2_or_more']
    """
    k, span = checked.whole("at_least", at_least), _finite(horizon)
    model, t = model_rows(purchases, rfm, "purchases"), span.count(rfm.unit)
    (found,) = by_history(model, rfm, lambda block: _at_least(k, block, t)[None])
    table = pd.DataFrame({"customer_id": rfm.customer_id, f"p_{k}_or_more": found})
    return _table(f"probability of {k} purchases or more", purchases, rfm, table, span)


def _at_least(k: int, block: Block, t: float) -> Floats:
    return mean_over_draws(block.alive * block.given_alive(lambda future: future.at_least(np.array(float(k)), t)))


def _finite(span: Span) -> Duration:
    length = duration(span)
    if length.is_infinite:
        raise SettingError(
            "This needs a time with an end, such as '1 year'; clv.next_purchase looks at all the future."
        )
    return length


def _table(
    what: str, purchases: Fit[PurchaseModel], rfm: RFM, table: pd.DataFrame, horizon: Duration | None
) -> CustomerTable:
    within = None if horizon is None else str(horizon)
    return CustomerTable(what, purchases.name, rfm.unit, rfm.observed_until, within, purchases.draws_of, table)
