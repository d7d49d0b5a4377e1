"""The registry of specifications, what they learn from, and derivatives row by row."""

import math
import re
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clvmodels.errors import SettingError
from clvmodels.models import specification
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.gamma_gamma import GammaGamma
from clvmodels.models.mbg_nbd import MBGNBD
from clvmodels.models.nbd import NBD
from clvmodels.models.parametric import Parametric, unknown
from clvmodels.models.pareto_nbd import ParetoNBD
from clvmodels.models.specification import (
    Evidence,
    Parameter,
    as_specification,
    from_recipe,
    register,
    registered,
    written_as,
)


@pytest.fixture(autouse=True)
def registry(monkeypatch):
    """What a test registers is forgotten after it."""
    monkeypatch.setattr(specification, "_REGISTRY", dict(specification._REGISTRY))


def steady(name="Steady", kind="purchases"):
    """A class of specifications, as a user would write it."""

    @dataclass(frozen=True, eq=False, repr=False)
    class Model(Parametric):
        rate: float = unknown()
        unit: str = "week"

        parameters = (Parameter("rate"),)

        def learn(self, rfm):
            raise NotImplementedError

    Model.__name__ = Model.__qualname__ = Model.name = name
    Model.kind = kind
    return Model


# --- registry --------------------------------------------------------------------------------------------------------


def test_the_models_of_the_package_are_registered_by_kind_in_their_order() -> None:
    assert list(registered("purchases")) == ["BGNBD", "MBGNBD", "NBD", "ParetoNBD"]
    assert registered("spend") == {"GammaGamma": GammaGamma}
    assert registered("purchases")["ParetoNBD"] is ParetoNBD


def test_a_registered_class_is_known_by_its_name() -> None:
    purchases, spend = steady(), steady("Once", "spend")
    assert register(purchases) is purchases
    assert register(spend) is spend
    assert list(registered("purchases").items())[-1] == ("Steady", purchases)
    assert registered("spend") == {"GammaGamma": GammaGamma, "Once": spend}
    assert from_recipe({"model": "Steady", "unit": "day"}).unit == "day"


def test_a_name_that_another_class_has_is_refused() -> None:
    with pytest.raises(SettingError) as error:
        register(steady("NBD"))
    assert str(error.value) == "A model named NBD is registered already, in clvmodels.models.nbd. Rename it."
    assert registered("purchases")["NBD"] is NBD


def test_the_same_class_defined_again_replaces_the_first() -> None:
    # As when a notebook's cell is executed twice, or a module is reloaded.
    first, second = steady(), steady()
    register(register(first))
    register(second)
    assert registered("purchases")["Steady"] is second
    assert as_specification(second).name == "Steady"


# --- from what users write -------------------------------------------------------------------------------------------


def test_a_class_stands_for_its_plain_specification() -> None:
    assert repr(as_specification(BGNBD)) == "BGNBD()"
    assert repr(as_specification(GammaGamma, "spend")) == "GammaGamma()"
    given = GammaGamma(of="all")
    assert as_specification(given) is given
    assert as_specification(given, "spend") is given


def test_a_model_of_the_other_kind_is_refused_with_an_example_of_the_right_one() -> None:
    with pytest.raises(SettingError) as error:
        as_specification(GammaGamma, "purchases", "purchases")
    assert str(error.value) == "Gamma-Gamma is a model of spend, and purchases must be one of purchases: clv.BGNBD."
    with pytest.raises(
        SettingError, match=r"^BG/NBD is a model of purchases, and spend must be .*: clv\.GammaGamma\.$"
    ):
        as_specification(BGNBD(), "spend", "spend")


@pytest.mark.parametrize("junk", [None, "BGNBD", 3.0, dict, object(), {"model": "BGNBD"}, [BGNBD]])
def test_what_is_no_specification_is_refused(junk) -> None:
    with pytest.raises(SettingError) as error:
        as_specification(junk, argument="model")
    assert str(error.value) == f"model = {junk!r} is not a model to fit. Pass one such as clv.BGNBD."


def test_a_class_that_is_not_registered_is_refused() -> None:
    unregistered = steady()
    with pytest.raises(SettingError, match="is not a model to fit"):
        as_specification(unregistered)
    assert as_specification(unregistered()).name == "Steady"  # a specification need not be


def test_a_specification_comes_back_from_its_recipe() -> None:
    for made in (BGNBD(), MBGNBD(), NBD(), ParetoNBD(), GammaGamma(), GammaGamma(of="all")):
        again = from_recipe(made.recipe())
        assert (type(again), repr(again)) == (type(made), repr(made))


def test_a_recipe_of_a_model_that_is_not_registered_names_those_that_are_and_the_remedy() -> None:
    with pytest.raises(SettingError) as error:
        from_recipe({"model": "Steady"})
    assert str(error.value) == (
        f"No model named Steady is registered; there are {', '.join(specification._REGISTRY)}. Import the module that "
        "defines it, with @clv.register before its class."
    )


@pytest.mark.parametrize("settings", [{"of": "all"}, {"k": 3}])
def test_a_recipe_with_settings_that_the_model_does_not_take_is_refused(settings) -> None:
    with pytest.raises(SettingError, match=re.escape(f"BGNBD does not take these settings: {settings}.")):
        from_recipe({"model": "BGNBD"} | settings)
    with pytest.raises(SettingError, match=r"of = 'first' is not known. Use one of: 'repeat', 'all'"):
        from_recipe({"model": "GammaGamma", "of": "first"})


@pytest.mark.parametrize(
    ("text", "recipe"),
    [
        ("BGNBD", {"model": "BGNBD"}),
        ("GammaGamma:of=all", {"model": "GammaGamma", "of": "all"}),
        (" GammaGamma : of = all ", {"model": "GammaGamma", "of": "all"}),
        ("Steady:unit=day,base=2", {"model": "Steady", "unit": "day", "base": "2"}),
        ("Steady:", {"model": "Steady"}),
    ],
)
def test_a_specification_is_written_as_its_name_and_its_settings(text, recipe) -> None:
    assert written_as(text) == recipe


# --- evidence --------------------------------------------------------------------------------------------------------


def test_evidence_in_the_unit_of_the_data() -> None:
    columns = {"x": np.array([1.0, 2.0]), "t_x": np.array([0.5, 1.0]), "T": np.array([2.0, 3.0])}
    everybody = np.arange(2)
    evidence = Evidence(columns, np.ones(2), everybody, everybody, measured=("t_x", "T"), scale=8.0, densities=3.0)
    found = evidence.in_unit()
    assert {name: column.tolist() for name, column in found.items()} == {"x": [1, 2], "t_x": [4, 8], "T": [16, 24]}
    assert evidence.log_jacobian == pytest.approx(-3 * math.log(8))


# --- derivatives -----------------------------------------------------------------------------------------------------

HISTORIES = np.array([(0, 0, 0), (0, 0, 39), (1, 2, 30), (1, 30, 30.5), (4, 12.5, 39), (40, 38, 39), (1000, 39, 39)]).T
SPEND = np.array([(1, 0.2), (2, 1), (3, 3), (30, 0.9), (500, 2)]).T
MODELS = [(BGNBD, HISTORIES), (MBGNBD, HISTORIES), (NBD, HISTORIES), (ParetoNBD, HISTORIES), (GammaGamma, SPEND)]

parameters = st.tuples(*[st.floats(-3.5, 3.5).map(math.exp)] * 4)


def rounding_of(model):
    """Entries of the Pareto/NBD's Hessians are differences of larger numbers."""
    return 1e-12 if model is ParetoNBD else 1e-14


def difference(function, theta, i, h=1e-3):
    """The derivative by theta[i], from five points: the error is of the order of h^4."""
    points = [1 - 2 * h, 1 - h, 1 + h, 1 + 2 * h]
    values = [function([*theta[:i], theta[i] * point, *theta[i + 1 :]]) for point in points]
    return np.tensordot([1, -8, 8, -1], np.array(values), 1) / (12 * h * theta[i])


@pytest.mark.parametrize(("model", "data"), MODELS)
@given(theta=parameters)
@settings(max_examples=50)
def test_score_and_hessian_are_those_of_the_log_likelihood(model, data, theta) -> None:
    theta = list(theta[: len(model.parameters)])
    exact = model(*theta).derivatives(*data)
    np.testing.assert_array_equal(exact.value, model(*theta).log_likelihood(*data))
    hessians = exact.hessians()
    np.testing.assert_allclose(hessians, hessians.swapaxes(0, 1), rtol=1e-12, atol=rounding_of(model))
    scale = np.array(theta)  # compare by the logarithms of the parameters, which is what fits use
    for i in range(len(theta)):
        score = difference(lambda value: model(*value).log_likelihood(*data), theta, i)
        np.testing.assert_allclose((exact.score[i] - score) * theta[i] / (1 + np.abs(exact.value)), 0, atol=1e-8)
        hessian = difference(lambda value: model(*value).derivatives(*data).score, theta, i)
        size = 1 + np.abs(exact.score * scale[:, None]).max(axis=0) + np.abs(exact.value)
        np.testing.assert_allclose((hessians[:, i] - hessian) * scale[:, None] * theta[i] / size, 0, atol=1e-8)


@pytest.mark.parametrize(("model", "data"), MODELS)
@given(theta=parameters)
@settings(max_examples=25)
def test_the_hessian_of_counts_is_the_sum_of_the_hessians_of_rows(model, data, theta) -> None:
    exact = model(*theta[: len(model.parameters)]).derivatives(*data)
    hessians, counts = exact.hessians(), np.arange(1.0, data.shape[1] + 1)
    assert hessians.shape == (len(model.parameters), len(model.parameters), data.shape[1])
    together = np.abs(hessians) @ counts
    surprise = (exact.hessian(counts) - hessians @ counts) / (together + 1e-300)
    np.testing.assert_allclose(surprise, 0, atol=100 * rounding_of(model))
    for row, one in enumerate(np.eye(len(counts))):
        np.testing.assert_allclose(exact.hessian(one), hessians[..., row], rtol=1e-12, atol=rounding_of(model))


@pytest.mark.parametrize(("model", "data"), MODELS)
@pytest.mark.parametrize("own", ["all", "first", "last"])
def test_derivatives_at_parameters_of_each_row_are_those_of_each_row_alone(model, data, own) -> None:
    rows, names = data.shape[1], [p.name for p in model.parameters]
    theta = np.exp(np.random.default_rng(1).standard_normal((len(names), rows)))
    with_own = {"all": names, "first": names[:1], "last": names[-1:]}[own]
    given = [values[None] if name in with_own else values[0] for name, values in zip(names, theta, strict=True)]
    found, counts = model(*given).derivatives(*data), np.arange(1.0, rows + 1)
    hessians, total = found.hessians(), np.zeros((len(names), len(names)))
    assert (found.value.shape, found.score.shape) == ((rows,), (len(names), rows))
    for row in range(rows):
        values = [np.ravel(value)[row if np.ndim(value) else 0] for value in given]
        alone = model(*values).derivatives(*data[:, row : row + 1])
        np.testing.assert_allclose(found.value[row], alone.value[0], rtol=1e-12)
        np.testing.assert_allclose(found.score[:, row], alone.score[:, 0], rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(hessians[..., row], alone.hessians()[..., 0], rtol=1e-10, atol=1e-12)
        total += counts[row] * alone.hessian(np.ones(1))
    np.testing.assert_allclose(found.hessian(counts), total, rtol=1e-10, atol=1e-12 * np.abs(total).max())


@pytest.mark.parametrize(("model", "data"), MODELS)
def test_derivatives_at_one_draw_are_those_at_its_numbers(model, data) -> None:
    theta = np.array([0.6, 8.0, 1.5, 2.5])[: len(model.parameters)]
    number, draw = model(*theta).derivatives(*data), model(*theta[:, None, None]).derivatives(*data)
    np.testing.assert_array_equal(draw.value, number.value)
    np.testing.assert_array_equal(draw.score, number.score)
    np.testing.assert_array_equal(draw.hessians(), number.hessians())
