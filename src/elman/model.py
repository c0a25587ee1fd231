"""A model: a description of layers plus named arrays, and its execution on NumPy.

The same description has a second executor on torch (:mod:`elman.nn.build`), which trains it. A new kind of layer is
one class here, one line in :data:`LAYERS`, and its torch counterpart there.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from elman import kernels
from elman.cells import get_cell
from elman.cells.numpy_ops import NumpyOps
from elman.errors import ModelFileError, SettingsError, ShapeError
from elman.kernels import native_cells
from elman.recurrence import Layout, run_layers
from elman.recurrence.backends import Backend, choose

Array = np.ndarray
Arrays = Mapping[str, Array]
BATCH = 1024  # rows run at once: bounds the memory that a large evaluation takes


class Layer(ABC):
    """One layer's description: plain values only, so that it can be written as JSON."""

    kind: str

    @abstractmethod
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each of its arrays, by name."""

    @abstractmethod
    def run(self, x: Array, arrays: Arrays) -> Array:
        """Its output for ``x``."""


@dataclass(frozen=True)
class RecurrentLayers(Layer):
    """A stack of recurrent layers from zero states: (B, T, I) → (B, T, D·R)."""

    layout: Layout
    kind = "recurrent"

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return self.layout.shapes()

    def run(self, x: Array, arrays: Arrays) -> Array:
        layout, cell = self.layout, get_cell(self.layout.cell)
        implementations: tuple[Backend, ...] = ("reference",)
        if layout.cell in native_cells():
            implementations = ("native", "reference")
        if choose(implementations, f"the cell {layout.cell} on NumPy arrays") == "native":
            return np.swapaxes(kernels.run_layers(layout, np.swapaxes(x, 0, 1), None, arrays).output, 0, 1)
        parts = layout.num_layers * layout.num_directions
        states = tuple(np.zeros((parts, x.shape[0], size), x.dtype) for size in layout.state_sizes)
        ops = NumpyOps(cell.gates, layout.hidden_size, layer_norm=layout.layer_norm)
        result = run_layers(
            layout,
            np.swapaxes(x, 0, 1),
            states,
            arrays,
            lambda part: ops,
            join=lambda outputs: np.concatenate(outputs, axis=-1),
        )
        return np.swapaxes(result.output, 0, 1)


@dataclass(frozen=True)
class LastStep(Layer):
    """The last step only: (B, T, F) → (B, F)."""

    kind = "last"

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {}

    def run(self, x: Array, arrays: Arrays) -> Array:
        return x[:, -1]


@dataclass(frozen=True)
class Linear(Layer):
    """``x · weightᵀ + bias`` on the last axis."""

    input_size: int
    output_size: int
    kind = "linear"

    def __post_init__(self) -> None:
        if self.input_size < 1 or self.output_size < 1:
            raise SettingsError(f"a linear layer of {self.input_size} to {self.output_size}; sizes are at least 1")

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"weight": (self.output_size, self.input_size), "bias": (self.output_size,)}

    def run(self, x: Array, arrays: Arrays) -> Array:
        return x @ arrays["weight"].T + arrays["bias"]


LAYERS: dict[str, type[Layer]] = {cls.kind: cls for cls in (RecurrentLayers, LastStep, Linear)}


def layer_record(layer: Layer) -> dict[str, Any]:
    """A layer as JSON values; :func:`layer_from_record` reads it."""
    values = layer.layout if isinstance(layer, RecurrentLayers) else layer
    record = {f.name: getattr(values, f.name) for f in dataclasses.fields(values)}  # type: ignore[arg-type]
    return {"kind": layer.kind, **{k: list(v) if isinstance(v, tuple) else v for k, v in record.items()}}


def layer_from_record(record: Any) -> Layer:
    """A layer from :func:`layer_record`'s values.

    Raises:
        ModelFileError: not such a record, or one of an unknown kind.
        SettingsError: an unknown cell or an impossible size.
    """
    if not isinstance(record, dict) or record.get("kind") not in list(LAYERS):  # a list: the kind may be unhashable
        raise ModelFileError(f"a layer is {record!r:.80}; known kinds are: {', '.join(LAYERS)}")
    cls = LAYERS[record["kind"]]
    target: Any = Layout if cls is RecurrentLayers else cls
    kinds = {f.name: f.type for f in dataclasses.fields(target)}
    values = {name: value for name, value in record.items() if name != "kind"}
    if values.keys() != kinds.keys():
        raise ModelFileError(f"a {record['kind']} layer has {sorted(values)}; it must have {sorted(kinds)}")
    for name, value in values.items():
        if name == "zoneout":
            good = isinstance(value, list) and all(type(v) in (int, float) for v in value)
            values[name] = tuple(value) if good else value
        else:
            good = type(value).__name__ == kinds[name]
        if not good:
            raise ModelFileError(f"a {record['kind']} layer has {name} = {value!r:.40}; it must be {kinds[name]}")
    described = target(**values)
    return RecurrentLayers(described) if isinstance(described, Layout) else described


@dataclass(frozen=True)
class Model:
    """Layers with their arrays, and what the task needs to know to use them.

    Args:
        layers: run one after the other.
        arrays: float32, by the layer's number and the array's name: ``"0.weight_ih_l0"``, ``"2.bias"``.
        task: name of the task it was trained for.
        encoding: the task's own record: settings, scalers, choices. JSON values.

    Raises:
        ShapeError: an array is missing, left over, or of the wrong shape.

    >>> model = Model((Linear(2, 1),), {"0.weight": np.ones((1, 2), "f4"), "0.bias": np.zeros(1, "f4")}, "forecast")
    >>> model(np.array([[1, 2], [3, 4]], "f4"))
    array([[3.],
           [7.]], dtype=float32)
    """

    layers: tuple[Layer, ...]
    arrays: dict[str, Array] = field(repr=False)
    task: str
    encoding: dict[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        expected = model_shapes(self.layers)
        found = {name: array.shape for name, array in self.arrays.items()}
        for name in expected.keys() | found.keys():
            if expected.get(name) != found.get(name):
                raise ShapeError(
                    f"array {name!r} is {found.get(name, 'missing')}; the layers need {expected.get(name, 'none')}"
                )

    def __call__(self, x: Array) -> Array:
        """Output for ``x`` (B, T, I), in float32; large batches are run in parts."""
        x = np.asarray(x, np.float32)
        if len(x) > BATCH:
            return np.concatenate([self(x[i : i + BATCH]) for i in range(0, len(x), BATCH)])
        for number, layer in enumerate(self.layers):
            prefix = f"{number}."
            x = layer.run(x, {name: self.arrays[prefix + name] for name in layer.shapes()})
        return x

    def parameter_count(self) -> int:
        """Number of trained values."""
        return sum(array.size for array in self.arrays.values())

    def recurrent_parameter_count(self) -> int:
        """Number of trained values in recurrent layers."""
        return sum(layer.layout.parameter_count() for layer in self.layers if isinstance(layer, RecurrentLayers))

    def cell(self) -> str:
        """Name of the (first) recurrent layer's cell."""
        return next(layer.layout.cell for layer in self.layers if isinstance(layer, RecurrentLayers))


def model_shapes(layers: tuple[Layer, ...]) -> dict[str, tuple[int, ...]]:
    """Shape of every array of a model, by full name."""
    return {f"{k}.{name}": shape for k, layer in enumerate(layers) for name, shape in layer.shapes().items()}
