"""The one training loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import torch

from elman.settings import TrainingSettings
from elman.tasks.base import Examples
from elman.training.batches import to_tensors
from elman.training.checkpoint import Checkpoint
from elman.training.devices import open_device, seeded
from elman.training.events import EpochEnd, Event, Fit, PhaseEnd, PhaseStart
from elman.training.losses import get_loss
from elman.training.run import Trainer
from elman.training.tensors import grouped, put_tensors, tensors_of

__all__ = ["Fit", "fit"]

# Where an epoch is a single update, a plateau of a few epochs says nothing.
PATIENCE_EPOCHS, PATIENCE_UPDATES = 10, 32


def fit(
    module: torch.nn.Module,
    loss: str,
    train: Examples,
    settings: TrainingSettings,
    *,
    validation: Examples | None = None,
    epochs: int | None = None,
    on_event: Callable[[Event], None] | None = None,
    checkpoint: Checkpoint | None = None,
    phase: str = "train",
    stop: Callable[[], bool] | None = None,
    bptt_steps: int = 0,
) -> Fit:
    """Train ``module`` in place: AdamW, gradients clipped by norm, a schedule, early stopping, best weights restored.

    The same seed on the same machine gives the same weights, bit for bit, with or without interruptions that a
    checkpoint joins. The caller's own random stream is not touched.

    Args:
        module: maps inputs (B, T, I) to predictions of the targets' shape, with initial values. With ``bptt_steps`` it
            maps inputs and a state to predictions and the new state, a tensor or nested tuple of tensors; the first
            state of a sequence is None. It is trained on ``settings.device``, and is on the CPU and in evaluation mode
            at the end.
        loss: a name in :data:`elman.training.losses.LOSSES`.
        train: examples to learn from, in a new order every epoch.
        settings: all that there is to choose.
        validation: examples that choose the best epoch and stop training early. Without them the last epoch counts.
        epochs: train for so many epochs, whatever ``settings.epochs`` and ``settings.patience`` say. The learning
            rates are those of the first epochs of the run that ``settings`` describes.
        on_event: called with each event; see :mod:`elman.training.events`.
        checkpoint: where to save and, if it knows this phase, what to go on from.
        phase: this training's name in events, history and checkpoint.
        stop: asked after each epoch; True ends training as Ctrl-C does.
        bptt_steps: truncated back-propagation through time (Williams and Peng 1990): each batch of sequences is cut
            into segments of so many steps, an update each, and the state is carried from one to the next, but no
            gradient. Targets are (N, T, …) then. 0 does not cut.

    Returns:
        what came of it. After Ctrl-C, ``interrupted`` is True, and the module has the best weights until then.

    Raises:
        SettingsError: an unknown loss, a device that is not available, nothing to train.
        DataError, ShapeError: examples that cannot be trained on, or do not fit the module's output.
        TrainingError: the loss or the gradient became infinite or not a number.
        RunFolderError: the checkpoint is damaged, cannot be written, or belongs to another training.

    >>> import numpy as np
    >>> x = np.linspace(-1, 1, 20, dtype=np.float32).reshape(20, 1, 1)
    >>> examples = Examples(x, 2 * x, np.ones_like(x))
    >>> module = torch.nn.Linear(1, 1)
    >>> result = fit(module, "mse", examples, TrainingSettings(epochs=200, learning_rate=0.1, weight_decay=0))
    >>> result.epochs_run, round(module.weight.item(), 3)
    (200, 2.0)
    """
    tell = on_event or (lambda event: None)
    measure = get_loss(loss)
    known = checkpoint.load(phase) if checkpoint else None
    if checkpoint and known and known.finished:
        put_tensors(known.group("weights"), module, checkpoint)
        module.eval()
        tell(PhaseEnd(phase, known.fit))
        return known.fit

    device = open_device(settings.device)
    part = to_tensors(train, device, "training part", aligned=bool(bptt_steps))
    held_out = (
        None if validation is None else to_tensors(validation, device, "validation part", aligned=bool(bptt_steps))
    )
    planned = settings.epochs if epochs is None else epochs
    with seeded(settings.seed, device):
        run = Trainer(module.to(device), measure, part, held_out, settings, phase, bptt_steps)
        try:
            if checkpoint and known:
                run.go_on(known, checkpoint)
            tell(PhaseStart(phase, run.epoch, planned))
            patience = _patience(settings, run) if epochs is None and held_out is not None else 0
            interrupted = _train(run, planned, patience, tell, checkpoint, stop)
        finally:
            run.close()
    result = run.fit(interrupted)
    if checkpoint and not interrupted:
        checkpoint.save(phase, result, grouped(weights=tensors_of(module)), finished=True)
    tell(PhaseEnd(phase, result))
    return result


def _patience(settings: TrainingSettings, run: Trainer) -> int:
    if settings.patience is not None:
        return settings.patience
    return max(PATIENCE_EPOCHS, math.ceil(PATIENCE_UPDATES / run.updates))


def _train(
    run: Trainer,
    planned: int,
    patience: int,
    tell: Callable[[Event], None],
    checkpoint: Checkpoint | None,
    stop: Callable[[], bool] | None,
) -> bool:
    """Epochs until there are enough; True if interrupted."""
    start, before = time.perf_counter(), run.epoch
    try:
        while run.epoch < planned and not (patience and run.epoch - run.best.epoch >= patience):
            if stop and stop():
                if checkpoint:
                    checkpoint.save(run.phase, run.fit(True), run.state(), finished=False)
                return True
            run.run_epoch()
            if checkpoint and checkpoint.due():
                checkpoint.save(run.phase, run.fit(True), run.state(), finished=False)
            elapsed = time.perf_counter() - start
            remaining = elapsed / (run.epoch - before) * (planned - run.epoch)
            last = run.history[-1]
            tell(
                EpochEnd(
                    run.phase,
                    run.epoch,
                    planned,
                    last["loss"],
                    last["validation_loss"],
                    run.best.epoch,
                    elapsed,
                    remaining,
                )
            )
    except KeyboardInterrupt:  # the epoch begun is lost; a checkpoint replays it
        return True
    return False
