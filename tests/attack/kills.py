"""Real processes that train, killed at any moment: what is there is a whole run, the old one or the new, or can go on.

A process is killed at a random time, or just before one of the changes that it makes in its folder: so every moment
between two of them is met. Then the folder is looked at, and the run is resumed or begun anew, and must be the one that
nothing interrupts.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import elman
from elman.cli import main
from elman.errors import ElmanError
from tests.runs.helpers import FLAGS, numbers, sales

CHANGES = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir"}
LIMIT = 120  # seconds that a process may take


class Ended(NamedTuple):
    """How a process ended."""

    killed: bool
    status: int
    said: str


def run(count: int, seed: int) -> list[str]:
    """What went wrong with ``count`` kills."""
    random = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory(prefix="elman-kills-") as name:
        place = _Place(Path(name))
        return [
            f"{number}: {kill}: {finding}"
            for number in range(count)
            for kill in [Kill.drawn(random, place)]
            if (finding := place.finding(kill))
        ]


class Kill(NamedTuple):
    """What is done to one run."""

    overwrite: bool
    seconds: float | None
    change: int | None
    again: bool
    resume: bool

    @classmethod
    def drawn(cls, random: np.random.Generator, place: _Place) -> Kill:
        by_time = bool(random.random() < 0.5)
        return cls(
            overwrite=bool(random.random() < 0.5),
            seconds=float(random.uniform(0, 1.1 * place.seconds)) if by_time else None,
            change=None if by_time else int(random.integers(1, place.changes + 1)),
            again=bool(random.random() < 0.2),
            resume=bool(random.random() < 0.7),
        )


class _Place:
    """A folder with data and two whole runs: ``old``, which is overwritten, and ``new``, which is made again."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data = folder, folder / "sales.csv"
        self.data.write_text(sales())
        old = process(lambda: _listing(lambda: main(self.words("old", "--seed", "1", "--test-size", "0"))))
        for module in old.said.splitlines()[-1].split():  # once, not once a process: imports take longer than all else
            with contextlib.suppress(Exception):
                importlib.import_module(module)
        start = time.monotonic()
        counted = process(lambda: counting(folder / "new", None, lambda: main(self.words("new"))))
        self.seconds = time.monotonic() - start
        assert (old.status, counted.status) == (0, 0), (old.said, counted.said)
        self.changes = int(counted.said.splitlines()[-1])
        self.runs = {name: _whole(folder / name) for name in ("old", "new")}

    def words(self, name: str, *more: str) -> list[str]:
        return ["train", "forecast", str(self.data), *FLAGS, "--out", str(self.folder / name), *more]

    def finding(self, kill: Kill) -> str:
        """Kill, look, go on and compare."""
        run = self.folder / "run"
        shutil.rmtree(run, ignore_errors=True)
        if kill.overwrite:
            shutil.copytree(self.folder / "old", run)
        for again in range(1 + kill.again):
            more = ["--resume"] if again and run.exists() else ["--overwrite"] if kill.overwrite else []
            killed = _killed(run, kill, lambda more=more: main(self.words("run", *more)))
            # before a word was written, or after the last: nothing to resume is said so
            if killed.status not in (0, 2) or (killed.status == 2 and "there is no run to resume" not in killed.said):
                return f"ended with {killed.status}: {killed.said}"
            if finding := self._look(run, kill.overwrite):
                return finding
        more = ["--resume"] if kill.resume and run.exists() else ["--overwrite"]
        ended = process(lambda: main(self.words("run", *more)))
        if ended.killed:
            return f"{more}: it did not end within {LIMIT} s: {ended.said}"
        left = {name: value for name, value in _whole(run).items() if not name.startswith(".")}  # but half a file
        untouched = kill.overwrite and left == self.runs["old"]
        if untouched and more == ["--resume"]:  # it was killed before it began
            return "" if "the run is complete" in ended.said else f"{more}: {ended.status} {ended.said}"
        if ended.status != 0:
            return f"{more}: ended with {ended.status}: {ended.said}"
        found = _whole(run)
        differ = sorted(k for k in found.keys() | self.runs["new"].keys() if found.get(k) != self.runs["new"].get(k))
        return f"{more}: another run than the one that nothing killed: {differ}" if differ else ""

    def _look(self, run: Path, overwrite: bool) -> str:
        """What a killed process left: a run, or what is no run and says so."""
        if not run.exists():
            return ""
        try:
            elman.load(run).predict(self.data)
        except ElmanError:
            whole = (run / "metrics.json").exists()
            lost = overwrite and not (run / "checkpoint.safetensors").exists()
            return "a whole run cannot be read" if whole else "the old run is lost" if lost else ""
        whole = [_without_pictures(self.runs[name]) for name in (("old", "new") if overwrite else ("new",))]
        found = _without_pictures(_whole(run))
        return "" if found in whole else "neither the old run nor the new one, but it is read"


def _whole(run: Path) -> dict[str, Any]:
    """A run's files without times; of pictures the names and that they are whole."""
    if not (run / "metrics.json").exists():
        return {}
    pictures = {f"plots/{p.name}": p.read_bytes()[-8:-4] for p in sorted((run / "plots").glob("*.png"))}
    return {**numbers(run), **pictures}


def _without_pictures(files: dict[str, Any]) -> dict[str, Any]:
    """And without what a process that was killed leaves besides: its lock, its checkpoint, half a file."""
    return {name: value for name, value in files.items() if not name.startswith((".", "plots", "checkpoint"))}


def _killed(run: Path, kill: Kill, act: Callable[[], int]) -> Ended:
    if kill.change is not None:
        return process(lambda: counting(run, kill.change, act))
    return process(act, kill.seconds)


def counting(folder: Path, last: int | None, act: Callable[[], int]) -> int:
    """Count the changes in ``folder``; kill this process just before number ``last``, or print how many there are."""
    count, inside = 0, str(folder)

    def see(event: str, given: tuple[Any, ...]) -> None:
        nonlocal count
        if event in CHANGES and str(given[0]).startswith(inside):
            count += 1
            if count == last:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(see)
    status = act()
    print(count)
    return status


def _listing(act: Callable[[], int]) -> int:
    """Print the modules that ``act`` has imported."""
    status = act()
    print(*sys.modules)
    return status


def process(act: Callable[[], int], seconds: float | None = None) -> Ended:
    """``act`` in a process of its own, whose output is kept; killed after some time."""
    with tempfile.TemporaryFile() as output:
        child = os.fork()
        if child == 0:
            status = 99
            try:
                os.dup2(output.fileno(), 1)
                os.dup2(output.fileno(), 2)
                sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
                status = act()
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status)
        status = _awaited(child, LIMIT if seconds is None else seconds)
        if status is None:
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
        output.seek(0)
        said = output.read().decode(errors="replace")
        killed = os.WIFSIGNALED(status)
        if killed and seconds is None and os.WTERMSIG(status) != signal.SIGKILL:
            return Ended(True, -os.WTERMSIG(status), said)
        return Ended(killed, 0 if killed else os.WEXITSTATUS(status), said)


def _awaited(child: int, seconds: float) -> int | None:
    """The status of a process that ends in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        time.sleep(0.002)
    return None
