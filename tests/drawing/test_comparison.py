import re
import xml.etree.ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest

from clvmodels.report import plots


@pytest.fixture(scope="module")
def drawings(made):
    frame, intervals = made.comparison.frame(), made.comparison.intervals()
    return {
        "totals": lambda: plots.totals(frame, "purchases"),
        "money": lambda: plots.totals(frame, "money"),
        "by_frequency": lambda: plots.by_frequency(made.comparison.by_frequency()),
        "coverage": lambda: plots.coverage(intervals, "spend given purchases"),
        "pit_histogram": lambda: plots.pit_histogram(made.comparison.results[0].purchases),
        "concentration": lambda: plots.concentration(made.valuation.frame()["clv_mean"].to_numpy()),
        "customers": lambda: plots.customers(made.valuation.frame()),
        "simple customers": lambda: plots.customers(made.simple.frame(), most=3),
        "future_total": lambda: plots.future_total(made.valuation.total()),
    }


def texts(svg):
    return [text.text for text in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]  # noqa: S314


def test_svg_is_well_formed_labelled_and_the_same_every_time(drawings):
    for name, draw in drawings.items():
        svg = plots.to_svg(draw())
        root = ET.fromstring(svg)  # noqa: S314 -- it was made here
        assert root.attrib["role"] == "img", name
        assert root.attrib["aria-label"] == root[0].text
        assert svg == plots.to_svg(draw()), name
        assert not {"width", "height"} & root.attrib.keys()


def test_svgs_of_one_page_share_no_id(drawings):
    page = "".join(plots.to_svg(draw()) for draw in drawings.values())
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:url\(|href=")#([^")]+)', page)) == set(ids)


def test_colours_are_variables_of_the_page(drawings):
    page = "".join(plots.to_svg(draw()) for draw in drawings.values())
    assert not re.findall(r"(?<!, )#[0-9a-f]{6}\b", page)


def test_the_style_of_the_caller_is_neither_used_nor_changed(made):
    plain = plots.to_svg(plots.totals(made.comparison.frame(), "purchases"))
    with mpl.rc_context({"font.size": 30, "axes.grid": True}):
        assert plots.to_svg(plots.totals(made.comparison.frame(), "purchases")) == plain
        assert mpl.rcParams["font.size"] == 30


def test_totals_name_each_candidate_with_its_number(made):
    shown = texts(plots.to_svg(plots.totals(made.comparison.frame(), "purchases")))
    frame = made.comparison.frame().dropna(subset="purchases_predicted_total")
    assert set(frame["candidate"]) <= set(shown)
    assert any(text.startswith(f"{frame['purchases_predicted_total'][0]:,.0f}  (") for text in shown)


def test_a_total_far_beyond_is_drawn_at_the_edge(made):
    frame = made.comparison.frame().head(2)
    frame.loc[1, "purchases_predicted_total"] = 50 * frame.loc[1, "purchases_actual_total"]
    (axes,) = plots.totals(frame, "purchases").axes
    assert axes.get_xlim()[1] < 3 * frame.loc[0, "purchases_actual_total"]
    assert ">" in [line.get_marker() for line in axes.lines]


def test_coverage_shows_the_pit_and_not_only_the_raw_share(made):
    intervals = made.comparison.intervals()
    own = intervals[(intervals["candidate"] == "BG/NBD") & (intervals["quantity"] == "purchases")]
    (axes,) = plots.coverage(own, "purchases").axes
    drawn = [line.get_ydata().tolist() for line in axes.lines]
    assert own["pit"].to_list() in drawn
    assert own["coverage"].to_list() in drawn


def test_candidates_that_coincide_are_drawn_once(made):
    table = made.comparison.by_frequency()
    table["another"] = table["BG/NBD"] * 1.0001
    assert "another" not in plots.distinct(table, 4)
    assert plots.distinct(table, 4)[0] == "BG/NBD"


def test_a_lorenz_curve_of_equals_is_straight():
    share, brought = plots.lorenz(np.ones(4))
    assert share == pytest.approx(brought)


@pytest.mark.parametrize("values", [np.array([2.0]), np.array([0.0, 5.0]), np.arange(1000.0)])
def test_any_base_can_be_drawn(values):
    assert "<svg" in plots.to_svg(plots.concentration(values))
