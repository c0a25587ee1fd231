"""A cell run along sequences: the reference, on NumPy arrays and (given torch's :class:`Ops`) on tensors.

Everything here is time-major: ``x`` is (T, B, I). Dimension names are those of :mod:`elman.cells.base`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from elman.cells import Cell, get_cell
from elman.cells.base import Array, Ops, State, Weights
from elman.recurrence.layout import Layout


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
        lengths: (B,) steps of each row; steps behind it leave the states alone and have output 0.
        resets: (T, B) bool; True starts a new segment at that step, from a state of zeros, in both directions.
        reverse: run from each row's last step to its first.
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
        # in reverse, a segment's first step is computed last: the border lies behind it
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
