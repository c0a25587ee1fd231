"""Mutants of JSON files and Excel workbooks: JSON is read as a plain reader reads it, or refused; of a workbook whose
bytes were changed something is read, or it is refused; both in one line.

>>> run(3, seed=0)
[]
"""

from __future__ import annotations

import io
import json
import math
import random
import tempfile
from pathlib import Path
from typing import Any

from elman.data import read_series, read_table
from tests.attack.csv_mutants import Finding, flipped, refusable

SEEDS = (
    '[{"ds": "2020-01-01", "y": 1}, {"ds": "2020-01-02", "y": 2.5}, {"ds": "2020-01-03", "y": null}]',
    '{"ds": ["2020-01", "2020-02", "2020-03"], "y": [1, 2, 3]}',
    '{"ds": "2020-01-01", "y": 1}\n{"ds": "2020-01-02", "y": 2}\n{"ds": "2020-01-03", "y": "3"}\n',
    '{"status": "ok", "data": [{"ds": "2020Q1", "y": -1e3}, {"ds": "2020Q2", "y": 2}, {"ds": "2020Q3"}]}',
    '{"y": {"2020-01": 1, "2020-02": 2.5, "2020-03": null}, "z": {"2020-03": 3, "2020-02": 2}}',
)
PIECES = (
    *(
        "{",
        "}",
        "[",
        "]",
        '"',
        ",",
        ":",
        "null",
        "true",
        "NaN",
        "1e999",
        "-",
        "0",
        "\\u0000",
        "\ud83d",
        "\n",
        " ",
        "[[[[",
    ),
    *('{"y": 1}', '"y"', '"ds"', "[]", "{}", "1" * 400, "\\", "\x01"),
)


def run(count: int, seed: int) -> list[Finding]:
    """What goes wrong with ``count`` mutants; an empty list if nothing does."""
    book = workbook()
    with tempfile.TemporaryDirectory() as folder:
        found = [_check(case, seed, Path(folder), book) for case in range(count)]
    return [finding for finding in found if finding is not None]


def workbook() -> bytes:
    """A small workbook."""
    import openpyxl

    book, file = openpyxl.Workbook(), io.BytesIO()
    for row in (["ds", "y"], ["2020-01-01", 1], ["2020-01-02", 2.5], ["2020-01-03", None], ["2020-01-04", "(1,234)"]):
        book.active.append(row)
    book.save(file)
    return file.getvalue()


def _check(case: int, seed: int, folder: Path, book: bytes) -> Finding | None:
    chance = random.Random(f"{seed}:{case}")
    is_json = chance.random() < 0.8
    content = _json(chance) if is_json else flipped(book, chance)
    if not is_json and chance.random() < 0.2:
        content = content[: chance.randrange(len(content))]
    path = folder / ("mutant.json" if is_json else "mutant.xlsx")
    path.write_bytes(content)
    try:
        table, told = refusable(lambda: read_table(path), path)
        if told is None and table is not None and is_json:
            told = _differs(table, content.decode())
        told = told or refusable(lambda: read_series(path, at_least=1), path)[1]
    except Exception as error:
        told = f"{type(error).__name__}: {error}"
    return None if told is None else Finding(case, told, content)


def _json(chance: random.Random) -> bytes:
    text = chance.choice(SEEDS)
    for _ in range(chance.choice((1, 1, 2, 4))):
        a, b = sorted(chance.randrange(len(text) + 1) for _ in range(2))
        match chance.randrange(4):
            case 0:
                text = text[:a] + text[a + 1 :]
            case 1 | 2:
                text = text[:a] + chance.choice(PIECES) + text[a:]
            case 3:
                text = text[:a] + text[min(b, a + 9) :]
    return text.encode("utf-8", "replace")


def _differs(table: Any, text: str) -> str | None:
    """How a table differs from what Python's own reader finds."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        value = [json.loads(line) for line in text.splitlines() if line.strip()]
    if isinstance(value, list) and len(value) > 1 and all(isinstance(row, list) for row in value):
        return None  # rows; no seed has them
    if isinstance(value, dict):
        lists = [v for v in value.values() if isinstance(v, list) and v and all(isinstance(r, dict) for r in v)]
        value = lists[0] if len(lists) == 1 else value
    if isinstance(value, list):
        rows = value if all(isinstance(row, dict) for row in value) else [{"y": row} for row in value]
        names = list(dict.fromkeys(name for row in rows for name in row))
        value = {name: [row.get(name) for row in rows] for name in names}
    if isinstance(value, dict) and all(isinstance(inner, dict) for inner in value.values()):
        keys = list(dict.fromkeys(key for inner in value.values() for key in inner))
        joined: dict[str, Any] = {name: [inner.get(key) for key in keys] for name, inner in value.items()}
        words = not all(key.isdigit() for key in keys)
        value = {"index": keys, **joined} if words or "index" in table.columns else joined
        value |= joined
    if list(value) != list(table.columns):
        return f"columns {list(table.columns)} instead of {list(value)}"
    for name, column in value.items():
        for got, wanted in zip(list(table.columns[name]), column, strict=True):
            same = got == wanted or got == ("" if wanted is None else str(wanted))
            if not same and not (isinstance(wanted, float | int) and math.isclose(float(got), wanted)):
                return f"column {name!r}: {got!r} instead of {wanted!r}"
    return None
