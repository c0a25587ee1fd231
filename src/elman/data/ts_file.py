"""The ``.ts`` files of the UCR/UEA archive: a head of @-lines, then a case a line, its channels parted by colons."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from elman.data.sequences import Array, Sequences, as_float32, padded, trimmed
from elman.data.text import parse_number, quote
from elman.errors import DataError

_KNOWN = {
    "problemname", "timestamps", "missing", "univariate", "dimension", "dimensions", "equallength", "serieslength",
    "classlabel", "targetlabel",
}  # fmt: skip


@dataclass
class _Head:
    """What the lines before ``@data`` say."""

    entries: dict[str, list[str]] = field(default_factory=dict)

    def is_true(self, key: str) -> bool:
        return self.entries.get(key, [""])[0].lower() == "true"

    def number(self, *keys: str) -> int | None:
        texts = [self.entries[key][0] for key in keys if self.entries.get(key)]
        return int(texts[0]) if texts and texts[0].isascii() and texts[0].isdigit() and len(texts[0]) < 10 else None


def is_ts(content: bytes, name: str) -> bool:
    """Whether a file is meant to be one: its name says so."""
    return name.strip("'").lower().removesuffix(".gz").endswith(".ts")


def parse_ts(text: str, name: str) -> Sequences:
    """The cases of a file; steps at a case's end of which nothing is known are padding, and taken off.

    Raises:
        DataError: it is no such file, or does not hold what its head says; the message names the line.

    >>> found = parse_ts("@classLabel true a b\\n@data\\n1,2,3:4,?,6:a\\n7,8:9,9:b\\n", "x.ts")
    >>> found.inputs.shape, found.lengths.tolist(), found.labels
    ((2, 3, 2), [3, 2], ('a', 'b'))
    """
    lines = text.splitlines()
    head, begin = _head(lines, name)
    classes = head.entries.get("classlabel", ["false"])
    has_labels = head.is_true("classlabel")
    rows: list[Array] = []
    labels: list[str] = []
    numbers: list[int] = []
    for number, line in enumerate(lines[begin:], start=begin + 1):
        line = line.strip()
        if not line or line.startswith(("#", "%")):
            continue
        place = f"{name}, line {number}"
        parts = line.split(":")
        if has_labels:
            label = parts.pop().strip()
            if not label or (classes[1:] and label not in classes[1:]):
                raise DataError(f"{place}: {quote(label)} is none of the classes in @classLabel; correct it")
            labels.append(label)
        rows.append(_case(parts, place))
        numbers.append(number)
        if rows[-1].shape[1] != rows[0].shape[1]:
            found, first = rows[-1].shape[1], rows[0].shape[1]
            raise DataError(f"{place}: {found} channels where line {numbers[0]} has {first}; mend one of them")
    if not rows:
        raise DataError(f"{name}: no cases follow @data; the file is cut short: get it again")
    _check(head, rows, numbers, name)
    inputs, lengths = padded(rows, name)
    return Sequences(
        name,
        inputs,
        lengths,
        tuple(map(str, range(len(rows)))),
        tuple(labels) if has_labels else None,
        channels=tuple(f"channel {k}" for k in range(inputs.shape[2])),
        without_labels="its head says @classLabel false: there are no labels to learn or score; give a file with them",
    )


def _head(lines: list[str], name: str) -> tuple[_Head, int]:
    head = _Head()
    for number, line in enumerate(lines, start=1):
        line = line.strip()
        if not line or line.startswith(("#", "%")):
            continue
        words = line.split()
        key = words[0].lower()
        if key == "@data":
            break
        if not key.startswith("@") or key[1:] not in _KNOWN or len(words) < 2:
            raise DataError(
                f"{name}, line {number}: {quote(line)} is no entry of the head of a .ts file (@data begins the cases); "
                "correct it"
            )
        head.entries[key[1:]] = words[1:]
    else:
        raise DataError(f"{name}: there is no @data, so this is no .ts file, or it is cut short; get it again")
    if head.is_true("timestamps"):
        raise DataError(f"{name}: @timeStamps true: values with times of their own are not read; resample them")
    if head.is_true("targetlabel"):
        raise DataError(f"{name}: @targetLabel true: its targets are numbers, not classes; give one with @classLabel")
    return head, number


def _case(parts: list[str], place: str) -> Array:
    channels: list[list[float]] = []
    for k, part in enumerate(parts):
        texts = part.split(",")
        values = [parse_number(text) for text in texts]
        for text, value in zip(texts, values, strict=True):
            if value is None or abs(value) == float("inf") or not text.strip():
                raise DataError(f"{place}, channel {k}: {quote(text.strip())} is no finite number; write ? if missing")
        channels.append([value for value in values if value is not None])
        if len(channels[-1]) != len(channels[0]):
            raise DataError(
                f"{place}: channel {k} has {len(channels[-1])} steps and channel 0 {len(channels[0])}; "
                "give all channels of a case as many (? where a value is missing)"
            )
    if not channels:
        raise DataError(f"{place}: a label without values; give at least one channel")
    row = trimmed(as_float32(np.array(channels), place).T)
    if not len(row):
        raise DataError(f"{place}: every value is missing; leave the case out")
    return row


def _check(head: _Head, rows: list[Array], numbers: list[int], name: str) -> None:
    """Refuse cases that are not what the head says."""
    channels = rows[0].shape[1]
    said = 1 if head.is_true("univariate") else head.number("dimensions", "dimension")
    if said is not None and said != channels:
        raise DataError(f"{name}: the head speaks of {said} channels, line {numbers[0]} has {channels}; correct one")
    steps = head.number("serieslength")
    if head.is_true("equallength") and steps is not None:
        for row, number in zip(rows, numbers, strict=True):
            if len(row) > steps:
                place = f"{name}, line {number}"
                raise DataError(f"{place}: {len(row)} steps, but the head says @seriesLength {steps}; correct one")
