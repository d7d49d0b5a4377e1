"""Fitting: published estimates, units, verdicts, seeds, and parameters that come back."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

from clvmodels.data.histories import Histories
from clvmodels.data.rfm import RFM
from clvmodels.errors import FitError, InfiniteMeanWarning, PriorWarning, SettingError, SpendDependenceWarning
from clvmodels.inference import methods
from clvmodels.inference.bootstrap import Bootstrap
from clvmodels.inference.fit import fit
from clvmodels.inference.methods import Laplace, MaximumLikelihood
from clvmodels.inference.nuts import NUTS
from clvmodels.inference.prior import Gamma, LogNormal, Prior
from clvmodels.inference.verdict import Outcome
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.gamma_gamma import GammaGamma
from clvmodels.models.mbg_nbd import MBGNBD
from clvmodels.models.nbd import NBD
from clvmodels.models.pareto_nbd import ParetoNBD
from clvmodels.prediction.predict import predict
from clvmodels.valuation.plan import Plan
from clvmodels.valuation.value import value

PUBLISHED = [(BGNBD, "bg_nbd"), (MBGNBD, "mbg_nbd"), (GammaGamma, "gamma_gamma")]


def table(frequency, recency, T, money=None, unit="week"):
    frame = pd.DataFrame({"customer_id": range(len(frequency)), "frequency": frequency, "recency": recency, "T": T})
    return RFM.from_frame(frame if money is None else frame.assign(monetary_value=money), unit=unit)


def steady_buyers(customers, rate, seed, weeks=(30, 60)):
    """Customers who never drop out; ``rate`` draws how often each buys."""
    rng = np.random.default_rng(seed)
    T = rng.uniform(*weeks, customers)
    x = rng.poisson(rate(rng, customers) * T)
    return table(x, np.where(x > 0, T * rng.beta(np.maximum(x, 1), 1), 0.0), T)


# --- estimates ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("model", "name"), PUBLISHED)
def test_the_published_estimates_on_cdnow(model, name, oracle, cdnow_rfm) -> None:
    published, found = oracle(name), fit(model, cdnow_rfm, MaximumLikelihood())
    assert found.verdict.outcome is Outcome.CONVERGED
    estimates, errors = published["parameters"]["values"], published["standard_errors"]["values"]
    # Others stop where the likelihood is flat to their tolerance: well within a hundredth of a standard error.
    assert list(found.estimate.values().values()) == pytest.approx(estimates, rel=2e-4)
    z = (np.array(list(found.estimate.values().values())) - estimates) / errors
    assert (np.abs(z) < 0.01).all()
    assert found.log_likelihood == pytest.approx(published["parameters"]["log_likelihood"], abs=5e-4)
    assert list(found.standard_errors.values()) == pytest.approx(errors, rel=0.01)
    assert list(found.standard_errors) == list(model.names())


def test_nbd_on_cdnow_beats_its_neighbours_in_an_independent_likelihood(cdnow_rfm) -> None:
    def log_likelihood(r, alpha):
        x, T = cdnow_rfm.frequency, cdnow_rfm.T
        # The likelihood of (x, t_x) lacks the multinomial volume of x purchases in T.
        return stats.nbinom.logpmf(x, r, alpha / (alpha + T)).sum()

    found = fit(NBD, cdnow_rfm, MaximumLikelihood()).estimate
    best = log_likelihood(found.r, found.alpha)
    for r, alpha in [(1.001, 1), (0.999, 1), (1, 1.001), (1, 0.999), (1.001, 1.001), (0.999, 0.999)]:
        assert log_likelihood(found.r * r, found.alpha * alpha) < best


def test_the_estimate_is_the_maximum_of_likelihood_whatever_the_method(cdnow_purchases, cdnow_purchases_point) -> None:
    assert cdnow_purchases.estimate.values() == cdnow_purchases_point.estimate.values()
    assert cdnow_purchases.log_likelihood == cdnow_purchases_point.log_likelihood
    assert cdnow_purchases.standard_errors == cdnow_purchases_point.standard_errors


def test_the_log_likelihood_is_that_of_the_model_in_the_unit_of_the_data(cdnow_purchases, cdnow_rfm) -> None:
    x, t_x, T = cdnow_rfm.frequency.astype(float), cdnow_rfm.recency, cdnow_rfm.T
    assert cdnow_purchases.estimate.log_likelihood(x, t_x, T).sum() == pytest.approx(cdnow_purchases.log_likelihood)


# --- units -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", ["hour", "day", "month", "year"])
@pytest.mark.parametrize("model", [BGNBD, MBGNBD, NBD])
def test_the_unit_of_time_changes_nothing_but_the_unit(model, unit, cdnow_split, cdnow_rfm) -> None:
    rfm = cdnow_split[0].summarize(unit=unit)
    per_week = {"hour": 168.0, "day": 7.0, "month": 7 / (365.25 / 12), "year": 7 / 365.25}[unit]
    weeks, other = fit(model, cdnow_rfm), fit(model, rfm)
    assert other.unit == unit
    x = cdnow_rfm.frequency.astype(float)
    in_weeks, in_unit = (Histories(x, of.recency, of.T) for of in (cdnow_rfm, rfm))
    few_in_weeks, few_in_unit = (Histories(x[:50], of.recency[:50], of.T[:50]) for of in (cdnow_rfm, rfm))
    for before, after in [(weeks.estimate, other.estimate), (weeks.draws, other.draws)]:
        for name, values in before.values().items():
            scale = per_week if name == "alpha" else 1.0
            np.testing.assert_allclose(getattr(after, name), scale * values, rtol=1e-6)
        alive = before.probability_alive(in_weeks)
        np.testing.assert_allclose(after.probability_alive(in_unit), alive, rtol=1e-6)
        again = after.future(few_in_unit).purchases(39 * per_week)
        np.testing.assert_allclose(again, before.future(few_in_weeks).purchases(39.0), rtol=1e-6)
    # A density per hour is a density per week, less log(168) a repeat purchase.
    jacobian = -cdnow_rfm.frequency.sum() * np.log(per_week)
    assert other.log_likelihood - weeks.log_likelihood == pytest.approx(jacobian, abs=1e-7)


@pytest.mark.parametrize("specification", [GammaGamma(), GammaGamma(of="all")], ids=repr)
def test_the_unit_of_money_changes_nothing_but_the_unit(specification, cdnow_rfm) -> None:
    money = {name: 100 * getattr(cdnow_rfm, name) for name in ("monetary_value", "first_spend")}
    cents = RFM.from_frame(cdnow_rfm.frame().assign(**money), unit="week")
    dollars, found = fit(specification, cdnow_rfm), fit(specification, cents)
    for before, after in [(dollars.estimate, found.estimate), (dollars.draws, found.draws)]:
        for name, values in before.values().items():
            np.testing.assert_allclose(getattr(after, name), values * (100 if name == "gamma" else 1), rtol=1e-6)
        spend = after.value(**after.observed(cents)).mean()
        np.testing.assert_allclose(spend, 100 * before.value(**before.observed(cdnow_rfm)).mean(), rtol=1e-6)
    # A density per cent is a density per dollar, less log(100) a customer.
    jacobian = -found.customers * np.log(100)
    assert found.log_likelihood - dollars.log_likelihood == pytest.approx(jacobian, abs=1e-7)


@pytest.mark.parametrize(
    "method",
    [MaximumLikelihood(), Laplace(), NUTS(draws=400, progress=False), Bootstrap(40)],
    ids=repr,
)
def test_spend_of_all_purchases_is_found_by_every_method(method, cdnow_rfm) -> None:
    # Searched for by a simplex, on a likelihood of its own: totals are beta-prime.
    count, total = cdnow_rfm.frequency + 1, cdnow_rfm.first_spend + cdnow_rfm.frequency * cdnow_rfm.money
    count, total = count[total > 0], total[total > 0]

    def minus_likelihood(phi):
        p, q, gamma = np.exp(phi)
        return -(stats.betaprime(p * count, q, scale=gamma).logpdf(total) + np.log(count)).sum()

    best = optimize.minimize(minus_likelihood, np.log([3.0, 3.0, 20.0]), method="Nelder-Mead", tol=1e-8)
    found = fit(GammaGamma(of="all"), cdnow_rfm, method)
    assert found.verdict.ok
    assert found.customers == len(count) == 2349
    assert found.log_likelihood == pytest.approx(-best.fun, abs=1e-6)
    np.testing.assert_allclose(list(found.estimate.values().values()), np.exp(best.x), rtol=1e-4)
    if method != MaximumLikelihood():
        assert found.draws.of == "all"
        middle = [np.median(values) for values in found.draws.values().values()]
        errors = list(found.standard_errors.values())
        assert (np.abs(middle - np.exp(best.x)) < 0.6 * np.array(errors)).all()


@pytest.mark.parametrize("model", [BGNBD, MBGNBD, NBD, ParetoNBD])
def test_a_fit_in_another_unit_is_the_fit_of_the_data_in_that_unit(model, cdnow_split, cdnow_rfm) -> None:
    def of_month(days):  # what is believed: a scale of a month, in a unit of so many days
        return Laplace(draws=200, prior=Prior({"alpha": Gamma(2.0, 1.5)}, scale=31.5 / days))

    found = fit(model, cdnow_rfm, of_month(7)).in_unit("day")
    wanted = fit(model, cdnow_split[0].summarize(unit="day"), of_month(1))
    assert (found.unit, found.customers, found.densities) == (wanted.unit, wanted.customers, wanted.densities)
    assert found.method == wanted.method
    assert found.prior == wanted.prior
    assert found.scale == pytest.approx(wanted.scale, rel=1e-12)
    assert found.log_likelihood == pytest.approx(wanted.log_likelihood, rel=1e-8)
    assert found.estimate.values() == pytest.approx(wanted.estimate.values(), rel=1e-8)
    assert found.standard_errors == pytest.approx(wanted.standard_errors, rel=1e-8)
    assert found.sandwich_errors == pytest.approx(wanted.sandwich_errors, rel=1e-8)
    for name, values in wanted.draws.values().items():
        np.testing.assert_allclose(getattr(found.draws, name), values, rtol=1e-8)
    assert found.in_unit("week").estimate.values() == pytest.approx(
        fit(model, cdnow_rfm, MaximumLikelihood()).estimate.values(), rel=1e-12
    )


def test_the_datas_own_scale_is_a_prior_in_any_unit(cdnow_purchases, cdnow_split) -> None:
    days = fit(BGNBD, cdnow_split[0].summarize(unit="day"), seed=1)
    assert cdnow_purchases.in_unit("day").prior == days.prior
    assert cdnow_purchases.in_unit("days").method == Laplace()


def test_spend_is_the_same_in_any_unit_of_time(cdnow_spend) -> None:
    days = cdnow_spend.in_unit("day")
    assert days.unit == "day"
    assert days.estimate is cdnow_spend.estimate
    assert days.log_likelihood == cdnow_spend.log_likelihood
    assert days.prior == cdnow_spend.prior


def test_a_fit_without_an_estimate_has_units_too() -> None:
    nothing = fit(BGNBD, UNSEEN).in_unit("day")
    assert (nothing.unit, nothing.maximum, nothing.sample, nothing.log_likelihood) == ("day", None, None, None)
    assert nothing.verdict.outcome is Outcome.TOO_LITTLE_DATA


def test_the_order_of_the_customers_does_not_matter(cdnow_rfm, cdnow_purchases) -> None:
    shuffled = cdnow_rfm.take(np.random.default_rng(0).permutation(len(cdnow_rfm)))
    again = fit(BGNBD, shuffled)
    assert again.log_likelihood == pytest.approx(cdnow_purchases.log_likelihood, rel=1e-12)
    np.testing.assert_allclose(again.draws.b, cdnow_purchases.draws.b, rtol=1e-9)


# --- verdicts ----------------------------------------------------------------------------------------------------

UNSEEN = table([0] * 50, [0.0] * 50, [0.0] * 50)
ONCE = table([0] * 50, [0.0] * 50, np.linspace(1, 40, 50))
FIVE = table([1, 2, 0, 1, 3], [2.0, 5, 0, 7, 8], [9.0] * 5)
FAITHFUL = steady_buyers(2000, lambda rng, n: rng.gamma(0.8, 1 / 10, n), seed=1)
ALIKE = table([4] * 40, np.linspace(20, 39, 40), [40.0] * 40)
SAME_SPEND = table([0] + [2] * 40, [0.0] + [5.0] * 40, [9.0] * 41, [0.0] + [20.0] * 40)

OPEN = {  # what the data leave open, and the sentence that says so
    "everyone bought once": (BGNBD, ONCE, "No customer of 50 bought again"),
    "everyone bought once, MBG": (MBGNBD, ONCE, "all bought once"),
    "five customers": (BGNBD, FIVE, "Only 4 of 5 customers"),
    "no drop-out": (BGNBD, FAITHFUL, "No drop-out identified: .* Fit clv.NBD"),
    "no drop-out, MBG": (MBGNBD, FAITHFUL, "No drop-out identified: .* Fit clv.NBD"),
    "one rate": (NBD, ALIKE, "at the same rate, .* more customers, or that rate"),
    "equal spend": (GammaGamma, SAME_SPEND, "spend the same, 20"),
}


@pytest.mark.parametrize(("model", "rfm", "reason"), OPEN.values(), ids=OPEN)
def test_what_data_leave_open_the_prior_settles_with_a_caution(model, rfm, reason) -> None:
    with pytest.warns(PriorWarning, match=reason) as said:
        found = fit(model, rfm)
    assert len(said) == 1
    assert found.verdict.outcome is Outcome.SETTLED_BY_PRIOR
    assert (found.verdict.level, found.verdict.ok) == ("caution", True)
    assert re.search(rf"{reason}.* With half the prior's spread .* change", found.verdict.detail)
    assert [caution.name for caution in found.cautions] == ["settled by the prior"]
    assert str(found.cautions[0]) == str(said[0].message) == f"{found.name}: {found.verdict}"
    assert str(found.verdict) in repr(found)
    assert np.isfinite(list(found.draws.values().values())).all()


@pytest.mark.parametrize(("model", "rfm", "reason"), OPEN.values(), ids=OPEN)
def test_without_a_prior_what_data_leave_open_is_a_bad_verdict_with_its_remedy(model, rfm, reason) -> None:
    found = fit(model, rfm, MaximumLikelihood())
    assert found.verdict.level == "bad"
    assert not found.cautions
    with pytest.raises(
        FitError, match=rf"{found.name} cannot be used on these data\. .*{reason}.* Fit with Laplace\(\)"
    ):
        found.require()


@pytest.mark.parametrize("name", [name for name, (model, *_) in OPEN.items() if model is not GammaGamma])
def test_without_a_prior_such_a_fit_predicts_nothing(name) -> None:
    model, rfm, reason = OPEN[name]
    with pytest.raises(FitError, match=reason):
        predict(fit(model, rfm, MaximumLikelihood()), rfm, "39 weeks")


@pytest.mark.filterwarnings("ignore::clvmodels.errors.PriorWarning")
def test_at_the_border_predictions_are_those_of_the_limit() -> None:
    nbd = predict(fit(NBD, FAITHFUL), FAITHFUL, "26 weeks", 200).total()
    for model in (BGNBD, MBGNBD, ParetoNBD):
        border = predict(fit(model, FAITHFUL), FAITHFUL, "26 weeks", 200).total()
        assert border.mean == pytest.approx(nbd.mean, rel=0.02)  # some prior for drop-out is left
        assert border.mean < nbd.mean
        width = np.ptp(border.interval(0.9)) / np.ptp(nbd.interval(0.9))
        assert 0.8 < width < 1.25


@pytest.mark.filterwarnings("ignore::clvmodels.errors.PriorWarning")
def test_a_single_price_is_what_every_purchase_is_worth() -> None:
    spend = fit(GammaGamma, SAME_SPEND).draws
    np.testing.assert_allclose(spend.value(**spend.observed(SAME_SPEND)).mean().mean(axis=0), 20.0, rtol=2e-3)


def test_a_posterior_that_is_not_reached_blocks_the_draws(cdnow_rfm, monkeypatch) -> None:
    monkeypatch.setattr(methods, "TRUSTED_K", -5.0)
    found = fit(NBD, cdnow_rfm)
    assert found.verdict.outcome is Outcome.POOR_APPROXIMATION
    assert found.estimate.r == pytest.approx(0.385, abs=0.001)  # the point stands
    with pytest.raises(FitError, match=r"k-hat is.*more customers or a longer log"):
        predict(found, cdnow_rfm, "39 weeks")


@pytest.mark.parametrize("name", ["everyone bought once", "no drop-out", "equal spend"])
def test_a_bad_fit_values_nothing(name, cdnow_rfm, cdnow_purchases, cdnow_spend) -> None:
    model, rfm, reason = OPEN[name]
    bad = fit(model, rfm, MaximumLikelihood())
    pair = (cdnow_purchases, bad) if model is GammaGamma else (bad, cdnow_spend)
    with pytest.raises(FitError, match=reason):
        value(*pair, cdnow_rfm, Plan(horizon="1 year"))


def test_a_spend_without_a_mean_is_a_caution() -> None:
    few = table([1, 2, 0], [2.0, 5.0, 0.0], [9.0] * 3, [5.0, 500.0, 0.0])
    with (
        pytest.warns(InfiniteMeanWarning, match="1 of 3 customers|3 of 3 customers|2 of 3 customers"),
        pytest.warns(PriorWarning),
    ):
        found = fit(GammaGamma, few)
    assert [caution.name for caution in found.cautions] == ["settled by the prior", "infinite means"]


def test_customers_who_were_not_observed_give_a_bad_verdict_by_any_method() -> None:
    found = fit(BGNBD, UNSEEN)
    assert found.verdict.outcome is Outcome.TOO_LITTLE_DATA
    assert found.log_likelihood is None
    with pytest.raises(
        FitError, match=r"BG/NBD has no estimate\. The data cannot identify this model\. Every customer"
    ):
        _ = found.estimate
    with pytest.raises(FitError, match="observed for no time at all"):
        _ = found.draws


@pytest.mark.filterwarnings("ignore::clvmodels.errors.PriorWarning")
def test_at_the_border_there_is_no_maximum_and_without_a_prior_the_end_of_the_search_is_shown() -> None:
    assert fit(BGNBD, FAITHFUL).maximum is None
    found = fit(BGNBD, FAITHFUL, MaximumLikelihood())
    assert found.estimate.r == pytest.approx(fit(NBD, FAITHFUL).estimate.r, rel=1e-3)
    assert found.estimate.a / (found.estimate.a + found.estimate.b) < 1e-3
    assert found.frame()["estimate"].tolist() == list(found.estimate.values().values())


def on_schedule(repeats, weeks):
    """A purchase every ten weeks until drop-out: all buy at the same rate."""
    x = np.minimum(repeats, weeks // 10)
    return x, 10.0 * x, weeks


WEEKS = np.random.default_rng(0).integers(60, 100, 600).astype(float)
LIFETIMES = np.random.default_rng(1).exponential(1 / np.random.default_rng(2).gamma(0.8, 1 / 30, 600))
CHANCES = np.random.default_rng(3).geometric(np.random.default_rng(4).beta(0.9, 3, 600))
ONE_RATE = {
    NBD: (np.full(40, 4), np.linspace(20, 39, 40), np.full(40, 40.0)),
    BGNBD: on_schedule(CHANCES, WEEKS),
    MBGNBD: on_schedule(CHANCES, WEEKS),
    ParetoNBD: on_schedule(LIFETIMES // 10, WEEKS),
}


@pytest.mark.parametrize("model", ONE_RATE)
def test_a_verdict_states_the_rate_in_the_unit_of_the_data(model) -> None:
    x, t_x, T = ONE_RATE[model]
    found = {}
    for unit, days in {"week": 7, "day": 1}.items():
        verdict = fit(model, table(x, t_x * 7 / days, T * 7 / days, unit=unit), MaximumLikelihood()).verdict
        assert verdict.outcome is Outcome.AT_BORDER
        text = re.search(rf"buy at the same rate[ ,(]+([\d.]+) purchases a {unit}\b", verdict.detail)
        found[unit] = float(text[1])
    assert found["week"] == pytest.approx(7 * found["day"], rel=0.01)  # both are rounded to three digits
    assert found["week"] == pytest.approx(0.1, rel=0.2)


def test_without_drop_out_nbd_is_the_way_out() -> None:
    found = fit(NBD, FAITHFUL)
    assert found.verdict.ok
    assert predict(found, FAITHFUL.take(slice(20)), "10 weeks", futures=50).total().mean > 0


# --- arguments ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [BGNBD, GammaGamma])
def test_a_class_is_its_plain_specification(model, cdnow_rfm) -> None:
    bare, specified = fit(model, cdnow_rfm), fit(model(), cdnow_rfm)
    assert type(bare.specification) is type(specified.specification) is model
    assert repr(bare) == repr(specified)
    for name, values in bare.draws.values().items():
        np.testing.assert_array_equal(values, getattr(specified.draws, name))


@pytest.mark.parametrize("wrong", ["BGNBD", None, int, object(), Laplace(), np.zeros(3)])
def test_what_is_no_specification_is_refused(wrong, cdnow_rfm) -> None:
    with pytest.raises(SettingError, match=r"is not a model to fit\. Pass one such as clv\.BGNBD\."):
        fit(wrong, cdnow_rfm)


def test_a_model_with_its_parameters_is_refused(cdnow_rfm, cdnow_purchases) -> None:
    for known in (NBD(0.4, 5.0), cdnow_purchases.draws):
        with pytest.raises(SettingError, match=r"has its parameters already\. To learn them .* leave them out"):
            fit(known, cdnow_rfm)


@pytest.mark.parametrize("wrong", [pd.DataFrame(), None, BGNBD])
def test_what_is_no_rfm_is_refused(wrong) -> None:
    with pytest.raises(SettingError, match=rf"this is a {type(wrong).__name__}\. Use Transactions"):
        fit(BGNBD, wrong)


@pytest.mark.parametrize("wrong", ["laplace", Laplace, Prior(), 500, object()])
def test_what_is_no_method_is_refused(wrong, cdnow_rfm) -> None:
    with pytest.raises(SettingError, match=r"is not a method\. Pass one such as clv\.Laplace\(\)"):
        fit(BGNBD, cdnow_rfm, wrong)


# --- what the draws are of, and other data -----------------------------------------------------------------------

METHODS = [
    (MaximumLikelihood(), None),
    (Laplace(draws=40), "posterior"),
    (NUTS(draws=40, chains=2, tune=50), "posterior"),
    (Bootstrap(20), "sampling distribution"),
]


@pytest.mark.parametrize(("method", "draws_of"), METHODS, ids=repr)
def test_a_fit_says_of_what_its_draws_are(method, draws_of, cdnow_rfm) -> None:
    found = fit(NBD, cdnow_rfm, method)
    assert found.method is method
    assert found.draws_of == draws_of
    assert (found.sample is None) == (draws_of is None)
    assert bool(found.prior) == (draws_of == "posterior")
    assert (f"interval are of the {draws_of}" in repr(found)) == (draws_of is not None)


def test_where_another_method_took_over_the_draws_are_of_what_it_gives(cdnow_rfm, monkeypatch) -> None:
    monkeypatch.setattr(methods, "TRUSTED_K", -9.0)
    found = fit(NBD, cdnow_rfm, Laplace(otherwise=Bootstrap(20)))
    assert found.verdict.ok
    assert found.draws_of == "sampling distribution"
    assert found.draws.draws == 20
    assert found.prior == {}
    assert found.diagnostics["replicates_failed"] == 0
    assert found.diagnostics["laplace_k_hat"] < 0.7
    with pytest.raises(SettingError, match=r"Laplace\(otherwise=Bootstrap\(replicates=20\)\) gave a sampling distrib"):
        found.leave_one_out(cdnow_rfm)
    point = fit(NBD, cdnow_rfm, Laplace(otherwise=MaximumLikelihood()))
    assert point.draws_of is None
    with pytest.raises(SettingError, match=r"otherwise=MaximumLikelihood\(\)\) gives a point without draws"):
        _ = point.draws


def test_leaving_one_out_without_a_posterior_is_refused(cdnow_rfm, cdnow_purchases_point) -> None:
    with pytest.raises(SettingError, match="without draws"):
        cdnow_purchases_point.leave_one_out(cdnow_rfm)
    with pytest.raises(SettingError, match=r"sampling distribution.*Fit with method=Laplace\(\)"):
        fit(NBD, cdnow_rfm, Bootstrap(20)).leave_one_out(cdnow_rfm)
    few = cdnow_rfm.take(slice(20))
    with pytest.raises(FitError, match="Use a longer log or more customers"):
        fit(BGNBD, few, MaximumLikelihood()).leave_one_out(few)


@pytest.mark.parametrize("specification", [BGNBD(), GammaGamma(), GammaGamma(of="all")], ids=repr)
def test_the_evidence_is_what_the_fit_learnt_from(specification, cdnow_rfm) -> None:
    found, wanted = fit(specification, cdnow_rfm).evidence(cdnow_rfm), specification.learn(cdnow_rfm)
    assert list(found.columns) == list(wanted.columns)
    for name, column in wanted.columns.items():
        np.testing.assert_array_equal(found.columns[name], column)
    np.testing.assert_array_equal(found.counts, wanted.counts)


def test_other_data_are_refused(cdnow_rfm, cdnow_split, cdnow_purchases, cdnow_spend) -> None:
    days = cdnow_split[0].summarize(unit="day")
    for asked in (cdnow_purchases.evidence, cdnow_purchases.leave_one_out, cdnow_purchases.to_arviz):
        with pytest.raises(SettingError, match=r"in weeks, and these are in days\. Pass the data it was fitted to"):
            asked(days)
        with pytest.raises(SettingError, match=r"2,357 customers, not to the 500 of these.*Pass the data it was"):
            asked(cdnow_rfm.take(slice(500)))
    with pytest.raises(SettingError, match=r"946 customers, not to the .* of these.*Pass the data it was fitted to"):
        cdnow_spend.evidence(cdnow_rfm.take(slice(500)))
    some = np.arange(len(cdnow_rfm) - 1)
    fitted = fit(BGNBD, cdnow_rfm.take(some))
    with pytest.raises(SettingError, match=r"2,356 other customers.*Pass the data it was fitted to"):
        fitted.leave_one_out(cdnow_rfm.take(some + 1))
    in_days = cdnow_purchases.in_unit("day")
    assert in_days.evidence(days).scale == pytest.approx(in_days.scale)


# --- draws, seeds, tables ----------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_draws_and_another_seed_others(cdnow_rfm, cdnow_purchases) -> None:
    again, other = fit(BGNBD, cdnow_rfm, seed=0), fit(BGNBD, cdnow_rfm, seed=1)
    np.testing.assert_array_equal(again.draws.a, cdnow_purchases.draws.a)
    assert not np.isin(other.draws.a, cdnow_purchases.draws.a).any()


@pytest.mark.parametrize("others", [MBGNBD, NBD, GammaGamma])
def test_two_models_with_one_seed_are_independent(others, cdnow_rfm, cdnow_purchases) -> None:
    left = np.column_stack([np.ravel(v) for v in cdnow_purchases.draws.values().values()])
    right = np.column_stack([np.ravel(v) for v in fit(others, cdnow_rfm).draws.values().values()])
    columns = left.shape[1]
    ranks = stats.rankdata(np.column_stack([left, right]), axis=0)
    correlation = np.corrcoef(ranks.T)[:columns, columns:]
    assert np.abs(correlation).max() < 4 / np.sqrt(1000)


def test_draws_stand_in_no_order(cdnow_purchases) -> None:
    # Resampling repeats heavy candidates in neighbouring places, so they are mixed: futures may use some draws only.
    r = cdnow_purchases.draws.r.ravel()
    repeats = len(r) - len(np.unique(r))
    assert repeats > 20
    assert (r[1:] == r[:-1]).sum() < repeats / 4


@pytest.mark.parametrize("seed", [-1, 0.5, "1", None])
def test_a_seed_is_a_whole_number(seed, cdnow_rfm) -> None:
    with pytest.raises(SettingError, match=re.escape(f"seed={seed!r} is not.")):
        fit(BGNBD, cdnow_rfm, seed=seed)


def test_the_table_of_a_fit(cdnow_purchases, cdnow_purchases_point) -> None:
    point = cdnow_purchases_point.frame()
    assert list(point) == ["parameter", "estimate", "standard_error", "sandwich_error", "ratio"]
    frame = cdnow_purchases.frame()
    assert list(frame) == [*point, "mean", "sd", "lower", "upper"]
    assert frame["parameter"].tolist() == ["r", "alpha", "a", "b"]
    draws = cdnow_purchases.draws.b
    assert frame["mean"][3] == pytest.approx(draws.mean())
    assert ((draws > frame["lower"][3]) & (draws < frame["upper"][3])).mean() == pytest.approx(0.9, abs=0.005)


def test_a_fit_says_what_it_is_and_where_it_comes_from(cdnow_purchases, cdnow_spend) -> None:
    text = repr(cdnow_purchases)
    assert text.startswith("BG/NBD fitted by Laplace() to 2,357 customers, time in weeks\n")
    assert "log-likelihood -9582.429, AIC 19172.86, BIC 19195.92" in text
    assert "prior of r: log-normal, median 1, 95 % between 0.0198 and 50.4" in text
    html = cdnow_purchases._repr_html_()
    assert "<p>BG/NBD fitted by Laplace() to" in html
    assert html.count("<tr") == 5
    assert cdnow_spend.customers == 946
    assert (cdnow_purchases.name, cdnow_purchases.kind, cdnow_purchases.seed) == ("BG/NBD", "purchases", 0)
    assert (cdnow_spend.name, cdnow_spend.kind) == ("Gamma-Gamma", "spend")
    assert "mean, sd and 90 % interval are of the posterior" in text
    assert set(cdnow_purchases.versions) == {"python", "clvmodels", "numpy", "scipy"}


def test_criteria_are_those_of_the_maximum_of_the_likelihood(cdnow_purchases, cdnow_spend) -> None:
    assert cdnow_purchases.aic == pytest.approx(2 * 4 + 2 * 9582.42921, abs=1e-4)
    assert cdnow_purchases.bic == pytest.approx(4 * np.log(2357) + 2 * 9582.42921, abs=1e-4)
    assert cdnow_spend.bic == pytest.approx(3 * np.log(946) + 2 * 4055.91769, abs=1e-4)


def test_a_prior_that_knows_more_settles_what_the_data_leave_open(cdnow_rfm) -> None:
    few = cdnow_rfm.take(np.arange(40))
    assert fit(BGNBD, few, MaximumLikelihood()).verdict.outcome is Outcome.AT_BORDER
    with pytest.warns(PriorWarning):
        settled = fit(BGNBD, few, Laplace(prior=Prior(others=LogNormal(1.0, 1.0))))
    assert settled.verdict.level == "caution"
    assert np.median(settled.draws.a) == pytest.approx(0.5, abs=0.3)
    assert "estimate" not in settled.frame()
    assert "mean" in repr(settled)
    with pytest.raises(FitError, match="has no estimate"):
        _ = settled.estimate
    with pytest.raises(FitError, match="has no estimate"):
        _ = settled.aic


# --- recovery ----------------------------------------------------------------------------------------------------


def z_scores(found, truth):
    """How far the logarithms of the estimates are from the truth, in standard errors."""
    values = np.array(list(found.estimate.values().values()))
    return np.log(values / truth) / (np.array(list(found.standard_errors.values())) / values)


BASES = {
    BGNBD: ((0.6, 6.0, 0.9, 3.0), False),
    MBGNBD: ((0.7, 6.0, 0.9, 2.0), True),
}


@pytest.mark.parametrize("model", BASES)
def test_parameters_of_simulated_customers_come_back(model, population) -> None:
    truth, at_once = BASES[model]
    base = population(6000, truth, seed=5, at_once=at_once)
    found = fit(model, base.rfm)
    assert (np.abs(z_scores(found, truth)) < 3.5).all()
    draws = np.log(np.column_stack([np.ravel(v) for v in found.draws.values().values()]))
    assert (np.abs(draws.mean(axis=0) - np.log(truth)) < 3.5 * draws.std(axis=0)).all()
    spend = fit(GammaGamma, base.rfm, MaximumLikelihood())
    assert (np.abs(z_scores(spend, (6.0, 4.0, 15.0))) < 3.5).all()


@pytest.mark.long
@pytest.mark.parametrize("model", BASES)
def test_standard_errors_are_the_spread_of_the_estimates_and_intervals_cover(model, population) -> None:
    truth, at_once = BASES[model]
    z, spend, inside = [], [], []
    for seed in range(60):
        base = population(3000, truth, seed=1000 + seed, at_once=at_once)
        found = fit(model, base.rfm, Laplace(draws=500))
        if found.verdict.ok:
            z.append(z_scores(found, truth))
            frame = found.frame()
            inside.append((frame["lower"].to_numpy() <= truth) & (truth <= frame["upper"].to_numpy()))
        spend.append(z_scores(fit(GammaGamma, base.rfm, MaximumLikelihood()), (6.0, 4.0, 15.0)))
    assert len(z) >= 57
    for scores in (np.array(z), np.array(spend)):
        assert (np.abs(scores.mean(axis=0)) < 0.6).all()  # 4 / sqrt(60), and a little bias
        assert (np.abs(scores.std(axis=0) - 1) < 0.45).all()
    assert (np.abs(np.mean(inside, axis=0) - 0.9) < 0.16).all()


def test_spend_that_depends_on_frequency_is_a_caution_of_the_spend_s_fit_alone(cdnow_rfm):
    tilted = replace(cdnow_rfm, monetary_value=cdnow_rfm.monetary_value * (1.0 + cdnow_rfm.frequency))
    with pytest.warns(SpendDependenceWarning, match="Spend depends on frequency") as caught:
        fitted = fit(GammaGamma, tilted, MaximumLikelihood())
    assert [caution.name for caution in fitted.cautions] == ["spend and frequency"]
    assert [str(warning.message) for warning in caught] == [fitted.cautions[0].text]
    assert caught[0].filename == __file__
    assert fit(BGNBD, tilted, MaximumLikelihood()).cautions == ()
    assert fit(GammaGamma, cdnow_rfm, MaximumLikelihood()).cautions == ()
