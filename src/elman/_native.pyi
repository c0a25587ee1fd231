"""The compiled kernels (native/), on C-contiguous buffers of NumPy or anything else that speaks DLPack."""

from typing import overload

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
def target() -> str:
    """The instruction set that runs. ValueError where ELMAN_TARGET names one that cannot."""

def targets() -> list[str]:
    """The instruction sets that run on this processor, best first."""

def vector_bytes(target: str | None = None) -> int:
    """The width of a vector register."""
