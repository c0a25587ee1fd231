"""An explanation as one HTML page that needs nothing else: the model's weights, and a script that runs it anew whenever
the sequence is changed."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from elman._version import __version__
from elman.cells import get_cell
from elman.learning import Example
from elman.learning.example import Numbers, Window
from elman.model import CharacterEncoder, CRFEnsembleHead, CRFHead, Layer, Model, QuantileHead, RecurrentLayers
from elman.model.file import model_digest
from elman.model.layer import has_steps
from elman.report.page import escaped
from elman.studies.explain.connectivity import Connectivity
from elman.studies.explain.parts import EQUATIONS, Part, keeper_of, shares_of

Array = np.ndarray
WEB = Path(__file__).parent / "web"
SCRIPTS = (
    *("equations", "executor", "readings"),  # the model
    *("elements", "charts", "state", "captions", "input", "output", "equation", "maps", "measures", "page"),
)
# The kinds of layer that the page can run: those of LAYERS in web/executor.js.
KINDS = {"recurrent", "last", "linear", "embedding", "join", "convolution", "pool", "dropout", "characters"}
KINDS |= {"segments", "fixed-linear", "point", "point-ensemble", "quantile", "softmax", "ensemble"}
KINDS |= {"crf", "crf-ensemble", "neighbour-words"}
MOST_RECORDED = 240_000  # values of gates and states, where the page cannot compute them
TYPES = {"f8": "<f8", "f4": "<f4", "i4": "<i4", "u1": "u1"}


def page_text(
    title: str,
    model: Model,
    example: Example,
    output: Array,
    parts: Sequence[Part],
    connectivity: Connectivity | None,
    notes: Sequence[str],
) -> str:
    """The page. It asks for nothing, and runs no script but its own; text from users' files is shown letter by letter.

    A model with a layer or a cell that the page cannot run gets one that shows what was recorded, and says so.
    """
    why = cannot_run(model, example)
    arrays, weights = ({}, b"") if why else _weights(model)
    record = {
        "layers": [layer.record() for layer in model.layers],
        "sources": model.wiring.sources,
        "arrays": arrays,
        "cells": {layout: _cell(layout) for layout in sorted(_cells(model.layers))},
        "parts": [{"layer": part.layer, "name": part.name, "cell": part.cell} for part in parts],
        "reading": {"kind": type(example.reading).__name__.lower(), **_fields(example.reading)},
        "fixed": _fixed(model, example),
        "answer": _fields(example.answer),
        "read": example.read,
        "steps": example.steps if isinstance(example.reading, Numbers | Window) else None,
        "state": {name: packed(array, "f8") for name, array in example.state.items()},
        "connectivity": None if connectivity is None else _connectivity(connectivity),
        "recorded": _recorded(model, example, output, parts) if why else None,
        "why": why,
    }
    script = "\n".join((WEB / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    facts = f"elman {__version__} · {model.parameter_count()} parameters · model {model_digest(model)[:12]}"
    return Template((WEB / "page.html").read_text(encoding="utf-8")).substitute(
        policy=policy + "; base-uri 'none'; form-action 'none'",
        title=escaped(title),
        style=(WEB / "page.css").read_text(encoding="utf-8"),
        facts=escaped(facts),
        notes="\n".join(f'<p class="small">{escaped(note)}</p>' for note in notes),
        page=_json(record),
        weights=base64.b64encode(weights).decode(),
        script=script,
    )


def cannot_run(model: Model, example: Example) -> str:
    """Why the page cannot run a model, in a sentence; "" if it can."""
    for number, layer in enumerate(model.layers):
        if layer.kind not in KINDS:
            return f"The page cannot run a {layer.kind} layer: it shows what was recorded, and nothing can be changed."
        carried = any(name.startswith(f"{number}.") for name in example.state)
        if carried and not isinstance(layer, RecurrentLayers):
            return f"The page cannot carry the state of a {layer.kind} layer: it shows what was recorded."
    for cell in sorted(_cells(model.layers)):
        if cell not in EQUATIONS:
            return (
                f"The page has no equations of the cell {cell}: it shows what was recorded, and nothing can be changed."
            )
    return ""


def packed(array: Array, kind: str) -> dict[str, Any]:
    """An array as JSON: its shape, its type, and its bytes in base64."""
    found = np.ascontiguousarray(array, TYPES[kind])
    return {"type": kind, "shape": list(np.shape(array)), "base64": base64.b64encode(found.tobytes()).decode()}


def _json(record: Mapping[str, Any]) -> str:
    """In ASCII, so that no letter steers the page's text, and without the sign that could end the script."""
    return json.dumps(record, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def _fields(values: Any) -> dict[str, Any]:
    """A dataclass's fields, arrays packed, at any depth."""
    found = {field.name: getattr(values, field.name) for field in dataclasses.fields(values)}
    return {name: _value(value) for name, value in found.items()}


def _value(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return packed(value, "f8" if value.dtype.kind == "f" else "i4")
    return _fields(value) if dataclasses.is_dataclass(value) else value


def _cells(layers: Sequence[Layer]) -> set[str]:
    return {layer.layout.cell for layer in layers if isinstance(layer, RecurrentLayers | CharacterEncoder)}


def _cell(name: str) -> dict[str, Any]:
    cell = get_cell(name)
    keeper = keeper_of(cell)
    return {
        "gates": cell.gates,
        "states": cell.states,
        "keeper": None if keeper is None else keeper._asdict(),
        "shares": [gate for gate in cell.gates if gate in shares_of(cell)],
        "options": [{"name": option.name, "default": option.default} for option in cell.options],
        "equations": EQUATIONS.get(name, []),
    }


def _weights(model: Model) -> tuple[dict[str, tuple[int, int]], bytes]:
    """Where each array stands among all, and all of them in float32."""
    places, start, whole = {}, 0, []
    for name, array in sorted(model.arrays.items()):  # a file gives them in any order
        places[name] = (start, array.size)
        start += array.size
        whole.append(np.ascontiguousarray(array, "<f4").tobytes())
    return places, b"".join(whole)


def _fixed(model: Model, example: Example) -> dict[str, Any]:
    """Inputs that nothing on the page changes."""
    changing = {example.reading.input, getattr(example.reading, "spelling", ""), getattr(example.reading, "shapes", "")}
    found = {}
    for name, array in example.inputs.items():
        if name not in changing:
            own = np.asarray(array)[0]
            timed = has_steps(np.asarray(array))
            size = own.shape[1] if own.ndim > 1 else 1 if timed else len(own)
            steps = len(own) if timed else 0
            found[name] = {"steps": steps, "size": size, "array": packed(own.astype(float), "f8")}
    return found


def _connectivity(found: Connectivity) -> dict[str, Any]:
    """A byte for each strength, of 255 the strongest of its row."""
    tops = found.strength.max(axis=1)
    shares = found.strength / np.where(tops > 0, tops, 1)[:, None]
    return {
        "outputs": found.outputs,
        "steps": found.steps,
        "tops": packed(tops, "f8"),
        "bytes": packed(np.rint(255 * shares), "u1"),
    }


def _recorded(model: Model, example: Example, output: Array, parts: Sequence[Part]) -> dict[str, Any]:
    """The answer, and gates and states as bytes; of very many the first units."""
    total = sum(values.size for part in parts for values in (*part.gates.values(), *part.states.values()))
    share = min(1.0, MOST_RECORDED / total)
    kept = []
    for part in parts:
        own = {}
        for name, values in {**part.gates, **part.states}.items():
            some = values[:, : max(1, int(values.shape[1] * share))]
            low, high = float(some.min()), float(some.max())
            scaled = np.rint(255 * (some - low) / (high - low or 1.0))
            own[name] = {"array": packed(scaled, "u1"), "low": low, "high": high}
        kept.append({"kept": own})
    best = model.decode(output[None])[0].tolist() if isinstance(model.head, CRFHead | CRFEnsembleHead) else None
    return {"parts": kept, "output": packed(_shown(model, example, output, best), "f8"), "best": best}


def _shown(model: Model, example: Example, output: Array, best: Any) -> Array:
    """The answer in the data's units."""
    answer, reading = example.answer, example.reading
    scores = model.head.mean(output) if isinstance(model.head, CRFEnsembleHead) else output
    decoded = scores if best is not None else model.decode(output[None])[0]
    if isinstance(model.head, QuantileHead):
        decoded = decoded[..., model.head.middle]
    if answer.classes and best is None:
        logits = np.log(np.maximum(decoded, 1e-30)) / answer.temperature
        raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return np.asarray(raised / raised.sum(axis=-1, keepdims=True))
    if isinstance(reading, Window):
        return reading.finished(decoded)
    return np.asarray(decoded * np.array(answer.scale) + np.array(answer.shift) if answer.scale else decoded)
