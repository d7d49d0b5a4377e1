"""Customers in chunks: what a forecast's source is, and how chunk after chunk is worked through, on several threads."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from clvmodels.prediction.summaries import Chunk

Progress = Callable[[int], None]
Positions = NDArray[np.intp]
R = TypeVar("R")
S = TypeVar("S")


class _Thread(threading.local):
    stop = np.zeros(1, dtype=np.bool_)  # of a thread that ``in_order`` did not start: it stays false


_thread = _Thread()


class Stream(Protocol):
    """A recipe for chunks of customers; every run gives the same."""

    @property
    def uncertain(self) -> bool:
        """Whether ``expected`` has draws of the parameters, so that its spread means something."""

    @property
    def threads(self) -> int:
        """How many chunks are worked on at a time."""

    def refuse_infinite_means(self) -> None:
        """Raise ``InfiniteMeanError`` where the expected quantity is infinite under some draws."""

    def parts(self) -> Iterable[Positions]:
        """Return positions of customers, in parts of a bounded size."""

    def chunks(self, part: Positions) -> Sequence[Chunk]:
        """Return the chunks of some customers, one a horizon."""


class Source(Stream, Protocol):
    """A stream that can be narrowed, and says what its chunks have."""

    @property
    def has_futures(self) -> bool:
        """Whether chunks have futures, in which something really happens."""

    @property
    def finite_variance(self) -> bool:
        """Whether the quantity has a variance under all draws."""

    @property
    def known(self) -> Sequence[Mapping[str, bool]]:
        """Of each horizon, the names of the chunks' columns, and whether each exists only where the mean does."""

    def at(self, horizon: int) -> Self:
        """Return the source of one of the horizons alone."""

    def take(self, customers: slice) -> Self:
        """Return the source of some customers alone."""


def stream(source: Stream, use: Callable[[Sequence[Chunk]], R]) -> Iterator[R]:
    """Yield what ``use`` makes of some customers' chunks, one a horizon, until all customers had their turn.

    ``use`` may be called from several threads at a time; what it returns comes in one order.
    """
    return in_order(lambda part: use(source.chunks(part)), source.parts(), source.threads)


def in_order(work: Callable[[S], R], items: Iterable[S], threads: int) -> Iterator[R]:
    """Yield the results of work in the order of the items, with few results waiting.

    All work is done by other threads, so that the calling one hears an interrupt. After it, as after an error, nobody
    waits for them: what has not begun never does, and compiled loops end at once, see ``stop_of_this_thread``.
    """
    stop = np.zeros(1, dtype=np.bool_)
    pool = ThreadPoolExecutor(threads, initializer=_bind, initargs=(stop,))
    try:
        waiting = []
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > 2 * threads:
                yield waiting.pop(0).result()
        while waiting:
            yield waiting.pop(0).result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        stop[0] = True


def stop_of_this_thread() -> NDArray[np.bool_]:
    """Return one boolean, which turns true where the work of this thread is not wanted any more."""
    stop: NDArray[np.bool_] = _thread.stop
    return stop


def _bind(stop: NDArray[np.bool_]) -> None:
    _thread.stop = stop


class OneHorizon:
    """A source of one horizon and one chunk of all customers at a time, with a point for parameters."""

    uncertain = False
    finite_variance = True
    has_futures = True
    threads = 1
    known: Sequence[Mapping[str, bool]] = ({},)

    def refuse_infinite_means(self) -> None:
        """Refuse nothing."""

    def at(self, horizon: int) -> Self:
        """Return itself: there is one horizon."""
        return self
