"""Puzzles of memory as data: ``adding:T=200`` in place of a file's path.

``PUZZLE:T=LAG``, and after commas ``N=`` sequences (1,000) and ``seed=`` (0). A file of that very name is read instead.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from elman.data.aligned_arrays import read_sequence_arrays
from elman.data.generated import PUZZLES, Puzzle
from elman.data.sequence_arrays import from_arrays
from elman.data.sequence_table import SequenceTable
from elman.data.sequences import Sequences
from elman.data.tagged import TaggedSentences
from elman.errors import DataError, SettingsError

SEQUENCES, MOST = 1000, 10_000_000
LETTERS = np.array([*"ABCDEFGH", *"abcdefgh"])  # of recall: what is asked for, and noise
COPIED = np.array([*"ABCDEFGH", "_", ">"])  # of copies: symbols, blank, delimiter
NUMBERS, CLASS, CLASSES = "a number for each sequence", "a class for each sequence", "a class at every step"


class Request(NamedTuple):
    """A puzzle that is asked for."""

    name: str
    puzzle: Puzzle
    lag: int
    sequences: int
    seed: int

    @property
    def gives(self) -> str:
        """What kind of answer it asks for."""
        return NUMBERS if not self.puzzle.classes else CLASS if self.puzzle.scored == 1 else CLASSES


def requested(source: Any) -> Request | None:
    """What ``source`` asks for; None: it is something else.

    Raises:
        DataError: a puzzle without its lag, or with something that is none of its numbers.

    >>> requested("adding:T=200,N=50").sequences
    50
    """
    if not isinstance(source, str):
        return None
    kind, colon, numbers = source.partition(":")
    if not colon or kind not in PUZZLES or _is_file(source):
        return None
    given = {"N": SEQUENCES, "seed": 0}
    for part in numbers.split(","):
        name, _, text = part.strip().partition("=")
        if name not in ("T", "N", "seed") or not text.isascii() or not text.isdigit() or len(text) > 18:
            raise DataError(
                f"{source!a:.60}: {part!a:.30} is none of its numbers; give T=LAG, and perhaps N=SEQUENCES and seed=N"
            )
        given[name] = int(text)
    if "T" not in given or not 1 <= given["N"] <= MOST:
        raise DataError(f"{source!a:.60}: give the lag, as in {kind}:T=50, and from 1 to {MOST} sequences")
    return Request(source, PUZZLES[kind], given["T"], given["N"], given["seed"])


def generated_table(source: Any) -> SequenceTable | None:
    """The sequences that ``source`` asks for, with a number each; None where it is no puzzle.

    Raises:
        DataError: a puzzle of another kind, or impossible numbers.

    >>> generated_table("adding:T=10,N=4").steps
    (10, 10, 10, 10)
    """
    found = _drawn(source, NUMBERS)
    if found is None:
        return None
    inputs, targets = found
    return read_sequence_arrays((inputs, targets[:, 0]), last=True, what=source)


def generated_sequences(source: Any) -> Sequences | None:
    """The sequences that ``source`` asks for, as letters, with a class each; None where it is no puzzle.

    Raises:
        DataError: as :func:`generated_table`.

    >>> found = generated_sequences("recall:T=3,N=2")
    >>> found.lengths.tolist(), len(found.known_labels())
    ([4, 4], 2)
    """
    found = _drawn(source, CLASS)
    if found is None:
        return None
    inputs, targets = found
    texts = ["".join(row) for row in LETTERS[inputs.argmax(axis=2)]]
    return from_arrays(texts, LETTERS[targets].tolist(), source)


def generated_sentences(source: Any) -> TaggedSentences | None:
    """The sequences that ``source`` asks for, with a class at every step; None where it is no puzzle.

    Raises:
        DataError: as :func:`generated_table`.

    >>> found = generated_sentences("copy:T=2,N=1")
    >>> found.words[0][10:12], found.known_tags()[0][:3]
    (('_', '>'), ('_', '_', '_'))
    """
    found = _drawn(source, CLASSES)
    if found is None:
        return None
    inputs, targets = found
    words, tags = (tuple(map(tuple, COPIED[x].tolist())) for x in (inputs.argmax(axis=2), targets))
    return TaggedSentences(source, words, tags)


def _drawn(source: Any, wanted: str) -> tuple[np.ndarray, np.ndarray] | None:
    request = requested(source)
    if request is None:
        return None
    if request.gives != wanted:
        fitting = ", ".join(name for name in PUZZLES if Request(name, PUZZLES[name], 0, 0, 0).gives == wanted)
        raise DataError(f"{source!a:.60}: it gives {request.gives}, not {wanted}; for that there is {fitting}")
    try:
        found = request.puzzle.draw(request.lag, request.sequences, request.seed)
    except SettingsError as error:
        raise DataError(f"{request.name!a:.60}: {error}") from error
    return found.inputs, found.targets


def _is_file(source: str) -> bool:
    try:
        return Path(os.fsdecode(source)).exists()
    except (OSError, ValueError):
        return False
