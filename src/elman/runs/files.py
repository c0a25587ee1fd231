"""The files of a run folder: written so that a killed run loses nothing, read so that two runs are never mixed.

Files are written one by one, each atomically, ``metrics.json`` last: a folder with it is whole. Settings and metrics
name the models by the digest of their content.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elman import atomic, jsontext
from elman._version import __version__
from elman.errors import ModelFileError, RunFolderError
from elman.learning import Columns, Predictor
from elman.model import Model, save_model
from elman.model.file import read_model
from elman.runs.fitting import Outcome
from elman.settings import Settings, from_record, to_record

MODEL, TESTED, SETTINGS, METRICS = "model.safetensors", "tested.safetensors", "settings.json", "metrics.json"
HISTORY, PREDICTIONS, CHECKPOINT, PLOTS = "history.csv", "predictions.csv", "checkpoint.safetensors", "plots"
WATCH, REPORT = "watch.png", "report.html"
HISTORY_COLUMNS = ("phase", "epoch", "loss", "validation_loss", "validation_error", "learning_rate", "seconds")


@dataclass(frozen=True)
class RunRecord:
    """The content of a run folder."""

    settings: dict[str, Any]
    columns: Settings
    outcome: Outcome


def metrics_record(outcome: Outcome, settings: Settings) -> dict[str, Any]:
    """What ``metrics.json`` holds. A score that cannot be computed is None."""
    evaluation, model = outcome.evaluation, outcome.final.model
    record: dict[str, Any] = {
        "elman": __version__,
        "task": model.task,
        "cell": model.cell(),
        "parameters": model.parameter_count(),
        "recurrent_parameters": model.recurrent_parameter_count(),
        "seconds": round(outcome.seconds, 3),
        "test": {} if evaluation is None else dict(evaluation.scores),
        "baselines": {} if evaluation is None else {k: dict(v) for k, v in evaluation.baselines.items()},
        **({} if evaluation is None else evaluation.facts),
        "verdict": "" if evaluation is None else evaluation.verdict,
        "best_epoch": outcome.best_epoch,
        "interrupted": outcome.interrupted,
        **({"candidates": [one._asdict() for one in outcome.candidates]} if outcome.candidates else {}),
        "settings": to_record(settings),
    }
    return {name: without_nan(value) for name, value in record.items()}


def without_nan(value: Any) -> Any:
    """``value`` with None in place of NaN, which JSON does not have, at any depth."""
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write(folder: Path, outcome: Outcome, settings: Settings, columns: Settings, tables: Mapping[str, Columns]) -> Path:
    """Write everything but pictures and checkpoint.

    Args:
        tables: the task's own, by file name.

    Raises:
        RunFolderError: it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunFolderError(f"{folder}: cannot be made ({error.strerror}); choose another folder") from error
    (folder / METRICS).unlink(missing_ok=True)  # what was here before is no longer whole
    (folder / REPORT).unlink(missing_ok=True)
    for picture in (folder / PLOTS).glob("*.png"):
        if picture.name != WATCH:  # drawn while this one was trained
            picture.unlink()  # another run's, should drawing the new ones fail
    models = {"model": save_model(folder / MODEL, outcome.final.model), "tested": None}
    if outcome.tested is not None:
        models["tested"] = save_model(folder / TESTED, outcome.tested.model)
    else:
        (folder / TESTED).unlink(missing_ok=True)
    written = dict(tables)
    if outcome.history:
        written[HISTORY] = {name: [row[name] for row in outcome.history] for name in HISTORY_COLUMNS}
    if outcome.evaluation is not None:
        written[PREDICTIONS] = outcome.evaluation.rows
        written |= outcome.evaluation.tables
    for name in _tables_in(folder) - written.keys():
        (folder / name).unlink(missing_ok=True)
    record = {"elman": __version__, "task": outcome.final.model.task, **models, "tables": sorted(written)}
    _write_json(folder / SETTINGS, {**record, "columns": to_record(columns), "settings": to_record(settings)})
    for name, table in written.items():
        write_csv(folder / name, table)
    _write_json(folder / METRICS, {**metrics_record(outcome, settings), **models})
    return folder


def copy(folder: Path, to: Path) -> Path:
    """Copy a whole run, pictures included, ``metrics.json`` last.

    Raises:
        ModelFileError: there is no whole run in ``folder``.
        RunFolderError: ``to`` cannot be written.
    """
    read_json(folder / METRICS)
    if to.exists() and to.samefile(folder):
        return to
    names = [MODEL, SETTINGS, *sorted(_tables_in(folder)), METRICS]
    if (folder / TESTED).exists():
        names.insert(0, TESTED)
    pictures = [f"{PLOTS}/{path.name}" for path in sorted((folder / PLOTS).glob("*.png"))]
    if (folder / REPORT).exists():
        names.insert(0, REPORT)
    try:
        (to / PLOTS if pictures else to).mkdir(parents=True, exist_ok=True)
        (to / METRICS).unlink(missing_ok=True)
        (to / REPORT).unlink(missing_ok=True)
        contents = {name: (folder / name).read_bytes() for name in [*pictures, *names]}
    except OSError as error:
        raise RunFolderError(f"{to}: the run cannot be copied ({error.strerror}); choose another folder") from error
    for name, content in contents.items():
        atomic.write_bytes(to / name, content)
    return to


def _tables_in(folder: Path) -> set[str]:
    """The tables that a run in ``folder`` says it has; none where no run is to be read."""
    try:
        names = jsontext.read(folder / SETTINGS)["tables"]
    except (OSError, ValueError, KeyError, TypeError):
        return set()
    return {name for name in names if isinstance(name, str) and Path(name).name == name and name.endswith(".csv")}


def _write_json(path: Path, record: dict[str, Any]) -> None:
    atomic.write_text(path, jsontext.dumps(record, indent=2) + "\n")


def csv_text(table: Columns) -> str:
    """A table as CSV: numbers with all digits that read the same float64 back, missing values as empty fields."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table)
    writer.writerows(zip(*([_shown(value) for value in column] for column in table.values()), strict=True))
    return text.getvalue()


def _shown(value: Any) -> str:
    if value is None or value != value:
        return ""
    return repr(float(value)) if isinstance(value, float) else str(value)


def write_csv(path: Path, table: Columns) -> None:
    """Write a table, atomically."""
    atomic.write_text(path, csv_text(table))


def read(
    folder: Path,
    task: str,
    settings_class: type[Settings],
    columns_class: type[Settings],
    predictor: Callable[[Model], Predictor],
) -> RunRecord:
    """A run's settings and models.

    Args:
        task: the task's name, ``predictor`` what it makes of a model.

    Raises:
        ModelFileError: there is no run in ``folder``, one of another task or from several runs, or it is damaged.
    """
    path = folder / SETTINGS
    record = read_json(path)
    if record.get("task") != task:
        other = str(record.get("task"))
        raise ModelFileError(f"{folder}: a run of the task {other!a:.40}, not {task}; load it as such")
    try:
        settings = to_record(from_record(settings_class, record["settings"]))
        columns = from_record(columns_class, record["columns"])
        models = {name: record[name] for name in ("model", "tested")}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelFileError(f"{path}: damaged ({error}); copy it again or train again") from error
    metrics = read_json(folder / METRICS)
    if not metrics.keys() >= models.keys():
        raise ModelFileError(f"{folder / METRICS}: damaged (it names no model); copy it again or train again")
    ours = {**models, "task": task, "settings": record["settings"]}
    if any(metrics.get(name) != value for name, value in ours.items()):
        both = f"{SETTINGS} and {METRICS}"
        raise ModelFileError(f"{folder}: {both} are of two runs; copy the folder again or train again")
    final = _read_predictor(folder / MODEL, models["model"], predictor)
    tested = None if models["tested"] is None else _read_predictor(folder / TESTED, models["tested"], predictor)
    return RunRecord(settings, columns, Outcome(final, tested, None, [], 0, 0.0, False))


def read_json(path: Path) -> dict[str, Any]:
    """The object in one of a run's JSON files.

    Raises:
        ModelFileError: there is none, or it is damaged.
    """
    if not path.is_file():
        what = "no run here" if path.name == SETTINGS else "the run is not whole here"
        raise ModelFileError(f"{path.parent}: {what} ({path.name} is missing); give a folder that 'elman train' made")
    try:
        record = jsontext.read(path)
    except (OSError, ValueError) as error:
        raise ModelFileError(f"{path}: damaged ({error}); copy it again or train again") from error
    if not isinstance(record, dict):
        raise ModelFileError(f"{path}: damaged (no object); copy it again or train again")
    return record


def history(folder: Path, phase: str = "search") -> list[dict[str, Any]]:
    """A run's ``history.csv``, one phase of it: a number, or None, by column.

    Raises:
        ModelFileError: there is none, or it is damaged.
    """
    path = folder / HISTORY
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row["phase"] == phase]
        return [{name: float(row[name]) if row[name] else None for name in HISTORY_COLUMNS[1:]} for row in rows]
    except (OSError, KeyError, ValueError) as error:
        raise ModelFileError(f"{path}: damaged ({error}); train again") from error


def _read_predictor(path: Path, digest: Any, predictor: Callable[[Model], Predictor]) -> Predictor:
    model, found = read_model(path)
    if found != digest:
        raise ModelFileError(f"{path}: the model of another run; copy the folder again or train again")
    try:
        return predictor(model)
    except ModelFileError as error:
        raise ModelFileError(f"{path}: {error}; copy it again or train again") from error
