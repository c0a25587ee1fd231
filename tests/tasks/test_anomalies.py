"""Scores of anomalies in a stream: each value's error of the one-step forecast, in standard deviations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from elman.errors import DataError, ModelFileError, SettingsError
from tests.tasks.helpers import drawn, series_set, wavy, with_gaps

JOBS = {
    "direct": {"season": 6},
    "recursive": {"season": 6, "strategy": "recursive", "levels": (95, 80)},
    "one level": {"season": 6, "levels": (50,)},
}
DEVIATIONS = {"direct": 1.959964, "recursive": 1.959964, "one level": 0.6744898}  # of a normal distribution's table


@pytest.fixture(scope="module", params=JOBS)
def job(request: pytest.FixtureRequest) -> tuple[Any, float]:
    return drawn(series_set(wavy(120)), **JOBS[request.param])[1], DEVIATIONS[request.param]


def test_a_score_is_the_error_of_the_forecast_before_it_in_deviations_of_the_widest_interval(job):
    model, deviations = job
    values = with_gaps(wavy(60, seed=1), [40, 41])
    values[50] += 1000
    scores, ahead = model.stream(anomalies=True), model.stream(intervals=True)
    upper = 2 + 2 * list(model.plan.intervals).index(max(model.plan.intervals, key=float))
    mean = half = np.nan
    found = []
    for value in values:
        score = scores.step(value)
        assert score.shape == () and score.dtype == np.float64
        assert_allclose(score, (value - mean) / (half / deviations), rtol=1e-6)
        found.append(float(score))
        bounds = ahead.step(value)
        mean, half = bounds[0, 0], bounds[0, upper] - bounds[0, 0]
    known = np.isfinite(found)
    assert known.sum() > 30 and not known[[0, 40, 41]].any()
    assert int(np.nanargmax(np.abs(found))) == 50 and found[50] > 10


def test_a_score_does_not_depend_on_what_comes_after(job):
    model, _ = job
    values = wavy(60, seed=2)
    stream = model.stream(anomalies=True)
    whole = [stream.step(value) for value in values]
    stream.reset()
    changed = np.concatenate([values[:45], values[45:] * 3 + 7])
    assert_array_equal([stream.step(value) for value in changed][:45], whole[:45])


def test_its_state_is_saved_and_restored_and_no_other_streams(job, tmp_path):
    model, _ = job
    values = wavy(60, seed=3)
    stream = model.stream(anomalies=True)
    for value in values[:40]:
        stream.step(value)
    stream.save(tmp_path / "state")
    other = model.stream(anomalies=True)
    other.load(tmp_path / "state")
    for value in values[40:]:
        assert_array_equal(other.step(value), stream.step(value))
    with pytest.raises(ModelFileError, match="not a saved state of this stream"):
        model.stream().load(tmp_path / "state")


def test_one_output_at_a_time_and_none_without_intervals():
    model = drawn(series_set(wavy(120)), season=6)[1]
    with pytest.raises(SettingsError, match="make one stream for each"):
        model.stream(intervals=True, anomalies=True)
    bare = drawn(series_set(wavy(120)), season=6, validation=0.0)[1]
    with pytest.raises(DataError, match="has no intervals"):
        bare.stream(anomalies=True)
    stream = model.stream(anomalies=True)
    for value in ("a", [1.0, 2.0], np.inf):
        with pytest.raises(DataError, match="a stream takes"):
            stream.step(value)
