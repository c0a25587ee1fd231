"""``elman evaluate``, ``predict`` and ``info`` on a trained run, without torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from elman import atomic, jsontext
from elman._version import __version__
from elman.errors import ModelFileError, SettingsError
from elman.kernels import thread_count
from elman.recurrence import backends
from elman.report.tables import evaluation_text
from elman.runs import files
from elman.runs.estimator import Estimator
from elman.runs.task import FindTask
from elman.runs.writing import WritingSettings
from elman.settings import from_record

WHICH = {
    "final": "Model: the run's final one, fitted on all its training data, and not on what is scored here.",
    "tested": "Model: the one fitted before the run's test, since the final one was fitted on what is scored here.",
}


def load(folder: Path | str, find_task: FindTask) -> Estimator:
    """The estimator in a run folder, whatever its task.

    Raises:
        ModelFileError: there is no run in ``folder``, or it is damaged.
    """
    path = Path(folder) / files.SETTINGS
    try:
        task = find_task(str(files.read_json(path).get("task")))
    except SettingsError as error:
        raise ModelFileError(f"{path}: damaged ({error}); copy it again or train again") from error
    return task.estimator.load(folder)


def evaluate(
    estimator: Estimator, data: Any, columns: Mapping[str, Any], out: Path | None = None, *, adapt: bool = False
) -> str:
    """The scores of a run on ``data`` as text; as JSON in ``out`` if given.

    Args:
        adapt: show beside them those of a model that learns from each step once it has been scored.
    """
    evaluation = estimator.evaluate(data, adapt=adapt, **columns)
    if out is not None:
        record = {"test": dict(evaluation.scores), "baselines": {k: dict(v) for k, v in evaluation.baselines.items()}}
        record |= {**evaluation.facts, "verdict": evaluation.verdict}
        atomic.write_text(out, jsontext.dumps(files.without_nan(record), indent=2) + "\n")
    return evaluation_text(estimator.model.cell(), evaluation) + "\n" + WHICH[str(evaluation.facts["model"])]


def predict(
    estimator: Estimator, data: Any, columns: Mapping[str, Any], out: Path | None = None
) -> tuple[str, list[str]]:
    """The model's answers for ``data`` as CSV text, or written to ``out``, and a line on that; and remarks on them."""
    dataset = estimator.read(data, **columns)
    table, remarks = estimator.predict(dataset), estimator.outcome.final.remarks(dataset)
    if out is None:
        return files.csv_text(table).rstrip("\n"), remarks
    files.write_csv(out, table)
    return f"{out}: {len(next(iter(table.values()), []))} rows", remarks


def generate(estimator: Estimator, settings: Mapping[str, Any]) -> Iterator[str]:
    """What a run's model writes, a piece at a time, the prompt first.

    Raises:
        SettingsError: its task does not write, or a setting is out of range.
        DataError: a prompt that the model cannot read.
    """
    chosen = from_record(WritingSettings, settings)
    return chain([chosen.prompt or ""], estimator.writes(chosen))


def save_text(path: Path, pieces: Iterable[str]) -> int:
    """Write pieces to a file, all or nothing; how many characters they have."""
    text = "".join(pieces)
    atomic.write_text(path, text)
    return len(text)


def info() -> str:
    """Version, native core and threads."""
    return "\n".join(
        [
            f"elman {__version__}",
            f"native core: {backends.native_status()}",
            f"threads: {thread_count()} (in training, those of torch; ELMAN_NUM_THREADS goes before both)",
        ]
    )


def describe(estimator: Estimator, folder: Path) -> str:
    """A run's model, and the verdict of its test."""
    model = estimator.model
    lines = [
        f"{folder}: {model.task}, {model.cell()}",
        f"{model.parameter_count()} parameters, {model.recurrent_parameter_count()} of them recurrent",
        *estimator.outcome.final.describe(),
        str(files.read_json(folder / files.METRICS).get("verdict", "")),
    ]
    return "\n".join(line for line in lines if line)
