"""The learning rate over a run."""

from __future__ import annotations

import math

SCHEDULES = ("constant", "cosine", "one-cycle")
RISE, BEGIN, END = 0.3, 1 / 25, 1 / 250_000  # of one cycle: the share of epochs that it rises, and its ends
# The cosine ends here rather than at 0: the last updates still count.
FLOOR = 0.02


def learning_rate(schedule: str, first: float, progress: float) -> float:
    """The rate after ``progress`` (0 to 1) of the planned epochs.

    "cosine" falls from ``first`` to 2 % of it along half a cosine (Loshchilov and Hutter 2017, "SGDR", without
    restarts); "constant" stays. "one-cycle" (Smith and Topin 2018, "Super-convergence", with the ends of torch's
    OneCycleLR) rises from a 25th of ``first``, which here is the highest rate, over three tenths of the epochs, and
    falls to almost nothing, along half a cosine each.

    >>> [round(learning_rate("cosine", 1.0, p), 3) for p in (0, 0.5, 1)]
    [1.0, 0.51, 0.02]
    >>> [round(learning_rate("one-cycle", 1.0, p), 3) for p in (0, 0.15, 0.3, 1)]
    [0.04, 0.52, 1.0, 0.0]
    """
    if schedule == "constant":
        return first
    if schedule == "one-cycle":
        rising = progress < RISE
        low, part = (BEGIN, 1 - progress / RISE) if rising else (END, (min(progress, 1.0) - RISE) / (1 - RISE))
        return first * (low + (1 - low) * (1 + math.cos(math.pi * part)) / 2)
    return first * (FLOOR + (1 - FLOOR) * (1 + math.cos(math.pi * min(progress, 1.0))) / 2)
