"""What a task hands to the floors above it: examples to learn from, scores with their baselines, data to draw."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from elman.model import Layer, Model

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
    """One curve: ``y`` over ``x``, broken where ``y`` is NaN, and optionally a band from ``lower`` to ``upper``."""

    label: str
    x: Array
    y: Array
    role: str = "other"  # truth | model | baseline | other: the report chooses colours by role
    lower: Array | None = None
    upper: Array | None = None


@dataclass(frozen=True)
class Figure:
    """Data of one picture; the report draws it. ``name`` is the file's stem.

    ``x`` values are numbers, or datetime64 for a time axis. ``marks`` are vertical lines: (x, label).
    ``y_scale`` is linear or log; ``y_min`` is where the vertical axis begins, by default where the data do.
    """

    name: str
    title: str
    x_label: str
    y_label: str
    lines: tuple[Line, ...]
    marks: tuple[tuple[Any, str], ...] = ()
    note: str = ""
    y_scale: str = "linear"
    y_min: float | None = None


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


class Problem(ABC):
    """One training job as a task sees it: its data, and every choice made on them. It does not train.

    Training fits the examples of :meth:`split`, has the model measured by :meth:`evaluate`, and then fits
    :meth:`everything` for as many epochs again.
    """

    layers: tuple[Layer, ...]
    silent_head: bool
    """Whether an output of zero is already a good answer, so that training should begin there."""

    @abstractmethod
    def fingerprint(self) -> bytes:
        """Data and choices, digested: a checkpoint of another problem must not be continued."""

    @abstractmethod
    def split(self) -> tuple[Examples, Examples | None]:
        """Examples to fit, and examples to validate on (None: too few to divide). Nothing from the test is in them."""

    @abstractmethod
    def tested(self, arrays: dict[str, Array]) -> Model:
        """The model with weights that were fitted on :meth:`split`."""

    @abstractmethod
    def evaluate(self, model: Model) -> Evaluation | None:
        """Measure :meth:`tested` on the test; None if nothing was held back."""

    @abstractmethod
    def everything(self) -> Examples:
        """All examples, the test's included."""

    @abstractmethod
    def final(self, arrays: dict[str, Array]) -> Model:
        """The model with weights that were fitted on :meth:`everything`."""
