"""Parameters: checked when a model is made, selected by draw, moved between units."""

import re

import numpy as np
import pytest

from clvmodels.errors import SettingError
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.gamma_gamma import GammaGamma, GammaGammaAllPurchases
from clvmodels.models.mbg_nbd import MBGNBD
from clvmodels.models.nbd import NBD
from clvmodels.models.pareto_nbd import ParetoNBD

MODELS = [(BGNBD, 4), (MBGNBD, 4), (NBD, 2), (ParetoNBD, 4), (GammaGamma, 3), (GammaGammaAllPurchases, 3)]


@pytest.mark.parametrize(("model", "parameters"), MODELS)
@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf, [[1.0], [0.0]], [[np.nan]]])
def test_a_parameter_that_is_not_positive_and_finite_is_refused_by_name(model, parameters, bad) -> None:
    for position, name in enumerate(model.parameter_names()):
        values = [1.5] * parameters
        values[position] = np.array(bad) if isinstance(bad, list) else bad
        with pytest.raises(
            SettingError, match=rf"{re.escape(model.name)}: every {name} must be a positive, finite number"
        ):
            model(*values)


@pytest.mark.parametrize(("model", "parameters"), MODELS)
@pytest.mark.parametrize("shape", [(3,), (1,), (2, 3, 1)])
def test_a_parameter_in_one_or_three_dimensions_is_refused_by_name_and_shape(model, parameters, shape) -> None:
    for position, name in enumerate(model.parameter_names()):
        values = [1.5] * parameters
        values[position] = np.ones(shape)
        with pytest.raises(SettingError) as error:
            model(*values)
        assert f"{model.name}: {name} has shape {shape}" in str(error.value)
        assert "(draws, 1) or (draws, customers)" in str(error.value)


def test_a_number_of_any_kind_becomes_a_float() -> None:
    model = NBD(np.float32(0.5), np.array(4))
    assert (type(model.r), type(model.alpha)) == (float, float)
    assert model.parameters() == {"r": 0.5, "alpha": 4.0}


def test_parameters_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        NBD(0.5, 4.0).r = 1.0


def test_draws_are_counted_and_taken_by_position() -> None:
    model = BGNBD(np.arange(1.0, 6.0)[:, None], 4.0, np.arange(11.0, 16.0)[:, None], np.full((1, 1), 2.0))
    assert model.draws == 5
    assert BGNBD(1, 1, 1, 1).draws == 1
    model = BGNBD(model.r, model.alpha, model.a, 2.0)
    some = model.take(np.array([4, 0, 4]))
    assert (some.r.ravel().tolist(), some.alpha, some.a.ravel().tolist()) == ([5, 1, 5], 4.0, [15, 11, 15])
    assert model.take(slice(2)).draws == 2


@pytest.mark.parametrize(("model", "parameters"), MODELS)
def test_another_unit_changes_the_scaled_parameter_alone(model, parameters) -> None:
    before = model(*np.arange(1.0, parameters + 1)).parameters()
    after = model(*np.arange(1.0, parameters + 1)).rescaled(7.0).parameters()
    assert after == before | {scaled: 7 * before[scaled] for scaled in model.scaled}
    scaled = {GammaGamma: ("gamma",), GammaGammaAllPurchases: ("gamma",), ParetoNBD: ("alpha", "beta")}
    assert model.scaled == scaled.get(model, ("alpha",))


def test_parameters_of_their_own_for_each_customer_are_not_taken_for_those_of_equal_histories() -> None:
    # Two customers with one history and different parameters: nothing may be computed once for both.
    x, t_x, T = np.array([3.0, 3.0]), np.array([20.0, 20.0]), np.array([39.0, 39.0])
    theta = np.array([[0.2, 0.7], [4.0, 9.0], [0.8, 1.5], [2.4, 5.0]])
    for model in (BGNBD, MBGNBD, NBD):
        values = theta[: len(model.parameter_names())]
        own = model(*values[:, None, :])
        for name, arguments in [("log_likelihood", (x, t_x, T)), ("probability_alive", (x, t_x, T))]:
            each = [getattr(model(*values[:, i]), name)(*arguments)[i] for i in range(2)]
            np.testing.assert_allclose(getattr(own, name)(*arguments), [each], rtol=1e-12)
        expected = [model(*values[:, i]).purchases_if_alive(x, T, 39.0)[i] for i in range(2)]
        np.testing.assert_allclose(own.purchases_if_alive(x, T, 39.0), [expected], rtol=1e-9)
    spend = GammaGamma(*np.array([[6.0, 3.0], [4.0, 2.0], [15.0, 40.0]])[:, None, :])
    each = [GammaGamma(6, 4, 15).log_likelihood(x, T)[0], GammaGamma(3, 2, 40).log_likelihood(x, T)[1]]
    np.testing.assert_allclose(spend.log_likelihood(x, T), [each], rtol=1e-12)
