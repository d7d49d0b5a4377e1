"""Gamma-Gamma: what a purchase is worth, from the mean value of a customer's purchases.

Of the repeat purchases, as published, or of all: two models that differ in nothing else.

Fader & Hardie (2013), The Gamma-Gamma Model of Monetary Value, note 025 at brucehardie.com; Fader, Hardie & Lee
(2005), RFM and CLV, Journal of Marketing Research 42(4).
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, gammaln

from clvmodels.data.rfm import RFM
from clvmodels.errors import InfiniteMeanError, MissingMoneyError
from clvmodels.models.parametric import Parametric
from clvmodels.models.protocols import Derivatives, Evidence, Floats, Parameter, SpendProspects
from clvmodels.models.special import over_counts, trigamma

_FEWEST_CUSTOMERS = 10  # three parameters want more than three customers each


@dataclass(frozen=True, eq=False)
class GammaGamma(Parametric):
    """A purchase's value is Gamma(p, nu), and a customer's rate nu is Gamma(q, gamma), independent of frequency.

    Given x purchases whose values were observed, and their mean m, nu ~ Gamma(p x + q, gamma + x m). Here these are
    the *repeat* purchases, as published: what a customer paid first is not looked at, and all who bought once have
    x = 0 and the population's mean spend. ``GammaGammaAllPurchases`` counts the first purchase, too.

    Parameters
    ----------
    p
        Shape of the values of one customer's purchases.
    q, gamma
        Shape and rate of the customers' rates; ``gamma`` is in money. The population's mean spend exists for q > 1.

        Each is a number, or an array of shape ``(draws, 1)`` or ``(draws, customers)``.

    Notes
    -----
    No purchase is worth 0 under this model, so customers whose observed purchases were all worth nothing are left out
    of the likelihood; predictions take them at m = 0. Those who paid for some have the mean of all, free ones included.

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

    _purchases: ClassVar[str] = "repeat purchases"  # whose values are observed
    _buyers: ClassVar[str] = "repeat buyers"
    _way_on: ClassVar[str] = (
        " Or fit clv.GammaGammaAllPurchases: it has seen a purchase of everybody, so that a customer's mean exists "
        "for p + q > 1."
    )

    @classmethod
    def observed(cls, rfm: RFM) -> tuple[Floats, Floats]:
        """Return how many purchases of each customer have a value that is observed, and their mean: of the repeats.

        Raises
        ------
        MissingMoneyError
            If the data have no amounts.
        """
        return rfm.frequency.astype(float), rfm.money

    @classmethod
    def evidence(cls, rfm: RFM) -> Evidence:
        """Return (x, m) of the customers whose observed purchases have a mean above 0, m in multiples of its median."""
        x, m = cls.observed(rfm)
        valued = (x > 0) & (m > 0)
        x, m = x[valued], m[valued]
        scale = float(np.median(m)) if len(m) else 1.0
        return Evidence((x, m / scale), np.ones(len(m)), scale, -len(m) * np.log(scale), cls._shortfall(m))

    @classmethod
    def start(cls) -> tuple[float, ...]:
        """Return where a search begins: moderate spread within and between customers around a mean of one."""
        return (3.0, 3.0, 1.0)

    def unidentified(self) -> str:
        """Explain estimates at the border of the parameter space."""
        return (
            "The spread of spend within customers cannot be told from that between them. Gamma-Gamma needs customers "
            f"with several {self._purchases} of differing value; use more data, or the observed mean spend."
        )

    def log_likelihood(self, x: Floats, m: Floats) -> Floats:
        """Return the log-density of the *mean* value m of x observed purchases (that of their total is log x less)."""
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

        Parameters
        ----------
        x, m
            How many purchases were observed, and their mean value, as ``observed`` returns them.

        Raises
        ------
        InfiniteMeanError
            Where p x + q <= 1, so that the mean does not exist.
        """
        infinite = ~self.mean_exists(x)
        if infinite.any():
            raise InfiniteMeanError(
                f"Expected spend is infinite for {infinite.mean():.1%} of the (draw, customer) pairs: it exists only "
                "for p x + q > 1, and q goes down to "
                f"{np.min(self.q):.3g}. A few purchases of enormous value are the usual cause: look at the largest "
                f"amounts, or leave out the accounts that are not like the others.{self._way_on}"
            )
        return self.prospects(x, m).mean()

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
            How many of the customer's purchases were observed, and their mean value.
        count
            Purchases in each future, one future a draw of the parameters, shape ``(draws,)``.
        """
        p, q, gamma = (np.ravel(value) for value in np.broadcast_arrays(self.p, self.q, self.gamma))
        rate = rng.standard_gamma(p * x + q) / (gamma + x * m)
        values: Floats = rng.standard_gamma(np.repeat(p, count)) / np.repeat(rate, count)
        return values

    @classmethod
    def _shortfall(cls, m: Floats) -> str:
        if len(m) < _FEWEST_CUSTOMERS:
            return (
                f"Only {len(m)} customers have {cls._purchases} of positive value; three parameters need "
                f"{_FEWEST_CUSTOMERS} or more. Use a longer log or more customers."
            )
        if np.ptp(m) <= 1e-9 * m.max():
            return (
                f"All {len(m):,} {cls._buyers} spend the same, {m[0]:g} a purchase, so there is no spread to learn "
                "from. Multiply expected purchases by that amount."
            )
        return ""


@dataclass(frozen=True, eq=False)
class GammaGammaAllPurchases(GammaGamma):
    """Gamma-Gamma whose observed purchases are *all* of a customer's, the first included.

    One-time buyers differ by what their one purchase was worth, and the parameters are learnt from them, too. It needs
    ``first_spend``, which a summarised log has. ``GammaGamma``, the published model, looks at repeat purchases alone:
    prefer it where first purchases are unlike the later ones (an opening offer, a machine before its supplies), and
    where intervals matter more than order. Compare both on your own log.

    Parameters
    ----------
    p
        Shape of the values of one customer's purchases.
    q, gamma
        Shape and rate of the customers' rates; ``gamma`` is in money. The mean spend of a customer with x repeat
        purchases exists for p (x + 1) + q > 1, and for p + q > 1 that of everybody.

        Each is a number, or an array of shape ``(draws, 1)`` or ``(draws, customers)``.

    Notes
    -----
    How much the purchases of one customer vary is learnt in part from the shape of the distribution of single
    purchases, as one-time buyers have no second one to differ from. Where that shape misleads, intervals are wrong: on
    CDNOW's holdout it orders customers by their money better than ``GammaGamma`` does (Gini .67 against .64), but its
    90 % interval of what customers spent, given how often they bought, holds 65 % of them instead of 82 %.

    Customers whose purchases were all worth nothing are left out of the likelihood, as no purchase is worth 0 under
    this model; predictions take them at m = 0, so they are expected to spend less than anybody who paid once.

    Examples
    --------
    Two one-time buyers, of 10 and of 50, are not expected to spend the same from now on:

    >>> import pandas as pd
    >>> table = pd.DataFrame({"customer_id": ["a", "b"], "frequency": 0, "recency": 0.0, "T": 39.0})
    >>> rfm = RFM.from_frame(table.assign(monetary_value=0.0, first_spend=[10.0, 50.0]), unit="week")
    >>> model = GammaGammaAllPurchases(p=6.25, q=3.74, gamma=15.45)
    >>> model.expected_spend(*model.observed(rfm)).round(2)
    array([17.69, 45.5 ])
    """

    name: ClassVar[str] = "Gamma-Gamma (all purchases)"

    _purchases: ClassVar[str] = "purchases"
    _buyers: ClassVar[str] = "customers"
    _way_on: ClassVar[str] = ""

    @classmethod
    def observed(cls, rfm: RFM) -> tuple[Floats, Floats]:
        """Return how many purchases of each customer have a value that is observed, and their mean: of all.

        Raises
        ------
        MissingMoneyError
            If the data have no amounts, or the value of first purchases is not known.
        """
        repeats, total = rfm.frequency.astype(float), rfm.frequency * rfm.money
        if rfm.first_spend is None:
            raise MissingMoneyError(
                f"{cls.name} counts first purchases, and these data do not say what they were worth. Summarise a log "
                "with Transactions(...).summarize(), pass a first_spend column to RFM.from_frame, or use "
                "clv.GammaGamma, which looks at repeat purchases alone."
            )
        return repeats + 1, (rfm.first_spend + total) / (repeats + 1)
