r"""Standard errors that hold where the model does not: the sandwich covariance.

With scores :math:`s_i`, the gradients of the customers' log-likelihoods at the maximum, and H the negative Hessian of
their sum, :math:`H^{-1} (\sum_i s_i s_i^\top) H^{-1}` is the covariance of the estimates over samples of customers,
whatever the customers really do. Where the model is right, the middle equals H and the whole is :math:`H^{-1}`.

White (1982), Maximum Likelihood Estimation of Misspecified Models, Econometrica 50(1), theorem 3.2.
"""

import numpy as np

from clvmodels.inference.mode import Mode
from clvmodels.inference.objective import Objective
from clvmodels.models.special import Floats


def sandwich_covariance(objective: Objective, mode: Mode) -> Floats:
    """Return the sandwich covariance of the estimates, in the space of the search.

    Parameters
    ----------
    objective
        A log-likelihood, without a prior.
    mode
        Its maximum.

    Returns
    -------
    Shape ``(parameters, parameters)``. Of positive parameters, whose logarithms are searched, its diagonal's roots are
    relative standard errors, whatever the unit of the data.

    Examples
    --------
    >>> import clvmodels as clv
    >>> from clvmodels.inference.mode import find_mode
    >>> past, _ = clv.Transactions(
    ...     clv.datasets.load_cdnow(), customer="customer_id", date="date", amount="amount"
    ... ).split("1997-09-30")
    >>> objective = Objective(clv.BGNBD(), clv.BGNBD().learn(past.summarize(unit="week")))
    >>> mode = find_mode(objective, objective.space.phi(clv.BGNBD.start))
    >>> covariance = sandwich_covariance(objective, mode)

    Relative to the standard errors of r, alpha, a and b that trust the model:

    >>> np.sqrt(np.diag(covariance) / np.diag(mode.covariance)).round(2)
    array([1.15, 1.23, 0.97, 0.97])
    """
    score = score_rows(objective, mode.phi)
    spread = (score * objective.evidence.counts) @ score.T
    half = np.linalg.solve(mode.precision, spread)
    covariance: Floats = np.linalg.solve(mode.precision, half.T)
    return (covariance + covariance.T) / 2


def score_rows(objective: Objective, phi: Floats) -> Floats:
    """Return the gradient of one customer's log-likelihood by phi, for each row, shape ``(parameters, rows)``."""
    model, first = objective.model(phi), objective.space.first(phi)[:, None]
    score = [model.derivatives(**block.columns).score for block in objective.blocks]
    return first * np.concatenate(score, axis=1)
