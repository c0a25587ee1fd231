"""Hostile states of streams: each is refused in one line, or the stream goes on from it, in time and in shape.

Half of them have bytes changed anywhere, which must be found; the others have arrays changed and signed anew.
"""

from __future__ import annotations

import math
import tempfile
import warnings
from pathlib import Path

import numpy as np

from elman import arrayfile, jsontext
from elman.errors import ElmanError, ModelFileError
from elman.model import Stream
from elman.model.file import model_digest
from elman.model.stepping import stream_of
from elman.model.stream import HEADER
from tests.attack.forecaster import forecaster
from tests.attack.mutations import Hang, change_arrays, changed_bytes, limited

VALUES = (0.5, math.nan, math.nan, -1.0, math.nan, math.nan, math.nan, math.nan, math.nan, 2.0, 0.0, 1.0)


def run(count: int, seed: int) -> list[str]:
    """What went wrong with ``count`` states of a forecaster's stream and of a bare model's."""
    random = np.random.default_rng(seed)
    predictor = forecaster("direct", highway=False)
    identity = model_digest(predictor.model)
    findings = []
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("error")
        path = Path(folder) / "state.safetensors"
        for number in range(count):
            stream = predictor.stream() if number % 2 else stream_of(predictor.model)
            _answers(stream, bare=number % 2 == 0, steps=int(random.integers(0, 12)))
            stream.save(path)
            what, signed = _mutate(random, path, identity)
            try:
                with limited():
                    finding = _finding(stream, path, signed, bare=number % 2 == 0)
            except (Exception, Hang) as error:
                finding = f"{type(error).__name__}: {error}"
            if finding:
                findings.append(f"{number}: {what}: {finding}")
    return findings


def _finding(stream: Stream, path: Path, signed: bool, *, bare: bool) -> str:
    before = stream.state
    try:
        stream.load(path)
    except ModelFileError as error:
        message = str(error)
        good = message.startswith(str(path)) and message.isprintable() and "; " in message
        return "" if good else f"not one line that names the file and a remedy: {message!r}"
    if not signed and any(not np.array_equal(stream.state[name], before[name], equal_nan=True) for name in before):
        return "accepted with another state"
    try:
        answers = _answers(stream, bare=bare)
    except ElmanError as error:
        return "" if str(error).isprintable() else f"not one line: {str(error)!r}"
    good = all(answer.shape == (3,) and not np.isinf(answer).any() for answer in answers)
    return "" if good else f"answers {answers}"


def _answers(stream: Stream, *, bare: bool, steps: int = len(VALUES)) -> list[np.ndarray]:
    values = [0.0 if bare and math.isnan(value) else value for value in VALUES[:steps]]
    return [stream.step([value] if bare else value) for value in values]


def _mutate(random: np.random.Generator, path: Path, identity: str) -> tuple[str, bool]:
    """Change the state at ``path``; says how, and whether its digest is right."""
    content = path.read_bytes()
    if random.random() < 0.5:
        what, content = changed_bytes(random, content)
        path.write_bytes(content)
        return what, False
    arrays = arrayfile.unpacked(content).arrays
    what = change_arrays(random, arrays)
    signature = {"digest": arrayfile.digest(identity, arrays), "identity": identity}
    path.write_bytes(arrayfile.packed(arrays, {HEADER: jsontext.dumps(signature, sort_keys=True)}))
    return what, True
