"""The contract of every task in the task table, and of the toy task of these tests: registration is enough."""

from __future__ import annotations

import inspect
import json
import os
from pathlib import Path
from typing import Any

import pytest

import elman
from elman.cli import main
from elman.errors import DataError, ElmanError, SettingsError
from elman.runs.estimator import Estimator
from elman.runs.train import train_run
from elman.settings import field_types, flag_of, rule_of, to_record
from elman.tasks import TASKS, get_task
from elman.training.events import EpochEnd, PhaseStart
from tests.runs.helpers import contents, numbers, python
from tests.tasks.samples import SAMPLES, Paths, Sample

EVERY_RUN = {"report.html", "history.csv", "metrics.json", "model.safetensors", "predictions.csv", "settings.json"}
NAMES = [*TASKS, "toy"]


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one line by which the toy task is known."""
    monkeypatch.setitem(TASKS, "toy", "tests.tasks.toy")


@pytest.fixture(scope="module", params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def sample(name: str) -> Sample:
    assert name in SAMPLES, f"add a sample of the task {name} to tests/tasks/samples.py"
    return SAMPLES[name]


@pytest.fixture
def paths(sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    monkeypatch.chdir(tmp_path)
    return sample.write(tmp_path)


@pytest.fixture
def fitted(name: str, sample: Sample, paths: Paths) -> Estimator:
    return get_task(name).estimator(**sample.settings).fit(paths[0])


def flags(settings: dict[str, Any]) -> list[str]:
    words = []
    for key, value in settings.items():
        switch = value is False
        words.append(flag_of(f"no_{key}" if switch else key))
        words += [] if isinstance(value, bool) else [str(value)]
    return words


def test_the_command_line_offers_it_with_every_setting_and_column(name, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "1000")
    task = get_task(name)
    assert task.name == name
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    assert f"{name} " in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["train", name, "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for cls in (task.settings, task.columns):
        for field in field_types(cls):
            assert flag_of(field) in text and rule_of(cls, field).help in text
    with pytest.raises(SystemExit):
        main(["predict", "--help"])
    text = capsys.readouterr().out
    assert all(flag_of(field) in text for field in field_types(task.columns))


def test_a_run_from_the_shell(name, sample, paths, capsys):
    assert main(["train", name, str(paths[0]), *flags(sample.settings), "--out", "run"]) == 0
    out, err = capsys.readouterr()
    assert err == "" and "Run folder: run" in out
    metrics = json.loads(Path("run/metrics.json").read_text())
    assert metrics["verdict"] in out and metrics["task"] == name
    assert metrics["settings"] | sample.settings == metrics["settings"]
    names = {n for n in contents(Path("run")) if not n.startswith("plots")}
    assert names == EVERY_RUN | sample.files | {"tested.safetensors"}
    assert metrics["test"] and metrics["baselines"]
    assert all(scores.keys() == metrics["test"].keys() for scores in metrics["baselines"].values())

    assert main(["info", "run"]) == 0
    text = capsys.readouterr().out
    assert metrics["verdict"] in text and all(line in text for line in elman.load("run").outcome.final.describe())
    assert main(["evaluate", "run", str(paths[0]), "--out", "scores.json"]) == 0
    assert metrics["verdict"] in capsys.readouterr().out
    scores = json.loads(Path("scores.json").read_text())
    assert scores["test"] == metrics["test"] and scores["baselines"] == metrics["baselines"]
    assert scores["model"] == "tested"
    assert main(["predict", "run", str(paths[1])]) == 0
    printed = capsys.readouterr().out
    assert main(["predict", "run", str(paths[1]), "--out", "answers.csv"]) == 0
    assert Path("answers.csv").read_text() == printed


def test_estimator_conventions(name, sample, paths, fitted):
    cls = get_task(name).estimator
    parameters = inspect.signature(cls).parameters
    assert list(parameters) == list(field_types(cls.settings_class)) == list(fitted.get_params())
    assert cls(**fitted.get_params()).settings == fitted.settings
    with pytest.raises(SettingsError, match="'shoe_size' is not a setting"):
        cls(shoe_size=43)
    with pytest.raises(SettingsError, match="'shoe' is no column of this task"):
        cls().fit(paths[0], shoe="43")
    for use in (lambda f: f.model, lambda f: f.predict(paths[1]), lambda f: f.stream(), lambda f: f.save("x")):
        with pytest.raises(ElmanError, match="not trained yet: call fit first"):
            use(cls())
    again = cls(**sample.settings).fit(paths[0])
    assert again.predict(paths[1]) == fitted.predict(paths[1])
    assert numbers(again.save("b")) == numbers(fitted.save("a"))  # the same twice, file by file


def test_what_is_loaded_is_saved_as_it_was(fitted, tmp_path):
    fitted.save("run")
    loaded = elman.load("run")
    assert loaded.metrics["test"] == fitted.metrics["test"] and loaded.metrics["verdict"]
    loaded.save("copy")
    assert contents(tmp_path / "copy") == contents(tmp_path / "run")
    loaded.save("run")
    assert contents(tmp_path / "copy") == contents(tmp_path / "run")


def test_settings_changed_after_a_fit_are_for_the_next_one(fitted):
    before = dict(fitted.metrics["settings"])
    fitted.set_params(hidden_size=9)
    fitted.save("run")
    assert to_record(elman.load("run").settings) == fitted.metrics["settings"] == before


WITHOUT_TORCH = """
import json, sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "matplotlib", "rich", "polars", "pandas", "pyarrow"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
import elman
from elman.tasks import TASKS
TASKS["toy"] = "tests.tasks.toy"
estimator = elman.load("run")
evaluation = estimator.evaluate(sys.argv[1])
print(json.dumps([estimator.predict(sys.argv[2]), dict(evaluation.scores), evaluation.facts["model"]]))
"""


def test_saved_and_loaded_in_a_process_without_torch(paths, fitted):
    fitted.save("run")
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])
    done = python("-c", WITHOUT_TORCH, str(paths[0]), str(paths[1]), env={"PYTHONPATH": path})
    assert (done.returncode, done.stderr) == (0, "")
    answers, scores, which = json.loads(done.stdout)
    expected = fitted.predict(paths[1])
    for column, values in expected.items():
        assert answers[column] == (pytest.approx(values, rel=1e-6) if isinstance(values[0], float) else values)
    assert scores == pytest.approx(dict(fitted.outcome.evaluation.scores), rel=1e-6) and which == "tested"


def test_a_stream_is_the_whole_sequence(sample, paths, fitted):
    sample.follow(fitted, paths[1])


def test_training_data_are_not_scored_and_later_data_are(paths, fitted):
    assert fitted.evaluate(paths[1]).facts["model"] == "final"
    apart = type(fitted)(**fitted.get_params()).fit(paths[0], test=paths[2])
    assert apart.outcome.evaluation is not None
    with pytest.raises(DataError, match="were seen in training, so a score on them would say nothing"):
        apart.evaluate(paths[0])  # all of it is what both models were fitted on


class Killed(BaseException):
    """Ends training as a kill does: nothing catches it."""


@pytest.mark.parametrize("place", [("search", 0), ("search", 2), ("refit", 1)], ids=str)
def test_killed_and_resumed_it_is_the_same_run(name, sample, paths, fitted, place):
    whole = numbers(fitted.save("whole"))

    def kill(event: Any) -> None:
        if isinstance(event, EpochEnd | PhaseStart) and (event.phase, event.epoch) == place:
            raise Killed

    given = {"out": Path("run"), "pictures": False}
    with pytest.raises(Killed):
        train_run(get_task(name), str(paths[0]), sample.settings, on_event=kill, **given)
    run = train_run(get_task(name), str(paths[0]), sample.settings, resume=True, **given)
    assert numbers(run.folder) == whole


def test_continuing_from_a_run(name, sample, paths, fitted):
    fitted.save("run")
    cls = get_task(name).estimator
    on = cls(epochs=1).fit(paths[1], start_from=cls.load("run"))
    assert to_record(on.settings) == to_record(fitted.settings) | {"epochs": 1}
    assert on.model.layers == fitted.model.layers
    other = "lstm" if fitted.settings.cell == "gru" else "gru"
    with pytest.raises(SettingsError, match=f"cell is '{other}', but the model to go on from has"):
        cls(cell=other).fit(paths[1], start_from=fitted)


def test_broken_data_are_one_line_and_leave_nothing(name, sample, paths, tmp_path, capsys):
    content, said = sample.broken
    (tmp_path / "broken.csv").write_bytes(content)
    before = contents(tmp_path)
    for data in ("broken.csv", "nowhere.csv"):
        assert main(["train", name, data, *flags(sample.settings), "--out", "new"]) == 2
        out, err = capsys.readouterr()
        assert out == "" and err.startswith("error: ") and err.count("\n") == 1 and data in err
        assert said in err or data == "nowhere.csv"
        assert contents(tmp_path) == before


def test_another_tasks_run_is_refused(name, fitted, monkeypatch):
    fitted.save("run")
    record = json.loads(Path("run/settings.json").read_text())
    other = next(task for task in NAMES if task != name)
    with pytest.raises(ElmanError, match=f"a run of the task '{name}', not {other}"):
        get_task(other).estimator.load("run")
    Path("run/settings.json").write_text(json.dumps(record | {"task": "juggle"}))
    with pytest.raises(ElmanError, match=r"run/settings.json: damaged \(unknown task 'juggle'; choose one of: "):
        elman.load("run")
