r"""Standard errors that hold where the model does not: the sandwich covariance.

With scores :math:`s_i`, the gradients of the customers' log-likelihoods at the maximum, and H the negative Hessian of
their sum, :math:`H^{-1} (\sum_i s_i s_i^\top) H^{-1}` is the covariance of the estimates over samples of customers,
whatever the customers really do. Where the model is right, the middle equals H and the whole is :math:`H^{-1}`.

White (1982), Maximum Likelihood Estimation of Misspecified Models, Econometrica 50(1), theorem 3.2.
"""

import numpy as np

from clvmodels.inference.objective import Objective
from clvmodels.inference.peak import Peak
from clvmodels.models.protocols import Floats

_BLOCK = 2**14  # rows that are differentiated at once


def sandwich_covariance(objective: Objective, peak: Peak) -> Floats:
    """Return the sandwich covariance of the estimates' logarithms.

    Parameters
    ----------
    objective
        A log-likelihood, without a prior.
    peak
        Its maximum.

    Returns
    -------
    Shape ``(parameters, parameters)``, in log parameters: its diagonal's roots are relative standard errors, whatever
    the unit of the data.

    Examples
    --------
    >>> import clvmodels as clv
    >>> from clvmodels.inference.peak import climb
    >>> past, _ = clv.Transactions(
    ...     clv.datasets.load_cdnow(), customer="customer_id", date="date", amount="amount"
    ... ).split("1997-09-30")
    >>> objective = Objective(clv.BGNBD, clv.BGNBD.evidence(past.summarize(unit="week")))
    >>> peak = climb(objective, np.log(clv.BGNBD.start()))
    >>> covariance = sandwich_covariance(objective, peak)

    Relative to the standard errors of r, alpha, a and b that trust the model:

    >>> np.sqrt(np.diag(covariance) / np.diag(peak.covariance)).round(2)
    array([1.15, 1.23, 0.97, 0.97])
    """
    score = score_rows(objective, peak.phi)
    spread = (score * objective.evidence.counts) @ score.T
    half = np.linalg.solve(peak.precision, spread)
    covariance: Floats = np.linalg.solve(peak.precision, half.T)
    return (covariance + covariance.T) / 2


def score_rows(objective: Objective, phi: Floats) -> Floats:
    """Return the gradient of one customer's log-likelihood by phi, for each row, shape ``(parameters, rows)``."""
    model, columns = objective.model(phi), objective.evidence.columns
    score = np.empty((len(phi), len(objective.evidence.counts)))
    for start in range(0, score.shape[1], _BLOCK):
        part = slice(start, start + _BLOCK)
        score[:, part] = np.exp(phi)[:, None] * model.derivatives(*(column[part] for column in columns)).score
    return score
