"""Settings that are written as a user would write them, and stored: what is left at its default is left out."""

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any, ClassVar

import numpy as np

from clvmodels.errors import SettingError


@dataclass(frozen=True, repr=False)
class Settings:
    """Base of methods and priors: frozen dataclasses whose text and recipe hold what differs from the defaults.

    Examples
    --------
    >>> @dataclass(frozen=True, repr=False)
    ... class Walk(Settings):
    ...     steps: int = 10
    ...     speed: float = 1.5
    >>> Walk(steps=3), Walk(steps=3).recipe()
    (Walk(steps=3), {'is': 'Walk', 'steps': 3})
    """

    kinds: ClassVar[dict[str, "type[Settings]"]] = {}

    def __init_subclass__(cls) -> None:
        ours = Settings.kinds.get(cls.__name__, cls)
        if ours.__module__.startswith("clvmodels.") and ours.__module__ != cls.__module__:
            raise SettingError(f"{cls.__name__} is a class of clvmodels already. Give your own another name.")
        Settings.kinds[cls.__name__] = cls

    def chosen(self) -> dict[str, Any]:
        """Return the settings that are not at their defaults."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != _default(f)}

    def recipe(self) -> dict[str, Any]:
        """Return what storage keeps, as JSON has it: the class's name under "is", and the chosen settings."""
        return {"is": type(self).__name__} | {name: _plain(value) for name, value in self.chosen().items()}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.chosen().items())})"


def from_recipe(recipe: Mapping[str, Any]) -> Any:  # noqa: ANN401 -- of whatever class the recipe names
    """Return the settings that a recipe describes.

    Raises
    ------
    SettingError
        If no class of its name is known, or it does not take these settings.
    """
    settings = {key: _revived(value) for key, value in recipe.items() if key != "is"}
    kind = Settings.kinds.get(str(recipe["is"]))
    if kind is None:
        raise SettingError(
            f"{recipe['is']} is not known. Import the module that defines it, with clv.Settings as its base."
        )
    try:
        return kind(**settings)
    except TypeError as error:
        known = ", ".join(f.name for f in fields(kind)) or "none"
        raise SettingError(f"{kind.__name__} does not take these settings: {settings}. It takes: {known}.") from error


def _default(field: "Field[Any]") -> Any:  # noqa: ANN401 -- of whatever type the field has
    return field.default if field.default_factory is MISSING else field.default_factory()


def _plain(value: object) -> Any:  # noqa: ANN401 -- what JSON knows
    if isinstance(value, Settings):
        return value.recipe()
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    raise SettingError(
        f"{value!r} cannot be stored. Settings hold numbers, text, or values of a class based on Settings."
    )


def _revived(value: object) -> Any:  # noqa: ANN401 -- of whatever class the recipe names
    if not isinstance(value, Mapping):
        return value
    return from_recipe(value) if "is" in value else {name: _revived(each) for name, each in value.items()}
