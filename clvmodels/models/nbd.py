"""NBD: customers buy at a rate of their own and never drop out.

Ehrenberg (1959), The Pattern of Consumer Purchases, Applied Statistics 8(1). It is the limit of BG/NBD and MBG/NBD
where no drop-out shows, and what remains to be fitted to such data.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, gammaln

from clvmodels.data.histories import Histories
from clvmodels.data.rfm import RFM
from clvmodels.models.learning import learn_histories
from clvmodels.models.no_drop_out import NoDropOut
from clvmodels.models.parametric import Parametric, unknown
from clvmodels.models.special import Floats, Number, trigamma
from clvmodels.models.specification import Derivatives, Evidence, Hessians, Parameter, register


@register
@dataclass(frozen=True, eq=False, repr=False)
class NBD(Parametric):
    """Poisson purchases with rates Gamma(r, alpha), for ever.

    Parameters
    ----------
    r, alpha
        Shape and rate of the purchase rates; ``alpha`` is in time units, the mean rate is ``r / alpha``.
        Each is a number, or an array of shape ``(draws, 1)`` or ``(draws, groups)``.

    Examples
    --------
    >>> model = NBD(r=0.4, alpha=5.0)
    >>> float(model.future(Histories(x=4, t_x=30, T=35)).purchases(40.0))
    4.4
    """

    r: Number = unknown()
    alpha: Number = unknown()

    name = "NBD"
    kind = "purchases"
    assumption = "A customer buys at random, at a steady rate of their own, and never drops out."
    parameters = (Parameter("r"), Parameter("alpha", dimension="time"))
    start = (1.0, 1.0)  # one purchase a typical gap
    recency_matters = False

    def learn(self, rfm: RFM) -> Evidence:
        """Return the distinct (x, t_x, T) with their counts."""
        return learn_histories(rfm, len(self.parameters))

    def unidentified(self, unit: str) -> str:
        """Explain estimates at the border of the parameter space, and what to do."""
        return (
            f"All customers seem to buy at the same rate, {self.r / self.alpha:.3g} purchases a {unit} (r = "
            f"{self.r:.3g}), so r and alpha cannot be told apart. Use more customers, or that rate."
        )

    def log_likelihood(self, x: Floats, t_x: Floats, T: Floats) -> Floats:
        """Return log L(r, alpha | x, T); recency tells nothing of customers who never drop out."""
        of_count = self.over_counts(lambda x: gammaln(self.r + x), x) - gammaln(self.r)
        likelihood: Floats = of_count + self.r * np.log(self.alpha) - (self.r + x) * np.log(self.alpha + T)
        return likelihood

    def derivatives(self, x: Floats, t_x: Floats, T: Floats) -> Derivatives:
        """Return the log-likelihood of each row and its derivatives by (r, alpha)."""
        r, alpha = (np.ravel(value) for value in (self.r, self.alpha))
        age = alpha + T
        of_count = self.over_counts(lambda x: digamma(r + x), x) - digamma(r)
        score = np.stack([of_count + np.log(alpha / age), r / alpha - (r + x) / age])

        def second() -> Hessians:
            rr = self.over_counts(lambda x: trigamma(r + x), x) - trigamma(r)
            return Hessians({(0, 0): rr, (0, 1): 1 / alpha - 1 / age, (1, 1): (r + x) / age**2 - r / alpha**2})

        return Derivatives(np.ravel(self.log_likelihood(x, t_x, T)), score, second)

    def probability_alive(self, histories: Histories) -> Floats:
        """Return 1: nobody drops out."""
        return np.ones(np.broadcast_shapes(np.shape(self.r), np.shape(histories.x)))

    def future(self, histories: Histories) -> NoDropOut:
        """Return lambda ~ Gamma(r + x, alpha + T)."""
        return NoDropOut(np.asarray(self.r + histories.x), np.asarray(self.alpha + histories.T))
