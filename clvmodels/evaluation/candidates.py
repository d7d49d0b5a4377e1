"""Candidates of a comparison: each is a recipe that learns from an RFM and predicts, so it can be refitted anywhere."""

import warnings
from dataclasses import dataclass
from typing import Any, Protocol

from clvmodels import checked
from clvmodels.data.rfm import RFM, refuse_no_rfm
from clvmodels.errors import CLVWarning, InfiniteMeanWarning, SettingError
from clvmodels.inference.fit import Fit, fit
from clvmodels.inference.methods import Laplace, Method
from clvmodels.models.future import PurchaseModel, SpendModel
from clvmodels.models.gamma_gamma import GammaGamma
from clvmodels.models.specification import Specification, as_specification
from clvmodels.prediction.forecast import Forecast
from clvmodels.prediction.predict import predict
from clvmodels.prediction.source import require_fit
from clvmodels.units import Duration
from clvmodels.valuation.plan import Plan
from clvmodels.valuation.simple_formula import SimpleFormula
from clvmodels.valuation.value import value

Assumptions = tuple[tuple[str, str], ...]

_FORMULA_NAME = "Simple formula"
_FORMULA_TEXT = (
    "Purchases per customer and year, times mean lifespan, times average order. All customers are alike, except where "
    "it says “per customer”. It has no distribution of what may happen, so it has no interval of the realised value."
)


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a candidate says of a horizon.

    Attributes
    ----------
    purchases, money
        Forecasts; ``None`` where the candidate has none, and ``note`` says why.
    spend
        The spend fit, to be scored alone; ``None`` where there is none.
    note
        What went wrong, and with which caution the fits can be used; empty where there is nothing to say.
    """

    purchases: Forecast | None
    money: Forecast | None
    spend: Fit[SpendModel] | None = None
    note: str = ""


class Candidate(Protocol):
    """A recipe with a name.

    It may also have ``kind``, how plots show it: "model" (the default), "formula" or "package"; and ``assumptions``,
    pairs of a name and what it assumes, in plain sentences, for reports.
    """

    @property
    def name(self) -> str:
        """What it is called in the comparison."""

    def predict(self, past: RFM, horizon: Duration, futures: int, seed: int) -> Prediction:
        """Learn from the past and predict the horizon after it."""


@dataclass(frozen=True)
class ModelCandidate:
    """A purchase model with a spend model, fitted by a method.

    Parameters
    ----------
    purchases, spend
        Specifications, such as ``clv.BGNBD`` and ``clv.GammaGamma(of="all")``.
    method
        How they are fitted.
    """

    purchases: "Specification[Any] | type[PurchaseModel]"
    spend: "Specification[Any] | type[SpendModel]" = GammaGamma
    method: Method = Laplace()

    kind = "model"

    def __post_init__(self) -> None:
        checked.instance("method", self.method, Method, "Pass one such as clv.Laplace().")
        self.specifications  # noqa: B018 -- what it refuses is refused before anything is computed

    @property
    def specifications(self) -> tuple[Specification[Any], Specification[Any]]:
        """What is to be learnt of purchases and of spend."""
        return (
            as_specification(self.purchases, "purchases", "purchases"),
            as_specification(self.spend, "spend", "spend"),
        )

    @property
    def name(self) -> str:
        """The name of the purchase model, with that of the spend model where it is not the default."""
        purchases, spend = self.specifications
        return purchases.name if spend.name == GammaGamma().name else f"{purchases.name} with {spend.name}"

    @property
    def assumptions(self) -> Assumptions:
        """What the two models assume, by name."""
        return tuple((each.name, each.assumption) for each in self.specifications)

    def predict(self, past: RFM, horizon: Duration, futures: int, seed: int) -> Prediction:
        """Fit both models; a bad verdict is a note, not an error, and a caution is one, not a warning."""
        purchases, spend = self.specifications
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CLVWarning)
            counts = fit(purchases, past, self.method, seed)
            money = None if past.monetary_value is None else fit(spend, past, self.method, seed)
        return _predicted(counts, money, past, horizon, futures, seed)


@dataclass(frozen=True, eq=False)
class FitCandidate:
    """Fits as they are: of customers and times before those that they are compared on.

    Parameters
    ----------
    purchases, spend
        Fits; without the second, nothing is predicted of money.
    """

    purchases: Fit[Any]
    spend: Fit[Any] | None = None

    kind = "model"

    def __post_init__(self) -> None:
        require_fit(self.purchases, "purchases")
        if self.spend is not None:
            require_fit(self.spend, "spend")

    @property
    def name(self) -> str:
        """The name of the purchase model, as it was fitted."""
        return f"{self.purchases.name}, as fitted"

    @property
    def assumptions(self) -> Assumptions:
        """What the models assume, by name."""
        fits = [self.purchases, *([] if self.spend is None else [self.spend])]
        return tuple((each.name, each.specification.assumption) for each in fits)

    def predict(self, past: RFM, horizon: Duration, futures: int, seed: int) -> Prediction:
        """Predict without fitting again.

        Raises
        ------
        SettingError
            If a fit has seen days after the past.
        """
        refuse_no_rfm(past)
        until = None if past.observed_until is None else past.observed_until.isoformat()
        for each in (self.purchases, self.spend):
            if (
                each is not None
                and until is not None
                and each.observed_until is not None
                and each.observed_until > until
            ):
                raise SettingError(
                    f"{each.name} was fitted to a log that ends on {each.observed_until}, after the past that it is "
                    f"compared on, which ends on {until}: it has seen what it is to predict. Pass its specification, "
                    "which is fitted to the past."
                )
        return _predicted(self.purchases, self.spend, past, horizon, futures, seed)


def _predicted(
    purchases: Fit[Any], spend: Fit[Any] | None, past: RFM, horizon: Duration, futures: int, seed: int
) -> Prediction:
    """Return what fits predict; a verdict that is not good is a note."""
    if not purchases.verdict.ok:
        return Prediction(None, None, note=str(purchases.verdict))
    counts = predict(purchases, past, horizon, futures, seed)
    note = "" if purchases.verdict.level == "good" else str(purchases.verdict)
    if spend is None or past.monetary_value is None:
        return Prediction(counts, None, note=note)
    if not spend.verdict.ok:
        return Prediction(counts, None, note=f"{note} {spend.name}: {spend.verdict}".strip())
    # A mean that is infinite is an error of its score, which says so.
    said = [caution.text for caution in spend.cautions if caution.category is not InfiniteMeanWarning]
    note = " ".join([note, *said]).strip()
    return Prediction(counts, value(purchases, spend, past, Plan(horizon), futures, seed).forecast, spend, note)


@dataclass(frozen=True)
class FormulaCandidate:
    """The simple formula with its settings."""

    formula: SimpleFormula

    kind = "formula"
    assumptions = ((_FORMULA_NAME, _FORMULA_TEXT),)

    @property
    def name(self) -> str:
        """The formula's name, with the settings that are not the default."""
        return self.formula.name

    def predict(self, past: RFM, horizon: Duration, futures: int, seed: int) -> Prediction:
        """Apply the formula, with as many resamples as models have futures."""
        counts = self.formula.predict(past, horizon, futures, seed)
        if past.monetary_value is None:
            return Prediction(counts, None)
        return Prediction(counts, self.formula.value(past, Plan(horizon), futures, seed).forecast)


def as_candidate(given: Any) -> Candidate:  # noqa: ANN401 -- whatever a user passes
    """Return a candidate from a specification or a fit of a purchase model, a ``SimpleFormula``, or a candidate.

    Raises
    ------
    SettingError
        If it is none of these.
    """
    if isinstance(given, SimpleFormula):
        return FormulaCandidate(given)
    if isinstance(given, Fit):
        return FitCandidate(given)
    if not isinstance(given, type) and callable(getattr(given, "predict", None)) and hasattr(given, "name"):
        candidate: Candidate = given
        return candidate
    try:
        return ModelCandidate(given)
    except SettingError as error:
        raise SettingError(
            f"{given!r} is not a candidate. Pass a purchase model such as clv.BGNBD, a fit, clv.SimpleFormula(...), or "
            "an object with a name and predict(past, horizon, futures, seed)."
        ) from error
