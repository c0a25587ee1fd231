"""What a model's file says besides its layers: names, scales, ranges, the baselines, and what was fitted on."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from elman.data import SequenceTable
from elman.errors import DataError, ModelFileError
from elman.model.layer import record_of, values_of
from elman.tasks.regress.settings import EVERY, LAST, RegressSettings

Array = np.ndarray
Numbers = tuple[float, ...]


@dataclass(frozen=True)
class Record:
    """What a trained regressor needs to know.

    Args:
        inputs, targets: names.
        at, carry: as in the settings.
        input_center, input_spread: what each input is lessened by, and then divided by.
        target_center, target_spread: the same for the targets; a prediction is turned back with them.
        lowest, highest: the range of each input in training.
        mean: the baseline's prediction of each target.
        linear: the linear baseline's coefficients of all scaled inputs and of 1, target after target.
        fitted: marks of the sequences fitted on, see :mod:`elman.tasks.regress.fitted`.
    """

    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    at: str
    carry: bool
    input_center: Numbers
    input_spread: Numbers
    target_center: Numbers
    target_spread: Numbers
    lowest: Numbers
    highest: Numbers
    mean: Numbers
    linear: Numbers
    fitted: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        width, count = len(self.inputs), len(self.targets)
        sizes = {
            "input_center": width,
            "input_spread": width,
            "lowest": width,
            "highest": width,
            "target_center": count,
            "target_spread": count,
            "mean": count,
            "linear": (width + 1) * count,
        }
        for name, size in sizes.items():
            values = getattr(self, name)
            if len(values) != size or not size or not all(map(math.isfinite, values)):
                raise ModelFileError(f"its record of {name} is malformed")
        if self.at not in (EVERY, LAST) or (self.carry and self.at == LAST):
            raise ModelFileError("it does not say where its targets are")
        if min(*self.input_spread, *self.target_spread, 1.0) <= 0:
            raise ModelFileError("its spreads are not positive")

    @property
    def last(self) -> bool:
        """Whether there is one target for a whole sequence."""
        return self.at == LAST

    def encode(self, inputs: Array) -> Array:
        """Inputs (…, I) as the network reads them, in float64."""
        return np.asarray((inputs - np.array(self.input_center)) / np.array(self.input_spread))

    def encode_targets(self, targets: Array) -> Array:
        """Targets (…, K) as the network should put them out, in float64."""
        return np.asarray((targets - np.array(self.target_center)) / np.array(self.target_spread))

    def decode(self, output: Array) -> Array:
        """The network's output (…, K) as predictions, in float64."""
        return np.asarray(output.astype(np.float64) * np.array(self.target_spread) + np.array(self.target_center))

    def linear_prediction(self, inputs: Array) -> Array:
        """The linear baseline's predictions (T, K) from the inputs (T, I) of the same steps."""
        coefficients = np.array(self.linear).reshape(len(self.targets), len(self.inputs) + 1).T
        return np.asarray(_with_ones(self.encode(inputs)) @ coefficients)

    def outside(self, inputs: Array) -> Array:
        """Which of the inputs (T, I) lie outside the range of training: (T, I) bool."""
        return np.asarray((inputs < np.array(self.lowest)) | (inputs > np.array(self.highest)))

    def check_inputs(self, data: SequenceTable) -> None:
        """Refuse data with other inputs.

        Raises:
            DataError: the names of the inputs differ.
        """
        if data.inputs != self.inputs:
            found = ", ".join(data.inputs)
            raise DataError(f"{data.source}: its inputs are {found}; the model reads {', '.join(self.inputs)}")

    def check_targets(self, data: SequenceTable) -> None:
        """Refuse data with no targets, or others.

        Raises:
            DataError: there are none, or their names differ.
        """
        data.need_targets()
        if data.targets != self.targets:
            found = ", ".join(data.targets)
            raise DataError(f"{data.source}: its targets are {found}; the model tells {', '.join(self.targets)}")

    def to_record(self) -> dict[str, Any]:
        """As JSON values; :meth:`from_record` reads them."""
        return record_of(self)

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Self:
        """From :meth:`to_record`'s values.

        Raises:
            ModelFileError: a value is missing, left over or impossible.
        """
        return cls(**values_of(cls, record, "a regressor's record"))


def fit_record(known: SequenceTable, settings: RegressSettings, old: Record | None = None) -> Record:
    """The record of a model fitted on ``known``, of which all is used and nothing else.

    Args:
        old: that of the model to go on from: it keeps its scales, to which its weights belong.

    Raises:
        DataError: no target is known.
    """
    inputs = np.concatenate([sequence.inputs for sequence in known])
    at = [-1] if settings.at == LAST else slice(None)
    x = np.concatenate([sequence.inputs[at] for sequence in known])
    y = np.concatenate([sequence.targets[at] for sequence in known])
    for name, values in zip(known.targets, y.T, strict=True):
        if np.isnan(values).all():
            raise DataError(f"{known.source}: no value of {name!r} is known to learn from; give more data")
    lowest, highest = inputs.min(axis=0), inputs.max(axis=0)
    if old is not None:
        lowest, highest = np.minimum(lowest, old.lowest), np.maximum(highest, old.highest)
    record = Record(
        inputs=known.inputs,
        targets=known.targets,
        at=settings.at,
        carry=settings.carry,
        input_center=_plain(inputs.mean(axis=0)) if old is None else old.input_center,
        input_spread=_spread(inputs) if old is None else old.input_spread,
        target_center=_plain(np.nanmean(y, axis=0)) if old is None else old.target_center,
        target_spread=_spread(y) if old is None else old.target_spread,
        lowest=_plain(lowest),
        highest=_plain(highest),
        mean=_plain(np.nanmean(y, axis=0)),
        linear=(0.0,) * (len(known.inputs) + 1) * len(known.targets),
    )
    design = _with_ones(record.encode(x))
    linear = [np.linalg.lstsq(design[~np.isnan(t)], t[~np.isnan(t)], rcond=None)[0] for t in y.T]
    return replace(record, linear=_plain(np.concatenate(linear)))


def _with_ones(x: Array) -> Array:
    return np.column_stack([x, np.ones(len(x))])


def _plain(values: Array) -> Numbers:
    return tuple(float(value) for value in values)


def _spread(values: Array) -> Numbers:
    """Standard deviation of each column over what is known; 1 for one that does not vary."""
    spread, size = np.nanstd(values, axis=0), np.nanmax(np.abs(values), axis=0)
    return _plain(np.where(spread > 1e-9 * size, spread, 1.0))
