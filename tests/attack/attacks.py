"""The table of attacks. A new format is a line here: its number of cases, and how to make and judge some of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from tests.attack import (
    checkpoint_mutants,
    csv_mutants,
    kills,
    model_mutants,
    sequence_mutants,
    sheet_mutants,
    stream_mutants,
    text_mutants,
)


class Attack(NamedTuple):
    """One kind of attack.

    Args:
        name: what is attacked.
        count: cases in ``make attack``.
        few: cases in ``make test``.
        part: cases that one process makes in one go.
        run: (count, seed) → what went wrong, a line or record each; the same seed makes the same cases.
    """

    name: str
    count: int
    few: int
    part: int
    run: Callable[[int, int], Sequence[Any]]


ATTACKS = (
    Attack("model files", 150_000, 400, 2_500, model_mutants.run),
    Attack("bits of a model file", 20_000, 400, 20_000, model_mutants.flips),
    Attack("CSV files", 40_000, 50, 1_000, csv_mutants.run),
    Attack("JSON and Excel files", 10_000, 60, 1_000, sheet_mutants.run),
    Attack("files of sequences", 20_000, 140, 1_000, sequence_mutants.run),
    Attack("texts and tagged sentences", 20_000, 200, 2_000, text_mutants.run),
    Attack("checkpoints", 3_000, 10, 50, checkpoint_mutants.run),
    Attack("stream states", 6_000, 100, 500, stream_mutants.run),
    Attack("kills of training", 250, 2, 10, kills.run),
)
