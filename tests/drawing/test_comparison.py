import numpy as np
import pytest

from clvmodels.drawing.comparison import by_frequency as draw_by_frequency
from clvmodels.drawing.comparison import coverage, distinct, pit_histogram, totals
from clvmodels.drawing.style import PALETTE
from clvmodels.drawing.svg import to_svg


def test_totals_name_each_candidate_with_its_number_and_its_distance(frame, kinds, texts):
    shown = texts(to_svg(totals(frame, "purchases", kinds)))
    clipped = "<script>alert('$x$')</script> & a name longer than …"
    expected = ["BG/NBD", "350  (−12\xa0%)", "other BG/NBD", "352  (−12\xa0%)"]  # noqa: RUF001 -- minus signs
    expected += ["simple formula", "401  (+0.2\xa0%)", clipped, "390  (−2.5\xa0%)", "400 happened"]  # noqa: RUF001
    assert [text for text in shown if text in expected] == expected
    assert "failed" not in shown


def test_candidates_are_drawn_by_their_kind_and_not_by_their_name(frame, kinds):
    (axes,) = totals(frame, "money", kinds | {"BG/NBD": "formula"}).axes
    marks = [(line.get_marker(), line.get_color()) for line in axes.lines if line.get_marker() != "None"]
    assert marks == [("s", PALETTE["formula"]), ("D", PALETTE["package"]), ("s", PALETTE["formula"])]


def test_a_total_far_beyond_is_drawn_at_the_edge(frame, kinds):
    frame.loc[1, "purchases_predicted_total"] = 50 * frame.loc[1, "purchases_actual_total"]
    (axes,) = totals(frame, "purchases", kinds).axes
    assert axes.get_xlim()[1] == pytest.approx(2.08 * 400.0)
    assert [line.get_marker() for line in axes.lines].count(">") == 1


def test_coverage_shows_the_pit_and_not_only_the_raw_share(intervals, kinds):
    own = intervals[intervals["candidate"] == "BG/NBD"]
    (axes,) = coverage(own, "purchases", kinds).axes
    drawn = [line.get_ydata().tolist() for line in axes.lines]
    assert own["pit"].to_list() in drawn
    assert own["coverage"].to_list() in drawn


def test_equal_intervals_are_drawn_once_and_named_together(intervals, kinds, texts):
    figure = coverage(intervals, "purchases", kinds)
    assert len(figure.axes[0].lines) == 1 + 2 * 2
    assert [text for text in texts(to_svg(figure)) if text.endswith("\xa0%") and " " in text] == [
        "<script>alert('$x$')</s… 81.0\xa0%",
        "BG/NBD and other BG/NBD 88.2\xa0%",
    ]


def test_candidates_that_coincide_are_drawn_once(by_frequency, kinds):
    assert distinct(by_frequency, kinds, 4) == ["BG/NBD", "simple formula", list(kinds)[3]]


def test_one_candidate_of_each_kind_is_drawn_before_a_second_of_any(by_frequency, kinds):
    by_frequency["other BG/NBD"] = [1.0, 1.5, 2.0]
    second = by_frequency.assign(**{"second model": [0.0, 3.0, 0.0]})
    columns = ["frequency", "customers", "actual", "BG/NBD", "second model", "other BG/NBD", "simple formula"]
    drawn = distinct(second[columns], kinds | {"second model": "model"}, 3)
    assert drawn == ["BG/NBD", "other BG/NBD", "simple formula"]


def test_lines_of_one_kind_differ(by_frequency, kinds):
    (axes,) = draw_by_frequency(by_frequency, kinds).axes
    assert [(line.get_marker(), line.get_linestyle()) for line in axes.lines] == [("o", "-"), ("s", "-"), ("s", "--")]


def test_the_pit_histogram_has_a_bar_a_bin(texts):
    shares = np.array([0.1, 0.2, 0.3, 0.4])
    figure = pit_histogram(shares, np.linspace(0, 1, 5))
    assert [bar.get_height() for bar in figure.axes[0].patches] == shares.tolist()
    assert figure.axes[0].lines[0].get_ydata() == [0.25, 0.25]
    assert "line: calibrated" in texts(to_svg(figure))
