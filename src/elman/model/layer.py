"""A layer of a model: its description in JSON values, and its execution on NumPy arrays.

Dimension names are those of :mod:`elman.cells.base`; ``F`` is the features of an activation, ``N`` rows.
"""

from __future__ import annotations

import dataclasses
import functools
import typing
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from elman.errors import ModelFileError, ShapeError

Array = np.ndarray
Arrays = Mapping[str, Array]
State = dict[str, Array]
"""What a layer carries from step to step, by name: each array (parts, N, size)."""
StepFunction = Callable[[Sequence[Array], State], tuple[Array, State]]
"""A layer a step at a time: what it reads, each (F,) or an integer, and its state for one row; its output (F,) and the
new state."""
INPUT = "input"  # what a model's only input is called


def has_steps(array: Array) -> bool:
    """Whether an input or activation has steps: (N, T, …), or (N, T) integers; (N, F) has none."""
    return array.ndim > 2 or (array.ndim == 2 and array.dtype.kind in "iu")


@dataclass(frozen=True, kw_only=True)
class Layer(ABC):
    """The description of one layer: values that JSON can hold.

    Args:
        name: what later layers call it in their ``reads``.
        reads: names of inputs or of earlier layers, whose outputs this one takes; none: the layer before, or for the
            first layer the model's only input.
    """

    kind: ClassVar[str]
    takes_integers: ClassVar[bool] = False
    """Whether its input is integers (indices), not float32."""
    keeps_time: ClassVar[bool] = True
    """Whether its output has steps where its input has them."""

    name: str = ""
    reads: tuple[str, ...] = ()

    @property
    def causal(self) -> bool:
        """Whether its output at a step depends on no later step."""
        return True

    @abstractmethod
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each of its arrays, by name."""

    @abstractmethod
    def features(self, sizes: Sequence[int | None]) -> int | None:
        """Features of its output, from those of what it reads (None: a model's input, of any number).

        Raises:
            ShapeError: it cannot read that.
        """

    @abstractmethod
    def run(self, x: Sequence[Array], arrays: Arrays, lengths: Array | None, state: State) -> tuple[Array, State]:
        """The output, and the state after the last step.

        Args:
            x: what it reads, in order: (N, T, F), or (N, F) without steps.
            arrays: its own, by name.
            lengths: (N,) steps of each row, the rest being padding; None: all are whole.
            state: that of the step before the first; empty: the initial one.
        """

    def stepper(self, arrays: Arrays) -> StepFunction:
        """:meth:`run` for one row, a step at a time, the weights prepared once."""

        def step(x: Sequence[Array], state: State) -> tuple[Array, State]:
            output, new = self.run([value[None, None] for value in x], arrays, None, state)
            return (output[0, 0] if output.ndim == 3 else output[0]), new

        return step

    def eight_bit_stepper(self, arrays: Arrays) -> StepFunction:
        """:meth:`stepper` with matrices rounded to eight bits, of the layers that have kernels for them."""
        return self.stepper(arrays)

    def state_sizes(self) -> dict[str, tuple[int, int]]:
        """The two sizes of each array (parts, N, size) of its state, by name; empty: it has no state."""
        return {}

    def record(self) -> dict[str, Any]:
        """The layer as JSON values; :meth:`from_record` reads it."""
        return {"kind": self.kind, **self._address(), **record_of(self)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """A layer from :meth:`record`'s values.

        Raises:
            ModelFileError: a key too many or too few, or a value of the wrong type.
            SettingsError: an impossible value.
        """
        return cls(**values_of(cls, record, f"a {cls.kind} layer"), **cls._address_of(record))

    def _address(self) -> dict[str, Any]:
        return {key: value for key, value in (("name", self.name), ("reads", list(self.reads))) if value}

    @classmethod
    def _address_of(cls, record: Mapping[str, Any]) -> dict[str, Any]:
        name, reads = record.get("name", ""), record.get("reads", [])
        if not isinstance(name, str) or not isinstance(reads, list) or not all(isinstance(r, str) for r in reads):
            raise ModelFileError(f"a {cls.kind} layer has name {name!r:.40} and reads {reads!r:.80}; they must be text")
        return {"name": name, "reads": tuple(reads)}

    def only(self, sizes: Sequence[int | None], own: int | None = None) -> int | None:
        """The features of the layer's only source, which must be ``own`` where both are known."""
        if len(sizes) != 1:
            raise ShapeError(f"a {self.kind} layer reads one thing, not {len(sizes)}")
        if own is not None and sizes[0] not in (None, own):
            raise ShapeError(f"a {self.kind} layer of {own} inputs reads {sizes[0]} features")
        return sizes[0] if own is None else own


class Head(Layer):
    """The last layer: it defines what the output means. Its torch twin has the loss."""

    @property
    @abstractmethod
    def output_size(self) -> int:
        """Features that it reads: the output size of the layer before."""

    def features(self, sizes: Sequence[int | None]) -> int | None:
        return self.only(sizes, self.output_size)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {}

    def run(self, x: Sequence[Array], arrays: Arrays, lengths: Array | None, state: State) -> tuple[Array, State]:
        return x[0], {}

    def stepper(self, arrays: Arrays) -> StepFunction:
        return pass_on

    @abstractmethod
    def decode(self, output: Array, arrays: Arrays, lengths: Array | None) -> Array:
        """The model's answer from its output: values, probabilities, classes …"""


def pass_on(x: Sequence[Array], state: State) -> tuple[Array, State]:
    """The step of a layer that changes nothing."""
    return x[0], {}


_ADDRESS = {"name", "reads"}


def record_of(values: Any) -> dict[str, Any]:
    """A dataclass's own fields as JSON values."""
    fields = {f.name: getattr(values, f.name) for f in dataclasses.fields(values) if f.name not in _ADDRESS}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}


def values_of(cls: type, record: Mapping[str, Any], what: str) -> dict[str, Any]:
    """Arguments for the dataclass ``cls`` from :func:`record_of`'s values.

    Raises:
        ModelFileError: a key too many or too few, or a value of the wrong type.
    """
    expected = _own_types(cls)
    found = {key: value for key, value in record.items() if key != "kind" and key not in _ADDRESS}
    if found.keys() != expected.keys():
        raise ModelFileError(f"{what} has {sorted(found)}; it must have {sorted(expected)}")
    return {name: _typed(name, found[name], kind, what) for name, kind in expected.items()}


@functools.cache
def _own_types(cls: type) -> dict[str, Any]:
    hints = typing.get_type_hints(cls)
    return {f.name: hints[f.name] for f in dataclasses.fields(cls) if f.name not in _ADDRESS}


def _typed(name: str, value: Any, kind: Any, what: str) -> Any:
    if typing.get_origin(kind) is tuple:
        inner = typing.get_args(kind)[0]
        if isinstance(value, list):
            return tuple(_typed(name, item, inner, what) for item in value)
    elif type(value) is kind or (kind is float and type(value) is int and abs(value) < 2**53):
        return value
    raise ModelFileError(f"{what} has {name} = {value!r:.40}; it must be {getattr(kind, '__name__', kind)}")
