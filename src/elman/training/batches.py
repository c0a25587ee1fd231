"""Examples as tensors on the training device, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat

import numpy as np
import torch
from torch import Tensor

from elman.errors import DataError, ShapeError
from elman.tasks.base import Examples

Batch = tuple[Tensor, Tensor, Tensor | None]

# Where no gradient is kept, so many steps (rows × T) at once use the processor fully and bound the memory.
STEPS_AT_ONCE = 2**17
# Examples are put in order many batches at a time, up to so many numbers: one operation then serves all of these.
NUMBERS_AT_ONCE = 2**20


@dataclass(frozen=True)
class Tensors:
    """:class:`Examples` on a device; ``weights`` is None if all are 1."""

    inputs: Tensor
    targets: Tensor
    weights: Tensor | None

    def __len__(self) -> int:
        return self.inputs.shape[0]

    def shuffled(self, size: int, generator: torch.Generator) -> Iterator[Batch]:
        """All examples once in random order, ``size`` at a time; the last batch may be smaller."""
        if size >= len(self):  # the order within a batch means nothing
            yield self._all()
            return
        order = torch.randperm(len(self), generator=generator).to(self.inputs.device)
        batches = max(1, NUMBERS_AT_ONCE // (size * self.inputs[0].numel()))
        for rows in order.split(batches * size):
            gathered = (
                self.inputs.index_select(0, rows),
                self.targets.index_select(0, rows),
                None if self.weights is None else self.weights.index_select(0, rows),
            )
            yield from split(gathered, size, 0)

    def in_order(self, size: int) -> Iterator[Batch]:
        """All examples once, in order, at least ``size`` at a time and as many as memory bears."""
        return split(self._all(), max(size, STEPS_AT_ONCE // self.inputs.shape[1]), 0)

    def _all(self) -> Batch:
        return self.inputs, self.targets, self.weights


def split(batch: Batch, size: int, dim: int) -> Iterator[Batch]:
    """``batch`` in pieces of ``size`` or, at the end, less: of rows for ``dim`` 0, of steps for 1."""
    inputs, targets, weights = batch
    pieces = repeat(None) if weights is None else weights.split(size, dim)
    return zip(inputs.split(size, dim), targets.split(size, dim), pieces, strict=False)


def to_tensors(examples: Examples, device: torch.device, what: str, *, aligned: bool = False) -> Tensors:
    """``examples`` on ``device``. Targets of weight 0 become 0: what is not known may be anything.

    Raises:
        ShapeError: the three arrays do not fit each other; with ``aligned`` also targets that are not (N, T, …).
        DataError: no examples, nothing known among them, or a value that is not finite. ``what`` names them.
    """
    inputs, targets, weights = examples.inputs, examples.targets, examples.weights
    if len(inputs) != len(targets) or targets.shape != weights.shape:
        raise ShapeError(f"{what}: inputs {inputs.shape}, targets {targets.shape}, weights {weights.shape} do not fit")
    if aligned and inputs.shape[:2] != targets.shape[:2]:
        raise ShapeError(
            f"{what}: inputs {inputs.shape} and targets {targets.shape} differ in their steps; sequences that are cut "
            "into segments need a target at every step"
        )
    if not len(inputs):
        raise DataError(f"{what}: there are no examples; give more data, or ask for shorter windows")
    if not (weights >= 0).all() or not weights.any():
        raise DataError(f"{what}: weights must be at least 0, and some greater: nothing is known to learn from")
    if not (weights == 1).all():
        targets = np.where(weights > 0, targets, np.float32(0))
    for name, array in (("inputs", inputs), ("targets", targets), ("weights", weights)):
        if not np.isfinite(array).all():
            raise DataError(f"{what}: {name} hold values that are not finite; fill or remove them")
    return Tensors(
        _tensor(inputs, device), _tensor(targets, device), None if (weights == 1).all() else _tensor(weights, device)
    )


def _tensor(array: np.ndarray, device: torch.device) -> Tensor:
    # windows are often read-only views that overlap
    return torch.from_numpy(np.require(array, np.float32, ["C", "W"])).to(device)
