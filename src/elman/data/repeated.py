"""Several rows at one time of one series: identical ones count once, others are refused or made one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from elman.data.notes import counted
from elman.data.table import Table
from elman.data.text import quote
from elman.errors import DataError

_WAYS: dict[str, Callable[[np.ndarray], float]] = {
    "first": lambda values: float(values[0]),
    "last": lambda values: float(values[-1]),
    "mean": lambda values: float(values.mean()),
    "sum": lambda values: float(values.sum()),
}


def one_row_a_time(
    table: Table,
    time: str,
    times: np.ndarray,
    groups: dict[str, np.ndarray],
    columns: dict[str, np.ndarray],
    how: str | None,
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The rows of each series without repetitions, and the columns of values with what is taken of them.

    Args:
        times: of each row.
        groups: rows of each series, by time.
        columns: values of each row.
        how: what is taken of several rows: "first", "last", "mean" or "sum" of what is not missing; None: they must be
            identical.

    Raises:
        DataError: rows at one time differ, and it is not said what to take; the message names the first.
    """
    again = {key: np.flatnonzero(np.diff(times[rows]) == np.timedelta64(0)) + 1 for key, rows in groups.items()}
    if not any(map(len, again.values())):
        return groups, columns
    if how is None:
        _check_identical(table, time, groups, again)
    else:
        columns = {name: values.copy() for name, values in columns.items()}
    kept, dropped = {}, 0
    for key, rows in groups.items():
        begins = np.setdiff1d(np.arange(len(rows)), again[key])
        kept[key], dropped = rows[begins], dropped + len(rows) - len(begins)
        if how is not None:
            for values in columns.values():
                for begin, end in zip(begins.tolist(), [*begins[1:].tolist(), len(rows)], strict=True):
                    part = values[rows[begin:end]]
                    known = part[~np.isnan(part)]
                    if end - begin > 1 and len(known):
                        values[rows[begin]] = _WAYS[how](known)
    what = "identical to another row of its time" if dropped == 1 else "identical to other rows of their times"
    said = f"left out {counted(dropped, 'row')} {what}"
    table.notes.repaired(said if how is None else f"{counted(dropped, 'repeated time')} made one, by their {how}")
    return kept, columns


def _check_identical(table: Table, time: str, groups: dict[str, np.ndarray], again: dict[str, np.ndarray]) -> None:
    texts = [table.texts(name) for name in table.columns]
    differing = [
        (int(rows[k - 1]), int(rows[k]), key)
        for key, rows in groups.items()
        for k in again[key].tolist()
        if any(column[rows[k - 1]] != column[rows[k]] for column in texts)
    ]
    if not differing:
        return
    before, row, key = min(differing, key=lambda pair: pair[1])
    text = quote(table.texts(time)[row])
    of = f" of series {quote(key)}" if key else ""
    more = f"; {counted(len(differing), 'row')} are such" if len(differing) > 1 else ""
    raise DataError(
        f"{table.place(row, time)}: {text}{of} is there twice (before: {table.row_name(before)}), with other "
        f"values{more}; delete one of the rows, say what is taken of them (`repeated`)"
        + ("" if key else ", or name the column that tells the series apart (`id`)")
    )
