"""Futures of customers who may drop out at any time, at a rate of their own."""

from dataclasses import dataclass

import numpy as np
from scipy.special import exprel, gammaln

from clvmodels.models.future import ANY_TIME, PurchaseRows, Purchases
from clvmodels.models.no_drop_out import nbd
from clvmodels.models.special import Floats, Number, discount_weights, integral_of_powers, legendre_rule

_NEGLIGIBLE = 40.0  # exp(-40) is below the rounding of a sum of order one
_FARTHEST = 300.0  # e-folds, so that what is far away remains finite
_SOONEST = 1e-200  # a time that is as good as none, and whose logarithm is finite
_NODES = 56  # of the integral over the time of drop-out after k purchases


@dataclass(frozen=True, eq=False)
class DropOutAnyTime:
    """Poisson purchases at a rate lambda ~ Gamma(shape, rate), until a lifetime of rate mu ~ Gamma(s, beta) ends.

    Examples
    --------
    A customer of CDNOW who has just bought for the first time, in the next year (Pareto/NBD, published: 1.473434):

    >>> future = DropOutAnyTime(*map(np.array, (0.553277, 10.577683, 0.60624, 11.668735)))
    >>> round(float(future.purchases(52.0)), 6)
    1.473434
    """

    shape: Floats
    rate: Floats
    s: Floats
    beta: Floats

    has_drop_out = True

    def purchases(self, t: Number, delta: float = 0.0) -> Floats:
        r"""Return the expected purchases in (T, T + t], discounted at the force of interest delta.

        The mean rate times the expected lifetime until T + t, :math:`\int_0^t e^{-\delta y} (\beta / (\beta + y))^s
        dy`. Discounted without end it is what the papers call DERT, there with a confluent hypergeometric function.
        """
        if delta == 0:
            lifetime = self._lifetime(t / self.beta)
        else:
            sooner = 1 + np.asarray(self.s)
            fraction, times, weights = discount_weights(t, delta, self.beta / sooner)
            of_beta = fraction / sooner  # the same for every beta, unless interest consumes sooner
            lifetime = sum(w * self._lifetime(z * of_beta) for z, w in zip(times, weights, strict=True))
        purchases: Floats = self.shape / self.rate * (self.beta * lifetime)
        return purchases

    def _lifetime(self, z: Floats) -> Floats:
        """Return the expected lifetime within a time that is z times beta, in multiples of beta; fine at s = 1."""
        time = np.log1p(z)
        lifetime: Floats = time * exprel((1 - self.s) * time)
        return lifetime

    def count(self, k: Number, t: Number) -> Floats:
        """Return P(k purchases in (T, T + t]), for whole numbers k from 0 up.

        Either the customer lives on and makes k purchases, or drops out on the way, after k.
        """
        lives: Floats = np.exp(-self.s * np.log1p(t / self.beta)) * nbd(k, self.shape, t / self.rate)
        at_once = self.s / self.beta * integral_of_powers(self.shape, self.rate, self.s + 1, self.beta, 0.0, t)
        if not np.any(k):
            return lives + at_once
        later = self.s / self.beta * _time_with(np.maximum(k, 1), self.shape, self.rate, self.s + 1, self.beta, t)
        return lives + np.where(np.asarray(k) > 0, later, at_once)

    def at_least(self, k: Number, t: Number) -> Floats:
        """Return P(k or more purchases in (T, T + t]), for whole numbers k from 1 up.

        The integral over the time y of the k-th purchase, until which the customer has to live. Its density is shape /
        rate times the probability of k - 1 purchases by y at a shape larger by one; all terms are positive, so that
        even a tiny probability has its digits. For t near infinity it is right to 1e-6.
        """
        to_k = _time_with(np.asarray(k) - 1, self.shape + 1, self.rate, self.s, self.beta, t)
        return self.shape / self.rate * to_k

    def never(self) -> Floats:
        """Return E[mu / (lambda + mu)]: the customer drops out, at any time, before the next purchase.

        Right to 1e-10; to 1e-8 where shape and s are both below 0.04.
        """
        time = integral_of_powers(self.shape, self.rate, self.s + 1, self.beta, 0.0, np.inf)
        never: Floats = self.s / self.beta * time
        return never

    def survival(self, t: Number) -> Floats:
        """Return P(alive at T + t), the same for every x, as purchases tell nothing of drop-out."""
        survival: Floats = np.exp(-self.s * np.log1p(t / self.beta)) * np.ones(np.shape(self.shape))
        return survival

    def mean_lifetime(self) -> Floats:
        """Return E[1 / mu]: finite only for s > 1."""
        exists = np.asarray(self.s) > 1
        return np.where(exists, self.beta / np.where(exists, self.s - 1.0, 1.0), np.inf) * np.ones(np.shape(self.shape))

    def simulate(self, rng: np.random.Generator, t: Number) -> Purchases:
        """Simulate (T, T + t]: until the end of the lifetime or of the horizon, times of purchases are uniform."""
        shape, rate, s, beta, t = np.broadcast_arrays(*map(np.ravel, (self.shape, self.rate, self.s, self.beta, t)))
        purchase_rate, drop_out_rate = rng.standard_gamma(shape) / rate, rng.standard_gamma(s) / beta
        with np.errstate(divide="ignore", over="ignore"):
            end = np.minimum(rng.standard_exponential(len(shape)) / drop_out_rate, t)
        count = rng.poisson(purchase_rate * end)
        return Purchases(count, np.repeat(end, count) * rng.random(count.sum()))

    def rows(self) -> PurchaseRows:
        """Return what the compiled loop needs."""
        return PurchaseRows(ANY_TIME, self.shape, self.rate, self.s, self.beta)


def _time_with(k: Number, shape: Floats, alpha: Floats, m: Floats, beta: Floats, t: Number) -> Floats:
    r"""Return the time within t with k purchases so far, each moment y weighted by :math:`(1 + y / \beta)^{-m}`.

    The integral :math:`\int_0^t \text{NBD}(k; y) (1 + y / \beta)^{-m} dy` at Gauss-Legendre nodes in log(1 + y / c), c
    the smaller of alpha and beta; shape + m exceeds 1.
    """
    c = np.minimum(alpha, beta)
    low, high = (np.log1p(y / c) for y in _window(k, shape, alpha, m, beta, t))
    of_count = gammaln(shape + k) - gammaln(shape) - gammaln(np.asarray(k) + 1.0)
    total = np.zeros(())
    for node, weight in zip(*legendre_rule(_NODES), strict=True):
        y = np.maximum(c * np.expm1(low + (high - low) * node), _SOONEST)
        buys = of_count + k * np.log(y / (alpha + y)) - shape * np.log1p(y / alpha)
        total = total + weight * np.exp(buys - m * np.log1p(y / beta)) * (c + y)
    time: Floats = (high - low) * total
    return time


def _window(k: Number, shape: Floats, alpha: Floats, m: Floats, beta: Floats, t: Number) -> tuple[Floats, Floats]:
    r"""Return where within t :math:`y^{k+1} (\alpha + y)^{-(\text{shape} + k)} (\beta + y)^{-m}` is not negligible.

    In log(y) it is log-concave. At a distance from its mode it has fallen by the sum of what two Beta densities of
    logit(p) have fallen from theirs, one for each factor; so the window of either will do. Before a t that is short of
    the mode it falls faster than before the mode, and ever more steeply than at t.
    """
    n, fall = shape + k, shape + m - 1
    half = ((shape - 1) * beta + (m - 1 - k) * alpha) / 2  # the mode is the root of a quadratic equation
    root = np.sqrt(half**2 + fall * (np.asarray(k) + 1) * alpha * beta)
    mode = np.where(half > 0, (np.asarray(k) + 1) * alpha * beta / (half + root), (root - half) / fall)
    of_alpha, of_beta = mode / (alpha + mode), mode / (beta + mode)
    factors = [(n * of_alpha, n * (1 - of_alpha)), (m * of_beta, m * (1 - of_beta))]
    before = np.minimum(*(_far_below(a) + _far_above(b) for a, b in factors))
    after = np.minimum(*(_far_above(a) + _far_below(b) for a, b in factors))
    top = np.minimum(mode, t)
    slope = k + 1 - n * top / (alpha + top) - m * top / (beta + top)
    before = np.minimum(before, _NEGLIGIBLE / np.maximum(slope, _SOONEST))
    return top * np.exp(-before), np.minimum(mode * np.exp(np.minimum(after, _FARTHEST)), t)


def _far_below(shape: Floats) -> Floats:
    """Return how far below its mode the density of the logarithm of a gamma variable is negligible."""
    fall = _NEGLIGIBLE / shape
    return fall + np.sqrt(2 * fall)


def _far_above(shape: Floats) -> Floats:
    """Return how far above its mode the density of the logarithm of a gamma variable is negligible."""
    return np.log1p(_far_below(shape))
