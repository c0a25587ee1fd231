"""Which inputs an output depends on: the gradient of each output with respect to the input of each step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from elman.learning import Example
from elman.studies.explain.inside import Inside

Array = np.ndarray
MOST, MOST_VALUES = 128, 100_000  # outputs: more are taken at even distances; and outputs times steps


@dataclass(frozen=True)
class Connectivity:
    """How much each output would change with each input.

    Args:
        outputs: what the R outputs are.
        steps: the step of the model that each is at; -1 for those of the whole sequence.
        strength: (R, T): the norm of the gradient of the output with respect to what the model reads at a step.
    """

    outputs: tuple[str, ...]
    steps: tuple[int, ...]
    strength: Array


def connectivity_of(
    inside: Inside,
    example: Example,
    labels: Sequence[str],
    on_share: Callable[[float], None] | None = None,
    values: int | None = None,
) -> Connectivity:
    """Gradients of the outputs themselves (for classes: of the logits), exact but for rounding.

    With an output at every step, it is that of the likeliest class, or the first value, at each.

    Args:
        labels: what the model's steps are called.
        values: how many of the outputs, from the first on, are values that the answer names; None: all.
    """
    output, names = inside.output, example.answer.labels
    most = max(16, min(MOST, MOST_VALUES // len(labels)))
    seeds: list[Array] = []
    outputs, steps = [], []
    if output.ndim == 2:
        chosen = output.argmax(axis=1) if example.answer.classes else np.zeros(len(output), int)
        for t in np.unique(np.linspace(0, len(output) - 1, min(most, len(output))).round().astype(int)).tolist():
            seed = np.zeros_like(output)
            seed[t, chosen[t]] = 1
            seeds.append(seed)
            outputs.append(f"{names[chosen[t] % len(names)]} at {labels[t]}")
            steps.append(t)
    else:
        for k in range(min(most, len(output) if values is None else values)):
            seeds.append(np.eye(1, len(output), k)[0])
            outputs.append(names[k % len(names)])
            steps.append(-1)
    gradients = inside.gradients(np.stack(seeds), on_share)
    squares = [np.square(gradient).sum(axis=-1) for gradient in gradients]
    return Connectivity(tuple(outputs), tuple(steps), np.sqrt(sum(squares[1:], start=squares[0])))
