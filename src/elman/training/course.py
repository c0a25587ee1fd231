"""How far many runs one after another are, and how long they may still take."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from elman.training.events import EpochEnd, StudyPart


class Course:
    """Tells the events of one run after another, each with what is under way and the time left for all of them.

    Args:
        runs: that are still to be made.
        on_event: is told.
    """

    def __init__(self, runs: int, on_event: Callable[[Any], None] | None) -> None:
        self._left, self._on_event = runs, on_event or (lambda event: None)
        self._took: list[float] = []
        self._what, self._begun, self._worked = "", time.monotonic(), False

    def begin(self, what: str) -> None:
        """A run begins."""
        self._what, self._begun, self._worked = what, time.monotonic(), False

    def end(self) -> None:
        """It is over; one that was found finished says nothing of how long the others take."""
        if self._worked:
            self._took.append(time.monotonic() - self._begun)
        self._left -= 1

    def skip(self, runs: int) -> None:
        """So many of those left are not made."""
        self._left -= runs

    def __call__(self, event: Any) -> None:
        """An event of the run's training."""
        if isinstance(event, EpochEnd):
            self._worked = True
            event = replace(event, phase=self._what, remaining=event.remaining + self._later(event.remaining))
        elif hasattr(event, "phase"):
            event = replace(event, phase=self._what)
        self._on_event(event)

    def part(self, share: float, remaining: float) -> None:
        """So much of the run is over; it takes at most ``remaining`` seconds more."""
        self._worked = True
        whole = len(self._took) + max(self._left, 1)
        later = remaining + self._later(remaining)
        self._on_event(StudyPart(self._what, (len(self._took) + share) / whole, later))

    def _later(self, remaining: float) -> float:
        """Seconds that the runs after this one take, if they are like those before and this one."""
        if not math.isfinite(remaining):
            return math.nan
        own = time.monotonic() - self._begun + remaining
        return (self._left - 1) * (sum(self._took) + own) / (len(self._took) + 1)
