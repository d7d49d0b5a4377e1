"""The worst inputs, all along the road: each is refused in a sentence that helps, or has the right answer.

No input may end in an error of another library, and none in a number that is no number. How logs are read, whatever
holds them, is in ``test_inputs.py``.
"""

import json
import re
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import clvmodels as clv
from clvmodels.errors import (
    CLVError,
    CLVWarning,
    DataError,
    FitError,
    InfiniteMeanError,
    PriorWarning,
    SettingError,
    UnitError,
)
from clvmodels.evaluation.compare import standard_candidates

PLAN = clv.Plan("1 year", discount=0.10, margin=0.30)
POINT = clv.MaximumLikelihood()


def value_of(rfm, plan=PLAN, method=POINT, model=clv.BGNBD):
    purchases, spend = clv.fit(model, rfm, method), clv.fit(clv.GammaGamma, rfm, method)
    return clv.value(purchases, spend, rfm, plan, futures=20)


def road(frame, plan=PLAN, unit="week", method=POINT, **options):
    return value_of(clv.Transactions(frame, "who", "when", "paid", **options).summarize(unit), plan, method)


def assert_finite(*frames):
    for frame in frames:
        numbers = frame.select_dtypes("number").to_numpy(dtype=float)
        assert numbers.size
        assert np.isfinite(numbers).all()


def assert_helps(error):
    """A message is made of sentences, and nothing of what another library would say."""
    text = str(error)
    assert len(text) > 40
    assert text[-1] == "."
    assert not re.search(r"Error\b|Traceback|dtype=|array\(|\bnp\.|NoneType", text), text


# --- logs ------------------------------------------------------------------------------------------------------------


def shop() -> pd.DataFrame:
    """Every fourth customer of CDNOW, first 39 weeks."""
    table = clv.datasets.load_cdnow().rename(columns={"customer_id": "who", "date": "when", "amount": "paid"})
    return table[(table["when"] <= "1997-09-30") & (table["who"].astype(int) % 4 == 0)].reset_index(drop=True)


def fifth(frame, column, value):
    """Return the frame with another value in its fifth row."""
    return frame.assign(**{column: frame[column].astype(object).where(np.arange(len(frame)) != 4, value)})


@dataclass(frozen=True)
class Refused:
    """A log, or a table, that is refused."""

    change: Callable[[Any], Any]
    error: type[CLVError]
    message: str
    options: dict[str, Any] = field(default_factory=dict)


REFUSED_LOGS = {
    "empty": Refused(lambda s: s.iloc[:0], DataError, "There is no row in these data: at least one purchase is needed"),
    "one row": Refused(
        lambda s: s.iloc[:1], FitError, r"observed for no time at all \(T = 0\). Observe them for longer"
    ),
    "one customer": Refused(
        lambda s: s[s["who"] == s["who"].value_counts().index[0]],
        FitError,
        "Only 1 of 1 customers bought again, and 4 parameters need 10 .* Use a longer log",
    ),
    "one day": Refused(lambda s: s.assign(when="1997-01-01"), FitError, r"observed for no time at all \(T = 0\)"),
    "all bought once": Refused(
        lambda s: s.drop_duplicates("who"),
        FitError,
        r"589 .*bought once, so nothing tells .* Use a longer log",
    ),
    "only returns": Refused(
        lambda s: s.assign(paid=-1 - s["paid"]),
        DataError,
        r"There is no purchase in these data: [\d,]+ rows are returns",
    ),
    "all returned": Refused(
        lambda s: pd.concat([s, s.assign(paid=-s["paid"])]).query("paid != 0"),
        DataError,
        "all of them were returned in",
    ),
    "amounts of zero": Refused(
        lambda s: s.assign(paid=0),
        FitError,
        "No customer has a repeat purchase of positive value",
    ),
    "all the same amount": Refused(
        lambda s: s.assign(paid=10).drop_duplicates(["who", "when"]), FitError, "the same, 10"
    ),
    "future dates": Refused(
        lambda s: s.assign(when=s["when"] + pd.Timedelta(days=36525)),
        DataError,
        r"([\d,]+) of \1 rows have a date .* in the future. Mend or leave out these rows, or pass observed_until=",
    ),
    "mixed time zones": Refused(
        lambda s: s.assign(when=[t.tz_localize("UTC" if i % 2 else "Asia/Tokyo") for i, t in enumerate(s["when"])]),
        DataError,
        "dates in several time zones, .* Say which zone's days count, for example time_zone=",
    ),
    "time zones on half of the rows": Refused(
        lambda s: s.assign(when=[t.tz_localize("UTC") if i % 2 else t for i, t in enumerate(s["when"])]),
        DataError,
        "mixes dates with a time zone",
    ),
    "an unknown unit": Refused(
        lambda s: s, UnitError, "'fortnight' is not a time unit. Use one of", {"unit": "fortnight"}
    ),
    "no unit": Refused(lambda s: s, UnitError, "None is not a time unit", {"unit": None}),
    "an unknown rule": Refused(
        lambda s: s, SettingError, "nulls = 'ignore' is not known. Use one of", {"nulls": "ignore"}
    ),
    "an end before the log's": Refused(
        lambda s: s, SettingError, "after observed_until = 1997-06-30", {"observed_until": "1997-06-30"}
    ),
}


@pytest.mark.parametrize("name", REFUSED_LOGS)
def test_a_log_that_cannot_be_used_is_refused_with_advice(name):
    case = REFUSED_LOGS[name]
    with pytest.raises(case.error, match=case.message) as refused:
        road(case.change(shop()), **case.options)
    assert_helps(refused.value)


@dataclass(frozen=True)
class Answered:
    """A log that has the same answer as the plain one, up to a factor in money."""

    change: Callable[[pd.DataFrame], Any]
    factor: float = 1.0
    options: dict[str, Any] = field(default_factory=dict)
    caution: str | None = None


ANSWERED_LOGS = {
    "unsorted": Answered(lambda s: s.sample(frac=1, random_state=2)),
    "duplicate rows": Answered(lambda s: pd.concat([s, s]), factor=2.0, caution="Every row from 1997-01-01"),
    "amounts of 1e9": Answered(lambda s: s.assign(paid=s["paid"] * 1e9), factor=1e9),
    "amounts of 1e-12": Answered(lambda s: s.assign(paid=s["paid"] * 1e-12), factor=1e-12),
    "number ids": Answered(lambda s: s.assign(who=s["who"].astype(int))),
    "negative ids": Answered(lambda s: s.assign(who=s["who"].astype(int) - 10_000)),
    "ids with a null character": Answered(lambda s: s.assign(who="\0" + s["who"])),
    "evenings in UTC, days in Berlin": Answered(
        lambda s: s.assign(when=(s["when"] - pd.Timedelta(minutes=45)).dt.tz_localize("UTC")),
        options={"time_zone": "Europe/Berlin"},
    ),
    "units in the plural": Answered(lambda s: s, options={"unit": "Weeks"}),
    "hours": Answered(lambda s: s, options={"unit": "hour"}),
    "years": Answered(lambda s: s, options={"unit": "year"}),
    "a return before the first purchase": Answered(
        lambda s: pd.concat([s, pd.DataFrame({"who": ["0100"], "when": [pd.Timestamp("1997-01-01")], "paid": [-5.0]})])
    ),
}


@pytest.fixture(scope="module")
def plain():
    return road(shop()).frame().sort_values("clv_mean")


@pytest.mark.parametrize("name", ANSWERED_LOGS)
def test_a_log_that_only_looks_bad_has_the_answer_of_the_plain_one(name, plain):
    case = ANSWERED_LOGS[name]
    with pytest.warns(CLVWarning, match=case.caution) if case.caution else nullcontext():
        made = road(case.change(shop()), **case.options)
    frame = made.frame().sort_values("clv_mean")
    assert_finite(frame, made.interval())
    assert frame["p_alive"].to_numpy() == pytest.approx(plain["p_alive"].to_numpy(), rel=1e-5)
    assert frame["clv_mean"].to_numpy() == pytest.approx(case.factor * plain["clv_mean"].to_numpy(), rel=1e-5, abs=0)


@pytest.mark.parametrize("amount", [1e9, 5e12])
def test_one_enormous_first_purchase_is_in_the_past_and_changes_nothing_ahead(amount, plain):
    frame = road(fifth(shop(), "paid", amount).astype({"paid": float})).frame()
    assert_finite(frame)
    assert frame["past_value"].max() == pytest.approx(0.30 * amount, rel=1e-3)
    assert frame["clv_mean"].sum() == pytest.approx(plain["clv_mean"].sum(), rel=1e-9)


@pytest.mark.parametrize("amount", [1e9, 5e12])
def test_one_enormous_repeat_purchase_is_refused(amount):
    repeats = shop().sort_values(["who", "when"]).duplicated("who").sort_index()
    assert repeats[7]
    with pytest.raises(
        FitError, match=r"Gamma-Gamma cannot be used on these data\. The estimates ran to the border"
    ) as no:
        road(shop().assign(paid=lambda s: s["paid"].where(s.index != 7, amount)))
    assert_helps(no.value)


# --- ready tables ----------------------------------------------------------------------------------------------------


def ready() -> pd.DataFrame:
    table = clv.Transactions(shop(), "who", "when", "paid").summarize().frame()
    return table.drop(columns="first_spend")


def returning(table, **values):
    """Return the table with other values for those who returned."""
    return table.assign(**{name: table[name].where(table["frequency"] == 0, value) for name, value in values.items()})


REFUSED_TABLES = {
    "no rows": Refused(
        lambda t: t.iloc[:0], DataError, "There is no customer in these data: at least one row is needed"
    ),
    "missing column": Refused(lambda t: t.drop(columns="T"), DataError, "There is no column 'T'. The columns are"),
    "recency and T exchanged": Refused(
        lambda t: t.rename(columns={"recency": "T", "T": "recency"}), DataError, "584 of 589 .* recency > T.* exchanged"
    ),
    "recency > T": Refused(lambda t: returning(t, recency=t["T"] + 1), DataError, "have recency > T"),
    "recency counted back from today": Refused(
        lambda t: t.assign(recency=t["T"] - t["recency"]),
        DataError,
        "recency > 0 with no repeat purchase.* pass T - rec",
    ),
    "negative recency": Refused(lambda t: returning(t, recency=-1.0), DataError, "have a negative recency"),
    "frequency of all purchases": Refused(
        lambda t: t.assign(frequency=t["frequency"] + 1),
        DataError,
        "repeat purchases but recency 0.* pass frequency - 1",
    ),
    "fractional frequency": Refused(
        lambda t: t.assign(frequency=t["frequency"] + 0.5),
        DataError,
        "589 of 589 frequencies are not whole .* not a rate",
    ),
    "negative frequency": Refused(
        lambda t: t.assign(frequency=-1), DataError, "589 of 589 customers have a negative freq"
    ),
    "missing frequency": Refused(
        lambda t: t.assign(frequency=np.nan), DataError, "no usable value in column 'frequency'"
    ),
    "frequency in words": Refused(lambda t: t.assign(frequency="often"), DataError, "are not numbers: 'often'"),
    "infinite T": Refused(
        lambda t: t.assign(T=np.inf), DataError, "589 of 589 rows have no usable value in column 'T'"
    ),
    "negative T": Refused(lambda t: t.assign(T=-1.0), DataError, "589 of 589 customers have a negative T"),
    "missing money of who returned": Refused(
        lambda t: t.assign(monetary_value=np.nan), DataError, "no usable value in column 'monetary_value'"
    ),
    "infinite money": Refused(
        lambda t: returning(t, monetary_value=np.inf), DataError, "no usable value in column 'monetary_value'"
    ),
    "negative money": Refused(
        lambda t: returning(t, monetary_value=-1.0), DataError, "have a negative spend. Net returns"
    ),
    "money of all purchases": Refused(
        lambda t: t.assign(monetary_value=9.0), DataError, "have a monetary_value but no repeat purchase .* first_spend"
    ),
    "one id for all": Refused(
        lambda t: t.assign(customer_id=7), DataError, "588 of 589 customers stand there more than"
    ),
    "missing id": Refused(
        lambda t: fifth(t, "customer_id", None), DataError, "1 of 589 rows have no usable value in col"
    ),
    "T = 0 for everybody": Refused(
        lambda t: t.assign(frequency=0, recency=0.0, T=0.0, monetary_value=0.0), FitError, r"no time at all \(T = 0\)"
    ),
    "everyone alive": Refused(
        lambda t: returning(t, recency=t["T"]).query("frequency > 0"),
        FitError,
        "No drop-out identified: .* Fit clv.NBD, which has no drop-out",
    ),
    "ties": Refused(
        lambda _: pd.DataFrame(
            {"customer_id": range(300), "frequency": [0, 1, 3] * 100, "recency": [0, 4, 20] * 100, "T": 30}
        ).assign(monetary_value=lambda u: 10.0 * u["frequency"]),
        FitError,
        "cannot be used on these data. The estimates ran to the border",
    ),
}


@pytest.mark.parametrize("name", REFUSED_TABLES)
def test_a_table_that_cannot_be_used_is_refused_with_advice(name):
    case = REFUSED_TABLES[name]
    with pytest.raises(case.error, match=case.message) as refused:
        value_of(clv.RFM.from_frame(case.change(ready()), unit="week"))
    assert_helps(refused.value)


def test_missing_money_of_who_never_returned_is_none():
    table = ready()
    blank = table.assign(monetary_value=table["monetary_value"].where(table["frequency"] > 0))
    one, other = (value_of(clv.RFM.from_frame(t, unit="week")).frame() for t in (table, blank))
    pd.testing.assert_frame_equal(one, other)


def test_where_everyone_is_alive_the_model_without_drop_out_answers():
    rfm = clv.RFM.from_frame(returning(ready(), recency=ready()["T"]).query("frequency > 0"), unit="week")
    frame = value_of(rfm, clv.Plan("13 weeks"), model=clv.NBD).frame()
    assert_finite(frame)
    assert (frame["p_alive"] == 1).all()
    as_before = 13 * rfm.frequency.sum() / rfm.T.sum() * len(rfm)
    assert frame["expected_purchases"].sum() == pytest.approx(as_before, rel=0.02)


def test_where_everyone_is_gone_next_to_nothing_is_expected_of_who_returned():
    rfm = clv.RFM.from_frame(ready().assign(T=lambda t: t["T"] + 2000), unit="week")
    frame = value_of(rfm).frame()
    assert_finite(frame)
    assert frame["p_alive"][rfm.frequency > 0].max() < 0.2
    assert frame["expected_purchases"].sum() < 0.02 * rfm.frequency.sum()


def test_who_buys_five_thousand_times_has_a_finite_future():
    table = ready()
    heavy = table.index[0]
    table.loc[heavy, ["frequency", "recency", "T", "monetary_value"]] = [5000, 38.0, 38.005, 20.0]
    rfm = clv.RFM.from_frame(table, unit="week")
    made = value_of(rfm, clv.Plan("39 weeks"))
    assert_finite(made.frame(), made.interval())
    row = made.frame().loc[heavy]
    assert row["p_alive"] > 0.5
    assert 1000 < row["expected_purchases"] < 5100
    assert row["expected_spend"] == pytest.approx(20, rel=0.02)


def test_a_of_exactly_one_is_no_hole(cdnow_rfm, cdnow_purchases_point):
    few = cdnow_rfm.take(slice(100))
    point = cdnow_purchases_point.estimate

    def means(a):
        model = replace(cdnow_purchases_point, maximum=clv.BGNBD(point.r, point.alpha, a, point.b))
        return clv.predict(model, few, "39 weeks", futures=20).frame()["purchases_mean"].to_numpy()

    assert means(1.0) == pytest.approx((means(1 - 1e-4) + means(1 + 1e-4)) / 2, rel=1e-6)


@pytest.mark.parametrize("q", [0.5, 1.0])
def test_an_infinite_mean_spend_is_refused_with_its_share(cdnow_rfm, cdnow_purchases_point, cdnow_spend_point, q):
    wild = replace(cdnow_spend_point, maximum=clv.GammaGamma(6.0, q, 15.0))
    made = clv.value(cdnow_purchases_point, wild, cdnow_rfm, PLAN, futures=20)
    with pytest.raises(
        InfiniteMeanError,
        match=r"1,411 of 2,357 customers have an infinite expected spend under some draws of the parameters, 59.9 % of "
        r"all pairs.*frame\(means=False\).* look at the largest",
    ):
        made.frame()
    with pytest.raises(InfiniteMeanError, match=r"What customers will really bring .* use interval\(\)"):
        made.total().mean  # noqa: B018 -- asking is what is refused
    assert_finite(made.frame(means=False), made.interval())


def of_the_first(customers, method):
    table = shop()
    return road(table[table["who"].isin(table["who"].unique()[:customers])], method=method)


@pytest.mark.parametrize(("customers", "returned"), [(12, 1), (30, 6)])
@pytest.mark.filterwarnings("ignore:Gamma-Gamma")
def test_few_customers_need_a_prior_and_have_an_answer_with_a_caution(customers, returned):
    message = f"Only {returned} of {customers} customers bought again, .* 10 .*"
    with pytest.raises(FitError, match=message) as no:
        of_the_first(customers, POINT)
    assert_helps(no.value)
    with pytest.warns(PriorWarning, match=message):
        made = of_the_first(customers, clv.Laplace())
    assert_finite(made.frame(means=False), made.interval())


@pytest.mark.parametrize("method", [POINT, clv.Laplace()], ids=["point", "draws"])
def test_a_hundred_customers_have_a_finite_answer(method):
    made = of_the_first(100, method)
    assert_finite(made.frame(), made.interval())


# --- settings --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Misuse:
    """A call with a setting out of its range."""

    call: Callable[[Any], Any]
    error: type[CLVError]
    message: str


MISUSES = {
    "horizon of text without a unit": Misuse(
        lambda _: clv.Plan("39"), UnitError, "'39' is not a duration. Write a number"
    ),
    "horizon of a number": Misuse(lambda _: clv.Plan(39), UnitError, "39 is not a duration. Write a number and a unit"),
    "negative horizon": Misuse(lambda _: clv.Plan("-3 weeks"), UnitError, "'-3 weeks' is not a duration"),
    "horizon of nothing": Misuse(lambda _: clv.Plan("0 weeks"), UnitError, "longer than nothing, .* 0 days"),
    "negative timedelta": Misuse(
        lambda _: clv.Plan(pd.Timedelta(days=-3)), UnitError, "longer than nothing, .* -3 days"
    ),
    "horizon in fortnights": Misuse(lambda _: clv.Plan("2 fortnights"), UnitError, "'fortnights' is not a time unit"),
    "negative discount": Misuse(
        lambda _: clv.Plan("1 year", -0.1), UnitError, "effective yearly rate, such as 0.10 .* -0.1 is not"
    ),
    "discount that is no number": Misuse(
        lambda _: clv.Plan("1 year", np.nan), UnitError, "effective yearly rate, .* nan is not"
    ),
    "margin in percent": Misuse(lambda _: clv.Plan("1 year", margin=30), SettingError, r"0.30 for 30 %, .*; 30 is not"),
    "margin of nothing": Misuse(lambda _: clv.Plan("1 year", margin=0), SettingError, "0.30 for 30 %, .*; 0 is not"),
    "margin in words": Misuse(
        lambda v: clv.Plan("1 year", margin="0.3").terms(v.rfm),
        SettingError,
        "from the column '0.3', which the RFM does not have; its columns are: none.* or write a number",
    ),
    "negative cost": Misuse(
        lambda _: clv.Plan("1 year", cost_to_serve=-1),
        SettingError,
        "cost_to_serve is money a year, 0 or more.*; -1 is",
    ),
    "no horizon": Misuse(lambda _: clv.Plan([]), SettingError, "one or more different durations"),
    "one horizon twice": Misuse(
        lambda _: clv.Plan(["1 year", "12 months"]), SettingError, "one or more different durations"
    ),
    "another horizon": Misuse(lambda v: v.at("7 years"), SettingError, "'7 years' is not among the horizons of this"),
    "segment in no column": Misuse(
        lambda v: v.by("channel"), SettingError, "no column 'channel'. Its columns are: none"
    ),
    "probability in percent": Misuse(
        lambda v: v.quantiles([50]), SettingError, r"between 0 and 1, such as \(0.1, 0.5\); \[50\] do not"
    ),
    "threshold in words": Misuse(lambda v: v.p_above("100"), SettingError, "no column '100'. Its columns are: none"),
    "endless threshold": Misuse(lambda v: v.p_above(np.inf), SettingError, "a finite number; threshold=inf is not"),
    "endless and undiscounted": Misuse(
        lambda _: clv.Plan("infinite"), SettingError, "An infinite horizon needs a discount"
    ),
    "level in percent": Misuse(lambda v: v.interval(90), SettingError, "between 0 and 1, such as 0.90; 90 does not"),
    "level of the total in percent": Misuse(
        lambda v: v.total().interval(90), SettingError, "such as 0.90; 90 does not"
    ),
    "level of nothing": Misuse(lambda v: v.interval(0), SettingError, "between 0 and 1, such as 0.90; 0 does not"),
    "interval of a point": Misuse(
        lambda v: v.expected_interval(), SettingError, r"The parameters are a point.*Laplace\(\)"
    ),
}


@pytest.fixture(scope="module")
def valuation():
    return road(shop())


@pytest.mark.parametrize("name", MISUSES)
def test_a_setting_out_of_range_is_refused_with_advice(name, valuation):
    case = MISUSES[name]
    with pytest.raises(case.error, match=case.message) as refused:
        case.call(valuation)
    assert_helps(refused.value)


@pytest.mark.parametrize(("name", "wrong"), [("seed", -1), ("seed", 1.5), ("futures", 0), ("futures", -3)])
def test_seeds_and_futures_out_of_range_are_refused(name, wrong, cdnow_rfm, cdnow_purchases_point, cdnow_spend_point):
    resampled = {"futures": "resamples"}.get(name, name)
    for call, setting in (
        (lambda of: clv.value(cdnow_purchases_point, cdnow_spend_point, cdnow_rfm, PLAN, **of), name),
        (lambda of: clv.predict(cdnow_purchases_point, cdnow_rfm, "1 year", **of), name),
        (lambda of: clv.SimpleFormula().value(cdnow_rfm, PLAN, **of), resampled),
    ):
        with pytest.raises(SettingError, match=f"{setting}={wrong} is not"):
            call({setting: wrong})


def test_ten_is_no_yearly_rate():
    with pytest.raises(UnitError, match=r"effective yearly rate, such as 0\.10 for 10 % a year, .*; 10 is not"):
        clv.Plan("1 year", discount=10)
    assert "100 % a year" in str(clv.Plan("1 year", discount=1.0))


@pytest.mark.parametrize("plan", [clv.Plan("1 hour"), clv.Plan("1000 years", 0.1), clv.Plan("infinite", 0.1)], ids=str)
def test_extreme_horizons_have_finite_answers(plan):
    made = road(shop()[shop()["who"] < "0800"], plan)
    assert_finite(made.frame(), made.interval())
    assert made.total().mean > 0


# --- splits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("day", ["1996-12-31", "1998-06-30", "2030-01-01"])
def test_a_split_outside_the_log_is_refused(cdnow, day):
    with pytest.raises(
        SettingError, match=f"goes from 1997-01-01 to 1998-06-30 and cannot be split at {day}: choose a day"
    ):
        cdnow.split(day)


@pytest.mark.parametrize("day", ["tomorrow", "39", None, 19970930, pd.NaT])
def test_a_split_at_no_day_is_refused(cdnow, day):
    with pytest.raises(SettingError, match=r"is not a date. Write it as '2024-06-30'"):
        cdnow.split(day)


@pytest.mark.parametrize(
    ("day", "failing", "note"),
    [
        (
            "1997-01-01",
            ["BG/NBD", "MBG/NBD", "lifetimes BG/NBD"],
            "Every customer was observed for no time at all (T = 0)",
        ),
        ("1998-06-29", [], ""),
    ],
)
@pytest.mark.filterwarnings("ignore:No customer was observed for longer")
def test_a_split_at_the_rim_has_scores_or_notes(cdnow, day, failing, note, tmp_path):
    made = clv.compare(standard_candidates(), *cdnow.split(day), futures=30)
    made.to_json(tmp_path / "comparison.json")
    rows = json.loads((tmp_path / "comparison.json").read_text(encoding="utf-8"))["candidates"]
    assert len(rows) == len(standard_candidates())
    for row in rows:
        assert (row["purchases_predicted_total"] is None) == (row["candidate"] in failing)
        assert (row["note"] is None) == (row["candidate"] not in failing)
        assert row["purchases_actual_total"] >= 0
        if row["candidate"] in failing[:2]:
            assert note in row["note"]


def test_a_split_at_a_border_has_scores_and_a_note(cdnow):
    made = clv.compare([clv.BGNBD, clv.MBGNBD], *cdnow.split("1997-01-20"), futures=30).frame()
    assert made["purchases_predicted_total"].notna().all()
    assert made["note"].str.contains("can be used, with a caution.* No drop-out identified").all()


def test_what_is_passed_in_the_wrong_place_is_named():
    some = clv.Transactions(clv.datasets.load_cdnow().head(3000), "customer_id", "date", "amount").summarize()
    purchases, spend = clv.fit(clv.BGNBD, some), clv.fit(clv.GammaGamma, some)
    plan = clv.Plan("1 year")
    calls = {
        "purchases is not the fit of a model of purchases": lambda: clv.value(spend, purchases, some, plan),
        "spend is not the fit of a model of spend": lambda: clv.value(purchases, purchases, some, plan),
        "Customers come as an RFM": lambda: clv.predict(purchases, some.frame(), "1 year"),
        "The plan is a str. Say what value": lambda: clv.SimpleFormula().value(some, "1 year"),
        "this is a DataFrame: use Transactions": lambda: clv.SimpleFormula().value(some.frame(), plan),
        "Say what value means": lambda: clv.value(purchases, spend, some, "1 year"),
        "futures=1.5 is not": lambda: clv.value(purchases, spend, some, plan, futures=1.5),
        "has its parameters already": lambda: clv.fit(clv.BGNBD(1, 1, 1, 1), some),
        "A model is fitted to an RFM": lambda: clv.fit(clv.BGNBD, some.frame()),
        "is not a method": lambda: clv.fit(clv.BGNBD, some, "map"),
        "effective yearly rate": lambda: clv.value(purchases, spend, some, clv.Plan("1 year", "10%")),
        "Customers come as an RFM, and this is a DataFrame": lambda: clv.value(purchases, spend, some.frame(), plan),
        "level of an interval": lambda: clv.predict(purchases, some, "1 year", futures=9).interval("90"),
    }
    for message, call in calls.items():
        with pytest.raises(CLVError, match=message):
            call()
