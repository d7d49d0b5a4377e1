"""A forecast: a recipe that streams customers in chunks and keeps summaries, never customers x draws."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from numbers import Real
from typing import Any, NamedTuple, Protocol, Self, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clvmodels.data.rfm import RFM
from clvmodels.errors import InfiniteMeanError, SettingError
from clvmodels.models.protocols import Floats
from clvmodels.prediction.totals import (
    NO_FUTURES,
    POINT,
    Contributions,
    Segments,
    Sums,
    Total,
    between_0_and_1,
    coded,
    contributions,
    ends,
    quantile,
    ranked,
)
from clvmodels.units import Duration, duration

Progress = Callable[[int], None]
R = TypeVar("R")


class Chunk(Protocol):
    """Some customers of a forecast; each attribute is computed when it is first asked for."""

    @property
    def customers(self) -> NDArray[np.intp]:
        """Their positions in the RFM, shape ``(n,)``."""
        ...

    @property
    def mean(self) -> Floats:
        """The expected quantity, ``(n,)``."""
        ...

    @property
    def expected(self) -> Floats:
        """The expected quantity under each draw of the parameters, ``(draws, n)``."""
        ...

    @property
    def realised(self) -> Floats | None:
        """The quantity in each simulated future, ``(futures, n)``; ``None`` from a recipe that has no futures."""
        ...

    @property
    def brought(self) -> Floats | None:
        """Likewise what purchases brought: 0 for who bought nothing, whatever is charged all the same."""
        ...

    @property
    def columns(self) -> Mapping[str, Floats]:
        """What else is known of each customer, each ``(n,)``."""
        ...

    @property
    def mean_columns(self) -> Mapping[str, Floats]:
        """Likewise, what exists only where the mean does."""
        ...


@dataclass(frozen=True, eq=False)
class KnownChunk:
    """A chunk whose numbers are at hand: those of ``Chunk``."""

    customers: NDArray[np.intp]
    mean: Floats
    expected: Floats
    realised: Floats | None
    columns: Mapping[str, Floats]

    mean_columns: Mapping[str, Floats] = field(default_factory=dict)

    @property
    def brought(self) -> Floats | None:
        """What is realised: nothing is charged."""
        return self.realised


class Stream(Protocol):
    """A recipe for the chunks of a forecast; every run gives the same."""

    @property
    def uncertain(self) -> bool:
        """Whether ``expected`` has draws of the parameters, so that its spread means something."""
        ...

    @property
    def finite_variance(self) -> bool:
        """Whether the quantity has a variance under all draws."""
        ...

    def refuse_infinite_means(self) -> None:
        """Raise ``InfiniteMeanError`` where the expected quantity is infinite under some draws."""
        ...

    def stream(self, use: Callable[[Sequence[Chunk]], R]) -> Iterator[R]:
        """Yield what ``use`` makes of some customers' chunks, one a horizon, until all customers had their turn.

        ``use`` may be called from several threads at a time; what it returns comes in one order.
        """
        ...


class Source(Stream, Protocol):
    """A recipe that can be narrowed."""

    def at(self, horizon: int) -> Self:
        """Return the source of one of the horizons alone."""
        ...

    def take(self, customers: slice) -> Self:
        """Return the source of some customers alone."""
        ...


class OneHorizon:
    """A stream of one horizon that knows no draws of the parameters, chunk after chunk."""

    uncertain = False
    finite_variance = True

    def chunks(self) -> Iterator[KnownChunk]:
        """Yield all customers, each once."""
        raise NotImplementedError

    def refuse_infinite_means(self) -> None:
        """Refuse nothing."""

    def stream(self, use: Callable[[Sequence[Chunk]], R]) -> Iterator[R]:
        """Yield what ``use`` makes of each chunk."""
        return (use([chunk]) for chunk in self.chunks())


@dataclass(frozen=True, eq=False)
class Forecast:
    """A quantity of each customer within one or several horizons, with intervals of two kinds.

    ``interval`` is of the *realised* value: what a customer will really do. ``expected_interval`` is of the *expected*
    value: what is not known about the parameters; it shrinks to nothing as the base grows.

    The chunks are streamed once, when a result is first asked for, and again for what that did not keep (another
    level, segments); memory holds a few chunks a thread and a few numbers a customer.
    """

    rfm: RFM
    source: Source
    quantity: str
    horizons: tuple[str, ...]
    part_of: "tuple[Forecast, int] | None" = field(default=None, repr=False, kw_only=True)

    def at(self, horizon: "str | Duration") -> Self:
        """Return the forecast within one of its horizons: the same futures, seen until then.

        Examples
        --------
        >>> import clvmodels as clv
        >>> log = clv.Transactions(clv.datasets.load_cdnow(), customer="customer_id", date="date")
        >>> rfm = log.summarize(unit="week")
        >>> forecast = clv.predict(clv.fit(clv.BGNBD, rfm), rfm, ["3 months", "1 year"], draws=20)
        >>> forecast.at("3 months")
        Forecast of purchases within 3 months for 2,357 customers
        """
        asked = str(duration(horizon))
        if asked not in self.horizons:
            raise SettingError(f"{horizon!r} is not among the horizons of this forecast: {', '.join(self.horizons)}.")
        return self._at(self.horizons.index(asked))

    def summarize(self, progress: Progress | None = None) -> None:
        """Stream all customers and keep the summaries; ``progress`` is told how many customers each chunk had."""
        if self.part_of is None and "_kept" not in self.__dict__:
            self.__dict__["_kept"] = self._summarize(progress)

    def frame(self, *, means: bool = True) -> pd.DataFrame:
        """Return a row a customer (and ``horizon``, where there are several).

        Parameters
        ----------
        means
            Whether to give what exists only where the mean is finite; without it the table has the median, the 90 %
            interval and ``p_zero`` (the probability of buying nothing) of the realised value, and what is known of
            purchases.

        Raises
        ------
        InfiniteMeanError
            If means are asked for that are infinite.
        """
        if means:
            self.source.refuse_infinite_means()
        return self._each(lambda horizon: self._row(horizon, means=means))

    def frames(self, customers: int = 100_000, *, means: bool = True) -> Iterator[pd.DataFrame]:
        """Yield ``frame()`` for so many customers at a time, in their order: memory then does not grow with the base.

        The numbers are those of ``frame()``; nothing is kept.
        """
        if not isinstance(customers, (int, np.integer)) or customers < 1:
            raise SettingError(f"The customers of a part are a whole number from 1 up; {customers!r} is not.")
        if means:
            self.source.refuse_infinite_means()
        parts = (slice(start, start + customers) for start in range(0, len(self.rfm), customers))
        return (self._part(part).frame(means=means) for part in parts)

    def interval(self, level: float = 0.90) -> pd.DataFrame:
        """Return each customer's central interval of the *realised* value: ``customer_id, lower, upper``."""
        lower, upper = ends(level)
        return self._quantiles({"lower": lower, "upper": upper}, _futures)

    def expected_interval(self, level: float = 0.90) -> pd.DataFrame:
        """Return each customer's central interval of the *expected* value: ``customer_id, lower, upper``."""
        self.source.refuse_infinite_means()
        if not self.source.uncertain:
            raise SettingError(POINT)
        lower, upper = ends(level)
        return self._quantiles({"lower": lower, "upper": upper}, lambda chunk: chunk.expected)

    def quantiles(self, probabilities: Sequence[float]) -> pd.DataFrame:
        """Return quantiles of each customer's *realised* value: ``customer_id`` and a column a probability.

        Examples
        --------
        >>> import clvmodels as clv
        >>> log = clv.Transactions(clv.datasets.load_cdnow(), customer="customer_id", date="date")
        >>> rfm = log.summarize(unit="week")
        >>> forecast = clv.predict(clv.fit(clv.BGNBD, rfm), rfm, "1 year", draws=100)
        >>> list(forecast.quantiles([0.25, 0.75]))
        ['customer_id', 'q25', 'q75']
        """
        levels = between_0_and_1(probabilities, "probabilities of quantiles")
        return self._quantiles({f"q{100 * p:.10g}": p for p in levels}, _futures)

    def p_above(self, threshold: float) -> pd.DataFrame:
        """Return the probability that each customer's *realised* value exceeds a threshold: ``customer_id, p_above``.

        Its accuracy is that of the simulated futures: with 1,000 of them, two decimal places.
        """
        if not (isinstance(threshold, Real) and np.isfinite(threshold)):
            raise SettingError(f"The threshold is a finite number; {threshold!r} is not.")
        return self._columns(lambda chunk: {"p_above": (_futures(chunk) > threshold).mean(axis=0)})

    def total(self) -> Total:
        """Return the sum over all customers."""
        self._refuse_several("total")
        return self._kept[0].total

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
        >>> forecast = clv.predict(clv.fit(clv.BGNBD, rfm), rfm, "1 year", draws=100)
        >>> bought = ["again" if x else "once" for x in rfm.frequency]
        >>> forecast.by(bought).frame()["customers"].tolist()
        [1139, 1218]
        """
        self._refuse_several("by")
        codes, names = coded(self._labels(segment))
        sums = self._sums(Sums(codes, len(names)), progress)
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
        shares = between_0_and_1(shares, "shares of the customers", or_1=True)
        self._refuse_several("contributions")
        self.source.refuse_infinite_means()
        groups, sizes = ranked(self._kept[0].columns["mean"], self.rfm.key, shares)
        sums = self._sums(Sums(groups, len(sizes)))
        return contributions(sums, sizes, shares, uncertain=self.source.uncertain, quantity=self.quantity)

    @cached_property
    def _kept(self) -> "tuple[_Kept, ...]":
        """What is kept of each horizon."""
        if self.part_of is not None:
            whole, horizon = self.part_of
            return (whole._kept[horizon],)  # noqa: SLF001 -- a forecast of the same kind
        return self._summarize(None)

    def _summarize(self, progress: Progress | None, sums: Sums | None = None) -> "tuple[_Kept, ...]":
        """Stream all customers, keep summaries of every horizon, and fill in sums over groups within the first."""
        finite, n = _is_finite(self.source), len(self.rfm)
        everyone = [Sums(np.zeros(n, dtype=np.intp), 1) for _ in self.horizons]
        groupings = [[one, sums] if i == 0 and sums is not None else [one] for i, one in enumerate(everyone)]
        kept: list[dict[str, Floats]] = [{} for _ in self.horizons]

        def use(chunks: Sequence[Chunk]) -> list[_Part]:
            return [_part(chunk, groups, finite=finite) for chunk, groups in zip(chunks, groupings, strict=True)]

        for parts in self.source.stream(use):
            for part, groups, columns in zip(parts, groupings, kept, strict=True):
                for name, values in part.columns.items():
                    columns.setdefault(name, np.empty(n))[part.customers] = values
                for group, added in zip(groups, part.sums, strict=True):
                    group.add(*added)
            if progress:
                progress(len(parts[0].customers))
        uncertain = self.source.uncertain
        return tuple(
            _Kept(columns, *every.totals(uncertain=uncertain)) for columns, every in zip(kept, everyone, strict=True)
        )

    def _sums(self, sums: Sums, progress: Progress | None = None) -> Sums:
        """Return sums over groups, filled in; what else the pass finds is kept, if it is not known yet."""
        kept = self._summarize(progress, sums)
        self.__dict__.setdefault("_kept", kept)
        return sums

    def _each(self, row: Callable[[int], dict[str, Any]]) -> pd.DataFrame:
        """Return the columns of each horizon, one below the other."""
        tables = [pd.DataFrame({"customer_id": self.rfm.customer_id} | row(i)) for i in range(len(self.horizons))]
        if len(tables) == 1:
            return tables[0]
        for table, horizon in zip(tables, self.horizons, strict=True):
            table.insert(1, "horizon", horizon)
        return pd.concat(tables, ignore_index=True)

    def _row(self, horizon: int, *, means: bool) -> dict[str, Any]:
        kept, q = self._kept[horizon].columns, self.quantity
        own = [name for name in kept if name not in _SHAPE]
        if not means:
            own = [name for name in own if name not in ("expected_spend", "mean")]
        columns = {q + "_mean" if name == "mean" else name: kept[name] for name in own}
        varies = means and self.source.finite_variance
        shape = {name: kept[name] for name in _SHAPE if name in kept and (varies or name != "sd")}
        return columns | {name if name == "p_zero" else f"{q}_{name}": values for name, values in shape.items()}

    def _quantiles(self, probabilities: Mapping[str, float], draws: Callable[[Chunk], Floats]) -> pd.DataFrame:
        def of(chunk: Chunk) -> dict[str, Floats]:
            ordered = np.sort(draws(chunk), axis=0)
            return {name: quantile(ordered, p) for name, p in probabilities.items()}

        return self._columns(of)

    def _columns(self, of: Callable[[Chunk], dict[str, Floats]]) -> pd.DataFrame:
        """Return what is asked of each chunk, a row a customer."""
        found: list[dict[str, Floats]] = [{} for _ in self.horizons]
        for parts in self.source.stream(lambda chunks: [(chunk.customers, of(chunk)) for chunk in chunks]):
            for (customers, columns), into in zip(parts, found, strict=True):
                for name, values in columns.items():
                    into.setdefault(name, np.empty(len(self.rfm)))[customers] = values
        return self._each(lambda i: dict(found[i]))

    def _part(self, part: slice) -> Self:
        return replace(self, rfm=self.rfm.take(part), source=self.source.take(part), part_of=None)

    def _at(self, horizon: int) -> Self:
        return replace(self, **self._narrowed(horizon))

    def _narrowed(self, horizon: int) -> dict[str, Any]:
        """Return what differs in the forecast within one of the horizons."""
        return {
            "source": self.source.at(horizon),
            "horizons": (self.horizons[horizon],),
            "part_of": (self, horizon),
        }

    def _refuse_several(self, name: str) -> None:
        if len(self.horizons) > 1:
            raise SettingError(
                f"This forecast has several horizons: {', '.join(self.horizons)}. Say which is meant, such as "
                f'at("{self.horizons[-1]}").{name}(...).'
            )

    def _labels(self, segment: "str | Sequence[Any] | NDArray[Any]") -> "NDArray[Any]":
        if isinstance(segment, str):
            if segment not in self.rfm.columns:
                known = ", ".join(self.rfm.columns) or "none"
                raise SettingError(
                    f"The RFM has no column {segment!r}. Its columns are: {known}. Pass a label of each customer, or "
                    "bring the column with RFM.from_frame."
                )
            return self.rfm.columns[segment]
        labels = np.asarray(_in_order_of(self.rfm, segment) if isinstance(segment, pd.Series) else segment)
        if labels.shape != (len(self.rfm),):
            raise SettingError(
                f"Segments are one label for each of the {len(self.rfm):,} customers; these have the shape "
                f"{labels.shape}."
            )
        return labels

    def __repr__(self) -> str:
        within = ", ".join(self.horizons)
        return f"{type(self).__name__} of {self.quantity} within {within} for {len(self.rfm):,} customers"


class _Kept(NamedTuple):
    columns: Mapping[str, Floats]
    total: Total


class _Part(NamedTuple):
    customers: NDArray[np.intp]
    columns: Mapping[str, Floats]
    sums: list[tuple[NDArray[np.intp], dict[str, Floats]]]


_SHAPE = ("sd", "median", "lower", "upper", "p_zero")


def _part(chunk: Chunk, groups: Sequence[Sums], *, finite: bool) -> _Part:
    """Return what is kept of a chunk."""
    columns = dict(chunk.columns)
    values: dict[str, Floats] = {}
    if finite:
        columns |= dict(chunk.mean_columns) | {"mean": chunk.mean}
        values |= {"mean": chunk.mean, "expected": chunk.expected.T}
    if chunk.realised is not None and chunk.brought is not None:
        columns |= _shape(chunk.realised, chunk.brought)
        values["realised"] = chunk.realised.T
    return _Part(chunk.customers, columns, [sums.part(chunk.customers, values) for sums in groups])


def _shape(realised: Floats, brought: Floats) -> dict[str, Floats]:
    from clvmodels.prediction import kernels

    ordered = np.sort(realised, axis=0)
    low, high = ends(0.90)
    sd, p_zero = np.empty((2, realised.shape[1]))
    kernels.spread(np.ascontiguousarray(brought.T), sd, p_zero)
    middle, lower, upper = (quantile(ordered, p) for p in (0.5, low, high))
    return {"sd": sd, "median": middle, "lower": lower, "upper": upper, "p_zero": p_zero}


def _in_order_of(rfm: RFM, labels: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return a Series' labels in the order of the customers: by its index, unless that just counts from 0."""
    if isinstance(labels.index, pd.RangeIndex) and labels.index.equals(pd.RangeIndex(len(rfm))):
        return labels
    unknown = pd.Index(rfm.customer_id).difference(labels.index)
    if len(unknown) or not labels.index.is_unique:
        raise SettingError(
            f"The index of the segments must be each customer's id, once; {len(unknown):,} of {len(rfm):,} customers "
            "are not in it. Pass labels.to_numpy() if they are in the order of rfm.customer_id."
        )
    return labels.loc[rfm.customer_id]


def _futures(chunk: Chunk) -> Floats:
    if chunk.realised is None:
        raise SettingError(NO_FUTURES)
    return chunk.realised


def _is_finite(source: Stream) -> bool:
    try:
        source.refuse_infinite_means()
    except InfiniteMeanError:
        return False
    return True
