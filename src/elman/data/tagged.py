"""Sentences with a tag for each word: files in columns as of the CoNLL tasks, and lists of words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from elman.data.csv_file import decode
from elman.data.digests import digests
from elman.data.files import display_name, read_content
from elman.data.text import quote
from elman.errors import DataError

Array = np.ndarray
DOCUMENT = "-DOCSTART-"
VALIDATION, TEST = 1, 2  # parts; 0 is what is fitted
Words = tuple[str, ...]
_SPACES = re.compile(r"[ \t]+")  # words may hold the other kinds


@dataclass(frozen=True)
class TaggedSentences:
    """Sentences as words, and their tags where these are known.

    Args:
        source: the file, or what the data are called in messages.
        words: those of each sentence, at least one.
        tags: one for each word; None: not known.
        parts: (N,) what the source itself says a sentence is for: 0 training, 1 validation, 2 the test; None: nothing.
        notes: what was found while reading, a sentence each.
        without_tags: why there are no tags, and what to do; for messages.
        apart: the sources of the parts that were given apart.
    """

    source: str
    words: tuple[Words, ...] = field(repr=False)
    tags: tuple[Words, ...] | None = field(default=None, repr=False)
    parts: Array | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()
    without_tags: str = "there are no tags; give them"
    apart: Mapping[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.words)

    @property
    def word_count(self) -> int:
        """Words of all sentences."""
        return sum(map(len, self.words))

    def known_tags(self) -> tuple[Words, ...]:
        """The tags.

        Raises:
            DataError: there are none.
        """
        if self.tags is None:
            raise DataError(f"{self.source}: {self.without_tags}")
        return self.tags

    def select(self, rows: Any) -> TaggedSentences:
        """Those of ``rows``: indices, or (N,) bool; as one part."""
        index = np.flatnonzero(rows) if np.asarray(rows).dtype == bool else np.asarray(rows, np.int64)
        tags = None if self.tags is None else tuple(self.tags[k] for k in index)
        return replace(self, words=tuple(self.words[k] for k in index), tags=tags, parts=None)

    def followed_by(self, other: TaggedSentences, part: int) -> TaggedSentences:
        """Both as one source, in which ``other`` is for validation, or the test.

        Raises:
            DataError: it has no tags.
        """
        own = np.zeros(len(self), np.int8) if self.parts is None else self.parts
        return replace(
            self,
            words=self.words + other.words,
            tags=self.known_tags() + other.known_tags(),
            parts=np.concatenate([own, np.full(len(other), part, np.int8)]),
            apart={**self.apart, part: other.source},
        )

    def source_of(self, part: int) -> str:
        """Where the sentences of a part come from."""
        return self.apart.get(part, self.source)

    def digests(self) -> Array:
        """(N,) uint64: equal for sentences of the same words."""
        return digests("\0".join(words).encode("utf-8", "replace") for words in self.words)

    def describe(self) -> list[str]:
        """What was read, a fact a line."""
        own = [k for k in range(len(self)) if self.parts is None or int(self.parts[k]) not in self.apart]
        words = sum(len(self.words[k]) for k in own)
        return [f"{self.source}: {len(own)} sentences, {words} words", *self.notes]


def read_tagged(source: Any, word_column: int = 0, tag_column: int | None = None) -> TaggedSentences:
    """Reads sentences.

    Args:
        source: the path of a file with a word a line, its columns separated by tabs or else by spaces, sentences
            separated by lines of white space; a mapping ``{"words": [[…], …], "tags": [[…], …]}``, or without tags;
            or :class:`TaggedSentences`. Lines whose first column is ``-DOCSTART-`` are left out.
        word_column: where a line's word stands, counted from 0.
        tag_column: where its tag stands; None: in the last column, if there are two or more. In a file without that
            column the tags are not known.

    Raises:
        DataError: it cannot be read, or its lines differ in columns; the message names the line and the remedy.

    >>> read_tagged({"words": [["I", "eat", "apples"]], "tags": [["O", "O", "B-fruit"]]}).tags
    (('O', 'O', 'B-fruit'),)
    """
    if isinstance(source, TaggedSentences):
        return source
    if isinstance(source, Mapping):
        return _from_mapping(source)
    if not isinstance(source, str | Path):
        raise DataError(f"{source!r:.60} holds no sentences; give a file's path, or {{'words': …, 'tags': …}}")
    name = display_name(source)
    text = decode(read_content(source), name, "a text file with a word and its tag on each line")
    return parse_columns(text, name, word_column, tag_column)


def parse_columns(text: str, name: str, word_column: int = 0, tag_column: int | None = None) -> TaggedSentences:
    """The sentences of a file's text; arguments as of :func:`read_tagged`.

    >>> parse_columns("Apple\\tB-org\\ngrows\\tO\\n\\nI\\tO\\n", "a.conll").words
    (('Apple', 'grows'), ('I',))
    """
    lines = [line.rstrip("\r") for line in text.split("\n")]  # not splitlines: words hold other separators
    tabs = all("\t" in line for line in lines if line.strip() and line.strip(" \t") != DOCUMENT)
    width, first, last, has_tags = 0, 0, 0, False
    sentences: list[list[tuple[str, str]]] = [[]]
    documents = 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            sentences.append([])
            continue
        fields = [part.strip(" ") for part in line.split("\t")] if tabs else _SPACES.split(line.strip(" \t"))
        if fields[0] == DOCUMENT:
            documents += 1
            sentences.append([])
            continue
        if not width:
            width, first = len(fields), number
            _check_columns(name, number, width, word_column, tag_column)
            last = width - 1 if tag_column is None else tag_column
            has_tags = last < width and (width > 1 or tag_column is not None)
        if len(fields) != width:
            raise DataError(
                f"{name}, line {number}: {len(fields)} columns, but line {first} has {width}; correct the line"
            )
        word = fields[word_column]
        tag = fields[last] if has_tags else ""
        if not word or (has_tags and not tag):
            what = "the word" if not word else "the tag"
            raise DataError(f"{name}, line {number}: {what} is empty; fill it in, or delete the line")
        sentences[-1].append((word, tag))
    whole = [sentence for sentence in sentences if sentence]
    if not whole:
        raise DataError(f"{name}: there are no words; give a file with a word and its tag on each line")
    notes = (f"{documents} lines of {DOCUMENT} are left out",) if documents else ()
    words = tuple(tuple(word for word, _ in sentence) for sentence in whole)
    tags = tuple(tuple(tag for _, tag in sentence) for sentence in whole) if has_tags else None
    missing = "only one column" if tag_column is None else f"{width} columns, and `tag_column` is {tag_column}"
    why = f"there are no tags, {missing}; give a file that has both"
    return TaggedSentences(name, words, tags, notes=notes, without_tags=why)


def _check_columns(name: str, number: int, width: int, word_column: int, tag_column: int | None) -> None:
    if word_column >= width:
        raise DataError(
            f"{name}, line {number}: {width} columns, and `word_column` is {word_column}; they are counted from 0"
        )
    if width > 1 and word_column == (width - 1 if tag_column is None else tag_column):
        raise DataError(f"{name}, line {number}: words and tags are both read from column {word_column}; name two")


def _from_mapping(source: Mapping[Any, Any]) -> TaggedSentences:
    if not {"words"} <= source.keys() <= {"words", "tags"}:
        raise DataError(f"sentences in memory are given as words and tags, not as {sorted(map(str, source))!r:.80}")
    words = _lists(source["words"], "words")
    tags = _lists(source["tags"], "tags") if source.get("tags") is not None else None
    if tags is not None and list(map(len, tags)) != list(map(len, words)):
        at = next((k for k, (w, t) in enumerate(zip(words, tags, strict=False)) if len(w) != len(t)), len(words))
        raise DataError(f"sentence {at} (counted from 0): the words and the tags are not as many; give a tag a word")
    if not words or not all(words):
        raise DataError("there are no words, or a sentence without any; leave empty sentences out")
    return TaggedSentences("the sentences", words, tags)


def _lists(values: Any, what: str) -> tuple[Words, ...]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise DataError(f"{what} is {values!r:.40}; give a list of sentences, each a list of {what}")
    found = []
    for sentence in values:
        if isinstance(sentence, str) or not isinstance(sentence, Sequence):
            raise DataError(f"{what}: a sentence is {sentence!r:.40}; give it as a list of {what}")
        for item in sentence:
            if not isinstance(item, str) or not item or any("\ud800" <= letter < "\ue000" for letter in item):
                raise DataError(f"{what}: {quote(str(item))} is no text, or an empty one; give text")
        found.append(tuple(sentence))
    return tuple(found)
