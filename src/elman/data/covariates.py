"""What is known of a series besides its values: columns that go with it in time, and what it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from elman.data.frequency import Frequency
from elman.data.table import Table
from elman.data.text import quote
from elman.errors import DataError

Array = np.ndarray


class CovariateNames(NamedTuple):
    """Columns by what is known of them.

    Args:
        past: known up to the last value of a series.
        future: known for the steps after it too.
        static: the same at all steps of a series.
    """

    past: tuple[str, ...] = ()
    future: tuple[str, ...] = ()
    static: tuple[str, ...] = ()

    @property
    def numbers(self) -> tuple[str, ...]:
        """Those that have a number at each step."""
        return (*self.past, *self.future)

    @property
    def all(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.past, *self.future, *self.static)


NO_NAMES = CovariateNames()


@dataclass(frozen=True, eq=False)
class Covariates:
    """The columns that go with one series of n values.

    Args:
        past: (n, P) float64, NaN where a number is missing.
        future: (n + A, F), for A steps after the series' end too.
        static: S numbers (NaN: missing) or texts ("": missing).
        group: how the source calls the rows that the series is of, "" for all of them.
    """

    past: Array
    future: Array
    static: tuple[float | str, ...] = ()
    group: str = ""

    @property
    def ahead(self) -> int:
        """A, the steps after the series' end."""
        return len(self.future) - len(self.past)

    def until(self, end: int) -> Covariates:
        """As they go with the first ``end`` values alone, with nothing ahead of them."""
        return replace(self, past=self.past[:end], future=self.future[:end])


def check_names(table: Table, names: CovariateNames, roles: Mapping[str, str]) -> None:
    """Check that a table has the columns, and that each has one role.

    Args:
        roles: the columns that have another one, and which.

    Raises:
        DataError: a column is missing, or has two roles.
    """
    taken = dict(roles)
    for role in CovariateNames._fields:
        for name in getattr(names, role):
            table.column(name)
            if name in taken:
                both = f"twice as {role}" if taken[name] == role else f"both {role} and {taken[name]}"
                raise DataError(f"{table.name}: column {quote(name)} cannot be {both}; name another column")
            taken[name] = role


def covariates_of(
    names: CovariateNames,
    columns: Mapping[str, Array],
    static: tuple[float | str, ...],
    group: str,
    rows: Array,
    positions: Array,
    begin: int,
    end: int,
) -> Covariates:
    """The covariates of the series that goes from step ``begin`` to (not including) ``end`` of its rows' steps.

    Args:
        columns: the numbers of all rows of the source.
        rows: which of them are the series', in order.
        positions: the step of each, counted from the first.
    """
    grid = np.full((int(positions[-1]) + 1, len(names.numbers)), np.nan)
    for k, name in enumerate(names.numbers):
        grid[positions, k] = columns[name][rows]
    split = len(names.past)
    return Covariates(grid[begin:end, :split], known_to(grid[begin:, split:], end - begin), static, group)


def known_to(future: Array, least: int) -> Array:
    """``future`` (n + A, F) without the steps at its end of which nothing is known, but at ``least`` n of them."""
    known = np.flatnonzero(~np.isnan(future).all(axis=1))
    return future[: max(least, int(known[-1]) + 1 if len(known) else 0)]


def static_of(table: Table, names: Sequence[str], groups: Mapping[str, Array]) -> dict[str, tuple[float | str, ...]]:
    """The static values of each group of rows; numbers where a column holds nothing else, or texts.

    Raises:
        DataError: one changes within a group.
    """
    found: dict[str, list[float | str]] = {key: [] for key in groups}
    for name in names:
        numeric = table.is_numeric(name)
        values: Sequence[float | str] = table.values(name).tolist() if numeric else table.texts(name)
        for key, rows in groups.items():
            known = [row for row in rows.tolist() if values[row] == values[row] and values[row] != ""]
            for row in known:
                if values[row] != values[known[0]]:
                    one, other = (quote(table.texts(name)[k]) for k in (known[0], row))
                    of = f" of series {quote(key)}" if key else ""
                    raise DataError(
                        f"{table.place(row, name)}: {other}, but {one} before it ({table.row_name(known[0])}){of}; a "
                        "static column does not change within a series: correct it, or name it as `past` or `future`"
                    )
            found[key].append(values[known[0]] if known else float("nan") if numeric else "")
    return {key: tuple(values) for key, values in found.items()}


def joined(a: Covariates | None, b: Covariates | None, size: int, later: int) -> Covariates | None:
    """The covariates of a series of ``size`` steps, the first of which ``a`` goes with and the last ``later`` ``b``."""
    if a is None or b is None:
        return None
    begin = size - later
    past = np.full((size, a.past.shape[1]), np.nan)
    past[: len(a.past)], past[begin:] = a.past, b.past
    future = np.full((begin + len(b.future), a.future.shape[1]), np.nan)
    between = a.future[:begin]  # what was known beforehand of the steps between the two
    future[: len(between)], future[begin:] = between, b.future
    return Covariates(past, future, b.static, b.group)


def positions_of(rows: Array, times: Array | None, frequency: Frequency | None) -> Array:
    """The step of each of a series' rows, counted from the first."""
    if times is None or frequency is None:
        return np.arange(len(rows))
    return frequency.positions(times[rows])
