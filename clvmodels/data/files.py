"""Results in files: written whole or not at all, several together, and by one run at a time."""

import os
import secrets
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

import pandas as pd
from filelock import FileLock, Timeout

from clvmodels import checked
from clvmodels.errors import SettingError, StorageError

Write = Callable[[BinaryIO], object]

_LOCK = ".clv.lock"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes for the beginning of one


def as_text(text: str) -> Write:
    """Return what writes a text."""
    return lambda file: file.write(text.encode())


def as_parquet(table: pd.DataFrame) -> Write:
    """Return what writes a table as Parquet."""
    return lambda file: table.to_parquet(file, index=False)


def as_csv(table: pd.DataFrame) -> Write:
    """Return what writes a table as CSV that is safe to open in a spreadsheet.

    A spreadsheet runs a cell that begins with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return as a formula. Text
    that does, such as an id or a segment that somebody else has named, gets an apostrophe before it, which makes it
    text there. Numbers stay as they are.

    Examples
    --------
    >>> import io
    >>> as_csv(pd.DataFrame({"segment": ["web", "=1+1"], "change": [-1.5, 2.0]}))(file := io.BytesIO())
    >>> print(file.getvalue().decode())
    segment,change
    web,-1.5
    '=1+1,2.0
    """
    safe = table.rename(columns=_no_formula)
    for name in safe.columns[[dtype.kind == "O" for dtype in safe.dtypes]]:
        safe[name] = safe[name].map(_no_formula)
    return lambda file: safe.to_csv(file, index=False)


def write_whole(path: "str | Path", write: Write) -> None:
    """Write a file beside its place and move it there once it is whole: see ``write_together``.

    Parameters
    ----------
    path
        Where the file shall be.
    write
        Writes into the open file that it is given.

    Raises
    ------
    StorageError
        If it cannot be written; what stood there before still does.
    """
    write_together({checked.path("path", path): write})


def write_together(files: Mapping[Path, Write]) -> None:
    """Write several files, and move them to their places once all are whole.

    Until then nothing at those places changes, whatever happens: an error, an interrupt, the end of the process. Two
    runs that write to one place do not meet: each writes to a new file of its own, and who ends last is found there.
    A link stays, and what it points to is replaced; a file keeps its permissions. What is no file, such as a pipe or a
    device, is written to directly.

    Parameters
    ----------
    files
        The places, and what writes into the open file that it is given.

    Raises
    ------
    StorageError
        If one cannot be written; what stood there before still does.
    """
    partials: dict[Path, Path] = {}
    try:
        for path, write in files.items():
            with _explained(path):
                if place := _place(path):
                    partials[path] = place.with_name(f".clv.{secrets.token_hex(8)}.partial")
                    _write_new(partials[path], place, write)
        for path, write in files.items():
            with _explained(path):
                if place := _place(path):
                    partials[path].replace(place)
                else:
                    with path.open("wb") as file:
                        write(file)
    finally:
        for partial in partials.values():
            with suppress(OSError):
                partial.unlink()  # where it was not moved


def check_output(path: Path, inputs: Iterable[Path] = ()) -> None:
    """Raise where a file could not be written, or would replace what is read: before the work is done for nothing.

    Parameters
    ----------
    path
        Where the file shall be.
    inputs
        Files and folders that are read.

    Raises
    ------
    SettingError
        If it is an input, also by a link, or lies in a folder that is one.
    StorageError
        If its folder is not there, or cannot be written to.
    """
    _spare(path, inputs)
    with _explained(path):
        if place := _place(path):
            with TemporaryFile(dir=place.parent):
                pass


@contextmanager
def output_folder(folder: Path, names: Iterable[str], inputs: Iterable[Path] = ()) -> Iterator[None]:
    """Make a folder if it is not there, check its files as ``check_output`` does, and keep other runs out.

    The lock is one of the operating system, which ends with the process: a run that was killed blocks no other.

    Parameters
    ----------
    folder
        Where files shall be.
    names
        Their names.
    inputs
        Files and folders that are read.

    Raises
    ------
    SettingError
        If one of the files is an input, also by a link, or lies in a folder that is one.
    StorageError
        If the folder cannot be made or written to, or another run writes to it.
    """
    files = [folder / name for name in names]
    for file in files:
        _spare(file, inputs)
    new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{folder} cannot be made a folder: {error.strerror}. Name another one.") from error
    lock = FileLock(folder / _LOCK, timeout=0)
    with _explained(folder):
        try:
            lock.acquire()
        except Timeout as error:
            raise StorageError(
                f"Another run is writing to {folder}. Wait until it has ended, or name another folder."
            ) from error
    try:
        for file in files:
            check_output(file)
        yield
    finally:
        with suppress(OSError):
            Path(lock.lock_file).unlink()
        lock.release()
        if new:
            with suppress(OSError):
                folder.rmdir()  # where nothing was written


def _place(path: Path) -> Path | None:
    """Return the file that is to be replaced, where links lead to; ``None`` for what is no file, such as a pipe."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return Path(os.path.realpath(path))
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(None, "it is a folder")
    if not os.access(path, os.W_OK):
        raise PermissionError(None, "it is write-protected")
    return Path(os.path.realpath(path)) if stat.S_ISREG(mode) else None


def _write_new(path: Path, place: Path, write: Write) -> None:
    """Write a file that is new, with the permissions of the one that it is to replace, if there is one."""
    mode = stat.S_IMODE(place.stat().st_mode) if place.exists() else None
    private = 0o600  # until it has its own permissions
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o666 if mode is None else private)) as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())
    if mode is not None:
        path.chmod(mode)


def _spare(path: Path, inputs: Iterable[Path]) -> None:
    """Raise where a file is one of the inputs, or lies in one that is a folder."""
    for read in inputs:
        within = Path(os.path.realpath(path)).is_relative_to(os.path.realpath(read))
        if within or (path.exists() and read.exists() and path.samefile(read)):
            raise SettingError(f"{path} would be written over {read}, which is read. Write to another file or folder.")


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written: {error.strerror or error}. Name a file in a folder that is there, can be "
            "written to, and has room."
        ) from error


def _no_formula(value: Any) -> Any:  # noqa: ANN401 -- of whatever cell
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
