"""Bases that drive fits to their limits: what comes out is finite and right, or a verdict that has a name."""

from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest

import clvmodels as clv
from clvmodels.data.rfm import RFM
from clvmodels.errors import InfiniteMeanError, PriorWarning
from clvmodels.inference.verdict import Outcome

PURCHASE_MODELS = [clv.BGNBD, clv.MBGNBD, clv.ParetoNBD, clv.NBD]
rng = np.random.default_rng(7)


def base(x, t_x, T, unit="week", money=None) -> RFM:
    table = pd.DataFrame({"customer_id": range(len(x)), "frequency": x, "recency": t_x, "T": T})
    return RFM.from_frame(table if money is None else table.assign(monetary_value=money), unit=unit)


def lived(customers, rate, stop, T, seed=0) -> RFM:
    """Customers who buy at a rate and stop after each repeat purchase with a probability, both arrays or numbers."""
    random = np.random.default_rng(seed)
    T = np.broadcast_to(np.asarray(T, dtype=float), customers)
    possible = random.poisson(rate * T, customers)
    x = np.minimum(possible, random.geometric(stop, customers)) if np.any(stop) else possible
    latest = random.beta(np.maximum(x, 1), possible - x + 1)
    return base(x, np.where(x > 0, T * latest, 0.0), T)


def rates(customers, seed=1):
    return np.random.default_rng(seed).gamma(0.6, 0.2, customers)


def stops(customers, a, b, seed=2):
    return np.random.default_rng(seed).beta(a, b, customers)


CROWD = lived(2000, rates(2000), stops(2000, 0.9, 2.5), rng.uniform(30, 60, 2000))
HEAVY = base(
    np.append(CROWD.frequency, 5000), np.append(CROWD.recency, 39.9), np.append(CROWD.T, 40.0)
)  # one customer buys 18 times a day
BASES = {
    "a near 1": lived(3000, rates(3000), stops(3000, 1.0, 2.5), rng.uniform(30, 60, 3000)),
    "x = 5000": HEAVY,
    "observed for hours": base(CROWD.frequency, CROWD.recency / 168, CROWD.T / 168),
    "observed for decades": base(CROWD.frequency, CROWD.recency * 52, CROWD.T * 52),
    "30 customers": CROWD.take(np.arange(30)),
    "everyone alive": lived(800, rates(800), 0.0, 52.0),
    "everyone dead": lived(800, np.full(800, 3.0), np.full(800, 0.4), 500.0),
    "all alike": base(np.full(500, 2), np.full(500, 10.0), np.full(500, 20.0)),
    "heavy ties": base(np.tile([0, 0, 0, 1, 2], 200), np.tile([0.0, 0, 0, 10, 20], 200), np.full(1000, 30.0)),
    "bought once, or once more": base(np.tile([0, 1], 200), np.tile([0.0, 5.0], 200), np.full(400, 30.0)),
}


AT_BORDER = {  # the prior settles these; all other fits converge
    "30 customers": ["ParetoNBD"],
    "everyone alive": ["ParetoNBD"],
    "everyone dead": ["BGNBD", "MBGNBD", "ParetoNBD"],
    "all alike": ["BGNBD", "MBGNBD", "ParetoNBD", "NBD"],
    "heavy ties": ["BGNBD", "MBGNBD", "ParetoNBD"],
    "bought once, or once more": ["BGNBD", "MBGNBD", "ParetoNBD", "NBD"],
}


@pytest.mark.parametrize("name", BASES)
@pytest.mark.parametrize("model", PURCHASE_MODELS)
def test_a_fit_is_finite_or_says_why_not(model, name) -> None:
    rfm = BASES[name]
    settled = model.__name__ in AT_BORDER.get(name, [])
    with pytest.warns(PriorWarning) if settled else nullcontext():
        found = clv.fit(model, rfm)
    assert found.verdict.outcome is (Outcome.SETTLED_BY_PRIOR if settled else Outcome.CONVERGED)
    for values in found.draws.values().values():
        assert np.isfinite(values).all()
    some = rfm.take(np.unique(np.linspace(0, len(rfm) - 1, 40).astype(int)))
    frame = clv.predict(found, some, f"{np.median(rfm.T):.6g} {rfm.unit}s", futures=200).frame()
    numbers = frame.select_dtypes("number").drop(columns="customer_id").to_numpy()
    assert np.isfinite(numbers).all()
    assert (numbers >= 0).all()


@pytest.mark.parametrize("model", PURCHASE_MODELS)
def test_hours_and_decades_are_the_same_fit(model) -> None:
    weeks, hours, decades = (
        clv.fit(model, rfm).draws for rfm in (CROWD, BASES["observed for hours"], BASES["observed for decades"])
    )
    np.testing.assert_allclose(hours.alpha * 168, weeks.alpha, rtol=1e-5)
    np.testing.assert_allclose(decades.alpha / 52, weeks.alpha, rtol=1e-5)


def test_a_of_one_is_found_and_nothing_jumps_there() -> None:
    found = clv.fit(clv.BGNBD, BASES["a near 1"])
    frame = found.frame().set_index("parameter")
    assert abs(frame["estimate"]["a"] - 1) < 3.5 * frame["standard_error"]["a"]
    histories = clv.Histories([0, 3, 40], [0, 40, 40], [40, 40, 40])
    below, at, above = (
        clv.BGNBD(0.6, 5.0, a, 2.5).future(histories).purchases(100.0) for a in (1 - 1e-7, 1.0, 1 + 1e-7)
    )
    np.testing.assert_allclose(below, at, rtol=1e-6)
    np.testing.assert_allclose(above, at, rtol=1e-6)


@pytest.mark.parametrize("seed", range(1, 6))
def test_nobody_is_said_to_drop_out_where_nobody_does(seed) -> None:
    with pytest.warns(PriorWarning, match="No drop-out identified"):
        clv.fit(clv.BGNBD, lived(800, rates(800), 0.0, 52.0, seed=seed))


def test_hardly_anybody_is_said_to_drop_out_where_some_look_by_chance_as_if_they_had() -> None:
    found = clv.fit(clv.BGNBD, lived(800, rates(800), 0.0, 52.0, seed=0))
    assert found.verdict.outcome is Outcome.CONVERGED
    assert found.estimate.a / (found.estimate.a + found.estimate.b) < 0.02


def test_everyone_is_said_to_have_dropped_out_where_everyone_has() -> None:
    found = clv.fit(clv.MBGNBD, BASES["everyone dead"], clv.MaximumLikelihood())
    assert found.estimate.probability_alive(clv.Histories(3, 4, 500)) < 1e-6


@pytest.mark.parametrize("q", [0.7, 1.05])
def test_spend_without_a_mean_is_found_and_refused(q) -> None:
    random = np.random.default_rng(3)
    x = 1 + random.poisson(2.0, 3000)
    nu = random.gamma(q, 1 / 15.0, 3000)
    m = random.gamma(6.0 * x) / nu / x
    found = clv.fit(clv.GammaGamma, base(x, np.full(3000, 10.0), np.full(3000, 20.0), money=m))
    assert found.verdict.ok
    assert found.estimate.q == pytest.approx(q, rel=0.12)
    newcomers = base(np.zeros(5, int), np.zeros(5), np.full(5, 20.0), money=np.zeros(5))
    if q < 1:
        with pytest.raises(InfiniteMeanError, match="exists only for p x \\+ q > 1"):
            found.draws.value(newcomers.frequency, newcomers.money).mean()
    assert np.isfinite(found.draws.value(x, m).mean()).all()  # who bought again has a mean
