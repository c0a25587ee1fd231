"""One answer, however the steps are laid out: padded, alone, in another order, as segments, one after another."""

from __future__ import annotations

import numpy as np
import pytest

from elman import SequenceRegressor
from elman.data import read_sequence_arrays
from elman.errors import DataError
from tests.tasks.regress.helpers import drawn, made

EPS = 64 * np.finfo("f4").eps
LENGTHS = [4, 9, 2, 7, 1]


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=EPS, atol=EPS * 50)  # targets spread over about 50


@pytest.mark.parametrize("last", [False, True])
def test_padding_and_order_change_nothing(last):
    data = made(LENGTHS * 2, targets=2, last=last)
    _, predictor = drawn(data, at="last" if last else "every", split="sequences", test_size=2)
    together = predictor.outputs(data)
    assert [len(y) for y in together] == ([1] * 10 if last else LENGTHS * 2)
    for k in range(len(data)):
        (alone,) = predictor.outputs(data.only([j == k for j in range(len(data))]))
        close(alone, together[k])
    turned = read_sequence_arrays([sequence.inputs for sequence in data][::-1])
    if not last:
        for found, expected in zip(predictor.outputs(turned)[::-1], together, strict=True):
            close(found, expected)


def test_carried_segments_are_one_long_sequence():
    data = made([5, 3, 8])
    _, predictor = drawn(data, carry=True, test_size=3)
    whole = read_sequence_arrays(np.concatenate([s.inputs for s in data]))
    close(np.concatenate(predictor.outputs(data)), predictor.outputs(whole)[0])
    (first,) = predictor.outputs(data.only([False, True, False]))
    assert np.abs(first - predictor.outputs(data)[1]).max() > 1e-3  # a sequence alone begins anew


def test_training_on_carried_segments_is_training_on_one_long_sequence():
    data = made([5] * 8)
    x, y = (np.concatenate([getattr(s, name) for s in data]) for name in ("inputs", "targets"))
    given = {"hidden_size": 4, "epochs": 3, "test_size": 10, "split": "time", "carry": True}
    segments = SequenceRegressor(**given).fit(data)  # each a segment of truncated back-propagation
    whole = SequenceRegressor(**given, bptt=5).fit((x, y))
    for name, array in segments.model.arrays.items():
        np.testing.assert_array_equal(whole.model.arrays[name], array)
    assert segments.outcome.evaluation.scores == whole.outcome.evaluation.scores
    longer = SequenceRegressor(**given, bptt=0).fit((x, y))
    assert any((longer.model.arrays[name] != array).any() for name, array in whole.model.arrays.items())


@pytest.mark.parametrize("carry", [False, True])
def test_a_stream_is_the_whole_sequence(carry):
    data = made([6, 4, 5], targets=2)
    _, predictor = drawn(data, carry=carry, test_size=2, cell="lstm")
    stream = predictor.stream()
    for sequence, expected in zip(data, predictor.outputs(data), strict=True):
        if not carry:
            stream.reset()
        close(np.array([stream.step(x) for x in sequence.inputs]), expected)
    stream.reset()
    by_name = dict(zip(data.inputs, data.sequences[0].inputs[0], strict=True))
    close(stream.step(by_name), predictor.outputs(data)[0][0])


def test_a_stream_of_whole_sequences_tells_at_every_step_what_it_would_at_the_end():
    data = made([6] * 5, last=True)
    _, predictor = drawn(data, at="last")
    stream = predictor.stream()
    for end, x in enumerate(data.sequences[0].inputs, start=1):
        (expected,) = predictor.outputs(data.only([True] + [False] * 4).until([end]))
        close(stream.step(x), expected[0])


@pytest.mark.parametrize("x", [[1.0], [1.0, 2.0, 3.0], [1.0, np.nan], [1.0, np.inf], ["a", "b"], {"x0": 1.0}, None])
def test_a_stream_takes_one_step_of_finite_inputs(x):
    _, predictor = drawn(made([20]))
    stream = predictor.stream()
    stream.step([100.0, 101.0])
    before = stream.state
    with pytest.raises(DataError, match="a stream takes a finite number for each of x0, x1 a step"):
        stream.step(x)
    for name, array in stream.state.items():
        np.testing.assert_array_equal(array, before[name])


def test_scales_are_put_back_in_float64():
    """A target at 1e9 with a spread of 1 keeps its digits, which float32 would not."""
    x = np.random.default_rng(0).normal(size=(200, 1)) + 1e9
    regressor = SequenceRegressor(hidden_size=4, epochs=40, learning_rate=0.02).fit((x, x + 5))
    assert regressor.metrics["test"]["mae"] < 0.7 < regressor.metrics["baselines"]["mean"]["mae"]
    assert regressor.metrics["baselines"]["linear"]["mae"] < 1e-3
