"""The encoding against its own definition, and the laws that a forecast inherits from it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from elman.cells import CELLS
from elman.data import windows
from elman.tasks.forecast.encoding import LEAST_SPREAD, Encoding, Scaler
from elman.tasks.forecast.settings import LEVELS
from tests.tasks.helpers import drawn, rolled, series_set, wavy

EPSILON = np.finfo(float).eps
FIXED = LEVELS[1:]
numbers = st.floats(-1e3, 1e3, allow_nan=False).map(lambda x: round(x, 6))


@st.composite
def encodings(draw: Any) -> Encoding:
    season = draw(st.integers(1, 5))
    window = season + draw(st.integers(1, 7))
    horizon = draw(st.integers(1, 3 * season + 1))
    return Encoding(window, horizon, season, draw(st.sampled_from(FIXED)), draw(st.sampled_from(["series", "window"])))


@st.composite
def values_for(draw: Any, encoding: Encoding) -> np.ndarray:
    steps = encoding.window + encoding.horizon + draw(st.integers(0, 10))
    return np.array(draw(st.lists(numbers, min_size=steps, max_size=steps)))


@given(data=st.data())
def test_encode_is_what_its_docstring_says_and_decode_gives_back_the_target(data):
    encoding = data.draw(encodings())
    values = data.draw(values_for(encoding))
    scaler = encoding.fit_scaler(values)
    found = windows(values, encoding.window, encoding.horizon)
    encoded = encoding.encode(found.inputs, scaler)
    assert encoded.inputs.shape == (len(found.inputs), encoding.steps)

    # the network's targets, decoded, are the values; to rounding in float64
    output = (found.targets - encoded.reference) / encoded.spread
    size = np.abs(values).max() + np.abs(encoded.reference).max()
    assert_allclose(encoded.reference + encoded.spread * output, found.targets, rtol=0, atol=8 * EPSILON * size)

    # and the same by hand, window by window
    season = encoding.season
    for x, inputs, reference, spread in zip(found.inputs, *encoded, strict=True):
        if encoding.level == "none":
            raw, expected = x - scaler.center, [scaler.center] * encoding.horizon
        elif encoding.level == "last":
            raw, expected = x - x[-1], [x[-1]] * encoding.horizon
        else:
            change = [x[t] - x[t - season] for t in range(season, encoding.window)]
            last = change[-1] if encoding.level == "seasonal-last" else 0.0
            raw, longer = np.array(change) - last, [*x]
            for _ in range(encoding.horizon):
                longer.append(longer[-season] + last)
            expected = longer[encoding.window :]
        own = max(np.sqrt(np.mean(raw**2)), LEAST_SPREAD * scaler.spread)
        by = own if encoding.scale == "window" else scaler.spread
        assert_allclose(spread, [by], rtol=1e-12)
        assert_allclose(inputs, raw / by, rtol=1e-12, atol=1e-12)
        assert_allclose(reference, expected, rtol=1e-12, atol=1e-9)


@given(data=st.data())
def test_the_spread_makes_the_inputs_of_order_one(data):
    encoding = data.draw(encodings())
    values = data.draw(values_for(encoding))
    scaler = encoding.fit_scaler(values)
    inputs = encoding.encode(windows(values, encoding.window, 0).inputs, scaler).inputs
    assume(inputs.any() and np.ptp(values) > 1e-2)
    if encoding.scale == "series":
        assert_allclose(np.mean(inputs**2), 1, rtol=1e-9)
    else:
        rows = inputs[np.abs(inputs).max(axis=1) > 0]
        assert (np.mean(rows**2, axis=1) <= 1 + 1e-9).all()


@pytest.mark.parametrize("level", FIXED)
@pytest.mark.parametrize("scale", ["series", "window"])
@pytest.mark.parametrize("value", [0.0, 5.0, -1e12, 1e-300])
def test_a_flat_series_is_forecast_as_flat(level, scale, value):
    """No division by zero: its spread is a number, and nothing but the level comes back."""
    encoding = Encoding(8, 5, 3, level, scale)
    values = np.full(20, value)
    scaler = encoding.fit_scaler(values)
    assert scaler.spread > 0
    encoded = encoding.encode(values[None, -8:], scaler)
    assert_allclose(encoded.inputs, np.zeros((1, encoding.steps)), atol=1e-9)  # a mean rounds, too
    assert_allclose(encoded.reference, np.full((1, 5), value), rtol=1e-14)
    assert (encoded.spread > 0).all() and np.isfinite(encoded.spread).all()


def test_a_window_that_is_flat_in_a_series_that_is_not_keeps_a_spread():
    encoding = Encoding(4, 1, 1, "last", "window")
    values = np.array([0, 10, 0, 10, 0, 5, 5, 5, 5.0])
    scaler = encoding.fit_scaler(values)
    spread = encoding.encode(values[None, -4:], scaler).spread
    assert spread == pytest.approx(LEAST_SPREAD * scaler.spread)


@given(
    season=st.integers(2, 9),
    extra=st.integers(1, 12),
    horizon=st.integers(1, 30),
    drift=st.floats(-2, 2),
    seed=st.integers(0, 99),
)
def test_seasonal_reference_is_exact_on_a_season_with_a_straight_line(season, extra, horizon, drift, seed):
    window = season + extra
    shape = np.random.default_rng(seed).normal(size=season)
    t = np.arange(window + horizon)
    values = shape[t % season] + drift * t
    encoding = Encoding(window, horizon, season, "seasonal-last", "series")
    encoded = encoding.encode(values[None, :window], encoding.fit_scaler(values[:window]))
    assert_allclose(encoded.reference[0], values[window:], rtol=0, atol=1e-12 * (1 + np.abs(values).max()))
    assert_allclose(encoded.inputs, 0, atol=1e-6)  # nothing is left for the network to predict


def test_seasonal_removes_the_season_and_leaves_the_change():
    encoding = Encoding(5, 4, 3, "seasonal", "series")
    encoded = encoding.encode(np.array([[1.0, 5, 2, 3, 8]]), Scaler(0.0, 2.0))
    assert_array_equal(encoded.inputs, [[1.0, 1.5]])  # 3 - 1 and 8 - 5, halved
    assert_array_equal(encoded.reference, [[2.0, 3, 8, 2]])


@pytest.mark.parametrize("level", FIXED)
@pytest.mark.parametrize("strategy", ["direct", "recursive"])
@pytest.mark.parametrize("scale", ["series", "window"])
@settings(max_examples=10)
@given(power=st.integers(-20, 20), cell=st.sampled_from(list(CELLS)))
def test_forecasts_of_a_multiple_are_the_multiple_of_the_forecasts(level, strategy, scale, power, cell):
    """By powers of two, where float64 does not round: bit for bit, through the whole evaluation."""
    values = wavy(60)
    chosen = {"level": level, "strategy": strategy, "scale": scale, "season": 6, "cell": cell, "transform": "none"}
    plain = rolled(*drawn(series_set(values), **chosen))[1][0]
    scaled = rolled(*drawn(series_set(values * 2.0**power), **chosen))[1][0]
    for name in ("model", "naive", "seasonal_naive"):
        assert_array_equal(scaled.forecasts[name], plain.forecasts[name] * 2.0**power)
    # the linear baseline centres and scales by itself, too
    assert_allclose(scaled.forecasts["linear"], plain.forecasts["linear"] * 2.0**power, rtol=1e-9)


@pytest.mark.parametrize("level", FIXED)
@pytest.mark.parametrize("strategy", ["direct", "recursive"])
@settings(max_examples=10)
@given(shift=st.floats(-1e4, 50))
def test_forecasts_of_a_shifted_series_are_the_shifted_forecasts(level, strategy, shift):
    """Once the scaler is fitted again; by a network in float32, so to its rounding."""
    values = wavy(60) - 100  # never so high that 0 would be the least a forecast may be
    chosen = {"level": level, "strategy": strategy, "season": 6, "transform": "none", "combine": "none"}
    plain = rolled(*drawn(series_set(values), **chosen))[1][0]
    moved = rolled(*drawn(series_set(values + shift), **chosen))[1][0]
    for name in plain.forecasts:
        assert_allclose(moved.forecasts[name] - shift, plain.forecasts[name], rtol=0, atol=2e-4)


@pytest.mark.parametrize("level", ["last", "seasonal", "seasonal-last"])
@given(shift=st.floats(-1e4, 1e4))
def test_levels_that_are_removed_need_no_new_scaler(level, shift):
    encoding = Encoding(10, 7, 3, level, "series")
    x, scaler = wavy(10)[None], Scaler(3.0, 2.0)
    plain, moved = encoding.encode(x, scaler), encoding.encode(x + shift, scaler)
    assert_allclose(moved.inputs, plain.inputs, rtol=0, atol=1e-10)
    assert_allclose(moved.reference - shift, plain.reference, rtol=0, atol=1e-10)


def test_each_window_is_encoded_with_the_scaler_of_its_own_series():
    encoding = Encoding(4, 2, 1, "none", "series")
    x = np.stack([np.arange(4.0), 100 + 10 * np.arange(4.0)])
    encoded = encoding.encode(x, [Scaler(1.5, 2.0), Scaler(115.0, 20.0)])
    assert_array_equal(encoded.inputs[0], encoded.inputs[1])
    assert_array_equal(encoded.reference, [[1.5, 1.5], [115.0, 115.0]])
    assert_array_equal(encoded.spread, [[2.0], [20.0]])
