import re
import xml.etree.ElementTree as ET

import pytest

from clvmodels.drawing.checks import cumulative_tracking, draw, frequency_histogram, tracking
from clvmodels.drawing.style import styled
from clvmodels.drawing.svg import to_svg
from clvmodels.errors import SettingError
from clvmodels.evaluation import checks
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.gamma_gamma import GammaGamma


@pytest.fixture(scope="module")
def all_checks(cdnow_purchases, cdnow_spend, cdnow_rfm, cdnow_split):
    return [
        *checks.check(cdnow_purchases, cdnow_rfm, cdnow_split[1], draws=30),
        checks.spend_density(cdnow_spend, cdnow_rfm, draws=30),
        checks.spend_independence(cdnow_spend, cdnow_rfm, cdnow_purchases, draws=30),
        checks.prior_predictive(BGNBD, cdnow_rfm, draws=30),
        checks.prior_predictive(GammaGamma, cdnow_rfm, draws=30),
    ]


@pytest.fixture(scope="module")
def tracked(all_checks):
    return next(check for check in all_checks if check.name == "tracking").table


@pytest.fixture(scope="module")
def svgs(all_checks):
    return [to_svg(figure) for check in all_checks for figure in check.figures()]


def test_every_check_is_drawn_well_formed_and_labelled(svgs):
    assert len(svgs) == 9
    for svg in svgs:
        root = ET.fromstring(svg)  # noqa: S314 -- it was made here
        assert root.attrib["role"] == "img"
        assert len(root.attrib["aria-label"]) > 40
        assert "nan" not in root.attrib["aria-label"]
        assert not re.findall(r"(?<!, )#[0-9a-f]{6}\b", svg)  # every colour is a variable of the page


def test_a_figure_is_the_same_every_time(all_checks, svgs):
    again = [to_svg(figure) for check in all_checks for figure in check.figures()]
    assert again == svgs


def test_every_plot_says_what_is_what(svgs, texts):
    for svg in svgs[:7]:
        words = " ".join(filter(None, texts(svg)))
        assert "what happened" in words
        assert "90 % band" in words


def test_no_text_is_cut_off(all_checks):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    for check in all_checks:
        for figure in check.figures():
            canvas = styled(FigureCanvasAgg)(figure)
            styled(canvas.draw)()
            page = figure.bbox
            for axes in figure.axes:
                for text in [*axes.texts, axes.xaxis.label, axes.yaxis.label]:
                    box = text.get_window_extent()
                    inside = page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1
                    assert inside or not text.get_text(), (check.name, text.get_text())


def test_the_holdout_is_marked_where_there_is_one(tracked, texts):
    assert texts(to_svg(tracking(tracked, "BG/NBD"))).count("holdout") == 1
    alone = tracked[tracked["part"] == "calibration"]
    assert "holdout" not in texts(to_svg(tracking(alone, "BG/NBD")))


def test_the_cumulative_plot_says_how_far_off_the_end_is(tracked, texts):
    table = tracked.assign(cumulative_expected=0.9 * tracked["cumulative_actual"])
    assert "by the end: −10\xa0%" in texts(to_svg(cumulative_tracking(table, "BG/NBD")))  # noqa: RUF001 -- a minus sign


def test_few_customers_among_many_can_be_seen(all_checks):
    (axes,) = frequency_histogram(all_checks[0].table, "BG/NBD").axes
    assert axes.get_yscale() == "function"
    assert axes.get_yticks().tolist() == [0, 50, 200, 500, 1000, 2000]


def test_an_unknown_check_has_no_plot(all_checks):
    with pytest.raises(SettingError, match="no plot of 'horoscope'"):
        draw("horoscope", all_checks[0].table, {}, "BG/NBD")
