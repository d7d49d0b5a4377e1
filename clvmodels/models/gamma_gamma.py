"""Gamma-Gamma: what a purchase is worth, from the mean value of a customer's repeat purchases.

Fader & Hardie (2013), The Gamma-Gamma Model of Monetary Value, note 025 at brucehardie.com; Fader, Hardie & Lee
(2005), RFM and CLV, Journal of Marketing Research 42(4).
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, gammaln

from clvmodels.data.rfm import RFM
from clvmodels.errors import InfiniteMeanError
from clvmodels.models.parametric import Parametric
from clvmodels.models.protocols import Derivatives, Evidence, Floats, Parameter, SpendProspects
from clvmodels.models.special import over_counts, trigamma

_FEWEST_CUSTOMERS = 10  # three parameters want more than three customers each


@dataclass(frozen=True, eq=False)
class GammaGamma(Parametric):
    """A purchase's value is Gamma(p, nu), and a customer's rate nu is Gamma(q, gamma), independent of frequency.

    Given x repeat purchases of mean value m, nu ~ Gamma(p x + q, gamma + x m).

    Parameters
    ----------
    p
        Shape of the values of one customer's purchases.
    q, gamma
        Shape and rate of the customers' rates; ``gamma`` is in money. The population's mean spend exists for q > 1.

        Each is a number, or an array of shape ``(draws, 1)`` or ``(draws, customers)``.

    Examples
    --------
    A CDNOW customer with two repeat purchases of 22.35 on average (published: 24.658619):

    >>> import numpy as np
    >>> model = GammaGamma(p=6.248802, q=3.744588, gamma=15.447748)
    >>> float(model.expected_spend(np.array(2), np.array(22.35)).round(2))
    24.66
    """

    p: Parameter
    q: Parameter
    gamma: Parameter

    name: ClassVar[str] = "Gamma-Gamma"
    scaled: ClassVar[tuple[str, ...]] = ("gamma",)

    @classmethod
    def evidence(cls, rfm: RFM) -> Evidence:
        """Return (x, m) of the customers whose repeat purchases were worth something, m in multiples of its median."""
        repeats = (rfm.frequency > 0) & (rfm.money > 0)
        x, m = rfm.frequency[repeats].astype(float), rfm.money[repeats]
        scale = float(np.median(m)) if len(m) else 1.0
        return Evidence((x, m / scale), np.ones(len(m)), scale, -len(m) * np.log(scale), _shortfall(m))

    @classmethod
    def observed(cls, rfm: RFM) -> tuple[Floats, Floats]:
        """Return the number of repeat purchases and their mean value."""
        return rfm.frequency.astype(float), rfm.money

    @classmethod
    def start(cls) -> tuple[float, ...]:
        """Return where a search begins: moderate spread within and between customers around a mean of one."""
        return (3.0, 3.0, 1.0)

    def unidentified(self) -> str:
        """Explain estimates at the border of the parameter space."""
        return (
            "The spread of spend within customers cannot be told from that between them. Gamma-Gamma needs customers "
            "with several repeat purchases of differing value; use more data, or the observed mean spend."
        )

    def log_likelihood(self, x: Floats, m: Floats) -> Floats:
        """Return the log-density of the *mean* value m of x purchases (not of their total: that differs by log x)."""
        p, q, gamma = self.p, self.q, self.gamma
        of_count = self.over_counts(self._log_count, x) - gammaln(q) + q * np.log(gamma)
        density: Floats = of_count + (p * x - 1) * np.log(m) - (p * x + q) * np.log(gamma + x * m)
        return density

    def _log_count(self, x: Floats) -> Floats:
        shape = self.p * np.maximum(x, 1)  # there is no mean of no purchases
        return np.asarray(gammaln(shape + self.q) - gammaln(shape) + shape * np.log(np.maximum(x, 1)), dtype=float)

    def derivatives(self, x: Floats, m: Floats) -> Derivatives:
        """Return the log-density of each row and its derivatives by (p, q, gamma), at scalar parameters."""
        p, q, gamma = float(self.p), float(self.q), float(self.gamma)
        total, own = x * m, over_counts(lambda x: digamma(p * np.maximum(x, 1)), x)
        both, share = over_counts(lambda x: digamma(p * x + q), x), 1 / (gamma + total)
        score = np.stack(
            [
                x * (both - own + np.log(total * share)),
                both - digamma(q) + np.log(gamma * share),
                q / gamma - (p * x + q) * share,
            ]
        )

        def hessian(counts: Floats) -> Floats:
            both = over_counts(lambda x: trigamma(p * x + q), x)
            own = over_counts(lambda x: trigamma(p * np.maximum(x, 1)), x)
            pp, pq, pg = counts @ (x**2 * (both - own)), counts @ (x * both), -(counts * x) @ share
            qq, qg = counts @ (both - trigamma(q)), counts @ (1 / gamma - share)
            gg = counts @ ((p * x + q) * share**2 - q / gamma**2)
            return np.array([[pp, pq, pg], [pq, qq, qg], [pg, qg, gg]])

        return Derivatives(self.log_likelihood(x, m), score, hessian)

    def mean_exists(self, x: Floats) -> NDArray[np.bool_]:
        """Return whether p x + q > 1."""
        return np.asarray(self.p * x + self.q > 1)

    def expected_spend(self, x: Floats, m: Floats) -> Floats:
        """Return a customer's expected value of a purchase, p (gamma + x m) / (p x + q - 1).

        Raises
        ------
        InfiniteMeanError
            Where p x + q <= 1, so that the mean does not exist.
        """
        shape = self.p * x + self.q - 1
        infinite = np.asarray(shape <= 0)
        if infinite.any():
            raise InfiniteMeanError(
                f"Expected spend is infinite for {infinite.mean():.1%} of the (draw, customer) pairs: it exists only "
                "for p x + q > 1, and q goes down to "
                f"{np.min(self.q):.3g}. A few purchases of enormous value are the usual cause: look at the largest "
                "amounts, or leave out the accounts that are not like the others."
            )
        spend: Floats = self.p * (self.gamma + x * m) / shape
        return spend

    def prospects(self, x: Floats, m: Floats) -> SpendProspects:
        """Return nu ~ Gamma(p x + q, gamma + x m), the rate of values of shape p."""
        return SpendProspects(np.asarray(self.p), np.asarray(self.p * x + self.q), np.asarray(self.gamma + x * m))

    def simulate_spend(self, rng: np.random.Generator, x: float, m: float, count: NDArray[np.int64]) -> Floats:
        """Return the value of every purchase of one customer's futures, future after future.

        Parameters
        ----------
        rng
            The customer's random stream.
        x, m
            The customer's repeat purchases and their mean value.
        count
            Purchases in each future, one future a draw of the parameters, shape ``(draws,)``.
        """
        p, q, gamma = (np.ravel(value) for value in np.broadcast_arrays(self.p, self.q, self.gamma))
        rate = rng.standard_gamma(p * x + q) / (gamma + x * m)
        values: Floats = rng.standard_gamma(np.repeat(p, count)) / np.repeat(rate, count)
        return values


def _shortfall(m: Floats) -> str:
    if len(m) < _FEWEST_CUSTOMERS:
        return (
            f"Only {len(m)} customers have repeat purchases of positive value; three parameters need "
            f"{_FEWEST_CUSTOMERS} or more. Use a longer log or more customers."
        )
    if np.ptp(m) <= 1e-9 * m.max():
        return (
            f"All {len(m):,} repeat buyers spend the same, {m[0]:g} a purchase, so there is no spread to learn from. "
            "Multiply expected purchases by that amount."
        )
    return ""
