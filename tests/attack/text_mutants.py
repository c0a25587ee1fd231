"""Mutants of texts and of tagged sentences: each is refused in one line, or read as a slow, plain reader reads it.

>>> run(4, seed=0)
[]
"""

from __future__ import annotations

import gzip
import random
import re
import tempfile
from pathlib import Path

from elman.data import read_tagged, read_text
from elman.errors import ElmanError
from elman.tasks.tag.schemes import reading_of
from tests.attack.csv_mutants import changed_text, flipped
from tests.attack.mutations import Hang, limited

TEXT = "\ufeffO for a Muse of fire,\r\nnaïve 漢字 🙂\u202e\ttail\n\n"
CONLL = "-DOCSTART- -X- O\n\nEU B-ORG\nrejects O\n漢 I-LOC\n\nPeter B-PER\nBlackburn I-PER\n. O\n"
ESCAPES = (
    "\0",
    "\ufffe",
    "\u2028",
    "\x85",
    "\x0b",
    "\x1b[2J",
    " ",
    "\t",
    "\n\n",
    "B-",
    "-",
    "E-x",
    "L-x",
    "-DOCSTART-",
)


def run(count: int, seed: int) -> list[str]:
    """What went wrong with ``count`` mutants, the formats by turns."""
    findings = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            chance = random.Random(f"{seed}:{number}")
            name, content = _mutant(number, chance)
            path = Path(folder) / name
            path.write_bytes(content)
            try:
                with limited():
                    finding = _finding(path, content, number)
            except (Exception, Hang) as error:
                finding = f"{type(error).__name__}: {error}"
            if finding:
                findings.append(f"{number}: {name}: {finding}; {content[:400]!r}")
    return findings


def _mutant(number: int, chance: random.Random) -> tuple[str, bytes]:
    match number % 4:
        case 0:
            return "mutant.txt", _changed(TEXT, chance)
        case 1:
            packed = gzip.compress(_changed(TEXT, chance), mtime=0)
            return "mutant.gz", flipped(packed, chance) if chance.random() < 0.7 else packed[: chance.randrange(1, 60)]
        case 2:
            return "mutant.bytes", _changed(TEXT, chance)
    return "mutant.conll", _changed(chance.choice([CONLL, CONLL.replace(" ", "\t")]), chance)


def _changed(text: str, chance: random.Random) -> bytes:
    for _ in range(chance.choice((1, 1, 2, 5))):
        if chance.random() < 0.3:
            at = chance.randrange(len(text) + 1)
            text = text[:at] + chance.choice(ESCAPES) + text[at:]
        else:
            text = changed_text(text, chance)
    content = text.encode("utf-8", "replace")
    return flipped(content, chance) if chance.random() < 0.3 else content


def _finding(path: Path, content: bytes, number: int) -> str:
    try:
        if number % 4 == 3:
            found = read_tagged(path)
            tags = found.tags
            if (found.words, tags) != _plain(content):
                return f"read as {found.words!r:.200} {tags!r:.200}, not as {_plain(content)!r:.400}"
            if tags is not None:
                reading_of(tags, "auto", found.source)
            return ""
        tokens = "bytes" if number % 4 == 2 else "char"
        text = read_text(path, tokens)
    except ElmanError as error:
        message = str(error)
        named = message.startswith(str(path))
        good = named and message.isprintable() and "; " in message and len(message) < 1000
        return "" if good else f"message {message!r}"
    unpacked = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
    expected = list(unpacked) if tokens == "bytes" else [ord(letter) for letter in unpacked.decode("utf-8-sig")]
    return "" if text.codes.tolist() == expected else f"read as {text.codes.tolist()!r:.200}"


def _plain(content: bytes) -> tuple[tuple[tuple[str, ...], ...], tuple[tuple[str, ...], ...] | None]:
    """The words and tags of a file in columns."""
    lines = [line.rstrip("\r") for line in content.decode("utf-8-sig").split("\n")]
    tabs = not any(line.strip() and "\t" not in line for line in lines)
    blocks: list[list[list[str]]] = [[]]
    for line in lines:
        parts = [part.strip(" ") for part in line.split("\t")] if tabs else re.split("[ \t]+", line.strip(" \t"))
        if not line.strip() or parts[0] == "-DOCSTART-":
            blocks.append([])
        else:
            blocks[-1].append(parts)
    whole = [block for block in blocks if block]
    words = tuple(tuple(parts[0] for parts in block) for block in whole)
    if len(whole[0][0]) == 1:
        return words, None
    return words, tuple(tuple(parts[-1] for parts in block) for block in whole)
