"""What a result is worth beside the strongest baseline, in a sentence: a sign test decides which words may be used."""

from __future__ import annotations

import math
from typing import NamedTuple


class Contest(NamedTuple):
    """A model against a baseline.

    Args:
        metric: what is compared, less being better; ``own`` and ``other`` are the model's and the baseline's.
        rival: what the baseline is called.
        wins, losses: on how many units of the test the model was better, or worse; ties do not count.
        units: what these units are, in the plural.
    """

    metric: str
    own: float
    rival: str
    other: float
    wins: int
    losses: int
    units: str

    def verdict(self) -> str:
        """One sentence.

        It is "better" or "worse" only if a one-sided sign test over the units gives p < 0.05 and the mean agrees, which
        needs at least five units.

        >>> Contest("mae", 1.0, "mean", 2.0, 9, 1, "sequences").verdict()
        'MAE 1, mean 2: better, in 9 of 10 sequences.'
        >>> Contest("mae", 1.0, "mean", 2.0, 3, 0, "sequences").verdict()
        'MAE 1, mean 2: no proof that it beats the mean (better in 3 of 3 sequences, too few to rule out chance).'
        """
        own, other, rival, wins = self.own, self.other, self.rival, self.wins
        count = wins + self.losses
        figures = f"{self.metric.upper()} {own:.3g}, {rival} {other:.3g}"
        counts = f"better in {wins} of {count} {self.units}"
        if own < other and chance(wins, count) < 0.05:
            return f"{figures}: better, in {wins} of {count} {self.units}."
        if own > other and chance(self.losses, count) < 0.05:
            return f"{figures}: worse than the {rival} ({counts})."
        reason = "too few to rule out chance" if count < 5 else "which chance alone could give"
        if own < other:
            return f"{figures}: no proof that it beats the {rival} ({counts}, {reason})."
        return f"{figures}: no better than the {rival} ({counts})."


def chance(hits: int, trials: int) -> float:
    """Probability of at least ``hits`` heads in ``trials`` throws of a fair coin.

    >>> chance(5, 5)
    0.03125
    """
    return sum(math.comb(trials, k) for k in range(hits, trials + 1)) / 2**trials if trials else 1.0
