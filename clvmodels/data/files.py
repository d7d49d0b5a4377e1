"""Files that are written whole or not at all."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from clvmodels.errors import StorageError


def write_whole(path: "str | Path", write: Callable[[Path], object]) -> None:
    """Write a file beside its place and move it there once it is whole, so that a good file is never half replaced.

    Parameters
    ----------
    path
        Where the file shall be.
    write
        Writes the file at the path that it is given.

    Raises
    ------
    StorageError
        If it cannot be written; what stood there before still does.
    """
    partial = Path(f"{path}.partial")
    try:
        write(partial)
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise StorageError(f"{path} cannot be written: {error.strerror or error}.") from error
