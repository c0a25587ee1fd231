"""A sequence as the network reads it, for a look at what it does."""

from __future__ import annotations

import numpy as np

from elman.data import SequenceTable
from elman.learning import Answer, Example
from elman.learning.example import Numbers, check_number
from elman.model import Model
from elman.tasks.regress.record import Record

LONGEST = 300  # steps that are shown of a sequence with a target at each


def example_of(model: Model, record: Record, data: SequenceTable, number: int) -> Example:
    """A sequence; of a long one with a target at every step its end, the state carried from what precedes it.

    Raises:
        DataError: there is no such sequence, or it has other inputs than in training.
    """
    record.check_inputs(data)
    check_number(number, len(data), data.source, "sequences")
    sequence = data.sequences[number]
    first = 0 if record.last else max(0, len(sequence) - LONGEST)
    before = [one.inputs for one in data.sequences[:number]] if record.carry else []
    before.append(sequence.inputs[:first])
    (name,) = model.wiring.inputs
    preceding = record.encode(np.concatenate(before)).astype(np.float32)
    _, state = model({name: preceding[None]}) if len(preceding) else (None, {})
    values = sequence.inputs[first:]
    return Example(
        name=f"sequence {sequence.id}",
        inputs={name: record.encode(values)[None].astype(np.float32)},
        reading=Numbers(name, values, record.inputs, np.array(record.input_center), np.array(record.input_spread)),
        answer=Answer(record.targets, classes=False, scale=record.target_spread, shift=record.target_center),
        steps=sequence.labels[first:],
        state=state,
        notes=(f"the last {len(values)} of {len(sequence)} steps, the state carried from those before",)
        if first
        else (),
    )
