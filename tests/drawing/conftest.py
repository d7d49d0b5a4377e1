"""Tables as a comparison and a valuation make them, small and with hostile names, and how to read a picture."""

import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest

HOSTILE = "<script>alert('$x$')</script> & a name longer than any that candidates of this package have"
KINDS = {
    "BG/NBD": "model",
    "other BG/NBD": "package",
    "simple formula": "formula",
    HOSTILE: "formula",
    "failed": "model",
}
TOTALS = {
    "purchases": (400.0, [350.0, 352.0, 401.0, 390.0, None], [300.0, None, None, None, None]),
    "money": (8000.0, [7100.0, 7000.0, 8100.0, None, None], [6000.0, None, None, None, None]),
}


@pytest.fixture
def kinds():
    return KINDS


@pytest.fixture
def frame():
    """What ``Comparison.frame()`` has of totals: one interval, one candidate without money, one that failed."""
    columns = {"candidate": list(KINDS)}
    for quantity, (actual, predicted, lower) in TOTALS.items():
        columns[f"{quantity}_actual_total"] = [actual] * len(KINDS)
        columns[f"{quantity}_predicted_total"] = predicted
        columns[f"{quantity}_total_lower_90"] = lower
        columns[f"{quantity}_total_upper_90"] = [None if low is None else 1.3 * low for low in lower]
    return pd.DataFrame(columns)


@pytest.fixture
def by_frequency():
    """What ``Comparison.by_frequency()`` has; the package lies upon the model."""
    table = pd.DataFrame({"frequency": ["0", "1", "2+"], "customers": [1411, 439, 507], "actual": [0.2, 0.7, 2.4]})
    predicted = ([0.2, 0.6, 2.3], [0.2, 0.6, 2.301], [0.8, 0.8, 0.8], [0.0, 1.0, 3.0])
    return table.assign(**dict(zip(list(KINDS)[:4], predicted, strict=True)))


@pytest.fixture
def intervals():
    """What ``Comparison.intervals()`` has of three candidates, of which two have the same intervals."""
    levels = np.array([0.5, 0.8, 0.9, 0.95])
    rows = [
        pd.DataFrame(
            {
                "candidate": name,
                "quantity": "purchases",
                "level": levels,
                "coverage": raw * levels + 0.05,
                "pit": raw * levels,
            }
        )
        for name, raw in (("BG/NBD", 0.98), ("other BG/NBD", 0.98), (HOSTILE, 0.9))
    ]
    return pd.concat(rows, ignore_index=True)


@pytest.fixture
def customers():
    """What ``Valuation.frame()`` has of the best customers."""
    mean = np.linspace(400.0, 100.0, 20)
    columns = {"customer_id": [f"<script>{i}</script>" for i in range(20)], "clv_mean": mean, "clv_median": 0.8 * mean}
    return pd.DataFrame(columns | {"clv_lower": 0.1 * mean, "clv_upper": 2 * mean})


@pytest.fixture(scope="session")
def texts():
    """Return a function that returns the texts of a picture."""
    tag = "{http://www.w3.org/2000/svg}text"
    return lambda svg: [text.text for text in ET.fromstring(svg).iter(tag)]  # noqa: S314 -- it was made here
