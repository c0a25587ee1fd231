"""A cell: data and one pure function; and :class:`Ops`, the arithmetic that equations use.

Dimension names, here and everywhere: ``T`` time, ``B`` batch, ``I`` input, ``H`` hidden, ``R`` recurrent
(``H``, or the projection's size), ``G`` gates, ``L`` layers.
"""

from __future__ import annotations

import math
import numbers
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from elman.errors import SettingsError

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
GAINS = (Parameter("gain_ih", ("GH",)), Parameter("gain_hh", ("GH",)))


@dataclass(frozen=True)
class Option:
    """A number that belongs to one cell alone, chosen when a layer is made.

    Args:
        default: what holds where nothing is chosen.
        above, least, most: its range, with the second and third themselves.
        whole: no fractions.
        help: what it is, in a few words.
    """

    name: str
    default: float
    help: str = field(repr=False)
    above: float = -math.inf
    least: float = -math.inf
    most: float = math.inf
    whole: bool = False

    def problem(self, value: float) -> str:
        """What is wrong with ``value``; empty if nothing.

        >>> Option("dt", 1.0, above=0, most=1, help="the longest time step").problem(2)
        'the option dt is 2; it must be a number above 0 and at most 1'
        """
        whole = not self.whole or float(value).is_integer()
        if whole and self.above < value < math.inf and self.least <= value <= self.most:
            return ""
        bounds = [f"above {self.above:g}"] * (self.above > -math.inf) + [f"at least {self.least:g}"] * (
            self.least > -math.inf
        )
        bounds += [f"at most {self.most:g}"] * (self.most < math.inf)
        kind = "whole number" if self.whole else "number"
        return f"the option {self.name} is {value!r:.40}; it must be a {kind} {' and '.join(bounds)}".rstrip()


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
        keep: the gate that multiplies the old state (an LSTM's f, a GRU's z); "" if that is one minus ``write``.
        write: the gate that multiplies the candidate (an LSTM's i); "" if that is one minus ``keep``.
        recurrent: whether the gates read the old state: ``weight_hh`` and ``bias_hh`` exist.
        options: the cell's own numbers.
        heads: the option that is the number of heads; "" if the cell has none. The units of each head read its own
            units of the state alone: ``weight_hh`` is (G·H, R / heads), the blocks of a block-diagonal matrix.
        projects: whether a projection may come between ``h`` and the next step; None: where there is another state.
    """

    name: str
    gates: tuple[str, ...]
    states: tuple[str, ...]
    step: Step = field(repr=False)
    source: str = field(repr=False)
    extra: tuple[Parameter, ...] = ()
    keep: str = ""
    write: str = ""
    recurrent: bool = True
    options: tuple[Option, ...] = ()
    heads: str = ""
    projects: bool | None = None

    @property
    def can_project(self) -> bool:
        """Whether it may have a projection."""
        return len(self.states) > 1 if self.projects is None else self.projects

    def chosen(self, given: Mapping[str, Any]) -> tuple[float, ...]:
        """The values of the cell's options, in their order, of which some are given by name.

        Raises:
            SettingsError: the cell has no option of that name, or its value is no number.

        >>> from elman.cells import get_cell
        >>> get_cell("lem").chosen({"dt": 0.5})
        (0.5,)
        """
        known = [option.name for option in self.options]
        for name, value in given.items():
            if name not in known:
                raise SettingsError(f"{self.name} has no option {name!r:.40}; it has: {', '.join(known) or 'none'}")
            if isinstance(value, bool) or not isinstance(value, numbers.Real):
                raise SettingsError(f"the option {name} is {value!r:.40}; it must be a number")
        return tuple(float(given.get(option.name, option.default)) for option in self.options)

    def parameters(self, *, bias: bool = True, layer_norm: bool = False) -> tuple[Parameter, ...]:
        """All of the cell's parameters, in torch's order; biases and the gains of layer normalisation if asked for."""
        products = 2 if self.recurrent else 1
        given = WEIGHTS[:products] + (BIASES[:products] if bias else ()) + self.extra
        return given + (GAINS[:products] if layer_norm else ())

    def shapes(
        self,
        input_size: int,
        hidden_size: int,
        recurrent_size: int | None = None,
        *,
        bias: bool = True,
        layer_norm: bool = False,
    ) -> dict[str, tuple[int, ...]]:
        """Parameter shapes for one layer and direction; ``recurrent_size`` is that of one head.

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
        return {p.name: p.size(**sizes) for p in self.parameters(bias=bias, layer_norm=layer_norm)}

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
        options: the cell's own numbers that are chosen, by name.
        heads: into how many parts the recurrent matmul divides the units.
    """

    EPSILON = 1e-5

    def __init__(
        self,
        gates: Sequence[str],
        hidden_size: int,
        *,
        layer_norm: bool = False,
        recurrent_mask: Array | None = None,
        options: Mapping[str, float] | None = None,
        heads: int = 1,
    ) -> None:
        self.gates = tuple(gates)
        self.hidden_size = hidden_size
        self.layer_norm = layer_norm
        self.recurrent_mask = recurrent_mask
        self.options = options or {}
        self.heads = heads

    def option(self, option: Option) -> float:
        """The value of one of the cell's options."""
        return self.options.get(option.name, option.default)

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
        weight = weights[f"weight_{kind}"][rows]
        product = x @ weight.T if kind == "ih" or self.heads == 1 else self._by_heads(x, weight, len(gates))
        shares = [product[..., k * size : (k + 1) * size] for k in range(len(gates))]
        if self.layer_norm:
            gain = weights[f"gain_{kind}"][rows]
            shares = [self.normalise(s) * gain[k * size : (k + 1) * size] for k, s in enumerate(shares)]
        if f"bias_{kind}" in weights:
            bias = weights[f"bias_{kind}"][rows]
            shares = [s + bias[k * size : (k + 1) * size] for k, s in enumerate(shares)]
        return shares

    def _by_heads(self, x: Array, weight: Array, gates: int) -> Array:
        """``x · weightᵀ`` of a weight with the blocks of several heads, one below the other in each gate's rows."""
        size = self.hidden_size // self.heads
        blocks = weight.reshape(gates, self.heads, size, size).swapaxes(-1, -2)
        own = x.reshape(*x.shape[:-1], 1, self.heads, 1, size)
        return (own @ blocks).reshape(*x.shape[:-1], gates * self.hidden_size)

    def normalise(self, x: Array) -> Array:
        """To mean 0 and variance 1 along the last axis."""
        mean = self.mean(x)
        centred = x - mean
        return centred / self.sqrt(self.mean(centred * centred) + self.EPSILON)

    @abstractmethod
    def sigmoid(self, x: Array) -> Array:
        """``1 / (1 + exp(-x))``."""

    @abstractmethod
    def log_sigmoid(self, x: Array) -> Array:
        """The logarithm of :meth:`sigmoid`, also where that is too small for a number."""

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
