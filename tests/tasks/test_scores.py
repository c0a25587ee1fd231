"""Scores computed by hand, and the verdict."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from elman.tasks.forecast.scores import METRICS, Rolling, error_by_lead, in_sample_naive_error, score, verdict
from tests.tasks.helpers import drawn, rolled, series_set, wavy, with_gaps

NAN = math.nan


def rolling(actual, naive_error: float = 2.0, id: str = "a", **forecasts) -> Rolling:
    actual = np.array(actual, float)
    made = {name: np.broadcast_to(np.array(f, float), actual.shape) for name, f in forecasts.items()}
    return Rolling(id, np.arange(len(actual)), actual, made, naive_error)


def test_every_metric_by_hand():
    one = rolling([[1.0, 2.0], [4.0, 0.0]], model=[[2.0, 2.0], [1.0, 0.0]])
    # errors 1 0 3 0; |y| + |f| 3 4 5 0
    assert score([one], "model") == pytest.approx(
        {"mae": 1.0, "mse": 2.5, "rmse": math.sqrt(2.5), "smape": (200 / 3 + 0 + 600 / 5 + 0) / 4, "mase": 0.5}
    )
    assert tuple(score([one], "model")) == METRICS


def test_smape_is_on_the_scale_to_200():
    assert score([rolling([[1.0, -3.0]], model=[[-1.0, 0.0]])], "model")["smape"] == 200
    assert score([rolling([[3.0]], model=[[1.0]])], "model")["smape"] == 100


def test_what_was_not_observed_is_not_scored():
    one = rolling([[1.0, NAN], [4.0, NAN]], model=[[2.0, 99.0], [1.0, -99.0]])
    assert score([one], "model") == pytest.approx(
        {"mae": 2.0, "mse": 5.0, "rmse": math.sqrt(5), "smape": (200 / 3 + 600 / 5) / 2, "mase": 1.0}
    )
    assert_allclose(error_by_lead([one], "model"), [2.0, NAN])


def test_scores_are_averaged_over_series_not_over_steps():
    long = rolling([[0.0, 0.0]] * 10, naive_error=1.0, model=1.0)
    short = rolling([[0.0, NAN]], naive_error=10.0, id="b", model=[[5.0, 5.0]])
    assert score([long, short], "model") == pytest.approx(
        {"mae": 3.0, "mse": 13.0, "rmse": 3.0, "smape": 200.0, "mase": 0.75}
    )
    assert_allclose(error_by_lead([long, short], "model"), [3.0, 1.0])


def test_what_cannot_be_computed_is_nan_and_others_are_averaged_without_it():
    flat = rolling([[1.0]], naive_error=NAN, model=[[3.0]])
    empty = rolling([[NAN]], id="b", model=[[3.0]])
    good = rolling([[1.0]], naive_error=1.0, id="c", model=[[2.0]])
    assert math.isnan(score([flat], "model")["mase"]) and score([flat], "model")["mae"] == 2
    assert all(math.isnan(value) for value in score([empty], "model").values())
    assert score([flat, empty, good], "model")["mase"] == 1 and score([flat, empty, good], "model")["mae"] == 1.5


def test_in_sample_error_of_the_seasonal_naive():
    assert in_sample_naive_error(np.array([1.0, 5.0, 2.0, 8.0, 4.0]), 2) == (1 + 3 + 2) / 3
    assert in_sample_naive_error(np.array([1.0, NAN, 2.0, 8.0, NAN, 4.0]), 2) == (1 + 4) / 2  # observed pairs only
    for values, season in (([3.0, 3.0, 3.0], 1), ([1.0, 2.0], 2), ([1.0, NAN, 3.0], 1), ([1.0], 1)):
        assert math.isnan(in_sample_naive_error(np.array(values), season))


def test_an_evaluation_scored_by_hand_with_gaps_and_a_part_of_a_window_at_the_end():
    values = with_gaps(wavy(59), [20, 21, 50, 52])
    problem, model = drawn(series_set(values), season=6, test_size=11, horizon=4)
    evaluation, (one,) = rolled(problem, model)
    assert one.cutoffs.tolist() == [47, 51, 55]
    padded = np.append(values, [NAN] * 4)
    assert_array_equal(one.actual, [padded[c + 1 : c + 5] for c in (47, 51, 55)])
    naive_error = np.nanmean(np.abs(values[6:48] - values[:42]))
    for name, found in {"model": evaluation.scores, **evaluation.baselines}.items():
        pairs = [
            (values[c + 1 + h], one.forecasts[name][k, h])
            for k, c in enumerate(one.cutoffs)
            for h in range(4)
            if c + 1 + h < 59 and not np.isnan(values[c + 1 + h])
        ]
        assert len(pairs) == 9
        errors = np.array([abs(y - f) for y, f in pairs])
        assert {metric: found[metric] for metric in METRICS} == pytest.approx(
            {
                "mae": errors.mean(),
                "mse": (errors**2).mean(),
                "rmse": math.sqrt((errors**2).mean()),
                "smape": np.mean([200 * abs(y - f) / (abs(y) + abs(f)) for y, f in pairs]),
                "mase": errors.mean() / naive_error,
            }
        )
    chosen = {"window": 0, "level": "", "transform": "", "scale": "", "members": {}, "intervals": {}}
    assert evaluation.facts | chosen == {
        "test_size": 11, "windows": 3, "season": 6, "seasons": [6], "horizon": 4, "series": 1, **chosen
    }  # fmt: skip
    # predictions.csv: every step of the test once, the missing ones without a y
    ends = ["lo-80", "hi-80", "lo-95", "hi-95"]
    assert list(evaluation.rows) == ["unique_id", "cutoff", "ds", "step", "y", "forecast", *ends]
    rows = evaluation.rows
    assert list(zip(rows["cutoff"], rows["ds"], rows["step"], strict=True))[:5] == [
        ("47", "48", 1), ("47", "49", 2), ("47", "50", 3), ("47", "51", 4), ("51", "52", 1)
    ]  # fmt: skip
    assert rows["ds"] == [str(step) for step in range(48, 59)]
    known = [math.nan if step in (50, 52) else float(values[step]) for step in range(48, 59)]
    assert_array_equal(rows["y"], known)
    assert rows["forecast"] == [*one.forecasts["model"].ravel()[:11]]


def windows_won(wins: int, losses: int, ties: int = 0, by: float = 1.0) -> Rolling:
    """So many windows in which the model is nearer than the last value, and so many in which it is not."""
    model = [1.0] * wins + [2.0 + by] * losses + [2.0] * ties
    return rolling([[0.0]] * len(model), model=np.array(model)[:, None], naive=2.0, linear=50.0)


def say(one: Rolling) -> str:
    return verdict([one], ["naive", "linear"])


@pytest.mark.parametrize(
    ("one", "sentence"),
    [
        (windows_won(10, 0), "MASE 0.5, last value 1: better, in 10 of 10 windows."),
        (windows_won(9, 1), "MASE 0.6, last value 1: better, in 9 of 10 windows."),
        (
            windows_won(8, 2),
            (
                "MASE 0.7, last value 1: no proof that it beats the last value "
                "(better in 8 of 10 windows, which chance alone could give)."
            ),
        ),
        (
            windows_won(4, 0),
            (
                "MASE 0.5, last value 1: no proof that it beats the last value "
                "(better in 4 of 4 windows, too few to rule out chance)."
            ),
        ),
        (windows_won(5, 0), "MASE 0.5, last value 1: better, in 5 of 5 windows."),
        (
            windows_won(0, 10),
            "MASE 1.5, last value 1: worse than the last value (better in 0 of 10 windows).",
        ),
        (
            windows_won(4, 6),
            "MASE 1.1, last value 1: no better than the last value (better in 4 of 10 windows).",
        ),
        (windows_won(0, 0, 7), "MASE 1, last value 1: no better than the last value (better in 0 of 0 windows)."),
        # nearer in most windows, but far off in one: the mean does not agree
        (
            windows_won(9, 1, by=100),
            "MASE 5.55, last value 1: no better than the last value (better in 9 of 10 windows).",
        ),
    ],
)  # fmt: skip
def test_verdict(one, sentence):
    assert say(one) == sentence


def test_verdict_compares_with_the_strongest_baseline_and_without_a_scale_by_mae():
    one = rolling([[0.0]] * 8, naive_error=NAN, model=1.0, naive=4.0, linear=3.0, seasonal_naive=9.0)
    assert verdict([one], ["naive", "seasonal_naive", "linear"]) == (
        "MAE 1, linear autoregression 3: better, in 8 of 8 windows."
    )


def test_verdict_counts_the_windows_of_all_series_and_only_what_was_observed():
    one = rolling([[0.0, NAN], [NAN, NAN], [0.0, 0.0]], model=1.0, naive=[[2.0, 0.0]] * 3)
    other = rolling([[0.0, 0.0]] * 3, id="b", model=1.0, naive=2.0)
    assert verdict([one, other], ["naive"]).endswith("(better in 4 of 4 windows, too few to rule out chance).")


def test_verdict_where_nothing_was_observed():
    one = rolling([[NAN]], model=1.0, naive=2.0)
    assert verdict([one], ["naive"]) == "Nothing could be scored: no value of the test span was observed."


@given(wins=st.integers(0, 12), losses=st.integers(0, 12))
def test_better_needs_a_significant_sign_test(wins, losses):
    if wins + losses == 0:
        return
    tail = sum(math.comb(wins + losses, k) for k in range(wins, wins + losses + 1)) / 2 ** (wins + losses)
    said = ": better, in" in say(windows_won(wins, losses))
    assert said == (tail < 0.05 and wins > losses)


def test_a_constant_series_has_no_mase_and_its_record_none():
    from elman.runs.files import without_nan

    problem, model = drawn(
        series_set(np.full(40, 3.0)), season=1, level="last", stride=1, combine="none", highway=False
    )
    evaluation, _ = rolled(problem, model)
    assert math.isnan(evaluation.scores["mase"]) and evaluation.baselines["naive"]["mae"] == 0
    record = without_nan({"test": evaluation.scores})
    assert record["test"]["mase"] is None and record["test"]["mae"] > 0
    assert evaluation.verdict.startswith("MAE ") and "worse than the last value" in evaluation.verdict
