"""How well a model predicts a customer that it has not seen, without refitting: leave-one-out by importance sampling.

Vehtari, Gelman & Gabry (2017), Practical Bayesian Model Evaluation Using Leave-One-Out Cross-Validation and WAIC,
Statistics and Computing 27(5).
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from clvmodels.data.rfm import RFM
from clvmodels.errors import SettingError
from clvmodels.inference.methods import TRUSTED_K
from clvmodels.inference.psis import smooth_rows
from clvmodels.models.protocols import Evidence, Floats

if TYPE_CHECKING:
    from clvmodels.inference.fit import Fit  # which imports this file

_CELLS = 2**17  # draws x rows that are smoothed at once: 1 MB an array, a few of which a processor's cache holds
_MOST_THREADS = 8


@dataclass(frozen=True, eq=False)
class LOO:
    """The log-density of each customer's data under the model fitted to all *other* customers.

    Customers with equal data share a row. What is left out is one customer of a row, never the whole row.

    Attributes
    ----------
    model
        The model's name.
    unit
        The time unit of the data, in which the densities are.
    columns
        The data of each row, in that unit, each of shape ``(rows,)``.
    counts
        Customers a row, shape ``(rows,)``.
    pointwise
        Expected log predictive density of a customer of each row, left out, shape ``(rows,)``.
    fitted
        The same of a customer that the model has seen, shape ``(rows,)``.
    k_hat
        Of each row's importance weights, shape ``(rows,)``: above 0.7 the row's ``pointwise`` cannot be trusted.
    """

    model: str
    unit: str
    columns: tuple[Floats, ...]
    counts: Floats
    pointwise: Floats
    fitted: Floats
    k_hat: Floats

    @property
    def customers(self) -> int:
        """How many customers there are."""
        return round(float(self.counts.sum()))

    @property
    def elpd(self) -> float:
        """Expected log predictive density, summed over the customers; the higher, the better."""
        return float(self.counts @ self.pointwise)

    @property
    def standard_error(self) -> float:
        """Of ``elpd``, over samples of customers."""
        return _error_of_sum(self.pointwise, self.counts)

    @property
    def p_loo(self) -> float:
        """Effective number of parameters; far above their true number, the model does not fit some customers."""
        return float(self.counts @ (self.fitted - self.pointwise))

    @property
    def untrusted(self) -> int:
        """How many customers' k-hat is above 0.7."""
        return round(float(self.counts[self.k_hat > TRUSTED_K].sum()))

    def gain_over(self, other: "LOO") -> "Difference":
        """Return how much better this model predicts the same customers than another.

        Raises
        ------
        SettingError
            If they are not of the same customers, in the same unit.
        """
        if self.unit != other.unit:
            raise SettingError(
                f"Densities in {self.unit}s and in {other.unit}s cannot be compared. Fit both models to the same RFM."
            )
        if not _same_customers(self, other):
            raise SettingError(
                f"{self.model} and {other.model} are not of the same customers' data, so their densities cannot be "
                "compared. Fit both to the same RFM, and compare purchase models with purchase models only."
            )
        gain = self.pointwise - other.pointwise
        return Difference(float(self.counts @ gain), _error_of_sum(gain, self.counts))

    def __repr__(self) -> str:
        return (
            f"{self.model}, leaving one of {self.customers:,} customers out: elpd {self.elpd:.1f} (standard error "
            f"{self.standard_error:.1f}), {self.p_loo:.1f} effective parameters; k-hat is above {TRUSTED_K} for "
            f"{self.untrusted:,} customers"
        )


@dataclass(frozen=True)
class Difference:
    """How much better one model predicts customers that it has not seen than another.

    Attributes
    ----------
    elpd
        The first model's expected log predictive density less the second's: positive where the first is better.
    standard_error
        Of this difference, from the customers' own differences.
    """

    elpd: float
    standard_error: float


def leave_one_out(fit: "Fit[Any]", data: RFM) -> LOO:
    """Return how well a model predicts each customer from all others.

    Each draw of the posterior is weighted by the inverse of the customer's likelihood under it, the largest weights
    smoothed (PSIS). One such estimate serves all customers with equal data.

    Parameters
    ----------
    fit
        A fit with draws of the posterior.
    data
        The customers that it was fitted to.

    Raises
    ------
    FitError
        If the fit's verdict is bad.
    SettingError
        If the fit has no draws of a posterior, or comes from other data.

    Examples
    --------
    >>> import clvmodels as clv
    >>> past, _ = clv.Transactions(
    ...     clv.datasets.load_cdnow(), customer="customer_id", date="date", amount="amount"
    ... ).split("1997-09-30")
    >>> rfm = past.summarize(unit="week")
    >>> bg_nbd, nbd = (leave_one_out(clv.fit(model, rfm), rfm) for model in (clv.BGNBD, clv.NBD))
    >>> round(bg_nbd.elpd, -1), bg_nbd.untrusted
    (-9590.0, 0)

    Customers do stop buying:

    >>> gain = bg_nbd.gain_over(nbd)
    >>> gain.elpd > 3 * gain.standard_error
    True
    """
    if fit.method.startswith("Bootstrap("):
        raise SettingError(
            f"{fit.method} gives a sampling distribution, and leaving one out reweights a posterior. Fit with "
            "method=Laplace() (the default)."
        )
    draws, evidence = fit.draws, _evidence(fit, data)
    columns = _in_unit(evidence)
    size = max(1, _CELLS // draws.draws)
    starts = range(0, len(evidence.counts), size)

    def at(start: int) -> tuple[Floats, Floats, Floats]:
        rows = (column[start : start + size] for column in columns)
        return _leave_out(draws.log_likelihood(*rows))

    with ThreadPoolExecutor(min(os.cpu_count() or 1, _MOST_THREADS)) as pool:
        found = zip(*pool.map(at, starts), strict=True)
        pointwise, fitted, k_hat = (np.concatenate(parts) for parts in found)
    return LOO(fit.name, fit.unit, columns, evidence.counts, pointwise, fitted, k_hat)


def _evidence(fit: "Fit[Any]", data: RFM) -> Evidence:
    """Return what the fit learnt from, or say that the data are others."""
    if data.unit != fit.unit:
        raise SettingError(
            f"{fit.name} was fitted to data in {fit.unit}s, and these are in {data.unit}s. Pass the data it was fitted "
            "to."
        )
    evidence: Evidence = fit.specification.evidence(data)
    if not _learnt_from(fit, evidence):
        raise SettingError(
            f"{fit.name} was fitted to {fit.customers:,} customers, not to the {evidence.counts.sum():,.0f} of these "
            "data. Pass the data it was fitted to."
        )
    return evidence


def _learnt_from(fit: "Fit[Any]", evidence: Evidence) -> bool:
    """Whether there are as many customers, and where the fit has a maximum, the likelihood there is the same."""
    if round(evidence.counts.sum()) != fit.customers:
        return False
    if fit.log_likelihood is None:
        return True
    likelihood = fit.model.log_likelihood(*_in_unit(evidence)) @ evidence.counts
    return bool(np.isclose(likelihood, fit.log_likelihood, rtol=1e-8))


def _in_unit(evidence: Evidence) -> tuple[Floats, ...]:
    """Return the columns in the unit of the RFM: the first counts purchases, the others are multiples of the scale."""
    x, *measured = evidence.columns
    return (x, *(column * evidence.scale for column in measured))


def _leave_out(log_likelihood: Floats) -> tuple[Floats, Floats, Floats]:
    """Return each row's log-density left out, the same fitted, and k-hat, from draws x rows."""
    rows = np.ascontiguousarray(log_likelihood.T)
    weights, k_hat = smooth_rows(-rows)
    most = rows.max(axis=1)
    density = np.exp(rows - most[:, None])
    left_out = np.einsum("ij,ij->i", weights, density)
    return most + np.log(left_out), most + np.log(density.mean(axis=1)), k_hat


def _same_customers(a: LOO, b: LOO) -> bool:
    mine, other = (*a.columns, a.counts), (*b.columns, b.counts)
    return len(mine) == len(other) and all(
        len(m) == len(o) and np.allclose(m, o, rtol=1e-9) for m, o in zip(mine, other, strict=True)
    )


def _error_of_sum(values: Floats, counts: Floats) -> float:
    """Return the standard error of the sum over customers of a value that each row's customers share."""
    customers = counts.sum()
    mean = counts @ values / customers
    return float(np.sqrt(customers / (customers - 1) * (counts @ (values - mean) ** 2)))
