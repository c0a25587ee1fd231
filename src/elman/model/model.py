"""A model: layers, the arrays they need, and its execution on NumPy.

The same description has a second executor on torch (:mod:`elman.nn.network`), which trains it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from elman.errors import ShapeError
from elman.model.layer import INPUT, Array, Head, Layer, State, has_steps
from elman.model.layers import RecurrentLayers
from elman.model.registry import check_known
from elman.model.wiring import Wiring

BATCH = 1024  # rows run at once: bounds the memory that a large evaluation takes
# Fewer where their multiplications take long, since Ctrl-C waits for a part; but enough to fill the kernels.
FEW, WORK = 32, 4e9
Inputs = Array | Mapping[str, Array]


@dataclass(frozen=True)
class Model:
    """Layers with their arrays, and what the task needs to know to use them.

    Args:
        layers: each after those that it reads.
        arrays: float32, by the layer's number and the array's name: ``"0.weight_ih_l0"``, ``"2.bias"``.
        task: name of the task it was trained for.
        encoding: the task's own record: scalers, choices, vocabulary. JSON values.

    Raises:
        ShapeError: an array is missing, left over, or of the wrong shape; layers that do not fit each other.
        SettingsError: a kind of layer that is not registered, so that no file could hold it.

    >>> from elman.model import Linear
    >>> model = Model((Linear(2, 1),), {"0.weight": np.ones((1, 2), "f4"), "0.bias": np.zeros(1, "f4")})
    >>> model(np.array([[1, 2], [3, 4]], "f4"))[0]
    array([[3.],
           [7.]], dtype=float32)
    """

    layers: tuple[Layer, ...]
    arrays: dict[str, Array] = field(repr=False)
    task: str = ""
    encoding: dict[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        expected = model_shapes(self.layers)
        found = {name: array.shape for name, array in self.arrays.items()}
        for name in expected.keys() | found.keys():
            if expected.get(name) != found.get(name):
                raise ShapeError(
                    f"array {name!r} is {found.get(name, 'missing')}; the layers need {expected.get(name, 'none')}"
                )
        for layer in self.layers:
            check_known(layer)
        self.wiring.check()

    @cached_property
    def wiring(self) -> Wiring:
        """What each layer reads."""
        return Wiring(self.layers)

    def __call__(
        self, inputs: Inputs, lengths: Sequence[int] | Array | None = None, state: State | None = None
    ) -> tuple[Array, State]:
        """Output and final state, in float32; large batches are run in parts.

        Args:
            inputs: one array, or several by name: (N, T, I), (N, T) integers for an embedding, (N, S).
            lengths: (N,) steps of each row, from 1 to T; the rest is padding.
            state: the final state of an earlier call; None for the initial one. Its arrays are named by the layer's
                number and the state's name (``"0.h"``); rows are their second axis.

        Returns:
            output (N, T, O) or (N, O), and the state after each row's last step.

        Raises:
            ShapeError: inputs, lengths or states that do not fit the model.
        """
        given = inputs if isinstance(inputs, Mapping) else {INPUT: inputs}
        values = self.wiring.checked_inputs(given)
        rows = len(next(iter(values.values())))
        steps = max((value.shape[1] for value in values.values() if has_steps(value)), default=0)
        checked = None if lengths is None else _checked_lengths(lengths, rows, steps)
        state = {} if state is None else self._checked_state(state, rows)
        size = BATCH if rows <= FEW else self._rows_at_once(steps)
        if rows <= size:
            return self._run(values, checked, state)
        parts = [slice(i, i + size) for i in range(0, rows, size)]
        done = [
            self._run(
                {name: value[part] for name, value in values.items()},
                None if checked is None else checked[part],
                {name: array[:, part] for name, array in state.items()},
            )
            for part in parts
        ]
        finals = {name: np.concatenate([final[name] for _, final in done], axis=1) for name in done[0][1]}
        return np.concatenate([output for output, _ in done]), finals

    def _rows_at_once(self, steps: int) -> int:
        return min(BATCH, max(FEW, int(WORK / max(steps * self.recurrent_parameter_count(), 1))))

    def initial_state(self, rows: int) -> State:
        """The state before the first step: zeros, by full name."""
        return {
            f"{number}.{name}": np.zeros((parts, rows, size), np.float32)
            for number, layer in enumerate(self.layers)
            for name, (parts, size) in layer.state_sizes().items()
        }

    def _checked_state(self, state: State, rows: int) -> State:
        expected = {name: array.shape for name, array in self.initial_state(rows).items()}
        found = {name: np.shape(array) for name, array in state.items()}
        if found != expected:
            raise ShapeError(f"the state is {found}; the model's is {expected}")
        return {name: np.asarray(array, np.float32) for name, array in state.items()}

    def _run(self, inputs: Mapping[str, Array], lengths: Array | None, state: State) -> tuple[Array, State]:
        outputs: list[Array] = []
        finals: State = {}
        for number, (layer, sources) in enumerate(zip(self.layers, self.wiring.sources, strict=True)):
            x = [inputs[source] if isinstance(source, str) else outputs[source] for source in sources]
            prefix = f"{number}."
            arrays = {name: self.arrays[prefix + name] for name in layer.shapes()}
            own = {name.removeprefix(prefix): a for name, a in state.items() if name.startswith(prefix)}
            output, final = layer.run(x, arrays, lengths, own)
            outputs.append(output)
            finals |= {prefix + name: array for name, array in final.items()}
        return outputs[-1], finals

    @property
    def head(self) -> Head:
        """The last layer, which defines what the output means.

        Raises:
            ShapeError: the last layer is no head.
        """
        head = self.layers[-1]
        if not isinstance(head, Head):
            raise ShapeError(f"the model ends in a {head.kind} layer, which does not say what its numbers mean")
        return head

    def predict(self, inputs: Inputs, lengths: Sequence[int] | Array | None = None) -> Array:
        """The head's answer: its output decoded."""
        return self.decode(self(inputs, lengths)[0], lengths)

    def decode(self, output: Array, lengths: Sequence[int] | Array | None = None) -> Array:
        """The head's answer for an output."""
        head, prefix = self.head, f"{len(self.layers) - 1}."
        arrays = {name: self.arrays[prefix + name] for name in head.shapes()}
        return head.decode(output, arrays, None if lengths is None else np.asarray(lengths))

    def parameter_count(self) -> int:
        """Number of trained values."""
        return sum(array.size for array in self.arrays.values())

    def recurrent_parameter_count(self) -> int:
        """Number of trained values in recurrent layers."""
        return sum(layer.layout.parameter_count() for layer in self.layers if isinstance(layer, RecurrentLayers))

    def cell(self) -> str:
        """Name of the (first) recurrent layer's cell; "" where there is none."""
        return next((layer.layout.cell for layer in self.layers if isinstance(layer, RecurrentLayers)), "")


def model_shapes(layers: Sequence[Layer]) -> dict[str, tuple[int, ...]]:
    """Shape of every array of a model, by full name."""
    return {f"{k}.{name}": shape for k, layer in enumerate(layers) for name, shape in layer.shapes().items()}


def _checked_lengths(lengths: Sequence[int] | Array, rows: int, steps: int) -> Array:
    given = np.asarray(lengths)
    if (
        given.shape != (rows,)
        or given.dtype.kind not in "iu"
        or (rows and not 1 <= given.min() <= given.max() <= steps)
    ):
        raise ShapeError(f"lengths must be {rows} whole numbers from 1 to {steps}, one for each row")
    return given.astype(np.int64)
