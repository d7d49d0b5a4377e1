"""Fitting: a specification, data and a method give a Fit, which knows how far it can be trusted."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from html import escape
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import numpy as np
import pandas as pd

from clvmodels.data.rfm import RFM
from clvmodels.errors import FitError, SettingError
from clvmodels.inference.methods import Laplace, Method
from clvmodels.inference.objective import Objective
from clvmodels.inference.peak import Peak, climb
from clvmodels.inference.prior import Prior
from clvmodels.inference.sandwich import sandwich_covariance
from clvmodels.inference.verdict import Outcome, Verdict
from clvmodels.models.protocols import Evidence, Floats, Model
from clvmodels.version import __version__

if TYPE_CHECKING:
    from clvmodels.inference.loo import LOO

M = TypeVar("M", bound=Model)

_PRIOR = "A prior that knows more than the default, such as clv.Laplace(prior=...) takes, can settle it too."


@dataclass(frozen=True, eq=False)
class Fit(Generic[M]):
    """A model's parameters, how they were found, and how far they can be trusted.

    Attributes
    ----------
    specification
        The model's class.
    verdict
        What the fit came to; ``verdict.ok`` says whether values and intervals can be computed from it.
    unit
        The time unit of the data.
    observed_until
        The last day of the observation, as ISO text; ``None`` where it is not known.
    customers
        How many customers the fit learnt from.
    method
        The method, as it would be written.
    seed
        What the draws follow from.
    versions
        Of this package and what its numbers depend on.
    point
        The maximum likelihood estimate, in the unit of the data; ``None`` where the data identify none.
    posterior
        Equal-weight draws, each parameter of shape ``(draws, 1)``; ``None`` after ``MaximumLikelihood()``.
    log_likelihood
        At the maximum, in the unit of the data.
    standard_errors
        Of the maximum likelihood estimates, from the inverse Hessian.
    sandwich_errors
        Of the maximum likelihood estimates, from the spread of the customers' scores: right even where the model is
        not, so a ratio to ``standard_errors`` far from 1 tells that it is not.
    diagnostics
        Numbers about the search and the draws, such as ``k_hat``.
    by_parameter
        Such numbers that differ from parameter to parameter, such as ``r_hat``.
    prior
        What was believed of each parameter, in words and in the unit of the data.
    """

    specification: type[M]
    verdict: Verdict
    unit: str
    observed_until: str | None
    customers: int
    method: str
    seed: int
    versions: Mapping[str, str]
    point: M | None = None
    posterior: M | None = None
    log_likelihood: float | None = None
    standard_errors: Mapping[str, float] = field(default_factory=dict)
    sandwich_errors: Mapping[str, float] = field(default_factory=dict)
    diagnostics: Mapping[str, float] = field(default_factory=dict)
    by_parameter: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    prior: Mapping[str, str] = field(default_factory=dict)

    @property
    def model(self) -> M:
        """The maximum likelihood estimate, whatever the method.

        Raises
        ------
        FitError
            If the data identify none.
        """
        if self.point is None:
            raise FitError(f"{self.name} has no estimate. {self.verdict}")
        return self.point

    @property
    def draws(self) -> M:
        """Equal-weight draws of the posterior, each parameter of shape ``(draws, 1)``.

        Raises
        ------
        FitError
            If the verdict is bad.
        SettingError
            If the method gives a point only.
        """
        self.require()
        if self.posterior is None:
            raise SettingError(
                f"{self.method} gives a point without draws, so nothing is known of how uncertain the parameters are. "
                "Fit with method=Laplace() (the default) for draws and intervals."
            )
        return self.posterior

    @property
    def aic(self) -> float:
        """Akaike's criterion, 2 parameters - 2 log-likelihood: the smaller, the better, on the same data."""
        return 2 * len(self.specification.parameter_names()) - 2 * self._maximum

    @property
    def bic(self) -> float:
        """Schwarz's criterion, log(customers) parameters - 2 log-likelihood: it asks more of a further parameter."""
        return float(np.log(self.customers)) * len(self.specification.parameter_names()) - 2 * self._maximum

    @property
    def _maximum(self) -> float:
        self.model  # noqa: B018 -- says what is wrong where there is none
        return cast(float, self.log_likelihood)

    @property
    def name(self) -> str:
        """The model's name."""
        return self.specification.name

    def require(self) -> None:
        """Raise a FitError that names the remedy unless the verdict is good."""
        if not self.verdict.ok:
            raise FitError(f"{self.name} cannot be used on these data. {self.verdict}")

    def frame(self) -> pd.DataFrame:
        """Return a row a parameter.

        Columns: ``parameter``, ``estimate`` (maximum likelihood), ``standard_error`` (from the curvature there),
        ``sandwich_error`` (right even where the model is not) and their ``ratio``; where there are draws ``mean``,
        ``sd``, ``lower_90``, ``upper_90``, and what is known of their quality, such as ``ess_bulk`` and ``r_hat``.
        """
        names = self.specification.parameter_names()
        table = pd.DataFrame({"parameter": names})
        if self.point is not None or self.posterior is None:
            table["estimate"] = [getattr(self.model, name) for name in names]
        if self.standard_errors:
            table["standard_error"] = [self.standard_errors[name] for name in names]
            table["sandwich_error"] = [self.sandwich_errors[name] for name in names]
            table["ratio"] = table["sandwich_error"] / table["standard_error"]
        if self.posterior is None:
            return table
        draws = np.column_stack([np.ravel(getattr(self.posterior, name)) for name in names])
        low, high = np.quantile(draws, [0.05, 0.95], axis=0)
        table = table.assign(mean=draws.mean(axis=0), sd=draws.std(axis=0), lower_90=low, upper_90=high)
        return table.assign(**{column: [of[name] for name in names] for column, of in self.by_parameter.items()})

    def leave_one_out(self, data: RFM) -> "LOO":
        """Return how well the model predicts each customer from the others, without fitting again.

        Parameters
        ----------
        data
            What the fit learnt from.

        Examples
        --------
        >>> import clvmodels as clv
        >>> log = clv.Transactions(clv.datasets.load_cdnow(), customer="customer_id", date="date", amount="amount")
        >>> rfm = log.split("1997-09-30")[0].summarize(unit="week")
        >>> round(clv.fit(clv.BGNBD, rfm).leave_one_out(rfm).elpd, -1)
        -9590.0
        """
        from clvmodels.inference.loo import leave_one_out

        return leave_one_out(self, data)

    def to_arviz(self, data: RFM | None = None) -> Any:  # noqa: ANN401 -- another type in each generation of ArviZ
        """Return the draws as ArviZ knows them: ``InferenceData``, or from ArviZ 1 on a ``DataTree``.

        Parameters
        ----------
        data
            What the fit learnt from, to add each customer's log-likelihood under each draw; a number for each customer
            and draw, so mind the memory.
        """
        from clvmodels.inference.nuts import to_arviz

        return to_arviz(self, data)

    def __repr__(self) -> str:
        table = self.frame().to_string(index=False, float_format=_short) if self._found else ""
        return "\n".join(filter(None, [*self._headline(), table]))

    def _repr_html_(self) -> str:
        table = self.frame().to_html(index=False, float_format=_short, border=0) if self._found else ""
        return "".join(f"<p>{escape(line)}</p>" for line in self._headline()) + table

    @property
    def _found(self) -> bool:
        return self.point is not None or self.posterior is not None

    def _headline(self) -> list[str]:
        head = f"{self.name} fitted by {self.method} to {self.customers:,} customers, time in {self.unit}s"
        lines = [head, str(self.verdict)]
        if self.log_likelihood is not None:
            lines.append(f"log-likelihood {self.log_likelihood:.3f}, AIC {self.aic:.2f}, BIC {self.bic:.2f}")
        lines += [f"prior of {name}: {words}" for name, words in self.prior.items()]
        return lines


def _short(value: float) -> str:
    return f"{value:.5g}"


def fit(specification: type[M], data: RFM, method: Method | None = None, seed: int = 0) -> Fit[M]:
    """Fit a model to an RFM.

    The point of maximum likelihood is always found; the method decides what else.

    Parameters
    ----------
    specification
        The model's class, such as ``clv.BGNBD`` or ``clv.GammaGamma``.
    data
        What to learn from. A spend model takes the customers that it can learn from by itself.
    method
        ``Laplace()`` (the default: draws of the posterior, checked) or ``MaximumLikelihood()`` (a point).
    seed
        The draws follow from it.

    Returns
    -------
    A fit. Data that identify nothing give a fit with a bad verdict, not an error; asking it for values is one.

    Raises
    ------
    SettingError
        If an argument is not what it should be.

    Examples
    --------
    >>> import clvmodels as clv
    >>> past, _ = clv.Transactions(
    ...     clv.datasets.load_cdnow(), customer="customer_id", date="date", amount="amount"
    ... ).split("1997-09-30")
    >>> round(clv.fit(clv.BGNBD, past.summarize(unit="week"), clv.MaximumLikelihood()).log_likelihood, 3)
    -9582.429
    """
    method = Laplace() if method is None else method
    _refuse_misfits(specification, data, method)
    evidence = specification.evidence(data)
    customers = int(evidence.counts.sum())
    shortfall = Verdict(Outcome.TOO_LITTLE_DATA, evidence.shortfall)
    until = None if data.observed_until is None else data.observed_until.isoformat()
    fitted = Fit(specification, shortfall, data.unit, until, customers, repr(method), seed, _versions())
    if evidence.shortfall:
        return fitted
    objective, start = Objective(specification, evidence), np.log(specification.start())
    peak, prior = climb(objective, start), getattr(method, "prior", None)
    fitted = _at_peak(fitted, objective, peak)
    if not fitted.verdict.ok and prior in (None, Prior()):
        return fitted
    if not fitted.verdict.ok:  # what the data leave open, the user's own prior may settle
        fitted, peak = replace(fitted, point=None, log_likelihood=None), replace(peak, phi=start)
    inferred = method.infer(specification, evidence, peak, random_stream(seed, specification.name))
    posterior = None if inferred.phi is None else _model(specification, evidence, inferred.phi.T[:, :, None])
    return replace(
        fitted,
        verdict=inferred.verdict,
        posterior=posterior,
        diagnostics={**fitted.diagnostics, **inferred.diagnostics},
        by_parameter=inferred.by_parameter,
        prior={} if prior is None else prior.words(specification, evidence.scale),
        versions={**fitted.versions, **{name: version(name) for name in inferred.packages}},
    )


def _refuse_misfits(specification: object, data: object, method: object) -> None:
    if not (isinstance(specification, type) and hasattr(specification, "evidence")):
        raise SettingError(f"{specification!r} is not a model's class. Pass one such as clv.BGNBD.")
    if not isinstance(data, RFM):
        raise SettingError(
            f"A model is fitted to an RFM, and this is a {type(data).__name__}. Use Transactions(...).summarize() or "
            "RFM.from_frame(...)."
        )
    if not hasattr(method, "infer"):
        raise SettingError(f"{method!r} is not a method. Pass one such as clv.Laplace() or clv.MaximumLikelihood().")


def _at_peak(fitted: Fit[M], objective: Objective, peak: Peak) -> Fit[M]:
    evidence = objective.evidence
    point = _model(fitted.specification, evidence, peak.phi)
    diagnostics = {"iterations": peak.iterations}
    fitted = replace(
        fitted, point=point, log_likelihood=float(peak.value + evidence.log_jacobian), diagnostics=diagnostics
    )
    if peak.at_border:
        return replace(fitted, verdict=Verdict(Outcome.AT_BORDER, f"{point.unidentified()} {_PRIOR}"))
    if not peak.reached:
        gain = f"A further step could still gain {peak.decrement:.3g} in log-likelihood after {peak.iterations} steps."
        return replace(fitted, verdict=Verdict(Outcome.NOT_CONVERGED, gain + " Look for customers unlike the others."))
    return replace(
        fitted,
        verdict=Verdict(Outcome.CONVERGED, "It is a maximum."),
        standard_errors=_errors(point, peak.covariance),
        sandwich_errors=_errors(point, sandwich_covariance(objective, peak)),
    )


def _errors(point: Model, covariance: Floats) -> dict[str, float]:
    relative = np.sqrt(np.diag(covariance))  # of the logarithms, so relative to the estimates
    return {name: float(e * value) for e, (name, value) in zip(relative, point.parameters().items(), strict=True)}


def _model(specification: type[M], evidence: Evidence, phi: Floats) -> M:
    model: M = specification(*np.exp(phi)).rescaled(evidence.scale)
    return model


def random_stream(seed: int, purpose: str) -> np.random.Generator:
    """Return the random stream for one purpose, so that two fits with one seed do not share their randomness.

    Raises
    ------
    SettingError
        If the seed is not a whole number from 0 up.
    """
    if not isinstance(seed, (int, np.integer)) or seed < 0:
        raise SettingError(f"A seed is a whole number from 0 up; {seed!r} is not.")
    return np.random.default_rng([int(seed), *purpose.encode()])


def _versions() -> dict[str, str]:
    packages = {name: version(name) for name in ("numpy", "scipy")}
    return {"clvmodels": __version__, "python": platform.python_version(), **packages}
