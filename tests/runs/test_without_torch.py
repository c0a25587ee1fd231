"""A trained model runs without torch, matplotlib, rich, polars and pandas; training names the extra to install."""

from __future__ import annotations

import json

import pytest

import elman
from tests.runs.helpers import FLAGS, contents, python, read_csv

WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "matplotlib", "rich", "polars", "pandas", "pyarrow"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
"""

USE = """
import csv, io, json
from contextlib import redirect_stdout
import elman
from elman.cli import main

def told(*words):
    out = io.StringIO()
    with redirect_stdout(out):
        assert main(words) == 0
    return out.getvalue()

forecaster = elman.load("run")
stream = forecaster.stream()
for row in list(csv.reader(open("sales.csv")))[1:]:
    last = stream.step(float(row[1]))
print(json.dumps({
    "info": told("info", "run"),
    "predict": told("predict", "run", "sales.csv"),
    "evaluate": told("evaluate", "run", "sales.csv", "--out", "scores.json"),
    "scores": json.load(open("scores.json")),
    "python": forecaster.predict("sales.csv"),
    "stream": last.tolist(),
    "loaded": [name for name in sys.modules if name.partition(".")[0] in ("torch", "matplotlib")],
}))
"""


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--cell", "lstm-peephole", "--num-layers", "2", "--layer-norm", "--zoneout", "0.2", "--strategy", "recursive"),
        ("--intervals", "quantile", "--ensemble", "2"),
    ],
    ids=["gru", "lstm-peephole", "quantiles"],
)
def test_the_same_numbers(words, here):
    from elman.cli import main

    if words:
        assert main(["train", "forecast", "sales.csv", *FLAGS, *words, "--out", "run", "--overwrite"]) == 0
    done = python("-c", WITHOUT + USE, cwd=here)
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["loaded"] == []
    metrics = json.loads((here / "run" / "metrics.json").read_text())
    assert metrics["verdict"] in found["info"] and metrics["verdict"] in found["evaluate"]
    close = pytest.approx
    for name, scores in {"test": metrics["test"], **metrics["baselines"]}.items():
        other = found["scores"]["test"] if name == "test" else found["scores"]["baselines"][name]
        known = {metric: value for metric, value in scores.items() if value is not None}
        assert {metric: value for metric, value in other.items() if value is not None} == close(known, rel=1e-6)
    forecasts = [float(row[3]) for row in read_csv(here / "run" / "forecast.csv")[1:]]
    assert [float(line.split(",")[3]) for line in found["predict"].splitlines()[1:]] == close(forecasts, rel=1e-6)
    assert found["python"]["forecast"] == close(forecasts, rel=1e-6)
    assert found["stream"] == close(forecasts, rel=1e-5)
    assert elman.load(here / "run").predict(here / "sales.csv")["ds"] == found["python"]["ds"]


def test_training_names_the_extra_to_install(here):
    before = contents(here)
    for words in (("train", "forecast", "sales.csv"), ("train", "forecast", "sales.csv", "--out", "a/b")):
        script = WITHOUT + f"from elman.cli import main\nsys.exit(main({[*words, *FLAGS]!r}))"
        done = python("-c", script, cwd=here)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == "error: training needs torch, which is not installed: pip install 'elman[train]'\n"
        assert contents(here) == before


def test_layers_name_the_extra_to_install():
    done = python("-c", WITHOUT + "import elman\nelman.nn.GRU")
    assert done.returncode == 1
    assert "elman.nn needs torch, which is not installed: pip install 'elman[train]'" in done.stderr.splitlines()[-1]
