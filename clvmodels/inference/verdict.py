"""What a fit came to: the outcome's text is the message, with its remedy."""

from dataclasses import dataclass
from enum import Enum
from typing import Literal


class Outcome(Enum):
    """How a fit can end; the text says what it means."""

    CONVERGED = "The fit converged."
    SETTLED_BY_PRIOR = "The fit can be used, with a caution: the prior settles what the data leave open."
    TOO_LITTLE_DATA = "The data cannot identify this model."
    AT_BORDER = "The estimates ran to the border of the parameter space."
    NOT_CONVERGED = "The search did not reach a maximum."
    POOR_APPROXIMATION = "The posterior is too far from its approximation."
    POOR_MIXING = "The chains do not agree."
    UNSTABLE = "The estimates exist in too few samples of these customers."


@dataclass(frozen=True)
class Verdict:
    """An outcome, and what it comes from in this fit.

    Examples
    --------
    >>> print(Verdict(Outcome.CONVERGED, "Gradient and Hessian are those of a maximum."))
    The fit converged. Gradient and Hessian are those of a maximum.
    """

    outcome: Outcome
    detail: str

    @property
    def level(self) -> Literal["good", "caution", "bad"]:
        """Whether the fit can be relied on, can be used with a caution, or cannot be used."""
        match self.outcome:
            case Outcome.CONVERGED:
                return "good"
            case Outcome.SETTLED_BY_PRIOR:
                return "caution"
            case _:
                return "bad"

    @property
    def ok(self) -> bool:
        """Whether the fit can be used, if need be with a caution."""
        return self.level != "bad"

    def __str__(self) -> str:
        return f"{self.outcome.value} {self.detail}"
