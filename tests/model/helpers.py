"""Models with random weights on both executors, and a toy layer and head as added from outside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from elman.cells import get_cell
from elman.model import LAYERS, Head, LastStep, Layer, Linear, Model, PointHead, RecurrentLayers, model_shapes
from elman.model import register_layer as register
from elman.nn.network import Network, set_arrays
from elman.nn.twins import TWINS, HeadTwin, Twin, register_twin, weighted_mean
from elman.recurrence import Layout

FLOAT32 = 64 * np.finfo("f4").eps  # of values of order one, over a dozen steps


def drawn(layers: Sequence[Layer], seed: int = 0, scale: float = 0.5) -> dict[str, np.ndarray]:
    """Random values for every array of the layers."""
    random = np.random.default_rng(seed)
    return {name: scale * random.standard_normal(shape).astype("f4") for name, shape in model_shapes(layers).items()}


def layers_of(
    cell: str = "gru", *, size: int = 5, outputs: int = 3, loss: str = "mse", **options: Any
) -> tuple[Layer, ...]:
    """The layers of a forecaster: a recurrent stack, its last step, a linear layer, a head."""
    return (
        RecurrentLayers(Layout(cell, 1, size, **options)),
        LastStep(),
        Linear(size, outputs),
        PointHead(loss, outputs),
    )


def on_torch(
    layers: Sequence[Layer],
    arrays: Mapping[str, np.ndarray],
    inputs: Any,
    lengths: np.ndarray | None = None,
    state: Mapping[str, np.ndarray] | None = None,
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The result of :class:`Model` from the torch twins, in evaluation mode: dropout must not matter."""
    read = [get_cell(layer.layout.cell).recurrent for layer in layers if isinstance(layer, RecurrentLayers)]
    network = Network(layers, dropout=0.5, recurrent_dropout=0.5 if all(read) else 0.0).eval()
    set_arrays(network, arrays)
    given = (
        {n: torch.from_numpy(a) for n, a in inputs.items()} if isinstance(inputs, Mapping) else torch.from_numpy(inputs)
    )
    before = None if state is None else {name: torch.from_numpy(array) for name, array in state.items()}
    with torch.no_grad():
        output, final = network(given, None if lengths is None else torch.from_numpy(lengths), before)
    return output.numpy(), {name: tensor.numpy() for name, tensor in final.items()}


@dataclass(frozen=True)
class Leak(Layer):
    """y_t = rate ⊙ y_{t-1} + x_t: a toy with an array and a state."""

    size: int
    kind: ClassVar[str] = "toy-leak"

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"rate": (self.size,)}

    def features(self, sizes: Sequence[int | None]) -> int | None:
        return self.only(sizes, self.size)

    def state_sizes(self) -> dict[str, tuple[int, int]]:
        return {"y": (1, self.size)}

    def run(self, x, arrays, lengths, state):
        y = state["y"][0] if state else np.zeros_like(x[0][:, 0])
        outputs = np.empty_like(x[0])
        for t in range(x[0].shape[1]):
            new = arrays["rate"] * y + x[0][:, t]
            y = new if lengths is None else np.where((t < lengths)[:, None], new, y)
            outputs[:, t] = y
        return outputs, {"y": y[None]}


class LeakTwin(Twin):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.rate = torch.nn.Parameter(torch.zeros(size))

    def forward(self, x, lengths, state):
        y = state["y"][0] if state else torch.zeros_like(x[0][:, 0])
        outputs = []
        for t in range(x[0].shape[1]):
            new = self.rate * y + x[0][:, t]
            y = new if lengths is None else torch.where((t < lengths)[:, None], new, y)
            outputs.append(y)
        return torch.stack(outputs, 1), {"y": y[None]}


@dataclass(frozen=True)
class ScaledHead(Head):
    """Its answer is a learned multiple of the output: a toy head with an array of its own."""

    size: int
    kind: ClassVar[str] = "toy-scaled"

    @property
    def output_size(self) -> int:
        return self.size

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"scale": (self.size,)}

    def decode(self, output, arrays, lengths):
        return output * arrays["scale"]


class ScaledTwin(HeadTwin):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(size))

    def loss(self, output: Tensor, targets: Tensor, weight: Tensor | None):
        each = (output * self.scale - targets).square()
        return weighted_mean(each, torch.ones(len(each)) if weight is None else weight)


@contextmanager
def toys() -> Iterator[None]:
    """The toys registered, as long as this lasts."""
    register(Leak)
    register(ScaledHead)
    register_twin(Leak, lambda layer, _: LeakTwin(layer.size))
    register_twin(ScaledHead, lambda layer, _: ScaledTwin(layer.size))
    try:
        yield
    finally:
        for cls in (Leak, ScaledHead):
            del LAYERS[cls.kind], TWINS[cls]


def model_of(layers: Sequence[Layer], seed: int = 0, **given: Any) -> Model:
    """With drawn arrays."""
    return Model(tuple(layers), drawn(layers, seed), **given)
