"""Which hundred years two digits of a year name, as a whole column shows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

FIRST_YEAR = 1969  # to 2068, as POSIX has it


def first_year(years: Sequence[int], moments: Callable[[int], list[int] | None]) -> int | None:
    """The first of the hundred years that a column's two digits name; None if two choices are as good.

    It is 1969, unless that tears apart what goes on through 1968 and 1969; then the years begin behind the longest time
    that has none.

    Args:
        years: two digits each.
        moments: what the column's texts name, in the order of its rows, with years from one on; None if one is no date.

    >>> first_year([67, 68, 69], lambda first: [first + (year - first) % 100 for year in (67, 68, 69)])
    1967
    """
    known = sorted(set(years))
    hole = {year: (year - before) % 100 or 100 for before, year in zip([known[-1], *known], known, strict=False)}
    usual = min(known, key=lambda year: (year - FIRST_YEAR) % 100)
    widest = max(known, key=lambda year: (hole[year], year == usual))
    if widest == usual:
        return FIRST_YEAR
    first = next((first for first in (1900 + widest, 2000 + widest) if moments(first) is not None), FIRST_YEAR)
    orderly = {choice: _in_order(moments(choice) or []) for choice in (FIRST_YEAR, first)}
    if orderly[FIRST_YEAR] != orderly[first]:
        return first if orderly[first] else FIRST_YEAR
    return first if 2 * hole[usual] <= hole[widest] else None


def _in_order(moments: list[int]) -> bool:
    return moments in (sorted(moments), sorted(moments, reverse=True))
