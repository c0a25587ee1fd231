"""A sequence as the network reads it, for a look at what it does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from elman.data import Sequences
from elman.learning import Answer, Example
from elman.learning.example import Numbers, Reading, Symbols, check_number
from elman.model import Model
from elman.tasks.classify.encoding import Encoding


def example_of(model: Model, encoding: Encoding, temperature: float, data: Sequences, number: int) -> Example:
    """A sequence.

    Raises:
        DataError: there is no such sequence, or it is of another kind than those in training.
    """
    check_number(number, len(data), data.source, "sequences")
    length = int(data.lengths[number])
    one = data.select([number])
    one = replace(one, inputs=one.inputs[:, :length])
    (name,) = model.wiring.inputs
    inputs = {name: encoding.inputs(one)}
    reading: Reading
    steps = [str(step) for step in range(length)]
    if encoding.channels:
        values = one.inputs[0].astype(np.float64)
        scales = np.array(encoding.center), np.array(encoding.spread)
        reading = Numbers(name, values, one.channels, *scales, encoding.marks_missing)
    else:
        steps = [one.alphabet[k] for k in one.inputs[0]]
        known = np.array([ord(letter) for letter in encoding.alphabet], np.int64)
        codes = np.array([ord(letter) for letter in steps], np.int64)
        reading = Symbols(name, codes, known, len(known))
    label = "" if one.labels is None else f", of the class {one.labels[0]}"
    return Example(
        name=f"sequence {one.ids[0]}{label}",
        inputs=inputs,
        reading=reading,
        answer=Answer(encoding.classes, classes=True, temperature=temperature),
        steps=tuple(steps),
    )
