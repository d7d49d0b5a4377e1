"""What is to be learnt from data, and what is learnt from: specifications, and the one registry of their classes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from clvmodels import checked
from clvmodels.data.rfm import RFM
from clvmodels.errors import SettingError
from clvmodels.models.special import Floats

Kind = Literal["purchases", "spend"]
C = TypeVar("C", bound=type)
M_co = TypeVar("M_co", covariant=True)


@dataclass(frozen=True)
class Parameter:
    """A parameter of a model: its name, which values it may have, and what it is measured in.

    Attributes
    ----------
    name
        As an argument of the model.
    support
        ``"positive"``, ``"real"``, or ``"unit"`` (between 0 and 1).
    dimension
        ``"time"`` or ``"money"`` where it is a multiple of a time or an amount; empty where it is a plain number.
    """

    name: str
    support: Literal["positive", "real", "unit"] = "positive"
    dimension: Literal["", "time", "money"] = ""


@dataclass(frozen=True, eq=False)
class Evidence:
    """All that a model's likelihood needs of the data: distinct rows and how many customers share each.

    Attributes
    ----------
    columns
        The arguments of ``model.log_likelihood`` by name, each of shape ``(rows,)``.
    counts
        Customers a row, ``(rows,)``.
    customers
        Positions in the RFM of the customers who are learnt from.
    row
        The row of each of them.
    measured
        The columns that are multiples of ``scale``.
    scale
        The data's own scale (a typical gap between purchases, a typical spend), in the unit of the RFM. Fitting in
        multiples of it makes the fit independent of units.
    densities
        How many of the likelihood's factors are densities of what is measured, so that it depends on the unit.
    shortfall
        Why nothing can be learnt from these data, and what to do; empty where something can.
    scarcity
        Why these data alone cannot identify the model, so that it takes a prior; empty where they may.
    """

    columns: Mapping[str, Floats]
    counts: Floats
    customers: NDArray[np.intp]
    row: NDArray[np.intp]
    measured: tuple[str, ...]
    scale: float = 1.0
    densities: float = 0.0
    shortfall: str = ""
    scarcity: str = ""

    @property
    def log_jacobian(self) -> float:
        """What to add to the log-likelihood of the scaled data to get that in the unit of the RFM."""
        return float(-self.densities * np.log(self.scale))

    def in_unit(self) -> dict[str, Floats]:
        """Return the columns in the unit of the RFM."""
        return {name: c * self.scale if name in self.measured else c for name, c in self.columns.items()}


class Specification(Protocol[M_co]):
    """What is to be learnt: a model whose parameters are not known yet.

    The class of a model, such as ``clv.BGNBD``, stands for its plain specification, ``clv.BGNBD()``.
    """

    @property
    def name(self) -> str:
        """What it is called in tables, reports and errors."""

    @property
    def kind(self) -> str:
        """Whether it is a model of purchases or of spend."""

    @property
    def assumption(self) -> str:
        """What the model assumes of customers, in plain sentences, as reports show it."""

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters, in the order of ``model``'s argument."""

    @property
    def start(self) -> tuple[float, ...]:
        """Where a search begins, in multiples of the evidence's scale."""

    def learn(self, rfm: RFM) -> Evidence:
        """Return what the likelihood needs of the data, or why nothing can be learnt from them."""

    def model(self, theta: "Floats | tuple[Any, ...]") -> M_co:
        """Return the model with these parameters, in their order: numbers, or arrays ``(draws, 1)``."""

    def recipe(self) -> Mapping[str, Any]:
        """Return what storage keeps: the registered name under "model", and the settings by name."""


_REGISTRY: dict[str, type[Any]] = {}


def register(model: C) -> C:
    """Make a class of specifications known by its name, so that fits of it can be stored and loaded.

    Use it as a decorator; the package's own models are registered in the same way.

    Raises
    ------
    SettingError
        If another class has the name, or this one has no ``kind``.

    Examples
    --------
    >>> from clvmodels.models.nbd import NBD
    >>> register(NBD) is NBD
    True
    """
    if not isinstance(model, type):
        raise SettingError(f"What is registered is a class, and {checked.shown(model)} is none.")
    if getattr(model, "kind", None) not in get_args(Kind):
        raise SettingError(f"{model.__name__} does not say of what it is a model: kind is 'purchases' or 'spend'.")
    known = _REGISTRY.get(model.__name__, model)
    if (known.__module__, known.__qualname__) != (model.__module__, model.__qualname__):
        raise SettingError(f"A model named {model.__name__} is registered already, in {known.__module__}. Rename it.")
    _REGISTRY[model.__name__] = model
    return model


def registered(kind: Kind) -> dict[str, type[Any]]:
    """Return the registered classes of one kind by name, in the order of registration."""
    return {name: model for name, model in _REGISTRY.items() if model.kind == kind}


def from_recipe(recipe: Mapping[str, Any]) -> Specification[Any]:
    """Return the specification that a recipe describes.

    Raises
    ------
    SettingError
        If no class of its name is registered, or it does not take these settings.
    """
    settings = dict(recipe)
    name = settings.pop("model")
    if name not in _REGISTRY:
        raise SettingError(
            f"No model named {name} is registered; there are {', '.join(_REGISTRY)}. Import the module that defines "
            "it, with @clv.register before its class."
        )
    known = _REGISTRY[name]().recipe().keys() - {"model"}
    if settings.keys() - known:
        takes = ", ".join(sorted(known)) or "none"
        raise SettingError(f"{name} does not take these settings: {settings}. It takes: {takes}.")
    specification: Specification[Any] = _REGISTRY[name](**settings)
    return specification


def as_specification(
    given: "type[M_co] | Specification[M_co]", wanted: Kind | None = None, argument: str = "specification"
) -> Specification[M_co]:
    """Return a specification from the class of a model or from a specification.

    Parameters
    ----------
    given
        Such as ``clv.BGNBD`` or ``clv.GammaGamma(of="all")``.
    wanted
        The kind that it must have.
    argument
        What the argument is called, for the error.

    Raises
    ------
    SettingError
        If it is neither, has parameters already, or is of another kind.
    """
    specification: Any = given() if isinstance(given, type) and given in _REGISTRY.values() else given
    kind = None if isinstance(specification, type) else getattr(specification, "kind", None)
    if kind is None or not hasattr(specification, "learn"):
        raise SettingError(f"{argument} = {given!r} is not a model to fit. Pass one such as clv.BGNBD.")
    if getattr(specification, "known", False):
        raise SettingError(
            f"{argument} = {given!r} has its parameters already. To learn them from data, leave them out, as in "
            "clv.BGNBD."
        )
    if wanted not in (None, kind):
        example = "clv.BGNBD" if wanted == "purchases" else "clv.GammaGamma"
        raise SettingError(
            f"{specification.name} is a model of {kind}, and {argument} must be one of {wanted}: {example}."
        )
    found: Specification[M_co] = specification
    return found


def written_as(text: str) -> dict[str, str]:
    """Return the recipe of a specification written as text, such as ``"GammaGamma:of=all"``.

    Examples
    --------
    >>> written_as("GammaGamma:of=all")
    {'model': 'GammaGamma', 'of': 'all'}
    """
    name, _, settings = text.partition(":")
    pairs = (setting.partition("=") for setting in settings.split(",") if setting)
    return {"model": name.strip()} | {key.strip(): value.strip() for key, _, value in pairs}


class Products(NamedTuple):
    """A part of Hessians: the sum over n terms of weight times the outer product of a vector with itself.

    Attributes
    ----------
    rows
        Which rows of data, ``(rows,)`` as a mask, or a slice.
    vector
        Shape ``(parameters, n, those rows)``.
    weight
        Shape ``(n, those rows)``.
    """

    rows: "slice | NDArray[np.bool_]"
    vector: Floats
    weight: Floats


@dataclass(frozen=True, eq=False)
class Hessians:
    """The Hessian of each row of data, in parts of which its sum over rows is fast.

    Attributes
    ----------
    entries
        What stands at (i, j) and (j, i), i <= j, of each row, ``(rows,)``; other entries are 0.
    products
        What is added to that.
    """

    entries: Mapping[tuple[int, int], Floats]
    products: Sequence[Products] = ()

    def each(self, parameters: int, rows: int) -> Floats:
        """Return the Hessian of each row, ``(parameters, parameters, rows)``."""
        total = np.zeros((parameters, parameters, rows))
        for (i, j), entry in self.entries.items():
            total[i, j] = total[j, i] = entry
        for part in self.products:
            total[..., part.rows] += np.einsum("anr,nr,bnr->abr", part.vector, part.weight, part.vector)
        return total

    def sum(self, counts: Floats, parameters: int) -> Floats:
        """Return the sum of the rows' Hessians, each times its count, ``(parameters, parameters)``."""
        total = np.zeros((parameters, parameters))
        for (i, j), entry in zip(self.entries, np.stack([*self.entries.values()]) @ counts, strict=True):
            total[i, j] = total[j, i] = entry
        for part in self.products:
            vector, weight = part.vector.reshape(parameters, -1), (part.weight * counts[part.rows]).ravel()
            total += (vector * weight) @ vector.T
        return total


@dataclass(frozen=True, eq=False)
class Derivatives:
    """A log-likelihood and its derivatives by the parameters, at numbers or at parameters of each row.

    Attributes
    ----------
    value
        Of each row of data, ``(rows,)``.
    score
        The gradient of each row, ``(parameters, rows)``.
    second
        Returns the second derivatives; computed only when asked for.
    """

    value: Floats
    score: Floats
    second: Callable[[], Hessians]

    def hessians(self) -> Floats:
        """Return the Hessian of each row, ``(parameters, parameters, rows)``."""
        return self.second().each(*self.score.shape)

    def hessian(self, counts: Floats) -> Floats:
        """Return the sum of the rows' Hessians, each times its count, ``(parameters, parameters)``."""
        return self.second().sum(counts, len(self.score))
