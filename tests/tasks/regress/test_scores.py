"""Scores, baselines, jumps at borders, extrapolation: against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from elman import SequenceRegressor
from elman.data import read_sequence_arrays
from elman.errors import DataError, ModelFileError
from elman.tasks.regress.borders import border_jumps
from elman.tasks.regress.problem import RegressProblem
from elman.tasks.regress.record import Record, fit_record
from elman.tasks.regress.scores import Told, score, verdict
from elman.tasks.regress.settings import RegressSettings
from elman.tasks.regress.split import Part
from tests.tasks.regress.helpers import drawn, made


def told(truth, model, number=0, start=0, linear=None):
    truth, model = np.array(truth, float)[:, None], np.array(model, float)[:, None]
    other = np.zeros_like(truth) if linear is None else np.array(linear, float)[:, None]
    labels = tuple(map(str, range(len(truth))))
    predictions = {"model": model, "mean": np.full_like(truth, 100.0), "linear": other}
    return Told(str(number), number, start, labels, truth, truth, predictions, np.zeros_like(truth, bool))


def test_scores():
    parts = [told([1, 2, np.nan], [1.5, 0, 3]), told([9, 4], [0, 5], number=1, start=1)]
    assert score(parts, "model") == pytest.approx({"mae": 3.5 / 3, "mse": 5.25 / 3, "rmse": np.sqrt(1.75)})
    assert np.isnan(score([told([np.nan], [1])], "model")["mae"])


def test_the_verdict_counts_sequences_or_stretches():
    many = [told([1, 2], [1, 2], k) for k in range(20)]
    assert verdict(many) == "MAE 0, linear in the step's inputs 1.5: better, in 20 of 20 sequences."
    one = [told(np.ones(40), np.r_[np.full(20, 0.5), np.full(20, 1.9)])]
    said = verdict(one)
    assert "MAE 0.7, " in said and "better in 20 of 20 stretches of steps" not in said and "20 of 20" in said
    assert "no better" not in said
    worse = [told(np.ones(40), np.full(40, 3.0))]
    assert "worse than the linear in the step's inputs (better in 0 of 20 stretches of steps)" in verdict(worse)
    assert verdict([told([np.nan], [1.0])]).startswith("Nothing could be scored")


def test_border_jumps_are_those_of_the_error():
    a, b = told([0, 1, 2], [0.1, 1.1, 2.1], 0), told([2, 3, 4], [2.5, 3.1, 4.1], 1)
    jumps = border_jumps([a, b], carry=True)
    assert jumps.borders == 1
    assert jumps.across == pytest.approx(0.4)  # the error goes from 0.1 to 0.5
    assert jumps.inside == pytest.approx(0.4 / 4)
    assert jumps.excess == pytest.approx(0.3)
    assert border_jumps([a, b], carry=False) == jumps  # the truth goes on
    assert border_jumps([a, told([50, 51], [50, 51], 1)], carry=False) is None  # it does not
    assert border_jumps([a, told([2, 3], [2, 3], 2)], carry=True) is None  # one between is not scored
    assert border_jumps([a], carry=True) is None


def test_baselines_are_least_squares_on_what_was_fitted():
    data = made([30, 20], inputs=3, targets=2)
    problem, predictor = drawn(data)
    known = problem.known
    x, y = (np.concatenate([getattr(s, name) for s in known]) for name in ("inputs", "targets"))
    design = np.column_stack([x, np.ones(len(x))])
    expected = np.linalg.lstsq(design, y, rcond=None)[0]
    parts = predictor.told(problem.test)
    for part, sequence in zip(parts, data, strict=True):
        found = np.column_stack([sequence.inputs, np.ones(len(sequence))]) @ expected
        np.testing.assert_allclose(part.predictions["linear"], found, rtol=1e-9)
        np.testing.assert_allclose(part.predictions["mean"], np.tile(y.mean(axis=0), (len(sequence), 1)), rtol=1e-12)
    evaluation = predictor.evaluate(problem.test)
    assert evaluation.baselines["linear"] == score(parts, "linear")
    assert evaluation.facts["by_target"]["y1"] == score(parts, "model", 1)


def test_with_one_target_each_the_baseline_reads_the_last_step():
    data = made([4, 5, 6, 7, 8, 9], last=True)
    record = fit_record(data, RegressSettings(at="last"))
    x, y = (np.stack([getattr(s, name)[-1] for s in data]) for name in ("inputs", "targets"))
    expected = np.linalg.lstsq(np.column_stack([x, np.ones(6)]), y, rcond=None)[0]
    np.testing.assert_allclose(record.linear_prediction(x), np.column_stack([x, np.ones(6)]) @ expected, rtol=1e-9)
    assert record.mean == pytest.approx(y.mean(axis=0))


def test_extrapolation_is_counted_and_shaded():
    x = np.linspace(0, 10, 50)
    regressor = SequenceRegressor(hidden_size=3, epochs=1, validation=0.0).fit(
        (x, x), test=(np.r_[9.0, 10.5, 11.0], x[:3])
    )
    evaluation = regressor.outcome.evaluation
    assert evaluation.facts["extrapolated"] == 2
    note = "Extrapolation: 2 of 3 steps have an input outside the range of training (x: 9 to 11, in training 0 to 10)."
    assert note in evaluation.notes
    ((begin, end),) = evaluation.figures[0].shaded
    assert 9 < begin < 10.5 and end > 11
    final = regressor.outcome.final  # fitted on the test too: only what is beyond that is outside
    assert final.remarks(regressor.read(np.r_[9.0, 11.0])) == []
    assert "(x: 12 to 12, in training 0 to 11)" in final.remarks(regressor.read(np.r_[12.0]))[0]


def test_several_targets_are_told_apart():
    regressor = SequenceRegressor(hidden_size=3, epochs=1).fit(made([30], targets=2))
    rows = regressor.outcome.evaluation.rows
    assert list(rows) == ["id", "step", "ds", "target", "y", "prediction"]
    assert rows["target"] == ["y0"] * 6 + ["y1"] * 6 and rows["step"] == list(range(24, 30)) * 2
    assert rows["y"][6:] == pytest.approx([2 * (y - 7) + 7 for y in rows["y"][:6]])
    assert "y" not in regressor.predict()
    x = np.full((3, 2), 100.0)
    assert regressor.predict(x)["target"] == ["y0"] * 3 + ["y1"] * 3  # inputs alone, whose targets nobody has named


def test_what_was_fitted_on_is_not_scored():
    data = made([30, 30])
    problem, tested = drawn(data)
    final = problem.predictor(tested.model.arrays, "all")
    assert tested.fitted_until(data) == problem.test.starts == (24, 24)
    assert final.fitted_until(data) == (30, 30)
    assert tested.fitted_until(data.until([10, 24])) == (0, 24)
    assert tested.fitted_until(made([30, 30], seed=1)) == (0, 0)


def test_a_sequence_that_went_on_is_scored_from_there():
    data = made([30, 40])
    regressor = SequenceRegressor(hidden_size=3, epochs=1).fit(data.until([30, 30]))
    evaluation = regressor.evaluate(data)
    assert evaluation.facts["model"] == "final" and evaluation.rows["step"] == list(range(30, 40))


def test_other_inputs_than_in_training_are_refused():
    _, predictor = drawn(made([20], inputs=2))
    with pytest.raises(DataError, match="its inputs are x0, x1, x2; the model reads x0, x1"):
        predictor.predict(made([5], inputs=3))
    with pytest.raises(DataError, match="its targets are y0, y1; the model tells y"):
        predictor.evaluate(Part(made([5], targets=2), (0,)))
    for other, words in ((made([20], inputs=3), "its inputs"), (made([20], targets=2), "its targets")):
        with pytest.raises(DataError, match=words):
            RegressProblem(other, RegressSettings(), start_from=predictor)
    with pytest.raises(DataError, match="a prediction is not a finite number"):
        predictor.predict(read_sequence_arrays(np.full((1, 3, 2), 1e90)))


GOOD = fit_record(made([5]), RegressSettings()).to_record()
BAD = [
    {"at": "first"},
    {"at": "last", "carry": True},
    {"inputs": []},
    {"targets": ["y", "z"]},
    {"input_center": [0.0]},
    {"input_spread": [1.0, 0.0]},
    {"target_spread": [-1.0]},
    {"lowest": [0.0, float("inf")]},
    {"linear": [1.0]},
    {"mean": ["1"]},
    {"fitted": "all"},
    {"carry": 1},
    {"more": 1},
]


@pytest.mark.parametrize("change", BAD, ids=str)
def test_a_malformed_record_is_refused(change):
    assert Record.from_record(GOOD).to_record() == GOOD
    with pytest.raises(ModelFileError):
        Record.from_record({**GOOD, **change})
