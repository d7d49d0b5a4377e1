"""Numbers, shares, intervals and lists as people read them: one style in the terminal, in pages and in errors."""

from collections.abc import Iterable, Sequence

import numpy as np

DASH = "–"  # noqa: RUF001 -- the dash that stands for a missing number
_MINUS = "−"  # noqa: RUF001 -- a minus sign
_SPACE = "\N{NO-BREAK SPACE}"


def number(value: float, decimals: int = 0) -> str:
    """Return a number with thousands apart; an en dash where it is missing.

    Examples
    --------
    >>> number(1234.5678, 1), number(-3), number(float("nan"))
    ('1,234.6', '−3', '–')
    """  # noqa: RUF002 -- a minus sign and an en dash
    if value is None or not np.isfinite(value):
        return DASH
    return f"{value + 0.0:,.{decimals}f}".replace("-", _MINUS)


def short(value: float) -> str:
    r"""Return a number as briefly as it reads well.

    Examples
    --------
    >>> short(1_234_567), short(20692.2), short(12.34), short(0.5), short(3)
    ('1.23\xa0M', '20,692', '12.3', '0.50', '3')
    """
    if value is None or not np.isfinite(value):
        return DASH
    size = abs(value)
    for limit, letter in ((1e9, "B"), (1e6, "M")):
        if size >= 0.9995 * limit:
            return f"{number(value / limit, 2 if size < 10 * limit else 1)}{_SPACE}{letter}"
    if size == np.round(size) or size >= 99.95:
        return number(value)
    return number(value, 1 if size >= 9.995 else 2)


def count(how_many: int, thing: str) -> str:
    """Return how many things there are.

    Examples
    --------
    >>> count(1, "customer"), count(2357, "customer")
    ('1 customer', '2,357 customers')
    """
    return f"{number(how_many)} {thing}{'' if how_many == 1 else 's'}"


def percent(share: float, decimals: int = 0) -> str:
    r"""Return a share in per cent.

    Examples
    --------
    >>> percent(0.8893), percent(0.0512, 1)
    ('89\xa0%', '5.1\xa0%')
    """
    text = number(100 * share if share is not None else np.nan, decimals)
    return text if text == DASH else f"{text}{_SPACE}%"


def change(predicted: float, actual: float) -> str:
    r"""Return how far a prediction is off, in per cent of what happened; an en dash where nothing happened.

    Examples
    --------
    >>> change(1654, 1882), change(1866, 1882), change(1882, 1882)
    ('−12\xa0%', '−0.9\xa0%', '0.0\xa0%')
    """  # noqa: RUF002 -- minus signs
    if not actual or not np.isfinite(predicted):
        return DASH
    off = predicted / actual - 1
    text = percent(off, 1 if abs(off) < 0.0995 else 0)
    return f"+{text}" if off > 0 else text


def span(lower: float, upper: float, decimals: int = 0) -> str:
    """Return an interval in words, such as ``"1,490 to 1,832"``."""
    if any(end is None or not np.isfinite(end) for end in (lower, upper)):
        return DASH
    return f"{number(lower, decimals)} to {number(upper, decimals)}"


def decimals(values: Iterable[float], significant: int = 4) -> int:
    """Return how many decimals give the middle one of the values so many significant digits.

    Examples
    --------
    >>> decimals([1.607, 0.21, 2.1]), decimals([134.05]), decimals([1882.0]), decimals([])
    (3, 1, 0, 0)
    """
    sizes = [abs(value) for value in values if value is not None and np.isfinite(value) and value != 0]
    return int(np.clip(significant - 1 - np.floor(np.log10(np.median(sizes))), 0, 8)) if sizes else 0


def join(names: Sequence[str]) -> str:
    """Return names as a phrase.

    Examples
    --------
    >>> join(["a"]), join(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def significant(value: float) -> str:
    """Return a number in five significant digits, for tables of parameters.

    Examples
    --------
    >>> significant(0.2425945), significant(9582.429)
    ('0.24259', '9582.4')
    """
    return f"{value:.5g}"
