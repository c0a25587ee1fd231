"""What a task hands to the floors above it: examples, problems, predictors, evaluations, figures. No torch."""

from elman.learning.evaluation import Columns, Evaluation, Metric
from elman.learning.examples import Examples
from elman.learning.figure import Drawing, Figure, Gallery, Line, Matrix, Picture
from elman.learning.predictor import Predictor
from elman.learning.problem import Problem

__all__ = [
    "Columns",
    "Drawing",
    "Evaluation",
    "Examples",
    "Figure",
    "Gallery",
    "Line",
    "Matrix",
    "Metric",
    "Picture",
    "Predictor",
    "Problem",
]
