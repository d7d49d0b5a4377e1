"""Gamma-Gamma: what a purchase is worth, from the mean value of a customer's purchases.

Of the repeat purchases, as published, or of all: a setting, which changes nothing else.

Fader & Hardie (2013), The Gamma-Gamma Model of Monetary Value, note 025 at brucehardie.com; Fader, Hardie & Lee
(2005), RFM and CLV, Journal of Marketing Research 42(4).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, gammaln

from clvmodels import checked
from clvmodels.data.rfm import RFM
from clvmodels.errors import InfiniteMeanError, MissingMoneyError
from clvmodels.models.future import ValueRows
from clvmodels.models.parametric import Parametric, unknown
from clvmodels.models.special import Floats, Number, trigamma
from clvmodels.models.specification import Derivatives, Evidence, Hessians, Parameter, register
from clvmodels.text import count

_FEWEST_CUSTOMERS = 10  # three parameters want more than three customers each
_ONE_PRICE = 1e-4  # relative spread of mean spends below which all are one
_EXACT = 1e-3  # how exactly a single price is taken to be known, as a share of it
_ALIKE = 100.0  # p or q above which, at the border, purchases of a customer, or customers, are nearly the same
_WITH_ALL = (
    ' Or fit clv.GammaGamma(of="all"): it has seen a purchase of everybody, so that a customer\'s mean exists for '
    "p + q > 1."
)


@dataclass(frozen=True, eq=False)
class GammaValue:
    """Values v ~ Gamma(value_shape, nu) of a customer whose rate is nu ~ Gamma(shape, rate).

    ``remedy`` is what else to do where a mean is infinite.
    """

    value_shape: Floats
    shape: Floats
    rate: Floats
    remedy: str = ""

    @property
    def has_mean(self) -> NDArray[np.bool_]:
        """Whether the expected value of a purchase is finite: shape > 1."""
        return np.asarray(self.shape > 1)

    @property
    def has_variance(self) -> NDArray[np.bool_]:
        """Whether the value of a purchase has a variance: shape > 2."""
        return np.asarray(self.shape > 2)

    def mean(self) -> Floats:
        """Return the expected value of a purchase, value_shape rate / (shape - 1).

        Raises
        ------
        InfiniteMeanError
            If it is infinite anywhere.
        """
        infinite = ~self.has_mean
        if infinite.any():
            raise InfiniteMeanError(
                f"Expected spend is infinite for {100 * infinite.mean():.3g} % of the (draw, customer) pairs: it "
                f"exists only for p x + q > 1, and that goes down to {np.min(self.shape):.3g}. A few purchases of "
                "enormous value are the usual cause: look at the largest amounts, or leave out the accounts that are "
                f"not like the others.{self.remedy}"
            )
        mean: Floats = self.value_shape * self.rate / (self.shape - 1)
        return mean

    def simulate(self, rng: np.random.Generator, count: NDArray[np.int64]) -> Floats:
        """Simulate the values of ``count`` purchases each, ``(n,)``, of n draws or n customers, one after another."""
        value_shape, shape, rate, count = np.broadcast_arrays(
            *map(np.ravel, (self.value_shape, self.shape, self.rate, count))
        )
        nu = rng.standard_gamma(shape) / rate
        values: Floats = rng.standard_gamma(np.repeat(value_shape, count)) / np.repeat(nu, count)
        return values

    def rows(self) -> ValueRows:
        """Return what the compiled loop needs."""
        return ValueRows(True, self.value_shape, self.shape, self.rate)  # noqa: FBT003 -- has_values


@register
@dataclass(frozen=True, eq=False, repr=False)
class GammaGamma(Parametric):
    """A purchase's value is Gamma(p, nu), and a customer's rate nu is Gamma(q, gamma), independent of frequency.

    Given x purchases whose values were observed, and their mean m, nu ~ Gamma(p x + q, gamma + x m).

    Parameters
    ----------
    p
        Shape of the values of one customer's purchases.
    q, gamma
        Shape and rate of the customers' rates; ``gamma`` is in money. The population's mean spend exists for q > 1,
        that of a customer with x observed purchases for p x + q > 1.

        Each is a number, or an array of shape ``(draws, 1)`` or ``(draws, groups)``.
    of
        Which purchases are observed. ``"repeat"``, as published: what a customer paid first is not looked at, and all
        who bought once have x = 0 and the population's mean spend. ``"all"``: the first purchase counts, too, so that
        one-time buyers differ by what they paid; it needs ``first_spend``, which a summarised log has.

    Notes
    -----
    Prefer ``of="repeat"`` where first purchases are unlike the later ones (an opening offer, a machine before its
    supplies), and where intervals matter more than order. With ``"all"``, how much the purchases of one customer vary
    is learnt in part from the shape of the distribution of single purchases, as one-time buyers have no second one to
    differ from. Where that shape misleads, intervals are wrong: on CDNOW's holdout it orders customers by their money
    better (Gini .67 against .64), but its 90 % interval of what customers spent, given how often they bought, holds
    65 % of them instead of 82 %. Compare both on your own log.

    No purchase is worth 0 under this model, so customers whose observed purchases were all worth nothing are left out
    of the likelihood; predictions take them at m = 0. Those who paid for some have the mean of all, free ones included.

    Examples
    --------
    A CDNOW customer with two repeat purchases of 22.35 on average (published: 24.658619):

    >>> model = GammaGamma(p=6.248802, q=3.744588, gamma=15.447748)
    >>> float(model.value(np.array(2), np.array(22.35)).mean().round(2))
    24.66

    Two one-time buyers, of 10 and of 50, are not expected to spend the same from now on, if first purchases count:

    >>> import pandas as pd
    >>> table = pd.DataFrame({"customer_id": ["a", "b"], "frequency": 0, "recency": 0.0, "T": 39.0})
    >>> rfm = RFM.from_frame(table.assign(monetary_value=0.0, first_spend=[10.0, 50.0]), unit="week")
    >>> model = GammaGamma(p=6.25, q=3.74, gamma=15.45, of="all")
    >>> model.value(**model.observed(rfm)).mean().round(2)
    array([17.69, 45.5 ])
    """

    p: Number = unknown()
    q: Number = unknown()
    gamma: Number = unknown()
    of: Literal["repeat", "all"] = "repeat"

    kind = "spend"
    parameters = (
        Parameter("p"),
        Parameter("q"),
        Parameter("gamma", dimension="money"),
    )
    start = (3.0, 3.0, 1.0)  # moderate spread within and between customers, mean near one
    columns = ("x", "m")

    def __post_init__(self) -> None:
        super().__post_init__()
        checked.one_of("of", self.of, ("repeat", "all"))

    @property
    def name(self) -> str:
        """What it is called in tables, reports and errors."""
        return "Gamma-Gamma" if self.of == "repeat" else "Gamma-Gamma (all purchases)"

    @property
    def assumption(self) -> str:
        """What the model assumes of customers."""
        unseen = (
            "It learns from repeat purchases; customers without any are expected to spend like the whole base."
            if self.of == "repeat"
            else "It learns from all purchases, the first included, so those who bought once differ by what they paid."
        )
        return (
            "Each customer has a mean spend of their own, around which purchases vary alike for all, and which has "
            f"nothing to do with how often they buy. {unseen}"
        )

    def observed(self, rfm: RFM) -> dict[str, Floats]:
        """Return how many purchases of each customer have a value that is observed, x, and their mean, m.

        Raises
        ------
        MissingMoneyError
            If the data have no amounts, or the value of first purchases is needed and not known.
        """
        repeats, money = rfm.frequency.astype(float), rfm.money
        if self.of == "repeat":
            return {"x": repeats, "m": money}
        if rfm.first_spend is None:
            raise MissingMoneyError(
                f"{self.name} counts first purchases, and these data do not say what they were worth. Summarise a log "
                "with Transactions(...).summarize(), pass a first_spend column to RFM.from_frame, or use "
                "clv.GammaGamma, which looks at repeat purchases alone."
            )
        return {"x": repeats + 1, "m": (rfm.first_spend + rfm.frequency * money) / (repeats + 1)}

    def learn(self, rfm: RFM) -> Evidence:
        """Return (x, m) of the customers whose observed purchases have a mean above 0, m in multiples of its median.

        Where all have the same mean, it is taken to be known to one in a thousand: a likelihood of equal values has no
        bound.
        """
        x, m = self.observed(rfm).values()
        valued = np.flatnonzero((x > 0) & (m > 0))
        order = np.lexsort((m[valued], x[valued]))  # sums are the same to the last bit in any order of the RFM
        x, m = x[valued][order], m[valued][order]
        scale, scarcity = float(np.median(m)) if len(m) else 1.0, self._scarcity(m)
        if _at_one_price(m):
            m = scale * (1 + _EXACT * np.where(np.arange(len(m)) % 2, 1, -1))
        return Evidence(
            {"x": x, "m": m / scale},
            np.ones(len(m)),
            valued,
            np.argsort(order),
            measured=("m",),
            scale=scale,
            densities=len(m),
            shortfall="" if len(m) else self._nothing,
            scarcity=scarcity,
        )

    @property
    def _nothing(self) -> str:
        if self.of == "all":
            return "No customer has a purchase of positive value. Check the amounts."
        return (
            "No customer has a repeat purchase of positive value, and Gamma-Gamma learns from repeat purchases. Fit "
            'clv.GammaGamma(of="all"), which learns from first purchases too, or use a longer log.'
        )

    def _scarcity(self, m: Floats) -> str:
        purchases, buyers = {"repeat": ("repeat purchases", "repeat buyers"), "all": ("purchases", "customers")}[
            self.of
        ]
        if len(m) < _FEWEST_CUSTOMERS:
            return (
                f"Only {count(len(m), 'customer')} with {purchases} of positive value, and three parameters need "
                f"{_FEWEST_CUSTOMERS} or more. Use a longer log or more customers."
            )
        if _at_one_price(m):
            return (
                f"All {len(m):,} {buyers} spend the same, {m[0]:g} a purchase, so there is no spread to learn "
                "from: every purchase is expected to be worth that, give or take a few thousandths."
            )
        return ""

    def unidentified(self, unit: str) -> str:
        """Explain estimates at the border of the parameter space."""
        purchases = "repeat purchases" if self.of == "repeat" else "purchases"
        if self.p > _ALIKE and self.q > _ALIKE:
            return (
                f"All {purchases} seem to be worth nearly the same, {self._common_mean:.4g}, so every purchase is "
                "expected to be worth that."
            )
        if self.q > _ALIKE:
            return (
                f"All customers seem to spend alike: their mean spends differ no more than {purchases} of one customer "
                f"would by chance, so everybody is expected to spend the common mean, {self._common_mean:.4g} a "
                "purchase."
            )
        if self.p > _ALIKE:
            return (
                f"The {purchases} of a customer seem to be all worth the same, so each customer is expected to go on "
                "spending as much a purchase as before."
            )
        return (
            "The spread of spend within customers cannot be told from that between them. Gamma-Gamma needs customers "
            f"with several {purchases} of differing value. Use more customers or a longer log."
        )

    @property
    def _common_mean(self) -> float:
        """The mean value of a purchase in a base of which all spend alike, so that q is far above 1."""
        return float(self.p * self.gamma / (self.q - 1))

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
        """Return the log-density of each row and its derivatives by (p, q, gamma)."""
        p, q, gamma = (np.ravel(value) for value in (self.p, self.q, self.gamma))

        def of(function: Callable[[Floats], Floats]) -> Floats:
            return np.ravel(self.over_counts(function, x))

        total, share = x * m, 1 / (gamma + x * m)
        both, own = of(lambda x: digamma(p * x + q)), of(lambda x: digamma(p * np.maximum(x, 1)))
        score = np.stack(
            [
                x * (both - own + np.log(total * share)),
                both - digamma(q) + np.log(gamma * share),
                q / gamma - (p * x + q) * share,
            ]
        )

        def second() -> Hessians:
            both, own = of(lambda x: trigamma(p * x + q)), of(lambda x: trigamma(p * np.maximum(x, 1)))
            entries = {
                (0, 0): x**2 * (both - own),
                (0, 1): x * both,
                (0, 2): -x * share,
                (1, 1): both - trigamma(q),
                (1, 2): 1 / gamma - share,
                (2, 2): (p * x + q) * share**2 - q / gamma**2,
            }
            return Hessians(entries)

        return Derivatives(np.ravel(self.log_likelihood(x, m)), score, second)

    def value(self, x: Floats, m: Floats) -> GammaValue:
        """Return nu ~ Gamma(p x + q, gamma + x m), the rate of values of shape p.

        Parameters
        ----------
        x, m
            How many purchases were observed, and their mean value, as ``observed`` returns them.
        """
        remedy = _WITH_ALL if self.of == "repeat" else ""
        return GammaValue(np.asarray(self.p), np.asarray(self.p * x + self.q), np.asarray(self.gamma + x * m), remedy)


def _at_one_price(m: Floats) -> bool:
    """Return whether all mean spends are one."""
    return bool(len(m)) and bool(np.ptp(m) <= _ONE_PRICE * m.max())
