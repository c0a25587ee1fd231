"""The weighted quantile loss against hand-computed values and plain loops; the simple baselines' intervals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from elman.tasks.forecast.baselines import naive, seasonal_naive
from elman.tasks.forecast.naive_intervals import MOST_CUTOFFS, naive_bounds
from elman.tasks.forecast.quantile_loss import quantiles_of, weighted_quantile_loss
from elman.tasks.forecast.scores import METRICS, Rolling, metrics_of, score
from elman.tasks.forecast.scoring import interval_scores, scores_by_series
from tests.tasks.helpers import drawn, rolled, series_set, wavy, with_gaps

NAN = math.nan
FLOAT64 = {"rtol": 1e-12, "atol": 1e-14}


def rolling(actual: Any, forecast: Any, half: float, id: str = "a") -> Rolling:
    actual, forecast = np.array(actual, float), np.array(forecast, float)
    made = dict.fromkeys(("model", "naive", "seasonal_naive", "linear"), forecast)
    bounds = {"80": (forecast - half, forecast + half)}
    return Rolling(id, np.arange(len(actual)), actual, made, 2.0, bounds=bounds)


def test_by_hand():
    one = rolling([[10.0, 20.0]], [[12.0, 17.0]], 4.0)
    # errors of the median -2 and 3, of the 10 % quantile 2 and 7, of the 90 % quantile -6 and -1
    median, low, high = 0.5 * 2 + 0.5 * 3, 0.1 * 2 + 0.1 * 7, 0.1 * 6 + 0.1 * 1
    expected = 2 * (median + low + high) / 3 / 30
    found = score([one], "model")
    assert found["wql"] == pytest.approx(expected, rel=1e-12)
    assert tuple(found) == (*METRICS, "wql") == metrics_of([one])
    assert interval_scores([one])["all"] == {"weighted_quantile_loss": found["wql"]}
    assert math.isnan(score([one], "linear")["wql"])  # it has no intervals


def test_series_are_taken_together_and_each_has_its_own_in_the_table():
    first, second = rolling([[10.0, NAN]], [[12.0, 1e9]], 4.0), rolling([[-1.0, 3.0]], [[0.0, 0.0]], 0.0, id="b")
    own = [2 * (0.5 * 2 + 0.1 * 2 + 0.1 * 6) / 3 / 10, 2 * (0.5 + 0.9 + 0.1 + 3 * (0.5 + 0.1 + 0.9)) / 3 / 4]
    assert score([first, second], "model")["wql"] == pytest.approx((own[0] * 10 + own[1] * 4) / 14, rel=1e-12)
    assert scores_by_series([first, second])["wql"] == pytest.approx(own, rel=1e-12)


@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(st.integers(1, 4), st.integers(1, 5)),
    levels=st.lists(st.sampled_from([50, 80, 90, 95, 99.5]), unique=True),
)
def test_against_a_plain_loop(seed, shape, levels):
    random = np.random.default_rng(seed)
    y, f = random.normal(1, 2, (2, *shape))
    y[random.random(shape) < 0.2] = NAN
    bounds = {f"{level:g}": (f - random.random(shape), f + random.random(shape)) for level in levels}
    quantiles = [(0.5, f)]
    for level, (low, high) in bounds.items():
        quantiles += [((1 - float(level) / 100) / 2, low), ((1 + float(level) / 100) / 2, high)]
    losses, size = [], 0.0
    for q, forecasts in quantiles:
        loss = size = 0.0
        for value, guess in zip(y.ravel(), forecasts.ravel(), strict=True):
            if not math.isnan(value):
                loss += q * (value - guess) if value >= guess else (1 - q) * (guess - value)
                size += abs(value)
        losses.append(2 * loss / size if size else NAN)
    assert_allclose(weighted_quantile_loss([(y, quantiles_of(f, bounds))]), np.mean(losses), **FLOAT64)


def test_many_quantiles_come_to_the_crps_of_a_distribution():
    """Of a uniform one on 0 … 1 at y = 0.5 it is ∫ (F(x) - 1[x ≥ y])² dx = 1/12."""
    q = (np.arange(2000) + 0.5) / 2000
    found = weighted_quantile_loss([(np.array([0.5]), {share: np.array([share]) for share in q.tolist()})])
    assert_allclose(found * 0.5, 1 / 12, rtol=1e-5)


def test_where_there_is_nothing_to_score_it_is_nan():
    assert math.isnan(weighted_quantile_loss([]))
    assert math.isnan(weighted_quantile_loss([(np.array([NAN]), {0.5: np.array([1.0])})]))
    assert math.isnan(weighted_quantile_loss([(np.zeros(2), {0.5: np.ones(2)})]))
    assert not math.isfinite(weighted_quantile_loss([(np.full(9, 1e308), {0.5: np.zeros(9)})]))


def conformal(values: np.ndarray, horizon: int, season: int, level: float, name: str) -> list[float]:
    """Half the width at each lead time, by a loop over all cutoffs and leads."""
    filled = values.copy()
    for t in range(len(values)):
        if math.isnan(filled[t]):
            filled[t] = 100.0  # as given below
    errors: list[list[float]] = [[] for _ in range(horizon)]
    for cutoff in range(max(0, len(values) - 1 - MOST_CUTOFFS), len(values) - 1):
        made = naive(filled, cutoff, horizon)
        if name == "seasonal_naive":
            made = seasonal_naive(filled, cutoff, horizon, season)
        for lead in range(horizon):
            if cutoff + 1 + lead < len(values) and not math.isnan(values[cutoff + 1 + lead]):
                errors[lead].append(abs(values[cutoff + 1 + lead] - made[lead]))
    found = []
    for own in errors:
        rank = min(math.ceil((len(own) + 1) * level / 100), len(own))
        found.append(sorted(own)[rank - 1] if own else found[-1])
    return found


@pytest.mark.parametrize("steps", [5, 40, 400])
@pytest.mark.parametrize("season", [1, 6])
def test_the_baselines_intervals_against_a_plain_loop(steps, season):
    values = with_gaps(wavy(steps), [3])
    filled = np.where(np.isnan(values), 100.0, values)
    made = {"naive": np.zeros((2, 7)), "seasonal_naive": np.ones((2, 7))}
    found = naive_bounds(made, filled, values, season, ["80", "95"])
    for name, forecasts in made.items():
        for level, (low, high) in found[name].items():
            half = conformal(values, 7, season, float(level), name)
            assert_allclose(high, forecasts + half, **FLOAT64)
            assert_allclose(low, forecasts - half, **FLOAT64)


def test_one_step_says_nothing_of_errors():
    found = naive_bounds({"naive": np.zeros((1, 2))}, np.ones(1), np.ones(1), 1, ["80"])
    assert np.isnan(found["naive"]["80"]).all()


def test_an_evaluation_has_it_beside_the_baselines_and_only_with_intervals():
    values = with_gaps(wavy(80), [20, 70])
    evaluation, (one,) = rolled(*drawn(series_set(values), season=6))
    assert evaluation.metrics[-1].name == "wql" and evaluation.metrics[-1].better == "lower"
    start = evaluation.facts["test_size"]
    bounds = one.baseline_bounds["seasonal_naive"]
    assert bounds.keys() == {"80", "95"}
    known = values[:-start]
    filled = drawn(series_set(values), season=6)[0].known[0].values
    again = naive_bounds({"seasonal_naive": one.forecasts["seasonal_naive"]}, filled, known, 6, bounds)
    for level, ends in bounds.items():
        assert_allclose(ends, again["seasonal_naive"][level])
    expected = weighted_quantile_loss([(one.actual, quantiles_of(one.forecasts["seasonal_naive"], bounds))])
    assert evaluation.baselines["seasonal_naive"]["wql"] == expected > 0
    bare = rolled(*drawn(series_set(values), season=6, validation=0.0))[0]
    assert tuple(metric.name for metric in bare.metrics) == METRICS == tuple(bare.scores)
