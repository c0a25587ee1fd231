"""How words become a network's inputs, and tags its targets: fitted on the training part, and stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from elman.data.tagged import TaggedSentences
from elman.errors import DataError, ModelFileError
from elman.tasks.tag.schemes import BIO, PLAIN, SCHEMES, spans_of, tags_of
from elman.tasks.tag.shapes import shape_of
from elman.tasks.tag.words import normalised

Array = np.ndarray
LONGEST = 32  # characters of a word that are read: its first and its last half
WORDS, CHARACTERS, SHAPES = "words", "characters", "shapes"  # what a model may read
KEYS = {"words", "characters", "tags", "scheme", "lower"}
NORMALISE = "normalise"


@dataclass(frozen=True)
class Encoding:
    """All that turns words into inputs and tags into targets.

    Args:
        words: those that have a vector of their own, the most frequent first; all others share one more.
        characters: those known. Index 0 is no character, 1 any other.
        tags: in the order of the network's outputs; entities as BIO.
        scheme: of the tags as they are read and written.
        lower: whether words are looked up in lower case.
        normalise: whether those not known as they are written are looked up as
            :func:`elman.tasks.tag.words.normalised` writes them.
    """

    words: tuple[str, ...] = field(repr=False)
    characters: str
    tags: tuple[str, ...]
    scheme: str
    lower: bool
    normalise: bool = False

    @cached_property
    def _places(self) -> dict[str, int]:
        return {word: place for place, word in enumerate(self.words)}

    @cached_property
    def _letters(self) -> dict[str, int]:
        return {letter: place + 2 for place, letter in enumerate(self.characters)}

    def looked_up(self, word: str) -> str:
        """A word as it is looked up."""
        found = word.lower() if self.lower else word
        return normalised(found) if self.normalise and found not in self._places else found

    def inputs(self, data: TaggedSentences, reads: Collection[str]) -> tuple[dict[str, Array], Array]:
        """Those that a model reads, padded with 0: words (N, T), shapes (N, T), characters (N, T, C); and the
        sentences' lengths (N,)."""
        lengths = np.array([len(words) for words in data.words], np.int64)
        found: dict[str, Array] = {WORDS: np.zeros((len(data), int(lengths.max())), np.int64)}
        unknown = len(self.words)
        for row, words in enumerate(data.words):
            found[WORDS][row, : len(words)] = [self._places.get(self.looked_up(word), unknown) for word in words]
        if SHAPES in reads:
            found[SHAPES] = np.zeros_like(found[WORDS])
            for row, words in enumerate(data.words):
                found[SHAPES][row, : len(words)] = [shape_of(word) for word in words]
        if CHARACTERS in reads:
            longest = min(LONGEST, max(len(word) for words in data.words for word in words))
            spelled = np.zeros((*found[WORDS].shape, longest), np.int64)
            known: dict[str, list[int]] = {}
            for row, words in enumerate(data.words):
                for place, word in enumerate(words):
                    if word not in known:
                        known[word] = [self._letters.get(letter, 1) for letter in _shortened(word)]
                    spelled[row, place, : len(known[word])] = known[word]
            found[CHARACTERS] = spelled
        return found, lengths

    def check_known(self, data: TaggedSentences) -> None:
        """Check that all tags of ``data`` can be learned.

        Raises:
            DataError: there are none, or one that was not in training.
        """
        self.targets(data, max(map(len, data.words)))

    def targets(self, data: TaggedSentences, steps: int) -> Array:
        """(N, T) int64, padded with 0.

        Raises:
            DataError: there are no tags, or one that was not in training.
        """
        places = {tag: place for place, tag in enumerate(self.tags)}
        found = np.zeros((len(data), steps), np.int64)
        for row, tags in enumerate(data.known_tags()):
            for place, tag in enumerate(self.canonical(tags)):
                if tag not in places:
                    shown = ", ".join(self.tags[:8]) + (" …" if len(self.tags) > 8 else "")
                    raise DataError(
                        f"{data.source}: the tag {tag!r:.40} was not in training, whose tags are {shown}; leave its "
                        "sentences out, or train on some of them"
                    )
                found[row, place] = places[tag]
        return found

    def canonical(self, tags: Sequence[str]) -> Sequence[str]:
        """A sentence's tags as the network learns them: entities as BIO."""
        return tags if self.scheme == PLAIN else tags_of(spans_of(tags), len(tags), BIO)

    def written(self, indices: Sequence[int]) -> list[str]:
        """What the network tells of a sentence, in the scheme of its files."""
        tags = [self.tags[k] for k in indices]
        return tags if self.scheme == PLAIN else tags_of(spans_of(tags), len(tags), self.scheme)

    def record(self) -> dict[str, Any]:
        """JSON values, for the model file."""
        return {
            "words": list(self.words),
            "characters": self.characters,
            "tags": list(self.tags),
            "scheme": self.scheme,
            "lower": self.lower,
        } | ({NORMALISE: True} if self.normalise else {})


def _shortened(word: str) -> str:
    return word if len(word) <= LONGEST else word[: LONGEST // 2] + word[-LONGEST // 2 :]


def fit_encoding(
    data: TaggedSentences,
    scheme: str,
    *,
    lower: bool,
    normalise: bool,
    min_count: int,
    more_words: Sequence[str] = (),
    more_tags: Sequence[Sequence[str]] = (),
) -> Encoding:
    """The encoding of ``data``, which is what is learned from.

    Args:
        more_words: further words that have a vector.
        more_tags: those of the validation part: a rare one may stand there alone.

    Raises:
        DataError: a single tag.
    """
    empty = Encoding((), "", (), scheme, lower, normalise)
    counts = Counter(empty.looked_up(word) for words in data.words for word in words)
    known = {word for word, count in counts.items() if count >= min_count} | set(more_words)
    words = sorted(known, key=lambda word: (-counts[word], word))
    characters = "".join(sorted({letter for words in data.words for word in words for letter in word}))
    tags = sorted({tag for own in (*data.known_tags(), *more_tags) for tag in empty.canonical(own)})
    if scheme != PLAIN:
        kinds = sorted({tag[2:] for tag in tags if "-" in tag})
        tags = ["O", *(f"{prefix}-{kind}" for kind in kinds for prefix in "BI")]
    if len(tags) < 2:
        raise DataError(f"{data.source}: in training every word has the tag {tags[0]!r:.40}; give at least two tags")
    return Encoding(tuple(words), characters, tuple(tags), scheme, lower, normalise)


def encoding_from_record(record: Any) -> Encoding:
    """What :meth:`Encoding.record` wrote.

    Raises:
        ModelFileError: it is not that.
    """
    if not isinstance(record, dict) or record.keys() - {NORMALISE} != KEYS:
        raise ModelFileError(f"its record of words and tags must have {', '.join(sorted(KEYS))}")
    words, tags, normalise = record["words"], record["tags"], record.get(NORMALISE, False)
    good = (
        all(isinstance(v, list) and all(isinstance(t, str) for t in v) for v in (words, tags))
        and len(set(words)) == len(words)
        and len(set(tags)) == len(tags) >= 2
        and all(tags)
        and (record["scheme"] == PLAIN or all(t == "O" or (t[:2] in ("B-", "I-") and t[2:]) for t in tags))
        and isinstance(record["characters"], str)
        and len(set(record["characters"])) == len(record["characters"])
        and record["scheme"] in SCHEMES[1:]
        and type(record["lower"]) is type(normalise) is bool
    )
    if not good:
        raise ModelFileError("its record of words and tags has impossible values")
    return Encoding(tuple(words), record["characters"], tuple(tags), record["scheme"], record["lower"], normalise)
