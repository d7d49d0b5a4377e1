"""The archived package lifetimes as a candidate: point predictions of its own BG/NBD and Gamma-Gamma fits."""

import warnings
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib.util import find_spec
from io import StringIO
from typing import Self

import numpy as np
from numpy.typing import NDArray

from clvmodels.data.rfm import RFM
from clvmodels.evaluation.candidates import Prediction
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.gamma_gamma import GammaGamma
from clvmodels.models.special import Floats
from clvmodels.prediction.forecast import Forecast
from clvmodels.prediction.streams import OneHorizon
from clvmodels.prediction.summaries import Chunk, KnownChunk
from clvmodels.units import Duration


@dataclass(frozen=True, eq=False)
class PointSource(OneHorizon):
    """One number a customer, and nothing of how sure it is."""

    point: Floats

    has_futures = False

    def take(self, customers: slice) -> Self:
        """Return the numbers of some customers."""
        return type(self)(self.point[customers])

    def parts(self) -> list[NDArray[np.intp]]:
        """Return all customers at once."""
        return [np.arange(len(self.point))]

    def chunks(self, part: NDArray[np.intp]) -> list[Chunk]:
        """Return some customers."""
        return [KnownChunk(part, self.point[part], self.point[None, part])]


@dataclass(frozen=True)
class LifetimesBGNBD:
    """BG/NBD and Gamma-Gamma as lifetimes fits them; needs the extra ``clvmodels[lifetimes]``."""

    name = "lifetimes BG/NBD"
    kind = "package"
    assumptions = (("BG/NBD", BGNBD.assumption), ("Gamma-Gamma", GammaGamma().assumption))

    def predict(self, past: RFM, horizon: Duration, futures: int, seed: int) -> Prediction:
        """Fit and predict with lifetimes, in the unit of the RFM; a search of its that fails is a note."""
        with warnings.catch_warnings(), redirect_stdout(StringIO()):
            warnings.simplefilter("ignore")  # its import and its arithmetic warn under current pandas and NumPy
            from lifetimes.utils import ConvergenceError

            try:
                counts, spend = _points(past, horizon)
            except (ConvergenceError, ValueError, ArithmeticError):
                return Prediction(None, None, note="lifetimes did not converge on these data.")
        if unknown := int(sum(~np.isfinite(counts if spend is None else counts * spend))):
            return Prediction(None, None, note=f"lifetimes has no number for {unknown:,} of {len(past):,} customers.")
        within = (str(horizon),)
        purchases = Forecast(past, PointSource(counts), "purchases", within, seed)
        if spend is None:
            return Prediction(purchases, None)
        return Prediction(purchases, Forecast(past, PointSource(counts * spend), "money", within, seed))


def _points(past: RFM, horizon: Duration) -> tuple[Floats, Floats | None]:
    from lifetimes import BetaGeoFitter, GammaGammaFitter

    x, t_x, T, m = past.frequency, past.recency, past.T, past.monetary_value
    purchases = BetaGeoFitter().fit(x, t_x, T)
    t = horizon.count(past.unit)
    counts = np.asarray(purchases.conditional_expected_number_of_purchases_up_to_time(t, x, t_x, T))
    if m is None:
        return counts, None
    bought = (x > 0) & (m > 0)
    spend = GammaGammaFitter().fit(x[bought], m[bought])
    return counts, np.asarray(spend.conditional_expected_average_profit(x, m))


def is_installed() -> bool:
    """Return whether lifetimes can be imported, without importing it."""
    return find_spec("lifetimes") is not None
