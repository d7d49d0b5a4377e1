import pandas as pd
import pytest

from clvmodels.data.cleaning import CleaningReport, Rule, Tally

REPORT = CleaningReport(
    came_in=Tally(1_200, 300, 5_000.5),
    taken_out=(Rule("no date", "Rows without a usable date in column '<d>'.", Tally(200, 10, 400.0)),),
    left=Tally(1_000, 290, 4_600.5),
    notes=(Rule("zero amounts", "A long sentence, " * 10, Tally(8, 8, 0.0)),),
)


def test_nothing_is_lost():
    assert REPORT.unaccounted == Tally(0, 0, 0.0)


def test_what_is_lost_shows():
    report = CleaningReport(Tally(5, 2, None), (), Tally(3, 1, None))
    assert report.unaccounted == Tally(2, 1, None)


def test_the_frame_has_a_row_a_line():
    frame = REPORT.frame()
    assert frame["kind"].tolist() == ["came in", "taken out", "left", "note"]
    assert frame["rows"].tolist() == [1_200, 200, 1_000, 8]
    assert frame["money"].tolist() == [5_000.5, 400.0, 4_600.5, 0.0]


def test_the_text_is_aligned_and_fits_a_terminal():
    lines = str(REPORT).splitlines()
    assert lines[1].startswith("came in")
    assert {line.index("5,000.50") for line in lines if "5,000.50" in line} == {lines[0].index("money") - 3}
    assert all(len(line) <= 110 for line in lines)


def test_the_text_without_money_has_no_numbers_for_it():
    assert "None" not in str(CleaningReport(Tally(1, 1), (), Tally(1, 1)))


def test_html_is_escaped():
    html = REPORT._repr_html_()
    assert "&lt;d&gt;" in html
    assert "<d>" not in html
    assert html.count("<tr>") == 5


def test_a_rounded_difference_is_a_plain_zero_and_returns_have_a_minus():
    text = str(CleaningReport(Tally(1, 1, -52.0), (), Tally(1, 1, -1e-9)))
    assert text.splitlines()[1].split()[2:5] == ["1", "1", "\N{MINUS SIGN}52.00"]
    assert text.splitlines()[2].split()[2:5] == ["1", "1", "0.00"]


# --- parts of a base -------------------------------------------------------------------------------------------------


def rules(**rows):
    return tuple(Rule(name, f"Rows that are {name}.", Tally(many, 1)) for name, many in rows.items())


def of_rules(taken_out, notes=()):
    return CleaningReport(Tally(0, 0), taken_out, Tally(0, 0), notes)


@pytest.mark.parametrize(
    ("one", "other", "money"), [(1.5, 2.0, 3.5), (None, 2.0, 2.0), (1.5, None, 1.5), (None, None, None)]
)
def test_tallies_add_up_and_money_is_missing_only_if_both_lack_it(one, other, money):
    assert Tally(1, 2, one) + Tally(10, 20, other) == Tally(11, 22, money)


def test_reports_of_parts_add_up():
    both = REPORT + CleaningReport(Tally(5, 3, 2.0), (), Tally(5, 3, 2.0))
    assert both.came_in == Tally(1_205, 303, 5_002.5)
    assert both.left == Tally(1_005, 293, 4_602.5)
    assert (both.taken_out, both.notes) == (REPORT.taken_out, REPORT.notes)
    assert both.unaccounted == Tally(0, 0, 0.0)


def test_rules_of_one_name_and_sentence_are_one():
    both = of_rules(rules(late=1, merged=2), rules(zero=4)) + of_rules(rules(late=8, merged=16), rules(zero=32))
    assert [(rule.name, rule.tally) for rule in both.taken_out] == [("late", Tally(9, 2)), ("merged", Tally(18, 2))]
    assert [(rule.name, rule.tally) for rule in both.notes] == [("zero", Tally(36, 2))]


def test_rules_of_one_name_and_two_sentences_stay_two():
    utc, tokyo = (Rule("time zone", f"Days are days in {zone}.", Tally(1, 1)) for zone in ("UTC", "Asia/Tokyo"))
    assert (of_rules((), (utc,)) + of_rules((), (tokyo,))).notes == (utc, tokyo)


def test_a_rule_of_one_part_keeps_its_place_before_the_next():
    both = of_rules(rules(late=1, merged=1)) + of_rules(rules(missing=1, late=1, refunded=1, merged=1, last=1))
    assert [rule.name for rule in both.taken_out] == ["missing", "late", "refunded", "merged", "last"]


# --- in short ---------------------------------------------------------------------------------------------------------


def test_in_short_it_is_a_line_and_one_of_notes():
    assert REPORT.short() == (
        "1,200 rows of 300 customers came in (taken out: no date 200); 1,000 purchases of 290 customers worth 4,600.50 "
        "are left.\nNoted: zero amounts 8."
    )


def test_in_short_nothing_is_said_of_what_did_not_happen():
    report = CleaningReport(Tally(5, 2), (), Tally(5, 2))
    assert report.short() == "5 rows of 2 customers came in; 5 purchases of 2 customers are left."


def test_records_are_the_rows_of_the_frame():
    assert pd.DataFrame(REPORT.records()).equals(REPORT.frame())
    assert CleaningReport(Tally(5, 2), (), Tally(5, 2)).records()[0]["money"] is None
