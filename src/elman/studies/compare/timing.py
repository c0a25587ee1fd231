"""Times of the cells of a comparison, side by side: each cell in turn, several rounds, medians of ratios."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from elman.kernels import native_cells
from elman.learning import Problem
from elman.model import RecurrentLayers
from elman.recurrence import Layout
from elman.recurrence.backends import Backend, choose
from elman.runs.phases import initial_network
from elman.studies.compare.plan import Plan, layouts_of

ROUNDS, SHORTEST, LONGEST = 5, 0.02, 12.0  # rounds at most; seconds of a cell's turn, and of all of them
Work = Callable[[], Any]


class Times(NamedTuple):
    """Of one cell, in seconds and as ratios to the reference's.

    ``epoch`` is an update, measured alone, times the updates in an epoch; ``step`` one step of one row through the
    recurrent layers, NaN where they also run backwards. ``path`` names what ran: in training, and in the step.
    """

    epoch: float
    epoch_ratio: float
    step: float
    step_ratio: float
    path: tuple[str, str]


def measure_times(plan: Plan) -> dict[str, Times]:
    """The times of all cells, with the weights that training begins with."""
    problems = {cell: plan.problem(cell, 0) for cell in plan.sizes}
    settings = {cell: plan.estimator(cell, 0).settings for cell in plan.sizes}
    updates = side_by_side([update_of(problems[cell], settings[cell]) for cell in plan.sizes])
    steps = side_by_side([_step_of(layouts_of(problems[cell])) for cell in plan.sizes])
    paths = {cell: _paths(layouts_of(problems[cell])[-1], settings[cell].device) for cell in plan.sizes}
    return {
        cell: Times(one.seconds * plan.updates, one.ratio, step.seconds, step.ratio, paths[cell])
        for cell, one, step in zip(plan.sizes, updates, steps, strict=True)
    }


class Timed(NamedTuple):
    """Seconds of one call, and their ratio to the first's."""

    seconds: float
    ratio: float


def side_by_side(works: Sequence[Work | None]) -> list[Timed]:
    """Time each in turn, round after round: a slow moment of the machine meets all of them. None has no time.

    >>> [round(timed.ratio) for timed in side_by_side([lambda: time.sleep(0.005), lambda: time.sleep(0.02)])]
    [1, 4]
    """
    counts = [0 if work is None else _calls(work) for work in works]
    rounds: list[list[float]] = []
    begin = time.perf_counter()
    while len(rounds) < ROUNDS and (not rounds or time.perf_counter() - begin < LONGEST):
        rounds.append([_seconds(work, count) for work, count in zip(works, counts, strict=True)])
    return [
        Timed(median(row[k] for row in rounds), median(row[k] / row[0] for row in rounds)) for k in range(len(works))
    ]


def update_of(problem: Problem, settings: Any) -> Work:
    """An update on the first examples: loss, backward, optimiser."""
    import torch

    from elman.torch_private import backward
    from elman.training.batches import segments, to_tensors
    from elman.training.optimiser import Optimiser
    from elman.training.trainer import batch_size

    network = initial_network(problem, settings).to(settings.device).train()
    examples = problem.train()
    whole = network.keeps_time(examples.sequences)
    tensors = to_tensors(examples, torch.device(settings.device), "training part", keeps_time=whole)
    size = batch_size(settings, len(examples))
    batch = next(tensors.shuffled(size, torch.Generator().manual_seed(0), by_length=problem.by_length))
    if problem.bptt_steps:
        batch = next(segments(batch, problem.bptt_steps))
    optimiser = Optimiser(network, settings)

    def update() -> None:
        optimiser.zero_grad()
        backward(network.loss(batch)[0])
        optimiser.step(settings.learning_rate)

    return update


def _step_of(layouts: Sequence[Layout]) -> Work | None:
    """One step of one row through the recurrent layers, from NumPy to NumPy; None where there is none."""
    if any(layout.bidirectional for layout in layouts):
        return None
    random = np.random.default_rng(0)
    works: list[Work] = []
    for layout in layouts:
        layer = RecurrentLayers(layout)
        arrays = {name: random.uniform(-0.1, 0.1, shape).astype(np.float32) for name, shape in layer.shapes().items()}
        run, x = layer.stepper(arrays), random.normal(size=layout.input_size).astype(np.float32)
        state = {name: np.zeros((n, 1, size), np.float32) for name, (n, size) in layer.state_sizes().items()}
        works.append(partial(run, [x], state))

    def step() -> None:
        for work in works:
            work()

    return step


def _paths(layout: Layout, device: str) -> tuple[str, str]:
    """The backends that train the layer, and that run a step of it."""
    from elman.nn.torch_kernels import unsupported_layout

    what = f"the cell {layout.cell}"
    on_core: tuple[Backend, ...] = ("native",) if layout.cell in native_cells() else ()
    by_torch: tuple[Backend, ...] = () if unsupported_layout(layout) else ("torch",)
    trained = choose((*(on_core if device == "cpu" else ()), *by_torch, "reference"), what)
    return trained, choose((*on_core, "reference"), what)


def _calls(work: Work) -> int:
    """How many calls take long enough to be timed, after some that warm up."""
    count = 1
    while _seconds(work, count) * count < SHORTEST:
        count *= 2
    return count


def _seconds(work: Work | None, count: int) -> float:
    if work is None:
        return float("nan")
    start = time.perf_counter()
    for _ in range(count):
        work()
    return (time.perf_counter() - start) / count
