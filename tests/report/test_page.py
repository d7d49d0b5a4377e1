import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

import pandas as pd
import pytest

from clvmodels.cautions import Caution
from clvmodels.data.transactions import Transactions
from clvmodels.evaluation.candidates import ModelCandidate
from clvmodels.evaluation.compare import compare
from clvmodels.inference.fit import fit
from clvmodels.inference.methods import MaximumLikelihood
from clvmodels.models.bg_nbd import BGNBD
from clvmodels.models.gamma_gamma import GammaGamma
from clvmodels.models.pareto_nbd import ParetoNBD
from clvmodels.report.page import comparison_page, demo_page
from clvmodels.report.tables import comparison_table
from clvmodels.report.value_tables import customers_table
from clvmodels.text import number
from clvmodels.valuation.plan import Plan
from clvmodels.valuation.simple_formula import SimpleFormula
from clvmodels.valuation.value import value

EMPTY = {"meta", "br", "link", "img"}


class Reader(HTMLParser):
    """Checks that tags nest, and collects text, ids, links and table cells."""

    def __init__(self, page):
        super().__init__()
        self.open, self.text, self.ids, self.links, self.cells = [], [], [], [], []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        self.ids += [named["id"]] if "id" in named else []
        self.links += [named[name] for name in ("href", "src") if name in named]
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text.append(data)
        if self.open and self.open[-1] in {"td", "th"}:
            self.cells.append(data)


def sound(page):
    reader = Reader(page)
    words = re.findall(r"\w+", " ".join(reader.text))
    assert not {"nan", "NaN", "None", "inf", "NaT", "Undefined"} & set(words)
    assert len(reader.ids) == len(set(reader.ids))
    assert all(link.startswith("#") and link[1:] in reader.ids for link in reader.links)
    assert "<script" not in page
    assert "http" not in re.sub(r'xmlns(:xlink)?="[^"]*"', "", page)
    return reader


@pytest.fixture(scope="module")
def demo(made):
    return demo_page(*made[:4], made.log.cleaning)


def test_a_comparison_page_is_sound_and_has_every_cell_of_its_tables(made):
    reader = sound(comparison_page(made.comparison))
    for quantity in ("purchases", "money"):
        for row in comparison_table(made.comparison.frame(), quantity).rows:
            assert {text.replace(" %", "\xa0%") for text in row} <= set(reader.cells)


def test_a_page_says_who_was_scored_on_what(made):
    told = " ".join("".join(Reader(comparison_page(made.comparison)).text).split())
    past, purchases = made.comparison.past, made.comparison.actual.purchases
    once = (past.frequency == 0).sum()
    assert f"learnt from the same {len(past)} customers ({once} with one purchase only) up to 2023-12-31," in told
    assert f"was compared with what they then did: {purchases.sum():,} purchases worth" in told


def test_a_failing_candidate_is_named_with_its_reason(made):
    page = comparison_page(made.comparison)
    assert "It &lt;b&gt;cannot&lt;/b&gt; be fitted" in page
    assert "&lt;script&gt;" in page


def test_a_demo_page_is_sound_and_says_what_the_base_will_bring(made, demo):
    reader = sound(demo)
    lower, upper = made.valuation.total().interval(0.90)
    headline = re.search(r"<h1>(.*?)</h1>", demo)[1]
    for end in (lower, upper, made.valuation.total().mean):
        assert number(end) in headline
    for row in customers_table(made.valuation.frame()).rows:
        assert set(row) <= set(reader.cells)
    for fitted in made.fits:
        assert str(fitted.verdict) in demo
    assert "P(alive) is 1 for all one-time buyers" in demo


def test_pages_are_the_same_every_time(made, demo):
    assert demo_page(*made[:4], made.log.cleaning) == demo
    assert comparison_page(made.comparison) == comparison_page(made.comparison)


def test_an_interval_that_missed_is_said_to_have_missed(made):
    frame = made.comparison.frame()
    row = frame.iloc[0]
    held = row["purchases_total_lower_90"] <= row["purchases_actual_total"] <= row["purchases_total_upper_90"]
    span = f"{row['purchases_total_lower_90']:,.0f} to {row['purchases_total_upper_90']:,.0f} purchases, which"
    assert f"{span} {'held' if held else 'missed'} the {row['purchases_actual_total']:,.0f}" in comparison_page(
        made.comparison
    )


def test_without_amounts_nothing_is_said_about_money(without_money):
    page = comparison_page(without_money)
    sound(page)
    assert "These data have no amounts" in page
    assert "Total money" not in page
    assert "Gamma-Gamma" not in page
    assert "P(alive) is 1 for all one-time buyers, by construction" in page


def assumed(page):
    """Return what the page says of the candidates' assumptions, by name."""
    terms = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page[page.index("What the candidates assume") :])
    assert len(dict(terms)) == len(terms)
    return dict(terms)


def test_what_the_models_and_the_formula_assume_is_said_once_each(shop):
    all_purchases = GammaGamma(of="all")
    candidates = [BGNBD, ParetoNBD, ModelCandidate(BGNBD, spend=all_purchases), SimpleFormula()]
    page = comparison_page(compare(candidates, *shop().split("2023-12-31"), futures=20))
    sound(page)
    told = assumed(page)
    assert list(told) == [
        *("BG/NBD", "Gamma-Gamma", "Pareto/NBD", "Gamma-Gamma (all purchases)", "Simple formula", "All of them")
    ]
    for name, sentence in {
        "BG/NBD": "P(alive) is 1 for all one-time buyers, by construction",
        "Pareto/NBD": "P(alive) of one-time buyers is below 1 and falls with their silence",
        "Gamma-Gamma": "customers without any are expected to spend like the whole base",
        "Gamma-Gamma (all purchases)": "those who bought once differ by what they paid",
        "Simple formula": "All customers are alike, except where it says “per customer”",
        "All of them": "The future goes on like the past",
    }.items():
        assert sentence in told[name]
    for model in (BGNBD(), ParetoNBD(), GammaGamma(), all_purchases):
        assert told[model.name] == model.assumption


def test_what_a_candidate_of_ones_own_assumes_is_text_and_no_markup(made):
    first, *others = made.comparison.results
    of_mine = ("My <b>model</b>", "It holds that 1 < 2.")
    told = replace(others[0], assumptions=(first.assumptions[0], of_mine))
    page = comparison_page(replace(made.comparison, results=(first, told, *others[1:])))
    sound(page)
    assert list(assumed(page))[:3] == ["BG/NBD", "Gamma-Gamma", "My &lt;b&gt;model&lt;/b&gt;"]
    assert assumed(page)["My &lt;b&gt;model&lt;/b&gt;"] == "It holds that 1 &lt; 2."


def test_candidates_are_drawn_by_their_kind(made):
    assert "var(--package" in comparison_page(made.comparison)
    alike = replace(made.comparison, results=tuple(replace(one, kind="formula") for one in made.comparison.results))
    page = comparison_page(alike)
    assert "var(--package" not in page
    assert "var(--formula" in page


def test_without_intervals_the_page_says_so(shop):
    page = comparison_page(compare([SimpleFormula()], *shop(50).split("2023-12-31"), futures=20))
    sound(page)
    assert "No candidate here gives intervals" in page
    assert page.count("<svg") == 3


@pytest.mark.parametrize("candidate", [BGNBD, SimpleFormula()])
def test_one_customer_and_one_candidate_read_right(candidate):
    days = ["2023-01-05", "2023-12-01"]
    log = Transactions(
        pd.DataFrame({"id": [1, 1], "day": days, "x": [3.0, 4.0]}), customer="id", date="day", amount="x"
    )
    page = comparison_page(compare([candidate], *log.split("2023-06-30"), futures=20))
    sound(page)
    assert "1 candidate compared with what 1 customer" in page
    assert "1 customers" not in page.replace("All 1 customers", "")  # a verdict counts in its own way


def test_point_fits_have_no_interval_of_the_expected_value(made):
    rfm, plan = made.valuation.rfm, made.valuation.plan
    fits = [fit(model, rfm, MaximumLikelihood()) for model in (BGNBD, GammaGamma)]
    page = demo_page(made.comparison, value(*fits, rfm, plan, futures=50), made.simple, fits, made.log.cleaning)
    sound(page)
    assert "90\xa0% interval of the expected total" not in page


def test_a_value_without_discount_has_a_page_too(made):
    rfm, plan = made.valuation.rfm, Plan("1 year", margin=0.30)
    found, simple = value(*made.fits, rfm, plan, futures=50), SimpleFormula().value(rfm, plan, resamples=50)
    page = demo_page(made.comparison, found, simple, made.fits, made.log.cleaning)
    reader = sound(page)
    for row in customers_table(found.frame(), "money").rows:
        assert set(row) <= set(reader.cells)
    assert "Expected cash flow, not discounted: spend times margin, less costs." in page
    assert "Expected discounted cash flow" not in page


def test_neither_the_package_nor_the_tables_load_matplotlib():
    code = (
        "import sys, clvmodels, clvmodels.report.tables as _; sys.exit(bool({'matplotlib', 'jinja2'} & {*sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_cautions_of_the_log_and_of_the_fits_stand_on_the_pages_once(made):
    log, of_fit = (Caution(name, f"<b>{name}</b> is doubtful.") for name in ("log", "fit"))
    past = replace(made.comparison.past, cautions=(log,))
    comparison = replace(made.comparison, past=past)
    rfm = replace(made.valuation.rfm, cautions=(log,))
    valuation = replace(made.valuation, forecast=replace(made.valuation.forecast, rfm=rfm))
    fits = [replace(made.fits[0], cautions=(of_fit,)), made.fits[1]]
    pages = comparison_page(comparison), demo_page(comparison, valuation, made.simple, fits, made.log.cleaning)
    for page, names in zip(pages, (["log"], ["log", "fit"]), strict=True):
        assert re.findall(r"<strong>Warning</strong>: &lt;b&gt;(\w+)&lt;/b&gt; is doubtful", page) == names
