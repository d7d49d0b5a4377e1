r"""Pareto/NBD: customers buy at a rate of their own, and leave at any moment, after a lifetime of their own.

While customers live, purchases are a Poisson process of rate lambda ~ Gamma(r, alpha); lifetimes are exponential of
rate mu ~ Gamma(s, beta). With k = r + x, the likelihood of a history (x, t_x, T) is

.. math::

    \frac{\Gamma(r + x)}{\Gamma(r)} \alpha^r \beta^s \left[ (\alpha + T)^{-k} (\beta + T)^{-s}
    + s \int_{t_x}^T (\alpha + y)^{-k} (\beta + y)^{-(s + 1)} \, dy \right]:

still alive at T, or gone at some time y since the last purchase. The papers write the integral with Gaussian
hypergeometric functions; here it is taken by quadrature, which holds for the heaviest buyers and any alpha and beta.

Given alive at T, lambda ~ Gamma(r + x, alpha + T) and mu ~ Gamma(s, beta + T), independent of each other.

References
----------
Schmittlein, Morrison & Colombo (1987), Counting Your Customers: Who Are They and What Will They Do Next?, Management
Science 33(1), 1-24.
Fader & Hardie (2005), A Note on Deriving the Pareto/NBD Model and Related Expressions.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, expit, exprel, gammaln

from clvmodels.data.rfm import RFM
from clvmodels.models.parametric import Parametric
from clvmodels.models.protocols import Derivatives, Evidence, Floats, Parameter, Prospects, Purchases
from clvmodels.models.rates import purchase_evidence, steady_count
from clvmodels.models.special import (
    Stretch,
    discount_rule,
    integral_of_powers,
    legendre_rule,
    log_one_plus_exp,
    over_counts,
    trigamma,
)

_NO_DROP_OUT = 1e-3  # customers who leave, a purchase, below which, at the border, nobody seems to
_ALIKE = 1e3  # shape of a gamma distribution from which all its customers are nearly alike
_NEGLIGIBLE = 40.0  # exp(-40) is below the rounding of a sum of order one
_FARTHEST = 300.0  # e-folds, so that what is far away remains finite
_SOONEST = 1e-200  # a time that is as good as none, and whose logarithm is finite
_NODES = 56  # of the integral over the time of leaving after k purchases


@dataclass(frozen=True, eq=False)
class ParetoNBD(Parametric):
    """Pareto/NBD: Poisson purchases, rates Gamma(r, alpha), until an exponential lifetime ends, rates Gamma(s, beta).

    A customer can leave at any moment, so the probability to be alive falls with every day of silence, for customers
    who never returned as well.

    Parameters
    ----------
    r, alpha
        Shape and rate of the purchase rates; ``alpha`` is in time units, the mean rate is ``r / alpha``.
    s, beta
        Shape and rate of the rates of leaving; ``beta`` is in time units, the mean rate is ``s / beta``.

        Each is a number, or an array of shape ``(draws, 1)`` or ``(draws, customers)``.

    Examples
    --------
    >>> import numpy as np

    The probability that a customer who never returned in 39 weeks is still buying (published: 0.2941633):

    >>> model = ParetoNBD(r=0.55339714, alpha=10.58019854, s=0.6060625, beta=11.65622367)
    >>> round(float(model.probability_alive(np.array(0), np.array(0), np.array(39))), 7)
    0.2941633
    """

    r: Parameter
    alpha: Parameter
    s: Parameter
    beta: Parameter

    name: ClassVar[str] = "Pareto/NBD"
    scaled: ClassVar[tuple[str, ...]] = ("alpha", "beta")

    @classmethod
    def evidence(cls, rfm: RFM) -> Evidence:
        """Return the distinct (x, t_x, T) with their counts."""
        return purchase_evidence(rfm, cls.parameter_names())

    @classmethod
    def start(cls) -> tuple[float, ...]:
        """Return where a search begins: one purchase a typical gap, and a mean rate of leaving of a third of that."""
        return (1.0, 1.0, 1.0, 3.0)

    def unidentified(self) -> str:
        """Explain estimates that ran to the border of the parameter space, and what to do."""
        leave = self.s / self.beta
        if leave < _NO_DROP_OUT * self.r / self.alpha:
            return (
                f"No drop-out identified: customers are estimated to leave at a mean rate of {leave:.1g} a time unit, "
                f"while they buy at {self.r / self.alpha:.3g}, so hardly anybody seems to leave during this log. Fit "
                "clv.NBD, which has no drop-out, or use a longer log."
            )
        if self.s > _ALIKE:
            return (
                f"All customers seem to leave at the same rate ({leave:.3g} a time unit), so s and beta cannot be told "
                "apart. Use more customers or a longer log."
            )
        if self.r > _ALIKE:
            return (
                f"All customers seem to buy at the same rate ({self.r / self.alpha:.3g} a time unit), so r and alpha "
                "cannot be told apart. Use more customers or a longer log."
            )
        return (
            f"At r = {self.r:.3g}, alpha = {self.alpha:.3g}, s = {self.s:.3g}, beta = {self.beta:.3g} the likelihood "
            "is flat in some direction. Use more customers or a longer log, and look for duplicated customers."
        )

    def log_likelihood(self, x: Floats, t_x: Floats, T: Floats) -> Floats:
        """Return log L(r, alpha, s, beta | x, t_x, T): still alive, or gone since the last purchase."""
        either: Floats = self._log_alive(x, T) + log_one_plus_exp(self.log_odds_gone(x, t_x, T))
        return either

    def _log_alive(self, x: Floats, T: Floats) -> Floats:
        age = (self.r + x) * np.log(self.alpha + T) + self.s * np.log(self.beta + T)
        alive: Floats = self.over_counts(self._log_count, x) + self.s * np.log(self.beta) - age
        return alive

    def _log_count(self, x: Floats) -> Floats:
        return np.asarray(gammaln(self.r + x) - gammaln(self.r) + self.r * np.log(self.alpha), dtype=float)

    def log_odds_gone(self, x: Floats, t_x: Floats, T: Floats) -> Floats:
        """Return log(P(gone) / P(alive)) at T; minus infinity for a customer who bought at T."""
        time = integral_of_powers(self.r + x, self.alpha, self.s + 1, self.beta, t_x, T)
        return self._log_odds(time, x, t_x, T)

    def _log_odds(self, time: Floats, x: Floats, t_x: Floats, T: Floats) -> Floats:
        """Return the log-odds, given the integral over the time of leaving."""
        beta = self.beta + t_x
        with np.errstate(divide="ignore"):
            gone = np.log(self.s * time / beta)
        odds: Floats = gone + (self.r + x) * np.log((self.alpha + T) / (self.alpha + t_x))
        odds += self.s * np.log((self.beta + T) / beta)
        return odds

    def probability_alive(self, x: Floats, t_x: Floats, T: Floats) -> Floats:
        """Return P(alive at T | x, t_x, T)."""
        alive: Floats = expit(-self.log_odds_gone(x, t_x, T))
        return alive

    def derivatives(self, x: Floats, t_x: Floats, T: Floats) -> Derivatives:
        r"""Return the log-likelihood of each row and its derivatives by (r, alpha, s, beta), at scalar parameters.

        The likelihood is a sum over what may have happened: alive, or gone at one of the quadrature's times y, which
        count as fixed. So the score is the mean of the terms' slopes, weighted by their shares of the likelihood, and
        the Hessian is the mean of their second derivatives plus the covariance of their slopes. ``gap`` is how much
        steeper than alive.
        """
        r, alpha, s, beta = (float(value) for value in (self.r, self.alpha, self.s, self.beta))
        k, log_alpha, log_beta = r + x, np.log(alpha + T), np.log(beta + T)
        per_alpha, per_beta = 1 / (alpha + T), 1 / (beta + T)
        alive = np.stack([-log_alpha, -k * per_alpha, -log_beta, -s * per_beta])
        time, gap = np.empty(len(x)), np.empty((4, len(x)))
        partings = list(self._partings(k, t_x, T))
        for p in partings:
            time[p.rows] = p.time
            gap[:, p.rows] = p.mean_slope(k[p.rows], s) - alive[:, p.rows]

        odds = self._log_odds(time, x, t_x, T)
        gone = expit(odds)
        score = alive + gone * gap
        score[0] += over_counts(lambda x: digamma(r + x) - digamma(r), x) + np.log(alpha)
        score[1:] += np.array([[r / alpha], [np.log(beta)], [s / beta]])
        value = self._log_alive(x, T) + log_one_plus_exp(odds)

        def hessian(counts: Floats) -> Floats:
            lived, n = counts * (1 - gone), counts.sum()
            total: Floats = -(gap * (counts * gone**2)) @ gap.T
            for p in partings:
                rows = p.rows
                total += p.bend(k[rows], s, alive[:, rows], counts[rows] * gone[rows])
            total[0, 0] += counts @ over_counts(lambda x: trigamma(r + x) - trigamma(r), x)
            total[0, 1] += n / alpha - lived @ per_alpha
            total[1, 1] += (lived * k) @ per_alpha**2 - n * r / alpha**2
            total[2, 3] += n / beta - lived @ per_beta
            total[3, 3] += s * (lived @ per_beta**2) - n * s / beta**2
            total[1, 0], total[3, 2] = total[0, 1], total[2, 3]
            return total

        return Derivatives(value, score, hessian)

    def _partings(self, k: Floats, t_x: Floats, T: Floats) -> "Iterator[_Parting]":
        alpha, s, beta = float(self.alpha), float(self.s), float(self.beta)
        stretch = Stretch.of(k, alpha, s + 1, beta, t_x, T)
        for rows, rule in stretch.rules():
            part = stretch.columns(rows)
            near, far, weight = part.at(rule.node[:, None], rule.weight[:, None])
            of_alpha, of_beta = (near, far) if alpha <= beta else (far, near)
            total = reduce(np.add, weight)
            yield _Parting(
                rows,
                part.unit * part.span * total,
                weight / total,
                of_alpha * (alpha + t_x[rows]),
                of_beta * (beta + t_x[rows]),
            )

    def purchases_if_alive(self, x: Floats, T: Floats, t: float, delta: float = 0.0) -> Floats:
        r"""Return the expected purchases in (T, T + t] given alive at T, discounted at the force of interest delta.

        The mean rate times the expected lifetime until T + t, :math:`\int_0^t e^{-\delta y} ((\beta + T) / (\beta + T
        + y))^s dy`. Discounted without end it is what the papers call DERT, there with a confluent hypergeometric
        function.
        """
        beta = np.asarray(self.beta + T)
        times = discount_rule(t, delta, beta / (1 + self.s), least=float(np.min(self.beta / (1 + np.asarray(self.s)))))
        lifetime = sum(weight * _lifetime(self.s, beta, end) for end, weight in times)
        purchases: Floats = (self.r + x) / (self.alpha + T) * lifetime
        return purchases

    def count_if_alive(self, k: Floats, x: Floats, T: Floats, t: Floats | float) -> Floats:
        """Return P(k purchases in (T, T + t] | alive at T), for whole numbers k from 0 up.

        Either the customer lives on and makes k purchases, or leaves on the way, after k.
        """
        shape, alpha, beta = self.r + x, self.alpha + T, self.beta + T
        lives: Floats = np.exp(-self.s * np.log1p(t / beta)) * steady_count(k, shape, t / alpha)
        at_once = self.s / beta * integral_of_powers(shape, alpha, self.s + 1, beta, 0.0, t)
        if not np.any(k):
            return lives + at_once
        leaves = self.s / beta * _time_with(np.maximum(k, 1), shape, alpha, self.s + 1, beta, t)
        return lives + np.where(np.asarray(k) > 0, leaves, at_once)

    def at_least_if_alive(self, k: Floats, x: Floats, T: Floats, t: Floats | float) -> Floats:
        """Return P(k or more purchases in (T, T + t] | alive at T), for whole numbers k from 1 up.

        The integral over the time y of the k-th purchase, until which the customer has to live. Its density is shape /
        alpha times the probability of k - 1 purchases by y at a shape larger by one; all terms are positive, so that
        even a tiny probability has its digits. For t near infinity it is right to 1e-6.
        """
        shape, alpha = self.r + x, self.alpha + T
        return shape / alpha * _time_with(np.asarray(k) - 1, shape + 1, alpha, self.s, self.beta + T, t)

    def never_if_alive(self, x: Floats, T: Floats) -> Floats:
        """Return E[mu / (lambda + mu) | alive at T]: the customer leaves, at any time, before the next purchase.

        Right to 1e-10; to 1e-8 where r + x and s are both below 0.04.
        """
        beta = self.beta + T
        never: Floats = self.s / beta * integral_of_powers(self.r + x, self.alpha + T, self.s + 1, beta, 0.0, np.inf)
        return never

    def survival_if_alive(self, x: Floats, T: Floats, t: Floats | float) -> Floats:
        """Return P(alive at T + t | alive at T), the same for every x, as purchases tell nothing of leaving."""
        survival: Floats = np.exp(-self.s * np.log1p(t / (self.beta + T))) * np.ones(np.shape(x))
        return survival

    def lifetime_if_alive(self, x: Floats, T: Floats) -> Floats:
        """Return E[1 / mu | alive at T]: finite only for s > 1."""
        exists = np.asarray(self.s) > 1
        return np.where(exists, (self.beta + T) / np.where(exists, self.s - 1.0, 1.0), np.inf) * np.ones(np.shape(x))

    def prospects(self, x: Floats, T: Floats) -> Prospects:
        """Return lambda ~ Gamma(r + x, alpha + T) and mu ~ Gamma(s, beta + T)."""
        leave = (np.asarray(self.s), np.asarray(self.beta + T))
        return Prospects(np.asarray(self.r + x), np.asarray(self.alpha + T), leave=leave)

    def simulate(self, rng: np.random.Generator, x: float, t_x: float, T: float, t: Floats | float) -> Purchases:
        """Return futures of one customer in (T, T + t], one for each draw of the parameters.

        Until the end of the lifetime or of the horizon, purchases are a Poisson process: their times are uniform.
        """
        history = tuple(map(np.asarray, (x, t_x, T)))
        r, alpha, s, beta = (np.ravel(v) for v in np.broadcast_arrays(self.r, self.alpha, self.s, self.beta))
        alive = rng.random(len(r)) < np.ravel(self.probability_alive(*history))
        rate, leave = rng.standard_gamma(r + x) / (alpha + T), rng.standard_gamma(s) / (beta + T)
        with np.errstate(divide="ignore", over="ignore"):
            end = np.where(alive, np.minimum(rng.standard_exponential(len(r)) / leave, t), 0.0)
        count = rng.poisson(rate * end)
        return Purchases(count, np.repeat(end, count) * rng.random(count.sum()))


class _Parting(NamedTuple):
    """Rows of data, the integral over their time of leaving, and each node's share of it and alpha + y, beta + y."""

    rows: NDArray[np.bool_]
    time: Floats
    share: Floats
    alpha: Floats
    beta: Floats

    def mean_slope(self, k: Floats, s: float) -> Floats:
        """Return the mean over the nodes of the slopes by (r, alpha, s, beta), shape ``(4, rows)``."""
        log_alpha, log_beta, per_alpha, per_beta = (
            np.einsum("ij,ij->j", self.share, value)
            for value in (np.log(self.alpha), np.log(self.beta), 1 / self.alpha, 1 / self.beta)
        )
        return np.stack([-log_alpha, -k * per_alpha, 1 / s - log_beta, -(s + 1) * per_beta])

    def bend(self, k: Floats, s: float, alive: Floats, weight: Floats) -> Floats:
        """Return the weighted sum over rows and nodes of second derivatives and squares of the slopes less alive."""
        share, per_alpha, per_beta = self.share * weight, 1 / self.alpha, 1 / self.beta
        slopes = np.stack([-np.log(self.alpha), -k * per_alpha, 1 / s - np.log(self.beta), -(s + 1) * per_beta])
        gaps = (slopes - alive[:, None]).reshape(4, -1)
        total: Floats = (gaps * share.ravel()) @ gaps.T
        total[0, 1] -= np.sum(share * per_alpha)
        total[1, 1] += np.sum(share * k * per_alpha**2)
        total[2, 2] -= weight.sum() / s**2
        total[2, 3] -= np.sum(share * per_beta)
        total[3, 3] += (s + 1) * np.sum(share * per_beta**2)
        return total


def _lifetime(s: Parameter, beta: Floats, t: Floats) -> Floats:
    """Return the expected lifetime within t at rates Gamma(s, beta); nothing happens at s = 1."""
    time = np.log1p(t / beta)
    lifetime: Floats = beta * time * exprel((1 - s) * time)
    return lifetime


def _time_with(k: Floats, shape: Floats, alpha: Floats, m: Parameter, beta: Floats, t: Floats | float) -> Floats:
    r"""Return the time within t with k purchases so far, each moment y weighted by :math:`(1 + y / \beta)^{-m}`.

    The integral :math:`\int_0^t \text{NBD}(k; y) (1 + y / \beta)^{-m} dy` at Gauss-Legendre nodes in log(1 + y / c), c
    the smaller of alpha and beta; shape + m exceeds 1.
    """
    c = np.minimum(alpha, beta)
    low, high = (np.log1p(y / c) for y in _window(k, shape, alpha, m, beta, t))
    of_count = gammaln(shape + k) - gammaln(shape) - gammaln(k + 1)
    total = np.zeros(())
    for node, weight in zip(*legendre_rule(_NODES), strict=True):
        y = np.maximum(c * np.expm1(low + (high - low) * node), _SOONEST)
        buys = of_count + k * np.log(y / (alpha + y)) - shape * np.log1p(y / alpha)
        total = total + weight * np.exp(buys - m * np.log1p(y / beta)) * (c + y)
    time: Floats = (high - low) * total
    return time


def _window(
    k: Floats, shape: Floats, alpha: Floats, m: Parameter, beta: Floats, t: Floats | float
) -> tuple[Floats, Floats]:
    r"""Return where within t :math:`y^{k+1} (\alpha + y)^{-(\text{shape} + k)} (\beta + y)^{-m}` is not negligible.

    In log(y) it is log-concave. At a distance from its peak it has fallen by the sum of what two Beta densities of
    logit(p) have fallen from theirs, one for each factor; so the window of either will do. Before a t that is short of
    the peak it falls faster than before the peak, and ever more steeply than at t.
    """
    n, fall = shape + k, shape + m - 1
    half = ((shape - 1) * beta + (m - 1 - k) * alpha) / 2  # the peak is the root of a quadratic equation
    root = np.sqrt(half**2 + fall * (k + 1) * alpha * beta)
    peak = np.where(half > 0, (k + 1) * alpha * beta / (half + root), (root - half) / fall)
    of_alpha, of_beta = peak / (alpha + peak), peak / (beta + peak)
    factors = [(n * of_alpha, n * (1 - of_alpha)), (m * of_beta, m * (1 - of_beta))]
    before = np.minimum(*(_far_below(a) + _far_above(b) for a, b in factors))
    after = np.minimum(*(_far_above(a) + _far_below(b) for a, b in factors))
    top = np.minimum(peak, t)
    slope = k + 1 - n * top / (alpha + top) - m * top / (beta + top)
    before = np.minimum(before, _NEGLIGIBLE / np.maximum(slope, _SOONEST))
    return top * np.exp(-before), np.minimum(peak * np.exp(np.minimum(after, _FARTHEST)), t)


def _far_below(shape: Floats) -> Floats:
    """Return how far below its peak the density of the logarithm of a gamma variable is negligible."""
    fall = _NEGLIGIBLE / shape
    return fall + np.sqrt(2 * fall)


def _far_above(shape: Floats) -> Floats:
    """Return how far above its peak the density of the logarithm of a gamma variable is negligible."""
    return np.log1p(_far_below(shape))
