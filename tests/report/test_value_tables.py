import pandas as pd

from clvmodels.report.value_tables import customers_table, parameters_table
from clvmodels.text import DASH


def test_customers_come_in_the_order_of_their_value(made, same):
    frame = made.valuation.frame()
    table = customers_table(frame, most=7)
    top = frame.nlargest(7, "clv_mean")
    assert [row[0] for row in table.rows] == top["customer_id"].to_list()
    for heading, name in {
        "Value": "clv_mean",
        "P(alive)": "p_alive",
        "P(nothing)": "p_zero",
        "Median": "clv_median",
    }.items():
        column = table.headings.index(heading)
        assert all(same(row[column], value) for row, value in zip(table.rows, top[name], strict=True))


def test_a_value_without_discount_is_said_to_have_none(made):
    frame = made.valuation.frame()
    undiscounted = frame.rename(columns=lambda name: name.replace("clv_", "money_"))
    table, other = customers_table(frame), customers_table(undiscounted, "money")
    assert other.rows == table.rows
    assert [column.meaning for column in (table.columns[4], other.columns[4])] == [
        "Expected discounted cash flow: spend times margin, less costs.",
        "Expected cash flow, not discounted: spend times margin, less costs.",
    ]


def test_a_valuation_without_futures_has_fewer_columns(made):
    assert customers_table(made.simple.frame()).headings == ("Customer", "Purchases", "Spend", "Value")


def test_parameters_are_those_of_the_fit(made, same):
    frame = made.fits[0].frame()
    table = parameters_table(frame)
    assert table.headings == ("Parameter", "Estimate", "Standard error", "Mean", "Sd", "90 % interval")
    for row, (_, values) in zip(table.rows, frame.iterrows(), strict=True):
        assert same(row[1], values["estimate"])
        assert same(row[3], values["mean"])
        lower, upper = row[5].split(" to ")
        assert same(lower, values["lower"])
        assert same(upper, values["upper"])


def test_a_fit_without_an_estimate_has_dashes():
    frame = pd.DataFrame({"parameter": ["r"], "estimate": [None], "standard_error": [None]})
    assert parameters_table(frame).rows == (("r", DASH, DASH),)
