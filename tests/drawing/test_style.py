import matplotlib as mpl
import pytest

from clvmodels.drawing.comparison import totals
from clvmodels.drawing.style import canvas, clipped, look, percent_ticks, short_ticks, styled
from clvmodels.drawing.svg import to_svg


def test_the_style_of_the_caller_is_neither_used_nor_changed(frame, kinds):
    plain = to_svg(totals(frame, "purchases", kinds))
    with mpl.rc_context({"font.size": 30, "axes.grid": True}):
        assert to_svg(totals(frame, "purchases", kinds)) == plain
        assert mpl.rcParams["font.size"] == 30


def test_kinds_differ_in_colour_and_in_marker_and_an_unknown_one_is_a_model():
    looks = [look(kind) for kind in ("model", "formula", "package")]
    assert len({one.colour for one in looks}) == len({one.marker for one in looks}) == 3
    assert look("oracle") == look("model")


def test_a_long_name_is_cut_and_a_short_one_is_not():
    assert clipped("a" * 18) == "a" * 18
    assert clipped("a" * 19) == "a" * 17 + "…"


@pytest.mark.parametrize(("ticks", "texts"), [(short_ticks, ["0", "1,000", "2,000"]), (percent_ticks, ["0\xa0%"])])
def test_ticks_are_written_short_or_in_percent(ticks, texts):
    _, axes = styled(canvas)(4, 3, "label")
    axes.set(xlim=(0, 2000))
    ticks(axes, "x")
    assert [axes.xaxis.get_major_formatter()(value) for value in (0, 1000, 2000)][: len(texts)] == texts
