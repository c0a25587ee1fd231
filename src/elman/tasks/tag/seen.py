"""Which sentences a model was fitted on, though none is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from elman.data.digests import packed, unpacked
from elman.data.tagged import TaggedSentences
from elman.errors import DataError

Array = np.ndarray
HALF = 0.5  # share of a test's sentences from which on it was seen: short ones stand in many texts


@dataclass(frozen=True)
class Seen:
    """Sentences that a model was fitted on, or chosen by: digests of each, in order."""

    digests: Array = field(repr=False)

    @property
    def count(self) -> int:
        """How many."""
        return len(self.digests)

    def begins(self, data: TaggedSentences) -> bool:
        """Whether ``data`` are these sentences, or begin with them."""
        return len(data) >= self.count and bool((data.digests()[: self.count] == self.digests).all())

    def has(self, data: TaggedSentences) -> bool:
        """Whether more than half of ``data`` are among these."""
        return bool(np.isin(data.digests(), self.digests).mean() > HALF)

    def record(self) -> str:
        """Text, for the model file."""
        return packed(self.digests)


def check_apart(known: TaggedSentences, test: TaggedSentences) -> None:
    """Check that a test does not stand in what is known before it.

    Raises:
        DataError: more than half of it does.
    """
    if seen_in(known).has(test):
        raise DataError(
            f"{test.source}: more than half of this test's sentences stand in {known.source} as well, so a score on it "
            "would say nothing; give another one"
        )


def seen_in(data: TaggedSentences) -> Seen:
    """What is to be remembered of ``data``."""
    return Seen(data.digests())


def seen_from_record(text: Any) -> Seen:
    """What :meth:`Seen.record` wrote.

    Raises:
        ModelFileError: it is damaged.
    """
    return Seen(unpacked(text))
