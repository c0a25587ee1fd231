"""Forecasting of series that are out of the ordinary: what once went wrong, by the fault."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from elman.data import Series
from elman.errors import DataError, ModelFileError, SettingsError
from elman.tasks.forecast import Forecaster
from elman.tasks.forecast.combination import combined
from elman.tasks.forecast.encoding import Encoding
from elman.tasks.forecast.intervals import level_name
from elman.tasks.forecast.limits import Limits
from elman.tasks.forecast.linears import LinearMember
from elman.tasks.forecast.plan import history_of
from elman.tasks.forecast.predictor import ForecastPredictor
from elman.tasks.forecast.record import plan_from_record
from elman.tasks.forecast.season import further_season, shorter_season
from elman.tasks.forecast.selection import choose_seasons

QUICK: dict[str, Any] = {"horizon": 5, "epochs": 1, "hidden_size": 4, "seed": 1}
TIME = np.arange(200)
GROWING = np.exp(TIME / 60) * (3 + np.sin(2 * np.pi * TIME / 7))
NOISY = 100 + 10 * np.sin(2 * np.pi * TIME / 7) + np.random.default_rng(0).normal(0, 2, 200)


def closed(values: np.ndarray) -> np.ndarray:
    """Five zeros at the end."""
    return np.where(np.arange(len(values)) >= len(values) - 5, 0.0, values)


@pytest.fixture(scope="module")
def of_logarithms() -> Forecaster:
    return Forecaster(transform="log", **QUICK).fit(GROWING)


def test_zeros_in_the_test_part_do_not_stop_a_model_of_logarithms() -> None:
    fitted = Forecaster(**QUICK).fit(closed(GROWING))
    assert fitted.predict()["forecast"] == pytest.approx(GROWING[-12:-7], rel=0.5)  # zeros are read as missing


def test_zeros_later_are_read_as_missing_and_said_to_be(of_logarithms: Forecaster) -> None:
    missing = np.where(closed(GROWING) == 0, np.nan, GROWING)
    found = of_logarithms.evaluate(closed(GROWING), adapt=False)
    assert any("no logarithm" in note for note in found.notes)
    stream, other = of_logarithms.stream(), of_logarithms.stream()
    for zero, nothing in zip(closed(GROWING), missing, strict=True):
        assert_array_equal(stream.step(zero), other.step(nothing))
    assert np.isfinite(of_logarithms.predict(closed(GROWING))["forecast"]).all()


def test_no_positive_value_at_all_is_an_error(of_logarithms: Forecaster) -> None:
    for values in (-GROWING, np.zeros(60)):
        with pytest.raises(DataError, match="no positive value.*`transform` none"):
            of_logarithms.predict(values)
    with pytest.raises(DataError, match="no positive value"):
        Forecaster(transform="log", **QUICK).fit(-GROWING, start_from=of_logarithms)


def test_a_gap_is_not_filled_with_less_than_nothing_where_logarithms_are_wanted() -> None:
    values = np.array([9.0, 1.0, 9.0, 2.0, 3.0, np.nan, np.nan])  # a season ago, and 6 less: -4
    assert history_of(Series("y", values), 2).values[-2] == -4
    found = history_of(Series("y", values), 2, limits=Limits(0.1, 50.0, 0.0), positive=True)
    assert found.values.min() == 0.1


def test_a_member_of_logarithms_takes_a_new_scale_from_what_has_one() -> None:
    member = LinearMember(Encoding(3, 1, 1, "last", "series", "log"), np.array([[1.0], [0.0], [0.0], [0.0]]))
    with_zero, without = np.array([0.0, 1, 2, 4, 8]), np.array([1.0, 2, 4, 8])
    assert member.scaler("", with_zero) == member.scaler("", without)
    assert np.isfinite(member.forecast(with_zero[None], [member.scaler("", with_zero)])).all()


def test_a_member_whose_forecast_overflows_does_not_count() -> None:
    weights = [{"network": 0.5, "7 x 7": 0.5}]
    assert combined({"network": np.array([[2.0]]), "7 x 7": np.array([[np.inf]])}, weights, 0).tolist() == [[2.0]]


def test_intervals_of_higher_levels_hold_those_of_lower_ones() -> None:
    levels = (95.0, 50.0, 70.0, 60.0, 99.9)
    found = Forecaster(levels=levels, **QUICK).fit(NOISY).predict()
    names = [level_name(level) for level in levels]
    assert [name for name in found if name.startswith("hi")] == [f"hi-{name}" for name in names]
    widths = np.array([np.subtract(found[f"hi-{level}"], found[f"lo-{level}"]) for level in sorted(names, key=float)])
    assert (np.diff(widths, axis=0) >= 0).all()


@pytest.mark.parametrize("level", [0.001, 0.00123456, 99.5, 99.999])
def test_every_level_allowed_can_be_written(level: float) -> None:
    record = Forecaster(levels=(level,), **QUICK).fit(NOISY).outcome.final.model.encoding
    assert plan_from_record(record).intervals.keys() == {level_name(level)}


@pytest.mark.parametrize("level", [0.0001, 99.99999])
def test_levels_without_a_name_are_refused_before_training(level: float) -> None:
    with pytest.raises(SettingsError, match="levels"):
        Forecaster(levels=(level,), **QUICK)


def test_two_values_are_too_few_and_said_to_be() -> None:
    assert further_season(np.array([1.0]), 1) is None and shorter_season(np.array([1.0]), 1) is None
    with pytest.raises(DataError, match="need 3"):
        Forecaster(**{**QUICK, "horizon": 1}).fit(np.array([1.0, 2.0]))


def table(**series: np.ndarray) -> dict[str, Any]:
    ids = [name for name, values in series.items() for _ in values]
    return {
        "unique_id": ids,
        "ds": [k for v in series.values() for k in range(len(v))],
        "y": np.concatenate([*series.values()]),
    }


def test_a_series_with_one_window_to_validate_on_is_no_obstacle() -> None:
    forecaster = Forecaster(**QUICK).fit(table(a=NOISY, b=np.cumsum(NOISY - 100), c=GROWING[:120], d=NOISY[:30]))
    assert np.isfinite(forecaster.predict()["hi-95"]).all()


def test_a_series_shorter_than_the_window_before_its_test_is_scored() -> None:
    forecaster = Forecaster(window=19, **QUICK).fit(table(a=NOISY, b=NOISY[:40], c=NOISY[:23]))
    assert forecaster.data.ids == ["a", "b"]
    forecaster = Forecaster(**QUICK).fit(table(a=NOISY, b=NOISY[:60], c=NOISY[:18]))
    evaluation = forecaster.outcome.evaluation
    assert forecaster.data.ids == ["a", "b", "c"] and evaluation is not None
    assert evaluation.facts["window"] == 19  # of the season, which is found later than who is left out
    assert len(evaluation.tables["scores.csv"]["mae_linear"]) == 3


def test_seasons_do_not_depend_on_the_order_of_series() -> None:
    waves = [Series("b", np.sin(TIME * 2 * np.pi / 7)), Series("a", np.sin(TIME * 2 * np.pi / 12))]
    for series in (waves, waves[::-1]):
        assert choose_seasons(series, [200, 200], None) == (12,)


def test_a_short_series_alone_is_forecast_as_among_others() -> None:
    forecaster = Forecaster(**QUICK).fit(NOISY)
    found = forecaster.predict(NOISY[:5])
    assert found["forecast"] == [NOISY[4]] * 5 and np.isnan(found["hi-80"]).all()
    assert found.keys() == forecaster.predict().keys()
    assert "forecast as a season ago: y" in forecaster.outcome.final.remarks(forecaster.read(NOISY[:5]))[-1]


def test_less_than_a_window_to_evaluate_from_is_an_error() -> None:
    forecaster = Forecaster(**QUICK).fit(NOISY)
    with pytest.raises(DataError, match="3 steps before the test, which do not fill the window of 19"):
        forecaster.evaluate(NOISY[:8])


@pytest.mark.parametrize("value", [0.0, 100.0])
def test_a_series_at_one_value_is_forecast_the_same_in_any_unit(value: float) -> None:
    unit = 2.0**-60
    large, small = (Forecaster(**QUICK).fit(NOISY * scale) for scale in (1.0, unit))
    flat = np.full(40, value)
    assert_allclose(
        small.predict(flat * unit)["forecast"], np.multiply(large.predict(flat)["forecast"], unit), rtol=1e-4
    )


@pytest.mark.parametrize("season", range(4, 30))
def test_an_exact_wave_has_its_season(season: int) -> None:
    wave = np.sin(np.arange(400) * 2 * np.pi / season)
    assert choose_seasons([Series("y", wave)], [400], None)[0] == season


def test_a_series_that_has_become_negative_has_negative_forecasts() -> None:
    forecaster = Forecaster(**QUICK).fit(NOISY)
    assert max(forecaster.predict(NOISY - 500)["forecast"]) < 0
    stream = forecaster.stream()
    for value in NOISY - 500:
        found = stream.step(value)
    assert found.max() < 0


@pytest.mark.parametrize("window", ["x", None, 2.5, [3]])
def test_a_window_that_is_no_number_is_a_malformed_file(of_logarithms: Forecaster, window: Any) -> None:
    record = of_logarithms._final().model.encoding
    with pytest.raises(ModelFileError):
        plan_from_record({**record, "encoding": {**record["encoding"], "window": window}})


def test_widths_beyond_all_numbers_are_an_error() -> None:
    """As a damaged model may have them."""
    fitted = Forecaster(combine="none", **QUICK).fit(NOISY)
    predictor = fitted.outcome.final
    assert isinstance(predictor, ForecastPredictor)
    plan = predictor.plan
    many = {level: np.full(5, 1e308) for level in plan.intervals}
    own = {level: dict.fromkeys(units, 1e9) for level, units in plan.units.items()}
    predictor.plan = replace(plan, intervals=many, units=own)
    with pytest.raises(DataError, match="a forecast's interval is not a finite number"):
        fitted.predict()
