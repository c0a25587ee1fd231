"""Intervals whose ends the network learns: what they come to, that they adapt and cover, where they cannot be had."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import elman
from elman import Forecaster
from elman.data import read_series
from elman.data.windows import contexts
from elman.errors import ModelFileError, SettingsError
from elman.model import Model, QuantileHead
from elman.tasks.forecast.combination import Backtest
from elman.tasks.forecast.forecasts import forecast
from elman.tasks.forecast.intervals import fit_intervals
from elman.tasks.forecast.network import is_silent
from elman.tasks.forecast.predictor import ForecastPredictor
from elman.tasks.forecast.quantiles import distances, first_gaps, quantiles_for
from tests.tasks.helpers import drawn, rolled, series_set, wavy, with_gaps

QUANTILE = {"intervals": "quantile", "season": 6}


def restless(steps: int, seed: int = 0, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Noise that is ten times as strong in each second half of a season, and its standard deviation."""
    t = np.arange(steps)
    deviation = scale * np.where(t % 12 < 6, 0.2, 2.0)
    noise = deviation * np.random.default_rng(seed).normal(size=steps)
    return 50 * scale + 3 * scale * np.sin(2 * np.pi * t / 12) + noise, deviation


@pytest.fixture(scope="module")
def two():
    """A model of two restless series, one a hundred times the other."""
    (a, _), (b, _) = restless(500), restless(500, seed=1, scale=100.0)
    job = {"horizon": 6, "season": 12, "window": 24, "hidden_size": 8, "epochs": 12, "learning_rate": 0.02}
    data = {"unique_id": ["a"] * 500 + ["b"] * 500, "y": np.concatenate([a, b])}
    columns = {"target": "y", "id": "unique_id"}
    return {
        how: Forecaster(**job, test_size=150, stride=1, intervals=how).fit(data, **columns)
        for how in ("conformal", "quantile")
    }


def test_width_follows_the_noise_and_the_levels_are_covered(two):
    found = two["quantile"].outcome.evaluation
    scores = found.facts["intervals"]
    # twelve windows of each series were held out to calibrate by: of so few the levels are met within some points
    assert abs(scores["80"]["coverage"] - 0.8) < 0.08 and abs(scores["95"]["coverage"] - 0.95) < 0.04
    rows = {name: np.array(column) for name, column in found.rows.items()}
    for id, scale in (("a", 1.0), ("b", 100.0)):
        own = rows["unique_id"] == id
        lively = rows["ds"][own].astype(int) % 12 >= 6
        width = (rows["hi-80"] - rows["lo-80"])[own] / scale
        inside = ((rows["y"] >= rows["lo-80"]) & (rows["y"] <= rows["hi-80"]))[own]
        assert width[lively].mean() > 2.5 * width[~lively].mean()
        assert abs(inside[lively].mean() - 0.8) < 0.15
    other = two["conformal"].outcome.evaluation
    assert found.scores["wql"] < 0.95 * other.scores["wql"]  # of one width they cannot do as well
    assert scores["80"]["msis"] < 0.95 * other.facts["intervals"]["80"]["msis"]


def test_they_are_saved_streamed_described_and_explained(two, tmp_path):
    model = two["quantile"]
    columns = {"target": "y", "id": "unique_id"}
    model.save(tmp_path / "run")
    loaded = elman.load(tmp_path / "run")
    values, _ = restless(200)
    data = {"unique_id": ["a"] * 200, "y": values}
    assert loaded.predict(data, **columns) == model.predict(data, **columns)
    ahead = model.predict(data, **columns)
    stream = loaded.stream("a", intervals=True)
    for value in values:
        last = stream.step(value)
    names = ["forecast", "lo-80", "hi-80", "lo-95", "hi-95"]
    assert_allclose(last, np.column_stack([ahead[name] for name in names]), rtol=1e-6)
    line = "intervals of 80, 95 % from the network's quantiles, calibrated on the validation part"
    assert line in model.outcome.final.describe()
    explained = elman.explain(loaded, data, **columns)
    assert "of the network's quantiles, this is the median" in explained.notes
    assert len(explained.connectivity.outputs) == 6
    assert "quantile layer" not in explained.page()
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["test"]["wql"] == model.outcome.evaluation.scores["wql"]


def test_training_goes_on_and_the_levels_stay(two):
    values, _ = restless(650)
    data = {"unique_id": ["a"] * 650, "y": values}
    columns = {"target": "y", "id": "unique_id"}
    more = Forecaster(epochs=1).fit(data, start_from=two["quantile"], **columns)
    assert more.settings.intervals == "quantile" and more.outcome.evaluation.facts["intervals"].keys() >= {"80", "95"}
    fewer = Forecaster(epochs=1, levels=(80,)).fit(data, start_from=two["quantile"], **columns)  # a part of them
    assert list(fewer.predict()) == ["unique_id", "ds", "step", "forecast", "lo-80", "hi-80"]
    with pytest.raises(SettingsError, match="no quantiles for `levels` 50: leave `levels` out, or train a new model"):
        Forecaster(epochs=1, levels=(50,)).fit(data, start_from=two["quantile"], **columns)
    with pytest.raises(SettingsError, match="intervals is 'conformal', but the model to go on from has 'quantile'"):
        Forecaster(epochs=1, intervals="conformal").fit(data, start_from=two["quantile"], **columns)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"intervals": "quantile", "strategy": "recursive"}, "`intervals` quantile needs `strategy` direct"),
        ({"intervals": "quantile", "loss": "mse"}, "`loss` is mse, but quantiles are learned by the pinball loss"),
        ({"intervals": "none", "levels": (50,)}, "`levels` are given, but `intervals` is none"),
        ({"intervals": "normal"}, "choose one of: conformal, quantile, none"),
    ],
)
def test_what_cannot_be_is_said(given, message):
    with pytest.raises(SettingsError, match=message):
        Forecaster(**given)


def test_none_gives_none():
    values = wavy(90)
    found = Forecaster(horizon=3, season=6, hidden_size=4, epochs=1, intervals="none").fit(values)
    assert list(found.predict()) == ["unique_id", "ds", "step", "forecast"]
    assert "wql" not in found.metrics["test"] and found.metrics["intervals"] == {}
    assert "no prediction intervals" in found.outcome.final.describe()


# ── what they come to ───────────────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 99),
    levels=st.sampled_from([(80.0, 95.0), (95.0, 50.0), (99.5,)]),
    transform=st.sampled_from(["none", "log"]),
    combine=st.sampled_from(["validation", "none"]),
    ensemble=st.sampled_from([1, 2]),
)
def test_bounds_by_a_plain_loop(seed, levels, transform, combine, ensemble):
    job = {**QUANTILE, "levels": levels, "transform": transform, "combine": combine, "ensemble": ensemble}
    data = series_set(wavy(90, seed=seed))
    _, predictor = drawn(data, seed, **job)
    plan, model = predictor.plan, predictor.model
    head = model.head
    assert isinstance(head, QuantileHead) and head.quantiles == quantiles_for(levels) and head.members == ensemble
    history = plan.history(data.series[0])
    rows = contexts(history.values, [60, 89], plan.memory)
    known = plan.known(history)
    found = forecast(model, plan, rows, [known, known])
    encoding = plan.encoding
    encoded = encoding.encode(encoding.forward(rows[:, -encoding.window :]), known.scaler)
    output = model.predict(encoded.inputs[:, :, None]).astype(float)
    for n in range(2):
        for h in range(3):
            raw = encoded.reference[n, h] + encoded.spread[n, 0] * np.clip(output[n, h], -20, 20)
            if transform == "none":
                raw = encoded.reference[n, h] + encoded.spread[n, 0] * output[n, h]
            quantiles = dict(zip(head.quantiles, encoding.back(raw), strict=True))
            below = above = 0.0
            for level in sorted(levels):
                name, tail = f"{level:g}", round((100 - level) / 200, 12)
                factor = plan.units[name]["a"] * plan.intervals[name][h]
                least = 1e-6 * known.unit
                below = max(below, factor * max(quantiles[0.5] - quantiles[tail], least))
                above = max(above, factor * max(quantiles[round(1 - tail, 12)] - quantiles[0.5], least))
                low, high = found.bounds[name]
                value = found.values[n, h]
                assert_allclose([low[n, h], high[n, h]], [max(value - below, 0.0), value + above], rtol=1e-6, atol=1e-9)
            assert_allclose(found.members["network"][n, h], quantiles[0.5], rtol=1e-9)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 99), widen=st.sampled_from([0.01, 3.0, 200.0]))
def test_calibration_mends_distances_that_are_too_wide_or_too_narrow(seed, widen):
    """The factor of a level is that of the errors in units of the distances: wider distances, a smaller factor."""
    random = np.random.default_rng(seed)
    made = random.normal(size=(60, 4))
    actual = made + random.normal(size=(60, 4)) * (1 + np.arange(4))
    actual[random.random((60, 4)) < 0.1] = np.nan
    below, above = random.uniform(1, 2, (2, 60, 4))
    plain, other = (
        fit_intervals({"a": Backtest({"network": made}, actual, 15, 1.0, {"80": (k * below, k * above)})}, (80.0,), 0.0)
        for k in (1.0, widen)
    )
    half = [np.array(widths["80"]) * units["80"]["a"] for units, widths in (plain, other)]
    assert_allclose(half[1] * widen, half[0], rtol=1e-9)
    up, down = np.where(actual > made, actual - made, 0) / above, np.where(actual < made, made - actual, 0) / below
    inside = (np.maximum(up, down) <= half[0])[~np.isnan(actual)]
    assert abs(inside.mean() - 0.8) < 0.07  # of 216 values, neighbouring lead times taken together


@pytest.mark.parametrize("level", ["none", "last"])
def test_whatever_the_network_says_the_levels_are_covered(level):
    """Random weights: quantiles that mean nothing, and yet intervals that hold what they should."""
    values = np.random.default_rng(3).normal(50, 4, 1200)
    job = {"season": 1, "intervals": "quantile", "level": level, "combine": "none", "highway": False, "test_size": 400}
    evaluation, _ = rolled(*drawn(series_set(values), **job, stride=1))
    found = evaluation.facts["intervals"]
    assert abs(found["80"]["coverage"] - 0.8) < 0.06 and abs(found["95"]["coverage"] - 0.95) < 0.03


def test_without_a_validation_part_they_are_the_networks_own():
    job = {**QUANTILE, "validation": 0.0}
    problem, predictor = drawn(series_set(wavy(90)), **job)
    assert predictor.plan.intervals == {"80": [1.0] * 3, "95": [1.0] * 3}
    assert any("network's quantiles, as they are" in line for line in predictor.describe())
    evaluation, (one,) = rolled(problem, predictor)
    assert any(note.startswith("They are the network's own") for note in evaluation.notes)
    assert all((low <= one.forecasts["model"]).all() for low, _ in one.bounds.values())


def test_a_series_in_another_unit_has_intervals_in_it(two):
    final, values = two["quantile"].outcome.final, restless(120)[0]
    plain, thousand = (read_series({"y": k * values}) for k in (1.0, 1000.0))
    for name in ("forecast", "lo-80", "hi-80", "lo-95", "hi-95"):
        wanted = 1000 * np.array(final.predict(plain)[name])
        assert_allclose(final.predict(thousand)[name], wanted, rtol=1e-5)


def test_what_is_missing_moves_no_quantile():
    random = np.random.default_rng(0)
    residuals, weights = random.normal(size=(500, 2)), (random.random((500, 2)) < 0.7).astype("f4")
    weights[:, 1] = 0  # never observed: it begins as the others do
    changed = np.where(weights > 0, residuals, 1e9)
    quantiles = (0.1, 0.5, 0.9)
    found = first_gaps(residuals, weights, quantiles)
    assert_array_equal(first_gaps(changed, weights, quantiles), found)
    known = residuals[weights[:, 0] > 0, 0]
    assert_allclose(np.logaddexp(0, found), np.repeat(np.diff(np.quantile(known, quantiles))[:, None], 2, axis=1))
    # and as a model: a value that is no target changes nothing that is learned to begin with
    gaps = [20, 21, 40]
    problem, _ = drawn(series_set(with_gaps(wavy(90), gaps)), **QUANTILE)
    examples = problem.train()
    assert (examples.sample_weight == 0).any()


def test_a_network_begins_with_the_quantiles_of_what_its_highway_leaves():
    problem, _ = drawn(series_set(wavy(300)), **QUANTILE, combine="none")
    examples = problem.train()
    from elman.nn.network import arrays_of
    from elman.runs.phases import initial_network

    model = Model(problem.layers, arrays_of(initial_network(problem, problem.settings)))
    found = model.predict(examples.inputs)
    inside = ((examples.targets >= found[..., 1]) & (examples.targets <= found[..., 3])).mean()
    assert abs(inside - 0.8) < 0.05
    assert_allclose(np.ptp(np.diff(found, axis=-1), axis=0), 0, atol=1e-5)  # of one width, wherever
    assert is_silent(model) and not is_silent(drawn(series_set(wavy(300)), **QUANTILE)[1].model)


def test_distances_are_never_nothing():
    head = QuantileHead((0.1, 0.5, 0.9))
    found = distances(head, np.full((1, 1, 3), 7.0), ["80"], np.array([[2.0]]))
    assert found["80"] == (2e-6, 2e-6)
    assert np.isnan(distances(head, np.full((1, 1, 3), np.inf), ["80"], np.ones((1, 1)))["80"]).all()


def test_files_whose_quantiles_do_not_fit_are_refused():
    _, predictor = drawn(series_set(wavy(90)), **QUANTILE)
    model = predictor.model

    def changed(head: Any, record: dict[str, Any]) -> Model:
        return Model((*model.layers[:-1], head), model.arrays, "forecast", {**model.encoding, **record})

    units, widths = {"50": {"": 1.0}}, {"50": [1.0] * 3}
    with pytest.raises(ModelFileError, match="its quantiles are not those of its intervals"):
        ForecastPredictor(changed(model.head, {"units": units, "intervals": widths}))
    with pytest.raises(ModelFileError, match="its quantiles are not those of its intervals"):
        ForecastPredictor(changed(QuantileHead((0.01, 0.02, 0.1, 0.9, 0.975), 3), {}))
    with pytest.raises(ModelFileError, match="its layers do not make its forecasts"):
        ForecastPredictor(changed(QuantileHead((0.025, 0.1, 0.5, 0.9, 0.975), 1, 3), {}))


def test_an_anomaly_is_judged_by_the_side_that_it_lies_on():
    _, predictor = drawn(series_set(wavy(120)), **QUANTILE)
    scores, ahead = predictor.stream(anomalies=True), predictor.stream(intervals=True)
    mean = low = high = np.nan
    for value in wavy(60, seed=1):
        score = float(scores.step(value))
        half = (mean - low) if value < mean else (high - mean)
        assert_allclose(score, (value - mean) / (half / 1.959964), rtol=1e-6)
        mean, _, _, low, high = ahead.step(value)[0]
