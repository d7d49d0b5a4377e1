"""Student t proposals, against SciPy's."""

import numpy as np
import pytest
from scipy import stats

from clvmodels.inference.proposal import StudentT, along, mixture_density

CENTRE, SCATTER = np.array([1.0, -2.0]), np.array([[0.5, 0.3], [0.3, 0.9]])
FAR = StudentT(np.array([4.0, 0.0]), np.array([[2.0, -0.4], [-0.4, 0.3]]))


def exact(proposal):
    return stats.multivariate_t(proposal.centre, proposal.scatter, df=5)


def test_the_density_is_scipys_up_to_one_constant_for_all() -> None:
    phi = np.random.default_rng(0).normal(0, 4, (50, 2))
    near = StudentT(CENTRE, SCATTER)
    constants = [exact(one).logpdf(phi) - one.log_density(phi) for one in (near, FAR)]
    np.testing.assert_allclose(constants, constants[0][0], rtol=1e-12)


def test_a_mixture_weighs_each_proposal_by_its_draws() -> None:
    near, phi = StudentT(CENTRE, SCATTER), np.random.default_rng(1).normal(0, 4, (50, 2))
    constant = exact(near).logpdf(phi[0]) - near.log_density(phi[:1])
    mixed = np.log((2 * exact(near).pdf(phi) + exact(FAR).pdf(phi)) / 3)
    np.testing.assert_allclose(mixture_density([near, FAR], [1000, 500], phi) + constant, mixed, rtol=1e-10)


def test_draws_follow_the_density() -> None:
    proposal, n = StudentT(CENTRE, SCATTER), 40_000
    draws = proposal.draw(n, np.random.default_rng(2))
    # Squared distances from the centre, a parameter: F(2, 5); each parameter: a t with 5 degrees of freedom.
    step = draws - CENTRE
    distance = np.sum(step @ np.linalg.inv(SCATTER) * step, axis=1) / 2
    assert stats.kstest(distance, stats.f(2, 5).cdf).pvalue > 1e-3
    for i in range(2):
        assert stats.kstest(step[:, i] / np.sqrt(SCATTER[i, i]), stats.t(5).cdf).pvalue > 1e-3
    assert np.mean(step[:, 0] * step[:, 1]) == pytest.approx(SCATTER[0, 1] * 5 / 3, abs=0.03)


def test_pieces_follow_a_curved_ridge_better_than_one_distribution() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(0, 2, 4000)
    banana = np.column_stack([x, 0.5 * x**2 + rng.normal(0, 0.3, 4000)])
    weights = np.full(4000, 1 / 4000)
    (whole,), pieces = along(banana, weights, 1), along(banana, weights, 5)
    assert len(pieces) == 5
    np.testing.assert_allclose(whole.centre, banana.mean(axis=0))
    np.testing.assert_allclose(np.mean([piece.centre for piece in pieces], axis=0), whole.centre, atol=0.02)
    one, five = mixture_density([whole], [1], banana), mixture_density(pieces, [1] * 5, banana)
    assert np.mean(five - one) > 0.5


def test_a_proposal_about_weighted_candidates_has_their_mean_and_covariance() -> None:
    rng = np.random.default_rng(3)
    candidates, times = rng.normal(0, 2, (30, 3)), rng.integers(1, 6, 30)
    found = StudentT.about(candidates, times / times.sum())
    repeated = np.repeat(candidates, times, axis=0)
    np.testing.assert_allclose(found.centre, repeated.mean(axis=0))
    np.testing.assert_allclose(found.scatter, np.cov(repeated.T, bias=True))
