"""Values far outside the rest: read as missing, said, and never the cause of a forecast."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from elman import Forecaster
from elman.tasks.forecast.limits import Limits, fit_limits, without_outliers
from tests.tasks.helpers import beyond, drawn, series_set, wavy

QUICK = {"horizon": 6, "season": 6, "hidden_size": 4, "epochs": 3}


@pytest.mark.parametrize("place", [0, 31, 65, 79])  # the first, one fitted, one that validates, one in the test
def test_one_outlier_leaves_the_forecast_in_the_range_of_the_rest(place):
    values = wavy(80)
    spoiled = values.copy()
    spoiled[place] = 1e6
    clean, found = (Forecaster(**QUICK).fit(y) for y in (values, spoiled))
    near = np.array(found.predict()["forecast"])
    assert (values.min() - 3 < near).all() and (near < values.max() + 3).all()
    assert_allclose(near, clean.predict()["forecast"], atol=3.0)
    assert found.describe_data()[-1] == f"far outside the rest, read as missing: 1 value: 1e+06 at {place}"
    assert not any("outside" in line for line in clean.describe_data())


def test_three_in_a_row_are_a_new_level():
    limits = Limits(0.0, 10.0, 0.0)
    values = np.array([5.0, 99, 98, 97, 96, 5, 99, 5])
    assert_array_equal(without_outliers(values, limits), [5, np.nan, np.nan, 97, 96, 5, np.nan, 5])


@given(seed=st.integers(0, 99), shift=st.floats(-1e6, 1e6), power=st.integers(-20, 20))
def test_limits_move_with_the_series(seed, shift, power):
    values = np.random.default_rng(seed).normal(size=40)
    limits, moved = fit_limits(values), fit_limits((values + shift) * 2.0**power)
    assert_allclose(moved[:2], (np.array(limits[:2]) + shift) * 2.0**power, rtol=1e-6, atol=1e-6 * 2.0**power)
    assert limits.low < values.min() and values.max() < limits.high


def test_a_series_that_was_never_negative_is_not_forecast_to_be():
    counts = np.maximum(np.random.default_rng(0).poisson(0.4, 90) - np.arange(90) / 200, 0).round()
    forecaster = Forecaster(**QUICK).fit(counts)
    found = forecaster.predict()
    assert min(found["forecast"]) >= 0 and min(found["lo-95"]) >= 0
    problem, model = drawn(series_set(counts - 1))  # some are negative here
    assert beyond(model, series_set(counts - 1))["a"].shape == (3,) and problem.plan.limits["a"].floor < 0
