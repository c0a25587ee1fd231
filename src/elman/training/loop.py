"""The one training loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import torch

from elman.errors import SettingsError
from elman.learning import Examples
from elman.training.batches import to_tensors
from elman.training.checkpoint import Checkpoint
from elman.training.devices import open_device, seeded
from elman.training.events import EpochEnd, EpochPart, Event, Fit, PhaseEnd, PhaseStart
from elman.training.settings import TrainingSettings
from elman.training.tensors import grouped, put_tensors, tensors_of
from elman.training.trainer import Trainer

__all__ = ["Fit", "fit"]

# If an epoch is a single update, a plateau of a few epochs means nothing.
PATIENCE_EPOCHS, PATIENCE_UPDATES = 10, 32


def fit(
    network: torch.nn.Module,
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
    by_length: bool = False,
    validation_error: Callable[[], float | None] | None = None,
    error_chooses: bool = False,
    keep_initial: bool = False,
) -> Fit:
    """Train ``network`` in place: AdamW, gradients clipped by norm, a schedule, early stopping, best weights restored.

    The same seed on the same machine gives the same weights, bit for bit, also when resumed from a checkpoint. The
    caller's random state is not touched.

    Args:
        network: an :class:`elman.nn.network.Network`, or any module with its ``loss(batch, state=None) -> (mean, count,
            state)``, with initial values. Its method ``keeps_time``, if it has one, tells from the names of the inputs
            that have steps whether the output has them too. It is trained on ``settings.device``; at the end it is on
            the CPU, in evaluation mode.
        train: examples to learn from, in a new order every epoch.
        settings: of the loop.
        validation: examples that choose the best epoch and stop training early. Without them the last epoch counts.
        epochs: train for so many epochs, whatever ``settings.epochs`` and ``settings.patience`` say. The learning
            rates are those of the first epochs of the run that ``settings`` describes.
        on_event: called with each event; see :mod:`elman.training.events`.
        checkpoint: where to save and, if it has this phase, to resume from.
        phase: this training's name in events, history and checkpoint.
        stop: called before each epoch; True ends training as Ctrl-C does.
        bptt_steps: truncated back-propagation through time (Williams and Peng 1990): each batch of sequences is cut
            into segments of so many steps, an update each, and the state is carried from one to the next, but no
            gradient. 0 does not cut.
        by_length: make batches of sequences of about one length, in random order, so that little of them is padding.
        validation_error: called after each epoch, the network in evaluation mode, for what history records beside the
            validation loss.
        error_chooses: keep the epoch with the least validation error, and among several the least validation loss.
        keep_initial: the weights as they are given count as epoch 0, which a later one must improve on.

    Returns:
        the result. After Ctrl-C ``interrupted`` is True, and the network has the best weights so far.

    Raises:
        SettingsError: a device that is not available, nothing to train, segments of a model without a step-wise output.
        DataError, ShapeError: examples that cannot be trained on, or do not fit the network.
        TrainingError: the loss or the gradient became infinite or not a number.
        RunFolderError: the checkpoint is damaged, cannot be written, or belongs to another training.

    >>> import numpy as np
    >>> from elman.model import Linear, PointHead
    >>> from elman.nn.network import Network
    >>> x = np.linspace(-1, 1, 20, dtype=np.float32).reshape(20, 1)
    >>> network = Network((Linear(1, 1), PointHead("mse")))
    >>> settings = TrainingSettings(epochs=200, learning_rate=0.1, weight_decay=0)
    >>> result = fit(network, Examples(x, 2 * x), settings)
    >>> result.epochs_run, round(network.get_parameter("0.weight").item(), 3)
    (200, 2.0)
    """
    emit = on_event or (lambda event: None)
    keeps_time = _keeps_time(network, train, bptt_steps)
    known = checkpoint.load(phase) if checkpoint else None
    if checkpoint and known and known.finished:
        put_tensors(known, network, checkpoint)
        network.eval()
        emit(PhaseEnd(phase, known.fit))
        return known.fit

    device = open_device(settings.device)
    part = to_tensors(train, device, "training part", keeps_time=keeps_time)
    held_out = None if validation is None else to_tensors(validation, device, "validation part", keeps_time=keeps_time)
    planned = settings.epochs if epochs is None else epochs
    with seeded(settings.seed, device):
        trainer = Trainer(
            network.to(device),
            part,
            held_out,
            settings,
            phase,
            bptt_steps,
            by_length=by_length,
            validation_error=validation_error,
            error_chooses=error_chooses,
            keep_initial=keep_initial,
            on_part=lambda epoch, share: emit(EpochPart(phase, epoch, planned, share)),
        )
        try:
            if checkpoint and known:
                trainer.resume(known, checkpoint)
            emit(PhaseStart(phase, trainer.epoch, planned))
            patience = _patience(settings, trainer) if epochs is None and held_out is not None else 0
            interrupted = _train(trainer, planned, patience, emit, checkpoint, stop)
        finally:
            trainer.close()
    result = trainer.fit(interrupted)
    if checkpoint and not interrupted:
        checkpoint.save(phase, result, grouped(weights=tensors_of(network)), finished=True)
    emit(PhaseEnd(phase, result))
    return result


def _keeps_time(network: torch.nn.Module, examples: Examples, bptt_steps: int) -> bool:
    says = getattr(network, "keeps_time", lambda sequences: False)
    keeps_time = bool(says(examples.sequences))
    if bptt_steps and not keeps_time:
        raise SettingsError(
            f"bptt_steps is {bptt_steps}, but this model has one output for a whole sequence, which cannot be cut into "
            "segments; set bptt_steps to 0"
        )
    if bptt_steps and not getattr(network, "causal", True):
        raise SettingsError(
            f"bptt_steps is {bptt_steps}, but this model also runs backwards in time, from each sequence's end; "
            "set bptt_steps to 0"
        )
    return keeps_time


def _patience(settings: TrainingSettings, trainer: Trainer) -> int:
    if settings.patience is not None:
        return settings.patience
    return max(PATIENCE_EPOCHS, math.ceil(PATIENCE_UPDATES / trainer.updates))


def _train(
    trainer: Trainer,
    planned: int,
    patience: int,
    emit: Callable[[Event], None],
    checkpoint: Checkpoint | None,
    stop: Callable[[], bool] | None,
) -> bool:
    """Run the epochs; True if interrupted."""
    start, before = time.perf_counter(), trainer.epoch
    try:
        while trainer.epoch < planned and not (patience and trainer.epoch - trainer.best.epoch >= patience):
            if stop and stop():
                if checkpoint:
                    checkpoint.save(trainer.phase, trainer.fit(True), trainer.state(), finished=False)
                return True
            trainer.run_epoch()
            if checkpoint and checkpoint.due():
                checkpoint.save(trainer.phase, trainer.fit(True), trainer.state(), finished=False)
            elapsed = time.perf_counter() - start
            remaining = elapsed / (trainer.epoch - before) * (planned - trainer.epoch)
            last = trainer.history[-1]
            emit(
                EpochEnd(
                    trainer.phase,
                    trainer.epoch,
                    planned,
                    last["loss"],
                    last["validation_loss"],
                    last["validation_error"],
                    trainer.best.epoch,
                    elapsed,
                    remaining,
                )
            )
    except KeyboardInterrupt:  # the current epoch is lost; a checkpoint replays it
        return True
    return False
