"""Writing: a model of a text, a character or a byte at a time."""

from elman.runs.task import Task
from elman.tasks.language.language_model import LanguageModel
from elman.tasks.language.settings import LanguageSettings

TASK = Task(
    LanguageModel,
    help="train a model that writes like a text",
    data_help="UTF-8 text file, a folder of .txt files, or - for standard input; several are read one after the other",
    test_help="the test: another text",
    validation_help="another text, which chooses the epoch",
    many_files=True,
    long_epochs=True,
)

__all__ = ["TASK", "LanguageModel", "LanguageSettings"]
