"""Scores of a trained model beside its baselines', and what they were computed on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import fmean, stdev
from typing import Any, Literal, NamedTuple

from elman.learning.figure import Drawing

Columns = dict[str, list[Any]]
"""A table: the values of each column, numbers or text, in the order of the rows. None or NaN: no value."""


class Metric(NamedTuple):
    """A score's name, and which way is better."""

    name: str
    better: Literal["lower", "higher"] = "lower"


@dataclass(frozen=True)
class Breakdown:
    """One score, part by part of the test, less being better.

    Args:
        title: what is scored, and what the parts are.
        columns: whose scores: the model's, and the baselines', as they are called in text.
        rows: a part's name, and a score for each column; NaN where there is none.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[float, ...]], ...]

    def mean(self) -> list[tuple[float, float]]:
        """Of each column the mean over the parts that have a score, and their standard deviation, of a sample; NaN
        where there are too few.

        >>> Breakdown("MAE by year", ("gru",), (("2019", (1.0,)), ("2020", (3.0,)))).mean()
        [(2.0, 1.4142135623730951)]
        """
        found = []
        for column in zip(*(values for _, values in self.rows), strict=True):
            known = [value for value in column if not math.isnan(value)]
            found.append((fmean(known) if known else math.nan, stdev(known) if len(known) > 1 else math.nan))
        return found


@dataclass(frozen=True)
class Evaluation:
    """Scores on a test, beside the baselines'.

    Args:
        title: the test, in one line.
        metrics: the names of the scores, in order.
        scores: metric → value; NaN where there is none.
        baselines: baseline → metric → value.
        labels: baseline → its name in text; ``model`` → the model's, where it is more than its cell.
        facts: further entries of ``metrics.json`` (``test_size``, ``windows``, ``season`` …).
        verdict: the comparison in one sentence.
        rows: ``predictions.csv``.
        figures: to be drawn by the report.
        worst: where the model was furthest off, the worst first, for the report.
        notes: further facts for the reader, a sentence each.
        tables: further tables of the run folder, by file name.
        breakdown: a score part by part, where the test has parts.
    """

    title: str
    metrics: tuple[Metric, ...]
    scores: Mapping[str, float]
    baselines: Mapping[str, Mapping[str, float]]
    labels: Mapping[str, str]
    facts: Mapping[str, Any]
    verdict: str
    rows: Columns = field(default_factory=dict, repr=False)
    figures: tuple[Drawing, ...] = ()
    worst: Columns = field(default_factory=dict, repr=False)
    notes: tuple[str, ...] = ()
    tables: Mapping[str, Columns] = field(default_factory=dict, repr=False)
    breakdown: Breakdown | None = None
