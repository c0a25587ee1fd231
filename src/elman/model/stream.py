"""A trained model a step at a time, without torch: state in, state out, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from elman import arrayfile, atomic
from elman.errors import ModelFileError, ShapeError

State = dict[str, np.ndarray]
StepFunction = Callable[[Any, State], tuple[np.ndarray, State]]


class Stream:
    """One value in, the next output out.

    Args:
        function: ``(x, state) -> (y, state)``, pure: the task's own.
        initial: the state before the first step.

    >>> count = Stream(lambda x, s: (s["n"] + x, {"n": s["n"] + x}), {"n": np.zeros(())})
    >>> count.step(2), count.step(3)
    (np.float64(2.0), np.float64(5.0))
    >>> count.reset(); count.step(1)
    np.float64(1.0)
    """

    def __init__(self, function: StepFunction, initial: Mapping[str, np.ndarray]) -> None:
        self._function = function
        self._initial = {name: np.array(value) for name, value in initial.items()}
        self._state = dict(self._initial)

    @property
    def state(self) -> State:
        """A copy of the state: arrays by name. Assign it to put it back.

        Raises:
            ShapeError: on assignment, names, shapes or types that are not this stream's.
        """
        return {name: value.copy() for name, value in self._state.items()}

    @state.setter
    def state(self, state: Mapping[str, np.ndarray]) -> None:
        described = {name: (value.shape, value.dtype) for name, value in self._initial.items()}
        found = {name: (np.shape(value), np.asarray(value).dtype) for name, value in state.items()}
        if found != described:
            raise ShapeError(f"the state holds {found}; this stream's is {described}")
        self._state = {name: np.array(value) for name, value in state.items()}

    def step(self, x: Any) -> np.ndarray:
        """Take in one input, give the output after it; the task says what both are.

        Raises:
            DataError: an input that the task cannot take; the state is then left as it was.
        """
        y, self._state = self._function(x, self._state)
        return y

    def reset(self) -> None:
        """Back to the state before the first step."""
        self._state = dict(self._initial)

    def save(self, path: Path | str) -> None:
        """Write the state to ``path`` (safetensors), atomically."""
        atomic.write_bytes(path, arrayfile.packed(self._state))

    def load(self, path: Path | str) -> None:
        """Put back a state that :meth:`save` wrote.

        Raises:
            ModelFileError: the file is missing, damaged, or another stream's.
        """
        try:
            self.state = arrayfile.read(Path(path)).arrays
        except (OSError, ValueError) as error:
            raise ModelFileError(f"{path}: not a saved state of this stream ({error}); save it again") from error
