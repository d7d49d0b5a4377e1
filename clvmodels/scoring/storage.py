"""Fitted models in files: JSON, which holds numbers and names, no executable code and no customer data."""

import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from clvmodels import checked, errors
from clvmodels.cautions import Caution
from clvmodels.data.files import as_text, write_whole
from clvmodels.errors import SettingError, StorageError
from clvmodels.inference.fit import Fit
from clvmodels.inference.methods import Method
from clvmodels.inference.settings import Settings
from clvmodels.inference.settings import from_recipe as settings_from_recipe
from clvmodels.inference.verdict import Outcome, Verdict
from clvmodels.models.specification import as_specification, from_recipe

_VERSION = 2  # raised with every change of the fields, so that a file of another version says that it is one
_FORMAT = "clvmodels fit, version {}"
_MOST_BYTES = 2**28  # a file larger than any fit: a million draws take some 100 MB
_AS_THEY_ARE = (
    *("unit", "customers", "log_likelihood", "observed_from", "observed_until", "draws_of", "scale", "densities"),
)
_TABLES = ("standard_errors", "sandwich_errors", "diagnostics", "by_parameter")


def save(fits: Fit[Any] | Mapping[str, Fit[Any]], path: "str | Path") -> None:
    """Write a fit, or several by name, to a JSON file.

    Parameters
    ----------
    fits
        A fit, or a mapping of names to fits such as ``{"purchases": purchases, "spend": spend}``.
    path
        The file; one that is there is replaced, in one step, once the new one is whole.

    Raises
    ------
    SettingError
        If this is no fit, its model or its method could not be loaded again, or the path is none.
    StorageError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> import clvmodels as clv
    >>> log = clv.Transactions(clv.datasets.load_cdnow(), customer="customer_id", date="date")
    >>> purchases = clv.fit(clv.BGNBD, log.summarize(unit="week"))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     clv.save(purchases, f"{folder}/bg_nbd.json")
    ...     clv.load(f"{folder}/bg_nbd.json").estimate.values() == purchases.estimate.values()
    True
    """
    held: dict[str, Any] = {"fits": _written_by_name(fits)} if isinstance(fits, Mapping) else {"fit": _written(fits)}
    text = json.dumps({"format": _FORMAT.format(_VERSION), **held}, indent=1, allow_nan=False) + "\n"
    if len(text) > _MOST_BYTES:
        raise SettingError(f"The file would have {len(text):,} bytes, and {_MOST_BYTES:,} are read. Keep fewer draws.")
    write_whole(path, as_text(text))


def load(path: "str | Path") -> Fit[Any]:
    """Read the fit that ``save`` wrote.

    Raises
    ------
    StorageError
        If the file is not there, or not one that ``save`` wrote, or holds several fits: ``load_fits`` reads those.
    """
    found = _document(path)
    if isinstance(found, Fit):
        return found
    raise StorageError(f"{path} holds several fits: {', '.join(found)}. Read them with clv.load_fits(path).")


def load_fits(path: "str | Path") -> dict[str, Fit[Any]]:
    """Read the fits that ``save`` wrote by name; a single one by its kind, "purchases" or "spend".

    Raises
    ------
    StorageError
        If the file is not there, or not one that ``save`` wrote.
    """
    found = _document(path)
    return {found.kind: found} if isinstance(found, Fit) else found


def _document(path: "str | Path") -> Fit[Any] | dict[str, Fit[Any]]:
    document = _parsed(path)
    written_by = document["format"] if isinstance(document, dict) and "format" in document else None
    if not (isinstance(written_by, str) and (found := re.fullmatch(_FORMAT.format(r"(\d{1,9})"), written_by))):
        raise StorageError(f"{path} is not a stored model: clv.save did not write it.")
    if (version := int(found[1])) != _VERSION:
        other, remedy = ("a newer", "Update clvmodels") if version > _VERSION else ("an older", "Fit and save it again")
        raise StorageError(
            f"{path} was written by {other} version of clvmodels: its format is version {version}, and this one reads "
            f"version {_VERSION}. {remedy}."
        )
    from clvmodels.scoring import schema  # Pydantic is loaded where it is used

    try:
        schema.check(document)
        if "fit" in document:
            return _read(document["fit"])
        return {name: _read(fit) for name, fit in document["fits"].items()}
    except SettingError as error:
        raise StorageError(f"{path} cannot be read here. {error}") from error
    except ValueError as error:
        raise StorageError(f"{path} is damaged: {error}. Fit and save it again.") from error


def _parsed(path: "str | Path") -> Any:  # noqa: ANN401 -- what JSON knows
    place = checked.path("path", path)
    try:
        with place.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise StorageError(f"{path} is not a stored model: it has more than {_MOST_BYTES:,} bytes.")
        return json.loads(content.decode("utf-8"), object_pairs_hook=_once)
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise StorageError(f"{path} is not a stored model: it is not JSON ({error}).") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object whose keys differ (of two alike, one would silently count) and whose text is text."""
    for text in (each for pair in pairs for each in pair if isinstance(each, str)):
        text.encode("utf-8")  # refuses half a surrogate pair, which could not be printed
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, many in Counter(key for key, _ in pairs).items() if many > 1)
        raise ValueError(f"the key {twice!r} stands there twice")
    return found


def _written_by_name(fits: Mapping[str, Any]) -> dict[str, Any]:
    if not fits or not all(isinstance(name, str) for name in fits):
        raise SettingError(f'Fits are saved by names in text, such as {{"purchases": purchases}}, not by {[*fits]!r}.')
    return {name: _written(fit) for name, fit in fits.items()}


def _written(fit: Fit[Any]) -> dict[str, Any]:
    if not isinstance(fit, Fit):
        raise SettingError(f"What is saved is a fit, such as clv.fit(...) returns, and this is a {type(fit).__name__}.")
    if not isinstance(fit.method, Settings):
        raise SettingError(f"{fit.method!r} cannot be stored: a method to store is based on clv.Settings.")
    from_recipe(fit.specification.recipe())  # refuses what could not be loaded
    return {
        "specification": dict(fit.specification.recipe()),
        "method": fit.method.recipe(),
        "verdict": [fit.verdict.outcome.name, fit.verdict.detail],
        "estimate": None if fit.maximum is None else fit.maximum.values(),
        "draws": None if fit.sample is None else {n: np.ravel(v).tolist() for n, v in fit.sample.values().items()},
        **{name: getattr(fit, name) for name in _AS_THEY_ARE},
        **{name: _to_json(getattr(fit, name)) for name in _TABLES},
        "seed": int(fit.seed),
        "versions": dict(fit.versions),
        "cautions": [{"name": c.name, "text": c.text, "category": c.category.__name__} for c in fit.cautions],
    }


def _to_json(numbers: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table with text for numbers that JSON has not: k-hat may be infinite, and R-hat of still chains NaN."""
    return {
        name: _to_json(value) if isinstance(value, Mapping) else value if math.isfinite(value) else str(value)
        for name, value in numbers.items()
    }


def _from_json(numbers: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _from_json(value) if isinstance(value, Mapping) else float(value) if isinstance(value, str) else value
        for name, value in numbers.items()
    }


def _read(written: Mapping[str, Any]) -> Fit[Any]:
    specification, method = (
        as_specification(from_recipe(written["specification"])),
        settings_from_recipe(written["method"]),
    )
    checked.instance("method", method, Method)
    _refuse_other_parameters(written, [p.name for p in specification.parameters])
    tables: dict[str, Any] = {name: _from_json(written[name]) for name in _TABLES}

    def model(field: str) -> Any:  # noqa: ANN401 -- of the specification's model
        if written[field] is None:
            return None
        values = np.array([written[field][p.name] for p in specification.parameters], dtype=float)
        try:
            return specification.model(tuple(values) if values.ndim == 1 else values[:, :, None])
        except SettingError as error:
            raise ValueError(f"{field}: {error}") from error

    return Fit(
        specification,
        Verdict(Outcome[written["verdict"][0]], written["verdict"][1]),
        cautions=tuple(Caution(c["name"], c["text"], getattr(errors, c["category"])) for c in written["cautions"]),
        method=method,
        seed=written["seed"],
        maximum=model("estimate"),
        sample=model("draws"),
        versions=written["versions"],
        **{name: written[name] for name in _AS_THEY_ARE},
        **tables,
    )


def _refuse_other_parameters(written: Mapping[str, Any], names: Sequence[str]) -> None:
    """Raise a ValueError unless what a fit holds by parameter is there for each of its model's, and for no other."""
    fields = {name: written[name] for name in ("estimate", "draws") if written[name] is not None}
    fields |= {name: written[name] for name in ("standard_errors", "sandwich_errors") if written[name]}
    fields |= {f"by_parameter.{name}": values for name, values in written["by_parameter"].items()}
    for field, values in fields.items():
        if set(values) != set(names):
            raise ValueError(f"{field}: it is of {', '.join(values) or 'nothing'}, and not of {', '.join(names)}")
