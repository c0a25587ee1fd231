"""Files that are either there, whole, or not there at all: written aside, flushed, renamed.

Only plain files are replaced. What is no file (a device, a FIFO, a descriptor such as ``/dev/stdout``) is written to.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from pathlib import Path

from elman.errors import RunFolderError

_unfinished: set[Path] = set()
LONGEST = 40  # characters of a name that its temporary file repeats: with the rest it must not become too long


def write_bytes(path: Path | str, content: bytes) -> None:
    """Put ``content`` into a temporary file beside ``path``, flush it to the disk and rename it over ``path``.

    A process killed at any moment leaves the previous file, or the new one: never a part of either. Behind a symbolic
    link the file is replaced and the link stays; under other names of the file (hard links) the previous one stays. A
    file that is replaced keeps its mode, a new one has that of the umask.

    Raises:
        RunFolderError: the folder cannot be written, or the disk is full.
    """
    path = Path(path)
    try:
        descriptor, old = _descriptor(path), _status(path)
        if descriptor is not None:
            _write(descriptor, content)
        elif old is None or stat.S_ISREG(old.st_mode):
            _replace(Path(os.path.realpath(path)), content, old)
        else:
            _write_through(path, content)
    except OSError as error:
        raise RunFolderError(f"{path}: cannot be written ({error.strerror or error}); choose another folder") from error


def write_text(path: Path | str, text: str) -> None:
    """Write ``text`` as UTF-8, as :func:`write_bytes` does."""
    write_bytes(path, text.encode("utf-8"))


def leftovers(folder: Path) -> list[Path]:
    """Temporary files in ``folder`` that killed processes left."""
    return [path for path in folder.glob(".*") if re.fullmatch(r"\..+\.[0-9a-f]{8}(\.\w+)?", path.name)]


def remove_unfinished() -> None:
    """Remove what is being written at this moment: for a process that is about to end in the midst of it."""
    for path in list(_unfinished):
        path.unlink(missing_ok=True)


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:  # also: a link to a file that is still to be made
        return None


def _descriptor(path: Path) -> int | None:
    """The descriptor of this process that ``path`` leads to, as ``/dev/stdout`` does: to replace the file behind it
    would take it away from whoever reads the stream."""
    own = f"/proc/{os.getpid()}/fd"
    for _ in range(40):  # as many links as the system follows
        if not path.is_symlink():
            break
        if path.name.isdecimal() and os.path.realpath(path.parent) == own:
            return int(path.name)
        path = path.parent / path.readlink()
    return None


def _replace(path: Path, content: bytes, old: os.stat_result | None) -> None:
    temporary = path.with_name(f".{path.stem[:LONGEST]}.{secrets.token_hex(4)}{path.suffix[:LONGEST]}")
    _unfinished.add(temporary)
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            if old is not None:
                _take_over(descriptor, old)
            _write(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
        _unfinished.discard(temporary)
    _flush_folder(path.parent)


def _take_over(descriptor: int, old: os.stat_result) -> None:
    own = os.fstat(descriptor)
    if (own.st_uid, own.st_gid) != (old.st_uid, old.st_gid):
        try:
            os.fchown(descriptor, old.st_uid, old.st_gid)
        except PermissionError:
            return  # another's file: with its mode it would be open to others than before
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode))


def _write_through(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        _write(descriptor, content)
    finally:
        os.close(descriptor)


def _write(descriptor: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]


def _flush_folder(folder: Path) -> None:
    """So that a crash of the machine does not take the new name away again."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        return  # not every file system can; the file is whole either way
    finally:
        os.close(descriptor)
