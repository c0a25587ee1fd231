"""Hostile checkpoints by the thousand: each is refused in one line, or training goes on as if nothing had happened.

Two kinds: bytes changed anywhere, which the digest must find, and content changed and signed anew, for which nothing
may happen but an error of elman's own or a training that ends.

``python -m tests.attack.checkpoint_mutants [COUNT] [SEED]`` prints what it found.
"""

from __future__ import annotations

import copy
import json
import math
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from elman import arrayfile
from elman.errors import ElmanError
from elman.learning import Examples
from elman.model import LastStep, Linear, PointHead, RecurrentLayers
from elman.nn.network import Network
from elman.recurrence import Layout
from elman.training import checkpoint as module
from elman.training.checkpoint import Checkpoint
from elman.training.loop import fit
from elman.training.settings import TrainingSettings

EPOCHS, SAVED_AT, FINGERPRINT = 4, 2, "data and settings"
MOST_EPOCHS = 50
VALUES: list[Any] = [None, True, False, 0, -1, 1, 3, 10**9, -(2**63), 10**30, 0.0, -0.5, 1e308, "", "x", "\n\x1b[31m"]
VALUES += [[], [None], [[]], {}, {"a": 1}, "train", "0" * 64, [1, 2], {"loss": 1.0}]
NUMBERS = [math.nan, math.inf, -math.inf, 0.0, -1.0, 1e38, 2.0**31]


class Mutant(NamedTuple):
    what: str
    content: bytes
    signed: bool
    """Whether its digest is right: then it may be accepted with another result."""


def run(count: int, seed: int) -> list[str]:
    """What went wrong with ``count`` mutants: a line for each that was neither refused in one line nor harmless."""
    random = np.random.default_rng(seed)
    findings = []
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("error")
        path = Path(folder) / "checkpoint.safetensors"
        originals = [_original(path, stop_at) for stop_at in (SAVED_AT, MOST_EPOCHS)]
        expected = _trained(path)  # of both: one goes on to where the other has ended
        for number in range(count):
            original = originals[number % 2]
            mutant = _mutant(random, original)
            path.write_bytes(mutant.content)
            if finding := _finding(path, mutant, expected):
                findings.append(f"{number}: {mutant.what}: {finding}")
    return findings


def _finding(path: Path, mutant: Mutant, expected: bytes) -> str:
    try:
        found = _trained(path)
    except ElmanError as error:
        text = str(error)
        said = text.isprintable() and (str(path) in text or text.startswith("epoch "))
        return "" if said else f"not one line that names the file or the epoch: {text!r}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "" if mutant.signed or found == expected else "accepted with another result"


def _trained(path: Path, stop_at: int = MOST_EPOCHS) -> bytes:
    """Every bit of the weights of a training that goes on from ``path``."""
    torch.manual_seed(0)
    layers = (RecurrentLayers(Layout("gru", 1, 2, num_layers=2)), LastStep(), Linear(2, 1), PointHead("mse"))
    network = Network(layers, dropout=0.3)
    x = np.random.default_rng(0).standard_normal((6, 2, 1)).astype("f4")
    asked: list[int] = []
    result = fit(
        network,
        Examples(x, x.sum(1)),
        TrainingSettings(epochs=EPOCHS, batch_size=3, patience=0),
        validation=Examples(x[:2], x[:2].sum(1)),
        checkpoint=Checkpoint(path, FINGERPRINT, every=3600),
        stop=lambda: asked.append(1) or len(asked) > stop_at,  # type: ignore[func-returns-value]
    )
    if len(asked) > MOST_EPOCHS:
        raise RuntimeError(f"training went on for {result.epochs_run} epochs of {EPOCHS}")
    return b"".join(p.detach().numpy().tobytes() for p in network.parameters())


def _original(path: Path, stop_at: int) -> bytes:
    path.unlink(missing_ok=True)
    _trained(path, stop_at)
    return path.read_bytes()


def _mutant(random: np.random.Generator, content: bytes) -> Mutant:
    if random.random() < 0.5:
        return _changed_bytes(random, content)
    arrays, metadata = arrayfile.unpacked(content)
    record = json.loads(metadata[module.HEADER])
    del record["digest"]
    change = _changed_record if random.random() < 0.5 else _changed_arrays
    what = change(random, record, arrays)
    return Mutant(what, module.packed(record, arrays), True)


def _changed_bytes(random: np.random.Generator, content: bytes) -> Mutant:
    changed = bytearray(content)
    kind = random.choice(["bit", "byte", "cut", "insert", "delete", "zeros", "repeat", "length"])
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
    return Mutant(f"{kind} at {start}", bytes(changed), False)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in a JSON value, with each of its keys."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield value, key
        yield from _places(inner)


def _changed_record(random: np.random.Generator, record: dict[str, Any], arrays: dict[str, np.ndarray]) -> str:
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


def _changed_arrays(random: np.random.Generator, record: dict[str, Any], arrays: dict[str, np.ndarray]) -> str:
    name = sorted(arrays)[int(random.integers(0, len(arrays)))]
    array = arrays[name]
    kind = str(random.choice(["remove", "rename", "add", "shape", "type", "value", "random"]))
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
            arrays[name] = array.astype(str(random.choice(["f8", "f4", "i8", "u1", "?"])))
        case "value" if array.dtype.kind == "f":
            arrays[name] = np.full_like(array, np.float32(NUMBERS[int(random.integers(0, len(NUMBERS)))]))
        case _:
            noise = np.frombuffer(random.bytes(array.nbytes), array.dtype).reshape(array.shape)
            arrays[name] = noise if random.random() < 0.5 else np.where(random.random(array.shape) < 0.01, noise, array)
    return f"{kind} of {name}"


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    lines = run(*(given + [3000, 0][len(given) :]))
    print("\n".join(lines), f"{len(lines)} findings", sep="\n")
