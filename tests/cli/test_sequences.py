"""``elman`` on sequences: what it prints and writes, and every broken input: one line, status 2, nothing left."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from elman.cli import main
from tests.runs.helpers import contents, read_csv

SETTINGS = ("--hidden-size", "4", "--epochs", "2", "--out", "new")


def waves(segments: int = 12, steps: int = 5, first: int = 0) -> str:
    """Segments of a sine, and of the cosine that is to follow it."""
    rows = ["segment,x,y"]
    for k in range(first * steps, (first + segments) * steps):
        rows.append(f"{k // steps},{np.sin(k / 3):.5f},{np.cos(k / 3):.5f}")
    return "\n".join(rows) + "\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data.csv").write_text(waves())


def train(*words: str) -> int:
    return main(["train", "regress", "data.csv", *SETTINGS, *words])


def test_a_run_with_the_state_carried(capsys):
    assert train("--id", "segment", "--carry", "--watch") == 0
    out, err = capsys.readouterr()
    assert err == "" and "data.csv: 12 sequences of 5 steps; inputs x; target y" in out
    assert "Test: 2 sequences of 5 steps" in out and "Jump at the border: " in out
    metrics = json.loads(Path("new/metrics.json").read_text())
    assert metrics["border_jump"]["borders"] == 1
    assert {p.stem for p in Path("new/plots").glob("*.png")} == {"test", "error_by_position", "learning_curve", "watch"}
    rows = read_csv(Path("new/predictions.csv"))
    assert rows[0] == ["id", "step", "ds", "y", "prediction"]
    assert [row[:3] for row in rows[1:]] == [[str(k), str(t), str(t)] for k in (10, 11) for t in range(5)]
    # what was found in training is recorded: later data need no flags, and no target
    assert json.loads(Path("new/settings.json").read_text())["columns"]["input"] == ["x"]
    Path("next.csv").write_text("segment,other,x\n0,7,0.5\n0,7,9.5\n")
    assert main(["predict", "new", "next.csv"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("id,step,ds,prediction\n0,0,0,") and out.count("\n") == 3
    assert err.startswith("Extrapolation: 1 of 2 steps have an input outside the range of training (x: 0.5 to 9.5, in")


def test_one_target_each(capsys):
    assert train("--id", "segment", "--at", "last") == 0
    capsys.readouterr()
    rows = read_csv(Path("new/predictions.csv"))
    assert [row[1:3] for row in rows[1:]] == [["4", "4"]] * 2
    assert main(["predict", "new", "data.csv"]) == 0
    assert capsys.readouterr().out.count("\n") == 13


def test_a_test_file_follows_where_the_state_is_carried(capsys):
    Path("test.csv").write_text(waves(3, first=12))
    assert train("--id", "segment", "--carry", "--test", "test.csv") == 0
    assert "Test: 3 sequences of 5 steps" in capsys.readouterr().out
    Path("both.csv").write_text(waves(15))
    assert main(["evaluate", "new", "both.csv", "--out", "scores.json"]) == 0
    scores = json.loads(Path("scores.json").read_text())
    assert scores["test"] == json.loads(Path("new/metrics.json").read_text())["test"] and scores["model"] == "tested"


HEAD = "segment,x,y\n"
BROKEN = {
    "empty": (b"", (), "data.csv: the file is empty"),
    "header only": (HEAD.encode(), (), "data.csv, line 1: the file ends after its header"),
    "binary": (b"\x89PNG\r\n\x1a\n\0\0", (), "this is a PNG picture"),
    "no target": (b"x,z\n1,2\n3,4\n", (), "data.csv: there is no column 'y'; choose one of 'x', 'z'"),
    "misspelt target": (waves().encode(), ("--target", "yy"), "there is no column 'yy'; did you mean 'y'?"),
    "misspelt input": (waves().encode(), ("--input", "xx"), "there is no column 'xx'; did you mean 'x'?"),
    "one column twice": (waves().encode(), ("--input", "y"), "column 'y' cannot be both input and target"),
    "no inputs": (b"name,y\na,2\nb,4\n", (), "there is no column of numbers to be an input; name one (--input)"),
    "text in an input": (b"x,y\n1,2\ntwo,4\n", (), "data.csv, line 3, column 'x': 'two' is not a number"),
    "text in the target": (b"x,y\n1,2\n2,four\n", (), "data.csv, line 3, column 'y': 'four' is not a number"),
    "missing input": (b"x,y\n1,2\n,4\n", (), "data.csv, line 3, column 'x': the input is missing"),
    "infinite": (b"x,y\n1,2\ninf,4\n", (), "data.csv, line 3, column 'x': the value is infinite"),
    "immense": (b"x,y\n1,2\n1e300,4\n", (), "data.csv, line 3, column 'x': 1e+300 is too large"),
    "all targets missing": (b"x,y\n1,\n2,\n3,\n", (), "data.csv: no value of 'y' is known to learn from"),
    "missing id": (b"segment,x,y\n1,1,2\n,1,4\n", ("--id", "segment"), "line 3, column 'segment': the id is missing"),
    "a time twice": (b"t,x,y\n1,1,2\n1,1,4\n", ("--time", "t"), "line 3, column 't': '1' is there twice"),
    "uneven": (b"x,y\n1,2\n1,2,3\n", (), "data.csv, line 3: 3 fields where the first line has 2"),
    "one row": (b"x,y\n1,2\n", (), "data.csv: has 1 steps, but the test takes 1; give more data"),
    "long test": (waves(2).encode(), ("--test-size", "10"), "has 10 steps, but the test takes 10", "--test-size 0"),
    "one whole sequence": (waves(1).encode(), ("--at", "last"), "has 1 sequences, but the test takes 1"),
    "carry to a single target": (
        waves().encode(),
        ("--at", "last", "--carry"),
        "--carry cuts a sequence with a target at every step, but --at is 'last'; leave one of them out",
    ),
    "segments to a single target": (waves().encode(), ("--at", "last", "--bptt", "3"), "--bptt cuts"),
    "time and a single target": (waves().encode(), ("--at", "last", "--split", "time"), "leave out --split"),
    "unknown place": (waves().encode(), ("--at", "first"), "--at is 'first'; choose one of: every, last"),
    "negative segment": (waves().encode(), ("--bptt", "-1"), "--bptt is -1; it must be at least 0"),
    "test file of other columns": (waves().encode(), ("--test", "other.csv"), "other.csv: there is no column 'y'"),
    "no test file": (waves().encode(), ("--test", "nowhere.csv"), "nowhere.csv: there is no such file"),
    "divergence": (waves().encode(), ("--learning-rate", "1e300", "--watch"), "lower --learning-rate"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_input(case, capsys):
    content, flags, *named = BROKEN[case]
    Path("data.csv").write_bytes(content)
    Path("other.csv").write_text("segment,x,z\n0,1,2\n0,3,4\n")
    before = contents(Path())
    assert train(*flags) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("error: ") and err.count("\n") == 1
    for text in named:
        assert text in err
    assert contents(Path()) == before


def test_broken_use(capsys):
    assert train() == 0
    Path("other.csv").write_text("segment,z\n0,1\n")
    Path("bare.csv").write_text("segment,x\n0,1\n")
    capsys.readouterr()
    before = contents(Path())
    for words, said in (
        (("predict", "new", "other.csv"), "other.csv: there is no column 'x'"),
        (("evaluate", "new", "bare.csv"), "bare.csv: there is no column 'y'"),
        (("evaluate", "new", "data.csv", "--id", "segment", "--target", "x"), "cannot be both input and target"),
        (("predict", "new", "data.csv", "--input", "x", "--input", "segment"), "the model reads segment, x"),
    ):
        assert main([*words, "--out", "result"]) == 2
        out, err = capsys.readouterr()
        assert out == "" and err.startswith("error: ") and err.count("\n") == 1 and said in err
        assert contents(Path()) == before
