"""The door to ArviZ: how well chains agree, and draws as ArviZ reads them.

ArviZ and xarray are imported when they are used: they take seconds to load, and most fits need none of them.

References
----------
Vehtari, Gelman, Simpson, Carpenter & Bürkner (2021), Rank-Normalization, Folding, and Localization: An Improved R-hat,
Bayesian Analysis 16(2).
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clvmodels.models.future import Model
from clvmodels.models.special import Floats
from clvmodels.models.specification import Evidence

_CELLS = 2**17  # draws x rows that are evaluated at once


@dataclass(frozen=True, eq=False)
class Mixing:
    """How well chains agree: ``ess_bulk``, ``ess_tail`` and ``r_hat`` of each parameter, by that name."""

    by_parameter: Mapping[str, Mapping[str, float]]

    @classmethod
    def of(cls, chains: Mapping[str, Floats]) -> "Mixing":
        """Judge chains, ``(chains, draws)`` each, by ranks: those of a parameter and of its logarithm are the same."""
        arviz, draws = load("arviz"), _dataset(chains)
        with np.errstate(all="ignore"):  # chains that stand still have neither; NaN says so
            measures = {
                "ess_bulk": arviz.ess(draws, method="bulk"),
                "ess_tail": arviz.ess(draws, method="tail"),
                "r_hat": arviz.rhat(draws),
            }
        return cls({measure: {name: float(of[name]) for name in chains} for measure, of in measures.items()})

    @property
    def worst(self) -> dict[str, float]:
        """The smallest effective sizes and the largest R-hat; NaN where one is."""
        choose: dict[str, Callable[[Any], Any]] = {"ess_bulk": np.min, "ess_tail": np.min, "r_hat": np.max}
        return {name: float(of(list(self.by_parameter[name].values()))) for name, of in choose.items()}


def inference_data(
    draws: Model,
    chains: int,
    about: Mapping[str, Any],
    customers: "NDArray[Any] | None" = None,
    evidence: Evidence | None = None,
) -> Any:  # noqa: ANN401 -- another type in each generation of ArviZ
    """Return draws of a model as ArviZ reads them.

    Parameters
    ----------
    draws
        Each parameter of shape ``(draws, 1)``, draw by draw and chain by chain inside.
    chains
        How many chains they come from.
    about
        Attributes of every group.
    customers, evidence
        The ids of the customers who were learnt from, and the evidence, for the log-likelihood of each of them
        (leave-one-out cross-validation needs it); as many numbers as draws times customers.

    Returns
    -------
    An ``arviz.InferenceData``, from ArviZ 1 on an ``xarray.DataTree``, with the group ``posterior`` and, given
    evidence, the group ``log_likelihood``.
    """
    by_chain = {name: np.ravel(value).reshape(-1, chains).T for name, value in draws.values().items()}
    groups = {"posterior": _dataset(by_chain)}
    if evidence is not None and customers is not None:
        columns, rows = evidence.in_unit(), len(evidence.counts)
        size = max(1, _CELLS // rows)
        parts = [draws.take(slice(start, start + size)) for start in range(0, draws.draws, size)]
        likelihood = np.concatenate([part.log_likelihood(**columns) for part in parts])[:, evidence.row]
        of_chain = likelihood.reshape(-1, chains, len(customers)).swapaxes(0, 1)
        groups["log_likelihood"] = _dataset({draws.kind: of_chain}, customer=customers)
    groups = {name: group.assign_attrs(about) for name, group in groups.items()}
    arviz = load("arviz")
    if int(arviz.__version__.partition(".")[0]) < 1:
        return arviz.InferenceData(attrs=dict(about), **groups)
    tree = load("xarray").DataTree.from_dict(groups)
    tree.attrs.update(about)
    return tree


def _dataset(variables: Mapping[str, Floats], **coordinates: Any) -> Any:  # noqa: ANN401
    """Return an xarray.Dataset of variables over chain, draw and the coordinates."""
    dimensions = ("chain", "draw", *coordinates)
    first = next(iter(variables.values()))
    counted = {name: np.arange(size) for name, size in zip(dimensions[:2], first.shape, strict=False)}
    return load("xarray").Dataset(
        {name: (dimensions, value) for name, value in variables.items()}, {**counted, **coordinates}
    )


def load(module: str) -> Any:  # noqa: ANN401
    """Import a module in silence: ArviZ 0.23 announces its successor to everybody who loads it, or what loads it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return import_module(module)
