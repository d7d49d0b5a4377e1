"""How a CSV file is written: its encoding, its separator, and the lines before its heading."""

import codecs
import csv
import gzip
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from clvmodels.errors import DataError, SettingError
from clvmodels.text import count

UTF_8 = "utf-8"
SEPARATORS = (",", ";", "|", "\t")
_SPELLED = {"\\t": "\t", "tab": "\t"}  # as they come from a command line
_MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_SAMPLE = 4096  # bytes, or characters, that tell how a file is written


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is written.

    Attributes
    ----------
    encoding
        By its name in Python.
    separator
        What stands between fields.
    skipped
        How many lines come before the heading: comments, which start with #, blank lines, and the ``sep=;`` of
        spreadsheets.
    heading
        The names of the columns.
    """

    encoding: str
    separator: str
    skipped: int
    heading: tuple[str, ...]

    @classmethod
    def of(cls, path: Path, wanted: Sequence[str], separator: str | None, encoding: str | None) -> Self:
        """Return how a file is written that has the wanted columns: as the settings say, else as its first lines do.

        The separator is the one at which the heading falls into the columns that are wanted; where none does, the one
        that gives most columns.

        Raises
        ------
        DataError
            If the encoding is neither UTF-8 nor UTF-16 with a byte order mark, or there is no heading.
        SettingError
            If the separator is not one character, or the encoding is not known.
        OSError, ValueError
            If the file cannot be read, or its first lines are not text in this encoding.
        """
        encoding = _encoding(path) if encoding is None else _known(encoding)
        choices = SEPARATORS if separator is None else (_one_character(separator),)
        with _opened(path) as file:
            text = io.TextIOWrapper(file, "utf-8-sig" if encoding == UTF_8 else encoding, newline="")
            skipped, lines = 0, [text.readline()]
            while lines[0] and _is_before(lines[0], wanted, choices):
                skipped, lines = skipped + 1, [text.readline()]
            if lines[0].count('"') % 2:  # a name with a line end in it
                lines += text.readlines(_SAMPLE)
        if not lines[0]:
            raise DataError(f"{path} cannot be read: it has no line with the names of its columns.")
        headings = {choice: _fields(lines, choice) for choice in choices}
        best = max(choices, key=lambda choice: (set(wanted) <= set(headings[choice]), len(headings[choice])))
        return cls(encoding, best, skipped, headings[best])

    @property
    def unusual(self) -> tuple[str, ...]:
        """What is not as in most files, for a report."""
        seen = (
            (self.separator != ",", f"separator={self.separator!r}"),
            (self.encoding != UTF_8, f"encoding={self.encoding!r}"),
            (self.skipped, f"{count(self.skipped, 'line')} before the heading left out"),
        )
        return tuple(text for is_seen, text in seen if is_seen)


def _opened(path: Path) -> gzip.GzipFile | io.BufferedReader:
    return gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb")


def _encoding(path: Path) -> str:
    with _opened(path) as file:
        start = file.read(_SAMPLE)
    found = next((name for mark, name in _MARKS.items() if start.startswith(mark)), UTF_8)
    if found == UTF_8 and b"\0" in start:
        raise DataError(
            f"{path} cannot be read: it holds zero bytes, as in UTF-16 without a byte order mark. Say how its text is "
            "written, for example with encoding='utf-16-le'."
        )
    return found


def _known(encoding: str) -> str:
    try:
        io.TextIOWrapper(io.BytesIO(), encoding)  # text, and not what only looks like an encoding, such as rot13
        return UTF_8 if codecs.lookup(encoding).name in {"utf-8", "utf-8-sig"} else encoding
    except (LookupError, TypeError, ValueError):
        raise SettingError(
            f"encoding = {encoding!r} is not known. Use a name of Python's, such as 'utf-8', 'latin-1', 'cp1252' or "
            "'utf-16'."
        ) from None


def _one_character(separator: str) -> str:
    separator = _SPELLED.get(separator, separator) if isinstance(separator, str) else ""
    if len(separator) != 1 or not separator.isascii() or separator in '"\r\n':
        raise SettingError("separator is one character, such as ',', ';', '|' or '\\t' for a tab.")
    return separator


def _is_before(line: str, wanted: Sequence[str], choices: Sequence[str]) -> bool:
    is_comment = line.startswith("#") and not any(set(wanted) <= set(_fields([line], choice)) for choice in choices)
    return is_comment or not line.strip() or line.lower().startswith("sep=")


def _fields(lines: Sequence[str], separator: str) -> tuple[str, ...]:
    return tuple(next(iter(csv.reader(lines, delimiter=separator)), ()))
