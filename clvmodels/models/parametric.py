"""What all models share: reading, checking, selecting and rescaling their parameters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from clvmodels import checked
from clvmodels.errors import SettingError
from clvmodels.models.special import Floats, over_counts
from clvmodels.models.specification import Parameter

_UNKNOWN = object()
_SUPPORTS: dict[str, tuple[str, Callable[[Floats], NDArray[np.bool_]]]] = {
    "positive": ("a positive, finite number", lambda value: value > 0),
    "real": ("a finite number", np.isfinite),
    "unit": ("a number between 0 and 1", lambda value: (value > 0) & (value < 1)),
}


def unknown() -> Any:  # noqa: ANN401 -- the default of a parameter of any type
    """Return the default of a parameter: a model without parameters is a specification of what is to be learnt."""
    return field(default_factory=lambda: _UNKNOWN)


@dataclass(frozen=True, eq=False, repr=False)
class Parametric:
    """A model: a value whose fields are its parameters and settings; without its parameters, a specification.

    A parameter is a number, or an array of shape ``(draws, 1)``, or ``(draws, groups)`` where groups of customers have
    their own. The fields named in ``parameters`` default to ``unknown()``; other fields are settings.
    """

    if TYPE_CHECKING:  # plain attributes of each class, without annotations, which would make them fields

        @property
        def parameters(self) -> tuple[Parameter, ...]:
            """The parameters in their order."""

    def __post_init__(self) -> None:
        given = {p.name: getattr(self, p.name) for p in self.parameters}
        if missing := [name for name, value in given.items() if value is _UNKNOWN]:
            if len(missing) < len(given):
                raise SettingError(f"{type(self).__name__} has no {', '.join(missing)}: give all parameters, or none.")
            for name in missing:
                object.__delattr__(self, name)
            return
        for p in self.parameters:
            value = checked.numbers(f"{type(self).__name__}: {p.name}", given[p.name])
            if value.ndim not in (0, 2):
                raise SettingError(
                    f"{type(self).__name__}: {p.name} has shape {value.shape}. A parameter is a number, or an array of "
                    "shape (draws, 1) or (draws, groups)."
                )
            meaning, holds = _SUPPORTS[p.support]
            if not (np.isfinite(value).all() and holds(value).all()):
                raise SettingError(f"{type(self).__name__}: every {p.name} must be {meaning}.")
            object.__setattr__(self, p.name, float(value) if value.ndim == 0 else value)

    if not TYPE_CHECKING:  # a type checker would take every name for an attribute

        def __getattr__(self, name: str) -> object:
            if name in {p.name for p in type(self).parameters}:
                raise SettingError(
                    f"{self!r} is a specification, whose parameters are not known yet: fit it, clv.fit({self!r}, rfm), "
                    f"or give its parameters, {type(self).__name__}({', '.join(f'{n}=...' for n in self.names())})."
                )
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names of the parameters in their order."""
        parameters: tuple[Parameter, ...] = cls.parameters  # type: ignore[assignment]  # an attribute of the class
        return tuple(p.name for p in parameters)

    @property
    def known(self) -> bool:
        """Whether this has parameters: it is a model then, and not a specification of what is to be learnt."""
        return all(name in self.__dict__ for name in self.names())

    def values(self) -> dict[str, Any]:
        """Return the parameters by name."""
        return {name: getattr(self, name) for name in self.names()}

    def recipe(self) -> Mapping[str, Any]:
        """Return what storage keeps of the specification: the class's name and the settings."""
        settings = [f.name for f in fields(self) if f.name not in self.names()]
        return {"model": type(self).__name__} | {name: getattr(self, name) for name in settings}

    def model(self, theta: "Floats | tuple[Any, ...]") -> Self:
        """Return the model with these parameters, in their order, and the same settings."""
        return replace(self, **dict(zip(self.names(), theta, strict=True)))

    @property
    def draws(self) -> int:
        """How many draws of the parameters this value holds: 1 for a point."""
        return max(np.shape(value)[0] if np.ndim(value) else 1 for value in self.values().values())

    def take(self, draws: "slice | NDArray[Any]") -> Self:
        """Return some of the draws, by position."""
        return self.model(
            tuple(
                value[draws] if np.ndim(value) and len(value) == self.draws else value
                for value in self.values().values()
            )
        )

    def of_groups(self, group: "NDArray[np.intp] | None") -> Self:
        """Return the model with the parameters of each row's group, ``(draws, rows)``; itself where all share them.

        Raises
        ------
        SettingError
            If groups have parameters of their own and the groups of the rows are not known.
        """
        if self._shared:
            return self
        if group is None:
            raise SettingError(
                f"{type(self).__name__} has parameters for several groups of customers, and it is not known to which "
                "group each of these belongs. Give histories their group=, or parameters of shape (draws, 1)."
            )
        own = (v[:, group] if np.ndim(v) and np.shape(v)[1] > 1 else v for v in self.values().values())
        return self.model(tuple(own))

    def rescaled(self, scale: float) -> Self:
        """Return the same model in another unit: a parameter with a dimension is multiplied by ``scale``."""
        values = self.values()
        return self.model(tuple(values[p.name] * scale if p.dimension else values[p.name] for p in self.parameters))

    def over_counts(self, function: Callable[[Floats], Floats], x: Floats) -> Floats:
        """Return ``function(x)`` of counts, from a table of it where all rows share the parameters."""
        return over_counts(function, x) if self._shared else function(x)

    @cached_property
    def _shared(self) -> bool:
        """Whether all rows have the same parameters."""
        return all(np.ndim(value) == 0 or np.shape(value)[1] == 1 for value in self.values().values())

    def __repr__(self) -> str:
        settings = [
            f"{f.name}={getattr(self, f.name)!r}"
            for f in fields(self)
            if f.name not in self.names() and getattr(self, f.name) != f.default
        ]
        if self.known and self.draws > 1:
            return f"{type(self).__name__}({', '.join([*self.names(), *settings])}: {self.draws:,} draws)"
        known = self.values().items() if self.known else ()
        values = [f"{name}={np.squeeze(value):.6g}" if np.size(value) == 1 else name for name, value in known]
        return f"{type(self).__name__}({', '.join([*values, *settings])})"
