"""The compiled recurrence on random layouts, shapes, lengths and strides: against the equations, and its laws.

Arrays lie between NaNs, as does what is behind a row's length: what reads where it should not shows it, with a
sanitizer or without. ``ELMAN_FUZZ`` sets the number of examples of each test and target.
"""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from elman import kernels, recurrence
from elman.cells import cell_names, get_cell
from elman.cells.numpy_ops import NumpyOps
from elman.recurrence import Layout

CELLS = cell_names()
MEMORY = [
    "contiguous",
    "rows first",
    "features first",
    "every other step",
    "every other row",
    "every other feature",
    "steps backwards",
    "rows backwards",
    "features backwards",
    "one step for all",
    "one row for all",
    "between bytes",
]
fuzz = settings(max_examples=int(os.environ.get("ELMAN_FUZZ", 20)))


@dataclass(frozen=True)
class Case:
    """A layout, and what it is run on; the values follow from ``seed``."""

    layout: Layout
    steps: int = 5
    rows: int = 3
    ragged: bool = False
    resets: bool = False
    states: bool = True
    scale: float = 1.0
    memory: str = "contiguous"
    double: bool = False
    threads: int = 1
    seed: int = 0

    @property
    def dtype(self):
        return np.dtype(np.float64 if self.double else np.float32)


@st.composite
def cases(draw, **fixed):
    cell, hidden = draw(st.sampled_from(CELLS)), draw(st.integers(1, 40))
    states, heads, options, layer_norm = len(get_cell(cell).states), 1, (), draw(st.booleans())
    if cell == "lem":
        options = (draw(st.floats(0.1, 1.0)),)
    elif cell == "slstm" and not layer_norm:  # which no kernel does over several heads
        heads = draw(st.integers(1, 3))
        hidden, options = hidden * heads, (float(heads),)
    layout = Layout(
        cell,
        draw(st.integers(1, 40)),
        hidden,
        num_layers=draw(st.integers(1, 3)),
        bias=draw(st.booleans()),
        bidirectional=fixed.pop("bidirectional", draw(st.booleans())),
        proj_size=draw(st.integers(0, hidden - 1))
        if get_cell(cell).can_project and heads == 1 and draw(st.booleans())
        else 0,
        layer_norm=layer_norm,
        zoneout=tuple(draw(st.sampled_from([0.0, 0.1, 0.5, 1.0])) for _ in range(states))
        if draw(st.booleans())
        else (),
        options=options,
    )
    flags = {name: draw(st.booleans()) for name in ("ragged", "resets", "states", "double")}
    case = Case(
        layout,
        draw(st.integers(1, 20)),
        draw(st.integers(1, 9)),
        **flags,
        scale=draw(st.sampled_from([1.0, 30.0])),
        memory=draw(st.sampled_from(MEMORY)),
        threads=draw(st.integers(1, 3)),
        seed=draw(st.integers(0, 2**32 - 1)),
    )
    return replace(case, **fixed)


# Large enough to be worth a second thread: rows shared, or units where the rows are few.
LARGE = [
    Case(Layout("gru", 20, 130, bidirectional=True), 15, 19, ragged=True, resets=True),
    Case(Layout("lstm", 70, 150, proj_size=40, layer_norm=True, zoneout=(0.1, 0.5)), 12, 17, double=True),
    Case(Layout("gru-before", 33, 257, num_layers=2), 9, 2, memory="rows first"),
    Case(Layout("lstm-peephole", 5, 150, bidirectional=True, zoneout=(0.2, 0.0)), 20, 3, ragged=True, resets=True),
    Case(Layout("rnn", 8, 400), 30, 1),
    Case(Layout("mingru", 60, 300, num_layers=2), 20, 3, ragged=True),
    Case(Layout("lem", 33, 257, options=(0.5,)), 9, 2, resets=True),
    Case(Layout("slstm", 20, 600, options=(2.0,)), 9, 2),
    Case(Layout("slstm", 70, 240, num_layers=2, bidirectional=True, options=(2.0,)), 9, 17, ragged=True, resets=True),
]


def between_nans(array):
    """A contiguous copy that begins one element behind a multiple of every vector's size."""
    room = np.full(array.size + 48, np.nan, array.dtype)
    aligned = -(room.ctypes.data // array.itemsize) % 16
    view = room[aligned + 1 : aligned + 1 + array.size].reshape(array.shape)
    view[...] = array
    return view


def every_other(array, axis):
    room = np.full([2 * n + 1 if k == axis else n for k, n in enumerate(array.shape)], np.nan, array.dtype)
    view = room[(slice(None),) * axis + (slice(1, None, 2),)]
    view[...] = array
    return view


def laid_out(x, memory):
    """The values of ``x`` (T, B, I), laid out in memory as said."""
    axis = next((k for k, name in enumerate(("step", "row", "feature")) if name in memory), 0)
    if memory.startswith("every other"):
        return every_other(x, axis)
    if memory.endswith("backwards"):
        return np.flip(between_nans(np.flip(x, axis)), axis)
    if memory.endswith("first"):
        return np.moveaxis(between_nans(np.moveaxis(x, axis, 0)), 0, axis)
    if memory.endswith("for all"):
        return np.broadcast_to(between_nans(x.take([0], axis)), x.shape)
    if memory == "between bytes":
        room = np.frombuffer(bytearray(x.nbytes + 1), np.uint8)[1:].view(x.dtype).reshape(x.shape)
        room[...] = x
        return room
    return between_nans(x)


def arguments(case):
    """(x, states, weights, lengths, resets) of a case."""
    random = np.random.default_rng(case.seed)
    layout, parts = case.layout, case.layout.num_layers * case.layout.num_directions

    def draw(low, high, *shape):
        return random.uniform(low, high, shape).astype(case.dtype)

    bound = layout.hidden_size**-0.5
    weights = {
        name: between_nans(draw(0.5, 1.5, *shape) if name.startswith("gain") else draw(-bound, bound, *shape))
        for name, shape in layout.shapes().items()
    }
    names = get_cell(layout.cell).states  # a normaliser is a sum of positive numbers
    states = tuple(
        between_nans(draw(0.5 if name == "n" else -1, 1, parts, case.rows, size))
        for name, size in zip(names, layout.state_sizes, strict=True)
    )
    lengths = random.integers(1, case.steps + 1, case.rows) if case.ragged else None
    resets = random.random((case.steps, case.rows)) < 0.25 if case.resets else None
    x = draw(-case.scale, case.scale, case.steps, case.rows, layout.input_size)
    x = laid_out(x, case.memory)
    if lengths is not None and not case.memory.endswith("for all"):
        x[np.arange(case.steps)[:, None] >= lengths] = np.nan
    return x, states if case.states else None, weights, lengths, resets


def run(case, target, x, states, weights, lengths=None, resets=None, threads=None):
    """The arrays that come out, by name."""
    with kernels.use_target(target):
        result = kernels.run_layers(
            case.layout, x, states, weights, lengths=lengths, resets=resets, threads=threads or case.threads
        )
    return {"output": result.output, **{f"state {k}": state for k, state in enumerate(result.state)}}


def equations(case, x, states, weights, lengths, resets):
    """The same of the reference, in float64."""
    layout = case.layout
    ops = NumpyOps(
        get_cell(layout.cell).gates,
        layout.hidden_size,
        layer_norm=layout.layer_norm,
        options=layout.option_values,
        heads=layout.heads,
    )
    if states is None:
        parts = layout.num_layers * layout.num_directions
        states = tuple(np.zeros((parts, case.rows, size)) for size in layout.state_sizes)
    result = recurrence.run_layers(
        layout,
        x.astype(np.float64),
        tuple(state.astype(np.float64) for state in states),
        {name: array.astype(np.float64) for name, array in weights.items()},
        lambda part: ops,
        lengths=lengths,
        resets=resets,
        join=partial(np.concatenate, axis=-1),
    )
    return {"output": result.output, **{f"state {k}": state for k, state in enumerate(result.state)}}


def same(found, expected, what=""):
    """Bit for bit."""
    for name, array in expected.items():
        bits = f"u{array.itemsize}"
        found_bits, expected_bits = (np.ascontiguousarray(a).view(bits) for a in (found[name], array))
        np.testing.assert_array_equal(found_bits, expected_bits, err_msg=f"{what} {name}")


def nudged(case, seed, x, states, weights, lengths, resets):
    """The arguments, each value of them moved by a few units in its last place."""
    random = np.random.default_rng(seed)
    units = 4 * np.finfo(case.dtype).eps

    def moved(array):
        return array * (1 + units * random.uniform(-1, 1, array.shape))

    states = None if states is None else tuple(map(moved, states))
    return moved(x), states, {name: moved(array) for name, array in weights.items()}, lengths, resets


@fuzz
@example(case=Case(Layout("slstm", 5, 12, num_layers=2, bidirectional=True, options=(3.0,)), ragged=True, resets=True))
@given(case=cases())
def test_equals_the_equations(target, case):
    if case.layout.layer_norm and 1 < case.layout.hidden_size < 8:
        # of a few units in a row some have nearly one value, and normalising them multiplies every rounding
        case = replace(case, layout=replace(case.layout, hidden_size=case.layout.hidden_size + 8))
    given = arguments(case)
    x, weights = given[0].copy(), {name: array.copy() for name, array in given[2].items()}
    found = run(case, target, *given)
    same({"x": given[0], **given[2]}, {"x": x, **weights}, "changed:")
    expected = equations(case, *given)
    shaken = [equations(case, *nudged(case, seed, *given)) for seed in range(3)]
    epsilon = np.finfo(case.dtype).eps
    for name, array in expected.items():
        assert found[name].dtype == case.dtype
        # rounding, and what the sequence makes of it: a chain of normalised or repelling steps may multiply it
        error = 16 * epsilon * max(1, np.abs(array).max()) + 4 * max(
            np.abs(other[name] - array).max() for other in shaken
        )
        np.testing.assert_allclose(found[name], array, rtol=0, atol=error, err_msg=name)


def with_large(test):
    for case in LARGE:
        test = example(case=case)(test)
    return test


@fuzz
@with_large
@given(case=cases(ragged=True))
def test_a_row_is_what_it_is_alone_and_without_padding(target, case):
    x, states, weights, lengths, resets = arguments(replace(case, ragged=True))
    batch = run(case, target, x, states, weights, lengths, resets)
    for row, length in enumerate(lengths):
        here = slice(row, row + 1)
        alone = run(
            case,
            target,
            x[:length, here],
            None if states is None else tuple(state[:, here] for state in states),
            weights,
            resets=None if resets is None else resets[:length, here],
        )
        assert not batch["output"][length:, row].any()
        steps = {name: array[:length] if name == "output" else array for name, array in batch.items()}
        same({name: array[:, here] for name, array in steps.items()}, alone, f"row {row}")


@fuzz
@with_large
@given(case=cases())
def test_threads_change_nothing(target, case):
    given = arguments(case)
    alone = run(case, target, *given, threads=1)
    for threads in (2, 3):
        same(run(case, target, *given, threads=threads), alone, f"{threads} threads")


@fuzz
@given(case=cases())
def test_layout_in_memory_changes_nothing(target, case):
    x, *others = arguments(case)
    same(run(case, target, x, *others), run(case, target, np.ascontiguousarray(x), *others))


@fuzz
@given(case=cases(bidirectional=False, ragged=False), cuts=st.lists(st.integers(1, 19), max_size=4))
def test_pieces_are_the_whole(target, case, cuts):
    x, states, weights, _, resets = arguments(case)
    whole = run(case, target, x, states, weights, resets=resets)
    borders = sorted({0, case.steps, *(cut for cut in cuts if cut < case.steps)})
    outputs = []
    for first, end in itertools.pairwise(borders):
        piece = run(case, target, x[first:end], states, weights, resets=None if resets is None else resets[first:end])
        outputs.append(piece.pop("output"))
        states = tuple(piece.values())
    same({"output": np.concatenate(outputs), **piece}, whole)
