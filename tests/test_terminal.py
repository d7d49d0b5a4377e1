"""What the command prints: the package's own messages in the words of the options, and tables in a narrow terminal."""

import io
import warnings
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

import clvmodels as clv
from clvmodels import terminal
from clvmodels.errors import CLVError, CLVWarning
from clvmodels.inference import bootstrap, fit, methods
from clvmodels.report.tables import Column, Table
from clvmodels.terminal import as_options, few_warnings, say, show


def raised(call):
    with pytest.raises(CLVError) as error:
        call()
    return str(error.value)


MESSAGES = {
    "a mean of spend": (
        lambda: raised(clv.GammaGamma(0.5, 0.5, 9.0).value(np.zeros(1), np.zeros(1)).mean),
        "Or use clv fit --spend-model GammaGamma:of=all: it has seen",
    ),
    "no drop-out at a purchase": (
        lambda: clv.BGNBD(1.0, 1.0, 1e-9, 1.0).unidentified("week"),
        "Use NBD (--model NBD; in comparisons --also NBD), which has no drop-out",
    ),
    "no drop-out at any time": (
        lambda: clv.ParetoNBD(1.0, 1.0, 1e-9, 1.0).unidentified("week"),
        "Use NBD (--model NBD; in comparisons --also NBD), which has no drop-out",
    ),
    "a poor approximation": (
        lambda: str(methods._judge(0.9)),
        "Use --method nuts, which does not need it to be; use more customers or a longer log; --method maximum-like",
    ),
    "samples without a maximum": (
        lambda: str(bootstrap._judge(3, 2, 10)),
        "Use --method laplace, whose prior keeps them off the border",
    ),
    "a prior": (lambda: fit._PRIOR, "Use --method laplace, whose prior settles what the data leave open"),
    "a cost a purchase": (
        lambda: raised(lambda: clv.Plan("1 year", cost_per_purchase=-1)),
        "--cost-per-purchase is money, 0 or more",
    ),
    "a cost a year": (
        lambda: raised(lambda: clv.Plan("1 year", cost_to_serve=-1)),
        "--cost-to-serve is money a year, 0 or more",
    ),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_advice_is_given_in_the_words_of_the_command(name):
    message, expected = MESSAGES[name]
    said = as_options(message())
    assert expected in said
    assert not {"clv.Gamma", "clv.NBD", "NUTS()", "MaximumLikelihood()"} & set(said.split())


def test_advice_about_infinite_means_names_the_option_and_what_python_has(
    cdnow_purchases_point, cdnow_spend_point, cdnow_rfm
):
    wild = replace(cdnow_spend_point, maximum=clv.GammaGamma(0.5, 0.5, 9.0))
    said = as_options(raised(clv.value(cdnow_purchases_point, wild, cdnow_rfm, clv.Plan("1 year"), futures=9).frame))
    expected = "in Python, frame(means=False) gives them. For means, use clv fit --spend-model GammaGamma:of=all, which"
    assert expected in said
    assert "clv.Gamma" not in said


def test_what_is_said_is_text_and_no_markup(capsys):
    say("customer '[bold]7[/bold]' has observed_until='2024-06-30'")
    assert capsys.readouterr().out == "customer '[bold]7[/bold]' has --observed-until '2024-06-30'\n"


NASTY = {  # what users may have written, and how it is printed
    "[/]": "[/]",
    "[bold]x[/bold]": "[bold]x[/bold]",
    "x[": "x[",
    "x\\": "x\\",
    "\\[/]": "\\[/]",
    ":smile:": ":smile:",
    "\x1b[2J": "\\x1b[2J",
    "\x1b]0;title\x07": "\\x1b]0;title\\x07",
    "\x9b31m": "\\x9b31m",
    "a\rb\bc\x00": "a\\rb\\x08c\\x00",
    "\u202egnp": "\\u202egnp",
    "\udcff": "\\udcff",
    "é\xa0ü": "é\xa0ü",
    "two\nlines": "two\nlines",
}


@pytest.mark.parametrize("text", NASTY)
def test_nothing_that_users_wrote_is_obeyed(monkeypatch, text):
    stream = io.StringIO()
    for name in ("console", "complaints"):
        monkeypatch.setattr(terminal, name, Console(file=stream, width=400, soft_wrap=True, highlight=False))
    say(text)
    terminal.warn(text)
    terminal.complain(text)
    shown = NASTY[text]
    assert stream.getvalue() == f"{shown}\nWarning {shown}\nError {shown}\n"
    if "\n" not in text:
        show(text, Table((Column(text, align="left"),), ((text,),), best=frozenset({(0, 0)}), notes=(text,)))
        assert [line.strip() for line in stream.getvalue().splitlines()[3:] if shown[0] in line] == [shown] * 4


def test_what_the_output_cannot_encode_is_shown_in_what_it_can(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(terminal, "console", Console(file=stream, width=200))
    say("\N{MINUS SIGN}12\xa0% of \N{GREEK SMALL LETTER ALPHA}")
    show("Année", Table((Column("Candidate", align="left"), Column("90\xa0%")), (("ß", "1 \N{EN DASH} 2"),)))
    stream.flush()
    said = stream.buffer.getvalue().decode("ascii")
    assert said.startswith("-12 % of \\u03b1\nAnn\\xe9e")
    assert {"\\xdf", "90 %", "1 - 2"} <= {cell.strip() for cell in said.replace("\n", "|").split("|")}


@pytest.mark.parametrize(
    ("width", "headings"), [(200, ["Candidate", "Predicted", "MAE"]), (80, ["Candidate", "Predicted"])]
)
def test_a_narrow_terminal_sees_the_columns_that_matter_most(monkeypatch, capsys, width, headings):
    monkeypatch.setattr(terminal, "console", Console(width=width))
    columns = (Column("Candidate", align="left"), Column("Predicted"), Column("MAE"))
    show("Purchases", Table(columns, (("BG/NBD", "1,653", "0.69"),)))
    title, _, heading, *_ = capsys.readouterr().out.splitlines()
    assert title.rstrip() == "Purchases"
    assert heading.split() == headings


@pytest.mark.parametrize(
    ("several", "verbose", "said"),
    [
        ("abca", False, ["Warning a", "Warning b", "Warning c"]),
        ("abcd", False, ["Warning a", "Warning b", "Warning And 2 more: --verbose shows them."]),
        ("abcd", True, ["Warning a", "Warning b", "Warning c", "Warning d"]),
        ("", False, []),
    ],
)
def test_a_few_warnings_are_printed_once_each_and_the_others_counted(capsys, several, verbose, said):
    with few_warnings(verbose=verbose):
        for message in several:
            warnings.warn(message, CLVWarning, stacklevel=1)
        assert capsys.readouterr().err == ""
    assert capsys.readouterr().err.splitlines() == said


def test_warnings_before_an_error_are_printed(capsys):
    def fail():
        with few_warnings(verbose=False):
            warnings.warn("first", CLVWarning, stacklevel=1)
            raise CLVError

    with pytest.raises(CLVError):
        fail()
    assert capsys.readouterr().err == "Warning first\n"
