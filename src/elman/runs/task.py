"""A task as the floors above it see it: an entry of the task table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from elman.runs.estimator import Estimator
from elman.settings import Settings


@dataclass(frozen=True)
class Task:
    """A task's words for the command line, and its estimator, which does the work.

    Args:
        estimator: its class, which holds the task's name, settings and columns.
        help: what ``elman train TASK`` does, in a few words.
        data_help: what DATA is.
        validation_help: what ``--validation-file`` takes; "" where the task takes none.
        test_help: what ``--test`` takes; "" where the task takes no test file.
        many_files: whether DATA may be several files.
        watchable: whether its problems give a picture to look at while they train.
        long_epochs: whether an epoch of its usual data takes minutes, so that a study must be told its budget.
        network_alone: settings that leave a model its network alone, where more than that may answer: what comparisons
            of cells use unless told otherwise.
    """

    estimator: type[Estimator]
    help: str
    data_help: str = "CSV or Parquet file"
    test_help: str = ""
    validation_help: str = ""
    many_files: bool = False
    watchable: bool = False
    long_epochs: bool = False
    network_alone: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What it is called on the command line and in files."""
        return self.estimator.task_name

    @property
    def settings(self) -> type[Settings]:
        """The settings of training."""
        return self.estimator.settings_class

    @property
    def columns(self) -> type[Settings]:
        """The settings that say which columns of the data hold what."""
        return self.estimator.columns_class


FindTask = Callable[[str], Task]
"""The task table: a task by its name; SettingsError for a name that it does not have."""
