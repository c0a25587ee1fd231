"""The learning rate over a run."""

from __future__ import annotations

import math

# The cosine ends here rather than at 0: the last updates still count.
FLOOR = 0.02


def learning_rate(schedule: str, first: float, progress: float) -> float:
    """The rate after ``progress`` (0 to 1) of the planned epochs.

    "cosine" falls from ``first`` to 2 % of it along half a cosine (Loshchilov and Hutter 2017, "SGDR", without
    restarts); "constant" stays.

    >>> [round(learning_rate("cosine", 1.0, p), 3) for p in (0, 0.5, 1)]
    [1.0, 0.51, 0.02]
    """
    if schedule == "constant":
        return first
    return first * (FLOOR + (1 - FLOOR) * (1 + math.cos(math.pi * min(progress, 1.0))) / 2)
