"""What figures of a few seeds bear: intervals of means, of paired differences and of shares."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

FEWEST = 3  # seeds, below which nothing is told apart
LEVEL = 0.95


class Spread(NamedTuple):
    """Mean and standard deviation (of a sample; NaN of fewer than two)."""

    mean: float
    deviation: float


class Interval(NamedTuple):
    """From ``low`` to ``high``."""

    low: float
    high: float

    def overlaps(self, other: Interval) -> bool:
        """Whether they have a number in common."""
        return self.low <= other.high and other.low <= self.high


def spread(values: Sequence[float]) -> Spread:
    """Mean and standard deviation of ``values``, at least one.

    >>> spread([1.0, 2.0, 3.0])
    Spread(mean=2.0, deviation=1.0)
    """
    mean = math.fsum(values) / len(values)
    if len(values) < 2:
        return Spread(mean, math.nan)
    return Spread(mean, math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)))


def within(t: float, degrees: int) -> float:
    """P(|X| < t) of Student's X with so many degrees of freedom, in closed form (Abramowitz and Stegun, 26.7.3–4).

    >>> round(within(4.302653, 2), 6)
    0.95
    """
    angle = math.atan(t / math.sqrt(degrees))
    square, odd = math.cos(angle) ** 2, degrees % 2
    term = math.cos(angle) if odd else 1.0
    total = term if degrees > 1 else 0.0
    for k in range(2 + odd, degrees - 1, 2):
        term *= square * (k - 1) / k
        total += term
    product = math.sin(angle) * total
    return 2 / math.pi * (angle + product) if odd else product


def student_t(level: float, degrees: int) -> float:
    """The t beyond which, on both sides together, 1 − ``level`` of Student's distribution lies.

    >>> round(student_t(0.95, 2), 3), round(student_t(0.95, 9), 3)
    (4.303, 2.262)
    """
    low, high = 0.0, 1.0
    while within(high, degrees) < level:
        low, high = high, 2 * high
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if within(middle, degrees) < level else (low, middle)
    return (low + high) / 2


def paired_difference(a: Sequence[float], b: Sequence[float]) -> Interval | None:
    """The 95 % interval of the mean of ``a − b``, seed by seed; None where there are fewer than three seeds.

    >>> found = paired_difference([1.0, 2.0, 3.5], [0.0, 1.0, 2.0])
    >>> round(found.low, 3), round(found.high, 3)
    (0.45, 1.884)
    """
    differences = [x - y for x, y in zip(a, b, strict=True)]
    if len(differences) < FEWEST:
        return None
    mean, deviation = spread(differences)
    reach = student_t(LEVEL, len(differences) - 1) * deviation / math.sqrt(len(differences))
    return Interval(mean - reach, mean + reach)


def wilson(hits: int, trials: int) -> Interval:
    """Wilson's 95 % interval of a share (Wilson 1927).

    >>> found = wilson(5, 5)
    >>> round(found.low, 3), found.high
    (0.566, 1.0)
    """
    z = 1.959963984540054
    share, square = hits / trials, z * z / trials
    middle, reach = share + square / 2, z * math.sqrt(share * (1 - share) / trials + square / (4 * trials))
    low, high = (middle - reach) / (1 + square), (middle + reach) / (1 + square)
    return Interval(0.0 if hits == 0 else low, 1.0 if hits == trials else high)
