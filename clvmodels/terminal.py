"""What the ``clv`` command prints: sentences in the words of its options, tables, and how far it has come."""

import re
import sys
import unicodedata
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table as Grid
from rich.text import Text

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

AS_ASCII = str.maketrans(
    {"\N{MINUS SIGN}": "-", "\N{EN DASH}": "-", "\N{NO-BREAK SPACE}": " "}
)  # where there is no more

console = Console(soft_wrap=True, highlight=False, width=None if sys.stdout.isatty() else WIDE)
complaints = Console(stderr=True, soft_wrap=True, highlight=False)


def plain(text: object, encoding: str = "utf-8") -> Text:
    r"""Return text as it is printed, whoever wrote it: every column name, id or file name goes through here.

    Nothing in it is markup; what a terminal would obey and what the encoding of the output lacks are shown as escapes.

    Examples
    --------
    >>> plain("[bold]name\x1b[2J[/]").plain
    '[bold]name\\x1b[2J[/]'
    >>> plain("\N{MINUS SIGN}12\N{NO-BREAK SPACE}% of \N{GREEK SMALL LETTER ALPHA}", "ascii").plain
    '-12 % of \\u03b1'
    """
    shown = "".join(c if _is_harmless(c) else c.encode("unicode_escape").decode() for c in str(text))
    try:
        shown.encode(encoding)
    except UnicodeEncodeError:
        shown = shown.translate(AS_ASCII).encode(encoding, "backslashreplace").decode(encoding)
    return Text(shown)


def _is_harmless(character: str) -> bool:
    return character.isprintable() or character == "\n" or unicodedata.category(character) == "Zs"


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
    console.print(plain(as_options(str(text)), console.encoding))


def warn(message: object) -> None:
    """Print a warning to where errors go."""
    _complain("Warning", "bold yellow", message)


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
    _complain("Error", "bold red", message)


def _complain(word: str, style: str, message: object) -> None:
    complaints.print(Text.assemble((word, style), " ", plain(as_options(str(message)), complaints.encoding)))


def show(title: str, table: Table) -> None:
    """Print a table of a report; a narrow terminal sees the columns that matter most."""

    def cell(text: str, style: str = "") -> Text:
        return Text.assemble((plain(text, console.encoding).plain, style))

    shown = Grid(title=cell(title), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    wide = console.width >= WIDE
    columns = [j for j, column in enumerate(table.columns) if wide or column.heading.replace("\xa0", " ") in KEPT]
    for j in columns:
        heading, align = table.columns[j].heading, table.columns[j].align
        shown.add_column(cell(heading), justify=align, no_wrap=align == "right", overflow="fold")
    for i, row in enumerate(table.rows):
        cells = [cell(row[j], "bold" if (i, j) in table.best else "") for j in columns]
        shown.add_row(*cells, style="dim" if i in table.muted else "")
    console.print(shown, soft_wrap=False)
    for note in table.notes:
        console.print(cell(as_options(note)), style="dim")


@contextmanager
def progress(description: str, total: int) -> Iterator[Told]:
    """Show a bar while something of a number of customers is done; yields what is to be told of each chunk."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, TimeRemainingColumn(), console=complaints, transient=True) as bar:
        task = bar.add_task(description, total=total)
        yield lambda customers: bar.advance(task, customers)
