"""A cell run along sequences: the reference, on NumPy arrays and (given torch's :class:`Ops`) on tensors.

Everything here is time-major: ``x`` is (T, B, I). Dimension names are those of :mod:`elman.cells.base`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from elman.cells import Cell, get_cell
from elman.cells.base import Array, Ops, Parameter, State, Weights
from elman.errors import SettingsError


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

    def __post_init__(self) -> None:
        cell = get_cell(self.cell)
        for name in ("input_size", "hidden_size", "num_layers"):
            if getattr(self, name) < 1:
                raise SettingsError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if not 0 <= self.proj_size < self.hidden_size:
            raise SettingsError(
                f"proj_size is {self.proj_size}; it must be at least 0 and less than hidden_size ({self.hidden_size})"
            )
        if self.proj_size and len(cell.states) < 2:
            raise SettingsError(f"proj_size needs a cell with a state besides its output, as lstm has; not {self.cell}")
        if len(self.zoneout) not in (0, len(cell.states)) or not all(0 <= p <= 1 for p in self.zoneout):
            raise SettingsError(
                f"zoneout is {self.zoneout}; {self.cell} takes {len(cell.states)} probability(ies) between 0 and 1, "
                f"one for each of: {', '.join(cell.states)}"
            )

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
    def num_directions(self) -> int:
        """2 if bidirectional, else 1."""
        return 2 if self.bidirectional else 1

    @cached_property
    def state_sizes(self) -> tuple[int, ...]:
        """The last dimension of each state: ``R`` for the output, ``H`` for the others."""
        return (self.recurrent_size,) + (self.hidden_size,) * (len(get_cell(self.cell).states) - 1)

    def parts(self) -> Iterator[tuple[int, int, str]]:
        """Layer, direction and the suffix of their arrays' names, in the order of the states."""
        for layer in range(self.num_layers):
            for direction in range(self.num_directions):
                yield layer, direction, f"_l{layer}" + ("_reverse" if direction else "")

    def part_shapes(self, layer: int) -> dict[str, tuple[int, ...]]:
        """Array shapes of one direction of ``layer``, by name without suffix, in torch's order."""
        size = self.input_size if layer == 0 else self.recurrent_size * self.num_directions
        cell = get_cell(self.cell)
        shapes = cell.shapes(size, self.hidden_size, self.recurrent_size, bias=self.bias)
        if self.layer_norm:
            rows = Parameter("", ("GH",)).size(
                gates=len(cell.gates),
                input_size=size,
                hidden_size=self.hidden_size,
                recurrent_size=self.recurrent_size,
            )
            shapes |= {"gain_ih": rows, "gain_hh": rows}
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
        total = 0
        for shape in self.shapes().values():
            count = 1
            for size in shape:
                count *= size
            total += count
        return total


class Result(NamedTuple):
    """What a run leaves: outputs of every step, final states, and (if asked for) all that happened inside."""

    output: Array
    state: State
    trace: dict[str, Array]


def run_cell(
    cell: Cell,
    x: Array,
    state: State,
    weights: Weights,
    ops: Ops,
    *,
    lengths: Array | None = None,
    resets: Array | None = None,
    reverse: bool = False,
    zoneout: Sequence[float] = (),
    zoneout_masks: Sequence[Array] | None = None,
    trace: bool = False,
) -> Result:
    """Run ``cell`` along ``x`` in one direction.

    Args:
        x: (T, B, I).
        state: the states before the first step, each (B, size); given back unchanged for a row of length 0.
        weights: the cell's arrays by name, for this layer and direction; ``weight_hr`` (R, H) projects the output.
        ops: the arithmetic, which also holds layer normalisation and the recurrent dropout mask.
        lengths: (B,) steps of each row; what lies behind is not computed into the states, and its output is 0.
        resets: (T, B) bool; True starts a new segment at that step, from a state of zeros, in both directions.
        reverse: walk from each row's last step to its first.
        zoneout: probabilities, one a state, or empty.
        zoneout_masks: per state (T, B, size), True where the old value is kept; without it the expectation is used.
        trace: record gates and states of every step; 0 behind a row's length.

    Returns:
        output (T, B, R), final states, and the trace: name → (T, B, size).
    """
    steps, batch = x.shape[0], x.shape[1]
    blank = tuple(ops.zeros(x, batch, s.shape[-1]) for s in state)
    outputs: list[Array] = [None] * steps
    records: dict[str, list[Array]] = {}
    for t in range(steps - 1, -1, -1) if reverse else range(steps):
        # Walking backwards, a segment's first step is the last one visited: its border lies behind it.
        border = t + 1 if reverse else t
        if resets is not None and border < steps:
            starts = resets[border][:, None]
            if lengths is not None:  # behind its length a row keeps its state
                starts = starts & (border < lengths)[:, None]
            state = tuple(ops.where(starts, zero, s) for zero, s in zip(blank, state, strict=True))
        new, gates = cell.step(x[t], state, weights, ops)
        if "weight_hr" in weights:
            new = (new[0] @ weights["weight_hr"].T, *new[1:])
        if zoneout:
            new = _zoneout(new, state, zoneout, zoneout_masks, t, ops)
        outputs[t] = new[0]
        if lengths is not None:
            valid = (t < lengths)[:, None]
            outputs[t] = ops.where(valid, new[0], blank[0])
            new = tuple(ops.where(valid, n, s) for n, s in zip(new, state, strict=True))
        state = new
        if trace:
            for name, value in {**gates, **dict(zip(cell.states, new, strict=True))}.items():
                if lengths is not None:
                    value = ops.where(valid, value, ops.zeros(x, batch, value.shape[-1]))
                records.setdefault(name, [None] * steps)[t] = value
    return Result(ops.stack(outputs), state, {name: ops.stack(values) for name, values in records.items()})


def _zoneout(new: State, old: State, rates: Sequence[float], masks: Sequence[Array] | None, t: int, ops: Ops) -> State:
    if masks is not None:
        return tuple(ops.where(m[t], o, n) for n, o, m in zip(new, old, masks, strict=True))
    return tuple(p * o + (1 - p) * n for n, o, p in zip(new, old, rates, strict=True))


def run_layers(
    layout: Layout,
    x: Array,
    states: State,
    weights: Mapping[str, Array],
    make_ops: Callable[[int], Ops],
    *,
    lengths: Array | None = None,
    resets: Array | None = None,
    zoneout_masks: Callable[[int], Sequence[Array]] | None = None,
    between: Callable[[Array], Array] | None = None,
    join: Callable[[Sequence[Array]], Array],
    trace: bool = False,
) -> Result:
    """Run a whole stack, both directions.

    Args:
        x: (T, B, I).
        states: each (L·D, B, size), layer-major, then direction.
        weights: arrays by full name, as in :meth:`Layout.shapes`.
        make_ops: arithmetic for part ``k`` (its recurrent dropout mask is the part's own).
        zoneout_masks: masks for part ``k``, while training.
        between: what happens to a layer's output before the next layer (dropout).
        join: concatenate along the last axis.

    Returns:
        output (T, B, D·R), final states as given, trace: name + suffix → (T, B, size), e.g. ``"z_l0_reverse"``.
    """
    cell = get_cell(layout.cell)
    finals: list[State] = []
    records: dict[str, Array] = {}
    outputs: list[Array] = []
    for k, (layer, direction, suffix) in enumerate(layout.parts()):
        if direction == 0 and layer > 0:
            x = outputs[0] if len(outputs) == 1 else join(outputs)
            x = between(x) if between is not None else x
        if direction == 0:
            outputs = []
        result = run_cell(
            cell,
            x,
            tuple(s[k] for s in states),
            {name: weights[name + suffix] for name in layout.part_shapes(layer)},
            make_ops(k),
            lengths=lengths,
            resets=resets,
            reverse=direction == 1,
            zoneout=layout.zoneout,
            zoneout_masks=None if zoneout_masks is None else zoneout_masks(k),
            trace=trace,
        )
        outputs.append(result.output)
        finals.append(result.state)
        records |= {name + suffix: value for name, value in result.trace.items()}
    ops = make_ops(0)
    return Result(
        outputs[0] if len(outputs) == 1 else join(outputs),
        tuple(ops.stack([final[j] for final in finals]) for j in range(len(cell.states))),
        records,
    )
