"""The clv command, as a user calls it: files in, files and messages out, exit codes."""

import json
import sys
import warnings
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest

import clvmodels as clv
from clvmodels import cli
from clvmodels.cli import main
from clvmodels.data.files import output_folder
from clvmodels.errors import CLVWarning

COLUMNS = ["--customer", "customer_id", "--date", "date"]
MONEY = [*COLUMNS, "--amount", "amount"]

SCORES = [
    *("customer_id", "p_alive", "expected_purchases", "discounted_purchases", "expected_spend"),
    *("clv_mean", "clv_sd", "clv_median", "clv_lower", "clv_upper", "p_zero"),
    *("past_value", "lifetime_value_mean", "clv_simple"),
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
    report = (tmp_path / "demo" / "report.html").read_text()
    assert report.count("<svg") >= 4
    for model in (clv.BGNBD(), clv.MBGNBD(), clv.GammaGamma()):
        assert f"<dt>{model.name}</dt><dd>{model.assumption}</dd>" in report
    assert "<dt>Simple formula</dt>" in report
    assert "BG/NBD" in out
    assert "1,882" in out


def test_fit_then_score_equals_the_library(run, orders, tmp_path):
    log = orders / "orders.parquet"
    code, out, _ = run("fit", log, *MONEY, "--out", tmp_path / "model.json")
    assert code == 0
    assert "The fit converged" in out
    plan = ["--horizon", "1 year", "--discount", "0.1", "--seed", "7", "--futures", "100"]
    code, _, _ = run("score", log, *MONEY, "--model", tmp_path / "model.json", *plan, "--out", tmp_path)
    assert code == 0
    scores = pd.read_parquet(tmp_path / "scores.parquet")
    rfm = clv.Transactions(pd.read_parquet(log), "customer_id", "date", "amount").summarize()
    purchases, spend = clv.fit(clv.BGNBD, rfm), clv.fit(clv.GammaGamma, rfm)
    expected = clv.value(purchases, spend, rfm, clv.Plan("1 year", 0.1), futures=100, seed=7).frame()
    pd.testing.assert_frame_equal(scores[expected.columns], expected)


def test_the_spend_model_is_chosen_when_fitting_and_scores_as_stored(run, orders, tmp_path):
    log, stored = orders / "orders.parquet", tmp_path / "model.json"
    code, out, _ = run("fit", log, *MONEY, "--spend-model", "GammaGamma:of=all", "--out", stored)
    assert (code, "Gamma-Gamma (all purchases) fitted by" in out) == (0, True)
    assert clv.load_fits(stored)["spend"].specification.recipe() == {"model": "GammaGamma", "of": "all"}
    settings = [*MONEY, "--model", stored, "--horizon", "1 year", "--seed", "7", "--futures", "50", "--out", tmp_path]
    assert run("score", log, *settings)[0] == 0
    scores = pd.read_parquet(tmp_path / "scores.parquet")
    rfm = clv.Transactions(pd.read_parquet(log), "customer_id", "date", "amount").summarize()
    purchases, spend = clv.fit(clv.BGNBD, rfm), clv.fit(clv.GammaGamma(of="all"), rfm)
    expected = clv.value(purchases, spend, rfm, clv.Plan("1 year"), futures=50, seed=7).frame()
    pd.testing.assert_frame_equal(scores[expected.columns], expected)
    assert scores["expected_spend"][rfm.frequency == 0].nunique() > 50


def test_value_without_discount_is_called_money(run, orders, model, tmp_path):
    log = pd.read_parquet(orders / "orders.parquet")
    log["channel"] = np.where(log["customer_id"].astype(int) % 8, "web", "shop")
    log.to_parquet(tmp_path / "log.parquet")
    settings = ["--model", model, "--horizon", "1 year", "--segment", "channel", "--futures", "50", "--out", tmp_path]
    assert run("score", tmp_path / "log.parquet", *MONEY, *settings)[0] == 0
    undiscounted = [name.replace("clv_", "money_") for name in SCORES if name != "discounted_purchases"]
    assert list(pd.read_parquet(tmp_path / "scores.parquet")) == undiscounted
    assert list(pd.read_csv(tmp_path / "segments.csv")) == [
        *("segment", "customers", "money_mean", "money_per_customer", "money_lower", "money_upper"),
        *("expected_lower", "expected_upper"),
    ]


@pytest.mark.parametrize(
    ("option", "text", "message"),
    [
        ("--model", "BG", "There is no model of purchases named 'BG'. There are: "),
        ("--model", "GammaGamma", "There is no model of purchases named 'GammaGamma'. There are: "),
        ("--spend-model", "gammagamma", "There is no model of spend named 'gammagamma'. There are: GammaGamma"),
        ("--model", "BGNBD:of=all", "BGNBD does not take these settings: {'of': 'all'}. It takes: none."),
        (
            "--spend-model",
            "GammaGamma:off=all",
            "GammaGamma does not take these settings: {'off': 'all'}. It takes: of.",
        ),
        (
            "--spend-model",
            "GammaGamma:of=first",
            "of = 'first' is not known. Use one of: 'repeat', 'all'.",
        ),
        (
            "--spend-model",
            "GammaGamma:p=6,q=4,gamma=15",
            "GammaGamma does not take these settings: {'p': '6', 'q': '4', 'gamma': '15'}. It takes: of.",
        ),
    ],
)
def test_a_model_or_a_setting_that_is_not_known_is_an_error_that_names_those_that_are(
    run, orders, tmp_path, option, text, message
):
    call = ["fit", orders / "orders.parquet", *MONEY, option, text, "--out", tmp_path / "model.json"]
    code, _, complaint = run(*call)
    assert (code, message in complaint) == (1, True), complaint
    if option == "--model" and ":" not in text:
        assert {"BGNBD", "MBGNBD", "NBD", "ParetoNBD"} <= set(
            complaint.split("There are: ")[1].strip(" .\n").split(", ")
        )
    assert not (tmp_path / "model.json").exists()


def test_another_candidate_that_is_not_known_is_an_error_before_anything_is_computed(run, orders, tmp_path):
    call = ["compare", orders / "orders.parquet", *MONEY, "--split", "1997-09-30", "--out", tmp_path / "out"]
    for text in ("Pareto/NBD", "GammaGamma:of=all"):
        code, out, complaint = run(*call, "--also", text)
        assert (code, out, "There is no model of purchases named" in complaint) == (1, "", True)
    assert not (tmp_path / "out").exists()


def test_several_horizons_costs_and_columns_equal_the_library(run, orders, model, tmp_path):
    log = pd.read_parquet(orders / "orders.parquet")
    number = log["customer_id"].astype(int)
    log["share"] = 0.2 + (number % 3) / 10
    log["channel"] = np.where(number % 8, "web", "shop")
    log.to_csv(tmp_path / "log.csv", index=False)
    plan = [*("--horizon", "1 year", "--horizon", "3 months", "--discount", "0.1", "--margin", "share")]
    plan += [*("--cost-per-purchase", "1.5", "--cost-to-serve", "4", "--segment", "channel")]
    settings = ["--model", model, "--futures", "50", "--seed", "3", "--threads", "2", "--out", tmp_path]
    code, out, _ = run("score", tmp_path / "log.csv", *MONEY, *plan, *settings)
    assert code == 0
    assert "3 months: Total" in out
    assert "1 year: Total" in out
    assert "margin in column 'share', 1.5 a purchase and 4 a year to serve" in out
    scores = pd.read_parquet(tmp_path / "scores.parquet")
    assert list(scores) == ["customer_id", "horizon", *SCORES[1:]]
    transactions = clv.Transactions(log, "customer_id", "date", "amount", columns=["share", "channel"])
    fits, rfm = clv.load_fits(model), transactions.summarize()
    same = clv.Plan(["3 months", "1 year"], 0.1, "share", 1.5, 4)
    expected = clv.value(fits["purchases"], fits["spend"], rfm, same, futures=50, seed=3)
    pd.testing.assert_frame_equal(scores[list(expected.frame())], expected.frame())
    segments = pd.read_csv(tmp_path / "segments.csv")
    assert segments["segment"].tolist() == ["shop", "web"] * 2
    assert segments["horizon"].tolist() == ["3 months"] * 2 + ["1 year"] * 2
    yearly = expected.at("1 year").by("channel").frame()
    assert segments["clv_upper"].tolist()[2:] == pytest.approx(yearly["clv_upper"].tolist(), rel=1e-12)


def test_columns_that_cannot_be_used_are_refused(run, orders, model, tmp_path):
    log = pd.read_parquet(orders / "orders.parquet")
    log["share"] = np.where(log["customer_id"] == log["customer_id"].iloc[0], 30.0, 0.3)
    log["word"] = "high"
    log["moves"] = np.arange(len(log))
    log["channel"] = np.where(log["customer_id"] == log["customer_id"].iloc[0], None, "web")
    log.to_parquet(tmp_path / "log.parquet")
    settings = ["--model", model, "--horizon", "1 year", "--futures", "9", "--out", tmp_path / "out"]
    for option, message in {
        ("--margin", "share"): "1 of 589 customers have something else ('0004' has 30.0)",
        ("--margin", "word"): "values in column 'word' are not numbers: 'high'",
        ("--discount", "0,1"): "'0,1' is no number as it is read here. Write a point, not a comma: 0.1, or 10%.",
        ("--margin", "30,5 %"): "'30,5 %' is no number as it is read here",
        ("--discount", "110%"): "discount is an effective yearly rate, such as 0.10 for 10 % a year",
        ("--discount", "10"): "discount is an effective yearly rate, such as 0.10 for 10 % a year",
        ("--cost-to-serve", "moves"): "Column 'moves' changes within customers",
        ("--cost-per-purchase", "-1"): "--cost-per-purchase is money, 0 or more",
        ("--segment", "channel"): "1 of 589 customers have no segment",
        ("--segment", "chanel"): "has no column 'chanel'",
        ("--horizon", "12 months"): "Horizons are one or more different durations",
        (
            "--horizon",
            "infinite",
        ): "An infinite horizon needs a discount: without one the expected value need not exist. "
        "Set --discount, or a finite horizon.",
        ("--threads", "0"): "--threads 0 is not",
        ("--futures", "0"): "--futures 0 is not",
        ("--seed", "-1"): "--seed -1 is not",
    }.items():
        code, _, complaint = run("score", tmp_path / "log.parquet", *MONEY, *settings, *option)
        assert (code, message in complaint) == (1, True), complaint
    assert not [*(tmp_path / "out").glob("*")]


def test_segments_of_purchases_need_no_amounts(run, orders, model, tmp_path):
    log = pd.read_parquet(orders / "orders.parquet")
    log["channel"] = np.where(log["customer_id"].astype(int) % 8, "web", "shop")
    log.to_parquet(tmp_path / "log.parquet")
    settings = [*COLUMNS, "--model", model, "--horizon", "26 weeks", "--futures", "50", "--out", tmp_path]
    assert run("score", tmp_path / "log.parquet", *settings, "--segment", "channel")[0] == 0
    segments = pd.read_csv(tmp_path / "segments.csv")
    assert segments["customers"].sum() == len(pd.read_parquet(tmp_path / "scores.parquet"))
    assert segments["purchases_mean"].gt(0).all()
    assert "horizon" not in segments


def test_csv_gives_what_parquet_gives(run, orders, model, tmp_path):
    settings = [*MONEY, "--model", model, "--horizon", "26 weeks", "--futures", "50"]
    for form in ("parquet", "csv"):
        assert run("score", orders / f"orders.{form}", *settings, "--out", tmp_path / form)[0] == 0
    read = [pd.read_parquet(tmp_path / form / "scores.parquet") for form in ("parquet", "csv")]
    pd.testing.assert_frame_equal(*read)


def test_without_amounts_purchases_are_predicted(run, orders, model, tmp_path):
    settings = [*COLUMNS, "--model", model, "--horizon", "26 weeks", "--futures", "50", "--out", tmp_path]
    assert run("score", orders / "orders.parquet", *settings)[0] == 0
    scores = pd.read_parquet(tmp_path / "scores.parquet")
    assert "purchases_upper" in scores.columns
    assert not [name for name in scores.columns if name.startswith("clv")]


def test_compare_scores_the_candidates(run, orders, tmp_path):
    settings = [*MONEY, "--split", "1997-09-30", "--futures", "50", "--also", "NBD", "--out", tmp_path]
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


def test_a_doubtful_log_is_fitted_and_said_to_be_so_in_short_or_in_full(run, orders, tmp_path):
    log = pd.read_csv(orders / "orders.csv", dtype={"customer_id": str})
    last = log["date"].max()
    total = pd.DataFrame({"customer_id": ["Total"], "date": [last], "amount": [2 * log["amount"].sum()]})
    pd.concat([log, log, total]).to_csv(tmp_path / "log.csv", index=False)
    command = ["fit", tmp_path / "log.csv", *MONEY, "--method", "maximum-likelihood", "--out", tmp_path / "m.json"]
    code, out, complaint = run(*command)
    assert code == 0
    assert f"{2 * len(log) + 1:,} rows of 590 customers came in (taken out: " in out
    assert "Noted: " in out
    assert [line.split()[:4] for line in complaint.splitlines()] == [
        ["Warning", "The", "row", "of"],
        ["Warning", "Every", "row", "from"],
    ]
    _, full, again = run(*command, "--verbose")
    assert again == complaint
    assert "The table as it was handed in." in full
    assert "The table as it was handed in." not in out


@pytest.mark.parametrize(("name", "method"), [("nuts", clv.NUTS()), ("maximum-likelihood", clv.MaximumLikelihood())])
def test_the_method_of_inference_can_be_chosen(run, orders, tmp_path, name, method):
    settings = [*MONEY, "--model", "NBD", "--method", name, "--out", tmp_path / "model.json"]
    code, out, _ = run("fit", orders / "orders.parquet", *settings)
    assert code == 0
    assert f"NBD fitted by {method!r} to" in out
    fits = clv.load_fits(tmp_path / "model.json")
    assert [fitted.method for fitted in fits.values()] == [method, method]


def test_a_fit_that_cannot_be_used_ends_with_code_1_and_leaves_a_good_model_alone(run, model, tmp_path):
    good = tmp_path / "model.json"
    good.write_bytes(model.read_bytes())
    day = pd.DataFrame({"who": range(50), "day": "2024-01-01"})
    day.to_csv(tmp_path / "day.csv", index=False)
    code, out, err = run("fit", tmp_path / "day.csv", "--customer", "who", "--date", "day", "--out", good)
    assert code == 1
    assert "observed for no time at all" in out
    assert f"The fit of purchases cannot be used, and is not written to {good}." in err
    assert good.read_bytes() == model.read_bytes()


def test_a_log_of_single_purchases_has_an_answer_with_a_caution_that_is_said_once(run, tmp_path):
    once = pd.DataFrame({"who": range(50), "day": pd.date_range("2024-01-01", periods=50, freq="3D"), "paid": 9.5})
    once.to_csv(tmp_path / "once.csv", index=False)
    log = [tmp_path / "once.csv", "--customer", "who", "--date", "day", "--amount", "paid"]
    code, out, err = run("fit", *log, "--model", "NBD", "--out", tmp_path / "model.json")
    assert code == 1  # there is no repeat purchase whose value could be learnt from
    assert (out + err).count("No customer of 50 bought again") == 1
    assert "The fit of spend cannot be used, and is not written to" in err
    assert "Use clv fit --spend-model GammaGamma:of=all" in out
    assert list(clv.load_fits(tmp_path / "model.json")) == ["purchases"]
    every = ["--spend-model", "GammaGamma:of=all"]
    assert run("fit", *log, "--model", "NBD", *every, "--out", tmp_path / "model.json")[0] == 0
    scored = [*log, "--model", tmp_path / "model.json", "--horizon", "1 year", "--futures", 50]
    code, out, err = run("score", *scored, "--out", tmp_path)
    assert code == 0
    assert err.count("No customer of 50 bought again") == 1
    assert len(pd.read_parquet(tmp_path / "scores.parquet")) == 50


def test_a_file_that_ends_early_is_valued_from_its_end_and_says_so(run, orders, model, tmp_path):
    log = pd.read_parquet(orders / "orders.parquet")
    log[log["customer_id"] == log["customer_id"].iloc[0]].to_parquet(tmp_path / "one.parquet")
    settings = [*MONEY, "--model", model, "--horizon", "1 year", "--futures", "50", "--seed", "3"]
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
    pd.testing.assert_frame_equal(one.drop(columns="money_simple"), same.drop(columns="money_simple"), check_exact=True)


def test_what_cannot_be_written_is_an_error_and_spares_what_was_there(run, orders, model, tmp_path):
    settings = [*COLUMNS, "--model", model, "--horizon", "1 year", "--futures", "9"]
    (tmp_path / "file").write_text("")
    code, _, complaint = run("score", orders / "orders.parquet", *settings, "--out", tmp_path / "file")
    assert (code, "cannot be made a folder" in complaint) == (1, True)
    code, _, complaint = run("summarize", orders / "orders.csv", *COLUMNS, "--out", tmp_path / "nowhere" / "rfm.csv")
    assert (code, "cannot be written" in complaint) == (1, True)
    code, _, complaint = run("summarize", orders / "orders.csv", *COLUMNS, "--out", tmp_path / "rfm.xlsx")
    assert (code, "neither in .csv nor in .parquet" in complaint) == (1, True)
    for option in ("--margin", "--discount", "--cost-per-purchase", "--cost-to-serve"):
        code, _, complaint = run("score", orders / "orders.parquet", *settings, option, "0.3", "--out", tmp_path)
        assert (code, "are about money: name its column with --amount" in complaint) == (1, True)


@pytest.mark.parametrize(
    ("command", "output"), [("summarize", "log.csv"), ("fit", "log.csv"), ("score", "out"), ("compare", "out")]
)
def test_what_is_read_is_never_written_over(run, tmp_path, command, output):
    (tmp_path / "log.csv").write_text("no log")  # to read it would be another error
    (tmp_path / "out").mkdir()
    for name in ("scores.parquet", "comparison.csv"):
        (tmp_path / "out" / name).hardlink_to(tmp_path / "log.csv")
    (tmp_path / "model.json").touch()
    of = {"score": ["--model", tmp_path / "model.json", "--horizon", "1 year"], "compare": ["--split", "1997-09-30"]}
    call = [command, tmp_path / "log.csv", *COLUMNS, *of.get(command, []), "--out", tmp_path / output]
    code, out, complaint = run(*call)
    assert (code, out) == (1, "")
    assert "would be written over" in complaint
    assert (tmp_path / "log.csv").read_text() == "no log"


def test_a_folder_that_another_run_writes_to_is_refused(run, orders, model, tmp_path):
    settings = ["--model", model, "--horizon", "1 year", "--futures", "9", "--out", tmp_path]
    with output_folder(tmp_path, []):
        code, out, complaint = run("score", orders / "orders.parquet", *MONEY, *settings)
    assert (code, out, list(tmp_path.iterdir())) == (1, "", [])
    assert f"Another run is writing to {tmp_path}. Wait until it has ended, or name another" in complaint


@pytest.mark.parametrize("command", ["demo", "summarize", "fit", "score", "compare"])
def test_an_interrupt_ends_with_code_130_and_one_line(run, monkeypatch, orders, model, tmp_path, command):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(clv, "Transactions" if command == "demo" else "read", interrupted)
    log = [] if command == "demo" else [orders / "orders.parquet", *COLUMNS]
    of = {"score": ["--model", model, "--horizon", "1 year"], "compare": ["--split", "1997-09-30"]}
    code, out, complaint = run(command, *log, *of.get(command, []), "--out", tmp_path / "out.csv")
    assert (code, out, complaint) == (130, "", "Error Interrupted. No result is half written.\n")
    assert not list(tmp_path.iterdir())


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


@pytest.mark.parametrize("nasty", ["[bold]\x1b[2J", "[/]", ":smile:\\", "\u202ex"])
def test_names_are_printed_as_they_are_and_never_obeyed(run, orders, model, tmp_path, nasty):
    log = pd.read_parquet(orders / "orders.parquet").rename(
        columns={"customer_id": f"id{nasty}", "amount": f"x{nasty}"}
    )
    log[f"seg{nasty}"] = np.where(log["date"] > "", nasty, "other")
    folder, shown = tmp_path / f"out{nasty}", nasty.encode("unicode_escape").decode().replace("\\\\", "\\")
    folder.mkdir(parents=True)
    source = folder / "log.parquet"
    log.to_parquet(source)
    of = [source, "--customer", f"id{nasty}", "--date", "date", "--amount", f"x{nasty}"]
    plan = ["--model", model, "--horizon", "1 year", "--futures", "9"]
    calls = {
        0: [
            ("summarize", *of, "--out", folder / "rfm.csv"),
            ("fit", *of, "--model", "NBD", "--method", "maximum-likelihood", "--out", folder / "model.json"),
            ("score", *of, *plan, "--segment", f"seg{nasty}", "--out", folder),
        ],
        1: [
            ("summarize", *of[:-1], f"no{nasty}", "--out", folder / "rfm.csv"),
            ("score", *of, *plan, "--discount", nasty, "--out", folder),
            ("compare", *of, "--split", nasty, "--out", folder),
        ],
        2: [
            ("fit", folder / "nowhere", *of[1:], "--out", folder / "model.json"),
            ("fit", *of, "--model", "NBD", f"--no{nasty}", "--out", folder / "model.json"),
            (f"no{nasty}",),
        ],
    }
    for expected, every in calls.items():
        for call in every:
            code, out, complaint = run(*call)
            assert (code, shown in out + complaint) == (expected, True), out + complaint
            assert not {"\x1b", "\r", "\u202e"} & set(out + complaint)


def test_a_wrong_call_ends_with_code_2(run, orders, model, tmp_path):
    code, _, complaint = run("fit", orders / "orders.parquet")
    assert (code, complaint) == (2, "Error Missing option '--customer'. See clv fit --help.\n")
    settings = [*COLUMNS, "--model", model, "--horizon", "1 year", "--out", tmp_path]
    code, _, complaint = run("score", orders / "orders.parquet", *settings, "--draws", "9")
    assert (code, "No such option: --draws" in complaint) == (2, True)
    assert run("score", orders / "nowhere.parquet")[0] == 2


FILES = {  # a text, and the options with which it gives the same table
    "semicolons and decimal commas": ("who;day;paid\n007;2024-01-03;1.234,5\nM\u00fcller;2024-02-10;20\n", []),
    "tabs": ("who\tday\tpaid\n007\t2024-01-03\t1234.5\nM\u00fcller\t2024-02-10\t20\n", []),
    "a comment": ("# export\nwho,day,paid\n007,2024-01-03,1234.5\nM\u00fcller,2024-02-10,20\n", []),
    "days first": (
        "who,day,paid\n007,03/01/2024,1234.5\nM\u00fcller,10/02/2024,20\n",
        ["--date-format", "%d/%m/%Y"],
    ),
    "colons": ("who:day:paid\n007:2024-01-03:1234.5\nM\u00fcller:2024-02-10:20\n", ["--separator", ":"]),
    "thousands": (
        'who,day,paid\n007,2024-01-03,"1,234.5"\nM\u00fcller,2024-02-10,20\n',
        ["--thousands", ",", "--decimal", "."],
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_read_as_it_is_written_or_as_the_options_say(run, tmp_path, name):
    text, options = FILES[name]
    (tmp_path / "log.csv").write_text(text, encoding="utf-8")
    call = ["--customer", "who", "--date", "day", "--amount", "paid", "--out", tmp_path / "rfm.csv"]
    code, _, complaint = run("summarize", tmp_path / "log.csv", *call, *options)
    assert (code, complaint) == (0, "")
    table = pd.read_csv(tmp_path / "rfm.csv", dtype={"customer_id": str})
    assert table["customer_id"].tolist() == ["007", "M\u00fcller"]
    assert table["first_spend"].tolist() == [1234.5, 20]


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("who:day:paid\n1:2024-01-03:5\n", [], "say with --separator what stands between its fields"),
        ("who,day,paid\nM\u00fcller,2024-01-03,5\n", [], "for example with --encoding 'latin-1'"),
        ("who,day,paid\n1,03/01/2024,5\n2,30/01/2024,5\n", [], "All dates are read with --date-format '%d/%m/%Y'."),
        ('who,day,paid\n1,2024-01-03,"1,234"\n', [], "Pass --decimal or --thousands to say which."),
        ("who,day,paid\n1,2024-01-03,5\n1.0,2024-01-04,5\n", [], "differ only by '.0' at their end"),
        ("who,day,paid\n4.9151E+11,2024-01-03,5\n2,2024-01-04,5\n", [], "as a spreadsheet writes long numbers"),
        ("who,day,paid\n1,2024-01-03,5\nTotal,,5\n", [], "pass --nulls 'drop' to leave these rows out"),
        ("WHO,day,paid\n1,2024-01-03,5\n", [], "Did you mean 'WHO'?"),
    ],
)
def test_a_file_that_cannot_be_read_names_the_option_to_set(run, tmp_path, text, options, message):
    (tmp_path / "log.csv").write_bytes(text.encode("latin-1"))
    call = ["--customer", "who", "--date", "day", "--amount", "paid", "--out", tmp_path / "rfm.csv"]
    code, _, complaint = run("summarize", tmp_path / "log.csv", *call, *options)
    assert code == 1
    assert message in complaint


@pytest.mark.parametrize("command", ["demo", "summarize", "fit", "score", "compare"])
def test_help_shows_an_example(run, command):
    code, out, _ = run(command, "--help")
    assert code == 0
    assert f"clv {command}" in out


@pytest.mark.parametrize("command", ["summarize", "fit", "score", "compare"])
def test_every_command_that_reads_a_log_has_the_options_of_its_cleaning(run, command):
    _, out, _ = run(command, "--help")
    listed = [word for word in out.split() if word.startswith("--")]
    options = [f"--{field.name.replace('_', '-')}" for field in fields(cli.Cleaning)]
    file = "--separator --decimal --thousands --encoding --date-format"
    assert " ".join(options) == f"{file} --time-zone --acquired-since --observed-until --nulls --returns --zero-amounts"
    first = listed.index(options[0])
    assert listed[first : first + len(options)] == options


def test_help_of_fit_names_the_models(run):
    _, out, _ = run("fit", "--help")
    said = " ".join(out.replace("│", "").split())
    assert "BGNBD, MBGNBD, NBD, ParetoNBD" in said
    assert "GammaGamma:of=all learns from first purchases too" in said


def test_help_of_score_names_every_part_of_a_plan(run):
    _, out, _ = run("score", "--help")
    for option in ("--horizon", "--discount", "--margin", "--cost-per-purchase", "--cost-to-serve", "--segment"):
        assert option in out
    assert "Simulated futures a customer." in out
    assert "may be given repeatedly" in " ".join(out.split())


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("0.1", 0.1),
        ("10%", 0.1),
        (" 7.5 % ", 0.075),
        ("1e-2", 0.01),
        ("0", 0.0),
        ("rate", "rate"),
        ("10% off", "10% off"),
    ],
)
def test_a_setting_is_a_number_a_percentage_or_the_name_of_a_column(text, meant):
    assert cli._number_or_column(text) == meant
