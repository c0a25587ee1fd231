"""Training, the same for every task: fit before the test, evaluate on it, then fit again on everything."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from elman.errors import MissingDependencyError
from elman.learning import Evaluation, Examples, Figure, Predictor, Problem
from elman.learning.problem import FittedOn

if TYPE_CHECKING:
    from elman.nn.network import Network
    from elman.training.loop import Fit

OnEvent = Callable[[Any], None]
OnPicture = Callable[[Callable[[], Figure | None]], None]


@dataclass(frozen=True)
class Outcome:
    """The result of training.

    Args:
        final: fitted on everything; the one to use.
        tested: fitted on what precedes the test; the one that was evaluated. None if nothing was held back.
        evaluation: of ``tested`` on the test.
        history: one record an epoch.
        best_epoch: the epoch with the least validation loss, and the length of the refit; 0 for the initial weights.
        seconds: the time of everything.
        interrupted: whether it was stopped early; both models are then the best so far.
    """

    final: Predictor
    tested: Predictor | None
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
    resume: bool = True,
    on_picture: OnPicture | None = None,
    refit: bool = True,
) -> Outcome:
    """Train a model for ``problem``.

    Args:
        settings: the task's, which hold :class:`elman.model.ModelSettings` and
            :class:`elman.training.settings.TrainingSettings`.
        arrays: initial weights, instead of random ones.
        checkpoint_path: where the state of training is kept, so that a killed run can be resumed.
        resume: continue from what is there; otherwise it is replaced.
        refit: whether to fit again on everything.
        on_picture: called after each epoch with a function that makes the problem's picture of the model as it is then.

    Raises:
        MissingDependencyError: torch is not installed.
    """
    begin = time.monotonic()
    phases = _Phases(problem, settings, arrays, on_event, checkpoint_path, resume, on_picture)
    held_out = problem.validation()
    fitted, search = phases.run("search", problem.train(), held_out)
    tested = problem.predictor(fitted, "train")
    evaluation = None if problem.test is None else tested.evaluate(problem.test)
    final, history, interrupted = tested, list(search.history), search.interrupted
    whole = None
    if refit and not interrupted and (evaluation is not None or held_out is not None):
        whole = problem.all()
    if whole is not None:
        epochs = search.best_epoch if problem.keep_initial else max(search.best_epoch, 1)
        fitted, again = phases.run("refit", whole, None, epochs=epochs)
        history, interrupted = history + list(again.history), again.interrupted
        if not interrupted:
            final = problem.predictor(fitted, "all")
    return Outcome(
        final=final,
        tested=None if evaluation is None else tested,
        evaluation=evaluation,
        history=history,
        best_epoch=search.best_epoch,
        seconds=time.monotonic() - begin,
        interrupted=interrupted,
    )


def initial_network(problem: Problem, settings: Any, arrays: Mapping[str, np.ndarray] | None = None) -> Network:
    """The network of ``problem`` as training finds it: with the weights of ``settings.seed``, or with ``arrays``."""
    import torch

    from elman.nn.network import Network, arrays_of, set_arrays

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = Network(
            problem.layers,
            dropout=settings.dropout,
            recurrent_dropout=settings.recurrent_dropout,
            init=settings.init,
            zero_output=problem.zero_output,
        )
        set_arrays(network, problem.initial(arrays_of(network)) if arrays is None else arrays)
    return network


class _Phases:
    """The phases of training, with one checkpoint for all of them."""

    def __init__(
        self,
        problem: Problem,
        settings: Any,
        arrays: Mapping[str, np.ndarray] | None,
        on_event: OnEvent | None,
        checkpoint_path: Path | None,
        resume: bool,
        on_picture: OnPicture | None,
    ) -> None:
        try:
            import torch  # noqa: F401
        except ImportError as error:
            raise MissingDependencyError("torch", "training", "train") from error
        from elman.training.checkpoint import Checkpoint

        self.problem, self.settings, self.arrays = problem, settings, arrays
        self.on_event, self.on_picture = on_event or (lambda event: None), on_picture
        self.checkpoint = None
        if checkpoint_path is not None:
            digest = hashlib.sha256(problem.fingerprint())
            for name, array in sorted((arrays or {}).items()):
                digest.update(name.encode() + array.tobytes())
            self.checkpoint = Checkpoint(checkpoint_path, fingerprint=digest.hexdigest())
            self.checkpoint.begin(resume=resume)

    def run(
        self, phase: str, train: Examples, validation: Examples | None, epochs: int | None = None
    ) -> tuple[dict[str, np.ndarray], Fit]:
        from elman.nn.network import arrays_of
        from elman.training.events import EpochEnd
        from elman.training.loop import fit

        problem, settings, on_picture = self.problem, self.settings, self.on_picture

        def on_event(event: Any) -> None:
            self.on_event(event)
            if on_picture is not None and isinstance(event, EpochEnd):
                fitted_on: FittedOn = "train" if phase == "search" else "all"
                on_picture(lambda: problem.picture(problem.predictor(arrays_of(network), fitted_on)))

        own_error = type(problem).validation_error is not Problem.validation_error

        def validation_error() -> float | None:
            return problem.validation_error(arrays_of(network))

        try:
            network = initial_network(problem, settings, self.arrays)
            result = fit(
                network,
                train,
                settings,
                validation=validation,
                epochs=epochs,
                on_event=on_event,
                checkpoint=self.checkpoint,
                phase=phase,
                bptt_steps=problem.bptt_steps,
                by_length=problem.by_length,
                validation_error=validation_error if own_error and validation is not None else None,
                error_chooses=problem.error_chooses,
                keep_initial=problem.keep_initial,
            )
        except RuntimeError as error:  # torch has no type of its own for a processor's memory
            if "memory" not in str(error):
                raise
            raise MemoryError(f"`hidden_size` is {settings.hidden_size}, `num_layers` {settings.num_layers}") from error
        return arrays_of(network), result
