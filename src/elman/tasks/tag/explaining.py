"""A sentence as the network reads it, for a look at what it does."""

from __future__ import annotations

from collections.abc import Collection

from elman.data.tagged import TaggedSentences
from elman.learning import Answer, Example
from elman.learning.example import Words, check_number
from elman.tasks.tag.encoding import CHARACTERS, LONGEST, SHAPES, WORDS, Encoding
from elman.tasks.tag.schemes import BIO, PLAIN


def example_of(encoding: Encoding, data: TaggedSentences, number: int, reads: Collection[str]) -> Example:
    """A sentence.

    Args:
        reads: names of the inputs that the model reads.

    Raises:
        DataError: there is no such sentence.
    """
    check_number(number, len(data), data.source, "sentences")
    one = data.select([number])
    inputs, _ = encoding.inputs(one, reads)
    looked_up = (encoding.words, encoding.lower, encoding.normalise)
    spelling = (CHARACTERS, encoding.characters, LONGEST) if CHARACTERS in reads else ("", "", 0)
    other = encoding.scheme not in (PLAIN, BIO)
    return Example(
        name=f"sentence {number}",
        inputs=inputs,
        reading=Words(WORDS, one.words[0], *looked_up, *spelling, SHAPES if SHAPES in reads else ""),
        answer=Answer(encoding.tags, classes=True),
        steps=one.words[0],
        notes=(f"tags as the network tells them, in {BIO}; predictions are written in {encoding.scheme}",)
        if other
        else (),
    )
