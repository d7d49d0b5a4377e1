"""MBG/NBD: as BG/NBD, with a chance of drop-out right after the first purchase as well.

Batislam, Denizel & Filiztekin (2007), Empirical validation and comparison of models for customer base analysis,
International Journal of Research in Marketing 24(3), 201-209.
"""

from dataclasses import dataclass

from clvmodels.models.beta_geometric import BetaGeometric
from clvmodels.models.special import Floats
from clvmodels.models.specification import register


@register
@dataclass(frozen=True, eq=False, repr=False)
class MBGNBD(BetaGeometric):
    """Modified beta-geometric/NBD: Poisson purchases, a chance of drop-out after every purchase, the first included.

    Customers who never returned may have dropped out at once, so their P(alive) falls with their age.

    Parameters
    ----------
    r, alpha
        Shape and rate of the purchase rates; ``alpha`` is in time units, the mean rate is ``r / alpha``.
    a, b
        Of the drop-out probability after each purchase; its mean is ``a / (a + b)``.

        Each is a number, or an array of shape ``(draws, 1)`` or ``(draws, groups)``.

    Examples
    --------
    >>> import numpy as np
    >>> from clvmodels.data.histories import Histories

    The longer a one-time buyer has been silent, the less likely they are to be still a customer:

    >>> model = MBGNBD(r=0.525, alpha=6.183, a=0.891, b=1.614)
    >>> silent = np.array([0.0, 10.0, 40.0])
    >>> model.probability_alive(Histories(x=np.zeros(3), t_x=np.zeros(3), T=silent)).round(3)
    array([0.644, 0.522, 0.387])
    """

    name = "MBG/NBD"
    assumption = (
        "While active, a customer buys at random at a steady rate of their own; after each purchase, the first "
        "included, they may drop out. So P(alive) of one-time buyers is below 1 and falls with their silence."
    )

    @staticmethod
    def chances(x: Floats) -> Floats:
        """Return n = x + 1: a chance of drop-out after every purchase."""
        return x + 1
