r"""The equations that BG/NBD and MBG/NBD share.

Both models let a customer buy at the times of a Poisson process of rate lambda ~ Gamma(r, alpha) and stop with
probability p ~ Beta(a, b) at certain chances. They differ in one thing only: how many chances to stop a customer has
been through after x repeat purchases. In BG/NBD it is ``n = x`` (one after each repeat purchase), in MBG/NBD
``n = x + 1`` (one right after the first purchase as well). Everything below is written in n.

Given alive at T, lambda ~ Gamma(r + x, alpha + T) and p ~ Beta(a, b + n), independent of each other.

References
----------
Fader, Hardie & Lee (2005), "Counting Your Customers" the Easy Way, Marketing Science 24(2).
Batislam, Denizel & Filiztekin (2007), Empirical validation and comparison of models for customer base analysis.
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, digamma, gammaln

from clvmodels.data.rfm import RFM
from clvmodels.models.parametric import Parametric
from clvmodels.models.protocols import Derivatives, Evidence, Floats, Parameter, Prospects, Purchases
from clvmodels.models.rates import purchase_evidence, steady_at_least, steady_count
from clvmodels.models.special import (
    beta_rule,
    discount_rule,
    discount_weights,
    log_one_plus_exp,
    log_one_plus_exp_and_share,
    over_counts,
    trigamma,
)

_SMALLEST = 1e-100  # a probability to stop that is as good as none, and whose inverse is still finite
_NO_DROP_OUT = 0.05  # mean probability to stop below which, at the border, nobody seems to
_OPPOSITE = 0.2  # a + b below which hardly any customer's probability to stop lies between 0 and 1
_ALIKE = 1e3  # r, or a + b, above which all customers are nearly the same


@dataclass(frozen=True, eq=False)
class BetaGeometric(Parametric):
    """The parameters and equations; a model adds its name and how many chances to stop x repeat purchases bring."""

    r: Parameter
    alpha: Parameter
    a: Parameter
    b: Parameter

    scaled: ClassVar[tuple[str, ...]] = ("alpha",)

    @staticmethod
    @abstractmethod
    def chances(x: Floats) -> Floats:
        """Return n, how many chances to stop a customer has been through after x repeat purchases."""

    @classmethod
    def evidence(cls, rfm: RFM) -> Evidence:
        """Return the distinct (x, t_x, T) with their counts."""
        return purchase_evidence(rfm, cls.parameter_names())

    @classmethod
    def start(cls) -> tuple[float, ...]:
        """Return where a search begins: one purchase a typical gap, a stop after one purchase in four."""
        return (1.0, 1.0, 1.0, 3.0)

    def unidentified(self) -> str:
        """Explain estimates that ran to the border of the parameter space, and what to do."""
        stop, spread = self.a / (self.a + self.b), self.a + self.b
        if stop < _NO_DROP_OUT:
            return (
                f"No drop-out identified: the mean probability to stop after a purchase is estimated as {stop:.1g}, so "
                "hardly anybody seems to leave during this log. Fit clv.NBD, which has no drop-out, or use a longer "
                "log."
            )
        if spread > _ALIKE:
            return (
                f"All customers seem to stop with the same probability ({stop:.3g} a purchase), so a and b cannot be "
                "told apart. Use more customers or a longer log."
            )
        if spread < _OPPOSITE:
            return (
                f"Customers seem to stop at their first chance or never (a + b = {spread:.2g}), and too few tell how "
                "many do. Use more customers or a longer log."
            )
        if self.r > _ALIKE:
            return (
                f"All customers seem to buy at the same rate, {self.r / self.alpha:.3g} a typical gap, so r and alpha "
                "cannot be told apart. Use more customers or a longer log."
            )
        return (
            f"At r = {self.r:.3g}, alpha = {self.alpha:.3g}, a = {self.a:.3g}, b = {self.b:.3g} the likelihood is "
            "flat in some direction. Use more customers or a longer log, and look for duplicated customers."
        )

    def log_likelihood(self, x: Floats, t_x: Floats, T: Floats) -> Floats:
        """Return log L(r, alpha, a, b | x, t_x, T): still alive, or stopped at the last of n chances."""
        age = np.log(self.alpha + T)
        alive = self.over_counts(self._log_count, x) - (self.r + x) * age
        either: Floats = alive + log_one_plus_exp(self._log_odds(x, age - np.log(self.alpha + t_x)))
        return either

    def log_odds_stopped(self, x: Floats, t_x: Floats, T: Floats) -> Floats:
        """Return log(P(stopped) / P(alive)) at T; minus infinity for a customer without a chance to stop."""
        return self._log_odds(x, np.log(self.alpha + T) - np.log(self.alpha + t_x))

    def _log_odds(self, x: Floats, silence: Floats) -> Floats:
        return self.over_counts(self._log_last_chance, x) + (self.r + x) * silence

    def _log_count(self, x: Floats) -> Floats:
        purchases = gammaln(self.r + x) - gammaln(self.r) + self.r * np.log(self.alpha)
        return np.asarray(purchases + betaln(self.a, self.b + self.chances(x)) - betaln(self.a, self.b), dtype=float)

    def _log_last_chance(self, x: Floats) -> Floats:
        with np.errstate(divide="ignore"):
            return np.log(self.a * self._per_last_chance(x))

    def _per_last_chance(self, x: Floats) -> Floats:
        """Return 1 / (b + n - 1), or 0 where there was no chance to stop."""
        n = self.chances(x)
        return np.where(n > 0, 1 / np.where(n > 0, self.b + (n - 1), 1.0), 0.0)

    def probability_alive(self, x: Floats, t_x: Floats, T: Floats) -> Floats:
        """Return P(alive at T | x, t_x, T); 1 for customers without a chance to stop."""
        if not np.any(self.chances(x)):
            return np.ones(np.broadcast_shapes(np.shape(self.r), np.shape(self.alpha), np.shape(x), np.shape(T)))
        with np.errstate(over="ignore"):  # whose odds are infinite is not alive
            alive: Floats = 1 / (1 + np.exp(self.log_odds_stopped(x, t_x, T)))
        return alive

    def derivatives(self, x: Floats, t_x: Floats, T: Floats) -> Derivatives:
        """Return the log-likelihood of each row and its derivatives by (r, alpha, a, b), at scalar parameters.

        The likelihood is a product times the sum of two terms, alive and stopped. With w = P(stopped), the
        derivatives of that sum's logarithm are the w-weighted mean of the two logarithms' derivatives, and the second
        derivatives gain w (1 - w) times the outer product of their difference (``gap``).
        """
        r, alpha, a, b = (float(value) for value in (self.r, self.alpha, self.a, self.b))
        k, age, last = r + x, np.log(alpha + T), np.log(alpha + t_x)
        per_age, per_last, per_chance = 1 / (alpha + T), 1 / (alpha + t_x), over_counts(self._per_last_chance, x)
        either, w = log_one_plus_exp_and_share(self._log_odds(x, age - last))

        gap = np.stack([age - last, k * (per_age - per_last), np.full_like(w, 1 / a), -per_chance])
        alive = np.stack(
            [
                over_counts(lambda x: digamma(r + x) - digamma(r), x) + np.log(alpha) - age,
                r / alpha - k * per_age,
                over_counts(lambda x: digamma(a + b) - digamma(a + b + self.chances(x)), x),
                over_counts(lambda x: _went_on(a, b, self.chances(x)), x),
            ]
        )

        def hessian(counts: Floats) -> Floats:
            stopped, lived = counts * w, counts * (1 - w)
            total: Floats = (gap * (stopped * (1 - w))) @ gap.T
            total[0, 0] += counts @ over_counts(lambda x: trigamma(r + x) - trigamma(r), x)
            total[0, 1] += counts.sum() / alpha - lived @ per_age - stopped @ per_last
            total[1, 0] = total[0, 1]
            total[1, 1] += (lived * k) @ per_age**2 + (stopped * k) @ per_last**2 - counts.sum() * r / alpha**2
            total[2:, 2:] += counts @ over_counts(lambda x: trigamma(a + b) - trigamma(a + b + self.chances(x)), x)
            total[2, 2] -= stopped.sum() / a**2
            total[3, 3] += counts @ over_counts(lambda x: trigamma(b + self.chances(x)) - trigamma(b), x)
            total[3, 3] += stopped @ per_chance**2
            return total

        value = over_counts(self._log_count, x) - k * age + either
        return Derivatives(value, alive + w * gap, hessian)

    def purchases_if_alive(self, x: Floats, T: Floats, t: float, delta: float = 0.0) -> Floats:
        r"""Return the expected purchases in (T, T + t] given alive at T, discounted at the force of interest delta.

        Over lambda the expectation is elementary,
        :math:`G(s | p) = [1 - ((\alpha + T)/(\alpha + T + p s))^{r + x}] / p` by time T + s; what remains is an
        average over p. Unlike the papers' closed form it has neither a factor 1/(a - 1) nor a Gaussian hypergeometric
        function: it holds at a = 1 and for the heaviest buyers.
        """
        k, c = self.r + x, self.alpha + T
        # Purchases by time s bend at c / (k p), and k p, purchases times the chance to stop, is of the order of r + a.
        sooner = np.asarray(1 + self.r + self.a)
        if delta > 0 and np.size(x) == 1:
            return self._discounted(np.asarray(x), c / sooner, sooner, t, delta)
        rule = discount_rule(t, delta, c / sooner, least=float(np.min(self.alpha / sooner)))
        times = [(s / c, discount) for s, discount in rule]
        expected = np.zeros(())
        for p, weight in zip(*beta_rule(np.asarray(self.a), self.b + self.chances(x)), strict=True):
            if weight.any():
                expected = expected + weight * _purchases(np.maximum(p, _SMALLEST), k, times)
        return expected

    def _discounted(self, x: Floats, bend: Floats, sooner: Floats, t: float, delta: float) -> Floats:
        """Return the same for one frequency and many ages: G depends on s / c alone, and is averaged over p once."""
        times, weights = discount_weights(t, delta, bend)
        times = times / sooner[..., None]
        growth = np.zeros(())
        for p, weight in zip(*beta_rule(np.asarray(self.a), self.b + self.chances(x)), strict=True):
            if weight.any():
                stop = np.maximum(p, _SMALLEST)[..., None]
                grown = np.expm1(-(self.r + x)[..., None] * np.log1p(stop * times)) / -stop
                growth = growth + weight[..., None] * grown
        total: Floats = sum(w * growth[..., j] for j, w in enumerate(weights))
        return total

    def count_if_alive(self, k: Floats, x: Floats, T: Floats, t: Floats | float) -> Floats:
        r"""Return P(k purchases in (T, T + t] | alive at T), for whole numbers k from 0 up.

        Either k purchases were possible and the customer went on after each, or at least k were and the customer
        stopped at the k-th: averages of :math:`(1 - p)^k` and :math:`p (1 - p)^{k-1}` over p.
        """
        shape, span, stay = self.r + x, t / (self.alpha + T), self.b + self.chances(x)
        went_on = np.exp(betaln(self.a, stay + k) - betaln(self.a, stay))
        stopped = np.exp(betaln(self.a + 1, stay + np.maximum(k, 1) - 1) - betaln(self.a, stay))
        at_least = steady_at_least(np.maximum(k, 1), shape, span)
        probability: Floats = went_on * steady_count(k, shape, span) + np.where(k > 0, stopped * at_least, 0.0)
        return probability

    def prospects(self, x: Floats, T: Floats) -> Prospects:
        """Return lambda ~ Gamma(r + x, alpha + T) and p ~ Beta(a, b + n)."""
        stop = (np.asarray(self.a), np.asarray(self.b + self.chances(x)))
        return Prospects(np.asarray(self.r + x), np.asarray(self.alpha + T), stop)

    def at_least_if_alive(self, k: Floats, x: Floats, T: Floats, t: Floats | float) -> Floats:
        """Return P(k or more purchases in (T, T + t] | alive at T), for whole numbers k from 1 up.

        At least k purchases were possible, and the customer went on after the first k - 1: a product, so that even a
        tiny probability has all its digits.
        """
        stay = self.b + self.chances(x)
        went_on = np.exp(betaln(self.a, stay + k - 1) - betaln(self.a, stay))
        probability: Floats = went_on * steady_at_least(k, self.r + x, t / (self.alpha + T))
        return probability

    def never_if_alive(self, x: Floats, T: Floats) -> Floats:
        """Return 0: customers stop at a purchase, so who is alive buys at least once more."""
        return np.zeros(np.broadcast_shapes(*map(np.shape, (self.r, self.alpha, x, T))))

    def survival_if_alive(self, x: Floats, T: Floats, t: Floats | float) -> Floats:
        r"""Return P(alive at T + t | alive at T).

        Purchases come at rate lambda, and each is the last with probability p: customers stop at the rate lambda p.
        Over lambda the expectation of :math:`e^{-\lambda p t}` is :math:`(1 + p t / (\alpha + T))^{-(r + x)}`; what
        remains is an average over p. It is right to 1e-8 while t is below 1e4 (alpha + T), and for a down to 0.1 it is
        right to 1e-4 ever after.
        """
        k, span = np.asarray(self.r + x, dtype=float), np.asarray(t / (self.alpha + T), dtype=float)
        survival = np.zeros(np.broadcast_shapes(k.shape, span.shape))
        survives = np.empty_like(survival)
        for p, weight in zip(*beta_rule(np.asarray(self.a), self.b + self.chances(x)), strict=True):
            if weight.any():
                np.log1p(np.maximum(p, _SMALLEST) * span, out=survives)
                survives *= -k
                survival += np.multiply(np.exp(survives, out=survives), weight, out=survives)
        return survival

    def lifetime_if_alive(self, x: Floats, T: Floats) -> Floats:
        """Return E[1 / (lambda p) | alive at T]: finite only for r + x > 1 (E of 1 / lambda) and a > 1 (of 1 / p)."""
        k, stay = self.r + x, self.b + self.chances(x)
        exists = (k > 1) & (np.asarray(self.a) > 1)
        between = (self.alpha + T) / np.where(exists, k - 1, 1.0)
        purchases = (self.a + stay - 1) / np.where(exists, self.a - 1, 1.0)
        return np.where(exists, between * purchases, np.inf)

    def simulate(self, rng: np.random.Generator, x: float, t_x: float, T: float, t: Floats | float) -> Purchases:
        """Return futures of one customer in (T, T + t], one for each draw: exact, without stepping through events.

        While a customer lives, purchases are a Poisson process, whose count is drawn first; the customer stops at the
        K-th purchase, K geometric. So the first min(Poisson, K) of uniformly spread purchases happen.
        """
        history = tuple(map(np.asarray, (x, t_x, T)))
        r, alpha, a, b = (np.ravel(value) for value in np.broadcast_arrays(self.r, self.alpha, self.a, self.b))
        alive = rng.random(len(r)) < np.ravel(self.probability_alive(*history))
        rate = rng.standard_gamma(r + x) / (alpha + T)
        stop = rng.beta(a, b + self.chances(history[0]))
        possible = np.where(alive, rng.poisson(rate * t), 0)
        with np.errstate(divide="ignore", over="ignore"):
            last = 1 + np.floor(rng.standard_exponential(len(r)) / -np.log1p(-stop))
        count = np.minimum(possible, last).astype(np.int64)
        return Purchases(count, _times(rng, count, possible, t))


def _went_on(a: float, b: float, n: Floats) -> Floats:
    """Return the derivative by b of the log-probability of going on n times."""
    slope: Floats = digamma(b + n) - digamma(b) + digamma(a + b) - digamma(a + b + n)
    return slope


def _purchases(p: Floats, k: Floats, times: list[tuple[Floats, Floats]]) -> Floats:
    r"""Return :math:`\sum_j w_j [1 - (1 + p z_j)^{-k}] / p` for times :math:`z_j` and weights :math:`w_j`."""
    lost: Floats = sum(w * np.expm1(-k * np.log1p(p * z)) for z, w in times)  # type: ignore[assignment]
    return lost / -p


def _times(
    rng: np.random.Generator, count: NDArray[np.int64], possible: NDArray[np.int64], t: Floats | float
) -> Floats:
    """Return the first ``count`` of ``possible`` uniform points in (0, t], future after future.

    Where some are cut off, the last that remains is Beta(count, possible - count + 1) on the way to t, and the
    earlier ones are uniform before it; where none is, all are uniform before t.
    """
    cut = count < possible
    end = np.full(count.shape, t, dtype=float)
    end[cut] *= rng.beta(count[cut], possible[cut] - count[cut] + 1)
    times: Floats = rng.random(count.sum()) * np.repeat(end, count)
    times[np.cumsum(count)[cut] - 1] = end[cut]
    return times
