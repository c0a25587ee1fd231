"""A comparison's tables and pictures, from its record."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from elman.learning import Figure, Line
from elman.report.grid import Grid
from elman.report.study import Study
from elman.report.tables import MISSING, shown
from elman.studies.statistics import spread

Record = dict[str, Any]


def study_of(record: Record, command: str, mismatch: float) -> Study:
    """The comparison as tables and pictures.

    Args:
        record: what :func:`elman.studies.compare.summary.summary` gives.
        command: what makes it again.
        mismatch: how far recurrent parameters are apart at most, as a share.
    """
    return Study(
        title=f"{record['task']}: {', '.join(record['cells'])}",
        conclusions=record["conclusions"],
        grids=[_scores(record), _learning(record), _gradients(record), _sizes(record), _times(record)],
        figures=figures(record),
        notes=_notes(record, mismatch),
        command=command,
    )


def _sizes(record: Record) -> Grid:
    rows = [
        (
            cell,
            str(row["hidden_size"]),
            f"{len(row['gates'])}" + (f" ({' '.join(row['gates'])})" if row["gates"] else ""),
            f"{len(row['states'])} ({' '.join(row['states'])})",
            str(row["recurrent_parameters"]),
            str(row["parameters"]),
            str(row["multiply_adds"]),
        )
        for cell, row in record["cells"].items()
    ]
    heads = (
        "",
        "hidden size",
        "gates and candidates",
        "states",
        "recurrent parameters",
        "all parameters",
        "multiply-adds a step",
    )
    return Grid("Sizes, counted", heads, rows)


def _scores(record: Record) -> Grid:
    metrics = [name for name, _ in record["metrics"]]
    rows = [
        (cell, _spread(row["validation"]), *(_spread(row["test"][metric]) for metric in metrics))
        for cell, row in record["cells"].items()
    ]
    rows += [
        (label, MISSING, *(shown(row[metric]) for metric in metrics)) for label, row in record["baselines"].items()
    ]
    seeds = record["seeds"]
    title = f"Scores: mean ± standard deviation over {seeds} {'seed' if seeds == 1 else 'seeds'}"
    notes = [record["test"]] if record["test"] else ["There was no test."]
    return Grid(title, ("", record["validation"], *(f"test {metric}" for metric in metrics)), rows, notes)


def _learning(record: Record) -> Grid:
    rows = []
    for cell, row in record["cells"].items():
        gaps = [
            None if None in (train, held) else held - train
            for train, held in zip(row["training_loss"], row["validation_loss"], strict=True)
        ]
        texts = (_spread(row["training_loss"]), _spread(row["validation_loss"]), _spread(gaps))
        rows.append((cell, *texts, _range(row["best_epoch"]), _range(row["updates"])))
    return Grid("Learning", ("", "training loss", "validation loss", "gap", "best epoch", "updates"), rows)


def _gradients(record: Record) -> Grid:
    kinds = [(when, name) for name in ("output", "state") for when in ("before", "after")]
    rows = [
        (cell, *(_lags(row["half_life"][when][name], row["gradient"][when][name]) for when, name in kinds))
        for cell, row in record["cells"].items()
    ]
    heads = ("", "of h, before training", "after", "of the state, before training", "after")
    return Grid("Half-life of the gradient, in steps", heads, rows)


def _times(record: Record) -> Grid:
    first = record["times"][record["reference"]]
    rows = []
    for cell, row in record["times"].items():
        trained, stepped = row["path"]
        rows.append((cell, _ratio(row["epoch_ratio"]), _ratio(row["step_ratio"]), trained, stepped))
    note = f"{record['reference']}: {shown(first['epoch'])} s an epoch"
    if first["step"] is not None:
        note += f", {shown(1e6 * first['step'])} µs a step"
    heads = ("", "epoch", "step", "trained by", "step by")
    return Grid(f"Times, as ratios to {record['reference']}", heads, rows, [f"{note}."])


LOSSES = (
    "Loss and gap (validation minus training) are of the model as it is saved, without dropout. The half-life is the "
    "first lag k at which ‖∂loss/∂h(T−k)‖ is less than half of that at k = 0, before training and after; that of the "
    "state takes all of a cell's states together, such as h and c."
)
TIMES = (
    "Times are measured alone, the cells in turn: an update times the updates in an epoch, and one step of one row "
    "through the recurrent layers, on NumPy arrays."
)


def _notes(record: Record, mismatch: float) -> list[str]:
    reference = record["reference"]
    matched = {
        "hidden": f"All cells have the hidden size of {reference}; their parameters differ.",
        "parameters": f"Hidden sizes are chosen so that recurrent parameters match those of {reference}: within "
        f"{mismatch:.1%}.",
    }[record["match"]]
    epochs, updates = record["epochs"], record["updates_in_epoch"]
    unit = "epoch" if epochs == 1 else "epochs"
    asked = "" if record["budget"] is None else f", of a budget of {record['budget']}"
    length = (
        f"Each run has at most {epochs * updates} updates{asked}: {epochs} {unit} of {updates}, with the same data in "
        "the same order for all cells of a seed. The epoch with the best validation score is kept; nothing is fitted "
        "on the test."
    )
    return [matched, length, record["rule"], LOSSES, TIMES]


def figures(record: Record) -> list[Figure]:
    """The validation score by epoch, and the gradient by lag before and after training."""
    found = []
    curves = {cell: row["curve"] for cell, row in record["cells"].items() if row["curve"]}
    if curves:
        lines = [Line(cell, np.arange(1, len(curve) + 1), np.array(curve), "model") for cell, curve in curves.items()]
        title = f"{record['validation'].capitalize()} by epoch, mean over seeds"
        found.append(Figure("validation", title, "epoch", record["validation"], tuple(lines), y_scale="log"))
    for when in ("before", "after"):
        profiles = {cell: row["gradient"][when]["state"] for cell, row in record["cells"].items()}
        lines = [Line(cell, np.arange(len(profile)), np.array(profile), "model") for cell, profile in profiles.items()]
        found.append(
            Figure(
                f"gradient_{when}",
                f"How much of the gradient survives k steps back, {when} training",
                "k",
                "‖∂loss/∂state(T−k)‖ / ‖∂loss/∂h(T)‖",
                tuple(lines),
                y_scale="log",
            )
        )
    return found


def _spread(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return MISSING
    mean, deviation = spread(known)
    return shown(mean) if math.isnan(deviation) else f"{shown(mean)} ± {deviation:.2g}"


def _range(values: Sequence[int]) -> str:
    low, high = min(values), max(values)
    return f"{low}" if low == high else f"{low} to {high}"


def _lags(half_life: int | None, profile: Sequence[float]) -> str:
    return f"> {len(profile) - 1}" if half_life is None else str(half_life)


def _ratio(value: float | None) -> str:
    return MISSING if value is None else f"{value:.2f}"
