"""What tests of models share: customers who may drop out at any time, and estimates of ratios."""

import numpy as np
import pytest


def live_any_time(rng, rate, drop_out, t):
    """Live event by event: wait an exponential gap, buy, on until the end of an exponential lifetime, or t.

    Returns the owners and the times of the purchases.
    """
    end = np.minimum(rng.exponential(1 / drop_out), t)
    who, now, events = np.arange(len(rate)), np.zeros(len(rate)), []
    while len(who):
        now[who] += rng.exponential(1 / rate[who])
        who = who[now[who] <= end[who]]
        events.append((who, now[who]))
    return tuple(np.concatenate(parts) for parts in zip(*events, strict=True))


def ratio_of_means(numerator, denominator):
    """An estimate of E[numerator] / E[denominator] and its standard error."""
    value = numerator.mean() / denominator.mean()
    return value, np.std(numerator - value * denominator) / denominator.mean() / np.sqrt(len(numerator))


@pytest.fixture(scope="session", name="live_any_time")
def live_any_time_fixture():
    return live_any_time


@pytest.fixture(scope="session")
def ratio():
    return ratio_of_means
