"""Direct and recursive forecasts against a loop by hand over the model and its encoding."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from elman.cells import CELLS
from elman.errors import DataError
from elman.tasks.forecast.network import highway_of
from tests.tasks.helpers import PLAIN, beyond, network_alone, rolled, series_set, wavy
from tests.tasks.helpers import drawn as drawn_with

FLOAT32 = 2e-6  # a batch of one and a batch of many round differently


def drawn(data, **settings):
    """The network alone."""
    return drawn_with(data, **PLAIN | settings)


def by_hand(predictor, x, scaler) -> list[float]:
    """Encode one window, run the network, decode; for the recursive strategy append and repeat."""
    plan, x, forecast = predictor.plan, list(x), []
    while len(forecast) < plan.horizon:
        encoded = plan.encoding.encode(np.array([x[-plan.encoding.window :]]), scaler)
        output = predictor.model(encoded.inputs[..., None])[0][0].astype(float)
        steps = encoded.reference[0] + encoded.spread[0] * output
        forecast += steps.tolist()
        x += steps.tolist()
    return forecast


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("level", ["none", "last", "seasonal", "seasonal-last"])
@pytest.mark.parametrize("strategy", ["direct", "recursive"])
@pytest.mark.parametrize("scale", ["series", "window"])
def test_forecasts_are_those_of_a_loop_by_hand(cell, level, strategy, scale):
    values = wavy(60) - 100
    job = {"cell": cell, "level": level, "strategy": strategy, "scale": scale, "season": 6, "horizon": 8}
    problem, predictor = drawn(series_set(values), **job)
    plan = problem.plan
    assert predictor.model.arrays["2.bias"].shape == ((8,) if strategy == "direct" else (1,))
    (rolling,) = rolled(problem, predictor)[1]
    for k, cutoff in enumerate(rolling.cutoffs):
        expected = by_hand(predictor, values[: cutoff + 1], plan.scalers["a"])
        assert_allclose(rolling.forecasts["model"][k], expected, rtol=0, atol=FLOAT32 * 100)


@pytest.mark.parametrize("level", ["none", "last", "seasonal", "seasonal-last"])
def test_the_recursive_strategy_runs_to_any_horizon_and_each_step_follows_from_those_before(level):
    problem, predictor = drawn(series_set(wavy(60)), level=level, strategy="recursive", season=6, horizon=4)
    plan, scaler = problem.plan, problem.plan.scalers["a"]
    x = wavy(60)[None, -plan.encoding.window :]
    longer = network_alone(predictor, x, scaler, 30)
    assert longer.shape == (1, 30)
    assert_array_equal(longer[:, :4], network_alone(predictor, x, scaler))
    # begun again from its own first steps, it makes the same later ones
    moved = np.concatenate([x[:, 4:], longer[:, :4]], axis=1)
    rest = network_alone(predictor, moved, scaler, 26)
    assert_array_equal(rest, longer[:, 4:])


def test_windows_are_not_written_to():
    problem, predictor = drawn(series_set(wavy(60)), strategy="recursive", season=6)
    x = wavy(60)[None, -problem.plan.encoding.window :]
    kept = x.copy()
    x.flags.writeable = False
    network_alone(predictor, x, problem.plan.scalers["a"])
    assert_array_equal(x, kept)


def test_each_window_is_forecast_by_itself():
    """Neither its place in the batch nor its neighbours matter, beyond rounding."""
    problem, predictor = drawn(series_set(wavy(60)), level="none", season=6)
    plan, scaler = problem.plan, problem.plan.scalers["a"]
    x = np.lib.stride_tricks.sliding_window_view(wavy(60), plan.encoding.window)
    together = network_alone(predictor, x, scaler)
    for k in (0, 7, len(x) - 1):
        assert_allclose(network_alone(predictor, x[k : k + 1], scaler)[0], together[k], rtol=0, atol=FLOAT32 * 100)
    assert_allclose(network_alone(predictor, x[::-1], scaler)[::-1], together, rtol=0, atol=FLOAT32 * 100)


@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_forecast_beyond_the_end_is_that_of_the_last_window(strategy):
    a, b = wavy(60, seed=1), 1000 * wavy(50, seed=2)
    problem, predictor = drawn(series_set(a, b), strategy=strategy, season=6)
    plan = predictor.plan
    found = beyond(predictor, series_set(a, b))
    assert_allclose(found["a"], by_hand(predictor, a, plan.scalers["a"]), atol=1e-4)
    assert_allclose(found["b"], by_hand(predictor, b, plan.scalers["b"]), atol=1e-1)
    # a series that was not in training gets the scaler of its own history
    (new,) = beyond(predictor, series_set(b, ids=["new"])).values()
    assert_allclose(new, by_hand(predictor, b, plan.encoding.fit_scaler(b)), atol=1e-1)
    assert problem.plan.scalers["b"] != plan.encoding.fit_scaler(b)  # fitted on the test as well


def test_a_history_shorter_than_the_window_is_read_as_if_its_first_value_had_stood_before_it():
    problem, predictor = drawn(series_set(wavy(60)), season=6, window=12, level="last")
    short = series_set(wavy(8))
    padded = np.concatenate([np.full(4, wavy(8)[0]), wavy(8)])
    expected = network_alone(predictor, padded[None], problem.plan.scalers["a"])[0]
    assert_array_equal(beyond(predictor, short)["a"], expected)


@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_the_highway_is_a_linear_layer_beside_the_recurrent_ones(strategy):
    """The whole network is what the recurrent layers say, and what the highway says, together."""
    job = {"highway": True, "level": "last", "season": 6, "horizon": 4, "strategy": strategy, "window": 10}
    problem, predictor = drawn(series_set(wavy(60)), **job)
    scaler, x = problem.plan.scalers["a"], wavy(60)[None, -10:]
    weight, bias = highway_of(predictor.model)
    encoded = problem.plan.encoding.encode(x, scaler)
    first = encoded.reference + encoded.spread * (encoded.inputs @ weight.T + bias)
    assert_allclose(network_alone(predictor, x, scaler, linear=True)[:, : first.shape[1]], first, rtol=1e-5)
    silent = {n: 0 * a if "correction" in predictor.model.layers[int(n.split(".")[0])].name else a
              for n, a in predictor.model.arrays.items()}  # fmt: skip
    alone = type(predictor)(dataclasses.replace(predictor.model, arrays=silent))
    assert_allclose(network_alone(alone, x, scaler), network_alone(predictor, x, scaler, linear=True), rtol=1e-5)


def test_networks_side_by_side_are_averaged():
    problem, both = drawn(series_set(wavy(60)), ensemble=2, level="last", season=6, window=10)
    x, scaler = wavy(60)[None, -10:], problem.plan.scalers["a"]
    encoded = problem.plan.encoding.encode(x, scaler)
    outputs, _ = both.model(encoded.inputs[:, :, None])
    mean = outputs.reshape(1, 2, 3).mean(axis=1)
    assert_allclose(network_alone(both, x, scaler), encoded.reference + encoded.spread * mean, rtol=1e-6)
    assert (outputs[0, :3] != outputs[0, 3:]).all()


def test_segments_shorten_what_the_recurrent_layers_read_and_must_divide_it():
    for given, steps in ((None, 3), (1, 1), (8, 8)):
        problem = drawn(series_set(wavy(400)), window=96, level="none", season=6, segment=given)[0]
        sizes = [layer.layout.input_size for layer in problem.layers if hasattr(layer, "layout")]
        assert sizes == [steps]
    with pytest.raises(DataError, match="`segment` is 7, which does not divide the 96 steps"):
        drawn(series_set(wavy(400)), window=96, level="none", segment=7)
