"""Telling the class of sequences."""

from elman.runs.task import Task
from elman.tasks.classify.classifier import SequenceClassifier
from elman.tasks.classify.settings import ClassifySettings

TASK = Task(
    SequenceClassifier,
    help="train a model to tell the class of sequences",
    data_help="CSV, Parquet, .ts or .npz file, or a folder of MNIST's files",
    test_help="a file of the same kind: the test",
)

__all__ = ["TASK", "ClassifySettings", "SequenceClassifier"]
