"""Gradients in NumPy, without torch: arrays that remember how they came about (reverse-mode differentiation).

NumPy's own functions are called on a :class:`Value` as on an array, so that a cell's equation, the layers and the
reference recurrence run on it as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

Array = np.ndarray
Share = Callable[[Array], None]
"""Gives a gradient of a value (R, …) on to what the value came from."""

# How a function's result changes with each of its arguments, from the arguments and the result.
SLOPES: dict[Any, Callable[..., tuple[Any, ...]]] = {
    np.add: lambda y, a, b: (1.0, 1.0),
    np.subtract: lambda y, a, b: (1.0, -1.0),
    np.multiply: lambda y, a, b: (b, a),
    np.true_divide: lambda y, a, b: (1.0 / b, -y / b),
    np.maximum: lambda y, a, b: (a >= b, a < b),
    np.minimum: lambda y, a, b: (a <= b, a > b),
    np.logaddexp: lambda y, a, b: (np.exp(a - y), np.exp(b - y)),
    np.power: lambda y, a, b: (b * a ** (b - 1), 0.0),
    np.negative: lambda y, a: (-1.0,),
    np.absolute: lambda y, a: (np.sign(a),),
    np.square: lambda y, a: (2 * a,),
    np.tanh: lambda y, a: (1 - y * y,),
    np.exp: lambda y, a: (y,),
    np.log: lambda y, a: (1.0 / a,),
    np.log1p: lambda y, a: (1.0 / (1 + a),),
    np.sqrt: lambda y, a: (0.5 / y,),
}


class Tape(list["Value"]):
    """All values of a computation, each behind those that it came from."""

    def backward(self, output: Value, seeds: Array, on_share: Callable[[float], None] | None = None) -> None:
        """Give each value the gradients of R weighted sums of ``output`` with respect to it, (R, …).

        Args:
            seeds: the weights, (R, …), the output's shape behind R.
            on_share: told from time to time what share of the work is done.
        """
        output.receive(np.asarray(seeds, np.float64))
        for number, value in enumerate(reversed(self)):
            if value.gradient is not None and value.share is not None:
                value.share(value.gradient)
                value.gradient = None  # only what nothing came before keeps its own
            if on_share is not None and number % 256 == 0:
                on_share(number / len(self))


class Value(NDArrayOperatorsMixin):
    """An array in a computation on a tape.

    Args:
        array: the numbers, float64.
        tape: where it is noted.
        share: gives a gradient on; None: it came from nothing.
    """

    def __init__(self, array: Array, tape: Tape, share: Share | None = None) -> None:
        self.array, self.tape, self.share = array, tape, share
        self.gradient: Array | None = None
        self._own = False  # whether the gradient is this one's alone, so that it may be changed in place
        tape.append(self)

    shape = property(lambda self: self.array.shape)
    ndim = property(lambda self: self.array.ndim)
    dtype = property(lambda self: self.array.dtype)

    def __len__(self) -> int:
        return len(self.array)

    def receive(self, gradient: Array) -> None:
        """Add to the gradient, summed over what was broadcast."""
        gradient = _summed_to(gradient, self.array.shape)
        self._own = self.gradient is not None
        self.gradient = gradient if self.gradient is None else self.gradient + gradient

    def _receive_at(self, index: tuple[Any, ...], gradient: Array) -> None:
        if self.gradient is None:
            self.gradient = np.zeros((len(gradient), *self.array.shape))
        elif not self._own:
            self.gradient = self.gradient.copy()
        self._own = True
        self.gradient[(slice(None), *index)] += gradient

    def __getitem__(self, index: Any) -> Value:
        where = index if isinstance(index, tuple) else (index,)
        return Value(self.array[index], self.tape, lambda gradient: self._receive_at(where, gradient))

    @property
    def T(self) -> Value:
        """A matrix's transpose."""
        return Value(self.array.T, self.tape, lambda gradient: self.receive(np.swapaxes(gradient, -1, -2)))

    def reshape(self, *shape: int) -> Value:
        """The same numbers in another shape."""
        return Value(
            self.array.reshape(shape),
            self.tape,
            lambda gradient: self.receive(gradient.reshape(len(gradient), *self.array.shape)),
        )

    def mean(self, axis: int = -1, keepdims: bool = True) -> Value:
        """The mean along the last axis, kept with length 1."""
        assert axis == -1 and keepdims, "what the equations use"
        size = self.array.shape[-1]
        return Value(
            self.array.mean(axis=-1, keepdims=True),
            self.tape,
            lambda gradient: self.receive(np.broadcast_to(gradient / size, (len(gradient), *self.array.shape))),
        )

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if method != "__call__" or options:
            return NotImplemented
        arrays = [_array(given) for given in inputs]
        result = ufunc(*arrays)
        if ufunc is np.matmul:
            return self._product(inputs, arrays, result)
        if ufunc not in SLOPES:
            return result if result.dtype == bool else NotImplemented
        slopes = SLOPES[ufunc](result, *arrays)
        pairs = [(given, slope) for given, slope in zip(inputs, slopes, strict=True) if isinstance(given, Value)]

        def share(gradient: Array) -> None:
            for given, slope in pairs:
                given.receive(gradient * slope)

        return Value(result, self.tape, share)

    def _product(self, inputs: Sequence[Any], arrays: Sequence[Array], result: Array) -> Any:
        if not isinstance(inputs[0], Value) or isinstance(inputs[1], Value):
            return NotImplemented
        left, weights = inputs[0], arrays[1]
        return Value(result, self.tape, lambda gradient: left.receive(gradient @ np.swapaxes(weights, -1, -2)))

    def __array_function__(self, function: Any, types: Any, given: tuple[Any, ...], options: dict[str, Any]) -> Any:
        known: dict[Any, Any] = {np.where: _where, np.stack: _stack, np.concatenate: _concatenate, np.repeat: _repeat}
        return known[function](self.tape, *given, **options) if function in known else NotImplemented


def _where(tape: Tape, condition: Any, a: Any, b: Any) -> Value:
    def share(gradient: Array) -> None:
        for given, chosen in ((a, condition), (b, np.logical_not(condition))):
            if isinstance(given, Value):
                given.receive(np.where(chosen, gradient, 0.0))

    return Value(np.where(condition, _array(a), _array(b)), tape, share)


def _stack(tape: Tape, parts: Sequence[Any], axis: int = 0) -> Value:
    assert axis == 0, "what the recurrence uses"

    def share(gradient: Array) -> None:
        for k, part in enumerate(parts):
            if isinstance(part, Value):
                part.receive(gradient[:, k])

    return Value(np.stack([_array(part) for part in parts]), tape, share)


def _concatenate(tape: Tape, parts: Sequence[Any], axis: int = 0) -> Value:
    arrays = [_array(part) for part in parts]
    ends = np.cumsum([array.shape[axis] for array in arrays])

    def share(gradient: Array) -> None:
        pieces = np.split(gradient, ends[:-1], axis=axis if axis < 0 else axis + 1)
        for part, piece in zip(parts, pieces, strict=True):
            if isinstance(part, Value):
                part.receive(piece)

    return Value(np.concatenate(arrays, axis=axis), tape, share)


def _repeat(tape: Tape, value: Value, times: int, axis: int) -> Value:
    """Along an axis of length 1."""
    return Value(
        np.repeat(value.array, times, axis=axis),
        tape,
        lambda gradient: value.receive(gradient.sum(axis=axis + 1, keepdims=True)),
    )


def _array(given: Any) -> Any:
    return given.array if isinstance(given, Value) else given


def _summed_to(gradient: Array, shape: tuple[int, ...]) -> Array:
    """A gradient (R, …) as one of an array of ``shape``, from which it was broadcast."""
    while gradient.ndim > len(shape) + 1:
        gradient = gradient.sum(axis=1)
    for axis, size in enumerate(shape, start=1):
        if size == 1 and gradient.shape[axis] != 1:
            gradient = gradient.sum(axis=axis, keepdims=True)
    return gradient
