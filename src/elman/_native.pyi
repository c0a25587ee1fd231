"""The compiled kernels (native/), on C-contiguous buffers of NumPy or anything else that speaks DLPack."""

from collections.abc import Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

# Each writes f(x) into out, which may be x itself, without the interpreter lock. `target` forces an instruction set.
# TypeError: not both float32 or both float64, not contiguous, or out not writable.
# ValueError: sizes that differ, buffers that overlap in part or are misaligned, a target that cannot run.
@overload
def exp(x: NDArray[np.float32], out: NDArray[np.float32], target: str | None = None) -> None: ...
@overload
def exp(x: NDArray[np.float64], out: NDArray[np.float64], target: str | None = None) -> None: ...
@overload
def tanh(x: NDArray[np.float32], out: NDArray[np.float32], target: str | None = None) -> None: ...
@overload
def tanh(x: NDArray[np.float64], out: NDArray[np.float64], target: str | None = None) -> None: ...
@overload
def sigmoid(x: NDArray[np.float32], out: NDArray[np.float32], target: str | None = None) -> None: ...
@overload
def sigmoid(x: NDArray[np.float64], out: NDArray[np.float64], target: str | None = None) -> None: ...
def use_openmp(parallel: int, thread_number: int, team_size: int) -> None: ...

# Tensors of exactly these types are taken; whether they have DLPack's C interface.
def use_tensors(tensor: type, parameter: type) -> bool: ...

# Whether the core can read a tensor where it lies, its last dimension or all of it contiguous.
def is_readable(tensor: Any, contiguous: bool) -> bool: ...

# ValueError: a tensor on another device, or whose storage does not hold it.
def check_memory(object: Any, what: str) -> None: ...

class Batch:
    """Which steps of which rows there are.

    counts (steps,) and order (rows,) are int64, resets (steps, rows) bool; time is the dimension of the tensors that is
    time, -1 if they are packed. ValueError: values that make no batch.
    """

    def __init__(
        self, steps: int, rows: int, counts: Any, order: Any, time: int, resets: Any, threads: int
    ) -> None: ...

class Addresses:
    """Where storages were found to hold a tensor: one that lies there still need not be checked again."""

class Layers:
    """A stack of recurrent layers. ValueError: a cell without kernels, sizes that no layer has.

    It takes NumPy arrays, tensors of the type given to :func:`use_tensors`, and None for a null pointer, which is what
    native/recurrence/call.h says it is. The caller has checked types and shapes, and keeps the memory.
    """

    def __init__(
        self,
        cell: str,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        directions: int,
        proj_size: int,
        heads: int,
        bias: bool,
        layer_norm: bool,
        zoneout: list[float],
        option: float,
        double_precision: bool,
        target: str | None = None,
    ) -> None: ...
    # whether a padded input and the weights are on the CPU and of the stack's type, the weights contiguous
    def accepts(self, x: Any, weights: Sequence[Any], known: Addresses) -> bool: ...
    # tensors: the states, then the weights of each part; d_tensors likewise
    def forward(
        self,
        batch: Batch,
        x: Any,
        out: Any,
        tensors: Sequence[Any],
        dropout: Sequence[Any] | None,
        zoneout: Sequence[Any] | None,
        saved: Any,
        finals: Sequence[Any],
        found: Addresses | None = None,
    ) -> None: ...
    def backward(
        self,
        batch: Batch,
        x: Any,
        out: Any,
        tensors: Sequence[Any],
        dropout: Sequence[Any] | None,
        zoneout: Sequence[Any] | None,
        saved: Any,
        d_out: Any,
        d_finals: Sequence[Any],
        d_x: Any,
        d_tensors: Sequence[Any],
        known: Addresses,
    ) -> None: ...
    def saved_size(self, batch: Batch, zoneout: bool) -> int: ...
    def stepper(self, weights: Sequence[Any], threads: int, eight_bit: bool) -> Stepper32 | Stepper64: ...

class Stepper32:
    """Single steps in float32; ValueError: arrays of other sizes."""

    @overload
    def step(
        self,
        x: NDArray[np.float32],
        h: NDArray[np.float32],
        c: NDArray[np.float32] | None,
        y: NDArray[np.float32],
        h_new: NDArray[np.float32],
        c_new: NDArray[np.float32] | None,
    ) -> None: ...
    @overload
    def step(
        self,
        x: NDArray[np.float32],
        states: Sequence[NDArray[np.float32]],
        y: NDArray[np.float32],
        new_states: Sequence[NDArray[np.float32]],
    ) -> None: ...

class Stepper64:
    """Single steps in float64; ValueError: arrays of other sizes."""

    @overload
    def step(
        self,
        x: NDArray[np.float64],
        h: NDArray[np.float64],
        c: NDArray[np.float64] | None,
        y: NDArray[np.float64],
        h_new: NDArray[np.float64],
        c_new: NDArray[np.float64] | None,
    ) -> None: ...
    @overload
    def step(
        self,
        x: NDArray[np.float64],
        states: Sequence[NDArray[np.float64]],
        y: NDArray[np.float64],
        new_states: Sequence[NDArray[np.float64]],
    ) -> None: ...

def cells() -> list[str]:
    """The names of the cells that have kernels."""

def draw(out: Any, count: int, seed: int, limit: int, bits: int, target: str | None = None) -> None:
    """Fill an array of ``count`` bytes with ones, each with probability limit / 2^bits, and zeros.

    ``bits``: 16 or 32 for each. ValueError: others, or a limit above 2^bits.
    """

def fma_peak(seconds: float, threads: int, target: str | None = None) -> float:
    """float32 multiply-adds on registers alone, the best of many short runs, as GFLOP/s (two for each)."""

def read_bandwidth(bytes: int, seconds: float) -> float:
    """GB/s at which a matrix of so many bytes is read over and over, by the product of a vector."""

def target() -> str:
    """The instruction set that runs. ValueError where ELMAN_TARGET names one that cannot."""

def targets() -> list[str]:
    """The instruction sets that run on this processor, best first."""

def vector_bytes(target: str | None = None) -> int:
    """The width of a vector register."""
