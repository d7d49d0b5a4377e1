"""The bootstrap over customers: what the estimates would have been, had other customers of the same kind come.

Efron (1979), Bootstrap Methods: Another Look at the Jackknife, Annals of Statistics 7(1).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from clvmodels.errors import SettingError
from clvmodels.inference.methods import Inferred
from clvmodels.inference.objective import Objective
from clvmodels.inference.peak import Peak, climb
from clvmodels.inference.sandwich import score_rows
from clvmodels.inference.verdict import Outcome, Verdict
from clvmodels.models.protocols import Evidence, Floats, Model

_SHARE = 0.02  # of replicates without an estimate, beyond which the ends of an interval would be what is missing
_NEAR = 1e-4  # a decrement: 0.014 standard errors from the peak, from where Newton ends within 0.001 of it
_STEPS = 8  # Newton steps before a guarded search takes over
_REACH = 3.0  # e-folds that a plain Newton step may go
_SEARCH = 50  # steps of the guarded search


@dataclass(frozen=True)
class Bootstrap:
    """The estimates' sampling distribution: customers drawn anew, with replacement, and the likelihood maximised again.

    It believes nothing of how customers behave except that they are independent of each other, so it is a witness to
    the methods that believe the model: where its spread differs from theirs, the model's standard errors do not hold.
    Its draws are *not* a posterior. They are maxima of the likelihood, without a prior, and say how the estimates vary
    from one sample of customers to the next.

    A replicate is a count for every distinct row, multinomial with the data's own shares; no customer is copied. A
    replicate whose likelihood has no maximum (it ran to the border of the parameter space) is drawn anew and counted
    in ``diagnostics["replicates_failed"]``; where that happens to more than 2 % of the replicates the verdict is bad.

    Parameters
    ----------
    replicates
        How many, each a draw of the parameters; 500 put the standard errors within some 3 %. Give both fits of a
        valuation as many.

    Examples
    --------
    >>> import clvmodels as clv
    >>> past, _ = clv.Transactions(
    ...     clv.datasets.load_cdnow(), customer="customer_id", date="date", amount="amount"
    ... ).split("1997-09-30")
    >>> fitted = clv.fit(clv.BGNBD, past.summarize(unit="week"), Bootstrap(replicates=50))
    >>> fitted.draws.alpha.shape
    (50, 1)
    """

    replicates: int = 500

    def __post_init__(self) -> None:
        if not isinstance(self.replicates, int) or self.replicates < 1:
            raise SettingError(
                f"The number of replicates is a whole number from 1 up; replicates={self.replicates!r} is not."
            )

    def infer(self, specification: type[Model], evidence: Evidence, peak: Peak, rng: np.random.Generator) -> Inferred:
        """Return the peaks of the replicates, with how many had none."""
        found: list[Floats] = []
        failed = 0
        for phi in _peaks(Objective(specification, evidence), peak, rng):
            if phi is None:
                failed += 1
            else:
                found.append(phi)
            if len(found) == self.replicates or failed > _SHARE * self.replicates:
                break
        return Inferred(np.array(found) if found else None, _judge(len(found), failed, self.replicates), _count(failed))


def _peaks(objective: Objective, peak: Peak, rng: np.random.Generator) -> Iterator[Floats | None]:
    """Yield the peak of one replicate after another; ``None`` for one that has none.

    The first step needs no new derivatives: the scores at the data's own peak, summed over the replicate's customers,
    are its gradient there, and the data's own Hessian is close to the replicate's.
    """
    score = score_rows(objective, peak.phi)
    while True:
        counts = _resample(objective.evidence.counts, rng)
        first = peak.phi + np.linalg.solve(peak.precision, score @ counts)
        yield _peak(_weighted(objective, counts), first, peak.phi)


def _resample(counts: Floats, rng: np.random.Generator) -> Floats:
    """Return how many of as many customers, drawn with replacement, come from each row."""
    customers = round(counts.sum())
    if customers == len(counts):  # each row is one customer, and to count draws is faster than to split binomials
        return np.bincount(rng.integers(0, customers, customers), minlength=customers).astype(float)
    return rng.multinomial(customers, counts / counts.sum()).astype(float)


def _weighted(objective: Objective, counts: Floats) -> Objective:
    """Return the likelihood of the rows that were drawn, so often; unit and Jacobian stay those of the data."""
    drawn = np.flatnonzero(counts)
    columns = tuple(column[drawn] for column in objective.evidence.columns)
    return replace(objective, evidence=replace(objective.evidence, columns=columns, counts=counts[drawn]))


def _peak(objective: Objective, first: Floats, start: Floats) -> Floats | None:
    phi = _newton(objective, first, start)
    if phi is not None:
        return phi
    searched = climb(objective, start, _SEARCH)
    return searched.phi if searched.reached else None


def _newton(objective: Objective, first: Floats, start: Floats) -> Floats | None:
    """Return where plain Newton steps lead, or ``None`` unless they close in on a peak."""
    phi, before = first, np.inf
    for _ in range(_STEPS):
        if not np.abs(phi - start).max() < _REACH:
            return None
        now = Peak(phi, *_rising(objective, phi), 0)
        if now.at_border or not now.decrement < before:
            return None
        phi, before = phi + np.linalg.solve(now.precision, now.gradient), now.decrement
        if now.decrement < _NEAR:
            return phi
    return None


def _rising(objective: Objective, phi: Floats) -> tuple[float, Floats, Floats]:
    value, gradient, hessian = objective.derivatives(phi)
    return value, gradient, -hessian


def _count(failed: int) -> dict[str, float]:
    return {"replicates_failed": failed}


def _judge(found: int, failed: int, replicates: int) -> Verdict:
    if found == replicates:
        anew = f", {failed} of them drawn anew" if failed else ""
        return Verdict(Outcome.CONVERGED, f"The likelihood has a maximum in {found:,} samples of the customers{anew}.")
    return Verdict(
        Outcome.UNSTABLE,
        f"In {failed:,} of the first {found + failed:,} samples of the customers the likelihood has no maximum inside "
        "the parameter space, so the sampling distribution of the estimates cannot be told. Fit with Laplace(), whose "
        "prior keeps them off the border; use more customers or a longer log.",
    )
