"""Parameters: checked when a model is made, not known before it is fitted, selected by draw, moved between units."""

from dataclasses import dataclass

import numpy as np
import pytest

from clvmodels.data.histories import Histories
from clvmodels.errors import SettingError
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.gamma_gamma import GammaGamma
from clvmodels.models.mbg_nbd import MBGNBD
from clvmodels.models.nbd import NBD
from clvmodels.models.parametric import Parametric, unknown
from clvmodels.models.pareto_nbd import ParetoNBD
from clvmodels.models.specification import Parameter

SPECIFICATIONS = [BGNBD(), MBGNBD(), NBD(), ParetoNBD(), GammaGamma(), GammaGamma(of="all")]


@dataclass(frozen=True, eq=False, repr=False)
class Trend(Parametric):
    """Parameters with each support."""

    level: float = unknown()
    slope: float = unknown()
    share: float = unknown()
    steps: int = 3

    parameters = (
        Parameter("level", dimension="money"),
        Parameter("slope", support="real"),
        Parameter("share", support="unit"),
    )


# --- values ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("specification", SPECIFICATIONS, ids=repr)
@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf, [[1.0], [0.0]], [[np.nan]]])
def test_a_parameter_that_is_not_positive_and_finite_is_refused_by_name(specification, bad) -> None:
    for position, name in enumerate(specification.names()):
        values = [1.5] * len(specification.parameters)
        values[position] = np.array(bad) if isinstance(bad, list) else bad
        with pytest.raises(SettingError) as error:
            specification.model(tuple(values))
        assert str(error.value) == f"{type(specification).__name__}: every {name} must be a positive, finite number."


@pytest.mark.parametrize("specification", SPECIFICATIONS, ids=repr)
@pytest.mark.parametrize("shape", [(3,), (1,), (2, 3, 1)])
def test_a_parameter_in_one_or_three_dimensions_is_refused_by_name_and_shape(specification, shape) -> None:
    for position, name in enumerate(specification.names()):
        values = [1.5] * len(specification.parameters)
        values[position] = np.ones(shape)
        with pytest.raises(SettingError) as error:
            specification.model(tuple(values))
        assert f"{type(specification).__name__}: {name} has shape {shape}" in str(error.value)
        assert "(draws, 1) or (draws, groups)" in str(error.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"slope": np.inf}, "every slope must be a finite number"),
        ({"slope": np.array([[0.0], [np.nan]])}, "every slope must be a finite number"),
        ({"share": 0.0}, "every share must be a number between 0 and 1"),
        ({"share": 1.0}, "every share must be a number between 0 and 1"),
        ({"share": np.array([[0.5], [1.5]])}, "every share must be a number between 0 and 1"),
        ({"share": np.nan}, "every share must be a number between 0 and 1"),
        ({"level": 0.0}, "every level must be a positive, finite number"),
    ],
)
def test_what_is_allowed_follows_from_the_support(values, message) -> None:
    good = {"level": 2.0, "slope": -3.0, "share": 0.25}
    assert Trend(**good).values() == good
    assert Trend(**good | {"slope": 0.0}).slope == 0.0
    with pytest.raises(SettingError, match=f"^Trend: {message}.$"):
        Trend(**good | values)


def test_a_number_of_any_kind_becomes_a_float() -> None:
    model = NBD(np.float32(0.5), np.array(4))
    assert (type(model.r), type(model.alpha)) == (float, float)
    assert model.values() == {"r": 0.5, "alpha": 4.0}


def test_parameters_cannot_be_changed() -> None:
    with pytest.raises(AttributeError, match="cannot assign to field 'r'"):
        NBD(0.5, 4.0).r = 1.0


# --- specifications --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("specification", SPECIFICATIONS, ids=repr)
def test_parameters_that_are_not_known_yet_cannot_be_read(specification) -> None:
    name, example = type(specification).__name__, repr(specification)
    for parameter in specification.names():
        with pytest.raises(SettingError) as error:
            getattr(specification, parameter)
        given = ", ".join(f"{parameter}=..." for parameter in specification.names())
        assert str(error.value) == (
            f"{example} is a specification, whose parameters are not known yet: fit it, clv.fit({example}, rfm), or "
            f"give its parameters, {name}({given})."
        )
    with pytest.raises(SettingError, match="not known yet"):
        specification.values()
    with pytest.raises(SettingError, match="not known yet"):
        _ = specification.draws


def test_a_name_that_is_no_parameter_is_no_attribute() -> None:
    for model in (NBD(), NBD(0.5, 4.0)):
        with pytest.raises(AttributeError, match="'NBD' object has no attribute 'lambda_'"):
            _ = model.lambda_
    assert not hasattr(NBD, "r")


def test_some_parameters_without_the_others_are_refused() -> None:
    with pytest.raises(SettingError, match=r"^BGNBD has no alpha, b: give all parameters, or none\.$"):
        BGNBD(r=0.5, a=0.8)
    with pytest.raises(SettingError, match=r"^GammaGamma has no gamma: give all parameters, or none\.$"):
        GammaGamma(6.0, 4.0, of="all")


def test_a_specification_makes_models_with_its_settings_and_a_recipe_of_itself() -> None:
    model = GammaGamma(of="all").model((6.0, 4.0, 15.0))
    assert (model.values(), model.of) == ({"p": 6.0, "q": 4.0, "gamma": 15.0}, "all")
    assert model.model(np.array([5.0, 3.0, 10.0])).of == "all"
    assert model.recipe() == GammaGamma(of="all").recipe() == {"model": "GammaGamma", "of": "all"}
    assert Trend(steps=5).recipe() == {"model": "Trend", "steps": 5}
    assert BGNBD().recipe() == {"model": "BGNBD"}
    with pytest.raises(ValueError, match="zip"):
        GammaGamma().model((6.0, 4.0))


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (NBD(), "NBD()"),
        (GammaGamma(of="all"), "GammaGamma(of='all')"),
        (GammaGamma(), "GammaGamma()"),
        (NBD(0.123456789, 4), "NBD(r=0.123457, alpha=4)"),
        (NBD(np.array([[0.5]]), np.array([[4.0]])), "NBD(r=0.5, alpha=4)"),
        (GammaGamma(6, 4, 15, of="all"), "GammaGamma(p=6, q=4, gamma=15, of='all')"),
        (NBD(np.full((1000, 1), 0.5), 4.0), "NBD(r, alpha: 1,000 draws)"),
        (GammaGamma(np.ones((20, 1)), 4, 15, of="all"), "GammaGamma(p, q, gamma, of='all': 20 draws)"),
        (NBD(np.array([[0.5, 0.6]]), 4.0), "NBD(r, alpha=4)"),
        (Trend(2.0, -3.0, 0.25, steps=5), "Trend(level=2, slope=-3, share=0.25, steps=5)"),
    ],
)
def test_the_text_of_a_model_says_what_is_known(model, text) -> None:
    assert repr(model) == text


# --- draws, groups, units --------------------------------------------------------------------------------------------


def test_draws_are_counted_and_taken_by_position() -> None:
    model = BGNBD(np.arange(1.0, 6.0)[:, None], 4.0, np.arange(11.0, 16.0)[:, None], np.full((1, 1), 2.0))
    assert model.draws == 5
    assert BGNBD(1, 1, 1, 1).draws == 1
    model = BGNBD(model.r, model.alpha, model.a, 2.0)
    some = model.take(np.array([4, 0, 4]))
    assert (some.r.ravel().tolist(), some.alpha, some.a.ravel().tolist()) == ([5, 1, 5], 4.0, [15, 11, 15])
    assert model.take(slice(2)).draws == 2


def test_a_part_of_the_draws_keeps_the_settings() -> None:
    model = GammaGamma(np.array([[5.0], [6.0]]), 4.0, 15.0, of="all")
    for other in (model.take(slice(1)), model.rescaled(2.0), model.of_groups(None)):
        assert other.of == "all"


@pytest.mark.parametrize("specification", [*SPECIFICATIONS, Trend()], ids=repr)
def test_another_unit_changes_the_parameters_with_a_dimension_alone(specification) -> None:
    values = tuple(np.linspace(0.1, 0.9, len(specification.parameters)))
    before, after = specification.model(values).values(), specification.model(values).rescaled(7.0).values()
    with_dimension = [p.name for p in specification.parameters if p.dimension]
    assert after == before | {name: 7 * before[name] for name in with_dimension}
    expected = {GammaGamma: ["gamma"], ParetoNBD: ["alpha", "beta"], Trend: ["level"]}
    assert with_dimension == expected.get(type(specification), ["alpha"])


def test_groups_have_their_own_parameters() -> None:
    r, alpha = np.array([[0.2, 0.7], [0.3, 0.8], [0.4, 0.9]]), np.array([[4.0], [5.0], [6.0]])
    of_rows = NBD(r, alpha).of_groups(np.array([1, 0, 0, 1]))
    np.testing.assert_array_equal(of_rows.r, r[:, [1, 0, 0, 1]])
    np.testing.assert_array_equal(of_rows.alpha, alpha)
    assert NBD(r, alpha).draws == of_rows.draws == 3
    shared = NBD(0.5, alpha)
    assert shared.of_groups(None) is shared
    assert shared.of_groups(np.array([1, 0])) is shared
    with pytest.raises(SettingError) as error:
        NBD(r, alpha).of_groups(None)
    assert str(error.value) == (
        "NBD has parameters for several groups of customers, and it is not known to which group each of these belongs. "
        "Give histories their group=, or parameters of shape (draws, 1)."
    )


def test_parameters_of_their_own_for_each_customer_are_not_taken_for_those_of_equal_histories() -> None:
    # Two customers with one history and different parameters: nothing may be computed once for both.
    x, t_x, T = np.array([3.0, 3.0]), np.array([20.0, 20.0]), np.array([39.0, 39.0])
    histories, theta = Histories(x, t_x, T), np.array([[0.2, 0.7], [4.0, 9.0], [0.8, 1.5], [2.4, 5.0]])
    for specification in (BGNBD(), MBGNBD(), NBD(), ParetoNBD()):
        values = theta[: len(specification.parameters)]
        own, each = specification.model(values[:, None, :]), [specification.model(values[:, i]) for i in range(2)]
        for function, rtol in [
            (lambda model: model.log_likelihood(x, t_x, T), 1e-12),
            (lambda model: model.probability_alive(histories), 1e-12),
            (lambda model: model.future(histories).purchases(39.0), 1e-9),
        ]:
            expected = [np.broadcast_to(function(model), 2)[i] for i, model in enumerate(each)]
            np.testing.assert_allclose(function(own), [expected], rtol=rtol)
    spend = GammaGamma(*np.array([[6.0, 3.0], [4.0, 2.0], [15.0, 40.0]])[:, None, :])
    each = [GammaGamma(6, 4, 15).log_likelihood(x, T)[0], GammaGamma(3, 2, 40).log_likelihood(x, T)[1]]
    np.testing.assert_allclose(spend.log_likelihood(x, T), [each], rtol=1e-12)
