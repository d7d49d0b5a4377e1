"""Futures of customers who never drop out: a purchase rate of their own, for ever."""

from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, gammaln, xlogy

from clvmodels.models.future import NO_DROP_OUT, PurchaseRows, Purchases
from clvmodels.models.special import Floats, Number, discounted_time


@dataclass(frozen=True, eq=False)
class NoDropOut:
    """Poisson purchases for ever, at a rate lambda ~ Gamma(shape, rate).

    Examples
    --------
    >>> future = NoDropOut(np.array(4.4), np.array(40.0))
    >>> float(future.purchases(40.0)), round(float(future.count(0, 40.0)), 4)
    (4.4, 0.0474)
    """

    shape: Floats
    rate: Floats

    has_drop_out = False

    def purchases(self, t: Number, delta: float = 0.0) -> Floats:
        """Return the expected purchases in (T, T + t], discounted at the force of interest delta."""
        expected: Floats = self.shape / self.rate * discounted_time(t, delta)
        return expected

    def count(self, k: Number, t: Number) -> Floats:
        """Return P(k purchases in (T, T + t]), for whole numbers k from 0 up."""
        return nbd(k, self.shape, t / self.rate)

    def at_least(self, k: Number, t: Number) -> Floats:
        """Return P(k or more purchases in (T, T + t]), for whole numbers k from 1 up."""
        return nbd_at_least(k, self.shape, t / self.rate)

    def never(self) -> Floats:
        """Return 0: who buys at some rate for ever buys again."""
        return np.zeros(np.broadcast_shapes(np.shape(self.shape), np.shape(self.rate)))

    def survival(self, t: Number) -> Floats:
        """Return 1: nobody drops out."""
        return np.ones(np.broadcast_shapes(*map(np.shape, (self.shape, self.rate, t))))

    def mean_lifetime(self) -> Floats:
        """Return infinity: nobody drops out."""
        return np.full(np.broadcast_shapes(np.shape(self.shape), np.shape(self.rate)), np.inf)

    def simulate(self, rng: np.random.Generator, t: Number) -> Purchases:
        """Simulate (T, T + t]: the number of purchases, then their uniform times."""
        shape, rate, t = np.broadcast_arrays(*map(np.ravel, (self.shape, self.rate, t)))
        count = rng.poisson(rng.standard_gamma(shape) / rate * t)
        return Purchases(count, np.repeat(t, count) * rng.random(count.sum()))

    def rows(self) -> PurchaseRows:
        """Return what the compiled loop needs."""
        return PurchaseRows(NO_DROP_OUT, self.shape, self.rate, np.zeros(()), np.zeros(()))


def nbd(k: Number, shape: Floats, span: Floats) -> Floats:
    r"""Return P(k purchases in a span) at rates Gamma(shape, c), the span in multiples of c: the NBD.

    Examples
    --------
    >>> float(nbd(0, np.array(1.0), np.array(3.0)))
    0.25
    """
    of_count = gammaln(shape + k) - gammaln(shape) - gammaln(np.asarray(k) + 1.0)
    probability: Floats = np.exp(of_count + xlogy(k, span / (1 + span)) - shape * np.log1p(span))
    return probability


def nbd_at_least(k: Number, shape: Floats, span: Floats) -> Floats:
    r"""Return P(k purchases or more in a span), k > 0, at rates Gamma(shape, c), the span in multiples of c.

    Examples
    --------
    >>> float(nbd_at_least(1, np.array(1.0), np.array(3.0)))
    0.75
    """
    return np.asarray(betainc(k, shape, span / (1 + span)), dtype=float)
