"""NUTS: draws of the posterior by Hamiltonian Monte Carlo, and the door to PyMC.

PyMC and nutpie are imported when they are used: they take seconds to load, and most fits need none of them.

References
----------
Hoffman & Gelman (2014), The No-U-Turn Sampler, Journal of Machine Learning Research 15.
Vehtari, Gelman, Simpson, Carpenter & Bürkner (2021), Rank-Normalization, Folding, and Localization: An Improved R-hat,
Bayesian Analysis 16(2).
"""

import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from typing import Any, NoReturn

import numpy as np

from clvmodels import checked
from clvmodels.data.rfm import RFM, refuse_no_rfm
from clvmodels.errors import FitError, SettingError
from clvmodels.inference.arviz_io import Mixing, load
from clvmodels.inference.coordinates import Coordinates
from clvmodels.inference.methods import Inferred, Laplace
from clvmodels.inference.mode import Mode
from clvmodels.inference.objective import Objective
from clvmodels.inference.prior import Distribution, Gamma, LogitNormal, LogNormal, Normal, Prior
from clvmodels.inference.settings import Settings
from clvmodels.inference.verdict import Outcome, Verdict
from clvmodels.models.future import Model
from clvmodels.models.special import Floats
from clvmodels.models.specification import Parameter, Specification, as_specification

_SAMPLERS = ("nutpie", "pymc")
_SKETCH = 2000  # draws by Laplace, from which the coordinates are learnt
_SPREAD = 2.0  # of the starts, in standard deviations: chains that begin alike would agree whatever they missed
_ACCEPTED = 0.7  # on a round posterior, half as many effective draws again for the same work as with 0.8
_MOST_R_HAT = 1.01  # Vehtari et al. (2021)
_FEWEST_EFFECTIVE = 100  # a chain: Vehtari et al. (2021)
_MOST_DIVERGENT = 0.01  # of the draws

Gradient = Callable[[Floats], tuple[float, Floats]]


@dataclass(frozen=True, repr=False)
class NUTS(Settings):
    """Chains of the No-U-Turn Sampler, exact whatever the posterior's form, and checked against each other.

    The chains run in coordinates in which the posterior is round, learnt from a sketch of it by ``Laplace``, so that
    little warm-up is needed; they start far apart. A poor sketch makes them slow, never wrong.

    Parameters
    ----------
    draws
        Equal-weight draws to return, of all chains together: a multiple of ``chains``.
    chains
        How many chains, each from a start of its own.
    tune
        Steps of each chain that find its step size and are then forgotten.
    prior
        What is believed of the parameters; by default weakly informative, in the data's own scale.
    sampler
        ``"nutpie"``, ``"pymc"``, or ``None``: nutpie where it is installed, else PyMC's own. The draws of one differ
        from those of the other, by chance only.
    progress
        Whether to show a bar with the time left; ``None`` does where somebody watches, in a terminal or a notebook.
    fewest
        Draws that each chain makes at least, of which fewer may be returned, evenly: with 500, chains that agree pass
        the limit of R-hat now and then by chance.

    Examples
    --------
    >>> NUTS(draws=2000).chains
    4
    """

    draws: int = 1000
    chains: int = 4
    tune: int = 200
    prior: Prior = Prior()
    sampler: str | None = None
    progress: bool | None = None
    fewest: int = 1000

    def __post_init__(self) -> None:
        for name in ("chains", "draws", "fewest"):
            checked.whole(name, getattr(self, name))
        checked.whole("tune", self.tune, least=0)
        if self.draws % self.chains:
            raise SettingError(
                f"{self.chains} chains cannot give {self.draws} draws in equal parts. Ask for a multiple, such as "
                f"draws={-(-self.draws // self.chains) * self.chains}."
            )
        checked.instance("NUTS: prior", self.prior, Prior, "Pass one such as clv.Prior(scale=4.0).")
        if self.sampler is not None:
            checked.one_of("sampler", self.sampler, _SAMPLERS)
        if self.progress is not None:
            checked.flag("progress", self.progress)

    def infer(self, likelihood: Objective, mode: Mode, rng: np.random.Generator) -> Inferred:
        """Return the draws, draw by draw and chain by chain inside, with R-hat, effective sizes and divergences."""
        objective = replace(likelihood, prior=self.prior)
        sketch = Laplace(draws=_SKETCH, prior=self.prior).infer(likelihood, mode, rng)
        coordinates = Coordinates.about(np.asarray(sketch.phi), objective)
        sampler = self.sampler or available_sampler()
        kept = self.draws // self.chains
        every = -(-self.fewest // kept)
        run = {"nutpie": _by_nutpie, "pymc": _by_pymc}[sampler]
        with _interruptible():
            chains = run(self, coordinates, kept * every, rng)
        names = [p.name for p in objective.space.parameters]
        mixing = Mixing.of(dict(zip(names, np.moveaxis(chains.phi, -1, 0), strict=True)))
        phi = chains.phi[:, every - 1 :: every].swapaxes(0, 1).reshape(self.draws, -1)
        return Inferred(
            phi,
            "posterior",
            _judge(mixing, chains),
            {"chains": self.chains, "divergences": chains.divergences, **mixing.worst},
            by_parameter=mixing.by_parameter,
            packages=(sampler, "arviz"),
        )

    @property
    def _shows_progress(self) -> bool:
        return somebody_watches() if self.progress is None else self.progress


def available_sampler() -> str:
    """Return the name of the sampler that is used unless one is asked for."""
    return "nutpie" if find_spec("nutpie") else "pymc"


def somebody_watches() -> bool:
    """Whether output goes to a terminal or a notebook."""
    return sys.stderr.isatty() or "ipykernel" in sys.modules


@dataclass(frozen=True, eq=False)
class Chains:
    """What a sampler returns: log parameters, ``(chains, draws, parameters)``, and how many steps diverged."""

    phi: Floats
    divergences: int


class _Interrupt(BaseException):
    """An interrupt that samplers do not know."""


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let an interrupt through: samplers take it for the wish to go on with the draws until then."""
    by_default = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not by_default or threading.current_thread() is not threading.main_thread():
        yield  # nobody is interrupted here, or by other means
        return

    def interrupt(*_: object) -> NoReturn:
        raise _Interrupt

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    except _Interrupt:
        raise KeyboardInterrupt from None
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _start(coordinates: Coordinates, rng: np.random.Generator) -> Floats:
    """Return where a chain starts: farther out than the posterior's own draws."""
    return _SPREAD * rng.standard_normal(len(coordinates.centre))


def _by_nutpie(settings: NUTS, coordinates: Coordinates, draws: int, rng: np.random.Generator) -> Chains:
    """Call the NumPy equations from nutpie as they are: there is nothing to compile."""
    if find_spec("nutpie") is None:
        raise SettingError("nutpie is not installed: pip install nutpie, or ask for sampler='pymc'.")
    nutpie, size = load("nutpie"), len(coordinates.centre)
    target = load("nutpie.compiled_pyfunc").from_pyfunc(
        size,
        lambda: _quietly(coordinates.gradient),
        lambda *_: lambda x: {"x": np.array(x)},
        [np.dtype(float)],
        [(size,)],
        ["x"],
        make_initial_point_fn=lambda seed: _start(coordinates, np.random.default_rng(seed)),
    )
    found = nutpie.sample(
        target,
        draws=draws,
        tune=settings.tune,
        chains=settings.chains,
        cores=1,  # Python runs one equation at a time; several chains would only wait for each other
        seed=int(rng.integers(2**63)),
        target_accept=_ACCEPTED,
        save_warmup=False,
        progress_bar=settings._shows_progress,  # noqa: SLF001
    )
    return Chains(coordinates.phi(found.posterior["x"].to_numpy()), int(found.sample_stats["diverging"].sum()))


def _by_pymc(settings: NUTS, coordinates: Coordinates, draws: int, rng: np.random.Generator) -> Chains:
    """Let PyMC's own NUTS sample, chain after chain: threads work inside the equations."""
    pm, size = load("pymc"), len(coordinates.centre)
    metric = load("pymc.step_methods.hmc.quadpotential").QuadPotentialDiag(np.ones(size))
    with pm.Model(), warnings.catch_warnings():
        for harmless in ("Numba will use object mode", "PyTensor could not link to a BLAS"):
            warnings.filterwarnings("ignore", harmless, UserWarning)
        pm.Potential("log_density", _operation()(coordinates.gradient)(pm.Flat("x", shape=size)))
        found = pm.sample(
            draws,
            tune=settings.tune,
            chains=settings.chains,
            cores=1,
            step=pm.NUTS(potential=metric, target_accept=_ACCEPTED),
            initvals=[{"x": _start(coordinates, rng)} for _ in range(settings.chains)],
            random_seed=int(rng.integers(2**31)),
            progressbar=settings._shows_progress,  # noqa: SLF001
            quiet=not settings._shows_progress,  # noqa: SLF001
            nuts_sampler="pymc",
            compute_convergence_checks=False,
        )
    return Chains(coordinates.phi(found.posterior["x"].to_numpy()), int(found.sample_stats["diverging"].sum()))


def _quietly(function: Gradient) -> Gradient:
    """Return the function without its warnings: a chain that strays is turned back by what it finds there."""

    def quiet(x: Floats) -> tuple[float, Floats]:
        with np.errstate(all="ignore"):
            return function(x)

    return quiet


def _judge(mixing: Mixing, chains: Chains) -> Verdict:
    (count, draws), worst = chains.phi.shape[:2], mixing.worst
    fewest, effective = _FEWEST_EFFECTIVE * count, min(worst["ess_bulk"], worst["ess_tail"])
    if np.isnan(list(worst.values())).any():
        effective = 0.0
    found = f"R-hat is {worst['r_hat']:.3f}, and {effective:,.0f} of {count * draws:,} draws are effective"
    complaints = [
        *([f"R-hat above {_MOST_R_HAT}"] if not worst["r_hat"] <= _MOST_R_HAT else []),
        *([f"fewer than {fewest:,} effective draws"] if effective < fewest else []),
        *([f"divergences above {_MOST_DIVERGENT:.0%}"] if chains.divergences > _MOST_DIVERGENT * count * draws else []),
    ]
    divergences = f"{chains.divergences:,} steps diverged"
    if not complaints:
        return Verdict(Outcome.CONVERGED, f"The chains agree: {found}; {divergences}.")
    return Verdict(
        Outcome.POOR_MIXING,
        f"{found}; {divergences}. {' and '.join(complaints).capitalize()} cannot be trusted. Tune and draw for longer "
        "(NUTS(draws=4000, tune=1000)); if that does not help, the data say too little: use more customers, a longer "
        "log, a narrower prior or a model with fewer parameters.",
    )


def as_pymc(specification: "type[Model] | Specification[Model]", rfm: RFM, prior: Prior = Prior()) -> Any:  # noqa: ANN401
    """Return a model as a PyMC model, to extend it or to sample it by other means.

    Its random variables are the parameters, in the unit of the data, with the distributions of the prior. The
    likelihood is that of this package, with its gradient (no second derivatives), on the distinct rows of the data.

    Parameters
    ----------
    specification
        What is to be learnt, such as ``clv.BGNBD``.
    rfm
        What to learn from.
    prior
        What is believed of the parameters, by ``LogNormal``, ``Gamma`` and ``Normal``.

    Returns
    -------
    A ``pymc.Model``.

    Raises
    ------
    FitError
        If the data cannot identify the model.
    SettingError
        If PyMC has no counterpart of a distribution of the prior.

    Examples
    --------
    >>> import clvmodels as clv
    >>> log = clv.Transactions(clv.datasets.load_cdnow(), customer="customer_id", date="date", amount="amount")
    >>> model = as_pymc(clv.BGNBD, log.summarize(unit="week"))
    >>> [variable.name for variable in model.free_RVs]
    ['r', 'alpha', 'a', 'b']
    """
    specification = as_specification(specification)
    refuse_no_rfm(rfm)
    checked.instance("prior", prior, Prior, "Pass one such as clv.Prior(scale=4.0).")
    evidence = specification.learn(rfm)
    if evidence.shortfall:
        raise FitError(f"{specification.name}: {Verdict(Outcome.TOO_LITTLE_DATA, evidence.shortfall)}")
    likelihood = Objective(specification, evidence)
    space = likelihood.space

    def in_unit(theta: Floats) -> tuple[float, Floats]:
        """Return log-likelihood and gradient at the parameters themselves, in the unit of the data."""
        phi = space.phi(theta / space.units)
        value, gradient = likelihood.gradient(phi)
        return value + evidence.log_jacobian, gradient / (space.first(phi) * space.units)

    pm = load("pymc")
    starts = np.array(specification.start) * space.units
    with pm.Model() as model:
        parameters = [
            _random_variable(p, distribution, (prior.scale or evidence.scale) if p.dimension else 1.0, float(start))
            for p, distribution, start in zip(space.parameters, prior.of(space.parameters), starts, strict=True)
        ]
        pm.Potential("log_likelihood", _operation()(in_unit)(pm.math.stack(parameters)))
    return model


def _random_variable(parameter: Parameter, distribution: Distribution, unit: float, start: float) -> Any:  # noqa: ANN401
    pm, name = load("pymc"), parameter.name
    match distribution:
        case LogNormal(median, spread):
            return pm.LogNormal(name, mu=np.log(median * unit), sigma=spread, initval=start)
        case Gamma(shape, mean):
            rate = np.float64(shape / (mean * unit))  # PyTensor keeps a plain 6.0 as an integer, and 1 / 6 in 32 bits
            return pm.Gamma(name, alpha=shape, beta=rate, initval=start)
        case Normal(mean, sd) if parameter.support == "real":
            return pm.Normal(name, mu=mean * unit, sigma=sd * unit, initval=start)
        case LogitNormal(median, spread):
            return pm.LogitNormal(name, mu=np.log(median / (1 - median)), sigma=spread, initval=start)
    raise SettingError(
        f"The prior of {name} is {distribution!r}, for which PyMC has no counterpart. Use LogNormal, Gamma or Normal, "
        "or sample with nutpie: NUTS(sampler='nutpie') takes any distribution."
    )


@cache
def _operation() -> Any:  # noqa: ANN401
    """Return the PyTensor operation on a vector that a function with a gradient is, a class defined when needed."""
    pt, disconnected = load("pytensor.tensor"), load("pytensor.gradient").DisconnectedType

    class WithGradient(load("pytensor.graph.op").Op):  # type: ignore[misc]  # known only then
        """Value and gradient come together: who asks for both has the equations evaluated once."""

        itypes = (pt.dvector,)
        otypes = (pt.dscalar, pt.dvector)
        default_output = 0

        def __init__(self, function: Gradient) -> None:
            self.function = function

        def perform(self, node: object, inputs: list[Floats], outputs: list[list[Any]]) -> None:
            value, gradient = _quietly(self.function)(inputs[0])
            outputs[0][0], outputs[1][0] = np.asarray(value), gradient

        def pullback(self, inputs: list[Any], outputs: list[Any], cotangents: list[Any]) -> list[Any]:
            if not isinstance(cotangents[1].type, disconnected):
                raise NotImplementedError("The log-likelihood has no second derivatives in PyMC.")
            return [cotangents[0] * outputs[1]]

        L_op = pullback  # its name before PyTensor 3

        def __reduce__(self) -> tuple[Any, ...]:
            return _operation_of, (self.function,)

    return WithGradient


def _operation_of(function: Gradient) -> Any:  # noqa: ANN401
    return _operation()(function)
