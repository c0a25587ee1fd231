"""The baselines against values computed by hand and against NumPy's least squares."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from elman.data import Series, fill
from elman.tasks.forecast.baselines import BASELINES, LABELS, Autoregression, naive, seasonal_naive
from elman.tasks.forecast.plan import History, history_of
from tests.tasks.helpers import drawn, rolled, series_set, wavy, with_gaps


def history(values, id: str = "a", season: int = 1) -> History:
    return history_of(Series(id, np.asarray(values, float)), season)


def test_naive_values_by_hand():
    values = np.array([3.0, 1.0, 4.0, 1.5, 9.0, 2.0])
    assert naive(values, 2, 3).tolist() == [4, 4, 4]
    assert seasonal_naive(values, 3, 5, 3).tolist() == [1, 4, 1.5, 1, 4]
    assert seasonal_naive(values, 5, 4, 1).tolist() == [2, 2, 2, 2]
    assert seasonal_naive(values, 2, 2, 3).tolist() == [3, 1]  # exactly one season is known
    assert seasonal_naive(values, 1, 2, 3).tolist() == [1, 1]  # none is yet: the last value
    assert list(LABELS) == list(BASELINES)


@given(season=st.integers(1, 9), horizon=st.integers(1, 30), later=st.integers(0, 10))
def test_seasonal_naive_is_exact_on_a_season_and_repeats_a_season_of_its_own(season, horizon, later):
    steps = np.arange(season + later + horizon)
    values = np.random.default_rng(season).normal(size=season)[steps % season]
    cutoff = season + later - 1
    assert_array_equal(seasonal_naive(values, cutoff, horizon, season), values[cutoff + 1 :])


@given(window=st.integers(1, 6), horizon=st.integers(1, 4), seed=st.integers(0, 99), shift=st.floats(-100, 100))
def test_autoregression_is_least_squares_with_a_constant(window, horizon, seed, shift):
    values = wavy(60, seed=seed) + shift
    model = Autoregression([history(values)], window, horizon)
    x, y = [], []
    for t in range(window, 60 - horizon + 1):
        x.append([*values[t - window : t], 1.0])
        y.append(values[t : t + horizon])
    coefficients = np.linalg.lstsq(np.array(x), np.array(y), rcond=None)[0]
    for cutoff in (window - 1, 40, 59):
        expected = np.append(values[cutoff + 1 - window : cutoff + 1], 1.0) @ coefficients
        assert_allclose(model.forecast("a", values, cutoff), expected, rtol=1e-7, atol=1e-7)


def test_autoregression_recovers_a_process_that_is_one():
    values = [1.0, 2.0]
    for _ in range(40):
        values.append(0.6 * values[-1] - 0.3 * values[-2] + 2.0)
    model = Autoregression([history(values)], 2, 3)
    following = [*values]
    for _ in range(3):
        following.append(0.6 * following[-1] - 0.3 * following[-2] + 2.0)
    assert_allclose(model.forecast("a", np.array(values), 41), following[-3:], rtol=1e-9)


def test_values_filled_in_are_no_targets_of_the_autoregression():
    values = with_gaps(wavy(50, season=4), [10, 11, 30])
    window, horizon = 5, 3
    model = Autoregression([history(values, season=4)], window, horizon)
    filled = fill(values, 4)
    for k in range(horizon):
        rows = [t for t in range(window, 50 - horizon + 1) if not np.isnan(values[t + k])]
        x = np.array([[*filled[t - window : t], 1.0] for t in rows])
        coefficients = np.linalg.lstsq(x, values[[t + k for t in rows]], rcond=None)[0]
        expected = np.append(filled[-window:], 1.0) @ coefficients
        assert_allclose(model.forecast("a", filled, 49)[k], expected, rtol=1e-8)
    # another way of filling in changes the inputs, but no target
    assert len(rows) == 50 - window - horizon + 1 - 3


def test_one_autoregression_for_all_series_each_in_its_own_units():
    a, b = wavy(60, seed=1), wavy(60, seed=2)
    both = Autoregression([history(a, "a"), history(b, "b")], 4, 2)
    x, y = [], []
    for v in (a, b):
        z = (v - v.mean()) / v.std()
        for t in range(4, 59):
            x.append([*z[t - 4 : t], 1.0])
            y.append(z[t : t + 2])
    coefficients = np.linalg.lstsq(np.array(x), np.array(y), rcond=None)[0]
    z = (b - b.mean()) / b.std()
    expected = np.append(z[-4:], 1.0) @ coefficients * b.std() + b.mean()
    assert_allclose(both.forecast("b", b, 59), expected, rtol=1e-9)
    # a series that was not fitted is scaled by what is known of it at the cutoff
    c = 1000 * wavy(60, seed=3)
    known = c[:31]
    z = (known - known.mean()) / known.std()
    expected = np.append(z[-4:], 1.0) @ coefficients * known.std() + known.mean()
    assert_allclose(both.forecast("c", c, 30), expected, rtol=1e-9)


def test_fewer_examples_than_coefficients_take_the_solution_of_least_norm():
    values = np.array([1.0, 3.0, 2.0, 5.0, 4.0])
    model = Autoregression([history(values)], 3, 1)
    z = (values - values.mean()) / values.std()
    x = np.array([[*z[:3], 1.0], [*z[1:4], 1.0]])
    coefficients = np.linalg.pinv(x) @ z[3:]
    expected = np.append(z[-3:], 1.0) @ coefficients * values.std() + values.mean()
    assert_allclose(model.forecast("a", values, 4), [expected], rtol=1e-9)


@pytest.mark.parametrize("value", [0.0, -7.5])
def test_a_flat_series_stays_flat(value):
    values = np.full(30, value)
    assert_allclose(Autoregression([history(values)], 4, 3).forecast("a", values, 29), [value] * 3, atol=1e-12)


def test_no_observed_target_at_all_gives_the_mean():
    values = with_gaps(np.arange(1.0, 9.0), [4, 5, 6, 7])
    model = Autoregression([history(values[:8])], 4, 2)
    filled = fill(values, 1)
    assert_allclose(model.forecast("a", filled, 7), [filled.mean()] * 2)


def test_the_evaluation_uses_them_as_they_stand_here():
    """With gaps: at each cutoff on the history filled in, fitted on what precedes the test only."""
    values = with_gaps(wavy(60), [12, 30, 49, 50, 51])
    problem, model = drawn(series_set(values), season=6, stride=2)
    (rolling,) = rolled(problem, model)[1]
    filled, (start,) = fill(values, 6), problem.ends
    linear = Autoregression([history(values[:start], season=6)], problem.plan.encoding.window, 3)
    for k, cutoff in enumerate(rolling.cutoffs):
        assert_array_equal(rolling.forecasts["naive"][k], naive(filled, cutoff, 3))
        assert_array_equal(rolling.forecasts["seasonal_naive"][k], seasonal_naive(filled, cutoff, 3, 6))
        assert_array_equal(rolling.forecasts["linear"][k], linear.forecast("a", filled, cutoff))
