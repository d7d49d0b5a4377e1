"""Priors: weakly informative, measured in the data's own scale unless told otherwise, and replaceable."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, Self, TypeVar, runtime_checkable

import numpy as np
from scipy import stats
from scipy.special import expit, gammaln, logit

from clvmodels import checked
from clvmodels.errors import SettingError
from clvmodels.inference.settings import Settings
from clvmodels.inference.space import Space
from clvmodels.models.future import Model
from clvmodels.models.special import Floats
from clvmodels.models.specification import Parameter, Specification, as_specification

M = TypeVar("M", bound=Model)

_CENTRAL = (0.025, 0.5, 0.975)
_SUCH_AS = 'Pass one such as clv.Prior({"r": clv.Gamma(shape=4, mean=0.5)}, others=clv.LogNormal()).'


@runtime_checkable
class Distribution(Protocol):
    """What is believed of one parameter, written in phi: its logarithm, its log-odds, or itself."""

    def log_density(self, phi: Floats) -> Floats:
        """Return the log-density of phi (not of the parameter), of any shape."""

    def first(self, phi: Floats) -> Floats:
        """Return its first derivative."""

    def second(self, phi: Floats) -> Floats:
        """Return its second derivative."""

    def quantiles(self, probability: "Sequence[float] | Floats") -> Floats:
        """Return quantiles of the parameter."""

    def widened(self, factor: float) -> "Distribution":
        """Return the distribution with ``factor`` times the spread."""


@dataclass(frozen=True, repr=False)
class LogNormal(Settings):
    """The parameter's logarithm is Normal(log median, spread).

    Parameters
    ----------
    median
        Of the parameter.
    spread
        Of its logarithm: 2 says that it lies within a factor of 50 of the median with a probability of 95 %.

    Examples
    --------
    >>> LogNormal(median=1.0, spread=2.0).quantiles([0.5, 0.975]).round(1)
    array([ 1. , 50.4])
    """

    median: float = 1.0
    spread: float = 2.0

    def __post_init__(self) -> None:
        checked.within_reach(self, median=self.median)
        checked.within_reach(self, 1e-9, 300.0, spread=self.spread)

    def log_density(self, phi: Floats) -> Floats:
        """Return the log-density of phi, the parameter's logarithm."""
        density: Floats = -0.5 * self._distance(phi) ** 2 - np.log(self.spread) - 0.5 * np.log(2 * np.pi)
        return density

    def first(self, phi: Floats) -> Floats:
        """Return its first derivative."""
        return -self._distance(phi) / self.spread

    def second(self, phi: Floats) -> Floats:
        """Return its second derivative."""
        return np.full_like(phi, -(self.spread**-2))

    def quantiles(self, probability: "Sequence[float] | Floats") -> Floats:
        """Return quantiles of the parameter."""
        found: Floats = stats.lognorm(self.spread, scale=self.median).ppf(checked.probabilities(probability))
        return found

    def widened(self, factor: float) -> Self:
        """Return the distribution with ``factor`` times the spread."""
        return replace(self, spread=self.spread * factor)

    def _distance(self, phi: Floats) -> Floats:
        distance: Floats = (phi - np.log(self.median)) / self.spread
        return distance

    def __str__(self) -> str:
        return "log-normal"


@dataclass(frozen=True, repr=False)
class Gamma(Settings):
    """The parameter is gamma-distributed.

    Parameters
    ----------
    shape
        The larger, the surer: the standard deviation is ``mean / sqrt(shape)``.
    mean
        Of the parameter.

    Examples
    --------
    >>> Gamma(shape=4.0, mean=2.0).quantiles([0.5]).round(3)
    array([1.836])
    """

    shape: float
    mean: float

    def __post_init__(self) -> None:
        checked.within_reach(self, shape=self.shape, mean=self.mean)

    def log_density(self, phi: Floats) -> Floats:
        """Return the log-density of phi, the parameter's logarithm."""
        rate = self.shape / self.mean
        density: Floats = self.shape * (phi + np.log(rate)) - rate * np.exp(phi) - gammaln(self.shape)
        return density

    def first(self, phi: Floats) -> Floats:
        """Return its first derivative."""
        return self.shape - self.shape / self.mean * np.exp(phi)

    def second(self, phi: Floats) -> Floats:
        """Return its second derivative."""
        return -self.shape / self.mean * np.exp(phi)

    def quantiles(self, probability: "Sequence[float] | Floats") -> Floats:
        """Return quantiles of the parameter."""
        found: Floats = stats.gamma(self.shape, scale=self.mean / self.shape).ppf(checked.probabilities(probability))
        return found

    def widened(self, factor: float) -> Self:
        """Return the distribution with ``factor`` times the standard deviation."""
        return replace(self, shape=self.shape / factor**2)

    def __str__(self) -> str:
        return "gamma"


@dataclass(frozen=True, repr=False)
class Normal(Settings):
    """A real parameter, such as a coefficient, is normally distributed.

    Parameters
    ----------
    mean, sd
        Of the parameter.

    Examples
    --------
    >>> Normal(sd=0.5).quantiles([0.5, 0.975]).round(2)
    array([0.  , 0.98])
    """

    mean: float = 0.0
    sd: float = 1.0

    def __post_init__(self) -> None:
        checked.finite("Normal: mean", self.mean)
        checked.within_reach(self, sd=self.sd)

    def log_density(self, phi: Floats) -> Floats:
        """Return the log-density of phi, the parameter itself."""
        density: Floats = -0.5 * ((phi - self.mean) / self.sd) ** 2 - np.log(self.sd) - 0.5 * np.log(2 * np.pi)
        return density

    def first(self, phi: Floats) -> Floats:
        """Return its first derivative."""
        return (self.mean - phi) / self.sd**2

    def second(self, phi: Floats) -> Floats:
        """Return its second derivative."""
        return np.full_like(phi, -(self.sd**-2))

    def quantiles(self, probability: "Sequence[float] | Floats") -> Floats:
        """Return quantiles of the parameter."""
        found: Floats = stats.norm(self.mean, self.sd).ppf(checked.probabilities(probability))
        return found

    def widened(self, factor: float) -> Self:
        """Return the distribution with ``factor`` times the standard deviation."""
        return replace(self, sd=self.sd * factor)

    def __str__(self) -> str:
        return "normal"


@dataclass(frozen=True, repr=False)
class LogitNormal(Settings):
    """The log-odds of a parameter between 0 and 1 are Normal(log-odds of the median, spread).

    Parameters
    ----------
    median
        Of the parameter.
    spread
        Of its log-odds: 1.5 about one half says that it lies between 0.05 and 0.95 with a probability of 95 %.

    Examples
    --------
    >>> LogitNormal(median=0.5, spread=1.5).quantiles([0.025, 0.5, 0.975]).round(2)
    array([0.05, 0.5 , 0.95])
    """

    median: float = 0.5
    spread: float = 1.5

    def __post_init__(self) -> None:
        checked.within_reach(self, median=self.median)
        checked.within_reach(self, 1e-9, 300.0, spread=self.spread)
        if not self.median < 1:
            raise SettingError(f"LogitNormal: median is a number between 0 and 1; {self.median!r} is not.")

    def log_density(self, phi: Floats) -> Floats:
        """Return the log-density of phi, the parameter's log-odds."""
        return self._log_odds.log_density(phi)

    def first(self, phi: Floats) -> Floats:
        """Return its first derivative."""
        return self._log_odds.first(phi)

    def second(self, phi: Floats) -> Floats:
        """Return its second derivative."""
        return self._log_odds.second(phi)

    def quantiles(self, probability: "Sequence[float] | Floats") -> Floats:
        """Return quantiles of the parameter."""
        found: Floats = expit(self._log_odds.quantiles(probability))
        return found

    def widened(self, factor: float) -> Self:
        """Return the distribution with ``factor`` times the spread."""
        return replace(self, spread=self.spread * factor)

    @property
    def _log_odds(self) -> Normal:
        return Normal(float(logit(self.median)), self.spread)

    def __str__(self) -> str:
        return "logit-normal"


_FITTING: dict[str, tuple[type[Settings], ...]] = {
    "positive": (LogNormal, Gamma),
    "real": (Normal,),
    "unit": (LogitNormal,),
}


@dataclass(frozen=True, repr=False)
class Prior(Settings):
    """What is believed of a model's parameters before the data, independently of each other.

    Parameters
    ----------
    parameters
        A distribution for each parameter that is to differ from the others, by name.
    others
        The distribution of the others.
    scale
        Parameters that are measured in time or money are multiples of it. ``None`` takes the data's own
        (the base's mean time between repeat purchases, the median mean spend), so that a fit in days or weeks, in cents
        or dollars, is the same fit. A number, in the unit of the data, fixes it before the data are seen.

    Examples
    --------
    Repeat purchases come once a month or so, in a base counted in weeks:

    >>> prior = Prior({"r": LogNormal(0.5, spread=1.0), "alpha": LogNormal(2.0, spread=1.0)}, scale=4.35)
    >>> prior.others
    LogNormal()
    """

    parameters: Mapping[str, Distribution] = field(default_factory=dict)
    others: Distribution = LogNormal()
    scale: float | None = None

    def __post_init__(self) -> None:
        checked.instance("Prior: parameters", self.parameters, Mapping, _SUCH_AS)
        for name, one in {"others": self.others, **self.parameters}.items():
            checked.instance(f"Prior: {checked.shown(name)}", one, Distribution, _SUCH_AS)
        if self.scale is not None:
            checked.within_reach(self, scale=self.scale)

    def of(self, parameters: Sequence[Parameter]) -> tuple[Distribution, ...]:
        """Return the distributions of these parameters, in their order.

        Raises
        ------
        SettingError
            If the prior speaks of a parameter that is not among them, or gives one a distribution of other numbers.
        """
        for p in parameters if isinstance(parameters, Sequence) else [parameters]:
            checked.instance("A parameter", p, Parameter, "Those of a model are its parameters: clv.BGNBD.parameters.")
        names = [p.name for p in parameters]
        if unused := sorted(set(self.parameters) - set(names)):
            raise SettingError(f"The prior speaks of {', '.join(unused)}, but the parameters are {', '.join(names)}.")
        usual = {"positive": self.others, "real": Normal(), "unit": LogitNormal()}
        found = tuple(self.parameters.get(p.name, usual[p.support]) for p in parameters)
        for p, one in zip(parameters, found, strict=True):
            unfit = tuple(kind for support, kinds in _FITTING.items() if support != p.support for kind in kinds)
            if isinstance(one, unfit):
                fitting = " or ".join(kind.__name__ for kind in _FITTING[p.support])
                raise SettingError(f"The prior of {p.name}, a {p.support} parameter, is {one!r}. Use {fitting}.")
        return found

    def widened(self, parameters: Sequence[Parameter], factor: float) -> Self:
        """Return a prior of these parameters with ``factor`` times the spread of each."""
        each = zip(parameters, self.of(parameters), strict=True)
        return replace(self, parameters={p.name: one.widened(factor) for p, one in each})

    def sample(self, specification: Specification[M], scale: float, rng: np.random.Generator, size: int) -> M:
        """Return draws of a model, each parameter of shape ``(size, 1)``, in the unit that ``scale`` is in.

        Parameters
        ----------
        specification
            What is to be learnt.
        scale
            The data's own scale, used where the prior does not fix one.
        rng, size
            Where the draws come from, and how many.
        """
        what: Specification[M] = as_specification(specification)
        checked.positive(self, scale=scale)
        checked.instance("rng", rng, np.random.Generator, "Pass one such as np.random.default_rng(1).")
        size = checked.whole("size", size)
        draws = tuple(one.quantiles(rng.random((size, 1))) for one in self.of(what.parameters))
        return what.model(draws).rescaled(self.scale or scale)

    def words(self, parameters: Sequence[Parameter], scale: float) -> dict[str, str]:
        """Return what the prior says of each parameter, in words and in the unit that ``scale`` is in."""
        checked.positive(self, scale=scale)
        said = {}
        for p, one in zip(parameters, self.of(parameters), strict=True):
            unit = (self.scale or scale) if p.dimension else 1.0
            low, median, high = (f"{value * unit:.3g}" for value in one.quantiles(_CENTRAL))
            said[p.name] = f"{one}, median {median}, 95 % between {low} and {high}"
        return said


@dataclass(frozen=True, eq=False)
class LogPrior:
    """A prior as a function of phi.

    Attributes
    ----------
    distributions
        Of each parameter, in their order.
    shift, stretch
        What turns phi into that of the parameter in multiples of the prior's own scale, ``stretch * phi + shift``.
    """

    distributions: tuple[Distribution, ...]
    shift: Floats
    stretch: Floats

    @classmethod
    def of(cls, prior: Prior, space: Space) -> Self:
        """Return a prior of the parameters of a space."""
        scale = 1.0 if prior.scale is None else space.scale / prior.scale
        ratios = [(p.support, scale if p.dimension else 1.0) for p in space.parameters]
        return cls(
            prior.of(space.parameters),
            shift=np.array([np.log(ratio) if support == "positive" else 0.0 for support, ratio in ratios]),
            stretch=np.array([ratio if support == "real" else 1.0 for support, ratio in ratios]),
        )

    def log_density(self, phi: Floats) -> Floats:
        """Return the log-density at phi, ``(..., parameters)`` in, ``(...)`` out."""
        density: Floats = (self._each("log_density", phi) + np.log(self.stretch)).sum(axis=-1)
        return density

    def gradient(self, phi: Floats) -> Floats:
        """Return its gradient, ``(parameters,)``."""
        return self.stretch * self._each("first", phi)

    def hessian(self, phi: Floats) -> Floats:
        """Return its Hessian, ``(parameters, parameters)``."""
        return np.diag(self.stretch**2 * self._each("second", phi))

    def _each(self, what: str, phi: Floats) -> Floats:
        columns = np.moveaxis(self.stretch * phi + self.shift, -1, 0)
        return np.stack([getattr(one, what)(c) for one, c in zip(self.distributions, columns, strict=True)], axis=-1)
