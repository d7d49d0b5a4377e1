"""Batch scoring: a table with a row a customer, from stored fits and a log."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from clvmodels.data.rfm import RFM
from clvmodels.errors import SettingError
from clvmodels.inference.fit import Fit
from clvmodels.prediction.forecast import Forecast, Progress
from clvmodels.prediction.predict import predict
from clvmodels.valuation.plan import Plan
from clvmodels.valuation.simple_formula import SimpleFormula
from clvmodels.valuation.value import value


def forecast(
    fits: Fit[Any] | Mapping[str, Fit[Any]], rfm: RFM, plan: Plan, draws: int = 1000, seed: int = 0
) -> Forecast:
    """Return the valuation of customers, or the forecast of their purchases where nothing is known about money.

    Parameters
    ----------
    fits
        "purchases", and for money "spend"; or the fit of a purchase model alone.
    rfm
        The customers.
    plan
        Horizon, discount and margin; without money only the horizon counts.
    draws, seed
        Of the simulated futures.
    """
    fits = {"purchases": fits} if isinstance(fits, Fit) else fits
    if "purchases" not in fits:
        raise SettingError("These are not the fits of a purchase model and a spend model. Store them with clv fit.")
    if "spend" in fits and rfm.monetary_value is not None:
        return value(fits["purchases"], fits["spend"], rfm, plan, draws, seed)
    return predict(fits["purchases"], rfm, plan.length, draws, seed)


def scores(forecast: Forecast, plan: Plan, progress: Progress | None = None) -> pd.DataFrame:
    """Return a row a customer: the forecast's frame, and where there is money ``clv_simple``, the simple formula's."""
    forecast.summarize(progress)
    table = forecast.frame()
    if forecast.quantity != "clv":
        return table
    return table.assign(clv_simple=SimpleFormula().value(forecast.rfm, plan, draws=1).frame()["clv_mean"])
