"""The findings of a comparison: the closest total, the least error, the best order of the customers."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from clvmodels.evaluation.score import Score
from clvmodels.text import change, decimals, join, number, percent, short

_ALIKE = 0.01  # scores closer than this, relative to the best, are called equal in words
_SEVERAL = ("Closest total", "Least error for each customer", "Best at finding the best customers")
_ONE = ("Total", "Error for each customer", "Finding the best customers")


class Finding(NamedTuple):
    """Something found: its name, the candidates or the number, and a sentence on it."""

    name: str
    answer: str
    sentence: str


def headline(scores: Mapping[str, Score], actual: int) -> str:
    """Return a comparison in a line, from the candidates' scores of purchases and how many happened."""
    if not scores:
        return "No candidate could be fitted to these data"
    if len(scores) == 1:
        (name, score), *_ = scores.items()
        return f"{name} expected {short(score.total.mean)} purchases, and {number(actual)} happened"
    closest, best = closest_total(scores), least_error(scores)
    if both := [name for name in best if name in closest]:
        return f"Closest in total and for each customer: {few(both)}"
    return f"Closest in total: {few(closest)}. Closest for each customer: {few(best)}."


def findings(scores: Mapping[str, Score], quantity: str) -> Iterator[Finding]:
    """Yield the findings on purchases or on money: the total, each customer, the order of the customers."""
    if not scores:
        return
    total, each, order = _SEVERAL if len(scores) > 1 else _ONE
    closest, best = closest_total(scores), least_error(scores)
    score, error = scores[closest[0]], scores[best[0]].rmse
    off = f" ({change(score.total.mean, score.actual_total)})" if score.actual_total else ""
    told = f"{short(score.total.mean)} predicted, {short(score.actual_total)} happened{off}."
    yield Finding(total, few(closest), told)
    yield Finding(each, few(best), f"RMSE {number(error, decimals([error]))}.")
    first = leaders({name: -score.top_decile for name, score in scores.items()}, _ALIKE)
    share = percent(scores[first[0]].top_decile)
    yield Finding(order, few(first), f"The tenth of the customers put first made {share} of all {quantity}.")


def closest_total(scores: Mapping[str, Score]) -> list[str]:
    """Return the candidates whose total came closest, and those as good up to half a per cent of what happened."""
    misses = {name: abs(score.total.mean - score.actual_total) for name, score in scores.items()}
    actual = next(iter(scores.values())).actual_total
    return leaders(misses, 0.005 * actual / max(min(misses.values()), 1e-9))


def least_error(scores: Mapping[str, Score]) -> list[str]:
    """Return the candidates with the least RMSE, and those as good up to one per cent."""
    return leaders({name: score.rmse for name, score in scores.items()}, _ALIKE)


def leaders(losses: Mapping[str, float], alike: float) -> list[str]:
    """Return the names with the least loss, least first, and those that are as good up to a share of it.

    Examples
    --------
    >>> leaders({"a": 1.607, "b": 1.608, "c": 2.1}, alike=0.01)
    ['a', 'b']
    """
    least = min(losses.values())
    alike_names = [name for name, loss in losses.items() if loss <= least + alike * abs(least)]
    return sorted(alike_names, key=losses.__getitem__)


def few(names: Sequence[str]) -> str:
    """Return names as a phrase, or how many they are.

    Examples
    --------
    >>> few(["a", "b"]), few(["a", "b", "c", "d", "e"])
    ('a and b', 'a and 4 others alike')
    """
    return join(names) if len(names) <= 3 else f"{names[0]} and {len(names) - 1} others alike"
