"""The compiled random numbers against SciPy's distributions, and streams that have nothing to do with each other."""

import numpy as np
import pytest
from numba import njit
from scipy import stats

from clvmodels.data.histories import Histories
from clvmodels.models.future import NEW
from clvmodels.models.gamma_gamma import GammaGamma
from clvmodels.models.nbd import NBD
from clvmodels.prediction import kernels
from clvmodels.prediction.customers import Customers
from clvmodels.prediction.simulate import simulate, simulate_money
from clvmodels.prediction.terms import Terms

_STEP, _hashed, _uniform = kernels._STEP, kernels._hashed, kernels._uniform
_exponential, _normal, _gamma, _value = kernels._exponential, kernels._normal, kernels._gamma, kernels._value

LEAST = 1e-3  # p-value below which numbers are not as they should be; all seeds are fixed


@njit
def _many_uniforms(state, numbers):
    for i in range(len(numbers)):
        state += _STEP
        numbers[i] = _uniform(_hashed(state))


@njit
def _many_exponentials(state, numbers):
    for i in range(len(numbers)):
        state, numbers[i] = _exponential(state)


@njit
def _many_normals(state, numbers):
    for i in range(len(numbers)):
        state, numbers[i] = _normal(state)


@njit
def _many_gammas(state, shape, numbers):
    for i in range(len(numbers)):
        state, numbers[i] = _gamma(state, shape)


@njit
def _many_values(state, shape, numbers):
    d = max(shape - 1 / 3, 0.1)
    c = 1 / np.sqrt(9 * d)
    for i in range(len(numbers)):
        state, numbers[i] = _value(state, shape, d, c)


@njit
def _many_bits(state, bits):
    for i in range(len(bits)):
        state += _STEP
        bits[i] = _hashed(state)


def drawn(make, *parameters, size=400_000, seed=1):
    numbers = np.empty(size)
    make(np.uint64(seed), *parameters, numbers)
    return numbers


def uniform(probabilities, bins=500):
    """The p-value of a chi-square test that what should be uniform is."""
    return stats.chisquare(np.histogram(probabilities, bins, (0, 1))[0]).pvalue


def uncorrelated(numbers, lags=(1, 2, 3, 7)):
    """Whether neither ranks nor squares of numbers and of their successors are correlated."""
    ranks = stats.rankdata(numbers) / len(numbers) - 0.5
    found = [np.corrcoef(of[:-k], of[k:])[0, 1] for of in (ranks, ranks**2) for k in lags]
    return np.abs(found).max() < 4 / np.sqrt(len(numbers))


# --- the hash and the numbers ----------------------------------------------------------------------------------------


def test_hashes_are_those_of_splitmix64() -> None:
    # The first numbers of the reference implementation (Vigna, splitmix64.c) from the state 1234567.
    found = np.empty(5, dtype=np.uint64)
    _many_bits(np.uint64(1234567), found)
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    assert found.tolist() == [*published, 16408922859458223821]


def test_each_byte_of_a_hash_takes_all_values_alike() -> None:
    bits = np.empty(200_000, dtype=np.uint64)
    _many_bits(np.uint64(5), bits)
    for shift in range(0, 64, 8):
        counts = np.bincount((bits >> np.uint64(shift)).astype(np.uint8), minlength=256)
        assert stats.chisquare(counts).pvalue > LEAST / 8


def test_one_changed_bit_changes_half_of_the_hash() -> None:
    def first(state):
        bits = np.empty(1, dtype=np.uint64)
        _many_bits(state, bits)
        return bits[0]

    states = np.random.default_rng(0).integers(0, 2**64, 100, dtype=np.uint64)
    changed = [(first(state) ^ first(state ^ np.uint64(1 << bit))).bit_count() for state in states for bit in range(64)]
    assert np.mean(changed) == pytest.approx(32, abs=5 * 4 / np.sqrt(len(changed)))
    assert min(changed) > 8


def test_uniform_numbers() -> None:
    numbers = drawn(_many_uniforms)
    assert 0 < numbers.min() < 1e-5
    assert 1 - 1e-5 < numbers.max() < 1
    assert stats.kstest(numbers, "uniform").pvalue > LEAST
    assert uniform(numbers) > LEAST
    assert uncorrelated(numbers)


@pytest.mark.parametrize("bits", [0, 2**12 - 1, 2**64 - 1, 2**64 - 2**12])
def test_no_hash_gives_a_uniform_number_of_0_or_1(bits) -> None:
    @njit
    def number(bits):
        return _uniform(bits)

    assert 0 < number(np.uint64(bits)) < 1


def test_exponential_numbers() -> None:
    numbers = drawn(_many_exponentials, size=2_000_000)
    assert stats.kstest(numbers, "expon").pvalue > LEAST
    assert uniform(np.exp(-numbers)) > LEAST
    far = numbers[numbers > 8]  # what lies beyond is distributed as all is
    assert stats.binomtest(len(far), len(numbers), np.exp(-8)).pvalue > LEAST
    assert stats.kstest(far - 8, "expon").pvalue > LEAST
    assert uncorrelated(numbers)


def test_normal_numbers() -> None:
    numbers = drawn(_many_normals, size=4_000_000)
    assert stats.kstest(numbers, "norm").pvalue > LEAST
    assert uniform(stats.norm.cdf(numbers), 2000) > LEAST
    assert stats.kstest(np.abs(numbers), "halfnorm").pvalue > LEAST
    assert uncorrelated(numbers)


def test_normal_numbers_of_every_layer() -> None:
    # Bins that are narrower than the ziggurat's layers, from the mode to where the tail begins.
    numbers, edges = drawn(_many_normals, size=8_000_000, seed=2), np.linspace(-3.7, 3.7, 1500)
    share = np.diff(stats.norm.cdf(edges))
    inside = numbers[np.abs(numbers) < 3.7]
    counts = np.histogram(inside, edges)[0]
    assert stats.chisquare(counts, len(inside) * share / share.sum()).pvalue > LEAST


@pytest.mark.parametrize("beyond", [3.0, 3.6541528853610088, 4.2])
def test_normal_numbers_far_out(beyond) -> None:
    numbers = drawn(_many_normals, size=20_000_000, seed=3)
    for tail in (numbers[numbers > beyond], -numbers[numbers < -beyond]):
        assert stats.binomtest(len(tail), len(numbers), stats.norm.sf(beyond)).pvalue > LEAST
        assert stats.kstest(stats.norm.sf(tail) / stats.norm.sf(beyond), "uniform").pvalue > LEAST


@pytest.mark.parametrize("shape", [0.05, 0.7, 1.0, 1.01, 6.25, 1e3, 1e6])
@pytest.mark.parametrize("make", [_many_gammas, _many_values], ids=["gamma", "value"])
def test_gamma_numbers(shape, make) -> None:
    numbers = drawn(make, shape)
    probabilities = stats.gamma.cdf(numbers, shape)
    assert stats.kstest(probabilities, "uniform").pvalue > LEAST
    assert uniform(probabilities) > LEAST
    assert (numbers > 0).all()
    assert uncorrelated(numbers)


@pytest.mark.parametrize("shape", [0.05, 6.25, 1e6])
def test_gamma_numbers_far_out(shape) -> None:
    numbers = drawn(_many_gammas, shape, size=2_000_000, seed=8)
    for tail in (stats.gamma.cdf(numbers, shape), stats.gamma.sf(numbers, shape)):
        near = tail[tail < 1e-3]
        assert stats.binomtest(len(near), len(tail), 1e-3).pvalue > LEAST
        assert stats.kstest(1000 * near, "uniform").pvalue > LEAST


# --- streams ---------------------------------------------------------------------------------------------------------

KEYS = {
    "neighbours": np.arange(40, dtype=np.uint64),
    "one bit apart": np.uint64(1) << np.arange(40, dtype=np.uint64),
    "a step apart": np.arange(40, dtype=np.uint64) * _STEP,
}


def customers(keys):
    """Return customers with the same history."""
    n = len(keys)
    histories = Histories(np.array([3.0]), np.array([30.0]), np.array([39.0]), row=np.zeros(n, dtype=np.intp))
    return Customers(histories, keys, {"x": np.full(n, 2.0), "m": np.full(n, 20.0)})


@pytest.mark.parametrize("keys", KEYS.values(), ids=KEYS)
def test_streams_of_customers_and_of_futures_have_nothing_to_do_with_each_other(keys) -> None:
    n, rate = 20_000, NBD(0.6, 6.0)
    (counts,) = simulate(rate, None, customers(keys), np.array([20.0]), Terms.plain(40), n, 11)
    spread = 4.5 / np.sqrt(n)
    across = np.corrcoef(np.vstack([counts, np.roll(counts, 1, axis=1)]))
    assert np.abs(across - np.eye(80)).max() < 5.2 / np.sqrt(n)  # the largest of 3,160
    for lag in (1, 2, 5, 1000):
        along = [np.corrcoef(row[:-lag], row[lag:])[0, 1] for row in counts]
        assert np.abs(along).max() < spread
    # If all are independent, totals over customers spread as much as their parts together, and likewise over futures.
    expected = counts.var(axis=1).sum()
    assert counts.sum(axis=0).var() == pytest.approx(expected, rel=5 * np.sqrt(2 / n))
    means = counts.mean(axis=1)
    assert stats.chi2.sf((means.std() ** 2) * 40 * n / counts.var(), 39) > LEAST


@pytest.mark.parametrize("seeds", [(0, 1), (1, 2), (5, 2**63), (0, 2**64 - 1)])
def test_streams_of_seeds_have_nothing_to_do_with_each_other(seeds) -> None:
    n, keys = 40_000, np.arange(4, dtype=np.uint64)
    one, other = (
        simulate(NBD(0.6, 6.0), None, customers(keys), np.array([20.0]), Terms.plain(4), n, seed)[0] for seed in seeds
    )
    across = np.corrcoef(np.vstack([one, other]))
    assert np.abs(across - np.eye(8)).max() < 4.5 / np.sqrt(n)


def test_values_have_nothing_to_do_with_counts() -> None:
    n, spend = 60_000, GammaGamma(2.0, 6.0, 15.0)
    everyone, ends = customers(np.arange(3, dtype=np.uint64)), np.array([20.0])
    counts, money = (simulate(NBD(0.6, 6.0), of, everyone, ends, Terms.plain(3), n, 2)[0] for of in (None, spend))
    for i in range(3):
        bought = counts[i] > 0
        each = money[i, bought] / counts[i, bought]
        for k in (1, 2, 3):
            mean = each[counts[i, bought] == k]
            expected = 2.0 * (15 + 2 * 20) / (2 * 2 + 6 - 1)
            assert abs(mean.mean() - expected) < 4 * mean.std() / np.sqrt(len(mean))


@pytest.mark.parametrize("shape", [0.4, 6.25])
def test_the_money_of_given_purchases_is_a_gamma_sum_at_a_gamma_rate(shape) -> None:
    # A ratio of gamma numbers: a beta prime distribution.
    spend, n = GammaGamma(shape, 3.7, 15.0), 100_000
    count = np.array([0, 1, 7])
    money = simulate_money(spend, customers(np.arange(3, dtype=np.uint64)), count, n, 5)
    assert (money[0] == 0).all()
    for i in (1, 2):
        law = stats.betaprime(shape * count[i], shape * 2 + 3.7, scale=15.0 + 2 * 20.0)
        assert stats.kstest(money[i], law.cdf).pvalue > LEAST


def test_given_purchases_are_of_the_customers_own_rate_in_every_future() -> None:
    # The rate of spending of a future is the same whether its purchases are simulated or given.
    n, spend, everyone = 2000, GammaGamma(5000.0, 6.0, 15.0), customers(np.arange(3, dtype=np.uint64))
    counts, money = (
        simulate(NBD(2.0, 2.0), of, everyone, np.array([20.0]), Terms.plain(3), n, 2)[0] for of in (None, spend)
    )
    given = simulate_money(spend, everyone, np.array([1, 1, 1]), n, 2)
    bought = counts > 0
    np.testing.assert_allclose((money[bought] / counts[bought]) / given[bought], 1, atol=0.15)


def test_the_smallest_shape_of_spend_breaks_nothing() -> None:
    # Most rates of spending are smaller than any number.
    spend = GammaGamma(2.0, 0.002, 1e-3)
    one = Customers(NEW, np.arange(1, dtype=np.uint64), {"x": np.zeros(1), "m": np.zeros(1)})
    (money,) = simulate(NBD(5.0, 1.0), spend, one, np.array([9.0]), Terms.plain(1), 4000, 0)
    assert np.isfinite(money).all()
    assert np.median(money) > 1e9


def test_the_spread_and_the_empty_futures_of_each_customer() -> None:
    gross = np.random.default_rng(3).gamma(0.5, 40.0, (7, 301))
    gross[:, ::3] = 0.0
    gross[2] = 0.0
    sd, silent = np.empty(7), np.empty(7)
    kernels.spread(gross, sd, silent)
    np.testing.assert_allclose(sd, gross.std(axis=1), rtol=1e-12)
    np.testing.assert_array_equal(silent, (gross == 0).mean(axis=1))
