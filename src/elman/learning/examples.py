"""Examples to learn from: inputs, targets, lengths, weights; checked once, before training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from elman.errors import DataError, ShapeError
from elman.model import INPUT

Array = np.ndarray


@dataclass(frozen=True)
class Examples:
    """Examples to learn from.

    Args:
        inputs: one array, or several by name: (N, T, I) float32, (N, T) int64 for an embedding, (N, T, C) characters,
            (N, S) static …
        targets: (N, …) float32 or int64, as the head takes them; (N, T, …) where there is one for each step.
        lengths: (N,) steps of each sequence, from 1 to T; the rest of its row is padding. None: all are whole.
        sample_weight: how much each target counts, (N,), (N, T) or of the targets' shape; 0 where it is not known.
            None: all count 1.

    >>> len(Examples(np.zeros((3, 5, 1), "f4"), np.zeros((3, 1), "f4")))
    3
    """

    inputs: Array | Mapping[str, Array]
    targets: Array
    lengths: Array | None = None
    sample_weight: Array | None = None

    def __len__(self) -> int:
        return len(self.targets)

    def named_inputs(self) -> dict[str, Array]:
        """The inputs by name; a single one is called :data:`elman.model.INPUT`."""
        return dict(self.inputs) if isinstance(self.inputs, Mapping) else {INPUT: self.inputs}

    @property
    def steps(self) -> int:
        """T, of the first input that has steps."""
        return next(array.shape[1] for array in self.named_inputs().values() if array.ndim > 1)

    def check(self, what: str) -> None:
        """Refuse what cannot be trained on; ``what`` names it in messages.

        Raises:
            ShapeError: arrays that do not fit each other.
            DataError: no examples, none that counts, or a value that counts and is not finite.
        """
        count = len(self.targets)
        for name, array in self.named_inputs().items():
            if len(array) != count:
                raise ShapeError(f"{what}: {name} has {len(array)} rows, the targets have {count}")
        if not count:
            raise DataError(f"{what}: there are no examples; give more data, or ask for shorter windows")
        self._check_lengths(what)
        known = np.True_
        if self.sample_weight is not None:
            weight = self.sample_weight
            if weight.shape != self.targets.shape[: weight.ndim]:
                raise ShapeError(f"{what}: weights {weight.shape} do not fit targets {self.targets.shape}")
            if not np.isfinite(weight).all():
                raise DataError(f"{what}: weights hold values that are not finite; fill or remove them")
            if not (weight >= 0).all() or not weight.any():
                raise DataError(f"{what}: weights must be at least 0, and some greater: nothing is known to learn from")
            known = (weight > 0).reshape(weight.shape + (1,) * (self.targets.ndim - weight.ndim))
        for name, array in self.named_inputs().items():
            if not np.isfinite(array).all():
                raise DataError(f"{what}: {name} hold values that are not finite; fill or remove them")
        if not np.isfinite(self.targets).all() and not np.isfinite(np.where(known, self.targets, 0)).all():
            raise DataError(f"{what}: targets hold values that are not finite; fill or remove them")

    def _check_lengths(self, what: str) -> None:
        if self.lengths is None:
            return
        lengths, steps = self.lengths, self.steps
        if lengths.shape != (len(self),) or lengths.dtype.kind not in "iu":
            raise ShapeError(f"{what}: lengths must be {len(self)} integers, got {lengths.dtype} {lengths.shape}")
        if not 1 <= lengths.min() <= lengths.max() <= steps:
            raise ShapeError(f"{what}: lengths must be from 1 to {steps}: leave empty sequences out")
