"""Scores of a forecast's parts: its members, its intervals, each series; and the words for them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from elman.learning import Columns
from elman.tasks.forecast.baselines import BASELINES
from elman.tasks.forecast.linears import PREFIX
from elman.tasks.forecast.plan import LINEAR, NETWORK
from elman.tasks.forecast.pretrained import PREFIX as PRETRAINED
from elman.tasks.forecast.pretrained import TUNED
from elman.tasks.forecast.scores import METRICS, QUANTILE_LOSS, Rolling, mean_scores, quantile_loss, scores_of
from elman.tasks.forecast.smoothing import PREFIX as SMOOTHING

Array = np.ndarray
SHOWN_MEMBERS = 3
SMOOTHINGS = {
    "level": "smoothing without a trend",
    "trend": "smoothing with a trend",
    "damped": "smoothing with a damped trend",
    "airline": "the airline model",
    "double": "smoothing with two seasons",
}
NO_INTERVALS = (
    "No prediction intervals: no errors were held out to measure them by (`validation`), or none were asked for "
    "(`intervals`)."
)


def label_of(member: str) -> str:
    """A member of the combination in words.

    >>> label_of("network"), label_of("168"), label_of("168 x 24")
    ('the network', 'season 168', 'season 168 times the change of the last 24')
    >>> label_of("linear: seasonal log 24")
    'a regression on 24 steps (level seasonal, of logarithms)'
    >>> label_of("smoothing: damped log first")
    'smoothing with a damped trend (of logarithms, by the next step)'
    >>> label_of("pretrained: log")
    'the network trained beforehand (of logarithms)'
    >>> label_of("fine-tuned: none")
    'the network trained beforehand, fine-tuned'
    """
    if member == NETWORK:
        return "the network"
    if member == LINEAR:
        return "its linear part"
    if member.startswith(PREFIX):
        level, transform, window = member.removeprefix(PREFIX).split(" ")
        taken = [*([f"level {level}"] if level != "none" else []), *(["of logarithms"] if transform == "log" else [])]
        return f"a regression on {window} steps" + (f" ({', '.join(taken)})" if taken else "")
    if member.startswith((PRETRAINED, TUNED)):
        tuned = ", fine-tuned" if member.startswith(TUNED) else ""
        return f"the network trained beforehand{tuned}" + (" (of logarithms)" if member.endswith("log") else "")
    if member.startswith(SMOOTHING):
        form, transform, leads = member.removeprefix(SMOOTHING).split(" ")
        taken = [
            *(["of logarithms"] if transform == "log" else []),
            *(["by the next step"] if leads == "first" else []),
        ]
        return SMOOTHINGS[form] + (f" ({', '.join(taken)})" if taken else "")
    if member == "last":
        return "the last value"
    if member.startswith("mean of "):
        return f"three seasons of {member.removeprefix('mean of ')}"
    season, how, stretch = (*member.split(" "), "", "")[:3]
    change = {"+": " plus", "x": " times"}.get(how)
    return f"season {season}" + (f"{change} the change of the last {stretch}" if change else "")


def member_scores(rollings: Sequence[Rolling]) -> dict[str, dict[str, float]]:
    """Every metric of each member's own forecasts, over the series that have it in each window."""
    names = dict.fromkeys(name for rolling in rollings for name in rolling.members)
    found = {}
    for name in names:
        rows = [scores_of(r, r.members[name]) for r in rollings if name in r.members]
        found[name] = mean_scores([row for row in rows if not math.isnan(row["mae"])] or rows)
    return found


def members_text(members: Mapping[str, Mapping[str, float]]) -> list[str]:
    """A line on the members, the best first."""
    if len(members) < 2:
        return []
    metric = "mae" if any(math.isnan(scores["mase"]) for scores in members.values()) else "mase"
    order = sorted(members, key=lambda name: members[name][metric])
    shown = order[:SHOWN_MEMBERS] + ([NETWORK] if NETWORK in order[SHOWN_MEMBERS:] else [])
    texts = ", ".join(f"{label_of(name)} {members[name][metric]:.3g}" for name in shown)
    return [f"Members of the combination alone, {metric.upper()}: {texts}"]


def interval_scores(rollings: Sequence[Rolling]) -> dict[str, dict[str, Any]]:
    """Level → ``coverage`` of the test's values, ``by_lead`` the same at each lead time, ``width`` (mean, in units of
    each series' naive error), and ``msis``, the mean scaled interval score of the M4 competition; and over all levels
    and the forecast itself the ``weighted_quantile_loss``.
    """
    found: dict[str, dict[str, Any]] = {}
    for level in rollings[0].bounds:
        penalty = 2 / (1 - float(level) / 100)
        inside, known, scores, widths = [], [], [], []
        for rolling in rollings:
            low, high = rolling.bounds[level]
            y, ok = rolling.actual, ~np.isnan(rolling.actual)
            with np.errstate(invalid="ignore"):
                inside.append(((y >= low) & (y <= high) & ok).sum(axis=0))
                score = high - low + penalty * (np.maximum(low - y, 0) + np.maximum(y - high, 0))
            known.append(ok.sum(axis=0))
            if ok.any() and rolling.naive_error == rolling.naive_error:
                scores.append(score[ok].mean() / rolling.naive_error)
                widths.append((high - low)[ok].mean() / rolling.naive_error)
        hits, counts = np.sum(inside, axis=0), np.sum(known, axis=0)
        with np.errstate(invalid="ignore"):
            by_lead = (hits / counts).tolist()
        found[level] = {
            "coverage": float(hits.sum() / counts.sum()) if counts.sum() else math.nan,
            "by_lead": by_lead,
            "msis": float(np.mean(scores)) if scores else math.nan,
            "width": float(np.mean(widths)) if widths else math.nan,
        }
    if found:
        found["all"] = {"weighted_quantile_loss": quantile_loss(rollings)}
    return found


def intervals_text(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A line on what the intervals covered."""
    if not found:
        return [NO_INTERVALS]
    parts = [f"{level} %: {own['coverage']:.1%}" for level, own in found.items() if level != "all"]
    return ["Prediction intervals covered, of the test's values, at " + ", ".join(parts)]


def scores_by_series(rollings: Sequence[Rolling]) -> Columns:
    """``scores.csv``: a row a series, the model's metrics and each baseline's MAE."""
    rows = [scores_of(rolling, rolling.forecasts["model"]) for rolling in rollings]
    table: Columns = {"unique_id": [rolling.id for rolling in rollings]}
    table |= {metric: [row[metric] for row in rows] for metric in METRICS}
    if rollings[0].bounds:
        table[QUANTILE_LOSS] = [quantile_loss([rolling]) for rolling in rollings]
    for name in BASELINES:
        table[f"mae_{name}"] = [scores_of(rolling, rolling.forecasts[name])["mae"] for rolling in rollings]
    return table
