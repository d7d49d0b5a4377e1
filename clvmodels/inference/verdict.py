"""What a fit came to: the outcome's text is the message, with its remedy."""

from dataclasses import dataclass
from enum import Enum


class Outcome(Enum):
    """How a fit can end; the text says what it means."""

    CONVERGED = "The fit converged."
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
    def ok(self) -> bool:
        """Whether the fit can be relied on."""
        return self.outcome is Outcome.CONVERGED

    def __str__(self) -> str:
        return f"{self.outcome.value} {self.detail}"
