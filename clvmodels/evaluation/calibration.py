"""Simulation-based calibration: whether a method's draws are draws of the posterior, judged from start to end.

Parameters are drawn from a prior, customers are simulated from them, and the method is given these customers and the
same prior. If its draws are those of the posterior, the true value of any quantity is just another draw of it: its rank
among them is uniform over many runs (Talts et al. 2018). Draws too narrow heap the ranks at both ends, draws too wide
in the middle, biased ones at one end. It tests everything together: simulation, likelihood, prior, search and draws.

Which runs may be left out: those that the data alone rule out, as ranks are uniform given any data. A verdict that
depends on the draws (k-hat, R-hat) is no reason, for it would choose draws by their own values: such runs are counted
as doubtful, and their draws are ranked like all others.

References
----------
Talts, Betancourt, Simpson, Vehtari & Gelman (2018), Validating Bayesian Inference Algorithms with Simulation-Based
Calibration, arXiv:1804.06788.
Modrák, Moon, Kim, Bürkner, Huurre, Faltejsková, Gelman & Vehtari (2023), Simulation-Based Calibration Checking for
Bayesian Computation: The Choice of Test Quantities Shapes Sensitivity, Bayesian Analysis (advance publication).
"""

# The method, and the usual studies of it: one file, so that what is simulated stands beside what is judged.

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvmodels import checked
from clvmodels.checked import random_stream
from clvmodels.data.histories import Histories
from clvmodels.data.rfm import RFM
from clvmodels.errors import FitError, PriorWarning, SettingError
from clvmodels.evaluation.uniformity import holm, uniformity
from clvmodels.inference.fit import fit
from clvmodels.inference.methods import Method
from clvmodels.inference.prior import LogNormal, Prior
from clvmodels.inference.verdict import Outcome
from clvmodels.models.future import Model, PurchaseModel, unseen
from clvmodels.models.special import Floats
from clvmodels.models.specification import Specification, as_specification
from clvmodels.prediction.generate import first_and_later, for_each, simulate_customers

LIKELIHOOD = "log-likelihood"

_SEEDS = 2**31
_BY_THE_DATA = {Outcome.TOO_LITTLE_DATA, Outcome.AT_BORDER, Outcome.NOT_CONVERGED}  # found before there are any draws


@runtime_checkable
class Design(Protocol):
    """Whom a run simulates, and what people ask of the model: fixed before any run."""

    def simulate(self, model: Any, seed: int) -> RFM:  # noqa: ANN401 -- a purchase model or a spend model
        """Return customers who behave as a model with one number for each parameter says."""

    def quantities(self, model: Any) -> Mapping[str, Floats]:  # noqa: ANN401
        """Return by name what is computed from the draws of a model, each of shape ``(draws,)``."""


@dataclass(frozen=True)
class NewCustomers:
    """Customers of fixed ages, evenly spread, observed from their first purchases on: for purchase models.

    The quantities are the purchases that are expected of a customer who has just come, and of one who came back twice
    and has been silent for half of the longest age.

    Parameters
    ----------
    customers
        How many.
    youngest, oldest
        The ages, in ``unit``.
    unit
        The unit of time of the parameters.

    Examples
    --------
    >>> from clvmodels.models.nbd import NBD
    >>> design = NewCustomers(customers=100)
    >>> len(design.simulate(NBD(r=0.5, alpha=10.0), seed=1))
    100
    """

    customers: int = 300
    youngest: float = 26.0
    oldest: float = 78.0
    unit: str = "week"

    def simulate(self, model: Any, seed: int) -> RFM:  # noqa: ANN401
        """Return customers who behave as a purchase model says."""
        ages = np.linspace(self.youngest, self.oldest, self.customers)
        return simulate_customers(model, ages=ages, unit=self.unit, seed=seed)

    def quantities(self, model: Any) -> Mapping[str, Floats]:  # noqa: ANN401
        """Return the expected purchases of two typical customers, each of shape ``(draws,)``."""
        half = self.oldest / 2
        typical = {"purchases of a new customer": (0.0, 0.0, 0.0), "purchases after silence": (2.0, half, 2 * half)}
        return {name: _expected(model, *history, half) for name, history in typical.items()}


@dataclass(frozen=True)
class RepeatBuyers:
    """Customers with fixed numbers of repeat purchases, most of them few: for spend models.

    The quantity is the spend that is expected of a customer whose two purchases were cheap.

    Parameters
    ----------
    customers
        How many.
    mean
        Of their repeat purchases, 1 or more.
    cheap
        The mean value of those two purchases, in the unit of the money parameters.

    Examples
    --------
    >>> from clvmodels.models.gamma_gamma import GammaGamma
    >>> design = RepeatBuyers(customers=4)
    >>> design.simulate(GammaGamma(p=6.0, q=4.0, gamma=15.0), seed=1).frequency
    array([1, 2, 3, 6])
    """

    customers: int = 300
    mean: float = 3.0
    cheap: float = 5.0

    def simulate(self, model: Any, seed: int) -> RFM:  # noqa: ANN401
        """Return customers who spend as a spend model says; when they bought says nothing."""
        x, who = self._counts, np.arange(self.customers)
        values = unseen(for_each(model, self.customers)).simulate(random_stream(seed, "spend"), x)
        spend = np.bincount(np.repeat(who, x), values) / x
        return RFM(who, x, x.astype(float), np.full(self.customers, 1.0 + x.max()), "day", monetary_value=spend)

    def quantities(self, model: Any) -> Mapping[str, Floats]:  # noqa: ANN401
        """Return the expected spend of a typical customer, shape ``(draws,)``."""
        return {"spend after cheap purchases": np.ravel(model.value(np.array(2.0), np.array(self.cheap)).mean())}

    @property
    def _counts(self) -> NDArray[np.int64]:
        """The quantiles of a geometric distribution on 1, 2, ..."""
        middle = (np.arange(self.customers) + 0.5) / self.customers
        quantiles: NDArray[np.int64] = np.ceil(np.log1p(-middle) / np.log1p(-1 / self.mean)).astype(np.int64)
        return quantiles


@dataclass(frozen=True)
class AllBuyers(RepeatBuyers):
    """Customers with fixed numbers of purchases, most of them few: for spend models that observe the first ones, too.

    The quantity is the spend that is expected of a customer whose two purchases were cheap.

    Parameters
    ----------
    customers
        How many.
    mean
        Of all their purchases, above 1: one in so many customers buys once.
    cheap
        The mean value of those two purchases, in the unit of the money parameters.

    Examples
    --------
    >>> from clvmodels.models.gamma_gamma import GammaGamma
    >>> design = AllBuyers(customers=4)
    >>> design.simulate(GammaGamma(p=6.0, q=4.0, gamma=15.0, of="all"), seed=1).frequency
    array([0, 1, 2, 5])
    """

    def simulate(self, model: Any, seed: int) -> RFM:  # noqa: ANN401
        """Return customers who spend as a spend model says; when they bought says nothing."""
        x, who = self._counts - 1, np.arange(self.customers)
        first, later = first_and_later(random_stream(seed, "spend"), for_each(model, self.customers), x)
        spend = np.bincount(np.repeat(who, x), later, minlength=self.customers) / np.maximum(x, 1)
        T = np.full(self.customers, 1.0 + x.max())
        return RFM(who, x, x.astype(float), T, "day", monetary_value=spend, first_spend=first)


def _expected(model: PurchaseModel, x: float, t_x: float, T: float, t: float) -> Floats:
    history = Histories(np.array([x]), np.array([t_x]), np.array([T]))
    expected: Floats = np.ravel(model.probability_alive(history) * model.future(history).purchases(t))
    return expected


class Study(NamedTuple):
    """What a model is tested on: a prior whose scale is fixed, and whom a run simulates."""

    prior: Prior
    design: Design


def _lognormal(scale: float, **median_and_spread: tuple[float, float]) -> Prior:
    return Prior({name: LogNormal(*values) for name, values in median_and_spread.items()}, scale=scale)


# Priors about bases that people analyse: a purchase in one to six months, a quarter of the customers drop out after
# one. Their scale is neither a week nor 1 of the money, so that a confusion of the data's scale with it would show.
_BETA_GEOMETRIC = _lognormal(4.0, r=(0.7, 0.5), alpha=(2.0, 0.5), a=(0.8, 0.5), b=(2.5, 0.5))
_PARETO = _lognormal(4.0, r=(0.7, 0.5), alpha=(2.0, 0.5), s=(0.8, 0.5), beta=(4.0, 0.5))
_GAMMA_GAMMA = _lognormal(5.0, p=(5.0, 0.5), q=(4.0, 0.4), gamma=(3.0, 0.5))
STUDIES: Mapping[str, Study] = {
    "BG/NBD": Study(_BETA_GEOMETRIC, NewCustomers()),
    "MBG/NBD": Study(_BETA_GEOMETRIC, NewCustomers()),
    "NBD": Study(_lognormal(4.0, r=(0.7, 0.7), alpha=(2.0, 0.7)), NewCustomers()),
    "Pareto/NBD": Study(_PARETO, NewCustomers()),
    "Gamma-Gamma": Study(_GAMMA_GAMMA, RepeatBuyers()),
    "Gamma-Gamma (all purchases)": Study(_GAMMA_GAMMA, AllBuyers()),
}


@dataclass(frozen=True, eq=False)
class Calibration:
    """Where true values ranked among the draws of a method, in many runs.

    Attributes
    ----------
    model
        The model's name.
    method
        How the draws were made.
    quantities
        What was ranked: the parameters, the log-likelihood of the simulated data, and what the design asks for.
    ranks
        From 0 to ``among``, shape ``(runs, quantities)``; without the runs that were left out.
    among
        Among how many draws a true value was ranked.
    left_out
        Runs without draws, as the data alone ruled them out, by outcome.
    doubtful
        Runs whose verdict was bad, by outcome; they are ranked like the others.
    seed
        What all runs follow from.
    """

    model: str
    method: Method
    quantities: tuple[str, ...]
    ranks: NDArray[np.int64]
    among: int
    left_out: Mapping[str, int]
    doubtful: Mapping[str, int]
    seed: int

    @property
    def p_values(self) -> Floats:
        """Of the ranks of each quantity being uniform, shape ``(quantities,)``; uncorrected."""
        return np.array([uniformity(ranks, self.among) for ranks in self.ranks.T])

    def frame(self) -> pd.DataFrame:
        """Return a row a quantity; small p-values mean that the draws are not those of the posterior."""
        return calibration_table([self])

    def __repr__(self) -> str:
        method = type(self.method).__name__
        left = f", {sum(self.left_out.values())} left out" if self.left_out else ""
        return (
            f"Calibration of {self.model} by {method}: {len(self.ranks)} runs{left}, smallest corrected p-value "
            f"{self.frame()['corrected_p'].min():.3g}"
        )


def calibrate(
    specification: "type[Any] | Specification[Any]",
    method: Method,
    prior: Prior | None = None,
    design: Design | None = None,
    runs: int = 500,
    among: int = 99,
    seed: int = 0,
) -> Calibration:
    """Draw parameters, simulate customers, fit them, and rank the true values among the draws; many times.

    Parameters
    ----------
    specification
        What is to be learnt.
    method
        The method under test, such as ``Laplace(prior=prior)``.
    prior
        What true parameters are drawn from, with a scale of its own; by default the method's prior, and only with that
        are ranks uniform.
    design
        Whom each run simulates; by default that of ``STUDIES``.
    runs
        How many.
    among
        Among how many draws of each run, spread evenly over them all so that they are nearly independent.
    seed
        Run i follows from the seed and i.

    Raises
    ------
    SettingError
        If the prior has no scale of its own, the method has no prior or gives too few draws, or ``runs`` or ``among``
        is not a whole number from 1 up.
    FitError
        If the data ruled out every run.

    Examples
    --------
    >>> from clvmodels.inference.methods import Laplace
    >>> from clvmodels.models.nbd import NBD
    >>> study = STUDIES["NBD"]
    >>> found = calibrate(NBD, Laplace(prior=study.prior), runs=10)
    >>> found.quantities, found.ranks.shape
    (('r', 'alpha', 'log-likelihood', 'purchases of a new customer', 'purchases after silence'), (10, 5))
    """
    runs, among = checked.whole("runs", runs), checked.whole("among", among)
    what: Specification[Any] = as_specification(specification)
    checked.instance("method", method, Method, "Pass one such as clv.Laplace(prior=clv.Prior(scale=4.0)).")
    if prior is not None:
        checked.instance("prior", prior, Prior, "Pass one such as clv.Prior(scale=4.0).")
    if design is not None:
        checked.instance("design", design, Design, "Pass one such as NewCustomers().")
    seed = checked.seed(seed)
    prior = _fixed(method.prior if prior is None else prior)
    design = _design(what) if design is None else design
    left_out, doubtful, ranks = Counter[str](), Counter[str](), []
    names: tuple[str, ...] = ()
    for run in range(runs):
        rng = random_stream(seed, f"calibration {run}")
        truth = prior.sample(what, 1.0, rng, 1)
        data = design.simulate(truth, int(rng.integers(_SEEDS)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PriorWarning)  # the prior is the one that the truth comes from
            found = fit(what, data, method, int(rng.integers(_SEEDS)))
        if not found.verdict.ok:
            (left_out if found.sample is None else doubtful)[found.verdict.outcome.name] += 1
        if found.sample is None:
            _refuse_unless_by_the_data(found.verdict.outcome, method)
            continue
        values = _values(_among(truth, found.sample, among), what, data, design)
        names = tuple(values)
        ranks.append([_rank(of, rng) for of in values.values()])
    if not ranks:
        raise FitError(f"{what.name}: the data ruled out all {runs} runs: {dict(left_out)}. Simulate more customers.")
    return Calibration(what.name, method, names, np.array(ranks), among, dict(left_out), dict(doubtful), seed)


def calibration_table(calibrations: Sequence[Calibration]) -> pd.DataFrame:
    """Return a row a quantity of each calibration.

    ``p_value`` is that of its ranks being uniform; ``corrected_p`` is corrected for all rows of the table (Holm 1979).
    """
    rows = [
        {
            "model": one.model,
            "method": type(one.method).__name__,
            "quantity": quantity,
            "runs": len(one.ranks),
            "left_out": sum(one.left_out.values()),
            "doubtful": sum(one.doubtful.values()),
            "p_value": p_value,
        }
        for one in calibrations
        for quantity, p_value in zip(one.quantities, one.p_values, strict=True)
    ]
    table = pd.DataFrame(rows)
    return table.assign(corrected_p=holm(table["p_value"].to_numpy()))


def _among(truth: Model, draws: Model, among: int) -> Model:
    """Return the truth, in the first place, and some of the draws, as one model of ``1 + among`` draws."""
    if draws.draws < among:
        raise SettingError(f"The method gives {draws.draws} draws, so no true value can be ranked among {among}.")
    chosen = draws.take(np.linspace(0, draws.draws - 1, among).round().astype(int))
    both = zip(truth.values().values(), chosen.values().values(), strict=True)
    return truth.model(tuple(np.vstack([true, drawn]) for true, drawn in both))


def _values(model: Model, what: Specification[Any], data: RFM, design: Design) -> dict[str, Floats]:
    """Return all quantities under each draw: parameters, log-likelihood of the data, and what the design asks for."""
    evidence = what.learn(data)
    likelihood = model.rescaled(1 / evidence.scale).log_likelihood(**evidence.columns) @ evidence.counts
    parameters = {name: np.ravel(value) for name, value in model.values().items()}
    return {**parameters, LIKELIHOOD: likelihood, **design.quantities(model)}


def _rank(values: Floats, rng: np.random.Generator) -> int:
    """Return how many of the others are below the first; equal ones are, or are not, by chance.

    What could not be computed is below everything, so that draws from nowhere show in the ranks.
    """
    values = np.where(np.isnan(values), -np.inf, values)
    below, equal = int((values[1:] < values[0]).sum()), int((values[1:] == values[0]).sum())
    return below + int(rng.integers(equal + 1))


def _fixed(prior: Prior | None) -> Prior:
    if prior is None or prior.scale is None:
        raise SettingError(
            "True parameters are drawn before there are data, so the prior needs a scale of its own: pass a method "
            "that has one, such as Laplace(prior=Prior(scale=4.0))."
        )
    return prior


def _design(specification: Specification[Any]) -> Design:
    if specification.name not in STUDIES:
        raise SettingError(f"There is no usual design for {specification.name}. Pass one, such as NewCustomers().")
    return STUDIES[specification.name].design


def _refuse_unless_by_the_data(outcome: Outcome, method: Method) -> None:
    if outcome not in _BY_THE_DATA:
        raise SettingError(
            f"{method!r} gave no draws, so nothing can be ranked ({outcome.name}). Runs are left out only where the "
            "data rule them out, for else the draws would choose themselves."
        )
