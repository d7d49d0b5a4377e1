"""The schema of model files: which fields a stored fit has, and what may stand in them."""

from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from clvmodels import errors
from clvmodels.inference.verdict import Outcome
from clvmodels.units import DAYS

NOT_FINITE = ("nan", "inf", "-inf")  # written as text, as JSON has no such numbers
_PLAIN = {"missing": "it is missing", "extra_forbidden": "no such field is known"}
_EXACT = 2**53  # whole numbers up to it are exact in every program that reads JSON


def _wrong(what: str) -> PydanticCustomError:
    return PydanticCustomError("wrong", "{what}", {"what": what})


def _day(text: str) -> str:
    try:
        written = date.fromisoformat(text).isoformat()
    except ValueError:
        written = ""
    if text != written:
        raise _wrong("it should be a day such as 2024-06-30")
    return text


def _outcome(name: str) -> str:
    if name not in Outcome.__members__:
        raise _wrong(f"it should be one of {', '.join(Outcome.__members__)}")
    return name


def _category(name: str) -> str:
    category = getattr(errors, name, None)
    if not (isinstance(category, type) and issubclass(category, errors.CLVWarning)):
        raise _wrong("it should be the name of a warning of clvmodels.errors")
    return name


def _unit(name: str) -> str:
    if name not in DAYS:
        raise _wrong(f"it should be one of {', '.join(DAYS)}")
    return name


_Number = Annotated[float, BeforeValidator(lambda value: 0.0 if value in NOT_FINITE else value)]
_Least0 = Annotated[float, Field(ge=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


class _Named(BaseModel):
    """A recipe: the name of a class, and settings that the class itself checks."""

    model_config = ConfigDict(strict=True, extra="allow")


class Specification(_Named):
    """The recipe of a specification."""

    model: str


class Method(_Named):
    """The recipe of a method."""

    is_: str = Field(alias="is")


class StoredCaution(_Strict):
    """A caution; ``category`` is the name of the class of its warning."""

    name: str
    text: str
    category: Annotated[str, AfterValidator(_category)]


class StoredFit(_Strict):
    """A fit of a model whose parameters are not known yet: which ones they are is checked when it is read."""

    specification: Specification
    method: Method
    verdict: Annotated[tuple[Annotated[str, AfterValidator(_outcome)], str], Field(strict=False)]
    estimate: dict[str, float] | None
    draws: dict[str, Annotated[list[float], Field(min_length=1)]] | None
    unit: Annotated[str, AfterValidator(_unit)]
    customers: Annotated[int, Field(ge=0, le=_EXACT)]
    log_likelihood: float | None
    observed_from: Annotated[str, AfterValidator(_day)] | None
    observed_until: Annotated[str, AfterValidator(_day)] | None
    draws_of: Literal["posterior", "sampling distribution"] | None
    scale: Annotated[float, Field(gt=0)]
    densities: _Least0
    standard_errors: dict[str, _Number]
    sandwich_errors: dict[str, _Number]
    diagnostics: dict[str, _Number]
    by_parameter: dict[str, dict[str, _Number]]
    seed: Annotated[int, Field(ge=0, lt=2**64)]
    versions: dict[str, str]
    cautions: list[StoredCaution]

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        draws = self.draws or {}
        sizes = {name: len(values) for name, values in draws.items()}
        chains = self.diagnostics.get("chains", 1)
        together = {
            "draws and draws_of stand together or are both null": (self.draws is None) == (self.draws_of is None),
            "estimate and log_likelihood stand together or are both null": (self.estimate is None)
            == (self.log_likelihood is None),
            "standard_errors and sandwich_errors have the same parameters": self.standard_errors.keys()
            == self.sandwich_errors.keys(),
            f"all parameters have equally many draws, not {sizes}": len(set(sizes.values())) < 2,
            "the draws are those of whole chains": chains >= 1 and not any(size % chains for size in sizes.values()),
            "a fit that converged has an estimate or draws": self.verdict[0] != Outcome.CONVERGED.name
            or bool(draws)
            or self.estimate is not None,
        }
        for rule, holds in together.items():
            if not holds:
                raise _wrong(rule)
        return self


class StoredOne(_Strict):
    """A file with one fit."""

    format: str
    fit: StoredFit


class StoredSeveral(_Strict):
    """A file with several fits by name."""

    format: str
    fits: Annotated[dict[str, StoredFit], Field(min_length=1)]


def check(document: dict[str, Any]) -> None:
    """Check a whole file.

    Raises
    ------
    ValueError
        If a field is missing, is not known, or holds something else than it should: which, and what it should hold.
    """
    try:
        (StoredOne if "fit" in document else StoredSeveral).model_validate(document)
    except ValidationError as error:
        first, *others = error.errors(include_url=False, include_input=False)
        what = _PLAIN.get(first["type"], first["msg"].replace("Input should", "it should"))
        more = f", and {len(others)} more such" if others else ""
        raise ValueError(f"{'.'.join(map(str, first['loc']))}: {what}{more}") from error
