"""The pages for readers: their blocks of code and their tables."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "native/README.md"])


class Fence(NamedTuple):
    language: str
    line: int  # of its first line of content, from 0
    lines: list[str]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def fences(page: Path) -> list[Fence]:
    found: list[Fence] = []
    inside = False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines()):
        if line.startswith("```"):
            inside = not inside
            if inside:
                found.append(Fence(line[3:].strip(), number + 1, []))
        elif inside:
            found[-1].lines.append(line)
    assert not inside, f"{page}: a block of code is not closed"
    return found


def prose(page: Path) -> str:
    """The page without its blocks of code, fenced or indented."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"^    .*$", "", text, flags=re.MULTILINE)


def rows(page: Path, header: str) -> list[list[str]]:
    """The cells of the tables that begin with ``header``, without marks of code."""
    lines = page.read_text(encoding="utf-8").splitlines()
    found: list[list[str]] = []
    for start in (k for k, line in enumerate(lines) if line.startswith(header)):
        for line in lines[start + 2 :]:
            if not line.startswith("|"):
                break
            found.append([cell.strip().strip("`") for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return found
