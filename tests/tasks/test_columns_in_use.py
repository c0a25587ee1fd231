"""Columns beside the values from reading to use: fits, files, streams, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import elman
from elman import Forecaster
from elman.data import CovariateNames, read_series, with_future
from elman.data.windows import contexts
from elman.errors import DataError, ModelFileError, SettingsError
from elman.model import Model
from elman.tasks.forecast.columns_record import columns_from_record, record_of_columns
from elman.tasks.forecast.forecasts import network_forecasts
from elman.tasks.forecast.predictor import ForecastPredictor
from tests.tasks.columns_data import HORIZON, STEPS, changed, data_of, driven, table
from tests.tasks.helpers import drawn, wavy


@pytest.fixture(scope="module")
def settings_of_a_fit() -> dict[str, Any]:
    return {"horizon": 2, "season": 6, "hidden_size": 8, "epochs": 2, "seed": 1}


@pytest.fixture(scope="module")
def fitted(settings_of_a_fit: dict[str, Any]) -> Forecaster:
    return Forecaster(**settings_of_a_fit).fit(driven(), target="promo", time="", future="p")


@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_what_is_known_beforehand_pays(strategy, settings_of_a_fit, fitted):
    job = {**settings_of_a_fit, "strategy": strategy}
    without = Forecaster(**job).fit(driven(), target="promo", time="")
    with_it = fitted if strategy == "direct" else Forecaster(**job).fit(driven(), target="promo", time="", future="p")
    assert without.metrics["test"]["rmse"] > 1.1
    assert with_it.metrics["test"]["rmse"] < 0.45  # of noise there is 0.3


def test_a_leading_column_pays(settings_of_a_fit):
    without = Forecaster(**settings_of_a_fit).fit(driven(), target="lead", time="")
    with_it = Forecaster(**settings_of_a_fit).fit(driven(), target="lead", time="", past="x")
    assert without.metrics["test"]["rmse"] > 1.7
    assert with_it.metrics["test"]["rmse"] < 0.6


def test_a_run_is_saved_and_used_without_naming_the_columns_again(fitted, tmp_path):
    loaded = elman.load(fitted.save(tmp_path / "run"))
    history = {name: values[:200] for name, values in driven().items()}
    ahead = {"p": driven()["p"][200:202]}
    expected = fitted.predict(history, future_data=ahead)
    assert loaded.predict(history, future_data=ahead) == expected
    rows = {name: np.append(values, [np.nan, np.nan]) for name, values in history.items()}
    assert loaded.predict({**rows, "p": driven()["p"][:202]}) == expected  # in one table, or in two
    assert loaded.evaluate(driven()).scores == fitted.outcome.evaluation.scores
    assert (tmp_path / "run/predictions.csv").exists()
    assert not (tmp_path / "run/forecast.csv").exists()
    assert "no forecast beyond the end: 'p' not known for 2 steps after it" in "\n".join(fitted.describe_data())
    assert "beside the values: future 'p'" in loaded.outcome.final.describe()
    assert "future_data" not in str(loaded.columns) or loaded.columns.future_data is None


def test_a_fit_that_is_given_what_follows_writes_the_forecast(settings_of_a_fit):
    known = {name: values[:200] for name, values in driven().items()}
    found = Forecaster(**settings_of_a_fit).fit(
        known, target="promo", time="", future="p", future_data={"p": [1.0, 0.0]}
    )
    table = found.extras().tables["forecast.csv"]
    assert table["step"] == [1, 2]
    assert found.predict() == table
    again = found.predict(future_data={"p": [0.0, 0.0]})
    assert table["forecast"][0] - again["forecast"][0] == pytest.approx(3, abs=0.3)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "needs 'p' from 200 to 201: none given; give rows of these steps .`future_data`."),
        ({"p": [1.0]}, "given 1 of 2 steps, 201 is the first without"),
        ({"p": [np.nan, 1.0]}, "given 1 of 2 steps, 200 is the first without"),
        ({"q": [1.0, 2.0]}, "there is no column 'p'"),
    ],
)
def test_a_forecast_needs_the_whole_horizon(given, message, fitted):
    history = {name: values[:200] for name, values in driven().items()}
    with pytest.raises(DataError, match=message):
        fitted.predict(history, **({"future_data": given} if given else {}))


def test_data_without_the_columns_are_refused(fitted):
    with pytest.raises(DataError, match="there is no column 'p'"):
        fitted.predict({"promo": driven()["promo"]})
    plain = read_series({"promo": driven()["promo"]})
    for use in (fitted.predict, fitted.evaluate):
        with pytest.raises(DataError, match="was read without the column 'p', which the model reads"):
            use(plain)
    with pytest.raises(DataError, match="was read with the past column 'x', which the model does not read"):
        fitted.predict(driven(), past="x", future_data={"p": [1, 2]})


def test_a_past_column_has_no_next_step_to_read():
    with pytest.raises(DataError, match="'x' is not known after the last value, and `strategy` recursive"):
        drawn(data_of(table()), strategy="recursive")


def test_gaps_and_absurd_numbers_are_filled_in_and_said():
    columns = table(steps=120)
    columns["x"][[3, 50]] = np.nan
    columns["x"][60] = 1e9
    data = data_of(columns)
    _, model = drawn(data, season=6)
    lines = "\n".join(model.remarks(data))
    assert "filled in with the number before: 2 of 120 of 'x'" in lines
    assert "far outside the rest, held to" in lines
    assert np.isfinite(model.predict(data)["forecast"]).all()
    found = model.plan.columns.features(data.series[0], data.frequency)
    assert_array_equal(found.past[[3, 50]], found.past[[2, 49]])
    assert np.abs(found.past).max() < 25


def test_static_columns_of_each_series():
    columns = {
        "unique_id": np.repeat(["a", "b", "c"], 60),
        "ds": np.tile(np.datetime64("2021-01-01", "D") + np.arange(60), 3),
        "y": np.concatenate([wavy(60, seed=k) for k in range(3)]),
        "kind": np.repeat(["left", "right", "left"], 60),
        "size": np.repeat([1.0, 2.0, 4.0], 60),
    }
    names = CovariateNames((), (), ("kind", "size"))
    data = data_of(columns, names)
    _, model = drawn(data, season=6, combine="none")
    plan = model.plan
    rows = [plan.columns.features(series, data.frequency).static for series in data]
    assert plan.columns.categories == {"kind": ("left", "right")}
    assert_array_equal([row[:2] for row in rows], [[1, 0], [0, 1], [1, 0]])
    assert_allclose(np.mean([row[2] for row in rows]), 0, atol=1e-12)
    new = data_of({**columns, "kind": np.repeat(["left", "new", "left"], 60)}, names)
    assert "of no category of 'kind' that was in training: 'b'" in model.remarks(new)
    assert_array_equal(plan.columns.features(new.series[1], None).static[:2], [0, 0])
    moved = np.array(model.predict(new)["forecast"]) != np.array(model.predict(data)["forecast"])
    assert moved.reshape(3, -1).any(axis=1).tolist() == [False, True, False]
    with pytest.raises(DataError, match="static column 'size' holds 'big'; in training it held numbers"):
        model.predict(data_of({**columns, "size": np.repeat(["big", "2", "3"], 60)}, names))


@pytest.mark.parametrize(("level", "intervals"), [("none", "conformal"), ("seasonal", "quantile")])
def test_a_stream_is_the_forecast_at_each_step(level, intervals):
    columns = table()
    columns["p"][7] = np.nan
    columns["x"][[5, 30]] = np.nan
    job = {"level": level, "season": 6, "calendar": ("time-of-day",), "intervals": intervals}
    data = data_of(columns)
    _, model = drawn(data, **job)
    stream = model.stream("y")
    for t in range(STEPS):
        given = {"value": columns["y"][t], "x": columns["x"][t], "p": columns["p"][t : t + 1 + HORIZON]}
        got = stream.step({**given, "kind": "b", "time": columns["ds"][t]})
    assert_allclose(got, model.predict(data)["forecast"], rtol=1e-5)
    for wrong, message in (
        (3.0, "takes a mapping with 'value', 'x', 'p', 'kind', 'time'"),
        ({**given, "kind": "b"}, "takes a mapping with"),
        ({**given, "kind": "b", "time": "noon"}, "takes a time as"),
        (
            {**given, "p": 1.0, "kind": "b", "time": "2021-01-01"},
            "takes 4 numbers, those of its step and of the 3 after",
        ),
        ({**given, "x": np.inf, "kind": "b", "time": "2021-01-01"}, "'x' has an infinite one"),
    ):
        with pytest.raises(DataError, match=message):
            stream.step(wrong)


def test_a_calendar_says_where_a_step_lies():
    columns = {k: v for k, v in table().items() if k in ("ds", "y")}
    data = data_of(columns, CovariateNames())
    _, model = drawn(data, calendar=("time-of-day", "day-of-week"), season=6)
    assert model.plan.columns.sizes(model.plan.encoding)[1] in (4, 8)
    assert len(model.predict(data)["forecast"]) == HORIZON  # nothing has to be given for the steps ahead
    with pytest.raises(DataError, match="there are no times"):
        drawn(read_series({"y": wavy(70)}), calendar=("time-of-day",))
    days = read_series({"ds": np.datetime64("2021-01-01", "D") + np.arange(70), "y": wavy(70)})
    with pytest.raises(DataError, match="time-of-day is the same at every step and tells nothing"):
        drawn(days, calendar=("day-of-week", "time-of-day"))


def test_going_on_keeps_the_columns(fitted, settings_of_a_fit):
    more = Forecaster(epochs=1).fit(
        {name: np.concatenate([values, values[:60]]) for name, values in driven().items()}, start_from=fitted
    )
    old = [record_of_columns(one.plan.columns) for one in (fitted.outcome.final, fitted.outcome.tested)]
    new = [record_of_columns(one.plan.columns) for one in (more.outcome.final, more.outcome.tested)]
    assert new[0] == new[1]
    assert new[0] in old
    with pytest.raises(DataError, match="was read without the column 'p'"):
        Forecaster(epochs=1).fit(read_series({"promo": driven()["promo"]}), start_from=fitted)


def test_a_job_on_other_columns_is_another_job():
    one = drawn(data_of(table()))[0].fingerprint()
    assert drawn(data_of(table()))[0].fingerprint() == one
    assert drawn(data_of(changed(table(), "x", 3, 9.0)))[0].fingerprint() != one


@pytest.mark.parametrize(
    "spoil",
    [
        lambda r: r["columns"].pop("past"),
        lambda r: r["columns"]["future"].append("x"),
        lambda r: r["columns"]["future"].append("other"),
        lambda r: r["columns"]["scales"].pop("x"),
        lambda r: r["columns"]["scales"].update(x=[0, 1, 2, 1]),
        lambda r: r["columns"]["scales"].update(x=[0, 1, 0.5, 0]),
        lambda r: r["columns"]["scales"].update(x="1234"),
        lambda r: r["columns"]["calendar"].append("moon"),
        lambda r: r["columns"]["categories"].update(kind=["a", "a"]),
        lambda r: r["columns"]["categories"].update(kind=["a", "c"]),  # one more than the layers read
        lambda r: r.update(strategy="recursive"),
        lambda r: r.update(columns=[]),
    ],
)
def test_a_malformed_record_is_refused(spoil):
    import copy

    _, model = drawn(data_of(table()), season=6)
    record = copy.deepcopy(model.model.encoding)
    assert columns_from_record(record["columns"]) == model.plan.columns
    spoil(record)
    with pytest.raises(ModelFileError):
        ForecastPredictor(Model(model.model.layers, model.model.arrays, "forecast", record))


def test_it_can_be_explained(fitted):
    data = fitted.read({name: values[:200] for name, values in driven().items()}, future_data={"p": [1.0, 0.0]})
    found = elman.explain(fitted, data)
    assert len(found.steps) == fitted.outcome.final.plan.encoding.steps
    assert_allclose(
        found.example.reading.finished(found.output),
        network_forecasts(
            fitted.model,
            fitted.outcome.final.plan,
            contexts(data.series[0].values, [199], fitted.outcome.final.plan.memory),
            [fitted.outcome.final.plan.scalers["promo"]],
            2,
            fitted.outcome.final._around(fitted.outcome.final.plan.history(data.series[0]), [199]),
        )[0, :, 0],
        rtol=1e-5,
    )
    with pytest.raises(DataError, match="needs 'p' from 260 to 261"):
        elman.explain(fitted, driven())
    assert with_future(data, {"p": [0.0, 0.0]}).series[0].covariates.ahead == 2


def test_a_calendar_is_chosen_where_it_helps():
    """A week in which week-ends are low, at a season of a day: the day of the week tells what the season does not."""
    random = np.random.default_rng(0)
    t = np.arange(24 * 7 * 4)
    times = np.datetime64("2024-01-01T00", "h") + t
    day = 20 + 3 * np.sin(t * 2 * np.pi / 24) + random.normal(0, 0.5, len(t))
    week = day - 8 * np.sin((t // 24) * 2 * np.pi / 7)
    job = {"season": 24, "horizon": 12, "window": 36, "level": "none", "transform": "none", "calendar": "auto"}
    for values, expected in ((day, ()), (week, ("day-of-week",))):
        problem, _ = drawn(read_series({"ds": times, "y": values}), **job)
        assert problem.plan.columns.calendar == expected
    changed_test = np.where(t < problem.ends[0], week, 1e3)
    again, _ = drawn(read_series({"ds": times, "y": changed_test}), **job)
    assert again.plan.columns == problem.plan.columns
    with pytest.raises(SettingsError, match="give auto, or each feature once"):
        drawn(read_series({"ds": times, "y": week}), calendar=("auto", "time-of-day"))
    assert drawn(read_series({"y": day}), **job)[0].plan.columns.calendar == ()  # without times there is none


def test_each_column_of_the_future_is_needed_in_each_step():
    columns = table()
    names = CovariateNames((), ("p", "x"))
    data = data_of(columns, names)
    _, model = drawn(data, season=6)
    ahead = {"ds": data.following(data.series[0], HORIZON), "p": np.ones(HORIZON), "x": np.ones(HORIZON)}
    for hole in range(HORIZON):
        known = np.arange(HORIZON) != hole
        with pytest.raises(DataError, match=f"needs 'x' from .* given {HORIZON - 1} of {HORIZON} steps"):
            model.predict(with_future(data, {**ahead, "x": np.where(known, 1.0, np.nan)}))
    assert len(model.predict(with_future(data, ahead))["forecast"]) == HORIZON


def test_a_static_column_without_a_value_tells_nothing():
    columns = {
        "unique_id": np.repeat(["a", "b"], 60),
        "ds": np.tile(np.datetime64("2021-01-01", "D") + np.arange(60), 2),
        "y": np.concatenate([wavy(60), wavy(60, seed=1)]),
        "kind": np.repeat(["left", ""], 60),
        "size": np.repeat([1.0, np.nan], 60),
    }
    names = CovariateNames((), (), ("kind", "size"))
    data = data_of(columns, names)
    _, model = drawn(data, season=6)
    assert [line for line in model.remarks(data) if "without" in line or "category" in line] == [
        "without a value of 'kind': 'b'",
        "without a value of 'size': 'b'",
    ]
    for name in ("kind", "size"):
        empty = np.repeat([""], 120) if name == "kind" else np.full(120, np.nan)
        with pytest.raises(DataError, match=f"column '{name}' has no (value|number) in what is learned from"):
            drawn(data_of({**columns, name: empty}, names), season=6)


def test_what_follows_is_not_scored(fitted):
    with pytest.raises(SettingsError, match="`future_data` lie after the data's end"):
        fitted.evaluate(driven(), future_data={"p": [0.0, 1.0]})
