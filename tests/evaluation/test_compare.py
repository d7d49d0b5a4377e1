"""The comparison: published figures of the CDNOW holdout, the contract of its file, and what may go wrong."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from clvmodels.cautions import Caution
from clvmodels.data.datasets import load_cdnow
from clvmodels.data.transactions import Transactions
from clvmodels.errors import FitError, SettingError
from clvmodels.evaluation.candidates import ModelCandidate, Prediction
from clvmodels.evaluation.compare import compare, standard_candidates
from clvmodels.evaluation.lifetimes import LifetimesBGNBD, is_installed
from clvmodels.inference.fit import fit
from clvmodels.inference.methods import Laplace, MaximumLikelihood
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.gamma_gamma import GammaGamma
from clvmodels.models.mbg_nbd import MBGNBD
from clvmodels.models.nbd import NBD
from clvmodels.prediction.predict import predict
from clvmodels.valuation.simple_formula import SimpleFormula

TEXTBOOK = "simple formula (min(lifespan, horizon))"
TEXTBOOK_ALL = "simple formula (min(lifespan, horizon), all orders)"

CONTRACT = (
    *("actual_total", "predicted_total", "total_lower_90", "total_upper_90", "rmse", "mae"),
    *("coverage_90", "pit_90", "interval_score_90", "crps"),
)
WITHOUT_INTERVALS = ("total_lower_90", "total_upper_90", "coverage_90", "pit_90", "interval_score_90", "crps")


class Named:
    """A candidate under another name."""

    def __init__(self, name, candidate=None):
        self.name, self.candidate = name, candidate

    def predict(self, *given):
        if self.candidate is None:
            raise FitError("This one never works. Take another.")
        return self.candidate.predict(*given)


def orders(rows, columns=("who", "day", "paid")):
    return pd.DataFrame(rows, columns=columns)


def poisson_buyers(customers=400, seed=3):
    """Simulate customers who never stop, at gamma rates."""
    rng = np.random.default_rng(seed)
    start, days = np.datetime64("2023-01-01"), 400
    rows = []
    for i, rate in enumerate(rng.gamma(3.0, 0.01, customers)):
        first = int(rng.integers(0, 90))
        on = np.unique(
            np.append(first, first + np.ceil(rng.uniform(0, days - first, rng.poisson(rate * (days - first)))))
        )
        rows += [(i, start + np.timedelta64(int(day), "D"), float(rng.gamma(2, 10))) for day in on]
    return orders(rows)


@pytest.fixture(scope="module")
def comparison(cdnow_split):
    return compare(standard_candidates(), *cdnow_split)


@pytest.fixture(scope="module")
def rows(comparison):
    return comparison.frame().set_index("candidate")


@pytest.fixture(scope="module")
def point(cdnow_split):
    return compare([ModelCandidate(BGNBD, method=MaximumLikelihood())], *cdnow_split, futures=400).frame().iloc[0]


@pytest.fixture(scope="module")
def written(comparison, tmp_path_factory):
    path = tmp_path_factory.mktemp("comparison") / "comparison.json"
    comparison.to_json(path)

    def refuse(constant):
        raise AssertionError(constant)

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


# --- published figures -----------------------------------------------------------------------------------------------


def test_the_maximum_likelihood_figures_of_the_holdout(point):
    # Fader, Hardie & Lee (2005); the totals and errors recomputed from the published parameters.
    assert point["purchases_actual_total"] == 1882
    assert point["purchases_predicted_total"] == pytest.approx(1653.4, abs=0.05)
    assert point["purchases_rmse"] == pytest.approx(1.60798, abs=1e-5)
    # 0.78545 is the absolute error of the means; medians are the better answer to it.
    assert point["purchases_mae"] < 0.70


def test_the_posterior_agrees_with_the_maximum_likelihood(rows):
    row = rows.loc["BG/NBD"]
    assert row["purchases_actual_total"] == 1882
    assert row["purchases_predicted_total"] == pytest.approx(1653.4, abs=8.0)  # posterior mean of 1,000 draws
    assert row["purchases_rmse"] == pytest.approx(1.608, abs=0.002)
    assert row["purchases_mae"] < 0.70


@pytest.mark.parametrize("model", ["BG/NBD", "MBG/NBD"])
def test_counts_are_nearly_calibrated(rows, model):
    assert 0.86 <= rows.loc[model, "purchases_pit_90"] <= 0.93
    assert rows.loc[model, "purchases_coverage_90"] > rows.loc[model, "purchases_pit_90"]
    lower, upper = rows.loc[model, ["purchases_total_lower_90", "purchases_total_upper_90"]]
    assert lower < rows.loc[model, "purchases_predicted_total"] < upper


def test_the_shortfall_of_the_spend_model_is_shown(comparison):
    table = comparison.intervals().set_index(["candidate", "quantity", "level"])["pit"]
    assert table["BG/NBD", "spend given purchases", 0.90] == pytest.approx(0.82, abs=0.015)
    assert table["BG/NBD", "spend given purchases", 0.50] == pytest.approx(0.39, abs=0.015)
    assert table["MBG/NBD", "spend given purchases", 0.90] == table["BG/NBD", "spend given purchases", 0.90]


@pytest.mark.parametrize(
    ("candidate", "total"),
    [
        ("simple formula", 1866),
        ("simple formula (gap 17 weeks)", 1910),
        ("simple formula (gap 26 weeks)", 1995),
        (TEXTBOOK, 2929),
        (TEXTBOOK_ALL, 5739),
    ],
)
def test_the_totals_of_the_simple_formula(rows, candidate, total):
    assert rows.loc[candidate, "purchases_predicted_total"] == pytest.approx(total, abs=0.5)


@pytest.mark.skipif(not is_installed(), reason="lifetimes is not installed")
def test_lifetimes_has_its_published_figures(rows):
    row = rows.loc["lifetimes BG/NBD"]
    assert row["purchases_predicted_total"] == pytest.approx(1653.4, abs=0.05)
    assert row["purchases_rmse"] == pytest.approx(1.60798, abs=1e-4)
    assert row["purchases_mae"] == pytest.approx(0.78545, abs=1e-4)


def test_purchases_by_past_frequency_are_the_published_ones(comparison):
    # BTYD walkthrough: actual and BG/NBD's conditional expectation for 0, 1, ... 7+ repeat purchases.
    table = comparison.by_frequency()
    assert table["frequency"].tolist() == [*"0123456", "7+"]
    assert table["customers"].tolist() == [1411, 439, 214, 100, 62, 38, 29, 64]
    actual = [0.2367116, 0.6970387, 1.392523, 1.560000, 2.532258, 2.947368, 3.862069, 6.359375]
    model = [0.2250893, 0.5231364, 1.044126, 1.520256, 2.163824, 2.653789, 3.503957, 6.157036]
    assert table["actual"].to_numpy() == pytest.approx(actual, abs=1e-6)
    assert table["BG/NBD"].to_numpy() == pytest.approx(model, rel=0.01)


def test_what_happened_is_counted_from_the_log_itself(comparison):
    table = load_cdnow()
    later = table[table["date"] > "1997-09-30"]
    by_day = later.groupby(["customer_id", "date"])["amount"].sum()
    assert len(by_day) == comparison.actual.purchases.sum() == 1882
    assert comparison.actual.money.sum() == pytest.approx(by_day.sum())
    one = comparison.past.customer_id.tolist().index(later["customer_id"].iloc[0])
    assert comparison.actual.purchases[one] == len(by_day[later["customer_id"].iloc[0]])
    assert comparison.horizon.days == 273


# --- the contract ----------------------------------------------------------------------------------------------------


def test_names_are_a_contract():
    names = [compared for compared in map(_name, standard_candidates()) if compared != "lifetimes BG/NBD"]
    assert names == [
        "BG/NBD",
        "MBG/NBD",
        "simple formula",
        "simple formula per customer",
        "simple formula (gap 17 weeks)",
        "simple formula (gap 26 weeks)",
        TEXTBOOK,
        TEXTBOOK_ALL,
        "simple formula (lifespan span)",
    ]
    assert any(isinstance(candidate, LifetimesBGNBD) for candidate in standard_candidates()) == is_installed()


def _name(candidate):
    return candidate.name


def test_the_json_file_has_a_row_a_candidate_with_every_number(written, rows):
    assert [row["candidate"] for row in written["candidates"]] == rows.index.tolist()
    for row in written["candidates"]:
        assert set(row) >= {f"{quantity}_{name}" for quantity in ("purchases", "money") for name in CONTRACT}
        assert row["purchases_actual_total"] == 1882
        assert row["money_actual_total"] == pytest.approx(70976.39)
        has_intervals = row["candidate"] in {"BG/NBD", "MBG/NBD"}
        for quantity in ("purchases", "money"):
            assert [row[f"{quantity}_{name}"] is not None for name in WITHOUT_INTERVALS] == [has_intervals] * 6
            assert all(isinstance(row[f"{quantity}_{name}"], float) for name in ("predicted_total", "rmse", "mae"))


def test_the_json_file_says_the_same_as_the_frame(written, rows):
    for row in written["candidates"]:
        for name, number in row.items():
            if isinstance(number, float):
                assert rows.loc[row["candidate"], name] == number
            elif number is None:
                assert pd.isna(rows.loc[row["candidate"], name])
    assert written["customers"] == 2357
    assert (written["futures"], written["seed"]) == (1000, 0)
    assert written["horizon_days"] == 273
    assert written["newcomers"] == {"customers": 0, "purchases": 0, "money": 0.0}
    assert written["hindsight"]["purchases_pit_90"] == pytest.approx(0.90, abs=0.002)


def test_the_json_file_carries_cautions_and_cleaning(comparison, written):
    assert written["cautions"] == []
    assert written["cleaning"] == comparison.past.cleaning.records()
    doubted = replace(comparison.past, cautions=(Caution("total row", "It is a total."),), cleaning=None)
    told = json.loads(replace(comparison, past=doubted).json())
    assert (told["cautions"], told["cleaning"]) == ([{"name": "total row", "text": "It is a total."}], None)


def test_the_csv_file_is_the_frame(comparison, tmp_path):
    comparison.to_csv(tmp_path / "comparison.csv")
    back = pd.read_csv(tmp_path / "comparison.csv").astype({"note": "string"})
    pd.testing.assert_frame_equal(back, comparison.frame(), check_dtype=False)


def test_the_repr_says_what_happened_and_what_was_predicted(comparison):
    text = repr(comparison)
    assert text.startswith("Comparison over 39 weeks: 2,357 customers made 1,882 purchases worth 70,976.39\n")
    assert "BG/NBD" in text


# --- invariances -----------------------------------------------------------------------------------------------------


def test_the_order_of_rows_and_the_seed_are_all_that_randomness_knows():
    quick = [ModelCandidate(BGNBD, method=Laplace(draws=60)), SimpleFormula()]
    table = load_cdnow().query("customer_id < '0600'")
    parts, again = (
        Transactions(rows, customer="customer_id", date="date", amount="amount").split("1997-09-30")
        for rows in (table, table.sample(frac=1, random_state=3))
    )
    one, other = (compare(quick, *parts, futures=60, seed=5).frame() for parts in (parts, again))
    pd.testing.assert_frame_equal(one, other, rtol=1e-12)
    changed = compare(quick[:1], *parts, futures=60, seed=6).frame()
    assert changed["purchases_crps"][0] != one["purchases_crps"][0]
    assert changed["purchases_crps"][0] == pytest.approx(one["purchases_crps"][0], rel=0.02)


def test_the_unit_does_not_change_the_answer(cdnow_split):
    quick = [ModelCandidate(BGNBD, method=MaximumLikelihood()), SimpleFormula()]
    weeks, days = (compare(quick, *cdnow_split, futures=60, unit=unit).frame() for unit in ("week", "day"))
    assert weeks["purchases_predicted_total"].to_numpy() == pytest.approx(days["purchases_predicted_total"], rel=1e-6)
    assert weeks["money_rmse"].to_numpy() == pytest.approx(days["money_rmse"], rel=1e-6)


def test_without_amounts_money_is_null(tmp_path):
    log = Transactions(load_cdnow(), customer="customer_id", date="date")
    made = compare(
        [ModelCandidate(BGNBD, method=MaximumLikelihood()), SimpleFormula()], *log.split("1997-09-30"), futures=50
    )
    made.to_json(tmp_path / "comparison.json")
    for row in json.loads((tmp_path / "comparison.json").read_text(encoding="utf-8"))["candidates"]:
        assert {row[f"money_{name}"] for name in CONTRACT} == {None}
        assert row["purchases_actual_total"] == 1882
    assert set(made.intervals()["quantity"]) == {"purchases"}
    assert "worth" not in repr(made)


# --- the past and the future -----------------------------------------------------------------------------------------


def returning_customers():
    """Twelve customers with three purchases before the split; the first two buy after it, too, and three are new."""
    rows = [(f"c{i:02}", f"2024-0{month}-{5 + i:02}", 10.0 + i) for i in range(12) for month in (1, 2, 3)]
    rows += [
        ("c00", "2024-05-01", 7.0),
        ("c00", "2024-05-01", 3.0),
        ("c00", "2024-05-09", 5.0),
        ("c01", "2024-06-01", 4.0),
    ]
    rows += [("n1", "2024-04-20", 50.0), ("n1", "2024-05-20", 60.0), ("n2", "2024-06-30", 1.0)]
    return rows


@pytest.mark.filterwarnings("ignore:No customer was observed for longer")
def test_newcomers_are_counted_apart():
    log = Transactions(orders(returning_customers()), "who", "day", "paid")
    made = compare([SimpleFormula()], *log.split("2024-03-31"), futures=10)
    assert len(made.past) == 12
    assert made.actual.purchases.tolist() == [2, 1] + [0] * 10
    assert made.actual.money.tolist() == [15.0, 4.0] + [0.0] * 10
    assert vars(made.actual.newcomers) == {"customers": 2, "purchases": 3, "money": 111.0}
    assert made.frame()["purchases_actual_total"].tolist() == [3.0]


@pytest.mark.filterwarnings("ignore:No customer was observed for longer")
def test_a_return_after_the_split_does_not_change_the_past():
    kept = returning_customers()
    back = [*kept, ("c05", "2024-05-05", -12.0), ("c00", "2024-06-02", -5.0)]
    one, other = (
        compare([SimpleFormula()], *Transactions(orders(rows), "who", "day", "paid").split("2024-03-31"), futures=10)
        for rows in (kept, back)
    )
    pd.testing.assert_frame_equal(one.past.frame(), other.past.frame())
    columns = ["purchases_predicted_total", "money_predicted_total"]
    pd.testing.assert_frame_equal(one.frame()[columns], other.frame()[columns])
    # In the holdout it is netted: the purchase of 5 on the ninth of May is undone.
    assert other.actual.money.tolist() == [10.0, 4.0] + [0.0] * 10
    assert other.actual.purchases.tolist() == [1, 1] + [0] * 10


@pytest.mark.filterwarnings("ignore:No customer was observed for longer")
def test_the_silence_at_the_end_belongs_to_the_holdout():
    log = Transactions(orders(returning_customers()), "who", "day", "paid", observed_until="2024-09-30")
    made = compare([SimpleFormula()], *log.split("2024-03-31"), futures=10)
    assert made.horizon.days == 183


# --- failures --------------------------------------------------------------------------------------------------------


def test_a_candidate_that_cannot_be_fitted_has_nulls_and_a_note(tmp_path):
    # Nobody ever stops, so BG/NBD's drop-out runs to the border.
    log = Transactions(poisson_buyers(), "who", "day", "paid")
    candidate = ModelCandidate(BGNBD, method=MaximumLikelihood())
    made = compare([candidate, SimpleFormula()], *log.split("2023-09-30"), futures=50)
    made.to_json(tmp_path / "comparison.json")
    failed, formula = json.loads((tmp_path / "comparison.json").read_text(encoding="utf-8"))["candidates"]
    assert failed["candidate"] == "BG/NBD"
    for quantity in ("purchases", "money"):
        assert {failed[f"{quantity}_{name}"] for name in CONTRACT[1:]} == {None}
    assert failed["purchases_actual_total"] == formula["purchases_actual_total"] > 0
    assert "border" in failed["note"]
    assert "NBD" in failed["note"]
    assert formula["note"] is None
    assert formula["purchases_predicted_total"] > 0
    assert "BG/NBD" not in made.by_frequency()


def test_an_error_of_one_candidate_leaves_the_others(cdnow_split):
    made = compare([Named("broken"), SimpleFormula()], *cdnow_split, futures=20).frame()
    assert made["note"].tolist() == ["This one never works. Take another.", pd.NA]
    assert made["purchases_predicted_total"].isna().tolist() == [True, False]


def test_a_candidate_of_ones_own(cdnow_split):
    class Naive:
        name = "as before"

        def predict(self, past, horizon, futures, seed):
            assert horizon.count(past.unit) == 39
            return Prediction(None, None, note=f"{futures} futures, seed {seed}")

    made = compare([Naive()], *cdnow_split, futures=7, seed=11)
    assert made.results[0].note == "7 futures, seed 11"


def test_whatever_predicts_stands_beside_whatever_else_predicts(cdnow_split):
    past, _ = cdnow_split
    rfm = past.summarize()
    fitted = fit(MBGNBD, rfm.take(slice(0, None, 2)), MaximumLikelihood())  # of every other customer
    point = ModelCandidate(BGNBD, GammaGamma(of="all"), MaximumLikelihood())
    own = Named("one's own", ModelCandidate(NBD, method=MaximumLikelihood()))
    made = compare([BGNBD, NBD(), fitted, point, SimpleFormula(), own], *cdnow_split, futures=20)
    names = ["BG/NBD", "NBD", "MBG/NBD, as fitted", "BG/NBD with Gamma-Gamma (all purchases)", "simple formula"]
    assert made.frame()["candidate"].tolist() == [*names, "one's own"]
    assert [result.kind for result in made.results] == ["model"] * 4 + ["formula", "model"]
    assumed = [[name for name, _ in result.assumptions] for result in made.results]
    spend = "Gamma-Gamma"
    assert assumed == [
        *(["BG/NBD", spend], ["NBD", spend], ["MBG/NBD"], ["BG/NBD", "Gamma-Gamma (all purchases)"]),
        *(["Simple formula"], []),
    ]
    row = made.frame().set_index("candidate").loc["MBG/NBD, as fitted"]
    as_fitted = predict(fitted, rfm, "39 weeks", futures=20).total()
    assert row["purchases_predicted_total"] == pytest.approx(as_fitted.mean, rel=1e-12)
    again = predict(fit(MBGNBD, rfm, MaximumLikelihood()), rfm, "39 weeks", futures=20).total()
    assert abs(row["purchases_predicted_total"] - again.mean) > 1
    assert pd.isna(row[["money_predicted_total", "note"]]).all()


def test_a_model_of_ones_own_is_compared_like_those_of_the_package(cdnow_split):
    class Doubled(NBD):
        name = "twice NBD"

        def future(self, histories):
            return replace(super().future(histories), rate=super().future(histories).rate / 2)

    quick = [ModelCandidate(what, method=MaximumLikelihood()) for what in (Doubled(), NBD())]
    twice, once = compare(quick, *cdnow_split, futures=50).frame()["purchases_predicted_total"]
    assert twice == pytest.approx(2 * once)


def test_a_fit_that_has_seen_what_it_is_to_predict_is_an_error_and_no_note(cdnow, cdnow_split):
    seen = fit(BGNBD, cdnow.summarize(), MaximumLikelihood())
    with pytest.raises(SettingError, match=r"ends on 1998-06-30, .* Pass its specification"):
        compare([seen, SimpleFormula()], *cdnow_split, futures=20)


def test_one_name_cannot_stand_for_two(cdnow_split):
    with pytest.raises(SettingError, match="Two candidates have the name 'BG/NBD'"):
        compare([BGNBD, ModelCandidate(BGNBD, method=MaximumLikelihood())], *cdnow_split)
    renamed = Named("BG/NBD, point", ModelCandidate(BGNBD, method=MaximumLikelihood()))
    assert len(compare([SimpleFormula(), renamed], *cdnow_split, futures=20).frame()) == 2


@pytest.mark.parametrize(
    ("candidates", "settings", "message"),
    [
        (["BGNBD"], {}, "'BGNBD' is not a candidate"),
        ([], {}, "There is no candidate to compare"),
        (BGNBD, {}, "Candidates come in a list"),
        ([SimpleFormula()], {"seed": -1}, "seed=-1 is not"),
        ([BGNBD], {"seed": 1.5}, "seed=1.5 is not"),
        ([BGNBD], {"futures": 0}, "futures=0 is not"),
        ([SimpleFormula()], {"futures": 2.5}, "futures=2.5 is not"),
    ],
)
def test_a_misuse_is_an_error_and_no_note(cdnow_split, candidates, settings, message):
    with pytest.raises(SettingError, match=message):
        compare(candidates, *cdnow_split, **settings)


def test_two_logs_that_are_not_one_split_are_refused(cdnow, cdnow_split):
    past, future = cdnow_split
    _, later = cdnow.split("1997-12-31")
    for parts in ((cdnow, cdnow), (past, past), (future, past)):
        with pytest.raises(SettingError, match="Only the second part of a split has newcomers"):
            compare([SimpleFormula()], *parts)
    for parts in ((past, later), (cdnow, future), (future, future)):
        with pytest.raises(SettingError, match="not the two parts of one split"):
            compare([SimpleFormula()], *parts)


def test_progress_is_told_of_every_customer_and_quantity(cdnow_split):
    told = []
    compare(
        [SimpleFormula(), ModelCandidate(MBGNBD, method=MaximumLikelihood())],
        *cdnow_split,
        futures=20,
        progress=told.append,
    )
    assert sum(told) == 4 * 2357


def test_spend_of_repeat_and_of_all_purchases_stand_side_by_side(cdnow_split):
    every = ModelCandidate(BGNBD, spend=GammaGamma(of="all"))
    table = compare([BGNBD, every], *cdnow_split, futures=200).frame().set_index("candidate")
    repeats, all_of_them = table.loc["BG/NBD"], table.loc[every.name]
    assert repeats["purchases_crps"] == all_of_them["purchases_crps"]
    assert all_of_them["money_gini"] > repeats["money_gini"] + 0.02  # one-time buyers are told apart
    assert all_of_them["money_crps"] == pytest.approx(repeats["money_crps"], rel=0.01)


def test_an_infinite_mean_spend_leaves_the_purchases_as_they_are(cdnow_split):
    class Enormous(GammaGamma):
        name = "Gamma-Gamma without a mean"

        def value(self, x, m):
            return replace(super().value(x, m), shape=np.ones(()))

    (row,) = compare([ModelCandidate(BGNBD, spend=Enormous())], *cdnow_split, futures=20).frame().to_dict("records")
    (usual,) = compare([BGNBD], *cdnow_split, futures=20).frame().to_dict("records")
    for name in ("predicted_total", "total_lower_90", "total_upper_90", "crps"):
        assert row[f"purchases_{name}"] == usual[f"purchases_{name}"]
    assert pd.isna(row["money_predicted_total"])
    assert row["note"].startswith(
        "Gamma-Gamma without a mean: 2,357 of 2,357 customers have an infinite expected spend"
    )
