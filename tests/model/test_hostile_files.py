"""A model file of any bytes is read as it was written, or refused in one line."""

from __future__ import annotations

import io
import json
import math
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from elman import arrayfile
from elman.cells import cell_names
from elman.errors import ElmanError, ModelFileError
from elman.model import load_model
from tests.model.golden import DESCRIPTION, DIGEST, GOLDEN, VALUES, golden_answer, parts


def opened(path: Path, content: bytes) -> list[float] | None:
    """Load and use it: its answer, or None if it was refused; any other exception fails the test."""
    path.write_bytes(content)
    try:
        model = load_model(path)
    except ModelFileError as error:
        message = str(error)
        assert message.startswith(str(path)) and message.isprintable()
        assert any(f"; {word}" in message for word in ("copy it again", "train", "give", "upgrade"))
        return None
    x = np.array(VALUES, "f4").reshape(1, 3, 1)
    try:
        return model.predict(x).ravel().tolist()
    except ElmanError:
        return []


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "model.safetensors"


def described(change) -> bytes:
    """The golden file with another description: ``change`` alters it, or gives another one or its text."""
    record = json.loads(DESCRIPTION)
    changed = change(record)
    text = changed if isinstance(changed, str) else signed(record if changed is None else changed, load(GOLDEN))
    return save(load(GOLDEN), metadata={"elman": text})


def signed(record: dict, arrays: dict[str, np.ndarray]) -> str:
    """The description as text, with the digest that it then has, if it has one at all."""

    def text(value) -> str:
        return json.dumps(value, sort_keys=True, ensure_ascii=False)

    if record.get("digest") == DIGEST:
        rest = {key: value for key, value in record.items() if key != "digest"}
        record = record | {"digest": arrayfile.digest(text(rest), arrays)}
    return text(record)


def layer(number: int = 0, **values):
    return described(lambda d: d["layers"][number].update(values))


def arrays(change) -> bytes:
    found = load(GOLDEN)
    found = change(found) or found
    return save(found, metadata={"elman": signed(json.loads(DESCRIPTION), found)})


def header(change) -> bytes:
    """The golden file with another safetensors header."""
    record, body = parts(GOLDEN)
    change(record)
    text = json.dumps(record).encode()
    return struct.pack("<Q", len(text)) + text + body


def archive() -> bytes:
    file = io.BytesIO()
    np.savez(file, weight=np.zeros(3))
    return file.getvalue()


DEEP = "[" * 100_000
HUGE = 10**400
HOSTILE = {
    "empty": b"",
    "seven bytes": GOLDEN[:7],
    "cut header": GOLDEN[:300],
    "cut body": GOLDEN[:-1],
    "longer body": GOLDEN + b"\0",
    "header of 2^63": struct.pack("<Q", 2**63) + GOLDEN[8:],
    "header of 100 MB": struct.pack("<Q", 10**8) + GOLDEN[8:],
    "header of nothing": struct.pack("<Q", 0) + GOLDEN[8:],
    "deep header": struct.pack("<Q", len(DEEP)) + DEEP.encode(),
    "npz": archive(),
    "pickle": pickle.dumps({"weight": [1.0]}),
    "foreign": save({"weight": np.zeros(3, "f4")}),
    "foreign, called elman": save({"weight": np.zeros(3, "f4")}, metadata={"elman": "hello"}),
    "overlapping arrays": header(lambda h: h["2.bias"].update(data_offsets=[0, 8])),
    "offsets past the end": header(lambda h: h["2.weight"].update(data_offsets=[56, 10**12])),
    "impossible shape": header(lambda h: h["2.weight"].update(shape=[2**62, 2**62])),
    "negative shape": header(lambda h: h["2.weight"].update(shape=[-2, -1])),
    "unknown type": header(lambda h: h["2.weight"].update(dtype="F31")),
    "float64": arrays(lambda a: {name: array.astype("f8") for name, array in a.items()}),
    "float16": arrays(lambda a: {name: array.astype("f2") for name, array in a.items()}),
    "int32": header(lambda h: h["2.weight"].update(dtype="I32")),
    "bfloat16": header(lambda h: h["2.weight"].update(dtype="BF16", shape=[4, 1])),
    "NaN": arrays(lambda a: a.update({"2.bias": np.array([0, np.nan], "f4")})),
    "infinity": arrays(lambda a: a.update({"2.bias": np.array([0, np.inf], "f4")})),
    "array too many": arrays(lambda a: a.update({"3.bias": np.zeros(2, "f4")})),
    "array of a strange name": arrays(lambda a: a.update({"\n\x1b[31m": np.zeros(2, "f8")})),
    "array too few": arrays(lambda a: a.pop("2.bias") is None),
    "array of another shape": arrays(lambda a: a.update({"2.weight": np.zeros((1, 2), "f4")})),
    "no description": described(lambda d: ""),
    "deep description": described(lambda d: DEEP),
    "description is a list": described(lambda d: "[1]"),
    "description of half": described(lambda d: DESCRIPTION[:50]),
    "key too many": described(lambda d: d.update(author="me")),
    "key too few": described(lambda d: d.pop("task") and None),
    "digest of nothing": described(lambda d: d.update(digest="")),
    "digest of zeros": described(lambda d: d.update(digest="0" * 64)),
    "digest a number": described(lambda d: d.update(digest=0)),
    "description with other blanks": described(lambda d: DESCRIPTION.replace(": ", ":")),
    "description in another order": described(lambda d: json.dumps(dict(reversed(d.items())), ensure_ascii=False)),
    "a key twice": described(lambda d: DESCRIPTION.replace('"task"', '"task": "x", "task"')),
    "metadata too many": save(load(GOLDEN), metadata={"elman": DESCRIPTION, "more": ""}),
    "format 0": described(lambda d: d.update(format=0)),
    "format true": described(lambda d: d.update(format=True)),
    "format 2.0": described(lambda d: d.update(format=2.0)),
    "format text": described(lambda d: d.update(format="2")),
    "format immense": described(lambda d: DESCRIPTION.replace('"format": 2', '"format": ' + "9" * 5000)),
    "format newer": described(lambda d: d.update(format=3, elman="\n\x1b[31m" * 99)),
    "version a number": described(lambda d: d.update(elman=3)),
    "task a number": described(lambda d: d.update(task=3)),
    "no layers": described(lambda d: d.update(layers=[])),
    "layers an object": described(lambda d: d.update(layers={})),
    "layer null": described(lambda d: d.update(layers=[None])),
    "very many layers": described(lambda d: d.update(layers=[{"kind": "last"}] * 100_000)),
    "layers that do not fit": described(lambda d: d["layers"].extend([{"kind": "last"}] * 9)),
    "layers in another order": described(lambda d: d["layers"].insert(0, d["layers"].pop(1))),
    "layer of no kind": layer(kind="juggle"),
    "layer of a list's kind": layer(kind=["last"]),
    "layer key too many": layer(colour="red"),
    "a billion layers": layer(num_layers=10**9),
    "true layers": layer(num_layers=True),
    "no hidden units": layer(hidden_size=0),
    "negative hidden units": layer(hidden_size=-1),
    "a billion hidden units": layer(hidden_size=10**9),
    "immense hidden units": layer(hidden_size=HUGE),
    "half a hidden unit": layer(hidden_size=0.5),
    "two inputs": layer(input_size=2),
    "cell unknown": layer(cell="juggle"),
    "cell a list": layer(cell=["gru"]),
    "cell of other arrays": layer(cell="lstm"),
    "zoneout of strings": layer(zoneout=["0.1"]),
    "zoneout a string": layer(zoneout="0.1"),
    "zoneout NaN": layer(zoneout=[math.nan]),
    "zoneout above 1": layer(zoneout=[1.5]),
    "zoneout too many": layer(zoneout=[0.1, 0.1]),
    "bias a number": layer(bias=1),
    "projection negative": layer(proj_size=-1),
    "both directions": layer(bidirectional=True),
    "linear of nothing": layer(2, output_size=0),
    "linear too wide": layer(2, output_size=3),
    "encoding a list": described(lambda d: d.update(encoding=[1])),
    "no head of that loss": layer(3, loss="hope"),
    "head of no values": layer(3, size=0),
    "head of other values": layer(3, size=3),
    "head in the middle": described(lambda d: d["layers"].insert(2, {"kind": "point", "loss": "mse", "size": 1})),
    "name a number": layer(name=3),
    "two layers of one name": described(lambda d: [found.update(name="a") for found in d["layers"][:2]] and None),
    "reads text": layer(1, reads="input"),
    "reads what comes later": described(
        lambda d: d["layers"][1].update(reads=["b"]) or d["layers"][2].update(name="b")
    ),
    "reads nobody": layer(2, reads=["input"]),
}


def test_the_golden_file_is_opened(path):
    assert opened(path, GOLDEN) == pytest.approx(golden_answer(), rel=1e-6)
    assert opened(path, described(lambda d: None)) == pytest.approx(golden_answer(), rel=1e-6)


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_file_is_refused_in_one_line(case, path):
    assert opened(path, HOSTILE[case]) is None


def test_absurd_but_well_formed_weights(path):
    big = arrays(lambda a: {name: np.full_like(array, 1e30) for name, array in a.items()})
    assert opened(path, big) is not None


def test_a_missing_file_and_a_folder_in_its_place(path):
    for make in (lambda: None, path.mkdir):
        make()
        with pytest.raises(ModelFileError, match=r"model.safetensors: there is no such model file; give a run folder"):
            load_model(path)


FUZZ = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(st.binary(max_size=400))
@FUZZ
def test_random_bytes(path, content):
    assert opened(path, content) is None


@given(st.binary(max_size=200), st.sampled_from([0, 8, 100, 1000, len(GOLDEN)]))
@FUZZ
def test_random_bytes_after_a_good_beginning(path, content, kept):
    assert opened(path, GOLDEN[:kept] + content) is None or content == b""


@given(st.lists(st.tuples(st.integers(0, len(GOLDEN) - 1), st.integers(0, 255)), min_size=1, max_size=4))
@FUZZ
def test_changed_bytes(path, changes):
    content = bytearray(GOLDEN)
    for place, byte in changes:
        content[place] = byte
    # a blank of the header may become another blank; nothing else changes unnoticed
    assert opened(path, bytes(content)) in (None, opened(path, GOLDEN))


LEAVES = st.none() | st.booleans() | st.integers(-3, 9) | st.integers() | st.floats() | st.text(max_size=9)
JSON = st.recursive(
    LEAVES
    | st.sampled_from([*cell_names(), "last", "recurrent", "linear", "join", "embedding", "point", "softmax", "input"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)


def places(value, path=()):
    """Every place in a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


@given(st.sampled_from(places(json.loads(DESCRIPTION))[1:]), JSON)
@settings(FUZZ, max_examples=300)
def test_any_value_anywhere_in_the_description(path, place, value):
    def change(record):
        owner = record
        for key in place[:-1]:
            owner = owner[key]
        owner[place[-1]] = value

    try:
        content = described(change)
    except UnicodeEncodeError:  # half a surrogate pair is no text that a file could hold
        return
    opened(path, content)
