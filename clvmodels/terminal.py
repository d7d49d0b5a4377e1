"""What the ``clv`` command prints: sentences in the words of its options, tables, and how far it has come."""

import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table as Grid

from clvmodels.errors import CLVWarning
from clvmodels.prediction.streams import Progress as Told
from clvmodels.report.tables import Table

WIDE = 156  # characters that a whole comparison takes; a narrower terminal sees the columns that matter most
LINES = 3  # of warnings before a result
KEPT = {"Candidate", "Predicted", "90 % interval", "RMSE", "PIT"}
OPTIONS = (  # arguments in Python, which are options here
    *("acquired_since", "date_format", "discount", "futures", "nulls", "observed_until", "returns", "seed", "threads"),
    *("time_zone", "zero_amounts", "separator", "decimal", "thousands", "encoding"),
)
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
    "Fit with Laplace(), whose prior": "Use --method laplace, whose prior",
    "MaximumLikelihood() gives the point alone.": "--method maximum-likelihood gives the point alone.",
    'Fit clv.GammaGamma(of="all"), which': "Use clv fit --spend-model GammaGamma:of=all, which",
}

console = Console(soft_wrap=True, width=None if sys.stdout.isatty() else WIDE)
complaints = Console(stderr=True, soft_wrap=True)


def as_options(message: str) -> str:
    """Return a message of the package with Python's arguments under the names that they have as options.

    Examples
    --------
    >>> as_options("Say so with observed_until='2024-06-30', or set discount=.")
    "Say so with --observed-until '2024-06-30', or set --discount."
    """
    message = re.sub(rf"\b({'|'.join(OPTIONS)}) ?=", lambda match: f"--{match[1].replace('_', '-')}=", message)
    message = re.sub(r"(--[a-z-]+)= ?(?=([,.]?))", lambda match: match[1] if match[2] else f"{match[1]} ", message)
    for python, option in ADVICE.items():
        message = message.replace(python, option)
    return message


def say(text: object) -> None:
    """Print a line, or several."""
    console.print(as_options(str(text)), highlight=False, markup=False)


def warn(message: object) -> None:
    """Print a warning to where errors go."""
    complaints.print(f"[bold yellow]Warning[/] {escape(as_options(str(message)))}", highlight=False)


@contextmanager
def few_warnings(*, verbose: bool) -> Iterator[None]:
    """Hold warnings back while something is computed, then print each once: all, or the first and how many more."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", CLVWarning)
        try:
            yield
        finally:
            messages = list(dict.fromkeys(str(warning.message) for warning in caught))
            shown = messages if verbose or len(messages) <= LINES else messages[: LINES - 1]
            for message in shown:
                warn(message)
            if len(shown) < len(messages):
                warn(f"And {len(messages) - len(shown)} more: --verbose shows them.")


def complain(message: object) -> None:
    """Print an error."""
    complaints.print(f"[bold red]Error[/] {escape(as_options(str(message)))}", highlight=False)


def show(title: str, table: Table) -> None:
    """Print a table of a report; a narrow terminal sees the columns that matter most."""
    shown = Grid(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
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
        console.print(escape(as_options(note)), style="dim", highlight=False)


@contextmanager
def progress(description: str, total: int) -> Iterator[Told]:
    """Show a bar while something of a number of customers is done; yields what is to be told of each chunk."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, TimeRemainingColumn(), console=complaints, transient=True) as bar:
        task = bar.add_task(description, total=total)
        yield lambda customers: bar.advance(task, customers)
