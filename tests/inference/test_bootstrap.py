"""The bootstrap over customers, against copies of customers and against the sandwich covariance."""

from dataclasses import replace

import numpy as np
import pytest

from clvmodels.errors import FitError, SettingError
from clvmodels.inference.bootstrap import Bootstrap, _resample
from clvmodels.inference.fit import fit
from clvmodels.inference.mode import find_mode
from clvmodels.inference.objective import Objective
from clvmodels.inference.sandwich import sandwich_covariance
from clvmodels.inference.verdict import Outcome
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.gamma_gamma import GammaGamma
from clvmodels.models.mbg_nbd import MBGNBD
from clvmodels.models.nbd import NBD
from clvmodels.models.pareto_nbd import ParetoNBD
from clvmodels.valuation.plan import Plan
from clvmodels.valuation.value import value


def at_mode(specification, rfm):
    objective = Objective(specification, specification.learn(rfm))
    return objective, find_mode(objective, objective.space.phi(specification.start))


def some(rfm, customers, seed):
    return rfm.take(np.random.default_rng(seed).permutation(len(rfm))[:customers])


@pytest.mark.parametrize("specification", [BGNBD(), MBGNBD(), NBD(), ParetoNBD(), GammaGamma()], ids=repr)
def test_a_replicate_is_the_mode_of_its_copied_customers(specification, cdnow_rfm) -> None:
    objective, mode = at_mode(specification, cdnow_rfm)
    evidence = objective.evidence
    inferred = Bootstrap(3).infer(objective, mode, np.random.default_rng(8))
    rng = np.random.default_rng(8)
    spread = np.sqrt(np.diag(sandwich_covariance(objective, mode)))
    for phi in inferred.phi:
        copies = _resample(evidence.counts, rng).astype(int)
        columns = {name: np.repeat(column, copies) for name, column in evidence.columns.items()}
        copied = replace(evidence, columns=columns, counts=np.ones(copies.sum()))
        searched = find_mode(Objective(specification, copied), objective.space.phi(specification.start))
        assert searched.reached
        assert (np.abs(searched.phi - phi) < 1e-3 * spread).all()


@pytest.mark.parametrize(
    ("specification", "tolerance"),
    [(BGNBD(), 0.1), (MBGNBD(), 0.12), (NBD(), 0.1), (GammaGamma(), 0.2), (GammaGamma(of="all"), 0.2)],
    ids=repr,
)
def test_its_covariance_is_the_sandwich(specification, tolerance, cdnow_rfm) -> None:
    objective, mode = at_mode(specification, cdnow_rfm)
    expected = sandwich_covariance(objective, mode)
    phi = Bootstrap(1000).infer(objective, mode, np.random.default_rng(1)).phi
    found, spread = np.cov(phi.T), np.sqrt(np.diag(expected))
    np.testing.assert_allclose(np.sqrt(np.diag(found)), spread, rtol=tolerance)
    np.testing.assert_allclose(np.corrcoef(phi.T), expected / np.outer(spread, spread), atol=0.08)
    assert (np.abs(phi.mean(axis=0) - mode.phi) < 0.35 * spread).all()  # a small sample's estimates are a little biased


@pytest.mark.parametrize("counts", [np.array([5.0, 1.0, 14.0, 0.0]), np.ones(20)])
def test_customers_are_drawn_with_replacement(counts) -> None:
    rng = np.random.default_rng(2)
    drawn = np.array([_resample(counts, rng) for _ in range(4000)])
    share = counts / counts.sum()
    assert (drawn.sum(axis=1) == counts.sum()).all()
    np.testing.assert_allclose(drawn.mean(axis=0), counts, atol=0.15)
    np.testing.assert_allclose(drawn.var(axis=0), counts * (1 - share), rtol=0.12)


def test_draws_follow_from_the_seed_and_not_from_the_unit(cdnow_split) -> None:
    weeks, days = (cdnow_split[0].summarize(unit=unit) for unit in ("week", "day"))
    first, again, other = (fit(BGNBD, weeks, Bootstrap(20), seed=seed).draws for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.alpha, again.alpha)
    assert not np.isclose(first.alpha, other.alpha).any()
    in_days = fit(BGNBD, days, Bootstrap(20), seed=3).draws
    np.testing.assert_allclose(in_days.alpha, 7 * first.alpha, rtol=1e-4)
    np.testing.assert_allclose(in_days.r, first.r, rtol=1e-4)


def test_values_have_intervals(cdnow_rfm) -> None:
    purchases, spend = (fit(model, cdnow_rfm, Bootstrap(40)) for model in (BGNBD, GammaGamma))
    low, high = (
        value(purchases, spend, some(cdnow_rfm, 200, seed=5), Plan(horizon="1 year")).total().expected_interval(0.9)
    )
    assert 0 < low < high


def test_a_fit_says_what_it_is(cdnow_rfm) -> None:
    found = fit(NBD, cdnow_rfm, Bootstrap(20))
    assert found.method == Bootstrap(replicates=20)
    assert found.draws_of == "sampling distribution"
    assert found.prior == {}
    assert found.verdict.ok
    assert found.diagnostics["replicates_failed"] == 0
    assert found.draws.r.shape == (20, 1)


def test_few_replicates_without_an_estimate_are_drawn_anew_and_counted(cdnow_rfm) -> None:
    found = fit(GammaGamma, some(cdnow_rfm, 1000, seed=2), Bootstrap(200))
    assert found.verdict.ok
    assert found.diagnostics["replicates_failed"] > 0
    assert "drawn anew" in str(found.verdict)
    assert found.draws.draws == 200


def test_many_replicates_without_an_estimate_are_a_bad_verdict_with_a_remedy(cdnow_rfm) -> None:
    found = fit(BGNBD, some(cdnow_rfm, 120, seed=0), Bootstrap(200))
    assert found.estimate.r > 0
    assert found.verdict.outcome is Outcome.UNSTABLE
    assert found.diagnostics["replicates_failed"] == 5
    with pytest.raises(FitError, match=r"Laplace\(\)"):
        _ = found.draws


@pytest.mark.parametrize("replicates", [0, -1, 2.5])
def test_a_number_of_replicates_is_a_whole_number(replicates) -> None:
    with pytest.raises(SettingError, match=f"replicates={replicates} is not"):
        Bootstrap(replicates)
