"""Simulated bases and logs: the parameters behind them come back, and every row follows from the seed."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from clvmodels.data.transactions import Transactions
from clvmodels.errors import SettingError
from clvmodels.inference.fit import fit
from clvmodels.inference.methods import MaximumLikelihood
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.gamma_gamma import GammaGamma
from clvmodels.models.mbg_nbd import MBGNBD
from clvmodels.models.nbd import NBD
from clvmodels.prediction.generate import simulate_customers, simulate_log

RARE = BGNBD(r=0.6, alpha=12.0, a=0.8, b=2.5)  # so few purchases a day that hardly any two are merged
SPEND = GammaGamma(p=6.25, q=3.74, gamma=15.4)
AGES = np.linspace(26, 52, 400)


def within_sampling_error(found, truth, most=3.5):
    """Whether every estimate is within some standard errors of the truth, in logarithms."""
    assert found.verdict.ok
    z = [
        np.log(value / getattr(truth, name)) / (found.standard_errors[name] / value)
        for name, value in found.estimate.values().items()
    ]
    return np.abs(z).max() < most


# --- a base ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [RARE, MBGNBD(r=0.6, alpha=12.0, a=0.8, b=2.5), NBD(r=0.6, alpha=12.0)])
def test_the_parameters_behind_a_base_come_back(model) -> None:
    rfm = simulate_customers(model, SPEND, ages=np.linspace(52, 104, 20_000), unit="week", seed=1)
    assert within_sampling_error(fit(type(model), rfm, MaximumLikelihood()), model)
    assert within_sampling_error(fit(GammaGamma, rfm, MaximumLikelihood()), SPEND)
    assert within_sampling_error(fit(GammaGamma(of="all"), rfm, MaximumLikelihood()), SPEND)


@pytest.mark.parametrize(("model", "at_once"), [(BGNBD, False), (MBGNBD, True)])
def test_a_base_is_like_one_that_lives_event_by_event(model, at_once, live) -> None:
    customers, rng = 40_000, np.random.default_rng(5)
    ages = rng.uniform(10.0, 60.0, customers)
    rfm = simulate_customers(model(0.6, 6.0, 0.8, 2.5), ages=ages, unit="week", seed=2)
    lives = live(rng, rng.gamma(0.6, 1 / 6.0, customers), rng.beta(0.8, 2.5, customers), ages, at_once)
    x, t_x = lives.count(customers, 0.0, ages), lives.latest(customers, ages)
    counts = [np.bincount(np.minimum(values, 8), minlength=9) for values in (rfm.frequency, x)]
    assert stats.chi2_contingency(counts).pvalue > 0.001
    shares = [(last / ages)[bought > 0] for last, bought in ((rfm.recency, rfm.frequency), (t_x, x))]
    assert stats.ks_2samp(*shares).pvalue > 0.001


def test_a_customer_has_the_age_that_was_asked_for_in_the_unit_that_was_named() -> None:
    rfm = simulate_customers(RARE, SPEND, ages=AGES, unit="Weeks", seed=0)
    np.testing.assert_allclose(rfm.T, AGES)
    assert rfm.unit == "week"
    assert (rfm.recency <= rfm.T).all()
    assert rfm.customer_id.tolist() == list(range(400))


def test_one_time_buyers_have_a_first_spend_and_no_repeat_spend() -> None:
    rfm = simulate_customers(RARE, SPEND, ages=AGES, unit="week")
    once = rfm.frequency == 0
    assert (rfm.first_spend > 0).all()
    assert ((rfm.monetary_value > 0) == ~once).all()


def test_first_and_repeat_spend_are_those_of_one_customer() -> None:
    rfm = simulate_customers(NBD(50.0, 50.0), SPEND, ages=np.full(5_000, 30.0), unit="week")
    # Both are Gamma given the customer's own rate, whose spread is all that they share.
    between = 1 / (SPEND.q - 2)
    within = (1 + between) / SPEND.p
    expected = between / np.sqrt((between + within) * (between + within / 30))
    assert np.corrcoef(rfm.first_spend, rfm.monetary_value)[0, 1] == pytest.approx(expected, abs=0.1)
    assert rfm.first_spend.mean() == pytest.approx(SPEND.p * SPEND.gamma / (SPEND.q - 1), rel=0.04)


def test_a_base_follows_from_its_seed_and_money_changes_no_purchase() -> None:
    first, again, other = (simulate_customers(RARE, SPEND, ages=AGES, unit="week", seed=seed) for seed in (3, 3, 4))
    pd.testing.assert_frame_equal(first.frame(), again.frame())
    assert (first.recency != other.recency).any()
    alone = simulate_customers(RARE, ages=AGES, unit="week", seed=3)
    np.testing.assert_array_equal(alone.recency, first.recency)
    assert alone.monetary_value is None


def test_a_customer_of_no_age_has_not_come_back() -> None:
    rfm = simulate_customers(RARE, ages=[0.0, 52.0], unit="week")
    assert rfm.frequency[0] == 0


# --- a log -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def log():
    return simulate_log(RARE, SPEND, customers=8_000, start="2022-01-01", end="2023-12-31", unit="week", seed=2)


def test_the_parameters_behind_a_log_come_back_through_its_summary(log) -> None:
    read = Transactions(log, customer="customer_id", date="date", amount="amount", observed_until="2023-12-31")
    rfm = read.summarize(unit="week")
    assert len(rfm) == 8_000
    assert rfm.cautions == ()
    assert within_sampling_error(fit(BGNBD, rfm, MaximumLikelihood()), RARE)
    assert within_sampling_error(fit(GammaGamma, rfm, MaximumLikelihood()), SPEND)


def test_a_log_stays_within_its_days_and_is_in_order(log) -> None:
    assert log["date"].is_monotonic_increasing
    assert log["date"].min().date().isoformat() == "2022-01-01"
    assert log["date"].max().date().isoformat() == "2023-12-31"
    assert (log["amount"] > 0).all()
    assert log["customer_id"].nunique() == 8_000


def test_first_purchases_spread_evenly_over_the_acquisition_window() -> None:
    days = {"start": "2023-01-01", "acquired_until": "2023-03-31", "end": "2023-12-31"}
    log = simulate_log(RARE, customers=5_000, unit="week", **days)
    assert list(log.columns) == ["customer_id", "date"]
    first = log.groupby("customer_id")["date"].min()
    share = (first - pd.Timestamp("2023-01-01")) / pd.Timedelta(days=90)
    assert stats.kstest(share, "uniform").pvalue > 0.001
    assert log["date"].max() > pd.Timestamp("2023-12-20")


def test_a_log_and_its_unit_agree(log) -> None:
    days = {"start": "2022-01-01", "end": "2023-12-31"}
    same = simulate_log(RARE.rescaled(7.0), SPEND, customers=8_000, unit="day", seed=2, **days)
    assert len(same) == len(log)
    assert (np.abs(same["date"] - log["date"]) <= pd.Timedelta(seconds=1)).all()  # to the rounding of a second


def test_a_log_follows_from_its_seed(log) -> None:
    arguments = {"customers": 8_000, "start": "2022-01-01", "end": "2023-12-31", "unit": "week"}
    pd.testing.assert_frame_equal(simulate_log(RARE, SPEND, seed=2, **arguments), log)
    assert len(simulate_log(RARE, SPEND, seed=3, **arguments)) != len(log)


def test_a_log_of_one_day() -> None:
    log = simulate_log(RARE, customers=3, start="2023-01-01", end="2023-01-01", unit="week")
    assert set(log["date"].dt.date.astype(str)) == {"2023-01-01"}


# --- what is refused ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ages": [1.0, -2.0]}, "1 of 2 ages are negative or not finite, such as -2"),
        ({"ages": [np.nan, 2.0]}, "1 of 2 ages"),
        ({"ages": []}, "at least one"),
        ({"ages": [[1.0]]}, r"shape \(1, 1\)"),
        ({"seed": -1}, "seed is a whole number from 0 to .*; seed=-1 is not"),
        ({"purchases": NBD(np.ones((3, 1)), 2.0)}, "NBD: .* but r has 3 draws"),
    ],
)
def test_a_base_that_cannot_be_is_refused(change, message) -> None:
    with pytest.raises(SettingError, match=message):
        simulate_customers(**{"purchases": RARE, "ages": AGES, "unit": "week"} | change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"customers": 0}, "customers=0 is not"),
        ({"customers": 2.5}, "customers=2.5 is not"),
        ({"start": "soon"}, "start = 'soon' is not a date"),
        ({"end": "2022-12-31"}, "but these are 2023-01-01, 2022-12-31 and 2022-12-31"),
        ({"acquired_until": "2024-06-30"}, "from start to acquired_until to end"),
    ],
)
def test_a_log_that_cannot_be_is_refused(change, message) -> None:
    arguments = {"customers": 10, "start": "2023-01-01", "end": "2023-12-31", "unit": "week"} | change
    with pytest.raises(SettingError, match=message):
        simulate_log(RARE, **arguments)
