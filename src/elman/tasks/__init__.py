"""The tasks: what an example is, how a model's output is read, which scores and baselines there are.

A new task is a module here that defines its settings and its :class:`elman.tasks.base.Problem`, one line in
:data:`SETTINGS`, and its estimator in :mod:`elman.jobs`.
"""

from __future__ import annotations

from elman.errors import SettingsError
from elman.settings import Settings
from elman.tasks.forecast.settings import ForecastSettings

SETTINGS: dict[str, type[Settings]] = {"forecast": ForecastSettings}


def settings_class(name: str) -> type[Settings]:
    """The settings of the task called ``name``.

    Raises:
        SettingsError: there is no such task.

    >>> settings_class("forecast").__name__
    'ForecastSettings'
    """
    if name not in SETTINGS:
        raise SettingsError(f"unknown task {name!r}; choose one of: {', '.join(SETTINGS)}")
    return SETTINGS[name]
