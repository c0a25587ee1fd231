"""Models on disk: one safetensors file, its description as JSON in the header. Strict, self-contained, no pickle.

The format is specified in docs/model-file.md.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

import elman
from elman import atomic
from elman.errors import ElmanError, ModelFileError
from elman.model import Model, layer_from_record, layer_record, model_shapes

FORMAT = 1
KEYS = {"format", "elman", "task", "layers", "encoding"}
MOST_LAYERS = 1000


def save_model(path: Path | str, model: Model) -> None:
    """Write ``model`` to ``path``, atomically.

    Raises:
        RunFolderError: the file cannot be written.
    """
    header = {
        "format": FORMAT,
        "elman": elman.__version__,
        "task": model.task,
        "layers": [layer_record(layer) for layer in model.layers],
        "encoding": model.encoding,
    }
    arrays = {name: np.ascontiguousarray(array, np.float32) for name, array in model.arrays.items()}
    text = json.dumps(header, ensure_ascii=False, sort_keys=True, allow_nan=False)
    atomic.write_bytes(path, save(arrays, metadata={"elman": text}))


def load_model(path: Path | str) -> Model:
    """Read a model.

    Raises:
        ModelFileError: the file is missing, damaged, not elman's, or from a newer elman.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelFileError(f"{path}: there is no such model file; give a run folder that 'elman train' made")
    arrays, metadata = _read(path)
    header = _header(path, metadata)
    try:
        records = header["layers"]
        if not isinstance(records, list) or not 0 < len(records) <= MOST_LAYERS:
            raise ModelFileError(f"it must list 1 to {MOST_LAYERS} layers")
        for record in records:
            # before any loop over the layers: a hostile count must not cost time or memory
            count = record.get("num_layers", 1) if isinstance(record, dict) else 1
            if isinstance(count, int) and count > len(arrays):
                raise ModelFileError(f"it speaks of {count} layers but holds {len(arrays)} arrays")
        layers = tuple(layer_from_record(record) for record in records)
        if sum(math.prod(shape) for shape in model_shapes(layers).values()) > 2**40:
            raise ModelFileError("its layers are impossibly large")
        if not all(isinstance(header[name], str) for name in ("elman", "task")):
            raise ModelFileError("its version or task is no text")
        if not isinstance(header["encoding"], dict):
            raise ModelFileError("its encoding is malformed")
        model = Model(layers, arrays, header["task"], header["encoding"])
        if not any(name.startswith("0.weight_hh") for name in arrays):
            raise ModelFileError("its first layer is not recurrent")
    except ElmanError as error:
        raise ModelFileError(f"{path}: not a usable elman model: {error}; train it again") from error
    return model


def _read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelFileError(
            f"{path}: damaged, or not a model file ({str(error)!a:.100}); copy it again or train again"
        ) from error
    for name, array in arrays.items():
        if array.dtype != np.float32:
            raise ModelFileError(f"{path}: array {name!r:.80} is {array.dtype}, not float32; train it again")
        if not np.isfinite(array).all():
            raise ModelFileError(f"{path}: array {name!r:.80} holds values that are not finite; train it again")
    return arrays, metadata


def _header(path: Path, metadata: dict[str, str]) -> dict[str, Any]:
    if "elman" not in metadata:
        raise ModelFileError(f"{path}: a safetensors file, but not elman's; give a run folder that 'elman train' made")
    try:
        header = json.loads(metadata["elman"])
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{path}: its description cannot be read; copy it again or train again") from error
    if not isinstance(header, dict) or type(header.get("format")) is not int or header["format"] < 1:
        raise ModelFileError(f"{path}: its description is malformed; copy it again or train again")
    if header["format"] > FORMAT:
        version = str(header.get("elman"))
        raise ModelFileError(f"{path}: written by elman {version!a:.20}, newer than this one; upgrade elman")
    if header.keys() != KEYS:
        raise ModelFileError(f"{path}: its description must have {', '.join(sorted(KEYS))}; train it again")
    return header
