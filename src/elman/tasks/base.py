"""What a task hands to the floors above it: examples to learn from, scores with their baselines, data to draw."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Examples:
    """Examples to learn from.

    Args:
        inputs: (N, T, I) float32.
        targets: (N, …) float32, of the shape of the model's output.
        weights: (N, …) float32 as ``targets``: how much each target counts; 0 where it is not known.
    """

    inputs: Array
    targets: Array
    weights: Array

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True)
class Line:
    """One curve: ``y`` over ``x``, and optionally a band around it."""

    label: str
    x: Array
    y: Array
    role: str = "other"  # truth | model | baseline | other: the report chooses colours by role


@dataclass(frozen=True)
class Figure:
    """Data of one picture; the report draws it. ``name`` is the file's stem.

    ``x`` values are numbers, or datetime64 for a time axis. ``marks`` are vertical lines: (x, label).
    """

    name: str
    title: str
    x_label: str
    y_label: str
    lines: tuple[Line, ...]
    marks: tuple[tuple[Any, str], ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Evaluation:
    """What was measured, on what, beside which baselines.

    Args:
        scores: metric → value.
        baselines: baseline → metric → value.
        facts: further entries of ``metrics.json`` (``test_size``, ``windows``, ``season`` …).
        verdict: one sentence in plain words.
        rows: header and rows of ``predictions.csv``.
        figures: what there is to draw.
    """

    scores: dict[str, float]
    baselines: dict[str, dict[str, float]]
    facts: dict[str, Any]
    verdict: str
    header: tuple[str, ...] = ()
    rows: list[tuple[str, ...]] = field(default_factory=list, repr=False)
    figures: tuple[Figure, ...] = ()
