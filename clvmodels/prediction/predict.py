"""From a fit to a forecast of every customer's purchases."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np

from clvmodels.data.rfm import RFM
from clvmodels.inference.fit import Fit
from clvmodels.prediction.forecast import Forecast
from clvmodels.prediction.simulate import Terms
from clvmodels.prediction.source import model_source, refuse_misfits
from clvmodels.units import Duration, durations, force_of_interest


def predict(
    purchases: Fit[Any],
    rfm: RFM,
    horizon: "str | timedelta | Duration | Sequence[str | timedelta | Duration]",
    draws: int = 1000,
    seed: int = 0,
    threads: int | None = None,
    discount: float = 0.0,
) -> Forecast:
    """Predict each customer's purchases in the time after the end of the observation.

    Parameters
    ----------
    purchases
        A fit of a purchase model. Its time unit may differ from that of the RFM.
    rfm
        The customers to predict, of the fit's data or new.
    horizon
        How far ahead, such as ``"39 weeks"``, or several: ``["3 months", "1 year"]``.
    draws
        Simulated futures a customer: each draw of the parameters in turn. A multiple of the fits' draws weighs them
        alike; with fewer than 100 futures the ends of intervals are rough, and too narrow.
    seed
        What they follow from, together with the customer's id.
    threads
        How many chunks of customers are worked on at a time; by default one a core. The results are the same.
    discount
        Effective yearly rate at which later purchases count for less, in continuous time. With one, the quantity is
        "discounted_purchases", and the horizon may be ``"infinite"``: the mean then is what the papers call discounted
        expected residual transactions (DERT).

    Returns
    -------
    A forecast; its ``frame()`` has ``customer_id, p_alive, expected_purchases, p_purchase`` (the probability of at
    least one), ``purchases_mean``, and of the realised purchases ``purchases_sd, purchases_median, purchases_lower,
    purchases_upper, p_zero``. With several horizons there is a row a customer and ``horizon``.

    Raises
    ------
    FitError
        If the fit's verdict is bad.

    Examples
    --------
    >>> import clvmodels as clv
    >>> log = clv.Transactions(clv.datasets.load_cdnow(), customer="customer_id", date="date")
    >>> rfm = log.split("1997-09-30")[0].summarize(unit="week")
    >>> forecast = clv.predict(clv.fit(clv.BGNBD, rfm, clv.MaximumLikelihood()), rfm, "39 weeks", draws=100)
    >>> round(forecast.total().mean)
    1653
    """
    horizons = durations(horizon)
    refuse_misfits(purchases, None, rfm)
    terms = replace(Terms.plain(len(rfm)), delta=np.full(len(rfm), force_of_interest(discount, rfm.unit)))
    source = model_source(purchases, None, rfm, horizons, terms, draws=draws, seed=seed, threads=threads)
    quantity = "discounted_purchases" if discount else "purchases"
    return Forecast(rfm, source, quantity, tuple(map(str, horizons)))
