"""The combination of members' forecasts, against a plain loop over copies of them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from elman.tasks.forecast import Forecaster
from elman.tasks.forecast.combination import OUTSIDE, combined
from elman.tasks.forecast.covariates import NO_COLUMNS
from elman.tasks.forecast.record import plan_from_record, record_of

PARTS = 12  # of the whole weight, which the drawn weights are multiples of
Array = np.ndarray


def by_copies(values: Array, parts: list[int], cut: int) -> Array:
    """The mean of the middle of ``parts[k]`` copies of each member's forecast, without ``cut`` of them at each end."""
    copies = np.sort(np.repeat(values, parts, axis=0), axis=0)
    middle: Array = copies[cut : len(copies) - cut].mean(axis=0)
    return middle


@given(st.lists(st.integers(0, 4), min_size=1, max_size=6), st.integers(0, 5), st.integers(0, 2**32 - 1))
def test_the_middle_of_the_weight_counts(parts: list[int], cut: int, seed: int) -> None:
    parts = [*parts, PARTS - sum(parts)] if sum(parts) < PARTS else [PARTS]
    values = np.random.default_rng(seed).normal(size=(len(parts), 3)).round(1)  # some are equal
    names = ["network", *map(str, range(1, len(parts)))]
    weights = {name: part / PARTS for name, part in zip(names, parts, strict=True)}
    members = {name: row[None] for name, row in zip(names, values, strict=True)}
    found = combined(members, [weights], cut / PARTS)
    assert_allclose(found[0], by_copies(values, parts, cut), rtol=0, atol=1e-14)
    turned = combined(dict(reversed(members.items())), [weights], cut / PARTS)
    assert_allclose(turned, found, rtol=0, atol=1e-14)


def test_one_member_astray_does_not_move_the_others() -> None:
    members = {name: np.array([[value]]) for name, value in {"network": 1.0, "last": 2.0, "7": 3.0, "8": 1e9}.items()}
    weights = dict(zip(members, (0.3, 0.3, 0.3, 0.1), strict=True))
    assert 1 <= combined(members, [weights], OUTSIDE)[0, 0] <= 3


def test_the_mean_of_all_where_the_squared_error_is_trained() -> None:
    series = np.arange(60.0) % 7
    plans = {loss: Forecaster(epochs=1, loss=loss).fit(series).outcome.tested.plan for loss in ("mae", "mse")}
    assert (plans["mae"].outside, plans["mse"].outside) == (OUTSIDE, 0)
    record = record_of(plans["mae"])
    assert plan_from_record(record).outside == OUTSIDE
    del record["outside"], record["columns"]  # a file of a model that had the mean of all, and no columns
    found = plan_from_record(record)
    assert (found.outside, found.columns) == (0, NO_COLUMNS)


WEEK = np.array([10.0, 50, 60, 40, 20, 70, 30])


def weekly(count: int) -> np.ndarray:
    return np.resize(WEEK, count) + np.random.default_rng(0).normal(0, 1, count)


def test_members_of_which_none_is_known_to_be_better_weigh_the_same() -> None:
    """Of a series too short to hold anything back, the network alone was forecast, and was far off."""
    found = Forecaster(horizon=7, season=7, window=8, epochs=2).fit(weekly(25))
    weights = found.outcome.tested.plan.weights[""]
    assert len(set(weights.values())) == 1 and {"network", "last", "7"} <= weights.keys()
    evaluation = found.outcome.evaluation
    assert evaluation.scores["mae"] < 0.8 * evaluation.facts["members"]["network"]["mae"]
    alone = Forecaster(horizon=7, season=7, window=8, epochs=2, validation=0).fit(weekly(25))
    assert alone.outcome.tested.plan.weights == {"": {"network": 1.0}}


def test_a_member_that_reads_less_than_a_season_weighs_nothing_unless_it_was_seen_to_be_good() -> None:
    found = Forecaster(horizon=7, season=7, epochs=2).fit(weekly(20))
    plan, evaluation = found.outcome.tested.plan, found.outcome.evaluation
    assert plan.encoding.window < 7
    assert not {"network", "linear"} & plan.weights[""].keys() and "7" in plan.weights[""]
    best = min(row["mae"] for row in evaluation.baselines.values())
    assert evaluation.scores["mae"] < 1.5 * best < 0.2 * evaluation.facts["members"]["network"]["mae"]
