"""The pre-trained network fine-tuned to longer series: its examples, what it learns, its record, leaks."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import elman
from elman import Forecaster
from elman.errors import MissingDependencyError
from elman.tasks.forecast import fine_tuning
from elman.tasks.forecast.fine_tuning import FEWEST_EXAMPLES, fine_tuned
from elman.tasks.forecast.pretrained import PretrainedMember, head_weights, pretrained_from_record, tuned_steps, weights
from elman.tasks.forecast.pretrained_inputs import inputs_of

LEAST = 474  # steps of a series with a season of 12 and a horizon of 7 of which enough can be fitted


def two_years(steps: int, seed: int = 0) -> np.ndarray:
    """A season of four steps whose every other one is upside down, which the network has never seen."""
    time, random = np.arange(steps), np.random.default_rng(seed)
    wave = np.array([3.0, -1.0, -2.0, 0.0])[time % 4] * np.where(time // 4 % 2, -1, 1)
    return 20 + wave + random.normal(0, 0.1, steps)


def observed(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return values, np.ones(len(values), bool)


def test_without_an_update_it_is_the_network_and_each_row_an_example(monkeypatch):
    values = two_years(200)
    member = PretrainedMember("none", 4, 60)
    rows = fine_tuning._rows(member, 3, *observed(values), np.array([70, 100]))
    assert len(rows.target) == 6
    for number, cutoff in enumerate((70, 100)):
        inputs = inputs_of(values[None, cutoff - 59 : cutoff + 1], 4, 3)
        target = rows.target[3 * number : 3 * number + 3] * inputs.scale[0] + inputs.center[0]
        assert_allclose(target, values[cutoff + 1 : cutoff + 4], rtol=1e-5)
        ahead = values[cutoff - 59 : cutoff + 1]
        change = np.abs(ahead[4:] - ahead[:-4]).mean()
        assert_allclose(rows.weight[3 * number : 3 * number + 3], inputs.scale[0, 0] / change, rtol=1e-5)
        assert_allclose(rows.leads[3 * number : 3 * number + 3], inputs.leads[0], rtol=1e-5, atol=1e-5)
    monkeypatch.setattr(fine_tuning, "UPDATES", 0)
    same = fine_tuned(member, 3, [observed(values)], 0)
    assert same is not None
    assert (same.forecast(values[None], 3) == member.forecast(values[None], 3)).all()


def test_it_learns_what_the_network_was_never_shown():
    values, later = two_years(400), two_years(80, seed=1)
    member = PretrainedMember("none", 4, 60)
    tuned = fine_tuned(member, 4, [observed(values)], 0)
    assert tuned is not None
    cutoffs = range(60, 76)
    histories, ahead = np.stack([later[c - 60 : c] for c in cutoffs]), np.stack([later[c : c + 4] for c in cutoffs])
    before, after = (np.abs(one.forecast(histories, 4) - ahead).mean() for one in (member, tuned))
    assert after < 0.5 * before


def test_equal_seeds_give_equal_arrays_and_leave_torch_its_own():
    values = observed(two_years(250))
    member, state = PretrainedMember("log", 4, 60), torch.get_rng_state()
    one, same, other = (fine_tuned(member, 4, [values], seed) for seed in (0, 0, 1))
    assert (torch.get_rng_state() == state).all()
    assert all((one.tuned[name] == same.tuned[name]).all() for name in one.tuned)
    assert any((one.tuned[name] != other.tuned[name]).any() for name in one.tuned)
    assert one.name == "fine-tuned: log"


def test_without_torch_the_extra_to_install_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingDependencyError, match=r"elman\[train\]"):
        fine_tuned(PretrainedMember("none", 4, 60), 4, [observed(two_years(250))], 0)


def test_several_series_are_fitted_together_and_very_many_windows_thinned(monkeypatch):
    member, seen = PretrainedMember("none", 4, 60), []
    monkeypatch.setattr(fine_tuning, "_trained", lambda member, rows, seed: seen.append(rows) or {})
    short, long = observed(two_years(93)), observed(two_years(60 + 4 + FEWEST_EXAMPLES - 1))
    assert fine_tuned(member, 4, [short] * 9, 0) is None
    assert fine_tuned(member, 4, [short, observed(np.ones(50)), long], 0) is not None
    assert len(seen[0].target) == 4 * (FEWEST_EXAMPLES + 30)
    assert fine_tuned(member, 4, [observed(two_years(9000))], 0) is not None
    assert 900 <= len(seen[1].target) / 4 <= fine_tuning.MOST_EXAMPLES
    monkeypatch.setattr(fine_tuning, "AT_ONCE", 1)  # one at once
    fine_tuned(member, 4, [short, observed(np.ones(50)), long], 0)
    assert_allclose(seen[2].state, seen[0].state, atol=1e-5)
    assert (seen[2].target == seen[0].target).all()


def test_what_was_not_observed_is_no_target_and_a_series_of_one_value_no_example():
    values, known = observed(two_years(300))
    known[100:110] = False
    rows = fine_tuning._rows(PretrainedMember("none", 4, 60), 2, values, known, np.array([98, 99, 108, 109]))
    assert (rows.weight > 0).tolist() == [True, False, False, False, False, True, True, True]
    assert fine_tuned(PretrainedMember("none", 4, 60), 2, [observed(np.full(300, 7.5))], 0) is None


@pytest.mark.parametrize("jump", [1e3, 1e300])
def test_a_jump_leaves_finite_arrays(jump):
    values = np.concatenate([two_years(150), two_years(150) + jump])
    tuned = fine_tuned(PretrainedMember("none", 4, 60), 4, [observed(values)], 0)
    assert all(np.isfinite(array).all() for array in tuned.tuned.values())


def test_a_record_is_checked():
    tuned = fine_tuned(PretrainedMember("none", 4, 60), 4, [observed(two_years(250))], 0)
    record = json.loads(json.dumps(tuned.record()))
    read = pretrained_from_record(record, [4], 4)
    assert read.name == "fine-tuned: none"
    values = two_years(60)[None]
    assert_allclose(read.forecast(values, 4), tuned.forecast(values, 4), rtol=1e-5)
    assert record == json.loads(json.dumps(read.record()))
    arrays = record["tuned"]
    fewer = {name: arrays[name] for name in arrays if name != "last"}
    for wrong in (
        None,
        [],
        {},
        fewer,
        {**arrays, "weight_ih": weights("1")["weight_ih"].tolist()},
        {**arrays, "last_bias": arrays["last_bias"][1:]},
        {**arrays, "last_bias": [arrays["last_bias"]]},
        {**arrays, "last_bias": [1e7, *arrays["last_bias"][1:]]},
        {**arrays, "last_bias": [float("nan"), *arrays["last_bias"][1:]]},
        {**arrays, "last_bias": ["1", *arrays["last_bias"][1:]]},
        {**arrays, "last_bias": [True, *arrays["last_bias"][1:]]},
        {**arrays, "last_bias": [None, *arrays["last_bias"][1:]]},
        {**arrays, "last": arrays["last"][0]},
        {**arrays, "last": [*arrays["last"][1:], arrays["last"][0][1:]]},
    ):
        with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
            pretrained_from_record({**record, "tuned": wrong}, [4], 4)
    for season, horizon, change in (
        (4, 9, {}),
        (5, 4, {}),
        (4, 4, {"window": 62}),
        (4, 4, {"window": 8}),
        (4, 4, {"window": 340}),
    ):
        with pytest.raises(ValueError, match="pre-trained"):
            pretrained_from_record({**record, **change}, [season], horizon)


@pytest.mark.parametrize("seasons", [(3,), (5,), (12,), (24, 168), (336, 48), (48,), (31,), (7, 365)])
@pytest.mark.parametrize("window", [None, 150, 1000])
def test_the_steps_read_can_be_written_and_read(seasons, window):
    steps, season = tuned_steps(seasons, window), min(seasons)
    assert steps % season == 0
    assert 3 * season <= steps <= min(window or 336, 336)
    member = PretrainedMember("none", season, steps, tuned=head_weights("1"))
    assert pretrained_from_record(member.record(), seasons, season).window == steps


def series(steps: int) -> np.ndarray:
    time, random = np.arange(steps), np.random.default_rng(0)
    return 50 + 8 * np.sin(2 * np.pi * time / 12) + random.normal(0, 1, steps)


@pytest.mark.parametrize(
    ("steps", "settings", "name"),
    [
        (LEAST, {}, "fine-tuned: none"),
        (LEAST - 9, {}, "pretrained: none"),
        (LEAST, {"validation": 0.4}, "pretrained: none"),
        (LEAST, {"test_size": 200}, "pretrained: none"),
    ],
)
def test_the_tested_and_the_final_model_have_the_same_members(steps, settings, name):
    job = {"horizon": 7, "season": [12], "epochs": 1, "transform": "none", **settings}
    outcome = Forecaster(**job).fit(series(steps)).outcome
    for one in (outcome.tested, outcome.final):
        assert [member.name for member in one.plan.pretrained] == [name]


def test_a_file_of_before_has_the_first_of_two_seasons():
    record = PretrainedMember("none", 12, 120).record()
    assert pretrained_from_record(record, [12, 4], 8).season == 12


def test_the_test_changes_nothing_that_was_fitted_before_it_and_a_stream_forecasts_the_same(tmp_path):
    values = series(500)
    changed = np.concatenate([values[:400], 1e3 * np.random.default_rng(1).normal(size=100)])
    job = {"horizon": 7, "season": [12], "epochs": 1, "transform": "none"}
    before, after = (Forecaster(**job).fit(one) for one in (values, changed))
    assert before.outcome.tested.model.encoding == after.outcome.tested.model.encoding
    assert before.outcome.final.plan.pretrained[0].record() != after.outcome.final.plan.pretrained[0].record()
    assert "fine-tuned: none" in before.outcome.evaluation.facts["members"]
    before.save(tmp_path / "model")
    loaded = elman.load(tmp_path / "model")
    stream = loaded.stream()
    for value in values[-200:]:
        found = stream.step(value)
    assert_allclose(found, before.predict(values)["forecast"], rtol=1e-5)
    assert loaded.predict(values)["forecast"] == before.predict(values)["forecast"]
