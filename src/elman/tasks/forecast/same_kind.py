"""Whether later data are of the kind that a model was fitted to: their frequency, and the scale of each series."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from elman.data import Frequency, SeriesSet
from elman.errors import DataError
from elman.tasks.forecast.encoding import Scaler

FAR = 10.0  # times the spread of a series: no longer the same unit
_SHOWN = 10


def like(data: SeriesSet, frequency: Frequency | None) -> SeriesSet:
    """``data``, on the frequency that the model was fitted to.

    A few rows may not show the whole of it (five days without a week-end): if they lie on its steps, that is enough.
    Where either has no times, nothing can be compared.

    Raises:
        DataError: they are of another frequency.
    """
    own = data.frequency
    if frequency is None or own is None:
        return data
    if own.is_like(frequency):
        day = own.day if own.unit == "month" else frequency.day  # the labels go on as those of the data
        return dataclasses.replace(data, frequency=dataclasses.replace(frequency, day=day))
    times = [series.times for series in data if series.times is not None]
    in_days = own.unit == "second" and own.step == 86_400
    rows = max(map(len, times))
    if frequency.rows_are_steps and in_days and rows < 7 and all((frequency.positions(t) >= 0).all() for t in times):
        return dataclasses.replace(data, frequency=frequency)
    raise DataError(
        f"{data.source}: the series are {own.name}, those that the model was fitted to {frequency.name}; give series of"
        " that frequency, or train a model on these"
    )


def same_scale(known: Scaler, own: Scaler) -> bool:
    """Whether a history can be in the unit that the model was fitted in.

    It is in another if it varies more than 10 times as much, or less than a tenth as much at less than a tenth of the
    level: what is flat for a while stays where it was.
    """
    ratio = own.spread / known.spread
    return ratio <= FAR and (ratio >= 1 / FAR or abs(own.center) >= abs(known.center) / FAR)


def scale_remarks(rescaled: list[str]) -> list[str]:
    """What to say of series whose scale is not the one in training."""
    said = "on another scale than in training, so the scale of the history given is used"
    return [f"{said}: {_named(rescaled)}"] if rescaled else []


def logarithm_remarks(data: SeriesSet, transform: str) -> list[str]:
    """What to say of values that a model of logarithms cannot read."""
    found = [series.id for series in data if transform == "log" and (series.values <= 0).any()]
    said = "zero and negative values have no logarithm and are read as missing"
    return [f"{said}: {_named(found)}"] if found else []


def _named(ids: list[str]) -> str:
    return ", ".join(ids[:_SHOWN]) + (" …" if len(ids) > _SHOWN else "")


def frequency_from_record(record: Any) -> Frequency | None:
    """The frequency in a model's record.

    Raises:
        TypeError, ValueError: it is none.
    """
    if record is None:
        return None
    if not isinstance(record, Mapping):
        raise TypeError("a frequency is an object")
    found = Frequency(**record)
    whole = [found.step, found.season, found.day, *found.slots]
    if any(type(number) is not int for number in whole) or not isinstance(found.name, str):
        raise TypeError("the numbers of a frequency are whole")
    good = found.unit in ("month", "weekday", "slot", "second") and -1 <= found.day <= 31
    good = good and 1 <= found.step < 2**40 and 1 <= found.season < 2**40
    good = good and list(found.slots) == sorted(set(found.slots)) and (found.unit == "slot") == bool(found.slots)
    if not good or any(not 0 <= slot < 7 * 86_400 for slot in found.slots):
        raise ValueError("an impossible frequency")
    return found
