"""Simulated futures against closed forms, and against customers who live event by event."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from clvmodels.data.histories import Histories
from clvmodels.data.rfm import RFM
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.future import simulate as simulate_one
from clvmodels.models.gamma_gamma import GammaGamma
from clvmodels.models.mbg_nbd import MBGNBD
from clvmodels.models.nbd import NBD
from clvmodels.models.pareto_nbd import ParetoNBD
from clvmodels.prediction.customers import Customers
from clvmodels.prediction.expected import expected_purchases
from clvmodels.prediction.generate import for_each
from clvmodels.prediction.simulate import probability_alive, simulate, simulate_money
from clvmodels.prediction.terms import Terms

MODELS = {
    "BGNBD": BGNBD(0.2426, 4.4136, 0.7929, 2.4259),
    "MBGNBD": MBGNBD(0.525, 6.183, 0.891, 1.614),
    "ParetoNBD": ParetoNBD(0.5534, 10.578, 0.6061, 11.656),
    "NBD": NBD(0.385, 12.07),
}
SPEND = GammaGamma(6.25, 3.74, 15.44)
LEAST = 1e-3  # p-value below which futures are not as they should be; all seeds are fixed

# one-time, light, heavy, long silent
X, T_X, AGE = [0, 2, 300, 4], [0.0, 30.43, 38.5, 15.0], [38.86, 38.86, 38.86, 55.0]
KINDS = ["one-time", "light", "heavy", "silent"]


@pytest.fixture(params=MODELS)
def model(request):
    return MODELS[request.param]


def base(ids, frequency=2, money=30.0, recency=30.43, T=38.86):
    frame = {"customer_id": ids, "frequency": frequency, "recency": recency, "T": T, "monetary_value": money}
    return RFM.from_frame(pd.DataFrame(frame), unit="week")


def kinds(money=(0.0, 20.0, 30.0, 90.0)):
    return base(KINDS, X, money, T_X, AGE)


def terms(customers, delta=0.0, margin=1.0, cost=0.0):
    return Terms(*(np.full(customers, value) for value in (delta, margin, cost, 0.0)))


def futures(model, rfm, ends, many, spend=None, seed=0, **brings):
    """Return the futures of customers, ``(horizons, customers, futures)``, or within one horizon."""
    several = np.atleast_1d(np.asarray(ends, dtype=float))
    gross = simulate(model, spend, Customers.of(rfm, spend), several, terms(len(rfm), **brings), many, seed)
    return gross if np.ndim(ends) else gross[0]


def history(i):
    return Histories([X[i]], [T_X[i]], [AGE[i]])


# --- counts ----------------------------------------------------------------------------------------------------------


def probability_of_counts(model, i, t, most):
    """P(0), P(1), ... purchases within t of one kind of customer, and of more than ``most``."""
    k = np.arange(most + 1.0)
    alive = float(np.squeeze(model.probability_alive(history(i))))
    mass = alive * np.ravel(model.future(history(i)).count(k, t)) + np.where(k == 0, 1 - alive, 0.0)
    return np.append(mass, max(1 - mass.sum(), 0.0))


@pytest.mark.parametrize("i", range(4), ids=KINDS)
def test_counts_have_the_closed_forms_distribution(model, i) -> None:
    # Within each of three horizons, of the same futures; the first is short.
    many, ends = 20_000 if X[i] > 100 else 60_000, [2.0, 39.0, 150.0]
    counts = futures(model, kinds().take(slice(i, i + 1)), ends, many, seed=18)[:, 0].astype(int)
    for t, count in zip(ends, counts, strict=True):
        most = count.max()
        expected = many * probability_of_counts(model, i, t, most)
        observed = np.append(np.bincount(count, minlength=most + 1), 0)
        # Bins with at least ten expected futures each.
        bins = np.minimum((np.cumsum(expected) - expected / 2) // (many / 300), 299).astype(int)
        pooled = [np.bincount(np.unique(bins, return_inverse=True)[1], of) for of in (observed, expected)]
        keep = pooled[1] >= 10
        pooled = [np.append(of[keep], of[~keep].sum()) for of in pooled]
        if pooled[1][-1] < 10:
            pooled = [np.append(of[:-2], of[-2:].sum()) for of in pooled]
        if len(pooled[0]) == 1:
            assert pooled[0] == pytest.approx(pooled[1])
        else:
            assert stats.chisquare(*pooled, sum_check=False).pvalue > LEAST / 3, t


def test_the_heaviest_and_the_most_silent_customers_are_what_they_are_called(model) -> None:
    histories = kinds().histories
    alive = probability_alive(model, histories)[histories.row]
    assert alive.shape == (4, 1)
    assert alive[2] > 0.5
    if not isinstance(model, NBD):
        assert alive[3] < 0.07
    assert futures(model, kinds(), 39.0, 200)[2].max() > 200


# --- times and money, against customers who live event by event ------------------------------------------------------


def brute_force(model, i, t, many, rng):
    """Live futures of one kind of customer event by event; return the future and time of every purchase.

    Rates, the probability of drop-out and its rate are drawn from their distributions given the history, as the
    papers state them; then gaps are waited for and coins are tossed, one by one.
    """
    x, T = X[i], AGE[i]
    alive = rng.random(many) < float(np.squeeze(model.probability_alive(history(i))))
    rate = rng.gamma(model.r + x, 1 / (model.alpha + T), many)
    stop, end = np.zeros(many), np.full(many, t)
    if isinstance(model, BGNBD):
        stop = rng.beta(model.a, model.b + x, many)
    if isinstance(model, MBGNBD):
        stop = rng.beta(model.a, model.b + x + 1, many)
    if isinstance(model, ParetoNBD):
        end = np.minimum(end, rng.exponential(1, many) / rng.gamma(model.s, 1 / (model.beta + T), many))
    who, now, events = np.flatnonzero(alive), np.zeros(many), []
    while len(who):
        now[who] += rng.exponential(1 / rate[who])
        who = who[now[who] <= end[who]]
        events.append((who, now[who]))
        who = who[rng.random(len(who)) >= stop[who]]
    return tuple(np.concatenate(parts) for parts in zip(*events, strict=True))


def alike(found, witness, least=LEAST):
    """Whether two samples agree in the share of zeros and in the distribution of the rest."""
    none = [[(of == 0).sum(), (of != 0).sum()] for of in (found, witness)]
    if min(np.sum(none, axis=0)) > 0:
        assert stats.chi2_contingency(none).pvalue > least
    assert stats.ks_2samp(found[found != 0], witness[witness != 0]).pvalue > least


@pytest.mark.parametrize("i", range(4), ids=KINDS)
def test_discounted_purchases_are_those_of_customers_who_live_event_by_event(model, i) -> None:
    many, t, delta = 20_000, 39.0, 0.03
    found = futures(model, kinds(), t, many, seed=3, delta=delta)[i]
    who, time = brute_force(model, i, t, many, np.random.default_rng(i))
    alike(found, np.bincount(who, np.exp(-delta * time), minlength=many))


@pytest.mark.parametrize("i", range(4), ids=KINDS)
def test_the_models_own_simulation_agrees(model, i) -> None:
    many, t, delta = 20_000, 60.0, 0.03
    found = futures(model, kinds(), t, many, seed=4, delta=delta)[i]
    made = simulate_one(for_each(model, many), history(i), np.random.default_rng(100 + i), t)
    alike(found, np.bincount(np.repeat(np.arange(many), made.count), np.exp(-delta * made.time), minlength=many))


@pytest.mark.parametrize("i", range(4), ids=KINDS)
def test_purchases_of_successive_times_are_those_of_customers_who_live_event_by_event(model, i) -> None:
    # Their joint distribution: counts within the first and within the second half, three classes each.
    many, t = 20_000, 40.0
    first, both = futures(model, kinds(), [t / 2, t], many, seed=5)[:, i]
    who, time = brute_force(model, i, t, many, np.random.default_rng(200 + i))
    lived = [np.bincount(who[of], minlength=many) for of in (time <= t / 2, time > t / 2)]
    ends = np.unique(np.quantile(np.concatenate(lived), [1 / 3, 2 / 3]))
    classes = [np.searchsorted(ends, halves) @ [1, 3] for halves in map(np.transpose, ([first, both - first], lived))]
    table = np.array([np.bincount(of, minlength=9) for of in classes])
    assert stats.chi2_contingency(table[:, table.sum(axis=0) > 0]).pvalue > LEAST


@pytest.mark.parametrize("i", [1, 2, 3], ids=KINDS[1:])
@pytest.mark.parametrize("p", [0.6, 6.25])
def test_money_is_that_of_customers_who_live_event_by_event(model, i, p) -> None:
    many, t, delta, spend = 20_000, 39.0, 0.01, GammaGamma(p, 3.74, 15.44)
    rng, rfm = np.random.default_rng(300 + i), kinds()
    found = futures(model, rfm, t, many, spend, seed=6, delta=delta, margin=0.3, cost=1.5)[i]
    who, time = brute_force(model, i, t, many, rng)
    nu = rng.gamma(p * X[i] + spend.q, 1 / (spend.gamma + X[i] * rfm.money[i]), many)
    brings = np.exp(-delta * time) * (0.3 * rng.gamma(p, 1 / nu[who]) - 1.5)
    alike(found, np.bincount(who, brings, minlength=many))


def test_money_of_those_who_buy_has_the_first_purchases_time_and_value_in_it() -> None:
    # At this interest little but the first purchase counts, so that its time and value are seen alone.
    model, i, many, delta = MODELS["BGNBD"], 1, 60_000, 3.0
    rng, rfm = np.random.default_rng(8), kinds()
    found = futures(model, rfm, 39.0, many, SPEND, seed=7, delta=delta)[i]
    who, time = brute_force(model, i, 39.0, many, rng)
    nu = rng.gamma(SPEND.p * X[i] + SPEND.q, 1 / (SPEND.gamma + X[i] * rfm.money[i]), many)
    alike(found, np.bincount(who, np.exp(-delta * time) * rng.gamma(SPEND.p, 1 / nu[who]), minlength=many))


def test_the_money_of_one_time_buyers_follows_what_they_paid_first() -> None:
    purchases, spend, many = MODELS["BGNBD"], GammaGamma(6.25, 3.74, 15.44, of="all"), 20_000
    first = np.array([5.0, 30.0, 200.0])
    frame = {"customer_id": ["a", "b", "c"], "frequency": 0, "recency": 0.0, "T": 38.86, "monetary_value": 0.0}
    rfm = RFM.from_frame(pd.DataFrame(frame).assign(first_spend=first), unit="week")
    each = (6.25 * (15.44 + first) / (6.25 + 3.74 - 1))[:, None]
    given = simulate_money(spend, Customers.of(rfm, spend), np.array([2, 2, 2]), many, 3)
    assert (np.abs(given.mean(axis=1) - 2 * each[:, 0]) < 4 * given.std(axis=1) / np.sqrt(many)).all()
    counts, money = (futures(purchases, rfm, 39.0, many, of, seed=3) for of in (None, spend))
    surprise = money - counts * each
    assert (np.abs(surprise.mean(axis=1)) < 4 * surprise.std(axis=1) / np.sqrt(many)).all()


# --- means -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delta", [0.0, 0.01])
def test_the_mean_of_the_futures_is_the_expectation(model, delta) -> None:
    many, rfm, ends = 15_000, kinds(), [3.0, 39.0, 100.0]
    counts = futures(model, rfm, ends, many, seed=3)
    money = futures(model, rfm, ends, many, SPEND, seed=3, delta=delta, margin=0.4, cost=2.0)
    each = 0.4 * SPEND.value(rfm.frequency, rfm.money).mean() - 2.0
    for found, force, brings in [(counts, 0.0, 1.0), (money, delta, each)]:
        for t, within in zip(ends, found, strict=True):
            expected = expected_purchases(model, rfm, t, force)[0] * brings
            error = np.maximum(within.std(axis=1), 1e-3) / np.sqrt(many)
            assert (np.abs(within.mean(axis=1) - expected) < 4.2 * error).all()


def test_an_endless_horizon_has_the_expected_mean(model) -> None:
    many, rfm, delta = 8_000, kinds(), 0.02
    found = futures(model, rfm, np.inf, many, seed=2, delta=delta)
    expected = expected_purchases(model, rfm, np.inf, delta)[0]
    assert (np.abs(found.mean(axis=1) - expected) < 4 * found.std(axis=1) / np.sqrt(many)).all()


def test_a_discounted_horizon_beyond_all_money_costs_no_more_than_an_endless_one(model) -> None:
    endless, far, both = (
        futures(model, kinds(), ends, 200, SPEND, seed=2, delta=0.02) for ends in (np.inf, 1e12, [52.0, 1e12])
    )
    np.testing.assert_allclose(far, endless, rtol=0, atol=1e-200)  # but for a first purchase after all that time
    np.testing.assert_allclose(both[1], far, rtol=1e-12)
    np.testing.assert_array_equal(both[0], futures(model, kinds(), 52.0, 200, SPEND, seed=2, delta=0.02))


def test_future_after_future_takes_the_draws_in_turn() -> None:
    several = NBD(np.array([[1e-9], [1.0], [50.0]]), np.array([[1.0], [2.0], [3.0]]))
    counts = futures(several, base(["a"], 0, 0.0, 0.0, 0.0), 39.0, 3000)[0]
    for draw, (r, alpha) in enumerate([(1e-9, 1.0), (1.0, 2.0), (50.0, 3.0)]):
        own = counts[draw::3]
        assert own.mean() == pytest.approx(r / alpha * 39, rel=0.15, abs=1e-3)


# --- horizons, discount, margin and cost, future by future -----------------------------------------------------------

ENDS = [13.0, 26.0, 52.0]
BRINGS = {"delta": 0.02, "margin": 0.3, "cost": 1.0}


def test_a_horizon_alone_shows_the_same_futures_as_several(model) -> None:
    together = futures(model, kinds(), ENDS, 3000, SPEND, **BRINGS)
    for end, within in zip(ENDS, together, strict=True):
        alone = futures(model, kinds(), end, 3000, SPEND, **BRINGS)
        np.testing.assert_allclose(within, alone, rtol=1e-12, atol=1e-12)
    undiscounted = futures(model, kinds(), ENDS, 3000, SPEND)
    for end, within in zip(ENDS, undiscounted, strict=True):
        np.testing.assert_allclose(within, futures(model, kinds(), end, 3000, SPEND), rtol=1e-12)


def test_a_longer_horizon_shows_more_of_the_same_future(model) -> None:
    counts = futures(model, kinds(), ENDS, 3000)
    np.testing.assert_array_equal(counts, np.round(counts))
    assert (np.diff(counts, axis=0) >= 0).all()
    assert (np.diff(counts, axis=0) > 0).any(axis=(1, 2)).all()
    money = futures(model, kinds(), ENDS, 3000, SPEND)
    np.testing.assert_array_equal(np.diff(money, axis=0) > 0, np.diff(counts, axis=0) > 0)


def test_what_comes_between_two_horizons_is_what_comes_after_the_first(model) -> None:
    # Discounted to the first horizon, what comes after it is between none and all of the undiscounted value.
    delta = 0.02
    plain, discounted = (np.diff(futures(model, kinds(), ENDS, 3000, delta=d), axis=0) for d in (0.0, delta))
    for i, (start, end) in enumerate(pairwise(ENDS)):
        assert (discounted[i] <= plain[i] * np.exp(-delta * start) + 1e-12).all()
        assert (discounted[i] >= plain[i] * np.exp(-delta * end) - 1e-12).all()


def test_horizons_may_differ_from_history_to_history(model) -> None:
    rfm = kinds()
    customers, many = Customers.of(rfm, None), 2000
    ends = np.array([[10.0, 20, 30, 40], [15.0, 30, 45, 60]])
    found = simulate(model, None, customers, ends, terms(4), many, 0)
    for i in range(4):
        alone = futures(model, rfm, ends[:, customers.histories.row[i]], many)
        np.testing.assert_array_equal(found[:, i], alone[:, i])


def test_more_interest_leaves_less_in_every_future(model) -> None:
    none, some, more = (futures(model, kinds(), 39.0, 3000, SPEND, delta=delta) for delta in (0.0, 0.01, 0.05))
    bought = none > 0
    assert ((none > some) & (some > more))[bought].all()
    assert (more[~bought] == 0).all()
    assert (some >= none * np.exp(-0.01 * 39.0) * (1 - 1e-12)).all()


def test_value_is_linear_in_the_margin_and_the_cost_of_a_purchase(model) -> None:
    purchases = futures(model, kinds(), ENDS, 2000, delta=0.02)
    money = futures(model, kinds(), ENDS, 2000, SPEND, delta=0.02)
    found = futures(model, kinds(), ENDS, 2000, SPEND, **BRINGS)
    np.testing.assert_allclose(found, 0.3 * money - 1.0 * purchases, rtol=1e-10, atol=1e-10)


def test_every_customer_has_their_own_terms() -> None:
    model, rfm, many = MODELS["BGNBD"], kinds(), 500
    own = Terms(
        *(np.array(of) for of in ([0.0, 0.01, 0.02, 0.03], [1.0, 0.5, 0.3, 0.2], [0.0, 1.0, 2.0, 3.0], [9.0] * 4))
    )
    found = simulate(model, SPEND, Customers.of(rfm, SPEND), np.array([39.0]), own, many, 0)[0]
    for i in range(4):
        brings = {"delta": own.delta[i], "margin": own.margin[i], "cost": own.cost[i]}
        np.testing.assert_array_equal(found[i], futures(model, rfm, 39.0, many, SPEND, **brings)[i])


def test_futures_follow_recency_where_it_matters(recency_model) -> None:
    model, many = recency_model(0.6, 6.0, 0.8, 2.4), 15_000
    rfm = base(["late", "early"], recency=[38.0, 10.0])
    found = futures(model, rfm, [13.0, 52.0], many, seed=3)
    for t, within in zip([13.0, 52.0], found, strict=True):
        expected = expected_purchases(model, rfm, t)[0]
        assert (np.abs(within.mean(axis=1) - expected) < 4 * within.std(axis=1) / np.sqrt(many)).all()
        assert (within.mean(axis=1) > 1.2 * within.mean(axis=1)[::-1]).tolist() == [True, False]


def test_each_group_lives_by_its_own_parameters() -> None:
    rfm, group, ends = kinds(), np.array([0, 1, 1, 0]), np.array(ENDS)
    r, alpha = np.array([[0.2, 0.5], [0.3, 0.6]]), np.array([[4.0, 9.0], [5.0, 8.0]])
    histories = Histories.merge(rfm.frequency, rfm.recency, rfm.T, group)
    everyone = Customers(histories, rfm.key, Customers.of(rfm, SPEND).observed)
    found = simulate(BGNBD(r, alpha, 0.8, 2.4), SPEND, everyone, ends, terms(4), 300, 7)
    for g in (0, 1):
        own = BGNBD(r[:, [g]], alpha[:, [g]], 0.8, 2.4)
        alone = futures(own, rfm.take(group == g), ENDS, 300, SPEND, seed=7)
        np.testing.assert_array_equal(found[:, group == g], alone)


# --- whose futures they are ------------------------------------------------------------------------------------------


def test_money_is_left_out_without_a_spend_model() -> None:
    counts = futures(MODELS["BGNBD"], kinds(), 39.0, 100)
    np.testing.assert_array_equal(counts, np.round(counts))


def test_a_customers_futures_depend_on_the_seed_and_the_id_alone(model) -> None:
    rfm = base(["a", "b", "c", "d"])
    for spend in (None, SPEND):
        whole = futures(model, rfm, ENDS, 40, spend, seed=7, delta=0.002)
        back = futures(model, rfm.take(np.array([3, 1])), ENDS, 40, spend, seed=7, delta=0.002)
        np.testing.assert_array_equal(back, whole[:, [3, 1]])
        more = futures(model, rfm, ENDS, 80, spend, seed=7, delta=0.002)
        np.testing.assert_array_equal(more[:, :, :40], whole)
        other = futures(model, rfm, ENDS, 40, spend, seed=8, delta=0.002)
        assert (other != whole).any(axis=(0, 2)).all()


def test_a_number_and_its_text_are_the_same_customer() -> None:
    one, other = (futures(MODELS["BGNBD"], base(ids), 39.0, 40, SPEND, seed=7) for ids in ([17], ["17"]))
    np.testing.assert_array_equal(one, other)


def test_customers_with_equal_histories_have_independent_futures() -> None:
    counts, money = (futures(MODELS["BGNBD"], base(["a", "b"]), 39.0, 4000, of, seed=7) for of in (None, SPEND))
    assert abs(np.corrcoef(counts)[0, 1]) < 4 / np.sqrt(4000)
    assert abs(np.corrcoef(money)[0, 1]) < 4 / np.sqrt(4000)
    # and neighbouring futures of one customer are too
    assert abs(np.corrcoef(counts[0, 1:], counts[0, :-1])[0, 1]) < 4 / np.sqrt(4000)


def test_the_money_of_given_purchases_has_its_expected_mean_and_belongs_to_the_customer() -> None:
    rfm, count = base(["a", "b", "c"], [1, 2, 6], [20.0, 30.0, 90.0]), np.array([0, 1, 4])

    def given(some, counts):
        return simulate_money(SPEND, Customers.of(some, SPEND), counts, 30_000, 3)

    money = given(rfm, count)
    assert money.shape == (3, 30_000)
    assert (money[0] == 0).all()
    expected = count * SPEND.value(rfm.frequency, rfm.money).mean()
    error = money.std(axis=1) / np.sqrt(30_000)
    assert (np.abs(money.mean(axis=1) - expected)[1:] < 4 * error[1:]).all()
    # Four purchases of one customer share a rate: their sum spreads more than four independent ones would.
    one = given(rfm, np.array([1, 1, 1]))[2]
    assert money[2].std() > 1.1 * 2 * one.std()
    back = given(rfm.take(np.array([2, 1])), count[[2, 1]])
    np.testing.assert_array_equal(back, money[[2, 1]])
