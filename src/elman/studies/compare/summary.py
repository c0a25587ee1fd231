"""The runs of a comparison as its record: what ``compare.json`` holds, but for times the same however often it was
interrupted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

import numpy as np

from elman._version import __version__
from elman.studies.compare.conclusion import RULE, beside_baselines, conclude
from elman.studies.compare.plan import Plan
from elman.studies.compare.timing import Times
from elman.studies.gradients import half_life
from elman.studies.statistics import spread

Runs = Mapping[str, Sequence[dict[str, Any]]]
"""What :func:`elman.studies.compare.training.measured` gives, by cell, a record a seed."""
SIZES = ("hidden_size", "gates", "states", "parameters", "recurrent_parameters", "multiply_adds")


def summary(plan: Plan, runs: Runs, times: Mapping[str, Times]) -> dict[str, Any]:
    """All that the tables show. A figure that there is not is None."""
    first = runs[plan.reference][0]
    metrics = [name for name, _ in first["metrics"]]
    baselines = {
        first["labels"][name]: {
            metric: _mean([run["baselines"][name][metric] for run in _all(runs)]) for metric in metrics
        }
        for name in first["baselines"]
    }
    kind = f"validation {first['validation_kind']}"
    conclusions = conclude(kind, {cell: [run["validation"] for run in records] for cell, records in runs.items()})
    if metrics:
        name, better = first["metrics"][0]
        scores = {
            cell: [r["test"][name] for r in records if r["test"][name] is not None] for cell, records in runs.items()
        }
        known = {label: value for label, row in baselines.items() if (value := row[name]) is not None}
        conclusions += beside_baselines(name, better, scores, known)
    return {
        "elman": __version__,
        "task": plan.task.name,
        "reference": plan.reference,
        "match": plan.match,
        "seeds": plan.seeds,
        "budget": plan.budget,
        "epochs": plan.epochs,
        "updates_in_epoch": plan.updates,
        "test": _common([run["title"] for run in _all(runs)]),
        "metrics": first["metrics"],
        "validation": kind,
        "cells": {cell: _cell(records, metrics) for cell, records in runs.items()},
        "baselines": baselines,
        "rule": RULE,
        "conclusions": conclusions,
        "times": {cell: {**found._asdict(), "path": list(found.path)} for cell, found in times.items()},
    }


def _cell(records: Sequence[dict[str, Any]], metrics: Sequence[str]) -> dict[str, Any]:
    gradient = {
        when: {name: _profile([record["gradient"][when][name] for record in records]) for name in ("output", "state")}
        for when in ("before", "after")
    }
    return {
        **{name: records[0][name] for name in SIZES},
        "updates": [record["updates"] for record in records],
        "best_epoch": [record["best_epoch"] for record in records],
        "validation": [record["validation"] for record in records],
        "test": {metric: [record["test"][metric] for record in records] for metric in metrics},
        "training_loss": [record["losses"]["training"] for record in records],
        "validation_loss": [record["losses"]["validation"] for record in records],
        "curve": _profile([record["curve"] for record in records]),
        "gradient": gradient,
        "half_life": {
            when: {name: half_life(profile) for name, profile in found.items()} for when, found in gradient.items()
        },
    }


def _all(runs: Runs) -> list[dict[str, Any]]:
    return [record for records in runs.values() for record in records]


def _common(titles: Sequence[str]) -> str:
    """What all the runs' titles begin with: the data, not how one of the models did."""
    parts = zip(*(title.split("; ") for title in titles), strict=False)
    return "; ".join(part[0] for part in takewhile(lambda part: len(set(part)) == 1, parts))


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return spread(known).mean if known else None


def _profile(profiles: Sequence[Sequence[float | None]]) -> list[float]:
    """The mean over the seeds, as far as the shortest goes; empty where a figure is missing."""
    count = min(map(len, profiles))
    whole = [profile[:count] for profile in profiles]
    if any(value is None for profile in whole for value in profile):
        return []
    return [float(value) for value in np.mean(np.array(whole, np.float64), axis=0)]
