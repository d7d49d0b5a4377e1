"""Fitted models in files: JSON, which holds numbers and names, no executable code and no customer data."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from clvmodels.data.files import as_text, write_whole
from clvmodels.errors import SettingError, StorageError
from clvmodels.inference.fit import Fit
from clvmodels.inference.settings import Settings
from clvmodels.inference.settings import from_recipe as settings_from_recipe
from clvmodels.inference.verdict import Outcome, Verdict
from clvmodels.models.specification import from_recipe

_FORMAT = "clvmodels fit, version 2"
_AS_THEY_ARE = ("unit", "customers", "log_likelihood", "observed_until", "draws_of", "scale", "densities")
_TABLES = ("standard_errors", "sandwich_errors", "diagnostics", "by_parameter")


def save(fits: Fit[Any] | Mapping[str, Fit[Any]], path: "str | Path") -> None:
    """Write a fit, or several by name, to a JSON file.

    Parameters
    ----------
    fits
        A fit, or a mapping of names to fits such as ``{"purchases": purchases, "spend": spend}``.
    path
        The file; one that is there is replaced, in one step, once the new one is whole.

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
    if isinstance(fits, Mapping):
        document = {"format": _FORMAT, "fits": {name: _written(fit) for name, fit in fits.items()}}
    else:
        document = {"format": _FORMAT, "fit": _written(fits)}
    write_whole(path, as_text(json.dumps(document, indent=1, allow_nan=False) + "\n"))


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
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise StorageError(f"{path} is not a stored model: it is not JSON ({error}).") from error
    if not isinstance(document, dict) or document.get("format") != _FORMAT:
        raise StorageError(f"{path} is not a stored model of this version ({_FORMAT!r}). Fit and save it again.")
    try:
        if "fit" in document:
            return _read(document["fit"], path)
        return {name: _read(fit, path) for name, fit in document["fits"].items()}
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise StorageError(f"{path} is damaged: {error!r}. Fit and save it again.") from error


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
    }


def _to_json(numbers: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table with text for numbers that JSON has not: k-hat may be infinite, and R-hat of still chains NaN."""
    return {
        name: _to_json(value) if isinstance(value, Mapping) else value if np.isfinite(value) else str(value)
        for name, value in numbers.items()
    }


def _from_json(numbers: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _from_json(value) if isinstance(value, Mapping) else float(value) if isinstance(value, str) else value
        for name, value in numbers.items()
    }


def _read(written: Mapping[str, Any], path: "str | Path") -> Fit[Any]:
    try:
        specification, method = from_recipe(written["specification"]), settings_from_recipe(written["method"])
    except SettingError as error:
        raise StorageError(f"{path} cannot be read here. {error}") from error
    tables: dict[str, Any] = {name: _from_json(written[name]) for name in _TABLES}

    def model(parameters: Mapping[str, Any] | None) -> Any:  # noqa: ANN401 -- of the specification's model
        if parameters is None:
            return None
        values = np.array([parameters[p.name] for p in specification.parameters], dtype=float)
        return specification.model(tuple(values) if values.ndim == 1 else values[:, :, None])

    return Fit(
        specification,
        Verdict(Outcome[written["verdict"][0]], written["verdict"][1]),
        method=method,
        seed=written["seed"],
        maximum=model(written["estimate"]),
        sample=model(written["draws"]),
        versions=written["versions"],
        **{name: written[name] for name in _AS_THEY_ARE},
        **tables,
    )
