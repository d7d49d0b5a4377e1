"""Following the ridge of a posterior."""

import numpy as np
import pytest

from clvmodels.inference.fit import fit
from clvmodels.inference.methods import Laplace
from clvmodels.inference.mode import Mode
from clvmodels.inference.ridge import follow
from clvmodels.inference.space import Space
from clvmodels.models.pareto_nbd import ParetoNBD
from clvmodels.models.specification import Parameter


class Banana:
    """A curved ridge of known course: v = 0.15 u^2, of width 0.3; u is Normal(0, 2)."""

    def derivatives(self, phi):
        u, v = phi
        rest, bend = (v - 0.15 * u**2) / 0.09, 0.3 * u
        value = -(u**2) / 8 - 0.5 * rest**2 * 0.09
        gradient = np.array([-u / 4 + rest * bend, -rest])
        hessian = np.array([[-1 / 4 + 0.3 * rest - bend**2 / 0.09, bend / 0.09], [bend / 0.09, -1 / 0.09]])
        return value, gradient, hessian


def top(hill, phi):
    value, gradient, hessian = hill.derivatives(phi)
    return Mode(Space((Parameter("u"), Parameter("v")), 1.0), phi, value, gradient, -hessian, 0)


def test_places_lie_on_the_ridge_and_reach_where_it_is_low() -> None:
    first, *places = follow(Banana(), top(Banana(), np.zeros(2)))
    np.testing.assert_array_equal(first.proposal.centre, [0, 0])
    centres = np.array([place.proposal.centre for place in places])
    np.testing.assert_allclose(centres[:, 1], 0.15 * centres[:, 0] ** 2, atol=0.1)
    # A drop of 8 is 4 standard deviations of 2; places are 3 apart.
    np.testing.assert_allclose(np.sort(centres[:, 0]), [-6, -3, 3, 6], atol=0.3)
    mass = np.array([place.log_mass for place in places]) - first.log_mass
    np.testing.assert_allclose(mass, -(centres[:, 0] ** 2) / 8, atol=0.1)


def test_proposals_along_the_ridge_are_as_wide_as_it_is_and_as_long_as_a_step() -> None:
    for place in follow(Banana(), top(Banana(), np.zeros(2)))[1:]:
        scatter = place.proposal.scatter
        assert np.sqrt(scatter[0, 0]) == pytest.approx(3.0, rel=0.05)
        # across the axis of the mode, the width is 0.3 wherever the ridge is
        assert np.sqrt(scatter[1, 1] - scatter[0, 1] ** 2 / scatter[0, 0]) == pytest.approx(0.3, rel=0.02)


class Cliff:
    """A ridge at v = 0.05 u^2 from which the density falls off as the fourth power: Newton's steps overshoot."""

    def derivatives(self, phi):
        u, v = phi
        rest, run = v - 0.05 * u**2, -0.1 * u
        slope, bend = -4 * rest**3 - rest, -12 * rest**2 - 1
        gradient = np.array([-u / 4 + slope * run, slope])
        hessian = np.array([[-1 / 4 - 0.1 * slope + bend * run**2, bend * run], [bend * run, bend]])
        return -(u**2) / 8 - rest**4 - 0.5 * rest**2, gradient, hessian


def test_where_newton_overshoots_the_places_are_still_near_the_ridge() -> None:
    places = follow(Cliff(), top(Cliff(), np.zeros(2)))[1:]
    assert len(places) >= 2
    for place in places:
        u, v = place.proposal.centre
        assert abs(v - 0.05 * u**2) < 0.3


@pytest.mark.parametrize("seed", range(3))
def test_the_long_tail_of_pareto_nbd_on_cdnow_is_found_with_few_draws(seed, cdnow_rfm) -> None:
    # 40,000 draws, and long runs of NUTS, have the 95 % quantile of beta at 44 to 45.
    found = fit(ParetoNBD, cdnow_rfm, Laplace(), seed=seed)
    assert found.diagnostics["k_hat"] < 0.4
    assert np.quantile(found.draws.beta, 0.95) == pytest.approx(44.7, rel=0.15)
