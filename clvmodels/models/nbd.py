"""NBD: customers buy at a rate of their own and never stop.

Ehrenberg (1959), The Pattern of Consumer Purchases, Applied Statistics 8(1). It is the limit of BG/NBD and MBG/NBD
where no drop-out shows, and what remains to be fitted to such data.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import digamma, gammaln

from clvmodels.data.rfm import RFM
from clvmodels.models.parametric import Parametric
from clvmodels.models.protocols import Derivatives, Evidence, Floats, Parameter, Prospects, Purchases
from clvmodels.models.rates import discounted_time, purchase_evidence, steady_at_least, steady_count
from clvmodels.models.special import over_counts, trigamma


@dataclass(frozen=True, eq=False)
class NBD(Parametric):
    """Poisson purchases with rates Gamma(r, alpha), for ever.

    Parameters
    ----------
    r, alpha
        Shape and rate of the purchase rates; ``alpha`` is in time units, the mean rate is ``r / alpha``.
        Each is a number, or an array of shape ``(draws, 1)`` or ``(draws, customers)``.

    Examples
    --------
    >>> import numpy as np
    >>> model = NBD(r=0.4, alpha=5.0)
    >>> float(model.purchases_if_alive(np.array(4.0), np.array(35.0), t=40.0))
    4.4
    """

    r: Parameter
    alpha: Parameter

    name: ClassVar[str] = "NBD"
    scaled: ClassVar[tuple[str, ...]] = ("alpha",)

    @classmethod
    def evidence(cls, rfm: RFM) -> Evidence:
        """Return the distinct (x, t_x, T) with their counts."""
        return purchase_evidence(rfm, cls.parameter_names())

    @classmethod
    def start(cls) -> tuple[float, ...]:
        """Return where a search begins: one purchase a typical gap."""
        return (1.0, 1.0)

    def unidentified(self) -> str:
        """Explain estimates that ran to the border of the parameter space, and what to do."""
        return (
            f"All customers seem to buy at the same rate, {self.r / self.alpha:.3g} a typical gap (r = {self.r:.3g}), "
            "so r and alpha cannot be told apart. Use more customers, or that rate."
        )

    def log_likelihood(self, x: Floats, t_x: Floats, T: Floats) -> Floats:
        """Return log L(r, alpha | x, T); recency tells nothing of customers who never stop."""
        of_count = self.over_counts(lambda x: gammaln(self.r + x), x) - gammaln(self.r)
        likelihood: Floats = of_count + self.r * np.log(self.alpha) - (self.r + x) * np.log(self.alpha + T)
        return likelihood

    def derivatives(self, x: Floats, t_x: Floats, T: Floats) -> Derivatives:
        """Return the log-likelihood of each row and its derivatives by (r, alpha), at scalar parameters."""
        r, alpha = float(self.r), float(self.alpha)
        age = alpha + T
        of_count = over_counts(lambda x: digamma(r + x), x) - digamma(r)
        score = np.stack([of_count + np.log(alpha / age), r / alpha - (r + x) / age])

        def hessian(counts: Floats) -> Floats:
            rr = over_counts(lambda x: trigamma(r + x), x) - trigamma(r)
            ra = 1 / alpha - 1 / age
            aa = (r + x) / age**2 - r / alpha**2
            return np.array([[counts @ rr, counts @ ra], [counts @ ra, counts @ aa]])

        return Derivatives(self.log_likelihood(x, t_x, T), score, hessian)

    def probability_alive(self, x: Floats, t_x: Floats, T: Floats) -> Floats:
        """Return 1: nobody stops."""
        return np.ones(np.broadcast_shapes(np.shape(self.r), np.shape(x)))

    def purchases_if_alive(self, x: Floats, T: Floats, t: float, delta: float = 0.0) -> Floats:
        """Return the expected purchases in (T, T + t], discounted at the force of interest delta."""
        return (self.r + x) / (self.alpha + T) * discounted_time(t, delta)

    def count_if_alive(self, k: Floats, x: Floats, T: Floats, t: Floats | float) -> Floats:
        """Return P(k purchases in (T, T + t]), for whole numbers k from 0 up."""
        return steady_count(k, self.r + x, t / (self.alpha + T))

    def at_least_if_alive(self, k: Floats, x: Floats, T: Floats, t: Floats | float) -> Floats:
        """Return P(k or more purchases in (T, T + t]), for whole numbers k from 1 up."""
        return steady_at_least(k, self.r + x, t / (self.alpha + T))

    def never_if_alive(self, x: Floats, T: Floats) -> Floats:
        """Return 0: who buys at some rate for ever buys again."""
        return np.zeros(np.broadcast_shapes(*map(np.shape, (self.r, self.alpha, x, T))))

    def survival_if_alive(self, x: Floats, T: Floats, t: Floats | float) -> Floats:
        """Return 1: nobody stops."""
        return np.ones(np.broadcast_shapes(*map(np.shape, (self.r, self.alpha, x, T, t))))

    def lifetime_if_alive(self, x: Floats, T: Floats) -> Floats:
        """Return infinity: nobody stops."""
        return np.full(np.broadcast_shapes(*map(np.shape, (self.r, self.alpha, x, T))), np.inf)

    def prospects(self, x: Floats, T: Floats) -> Prospects:
        """Return lambda ~ Gamma(r + x, alpha + T)."""
        return Prospects(np.asarray(self.r + x), np.asarray(self.alpha + T))

    def simulate(self, rng: np.random.Generator, x: float, t_x: float, T: float, t: Floats | float) -> Purchases:
        """Return futures of one customer in (T, T + t], one for each draw of the parameters."""
        r, alpha = (np.ravel(value) for value in np.broadcast_arrays(self.r, self.alpha))
        count = rng.poisson(rng.standard_gamma(r + x) / (alpha + T) * t)
        return Purchases(count, np.repeat(np.broadcast_to(t, r.shape), count) * rng.random(count.sum()))
