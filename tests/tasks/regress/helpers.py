"""What the tests of regression share: made sequences, and models with drawn weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from elman.data import SequenceTable, read_sequence_arrays
from elman.tasks.regress import RegressSettings
from elman.tasks.regress.predictor import RegressPredictor
from elman.tasks.regress.problem import RegressProblem
from tests.tasks.helpers import drawn_arrays

Array = np.ndarray


def made(lengths: Sequence[int], inputs: int = 2, targets: int = 1, seed: int = 0, last: bool = False) -> SequenceTable:
    """Sequences of drawn inputs far from 0, and targets that remember them."""
    random = np.random.default_rng(seed)
    xs = [100 + 5 * random.normal(size=(n, inputs)) for n in lengths]
    ys = [np.cumsum(x[:, :1] - 100, axis=0) * np.arange(1, targets + 1) + 7 for x in xs]
    if last:
        return read_sequence_arrays((xs, np.stack([y[-1] for y in ys])), last=True)
    return read_sequence_arrays((xs, ys))


def changed(data: SequenceTable, number: int, step: int, *, what: str = "inputs", value: float = 1e3) -> SequenceTable:
    """``data`` with another value at one step of one sequence."""
    pairs = [(s.inputs.copy(), s.targets.copy()) for s in data]
    pairs[number][what == "targets"][step] = value
    return read_sequence_arrays(([x for x, _ in pairs], [y for _, y in pairs]))


def drawn(data: SequenceTable, seed: int = 0, **settings: Any) -> tuple[RegressProblem, RegressPredictor]:
    """A regression job on ``data``, and a predictor of it with drawn weights in the place of trained ones."""
    problem = RegressProblem(data, RegressSettings(**({"hidden_size": 3} | settings)))
    return problem, problem.predictor(drawn_arrays(problem.layers, seed), "train")
