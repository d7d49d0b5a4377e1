"""The prior."""

import numpy as np
import pytest
from scipy import stats

from clvmodels.inference.fit import fit
from clvmodels.inference.methods import Laplace
from clvmodels.inference.prior import LogNormal
from clvmodels.models.bg_nbd import BGNBD


@pytest.mark.parametrize("spread", [0.5, 2.0])
def test_it_is_a_product_of_normals_in_the_logarithms(spread) -> None:
    prior, phi = LogNormal(spread), np.random.default_rng(0).normal(0, 3, (7, 4))
    np.testing.assert_allclose(prior.log_density(phi), stats.norm(0, spread).logpdf(phi).sum(axis=1), rtol=1e-12)
    np.testing.assert_allclose(prior.gradient(phi), -phi / spread**2)
    np.testing.assert_allclose(prior.precision(4), np.full(4, spread**-2))
    assert f"spread {spread:g}" in str(prior)


def test_it_hardly_moves_cdnow(cdnow_purchases, cdnow_rfm) -> None:
    flat = fit(BGNBD, cdnow_rfm, Laplace(draws=4000, prior=LogNormal(50.0))).draws
    usual = fit(BGNBD, cdnow_rfm, Laplace(draws=4000)).draws
    for name, error in cdnow_purchases.standard_errors.items():
        log_error = error / getattr(cdnow_purchases.model, name)
        moved = np.median(np.log(getattr(usual, name))) - np.median(np.log(getattr(flat, name)))
        assert abs(moved) < 0.2 * log_error


def test_a_strong_prior_draws_towards_the_datas_own_scale(cdnow_rfm) -> None:
    scale = cdnow_rfm.T.sum() / cdnow_rfm.frequency.sum()
    strong = fit(BGNBD, cdnow_rfm, Laplace(prior=LogNormal(0.002))).draws
    for name, centre in {"r": 1, "alpha": scale, "a": 1, "b": 1}.items():
        assert np.median(getattr(strong, name)) == pytest.approx(centre, rel=0.02)
