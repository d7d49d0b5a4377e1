"""Fitting: a specification, data and a method give a Fit, which knows how far it can be trusted."""

# The result and the function that makes it: most lines say what each of its numbers means.

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from html import escape
from importlib.metadata import version
from typing import Any, Generic, Self, TypeVar, cast

import numpy as np
import pandas as pd

from clvmodels.cautions import Caution, warn_of
from clvmodels.checked import random_stream
from clvmodels.data.cautions import spend_dependence
from clvmodels.data.rfm import RFM, refuse_no_rfm
from clvmodels.errors import FitError, InfiniteMeanWarning, PriorWarning, SettingError
from clvmodels.inference.loo import LOO, leave_one_out
from clvmodels.inference.methods import DrawsOf, Laplace, Method, in_unit
from clvmodels.inference.mode import Mode, find_mode
from clvmodels.inference.objective import Objective
from clvmodels.inference.sandwich import sandwich_covariance
from clvmodels.inference.sensitivity import sensitivity
from clvmodels.inference.verdict import Outcome, Verdict
from clvmodels.models.future import Model, infinite_means
from clvmodels.models.special import Floats
from clvmodels.models.specification import Evidence, Specification, as_specification
from clvmodels.text import significant
from clvmodels.units import DAYS, unit_name
from clvmodels.version import __version__

M = TypeVar("M", bound=Model)
M_co = TypeVar("M_co", bound=Model, covariant=True)

_PRIOR = "Fit with Laplace(), whose prior settles what the data leave open."


@dataclass(frozen=True, eq=False)
class Fit(Generic[M_co]):
    """A model's parameters, how they were found, and how far they can be trusted.

    Attributes
    ----------
    specification
        What was to be learnt.
    verdict
        What the fit came to. ``verdict.level`` is "good"; "caution", where the data leave something open that the prior
        settles, and the verdict says what and how much it matters; or "bad". ``verdict.ok``, which is not bad, says
        whether values and intervals can be computed from it.
    unit
        The time unit of the data, and of the parameters.
    observed_from
        The first day of the log, as ISO text; ``None`` where it is not known.
    observed_until
        The last day of the observation, as ISO text; ``None`` where it is not known.
    customers
        How many customers the fit learnt from.
    method
        How the parameters were found.
    seed
        What the draws follow from.
    versions
        Of this package and what its numbers depend on.
    scale
        The data's own scale, of which a prior's times or amounts are multiples.
    densities
        How many factors of the likelihood are densities, which change with the unit.
    maximum
        The maximum likelihood estimate; ``None`` where the data identify none. ``estimate`` says why.
    sample
        Equal-weight draws, each parameter of shape ``(draws, 1)``, whatever the verdict; ``None`` where there are none.
    draws_of
        Of what ``sample`` are draws: ``"posterior"``, ``"sampling distribution"``, or ``None``.
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
    cautions
        What is to be known before an answer is relied on; ``fit`` warned of each.
    """

    specification: Specification[M_co]
    verdict: Verdict
    unit: str
    observed_until: str | None
    customers: int
    method: Method
    seed: int
    versions: Mapping[str, str]
    scale: float = 1.0
    densities: float = 0.0
    maximum: M_co | None = None
    sample: M_co | None = None
    draws_of: DrawsOf | None = None
    log_likelihood: float | None = None
    standard_errors: Mapping[str, float] = field(default_factory=dict)
    sandwich_errors: Mapping[str, float] = field(default_factory=dict)
    diagnostics: Mapping[str, float] = field(default_factory=dict)
    by_parameter: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    cautions: tuple[Caution, ...] = ()
    observed_from: str | None = None

    @property
    def estimate(self) -> M_co:
        """The maximum likelihood estimate, whatever the method.

        Raises
        ------
        FitError
            If the data identify none.
        """
        if self.maximum is None:
            raise FitError(f"{self.name} has no estimate. {self.verdict}")
        return self.maximum

    @property
    def draws(self) -> M_co:
        """Equal-weight draws of the parameters, each of shape ``(draws, 1)``; ``draws_of`` says of what.

        Raises
        ------
        FitError
            If the verdict is bad.
        SettingError
            If the method gives a point only.
        """
        self.require()
        if self.sample is None:
            raise SettingError(
                f"{self.method!r} gives a point without draws, so nothing is known of how uncertain the parameters "
                "are. Fit with method=Laplace() (the default) for draws and intervals."
            )
        return self.sample

    @property
    def name(self) -> str:
        """The model's name."""
        return self.specification.name

    @property
    def kind(self) -> str:
        """Whether it is a fit of purchases or of spend."""
        return self.specification.kind

    @property
    def prior(self) -> dict[str, str]:
        """What was believed of each parameter before the data, in words and in the unit of the data."""
        prior = self.method.prior
        if prior is None or self.draws_of == "sampling distribution":  # as where another method took over
            return {}
        return prior.words(self.specification.parameters, self.scale)

    @property
    def aic(self) -> float:
        """Akaike's criterion, 2 parameters - 2 log-likelihood: the smaller, the better, on the same data."""
        return 2 * len(self.specification.parameters) - 2 * self._highest

    @property
    def bic(self) -> float:
        """Schwarz's criterion, log(customers) parameters - 2 log-likelihood: it asks more of a further parameter."""
        return float(np.log(self.customers)) * len(self.specification.parameters) - 2 * self._highest

    @property
    def _highest(self) -> float:
        self.estimate  # noqa: B018 -- says what is wrong where there is none
        return cast(float, self.log_likelihood)

    def require(self) -> None:
        """Raise a FitError that names the remedy if the verdict is bad."""
        if not self.verdict.ok:
            raise FitError(f"{self.name} cannot be used on these data. {self.verdict}")

    def in_unit(self, unit: str) -> Self:
        """Return the same fit with times in another unit.

        Examples
        --------
        >>> import clvmodels as clv
        >>> rfm = clv.Transactions(clv.datasets.load_cdnow(), customer="customer_id", date="date").summarize("week")
        >>> fitted = clv.fit(clv.NBD, rfm)
        >>> round(fitted.in_unit("day").estimate.alpha / fitted.estimate.alpha, 6)
        7.0
        """
        ratio = DAYS[self.unit] / DAYS[unit_name(unit)]
        if self.kind != "purchases" or ratio == 1:
            return replace(self, unit=unit_name(unit))
        of = {p.name: ratio if p.dimension else 1.0 for p in self.specification.parameters}
        return replace(
            self,
            unit=unit_name(unit),
            method=in_unit(self.method, ratio),
            scale=self.scale * ratio,
            maximum=None if self.maximum is None else self.maximum.rescaled(ratio),
            sample=None if self.sample is None else self.sample.rescaled(ratio),
            log_likelihood=None
            if self.log_likelihood is None
            else float(self.log_likelihood - self.densities * np.log(ratio)),
            standard_errors={name: value * of[name] for name, value in self.standard_errors.items()},
            sandwich_errors={name: value * of[name] for name, value in self.sandwich_errors.items()},
        )

    def evidence(self, rfm: RFM) -> Evidence:
        """Return what the fit learnt from.

        Parameters
        ----------
        rfm
            The customers that it was fitted to.

        Raises
        ------
        SettingError
            If the customers are others, or in another unit.
        """
        refuse_no_rfm(rfm)
        if rfm.unit != self.unit:
            raise SettingError(
                f"{self.name} was fitted to data in {self.unit}s, and these are in {rfm.unit}s. Pass the data it was "
                "fitted to."
            )
        evidence = self.specification.learn(rfm)
        if (customers := round(evidence.counts.sum())) != self.customers:
            raise SettingError(
                f"{self.name} was fitted to {self.customers:,} customers, not to the {customers:,} of these data. Pass "
                "the data it was fitted to."
            )
        if self.maximum is not None and self.log_likelihood is not None:
            likelihood = self.maximum.log_likelihood(**evidence.in_unit()) @ evidence.counts
            if not np.isclose(likelihood, self.log_likelihood, rtol=1e-8):
                raise SettingError(
                    f"{self.name} was fitted to {self.customers:,} other customers: of these the log-likelihood is "
                    f"{likelihood:.3f}, of those it was {self.log_likelihood:.3f}. Pass the data it was fitted to."
                )
        return evidence

    def leave_one_out(self, rfm: RFM) -> LOO:
        """Return how well the model predicts each customer from the others, without fitting again.

        Parameters
        ----------
        rfm
            What the fit learnt from.

        Raises
        ------
        FitError
            If the fit's verdict is bad.
        SettingError
            If the fit has no draws of a posterior, or comes from other data.

        Examples
        --------
        >>> import clvmodels as clv
        >>> log = clv.Transactions(clv.datasets.load_cdnow(), customer="customer_id", date="date", amount="amount")
        >>> rfm = log.split("1997-09-30")[0].summarize(unit="week")
        >>> bg_nbd, nbd = (clv.fit(model, rfm).leave_one_out(rfm) for model in (clv.BGNBD, clv.NBD))
        >>> round(bg_nbd.elpd, -1), bg_nbd.untrusted
        (-9590.0, 0)

        Customers do drop out:

        >>> gain = bg_nbd.gain_over(nbd)
        >>> gain.elpd > 3 * gain.standard_error
        True
        """
        draws = self.draws
        if self.draws_of != "posterior":
            raise SettingError(
                f"{self.method!r} gave a {self.draws_of}, and leaving one out reweights a posterior. Fit with "
                "method=Laplace() (the default)."
            )
        return leave_one_out(draws, self.evidence(rfm), self.unit)

    def to_arviz(self, rfm: RFM | None = None) -> Any:  # noqa: ANN401 -- another type in each generation of ArviZ
        """Return the draws as ArviZ knows them: ``InferenceData``, or from ArviZ 1 on a ``DataTree``.

        Parameters
        ----------
        rfm
            What the fit learnt from, to add each customer's log-likelihood under each draw; a number for each customer
            and draw, so mind the memory.

        Raises
        ------
        SettingError
            If the fit has no draws, or the data are not those that it was fitted to. A bad verdict is no obstacle:
            these are the tools to see why.
        """
        from clvmodels.inference.arviz_io import inference_data

        if self.sample is None:
            raise SettingError(f"{self.method!r} gave no draws. Fit with Laplace() or NUTS().")
        about = {"model": self.name, "method": repr(self.method), "draws_of": self.draws_of, "seed": self.seed}
        about |= {"unit": self.unit, "versions": json.dumps(dict(self.versions))}
        evidence = None if rfm is None else self.evidence(rfm)
        customers = None if rfm is None or evidence is None else rfm.customer_id[evidence.customers]
        return inference_data(self.sample, int(self.diagnostics.get("chains", 1)), about, customers, evidence)

    def frame(self) -> pd.DataFrame:
        """Return a row a parameter.

        Columns: ``parameter``, ``estimate`` (maximum likelihood), ``standard_error`` (from the curvature there),
        ``sandwich_error`` (right even where the model is not) and their ``ratio``; where there are draws ``mean``,
        ``sd``, and the 90 % interval ``lower``, ``upper``, and what is known of their quality, such as ``ess_bulk``
        and ``r_hat``.
        """
        names = [p.name for p in self.specification.parameters]
        table = pd.DataFrame({"parameter": names})
        if self.maximum is not None or self.sample is None:
            table["estimate"] = [self.estimate.values()[name] for name in names]
        if self.standard_errors:
            table["standard_error"] = [self.standard_errors[name] for name in names]
            table["sandwich_error"] = [self.sandwich_errors[name] for name in names]
            table["ratio"] = table["sandwich_error"] / table["standard_error"]
        if self.sample is None:
            return table
        draws = np.column_stack([np.ravel(self.sample.values()[name]) for name in names])
        low, high = np.quantile(draws, [0.05, 0.95], axis=0)
        table = table.assign(mean=draws.mean(axis=0), sd=draws.std(axis=0), lower=low, upper=high)
        return table.assign(**{column: [of[name] for name in names] for column, of in self.by_parameter.items()})

    def __repr__(self) -> str:
        table = self.frame().to_string(index=False, float_format=significant) if self._found else ""
        return "\n".join(filter(None, [*self._headline(), table]))

    def _repr_html_(self) -> str:
        table = self.frame().to_html(index=False, float_format=significant, border=0) if self._found else ""
        return "".join(f"<p>{escape(line)}</p>" for line in self._headline()) + table

    @property
    def _found(self) -> bool:
        return self.maximum is not None or self.sample is not None

    def _headline(self) -> list[str]:
        lines = [f"{self.name} fitted by {self.method!r} to {self.customers:,} customers, time in {self.unit}s"]
        lines.append(str(self.verdict))
        if self.log_likelihood is not None:
            lines.append(f"log-likelihood {self.log_likelihood:.3f}, AIC {self.aic:.2f}, BIC {self.bic:.2f}")
        lines += [f"prior of {name}: {words}" for name, words in self.prior.items()]
        if self.draws_of is not None:
            lines.append(f"mean, sd and 90 % interval are of the {self.draws_of}")
        return lines


def fit(specification: "type[M] | Specification[M]", rfm: RFM, method: Method | None = None, seed: int = 0) -> Fit[M]:
    """Fit a model to an RFM.

    The point of maximum likelihood is always found; the method decides what else.

    Parameters
    ----------
    specification
        What is to be learnt: a model's class, such as ``clv.BGNBD``, or a specification with settings, such as
        ``clv.GammaGamma(of="all")``.
    rfm
        What to learn from. A spend model takes the customers that it can learn from by itself.
    method
        ``Laplace()`` (the default: draws of the posterior, checked), ``NUTS()``, ``Bootstrap()`` or
        ``MaximumLikelihood()`` (a point).
    seed
        The draws follow from it.

    Returns
    -------
    A fit. Data that identify nothing give a fit with a bad verdict, not an error; asking it for values is one.

    Raises
    ------
    SettingError
        If an argument is not what it should be.

    Warns
    -----
    PriorWarning
        If the data leave something open that the prior settles.
    SpendDependenceWarning
        If this is a spend model, and repeat buyers who buy more often spend clearly more, or less, a purchase.

    Examples
    --------
    >>> import clvmodels as clv
    >>> past, _ = clv.Transactions(
    ...     clv.datasets.load_cdnow(), customer="customer_id", date="date", amount="amount"
    ... ).split("1997-09-30")
    >>> round(clv.fit(clv.BGNBD, past.summarize(unit="week"), clv.MaximumLikelihood()).log_likelihood, 3)
    -9582.429
    """
    what: Specification[M] = as_specification(specification)
    method = Laplace() if method is None else method
    if not isinstance(rfm, RFM):
        raise SettingError(
            f"A model is fitted to an RFM, and this is a {type(rfm).__name__}. Use Transactions(...).summarize() or "
            "RFM.from_frame(...)."
        )
    if isinstance(method, type) or not isinstance(method, Method):
        raise SettingError(f"{method!r} is not a method. Pass one such as clv.Laplace() or clv.MaximumLikelihood().")
    evidence, rng = what.learn(rfm), random_stream(seed, what.name)
    fitted = Fit(
        what,
        Verdict(Outcome.TOO_LITTLE_DATA, evidence.shortfall),
        rfm.unit,
        None if rfm.observed_until is None else rfm.observed_until.isoformat(),
        customers=int(evidence.counts.sum()),
        method=method,
        seed=int(seed),
        versions={
            "clvmodels": __version__,
            "python": platform.python_version(),
            **{name: version(name) for name in ("numpy", "scipy")},
        },
        scale=evidence.scale,
        densities=evidence.densities,
        observed_from=None if rfm.observed_from is None else rfm.observed_from.isoformat(),
    )
    if evidence.shortfall:
        return fitted
    likelihood = Objective(what, evidence)
    start = likelihood.space.phi(what.start)
    mode = find_mode(likelihood, start)
    fitted = _at_mode(fitted, likelihood, mode)
    reached = fitted.verdict.ok
    if evidence.scarcity:
        fitted = replace(fitted, verdict=Verdict(Outcome.TOO_LITTLE_DATA, evidence.scarcity))
    prior, left_open = method.prior, "" if fitted.verdict.ok else fitted.verdict.detail
    if left_open and prior is None:
        return replace(fitted, verdict=replace(fitted.verdict, detail=f"{left_open} {_PRIOR}"))
    if not reached:
        fitted, mode = replace(fitted, maximum=None, log_likelihood=None), replace(mode, phi=start)
    inferred = method.infer(likelihood, mode, rng)
    verdict = inferred.verdict
    if left_open and prior is not None and verdict.ok:
        matters = sensitivity(likelihood, mode, prior, rfm, random_stream(seed, what.name))
        verdict = Verdict(Outcome.SETTLED_BY_PRIOR, f"{left_open} {matters}")
    sample = None if inferred.phi is None else _in_unit(likelihood, inferred.phi)
    cautions = _cautions(what, verdict, fitted.maximum if sample is None else sample, rfm)
    warn_of(cautions)
    return replace(
        fitted,
        verdict=verdict,
        cautions=cautions,
        sample=sample,
        draws_of=inferred.draws_of,
        diagnostics={**fitted.diagnostics, **inferred.diagnostics},
        by_parameter=inferred.by_parameter,
        versions={**fitted.versions, **{name: version(name) for name in inferred.packages}},
    )


def _cautions(
    what: Specification[Any],
    verdict: Verdict,
    model: Any,  # noqa: ANN401 -- of the specification
    rfm: RFM,
) -> tuple[Caution, ...]:
    """Return what is to be known of a fit, and of what it takes for granted."""
    found: list[Caution | None] = []
    if verdict.level == "caution":
        found.append(Caution("settled by the prior", f"{what.name}: {verdict}", PriorWarning))
    if what.kind == "spend":
        if verdict.ok and (why := infinite_means(model, model.observed(rfm))):
            found.append(Caution("infinite means", f"{what.name}: {why}", InfiniteMeanWarning))
        found.append(spend_dependence(rfm))
    return tuple(caution for caution in found if caution is not None)


def _at_mode(fitted: Fit[M], likelihood: Objective, mode: Mode) -> Fit[M]:
    """Return the fit with what is known at the maximum of the likelihood."""
    estimate: M = _in_unit(likelihood, mode.phi)
    highest = float(mode.value + likelihood.evidence.log_jacobian)
    fitted = replace(fitted, maximum=estimate, log_likelihood=highest, diagnostics={"iterations": mode.iterations})
    if mode.at_border:
        return replace(fitted, verdict=Verdict(Outcome.AT_BORDER, estimate.unidentified(fitted.unit)))
    if not mode.reached:
        gain = f"A further step could still gain {mode.decrement:.3g} in log-likelihood after {mode.iterations} steps."
        return replace(fitted, verdict=Verdict(Outcome.NOT_CONVERGED, gain + " Look for customers unlike the others."))
    moved, names = likelihood.space.first(mode.phi) * likelihood.space.units, estimate.values()

    def errors(covariance: Floats) -> dict[str, float]:
        return dict(zip(names, (np.sqrt(np.diag(covariance)) * moved).tolist(), strict=True))

    return replace(
        fitted,
        verdict=Verdict(Outcome.CONVERGED, "It is a maximum."),
        standard_errors=errors(mode.covariance),
        sandwich_errors=errors(sandwich_covariance(likelihood, mode)),
    )


def _in_unit(likelihood: Objective, phi: Floats) -> Any:  # noqa: ANN401 -- what comes out is of the specification's model
    return likelihood.model(phi).rescaled(likelihood.evidence.scale)
