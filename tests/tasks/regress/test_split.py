"""Which steps are fitted, which validated, which are the test."""

from __future__ import annotations

import numpy as np
import pytest

from elman.errors import DataError
from elman.tasks.regress import RegressSettings
from elman.tasks.regress.split import by_sequences, validation_part
from elman.tasks.regress.split import test_part as part_of_test  # else it is taken for a test
from tests.tasks.regress.helpers import drawn, made


def divided(lengths, last=False, **settings):
    """Where the validation part and the test begin in each sequence."""
    data, given = made(lengths, last=last), RegressSettings(at="last" if last else "every", **settings)
    test = part_of_test(data, given)
    starts = data.steps if test is None else test.starts
    held_out = validation_part(data.until(starts), given, whole=by_sequences(data, given))
    return None if held_out is None else held_out.starts, None if test is None else test.starts


def test_few_sequences_are_divided_in_time():
    assert divided([20, 51]) == ((13, 33), (16, 41))
    assert divided([20], test_size=3) == ((14,), (17,))
    assert divided([20], test_size=0) == ((16,), None)
    assert divided([20], validation=0.0) == (None, (16,))
    assert divided([20] * 12, split="time", test_size=5) == ((12,) * 12, (15,) * 12)


def test_many_are_drawn_whole():
    validated, tested = divided([7] * 20)
    assert sorted(tested) == [0] * 4 + [7] * 16
    assert sorted(validated) == [0] * 3 + [7] * 13  # of the 16 that are left
    assert divided([7] * 20) == (validated, tested)
    assert divided([7] * 20, seed=1)[1] != tested
    assert tested != (7,) * 16 + (0,) * 4
    assert sorted(divided([7] * 4, split="sequences", test_size=2)[1]) == [0, 0, 7, 7]


def test_where_the_state_is_carried_the_end_is_held_back():
    assert divided([5] * 10, carry=True) == ((5, 5, 5, 5, 5, 5, 0, 0), (5,) * 8 + (0, 0))
    assert divided([6, 4, 10], carry=True) == ((6, 4, 3), (6, 4, 6))
    assert divided([6, 4, 10], carry=True, test_size=11) == ((6, 2), (6, 3, 0))


def test_with_one_target_each_whole_sequences_are_drawn():
    validated, tested = divided([3, 4, 5, 6, 7], last=True)
    assert sum(start == 0 for start in tested) == 1
    assert len(validated) == 4 and sum(start == 0 for start in validated) == 1


def test_too_little_to_validate_on_is_not_divided():
    assert divided([6])[0] is None
    assert divided([9, 9], split="sequences")[0] is None


@pytest.mark.parametrize(
    ("lengths", "settings", "words"),
    [
        ([1], {}, "has 1 steps, but the test takes 1"),
        ([9, 5], {"test_size": 5}, "the shortest of 2 sequences has 5 steps, but the test takes 5"),
        ([9] * 3, {"split": "sequences", "test_size": 3}, "has 3 sequences, but the test takes 3"),
        ([4, 4], {"carry": True, "test_size": 8}, "has 8 steps, but the test takes 8"),
        ([9] * 3, {"last": True, "split": "time"}, "there is nothing to divide in time"),
    ],
)
def test_too_little_to_test_on(lengths, settings, words):
    with pytest.raises(DataError, match=words):
        divided(lengths, **settings)


def test_what_is_fitted_and_validated_weighs_and_nothing_else():
    data = made([20, 30], targets=2)
    problem, _ = drawn(data)
    train, held_out = problem.train(), problem.validation()
    assert train.lengths.tolist() == [13, 20]  # 16 and 24 steps precede the test
    assert train.weights(keeps_time=True)[1].all() and not train.weights(keeps_time=True)[0, 13:].any()
    assert held_out.lengths.tolist() == [16, 24]
    weight = held_out.weights(keeps_time=True)
    assert [np.flatnonzero(row).tolist() for row in weight[..., 1]] == [[13, 14, 15], [20, 21, 22, 23]]
    scaled = (data.sequences[1].targets[20:24] - problem.record.target_center) / problem.record.target_spread
    np.testing.assert_allclose(held_out.targets[1, 20:24], scaled, rtol=1e-6)


def test_a_missing_target_weighs_nothing_and_is_not_scored():
    data = made([40])
    data.sequences[0].targets[[3, 35]] = np.nan
    problem, predictor = drawn(data)
    assert problem.train().weights(keeps_time=True)[0, 3, 0] == 0
    evaluation = predictor.evaluate(problem.test)
    rows = evaluation.rows
    assert [step for step, y in zip(rows["step"], rows["y"], strict=True) if np.isnan(y)] == [35]
    errors = [abs(y - p) for y, p in zip(rows["y"], rows["prediction"], strict=True) if not np.isnan(y)]
    assert evaluation.scores["mae"] == pytest.approx(np.mean(errors), rel=1e-12) and len(errors) == 7
