"""The frequency that the series of a table have in common, or which of them has another."""

from __future__ import annotations

from collections import Counter

import numpy as np

from elman.data.frequency import MOST_FILLED, Frequency, detect
from elman.data.series_set import REGULAR
from elman.data.table import Table
from elman.data.text import quote
from elman.errors import DataError

_FEWEST = 6  # rows that show a frequency of their own


def common_frequency(table: Table, time: str, times: np.ndarray, groups: dict[str, np.ndarray]) -> Frequency | None:
    """The frequency of all series; None where none has two rows.

    Raises:
        DataError: the times are at no regular step, or a series is of another frequency than the others.
    """
    of_series = {key: times[rows] for key, rows in groups.items()}
    common = detect(list(of_series.values()))
    if len(groups) > 1:
        _check_alike(table, of_series, common)
    if common is None and any(len(rows) > 1 for rows in groups.values()):
        in_order = all((np.diff(rows) > 0).all() for rows in groups.values())
        count = ', or count the rows as steps (`time` "")' if in_order else ""
        raise DataError(f"{table.name}, column {quote(time)}: the times are not at a regular step; {REGULAR}{count}")
    return common


def _check_alike(table: Table, of_series: dict[str, np.ndarray], common: Frequency | None) -> None:
    own = {key: found for key, t in of_series.items() if len(t) >= _FEWEST and (found := detect([t])) is not None}
    if len(own) < 2:
        return
    most = Counter((found.unit, found.step, found.slots) for found in own.values()).most_common(1)[0][0]
    usual = next(found for found in own.values() if (found.unit, found.step, found.slots) == most)
    others = [key for key, found in own.items() if not found.is_like(usual)]
    others = [key for key in others if common is None or _clashes(of_series, own, key, usual, common)]
    if others:
        named = ", ".join(f"{quote(key)} ({own[key].name})" for key in others[:5]) + (" …" if len(others) > 5 else "")
        has, it = ("has", "it") if len(others) == 1 else ("have", "them")
        raise DataError(
            f"{table.name}: series {named} {has} another frequency than the others, which are {usual.name}; give {it} "
            "in a file apart, or resample"
        )


def _clashes(
    of_series: dict[str, np.ndarray], own: dict[str, Frequency], key: str, usual: Frequency, common: Frequency
) -> bool:
    """Whether one of two series does not fit the frequency that was found for all."""
    first = next(k for k, found in own.items() if found is usual)
    for k in (key, first):
        positions = common.positions(of_series[k])
        if (positions < 0).any() or len(positions) < (1 - MOST_FILLED) * (int(positions[-1]) + 1):
            return True
    return False
