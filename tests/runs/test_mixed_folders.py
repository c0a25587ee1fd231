"""Files of two runs in one folder: it is one of them, or it is refused; and several processes with one folder."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import elman
from elman.errors import ModelFileError, RunFolderError
from tests.runs.helpers import QUICK, contents, sales, train_forecast

READ = ("model.safetensors", "tested.safetensors", "settings.json", "metrics.json")


@pytest.fixture(scope="module")
def runs(workplace, tmp_path_factory):
    """Runs by name, and what each forecasts: other data, other seed, no test, and settings that change no weight."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "other.csv").write_text(sales(90))
    for name, data, settings in [
        ("other data", folder / "other.csv", {}),
        ("other seed", workplace / "sales.csv", {"seed": 1}),
        ("no test", workplace / "sales.csv", {"test_size": 0}),
        ("same weights", workplace / "sales.csv", {"stride": 2}),
    ]:
        train_forecast(str(data), QUICK | settings, out=folder / name)
    shutil.copytree(workplace / "run", folder / "first")
    return {path.name: path for path in sorted(folder.iterdir()) if path.is_dir()}


SUBSETS = [part for n in range(1, len(READ)) for part in itertools.combinations(READ, n)]


def what_it_is(folder: Path, data: Path):
    """Settings and forecast of a run; None for what is refused."""
    try:
        run = elman.load(folder)
        tested = run.outcome.tested
        return run.get_params(), run.predict(data), tested is not None and tested.predict(run.read(data))
    except ModelFileError as error:
        if not str(error).startswith(str(folder)) or "\n" in str(error) or "; " not in str(error):
            raise AssertionError(f"not one line that names the folder and a remedy: {error}") from error
        return None


@pytest.mark.parametrize("theirs", SUBSETS, ids=", ".join)
def test_files_of_two_runs_are_one_run_or_refused(theirs, runs, workplace, tmp_path):
    for one, other in itertools.permutations(runs, 2):
        mixed = tmp_path / f"{one} and {other}"
        shutil.copytree(runs[one], mixed)
        for name in theirs:
            (mixed / name).unlink(missing_ok=True)
            if (runs[other] / name).exists():
                shutil.copy(runs[other] / name, mixed)
        found = what_it_is(mixed, workplace / "sales.csv")
        whole = [what_it_is(runs[name], workplace / "sales.csv") for name in (one, other)]
        assert found is None or found in whole, (one, other)


def test_runs_that_differ_are_told_apart(runs, workplace):
    """Or the test above could not fail."""
    found = [json.dumps(what_it_is(run, workplace / "sales.csv")) for run in runs.values()]
    assert len(set(found)) == len(runs)


@pytest.mark.parametrize("missing", [*SUBSETS, READ], ids=", ".join)
def test_without_one_of_its_files_a_run_is_refused(missing, here):
    for name in missing:
        (here / "run" / name).unlink()
    assert what_it_is(here / "run", here / "sales.csv") is None


def test_files_rewritten_while_they_are_read(runs, workplace, tmp_path):
    """In place, by another process: cut, mixed, of another size; not a crash, and never a third run."""
    shutil.copytree(runs["first"], tmp_path / "run")
    script = """
import itertools, sys
from pathlib import Path
print("ready", flush=True)
for folder in itertools.cycle(map(Path, sys.argv[2:])):
    for name in ("model.safetensors", "tested.safetensors", "settings.json", "metrics.json"):
        (Path(sys.argv[1]) / name).write_bytes((folder / name).read_bytes())
"""
    words = [sys.executable, "-c", script, tmp_path / "run", runs["first"], runs["other seed"]]
    process = subprocess.Popen(words, stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"ready\n"
        found = [what_it_is(tmp_path / "run", workplace / "sales.csv") for _ in range(200)]
    finally:
        process.kill()
        process.communicate()
    whole = [what_it_is(runs[name], workplace / "sales.csv") for name in ("first", "other seed")]
    assert all(one is None or one in whole for one in found)


def test_a_folder_that_is_no_run_and_no_beginning_says_overwrite(here):
    (here / "run" / "metrics.json").unlink()
    for given in ({}, {"resume": True}):
        with pytest.raises(RunFolderError, match="use `overwrite`"):
            train_forecast("sales.csv", QUICK, out=here / "run", **given)
    train_forecast("sales.csv", QUICK, out=here / "run", overwrite=True)
    assert what_it_is(here / "run", here / "sales.csv") is not None


def test_overwriting_with_what_cannot_be_trained_harms_nothing(here):
    """Not even the checkpoint of a run that was interrupted."""
    (here / "run" / "checkpoint.safetensors").write_bytes(b"of an interrupted run")
    before = contents(here / "run")
    for settings in ({"horizon": 500}, {"window": 500}):
        with pytest.raises(ValueError):
            train_forecast("sales.csv", QUICK | settings, out=here / "run", overwrite=True)
    assert contents(here / "run") == before


SCRIPT = """
import sys
from pathlib import Path
from elman.errors import RunFolderError
from elman.runs.folder import working_in

sys.stdin.readline()
for _ in range(5):
    with working_in(None, "forecast", resume=False, overwrite=False) as folder:
        (folder / "mine").open("x").close()
        print(folder)
"""


def test_simultaneous_starts_share_no_folder(tmp_path):
    started = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for process in started:
        process.stdin.write("\n")
        process.stdin.flush()
    found = [line for process in started for line in process.communicate(timeout=60)[0].splitlines()]
    assert [process.returncode for process in started] == [0] * 4
    assert sorted(found) == [f"runs/forecast-{k:03d}" for k in range(1, 21)]


def test_a_running_one_is_neither_overwritten_nor_resumed(here):
    holder = """
import sys
from pathlib import Path
from elman.runs.folder import working_in
with working_in(Path("run"), "forecast", resume=False, overwrite=True):
    print("working", flush=True)
    sys.stdin.readline()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ
    )
    assert process.stdout.readline() == "working\n"
    before = contents(here / "run")
    for given in ({"overwrite": True}, {"resume": True}):
        with pytest.raises(RunFolderError, match="run: another process is training in it; wait for it, or choose"):
            train_forecast("sales.csv", QUICK, out=here / "run", **given)
    assert contents(here / "run") == before
    process.kill()  # the lock dies with it
    process.communicate()
    train_forecast("sales.csv", QUICK | {"seed": 1}, out=here / "run", overwrite=True)
    assert ".lock" not in contents(here / "run")
