"""Sequences from arrays: every shape that has one reading, and an error for every one that has none."""

from __future__ import annotations

import numpy as np
import pytest

from elman.data import holds_arrays, read_sequence_arrays
from elman.errors import DataError

X = np.arange(24.0).reshape(2, 4, 3)
Y = np.arange(8.0).reshape(2, 4)


def shapes(source, **given):
    data = read_sequence_arrays(source, **given)
    return [(s.inputs.shape, s.targets.shape) for s in data]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ((X, Y), [((4, 3), (4, 1))] * 2),
        ((X, Y[..., None]), [((4, 3), (4, 1))] * 2),
        ([X, Y], [((4, 3), (4, 1))] * 2),
        ((X[:1], Y[:1]), [((4, 3), (4, 1))]),
        ((X[0], Y[0]), [((4, 3), (4, 1))]),  # two dimensions are one sequence, no batch
        ((X[0], np.stack([Y[0]] * 2, 1)), [((4, 3), (4, 2))]),
        ((Y[0], Y[0]), [((4, 1), (4, 1))]),
        (([X[0], X[1, :2]], [Y[0], Y[1, :2]]), [((4, 3), (4, 1)), ((2, 3), (2, 1))]),
        ((Y[0].tolist(), Y[0].tolist()), [((4, 1), (4, 1))]),
    ],
)
def test_shapes(source, expected):
    assert holds_arrays(source)
    assert shapes(source) == expected


def test_values_and_names():
    data = read_sequence_arrays((X, Y))
    assert (data.inputs, data.targets) == (("x0", "x1", "x2"), ("y",))
    np.testing.assert_array_equal(data.sequences[1].inputs, X[1])
    np.testing.assert_array_equal(data.sequences[1].targets[:, 0], Y[1])
    inputs = read_sequence_arrays(X)
    np.testing.assert_array_equal(inputs.sequences[1].inputs, X[1])
    with pytest.raises(DataError, match=r"there are no targets; give \(inputs, targets\)"):
        inputs.need_targets()


@pytest.mark.parametrize("y", [Y[:, 0], Y[:, :1], Y[:, :2]])
def test_targets_of_whole_sequences(y):
    data = read_sequence_arrays((X, y), last=True)
    for sequence, row in zip(data, y.reshape(2, -1), strict=True):
        np.testing.assert_array_equal(sequence.targets[-1], row)
        assert np.isnan(sequence.targets[:-1]).all()


@pytest.mark.parametrize(
    ("source", "given", "words"),
    [
        ((X, Y, Y), {}, "a tuple of 3; give (inputs, targets)"),
        ((X, Y[:, :3]), {}, "targets of shape (2, 3); give a target for each step"),
        ((X, Y[:, 0]), {}, 'give a target for each step, or one a sequence with at="last"'),
        ((X, Y[:1, 0]), {"last": True}, "2 sequences need (2,)"),
        ((X, Y[..., None]), {"last": True}, "2 sequences need (2,)"),
        (np.zeros((2, 0, 3)), {}, "give (N, T, I) for N sequences"),
        (np.zeros((2, 3, 4, 5)), {}, "give (N, T, I) for N sequences"),
        (np.float64(3.0) * np.ones(()), {}, "give (N, T, I) for N sequences"),
        ([X[0], X[0, :, :2]], {}, "the sequences have [2, 3] values a step"),
        (np.where(X == 5, np.nan, X), {}, "there are missing values (nan)"),
        ((X, np.where(Y == 5, np.inf, Y)), {}, "a value is infinite"),
        (X.astype(str), {}, "no array of numbers"),
        (([[1, 2], [3]], Y), {}, "no array of numbers"),
        ((X > 3, Y), {}, "no array of numbers"),
    ],
)
def test_what_is_refused(source, given, words):
    with pytest.raises(DataError) as error:
        read_sequence_arrays(source, **given)
    assert words in str(error.value)
