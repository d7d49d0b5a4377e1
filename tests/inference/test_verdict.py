"""What a fit came to, in words."""

import pytest

from clvmodels.inference.verdict import Outcome, Verdict


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_is_a_sentence_and_can_be_used_unless_it_is_bad(outcome) -> None:
    verdict = Verdict(outcome, "Because.")
    levels = {Outcome.CONVERGED: "good", Outcome.SETTLED_BY_PRIOR: "caution"}
    assert verdict.level == levels.get(outcome, "bad")
    assert verdict.ok == (verdict.level != "bad")
    assert outcome.value.endswith(".")
    assert str(verdict) == f"{outcome.value} Because."
