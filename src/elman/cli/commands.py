"""What each command calls and prints."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from elman.settings import field_types

if TYPE_CHECKING:
    from elman.jobs.forecaster import ColumnNames


def train(arguments: argparse.Namespace) -> int:
    """``elman train TASK DATA``."""
    from elman.jobs.train import summary, train_forecast
    from elman.recurrence.backends import note_missing_core
    from elman.report.progress import Progress
    from elman.training.memory import keep_freed_memory

    note_missing_core()
    keep_freed_memory()
    names = field_types(arguments.settings_class)
    given: dict[str, Any] = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
    with Progress() as progress:
        run = train_forecast(
            arguments.data,
            given,
            columns=_columns(arguments),
            test=arguments.test,
            out=arguments.out,
            resume=arguments.resume,
            overwrite=arguments.overwrite,
            start_from=arguments.start_from,
            on_event=progress,
        )
    if run.forecaster is None:
        print(f"{run.folder}: the run is complete; there is nothing to resume")
        return 0
    outcome = run.forecaster.outcome
    print(f"{run.forecaster.data.source}: {len(run.forecaster.data)} series")
    if outcome.evaluation is not None:
        print(summary(outcome.final.cell(), outcome.evaluation))
    for note in run.notes:
        print(note)
    print(f"\nRun folder: {run.folder}")
    for picture in run.pictures:
        print(f"  {picture}")
    if outcome.interrupted:
        print("interrupted: this is the best so far; --resume goes on", file=sys.stderr)
        return 130
    return 0


def evaluate(arguments: argparse.Namespace) -> int:
    """``elman evaluate RUN DATA``."""
    from elman.jobs import use

    print(use.evaluate(arguments.run_folder, arguments.data, _columns(arguments), arguments.out))
    return 0


def predict(arguments: argparse.Namespace) -> int:
    """``elman predict RUN DATA``."""
    from elman.jobs import use

    print(use.predict(arguments.run_folder, arguments.data, _columns(arguments), arguments.out))
    return 0


def info(arguments: argparse.Namespace) -> int:
    """``elman info [RUN]``."""
    from elman.jobs import use

    print(use.info(arguments.run_folder))
    return 0


def demo(arguments: argparse.Namespace) -> int:
    """``elman demo``."""
    from elman.jobs.demo import demo
    from elman.recurrence.backends import note_missing_core
    from elman.report.progress import Progress
    from elman.training.memory import keep_freed_memory

    note_missing_core()
    keep_freed_memory()
    with Progress() as progress:
        text = demo(arguments.out, progress)
    print(text)
    return 0


def _columns(arguments: argparse.Namespace) -> ColumnNames:
    from elman.jobs.forecaster import ColumnNames

    return ColumnNames(tuple(arguments.target or ()), arguments.time, arguments.id)
