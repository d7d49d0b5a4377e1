"""What ArviZ reads, and how well chains agree."""

import json
from dataclasses import replace

import numpy as np
import pytest

from clvmodels.errors import SettingError
from clvmodels.inference import arviz_io as module
from clvmodels.inference.arviz_io import Mixing, load
from clvmodels.inference.fit import fit
from clvmodels.inference.methods import Laplace, MaximumLikelihood
from clvmodels.inference.nuts import NUTS
from clvmodels.inference.verdict import Outcome
from clvmodels.models.gamma_gamma import GammaGamma
from clvmodels.models.nbd import NBD


@pytest.fixture(scope="module")
def chained(cdnow_rfm):
    return fit(NBD, cdnow_rfm, NUTS(draws=200, chains=4, tune=50), seed=5)


def test_arviz_gets_the_chains_as_they_ran_and_who_made_them(chained) -> None:
    tree = chained.to_arviz()
    assert dict(tree.posterior.sizes) == {"chain": 4, "draw": 50}
    np.testing.assert_array_equal(tree.posterior["r"].to_numpy()[2], np.ravel(chained.sample.r)[2::4])
    for attrs in (tree.attrs, tree.posterior.attrs):
        assert attrs["model"] == "NBD"
        assert attrs["seed"] == 5
        assert attrs["unit"] == "week"
        assert attrs["method"] == "NUTS(draws=200, tune=50)"
        assert attrs["draws_of"] == "posterior"
        assert json.loads(attrs["versions"])["arviz"]


def test_arviz_gets_the_log_likelihood_of_each_customer(chained, cdnow_rfm) -> None:
    like = chained.to_arviz(cdnow_rfm).log_likelihood["purchases"]
    assert dict(like.sizes) == {"chain": 4, "draw": 50, "customer": len(cdnow_rfm)}
    assert list(like["customer"].to_numpy()) == list(cdnow_rfm.customer_id)
    model = NBD(*(float(value[4 * 7 + 3, 0]) for value in chained.sample.values().values()))
    direct = model.log_likelihood(cdnow_rfm.frequency.astype(float), cdnow_rfm.recency, cdnow_rfm.T)
    np.testing.assert_allclose(like.to_numpy()[3, 7], direct, rtol=1e-12)
    assert direct.sum() == pytest.approx(chained.log_likelihood, abs=10)


def test_all_purchases_have_a_likelihood_of_everybody_who_paid(cdnow_rfm) -> None:
    found = fit(GammaGamma(of="all"), cdnow_rfm, Laplace(draws=20))
    like = found.to_arviz(cdnow_rfm).log_likelihood["spend"]
    paid = cdnow_rfm.first_spend + cdnow_rfm.frequency * cdnow_rfm.money > 0
    assert list(like["customer"].to_numpy()) == list(cdnow_rfm.customer_id[paid])
    evidence = GammaGamma(of="all").learn(cdnow_rfm)
    scaled = found.draws.rescaled(1 / evidence.scale).log_likelihood(**evidence.columns)
    np.testing.assert_allclose(like.to_numpy()[0], (scaled - np.log(evidence.scale))[:, evidence.row], rtol=1e-9)
    one = found.draws.take(slice(1)).log_likelihood(**found.estimate.observed(cdnow_rfm.take(paid)))
    np.testing.assert_allclose(like.to_numpy()[0, 0], one[0], rtol=1e-9)


def test_blocks_do_not_matter(chained, cdnow_rfm, monkeypatch) -> None:
    whole = chained.to_arviz(cdnow_rfm).log_likelihood["purchases"].to_numpy()
    monkeypatch.setattr(module, "_CELLS", 7 * len(chained.evidence(cdnow_rfm).counts))
    np.testing.assert_array_equal(chained.to_arviz(cdnow_rfm).log_likelihood["purchases"].to_numpy(), whole)


def test_a_spend_model_has_a_likelihood_where_there_is_spend(cdnow_spend, cdnow_rfm) -> None:
    tree = cdnow_spend.to_arviz(cdnow_rfm)
    assert dict(tree.posterior.sizes) == {"chain": 1, "draw": 1000}
    assert tree.log_likelihood["spend"].sizes["customer"] == cdnow_spend.customers
    best = tree.log_likelihood["spend"].sum("customer").max()
    assert cdnow_spend.log_likelihood - 1 < float(best) < cdnow_spend.log_likelihood


@pytest.mark.filterwarnings("ignore:Estimated shape parameter of Pareto:UserWarning")
def test_arviz_summarises_and_leaves_one_out(chained, cdnow_rfm) -> None:
    arviz, tree = load("arviz"), chained.to_arviz(cdnow_rfm)
    summary = arviz.summary(tree)
    assert list(summary.index) == ["r", "alpha"]
    loo = arviz.loo(tree)
    elpd = getattr(loo, "elpd", None) or loo.elpd_loo
    assert elpd == pytest.approx(chained.log_likelihood, abs=15)


def test_a_bad_fit_is_shown_and_a_point_or_other_data_are_refused(chained, cdnow_rfm) -> None:
    bad = replace(chained, verdict=replace(chained.verdict, outcome=Outcome.POOR_MIXING))
    assert bad.to_arviz().posterior.sizes["draw"] == 50
    with pytest.raises(SettingError, match=r"MaximumLikelihood\(\) gave no draws"):
        fit(NBD, cdnow_rfm, MaximumLikelihood()).to_arviz()
    with pytest.raises(SettingError, match="was fitted to 2,357 customers, not to the 9 of these"):
        chained.to_arviz(cdnow_rfm.take(slice(9)))


def test_chains_are_judged_by_their_ranks() -> None:
    phi = np.random.default_rng(0).standard_normal((4, 500))
    mixing, of_exp = Mixing.of({"u": phi, "v": phi + np.arange(4)[:, None]}), Mixing.of({"u": np.exp(phi)})
    for measure, tolerance in {"ess_bulk": 1e-9, "ess_tail": 1e-9, "r_hat": 1e-3}.items():
        expected = mixing.by_parameter[measure]["u"]  # R-hat is folded at the median, too, which is not of ranks alone
        assert of_exp.by_parameter[measure]["u"] == pytest.approx(expected, rel=tolerance)
    assert mixing.by_parameter["r_hat"]["u"] < 1.01
    assert mixing.by_parameter["ess_bulk"]["u"] > 1000
    assert mixing.worst == {measure: values["v"] for measure, values in mixing.by_parameter.items()}
    assert mixing.worst["r_hat"] > 1.5


def test_chains_that_stand_still_are_not_judged() -> None:
    mixing = Mixing.of({"u": np.random.default_rng(0).standard_normal((4, 500)), "v": np.full((4, 500), np.nan)})
    assert np.isnan(list(mixing.worst.values())).all()
