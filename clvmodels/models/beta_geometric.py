r"""The equations that BG/NBD and MBG/NBD share.

Both models let a customer buy at the times of a Poisson process of rate lambda ~ Gamma(r, alpha) and drop out with
probability p ~ Beta(a, b) at certain chances. They differ in one thing only: how many chances of drop-out a customer
has been through after x repeat purchases. In BG/NBD it is ``n = x`` (one after each repeat purchase), in MBG/NBD
``n = x + 1`` (one right after the first purchase as well). Everything below is written in n.

Given alive at T, lambda ~ Gamma(r + x, alpha + T) and p ~ Beta(a, b + n), independent of each other.

References
----------
Fader, Hardie & Lee (2005), "Counting Your Customers" the Easy Way, Marketing Science 24(2).
Batislam, Denizel & Filiztekin (2007), Empirical validation and comparison of models for customer base analysis.
"""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import betaln, digamma, gammaln

from clvmodels.data.histories import Histories
from clvmodels.data.rfm import RFM
from clvmodels.models.drop_out_at_purchase import DropOutAtPurchase
from clvmodels.models.learning import learn_histories
from clvmodels.models.parametric import Parametric, unknown
from clvmodels.models.special import Floats, Number, log_one_plus_exp, log_one_plus_exp_and_share, trigamma
from clvmodels.models.specification import Derivatives, Evidence, Hessians, Parameter, Products

_NO_DROP_OUT = 0.05  # mean probability of drop-out below which, at the border, nobody seems to drop out
_OPPOSITE = 0.2  # a + b below which hardly any customer's probability of drop-out lies between 0 and 1
_ALIKE = 1e3  # r, or a + b, above which all customers are nearly the same


@dataclass(frozen=True, eq=False, repr=False)
class BetaGeometric(Parametric):
    """The parameters and equations; a model adds its name and how many chances of drop-out x repeat purchases bring."""

    r: Number = unknown()
    alpha: Number = unknown()
    a: Number = unknown()
    b: Number = unknown()

    kind = "purchases"
    parameters = (*(Parameter("r"), Parameter("alpha", dimension="time"), Parameter("a"), Parameter("b")),)
    start = (1.0, 1.0, 1.0, 3.0)  # one purchase a typical gap, one in four the last
    recency_matters = False

    @staticmethod
    @abstractmethod
    def chances(x: Floats) -> Floats:
        """Return n, how many chances of drop-out a customer has been through after x repeat purchases."""

    def learn(self, rfm: RFM) -> Evidence:
        """Return the distinct (x, t_x, T) with their counts."""
        return learn_histories(rfm, len(self.parameters))

    def unidentified(self, unit: str) -> str:
        """Explain estimates at the border of the parameter space, and what to do."""
        stop, spread = self.a / (self.a + self.b), self.a + self.b
        if stop < _NO_DROP_OUT:
            return (
                "No drop-out identified: the mean probability of drop-out after a purchase is estimated as "
                f"{stop:.1g}, so hardly anybody seems to leave during this log. Fit clv.NBD, which has no drop-out, or "
                "use a longer log."
            )
        if spread > _ALIKE:
            return (
                f"All customers seem to drop out with the same probability ({stop:.3g} a purchase), so a and b cannot "
                "be told apart. Use more customers or a longer log."
            )
        if spread < _OPPOSITE:
            return (
                f"Customers seem to drop out at their first chance or never (a + b = {spread:.2g}), and too few tell "
                "how many do. Use more customers or a longer log."
            )
        if self.r > _ALIKE:
            return (
                f"All customers seem to buy at the same rate, {self.r / self.alpha:.3g} purchases a {unit}, so r and "
                "alpha cannot be told apart. Use more customers or a longer log."
            )
        return (
            f"At r = {self.r:.3g}, alpha = {self.alpha:.3g}, a = {self.a:.3g}, b = {self.b:.3g} the likelihood is "
            "flat in some direction. Use more customers or a longer log, and look for duplicated customers."
        )

    def log_likelihood(self, x: Floats, t_x: Floats, T: Floats) -> Floats:
        """Return log L(r, alpha, a, b | x, t_x, T): still alive, or dropped out at the last of n chances."""
        age = np.log(self.alpha + T)
        alive = self.over_counts(self._log_count, x) - (self.r + x) * age
        either: Floats = alive + log_one_plus_exp(self._log_odds(x, age - np.log(self.alpha + t_x)))
        return either

    def log_odds_dropped_out(self, x: Floats, t_x: Floats, T: Floats) -> Floats:
        """Return log(P(dropped out) / P(alive)) at T; minus infinity for a customer without a chance of drop-out."""
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
        """Return 1 / (b + n - 1), or 0 where there was no chance of drop-out."""
        n = self.chances(x)
        return np.where(n > 0, 1 / np.where(n > 0, self.b + (n - 1), 1.0), 0.0)

    def probability_alive(self, histories: Histories) -> Floats:
        """Return P(alive at T | x, t_x, T); 1 for customers without a chance of drop-out."""
        x, t_x, T = histories.x, histories.t_x, histories.T
        if not np.any(self.chances(x)):
            return np.ones(np.broadcast_shapes(np.shape(self.r), np.shape(self.alpha), np.shape(x), np.shape(T)))
        with np.errstate(over="ignore"):  # whose odds are infinite is not alive
            alive: Floats = 1 / (1 + np.exp(self.log_odds_dropped_out(x, t_x, T)))
        return alive

    def future(self, histories: Histories) -> DropOutAtPurchase:
        """Return lambda ~ Gamma(r + x, alpha + T) and p ~ Beta(a, b + n)."""
        parameters = (self.r + histories.x, self.alpha + histories.T, self.a, self.b + self.chances(histories.x))
        return DropOutAtPurchase(*map(np.asarray, parameters))

    def derivatives(self, x: Floats, t_x: Floats, T: Floats) -> Derivatives:
        """Return the log-likelihood of each row and its derivatives by (r, alpha, a, b).

        The likelihood is a product times the sum of two terms, alive and dropped out. With w = P(dropped out), the
        derivatives of that sum's logarithm are the w-weighted mean of the two logarithms' derivatives, and the second
        derivatives gain w (1 - w) times the outer product of their difference (``gap``).
        """
        r, alpha, a, b = (np.ravel(value) for value in (self.r, self.alpha, self.a, self.b))
        k, age, last = r + x, np.log(alpha + T), np.log(alpha + t_x)
        per_age, per_last = 1 / (alpha + T), 1 / (alpha + t_x)

        def of(function: Callable[[Floats], Floats]) -> Floats:
            return np.ravel(self.over_counts(function, x))

        per_chance = of(self._per_last_chance)
        either, w = log_one_plus_exp_and_share(np.ravel(self._log_odds(x, age - last)))
        gap = np.stack([age - last, k * (per_age - per_last), np.broadcast_to(1 / a, w.shape), -per_chance])
        alive = np.stack(
            [
                of(lambda x: digamma(r + x) - digamma(r)) + np.log(alpha) - age,
                r / alpha - k * per_age,
                of(lambda x: digamma(a + b) - digamma(a + b + self.chances(x))),
                of(lambda x: _went_on(a, b, self.chances(x))),
            ]
        )

        def second() -> Hessians:
            both = of(lambda x: trigamma(a + b) - trigamma(a + b + self.chances(x)))
            entries = {
                (0, 0): of(lambda x: trigamma(r + x) - trigamma(r)),
                (0, 1): 1 / alpha - (1 - w) * per_age - w * per_last,
                (1, 1): (1 - w) * k * per_age**2 + w * k * per_last**2 - r / alpha**2,
                (2, 2): both - w / a**2,
                (2, 3): both,
                (3, 3): both + of(lambda x: trigamma(b + self.chances(x)) - trigamma(b)) + w * per_chance**2,
            }
            return Hessians(entries, [Products(slice(None), gap[:, None], (w * (1 - w))[None])])

        return Derivatives(of(self._log_count) - k * age + either, alive + w * gap, second)


def _went_on(a: Floats, b: Floats, n: Floats) -> Floats:
    """Return the derivative by b of the log-probability of going on n times."""
    derivative: Floats = digamma(b + n) - digamma(b) + digamma(a + b) - digamma(a + b + n)
    return derivative
