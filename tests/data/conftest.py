"""The real series of the development data, which are no part of the repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_series() -> Path:
    """The folder of the real series; it fails, not skips, in continuous integration."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    folder = Path(os.environ.get("ELMAN_DATA", beside)) / "series"
    if not folder.is_dir():
        reason = f"{folder} is missing; set ELMAN_DATA to the folder of the development data"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return folder
