"""Standard streams that are closed or full, and names with escape codes: said in one line, never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from elman.cli import main
from elman.cli.streams import printable
from tests.runs.helpers import FLAGS, contents, sales

PREDICT, INFO = ("predict", "run", "sales.csv"), ("info", "run")
TRAIN = ("train", "forecast", "sales.csv", *FLAGS, "--out", "new")


def shell(redirection: str, *words: str) -> subprocess.CompletedProcess[str]:
    """A command as a shell runs it with its streams so."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
    command = f'exec "$@" {redirection}'
    whole = ["sh", "-c", command, "sh", sys.executable, "-m", "elman", *words]
    return subprocess.run(whole, env=environment, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.parametrize("closed", ["2>&-", "2>&- <&-", "2>/dev/full"])
def test_without_standard_error_a_run_is_made(closed, here):
    done = shell(closed, *TRAIN)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Run folder: new" in done.stdout
    assert contents(here / "new").keys() == contents(here / "run").keys()


def test_without_standard_error_the_status_speaks(here):
    done = shell("2>&-", "predict", "nowhere", "sales.csv")
    assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.parametrize(
    ("redirection", "reason"), [(">&-", "Bad file descriptor"), (">/dev/full", "No space left on device")]
)
@pytest.mark.parametrize("words", [PREDICT, INFO, ("--help",), ("--version",)])
def test_without_standard_output_it_is_said(redirection, reason, words, here):
    done = shell(redirection, *words)
    assert done.stderr == f"error: standard output: {reason}; choose another path\n"
    assert done.returncode == 2


@pytest.mark.parametrize("redirection", [">&-", ">/dev/full"])
def test_without_standard_output_a_run_is_made_all_the_same(redirection, here):
    done = shell(redirection, *TRAIN)
    assert done.returncode == 2 and done.stderr.startswith("error: standard output: ") and done.stderr.count("\n") == 1
    assert contents(here / "new").keys() == contents(here / "run").keys()


def test_a_file_does_not_take_the_place_of_a_closed_stream(here):
    """Whatever is written to standard error would end in it."""
    done = shell(">&- 2>&- <&-", "predict", "run", "sales.csv", "--out", "forecast.csv")
    assert done.returncode == 2  # that it was written could not be printed
    assert (here / "forecast.csv").read_text().startswith("unique_id,ds,step,forecast,lo-80,hi-80,lo-95,hi-95\n")


ESCAPE = "\x1b[31m\x07\u202e\x9b"


def hostile(here: Path) -> str:
    """A file and a series called so."""
    name = f"{ESCAPE}.csv"
    rows = ["month,sales,id", *(f"{row},{ESCAPE}s" for row in sales().splitlines()[1:])]
    (here / name).write_text("\n".join(rows) + "\n", encoding="utf-8")
    return name


def test_escape_codes_do_not_reach_the_terminal(here, capsys):
    name = hostile(here)
    out = f"new{ESCAPE}"
    said = []
    for words in (
        ("train", "forecast", name, *FLAGS, "--id", "id", "--out", out),
        ("info", out),
        ("evaluate", out, name),
        ("predict", out, name, "--out", f"f{ESCAPE}.csv"),
        ("predict", out, f"no{ESCAPE}.csv"),
        ("predict", f"no{ESCAPE}", name),
        ("train", ESCAPE),
        (ESCAPE,),
    ):
        main(words)
        said.append("".join(capsys.readouterr()))
    for text in said:
        assert text and all(letter.isprintable() or letter == "\n" for letter in text), text
    assert "series: ?[31m???s" in said[1]


def test_data_are_cleaned_for_a_terminal_alone(here, capsys, monkeypatch):
    name = hostile(here)
    assert main(("train", "forecast", name, *FLAGS, "--id", "id", "--out", "new")) == 0
    capsys.readouterr()
    assert main(("predict", "new", name)) == 0
    exact = capsys.readouterr().out
    assert exact.count(ESCAPE) == 3
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert main(("predict", "new", name)) == 0
    assert capsys.readouterr().out == "\n".join(map(printable, exact.split("\n")))


def test_escape_codes_in_the_records_of_a_run(here, capsys):
    for name in ("settings.json", "metrics.json"):
        path = here / "run" / name
        path.write_text(json.dumps(json.loads(path.read_text()) | {"task": ESCAPE, "verdict": ESCAPE}))
    assert main(INFO) == 2
    assert capsys.readouterr().err.count("\\x1b[31m") == 1
