"""What the README shows runs, and what it states is what the code gives."""

import re
from pathlib import Path

import numpy as np
import pytest

import clvmodels as clv
from clvmodels.evaluation.compare import compare

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TEXT = " ".join(README.split())
MADE_BY_THE_READER = {"demo/report.html", "report.html", "bg_nbd.json", "orders.parquet", "model.json"}


def stated(pattern):
    """Return the numbers that the README states in a sentence."""
    found = re.search(pattern, TEXT)
    assert found, f"The README says nothing like: {pattern}"
    numbers = [float(number.replace(",", "")) for number in found.groups()]
    return numbers[0] if len(numbers) == 1 else numbers


@pytest.fixture(scope="module")
def comparison(cdnow_split):
    return compare([clv.BGNBD, clv.SimpleFormula()], *cdnow_split)


@pytest.fixture(scope="module")
def rows(comparison):
    return comparison.frame().set_index("candidate")


def test_the_python_blocks_run_as_written(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # they write files
    blocks = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    names = {}
    exec(compile("\n".join(blocks), "README.md", "exec"), names)  # noqa: S102 -- it is our own text
    assert names["year"].horizons == ("1 year",)
    assert sum(len(part) for part in names["year"].frames(customers=1000)) == 2357
    assert names["purchases"].verdict.ok
    assert names["spend"].verdict.ok
    assert names["comparison"].frame()["candidate"].tolist() == ["BG/NBD", "simple formula"]
    frame = names["value"].frame()
    assert len(frame) == 2357
    assert np.isfinite(frame.select_dtypes("number").to_numpy()).all()
    assert "customer_id" in capsys.readouterr().out


# --- figures ---------------------------------------------------------------------------------------------------------


def test_the_holdout_and_its_total_interval(rows):
    actual, lower, upper, simple = stated(
        r"holdout ([\d,]+) purchases happened, BG/NBD's 90 % interval is about ([\d,]+) to ([\d,]+), "
        r"and the simple formula's point is ([\d,]+)\."
    )
    assert rows.loc["BG/NBD", "purchases_actual_total"] == actual
    assert rows.loc["BG/NBD", "purchases_total_lower_90"] == pytest.approx(lower, rel=0.015)
    assert rows.loc["BG/NBD", "purchases_total_upper_90"] == pytest.approx(upper, rel=0.015)
    assert round(rows.loc["simple formula", "purchases_predicted_total"]) == simple


def test_the_coverage_by_the_pit(rows):
    assert round(rows.loc["BG/NBD", "purchases_pit_90"], 2) == stated(r"on CDNOW's holdout BG/NBD has (0\.\d+)\.")


def test_the_shortfall_of_spend(comparison):
    table = comparison.intervals().set_index(["candidate", "quantity", "level"])["pit"]
    percent, level = stated(r"what they spent holds only (\d+) % at a nominal (\d+) %")
    assert round(100 * table["BG/NBD", "spend given purchases", level / 100]) == percent


def test_the_expected_interval_holds_next_to_nobody(cdnow_rfm, cdnow_purchases, cdnow_holdout):
    plain, outward = stated(
        r"the purchases of (\d+) % of the customers \((\d+) % if its ends are rounded outward to whole"
    )
    ends = clv.predict(cdnow_purchases, cdnow_rfm, "39 weeks").expected_interval(0.90)
    lower, upper, actual = ends["lower"].to_numpy(), ends["upper"].to_numpy(), cdnow_holdout[0]
    assert round(100 * np.mean((lower <= actual) & (actual <= upper))) == plain
    assert round(100 * np.mean((np.floor(lower) <= actual) & (actual <= np.ceil(upper)))) == outward


def test_the_picture_says_how_many_customers_and_weeks(comparison):
    customers, weeks = stated(r"purchases of ([\d,]+) CDNOW customers in (\d+) weeks")
    assert len(comparison.past) == customers
    assert comparison.horizon.count("week") == weeks


def test_the_ratio_of_the_sandwich(cdnow_purchases):
    ratio = cdnow_purchases.frame().set_index("parameter")["ratio"]["alpha"]
    assert round(ratio, 2) == stated(r"On CDNOW it is (\d\.\d+) for BG/NBD's alpha")


# --- names -----------------------------------------------------------------------------------------------------------


def paths():
    linked = re.findall(r"\]\(([^)#:]+)\)", README)
    quoted = re.findall(r"`([\w.-]+(?:/[\w.-]+)*\.(?:py|md|html|svg|json|parquet|ipynb))`", README)
    return sorted({*linked, *quoted} - MADE_BY_THE_READER)


@pytest.mark.parametrize("path", paths())
def test_every_file_that_it_names_is_there(path):
    assert (ROOT / path).exists() or (ROOT / "clvmodels" / path).exists()


def rooms():
    """Yield the rooms of the table "How it is built" and the modules that it names in each."""
    table = README[README.index("| room |") :].split("\n\n")[0]
    for line in table.splitlines()[2:]:
        room, contents = line.strip("|").split("|", maxsplit=1)
        yield re.findall(r"`([^`]+)`", room), re.findall(r"`([a-z_]+)`", contents)


@pytest.mark.parametrize(("room", "modules"), list(rooms()), ids=" ".join)
def test_every_module_of_the_table_is_there(room, modules):
    for name in room:
        assert (ROOT / "clvmodels" / name).exists()
    folders = [ROOT / "clvmodels" / name for name in room if name.endswith("/")]
    for module in modules:
        assert any((folder / f"{module}.py").exists() for folder in folders), module


@pytest.mark.parametrize("folder", sorted(path.name for path in (ROOT / "clvmodels").iterdir() if path.is_dir()))
def test_every_room_and_module_is_in_the_table(folder):
    if folder.startswith("__"):
        return
    listed = {name: modules for names, modules in rooms() for name in names}
    assert f"{folder}/" in listed
    modules = {path.stem for path in (ROOT / "clvmodels" / folder).glob("*.py")} - {"__init__"}
    if folder != "scoring":  # said in words
        assert modules <= set(listed[f"{folder}/"])


@pytest.mark.parametrize("call", re.findall(r"\bclv (\w+) ", README))
def test_every_command_that_it_shows_is_one(call):
    from clvmodels.cli import app

    assert call in {command.name or command.callback.__name__ for command in app.registered_commands}


def test_every_make_target_that_it_shows_is_one():
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    shown = re.findall(r"^make (\w+)$", README, flags=re.MULTILINE)
    assert shown
    assert set(shown) <= set(targets)
