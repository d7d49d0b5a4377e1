"""Candidates: what may be one, what they are called, and that each is the forecast that it says."""

import numpy as np
import pandas as pd
import pytest

from clvmodels.data.rfm import RFM
from clvmodels.errors import SettingError
from clvmodels.evaluation.candidates import FitCandidate, FormulaCandidate, ModelCandidate, Prediction, as_candidate
from clvmodels.inference.fit import fit
from clvmodels.inference.methods import Laplace, MaximumLikelihood
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.gamma_gamma import GammaGamma
from clvmodels.models.mbg_nbd import MBGNBD
from clvmodels.models.nbd import NBD
from clvmodels.prediction.predict import predict
from clvmodels.units import duration
from clvmodels.valuation.plan import Plan
from clvmodels.valuation.simple_formula import SimpleFormula
from clvmodels.valuation.value import value

HORIZON = duration("39 weeks")


class OfMyOwn:
    name = "of my own"

    def predict(self, past, horizon, futures, seed):
        return Prediction(None, None, note="nothing to say")


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (BGNBD, "BG/NBD"),
        (MBGNBD, "MBG/NBD"),
        (NBD(), "NBD"),
        (SimpleFormula(), "simple formula"),
        (SimpleFormula(per_customer=True), "simple formula per customer"),
        (SimpleFormula(survival="certain", orders="all"), "simple formula (min(lifespan, horizon), all orders)"),
        (ModelCandidate(BGNBD, method=MaximumLikelihood()), "BG/NBD"),
        (ModelCandidate(BGNBD, spend=GammaGamma(of="all")), "BG/NBD with Gamma-Gamma (all purchases)"),
        (OfMyOwn(), "of my own"),
    ],
)
def test_what_may_be_a_candidate_has_a_name(given, name):
    assert as_candidate(given).name == name


def test_a_candidate_stays_what_it_is():
    own = OfMyOwn()
    assert as_candidate(own) is own
    assert as_candidate(BGNBD) == ModelCandidate(BGNBD)
    assert as_candidate(SimpleFormula()) == FormulaCandidate(SimpleFormula())


@pytest.mark.parametrize("given", [GammaGamma, "BGNBD", BGNBD(1, 1, 1, 1), None, np.mean, MaximumLikelihood()])
def test_what_is_no_candidate_is_refused(given):
    with pytest.raises(SettingError, match=r"is not a candidate. Pass a purchase model such as clv.BGNBD"):
        as_candidate(given)


@pytest.mark.parametrize("of_spend", [GammaGamma(), GammaGamma(of="all")])
def test_a_model_candidate_is_the_forecast_of_its_fits(of_spend, cdnow_rfm):
    few = cdnow_rfm.take(slice(600))
    made = ModelCandidate(BGNBD, of_spend, Laplace(draws=50)).predict(few, HORIZON, 50, 3)
    purchases, spend = (fit(model, few, Laplace(draws=50), 3) for model in (BGNBD, of_spend))
    pd.testing.assert_frame_equal(made.purchases.frame(), predict(purchases, few, HORIZON, 50, 3).frame())
    money = value(purchases, spend, few, Plan(HORIZON), 50, 3).forecast
    pd.testing.assert_frame_equal(made.money.frame(), money.frame())
    assert made.spend.estimate.values() == spend.estimate.values()
    assert made.note == ""


def test_fits_are_candidates_as_they_are(cdnow_rfm, cdnow_purchases, cdnow_spend):
    few = cdnow_rfm.take(slice(600))  # of whom the fits know more than these
    both = FitCandidate(cdnow_purchases, cdnow_spend)
    assert (as_candidate(cdnow_purchases).name, both.name) == ("BG/NBD, as fitted",) * 2
    assert [name for name, _ in both.assumptions] == ["BG/NBD", "Gamma-Gamma"]
    alone, made = as_candidate(cdnow_purchases).predict(few, HORIZON, 50, 3), both.predict(few, HORIZON, 50, 3)
    counts = predict(cdnow_purchases, few, HORIZON, 50, 3).frame()
    for one in (alone, made):
        pd.testing.assert_frame_equal(one.purchases.frame(), counts)
    assert alone.money is None
    money = value(cdnow_purchases, cdnow_spend, few, Plan(HORIZON), 50, 3).forecast
    pd.testing.assert_frame_equal(made.money.frame(), money.frame())
    assert made.spend is cdnow_spend


def test_a_fit_of_spend_alone_is_no_candidate(cdnow_spend):
    with pytest.raises(SettingError, match="purchases is not the fit of a model of purchases"):
        as_candidate(cdnow_spend)


def test_a_fit_that_has_seen_what_it_is_to_predict_is_refused(cdnow, cdnow_rfm, cdnow_purchases):
    later = cdnow.split("1997-10-01")[0].summarize(unit="week")
    of_purchases, of_spend = (fit(model, later, MaximumLikelihood()) for model in (BGNBD, GammaGamma))
    for candidate in (FitCandidate(of_purchases), FitCandidate(cdnow_purchases, of_spend)):
        with pytest.raises(
            SettingError, match=r"ends on 1997-10-01, after the past .* ends on 1997-09-30: it has seen"
        ):
            candidate.predict(cdnow_rfm, HORIZON, 20, 0)
    undated = RFM.from_frame(cdnow_rfm.frame(), unit="week")
    assert FitCandidate(of_purchases).predict(undated, HORIZON, 20, 0).purchases.total().mean > 1000


def test_a_formula_candidate_is_the_formula(cdnow_rfm):
    made = FormulaCandidate(SimpleFormula()).predict(cdnow_rfm, HORIZON, 20, 3)
    formula = SimpleFormula()
    assert made.purchases.total().mean == formula.predict(cdnow_rfm, HORIZON, 20, 3).total().mean
    assert (
        made.money.total().expected.tolist() == formula.value(cdnow_rfm, Plan(HORIZON), 20, 3).total().expected.tolist()
    )


def test_without_amounts_there_is_no_money(cdnow_rfm):
    table = cdnow_rfm.frame()[["customer_id", "frequency", "recency", "T"]]
    bare = RFM.from_frame(table, unit="week")
    for candidate in (ModelCandidate(BGNBD, method=MaximumLikelihood()), FormulaCandidate(SimpleFormula())):
        made = candidate.predict(bare, HORIZON, 20, 0)
        assert made.money is None
        assert made.spend is None
        assert made.purchases.total().mean > 1000


def test_a_spend_model_that_cannot_be_fitted_leaves_the_purchases(cdnow_rfm):
    table = cdnow_rfm.frame().assign(monetary_value=lambda t: 5.0 * (t["frequency"] > 0)).drop(columns="first_spend")
    alike = RFM.from_frame(table, unit="week")
    made = ModelCandidate(BGNBD, method=MaximumLikelihood()).predict(alike, HORIZON, 20, 0)
    assert made.purchases.total().mean == pytest.approx(1653.4, abs=0.05)
    assert made.money is None
    assert made.note.startswith(
        "Gamma-Gamma: The data cannot identify this model. All 946 repeat buyers spend the same"
    )


def test_a_caution_is_a_note_and_not_a_warning(cdnow_rfm):
    table = cdnow_rfm.frame().assign(monetary_value=lambda t: 5.0 * (t["frequency"] > 0)).drop(columns="first_spend")
    once = RFM.from_frame(table.assign(frequency=0, recency=0.0, monetary_value=0.0), unit="week")
    made = ModelCandidate(NBD, method=Laplace(draws=100)).predict(once, HORIZON, 20, 0)
    assert made.purchases is not None
    assert made.note.startswith("The fit can be used, with a caution")
    assert "Gamma-Gamma: The data cannot identify this model. No customer has a repeat purchase" in made.note
    alike = RFM.from_frame(table, unit="week")
    made = ModelCandidate(BGNBD, method=Laplace(draws=100)).predict(alike, HORIZON, 20, 0)
    assert made.money is not None
    assert made.note.startswith("Gamma-Gamma: The fit can be used, with a caution")
