"""Generated puzzles of memory: what is asked for depends on what was read long before.

A draw is a function of the puzzle, the lag, a seed and a number, by a counter-based generator (Philox): draw 1,000 can
be made without the 999 before it, so whatever trains on fresh data can go on where it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from elman.errors import SettingsError

Array = np.ndarray
SYMBOLS, COUNT = 8, 10  # of an alphabet, and how many of them are to be copied
BLANK, DELIMITER = SYMBOLS, SYMBOLS + 1
NOISE = 8  # symbols that mean nothing
MOST_STEPS = 10_000_000


class Drawn(NamedTuple):
    """Sequences and what is asked for: ``inputs`` (N, T, I) float32; ``targets`` (N, 1) float32, or int64 (N,) for one
    answer at the end, (N, T) for one at every step."""

    inputs: Array
    targets: Array


@dataclass(frozen=True)
class Puzzle:
    """One kind of puzzle.

    Args:
        name: what it is called.
        features: I, values of a step.
        classes: of the answers; 0: they are numbers.
        steps: of a sequence of lag 0.
        scored: how many of the last steps count in the error; the others are trained only.
        chance: the error of whoever remembers nothing, and ``chance_loss`` the loss, by lag.
        source: where it was proposed.
    """

    name: str
    features: int
    classes: int
    steps: int
    scored: int
    chance: float
    chance_loss: Callable[[int], float]
    source: str
    _draw: Callable[[np.random.Generator, int, int], Drawn]
    least: int = 1

    def draw(self, lag: int, rows: int, seed: int, number: int = 0) -> Drawn:
        """Draw ``number`` of ``rows`` sequences.

        Raises:
            SettingsError: a lag out of range.

        >>> first, second = (PUZZLES["recall"].draw(5, 3, seed=0, number=7).targets for _ in range(2))
        >>> bool((first == second).all())
        True
        """
        if not self.least <= lag <= MOST_STEPS:
            raise SettingsError(f"a lag of {lag}; {self.name} takes one from {self.least} to {MOST_STEPS}")
        return self._draw(np.random.Generator(np.random.Philox(key=[seed, number])), lag, rows)

    def error(self, answers: Array, targets: Array) -> float:
        """The mean squared error; of classes the share that is wrong, among the steps that count.

        Args:
            answers: (N, 1); of classes their scores, (N, C) or (N, T, C).
            targets: as drawn.
        """
        if not self.classes:
            return float(np.mean((answers.astype(np.float64) - targets) ** 2))
        wrong = answers.argmax(axis=-1) != targets
        return float(wrong.mean() if wrong.ndim == 1 else wrong[:, -self.scored :].mean())


def _one_hot(symbols: Array, count: int) -> Array:
    rows: Array = np.eye(count, dtype=np.float32)[symbols]
    return rows


def _recall(random: np.random.Generator, lag: int, rows: int) -> Drawn:
    """The first symbol, after ``lag`` steps of noise."""
    first = random.integers(0, SYMBOLS, rows)
    noise = random.integers(SYMBOLS, SYMBOLS + NOISE, (rows, lag))
    return Drawn(_one_hot(np.concatenate([first[:, None], noise], axis=1), SYMBOLS + NOISE), first)


def _adding(random: np.random.Generator, lag: int, rows: int) -> Drawn:
    """The sum of two values among ``lag``, one marked in each half."""
    values, marks = random.random((rows, lag), np.float32), np.zeros((rows, lag), np.float32)
    half, every = lag // 2, np.arange(rows)
    places = random.integers(0, half, rows), random.integers(half, lag, rows)
    for place in places:
        marks[every, place] = 1
    total = values[every, places[0]] + values[every, places[1]]
    return Drawn(np.stack([values, marks], axis=-1), total[:, None])


def _copied(symbols: Array, places: Array, lag: int) -> Drawn:
    rows, steps = len(symbols), lag + 2 * COUNT
    read = np.full((rows, steps), BLANK)
    np.put_along_axis(read, places, symbols, axis=1)
    read[:, lag + COUNT - 1] = DELIMITER
    targets = np.full((rows, steps), BLANK)
    targets[:, -COUNT:] = symbols
    return Drawn(_one_hot(read, SYMBOLS + 2), targets)


def _copy(random: np.random.Generator, lag: int, rows: int) -> Drawn:
    """Ten symbols, again after ``lag`` blanks, the last of which says that they are wanted."""
    symbols = random.integers(0, SYMBOLS, (rows, COUNT))
    return _copied(symbols, np.tile(np.arange(COUNT), (rows, 1)), lag)


def _selective(random: np.random.Generator, lag: int, rows: int) -> Drawn:
    """Ten symbols at random places among the blanks, in their order."""
    symbols = random.integers(0, SYMBOLS, (rows, COUNT))
    places = random.random((rows, lag + COUNT - 1)).argpartition(COUNT - 1, axis=1)[:, :COUNT]
    return _copied(symbols, np.sort(places, axis=1), lag)


_COPY_CHANCE = 1 - 1 / SYMBOLS


def _copy_loss(lag: int) -> float:
    return COUNT * float(np.log(SYMBOLS)) / (lag + 2 * COUNT)


PUZZLES: dict[str, Puzzle] = {
    puzzle.name: puzzle
    for puzzle in (
        Puzzle(
            "recall",
            SYMBOLS + NOISE,
            SYMBOLS,
            1,
            1,
            _COPY_CHANCE,
            lambda lag: float(np.log(SYMBOLS)),
            "after Hochreiter and Schmidhuber 1997, section 5.2",
            _recall,
        ),
        Puzzle(
            "adding", 2, 0, 0, 1, 1 / 6, lambda lag: 1 / 6, "Hochreiter and Schmidhuber 1997, section 5.4", _adding, 2
        ),
        Puzzle(
            "copy",
            SYMBOLS + 2,
            SYMBOLS + 1,
            2 * COUNT,
            COUNT,
            _COPY_CHANCE,
            _copy_loss,
            "Arjovsky, Shah and Bengio 2016, arXiv:1511.06464",
            _copy,
        ),
        Puzzle(
            "selective-copy",
            SYMBOLS + 2,
            SYMBOLS + 1,
            2 * COUNT,
            COUNT,
            _COPY_CHANCE,
            _copy_loss,
            "Jing et al. 2019, 'Gated orthogonal recurrent units', as in Gu and Dao 2023, arXiv:2312.00752",
            _selective,
        ),
    )
}


def puzzle_of(name: str) -> Puzzle:
    """The puzzle called ``name``.

    Raises:
        SettingsError: there is none.
    """
    if name not in PUZZLES:
        raise SettingsError(f"unknown puzzle {name!r:.40}; choose one of: {', '.join(PUZZLES)}")
    return PUZZLES[name]
