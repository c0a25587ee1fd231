"""The examples that a network learns from: windows of histories, and what follows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from elman.data import windows
from elman.learning import Examples
from elman.tasks.forecast.plan import History, Plan

Array = np.ndarray
FEWEST_EXAMPLES = 8
MOST_EXAMPLES = 50_000  # of more, windows further apart are taken


class Pairs(NamedTuple):
    """N windows as the network reads them, and what it should put out: ``(target - reference) / spread``.

    Args:
        inputs: (N, T). targets, weights, reference: (N, H); a target that was filled in has weight 0. spread: (N, 1).
        scale: (N, 1) the series' own standard deviation.
    """

    inputs: Array
    targets: Array
    weights: Array
    reference: Array
    spread: Array
    scale: Array

    def __len__(self) -> int:
        return len(self.inputs)

    def regressed(self, coefficients: Array) -> Array:
        """(N, H) what a regression of the targets with ``coefficients`` (T + 1, H), the constant's last, gives."""
        found: Array = self.inputs @ coefficients[:-1] + coefficients[-1]
        return found

    def examples(self) -> Examples:
        """For training."""
        return Examples(self.inputs[:, :, None], self.targets, sample_weight=self.weights)


class Division(NamedTuple):
    """Examples to fit, and later ones to validate on, whose targets lie from ``borders`` on; None for none."""

    fit: Pairs | None
    held_out: Pairs | None = None
    borders: Sequence[int] | None = None


def split(plan: Plan, histories: Sequence[History], validation: float) -> Division:
    """Divide the examples: no target of those to fit lies in the span of the others.

    Args:
        validation: share of each history, at its end, that the validation targets lie in; at least one horizon.

    Returns:
        all to fit where there is too little to divide, None where there is nothing.
    """
    output = plan.encoding.horizon
    for steps in ([round(validation * len(h.values)) for h in histories], [output] * len(histories)):
        if validation == 0:
            break
        borders = [len(h.values) - max(output, n) for h, n in zip(histories, steps, strict=True)]
        fit_part = pairs(plan, histories, last=borders)
        held_out = pairs(plan, histories, first=borders)
        if fit_part is not None and held_out is not None and len(fit_part) >= FEWEST_EXAMPLES:
            return Division(fit_part, held_out, borders)
    return Division(pairs(plan, histories))


def pairs(
    plan: Plan, histories: Sequence[History], *, first: Sequence[int] | None = None, last: Sequence[int] | None = None
) -> Pairs | None:
    """All pairs whose targets lie in steps ``first`` ≤ t < ``last`` of each history; None if there are none.

    Of more than :data:`MOST_EXAMPLES`, every second, third … before each history's end.
    """
    encoding = plan.encoding
    spans = []
    for k, history in enumerate(histories):
        begin = max((first[k] if first is not None else 0) - encoding.window, 0)
        spans.append((begin, last[k] if last is not None else len(history.values)))
    counts = [max(end - begin - encoding.window - encoding.horizon + 1, 0) for begin, end in spans]
    apart = max(1, -(-sum(counts) // MOST_EXAMPLES))
    found: list[tuple[Array, ...]] = []
    for history, (begin, end) in zip(histories, spans, strict=True):
        values = encoding.forward(history.values)
        parts = windows(values[begin:end], encoding.window, encoding.horizon, observed=history.observed[begin:end])
        chosen: Array = np.asarray(parts.observed.any(axis=1))
        if apart > 1:
            chosen &= (np.arange(len(chosen))[::-1] % apart) == 0
        if not chosen.any():
            continue
        encoded = encoding.encode(parts.inputs[chosen], plan.scalers[history.id])
        rows = len(encoded.inputs)
        found.append(
            (
                encoded.inputs.astype(np.float32),
                ((parts.targets[chosen] - encoded.reference) / encoded.spread).astype(np.float32),
                parts.observed[chosen].astype(np.float32),
                encoded.reference,
                np.broadcast_to(encoded.spread, (rows, 1)),
                np.full((rows, 1), max(float(history.values.std()), np.finfo(float).tiny)),
            )
        )
    return Pairs(*map(np.concatenate, zip(*found, strict=True))) if found else None
