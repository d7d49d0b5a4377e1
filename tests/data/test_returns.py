import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clvmodels.data.returns import net_returns


def net(spend, returned, customer=None):
    customer = np.zeros(len(spend), dtype=np.int64) if customer is None else np.array(customer)
    kept, unmatched = net_returns(customer, np.array(spend, dtype=float), np.array(returned, dtype=float))
    return kept.tolist(), unmatched.tolist()


@pytest.mark.parametrize(
    ("spend", "returned", "kept", "unmatched"),
    [
        ([10, 20], [0, 5], [10, 15], [0, 0]),  # of the same period first
        ([10, 20, 0], [0, 0, 5], [10, 15, 0], [0, 0, 0]),  # then the latest
        ([10, 20, 0], [0, 0, 25], [5, 0, 0], [0, 0, 0]),  # then those before it
        ([10, 20, 0], [0, 0, 35], [0, 0, 0], [0, 0, 5]),  # what exceeds them is unmatched
        ([0, 10], [4, 0], [0, 10], [4, 0]),  # never a purchase after the return
        ([10, 5, 7], [0, 12, 0], [3, 0, 7], [0, 0, 0]),  # own period, then earlier ones
        ([10, 0, 10, 0], [0, 3, 0, 12], [5, 0, 0, 0], [0, 0, 0, 0]),  # one return after another
        ([0, 0], [0, 3], [0, 0], [0, 3]),  # a purchase of amount zero has nothing to take off
    ],
)
def test_returns_come_off_the_latest_purchase_first(spend, returned, kept, unmatched):
    assert net(spend, returned) == (kept, unmatched)


def test_returns_touch_nobody_else():
    assert net([10, 0, 10, 0], [0, 3, 0, 20], [0, 0, 1, 1]) == ([7, 0, 0, 0], [0, 0, 0, 10])


def test_cents_do_not_leave_a_purchase_of_rounding():
    spend, returned = [0.1 + 0.2, 0], [0, 0.3]
    assert net(spend, returned) == ([0, 0], [0, 0])
    assert net([0.1 + 0.2], [0.3]) == ([0], [0])
    assert net([1000, 0, 0], [0, 999.9, 0.1]) == ([0, 0, 0], [0, 0, 0])
    assert net([1000, 0], [999.9, 0.1]) == ([0, 0], [0, 0])


def test_a_cent_of_a_trillion_is_money():
    assert net([1e12 + 1, 0], [0, 1e12])[0][0] == 1
    assert net([1e9], [1e9 - 0.01])[0][0] == pytest.approx(0.01, rel=1e-4)


cents = st.integers(0, 500).map(float)


@given(st.lists(st.tuples(st.integers(0, 2), cents, cents), max_size=30))
def test_money_is_conserved_and_customers_are_independent(periods):
    periods = sorted(periods, key=lambda period: period[0])
    customer = np.array([period[0] for period in periods], dtype=np.int64)
    spend = np.array([period[1] for period in periods], dtype=float)
    returned = np.array([period[2] for period in periods], dtype=float)
    kept, unmatched = net_returns(customer, spend, returned)
    assert np.all((kept >= 0) & (kept <= spend))
    assert np.all((unmatched >= 0) & (unmatched <= returned))
    assert spend.sum() - returned.sum() == pytest.approx(kept.sum() - unmatched.sum())
    for who in range(3):
        alone = customer == who
        again, _ = net_returns(customer[alone], spend[alone], returned[alone])
        assert again.tolist() == kept[alone].tolist()


@given(st.lists(st.tuples(cents, cents), min_size=1, max_size=20), st.integers(0, 19))
def test_what_comes_later_never_adds_to_what_was_kept(periods, cut):
    spend, returned = (np.array(values) for values in zip(*periods, strict=True))
    customer = np.zeros(len(spend), dtype=np.int64)
    early, _ = net_returns(customer[:cut], spend[:cut], returned[:cut])
    late, _ = net_returns(customer, spend, returned)
    assert np.all(late[:cut] <= early)
