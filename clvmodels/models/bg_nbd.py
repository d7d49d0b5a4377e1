"""BG/NBD: customers buy at a rate of their own and may drop out after any repeat purchase.

Fader, Hardie & Lee (2005), "Counting Your Customers" the Easy Way: An Alternative to the Pareto/NBD Model,
Marketing Science 24(2), 275-284.
"""

from dataclasses import dataclass

from clvmodels.models.beta_geometric import BetaGeometric
from clvmodels.models.special import Floats
from clvmodels.models.specification import register


@register
@dataclass(frozen=True, eq=False, repr=False)
class BGNBD(BetaGeometric):
    """Beta-geometric/NBD: Poisson purchases, rates Gamma(r, alpha), drop-out probability Beta(a, b) a purchase.

    The first purchase offers no chance of drop-out, so a customer who never returned counts as alive for certain:
    P(alive) = 1 for x = 0. MBG/NBD lifts this.

    Parameters
    ----------
    r, alpha
        Shape and rate of the purchase rates; ``alpha`` is in time units, the mean rate is ``r / alpha``.
    a, b
        Of the drop-out probability after each repeat purchase; its mean is ``a / (a + b)``.

        Each is a number, or an array of shape ``(draws, 1)`` or ``(draws, groups)``.

    Examples
    --------
    >>> from clvmodels.data.histories import Histories

    The probability that a customer with 26 repeat purchases, the last in week 30.86 of 31, is still buying
    (published: 0.9688523):

    >>> model = BGNBD(r=0.2425967, alpha=4.413659, a=0.7929869, b=2.426164)
    >>> round(float(model.probability_alive(Histories(x=26, t_x=30.85714, T=31))), 7)
    0.9688523
    """

    name = "BG/NBD"
    assumption = (
        "While active, a customer buys at random at a steady rate of their own; after each repeat purchase they may "
        "drop out. A customer who has bought only once has had no occasion to drop out, so P(alive) is 1 for all "
        "one-time buyers, by construction: read their expected purchases, not their P(alive)."
    )

    @staticmethod
    def chances(x: Floats) -> Floats:
        """Return n = x: a chance of drop-out after each repeat purchase."""
        return x
