"""The tokens that a model knows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from elman.data.files import PIECE
from elman.data.stores import recoded
from elman.data.texts import Text
from elman.errors import DataError, ModelFileError

Array = np.ndarray
CODE_POINTS = 0x110000
BYTES = 256
KEYS = {"tokens", "points"}


@dataclass(frozen=True)
class Vocabulary:
    """Which tokens have a class of their own.

    Args:
        tokens: char or bytes.
        points: the characters' code points in order; their classes are their places. Empty for bytes, all of which are
            known. Characters that are not here share one more class.
    """

    tokens: str
    points: tuple[int, ...] = ()

    @property
    def size(self) -> int:
        """The number of classes."""
        return BYTES if self.tokens == "bytes" else len(self.points) + 1

    @property
    def unknown(self) -> int:
        """The class of all characters that have none; -1 for bytes."""
        return -1 if self.tokens == "bytes" else len(self.points)

    @cached_property
    def nats_of_unknown(self) -> float:
        """What a character that has no class costs beyond that class: each of the others is as likely."""
        return math.log(CODE_POINTS - len(self.points))

    @cached_property
    def _table(self) -> Array:
        if self.tokens == "bytes":
            return np.arange(BYTES)
        table = np.full(CODE_POINTS, self.unknown)
        table[list(self.points)] = np.arange(len(self.points))
        return table

    def indices(self, text: Text) -> Array:
        """(N,) classes, in the smallest type that torch has for them.

        Raises:
            DataError: a text of the other kind of tokens.
        """
        if text.tokens != self.tokens:
            raise DataError(f"{text.source}: read as {text.tokens}, but the model reads {self.tokens}")
        kind = np.uint8 if self.size <= 2**8 else np.int16 if self.size <= 2**15 else np.int32
        return recoded(text.codes, self._table, np.dtype(kind))

    def shown(self, index: int) -> str:
        """A class's token, as tables show it: the character where it can be printed, else its escape; a byte as its
        number; � for the class of all others.

        >>> Vocabulary("char", (10, 97)).shown(0), Vocabulary("char", (10, 97)).shown(1), Vocabulary("bytes").shown(97)
        ('\\\\n', 'a', '97')
        """
        if self.tokens == "bytes":
            return str(index)
        letter = chr(self.points[index]) if index < len(self.points) else "\ufffd"
        return letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")

    def record(self) -> dict[str, Any]:
        """JSON values, for the model file."""
        return {"tokens": self.tokens, "points": list(self.points)}


def fit_vocabulary(text: Text, min_count: int) -> Vocabulary:
    """The tokens of ``text`` that occur at least ``min_count`` times.

    Raises:
        DataError: fewer than two do.
    """
    if text.tokens == "bytes":
        return Vocabulary("bytes")
    counts = np.zeros(CODE_POINTS, np.int64)
    for start in range(0, len(text), PIECE):
        counts += np.bincount(text.codes[start : start + PIECE], minlength=CODE_POINTS)
    often = np.flatnonzero(counts >= min_count)
    if len(often) < 2:
        raise DataError(
            f"{text.source}: {len(often)} different characters occur at least {min_count} times, 2 are needed; give a "
            "longer text"
        )
    return Vocabulary("char", tuple(often.tolist()))


def vocabulary_from_record(record: Any) -> Vocabulary:
    """What :meth:`Vocabulary.record` wrote.

    Raises:
        ModelFileError: it is not that.
    """
    if not isinstance(record, dict) or record.keys() != KEYS or record["tokens"] not in ("char", "bytes"):
        raise ModelFileError("its record of tokens is malformed")
    points = record["points"]
    good = (
        isinstance(points, list)
        and all(type(point) is int and 0 <= point < CODE_POINTS for point in points)
        and not any(0xD800 <= point < 0xE000 for point in points)
        and all(a < b for a, b in pairwise(points))
        and (len(points) > 1) == (record["tokens"] == "char")
        and (record["tokens"] == "char" or not points)
    )
    if not good:
        raise ModelFileError("its record of tokens has impossible values")
    return Vocabulary(record["tokens"], tuple(points))
