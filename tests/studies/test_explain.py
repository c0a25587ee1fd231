"""An explanation of each task's model: its output is what the task tells, its files, its errors."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import elman
from elman.cli import main
from elman.model import model_shapes
from elman.report.progress import Progress, line_of
from elman.runs.estimator import Estimator
from elman.studies.explain import explain
from elman.tasks import TASKS
from elman.training.events import StudyPart
from tests.runs.helpers import contents, python
from tests.studies.helpers import trained

CARRIED = {"carry": True, "bptt": 4}


def told(estimator: Estimator, data: Path, name: str, number: int) -> np.ndarray:
    """What the task tells of one sequence, by :meth:`predict`."""
    table, dataset = estimator.predict(data), estimator.read(data)
    if name == "forecast":
        history = estimator.outcome.final.plan.history(dataset.series[number])  # the network alone
        return estimator.outcome.final.forecast([history], [[len(history.values) - 1]])[0].members["network"][0]
    if name == "regress":
        return np.array([p for p, i in zip(table["prediction"], table["id"], strict=True) if i == f"s{number}"])
    if name == "classify":
        return np.array([values[number] for key, values in table.items() if key.startswith("p_")])
    if name == "tag":
        ends = np.cumsum([0, *map(len, dataset.words)])
        return np.array(table["prediction"][ends[number] : ends[number + 1]])
    return np.array(table["nats"][100 * number : 100 * number + 99])


def shown(estimator: Estimator, found: Any, name: str) -> np.ndarray:
    """The same from an explanation."""
    answer, reading, output = found.example.answer, found.example.reading, found.output
    if name == "forecast":
        return reading.finished(found.model.decode(output[None])[0])
    if name == "regress":
        return (np.array(answer.scale) * output + np.array(answer.shift))[:, 0]
    if name == "tag":
        tags = [answer.labels[k] for k in found.model.decode(output[None])[0].reshape(len(output), -1).argmax(axis=1)]
        return np.array(estimator.outcome.final.encoding.written([answer.labels.index(tag) for tag in tags]))
    logits = output / answer.temperature
    logits = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    if name == "classify":
        return np.exp(logits)
    following = [list(answer.labels).index(step) for step in found.steps[1:]]
    return -logits[np.arange(len(following)), following]


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("number", [0, 2])
def test_the_output_is_what_the_task_tells(name: str, number: int) -> None:
    estimator, data = trained(name)
    number = 0 if name == "forecast" else number
    found = explain(estimator, data, example=number)
    expected = told(estimator, data, name, number)
    if name == "tag":
        assert shown(estimator, found, name).tolist() == expected.tolist()
    else:
        assert_allclose(shown(estimator, found, name), expected, rtol=2e-4, atol=1e-5)
    assert len(found.steps) == len(next(iter(found.parts[0].states.values())))
    assert found.connectivity is not None and found.connectivity.strength.shape[1] == len(found.steps)
    assert found.connectivity.strength.max() > 0


def test_a_carried_state_and_a_long_sequence() -> None:
    """Of a long sequence the end, and the state before it is carried from all that precedes, other sequences too."""
    steps = np.random.default_rng(0).normal(size=(3, 400))
    rows = {"x": steps.ravel(), "y": np.cumsum(steps.ravel()), "unique_id": np.repeat(["a", "b", "c"], 400)}
    regressor = elman.SequenceRegressor(hidden_size=4, epochs=2, **CARRIED).fit(rows)
    found = explain(regressor, rows, example=1)
    assert len(found.steps) == 300 and "the last 300 of 400 steps" in found.notes[0]
    expected = np.array(regressor.predict(rows)["prediction"])[500:800]
    assert_allclose(shown(regressor, found, "regress"), expected, rtol=2e-4, atol=1e-4)


def test_the_causal_model_depends_on_nothing_later() -> None:
    estimator, data = trained("language")
    found = explain(estimator, data).connectivity
    assert found is not None
    later = np.arange(found.strength.shape[1]) > np.array(found.steps)[:, None]
    assert (found.strength[later] == 0).all() and (found.strength[~later] > 0).mean() > 0.5


# --- files and commands


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    estimator, data = trained("tag")
    monkeypatch.chdir(tmp_path)
    estimator.save("run")
    assert main(["explain", "run", str(data), "--example", "1"]) == 0
    out, err = capsys.readouterr()
    assert err == "" and out.startswith("tag, lstm: sentence 1\n") and "run/explain/explain.html" in out
    names = {path.name for path in Path("run/explain").iterdir()}
    assert names == {"explain.html", "states_1.png", "saturation_1.png", "time_constants_1.png", "connectivity.png"}
    assert all((Path("run/explain") / name).read_bytes()[:4] == b"\x89PNG" for name in names - {"explain.html"})
    before = contents(Path("run"))
    assert main(["explain", "run", str(data), "--example", "1"]) == 0  # in its own place, and to the byte
    assert contents(Path("run")) == before
    elman.load("run")  # still whole


def test_an_earlier_explanation_is_replaced(tmp_path: Path) -> None:
    estimator, data = trained("classify")
    out = tmp_path / "out"
    explain(estimator, data, out=out)
    (out / "states_7.png").write_bytes(b"of a deeper model")
    (out / "mine.png").write_bytes(b"a note")
    explain(estimator, data, out=out)
    assert not (out / "states_7.png").exists() and (out / "mine.png").exists()


REFUSED = {
    "no such sequence": (("--example", "99"), "there are 60 sequences, numbered from 0 to 59; --example is 99"),
    "less than none": (("--example", "-1"), "--example is -1"),
    "no number": (("--example", "x"), "'x' is not a whole number"),
    "something else there": (("--out", "full"), "full: not empty, and no explanation; choose another --out"),
    "a file": (("--out", "full/note.txt"), "is a file; give a folder as --out"),
    "in a file": (("--out", "full/note.txt/x"), "choose another --out"),
    "a strange column": (("--target", "x"), "--target names a column that a run of the task classify does not have"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    words, message = REFUSED[case]
    estimator, data = trained("classify")
    monkeypatch.chdir(tmp_path)
    estimator.save("run")
    Path("full").mkdir()
    Path("full/note.txt").write_text("mine")
    before = contents(Path())
    assert main(["explain", "run", str(data), *words]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("error: ") and err.count("\n") == 1 and message in err
    assert contents(Path()) == before


def test_a_sequence_too_long_to_be_shown() -> None:
    x = np.random.default_rng(0).normal(size=(20, 2500, 1))
    classifier = elman.SequenceClassifier(hidden_size=2, epochs=1).fit(x, ["a", "b"] * 10)
    with pytest.raises(elman.errors.DataError, match="2500 steps of 1 values, and 2000 steps and 20000 values"):
        explain(classifier, x)


def test_a_task_that_does_not_say_what_a_sequence_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TASKS, "toy", "tests.tasks.toy")
    estimator, data = trained("toy")
    with pytest.raises(elman.errors.SettingsError, match="a run of the task toy cannot be explained"):
        explain(estimator, data)


def test_values_far_beyond_are_refused() -> None:
    x = 1e-3 * np.random.default_rng(0).normal(size=(20, 5, 3))
    classifier = elman.SequenceClassifier(hidden_size=9, epochs=1).fit(x, ["a", "b"] * 10)
    with pytest.raises(elman.errors.DataError, match="too far from those in training"):
        explain(classifier, np.full((2, 5, 3), 3e38))


def test_without_torch_and_without_matplotlib(tmp_path: Path) -> None:
    from tests.runs.test_without_torch import WITHOUT

    estimator, data = trained("language")
    estimator.save(tmp_path / "run")
    program = (
        "import json, sys, elman\nfound = elman.explain('run', sys.argv[1], out='out')\n"
        "print(json.dumps([list(map(str, found.files)), found.notes, float(found.connectivity.strength.max()),"
        " [n for n in sys.modules if n.split('.')[0] in ('torch', 'matplotlib')]]))"
    )
    done = python("-c", WITHOUT + program, str(data), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    paths, notes, strongest, loaded = json.loads(done.stdout)
    assert paths == ["out/explain.html"] and loaded == []
    assert "no pictures: drawing pictures needs matplotlib" in notes[-1]
    found = explain(estimator, data).connectivity
    assert found is not None
    assert_allclose(strongest, found.strength.max(), rtol=1e-12)


def test_progress_is_told() -> None:
    estimator, data = trained("language")
    events: list[Any] = []
    explain(estimator, data, on_event=events.append)
    shares = [event.share for event in events if event.what == "gradients"]
    assert shares == sorted(shares) and len(shares) > 2 and max(shares) < 1
    assert line_of(StudyPart("gradients", 0.25)) == "gradients · 25%"
    with Progress() as progress:
        progress(events[0])


@pytest.mark.parametrize("name", TASKS)
def test_the_page_is_not_much_larger_than_the_weights(name: str) -> None:
    estimator, data = trained(name)
    page = explain(estimator, data).page().encode()
    weights = 4 * sum(int(np.prod(shape)) for shape in model_shapes(estimator.model.layers).values())
    assert len(page) <= 1.4 * weights + 500_000


def test_a_long_sequence_is_within_the_bound_too() -> None:
    x = np.random.default_rng(0).normal(size=(120, 2000, 10))
    estimator = elman.SequenceClassifier(cell="rnn", hidden_size=4, epochs=1)
    estimator.fit(x, [f"class {k % 60}" for k in range(120)])
    page = explain(estimator, x).page().encode()
    assert len(page) <= 1.4 * 4 * estimator.model.parameter_count() + 500_000


def test_the_page_is_whole_and_asks_for_nothing() -> None:
    estimator, data = trained("forecast")
    text = explain(estimator, data).page()
    assert "$" not in re.sub(r"<script>.*</script>|<style>.*</style>", "", text, flags=re.DOTALL)  # nothing left open
    assert not re.search(r"\b(fetch|XMLHttpRequest|WebSocket|import|eval|Function)\(", text)
    assert not re.findall(r"(?:src|href)=\"(?!data:)", text) and not re.findall("https?://", text)
