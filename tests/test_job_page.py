"""docs/jobs.md and its Chinese twin: everything in them runs, and both say the same."""

from __future__ import annotations

import runpy
import shlex
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elman.cli import main
from elman.runs import estimator
from elman.settings import from_record
from elman.training.settings import TrainingSettings
from tests.job_page import PAGES, jobs
from tests.pages import ROOT, fences

NAMES = ["data", *(f"J{k}" for k in range(1, 11))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the page's programs read: its own, and small ones in place of MNIST and Shakespeare."""
    path = tmp_path_factory.mktemp("jobs")
    random = np.random.default_rng(0)
    (path / "mnist").mkdir()
    for part, count in (("train", 60), ("t10k", 20)):
        labels = np.arange(count) % 3
        images = (random.integers(0, 60, (count, 28, 28)) + 80 * labels[:, None, None] % 200).astype(np.uint8)
        head = struct.pack(">IIII", 0x803, count, 28, 28)
        (path / f"mnist/{part}-images-idx3-ubyte").write_bytes(head + images.tobytes())
        (path / f"mnist/{part}-labels-idx1-ubyte").write_bytes(
            struct.pack(">II", 0x801, count) + labels.astype(np.uint8).tobytes()
        )
    words = ["ROMEO:", "to", "be", "or", "not", "\n"]
    (path / "tinyshakespeare.txt").write_text(" ".join(words[k] for k in random.integers(0, 6, 1200)))
    return path


@pytest.mark.parametrize("name", NAMES)
def test_what_the_page_says_runs(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(folder)

    def short(cls: Any, record: dict[str, Any]) -> Any:
        smaller = {"epochs": 2, "hidden_size": min(record.get("hidden_size", 16), 16)}
        return from_record(cls, {**record, **smaller} if issubclass(cls, TrainingSettings) else record)

    monkeypatch.setattr(estimator, "from_record", short)
    found = [job for job in jobs(PAGES[0]) if job.name in {name, "data"}]
    assert any(job.name == name for job in found)
    for job in found:
        if job.fence.language == "python":
            Path("program.py").write_text("\n" * job.fence.line + job.fence.text, encoding="utf-8")
            runpy.run_path("program.py")
        else:
            for line in job.fence.lines:
                words = shlex.split(line)[1:]
                if "--out" in words:
                    words.append("--overwrite")
                assert main(words) == 0, capsys.readouterr().err
    assert name in ("data",) or capsys.readouterr().out


def test_every_job_is_there_with_its_output() -> None:
    assert sorted({job.name for job in jobs(PAGES[0])}, key=NAMES.index) == NAMES
    for job in jobs(PAGES[0]):
        if job.name != "data":
            assert job.output is not None
            assert any(line.strip() for line in fences(PAGES[0])[job.output].lines), f"run: make docs ({job.name})"
        if job.fence.language == "python" and job.name != "data":
            assert len([line for line in job.fence.lines if line.strip()]) <= 16


@pytest.mark.parametrize(
    ("page", "twin"), [("docs/jobs.md", "docs/jobs.zh-CN.md"), ("README.md", "README.zh-CN.md")], ids=["jobs", "README"]
)
def test_both_languages_show_the_same(page: str, twin: str) -> None:
    own, other = ([(f.language, f.lines) for f in fences(ROOT / name)] for name in (page, twin))
    assert own == other
