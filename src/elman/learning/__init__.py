"""What a task hands to the floors above it: examples, problems, predictors, evaluations, figures. No torch."""

from elman.learning.evaluation import Columns, Evaluation, Metric
from elman.learning.examples import Examples
from elman.learning.figure import Figure, Line
from elman.learning.predictor import Predictor
from elman.learning.problem import Problem

__all__ = ["Columns", "Evaluation", "Examples", "Figure", "Line", "Metric", "Predictor", "Problem"]
