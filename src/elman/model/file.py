"""Models on disk: one safetensors file, its description as JSON in the header. Strict, self-contained, no pickle.

The format is specified in docs/model-file.md.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from elman import arrayfile, atomic, jsontext
from elman._version import __version__
from elman.errors import ElmanError, ModelFileError
from elman.model.layer import Layer
from elman.model.model import Model, model_shapes
from elman.model.registry import layer_from_record

FORMAT = 2
KEYS = {"format", "elman", "task", "layers", "encoding", "digest"}
MOST_LAYERS = 1000
MOST_VALUES = 2**40


def save_model(path: Path | str, model: Model) -> str:
    """Write ``model`` to ``path``, atomically; returns its digest.

    Raises:
        RunFolderError: the file cannot be written.
    """
    digest = model_digest(model)
    text = jsontext.dumps({**_description(model), "digest": digest}, sort_keys=True)
    atomic.write_bytes(path, arrayfile.packed(_stored(model), {"elman": text}))
    return digest


def model_digest(model: Model) -> str:
    """SHA-256 of description and arrays, in hexadecimal digits: other files of a run name the model by it."""
    return _digest(_description(model), _stored(model))


def _stored(model: Model) -> dict[str, np.ndarray]:
    return {name: np.ascontiguousarray(array, np.float32) for name, array in model.arrays.items()}


def _description(model: Model) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "elman": __version__,
        "task": model.task,
        "layers": [layer.record() for layer in model.layers],
        "encoding": model.encoding,
    }


def _digest(description: dict[str, Any], arrays: dict[str, np.ndarray]) -> str:
    return arrayfile.digest(jsontext.dumps(description, sort_keys=True), arrays)


def load_model(path: Path | str) -> Model:
    """Read a model; raises as :func:`read_model`."""
    return read_model(path)[0]


def read_model(path: Path | str) -> tuple[Model, str]:
    """Read a model and its digest.

    Raises:
        ModelFileError: the file is missing, damaged, not elman's, or from another format than this elman's.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelFileError(f"{path}: there is no such model file; give a run folder that 'elman train' made")
    try:
        arrays, metadata = arrayfile.read(path)
    except (OSError, ValueError, KeyError) as error:
        raise ModelFileError(
            f"{path}: damaged, or not a model file ({str(error)!a:.100}); copy it again or train again"
        ) from error
    description = _read_description(path, metadata)
    _check_arrays(path, arrays)
    digest = description.pop("digest")
    try:
        layers = _read_layers(description["layers"], len(arrays))
        if not isinstance(description["encoding"], dict):
            raise ModelFileError("its encoding is malformed")
        model = Model(layers, arrays, description["task"], description["encoding"])
        if _digest(description, arrays) != digest:
            raise ModelFileError("its content does not match its digest: it was damaged or changed")
    except (ElmanError, ValueError) as error:
        raise ModelFileError(f"{path}: not a usable elman model: {error}; copy it again or train again") from error
    return model, digest


def _read_description(path: Path, metadata: dict[str, str]) -> dict[str, Any]:
    if "elman" not in metadata:
        raise ModelFileError(f"{path}: a safetensors file, but not elman's; give a run folder that 'elman train' made")
    try:
        found = jsontext.loads(metadata["elman"])
    except ValueError as error:
        raise ModelFileError(f"{path}: its description cannot be read; copy it again or train again") from error
    if metadata.keys() != {"elman"} or not isinstance(found, dict) or type(found.get("format")) is not int:
        raise ModelFileError(f"{path}: its description is malformed; copy it again or train again")
    if found["format"] > FORMAT:
        version = str(found.get("elman"))
        raise ModelFileError(f"{path}: written by elman {version!a:.20}, newer than this one; upgrade elman")
    if found["format"] < FORMAT:
        raise ModelFileError(f"{path}: of format {found['format']}, which this elman no longer reads; train it again")
    texts = ("elman", "task", "digest")
    if found.keys() != KEYS or not all(isinstance(found[name], str) for name in texts):
        raise ModelFileError(f"{path}: its description must have {', '.join(sorted(KEYS))}; train it again")
    # the digest covers values; the text must match as well, since 0.10 for 0.1 is a change too
    try:
        same = jsontext.dumps(found, sort_keys=True) == metadata["elman"]
    except ValueError:  # 1e999 is read as infinite
        same = False
    if not same:
        raise ModelFileError(f"{path}: its description is not as elman writes it; copy it again or train again")
    return found


def _check_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    for name, array in arrays.items():
        if array.dtype != np.float32:
            raise ModelFileError(f"{path}: array {name!a:.80} is {array.dtype}, not float32; train it again")
        if not np.isfinite(array).all():
            raise ModelFileError(f"{path}: array {name!a:.80} holds values that are not finite; train it again")


def _read_layers(records: Any, arrays: int) -> tuple[Layer, ...]:
    if not isinstance(records, list) or not 0 < len(records) <= MOST_LAYERS:
        raise ModelFileError(f"it must list 1 to {MOST_LAYERS} layers")
    for record in records:
        # before any loop over the layers: a hostile count must not cost time or memory
        count = record.get("num_layers", 0) if isinstance(record, dict) else 0
        if isinstance(count, int) and count > arrays:
            raise ModelFileError(f"it speaks of {count} layers but holds {arrays} arrays")
    layers = tuple(layer_from_record(record) for record in records)
    if sum(math.prod(shape) for shape in model_shapes(layers).values()) > MOST_VALUES:
        raise ModelFileError("its layers are impossibly large")
    return layers
