"""What "value" means: how far ahead, discounted how, and what remains of a unit of money."""

import math
from dataclasses import dataclass
from datetime import timedelta
from numbers import Real

from clvmodels.errors import SettingError
from clvmodels.units import Duration, duration, force_of_interest


@dataclass(frozen=True)
class Plan:
    """The meaning of value, printed with every result.

    Parameters
    ----------
    horizon
        How far ahead of the end of the observation, such as ``"2 years"`` or ``"infinite"``.
    discount
        Effective yearly rate, such as 0.10 for 10 % a year, applied in continuous time.
    margin
        What remains of a unit of money spent, such as 0.30.

    Raises
    ------
    UnitError
        If the horizon or the rate cannot be understood.
    SettingError
        If the margin is not between 0 and 1, or an infinite horizon has no discount.

    Examples
    --------
    >>> print(Plan(horizon="2 years", discount=0.10, margin=0.30))
    value over 2 years, discounted at 10 % a year, margin 30 %
    """

    horizon: "str | timedelta | Duration"
    discount: float = 0.0
    margin: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "horizon", duration(self.horizon))
        force_of_interest(self.discount, "year")
        if not (isinstance(self.margin, Real) and 0 < self.margin <= 1):
            raise SettingError(
                f"The margin is a share of what customers pay, such as 0.30 for 30 %; {self.margin!r} is not in (0, 1]."
            )
        if self.length.is_infinite and self.discount == 0:
            raise SettingError(
                "An infinite horizon needs a discount: without one the expected value need not exist. Set discount=, "
                "or a finite horizon."
            )

    @property
    def length(self) -> Duration:
        """The horizon as a duration."""
        return duration(self.horizon)

    def delta(self, unit: str) -> float:
        """Return the force of interest per time unit: log(1 + yearly rate), scaled."""
        return force_of_interest(self.discount, unit)

    def __str__(self) -> str:
        horizon = "an infinite horizon" if math.isinf(self.length.days) else str(self.horizon)
        discount = f"discounted at {self.discount * 100:.4g} % a year" if self.discount else "not discounted"
        return f"value over {horizon}, {discount}, margin {self.margin * 100:.4g} %"
