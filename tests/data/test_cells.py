"""Cells that no column can have: how many, which, and what to do."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from clvmodels.data.cells import null_texts, plain_cells
from clvmodels.errors import DataError


@pytest.mark.parametrize("text", ["", " ", "null", "NULL", "NaN", "nan", "NaT", "None", "<NA>", " null "])
def test_what_programs_write_for_a_missing_value_is_missing(text):
    assert null_texts(pd.Series([text])).all()


@pytest.mark.parametrize("text", ["NA", "n/a", "#N/A"])
def test_what_people_write_for_it_may_be_a_name(text):
    assert not null_texts(pd.Series([text])).all()
    assert null_texts(pd.Series([text]), also_not_available=True).all()


@pytest.mark.parametrize("text", ["nobody", "Nathan", "-", "0", "unknown"])
def test_other_text_is_never_missing(text):
    assert not null_texts(pd.Series([text]), also_not_available=True).all()


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (
            [[1], "a", {}],
            r"2 of 3 rows in column 'who' hold values of the type dict, list: \[1\], \{\}\. Make each cell",
        ),
        ([np.array([1, 2]), 1], "1 of 2 rows .* of the type ndarray"),
        ([1j, 2], "1 of 2 rows .* of the type complex: 1j"),
        (np.array([1j, 2]), "2 of 2 rows .* hold complex numbers"),
        ([object(), 2], "of the type object"),
        ([Decimal("sNaN"), Decimal("NaN")], "1 of 2 rows .* signalling NaNs"),
        ([10**400, 10**300], "1 of 2 rows .* beyond the largest float: one of 1,329 bits"),
        ([10**5000, 1], "beyond the largest float"),  # of more digits than Python prints
        (["\ud800x", "é"], r"1 of 2 rows .* not Unicode \(lone surrogates\): '\\ud800x'. Decode"),
    ],
)
def test_cells_that_cannot_be_computed_with_are_refused(cells, message):
    with pytest.raises(DataError, match=message):
        plain_cells(pd.Series(cells, dtype=None if isinstance(cells, np.ndarray) else object), "who")


def test_nested_types_of_arrow_are_refused():
    with pytest.raises(DataError, match="of the type list"):
        plain_cells(pd.Series([[1], [2]], dtype=pd.ArrowDtype(pa.list_(pa.int64()))), "who")


def test_plain_cells_pass():
    plain = [
        1,
        2.5,
        True,
        "a",
        b"a",
        None,
        np.nan,
        pd.NA,
        pd.NaT,
        Decimal(1),
        UUID(int=1),
        date(2024, 1, 1),
        np.int8(3),
    ]
    assert plain_cells(pd.Series(plain, dtype=object), "who").tolist() == [
        None if pd.isna(one) else one for one in plain
    ]
