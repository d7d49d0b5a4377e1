"""Futures of customers who may drop out after each purchase, with a probability of their own."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln

from clvmodels.models.future import AT_PURCHASE, PurchaseRows, Purchases
from clvmodels.models.no_drop_out import nbd, nbd_at_least
from clvmodels.models.special import Floats, Number, beta_rule, discount_weights

_SMALLEST = 1e-100  # a probability of drop-out that is as good as none, and whose inverse is still finite
_CELLS = 2**20  # numbers held at once: 8 MB an array


@dataclass(frozen=True, eq=False)
class DropOutAtPurchase:
    r"""Poisson purchases at a rate lambda ~ Gamma(shape, rate); each is the last with probability p ~ Beta(a, b).

    Over lambda the expected purchases by time s are elementary,
    :math:`G(s | p) = [1 - (\text{rate}/(\text{rate} + p s))^{\text{shape}}] / p`; what remains is an average over p.
    Unlike the papers' closed form it has neither a factor 1/(a - 1) nor a Gaussian hypergeometric function: it holds
    at a = 1 and for the heaviest buyers.

    Examples
    --------
    A BG/NBD customer of CDNOW with x = 2, t_x = 30.43 and T = 38.86 weeks, if alive, in the next 39 weeks:

    >>> future = DropOutAtPurchase(np.array(2.243), np.array(43.274), np.array(0.793), np.array(4.426))
    >>> round(float(future.purchases(39.0)), 3)
    1.687
    """

    shape: Floats
    rate: Floats
    a: Floats
    b: Floats

    has_drop_out = True

    def purchases(self, t: Number, delta: float = 0.0) -> Floats:
        """Return the expected purchases in (T, T + t], discounted at the force of interest delta."""
        if delta == 0:
            return self._purchases(np.asarray(t / self.rate)[..., None])[..., 0]
        # Purchases by time s bend at rate / (shape p), and shape p is of the order of a plus its mean.
        sooner = np.asarray(1 + self.a + self.shape * (self.a / (self.a + self.b)))
        fraction, times, weights = discount_weights(t, delta, self.rate / sooner)
        of_rate = fraction / sooner  # the same for every rate, unless interest consumes sooner
        total, size = np.zeros(()), max(1, _CELLS // of_rate.size)
        for start in range(0, len(times), size):
            by_then = self._purchases(times[start : start + size] * of_rate[..., None])
            for j, weight in enumerate(weights[start : start + size]):
                total = total + weight * by_then[..., j]
        return total

    def _purchases(self, z: Floats) -> Floats:
        """Return the expected purchases by times that are z ``(..., times)`` multiples of the rate, undiscounted."""
        expected = np.zeros(())
        for p, weight in zip(*beta_rule(self.a, self.b), strict=True):
            if weight.any():
                stop = np.maximum(p, _SMALLEST)[..., None]
                made = np.expm1(-np.asarray(self.shape)[..., None] * np.log1p(stop * z)) / -stop
                expected = expected + weight[..., None] * made
        return expected

    def count(self, k: Number, t: Number) -> Floats:
        r"""Return P(k purchases in (T, T + t]), for whole numbers k from 0 up.

        Either k purchases were possible and the customer went on after each, or at least k were and the customer
        dropped out at the k-th: averages of :math:`(1 - p)^k` and :math:`p (1 - p)^{k-1}` over p.
        """
        span = t / self.rate
        went_on = np.exp(betaln(self.a, self.b + k) - betaln(self.a, self.b))
        stopped = np.exp(betaln(self.a + 1, self.b + np.maximum(k, 1) - 1) - betaln(self.a, self.b))
        at_least = nbd_at_least(np.maximum(k, 1), self.shape, span)
        return went_on * nbd(k, self.shape, span) + np.where(np.asarray(k) > 0, stopped * at_least, 0.0)

    def at_least(self, k: Number, t: Number) -> Floats:
        """Return P(k or more purchases in (T, T + t]), for whole numbers k from 1 up.

        At least k purchases were possible, and the customer went on after the first k - 1: a product, so that even a
        tiny probability has all its digits.
        """
        went_on = np.exp(betaln(self.a, self.b + k - 1) - betaln(self.a, self.b))
        probability: Floats = went_on * nbd_at_least(k, self.shape, t / self.rate)
        return probability

    def never(self) -> Floats:
        """Return 0: customers drop out at a purchase, so who is alive buys at least once more."""
        return np.zeros(np.broadcast_shapes(*map(np.shape, (self.shape, self.rate, self.a, self.b))))

    def survival(self, t: Number) -> Floats:
        r"""Return P(alive at T + t).

        Purchases come at rate lambda, and each is the last with probability p: customers drop out at the rate
        lambda p. Over lambda the expectation of :math:`e^{-\lambda p t}` is :math:`(1 + p t / \text{rate})^
        {-\text{shape}}`; what remains is an average over p. It is right to 1e-8 while t is below 1e4 rates, and for a
        down to 0.1 it is right to 1e-4 ever after.
        """
        span = np.asarray(t / self.rate, dtype=float)
        survival = np.zeros(np.broadcast_shapes(np.shape(self.shape), span.shape))
        survives = np.empty_like(survival)
        for p, weight in zip(*beta_rule(self.a, self.b), strict=True):
            if weight.any():
                np.log1p(np.maximum(p, _SMALLEST) * span, out=survives)
                survives *= -self.shape
                survival += np.multiply(np.exp(survives, out=survives), weight, out=survives)
        return survival

    def mean_lifetime(self) -> Floats:
        """Return E[1 / (lambda p)]: finite only for shape > 1 (E of 1 / lambda) and a > 1 (of 1 / p)."""
        exists = (self.shape > 1) & (np.asarray(self.a) > 1)
        between = self.rate / np.where(exists, self.shape - 1, 1.0)
        purchases = (self.a + self.b - 1) / np.where(exists, self.a - 1, 1.0)
        return np.where(exists, between * purchases, np.inf)

    def simulate(self, rng: np.random.Generator, t: Number) -> Purchases:
        """Simulate (T, T + t], exactly and without stepping through events.

        While a customer lives, purchases are a Poisson process, whose count is drawn first; the customer drops out at
        the K-th purchase, K geometric. So the first min(Poisson, K) of uniformly spread purchases happen.
        """
        shape, rate, a, b, t = np.broadcast_arrays(*map(np.ravel, (self.shape, self.rate, self.a, self.b, t)))
        purchase_rate = rng.standard_gamma(shape) / rate
        stop = rng.beta(a, b)
        possible = rng.poisson(purchase_rate * t)
        with np.errstate(divide="ignore", over="ignore"):
            last = 1 + np.floor(rng.standard_exponential(len(shape)) / -np.log1p(-stop))
        count = np.minimum(possible, last).astype(np.int64)
        return Purchases(count, _times(rng, count, possible, t))

    def rows(self) -> PurchaseRows:
        """Return what the compiled loop needs."""
        return PurchaseRows(AT_PURCHASE, self.shape, self.rate, self.a, self.b)


def _times(rng: np.random.Generator, count: NDArray[np.int64], possible: NDArray[np.int64], t: Floats) -> Floats:
    """Return the first ``count`` of ``possible`` uniform points in (0, t], future after future.

    Where some are cut off, the last that remains is Beta(count, possible - count + 1) on the way to t, and the
    earlier ones are uniform before it; where none is, all are uniform before t.
    """
    cut = count < possible
    end = np.array(t, dtype=float)
    end[cut] *= rng.beta(count[cut], possible[cut] - count[cut] + 1)
    times: Floats = rng.random(count.sum()) * np.repeat(end, count)
    times[np.cumsum(count)[cut] - 1] = end[cut]
    return times
