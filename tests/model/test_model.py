"""A model is one description with two executors: NumPy and torch agree on every cell and option."""

from __future__ import annotations

import copy
import importlib

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

import elman
from elman.cells import CELLS, get_cell
from elman.errors import ModelFileError, SettingsError, ShapeError
from elman.model import (
    Embedding,
    Join,
    LastStep,
    Linear,
    Model,
    PointHead,
    RecurrentLayers,
    SoftmaxHead,
    model_shapes,
)
from elman.model.registry import layer_from_record
from elman.model.stepping import stream_of
from elman.model.wiring import Wiring
from elman.nn.network import Batch, Network, arrays_of, set_arrays
from elman.recurrence import Layout
from tests.model.helpers import FLOAT32, drawn, layers_of, model_of, on_torch


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("layer_norm", [False, True])
@pytest.mark.parametrize("zoneout", [0.0, 0.2])
def test_numpy_and_torch_agree(cell, num_layers, layer_norm, zoneout):
    """Every registered cell, through the very description that training and the model file use."""
    rates = (zoneout,) * len(get_cell(cell).states) if zoneout else ()
    layers = layers_of(cell, num_layers=num_layers, layer_norm=layer_norm, zoneout=rates)
    arrays = drawn(layers)
    x = np.random.default_rng(1).normal(size=(7, 9, 1)).astype("f4")
    output = Model(layers, arrays)(x)[0]
    assert output.dtype == np.float32
    assert_allclose(output, on_torch(layers, arrays, x)[0], rtol=FLOAT32, atol=FLOAT32)
    # it is not one constant that they agree on
    assert np.ptp(output, axis=0).min() > 1e-3
    # nor an option that both ignore
    if layer_norm or zoneout:
        plain = layers_of(cell=cell, num_layers=num_layers)
        some = {name: arrays[name] for name in model_shapes(plain)}
        assert np.abs(Model(plain, some)(x)[0] - output).max() > 1e-3


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("cell", CELLS)
def test_other_layouts_agree_too(cell):
    """Two directions, no biases, a projection: both executors run every layout."""
    projected = 3 if get_cell(cell).can_project else 0
    layout = Layout(cell, 2, 5, num_layers=2, bias=False, bidirectional=True, proj_size=projected)
    layers = (RecurrentLayers(layout), Linear(2 * (projected or 5), 4))
    arrays = drawn(layers)
    x = np.random.default_rng(1).normal(size=(3, 6, 2)).astype("f4")
    output = Model(layers, arrays)(x)[0]
    assert output.shape == (3, 6, 4)
    assert_allclose(output, on_torch(layers, arrays, x)[0], rtol=FLOAT32, atol=FLOAT32)


@pytest.mark.parametrize("cell", CELLS)
def test_arrays_go_to_torch_and_back(cell):
    layers = layers_of(cell=cell, num_layers=2, layer_norm=True)
    module = Network(layers)
    fresh = arrays_of(module)
    assert {name: array.shape for name, array in fresh.items()} == model_shapes(layers)
    arrays = drawn(layers)
    set_arrays(module, arrays)
    back = arrays_of(module)
    for name, array in arrays.items():
        assert_array_equal(back[name], array)
    back["2.bias"][:] = 0  # arrays of their own
    assert_array_equal(arrays_of(module)["2.bias"], arrays["2.bias"])


def test_zero_output_begins_at_zero_and_the_rest_as_always():
    layers = layers_of()
    torch.manual_seed(0)
    usual = arrays_of(Network(layers))
    torch.manual_seed(0)
    zero = arrays_of(Network(layers, zero_output=True))
    for name, array in usual.items():
        assert_array_equal(zero[name], 0 * array if name.startswith("2.") else array)
        assert array.any()


def test_a_model_runs_its_layers_in_order():
    layers = layers_of(cell="gru")
    arrays = drawn(layers)
    x = np.random.default_rng(1).normal(size=(4, 9, 1)).astype("f4")
    recurrent = {name: arrays["0." + name] for name in layers[0].shapes()}
    outputs, state = layers[0].run([x], recurrent, None, {})
    assert outputs.shape == (4, 9, 5)
    assert_array_equal(layers[1].run([outputs], {}, None, {})[0], outputs[:, -1])
    expected = outputs[:, -1] @ arrays["2.weight"].T + arrays["2.bias"]
    output, final = Model(layers, arrays)(x)
    assert_array_equal(output, expected)
    assert_array_equal(final["0.h"], state["h"])
    assert_array_equal(Model(layers, arrays).predict(x), expected)


@pytest.mark.parametrize("limits", [{"BATCH": 5}, {"FEW": 5, "WORK": 9 * 160 * 7}])
def test_many_rows_are_run_in_parts_with_the_same_result(limits, monkeypatch):
    model = model_of((RecurrentLayers(Layout("lstm", 1, 5)), Linear(5, 3), PointHead("mse", 3)))
    random = np.random.default_rng(1)
    x, lengths = random.normal(size=(23, 9, 1)), random.integers(1, 10, 23)
    state = {name: random.normal(size=a.shape).astype("f4") for name, a in model.initial_state(23).items()}
    whole, end = model(x, lengths, state)
    for name, value in limits.items():
        monkeypatch.setattr(importlib.import_module("elman.model.model"), name, value)
    output, final = model(x, lengths, state)
    assert_allclose(output, whole, rtol=FLOAT32, atol=FLOAT32)
    for name in end:
        assert_allclose(final[name], end[name], rtol=FLOAT32, atol=FLOAT32)
    assert model(x[:0])[0].shape == (0, 9, 3)


def test_counts_and_the_name_of_the_cell():
    layers = layers_of(cell="lstm", num_layers=2)
    model = model_of(layers)
    recurrent = 4 * 5 * (1 + 5 + 2) + 4 * 5 * (5 + 5 + 2)
    assert (model.recurrent_parameter_count(), model.parameter_count()) == (recurrent, recurrent + 3 * 6)
    assert model.cell() == "lstm"


def test_arrays_must_fit_the_layers():
    layers = layers_of()
    arrays = drawn(layers)
    for change, message in (
        ({"2.bias": np.zeros(4, "f4")}, r"array '2.bias' is \(4,\); the layers need \(3,\)"),
        ({"3.bias": np.zeros(4, "f4")}, r"array '3.bias' is \(4,\); the layers need none"),
    ):
        with pytest.raises(ShapeError, match=message):
            Model(layers, arrays | change)
    del arrays["2.bias"]
    with pytest.raises(ShapeError, match=r"array '2.bias' is missing; the layers need \(3,\)"):
        Model(layers, arrays)
    with pytest.raises(SettingsError, match="a linear layer of 0 to 3"):
        Linear(0, 3)


@pytest.mark.parametrize("cell", CELLS)
def test_a_description_survives_its_record(cell):
    zoneout = (0.25,) * len(get_cell(cell).states)
    layout = Layout(cell, 2, 5, num_layers=3, bias=False, bidirectional=True, layer_norm=True, zoneout=zoneout)
    layers = (RecurrentLayers(layout, name="a", reads=("x",)), LastStep(bidirectional=True), Linear(10, 4))
    assert tuple(layer_from_record(layer.record()) for layer in layers) == layers


@pytest.mark.parametrize(("cell", "option"), [("lem", 0.25), ("slstm", 2.0)])
def test_an_option_of_a_cell_survives_and_counts(cell, option):
    layers = (RecurrentLayers(Layout(cell, 2, 4, options=(option,))), Linear(4, 1))
    record = layers[0].record()
    assert record["options"] == [option] and layer_from_record(record) == layers[0]
    assert "options" not in RecurrentLayers(Layout(cell, 2, 4, options=(1.0,))).record()
    arrays = drawn(layers)
    x = np.random.default_rng(1).normal(size=(3, 6, 2)).astype("f4")
    output = Model(layers, arrays)(x)[0]
    assert_allclose(output, on_torch(layers, arrays, x)[0], rtol=FLOAT32, atol=FLOAT32)
    with elman.use_backend("reference"):
        assert_allclose(Model(layers, arrays)(x)[0], output, rtol=FLOAT32, atol=FLOAT32)
    stream = stream_of(Model((*layers, PointHead("mse", 1)), arrays))
    assert_allclose([stream.step(step) for step in x[0]], output[0], rtol=FLOAT32, atol=FLOAT32)
    if cell == "lem":
        plain = (RecurrentLayers(Layout(cell, 2, 4)), Linear(4, 1))
        assert np.abs(Model(plain, arrays)(x)[0] - output).max() > 1e-3


def test_a_record_that_describes_nothing_is_refused():
    good = RecurrentLayers(Layout("gru", 1, 5)).record()
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
        {"options": 1.0},
        {"options": ["1"]},
        {"more": 1},
    ):
        with pytest.raises(ModelFileError):
            layer_from_record({**good, **change})
    for change in (
        {"hidden_size": 0},
        {"cell": "transformer"},
        {"zoneout": [2.0]},
        {"proj_size": 9},
        {"options": [1.0]},
    ):
        with pytest.raises(SettingsError):
            layer_from_record({**good, **change})
    for record in (None, [], "gru", {}, {k: v for k, v in good.items() if k != "bias"}):
        with pytest.raises(ModelFileError):
            layer_from_record(record)


def test_layers_must_fit_each_other():
    head = PointHead("mse", 3)
    for layers, message in (
        ((Linear(1, 2), Linear(3, 3), head), "a linear layer of 3 inputs reads 2 features"),
        ((Linear(1, 3), head, Linear(3, 1)), "layer 1 is a point head; a head is the last layer"),
        ((Linear(1, 3, name="a"), Linear(1, 3, reads=("x",)), head), "nothing reads layer 0"),
        ((Linear(1, 3, name="a"), Linear(3, 3, name="a"), head), "two layers are called 'a'"),
        ((Linear(1, 3, reads=("b",)), Linear(3, 3, name="b"), head), "'b' is read before the layer of that name"),
        ((Linear(1, 2), head), "a point layer of 3 inputs reads 2 features"),
        ((Linear(1, 2), Embedding(3, 3), head), "an embedding reads an input of the model"),
        ((Linear(1, 2, name="a"), Linear(2, 3, name="b"), Join("add", reads=("a", "b")), head), "one size"),
        ((LastStep(bidirectional=True), Linear(3, 3), head), None),  # of an input nothing is known
        ((Linear(1, 3), LastStep(bidirectional=True), head), "two halves, not 3 features"),
    ):
        if message is None:
            Wiring(layers).check()
            continue
        for make in (lambda layers=layers: model_of(layers), lambda layers=layers: Network(layers)):
            with pytest.raises(ShapeError, match=message):
                make()


def test_inputs_must_fit_the_model():
    model = model_of((Embedding(4, 2, name="e", reads=("w",)), Join(reads=("e", "x")), Linear(3, 2), SoftmaxHead(2)))
    x, w = np.zeros((2, 5, 1), "f4"), np.zeros((2, 5), "i8")
    assert model({"x": x, "w": w})[0].shape == (2, 5, 2)
    for given, message in (
        ({"x": x}, r"the inputs are \['x'\]; the model reads \['w', 'x'\]"),
        ({"x": x, "w": w, "more": x}, "the model reads"),
        ({"x": x, "w": w.astype("f4")}, "w is float32; the model reads whole numbers there"),
        ({"x": x[:1], "w": w}, "the same number of rows"),
        ({"x": x, "w": w + 4}, "an embedding of 4 vectors reads 4 to 4"),
        ({"x": x, "w": w - 1}, "an embedding of 4 vectors reads -1 to -1"),
    ):
        with pytest.raises(ShapeError, match=message):
            model(given)
    for lengths in ([5], [5, 6], [0, 5], [5.0, 5.0], [[5, 5]]):
        with pytest.raises(ShapeError, match="lengths must be 2 whole numbers from 1 to 5"):
            model({"x": x, "w": w}, lengths)
    with pytest.raises(ShapeError, match="the state is .* the model's is {}"):
        model({"x": x, "w": w}, None, {"0.h": x})


def test_a_static_input_has_no_steps():
    """Lengths count the steps of sequences, however wide a static input is."""
    layers = (
        RecurrentLayers(Layout("gru", 1, 2), name="r", reads=("x",)),
        Join(reads=("r", "s")),
        Linear(11, 1),
        PointHead("mse"),
    )
    inputs = {"s": np.ones((2, 9), "f4"), "x": np.ones((2, 3, 1), "f4")}
    assert model_of(layers)(inputs, [3, 2])[0].shape == (2, 3, 1)
    with pytest.raises(ShapeError, match="from 1 to 3"):
        model_of(layers)(inputs, [4, 2])


def test_a_network_without_a_head_has_an_output_and_no_loss():
    network = Network((Linear(1, 2),))
    batch = Batch(torch.ones(3, 1), torch.ones(3, 2))
    assert network(batch.inputs)[0].shape == (3, 2)
    with pytest.raises(ShapeError, match="the last layer is no head"):
        network.loss(batch)
    with pytest.raises(ShapeError, match="the model ends in a linear layer"):
        model_of((Linear(1, 2),)).predict(np.ones((3, 1)))


def test_a_copy_of_a_network_is_its_own():
    network = Network(layers_of())
    other = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.zero_()
    batch = Batch(torch.ones(2, 4, 1), torch.ones(2, 3))
    assert other.loss(batch)[0].item() == 1
    assert network.loss(batch)[0].item() != 1
