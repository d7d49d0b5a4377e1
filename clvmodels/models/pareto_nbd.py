r"""Pareto/NBD: customers buy at a rate of their own, and drop out at any time, after a lifetime of their own.

While customers live, purchases are a Poisson process of rate lambda ~ Gamma(r, alpha); lifetimes are exponential of
rate mu ~ Gamma(s, beta). With k = r + x, the likelihood of a history (x, t_x, T) is

.. math::

    \frac{\Gamma(r + x)}{\Gamma(r)} \alpha^r \beta^s \left[ (\alpha + T)^{-k} (\beta + T)^{-s}
    + s \int_{t_x}^T (\alpha + y)^{-k} (\beta + y)^{-(s + 1)} \, dy \right]:

still alive at T, or dropped out at some time y since the last purchase. The papers write the integral with Gaussian
hypergeometric functions; here it is taken by quadrature, which holds for the heaviest buyers and any alpha and beta.

Given alive at T, lambda ~ Gamma(r + x, alpha + T) and mu ~ Gamma(s, beta + T), independent of each other.

References
----------
Schmittlein, Morrison & Colombo (1987), Counting Your Customers: Who Are They and What Will They Do Next?, Management
Science 33(1), 1-24.
Fader & Hardie (2005), A Note on Deriving the Pareto/NBD Model and Related Expressions.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, expit, gammaln

from clvmodels.data.histories import Histories
from clvmodels.data.rfm import RFM
from clvmodels.models.drop_out_any_time import DropOutAnyTime
from clvmodels.models.learning import learn_histories
from clvmodels.models.parametric import Parametric, unknown
from clvmodels.models.special import Floats, Number, Stretch, integral_of_powers, log_one_plus_exp, trigamma
from clvmodels.models.specification import Derivatives, Evidence, Hessians, Parameter, Products, register

_NO_DROP_OUT = 1e-3  # customers who drop out, a purchase, below which, at the border, nobody seems to
_ALIKE = 1e3  # shape of a gamma distribution from which all its customers are nearly alike


@register
@dataclass(frozen=True, eq=False, repr=False)
class ParetoNBD(Parametric):
    """Pareto/NBD: Poisson purchases, rates Gamma(r, alpha), until an exponential lifetime ends, rates Gamma(s, beta).

    A customer can drop out at any time, so the probability to be alive falls with every day of silence, for customers
    who never returned as well.

    Parameters
    ----------
    r, alpha
        Shape and rate of the purchase rates; ``alpha`` is in time units, the mean rate is ``r / alpha``.
    s, beta
        Shape and rate of the drop-out rates; ``beta`` is in time units, the mean rate is ``s / beta``.

        Each is a number, or an array of shape ``(draws, 1)`` or ``(draws, groups)``.

    Examples
    --------
    The probability that a customer who never returned in 39 weeks is still buying (published: 0.2941633):

    >>> model = ParetoNBD(r=0.55339714, alpha=10.58019854, s=0.6060625, beta=11.65622367)
    >>> round(float(model.probability_alive(Histories(x=0, t_x=0, T=39))), 7)
    0.2941633
    """

    r: Number = unknown()
    alpha: Number = unknown()
    s: Number = unknown()
    beta: Number = unknown()

    name = "Pareto/NBD"
    kind = "purchases"
    assumption = (
        "While active, a customer buys at random at a steady rate of their own, and may drop out at any time, at a "
        "steady rate of their own, too. P(alive) of one-time buyers is below 1 and falls with their silence."
    )
    parameters = (
        *(Parameter("r"), Parameter("alpha", dimension="time"), Parameter("s"), Parameter("beta", dimension="time")),
    )
    start = (1.0, 1.0, 1.0, 3.0)  # one purchase a typical gap, drop-out a third as often
    recency_matters = False

    def learn(self, rfm: RFM) -> Evidence:
        """Return the distinct (x, t_x, T) with their counts."""
        return learn_histories(rfm, len(self.parameters))

    def unidentified(self, unit: str) -> str:
        """Explain estimates at the border of the parameter space, and what to do."""
        drop_out = self.s / self.beta
        if drop_out < _NO_DROP_OUT * self.r / self.alpha:
            return (
                f"No drop-out identified: customers are estimated to drop out at a mean rate of {drop_out:.1g} a "
                f"{unit}, while they buy {self.r / self.alpha:.3g} times a {unit}, so hardly anybody seems to leave "
                "during this log. Fit clv.NBD, which has no drop-out, or use a longer log."
            )
        if self.s > _ALIKE:
            return (
                f"All customers seem to drop out at the same rate ({drop_out:.3g} a {unit}), so s and beta cannot be "
                "told apart. Use more customers or a longer log."
            )
        if self.r > _ALIKE:
            return (
                f"All customers seem to buy at the same rate ({self.r / self.alpha:.3g} purchases a {unit}), so r and "
                "alpha cannot be told apart. Use more customers or a longer log."
            )
        return (
            f"At r = {self.r:.3g}, alpha = {self.alpha:.3g}, s = {self.s:.3g}, beta = {self.beta:.3g} the likelihood "
            "is flat in some direction. Use more customers or a longer log, and look for duplicated customers."
        )

    def log_likelihood(self, x: Floats, t_x: Floats, T: Floats) -> Floats:
        """Return log L(r, alpha, s, beta | x, t_x, T): still alive, or dropped out since the last purchase."""
        either: Floats = self._log_alive(x, T) + log_one_plus_exp(self.log_odds_dropped_out(x, t_x, T))
        return either

    def _log_alive(self, x: Floats, T: Floats) -> Floats:
        age = (self.r + x) * np.log(self.alpha + T) + self.s * np.log(self.beta + T)
        alive: Floats = self.over_counts(self._log_count, x) + self.s * np.log(self.beta) - age
        return alive

    def _log_count(self, x: Floats) -> Floats:
        return np.asarray(gammaln(self.r + x) - gammaln(self.r) + self.r * np.log(self.alpha), dtype=float)

    def log_odds_dropped_out(self, x: Floats, t_x: Floats, T: Floats) -> Floats:
        """Return log(P(dropped out) / P(alive)) at T; minus infinity for a customer who bought at T."""
        time = integral_of_powers(self.r + x, self.alpha, self.s + 1, self.beta, t_x, T)
        return self._log_odds(time, x, t_x, T)

    def _log_odds(self, time: Floats, x: Floats, t_x: Floats, T: Floats) -> Floats:
        """Return the log-odds, given the integral over the time of drop-out."""
        beta = self.beta + t_x
        with np.errstate(divide="ignore"):
            dropped_out = np.log(self.s * time / beta)
        odds: Floats = dropped_out + (self.r + x) * np.log((self.alpha + T) / (self.alpha + t_x))
        odds += self.s * np.log((self.beta + T) / beta)
        return odds

    def probability_alive(self, histories: Histories) -> Floats:
        """Return P(alive at T | x, t_x, T)."""
        alive: Floats = expit(-self.log_odds_dropped_out(histories.x, histories.t_x, histories.T))
        return alive

    def future(self, histories: Histories) -> DropOutAnyTime:
        """Return lambda ~ Gamma(r + x, alpha + T) and mu ~ Gamma(s, beta + T)."""
        parameters = (self.r + histories.x, self.alpha + histories.T, self.s, self.beta + histories.T)
        return DropOutAnyTime(*map(np.asarray, parameters))

    def derivatives(self, x: Floats, t_x: Floats, T: Floats) -> Derivatives:
        r"""Return the log-likelihood of each row and its derivatives by (r, alpha, s, beta).

        The likelihood is a sum over what may have happened: alive, or dropped out at one of the quadrature's times y,
        which count as fixed. So the score is the mean of the terms' first derivatives, weighted by their shares of the
        likelihood, and the Hessian is the mean of their second derivatives plus the covariance of the first. ``gap`` is
        how much larger they are than those of alive.
        """
        r, alpha, s, beta = (np.broadcast_to(np.ravel(v), len(x)) for v in (self.r, self.alpha, self.s, self.beta))
        k, log_alpha, log_beta = r + x, np.log(alpha + T), np.log(beta + T)
        per_alpha, per_beta = 1 / (alpha + T), 1 / (beta + T)
        alive = np.stack([-log_alpha, -k * per_alpha, -log_beta, -s * per_beta])
        time, gap = np.empty(len(x)), np.empty((4, len(x)))
        drop_outs = list(_drop_outs(k, alpha, s, beta, t_x, T))
        for each in drop_outs:
            rows = each.rows
            time[rows] = each.time
            gap[:, rows] = each.mean_first(k[rows], s[rows]) - alive[:, rows]

        def of(function: Callable[[Floats], Floats]) -> Floats:
            return np.ravel(self.over_counts(function, x))

        odds = np.ravel(self._log_odds(time, x, t_x, T))
        dropped_out = expit(odds)
        score = alive + dropped_out * gap
        score += np.stack(
            [of(lambda x: digamma(self.r + x) - digamma(self.r)) + np.log(alpha), r / alpha, np.log(beta), s / beta]
        )
        value = np.ravel(self._log_alive(x, T)) + log_one_plus_exp(odds)

        def second() -> Hessians:
            lived = 1 - dropped_out
            parts = [each.second(k, s, alive, dropped_out) for each in drop_outs]
            node = {at: np.empty(len(x)) for at in parts[0][0]}
            for each, (entries, _) in zip(drop_outs, parts, strict=True):
                for at, entry in entries.items():
                    node[at][each.rows] = entry
            entries = {
                (0, 0): of(lambda x: trigamma(self.r + x) - trigamma(self.r)),
                (0, 1): node[0, 1] + 1 / alpha - lived * per_alpha,
                (1, 1): node[1, 1] + lived * k * per_alpha**2 - r / alpha**2,
                (2, 2): node[2, 2],
                (2, 3): node[2, 3] + 1 / beta - lived * per_beta,
                (3, 3): node[3, 3] + lived * s * per_beta**2 - s / beta**2,
            }
            mean = Products(slice(None), gap[:, None], -(dropped_out**2)[None])
            return Hessians(entries, [mean, *(products for _, products in parts)])

        return Derivatives(value, score, second)


class _DropOut(NamedTuple):
    """Rows of data, the integral over their time of drop-out, and each node's share of it, alpha + y and beta + y."""

    rows: NDArray[np.bool_]
    time: Floats
    share: Floats
    alpha: Floats
    beta: Floats

    def mean_first(self, k: Floats, s: Floats) -> Floats:
        """Return the mean over the nodes of the first derivatives by (r, alpha, s, beta), ``(4, rows)``."""
        log_alpha, log_beta, per_alpha, per_beta = (
            np.einsum("ij,ij->j", self.share, value)
            for value in (np.log(self.alpha), np.log(self.beta), 1 / self.alpha, 1 / self.beta)
        )
        return np.stack([-log_alpha, -k * per_alpha, 1 / s - log_beta, -(s + 1) * per_beta])

    def second(
        self, k: Floats, s: Floats, alive: Floats, weight: Floats
    ) -> tuple[dict[tuple[int, int], Floats], Products]:
        """Return the weighted mean over the nodes of second derivatives, and of squares of the first less alive."""
        k, s, alive, weight = k[self.rows], s[self.rows], alive[:, self.rows], weight[self.rows]
        share, per_alpha, per_beta = self.share * weight, 1 / self.alpha, 1 / self.beta
        first = np.stack([-np.log(self.alpha), -k * per_alpha, 1 / s - np.log(self.beta), -(s + 1) * per_beta])
        entries = {
            (0, 1): -np.einsum("nr,nr->r", share, per_alpha),
            (1, 1): k * np.einsum("nr,nr,nr->r", share, per_alpha, per_alpha),
            (2, 2): -weight / s**2,
            (2, 3): -np.einsum("nr,nr->r", share, per_beta),
            (3, 3): (s + 1) * np.einsum("nr,nr,nr->r", share, per_beta, per_beta),
        }
        return entries, Products(self.rows, first - alive[:, None], share)


def _drop_outs(k: Floats, alpha: Floats, s: Floats, beta: Floats, t_x: Floats, T: Floats) -> Iterator[_DropOut]:
    stretch, sooner = Stretch.of(k, alpha, s + 1, beta, t_x, T), alpha <= beta
    for rows, rule in stretch.rules():
        part = stretch.columns(rows)
        near, far, weight = part.at(rule.node[:, None], rule.weight[:, None])
        total = reduce(np.add, weight)
        yield _DropOut(
            rows,
            part.unit * part.span * total,
            weight / total,
            np.where(sooner[rows], near, far) * (alpha + t_x)[rows],
            np.where(sooner[rows], far, near) * (beta + t_x)[rows],
        )
