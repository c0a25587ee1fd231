"""Shared by the tests of runs and command line: a small file, a quick training on it, the content of a folder."""

from __future__ import annotations

import csv
import functools
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from elman.cli import main
from elman.runs.train import TrainedRun, train_run
from elman.tasks import get_task

QUICK: dict[str, Any] = {"horizon": 3, "hidden_size": 4, "epochs": 3}
FLAGS = tuple(word for name, value in QUICK.items() for word in (f"--{name.replace('_', '-')}", str(value)))
MONTHS = 84


def sales(months: int = MONTHS, first: int = 0) -> str:
    """A monthly file from 2010 on, with a season, a trend and something like noise."""
    rows = ["month,sales"]
    for i in range(first, months):
        value = 100 + 0.5 * i + 10 * math.sin(2 * math.pi * i / 12) + (i * i * 37 % 101 - 50) * 0.06
        rows.append(f"{2010 + i // 12}-{i % 12 + 1:02d},{value:.2f}")
    return "\n".join(rows) + "\n"


@functools.cache
def trained() -> tuple[tempfile.TemporaryDirectory[str], Path]:
    """A folder with ``sales.csv`` and the run folder ``run``, once a process: copy it, do not change it."""
    owner = tempfile.TemporaryDirectory(prefix="elman-tests-")
    folder = Path(owner.name)
    (folder / "sales.csv").write_text(sales())
    assert main(["train", "forecast", str(folder / "sales.csv"), *FLAGS, "--out", str(folder / "run")]) == 0
    return owner, folder


def train_forecast(data: Any, settings: dict[str, Any], **given: Any) -> TrainedRun:
    """``elman train forecast`` as a call, without pictures: they take most of the time of so small a run."""
    return train_run(get_task("forecast"), data, settings, **({"pictures": False} | given))


def contents(folder: Path) -> dict[str, bytes | None]:
    """Everything below ``folder``: a file's bytes, None for a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in sorted(folder.rglob("*"))}


def numbers(folder: Path) -> dict[str, Any]:
    """A run's files without what may differ between equal runs, times, and without pictures and the page."""
    drawn = ("plots", "report.html")
    found: dict[str, Any] = {name: value for name, value in contents(folder).items() if not name.startswith(drawn)}
    metrics = found.pop("metrics.json").decode()
    found["metrics.json"] = [line for line in metrics.splitlines() if not line.startswith('  "seconds": ')]
    found["history.csv"] = [row[:-1] for row in read_csv(folder / "history.csv")]
    return found


def read_csv(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def python(*words: str, **given: Any) -> subprocess.CompletedProcess[str]:
    """A Python process of its own, on one core; its output as text."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"} | given.pop("env", {})
    return subprocess.run(
        [sys.executable, *words], env=environment, capture_output=True, text=True, timeout=300, check=False, **given
    )
