"""Backtests: nothing from after a cutoff, a model for each window as if the data ended there, tables that add up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from elman import Forecaster
from elman.data import SeriesSet
from elman.errors import DataError, SettingsError
from elman.tasks.forecast.backtest import BacktestResult
from elman.tasks.forecast.baselines import BASELINES
from elman.tasks.forecast.problem import ForecastProblem
from elman.tasks.forecast.scores import METRICS
from elman.tasks.forecast.settings import ForecastSettings
from elman.tasks.forecast.span import longest_horizon
from tests.tasks.columns_data import changed, data_of, table
from tests.tasks.helpers import drawn_arrays, series_set, wavy, with_gaps

QUICK: dict[str, Any] = {"hidden_size": 3, "epochs": 2, "horizon": 4, "season": 6}


def evaluated(data: SeriesSet, seed: int = 0, **settings: Any) -> Any:
    """A backtest of models with random weights, in place of trained ones."""
    problem = ForecastProblem(data, ForecastSettings(**(QUICK | settings)))
    if not problem.rounds:
        return problem.predictor(drawn_arrays(problem.layers, seed), "train").evaluate(problem.test)
    jobs = [problem.round(number) for number in range(problem.rounds)]
    return problem.measured([job.predictor(drawn_arrays(job.layers, seed), "all") for job in jobs if _measure(job)])


def _measure(job: ForecastProblem) -> bool:
    """Weights and intervals come from the validation part, as they do in training."""
    job.predictor(drawn_arrays(job.layers), "train")
    return True


def made_until(evaluation: Any, step: int, *, refit: bool) -> list[tuple[Any, ...]]:
    """The forecasts from the first series' cutoffs before ``step``, and those of the other in the same windows; with
    one model for all windows those of all. Without the values they are scored on."""
    rows = evaluation.rows
    cutoffs = {
        id: sorted({int(c) for i, c in zip(rows["unique_id"], rows["cutoff"], strict=True) if i == id}) for id in "ab"
    }
    count = sum(cutoff < step for cutoff in cutoffs["a"])
    kept = set(zip("a" * count, cutoffs["a"], strict=False))
    kept |= set(zip("b" * (count if refit else len(cutoffs["b"])), cutoffs["b"], strict=False))
    names = [name for name in rows if name != "y"]
    keys = zip(rows["unique_id"], map(int, rows["cutoff"]), strict=True)
    return [tuple(rows[name][k] for name in names) for k, key in enumerate(keys) if key in kept]


@st.composite
def jobs(draw: Any) -> dict[str, Any]:
    season = draw(st.sampled_from([None, 1, 6, (6, 12)]))
    return {
        "season": season,
        "horizon": draw(st.sampled_from([None, 1, 4])) if season != (6, 12) else 4,
        "windows": draw(st.integers(1, 3)),
        "stride": draw(st.sampled_from([None, 1, 3, 7])),
        "refit": draw(st.booleans()),
        "level": draw(st.sampled_from(["auto", "none", "last"])),
        "strategy": draw(st.sampled_from(["direct", "recursive"])),
        "highway": draw(st.booleans()),
        "combine": draw(st.sampled_from(["validation", "none"])),
        "validation": draw(st.sampled_from([0.0, 0.2])),
    }


@settings(max_examples=25)
@given(
    job=jobs(),
    gaps=st.lists(st.integers(1, 88), max_size=10),
    back=st.integers(1, 25),
    value=st.one_of(st.floats(-1e6, 1e6), st.just(np.nan)),
)
def test_a_value_after_a_cutoff_changes_nothing_made_at_it_or_before(job, gaps, back, value):
    values, other = with_gaps(wavy(90), gaps), wavy(97, seed=5)
    before = evaluated(series_set(values, other), **job)
    first = min(int(cutoff) for cutoff in before.rows["cutoff"])
    step = max(len(values) - back, first + 1)  # one of the test's
    changed = values.copy()
    changed[step] = value if step < len(values) - 1 or not np.isnan(value) else 0.0
    after = evaluated(series_set(changed, other), **job)
    made = made_until(before, step, refit=job["refit"])
    assert made and repr(made_until(after, step, refit=job["refit"])) == repr(made)
    assert after.facts["windows"] == before.facts["windows"] == 2 * job["windows"]


@pytest.mark.parametrize("refit", [False, True])
def test_so_do_trained_ones_with_everything_on(refit):
    """Weights, epochs and intervals of real training: the whole future is replaced after each cutoff."""
    values = with_gaps(wavy(70), [20, 21, 55])
    forecaster = Forecaster(**QUICK | {"season": None}, ensemble=2)
    found = forecaster.backtest(values, windows=3, refit=refit)
    for cutoff in found.windows["cutoff"]:
        future = values.copy()
        future[int(cutoff) + 1 :] = 1e3 * np.random.default_rng(int(cutoff)).normal(size=len(values) - 1 - int(cutoff))
        again = forecaster.backtest(future, windows=3, refit=refit)
        for name, column in found.forecasts.items():
            if name != "y":
                kept = [int(c) <= int(cutoff) for c in found.forecasts["cutoff"]]
                assert_array_equal(np.array(again.forecasts[name])[kept], np.array(column)[kept])


def test_a_model_for_each_window_is_the_plain_fit_of_the_data_up_to_there():
    values = {"a": wavy(80), "b": 50 * wavy(80, seed=4)}
    forecaster = Forecaster(**QUICK, combine="validation")
    found = forecaster.backtest(values, windows=3, stride=5, refit=True, target=["a", "b"])
    assert found.windows["cutoff"] == ["65", "70", "75"]
    for k, cutoff in enumerate(found.windows["cutoff"]):
        known = {name: column[: int(cutoff) + 1] for name, column in values.items()}
        plain = Forecaster(**QUICK, test_size=0).fit(known, target=["a", "b"])
        expected, rows = plain.predict(), found.forecasts
        own = [one == cutoff for one in rows["cutoff"]]
        for name in expected:
            theirs = np.array(rows[name])[own]
            if name in ("unique_id", "ds", "step"):
                assert theirs.tolist() == expected[name]
            else:
                assert_allclose(theirs, expected[name], rtol=1e-6)
        assert found.windows["level"][k] == plain.outcome.final.plan.encoding.level


def test_one_model_for_all_windows_is_todays_evaluation():
    values = wavy(90)
    for windows, stride in ((1, None), (3, None), (4, 4), (3, 9)):
        size = QUICK["horizon"] + (windows - 1) * (stride or QUICK["horizon"])
        found = Forecaster(**QUICK, stride=stride).backtest(values, windows=windows, stride=stride)
        plain = Forecaster(**QUICK, stride=stride, test_size=size).fit(values).outcome.evaluation
        assert found.evaluation.scores == plain.scores and found.evaluation.baselines == plain.baselines
        assert found.forecasts == plain.rows and found.evaluation.verdict == plain.verdict


def test_windows_that_overlap_are_whole_ones():
    found = Forecaster(**QUICK).backtest(wavy(80), windows=5, stride=1)
    assert found.windows["cutoff"] == [str(k) for k in range(71, 76)]
    assert found.forecasts["step"] == [1, 2, 3, 4] * 5


@pytest.fixture(scope="module")
def found() -> BacktestResult:
    return Forecaster(**QUICK).backtest({"y0": wavy(80), "y1": 50 * wavy(80, seed=4)}, windows=3, target=["y0", "y1"])


def test_the_tables_add_up(found):
    rows = {name: np.array(column) for name, column in found.forecasts.items()}
    errors = np.abs(rows["y"] - rows["forecast"])
    series = {name: np.array(column) for name, column in found.series.items()}
    assert series["unique_id"].tolist() == ["y0", "y1"] * 3 and series["window"].tolist() == [1, 1, 2, 2, 3, 3]
    for k, cutoff in enumerate(found.windows["cutoff"]):
        for id in ("y0", "y1"):
            own = (rows["cutoff"] == cutoff) & (rows["unique_id"] == id)
            listed = (series["cutoff"] == cutoff) & (series["unique_id"] == id)
            assert_allclose(series["mae"][listed], errors[own].mean(), rtol=1e-12)
        listed = series["window"] == k + 1
        for metric in METRICS:
            for column in (metric, *(f"{metric}_{name}" for name in BASELINES)):
                assert_allclose(found.windows[column][k], series[column][listed].mean(), rtol=1e-12)
        size = [np.abs(rows["y"][(rows["cutoff"] == cutoff) & (rows["unique_id"] == id)]).sum() for id in ("y0", "y1")]
        for column in ("wql", "wql_naive", "wql_seasonal_naive"):
            assert_allclose(found.windows[column][k], np.average(series[column][listed], weights=size), rtol=1e-12)
    sizes = [np.abs(rows["y"][rows["cutoff"] == cutoff]).sum() for cutoff in found.windows["cutoff"]]
    assert_allclose(found.evaluation.scores["wql"], np.average(found.windows["wql"], weights=sizes), rtol=1e-12)
    assert_allclose(found.mean["model"]["mae"], np.mean(found.windows["mae"]), rtol=1e-12)
    assert_allclose(found.mean["model"]["mae"], found.evaluation.scores["mae"], rtol=1e-12)
    assert_allclose(found.mean["linear"]["mase"], found.evaluation.baselines["linear"]["mase"], rtol=1e-12)
    assert_allclose(found.spread["naive"]["rmse"], np.std(found.windows["rmse_naive"], ddof=1), rtol=1e-12)


def test_it_prints_what_it_measured(found):
    text = str(found)
    assert "Backtest: 3 windows of 4 steps, 4 apart, of 2 series; one model, fitted before the first" in text
    mean, deviation = found.mean["model"]["mase"], found.spread["model"]["mase"]
    assert f"{mean:#.4g} ± {deviation:.2g}" in text.partition("MASE by cutoff")[2]
    assert "nan" not in text


def test_its_pictures_show_every_cutoff(found):
    forecasts, scores = found.figures[:2]
    assert [mark[0] for mark in forecasts.marks] == [67, 71, 75]
    assert scores.lines[0].x.tolist() == [67, 71, 75]
    assert_array_equal(scores.lines[0].y, found.windows["mase"])
    model = forecasts.lines[-1]
    own = [row == "y0" for row in found.forecasts["unique_id"]]
    assert_array_equal(model.y, np.array(found.forecasts["forecast"])[own])


def test_of_one_series_the_tables_by_series_name_it():
    one = Forecaster(**QUICK).backtest({"ds": [f"{1900 + k}" for k in range(60)], "y": wavy(60)}, windows=2)
    assert one.series["unique_id"] == ["y", "y"] and one.series["mae"] == one.windows["mae"]
    assert one.windows["cutoff"] == ["1951", "1955"]


def test_the_forecaster_is_not_changed():
    forecaster = Forecaster(**QUICK, test_size=10)
    before = forecaster.get_params()
    forecaster.backtest(wavy(80), windows=2, refit=True)
    assert forecaster.get_params() == before
    with pytest.raises(Exception, match="not trained yet"):
        forecaster.predict()


@pytest.mark.parametrize("windows", [1, 2, 7])
@pytest.mark.parametrize("stride", [None, 1, 5])
def test_how_many_windows_there_may_be_is_said_and_is_true(windows, stride):
    settings = ForecastSettings(**QUICK | {"windows": windows, "stride": stride, "season": 1})
    needed = 4 + (windows - 1) * (stride or 4) + 6
    ForecastProblem(series_set(wavy(needed)), settings)
    with pytest.raises(DataError) as refused:
        ForecastProblem(series_set(wavy(needed - 1)), settings)
    text = str(refused.value)
    assert f"'a' has {needed - 1} steps, too few for" in text and "\n" not in text
    assert (f"there may be {windows - 1} at most" in text) == (windows > 1)


@given(steps=st.integers(10, 300), windows=st.integers(1, 20), stride=st.sampled_from([None, 1, 5]))
def test_the_season_is_found_before_the_first_window(steps, windows, stride):
    settings = ForecastSettings(windows=windows, stride=stride)
    data = series_set(np.arange(float(steps)))
    horizon = longest_horizon(data, settings)
    assert 1 <= horizon <= 48
    size = horizon + (windows - 1) * (stride or horizon)
    assert size <= max(steps // 2, 1 + (windows - 1) * (stride or 1))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"windows": 3, "test_size": 8}, "two ways to say how long the test is; give one"),
        ({"refit": True}, "say with `windows` how many"),
        ({"windows": 0}, "windows is 0; it must be at least 1"),
    ],
)
def test_settings_that_contradict_each_other(given, said):
    with pytest.raises(SettingsError, match=said):
        Forecaster(**given)


def test_a_test_of_its_own_leaves_no_windows():
    with pytest.raises(SettingsError, match="`windows` are the end of the data"):
        Forecaster(**QUICK, windows=2).fit(wavy(60), test=wavy(10))


@pytest.mark.parametrize("refit", [False, True])
def test_columns_beside_the_values_are_known_as_far_as_they_may_be(refit: bool) -> None:
    columns, how = table(120, seed=2), {"windows": 3, "refit": refit, "combine": "none"}
    rows = evaluated(data_of(columns), **how).rows
    first, horizon = 120 - 3 * QUICK["horizon"], QUICK["horizon"]
    for name, begin in (("x", first), ("y", first), ("p", first + horizon)):  # what the first window may not know
        other = evaluated(data_of(changed(columns, name, slice(begin, 119), 7.0)), **how).rows
        assert other["forecast"][:horizon] == rows["forecast"][:horizon]
    moved = evaluated(data_of(changed(columns, "p", slice(first, first + horizon), 7.0)), **how).rows
    assert moved["forecast"][:horizon] != rows["forecast"][:horizon]


def test_baselines_keep_their_intervals_where_each_window_has_a_model() -> None:
    found = evaluated(series_set(wavy(200)), windows=2, refit=True)
    assert {name for name, row in found.baselines.items() if row["wql"] == row["wql"]} == {"naive", "seasonal_naive"}
