"""Draws of the posterior, against posteriors that are computed another way."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import betaln, gammaln

from clvmodels.errors import SettingError
from clvmodels.inference import methods
from clvmodels.inference.fit import fit
from clvmodels.inference.methods import TRUSTED_K, Laplace, MaximumLikelihood, _judge, _systematic
from clvmodels.inference.nuts import NUTS
from clvmodels.inference.prior import LogNormal, Prior
from clvmodels.inference.verdict import Outcome
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.gamma_gamma import GammaGamma
from clvmodels.models.mbg_nbd import MBGNBD
from clvmodels.models.nbd import NBD
from clvmodels.models.pareto_nbd import ParetoNBD


def logs(model):
    return np.log(np.column_stack([np.ravel(value) for value in model.values().values()]))


def test_laplace_draws_of_nbd_are_those_of_a_grid(cdnow_rfm) -> None:
    x, T = cdnow_rfm.frequency, cdnow_rfm.T
    scale = T.sum() / x.sum()
    (pairs, counts) = np.unique(np.stack([x, T]), axis=1, return_counts=True)
    r, alpha = np.meshgrid(np.exp(np.linspace(-1.25, -0.65, 61)), np.exp(np.linspace(2.1, 2.9, 61)), indexing="ij")
    like = stats.nbinom.logpmf(pairs[0], r[..., None], alpha[..., None] / (alpha[..., None] + pairs[1])) @ counts
    grid = like + stats.norm(0, 2).logpdf(np.log(r)) + stats.norm(0, 2).logpdf(np.log(alpha / scale))
    weights = np.exp(grid - grid.max())
    weights /= weights.sum()

    draws = logs(fit(NBD, cdnow_rfm, Laplace(draws=20_000)).draws)
    for values, log_grid in zip(draws.T, (np.log(r), np.log(alpha)), strict=True):
        mean = np.sum(weights * log_grid)
        sd = np.sqrt(np.sum(weights * (log_grid - mean) ** 2))
        assert values.mean() == pytest.approx(mean, abs=0.04 * sd)
        assert values.std() == pytest.approx(sd, rel=0.03)
    centred = [log_grid - np.sum(weights * log_grid) for log_grid in (np.log(r), np.log(alpha))]
    covariance = np.sum(weights * centred[0] * centred[1])
    assert np.cov(draws.T)[0, 1] == pytest.approx(covariance, rel=0.06)


def bg_nbd_by_the_paper(log_theta, x, t_x, T, counts):
    """Fader, Hardie & Lee (2005), figure 1: ln A1 + ln A2 + ln(exp A3 + [x > 0] exp A4), for many parameters."""
    r, alpha, a, b = (np.exp(value)[:, None] for value in log_theta.T)
    a1 = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    a2 = gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
    a3 = -(r + x) * np.log(alpha + T)
    a4 = np.where(x > 0, np.log(a) - np.log(b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + t_x), -np.inf)
    return (a1 + a2 + np.logaddexp(a3, a4)) @ counts


def gamma_gamma_by_hand(log_theta, x, m):
    p, q, gamma = (np.exp(value)[:, None] for value in log_theta.T)
    terms = -betaln(p * x, q) + q * np.log(gamma) + (p * x - 1) * np.log(m)
    return (terms + p * x * np.log(x) - (p * x + q) * np.log(gamma + x * m)).sum(axis=1)


def metropolis(log_posterior, start, covariance, steps, rng):
    """Random-walk Metropolis, many chains at once; the second half of each."""
    factor = 2.38 / np.sqrt(start.shape[1]) * np.linalg.cholesky(covariance)
    now, height, kept = start, log_posterior(start), []
    for step in range(steps):
        proposal = now + rng.standard_normal(now.shape) @ factor.T
        new = log_posterior(proposal)
        accept = np.log(rng.random(len(new))) < new - height
        now, height = np.where(accept[:, None], proposal, now), np.where(accept, new, height)
        if step >= steps // 2:
            kept.append(now)
    return np.array(kept)


def agree(draws, chains):
    """Means and spreads within the Monte-Carlo error of the chains (from their number), and of the draws."""
    means = chains.mean(axis=0)
    error = np.hypot(means.std(axis=0) / np.sqrt(len(means)), draws.std(axis=0) / np.sqrt(0.7 * len(draws)))
    assert (np.abs(draws.mean(axis=0) - means.mean(axis=0)) < 4 * error).all()
    flat = chains.reshape(-1, chains.shape[2])
    np.testing.assert_allclose(draws.std(axis=0), flat.std(axis=0), rtol=0.05)
    for probability in (0.05, 0.95):
        gap = np.quantile(draws, probability, axis=0) - np.quantile(flat, probability, axis=0)
        assert (np.abs(gap) < 0.1 * flat.std(axis=0)).all()


@pytest.mark.long
def test_laplace_draws_of_bg_nbd_are_those_of_a_markov_chain(cdnow_rfm) -> None:
    data, counts = np.unique(
        np.stack([cdnow_rfm.frequency, cdnow_rfm.recency, cdnow_rfm.T]), axis=1, return_counts=True
    )
    centre = np.log([1, cdnow_rfm.T.sum() / cdnow_rfm.frequency.sum(), 1, 1])  # the prior's medians

    def log_posterior(phi):
        return bg_nbd_by_the_paper(phi, *data, counts) + stats.norm(centre, 2).logpdf(phi).sum(axis=1)

    draws = logs(fit(BGNBD, cdnow_rfm, Laplace(draws=10_000)).draws)
    rng = np.random.default_rng(3)
    start = draws.mean(axis=0) + 0.5 * draws.std(axis=0) * rng.standard_normal((64, 4))
    agree(draws, metropolis(log_posterior, start, np.cov(draws.T), 2000, rng))


@pytest.mark.long
def test_laplace_draws_of_gamma_gamma_are_those_of_a_markov_chain(cdnow_rfm) -> None:
    some = cdnow_rfm.frequency > 0
    x, m = cdnow_rfm.frequency[some].astype(float), cdnow_rfm.money[some]
    x, m = x[m > 0], m[m > 0]
    centre = np.log([1, 1, np.median(m)])

    def log_posterior(phi):
        return gamma_gamma_by_hand(phi, x, m) + stats.norm(centre, 2).logpdf(phi).sum(axis=1)

    draws = logs(fit(GammaGamma, cdnow_rfm, Laplace(draws=10_000)).draws)
    rng = np.random.default_rng(4)
    start = draws.mean(axis=0) + 0.5 * draws.std(axis=0) * rng.standard_normal((64, 3))
    agree(draws, metropolis(log_posterior, start, np.cov(draws.T), 2000, rng))


@pytest.mark.parametrize("model", [BGNBD, MBGNBD, NBD, ParetoNBD, GammaGamma])
def test_the_approximation_can_be_trusted_on_cdnow(model, cdnow_rfm) -> None:
    for seed in range(5):
        found = fit(model, cdnow_rfm, seed=seed)
        assert found.verdict.outcome is Outcome.CONVERGED
        assert found.diagnostics["k_hat"] < TRUSTED_K
        assert 500 < found.diagnostics["ess"] <= 1000 * found.diagnostics["rounds"]


def test_a_bad_k_hat_is_a_bad_verdict_that_names_the_remedy() -> None:
    assert _judge(0.70).ok
    bad = _judge(0.71)
    assert bad.outcome is Outcome.POOR_APPROXIMATION
    assert "k-hat is 0.71" in bad.detail
    assert "more customers or a longer log" in bad.detail
    assert not _judge(np.inf).ok
    assert not _judge(np.nan).ok


def test_where_it_cannot_be_trusted_another_method_takes_over_with_the_same_prior(monkeypatch, cdnow_rfm) -> None:
    monkeypatch.setattr(methods, "TRUSTED_K", -9.0)
    narrow = Prior(others=LogNormal(spread=0.05))
    assert fit(NBD, cdnow_rfm, Laplace(prior=narrow)).verdict.outcome is Outcome.POOR_APPROXIMATION
    method = Laplace(draws=40, prior=narrow, otherwise=NUTS(chains=2))
    found = fit(NBD, cdnow_rfm, method)
    assert found.verdict.ok
    assert found.method is method
    assert found.draws_of == "posterior"
    assert found.draws.draws == 40
    assert found.diagnostics["chains"] == 2
    assert found.diagnostics["laplace_k_hat"] < 0.7
    assert np.median(found.draws.r) == pytest.approx(1, abs=0.4)  # drawn towards the prior
    monkeypatch.setattr(methods, "TRUSTED_K", 0.7)
    assert "chains" not in fit(NBD, cdnow_rfm, Laplace(otherwise=NUTS())).diagnostics
    with pytest.raises(SettingError, match="3 chains cannot give 40 draws"):
        Laplace(draws=40, otherwise=NUTS(chains=3, draws=999))


def test_resampling_gives_each_candidate_its_weight_to_the_next_whole_number() -> None:
    rng = np.random.default_rng(0)
    weights = rng.dirichlet(np.full(50, 0.3))
    for draws in (1, 7, 1000):
        times = np.bincount(_systematic(weights, draws, rng), minlength=50)
        assert times.sum() == draws
        assert (np.abs(times - draws * weights) < 1 + 1e-9).all()


def test_resampling_survives_weights_that_sum_to_less_than_one_by_rounding() -> None:
    class Late:
        def random(self):
            return 1 - 2**-53

    weights = np.full(3, 1 / 3) * (1 - 1e-12)
    assert _systematic(weights, 10, Late()).max() == 2


@pytest.mark.parametrize("draws", [1, 10, 333])
def test_as_many_draws_as_asked_for_each_parameter_a_column(draws, cdnow_rfm) -> None:
    found = fit(BGNBD, cdnow_rfm, Laplace(draws=draws)).draws
    assert {value.shape for value in found.values().values()} == {(draws, 1)}


@pytest.mark.parametrize("draws", [0, -3])
def test_no_draws_are_refused(draws) -> None:
    with pytest.raises(SettingError, match=f"draws={draws} is not"):
        Laplace(draws=draws)


def test_maximum_likelihood_has_no_draws(cdnow_rfm) -> None:
    found = fit(BGNBD, cdnow_rfm, MaximumLikelihood())
    assert found.sample is None
    assert found.draws_of is None
    with pytest.raises(SettingError, match=r"MaximumLikelihood\(\) gives a point without draws.*Laplace\(\)"):
        _ = found.draws
