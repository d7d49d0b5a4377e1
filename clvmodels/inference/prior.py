"""Priors: weakly informative, measured in the data's own yardstick unless told otherwise, and replaceable."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

import numpy as np
from scipy import stats
from scipy.special import gammaln

from clvmodels.errors import SettingError
from clvmodels.inference.settings import Settings
from clvmodels.models.protocols import Floats

_CENTRAL = (0.025, 0.5, 0.975)


class Distribution(Protocol):
    """What is believed of one positive parameter, written in its logarithm: NUTS and Newton work there."""

    def log_density(self, phi: Floats) -> Floats:
        """Return the log-density of phi, the parameter's logarithm (not of the parameter), of any shape."""
        ...

    def slope(self, phi: Floats) -> Floats:
        """Return its first derivative."""
        ...

    def bend(self, phi: Floats) -> Floats:
        """Return its second derivative."""
        ...

    def quantiles(self, probability: "Sequence[float] | Floats") -> Floats:
        """Return quantiles of the parameter."""
        ...


def _refuse_unless_positive(owner: object, **numbers: float) -> None:
    for name, value in numbers.items():
        if not (np.isfinite(value) and value > 0):
            raise SettingError(f"{type(owner).__name__}: {name} is a positive number; {value!r} is not.")


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
        _refuse_unless_positive(self, median=self.median, spread=self.spread)

    def log_density(self, phi: Floats) -> Floats:
        """Return the log-density of phi, the parameter's logarithm."""
        density: Floats = -0.5 * self._distance(phi) ** 2 - np.log(self.spread) - 0.5 * np.log(2 * np.pi)
        return density

    def slope(self, phi: Floats) -> Floats:
        """Return its first derivative."""
        return -self._distance(phi) / self.spread

    def bend(self, phi: Floats) -> Floats:
        """Return its second derivative."""
        return np.full_like(phi, -(self.spread**-2))

    def quantiles(self, probability: "Sequence[float] | Floats") -> Floats:
        """Return quantiles of the parameter."""
        found: Floats = stats.lognorm(self.spread, scale=self.median).ppf(probability)
        return found

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
        _refuse_unless_positive(self, shape=self.shape, mean=self.mean)

    def log_density(self, phi: Floats) -> Floats:
        """Return the log-density of phi, the parameter's logarithm."""
        rate = self.shape / self.mean
        density: Floats = self.shape * (phi + np.log(rate)) - rate * np.exp(phi) - gammaln(self.shape)
        return density

    def slope(self, phi: Floats) -> Floats:
        """Return its first derivative."""
        return self.shape - self.shape / self.mean * np.exp(phi)

    def bend(self, phi: Floats) -> Floats:
        """Return its second derivative."""
        return -self.shape / self.mean * np.exp(phi)

    def quantiles(self, probability: "Sequence[float] | Floats") -> Floats:
        """Return quantiles of the parameter."""
        found: Floats = stats.gamma(self.shape, scale=self.mean / self.shape).ppf(probability)
        return found

    def __str__(self) -> str:
        return "gamma"


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
        The yardstick: parameters that are measured in time or money are multiples of it. ``None`` takes the data's own
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
        if self.scale is not None:
            _refuse_unless_positive(self, scale=self.scale)

    def of(self, names: Sequence[str]) -> tuple[Distribution, ...]:
        """Return the distributions of these parameters, in their order.

        Raises
        ------
        SettingError
            If the prior speaks of a parameter that is not among them.
        """
        strangers = sorted(set(self.parameters) - set(names))
        if strangers:
            raise SettingError(
                f"The prior speaks of {', '.join(strangers)}, but the parameters are {', '.join(names)}."
            )
        return tuple(self.parameters.get(name, self.others) for name in names)

    def sample(self, specification: Any, scale: float, rng: np.random.Generator, size: int) -> Any:  # noqa: ANN401
        """Return draws of a model, each parameter of shape ``(size, 1)``, in the unit that ``scale`` is in.

        Parameters
        ----------
        specification
            The model's class.
        scale
            The data's yardstick, used where the prior does not fix its own.
        rng, size
            Where the draws come from, and how many.
        """
        draws = [one.quantiles(rng.random((size, 1))) for one in self.of(specification.parameter_names())]
        return specification(*draws).rescaled(self.scale or scale)

    def words(self, specification: Any, scale: float) -> dict[str, str]:  # noqa: ANN401
        """Return what the prior says of each parameter, in words and in the unit that ``scale`` is in."""
        names = specification.parameter_names()
        return {
            name: _said(one, (self.scale or scale) if name in specification.scaled else 1.0)
            for name, one in zip(names, self.of(names), strict=True)
        }


@dataclass(frozen=True, eq=False)
class LogPrior:
    """A prior as a function of phi, the log parameters in multiples of the evidence's scale.

    Attributes
    ----------
    distributions
        Of each parameter, in the order of the constructor.
    shift
        What turns phi into the logarithm of the parameter in multiples of the prior's yardstick.
    """

    distributions: tuple[Distribution, ...]
    shift: Floats

    @classmethod
    def of(cls, prior: Prior, specification: Any, scale: float) -> Self:  # noqa: ANN401
        """Return a prior of a model's parameters, when fitted in multiples of ``scale``."""
        names = specification.parameter_names()
        ratio = 1.0 if prior.scale is None else scale / prior.scale
        return cls(
            prior.of(names), np.array([np.log(ratio) if name in specification.scaled else 0.0 for name in names])
        )

    def log_density(self, phi: Floats) -> Floats:
        """Return the log-density at phi, ``(..., parameters)`` in, ``(...)`` out."""
        parts = self._each(phi, lambda one, column: one.log_density(column))
        density: Floats = parts.sum(axis=-1)
        return density

    def gradient(self, phi: Floats) -> Floats:
        """Return its gradient, ``(parameters,)``."""
        return self._each(phi, lambda one, column: one.slope(column))

    def bend(self, phi: Floats) -> Floats:
        """Return the diagonal of its Hessian, ``(parameters,)``."""
        return self._each(phi, lambda one, column: one.bend(column))

    def _each(self, phi: Floats, function: Any) -> Floats:  # noqa: ANN401
        columns = np.moveaxis(phi + self.shift, -1, 0)
        return np.stack([function(one, c) for one, c in zip(self.distributions, columns, strict=True)], axis=-1)


def _said(distribution: Distribution, unit: float) -> str:
    low, median, high = (f"{value * unit:.3g}" for value in distribution.quantiles(_CENTRAL))
    return f"{distribution}, median {median}, 95 % between {low} and {high}"
