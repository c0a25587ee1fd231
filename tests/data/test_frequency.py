"""The step of times, found from them alone, and the times that come next."""

from __future__ import annotations

import dataclasses
from dataclasses import asdict

import numpy as np
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from elman.data import Frequency, read_series
from elman.data.frequency import detect
from elman.data.series_report import described
from elman.errors import DataError

STEPS = [
    ("YS", "yearly", 1),
    ("6MS", "every 6 months", 2),
    ("5YS", "every 5 years", 1),
    ("QS", "quarterly", 4),
    ("QE", "quarterly", 4),
    ("MS", "monthly", 12),
    ("ME", "monthly", 12),
    ("4W", "every 4 weeks", 13),
    ("2W", "every 2 weeks", 26),
    ("W", "weekly", 52),
    ("2D", "every 2 days", 1),
    ("D", "daily", 7),
    ("B", "business-daily", 5),
    ("6h", "every 6 hours", 4),
    ("h", "hourly", 24),
    ("30min", "half-hourly", 48),
    ("10min", "every 10 minutes", 144),
    ("7min", "every 7 minutes", 206),
    ("min", "every minute", 1440),
    ("5s", "every 5 seconds", 17280),
]


def seconds(times) -> np.ndarray:
    return np.asarray(times).astype("datetime64[s]")


@pytest.mark.parametrize(("alias", "name", "season"), STEPS)
@pytest.mark.parametrize("start", ["1955-03-01", "2020-01-31 13:30"])
def test_every_step_is_found_and_goes_on(alias, name, season, start):
    times = seconds(pandas.date_range(start, periods=90, freq=alias))
    frequency = detect([times[:60]])
    assert frequency is not None
    assert (frequency.name, frequency.season) == (name, season)
    assert_array_equal(frequency.following(times[59], 30), times[60:])
    assert_array_equal(frequency.grid(times[0], 90), times)
    assert_array_equal(frequency.positions(times), np.arange(90))
    assert Frequency(**asdict(frequency)) == frequency


@given(st.sampled_from([s for s in STEPS if s[0] != "B"]), st.sets(st.integers(1, 58), max_size=15))
def test_missing_rows_change_neither_the_step_nor_the_places_of_the_rest(step, missing):
    alias, name, season = step
    kept = np.array([i for i in range(60) if i not in missing])
    times = seconds(pandas.date_range("2001-01-01", periods=60, freq=alias))
    frequency = detect([times[kept]])
    assert frequency is not None
    assert (frequency.name, frequency.season) == (name, season)
    assert_array_equal(frequency.positions(times[kept]), kept)


def test_the_kth_of_each_month_bends_to_short_months():
    times = seconds(["2020-12-30", "2021-01-30", "2021-02-28", "2021-03-30"])
    frequency = detect([times])
    assert frequency == Frequency("monthly", 1, 12, "month", 30)
    assert_array_equal(frequency.following(times[0], 3), times[1:])


def test_two_quarter_ends_on_a_30th_are_followed_by_a_31st():
    frequency = detect([seconds(["2020-06-30", "2020-09-30"])])
    assert_array_equal(frequency.following(np.datetime64("2020-09-30"), 1), seconds(["2020-12-31"]))


def test_holidays_are_no_gaps_and_a_week_of_five_days_is_daily():
    weekdays = seconds(pandas.bdate_range("2020-01-06", "2020-03-06"))
    rows = np.delete(weekdays, [14, 30])
    frequency = detect([rows])
    assert frequency == Frequency("business-daily", 1, 5, "weekday")
    assert_array_equal(frequency.positions(rows), np.arange(len(rows)))
    friday = np.datetime64("2020-03-06")
    assert_array_equal(frequency.following(friday, 2), seconds(["2020-03-09", "2020-03-10"]))
    saturday = seconds(["2020-03-06", "2020-03-07"])
    assert_array_equal(frequency.positions(saturday), [0, -1])
    assert detect([weekdays[:5]]).name == "daily"
    with_saturday = np.sort(np.append(rows, seconds(["2020-02-01"])))
    assert detect([with_saturday]) == frequency  # a row now and then may stand elsewhere
    assert_array_equal(frequency.positions(with_saturday), np.arange(len(with_saturday)))


@pytest.mark.parametrize(
    ("freq", "name", "day"),
    [
        ("BME", "monthly, on the last weekday", 0),
        ("BMS", "monthly, on the first weekday", -1),
        ("BQE", "quarterly, on the last weekday", 0),
        ("BYE", "yearly, on the last weekday", 0),
    ],
)
def test_months_may_end_or_begin_on_a_weekday(freq, name, day):
    days = seconds(pandas.date_range("2015-01-01", periods=60, freq=freq))
    frequency = detect([days[:40]])
    assert (frequency.name, frequency.day, frequency.unit) == (name, day, "month")
    assert_array_equal(frequency.positions(days), np.arange(60))
    assert_array_equal(frequency.following(days[39], 20), days[40:])
    assert Frequency(**asdict(frequency)) == frequency
    holiday = days.copy()
    holiday[5] -= np.timedelta64(1, "D") if day == 0 else -np.timedelta64(1, "D")
    if np.is_busday(holiday[5].astype("datetime64[D]")):
        assert detect([holiday]) == frequency
    assert_array_equal(detect([np.delete(days, [7, 8])]).positions(days), np.arange(60))  # two months without a row
    assert frequency.positions(days + np.timedelta64(10, "D")).max() == -1


def test_the_last_friday_is_not_the_last_weekday():
    fridays = seconds(pandas.date_range("2015-01-01", periods=60, freq="WOM-4FRI"))
    found = detect([fridays])
    assert found is None or "weekday" not in found.name
    assert detect([seconds(pandas.date_range("2020-01-31", periods=2, freq="BME"))]).unit == "second"  # too few


@pytest.mark.parametrize("slots", [(), (34_200, 37_800), (0, 90_000, 5 * 86_400 + 60)])
def test_the_steps_that_went_by_are_those_of_the_grid(slots):
    frequency = Frequency("some", 1, 5, "slot" if slots else "weekday", slots=slots)
    days = slots or range(0, 5 * 86_400, 86_400)
    for start in days:
        first = np.datetime64("2024-01-01", "s") + start  # a Monday
        grid = frequency.grid(first, 40)
        assert [frequency.went_by(first, time) for time in grid] == list(range(1, 41))


def test_several_series_have_one_step_between_them():
    long = seconds(pandas.date_range("2020-01-01", periods=20, freq="h"))
    frequency = detect([long, long[:1] + np.timedelta64(40, "h"), long[3:9]])
    assert frequency == Frequency("hourly", 3600, 24)
    assert detect([long[:1], long[:1]]) is None


@given(st.lists(st.integers(1, 10**7), min_size=4, max_size=30, unique=True))
def test_intervals_that_are_all_different_are_no_step(intervals):
    assert detect([np.datetime64("2020-01-02", "s") + np.cumsum(intervals).astype("timedelta64[s]")]) is None


def test_times_between_the_steps_are_told():
    frequency = Frequency("monthly", 1, 12, "month", 1)
    times = seconds(["2020-01-01", "2020-02-01", "2020-02-15", "2020-03-01 01:00", "2020-04-01"])
    assert_array_equal(frequency.positions(times), [0, 1, -1, -1, 3])
    assert_array_equal(
        Frequency("hourly", 3600, 24).positions(seconds(["2020-01-01 00:30", "2020-01-01 01:29"])), [0, -1]
    )


@given(st.sets(st.integers(0, 167), min_size=2, max_size=60), st.integers(0, 51))
def test_hours_of_the_week_that_recur_are_the_steps_and_go_on(hours, week):
    start = np.datetime64("2020-01-06", "s") + np.timedelta64(7 * week, "D")  # a Monday
    times = np.array([start + np.timedelta64(168 * w + hour, "h") for w in range(9) for hour in sorted(hours)])
    known, rest = times[: 8 * len(hours)], times[8 * len(hours) :]
    frequency = detect([known])
    assert frequency is not None
    assert_array_equal(frequency.following(known[-1], len(rest)), rest)
    assert_array_equal(Frequency(**dataclasses.asdict(frequency)).positions(known), np.arange(len(known)))


def weekdays_with_a_hole(first, then, tmp_path):
    days = [*pandas.bdate_range("2018-01-01", periods=first), *pandas.bdate_range("2021-01-04", periods=then)]
    path = tmp_path / "hole.csv"
    path.write_text("date,v\n" + "".join(f"{day:%Y-%m-%d},{k % 7}\n" for k, day in enumerate(days)))
    return path


def test_a_hole_of_years_between_weekdays_is_said_or_refused(tmp_path):
    data = read_series(weekdays_with_a_hole(700, 200, tmp_path))  # 82 weekdays of the 982 are missing
    assert "no rows between: 2020-09-04 and 2021-01-04 follow each other" in described(data)
    assert not any("no rows between" in line for line in described(read_series(weekdays_with_a_hole(780, 9, tmp_path))))
    refused = "430 rows, and 915 business-daily steps went by from 2018-01-01T00:00:00 to .*: 53% have no row"
    with pytest.raises(DataError, match=refused):
        read_series(weekdays_with_a_hole(300, 130, tmp_path))
