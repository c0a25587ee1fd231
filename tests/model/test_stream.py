"""Streams of models: the same answers as from whole sequences, and a state that can be saved."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from safetensors.numpy import load, save

from elman.cells import CELLS
from elman.errors import DataError, ModelFileError, SettingsError, ShapeError
from elman.model import LastStep, Linear, PointHead, RecurrentLayers, SoftmaxHead, Stream
from elman.model.stepping import stream_of
from elman.recurrence import Layout
from tests.model.helpers import FLOAT32, Leak, ScaledHead, layers_of, model_of, toys


def last_and_count(x, state):
    """The last value and how many there were; NaN stands for a missing value."""
    return state["last"], {"last": np.array([x]), "count": np.array(state["count"] + 1)}


INITIAL = {"last": np.array([np.nan]), "count": np.array(0)}


@pytest.fixture
def stream() -> Stream:
    return Stream(last_and_count, INITIAL, identity="a model")


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("last", [False, True])
def test_step_by_step_is_the_whole_sequence(cell, last):
    layers = layers_of(cell, num_layers=2, layer_norm=True)
    model = model_of(layers if last else (layers[0], *layers[2:]))
    stream, x = stream_of(model), np.random.default_rng(1).standard_normal((1, 9, 1)).astype("f4")
    whole = model.predict(x)[0]
    for t in range(9):
        answer = stream.step(x[0, t])
        assert answer.shape == (3,)
        assert_allclose(answer, model.predict(x[:, : t + 1])[0] if last else whole[t], rtol=FLOAT32, atol=FLOAT32)


def test_a_toy_layer_and_head_step_too():
    with toys():
        model = model_of((Leak(2), ScaledHead(2)))
        stream, x = stream_of(model), np.random.default_rng(1).standard_normal((1, 9, 2)).astype("f4")
        answers = [stream.step(step) for step in x[0]]
        assert_allclose(answers, model.predict(x)[0], rtol=FLOAT32, atol=FLOAT32)


@pytest.mark.parametrize(
    "layers",
    [
        (RecurrentLayers(Layout("gru", 1, 2, bidirectional=True)), Linear(4, 1), PointHead("mse")),
        (RecurrentLayers(Layout("gru", 1, 2)), LastStep(bidirectional=True), Linear(2, 1), PointHead("mse")),
    ],
)
def test_a_model_that_runs_backwards_has_no_steps(layers):
    with pytest.raises(SettingsError, match="a bidirectional model has no single step"):
        stream_of(model_of(layers))


@pytest.mark.parametrize("x", ["five", [1.0, 2.0], None, {"other": 1.0}, [[1.0]], 5.0])
def test_what_is_not_a_step_is_refused_and_leaves_the_state(x):
    stream = stream_of(model_of(layers_of()))
    stream.step([0.5])
    before = stream.state
    with pytest.raises(DataError, match="a stream takes one step of the model's inputs"):
        stream.step(x)
    for name, value in stream.state.items():
        assert_array_equal(value, before[name])


def test_reset_begins_anew():
    stream = stream_of(model_of(layers_of()))
    first = [stream.step([value]) for value in (0.5, 1.0, -1.0)]
    assert stream.reset() is None
    assert_array_equal([stream.step([value]) for value in (0.5, 1.0, -1.0)], first)


def test_a_state_is_a_copy(stream):
    """Neither writing to it nor stepping on changes the other side."""
    stream.step(5.0)
    state = stream.state
    before = {name: value.copy() for name, value in state.items()}
    stream.step(6.0)
    for name, value in state.items():
        assert_array_equal(value, before[name])
        value[...] = -1
    assert stream.state["count"] == 2
    stream.state = before
    for value in before.values():
        value[...] = 7
    assert stream.state["count"] == 1
    stream.reset()
    assert stream.state["count"] == 0 and np.isnan(stream.state["last"])


@pytest.mark.parametrize("steps", [0, 3])
def test_save_and_load(steps, tmp_path):
    model = model_of(layers_of("lstm", num_layers=2))
    stream, other = stream_of(model), stream_of(model)
    for t in range(steps):
        stream.step([float(t)])
    path = tmp_path / "state.safetensors"
    stream.save(path)
    other.step([9.0])
    other.load(path)
    assert other.state.keys() == stream.state.keys()
    for name, value in stream.state.items():
        assert_array_equal(other.state[name], value)
        assert (other.state[name].dtype, other.state[name].shape) == (value.dtype, value.shape)
    for _ in range(3):
        assert_array_equal(other.step([1.0]), stream.step([1.0]))
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_the_state_of_another_model_is_refused_though_it_looks_alike(tmp_path):
    first, second = (stream_of(model_of(layers_of(), seed=seed)) for seed in (0, 1))
    assert {n: a.shape for n, a in first.state.items()} == {n: a.shape for n, a in second.state.items()}
    first.save(tmp_path / "state")
    with pytest.raises(ModelFileError, match=r"not a saved state of this stream \(it is damaged, or another model's\)"):
        second.load(tmp_path / "state")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_cells_state_is_finite_and_a_missing_value_need_not_be(value, stream, tmp_path):
    recurrent = stream_of(model_of(layers_of()))
    state = {name: np.full_like(array, value) for name, array in recurrent.state.items()}
    with pytest.raises(ShapeError, match="the state's '0.h' holds values that are not finite"):
        recurrent.state = state
    stream.step(value)
    stream.save(tmp_path / "state")
    other = Stream(last_and_count, INITIAL, identity="a model")
    other.load(tmp_path / "state")
    assert_array_equal(other.state["last"], [value])


def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(stream, tmp_path):
    stream.step(5.0)
    before, path = stream.state, tmp_path / "state"
    for wrong in (
        before | {"last": np.zeros(3)},
        before | {"last": before["last"].astype("f4")},
        before | {"last": np.array(0.0)},
        before | {"count": np.array(1.0)},
        before | {"count": np.array([1])},
        before | {"count": "one"},
        before | {"last": [[1.0], [1.0, 2.0]]},
        before | {"more": np.zeros(1)},
        {"count": before["count"]},
        {},
        None,
        [1.0],
    ):
        with pytest.raises(ShapeError, match="this stream's is|a state is arrays by name"):
            stream.state = wrong
    initial = {"last": np.zeros(2), "count": np.array(0)}
    Stream(last_and_count, initial, identity="a model").save(path)  # signed, and still of another shape
    with pytest.raises(ModelFileError, match="state: not a saved state of this stream"):
        stream.load(path)
    for place in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(ModelFileError, match="not a saved state"):
            stream.load(place)
    for name, value in stream.state.items():
        assert_array_equal(value, before[name])


def test_hostile_files(stream, tmp_path):
    stream.step(5.0)
    path = tmp_path / "state"
    stream.save(path)
    whole = path.read_bytes()
    for content in (
        b"",
        b"hello",
        whole[:-9],
        whole + b"x",
        pickle.dumps(stream.state),
        (2**40).to_bytes(8, "little") + b"{}",
        save(load(whole)),
        save(load(whole), metadata={"elman-stream": "{}"}),
    ):
        path.write_bytes(content)
        with pytest.raises(ModelFileError, match="state: not a saved state of this stream"):
            stream.load(path)


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_changed_bytes_are_found(tmp_path, data):
    stream = stream_of(model_of((RecurrentLayers(Layout("lstm", 1, 2)), Linear(2, 2), SoftmaxHead(2))))
    stream.step([1.0])
    path = tmp_path / "state"
    stream.save(path)
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match="state: not a saved state of this stream") as error:
        stream.load(path)
    assert str(error.value).isprintable()
