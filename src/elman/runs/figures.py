"""The figures that every run has."""

from __future__ import annotations

import numpy as np

from elman.learning import Figure, Line
from elman.runs.fitting import Outcome


def learning_curve(outcome: Outcome) -> Figure | None:
    """Loss by epoch of the search, and the epoch whose weights were kept, where the final model had one."""
    rows = [row for row in outcome.history if row["phase"] == "search"]
    if not rows:
        return None
    epochs = np.array([row["epoch"] for row in rows])
    lines = [Line("training", epochs, np.array([row["loss"] for row in rows]), "other")]
    if rows[0]["validation_loss"] is not None:
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


def error_curve(outcome: Outcome) -> Figure | None:
    """The validation part's error by epoch of the search, where the task has one."""
    rows = [row for row in outcome.history if row["phase"] == "search" and row["validation_error"] is not None]
    if not rows:
        return None
    epochs, errors = (np.array([row[name] for row in rows]) for name in ("epoch", "validation_error"))
    return Figure(
        "error_curve",
        "Error on the validation part",
        "epoch",
        "error",
        (Line("validation", epochs, errors, "model"),),
        marks=((outcome.best_epoch, "kept"),) if outcome.best_epoch else (),
        y_min=0,
    )
