"""Nothing after a cutoff reaches a forecast made at it, nor any choice; everything that may be known does.

Each test makes the same forecasts twice, from series that differ in one place, and compares bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman import Forecaster
from elman.cells import CELLS
from elman.data import read_series
from elman.learning import Examples
from elman.tasks.forecast.problem import ForecastProblem
from elman.tasks.forecast.record import record_of
from elman.tasks.forecast.scores import Rolling
from elman.tasks.forecast.settings import LEVELS
from tests.tasks.helpers import drawn, drawn_arrays, rolled, series_set, wavy, with_gaps

NAMES = ("model", "naive", "seasonal_naive", "linear")


def bits_of(examples: Examples | None) -> tuple[bytes, ...]:
    if examples is None:
        return ()
    return tuple(a.tobytes() for a in (*examples.named_inputs().values(), examples.targets, examples.sample_weight))


def choices_of(problem: ForecastProblem) -> dict[str, Any]:
    """Everything decided before the test: season, horizon, window, level, scalers, layers, examples."""
    return {
        "plan": record_of(problem.plan),
        "layers": problem.layers,
        "ends": problem.ends,
        "known": [(h.values.tobytes(), h.observed.tobytes()) for h in problem.known],
        "fit": bits_of(problem.train()),
        "validation": bits_of(problem.validation()),
        "tested": problem.predictor(drawn_arrays(problem.layers), "train").model.encoding,
    }


def made_before(rolling: Rolling, step: int) -> dict[str, bytes]:
    """The forecasts from cutoffs that lie before ``step``, the members' and the ends of the intervals too."""
    made = {name: rolling.forecasts[name] for name in NAMES} | rolling.members
    for name in NAMES:
        made |= {
            f"{name} {level} {k}": b for level, both in rolling.bounds_of(name).items() for k, b in enumerate(both)
        }
    return {name: values[rolling.cutoffs < step].tobytes() for name, values in made.items()}


@st.composite
def jobs(draw: Any) -> dict[str, Any]:
    level = draw(st.sampled_from(LEVELS))
    season = draw(st.sampled_from([1, 4, 6] if level == "auto" else [4, 6]))
    if level == "auto" and draw(st.booleans()):
        season = None  # found in the values
    strategy = draw(st.sampled_from(["direct", "recursive"]))
    return {
        "level": level,
        "season": season,
        "cell": draw(st.sampled_from(list(CELLS))),
        "strategy": strategy,
        "intervals": draw(st.sampled_from(["conformal", "none", *(["quantile"] * 2 if strategy == "direct" else [])])),
        "scale": draw(st.sampled_from(["auto", "series", "window"])),
        "transform": draw(st.sampled_from(["auto", "none"])),
        "highway": draw(st.booleans()),
        "combine": draw(st.sampled_from(["validation", "none"])),
        "ensemble": draw(st.sampled_from([1, 2])),
        "horizon": draw(st.sampled_from([1, 3, 7])),
        "stride": draw(st.sampled_from([None, 1, 2])),
        "test_size": draw(st.sampled_from([None, 10, 17])),
        "validation": draw(st.sampled_from([0.0, 0.2])),
    }


changes = st.one_of(st.floats(-1e6, 1e6), st.just(np.nan))
interior = st.lists(st.integers(1, 68), max_size=12)


@settings(max_examples=150)
@given(job=jobs(), gaps=interior, other_gaps=interior, back=st.integers(1, 17), value=changes, seed=st.integers(0, 9))
def test_a_value_after_a_cutoff_changes_nothing_made_at_it(job, gaps, other_gaps, back, value, seed):
    values, other = with_gaps(wavy(70, seed=seed), gaps), with_gaps(wavy(83, seed=seed + 50), other_gaps)
    problem, model = drawn(series_set(values, other), **job)
    start = problem.ends[0]
    step = max(len(values) - back, start)  # one of the test's
    changed = values.copy()
    changed[step] = value if step < len(values) - 1 or not np.isnan(value) else 0.0
    later, later_model = drawn(series_set(changed, other), **job)

    assert choices_of(later) == choices_of(problem)
    (evaluation, (before, untouched)), (_, (after, still_untouched)) = (
        rolled(problem, model),
        rolled(later, later_model),
    )
    assert made_before(after, step) == made_before(before, step)
    assert made_before(still_untouched, 10**6) == made_before(untouched, 10**6)
    np.testing.assert_array_equal([after.naive_error, after.cutoffs[0]], [before.naive_error, start - 1])
    assert evaluation.facts["windows"] == len(before.cutoffs) + len(untouched.cutoffs)


@pytest.mark.parametrize("level", ["none", "last", "seasonal", "seasonal-last"])
@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_every_cutoff_and_every_step_after_it(level, strategy):
    """No draw: the whole future is replaced after each cutoff in turn."""
    values = with_gaps(wavy(60), [20, 21, 45, 50, 51, 52])
    job = {"level": level, "strategy": strategy, "season": 6, "stride": 1, "test_size": 16}
    problem, model = drawn(series_set(values), **job)
    (rolling,) = rolled(problem, model)[1]
    assert rolling.cutoffs.tolist() == list(range(43, 59))
    for cutoff in rolling.cutoffs:
        future = values.copy()
        future[cutoff + 1 :] = 1e5 * np.random.default_rng(cutoff).normal(size=59 - cutoff)
        changed, changed_model = drawn(series_set(future), **job)
        assert choices_of(changed) == choices_of(problem)
        assert made_before(rolled(changed, changed_model)[1][0], cutoff + 1) == made_before(rolling, cutoff + 1)


def test_with_times_and_no_settings_at_all():
    """Season, horizon, window, test size and level all chosen by themselves."""
    months = [f"{2000 + k // 12}-{1 + k % 12:02d}" for k in range(120)]
    values = wavy(120, season=12)
    for source in ({"ds": months, "y": values}, {"y": values}):
        problem, model = drawn(read_series(source), horizon=None)
        assert (problem.plan.encoding.season, problem.plan.horizon, problem.ends) == (12, 12, [96])
        for step in (96, 100, 119):
            changed = read_series({**source, "y": np.where(np.arange(120) == step, 1e4, values)})
            later, later_model = drawn(changed, horizon=None)
            assert choices_of(later) == choices_of(problem)
            before, after = (rolled(*pair)[1][0] for pair in ((problem, model), (later, later_model)))
            assert made_before(before, step) == made_before(after, step)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("level", ["none", "last", "seasonal", "seasonal-last"])
@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_the_last_observation_before_a_cutoff_changes_the_first_forecast(cell, level, strategy):
    values = wavy(60)
    # units enough that with relu, too, some are alive
    job = {"cell": cell, "hidden_size": 16, "level": level, "strategy": strategy, "season": 6, "stride": 3}
    problem, model = drawn(series_set(values), **job)
    (rolling,) = rolled(problem, model)[1]
    first = rolling.forecasts["model"][:, 0]
    for k, cutoff in enumerate(rolling.cutoffs):
        nudged = values.copy()
        nudged[cutoff] += 0.5
        changed = rolled(*drawn(series_set(nudged), **job))[1][0].forecasts["model"][:, 0]
        assert changed[k] != first[k]
        assert (changed[:k] == first[:k]).all()
    # and so at the end of the data, where the forecast is for use
    beyond = model.predict(series_set(values))["forecast"]
    values[-1] += 0.5
    assert model.predict(series_set(values))["forecast"][0] != beyond[0]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("level", ["none", "last", "seasonal", "seasonal-last"])
def test_the_network_itself_reads_the_last_step(cell, level):
    """Not only the reference: its first output moves with each of the last values, also without a level to move."""
    values = wavy(60)
    problem, model = drawn(series_set(values), cell=cell, hidden_size=16, level=level, season=6)
    encoding, scaler = problem.plan.encoding, problem.plan.scalers["a"]
    x = np.repeat(values[None, -encoding.window :], 3, axis=0)
    x[1, -1] += 0.5
    x[2, -2] += 0.5
    outputs = model.model(encoding.encode(x, scaler).inputs[:, :, None])[0][:, 0]
    assert len(set(outputs.tolist())) == 3


def test_training_and_what_it_chooses_know_nothing_of_the_test(tiny, tiny_data):
    """The tested weights, the epoch kept and its whole history are the same bits whatever the test span holds."""
    changed = tiny_data.copy()
    changed[-16:] = np.random.default_rng(9).normal(50, 30, 16)
    later = Forecaster(**tiny.get_params()).fit(changed)
    assert (tiny.metrics["test_size"], tiny.metrics["season"]) == (16, 6)
    before, after = tiny.outcome, later.outcome
    assert {k: v.tobytes() for k, v in after.tested.model.arrays.items()} == {
        k: v.tobytes() for k, v in before.tested.model.arrays.items()
    }
    assert after.tested.model.encoding == before.tested.model.encoding
    assert after.best_epoch == before.best_epoch
    searches = [
        [(r["epoch"], r["loss"], r["validation_loss"]) for r in o.history if r["phase"] == "search"]
        for o in (before, after)
    ]
    assert searches[0] == searches[1]
    assert after.evaluation.scores != before.evaluation.scores
    # the final model, fitted on everything, is to know it
    assert any((after.final.model.arrays[k] != before.final.model.arrays[k]).any() for k in after.final.model.arrays)
    assert after.final.model.encoding["scalers"] != before.final.model.encoding["scalers"]
