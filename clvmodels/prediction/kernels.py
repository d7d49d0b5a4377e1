"""The compiled loops of prediction: random numbers, the futures of customers, and sums over draws.

A random number is a hash of where it is used: the seed, the customer, the future and a running number (SplitMix64:
Steele, Lea & Flood 2014). So a customer's futures depend on nothing else: neither on the other customers, the order,
the chunks and the threads, nor on how far ahead one looks.
"""

# Compiled loops with the random numbers that they draw: a compiled function calls only what is compiled beside it.

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numba import boolean, float64, int64, intp, njit, types, uint64
from numpy.typing import NDArray

from clvmodels.models.future import ANY_TIME, AT_PURCHASE, ValueRows
from clvmodels.prediction.terms import WORTHLESS, Terms

_STEP = np.uint64(0x9E3779B97F4A7C15)  # the odd number next to 2**64 / golden ratio
_LIVES, _SPENDS, _OPENS = np.uint64(1), np.uint64(2), np.uint64(3)  # what a future's own streams are for
_LEAST = 1e-290  # of a gamma number, and of a discount factor: a purchase is a purchase, however late
_NORMAL = (3.6541528853610088, 0.00492867323399)  # where the last of 256 layers of equal area begins, and that area
_EXPONENTIAL = (7.69711747013104972, 0.0039496598225815571993)  # likewise: Marsaglia & Tsang (2000)


def _layers(
    tail: float, area: float, height: Callable[[float], float], where: Callable[[float], float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the widths of a falling density's layers of equal area, from the bottom to the top, and its heights."""
    widths = [area / height(tail), tail]
    for _ in range(254):
        widths.append(where(area / widths[-1] + height(widths[-1])))
    widths.append(0.0)
    return np.array(widths), np.array([height(width) for width in widths])


_NORMAL_WIDTH, _NORMAL_HEIGHT = _layers(
    *_NORMAL, lambda x: math.exp(-x * x / 2), lambda height: math.sqrt(-2 * math.log(height))
)
_EXPONENTIAL_WIDTH, _EXPONENTIAL_HEIGHT = _layers(
    *_EXPONENTIAL, lambda x: math.exp(-x), lambda height: -math.log(height)
)


class Lives(NamedTuple):
    """How customers buy and drop out: a family of futures, and arrays ``(histories, draws)``.

    P(alive), P(no purchase until the last end t | alive for ever), log(1 + t / rate), and what ``PurchaseRows`` has.
    """

    family: int
    alive: NDArray[np.float64]
    quiet: NDArray[np.float64]
    limit: NDArray[np.float64]
    shape: NDArray[np.float64]
    rate: NDArray[np.float64]
    first: NDArray[np.float64]
    second: NDArray[np.float64]


_rows = types.Array(float64, 2, "A", readonly=True)  # (customers or histories, draws), or a broadcast of less
_column = types.Array(float64, 1, "A", readonly=True)
_keys = types.Array(uint64, 1, "A", readonly=True)


@njit(inline="always")
def _hashed(state):
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


@njit(inline="always")
def _uniform(bits):
    """Return a number strictly between 0 and 1."""
    return (np.float64(bits >> np.uint64(12)) + 0.5) * (1.0 / 4503599627370496.0)


@njit
def _exponential(state):
    """Return an exponential number by the ziggurat of Marsaglia & Tsang (2000)."""
    start = 0.0
    while True:
        state += _STEP
        bits = _hashed(state)
        layer = np.int64(bits & np.uint64(255))
        x = _uniform(bits) * _EXPONENTIAL_WIDTH[layer]
        if x < _EXPONENTIAL_WIDTH[layer + 1]:
            return state, start + x
        if layer == 0:
            start += _EXPONENTIAL_WIDTH[1]  # what lies beyond is distributed as all is
            continue
        state += _STEP
        low, high = _EXPONENTIAL_HEIGHT[layer], _EXPONENTIAL_HEIGHT[layer + 1]
        if low + _uniform(_hashed(state)) * (high - low) < math.exp(-x):
            return state, start + x


@njit
def _normal(state):
    """Return a standard normal number by the same method."""
    while True:
        state += _STEP
        bits = _hashed(state)
        layer = np.int64(bits & np.uint64(255))
        side = 2 * _uniform(bits) - 1
        x = side * _NORMAL_WIDTH[layer]
        if abs(x) < _NORMAL_WIDTH[layer + 1]:
            return state, x
        if layer == 0:
            while True:  # Marsaglia (1964), beyond the last layer
                state, beyond = _exponential(state)
                state, other = _exponential(state)
                beyond /= _NORMAL_WIDTH[1]
                if 2 * other > beyond * beyond:
                    return state, math.copysign(_NORMAL_WIDTH[1] + beyond, side)
        state += _STEP
        low, high = _NORMAL_HEIGHT[layer], _NORMAL_HEIGHT[layer + 1]
        if low + _uniform(_hashed(state)) * (high - low) < math.exp(-x * x / 2):
            return state, x


@njit
def _gamma_from_one(state, d, c):
    """Return a gamma number of shape d + 1/3, at least 1, with c = 1 / sqrt(9 d): Marsaglia & Tsang (2000b)."""
    while True:
        state, x = _normal(state)
        v = 1 + c * x
        if v <= 0:
            continue
        v = v * v * v
        state += _STEP
        u = _uniform(_hashed(state))
        if u < 1 - 0.0331 * x * x * x * x or math.log(u) < 0.5 * x * x + d * (1 - v + math.log(v)):
            return state, d * v


@njit
def _gamma(state, shape):
    lift = 1.0
    if shape < 1:
        state, e = _exponential(state)
        lift = max(math.exp(-e / shape), _LEAST)
        shape += 1
    d = shape - 1 / 3
    state, g = _gamma_from_one(state, d, 1 / math.sqrt(9 * d))
    return state, lift * g


@njit
def _value(state, shape, d, c):
    """Return a gamma number of the given shape, with d and c prepared for a shape of at least 1."""
    if shape < 1:
        return _gamma(state, shape)
    return _gamma_from_one(state, d, c)


def futures(
    seed: int,
    keys: NDArray[np.uint64],
    history: NDArray[np.intp],
    lives: Lives,
    values: ValueRows,
    ends: NDArray[np.float64],
    terms: Terms,
    gross: NDArray[np.float64],
    opening: NDArray[np.float64] | None,
    stop: NDArray[np.bool_],
) -> None:
    r"""Write what each customer's purchases bring until each end, in each future; ``gross`` must hold zeros.

    Let c be the rate and k the shape of the gamma distribution of a customer's purchase rate, given the history. The
    time s of the next purchase has :math:`P(s > t) = (c / (c + t))^k`, so that :math:`\log(1 + s / c)` is exponential
    of rate k; after it, the purchase rate is Gamma(k + 1, c + s), and so on: in the logarithm of c + s, the j-th gap
    is exponential of rate k + j. Where customers may drop out after a purchase, they do with the expected probability,
    given that they went on so far. So futures are exact, with no need to draw a customer's own rates. A future without
    a purchase costs one random number. Where there is interest, purchases end once money is worth a millionth; but the
    first is always seen.

    Parameters
    ----------
    seed
        What everything follows from, together with the customer's key.
    keys, history
        Of each customer, ``(customers,)``: the key, and the row of the history in what follows.
    lives
        How customers buy and drop out.
    values
        The values of purchases, ``(customers, draws)``; without them, each is worth one.
    ends
        Horizons in growing order, ``(horizons, histories)``; the last may be infinite where there is interest.
    terms
        What a purchase brings.
    gross
        Where the result goes, ``(horizons, customers, futures)``.
    opening
        Where to write the value of a purchase at time 0, too, ``(customers, futures)``.
    stop
        One boolean, which another thread may set: then the loop ends, and what it wrote is worth nothing.
    """
    opens = opening is not None
    where = opening if opens else np.empty((0, 0))
    # Layouts of arrays inside named tuples would be types of their own: the compiled loop takes them one by one.
    _futures(np.uint64(seed), keys, history, *lives, *values, ends, *terms[:3], gross, opens, where, stop)


@njit(
    [
        types.void(
            *(uint64, _keys, types.Array(intp, 1, "A", readonly=True)),
            *(int64, _rows, _rows, _rows, _rows, _rows, _rows, _rows),
            *(boolean, _rows, _rows, _rows),
            *(_rows, _column, _column, _column),
            *(types.Array(float64, 3, "C"), boolean, types.Array(float64, 2, "C"), types.Array(boolean, 1, "C")),
        )
    ],
    nogil=True,
    cache=True,
)
def _futures(
    seed,
    keys,
    history,
    family,
    alive,
    quiet,
    limit,
    shape,
    rate,
    first_of,
    second_of,
    spends,
    value_shape,
    spend_shape,
    spend_rate,
    ends,
    delta,
    margin,
    cost,
    gross,
    opens,
    opening,
    stop,
):
    """Run the loop that ``futures`` describes."""
    stops, leaves = family == AT_PURCHASE, family == ANY_TIME
    horizons, customers, many = gross.shape
    draws = alive.shape[1]
    d, c = 0.0, 0.0
    for i in range(customers):
        h = history[i]
        timed = delta[i] > 0 or horizons > 1
        place = _hashed(_hashed(seed + _STEP) ^ keys[i])
        for f in range(many):
            j = f % draws
            place += _STEP
            bits = _hashed(place)
            if opens:
                _, nu = _gamma(_hashed(bits ^ _SPENDS), spend_shape[i, j])
                _, value = _gamma(_hashed(bits ^ _OPENS), value_shape[i, j])
                opening[i, f] = margin[i] * value * spend_rate[i, j] / nu - cost[i]
            chance = _uniform(bits)
            if chance >= alive[h, j] or chance <= alive[h, j] * quiet[h, j]:
                continue
            chance /= alive[h, j]
            life = _hashed(bits ^ _LIVES)
            k, per, end = shape[h, j], rate[h, j], limit[h, j]
            worthless = math.log1p(WORTHLESS / delta[i] / per) if delta[i] > 0 else math.inf
            if leaves:
                life, e = _exponential(life)
                end = min(end, math.log1p(second_of[h, j] * math.expm1(e / first_of[h, j]) / per))
            y = -math.log(chance) / k
            if y > end:
                continue
            money, scale = bits, 1.0
            if spends:
                money, nu = _gamma(_hashed(bits ^ _SPENDS), spend_shape[i, j])
                scale = spend_rate[i, j] / nu
                p = value_shape[i, j]
                if p >= 1:
                    d = p - 1 / 3
                    c = 1 / math.sqrt(9 * d)
            end = min(end, worthless)
            at, first = 0, True
            went_on = second_of[h, j] + first_of[h, j]
            while first or y <= end:
                if stop[0]:
                    return
                brings = margin[i]
                if spends:
                    money, value = _value(money, value_shape[i, j], d, c)
                    brings *= value * scale
                brings -= cost[i]
                if timed:
                    time = per * (math.exp(y) - 1)
                    while at < horizons - 1 and time > ends[at, h]:
                        at += 1
                    brings *= max(math.exp(-delta[i] * time), _LEAST)
                gross[at, i, f] += brings
                first = False
                if stops:
                    life += _STEP
                    if _uniform(_hashed(life)) * went_on < first_of[h, j]:
                        break
                    went_on += 1
                k += 1
                life, e = _exponential(life)
                y += e / k
            for at in range(1, horizons):
                gross[at, i, f] += gross[at - 1, i, f]


@njit(
    [
        types.void(
            *(uint64, _keys, types.Array(int64, 1, "A", readonly=True)),
            *(_rows, _rows, _rows, types.Array(float64, 2, "C")),
        )
    ],
    nogil=True,
    cache=True,
)
def money_of(seed, keys, count, value_shape, spend_shape, spend_rate, money):
    """Write the money of a given number of purchases of each customer in each future, ``(customers, futures)``.

    The arguments are those of ``futures``; ``count`` is how many purchases, ``(customers,)``. Values of one rate are
    summed by the sum of their shapes.
    """
    customers, many = money.shape
    draws = value_shape.shape[1]
    for i in range(customers):
        place = _hashed(_hashed(seed + _STEP) ^ keys[i])
        for f in range(many):
            place += _STEP
            money[i, f] = 0.0
            if count[i] > 0:
                j = f % draws
                state, nu = _gamma(_hashed(_hashed(place) ^ _SPENDS), spend_shape[i, j])
                _, total = _gamma(state, count[i] * value_shape[i, j])
                money[i, f] = total * spend_rate[i, j] / nu


@njit(
    [
        types.void(
            types.Array(float64, 2, "C", readonly=True),
            *(types.Array(float64, 1, "C"), types.Array(float64, 1, "C")),
        )
    ],
    nogil=True,
    cache=True,
)
def spread(gross, sd, silent):
    """Write the standard deviation of each row of ``(customers, futures)``, and how often it is 0."""
    customers, many = gross.shape
    for i in range(customers):
        total, quiet = 0.0, 0
        for f in range(many):
            total += gross[i, f]
            quiet += gross[i, f] == 0.0
        mean = total / many
        squares = 0.0
        for f in range(many):
            squares += (gross[i, f] - mean) ** 2
        sd[i] = math.sqrt(squares / many)
        silent[i] = quiet / many


@njit(
    [
        types.void(
            *(types.Array(intp, 1, "A", readonly=True), types.Array(float64, 2, "C", readonly=True)),
            *(types.Array(float64, 3, "C", readonly=True), types.Array(float64, 2, "C", readonly=True)),
            types.Array(float64, 2, "C"),
        )
    ],
    nogil=True,
    cache=True,
)
def interpolate(panel, basis, nodes, factor, values):
    """Write weighted sums of the values at a panel's nine nodes, times a factor.

    They are added in one order, so that a row does not depend on the others.

    Parameters
    ----------
    panel
        The panel of each row, ``(rows,)``.
    basis
        The weight of each node, ``(rows, 9)``.
    nodes
        The values at the nodes, ``(panels, 9, draws)``.
    factor
        ``(rows, draws)``.
    values
        Where the result goes, ``(rows, draws)``.
    """
    rows, draws = values.shape
    for i in range(rows):
        at, w = nodes[panel[i]], basis[i]
        for j in range(draws):
            near = w[0] * at[0, j] + w[1] * at[1, j] + w[2] * at[2, j] + w[3] * at[3, j] + w[4] * at[4, j]
            far = w[5] * at[5, j] + w[6] * at[6, j] + w[7] * at[7, j] + w[8] * at[8, j]
            values[i, j] = factor[i, j] * (near + far)
