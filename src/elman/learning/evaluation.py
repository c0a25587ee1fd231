"""What was measured of a trained model, on what, beside which baselines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from elman.learning.figure import Figure

Columns = dict[str, list[Any]]
"""A table: the values of each column, numbers or text, in the order of the rows. None or NaN: no value."""


class Metric(NamedTuple):
    """A score's name, and which way is better."""

    name: str
    better: Literal["lower", "higher"] = "lower"


@dataclass(frozen=True)
class Evaluation:
    """What was measured, on what, beside which baselines.

    Args:
        title: what was measured, in a line.
        metrics: the scores there are, in order.
        scores: metric → value; NaN where there is none.
        baselines: baseline → metric → value.
        labels: what each baseline is called in words.
        facts: further entries of ``metrics.json`` (``test_size``, ``windows``, ``season`` …).
        verdict: one sentence in plain words.
        rows: ``predictions.csv``.
        figures: what there is to draw.
        notes: what else is to be known of it, a sentence each.
    """

    title: str
    metrics: tuple[Metric, ...]
    scores: Mapping[str, float]
    baselines: Mapping[str, Mapping[str, float]]
    labels: Mapping[str, str]
    facts: Mapping[str, Any]
    verdict: str
    rows: Columns = field(default_factory=dict, repr=False)
    figures: tuple[Figure, ...] = ()
    notes: tuple[str, ...] = ()
