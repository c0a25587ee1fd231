"""Mutants of CSV files: each is read as the reference reader reads it, or refused in one line.

>>> run(3, seed=0)
[]
"""

from __future__ import annotations

import gzip
import math
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from elman.data import SeriesSet, Table, read_series, read_table
from elman.errors import ElmanError
from tests.data.reference_csv import Reading, Unreadable, read
from tests.data.reference_numbers import column_of_times

SEEDS = (
    "ds,y\n2020-01-01,1\n2020-01-02,2\n2020-01-03,3.5\n2020-01-05,-4e-2\n",
    "Month,#Passengers\n1949-01,112\n1949-02,118\n1949-03,132\n1949-04,\n1949-05,121\n",
    "unique_id,ds,y\na,2019,1\na,2020,2\nb,2019,3\nb,2020,NA\nb,2021,5\n",
    "day;load;wind\n2020-01-01 00:00;1,5;0\n2020-01-01 01:00;2,25;1\n2020-01-01 02:00;3;2\n",
    "t\tvalue\n01.02.2020\t5\n02.02.2020\t6\n03.02.2020\t7\n",
    '"a, in m","b ""c""",note\n1,2,"two\nlines"\n3,4,""\n5,6,"x, y"\n',
    "2020-01-01T00:00:00Z,5,7\n2020-01-01T00:00:01Z,6,8\n2020-01-01T00:00:02Z,?,9\n",
    "y\n1\n\n3\n4\nnull\n6\n",
    "1;2;3\n4;5;6\n7;8;9\n",
    "\ufeffGröße, y \r\n1, 2\r\n 3 , 4\r\n\r\n",
    "index,quarter,y\n0,2019Q4,1\n1,2020Q1,2\n2,2020Q2,3\n",
    "\n\nds,y,\n20200131,1e3,\n20200229,+2.,\n20200331,.5,\n,,\n",
    "Sales of the shop\nmade in 2020\n\ndate;y\n2020-01-01;995\n2020-01-02;1.019\n2020-01-03;1.200\n\nSource: books;\n",
    'day,y\n2020-01-01,"$1,234.50"\n2020-01-02,"($2)"\n2020-01-03,$3\nTotal,1235.5\n',
    "sep=|\nday|rate\n12/31/2020|1.5%\n1/1/2021|2%\n1/2/2021|3.25%\n",
    "day;y\n2020/1/1;1 234,5\n2020/1/2;1'234\n2020/1/3;5-\n",
)
PIECES = (
    *(",", ";", "\t", '"', '""', "\n", "\r", "\r\n", "\n\n", " ", "\ufeff", "\0", "é", "\u2028", "\x85", "\x1c"),
    *("0", "1", "9", "-", "+", ".", "e", "1e308", "1e999", "inf", "nan", "NA", "-nan", "1,5", "1,234", "1_0", "٣"),
    *("2020", "2020-02-30", "2020-13", "0000-01-01", "9999-12-31", "10000-01-01", "03/04/2020", "2020-01-01T24:00"),
    *("2020-01-01 00:00:00.0000001", "2020-01-01T00:00+99:99", "y", "ds", "unique_id", "'", "#", "|", "\\"),
)


class Finding(NamedTuple):
    """What went wrong with a mutant: ``run(1, seed)`` of the same seed and ``case`` makes it again."""

    case: int
    what: str
    content: bytes


def run(count: int, seed: int) -> list[Finding]:
    """What goes wrong with ``count`` mutants; an empty list if nothing does."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mutant.csv"
        return [finding for case in range(count) if (finding := _check(case, seed, path)) is not None]


def mutants(count: int, seed: int) -> Iterator[bytes]:
    """The files that :func:`run` reads."""
    return (mutant(random.Random(f"{seed}:{case}")) for case in range(count))


def mutant(chance: random.Random) -> bytes:
    """A CSV file with one to six changes; some are compressed, and of those some are damaged afterwards."""
    text = chance.choice(SEEDS)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        text = changed_text(text, chance)
    content = text.encode(chance.choice(("utf-8",) * 8 + ("utf-16", "cp1252")), "replace")
    if chance.random() < 0.1:
        content = flipped(content, chance)
    if chance.random() < 0.1:
        content = gzip.compress(content, mtime=0)
        content = flipped(content, chance) if chance.random() < 0.5 else content
    return content


def changed_text(text: str, chance: random.Random) -> str:
    a, b = sorted(chance.randrange(len(text) + 1) for _ in range(2))
    lines = text.splitlines(keepends=True) or [""]
    i, j = chance.randrange(len(lines)), chance.randrange(len(lines))
    match chance.randrange(10):
        case 0:
            return text[:a] + text[a + 1 :]
        case 1 | 2 | 3:
            return text[:a] + chance.choice(PIECES) + text[a:]
        case 4:
            return text[:a] + chance.choice(PIECES) + text[a + 1 :]
        case 5:
            return text[:a] if chance.random() < 0.5 else text[:a] + text[min(b, a + 9) :]
        case 6:
            lines[i], lines[j] = lines[j], lines[i]
        case 7:
            lines.insert(i, lines[j])
        case 8:
            lines.insert(i, chance.choice(("\n", " \n", ",\n", ",,\n", "\r\n", '""\n', "\n" * 25)))
        case 9:
            old, new = chance.sample([",", ";", "\t", "\n", "\r\n", "\r", "1", "2", "-", "/", '"', " ", "."], 2)
            return text.replace(old, new)
    return "".join(lines)


def flipped(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 4))):
        if changed:
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _check(case: int, seed: int, path: Path) -> Finding | None:
    chance = random.Random(f"{seed}:{case}")
    content = mutant(chance)
    path.write_bytes(content)
    try:
        expected = read(content)
    except Unreadable:
        expected = None
    names = [*(expected.series_names() if expected else ["y", "ds"]), ""]
    how = {"target": chance.choice(names), "time": chance.choice(names), "id": chance.choice(["", "", *names])}
    how = {} if chance.random() < 0.3 else {k: v for k, v in how.items() if v or k != "target"}
    try:
        table, told = refusable(lambda: read_table(path), path)
        problem = told or (None if table is None else compare_tables(table, expected))
        data, told = refusable(lambda: read_series(path, at_least=1, **how), path)
        problem = problem or told
        if data is not None and expected is not None and "target" in how:
            problem = problem or compare_series(data, expected, **how)
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
    return None if problem is None else Finding(case, f"{problem} {how}", content)


def refusable(reader: Any, path: Path) -> tuple[Any, str | None]:
    """What a reader gives, None where it refuses; and what is wrong with the message."""
    try:
        return reader(), None
    except ElmanError as error:
        message = str(error)
        good = message.startswith(str(path)) and message.isprintable() and "; " in message and len(message) < 1000
        return None, None if good else f"message {message!r}"


def compare_tables(table: Table, expected: Reading | None) -> str | None:
    """How a table differs from the reference, None if it does not. A column may be refused."""
    if expected is None:
        return "read, but the reference finds no table"
    if list(table.columns) != expected.names:
        return f"columns {list(table.columns)} instead of {expected.names}"
    if list(table.lines if table.lines is not None else ()) != expected.lines:
        return f"lines {table.lines} instead of {expected.lines}"
    for i, (name, column) in enumerate(table.columns.items()):
        if list(column) != expected.column(i):
            return f"column {name!r} is {column} instead of {expected.column(i)}"
        try:
            numbers = table.numbers(name)
        except ElmanError:
            continue
        wanted = expected.numbers(i)
        if wanted is None or not np.array_equal(numbers, wanted, equal_nan=True):
            return f"numbers of column {name!r} are {numbers} instead of {wanted}"
    return None


def compare_series(data: SeriesSet, expected: Reading, target: str, time: str, id: str) -> str | None:
    """How the series of one target differ from the reference's rows, None if they do not."""
    names = expected.series_names()
    values = expected.numbers(names.index(target))
    assert values is not None, "the reader found numbers where the reference found none"
    times: list[Any] = list(range(len(values)))
    if time:
        times = expected.times(names.index(time)) or []
        assert times, "the reader found times where the reference found none"
    ids = [target] * len(values)
    if id:
        ids = [text.strip() for text in expected.column(names.index(id))]
    left_out = {one.id for one in data.left_out}
    if data.ids != [key for key in dict.fromkeys(ids) if key not in left_out]:
        return f"series {data.ids} instead of {ids}"
    for series in data:
        rows = [i for i, key in enumerate(ids) if key == series.id]
        wanted = {times[i] if time else k: values[i] for k, i in enumerate(rows) if not math.isnan(values[i])}
        labels = column_of_times(data.labels(series)) if time else [int(label) for label in data.labels(series)]
        if labels is None:  # of a few rows, whose order of day and month only the whole column tells
            labels = [t.item() for t in series.times]
        found = {k: v for k, v in zip(labels, series.values.tolist(), strict=True) if not math.isnan(v)}
        if found != wanted:
            return f"series {series.id!r} holds {found} instead of {wanted}"
        if time and labels != [t.item() for t in series.times]:
            return f"series {series.id!r} is labelled {labels}"
    return None
