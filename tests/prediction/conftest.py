"""What the tests of prediction share: fits of given parameters, and a source whose numbers are known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from clvmodels.data.rfm import RFM
from clvmodels.errors import InfiniteMeanError
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.specification import from_recipe
from clvmodels.prediction.forecast import Forecast
from clvmodels.prediction.streams import OneHorizon
from clvmodels.prediction.summaries import KnownChunk


@pytest.fixture(scope="session")
def as_fit(cdnow_purchases_point):
    """Return a function that passes a model off as a fit: numbers as a point, ``(draws, 1)`` as a posterior."""

    def of(model, posterior=None, unit="week"):
        return replace(
            cdnow_purchases_point,
            specification=from_recipe(model.recipe()),
            maximum=model,
            sample=posterior,
            draws_of=None if posterior is None else "posterior",
            unit=unit,
        )

    return of


class SilenceCounts(BGNBD):
    """BG/NBD, but for a purchase rate that is the lower, given alive, the longer ago the last purchase was."""

    recency_matters = True

    def future(self, histories):
        future = super().future(histories)
        return replace(future, rate=future.rate + (histories.T - histories.t_x))


@pytest.fixture(scope="session")
def recency_model():
    """Return a class of models under which recency says something of the future of who is alive."""
    return SilenceCounts


class KnownSource(OneHorizon):
    """Given draws ``(draws, n)`` and futures ``(futures, n)`` of one or several horizons, in given parts.

    A source may know a better mean than the average over the draws. ``runs`` counts how often it is streamed, and
    ``asked`` how many parts were.
    """

    def __init__(self, expected, realised, mean=None, parts=None, uncertain=True, columns=None, infinite=False):
        several = expected if isinstance(expected, list) else [expected]
        futures = realised if isinstance(realised, list) else [realised]
        self.horizons = list(zip(several, futures, strict=True))
        self.mean, self.uncertain, self.infinite, self.finite_variance = mean, uncertain, infinite, not infinite
        self.has_futures = futures[0] is not None
        self.in_parts = [np.arange(several[0].shape[1])] if parts is None else parts
        self.columns = columns or {}
        self.known = [dict.fromkeys(self.columns, False)] * len(several)
        self.runs = self.asked = 0

    def refuse_infinite_means(self):
        if self.infinite:
            raise InfiniteMeanError("Some means are infinite.")

    def at(self, horizon):
        expected, realised = self.horizons[horizon]
        return KnownSource(expected, realised, self.mean, self.in_parts, self.uncertain, self.columns, self.infinite)

    def take(self, customers):
        (expected, realised), mean = self.horizons[0], self.mean
        part = [None if values is None else values[:, customers] for values in (expected, realised)]
        own = {name: values[customers] for name, values in self.columns.items()}
        mean = None if mean is None else mean[customers]
        return KnownSource(*part, mean, None, self.uncertain, own, self.infinite)

    def parts(self):
        self.runs += 1
        return self.in_parts

    def chunks(self, part):
        self.asked += 1
        return [self.chunk(part, *horizon) for horizon in self.horizons]

    def chunk(self, i, expected, realised):
        mean = expected[:, i].mean(axis=0) if self.mean is None else self.mean[i]
        futures = None if realised is None else realised[:, i]
        return KnownChunk(i, mean, expected[:, i], futures, {name: values[i] for name, values in self.columns.items()})


@pytest.fixture(scope="session")
def known():
    return KnownSource


@pytest.fixture(scope="session")
def some_customers():
    """Return a function that makes an RFM of so many customers, all alike, with columns of their own."""

    def base(customers, **columns):
        table = pd.DataFrame({"customer_id": list(customers), "frequency": 0, "recency": 0.0, "T": 9.0})
        return RFM.from_frame(table.assign(**columns), unit="week")

    return base


@pytest.fixture(scope="session")
def numbers():
    """Expected values and futures of 230 customers, futures spread about the draw that they are of."""
    rng = np.random.default_rng(4)
    expected = rng.gamma(0.7, 3.0, 230) * rng.gamma(20, 1 / 20, (40, 1))
    return expected, rng.poisson(expected[np.arange(90) % 40]).astype(float)


@pytest.fixture(scope="session")
def made(numbers, known, some_customers):
    """Return a function that makes a forecast of these numbers, customers in any order and parts of any size."""

    def of(order=None, size=230, **settings):
        order = np.arange(230) if order is None else order
        n = len(order)
        parts = np.array_split(np.random.default_rng(size).permutation(n), range(size, n, size))
        expected, realised = (values[:, order] for values in numbers)
        realised = None if settings.pop("points", False) else realised
        rfm = some_customers(order, region=np.array(["north", "south", "west"])[order % 3])
        return Forecast(rfm, known(expected, realised, parts=parts, **settings), "visits", ("1 year",), 0)

    return of
