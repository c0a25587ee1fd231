"""Hostile model files: each is refused in one line, or is read as what it was.

Of the mutants some have bytes changed anywhere, which must be found; the others have content changed and signed anew,
for which nothing may happen but an error of elman's own or a forecast, in time. :func:`flips` flips single bits.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from elman import arrayfile, jsontext
from elman.errors import ElmanError, ModelFileError
from elman.model import save_model
from elman.model.file import read_model
from elman.tasks.forecast.predictor import ForecastPredictor
from tests.attack.forecaster import DATA, forecaster
from tests.attack.mutations import Hang, change_arrays, change_record, changed_bytes, limited

STRATEGIES = ("direct", "recursive")
REMEDIES = ("copy it again", "train", "give", "upgrade")


class Mutant(NamedTuple):
    what: str
    content: bytes
    signed: bool
    """Whether its digest is right: then it may be accepted as another model."""


def run(count: int, seed: int) -> list[str]:
    """What went wrong with ``count`` mutants."""
    random = np.random.default_rng(seed)
    originals = [*(_original(strategy) for strategy in STRATEGIES), _original("direct", "quantile")]
    mutants = (_mutant(random, originals[number % len(originals)]) for number in range(count))
    return _findings(mutants, {_digest(content) for content in originals})


def flips(count: int, seed: int) -> list[str]:
    """What went wrong with ``count`` files in which one bit is another, header and weights alike; of all if there are
    no more."""
    content = _original("direct")
    bits = np.random.default_rng(seed).permutation(8 * len(content))[:count]
    return _findings((_flipped(content, int(bit)) for bit in bits), set())


def _flipped(content: bytes, bit: int) -> Mutant:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return Mutant(f"bit {bit}", bytes(changed), False)


def _original(strategy: str, intervals: str = "conformal") -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        save_model(path, forecaster(strategy, intervals=intervals).model)
        return path.read_bytes()


def _digest(content: bytes) -> str:
    digest: str = json.loads(arrayfile.unpacked(content).metadata["elman"])["digest"]
    return digest


def _findings(mutants: Iterable[Mutant], known: set[str]) -> list[str]:
    """A line for each mutant that is neither refused in one line nor read as one of those ``known`` by their digest."""
    findings = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        for number, mutant in enumerate(mutants):
            path.write_bytes(mutant.content)
            try:
                with limited():
                    finding = _finding(path, mutant, known)
            except (Exception, Hang) as error:
                finding = f"{type(error).__name__}: {error}"
            if finding:
                findings.append(f"{number}: {mutant.what}: {finding}")
    return findings


def _finding(path: Path, mutant: Mutant, known: set[str]) -> str:
    try:
        model, digest = read_model(path)
    except ModelFileError as error:
        return "" if _is_helpful(str(error), path) else f"not one line that names the file and a remedy: {str(error)!r}"
    if not mutant.signed:
        return "" if digest in known else "accepted"
    try:
        forecast = ForecastPredictor(model).predict(DATA)["forecast"]
    except ElmanError as error:
        return "" if str(error).isprintable() else f"not one line: {str(error)!r}"
    return "" if np.isfinite(forecast).all() else f"forecasts {forecast}"


def _is_helpful(message: str, path: Path) -> bool:
    return message.startswith(str(path)) and message.isprintable() and any(f"; {word}" in message for word in REMEDIES)


def _mutant(random: np.random.Generator, content: bytes) -> Mutant:
    if random.random() < 0.5:
        return Mutant(*changed_bytes(random, content), signed=False)
    arrays, metadata = arrayfile.unpacked(content)
    record = json.loads(metadata["elman"])
    del record["digest"]
    what = change_record(random, record) if random.random() < 0.7 else change_arrays(random, arrays)
    digest = arrayfile.digest(jsontext.dumps(record, sort_keys=True), arrays)
    text = jsontext.dumps({**record, "digest": digest}, sort_keys=True)
    return Mutant(what, arrayfile.packed(arrays, {"elman": text}), True)
