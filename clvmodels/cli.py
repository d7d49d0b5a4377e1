"""The ``clv`` command: it parses, calls and writes."""

import re
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

import clvmodels as clv
from clvmodels.data.files import read_log, write_whole
from clvmodels.data.tables import read_numbers
from clvmodels.errors import CLVError, SettingError, StorageError
from clvmodels.evaluation.compare import Comparison, standard_candidates
from clvmodels.inference.fit import Fit
from clvmodels.models.specification import Kind, as_specification, from_recipe, registered, written_as
from clvmodels.prediction.forecast import Forecast
from clvmodels.prediction.forecast import Progress as Told
from clvmodels.report import tables as report
from clvmodels.report.page import comparison_page, demo_page
from clvmodels.report.tables import comparison_table
from clvmodels.scoring.batch import forecast, scores, segments

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
WIDE = 156  # characters that a whole comparison takes; a narrower terminal sees the columns that matter most
KEPT = {"Candidate", "Predicted", "90 % interval", "RMSE", "PIT"}
console = Console(soft_wrap=True, width=None if sys.stdout.isatty() else WIDE)
complaints = Console(stderr=True, soft_wrap=True)


class MethodName(StrEnum):
    """The methods of inference that ``clv fit`` knows."""

    LAPLACE = "laplace"
    NUTS = "nuts"
    BOOTSTRAP = "bootstrap"
    MAXIMUM_LIKELIHOOD = "maximum-likelihood"


METHODS: Mapping[MethodName, Any] = {
    MethodName.LAPLACE: clv.Laplace,
    MethodName.NUTS: clv.NUTS,
    MethodName.BOOTSTRAP: clv.Bootstrap,
    MethodName.MAXIMUM_LIKELIHOOD: clv.MaximumLikelihood,
}

ADVICE = {  # of the package, and what it is on the command line
    'Or fit clv.GammaGamma(of="all"):': "Or use clv fit --spend-model GammaGamma:of=all:",
    'frame(means=False), interval(), quantiles(). For means, fit clv.GammaGamma(of="all"), which': (
        "in Python, frame(means=False) gives them. For means, use clv fit --spend-model GammaGamma:of=all, which"
    ),
    "cost_per_purchase is": "--cost-per-purchase is",
    "cost_to_serve is": "--cost-to-serve is",
    "Fit clv.NBD,": "Use NBD (--model NBD; in comparisons --also NBD),",
    "Fit with NUTS(), which does not need it to be (Laplace(otherwise=NUTS()) does so only where it must);": (
        "Use --method nuts, which does not need it to be;"
    ),
    "MaximumLikelihood() gives the point alone.": "--method maximum-likelihood gives the point alone.",
    "such as clv.Laplace(prior=...) takes,": "such as clv.Laplace(prior=...) takes in Python,",
}

LogFile = Annotated[Path, typer.Argument(metavar="LOG", help="Parquet or CSV file, one row a purchase.", exists=True)]
Customer = Annotated[str, typer.Option(help="Column with customer ids.")]
Date = Annotated[str, typer.Option(help="Column with the time of purchase.")]
Amount = Annotated[str | None, typer.Option(help="Column with money; without it, only purchases are predicted.")]
DateFormat = Annotated[str | None, typer.Option(help="How dates in text are written, such as %d/%m/%Y; default ISO.")]
TimeZone = Annotated[str | None, typer.Option(help="Zone whose clock says which day it is, such as Europe/Berlin.")]
Since = Annotated[str | None, typer.Option(help="Leave out customers whose first purchase is before this day.")]
Nulls = Annotated[str, typer.Option(help="Rows without customer, date or amount: refuse or drop.")]
Returns = Annotated[str, typer.Option(help="Rows with a negative amount: net, drop or refuse.")]
ZeroAmounts = Annotated[str, typer.Option(help="Rows of amount zero: purchase or drop.")]
Until = Annotated[str | None, typer.Option(help="Last day of the observation; default: the log's last day.")]
Unit = Annotated[str, typer.Option(help="Time unit of recency, T and the fitted rates.")]
Model = Annotated[str, typer.Option(help=f"Purchase model: {', '.join(registered('purchases'))}.")]
Spend = Annotated[
    str,
    typer.Option(
        help=f"Spend model: {', '.join(registered('spend'))}, with settings after a colon: GammaGamma:of=all learns "
        "from the first purchase too, so that one-time buyers differ."
    ),
]
HowFound = Annotated[
    MethodName, typer.Option(help="How parameters are found: laplace is fast and checked, nuts exact but slower.")
]
Horizons = Annotated[
    list[str],
    typer.Option(
        "--horizon", help="How far ahead, such as '1 year', '39 weeks' or 'infinite'; may be given repeatedly."
    ),
]
Discount = Annotated[str, typer.Option(help="Yearly rate, such as 0.1 for 10 % a year, or a column with it.")]
Margin = Annotated[str, typer.Option(help="What remains of a unit of money, such as 0.3, or a column with it.")]
PurchaseCost = Annotated[str, typer.Option(help="What each purchase costs, in money, or a column with it.")]
ServingCost = Annotated[str, typer.Option(help="What each customer costs a year, in money, or a column with it.")]
Segment = Annotated[str | None, typer.Option(help="Column with a segment of each customer, for segments.csv.")]
Threads = Annotated[int | None, typer.Option(help="How many threads compute; default: one a core.")]
Futures = Annotated[int, typer.Option(help="Simulated futures a customer.")]
Seed = Annotated[int, typer.Option(help="What every random number follows from.")]
OutFolder = Annotated[Path, typer.Option(help="Folder to write to; made if it is not there.")]


@app.callback(invoke_without_command=True)
def version(*, version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False) -> None:
    """Say what each customer is worth, from a log of purchases, and how sure that is."""
    if version:
        console.print(clv.__version__, highlight=False)
        raise typer.Exit


@app.command()
def demo(out: OutFolder = Path("demo"), seed: Seed = 0) -> None:
    """Show everything on real purchases: the CDNOW sample of 2,357 customers.

    Fits on the first 39 weeks, compares with what happened in the next 39, then values everybody for the year after
    the log's end. Writes `report.html`, `scores.parquet`, `comparison.json` and `comparison.csv`.

    Example: `clv demo --out demo`
    """
    log = clv.Transactions(clv.datasets.load_cdnow(), customer="customer_id", date="date", amount="amount")
    plan = clv.Plan(horizon="1 year", discount=0.10, margin=0.30)
    comparison = _compared(log, "1997-09-30", _folder(out), standard_candidates(), seed)
    rfm = log.summarize()
    fits = _fitted(rfm, "BGNBD", "GammaGamma", MethodName.LAPLACE, seed)
    valuation = clv.value(fits["purchases"], fits["spend"], rfm, plan, seed=seed)
    _write_scores(valuation, plan, out)
    simple = clv.SimpleFormula().value(rfm, plan, seed=seed)
    page = demo_page(comparison, valuation, simple, list(fits.values()), log.cleaning)
    _write_text(out / "report.html", page)


@app.command()
def summarize(
    log: LogFile,
    customer: Customer,
    date: Date,
    out: Annotated[Path, typer.Option(help="Parquet or CSV file for the table, a row a customer.")],
    amount: Amount = None,
    unit: Unit = "week",
    date_format: DateFormat = None,
    time_zone: TimeZone = None,
    acquired_since: Since = None,
    observed_until: Until = None,
    nulls: Nulls = "refuse",
    returns: Returns = "net",
    zero_amounts: ZeroAmounts = "purchase",
) -> None:
    """Summarise a log: frequency, recency, age and money of each customer, and how the log was cleaned.

    Example: `clv summarize orders.parquet --customer customer_id --date ordered_at --amount amount --out rfm.parquet`
    """
    settings = _settings(date_format, time_zone, acquired_since, observed_until, nulls, returns, zero_amounts)
    transactions = _read(log, customer, date, amount, settings)
    console.print(str(transactions.cleaning), highlight=False)
    if out.suffix not in {".csv", ".parquet"}:
        raise SettingError(f"{out} ends neither in .csv nor in .parquet: say which it shall be.")
    _write_table(out, transactions.summarize(unit).frame())


@app.command()
def fit(
    log: LogFile,
    customer: Customer,
    date: Date,
    out: Annotated[Path, typer.Option(help="File for the fitted models (JSON).")],
    amount: Amount = None,
    model: Model = "BGNBD",
    spend_model: Spend = "GammaGamma",
    method: HowFound = MethodName.LAPLACE,
    unit: Unit = "week",
    date_format: DateFormat = None,
    time_zone: TimeZone = None,
    acquired_since: Since = None,
    observed_until: Until = None,
    nulls: Nulls = "refuse",
    returns: Returns = "net",
    zero_amounts: ZeroAmounts = "purchase",
    seed: Seed = 0,
) -> None:
    """Fit a purchase model, and with amounts a spend model, and store both in one file.

    Writes nothing and ends with code 1 if a fit cannot be relied on.

    Example: `clv fit orders.parquet --customer customer_id --date ordered_at --amount amount --out model.json`
    """
    settings = _settings(date_format, time_zone, acquired_since, observed_until, nulls, returns, zero_amounts)
    rfm = _read(log, customer, date, amount, settings).summarize(unit)
    fits = _fitted(rfm, model, spend_model, method, seed)
    if not all(fitted.verdict.ok for fitted in fits.values()):
        complaints.print(f"[bold red]Error[/] A fit cannot be relied on, so nothing is written to {out}.")
        raise typer.Exit(1)
    clv.save(fits, out)
    _wrote(out)


@app.command()
def score(
    log: LogFile,
    customer: Customer,
    date: Date,
    model: Annotated[Path, typer.Option(help="File that clv fit wrote.", exists=True)],
    horizon: Horizons,
    out: OutFolder,
    amount: Amount = None,
    discount: Discount = "0",
    margin: Margin = "1",
    cost_per_purchase: PurchaseCost = "0",
    cost_to_serve: ServingCost = "0",
    segment: Segment = None,
    futures: Futures = 1000,
    threads: Threads = None,
    date_format: DateFormat = None,
    time_zone: TimeZone = None,
    acquired_since: Since = None,
    observed_until: Until = None,
    nulls: Nulls = "refuse",
    returns: Returns = "net",
    zero_amounts: ZeroAmounts = "purchase",
    seed: Seed = 0,
) -> None:
    """Value every customer from the end of the log on.

    Writes `scores.parquet`, a row a customer (and horizon, where there are several), and with `--segment` also
    `segments.csv`, a row a segment. A column of the log that is named for the discount, the margin, a cost or the
    segment must have one value a customer.

    Example: `clv score orders.parquet --customer customer_id --date ordered_at --amount amount
    --model model.json --horizon "1 year" --horizon "3 years" --discount 0.1 --margin 0.3 --seed 7 --out scores`
    """
    settings = _settings(date_format, time_zone, acquired_since, observed_until, nulls, returns, zero_amounts)
    plan = clv.Plan(horizon, *map(_number_or_column, (discount, margin, cost_per_purchase, cost_to_serve)))
    if amount is None and not plan.is_plain:
        raise SettingError(
            "--discount, --margin, --cost-per-purchase and --cost-to-serve are about money: name its column with "
            "--amount."
        )
    named = [plan.discount, plan.margin, plan.cost_per_purchase, plan.cost_to_serve]
    numbers = [name for name in named if isinstance(name, str)]
    rfm = _read(log, customer, date, amount, settings, numbers, segment).summarize()
    _write_scores(forecast(clv.load_fits(model), rfm, plan, futures, seed, threads), plan, _folder(out), segment)


@app.command()
def compare(
    log: LogFile,
    customer: Customer,
    date: Date,
    split: Annotated[str, typer.Option(help="Last day to learn from; what comes after it judges.")],
    out: OutFolder,
    amount: Amount = None,
    also: Annotated[list[str] | None, typer.Option(help="Another model beside the usual candidates.")] = None,
    date_format: DateFormat = None,
    time_zone: TimeZone = None,
    acquired_since: Since = None,
    observed_until: Until = None,
    nulls: Nulls = "refuse",
    returns: Returns = "net",
    zero_amounts: ZeroAmounts = "purchase",
    futures: Futures = 1000,
    seed: Seed = 0,
) -> None:
    """Hold models and the simple formula against purchases that really happened.

    Writes `comparison.json`, `comparison.csv` and `report.html`.

    Example: `clv compare orders.parquet --customer customer_id --date ordered_at --amount amount
    --split 2024-06-30 --out comparison`
    """
    settings = _settings(date_format, time_zone, acquired_since, observed_until, nulls, returns, zero_amounts)
    candidates = standard_candidates() + [_specification(model, "purchases") for model in also or []]
    transactions = _read(log, customer, date, amount, settings)
    comparison = _compared(transactions, split, _folder(out), candidates, seed, futures)
    _write_text(out / "report.html", comparison_page(comparison))


def main() -> None:
    """Run the command; an error of the package is a message and exit code 1, a wrong call exit code 2."""
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_: _warn(message)
        try:
            app(prog_name="clv")
        except CLVError as error:
            complaints.print(f"[bold red]Error[/] {escape(_as_options(str(error)))}", highlight=False)
            sys.exit(1)


def _warn(message: Warning | str) -> None:
    complaints.print(f"[bold yellow]Warning[/] {escape(_as_options(str(message)))}", highlight=False)


def _as_options(message: str) -> str:
    """Say the names of Python's arguments as this command has them."""
    names = "acquired_since|date_format|discount|nulls|observed_until|returns|threads|time_zone|zero_amounts"
    message = re.sub(rf"\b({names}) ?=", lambda match: f"--{match[1].replace('_', '-')}=", message)
    message = re.sub(r"(--[a-z-]+)= ?(?=([,.]?))", lambda match: match[1] if match[2] else f"{match[1]} ", message)
    for python, option in ADVICE.items():
        message = message.replace(python, option)
    return message


def _settings(
    date_format: str | None,
    time_zone: str | None,
    since: str | None,
    until: str | None,
    nulls: str,
    returns: str,
    zero_amounts: str,
) -> dict[str, Any]:
    days = {"acquired_since": since, "observed_until": until}
    chosen = {"nulls": nulls, "returns": returns, "zero_amounts": zero_amounts}
    return {"date_format": date_format, "time_zone": time_zone, **days, **chosen}


def _number_or_column(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _read(
    log: Path,
    customer: str,
    date: str,
    amount: str | None,
    settings: Mapping[str, Any],
    numbers: Sequence[str] = (),
    segment: str | None = None,
) -> clv.Transactions:
    own = list(dict.fromkeys([*numbers, *([segment] if segment else [])]))
    table = read_log(log, [customer, date, *([amount] if amount else []), *own])
    for name in set(numbers) - {customer, date, amount}:
        table[name] = read_numbers(table[name], name)  # a CSV file has text
    return clv.Transactions(table, customer=customer, date=date, amount=amount, columns=own, **settings)


def _specification(text: str, kind: Kind) -> Any:  # noqa: ANN401 -- of whatever model
    """Return the specification that an option names, such as GammaGamma:of=all."""
    return as_specification(
        from_recipe(written_as(text)), kind, f"--{'model' if kind == 'purchases' else 'spend-model'}"
    )


def _fitted(rfm: clv.RFM, model: str, spend: str, method: MethodName, seed: int) -> dict[str, Fit[Any]]:
    how = METHODS[method]()
    fits = {"purchases": clv.fit(_specification(model, "purchases"), rfm, how, seed)}
    if rfm.monetary_value is not None:
        fits["spend"] = clv.fit(_specification(spend, "spend"), rfm, how, seed)
    for fitted in fits.values():
        console.print(f"{_as_options(repr(fitted))}\n", highlight=False)
    return fits


def _compared(
    log: clv.Transactions, split: str, out: Path, candidates: Sequence[Any], seed: int, futures: int = 1000
) -> Comparison:
    past, future = log.split(split)
    forecasts = (1 + past.has_money) * len(candidates)
    with _progress("Comparing", forecasts * len(past.customer_id)) as told:
        comparison = clv.compare(candidates, past, future, futures=futures, seed=seed, progress=told)
    comparison.to_json(out / "comparison.json")
    comparison.to_csv(out / "comparison.csv")
    for quantity in ("purchases", "money")[: 1 + past.has_money]:
        happened = getattr(comparison.actual, quantity).sum()
        done = "made" if quantity == "purchases" else "spent"
        title = f"{quantity.capitalize()} over {comparison.horizon}: {happened:,.0f} {done}"
        _print_table(title, comparison_table(comparison.frame(), quantity))
    _wrote(out / "comparison.json")
    _wrote(out / "comparison.csv")
    return comparison


def _write_scores(valued: Forecast | clv.Valuation, plan: clv.Plan, out: Path, segment: str | None = None) -> None:
    together = None
    if segment is not None:
        with _progress("Summing segments", len(valued.horizons) * len(valued.rfm)) as told:
            together = segments(valued, segment, told)
    with _progress("Scoring", len(valued.rfm)) as told:
        table = scores(valued, plan, told)
    console.print(f"From the end of {valued.rfm.observed_until}: {valued!r}", highlight=False)
    for horizon in valued.horizons:
        within = f"{horizon}: " if len(valued.horizons) > 1 else ""
        console.print(f"{within}{valued.at(horizon).total()!r}", highlight=False)
    _write_table(out / "scores.parquet", table)
    if together is not None:
        _write_table(out / "segments.csv", together)


def _folder(out: Path) -> Path:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{out} cannot be made a folder: {error.strerror}.") from error
    return out


def _write_table(path: Path, table: pd.DataFrame) -> None:
    write = table.to_csv if path.suffix == ".csv" else table.to_parquet
    write_whole(path, lambda partial: write(partial, index=False))
    _wrote(path)


def _write_text(path: Path, text: str) -> None:
    write_whole(path, lambda partial: partial.write_text(text, encoding="utf-8"))
    _wrote(path)


def _wrote(path: Path) -> None:
    console.print(f"Wrote {path}", highlight=False, soft_wrap=True)


def _print_table(title: str, table: report.Table) -> None:
    shown = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    wide = console.width >= WIDE
    columns = [j for j, column in enumerate(table.columns) if wide or column.heading.replace("\xa0", " ") in KEPT]
    for j in columns:
        heading, align = table.columns[j].heading, table.columns[j].align
        shown.add_column(escape(heading), justify=align, no_wrap=align == "right", overflow="fold")
    for i, row in enumerate(table.rows):
        cells = [f"[bold]{escape(row[j])}[/]" if (i, j) in table.best else escape(row[j]) for j in columns]
        shown.add_row(*cells, style="dim" if i in table.muted else "")
    console.print(shown, highlight=False, soft_wrap=False)
    for note in table.notes:
        console.print(escape(_as_options(note)), style="dim", highlight=False)


@contextmanager
def _progress(description: str, total: int) -> Iterator[Told]:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, TimeRemainingColumn(), console=complaints, transient=True) as bar:
        task = bar.add_task(description, total=total)
        yield lambda customers: bar.advance(task, customers)
