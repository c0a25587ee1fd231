"""Backtests as run folders: what is in them, killed and resumed, interrupted, refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

import elman
from elman.cli import main
from elman.errors import DataError, RunFolderError, SettingsError
from elman.report.progress import line_of
from elman.studies.compare import compare
from elman.training.checkpoint import Checkpoint
from elman.training.events import EpochEnd, PhaseStart
from tests.runs.helpers import FLAGS, QUICK, contents, numbers, read_csv, train_forecast

SETTINGS = QUICK | {"windows": 2, "refit": True, "dropout": 0.2, "num_layers": 2}


class Killed(BaseException):
    """Ends training as a kill does: nothing catches it."""


def raising(error: BaseException, phase: str, epoch: int):
    def on_event(event):
        if isinstance(event, EpochEnd | PhaseStart) and (event.phase, event.epoch) == (phase, epoch):
            raise error

    return on_event


@pytest.fixture(scope="module")
def whole(workplace, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "run"
    train_forecast(str(workplace / "sales.csv"), SETTINGS, out=folder)
    return folder


def test_the_folder_holds_the_backtest_and_the_model_of_everything(whole, workplace):
    usual = {"forecast.csv", "history.csv", "metrics.json", "model.safetensors", "predictions.csv", "settings.json"}
    assert contents(whole).keys() == usual | {"windows.csv"}
    metrics = json.loads((whole / "metrics.json").read_text())
    assert metrics["refit"] is True and metrics["windows"] == 2 and metrics["horizon"] == 3
    rows = read_csv(whole / "windows.csv")
    assert [row[:2] for row in rows[1:]] == [["1", "2016-06"], ["2", "2016-09"]]
    mase = rows[0].index("mase")
    assert metrics["test"]["mase"] == pytest.approx(np.mean([float(row[mase]) for row in rows[1:]]))
    assert [row[1] for row in read_csv(whole / "predictions.csv")[1:]] == ["2016-06"] * 3 + ["2016-09"] * 3
    # the final model is that of a plain fit with nothing held back
    plain = {name: value for name, value in SETTINGS.items() if name not in ("windows", "refit")}
    alone = elman.Forecaster(**plain, test_size=0).fit(workplace / "sales.csv")
    loaded = elman.load(whole)
    assert loaded.predict(workplace / "sales.csv") == alone.predict()
    assert {row[0] for row in read_csv(whole / "history.csv")[1:]} >= {"search", "window 1 search", "window 2 search"}
    with pytest.raises(DataError, match="were seen in training"):
        loaded.evaluate(workplace / "sales.csv")


PLACES = [("final model", 0), ("final model", 2), ("window 1 of 2", 0), ("window 1 of 2", 3), ("window 2 of 2", 1)]


@pytest.mark.parametrize("every", [0.0, 3600.0])
@pytest.mark.parametrize(("phase", "epoch"), PLACES)
def test_killed_and_resumed(phase, epoch, every, whole, workplace, tmp_path, monkeypatch):
    monkeypatch.setattr(Checkpoint.__init__, "__defaults__", ("", every))
    data, out = str(workplace / "sales.csv"), tmp_path / "run"
    with pytest.raises(Killed):
        train_forecast(data, SETTINGS, out=out, on_event=raising(Killed(), phase, epoch))
    assert contents(out).keys() == {"checkpoint.safetensors"}
    with pytest.raises(RunFolderError, match="other settings"):
        train_forecast(data, SETTINGS | {"windows": 3}, out=out, resume=True)
    train_forecast(data, SETTINGS, out=out, resume=True)
    assert numbers(out) == numbers(whole)


@pytest.mark.parametrize(("phase", "scored"), [("final model", 0), ("window 1 of 2", 0), ("window 2 of 2", 1)])
def test_ctrl_c_leaves_a_model_and_the_windows_until_then(phase, scored, whole, workplace, tmp_path):
    data, out = str(workplace / "sales.csv"), tmp_path / "run"
    run = train_forecast(data, SETTINGS, out=out, on_event=raising(KeyboardInterrupt(), phase, 1))
    assert run.estimator.outcome.interrupted
    assert len(elman.load(out).predict(data)["forecast"]) == 3
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["interrupted"] is True and metrics.get("windows", 0) == scored
    assert ("windows.csv" in contents(out)) == bool(scored)
    train_forecast(data, SETTINGS, out=out, resume=True)
    assert numbers(out) == numbers(whole)


def test_progress_tells_which_window_and_the_time_left_for_all(workplace, tmp_path):
    lines = []
    train_forecast(str(workplace / "sales.csv"), SETTINGS, out=tmp_path / "run", on_event=lambda e: lines.append(e))
    last = {event.phase: line_of(event) for event in lines if isinstance(event, EpochEnd)}
    assert list(last) == ["final model", "window 1 of 2", "window 2 of 2"]
    assert all(" left" in line for line in last.values())


def test_in_python_it_goes_on_where_it_was_killed(workplace, tmp_path):
    forecaster = elman.Forecaster(**QUICK)
    given = {"windows": 2, "refit": True}
    expected = forecaster.backtest(workplace / "sales.csv", **given)
    path = tmp_path / "checkpoint"
    with pytest.raises(Killed):
        on_event = raising(Killed(), "window 2 of 2", 1)
        forecaster.backtest(workplace / "sales.csv", **given, checkpoint=path, on_event=on_event)
    seen = []
    again = forecaster.backtest(workplace / "sales.csv", **given, checkpoint=path, on_event=seen.append)
    assert {event.phase for event in seen if isinstance(event, EpochEnd)} == {"window 2 of 2"}
    assert again.windows == expected.windows and again.forecasts == expected.forecasts


def test_continued_training_from_a_run_for_each_window(here):
    run = train_forecast(
        "sales.csv", {"epochs": 1, "windows": 2, "refit": True}, out=here / "on", start_from=here / "run"
    )
    assert run.estimator.outcome.evaluation.facts["windows"] == 2
    early = train_forecast("sales.csv", QUICK | {"test_size": 20}, out=here / "early")
    on = train_forecast("sales.csv", {"epochs": 1, "windows": 2}, out=here / "more", start_from=early.folder)
    assert on.estimator.settings.test_size is None and on.estimator.settings.windows == 2


def test_from_the_shell(here, capsys):
    words = ["train", "forecast", "sales.csv", *FLAGS, "--windows", "3", "--stride", "2", "--out", "back"]
    assert main(words) == 0
    out, err = capsys.readouterr()
    assert err == "" and "Backtest: 3 windows of 3 steps, 2 apart, of 1 series; one model" in out
    assert "mean ± sd" in out and "back/plots/windows.png" in out
    assert "by cutoff</h2>" in (here / "back" / "report.html").read_text()
    assert main(["evaluate", "back", "sales.csv"]) == 0
    assert "Backtest: 3 windows" in capsys.readouterr().out
    for more, said in (
        (["--windows", "90"], "too few for 90 windows of 3 steps, 3 apart and something to learn from before"),
        (["--refit"], "--refit trains anew for each window of a backtest; say with --windows how many"),
        (["--windows", "2", "--test-size", "5"], "--windows and --test-size are two ways to say how long the test is"),
    ):
        assert main(["train", "forecast", "sales.csv", *FLAGS, *more, "--out", "bad"]) == 2
        out, err = capsys.readouterr()
        assert out == "" and said in err and err.count("\n") == 1
        assert not (here / "bad").exists()


def test_a_comparison_refuses_it(workplace, tmp_path):
    with pytest.raises(SettingsError, match="not one for each window: no `refit`"):
        compare(
            "forecast", workplace / "sales.csv", cells="rnn,gru", seeds=1, out=tmp_path / "c", windows=2, refit=True
        )
