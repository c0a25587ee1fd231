"""The frequency of series, inferred from their times, with its usual season and the times that follow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from elman.data.week_slots import of_week, slots_of, weekday_words

_DAY = 86_400
_WEEK = 7 * _DAY
_MONTHS = {1: ("monthly", 12), 3: ("quarterly", 4), 12: ("yearly", 1)}
_SECONDS = {_WEEK: "weekly", _DAY: "daily", 3600: "hourly", 1800: "half-hourly", 60: "every minute", 1: "every second"}
_UNITS = ((_WEEK, "weeks"), (_DAY, "days"), (3600, "hours"), (60, "minutes"), (1, "seconds"))
# The most common interval is the step only if at least half of the intervals are of that length.
_SINGLE_STEPS = 0.5
MOST_FILLED = 0.1  # where more steps than this share have no row, what recurs in the week is looked for
_WORKING_DAYS = 0.8
_NEAR = 6  # days: a week-end, a holiday before it or after it, and one more
_FEWEST_MONTHS = 3  # intervals that show it


@dataclass(frozen=True)
class Frequency:
    """A regular step of time.

    Args:
        name: in words: ``monthly``, ``half-hourly``, ``every 10 minutes`` …
        step: the length of a step, in ``unit``.
        season: steps in the season that such data usually have (a year, for days and weekdays a week, below that a
            day); 1 where there is none.
        unit: ``month``; ``second``, for everything of fixed length; ``weekday``, Monday to Friday, and ``slot``, some
            times of the week: there the rows themselves are the steps, so that a holiday is no gap.
        day: for months, the day of the month, 31 being the last one; 0 for the last weekday, or one before it on which
            there were rows, -1 for the first weekday, or one after it.
        slots: for ``slot``, when rows come, in seconds from Monday, ascending.

    All fields are numbers and texts: ``Frequency(**dataclasses.asdict(frequency))`` is the same again.

    >>> monthly = Frequency("monthly", 1, 12, "month")
    >>> monthly.following(np.datetime64("1960-12-01", "s"), 2).astype("datetime64[D]").tolist()
    [datetime.date(1961, 1, 1), datetime.date(1961, 2, 1)]
    """

    name: str
    step: int
    season: int
    unit: Literal["month", "weekday", "slot", "second"] = "second"
    day: int = 1
    slots: tuple[int, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "slots", tuple(self.slots))  # a list, where it comes from a file

    @property
    def rows_are_steps(self) -> bool:
        """Whether every row is a step, and none is missing between two."""
        return self.unit in ("weekday", "slot")

    def is_like(self, other: Frequency) -> bool:
        """Whether the steps of another are as long, and of the same kind."""
        return (self.unit, self.step, self.slots) == (other.unit, other.step, other.slots)

    def positions(self, times: np.ndarray) -> np.ndarray:
        """The step on which each time lies, counted from the first: int64 of shape (n,), -1 where it is between steps.

        Args:
            times: datetime64[s] of shape (n,), ascending.
        """
        if self.rows_are_steps:
            if self.unit == "weekday":
                fits = (_weekday(times) < 5) & (_clock(times) == _clock(times[:1]))
            else:
                fits = np.isin(of_week(times), self.slots)
            enough = fits.mean() >= 1 - MOST_FILLED  # a row now and then may stand elsewhere
            return np.where(fits | enough, np.arange(len(times)), -1)
        if self.unit == "second":
            away = (times - times[0]).astype(np.int64)
            fits = away % self.step == 0
        else:
            away = _month(times) - _month(times[:1])
            fits = (away % self.step == 0) & (_clock(times) == _clock(times[:1]))
            if self.day < 1:
                fits &= _is_near(times, self.day)
            else:
                fits &= _day(times) == np.minimum(self.day, _month_length(_month(times)))
        return np.where(fits, away // self.step, -1)

    def went_by(self, first: np.datetime64, last: np.datetime64) -> int:
        """The steps from ``first`` to ``last``, both counted, where rows are steps, whether or not they have a row.

        >>> BUSINESS_DAILY.went_by(np.datetime64("2024-01-05"), np.datetime64("2024-01-09"))
        3
        """
        if self.unit == "weekday":
            return int(np.busday_count(first.astype("datetime64[D]"), last.astype("datetime64[D]"))) + 1
        weeks, rest = divmod(int((last - first).astype("timedelta64[s]").astype(np.int64)), _WEEK)
        since = (np.array(self.slots) - of_week(np.array([first]))[0]) % _WEEK
        return weeks * len(self.slots) + int((since <= rest).sum())

    def grid(self, first: np.datetime64, n: int) -> np.ndarray:
        """The times of ``n`` steps from ``first`` on, datetime64[s] of shape (n,)."""
        return np.concatenate([np.array([first], dtype="datetime64[s]"), self.following(first, n - 1)])

    def following(self, last: np.datetime64, n: int) -> np.ndarray:
        """The times of the ``n`` steps after ``last``, datetime64[s] of shape (n,)."""
        start = np.array([last], dtype="datetime64[s]")
        ahead = np.arange(1, n + 1) * self.step
        times: np.ndarray
        if self.unit == "second":
            times = start + ahead.astype("timedelta64[s]")
            return times
        if self.unit == "slot":
            now = int(of_week(start)[0])
            ahead = np.searchsorted(self.slots, now, side="right") + np.arange(n)
            weeks, places = np.divmod(ahead, len(self.slots))
            away = weeks * _WEEK + np.array(self.slots)[places] - now
            times = start + away.astype("timedelta64[s]")
            return times
        if self.unit == "weekday":
            days = np.busday_offset(start.astype("datetime64[D]"), ahead, roll="backward")
        else:
            days = _days_of(_month(start) + ahead, self.day)
        times = days.astype("datetime64[s]") + _clock(start)
        return times


def detect(times: Sequence[np.ndarray]) -> Frequency | None:
    """The frequency of several series, from their times alone.

    Args:
        times: for each series datetime64[s] of shape (n,), strictly ascending.

    Returns:
        The most common interval, in months where all times lie on the same day of a month, or each in another month
        on or near its last weekday or its first; for days without week-ends, weekdays. Where more than a tenth of its
        steps would have no row, the times of the week at which rows come, if they recur
        (:func:`elman.data.week_slots.slots_of`). None where fewer than half of the intervals are of one length and
        nothing recurs. Times that do not lie on its steps are for :meth:`Frequency.positions` to find.

    >>> detect([np.array(["2020-01-31", "2020-02-29", "2020-03-31"], dtype="datetime64[s]")])
    Frequency(name='monthly', step=1, season=12, unit='month', day=31)
    """
    flat = np.concatenate(times)
    days, lengths = _day(flat), _month_length(_month(flat))
    # Quarters end on the 30th and on the 31st: where all days are last ones, that is what they have in common.
    day = 31 if (days == lengths).all() else int(days.max())
    if (days == np.minimum(day, lengths)).all() and (_clock(flat) == _clock(flat[:1])).all():
        step = _usual_step([np.diff(_month(t)) for t in times])
        if step is not None:
            name, season = _MONTHS.get(step, (None, 12 // step if 12 % step == 0 else 1))
            words = f"every {step // 12} years" if step % 12 == 0 else f"every {step} months"
            return Frequency(name or words, step, season, "month", day)
    if (found := _on_weekdays_of_months(times)) is not None:
        return found
    step = _usual_step([np.diff(t).astype(np.int64) for t in times])
    if step == _DAY and _only_weekdays(times):
        return BUSINESS_DAILY
    holed = step is None or (step <= _WEEK and _filled(times, step) > MOST_FILLED)
    if holed and (slots := slots_of(times)):
        return _weekly(slots)
    if step is None:
        return None
    size, unit = next((size, unit) for size, unit in _UNITS if step % size == 0)
    return Frequency(_SECONDS.get(step, f"every {step // size} {unit}"), step, _season(step))


def _on_weekdays_of_months(times: Sequence[np.ndarray]) -> Frequency | None:
    """Months, quarters or years, where no month has two rows, and all lie on or near its last weekday or its first."""
    flat, months = np.concatenate(times), [np.diff(_month(t)) for t in times]
    alone = all((apart > 0).all() for apart in months) and sum(map(len, months)) >= _FEWEST_MONTHS
    step = _usual_step(months) if alone and (_clock(flat) == _clock(flat[:1])).all() else None
    if step not in _MONTHS:
        return None
    for day, word in ((0, "last"), (-1, "first")):
        exact = np.mean(_days_of(_month(flat), day) == flat.astype("datetime64[D]"))
        if exact >= _WORKING_DAYS and _is_near(flat, day).all():  # but for holidays
            name, season = _MONTHS[step]
            return Frequency(f"{name}, on the {word} weekday", step, season, "month", day)
    return None


def _days_of(months: np.ndarray, day: int) -> np.ndarray:
    """The day of each month, datetime64[D], as :attr:`Frequency.day` says it."""
    first = months.astype("datetime64[M]").astype("datetime64[D]")
    if day == -1:
        return np.busday_offset(first, 0, roll="forward")
    found: np.ndarray = first + (np.minimum(day or 31, _month_length(months)) - 1).astype("timedelta64[D]")
    return found if day else np.busday_offset(found, 0, roll="backward")


def _is_near(times: np.ndarray, day: int) -> np.ndarray:
    """Whether each is a weekday among the last days of its month (``day`` 0), or among the first."""
    away = _month_length(_month(times)) - _day(times) if day == 0 else _day(times) - 1
    near: np.ndarray = (away < _NEAR) & (_weekday(times) < 5)
    return near


BUSINESS_DAILY = Frequency("business-daily", 1, 5, "weekday")


def _filled(times: Sequence[np.ndarray], step: int) -> float:
    """The share of steps without a row; 1 where rows lie between steps."""
    away = [(t - t[0]).astype(np.int64) for t in times if len(t)]
    if any((a % step).any() for a in away):
        return 1.0
    steps = sum(int(a[-1]) // step + 1 for a in away)
    return 1 - sum(map(len, away)) / steps


def _weekly(slots: tuple[int, ...]) -> Frequency:
    """The frequency of rows that come at these times of the week."""
    days = [slot // _DAY for slot in slots]
    a_day = max(Counter(days).values())
    clocks = sorted({slot % _DAY for slot in slots})
    if a_day == 1 and len(clocks) == 1:
        if days == [0, 1, 2, 3, 4]:
            return BUSINESS_DAILY
        return Frequency(weekday_words(days), 1, len(slots), "slot", slots=slots)
    first, last = (f"{clock // 3600:02}:{clock // 60 % 60:02}" for clock in (clocks[0], clocks[-1]))
    words = f"{a_day} a day from {first} to {last}, {weekday_words(days)}"
    return Frequency(words, 1, a_day if a_day > 1 else len(slots), "slot", slots=slots)


def _usual_step(intervals: list[np.ndarray]) -> int | None:
    counts = Counter(np.concatenate(intervals).tolist())
    if not counts:
        return None
    step, times = max(counts.items(), key=lambda item: (item[1], -item[0]))
    return int(step) if step > 0 and times >= _SINGLE_STEPS * counts.total() else None


def _season(seconds: int) -> int:
    if seconds < _DAY:
        return round(_DAY / seconds)
    if seconds == _DAY:
        return 7
    weeks, rest = divmod(seconds, _WEEK)
    return 52 // weeks if rest == 0 and 52 % weeks == 0 else 1


def _only_weekdays(times: Sequence[np.ndarray]) -> bool:
    """No row on a week-end though week-ends went by, and hardly any weekday left out."""
    if any((_weekday(t) > 4).any() for t in times):
        return False
    days = [t.astype("datetime64[D]") for t in times]
    working = np.concatenate([np.busday_count(d[:-1], d[1:]) for d in days])
    calendar = np.concatenate([np.diff(d).astype(np.int64) for d in days])
    return bool((calendar > working).any() and np.mean(working == 1) >= _WORKING_DAYS)


def _month(times: np.ndarray) -> np.ndarray:
    return times.astype("datetime64[M]").astype(np.int64)


def _month_length(months: np.ndarray) -> np.ndarray:
    first = months.astype("datetime64[M]")
    lengths: np.ndarray = (first + 1).astype("datetime64[D]") - first.astype("datetime64[D]")
    return lengths.astype(np.int64)


def _day(times: np.ndarray) -> np.ndarray:
    days = times.astype("datetime64[D]")
    before: np.ndarray = days - days.astype("datetime64[M]").astype("datetime64[D]")
    return before.astype(np.int64) + 1


def _weekday(times: np.ndarray) -> np.ndarray:
    """0 is Monday; the epoch was a Thursday."""
    weekdays: np.ndarray = (times.astype("datetime64[D]").astype(np.int64) + 3) % 7
    return weekdays


def _clock(times: np.ndarray) -> np.ndarray:
    """The time of day, as timedelta64[s]."""
    clock: np.ndarray = times - times.astype("datetime64[D]")
    return clock
