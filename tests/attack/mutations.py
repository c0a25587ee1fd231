"""Ways of changing a file that any format has: its bytes, values of its record, its arrays; and a limit on time."""

from __future__ import annotations

import copy
import math
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import numpy as np

LIMIT = 5.0  # seconds for one mutant, on a machine that others use too: what takes longer is a hang
VALUES: list[Any] = [None, True, False, 0, -1, 1, 3, 10**9, -(2**63), 10**30, 0.0, -0.5, 1e308, "", "x", "\n\x1b[31m"]
VALUES += [[], [None], [[]], {}, {"a": 1}, "train", "0" * 64, [1, 2], {"loss": 1.0}]
NUMBERS = [math.nan, math.inf, -math.inf, 0.0, -1.0, 1e38, 2.0**31]
KINDS = ["bit", "byte", "cut", "insert", "delete", "zeros", "repeat", "length"]
OF_ARRAYS = ["remove", "rename", "add", "shape", "type", "value", "random"]


class Hang(BaseException):
    """One mutant has taken longer than :data:`LIMIT`."""


@contextmanager
def limited(seconds: float = LIMIT) -> Iterator[None]:
    """Raise :class:`Hang` in the block if it takes too long; in the main thread only."""

    def end(number: int, frame: FrameType | None) -> None:
        raise Hang(f"it takes longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def changed_bytes(random: np.random.Generator, content: bytes) -> tuple[str, bytes]:
    """A safetensors file with a few bytes changed, and what was done."""
    changed = bytearray(content)
    kind = str(random.choice(KINDS))
    header = int.from_bytes(content[:8], "little")
    end = 8 + header if random.random() < 0.5 else len(content)  # the header has most of the meaning
    start, size = int(random.integers(0, end)), int(random.integers(1, 9))
    match kind:
        case "bit":
            changed[start] ^= 1 << int(random.integers(0, 8))
        case "byte":
            changed[start] = int(random.integers(0, 256))
        case "cut":
            del changed[start:]
        case "insert":
            changed[start:start] = random.bytes(size)
        case "delete":
            del changed[start : start + size]
        case "zeros":
            changed[start : start + size] = bytes(len(changed[start : start + size]))
        case "repeat":
            changed[start:start] = changed[start : start + size]
        case "length":
            changed[:8] = int(random.integers(0, 2**63)).to_bytes(8, "little")
    return f"{kind} at {start}", bytes(changed)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in a JSON value, with each of its keys."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield value, key
        yield from _places(inner)


def change_record(random: np.random.Generator, record: dict[str, Any]) -> str:
    """Change one value of a record, or one of its keys; says which."""
    places = list(_places(record))
    owner, key = places[int(random.integers(0, len(places)))]
    if isinstance(owner, dict) and random.random() < 0.2:
        if random.random() < 0.5:
            del owner[key]
            return f"{key} removed"
        owner["surprise"] = copy.deepcopy(owner[key])
        return f"a key beside {key}"
    owner[key] = copy.deepcopy(VALUES[int(random.integers(0, len(VALUES)))])
    return f"{key} = {owner[key]!r}"


def change_arrays(random: np.random.Generator, arrays: dict[str, np.ndarray]) -> str:
    """Change one of the arrays; says which and how."""
    name = sorted(arrays)[int(random.integers(0, len(arrays)))]
    array = arrays[name]
    kind = str(random.choice(OF_ARRAYS))
    match kind:
        case "remove":
            del arrays[name]
        case "rename":
            arrays[f"{name}\n"] = arrays.pop(name)
        case "add":
            arrays[str(random.choice(["x", "train/x", "train/random/cuda", "/", "train/"]))] = array
        case "shape":
            arrays[name] = [array.ravel()[:1], array[None], array.ravel()[:0]][int(random.integers(0, 3))]
        case "type":
            with np.errstate(invalid="ignore"):  # NaN has no whole number
                arrays[name] = array.astype(str(random.choice(["f8", "f4", "i8", "u1", "?"])))
        case "value" if array.dtype.kind == "f":
            arrays[name] = np.full_like(array, np.float32(NUMBERS[int(random.integers(0, len(NUMBERS)))]))
        case "value" if array.dtype.kind == "i":
            arrays[name] = np.full_like(array, [-1, 0, 1, 2**62, -(2**63)][int(random.integers(0, 5))])
        case _:
            noise = np.frombuffer(random.bytes(array.nbytes), array.dtype).reshape(array.shape)
            arrays[name] = noise if random.random() < 0.5 else np.where(random.random(array.shape) < 0.01, noise, array)
    return f"{kind} of {name}"
