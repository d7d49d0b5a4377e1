"""From a fit to a forecast of every customer's purchases."""

from collections.abc import Sequence
from datetime import timedelta

from clvmodels.cautions import warn_of
from clvmodels.data.rfm import RFM, refuse_no_rfm
from clvmodels.inference.fit import Fit
from clvmodels.models.future import PurchaseModel
from clvmodels.prediction.cautions import of_use
from clvmodels.prediction.forecast import Forecast
from clvmodels.prediction.source import from_fits, require_fit
from clvmodels.prediction.terms import Terms
from clvmodels.units import Duration, durations, force_of_interest


def predict(
    purchases: Fit[PurchaseModel],
    rfm: RFM,
    horizon: "str | timedelta | Duration | Sequence[str | timedelta | Duration]",
    futures: int = 1000,
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
    futures
        Simulated futures a customer: under each draw of the parameters in turn. A multiple of the fit's draws weighs
        them alike; with fewer than 100 futures the ends of intervals are rough, and too narrow.
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
    A forecast; its ``frame()`` has ``customer_id, p_alive, p_purchase`` (the probability of at least one purchase),
    ``purchases_mean`` (expected purchases), and of the realised purchases ``purchases_sd, purchases_median`` and the
    90 % interval ``purchases_lower, purchases_upper``, and ``p_zero``. Discounted, these are
    ``discounted_purchases_mean`` and so on, beside the undiscounted ``expected_purchases`` where they are finite. With
    several horizons there is a row a customer and ``horizon``.

    Raises
    ------
    FitError
        If the fit's verdict is bad.

    Warns
    -----
    CLVWarning
        If the customers' log begins later than that of the fit, ends earlier, or ends more than a year later.

    Examples
    --------
    >>> import clvmodels as clv
    >>> log = clv.Transactions(clv.datasets.load_cdnow(), customer="customer_id", date="date")
    >>> rfm = log.split("1997-09-30")[0].summarize(unit="week")
    >>> forecast = clv.predict(clv.fit(clv.BGNBD, rfm, clv.MaximumLikelihood()), rfm, "39 weeks", futures=100)
    >>> round(forecast.total().mean)
    1653
    """
    horizons = durations(horizon)
    require_fit(purchases, "purchases")
    refuse_no_rfm(rfm)
    warn_of(of_use(purchases, rfm))
    terms = Terms.plain(len(rfm), force_of_interest(discount, rfm.unit))
    source = from_fits(purchases, None, rfm, horizons, terms, futures=futures, seed=seed, threads=threads)
    quantity = "discounted_purchases" if discount else "purchases"
    return Forecast(rfm, source, quantity, tuple(map(str, horizons)), source.seed)
