"""The network that was trained beforehand: its inputs against the equations, both executors, and laws of a forecast."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import elman
from elman import Forecaster, arrayfile
from elman.cells.gru import CELL
from elman.cells.numpy_ops import NumpyOps
from elman.nn.torch_ops import TorchOps
from elman.studies.pretrain.__main__ import main
from elman.studies.pretrain.series import Draw
from elman.studies.pretrain.training import batch, loss_of, trained
from elman.tasks.forecast import pretrained, pretrained_inputs
from elman.tasks.forecast.pretrained import PretrainedMember, pretrained_from_record, pretrained_members
from elman.tasks.forecast.smoothing_forms import forecasts

ROUNDING = 2**-52


def histories(season: int, steps: int, count: int = 5, seed: int = 0) -> np.ndarray:
    return 3 + Draw(np.random.default_rng(seed), count, steps, season).series()


@pytest.mark.parametrize(("season", "steps"), [(3, 9), (4, 60), (7, 35), (12, 48)])
def test_simple_forecasts_and_their_errors_are_those_of_the_methods(season, steps):
    values = histories(season, steps)
    erred, following = pretrained_inputs.simple_maps(season, steps)
    errors = (values @ erred).reshape(len(values), pretrained_inputs.SIMPLE, steps)
    ahead = (values @ following).reshape(len(values), pretrained_inputs.SIMPLE, 2 * season)
    assert not errors[:, :, : 2 * season].any()
    number, near = 0, {"rtol": 0, "atol": 1e-11 * np.abs(values).max()}
    for form, points in pretrained_inputs.POINTS.items():
        parameters = np.array(points)[:, None]
        for end in (2 * season, steps - 1):
            one = next(forecasts(form, values, (season,), parameters, 1, [end - 1]))[:, :, 0]
            assert_allclose(errors[:, number : number + len(points), end], (values[:, end] - one).T, **near)
        own = next(forecasts(form, values, (season,), parameters, 2 * season, [steps - 1]))
        assert_allclose(ahead[:, number : number + len(points)], np.moveaxis(own, 0, 1), **near)
        number += len(points)
    far = np.arange(2 * season)

    def plain(known: np.ndarray, leads: np.ndarray) -> np.ndarray:
        size = known.shape[1]
        last = known[:, size - season + leads % season]
        means = np.stack([known[:, (size + lead) % season :: season].mean(axis=1) for lead in leads], axis=1)
        at_last, before = known[:, -1:], known[:, -1 - season][:, None]
        mean_of_last = known[:, (size - 1) % season :: season].mean(axis=1)[:, None]
        found = [last + share ** (leads + 1) * (at_last - before) for share in (0, 0.6, 0.9, 1)]
        found += [means + share ** (leads + 1) * (at_last - mean_of_last) for share in (0, 0.7, 0.93)]
        change = known[:, -season:].mean(axis=1) - known[:, -2 * season : -season].mean(axis=1)
        return np.stack([*found, last + 0.5 * change[:, None]], axis=1)

    # of a history that is no whole number of seasons the mean is over whole ones
    assert_allclose(ahead[:, number:], plain(values, far), **near)
    for end in (2 * season, 2 * season + 1, steps - 1):
        known = values[:, end % season : end]
        assert_allclose(errors[:, number:, end], values[:, end : end + 1] - plain(known, far[:1])[:, :, 0], **near)


def test_both_executors_forecast_the_same():
    values, season = histories(12, 60), 12
    inputs = pretrained_inputs.inputs_of(values, season, 24)
    arrays = pretrained.weights("1")
    double = {name: a if a.dtype == bool else a.astype(float) for name, a in arrays.items()}
    units = len(arrays["from_season"])
    ops = NumpyOps(CELL.gates, units)
    own = pretrained.run(double, inputs, season, ops, pretrained.step_of(double, ops))
    tensors = pretrained_inputs.Inputs(*(torch.from_numpy(np.ascontiguousarray(one)) for one in inputs))
    learned, ops = {name: torch.from_numpy(a) for name, a in double.items()}, TorchOps(CELL.gates, units)
    twin = pretrained.run(learned, tensors, season, ops, pretrained.step_of(learned, ops))
    assert own.shape == (5, 24)
    assert_allclose(own, twin.numpy(), rtol=0, atol=1e4 * ROUNDING * np.abs(own).max())
    single = PretrainedMember("none", season, 60).forecast(values, 24)
    assert_allclose(single, own * inputs.scale + inputs.center, rtol=0, atol=1e-4 * values.std())


@given(
    st.integers(0, 1000), st.sampled_from([3, 4, 7, 12, 24, 31]), st.floats(-1e3, 1e3), st.sampled_from([0.25, 1, 1e3])
)
def test_a_constant_and_a_factor_go_through(seed, season, constant, factor):
    values = histories(season, 4 * season, 2, seed)
    member = PretrainedMember("none", season, 4 * season)
    moved = member.forecast(factor * values + constant, season)
    near = 1e-4 * factor * values.std() + 1e-10 * abs(constant)
    assert_allclose(moved, factor * member.forecast(values, season) + constant, rtol=0, atol=near)


def test_only_whole_seasons_of_the_window_are_read():
    values = histories(12, 140)
    member = PretrainedMember("none", 12, 120)
    found = member.forecast(values, 12)
    changed = values.copy()
    changed[:, :20] = 1e6
    assert (member.forecast(changed, 12) == found).all()
    short = np.full((5, 140), np.nan)
    short[:, -41:] = values[:, -41:]
    assert (member.forecast(short, 12) == PretrainedMember("none", 12, 36).forecast(values, 12)).all()
    short[:, :-35] = np.nan
    assert np.isnan(member.forecast(short, 12)).all()
    together = member.forecast(np.stack([values[0], short[1]]), 12)
    assert_allclose(together[0], found[0], rtol=1e-5)
    assert np.isnan(together[1]).all()


def test_many_histories_are_forecast_as_each_alone(monkeypatch):
    values, member = histories(12, 60, 11), PretrainedMember("none", 12, 60)
    together = member.forecast(values, 12)
    monkeypatch.setattr(pretrained, "AT_ONCE", 4000)  # two at once
    assert_allclose(member.forecast(values, 12), together, rtol=0, atol=1e-5 * values.std())
    reverse = np.concatenate([member.forecast(one[None], 12) for one in values[::-1]])
    assert_allclose(reverse[::-1], together, rtol=0, atol=1e-5 * values.std())


def test_there_are_no_logarithms_of_what_has_none():
    values = histories(12, 60)
    values[1, -3] = 0
    found = PretrainedMember("log", 12, 60).forecast(np.abs(values), 12)
    assert np.isnan(found[1]).all()
    assert (found[[0, 2, 3, 4]] > 0).all()


@pytest.mark.parametrize(
    ("season", "horizon", "window", "steps"),
    [
        (12, 12, None, [120, 120]),
        (12, 25, None, []),
        (2, 1, None, []),
        (32, 1, None, []),
        (12, 6, 40, [36, 36]),
        (12, 6, 30, []),
    ],
)
def test_where_there_are_members(season, horizon, window, steps):
    assert [one.window for one in pretrained_members(season, horizon, window, ["none", "log"])] == steps


@pytest.mark.parametrize(
    "change",
    [
        {"version": "0"},
        {"version": ["1"]},
        {"transform": "sqrt"},
        {"window": 50},
        {"window": 24},
        {"window": 0},
        {"window": 48.0},
        {"window": True},
        {"season": 4},
        {"season": 12.0},
        {"more": 1},
    ],
)
def test_a_record_is_checked(change):
    record = PretrainedMember("none", 12, 48).record()
    assert pretrained_from_record(json.loads(json.dumps(record)), [12], 12) == PretrainedMember("none", 12, 48)
    for wrong in ({**record, **change}, {name: record[name] for name in record.keys() - change.keys()}, [], None):
        if wrong != record:
            with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
                pretrained_from_record(wrong, [12], 12)


@pytest.fixture(scope="module")
def monthly(tmp_path_factory):
    time = np.arange(90)
    noise = np.random.default_rng(0).normal(0, 0.04, 90)
    values = np.exp(4 + 0.01 * time + 0.3 * np.sin(2 * np.pi * time / 12) + noise)
    folder = tmp_path_factory.mktemp("run") / "model"
    forecaster = Forecaster(horizon=12, epochs=3, seed=0).fit(values)
    forecaster.save(folder)
    return values, forecaster, folder


def test_a_short_series_has_the_members_and_a_stream_forecasts_the_same(monthly):
    values, forecaster, folder = monthly
    assert [one.name for one in forecaster.outcome.final.plan.pretrained] == ["pretrained: none", "pretrained: log"]
    assert "pretrained: log" in forecaster.outcome.evaluation.facts["members"]
    stream = elman.load(folder).stream()
    for value in values:
        found = stream.step(value)
    assert_allclose(found, forecaster.predict(values)["forecast"], rtol=1e-5)


def test_generated_series_are_the_seeds():
    series = [Draw(np.random.default_rng(seed), 200, 130, 24).series() for seed in (3, 3, 4)]
    assert np.isfinite(series[0]).all()
    assert (series[0] == series[1]).all()
    assert (series[0] != series[2]).any()


def test_it_forecasts_unseen_series_better_than_any_simple_method():
    random, losses = np.random.default_rng(12345), []
    arrays = {name: torch.from_numpy(np.array(a)) for name, a in pretrained.weights("1").items()}
    for _ in range(12):
        own = batch(random, 64)
        simple = [(own.inputs.simple[..., k] - own.targets).abs().mean(1) for k in range(pretrained_inputs.SIMPLE)]
        losses.append([float((one * own.weights).clamp(max=10).mean()) for one in simple])
        losses[-1].append(float(loss_of(arrays, own)))
    mean = np.mean(losses, axis=0)
    assert mean[-1] < 0.95 * mean[:-1].min()


def test_the_first_version_forecasts_what_it_did():
    time = np.arange(48)
    values = 10 + 0.1 * time + np.sin(2 * np.pi * time / 12) + 0.3 * np.cos(time)
    found = PretrainedMember("none", 12, 48, "1").forecast(values[None], 6)[0]
    assert_allclose(found, [14.777955, 15.55218, 15.990772, 16.003417, 15.75701, 15.483581], rtol=1e-5)


def test_a_series_of_one_value_goes_on_with_it():
    values = np.stack([np.zeros(48), np.full(48, 7.5), np.full(48, -1e300)])
    assert_allclose(PretrainedMember("none", 12, 48).forecast(values, 12), values[:, :12], rtol=1e-12)


def test_training_learns_and_repeats(tmp_path, capsys):
    runs = [list(trained(40, 16, 1, units=8, hidden=8)) for _ in range(2)]
    losses = [loss for loss, _ in runs[0]]
    assert losses == [loss for loss, _ in runs[1]]
    assert np.mean(losses[-10:]) < np.mean(losses[:10])
    assert main([str(tmp_path / "new.safetensors")], updates=2, size=4) == 0
    written = arrayfile.unpacked((tmp_path / "new.safetensors").read_bytes()).arrays
    assert {name: a.shape for name, a in written.items()} == pretrained.shapes(64, 96)
    assert "2 updates" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main([str(tmp_path / "new.safetensors")])
    assert "exists" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main([str(tmp_path / "no" / "folder")])
    assert "no folder" in capsys.readouterr().err
