"""Regression on sequences: values told from inputs, at every step or once for a whole sequence."""

from elman.runs.task import Task
from elman.tasks.regress.regressor import SequenceRegressor
from elman.tasks.regress.settings import RegressSettings

TASK = Task(
    SequenceRegressor,
    help="train a model to tell values from sequences of inputs",
    test_help="a file whose sequences are the test; where the state is carried, such as follow on DATA's",
    watchable=True,
)

__all__ = ["TASK", "RegressSettings", "SequenceRegressor"]
