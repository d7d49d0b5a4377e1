"""Cautions about a log: each on a small shop that has it, and none on shops that do not.

| input | outcome |
|---|---|
| two exports that overlap by a week; one row of ten twice | copies of rows |
| lines of one order at one price; one row of thirty twice | nothing |
| a last row with the sum of all others | total row |
| a guest account with 8 % of the rows or more | shared account, with its id |
| large accounts among others; one order of 400 lines | nothing |
| a profit column, a quarter of it negative | negative amounts |
| returns of 15 % of the purchases | nothing |
| a log that starts later than the business | left truncation |
| boxes every 30 days, some skipped, or among other customers | even gaps |
| spend that doubles or halves in a year | drift of spend |
| newer customers who spend more | nothing |
| an observation that goes on for a year after the last purchase | silent end |
| most customers acquired in the last weeks | acquired late |
| spend that rises or falls with frequency | spend and frequency |
| CDNOW; shops as BG/NBD and Gamma-Gamma describe them | nothing, in 99 of 100 |
"""

import re
import warnings
from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import clvmodels as clv
from clvmodels.data.cautions import spend_dependence
from clvmodels.data.transactions import Transactions
from clvmodels.errors import CLVWarning, LeftTruncationWarning, MergedPurchasesWarning, SpendDependenceWarning


def simulated(seed, days=1_000, start=0, acquired=4.0):
    """Simulate BG/NBD customers who arrive at a constant rate, and keep the log from a day on."""
    random = np.random.default_rng(seed)
    born = np.sort(random.uniform(0, days, random.poisson(acquired * days)))
    rate, drop = random.gamma(0.5, 1 / 30, len(born)), random.beta(0.8, 2.5, len(born))
    count = random.geometric(drop)
    gaps = random.exponential(1, count.sum()) / np.repeat(rate, count)
    first = np.concatenate([[0], np.cumsum(count)[:-1]])
    gaps[first] = 0
    when = np.repeat(born, count) + np.cumsum(gaps) - np.repeat(np.cumsum(gaps)[first], count)
    seen = (when < days) & (when >= start)
    stamps = np.datetime64("2021-01-01") + when[seen].astype("timedelta64[D]")
    return pd.DataFrame({"who": np.repeat(np.arange(len(born)), count)[seen], "when": stamps})


@pytest.mark.parametrize("seed", range(20))
def test_even_acquisition_is_no_truncation(seed):
    Transactions(simulated(seed), "who", "when").summarize()  # a warning would be an error


@pytest.mark.parametrize("seed", range(5))
def test_a_log_that_starts_late_is_noticed(seed):
    frame = simulated(seed, start=400)
    message = (
        r"customers have their first purchase in the first 30 days of the log, against .*acquired_since='2022-05-06'"
    )
    with pytest.warns(LeftTruncationWarning, match=message) as caught:
        Transactions(frame, "who", "when").summarize()
    assert caught[0].filename == __file__
    Transactions(frame, "who", "when", acquired_since="2022-05-06").summarize()


def test_growth_and_short_logs_are_no_truncation():
    even = pd.DataFrame({"who": range(2_000), "when": np.datetime64("2024-01-01") + np.arange(2_000) % 50})
    Transactions(even, "who", "when").summarize()
    growth = np.datetime64("2023-01-01") + np.sqrt(np.linspace(0, 300**2, 5_000)).astype(int)
    Transactions(pd.DataFrame({"who": range(5_000), "when": growth}), "who", "when").summarize()


def test_customers_who_buy_in_every_period_are_noticed(log):
    when = np.datetime64("2024-01-01") + np.arange(0, 210, 3)
    with pytest.warns(
        MergedPurchasesWarning, match="100\N{NO-BREAK SPACE}% .* 1 customer with .* 1 week .* Choose a shorter period"
    ) as caught:
        log("a" * 70, when, period="1 week").summarize()
    assert caught[0].filename == __file__
    log("a" * 70, when).summarize()
    with pytest.warns(MergedPurchasesWarning, match="as accounts rather than customers"):
        log("a" * 30, np.datetime64("2024-01-01") + np.arange(30)).summarize()


def test_a_few_heavy_buyers_are_not_worth_a_warning(log):
    when = [*np.datetime64("2024-01-01") + np.arange(20), *np.datetime64("2024-01-01") + np.arange(500) % 30]
    log([0] * 20 + list(range(1, 501)), when).summarize()


# --- what a log has that the models do not expect --------------------------------------------------------------------

START = np.datetime64("2023-01-01")


def shop(seed=3, customers=300):
    """Simulate a shop that the models describe: customers' ids as text, days, and what they paid."""
    made = clv.simulate_log(
        clv.BGNBD(r=0.8, alpha=10.0, a=0.8, b=2.5),
        clv.GammaGamma(p=6.25, q=3.74, gamma=15.4),
        customers=customers,
        start="2023-01-01",
        end="2024-06-23",
        unit="week",
        seed=seed,
    )
    return pd.DataFrame(
        {
            "who": made["customer_id"].map("c{:04}".format),
            "when": made["date"].to_numpy().astype("datetime64[D]"),
            "paid": made["amount"].round(2),
        }
    )


def boxes(customers=60, skipped=0.0, seed=5):
    """Simulate subscribers who get a box every 28 to 32 days, or skip it, until they leave."""
    random, rows = np.random.default_rng(seed), []
    for who in range(customers):
        day = random.integers(0, 365)
        while day < 540:
            rows.append((f"b{who:04}", START + np.timedelta64(int(day), "D"), 29.0))
            day += 30 * random.geometric(1 - skipped) + random.integers(-2, 3)
            if random.random() < 0.08:
                break
    return pd.DataFrame(rows, columns=["who", "when", "paid"])


def cautions(frame, **options):
    """Return the texts of a log's cautions by their names."""
    log = Transactions(frame, "who", "when", "paid", **({"observed_until": "2024-06-23"} | options))
    return {caution.name: caution.text.replace("\N{NO-BREAK SPACE}", " ") for caution in log.cautions}


def only(name, frame, **options):
    """Return the text of the one caution that a log has."""
    found = cautions(frame, **options)
    assert list(found) == [name]
    return found[name]


@pytest.mark.parametrize("seed", range(12))
def test_a_shop_as_the_models_describe_it_has_none(seed):
    assert cautions(shop(seed, customers=30 * 2 ** (seed % 5))) == {}


@pytest.mark.long
def test_each_comes_up_in_less_than_one_of_a_hundred_shops_as_the_models_describe_them():
    random, shops, seen = np.random.default_rng(11), 1_000, Counter()
    for seed in range(shops):
        rate, weeks = np.exp(random.uniform(np.log(0.02), np.log(0.3))), int(random.integers(26, 157))
        r = np.exp(random.uniform(np.log(0.2), np.log(3)))
        end = str(START + 7 * weeks)
        made = clv.simulate_log(
            clv.BGNBD(r=r, alpha=r / rate, a=random.uniform(0.3, 1.5), b=random.uniform(1.5, 5)),
            clv.GammaGamma(p=random.uniform(0.8, 8), q=random.uniform(2.2, 6), gamma=10.0),
            customers=int(np.exp(random.uniform(np.log(20), np.log(5_000)))),
            start=str(START),
            end=end,
            acquired_until=str(START + 84) if random.random() < 0.4 else None,
            unit="week",
            seed=seed,
        )
        log = Transactions(made, "customer_id", "date", "amount", observed_until=end)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CLVWarning)
            rfm = log.summarize()
        found = [*rfm.cautions, *filter(None, [spend_dependence(rfm)])]
        seen.update(caution.name for caution in found if caution.category is not MergedPurchasesWarning)
    assert not {name: often for name, often in seen.items() if often >= 0.01 * shops}


def test_cdnow_has_none():
    cdnow = Transactions(clv.datasets.load_cdnow(), "customer_id", "date", "amount")
    past, _ = cdnow.split("1997-09-30")
    assert (cdnow.cautions, past.cautions) == ((), ())
    assert "caution" not in repr(cdnow) + repr(past.summarize())


def test_each_is_warned_of_once_and_mentioned():
    frame = pd.concat([shop(), boxes()])
    log = Transactions(frame.assign(paid=frame["paid"] - 25), "who", "when", "paid", observed_until="2024-06-23")
    with pytest.warns(CLVWarning) as caught:
        rfm = log.summarize()
    assert [str(warning.message) for warning in caught] == [caution.text for caution in rfm.cautions]
    assert len(rfm.cautions) == 2
    for result in (log, rfm):
        assert repr(result).endswith("; 2 cautions: negative amounts and even gaps")


def test_exports_that_overlap_are_noticed_from_a_few_rows_on():
    frame = shop()
    days = frame["when"].between("2023-07-03", "2023-07-09")
    assert 10 <= days.sum() < 0.03 * len(frame)
    text = only("copies of rows", pd.concat([frame, frame[days]]))
    assert text.startswith("Every row from 2023-07-03 to 2023-07-09 stands there more than once")
    assert f"{days.sum()} rows" in text
    assert f"worth {frame['paid'][days].sum():,.2f}" in text


def test_copies_all_over_the_log_are_noticed_by_their_share():
    frame = shop()
    assert "rows (9.1 %), worth" in only("copies of rows", pd.concat([frame, frame.sample(frac=0.1, random_state=1)]))
    assert cautions(pd.concat([frame, frame.sample(frac=0.03, random_state=1)])) == {}


def test_lines_of_one_order_at_one_price_are_no_copies():
    frame = shop()
    lines = [frame.assign(paid=price) for price in (2.0, 2.0, 5.0)]
    assert cautions(pd.concat(lines)) == {}
    assert "copies of rows" in cautions(pd.concat([*lines, *lines]))


def test_guests_who_share_an_id_buy_alike_on_one_day():
    frame = shop()
    days = START + np.random.default_rng(2).integers(0, 530, len(frame) // 4)
    text = only("shared account", pd.concat([frame, pd.DataFrame({"who": "00000", "when": days, "paid": 20.0})]))
    assert "customer '00000'" in text


def test_copies_change_nothing_where_there_is_no_money():
    frame = pd.concat([shop(), shop()])
    assert Transactions(frame, "who", "when", observed_until="2024-06-23").cautions == ()


def test_a_row_that_is_the_total_is_named():
    frame = shop()
    total = pd.DataFrame({"who": ["Total"], "when": [frame["when"].max()], "paid": [frame["paid"].sum().round(2)]})
    text = only("total row", pd.concat([frame, total]))
    assert "The row of customer 'Total' on 2024-06-2" in text
    assert cautions(pd.concat([frame, total.assign(paid=0.99 * total["paid"])])).keys() == set()


@pytest.mark.parametrize("share", [0.18, 0.08])
def test_accounts_that_stand_out_are_named(share):
    frame = shop()
    random = np.random.default_rng(0).random(len(frame))
    frame.loc[random < share, "who"] = "00000"
    text = only("shared account", frame)
    assert f"{(random < share).mean():.0%}".replace("%", " %") + " of the rows are those of customer '00000';" in text
    frame.loc[random > 0.85, "who"] = "guest"
    assert "are those of customer '00000' and 'guest';" in only("shared account", frame).replace(
        "'guest' and '00000'", "'00000' and 'guest'"
    )


def test_large_accounts_of_a_wholesaler_and_one_large_order_do_not_stand_out():
    frame = shop(customers=200)
    large = [f"c{who:04}" for who in range(40)]
    days = START + np.random.default_rng(1).integers(0, 530, 3_000)
    accounts = pd.DataFrame({"who": np.repeat(large, 75), "when": days, "paid": np.linspace(10, 90, 3_000)})
    assert "shared account" not in cautions(pd.concat([frame, accounts]))
    order = pd.DataFrame({"who": "c0001", "when": START + np.timedelta64(100, "D"), "paid": np.linspace(1, 9, 400)})
    assert cautions(pd.concat([frame, order])) == {}
    few = frame[frame["who"] < "c0030"]
    assert "shared account" not in cautions(pd.concat([few, accounts[accounts["who"] == "c0001"]]))


def test_a_profit_column_has_no_returns():
    frame = shop()
    text = only("negative amounts", frame.assign(paid=frame["paid"] - 20))
    assert "% of the rows have a negative amount (2" in text
    assert "% of them there is no purchase to take them off" in text


def test_returns_of_what_was_bought_are_returns():
    frame = shop()
    back = frame.sample(frac=0.15, random_state=4)
    assert cautions(pd.concat([frame, back.assign(paid=-back["paid"])])) == {}


def test_subscriptions_are_noticed_alone_with_skipped_boxes_and_among_others():
    assert "is 0 % of that of purchases at random" in only("even gaps", boxes())
    assert "subscription" in only("even gaps", boxes(skipped=0.2))
    assert "subscription" in only("even gaps", pd.concat([shop(), boxes()]))


@pytest.mark.parametrize("growth", [1.9, 0.5])
def test_spend_that_drifts_is_noticed_with_its_size(growth):
    frame = shop()
    years = (frame["when"] - frame["when"].min()) / pd.Timedelta(days=365.25)
    text = only("drift of spend", frame.assign(paid=frame["paid"] * growth**years))
    measured = float(re.search(r"changes by (\S+) % a year", text)[1].replace("\N{MINUS SIGN}", "-"))
    assert 1 + measured / 100 == pytest.approx(growth, rel=0.15)


def test_newer_customers_who_spend_more_are_no_drift():
    frame = shop()
    first = frame.groupby("who")["when"].transform("min")
    years = (first - frame["when"].min()) / pd.Timedelta(days=365.25)
    assert cautions(frame.assign(paid=frame["paid"] * 3**years)) == {}


def test_an_observation_that_goes_on_after_everybody_is_noticed():
    frame = shop()
    text = only("silent end", frame, observed_until="2025-06-30")
    assert f"observed_until='{frame['when'].max():%Y-%m-%d}'" in text
    assert cautions(frame, observed_until="2024-06-30") == {}


def test_customers_acquired_at_the_very_end_are_noticed():
    frame, late = shop(), shop(seed=4, customers=400)
    late = late[late["when"] >= "2024-05-10"].assign(who="new " + late["who"])
    late = pd.concat([late.assign(who=late["who"] + str(copy), paid=late["paid"] + copy) for copy in range(4)])
    found = cautions(pd.concat([frame, late]))
    assert "were acquired in the last" in found["acquired late"]


def test_parts_of_a_log_know_what_its_table_was_like():
    frame = shop()
    past, _ = Transactions(pd.concat([frame, frame]), "who", "when", "paid").split("2023-12-31")
    assert [caution.name for caution in past.cautions] == ["copies of rows"]


# --- spend and frequency ---------------------------------------------------------------------------------------------


def dependent(power, customers=400):
    """Return a shop whose customers spend a power of their number of purchases."""
    frame = shop(customers=customers)
    return frame.assign(paid=frame["paid"] * frame.groupby("who")["paid"].transform("size") ** power)


def dependence(frame):
    return spend_dependence(Transactions(frame, "who", "when", "paid", observed_until="2024-06-23").summarize())


@pytest.mark.parametrize(
    ("power", "money"), [(0.7, "too little money of frequent"), (-0.7, "too much money of frequent")]
)
def test_spend_that_depends_on_frequency_is_noticed_with_its_size(power, money):
    caution = dependence(dependent(power))
    assert caution.category is SpendDependenceWarning
    assert money in caution.text
    x = 2 + np.arange(9)
    slope = np.polyfit(np.log(x - 1), x**power / np.mean(x**power), 1)[0]  # roughly, as customers have several x
    more, twice = re.search(r"purchases spend (more|less) on each, by (\d+)\s%", caution.text).groups()
    assert more == ("more" if power > 0 else "less")
    assert float(twice) == pytest.approx(100 * np.log(2) * abs(slope), rel=0.5)
    logs = float(re.search(r"correlation of (\S+)\)", caution.text)[1])
    assert np.sign(logs) == np.sign(power)


@pytest.mark.parametrize("seed", range(12))
def test_spend_that_does_not_is_none(seed):
    assert dependence(shop(seed, customers=60 * 2 ** (seed % 4))) is None


def test_a_slight_dependence_few_customers_and_equal_ones_are_none():
    assert dependence(dependent(0.15, customers=1_000)) is None
    assert dependence(dependent(0.7, customers=12)) is None
    assert dependence(shop().assign(paid=10.0)) is None
    cdnow = Transactions(clv.datasets.load_cdnow(), "customer_id", "date", "amount").summarize()
    assert spend_dependence(cdnow) is None
    assert spend_dependence(replace(cdnow, monetary_value=None)) is None


def test_ids_that_differ_only_by_case_are_noticed():
    frame = shop()
    mixed = frame.assign(who=frame["who"].where(np.arange(len(frame)) % 2 == 0, frame["who"].str.upper()))
    said = only("ids that differ by case", mixed)
    assert " of 4" in said
    assert "such as 'C0000' and 'c0000'. If they are the same customers" in said
    assert cautions(frame.assign(who=frame["who"].str.upper())) == {}


@pytest.mark.parametrize(("word", "says"), [("NA", "is a customer with the id 'NA'"), ("n/a", "the id 'n/a'")])
def test_a_customer_whose_id_often_stands_for_a_missing_one_is_noticed(word, says):
    assert says in only("ids like a missing value", shop().replace({"who": {"c0007": word}}))


def test_an_observation_that_goes_on_after_tomorrow_is_noticed():
    today = np.datetime64("today", "D")
    said = only("future end", shop(), observed_until="2062-06-23")
    assert "until 2062-06-23" in said
    assert "set observed_until= to the day on which the log was drawn" in said
    recent = shop().assign(when=lambda s: s["when"] + (today - s["when"].max().to_datetime64().astype("datetime64[D]")))
    assert cautions(recent, observed_until=str(today + np.timedelta64(1, "D"))) == {}
    with pytest.warns(CLVWarning, match="goes on until 2062-06-23"):
        rfm = Transactions(shop(), "who", "when", "paid", observed_until="2062-06-23").summarize()
    assert [caution.name for caution in rfm.cautions] == ["future end"]
