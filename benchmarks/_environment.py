"""A peer's own virtual environment, made at its first use and kept under ``build/peers``."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks import CannotRun
from benchmarks._process import ROOT

CACHE = ROOT / "build" / "peers"
MARK = "installed.txt"  # the requirements, written when all of them are there


def environment(requirements: Path) -> Path:
    """The Python of the environment that holds ``requirements``; made anew when they have changed.

    torch, the first of them, is installed alone first: so the others cannot bring a build of several gigabytes.

    Raises:
        CannotRun: it cannot be installed here.
    """
    folder = CACHE / requirements.stem.strip("_")
    python, wanted = folder / "bin" / "python", requirements.read_text(encoding="utf-8") + sys.version
    if (folder / MARK).is_file() and (folder / MARK).read_text(encoding="utf-8") == wanted:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    print(f"installing {requirements.relative_to(ROOT)} into {folder.relative_to(ROOT)}", flush=True)
    first = next(line for line in requirements.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    steps = [[sys.executable, "-m", "venv", str(folder)], [*pip, first], [*pip, "--requirement", str(requirements)]]
    for words in steps:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
            errors = [line for line in lines if line.startswith("ERROR")] or lines[-1:] or ["no reason given"]
            reason = errors[-1].removeprefix("ERROR: ")
            raise CannotRun(f"its environment cannot be made: {reason}")
    (folder / MARK).write_text(wanted, encoding="utf-8")
    return python
