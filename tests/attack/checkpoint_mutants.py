"""Hostile checkpoints by the thousand: each is refused in one line, or training goes on as if nothing had happened.

Two kinds: bytes changed anywhere, which the digest must find, and content changed and signed anew, for which nothing
may happen but an error of elman's own or a training that ends.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from pathlib import Path
from typing import NamedTuple

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
from tests.attack.mutations import Hang, change_arrays, change_record, changed_bytes, limited

EPOCHS, SAVED_AT, FINGERPRINT = 4, 2, "data and settings"
MOST_EPOCHS = 50


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
        with limited():
            found = _trained(path)
    except ElmanError as error:
        text = str(error)
        said = text.isprintable() and (str(path) in text or text.startswith("epoch "))
        return "" if said else f"not one line that names the file or the epoch: {text!r}"
    except (Exception, Hang) as error:
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
        return Mutant(*changed_bytes(random, content), signed=False)
    arrays, metadata = arrayfile.unpacked(content)
    record = json.loads(metadata[module.HEADER])
    del record["digest"]
    what = change_record(random, record) if random.random() < 0.5 else change_arrays(random, arrays)
    return Mutant(what, module.packed(record, arrays), True)
