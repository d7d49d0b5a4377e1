"""Expected quantities of customers, against what happened on CDNOW and what was published of it."""

import numpy as np
import pytest

from clvmodels.data.histories import Histories
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.mbg_nbd import MBGNBD
from clvmodels.models.nbd import NBD
from clvmodels.models.pareto_nbd import ParetoNBD
from clvmodels.prediction.expected import GivenAlive, expected_purchases
from clvmodels.prediction.simulate import probability_alive


@pytest.fixture(scope="module")
def model(oracle):
    return BGNBD(*oracle("bg_nbd")["parameters"]["values"])


def test_the_holdout_of_cdnow_is_predicted_as_published(model, cdnow_rfm, cdnow_holdout, oracle) -> None:
    published = oracle("bg_nbd")["holdout"]
    expected, (actual, _) = expected_purchases(model, cdnow_rfm, 39.0)[0], cdnow_holdout
    assert actual.sum() == published["actual_total"]
    assert expected.sum() == pytest.approx(published["total"], abs=0.05)
    assert np.corrcoef(expected, actual)[0, 1] == pytest.approx(published["correlation"], abs=5e-4)
    assert np.abs(expected - actual).mean() == pytest.approx(published["mean_absolute_error"], abs=1e-5)
    errors = np.sqrt(np.mean((expected - actual) ** 2))
    assert errors == pytest.approx(published["root_mean_square_error"], abs=1e-5)
    assert expected[cdnow_rfm.frequency == 0].mean() == pytest.approx(published["zero_class_mean"], abs=5e-5)


def test_customers_of_each_frequency_are_predicted_as_published(model, cdnow_rfm, cdnow_holdout, oracle) -> None:
    published = oracle("bg_nbd")["by_frequency"]
    expected, (actual, _) = expected_purchases(model, cdnow_rfm, 39.0)[0], cdnow_holdout
    bins = np.minimum(cdnow_rfm.frequency, 7)
    customers = np.bincount(bins)
    assert customers.tolist() == published["customers"]
    assert np.bincount(bins, actual) / customers == pytest.approx(published["actual"], abs=1e-6)
    assert np.bincount(bins, expected) / customers == pytest.approx(published["expected"], rel=1e-4)


def test_expected_is_alive_times_if_alive_for_each_draw_and_customer(model, cdnow_rfm) -> None:
    some = cdnow_rfm.take(np.random.default_rng(0).choice(len(cdnow_rfm), 20, replace=False))
    draws = BGNBD(model.r * np.array([[0.9], [1.0], [1.2]]), model.alpha, model.a, model.b * np.ones((3, 1)))
    found = expected_purchases(draws, some, 20.0, 0.002)
    assert found.shape == (3, 20)
    for draw in range(3):
        one = BGNBD(draws.r[draw, 0], model.alpha, model.a, model.b)
        for i in range(20):
            history = Histories(some.frequency[i], some.recency[i], some.T[i])
            direct = one.probability_alive(history) * one.future(history).purchases(20.0, 0.002)
            assert found[draw, i] == pytest.approx(float(direct), rel=1e-8)


def test_a_point_has_one_row(model, cdnow_rfm) -> None:
    assert expected_purchases(model, cdnow_rfm.take(slice(7)), 39.0).shape == (1, 7)


def test_where_recency_matters_every_history_has_its_own_value(recency_model, cdnow_rfm) -> None:
    several = recency_model(0.24, np.array([[4.0], [5.0], [6.0]]), 0.8, 2.4)
    histories, asked = cdnow_rfm.histories, []

    def purchases(future):
        asked.append(np.shape(future.rate))
        return future.purchases(20.0, 0.002)

    alive = probability_alive(several, histories)
    found = GivenAlive.over(several, histories, purchases)(histories, alive)
    assert asked == [(3, len(histories))]
    np.testing.assert_array_equal(found, alive * several.future(histories).purchases(20.0, 0.002).T)
    np.testing.assert_array_equal(expected_purchases(several, cdnow_rfm, 20.0, 0.002), found[histories.row].T)
    some = histories.at(np.array([7, 90, 91]))
    alone = GivenAlive.over(several, histories, purchases)(some, alive[[7, 90, 91]])
    np.testing.assert_array_equal(alone, found[[7, 90, 91]])


@pytest.mark.parametrize("recent", [False, True])
def test_each_group_has_the_values_of_its_own_parameters(recent, recency_model, cdnow_rfm) -> None:
    of, group = recency_model if recent else BGNBD, np.arange(len(cdnow_rfm)) % 2
    r, alpha = np.array([[0.2, 0.5], [0.3, 0.6], [0.4, 0.7]]), np.array([[4.0, 9.0], [5.0, 8.0], [6.0, 7.0]])
    base = Histories.merge(cdnow_rfm.frequency, cdnow_rfm.recency, cdnow_rfm.T, group)
    found = purchases_of(of(r, alpha, 0.8, 2.4), base)
    for g in (0, 1):
        own = cdnow_rfm.take(group == g).histories
        alone = purchases_of(of(r[:, [g]], alpha[:, [g]], 0.8, 2.4), own)
        np.testing.assert_allclose(found[base.row][group == g], alone[own.row], rtol=1e-9)


def purchases_of(model, histories):
    """Return expected purchases of every history, ``(histories, draws)``."""
    given_alive = GivenAlive.over(model, histories, lambda future: future.purchases(39.0))
    return given_alive(histories, probability_alive(model, histories))


# --- interpolation in age --------------------------------------------------------------------------------------------

SCALES = [0.05, 1.0, 12.0, 300.0]  # of alpha, in weeks
BUYS = [0.0, 1.0, 7.0, 60.0, 300.0]
AGES = np.concatenate([[0.0, 1e-6, 1e-3], np.geomspace(0.01, 521.8, 60), np.arange(1, 11) * 365.25 / 7])
TIMES = {
    "a week": (1.0, 0.0),
    "a year": (52.2, 0.0),
    "ten years": (522.0, 0.0),
    "a year, discounted": (52.2, 0.0018),
    "endless, 10 %": (np.inf, 0.0018),
    "endless, 100 %": (np.inf, 0.0133),
}


def draws_of(model, scale):
    """Return three draws of the parameters about CDNOW's, whose scales differ by a factor of two."""
    spread = np.array([[0.7], [1.0], [1.4]])
    alpha = scale * spread
    return {
        BGNBD: lambda: BGNBD(0.2426 * spread, alpha, 0.7929 / spread, 2.4259),
        MBGNBD: lambda: MBGNBD(0.525 / spread, alpha, 0.891 * spread, 1.614),
        ParetoNBD: lambda: ParetoNBD(0.5534 * spread, alpha, 0.6061, 1.1 * alpha[::-1]),
        NBD: lambda: NBD(0.385 / spread, alpha),
    }[model]()


def crowd(x=BUYS, T=AGES):
    """Return a history of every age for every number of purchases."""
    x, T = (of.ravel() for of in np.meshgrid(x, np.unique(T), indexing="ij"))
    return Histories(x, 0.9 * T, T)


def interpolated(model, histories, quantity, ready_for=None):
    """Return a quantity of every history ``(histories, draws)``, made ready for these histories or for others."""
    ready = GivenAlive.over(model, histories if ready_for is None else ready_for, quantity)
    return ready(histories, np.ones((len(histories), model.draws)))


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("times", TIMES.values(), ids=TIMES)
@pytest.mark.parametrize("model", [BGNBD, MBGNBD, ParetoNBD, NBD])
def test_interpolated_expectations_are_those_of_the_models_equation(model, times, scale) -> None:
    several, histories = draws_of(model, scale), crowd()
    found = interpolated(several, histories, lambda future: future.purchases(*times))
    direct = np.broadcast_to(several.future(histories).purchases(*times), (3, len(histories)))
    np.testing.assert_allclose(found.T, direct, rtol=1e-9)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("model", [BGNBD, MBGNBD, ParetoNBD, NBD])
def test_the_interpolated_chance_of_no_purchase_is_that_of_the_models_equation(model, scale) -> None:
    several, histories, none = draws_of(model, scale), crowd(), np.zeros(())
    for t in (1.0, 52.2, 522.0):
        found = interpolated(several, histories, lambda future, t=t: future.count(none, t))
        direct = several.future(histories).count(none, t)
        np.testing.assert_allclose(found.T, np.broadcast_to(direct, (3, len(histories))), atol=1e-9)


def test_interpolation_is_exact_for_polynomials_of_the_logarithm_of_age() -> None:
    model, histories = NBD(0.5, 3.0), crowd([2.0], np.linspace(0.0, 500.0, 400))

    def power(future):  # whose rate is 3 + T and whose shape is 0.5 + x
        return np.log(future.rate / 3.0)[None] ** 8 + future.shape

    found = interpolated(model, histories, power)
    np.testing.assert_allclose(found.T, power(model.future(histories)), rtol=1e-13)


def test_a_customer_at_a_node_has_the_value_there() -> None:
    model, nodes = NBD(0.5, 3.0), []
    interpolated(model, crowd([2.0], [40.0]), lambda future: nodes.append(future.rate - 3.0) or future.rate[None])
    at_nodes = crowd([2.0], nodes[0])
    found = interpolated(model, at_nodes, lambda future: np.sin(future.rate)[None])
    np.testing.assert_allclose(found[:, 0], np.sin(3.0 + at_nodes.T), atol=1e-10)


def test_what_is_interpolated_does_not_depend_on_who_else_is_asked_for(model) -> None:
    everyone = crowd()

    def of(future):
        return future.purchases(39.0, 0.002)

    together = interpolated(model, everyone, of)
    for some in (np.array([3]), np.arange(5, len(everyone), 17), np.random.default_rng(0).permutation(len(everyone))):
        part = everyone.take(some)
        alone = interpolated(model, part, of)[part.row]
        np.testing.assert_array_equal(alone, together[some])
        ready = interpolated(model, part, of, ready_for=everyone)[part.row]
        np.testing.assert_array_equal(ready, together[some])


def test_few_evaluations_serve_many_customers(model) -> None:
    asked = []

    def of(future):
        asked.append(future.rate.size)
        return future.purchases(39.0)

    many = crowd([0.0, 3.0], np.linspace(0.0, 520.0, 5000))
    interpolated(model, many, of)
    assert len(asked) == 2  # once for each number of purchases
    assert max(asked) < 100
