"""Batch scoring: tables of customers and of segments, from stored fits and a log."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from clvmodels.cautions import warn_of
from clvmodels.data.rfm import RFM
from clvmodels.errors import InfiniteMeanError, InfiniteMeanWarning, SettingError
from clvmodels.inference.fit import Fit
from clvmodels.prediction.forecast import Forecast
from clvmodels.prediction.predict import predict
from clvmodels.prediction.streams import Progress
from clvmodels.valuation.plan import Plan
from clvmodels.valuation.simple_formula import SimpleFormula
from clvmodels.valuation.value import Valuation, value


def forecast(
    fits: Fit[Any] | Mapping[str, Fit[Any]],
    rfm: RFM,
    plan: Plan,
    futures: int = 1000,
    seed: int = 0,
    threads: int | None = None,
) -> Forecast | Valuation:
    """Return the valuation of customers, or the forecast of their purchases where nothing is known about money.

    Parameters
    ----------
    fits
        "purchases", and for money "spend"; or the fit of a purchase model alone.
    rfm
        The customers.
    plan
        What value means; without money only the horizons count.
    futures, seed
        How many futures are simulated, and what they follow from.
    threads
        How many chunks of customers are worked on at a time; by default one a core.
    """
    fits = {"purchases": fits} if isinstance(fits, Fit) else fits
    if "purchases" not in fits:
        raise SettingError("These are not the fits of a purchase model and a spend model. Store them with clv fit.")
    warn_of(c for fitted in fits.values() for c in fitted.cautions if c.category is not InfiniteMeanWarning)
    if "spend" in fits and rfm.monetary_value is not None:
        return value(fits["purchases"], fits["spend"], rfm, plan, futures, seed, threads)
    if not plan.is_plain:
        missing = "fit of a spend model" if rfm.monetary_value is not None else "amount"
        raise SettingError(
            f"Discount, margin and costs are about money, and there is no {missing}: without it only purchases can be "
            "predicted. Leave these settings out, or give the amounts and fit a spend model too."
        )
    return predict(fits["purchases"], rfm, plan.horizons, futures, seed, threads)


def scores(
    forecast: Forecast | Valuation, plan: Plan, progress: Progress | None = None, *, means: bool = True
) -> pd.DataFrame:
    """Return the forecast's frame, a row a customer (and horizon), and where there is money the simple formula's.

    ``clv_simple`` (``money_simple`` where nothing is discounted) is the value by the simple formula, which learns from
    the customers that are scored. Without ``means``, the columns that exist only where the mean is finite are left out;
    where expected values are infinite, they are empty.

    Warns
    -----
    InfiniteMeanWarning
        If expected values are infinite.
    """
    try:
        table = forecast.frame(means=means, progress=progress)
    except InfiniteMeanError as error:
        warnings.warn(f"{error} Columns of means are empty.", InfiniteMeanWarning, stacklevel=2)
        empty = ("expected_spend", f"{forecast.quantity}_mean", f"{forecast.quantity}_sd", "lifetime_value_mean")
        table = forecast.frame(means=False, progress=progress).assign(**dict.fromkeys(empty, np.nan))
    if not isinstance(forecast, Valuation):
        return table
    # Both tables have the horizons in growing order, and the customers in the same order within each.
    simple = SimpleFormula().value(forecast.rfm, plan, resamples=1).frame()[f"{forecast.quantity}_mean"]
    return table.assign(**{f"{forecast.quantity}_simple": simple})


def segments(forecast: Forecast | Valuation, column: str, progress: Progress | None = None) -> pd.DataFrame:
    """Return a row a segment (and horizon): what its customers will bring together, with both intervals.

    Parameters
    ----------
    forecast
        Of the customers.
    column
        The column of the RFM that says which segment a customer belongs to.
    progress
        Is told how many customers each chunk had.
    """
    if len(forecast.horizons) == 1:
        return forecast.by(column, progress).frame()
    tables = [forecast.at(horizon).by(column, progress).frame() for horizon in forecast.horizons]
    for table, horizon in zip(tables, forecast.horizons, strict=True):
        table.insert(1, "horizon", horizon)
    return pd.concat(tables, ignore_index=True)
