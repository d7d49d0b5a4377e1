"""Checks of settings: what is meant comes back as a plain number, and the rest is named with its value."""

import os
import re
from decimal import Decimal
from fractions import Fraction
from math import inf, nan
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from clvmodels.checked import (
    callback,
    cores,
    finite,
    flag,
    instance,
    level,
    numbers,
    one_of,
    path,
    positive,
    random_stream,
    seed,
    shares,
    shown,
    threads,
    whole,
)
from clvmodels.errors import SettingError


class Chains:
    """An owner of settings."""


@pytest.mark.parametrize("number", [3, np.int64(3), np.uint8(3)])
def test_a_whole_number_is_pythons_own(number):
    assert type(whole("draws", number)) is int
    assert whole("draws", number) == 3


@pytest.mark.parametrize("wrong", [0, -1, 3.0, np.float64(3), True, np.True_, "3", None, nan])
def test_what_is_no_whole_number_is_named_with_its_value(wrong):
    message = f"draws is a whole number from 1 up; draws={wrong!r} is not."
    with pytest.raises(SettingError, match=re.escape(message)):
        whole("draws", wrong)


def test_the_least_whole_number_is_allowed():
    assert whole("burn_in", 0, least=0) == 0
    assert whole("chains", 5, most=5) == 5
    with pytest.raises(SettingError, match="chains is at most 5; chains=6 is more"):
        whole("chains", 6, most=5)
    with pytest.raises(SettingError, match="from 2 up; chains=1 is not"):
        whole("chains", 1, least=2)


@pytest.mark.parametrize("number", [0, 2**64 - 1, np.uint64(2**64 - 1)])
def test_a_seed_fits_in_64_bits(number):
    assert seed(number) == int(number)


@pytest.mark.parametrize("wrong", [-1, 2**64, 1.0, True, None])
def test_what_is_no_seed_is_refused(wrong):
    with pytest.raises(SettingError, match=re.escape(f"seed={wrong!r} is not.")):
        seed(wrong)


def test_a_random_stream_follows_from_its_seed_and_purpose():
    def first(*of):
        return random_stream(*of).random()

    assert first(7, "futures") == first(np.int64(7), "futures")
    assert len({first(7, "futures"), first(8, "futures"), first(7, "draws")}) == 3
    with pytest.raises(SettingError, match="seed=-1 is not"):
        first(-1, "futures")


def test_threads_are_a_number_or_all_cores():
    assert threads(2) == 2
    assert threads(None) == cores()
    assert 1 <= cores() <= os.cpu_count()
    with pytest.raises(SettingError, match="threads=0 is not"):
        threads(0)


@pytest.mark.parametrize("number", [0.9, np.float32(0.5), Fraction(1, 2)])
def test_a_level_lies_between_0_and_1(number):
    assert type(level(number)) is float
    assert level(number) == float(number)


@pytest.mark.parametrize("wrong", [0, 1, 90, -0.1, nan, True, "0.9", None])
def test_what_is_no_level_is_named(wrong):
    with pytest.raises(SettingError, match=re.escape(f"between 0 and 1, such as 0.90; {wrong!r} does not.")):
        level(wrong)


@pytest.mark.parametrize("values", [[0.25, 0.5], (0.25, 0.5), np.array([0.25, 0.5])])
def test_shares_are_plain_numbers_in_the_order_given(values):
    assert shares(values, "probabilities") == (0.25, 0.5)


def test_one_share_is_one():
    assert shares(0.1, "probabilities") == (0.1,)
    assert shares(1, "shares of customers", or_1=True) == (1.0,)


@pytest.mark.parametrize("wrong", [[], 0, [0.1, 1], 1, [0.1, nan], "0.1", ["0.1"], None, [[0.1, 0.2]]])
def test_what_is_no_share_is_refused(wrong):
    message = f"The probabilities lie between 0 and 1, such as (0.1, 0.5); {wrong!r} do not."
    with pytest.raises(SettingError, match=re.escape(message)):
        shares(wrong, "probabilities")


@pytest.mark.parametrize("wrong", [True, [0.5, True], 1.1, 0])
def test_a_share_of_at_most_1_is_a_number_above_0(wrong):
    with pytest.raises(SettingError, match="The shares lie between 0 and 1"):
        shares(wrong, "shares", or_1=True)


@pytest.mark.parametrize("twice", [[0.5, 0.5], [0.5, Fraction(1, 2)]])
def test_a_share_is_named_once(twice):
    with pytest.raises(SettingError, match=re.escape(f"Each of the shares is named once; {twice!r} repeat some.")):
        shares(twice, "shares")


@pytest.mark.parametrize("number", [-3, 0.0, np.float32(1.5), np.int64(2), Fraction(1, 4)])
def test_a_finite_number_is_pythons_own(number):
    assert type(finite("threshold", number)) is float
    assert finite("threshold", number) == float(number)


@pytest.mark.parametrize("wrong", [inf, -inf, nan, 10**400, True, "100", None, 1j])
def test_what_is_not_finite_is_named(wrong):
    with pytest.raises(
        SettingError, match=re.escape(f"threshold is a finite number; threshold={shown(wrong)} is not.")
    ):
        finite("threshold", wrong)


@pytest.mark.parametrize("wrong", [0, -1.5, inf, nan, -(10**400), True, "2", None])
def test_what_is_not_positive_is_named_with_its_owner(wrong):
    positive(Chains(), accept=0.8, step=np.float32(1))
    with pytest.raises(SettingError, match=re.escape(f"Chains: step is a positive number; {shown(wrong)} is not.")):
        positive(Chains(), accept=0.8, step=wrong)


@pytest.mark.parametrize("wrong", ["mean", "NET", True, None, ["net"], np.array(["net"])])
def test_what_is_not_among_the_known_is_refused_with_them(wrong):
    one_of("returns", "net", ("net", "drop"))
    message = f"returns = {wrong!r} is not known. Use one of: 'net', 'drop'."
    with pytest.raises(SettingError, match=re.escape(message)):
        one_of("returns", wrong, ("net", "drop"))


def test_an_instance_is_told_from_its_class():
    instance("owner", Chains(), Chains)
    with pytest.raises(SettingError, match=r"^owner is a Chains, and this is <class .*Chains'>, a class\. Make one\.$"):
        instance("owner", Chains, Chains, "Make one.")
    with pytest.raises(SettingError, match=r"^owner is a Chains, and this is a dict\.$"):
        instance("owner", {}, Chains)


@pytest.mark.parametrize("name", ["a/b.json", Path("a/b.json")])
def test_a_path_is_text_or_a_path(name):
    assert path("path", name) == Path("a/b.json")


@pytest.mark.parametrize("wrong", [None, 3, b"a", "a\0b", Path("a\0b"), ["a"]])
def test_what_is_no_path_is_refused(wrong):
    with pytest.raises(SettingError, match=r"path is the path of a file, as text or as a Path; .* is not"):
        path("path", wrong)


def test_a_flag_is_true_or_false():
    assert flag("means", np.True_) is True
    assert flag("means", value=False) is False
    for wrong in (1, 0, None, "yes", np.array([True])):
        with pytest.raises(SettingError, match=r"means is True or False; means=.* is not"):
            flag("means", wrong)


def test_a_callback_is_a_function_or_nothing():
    callback("progress", None)
    callback("progress", print)
    with pytest.raises(SettingError, match=r"progress is a function .* 3 is not"):
        callback("progress", 3)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (3, 3.0),
        ([1, 2.5], [1.0, 2.5]),
        ([[1], [2]], [[1.0], [2.0]]),
        ([Decimal("1.5"), Fraction(1, 2)], [1.5, 0.5]),
        (pd.Series([1, 2], dtype="Int64"), [1.0, 2.0]),
        (nan, nan),
        ([], []),
    ],
)
def test_numbers_are_floats(given, found):
    assert numbers("ages", given).dtype == float
    np.testing.assert_array_equal(numbers("ages", given), found)


@pytest.mark.parametrize(
    "wrong",
    [
        *("3", ["3"], None, [1, None], True, [True, False], [[1.0], [2.0, 3.0]], 1j, 10**400, {"a": 1}, {1, 2}),
        np.array(["2024-01-01"], dtype="datetime64[D]"),
    ],
    ids=repr,
)
def test_what_is_no_number_is_refused(wrong):
    with pytest.raises(SettingError, match=r"ages is a number, or an array of numbers; .* is not"):
        numbers("ages", wrong)


def test_what_is_shown_is_one_short_line():
    class Broken:
        def __repr__(self):
            raise ZeroDivisionError

    assert shown("week") == "'week'"
    assert shown(pd.DataFrame({"a": [1, 2]})) == "a value of type DataFrame"
    assert shown(Broken()) == "a value of type Broken"
    assert shown(10**5000) == "a value of type int"  # Python does not write out so many digits
    assert shown("x" * 1000) == f"'{'x' * 99}..."
