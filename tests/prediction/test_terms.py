"""What a purchase brings: terms of each customer, and of some of them."""

import numpy as np

from clvmodels.prediction.terms import Terms

OWN = Terms(
    np.array([0.0, 0.01, 0.02]), np.array([1.0, 0.5, 0.3]), np.array([0.0, 1.0, 2.0]), np.array([0.1, 0.2, 0.3])
)


def test_some_customers_keep_their_terms() -> None:
    assert [column.tolist() for column in OWN.take(np.array([2, 1]))] == [[0.02, 0.01], [0.3, 0.5], [2, 1], [0.3, 0.2]]
    assert [column.tolist() for column in OWN.take(slice(1))] == [[0.0], [1.0], [0.0], [0.1]]


def test_terms_are_discounted_where_anybodys_are() -> None:
    assert OWN.discounted
    assert not OWN.take(slice(1)).discounted


def test_under_plain_terms_a_purchase_brings_its_value() -> None:
    assert [column.tolist() for column in Terms.plain(2)] == [[0, 0], [1, 1], [0, 0], [0, 0]]
    assert [column.tolist() for column in Terms.plain(2, 0.03)] == [[0.03, 0.03], [1, 1], [0, 0], [0, 0]]
