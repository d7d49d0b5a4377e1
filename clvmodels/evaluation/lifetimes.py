"""The archived package lifetimes as a candidate: point predictions of its own BG/NBD and Gamma-Gamma fits."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from clvmodels.data.rfm import RFM
from clvmodels.evaluation.candidates import Prediction
from clvmodels.models.protocols import Floats
from clvmodels.prediction.forecast import Chunk, Forecast
from clvmodels.units import Duration


@dataclass(frozen=True, eq=False)
class PointSource:
    """One number a customer, and nothing of how sure it is."""

    point: Floats

    uncertain = False

    def chunks(self) -> Iterator[Chunk]:
        """Yield all customers at once."""
        yield Chunk(np.arange(len(self.point)), self.point, self.point[None], None, {})


@dataclass(frozen=True)
class LifetimesBGNBD:
    """BG/NBD and Gamma-Gamma as lifetimes fits them; needs the extra ``clvmodels[lifetimes]``."""

    name = "lifetimes BG/NBD"

    def predict(self, past: RFM, horizon: Duration, draws: int, seed: int) -> Prediction:
        """Fit and predict with lifetimes, in the unit of the RFM."""
        x, t_x, T = past.frequency, past.recency, past.T
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its import and its arithmetic warn under current pandas and NumPy
            from lifetimes import BetaGeoFitter, GammaGammaFitter

            purchases = BetaGeoFitter().fit(x, t_x, T)
            t = horizon.count(past.unit)
            counts = np.asarray(purchases.conditional_expected_number_of_purchases_up_to_time(t, x, t_x, T))
            forecast = Forecast(past, PointSource(counts), "purchases")
            if past.monetary_value is None:
                return Prediction(forecast, None)
            bought = (x > 0) & (past.monetary_value > 0)
            spend = GammaGammaFitter().fit(x[bought], past.monetary_value[bought])
            worth = np.asarray(spend.conditional_expected_average_profit(x, past.monetary_value))
        return Prediction(forecast, Forecast(past, PointSource(counts * worth), "clv"))


def is_installed() -> bool:
    """Return whether lifetimes can be imported, without importing it."""
    from importlib.util import find_spec

    return find_spec("lifetimes") is not None
