"""From fits to forecasts: expected purchases and simulated futures of every customer."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np

from clvmodels.data.rfm import RFM
from clvmodels.errors import SettingError
from clvmodels.inference.fit import Fit
from clvmodels.models.protocols import Floats, PurchaseModel, SpendModel
from clvmodels.prediction.expected import probability_alive, probability_of_purchase, purchases_if_alive
from clvmodels.prediction.forecast import Chunk, Forecast, mean_over_draws
from clvmodels.prediction.simulate import simulate
from clvmodels.units import DAYS, Duration, duration, force_of_interest

_CELLS = 2**20  # futures x customers held at once: 8 MB an array
_WORTHLESS = 1e-6  # discount factor beyond which an infinite horizon is not simulated


@dataclass(frozen=True, eq=False)
class ModelSource:
    """Forecasts from fitted models.

    Attributes
    ----------
    purchases, spend
        Models with a row a draw of the parameters, in the time unit of the RFM; without ``spend`` the quantity is
        purchases, with it money.
    rfm
        The customers.
    t, delta
        Horizon and force of interest, in the unit of the RFM.
    margin
        What remains of a unit of money.
    futures
        How many futures are simulated: under each draw in turn.
    seed
        What the futures follow from.
    uncertain
        Whether the rows are draws of a posterior.
    """

    purchases: PurchaseModel
    spend: SpendModel | None
    rfm: RFM
    t: float
    delta: float
    margin: float
    futures: int
    seed: int
    uncertain: bool

    def chunks(self) -> Iterator[Chunk]:
        """Yield the customers in the order of their histories, so that what equal histories share is computed once."""
        order = np.lexsort((self.rfm.T_days, self.rfm.frequency))
        size = max(1, _CELLS // self.futures)
        for start in range(0, len(order), size):
            yield self._chunk(order[start : start + size])

    def _chunk(self, customers: "np.ndarray[Any, np.dtype[np.intp]]") -> Chunk:
        rfm = self.rfm.take(customers)
        alive, t = probability_alive(self.purchases, rfm), self.t
        counts = alive * purchases_if_alive(self.purchases, rfm, t) if np.isfinite(t) else None
        expected = counts if self.delta == 0 and counts is not None else self._discounted(alive, rfm)
        columns = {"p_alive": mean_over_draws(alive)}
        if counts is not None:
            columns["expected_purchases"] = mean_over_draws(counts)
        if self.spend is None:
            columns["p_purchase"] = mean_over_draws(probability_of_purchase(self.purchases, rfm, t))
        else:
            value = np.atleast_2d(self.spend.expected_spend(*self.spend.observed(rfm)))
            columns["expected_spend"] = mean_over_draws(value)
            expected = self.margin * expected * value
        return Chunk(customers, mean_over_draws(expected), expected, self._realised(rfm), columns)

    def _discounted(self, alive: Floats, rfm: RFM) -> Floats:
        return alive * purchases_if_alive(self.purchases, rfm, self.t, self.delta)

    def _realised(self, rfm: RFM) -> Floats:
        row = np.arange(self.futures) % self.purchases.draws
        spend = None if self.spend is None else self.spend.take(row)
        t = self.t if np.isfinite(self.t) else -np.log(_WORTHLESS) / self.delta
        futures = simulate(self.purchases.take(row), spend, rfm, t, self.delta, self.seed)
        return futures.purchases.astype(float) if futures.money is None else self.margin * futures.money


def predict(
    purchases: Fit[Any], rfm: RFM, horizon: "str | timedelta | Duration", draws: int = 1000, seed: int = 0
) -> Forecast:
    """Predict each customer's purchases in the time after the end of the observation.

    Parameters
    ----------
    purchases
        A fit of a purchase model. Its time unit may differ from that of the RFM.
    rfm
        The customers to predict, of the fit's data or new.
    horizon
        How far ahead, such as ``"39 weeks"``.
    draws
        Simulated futures a customer.
    seed
        What they follow from, together with the customer's id.

    Returns
    -------
    A forecast; its ``frame()`` has ``customer_id, p_alive, expected_purchases, p_purchase`` (the probability of at
    least one), ``purchases_mean``, and of the realised purchases ``purchases_median, purchases_lower,
    purchases_upper, p_zero``.

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
    return Forecast(rfm, model_source(purchases, None, rfm, duration(horizon), 0.0, 1.0, draws, seed), "purchases")


def model_source(
    purchases: Fit[Any],
    spend: Fit[Any] | None,
    rfm: RFM,
    horizon: Duration,
    discount: float,
    margin: float,
    draws: int,
    seed: int,
) -> ModelSource:
    """Return the source of a forecast from fits that can be relied on, in the time unit of the RFM.

    ``discount`` is an effective yearly rate.
    """
    _refuse_misfits(purchases, spend, rfm)
    if spend is not None:
        spend.specification.observed(rfm)  # says what is missing before anything is computed
    if not isinstance(draws, (int, np.integer)) or draws < 1:
        raise SettingError(f"The number of futures is a whole number from 1 up; draws={draws!r} is not.")
    if not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**64:
        raise SettingError(f"A seed is a whole number from 0 to 2**64 - 1; {seed!r} is not.")
    if horizon.is_infinite and discount == 0:
        raise SettingError("An infinite horizon needs a discount: undiscounted, the mean need not exist.")
    models = [rows(fit, rfm.unit, draws) for fit in (purchases, spend) if fit is not None]
    numbers = {model.draws for model in models}
    if len(numbers) > 1 or (spend is not None and (purchases.posterior is None) != (spend.posterior is None)):
        raise SettingError(
            "The two fits must have equally many draws of their parameters. Fit both with the same method, such as "
            "clv.Laplace(draws=1000)."
        )
    return ModelSource(
        models[0],
        models[1] if spend is not None else None,
        rfm,
        horizon.count(rfm.unit),
        force_of_interest(discount, rfm.unit),
        margin,
        draws,
        int(seed),
        uncertain=purchases.posterior is not None,
    )


def _refuse_misfits(purchases: object, spend: object, rfm: object) -> None:
    if not (isinstance(purchases, Fit) and hasattr(purchases.specification, "purchases_if_alive")):
        raise SettingError("purchases is not the fit of a purchase model, such as clv.fit(clv.BGNBD, rfm).")
    if spend is not None and not (isinstance(spend, Fit) and hasattr(spend.specification, "expected_spend")):
        raise SettingError("spend is not the fit of a spend model, such as clv.fit(clv.GammaGamma, rfm).")
    if not isinstance(rfm, RFM):
        raise SettingError(f"Customers come as an RFM, and this is a {type(rfm).__name__}: use summarize() first.")


def rows(fit: Fit[Any], unit: str, most: int) -> Any:  # noqa: ANN401 -- what comes out is of the fit's model
    """Return the fit's draws (at most as many as there are futures), or its point as one draw, in another time unit."""
    fit.require()
    model = fit.model if fit.posterior is None else fit.draws
    as_rows = type(model)(*(np.atleast_2d(value) for value in model.parameters().values())).take(slice(most))
    is_time = hasattr(model, "probability_alive")
    return as_rows.rescaled(DAYS[fit.unit] / DAYS[unit]) if is_time else as_rows
