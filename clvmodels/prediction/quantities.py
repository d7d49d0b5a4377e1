"""What to expect of each customer: the probability to be alive, and of every number of purchases."""

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from clvmodels.data.rfm import RFM
from clvmodels.errors import SettingError
from clvmodels.inference.fit import Fit
from clvmodels.models.protocols import Floats, PurchaseModel
from clvmodels.prediction.histories import Histories, all_draws, by_history
from clvmodels.prediction.totals import ends, mean_over_draws, quantile
from clvmodels.units import Duration, duration

Span = str | timedelta | Duration


def probability_alive(
    fit: Fit[Any], rfm: RFM, after: Span | list[Span] | tuple[Span, ...] | None = None
) -> pd.DataFrame:
    """Return the probability that each customer is still one.

    Computed once a distinct history, in blocks: beside the table it takes some 30 MB a processor.

    Parameters
    ----------
    fit
        A fit of a purchase model. Its time unit may differ from that of the RFM.
    rfm
        The customers, of the fit's data or new.
    after
        How long after the end of the observation, such as ``"26 weeks"``; ``None`` is at its end. From a list the
        table is long: a row a customer for each of its durations in turn, named in the column ``after``.

    Returns
    -------
    A row a customer, in the order of the RFM: ``customer_id``, ``after`` (of a list only), ``p_alive``, and
    ``p_alive_lower, p_alive_upper``, the 90 % interval over the draws of the parameters: what is not known of these. A
    fit by ``MaximumLikelihood()`` has no draws, and the interval is left out.

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
    >>> now, later = (clv.probability_alive(fit, rfm, after) for after in (None, "1 year"))
    >>> bool((later["p_alive"] < now["p_alive"]).all())
    True
    """
    model = all_draws(fit, rfm)
    if not isinstance(after, list | tuple):
        return pd.DataFrame({"customer_id": rfm.customer_id, **_alive(fit, model, rfm, after)})
    if not after:
        raise SettingError("The list of durations is empty. Name one or more, such as after=['26 weeks', '1 year'].")
    tables = [
        pd.DataFrame({"customer_id": rfm.customer_id, "after": str(span), **_alive(fit, model, rfm, span)})
        for span in after
    ]
    return pd.concat(tables, ignore_index=True)


def _alive(fit: Fit[Any], model: PurchaseModel, rfm: RFM, after: Span | None) -> dict[str, Floats]:
    t = 0.0 if after is None else _finite(after).count(rfm.unit)

    def summary(histories: Histories) -> Floats:
        alive = histories.probability_alive(model)
        if t > 0:
            alive *= histories.at_age(model.survival_if_alive, t)
        ordered = np.sort(alive, axis=0)
        return np.stack([mean_over_draws(alive), *(quantile(ordered, p) for p in ends(0.90))])

    names = ("p_alive", "p_alive_lower", "p_alive_upper")[: 1 if fit.posterior is None else 3]
    return dict(zip(names, by_history(rfm, model.draws, summary), strict=False))


def purchase_distribution(fit: Fit[Any], rfm: RFM, horizon: Span, most: int = 10) -> pd.DataFrame:
    """Return the probability of every number of purchases of each customer after the end of the observation.

    Averaged over all draws of the parameters. Computed once a distinct history, in blocks: beside the table it takes
    some 30 MB a processor.

    Parameters
    ----------
    fit
        A fit of a purchase model. Its time unit may differ from that of the RFM.
    rfm
        The customers, of the fit's data or new.
    horizon
        How far ahead, such as ``"39 weeks"``; it has an end.
    most
        The number from which on numbers are taken together, from 1 up.

    Returns
    -------
    A row a customer, in the order of the RFM: ``customer_id``, ``p_0``, ``p_1``, ... and last ``p_10_or_more``. Each is
    computed by itself, right to about nine digits however small it is; they sum to 1 to rounding.

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
    >>> list(clv.purchase_distribution(fit, rfm, "1 year", most=3))
    ['customer_id', 'p_0', 'p_1', 'p_2', 'p_3_or_more']
    """
    most = _whole(most, "most")
    model, t = all_draws(fit, rfm), _finite(horizon).count(rfm.unit)

    def probabilities(histories: Histories) -> Floats:
        alive = histories.probability_alive(model)

        def exactly(k: int) -> Floats:
            return alive * histories.at_age(lambda x, T: model.count_if_alive(np.array(float(k)), x, T, t))

        some = [mean_over_draws(exactly(k)) for k in range(1, most)]
        return np.stack([mean_over_draws(1 - alive + exactly(0)), *some, _at_least(most, model, histories, t)])

    names = [*(f"p_{k}" for k in range(most)), f"p_{most}_or_more"]
    columns = dict(zip(names, by_history(rfm, model.draws, probabilities), strict=True))
    return pd.DataFrame({"customer_id": rfm.customer_id, **columns})


def probability_of_purchases(fit: Fit[Any], rfm: RFM, horizon: Span, at_least: int = 1) -> pd.DataFrame:
    """Return the probability that each customer makes at least so many purchases after the end of the observation.

    The last column of ``purchase_distribution`` alone, and much faster.

    Parameters
    ----------
    fit
        A fit of a purchase model. Its time unit may differ from that of the RFM.
    rfm
        The customers, of the fit's data or new.
    horizon
        How far ahead, such as ``"39 weeks"``; it has an end.
    at_least
        How many purchases, from 1 up.

    Returns
    -------
    A row a customer, in the order of the RFM: ``customer_id`` and ``p_1_or_more`` (or whatever ``at_least`` is), right
    to about nine digits however small it is.

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
    >>> list(twice)
    ['customer_id', 'p_2_or_more']
    """
    k = _whole(at_least, "at_least")
    model, t = all_draws(fit, rfm), _finite(horizon).count(rfm.unit)
    (found,) = by_history(rfm, model.draws, lambda histories: _at_least(k, model, histories, t)[None])
    return pd.DataFrame({"customer_id": rfm.customer_id, f"p_{k}_or_more": found})


def _at_least(k: int, model: PurchaseModel, histories: Histories, t: float) -> Floats:
    if_alive = histories.at_age(lambda x, T: model.at_least_if_alive(np.array(float(k)), x, T, t))
    return mean_over_draws(histories.probability_alive(model) * if_alive)


def _finite(span: Span) -> Duration:
    length = duration(span)
    if length.is_infinite:
        raise SettingError(
            "This needs a time with an end, such as '1 year'; clv.next_purchase looks at all the future."
        )
    return length


def _whole(k: int, name: str) -> int:
    if not isinstance(k, int | np.integer) or isinstance(k, bool) or k < 1:
        raise SettingError(f"A number of purchases is a whole number from 1 up; {name}={k!r} is not.")
    return int(k)
