"""What there is to draw of a classifier's test: the confusion matrix, the reliability, the worst mistakes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from elman.data import Sequences
from elman.learning import Columns, Drawing, Figure, Gallery, Line, Matrix, Picture
from elman.tasks.classify.calibration import reliability
from elman.tasks.classify.scores import confusion

Array = np.ndarray
WORST = 12
MOST_SYMBOLS = 60


def figures_of(test: Sequences, classes: Sequence[str], p: Array, targets: Array) -> tuple[Drawing, ...]:
    """Everything there is to draw; ``p`` (N, C) are the probabilities."""
    own = p.argmax(axis=1)
    matrix = Matrix(
        "confusion",
        f"Confusion: {int((own == targets).sum())} of {len(own)} right",
        "prediction",
        "true class",
        confusion(own, targets, len(classes)),
        tuple(classes),
    )
    found = reliability(p, targets)
    diagonal = np.linspace(0, 1, 11)
    calibration = Figure(
        "reliability",
        f"Reliability: expected calibration error {found.error:.4f}",
        "confidence",
        "accuracy",
        (
            Line("confidence that is right", diagonal, diagonal, "baseline"),
            Line("model", found.confidence, found.accuracy, "model"),
        ),
        note="of the sequences of about one confidence, the share that was right",
        y_min=0,
    )
    return (matrix, calibration, *_mistakes(test, classes, p, targets))


def worst_mistakes(test: Sequences, classes: Sequence[str], p: Array, targets: Array) -> Columns:
    """The sequences whose true class was thought least likely of those told wrongly, the worst first."""
    own, worst = p.argmax(axis=1), _worst(p, targets)
    return {
        "id": [test.ids[k] for k in worst],
        "true class": [classes[targets[k]] for k in worst],
        "prediction": [classes[own[k]] for k in worst],
        "its probability": [float(p[k, own[k]]) for k in worst],
        "the true one's": [float(p[k, targets[k]]) for k in worst],
    }


def _worst(p: Array, targets: Array) -> list[int]:
    wrong = np.flatnonzero(p.argmax(axis=1) != targets)
    truth = p[np.arange(len(p)), targets]
    return list(map(int, wrong[np.argsort(truth[wrong], kind="stable")][:WORST]))


def _mistakes(test: Sequences, classes: Sequence[str], p: Array, targets: Array) -> tuple[Gallery, ...]:
    own, worst = p.argmax(axis=1), _worst(p, targets)
    if not worst:
        return ()
    pictures = tuple(
        Picture(
            f"{test.ids[k]}: {classes[targets[k]]}, said {classes[own[k]]} ({p[k, own[k]]:.2f})",
            _values(test, k),
            is_image=test.one_unit,
        )
        for k in worst
    )
    title = f"The worst of {int((own != targets).sum())} mistakes: true class, what was said, how surely"
    return (Gallery("mistakes", title, pictures),)


def _values(test: Sequences, row: int) -> Array | str:
    """An image (height, width), curves (T, I), or the symbols as text."""
    own = test.inputs[row, : test.lengths[row]]
    if test.alphabet:
        return "".join(test.alphabet[k] for k in own[:MOST_SYMBOLS]) + ("…" if len(own) > MOST_SYMBOLS else "")
    side = round(len(own) ** 0.5)
    if test.one_unit and own.shape[1] == 1 and side * side == len(own):
        return own.reshape(side, side)
    return own
