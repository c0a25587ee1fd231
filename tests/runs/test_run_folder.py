"""The run folder: its files, their format, and what may be overwritten."""

from __future__ import annotations

import io
import json
import math
import re

import numpy as np
import pytest

import elman
from elman.cli import main
from elman.errors import ElmanError, RunFolderError
from elman.settings import to_record
from elman.tasks.forecast import Forecaster, ForecastSettings
from elman.tasks.forecast.settings import LEVELS, ForecastColumns
from tests.runs.helpers import FLAGS, QUICK, contents, numbers, read_csv, sales, train_forecast

FILES = {
    "forecast.csv",
    "history.csv",
    "metrics.json",
    "model.safetensors",
    "plots",
    "plots/error_by_lead.png",
    "plots/forecast.png",
    "plots/learning_curve.png",
    "plots/test.png",
    "predictions.csv",
    "report.html",
    "settings.json",
    "tested.safetensors",
}
ENDS = ["lo-80", "hi-80", "lo-95", "hi-95"]
SCORES = {"mae", "mse", "rmse", "smape", "mase", "wql"}


def strict(text: str):
    """JSON as its standard has it: no NaN, no name twice."""

    def refuse(word):
        raise AssertionError(f"{word} in JSON")

    def once(pairs):
        assert len({name for name, _ in pairs}) == len(pairs)
        return dict(pairs)

    return json.loads(text, parse_constant=refuse, object_pairs_hook=once)


def test_what_is_in_it(workplace):
    found = contents(workplace / "run")
    assert found.keys() == FILES
    assert all(value.startswith(b"\x89PNG\r\n") for name, value in found.items() if name.endswith(".png"))


def test_metrics(workplace):
    metrics = strict((workplace / "run" / "metrics.json").read_text())
    scores = metrics.pop("test")
    baselines = metrics.pop("baselines")
    assert scores.keys() == SCORES
    assert baselines.keys() == {"naive", "seasonal_naive", "linear"}
    assert baselines["linear"]["wql"] is None  # it has no intervals
    for figures in (scores, *baselines.values()):
        assert figures.keys() == SCORES
        known = {name: value for name, value in figures.items() if figures is not baselines["linear"] or name != "wql"}
        assert all(type(value) is float and value >= 0 for value in known.values())
        assert figures["rmse"] == pytest.approx(math.sqrt(figures["mse"]), rel=1e-12)
    assert type(metrics.pop("seconds")) is float
    for name in ("model", "tested"):  # by the digest of its content
        assert re.fullmatch("[0-9a-f]{64}", metrics.pop(name))
    members, intervals = metrics.pop("members"), metrics.pop("intervals")
    assert {"network", "linear"} <= members.keys() and intervals.keys() == {"80", "95", "all"}
    assert all(0 <= intervals[level]["coverage"] <= 1 for level in ("80", "95"))
    assert metrics.pop("verdict").startswith(f"MASE {scores['mase']:.3g}"[:8])
    # GRU of 4 units on 1 input: 3 gates; a head of 3 steps, and the highway from what is read
    read = metrics["window"] - (12 if metrics["level"].startswith("seasonal") else 0)
    recurrent = 3 * (4 * 1 + 4 * 4 + 4 + 4)
    assert metrics == {
        "elman": elman.__version__,
        "task": "forecast",
        "cell": "gru",
        "parameters": recurrent + 3 * 4 + 3 + 3 * (read + 1),
        "recurrent_parameters": recurrent,
        "test_size": 84 // 5,
        "windows": math.ceil(84 // 5 / 3),
        "season": 12,
        "seasons": [12],
        "horizon": 3,
        "window": metrics["window"],
        "level": metrics["level"],
        "transform": metrics["transform"],
        "scale": "series",
        "series": 1,
        "best_epoch": metrics["best_epoch"],
        "interrupted": False,
        "settings": to_record(ForecastSettings(**QUICK)),
    }
    assert metrics["level"] in LEVELS[1:] and 0 <= metrics["best_epoch"] <= QUICK["epochs"]


def test_scores_are_those_of_the_predictions(workplace):
    rows = read_csv(workplace / "run" / "predictions.csv")[1:]
    errors = np.array([float(forecast) - float(y) for *_, y, forecast, _, _, _, _ in rows])
    scores = strict((workplace / "run" / "metrics.json").read_text())["test"]
    assert np.abs(errors).mean() == pytest.approx(scores["mae"], rel=1e-12)
    assert np.square(errors).mean() == pytest.approx(scores["mse"], rel=1e-12)


def test_predictions(workplace):
    header, *rows = read_csv(workplace / "run" / "predictions.csv")
    assert header == ["unique_id", "cutoff", "ds", "step", "y", "forecast", *ENDS]
    known = dict(read_csv(workplace / "sales.csv")[1:])
    months = list(known)
    expected = []  # six origins one horizon apart; the last has one step left
    for cutoff in range(84 - 16 - 1, 83, 3):
        expected += [(cutoff, step) for step in (1, 2, 3) if cutoff + step < 84]
    assert len(expected) == 16
    for (cutoff, step), (name, origin, ds, lead, y, forecast, *ends) in zip(expected, rows, strict=True):
        assert (name, origin, ds, lead) == ("sales", months[cutoff], months[cutoff + step], str(step))
        assert float(y) == float(known[ds])
        low, high, lower, higher = map(float, ends)
        assert lower <= low <= float(forecast) <= high <= higher


def test_forecast(workplace):
    header, *rows = read_csv(workplace / "run" / "forecast.csv")
    assert header == ["unique_id", "ds", "step", "forecast", *ENDS]
    assert [row[:3] for row in rows] == [["sales", f"2017-0{k}", str(k)] for k in (1, 2, 3)]


@pytest.mark.parametrize(
    ("times", "after"),
    [
        (lambda i: f"01.{i % 12 + 1:02d}.{2000 + i // 12}", ["01.01.2003", "01.02.2003"]),
        (lambda i: f"{2000 + i}", ["2036", "2037"]),
        (lambda i: f"2020-01-{1 + i // 24:02d}T{i % 24:02d}:00:00", ["2020-01-02T12:00:00", "2020-01-02T13:00:00"]),
        (None, ["36", "37"]),  # rows, counted from 0
    ],
    ids=["German months", "years", "hours", "no times"],
)
def test_times_are_written_as_the_file_writes_them(times, after, tmp_path):
    rows = ["ds,y" if times else "y"]
    rows += [(f"{times(i)}," if times else "") + f"{10 + math.sin(i):.3f}" for i in range(36)]
    (tmp_path / "data.csv").write_text("\n".join(rows) + "\n")
    forecaster = Forecaster(**(QUICK | {"epochs": 1, "horizon": 2})).fit(tmp_path / "data.csv")
    folder = forecaster.save(tmp_path / "run")
    found = [row[1] for row in read_csv(folder / "forecast.csv")[1:]]
    assert found == after


def test_history_and_settings(workplace):
    header, *rows = read_csv(workplace / "run" / "history.csv")
    assert header == ["phase", "epoch", "loss", "validation_loss", "validation_error", "learning_rate", "seconds"]
    metrics = strict((workplace / "run" / "metrics.json").read_text())
    searched = [row for row in rows if row[0] == "search"]
    refitted = [row for row in rows if row[0] == "refit"]
    assert [int(row[1]) for row in searched] == [1, 2, 3]
    assert [int(row[1]) for row in refitted] == list(range(1, metrics["best_epoch"] + 1))
    best = min(searched, key=lambda row: float(row[3]))
    assert metrics["best_epoch"] in (0, int(best[1]))  # 0: what it began with
    assert all(row[3] == "" for row in refitted)
    assert strict((workplace / "run" / "settings.json").read_text()) == {
        "model": metrics["model"],
        "tested": metrics["tested"],
        "tables": ["forecast.csv", "history.csv", "predictions.csv"],
        "elman": elman.__version__,
        "task": "forecast",
        "columns": to_record(ForecastColumns()),
        "settings": to_record(ForecastSettings(**QUICK)),
    }


def test_scores_that_do_not_exist_are_null(tmp_path):
    (tmp_path / "flat.csv").write_text("y\n" + "5\n" * 40)  # no seasonal error to divide by
    forecaster = Forecaster(**QUICK).fit(tmp_path / "flat.csv")
    metrics = strict((forecaster.save(tmp_path / "run") / "metrics.json").read_text())
    assert metrics["test"]["mase"] is None
    assert metrics["test"]["mae"] == pytest.approx(0, abs=1e-4)


def test_load_gives_the_same(workplace):
    whole = elman.load(workplace / "run")
    again = Forecaster.load(str(workplace / "run"))
    fresh = Forecaster(**QUICK).fit(workplace / "sales.csv")
    assert whole.predict(workplace / "sales.csv") == fresh.predict() == again.predict(workplace / "sales.csv")
    mine, theirs = fresh.outcome.evaluation, whole.evaluate(workplace / "sales.csv")
    assert (mine.scores, mine.baselines, mine.rows) == (theirs.scores, theirs.baselines, theirs.rows)
    assert whole.get_params() == fresh.get_params()
    values = [float(row[1]) for row in read_csv(workplace / "sales.csv")[1:]]
    streams = [forecaster.stream("sales") for forecaster in (whole, fresh)]
    outputs = [[stream.step(value) for value in values][-1] for stream in streams]
    np.testing.assert_array_equal(*outputs)
    np.testing.assert_allclose(outputs[0], fresh.predict()["forecast"], rtol=1e-5)


def test_a_saved_copy_is_the_run(here):
    elman.load(here / "run").save(here / "copy")
    for name in ("model.safetensors", "tested.safetensors", "settings.json"):
        assert (here / "copy" / name).read_bytes() == (here / "run" / name).read_bytes()


def test_what_was_not_trained_is_not_saved(tmp_path):
    with pytest.raises(ElmanError, match="not trained yet: call fit first"):
        Forecaster().save(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_overwrite_replaces_everything_and_clears_what_is_stale(here):
    words = ["train", "forecast", "sales.csv", *FLAGS, "--out", "run", "--overwrite"]
    (here / "run" / "mine.txt").write_text("not elman's: it stays")
    (here / "run" / "plots" / "old.png").write_bytes(b"stale")
    (here / "run" / ".model.0123abcd.safetensors").write_bytes(b"half written by a process that was killed")
    before = contents(here / "run")
    assert main([*words, "--seed", "1", "--test-size", "0"]) == 0
    after = contents(here / "run")
    gone = {"tested.safetensors", "predictions.csv", "plots/test.png", "plots/error_by_lead.png"}
    assert after.keys() == (FILES - gone) | {"mine.txt"}
    assert after["model.safetensors"] != before["model.safetensors"]
    assert strict(after["metrics.json"])["test"] == {}
    assert main(words) == 0
    assert contents(here / "run").keys() == FILES | {"mine.txt"}
    assert contents(here / "run")["model.safetensors"] == before["model.safetensors"]


def test_a_failed_run_takes_nothing_away(here):
    before = contents(here / "run")
    with pytest.raises(ElmanError):
        train_forecast("sales.csv", {"horizon": 500}, out=here / "run", overwrite=True)
    assert contents(here / "run") == before


def test_folders_are_numbered(here, monkeypatch):
    for folder in ("runs/forecast-007", "runs/forecast-x", "runs/language-030"):
        (here / folder).mkdir(parents=True)
    runs = [train_forecast("sales.csv", QUICK) for _ in range(2)]
    assert [str(run.folder) for run in runs] == ["runs/forecast-008", "runs/forecast-009"]
    assert numbers(here / runs[0].folder) == numbers(here / runs[1].folder)


def test_an_empty_folder_is_welcome(here, monkeypatch):
    (here / "empty").mkdir()
    run = train_forecast("sales.csv", QUICK, out=here / "empty")
    assert numbers(run.folder) == numbers(here / "run")


def test_after_a_full_disk_the_run_can_be_resumed(here, monkeypatch):
    from elman.training.checkpoint import Checkpoint

    save = Checkpoint.save

    def full(self, phase, *args, **given):
        if phase == "refit":
            raise RunFolderError(f"{self.path}: cannot be written (No space left on device); choose another folder")
        save(self, phase, *args, **given)

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "save", full)
        with pytest.raises(RunFolderError, match="No space left"):
            train_forecast("sales.csv", QUICK, out=here / "new")
    assert contents(here / "new").keys() == {"checkpoint.safetensors"}
    train_forecast("sales.csv", QUICK, out=here / "new", resume=True)
    assert numbers(here / "new") == numbers(here / "run")


def test_without_matplotlib_there_are_no_pictures_but_a_note(here, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    run = train_forecast("sales.csv", QUICK, out=here / "new", pictures=True)
    assert run.pictures == ()
    assert "pip install 'elman[train]'" in run.notes[0]
    assert numbers(run.folder) == numbers(here / "run")


def test_progress_is_for_terminals(workplace):
    from elman.report.progress import Progress

    stream = io.StringIO()
    with Progress(stream) as progress:
        Forecaster(**QUICK).fit(workplace / "sales.csv", on_event=progress)
    assert stream.getvalue() == ""


def test_many_series_in_one_file(tmp_path):
    rows = ["unique_id,ds,y"]
    for name, line in ((n, x) for n in ("a", "b") for x in sales().splitlines()[1:]):
        rows.append(f"{name},{line}")
    (tmp_path / "two.csv").write_text("\n".join(rows) + "\n")
    run = train_forecast(str(tmp_path / "two.csv"), QUICK, out=tmp_path / "run")
    metrics = strict((run.folder / "metrics.json").read_text())
    assert (metrics["series"], metrics["windows"]) == (2, 12)
    assert [row[0] for row in read_csv(run.folder / "forecast.csv")[1:]] == ["a"] * 3 + ["b"] * 3
    assert len(read_csv(run.folder / "predictions.csv")) == 1 + 2 * 16
    assert elman.load(run.folder).outcome.final.model.encoding["scalers"].keys() == {"a", "b"}
