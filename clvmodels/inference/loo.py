"""How well a model predicts a customer that it has not seen, without refitting: leave-one-out by importance sampling.

Vehtari, Gelman & Gabry (2017), Practical Bayesian Model Evaluation Using Leave-One-Out Cross-Validation and WAIC,
Statistics and Computing 27(5).
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from clvmodels import checked
from clvmodels.errors import SettingError
from clvmodels.inference.methods import TRUSTED_K
from clvmodels.inference.psis import smooth_rows
from clvmodels.models.future import Model
from clvmodels.models.special import Floats
from clvmodels.models.specification import Evidence

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
        The data of each row by name, in that unit, each of shape ``(rows,)``.
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
    columns: Mapping[str, Floats]
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
        checked.instance("other", other, LOO, "fit.leave_one_out(rfm) returns one.")
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


def leave_one_out(draws: Model, evidence: Evidence, unit: str) -> LOO:
    """Return how well a model predicts each customer from all others.

    Each draw of the posterior is weighted by the inverse of the customer's likelihood under it, the largest weights
    smoothed (PSIS). One such estimate serves all customers with equal data.

    Parameters
    ----------
    draws
        Of the posterior, each parameter of shape ``(draws, 1)``, in the unit of the data.
    evidence
        What they were learnt from.
    unit
        The time unit of the data.
    """
    columns = evidence.in_unit()
    size = max(1, _CELLS // draws.draws)

    def at(start: int) -> tuple[Floats, Floats, Floats]:
        rows = {name: column[start : start + size] for name, column in columns.items()}
        return _leave_out(draws.log_likelihood(**rows))

    with ThreadPoolExecutor(min(checked.cores(), _MOST_THREADS)) as pool:
        found = zip(*pool.map(at, range(0, len(evidence.counts), size)), strict=True)
        pointwise, fitted, k_hat = (np.concatenate(parts) for parts in found)
    return LOO(draws.name, unit, columns, evidence.counts, pointwise, fitted, k_hat)


def _leave_out(log_likelihood: Floats) -> tuple[Floats, Floats, Floats]:
    """Return each row's log-density left out, the same fitted, and k-hat, from draws x rows."""
    rows = np.ascontiguousarray(log_likelihood.T)
    weights, k_hat = smooth_rows(-rows)
    most = rows.max(axis=1)
    density = np.exp(rows - most[:, None])
    left_out = np.einsum("ij,ij->i", weights, density)
    return most + np.log(left_out), most + np.log(density.mean(axis=1)), k_hat


def _same_customers(a: LOO, b: LOO) -> bool:
    mine, other = ({**of.columns, "counts": of.counts} for of in (a, b))
    return mine.keys() == other.keys() and all(
        len(m) == len(other[name]) and np.allclose(m, other[name], rtol=1e-9) for name, m in mine.items()
    )


def _error_of_sum(values: Floats, counts: Floats) -> float:
    """Return the standard error of the sum over customers of a value that each row's customers share."""
    customers = counts.sum()
    mean = counts @ values / customers
    return float(np.sqrt(customers / (customers - 1) * (counts @ (values - mean) ** 2)))
