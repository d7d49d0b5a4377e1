import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from clvmodels.drawing import comparison, value
from clvmodels.drawing.svg import to_svg
from clvmodels.prediction.lorenz import lorenz


@pytest.fixture
def drawings(frame, by_frequency, intervals, customers, kinds):
    realised = np.random.default_rng(1).normal(2e6, 1e5, 400)
    return {
        "totals": lambda: comparison.totals(frame, "purchases", kinds),
        "money": lambda: comparison.totals(frame, "money", kinds),
        "by_frequency": lambda: comparison.by_frequency(by_frequency, kinds),
        "coverage": lambda: comparison.coverage(intervals, "purchases", kinds),
        "pit_histogram": lambda: comparison.pit_histogram(np.array([0.4, 0.2, 0.4]), np.linspace(0, 1, 4)),
        "concentration": lambda: value.concentration(*lorenz(np.arange(100.0) ** 3)),
        "customers": lambda: value.customers(customers),
        "simple customers": lambda: value.customers(customers[["customer_id", "clv_mean"]].head(3)),
        "future_total": lambda: value.future_total(realised, 2e6, (1.84e6, 2.16e6), (1.9e6, 2.1e6)),
    }


def test_svg_is_well_formed_labelled_and_the_same_every_time(drawings):
    for name, draw in drawings.items():
        svg = to_svg(draw())
        root = ET.fromstring(svg)  # noqa: S314 -- it was made here
        assert root.attrib["role"] == "img", name
        assert root.attrib["aria-label"] == root[0].text
        assert svg == to_svg(draw()), name
        assert not {"width", "height"} & root.attrib.keys()


def test_svgs_of_one_page_share_no_id(drawings):
    page = "".join(to_svg(draw()) for draw in drawings.values())
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:url\(|href=")#([^")]+)', page)) == set(ids)


def test_colours_are_variables_of_the_page(drawings):
    page = "".join(to_svg(draw()) for draw in drawings.values())
    assert not re.findall(r"(?<!, )#[0-9a-f]{6}\b", page)


def test_names_are_escaped(drawings):
    assert not [name for name, draw in drawings.items() if "<script" in to_svg(draw())]
    assert "&lt;script&gt;" in to_svg(drawings["totals"]())
