"""How sequences become a network's inputs and labels its targets: fitted on what may be known, and stored."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from elman.data import Sequences
from elman.data.sequences import sorted_classes
from elman.errors import DataError, ModelFileError

Array = np.ndarray
RARE = 1e-3  # symbols of a smaller share than this are read like those never seen
LEAST_SPREAD = 1e-6
AT_ONCE = 2**20


@dataclass(frozen=True)
class Encoding:
    """All that turns sequences into inputs and labels into targets.

    Args:
        classes: in the order of the network's outputs.
        channels: how many values a step has; 0 for symbols.
        center, spread: of each channel.
        alphabet: the symbols known; others share one more index behind them.
        marks_missing: whether each channel has another beside it, 1 where its value is missing. Those values are 0,
            which is the channel's mean.
    """

    classes: tuple[str, ...]
    channels: int
    center: tuple[float, ...] = ()
    spread: tuple[float, ...] = ()
    alphabet: tuple[str, ...] = ()
    marks_missing: bool = False

    @property
    def input_size(self) -> int:
        """Values of a step as the network reads it; of symbols, how many there are."""
        return self.channels * (1 + self.marks_missing) if self.channels else len(self.alphabet) + 1

    def inputs(self, data: Sequences) -> Array:
        """(N, T, input_size) float32, or (N, T) int64 for symbols.

        Raises:
            DataError: data of another kind than those in training.
        """
        if len(data.channels) != self.channels:
            expected = "symbols" if not self.channels else f"{self.channels} channels"
            raise DataError(f"{data.source}: {data.kind()}, but the model reads {expected}; give data as in training")
        return data.spelled(self.alphabet) if not self.channels else self.numbers(data.inputs, data.lengths)

    def numbers(self, values: Array, lengths: Array) -> Array:
        """Values (N, T, I) as the network reads them, zero behind each row's length."""
        center, spread = np.array(self.center, np.float32), np.array(self.spread, np.float32)
        real = (np.arange(values.shape[1]) < lengths[:, None])[:, :, None]
        scaled = (values - center) / spread
        missing = np.isnan(scaled)
        np.copyto(scaled, 0, where=missing | ~real)
        return np.concatenate([scaled, missing & real], axis=2, dtype=np.float32) if self.marks_missing else scaled

    def targets(self, data: Sequences, *, known_only: bool = True) -> Array:
        """(N,) int64: each label's place among the classes; -1 for one that is not, unless it must be.

        Raises:
            DataError: there are no labels, or with ``known_only`` one that is no class of the model's.
        """
        places = {name: k for k, name in enumerate(self.classes)}
        labels = data.known_labels()
        for name in labels:
            if known_only and name not in places:
                shown = ", ".join(self.classes[:8]) + (" …" if len(self.classes) > 8 else "")
                raise DataError(
                    f"{data.source}: the class {name!r:.40} was not in training, whose classes are {shown}; "
                    "leave its sequences out, or train on some of them"
                )
        return np.array([places.get(name, -1) for name in labels], np.int64)

    def record(self) -> dict[str, Any]:
        """JSON values, for the model file."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


def fit_encoding(data: Sequences, scale: str) -> Encoding:
    """The encoding of ``data``, which is all that may be known.

    Args:
        scale: auto, channel, all or none.

    Raises:
        DataError: fewer than two classes.
    """
    classes = sorted_classes(data.known_labels())
    if len(classes) < 2:
        raise DataError(
            f"{data.source}: in training every sequence is of the class {classes[0]!r:.40}; give at least two classes"
        )
    if data.alphabet:
        real = np.arange(data.inputs.shape[1]) < data.lengths[:, None]
        counts = np.bincount(data.inputs[real], minlength=len(data.alphabet))
        least = max(1, RARE * counts.sum())
        often = tuple(symbol for symbol, count in zip(data.alphabet, counts, strict=True) if count >= least)
        return Encoding(classes, 0, alphabet=often)
    center, spread = _scales(data, scale)
    return Encoding(classes, len(data.channels), center, spread, marks_missing=data.missing > 0)


def _scales(data: Sequences, scale: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    count = len(data.channels)
    if scale == "none":
        return (0.0,) * count, (1.0,) * count
    real = np.arange(data.inputs.shape[1]) < data.lengths[:, None]
    steps = data.inputs[real]
    if scale == "all" or (scale == "auto" and data.one_unit):
        center, spread = _moments(steps.ravel())
        return (center,) * count, (spread,) * count
    pairs = [_moments(steps[:, k]) for k in range(count)]
    return tuple(c for c, _ in pairs), tuple(s for _, s in pairs)


def _moments(values: Array) -> tuple[float, float]:
    missing = np.isnan(values)
    known = values[~missing] if missing.any() else values
    if not len(known):
        return 0.0, 1.0
    center = float(known.mean(dtype=np.float64))
    # in parts: all at once in float64 would take twice the memory of the data
    parts = (known[k : k + AT_ONCE].astype(np.float64) - center for k in range(0, len(known), AT_ONCE))
    # no dot product: its last digits depend on the number of threads
    spread = float(np.sqrt(sum(float(np.sum(part * part)) for part in parts) / len(known)))
    return center, spread if spread > LEAST_SPREAD * max(abs(center), 1e-30) else 1.0


def encoding_from_record(record: Any) -> Encoding:
    """The encoding that :meth:`Encoding.record` wrote.

    Raises:
        ModelFileError: it is not one.
    """
    try:
        found = Encoding(**record)
        texts = replace(found, classes=tuple(found.classes), alphabet=tuple(found.alphabet))
        found = replace(texts, center=_floats(found.center), spread=_floats(found.spread))
    except (TypeError, ValueError, OverflowError) as error:
        raise ModelFileError(f"its record of classes and scales is malformed ({str(error)!a:.80})") from error
    good = (
        all(isinstance(name, str) for name in found.classes)
        and len(set(found.classes)) == len(found.classes) >= 2
        and all(isinstance(a, str) and len(a) == 1 for a in found.alphabet)
        and type(found.channels) is int
        and type(found.marks_missing) is bool
        and found.channels == len(found.center) == len(found.spread)
        and all(s > 0 for s in found.spread)
        and (found.channels > 0) != bool(found.alphabet)
        and np.isfinite([*found.center, *found.spread]).all()
    )
    if not good:
        raise ModelFileError("its record of classes and scales has impossible values")
    return found


def _floats(values: Any) -> tuple[float, ...]:
    if any(type(value) not in (int, float) for value in values):
        raise TypeError("scales are numbers")
    return tuple(map(float, values))
