"""A task of the tests: the running mean of each sequence at every step. One folder, and one line in ``TASKS``."""

from elman.runs.task import Task
from tests.tasks.toy.averager import Averager

TASK = Task(Averager, help="train a model to average", data_help="CSV file with a sequence a row")
