"""What there is to draw of predictions beside the truth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from elman.learning import Figure, Line
from elman.tasks.regress.record import Record
from elman.tasks.regress.scores import Told, labels_of

Array = np.ndarray
BEYOND = "inputs outside the range of training"
MOST_BORDERS = 100
FEW, MOST = 400, 2000  # steps to draw: sequences are added up to so many, and history before what is scored


class Strip(NamedTuple):
    """Sequences laid one after another, the first target: each (S,).

    Args:
        x: what they are drawn over.
        scored: bool, which steps are scored.
        outside: bool, which have inputs outside the range of training.
        borders: where a sequence begins, but the first.
    """

    x: Array
    x_label: str
    truth: Array
    model: Array
    linear: Array
    scored: Array
    outside: Array
    borders: Array


def figures_of(record: Record, told: Sequence[Told]) -> tuple[Figure, ...]:
    """The test, and for sequences with a target at every step the error at each position in them."""
    if record.last:
        return (_sorted_figure(record, told),)
    return (
        follow_figure(record, told, "test", "Test", "test begins"),
        _error_figure([one for one in told if one.start < len(one.truth)]),
    )


def follow_figure(record: Record, told: Sequence[Told], name: str, title: str, border: str) -> Figure:
    """Prediction against truth, step by step, where what is scored begins, borders and extrapolation marked.

    Args:
        border: what the first scored step is called; "" for no mark.
    """
    if record.last:
        return _sorted_figure(record, told, name, title)
    shown = _chosen(record, told)
    strip = _strip(record, shown)
    x = strip.x
    begins = int(np.argmax(strip.scored))
    borders = [k for k in strip.borders if not (border and k == begins)][:MOST_BORDERS]
    marks = [(x[k], "" if n else "border") for n, k in enumerate(borders)]
    if begins and border:
        marks.append((x[begins], border))
    scored = sum(one.start < len(one.truth) for one in told)
    drawn = sum(one.start < len(one.truth) for one in shown)
    more = f" (first {drawn} of {scored} sequences)" if drawn < scored else ""
    several = len(shown) > 1 and not record.carry
    linear = np.where(strip.scored, strip.linear, np.nan)
    return Figure(
        name,
        f"{title}: {record.targets[0]}{more}",
        strip.x_label,
        record.targets[0],
        (
            Line("truth", x, strip.truth, "truth"),
            Line(labels_of(record.last)["linear"], x, linear, "baseline"),
            Line("model", x, strip.model, "model"),
        ),
        marks=tuple(marks),
        note="sequences laid one after another; the state begins anew at each border" if several else "",
        shaded=_stretches(x, strip.outside),
        shaded_label=BEYOND,
    )


def _chosen(record: Record, told: Sequence[Told]) -> list[Told]:
    """All sequences where the state is carried; else the first ones of those scored."""
    if record.carry:
        return list(told)
    scored = [one for one in told if one.start < len(one.truth)]
    shown, steps = scored[:1], len(scored[0].truth)
    for one in scored[1:]:
        steps += len(one.truth)
        if one.start or steps > FEW:
            break
        shown.append(one)
    return shown


def _strip(record: Record, shown: Sequence[Told]) -> Strip:
    scored = np.concatenate([np.arange(len(one.truth)) >= one.start for one in shown])
    begins = np.cumsum([len(one.truth) for one in shown])[:-1]
    first = int(np.argmax(scored))
    history = 2 * (len(scored) - first)
    if not (begins < first).any():  # nothing but one curve, whose whole course tells something
        history = max(history, MOST // 2)
    left = max(0, first - history)
    window = slice(left, left + MOST)
    inputs = np.concatenate([one.inputs for one in shown])[window]
    x, x_label = np.arange(len(scored))[window], "step"
    if inputs.shape[1] == 1 and (np.diff(inputs[:, 0]) > 0).all():
        x, x_label = inputs[:, 0], record.inputs[0]  # a curve: over what it is a curve of
    return Strip(
        x=x,
        x_label=x_label,
        truth=np.concatenate([one.truth[:, 0] for one in shown])[window],
        model=np.concatenate([one.predictions["model"][:, 0] for one in shown])[window],
        linear=np.concatenate([one.predictions["linear"][:, 0] for one in shown])[window],
        scored=scored[window],
        outside=np.concatenate([one.outside.any(axis=1) for one in shown])[window],
        borders=begins[(begins > left) & (begins < left + len(x))] - left,
    )


def _stretches(x: Array, flags: Array) -> tuple[tuple[float, float], ...]:
    """Where ``flags`` are true, as stretches of ``x``, each half a step longer at both ends."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(int), [0]])))
    half = float(np.median(np.diff(x))) / 2 if len(x) > 1 else 0.5
    return tuple((float(x[a]) - half, float(x[b - 1]) + half) for a, b in edges.reshape(-1, 2))


def _sorted_figure(record: Record, told: Sequence[Told], name: str = "test", title: str = "Test") -> Figure:
    """One target a sequence: the sequences in the order of their true values."""
    known = [one for one in told if not np.isnan(one.truth[0, 0])]
    known = sorted(known, key=lambda one: float(one.truth[0, 0]))[: 10 * MOST]
    rank = np.arange(len(known))
    outside = np.array([bool(one.outside.any()) for one in known])
    return Figure(
        name,
        f"{title}: {record.targets[0]}",
        "sequences, in the order of their true values",
        record.targets[0],
        (
            Line("truth", rank, np.array([one.truth[0, 0] for one in known]), "truth"),
            Line(
                labels_of(record.last)["linear"],
                rank,
                np.array([one.predictions["linear"][0, 0] for one in known]),
                "baseline",
            ),
            Line("model", rank, np.array([one.predictions["model"][0, 0] for one in known]), "model"),
        ),
        shaded=_stretches(rank, outside) if len(known) else (),
        shaded_label=BEYOND,
    )


def _error_figure(scored: Sequence[Told]) -> Figure:
    """Mean absolute error at each position in the sequences."""
    first, end = min(one.start for one in scored), max(len(one.truth) for one in scored)
    lines = []
    for name, label in {"model": "model", **labels_of(False)}.items():
        total, count = np.zeros(end), np.zeros(end)
        for one in scored:
            error = np.abs(one.error(name)).mean(axis=1)
            known = ~np.isnan(error)
            total[one.start : len(one.truth)] += np.where(known, error, 0)
            count[one.start : len(one.truth)] += known
        mean = np.divide(total, count, out=np.full(end, np.nan), where=count > 0)
        role = "model" if name == "model" else "baseline"
        lines.append(Line(label, np.arange(first, end), mean[first:], role))
    return Figure(
        "error_by_position",
        "Error by position in the sequence",
        "step of the sequence",
        "mean absolute error",
        tuple(lines),
        y_min=0,
    )
