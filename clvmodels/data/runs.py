"""Runs of equal neighbours in sorted arrays."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def starts(*keys: NDArray[Any]) -> NDArray[np.intp]:
    """Return the positions at which one of the keys, each ``(n,)``, differs from its neighbour before; 0 is the first.

    Examples
    --------
    >>> starts(np.array([7, 7, 7, 9]), np.array([1, 2, 2, 2]))
    array([0, 1, 3])
    """
    changes = np.ones(len(keys[0]), dtype=bool)
    changes[1:] = np.any([key[1:] != key[:-1] for key in keys], axis=0)
    return np.flatnonzero(changes)
