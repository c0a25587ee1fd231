"""What the tests of classification share: sequences whose classes are easy to tell, and predictors of drawn weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from elman.data import Sequences, read_sequences
from elman.model import model_shapes
from elman.tasks.classify import ClassifySettings
from elman.tasks.classify.predictor import ClassifyPredictor
from elman.tasks.classify.problem import ClassifyProblem

TINY: dict[str, Any] = {"hidden_size": 3, "epochs": 2, "learning_rate": 0.02, "batch_size": 16}


def slopes(count: int = 30, steps: int = 6, seed: int = 0, channels: int = 1, ragged: bool = False) -> Sequences:
    """Sequences that rise, fall or stay, in turns, with noise; ragged: each of a length of its own."""
    random = np.random.default_rng(seed)
    rows = []
    for k in range(count):
        length = int(random.integers(2, steps + 1)) if ragged else steps
        slope = (1, -1, 0)[k % 3] * np.linspace(-1, 1, steps)[:length, None]
        rows.append(5 + 2 * (slope + random.normal(0, 0.3, (length, channels))))
    return read_sequences((rows, [("up", "down", "flat")[k % 3] for k in range(count)]))


def words(count: int = 30, seed: int = 0) -> Sequences:
    """Texts with more of one letter than of the others, which is their class."""
    random = np.random.default_rng(seed)
    texts = ["".join(random.choice(list("abc" + 3 * "abc"[k % 3]), int(random.integers(3, 9)))) for k in range(count)]
    return read_sequences((texts, ["abc"[k % 3] for k in range(count)]))


def drawn(data: Sequences, seed: int = 0, **settings: Any) -> tuple[ClassifyProblem, ClassifyPredictor]:
    """A job on ``data``, and its predictor with drawn weights in the place of trained ones."""
    problem = ClassifyProblem(data, ClassifySettings(**(TINY | settings)))
    random = np.random.default_rng(seed)
    shapes = model_shapes(problem.layers)
    arrays = {name: (0.7 * random.standard_normal(shape)).astype("f4") for name, shape in shapes.items()}
    return problem, problem.predictor(arrays, "train")
