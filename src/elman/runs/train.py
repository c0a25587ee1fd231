"""``elman train``: from a file to a run folder with models, scores, forecasts and pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from elman.errors import ElmanError, MissingDependencyError, RunFolderError, SettingsError
from elman.jobs import runfolder
from elman.jobs.fitting import Outcome
from elman.jobs.forecaster import ColumnNames, Forecaster
from elman.report.tables import score_table
from elman.settings import to_record
from elman.tasks.base import Evaluation, Figure, Line
from elman.tasks.forecast import task
from elman.tasks.forecast.baselines import LABELS
from elman.tasks.forecast.figures import beyond_figure
from elman.tasks.forecast.scores import METRICS

# what a trained model has, and training it further cannot change
ARCHITECTURE = ("cell", "hidden_size", "num_layers", "layer_norm", "zoneout", "init")
READING = ("strategy", "window", "season", "level", "scale")


@dataclass(frozen=True)
class Run:
    """A run that was made or, if ``outcome`` is None, was found complete."""

    folder: Path
    forecaster: Forecaster | None
    pictures: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()


def train_forecast(
    data: str,
    settings: Mapping[str, Any],
    *,
    columns: ColumnNames | None = None,
    test: str | None = None,
    out: Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    start_from: Path | None = None,
    on_event: Callable[[Any], None] | None = None,
) -> Run:
    """Train a forecaster on the file ``data`` and write its run folder.

    Args:
        settings: those that differ from the defaults (or from the run to go on from).
        test: a file whose rows follow on ``data``'s and are the test.
        start_from: the folder of a run whose model is trained further.

    Raises:
        ElmanError: bad data, settings or folder; nothing half-written is left then.
    """
    old = Forecaster.load(start_from) if start_from is not None else None
    forecaster = Forecaster(**_settings_from(old, settings))
    if old is not None:
        forecaster.columns = old.columns
    if columns is not None and columns != ColumnNames():
        forecaster.columns = forecaster.columns.changed(columns.target or None, columns.time, columns.id)
    series = forecaster.columns.read(data)
    later = None if test is None else forecaster.columns.read_later(test, series)
    missing = [p for p in (*(out.parents if out is not None else ()), Path("runs")) if not p.exists()]
    folder = runfolder.prepare(out, "forecast", resume=resume, overwrite=overwrite)
    checkpoint = folder / runfolder.CHECKPOINT
    if resume and (folder / runfolder.METRICS).exists() and not checkpoint.exists():
        return Run(folder, None)
    try:
        forecaster.fit(series, test=later, start_from=old, on_event=on_event, checkpoint=checkpoint)
    except (ElmanError, MemoryError) as error:
        # a full disk ends a run that can go on later; whatever else is wrong would only go wrong again
        if not resume and not isinstance(error, RunFolderError):
            checkpoint.unlink(missing_ok=True)
        runfolder.discard_if_unused(folder, *missing)
        raise
    forecaster.save(folder)
    outcome = forecaster.outcome
    pictures, notes = _draw(forecaster, folder)
    runfolder.remove_stale(folder, keep=pictures, evaluated=outcome.evaluation is not None)
    if not outcome.interrupted:
        checkpoint.unlink(missing_ok=True)
    return Run(folder, forecaster, pictures, notes)


def _settings_from(old: Forecaster | None, given: Mapping[str, Any]) -> dict[str, Any]:
    if old is None:
        return dict(given)
    known = to_record(old.settings)
    for name in ARCHITECTURE + READING:
        if name in given and given[name] != known[name]:
            raise SettingsError(
                f"{name} is {given[name]!r}, but the model to go on from has {known[name]!r}: leave it out, or train "
                "a new model"
            )
    return {**known, **given}


def _draw(forecaster: Forecaster, folder: Path) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    from elman.report.plots import draw_all

    outcome = forecaster.outcome
    figures = [] if outcome.evaluation is None else list(outcome.evaluation.figures)
    series = forecaster.data
    figures.append(beyond_figure(series, task.forecast_beyond(outcome.final, series)))
    if outcome.history:
        figures.append(learning_curve(outcome))
    try:
        return tuple(draw_all(figures, folder / runfolder.PLOTS)), ()
    except MissingDependencyError as error:
        return (), (f"no pictures: {error}",)


def learning_curve(outcome: Outcome) -> Figure:
    """Loss by epoch of the search, and the epoch whose weights were kept."""
    rows = [row for row in outcome.history if row["phase"] == "search"]
    epochs = np.array([row["epoch"] for row in rows])
    lines = [Line("training", epochs, np.array([row["loss"] for row in rows]), "other")]
    if rows and rows[0]["validation_loss"] is not None:
        lines.append(Line("validation", epochs, np.array([row["validation_loss"] for row in rows]), "model"))
    return Figure(
        "learning_curve",
        "Learning curve",
        "epoch",
        "loss",
        tuple(lines),
        marks=((outcome.best_epoch, "kept"),) if outcome.best_epoch else (),
        y_scale="log",
    )


def summary(name: str, evaluation: Evaluation) -> str:
    """What was measured and on what, the scores beside the baselines', and the verdict."""
    facts = evaluation.facts
    series = "1 series" if facts["series"] == 1 else f"{facts['series']} series"
    season = f"season {facts['season']}" if facts["season"] > 1 else "no season"
    title = (
        f"Test: the last {facts['test_size']} steps of {series}, {facts['windows']} forecasts of up to "
        f"{facts['horizon']} steps; {season}, window {facts['window']}, level {facts['level']}"
    )
    rows = [(name, evaluation.scores)] + [(LABELS[key], scores) for key, scores in evaluation.baselines.items()]
    return score_table(title, METRICS, rows) + "\n\n" + evaluation.verdict
