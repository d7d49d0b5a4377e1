"""Chunks in threads: in order, few at a time, and over at once when nobody wants them any more."""

import threading
import time

import numpy as np
import pandas as pd
import pytest

from clvmodels.data.rfm import RFM
from clvmodels.models.nbd import NBD
from clvmodels.prediction.customers import Customers
from clvmodels.prediction.simulate import simulate
from clvmodels.prediction.streams import in_order, stop_of_this_thread
from clvmodels.prediction.terms import Terms


@pytest.mark.parametrize("threads", [1, 3])
def test_results_come_in_the_order_of_the_items_and_few_wait(threads) -> None:
    taken = []

    def items():
        for i in range(20):
            taken.append(i)
            yield i

    results = in_order(lambda i: time.sleep(0.002 * (i % 3)) or i * i, items(), threads)
    assert next(results) == 0
    assert len(taken) == 2 * threads + 1
    assert list(results) == [i * i for i in range(1, 20)]


def test_an_error_is_that_of_the_work() -> None:
    with pytest.raises(ZeroDivisionError):
        list(in_order(lambda i: 1 / i, [1, 0, 1], 2))


@pytest.mark.parametrize("threads", [1, 2])
def test_an_interrupt_ends_compiled_loops_at_once_and_what_waits_never_begins(threads) -> None:
    rfm = RFM.from_frame(pd.DataFrame({"customer_id": ["a"], "frequency": 9, "recency": 9.0, "T": 9.0}), unit="week")
    model = NBD(np.ones((1, 1)), np.ones((1, 1)))
    plain, began = Terms(*(np.full(1, value) for value in (0.0, 1.0, 0.0, 0.0))), []
    ended = threading.Semaphore(0)

    def for_years(i):
        began.append(i)
        simulate(model, None, Customers.of(rfm, None), np.array([1e15]), plain, 1, seed=i)
        ended.release()

    def items():
        yield from range(2 * threads)
        while len(began) < threads:
            time.sleep(0.001)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(in_order(for_years, items(), threads))
    assert all(ended.acquire(timeout=30) for _ in range(threads))
    assert sorted(began) == list(range(threads))


def test_only_the_threads_of_what_was_interrupted_stop() -> None:
    seen = []

    def look(_):
        seen.append(stop_of_this_thread())

    for _ in range(2):
        results = in_order(look, range(2), 1)
        next(results)
        results.close()
    ended, other = seen[0], in_order(lambda _: stop_of_this_thread(), range(1), 1)
    assert ended[0]
    assert not next(other)[0]
    assert not stop_of_this_thread()[0]
