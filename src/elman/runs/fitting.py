"""Training, the same for every task: fit before the test, measure on it, then fit again on everything."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from elman.errors import MissingDependencyError
from elman.model import Model
from elman.tasks.base import Evaluation, Examples, Problem

if TYPE_CHECKING:
    from elman.training.loop import Fit

OnEvent = Callable[[Any], None]


@dataclass(frozen=True)
class Outcome:
    """What training leaves.

    Args:
        final: fitted on everything; the one to use.
        tested: fitted on what precedes the test; the one that was measured. None if nothing was held back.
        evaluation: of ``tested`` on the test.
        history: a record an epoch.
        best_epoch: the epoch with the least validation loss, and the length of the refit.
        seconds: all of it.
        interrupted: stopped before its end; both models are then the best so far.
    """

    final: Model
    tested: Model | None
    evaluation: Evaluation | None
    history: list[dict[str, Any]]
    best_epoch: int
    seconds: float
    interrupted: bool


def train(
    problem: Problem,
    settings: Any,
    *,
    arrays: Mapping[str, np.ndarray] | None = None,
    on_event: OnEvent | None = None,
    checkpoint_path: Path | None = None,
) -> Outcome:
    """Train a model for ``problem``.

    Args:
        settings: the task's, which hold :class:`elman.settings.ModelSettings` and ``TrainingSettings``, and ``loss``.
        arrays: weights to begin with, instead of new ones.
        checkpoint_path: where the state of training is kept, so that a killed run can go on.

    Raises:
        MissingDependencyError: torch is not installed.
    """
    begin = time.monotonic()
    runner = _Runner(problem, settings, arrays, on_event, checkpoint_path)
    fit_part, held_out = problem.split()
    fitted, search = runner.run("search", fit_part, held_out)
    tested = problem.tested(fitted)
    evaluation = problem.evaluate(tested)
    final, history, interrupted = tested, list(search.history), search.interrupted
    if not interrupted and (evaluation is not None or held_out is not None):
        fitted, refit = runner.run("refit", problem.everything(), None, epochs=max(search.best_epoch, 1))
        history, interrupted = history + list(refit.history), refit.interrupted
        if not interrupted:
            final = problem.final(fitted)
    return Outcome(
        final=final,
        tested=None if evaluation is None else tested,
        evaluation=evaluation,
        history=history,
        best_epoch=search.best_epoch,
        seconds=time.monotonic() - begin,
        interrupted=interrupted,
    )


class _Runner:
    """Runs the phases of training, with one checkpoint for all of them."""

    def __init__(
        self,
        problem: Problem,
        settings: Any,
        arrays: Mapping[str, np.ndarray] | None,
        on_event: OnEvent | None,
        checkpoint_path: Path | None,
    ) -> None:
        try:
            import torch  # noqa: F401
        except ImportError as error:
            raise MissingDependencyError("torch", "training", "train") from error
        from elman.training.checkpoint import Checkpoint

        self.layers, self.silent_head = problem.layers, problem.silent_head
        self.settings, self.arrays, self.on_event = settings, arrays, on_event
        self.checkpoint = None
        if checkpoint_path is not None:
            digest = hashlib.sha256(problem.fingerprint())
            for name in sorted(arrays or {}):
                digest.update(name.encode() + arrays[name].tobytes())  # type: ignore[index]
            self.checkpoint = Checkpoint(checkpoint_path, fingerprint=digest.hexdigest())
            self.checkpoint.begin()

    def run(
        self, phase: str, train: Examples, validation: Examples | None, epochs: int | None = None
    ) -> tuple[dict[str, np.ndarray], Fit]:
        import torch

        from elman.nn.build import arrays_of, build, set_arrays
        from elman.training.loop import fit

        settings = self.settings
        try:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(settings.seed)
                module = build(
                    self.layers,
                    dropout=settings.dropout,
                    recurrent_dropout=settings.recurrent_dropout,
                    init=settings.init,
                    silent_head=self.silent_head,
                )
            if self.arrays is not None:
                set_arrays(module, self.arrays)
            result = fit(
                module,
                settings.loss,
                train,
                settings,
                validation=validation,
                epochs=epochs,
                on_event=self.on_event,
                checkpoint=self.checkpoint,
                phase=phase,
            )
        except RuntimeError as error:  # torch has no type of its own for a processor's memory
            if "memory" not in str(error):
                raise
            raise MemoryError(f"--hidden-size is {settings.hidden_size}, --num-layers {settings.num_layers}") from error
        return arrays_of(module), result
