"""One cell learning one lag: fresh sequences at every update, until it is solved or the budget is spent.

A loop of its own, since :func:`elman.training.loop.fit` goes through a fixed set of examples in epochs; network and
optimiser are the same. It lasts seconds, so it is not saved on its way: one that is killed begins again, and draws the
same sequences.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from elman.cells import get_cell
from elman.data.generated import Drawn, Puzzle
from elman.model import LastStep, Layer, Linear, PointHead, RecurrentLayers, SoftmaxHead
from elman.recurrence import Layout
from elman.training.settings import TrainingSettings

if TYPE_CHECKING:
    from elman.nn.network import Network

CHECKS, CHECKED, SCORED = 25, 128, 512  # updates between two looks; sequences of a look, and of the score that counts
# draws that no update makes: their numbers are beyond any budget
LOOK, SCORE = 2**62, 2**62 + 1


@dataclass(frozen=True)
class Lesson:
    """What is learned, by what, and how.

    Args:
        layout: of the cell.
        init, forget_bias: the initial values, as ``MemorySettings`` has them.
        error: at which it is solved.
        later: longer lags, at which a solved one is tried without further learning.
    """

    puzzle: Puzzle
    layout: Layout
    lag: int
    seed: int
    budget: int
    batch_size: int
    learning_rate: float
    clip_norm: float
    init: str
    forget_bias: float | None
    error: float
    later: Sequence[int]


def learn(lesson: Lesson, on_part: Callable[[float, float], None] | None = None) -> dict[str, Any]:
    """Train until the error on sequences not drawn before is below ``lesson.error``, or to the budget's end.

    Args:
        on_part: called about once a second with the share of the budget that is spent, and the seconds that the rest
            takes at most.

    Returns:
        ``solved``, ``updates`` made, the last ``error`` measured, whether it ``diverged`` (the gradient became infinite
        or not a number: it ends there, unsolved), and of a solved one ``later``: the error at longer lags.
    """
    import torch

    from elman.nn.network import Batch
    from elman.torch_private import backward
    from elman.training.optimiser import Optimiser

    puzzle, seed = lesson.puzzle, lesson.seed
    network = _network(lesson)
    settings = TrainingSettings(
        learning_rate=lesson.learning_rate, clip_norm=lesson.clip_norm, weight_decay=0.0, seed=seed
    )
    optimiser = Optimiser(network, settings)
    look = puzzle.draw(lesson.lag, CHECKED, seed, LOOK)
    begin = told = time.monotonic()
    error, done, solved, diverged = error_of(network, puzzle, look), 0, False, False
    while done < lesson.budget and not solved:
        network.train()
        for _ in range(min(CHECKS, lesson.budget - done)):
            drawn = puzzle.draw(lesson.lag, lesson.batch_size, seed, done)
            optimiser.zero_grad()
            loss, _, _ = network.loss(Batch(torch.from_numpy(drawn.inputs), torch.from_numpy(drawn.targets)))
            backward(loss)
            diverged = not math.isfinite(float(optimiser.step(lesson.learning_rate)))
            done += 1
            if diverged:
                break
        if diverged:
            break
        error = error_of(network, puzzle, look)
        if error < lesson.error:  # by luck, perhaps: others decide
            error = error_of(network, puzzle, puzzle.draw(lesson.lag, SCORED, seed, SCORE))
            solved = error < lesson.error
        if on_part is not None and (now := time.monotonic()) - told >= 1:
            told = now
            on_part(done / lesson.budget, (now - begin) / done * (lesson.budget - done))
    later = {}
    if solved:
        for lag in lesson.later:
            later[str(lag)] = error_of(network, puzzle, puzzle.draw(lag, SCORED, seed, SCORE))
    return {"solved": solved, "updates": done, "error": error, "diverged": diverged, "later": later}


def error_of(network: Network, puzzle: Puzzle, drawn: Drawn, rows: int = CHECKED) -> float:
    """The network's error on sequences, so many at a time."""
    import torch

    network.eval()
    with torch.no_grad():
        answers = [
            network(torch.from_numpy(drawn.inputs[k : k + rows]))[0].numpy() for k in range(0, len(drawn.inputs), rows)
        ]
    return puzzle.error(np.concatenate(answers), drawn.targets)


def layers_of(puzzle: Puzzle, layout: Layout) -> tuple[Layer, ...]:
    """One recurrent layer, and from its states, or the last, the answer."""
    ends = () if puzzle.scored > 1 else (LastStep(),)
    head = SoftmaxHead(puzzle.classes) if puzzle.classes else PointHead("mse")
    return (RecurrentLayers(layout), *ends, Linear(layout.hidden_size, head.output_size), head)


def init_of(cell: str, init: str, lag: int) -> str:
    """The scheme of initial values for a cell: chrono's, for memories of the lag, where a gate keeps or writes.

    >>> init_of("lstm", "chrono", 50), init_of("lem", "chrono", 50), init_of("rnn", "chrono", 50)
    ('chrono:50', 'chrono:50', 'torch')
    """
    if init == "chrono":
        return f"chrono:{max(lag, 3)}" if get_cell(cell).keep or get_cell(cell).write else "torch"
    return "torch" if init == "default" else init


def _network(lesson: Lesson) -> Network:
    import torch

    from elman.nn.network import Network, arrays_of, set_arrays

    layout = lesson.layout
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(lesson.seed)
        network = Network(layers_of(lesson.puzzle, layout), init=init_of(layout.cell, lesson.init, lesson.lag))
    cell = get_cell(layout.cell)
    if lesson.forget_bias is not None and cell.keep:
        arrays = arrays_of(network)
        first = cell.gates.index(cell.keep) * layout.hidden_size
        for name, value in (("0.bias_ih_l0", lesson.forget_bias), ("0.bias_hh_l0", 0.0)):
            if name in arrays:
                arrays[name][first : first + layout.hidden_size] = value
        set_arrays(network, arrays)
    return network
