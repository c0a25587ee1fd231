"""What is filled in comes from the past; what a window asks for comes after its cutoff."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from elman.data import fill, windows
from elman.errors import SettingsError

NAN = float("nan")
VALUES = st.lists(st.just(NAN) | st.floats(-1e6, 1e6), min_size=1, max_size=40).map(np.array)
SEASONS = st.integers(1, 9)


def by_the_book(values, season):
    """One step at a time, as the docstring says it."""
    filled = list(values)
    last = None
    for t, value in enumerate(values):
        if not np.isnan(value):
            last = t
        elif last is not None:
            k = next(k for k in range(1, len(values)) if t - k * season <= last)
            filled[t] = values[last]
            for back in range(3) if season > 1 else ():
                place, before = t - (k + back) * season, last - (back + 1) * season
                if place >= 0 and before >= 0 and not np.isnan(values[place] + values[before]):
                    filled[t] = values[place] + (values[last] - values[before])
                    break
    return filled


@given(VALUES, SEASONS)
def test_fill_is_what_its_docstring_says(values, season):
    assert_allclose(fill(values, season), by_the_book(values, season), rtol=0, atol=1e-9)


@given(VALUES, SEASONS, st.data())
def test_nothing_after_a_step_is_used_for_it(values, season, data):
    t = data.draw(st.integers(0, len(values) - 1))
    changed = values.copy()
    changed[t + 1 :] = data.draw(arrays(float, len(values) - t - 1, elements=st.just(NAN) | st.floats(-1e6, 1e6)))
    assert_array_equal(fill(values, season)[: t + 1], fill(changed, season)[: t + 1])


@given(VALUES, SEASONS)
def test_fill_leaves_what_is_there_and_misses_only_the_beginning(values, season):
    before = values.copy()
    filled = fill(values, season)
    assert_array_equal(values, before)
    there = ~np.isnan(values)
    assert_array_equal(filled[there], values[there])
    first = np.argmax(there) if there.any() else len(values)
    assert_array_equal(np.isnan(filled), np.arange(len(values)) < first)


@given(VALUES, SEASONS)
def test_whatever_the_gaps_it_lies_at_most_the_range_beyond_what_was_observed(values, season):
    if not np.isnan(values).all():
        low, high = np.nanmin(values), np.nanmax(values)
        filled = fill(values, season)[np.argmax(~np.isnan(values)) :]
        slack = 1e-9 * max(abs(low), abs(high))
        assert filled.min() >= low - (high - low) - slack
        assert filled.max() <= high + (high - low) + slack


@pytest.mark.parametrize(("every", "season"), [(3, 7), (5, 7), (7, 24), (10, 24), (15, 24), (2, 7)])
def test_a_value_on_every_few_steps_does_not_run_away(every, season):
    values = np.full(2400, NAN)
    values[::every] = 100 + np.random.default_rng(0).normal(size=len(values[::every]))
    assert np.abs(fill(values, season) - 100).max() < 15


def test_a_day_of_the_week_that_is_always_missing_is_the_day_before():
    values = 10 * (np.arange(70) // 7) + np.tile([0.0, 3, 5, 4, 2, 1, NAN], 10)
    filled = fill(values, 7)
    assert_allclose(filled[6::7], values[5::7])


def test_a_gap_is_filled_from_two_seasons_back_where_one_was_missing_too():
    truth = np.arange(40) * 0.5 + np.tile([0.0, 3.0, -1.0, 2.0], 10)
    holes = truth.copy()
    holes[[13, 17]] = NAN  # at 17 the season before is missing: two seasons' change of the level, from two back
    filled = fill(holes, 4)
    assert filled[17] == truth[9] + (truth[16] - truth[8])


def test_a_season_on_a_trend_is_continued_through_a_gap():
    truth = np.arange(40) * 0.5 + np.tile([0.0, 3.0, -1.0, 2.0], 10)
    holes = truth.copy()
    holes[[9, 17, 18, 19, 20]] = np.nan
    assert_allclose(fill(holes, 4), truth, rtol=1e-12)


def test_a_gap_longer_than_a_season_repeats_it_without_running_away():
    values = np.array([0.0, 1, 2, 10, 11, 12, *[NAN] * 6])
    assert_array_equal(fill(values, 3)[6:], [20, 21, 22, 20, 21, 22])


def test_without_a_season_the_last_value_stands():
    assert_array_equal(fill(np.array([NAN, 1, 5, NAN, NAN]), 1), [NAN, 1, 5, 5, 5])
    assert_array_equal(fill(np.array([1.0, 5, NAN]), 4), [1, 5, 5])
    assert_array_equal(fill(np.array([NAN, NAN]), 2), [NAN, NAN])


@given(st.integers(0, 30), st.integers(1, 9), st.integers(0, 9))
def test_windows_hold_the_steps_around_their_cutoffs(n, input_size, horizon):
    steps = np.arange(n)
    found = windows(steps, input_size, horizon, observed=steps % 3 > 0)
    count = max(n - input_size - horizon + 1, 0)
    assert found.inputs.shape == (count, input_size)
    assert found.targets.shape == found.observed.shape == (count, horizon)
    assert_array_equal(found.inputs, found.cutoffs[:, None] + np.arange(1 - input_size, 1))
    assert_array_equal(found.targets, found.cutoffs[:, None] + np.arange(1, horizon + 1))
    assert (found.targets > found.cutoffs[:, None]).all()
    assert_array_equal(found.observed, found.targets % 3 > 0)
    assert not count or (found.cutoffs[0], found.cutoffs[-1]) == (input_size - 1, n - horizon - 1)


def test_windows_are_views_and_take_several_values_a_step():
    values = np.arange(12.0).reshape(6, 2)
    found = windows(values, 2, 3)
    assert np.shares_memory(found.inputs, values)
    assert np.shares_memory(found.targets, values)
    assert_array_equal(found.inputs[1], values[1:3])
    assert_array_equal(found.targets[1], values[3:6])
    assert found.observed.all()
    assert windows(values[:4], 2, 3).inputs.shape == (0, 2, 2)


def test_impossible_sizes_are_refused():
    with pytest.raises(SettingsError, match="give at least 1 and 0"):
        windows(np.zeros(3), 0, 1)
    with pytest.raises(SettingsError, match="season 0"):
        fill(np.zeros(3), 0)
