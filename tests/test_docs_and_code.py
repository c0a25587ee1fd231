"""docs/architecture.md and docs/model-file.md beside the code: drawings, floors, the format's tables."""

from __future__ import annotations

import ast
import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest

import elman
from elman.cli import main
from elman.model import LAYERS, RecurrentLayers, file
from elman.nn.twins import TWINS
from elman.recurrence import Layout
from elman.runs import files, folder
from elman.training import checkpoint
from tests.pages import ROOT, fences, rows

ARCHITECTURE, MODEL_FILE = ROOT / "docs/architecture.md", ROOT / "docs/model-file.md"

CALL = re.compile(r"^[│├└ ]*([A-Za-z_][\w.:]*(?:, [A-Za-z_][\w.:]*)*)\s{2,}(\S+\.(?:py|cpp|h))(?:\s|$)")


def calls() -> list[tuple[str, Path]]:
    """The functions in the drawings of docs/architecture.md, and the files they are said to be in."""
    found = []
    for fence in fences(ARCHITECTURE):
        for line in fence.lines:
            if match := CALL.match(line):
                root = ROOT if match[2].startswith("native/") else ROOT / "src/elman"
                found += [(name, root / match[2]) for name in match[1].split(", ")]
    return found


def defines(path: Path, name: str) -> bool:
    """Whether a file defines a function, a class, or a method of a class (``Class.method``, ``Class::method``)."""
    *owner, last = re.split(r"\.|::", name)
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        for node in ast.walk(ast.parse(text)):
            inside = not owner or (isinstance(node, ast.ClassDef) and node.name == owner[0])
            parts = ast.iter_child_nodes(node) if owner else [node]
            if inside and any(isinstance(p, ast.FunctionDef | ast.ClassDef) and p.name == last for p in parts):
                return True
        return False
    # a definition, not a call: the name after its type, or after its class
    method = re.search(rf"^[^\n;=(]*[\w>&*]\s+(?:\w+(?:<T>)?::)?{last}\(", text, flags=re.MULTILINE)
    return bool(method) and all(re.search(rf"\b{part}\b", text) for part in owner)


def test_the_drawings_name_what_there_is() -> None:
    found = calls()
    assert len(found) > 50
    assert {path.relative_to(ROOT).parts[:2] for _, path in found} >= {("src", "elman"), ("native", "kernels")}
    for name, path in found:
        assert path.is_file(), f"there is no {path}"
        assert defines(path, name), f"{path.relative_to(ROOT)} does not define {name}"


def test_a_wrong_drawing_is_noticed() -> None:
    assert not defines(ROOT / "src/elman/nn/recurrent.py", "Recurrent.backwards")
    assert not defines(ROOT / "src/elman/nn/recurrent.py", "choose_path")  # imported there
    assert not defines(ROOT / "native/recurrence/forward.cpp", "run_backward")
    assert not defines(ROOT / "native/recurrence/forward.cpp", "memcpy")  # called there


def test_every_folder_has_its_row() -> None:
    folders = {path.parent.name for path in (ROOT / "src/elman").glob("*/__init__.py")}
    floors = {re.sub(r"[/`]", "", row[1]) for row in rows(ARCHITECTURE, "| floor |")}
    assert folders <= floors
    readme = " ".join(row[0] for row in rows(ROOT / "README.md", "| folder |"))
    assert set(re.findall(r"src/elman/(\w+)/", readme)) == folders


def test_the_table_of_layers() -> None:
    written = {kind: keys for kind, keys, _ in rows(MODEL_FILE, "| kind | keys |")}
    assert list(written) == list(LAYERS)
    assert {LAYERS[kind] for kind in written} == TWINS.keys()
    for kind, cls in LAYERS.items():
        described = Layout if cls is RecurrentLayers else cls
        own = [field.name for field in dataclasses.fields(described) if field.name not in ("name", "reads")]
        found = re.findall(r"`(\w+)`", f"`{written[kind]}`")
        assert sorted(found) == sorted(own), kind


def test_the_keys_of_a_model_file() -> None:
    pages = rows(MODEL_FILE, "| key | value |")
    keys = [row[0] for row in pages]
    assert keys[: len(file.KEYS)] == ["format", "elman", "task", "layers", "encoding", "digest"]
    assert set(keys[: len(file.KEYS)]) == file.KEYS
    assert f"specifies format {file.FORMAT}" in MODEL_FILE.read_text(encoding="utf-8")
    assert [row[0] for row in pages[-len(checkpoint.KEYS) :]] == ["format", "fingerprint", "phases", "digest"]
    assert {row[0] for row in pages[-len(checkpoint.KEYS) :]} == checkpoint.KEYS
    assert pages[-len(checkpoint.KEYS)][1] == str(checkpoint.FORMAT)


def test_the_files_of_a_run(tmp_path: Path) -> None:
    run_folder = elman.Forecaster(horizon=3, hidden_size=2, epochs=2).fit(np.sin(np.arange(80))).save(tmp_path / "run")
    written = {row[0] for row in rows(MODEL_FILE, "| file | content |")}
    there = {path.name for path in run_folder.iterdir()}
    assert written == there | {"plots/*.png", files.REPORT, files.CHECKPOINT, folder.LOCK}
    names = {name for row in rows(MODEL_FILE, "| key | value |") for name in re.findall(r"\w+", row[0])}
    assert files.read_json(run_folder / files.METRICS).keys() <= names
    example = json.loads(next(fence for fence in fences(MODEL_FILE) if fence.language == "json").text)
    assert example.keys() == files.read_json(run_folder / files.SETTINGS).keys()


def skeleton(text: str) -> list[str]:
    """The lines without their numbers, rules, verdict and members, and without what depends on the data."""
    lines = [
        line for line in text.splitlines() if not set(line) <= {"─"} and not line.startswith(("MASE ", "Members "))
    ]
    words = [re.sub(r"[\d.*]+|(?<=level )\S+", " ", line).split() for line in lines]
    return [" ".join(line) for line in words if line]


def test_the_readme_shows_what_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    months = np.arange(np.datetime64("1949-01"), np.datetime64("1961-01"))
    values = 100 + 3 * np.arange(144) + 20 * np.sin(np.arange(144) * np.pi / 6)
    values += np.random.default_rng(0).normal(0, 5, 144)
    rows = "".join(f"{month},{value:.1f}\n" for month, value in zip(months, values, strict=True))
    (tmp_path / "air_passengers.csv").write_text("Month,#Passengers\n" + rows)
    monkeypatch.chdir(tmp_path)
    shown = fences(ROOT / "README.md")
    (command,) = (fence.text for fence in shown if fence.language == "sh")
    assert main([*command.split()[1:], "--epochs", "2"]) == 0
    (output,) = (fence.text for fence in shown if fence.language == "text")
    assert skeleton(output) == skeleton(capsys.readouterr().out)
    assert len(skeleton(output)) == 16
