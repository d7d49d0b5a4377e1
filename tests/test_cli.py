"""The clv command, as a user calls it: files in, files and messages out, exit codes."""

import json
import sys
import warnings

import numpy as np
import pandas as pd
import pytest

import clvmodels as clv
from clvmodels import cli
from clvmodels.cli import main
from clvmodels.errors import CLVWarning, InfiniteMeanError
from clvmodels.inference import methods

COLUMNS = ["--customer", "customer_id", "--date", "date"]
MONEY = [*COLUMNS, "--amount", "amount"]

SCORES = [
    *("customer_id", "p_alive", "expected_purchases", "expected_spend"),
    *("clv_mean", "clv_median", "clv_lower", "clv_upper", "p_zero", "clv_simple"),
]


@pytest.fixture
def run(monkeypatch, capsys):
    """Call clv with arguments; return its exit code, output and complaints."""
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["clv", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        return code, *capsys.readouterr()

    return call


@pytest.fixture(scope="module")
def orders(tmp_path_factory):
    """Every fourth customer of the CDNOW log, as Parquet and as CSV."""
    folder = tmp_path_factory.mktemp("orders")
    log = clv.datasets.load_cdnow()
    some = log[log["customer_id"].astype(int) % 4 == 0]
    some.to_parquet(folder / "orders.parquet")
    some.to_csv(folder / "orders.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def model(orders):
    """Both fits of the whole log, in a file."""
    rfm = clv.Transactions(pd.read_parquet(orders / "orders.parquet"), "customer_id", "date", "amount").summarize()
    clv.save({"purchases": clv.fit(clv.BGNBD, rfm), "spend": clv.fit(clv.GammaGamma, rfm)}, orders / "stored.json")
    return orders / "stored.json"


def test_demo_writes_a_report_and_its_data(run, tmp_path):
    code, out, _ = run("demo", "--out", tmp_path / "demo")
    assert code == 0
    scores = pd.read_parquet(tmp_path / "demo" / "scores.parquet")
    assert list(scores.columns) == SCORES
    assert len(scores) == 2357
    assert np.isfinite(scores.drop(columns="customer_id")).all(axis=None)
    candidates = json.loads((tmp_path / "demo" / "comparison.json").read_text())["candidates"]
    assert {"BG/NBD", "MBG/NBD", "simple formula"} <= {row["candidate"] for row in candidates}
    assert len(pd.read_csv(tmp_path / "demo" / "comparison.csv")) == len(candidates)
    assert (tmp_path / "demo" / "report.html").read_text().count("<svg") >= 4
    assert "BG/NBD" in out
    assert "1,882" in out


def test_fit_then_score_equals_the_library(run, orders, tmp_path):
    log = orders / "orders.parquet"
    code, out, _ = run("fit", log, *MONEY, "--out", tmp_path / "model.json")
    assert code == 0
    assert "The fit converged" in out
    plan = ["--horizon", "1 year", "--discount", "0.1", "--seed", "7", "--draws", "100"]
    code, _, _ = run("score", log, *MONEY, "--model", tmp_path / "model.json", *plan, "--out", tmp_path)
    assert code == 0
    scores = pd.read_parquet(tmp_path / "scores.parquet")
    rfm = clv.Transactions(pd.read_parquet(log), "customer_id", "date", "amount").summarize()
    purchases, spend = clv.fit(clv.BGNBD, rfm), clv.fit(clv.GammaGamma, rfm)
    expected = clv.value(purchases, spend, rfm, clv.Plan("1 year", 0.1), draws=100, seed=7).frame()
    pd.testing.assert_frame_equal(scores[expected.columns], expected)


def test_the_spend_model_is_chosen_when_fitting_and_scores_as_stored(run, orders, tmp_path):
    log, stored = orders / "orders.parquet", tmp_path / "model.json"
    code, out, _ = run("fit", log, *MONEY, "--spend-model", "GammaGammaAllPurchases", "--out", stored)
    assert (code, "Gamma-Gamma (all purchases) fitted by" in out) == (0, True)
    assert clv.load(stored)["spend"].specification is clv.GammaGammaAllPurchases
    settings = [*MONEY, "--model", stored, "--horizon", "1 year", "--seed", "7", "--draws", "50", "--out", tmp_path]
    assert run("score", log, *settings)[0] == 0
    scores = pd.read_parquet(tmp_path / "scores.parquet")
    rfm = clv.Transactions(pd.read_parquet(log), "customer_id", "date", "amount").summarize()
    purchases, spend = clv.fit(clv.BGNBD, rfm), clv.fit(clv.GammaGammaAllPurchases, rfm)
    expected = clv.value(purchases, spend, rfm, clv.Plan("1 year"), draws=50, seed=7).frame()
    pd.testing.assert_frame_equal(scores[expected.columns], expected)
    assert scores["expected_spend"][rfm.frequency == 0].nunique() > 50


def test_advice_about_spend_models_names_the_option():
    with pytest.raises(InfiniteMeanError) as error:
        clv.GammaGamma(0.5, 0.5, 9.0).expected_spend(np.zeros(1), np.zeros(1))
    said = cli._as_options(str(error.value))
    assert "Or use clv fit --spend-model GammaGammaAllPurchases: it has seen" in said
    assert "clv.Gamma" not in said


def test_csv_gives_what_parquet_gives(run, orders, model, tmp_path):
    settings = [*MONEY, "--model", model, "--horizon", "26 weeks", "--draws", "50"]
    for form in ("parquet", "csv"):
        assert run("score", orders / f"orders.{form}", *settings, "--out", tmp_path / form)[0] == 0
    read = [pd.read_parquet(tmp_path / form / "scores.parquet") for form in ("parquet", "csv")]
    pd.testing.assert_frame_equal(*read)


def test_without_amounts_purchases_are_predicted(run, orders, model, tmp_path):
    settings = [*COLUMNS, "--model", model, "--horizon", "26 weeks", "--draws", "50", "--out", tmp_path]
    assert run("score", orders / "orders.parquet", *settings)[0] == 0
    scores = pd.read_parquet(tmp_path / "scores.parquet")
    assert "purchases_upper" in scores.columns
    assert not [name for name in scores.columns if name.startswith("clv")]


def test_compare_scores_the_candidates(run, orders, tmp_path):
    settings = [*MONEY, "--split", "1997-09-30", "--draws", "50", "--also", "NBD", "--out", tmp_path]
    code, out, _ = run("compare", orders / "orders.parquet", *settings)
    assert code == 0
    rows = {row["candidate"]: row for row in json.loads((tmp_path / "comparison.json").read_text())["candidates"]}
    assert {"BG/NBD", "MBG/NBD", "NBD", "simple formula", "simple formula per customer"} <= set(rows)
    assert rows["BG/NBD"]["purchases_total_lower_90"] < rows["BG/NBD"]["purchases_predicted_total"]
    assert rows["simple formula"]["money_total_lower_90"] is None
    assert (tmp_path / "report.html").exists()
    assert "simple formula" in out


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_summarize_writes_the_rfm_table_and_says_how_it_cleaned(run, orders, tmp_path, suffix):
    out = tmp_path / f"rfm.{suffix}"
    code, said, _ = run("summarize", orders / "orders.parquet", *MONEY, "--unit", "day", "--out", out)
    assert code == 0
    assert "came in" in said
    table = pd.read_csv(out) if suffix == "csv" else pd.read_parquet(out)
    assert list(table.columns[:5]) == ["customer_id", "frequency", "recency", "T", "monetary_value"]


@pytest.mark.parametrize(("method", "written"), [("nuts", "NUTS()"), ("maximum-likelihood", "MaximumLikelihood()")])
def test_the_method_of_inference_can_be_chosen(run, orders, tmp_path, method, written):
    settings = [*MONEY, "--model", "ParetoNBD", "--method", method, "--out", tmp_path / "model.json"]
    code, out, _ = run("fit", orders / "orders.parquet", *settings)
    assert code == 0
    assert f"Pareto/NBD fitted by {written} to" in out
    fits = clv.load(tmp_path / "model.json")
    assert {fitted.method for fitted in fits.values()} == {written}


def test_advice_is_given_in_the_words_of_the_command():
    verdict = str(methods._judge(0.9))
    said = cli._as_options(verdict)
    assert "Use --method nuts, which does not need it to be; use more customers" in said
    assert "--method maximum-likelihood gives the point alone" in said
    assert "Laplace" not in said


def test_a_fit_that_cannot_be_relied_on_ends_with_code_1(run, tmp_path):
    once = pd.DataFrame({"who": range(50), "day": pd.date_range("2024-01-01", periods=50, freq="3D")})
    once.to_csv(tmp_path / "once.csv", index=False)
    call = ["fit", tmp_path / "once.csv", "--customer", "who", "--date", "day", "--out", tmp_path / "model.json"]
    code, out, _ = run(*call)
    assert code == 1
    assert "bought once" in out
    assert not (tmp_path / "model.json").exists()


def test_a_failed_fit_leaves_a_good_model_alone(run, model, tmp_path):
    good = tmp_path / "model.json"
    good.write_bytes(model.read_bytes())
    clv.datasets.load_cdnow().head(20).to_csv(tmp_path / "few.csv", index=False)
    assert run("fit", tmp_path / "few.csv", *MONEY, "--out", good)[0] == 1
    assert good.read_bytes() == model.read_bytes()


def test_a_file_that_ends_early_is_valued_from_its_end_and_says_so(run, orders, model, tmp_path):
    log = pd.read_parquet(orders / "orders.parquet")
    log[log["customer_id"] == log["customer_id"].iloc[0]].to_parquet(tmp_path / "one.parquet")
    settings = [*MONEY, "--model", model, "--horizon", "1 year", "--draws", "50", "--seed", "3"]
    with warnings.catch_warnings():
        warnings.simplefilter("default", CLVWarning)
        _, out, complaint = run("score", tmp_path / "one.parquet", *settings, "--out", tmp_path / "early")
    assert "--observed-until '1998-06-30'" in complaint
    until = ["--observed-until", "1998-06-30"]
    code, out, _ = run("score", tmp_path / "one.parquet", *settings, *until, "--out", tmp_path / "one")
    assert (code, "From the end of 1998-06-30" in out) == (0, True)
    run("score", orders / "orders.parquet", *settings, "--out", tmp_path / "all")
    one, everyone = (pd.read_parquet(tmp_path / name / "scores.parquet") for name in ("one", "all"))
    same = everyone[everyone["customer_id"] == one["customer_id"].iloc[0]].reset_index(drop=True)
    pd.testing.assert_frame_equal(one.drop(columns="clv_simple"), same.drop(columns="clv_simple"), check_exact=True)


def test_what_cannot_be_written_is_an_error_and_spares_what_was_there(run, orders, model, tmp_path):
    settings = [*COLUMNS, "--model", model, "--horizon", "1 year", "--draws", "9"]
    (tmp_path / "file").write_text("")
    code, _, complaint = run("score", orders / "orders.parquet", *settings, "--out", tmp_path / "file")
    assert (code, "cannot be made a folder" in complaint) == (1, True)
    code, _, complaint = run("summarize", orders / "orders.csv", *COLUMNS, "--out", tmp_path / "nowhere" / "rfm.csv")
    assert (code, "cannot be written" in complaint) == (1, True)
    code, _, complaint = run("summarize", orders / "orders.csv", *COLUMNS, "--out", tmp_path / "rfm.xlsx")
    assert (code, "neither in .csv nor in .parquet" in complaint) == (1, True)
    code, _, complaint = run("score", orders / "orders.parquet", *settings, "--margin", "0.3", "--out", tmp_path)
    assert (code, "--amount" in complaint) == (1, True)


def test_the_version_is_said(run):
    assert run("--version")[:2] == (0, f"{clv.__version__}\n")


def test_a_warning_is_a_sentence_too(run, tmp_path):
    first = ["2024-01-01"] * 60 + [f"2024-0{month}-15" for month in range(2, 7)] * 4
    repeat = ["2024-05-01"] * 30 + ["2024-06-01"] * 30
    log = pd.DataFrame({"who": [*range(80), *range(60)], "day": first + repeat})
    log.to_csv(tmp_path / "log.csv", index=False)
    with warnings.catch_warnings():
        warnings.simplefilter("default", CLVWarning)
        call = ["--customer", "who", "--date", "day", "--out", tmp_path / "rfm.csv"]
        code, _, complaint = run("summarize", tmp_path / "log.csv", *call)
    assert code == 0
    assert complaint.startswith("Warning 60 customers have their first purchase in the first 30 days")
    assert ".py" not in complaint


def test_errors_are_sentences(run, orders, tmp_path):
    log = orders / "orders.parquet"
    code, _, complaint = run("fit", log, "--customer", "customer", "--date", "date", "--out", tmp_path / "m.json")
    assert (code, "no column 'customer'" in complaint, "customer_id" in complaint) == (1, True, True)
    (tmp_path / "model.json").write_text("[]")
    plan = ["--model", tmp_path / "model.json", "--out", tmp_path, "--horizon"]
    code, _, complaint = run("score", log, *COLUMNS, *plan, "1 year")
    assert (code, "not a stored model" in complaint) == (1, True)
    code, _, complaint = run("score", log, *COLUMNS, *plan, "12")
    assert (code, "is not a duration" in complaint) == (1, True)
    assert "Traceback" not in complaint


def test_a_wrong_call_ends_with_code_2(run, orders):
    assert run("fit", orders / "orders.parquet")[0] == 2
    assert run("score", orders / "nowhere.parquet")[0] == 2


@pytest.mark.parametrize("command", ["demo", "summarize", "fit", "score", "compare"])
def test_help_shows_an_example(run, command):
    code, out, _ = run(command, "--help")
    assert code == 0
    assert f"clv {command}" in out
