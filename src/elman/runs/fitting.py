"""Training, the same for every task: fit before the test, evaluate on it, then fit again on everything."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from elman.learning import Candidate, Evaluation, Predictor, Problem
from elman.runs.choosing import search
from elman.runs.phases import OnEvent, OnPicture, Phases, open_checkpoint
from elman.training.course import Course

if TYPE_CHECKING:
    from elman.training.checkpoint import Checkpoint


@dataclass(frozen=True)
class Outcome:
    """The result of training.

    Args:
        final: fitted on everything; the one to use.
        tested: fitted on what precedes the test; the one that was evaluated. None if nothing was held back, or
            each part of the test had a model of its own.
        evaluation: of ``tested`` on the test, or of the models of all rounds, each on its own part of it.
        history: one record an epoch.
        best_epoch: the epoch with the least validation loss, and the length of the refit; 0 for the initial weights.
        seconds: the time of everything.
        interrupted: whether it was stopped early; both models are then the best so far.
        candidates: where the model was chosen among several, all of them.
    """

    final: Predictor
    tested: Predictor | None
    evaluation: Evaluation | None
    history: list[dict[str, Any]]
    best_epoch: int
    seconds: float
    interrupted: bool
    candidates: tuple[Candidate, ...] = ()

    @property
    def chosen(self) -> Mapping[str, Any]:
        """The settings that the chosen candidate has for itself; none where there was no choice."""
        return next((one.settings for one in self.candidates if one.chosen), {})


def train(
    problem: Problem,
    settings: Any,
    *,
    arrays: Mapping[str, np.ndarray] | None = None,
    on_event: OnEvent | None = None,
    checkpoint_path: Path | None = None,
    resume: bool = True,
    on_picture: OnPicture | None = None,
    refit: bool = True,
) -> Outcome:
    """Train a model for ``problem``, or where it is done in rounds, one for each of them.

    Args:
        settings: the task's, which hold :class:`elman.model.ModelSettings` and
            :class:`elman.training.settings.TrainingSettings`.
        arrays: initial weights, instead of random ones.
        checkpoint_path: where the state of training is kept, so that a killed run can be resumed.
        resume: continue from what is there; otherwise it is replaced.
        refit: whether to fit again on everything; where not, the model tested last is the final one.
        on_picture: called after each epoch with a function that makes the problem's picture of the model as it is then.

    Raises:
        MissingDependencyError: torch is not installed.
    """
    begin = time.monotonic()
    checkpoint = open_checkpoint(problem, arrays, checkpoint_path, resume)
    if problem.rounds:
        outcome = _in_rounds(problem, settings, arrays, on_event, checkpoint, refit)
    else:
        outcome = _once(Phases(problem, settings, arrays, on_event, checkpoint, on_picture), refit)
    return replace(outcome, seconds=time.monotonic() - begin)


def _once(phases: Phases, refit: bool) -> Outcome:
    held_out = phases.problem.validation()
    found = search(phases, held_out)
    phases, fitted, searched = found.phases, found.arrays, found.fit
    problem = phases.problem
    tested = problem.predictor(fitted, "train")
    evaluation = None if problem.test is None else tested.evaluate(problem.test)
    final, history, interrupted = tested, [*searched.history, *found.others], searched.interrupted
    whole = None
    if refit and not interrupted and (evaluation is not None or held_out is not None):
        whole = problem.all()
    if whole is not None:
        epochs = searched.best_epoch if problem.keep_initial else max(searched.best_epoch, 1)
        fitted, again = phases.run("refit", whole, None, epochs=epochs)
        history, interrupted = history + list(again.history), again.interrupted
        if not interrupted:
            final = problem.predictor(fitted, "all")
    return Outcome(
        final=final,
        tested=None if evaluation is None else tested,
        evaluation=evaluation,
        history=history,
        best_epoch=searched.best_epoch,
        seconds=0.0,
        interrupted=interrupted,
        candidates=found.candidates,
    )


def _in_rounds(
    problem: Problem,
    settings: Any,
    arrays: Mapping[str, np.ndarray] | None,
    on_event: OnEvent | None,
    checkpoint: Checkpoint | None,
    refit: bool,
) -> Outcome:
    """The job on everything first, so that there is a model whenever it is interrupted; then those that are tested."""
    course, history = Course(problem.rounds + refit, on_event), []

    def one(number: int, name: str, prefix: str) -> Outcome:
        course.begin(name)
        phases = Phases(problem.round(number), settings, arrays, course, checkpoint, prefix=prefix)
        found = _once(phases, refit=True)
        course.end()
        history.extend(found.history)
        return found

    last = one(problem.rounds, "final model", "") if refit else None
    tested: list[Predictor] = []
    for number in range(problem.rounds):
        if last is not None and last.interrupted:
            break
        name = f"window {number + 1}"
        own = one(number, f"{name} of {problem.rounds}", f"{name} ")
        tested += [] if own.interrupted else [own.final]
        last = replace(last, interrupted=own.interrupted) if refit and last is not None else own
    assert last is not None, "there is at least one round"
    evaluation = problem.measured(tested) if tested else None
    return replace(last, tested=None, evaluation=evaluation, history=history)
