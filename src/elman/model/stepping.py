"""Any causal model as a stream: one step in, the output after it out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from elman.errors import DataError, SettingsError, ShapeError
from elman.model.file import model_digest
from elman.model.layer import INPUT, Array
from elman.model.model import Model
from elman.model.stream import State, Stream


def stream_of(model: Model) -> Stream:
    """``stream.step(x)`` returns the head's answer after ``x``: the same outputs as for the whole sequence at once.

    ``x`` is one step without rows: (I,), or an integer for an embedding, or a dict of these by input.

    Raises:
        SettingsError: a bidirectional layer.

    >>> from elman.model import LastStep, Linear, PointHead, model_shapes
    >>> layers = (Linear(1, 1), PointHead("mse"))
    >>> model = Model(layers, {name: np.full(shape, 2, "f4") for name, shape in model_shapes(layers).items()})
    >>> stream_of(model).step([3.0])
    array([8.], dtype=float32)
    """
    if not model.wiring.causal:
        raise SettingsError("a bidirectional model has no single step: its second half begins at the end")

    def step(x: Any, state: State) -> tuple[Array, State]:
        given = x if isinstance(x, Mapping) else {INPUT: x}
        try:
            inputs = {name: np.asarray(value)[None, None] for name, value in given.items()}
            output, new = model(inputs, state=state)
        except (TypeError, ValueError, ShapeError) as error:
            raise DataError(f"a stream takes one step of the model's inputs ({error}), not {x!r:.60}") from None
        answer = model.decode(output)
        return answer[0, 0] if output.ndim == 3 else answer[0], new

    initial = model.initial_state(1)
    return Stream(step, initial, identity=model_digest(model), finite=initial)
