"""A run that was killed or interrupted, and then resumed, equals the uninterrupted run bit for bit."""

from __future__ import annotations

import json
import shutil
import signal
import sys

import pytest

from elman.errors import RunFolderError
from elman.training.checkpoint import Checkpoint
from elman.training.events import EpochEnd, PhaseStart
from tests.runs.helpers import QUICK, contents, numbers, python, train_forecast

# dropout, so that the random state matters; two layers, so that there is dropout
SETTINGS = QUICK | {"epochs": 4, "num_layers": 2, "dropout": 0.2, "level": "none", "highway": False}


class Killed(BaseException):
    """Ends training as a kill does: nothing catches it."""


def at(phase: str, epoch: int, act):
    """An ``on_event`` that acts at the end of that epoch; of epoch 0, when the phase begins."""

    def on_event(event):
        if isinstance(event, EpochEnd | PhaseStart) and (event.phase, event.epoch) == (phase, epoch):
            act()

    return on_event


def raising(error: BaseException):
    def act():
        raise error

    return act


@pytest.fixture(scope="module")
def whole(workplace, tmp_path_factory):
    """The uninterrupted run."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    train_forecast(str(workplace / "sales.csv"), SETTINGS, out=folder)
    best = json.loads((folder / "metrics.json").read_text())["best_epoch"]
    assert best >= 2  # so that the refit can be interrupted between two epochs
    return numbers(folder)


@pytest.fixture
def train(workplace, tmp_path):
    """Trains into the same folder again."""

    def run(**given):
        return train_forecast(str(workplace / "sales.csv"), SETTINGS, out=tmp_path / "run", **given)

    return run


@pytest.fixture(params=["after every epoch", "at the ends of phases"])
def checkpoints(request, monkeypatch):
    """How often they are written: training replays from the last."""
    every = {"after every epoch": 0.0, "at the ends of phases": 3600.0}[request.param]
    monkeypatch.setattr(Checkpoint.__init__, "__defaults__", ("", every))


PLACES = [("search", 0), *[("search", epoch) for epoch in (1, 2, 3, 4)], ("refit", 0), ("refit", 1), ("refit", 2)]


@pytest.mark.parametrize(("phase", "epoch"), PLACES)
def test_killed_at_any_epoch(phase, epoch, checkpoints, whole, train, tmp_path):
    with pytest.raises(Killed):
        train(on_event=at(phase, epoch, raising(Killed())))
    assert contents(tmp_path / "run").keys() == {"checkpoint.safetensors"}
    train(resume=True)
    assert numbers(tmp_path / "run") == whole


def test_quantiles_killed_at_an_epoch(workplace, tmp_path):
    settings = SETTINGS | {"intervals": "quantile", "ensemble": 2, "highway": True}
    train_forecast(str(workplace / "sales.csv"), settings, out=tmp_path / "whole")
    for k, (phase, epoch) in enumerate((("search", 2), ("refit", 0))):
        folder = tmp_path / f"run{k}"
        with pytest.raises(Killed):
            killing = at(phase, epoch, raising(Killed()))
            train_forecast(str(workplace / "sales.csv"), settings, out=folder, on_event=killing)
        train_forecast(str(workplace / "sales.csv"), settings, out=folder, resume=True)
        assert numbers(folder) == numbers(tmp_path / "whole")


def test_killed_again_and_again(checkpoints, whole, train, tmp_path):
    for phase, epoch in PLACES:
        with pytest.raises(Killed):
            train(on_event=at(phase, epoch, raising(Killed())), resume=(phase, epoch) != PLACES[0])
    train(resume=True)
    assert numbers(tmp_path / "run") == whole


@pytest.mark.parametrize(("phase", "epoch"), PLACES)
def test_ctrl_c(phase, epoch, checkpoints, whole, train, tmp_path):
    if epoch:  # in the midst of an epoch loop, by the signal itself
        act = lambda: signal.raise_signal(signal.SIGINT)  # noqa: E731
        run = train(on_event=at(phase, epoch, act))
        assert run.estimator.outcome.interrupted
        folder = tmp_path / "run"
        assert contents(folder).keys() == whole.keys() | {"checkpoint.safetensors"}
        metrics = json.loads((folder / "metrics.json").read_text())
        assert metrics["interrupted"] is True
        assert len(run.estimator.predict()["forecast"]) == 3
        if phase == "refit":  # the search was finished: its scores are there
            assert numbers(folder)["predictions.csv"] == whole["predictions.csv"]
            assert (folder / "model.safetensors").read_bytes() == (folder / "tested.safetensors").read_bytes()
        else:
            assert metrics["best_epoch"] <= epoch
    else:  # before the first epoch nothing catches it: only the checkpoint is there
        with pytest.raises(KeyboardInterrupt):
            train(on_event=at(phase, epoch, raising(KeyboardInterrupt())))
    train(resume=True)
    assert numbers(tmp_path / "run") == whole


def test_resume_of_a_run_that_is_whole_changes_nothing(whole, train, tmp_path):
    train()
    before = contents(tmp_path / "run")
    run = train(resume=True, on_event=raising(AssertionError("it trains")))
    assert run.estimator is None
    assert contents(tmp_path / "run") == before


def test_resume_of_a_run_killed_before_it_began(whole, train, tmp_path):
    (tmp_path / "run").mkdir()
    train(resume=True)
    assert numbers(tmp_path / "run") == whole


@pytest.mark.parametrize("overwrite", [False, True])
def test_killed_between_its_last_files(overwrite, whole, train, workplace, tmp_path, monkeypatch):
    if overwrite:
        shutil.copytree(workplace / "run", tmp_path / "run")
    with monkeypatch.context() as patch:
        patch.setattr("elman.runs.files.metrics_record", lambda *_: raising(Killed())())
        with pytest.raises(Killed):
            train(overwrite=overwrite)
    assert "metrics.json" not in contents(tmp_path / "run")  # which would mark the folder as complete
    train(resume=True)
    assert numbers(tmp_path / "run") == whole


def test_killed_while_it_replaces_another(whole, train, workplace, tmp_path):
    shutil.copytree(workplace / "run", tmp_path / "run")
    with pytest.raises(Killed):
        train(overwrite=True, on_event=at("search", 2, raising(Killed())))
    assert numbers(tmp_path / "run").items() >= numbers(workplace / "run").items()  # the old one is still there
    train(resume=True)
    assert numbers(tmp_path / "run") == whole


def test_resume_with_other_settings_is_refused_and_harms_nothing(whole, train, workplace, tmp_path):
    with pytest.raises(Killed):
        train(on_event=at("search", 2, raising(Killed())))
    before = contents(tmp_path / "run")
    for data, settings in ((workplace / "sales.csv", {"seed": 1}), (shorter(workplace, tmp_path), {})):
        with pytest.raises(RunFolderError, match="begun with other settings or other data; give the same ones"):
            train_forecast(str(data), SETTINGS | settings, out=tmp_path / "run", resume=True)
    assert contents(tmp_path / "run") == before
    train(resume=True)
    assert numbers(tmp_path / "run") == whole


def shorter(workplace, tmp_path):
    path = tmp_path / "shorter.csv"
    path.write_text("\n".join((workplace / "sales.csv").read_text().splitlines()[:-1]) + "\n")
    return path


SCRIPT = """
import json, os, sys
from pathlib import Path
from elman.runs.train import train_run
from elman.tasks import get_task
from elman.training.checkpoint import Checkpoint
from elman.training.events import EpochEnd

data, folder, phase, epoch, number, settings = sys.argv[1:]
Checkpoint.__init__.__defaults__ = ("", 0.0)

def on_event(event):
    if isinstance(event, EpochEnd) and (event.phase, event.epoch) == (phase, int(epoch)):
        os.kill(os.getpid(), int(number))

train_run(get_task("forecast"), data, json.loads(settings), out=Path(folder), pictures=False, on_event=on_event)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal there")
@pytest.mark.parametrize(("phase", "epoch"), [("search", 3), ("refit", 1)])
def test_a_process_that_is_really_killed(phase, epoch, whole, train, workplace, tmp_path):
    words = (workplace / "sales.csv", tmp_path / "run", phase, epoch, int(signal.SIGKILL), json.dumps(SETTINGS))
    done = python("-c", SCRIPT, *map(str, words))
    assert done.returncode == -signal.SIGKILL
    assert contents(tmp_path / "run").keys() == {".lock", "checkpoint.safetensors"}
    train(resume=True)
    assert numbers(tmp_path / "run") == whole
