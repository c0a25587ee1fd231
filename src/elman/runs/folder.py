"""The folder of a run: created exclusively, locked while a process trains in it, tidied afterwards."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from elman import atomic
from elman.errors import RunFolderError
from elman.runs.files import CHECKPOINT, METRICS, PLOTS, REPORT

LOCK = ".lock"
ROOT = Path("runs")


@contextmanager
def working_in(
    folder: Path | None, task_name: str, *, resume: bool, overwrite: bool, root: Path = ROOT
) -> Iterator[Path]:
    """The folder to write to, made if it is not there; without a name the next free ``runs/TASK-NNN``.

    It is locked inside the block, by a lock that ends with the process. If the block fails and leaves nothing in the
    folder, the folder is removed, and so are the parents that were created for it.

    Raises:
        RunFolderError: it holds something and neither ``resume`` nor ``overwrite`` is set, another process works in
            it, or it cannot be written.
    """
    if folder is None and resume:
        raise RunFolderError("`resume` needs the folder of the run to go on with: give `out`")
    made: list[Path] = []
    try:
        if resume and folder is not None and not folder.exists():
            raise RunFolderError(f"{folder}: there is no run to resume; leave out `resume` to begin one")
        made = [p for p in ((root,) if folder is None else (folder, *folder.parents)) if not p.exists()]
        if folder is None:
            folder = _next_free(root, task_name)
            made.insert(0, folder)
        elif folder.exists() and not folder.is_dir():
            raise RunFolderError(f"{folder}: is a file; give a folder as `out`")
        folder.mkdir(parents=True, exist_ok=True)
        lock = _lock(folder)
    except RunFolderError:
        raise
    except OSError as error:
        raise RunFolderError(f"{folder}: cannot be written ({error.strerror}); choose another `out`") from error
    try:
        _check_use(folder, resume=resume, overwrite=overwrite)
        yield folder
    finally:
        (folder / LOCK).unlink(missing_ok=True)
        os.close(lock)
        for path in made:
            _remove_if_empty(path)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """``folder``, made if it is not there, held by this process alone inside the block.

    Raises:
        RunFolderError: another process works in it, or it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = _lock(folder)
    except RunFolderError:
        raise
    except OSError as error:
        raise RunFolderError(f"{folder}: cannot be written ({error.strerror}); choose another `out`") from error
    try:
        yield
    finally:
        (folder / LOCK).unlink(missing_ok=True)
        os.close(lock)


def _next_free(root: Path, task_name: str) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    numbers = [p.name.removeprefix(f"{task_name}-") for p in root.glob(f"{task_name}-*")]
    number = max((int(n) for n in numbers if n.isascii() and n.isdigit()), default=0)
    while True:
        number += 1
        folder = root / f"{task_name}-{number:03d}"
        try:
            folder.mkdir()
        except FileExistsError:  # another process has just created it
            continue
        return folder


def _lock(folder: Path) -> int:
    """An open file that only one process at a time can hold; it ends with the process, however that ends."""
    path = folder / LOCK
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise RunFolderError(
                f"{folder}: another process is training in it; wait for it, or choose another `out`"
            ) from None
        if path.exists() and path.stat().st_ino == os.fstat(descriptor).st_ino:
            return descriptor
        os.close(descriptor)  # whoever held it has just removed it


def _check_use(folder: Path, *, resume: bool, overwrite: bool) -> None:
    leftovers = {folder / LOCK, *atomic.leftovers(folder)}
    # a folder without anything else is a run that was killed before its first checkpoint
    used = any(path not in leftovers for path in folder.iterdir())
    begun = not used or (folder / CHECKPOINT).exists() or (folder / METRICS).exists()
    if resume and not begun:
        raise RunFolderError(f"{folder}: there is no run to resume; use `overwrite` to begin one, or another `out`")
    if used and not (resume or overwrite):
        remedies = "`resume`, `overwrite`" if begun else "`overwrite`"
        raise RunFolderError(f"{folder}: not empty; use {remedies}, or another `out`")


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return  # it holds something, or is gone


def remove_stale(folder: Path, *, keep: Sequence[Path]) -> None:
    """Remove pictures and the page that an earlier run left in ``folder`` and this one, now whole, did not make."""
    stale = [path for path in [*(folder / PLOTS).glob("*.png"), folder / REPORT] if path not in keep]
    for path in stale + atomic.leftovers(folder) + atomic.leftovers(folder / PLOTS):
        path.unlink(missing_ok=True)
