"""The order of the customers changes nothing, to the last bit: not fits, not what is said of each, not their sums."""

import numpy as np
import pandas as pd
import pytest

import clvmodels as clv

PLAN = clv.Plan(["6 months", "2 years"], discount=0.1, margin=0.3, cost_to_serve=1.0)


@pytest.fixture(scope="module")
def orders(cdnow_rfm):
    """Some customers in the order of their ids, and in another."""
    some = cdnow_rfm.take(slice(0, 2357, 4))
    return some, some.take(np.random.default_rng(5).permutation(len(some)))


@pytest.mark.parametrize(
    "method", [clv.Laplace(draws=40), clv.Bootstrap(replicates=20)], ids=lambda m: type(m).__name__
)
@pytest.mark.parametrize(
    "model", [clv.BGNBD, clv.MBGNBD, clv.NBD, clv.ParetoNBD, clv.GammaGamma, clv.GammaGamma(of="all")], ids=repr
)
@pytest.mark.filterwarnings("ignore::clvmodels.errors.CLVWarning")
def test_a_fit_is_the_same_in_any_order(orders, model, method):
    one, other = (clv.fit(model, rfm, method, seed=2) for rfm in orders)
    assert one.estimate.values() == other.estimate.values()
    assert (one.log_likelihood, one.standard_errors) == (other.log_likelihood, other.standard_errors)
    assert one.sandwich_errors == other.sandwich_errors
    for name, draws in one.sample.values().items():
        np.testing.assert_array_equal(draws, other.sample.values()[name])


@pytest.fixture(scope="module")
def values(orders):
    return [
        (
            clv.value(clv.fit(clv.BGNBD, rfm, quick), clv.fit(clv.GammaGamma, rfm, quick), rfm, PLAN, futures=60),
            clv.SimpleFormula(per_customer=True).value(rfm, PLAN, resamples=20),
            clv.SimpleFormula().value(rfm, PLAN, resamples=20),
        )
        for rfm, quick in zip(orders, [clv.Laplace(draws=20)] * 2, strict=True)
    ]


def test_values_and_their_sums_are_the_same_in_any_order(values):
    for one, other in zip(*values, strict=True):
        key = ["customer_id", "horizon"]
        before, after = (made.frame().sort_values(key, ignore_index=True) for made in (one, other))
        pd.testing.assert_frame_equal(before, after, check_exact=True)
        for horizon in ("6 months", "2 years"):
            sums = [made.at(horizon).total() for made in (one, other)]
            assert sums[0].mean == sums[1].mean
            assert sums[0].expected.tolist() == sums[1].expected.tolist()
            if sums[0].realised is not None:
                assert sums[0].realised.tolist() == sums[1].realised.tolist()
            segments = [made.at(horizon).by(made.rfm.frequency > 0).frame() for made in (one, other)]
            pd.testing.assert_frame_equal(*segments, check_exact=True)
