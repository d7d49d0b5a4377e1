"""What inference, prediction and valuation ask of a model."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from clvmodels.data.rfm import RFM

Floats = NDArray[np.float64]
Parameter = float | Floats


@dataclass(frozen=True, eq=False)
class Evidence:
    """All that a model's likelihood needs of the data: distinct rows and how many customers share each.

    Attributes
    ----------
    columns
        The arguments of ``model.log_likelihood``, each of shape ``(rows,)``, with time or money measured in ``scale``.
    counts
        Customers a row, shape ``(rows,)``.
    scale
        The data's own yardstick (a typical gap between purchases, a typical spend), in the unit of the RFM. Fitting
        in multiples of it makes the fit independent of units.
    log_jacobian
        What to add to the log-likelihood of the scaled data to get that in the unit of the RFM.
    shortfall
        Why these data cannot identify the model, and what to do; empty where they can.
    """

    columns: tuple[Floats, ...]
    counts: Floats
    scale: float
    log_jacobian: float
    shortfall: str = ""


@dataclass(frozen=True, eq=False)
class Derivatives:
    """A log-likelihood and its derivatives by the parameters, at scalar parameters.

    Attributes
    ----------
    value
        Of each row of data, shape ``(rows,)``.
    score
        The gradient of each row, shape ``(parameters, rows)``.
    hessian
        Takes counts of shape ``(rows,)`` and returns the sum of the rows' Hessians, each times its count, shape
        ``(parameters, parameters)``; computed only when asked for.
    """

    value: Floats
    score: Floats
    hessian: Callable[[Floats], Floats]


@dataclass(frozen=True, eq=False)
class Purchases:
    """Simulated purchases of one customer in a horizon, in many futures.

    Attributes
    ----------
    count
        Purchases in each future, shape ``(futures,)``.
    time
        Time of every purchase since the end of the observation, future after future, shape ``(count.sum(),)``.
    """

    count: NDArray[np.int64]
    time: Floats


@dataclass(frozen=True, eq=False)
class Prospects:
    """What a history says of the future of a customer who is alive: independent distributions, each updated by it.

    All shapes broadcast to those of the model's parameters and of the history.

    Attributes
    ----------
    shape, rate
        Of the gamma distribution of the purchase rate.
    stop
        a and b of the Beta distribution of the probability to stop after each further purchase; ``None`` where
        purchases offer no chance to stop.
    leave
        Shape and rate of the gamma distribution of the rate of leaving at any time; ``None`` where nobody does.
    """

    shape: Floats
    rate: Floats
    stop: tuple[Floats, Floats] | None = None
    leave: tuple[Floats, Floats] | None = None


@dataclass(frozen=True, eq=False)
class SpendProspects:
    """What a customer's purchases say of the value of further ones: Gamma(value_shape, nu), nu ~ Gamma(shape, rate)."""

    value_shape: Floats
    shape: Floats
    rate: Floats

    def mean(self) -> Floats:
        """Return the expected value of a purchase; it exists where ``shape`` is above 1."""
        mean: Floats = self.value_shape * self.rate / (self.shape - 1)
        return mean


class Model(Protocol):
    """A value that holds its parameters, all of them positive: scalars, ``(draws, 1)`` or ``(draws, customers)``.

    ``scaled`` names the parameters that are measured in the data's unit (time for a purchase model, money for a
    spend model).
    """

    name: ClassVar[str]
    scaled: ClassVar[tuple[str, ...]]

    def __init__(self, *parameters: Parameter) -> None: ...

    @classmethod
    def parameter_names(cls) -> tuple[str, ...]:
        """Return the names of the parameters in the order of the constructor."""
        ...

    @property
    def draws(self) -> int:
        """How many draws of the parameters this value holds: 1 for a point."""
        ...

    def parameters(self) -> dict[str, Any]:
        """Return the parameters by name."""
        ...

    def take(self, draws: "slice | NDArray[Any]") -> Self:
        """Return some of the draws, by position."""
        ...

    def rescaled(self, scale: float) -> Self:
        """Return the same model in another unit: a scaled parameter of 1 becomes ``scale``."""
        ...

    @classmethod
    def evidence(cls, rfm: RFM) -> Evidence:
        """Return what the likelihood needs of the data, or say why they cannot identify the model."""
        ...

    @classmethod
    def start(cls) -> tuple[float, ...]:
        """Return parameters to start a search from, in multiples of the evidence's scale."""
        ...

    def unidentified(self) -> str:
        """Explain estimates that ran to the border of the parameter space, and what to do; empty where none did."""
        ...

    def log_likelihood(self, *columns: Floats) -> Floats:
        """Return the log-likelihood of each row."""
        ...

    def derivatives(self, *columns: Floats) -> Derivatives:
        """Return the log-likelihood of each row with first and second derivatives, at scalar parameters."""
        ...


class PurchaseModel(Model, Protocol):
    """A model of when customers buy and when they stop; times are in the unit that its parameters are in."""

    def probability_alive(self, x: Floats, t_x: Floats, T: Floats) -> Floats:
        """Return the probability that a customer has not stopped buying by T."""
        ...

    def purchases_if_alive(self, x: Floats, T: Floats, t: float, delta: float = 0.0) -> Floats:
        """Return the expected purchases in (T, T + t] of a customer who is alive at T, discounted at force delta."""
        ...

    def count_if_alive(self, k: Floats, x: Floats, T: Floats, t: Floats | float) -> Floats:
        """Return the probability of exactly k purchases in (T, T + t] for a customer who is alive at T."""
        ...

    def prospects(self, x: Floats, T: Floats) -> Prospects:
        """Return what the history says of a customer who is alive at T; recency then says nothing more."""
        ...

    def at_least_if_alive(self, k: Floats, x: Floats, T: Floats, t: Floats | float) -> Floats:
        """Return the probability of k purchases or more, k > 0, in (T, T + t] for a customer who is alive at T."""
        ...

    def never_if_alive(self, x: Floats, T: Floats) -> Floats:
        """Return the probability that a customer who is alive at T never buys again."""
        ...

    def survival_if_alive(self, x: Floats, T: Floats, t: Floats | float) -> Floats:
        """Return the probability that a customer who is alive at T is still alive at T + t, t possibly infinite."""
        ...

    def lifetime_if_alive(self, x: Floats, T: Floats) -> Floats:
        """Return the mean time from T on that a customer who is alive at T remains one; infinite where it has none."""
        ...

    def simulate(self, rng: np.random.Generator, x: float, t_x: float, T: float, t: Floats | float) -> Purchases:
        """Return futures of one customer in (T, T + t], one for each draw of the parameters.

        The horizon may differ from future to future, shape ``(futures,)``.
        """
        ...


class SpendModel(Model, Protocol):
    """A model of the value of a purchase, assumed independent of how many there are.

    What it knows of a customer are x, how many purchases it has seen the value of, and m, their mean: ``observed``
    says which purchases these are, and everything else is about x and m.
    """

    @classmethod
    def observed(cls, rfm: RFM) -> tuple[Floats, Floats]:
        """Return x and m of each customer, each of shape ``(customers,)``; m is 0 where x is."""
        ...

    def mean_exists(self, x: Floats) -> NDArray[np.bool_]:
        """Return whether the expected value of a purchase is finite after x purchases."""
        ...

    def expected_spend(self, x: Floats, m: Floats) -> Floats:
        """Return a customer's expected value of a purchase after x observed purchases of mean value m."""
        ...

    def prospects(self, x: Floats, m: Floats) -> SpendProspects:
        """Return what x purchases of mean value m say of the value of further ones."""
        ...

    def simulate_spend(self, rng: np.random.Generator, x: float, m: float, count: NDArray[np.int64]) -> Floats:
        """Return the value of every purchase of one customer's futures, shape ``(count.sum(),)``."""
        ...
