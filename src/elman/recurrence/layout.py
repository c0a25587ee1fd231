"""The shape of a stack of recurrent layers. Dimension names are those of :mod:`elman.cells.base`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from elman.cells import Cell, get_cell
from elman.errors import SettingsError

_interned: dict[Layout, Layout] = {}


@dataclass(frozen=True)
class Layout:
    """The shape of a stack of recurrent layers, and the names of its arrays.

    Args:
        cell: name of a registered cell.
        proj_size: size of the projected output ``R``; 0 for none. Only for cells with more than one state.
        layer_norm: normalise each gate's share of both products, see :class:`elman.cells.base.Ops`.
        zoneout: probability that a unit keeps its old value, one a state (Krueger et al. 2017, "Zoneout:
            Regularizing RNNs by Randomly Preserving Hidden Activations"); outside training its expectation is
            used. Empty for none.
        options: the cell's own numbers, one for each of its ``options``, in their order; empty for the defaults.

    Raises:
        SettingsError: unknown cell, or a size or probability out of range.

    >>> Layout("gru", 1, 20, num_layers=2).parameter_count()
    3900
    """

    cell: str
    input_size: int
    hidden_size: int
    num_layers: int = 1
    bias: bool = True
    bidirectional: bool = False
    proj_size: int = 0
    layer_norm: bool = False
    zoneout: tuple[float, ...] = ()
    options: tuple[float, ...] = ()

    _state_sizes: ClassVar[tuple[int, ...]]

    def __post_init__(self) -> None:
        cell = get_cell(self.cell)
        for name in ("input_size", "hidden_size", "num_layers"):
            if getattr(self, name) < 1:
                raise SettingsError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if not 0 <= self.proj_size < self.hidden_size:
            raise SettingsError(
                f"proj_size is {self.proj_size}; it must be at least 0 and less than hidden_size ({self.hidden_size})"
            )
        if self.proj_size and not cell.can_project:
            raise SettingsError(f"proj_size needs a cell with a state besides its output, as lstm has; not {self.cell}")
        self._check_options(cell)
        if len(self.zoneout) not in (0, len(cell.states)) or not all(0 <= p <= 1 for p in self.zoneout):
            raise SettingsError(
                f"zoneout is {self.zoneout}; {self.cell} takes {len(cell.states)} probability(ies) between 0 and 1, "
                f"one for each of: {', '.join(cell.states)}"
            )

        # not a cached property, which a compiler cannot look into
        sizes = (self.recurrent_size,) + (self.hidden_size,) * (len(cell.states) - 1)
        object.__setattr__(self, "_state_sizes", sizes)

    def _check_options(self, cell: Cell) -> None:
        if len(self.options) not in (0, len(cell.options)):
            raise SettingsError(f"options is {self.options}; {cell.name} has {len(cell.options)} of its own")
        for option, value in zip(cell.options, self.options, strict=bool(self.options)):
            if problem := option.problem(value):
                raise SettingsError(f"{problem}, in {cell.name}")
        if self.options == tuple(option.default for option in cell.options):
            object.__setattr__(self, "options", ())
        if self.heads == 1:
            return
        if self.hidden_size % self.heads:
            raise SettingsError(
                f"the option {cell.heads} is {self.heads}; it must divide hidden_size ({self.hidden_size}) evenly"
            )
        if self.proj_size:
            raise SettingsError(
                f"proj_size is {self.proj_size}; a projection mixes what {cell.heads} keeps apart: choose one"
            )

    def interned(self) -> Layout:
        """The first layout equal to this one: caches keyed by layouts then find it without comparing fields."""
        return _interned.setdefault(self, self)

    def __deepcopy__(self, memo: object) -> Layout:
        return self  # it does not change

    def __hash__(self) -> int:  # once: the layers look their kernels up by layout at every call
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash(tuple(getattr(self, name) for name in self.__dataclass_fields__))

    @property
    def recurrent_size(self) -> int:
        """``R``: the size of the output of one direction."""
        return self.proj_size or self.hidden_size

    @property
    def option_values(self) -> dict[str, float]:
        """The cell's own numbers by name.

        >>> Layout("lem", 1, 4, options=(0.5,)).option_values
        {'dt': 0.5}
        """
        known = get_cell(self.cell).options
        values = self.options or tuple(option.default for option in known)
        return {option.name: value for option, value in zip(known, values, strict=True)}

    @property
    def heads(self) -> int:
        """Into how many parts the recurrent product divides the units."""
        return int(self.option_values.get(get_cell(self.cell).heads, 1))

    @property
    def num_directions(self) -> int:
        """2 if bidirectional, else 1."""
        return 2 if self.bidirectional else 1

    @property
    def num_parts(self) -> int:
        """Layers times directions: each part has weights and states of its own."""
        return self.num_layers * self.num_directions

    @property
    def state_sizes(self) -> tuple[int, ...]:
        """The last dimension of each state: ``R`` for the output, ``H`` for the others."""
        return self._state_sizes

    def parts(self) -> Iterator[tuple[int, int, str]]:
        """Layer, direction and the suffix of their arrays' names, in the order of the states."""
        for layer in range(self.num_layers):
            for direction in range(self.num_directions):
                yield layer, direction, f"_l{layer}" + ("_reverse" if direction else "")

    def part_shapes(self, layer: int) -> dict[str, tuple[int, ...]]:
        """Array shapes of one direction of ``layer``, by name without suffix, in torch's order."""
        size = self.input_size if layer == 0 else self.recurrent_size * self.num_directions
        cell = get_cell(self.cell)
        read = self.recurrent_size // self.heads
        shapes = cell.shapes(size, self.hidden_size, read, bias=self.bias, layer_norm=self.layer_norm)
        if self.proj_size:
            shapes["weight_hr"] = (self.proj_size, self.hidden_size)
        return shapes

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every array of the stack, by full name (``weight_ih_l0_reverse``), in torch's order."""
        return {
            name + suffix: shape for layer, _, suffix in self.parts() for name, shape in self.part_shapes(layer).items()
        }

    @cached_property
    def shape_list(self) -> tuple[tuple[int, ...], ...]:
        """The shapes alone, in the same order."""
        return tuple(self.shapes().values())

    def parameter_count(self) -> int:
        """Number of trainable values."""
        return sum(math.prod(shape) for shape in self.shape_list)
