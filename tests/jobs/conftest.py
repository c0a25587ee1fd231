"""A trained run, and a folder to work in."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.jobs.helpers import trained


@pytest.fixture(scope="session")
def workplace() -> Path:
    """A folder with ``sales.csv`` and ``run``, trained once; not to be changed."""
    return trained()[1]


@pytest.fixture
def here(workplace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it that is the working directory."""
    shutil.copytree(workplace, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"
