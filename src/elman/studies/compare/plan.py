"""What a comparison trains: the cells, how large each is, and for how long."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from elman._version import __version__
from elman.errors import SettingsError
from elman.learning import Problem
from elman.model import RecurrentLayers
from elman.recurrence import Layout
from elman.runs.estimator import Estimator
from elman.runs.task import Task
from elman.settings import to_record
from elman.studies.cell_specs import (
    matched_size,
    options_of,
    own_options,
    parse_cells,
    recurrent_parameters,
    sized,
)
from elman.studies.settings import CHOSEN, CompareSettings

OPTIONS = "cell_options"


@dataclass(frozen=True)
class Data:
    """What is trained on: the task's data, read; the names of its columns; and what was given apart."""

    read: Any
    columns: Mapping[str, Any]
    test: Any = None
    validation: Any = None


@dataclass(frozen=True)
class Plan:
    """A comparison to be made.

    Args:
        task, data: what is learned.
        settings: those of every run, but for the cell, its size and the seed.
        sizes: hidden size by cell; the first is the reference.
        seeds: how many, from 0.
        match: what is equal: "parameters" or "hidden".
        budget: the updates that were asked for; None: the settings' epochs.
        updates: in an epoch.
    """

    task: Task
    data: Data
    settings: Mapping[str, Any]
    sizes: Mapping[str, int]
    seeds: int
    match: str
    budget: int | None
    updates: int

    @property
    def reference(self) -> str:
        """The cell that the others are measured by."""
        return next(iter(self.sizes))

    def settings_of(self, cell: str, seed: int) -> dict[str, Any]:
        """Those of one run."""
        return {**_with_cell(self.settings, cell), "hidden_size": self.sizes[cell], "seed": seed}

    def estimator(self, cell: str, seed: int) -> Estimator:
        """Of one run, untrained."""
        return self.task.estimator(**self.settings_of(cell, seed))

    def problem(self, cell: str, seed: int) -> Problem:
        """The job of one run."""
        return problem_of(self.estimator(cell, seed), self.data)

    @cached_property
    def epochs(self) -> int:
        """Of each run, at most."""
        epochs: int = self.estimator(self.reference, 0).settings.epochs
        return epochs

    def identity(self) -> dict[str, Any]:
        """What all runs of a folder have in common; further cells and seeds may be added to it."""
        problem, options = self.problem(self.reference, 0), _options(self.settings)
        return {
            "elman": __version__,
            "task": self.task.name,
            "reference": self.reference,
            "match": self.match,
            "budget": self.budget,
            "settings": to_record(self.estimator(self.reference, 0).settings),
            **({OPTIONS: options} if options else {}),  # of all cells: the settings have the reference's alone
            "data": hashlib.sha256(problem.fingerprint()).hexdigest(),
        }


def make_plan(
    task: Task,
    data: Data,
    chosen: CompareSettings,
    settings: Mapping[str, Any],
) -> Plan:
    """Choose each cell's size, and the epochs of all.

    Raises:
        SettingsError: a setting that a comparison chooses itself, a budget of less than an epoch or none where one is
            needed, or settings that one of the cells cannot have.
        DataError: data that cannot be trained on.
    """
    from elman.runs.phases import initial_network

    for name, instead in CHOSEN.items():
        if name in settings:
            raise SettingsError(f"`{name}` is chosen by `{instead}` in a comparison; leave it out")
    cells, budget = parse_cells(chosen.cells), chosen.budget
    if budget is not None and "epochs" in settings:
        raise SettingsError("`budget` and `epochs` are two ways to say how long to train; give one of them")
    # without early stopping all cells have the same number of updates
    common = {"patience": 0, **task.network_alone, **settings}
    options = options_of(cells, _options(common))
    first = task.estimator(**_with_cell(common, cells[0]))
    problem = problem_of(first, data)
    if problem.rounds:
        raise SettingsError("a comparison trains one model for each cell and seed, not one for each window: no `refit`")
    updates = _updates(problem, first.settings)
    if budget is None and task.long_epochs and "epochs" not in settings:
        raise SettingsError(
            f"`budget` is needed: training as long as {task.name} does by default takes long, once for each cell and "
            f"seed; an epoch of these data has {updates} updates"
        )
    if budget is not None:
        if budget < updates:
            raise SettingsError(
                f"budget is {budget}, and an epoch of these data has {updates} updates; give at least so many, or "
                "change `batch_size`"
            )
        common["epochs"] = budget // updates
    layouts = layouts_of(problem)
    size = first.settings.hidden_size
    equal = chosen.match == "hidden"
    sizes = {cell: size if equal or cell == cells[0] else matched_size(layouts, cell, options[cell]) for cell in cells}
    plan = Plan(task, data, common, sizes, chosen.seeds, chosen.match, budget, updates)
    for cell in cells:  # what a cell cannot have is an error now, not after the others were trained
        estimator = plan.estimator(cell, 0)
        initial_network(problem_of(estimator, data), estimator.settings)
    return plan


def _with_cell(settings: Mapping[str, Any], cell: str) -> dict[str, Any]:
    """``settings`` of a model of ``cell``, with those options that are its own."""
    found = {**settings, "cell": cell}
    if text := _options(settings):
        own = own_options(cell, text)
        found[OPTIONS] = ",".join(f"{name}={value!r}" for name, value in own.items()) or None
    return found


def _options(settings: Mapping[str, Any]) -> str:
    given = settings.get(OPTIONS)
    return given if isinstance(given, str) else ""  # whatever else it is, the task's settings refuse


def problem_of(estimator: Estimator, data: Data) -> Problem:
    """The job that ``estimator`` would do on ``data``."""
    return estimator.problem(data.read, test=data.test, validation=data.validation, **data.columns)


def layouts_of(problem: Problem) -> list[Layout]:
    """The recurrent layers of a job's model.

    Raises:
        SettingsError: there are none.
    """
    found = [layer.layout for layer in problem.layers if isinstance(layer, RecurrentLayers)]
    if not found:
        raise SettingsError("the model has no recurrent layer, so there are no cells to compare")
    return found


def mismatch(plan: Plan) -> float:
    """How far the recurrent parameters of a cell are from the reference's at most, as a share of these."""
    layouts = layouts_of(plan.problem(plan.reference, 0))
    wanted = recurrent_parameters(layouts)
    options = options_of(list(plan.sizes), _options(plan.settings))
    counts = [
        recurrent_parameters([sized(layout, cell, size, options[cell]) for layout in layouts])
        for cell, size in plan.sizes.items()
    ]
    return max(abs(count - wanted) for count in counts) / wanted


def _updates(problem: Problem, settings: Any) -> int:
    from elman.training.trainer import updates_in_epoch

    examples = problem.train()
    return updates_in_epoch(settings, len(examples), max(examples.steps, 1), problem.bptt_steps)
