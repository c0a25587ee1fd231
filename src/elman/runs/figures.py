"""The figure that every run has."""

from __future__ import annotations

import numpy as np

from elman.learning import Figure, Line
from elman.runs.fitting import Outcome


def learning_curve(outcome: Outcome) -> Figure:
    """Loss by epoch of the search, and the epoch whose weights were kept."""
    rows = [row for row in outcome.history if row["phase"] == "search"]
    epochs = np.array([row["epoch"] for row in rows])
    lines = [Line("training", epochs, np.array([row["loss"] for row in rows]), "other")]
    if rows and rows[0]["validation_loss"] is not None:
        lines.append(Line("validation", epochs, np.array([row["validation_loss"] for row in rows]), "model"))
    errors = [row["validation_error"] for row in rows]
    if errors and errors[0] is not None:
        lines.append(Line("validation error", epochs, np.array(errors).clip(min=1e-3), "baseline"))
    return Figure(
        "learning_curve",
        "Learning curve",
        "epoch",
        "loss",
        tuple(lines),
        marks=((outcome.best_epoch, "kept"),) if outcome.best_epoch else (),
        y_scale="log",
    )
