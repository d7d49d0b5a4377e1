"""The log-posterior in log parameters."""

import numpy as np
import pytest
from scipy import stats

from clvmodels.inference import objective as module
from clvmodels.inference.objective import Objective
from clvmodels.inference.prior import Gamma, LogNormal, Prior
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.gamma_gamma import GammaGamma
from clvmodels.models.mbg_nbd import MBGNBD
from clvmodels.models.nbd import NBD
from clvmodels.models.pareto_nbd import ParetoNBD

MODELS = [BGNBD(), MBGNBD(), NBD(), ParetoNBD(), GammaGamma()]


@pytest.mark.parametrize("prior", [None, Prior(), Prior({"r": Gamma(3.0, 0.5)}, LogNormal(2.0, 0.5), scale=3.0)])
@pytest.mark.parametrize("specification", MODELS, ids=repr)
def test_gradient_and_hessian_are_those_of_the_value(specification, prior, cdnow_rfm) -> None:
    if prior and "r" in prior.parameters and specification.kind == "spend":
        prior = Prior({"q": Gamma(3.0, 0.5)}, prior.others, prior.scale)
    objective = Objective(specification, specification.learn(cdnow_rfm), prior)
    start, h = objective.space.phi(specification.start), 1e-3
    phi = start + np.random.default_rng(0).normal(0, 0.3, len(start))
    value, gradient, hessian = objective.derivatives(phi)
    assert objective.value(phi[None])[0] == pytest.approx(value, abs=1e-8)
    alone, slope = objective.gradient(phi)
    assert alone == value
    np.testing.assert_array_equal(slope, gradient)
    for i, step in enumerate(np.eye(len(phi)) * h):
        points = phi + np.outer([-2, -1, 1, 2], step)
        weights = np.array([1, -8, 8, -1]) / (12 * h)
        assert weights @ objective.value(points) == pytest.approx(gradient[i], rel=1e-6, abs=1e-4)
        slopes = [objective.derivatives(point)[1] for point in points]
        np.testing.assert_allclose(weights @ np.array(slopes), hessian[i], rtol=1e-6, atol=1e-4)


def test_the_value_adds_customers_in_the_datas_own_scale_and_the_prior(cdnow_rfm) -> None:
    evidence, theta = BGNBD().learn(cdnow_rfm), np.array([0.25, 0.2, 0.8, 2.4])
    x, t_x, T = cdnow_rfm.frequency.astype(float), cdnow_rfm.recency / evidence.scale, cdnow_rfm.T / evidence.scale
    direct = BGNBD(*theta).log_likelihood(x, t_x, T).sum()
    assert Objective(BGNBD(), evidence).value(np.log(theta)[None])[0] == pytest.approx(direct, abs=1e-7)
    prior = stats.norm(0, 2.0).logpdf(np.log(theta)).sum()
    assert Objective(BGNBD(), evidence, Prior()).value(np.log(theta)[None])[0] == pytest.approx(direct + prior)


@pytest.mark.parametrize("specification", MODELS, ids=repr)
def test_blocks_do_not_matter(specification, cdnow_rfm, monkeypatch) -> None:
    objective = Objective(specification, specification.learn(cdnow_rfm), Prior())
    start = objective.space.phi(specification.start)
    phi = start + np.random.default_rng(1).normal(0, 0.2, (5, len(start)))
    value, (one, gradient, hessian) = objective.value(phi), objective.derivatives(phi[0])
    monkeypatch.setattr(module, "_ROWS", 100)
    monkeypatch.setattr(module, "_CELLS", 200)
    objective = Objective(specification, specification.learn(cdnow_rfm), Prior())
    np.testing.assert_allclose(objective.value(phi), value, rtol=1e-12)
    blocked = objective.derivatives(phi[0])
    assert blocked[0] == pytest.approx(one, rel=1e-12)
    np.testing.assert_allclose(blocked[1], gradient, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(blocked[2], hessian, rtol=1e-9, atol=1e-9)
