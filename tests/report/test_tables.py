import numpy as np
import pytest

from clvmodels.report.tables import comparison_table, frequency_table, glossary, intervals_table
from clvmodels.text import DASH

NUMBERS = {
    "Predicted": "predicted_total",
    "RMSE": "rmse",
    "MAE": "mae",
    "CRPS": "crps",
    "Gini": "gini",
    "Top 10 %": "top_decile",
    "PIT": "pit_90",
    "Score": "interval_score_90",
}


@pytest.mark.parametrize("quantity", ["purchases", "money"])
def test_every_number_of_the_comparison_is_that_of_its_frame(made, same, quantity):
    frame = made.comparison.frame()
    table = comparison_table(frame, quantity)
    for heading, name in NUMBERS.items():
        column = table.headings.index(heading)
        texts, values = [row[column] for row in table.rows], frame[f"{quantity}_{name}"]
        assert all(same(text, value) for text, value in zip(texts, values, strict=True)), heading
    assert [row[0] for row in table.rows] == frame["candidate"].to_list()


def test_an_interval_and_a_distance_are_those_of_the_frame(made, same):
    frame = made.comparison.frame()
    first = dict(zip(comparison_table(frame, "money").headings, comparison_table(frame, "money").rows[0], strict=True))
    lower, upper = first["90 % interval"].split(" to ")
    assert same(lower, frame["money_total_lower_90"][0])
    assert same(upper, frame["money_total_upper_90"][0])
    assert same(first["Off by"], frame["money_predicted_total"][0] / frame["money_actual_total"][0] - 1)


def test_the_best_of_a_column_is_marked_and_what_reads_the_same_too(made):
    frame = made.comparison.frame()
    table = comparison_table(frame, "purchases")
    for heading, losses in {
        "RMSE": frame["purchases_rmse"],
        "Gini": -frame["purchases_gini"],
        "Predicted": (frame["purchases_predicted_total"] - frame["purchases_actual_total"]).abs(),
    }.items():
        column = table.headings.index(heading)
        marked = {row for row, at in table.best if at == column}
        assert int(np.nanargmin(losses)) in marked
        assert {
            row for row, cells in enumerate(table.rows) if cells[column] == table.rows[min(marked)][column]
        } == marked


def test_nothing_is_best_of_one(made):
    assert not comparison_table(made.comparison.frame().head(1), "purchases").best


def test_what_is_missing_is_a_dash_with_its_reason(made):
    table = comparison_table(made.comparison.frame(), "money")
    *_, counts, failing = table.rows
    assert set(counts[1:]) == set(failing[1:]) == {DASH}
    assert "counts only: It predicts no money." in table.notes
    assert any("It <b>cannot</b> be fitted" in note for note in table.notes)
    assert any(note.startswith(f"{DASH} One number a customer") for note in table.notes)


def test_every_number_of_the_intervals_is_that_of_their_frame(made, same):
    frame, baseline = made.comparison.intervals(), made.comparison.hindsight.candidate
    for quantity, own in frame.groupby("quantity"):
        table = intervals_table(frame, quantity, baseline)
        for cells in table.rows:
            rows = own[own["candidate"] == cells[0]].sort_values("level")
            values = [*rows["pit"], *rows.loc[rows["level"] == 0.90, ["coverage", "score"]].to_numpy().ravel()]
            assert all(same(text, value) for text, value in zip(cells[1:], values, strict=True))


def test_the_baseline_is_muted_and_never_best(made):
    baseline = made.comparison.hindsight.candidate
    table = intervals_table(made.comparison.intervals(), "purchases", baseline)
    (row,) = table.muted
    assert table.rows[row][0] == baseline
    assert row not in {best for best, _ in table.best}


def test_the_means_by_frequency_are_those_of_their_frame(made, same):
    frame = made.comparison.by_frequency()
    table = frequency_table(frame)
    for name, column in zip(frame.columns[1:], list(zip(*table.rows, strict=True))[1:], strict=True):
        assert all(same(text, value) for text, value in zip(column, frame[name], strict=True))


def test_groups_span_all_columns(made):
    table = comparison_table(made.comparison.frame(), "purchases")
    assert sum(columns for _, columns in table.groups) == len(table.columns)
    assert len(table.starts) == len(table.groups) - 1
    assert set(glossary([table])) == set(table.headings) - {"Candidate"}
