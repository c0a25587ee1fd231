"""A model is one description with two executors: NumPy and torch agree on every cell, and each does what it says."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
import pytest
import torch
from elman.modelfile import load_model, save_model
from elman.nn.build import arrays_of, build, set_arrays
from elman.tasks.forecast.task import layers_for
from numpy.testing import assert_allclose, assert_array_equal
from safetensors.numpy import save_file

from elman import model as model_module
from elman.cells import CELLS, get_cell
from elman.errors import ModelFileError, SettingsError, ShapeError
from elman.model import (
    LAYERS,
    LastStep,
    Linear,
    Model,
    RecurrentLayers,
    layer_from_record,
    layer_record,
    model_shapes,
)
from elman.recurrence import Layout
from elman.tasks.forecast import ForecastSettings
from elman.tasks.forecast.encoding import Encoding
from elman.tasks.forecast.plan import Plan
from tests.tasks.helpers import drawn, drawn_arrays, series_set, wavy

FLOAT32 = 64 * np.finfo("f4").eps  # of values of order one, over a dozen steps


def network(**settings: Any) -> tuple[Any, ...]:
    plan = Plan(3, "direct", Encoding(9, 3, 1, "last", "series"), {})
    return layers_for(plan, ForecastSettings(hidden_size=5, **settings))


def on_torch(layers, arrays, x: np.ndarray) -> np.ndarray:
    module = build(layers, dropout=0.5, recurrent_dropout=0.5).eval()
    set_arrays(module, arrays)
    with torch.no_grad():
        return module(torch.from_numpy(x)).numpy()


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("layer_norm", [False, True])
@pytest.mark.parametrize("zoneout", [0.0, 0.2])
def test_numpy_and_torch_agree(cell, num_layers, layer_norm, zoneout):
    """Every registered cell, through the very description that training and the model file use."""
    layers = network(cell=cell, num_layers=num_layers, layer_norm=layer_norm, zoneout=zoneout)
    arrays = drawn_arrays(layers)
    x = np.random.default_rng(1).normal(size=(7, 9, 1)).astype("f4")
    output = Model(layers, arrays, "forecast")(x)
    assert output.dtype == np.float32
    assert_allclose(output, on_torch(layers, arrays, x), rtol=FLOAT32, atol=FLOAT32)
    # it is not one constant that they agree on
    assert np.ptp(output, axis=0).min() > 1e-3
    # nor an option that neither looks at
    if layer_norm or zoneout:
        plain = network(cell=cell, num_layers=num_layers)
        some = {name: arrays[name] for name in model_shapes(plain)}
        assert np.abs(Model(plain, some, "forecast")(x) - output).max() > 1e-3


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("cell", CELLS)
def test_other_layouts_agree_too(cell):
    """Two directions, no biases, a projection: what a layout can say, both executors can run."""
    projected = 3 if len(get_cell(cell).states) > 1 else 0
    layout = Layout(cell, 2, 5, num_layers=2, bias=False, bidirectional=True, proj_size=projected)
    layers = (RecurrentLayers(layout), Linear(2 * (projected or 5), 4))
    arrays = drawn_arrays(layers)
    x = np.random.default_rng(1).normal(size=(3, 6, 2)).astype("f4")
    output = Model(layers, arrays, "any")(x)
    assert output.shape == (3, 6, 4)
    assert_allclose(output, on_torch(layers, arrays, x), rtol=FLOAT32, atol=FLOAT32)


@pytest.mark.parametrize("cell", CELLS)
def test_arrays_go_to_torch_and_back(cell):
    layers = network(cell=cell, num_layers=2, layer_norm=True)
    module = build(layers)
    fresh = arrays_of(module)
    assert {name: array.shape for name, array in fresh.items()} == model_shapes(layers)
    arrays = drawn_arrays(layers)
    set_arrays(module, arrays)
    back = arrays_of(module)
    for name, array in arrays.items():
        assert_array_equal(back[name], array)
    back["2.bias"][:] = 0  # arrays of their own
    assert_array_equal(arrays_of(module)["2.bias"], arrays["2.bias"])


def test_a_zero_output_begins_at_zero_and_the_rest_as_always():
    layers = network()
    torch.manual_seed(0)
    loud = arrays_of(build(layers))
    torch.manual_seed(0)
    silent = arrays_of(build(layers, zero_output=True))
    for name, array in loud.items():
        assert_array_equal(silent[name], 0 * array if name.startswith("2.") else array)
        assert array.any()


def test_a_model_runs_its_layers_in_order():
    layers = network(cell="gru")
    arrays = drawn_arrays(layers)
    x = np.random.default_rng(1).normal(size=(4, 9, 1)).astype("f4")
    recurrent = {name: arrays["0." + name] for name in layers[0].shapes()}
    outputs = layers[0].run(x, recurrent)
    assert outputs.shape == (4, 9, 5)
    assert_array_equal(layers[1].run(outputs, {}), outputs[:, -1])
    expected = outputs[:, -1] @ arrays["2.weight"].T + arrays["2.bias"]
    assert_array_equal(Model(layers, arrays, "forecast")(x), expected)


def test_many_rows_are_run_in_parts_with_the_same_result(monkeypatch):
    layers = network(cell="lstm")
    model = Model(layers, drawn_arrays(layers), "forecast")
    x = np.random.default_rng(1).normal(size=(23, 9, 1))
    whole = model(x)
    monkeypatch.setattr(model_module, "BATCH", 5)
    assert_allclose(model(x), whole, rtol=FLOAT32, atol=FLOAT32)
    assert model(x[:0]).shape == (0, 3)


def test_counts_and_the_name_of_the_cell():
    layers = network(cell="lstm", num_layers=2)
    model = Model(layers, drawn_arrays(layers), "forecast")
    recurrent = 4 * 5 * (1 + 5 + 2) + 4 * 5 * (5 + 5 + 2)
    assert (model.recurrent_parameter_count(), model.parameter_count()) == (recurrent, recurrent + 3 * 6)
    assert model.cell() == "lstm"


def test_arrays_must_fit_the_layers():
    layers = network()
    arrays = drawn_arrays(layers)
    for change, message in (
        ({"2.bias": np.zeros(4, "f4")}, r"array '2.bias' is \(4,\); the layers need \(3,\)"),
        ({"3.bias": np.zeros(4, "f4")}, r"array '3.bias' is \(4,\); the layers need none"),
    ):
        with pytest.raises(ShapeError, match=message):
            Model(layers, arrays | change, "forecast")
    del arrays["2.bias"]
    with pytest.raises(ShapeError, match=r"array '2.bias' is missing; the layers need \(3,\)"):
        Model(layers, arrays, "forecast")
    with pytest.raises(SettingsError, match="a linear layer of 0 to 3"):
        Linear(0, 3)


@pytest.mark.parametrize("cell", CELLS)
def test_a_description_survives_its_record(cell):
    zoneout = (0.25,) * len(get_cell(cell).states)
    layout = Layout(cell, 2, 5, num_layers=3, bias=False, bidirectional=True, layer_norm=True, zoneout=zoneout)
    layers = (RecurrentLayers(layout), LastStep(), Linear(10, 4))
    assert {layer.kind for layer in layers} == set(LAYERS)
    assert tuple(layer_from_record(layer_record(layer)) for layer in layers) == layers


def test_a_record_that_describes_nothing_is_refused():
    good = layer_record(RecurrentLayers(Layout("gru", 1, 5)))
    for change in (
        {"kind": "attention"},
        {"kind": None},
        {"hidden_size": 5.0},
        {"hidden_size": True},
        {"hidden_size": "5"},
        {"bias": 1},
        {"zoneout": 0.1},
        {"zoneout": ["0.1"]},
        {"zoneout": [True]},
        {"more": 1},
    ):
        with pytest.raises(ModelFileError):
            layer_from_record({**good, **change})
    for change in ({"hidden_size": 0}, {"cell": "transformer"}, {"zoneout": [2.0]}, {"proj_size": 9}):
        with pytest.raises(SettingsError):
            layer_from_record({**good, **change})
    for record in (None, [], "gru", {}, {k: v for k, v in good.items() if k != "bias"}):
        with pytest.raises(ModelFileError):
            layer_from_record(record)


@pytest.mark.parametrize("cell", CELLS)
def test_a_model_survives_its_file(cell, tmp_path):
    _, model = drawn(series_set(wavy(60)), cell=cell, num_layers=2, layer_norm=True, zoneout=0.1)
    path = tmp_path / "model.safetensors"
    save_model(path, model)
    loaded = load_model(path)
    assert (loaded.layers, loaded.task, loaded.encoding) == (model.layers, model.task, model.encoding)
    x = np.random.default_rng(1).normal(size=(4, 9, 1)).astype("f4")
    assert_array_equal(loaded(x), model(x))
    # the same model is the same file
    again = tmp_path / "again.safetensors"
    save_model(again, loaded)
    assert again.read_bytes() == path.read_bytes()


def test_a_file_that_is_no_model_is_refused_by_name(tmp_path):
    _, model = drawn(series_set(wavy(60)))
    path = tmp_path / "model.safetensors"
    save_model(path, model)
    whole = path.read_bytes()
    for content in (
        b"",
        b"hello",
        whole[:-5],
        whole + b"more",
        whole[: len(whole) // 2],
        (2**60).to_bytes(8, "little"),
    ):
        path.write_bytes(content)
        with pytest.raises(ModelFileError, match=r"model.safetensors: .*; "):
            load_model(path)
    for arrays in ({"2.bias": np.full(3, np.nan, "f4")}, {"2.bias": np.zeros(3)}, {"x": np.zeros(1, "f4")}):
        save_file({**model.arrays, **arrays}, path)
        with pytest.raises(ModelFileError, match=r"model.safetensors: .*"):
            load_model(path)
    for place in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(ModelFileError, match="there is no such model file"):
            load_model(place)


def test_the_layers_are_all_that_runs():
    """Composed by hand from the layers' own run, for a description with every kind twice over."""
    layers = (RecurrentLayers(Layout("rnn", 1, 3)), Linear(3, 2), RecurrentLayers(Layout("gru", 2, 4)), LastStep())
    arrays = drawn_arrays(layers)
    x = np.random.default_rng(1).normal(size=(2, 5, 1)).astype("f4")
    by_hand = reduce(
        lambda y, pair: pair[1].run(y, {name: arrays[f"{pair[0]}.{name}"] for name in pair[1].shapes()}),
        enumerate(layers),
        x,
    )
    assert_array_equal(Model(layers, arrays, "any")(x), by_hand)
    assert_allclose(by_hand, on_torch(layers, arrays, x), rtol=FLOAT32, atol=FLOAT32)
