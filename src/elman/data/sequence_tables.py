"""Sequences in tables: a row a step (long), a row a sequence (wide), or a text of symbols in each row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from elman.data.grouping import rows_by_id
from elman.data.options import TableOptions
from elman.data.sequences import Array, Sequences, as_float32, padded, trimmed
from elman.data.table import Table
from elman.data.text import is_missing, quote
from elman.errors import DataError

LABEL_NAMES = ("label", "class", "target")
LAYOUTS = ("long", "wide", "symbols")
MOST_SYMBOLS = 10_000


@dataclass(frozen=True)
class SequenceColumns:
    """Which columns hold what; None: found by its name, or not there.

    Args:
        label: the class; without it the column called label, class or target.
        id: names of the sequences.
        values: channels (long) or steps (wide); none: all other columns.
        symbols: the column of texts, each letter of which is a step.
        layout: long or wide; without it, long where an id stands in several rows.
    """

    label: str | None = None
    id: str | None = None
    values: tuple[str, ...] = ()
    symbols: str | None = None
    layout: str | None = None

    @property
    def counted(self) -> bool:
        """Whether the columns are named by numbers, as in a file without names."""
        named = [name for name in (self.label, self.id, self.symbols, *self.values) if name]
        return bool(named) and all(name.isascii() and name.isdigit() for name in named)


def sequences_of(table: Table, columns: SequenceColumns, options: TableOptions | None = None) -> Sequences:
    """The sequences in a table.

    Raises:
        DataError: a column is missing or of the wrong kind, a label changes within a sequence, or one is empty; or
            something had to be repaired that is to be refused.
    """
    found = _sequences_of(table, columns)
    if options is not None and options.strict:
        table.notes.refuse(table.name)
    return replace(found, notes=tuple(table.notes))


def _sequences_of(table: Table, columns: SequenceColumns) -> Sequences:
    label = _label_column(table, columns)
    named = {label, columns.id}
    others = [name for name in table.columns if name not in named]
    values = list(columns.values) or others
    for name in (*columns.values, columns.id, columns.symbols):
        if name is not None:
            table.column(name)
    if twice := next((name for name in values if name in named), None):
        raise DataError(f"{table.name}: column {quote(twice)} is named as a value and as label or id; choose one")
    if not values:
        raise DataError(f"{table.name}: there is no column of values beside label and id; add some")
    if columns.symbols is None and not columns.values and len(others) == 1 and not table.is_numeric(others[0]):
        columns = SequenceColumns(columns.label, columns.id, (), others[0], columns.layout)
    if columns.symbols is not None:
        return _of_symbols(table, columns.symbols, columns.id, label)
    if columns.layout == "symbols":
        raise DataError(f"{table.name}: it is not said which column holds the symbols; name it as `symbols`")
    if columns.layout == "long" and columns.id is None:
        raise DataError(f"{table.name}: in the long layout a column says whose each row is; name it as `id`")
    groups = None if columns.id is None else rows_by_id(table, columns.id)
    if groups is not None and columns.layout != "wide" and (columns.layout == "long" or len(groups) < len(table)):
        return _long(table, groups, values, label)
    return _wide(table, values, columns.id, label)


def _label_column(table: Table, columns: SequenceColumns) -> str | None:
    """The column of labels; None where it is not there, which only training and scoring mind."""
    if columns.label is not None:
        return columns.label if columns.label in table.columns else None
    return next((name for name in LABEL_NAMES if name in table.columns), None)


def _missing_labels(table: Table) -> str:
    return f"there is no column of labels (there are {table.listing()}); name it as `label`"


def _labels(table: Table, label: str | None, rows: Sequence[Array] | None = None) -> tuple[str, ...] | None:
    """A label for each sequence, whose rows of the table are given; they must agree."""
    if label is None:
        return None
    texts = table.texts(label)
    if not any(map(str.strip, texts)):
        return None
    blank = next((k for k, text in enumerate(texts) if is_missing(text)), None)
    if blank is not None:
        raise DataError(f"{table.place(blank, label)}: the label is missing; fill it in, or leave the sequence out")
    if rows is None:
        return tuple(texts)
    for own in rows:
        for row in own.tolist():
            if texts[row] != texts[own[0]]:
                raise DataError(
                    f"{table.place(row, label)}: {quote(texts[row])}, but the sequence begins with "
                    f"{quote(texts[own[0]])}; a sequence has one label"
                )
    return tuple(texts[own[0]] for own in rows)


def _long(table: Table, groups: dict[str, Array], values: list[str], label: str | None) -> Sequences:
    steps = as_float32(np.stack([table.numbers(name) for name in values], axis=1), table.name)
    found: list[Array] = []
    for key, rows in groups.items():
        found.append(trimmed(steps[rows]))
        if not len(found[-1]):
            raise DataError(f"{table.place(int(rows[0]))}: every value of {quote(key)} is missing; leave it out")
    inputs, lengths = padded(found, table.name)
    return Sequences(
        table.name,
        inputs,
        lengths,
        tuple(groups),
        _labels(table, label, list(groups.values())),
        channels=tuple(values),
        without_labels=_missing_labels(table),
    )


def _wide(table: Table, values: list[str], id: str | None, label: str | None) -> Sequences:
    steps = as_float32(np.stack([table.numbers(name) for name in values], axis=1), table.name)
    known = ~np.isnan(steps)
    if not known.any(axis=1).all():
        row = int(np.flatnonzero(~known.any(axis=1))[0])
        raise DataError(f"{table.place(row)}: every value is missing; leave the sequence out")
    lengths = steps.shape[1] - known[:, ::-1].argmax(axis=1)
    steps = steps[:, : lengths.max()]
    steps[np.arange(steps.shape[1]) >= lengths[:, None]] = 0
    return Sequences(
        table.name,
        steps[:, :, None],
        lengths.astype(np.int64),
        tuple(map(str, range(len(table)))) if id is None else tuple(table.texts(id)),
        _labels(table, label),
        channels=("value",),
        without_labels=_missing_labels(table),
    )


def _of_symbols(table: Table, column: str, id: str | None, label: str | None) -> Sequences:
    texts = table.texts(column)
    for row, text in enumerate(texts):
        if not text or not text.isprintable():
            what = "is empty" if not text else "holds marks that cannot be printed"
            raise DataError(f"{table.place(row, column)}: the sequence {what}; correct it, or leave it out")
    names = tuple(map(str, range(len(texts)))) if id is None else tuple(table.texts(id))
    return from_texts(texts, table.name, names, _labels(table, label), _missing_labels(table))


def from_texts(
    texts: Sequence[str], source: str, ids: tuple[str, ...], labels: tuple[str, ...] | None, without_labels: str
) -> Sequences:
    """Texts as sequences of their letters.

    Raises:
        DataError: they have more different letters than an alphabet.
    """
    alphabet = tuple(sorted(set().union(*texts)))
    if len(alphabet) > MOST_SYMBOLS:
        raise DataError(f"{source}: {len(alphabet)} different symbols, more than {MOST_SYMBOLS}; name another column")
    codes = np.array([ord(letter) for letter in alphabet])
    rows = [np.searchsorted(codes, np.frombuffer(text.encode("utf-32-le"), "<u4")).astype(np.int64) for text in texts]
    inputs, lengths = padded(rows, source)
    return Sequences(source, inputs, lengths, ids, labels, alphabet=alphabet, without_labels=without_labels)
