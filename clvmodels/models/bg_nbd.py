"""BG/NBD: customers buy at a rate of their own and may stop after any repeat purchase.

Fader, Hardie & Lee (2005), "Counting Your Customers" the Easy Way: An Alternative to the Pareto/NBD Model,
Marketing Science 24(2), 275-284.
"""

from dataclasses import dataclass
from typing import ClassVar

from clvmodels.models.beta_geometric import BetaGeometric
from clvmodels.models.protocols import Floats


@dataclass(frozen=True, eq=False)
class BGNBD(BetaGeometric):
    """Beta-geometric/NBD: Poisson purchases, rates Gamma(r, alpha), drop-out probability Beta(a, b) a purchase.

    The first purchase offers no chance to stop, so a customer who never returned counts as alive for certain:
    P(alive) = 1 for x = 0. MBG/NBD lifts this.

    Parameters
    ----------
    r, alpha
        Shape and rate of the purchase rates; ``alpha`` is in time units, the mean rate is ``r / alpha``.
    a, b
        Of the drop-out probability after each repeat purchase; its mean is ``a / (a + b)``.

        Each is a number, or an array of shape ``(draws, 1)`` or ``(draws, customers)``.

    Examples
    --------
    >>> import numpy as np

    The probability that a customer with 26 repeat purchases, the last in week 30.86 of 31, is still buying
    (published: 0.9688523):

    >>> model = BGNBD(r=0.2425967, alpha=4.413659, a=0.7929869, b=2.426164)
    >>> round(float(model.probability_alive(np.array(26), np.array(30.85714), np.array(31))), 7)
    0.9688523
    """

    name: ClassVar[str] = "BG/NBD"

    @staticmethod
    def chances(x: Floats) -> Floats:
        """Return n = x: a chance to stop after each repeat purchase."""
        return x
