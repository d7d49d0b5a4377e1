"""Small simulated shops, and what the report is made from."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from clvmodels.data.transactions import Transactions
from clvmodels.errors import FitError
from clvmodels.evaluation.candidates import Prediction
from clvmodels.evaluation.compare import Comparison, compare
from clvmodels.inference.fit import Fit, fit
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.gamma_gamma import GammaGamma
from clvmodels.text import DASH
from clvmodels.valuation.plan import Plan
from clvmodels.valuation.simple_formula import SimpleFormula
from clvmodels.valuation.value import Valuation, value

CUT_OFF = "2023-12-31"
HOSTILE = "<script>alert('$x$')</script> & a name longer than any that candidates of this package have"


class Failing:
    """A candidate that never fits."""

    name = HOSTILE

    def predict(self, past, horizon, futures, seed) -> Prediction:
        raise FitError("It <b>cannot</b> be fitted to these data.")


class CountsOnly:
    """A candidate of another package that predicts purchases and no money, and says nothing of why."""

    name = "counts only"
    kind = "package"

    def predict(self, past, horizon, futures, seed) -> Prediction:
        return Prediction(SimpleFormula().predict(past, horizon, futures, seed), None)


class Made(NamedTuple):
    """What a demo page takes."""

    comparison: Comparison
    valuation: Valuation
    simple: Valuation
    fits: tuple[Fit[Any], Fit[Any]]
    log: Transactions


@pytest.fixture(scope="session")
def shop(live):
    """Return a function that simulates a log of a year before the cut-off and 39 weeks after."""

    def simulate(customers=500, seed=1, money=True, name="customer {}".format) -> Transactions:
        rng = np.random.default_rng(seed)
        start = rng.integers(0, 200, customers)
        rate, stop = rng.gamma(0.7, 1 / 30, customers), rng.beta(0.7, 2.1, customers)
        lives = live(rng, rate, stop, 638.0 - start, False)
        who = np.concatenate([np.arange(customers), lives.who])
        day = start[who] + np.concatenate([np.zeros(customers), lives.time])
        spend = (rng.gamma(3, 10, len(who)) / rng.gamma(4, 0.25, customers)[who]).round(2)
        table = pd.DataFrame(
            {"id": [name(i) for i in who], "day": pd.Timestamp("2023-01-01") + pd.to_timedelta(day, "D")}
        )
        table["amount"] = spend
        return Transactions(table, customer="id", date="day", amount="amount" if money else None)

    return simulate


@pytest.fixture(scope="session")
def candidates() -> list[Any]:
    return [BGNBD, SimpleFormula(), SimpleFormula(per_customer=True)]


@pytest.fixture(scope="session")
def made(shop, candidates) -> Made:
    log = shop(name=lambda i: f"<script>{i}</script>")
    comparison = compare([*candidates, CountsOnly(), Failing()], *log.split(CUT_OFF), futures=200)
    rfm, plan = log.summarize(), Plan("1 year", 0.10, 0.30)
    fits = fit(BGNBD, rfm), fit(GammaGamma, rfm)
    simple = SimpleFormula().value(rfm, plan, resamples=50)
    return Made(comparison, value(*fits, rfm, plan, futures=200), simple, fits, log)


@pytest.fixture(scope="session")
def without_money(shop, candidates) -> Comparison:
    return compare(candidates, *shop(300, money=False).split(CUT_OFF), futures=100)


@pytest.fixture(scope="session")
def same():
    """Return a function that says whether a text of a table is a number, up to the digits shown."""

    def is_same(text, value) -> bool:
        if pd.isna(value) or text == DASH:
            return text == DASH and pd.isna(value)
        plain, scale = text.removesuffix("\xa0%"), 100 if text.endswith("%") else 1
        shown = float(plain.replace(",", "").replace("\N{MINUS SIGN}", "-").replace("+", ""))
        return abs(shown / scale - value) <= 0.5000001 * 10.0 ** -len(plain.partition(".")[2]) / scale

    return is_same
