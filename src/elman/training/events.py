"""Training's events while it runs, and a :class:`Fit` at its end. Plain data, without torch."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True)
class Fit:
    """The result of a phase of training.

    Args:
        best_epoch: the epoch (from 1) whose weights the module has now; 0 for the initial weights, where no epoch
            was better or training was interrupted before there was one.
        epochs_run: whole epochs trained.
        best_loss: validation loss at ``best_epoch``, or the error where that chooses, or without validation the
            training loss. At epoch 0 the validation loss of the initial weights, or None where they are no candidate.
        history: one entry an epoch: ``phase``, ``epoch`` (from 1), ``loss``, ``validation_loss`` and
            ``validation_error`` (or None),
            ``learning_rate`` of its first update, ``seconds`` it took.
        interrupted: Ctrl-C or ``stop`` ended it; it can be resumed from its checkpoint.
        seconds: time of training, over all the runs that a checkpoint connects.
    """

    best_epoch: int
    epochs_run: int
    best_loss: float | None
    history: list[dict[str, Any]] = field(default_factory=list, repr=False)
    interrupted: bool = False
    seconds: float = 0.0


def fit_from_record(record: Any, phase: str) -> Fit:
    """A :class:`Fit` from its values in a checkpoint, where its ``phase`` is called so.

    Raises:
        ValueError: a value of the wrong type or out of range, or values that contradict each other.
    """
    if not isinstance(record, dict) or record.keys() != {f.name for f in fields(Fit)}:
        raise ValueError("its summary is malformed")
    fit = Fit(**record)
    if not isinstance(fit.history, list) or not isinstance(fit.interrupted, bool):
        raise ValueError("its summary is malformed")
    for epoch, entry in enumerate(fit.history, start=1):
        if not _is_entry(entry, phase, epoch):
            raise ValueError(f"its record of epoch {epoch} is malformed")
    if type(fit.epochs_run) is not int or fit.epochs_run != len(fit.history):
        raise ValueError("its number of epochs is not that of its history")
    if type(fit.best_epoch) is not int or not 0 <= fit.best_epoch <= fit.epochs_run:
        raise ValueError("its best epoch is none of its history")
    if not _is_best(fit):
        raise ValueError("its best loss is not that of its best epoch")
    if not _is_number(fit.seconds):
        raise ValueError("its time is no number")
    return fit


def _is_best(fit: Fit) -> bool:
    if fit.best_epoch == 0:
        # without a loss to beat the first epoch is better than the initial weights
        return _is_finite(fit.best_loss) or (fit.best_loss is None and not fit.history)
    best = fit.history[fit.best_epoch - 1]
    chosen = {best[name] for name in ("validation_error", "validation_loss")} - {None} or {best["loss"]}
    return _is_finite(fit.best_loss) and fit.best_loss in chosen


def _is_entry(entry: Any, phase: str, epoch: int) -> bool:
    keys = {"phase", "epoch", "loss", "validation_loss", "validation_error", "learning_rate", "seconds"}
    return (
        isinstance(entry, dict)
        and entry.keys() == keys
        and entry["phase"] == phase
        and type(entry["epoch"]) is int
        and entry["epoch"] == epoch
        and _is_finite(entry["loss"])
        and all(entry[name] is None or _is_finite(entry[name]) for name in ("validation_loss", "validation_error"))
        and _is_number(entry["learning_rate"])
        and _is_number(entry["seconds"])
    )


def _is_finite(value: Any) -> bool:
    return type(value) is float and math.isfinite(value)


def _is_number(value: Any) -> bool:
    return _is_finite(value) and value >= 0


@dataclass(frozen=True)
class PhaseStart:
    """Training begins, or continues after ``epoch`` epochs, for at most ``epochs`` in all."""

    phase: str
    epoch: int
    epochs: int


@dataclass(frozen=True)
class EpochPart:
    """``share`` of the updates of epoch ``epoch`` (from 1) are over: at most once a second, where epochs are long."""

    phase: str
    epoch: int
    epochs: int
    share: float


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
    validation_error: float | None
    best_epoch: int
    elapsed: float
    remaining: float


@dataclass(frozen=True)
class PhaseEnd:
    """Training of this phase is over."""

    phase: str
    fit: Fit


@dataclass(frozen=True)
class StudyPart:
    """Of what takes long besides training, as a study of many models, ``share`` is over; ``what`` is under way, and
    ``remaining`` seconds are left, as far as one can tell (NaN: one cannot)."""

    what: str
    share: float
    remaining: float = math.nan


Event = PhaseStart | EpochPart | EpochEnd | PhaseEnd | StudyPart
