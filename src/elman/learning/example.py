"""One sequence as a model reads it, and how a change of what people see of it becomes a change of the model's inputs.

Dimension names: ``T`` steps of the model, ``W`` steps that are shown, ``C`` channels, ``K`` outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from elman.errors import DataError
from elman.model.layer import has_steps

Array = np.ndarray


@dataclass(frozen=True)
class Symbols:
    """Steps are the characters or bytes of a text; the model reads each one's place among those that it knows.

    Args:
        input: name of the model's input.
        codes: (T,) code points, or bytes.
        known: code points or bytes, in the order of the model's indices.
        unknown: the index of all others.
        in_bytes: whether a step is a byte, not a character.
    """

    input: str
    codes: Array
    known: Array
    unknown: int
    in_bytes: bool = False


@dataclass(frozen=True)
class Words:
    """Steps are words; the model reads each one's place among those that it knows, and perhaps its letters.

    Args:
        input: name of the model's input of words.
        words: (T,) of them.
        known: in the order of the model's indices; all others have the one behind them.
        lower: whether they are looked up in lower case.
        normalise: whether those not known as they are written are looked up with links, mentions, hashtags, digits and
            repeated characters written alike.
        spelling: name of the input of letters; "" where there is none. 0 is no letter, 1 any that is not known.
        letters: those known, from 2.
        longest: of a longer word the first and the last half of so many letters are read.
        shapes: name of the input of shapes (capitals, digits, signs, links); "" where there is none.
    """

    input: str
    words: tuple[str, ...]
    known: tuple[str, ...]
    lower: bool
    normalise: bool = False
    spelling: str = ""
    letters: str = ""
    longest: int = 0
    shapes: str = ""


@dataclass(frozen=True)
class Numbers:
    """Steps are numbers; the model reads ``(value - center) / spread`` of each channel, 0 where one is missing.

    Args:
        input: name of the model's input.
        values: (T, C) float64, NaN where one is missing.
        channels: their names.
        center, spread: (C,).
        marks_missing: whether each channel has another behind all of them, 1 where its value is missing.
    """

    input: str
    values: Array
    channels: tuple[str, ...]
    center: Array
    spread: Array
    marks_missing: bool = False


@dataclass(frozen=True)
class LinearMap:
    """``y = A·x + b``, of A the entries that are not 0.

    Args:
        rows, columns, entries: (n,) each: where they stand, and what they are.
        constant: b.

    >>> change = LinearMap.of(lambda x: x[:, 1:] - x[:, :-1] + 5, 4)
    >>> len(change.entries), change(np.array([1.0, 2.0, 4.0, 8.0])).tolist()
    (6, [6.0, 7.0, 9.0])
    """

    rows: Array
    columns: Array
    entries: Array
    constant: Array

    @classmethod
    def of(cls, function: Callable[[Array], Array], size: int) -> LinearMap:
        """What ``function`` does to the rows (N, size) of an array, if it is linear but for a constant."""
        found = function(np.vstack([np.zeros(size), np.eye(size)])).astype(float)
        matrix = (found[1:] - found[0]).T
        matrix[np.abs(matrix) < 1e-9] = 0  # what is left of a constant that was added and subtracted
        rows, columns = np.nonzero(matrix)
        return cls(rows, columns, matrix[rows, columns], found[0])

    def __call__(self, x: Array) -> Array:
        y: Array = self.constant.copy()
        np.add.at(y, self.rows, self.entries * x[self.columns])
        return y


@dataclass(frozen=True)
class Window:
    """Steps are one channel's numbers, of which the model reads linear functions divided by a spread; its outputs are
    turned back to the channel's units: ``reference(values) + spread · output``.

    Args:
        input: name of the model's input, (1, T, 1).
        values: (W,) float64; the model's T steps are the last of them.
        channel: its name.
        reads: what is divided by the spread: (W,) → (T,).
        reference: (W,) → (K,).
        spread: the divisor; with ``by_window`` the least one.
        by_window: whether the divisor is the root mean square of what ``reads`` gives.
        logarithm: whether all of this is done to the logarithms of the values, and undone at the end.
    """

    input: str
    values: Array
    channel: str
    reads: LinearMap
    reference: LinearMap
    spread: float
    by_window: bool = False
    logarithm: bool = False

    def finished(self, output: Array) -> Array:
        """The network's output (K,) in the channel's units."""
        values = np.log(self.values) if self.logarithm else self.values
        raw = self.reads(values)
        spread = max(float(np.sqrt(np.mean(raw * raw))), self.spread) if self.by_window else self.spread
        found = self.reference(values) + spread * output
        return np.asarray(np.exp(found) if self.logarithm else found)


Reading = Symbols | Words | Numbers | Window


@dataclass(frozen=True)
class Answer:
    """What the outputs mean.

    Args:
        labels: of the K outputs: classes, or values.
        classes: whether they are a choice.
        scale, shift: a value is ``scale · output + shift``; empty: the outputs themselves.
        temperature: what the logits of a choice are divided by.
        ahead: whether the choice at a step is about what the next step holds.
        follows: whether the values go on where the sequence ends.
    """

    labels: tuple[str, ...]
    classes: bool
    scale: tuple[float, ...] = ()
    shift: tuple[float, ...] = ()
    temperature: float = 1.0
    ahead: bool = False
    follows: bool = False


@dataclass(frozen=True)
class Example:
    """One sequence of some data, ready for a model.

    Args:
        name: what it is called.
        inputs: the model's, by name; one row, whole.
        reading: what is shown of it, and how that becomes the input that ``reading`` names.
        answer: what comes out.
        steps: (W,) what each step that is shown is called.
        state: the model's before the first step; empty: the initial one.
        apart: those of the inputs that have other steps than these.
        notes: what whoever looks at it ought to know, a sentence each.
    """

    name: str
    inputs: Mapping[str, Array]
    reading: Reading
    answer: Answer
    steps: tuple[str, ...]
    state: Mapping[str, Array] = field(default_factory=dict)
    apart: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def read(self) -> int:
        """T: how many steps the model reads."""
        arrays = [np.asarray(array) for name, array in self.inputs.items() if name not in self.apart]
        return int(max(array.shape[1] for array in arrays if has_steps(array)))


def check_number(number: int, count: int, source: str, what: str) -> None:
    """Check that a source has the sequence that is asked for.

    Raises:
        DataError: it has not.
    """
    if not 0 <= number < count:
        there = f"{count} {what}, numbered from 0 to {count - 1}" if count > 1 else f"1 of the {what}, number 0"
        raise DataError(f"{source}: there are {there}; `example` is {number}")
