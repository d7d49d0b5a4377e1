"""How a CSV file is written, by its first lines and the columns that are wanted."""

import pytest

from clvmodels.data.dialect import Dialect


@pytest.fixture
def of(tmp_path):
    def make(text, wanted=("who", "when"), encoding="utf-8"):
        path = tmp_path / "log.csv"
        path.write_bytes(text.encode(encoding))
        return Dialect.of(path, wanted, None, None)

    return make


@pytest.mark.parametrize("separator", [",", ";", "|", "\t"])
def test_the_separator_is_where_the_heading_falls_into_the_wanted_columns(of, separator):
    # More commas than anything else: the names that are wanted decide.
    heading = f'who{separator}"note,of|a;b\t, and, more"{separator}when\n'
    assert of(heading) == Dialect("utf-8", separator, 0, ("who", "note,of|a;b\t, and, more", "when"))


def test_where_no_wanted_column_is_found_it_is_the_one_that_gives_most_columns(of):
    assert of("a;b,c;d\n").heading == ("a", "b,c", "d")


def test_a_name_may_have_a_line_end_in_it(of):
    assert of('who,"when\nexactly",paid\n1,2,3\n', ("who", "paid")).heading == ("who", "when\nexactly", "paid")


def test_only_what_is_unusual_is_told(of):
    assert of("who,when\n").unusual == ()
    assert of("# a\n\nwho;when\n", encoding="utf-16").unusual == (
        "separator=';'",
        "encoding='utf-16'",
        "2 lines before the heading left out",
    )
