"""A model run on one sequence in float64, every gate and state kept, and the gradients of its output."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from elman.cells import get_cell
from elman.cells.numpy_ops import NumpyOps
from elman.model import (
    CharacterEncoder,
    Convolution,
    Dropout,
    Embedding,
    Head,
    Join,
    LastStep,
    Layer,
    Linear,
    Model,
    NeighbourWords,
    Pool,
    RecurrentLayers,
    Segments,
)
from elman.model.layer import has_steps
from elman.recurrence import run_layers
from elman.studies.explain.tape import Tape, Value

Array = np.ndarray
# layers whose own code runs on values of a tape
AS_THEY_ARE = (LastStep, Linear, Join, Dropout, NeighbourWords, Head)


@dataclass(frozen=True)
class Inside:
    """What happened.

    Args:
        output: the model's, (T, K), or (K,) without steps.
        traces: by the layer's number, every gate and state by name and part (``"z_l0_reverse"``), (T, size) float64.
        cut: the kind of a layer through which no gradient is known to go; "" if there is none.
    """

    output: Array
    traces: dict[int, dict[str, Array]]
    cut: str
    _result: Any = field(repr=False)
    _entries: tuple[Value, ...] = field(repr=False)
    _tape: Tape = field(repr=False)

    def gradients(self, seeds: Array, on_share: Callable[[float], None] | None = None) -> list[Array]:
        """Gradients of weighted sums of the output with respect to what the model reads at each step: its numbers, or
        for symbols and words their vectors. They can be asked for once.

        Args:
            seeds: the weights, (R, T, K) or (R, K).

        Returns:
            for each input (R, T, features).
        """
        self._tape.backward(self._result, seeds[:, None], on_share)
        empty = [np.zeros((len(seeds), *entry.shape)) for entry in self._entries]
        found = zip(self._entries, empty, strict=True)
        return [(zeros if entry.gradient is None else entry.gradient)[:, 0] for entry, zeros in found]


def look_inside(
    model: Model, inputs: Mapping[str, Array], state: Mapping[str, Array], apart: Collection[str] = ()
) -> Inside:
    """Run ``model`` on one row of inputs, without padding, by the reference.

    Args:
        state: the state before the first step, by full name; empty: the initial one.
        apart: inputs whose gradients nobody asks for.
    """
    tape, entries, cut = Tape(), dict[str, Value](), ""
    traces: dict[int, dict[str, Array]] = {}
    outputs: list[Any] = []

    def entry(name: str, array: Array) -> Any:
        if name in model.wiring.integers or not has_steps(array):
            return array
        if name in apart:
            return array.astype(np.float64)
        if name not in entries:
            entries[name] = Value(array.astype(np.float64), tape)
        return entries[name]

    for number, (layer, sources) in enumerate(zip(model.layers, model.wiring.sources, strict=True)):
        x = [entry(s, np.asarray(inputs[s])) if isinstance(s, str) else outputs[s] for s in sources]
        arrays = {name: model.arrays[f"{number}.{name}"].astype(np.float64) for name in layer.shapes()}
        own = {n.removeprefix(f"{number}."): a for n, a in state.items() if n.startswith(f"{number}.")}
        if isinstance(layer, Embedding | CharacterEncoder):
            outputs.append(Value(layer.run(x, arrays, None, {})[0].astype(np.float64), tape))
            entries[f"layer {number}"] = outputs[-1]
        elif isinstance(layer, RecurrentLayers):
            output, traces[number] = _recurrent(layer, x[0], arrays, own, tape)
            outputs.append(output)
        elif isinstance(layer, Convolution):
            outputs.append(_convolution(layer, x[0], arrays))
        elif isinstance(layer, Segments):
            outputs.append(x[0].reshape(1, x[0].shape[1] // layer.size, -1))
        elif isinstance(layer, Pool) and not own:
            outputs.append(_pool(layer, x[0]))
        elif isinstance(layer, AS_THEY_ARE):
            outputs.append(layer.run(x, arrays, None, {})[0])
        else:
            outputs.append(_opaque(layer, x, arrays, own, tape))
            cut = cut or layer.kind
    result = outputs[-1]
    return Inside(_array(result)[0], traces, cut, result, tuple(entries.values()), tape)


def _recurrent(
    layer: RecurrentLayers, x: Any, arrays: Mapping[str, Array], state: Mapping[str, Array], tape: Tape
) -> tuple[Value, dict[str, Array]]:
    layout, cell = layer.layout, get_cell(layer.layout.cell)
    sizes = layer.state_sizes()
    states = tuple(
        state[name].astype(np.float64) if state else np.zeros((parts, 1, size)) for name, (parts, size) in sizes.items()
    )
    ops = NumpyOps(
        cell.gates, layout.hidden_size, layer_norm=layout.layer_norm, options=layout.option_values, heads=layout.heads
    )
    steps_first = _on(tape, x)[0][:, None]
    found = run_layers(
        layout,
        steps_first,
        states,
        arrays,
        lambda part: ops,
        join=lambda outputs: np.concatenate(outputs, axis=-1),
        trace=True,
    )
    return found.output[:, 0][None], {name: _array(value)[:, 0] for name, value in found.trace.items()}


def _convolution(layer: Convolution, x: Any, arrays: Mapping[str, Array]) -> Any:
    steps, beyond = x.shape[1], np.zeros((1, layer.kernel // 2, layer.input_size))
    around = np.concatenate([beyond, x, beyond], axis=1)
    output = arrays["bias"]
    for k in range(layer.kernel):
        output = around[:, k : k + steps] @ arrays["weight"][:, :, k].T + output
    return np.maximum(output, 0) if layer.activation == "relu" else output


def _pool(layer: Pool, x: Any) -> Any:
    steps = x.shape[1]
    if layer.how == "mean":
        total = x[:, 0]
        for t in range(1, steps):
            total = total + x[:, t]
        return total / steps
    return x[0, _array(x)[0].argmax(axis=0), np.arange(layer.size)][None]


def _opaque(
    layer: Layer, x: Sequence[Any], arrays: Mapping[str, Array], state: Mapping[str, Array], tape: Tape
) -> Value:
    output, _ = layer.run([_array(part) for part in x], arrays, None, dict(state))
    return Value(output.astype(np.float64), tape)


def _on(tape: Tape, x: Any) -> Value:
    return x if isinstance(x, Value) else Value(x, tape)


def _array(x: Any) -> Any:
    return x.array if isinstance(x, Value) else x
