"""Tagging words by their context."""

from elman.runs.task import Task
from elman.tasks.tag.settings import TagSettings
from elman.tasks.tag.tagger import Tagger

TASK = Task(
    Tagger,
    help="train a model to tag the words of sentences",
    data_help="file with a word and its tag on each line, sentences separated by blank lines",
    test_help="a file of the same kind: the test",
    validation_help="a file of the same kind that chooses the epoch",
)

__all__ = ["TASK", "TagSettings", "Tagger"]
