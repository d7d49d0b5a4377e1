"""Results in files: whole or not at all, whatever stands at their place, and whoever else writes there."""

import io
import os
import signal
import stat
import subprocess
import sys
import threading
from errno import ENOSPC
from pathlib import Path

import pandas as pd
import pytest

from clvmodels.data.files import as_csv, as_parquet, as_text, check_output, output_folder, write_together, write_whole
from clvmodels.errors import SettingError, StorageError

HELLO = as_text("hello")
POSIX = pytest.mark.skipif(os.name != "posix", reason="links, permissions and pipes of POSIX")


def only(folder):
    return sorted(path.name for path in folder.iterdir())


def failing(error):
    def write(file):
        file.write(b"half")
        raise error

    return write


# --- one file --------------------------------------------------------------------------------------------------------


def test_a_file_is_written_and_nothing_else_is_left(tmp_path):
    write_whole(tmp_path / "out.txt", HELLO)
    write_whole(str(tmp_path / "out.txt"), as_text("é"))
    assert (tmp_path / "out.txt").read_bytes() == "é".encode()
    assert only(tmp_path) == ["out.txt"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError])
def test_what_ends_a_writer_leaves_the_old_file_and_no_other(tmp_path, error):
    (tmp_path / "out.txt").write_text("old")
    with pytest.raises(error):
        write_whole(tmp_path / "out.txt", failing(error()))
    assert (only(tmp_path), (tmp_path / "out.txt").read_text()) == (["out.txt"], "old")


def test_a_full_disk_is_said_and_leaves_the_old_file(tmp_path):
    (tmp_path / "out.txt").write_text("old")
    message = r"out.txt cannot be written: No space left on device. Name a file in a folder that"
    with pytest.raises(StorageError, match=message):
        write_whole(tmp_path / "out.txt", failing(OSError(ENOSPC, os.strerror(ENOSPC))))
    assert (only(tmp_path), (tmp_path / "out.txt").read_text()) == (["out.txt"], "old")


def test_a_missing_folder_and_a_folder_are_no_place_for_a_file(tmp_path):
    for write in (check_output, lambda path: write_whole(path, HELLO)):
        with pytest.raises(StorageError, match=r"out.txt cannot be written: No such file or directory"):
            write(tmp_path / "nowhere" / "out.txt")
        with pytest.raises(StorageError, match="cannot be written: it is a folder"):
            write(tmp_path)
    assert only(tmp_path) == []


@POSIX
@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_and_a_file_that_are_write_protected_are_refused(tmp_path):
    (tmp_path / "out.txt").write_text("old")
    (tmp_path / "out.txt").chmod(0o444)
    for write in (check_output, lambda path: write_whole(path, HELLO)):
        with pytest.raises(StorageError, match="it is write-protected"):
            write(tmp_path / "out.txt")
    tmp_path.chmod(0o555)
    for write in (check_output, lambda path: write_whole(path, HELLO)):
        with pytest.raises(StorageError, match="cannot be written: Permission denied"):
            write(tmp_path / "new.txt")
    tmp_path.chmod(0o755)


@POSIX
def test_a_new_file_follows_the_umask_and_an_old_one_keeps_its_permissions(tmp_path):
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "new.txt", HELLO)
        (tmp_path / "old.txt").touch()
        for mode in (0o600, 0o664):
            (tmp_path / "old.txt").chmod(mode)
            write_whole(tmp_path / "old.txt", HELLO)
            assert stat.S_IMODE((tmp_path / "old.txt").stat().st_mode) == mode
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new.txt").stat().st_mode) == 0o640


@POSIX
def test_a_link_stays_and_what_it_points_to_is_replaced(tmp_path):
    (tmp_path / "there").mkdir()
    for name in ("is.txt", "will be.txt"):
        (tmp_path / name).symlink_to(tmp_path / "there" / name)
    (tmp_path / "there" / "is.txt").write_text("old")
    for name in ("is.txt", "will be.txt"):
        write_whole(tmp_path / name, HELLO)
        assert (tmp_path / name).is_symlink()
    assert [(tmp_path / "there" / name).read_text() for name in only(tmp_path / "there")] == ["hello", "hello"]


@POSIX
def test_planted_files_are_neither_followed_nor_replaced(tmp_path):
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "out.txt.partial").symlink_to(tmp_path / "victim")
    write_whole(tmp_path / "out.txt", HELLO)
    assert ((tmp_path / "victim").read_text(), (tmp_path / "out.txt").read_text()) == ("mine", "hello")
    assert (tmp_path / "out.txt.partial").is_symlink()


@POSIX
def test_devices_and_pipes_are_written_to_and_stay(tmp_path):
    write_whole("/dev/null", HELLO)
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    os.mkfifo(tmp_path / "pipe")
    check_output(tmp_path / "pipe")
    read = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_text()))
    reader.start()
    write_whole(tmp_path / "pipe", HELLO)
    reader.join(5)
    assert (read, only(tmp_path)) == (["hello"], ["pipe"])
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the device that is always full, of Linux")
def test_a_full_device_is_said():
    with pytest.raises(StorageError, match="/dev/full cannot be written: No space left on device"):
        write_whole("/dev/full", HELLO)


def test_two_writers_of_one_file_leave_one_of_their_files_whole(tmp_path):
    meet = threading.Barrier(2)

    def write(letter):
        def halves(file):
            for _ in range(2):
                meet.wait(5)
                file.write(letter * 1_000_000)
                file.flush()

        write_whole(tmp_path / "out", halves)

    both = [threading.Thread(target=write, args=(letter,)) for letter in (b"a", b"b")]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join(10)
    written = (tmp_path / "out").read_bytes()
    assert written in (b"a" * 2_000_000, b"b" * 2_000_000)
    assert only(tmp_path) == ["out"]


KILLED = """
import sys, time
from clvmodels.data.files import output_folder, write_together
from pathlib import Path

def slow(file):
    file.write(b"half")
    file.flush()
    print("writing", flush=True)
    time.sleep(60)

folder = Path(sys.argv[1])
with output_folder(folder, ["a", "b"]):
    write_together({folder / "a": lambda file: file.write(b"new"), folder / "b": slow})
"""


@POSIX
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_killed_leaves_the_old_files_and_no_lock(tmp_path, how):
    for name in ("a", "b"):
        (tmp_path / name).write_text("old")
    run = subprocess.Popen([sys.executable, "-c", KILLED, tmp_path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    with run:
        assert run.stdout.readline() == b"writing\n"
        with pytest.raises(StorageError, match="Another run is writing to"), output_folder(tmp_path, ["a"]):
            pass
        run.send_signal(how)
        run.wait(10)
    assert [(tmp_path / name).read_text() for name in ("a", "b")] == ["old", "old"]
    with output_folder(tmp_path, ["a", "b"]):
        write_together({tmp_path / name: HELLO for name in ("a", "b")})
    assert [(tmp_path / name).read_text() for name in ("a", "b")] == ["hello", "hello"]
    if how == signal.SIGINT:
        assert only(tmp_path) == ["a", "b"]


# --- several files ---------------------------------------------------------------------------------------------------


def test_of_several_files_none_is_replaced_before_all_are_whole(tmp_path):
    (tmp_path / "a").write_text("old")
    with pytest.raises(ValueError, match="no"):
        write_together({tmp_path / "a": HELLO, tmp_path / "b": failing(ValueError("no"))})
    assert (only(tmp_path), (tmp_path / "a").read_text()) == (["a"], "old")
    write_together({tmp_path / "a": HELLO, tmp_path / "b": HELLO})
    assert [(tmp_path / name).read_text() for name in only(tmp_path)] == ["hello", "hello"]


def test_a_folder_is_made_and_goes_again_where_nothing_was_written(tmp_path):
    with output_folder(tmp_path / "new" / "out", ["a"]):
        assert (tmp_path / "new" / "out").is_dir()
    assert only(tmp_path / "new") == []
    with output_folder(tmp_path / "out", ["a"]):
        write_whole(tmp_path / "out" / "a", HELLO)
    assert only(tmp_path / "out") == ["a"]


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(StorageError, match="cannot be made a folder"), output_folder(tmp_path / "out", ["a"]):
        pass


def test_a_place_that_cannot_be_written_to_is_said_before_the_work(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(StorageError, match="a cannot be written: it is a folder"), output_folder(tmp_path, ["a"]):
        raise AssertionError
    assert only(tmp_path) == ["a"]


@POSIX
def test_an_output_that_is_an_input_is_refused(tmp_path):
    (tmp_path / "log.csv").write_text("log")
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "1.parquet").touch()
    (tmp_path / "link.csv").symlink_to("log.csv")
    (tmp_path / "hard.csv").hardlink_to(tmp_path / "log.csv")
    (tmp_path / "way").symlink_to("parts")
    log, parts = tmp_path / "log.csv", tmp_path / "parts"
    for name in ("log.csv", "link.csv", "hard.csv", "parts/../log.csv"):
        with pytest.raises(SettingError, match=r"would be written over .*log.csv, which is read"):
            check_output(tmp_path / name, [tmp_path / "other", log])
    for name in ("parts/rfm.parquet", "parts/1.parquet", "way/rfm.parquet", "parts"):
        with pytest.raises(SettingError, match=r"would be written over .*parts, which is read"):
            check_output(tmp_path / name, [parts])
    for folder in ("parts", "way", "parts/inside"):
        with (
            pytest.raises(SettingError, match="would be written over"),
            output_folder(tmp_path / folder, ["a"], [parts]),
        ):
            pass
    with output_folder(tmp_path, ["scores.parquet"], [log]):
        pass
    assert only(tmp_path) == ["hard.csv", "link.csv", "log.csv", "parts", "way"]
    assert only(parts) == ["1.parquet"]


# --- what is written -------------------------------------------------------------------------------------------------


def test_a_spreadsheet_finds_no_formula_in_text_and_numbers_stay():
    texts = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "a=1", "", None, "'=1"]
    table = pd.DataFrame({"=id": texts, "n": [-1.5] * len(texts), "whole": -2, "true": True})
    table["mixed"] = pd.Series([-3, "-3"] * 5, dtype=object)
    table["kind"] = pd.Categorical(["-a", "b"] * 5)
    before = table.copy()
    as_csv(table)(file := io.BytesIO())
    file.seek(0)
    back = pd.read_csv(file, dtype=str, keep_default_na=False, lineterminator="\n")
    assert back.columns.tolist() == ["'=id", "n", "whole", "true", "mixed", "kind"]
    assert back["'=id"].tolist() == ["'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\tx", "'\rx", "a=1", "", "", "'=1"]
    assert back.iloc[0, 1:].tolist() == ["-1.5", "-2", "True", "-3", "'-a"]
    assert back.iloc[1, 4:].tolist() == ["'-3", "b"]
    pd.testing.assert_frame_equal(table, before)


def test_parquet_keeps_text_as_it_is(tmp_path):
    table = pd.DataFrame({"id": ["=1+1"], "n": [-1.5]})
    write_whole(tmp_path / "out.parquet", as_parquet(table))
    assert pd.read_parquet(tmp_path / "out.parquet").to_numpy().tolist() == [["=1+1", -1.5]]
