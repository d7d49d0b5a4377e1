"""Settings are written as a user would write them, and stored."""

import json
from dataclasses import dataclass

import numpy as np
import pytest

from clvmodels.errors import SettingError
from clvmodels.inference.bootstrap import Bootstrap
from clvmodels.inference.methods import Laplace, MaximumLikelihood
from clvmodels.inference.nuts import NUTS
from clvmodels.inference.prior import Gamma, LogNormal, Normal, Prior
from clvmodels.inference.settings import Settings, from_recipe

PRIOR = Prior({"r": Gamma(4, 0.5)}, scale=4.35)
WRITTEN = {
    "MaximumLikelihood()": MaximumLikelihood(),
    "Bootstrap()": Bootstrap(500),
    "Bootstrap(replicates=20)": Bootstrap(20),
    "Laplace()": Laplace(prior=Prior()),
    "Laplace(draws=500)": Laplace(draws=500),
    "Laplace(draws=500, prior=Prior(parameters={'r': Gamma(shape=4, mean=0.5)}, scale=4.35), otherwise=NUTS())": (
        Laplace(draws=500, prior=PRIOR, otherwise=NUTS())
    ),
    "Laplace(otherwise=Laplace(draws=9, otherwise=Bootstrap(replicates=20)))": (
        Laplace(otherwise=Laplace(draws=9, otherwise=Bootstrap(20)))
    ),
    "NUTS()": NUTS(),
    "NUTS(draws=90, chains=3, tune=0, prior=Prior(others=LogNormal(spread=1.5)), sampler='pymc', progress=False)": (
        NUTS(90, 3, 0, Prior(others=LogNormal(spread=1.5)), "pymc", progress=False)
    ),
    "Prior()": Prior(),
    "Prior(parameters={'slope': Normal(sd=0.5), 'lag': Normal(mean=-1.0)}, others=LogNormal(median=2.0))": (
        Prior({"slope": Normal(sd=0.5), "lag": Normal(-1.0)}, LogNormal(2.0))
    ),
    "LogNormal()": LogNormal(),
    "Gamma(shape=2.0, mean=0.5)": Gamma(2.0, 0.5),
    "Normal()": Normal(),
}


@pytest.mark.parametrize(("text", "settings"), WRITTEN.items(), ids=WRITTEN)
def test_what_is_written_gives_the_same_again(text, settings) -> None:
    assert repr(settings) == text
    assert eval(text) == settings  # noqa: S307 -- our own text


@pytest.mark.parametrize("settings", WRITTEN.values(), ids=WRITTEN)
def test_what_is_stored_gives_the_same_again(settings) -> None:
    back = from_recipe(json.loads(json.dumps(settings.recipe())))
    assert type(back) is type(settings)
    assert back == settings
    assert repr(back) == repr(settings)


def test_a_recipe_names_the_class_and_what_is_not_at_its_default() -> None:
    assert Laplace().recipe() == {"is": "Laplace"}
    assert Laplace(prior=PRIOR).recipe() == {
        "is": "Laplace",
        "prior": {"is": "Prior", "parameters": {"r": {"is": "Gamma", "shape": 4, "mean": 0.5}}, "scale": 4.35},
    }


@dataclass(frozen=True, repr=False)
class Walk(Settings):
    """A method of somebody's own."""

    goal: object = None
    steps: int = 10


def test_settings_of_ones_own_are_stored_too() -> None:
    walk = Walk(goal={"near": Walk(steps=3), "far": True})
    assert repr(walk) == "Walk(goal={'near': Walk(steps=3), 'far': True})"
    assert from_recipe(json.loads(json.dumps(walk.recipe()))) == walk


def test_numbers_of_numpy_are_stored_as_numbers() -> None:
    method = Laplace(draws=np.int64(500), prior=Prior(scale=np.float32(0.5)))
    assert from_recipe(json.loads(json.dumps(method.recipe()))) == Laplace(draws=500, prior=Prior(scale=0.5))


@pytest.mark.parametrize("goal", [object(), (1, 2), {1, 2}, len])
def test_what_json_does_not_know_is_refused(goal) -> None:
    with pytest.raises(SettingError, match=r"cannot be stored\. Settings hold numbers, text, or values of a class"):
        Walk(goal=goal).recipe()


def test_a_class_that_is_not_known_is_refused_with_the_remedy() -> None:
    with pytest.raises(SettingError, match=r"Run is not known\. Import the module that defines it"):
        from_recipe({"is": "Run", "steps": 3})


def test_a_class_with_the_name_of_one_of_ours_is_refused() -> None:
    with pytest.raises(SettingError, match=r"Gamma is a class of clvmodels already\. Give your own another name"):
        type("Gamma", (Settings,), {"__module__": "mine"})
    assert Settings.kinds["Gamma"] is Gamma
