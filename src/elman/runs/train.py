"""``elman train``: from a file to a run folder with models, scores, predictions and pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elman.errors import ElmanError, RunFolderError
from elman.runs import files
from elman.runs.estimator import Estimator
from elman.runs.folder import remove_stale, working_in
from elman.runs.page import command_line
from elman.runs.task import Task


@dataclass(frozen=True)
class TrainedRun:
    """A run that was made or, if ``estimator`` is None, was found complete."""

    folder: Path
    estimator: Estimator | None
    pictures: tuple[Path, ...] = ()  # and the page
    notes: tuple[str, ...] = ()


def train_run(
    task: Task,
    data: Any,
    settings: Mapping[str, Any],
    *,
    columns: Mapping[str, Any] | None = None,
    test: Any = None,
    validation: Any = None,
    out: Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    start_from: Path | None = None,
    pictures: bool = True,
    refit: bool = True,
    watch: bool = False,
    on_event: Callable[[Any], None] | None = None,
) -> TrainedRun:
    """Train ``task``'s estimator on ``data`` and write its run folder, with its pictures and page.

    Args:
        settings: those that differ from the defaults (or from the run that training continues).
        columns: the names of the data's columns, by the task's names for them.
        test: separate data to evaluate on.
        validation: separate data that choose the epoch.
        start_from: the folder of a run whose model is trained further.
        pictures: whether to draw.
        refit: whether to fit again on everything after the test.
        watch: whether to redraw ``plots/watch.png`` while it trains.

    Raises:
        ElmanError: bad data, settings or folder; nothing half-written is left then.
    """
    old = None if start_from is None else task.estimator.load(start_from)
    estimator = task.estimator(**settings)
    if old is not None:
        estimator.columns = old.columns
    dataset = estimator.read(data, **(columns or {}))  # bad data leave no folder behind
    with working_in(out, task.name, resume=resume, overwrite=overwrite) as folder:
        checkpoint = folder / files.CHECKPOINT
        picture = folder / files.PLOTS / files.WATCH if watch else None
        if resume and (folder / files.METRICS).exists() and not checkpoint.exists():
            return TrainedRun(folder, None)
        before = _version(checkpoint)  # of a run that is replaced: it stays until the new one begins
        try:
            estimator.fit(
                dataset,
                test=test,
                validation=validation,
                start_from=old,
                on_event=on_event,
                checkpoint=checkpoint,
                resume=resume,
                watch=picture,
                refit=refit,
                **(columns or {}),
            )
        except (ElmanError, MemoryError) as error:
            # after a full disk the run can be resumed; any other error would only come again
            if not resume and not isinstance(error, RunFolderError) and _version(checkpoint) != before:
                checkpoint.unlink(missing_ok=True)
            raise
        try:
            estimator.save(folder)
        except KeyboardInterrupt:  # an impatient one gets a whole folder too
            estimator.save(folder)
            raise
        command = command_line(task.name, data, test, validation, start_from, columns or {}, settings)
        drawn, notes = _draw(estimator, folder, command) if pictures else ((), ())
        remove_stale(folder, keep=drawn if picture is None else (*drawn, picture))
        if not estimator.outcome.interrupted:
            checkpoint.unlink(missing_ok=True)
        return TrainedRun(folder, estimator, drawn, notes)


def _version(path: Path) -> tuple[int, int] | None:
    """What changes when a file is replaced."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns


def _draw(estimator: Estimator, folder: Path, command: str) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    from elman.report.plots import draw_all

    try:
        drawn = draw_all(estimator.figures(), folder / files.PLOTS)
        return (*drawn, estimator.report(folder / files.REPORT, command)), ()
    except (ElmanError, OSError, MemoryError) as error:  # the run itself is whole
        return (), (f"no pictures: {error}",)
