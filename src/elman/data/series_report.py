"""What was read of a source of series, in words."""

from __future__ import annotations

import numpy as np

from elman.data.notes import counted
from elman.data.series_set import SeriesSet
from elman.data.text import quote

_NAMED = 10
_HOLIDAYS = 16  # days without rows that need no remark


def described(data: SeriesSet) -> list[str]:
    """What was read, repaired, filled in and left out, a line each.

    >>> from elman.data import read_series
    >>> for line in described(read_series({"day": ["2020-01-02", "2020-01-01", "2020-01-04"], "load": [1, 2, 3]})):
    ...     print(line)
    data: 1 series of 4 steps, target 'load', 3 rows
    times: 'day', written %Y-%m-%d, daily, from 2020-01-01 to 2020-01-04
    filled in: 1 of 4 steps (25%), never scored
    """
    how, sizes = data.read_as, [len(series) for series in data]
    steps = f"{min(sizes):,}" if min(sizes) == max(sizes) else f"{min(sizes):,} to {max(sizes):,}"
    target = "" if not how.targets else f", target {', '.join(map(quote, how.targets[:_NAMED]))}"
    rows = f", {counted(how.rows, 'row')}" if how.rows else ""
    lines = [f"{data.source}: {len(data)} series of {steps} steps{target}{rows}"]
    timed = [series for series in data if series.times is not None]
    if timed:
        begin = min(timed, key=lambda series: series.times[0] if series.times is not None else 0)
        end = max(timed, key=lambda series: series.times[-1] if series.times is not None else 0)
        name = "no regular step" if data.frequency is None else data.frequency.name
        column = f"{quote(how.time)}, " if how.time else ""
        lines.append(
            f"times: {column}written {data.time_style}, {name}, from {data.labels(begin)[0]} to {data.labels(end)[-1]}"
        )
        if data.frequency is not None and data.frequency.rows_are_steps:
            lines.append("steps: the rows themselves, none is filled in between; what follows goes on in that pattern")
            lines += _longest_hole(data)
    elif how.rows:
        lines.append("times: none; the rows are the steps, in their order")
    lines += [f"read: {note}" for note in how.notes]
    return lines + _gaps(data) + _left_out(data)


def remarks_on(data: SeriesSet) -> list[str]:
    """Of what :func:`described` says, what is not as it should be: repairs, and what was left out."""
    return [f"read: {note}" for note in data.read_as.notes] + _left_out(data)


def _longest_hole(data: SeriesSet) -> list[str]:
    """Where rows are steps, what lies between two of them, if that is more than holidays."""
    longest, said = np.timedelta64(_HOLIDAYS, "D"), []
    for series in data:
        if series.times is None or len(series) < 2:
            continue
        apart = np.diff(series.times)
        step = int(np.argmax(apart))
        if apart[step] > longest:
            before, after = data.labels(series)[step : step + 2]
            longest, said = apart[step], [f"no rows between: {before} and {after} follow each other"]
    return said


def _gaps(data: SeriesSet) -> list[str]:
    sizes = [len(series) for series in data]
    missing, steps_in_all = sum(int(np.isnan(series.values).sum()) for series in data), sum(sizes)
    return [f"filled in: {missing:,} of {steps_in_all:,} steps ({missing / steps_in_all:.0%}), never scored"] * bool(
        missing
    )


def _left_out(data: SeriesSet) -> list[str]:
    lines = []
    for instead in dict.fromkeys(one.instead for one in data.left_out):
        found = [f"{quote(one.id)} {one.reason}" for one in data.left_out if one.instead == instead]
        more = f"; and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        lines.append(f"left out: {'; '.join(found[:_NAMED])}{more}" + (f"; {instead}" if instead else ""))
    return lines
