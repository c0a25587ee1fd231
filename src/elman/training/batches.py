"""Examples as tensors on the training device, a batch at a time; a batch of sequences in segments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Any

import numpy as np
import torch
from torch import Tensor

from elman.learning import Examples
from elman.model import INPUT
from elman.nn.network import Batch

# Without gradients, so many steps (rows × T) at once use the processor fully and bound the memory.
STEPS_AT_ONCE = 2**17
# Examples are gathered many batches at a time, up to so many numbers: one operation then serves all of these.
NUMBERS_AT_ONCE = 2**20
POOL = 64  # batches whose sequences are sorted by length together
_INTEGERS = (np.uint8, np.int16, np.int32, np.int64)


@dataclass(frozen=True)
class Tensors:
    """:class:`Examples` on a device.

    Args:
        whole: all of them as one batch; its weights are None if all are 1, its lengths if all sequences are whole.
        keeps_time: whether there is an output, so a target, for each step.
    """

    whole: Batch
    keeps_time: bool = False

    def __len__(self) -> int:
        return len(self.whole.targets)

    @property
    def steps(self) -> int:
        """T; 1 where no input has steps."""
        return max((t.shape[1] for t in _all(self.whole.inputs) if _has_steps(t)), default=1)

    def shuffled(self, size: int, generator: torch.Generator, *, by_length: bool = False) -> Iterator[Batch]:
        """All examples once in random order, ``size`` at a time; the last batch may be smaller.

        Args:
            by_length: sort many batches' examples by length and shuffle these batches, so that little is padding.
        """
        whole = self.whole
        if size >= len(self):  # the order within a batch means nothing
            yield whole
            return
        order = torch.randperm(len(self), generator=generator)
        if by_length and whole.lengths is not None:
            order = _batches_by_length(order, whole.lengths, size, generator)
        batches = max(1, NUMBERS_AT_ONCE // (size * sum(t[0].numel() for t in _all(whole.inputs))))
        for rows in order.split(batches * size):
            there = rows.to(whole.targets.device)
            gathered = Batch(
                _of_each(whole.inputs, lambda t, there=there: t.index_select(0, there)),
                whole.targets.index_select(0, there),
                None if whole.lengths is None else whole.lengths.index_select(0, rows),
                None if whole.weight is None else whole.weight.index_select(0, there),
            )
            yield from self._split(gathered, size)

    def in_order(self, size: int) -> Iterator[Batch]:
        """All examples once, in order, at least ``size`` at a time and as many as ``STEPS_AT_ONCE`` allows."""
        return self._split(self.whole, max(size, STEPS_AT_ONCE // self.steps))

    def _split(self, batch: Batch, size: int) -> Iterator[Batch]:
        inputs, targets, lengths, weight = batch
        batches = map(
            Batch,
            inputs.split(size) if isinstance(inputs, Tensor) else _split_each(inputs, size),
            targets.split(size),
            repeat(None) if lengths is None else lengths.split(size),
            repeat(None) if weight is None else weight.split(size),
        )
        return batches if lengths is None else (self._shortened(ragged) for ragged in batches)

    def _shortened(self, batch: Batch) -> Batch:
        """``batch`` cut to its longest row."""
        assert batch.lengths is not None
        shortest, longest = int(batch.lengths.min()), int(batch.lengths.max())
        cut = (
            _in_time(batch, slice(longest))
            if self.keeps_time
            else batch._replace(inputs=_of_each(batch.inputs, lambda t: t[:, :longest] if _has_steps(t) else t))
        )
        return cut if shortest < longest else cut._replace(lengths=None)


def _batches_by_length(order: Tensor, lengths: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """``order``, sorted by length within every so many batches, the whole batches in random order."""
    found = []
    for rows in order.split(size * POOL):
        batches = rows[lengths[rows].argsort(stable=True)].split(size)
        whole = len(batches) - (len(batches[-1]) < size)
        places = torch.randperm(whole, generator=generator).tolist()
        found += [batches[k] for k in (*places, *range(whole, len(batches)))]
    return torch.cat(found)


def segments(batch: Batch, steps: int) -> Iterator[Batch]:
    """``batch`` in segments of ``steps`` steps, the last of which may be shorter.

    A row that has ended keeps length 1, the minimum of the layers: its weight there is 0.
    """
    inputs, targets, lengths, weight = batch
    count = -(-targets.shape[1] // steps)
    parts = map(
        Batch,
        _cut(inputs, steps, count) if isinstance(inputs, Tensor) else _cut_each(inputs, steps, count),
        targets.split(steps, 1),
        repeat(None, count),
        repeat(weight, count) if weight is None or weight.ndim == 1 else weight.split(steps, 1),
    )
    if lengths is None:
        yield from parts
        return
    for k, segment in enumerate(parts):
        size = segment.targets.shape[1]
        own = (lengths - k * steps).clamp(1, size)
        yield segment._replace(lengths=own) if int(own.min()) < size else segment


def _cut(tensor: Tensor, steps: int, count: int) -> Sequence[Tensor]:
    return tensor.split(steps, 1) if _has_steps(tensor) else [tensor] * count


def _cut_each(inputs: Mapping[str, Tensor], steps: int, count: int) -> Iterator[dict[str, Tensor]]:
    for parts in zip(*(_cut(tensor, steps, count) for tensor in inputs.values()), strict=True):
        yield dict(zip(inputs, parts, strict=True))


def to_tensors(examples: Examples, device: torch.device, what: str, *, keeps_time: bool = False) -> Tensors:
    """``examples`` on ``device``. Targets of weight 0 become 0: an unknown value may be anything, NaN too.

    Args:
        what: names the examples in messages.
        keeps_time: whether the model has an output for each step. Steps after a row's last then have weight 0.

    Raises:
        ShapeError: arrays that do not fit each other; with ``keeps_time`` also targets that are not (N, T, …).
        DataError: no examples, nothing known among them, or a value that is not finite.
    """
    with np.errstate(over="ignore"):  # what is too large for float32 is refused below
        examples = replace(
            examples,
            inputs={name: _trainable(array) for name, array in examples.named_inputs().items()},
            targets=_trainable(examples.targets),
            sample_weight=None if examples.sample_weight is None else examples.sample_weight.astype(np.float32),
        )
    examples.check(what, keeps_time=keeps_time)
    inputs, targets, weight = examples.named_inputs(), examples.targets, examples.weights(keeps_time=keeps_time)
    if weight is not None:
        targets = np.where(weight.reshape(weight.shape + (1,) * (targets.ndim - weight.ndim)) > 0, targets, 0)
    on_device = {name: _tensor(array).to(device) for name, array in inputs.items()}
    batch = Batch(
        on_device[INPUT] if on_device.keys() == {INPUT} else on_device,
        _tensor(targets).to(device),
        None if examples.lengths is None else torch.from_numpy(examples.lengths.astype(np.int64)),
        None if weight is None else _tensor(weight).to(device),
    )
    tensors = Tensors(batch, keeps_time)
    return tensors if batch.lengths is None else Tensors(tensors._shortened(batch), keeps_time)


def _trainable(array: np.ndarray) -> np.ndarray:
    """As float32, or integers of a type that torch computes with."""
    if array.dtype in _INTEGERS:
        return array
    return array.astype(np.int64 if array.dtype.kind in "iu" else np.float32, copy=False)


def _tensor(array: np.ndarray) -> Tensor:
    # windows are often read-only views that overlap
    return torch.from_numpy(np.require(array, array.dtype, ["C", "W"]))


def _all(inputs: Any) -> list[Tensor]:
    return [inputs] if isinstance(inputs, Tensor) else list(inputs.values())


def _has_steps(tensor: Tensor) -> bool:
    """As :func:`elman.model.layer.has_steps`."""
    return tensor.ndim > 2 or (tensor.ndim == 2 and not tensor.is_floating_point())


def _of_each(inputs: Any, change: Any) -> Any:
    return change(inputs) if isinstance(inputs, Tensor) else {name: change(t) for name, t in inputs.items()}


def _split_each(inputs: Mapping[str, Tensor], size: int) -> Iterator[dict[str, Tensor]]:
    for parts in zip(*(t.split(size) for t in inputs.values()), strict=True):
        yield dict(zip(inputs, parts, strict=True))


def _in_time(batch: Batch, steps: slice) -> Batch:
    """The steps ``steps`` of everything that has steps; there is a target at every step."""
    inputs, targets, lengths, weight = batch
    return Batch(
        _of_each(inputs, lambda t: t[:, steps] if _has_steps(t) else t),
        targets[:, steps],
        lengths,
        weight if weight is None or weight.ndim == 1 else weight[:, steps],
    )
