"""Recurrent layers to time: shapes and their FLOPs, a forward and backward pass, comparison of values."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from elman.cells import get_cell

CELLS = ("GRU", "RNN", "LSTM")
# between float32 results of one formula in two orders of summation, over the largest of them
TOLERANCE = 64 * np.finfo(np.float32).eps

Pass = Callable[[], list[Tensor]]


@dataclass(frozen=True)
class Shape:
    """B×T×I→H, and how many layers of it."""

    batch: int
    steps: int
    input_size: int
    hidden_size: int
    num_layers: int = 1

    def __str__(self) -> str:
        layers = f", {self.num_layers} layers" if self.num_layers > 1 else ""
        return f"{self.batch}×{self.steps}×{self.input_size}→{self.hidden_size}{layers}"

    @property
    def sizes(self) -> tuple[int, int, int]:
        """What a layer's constructor takes."""
        return self.input_size, self.hidden_size, self.num_layers

    def flops(self, cell: str) -> tuple[int, int]:
        """FLOPs of a forward and of a backward pass: two for each multiply-add of the matmuls, nothing else.

        Backward has twice the matmuls of forward, less the gradient of the input, which is not computed here. The first
        step's products with a state of zeros are counted, as they are computed.
        """
        known, size, row_steps = get_cell(cell.lower()), self.hidden_size, self.batch * self.steps
        inputs = (self.input_size, *(size,) * (self.num_layers - 1))
        forward = 2 * row_steps * sum(known.multiply_adds(width, size) for width in inputs)
        return forward, 2 * forward - 2 * row_steps * len(known.gates) * size * self.input_size

    def data(self) -> tuple[Tensor, Tensor]:
        """An input, and a gradient of the output of one direction."""
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(self.steps, self.batch, self.input_size, generator=generator)
        return x, torch.randn(self.steps, self.batch, self.hidden_size, generator=generator)


def both_ways(layer: torch.nn.Module, x: Any, gradient: Tensor, **arguments: Any) -> Pass:
    """A forward pass and a backward one from ``gradient`` on the output (on its data, if packed).

    It clears the gradients of all weights first, and returns the output and the gradients.
    """
    parameters = list(layer.parameters())

    def run() -> list[Tensor]:
        for parameter in parameters:
            parameter.grad = None
        output, _ = layer(x, **arguments)
        output = output if isinstance(output, Tensor) else output.data
        output.backward(gradient)
        return [output.detach(), *(p.grad for p in parameters if p.grad is not None)]

    return run


def agree(what: str, found: Iterable[Any], expected: Iterable[Any]) -> None:
    """Raise if the arrays differ by more than rounding: the time of a wrong kernel means nothing."""
    for k, (a, b) in enumerate(zip(map(np.asarray, found), map(np.asarray, expected), strict=True)):
        error = np.abs(a - b).max() / np.abs(b).max()
        if not error <= TOLERANCE:
            raise AssertionError(f"{what}: result {k} is off by {error:.1e} of its largest value")
