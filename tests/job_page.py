"""Runs the commands and programs of docs/jobs.md and puts what they print into it and its Chinese twin: `make docs`.

python -m tests.job_page [J3 …]     all of them, or those named and the program that writes their data
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.pages import ROOT, Fence, fences

PAGES = (ROOT / "docs/jobs.md", ROOT / "docs/jobs.zh-CN.md")
FOLDER = ROOT / "runs/docs"
RUN, OUTPUT = ("python", "sh"), "text"


class Job(NamedTuple):
    """What is run, and where its output stands: the number of its fence, or None for none."""

    name: str
    fence: Fence
    output: int | None


def jobs(page: Path) -> Iterator[Job]:
    """A page's commands and programs, in order; the one before the first heading is called ``data``."""
    headings = [
        (number, match[1])
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines())
        if (match := re.match(r"## (J\d+)", line))
    ]
    found = fences(page)
    for place, fence in enumerate(found):
        if fence.language in RUN:
            name = next((name for number, name in reversed(headings) if number < fence.line), "data")
            after = place + 1
            yield Job(name, fence, after if after < len(found) and found[after].language == OUTPUT else None)


def run(fence: Fence) -> str:
    """What a command or a program prints, in :data:`FOLDER`."""
    if fence.language == "python":
        program = FOLDER / "program.py"
        program.write_text(fence.text + "\n", encoding="utf-8")
        words = [[sys.executable, program.name]]
    else:
        words = [[sys.executable, "-m", *shlex.split(line)] for line in fence.lines if line.strip()]
    printed = []
    for command in words:
        if "--out" in command:
            shutil.rmtree(FOLDER / command[command.index("--out") + 1], ignore_errors=True)
        done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
        printed.append(done.stdout.strip("\n"))
    return "\n\n".join(printed)


def put(page: Path, outputs: dict[int, str]) -> None:
    """Write outputs into the page's fences of these numbers."""
    lines, found = page.read_text(encoding="utf-8").splitlines(), fences(page)
    for number in sorted(outputs, reverse=True):
        start = found[number].line
        shown = [line.rstrip() for line in outputs[number].split("\n")]
        lines[start : start + len(found[number].lines)] = shown
    page.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main(names: Sequence[str]) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    data = Path(os.environ.get("ELMAN_DATA", ROOT.parent / "shared/data"))
    for name, source in (("mnist", data / "mnist"), ("tinyshakespeare.txt", data / "text/tinyshakespeare.txt")):
        if not (FOLDER / name).exists():
            (FOLDER / name).symlink_to(source.resolve())
    for job in jobs(PAGES[0]):
        if names and job.name not in (*names, "data"):
            continue
        print(f"{job.name}: {job.fence.lines[0][:100]}", flush=True)
        printed = run(job.fence)
        if job.output is not None:
            for page in PAGES:
                put(page, {job.output: printed})


if __name__ == "__main__":
    main(sys.argv[1:])
