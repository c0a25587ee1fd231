"""The baseline of tagging: each word's most frequent tag in training."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from elman.data.tagged import TaggedSentences
from elman.errors import ModelFileError

LABELS = {"most_frequent": "most frequent tag"}


@dataclass(frozen=True)
class MostFrequent:
    """The tag that most words have, and the words for which another one is the most frequent."""

    tag: str
    words: dict[str, str] = field(repr=False)

    def told(self, data: TaggedSentences) -> list[list[str]]:
        """A tag for each word."""
        return [[self.words.get(word, self.tag) for word in words] for words in data.words]

    def record(self) -> dict[str, Any]:
        """JSON values, for the model file."""
        return {"tag": self.tag, "words": dict(self.words)}


def fit_most_frequent(data: TaggedSentences) -> MostFrequent:
    """The most frequent tags; of equally frequent ones, the first in the alphabet.

    >>> data = TaggedSentences("", (("a", "b", "a"),), (("X", "Y", "X"),))
    >>> fit_most_frequent(data)
    MostFrequent(tag='X')
    """
    counts: dict[str, Counter[str]] = {}
    every: Counter[str] = Counter()
    for words, tags in zip(data.words, data.known_tags(), strict=True):
        for word, tag in zip(words, tags, strict=True):
            counts.setdefault(word, Counter())[tag] += 1
            every[tag] += 1
    common = _most(every)
    own = {word: _most(tags) for word, tags in sorted(counts.items())}
    return MostFrequent(common, {word: tag for word, tag in own.items() if tag != common})


def _most(tags: Counter[str]) -> str:
    return min(tags, key=lambda tag: (-tags[tag], tag))


def most_frequent_from_record(record: Any) -> MostFrequent:
    """What :meth:`MostFrequent.record` wrote.

    Raises:
        ModelFileError: it is not that.
    """
    good = (
        isinstance(record, dict)
        and record.keys() == {"tag", "words"}
        and isinstance(record["tag"], str)
        and isinstance(record["words"], dict)
        and all(isinstance(tag, str) for tag in record["words"].values())
    )
    if not good:
        raise ModelFileError("its record of the baseline is malformed")
    return MostFrequent(record["tag"], record["words"])
