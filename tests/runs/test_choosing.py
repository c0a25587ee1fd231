"""A model chosen among several: by the validation part alone, and then as if it had been the only one."""

from __future__ import annotations

import json

import numpy as np
import pytest

import elman
from elman import Forecaster
from elman.cli import main
from elman.errors import SettingsError
from elman.learning import Candidate
from elman.training.checkpoint import Checkpoint
from elman.training.events import EpochEnd, PhaseStart
from tests.runs.helpers import FLAGS, contents, numbers, train_forecast
from tests.tasks.conftest import TINY
from tests.tasks.helpers import wavy

CELLS = ("rnn", "lstm", "gru")
ALONE = {name: value for name, value in TINY.items() if name != "hidden_size"} | {"combine": "validation"}
SETTINGS = {"horizon": 3, "hidden_size": 4, "epochs": 3, "cells": ("rnn", "gru"), "level": "last", "highway": False}


class Killed(BaseException):
    """Ends training as a kill does: nothing catches it."""


def bits(model):
    return {name: array.tobytes() for name, array in model.arrays.items()}


@pytest.fixture(scope="module")
def chosen() -> Forecaster:
    return Forecaster(**ALONE, hidden_size=4, cells=CELLS).fit(wavy(80))


def kept(forecaster: Forecaster) -> Candidate:
    (one,) = [one for one in forecaster.outcome.candidates if one.chosen]
    return one


def test_the_least_validation_loss_is_kept(chosen):
    candidates = chosen.outcome.candidates
    assert [one.name for one in candidates] == list(CELLS)
    assert kept(chosen).validation == min(one.validation for one in candidates)
    assert chosen.model.cell() == kept(chosen).name
    assert len({one.validation for one in candidates}) == 3


def test_the_rest_is_that_of_the_chosen_cell_alone(chosen):
    for one in chosen.outcome.candidates:
        alone = Forecaster(**ALONE, hidden_size=4, cell=one.name).fit(wavy(80)).outcome
        losses = [row["validation_loss"] for row in alone.history if row["phase"] == "search"]
        assert (one.best_epoch, one.validation) == (alone.best_epoch, losses[alone.best_epoch - 1])
        assert one.parameters == alone.final.model.parameter_count()
        if one.chosen:
            own = chosen.outcome
            assert bits(own.final.model) == bits(alone.final.model)
            assert bits(own.tested.model) == bits(alone.tested.model)
            assert own.evaluation.scores == alone.evaluation.scores and own.evaluation.rows == alone.evaluation.rows
            assert own.final.model.encoding == alone.final.model.encoding


def test_the_test_has_no_say(chosen):
    changed = wavy(80)
    changed[-16:] = np.random.default_rng(3).normal(50, 30, 16)
    other = Forecaster(**chosen.get_params()).fit(changed)
    assert other.outcome.candidates == chosen.outcome.candidates
    assert bits(other.outcome.tested.model) == bits(chosen.outcome.tested.model)


def test_sizes_too_and_both_together():
    found = Forecaster(**ALONE, cells=("rnn", "gru"), hidden_sizes=(2, 5)).fit(wavy(80))
    assert [one.name for one in found.outcome.candidates] == ["rnn 2", "rnn 5", "gru 2", "gru 5"]
    assert f"{found.model.cell()} {found.metrics['settings']['hidden_size']}" == kept(found).name


def test_each_window_of_a_backtest_chooses_anew():
    found = Forecaster(**ALONE, hidden_size=4, cells=("rnn", "gru")).backtest(wavy(70), windows=2, refit=True)
    for k, cutoff in enumerate(found.windows["cutoff"]):
        plain = Forecaster(**ALONE, hidden_size=4, cells=("rnn", "gru"), test_size=0).fit(wavy(70)[: int(cutoff) + 1])
        assert found.windows["cell"][k] == plain.model.cell()
        own = [f for f, c in zip(found.forecasts["forecast"], found.forecasts["cutoff"], strict=True) if c == cutoff]
        np.testing.assert_allclose(own, plain.predict()["forecast"], rtol=1e-6)


@pytest.mark.parametrize("error", [Killed, KeyboardInterrupt])
@pytest.mark.parametrize(("phase", "epoch"), [("rnn search", 2), ("gru search", 1), ("refit", 1)])
def test_killed_or_interrupted_and_resumed(error, phase, epoch, here, monkeypatch):
    monkeypatch.setattr(Checkpoint.__init__, "__defaults__", ("", 0.0))
    train_forecast("sales.csv", SETTINGS, out=here / "whole")

    def on_event(event):
        if isinstance(event, EpochEnd | PhaseStart) and (event.phase, event.epoch) == (phase, epoch):
            raise error

    if error is Killed:
        with pytest.raises(Killed):
            train_forecast("sales.csv", SETTINGS, out=here / "again", on_event=on_event)
        assert contents(here / "again").keys() == {"checkpoint.safetensors"}
    else:
        run = train_forecast("sales.csv", SETTINGS, out=here / "again", on_event=on_event)
        assert run.estimator.outcome.interrupted and len(elman.load(here / "again").predict("sales.csv")["step"]) == 3
    train_forecast("sales.csv", SETTINGS, out=here / "again", resume=True)
    assert numbers(here / "again") == numbers(here / "whole")


def test_from_the_shell(here, capsys):
    words = ["train", "forecast", "sales.csv", *FLAGS, "--no-highway", "--cells", "rnn,lstm", "--out", "two"]
    assert main(words) == 0
    out, err = capsys.readouterr()
    metrics = json.loads((here / "two" / "metrics.json").read_text())
    assert err == "" and f"Chosen by the loss on the validation part: {metrics['cell']}" in out
    assert [one["settings"] for one in metrics["candidates"]] == [{"cell": "rnn"}, {"cell": "lstm"}]
    assert metrics["settings"]["cell"] == metrics["cell"] and metrics["settings"]["cells"] == ["rnn", "lstm"]
    assert ": chosen" in (here / "two" / "report.html").read_text()
    # what goes on from it has its cell
    assert main(["train", "forecast", "sales.csv", "--from", "two", "--epochs", "1", "--out", "on"]) == 0
    on = json.loads((here / "on" / "metrics.json").read_text())
    assert on["cell"] == metrics["cell"] and "candidates" not in on
    capsys.readouterr()
    for more, said in (
        (["--cells", "rnn,shoe"], "cells is 'shoe'; choose one of: "),
        (["--cells", "rnn,rnn"], "--cells names one twice"),
        (["--cells", "rnn,lstm", "--cell", "lem"], "--cell is lem, which is none of --cells"),
        (["--cells", "rnn,lstm", "--validation", "0"], "judged by the validation part, and there is none"),
    ):
        assert main(["train", "forecast", "sales.csv", *FLAGS, *more, "--out", "bad"]) == 2
        out, err = capsys.readouterr()
        assert out == "" and said in err and err.count("\n") == 1
        assert not (here / "bad").exists()


def test_a_model_to_go_on_from_has_its_cell(here):
    with pytest.raises(SettingsError, match="model to go on from"):
        train_forecast("sales.csv", {"cells": ("rnn", "gru")}, out=here / "on", start_from=here / "run")
