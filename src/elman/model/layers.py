"""The kinds of layer that models are made of, on NumPy. Their torch twins are in :mod:`elman.nn.twins`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from elman import kernels
from elman.cells import get_cell
from elman.cells.numpy_ops import NumpyOps
from elman.errors import SettingsError, ShapeError
from elman.kernels import has_kernels
from elman.model.layer import Array, Arrays, Layer, State, StepFunction, pass_on, record_of, values_of
from elman.recurrence import Layout, run_layers
from elman.recurrence.backends import Backend, choose


def layout_record(layout: Layout) -> dict[str, Any]:
    """A layout as JSON values; its cell's options only where they are chosen."""
    record = record_of(layout)
    if not layout.options:
        del record["options"]
    return record


def layout_of(record: Mapping[str, Any], what: str) -> Layout:
    """The layout of :func:`layout_record`.

    Raises:
        ModelFileError: a key too many or too few, or a value of the wrong type.
        SettingsError: a value out of range.
    """
    return Layout(**values_of(Layout, {"options": []} | dict(record), what))


@dataclass(frozen=True)
class RecurrentLayers(Layer):
    """A stack of recurrent layers: (N, T, I) → (N, T, D·R). Its state is the cell's, each (L·D, N, size)."""

    layout: Layout
    kind: ClassVar[str] = "recurrent"

    @property
    def causal(self) -> bool:
        return not self.layout.bidirectional

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return self.layout.shapes()

    def state_sizes(self) -> dict[str, tuple[int, int]]:
        parts = self.layout.num_layers * self.layout.num_directions
        names = get_cell(self.layout.cell).states
        return {name: (parts, size) for name, size in zip(names, self.layout.state_sizes, strict=True)}

    def features(self, sizes: Sequence[int | None]) -> int | None:
        self.only(sizes, self.layout.input_size)
        return self.layout.recurrent_size * self.layout.num_directions

    def run(self, x: Sequence[Array], arrays: Arrays, lengths: Array | None, state: State) -> tuple[Array, State]:
        layout, cell = self.layout, get_cell(self.layout.cell)
        if x[0].ndim != 3 or not x[0].shape[1]:
            raise ShapeError(f"a recurrent layer reads (N, T, {layout.input_size}) with T not 0, not {x[0].shape}")
        steps_first = np.swapaxes(x[0], 0, 1)
        states = tuple(state[name] for name in cell.states) if state else None
        if self._on_core():
            result = kernels.run_layers(layout, steps_first, states, arrays, lengths=lengths)
        else:
            zeros = tuple(np.zeros((p, len(x[0]), size), x[0].dtype) for p, size in self.state_sizes().values())
            ops = NumpyOps(
                cell.gates,
                layout.hidden_size,
                layer_norm=layout.layer_norm,
                options=layout.option_values,
                heads=layout.heads,
            )
            result = run_layers(
                layout,
                steps_first,
                states or zeros,
                arrays,
                lambda part: ops,
                lengths=lengths,
                join=lambda outputs: np.concatenate(outputs, axis=-1),
            )
        return np.swapaxes(result.output, 0, 1), dict(zip(cell.states, result.state, strict=True))

    def _on_core(self) -> bool:
        implementations: tuple[Backend, ...] = ("reference",)
        if has_kernels(self.layout):
            implementations = ("native", "reference")
        return choose(implementations, f"the cell {self.layout.cell} on NumPy arrays") == "native"

    def stepper(self, arrays: Arrays) -> StepFunction:
        return self._stepper(arrays) if self._on_core() else super().stepper(arrays)

    def eight_bit_stepper(self, arrays: Arrays) -> StepFunction:
        if self._on_core():
            return self._stepper(arrays, eight_bit=True)
        codes = {name: kernels.eight_bit(array) for name, array in arrays.items() if array.ndim == 2}
        return self.stepper({**arrays, **{name: found * scales for name, (found, scales) in codes.items()}})

    def _stepper(self, arrays: Arrays, *, eight_bit: bool = False) -> StepFunction:
        layout, names = self.layout, get_cell(self.layout.cell).states
        run = kernels.Stepper(layout, arrays, eight_bit=eight_bit).step
        shapes = [(parts, 1, n) for parts, n in self.state_sizes().values()]

        def step(x: Sequence[Array], state: State) -> tuple[Array, State]:
            if x[0].shape != (layout.input_size,):
                raise ShapeError(f"a recurrent layer reads ({layout.input_size},) a step, not {x[0].shape}")
            output, new = run(x[0], tuple(state[name][:, 0] for name in names))
            return output, {name: a.reshape(s) for name, a, s in zip(names, new, shapes, strict=True)}

        return step

    def record(self) -> dict[str, Any]:
        return {"kind": self.kind, **self._address(), **layout_record(self.layout)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        return cls(layout_of(record, "a recurrent layer"), **cls._address_of(record))


@dataclass(frozen=True)
class LastStep(Layer):
    """Each row's own last step: (N, T, F) → (N, F).

    Args:
        bidirectional: the second half of the features is the reverse direction, which ends at the first step, and is
            taken there; at the last step it has processed a single one.
    """

    bidirectional: bool = False
    kind: ClassVar[str] = "last"
    keeps_time: ClassVar[bool] = False

    @property
    def causal(self) -> bool:
        return not self.bidirectional

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {}

    def features(self, sizes: Sequence[int | None]) -> int | None:
        size = self.only(sizes)
        if self.bidirectional and size is not None and size % 2:
            raise ShapeError(f"a bidirectional last step reads two halves, not {size} features")
        return size

    def run(self, x: Sequence[Array], arrays: Arrays, lengths: Array | None, state: State) -> tuple[Array, State]:
        whole = x[0]
        last = whole[:, -1] if lengths is None else whole[np.arange(len(whole)), lengths - 1]
        if not self.bidirectional:
            return last, {}
        half = whole.shape[-1] // 2
        return np.concatenate([last[:, :half], whole[:, 0, half:]], axis=-1), {}


@dataclass(frozen=True)
class Linear(Layer):
    """``x · weightᵀ + bias`` on the last axis."""

    input_size: int
    output_size: int
    kind: ClassVar[str] = "linear"

    def __post_init__(self) -> None:
        if self.input_size < 1 or self.output_size < 1:
            raise SettingsError(f"a linear layer of {self.input_size} to {self.output_size}; sizes are at least 1")

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"weight": (self.output_size, self.input_size), "bias": (self.output_size,)}

    def features(self, sizes: Sequence[int | None]) -> int | None:
        self.only(sizes, self.input_size)
        return self.output_size

    def run(self, x: Sequence[Array], arrays: Arrays, lengths: Array | None, state: State) -> tuple[Array, State]:
        return x[0] @ arrays["weight"].T + arrays["bias"], {}

    def stepper(self, arrays: Arrays) -> StepFunction:
        weight, bias = arrays["weight"], arrays["bias"]
        return lambda x, state: (weight @ x[0] + bias, {})


@dataclass(frozen=True)
class FixedLinear(Linear):
    """A :class:`Linear` layer that training leaves as it is."""

    kind: ClassVar[str] = "fixed-linear"


@dataclass(frozen=True)
class Embedding(Layer):
    """A vector for each of ``count`` indices: (N, T) integers → (N, T, size)."""

    count: int
    size: int
    kind: ClassVar[str] = "embedding"
    takes_integers: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.count < 1 or self.size < 1:
            raise SettingsError(f"an embedding of {self.count} vectors of {self.size}; both are at least 1")

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"weight": (self.count, self.size)}

    def features(self, sizes: Sequence[int | None]) -> int | None:
        if self.only(sizes) is not None:
            raise ShapeError("an embedding reads an input of the model, not another layer")
        return self.size

    def run(self, x: Sequence[Array], arrays: Arrays, lengths: Array | None, state: State) -> tuple[Array, State]:
        indices = x[0]
        if indices.dtype.kind not in "iu":
            raise ShapeError(f"an embedding reads whole numbers, not {indices.dtype}")
        if indices.size and not 0 <= indices.min() <= indices.max() < self.count:
            raise ShapeError(f"an embedding of {self.count} vectors reads {indices.min()} to {indices.max()}")
        return arrays["weight"][indices], {}

    def stepper(self, arrays: Arrays) -> StepFunction:
        weight, count = arrays["weight"], self.count

        def step(x: Sequence[Array], state: State) -> tuple[Array, State]:
            index = x[0]
            if index.dtype.kind not in "iu" or index.ndim or not 0 <= index < count:
                raise ShapeError(f"an embedding of {count} vectors reads {index!r:.40}")
            return weight[index], {}

        return step


JOINS = ("concatenate", "add")


@dataclass(frozen=True)
class Join(Layer):
    """Several activations concatenated or added. One without steps is repeated at every step."""

    how: str = "concatenate"
    kind: ClassVar[str] = "join"

    def __post_init__(self) -> None:
        if self.how not in JOINS:
            raise SettingsError(f"a join by {self.how!r:.40}; choose one of: {', '.join(JOINS)}")
        if len(self.reads) < 2:
            raise SettingsError(f"a join reads at least two things, not {list(self.reads)}")

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {}

    def features(self, sizes: Sequence[int | None]) -> int | None:
        known = [size for size in sizes if size is not None]
        if self.how == "add":
            if len(set(known)) > 1:
                raise ShapeError(f"a join adds activations of one size, not {known}")
            return known[0] if known else None
        return sum(known) if len(known) == len(sizes) else None

    def run(self, x: Sequence[Array], arrays: Arrays, lengths: Array | None, state: State) -> tuple[Array, State]:
        steps = max((part.shape[1] for part in x if part.ndim == 3), default=0)
        if steps:
            x = [part if part.ndim == 3 else np.repeat(part[:, None], steps, axis=1) for part in x]
        if self.how == "add":
            return sum(x[1:], start=x[0]), {}
        return np.concatenate(x, axis=-1), {}


@dataclass(frozen=True)
class Dropout(Layer):
    """In training each value is 0 with probability ``rate``, the others larger by as much; here it changes nothing."""

    rate: float
    kind: ClassVar[str] = "dropout"

    def __post_init__(self) -> None:
        if not 0 <= self.rate < 1:
            raise SettingsError(f"dropout of {self.rate}; it must be at least 0 and less than 1")

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {}

    def features(self, sizes: Sequence[int | None]) -> int | None:
        return self.only(sizes)

    def run(self, x: Sequence[Array], arrays: Arrays, lengths: Array | None, state: State) -> tuple[Array, State]:
        return x[0], {}

    def stepper(self, arrays: Arrays) -> StepFunction:
        return pass_on
