import numpy as np
import pytest

from clvmodels.drawing.svg import to_svg
from clvmodels.drawing.value import concentration, future_total
from clvmodels.drawing.value import customers as draw_customers
from clvmodels.prediction.lorenz import lorenz


def test_marks_of_the_best_customers_are_read_from_the_curve(texts):
    shown = texts(to_svg(concentration(*lorenz(np.array([6.0, 2.0, 1.0, 1.0, 0.0])))))
    assert [text for text in shown if text.startswith("top")] == ["top 20\xa0%: 60\xa0%", "top 50\xa0%: 85\xa0%"]


@pytest.mark.parametrize("values", [np.array([2.0]), np.array([0.0, 5.0]), np.arange(1000.0), np.array([9.0, -1.0])])
def test_any_base_can_be_drawn(values):
    (axes,) = concentration(*lorenz(values)).axes
    assert axes.lines[1].get_ydata().max() == 1.0


def test_customers_are_drawn_in_the_order_given(customers):
    (axes,) = draw_customers(customers.iloc[::-1]).axes
    assert axes.lines[-1].get_xdata().tolist() == customers["clv_mean"].to_list()[::-1]
    assert axes.get_yticklabels()[0].get_text() == "<script>19</scrip…"


def test_customers_without_intervals_are_dots(customers):
    (axes,) = draw_customers(customers[["customer_id", "clv_mean"]].head(3)).axes
    assert len(axes.lines) == 1
    assert not axes.collections


def test_values_without_discount_are_drawn_alike(customers):
    undiscounted = customers.rename(columns=lambda name: name.replace("clv_", "money_"))
    (axes,), (other,) = draw_customers(customers).axes, draw_customers(undiscounted, "money").axes
    for one, same in zip(axes.lines, other.lines, strict=True):
        assert one.get_xydata().tolist() == same.get_xydata().tolist()
    assert len(axes.collections) == len(other.collections) == 1


def test_a_total_is_drawn_with_its_intervals(texts):
    realised = np.random.default_rng(1).normal(2e6, 1e5, 400)
    both = texts(to_svg(future_total(realised, 2e6, (1.84e6, 2.16e6), (1.9e6, 2.1e6))))
    assert "expected 2.00\xa0M" in both
    assert "90 % of the realised total: 1.84\xa0M to 2.16\xa0M" in both
    assert "90 % of the expected total: 1.90\xa0M to 2.10\xa0M" in both
    point = texts(to_svg(future_total(realised, 2e6, (1.84e6, 2.16e6), None)))
    assert not [text for text in point if "expected total" in text]
