"""What a sequence's steps come to: their mean or their largest values, on NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elman.errors import SettingsError, ShapeError
from elman.model.layer import Array, Arrays, Layer, State

POOLS = ("mean", "max")


@dataclass(frozen=True)
class Pool(Layer):
    """The mean or the largest of each feature over each row's own steps: (N, T, F) → (N, F).

    Its state is what came of the steps before, and how many they were: a sequence in parts gives what it gives whole.
    """

    how: str
    size: int
    kind: ClassVar[str] = "pool"
    keeps_time: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.how not in POOLS:
            raise SettingsError(f"a pool by {self.how!r:.40}; choose one of: {', '.join(POOLS)}")
        if self.size < 1:
            raise SettingsError(f"a pool of {self.size} features; there is at least 1")

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {}

    def state_sizes(self) -> dict[str, tuple[int, int]]:
        return {"pooled": (1, self.size), "count": (1, 1)}

    def features(self, sizes: Sequence[int | None]) -> int | None:
        return self.only(sizes, self.size)

    def run(self, x: Sequence[Array], arrays: Arrays, lengths: Array | None, state: State) -> tuple[Array, State]:
        whole = x[0]
        if whole.ndim != 3 or whole.shape[2] != self.size:
            raise ShapeError(f"a pool reads (N, T, {self.size}), not {whole.shape}")
        steps = np.full(len(whole), whole.shape[1]) if lengths is None else lengths
        real = (np.arange(whole.shape[1]) < steps[:, None])[:, :, None]
        before = state["count"][0] if state else np.zeros((len(whole), 1), np.float32)
        count = before + steps[:, None].astype(np.float32)
        if self.how == "mean":
            total = np.where(real, whole, np.float32(0)).sum(axis=1)
            pooled = (total + before * state["pooled"][0]) / count if state else total / count
        else:
            pooled = np.where(real, whole, np.float32(-np.inf)).max(axis=1)
            if state:
                pooled = np.where(before > 0, np.maximum(pooled, state["pooled"][0]), pooled)
        return pooled, {"pooled": pooled[None], "count": count[None]}
