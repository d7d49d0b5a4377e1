"""Round coordinates of curved posteriors."""

from dataclasses import replace

import numpy as np
import pytest

from clvmodels.inference.coordinates import Coordinates
from clvmodels.inference.methods import Laplace
from clvmodels.inference.mode import find_mode
from clvmodels.inference.objective import Objective
from clvmodels.inference.prior import Prior
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.gamma_gamma import GammaGamma
from clvmodels.models.pareto_nbd import ParetoNBD


class Banana:
    """Log-density of (u, f(u) + noise of a width that grows with u): the map that makes it round is known."""

    def gradient(self, phi):
        u, v = phi
        width = 0.3 * np.exp(0.2 * u)
        rest = (v - 0.15 * u**2) / width
        value = -0.5 * (u / 2) ** 2 - 0.5 * rest**2 - np.log(width)
        by_u = -u / 4 + rest * (0.3 * u / width + 0.2 * rest) - 0.2
        return value, np.array([by_u, -rest / width])


def banana(n, seed=0):
    rng = np.random.default_rng(seed)
    u = rng.normal(0, 2, n)
    return np.column_stack([u, 0.15 * u**2 + 0.3 * np.exp(0.2 * u) * rng.normal(size=n)])


def slopes(coordinates, x, h=1e-6):
    steps = np.eye(len(x)) * h
    return [(coordinates.gradient(x + d)[0] - coordinates.gradient(x - d)[0]) / (2 * h) for d in steps]


@pytest.mark.parametrize("x", [[0.0, 0.0], [0.7, -1.2], [-2.0, 0.5], [6.0, 1.0], [-7.0, -2.0]])
def test_the_gradient_is_that_of_the_density_of_the_coordinates(x) -> None:
    coordinates = Coordinates.about(banana(4000), Banana())
    np.testing.assert_allclose(
        coordinates.gradient(np.array(x))[1], slopes(coordinates, np.array(x)), rtol=2e-5, atol=1e-5
    )


def test_the_density_is_that_of_phi_times_the_jacobian() -> None:
    coordinates, x, h = Coordinates.about(banana(4000), Banana()), np.array([0.8, -0.5]), 1e-6
    jacobian = np.column_stack([(coordinates.phi(x + d) - coordinates.phi(x - d)) / (2 * h) for d in np.eye(2) * h])
    _, of_all = np.linalg.slogdet(jacobian)
    _, of_factor = np.linalg.slogdet(coordinates.factor)  # a constant that is left out
    value = Banana().gradient(coordinates.phi(x))[0] + of_all - of_factor
    assert coordinates.gradient(x)[0] == pytest.approx(value, rel=1e-7)


def test_a_banana_becomes_round() -> None:
    coordinates = Coordinates.about(banana(20_000), Banana())
    x = np.random.default_rng(1).normal(size=(20_000, 2))
    found, wanted = coordinates.phi(x), banana(20_000, seed=2)
    for quantile in (0.1, 0.5, 0.9):
        np.testing.assert_allclose(
            np.quantile(found, quantile, axis=0), np.quantile(wanted, quantile, axis=0), atol=0.35
        )


@pytest.mark.parametrize("specification", [BGNBD(), ParetoNBD(), GammaGamma()], ids=repr)
def test_a_posterior_is_nearly_round_in_them(specification, cdnow_rfm) -> None:
    likelihood = Objective(specification, specification.learn(cdnow_rfm))
    start = likelihood.space.phi(specification.start)
    draws = Laplace(draws=2000).infer(likelihood, find_mode(likelihood, start), np.random.default_rng(0)).phi
    coordinates = Coordinates.about(draws, replace(likelihood, prior=Prior()))
    rng = np.random.default_rng(1)
    x = 0.7 * rng.normal(size=(40, len(start)))
    np.testing.assert_allclose(coordinates.gradient(x[0])[1], slopes(coordinates, x[0]), rtol=1e-4, atol=1e-3)
    # Of a standard normal density the gradient is -x.
    found = np.array([coordinates.gradient(one)[1] for one in x])
    assert np.median(np.abs(found + x)) < 0.3
