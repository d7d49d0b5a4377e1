"""Every public door with a wrong value in the place of each argument in turn: an error of the package, or an answer.

A door is called with good arguments once. Then each argument is replaced by every wrong value of a list. What comes out
is an error of the package, or an answer where the value happens to be a right one: those that are, are listed in
``RIGHT``. It is never an error from the inside, such as a ``TypeError``, and never a warning of NumPy's. An operator
whose other operand is something else is Python's own ``TypeError``.
"""

from dataclasses import fields, replace
from datetime import date, timedelta
from functools import cache
from math import inf, nan
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

import clvmodels as clv
from clvmodels.errors import CLVError

pytestmark = pytest.mark.filterwarnings(
    "ignore::clvmodels.errors.CLVWarning"
)  # a caution about 60 customers is no matter here

MODELS = clv.BGNBD(r=1.2, alpha=4.0, a=3.0, b=8.0), clv.GammaGamma(p=6.0, q=6.0, gamma=15.0)


WRONG = {
    "None": None,
    "text": "nonsense",
    "no text": "",
    "NUL": "a\0b",
    "bytes": b"week",
    "0": 0,
    "-1": -1,
    "half": 0.5,
    "minus half": -0.5,
    "NaN": nan,
    "infinity": inf,
    "minus infinity": -inf,
    "True": True,
    "huge": 10**400,
    "complex": 1j,
    "class": clv.NUTS,
    "instance": clv.Laplace(draws=20),
    "model": MODELS[0],
    "dict": {"r": 1.0},
    "dict of wrong": {3: None},
    "empty list": [],
    "list": [1, "a", None],
    "nested": [[1.0], [2.0, 3.0]],
    "array": np.array([[1.0, nan]]),
    "NumPy's text": np.str_("x"),
    "NaT": pd.NaT,
    "NA": pd.NA,
    "time": timedelta(days=-1),
    "date": date(1, 1, 1),
    "frame": pd.DataFrame({"a": [1]}),
    "series": pd.Series([1.0, nan]),
    "function": repr,
    "object": object(),
    "dots": ...,
}


@cache
def orders():
    return clv.simulate_log(*MODELS, customers=60, start="2023-01-01", end="2023-12-31", unit="week", seed=0)


@cache
def log():
    return clv.Transactions(orders(), "customer_id", "date", "amount", observed_until="2023-12-31")


@cache
def rfm():
    return log().split("2023-09-30")[0].summarize("week")


@cache
def fits():
    method = clv.Laplace(draws=20)
    return clv.fit(clv.BGNBD, rfm(), method), clv.fit(clv.GammaGamma, rfm(), method)


@cache
def short_lived():
    sure = clv.LogNormal(5.0, spread=0.1)
    return clv.fit(clv.BGNBD, rfm(), clv.Laplace(draws=20, prior=clv.Prior({"r": sure, "a": sure})))


PLAN = clv.Plan(["6 months", "1 year"], discount=0.1, margin=0.3)


@cache
def valued():
    return clv.value(*fits(), rfm(), PLAN, futures=20)


@cache
def won():
    return clv.value_new_customer(*fits(), PLAN, futures=20)


@cache
def compared():
    return clv.compare([clv.SimpleFormula()], *log().split("2023-09-30"), futures=20)


@cache
def segments():
    return one_year().by(rfm().frequency > 0)


@cache
def shares():
    return clv.predict(fits()[0], rfm(), "1 year", 20).contributions()


def future():
    return log().split("2023-09-30")[1]


WHO = {"customer": "customer_id", "date": "date", "amount": "amount"}
SEEN = {"draws": 20, "seed": 1}


def fitted():
    return {"purchases": fits()[0], "rfm": rfm()}


def both():
    return {"purchases": fits()[0], "spend": fits()[1]}


def one_year():
    return valued().at("1 year")


DOORS = {
    "Transactions": (
        lambda: clv.Transactions,
        lambda: {
            "frame": orders(),
            **WHO,
            "time_zone": "Europe/Berlin",
            "date_format": None,
            "nulls": "drop",
            "zero_amounts": "drop",
            "returns": "drop",
            "acquired_since": "2023-02-01",
            "period": "1 day",
            "columns": [],
            "observed_until": "2023-12-31",
        },
    ),
    "read": (
        lambda: clv.read,
        lambda: {
            "path": "orders.csv",
            **WHO,
            **dict(zip(("separator", "decimal", "thousands", "encoding"), (",", ".", "", "utf-8"), strict=True)),
            **dict.fromkeys(("numbers", "columns"), ()),
            **dict.fromkeys(("nulls", "zero_amounts", "returns"), "drop"),
            "time_zone": "Europe/Berlin",
            "date_format": "%Y-%m-%d %H:%M:%S",
            "acquired_since": "2023-02-01",
            "period": "1 day",
            "observed_until": "2023-12-31",
        },
    ),
    "Transactions.split": (lambda: log().split, lambda: {"date": "2023-09-30"}),
    "Transactions.summarize": (lambda: log().summarize, lambda: {"unit": "week"}),
    "Transactions.purchases_by_customer": (lambda: log().purchases_by_customer, lambda: {"customer_ids": [1, 2]}),
    "RFM": (lambda: clv.RFM, lambda: {field.name: getattr(rfm(), field.name) for field in fields(clv.RFM)}),
    "RFM.from_frame": (
        lambda: clv.RFM.from_frame,
        lambda: {"frame": rfm().frame(), "unit": "week", "observed_until": "2023-09-30"},
    ),
    "RFM.take": (lambda: rfm().take, lambda: {"customers": slice(3)}),
    "Histories": (
        lambda: clv.Histories,
        lambda: {"x": [1.0], "t_x": [1.0], "T": [2.0], "group": None, "counts": None, "row": None},
    ),
    "Histories.merge": (
        lambda: clv.Histories.merge,
        lambda: {"x": np.ones(2), "t_x": np.ones(2), "T": np.ones(2), "group": None},
    ),
    "Histories.in_units_of": (lambda: rfm().histories.in_units_of, lambda: {"scale": 2.0}),
    "Histories.take": (lambda: rfm().histories.take, lambda: {"customers": slice(3)}),
    "Histories.at": (lambda: rfm().histories.at, lambda: {"histories": slice(3)}),
    "fit": (
        lambda: clv.fit,
        lambda: {"specification": clv.NBD, "rfm": rfm(), "method": clv.MaximumLikelihood(), "seed": 1},
    ),
    "Fit.in_unit": (lambda: fits()[0].in_unit, lambda: {"unit": "day"}),
    "Fit.evidence": (lambda: fits()[0].evidence, lambda: {"rfm": rfm()}),
    "Fit.leave_one_out": (lambda: fits()[0].leave_one_out, lambda: {"rfm": rfm()}),
    "LOO.gain_over": (
        lambda: fits()[0].leave_one_out(rfm()).gain_over,
        lambda: {"other": fits()[0].leave_one_out(rfm())},
    ),
    "Fit.to_arviz": (lambda: fits()[0].to_arviz, lambda: {"rfm": rfm()}),
    "Laplace": (lambda: clv.Laplace, lambda: {"draws": 20, "prior": clv.Prior(), "otherwise": None}),
    "NUTS": (
        lambda: clv.NUTS,
        lambda: {
            "draws": 20,
            "chains": 2,
            "tune": 20,
            "prior": clv.Prior(),
            "sampler": None,
            "progress": False,
            "fewest": 20,
        },
    ),
    "Bootstrap": (lambda: clv.Bootstrap, lambda: {"replicates": 20}),
    "Prior": (
        lambda: clv.Prior,
        lambda: {"parameters": {"r": clv.Gamma(1.0, 2.0)}, "others": clv.LogNormal(), "scale": 4.0},
    ),
    "Prior.parameters": (lambda: lambda one: clv.Prior({"r": one}), lambda: {"one": clv.LogNormal()}),
    "Prior.of": (lambda: clv.Prior().of, lambda: {"parameters": clv.BGNBD.parameters}),
    "Prior.words": (lambda: clv.Prior().words, lambda: {"parameters": clv.BGNBD.parameters, "scale": 4.0}),
    "Prior.sample": (
        lambda: clv.Prior().sample,
        lambda: {"specification": clv.BGNBD(), "scale": 4.0, "rng": np.random.default_rng(1), "size": 5},
    ),
    "Gamma": (lambda: clv.Gamma, lambda: {"shape": 1.0, "mean": 2.0}),
    "LogNormal": (lambda: clv.LogNormal, lambda: {"median": 1.0, "spread": 2.0}),
    "Normal": (lambda: clv.Normal, lambda: {"mean": 1.0, "sd": 2.0}),
    "LogitNormal": (lambda: clv.LogitNormal, lambda: {"median": 0.5, "spread": 2.0}),
    "Gamma.quantiles": (lambda: clv.Gamma(1.0, 2.0).quantiles, lambda: {"probability": [0.1, 0.5]}),
    "BGNBD": (lambda: clv.BGNBD, lambda: {"r": 1.0, "alpha": 1.0, "a": 1.0, "b": 1.0}),
    "ParetoNBD": (lambda: clv.ParetoNBD, lambda: {"r": 1.0, "alpha": 1.0, "s": 1.0, "beta": 1.0}),
    "GammaGamma": (lambda: clv.GammaGamma, lambda: {"p": 1.0, "q": 1.0, "gamma": 1.0, "of": "all"}),
    "register": (lambda: clv.register, lambda: {"model": clv.NBD}),
    "as_pymc": (lambda: clv.as_pymc, lambda: {"specification": clv.NBD, "rfm": rfm(), "prior": clv.Prior()}),
    "save": (lambda: clv.save, lambda: {"fits": fits()[0], "path": "x.json"}),
    "save several": (
        lambda: clv.save,
        lambda: {"fits": both(), "path": "y.json"},
    ),
    "load": (lambda: clv.load, lambda: {"path": "x.json"}),
    "load_fits": (lambda: clv.load_fits, lambda: {"path": "y.json"}),
    "predict": (
        lambda: clv.predict,
        lambda: {**fitted(), "horizon": "1 year", "futures": 20, "seed": 1, "threads": 1, "discount": 0.1},
    ),
    "probability_alive": (lambda: clv.probability_alive, lambda: {**fitted(), "after": "1 week"}),
    "purchase_distribution": (lambda: clv.purchase_distribution, lambda: {**fitted(), "horizon": "1 week", "most": 2}),
    "probability_of_purchases": (
        lambda: clv.probability_of_purchases,
        lambda: {**fitted(), "horizon": "1 week", "at_least": 2},
    ),
    "remaining_lifetime": (lambda: clv.remaining_lifetime, lambda: {**fitted(), "probabilities": (0.5,), "draws": 3}),
    "mean_remaining_lifetime": (lambda: clv.mean_remaining_lifetime, lambda: {**fitted(), "purchases": short_lived()}),
    "next_purchase": (lambda: clv.next_purchase, lambda: {**fitted(), "draws": 3}),
    "Plan": (
        lambda: clv.Plan,
        lambda: {"horizon": "1 year", "discount": 0.1, "margin": 0.3, "cost_per_purchase": 1.0, "cost_to_serve": 1.0},
    ),
    "Plan.terms": (lambda: PLAN.terms, lambda: {"rfm": rfm()}),
    "Plan.within": (lambda: PLAN.within, lambda: {"horizon": "1 year"}),
    "value": (
        lambda: clv.value,
        lambda: {**both(), "rfm": rfm(), "plan": PLAN, "futures": 20, "seed": 1, "threads": 1},
    ),
    "Valuation.at": (lambda: valued().at, lambda: {"horizon": "1 year"}),
    "Valuation.frame": (lambda: valued().frame, lambda: {"means": True, "progress": None}),
    "Valuation.frames": (lambda: lambda **of: list(valued().frames(**of)), lambda: {"customers": 50, "means": True}),
    "Valuation.summarize": (
        lambda: valued().summarize,
        lambda: {"summaries": {"p": clv.summaries.Mean()}, "progress": None},
    ),
    "Valuation.interval": (lambda: valued().interval, lambda: {"level": 0.9}),
    "Valuation.expected_interval": (lambda: valued().expected_interval, lambda: {"level": 0.9}),
    "Valuation.quantiles": (lambda: valued().quantiles, lambda: {"probabilities": [0.1]}),
    "Valuation.p_above": (lambda: valued().p_above, lambda: {"threshold": 3.0}),
    "Valuation.by": (lambda: one_year().by, lambda: {"segment": rfm().frequency > 0, "progress": None}),
    "Valuation.contributions": (lambda: one_year().contributions, lambda: {"shares": [0.1]}),
    "Valuation -": (lambda: lambda other: valued() - other, lambda: {"other": valued()}),
    "Forecast.at": (lambda: valued().forecast.at, lambda: {"horizon": "1 year"}),
    "Forecast.within": (lambda: valued().forecast.within, lambda: {"horizon": 0}),
    "Forecast.take": (lambda: valued().forecast.take, lambda: {"customers": slice(3)}),
    "Forecast.frame": (lambda: valued().forecast.frame, lambda: {"means": True, "progress": None}),
    "Forecast.frames": (
        lambda: lambda **of: list(valued().forecast.frames(**of)),
        lambda: {"customers": 50, "means": True},
    ),
    "Forecast -": (lambda: lambda other: valued().forecast - other, lambda: {"other": valued().forecast}),
    "Total.interval": (lambda: one_year().total().interval, lambda: {"level": 0.9}),
    "Total.expected_interval": (lambda: one_year().total().expected_interval, lambda: {"level": 0.9}),
    "Total +": (lambda: lambda other: one_year().total() + other, lambda: {"other": one_year().total()}),
    "Segments.frame": (lambda: segments().frame, lambda: {"level": 0.9}),
    "Segments[]": (lambda: lambda name: segments()[name], lambda: {"name": True}),
    "Segments +": (
        lambda: lambda other: segments() + other,
        lambda: {"other": segments()},
    ),
    "Contributions.frame": (
        lambda: shares().frame,
        lambda: {"level": 0.9},
    ),
    "Contributions.lorenz": (
        lambda: shares().lorenz,
        lambda: {"level": 0.9},
    ),
    "Contributions.gini": (
        lambda: shares().gini,
        lambda: {"level": 0.9},
    ),
    "summaries.Known": (
        lambda: lambda name: valued().summarize({"x": clv.summaries.Known(name)}),
        lambda: {"name": "p_alive"},
    ),
    "summaries.Quantile": (
        lambda: lambda **of: valued().summarize({"x": clv.summaries.Quantile(**of)}),
        lambda: {"probability": 0.5, "over": "expected"},
    ),
    "summaries.Above": (
        lambda: lambda **of: valued().summarize({"x": clv.summaries.Above(**of)}),
        lambda: {"threshold": 3.0},
    ),
    "value_new_customer": (lambda: clv.value_new_customer, lambda: {**both(), "plan": PLAN, "futures": 20, "seed": 1}),
    "NewCustomerValue.at": (lambda: won().at, lambda: {"horizon": "1 year"}),
    "NewCustomerValue.cohort": (lambda: won().cohort, lambda: {"customers": 3}),
    "NewCustomerValue.frame": (lambda: won().frame, lambda: {"level": 0.9, "means": True}),
    "NewCustomerValue.quantiles": (lambda: won().quantiles, lambda: {"probabilities": [0.5]}),
    "SimpleFormula": (
        lambda: clv.SimpleFormula,
        lambda: {"lifespan": "span", "gap": "13 weeks", "survival": "certain", "orders": "all", "per_customer": True},
    ),
    "SimpleFormula.value": (
        lambda: clv.SimpleFormula().value,
        lambda: {"rfm": rfm(), "plan": PLAN, "resamples": 3, "seed": 1},
    ),
    "SimpleFormula.predict": (
        lambda: clv.SimpleFormula().predict,
        lambda: {"rfm": rfm(), "horizon": "1 year", "resamples": 3, "seed": 1},
    ),
    "compare": (
        lambda: clv.compare,
        lambda: {
            "candidates": [clv.SimpleFormula()],
            "past": log().split("2023-09-30")[0],
            "future": future(),
            "futures": 3,
            "seed": 1,
            "unit": "week",
            "progress": None,
        },
    ),
    "compare one": (
        lambda: lambda one: clv.compare([one], *log().split("2023-09-30"), futures=3),
        lambda: {"one": clv.SimpleFormula()},
    ),
    "Comparison.to_json": (lambda: compared().to_json, lambda: {"path": "c.json"}),
    "Comparison.to_csv": (lambda: compared().to_csv, lambda: {"path": "c.csv"}),
    "Comparison.to_html": (lambda: compared().to_html, lambda: {"path": "c.html"}),
    "ModelCandidate": (
        lambda: clv.ModelCandidate,
        lambda: {"purchases": clv.NBD, "spend": clv.GammaGamma, "method": clv.MaximumLikelihood()},
    ),
    "FitCandidate": (lambda: clv.FitCandidate, both),
    "ModelCandidate.predict": (
        lambda: clv.ModelCandidate(clv.NBD, method=clv.MaximumLikelihood()).predict,
        lambda: {"past": replace(rfm(), monetary_value=None), "horizon": "1 year", "futures": 3, "seed": 1},
    ),
    "FitCandidate.predict": (
        lambda: clv.FitCandidate(*fits()).predict,
        lambda: {"past": replace(rfm(), monetary_value=None), "horizon": "1 year", "futures": 3, "seed": 1},
    ),
    "calibrate": (
        lambda: clv.calibrate,
        lambda: {
            "specification": clv.NBD,
            "method": clv.Laplace(draws=20, prior=clv.Prior(scale=4.0)),
            "prior": clv.Prior(scale=4.0),
            "design": None,
            "runs": 1,
            "among": 9,
            "seed": 1,
        },
    ),
    "simulate_customers": (
        lambda: clv.simulate_customers,
        lambda: {"purchases": MODELS[0], "spend": MODELS[1], "ages": [3.0, 4.0], "unit": "week", "seed": 1},
    ),
    "simulate_log": (
        lambda: clv.simulate_log,
        lambda: {
            "purchases": MODELS[0],
            "spend": MODELS[1],
            "customers": 3,
            "start": "2023-01-01",
            "end": "2023-02-01",
            "unit": "week",
            "acquired_until": "2023-01-10",
            "seed": 1,
        },
    ),
    "checks.check": (lambda: clv.checks.check, lambda: {"fit": fits()[0], "rfm": rfm(), "future": future(), **SEEN}),
    "checks.check of spend": (
        lambda: clv.checks.check,
        lambda: {"fit": fits()[1], "rfm": rfm(), "future": future(), **SEEN},
    ),
    "checks.frequency_histogram": (
        lambda: clv.checks.frequency_histogram,
        lambda: {"purchases": fits()[0], "rfm": rfm(), "most": 4, **SEEN},
    ),
    "checks.tracking": (
        lambda: clv.checks.tracking,
        lambda: {"purchases": fits()[0], "rfm": rfm(), "future": future(), "every": "1 week", **SEEN},
    ),
    "checks.conditional_expectations": (
        lambda: clv.checks.conditional_expectations,
        lambda: {"purchases": fits()[0], "rfm": rfm(), "future": future(), "by": "frequency", "most": 4, **SEEN},
    ),
    "checks.spend_density": (lambda: clv.checks.spend_density, lambda: {"spend": fits()[1], "rfm": rfm(), **SEEN}),
    "checks.spend_independence": (
        lambda: clv.checks.spend_independence,
        lambda: {"spend": fits()[1], "rfm": rfm(), "purchases": fits()[0], "horizon": "1 year", **SEEN},
    ),
    "checks.prior_predictive": (
        lambda: clv.checks.prior_predictive,
        lambda: {"specification": clv.NBD, "rfm": rfm(), "prior": clv.Prior(), **SEEN},
    ),
}

# What is right after all: the labels of values, and the arguments that take them.
_RIGHT = (
    ({"0"}, "seed tune horizon name"),  # a position of Forecast.within; a segment
    ({"half"}, "shape median spread sd level shares probabilities period scale"),
    ({"0", "-1", "half", "minus half"}, "mean threshold"),
    ({"half", "frame"}, "r alpha a b s beta p q gamma"),  # a table of numbers is an array of draws
    ({"0", "half", "empty list", "frame"}, "x t_x T probability"),
    ({"True"}, "means per_customer name progress"),  # progress is a flag of NUTS, and elsewhere what is called
    ({"class", "function"}, "progress"),
    ({"instance"}, "method otherwise"),
    ({"model"}, "purchases"),
    ({"date"}, "start acquired_since observed_from observed_until"),
    ({"empty list"}, "customers histories columns customer_ids parameters numbers"),
    ({"no text"}, "parameters thousands"),
    ({"text", "NumPy's text"}, "path"),
    ({"text", "no text", "NUL", "NumPy's text", "half"}, "discount margin cost_per_purchase cost_to_serve"),  # columns
    ({"0"}, "discount cost_per_purchase cost_to_serve"),
    ({"None"}, "amount time_zone date_format acquired_since acquired_until observed_until period monetary_value"),
    ({"None"}, "first_spend calendar cleaning group counts row rfm method otherwise sampler progress threads after"),
    ({"None"}, "separator decimal thousands encoding observed_from gaps"),
    ({"None"}, "spend purchases prior scale design future"),
)
RIGHT = {
    name: set().union(*(labels for labels, names in _RIGHT if name in names.split()))
    for _, names in _RIGHT
    for name in names.split()
}


@pytest.mark.parametrize("name", DOORS)
def test_a_wrong_value_is_refused_by_name_or_right(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    clv.save(fits()[0], "x.json")
    clv.save(both(), "y.json")
    orders().to_csv("orders.csv", index=False)
    find, arguments = DOORS[name]
    door, good = find(), arguments()
    door(**good)
    for argument in good:
        for label, wrong in WRONG.items():
            try:
                door(**good | {argument: wrong})
            except CLVError as error:
                assert str(error).strip()  # noqa: PT017 -- which of the values are refused is the question
            except TypeError as error:
                assert "unsupported operand" in str(error), f"{name}({argument}={label}): {error!r}"  # noqa: PT017
                assert argument == "other"
            except Exception as error:  # noqa: BLE001 -- whatever else comes is what should not
                pytest.fail(f"{name}({argument}={label}): {error!r}")
            else:
                assert label in RIGHT.get(argument, set()), f"{name}({argument}={label}) is accepted"


def test_every_public_function_and_class_has_a_door():
    made = {"Comparison", "Fit", "Forecast", "NewCustomerValue", "Valuation"}  # results, which users do not make
    without = {"Settings", "MaximumLikelihood", "MBGNBD", "NBD"}  # without arguments, or like BGNBD
    callables = {name for name in clv.__all__ if callable(getattr(clv, name))}
    assert callables - made - without - {door.split(".")[0].split(" ")[0] for door in DOORS} == set()
    assert set(clv.checks.__all__) - {"Check"} <= {door.removeprefix("checks.") for door in DOORS}


def test_other_types_that_mean_the_same_are_accepted(tmp_path):
    berlin = ZoneInfo("Europe/Berlin")
    renamed = orders().set_axis([0, 1, 2], axis=1)
    numbered = clv.Transactions(renamed, 0, 1, 2, time_zone=berlin, observed_until="2023-12-31")
    named = clv.Transactions(orders(), **WHO, time_zone="Europe/Berlin", observed_until=date(2023, 12, 31))
    pd.testing.assert_frame_equal(numbered.summarize().frame(), named.summarize().frame())
    few = clv.fit(clv.NBD, rfm(), clv.Laplace(draws=np.int64(20)), seed=np.uint8(3))
    assert few.draws.draws == 20
    clv.save(few, str(tmp_path / "text.json"))
    clv.save(few, tmp_path / "path.json")
    assert (tmp_path / "text.json").read_bytes() == (tmp_path / "path.json").read_bytes()
    assert clv.load(tmp_path / "path.json").method == clv.Laplace(draws=20)


def test_an_rfm_by_its_constructor_takes_lists():
    lists = {"customer_id": ["a", "b"], "frequency": [1, 0], "recency_days": [7, 0], "T_days": [21, 14]}
    made = clv.RFM(**lists, unit="week", columns={0: ["x", "y"]}, observed_until="2023-12-31")
    assert made.frequency.dtype == np.int64
    assert made.T.tolist() == [3.0, 2.0]
    assert made.observed_until == date(2023, 12, 31)
    again = clv.RFM.from_frame(made.frame(), unit="week")
    pd.testing.assert_frame_equal(made.frame(), again.frame())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"frequency": [0.5, 0]}, "1 of 2 frequencies are not whole numbers"),
        ({"frequency": [10**12, 0]}, "1 of 2 frequencies are not whole numbers below"),
        ({"T_days": [nan, 14]}, "missing or infinite recency or T"),
        ({"T_days": [1e300, 14]}, "more than 1,000,000,000 days"),
        ({"recency_days": [1e-300, 0]}, "above 0 and below 1e-12 days"),
        ({"customer_id": [1.5, 2.5]}, "customer_id holds whole numbers or text"),
        ({"customer_id": [1, "b"]}, "customer_id holds whole numbers or text"),
        ({"customer_id": ["a", "a"]}, "stand there more than once"),
        ({"unit": "fortnight"}, "is not a time unit"),
        ({"monetary_value": [1e300, 0]}, "have a spend beyond"),
        ({"columns": {"segment": "ab"}}, "is a list or an array with one value each"),
        ({"columns": {"segment": ["a"]}}, "Each column needs one value for each of the 2 customers"),
    ],
    ids=str,
)
def test_an_rfm_by_its_constructor_is_checked(wrong, message):
    good = {"customer_id": ["a", "b"], "frequency": [1, 0], "recency_days": [7, 0], "T_days": [21, 14], "unit": "week"}
    with pytest.raises(CLVError, match=message):
        clv.RFM(**good | wrong)
