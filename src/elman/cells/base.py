"""A cell: data and one pure function; and :class:`Ops`, the arithmetic that equations use.

Dimension names, here and everywhere: ``T`` time, ``B`` batch, ``I`` input, ``H`` hidden, ``R`` recurrent
(``H``, or the projection's size), ``G`` gates, ``L`` layers.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# A NumPy array or a torch tensor: the equations only use the operators that both have.
Array = Any
Weights = Mapping[str, Array]
State = tuple[Array, ...]
Step = Callable[[Array, State, Weights, "Ops"], tuple[State, Mapping[str, Array]]]


@dataclass(frozen=True)
class Parameter:
    """One named weight array of a cell.

    ``shape`` is written in dimension names: ``"GH"`` is the number of gates times the hidden size,
    ``"H"``, ``"I"`` and ``"R"`` are as in the module's legend.
    """

    name: str
    shape: tuple[str, ...]

    def size(self, *, gates: int, input_size: int, hidden_size: int, recurrent_size: int) -> tuple[int, ...]:
        """The shape in numbers.

        >>> Parameter("weight_ih", ("GH", "I")).size(gates=3, input_size=2, hidden_size=5, recurrent_size=5)
        (15, 2)
        """
        known = {"GH": gates * hidden_size, "H": hidden_size, "I": input_size, "R": recurrent_size}
        return tuple(known[name] for name in self.shape)


WEIGHTS = (Parameter("weight_ih", ("GH", "I")), Parameter("weight_hh", ("GH", "R")))
BIASES = (Parameter("bias_ih", ("GH",)), Parameter("bias_hh", ("GH",)))


@dataclass(frozen=True)
class Cell:
    """A recurrent cell: names, and ``step(x, state, weights, ops) -> (state, gates)``.

    Args:
        name: what it is called in settings, on the command line and in model files.
        gates: the gates' names in the order in which their rows are stacked in ``weight_ih`` and ``weight_hh``.
        states: the states' names; the first is the cell's output (and what a projection applies to).
        step: the equation. ``x`` is (B, I), each state (B, H) (the first (B, R)), ``weights`` the arrays by
            parameter name. Returns the new states, and by name every gate (and other quantity) worth inspecting.
        source: where the equation stands in print.
        extra: parameters besides ``weight_ih``, ``weight_hh``, ``bias_ih`` and ``bias_hh``.
        keep: the gate that multiplies the old state (an LSTM's f, a GRU's z); "" if none.
        write: the gate that multiplies the candidate (an LSTM's i); "" if that is one minus ``keep``.
    """

    name: str
    gates: tuple[str, ...]
    states: tuple[str, ...]
    step: Step = field(repr=False)
    source: str = field(repr=False)
    extra: tuple[Parameter, ...] = ()
    keep: str = ""
    write: str = ""

    def parameters(self, *, bias: bool = True) -> tuple[Parameter, ...]:
        """All of the cell's parameters, in torch's order; its biases only if ``bias``."""
        return WEIGHTS + (BIASES if bias else ()) + self.extra

    def shapes(
        self, input_size: int, hidden_size: int, recurrent_size: int | None = None, *, bias: bool = True
    ) -> dict[str, tuple[int, ...]]:
        """Parameter shapes for one layer and direction.

        >>> from elman.cells import get_cell
        >>> get_cell("lstm").shapes(3, 2, bias=False)
        {'weight_ih': (8, 3), 'weight_hh': (8, 2)}
        """
        sizes = {
            "gates": len(self.gates),
            "input_size": input_size,
            "hidden_size": hidden_size,
            "recurrent_size": hidden_size if recurrent_size is None else recurrent_size,
        }
        return {p.name: p.size(**sizes) for p in self.parameters(bias=bias)}

    def multiply_adds(self, input_size: int, hidden_size: int, recurrent_size: int | None = None) -> int:
        """Multiply-adds of one step of one row: every weight is used once (biases are additions only).

        >>> from elman.cells import get_cell
        >>> get_cell("gru").multiply_adds(10, 20)
        1800
        """
        shapes = self.shapes(input_size, hidden_size, recurrent_size, bias=False)
        return sum(math.prod(shape) for shape in shapes.values())


class Ops(ABC):
    """The arithmetic of equations, on one kind of array.

    The two matmuls include what is common to all cells, so that no cell repeats it: the biases, layer normalisation
    of each gate's part of each product (Ba, Kiros and Hinton 2016, "Layer Normalization", applied per gate; the
    biases serve as its shifts, ``gain_ih`` and ``gain_hh`` as its gains) and the recurrent dropout mask, one for
    all steps of a row (Gal and Ghahramani 2016, "A Theoretically Grounded Application of Dropout").

    Args:
        gates: the cell's gates, in order.
        hidden_size: ``H``.
        layer_norm: normalise the products.
        recurrent_mask: (B, R), already scaled by ``1 / (1 - p)``; multiplies the state inside the recurrent matmul.
    """

    EPSILON = 1e-5

    def __init__(
        self,
        gates: Sequence[str],
        hidden_size: int,
        *,
        layer_norm: bool = False,
        recurrent_mask: Array | None = None,
    ) -> None:
        self.gates = tuple(gates)
        self.hidden_size = hidden_size
        self.layer_norm = layer_norm
        self.recurrent_mask = recurrent_mask

    def input(self, x: Array, weights: Weights) -> list[Array]:
        """``x · weight_ihᵀ + bias_ih``, one (B, H) array for each of the cell's gates, in their order."""
        return self._product(x, weights, "ih", self.gates)

    def recurrent(self, h: Array, weights: Weights, gates: Sequence[str] | None = None) -> list[Array]:
        """``h · weight_hhᵀ + bias_hh``, one (B, H) array for each of ``gates`` (all of them, unless some are named).

        The named gates must stand side by side in the cell's order.
        """
        if self.recurrent_mask is not None:
            h = h * self.recurrent_mask
        return self._product(h, weights, "hh", self.gates if gates is None else gates)

    def _product(self, x: Array, weights: Weights, kind: str, gates: Sequence[str]) -> list[Array]:
        size, first = self.hidden_size, self.gates.index(gates[0])
        rows = slice(first * size, (first + len(gates)) * size)
        product = x @ weights[f"weight_{kind}"][rows].T
        shares = [product[..., k * size : (k + 1) * size] for k in range(len(gates))]
        if self.layer_norm:
            gain = weights[f"gain_{kind}"][rows]
            shares = [self.normalise(s) * gain[k * size : (k + 1) * size] for k, s in enumerate(shares)]
        if f"bias_{kind}" in weights:
            bias = weights[f"bias_{kind}"][rows]
            shares = [s + bias[k * size : (k + 1) * size] for k, s in enumerate(shares)]
        return shares

    def normalise(self, x: Array) -> Array:
        """To mean 0 and variance 1 along the last axis."""
        mean = self.mean(x)
        centred = x - mean
        return centred / self.sqrt(self.mean(centred * centred) + self.EPSILON)

    @abstractmethod
    def sigmoid(self, x: Array) -> Array:
        """``1 / (1 + exp(-x))``."""

    @abstractmethod
    def tanh(self, x: Array) -> Array:
        """Hyperbolic tangent."""

    @abstractmethod
    def relu(self, x: Array) -> Array:
        """``max(x, 0)``."""

    @abstractmethod
    def exp(self, x: Array) -> Array:
        """Exponential."""

    @abstractmethod
    def sqrt(self, x: Array) -> Array:
        """Square root."""

    @abstractmethod
    def mean(self, x: Array) -> Array:
        """Mean along the last axis, which is kept with length 1."""

    @abstractmethod
    def where(self, condition: Array, a: Array, b: Array) -> Array:
        """``a`` where ``condition`` holds, else ``b``."""

    @abstractmethod
    def zeros(self, like: Array, *shape: int) -> Array:
        """Zeros of ``shape``, of the library, type and device of ``like``."""

    @abstractmethod
    def stack(self, arrays: Sequence[Array]) -> Array:
        """Arrays of one shape, along a new first axis."""
