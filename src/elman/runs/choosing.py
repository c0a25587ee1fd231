"""The choice among models by the validation part alone: each is trained, the best one's weights are kept."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from elman.errors import SettingsError
from elman.learning import Candidate, Examples
from elman.learning.candidate import name_of
from elman.runs.phases import Phases
from elman.training.course import Course

if TYPE_CHECKING:
    from elman.training.loop import Fit


@dataclasses.dataclass(frozen=True)
class Searched:
    """The search of the candidate that was chosen; its ``history`` is called that of the search.

    Args:
        phases: of the chosen problem, to go on with.
        others: the histories of the other candidates.
    """

    phases: Phases
    arrays: dict[str, np.ndarray]
    fit: Fit
    candidates: tuple[Candidate, ...] = ()
    others: list[dict[str, Any]] = dataclasses.field(default_factory=list)


def search(phases: Phases, validation: Examples | None) -> Searched:
    """The search of the phases' problem, whose part to validate on is ``validation``, or of the best of its candidates.

    Raises:
        SettingsError: there are candidates, and no validation part to choose by.
    """
    problem = phases.problem
    if not problem.candidates:
        return Searched(phases, *phases.run("search", problem.train(), validation))
    if validation is None:
        raise SettingsError(
            "what to choose is judged by the validation part, and there is none: give more data, a larger "
            "`validation`, or a single `cell` and `hidden_size`"
        )
    course = Course(len(problem.candidates), phases.on_event)
    found: list[tuple[Candidate, Phases, dict[str, np.ndarray], Fit]] = []
    for settings, own in problem.candidates:
        name = name_of(settings)
        course.begin(f"{name} search")
        one = dataclasses.replace(
            phases, problem=own, on_event=course, on_picture=None, prefix=f"{phases.prefix}{name} "
        )
        arrays, fit = one.run("search", own.train(), validation)
        course.end()
        count = sum(array.size for array in arrays.values())
        found.append((Candidate(settings, count, fit.best_loss, fit.best_epoch), one, arrays, fit))
        if fit.interrupted:
            break
    losses = [math.inf if candidate.validation is None else candidate.validation for candidate, *_ in found]
    best = losses.index(min(losses))  # the first of equals
    candidates = tuple(one[0]._replace(chosen=k == best) for k, one in enumerate(found))
    _, one, arrays, fit = found[best]
    others = [row for k, (*_, other) in enumerate(found) if k != best for row in other.history]
    history = [{**row, "phase": f"{phases.prefix}search"} for row in fit.history]
    fit = dataclasses.replace(fit, history=history, interrupted=found[-1][3].interrupted)
    return Searched(dataclasses.replace(phases, problem=one.problem), arrays, fit, candidates, others)
