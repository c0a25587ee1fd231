"""What is drawn of a test: the numbers, where it begins, borders, extrapolation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from elman.data import read_sequence_arrays
from tests.tasks.regress.helpers import drawn, made


def lines(figure):
    return {line.role: line for line in figure.lines}


def test_carried_segments_are_one_strip_with_its_borders_and_the_history_that_was_read():
    data = made([6] * 15)
    problem, predictor = drawn(data, carry=True)
    test, errors = predictor.evaluate(problem.test).figures
    truth, model, linear = (lines(test)[role] for role in ("truth", "model", "baseline"))
    whole = np.concatenate([s.targets[:, 0] for s in data])
    outputs = np.concatenate(predictor.outputs(data))[:, 0]
    shown = slice(90 - 18 - 2 * 18, 90)  # three segments, and twice as much before them
    np.testing.assert_array_equal(truth.x, np.arange(90)[shown])
    np.testing.assert_array_equal(truth.y, whole[shown])
    np.testing.assert_array_equal(model.y, outputs[shown])
    assert np.isnan(linear.y).tolist() == [True] * 36 + [False] * 18
    assert (72, "test begins") in test.marks
    assert sorted(place for place, _ in test.marks) == list(range(42, 90, 6))
    expected = np.abs(outputs - whole)[72:].reshape(3, 6).mean(axis=0)
    np.testing.assert_allclose(errors.lines[0].y, expected, rtol=1e-12)


def test_a_curve_is_drawn_over_what_it_is_a_curve_of():
    x = np.linspace(0, 1, 40)
    data = read_sequence_arrays((x, x**2))
    problem, predictor = drawn(data)
    figure = predictor.evaluate(problem.test).figures[0]
    assert figure.x_label == "x"
    np.testing.assert_array_equal(figure.lines[0].x, x)
    (stretch,) = figure.shaded  # the test lies beyond what was fitted on
    assert x[31] < stretch[0] < x[32] and stretch[1] > 1
    picture = problem.picture(predictor)
    np.testing.assert_array_equal(picture.lines[0].x, x[:32])  # nothing of the test
    assert picture.shaded == () and picture.marks == ((x[26], "validation begins"),)


def test_whole_sequences_are_laid_one_after_another():
    data = made([3, 4, 5, 6] * 4)
    problem, predictor = drawn(data)
    figure = predictor.evaluate(problem.test).figures[0]
    tested = [s for s, start in zip(data, problem.test.starts, strict=True) if not start]
    np.testing.assert_array_equal(figure.lines[0].y, np.concatenate([s.targets[:, 0] for s in tested]))
    assert [place for place, _ in figure.marks] == np.cumsum([len(s) for s in tested])[:-1].tolist()
    assert "the state begins anew" in figure.note


def test_one_target_each_is_drawn_in_order():
    data = made([3, 4, 5] * 5, last=True)
    problem, predictor = drawn(data, at="last")
    test = replace(problem.test, starts=(0,) * 15)
    (figure,) = predictor.evaluate(test).figures
    truth = np.array([s.targets[-1, 0] for s in data])
    np.testing.assert_array_equal(figure.lines[0].y, np.sort(truth))
    outputs = np.concatenate(predictor.outputs(data))[:, 0]
    np.testing.assert_array_equal(lines(figure)["model"].y, outputs[np.argsort(truth)])
