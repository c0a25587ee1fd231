"""A trained model run step by step, without torch: state in, state out, by name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from elman import arrayfile, atomic, jsontext
from elman.errors import ModelFileError, ShapeError

HEADER = "elman-stream"
State = dict[str, np.ndarray]
StepFunction = Callable[[Any, State], tuple[np.ndarray, State]]


class Stream:
    """One value in, the next output out.

    Args:
        function: ``(x, state) -> (y, state)``, pure; defined by the task.
        initial: the state before the first step.
        identity: tells models apart whose states have the same shapes, such as a digest; it is saved with the state.
        finite: names of the arrays that must be finite when a state is restored, such as those of a cell, where one NaN
            would make all later outputs NaN. In the others NaN may stand for a missing value.

    >>> count = Stream(lambda x, s: (s["n"] + x, {"n": s["n"] + x}), {"n": np.zeros(())})
    >>> count.step(2), count.step(3)
    (np.float64(2.0), np.float64(5.0))
    >>> count.reset(); count.step(1)
    np.float64(1.0)
    """

    def __init__(
        self,
        function: StepFunction,
        initial: Mapping[str, np.ndarray],
        *,
        identity: str = "",
        finite: Collection[str] = (),
    ) -> None:
        self._function = function
        self._initial = {name: np.array(value) for name, value in initial.items()}
        self._identity, self._finite = identity, frozenset(finite)
        self._state = dict(self._initial)

    @property
    def state(self) -> State:
        """A copy of the state: arrays by name. Assign it to restore it.

        Raises:
            ShapeError: on assignment, names, shapes, types or values that cannot be this stream's.
        """
        return {name: value.copy() for name, value in self._state.items()}

    @state.setter
    def state(self, state: Mapping[str, np.ndarray]) -> None:
        try:
            given = {name: np.array(value) for name, value in state.items()}
        except (AttributeError, TypeError, ValueError) as error:
            raise ShapeError(f"a state is arrays by name ({error}); assign what state gave") from None
        described, found = (
            {name: (value.shape, value.dtype.str) for name, value in arrays.items()}
            for arrays in (self._initial, given)
        )
        if found != described:
            raise ShapeError(f"the state holds {found}; this stream's is {described}")
        for name in self._finite:
            if not np.isfinite(given[name]).all():
                raise ShapeError(f"the state's {name!r:.80} holds values that are not finite; reset the stream")
        self._state = given

    def step(self, x: Any) -> np.ndarray:
        """The output after one more input; the task defines both.

        Raises:
            DataError: an input that the task cannot take; the state does not change then.
        """
        y, self._state = self._function(x, self._state)
        return y

    def reset(self) -> None:
        """Back to the state before the first step."""
        self._state = dict(self._initial)

    def save(self, path: Path | str) -> None:
        """Write the state to ``path`` (safetensors), atomically."""
        atomic.write_bytes(path, arrayfile.packed(self._state, {HEADER: self._signed(self._state)}))

    def load(self, path: Path | str) -> None:
        """Restore a state that :meth:`save` wrote.

        Raises:
            ModelFileError: the file is missing, damaged, or another stream's.
        """
        try:
            arrays, metadata = arrayfile.read(Path(path))
            if metadata != {HEADER: self._signed(arrays)}:
                raise ValueError("it is damaged, or another model's")
            self.state = arrays
        except (OSError, ValueError) as error:
            raise ModelFileError(f"{path}: not a saved state of this stream ({error}); save it again") from error

    def _signed(self, state: State) -> str:
        digest = arrayfile.digest(self._identity, state)
        return jsontext.dumps({"digest": digest, "identity": self._identity}, sort_keys=True)
