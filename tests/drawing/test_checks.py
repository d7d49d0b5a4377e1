import re
import xml.etree.ElementTree as ET

import pytest

from clvmodels.errors import SettingError
from clvmodels.evaluation import checks
from clvmodels.evaluation.check_base import Check
from clvmodels.inference.fit import fit
from clvmodels.inference.methods import MaximumLikelihood
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.gamma_gamma import GammaGamma
from clvmodels.models.nbd import NBD
from clvmodels.report import check_plots, plots

CUT_OFF = "2023-12-31"


@pytest.fixture(scope="module")
def all_checks(shop):
    past, future = shop(name=lambda i: f"<script>{i}</script>").split(CUT_OFF)
    rfm = past.summarize()
    purchases, spend = (fit(specification, rfm) for specification in (BGNBD, GammaGamma))
    return [
        *checks.check(purchases, rfm, future, draws=30),
        checks.spend_density(spend, rfm, draws=30),
        checks.spend_independence(spend, rfm, purchases, draws=30),
        checks.prior_predictive(BGNBD, rfm, draws=30),
        checks.prior_predictive(GammaGamma, rfm, draws=30),
    ]


@pytest.fixture(scope="module")
def svgs(all_checks):
    return [plots.to_svg(figure) for check in all_checks for figure in check_plots.draw(check)]


def texts(svg):
    return [text.text for text in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]  # noqa: S314


def test_every_check_is_drawn_well_formed_and_labelled(svgs):
    assert len(svgs) == 9
    for svg in svgs:
        root = ET.fromstring(svg)  # noqa: S314 -- it was made here
        assert root.attrib["role"] == "img"
        assert len(root.attrib["aria-label"]) > 40
        assert "nan" not in root.attrib["aria-label"]
        assert not re.findall(r"(?<!, )#[0-9a-f]{6}\b", svg)  # every colour is a variable of the page


def test_a_figure_is_the_same_every_time(all_checks, svgs):
    again = [plots.to_svg(figure) for check in all_checks for figure in check_plots.draw(check)]
    assert again == svgs


def test_every_plot_says_what_is_what(svgs):
    for svg in svgs[:7]:
        words = " ".join(filter(None, texts(svg)))
        assert "what happened" in words
        assert "90 % band" in words


def test_no_text_is_cut_off(all_checks):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    for check in all_checks:
        for figure in check_plots.draw(check):
            canvas = plots.styled(FigureCanvasAgg)(figure)
            plots.styled(canvas.draw)()
            page = figure.bbox
            for axes in figure.axes:
                for text in [*axes.texts, axes.xaxis.label, axes.yaxis.label]:
                    box = text.get_window_extent()
                    inside = page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1
                    assert inside or not text.get_text(), (check.name, text.get_text())


def test_the_holdout_is_marked_where_there_is_one(all_checks, shop):
    tracked = next(check for check in all_checks if check.name == "tracking")
    assert "holdout" in texts(plots.to_svg(check_plots.tracking(tracked)))
    rfm = shop().split(CUT_OFF)[0].summarize()
    alone = checks.tracking(fit(NBD, rfm, MaximumLikelihood()), rfm, draws=5)
    assert "holdout" not in texts(plots.to_svg(check_plots.tracking(alone)))


def test_the_cumulative_plot_says_how_far_off_the_end_is(all_checks):
    tracked = next(check for check in all_checks if check.name == "tracking")
    shown = texts(plots.to_svg(check_plots.cumulative_tracking(tracked)))
    assert any(re.fullmatch(r"by the end: [+−]?[\d.]+\s%", text or "") for text in shown)  # noqa: RUF001 -- a minus sign


def test_few_customers_among_many_can_be_seen(all_checks):
    (axes,) = check_plots.frequency_histogram(all_checks[0]).axes
    assert axes.get_yscale() == "function"
    assert len(axes.get_yticks()) >= 4


def test_an_unknown_check_has_no_plot(all_checks):
    with pytest.raises(SettingError, match="no plot of 'horoscope'"):
        check_plots.draw(Check("horoscope", "BG/NBD", all_checks[0].table, {}, ""))
