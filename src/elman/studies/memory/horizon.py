"""From finished runs to memory horizons, and what they bear."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

from elman.studies.statistics import Interval, wilson

SHARE = 2 / 3  # of the seeds have to learn a lag
RULE = (
    "The horizon is the largest lag such that there and at every smaller lag tried at least two thirds of the seeds "
    "reach the error within the budget. Two cells are told apart only where, at a lag that both tried, the 95 % "
    "intervals (Wilson) of their shares of seeds do not overlap."
)
Runs = Mapping[int, Sequence[Mapping[str, Any]]]
"""The finished runs of one cell: lag → a record a seed."""


class Tried(NamedTuple):
    """How many of ``seeds`` learned ``lag``; ``solved`` at it."""

    lag: int
    solved: int
    seeds: int

    @property
    def learned(self) -> bool:
        """Whether they are enough."""
        return enough(self.solved, self.seeds)

    @property
    def interval(self) -> Interval:
        """Of the share that learns it."""
        return wilson(self.solved, self.seeds)


class Horizon(NamedTuple):
    """What is known of one cell's memory.

    Args:
        last: the largest lag learned; None: not even the first.
        failed: the next one, which was not; None: there was no larger one to try.
        holds: the largest lag at which what learned the smallest one still reaches the error, without having trained
            there; None: it was not learned.
        tried: all lags, in order.
    """

    last: Tried | None
    failed: Tried | None
    holds: int | None
    tried: tuple[Tried, ...]

    def text(self) -> str:
        """As the table has it.

        >>> Horizon(Tried(40, 5, 5), Tried(80, 1, 5), 20, ()).text()
        '40 (80 failed)'
        """
        if self.last is None:
            assert self.failed is not None, "something was tried"
            return f"< {self.failed.lag}"
        return f"≥ {self.last.lag}" if self.failed is None else f"{self.last.lag} ({self.failed.lag} failed)"


def enough(solved: int, seeds: int) -> bool:
    """Whether at least two thirds of the seeds solved it.

    >>> enough(2, 3), enough(3, 5), enough(4, 5)
    (True, False, True)
    """
    return solved >= math.ceil(SHARE * seeds - 1e-9)


def horizon_of(runs: Runs, error: float) -> Horizon:
    """The horizon of one cell, from its runs at rising lags, the last of which may have failed."""
    tried = tuple(
        Tried(lag, sum(bool(run["solved"]) for run in records), len(records)) for lag, records in sorted(runs.items())
    )
    last = None
    for one in tried:
        if not one.learned:
            return Horizon(last, one, _holds(runs, tried, error), tried)
        last = one
    return Horizon(last, None, _holds(runs, tried, error), tried)


def _holds(runs: Runs, tried: Sequence[Tried], error: float) -> int | None:
    first = tried[0]
    if not first.learned:
        return None
    records, holds = runs[first.lag], first.lag
    longer: Mapping[str, float] = next((record["later"] for record in records if record["later"]), {})
    for lag in sorted(map(int, longer)):
        solved = sum(record["later"].get(str(lag), math.inf) < error for record in records)
        if not enough(solved, len(records)):
            break
        holds = lag
    return holds


def conclude(horizons: Mapping[str, Horizon]) -> list[str]:
    """Which cells remember longer than which, as far as the seeds bear it.

    >>> short = Horizon(Tried(5, 5, 5), Tried(10, 0, 5), 5, (Tried(5, 5, 5), Tried(10, 0, 5)))
    >>> long = Horizon(Tried(10, 5, 5), None, 5, (Tried(5, 5, 5), Tried(10, 5, 5)))
    >>> print(*conclude({"rnn": short, "gru": long, "lstm": long}), sep=" / ")
    gru remembers longer than rnn (at lag 10: 5 of 5 seeds and 0 of 5). / lstm remembers longer than rnn (at lag 10: 5
    of 5 seeds and 0 of 5). / Not separated: gru and lstm.
    """
    sentences, together = [], []
    for a, b in combinations(horizons, 2):
        found = _apart(horizons[a], horizons[b])
        if found is None:
            together.append(f"{a} and {b}")
            continue
        one, other = found
        longer, shorter = (a, b) if one.solved > other.solved else (b, a)
        high, low = max(one.solved, other.solved), min(one.solved, other.solved)
        sentences.append(
            f"{longer} remembers longer than {shorter} (at lag {one.lag}: {high} of {one.seeds} seeds and {low} of "
            f"{other.seeds})."
        )
    return [*sentences, *([f"Not separated: {', '.join(together)}."] if together else [])]


def _apart(a: Horizon, b: Horizon) -> tuple[Tried, Tried] | None:
    """The first lag that both tried and where their shares differ beyond chance."""
    there = {tried.lag: tried for tried in b.tried}
    for one in a.tried:
        other = there.get(one.lag)
        if other is not None and not one.interval.overlaps(other.interval):
            return one, other
    return None
