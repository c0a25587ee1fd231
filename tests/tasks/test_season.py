"""The season found in the values, for data without a calendar."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data import read_series
from elman.tasks.forecast.season import strongest_season
from elman.tasks.forecast.selection import choose_seasons
from tests.tasks.helpers import series_set, wavy

t = np.arange(400.0)


@pytest.mark.parametrize("period", [3, 4, 5, 7, 12, 24, 48, 52, 100])
@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_period_of_a_sine(period, noise):
    steps = np.arange(max(6 * period, 120))
    values = np.sin(2 * np.pi * steps / period) + np.random.default_rng(1).normal(0, noise, len(steps))
    # noise moves the rounded top of a slow wave
    assert strongest_season(values) == pytest.approx(period, rel=0.05 if noise and period > 30 else 0)


@settings(max_examples=40)
@given(
    period=st.integers(4, 30),
    slope=st.floats(-5, 5),
    level=st.floats(-1e6, 1e6),
    power=st.integers(-30, 30),
    seed=st.integers(0, 50),
)
def test_neither_level_nor_scale_nor_a_straight_line_matters(period, slope, level, power, seed):
    shape = np.random.default_rng(seed).normal(size=period)
    steps = np.arange(8 * period)
    values = shape[steps % period]
    assert strongest_season((values + slope * steps + level) * 2.0**power) == strongest_season(values)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("period", [4, 9, 24])
def test_of_a_period_and_its_multiples_the_period(period, seed):
    """All repeat alike; chance must not make a season of twelve days."""
    random = np.random.default_rng(seed)
    steps = np.arange(max(20 * period, 200))
    shape = np.sin(2 * np.pi * steps / period) + 0.5 * (steps % period == 0)
    assert strongest_season(shape + random.normal(0, 0.2, len(steps))) == period


def test_a_week_of_half_hours_is_found_under_the_louder_day():
    """As in electricity: every day has its curve, and the week-end a lower one."""
    steps = np.arange(6 * 336)
    day = np.sin(2 * np.pi * steps / 48) + 0.4 * np.sin(4 * np.pi * steps / 48)
    week_end = np.where(steps // 48 % 7 >= 5, 0.55, 1.0)
    noise = np.random.default_rng(0).normal(0, 0.1, len(steps))
    assert strongest_season((3 + day) * week_end + noise) == 336
    assert strongest_season(3 + day + noise) == 48


@pytest.mark.parametrize("seed", range(20))
def test_white_noise_has_none(seed):
    assert strongest_season(np.random.default_rng(seed).normal(size=300)) == 1


@pytest.mark.parametrize(
    "values",
    [t, t**2, np.exp(t / 60), np.sqrt(t), (t - 200) ** 3, (t > 200) * 1.0, np.full(400, 7.0), np.zeros(400)],
    ids=["line", "square", "growth", "root", "cube", "jump", "flat", "zero"],
)
def test_a_trend_is_no_season(values):
    assert strongest_season(values) == 1


@pytest.mark.parametrize("steps", range(12))
def test_a_few_values_are_no_season(steps):
    assert strongest_season(np.resize([1.0, 2.0], steps)) in (1, 2)
    assert strongest_season(np.arange(float(steps))) == 1


def test_a_season_must_occur_three_times():
    values = np.sin(2 * np.pi * np.arange(100) / 40)
    assert strongest_season(values) == 1
    assert strongest_season(np.sin(2 * np.pi * np.arange(130) / 40)) == 40


def test_real_half_hourly_load_has_the_week(shared_series):
    (load,) = read_series(shared_series / "taylor_half_hourly_load.csv")
    assert strongest_season(load.values) == 336
    assert strongest_season(load.values[:3225]) == 336  # what precedes the test


def test_the_calendar_comes_first_and_else_the_longest_known_part_decides():
    short, long = wavy(60, season=5), wavy(200, season=8)
    data = series_set(short, long)
    assert choose_seasons(data, [60, 200], None) == (8,)
    assert choose_seasons(data, [60, 50], None) == (5,)
    months = {"ds": [f"{2000 + k // 12}-{1 + k % 12:02d}" for k in range(60)], "y": short}
    monthly = read_series(months)
    assert choose_seasons(monthly, [60], monthly.frequency) == (12,)
    hours = np.datetime64("2020-01-01T00", "s") + np.arange(600) * np.timedelta64(3600, "s")
    hourly = read_series({"ds": hours, "y": wavy(600, season=24)})
    assert choose_seasons(hourly, [600], hourly.frequency) == (24, 168)
    assert choose_seasons(hourly, [500], hourly.frequency) == (24,)  # a week must occur three times
