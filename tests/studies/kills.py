"""Shared by the tests of the studies: killed processes, and a study's files without times."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from elman.cli import main
from tests.attack.kills import counting, process


def kept(folder: Path, name: str) -> dict[str, Any]:
    """The final tables and pictures without what may differ between equal studies: times."""
    record = json.loads((folder / f"{name}.json").read_text())
    record.pop("times", None)
    text = (folder / f"{name}.md").read_text()
    before, _, after = text.partition("## Times")
    pictures = {path.name: path.read_bytes() for path in sorted((folder / "plots").glob("*.png"))}
    command = "## Do it again"  # names the folder's data alone
    return {"record": record, "text": before + after[after.find("![") :].partition(command)[0], **pictures}


def killed_and_resumed(words: list[str], folder: Path, name: str, kills: int, seed: int) -> None:
    """Kill a study just before one of the changes it makes in its folder, once and again; the same command then must
    end as one that nothing killed."""

    def act(out: Path) -> Callable[[], int]:
        return lambda: main([*words, "--out", str(out)])

    whole = process(lambda: counting(folder / "whole", None, act(folder / "whole")))
    assert whole.status == 0, whole.said
    changes, random = int(whole.said.splitlines()[-1]), np.random.default_rng(seed)
    expected = kept(folder / "whole", name)
    out = folder / "killed"
    for change in sorted(random.integers(2, changes, kills).tolist()):
        ended = process(lambda change=change: counting(out, change, act(out)))
        assert ended.killed or ended.status == 0, ended.said
    ended = process(act(out))
    assert ended.status == 0, ended.said
    assert kept(out, name) == expected
