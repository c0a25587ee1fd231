"""Word vectors that a user has, from a text file."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from elman.data.files import display_name, readable
from elman.data.text import parse_number, quote
from elman.errors import DataError

Array = np.ndarray
LARGEST = 1e6  # of a vector's values


@dataclass(frozen=True)
class Vectors:
    """Vectors of some words, (V, size) float32."""

    source: str
    words: tuple[str, ...] = field(repr=False)
    values: Array = field(repr=False)

    @property
    def size(self) -> int:
        """Values of a vector."""
        return int(self.values.shape[1])


def read_vectors(path: str, wanted: Collection[str], *, lower: bool) -> Vectors:
    """The vectors of the words ``wanted``, as they are looked up; of a word that is there twice, the first.

    A line is a word and its values, separated by spaces, as of GloVe; a first line of two whole numbers, as word2vec
    writes it, is passed over.

    Raises:
        DataError: the file cannot be read, a line is malformed, or none of the words is there.
    """
    name = display_name(path)
    words: dict[str, Array] = {}
    size = 0
    with readable(name):
        try:
            with Path(path).open(encoding="utf-8-sig") as file:
                for number, line in enumerate(file, start=1):
                    word, *rest = line.split() or [""]
                    if number == 1 and len(rest) == 1 and rest[0].isdigit() and word.isdigit():
                        continue
                    word = word.lower() if lower else word
                    size = size or len(rest)
                    if len(rest) != size or not rest:
                        raise DataError(
                            f"{name}, line {number}: {len(rest)} values, where others have {size}; give a word and its "
                            "values on each line, separated by spaces"
                        )
                    if word in wanted and word not in words:
                        words[word] = _values(rest, name, number)
        except UnicodeDecodeError as error:
            raise DataError(f"{name}: this is not UTF-8 text; give vectors as text, not in a binary format") from error
    if not words:
        raise DataError(f"{name}: it has a vector for none of the words; give vectors of the same language")
    return Vectors(name, tuple(words), np.stack(list(words.values())))


def _values(texts: list[str], name: str, number: int) -> Array:
    values = [parse_number(text) for text in texts]
    for text, value in zip(texts, values, strict=True):
        if value is None or not abs(value) <= LARGEST:
            raise DataError(
                f"{name}, line {number}: {quote(text)} is no number, or none that a vector has; correct the line, or "
                "delete it"
            )
    return np.array(values, np.float32)
