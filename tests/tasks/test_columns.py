"""Columns beside the values: what is known of them reaches a forecast, what is not never does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import elman
from elman.data import CovariateNames
from elman.data.windows import contexts
from elman.tasks.forecast.effects import fit_effects
from elman.tasks.forecast.features import encode
from elman.tasks.forecast.forecasts import network_forecasts
from elman.tasks.forecast.selection import Ridge
from elman.tasks.forecast.settings import LEVELS
from tests.tasks.columns_data import BOTH, HORIZON, STEPS, changed, data_of, table
from tests.tasks.helpers import drawn, rolled
from tests.tasks.test_leaks import choices_of, made_before


@st.composite
def jobs(draw: Any) -> dict[str, Any]:
    past = draw(st.booleans())
    strategy = "direct" if past else draw(st.sampled_from(["direct", "recursive"]))
    return {
        "names": CovariateNames(("x",) if past else (), ("p",), ("kind",) if draw(st.booleans()) else ()),
        "level": draw(st.sampled_from(LEVELS)),
        "season": draw(st.sampled_from([4, 6])),
        "strategy": strategy,
        "scale": draw(st.sampled_from(["series", "window"])),
        # fed back in, what random weights make of logarithms overflows
        "transform": draw(st.sampled_from(["log", "none"])) if strategy == "direct" else "none",
        "highway": draw(st.booleans()),
        "ensemble": draw(st.sampled_from([1, 2])),
        "intervals": draw(st.sampled_from(["conformal", "quantile"])) if strategy == "direct" else "conformal",
        "calendar": draw(st.sampled_from([(), ("time-of-day", "day-of-week")])),
        "stride": draw(st.sampled_from([None, 1])),
        "validation": draw(st.sampled_from([0.0, 0.2])),
    }


@settings(max_examples=20)
@given(
    job=jobs(), back=st.integers(1, 14), value=st.one_of(st.floats(-1e6, 1e6), st.just(np.nan)), seed=st.integers(0, 5)
)
def test_what_comes_after_a_cutoff_changes_nothing_made_at_it(job, back, value, seed):
    names = job.pop("names")
    columns = table(seed=seed)
    problem, model = drawn(data_of(columns, names), **job)
    step = STEPS - back
    (before,), choices = rolled(problem, model)[1], choices_of(problem)
    for name in ("y", "x", "p"):
        other = changed(columns, name, step, value if name != "y" or back > 1 or value == value else 0.0)
        later, later_model = drawn(data_of(other, names), **job)
        assert choices_of(later) == choices
        # what is known beforehand may be read a horizon before
        first = step if name != "p" else step - HORIZON
        assert made_before(rolled(later, later_model)[1][0], first) == made_before(before, first)


@pytest.mark.parametrize("strategy", ["direct", "recursive"])
@pytest.mark.parametrize("level", LEVELS[1:])
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_step_is_moved_by_its_own_future_column_and_by_none_after_it(strategy, level, cell):
    columns = table()
    names = CovariateNames((), ("p",))
    job = {"strategy": strategy, "level": level, "season": 6, "cell": cell, "combine": "none", "highway": False}
    _, model = drawn(data_of(columns, names), **job)
    before = np.array(model.predict(data_of(columns, names))["forecast"])
    for k in range(HORIZON):
        other = changed(columns, "p", STEPS + k, 3.0)
        after = np.array(model.predict(data_of(other, names))["forecast"])
        assert_array_equal(after[:k], before[:k])
        assert abs(after[k] - before[k]) > 1e-4


@pytest.mark.parametrize("name", ["x", "p"])
def test_a_forecast_is_moved_by_the_columns_of_its_window(name):
    columns = table()
    _, model = drawn(data_of(columns), level="seasonal", season=6, combine="none")
    before = np.array(model.predict(data_of(columns))["forecast"])
    for back in (1, 2, model.plan.encoding.steps):
        after = np.array(model.predict(data_of(changed(columns, name, STEPS - back, 2.5)))["forecast"])
        assert (np.abs(after - before) > 1e-6).all()


@pytest.mark.parametrize("level", LEVELS[1:])
@pytest.mark.parametrize("scale", ["series", "window"])
def test_the_unit_of_a_column_does_not_matter(level, scale):
    columns = table()
    job = {"level": level, "scale": scale, "season": 6}
    found = []
    for factor, shift in ((1.0, 0.0), (2.0**20, 2.0**22)):
        other = {**columns, "x": columns["x"] * factor + shift, "p": columns["p"] * factor + shift}
        data = data_of(other)
        found.append(np.array(drawn(data, **job)[1].predict(data)["forecast"]))
    assert_allclose(found[1], found[0], rtol=1e-4)


@pytest.mark.parametrize("level", LEVELS[1:])
@pytest.mark.parametrize("scale", ["series", "window"])
@pytest.mark.parametrize("names", [CovariateNames((), ("p", "q")), CovariateNames(("x",), ("p", "q"), ("kind",))])
def test_the_highway_begins_as_the_regression_with_the_effects(level, scale, names):
    """Of all that the network reads, a linear function of it equals the one of what is left without the effects."""
    columns = table()
    columns["q"] = np.sin(np.arange(STEPS + HORIZON))
    problem, _ = drawn(data_of(columns, names), level=level, scale=scale, season=6, transform="none")
    problem.train()
    found = problem._fitted_to
    effects = fit_effects(found)
    rest = effects.removed(found)
    coefficients = Ridge(rest).coefficients(0.1)
    expected = rest.inputs @ coefficients[:-1] + coefficients[-1] + (found.targets - rest.targets)
    inputs = found.examples().named_inputs()
    flat = np.concatenate([array.reshape(len(array), -1) for array in inputs.values()], axis=1)
    whole = effects.whole(coefficients, found)
    assert_allclose(flat @ whole[:-1] + whole[-1], expected, rtol=1e-5, atol=1e-5)
    start = problem.initial({k: np.ones(v, "f4") for k, v in _shapes(problem.layers).items()})
    highway = next(f"{k}" for k, layer in enumerate(problem.layers) if layer.name == "highway")
    assert start[f"{highway}.weight"].shape == (HORIZON, flat.shape[1])


def _shapes(layers: Any) -> dict[str, tuple[int, ...]]:
    return elman.model.model_shapes(layers)


@pytest.mark.parametrize("level", LEVELS[1:])
def test_an_effect_is_found(level):
    """A linear recursion in its own past, plus an effect: found but for the penalty."""
    random = np.random.default_rng(1)
    p, e = (random.random(203) < 0.3).astype(float), np.zeros(203)
    for t in range(1, 203):
        e[t] = 0.8 * e[t - 1] + random.normal(0, 0.1)
    data = data_of({"y": np.append(30 + e + 2 * p, [])[:203], "p": p}, CovariateNames((), ("p",)))
    problem, _ = drawn(data, level=level, scale="series", season=6, transform="none", window=12, test_size=0)
    problem.train()
    (beta,) = fit_effects(problem._fitted_to).beta
    scale, spread = problem.plan.columns.scales["p"], problem.plan.scalers["y"].spread
    assert beta * spread / scale.spread == pytest.approx(2, rel=0.03)


def test_both_executors_read_them():
    import torch

    from elman.nn.network import Network

    columns = table()
    for strategy, names in (("direct", BOTH), ("recursive", CovariateNames((), ("p",)))):
        problem, model = drawn(data_of(columns, names), strategy=strategy, ensemble=2, segment=2, window=12, season=6)
        inputs = problem.train().named_inputs()
        network = Network(problem.layers)
        network.load_state_dict({k: torch.from_numpy(v) for k, v in model.model.arrays.items()}, strict=False)
        assert sorted(inputs) == ["ahead", "columns", "input"]
        expected = model.model({name: array[:5] for name, array in inputs.items()})[0]
        with torch.no_grad():
            given = {name: torch.from_numpy(np.ascontiguousarray(array[:5])) for name, array in inputs.items()}
            output = network(given)[0]
        assert_allclose(output.numpy(), expected, rtol=1e-4, atol=1e-5)


def test_a_recursive_forecast_is_one_step_again_and_again():
    columns = table()
    names = CovariateNames((), ("p",), ("kind",))
    data = data_of(columns, names)
    _, model = drawn(data, strategy="recursive", level="seasonal", season=6, combine="none")
    plan, (series,) = model.plan, data
    history = plan.history(series)
    whole = model._around(history, [STEPS - 1])
    values, features = history.values, whole
    for k in range(HORIZON):
        scaler = plan.scalers["y"]
        x = contexts(values, [len(values) - 1], plan.encoding.window)
        own = features.moved(k, 1)
        one = network_forecasts(model.model, plan, x, [scaler], 1, own)
        values = np.append(values, one[0, :, 0])
    expected = network_forecasts(
        model.model, plan, contexts(history.values, [STEPS - 1], plan.memory), [scaler], HORIZON, whole
    )
    assert_allclose(values[STEPS:], expected[0, :, 0], rtol=1e-12)
    assert encode(plan.encoding, whole.moved(0, 1), np.ones((1, 1))).ahead.shape == (1, 1, 2)
