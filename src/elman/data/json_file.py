"""JSON files into tables: a list of objects, an object of columns, or an object on each line."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Any

import numpy as np

from elman import jsontext
from elman.data import frames
from elman.data.notes import Notes
from elman.data.table import Table
from elman.data.time_columns import find_time
from elman.errors import DataError

SUFFIXES = {".json", ".jsonl", ".ndjson"}
_FORMS = "give a list of objects, an object of columns, or an object on each line"


def is_json(text: str) -> bool:
    """Whether a text, whatever its file is called, begins as JSON of objects does, and no CSV file."""
    return text.lstrip().startswith(("[{", '{"'))


def parse_json(text: str, name: str, notes: Notes) -> Table:
    """The table in a JSON text.

    A key that an object lacks is a missing value. An object whose only list is one of objects stands for that list.
    Columns that are objects are joined by their keys; what names the rows (these keys, or ``index`` beside ``columns``
    and ``data``, as pandas writes it) is a column ``index``, unless it only counts.

    Raises:
        DataError: it is no JSON, or no table; the message names the line or the place.

    >>> parse_json('[{"ds": "2020-01", "y": 1}, {"ds": "2020-02"}]', "a.json", Notes()).columns
    {'ds': ['2020-01', '2020-02'], 'y': ['1', '']}
    >>> parse_json('{"y": {"2020-02": 2, "2020-01": 1}, "z": {"2020-01": 3}}', "a.json", Notes()).columns
    {'index': ['2020-02', '2020-01'], 'y': array([2, 1]), 'z': ['', '3']}
    """
    labels: list[Any] = []
    lines = [(k, line) for k, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if len(lines) > 1 and all(line.strip()[0] == "{" and line.strip()[-1] == "}" for _, line in lines):
        value: Any = [_loads(line, name, k) for k, line in lines]
    else:
        value = _loads(text, name)
    if isinstance(value, dict):
        records = [inner for inner in value.values() if _is_records(inner)]
        if len(records) == 1 and not any(
            isinstance(inner, list) and inner is not records[0] for inner in value.values()
        ):
            value = records[0]
            notes.read("the list of objects in the file was read")
    if isinstance(value, dict) and isinstance(value.get("columns"), list) and isinstance(value.get("data"), list):
        labels = value["index"] if isinstance(value.get("index"), list) else []  # as pandas splits a frame
        if labels and len(labels) != len(value["data"]):
            raise DataError(
                f"{name}: {len(labels)} elements of `index` for {len(value['data'])} rows; give as many as rows"
            )
        value = [value["columns"], *value["data"]]
    if _is_rows(value):
        width, names = len(value[0]), value[0]
        if any(len(row) != width for row in value):
            raise DataError(f"{name}: the rows are of different length; give all as many values")
        columns = {key: [row[i] for row in value[1:]] for i, key in enumerate(names)}
        if len(columns) < width:
            raise DataError(f"{name}: two columns have one name; rename one")
    elif _is_records(value):
        keys = list(dict.fromkeys(key for record in value for key in record))
        columns = {key: [record.get(key) for record in value] for key in keys}
    elif isinstance(value, dict) and value and all(isinstance(inner, dict) for inner in value.values()):
        columns, labels = _joined(value, name)
    elif isinstance(value, dict) and value:
        columns = value
        if not all(isinstance(inner, list) for inner in columns.values()):
            raise DataError(f"{name}: the JSON object holds no columns; {_FORMS}")
    elif isinstance(value, list) and value and not any(isinstance(inner, list | dict) for inner in value):
        columns = {"y": value}
    else:
        raise DataError(f"{name}: the JSON text holds no table; {_FORMS}")
    for key, inner in columns.items():
        for row, element in enumerate(inner):
            if isinstance(element, list | dict):
                raise DataError(
                    f"{name}, row {row} (counted from 0), column {key!r:.40}: a value is no single one; {_FORMS}"
                )
    table = frames.from_mapping({key: _texts(inner) for key, inner in columns.items()}, name)
    if labels and "index" not in columns and _tells(labels, table):
        table = frames.from_mapping({"index": _texts(list(map(str, labels))), **table.columns}, name)
    return Table(name, table.columns, notes=notes)


def _joined(value: dict[str, dict[str, Any]], name: str) -> tuple[dict[str, list[Any]], list[str]]:
    """Columns joined by the keys of their values, and these keys, in the order in which they come first."""
    (first, keys), *others = value.items()
    for key, inner in others:
        if keys and inner and not keys.keys() & inner.keys():
            raise DataError(
                f"{name}: columns {key!r:.40} and {first!r:.40} have no key in common; give all values of a row one key"
            )
    labels = list(dict.fromkeys(label for inner in value.values() for label in inner))
    return {key: [inner.get(label) for label in labels] for key, inner in value.items()}, labels


def _tells(labels: list[Any], table: Table) -> bool:
    """Whether the names of rows tell more than their number: times that no column has, words, or a count backwards."""
    if not all(re.fullmatch(r"\d+", str(label), re.ASCII) for label in labels):
        return True
    numbers = [int(label) for label in labels]
    if len(numbers) > 2 and all(b < a for a, b in pairwise(numbers)):
        return True  # to be said where times are looked for
    try:
        return not find_time(table, set()) and find_time(Table("", {"index": list(map(str, labels))}), set()) != ""
    except DataError:  # several columns hold times
        return False


def _is_rows(value: Any) -> bool:
    """Whether it is a list of rows, the first of which has names."""
    lists = isinstance(value, list) and len(value) > 1 and all(isinstance(row, list) for row in value)
    return lists and bool(value[0]) and all(isinstance(key, str) for key in value[0])


def _is_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(record, dict) for record in value)


def _texts(column: list[Any]) -> np.ndarray | list[Any]:
    """Numbers as they are where all are numbers, else an array of what stands there; true and false are texts."""
    numbers = all(type(element) in (int, float) and abs(element) < 2**53 for element in column)
    if numbers:
        return [float(element) if isinstance(element, float) else element for element in column]
    texts = np.empty(len(column), dtype=object)  # NumPy's own texts have no NUL at their end
    texts[:] = [str(element) if isinstance(element, bool) else element for element in column]
    return texts


def _loads(text: str, name: str, line: int | None = None) -> Any:
    try:
        return jsontext.loads(text)
    except json.JSONDecodeError as error:
        at = error.lineno if line is None else line
        raise DataError(f"{name}, line {at}: this is no JSON ({error.msg}); correct it") from error
    except ValueError as error:
        where = name if line is None else f"{name}, line {line}"
        raise DataError(f"{where}: the JSON text cannot be read ({str(error)[:100]}); correct it") from error
