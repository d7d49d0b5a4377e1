"""Warnings of a summary: a log that starts late, and purchases that merging hides."""

import numpy as np
import pandas as pd
import pytest

from clvmodels.data.transactions import Transactions
from clvmodels.errors import LeftTruncationWarning, MergedPurchasesWarning


def simulated(seed, days=1_000, start=0, acquired=4.0):
    """Simulate BG/NBD customers who arrive at a constant rate, and keep the log from a day on."""
    random = np.random.default_rng(seed)
    born = np.sort(random.uniform(0, days, random.poisson(acquired * days)))
    rate, drop = random.gamma(0.5, 1 / 30, len(born)), random.beta(0.8, 2.5, len(born))
    count = random.geometric(drop)
    gaps = random.exponential(1, count.sum()) / np.repeat(rate, count)
    first = np.concatenate([[0], np.cumsum(count)[:-1]])
    gaps[first] = 0
    when = np.repeat(born, count) + np.cumsum(gaps) - np.repeat(np.cumsum(gaps)[first], count)
    seen = (when < days) & (when >= start)
    stamps = np.datetime64("2021-01-01") + when[seen].astype("timedelta64[D]")
    return pd.DataFrame({"who": np.repeat(np.arange(len(born)), count)[seen], "when": stamps})


@pytest.mark.parametrize("seed", range(20))
def test_even_acquisition_is_no_truncation(seed):
    Transactions(simulated(seed), "who", "when").summarize()  # a warning would be an error


@pytest.mark.parametrize("seed", range(5))
def test_a_log_that_starts_late_is_noticed(seed):
    frame = simulated(seed, start=400)
    message = (
        r"customers have their first purchase in the first 30 days of the log, against .*acquired_since='2022-05-06'"
    )
    with pytest.warns(LeftTruncationWarning, match=message) as caught:
        Transactions(frame, "who", "when").summarize()
    assert caught[0].filename == __file__
    Transactions(frame, "who", "when", acquired_since="2022-05-06").summarize()


def test_growth_and_short_logs_are_no_truncation():
    even = pd.DataFrame({"who": range(2_000), "when": np.datetime64("2024-01-01") + np.arange(2_000) % 50})
    Transactions(even, "who", "when").summarize()
    growth = np.datetime64("2023-01-01") + np.sqrt(np.linspace(0, 300**2, 5_000)).astype(int)
    Transactions(pd.DataFrame({"who": range(5_000), "when": growth}), "who", "when").summarize()


def test_customers_who_buy_in_every_period_are_noticed(log):
    when = np.datetime64("2024-01-01") + np.arange(0, 210, 3)
    with pytest.warns(
        MergedPurchasesWarning, match="100\N{NO-BREAK SPACE}% .* 1 customer with .* 1 week .* Choose a shorter period"
    ) as caught:
        log("a" * 70, when, period="1 week").summarize()
    assert caught[0].filename == __file__
    log("a" * 70, when).summarize()
    with pytest.warns(MergedPurchasesWarning, match="as accounts rather than customers"):
        log("a" * 30, np.datetime64("2024-01-01") + np.arange(30)).summarize()


def test_a_few_heavy_buyers_are_not_worth_a_warning(log):
    when = [*np.datetime64("2024-01-01") + np.arange(20), *np.datetime64("2024-01-01") + np.arange(500) % 30]
    log([0] * 20 + list(range(1, 501)), when).summarize()
