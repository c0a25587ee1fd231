"""Writing a file: whole or not at all, whatever lies at its path and whichever call fails."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading

import pytest

from elman import atomic
from elman.errors import RunFolderError

# A private copy of a device, never the real ones: whoever gets this wrong, as root replaces /dev/null.
NULL = os.makedev(1, 3)
FULL = os.makedev(1, 7)


@pytest.fixture(params=["new", "old"])
def path(request, tmp_path):
    """A file to be, and one that is there already."""
    path = tmp_path / "file.csv"
    if request.param == "old":
        path.write_text("before")
    return path


def device(path, number):
    try:
        os.mknod(path, 0o666 | stat.S_IFCHR, number)
        path.open("wb").close()
    except PermissionError:
        pytest.skip("only root can make devices, and not everywhere")
    return path


def test_written_whole_and_nothing_beside_it(path):
    atomic.write_text(path, "größer\r\n")
    assert path.read_bytes() == "größer\r\n".encode()
    assert [p.name for p in path.parent.iterdir()] == ["file.csv"]


CALLS = ["open", "write", "fsync", "replace"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO])
@pytest.mark.parametrize("call", CALLS)
def test_no_call_that_fails_leaves_half_a_file(call, number, path, monkeypatch):
    """The calls that a full disk, a quota, a read-only folder or a broken disk make fail."""
    before = {p.name: p.read_bytes() for p in path.parent.iterdir()}

    def fail(*given, **more):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        if call == "replace":
            patch.setattr(type(path), "replace", fail)
        with pytest.raises(RunFolderError) as error:
            atomic.write_bytes(path, b"after" * 1000)
    assert str(error.value) == f"{path}: cannot be written ({os.strerror(number)}); choose another folder"
    assert {p.name: p.read_bytes() for p in path.parent.iterdir()} == before


def test_a_disk_that_is_full_in_the_midst(path, monkeypatch):
    before = {p.name: p.read_bytes() for p in path.parent.iterdir()}
    write, left = os.write, [7, 5]

    def some(descriptor, content):
        if not left:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, content[: left.pop()])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", some)
        with pytest.raises(RunFolderError, match="No space left on device"):
            atomic.write_bytes(path, b"x" * 100)
    assert {p.name: p.read_bytes() for p in path.parent.iterdir()} == before


def test_calls_that_write_only_a_part_are_repeated(path, monkeypatch):
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda descriptor, content: write(descriptor, content[:3]))
        atomic.write_bytes(path, b"0123456789")
    assert path.read_bytes() == b"0123456789"


def test_a_new_file_has_the_mode_of_the_umask_and_an_old_one_keeps_its_own(tmp_path):
    before = os.umask(0o027)
    try:
        atomic.write_text(tmp_path / "new", "1")
        (tmp_path / "old").write_text("1")
        (tmp_path / "old").chmod(0o604)
        atomic.write_text(tmp_path / "old", "2")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "old").stat().st_mode) == 0o604


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root writes others' files")
def test_a_file_keeps_its_owner(tmp_path):
    (tmp_path / "theirs").write_text("1")
    os.chown(tmp_path / "theirs", 12345, 23456)
    atomic.write_text(tmp_path / "theirs", "2")
    found = (tmp_path / "theirs").stat()
    assert (found.st_uid, found.st_gid) == (12345, 23456)


@pytest.mark.parametrize("there", [True, False])
def test_behind_a_link_the_file_is_replaced_and_the_link_stays(there, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    target = tmp_path / "elsewhere" / "target.csv"
    if there:
        target.write_text("before")
    (tmp_path / "first").symlink_to("second")
    (tmp_path / "second").symlink_to(target)
    atomic.write_text(tmp_path / "first", "after")
    assert (tmp_path / "first").is_symlink() and (tmp_path / "second").is_symlink()
    assert target.read_text() == "after"
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["elsewhere", "first", "second", "target.csv"]


def test_links_in_a_circle_are_refused(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(RunFolderError, match=r"a: cannot be written \(Too many levels of symbolic links\); choose"):
        atomic.write_text(tmp_path / "a", "1")


def test_another_name_of_a_file_keeps_what_it_had(tmp_path):
    (tmp_path / "a").write_text("before")
    os.link(tmp_path / "a", tmp_path / "backup")
    atomic.write_text(tmp_path / "a", "after")
    assert ((tmp_path / "a").read_text(), (tmp_path / "backup").read_text()) == ("after", "before")


def test_a_folder_is_refused(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(RunFolderError, match=r"folder: cannot be written \(Is a directory\)"):
        atomic.write_text(tmp_path / "folder", "1")


def test_a_fifo_is_written_to(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    got = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "fifo").read_bytes()))
    reader.start()
    atomic.write_bytes(tmp_path / "fifo", b"x" * 200_000)  # more than it holds at once
    reader.join()
    assert got == [b"x" * 200_000]
    assert stat.S_ISFIFO((tmp_path / "fifo").lstat().st_mode)


@pytest.mark.parametrize("linked", [False, True])
def test_a_device_is_written_to(linked, tmp_path):
    null = path = device(tmp_path / "null", NULL)
    if linked:
        path = tmp_path / "link"
        path.symlink_to("null")
    atomic.write_text(path, "nowhere")
    assert stat.S_ISCHR(null.lstat().st_mode) and null.lstat().st_rdev == NULL
    assert path.is_symlink() == linked


def test_a_device_that_is_full_says_so(tmp_path):
    full = device(tmp_path / "full", FULL)
    with pytest.raises(RunFolderError, match=r"full: cannot be written \(No space left on device\)"):
        atomic.write_text(full, "1")
    assert stat.S_ISCHR(full.lstat().st_mode)


SCRIPT = """
import sys
from elman import atomic
print("before", flush=True)
atomic.write_text(sys.argv[1], "content\\n")
print("after")
"""


@pytest.mark.parametrize("piped", [False, True])
def test_what_leads_to_standard_output_is_written_in_turn(piped, tmp_path):
    """A file behind ``/dev/stdout`` (here a private link) must stay the one that the shell has opened."""
    (tmp_path / "stdout").symlink_to("/proc/self/fd/1")
    words = [sys.executable, "-c", SCRIPT, str(tmp_path / "stdout")]
    with (tmp_path / "out.txt").open("wb") as file:
        done = subprocess.run(words, stdout=subprocess.PIPE if piped else file, check=True, cwd=tmp_path)
    found = done.stdout if piped else (tmp_path / "out.txt").read_bytes()
    assert found == b"before\ncontent\nafter\n"
    assert (tmp_path / "stdout").is_symlink()


def test_leftovers_are_known_by_their_names(tmp_path, monkeypatch):
    def killed(*given, **more):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", killed)
    monkeypatch.setattr(type(tmp_path), "unlink", lambda self, missing_ok=False: None)
    for name in ("model.safetensors", "x" * 250 + ".csv", "none"):
        with pytest.raises(KeyboardInterrupt):
            atomic.write_text(tmp_path / name, "1")
    assert len(atomic.leftovers(tmp_path)) == len(list(tmp_path.iterdir())) == 3
