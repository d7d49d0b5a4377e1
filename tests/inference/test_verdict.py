"""What a fit came to, in words."""

import pytest

from clvmodels.inference.verdict import Outcome, Verdict


@pytest.mark.parametrize("outcome", Outcome)
def test_only_convergence_is_good_and_every_outcome_is_a_sentence(outcome) -> None:
    verdict = Verdict(outcome, "Because.")
    assert verdict.ok == (outcome is Outcome.CONVERGED)
    assert outcome.value.endswith(".")
    assert str(verdict) == f"{outcome.value} Because."
