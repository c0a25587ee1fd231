"""The folder that a run leaves: what is in it, and how it is written so that a killed run loses nothing.

Files are written one by one, each atomically, the model before the metrics: a folder with ``metrics.json`` is whole.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import elman
from elman import atomic
from elman.data import SeriesSet
from elman.errors import ModelFileError, RunFolderError
from elman.jobs.fitting import Outcome
from elman.model import Model
from elman.modelfile import load_model, save_model
from elman.settings import Settings, from_record, to_record
from elman.tasks import settings_class
from elman.tasks.forecast import task

MODEL, TESTED, SETTINGS, METRICS = "model.safetensors", "tested.safetensors", "settings.json", "metrics.json"
HISTORY, PREDICTIONS, FORECAST, CHECKPOINT = "history.csv", "predictions.csv", "forecast.csv", "checkpoint.safetensors"
PLOTS = "plots"


@dataclass(frozen=True)
class RunRecord:
    """What a run folder gives back."""

    settings: dict[str, Any]
    columns: dict[str, Any]
    outcome: Outcome


def prepare(folder: Path | None, task_name: str, *, resume: bool, overwrite: bool, root: Path = Path("runs")) -> Path:
    """The folder to write to, made if it is not there; without a name the next free ``runs/TASK-NNN``.

    Raises:
        RunFolderError: it holds something and neither ``resume`` nor ``overwrite`` is set, or it cannot be written.
    """
    if folder is None:
        if resume:
            raise RunFolderError("--resume needs the folder of the run to go on with: --out DIR")
        numbers = [p.name.removeprefix(f"{task_name}-") for p in root.glob(f"{task_name}-*")]
        last = max((int(n) for n in numbers if n.isdigit()), default=0)
        folder = root / f"{task_name}-{last + 1:03d}"
    try:
        if folder.exists() and not folder.is_dir():
            raise RunFolderError(f"{folder}: is a file; give a folder with --out")
        used = folder.exists() and any(folder.iterdir())
        # an empty folder is a run that was killed before its first checkpoint
        begun = folder.exists() and (not used or (folder / CHECKPOINT).exists() or (folder / METRICS).exists())
        if resume and not begun:
            raise RunFolderError(f"{folder}: there is no run to resume; leave out --resume to begin one")
        if used and not (resume or overwrite):
            raise RunFolderError(f"{folder}: not empty; use --resume, --overwrite, or another --out")
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".probe"
        probe.touch()
        probe.unlink()
    except RunFolderError:
        raise
    except OSError as error:
        raise RunFolderError(f"{folder}: cannot be written ({error.strerror}); choose another --out") from error
    if overwrite and not resume:
        (folder / CHECKPOINT).unlink(missing_ok=True)
    return folder


def discard_if_unused(*folders: Path) -> None:
    """Remove those ``folders`` that are empty, in this order: a run that failed leaves no trace."""
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            continue  # it holds something, which is not ours to remove


def remove_stale(folder: Path, *, keep: Sequence[Path], evaluated: bool) -> None:
    """Remove what an earlier run left in ``folder`` and this one, now whole, did not write."""
    stale = [path for path in (folder / PLOTS).glob("*.png") if path not in keep]
    stale += atomic.leftovers(folder) + atomic.leftovers(folder / PLOTS)
    if not evaluated:
        stale += [folder / TESTED, folder / PREDICTIONS]
    for path in stale:
        path.unlink(missing_ok=True)


def metrics_record(outcome: Outcome, settings: Settings) -> dict[str, Any]:
    """What ``metrics.json`` holds. A score that cannot be computed is None."""
    evaluation, model = outcome.evaluation, outcome.final
    record: dict[str, Any] = {
        "elman": elman.__version__,
        "task": model.task,
        "cell": model.cell(),
        "parameters": model.parameter_count(),
        "recurrent_parameters": model.recurrent_parameter_count(),
        "seconds": round(outcome.seconds, 3),
        "test": {} if evaluation is None else evaluation.scores,
        "baselines": {} if evaluation is None else evaluation.baselines,
        **({} if evaluation is None else evaluation.facts),
        "verdict": "" if evaluation is None else evaluation.verdict,
        "best_epoch": outcome.best_epoch,
        "interrupted": outcome.interrupted,
        "settings": to_record(settings),
    }
    return {name: without_nan(value) for name, value in record.items()}


def without_nan(value: Any) -> Any:
    """JSON has no NaN: ``value`` with None in its place, however deep."""
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write(
    folder: Path, outcome: Outcome, settings: Settings, *, columns: dict[str, Any], data: SeriesSet | None
) -> Path:
    """Write everything but pictures and checkpoint.

    Raises:
        RunFolderError: it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunFolderError(f"{folder}: cannot be made ({error.strerror}); choose another folder") from error
    (folder / METRICS).unlink(missing_ok=True)  # what was here before is no longer whole
    save_model(folder / MODEL, outcome.final)
    if outcome.tested is not None:
        save_model(folder / TESTED, outcome.tested)
    record = {"elman": elman.__version__, "task": outcome.final.task, "columns": columns}
    _write_json(folder / SETTINGS, {**record, "settings": to_record(settings)})
    epochs = [{key: "" if value is None else value for key, value in row.items()} for row in outcome.history]
    if epochs:
        write_csv(folder / HISTORY, list(epochs[0]), [[str(v) for v in row.values()] for row in epochs])
    if outcome.evaluation is not None:
        write_csv(folder / PREDICTIONS, outcome.evaluation.header, outcome.evaluation.rows)
    if data is not None:
        write_csv(folder / FORECAST, *task.forecast_rows(data, task.forecast_beyond(outcome.final, data)))
    _write_json(folder / METRICS, metrics_record(outcome, settings))
    return folder


def _write_json(path: Path, record: dict[str, Any]) -> None:
    atomic.write_text(path, json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def csv_text(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Header and rows as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write a CSV file, atomically."""
    atomic.write_text(path, csv_text(header, rows))


def read(folder: Path) -> RunRecord:
    """A run's settings and models.

    Raises:
        ModelFileError: there is no run in ``folder``, or it is damaged.
    """
    path = folder / SETTINGS
    if not path.is_file():
        raise ModelFileError(f"{folder}: no run here ({SETTINGS} is missing); give a folder that 'elman train' made")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        settings = to_record(from_record(settings_class(record["task"]), record["settings"]))
        columns = _columns(**record["columns"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelFileError(f"{path}: damaged ({error}); copy it again or train again") from error
    final = _read_model(folder / MODEL)
    tested = _read_model(folder / TESTED) if (folder / TESTED).exists() else None
    return RunRecord(settings, columns, Outcome(final, tested, None, [], 0, 0.0, False))


def _columns(target: list[str], time: str | None, id: str | None) -> dict[str, Any]:
    if not isinstance(target, list) or not all(isinstance(name, str) for name in target):
        raise TypeError("target must be a list of columns' names")
    if not all(name is None or isinstance(name, str) for name in (time, id)):
        raise TypeError("time and id must be columns' names")
    return {"target": target, "time": time, "id": id}


def _read_model(path: Path) -> Model:
    model = load_model(path)
    try:
        task.check_model(model)
    except ModelFileError as error:
        raise ModelFileError(f"{path}: {error}; copy it again or train again") from error
    return model


def read_verdict(folder: Path) -> str:
    """The verdict in ``metrics.json``; "" where the file is missing.

    Raises:
        ModelFileError: the file is damaged.
    """
    path = folder / METRICS
    if not path.is_file():
        return ""
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["verdict"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelFileError(f"{path}: damaged ({error}); copy it again or train again") from error
