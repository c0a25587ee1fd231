"""The compiled recurrence: its kernels for a layout, and a run of them on NumPy arrays.

Whoever calls the kernels checks types and shapes and keeps the memory alive. Dimension names are
those of :mod:`elman.cells.base`.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, NamedTuple

import numpy as np

from elman.cells import get_cell
from elman.errors import SettingsError, ShapeError
from elman.recurrence import Layout, Result
from elman.recurrence.backends import native

Array = np.ndarray

LEAST_ROUNDED = 1e-30  # the largest weight of a row that eight bits still tell from zeros

_target: ContextVar[str | None] = ContextVar("elman_target", default=None)


@contextlib.contextmanager
def use_target(name: str) -> Iterator[None]:
    """Run kernels compiled for one instruction set in a block of code, whatever ``ELMAN_TARGET`` says.

    Args:
        name: one of ``elman._native.targets()``.

    >>> with use_target("baseline"):
    ...     kernels_for(Layout("gru", 1, 2), np.dtype("f4")) is not None
    True
    """
    token = _target.set(name)
    try:
        yield
    finally:
        _target.reset(token)


def current_target() -> str | None:
    """The instruction set that :func:`use_target` asks for; None where it is left to the process."""
    return _target.get()


@functools.cache
def native_cells() -> frozenset[str]:
    """The names of the cells that have kernels; none where there is no compiled core."""
    module = native()
    return frozenset(module.cells()) if module is not None else frozenset()


def has_kernels(layout: Layout) -> bool:
    """Whether a stack of layers has kernels.

    >>> has_kernels(Layout("slstm", 1, 4, options=(2,), layer_norm=True))
    False
    """
    return layout.cell in native_cells() and not (layout.heads > 1 and layout.layer_norm)


def kernels_for(layout: Layout, dtype: np.dtype) -> Any:
    """The kernels for a stack of layers, ``elman._native.Layers``.

    Raises:
        ValueError: the cell has no kernels, or the target cannot run here.
    """
    return _kernels(layout, dtype.itemsize == 8, _target.get())


@functools.lru_cache(maxsize=512)
def _kernels(layout: Layout, double: bool, target: str | None) -> Any:
    heads = get_cell(layout.cell).heads
    return native().Layers(
        layout.cell,
        layout.input_size,
        layout.hidden_size,
        layout.num_layers,
        layout.num_directions,
        layout.proj_size,
        layout.heads,
        layout.bias,
        layout.layer_norm,
        list(layout.zoneout),
        next((value for name, value in layout.option_values.items() if name != heads), 0.0),
        double,
        target,
    )


def thread_count(default: int | None = None) -> int:
    """Threads that a run may use: ``ELMAN_NUM_THREADS`` as it was at the first call, else ``default``, else the
    processors of this process.

    Raises:
        SettingsError: ``ELMAN_NUM_THREADS`` is not a whole number from 1 to 9999.
    """
    return _asked_threads() or default or _processors()


@functools.cache
def _asked_threads() -> int | None:
    # once: a look into the environment takes longer than all else that is asked before a call
    asked = os.environ.get("ELMAN_NUM_THREADS")
    if not asked:
        return None
    # few digits: int() refuses thousands of them, and the kernels count in 32 bits
    if not re.fullmatch("[1-9][0-9]{0,3}", asked):
        raise SettingsError(f"ELMAN_NUM_THREADS is {asked!r:.40}; it must be a whole number from 1 to 9999")
    return int(asked)


@functools.cache
def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Ragged(NamedTuple):
    """Rows of several lengths, for the kernels: ``counts`` (T,) rows active at each step, ``order`` (B,) of the rows,
    the longest first; both int64."""

    counts: Array
    order: Array


def ragged(lengths: Array, steps: int) -> Ragged:
    """``lengths`` (B,), each from 1 to ``steps``, as the kernels take them.

    >>> ragged(np.array([1, 3]), 4)
    Ragged(counts=array([2, 1, 1, 0]), order=array([1, 0]))
    """
    counts = len(lengths) - np.searchsorted(np.sort(lengths), np.arange(steps), side="right")
    return Ragged(counts.astype(np.int64, copy=False), np.argsort(-lengths, kind="stable").astype(np.int64, copy=False))


def run_layers(
    layout: Layout,
    x: Array,
    states: tuple[Array, ...] | None,
    weights: Mapping[str, Array],
    *,
    lengths: Array | None = None,
    resets: Array | None = None,
    threads: int | None = None,
) -> Result:
    """:func:`elman.recurrence.run_layers` on the compiled kernels, for NumPy arrays: inference, without a trace.

    Args:
        layout: of a cell that has kernels.
        x: (T, B, I), float32 or float64, of any strides.
        states: each (L·D, B, size); None for zeros.
        weights: by full name, as in :meth:`elman.recurrence.Layout.shapes`.
        lengths: (B,) from 1 to T.
        resets: (T, B) bool.
        threads: at most so many; see :func:`thread_count` for None.

    Returns:
        output (T, B, D·R), final states, an empty trace.

    Raises:
        ShapeError: an array of another shape or type.

    >>> layout = Layout("rnn", 1, 1, bias=False)
    >>> weights = {"weight_ih_l0": np.ones((1, 1)), "weight_hh_l0": np.zeros((1, 1))}
    >>> run_layers(layout, np.full((2, 1, 1), 0.5), None, weights).output.ravel().round(4)
    array([0.4621, 0.4621])
    """
    x = np.asarray(x)
    dtype = x.dtype
    if dtype not in (np.float32, np.float64) or x.ndim != 3 or x.shape[2] != layout.input_size or not x.shape[0]:
        raise ShapeError(f"x is {dtype} {x.shape}; it must be float32 or float64 (T, B, {layout.input_size}), T not 0")
    steps, rows = x.shape[:2]
    x = _reachable(x)
    arrays = _given_weights(layout, weights, dtype)
    shapes = [(layout.num_parts, rows, size) for size in layout.state_sizes]
    initial = None if states is None else _given_states(layout, states, shapes, dtype)
    sorted_rows = None if lengths is None else ragged(_checked_lengths(lengths, steps, rows), steps)
    starts = None if resets is None else np.ascontiguousarray(_given("resets", resets, (steps, rows), np.dtype(bool)))
    output = np.empty((steps, rows, layout.num_directions * layout.recurrent_size), dtype)
    finals = tuple(np.empty(shape, dtype) for shape in shapes)
    batch = native().Batch(
        steps,
        rows,
        None if sorted_rows is None else sorted_rows.counts,
        None if sorted_rows is None else sorted_rows.order,
        0,
        starts,
        thread_count(threads),
    )
    tensors = [*(initial or (None,) * len(shapes)), *arrays]
    kernels_for(layout, dtype).forward(batch, x, output, tensors, None, None, None, finals)
    return Result(output, finals, {})


def _reachable(x: Array) -> Array:
    """``x``, copied where its features do not lie side by side, or nothing lies at a multiple of the element's size."""
    size = x.dtype.itemsize
    whole = all(stride % size == 0 for stride in x.strides) and x.flags.aligned
    return x if whole and (x.shape[2] == 1 or x.strides[2] == size) else np.require(x, x.dtype, ["C", "A"])


def _given_weights(layout: Layout, weights: Mapping[str, Array], dtype: np.dtype) -> list[Array]:
    missing = [name for name in layout.shapes() if name not in weights]
    if missing:
        raise ShapeError(f"weights lacks {', '.join(missing)}; the layout needs {', '.join(layout.shapes())}")
    return [_given(name, weights[name], shape, dtype) for name, shape in layout.shapes().items()]


def _given_states(
    layout: Layout, states: tuple[Array, ...], shapes: Sequence[tuple[int, ...]], dtype: np.dtype
) -> list[Array]:
    if len(states) != len(shapes):
        raise ShapeError(f"{len(states)} state(s) given; {layout.cell} has {len(shapes)}")
    return [_given("state", s, shape, dtype) for s, shape in zip(states, shapes, strict=True)]


def _given(name: str, array: Array, shape: tuple[int, ...], dtype: np.dtype) -> Array:
    array = np.asarray(array)
    if array.shape != shape or array.dtype.kind not in ("b" if dtype.kind == "b" else "fiu"):
        raise ShapeError(f"{name} is {array.dtype} {array.shape}; it must be {dtype} {shape}")
    return np.require(array, dtype, ["C", "A"])


def _checked_lengths(lengths: Array, steps: int, rows: int) -> Array:
    lengths = np.asarray(lengths)
    known = lengths.shape == (rows,) and lengths.dtype.kind in "iu"
    if not known or (rows and not 1 <= lengths.min() <= lengths.max() <= steps):
        raise ShapeError(f"lengths must be {rows} integers from 1 to {steps}, one for each row: leave empty rows out")
    return lengths.astype(np.int64)


def eight_bit(matrix: Array) -> tuple[Array, Array]:
    """Codes (N, K) int8 and a scale for each row (N, 1): the matrix that a :class:`Stepper` of ``eight_bit`` weights
    multiplies with is their product. The largest element of a row becomes 127 or -127; a row without an element above
    1e-30 is zeros.

    >>> codes, scales = eight_bit(np.array([[0.5, -1.0], [0.0, 0.0]]))
    >>> codes.tolist(), (codes * scales).round(3).tolist()
    ([[64, -127], [0, 0]], [[0.504, -1.0], [0.0, 0.0]])
    """
    largest = np.abs(matrix).max(axis=1, initial=0, keepdims=True)
    most, known = np.asarray(127, matrix.dtype), largest > LEAST_ROUNDED
    inverse = np.divide(most, largest, out=np.zeros_like(largest), where=known)
    return np.rint(matrix * inverse).astype(np.int8), np.where(known, largest / most, 0)


class Stepper:
    """A stack of layers a step at a time, its weights packed once: microseconds a step.

    Args:
        layout: of a cell that has kernels, in one direction.
        weights: by full name, float32 or float64; they are copied.
        threads: at most so many, see :func:`thread_count` for None. Several share in a step whose weights are more than
            one processor's cache holds, where it follows the one before within microseconds: waking them takes longer
            than a step. No result depends on it.
        eight_bit: round the matrices of weights to eight bits, each row (the weights of one unit in one gate) with a
            scale of its own, and what is multiplied with them to sixteen: a quarter of the memory, and faster where
            that is what a step waits for. Everything else is as before. float32 alone; see :func:`eight_bit`.

    Raises:
        SettingsError: the layers run in both directions, whose second half begins at a sequence's end.
        ShapeError: an array of another shape or type; of weights to be rounded also one that is not finite.

    >>> layout = Layout("rnn", 1, 1, bias=False)
    >>> stepper = Stepper(layout, {"weight_ih_l0": np.ones((1, 1)), "weight_hh_l0": np.ones((1, 1))})
    >>> y, state = stepper.step(np.array([0.5]), (np.zeros((1, 1)),))
    >>> y.round(4), stepper.step(np.array([0.5]), state)[0].round(4)
    (array([0.4621]), array([0.7452]))
    """

    def __init__(
        self, layout: Layout, weights: Mapping[str, Array], *, threads: int | None = None, eight_bit: bool = False
    ) -> None:
        if layout.bidirectional:
            raise SettingsError("a bidirectional layer has no single step: its second half starts at the end")
        self.layout = layout
        self.dtype = np.asarray(weights.get(next(iter(layout.shapes())), 0.0)).dtype
        if self.dtype not in (np.float32, np.float64):
            raise ShapeError(f"the weights are {self.dtype}; they must be float32 or float64: convert them with astype")
        arrays = _given_weights(layout, weights, self.dtype)
        if eight_bit and self.dtype != np.float32:
            raise ShapeError(f"the weights are {self.dtype}; only float32 ones can be rounded to eight bits")
        if eight_bit and not all(np.isfinite(array).all() for array in arrays):
            raise ShapeError("the weights are not all finite; only finite ones can be rounded to eight bits")
        self._run = kernels_for(layout, self.dtype).stepper(arrays, thread_count(threads), eight_bit).step
        self._size, self._count = layout.recurrent_size, len(layout.state_sizes)  # a property costs a tenth of a step

    def step(self, x: Array, states: tuple[Array, ...]) -> tuple[Array, tuple[Array, ...]]:
        """Take in one step.

        Args:
            x: (B, I), or (I,) without a batch.
            states: each (L, B, size), without a batch (L, size).

        Returns:
            the output (B, R), without a batch (R,), and the new states.

        Raises:
            ShapeError: arrays of other shapes or types.
        """
        try:
            if len(states) != self._count:
                return self._checked(x, states)
            y = np.empty((*x.shape[:-1], self._size), self.dtype)
            h = np.empty_like(states[0])
            if self._count == 1:
                self._run(x, states[0], None, y, h, None)
                return y, (h,)
            c = np.empty_like(states[1])
            if self._count == 2:
                self._run(x, states[0], states[1], y, h, c)
                return y, (h, c)
            new = (h, c, *(np.empty_like(state) for state in states[2:]))
            self._run(x, states, y, new)
            return y, new
        except (TypeError, ValueError, IndexError, AttributeError):
            return self._checked(x, states)

    def _checked(self, x: Array, states: tuple[Array, ...]) -> tuple[Array, tuple[Array, ...]]:
        """The same from arrays that the kernels do not take as they are, or an error that names what is wrong."""
        x = np.asarray(x)
        layout, rows = self.layout, x.shape[:-1]
        if x.ndim not in (1, 2) or x.shape[-1] != layout.input_size:
            raise ShapeError(f"x is {x.shape}; it must be (B, {layout.input_size}) or ({layout.input_size},)")
        given = _given_states(layout, states, [(layout.num_layers, *rows, n) for n in layout.state_sizes], self.dtype)
        y = np.empty((*rows, layout.recurrent_size), self.dtype)
        new = tuple(np.empty_like(state) for state in given)
        self._run(_given("x", x, x.shape, self.dtype), given, y, new)
        return y, new
