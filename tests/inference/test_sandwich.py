"""Standard errors that hold where the model does not; the bootstrap is their other witness (test_bootstrap.py)."""

from dataclasses import replace

import numpy as np
import pytest

from clvmodels.inference import objective as module
from clvmodels.inference.mode import find_mode
from clvmodels.inference.objective import Objective
from clvmodels.inference.sandwich import sandwich_covariance, score_rows
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.gamma_gamma import GammaGamma
from clvmodels.models.mbg_nbd import MBGNBD
from clvmodels.models.nbd import NBD
from clvmodels.models.pareto_nbd import ParetoNBD

MODELS = [BGNBD(), MBGNBD(), NBD(), ParetoNBD(), GammaGamma()]


def at_mode(specification, rfm):
    objective = Objective(specification, specification.learn(rfm))
    return objective, find_mode(objective, objective.space.phi(specification.start))


def ratio(specification, rfm):
    """Sandwich standard errors / those that trust the model, by parameter."""
    objective, mode = at_mode(specification, rfm)
    relative = np.sqrt(np.diag(sandwich_covariance(objective, mode)) / np.diag(mode.covariance))
    return dict(zip(specification.names(), relative, strict=True))


@pytest.mark.parametrize("specification", [BGNBD(), MBGNBD()], ids=repr)
def test_cdnows_customers_are_not_quite_the_models(specification, cdnow_rfm) -> None:
    assert 1.2 < ratio(specification, cdnow_rfm)["alpha"] < 1.4


def test_of_a_base_that_the_model_made_both_agree(population) -> None:
    rfm = population(60_000, (0.5, 6.0, 0.8, 2.4), seed=11).rfm
    for specification in (BGNBD(), GammaGamma()):
        np.testing.assert_allclose(list(ratio(specification, rfm).values()), 1.0, atol=0.06)


@pytest.mark.parametrize("specification", MODELS, ids=repr)
def test_the_unit_does_not_matter(specification, cdnow_split) -> None:
    weeks, hours = (
        sandwich_covariance(*at_mode(specification, cdnow_split[0].summarize(unit=unit))) for unit in ("week", "hour")
    )
    np.testing.assert_allclose(weeks, hours, rtol=1e-5)
    np.testing.assert_array_equal(weeks, weeks.T)


@pytest.mark.parametrize("specification", MODELS, ids=repr)
def test_scores_are_the_slopes_of_each_row(specification, cdnow_rfm) -> None:
    objective = Objective(specification, specification.learn(cdnow_rfm))
    phi, h = objective.space.phi(specification.start) + 0.1, 1e-5
    score = score_rows(objective, phi)
    for i, step in enumerate(np.eye(len(phi)) * h):
        up, down = (objective.model(phi + way).log_likelihood(**objective.evidence.columns) for way in (step, -step))
        np.testing.assert_allclose((up - down) / (2 * h), score[i], rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(score @ objective.evidence.counts, objective.derivatives(phi)[1], rtol=1e-9)


def test_blocks_do_not_matter(cdnow_rfm, monkeypatch) -> None:
    objective, mode = at_mode(BGNBD(), cdnow_rfm)
    whole = score_rows(objective, mode.phi)
    monkeypatch.setattr(module, "_ROWS", 100)
    np.testing.assert_allclose(score_rows(replace(objective), mode.phi), whole, rtol=1e-12)
