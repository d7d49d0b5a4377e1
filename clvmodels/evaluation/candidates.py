"""Candidates of a comparison: each is a recipe that learns from an RFM and predicts, so it can be refitted anywhere."""

from dataclasses import dataclass
from typing import Any, Protocol

from clvmodels.data.rfm import RFM
from clvmodels.errors import SettingError
from clvmodels.inference.fit import Fit, fit
from clvmodels.inference.methods import Laplace, Method
from clvmodels.models.gamma_gamma import GammaGamma
from clvmodels.prediction.forecast import Forecast
from clvmodels.prediction.predict import predict
from clvmodels.units import Duration
from clvmodels.valuation.plan import Plan
from clvmodels.valuation.simple_formula import SimpleFormula
from clvmodels.valuation.value import value


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a candidate says of a horizon.

    Attributes
    ----------
    purchases, money
        Forecasts; ``None`` where the candidate has none, and ``note`` says why.
    spend
        The spend fit, to be judged alone; ``None`` where there is none.
    note
        What went wrong; empty where nothing did.
    """

    purchases: Forecast | None
    money: Forecast | None
    spend: Fit[Any] | None = None
    note: str = ""


class Candidate(Protocol):
    """A recipe with a name."""

    @property
    def name(self) -> str:
        """What it is called in the comparison."""
        ...

    def predict(self, past: RFM, horizon: Duration, draws: int, seed: int) -> Prediction:
        """Learn from the past and predict the horizon after it."""
        ...


@dataclass(frozen=True)
class ModelCandidate:
    """A purchase model with a spend model, fitted by a method.

    Parameters
    ----------
    purchases, spend
        The models' classes. ``clv.GammaGammaAllPurchases`` is another model of spend.
    method
        How they are fitted.
    """

    purchases: Any
    spend: Any = GammaGamma
    method: Method = Laplace()

    @property
    def name(self) -> str:
        """The name of the purchase model, with that of the spend model where it is not the default."""
        name = str(self.purchases.name)
        return name if self.spend is GammaGamma else f"{name} with {self.spend.name}"

    def predict(self, past: RFM, horizon: Duration, draws: int, seed: int) -> Prediction:
        """Fit both models; a bad verdict is a note, not an error."""
        purchases = fit(self.purchases, past, self.method, seed)
        if not purchases.verdict.ok:
            return Prediction(None, None, note=str(purchases.verdict))
        counts = predict(purchases, past, horizon, draws, seed)
        if past.monetary_value is None:
            return Prediction(counts, None)
        spend = fit(self.spend, past, self.method, seed)
        if not spend.verdict.ok:
            return Prediction(counts, None, note=f"{spend.name}: {spend.verdict}")
        return Prediction(counts, value(purchases, spend, past, Plan(horizon), draws, seed), spend)


@dataclass(frozen=True)
class FormulaCandidate:
    """The simple formula with its settings."""

    formula: SimpleFormula

    @property
    def name(self) -> str:
        """The formula's name, with the settings that are not the default."""
        return self.formula.name

    def predict(self, past: RFM, horizon: Duration, draws: int, seed: int) -> Prediction:
        """Apply the formula."""
        counts = self.formula.predict(past, horizon, draws, seed)
        if past.monetary_value is None:
            return Prediction(counts, None)
        return Prediction(counts, self.formula.value(past, Plan(horizon), draws, seed))


def as_candidate(candidate: Any) -> Candidate:  # noqa: ANN401 -- whatever a user passes
    """Return a candidate from a model's class, a ``SimpleFormula``, or a candidate.

    Raises
    ------
    SettingError
        If it is none of these.
    """
    if isinstance(candidate, SimpleFormula):
        return FormulaCandidate(candidate)
    if isinstance(candidate, type) and hasattr(candidate, "purchases_if_alive"):
        return ModelCandidate(candidate)
    if hasattr(candidate, "predict") and hasattr(candidate, "name"):
        return candidate  # type: ignore[no-any-return]  # what a Candidate is was just asked
    raise SettingError(
        f"{candidate!r} is not a candidate. Pass a purchase model such as clv.BGNBD, clv.SimpleFormula(...), or an "
        "object with a name and predict(past, horizon, draws, seed)."
    )
