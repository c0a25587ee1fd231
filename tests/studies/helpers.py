"""Small trained models of every task, each trained once; and what a page says."""

from __future__ import annotations

import functools
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from elman.runs.estimator import Estimator
from elman.tasks import get_task
from tests.report.browser import Browser
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


CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def written(page: str, folder: Path) -> Path:
    """A page as a file."""
    path = folder / "page.html"
    path.write_text(page, encoding="utf-8")
    return path


def answer_in(program: Browser, which: str = "now") -> np.ndarray:
    """The page's answer: of a choice its probabilities or scores, else values in the data's units."""
    found = json.loads(program.value(f"JSON.stringify({{d: Array.from(app.{which}.answer.values.data)}})"))
    return np.array(found["d"])
