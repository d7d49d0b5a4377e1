"""Rank plots: panels, bands, and the lines that leave them."""

import re

import numpy as np
import pytest

from clvmodels.drawing.ranks import RankPanel, rank_plots
from clvmodels.drawing.svg import to_svg
from clvmodels.evaluation.uniformity import band, counts_below

EVEN = np.arange(300) % 100


def panel(model="BG/NBD", method="Laplace", **ranks):
    below = np.stack([counts_below(of, 99) for of in ranks.values()])
    return RankPanel(model, method, tuple(ranks), len(EVEN), below, *band(len(EVEN), 99))


GOOD = panel(r=EVEN, alpha=EVEN[::-1])
BAD = panel("NBD", r=EVEN, alpha=(0.3 * EVEN).astype(int))


def test_a_line_outside_its_band_is_named_and_one_inside_is_not() -> None:
    assert GOOD.outside == ()
    assert BAD.outside == ("alpha",)
    svg = to_svg(rank_plots([GOOD, BAD]))
    assert ">alpha<" in svg
    assert ">r<" not in svg
    assert "Outside the 95 % band: alpha of NBD by Laplace." in svg
    assert "All stay inside their 95 % bands." in to_svg(rank_plots([GOOD]))


@pytest.mark.parametrize(
    ("methods", "rows", "across"),
    [(["Laplace"] * 3, 1, 3), (["Laplace"] * 3 + ["NUTS"] * 2, 2, 3), (["Laplace"] * 7, 2, 5)],
)
def test_each_method_has_rows_of_its_own(methods, rows, across) -> None:
    figure = rank_plots([panel(method=name, r=EVEN) for name in methods])
    shown = [axes for axes in figure.axes if axes.axison]
    assert len(shown) == len(methods)
    assert shown[0].get_gridspec().get_geometry() == (rows, across)


def test_equal_ranks_give_equal_pictures() -> None:
    assert to_svg(rank_plots([GOOD])) == to_svg(rank_plots([GOOD]))
    assert len(re.findall("BG/NBD, Laplace", to_svg(rank_plots([GOOD])))) == 1
