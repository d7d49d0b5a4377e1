"""Pages: one self-contained HTML file that says what was done, what came out, and how far to trust it."""

import re
from collections.abc import Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from clvmodels.data.cleaning import CleaningReport
from clvmodels.drawing.svg import to_svg
from clvmodels.evaluation.compare import Comparison
from clvmodels.inference.fit import Fit
from clvmodels.report.sections.comparison import ComparisonFacts
from clvmodels.report.sections.intervals import IntervalFacts
from clvmodels.report.sections.value import ValueFacts
from clvmodels.report.tables import glossary
from clvmodels.text import count, join, number, percent, short
from clvmodels.valuation.value import Valuation
from clvmodels.version import __version__


def comparison_page(comparison: Comparison) -> str:
    """Return a page on how candidates did, as one HTML file that needs nothing else.

    Parameters
    ----------
    comparison
        What ``clv.compare`` returned.

    Examples
    --------
    >>> import clvmodels as clv
    >>> log = clv.Transactions(clv.datasets.load_cdnow(), customer="customer_id", date="date")
    >>> page = comparison_page(clv.compare([clv.SimpleFormula()], *log.split("1997-09-30"), futures=10))
    >>> "1,882 purchases" in page
    True
    """
    told, cleaning = _compared(comparison), comparison.past.cleaning
    return _render("comparison", **told, words=_words(**told), cleaning=_cleaning(cleaning))


def demo_page(
    comparison: Comparison,
    valuation: Valuation,
    simple_valuation: Valuation,
    fits: Sequence[Fit[Any]],
    cleaning: CleaningReport,
) -> str:
    """Return a page on what customers will bring, how the candidates did, and what all this rests on.

    Parameters
    ----------
    comparison
        Candidates compared with what happened.
    valuation
        What customers will still bring, by models.
    simple_valuation
        The same by the simple formula.
    fits
        The fits that the valuation is made from, the purchase model first.
    cleaning
        How the log was cleaned.
    """
    value, told = ValueFacts(valuation, simple_valuation, tuple(fits)), _compared(comparison)
    words = {
        "Table of customers": glossary([value.top]),
        **_words(**told),
        "Fits": glossary(table for _, table in value.parameters),
    }
    return _render("demo", **told, value=value, words=words, cleaning=_cleaning(cleaning))


def _compared(comparison: Comparison) -> dict[str, Any]:
    return {"told": ComparisonFacts(comparison), "intervals": IntervalFacts(comparison)}


def _words(told: ComparisonFacts, intervals: IntervalFacts) -> dict[str, dict[str, str]]:
    tables = [*(quantity.table for quantity in told.quantities), *(table for _, _, table in intervals.drawn)]
    return {"Comparison of candidates": glossary(tables)}


def _cleaning(report: CleaningReport | None) -> Markup | None:
    # The report escapes what comes from the data.
    return None if report is None else Markup(report._repr_html_())  # noqa: S704


def _render(template: str, **facts: Any) -> str:  # noqa: ANN401
    loader = PackageLoader("clvmodels.report")
    pages = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    pages.filters |= {"number": number, "short": short, "percent": percent, "join": join, "count": count}
    pages.filters["svg"] = lambda figure: Markup(to_svg(figure))  # noqa: S704 -- both escape what comes from the data
    page = pages.get_template(f"{template}.html.jinja").render(version=__version__, **facts)
    return re.sub(r"(?<=\d) %", "\N{NO-BREAK SPACE}%", page)
