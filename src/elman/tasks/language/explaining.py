"""A piece of a text as the network reads it, for a look at what it does."""

from __future__ import annotations

from typing import Any

import numpy as np

from elman.data.texts import Text
from elman.learning import Answer, Example
from elman.learning.example import Symbols, check_number
from elman.model import Model
from elman.tasks.language.vocabulary import BYTES, Vocabulary

LENGTH = 100  # tokens of a piece
AT_ONCE = 2048


def example_of(model: Model, vocabulary: Vocabulary, text: Text, number: int) -> Example:
    """The piece of 100 tokens that begins at token ``100 · number``, the state carried from the text's beginning.

    Raises:
        DataError: the text ends before it, or is of another kind of tokens.
    """
    indices = vocabulary.indices(text)
    check_number(number, -(-len(indices) // LENGTH), text.source, f"pieces of {LENGTH} tokens")
    first = number * LENGTH
    state: Any = None
    for start in range(0, first, AT_ONCE):
        _, state = model(np.asarray(indices[start : min(start + AT_ONCE, first)])[None], state=state)
    (name,) = model.wiring.inputs
    own = np.asarray(indices[first : first + LENGTH], np.int64)
    codes = np.asarray(text.codes[first : first + LENGTH], np.int64)
    in_bytes = vocabulary.tokens == "bytes"
    known = np.arange(BYTES) if in_bytes else np.array(vocabulary.points, np.int64)
    return Example(
        name=f"tokens {first} to {first + len(own) - 1}",
        inputs={name: own[None]},
        reading=Symbols(name, codes, known, vocabulary.unknown, in_bytes),
        answer=Answer(tuple(map(vocabulary.shown, range(vocabulary.size))), classes=True, ahead=True),
        steps=tuple(chr(code) for code in codes.tolist()),
        state=state or {},
        notes=("the state is carried from the beginning of the text",) if first else (),
    )
