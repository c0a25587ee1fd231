"""The examples that a network learns from: windows of histories, and what follows them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from elman.data import windows
from elman.learning import Examples
from elman.model import INPUT
from elman.tasks.forecast.features import AHEAD, COLUMNS, around, encode
from elman.tasks.forecast.plan import History, Plan

Array = np.ndarray
FEWEST_EXAMPLES = 8
MOST_EXAMPLES = 50_000  # of more, windows further apart are taken
MOST_NUMBERS, FEW = 30_000_000, 2000  # of columns in all windows together; but so many windows at least


@dataclass(frozen=True, eq=False)
class Pairs:
    """N windows as the network reads them, and what it should put out: ``(target - reference) / spread``.

    Args:
        inputs: (N, T). targets, weights, reference: (N, H); a target that was filled in has weight 0. spread: (N, 1).
        scale: (N, 1) the series' own standard deviation.
        columns: (N, T, ·) the columns beside the values at each step, ``ahead`` (N, H, ·) those known beforehand;
            None without. Of both the first are at the values' level: ``level`` (C, F) of them.
    """

    inputs: Array
    targets: Array
    weights: Array
    reference: Array
    spread: Array
    scale: Array
    columns: Array | None = None
    ahead: Array | None = None
    level: tuple[int, int] = (0, 0)

    def __len__(self) -> int:
        return len(self.inputs)

    def regressed(self, coefficients: Array) -> Array:
        """(N, H) what a regression of the targets with ``coefficients`` (T + 1, H), the constant's last, gives."""
        found: Array = self.inputs @ coefficients[:-1] + coefficients[-1]
        return found

    def examples(self) -> Examples:
        """For training."""
        inputs = network_inputs(self.inputs, self.columns, self.ahead)
        return Examples(inputs, self.targets, sample_weight=self.weights)

    def every(self, apart: int) -> Pairs:
        """Every second, third … of them."""
        parts: dict[str, Any] = {name: part[::apart] for name, part in self.arrays().items()}
        return dataclasses.replace(self, **parts)

    def arrays(self) -> dict[str, Array]:
        """The arrays that there are, by name."""
        return {name: part for name, part in vars(self).items() if isinstance(part, np.ndarray)}


class Division(NamedTuple):
    """Examples to fit, and later ones to validate on, whose targets lie from ``borders`` on; None for none."""

    fit: Pairs | None
    held_out: Pairs | None = None
    borders: Sequence[int] | None = None


def split(plan: Plan, histories: Sequence[History], validation: float, most: int = MOST_EXAMPLES) -> Division:
    """Divide the examples: no target of those to fit lies in the span of the others.

    Args:
        validation: share of each history, at its end, that the validation targets lie in; at least one horizon.
        most: examples to make of each.

    Returns:
        all to fit where there is too little to divide, None where there is nothing.
    """
    output = plan.encoding.horizon
    for steps in ([round(validation * len(h.values)) for h in histories], [output] * len(histories)):
        if validation == 0:
            break
        borders = [len(h.values) - max(output, n) for h, n in zip(histories, steps, strict=True)]
        fit_part = pairs(plan, histories, last=borders, most=most)
        held_out = pairs(plan, histories, first=borders, most=most)
        if fit_part is not None and held_out is not None and len(fit_part) >= FEWEST_EXAMPLES:
            return Division(fit_part, held_out, borders)
    return Division(pairs(plan, histories))


def pairs(
    plan: Plan,
    histories: Sequence[History],
    *,
    first: Sequence[int] | None = None,
    last: Sequence[int] | None = None,
    most: int = MOST_EXAMPLES,
) -> Pairs | None:
    """All pairs whose targets lie in steps ``first`` ≤ t < ``last`` of each history; None if there are none.

    Of more than ``most`` (with columns beside the values, or than memory holds), every second, third … before each
    history's end.
    """
    encoding = plan.encoding
    spans = []
    for k, history in enumerate(histories):
        begin = max((first[k] if first is not None else 0) - encoding.window, 0)
        spans.append((begin, last[k] if last is not None else len(history.values)))
    counts = [max(end - begin - encoding.window - encoding.horizon + 1, 0) for begin, end in spans]
    size = encoding.window * plan.columns.sizes(encoding)[0]
    most = min(most, max(FEW, MOST_NUMBERS // size)) if size else most
    apart = max(1, -(-sum(counts) // most))
    found: list[Pairs] = []
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
        columns = ahead = None
        if plan.columns.some:
            assert history.features is not None, "a history of the same columns"
            cutoffs = begin + parts.cutoffs[chosen]
            share = plan.scalers[history.id].spread / np.broadcast_to(encoded.spread, (rows, 1))
            found_around = around(history.features, cutoffs, encoding.window, encoding.horizon)
            columns, ahead = encode(encoding, found_around, share)
        found.append(
            Pairs(
                encoded.inputs.astype(np.float32),
                ((parts.targets[chosen] - encoded.reference) / encoded.spread).astype(np.float32),
                parts.observed[chosen].astype(np.float32),
                encoded.reference,
                np.broadcast_to(encoded.spread, (rows, 1)),
                np.full((rows, 1), max(float(history.values.std()), np.finfo(float).tiny)),
                columns,
                ahead,
            )
        )
    return _together(found, plan.columns.levels) if found else None


def _together(found: Sequence[Pairs], level: tuple[int, int]) -> Pairs:
    whole: dict[str, Any] = {name: np.concatenate([one.arrays()[name] for one in found]) for name in found[0].arrays()}
    return dataclasses.replace(found[0], **whole, level=level)


def network_inputs(inputs: Array, columns: Array | None = None, ahead: Array | None = None) -> Array | dict[str, Array]:
    """What the network reads of windows (N, T): one array (N, T, 1), or with columns beside the values several by
    name."""
    if columns is None or ahead is None:
        return inputs[:, :, None]
    named = {INPUT: inputs[:, :, None], COLUMNS: columns, AHEAD: ahead}
    return {name: array for name, array in named.items() if array.shape[2]}
