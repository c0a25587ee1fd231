"""What a forecaster knows of the data it was fitted to: frequency, scale, and which series were too short."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal, assert_equal

import elman
from elman.data import Frequency, read_series
from elman.errors import DataError
from elman.tasks.forecast import ForecastSettings
from elman.tasks.forecast.encoding import Scaler
from elman.tasks.forecast.record import plan_from_record, record_of
from elman.tasks.forecast.same_kind import frequency_from_record, like, same_scale
from elman.tasks.forecast.usable import usable
from tests.tasks.helpers import drawn, series_set, wavy

WEEKDAYS = np.arange("2022-01-03", "2022-04-30", dtype="datetime64[D]")
WEEKDAYS = WEEKDAYS[np.is_busday(WEEKDAYS)]


def monthly(steps, scale=1.0):
    return {"ds": np.datetime64("2010-01") + np.arange(steps), "y": scale * wavy(steps, season=12)}


def daily(days, seed=0):
    return {"ds": days, "y": wavy(len(days), season=7, seed=seed)}


@pytest.fixture(scope="module")
def forecaster():
    return elman.Forecaster(horizon=3, hidden_size=4, epochs=2).fit(monthly(60))


def test_the_record_has_the_frequency(forecaster):
    plan = forecaster.outcome.final.plan
    assert plan.frequency == read_series(monthly(60)).frequency
    assert plan_from_record(record_of(plan)).frequency == plan.frequency
    slots = Frequency("two", 1, 2, "slot", slots=(0, 3600))
    assert frequency_from_record({**dataclasses.asdict(slots), "slots": [0, 3600]}) == slots
    for change in ({"step": 0}, {"step": 1.0}, {"unit": "year"}, {"slots": [5, 3]}, {"day": 32}, {"name": 5}, {"x": 1}):
        with pytest.raises((TypeError, ValueError)):
            frequency_from_record({**dataclasses.asdict(slots), **change})


def test_another_frequency_is_refused(forecaster):
    days = daily(np.arange("2022-01-01", "2022-04-30", dtype="datetime64[D]"))
    refused = "the series are daily, those that the model was fitted to monthly; give series of that frequency"
    for act in (
        lambda: forecaster.predict(days),
        lambda: forecaster.evaluate(days),
        lambda: elman.Forecaster(epochs=1).fit(days, start_from=forecaster),
    ):
        with pytest.raises(DataError, match=refused):
            act()
    assert len(forecaster.predict(monthly(40))["ds"]) == 3
    assert forecaster.predict(wavy(40))["ds"] == ["40", "41", "42"]  # without times nothing can be compared


@pytest.mark.parametrize(("days", "following"), [(-1, "2015-01-31"), (14, "2015-01-15"), (0, "2015-01-01")])
def test_the_labels_of_other_days_of_the_month_go_on_as_they_are(forecaster, days, following):
    months = np.arange("2012-01", "2015-01" if days >= 0 else "2015-02", dtype="datetime64[M]")
    ds = months.astype("datetime64[D]") + days  # the model's are the first of each
    found = forecaster.predict({"ds": ds, "y": wavy(len(ds), season=12)})
    assert found["ds"][0] == following


def test_a_few_weekdays_are_no_other_frequency():
    weekdays = read_series(daily(WEEKDAYS)).frequency
    short = like(read_series(daily(WEEKDAYS[:5])), weekdays)
    assert short.following(short.series[0], 1) == ["2022-01-10"]
    with pytest.raises(DataError, match="the series are daily, those that the model was fitted to business-daily"):
        like(read_series(daily(np.arange("2022-01-01", "2022-03-01", dtype="datetime64[D]"))), weekdays)


def test_a_series_in_another_unit_has_the_scale_of_its_history(forecaster):
    final = forecaster.outcome.final
    plain, thousand = monthly(60), monthly(60, 1000.0)
    assert final.remarks(read_series(plain)) == []
    (remark,) = final.remarks(read_series(thousand))
    assert remark == "on another scale than in training, so the scale of the history given is used: y"
    wanted = 1000 * np.array(forecaster.predict(plain)["forecast"])
    assert_allclose(forecaster.predict(thousand)["forecast"], wanted, rtol=1e-5)
    assert remark in forecaster.evaluate({"ds": np.datetime64("2030-01") + np.arange(60), "y": thousand["y"]}).notes


def test_a_flat_history_is_no_other_unit():
    known = Scaler(100.0, 20.0)
    assert same_scale(known, Scaler(101.0, 0.1)) and same_scale(known, Scaler(150.0, 199.0))
    assert not same_scale(known, Scaler(0.1, 0.02)) and not same_scale(known, Scaler(1e5, 2e4))


def test_a_short_series_neither_shrinks_the_window_nor_stops_the_run():
    long = [wavy(144, season=12, seed=k) for k in range(4)]
    data = series_set(*long, wavy(14), [1.0, 2.0])
    settings = ForecastSettings(horizon=6, season=12)
    kept = usable(data, settings)
    assert kept.ids == ["a", "b", "c", "d"]
    assert [(one.id, one.reason) for one in kept.left_out] == [("e", "has 14 steps"), ("f", "has 2 steps")]
    assert "a window of 24 before a test" in kept.left_out[0].instead
    problem, _ = drawn(kept, horizon=6, season=12)
    alone, _ = drawn(series_set(*long), horizon=6, season=12)
    assert record_of(problem.plan) == record_of(alone.plan)
    assert usable(series_set(*long), settings).left_out == ()
    assert usable(series_set(wavy(14), wavy(15)), settings).ids == ["a", "b"]
    assert usable(series_set(*long, wavy(50)), dataclasses.replace(settings, window=50)).ids == ["a", "b", "c", "d"]


def test_short_series_are_forecast_as_a_season_ago():
    days = np.arange("2022-01-01", "2022-05-01", dtype="datetime64[D]")
    source = {"unique_id": ["A"] * 120 + ["B"] * 120 + ["C"] * 9 + ["D"] * 3}
    source["ds"] = np.concatenate([days, days, days[:9], days[:3]])
    source["y"] = np.concatenate([wavy(120, 7), wavy(120, 7, 1), np.arange(9.0), [5.0, 6.0, 7.0]])
    forecaster = elman.Forecaster(horizon=3, hidden_size=4, epochs=1).fit(source)
    table = forecaster.extras().tables["forecast.csv"]
    assert table["unique_id"] == [name for name in "ABCD" for _ in range(3)]
    assert table["forecast"][6:] == [2.0, 3.0, 4.0, 7.0, 7.0, 7.0]
    assert table["ds"][9:] == ["2022-01-04", "2022-01-05", "2022-01-06"]
    assert "'C' has 9 steps; 'D' has 3 steps" in forecaster.describe_data()[-1]
    assert_equal(forecaster.predict(source), table)
    data = read_series(source)
    assert forecaster.outcome.final.remarks(data)[-1].endswith("forecast as a season ago: C, D")
    later = {**source, "ds": source["ds"] + np.timedelta64(400, "D")}
    notes = forecaster.evaluate(later).notes
    assert any("'C' has 9 steps" in note for note in notes)
    assert_array_equal(forecaster.predict()["forecast"], table["forecast"])
