"""Examples to learn from: inputs, targets, lengths, weights; checked once, before training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from elman.errors import DataError, ShapeError
from elman.model import INPUT
from elman.model.layer import has_steps

Array = np.ndarray


@dataclass(frozen=True)
class Examples:
    """Examples to learn from.

    Args:
        inputs: one array, or several by name: (N, T, I) float32, (N, T) int64 for an embedding, (N, T, C) characters,
            (N, S) static …; T may differ between them where all sequences are whole and have one target each.
        targets: (N, …) float32 or int64, as the head takes them; (N, T, …) where there is one for each step.
        lengths: (N,) steps of each sequence, from 1 to T; the rest of its row is padding. None: all are whole.
        sample_weight: the weight of each target, (N,), (N, T) or of the targets' shape; 0 where it is not known.
            None: all are 1.

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
    def sequences(self) -> set[str]:
        """Names of the inputs that have steps."""
        return {name for name, array in self.named_inputs().items() if has_steps(array)}

    @property
    def steps(self) -> int:
        """T; 0 where no input has steps."""
        return max((array.shape[1] for array in self.named_inputs().values() if has_steps(array)), default=0)

    def weights(self, *, keeps_time: bool = False) -> Array | None:
        """The weight of each target, of the targets' first dimensions, in float32; None if all are 1.

        Args:
            keeps_time: whether there is a target for each step. Those after a row's last step then have weight 0.
        """
        weight = None if self.sample_weight is None else self.sample_weight.astype(np.float32, copy=False)
        if keeps_time and self.lengths is not None:
            real = (np.arange(self.steps) < self.lengths[:, None]).astype(np.float32)
            if weight is None:
                weight = real
            else:
                ndim = max(weight.ndim, 2)
                weight = _of_rank(weight, ndim) * _of_rank(real, ndim)
        return None if weight is None or (weight == 1).all() else weight

    def check(self, what: str, *, keeps_time: bool = False) -> None:
        """Check that the examples can be trained on; ``what`` names them in messages.

        Padding of the inputs is read, though it has no weight: it must be finite, and an index within range.

        Args:
            keeps_time: as for :meth:`weights`.

        Raises:
            ShapeError: arrays that do not fit each other.
            DataError: no examples, none with a weight, or a value with a weight that is not finite.
        """
        count, inputs = len(self.targets), self.named_inputs()
        for name, array in inputs.items():
            if len(array) != count:
                raise ShapeError(f"{what}: {name} has {len(array)} rows, the targets have {count}")
        steps = {name: array.shape[1] for name, array in inputs.items() if has_steps(array)}
        if len(set(steps.values())) > 1 and (keeps_time or self.lengths is not None):
            raise ShapeError(f"{what}: the inputs must have the same number of steps; they have {steps}")
        if not count:
            raise DataError(f"{what}: there are no examples; give more data, or ask for shorter windows")
        self._check_lengths(what)
        if keeps_time and self.targets.shape[1:2] != (self.steps,):
            raise ShapeError(
                f"{what}: the inputs have {self.steps} steps and the targets are {self.targets.shape}; "
                "the model needs a target at every step"
            )
        self._check_weight(what)
        weight = self.weights(keeps_time=keeps_time)
        if weight is not None and not weight.any():
            raise DataError(f"{what}: no target has a weight greater than 0: nothing is known to learn from")
        for name, array in self.named_inputs().items():
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise DataError(f"{what}: {name} hold values that are not finite; fill or remove them")
        if self.targets.dtype.kind != "f":
            return
        known = self.targets if weight is None else np.where(_of_rank(weight > 0, self.targets.ndim), self.targets, 0)
        if not np.isfinite(known).all():
            raise DataError(f"{what}: targets hold values that are not finite; fill or remove them")

    def _check_weight(self, what: str) -> None:
        weight = self.sample_weight
        if weight is None:
            return
        if not weight.ndim or weight.shape != self.targets.shape[: weight.ndim]:
            raise ShapeError(f"{what}: weights {weight.shape} do not fit targets {self.targets.shape}")
        if not np.isfinite(weight).all() or not (weight >= 0).all():
            raise DataError(f"{what}: weights must be finite and at least 0; 0 is for what is not known")

    def _check_lengths(self, what: str) -> None:
        if self.lengths is None:
            return
        lengths, steps = self.lengths, self.steps
        if lengths.shape != (len(self),) or lengths.dtype.kind not in "iu":
            raise ShapeError(f"{what}: lengths must be {len(self)} integers, got {lengths.dtype} {lengths.shape}")
        if not 1 <= lengths.min() <= lengths.max() <= steps:
            raise ShapeError(f"{what}: lengths must be from 1 to {steps}: leave empty sequences out")


def _of_rank(array: Array, ndim: int) -> Array:
    """With dimensions of size 1 at the end, so that it has ``ndim`` of them."""
    return array.reshape(array.shape + (1,) * (ndim - array.ndim))
