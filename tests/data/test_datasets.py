from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest

from clvmodels.data.datasets import load_cdnow


def test_cdnow_is_the_published_sample():
    log = load_cdnow()
    assert list(log.columns) == ["customer_id", "date", "amount"]
    assert len(log) == 6_919
    assert log["customer_id"].nunique() == 2_357
    assert (log["customer_id"].min(), log["customer_id"].max()) == ("0001", "2357")
    assert (log["date"].min(), log["date"].max()) == (pd.Timestamp("1997-01-01"), pd.Timestamp("1998-06-30"))
    assert (log["amount"] == 0).sum() == 8


def test_every_call_returns_a_table_of_its_own():
    mine = load_cdnow()
    mine.loc[0, "amount"] = -1.0
    assert load_cdnow().loc[0, "amount"] == 29.33


def test_cdnow_is_the_copy_that_lifetimes_ships():
    spec = find_spec("lifetimes")  # its data are read without running it
    if spec is None:
        pytest.skip("lifetimes is not installed")
    path = Path(spec.submodule_search_locations[0]) / "datasets" / "CDNOW_sample.txt"
    names = ["master_id", "customer_id", "date", "cds", "amount"]
    theirs = pd.read_csv(path, sep=r"\s+", header=None, names=names, dtype={"customer_id": str, "date": str})
    theirs["date"] = pd.to_datetime(theirs["date"], format="%Y%m%d")
    ours = load_cdnow()
    pd.testing.assert_frame_equal(ours, theirs[["customer_id", "date", "amount"]], check_dtype=False, rtol=1e-15)
