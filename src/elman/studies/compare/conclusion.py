"""What a comparison's numbers bear, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from elman.studies.statistics import FEWEST, Interval, paired_difference, spread

RULE = (
    "A cell is told apart from the best only where the 95 % interval of their mean difference, paired by seed "
    "(Student's t), does not hold 0, and there are at least 3 seeds. Each pair is looked at by itself: of twenty pairs "
    "that are alike, one is told apart by chance."
)


def conclude(kind: str, scores: Mapping[str, Sequence[float | None]]) -> list[str]:
    """Which cells are worse than the best, and which do not differ from it; less is better.

    Args:
        kind: what the scores are, such as "validation loss".
        scores: of each cell, by seed.

    >>> conclude("validation loss", {"rnn": [3.0, 3.1, 3.0], "lstm": [1.0, 1.1, 0.9], "gru": [1.1, 1.0, 1.0]})
    ['By the validation loss over 3 seeds lstm and gru do not differ beyond the spread; rnn is worse than lstm.']
    """
    known = {cell: [value for value in values if value is not None] for cell, values in scores.items()}
    seeds = len(next(iter(scores.values())))
    if any(len(values) < seeds for values in known.values()):
        return ["Nothing is concluded: there is no validation part; give more data, or a larger `validation`."]
    if len(known) < 2:
        return ["Nothing is concluded: there is one cell."]
    if seeds < FEWEST:
        return [f"Not separated: {seeds} {_seeds(seeds)} cannot tell cells apart; give at least {FEWEST}."]
    best = min(known, key=lambda cell: spread(known[cell]).mean)
    alike = [best]
    worse: list[str] = []
    for cell in known:
        if cell != best:
            interval = paired_difference(known[cell], known[best])
            (worse if _above(interval) else alike).append(cell)
    begin = f"By the {kind} over {seeds} seeds "
    if not worse:
        return [f"{begin}{_list(alike)} do not differ beyond the spread: not separated."]
    later = f"{_list(worse)} {'is' if len(worse) == 1 else 'are'} worse than {best}"
    if len(alike) == 1:
        return [f"{begin}{best} is the best: {later}."]
    return [f"{begin}{_list(alike)} do not differ beyond the spread; {later}."]


def beside_baselines(
    metric: str, better: str, cells: Mapping[str, Sequence[float]], baselines: Mapping[str, float]
) -> list[str]:
    """How the cells' means on the test stand beside the best baseline there.

    >>> beside_baselines("mae", "lower", {"rnn": [2.0, 2.0], "gru": [1.0, 0.8]}, {"last value": 1.5, "mean": 3.0})
    ['On the test the mean mae of gru is better than that of the best baseline, last value (1.500); rnn is not.']
    """
    from elman.report.tables import shown

    if not baselines or not all(cells.values()):
        return []
    sign = 1 if better == "lower" else -1
    best = min(baselines, key=lambda name: sign * baselines[name])
    above = [cell for cell, values in cells.items() if sign * spread(values).mean < sign * baselines[best]]
    others = [cell for cell in cells if cell not in above]
    rival = f"the best baseline, {best} ({shown(baselines[best])})"
    if not above:
        return [f"On the test no cell's mean {metric} is better than that of {rival}."]
    rest = f"; {_list(others)} {'is' if len(others) == 1 else 'are'} not" if others else ""
    return [f"On the test the mean {metric} of {_list(above)} is better than that of {rival}{rest}."]


def _above(interval: Interval | None) -> bool:
    return interval is not None and interval.low > 0


def _list(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _seeds(count: int) -> str:
    return "seed" if count == 1 else "seeds"
