"""A linear chain over tags: the best sequence of them, not the best of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elman.errors import SettingsError, ShapeError
from elman.model.layer import Array, Arrays, Head


@dataclass(frozen=True)
class CRFHead(Head):
    """A linear-chain conditional random field (Lafferty et al. 2001): a sequence of tags y has the score
    start[y₁] + Σ output[t, yₜ] + Σ transitions[yₜ, yₜ₊₁] + end[y_T], and is as probable as the exponential of that.

    Its answer is the best sequence of each row, (N, T) int64; padding gets 0.
    """

    tags: int
    kind: ClassVar[str] = "crf"

    def __post_init__(self) -> None:
        if self.tags < 2:
            raise SettingsError(f"a choice among {self.tags} tags; there are at least 2")

    @property
    def causal(self) -> bool:
        return False  # what comes later may change the best beginning

    @property
    def output_size(self) -> int:
        return self.tags

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"start": (self.tags,), "transitions": (self.tags, self.tags), "end": (self.tags,)}

    def decode(self, output: Array, arrays: Arrays, lengths: Array | None) -> Array:
        """The best sequences (Viterbi 1967), from scores (N, T, tags)."""
        if output.ndim != 3:
            raise ShapeError(f"a crf head reads (N, T, {self.tags}), not {output.shape}")
        rows, steps, _ = output.shape
        last = np.full(rows, steps) if lengths is None else lengths
        best = output[:, 0] + arrays["start"]
        back = np.zeros((steps, rows, self.tags), np.int64)
        for t in range(1, steps):
            scores = best[:, :, None] + arrays["transitions"]
            back[t] = scores.argmax(axis=1)
            following = scores.max(axis=1) + output[:, t]
            best = np.where((t < last)[:, None], following, best)
        tag = (best + arrays["end"]).argmax(axis=1)
        found = np.zeros((rows, steps), np.int64)
        every = np.arange(rows)
        for t in range(steps - 1, -1, -1):
            real = t < last
            found[:, t] = np.where(real, tag, 0)
            if t:
                tag = np.where(real, back[t, every, tag], tag)
        return found


@dataclass(frozen=True)
class CRFEnsembleHead(Head):
    """A :class:`CRFHead` over ``members`` models side by side: each learns by its own loss, as if it were alone but for
    the arrays of the chain, which they share, and the answer is the best sequence by the mean of their scores.

    It reads the members' scores one after another.
    """

    tags: int
    members: int
    kind: ClassVar[str] = "crf-ensemble"

    def __post_init__(self) -> None:
        CRFHead(self.tags)  # the same rules
        if self.members < 1:
            raise SettingsError(f"a head of {self.members} members; there is at least 1")

    @property
    def causal(self) -> bool:
        return False

    @property
    def output_size(self) -> int:
        return self.tags * self.members

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return CRFHead(self.tags).shapes()

    def decode(self, output: Array, arrays: Arrays, lengths: Array | None) -> Array:
        """The best sequences, from scores (N, T, members · tags)."""
        return CRFHead(self.tags).decode(self.mean(output), arrays, lengths)

    def mean(self, output: Array) -> Array:
        """The members' mean scores (…, tags)."""
        mean: Array = output.reshape(*output.shape[:-1], self.members, self.tags).mean(axis=-2)
        return mean
