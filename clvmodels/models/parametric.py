"""What all models share: reading, checking, selecting and rescaling their parameters."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from clvmodels.errors import SettingError
from clvmodels.models.special import Floats, over_counts


@dataclass(frozen=True, eq=False)
class Parametric:
    """A value whose fields are positive parameters: numbers, or arrays ``(draws, 1)`` or ``(draws, customers)``."""

    name: ClassVar[str]
    scaled: ClassVar[tuple[str, ...]]

    def __post_init__(self) -> None:
        for name in self.parameter_names():
            value = np.asarray(getattr(self, name), dtype=float)
            if value.ndim not in (0, 2):
                raise SettingError(
                    f"{self.name}: {name} has shape {value.shape}. A parameter is a number, or an array of shape "
                    "(draws, 1) or (draws, customers)."
                )
            if not (np.isfinite(value).all() and (value > 0).all()):
                raise SettingError(f"{self.name}: every {name} must be a positive, finite number.")
            object.__setattr__(self, name, float(value) if value.ndim == 0 else value)

    @classmethod
    def parameter_names(cls) -> tuple[str, ...]:
        """Return the names of the parameters in the order of the constructor."""
        return tuple(f.name for f in fields(cls))

    def parameters(self) -> dict[str, Any]:
        """Return the parameters by name."""
        return {name: getattr(self, name) for name in self.parameter_names()}

    @property
    def draws(self) -> int:
        """How many draws of the parameters this value holds: 1 for a point."""
        return max(np.shape(value)[0] if np.ndim(value) else 1 for value in self.parameters().values())

    def over_counts(self, function: Callable[[Floats], Floats], x: Floats) -> Floats:
        """Return ``function(x)`` of counts, from a table of it where customers share the parameters."""
        shared = all(np.ndim(value) == 0 or np.shape(value)[1] == 1 for value in self.parameters().values())
        return over_counts(function, x) if shared else function(x)

    def take(self, draws: "slice | NDArray[Any]") -> Self:
        """Return some of the draws, by position."""
        return type(self)(*(value[draws] if np.ndim(value) else value for value in self.parameters().values()))

    def rescaled(self, scale: float) -> Self:
        """Return the same model in another unit: a scaled parameter of 1 becomes ``scale``."""
        return type(self)(
            *(value * scale if name in self.scaled else value for name, value in self.parameters().items())
        )
