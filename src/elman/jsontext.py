"""JSON as elman writes and reads it: strict, in both directions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def dumps(value: Any, *, indent: int | None = None, sort_keys: bool = False) -> str:
    """``value`` as JSON text: letters as they are, no NaN or infinity."""
    return json.dumps(value, indent=indent, sort_keys=sort_keys, ensure_ascii=False, allow_nan=False)


def loads(text: str | bytes) -> Any:
    """The value of JSON text.

    Raises:
        ValueError: no JSON, one key twice in an object, NaN or an infinity, or nested too deeply.

    >>> loads('{"a": 1, "a": 2}')
    Traceback (most recent call last):
    ValueError: the key 'a' stands twice in one object
    """
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def read(path: Path) -> Any:
    """The value of a JSON file in UTF-8.

    Raises:
        OSError: it cannot be read.
        ValueError: as :func:`loads`.
    """
    return loads(path.read_text(encoding="utf-8"))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!a:.60} stands twice in one object")
    return found


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")
