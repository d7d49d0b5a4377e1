"""Fitted models in files: JSON, which holds numbers and names, no executable code and no customer data."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from clvmodels.data.files import write_whole
from clvmodels.errors import SettingError, StorageError
from clvmodels.inference.fit import Fit
from clvmodels.inference.verdict import Outcome, Verdict
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.gamma_gamma import GammaGamma, GammaGammaAllPurchases
from clvmodels.models.mbg_nbd import MBGNBD
from clvmodels.models.nbd import NBD
from clvmodels.models.pareto_nbd import ParetoNBD

_FORMAT = "clvmodels fit, version 1"
_MODELS: dict[str, Any] = {
    model.name: model for model in (BGNBD, MBGNBD, ParetoNBD, NBD, GammaGamma, GammaGammaAllPurchases)
}
_AS_THEY_ARE = ("unit", "customers", "method", "log_likelihood", "observed_until")
_TABLES = ("versions", "standard_errors", "sandwich_errors", "by_parameter", "prior")

Fits = Fit[Any] | Mapping[str, Fit[Any]]


def save(fits: Fits, path: "str | Path") -> None:
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
    ...     clv.load(f"{folder}/bg_nbd.json").model.parameters() == purchases.model.parameters()
    True
    """
    if isinstance(fits, Mapping):
        document = {"format": _FORMAT, "fits": {name: _written(fit) for name, fit in fits.items()}}
    else:
        document = {"format": _FORMAT, "fit": _written(fits)}
    text = json.dumps(document, indent=1, allow_nan=False) + "\n"
    write_whole(path, lambda partial: partial.write_text(text, encoding="utf-8"))


def load(path: "str | Path") -> Any:  # noqa: ANN401 -- a fit, or a dict of fits, as it was saved
    """Read what ``save`` wrote: a fit, or a dict of fits by name.

    Raises
    ------
    StorageError
        If the file is not there, or not one that ``save`` wrote.
    """
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
            return _read(document["fit"])
        return {name: _read(fit) for name, fit in document["fits"].items()}
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise StorageError(f"{path} is damaged: {error!r}. Fit and save it again.") from error


def _written(fit: Fit[Any]) -> dict[str, Any]:
    if not isinstance(fit, Fit):
        raise SettingError(f"What is saved is a fit, such as clv.fit(...) returns, and this is a {type(fit).__name__}.")
    return {
        "model": fit.name,
        "verdict": [fit.verdict.outcome.name, fit.verdict.detail],
        "point": None if fit.point is None else fit.point.parameters(),
        "posterior": None if fit.posterior is None else _lists(fit.posterior.parameters()),
        **{name: getattr(fit, name) for name in _AS_THEY_ARE},
        **{name: dict(getattr(fit, name)) for name in _TABLES},
        "seed": int(fit.seed),
        # JSON has no infinity, and k-hat may be infinite.
        "diagnostics": {name: value if np.isfinite(value) else str(value) for name, value in fit.diagnostics.items()},
    }


def _lists(parameters: Mapping[str, Any]) -> dict[str, list[float]]:
    return {name: np.ravel(value).tolist() for name, value in parameters.items()}


def _read(written: Mapping[str, Any]) -> Fit[Any]:
    model = _MODELS[written["model"]]
    point, posterior, diagnostics = (written[name] for name in ("point", "posterior", "diagnostics"))
    return Fit(
        model,
        Verdict(Outcome[written["verdict"][0]], written["verdict"][1]),
        point=None if point is None else model(**point),
        posterior=None if posterior is None else model(**_columns(posterior)),
        seed=written["seed"],
        diagnostics={name: float(value) if isinstance(value, str) else value for name, value in diagnostics.items()},
        **{name: written[name] for name in (*_AS_THEY_ARE, *_TABLES)},
    )


def _columns(posterior: Mapping[str, list[float]]) -> dict[str, Any]:
    draws = np.array(list(posterior.values()), dtype=float)
    return dict(zip(posterior, draws[:, :, None], strict=True))
