"""What a task hands to the floors above it: examples, problems, predictors, evaluations, figures. No torch."""

from elman.learning.candidate import Candidate
from elman.learning.evaluation import Breakdown, Columns, Evaluation, Metric
from elman.learning.example import Answer, Example
from elman.learning.examples import Examples
from elman.learning.figure import Drawing, Figure, Gallery, HeatMap, HeatMaps, Line, Matrix, Picture
from elman.learning.predictor import Predictor
from elman.learning.problem import Problem

__all__ = [
    "Answer",
    "Breakdown",
    "Candidate",
    "Columns",
    "Drawing",
    "Evaluation",
    "Example",
    "Examples",
    "Figure",
    "Gallery",
    "HeatMap",
    "HeatMaps",
    "Line",
    "Matrix",
    "Metric",
    "Picture",
    "Predictor",
    "Problem",
]
