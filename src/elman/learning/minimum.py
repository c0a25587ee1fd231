"""The least value of a function of one number."""

from __future__ import annotations

import math
from collections.abc import Callable

PARTS = 60
RATIO = (math.sqrt(5) - 1) / 2


def golden_section(function: Callable[[float], float], low: float, high: float, parts: int = PARTS) -> float:
    """Where ``function``, which falls and then rises, is least between ``low`` and ``high`` (Kiefer 1953).

    >>> round(golden_section(lambda x: (x - 2) ** 2, 0, 5), 6)
    2.0
    """
    for _ in range(parts):
        inner = high - RATIO * (high - low), low + RATIO * (high - low)
        if function(inner[0]) <= function(inner[1]):
            high = inner[1]
        else:
            low = inner[0]
    return (low + high) / 2
