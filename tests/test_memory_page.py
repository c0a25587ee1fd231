"""docs/what-cells-remember.md and its Chinese twin: their horizons are those of the runs that stand beside them."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

from tests.pages import ROOT, fences, rows

RUNS = ROOT / "docs/what-cells-remember"
PAGES = [ROOT / f"docs/what-cells-remember{suffix}.md" for suffix in ("", ".zh-CN")]
pages = pytest.mark.parametrize("page", PAGES, ids=["English", "Chinese"])
LINK = re.compile(r"\(what-cells-remember/([\w-]+)\.md\)")


def horizons(run: str) -> dict[str, str]:
    """The horizon of each cell, as the command wrote it."""
    return {
        row[0]: html.unescape(row[4]) for row in rows(RUNS / f"{run}.md", "|  | hidden size | recurrent parameters |")
    }


def table_headers(page: Path) -> list[str]:
    return [
        line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("|") and LINK.search(line)
    ]


@pages
def test_horizons_are_those_that_were_measured(page: Path) -> None:
    checked = 0
    for header in table_headers(page):
        runs = [LINK.findall(cell) for cell in header.split("|")[2:-1]]
        for cell, *texts in rows(page, header):
            for run, text in zip(runs, texts, strict=True):
                if run:
                    assert text == horizons(run[0]).get(cell, "–"), f"{page.name}: {cell}, {run[0]}"
                    checked += text != "–"
    assert checked > 10


@pages
def test_commands_are_those_of_the_runs(page: Path) -> None:
    shown = {line for fence in fences(page) if fence.language == "sh" for line in fence.lines if line.strip()}
    linked = set(LINK.findall(page.read_text(encoding="utf-8")))
    assert linked == {path.stem for path in RUNS.glob("*.md")}
    for run in linked:
        (command,) = re.findall(r"^    (elman .*)$", (RUNS / f"{run}.md").read_text(encoding="utf-8"), re.MULTILINE)
        assert command in shown, f"{page.name} does not show how {run} was made"


def test_both_languages_show_the_same() -> None:
    own, other = ([(f.language, f.lines) for f in fences(page)] for page in PAGES)
    assert own == other
    tables = ["".join(re.findall(r"^\|.*\|$", page.read_text("utf-8"), re.MULTILINE)) for page in PAGES]
    numbers = [sorted(re.findall(r"\d+(?:\.\d+)?", re.sub(r"(?<=\d),(?=\d{3})", "", table))) for table in tables]
    assert numbers[0] == numbers[1]


def test_pictures_are_small() -> None:
    for path in RUNS.glob("*.png"):
        assert path.stat().st_size < 60_000, path.name
