"""Leave-one-out, against ArviZ on a row a customer and against fits that really left one out."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import logsumexp

from clvmodels.errors import SettingError
from clvmodels.inference import loo as module
from clvmodels.inference.fit import fit
from clvmodels.inference.loo import LOO
from clvmodels.inference.methods import Laplace
from clvmodels.inference.mode import find_mode
from clvmodels.inference.objective import Objective
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.gamma_gamma import GammaGamma
from clvmodels.models.mbg_nbd import MBGNBD
from clvmodels.models.nbd import NBD
from clvmodels.models.pareto_nbd import ParetoNBD

MODELS = [BGNBD(), MBGNBD(), NBD(), ParetoNBD(), GammaGamma(), GammaGamma(of="all")]


def customers_of(specification, rfm):
    """Return the data of each customer that a model learns from: no row is shared."""
    if specification.kind == "purchases":
        return rfm.frequency.astype(float), rfm.recency, rfm.T
    if specification.of == "repeat":
        learnt = (rfm.frequency > 0) & (rfm.money > 0)
        return rfm.frequency[learnt].astype(float), rfm.money[learnt]
    count = rfm.frequency + 1.0
    mean = (rfm.first_spend + rfm.frequency * rfm.money) / count
    return count[mean > 0], mean[mean > 0]


def arviz(log_likelihood):
    """Return ArviZ's elpd, its standard error, p_loo and the k-hats, from draws x customers."""
    try:
        from arviz_base import from_dict
        from arviz_stats import loo
    except ImportError:
        from arviz import from_dict, loo

        data = from_dict(
            posterior={"r": np.zeros((1, len(log_likelihood)))}, log_likelihood={"y": log_likelihood[None]}
        )
        found = loo(data, pointwise=True, reff=1.0)
        bessel = np.sqrt(found.n_data_points / (found.n_data_points - 1))  # ArviZ 1 and R's loo divide by n - 1
        return found.elpd_loo, bessel * found.se, found.p_loo, found.pareto_k.to_numpy()
    data = from_dict(
        {"posterior": {"r": np.zeros((1, len(log_likelihood)))}, "log_likelihood": {"y": log_likelihood[None]}}
    )
    found = loo(data, pointwise=True, reff=1.0)
    return found.elpd, found.se, found.p, found.pareto_k.to_numpy()


def with_draws(fitted, draws):
    """Give a fit draws of which no two are the same."""
    estimate = fitted.estimate.values()
    noise = np.random.default_rng(9).normal(0, 0.05, (len(estimate), draws, 1))
    theta = np.array(list(estimate.values()))[:, None, None] * np.exp(noise)
    return replace(fitted, sample=fitted.specification.model(theta))


@pytest.mark.parametrize("specification", [BGNBD(), GammaGamma(), GammaGamma(of="all")], ids=repr)
def test_it_is_arvizs_on_a_row_a_customer(specification, cdnow_rfm) -> None:
    rfm = cdnow_rfm.take(slice(0, None, 3))
    # ArviZ's generations round tails of other numbers of draws differently, and ties in them.
    fitted = with_draws(fit(specification, rfm), 2500)
    found = fitted.leave_one_out(rfm)
    elpd, se, p, k_hat = arviz(fitted.draws.log_likelihood(*customers_of(specification, rfm)))
    assert found.elpd == pytest.approx(elpd, rel=1e-9)
    assert found.standard_error == pytest.approx(se, rel=1e-9)
    assert found.p_loo == pytest.approx(p, rel=1e-6)
    assert found.customers == len(k_hat)
    assert found.untrusted == (k_hat > 0.7).sum()
    np.testing.assert_allclose(np.sort(np.repeat(found.k_hat, found.counts.astype(int))), np.sort(k_hat), atol=1e-8)


@pytest.mark.parametrize("specification", MODELS, ids=repr)
def test_what_is_lost_is_about_the_number_of_parameters(specification, cdnow_rfm) -> None:
    fitted = fit(specification, cdnow_rfm)
    found = fitted.leave_one_out(cdnow_rfm)
    parameters = len(specification.parameters)
    assert found.elpd == pytest.approx(fitted.log_likelihood - parameters, abs=1.5)
    assert found.p_loo == pytest.approx(parameters, abs=1.5)
    assert found.untrusted == 0


@pytest.mark.parametrize("specification", MODELS, ids=repr)
def test_it_is_what_fits_without_the_customer_give(specification, cdnow_rfm) -> None:
    found = fit(specification, cdnow_rfm, Laplace(draws=4000)).leave_one_out(cdnow_rfm)
    evidence = specification.learn(cdnow_rfm)
    rows = np.r_[np.argsort(found.pointwise)[:2], np.argmax(found.k_hat), np.argmax(found.counts)]
    for row in rows:
        counts = evidence.counts - (np.arange(len(evidence.counts)) == row)
        rest = Objective(specification, replace(evidence, counts=counts))
        mode = find_mode(rest, rest.space.phi(specification.start))
        phi = Laplace(draws=4000).infer(rest, mode, np.random.default_rng(0)).phi
        one = {name: column[[row]] for name, column in found.columns.items()}
        density = rest.model(phi).rescaled(evidence.scale).log_likelihood(**one)
        influence = found.fitted[row] - found.pointwise[row]  # the more, the noisier is either estimate
        assert influence > 0
        assert logsumexp(density) - np.log(density.size) == pytest.approx(
            found.pointwise[row], abs=0.02 + 0.1 * influence
        )


@pytest.mark.parametrize("specification", MODELS, ids=repr)
def test_a_unit_is_a_constant(specification, cdnow_split) -> None:
    weeks, days = (cdnow_split[0].summarize(unit=unit) for unit in ("week", "day"))
    in_weeks, in_days = (fit(specification, rfm).leave_one_out(rfm) for rfm in (weeks, days))
    shift = 0.0 if specification.kind == "spend" else -weeks.frequency.sum() * np.log(7)
    assert in_days.elpd - in_weeks.elpd == pytest.approx(shift, abs=1e-4)
    assert in_days.p_loo == pytest.approx(in_weeks.p_loo, abs=1e-4)


def test_the_draws_densities_add_up_to_the_fits(cdnow_rfm) -> None:
    for specification in MODELS:
        fitted = fit(specification, cdnow_rfm)
        found = fitted.leave_one_out(cdnow_rfm)
        assert fitted.estimate.log_likelihood(**found.columns) @ found.counts == pytest.approx(fitted.log_likelihood)


def test_blocks_do_not_matter(cdnow_rfm, cdnow_purchases, monkeypatch) -> None:
    whole = cdnow_purchases.leave_one_out(cdnow_rfm)
    monkeypatch.setattr(module, "_CELLS", 77_000)
    np.testing.assert_allclose(cdnow_purchases.leave_one_out(cdnow_rfm).pointwise, whole.pointwise, rtol=1e-10)


def test_customers_who_drop_out_are_better_predicted_by_a_model_in_which_they_do(cdnow_rfm) -> None:
    bg_nbd, nbd = (fit(model, cdnow_rfm).leave_one_out(cdnow_rfm) for model in (BGNBD, NBD))
    gain, loss = bg_nbd.gain_over(nbd), nbd.gain_over(bg_nbd)
    assert gain.elpd == pytest.approx(bg_nbd.elpd - nbd.elpd)
    assert gain.elpd > 4 * gain.standard_error
    assert (loss.elpd, loss.standard_error) == pytest.approx((-gain.elpd, gain.standard_error))
    assert nbd.gain_over(nbd) == module.Difference(0.0, 0.0)


def by_hand(**changes):
    rows = np.array([0.0, 2.0, 3.0])
    columns = {"x": rows, "t_x": rows, "T": rows + 9}
    basis = LOO("NBD", "week", columns, np.array([4.0, 1.0, 2.0]), -rows, -rows / 2, np.full(3, 0.1))
    return replace(basis, **changes)


def test_a_rows_customers_count_one_by_one() -> None:
    found = by_hand(k_hat=np.array([0.71, 0.2, 0.69]))
    each = np.repeat(found.pointwise, found.counts.astype(int))
    assert found.customers == 7
    assert found.elpd == each.sum() == -8
    assert found.p_loo == 4
    assert found.standard_error == pytest.approx(np.sqrt(7) * each.std(ddof=1))
    assert found.untrusted == 4
    assert "one of 7 customers" in repr(found)
    assert "4.0 effective parameters" in repr(found)
    gain = found.gain_over(by_hand(pointwise=np.array([-1.0, -1.0, -1.0])))
    assert gain.elpd == -1
    assert gain.standard_error == pytest.approx(np.sqrt(7) * (each + 1).std(ddof=1))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"unit": "day"}, "in weeks and in days"),
        ({"counts": np.array([4.0, 2.0, 1.0])}, "not of the same customers"),
        ({"columns": {"x": np.arange(3.0), "m": np.arange(3.0)}}, "not of the same customers"),
        ({"columns": {name: np.arange(3.0) for name in ("x", "t_x", "T")}}, "not of the same customers"),
    ],
)
def test_models_of_other_customers_are_not_compared(changes, complaint) -> None:
    with pytest.raises(SettingError, match=complaint):
        by_hand().gain_over(by_hand(**changes))


def test_models_that_saw_other_purchases_are_not_compared(cdnow_rfm, cdnow_spend) -> None:
    every = fit(GammaGamma(of="all"), cdnow_rfm).leave_one_out(cdnow_rfm)
    with pytest.raises(SettingError, match=r"Gamma-Gamma \(all purchases\) and Gamma-Gamma are not of the same"):
        every.gain_over(cdnow_spend.leave_one_out(cdnow_rfm))
