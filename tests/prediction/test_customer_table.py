"""Tables of customers that say what they are of."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from clvmodels.prediction.customer_table import CustomerTable

TABLE = pd.DataFrame({"customer_id": ["a", "b"], "p_alive": [0.25, 0.5]})


def table(cut_off=date(1997, 9, 30), horizon="26 weeks", draws_of="posterior", what="probability to be alive"):
    return CustomerTable(what, "BG/NBD", "week", cut_off, horizon, draws_of, TABLE)


def test_the_frame_is_a_copy() -> None:
    found = table()
    changed = found.frame()
    changed["p_alive"] = 0.0
    pd.testing.assert_frame_equal(found.frame(), TABLE)
    assert len(found) == 2


@pytest.mark.parametrize(
    ("settings", "headline"),
    [
        (
            {"horizon": None},
            "Probability to be alive after 1997-09-30 by BG/NBD, time in weeks, averaged over the posterior",
        ),
        ({"draws_of": None}, "Probability to be alive up to 26 weeks after 1997-09-30 by BG/NBD, time in weeks"),
        (
            {"cut_off": None, "draws_of": "sampling distribution"},
            "Probability to be alive up to 26 weeks by BG/NBD, time in weeks, averaged over the sampling distribution",
        ),
        (
            {"horizon": None, "draws_of": None, "what": "next purchase"},
            "Next purchase after 1997-09-30 by BG/NBD, time in weeks",
        ),
    ],
)
def test_it_shows_what_it_is_of_above_the_table(settings, headline) -> None:
    found = table(**settings)
    assert repr(found).splitlines() == [headline, *TABLE.to_string(index=False).splitlines()]
    assert found._repr_html_().startswith(f"<p>{headline}</p><table")


def test_a_long_table_is_shown_in_part() -> None:
    many = pd.DataFrame({"customer_id": np.arange(1000), "p_alive": 0.5})
    found = CustomerTable("probability to be alive", "BG/NBD", "week", None, None, None, many)
    assert len(found) == len(found.frame()) == 1000
    assert len(repr(found).splitlines()) == 13  # the headline, the columns, ten rows and the dots between them
    assert found._repr_html_().count("<tr") == 12


def test_what_a_model_is_called_is_no_html() -> None:
    found = CustomerTable("probability to be alive", "<b>My & NBD</b>", "week", None, None, None, TABLE)
    assert "by &lt;b&gt;My &amp; NBD&lt;/b&gt;, time" in found._repr_html_()
