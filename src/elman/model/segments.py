"""Steps in groups, so that a recurrent layer reads a long window in few steps, on NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elman.errors import SettingsError, ShapeError
from elman.model.layer import Array, Arrays, Layer, State


@dataclass(frozen=True)
class Segments(Layer):
    """Each ``size`` steps as one: (N, T, F) → (N, T / size, size · F), the first step's features first.

    A whole window as one step, ``Segments(T)``, is what a linear layer over all its steps reads. Recurrent layers over
    segments: Lin et al. 2023, "SegRNN".

    >>> Segments(2).run([np.arange(8.0).reshape(1, 4, 2)], {}, None, {})[0].tolist()
    [[[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0]]]
    """

    size: int
    kind: ClassVar[str] = "segments"
    keeps_time: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.size < 1:
            raise SettingsError(f"segments of {self.size} steps; there is at least 1")

    @property
    def causal(self) -> bool:
        return self.size == 1  # its output has fewer steps: it cannot be run step by step

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {}

    def features(self, sizes: Sequence[int | None]) -> int | None:
        size = self.only(sizes)
        return None if size is None else size * self.size

    def run(self, x: Sequence[Array], arrays: Arrays, lengths: Array | None, state: State) -> tuple[Array, State]:
        self.check(x[0].shape, ragged=lengths is not None and bool((lengths != x[0].shape[1]).any()))
        rows, steps, features = x[0].shape
        return np.ascontiguousarray(x[0]).reshape(rows, steps // self.size, self.size * features), {}

    def check(self, shape: Sequence[int], *, ragged: bool) -> None:
        """Check that sequences of ``shape`` can be cut.

        Raises:
            ShapeError: they are of several lengths, or of one that is no multiple of ``size``.
        """
        if len(shape) != 3 or shape[1] % self.size or ragged:
            raise ShapeError(
                f"segments of {self.size} steps are cut from (N, T, F), T one length and a multiple of it, not "
                f"{tuple(shape)}"
            )
