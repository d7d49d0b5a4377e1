"""What every model of purchases owes: futures for draws, groups, horizons and units alike, and their simulation."""

import numpy as np
import pytest

from clvmodels.data.histories import Histories
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.drop_out_any_time import DropOutAnyTime
from clvmodels.models.drop_out_at_purchase import DropOutAtPurchase
from clvmodels.models.future import ANY_TIME, AT_PURCHASE, NEW, NO_DROP_OUT, simulate
from clvmodels.models.mbg_nbd import MBGNBD
from clvmodels.models.nbd import NBD
from clvmodels.models.no_drop_out import NoDropOut
from clvmodels.models.pareto_nbd import ParetoNBD

CDNOW = {
    BGNBD: (0.2426, 4.4136, 0.7929, 2.4259),
    MBGNBD: (0.5248, 6.1830, 0.8914, 1.6140),
    NBD: (0.385, 12.07),
    ParetoNBD: (0.553, 10.578, 0.606, 11.669),
}
X, T_X, T = np.array([(0, 0, 0), (0, 0, 39), (1, 2, 30), (1, 30, 30.5), (4, 12.5, 39), (40, 38, 39), (1000, 39, 39)]).T
HISTORIES = Histories(X, T_X, T)

# Whatever a future is asked within a horizon, with the longest that makes sense.
WITHIN = {
    "purchases": (lambda future, t: future.purchases(t), 520.0),
    "discounted purchases": (lambda future, t: future.purchases(t, 0.002), np.inf),
    "no purchase": (lambda future, t: future.count(np.array(0.0), t), 520.0),
    "three purchases": (lambda future, t: future.count(np.array(3.0), t), 520.0),
    "counts of their own": (lambda future, t: future.count(X, t), 520.0),
    "at least two purchases": (lambda future, t: future.at_least(np.array(2.0), t), 520.0),
    "survival": (lambda future, t: future.survival(t), np.inf),
}
EVER = {"never": lambda future: future.never(), "mean lifetime": lambda future: future.mean_lifetime()}
QUANTITIES = {name: (lambda future, of=of: of(future, 39.0)) for name, (of, _) in WITHIN.items()} | EVER


def draws_of(model, shape, spread=0.3):
    """Parameters (parameters, draws, rows) or (parameters, draws, groups) around those of CDNOW."""
    theta = np.array(CDNOW[model])
    return theta[:, None, None] * np.exp(spread * np.random.default_rng(0).standard_normal((len(theta), *shape)))


@pytest.mark.parametrize("model", CDNOW)
def test_draws_and_customers_broadcast(model) -> None:
    theta = draws_of(model, (3, 1))
    customers = theta * np.ones(len(X))  # each customer with parameters of their own
    for name, quantity in {
        "log-likelihood": lambda model: model.log_likelihood(X, T_X, T),
        "P(alive)": lambda model: model.probability_alive(HISTORIES),
        "horizons of their own": lambda model: model.future(HISTORIES).survival(T + 1),
        **{name: (lambda model, of=of: of(model.future(HISTORIES))) for name, of in QUANTITIES.items()},
    }.items():
        each = [np.broadcast_to(quantity(model(*theta[:, i, 0])), X.shape) for i in range(3)]
        for together in (quantity(model(*theta)), quantity(model(*customers))):
            np.testing.assert_allclose(np.broadcast_to(together, (3, len(X))), each, rtol=1e-10, err_msg=name)


@pytest.mark.parametrize("model", CDNOW)
@pytest.mark.parametrize("name", WITHIN)
def test_a_horizon_of_each_draw_is_that_of_each_draw_alone(model, name) -> None:
    theta, (quantity, longest) = draws_of(model, (4, 1)), WITHIN[name]
    t = np.array([[0.5], [39.0], [39.0], [longest]])
    together = quantity(model(*theta).future(HISTORIES), t)
    assert together.shape == (4, len(X))
    for i in range(4):
        alone = quantity(model(*theta[:, [i]]).future(HISTORIES), float(t[i, 0]))
        np.testing.assert_allclose(together[[i]], np.broadcast_to(alone, (1, len(X))), rtol=1e-12)


@pytest.mark.parametrize("model", CDNOW)
@pytest.mark.parametrize("name", WITHIN)
def test_horizons_of_draws_broadcast_with_a_point(model, name) -> None:
    future, (quantity, longest) = model(*CDNOW[model]).future(HISTORIES), WITHIN[name]
    t = np.array([[0.5], [longest]])
    together = np.broadcast_to(quantity(future, t), (2, len(X)))
    for i in range(2):
        np.testing.assert_allclose(together[i], quantity(future, float(t[i, 0])), rtol=1e-12)


@pytest.mark.parametrize("model", CDNOW)
def test_groups_have_the_numbers_of_a_model_of_their_own(model) -> None:
    theta, group = draws_of(model, (3, 2)), np.array([0, 1, 1, 0, 1, 0, 1])
    theta[1] = theta[1][:, :1]  # one parameter is shared
    parameters = [theta[0], theta[1][:, :1], *theta[2:]]
    histories = Histories(X, T_X, T, group=group)
    own = model(*parameters).of_groups(histories.group)
    for g in range(2):
        members = group == g
        single, some = model(*theta[:, :, [g]]), histories.at(members)
        for name, quantity in {
            "log-likelihood": lambda model, of: model.log_likelihood(of.x, of.t_x, of.T),
            "P(alive)": lambda model, of: model.probability_alive(of),
            **{
                name: (lambda model, of, quantity=quantity: quantity(model.future(of)))
                for name, quantity in QUANTITIES.items()
                if name != "counts of their own"
            },
        }.items():
            together = np.broadcast_to(quantity(own, histories), (3, len(X)))[:, members]
            alone = np.broadcast_to(quantity(single, some), together.shape)
            np.testing.assert_allclose(together, alone, rtol=1e-12, err_msg=name)


@pytest.mark.parametrize("model", CDNOW)
@pytest.mark.parametrize("draws", [0, 20])
def test_a_customers_numbers_do_not_depend_on_who_else_is_asked_for(model, draws) -> None:
    rng, n = np.random.default_rng(3), 501
    built = model(*draws_of(model, (draws, 1), 0.5)) if draws else model(*CDNOW[model])
    x, T = np.floor(rng.exponential(8, n)), rng.uniform(0, 60, n)
    histories = Histories(x, np.where(x > 0, T * rng.random(n), 0.0), T)
    for quantity in (
        lambda of: built.log_likelihood(of.x, of.t_x, of.T),
        built.probability_alive,
        lambda of: built.future(of).purchases(39.0),
        lambda of: built.future(of).purchases(39.0, 0.002),
        lambda of: built.future(of).count(np.array(0.0), 39.0),
        lambda of: built.future(of).count(np.array(2.0), 39.0),
        lambda of: built.future(of).at_least(np.array(2.0), 39.0),
        lambda of: built.future(of).never(),
        lambda of: built.future(of).survival(39.0),
    ):
        together = quantity(histories)
        for size in (1, 7, 200):
            parts = [slice(start, start + size) for start in range(0, min(n, 40 * size), size)]
            found = np.concatenate([quantity(histories.at(part)) for part in parts], axis=-1)
            np.testing.assert_array_equal(found, together[..., : parts[-1].stop])


@pytest.mark.parametrize("model", CDNOW)
def test_the_unit_of_time_does_not_matter(model) -> None:
    weeks, hours = model(*CDNOW[model]), model(*CDNOW[model]).rescaled(168.0)
    in_hours = Histories(X, 168 * T_X, 168 * T)
    likelihood = hours.log_likelihood(X, 168 * T_X, 168 * T) + X * np.log(168)
    np.testing.assert_allclose(likelihood, weeks.log_likelihood(X, T_X, T), rtol=1e-12, atol=1e-12)
    alive = weeks.probability_alive(HISTORIES)
    np.testing.assert_allclose(hours.probability_alive(in_hours), alive, rtol=1e-11)
    future, later = weeks.future(HISTORIES), hours.future(in_hours)
    for name, of_weeks, of_hours in [
        ("purchases", (39.0, 0.0018), (168 * 39.0, 0.0018 / 168)),
        ("count", (np.array(2.0), 39.0), (np.array(2.0), 168 * 39.0)),
        ("survival", (39.0,), (168 * 39.0,)),
    ]:
        np.testing.assert_allclose(getattr(later, name)(*of_hours), getattr(future, name)(*of_weeks), rtol=1e-11)
    np.testing.assert_allclose(later.mean_lifetime(), 168 * future.mean_lifetime(), rtol=1e-12)


def test_a_new_customer_has_just_bought_for_the_first_time() -> None:
    assert (len(NEW), NEW.x[0], NEW.t_x[0], NEW.T[0]) == (1, 0, 0, 0)
    new = [model(*theta).probability_alive(NEW)[0] for model, theta in CDNOW.items()]
    a, b = CDNOW[MBGNBD][2:]
    assert new == pytest.approx([1, b / (a + b), 1, 1])


# --- simulation ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("future", "family", "drop_out"),
    [
        (NoDropOut(X + 0.5, T + 5), NO_DROP_OUT, (0.0, 0.0)),
        (DropOutAtPurchase(X + 0.5, T + 5, np.array(0.8), X + 2.4), AT_PURCHASE, (0.8, X + 2.4)),
        (DropOutAnyTime(X + 0.5, T + 5, np.array(0.6), T + 11.7), ANY_TIME, (0.6, T + 11.7)),
    ],
    ids=["no drop-out", "at purchase", "any time"],
)
def test_the_compiled_loop_is_told_the_family_and_its_parameters(future, family, drop_out) -> None:
    rows = future.rows()
    assert rows.family == family
    assert future.has_drop_out == (family != NO_DROP_OUT)
    np.testing.assert_array_equal(rows.shape, X + 0.5)
    np.testing.assert_array_equal(rows.rate, T + 5)
    for found, expected in zip((rows.first, rows.second), drop_out, strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("model", CDNOW)
def test_a_horizon_for_each_future(model) -> None:
    draws = 4000
    t = np.where(np.arange(draws) % 2, 0.0, 20.0)
    r, alpha, *drop_out = {**CDNOW, ParetoNBD: (30.0, 10.0, 0.6, 11.7)}[model]
    many, history = model(np.full((draws, 1), max(r, 30.0)), alpha, *drop_out), Histories(3, 9, 9)
    found = simulate(many, history, np.random.default_rng(0), t)
    assert (found.count[1::2] == 0).all()
    point = many.take(slice(1))
    whole = point.probability_alive(history) * point.future(history).purchases(20.0)
    assert found.count[::2].mean() == pytest.approx(whole.item(), rel=0.05)
    assert (found.time <= np.repeat(t, found.count)).all()
    # A column of horizons is the same horizons, as for expectations.
    future = many.future(history)
    row, column = (future.simulate(np.random.default_rng(1), horizon) for horizon in (t, t[:, None]))
    np.testing.assert_array_equal(row.count, column.count)
    np.testing.assert_array_equal(row.time, column.time)


@pytest.mark.parametrize("model", CDNOW)
def test_one_draw_simulates_a_future_of_each_history(model) -> None:
    each = 3000
    histories = Histories(*(np.repeat(column[:6], each) for column in (X, T_X, T)))
    built = model(*CDNOW[model])
    found = simulate(built, histories, np.random.default_rng(2), 20.0).count.reshape(6, each)
    expected = built.probability_alive(HISTORIES) * built.future(HISTORIES).purchases(20.0)
    assert (np.abs(found.mean(axis=1) - expected[:6]) < 4.5 * found.std(axis=1) / np.sqrt(each) + 1e-12).all()


@pytest.mark.parametrize(("model", "drop_out"), [(BGNBD, (0.8, 2.4)), (MBGNBD, (0.8, 2.4)), (ParetoNBD, (0.8, 10.0))])
def test_who_dropped_out_for_certain_buys_nothing(model, drop_out) -> None:
    many, silent = model(np.full((2000, 1), 0.5), 5.0, *drop_out), Histories(50, 10, 400)
    found = simulate(many, silent, np.random.default_rng(0), 52.0)
    np.testing.assert_array_equal(found.count, np.zeros(2000))
    assert found.time.shape == (0,)


@pytest.mark.parametrize(
    ("model", "drop_out"), [(BGNBD, (1e-12, 2.4)), (MBGNBD, (1e-12, 2.4)), (NBD, ()), (ParetoNBD, (1e-4, 1e4))]
)
def test_who_hardly_ever_drops_out_buys_on(model, drop_out) -> None:
    loyal = model(np.full((2000, 1), 50.0), 1.0, *drop_out)
    found = simulate(loyal, NEW, np.random.default_rng(0), 52.0)
    assert found.count.mean() == pytest.approx(50 * 52, rel=0.02)
