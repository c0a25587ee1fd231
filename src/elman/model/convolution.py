"""A convolution over time, on NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elman.errors import SettingsError, ShapeError
from elman.model.layer import Array, Arrays, Layer, State

ACTIVATIONS = ("none", "relu")


@dataclass(frozen=True)
class Convolution(Layer):
    """(N, T, I) → (N, T, C): each output reads the ``kernel`` steps around its own; beyond a row's ends there is 0.

    ``y_t = activation(Σ_k x_{t+k-(kernel-1)/2} · weight[:, :, k]ᵀ + bias)``

    Args:
        kernel: steps that each output reads, odd. More than one looks ahead, so that there is no single step.
        activation: none or relu.
    """

    input_size: int
    channels: int
    kernel: int
    activation: str = "relu"
    kind: ClassVar[str] = "convolution"

    def __post_init__(self) -> None:
        if self.input_size < 1 or self.channels < 1:
            raise SettingsError(f"a convolution of {self.input_size} to {self.channels} channels; sizes are at least 1")
        if self.kernel < 1 or self.kernel % 2 == 0:
            raise SettingsError(f"a convolution over {self.kernel} steps; give an odd number, so that it has a centre")
        if self.activation not in ACTIVATIONS:
            raise SettingsError(f"activation is {self.activation!r:.40}; choose one of: {', '.join(ACTIVATIONS)}")

    @property
    def causal(self) -> bool:
        return self.kernel == 1

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"weight": (self.channels, self.input_size, self.kernel), "bias": (self.channels,)}

    def features(self, sizes: Sequence[int | None]) -> int | None:
        self.only(sizes, self.input_size)
        return self.channels

    def run(self, x: Sequence[Array], arrays: Arrays, lengths: Array | None, state: State) -> tuple[Array, State]:
        """One matmul over all the windows, each of its steps side by side."""
        whole = x[0]
        if whole.ndim != 3 or whole.shape[2] != self.input_size:
            raise ShapeError(f"a convolution reads (N, T, {self.input_size}), not {whole.shape}")
        if lengths is not None:
            whole = np.where((np.arange(whole.shape[1]) < lengths[:, None])[:, :, None], whole, np.float32(0))
        around = np.pad(whole, [(0, 0), (self.kernel // 2,) * 2, (0, 0)])
        windows = np.lib.stride_tricks.sliding_window_view(around, self.kernel, axis=1)  # (N, T, I, kernel)
        columns = windows.reshape(-1, self.input_size * self.kernel)
        output = columns @ arrays["weight"].reshape(self.channels, -1).T + arrays["bias"]
        if self.activation == "relu":
            np.maximum(output, 0, out=output)
        return output.reshape(*whole.shape[:2], self.channels), {}
