"""The bootstrap over customers: what the estimates would have been, had other customers of the same kind come.

Efron (1979), Bootstrap Methods: Another Look at the Jackknife, Annals of Statistics 7(1).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from clvmodels import checked
from clvmodels.inference.methods import DrawsOf, Inferred
from clvmodels.inference.mode import Mode, find_mode
from clvmodels.inference.objective import Objective
from clvmodels.inference.sandwich import score_rows
from clvmodels.inference.settings import Settings
from clvmodels.inference.verdict import Outcome, Verdict
from clvmodels.models.special import Floats

_SHARE = 0.02  # of replicates without an estimate, beyond which the ends of an interval would be what is missing
_NEAR = 1e-4  # a decrement: 0.014 standard errors from the mode, from where Newton ends within 0.001 of it
_STEPS = 8  # Newton steps before a guarded search takes over
_REACH = 3.0  # e-folds that a plain Newton step may go
_SEARCH = 50  # steps of the guarded search


@dataclass(frozen=True, repr=False)
class Bootstrap(Settings):
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
    prior = None

    def __post_init__(self) -> None:
        checked.whole("replicates", self.replicates)

    def infer(self, likelihood: Objective, mode: Mode, rng: np.random.Generator) -> Inferred:
        """Return the modes of the replicates, with how many had none."""
        found: list[Floats] = []
        failed = 0
        for phi in _modes(likelihood, mode, rng):
            if phi is None:
                failed += 1
            else:
                found.append(phi)
            if len(found) == self.replicates or failed > _SHARE * self.replicates:
                break
        verdict = _judge(len(found), failed, self.replicates)
        draws_of: DrawsOf | None = "sampling distribution" if found else None
        return Inferred(np.array(found) if found else None, draws_of, verdict, {"replicates_failed": failed})


def _modes(objective: Objective, mode: Mode, rng: np.random.Generator) -> Iterator[Floats | None]:
    """Yield the mode of one replicate after another; ``None`` for one that has none.

    The first step needs no new derivatives: the scores at the data's own mode, summed over the replicate's customers,
    are its gradient there, and the data's own Hessian is close to the replicate's.
    """
    score = score_rows(objective, mode.phi)
    while True:
        counts = _resample(objective.evidence.counts, rng)
        first = mode.phi + np.linalg.solve(mode.precision, score @ counts)
        yield _mode(_weighted(objective, counts), first, mode.phi)


def _resample(counts: Floats, rng: np.random.Generator) -> Floats:
    """Return how many of as many customers, drawn with replacement, come from each row."""
    customers = round(counts.sum())
    if customers == len(counts):  # each row is one customer, and to count draws is faster than to split binomials
        return np.bincount(rng.integers(0, customers, customers), minlength=customers).astype(float)
    return rng.multinomial(customers, counts / counts.sum()).astype(float)


def _weighted(objective: Objective, counts: Floats) -> Objective:
    """Return the likelihood of the rows that were drawn, so often; unit and Jacobian stay those of the data."""
    drawn = np.flatnonzero(counts)
    columns = {name: column[drawn] for name, column in objective.evidence.columns.items()}
    return replace(objective, evidence=replace(objective.evidence, columns=columns, counts=counts[drawn]))


def _mode(objective: Objective, first: Floats, start: Floats) -> Floats | None:
    phi = _newton(objective, first, start)
    if phi is not None:
        return phi
    searched = find_mode(objective, start, _SEARCH)
    return searched.phi if searched.reached else None


def _newton(objective: Objective, first: Floats, start: Floats) -> Floats | None:
    """Return where plain Newton steps lead, or ``None`` unless they close in on a mode."""
    phi, before = first, np.inf
    for _ in range(_STEPS):
        if not np.abs(phi - start).max() < _REACH:
            return None
        value, gradient, hessian = objective.derivatives(phi)
        now = Mode(objective.space, phi, value, gradient, -hessian, 0)
        if now.at_border or not now.decrement < before:
            return None
        phi, before = phi + np.linalg.solve(now.precision, now.gradient), now.decrement
        if now.decrement < _NEAR:
            return phi
    return None


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
