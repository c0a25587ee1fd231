"""Small trained models of every task, each trained once."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import Any

from elman.runs.estimator import Estimator
from elman.tasks import get_task
from tests.tasks.samples import SAMPLES

_folder = tempfile.TemporaryDirectory()


def trained(name: str, **settings: Any) -> tuple[Estimator, Path]:
    """An estimator and the file that it was trained on; do not change it."""
    return _trained(name, tuple(sorted(settings.items())))


@functools.cache
def _trained(name: str, settings: tuple[tuple[str, Any], ...]) -> tuple[Estimator, Path]:
    folder = Path(_folder.name) / f"{name}-{abs(hash(settings))}"
    folder.mkdir()
    data, _, _ = SAMPLES[name].write(folder)
    given = {**SAMPLES[name].settings, **dict(settings)}
    return get_task(name).estimator(**given).fit(data), data
