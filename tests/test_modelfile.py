"""The model file as docs/model-file.md has it: to the byte, strict, and safe whatever the bytes are."""

from __future__ import annotations

import io
import json
import math
import pickle
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from elman.modelfile import load_model, save_model
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

import elman
from elman.cells import cell_names
from elman.data import read_series
from elman.errors import ElmanError, ModelFileError
from elman.model import LastStep, Linear, Model, RecurrentLayers, model_shapes
from elman.recurrence import Layout
from elman.settings import to_record
from elman.tasks.forecast import ForecastSettings, task

# A file of format 1, once and for all: every later elman reads it, and gets these forecasts from it.
DESCRIPTION = (
    '{"elman": "0.1.0", "encoding": {"encoding": {"horizon": 2, "level": "last", "scale": "series", "season": 1, '
    '"window": 3}, "fitted": {"café": "time:2020-03-01T00:00:00"}, "horizon": 2, "scalers": {"café": [10.0, 2.0]}, '
    '"strategy": "direct"}, "format": 1, "layers": [{"bias": true, "bidirectional": false, "cell": "gru", '
    '"hidden_size": 1, "input_size": 1, "kind": "recurrent", "layer_norm": false, "num_layers": 1, "proj_size": 0, '
    '"zoneout": []}, {"kind": "last"}, {"input_size": 1, "kind": "linear", "output_size": 2}], "task": "forecast"}'
)
ARRAYS = {
    "0.bias_hh_l0": [-0.75, -0.5, -0.25],
    "0.bias_ih_l0": [0.0, 0.25, 0.5],
    "0.weight_hh_l0": [[0.75], [-0.75], [-0.5]],
    "0.weight_ih_l0": [[-0.25], [0.0], [0.25]],
    "2.bias": [0.5, 0.75],
    "2.weight": [[-0.75], [-0.5]],
}
VALUES = [1.0, 2.0, 4.0, 8.0]


def golden_bytes() -> bytes:
    header: dict = {"__metadata__": {"elman": DESCRIPTION}}
    body = b""
    for name, values in ARRAYS.items():
        array = np.array(values, "<f4")
        header[name] = {"dtype": "F32", "shape": array.shape, "data_offsets": [len(body), len(body) + array.nbytes]}
        body += array.tobytes()
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def golden_forecast() -> list[float]:
    """By hand, in float64: a GRU of one unit reads the last three values less the last one, divided by 2."""

    def sigmoid(a):
        return 1 / (1 + math.exp(-a))

    h = 0.0
    for x in [(value - 8) / 2 for value in VALUES[1:]]:
        r = sigmoid(-0.25 * x + 0.0 + 0.75 * h - 0.75)
        z = sigmoid(0.0 * x + 0.25 - 0.75 * h - 0.5)
        n = math.tanh(0.25 * x + 0.5 + r * (-0.5 * h - 0.25))
        h = (1 - z) * n + z * h
    return [8 + 2 * (weight * h + bias) for weight, bias in ((-0.75, 0.5), (-0.5, 0.75))]


def parts(content: bytes) -> tuple[dict, bytes]:
    """Header and body, read as the format's document says, without the library."""
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def test_a_file_of_format_1_is_read_for_ever(tmp_path):
    (tmp_path / "golden.safetensors").write_bytes(golden_bytes())
    model = load_model(tmp_path / "golden.safetensors")
    assert model.layers == (RecurrentLayers(Layout("gru", 1, 1)), LastStep(), Linear(1, 2))
    assert model.task == "forecast"
    for name, values in ARRAYS.items():
        np.testing.assert_array_equal(model.arrays[name], np.array(values, "f4"))
    data = read_series({"y": VALUES, "unique_id": ["café"] * 4})
    np.testing.assert_allclose(task.forecast_beyond(model, data)["café"], golden_forecast(), rtol=1e-6)
    save_model(tmp_path / "again.safetensors", model)
    header, body = parts((tmp_path / "again.safetensors").read_bytes())
    assert header["__metadata__"] == {"elman": DESCRIPTION}
    assert body == parts(golden_bytes())[1]


def drawn(cell: str = "gru", **options) -> Model:
    layout = Layout(cell, 1, 3, **options)
    layers = (RecurrentLayers(layout), LastStep(), Linear(layout.recurrent_size * layout.num_directions, 2))
    random = np.random.default_rng(0)
    arrays = {name: random.standard_normal(shape).astype("f4") for name, shape in model_shapes(layers).items()}
    return Model(layers, arrays, "forecast", json.loads(DESCRIPTION)["encoding"])


@pytest.mark.parametrize("cell", cell_names())
@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True, "layer_norm": True, "bias": False}])
def test_what_is_written_is_read(cell, options, tmp_path):
    model = drawn(cell, **options)
    save_model(tmp_path / "a", model)
    content = (tmp_path / "a").read_bytes()
    header, body = parts(content)
    assert header.keys() == {"__metadata__", *model.arrays}
    assert content[8:9] == b"{" and (len(content) - len(body)) % 8 == 0
    for name, array in model.arrays.items():
        entry = header[name]
        begin, end = entry["data_offsets"]
        assert (entry["dtype"], tuple(entry["shape"])) == ("F32", array.shape)
        assert body[begin:end] == array.astype("<f4").tobytes()
    again = load_model(tmp_path / "a")
    assert (again.layers, again.task, again.encoding) == (model.layers, model.task, model.encoding)
    x = np.linspace(-1, 1, 12, dtype="f4").reshape(2, 6, 1)
    np.testing.assert_array_equal(again(x), model(x))
    save_model(tmp_path / "b", again)
    assert (tmp_path / "b").read_bytes() == content
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b"}


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    save_model(tmp_path / "m", drawn())
    before = (tmp_path / "m").read_bytes()

    def full(file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ElmanError, match=r"m: cannot be written \(No space left on device\); choose another folder"):
        save_model(tmp_path / "m", drawn("lstm"))
    assert (tmp_path / "m").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A run folder around the golden file; each test writes its own ``model.safetensors``."""
    folder = tmp_path_factory.mktemp("golden")
    columns = {"target": [], "time": None, "id": None}
    record = {"task": "forecast", "columns": columns, "settings": to_record(ForecastSettings())}
    (folder / "settings.json").write_text(json.dumps(record))
    return folder


def opened(run: Path, content: bytes) -> list[float] | None:
    """Load and use it: forecasts, or None if it was refused; any other exception fails the test."""
    (run / "model.safetensors").write_bytes(content)
    try:
        forecaster = elman.load(run)
    except ModelFileError as error:
        message = str(error)
        assert message.startswith(str(run / "model.safetensors")) and message.isprintable()
        assert any(f"; {word}" in message for word in ("copy it again", "train", "give", "upgrade"))
        return None
    try:
        found = forecaster.predict({"y": VALUES * 3, "unique_id": ["café"] * 12})["forecast"]
        forecaster.stream().step(1.0)
        forecaster.evaluate({"y": VALUES * 9, "unique_id": ["café"] * 36})
    except ElmanError:  # the command line prints its text in one printable line
        return []
    assert np.isfinite(found).all()
    return found


def described(change) -> bytes:
    """The golden file with another description: ``change`` alters it, or gives another one or its text."""
    record = json.loads(DESCRIPTION)
    changed = change(record)
    text = changed if isinstance(changed, str) else json.dumps(record if changed is None else changed)
    return save(load(golden_bytes()), metadata={"elman": text})


def layer(number: int = 0, **values):
    return described(lambda d: d["layers"][number].update(values))


def encoding(**values):
    return described(lambda d: d["encoding"]["encoding"].update(values))


def plan(**values):
    return described(lambda d: d["encoding"].update(values))


def arrays(change) -> bytes:
    found = load(golden_bytes())
    return save(change(found) or found, metadata={"elman": DESCRIPTION})


def header(change) -> bytes:
    """The golden file with another safetensors header."""
    record, body = parts(golden_bytes())
    change(record)
    text = json.dumps(record).encode()
    return struct.pack("<Q", len(text)) + text + body


def archive() -> bytes:
    file = io.BytesIO()
    np.savez(file, weight=np.zeros(3))
    return file.getvalue()


GOLDEN = golden_bytes()
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
    "format 0": described(lambda d: d.update(format=0)),
    "format true": described(lambda d: d.update(format=True)),
    "format 1.0": described(lambda d: d.update(format=1.0)),
    "format text": described(lambda d: d.update(format="1")),
    "format immense": described(lambda d: DESCRIPTION.replace('"format": 1', '"format": ' + "9" * 5000)),
    "format newer": described(lambda d: d.update(format=2, elman="\n\x1b[31m" * 99)),
    "version a number": described(lambda d: d.update(elman=3)),
    "task unknown": described(lambda d: d.update(task="juggle")),
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
    "no plan": described(lambda d: d.update(encoding={})),
    "plan a list": described(lambda d: d.update(encoding=[1])),
    "plan key too many": plan(colour="red"),
    "plan without an encoding": plan(encoding=None),
    "encoding key too many": encoding(colour="red"),
    "window negative": encoding(window=-3),
    "window 0": encoding(window=0),
    "window immense": encoding(window=10**9),
    "window a fraction": encoding(window=3.0),
    "season immense": encoding(season=10**9),
    "season true": encoding(season=True),
    "horizon of the encoding": encoding(horizon=3),
    "level unknown": encoding(level="auto"),
    "level a list": encoding(level=["last"]),
    "level seasonal, window short": encoding(level="seasonal", season=3),
    "scale unknown": encoding(scale="cosmic"),
    "horizon immense": plan(horizon=10**9),
    "horizon null": plan(horizon=None),
    "strategy unknown": plan(strategy="hope"),
    "strategy of another head": plan(strategy="recursive"),
    "scalers a list": plan(scalers=[]),
    "scaler of one": plan(scalers={"a": [1.0]}),
    "scaler of texts": plan(scalers={"a": "12"}),
    "scaler NaN": plan(scalers={"a": [math.nan, 1.0]}),
    "scaler immense": plan(scalers={"a": [HUGE, 1.0]}),
    "spread 0": plan(scalers={"a": [1.0, 0.0]}),
    "spread negative": plan(scalers={"a": [1.0, -1.0]}),
    "marks a list": plan(fitted=[]),
    "mark a number": plan(fitted={"a": 3}),
    "mark of no time": plan(fitted={"a": "time:soon"}),
    "mark of the present": plan(fitted={"a": "time:now"}),
    "mark of the 13th month": plan(fitted={"a": "time:2020-13-01T00:00:00"}),
    "mark of nothing": plan(fitted={"a": "time:"}),
    "mark of no rows": plan(fitted={"a": "rows:x:0123456789abcdef"}),
    "mark of immense rows": plan(fitted={"a": "rows:99999999999999999999:0123456789abcdef"}),
    "mark of no digest": plan(fitted={"a": "rows:3:xyz"}),
}


def test_the_golden_run_is_opened(run):
    assert opened(run, GOLDEN) == pytest.approx(golden_forecast(), rel=1e-6)
    assert opened(run, described(lambda d: None)) == pytest.approx(golden_forecast(), rel=1e-6)


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_file_is_refused_in_one_line(case, run):
    assert opened(run, HOSTILE[case]) is None


def test_absurd_but_well_formed_weights(run):
    big = arrays(lambda a: {name: np.full_like(array, 3e38) for name, array in a.items()})
    assert opened(run, big) is not None  # used without a warning: finite forecasts, or an error that says they are not


def test_a_missing_file_and_a_folder_in_its_place(run):
    path = run / "model.safetensors"
    path.unlink(missing_ok=True)
    for make in (lambda: None, path.mkdir):
        make()
        with pytest.raises(ModelFileError, match=r"model.safetensors: there is no such model file; give a run folder"):
            elman.load(run)
    shutil.rmtree(path)


FUZZ = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(st.binary(max_size=400))
@FUZZ
def test_random_bytes(run, content):
    assert opened(run, content) is None


@given(st.binary(max_size=200), st.sampled_from([0, 8, 100, 1000, len(GOLDEN)]))
@FUZZ
def test_random_bytes_after_a_good_beginning(run, content, kept):
    assert opened(run, GOLDEN[:kept] + content) is None or content == b""


@given(st.lists(st.tuples(st.integers(0, len(GOLDEN) - 1), st.integers(0, 255)), min_size=1, max_size=4))
@FUZZ
def test_flipped_bytes(run, flips):
    content = bytearray(GOLDEN)
    for place, byte in flips:
        content[place] = byte
    opened(run, bytes(content))


LEAVES = st.none() | st.booleans() | st.integers(-3, 9) | st.integers() | st.floats() | st.text(max_size=9)
JSON = st.recursive(
    LEAVES | st.sampled_from([*cell_names(), "last", "recurrent", "linear", "seasonal", "none", "window", "recursive"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)


def places(value, path=()):
    """Every place in a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


@given(st.sampled_from(places(json.loads(DESCRIPTION))[1:]), JSON)
@settings(FUZZ, max_examples=300)
def test_any_value_anywhere_in_the_description(run, place, value):
    def change(record):
        owner = record
        for key in place[:-1]:
            owner = owner[key]
        owner[place[-1]] = value

    try:
        content = described(change)
    except UnicodeEncodeError:  # half a surrogate pair is no text that a file could hold
        return
    opened(run, content)
