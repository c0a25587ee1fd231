"""Which steps are for fitting, which decide when to stop, and which are the test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from elman.data import SequenceTable
from elman.errors import DataError
from elman.tasks.regress.settings import LAST, RegressSettings

MANY = 10  # sequences, from which on whole ones are held back
FEWEST_STEPS = 8  # to fit, below which nothing is held back to validate on


@dataclass(frozen=True)
class Part:
    """A part of sequences: the steps of each from ``starts`` on. What precedes them is read, and not scored."""

    data: SequenceTable
    starts: tuple[int, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Steps of each sequence that are in it."""
        return tuple(end - start for start, end in zip(self.starts, self.data.steps, strict=True))

    def needed(self, carry: bool) -> Part:
        """Without the sequences that are neither in it nor read before it: none is, where no state is carried."""
        if carry:
            return self
        keep = [size > 0 for size in self.sizes]
        starts = (start for start, kept in zip(self.starts, keep, strict=True) if kept)
        return Part(self.data.only(keep), tuple(starts))


def by_sequences(data: SequenceTable, settings: RegressSettings) -> bool:
    """Whether whole sequences are held back.

    Raises:
        DataError: sequences with one target each cannot be divided in time.
    """
    if settings.split == "time" and settings.at == LAST:
        raise DataError(
            f"{data.source}: with one target for a whole sequence there is nothing to divide in time; leave out `split`"
        )
    return settings.split == "sequences" or (settings.split == "auto" and (settings.at == LAST or len(data) >= MANY))


def test_part(data: SequenceTable, settings: RegressSettings) -> Part | None:
    """The test; None if ``settings.test_size`` is 0.

    Raises:
        DataError: there is too little to hold so much back.
    """
    if settings.test_size == 0:
        return None
    whole = by_sequences(data, settings)
    if whole:
        total, what = len(data), "sequences"
    elif settings.carry:
        total, what = sum(data.steps), "steps"
    else:
        total, what = min(data.steps), "steps"
    size = max(1, total // 5) if settings.test_size is None else settings.test_size
    if size >= total:
        where = (
            f"the shortest of {len(data)} sequences has" if not (whole or settings.carry) and len(data) > 1 else "has"
        )
        raise DataError(
            f"{data.source}: {where} {total} {what}, but the test takes {size}; give more data, a smaller `test_size`, "
            "or `test_size` 0"
        )
    fixed = None if settings.test_size is None and not (whole or settings.carry) else size
    return Part(data, _borders(data, settings, whole, fixed, 0.2, settings.seed))


def validation_part(known: SequenceTable, settings: RegressSettings, *, whole: bool) -> Part | None:
    """What of ``known``, which holds nothing of the test, decides when to stop; None where there is too little.

    Args:
        whole: whether it is whole sequences.
    """
    if not settings.validation:
        return None
    if whole and len(known) < 3:
        return None
    starts = _borders(known, settings, whole, None, settings.validation, settings.seed + 1)
    part = Part(known, starts)
    least = 2 if settings.at == LAST else FEWEST_STEPS
    to_fit = sum(start > 0 for start in starts) if settings.at == LAST else sum(starts)
    return part if to_fit >= least and any(part.sizes) else None


def _borders(
    data: SequenceTable, settings: RegressSettings, whole: bool, size: int | None, share: float, seed: int
) -> tuple[int, ...]:
    """For each sequence the step at which what is held back begins."""
    steps = data.steps
    if whole:
        count = min(max(1, round(share * len(data))), len(data) - 1) if size is None else size
        if settings.carry:
            chosen = set(range(len(data) - count, len(data)))
        else:
            chosen = set(np.random.default_rng(seed).permutation(len(data))[:count].tolist())
        return tuple(0 if k in chosen else n for k, n in enumerate(steps))
    if settings.carry:
        total = sum(steps)
        return cut_chain(steps, total - (max(1, int(share * total)) if size is None else size))
    return tuple(n - (max(1, int(share * n)) if size is None else size) for n in steps)


def cut_chain(steps: tuple[int, ...], border: int) -> tuple[int, ...]:
    """Where step ``border`` of sequences laid one after another lies in each.

    >>> cut_chain((3, 3, 3), 4)
    (3, 1, 0)
    """
    before = np.cumsum((0, *steps[:-1]))
    return tuple(int(min(max(border - begin, 0), n)) for begin, n in zip(before, steps, strict=True))
