"""Predictions beside the truth, scored; and what they are worth, in plain words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from elman.learning import Columns, Metric
from elman.learning.verdict import Contest

Array = np.ndarray
METRICS = (Metric("mae"), Metric("mse"), Metric("rmse"))
BASELINES = ("mean", "linear")
WORST = 12
UNITS = 20  # stretches of steps whose errors are compared, where there are few sequences


@dataclass(frozen=True)
class Told:
    """What was told of one sequence of T steps.

    Args:
        id: its name.
        number: its place among those of its source.
        start: the first step that is scored; those before were read only.
        labels: (T,) what the steps are called.
        inputs: (T, I).
        truth: (T, K), NaN where unknown.
        predictions: ``"model"`` and each baseline: (T, K).
        outside: (T, I) bool, which inputs lie outside the range of training.
        last: whether its last step alone has a target: (1, K) then, as of one step.
    """

    id: str
    number: int
    start: int
    labels: tuple[str, ...]
    inputs: Array
    truth: Array
    predictions: dict[str, Array]
    outside: Array
    last: bool = False

    def error(self, name: str) -> Array:
        """Predicted less true at the steps scored, (n, K)."""
        return np.asarray((self.predictions[name] - self.truth)[self.start :])


def labels_of(last: bool) -> dict[str, str]:
    """What each baseline is called; ``last``: there is one target for a whole sequence."""
    return {"mean": "mean of the target", "linear": f"linear in the {'last ' if last else ''}step's inputs"}


def score(told: Sequence[Told], name: str, target: int | None = None) -> dict[str, float]:
    """Every metric of the predictions ``name``, over all known values, or those of one target; NaN without any."""
    errors = np.concatenate([one.error(name) for one in told])
    errors = errors if target is None else errors[:, target]
    errors = errors[~np.isnan(errors)]
    if not len(errors):
        return dict.fromkeys((metric.name for metric in METRICS), math.nan)
    mse = float(np.mean(np.square(errors)))
    return {"mae": float(np.abs(errors).mean()), "mse": mse, "rmse": math.sqrt(mse)}


def verdict(told: Sequence[Told]) -> str:
    """One sentence: the model against the baseline of the smaller mean absolute error.

    A sign test counts whole sequences, or where there are fewer than 20, stretches of their steps.
    """
    scores = {name: score(told, name)["mae"] for name in ("model", *BASELINES)}
    if math.isnan(scores["model"]):
        return "Nothing could be scored: no target of the test is known."
    rival = min(BASELINES, key=scores.__getitem__)
    stretches = 1 if told[0].last else math.ceil(UNITS / len(told))
    gains = np.array([gain for one in told for gain in _gains(one, rival, stretches)])
    wins, losses = int((gains > 0).sum()), int((gains < 0).sum())
    units = "sequences" if stretches == 1 else "stretches of steps"
    label = labels_of(told[0].last)[rival]
    return Contest("mae", scores["model"], label, scores[rival], wins, losses, units).verdict()


def _gains(one: Told, rival: str, stretches: int) -> list[float]:
    """By how much the model's absolute errors are smaller than the rival's, summed over each stretch."""
    gain = np.nansum(np.abs(one.error(rival)) - np.abs(one.error("model")), axis=1)
    return [float(part.sum()) for part in np.array_split(gain, min(stretches, len(gain)))]


def worst_steps(targets: Sequence[str], told: Sequence[Told]) -> Columns:
    """The predictions furthest off, one a stretch of neighbouring steps; several targets in units of their spread."""
    found = []
    for one in told:
        error = np.abs(one.error("model"))
        spread = np.nanstd(one.truth, axis=0) if len(targets) > 1 else np.ones(1)
        scaled = np.nan_to_num(error / np.where(spread > 0, spread, 1))
        for part in np.array_split(np.arange(len(scaled)), min(len(scaled), WORST)):
            step, target = divmod(int(scaled[part].argmax()), len(targets))
            k = int(part[step])
            found.append((float(scaled[k, target]), one, one.start + k, target))
    found.sort(key=lambda row: -row[0])
    worst = [row for row in found if row[0] > 0][:WORST]
    return {
        "id": [one.id for _, one, _, _ in worst],
        "step": [len(one.inputs) - 1 if one.last else step for _, one, step, _ in worst],
        "ds": [one.labels[step] for _, one, step, _ in worst],
        "target": [targets[target] for _, _, _, target in worst],
        "y": [float(one.truth[step, target]) for _, one, step, target in worst],
        "prediction": [float(one.predictions["model"][step, target]) for _, one, step, target in worst],
    }
