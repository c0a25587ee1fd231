"""Sequences with inputs and targets at their steps: the rows of a table, grouped by id."""

from __future__ import annotations

import collections.abc
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from elman.data.grouping import rows_by_id
from elman.data.numbers import loose_number
from elman.data.options import TimeOptions
from elman.data.read import read_table
from elman.data.table import Table
from elman.data.text import is_missing, parse_number, quote
from elman.data.time_columns import find_time
from elman.data.time_doubts import check_no_reversal
from elman.data.times import read_times
from elman.errors import DataError

Array = np.ndarray


@dataclass(frozen=True)
class AlignedSequence:
    """One sequence of T steps.

    Args:
        id: its name.
        inputs: (T, I) float64, all known.
        targets: (T, K) float64, NaN where unknown.
        labels: (T,) what each step is called: its time, or its number, from 0.
    """

    id: str
    inputs: Array
    targets: Array
    labels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.inputs)

    def until(self, end: int) -> AlignedSequence:
        """Its first ``end`` steps."""
        return replace(self, inputs=self.inputs[:end], targets=self.targets[:end], labels=self.labels[:end])


@dataclass(frozen=True)
class SequenceTable:
    """Sequences of one source.

    Args:
        source: the file's path, or what messages call it.
        inputs, targets: names of the columns.
        sequences: in the order of their first rows.
        no_targets: why all targets are unknown, and what to do; "" if they were given.
        notes: what was repaired in reading, a line each.

    >>> data = read_sequence_table({"x": [1, 2, 3], "y": [4, 5, 6], "unique_id": ["a", "b", "a"]})
    >>> [(sequence.id, sequence.inputs.ravel().tolist()) for sequence in data]
    [('a', [1.0, 3.0]), ('b', [2.0])]
    """

    source: str
    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    sequences: tuple[AlignedSequence, ...]
    no_targets: str = ""
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.sequences)

    def __iter__(self) -> collections.abc.Iterator[AlignedSequence]:
        return iter(self.sequences)

    @property
    def steps(self) -> tuple[int, ...]:
        """How many each sequence has."""
        return tuple(map(len, self.sequences))

    def until(self, ends: collections.abc.Sequence[int]) -> SequenceTable:
        """The first ``ends[k]`` steps of sequence ``k``; those of no step are left out."""
        cut = (sequence.until(end) for sequence, end in zip(self, ends, strict=True) if end)
        return replace(self, sequences=tuple(cut))

    def only(self, chosen: collections.abc.Sequence[bool]) -> SequenceTable:
        """Those sequences for which ``chosen`` is true."""
        pairs = zip(self, chosen, strict=True)
        return replace(self, sequences=tuple(sequence for sequence, keep in pairs if keep))

    def followed_by(self, other: SequenceTable) -> SequenceTable:
        """The sequences of both.

        Raises:
            DataError: ``other`` has other inputs or targets.
        """
        for what, own, found in (("inputs", self.inputs, other.inputs), ("targets", self.targets, other.targets)):
            if own != found:
                raise DataError(
                    f"{other.source}: its {what} are {', '.join(map(quote, found))}, those of {self.source} "
                    f"{', '.join(map(quote, own))}; give data with the same columns"
                )
        return replace(self, sequences=self.sequences + other.sequences, no_targets=self.no_targets or other.no_targets)

    def need_targets(self) -> None:
        """Refuse data without targets.

        Raises:
            DataError: there are none.
        """
        if self.no_targets:
            raise DataError(self.no_targets)


def read_sequence_table(
    source: Any,
    *,
    input: collections.abc.Sequence[str] = (),
    target: collections.abc.Sequence[str] = (),
    time: str | None = None,
    id: str | None = None,
    what: str = "data",
    options: TimeOptions | None = None,
) -> SequenceTable:
    """Sequences from a file, a frame or a dict of columns: a step a row.

    Args:
        source: as for :func:`elman.data.read_table`.
        input: columns to read at each step; by default all columns of numbers that are nothing else.
        target: columns to tell; by default ``y``. Where they are not there, all targets are unknown.
        time: the column by which the rows of a sequence are sorted, times or numbers; "" for none: they stay as they
            are. By default as for :func:`elman.data.read_series`.
        id: the column that says to which sequence a row belongs; by default ``unique_id`` if there is one; "" for none.
        what: what messages call a source that is not a file.
        options: how it is to be read, where its columns do not settle that.

    Raises:
        DataError: anything about the data is missing, broken or ambiguous; the message names the file, the line or
            column, and the remedy.
    """
    options = options or TimeOptions()
    table = read_table(source, what=what, options=options)
    id = id if id is not None else "unique_id" if "unique_id" in table.columns else ""
    targets = tuple(target) or ("y",)
    if time is None:
        time = find_time(table, {id, *input, *targets}, numbers=False)
        if not time:
            check_no_reversal(table, [name for name in table.columns if name not in {id, *input, *targets}])
    inputs = tuple(input) or _all_numbers(table, {id, time, *targets})
    no_targets = _check_roles(table, inputs, targets, time, id)

    x = _columns(table, inputs)
    for row, column in np.argwhere(np.isnan(x))[:1]:
        place = table.place(row, inputs[column])
        raise DataError(f"{place}: the input is missing; fill it in, delete the row, or name other inputs (`input`)")
    y = np.full((len(table), len(targets)), np.nan) if no_targets else _columns(table, targets)
    order, texts = _times(table, time, options) if time else (None, None)
    sequences = []
    for key, rows in rows_by_id(table, id).items():
        if order is not None:
            rows = rows[np.argsort(order[rows], kind="stable")]
            _check_distinct(table, time, order, rows)
        labels = map(str, range(len(rows))) if texts is None else (texts[row] for row in rows)
        sequences.append(AlignedSequence(key or "0", x[rows], y[rows], tuple(labels)))
    if options.strict:
        table.notes.refuse(table.name)
    return SequenceTable(table.name, inputs, targets, tuple(sequences), no_targets, tuple(table.notes))


def _columns(table: Table, names: collections.abc.Sequence[str]) -> Array:
    return np.stack([table.values(name) for name in names], axis=1)


def _all_numbers(table: Table, taken: set[str]) -> tuple[str, ...]:
    found = tuple(name for name in table.columns if name not in taken and _holds_numbers(table, name))
    if not found:
        raise DataError(f"{table.name}: there is no column of numbers to be an input; name one (`input`)")
    return found


def _holds_numbers(table: Table, name: str) -> bool:
    """Whether a column is one of numbers, or begins as one: what is broken in it is to be said, not passed over."""
    column = table.column(name)
    if isinstance(column, np.ndarray):
        return column.dtype.kind in "iuf"
    first = next((text for text in column if not is_missing(text)), "")
    return bool(first) and (loose_number(first) or parse_number(first) is not None)


def _check_roles(table: Table, inputs: tuple[str, ...], targets: tuple[str, ...], time: str, id: str) -> str:
    """Refuse columns that are not there, or are two things; but say what is wrong where only the targets lack."""
    roles: dict[str, str] = {}
    for role, names in (("input", inputs), ("target", targets), ("time", (time,)), ("id", (id,))):
        for name in filter(None, names):
            if name in roles:
                both = f"twice {role}" if roles[name] == role else f"both {roles[name]} and {role}"
                raise DataError(f"{table.name}: column {quote(name)} cannot be {both}; name another column")
            roles[name] = role
            if role != "target":
                table.column(name)
    try:
        for name in targets:
            table.column(name)
    except DataError as error:
        return str(error)
    return ""


def _times(table: Table, name: str, options: TimeOptions) -> tuple[Array, list[str]]:
    """What to sort by, and what each row's step is called."""
    texts = table.texts(name)
    if options.time_format is not None or not table.is_numeric(name, plain=True):
        times = read_times(table, name, time_format=options.time_format, day_first=options.day_first)
        return times.values.astype(np.int64), texts
    numbers = table.values(name)
    for row in np.flatnonzero(np.isnan(numbers))[:1]:
        raise DataError(f"{table.place(row, name)}: the time is missing; fill it in, or delete the row")
    return numbers, texts


def _check_distinct(table: Table, time: str, order: Array, rows: Array) -> None:
    for k in np.flatnonzero(np.diff(order[rows]) == 0)[:1]:
        row = rows[k + 1]
        raise DataError(
            f"{table.place(row, time)}: {quote(table.texts(time)[row])} is there twice in one sequence; delete one of "
            'the rows, name the column that tells the sequences apart (`id`), or take rows as they come (`time` "")'
        )
