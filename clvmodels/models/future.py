"""The noun after the fit: what is known of customers from the end of the observation on, and what a model owes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from clvmodels.data.histories import Histories
from clvmodels.data.rfm import RFM
from clvmodels.models.special import Floats, Number
from clvmodels.models.specification import Derivatives, Parameter

NO_DROP_OUT, AT_PURCHASE, ANY_TIME = range(3)  # families of futures, as the compiled loop knows them


class PurchaseRows(NamedTuple):
    """What the compiled loop needs of futures: a family, and arrays that broadcast to ``(histories, draws)``.

    Attributes
    ----------
    family
        ``NO_DROP_OUT``, ``AT_PURCHASE`` or ``ANY_TIME``.
    shape, rate
        Of the gamma distribution of the purchase rate, given alive.
    first, second
        Of the drop-out: a and b of the Beta distribution of its probability after a purchase, or shape and rate of the
        gamma distribution of its rate; not used where there is none.
    """

    family: int
    shape: Floats
    rate: Floats
    first: Floats
    second: Floats


class ValueRows(NamedTuple):
    """What the compiled loop needs of values: v ~ Gamma(value_shape, nu), nu ~ Gamma(shape, rate).

    The arrays broadcast to ``(customers, draws)``. Without values each purchase is worth 1.
    """

    has_values: bool
    value_shape: Floats
    shape: Floats
    rate: Floats


@dataclass(frozen=True, eq=False)
class Purchases:
    """Simulated purchases within a horizon, in many futures.

    Attributes
    ----------
    count
        Purchases in each future, ``(futures,)``.
    time
        Time of every purchase since the end of the observation, future after future, ``(count.sum(),)``.
    """

    count: NDArray[np.int64]
    time: Floats


class Future(Protocol):
    """What is known of customers from T on, given that they are alive at T; shapes broadcast to ``(draws, histories)``.

    Times t and the force of interest delta are in the time unit of the model; t may differ by draw or by history.
    """

    @property
    def has_drop_out(self) -> bool:
        """Whether customers ever drop out."""

    def purchases(self, t: Number, delta: float = 0.0) -> Floats:
        """Return the expected purchases in (T, T + t], discounted at the force of interest delta."""

    def count(self, k: Floats, t: Number) -> Floats:
        """Return the probability of exactly k purchases in (T, T + t]."""

    def at_least(self, k: Floats, t: Number) -> Floats:
        """Return the probability of k purchases or more, k > 0, in (T, T + t]."""

    def never(self) -> Floats:
        """Return the probability of no purchase ever after T."""

    def survival(self, t: Number) -> Floats:
        """Return the probability to be alive at T + t, t possibly infinite."""

    def mean_lifetime(self) -> Floats:
        """Return the mean time from T until drop-out; infinite where it has no mean."""

    def simulate(self, rng: np.random.Generator, t: Number) -> Purchases:
        """Simulate (T, T + t] once for each element of the future, ``(draws, 1)`` or ``(1, histories)``."""

    def rows(self) -> PurchaseRows:
        """Return what the compiled loop needs."""


class PurchaseValue(Protocol):
    """What is known of the value of a customer's further purchases; shapes broadcast to ``(draws, customers)``.

    Whether mean and variance exist depends on how many purchases were observed, not on their values.
    """

    @property
    def has_mean(self) -> NDArray[np.bool_]:
        """Whether the expected value of a purchase is finite."""

    @property
    def has_variance(self) -> NDArray[np.bool_]:
        """Whether the value of a purchase has a variance."""

    def mean(self) -> Floats:
        """Return the expected value of a purchase.

        Raises
        ------
        InfiniteMeanError
            If it is infinite anywhere.
        """

    def simulate(self, rng: np.random.Generator, count: NDArray[np.int64]) -> Floats:
        """Simulate the value of each of ``count`` purchases, one after another, for each element of this value."""

    def rows(self) -> ValueRows:
        """Return what the compiled loop needs."""


class Model(Protocol):
    """A value that holds its parameters: numbers, or arrays ``(draws, 1)`` or ``(draws, groups)``."""

    @property
    def name(self) -> str:
        """What it is called in tables, reports and errors."""

    @property
    def kind(self) -> str:
        """Whether it is a model of purchases or of spend."""

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters, in their order."""

    @property
    def draws(self) -> int:
        """How many draws of the parameters this value holds: 1 for a point."""

    @property
    def log_likelihood(self) -> Callable[..., Floats]:
        """Returns the log-likelihood of each row, from the evidence's columns."""

    @property
    def derivatives(self) -> Callable[..., Derivatives]:
        """Returns the log-likelihood of each row with its derivatives, from the evidence's columns."""

    def values(self) -> dict[str, Any]:
        """Return the parameters by name."""

    def take(self, draws: "slice | NDArray[Any]") -> Self:
        """Return some of the draws, by position."""

    def rescaled(self, scale: float) -> Self:
        """Return the same model in another unit: a parameter with a dimension is multiplied by ``scale``."""

    def model(self, theta: "Floats | tuple[Any, ...]") -> Self:
        """Return the model with other parameters and the same settings."""

    def of_groups(self, group: "NDArray[np.intp] | None") -> Self:
        """Return the model with the parameters of each row's group; itself where all rows share them."""

    def unidentified(self, unit: str) -> str:
        """Explain estimates at the border of the parameter space, and what to do."""


class PurchaseModel(Model, Protocol):
    """A model of when customers buy and when they drop out; times are in the unit that its parameters are in.

    The histories that a model is asked about broadcast with its parameters: see ``of_groups``.
    """

    @property
    def recency_matters(self) -> bool:
        """Whether the future of a customer who is alive depends on the time of the last purchase."""

    def probability_alive(self, histories: Histories) -> Floats:
        """Return P(alive at T), ``(draws, histories)`` or what broadcasts to it."""

    def future(self, histories: Histories) -> Future:
        """Return what is known of customers from T on, given that they are alive.

        Where all share one frequency, x may be one number, ``(1,)``, beside T, ``(n,)``: calculate with arrays that
        broadcast.
        """


class SpendModel(Model, Protocol):
    """A model of the value of a purchase, assumed independent of how many there are."""

    @property
    def columns(self) -> tuple[str, ...]:
        """What it knows of a customer, by name, the number of observed purchases first."""

    def observed(self, rfm: RFM) -> dict[str, Floats]:
        """Return what is known of each customer's spend, a column ``(customers,)`` a name in ``columns``."""

    @property
    def value(self) -> Callable[..., PurchaseValue]:
        """Returns what the observed columns say of the value of further purchases."""


def values_by_count(model: SpendModel, observed: Mapping[str, Floats]) -> tuple[PurchaseValue, Floats]:
    """Return the values of purchases of customers by how many were observed, and how many customers each are."""
    count, *others = model.columns
    seen, customers = np.unique(observed[count], return_counts=True)
    return model.value(**{count: seen}, **dict.fromkeys(others, np.zeros_like(seen))), customers.astype(float)


def infinite_means(model: SpendModel, observed: Mapping[str, Floats]) -> str:
    """Say how many customers have an infinite expected spend under some draws, and what to do; empty where none has."""
    value, customers = values_by_count(model, observed)
    infinite = ~np.broadcast_to(value.has_mean, (model.draws, len(customers)))
    if not infinite.any():
        return ""
    share = float((infinite @ customers).sum() / infinite.shape[0] / customers.sum())
    return (
        f"{customers[infinite.any(axis=0)].sum():,.0f} of {customers.sum():,.0f} customers have an infinite expected "
        f"spend under some draws of the parameters, {100 * share:.3g} % of all pairs of customer and draw, so their "
        "mean value does not exist. What they will really bring has a median and intervals all the same: "
        'frame(means=False), interval(), quantiles(). For means, fit clv.GammaGamma(of="all"), which knows each '
        "customer's first purchase too, or look at the largest amounts."
    )


NEW = Histories(np.zeros(1), np.zeros(1), np.zeros(1))  # a customer at the time of the first purchase


def unseen(model: SpendModel, customers: int = 1) -> PurchaseValue:
    """Return the value of a purchase of customers of whose spend nothing is known."""
    return model.value(**dict.fromkeys(model.columns, np.zeros(customers)))


def simulate(model: PurchaseModel, histories: Histories, rng: np.random.Generator, t: Number) -> Purchases:
    """Simulate purchases in (T, T + t] of customers who may have dropped out: one future a draw, or a history.

    Parameters
    ----------
    model
        With ``n`` draws and one history, or one draw and ``n`` histories.
    histories
        Of the customers.
    rng
        Where the random numbers come from.
    t
        The horizon, a number or one for each future, ``(n,)``.
    """
    future = model.future(histories)
    if future.has_drop_out:
        alive = np.ravel(model.probability_alive(histories))
        lives = rng.random(max(alive.size, model.draws, len(histories))) < alive
        t = np.where(lives, t, 0.0)
    return future.simulate(rng, t)
