"""Times of the week at which rows come, where they leave out nights, week-ends or other days again and again."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from elman.data.time_styles import WEEKDAYS

_DAY = 86_400
_WEEK = 7 * _DAY
_MOST_SLOTS = 10_080  # every minute of a week
_OFTEN, _RARELY = 0.5, 0.15  # of the weeks
_ON, _KEPT = 0.9, 0.8  # shares: of rows that lie on slots, of slots that have rows
_FEWEST_WEEKS, _FEWEST_DAYS = 3, 4


def of_week(times: np.ndarray) -> np.ndarray:
    """Seconds from Monday, (n,) int64."""
    seconds: np.ndarray = (
        times.astype("datetime64[s]").astype(np.int64) + 3 * _DAY
    ) % _WEEK  # 1970 began on a Thursday
    return seconds


def slots_of(times: Sequence[np.ndarray]) -> tuple[int, ...]:
    """The times of the week at which rows come, in seconds from Monday; () where nothing recurs, or all of it.

    A slot has a row in at least half of the weeks, everything else in hardly any; nine of ten rows must lie on
    slots, and four of five slots that went by must have one. In less than three weeks, times of the day are looked for
    instead.

    Args:
        times: of each series datetime64[s], ascending.

    >>> days = np.arange("2022-01-02", "2022-03-01", dtype="datetime64[D]")
    >>> week = days[np.is_busday(days, "1111001")].astype("datetime64[s]")  # Sunday to Thursday
    >>> [slot // 86400 for slot in slots_of([week])]
    [0, 1, 2, 3, 6]
    """
    long = [t for t in times if len(t) > 2]
    if not long:
        return ()
    spans = [int((t[-1] - t[0]).astype(np.int64)) for t in long]
    found, counts = np.unique(np.concatenate([of_week(t) for t in long]), return_counts=True)
    if len(found) > _MOST_SLOTS:
        return ()
    if max(spans) >= _FEWEST_WEEKS * _WEEK:
        weeks = sum(math.ceil((span + 1) / _WEEK) for span in spans)
        slots = found[counts >= _OFTEN * weeks]
        if (counts[counts < _OFTEN * weeks] > max(1, _RARELY * weeks)).any():
            return ()  # rows come there too, if not always: what is missing is missing
    else:
        slots = _daily(long, max(spans))
    if not len(slots):
        return ()
    step = int(np.gcd.reduce(np.diff(np.concatenate([slots, slots[:1] + _WEEK]))))
    if len(slots) * step >= _WEEK * (1 - 1e-9):
        return ()  # every step of the week
    on = [np.isin(of_week(t), slots) for t in long]
    rows, all_rows = sum(int(o.sum()) for o in on), sum(map(len, on))
    passed = sum(_passed(t, slots) for t in long)
    good = rows >= _ON * all_rows and rows >= _KEPT * passed
    return tuple(slots.tolist()) if good else ()


def weekday_words(days: Sequence[int]) -> str:
    """Days of the week in words, 0 being Monday.

    >>> weekday_words([0, 1, 2, 3, 6]), weekday_words([0, 2, 4]), weekday_words(range(7))
    ('Sunday to Thursday', 'Monday, Wednesday and Friday', 'every day')
    """
    there = sorted(set(days))
    if len(there) == 7:
        return "every day"
    begins = [day for day in there if (day - 1) % 7 not in there]
    if len(begins) == 1 and len(there) > 2:
        return f"{WEEKDAYS[begins[0]]} to {WEEKDAYS[(begins[0] + len(there) - 1) % 7]}"
    names = [WEEKDAYS[day] for day in there]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _daily(times: Sequence[np.ndarray], span: int) -> np.ndarray:
    """Slots of the same times of the day on all weekdays that have rows, or that did not go by."""
    days = sum(len(np.unique(t.astype("datetime64[D]"))) for t in times)
    clocks, counts = np.unique(np.concatenate([of_week(t) % _DAY for t in times]), return_counts=True)
    rare = (counts[counts < _OFTEN * days] <= _RARELY * days).all()
    clocks = clocks[counts >= _OFTEN * days]
    if days < _FEWEST_DAYS or len(clocks) < 2 or not rare:
        return np.zeros(0, np.int64)
    if len(clocks) * int(np.gcd.reduce(np.diff(np.append(clocks, clocks[0] + _DAY)))) >= _DAY:
        return np.zeros(0, np.int64)  # the day is whole: what is missing was out of order
    weekdays = {int(day) for t in times for day in np.unique(of_week(t) // _DAY)}
    if span < _WEEK:
        passed = {int(of_week(t[:1])[0]) // _DAY + k for t in times for k in range(span // _DAY + 2)}
        week = 5 if max(weekdays) < 5 else 7  # of days that did not go by, week-ends only if there was one
        weekdays |= set(range(week)) - {day % 7 for day in passed}
    slots: np.ndarray = (np.array(sorted(weekdays))[:, None] * _DAY + clocks).ravel()
    return slots


def _passed(times: np.ndarray, slots: np.ndarray) -> int:
    """How many slots went by from the first to the last of ``times``."""
    begin, end = (int(second) for second in of_week(times[[0, -1]]))
    span = int((times[-1] - times[0]).astype(np.int64))
    weeks = (span - (end - begin) % _WEEK) // _WEEK
    first, last = np.searchsorted(slots, begin), np.searchsorted(slots, end, side="right")
    rest = int(last - first) + (len(slots) if end < begin else 0)
    return weeks * len(slots) + rest
