"""A disk that is full at any of a run's writes: one line, nothing half-written, and what is there can go on."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil

import pytest

import elman
from elman.errors import ModelFileError, RunFolderError
from tests.runs.helpers import QUICK, contents, numbers, train_forecast


class Disk:
    """``os.write`` and ``os.fsync`` that fail from call number ``full`` on."""

    def __init__(self, monkeypatch, full: int | None = None) -> None:
        self.calls = 0
        for name in ("write", "fsync"):
            monkeypatch.setattr(os, name, self._counted(getattr(os, name), full))

    def _counted(self, call, full):
        def act(*given):
            self.calls += 1
            if full is not None and self.calls >= full:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return call(*given)

        return act


def calls_of_a_run(folder, monkeypatch) -> int:
    with monkeypatch.context() as patch:
        disk = Disk(patch)
        train_forecast("sales.csv", QUICK, out=folder)
    return disk.calls


@pytest.mark.parametrize("overwrite", [False, True])
def test_full_at_any_write(overwrite, here, monkeypatch):
    count = calls_of_a_run(here / "counted", monkeypatch)
    assert count > 20  # begun, two phases, two models, four tables, two records
    before = contents(here / "run")
    for full in range(1, count):
        folder = here / "new"
        if overwrite:
            shutil.copytree(here / "run", folder)
        with monkeypatch.context() as patch:
            Disk(patch, full)
            # not always: a file is whole without the last flush, that of its folder
            with contextlib.suppress(RunFolderError), said_in_one_line():
                train_forecast("sales.csv", QUICK | {"seed": 1}, out=folder, overwrite=overwrite)
        if folder.exists():
            read_as(folder, before if overwrite else {})
            shutil.rmtree(folder)


@contextlib.contextmanager
def said_in_one_line():
    try:
        yield
    except RunFolderError as error:
        if not str(error).endswith("cannot be written (No space left on device); choose another folder"):
            raise AssertionError(f"not said: {error}") from error
        raise


def read_as(folder, before):
    """The old run, a whole new one, or no run but what can go on."""
    found = contents(folder)
    assert not list(folder.glob(".*"))
    try:
        run = elman.load(folder)
    except ModelFileError:
        assert "checkpoint.safetensors" in found or not found
        assert "metrics.json" not in found
        return
    if run.get_params()["seed"] == 0:  # the old one
        assert {name: value for name, value in found.items() if name in before} == before


def test_a_run_that_ended_on_a_full_disk_goes_on(here, monkeypatch):
    count = calls_of_a_run(here / "counted", monkeypatch)
    for full in (6, count // 2, count - 2):
        with monkeypatch.context() as patch:
            Disk(patch, full)
            with pytest.raises(RunFolderError, match="No space left on device"):
                train_forecast("sales.csv", QUICK, out=here / "new")
        train_forecast("sales.csv", QUICK, out=here / "new", resume=True)
        assert numbers(here / "new") == numbers(here / "run")
        shutil.rmtree(here / "new")
