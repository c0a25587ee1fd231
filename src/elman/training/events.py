"""What training tells: events while it runs, a :class:`Fit` at its end. Plain data, without torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Fit:
    """What a phase of training came to.

    Args:
        best_epoch: the epoch (from 1) whose weights the module has now; 0 if interrupted before there was one.
        epochs_run: whole epochs trained.
        best_loss: validation loss at ``best_epoch``, or without validation the training loss; None at epoch 0.
        history: one entry an epoch: ``phase``, ``epoch`` (from 1), ``loss``, ``validation_loss`` (or None),
            ``learning_rate`` of its first update, ``seconds`` it took.
        interrupted: Ctrl-C or ``stop`` ended it; it can be resumed from its checkpoint.
        seconds: time of training, over all the runs that a checkpoint joined.
    """

    best_epoch: int
    epochs_run: int
    best_loss: float | None
    history: list[dict[str, Any]] = field(default_factory=list, repr=False)
    interrupted: bool = False
    seconds: float = 0.0


@dataclass(frozen=True)
class PhaseStart:
    """Training begins, or goes on after ``epoch`` epochs, for at most ``epochs`` in all."""

    phase: str
    epoch: int
    epochs: int


@dataclass(frozen=True)
class EpochEnd:
    """Epoch ``epoch`` (from 1) of at most ``epochs`` is over; ``elapsed`` and ``remaining`` in seconds.

    ``remaining`` counts all the epochs left: early stopping may end sooner.
    """

    phase: str
    epoch: int
    epochs: int
    loss: float
    validation_loss: float | None
    best_epoch: int
    elapsed: float
    remaining: float


@dataclass(frozen=True)
class PhaseEnd:
    """Training of this phase is over."""

    phase: str
    fit: Fit


Event = PhaseStart | EpochEnd | PhaseEnd
