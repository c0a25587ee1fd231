"""Nothing of a later step reaches an earlier prediction, and nothing of the test any scale, choice or weight."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from elman import SequenceRegressor
from elman.cells import CELLS
from elman.tasks.regress.problem import RegressProblem
from tests.tasks.helpers import drawn_arrays
from tests.tasks.regress.helpers import changed, drawn, made

JOBS: dict[str, tuple[list[int], dict[str, Any]]] = {
    "time": ([30, 25], {"bptt": 4}),
    "one sequence": ([40], {}),
    "sequences": ([5, 8, 6, 7] * 4, {}),
    "carry, segments": ([6] * 15, {"carry": True}),
    "carry, steps": ([20, 15], {"carry": True, "bptt": 7}),
}


def bits(examples: Any) -> tuple[Any, ...]:
    arrays = (examples.inputs, examples.targets, examples.lengths, examples.weights(keeps_time=True))
    return tuple(None if a is None else (a.shape, a.tobytes()) for a in arrays)


def choices_of(problem: RegressProblem) -> dict[str, Any]:
    """Everything decided before the test: scales, ranges, baselines, layers, examples, what was fitted on."""
    predictor = problem.predictor(drawn_arrays(problem.layers), "train")
    picture = problem.picture(predictor)
    return {
        "record": problem.record,
        "layers": problem.layers,
        "segment": problem.bptt_steps,
        "starts": problem.test.starts,
        "fit": bits(problem.train()),
        "validation": bits(problem.validation()),
        "tested": predictor.model.encoding,
        "picture": [(line.label, line.x.tobytes(), line.y.tobytes()) for line in picture.lines],
    }


@pytest.mark.parametrize("what", ["inputs", "targets"])
@pytest.mark.parametrize("job", JOBS)
def test_the_test_changes_no_choice(job, what):
    lengths, settings = JOBS[job]
    data = made(lengths)
    problem, _ = drawn(data, **settings)
    choices = choices_of(problem)
    places = [(k, step) for k, start in enumerate(problem.test.starts) for step in range(start, lengths[k])]
    assert len(places) >= 7
    for number, step in places:
        later, _ = drawn(changed(data, number, step, what=what), **settings)
        assert choices_of(later) == choices


@pytest.mark.parametrize("job", JOBS)
def test_and_what_precedes_it_does(job):
    lengths, settings = JOBS[job]
    data = made(lengths)
    problem, _ = drawn(data, **settings)
    number = next(k for k, start in enumerate(problem.test.starts) if start)
    for what in ("inputs", "targets"):
        assert drawn(changed(data, number, 0, what=what), **settings)[0].record != problem.record


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("carry", [False, True])
def test_a_later_step_changes_no_earlier_prediction(cell, carry):
    lengths = [9, 7, 8]
    data = made(lengths)
    _, predictor = drawn(data, cell=cell, carry=carry, test_size=2, hidden_size=8)
    before = predictor.outputs(data)
    for number, steps in enumerate(lengths):
        for step in range(steps):
            after = predictor.outputs(changed(data, number, step, value=90.0))
            for k in range(number + 1):
                upto = step if k == number else None
                np.testing.assert_array_equal(after[k][:upto], before[k][:upto])
            assert (after[number][step] != before[number][step]).all()  # and its own it does
            if not carry:
                for k in range(number + 1, len(lengths)):
                    np.testing.assert_array_equal(after[k], before[k])


@pytest.mark.parametrize("job", ["time", "sequences", "carry, segments"])
def test_training_knows_nothing_of_the_test(job):
    lengths, settings = JOBS[job]
    data = made(lengths)
    given = {"hidden_size": 4, "epochs": 3, "learning_rate": 0.02, **settings}
    first = SequenceRegressor(**given).fit(data)
    starts = drawn(data, **settings)[0].test.starts
    number = next(k for k, start in enumerate(starts) if start < lengths[k])
    later = SequenceRegressor(**given).fit(changed(data, number, lengths[number] - 1, what="targets"))
    before, after = first.outcome, later.outcome
    for name, array in before.tested.model.arrays.items():
        np.testing.assert_array_equal(after.tested.model.arrays[name], array)
    assert after.tested.model.encoding == before.tested.model.encoding
    assert after.best_epoch == before.best_epoch
    assert after.evaluation.scores != before.evaluation.scores
    # the final model, fitted on everything, is to know it
    assert after.final.model.encoding["target_center"] != before.final.model.encoding["target_center"]
