"""How far predictions jump at the borders of sequences that follow on each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from elman.tasks.regress.scores import Told

JOINED = 2.0  # times the truth's usual step, up to which it goes on across a border


class Jumps(NamedTuple):
    """Mean absolute change of the error (predicted less true) from one step to the next.

    The truth's own steps are no jumps; a prediction that is off by as much everywhere has none.

    Args:
        across: over the borders between sequences, ``borders`` of them.
        inside: over all other steps.
    """

    across: float
    inside: float
    borders: int

    @property
    def excess(self) -> float:
        """How much more the error changes across a border."""
        return self.across - self.inside


def border_jumps(told: Sequence[Told], *, carry: bool, name: str = "model") -> Jumps | None:
    """The jumps of the predictions ``name``; None where no two sequences follow on each other.

    They do so if the state is carried, or if the truth goes on from one to the next with no more than twice its usual
    step.
    """
    between = [
        (a, b) for a, b in pairwise(told) if b.number == a.number + 1 and b.start == 0 and not (a.last or b.last)
    ]
    if not between:
        return None
    if not carry:
        moves = [np.abs(b.truth[0] - a.truth[-1]) for a, b in between]
        steps = [np.abs(np.diff(one.truth, axis=0)) for one in told]
        if not _mean(moves) <= JOINED * _mean(steps):
            return None
    across = _mean([np.abs(b.error(name)[0] - a.error(name)[-1]) for a, b in between])
    inside = _mean([np.abs(np.diff(one.error(name), axis=0)) for one in told])
    return None if np.isnan(across) or np.isnan(inside) else Jumps(across, inside, len(between))


def _mean(values: Sequence[np.ndarray]) -> float:
    """Of all that is known; NaN if nothing is."""
    known = np.concatenate([np.ravel(value) for value in values])
    known = known[~np.isnan(known)]
    return float(known.mean()) if len(known) else float("nan")
