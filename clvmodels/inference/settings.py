"""Settings that are written as a user would write them: what is left at its default is left out."""

from dataclasses import MISSING, Field, dataclass, fields
from typing import Any


@dataclass(frozen=True, repr=False)
class Settings:
    """Base of methods and priors: frozen dataclasses whose text shows what differs from the defaults.

    Examples
    --------
    >>> @dataclass(frozen=True, repr=False)
    ... class Walk(Settings):
    ...     steps: int = 10
    ...     speed: float = 1.5
    >>> Walk(steps=3)
    Walk(steps=3)
    """

    def __repr__(self) -> str:
        chosen = [f"{f.name}={getattr(self, f.name)!r}" for f in fields(self) if getattr(self, f.name) != _default(f)]
        return f"{type(self).__name__}({', '.join(chosen)})"


def _default(field: "Field[Any]") -> Any:  # noqa: ANN401 -- of whatever type the field has
    return field.default if field.default_factory is MISSING else field.default_factory()
