"""A caution: what users should know before they rely on an answer, as data that travels with it."""

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from clvmodels.errors import CLVWarning
from clvmodels.text import count, join


@dataclass(frozen=True)
class Caution:
    """What data or a fit leave in doubt; it is no obstacle to an answer.

    Attributes
    ----------
    name
        A short name that does not change, such as ``"left truncation"``.
    text
        What was seen, with numbers, what it does to the answer, and what to do.
    category
        The class of the warning that says it.

    Examples
    --------
    >>> print(Caution("copies of rows", "12 % of the rows are copies of another. Leave them out."))
    12 % of the rows are copies of another. Leave them out.
    """

    name: str
    text: str
    category: type[CLVWarning] = CLVWarning

    def __str__(self) -> str:
        return self.text


def mentioned(cautions: Sequence[Caution]) -> str:
    """Return the end of a line that says how many cautions there are; nothing where there are none.

    Examples
    --------
    >>> mentioned([Caution("copies of rows", "12 % of the rows are copies of another.")])
    '; 1 caution: copies of rows'
    """
    return f"; {count(len(cautions), 'caution')}: {join([each.name for each in cautions])}" if cautions else ""


def warn_of(cautions: Iterable[Caution], stacklevel: int = 2) -> None:
    """Warn of each caution; ``stacklevel`` counts from the caller, as in ``warnings.warn``."""
    for caution in cautions:
        warnings.warn(caution.text, caution.category, stacklevel=stacklevel + 1)
