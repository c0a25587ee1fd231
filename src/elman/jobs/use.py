"""``elman evaluate``, ``predict`` and ``info``: a trained run used, without torch."""

from __future__ import annotations

import json
from pathlib import Path

from elman import atomic
from elman.jobs import runfolder
from elman.jobs.forecaster import ColumnNames
from elman.jobs.loading import load
from elman.jobs.train import summary
from elman.tasks.forecast import task

WHICH = {
    "final": "Model: the run's final one, fitted on all of its training data; it has not seen these steps.",
    "tested": "Model: the one fitted before the run's test, since the final one has seen these steps.",
}


def evaluate(run: Path, data: str, columns: ColumnNames, out: Path | None = None) -> str:
    """Score a run on the end of ``data``, in words; ``out`` takes the figures as JSON."""
    forecaster = load(run)
    names = forecaster.columns.changed(columns.target or None, columns.time, columns.id)
    which, evaluation = forecaster.choose_and_evaluate(names.read(data))
    if out is not None:
        record = {"test": evaluation.scores, "baselines": evaluation.baselines, **evaluation.facts}
        record |= {"verdict": evaluation.verdict, "model": which}
        atomic.write_text(out, json.dumps(runfolder.without_nan(record), indent=2) + "\n")
    return summary(forecaster.model.cell(), evaluation) + "\n" + WHICH[which]


def predict(run: Path, data: str, columns: ColumnNames, out: Path | None = None) -> str:
    """The forecast beyond the end of ``data`` as CSV; to ``out`` if given, and then what was written."""
    forecaster = load(run)
    names = forecaster.columns.changed(columns.target or None, columns.time, columns.id)
    series = names.read(data)
    header, rows = task.forecast_rows(series, task.forecast_beyond(forecaster.model, series))
    if out is None:
        return runfolder.csv_text(header, rows).rstrip("\n")
    runfolder.write_csv(out, header, rows)
    return f"{out}: {len(rows)} steps"


def info(run: Path | None) -> str:
    """What elman runs on here; or, of a run, what its model is."""
    import elman
    from elman.kernels import thread_count
    from elman.recurrence import backends

    if run is None:
        return "\n".join(
            [
                f"elman {elman.__version__}",
                f"native core: {backends.native_status()}",
                f"threads: {thread_count()} (in training, those of torch; ELMAN_NUM_THREADS goes before both)",
            ]
        )
    record = runfolder.read(run)
    model = record.outcome.final
    plan = model.encoding
    encoding = plan["encoding"]
    lines = [
        f"{run}: {model.task}, {model.cell()}",
        f"{model.parameter_count()} parameters, {model.recurrent_parameter_count()} of them recurrent",
        f"horizon {plan['horizon']} ({plan['strategy']}), window {encoding['window']}, season {encoding['season']}",
        f"level {encoding['level']}, scale {encoding['scale']}",
        f"series: {', '.join(list(plan['scalers'])[:10])}" + (" …" if len(plan["scalers"]) > 10 else ""),
    ]
    lines.append(runfolder.read_verdict(run))
    return "\n".join(line for line in lines if line)
