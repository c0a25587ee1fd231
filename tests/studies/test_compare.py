"""Comparisons: complete tables for every task, the same however often they are killed, and errors in one line."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import numpy as np
import pytest

import elman
from elman.cells import CELLS
from elman.cli import main
from elman.errors import DataError, RunFolderError, SettingsError
from elman.recurrence import Layout
from elman.runs.files import read_json
from elman.settings import field_types
from elman.studies.compare.training import MEASURED
from elman.studies.settings import CHOSEN
from elman.tasks import TASKS, get_task
from elman.training.events import EpochEnd
from tests.runs.helpers import FLAGS, QUICK, sales
from tests.studies.kills import kept, killed_and_resumed
from tests.tasks.samples import SAMPLES


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "sales.csv"
    path.write_text(sales())
    return path


@pytest.mark.parametrize("task", TASKS)
def test_every_task_has_complete_tables(task, tmp_path):
    """Also after a kill between a run's end and its measurement: it is not trained again, and measures the same."""
    path, *_ = SAMPLES[task].write(tmp_path)
    given = {"cells": "gru,rnn", "seeds": 1, "out": tmp_path / "out", "pictures": False, **SAMPLES[task].settings}
    found = elman.compare(task, path, **given)
    assert list(found.record["cells"]) == ["gru", "rnn"]
    for row in found.record["cells"].values():
        assert row["recurrent_parameters"] > 0 and row["multiply_adds"] > 0
        for when in ("before", "after"):
            profile = row["gradient"][when]["output"]
            assert profile[0] == 1 and np.isfinite(profile).all()
        assert all(np.isfinite(value) for values in row["test"].values() for value in values)
        assert all(value is None or np.isfinite(value) for value in (*row["validation"], *row["validation_loss"]))
    metrics = [name for name, _ in found.record["metrics"]]
    assert metrics and all(row.keys() == set(metrics) for row in found.record["baselines"].values())
    assert {path.suffix for path in found.files} == {".json", ".md"}
    before, model = kept(tmp_path / "out", "compare"), tmp_path / "out/runs/rnn-0/model.safetensors"
    made = model.stat().st_mtime_ns
    (model.parent / MEASURED).unlink()
    elman.compare(task, path, **given)
    assert kept(tmp_path / "out", "compare") == before
    assert model.stat().st_mtime_ns == made


def test_a_cell_takes_the_options_that_it_has(data, tmp_path):
    given = {"seeds": 1, "out": tmp_path / "out", "pictures": False, "epochs": 1, **QUICK}
    given |= {"cells": "lem,gru,slstm", "cell_options": "dt=0.25,heads=2", "hidden_size": 8}
    elman.compare("forecast", data, **given)
    for cell, options in (("lem", {"dt": 0.25}), ("gru", {}), ("slstm", {"heads": 2})):
        (layer,) = [one for one in elman.load(tmp_path / f"out/runs/{cell}-0").model.layers if one.kind == "recurrent"]
        assert layer.layout.option_values == options
    with pytest.raises(RunFolderError, match="cell_options"):
        elman.compare("forecast", data, **given | {"cell_options": "dt=0.25,heads=4"})
    for wrong, said in (
        ("forget=2", "an option of none of: lem, gru, slstm; they have: dt, heads"),
        (3, "cell_options"),
    ):
        with pytest.raises(SettingsError, match=said):
            elman.compare("forecast", data, **given | {"cell_options": wrong, "out": tmp_path / "other"})


def test_sizes_match_and_all_cells_have_the_same_updates(data, tmp_path):
    given = {
        "seeds": 1,
        "out": tmp_path / "a",
        "pictures": False,
        "budget": 7,
        "batch_size": 16,
        "horizon": 3,
        "hidden_size": 12,
    }
    found = elman.compare("forecast", data, cells=("rnn", "lstm", "gru"), **given)
    rows = found.record["cells"]
    assert found.record["updates_in_epoch"] == 2
    assert {tuple(row["updates"]) for row in rows.values()} == {(6,)}  # three epochs
    assert rows["rnn"]["hidden_size"] == 12
    for cell, row in rows.items():
        layout = Layout(cell, 1, row["hidden_size"])
        assert row["recurrent_parameters"] == layout.parameter_count()
        assert abs(layout.parameter_count() - Layout("rnn", 1, 12).parameter_count()) <= 20
    equal = elman.compare("forecast", data, cells=("rnn", "gru"), match="hidden", **{**given, "out": tmp_path / "b"})
    assert [row["hidden_size"] for row in equal.record["cells"].values()] == [12, 12]
    counts = [row["recurrent_parameters"] for row in equal.record["cells"].values()]
    assert counts[1] == 3 * counts[0]


def test_a_run_is_what_training_alone_gives(data, tmp_path):
    """Its scores are those of ``elman train`` with the same settings, but for the refit."""
    settings = {"horizon": 3, "epochs": 3, "patience": 0, "combine": "none", "highway": False}
    given = {"cells": "gru,rnn", "seeds": 2, "out": tmp_path / "out", "hidden_size": 4, "pictures": False}
    found = elman.compare("forecast", data, **given, **settings)
    alone = elman.Forecaster(cell="gru", hidden_size=4, seed=1, **settings).fit(data)
    assert found.record["cells"]["gru"]["test"]["mae"][1] == alone.metrics["test"]["mae"]
    assert found.record["baselines"]["seasonal naive"]["mae"] == alone.metrics["baselines"]["seasonal_naive"]["mae"]
    folder = tmp_path / "out/runs/gru-1"
    assert elman.load(folder).evaluate(data).facts["model"] == "final"  # nothing was fitted on the test
    assert read_json(folder / "metrics.json")["settings"]["seed"] == 1


def test_cells_and_seeds_join_what_is_there(data, tmp_path):
    given = {"out": tmp_path / "out", "pictures": False, **QUICK}
    elman.compare("forecast", data, cells="rnn,gru", seeds=1, **given)
    made = (tmp_path / "out/runs/gru-0/model.safetensors").stat().st_mtime_ns
    found = elman.compare("forecast", data, cells="rnn,gru,lstm", seeds=3, **given)
    assert (tmp_path / "out/runs/gru-0/model.safetensors").stat().st_mtime_ns == made
    assert [len(row["validation"]) for row in found.record["cells"].values()] == [3, 3, 3]
    assert found.conclusions[0].startswith("By the validation loss over 3 seeds")
    with pytest.raises(RunFolderError, match="holds another comparison \\(settings, data differ\\)"):
        elman.compare("forecast", data, cells="rnn,gru", seeds=1, **{**given, "hidden_size": 5})
    with pytest.raises(RunFolderError, match="reference"):
        elman.compare("forecast", data, cells="gru,rnn", seeds=1, **given)


def test_a_killed_comparison_ends_as_one_that_is_not(data, tmp_path):
    words = ["compare", "forecast", str(data), *FLAGS, "--cells", "rnn,gru", "--seeds", "2"]
    killed_and_resumed(words, tmp_path, "compare", kills=3, seed=0)


def test_the_command_prints_what_it_writes(data, tmp_path, capsys):
    out = tmp_path / "o"
    assert (
        main(["compare", "forecast", str(data), *FLAGS, "--cells", "rnn,gru", "--seeds", "1", "--out", str(out)]) == 0
    )
    printed = capsys.readouterr()
    assert printed.err == ""
    for part in (
        "Scores: mean",
        "Half-life of the gradient",
        "Sizes, counted",
        "Times, as ratios to rnn",
        "seasonal naive",
    ):
        assert part in printed.out
    page = (out / "compare.html").read_text()
    assert "<script" not in page and page.count("<img") == 3
    assert f"elman compare forecast {data} --cells rnn,gru --seeds 1" in (out / "compare.md").read_text()
    record = json.loads((out / "compare.json").read_text())
    assert record["times"]["rnn"]["epoch_ratio"] == 1 and set(record["times"]["gru"]["path"]) <= {
        "native",
        "torch",
        "reference",
    }


ERRORS = {
    "unknown cell": (["--cells", "rnn,elm"], "--cells is 'rnn,elm': 'elm' is none of"),
    "budget below an epoch": (["--budget", "1", "--batch-size", "16"], "an epoch of these data has 2 updates"),
    "both": (["--budget", "9", "--epochs", "3"], "--budget and --epochs are two ways"),
    "no memory gate": (["--cells", "gru,rnn", "--init", "chrono:9"], "rnn has none"),
    "seeds": (["--seeds", "0"], "--seeds is 0; it must be at least 1"),
    "one cell by flag": (["--cell", "gru"], "unrecognized arguments: --cell gru"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_one_line_and_leave_nothing(name, data, tmp_path, capsys):
    words, reason = ERRORS[name]
    assert main(["compare", "forecast", str(data), *words, "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and reason in said and said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_text_needs_a_budget(tmp_path, capsys):
    path = tmp_path / "a.txt"
    path.write_text("tick tock " * 300)
    assert main(["compare", "language", str(path), "--out", str(tmp_path / "out")]) == 2
    assert "--budget is needed" in capsys.readouterr().err


def test_a_folder_of_something_else_stays_as_it_is(data, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/notes.txt").write_text("mine")
    with pytest.raises(RunFolderError, match="not empty, and no comparison"):
        elman.compare("forecast", data, cells="rnn,gru", seeds=1, out=tmp_path / "out", **QUICK)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["notes.txt"]


def test_bad_data_and_settings_in_python(tmp_path):
    with pytest.raises(DataError):
        elman.compare("forecast", tmp_path / "none.csv", out=tmp_path / "out")
    with pytest.raises(SettingsError, match="`cell` is chosen by `cells`"):
        elman.compare("forecast", np.arange(90.0), cell="gru", out=tmp_path / "out")
    with pytest.raises(SettingsError, match="unknown task"):
        elman.compare("forcast", np.arange(90.0), out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_without_validation_or_test_tables_are_complete_and_nothing_is_concluded(data, tmp_path):
    few = {**QUICK, "pictures": False, "validation": 0.0, "test_size": 0}
    found = elman.compare("forecast", data, cells="rnn,gru", seeds=1, out=tmp_path / "out", **few)
    assert found.conclusions == [
        "Nothing is concluded: there is no validation part; give more data, or a larger `validation`."
    ]
    assert "There was no test." in found.text


def test_a_model_that_also_runs_backwards_has_no_step_to_time(tmp_path):
    path, *_ = SAMPLES["tag"].write(tmp_path)
    settings = {**SAMPLES["tag"].settings, "bidirectional": True, "pictures": False}
    found = elman.compare("tag", path, cells="rnn,gru", seeds=1, out=tmp_path / "out", **settings)
    assert found.record["times"]["gru"]["step_ratio"] is None
    assert np.isfinite(found.record["cells"]["gru"]["gradient"]["after"]["state"]).all()


def test_a_cell_of_ones_own_takes_part(data, tmp_path):
    def step(x, state, weights, ops):
        (h,) = state
        (x_g, x_c), (h_g, h_c) = ops.input(x, weights), ops.recurrent(h, weights)
        g = ops.sigmoid(x_g + h_g)
        return (g * h + (1 - g) * ops.tanh(x_c + h_c),), {"g": g}

    elman.register_cell(elman.Cell(name="own", gates=("g", "c"), states=("h",), step=step, source="a test", keep="g"))
    try:
        found = elman.compare("forecast", data, cells="rnn,own", seeds=1, out=tmp_path / "out", pictures=False, **QUICK)
    finally:
        del CELLS["own"]
    assert found.record["times"]["own"]["path"] == ["reference", "reference"]
    assert found.record["cells"]["own"]["gates"] == ["g", "c"]


def test_an_interrupted_comparison_goes_on(data, tmp_path):
    given = {"cells": "rnn,gru", "seeds": 1, "pictures": False, **QUICK}
    elman.compare("forecast", data, out=tmp_path / "whole", **given)

    def interrupt(event):
        if isinstance(event, EpochEnd) and event.phase.startswith("gru") and event.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        elman.compare("forecast", data, out=tmp_path / "out", on_event=interrupt, **given)
    assert not (tmp_path / "out/compare.json").exists()
    elman.compare("forecast", data, out=tmp_path / "out", **given)
    assert kept(tmp_path / "out", "compare") == kept(tmp_path / "whole", "compare")


def test_the_time_left_is_that_of_all_runs(data, tmp_path):
    events = []
    given = {"cells": "rnn,gru", "seeds": 2, "pictures": False, **QUICK}
    elman.compare("forecast", data, out=tmp_path / "out", on_event=events.append, **given)
    ends = [event for event in events if isinstance(event, EpochEnd)]
    assert ends[0].phase == "rnn, seed 0, run 1 of 4" and ends[-1].phase == "gru, seed 1, run 4 of 4"
    assert ends[0].remaining > 3 * ends[-1].remaining == 0


@pytest.mark.parametrize("task", TASKS)
def test_no_setting_is_called_as_an_argument_is(task):
    """``compare(…, **settings)`` hands every setting on, but those that a comparison chooses."""
    arguments = set(inspect.signature(elman.compare).parameters) - {"settings"}
    assert not arguments & (set(field_types(get_task(task).settings)) - set(CHOSEN))
