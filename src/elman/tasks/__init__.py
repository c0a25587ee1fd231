"""The task table. A new task is a folder here that exposes a :data:`TASK`, and one line in :data:`TASKS`."""

from __future__ import annotations

import importlib
from pathlib import Path

from elman.errors import SettingsError
from elman.runs import commands
from elman.runs.estimator import Estimator
from elman.runs.task import Task

# name → the module that exposes it as TASK
TASKS: dict[str, str] = {
    "forecast": "elman.tasks.forecast",
    "regress": "elman.tasks.regress",
    "classify": "elman.tasks.classify",
    "tag": "elman.tasks.tag",
    "language": "elman.tasks.language",
}


def get_task(name: str) -> Task:
    """The task called ``name``.

    Raises:
        SettingsError: there is no such task.

    >>> get_task("forecast").settings.__name__
    'ForecastSettings'
    """
    if name not in TASKS:
        raise SettingsError(f"unknown task {name!a:.40}; choose one of: {', '.join(TASKS)}")
    task: Task = importlib.import_module(TASKS[name]).TASK
    return task


def load(folder: Path | str) -> Estimator:
    """The estimator in a run folder, ready to predict, evaluate and stream; torch is not needed.

    Raises:
        ModelFileError: there is no run in ``folder``, or it is damaged.
    """
    return commands.load(folder, get_task)
