"""Streams: the same forecasts as from whole histories, and a state that can be saved."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from safetensors.numpy import save_file

from elman import Stream
from elman.cells import CELLS
from elman.errors import DataError, ModelFileError, ShapeError
from tests.tasks.helpers import beyond, drawn, rolled, series_set, wavy, with_gaps

FLOAT32 = 1e-4  # of values of about 20: a batch of one and of many round differently
ROUNDING = 64 * np.finfo(float).eps  # a stream adds the steps of a window in another order
JOBS = {
    "direct": {"level": "seasonal", "season": 6},
    "recursive": {"level": "seasonal", "season": 6, "strategy": "recursive"},
    "last": {"level": "last", "season": 6, "scale": "window"},
    "raw": {"level": "none", "season": 6, "window": 5},
    "no season": {"level": "last", "season": 1},
}


@pytest.fixture(scope="module", params=JOBS)
def model(request: pytest.FixtureRequest) -> Any:
    return drawn(series_set(wavy(60)), **JOBS[request.param])[1]


@pytest.fixture
def stream(model) -> Stream:
    return model.stream()


def predicted(model, values: np.ndarray, unique_id: str = "a") -> np.ndarray:
    return beyond(model, series_set(values, ids=[unique_id]))[unique_id]


def window_of(model) -> int:
    return model.plan.encoding.window


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_step_by_step_is_predict_at_every_cutoff(cell):
    model = drawn(series_set(wavy(60)), cell=cell, season=6, num_layers=2, layer_norm=True, zoneout=0.1)[1]
    stream, values = model.stream(), wavy(60, seed=1)
    for t, value in enumerate(values):
        forecast = stream.step(value)
        assert forecast.shape == (3,) and forecast.dtype == np.float64
        if t + 1 < window_of(model):
            assert np.isnan(forecast).all()
        else:
            assert_allclose(forecast, predicted(model, values[: t + 1]), rtol=ROUNDING)


@settings(max_examples=10)
@given(data=st.data())
def test_with_gaps_as_nan_it_is_predict_at_every_cutoff(model, data):
    """Also with gaps at the start of a series, at the cutoff, and longer than a season."""
    values = wavy(60, seed=3)
    for _ in range(data.draw(st.integers(1, 4))):
        begin = data.draw(st.integers(1, 58))
        values[begin : begin + data.draw(st.integers(1, 20))] = np.nan
    stream = model.stream()
    for t, value in enumerate(values):
        forecast = stream.step(value)
        if t + 1 >= window_of(model):
            assert_allclose(forecast, predicted(model, values[: t + 1]), rtol=ROUNDING)


def test_it_is_what_the_rolling_test_scored(model):
    """The same forecasts as those of the evaluation, which runs all cutoffs in one batch."""
    problem, _ = drawn(series_set(wavy(60)), **_job_of(model))
    (rolling,) = rolled(problem, model)[1]
    stream = model.stream()
    forecasts = [stream.step(value) for value in wavy(60)]
    for cutoff, forecast in zip(rolling.cutoffs, rolling.forecasts["model"], strict=True):
        assert_allclose(forecasts[cutoff], forecast, rtol=0, atol=FLOAT32)


def _job_of(model) -> dict[str, Any]:
    encoding = model.plan.encoding
    return {name: getattr(encoding, name) for name in ("window", "season", "level", "scale")} | {
        "strategy": model.plan.strategy
    }


def test_nan_until_a_window_is_full_and_what_is_missing_before_the_first_value_does_not_count(model, stream):
    window, values = window_of(model), wavy(40)
    for _ in range(5):
        assert np.isnan(stream.step(np.nan)).all()
    for t, value in enumerate(values):
        known = not np.isnan(stream.step(value)).any()
        assert known == (t + 1 >= window)
    assert_allclose(stream.step(1.0), predicted(model, np.append(values, 1.0)), rtol=ROUNDING)


def test_reset_begins_anew(model, stream):
    first = [stream.step(value) for value in wavy(30)]
    assert stream.reset() is None
    assert stream.state["seen"] == 0
    assert_array_equal([stream.step(value) for value in wavy(30)], first)


def test_the_state_can_be_saved_restored_and_moved_to_another_stream(model, stream):
    values = with_gaps(wavy(60), [30, 31])
    for value in values[:31]:
        stream.step(value)
    kept = stream.state
    rest = [stream.step(value) for value in values[31:]]
    stream.state = kept
    assert_array_equal([stream.step(value) for value in values[31:]], rest)
    other = model.stream()
    other.state = kept
    assert_array_equal([other.step(value) for value in values[31:]], rest)


def test_a_state_is_a_copy(stream):
    """Neither writing to it nor stepping on changes the other side."""
    stream.step(5.0)
    state = stream.state
    before = {name: value.copy() for name, value in state.items()}
    stream.step(6.0)
    for name, value in state.items():
        assert_array_equal(value, before[name])
        value[...] = -1
    assert stream.state["seen"] == 2
    stream.state = before
    for value in before.values():
        value[...] = 7
    assert stream.state["seen"] == 1
    stream.reset()
    assert stream.state["seen"] == 0


@pytest.mark.parametrize("steps", [0, 3, 40])
def test_save_and_load(model, stream, tmp_path, steps):
    values = with_gaps(wavy(60), [38, 39, 40, 41])
    for value in values[:steps]:
        stream.step(value)
    path = tmp_path / "state.safetensors"
    stream.save(path)
    other = model.stream()
    other.step(99.0)
    other.load(path)
    assert other.state.keys() == stream.state.keys()
    for name, value in stream.state.items():
        assert_array_equal(other.state[name], value)
        assert (other.state[name].dtype, other.state[name].shape) == (value.dtype, value.shape)
    for value in values[steps:]:
        assert_array_equal(other.step(value), stream.step(value))
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_file_that_is_no_state_of_this_stream_is_refused_and_changes_nothing(stream, tmp_path):
    for value in wavy(30):
        stream.step(value)
    before, path = stream.state, tmp_path / "state"
    stream.save(path)
    whole = path.read_bytes()
    hostile = {
        "truncated": whole[:-9],
        "empty": b"",
        "text": b"hello",
        "pickle": pickle.dumps(before),
        "header of a terabyte": (2**40).to_bytes(8, "little") + b"{}",
    }
    for content in hostile.values():
        path.write_bytes(content)
        with pytest.raises(ModelFileError, match="state: not a saved state of this stream"):
            stream.load(path)
    for change in (
        {"recent": np.zeros(3)},
        {"recent": before["recent"].astype("f4")},
        {"seen": np.array(1.0)},
        {"seen": np.array([1])},
        {"more": np.zeros(1)},
    ):
        save_file({**before, **change}, path)
        with pytest.raises(ModelFileError, match="not a saved state of this stream"):
            stream.load(path)
        with pytest.raises(ShapeError, match="this stream's is"):
            stream.state = {**before, **change}
    with pytest.raises(ShapeError):
        stream.state = {"seen": before["seen"]}
    for place in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(ModelFileError, match="not a saved state"):
            stream.load(place)
    for name, value in stream.state.items():
        assert_array_equal(value, before[name])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("five", "takes one number a step, not 'five'"),
        ([1.0, 2.0], "takes one number a step, not"),
        (None, None),
        (np.inf, "finite numbers, or nan"),
        (-np.inf, "finite numbers, or nan"),
        ({}, "takes one number a step"),
    ],
)
def test_what_is_not_one_finite_number_is_refused_and_leaves_the_state(stream, value, message):
    for good in (3, np.float32(4), np.array([5.0]), "6"):
        stream.step(good)
    before = stream.state
    if message is None:  # None is a missing value, as in a column
        stream.step(value)
        assert stream.state["seen"] == 5
        return
    with pytest.raises(DataError, match=message):
        stream.step(value)
    for name, kept in stream.state.items():
        assert_array_equal(kept, before[name])


def test_the_scale_is_that_of_the_series_named():
    a, b = wavy(60, seed=1), 1000 * wavy(60, seed=2)
    model = drawn(series_set(a, b), level="none", season=6)[1]
    stream = model.stream("b")
    for value in b:
        forecast = stream.step(value)
    assert_allclose(forecast, predicted(model, b, "b"), rtol=ROUNDING)
    with pytest.raises(DataError, match="series 'c' was not in training; there were: a, b"):
        model.stream("c")
    # without a name, the scale of the values received, as for an unknown series
    window = window_of(model)
    unnamed = model.stream()
    for value in b[:window]:
        forecast = unnamed.step(value)
    assert_allclose(forecast, predicted(model, b[:window], "new"), rtol=ROUNDING)
