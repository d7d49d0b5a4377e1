"""What the tests of prediction share: fits of given parameters, and a recipe whose numbers are known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from clvmodels.data.rfm import RFM
from clvmodels.errors import InfiniteMeanError
from clvmodels.prediction.forecast import KnownChunk


@pytest.fixture(scope="session")
def as_fit(cdnow_purchases_point):
    """Return a function that passes a model off as a fit: numbers as a point, ``(draws, 1)`` as a posterior."""

    def of(model, posterior=None, unit="week"):
        return replace(cdnow_purchases_point, specification=type(model), point=model, posterior=posterior, unit=unit)

    return of


class Known:
    """Given draws ``(draws, n)`` and futures ``(futures, n)`` of one or several horizons, in given chunks.

    A recipe may know a better mean than the average over the draws.
    """

    def __init__(self, expected, realised, mean=None, chunks=None, uncertain=True, columns=None, infinite=False):
        several = expected if isinstance(expected, list) else [expected]
        futures = realised if isinstance(realised, list) else [realised]
        self.horizons = list(zip(several, futures, strict=True))
        self.mean, self.uncertain, self.infinite, self.finite_variance = mean, uncertain, infinite, not infinite
        self.parts = [np.arange(several[0].shape[1])] if chunks is None else chunks
        self.columns = columns or {}
        self.runs = 0

    def refuse_infinite_means(self):
        if self.infinite:
            raise InfiniteMeanError("Some means are infinite.")

    def at(self, horizon):
        expected, realised = self.horizons[horizon]
        return Known(expected, realised, self.mean, self.parts, self.uncertain, self.columns, self.infinite)

    def take(self, customers):
        (expected, realised), mean = self.horizons[0], self.mean
        part = [None if values is None else values[:, customers] for values in (expected, realised)]
        own = {name: values[customers] for name, values in self.columns.items()}
        mean = None if mean is None else mean[customers]
        return Known(*part, mean, None, self.uncertain, own, self.infinite)

    def stream(self, use):
        self.runs += 1
        return (use([self.chunk(i, *horizon) for horizon in self.horizons]) for i in self.parts)

    def chunk(self, i, expected, realised):
        mean = expected[:, i].mean(axis=0) if self.mean is None else self.mean[i]
        futures = None if realised is None else realised[:, i]
        return KnownChunk(i, mean, expected[:, i], futures, {name: values[i] for name, values in self.columns.items()})


@pytest.fixture(scope="session")
def known():
    return Known


@pytest.fixture(scope="session")
def some_customers():
    """Return a function that makes an RFM of so many customers, all alike, with columns of their own."""

    def base(customers, **columns):
        table = pd.DataFrame({"customer_id": list(customers), "frequency": 0, "recency": 0.0, "T": 9.0})
        return RFM.from_frame(table.assign(**columns), unit="week")

    return base
