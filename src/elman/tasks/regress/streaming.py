"""A regressor a step at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from elman.errors import DataError
from elman.model import Model, Stream, stepper_of
from elman.model.file import model_digest
from elman.model.stream import State
from elman.tasks.regress.record import Record

Array = np.ndarray


def stream_of(model: Model, record: Record) -> Stream:
    """A stream: the inputs of one step in, (I,) or a dict of them by name, the prediction after it out, (K,) float64.

    Where a whole sequence has one target, that is what would be told if it ended there. The state goes on until
    ``reset``: call it before a new sequence, unless the state is carried.

    Raises:
        DataError: in ``step``, for what is not as many finite numbers.
    """
    names, run = record.inputs, stepper_of(model)

    def step(x: Any, state: State) -> tuple[Array, State]:
        try:
            given = [x[name] for name in names] if isinstance(x, Mapping) else x
            values = np.asarray(given, np.float64).reshape(-1)
        except (TypeError, ValueError, KeyError):
            values = np.empty(0)
        if values.shape != (len(names),) or not np.isfinite(values).all():
            raise DataError(f"a stream takes a finite number for each of {', '.join(names)} a step, not {x!r:.60}")
        with np.errstate(over="ignore", invalid="ignore"):
            output, new = run(record.encode(values), state)
            found = record.decode(model.decode(output[None])).reshape(-1)
        if not np.isfinite(found).all():
            raise DataError(
                "a prediction is not a finite number: inputs too far from those in training; check their units"
            )
        return found, new

    initial = model.initial_state(1)
    return Stream(step, initial, identity=model_digest(model), finite=initial)
