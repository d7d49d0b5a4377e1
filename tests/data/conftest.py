"""A log of a few rows, for the tests of how logs are read, cleaned and split."""

from collections.abc import Callable

import pandas as pd
import pytest

from clvmodels.data.transactions import Transactions


@pytest.fixture(scope="session")
def log() -> Callable[..., Transactions]:
    """Return a function that makes a log of customer "a", who buys twice, and "b", who buys once, or of other rows."""

    def make(who="aab", when=("2024-01-01", "2024-01-08", "2024-02-01"), paid=None, **options):
        frame = pd.DataFrame({"who": list(who), "when": list(when)})
        if paid is None:
            return Transactions(frame, "who", "when", **options)
        return Transactions(frame.assign(paid=list(paid)), "who", "when", "paid", **options)

    return make
