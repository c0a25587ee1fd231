"""The phases of training one model: from its initial weights through the loop, with one checkpoint for all of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from elman.errors import MissingDependencyError
from elman.learning import Examples, Figure, Problem
from elman.learning.problem import FittedOn

if TYPE_CHECKING:
    from elman.nn.network import Network
    from elman.training.checkpoint import Checkpoint
    from elman.training.loop import Fit

OnEvent = Callable[[Any], None]
OnPicture = Callable[[Callable[[], Figure | None]], None]


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


def open_checkpoint(
    problem: Problem, arrays: Mapping[str, np.ndarray] | None, path: Path | None, resume: bool
) -> Checkpoint | None:
    """The checkpoint of ``problem``, trained from ``arrays``, in the file ``path``; None without one.

    Raises:
        MissingDependencyError: torch is not installed.
    """
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError("torch", "training", "train") from error
    from elman.training.checkpoint import Checkpoint

    if path is None:
        return None
    digest = hashlib.sha256(problem.fingerprint())
    for name, array in sorted((arrays or {}).items()):
        digest.update(name.encode() + array.tobytes())
    checkpoint = Checkpoint(path, fingerprint=digest.hexdigest())
    checkpoint.begin(resume=resume)
    return checkpoint


@dataclass(frozen=True)
class Phases:
    """The phases of training a model for ``problem``.

    Args:
        arrays: initial weights, instead of random ones.
        checkpoint: where their state is kept, under their names.
        prefix: before the name of each phase, where several models are trained in one run.
    """

    problem: Problem
    settings: Any
    arrays: Mapping[str, np.ndarray] | None = None
    on_event: OnEvent | None = None
    checkpoint: Checkpoint | None = None
    on_picture: OnPicture | None = None
    prefix: str = ""

    def run(
        self, phase: str, train: Examples, validation: Examples | None, epochs: int | None = None
    ) -> tuple[dict[str, np.ndarray], Fit]:
        """Fit ``train``, ``validation`` choosing the epoch; the weights, and the course of training."""
        from elman.nn.network import arrays_of
        from elman.training.events import EpochEnd
        from elman.training.loop import fit

        problem, settings, on_picture = self.problem, self.settings, self.on_picture

        def on_event(event: Any) -> None:
            if self.on_event is not None:
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
                phase=self.prefix + phase,
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
