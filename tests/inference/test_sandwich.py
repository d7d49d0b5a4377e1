"""Standard errors that hold where the model does not; the bootstrap is their other witness (test_bootstrap.py)."""

import numpy as np
import pytest

from clvmodels.inference import sandwich as module
from clvmodels.inference.objective import Objective
from clvmodels.inference.peak import climb
from clvmodels.inference.sandwich import sandwich_covariance, score_rows
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.gamma_gamma import GammaGamma
from clvmodels.models.mbg_nbd import MBGNBD
from clvmodels.models.nbd import NBD
from clvmodels.models.pareto_nbd import ParetoNBD

MODELS = [BGNBD, MBGNBD, NBD, ParetoNBD, GammaGamma]


def at_peak(model, rfm):
    objective = Objective(model, model.evidence(rfm))
    return objective, climb(objective, np.log(model.start()))


def ratio(model, rfm):
    """Sandwich standard errors / those that trust the model, by parameter."""
    objective, peak = at_peak(model, rfm)
    relative = np.sqrt(np.diag(sandwich_covariance(objective, peak)) / np.diag(peak.covariance))
    return dict(zip(model.parameter_names(), relative, strict=True))


@pytest.mark.parametrize("model", [BGNBD, MBGNBD])
def test_cdnows_customers_are_not_quite_the_models(model, cdnow_rfm) -> None:
    assert 1.2 < ratio(model, cdnow_rfm)["alpha"] < 1.4


def test_of_a_base_that_the_model_made_both_agree(population) -> None:
    rfm = population(60_000, (0.5, 6.0, 0.8, 2.4), seed=11).rfm
    for model in (BGNBD, GammaGamma):
        np.testing.assert_allclose(list(ratio(model, rfm).values()), 1.0, atol=0.06)


@pytest.mark.parametrize("model", MODELS)
def test_the_unit_does_not_matter(model, cdnow_split) -> None:
    weeks, hours = (sandwich_covariance(*at_peak(model, cdnow_split[0].summarize(unit=u))) for u in ("week", "hour"))
    np.testing.assert_allclose(weeks, hours, rtol=1e-5)
    np.testing.assert_array_equal(weeks, weeks.T)


@pytest.mark.parametrize("model", MODELS)
def test_scores_are_the_slopes_of_each_row(model, cdnow_rfm) -> None:
    objective = Objective(model, model.evidence(cdnow_rfm))
    phi, h = np.log(model.start()) + 0.1, 1e-5
    score = score_rows(objective, phi)
    for i, step in enumerate(np.eye(len(phi)) * h):
        up, down = (objective.model(phi + way).log_likelihood(*objective.evidence.columns) for way in (step, -step))
        np.testing.assert_allclose((up - down) / (2 * h), score[i], rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(score @ objective.evidence.counts, objective.derivatives(phi)[1], rtol=1e-9)


def test_blocks_do_not_matter(cdnow_rfm, monkeypatch) -> None:
    objective, peak = at_peak(BGNBD, cdnow_rfm)
    whole = score_rows(objective, peak.phi)
    monkeypatch.setattr(module, "_BLOCK", 100)
    np.testing.assert_allclose(score_rows(objective, peak.phi), whole, rtol=1e-12)
