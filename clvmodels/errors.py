"""Every error and warning that the package raises.

A message says what is wrong, how many cases there are, shows some of them, and says what to do.
"""

from collections.abc import Iterable
from itertools import islice

_LONGEST = 400  # characters of another library's message


class CLVError(Exception):
    """Base of all errors of this package: ``except CLVError`` catches them all."""


class DataError(CLVError, ValueError):
    """The data handed in cannot be used as they are."""


class UnitError(CLVError, ValueError):
    """A duration, a time unit or a rate is missing, ambiguous or impossible."""


class SettingError(CLVError, ValueError):
    """An argument other than the data is out of its range or does not fit the others."""


class FitError(CLVError):
    """A fit whose verdict is not good was asked for something that needs a good one."""


class InfiniteMeanError(CLVError, ValueError):
    """A mean was asked for that is infinite under the model."""


class MissingMoneyError(CLVError):
    """Something about money was asked of data without an amount column."""


class StorageError(CLVError):
    """A stored model cannot be read or written."""


class CLVWarning(UserWarning):
    """Base of all warnings of this package."""


class LeftTruncationWarning(CLVWarning):
    """The log seems to start after the business did: old customers look new."""


class MergedPurchasesWarning(CLVWarning):
    """Customers buy in almost every period: merging by period hides purchases."""


class InfiniteMeanWarning(CLVWarning):
    """Some customers' expected spend is infinite under some draws of a fit."""


class PriorWarning(CLVWarning):
    """The data leave something open that the prior settles."""


class SpendDependenceWarning(CLVWarning):
    """Spend and frequency are correlated, which the spend model assumes they are not."""


def examples(values: Iterable[object], most: int = 5) -> str:
    """Return the first few values as text, for the end of an error message.

    Examples
    --------
    >>> examples(range(9), most=3)
    '0, 1, 2, ...'
    """
    shown = [str(value) for value in islice(values, most + 1)]
    return ", ".join([*shown[:most], "..."] if len(shown) > most else shown)


def cause(error: BaseException) -> str:
    r"""Return what an error of another library says as one short sentence, for the middle of a message of ours.

    Examples
    --------
    >>> cause(ValueError("no such table\nLINE 1: select"))
    'no such table.'
    """
    text = next(iter(str(error).strip().splitlines()), type(error).__name__).strip().rstrip(".")
    return f"{text if len(text) <= _LONGEST else text[:_LONGEST] + ' ...'}."
