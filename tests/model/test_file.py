"""The model file as docs/model-file.md specifies it, to the byte."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
from safetensors.numpy import load, save

from elman.cells import cell_names
from elman.errors import ElmanError, ModelFileError
from elman.model import (
    Embedding,
    Join,
    LastStep,
    Linear,
    Model,
    PointHead,
    RecurrentLayers,
    SoftmaxHead,
    load_model,
    save_model,
)
from elman.model.file import model_digest
from elman.recurrence import Layout
from tests.model.golden import ARRAYS, DESCRIPTION, DIGEST, GOLDEN, LAYERS, VALUES, golden_answer, parts
from tests.model.helpers import model_of


def test_a_file_of_format_2_is_read_for_ever(tmp_path):
    (tmp_path / "golden.safetensors").write_bytes(GOLDEN)
    model = load_model(tmp_path / "golden.safetensors")
    assert model.layers == LAYERS
    assert (model.task, model.encoding) == ("forecast", {"names": ["café"], "scale": 2.0})
    for name, values in ARRAYS.items():
        np.testing.assert_array_equal(model.arrays[name], np.array(values, "f4"))
    x = np.array(VALUES, "f4").reshape(1, 3, 1)
    np.testing.assert_allclose(model.predict(x)[0], golden_answer(), rtol=1e-6)
    assert save_model(tmp_path / "again.safetensors", model) == model_digest(model) == DIGEST
    header, body = parts((tmp_path / "again.safetensors").read_bytes())
    assert header["__metadata__"] == {"elman": DESCRIPTION}
    assert body == parts(GOLDEN)[1]


def test_the_digest_is_what_the_document_says():
    """SHA-256 of the description without its digest, and of each array after its name, type and shape."""
    text = DESCRIPTION.replace(f'"digest": "{DIGEST}", ', "").encode()
    for name, values in ARRAYS.items():  # in the order of their names
        array = np.array(values, "<f4")
        text += f"\0{name}\0<f4{array.shape}\0".encode() + array.tobytes()
    assert hashlib.sha256(text).hexdigest() == DIGEST


def test_format_1_is_refused_in_one_line(tmp_path):
    layers = json.loads(DESCRIPTION)["layers"][:3]
    layers[1] = {"kind": "last"}
    old = {"format": 1, "elman": "0.1.0", "task": "forecast", "layers": layers, "encoding": {}}
    path = tmp_path / "model.safetensors"
    path.write_bytes(save(load(GOLDEN), metadata={"elman": json.dumps(old, sort_keys=True)}))
    with pytest.raises(ModelFileError) as error:
        load_model(path)
    assert str(error.value) == f"{path}: of format 1, which this elman no longer reads; train it again"


def test_every_flip_of_a_bit_is_found(tmp_path):
    path = tmp_path / "model.safetensors"
    save_model(path, model_of((Linear(1, 1), PointHead("mse"))))
    content = bytearray(path.read_bytes())
    for place in range(8 * len(content)):
        content[place // 8] ^= 1 << place % 8
        path.write_bytes(content)
        with pytest.raises(ModelFileError):
            load_model(path)
            pytest.fail(f"bit {place % 8} of byte {place // 8} went unnoticed")
        content[place // 8] ^= 1 << place % 8


def model_with(cell: str = "gru", **options) -> Model:
    """Two inputs, a branch and a join, every kind of layer, an encoding."""
    layout = Layout(cell, 3, 3, **options)
    size = layout.recurrent_size * layout.num_directions
    layers = (
        Embedding(7, 2, name="word", reads=("words",)),
        Join(reads=("word", "value"), name="both"),
        RecurrentLayers(layout, name="recurrent"),
        LastStep(layout.bidirectional, name="end"),
        Linear(size, 2, name="out"),
        SoftmaxHead(2),
    )
    return model_of(layers, task="any", encoding={"names": ["café"], "scalers": {"a": [0.1, 1e-300]}})


@pytest.mark.parametrize("cell", cell_names())
@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True, "layer_norm": True, "bias": False}])
def test_what_is_written_is_read(cell, options, tmp_path):
    model = model_with(cell, **options)
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
    x = {"value": np.linspace(-1, 1, 12, dtype="f4").reshape(2, 6, 1), "words": np.arange(12).reshape(2, 6) % 7}
    np.testing.assert_array_equal(again.predict(x, [6, 2]), model.predict(x, [6, 2]))
    save_model(tmp_path / "b", again)
    assert (tmp_path / "b").read_bytes() == content
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b"}


def test_equal_models_have_one_digest_and_others_another():
    model = model_with()
    changed = {**model.arrays, "4.bias": model.arrays["4.bias"] + np.float32(1e-6)}
    others = [
        Model(model.layers, changed, model.task, model.encoding),
        Model(model.layers, model.arrays, "other", model.encoding),
        Model(model.layers, model.arrays, model.task, {}),
        model_with("rnn"),
    ]
    assert model_digest(model_with()) == model_digest(model)
    assert len({model_digest(other) for other in [model, *others]}) == 5


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    save_model(tmp_path / "m", model_with())
    before = (tmp_path / "m").read_bytes()

    def full(file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ElmanError, match=r"m: cannot be written \(No space left on device\); choose another folder"):
        save_model(tmp_path / "m", model_with("lstm"))
    assert (tmp_path / "m").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["m"]
