"""Distinct histories: whatever is merged, taken or added, each customer keeps the history that is theirs."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clvmodels.data.histories import Histories
from clvmodels.data.rfm import RFM
from clvmodels.errors import DataError
from clvmodels.units import DAYS

CUSTOMERS = [(2, 14.0, 28.0), (0, 0.0, 28.0), (2, 7.0, 28.0), (0, 0.0, 28.0), (2, 14.0, 21.0), (2, 14.0, 28.0)]
GROUPS = np.array([1, 0, 0, 1, 0, 1])


def columns(customers):
    x, t_x, T = np.array(customers, dtype=float).reshape(-1, 3).T
    return x.astype(np.int64), t_x, T


def merge(customers, group=None):
    return Histories.merge(*columns(customers), group)


def each(of):
    """Return the history of each customer, group last."""
    group = [None] * len(of) if of.group is None else of.group.tolist()
    histories = list(zip(of.x.tolist(), of.t_x.tolist(), of.T.tolist(), group, strict=True))
    return [histories[row] for row in of.row]


def assert_same(one, other):
    for name in ("x", "t_x", "T", "counts", "row"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    assert (one.group is None) == (other.group is None)
    assert one.group is None or np.array_equal(one.group, other.group)


def test_equal_histories_are_one_in_the_order_of_x_then_t_x_then_T():
    made = merge(CUSTOMERS)
    assert made.x.tolist() == [0, 2, 2, 2]
    assert made.t_x.tolist() == [0, 7, 14, 14]
    assert made.T.tolist() == [28, 28, 21, 28]
    assert made.counts.tolist() == [2, 1, 1, 2]
    assert made.row.tolist() == [3, 0, 1, 0, 2, 3]
    assert made.group is None
    assert (len(made), made.customers) == (4, 6)


def test_groups_are_kept_apart_and_come_first():
    made = merge(CUSTOMERS, GROUPS)
    assert made.group.tolist() == [0, 0, 0, 1, 1]
    assert made.x.tolist() == [0, 2, 2, 0, 2]
    assert made.counts.tolist() == [1, 1, 1, 1, 2]
    assert made.row.tolist() == [4, 0, 1, 3, 2, 4]


def test_times_take_another_unit_and_nothing_else_does():
    made = merge(CUSTOMERS, GROUPS)
    weeks = made.in_units_of(7.0)
    assert weeks.t_x.tolist() == [0, 1, 2, 0, 2]
    assert weeks.T.tolist() == [4, 4, 3, 4, 4]
    assert_same(replace(weeks, t_x=made.t_x, T=made.T), made)


def test_some_histories_are_of_one_customer_each():
    few = merge(CUSTOMERS, GROUPS).at(np.array([4, 0]))
    assert (few.x.tolist(), few.group.tolist()) == ([2, 0], [1, 0])
    assert (few.counts.tolist(), few.row.tolist()) == ([1, 1], [0, 1])
    assert len(merge(CUSTOMERS).at(slice(1, 3))) == 2


def test_neighbours_of_one_frequency_and_group_are_found():
    assert list(merge(CUSTOMERS).alike()) == [slice(0, 1), slice(1, 4)]
    assert list(merge(CUSTOMERS, GROUPS).alike()) == [slice(0, 1), slice(1, 3), slice(3, 4), slice(4, 5)]
    assert list(merge([]).alike()) == []


def test_equal_frequencies_of_two_groups_are_not_alike():
    made = merge([(3, 7.0, 9.0), (3, 7.0, 9.0)], np.array([0, 1]))
    assert list(made.alike()) == [slice(0, 1), slice(1, 2)]


def test_a_history_may_be_a_number():
    one = Histories(3, 10.5, 30)
    assert (one.x.shape, len(one), one.customers) == ((), 1, 1)
    assert (one.counts.tolist(), one.row.tolist()) == ([1], [0])
    assert float(one.in_units_of(7).t_x) == 1.5
    assert each(one + Histories(3, 10.5, 30)) == [(3, 10.5, 30, None)] * 2


def test_parts_with_and_without_groups_do_not_add_up():
    with pytest.raises(DataError, match="Histories with groups and without do not add up"):
        merge(CUSTOMERS) + merge(CUSTOMERS, GROUPS)


def test_whole_days_in_millions_and_many_groups_stay_distinct():
    made = merge([(10**9, 10.0**9, 10.0**9 + 1), (10**9, 10.0**9, 10.0**9)], np.array([10**9, 10**9]))
    assert made.T.tolist() == [10**9, 10**9 + 1]


# --- of an RFM -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", ["week", "month"])
def test_the_histories_of_an_rfm_are_in_its_unit(cdnow_rfm, unit):
    rfm = RFM.from_frame(cdnow_rfm.frame().assign(recency=cdnow_rfm.recency_days, T=cdnow_rfm.T_days), "day")
    rfm = replace(rfm, unit=unit)
    made = rfm.histories
    assert made is rfm.histories
    assert (len(made), made.customers) == (1_016, 2_357)
    assert np.array_equal(made.x[made.row], rfm.frequency)
    assert np.array_equal(made.t_x[made.row], rfm.recency_days / DAYS[unit])
    assert np.array_equal(made.T[made.row], rfm.T_days / DAYS[unit])


def test_customers_taken_before_or_after_merging_have_the_same_histories(cdnow_rfm):
    some = cdnow_rfm.frequency > 1
    assert_same(cdnow_rfm.take(some).histories, cdnow_rfm.histories.take(some))


# --- what always holds -----------------------------------------------------------------------------------------------

times = st.one_of(st.integers(0, 30).map(float), st.floats(0, 30), st.sampled_from([0.1 + 0.2, 0.3, 1 / 7]))
histories = st.tuples(st.integers(0, 3), times, times)
bases = st.lists(st.tuples(histories, st.integers(0, 2)), max_size=30)


def with_groups(base):
    return merge([customer for customer, _ in base], np.array([group for _, group in base], dtype=np.intp))


@given(bases)
def test_merging_keeps_every_customers_history(base):
    made = with_groups(base)
    assert each(made) == [(*customer, group) for customer, group in base]
    distinct = [(group, *customer) for customer, group in base]
    assert list(zip(made.group, made.x, made.t_x, made.T, strict=True)) == sorted(set(distinct))
    assert made.counts.tolist() == [distinct.count(one) for one in sorted(set(distinct))]


@given(st.lists(st.tuples(st.tuples(histories, st.integers(0, 2)), st.booleans()), max_size=30))
def test_taking_customers_is_merging_them_alone(base):
    some = np.array([taken for _, taken in base], dtype=bool)
    everyone = with_groups([who for who, _ in base])
    assert_same(everyone.take(some), with_groups([who for who, taken in base if taken]))


@given(bases, bases)
def test_parts_add_up_to_the_whole(one, other):
    assert_same(with_groups(one) + with_groups(other), with_groups([*one, *other]))


@given(bases)
def test_neighbours_alike_cover_every_history_once(base):
    made = with_groups(base)
    slices = list(made.alike())
    assert [i for part in slices for i in range(part.start, part.stop)] == list(range(len(made)))
    assert len({(made.group[part.start], made.x[part.start]) for part in slices}) == len(slices)
    assert all(len(set(zip(made.group[part], made.x[part], strict=True))) == 1 for part in slices)
