"""Any causal model a step at a time: one step in, the output after it out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from elman.errors import DataError, SettingsError, ShapeError
from elman.model.file import model_digest
from elman.model.layer import INPUT, Array, StepFunction
from elman.model.stream import State, Stream

if TYPE_CHECKING:
    from elman.model.model import Model


def stepper_of(model: Model, *, eight_bit: bool = False) -> Callable[[Any, State], tuple[Array, State]]:
    """``step(x, state) -> (output, state)``: the head's input after ``x``, (F,), as for the whole sequence at once.

    ``x`` is one step without rows: (I,), or an integer for an embedding, or a dict of these by input. The state is that
    of the model for one row. The weights are packed once, here.

    Args:
        eight_bit: round the recurrent layers' matrices, see :class:`elman.kernels.Stepper`.

    Raises:
        SettingsError: a layer that also reads later steps.
    """
    if not model.wiring.causal:
        raise SettingsError("a bidirectional model has no single step: its second half begins at the end")
    inputs, integers, last = model.wiring.inputs, model.wiring.integers, len(model.layers) - 1
    parts: list[tuple[tuple[int | str, ...], list[tuple[str, str]], StepFunction]] = []
    for number, (layer, sources) in enumerate(zip(model.layers, model.wiring.sources, strict=True)):
        prefix = f"{number}."
        arrays = {name: model.arrays[prefix + name] for name in layer.shapes()}
        names = [(prefix + name, name) for name in layer.state_sizes()]
        parts.append((sources, names, layer.eight_bit_stepper(arrays) if eight_bit else layer.stepper(arrays)))

    def step(x: Any, state: State) -> tuple[Array, State]:
        given = x if isinstance(x, Mapping) else {INPUT: x}
        if given.keys() != set(inputs):
            raise ShapeError(f"the inputs are {sorted(given)}; the model reads {sorted(inputs)}")
        values: dict[str, Array] = {
            name: np.asarray(given[name]) if name in integers else np.asarray(given[name], np.float32)
            for name in inputs
        }
        outputs: list[Array] = []
        new: State = {}
        for sources, names, run in parts:
            read = [values[source] if isinstance(source, str) else outputs[source] for source in sources]
            output, final = run(read, {name: state[full] for full, name in names})
            outputs.append(output)
            for full, name in names:
                new[full] = final[name]
        return outputs[last], new

    return step


def stream_of(model: Model, read: Callable[[Any], Any] | None = None, *, eight_bit: bool = False) -> Stream:
    """``stream.step(x)`` returns the head's answer after ``x``: the same outputs as for the whole sequence at once.

    Args:
        read: makes the model's inputs, as :func:`stepper_of` takes them, of what the stream is given.
        eight_bit: as of :func:`stepper_of`.

    Raises:
        SettingsError: a layer that also reads later steps.

    >>> from elman.model import LastStep, Linear, Model, PointHead, model_shapes
    >>> layers = (Linear(1, 1), PointHead("mse"))
    >>> model = Model(layers, {name: np.full(shape, 2, "f4") for name, shape in model_shapes(layers).items()})
    >>> stream_of(model).step([3.0])
    array([8.], dtype=float32)
    """
    run = stepper_of(model, eight_bit=eight_bit)

    def step(x: Any, state: State) -> tuple[Array, State]:
        try:
            output, new = run(x if read is None else read(x), state)
        except DataError:
            raise
        except (TypeError, ValueError, ShapeError) as error:
            raise DataError(f"a stream takes one step of the model's inputs ({error}), not {x!r:.60}") from None
        return model.decode(output[None])[0], new

    initial = model.initial_state(1)
    return Stream(step, initial, identity=model_digest(model), finite=initial)
