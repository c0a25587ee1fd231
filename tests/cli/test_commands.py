"""The commands as typed: what they print, and on which streams."""

from __future__ import annotations

import ast
import io
import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import elman
from elman.cli import main
from elman.cli.parser import make_parser
from elman.report.progress import Progress
from elman.settings import field_types
from elman.tasks import TASKS, get_task
from elman.training.events import EpochEnd
from tests.runs.helpers import FLAGS, contents, python, read_csv

COMMANDS = ((), ("train",), ("train", "forecast"), ("evaluate",), ("predict",), ("info",), ("explain",), ("demo",))
COMMANDS += (("compare",), ("compare", "forecast"), ("memory",))


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    assert main(words) == 0
    out, err = capsys.readouterr()
    assert err == ""  # not a terminal: no progress
    return out


@pytest.mark.parametrize("command", COMMANDS)
def test_help(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == 0
    assert f"usage: {' '.join(['elman', *command])}" in capsys.readouterr().out


@pytest.mark.parametrize("task", TASKS)
def test_every_setting_is_a_flag_with_its_meaning(task, capsys):
    with pytest.raises(SystemExit):
        main(["train", task, "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for name in field_types(get_task(task).settings):
        assert f"--{name.replace('_', '-')}" in text
    words = ["train", task, "data.csv", "--no-layer-norm", "--dropout", "0.5", "--batch-size", "7"]
    given = make_parser().parse_args(words)
    assert (given.layer_norm, given.dropout, given.batch_size) == (False, 0.5, 7)
    assert given.epochs is None  # not given: the default, or that of the run in --from


def test_a_column_may_have_a_comma_in_its_name():
    words = ["train", "forecast", "data.csv", "--target", "a, b", "--target", "c"]
    assert make_parser().parse_args(words).target == ["a, b", "c"]


def test_version(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"elman {elman.__version__}\n"


def test_info(here, capsys):
    assert printed(capsys, "info").startswith(f"elman {elman.__version__}\nnative core: ")
    text = printed(capsys, "info", "run")
    metrics = json.loads((here / "run" / "metrics.json").read_text())
    assert f"{metrics['parameters']} parameters, {metrics['recurrent_parameters']} of them recurrent" in text
    assert "horizon 3 (direct), window 24, season 12" in text
    assert metrics["verdict"] in text


def test_train_prints_the_scores_and_the_folder(here, capsys):
    text = printed(capsys, "train", "forecast", "sales.csv", *FLAGS)
    metrics = json.loads((here / "runs" / "forecast-001" / "metrics.json").read_text())
    for word in ("gru", "last value", "seasonal naive", "linear autoregression", metrics["verdict"]):
        assert word in text
    assert "Run folder: runs/forecast-001" in text
    for name in ("test", "forecast", "learning_curve"):
        assert f"runs/forecast-001/plots/{name}.png" in text


def test_predict_prints_or_writes_the_same(here, capsys):
    text = printed(capsys, "predict", "run", "sales.csv")
    assert text == (here / "run" / "forecast.csv").read_text()
    assert printed(capsys, "predict", "run", "sales.csv", "--out", "ahead.csv") == "ahead.csv: 3 rows\n"
    assert (here / "ahead.csv").read_text() == text


def test_evaluate_gives_the_scores_of_the_run(here, capsys):
    text = printed(capsys, "evaluate", "run", "sales.csv", "--out", "scores.json")
    metrics, scores = (json.loads((here / name).read_text()) for name in ("run/metrics.json", "scores.json"))
    for name in ("test", "baselines", "test_size", "windows", "season", "verdict"):
        assert scores[name] == metrics[name]
    assert scores["model"] == "tested"
    assert metrics["verdict"] in text and "fitted before the run's test" in text


def test_columns_are_those_of_training_unless_given(here, capsys):
    (here / "other.csv").write_text((here / "sales.csv").read_text().replace("month,sales", "when,sold"))
    words = ("train", "forecast", "sales.csv", *FLAGS, "--target", "sales", "--time", "month", "--out", "named")
    printed(capsys, *words)
    assert main(["predict", "named", "other.csv"]) == 2
    assert "no column 'month'" in capsys.readouterr().err
    renamed = printed(capsys, "predict", "named", "other.csv", "--target", "sold", "--time", "when")
    own = printed(capsys, "predict", "named", "sales.csv")
    # another series, so another name, and intervals of any; its scale is that of its own history, which is the same
    assert [row.split(",")[1:4] for row in renamed.splitlines()] == [row.split(",")[1:4] for row in own.splitlines()]


def test_ctrl_c_leaves_the_best_so_far_and_resume_finishes(here, capsys, monkeypatch):
    def interrupt(self, event):
        if isinstance(event, EpochEnd) and event.epoch == 2:
            signal.raise_signal(signal.SIGINT)

    words = ["train", "forecast", "sales.csv", *FLAGS, "--out", "new"]
    with monkeypatch.context() as patch:
        patch.setattr(Progress, "__call__", interrupt)
        assert main(words) == 130
    out, err = capsys.readouterr()
    assert err == "interrupted: this is the best so far; --resume goes on\n"
    assert "Run folder: new" in out
    assert json.loads((here / "new" / "metrics.json").read_text())["interrupted"] is True
    printed(capsys, *words, "--resume")
    assert (here / "new" / "model.safetensors").read_bytes() == (here / "run" / "model.safetensors").read_bytes()
    assert printed(capsys, *words, "--resume") == "new: the run is complete; there is nothing to resume\n"


def test_ctrl_c_before_there_is_anything(here, capsys, monkeypatch):
    def interrupt(*args, **given):
        raise KeyboardInterrupt

    monkeypatch.setattr("elman.runs.train.train_run", interrupt)
    before = contents(here)
    assert main(["train", "forecast", "sales.csv", "--out", "new"]) == 130
    assert capsys.readouterr().err == "interrupted\n"
    assert contents(here) == before


def test_demo(tmp_path, monkeypatch, capsys):
    from elman.studies import demo

    monkeypatch.setitem(demo.SETTINGS, "epochs", 2)
    price, truth = demo.noisy_price(200)
    monkeypatch.setattr(demo, "noisy_price", lambda: (price, truth))
    out = tmp_path / "pictures"
    text = printed(capsys, "demo", "--out", str(out))
    for cell in ("rnn", "lstm", "gru"):
        assert f"{cell} (" in text
        assert (out / f"one_step_{cell}.png").read_bytes().startswith(b"\x89PNG")
    assert "linear autoregression" in text and "last value" in text
    for name in ("closed_loop", "closed_loop_error"):
        assert f"{out / name}.png" in text


def test_standard_output_without_our_letters(here):
    """A terminal that knows ASCII only."""
    for words in (("train", "forecast", "--help"), ("evaluate", "run", "sales.csv"), ("info", "run")):
        done = python("-m", "elman", *words, env={"PYTHONIOENCODING": "ascii"}, cwd=here)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.isascii() and done.stdout


def test_a_closed_pipe_is_no_error(here):
    pipe = subprocess.Popen(
        [sys.executable, "-m", "elman", "info"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=here
    )
    pipe.stdout.close()
    assert pipe.stderr.read() == b""
    assert pipe.wait() == 0
    pipe.stderr.close()


def test_a_stream_that_cannot_be_changed(monkeypatch):
    caught = io.StringIO()
    monkeypatch.setattr(sys, "stdout", caught)
    assert main(["info"]) == 0
    assert caught.getvalue().startswith("elman ")
    monkeypatch.setattr(sys, "stdout", None)  # as under a daemon
    assert main(["info"]) == 0


def test_several_targets_are_several_series(here, capsys):
    lines = (here / "sales.csv").read_text().splitlines()
    rows = ['month,a,"b, c"'] + [f"{line},{float(line.split(',')[1]) * 2:.2f}" for line in lines[1:]]
    (here / "two.csv").write_text("\n".join(rows) + "\n")
    printed(capsys, "train", "forecast", "two.csv", *FLAGS, "--target", "a", "--target", "b, c", "--out", "two")
    ids = {row[0] for row in read_csv(here / "two" / "forecast.csv")[1:]}
    assert ids == {"a", "b, c"}


def test_below_the_command_line_messages_speak_of_arguments():
    """Python's errors name arguments, in backticks; the command line makes flags of them."""
    for path in Path(elman.__file__).parent.rglob("*.py"):
        if path.parent.name != "cli":
            texts = [node.value for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if is_text(node)]
            found = [text for text in texts if re.search(r"(?<![\w-])--[a-z]", text) and not text.count("\n")]
            assert not found, path


def is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def test_options_of_reading_hold_for_later_files(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    days = [f"{day:02}/{month:02}/2022" for month in range(1, 4) for day in range(1, 29)]
    rows = "".join(f"{day};{1000 + k % 7}.{k:03}\n" for k, day in enumerate(days))
    Path("long.csv").write_text("Report\n\nday;load\n" + rows, encoding="utf-8")
    Path("short.csv").write_text("day;load\n" + "".join(f"{d:02}/04/2022;5\n" for d in range(1, 13)), encoding="utf-8")
    words = [
        "--horizon",
        "2",
        "--window",
        "4",
        "--epochs",
        "1",
        "--hidden-size",
        "2",
        "--test-size",
        "8",
        "--out",
        "run",
    ]
    assert main(["train", "forecast", "long.csv", *words]) == 0
    said = capsys.readouterr().out
    assert "times: 'day', written %d/%m/%Y, daily, from 01/01/2022 to 28/03/2022" in said
    assert "read: passed over 1 line above the header (from line 1 on)" in said
    assert json.loads(Path("run/settings.json").read_text())["columns"]["day_first"] is True
    assert main(["predict", "run", "short.csv"]) == 0
    assert "13/04/2022" in capsys.readouterr().out  # what the long file settled
    assert main(["predict", "run", "long.csv", "--no-day-first"]) == 2
    assert "is no date with the day second" in capsys.readouterr().err
    assert main(["predict", "run", "long.csv", "--strict"]) == 2
    assert "or read it without --strict" in capsys.readouterr().err
