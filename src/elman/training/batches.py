"""Examples as tensors on the training device, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from elman.errors import DataError, ShapeError
from elman.tasks.base import Examples

Batch = tuple[Tensor, Tensor, Tensor | None]

# Where no gradient is kept, so many steps (rows × T) at once use the processor fully and bound the memory.
STEPS_AT_ONCE = 2**17


@dataclass(frozen=True)
class Tensors:
    """:class:`Examples` on a device; ``weights`` is None if all are 1."""

    inputs: Tensor
    targets: Tensor
    weights: Tensor | None

    def __len__(self) -> int:
        return len(self.inputs)

    def shuffled(self, size: int, generator: torch.Generator) -> Iterator[Batch]:
        """All examples once in random order, ``size`` at a time; the last batch may be smaller."""
        if size >= len(self):  # the order within a batch means nothing
            yield self.inputs, self.targets, self.weights
            return
        order = torch.randperm(len(self), generator=generator).to(self.inputs.device)
        for rows in order.split(size):
            yield (
                self.inputs.index_select(0, rows),
                self.targets.index_select(0, rows),
                None if self.weights is None else self.weights.index_select(0, rows),
            )

    def in_order(self, size: int) -> Iterator[Batch]:
        """All examples once, in order, at least ``size`` at a time and as many as memory bears."""
        size = max(size, STEPS_AT_ONCE // self.inputs.shape[1])
        for start in range(0, len(self), size):
            rows = slice(start, start + size)
            yield self.inputs[rows], self.targets[rows], None if self.weights is None else self.weights[rows]


def to_tensors(examples: Examples, device: torch.device, what: str) -> Tensors:
    """``examples`` on ``device``. Targets of weight 0 become 0: what is not known may be anything.

    Raises:
        ShapeError: the three arrays do not fit each other.
        DataError: no examples, nothing known among them, or a value that is not finite. ``what`` names them.
    """
    inputs, targets, weights = examples.inputs, examples.targets, examples.weights
    if len(inputs) != len(targets) or targets.shape != weights.shape:
        raise ShapeError(f"{what}: inputs {inputs.shape}, targets {targets.shape}, weights {weights.shape} do not fit")
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
