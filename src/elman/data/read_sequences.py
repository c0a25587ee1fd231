"""Labelled sequences from whatever holds them: a file or folder of any format, a frame, arrays."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from elman.data import csv_file
from elman.data.encodings import decode, decode_table
from elman.data.files import display_name, read_content
from elman.data.idx_files import VIEWS, images_of, parse_idx, read_idx_folder
from elman.data.notes import Notes
from elman.data.npz_file import MAGIC, parse_npz
from elman.data.options import TableOptions
from elman.data.read import is_text_table, parse_file, read_table
from elman.data.sequence_arrays import from_arrays, from_arrays_by_name, holds_arrays
from elman.data.sequence_tables import SequenceColumns, sequences_of
from elman.data.sequences import Sequences
from elman.data.ts_file import is_ts, parse_ts
from elman.errors import DataError

_FRAMES = {"pandas", "polars", "pyarrow"}


def read_sequences(
    source: Any,
    columns: SequenceColumns | None = None,
    *,
    view: str | None = None,
    permute: int | None = None,
    what: str = "data",
    options: TableOptions | None = None,
) -> Sequences:
    """Reads sequences, with their labels where there are any.

    Args:
        source: the path of a folder of MNIST's IDX files or of one of images, of a ``.ts`` or ``.npz`` file, of a CSV
            or Parquet file; a frame or a mapping of columns; values (N, T) or (N, T, I), or a list of sequences or
            texts, with labels as a pair (values, labels) or by name
            (:func:`~elman.data.sequence_arrays.from_arrays_by_name`).
        columns: which columns of a table hold what.
        view: images as ``"rows"`` or as ``"pixels"``.
        permute: seed of a fixed permutation of the pixels.
        what: what messages call a source that is not a file.
        options: how tables are to be read, where they do not tell.

    Raises:
        DataError: it cannot be read; the message names the file, the place and the remedy.
        MissingDependencyError: a Parquet file, and neither polars nor pyarrow to read it.

    >>> found = read_sequences(([[1.0, 2.0], [3.0, 4.0]], ["a", "b"]))
    >>> found.inputs.shape, found.labels
    ((2, 2, 1), ('a', 'b'))
    """
    if isinstance(source, Sequences):
        return source
    columns, options = columns or SequenceColumns(), options or TableOptions()
    if isinstance(source, str | os.PathLike):
        found = _from_path(source, columns, options, view, permute)
        images = found.one_unit
    else:
        found, images = _from_memory(source, columns, options, what), False
    if not images and (view is not None or permute is not None):
        raise DataError(f"{found.source}: these are no images; leave `as` and `permute` out")
    return found


def _from_path(
    path: str | os.PathLike[str],
    columns: SequenceColumns,
    options: TableOptions,
    view: str | None,
    permute: int | None,
) -> Sequences:
    name = display_name(path)
    try:
        is_folder = Path(os.fsdecode(path)).is_dir()
    except ValueError:
        is_folder = False  # said when it is read
    if is_folder:
        return read_idx_folder(path, _chosen(view, name), permute)
    content = read_content(path)
    if content[:2] == b"\0\0":
        return images_of(parse_idx(content, name), None, name, _chosen(view, name), permute)
    if content.startswith(MAGIC) and name.strip("'").lower().endswith(".npz"):
        return from_arrays_by_name(parse_npz(content, name), name)
    if name.strip("'").lower().endswith(".npz"):
        parse_npz(content, name)
    if is_ts(content, name):
        return parse_ts(decode(content, name), name)
    table = parse_file(content, path, options)
    if (
        columns.counted
        and not table.unnamed
        and not _names(columns) & set(table.columns)
        and is_text_table(content, path)
    ):
        notes = Notes()
        text = decode_table(content, name, notes)
        table = csv_file.parse_csv(text, name, has_header=False, options=options, notes=notes)
    return sequences_of(table, columns, options)


def _names(columns: SequenceColumns) -> set[str]:
    return {name for name in (columns.label, columns.id, columns.symbols, *columns.values) if name}


def _chosen(view: str | None, name: str) -> str:
    if view not in VIEWS:
        raise DataError(f"{name}: images can be read row by row or pixel by pixel; say which by `as`: rows or pixels")
    return view


def _from_memory(source: Any, columns: SequenceColumns, options: TableOptions, what: str) -> Sequences:
    package = type(source).__module__.partition(".")[0]
    if package in _FRAMES:
        return sequences_of(read_table(source, what=what, options=options), columns, options)
    if isinstance(source, Mapping):
        if holds_arrays(source):
            return from_arrays_by_name(source, what)
        return sequences_of(read_table(source, what=what, options=options), columns, options)
    if isinstance(source, tuple):
        if len(source) != 2:
            raise DataError(f"{what}: a tuple of {len(source)}; give (values, labels)")
        values, labels = source
        return _labelled(values, labels, columns, what)
    if isinstance(source, list) or hasattr(source, "__array__"):
        return from_arrays(source, None, what)
    return sequences_of(read_table(source, what=what, options=options), columns, options)


def _labelled(values: Any, labels: Any, columns: SequenceColumns, what: str) -> Sequences:
    if type(values).__module__.partition(".")[0] in _FRAMES or isinstance(values, Mapping):
        values = read_table(values, what=what)
        steps = sequences_of(values, columns)
        return from_arrays([row[:n] for row, n in zip(steps.inputs, steps.lengths, strict=True)], labels, what)
    return from_arrays(values, labels, what)
