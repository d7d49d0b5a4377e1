"""The ``clv`` command: it parses, calls and writes."""

import inspect
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

import clvmodels as clv
from clvmodels.data.files import Write, as_csv, as_parquet, as_text, check_output, output_folder, write_together
from clvmodels.errors import CLVError, PriorWarning, SettingError
from clvmodels.evaluation.compare import Comparison, standard_candidates
from clvmodels.inference.fit import Fit
from clvmodels.models.specification import Kind, from_recipe, registered, written_as
from clvmodels.prediction.forecast import Forecast
from clvmodels.report.page import comparison_page, demo_page
from clvmodels.report.tables import comparison_table
from clvmodels.scoring.batch import forecast, scores, segments
from clvmodels.terminal import complain, few_warnings, progress, say, show, warn

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)


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

LogFile = Annotated[
    Path, typer.Argument(metavar="LOG", help="Parquet, CSV or Excel file, one row a purchase.", exists=True)
]
Customer = Annotated[str, typer.Option(help="Column with customer ids.")]
Date = Annotated[str, typer.Option(help="Column with the time of purchase.")]
Amount = Annotated[str | None, typer.Option(help="Column with money; without it, only purchases are predicted.")]
Unit = Annotated[str, typer.Option(help="Time unit of recency, T and the fitted rates, such as day, week or month.")]
Model = Annotated[str, typer.Option(help=f"Purchase model: {', '.join(registered('purchases'))}.")]
Spend = Annotated[
    str,
    typer.Option(
        help=f"Spend model: {', '.join(registered('spend'))}. GammaGamma:of=all learns from first purchases too, so "
        "that one-time buyers differ."
    ),
]
Also = Annotated[
    list[str] | None,
    typer.Option(
        help="Another purchase model beside BGNBD, MBGNBD and the simple formula, such as ParetoNBD; may be given "
        "repeatedly."
    ),
]
HowFound = Annotated[
    MethodName,
    typer.Option(
        help="How parameters are found: laplace (fast, and checks itself), nuts (slower, where laplace does not do), "
        "bootstrap (their spread over samples of the customers) or maximum-likelihood (a point, without uncertainty)."
    ),
]
Horizons = Annotated[
    list[str],
    typer.Option(
        "--horizon", help="How far ahead, such as '1 year', '39 weeks' or 'infinite'; may be given repeatedly."
    ),
]
Discount = Annotated[str, typer.Option(help="Yearly rate, such as 0.1 or 10%, or a column with it.")]
Margin = Annotated[str, typer.Option(help="What remains of a unit of money, such as 0.3 or 30%, or a column with it.")]
PurchaseCost = Annotated[str, typer.Option(help="What each purchase costs, in money, or a column with it.")]
ServingCost = Annotated[str, typer.Option(help="What each customer costs a year, in money, or a column with it.")]
Segment = Annotated[str | None, typer.Option(help="Column with a segment of each customer, for segments.csv.")]
Verbose = Annotated[
    bool, typer.Option("--verbose", help="Say in full how the log was cleaned, and print every warning.")
]
Threads = Annotated[int | None, typer.Option(help="How many threads compute; default: one a core.")]
Means = Annotated[
    bool, typer.Option("--means/--no-means", help="Whether to write expected values, which may be infinite.")
]
Futures = Annotated[int, typer.Option(help="Simulated futures a customer.")]
Seed = Annotated[int, typer.Option(help="What every random number follows from.")]
COMPARISON = ("comparison.json", "comparison.csv", "report.html")  # the files of a comparison
WrongCall: Any = typer.BadParameter.__base__  # of all errors of a call; Typer has no name for it
INTERRUPTED = 130  # the exit code that Typer gives an interrupt
OutFolder = Annotated[Path, typer.Option(help="Folder to write to; made if it is not there.")]


@dataclass(frozen=True)
class Cleaning:
    """How a log is read and cleaned: options that all commands that read a log have, one a field."""

    separator: Annotated[
        str | None, typer.Option(help="What stands between the fields of a CSV file; default: found in its heading.")
    ] = None
    decimal: Annotated[str | None, typer.Option(help="Decimal sign of numbers in text, . or ,; default: found.")] = None
    thousands: Annotated[
        str | None, typer.Option(help="What stands between thousands, such as . or ,; default: found.")
    ] = None
    encoding: Annotated[str | None, typer.Option(help="Of a CSV file, such as latin-1; default: UTF-8.")] = None
    date_format: Annotated[
        str | None, typer.Option(help="How dates in text are written, such as %d/%m/%Y; default ISO.")
    ] = None
    time_zone: Annotated[
        str | None, typer.Option(help="Zone whose clock says which day it is, such as Europe/Berlin.")
    ] = None
    acquired_since: Annotated[
        str | None, typer.Option(help="Leave out customers whose first purchase is before this day.")
    ] = None
    observed_until: Annotated[
        str | None, typer.Option(help="Last day of the observation; default: the log's last day.")
    ] = None
    nulls: Annotated[str, typer.Option(help="Rows without customer, date or amount: refuse or drop.")] = "refuse"
    returns: Annotated[str, typer.Option(help="Rows with a negative amount: net, drop or refuse.")] = "net"
    zero_amounts: Annotated[str, typer.Option(help="Rows of amount zero: purchase or drop.")] = "purchase"


def cleans(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command that has the options of ``Cleaning`` in the place of its parameter ``cleaning``."""
    expanded: list[inspect.Parameter] = []
    for parameter in inspect.signature(command).parameters.values():
        own = inspect.signature(Cleaning).parameters.values() if parameter.name == "cleaning" else [parameter]
        expanded += [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own]

    @wraps(command)
    def call(**options: Any) -> None:  # noqa: ANN401 -- the options of any command
        command(cleaning=Cleaning(**{field.name: options.pop(field.name) for field in fields(Cleaning)}), **options)

    call.__signature__ = inspect.Signature(expanded)  # type: ignore[attr-defined]
    return call


@app.callback(invoke_without_command=True)
def version(*, version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False) -> None:
    """Say what each customer is worth, from a log of purchases, and how sure that is."""
    if version:
        say(clv.__version__)
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
    with output_folder(out, (*COMPARISON, "scores.parquet")):
        comparison = _compared(log, "1997-09-30", standard_candidates(), seed)
        rfm = log.summarize()
        fits = _fitted(rfm, clv.BGNBD, clv.GammaGamma, clv.Laplace(), seed)
        _say_fits(fits)
        valuation = clv.value(fits["purchases"], fits["spend"], rfm, plan, seed=seed)
        scored = _scored(valuation, plan)
        simple = clv.SimpleFormula().value(rfm, plan, seed=seed)
        page = demo_page(comparison, valuation, simple, list(fits.values()), log.cleaning)
        _write(out, _comparison_files(comparison, page) | scored)


@app.command()
@cleans
def summarize(
    log: LogFile,
    customer: Customer,
    date: Date,
    out: Annotated[Path, typer.Option(help="Parquet or CSV file to write, a row a customer.")],
    amount: Amount = None,
    unit: Unit = "week",
    cleaning: Cleaning = Cleaning(),
    *,
    verbose: Verbose = False,
) -> None:
    """Summarise a log: frequency, recency, age and money of each customer, and how the log was cleaned.

    Example: `clv summarize orders.parquet --customer customer_id --date ordered_at --amount amount --out rfm.parquet`
    """
    if out.suffix not in {".csv", ".parquet"}:
        raise SettingError(f"{out} ends neither in .csv nor in .parquet: say which it shall be.")
    check_output(out, [log])
    transactions = _read(log, customer, date, amount, cleaning)
    say(transactions.cleaning)
    with few_warnings(verbose=verbose):
        table = transactions.summarize(unit).frame()
    _write(out.parent, {out.name: as_csv(table) if out.suffix == ".csv" else as_parquet(table)})


@app.command()
@cleans
def fit(
    log: LogFile,
    customer: Customer,
    date: Date,
    out: Annotated[Path, typer.Option(help="File to write the fitted models to (JSON).")],
    amount: Amount = None,
    model: Model = "BGNBD",
    spend_model: Spend = "GammaGamma",
    method: HowFound = MethodName.LAPLACE,
    unit: Unit = "week",
    cleaning: Cleaning = Cleaning(),
    seed: Seed = 0,
    *,
    verbose: Verbose = False,
) -> None:
    """Fit a purchase model, and with amounts a spend model, and store both in one file.

    What the data leave open the prior settles, with a caution that says what and how much it matters. A fit that cannot
    be used at all is not written, and the command ends with code 1; the other one is.

    Example: `clv fit orders.parquet --customer customer_id --date ordered_at --amount amount --out model.json`
    """
    purchases, spend = _specification(model, "purchases"), _specification(spend_model, "spend")
    check_output(out, [log])
    transactions = _read(log, customer, date, amount, cleaning)
    _say_cleaning(transactions, verbose=verbose)
    with few_warnings(verbose=verbose):
        fits = _fitted(transactions.summarize(unit), purchases, spend, METHODS[method](), seed)
    _say_fits(fits)
    usable = {name: fitted for name, fitted in fits.items() if fitted.verdict.ok}
    if "purchases" in usable:
        clv.save(usable, out)
        _wrote(out)
    if bad := sorted(fits.keys() - usable.keys()):
        complain(f"The fit of {' and of '.join(bad)} cannot be used, and is not written to {out}.")
        raise typer.Exit(1)


@app.command()
@cleans
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
    *,
    means: Means = True,
    futures: Futures = 1000,
    threads: Threads = None,
    cleaning: Cleaning = Cleaning(),
    seed: Seed = 0,
    verbose: Verbose = False,
) -> None:
    """Value every customer from the end of the log on.

    Writes `scores.parquet`, a row a customer (and horizon, where there are several), and with `--segment` also
    `segments.csv`, a row a segment. A column of the log that is named for the discount, the margin, a cost or the
    segment must have one value a customer.

    Example: `clv score orders.parquet --customer customer_id --date ordered_at --amount amount
    --model model.json --horizon "1 year" --horizon "3 years" --discount 0.1 --margin 0.3 --seed 7 --out scores`
    """
    plan = clv.Plan(horizon, *map(_number_or_column, (discount, margin, cost_per_purchase, cost_to_serve)))
    if amount is None and not plan.is_plain:
        raise SettingError(
            "--discount, --margin, --cost-per-purchase and --cost-to-serve are about money: name its column with "
            "--amount."
        )
    named = [plan.discount, plan.margin, plan.cost_per_purchase, plan.cost_to_serve]
    numbers = [name for name in named if isinstance(name, str)]
    names = ["scores.parquet", *(["segments.csv"] if segment else [])]
    with output_folder(out, names, [log, model]):
        transactions = _read(log, customer, date, amount, cleaning, numbers, segment)
        _say_cleaning(transactions, verbose=verbose)
        with few_warnings(verbose=verbose):
            valued = forecast(clv.load_fits(model), transactions.summarize(), plan, futures, seed, threads)
        _write(out, _scored(valued, plan, segment, means=means))


@app.command()
@cleans
def compare(
    log: LogFile,
    customer: Customer,
    date: Date,
    split: Annotated[str, typer.Option(help="Last day to learn from; what comes after it judges.")],
    out: OutFolder,
    amount: Amount = None,
    also: Also = None,
    cleaning: Cleaning = Cleaning(),
    futures: Futures = 1000,
    seed: Seed = 0,
    *,
    verbose: Verbose = False,
) -> None:
    """Hold models and the simple formula against purchases that really happened.

    Writes `comparison.json`, `comparison.csv` and `report.html`.

    Example: `clv compare orders.parquet --customer customer_id --date ordered_at --amount amount
    --split 2024-06-30 --out comparison`
    """
    candidates = standard_candidates() + [_specification(model, "purchases") for model in also or []]
    with output_folder(out, COMPARISON, [log]):
        transactions = _read(log, customer, date, amount, cleaning)
        _say_cleaning(transactions, verbose=verbose)
        comparison = _compared(transactions, split, candidates, seed, futures, verbose=verbose)
        _write(out, _comparison_files(comparison, comparison_page(comparison)))


def main() -> None:
    """Run the command; an error of the package is a message and exit code 1, a wrong call 2, an interrupt 130."""
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_: warn(message)
        try:
            code = app(prog_name="clv", standalone_mode=False)
        except CLVError as error:
            complain(error)
            code = 1
        except WrongCall as error:
            if message := error.format_message():  # a call of clv alone has shown its help
                complain(f"{message.rstrip('.')}. See {error.ctx.command_path if error.ctx else 'clv'} --help.")
            code = error.exit_code
        if code == INTERRUPTED:
            complain("Interrupted. No result is half written.")
        sys.exit(code)


def _number_or_column(text: str) -> float | str:
    """Return the number that a text stands for, such as 0.1 or 10%, or else the text: the name of a column."""
    plain = text.strip()
    try:
        return float(Decimal(plain.removesuffix("%")) / (100 if plain.endswith("%") else 1))
    except (InvalidOperation, ValueError):  # a signalling NaN is the latter
        pass
    if set(plain) <= set("0123456789,.%- "):
        raise SettingError(f"{text!r} is no number as it is read here. Write a point, not a comma: 0.1, or 10%.")
    return text


def _read(
    log: Path,
    customer: str,
    date: str,
    amount: str | None,
    cleaning: Cleaning,
    numbers: Sequence[str] = (),
    segment: str | None = None,
) -> clv.Transactions:
    own = dict.fromkeys(numbers), {} if segment is None or segment in numbers else {segment: None}
    return clv.read(log, customer, date, amount, numbers=list(own[0]), columns=list(own[1]), **asdict(cleaning))


def _specification(text: str, kind: Kind) -> Any:  # noqa: ANN401 -- of whatever model
    """Return the specification that is written as text, such as GammaGamma:of=all."""
    recipe = written_as(text)
    if recipe["model"] not in registered(kind):
        known = ", ".join(registered(kind))
        raise SettingError(f"There is no model of {kind} named {recipe['model']!r}. There are: {known}.")
    return from_recipe(recipe)


def _fitted(rfm: clv.RFM, purchases: Any, spend: Any, method: Any, seed: int) -> dict[str, Fit[Any]]:  # noqa: ANN401
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PriorWarning)  # the verdict, which is printed, says it
        fits = {"purchases": clv.fit(purchases, rfm, method, seed)}
        if rfm.monetary_value is not None:
            fits["spend"] = clv.fit(spend, rfm, method, seed)
    return fits


def _say_fits(fits: Mapping[str, Fit[Any]]) -> None:
    for fitted in fits.values():
        say(f"{fitted!r}\n")


def _say_cleaning(log: clv.Transactions, *, verbose: bool) -> None:
    say(log.cleaning if verbose else log.cleaning.short())


def _compared(
    log: clv.Transactions,
    split: str,
    candidates: Sequence[Any],
    seed: int,
    futures: int = 1000,
    *,
    verbose: bool = False,
) -> Comparison:
    past, future = log.split(split)
    forecasts = (1 + past.has_money) * len(candidates)
    with few_warnings(verbose=verbose), progress("Comparing", forecasts * len(past.customer_id)) as told:
        comparison = clv.compare(candidates, past, future, futures=futures, seed=seed, progress=told)
    for quantity in ("purchases", "money")[: 1 + past.has_money]:
        happened = getattr(comparison.actual, quantity).sum()
        done = "made" if quantity == "purchases" else "spent"
        title = f"{quantity.capitalize()} over {comparison.horizon}: {happened:,.0f} {done}"
        show(title, comparison_table(comparison.frame(), quantity))
    return comparison


def _comparison_files(comparison: Comparison, page: str) -> dict[str, Write]:
    written = (as_text(comparison.json()), as_csv(comparison.frame()), as_text(page))
    return dict(zip(COMPARISON, written, strict=True))


def _scored(
    valued: Forecast | clv.Valuation, plan: clv.Plan, segment: str | None = None, *, means: bool = True
) -> dict[str, Write]:
    files: dict[str, Write] = {}
    if segment is not None:
        with progress("Summing segments", len(valued.horizons) * len(valued.rfm)) as told:
            files["segments.csv"] = as_csv(segments(valued, segment, told))
    with progress("Scoring", len(valued.rfm)) as told:
        files["scores.parquet"] = as_parquet(scores(valued, plan, told, means=means))
    say(f"From the end of {valued.cut_off}: {valued!r}")
    for horizon in valued.horizons:
        within = f"{horizon}: " if len(valued.horizons) > 1 else ""
        say(f"{within}{valued.at(horizon).total()!r}")
    return files


def _write(folder: Path, files: Mapping[str, Write]) -> None:
    write_together({folder / name: write for name, write in files.items()})
    for name in files:
        _wrote(folder / name)


def _wrote(path: Path) -> None:
    say(f"Wrote {path}")
