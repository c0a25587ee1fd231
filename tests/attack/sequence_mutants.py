"""Mutants of files of sequences, of every format: each is refused in one line, or read as sequences that are whole.

>>> run(3, seed=0)
[]
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from elman.data import SequenceColumns, Sequences, read_sequence_table, read_sequences
from elman.errors import ElmanError
from tests.attack.csv_mutants import changed_text, flipped
from tests.attack.mutations import Hang, limited
from tests.data.sequence_files import TS, idx, images, npz, write_mnist

LONG = "id,t,a,b,label\nx,0,1,2,up\nx,1,3,4,up\ny,0,5,,down\ny,1,7,8,down\nz,0,9,1,up\n"
WIDE = "t0,t1,t2,label\n1,2,3,a\n4,5,6,b\n7,,9,a\n"
SYMBOLS = "EI,one,   AACCG\nN,two,   ACGTT\nIE,three,   TTGNA\n"
ALIGNED = "unique_id,ds,x,y\na,2020,1,2\na,2021,2,3\nb,2020,3,4\nb,2021,,5\nb,2022,5,6\n"
NPZ = npz(x=np.arange(12.0, dtype="f4").reshape(2, 3, 2), y=np.array(["a", "b"]), lengths=np.array([3, 2]))
IDX = idx(images(3))
ESCAPES = ("@data\n", "@classLabel true a\n", "@dimensions 9\n", ":", "?", "@", "#", ",,", "1e999", "\0", "9" * 400)


def run(count: int, seed: int) -> list[str]:
    """What went wrong with ``count`` mutants, the formats by turns."""
    findings = []
    with tempfile.TemporaryDirectory() as folder:
        mnist = write_mnist(Path(folder) / "mnist")
        originals = {path: path.read_bytes() for path in sorted(mnist.iterdir())}
        for number in range(count):
            chance = random.Random(f"{seed}:{number}")
            read, path, content = _mutant(number, chance, Path(folder), originals)
            path.write_bytes(content)
            try:
                with limited():
                    finding = _finding(read, Path(folder))
            except (Exception, Hang) as error:
                finding = f"{type(error).__name__}: {error}"
            if finding:
                findings.append(f"{number}: {path.name}: {finding}; {content[:400]!r}")
            if path in originals:
                path.write_bytes(originals[path])
    return findings


def _mutant(
    number: int, chance: random.Random, folder: Path, originals: dict[Path, bytes]
) -> tuple[Callable[[], Any], Path, bytes]:
    """How it is read, its path and its content."""
    match number % 7:
        case 0:
            return _reader(folder / "mutant.ts"), folder / "mutant.ts", _changed(TS, chance)
        case 1:
            return _reader(folder / "mutant.npz"), folder / "mutant.npz", _damaged(NPZ, chance)
        case 2:
            path = chance.choice(sorted(originals))
            view = chance.choice(["rows", "pixels"])
            return lambda: read_sequences(path.parent, view=view), path, _damaged(originals[path], chance)
        case 3:
            path = folder / "mutant-idx3-ubyte"
            return lambda: read_sequences(path, view="rows"), path, _damaged(IDX, chance)
        case 4:
            layout = chance.choice([None, None, "long", "wide"])
            path, content = folder / "mutant.csv", _changed(chance.choice([LONG, WIDE]), chance)
            return _reader(path, SequenceColumns(layout=layout)), path, content
        case 5:
            path, columns = folder / "mutant.data", SequenceColumns(label="0", id="1", symbols="2")
            return _reader(path, columns), path, _changed(SYMBOLS, chance)
    path = folder / "aligned.csv"
    inputs = chance.choice([(), ("x",)])
    return lambda: read_sequence_table(path, input=inputs, target=("y",)), path, _changed(ALIGNED, chance)


def _reader(path: Path, columns: SequenceColumns | None = None) -> Callable[[], Sequences]:
    return lambda: read_sequences(path, columns)


def _changed(text: str, chance: random.Random) -> bytes:
    for _ in range(chance.choice((1, 1, 2, 5))):
        if chance.random() < 0.2:
            at = chance.randrange(len(text) + 1)
            text = text[:at] + chance.choice(ESCAPES) + text[at:]
        else:
            text = changed_text(text, chance)
    content = text.encode()
    return flipped(content, chance) if chance.random() < 0.1 else content


def _damaged(content: bytes, chance: random.Random) -> bytes:
    if chance.random() < 0.2:
        return content[: chance.randrange(len(content))]
    if chance.random() < 0.2:
        at = chance.randrange(len(content) + 1)
        return content[:at] + chance.randbytes(chance.randrange(1, 9)) + content[at:]
    if chance.random() < 0.3:  # where sizes are written
        at = chance.randrange(min(40, len(content)))
        return content[:at] + bytes([chance.choice((0, 1, 127, 128, 255))]) + content[at + 1 :]
    return flipped(content, chance)


def _finding(read: Callable[[], Any], folder: Path) -> str:
    try:
        found = read()
    except ElmanError as error:
        message = str(error)
        good = message.startswith(str(folder)) and message.isprintable() and "; " in message and len(message) < 1000
        return "" if good else f"message {message!r}"
    return _of_sequences(found) if isinstance(found, Sequences) else _of_table(found)


def _of_sequences(found: Sequences) -> str:
    count, steps = found.inputs.shape[:2]
    behind = np.arange(steps) >= found.lengths[:, None]
    wrong = {
        "names": len(found.ids) != count or not count,
        "labels": found.labels is not None and len(found.labels) != count,
        "lengths": not ((found.lengths >= 1) & (found.lengths <= steps)).all(),
        "padding": bool(found.inputs[behind].any()),
        "infinite": not found.alphabet and bool(np.isinf(found.inputs).any()),
        "symbols": bool(found.alphabet) and not 0 <= found.inputs.min() <= found.inputs.max() < len(found.alphabet),
        "channels": not found.alphabet and found.inputs.shape[2:] != (len(found.channels),),
    }
    return ", ".join(name for name, bad in wrong.items() if bad)


def _of_table(found: Any) -> str:
    for sequence in found:
        shapes = len(sequence.inputs), len(sequence.targets), len(sequence.labels)
        if len(set(shapes)) != 1 or not shapes[0]:
            return f"a sequence of {shapes} inputs, targets and labels"
        if not np.isfinite(sequence.inputs).all() or np.isinf(sequence.targets).any():
            return "a value that is none"
    return ""
