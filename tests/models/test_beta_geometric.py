"""The equations that BG/NBD and MBG/NBD share: identities, and customers who are lived event by event."""

import numpy as np
import pytest
from scipy import stats

from clvmodels.data.histories import Histories
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.future import NEW, simulate
from clvmodels.models.mbg_nbd import MBGNBD
from clvmodels.models.nbd import NBD

BOTH = [BGNBD, MBGNBD]
CDNOW = {BGNBD: (0.2426, 4.4136, 0.7929, 2.4259), MBGNBD: (0.5248, 6.1830, 0.8914, 1.6140)}
HISTORIES = Histories(
    *np.array([(0, 0, 0), (0, 0, 39), (1, 2, 30), (1, 30, 30.5), (4, 12.5, 39), (40, 38, 39), (1000, 39, 39)]).T
)


@pytest.mark.parametrize(("model", "chances"), [(BGNBD, HISTORIES.x), (MBGNBD, HISTORIES.x + 1)])
def test_who_is_alive_has_passed_each_chance_of_drop_out(model, chances) -> None:
    r, alpha, a, b = CDNOW[model]
    future = model(r, alpha, a, b).future(HISTORIES)
    np.testing.assert_array_equal(future.shape, r + HISTORIES.x)
    np.testing.assert_array_equal(future.rate, alpha + HISTORIES.T)
    assert future.a == a
    np.testing.assert_array_equal(future.b, b + chances)


@pytest.mark.parametrize("model", BOTH)
def test_heavy_buyers_have_a_likelihood_and_dropped_out_with_the_last_chance_or_not_at_all(model) -> None:
    built = model(*CDNOW[model])
    x, T = np.array([100.0, 1000.0, 5000.0, 50_000.0]), np.full(4, 39.0)
    assert np.isfinite(built.log_likelihood(x, T, T)).all()
    dropped_out = built.a / (built.a + built.b + built.chances(x) - 1)
    np.testing.assert_allclose(built.probability_alive(Histories(x, T, T)), 1 - dropped_out, rtol=1e-9)
    np.testing.assert_allclose(built.probability_alive(Histories(x, T / 2, T)), np.zeros(4), atol=1e-20)


@pytest.mark.parametrize("model", BOTH)
def test_without_drop_out_it_is_nbd(model) -> None:
    columns, nbd = (HISTORIES.x, HISTORIES.t_x, HISTORIES.T), NBD(0.4, 5.0)
    rare = model(0.4, 5.0, 1e-9, 2.0)
    np.testing.assert_allclose(rare.log_likelihood(*columns)[:4], nbd.log_likelihood(*columns)[:4], atol=1e-6)
    steady = nbd.future(HISTORIES).purchases(20.0)
    np.testing.assert_allclose(rare.future(HISTORIES).purchases(20.0), steady, rtol=1e-5)
    many = model(0.4, 5.0, 0.8, 1e9)  # the probability of drop-out goes to 0 as b grows
    np.testing.assert_allclose(many.future(HISTORIES).purchases(20.0), steady, rtol=1e-5)
    np.testing.assert_allclose(many.probability_alive(HISTORIES.at(slice(3))), 1, atol=1e-6)


@pytest.mark.parametrize("model", BOTH)
@pytest.mark.parametrize(
    ("theta", "told", "remedy"),
    [
        ((0.8, 10.0, 1e-6, 2.0), "No drop-out identified", "Fit clv.NBD"),
        ((0.8, 10.0, 400.0, 1200.0), "drop out with the same probability (0.25 a purchase)", "a longer log"),
        ((0.8, 10.0, 0.04, 0.07), "at their first chance or never (a + b = 0.11)", "a longer log"),
        ((5e6, 1e6, 20.0, 30.0), "buy at the same rate, 5 purchases a week", "a longer log"),
        ((0.8, 10.0, 0.5, 1.0), "flat in some direction", "more customers"),
    ],
)
def test_a_border_is_named_after_what_the_data_do_not_tell(model, theta, told, remedy) -> None:
    message = model(*theta).unidentified("week")
    assert told in message
    assert remedy in message


# --- against customers who are lived event by event --------------------------------------------------------------


def weighted_lives(model, live, history, t, n, seed):
    """Latent rates and chances from the population, weighted by how likely they make a history, and their futures.

    Returns the weights of being alive and of having dropped out, and the lives in (T, T + t].
    """
    rng = np.random.default_rng(seed)
    x, t_x, T = history
    r, alpha, a, b = CDNOW[model]
    rates, drop_outs = rng.gamma(r, 1 / alpha, n), rng.beta(a, b, n)
    chances = x + (model is MBGNBD)
    alive = rates**x * np.exp(-rates * T) * (1 - drop_outs) ** chances
    dropped_out = np.zeros(n)
    if chances:
        dropped_out = rates**x * np.exp(-rates * t_x) * (1 - drop_outs) ** (chances - 1) * drop_outs
    return alive, dropped_out, live(rng, rates, drop_outs, t, at_once=False)


@pytest.mark.parametrize("model", BOTH)
@pytest.mark.parametrize("history", [(0, 0.0, 39.0), (1, 2.0, 30.0), (2, 30.43, 38.86), (5, 20.0, 39.0)])
def test_customers_with_a_history_live_on_as_the_equations_say(model, live, ratio, history) -> None:
    n, t, delta = 300_000, 39.0, 0.02
    alive, dropped_out, lives = weighted_lives(model, live, history, t, n, seed=11)
    count = lives.count(n, 0.0, t)
    worth = np.bincount(lives.who, np.exp(-delta * lives.time), minlength=n)
    built, history = model(*CDNOW[model]), Histories(*history)
    p_alive, future = float(built.probability_alive(history)), built.future(history)
    for found, numerator in [
        (p_alive, alive),
        (p_alive * future.purchases(t), alive * count),
        (p_alive * future.purchases(t, delta), alive * worth),
        *((p_alive * future.count(np.array(k), t), alive * (count == k)) for k in (0.0, 1.0, 3.0)),
    ]:
        brute, error = ratio(numerator, alive + dropped_out)
        assert abs(found - brute) < 4 * error + 1e-12

    # simulate(): the distribution of counts, and the discounted sum, against the same lives.
    draws = 60_000
    many = model(np.full((draws, 1), built.r), built.alpha, built.a, built.b)
    simulated = simulate(many, history, np.random.default_rng(5), t)
    assert simulated.count.sum() == len(simulated.time)
    assert (simulated.time > 0).all()
    assert (simulated.time <= t).all()
    for k in range(8):
        brute, error = ratio(alive * (count >= k) + dropped_out * (k == 0), alive + dropped_out)
        found = (simulated.count >= k).mean()
        assert abs(found - brute) < 4.5 * np.hypot(error, np.sqrt(found * (1 - found) / draws)) + 1e-12, k
    owner = np.repeat(np.arange(draws), simulated.count)
    discounted = np.bincount(owner, np.exp(-delta * simulated.time), minlength=draws)
    brute, error = ratio(alive * worth, alive + dropped_out)
    assert abs(discounted.mean() - brute) < 4 * np.hypot(error, discounted.std() / np.sqrt(draws))


@pytest.mark.parametrize("model", BOTH)
def test_new_customers_buy_at_the_times_of_customers_lived_event_by_event(model, live) -> None:
    n, t = 60_000, 60.0
    r, alpha, a, b = CDNOW[model]
    rng = np.random.default_rng(21)
    lives = live(rng, rng.gamma(r, 1 / alpha, n), rng.beta(a, b, n), t, at_once=model is MBGNBD)
    count = lives.count(n, 0.0, t)
    simulated = simulate(model(np.full((n, 1), r), alpha, a, b), NEW, np.random.default_rng(22), t)
    both = np.array([np.bincount(np.minimum(counts, 15), minlength=16) for counts in (count, simulated.count)])
    assert stats.chi2_contingency(both).pvalue > 1e-3
    # One time of each customer, as times of one customer are not independent: the first, the last, and the k-th of k.
    ends = np.cumsum(count), np.cumsum(simulated.count)
    order = np.lexsort((simulated.time, np.repeat(np.arange(n), simulated.count)))
    ordered = simulated.time[order]
    for k in (1, 2, 3, 5):
        brute = lives.time[ends[0][count == k] - k], lives.time[ends[0][count == k] - 1]
        found = ordered[ends[1][simulated.count == k] - k], ordered[ends[1][simulated.count == k] - 1]
        for sample, other in zip(brute, found, strict=True):
            assert stats.ks_2samp(sample, other).pvalue > 1e-3


@pytest.mark.parametrize("model", BOTH)
def test_a_base_lived_event_by_event_comes_back_as_expected_by_frequency(model, population) -> None:
    # Condition on a history by grouping: the mean of what groups did is the mean of what was expected of them.
    base = population(20_000, CDNOW[model], seed=31, at_once=model is MBGNBD)
    built, rfm = model(*CDNOW[model]), base.rfm
    histories = Histories(rfm.frequency, rfm.recency, rfm.T)
    x, t_x, T = histories.x, histories.t_x, histories.T
    expected = built.probability_alive(histories) * built.future(histories).purchases(39.0)
    recent = t_x > 0.7 * T
    groups = [x == 0, (x == 1) & recent, (x == 1) & ~recent, (x == 2) & recent, (x == 2) & ~recent, x > 2]
    for group in groups:
        surprise = (base.count - expected)[group]
        assert group.sum() > 100
        assert abs(surprise.mean()) < 4 * surprise.std() / np.sqrt(group.sum())
