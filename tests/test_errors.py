import pytest

from clvmodels import errors
from clvmodels.errors import CLVError, CLVWarning, DataError, examples


def everything(base):
    return [thing for thing in vars(errors).values() if isinstance(thing, type) and issubclass(thing, base)]


def test_one_except_catches_every_error():
    raised = everything(Exception)
    assert DataError in raised
    assert set(raised) == {*everything(CLVError), *everything(CLVWarning)}


def test_every_warning_can_be_silenced_at_once():
    assert all(issubclass(warning, UserWarning) for warning in everything(CLVWarning))


def test_errors_of_values_are_value_errors_too():
    with pytest.raises(ValueError, match="no id"):
        raise DataError("no id")


@pytest.mark.parametrize("error", everything(Exception))
def test_everything_raised_says_what_it_is_for(error):
    assert error.__doc__


@pytest.mark.parametrize(
    ("values", "most", "text"),
    [
        ([], 5, ""),
        ([1], 5, "1"),
        (range(5), 5, "0, 1, 2, 3, 4"),
        (range(6), 5, "0, 1, 2, 3, 4, ..."),
        ("ab", 1, "a, ..."),
    ],
)
def test_examples_are_few_and_say_so(values, most, text):
    assert examples(values, most) == text


def test_examples_do_not_exhaust_what_is_endless():
    endless = iter(int, 1)
    assert examples(endless, 2) == "0, 0, ..."
