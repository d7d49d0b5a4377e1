"""What many tests use: the CDNOW sample, published numbers, and a simulator that shares no code with the package."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from clvmodels.data.datasets import load_cdnow
from clvmodels.data.rfm import RFM
from clvmodels.data.transactions import Transactions
from clvmodels.inference.fit import fit
from clvmodels.inference.methods import MaximumLikelihood
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.gamma_gamma import GammaGamma

collect_ignore = ["typing"]  # a script for the type checkers to read, which `test_types.py` hands to them

ORACLES = Path(__file__).parent / "oracles"


@pytest.fixture(scope="session")
def oracle() -> Callable[[str], dict[str, Any]]:
    """Return the published numbers about a subject; each stands beside its source."""
    return lambda name: json.loads((ORACLES / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def cdnow():
    return Transactions(load_cdnow(), customer="customer_id", date="date", amount="amount")


@pytest.fixture(scope="session")
def cdnow_split(cdnow):
    """The first 39 weeks, on which the published estimates rest, and the 39 weeks of holdout."""
    return cdnow.split("1997-09-30")


@pytest.fixture(scope="session")
def cdnow_rfm(cdnow_split):
    return cdnow_split[0].summarize(unit="week")


@pytest.fixture(scope="session")
def cdnow_holdout(cdnow_split, cdnow_rfm):
    """Purchases and money of each customer of ``cdnow_rfm`` in the holdout."""
    return cdnow_split[1].purchases_by_customer(cdnow_rfm.customer_id)


@pytest.fixture(scope="session")
def cdnow_purchases(cdnow_rfm):
    return fit(BGNBD, cdnow_rfm)


@pytest.fixture(scope="session")
def cdnow_purchases_point(cdnow_rfm):
    return fit(BGNBD, cdnow_rfm, MaximumLikelihood())


@pytest.fixture(scope="session")
def cdnow_spend(cdnow_rfm):
    return fit(GammaGamma, cdnow_rfm)


@pytest.fixture(scope="session")
def cdnow_spend_point(cdnow_rfm):
    return fit(GammaGamma, cdnow_rfm, MaximumLikelihood())


class Lives(NamedTuple):
    """Purchases of many customers after time 0: ``time`` and ``who``, by customer and in order of time."""

    who: np.ndarray
    time: np.ndarray

    def count(self, customers: int, after: Any, until: Any) -> np.ndarray:
        inside = (self.time > np.broadcast_to(after, customers)[self.who]) & (
            self.time <= np.broadcast_to(until, customers)[self.who]
        )
        return np.bincount(self.who[inside], minlength=customers)

    def latest(self, customers: int, until: Any) -> np.ndarray:
        last = np.zeros(customers)
        inside = self.time <= np.broadcast_to(until, customers)[self.who]
        np.maximum.at(last, self.who[inside], self.time[inside])
        return last


def step_through(rng: np.random.Generator, rate: np.ndarray, drop_out: np.ndarray, end: Any, at_once: bool) -> Lives:
    """Live event by event: wait an exponential gap, buy, drop out with a probability of one's own; on until ``end``.

    ``at_once`` offers drop-out after the first purchase, at time 0, as well (MBG/NBD).
    """
    end = np.broadcast_to(end, rate.shape)
    who = np.arange(len(rate))
    if at_once:
        who = who[rng.random(len(who)) >= drop_out[who]]
    now, events = np.zeros(len(rate)), []
    while len(who):
        now[who] += rng.exponential(1 / rate[who])
        who = who[now[who] <= end[who]]
        events.append((who, now[who]))
        who = who[rng.random(len(who)) >= drop_out[who]]
    everyone, times = (np.concatenate(parts) for parts in zip(*events, strict=True))
    order = np.lexsort((times, everyone))
    return Lives(everyone[order], times[order])


@pytest.fixture(scope="session")
def live() -> Callable[..., Lives]:
    return step_through


class Population(NamedTuple):
    """A simulated base: its RFM at T, and what its customers did in (T, T + t]."""

    rfm: RFM
    count: np.ndarray
    money: np.ndarray


@pytest.fixture(scope="session")
def population() -> Callable[..., Population]:
    """Return a function that simulates a base of BG/NBD or MBG/NBD customers with Gamma-Gamma spend."""

    def simulate(
        customers: int,
        purchases: tuple[float, ...],
        seed: int,
        spend: tuple[float, ...] = (6.0, 4.0, 15.0),
        T: tuple[float, float] = (26.0, 52.0),
        t: float = 39.0,
        at_once: bool = False,
    ) -> Population:
        rng = np.random.default_rng(seed)
        (r, alpha, a, b), (p, q, gamma) = purchases, spend
        age = rng.uniform(*T, customers)
        rate, drop_out = rng.gamma(r, 1 / alpha, customers), rng.beta(a, b, customers)
        lives = step_through(rng, rate, drop_out, age + t, at_once)
        x, t_x = lives.count(customers, 0.0, age), lives.latest(customers, age)
        later = lives.count(customers, age, age + t)
        nu = rng.gamma(q, 1 / gamma, customers)
        table = pd.DataFrame(
            {
                "customer_id": [f"customer {i}" for i in range(customers)],
                "frequency": x,
                "recency": t_x,
                "T": age,
                "monetary_value": np.where(x > 0, rng.gamma(np.maximum(p * x, 1e-9)) / nu / np.maximum(x, 1), 0.0),
            }
        )
        money = np.where(later > 0, rng.gamma(np.maximum(p * later, 1e-9)) / nu, 0.0)
        return Population(RFM.from_frame(table, unit="week"), later, money)

    return simulate
