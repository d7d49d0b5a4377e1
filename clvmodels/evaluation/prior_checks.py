"""A check of a prior: whether the bases that it believes in look like bases of customers at all."""

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvmodels import checked
from clvmodels.checked import random_stream
from clvmodels.data.rfm import RFM, refuse_no_rfm
from clvmodels.errors import SettingError
from clvmodels.evaluation.check_base import Check, spending
from clvmodels.evaluation.purchase_checks import count_probabilities
from clvmodels.evaluation.spend_checks import simulated_mean_spend
from clvmodels.inference.prior import Prior
from clvmodels.models.future import NEW, PurchaseModel, SpendModel, simulate
from clvmodels.models.special import Floats
from clvmodels.models.specification import Specification, as_specification

_MOST_CUSTOMERS = 2000
_MOST_PURCHASES = 2**21  # expected in one simulated base: 16 MB an array
_FEWEST = 20  # customers a base: where they would buy more than the above between them, none is simulated


def prior_predictive(
    specification: "type[Any] | Specification[Any]",
    rfm: RFM,
    prior: Prior = Prior(),
    draws: int = 200,
    seed: int = 0,
) -> Check:
    """Simulate bases from a prior, with the data's ages T, and compare what sums them up with the data.

    A prior is fit for its purpose where the data's value is one that it holds for possible, and what it holds for
    possible is no absurdity. A wide prior (as the default is, in the data's own scale) shows wide ranges; the data
    then decide.

    Parameters
    ----------
    specification
        What is to be learnt, such as ``clv.BGNBD`` or ``clv.GammaGamma``.
    rfm
        The customers. Their ages, and for a spend model the numbers of those purchases whose values it observes, are
        those of the simulated customers.
    prior
        As given to ``Laplace(prior=...)``.
    draws
        How many bases are simulated, each under a draw from the prior.
    seed
        What they follow from.

    Returns
    -------
    Check
        A row a summary: ``summary``, ``prior_5``, ``prior_50`` and ``prior_95`` (quantiles over the bases), ``data``,
        and ``share_below``, the share of bases whose value is lower than the data's (equal ones count half).

        Of a purchase model: the share who bought once, repeat purchases a customer, the repeat purchases that 1 % of
        the customers reach, and mean recency / T of repeat buyers (0 where there are none). Of a spend model, among
        the customers whom it learns from (repeat buyers, or all): the median and the 99 % quantile of mean spend, and
        the share who spend more than five medians.

        Numbers: ``customers`` in a simulated base, ``fewer_customers``, bases with fewer, and ``not_simulated``.

    Notes
    -----
    A base has up to 2,000 of the customers, evenly spread over the ages. Under a draw so extreme that they would make
    more than two million purchases, it has fewer customers, but 20 at least; where even these would, no purchase is
    simulated: such a base counts with infinitely many purchases, its exact share of one-time buyers, and recency = T.
    Nothing is left out, so that the quantiles are those of the prior.

    Examples
    --------
    >>> import clvmodels as clv
    >>> log = clv.Transactions(clv.datasets.load_cdnow(), customer="customer_id", date="date")
    >>> rfm = log.split("1997-09-30")[0].summarize(unit="week")
    >>> prior_predictive(clv.BGNBD, rfm, draws=50).frame()[["summary", "data"]].round(2)
                               summary   data
    0            share who bought once   0.60
    1      repeat purchases a customer   1.04
    2  repeat purchases of the top 1 %  11.00
    3     recency / T of repeat buyers   0.52
    """
    what: Specification[Any] = as_specification(specification)
    refuse_no_rfm(rfm)
    if not isinstance(prior, Prior):
        raise SettingError(f"{prior!r} is not a prior. Pass one such as clv.Prior(...).")
    draws = checked.whole("draws", draws)
    rng = random_stream(seed, "prior predictive")
    bases = _bases(what, rfm)
    believed = prior.sample(what, what.learn(rfm).scale, rng, draws)
    made = [bases.simulated(believed.take(slice(draw, draw + 1)), rng) for draw in range(draws)]
    summaries = np.array([one.summaries for one in made])
    sizes = np.array([one.customers for one in made])
    low, middle, high = (np.quantile(summaries, p, axis=0, method="inverted_cdf") for p in (0.05, 0.5, 0.95))
    below = (summaries < bases.data).mean(axis=0) + (summaries == bases.data).mean(axis=0) / 2
    columns = {"summary": bases.names, "prior_5": low, "prior_50": middle, "prior_95": high, "data": bases.data}
    table = pd.DataFrame(columns | {"share_below": below})
    fewer, none = (sizes < len(bases.customers)) & (sizes > 0), sizes == 0
    numbers = {"customers": len(bases.customers), "fewer_customers": int(fewer.sum()), "not_simulated": int(none.sum())}
    words = f"Quantiles over {draws} bases, each under a draw from the prior."
    return Check("prior_predictive", what.name, table, numbers, words)


class _Base(NamedTuple):
    """What sums up a simulated base, and how many customers it has: 0 where no purchase was simulated."""

    summaries: tuple[float, ...]
    customers: int


class _Bases(Protocol):
    """Bases of simulated customers, each like one of the data's."""

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def customers(self) -> Floats:
        """What is taken from the data's customers, shape ``(customers,)``."""

    @property
    def data(self) -> Floats:
        """The summaries of the data."""

    def simulated(self, model: Any, rng: np.random.Generator) -> _Base:  # noqa: ANN401
        """Simulate one base under the one draw of a model."""


def _bases(specification: Specification[Any], rfm: RFM) -> _Bases:
    if specification.kind == "purchases":
        own = (rfm.frequency, rfm.recency, rfm.T)
        return _PurchaseBases(_evenly(np.sort(rfm.T), _MOST_CUSTOMERS), np.array(_of_purchases(*own)))
    x, m, _ = spending(specification, rfm)
    return _SpendBases(_evenly(np.sort(x), _MOST_CUSTOMERS), np.array(_of_spend(m)))


@dataclass(frozen=True, eq=False)
class _PurchaseBases:
    """Customers of the data's ages."""

    customers: Floats
    data: Floats
    names: tuple[str, ...] = (
        "share who bought once",
        "repeat purchases a customer",
        "repeat purchases of the top 1 %",
        "recency / T of repeat buyers",
    )

    def simulated(self, model: PurchaseModel, rng: np.random.Generator) -> _Base:
        oldest = float(self.customers[-1])
        with np.errstate(all="ignore"):  # a prior may believe in anything
            each = float(np.nan_to_num(np.squeeze(model.future(NEW).purchases(oldest)), nan=np.inf))
        size = min(len(self.customers), max(_FEWEST, int(min(_MOST_PURCHASES / max(each, 1.0), _MOST_CUSTOMERS))))
        if not each * size <= _MOST_PURCHASES:
            once = float(count_probabilities(model, self.customers, 1)[0, :, 0].mean())
            return _Base((once, np.inf, np.inf, 1.0), 0)
        age = _evenly(self.customers, size)
        made = simulate(model.take(np.zeros(size, dtype=np.intp)), NEW, rng, age)
        recency = np.zeros(size)
        np.maximum.at(recency, np.repeat(np.arange(size), made.count), made.time)
        return _Base(_of_purchases(made.count, recency, age), size)


@dataclass(frozen=True, eq=False)
class _SpendBases:
    """Customers with the data's numbers of observed purchases."""

    customers: Floats
    data: Floats
    names: tuple[str, ...] = ("median spend", "99 % quantile of spend", "share who spend over 5 medians")

    def simulated(self, model: SpendModel, rng: np.random.Generator) -> _Base:
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            m = simulated_mean_spend(model, self.customers.astype(np.int64), rng)[0]
        return _Base(_of_spend(np.nan_to_num(m, nan=np.inf, posinf=np.inf)), len(self.customers))


def _of_purchases(x: NDArray[np.int64], recency: Floats, age: Floats) -> tuple[float, ...]:
    repeats = x > 0
    stretch = float((recency[repeats] / age[repeats]).mean()) if repeats.any() else 0.0
    return float(1 - repeats.mean()), float(x.mean()), _quantile(x, 0.99), stretch


def _of_spend(m: Floats) -> tuple[float, ...]:
    median = _quantile(m, 0.5)
    return median, _quantile(m, 0.99), float((m > 5 * median).mean())


def _quantile(values: "NDArray[Any]", probability: float) -> float:
    return float(np.quantile(values, probability, method="inverted_cdf"))  # which takes infinity, too


def _evenly(ordered: Floats, most: int) -> Floats:
    size = min(len(ordered), most)
    return ordered[(np.arange(size) * (len(ordered) / size)).astype(np.intp)]
