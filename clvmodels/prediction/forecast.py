"""A forecast: a recipe that streams customers in chunks and keeps summaries, never customers x draws."""

# All that can be asked of a forecast, one method a question: most lines are their documentation.

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvmodels import checked
from clvmodels.data.rfm import RFM
from clvmodels.errors import InfiniteMeanError, SettingError
from clvmodels.models.special import Floats
from clvmodels.prediction.contributions import Contributions, contributions, ranked
from clvmodels.prediction.difference import Difference
from clvmodels.prediction.segments import Segments, segment_codes
from clvmodels.prediction.streams import Positions, Progress, Source, stream
from clvmodels.prediction.summaries import (
    POINT,
    SD,
    Above,
    Chunk,
    Known,
    Mean,
    NoPurchase,
    Ordered,
    Quantile,
    Summary,
    ends,
    label,
)
from clvmodels.prediction.totals import Sums, Total
from clvmodels.units import Duration, duration


@dataclass(eq=False)
class Cache:
    """What a forecast has computed: summaries of each customer by the position of the horizon, and totals."""

    columns: dict[tuple[int, Summary], Floats] = field(default_factory=dict)
    totals: list[Total] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Forecast:
    """A quantity of each customer within one or several horizons, with intervals of two kinds.

    ``interval`` is of the *realised* value: what a customer will really do. ``expected_interval`` is of the *expected*
    value: what is not known about the parameters; it shrinks to nothing as the base grows.

    The chunks are streamed once, when a result is first asked for, and again for what that did not keep (another
    level, segments); memory holds a few chunks a thread and a few numbers a customer.

    Attributes
    ----------
    rfm
        The customers; its ``unit`` and ``observed_until`` are those of the forecast.
    source
        How the numbers are made.
    quantity
        What is forecast: "purchases", "discounted_purchases", "money" or "clv" (discounted money).
    horizons
        From the end of the observation on, in growing order.
    seed
        What the futures follow from.
    cache
        What has been computed so far.
    """

    rfm: RFM
    source: Source
    quantity: str
    horizons: tuple[str, ...]
    seed: int
    cache: Cache = field(default_factory=Cache, repr=False)
    part_of: "tuple[Forecast, int] | None" = field(default=None, repr=False)

    @property
    def unit(self) -> str:
        """The time unit of the customers and of the models."""
        return self.rfm.unit

    @property
    def cut_off(self) -> date | None:
        """The last day of the observation, from whose end on the horizons run; ``None`` where it is not known."""
        return self.rfm.observed_until

    def at(self, horizon: "str | Duration") -> Self:
        """Return the forecast within one of its horizons: the same futures, seen until then.

        Examples
        --------
        >>> import clvmodels as clv
        >>> log = clv.Transactions(clv.datasets.load_cdnow(), customer="customer_id", date="date")
        >>> rfm = log.summarize(unit="week")
        >>> forecast = clv.predict(clv.fit(clv.BGNBD, rfm), rfm, ["3 months", "1 year"], futures=20)
        >>> forecast.at("3 months")
        Forecast of purchases within 3 months for 2,357 customers
        """
        asked = str(duration(horizon))
        if asked not in self.horizons:
            raise SettingError(f"{horizon!r} is not among the horizons of this forecast: {', '.join(self.horizons)}.")
        return self.within(self.horizons.index(asked))

    def within(self, horizon: int) -> Self:
        """Return the forecast within one of its horizons, by its position."""
        horizon = checked.whole("horizon", horizon, least=0, most=len(self.horizons) - 1)
        only = (self.horizons[horizon],)
        return replace(self, source=self.source.at(horizon), horizons=only, cache=Cache(), part_of=(self, horizon))

    def __sub__(self, other: "Forecast") -> "Forecast":
        """Return how much more this forecast says than another one, customer by customer and future by future.

        Both must be of the same customers and horizons, from equally many futures of one seed: then the futures are
        paired, and the interval of the difference is that of what a change brings.
        """
        if not isinstance(other, Forecast):
            return NotImplemented
        same = (self.horizons, self.seed) == (other.horizons, other.seed)
        if not same or not np.array_equal(self.rfm.customer_id, other.rfm.customer_id):
            raise SettingError(
                "Only forecasts of the same customers, horizons and seed have paired futures to subtract."
            )
        source = Difference(self.source, other.source)
        return Forecast(self.rfm, source, f"{self.quantity}_difference", self.horizons, self.seed)

    def summarize(self, summaries: Mapping[str, Summary], progress: Progress | None = None) -> pd.DataFrame:
        """Return a row a customer (and ``horizon``, where there are several) with a column a summary, in one pass.

        Parameters
        ----------
        summaries
            Such as ``{"p90": Quantile(0.9), "p_profitable": Above(20.0)}``, from ``clv.summaries``.
        progress
            Is told how many customers each chunk had.

        Examples
        --------
        >>> import clvmodels as clv
        >>> log = clv.Transactions(clv.datasets.load_cdnow(), customer="customer_id", date="date")
        >>> rfm = log.summarize(unit="week")
        >>> forecast = clv.predict(clv.fit(clv.BGNBD, rfm), rfm, "1 year", futures=100)
        >>> wanted = {"p90": clv.summaries.Quantile(0.9), "p_again": clv.summaries.Above(0.0)}
        >>> list(forecast.summarize(wanted))
        ['customer_id', 'p90', 'p_again']
        """
        checked.instance("summaries", summaries, Mapping, 'Pass some by name: {"p90": clv.summaries.Quantile(0.9)}.')
        for summary in summaries.values():
            checked.instance("A summary", summary, Summary, "clv.summaries has them, such as Quantile(0.9).")
            if isinstance(summary, Above):
                self._thresholds(summary.threshold)
        names = {summary.name for summary in summaries.values() if isinstance(summary, Known)}
        for known in self.source.known if names else ():
            if unknown := names.difference(known):
                raise SettingError(
                    f"This forecast knows no {', '.join(sorted(unknown))}; it knows: {', '.join(known) or 'nothing'}."
                )
        self._compute([[*summaries.values()] for _ in self.horizons], progress=progress)
        return self._table([{name: self.cache.columns[i, s] for name, s in summaries.items()} for i in self._each])

    def frame(self, *, means: bool = True, progress: Progress | None = None) -> pd.DataFrame:
        """Return a row a customer (and ``horizon``, where there are several).

        Parameters
        ----------
        means
            Whether to give what exists only where the mean is finite; without it the table has the median, the 90 %
            interval and ``p_zero`` (the probability of buying nothing) of the realised value, and what is known of
            purchases.
        progress
            Is told how many customers each chunk had.

        Raises
        ------
        InfiniteMeanError
            If means are asked for that are infinite.
        """
        if checked.flag("means", means):
            self.source.refuse_infinite_means()
        self._compute_standard(progress)
        wanted = [self._standard(i, means=means) for i in self._each]
        return self._table([{n: self.cache.columns[i, s] for n, s in w.items()} for i, w in enumerate(wanted)])

    def frames(self, customers: int = 100_000, *, means: bool = True) -> Iterator[pd.DataFrame]:
        """Yield ``frame()`` for so many customers at a time, in their order: memory then does not grow with the base.

        The numbers are those of ``frame()``; nothing is kept.
        """
        size = checked.whole("customers", customers)
        if checked.flag("means", means):
            self.source.refuse_infinite_means()
        parts = (slice(start, start + size) for start in range(0, len(self.rfm), size))
        return (self.take(part).frame(means=means) for part in parts)

    def take(self, customers: slice) -> Self:
        """Return the forecast of some customers alone; their numbers are the same."""
        return replace(
            self, rfm=self.rfm.take(customers), source=self.source.take(customers), cache=Cache(), part_of=None
        )

    def interval(self, level: float = 0.90) -> pd.DataFrame:
        """Return each customer's central interval of the *realised* value: ``customer_id, lower, upper``."""
        lower, upper = ends(level)
        return self.summarize({"lower": Quantile(lower), "upper": Quantile(upper)})

    def expected_interval(self, level: float = 0.90) -> pd.DataFrame:
        """Return each customer's central interval of the *expected* value: ``customer_id, lower, upper``."""
        self.source.refuse_infinite_means()
        if not self.source.uncertain:
            raise SettingError(POINT)
        return self.summarize(
            {n: Quantile(p, "expected") for n, p in zip(("lower", "upper"), ends(level), strict=True)}
        )

    def quantiles(self, probabilities: Sequence[float]) -> pd.DataFrame:
        """Return quantiles of each customer's *realised* value: ``customer_id`` and a column a probability.

        Examples
        --------
        >>> import clvmodels as clv
        >>> log = clv.Transactions(clv.datasets.load_cdnow(), customer="customer_id", date="date")
        >>> rfm = log.summarize(unit="week")
        >>> forecast = clv.predict(clv.fit(clv.BGNBD, rfm), rfm, "1 year", futures=100)
        >>> list(forecast.quantiles([0.05, 0.75]))
        ['customer_id', 'q05', 'q75']
        """
        wanted = checked.shares(probabilities, "probabilities of quantiles")
        return self.summarize({label(p): Quantile(p) for p in wanted})

    def p_above(self, threshold: "float | str | Sequence[float] | Floats") -> pd.DataFrame:
        """Return the probability that each customer's *realised* value exceeds a threshold: ``customer_id, p_above``.

        Parameters
        ----------
        threshold
            A number, a number for each customer ``(customers,)`` in the order of the RFM, or the name of a column of
            the RFM with one.

        Notes
        -----
        The accuracy is that of the simulated futures: with 1,000 of them, two decimal places.
        """
        return self.summarize({"p_above": Above(self._thresholds(threshold))})

    def total(self) -> Total:
        """Return the sum over all customers."""
        self._refuse_several("total")
        self._take_over()
        if not self.cache.totals:
            self._compute_standard()
        return self.cache.totals[0]

    def by(self, segment: "str | Sequence[Any] | NDArray[Any]", progress: Progress | None = None) -> Segments:
        """Return sums over segments of customers, with intervals of what they will bring together.

        Parameters
        ----------
        segment
            A column of the RFM, or a label of each customer, ``(customers,)``, in the order of the RFM; a pandas Series
            may be indexed by customer id instead, in any order.
        progress
            Is told how many customers each chunk had.

        Examples
        --------
        >>> import clvmodels as clv
        >>> log = clv.Transactions(clv.datasets.load_cdnow(), customer="customer_id", date="date")
        >>> rfm = log.summarize(unit="week")
        >>> forecast = clv.predict(clv.fit(clv.BGNBD, rfm), rfm, "1 year", futures=100)
        >>> bought = ["again" if x else "once" for x in rfm.frequency]
        >>> forecast.by(bought).frame()["customers"].tolist()
        [1139, 1218]
        """
        self._refuse_several("by")
        codes, names = segment_codes(self.rfm, segment)
        sums = Sums(codes, len(names))
        self._compute([self._standard(0).values()], sums, progress)
        return Segments(names, sums.customers, sums.totals(uncertain=self.source.uncertain), self.quantity)

    def contributions(self, shares: Sequence[float] = (0.01, 0.05, 0.10, 0.20)) -> Contributions:
        """Return how much of all that is to come the best customers bring, ranked by their expected value.

        Parameters
        ----------
        shares
            The best customers as shares of all.

        Raises
        ------
        InfiniteMeanError
            If expected values, by which customers are ranked, are infinite.
        SettingError
            If costs may exceed what customers bring, so that there is nothing to take shares of.
        """
        shares = checked.shares(shares, "shares of the customers", or_1=True)
        self._refuse_several("contributions")
        self.source.refuse_infinite_means()
        self._compute_standard()
        groups, sizes = ranked(self.cache.columns[0, Mean()], self.rfm.key, shares)
        sums = Sums(groups, len(sizes))
        self._compute([[]], sums)
        return contributions(sums, sizes, shares, uncertain=self.source.uncertain, quantity=self.quantity)

    @property
    def _each(self) -> range:
        return range(len(self.horizons))

    def _standard(self, horizon: int, *, means: bool | None = None) -> dict[str, Summary]:
        """Return the summaries of ``frame()``; by default with means where they are finite."""
        means, q = self._finite if means is None else means, self.quantity
        known = self.source.known[horizon].items()
        standard: dict[str, Summary] = {name: Known(name) for name, of_mean in known if means or not of_mean}
        if means:
            standard[f"{q}_mean"] = Mean()
        if self.source.has_futures:
            if means and self.source.finite_variance:
                standard[f"{q}_sd"] = SD()
            for name, p in zip(("median", "lower", "upper"), (0.5, *ends(0.90)), strict=True):
                standard[f"{q}_{name}"] = Quantile(p)
            standard["p_zero"] = NoPurchase()
        return standard

    @property
    def _finite(self) -> bool:
        try:
            self.source.refuse_infinite_means()
        except InfiniteMeanError:
            return False
        return True

    def _compute_standard(self, progress: Progress | None = None) -> None:
        """Keep totals and the summaries of ``frame()``: those of the forecast that this is a part of, if it is one."""
        if self.part_of is not None:
            self.part_of[0]._compute_standard(progress)  # noqa: SLF001 -- a forecast of the same kind
        self._compute([self._standard(i).values() for i in self._each], progress=progress)

    def _take_over(self) -> None:
        """Keep what the forecast that this is a part of, if it is one, has computed until now."""
        if self.part_of is None:
            return
        whole, horizon = self.part_of
        self.cache.totals = self.cache.totals or whole.cache.totals[horizon : horizon + 1]
        for (of, summary), values in whole.cache.columns.items():
            if of == horizon:
                self.cache.columns.setdefault((0, summary), values)

    def _compute(
        self,
        wanted: Sequence[Iterable[Summary]],
        sums: Sums | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Stream all customers once, keep the wanted summaries of each horizon, and fill in sums over groups."""
        checked.callback("progress", progress)
        self._take_over()
        kept, n = self.cache, len(self.rfm)
        new = [[s for s in each if (i, s) not in kept.columns] for i, each in enumerate(wanted)]
        whole = [] if kept.totals else [Sums(np.zeros(n, dtype=np.intp), 1) for _ in self.horizons]
        if not any(new) and sums is None and not whole:
            return
        groupings = [[*whole[i : i + 1], *([sums] if i == 0 and sums is not None else [])] for i in self._each]
        finite, fresh = self._finite, [{s: np.empty(n) for s in each} for each in new]
        for parts in stream(self.source, partial(_parts, wanted=new, groupings=groupings, finite=finite)):
            for (customers, columns, added), groups, into in zip(parts, groupings, fresh, strict=True):
                for summary, values in columns.items():
                    into[summary][customers] = values
                for group, part in zip(groups, added, strict=True):
                    group.add(*part)
            if progress:
                progress(len(parts[0][0]))
        kept.columns.update({(i, s): values for i, columns in enumerate(fresh) for s, values in columns.items()})
        kept.totals += [every.totals(uncertain=self.source.uncertain)[0] for every in whole]

    def _table(self, columns: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
        """Return the columns of each horizon, one below the other."""
        tables = [pd.DataFrame({"customer_id": self.rfm.customer_id, **own}) for own in columns]
        if len(tables) == 1:
            return tables[0]
        for table, horizon in zip(tables, self.horizons, strict=True):
            table.insert(1, "horizon", horizon)
        return pd.concat(tables, ignore_index=True)

    def _thresholds(self, threshold: "float | str | Sequence[float] | Floats") -> float | Floats:
        if isinstance(threshold, str):
            if threshold not in self.rfm.columns:
                known = ", ".join(self.rfm.columns) or "none"
                raise SettingError(f"The RFM has no column {threshold!r}. Its columns are: {known}.")
            threshold = self.rfm.columns[threshold]
        each = checked.numbers("threshold", threshold)
        if each.ndim == 0:
            return checked.finite("threshold", threshold)
        if each.shape != (len(self.rfm),) or not np.isfinite(each).all():
            raise SettingError(
                f"Thresholds are one finite number for all, or one for each of the {len(self.rfm):,} customers; these "
                f"have the shape {each.shape}, and {(~np.isfinite(each)).sum():,} are not finite."
            )
        return each

    def _refuse_several(self, name: str) -> None:
        if len(self.horizons) > 1:
            raise SettingError(
                f"This forecast has several horizons: {', '.join(self.horizons)}. Say which is meant, such as "
                f'at("{self.horizons[-1]}").{name}(...).'
            )

    def __repr__(self) -> str:
        within = ", ".join(self.horizons)
        return f"Forecast of {self.quantity} within {within} for {len(self.rfm):,} customers"


_Part = tuple[Positions, dict[Summary, Floats], list[tuple[Positions, dict[str, Floats]]]]


def _parts(
    chunks: Sequence[Chunk], wanted: Sequence[Iterable[Summary]], groupings: Sequence[Sequence[Sums]], *, finite: bool
) -> list[_Part]:
    """Return of each chunk its customers, the wanted summaries, and its share of the sums over groups."""
    parts: list[_Part] = []
    for chunk, summaries, groups in zip(chunks, wanted, groupings, strict=True):
        ordered = Ordered(chunk)
        columns = {summary: summary.of(ordered) for summary in summaries}
        values: dict[str, Floats] = {}
        if groups and finite:
            values |= {"mean": chunk.mean, "expected": chunk.expected.T}
        if groups and chunk.realised is not None:
            values["realised"] = chunk.realised.T
        parts.append((chunk.customers, columns, [group.part(chunk.customers, values) for group in groups]))
    return parts
