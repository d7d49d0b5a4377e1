"""The space of the search: there and back, derivatives through it, and where it ends."""

import numpy as np
import pytest
from scipy.special import expit

from clvmodels.inference.space import Space
from clvmodels.models.specification import Parameter

SPACE = Space(
    (
        Parameter("r"),
        Parameter("alpha", dimension="time"),
        Parameter("slope", support="real"),
        Parameter("lag", support="real", dimension="time"),
        Parameter("share", support="unit"),
    ),
    4.0,
)
PHI = np.array([-0.7, 1.2, 0.9, -2.5, 0.4])


def test_phi_is_a_logarithm_the_parameter_itself_or_log_odds() -> None:
    theta = np.array([0.2, 3.0, -1.5, 2.5, 0.9])
    np.testing.assert_allclose(SPACE.phi(theta), [np.log(0.2), np.log(3.0), -1.5, 2.5, np.log(9.0)], rtol=1e-14)
    np.testing.assert_allclose(SPACE.theta(PHI), [*np.exp([-0.7, 1.2]), 0.9, -2.5, expit(0.4)], rtol=1e-14)


@pytest.mark.parametrize("theta", [[1e-9, 2e5, -3e4, 0.0, 1e-9], [0.3, 4.0, 5.0, -0.1, 0.999]])
def test_parameters_come_back(theta) -> None:
    np.testing.assert_allclose(SPACE.theta(SPACE.phi(theta)), theta, rtol=1e-12)
    np.testing.assert_allclose(SPACE.phi(tuple(theta)), SPACE.phi(np.array(theta)), rtol=0)


def test_draws_are_columns_of_each_parameter() -> None:
    draws = PHI + np.random.default_rng(0).normal(size=(7, 5))
    theta = SPACE.theta(draws)
    assert theta.shape == (5, 7, 1)
    for i, one in enumerate(draws):
        np.testing.assert_allclose(theta[:, i, 0], SPACE.theta(one), rtol=1e-14)
    np.testing.assert_allclose(SPACE.phi(theta[..., 0].T), draws, rtol=1e-12)


@pytest.mark.parametrize("support", ["positive", "real", "unit"])
def test_parameters_of_one_support_are_each_as_among_others(support) -> None:
    alike, mixed = (
        Space((Parameter("a", support), Parameter("b", support), *more), 1.0) for more in ((), SPACE.parameters)
    )
    for phi in (PHI[:2], np.random.default_rng(1).normal(size=(7, 2))):
        among = np.concatenate([phi, np.broadcast_to(PHI, (*phi.shape[:-1], 5))], axis=-1)
        np.testing.assert_allclose(alike.theta(phi), mixed.theta(among)[:2], rtol=1e-14)
    gradient, hessian = mixed.chain(among[0], np.r_[PHI[:2], PHI], np.eye(7))
    own = alike.chain(phi[0], PHI[:2], np.eye(2))
    np.testing.assert_allclose(own[0], gradient[:2], rtol=1e-14)
    np.testing.assert_allclose(own[1], hessian[:2, :2], rtol=1e-14)


def test_what_has_a_dimension_is_a_multiple_of_the_scale() -> None:
    np.testing.assert_array_equal(SPACE.units, [1, 4, 1, 4, 1])


def test_a_share_is_never_rounded_to_0_or_1() -> None:
    share = Space((Parameter("share", support="unit"),), 1.0)
    for phi in (40.0, -800.0):
        theta = share.theta(np.array([phi]))
        assert 0 < theta[0] < 1
        assert np.isfinite(share.phi(theta)[0])
        assert np.isfinite(share.chain(np.array([phi]), np.ones(1), np.eye(1))[1]).all()


CENTRE = np.array([0.5, 2.0, 0.3, -1.0, 0.4])
MIX = np.random.default_rng(3).normal(size=(5, 5))


def of_theta(theta):
    """A function of the parameters with its gradient and Hessian, none of which vanish."""
    step = theta - CENTRE
    gradient = np.cos(MIX @ step) @ MIX
    return np.sin(MIX @ step).sum(), gradient, -MIX.T @ (np.sin(MIX @ step)[:, None] * MIX)


def test_the_chain_rule_gives_the_derivatives_by_phi() -> None:
    def gradient_at(phi):
        _, gradient, hessian = of_theta(SPACE.theta(phi))
        return SPACE.chain(phi, gradient, hessian)[0]

    steps, h = np.eye(5) * 1e-5, 1e-5
    _, gradient, hessian = of_theta(SPACE.theta(PHI))
    first, second = SPACE.chain(PHI, gradient, hessian)
    slopes = [(of_theta(SPACE.theta(PHI + s))[0] - of_theta(SPACE.theta(PHI - s))[0]) / (2 * h) for s in steps]
    np.testing.assert_allclose(first, slopes, rtol=1e-7, atol=1e-8)
    bends = [(gradient_at(PHI + s) - gradient_at(PHI - s)) / (2 * h) for s in steps]
    np.testing.assert_allclose(second, bends, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(SPACE.first(PHI) * gradient, first, rtol=1e-14)


@pytest.mark.parametrize(
    ("phi", "near", "at_border"),
    [
        ([0.0, 0.0, 0.0, 0.0, 0.0], True, False),
        ([24.9, -24.9, 0.0, 0.0, 24.9], True, False),
        ([25.1, 0.0, 0.0, 0.0, 0.0], True, True),
        ([0.0, -25.1, 0.0, 0.0, 0.0], True, True),
        ([0.0, 0.0, 0.0, 0.0, -25.1], True, True),
        ([30.1, 0.0, 0.0, 0.0, 0.0], False, True),
        ([0.0, 0.0, 0.0, 0.0, 30.1], False, True),
        ([0.0, 0.0, 1e6, -1e6, 0.0], True, False),
        ([np.nan, 0.0, 0.0, 0.0, 0.0], False, False),
        ([0.0, 0.0, np.nan, 0.0, 0.0], False, False),
        ([0.0, 0.0, np.inf, 0.0, 0.0], False, False),
    ],
)
def test_only_real_parameters_go_far(phi, near, at_border) -> None:
    assert SPACE.near(np.array(phi)) == near
    assert SPACE.at_border(np.array(phi)) == at_border


def test_draws_are_near_one_by_one() -> None:
    draws = np.tile(PHI, (3, 1))
    draws[1, 0], draws[2, 3] = 40.0, np.nan
    np.testing.assert_array_equal(SPACE.near(draws), [True, False, False])
