"""Batch scoring: a table with a row a customer, from stored fits and a log."""

import warnings
from collections.abc import Mapping
from typing import Any

import pandas as pd

from clvmodels.data.rfm import RFM
from clvmodels.errors import CLVWarning, SettingError
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
    _warn_of_an_early_end(fits["purchases"], rfm)
    if "spend" in fits and rfm.monetary_value is not None:
        return value(fits["purchases"], fits["spend"], rfm, plan, draws, seed)
    return predict(fits["purchases"], rfm, plan.horizons, draws, seed)


def _warn_of_an_early_end(fitted: Fit[Any], rfm: RFM) -> None:
    """Say so where the customers' log ends before that of the fit: a quiet customer's last purchase is not today."""
    if rfm.observed_until is None or fitted.observed_until is None:
        return
    if rfm.observed_until.isoformat() < fitted.observed_until:
        warnings.warn(
            f"This log ends on {rfm.observed_until}, and the model was fitted to one that ends on "
            f"{fitted.observed_until}. Value is counted from the end of this log; if its customers were observed for "
            f"longer, say so with observed_until='{fitted.observed_until}'.",
            CLVWarning,
            stacklevel=3,
        )


def scores(forecast: Forecast, plan: Plan, progress: Progress | None = None) -> pd.DataFrame:
    """Return a row a customer: the forecast's frame, and where there is money ``clv_simple``.

    ``clv_simple`` is the value by the simple formula, which learns from the customers that are scored.
    """
    forecast.summarize(progress)
    table = forecast.frame()
    if forecast.quantity != "clv":
        return table
    return table.assign(clv_simple=SimpleFormula().value(forecast.rfm, plan, draws=1).frame()["clv_mean"])
