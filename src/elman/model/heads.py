"""Heads, the last layers: they define what a model's output means. Their losses are in :mod:`elman.nn.twins`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elman.errors import SettingsError
from elman.model.layer import Array, Arrays, Head

POINT_LOSSES = ("mae", "mse", "huber")


@dataclass(frozen=True)
class PointHead(Head):
    """``size`` values, trained by the mean absolute, the mean squared, or Huber's error (quadratic up to 1)."""

    loss: str
    size: int = 1
    kind: ClassVar[str] = "point"

    def __post_init__(self) -> None:
        if self.loss not in POINT_LOSSES:
            raise SettingsError(f"loss is {self.loss!r:.40}; choose one of: {', '.join(POINT_LOSSES)}")
        if self.size < 1:
            raise SettingsError(f"a head of {self.size} values; it has at least 1")

    @property
    def output_size(self) -> int:
        return self.size

    def decode(self, output: Array, arrays: Arrays, lengths: Array | None) -> Array:
        return output


@dataclass(frozen=True)
class SoftmaxHead(Head):
    """One of ``classes``, trained by the cross-entropy; targets are int64. Its answer is their probabilities."""

    classes: int
    kind: ClassVar[str] = "softmax"

    def __post_init__(self) -> None:
        if self.classes < 2:
            raise SettingsError(f"a choice among {self.classes} classes; there are at least 2")

    @property
    def output_size(self) -> int:
        return self.classes

    def decode(self, output: Array, arrays: Arrays, lengths: Array | None) -> Array:
        """Probabilities, from logits (…, classes)."""
        return softmax(output)


@dataclass(frozen=True)
class EnsembleHead(Head):
    """One of ``classes`` by ``members`` models side by side: each learns by its own cross-entropy, as if it were alone,
    and the answer is the mean of their probabilities (Lakshminarayanan et al. 2017, "deep ensembles").

    It reads the members' logits one after another.
    """

    classes: int
    members: int
    kind: ClassVar[str] = "ensemble"

    def __post_init__(self) -> None:
        if self.classes < 2 or self.members < 1:
            raise SettingsError(
                f"a choice among {self.classes} classes by {self.members} members; there are at least 2, and at least 1"
            )

    @property
    def output_size(self) -> int:
        return self.classes * self.members

    def decode(self, output: Array, arrays: Arrays, lengths: Array | None) -> Array:
        """Probabilities (…, classes), from logits (…, members · classes)."""
        each: Array = softmax(output.reshape(*output.shape[:-1], self.members, self.classes)).mean(axis=-2)
        return each


@dataclass(frozen=True)
class PointEnsembleHead(Head):
    """``size`` values by ``members`` models side by side: each learns by its own loss, as if it were alone, and the
    answer is the mean of theirs.

    It reads the members' values one after another.
    """

    loss: str
    size: int
    members: int
    kind: ClassVar[str] = "point-ensemble"

    def __post_init__(self) -> None:
        PointHead(self.loss, self.size)  # the same rules
        if self.members < 1:
            raise SettingsError(f"a head of {self.members} members; there is at least 1")

    @property
    def output_size(self) -> int:
        return self.size * self.members

    def decode(self, output: Array, arrays: Arrays, lengths: Array | None) -> Array:
        mean: Array = output.reshape(*output.shape[:-1], self.members, self.size).mean(axis=-2)
        return mean


def softmax(logits: Array) -> Array:
    """Probabilities over the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probabilities: Array = shifted / shifted.sum(axis=-1, keepdims=True)
    return probabilities
