"""Nothing of the test reaches a classifier: no scale, no class, no temperature, no baseline, no weight."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from elman import SequenceClassifier
from elman.data import Sequences, read_sequences
from elman.errors import DataError
from elman.tasks.classify import ClassifySettings
from elman.tasks.classify.problem import ClassifyProblem, divided
from elman.tasks.classify.split import folds, groups_of, held_out
from tests.tasks.classify_data import TINY, drawn, slopes, words


def altered(data: Sequences, rows: np.ndarray) -> Sequences:
    """``data`` with those rows a hundred times as large."""
    inputs = data.inputs.copy()
    inputs[rows] *= 100
    return replace(data, inputs=inputs)


def fitted(data: Sequences, **given) -> tuple[dict, dict]:
    """Weights and record of the model that is tested."""
    tested = SequenceClassifier(**TINY).fit(data, **given).outcome.tested
    return tested.model.arrays, tested.model.encoding


def same(found: tuple[dict, dict], expected: tuple[dict, dict]) -> None:
    assert found[1] == expected[1]
    assert found[0].keys() == expected[0].keys()
    for name, array in found[0].items():
        assert_array_equal(array, expected[0][name])


def test_another_test_is_the_same_model():
    data, test = slopes(60), slopes(12, seed=1)
    expected = fitted(data, test=test)
    same(fitted(data, test=altered(test, np.arange(12))), expected)
    same(fitted(data, test=test.select(np.arange(5))), expected)
    changed = fitted(altered(data, np.arange(1)), test=test)
    assert changed[1]["encoding"] != expected[1]["encoding"]  # of what is fitted, each value counts


def test_values_of_the_share_held_back():
    data = slopes(60)
    expected, test = fitted(data), divided(data, ClassifySettings()).test
    assert 9 <= test.sum() <= 15
    same(fitted(altered(data, np.flatnonzero(test))), expected)


def test_the_temperature_is_of_the_validation_part_alone():
    data = slopes(90)
    problem, predictor = drawn(data)
    other = replace(
        data,
        labels=tuple(
            "up" if held else name for held, name in zip(divided(data, problem.settings).test, data.labels, strict=True)
        ),
    )
    test = divided(data, problem.settings).test
    apart = data.select(~test).followed_by(data.select(test))
    mixed = data.select(~test).followed_by(other.select(test))
    temperatures = [drawn(source)[1].known.temperature for source in (apart, mixed)]
    assert temperatures[0] == temperatures[1] != 1.0
    assert drawn(data, validation=0.0)[1].known.temperature == 1.0
    assert predictor.known.temperature != 1.0


def test_equal_sequences_stay_in_one_part():
    data = slopes(30)
    twice = read_sequences((np.concatenate([data.inputs, data.inputs]), data.labels + data.labels))
    division = divided(twice, ClassifySettings())
    assert_array_equal(division.test[:30], division.test[30:])
    assert_array_equal(division.known, ~division.test)
    problem = ClassifyProblem(twice, ClassifySettings())
    parts = [problem._fit.digests(), problem._held.digests(), problem.test.digests()]
    assert not any(set(a.tolist()) & set(b.tolist()) for a, b in zip(parts, parts[1:] + parts[:1], strict=True))


def test_sequences_of_one_name_stay_in_one_part():
    data = replace(slopes(60), ids=tuple(str(k // 6) for k in range(60)))
    test = divided(data, ClassifySettings()).test.reshape(10, 6)
    assert_array_equal(test.all(axis=1), test.any(axis=1))


def test_what_stands_in_the_training_part_is_not_scored():
    data, test = slopes(30), slopes(12, seed=1)
    both = test.followed_by(data.select([0, 1]))
    classifier = SequenceClassifier(**TINY).fit(data, test=replace(both, is_test=None))
    assert classifier.outcome.evaluation.facts["test_size"] == 12
    assert "2 of the test stand in the training part as well" in classifier.describe_data()[-1]
    later = slopes(9, seed=2).followed_by(data.select([4]))
    found = classifier.evaluate(replace(later, is_test=None))
    assert found.facts["test_size"] == 9 and "1 more were seen in training and are not scored" in found.title
    with pytest.raises(DataError, match="no sequence is left for the test"):
        SequenceClassifier(**TINY).fit(data, test=data.select([0, 1]))


@pytest.mark.parametrize("make", [slopes, words])
def test_shares_of_every_class(make):
    data = make(90)
    groups = groups_of(data)
    for share in (0.1, 0.3, 0.5):
        found = held_out(groups, data.labels, share, 0)
        counts = [
            sum(held for held, name in zip(found, data.labels, strict=True) if name == c) for c in set(data.labels)
        ]
        assert all(abs(count - 30 * share) <= 3 for count in counts)
    assert (held_out(groups, data.labels, 0.3, 1) != found).any()
    assert not held_out(groups, data.labels, 0.0, 0).any()
    one = held_out(np.array([0, 0, 1, 2]), ["a", "a", "b", "b"], 0.2, 0)
    assert one.tolist() in ([False, False, True, False], [False, False, False, True])  # never all of a class


def test_folds_hold_every_class_and_equal_sequences_once():
    data = words(100)
    groups = groups_of(data)
    found = folds(groups, data.labels, 5, 0)
    for group in set(groups.tolist()):
        assert len(set(found[groups == group].tolist())) == 1
    for name in set(data.labels):
        counts = np.bincount(found[np.array(data.labels) == name], minlength=5)
        assert np.ptp(counts) <= 4 and counts.min() >= 4


def test_what_cannot_be_learned_is_an_error_before_training():
    data = slopes(30)
    for source, given, said in (
        (replace(data, labels=None), {}, "there are no labels"),
        (replace(data, labels=("up",) * 30), {}, "every sequence is of the class 'up'"),
        (
            data,
            {"test": replace(slopes(3, seed=1), labels=("up", "down", "side"))},
            "the class 'side' was not in training",
        ),
        (data, {"test": slopes(3, seed=1, channels=2)}, "give a test of the same kind"),
        (data, {"test": replace(slopes(3, seed=1), labels=None)}, "there are no labels"),
    ):
        with pytest.raises(DataError, match=said):
            SequenceClassifier(**TINY).fit(source, **given)
